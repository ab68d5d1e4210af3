/* anthropic-errors: each refusal is the class that a program with Anthropic's client catches. */
import Anthropic from '@anthropic-ai/sdk';
import assert from 'node:assert/strict';
import { clientOf, messages, TALE, user } from './anthropic-place.mjs';
import { cloud, env } from './place.mjs';

/* The error that came: of this class, in Anthropic's shape, its text like this. */
export async function refused(promise, type, text) {
    let error;
    try {
        await promise;
    } catch (caught) {
        error = caught;
    }
    assert.ok(error, `no ${type.name}: it was answered`);
    assert.ok(error instanceof type, `${error.constructor.name}: ${error.message}`);
    assert.equal(error.error.type, 'error');
    assert.equal(typeof error.error.error.type, 'string');
    assert.match(error.error.error.message, text);
    return error;
}

const ask = (p, more = {}) => ({ model: p.model, max_tokens: 8, messages: TALE, ...more });

export const both = [
    ['400 BadRequestError names the field', async (p) => {
        const rows = [
            [{ temperature: 1.5 }, /^temperature: /],
            [{ max_tokens: undefined }, /^max_tokens: missing/],
            [{ messages: [{ role: 'robot', content: 'x' }] }, /^messages\[0\]\.role: /],
            [{ messages: user([{ type: 'text' }]) }, /^messages\[0\]\.content\[0\]\.text: /],
            [{ tools: [{ name: 'f' }] }, /^tools\[0\]\.input_schema: /],
            [{ thinking: { type: 'enabled' } }, /^thinking\.budget_tokens: /],
            [{ metadata: { nigh_lable: 'x' } }, /^metadata: /],
        ];
        for (const [more, text] of rows) {
            const error = await refused(messages.create(ask(p, more)), Anthropic.BadRequestError, text);
            assert.equal(error.type, 'invalid_request_error');
            assert.equal(error.requestID, error.headers.get('Nigh-Turn'));
            assert.equal(error.error.request_id, error.requestID);
            await refused(messages.create({ ...ask(p, more), stream: true }), Anthropic.BadRequestError, text);
        }
    }],
    ['404 NotFoundError for a model and for a path that are not there', async (p) => {
        await refused(messages.create(ask({ model: `${p.name}/none-such` })), Anthropic.NotFoundError, /none-such|no /);
        await refused(clientOf().models.retrieve('none-such'), Anthropic.NotFoundError, /no such model/);
        await refused(clientOf().post('/v1/messages/batches', { body: {} }), Anthropic.NotFoundError, /no such path/);
        const error = await refused(clientOf().get('/v1/messages'), Anthropic.APIError, /another method/);
        assert.equal(error.status, 405);
    }],
    ['tools that run at Anthropic are refused by name', async (p) => {
        const tools = [{ type: 'web_search_20250305', name: 'web_search' }];
        const error = await refused(messages.create(ask(p, { tools })), Anthropic.APIError, /web_search_20250305/);
        assert.equal(error.status, 501);
    }],
];

export const onlyEngine = [];

export const onlyCloud = [
    ['403 PermissionDeniedError: the label holds, by header and by metadata', async (p) => {
        await refused(messages.create(ask(p), { headers: { 'Nigh-Label': 'device' } }), Anthropic.PermissionDeniedError, /device/);
        await refused(messages.create(ask(p, { metadata: { nigh_label: 'device' } })), Anthropic.PermissionDeniedError, /device/);
        assert.equal((await p.seen()).requests, 0);
    }],
    ['metadata and cache marks stay out of another format', async (p) => {
        await messages.create(ask(p, {
            metadata: { user_id: 'someone', nigh_session: 's1' },
            system: [{ type: 'text', text: 'x', cache_control: { type: 'ephemeral' } }],
        }));
        assert.doesNotMatch(JSON.stringify(await p.got()), /someone|nigh_session|cache_control/);
    }],
    ['429 RateLimitError with the time to wait', async (p) => {
        await p.plays({ model_is: 'big', status: 429, error: 'rate', headers: { 'Retry-After': '61' } });
        const error = await refused(messages.create(ask({ model: 'fault14/big' })), Anthropic.RateLimitError, /./);
        assert.equal(error.type, 'rate_limit_error');
        assert.ok(Number(error.headers.get('retry-after')) > 0);
    }],
    ['5xx InternalServerError, which the client tries again', async (p) => {
        await p.plays({ status: 500, error: 'server' });
        await refused(messages.create(ask({ model: 'fault15/big' })), Anthropic.InternalServerError, /./);
        let tries = 0;
        const counting = clientOf({ maxRetries: 1, fetch: (...args) => { tries += 1; return fetch(...args); } });
        await refused(counting.messages.create(ask({ model: 'fault16/big' })), Anthropic.InternalServerError, /./);
        assert.equal(tries, 2);
    }],
    ['a stream that breaks is an error, never an end', async (p) => {
        await p.plays({ tokens: 60, token_delay_ms: 5, cut_after: 20 }); /* at once, the client would drop what it has not told */
        let deltas = 0;
        let stopped = false;
        await assert.rejects(async () => {
            for await (const { type } of await messages.create({ ...ask({ model: 'fault17/big' }), max_tokens: 100, stream: true })) {
                deltas += type === 'content_block_delta';
                stopped ||= type === 'message_stop';
            }
        }, Anthropic.APIError);
        assert.ok(deltas > 0 && !stopped);
    }],
    ['nobody listens: APIConnectionError', async () => {
        await assert.rejects(clientOf({ baseURL: 'http://127.0.0.1:1' }).messages.create(ask({ model: 'auto' })),
                             Anthropic.APIConnectionError);
    }],
    ['401 AuthenticationError on a node that has a key, which is taken as x-api-key', async () => {
        const base = env('LOCKED'); /* still without one: this suite runs before openai.mjs */
        const as = (apiKey) => clientOf({ baseURL: base, apiKey }).messages.create(ask(cloud));
        const made = await fetch(`${base}/nigh/v1/keys`, {
            method: 'POST', headers: { 'content-type': 'application/json', authorization: `Bearer ${env('LOCAL_KEY')}` },
            body: JSON.stringify({ name: 'anthropic' }),
        });
        const { key } = await made.json();
        assert.ok(key, 'no key was made');
        const error = await refused(as('none'), Anthropic.AuthenticationError, /key/);
        assert.equal(error.type, 'authentication_error');
        assert.equal((await as(key)).type, 'message');
        const gone = await fetch(`${base}/nigh/v1/keys/anthropic`, { method: 'DELETE', headers: { authorization: `Bearer ${key}` } });
        assert.equal(gone.status, 200);
    }],
];
