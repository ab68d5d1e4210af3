/* ai-openai: Vercel's `ai` with `@ai-sdk/openai-compatible`, pointed at a node.  The list is walked twice,
 * as `ai-openai engine:` and as `ai-openai cloud:`; see README.md of what the tiny model cannot show. */
import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import { APICallError, generateObject, generateText, jsonSchema, stepCountIs, streamObject, streamText, tool } from 'ai';
import assert from 'node:assert/strict';
import { cloud, engine, env } from './place.mjs';
import { end, skip, test, until } from './tap.mjs';

const providerOf = (more = {}) => createOpenAICompatible({
    name: 'nigh', baseURL: `${env('NODE')}/v1`, apiKey: 'none', includeUsage: true, supportsStructuredOutputs: true, ...more,
});
const provider = providerOf();
const PROMPT = 'Tell me of the sea';
const shortOf = (p) => ({ maxRetries: 0, ...(p.short.max_tokens && { maxOutputTokens: p.short.max_tokens }) });
const schemaOf = (properties) => jsonSchema({
    type: 'object', properties, required: Object.keys(properties), additionalProperties: false,
});
const PIXEL =
    'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';

/* A tool that counts how often it ran. */
function weatherOf(ran, result = { sky: 'rain 🌧' }) {
    return {
        get_weather: tool({
            description: 'The weather',
            inputSchema: schemaOf({ city: { type: 'string', enum: ['Łódź 🌧'] }, days: { type: 'integer', minimum: 3 } }),
            execute: async (input) => {
                ran.push(input);
                if (result instanceof Error)
                    throw result;
                return result;
            },
        }),
    };
}

async function collect(stream) {
    const parts = [];
    for await (const part of stream)
        parts.push(part);
    return parts;
}

function usageFits(usage) {
    assert.ok(usage.inputTokens > 0 && usage.outputTokens > 0, JSON.stringify(usage));
    assert.equal(usage.totalTokens, usage.inputTokens + usage.outputTokens);
}

async function refused(promise) {
    try {
        await promise;
    } catch (error) {
        return error;
    }
    return assert.fail('it was answered');
}

