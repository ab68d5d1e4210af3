/* anthropic-place: what the tests with Anthropic's client share. */
import Anthropic from '@anthropic-ai/sdk';
import { env } from './place.mjs';

export function clientOf(more = {}) {
    return new Anthropic({ baseURL: env('NODE'), apiKey: 'none', maxRetries: 0, ...more });
}

export const messages = clientOf().messages;
export const user = (content) => [{ role: 'user', content }];
export const TALE = user('Tell me of the sea');

/* An answer that does not end by itself while a test watches: of the engine, whose format for that
 * (ignore_eos) this API has no word for, eight seconds of a schema. */
export function longOf(p) {
    const schema = { type: 'array', items: { type: 'string', minLength: 200 }, minItems: 200 };
    const format = p.name === 'engine' ? { output_config: { format: { type: 'json_schema', schema } } } : {};
    return { model: p.model, max_tokens: 15000, ...format };
}
