/* errors: each refusal is the class that a program catches, and says what to do. */
import assert from 'node:assert/strict';
import OpenAI from 'openai';
import { clientOf, cloud, env } from './place.mjs';

const client = clientOf();
const chat = client.chat.completions;
const TALE = [{ role: 'user', content: 'Tell me of the sea' }];

/* Providers to spoil, one a use: `fault0/big`, ...  test/sdk/run has them configured. */
const faults = (function* () {
    for (let i = 0;; i++)
        yield `fault${i}/big`;
})();

/* The error that came: of this class, in OpenAI's shape. */
async function refused(promise, type) {
    let error;
    try {
        await promise;
    } catch (caught) {
        error = caught;
    }
    assert.ok(error, `no ${type.name}: it was answered`);
    assert.equal(error.constructor.name, type.name, `${error.constructor.name}: ${error.message}`);
    for (const member of ['message', 'type', 'param', 'code'])
        assert.ok(member in error.error, `error.${member} is missing`);
    assert.ok(error.error.message.length > 10, error.error.message);
    return error;
}

function counted(more) {
    const tries = [];
    const fetchCounted = (url, init) => {
        tries.push(new Headers(init.headers).get('x-stainless-retry-count'));
        return fetch(url, init);
    };
    return [clientOf({ fetch: fetchCounted, ...more }), tries];
}

export const both = [
    ['400 BadRequestError names the parameter', async (p) => {
        const wrongs = [
            [{ temperature: 9 }, 'temperature'], [{ n: 0 }, 'n'], [{ top_logprobs: 3 }, 'top_logprobs'],
            [{ response_format: { type: 'xml' } }, 'response_format.type'],
            [{ messages: [{ role: 'nobody', content: 'x' }] }, 'messages[0].role'],
            [{ messages: [] }, 'messages'],
            [{ tools: [{ type: 'function', function: {} }] }, 'tools[0].function.name'],
        ];
        for (const [wrong, param] of wrongs) {
            const error = await refused(chat.create({ model: p.model, messages: TALE, ...wrong }), OpenAI.BadRequestError);
            assert.equal(error.param, param, JSON.stringify(wrong));
            assert.equal(error.type, 'invalid_request_error');
            assert.ok(error.message.includes(param.split('.')[0]), error.message);
        }
        await refused(chat.create({ model: p.model, messages: TALE, stream: true, temperature: 9 }), OpenAI.BadRequestError);
    }],
    ['404 NotFoundError for a model that is not there', async (p) => {
        const name = `${p.model.split('/')[0]}/none-such`;
        const error = await refused(chat.create({ model: name, messages: TALE }), OpenAI.NotFoundError);
        assert.equal(error.code, 'model_not_found');
        assert.equal(error.param, 'model');
        assert.ok(error.message.includes(p.model), `does not tell what there is: ${error.message}`);
        await refused(client.models.retrieve(name), OpenAI.NotFoundError);
    }],
    ['404 NotFoundError for a path that is not there', async () => {
        await refused(client.post('/no/such/path', { body: {} }), OpenAI.NotFoundError);
    }],
];

export const onlyEngine = [
    ['a label that keeps it here is no obstacle', async (p) => {
        await cloud.plays();
        const { response } = await chat
            .create({ model: p.model, messages: TALE, ...p.short }, { headers: { 'Nigh-Label': 'device' } })
            .withResponse();
        assert.equal(response.headers.get('Nigh-Zone'), 'device');
        const { response: other } = await chat
            .create({ model: 'auto', messages: TALE, metadata: { nigh_label: 'device' }, ...p.short })
            .withResponse();
        assert.equal(other.headers.get('Nigh-Place'), p.model);
        assert.equal((await cloud.seen()).bytes_in, 0);
    }],
    ['longer than the context: 400, context_length_exceeded', async (p) => {
        const long = [{ role: 'user', content: 'once upon a time '.repeat(20_000) }];
        const error = await refused(chat.create({ model: p.model, messages: long }), OpenAI.BadRequestError);
        assert.match(error.message, /context/);
        assert.equal(error.code, 'context_length_exceeded');
    }],
];