const both = [
    ['generateText: words, why it ended, usage, who answered', async (p) => {
        const got = await generateText({ model: provider(p.model), prompt: PROMPT, ...shortOf(p) });
        assert.ok(got.text.length > 0);
        assert.ok(['stop', 'length'].includes(got.finishReason), got.finishReason);
        usageFits(got.usage);
        assert.equal(got.response.modelId, p.model);
        assert.match(got.response.id, /^chatcmpl-/);
        assert.equal(got.response.headers['nigh-place'], p.model);
        assert.deepEqual(got.warnings ?? [], []);
    }],
    ['streamText: the pieces are the text; usage and why it ended', async (p) => {
        const got = streamText({ model: provider(p.model), prompt: PROMPT, ...shortOf(p) });
        const pieces = await collect(got.textStream);
        assert.ok(pieces.length > 1, `${pieces.length} pieces are no stream`);
        assert.equal(pieces.join(''), await got.text);
        assert.ok(['stop', 'length'].includes(await got.finishReason));
        usageFits(await got.usage);
        assert.equal((await got.response).modelId, p.model);
    }],
    ['streamText: the parts of the full stream are in order', async (p) => {
        const parts = await collect(streamText({ model: provider(p.model), prompt: PROMPT, ...shortOf(p) }).fullStream);
        const types = parts.map(({ type }) => type).filter((type, i, all) => type !== all[i - 1]);
        assert.deepEqual(types, ['start', 'start-step', 'text-start', 'text-delta', 'text-end', 'finish-step', 'finish']);
    }],
    ['system, history, stop, temperature, seed, limits are taken', async (p) => {
        const got = await generateText({
            model: provider(p.model),
            system: 'Be brief.',
            messages: [
                { role: 'user', content: [{ type: 'text', text: 'Hello' }, { type: 'text', text: ' there' }] },
                { role: 'assistant', content: [{ type: 'reasoning', text: 'a greeting' }, { type: 'text', text: 'Yes?' }] },
                { role: 'user', content: 'Go on 🌍' },
            ],
            temperature: 0.5, topP: 0.9, seed: 7, presencePenalty: 0.1, frequencyPenalty: 0.1,
            stopSequences: ['never said so'], maxOutputTokens: 5, maxRetries: 0,
        });
        assert.equal(got.finishReason, 'length');
        assert.equal(got.usage.outputTokens, 5);
    }],
    ['generateObject: the schema holds, whole and streamed', async (p) => {
        const ask = {
            model: provider(p.model), prompt: 'A colour', maxRetries: 0,
            schema: schemaOf({ colour: { type: 'string', enum: ['red', 'blue'] }, words: { const: 'Zoë 🌍 日本語' } }),
        };
        const whole = await generateObject(ask);
        assert.ok(['red', 'blue'].includes(whole.object.colour));
        assert.equal(whole.object.words, 'Zoë 🌍 日本語');
        usageFits(whole.usage);
        const streamed = streamObject(ask);
        const partial = await collect(streamed.partialObjectStream);
        assert.ok(partial.length > 0);
        assert.deepEqual(partial.at(-1), await streamed.object);
        assert.equal((await streamed.object).words, 'Zoë 🌍 日本語');
    }],
    ['a conversation with calls and results is taken', async (p) => {
        const got = await generateText({
            model: provider(p.model),
            messages: [
                { role: 'user', content: 'How is the weather?' },
                {
                    role: 'assistant', content: [
                        { type: 'tool-call', toolCallId: 'a', toolName: 'get_weather', input: { city: 'Łódź 🌧', days: 3 } },
                        { type: 'tool-call', toolCallId: 'b', toolName: 'get_weather', input: {} },
                    ],
                },
                {
                    role: 'tool', content: [
                        { type: 'tool-result', toolCallId: 'a', toolName: 'get_weather', output: { type: 'json', value: { sky: 'rain' } } },
                        { type: 'tool-result', toolCallId: 'b', toolName: 'get_weather', output: { type: 'error-text', value: 'no city' } },
                    ],
                },
            ],
            tools: weatherOf([]), ...shortOf(p),
        });
        assert.ok(got.text.length > 0);
    }],
    ['errors: 400 is an APICallError with our text, not retried', async (p) => {
        const error = await refused(generateText({ model: provider(p.model), prompt: PROMPT, temperature: 9, maxRetries: 2 }));
        assert.ok(APICallError.isInstance(error), String(error));
        assert.equal(error.statusCode, 400);
        assert.equal(error.isRetryable, false);
        assert.match(error.message, /temperature/);
        assert.equal(error.data.error.param, 'temperature');
        const streamed = streamText({ model: provider(p.model), prompt: PROMPT, temperature: 9, maxRetries: 0, onError: () => {} });
        const parts = await collect(streamed.fullStream);
        assert.equal(parts.find(({ type }) => type === 'error').error.statusCode, 400);
    }],
    ['errors: 404 for a model that is not there', async (p) => {
        const error = await refused(generateText({ model: provider(`${p.name}/none-such`), prompt: PROMPT, maxRetries: 0 }));
        assert.equal(error.statusCode, 404);
        assert.equal(error.data.error.code, 'model_not_found');
    }],
    ['abort: a stream left in the middle stops upstream within a second', async (p) => {
        await p.playsLong();
        const control = new AbortController();
        const got = streamText({
            model: providerOf({ transformRequestBody: (body) => ({ ...body, ...p.long }) })(p.model),
            prompt: PROMPT, maxRetries: 0, abortSignal: control.signal,
        });
        let pieces = 0;
        let aborted = false;
        for await (const { type } of got.fullStream) {
            pieces += type === 'text-delta';
            aborted ||= type === 'abort';
            if (pieces === 5 && !control.signal.aborted) {
                await until(async () => (await p.busy()) === 1, 10_000, `the ${p.name} works for us`);
                control.abort();
            }
        }
        assert.ok(pieces >= 5 && aborted);
        await p.aborted();
    }],
    ['abort: before the first byte of a whole answer', async (p) => {
        await p.playsLong();
        const control = new AbortController();
        const ended = refused(generateText({
            model: providerOf({ transformRequestBody: (body) => ({ ...body, ...p.long }) })(p.model),
            prompt: PROMPT, maxRetries: 0, abortSignal: control.signal,
        }));
        await until(async () => (await p.busy()) === 1, 10_000, `the ${p.name} works for us`);
        control.abort();
        assert.equal((await ended).name, 'AbortError');
        await p.aborted();
    }],
];