export const onlyCloud = [
    ['a label that forbids it: 403 PermissionDeniedError, names label and place', async (p) => {
        const ways = [
            [{}, { headers: { 'Nigh-Label': 'device' } }],
            [{ stream: true }, { headers: { 'Nigh-Label': 'device' } }],
            [{ metadata: { nigh_label: 'device' } }],
        ];
        for (const [more, options] of ways) {
            const answer = chat.create({ model: p.model, messages: TALE, ...more }, options);
            const error = await refused(answer, OpenAI.PermissionDeniedError);
            assert.match(error.message, /device/);
            assert.match(error.message, new RegExp(p.model));
            assert.doesNotMatch(error.message, /the sea/);
        }
        assert.equal((await p.seen()).requests, 0);
    }],
    ['a label that is none of ours: 400, never guessed', async (p) => {
        const error = await refused(
            chat.create({ model: p.model, messages: TALE, metadata: { nigh_label: 'devise' } }), OpenAI.BadRequestError);
        assert.match(error.message, /devise/);
        assert.equal((await p.seen()).requests, 0);
    }],
    ['429 RateLimitError with the time to wait, which the next one is told at once', async (p) => {
        const waits = (error) => {
            const wait = Number(error.headers.get('retry-after'));
            assert.ok(wait >= 30 && wait <= 40, `Retry-After ${wait}`);
        };
        const ask = { model: faults.next().value, messages: TALE };
        await p.plays({ status: 429, headers: { 'Retry-After': '40' } });
        const error = await refused(chat.create(ask), OpenAI.RateLimitError);
        waits(error);
        assert.equal(error.code, 'rate_limit_exceeded');
        const { requests } = await p.seen();
        assert.ok(requests <= 2, `${requests} tries`);
        await assert.rejects(chat.create(ask), (next) => {
            assert.ok([429, 503].includes(next.status), String(next));
            waits(next);
            return true;
        });
        assert.equal((await p.seen()).requests, requests);
    }],
    ['429 without end and without a time: a RateLimitError, after at most six tries', async (p) => {
        await p.plays({ status: 429 });
        const ask = { model: faults.next().value, messages: TALE, stream: true };
        await refused(chat.create(ask), OpenAI.RateLimitError);
        const { requests } = await p.seen();
        assert.ok(requests >= 2 && requests <= 6, `${requests} tries`);
    }],
    ['500 and 503 InternalServerError, as whole answer and as stream', async (p) => {
        for (const status of [500, 503])
            for (const stream of [false, true]) {
                const model = faults.next().value;
                await p.plays({ status });
                const error = await refused(chat.create({ model, messages: TALE, stream }), OpenAI.InternalServerError);
                assert.ok(error.status >= 500);
                assert.ok((await p.seen()).requests >= 1);
            }
    }],
    ['the cloud\'s own 400 comes back in its words', async (p) => {
        await p.plays({ status: 400, error: 'context' });
        const error = await refused(chat.create({ model: p.model, messages: TALE }), OpenAI.BadRequestError);
        assert.equal(error.code, 'context_length_exceeded');
        assert.equal(error.param, 'messages');
        assert.match(error.message, /maximum context length/);
        await p.plays({ status: 400, error: 'filter' });
        const other = await refused(chat.create({ model: p.model, messages: TALE }), OpenAI.BadRequestError);
        assert.equal(other.code, 'content_filter');
        assert.equal((await p.seen()).requests, 1);
    }],
    ['a stream that breaks is an error, never an end', async (p) => {
        for (const act of [{ cut_after: 4 }, { cut_after: 4, cut_clean: true }, { error_after: 4 }, { bad_json_at: 4 }]) {
            const ask = { model: faults.next().value, messages: TALE };
            await p.plays({ tokens: 12, ...act });
            const stream = await chat.create({ ...ask, stream: true });
            let text = '';
            await assert.rejects(async () => {
                for await (const chunk of stream)
                    text += chunk.choices[0]?.delta.content ?? '';
            }, (error) => {
                assert.ok(error instanceof OpenAI.OpenAIError || error instanceof TypeError, String(error));
                return true;
            }, JSON.stringify(act));
            assert.ok(text.length > 0, `nothing before ${JSON.stringify(act)}`);
            await p.plays({ tokens: 12, ...act });
            await assert.rejects(chat.stream(ask).finalChatCompletion(),
                                 OpenAI.OpenAIError, JSON.stringify(act));
        }
    }],
    ['maxRetries: so many and no more; a 400 is not tried again', async (p) => {
        await p.plays({ status: 503 });
        let ask;
        for (const maxRetries of [0, 2]) { /* it waits between them as long as nigh tells it to */
            ask = { model: faults.next().value, messages: TALE };
            const [mine, tries] = counted({ maxRetries });
            await refused(mine.chat.completions.create(ask), OpenAI.InternalServerError);
            assert.deepEqual(tries, Array.from({ length: maxRetries + 1 }, (_, i) => String(i)));
        }
        const [mine, tries] = counted({ maxRetries: 2 });
        await refused(mine.chat.completions.create({ ...ask, temperature: 9 }), OpenAI.BadRequestError);
        assert.equal(tries.length, 1);
    }],
    ['one 500 is nigh\'s to try again: the program sees none of it', async (p) => {
        await p.plays();
        await fetch(`${env('STANDIN')}/control`, { method: 'POST', body: JSON.stringify([{ status: 500 }]) });
        const [mine, tries] = counted({ maxRetries: 2 });
        await mine.chat.completions.create({ model: p.model, messages: TALE });
        assert.equal(tries.length, 1);
        assert.equal((await p.seen()).requests, 2);
    }],
    ['nobody listens: APIConnectionError', async () => {
        await assert.rejects(
            clientOf({ baseURL: 'http://127.0.0.1:1/v1' }).models.list(), OpenAI.APIConnectionError);
    }],
];