const onlyCloud = [
    ['tools: several steps: a call, its result, words', async (p) => {
        for (const stream of [false, true]) {
            const ran = [];
            const ask = {
                model: provider(p.model), prompt: 'How is the weather?', tools: weatherOf(ran),
                stopWhen: stepCountIs(4), maxRetries: 0,
            };
            const got = stream ? streamText(ask) : await generateText(ask);
            const steps = await got.steps;
            assert.equal(steps.length, 2);
            assert.equal(steps[0].finishReason, 'tool-calls');
            assert.equal(steps[0].toolCalls[0].toolName, 'get_weather');
            assert.deepEqual(ran, [{ city: 'Łódź 🌧', days: 3 }]);
            assert.equal(steps[1].finishReason, 'stop');
            assert.ok((await got.text).length > 0);
            const { messages } = await p.got();
            assert.equal(messages.at(-1).role, 'tool');
            assert.equal(messages.at(-1).tool_call_id, steps[0].toolCalls[0].toolCallId);
            assert.match(JSON.stringify(messages.at(-1).content), /rain 🌧/);
            assert.equal(messages.at(-2).tool_calls[0].id, steps[0].toolCalls[0].toolCallId);
        }
    }],
    ['tools: three calls at once, in pieces; a tool that fails is told', async (p) => {
        await p.plays({ calls: 3 });
        const ran = [];
        const parts = await collect(streamText({
            model: provider(p.model), prompt: 'How is the weather?', tools: weatherOf(ran, new Error('no sky today')),
            stopWhen: stepCountIs(2), maxRetries: 0,
        }).fullStream);
        const calls = parts.filter(({ type }) => type === 'tool-call');
        assert.equal(calls.length, 3);
        assert.equal(new Set(calls.map(({ toolCallId }) => toolCallId)).size, 3);
        assert.equal(ran.length, 3);
        const { messages } = await p.got();
        assert.equal(messages.filter(({ role }) => role === 'tool').length, 3);
        assert.match(JSON.stringify(messages), /no sky today/);
    }],
    ['tools: toolChoice travels', async (p) => {
        const named = await generateText({
            model: provider(p.model), prompt: 'x', tools: weatherOf([]), maxRetries: 0,
            toolChoice: { type: 'tool', toolName: 'get_weather' },
        });
        assert.equal(named.toolCalls.length, 1);
        assert.deepEqual((await p.got()).tool_choice, { type: 'function', function: { name: 'get_weather' } });
        const none = await generateText({ model: provider(p.model), prompt: 'x', tools: weatherOf([]), toolChoice: 'none', maxRetries: 0 });
        assert.equal(none.toolCalls.length, 0);
    }],
    ['images travel', async (p) => {
        await generateText({
            model: provider(p.model), maxRetries: 0,
            messages: [{ role: 'user', content: [{ type: 'text', text: 'What is it?' }, { type: 'image', image: PIXEL, mediaType: 'image/png' }] }],
        });
        const [text, image] = (await p.got()).messages[0].content;
        assert.equal(text.text, 'What is it?');
        assert.equal(image.image_url.url, `data:image/png;base64,${PIXEL}`);
    }],
    ['errors: 500 from the place: retried by us, then told as one that may be tried again', async () => {
        const name = 'fault12/big';
        await cloud.plays({ model_is: 'big', status: 500, error: 'server' });
        const error = await refused(generateText({ model: provider(name), prompt: PROMPT, maxRetries: 0 }));
        assert.ok(APICallError.isInstance(error) && error.statusCode >= 500, String(error));
        assert.equal(error.isRetryable, true);
    }],
    ['errors: a stream that breaks is an error, never an end', async () => {
        await cloud.plays({ tokens: 60, cut_after: 20 });
        const errors = [];
        const got = streamText({
            model: provider('fault13/big'), prompt: PROMPT, maxRetries: 0, onError: ({ error }) => errors.push(error),
        });
        const parts = await collect(got.fullStream).catch((error) => [{ type: 'error', error }]);
        assert.ok(parts.some(({ type }) => type === 'error'), JSON.stringify(parts.at(-1)));
        assert.ok(errors.length > 0);
    }],
    ['errors: generateObject says so when what came is not the object', async (p) => {
        globalThis.AI_SDK_LOG_WARNINGS = false; /* that the schema is not sent is what is wanted here */
        const validate = (value) => ('colour' in value ? { success: true, value } : { success: false, error: new Error('no colour') });
        const error = await refused(generateObject({
            model: providerOf({ supportsStructuredOutputs: false })(p.model), prompt: 'A colour', maxRetries: 0,
            schema: jsonSchema({ type: 'object', properties: { colour: { type: 'string' } } }, { validate }),
        }));
        assert.equal(error.name, 'AI_NoObjectGeneratedError');
    }],
];

for (const [name, run] of both)
    if (env('NO_ENGINE'))
        skip(`ai-openai engine: ${name}`, env('NO_ENGINE'));
    else
        await test(`ai-openai engine: ${name}`, () => run(engine));
for (const [name, run] of [...both, ...onlyCloud])
    await test(`ai-openai cloud: ${name}`, async () => {
        await cloud.plays();
        await run(cloud);
    });
process.exit(end());