/* On a node of its own: once it has a key, it asks everybody for one. */
export const locked = [
    ['401 AuthenticationError once a key was made; with it, answers; revoked, none', async () => {
        const base = env('LOCKED');
        const as = (apiKey) => clientOf({ baseURL: `${base}/v1`, apiKey }).chat.completions;
        const ask = { model: cloud.model, messages: TALE };
        const newKey = async (name, by) => {
            const response = await fetch(`${base}/nigh/v1/keys`, {
                method: 'POST',
                headers: { 'content-type': 'application/json', ...(by && { authorization: `Bearer ${by}` }) },
                body: JSON.stringify({ name }),
            });
            assert.equal(response.status, 200, await response.clone().text());
            return (await response.json()).key;
        };
        await cloud.plays();
        await as('none').create(ask); /* no keys: whoever reaches the port may ask */
        const first = await newKey('first', env('LOCAL_KEY')); /* nobody else may, even on loopback */
        const second = await newKey('second', first);
        await cloud.plays();
        for (const key of ['none', first.slice(0, -1), `${first}x`]) {
            const error = await refused(as(key).create(ask), OpenAI.AuthenticationError);
            assert.equal(error.code, 'invalid_api_key');
            assert.ok(!error.message.includes(key), 'the text holds the key');
        }
        await refused(as('none').create({ ...ask, stream: true }), OpenAI.AuthenticationError);
        await assert.rejects(clientOf({ baseURL: `${base}/v1` }).models.list(), OpenAI.AuthenticationError);
        assert.equal((await cloud.seen()).requests, 0);
        await as(first).create(ask);
        await as(second).create(ask);
        assert.doesNotMatch((await cloud.seen()).log.at(-1).head, /nigh_/);
        const gone = await fetch(`${base}/nigh/v1/keys/second`, {
            method: 'DELETE', headers: { authorization: `Bearer ${first}` },
        });
        assert.equal(gone.status, 200);
        await refused(as(second).create(ask), OpenAI.AuthenticationError);
        await as(first).create(ask);
    }],
];
