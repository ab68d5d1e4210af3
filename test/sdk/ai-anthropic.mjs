/* ai-anthropic: Vercel's `ai` with `@ai-sdk/anthropic`, pointed at a node, walked as ai-openai.mjs is. */
import { createAnthropic } from '@ai-sdk/anthropic';
import { APICallError, generateObject, generateText, jsonSchema, stepCountIs, streamObject, streamText, tool } from 'ai';
import assert from 'node:assert/strict';
import { longOf } from './anthropic-place.mjs';
import { cloud, engine, env } from './place.mjs';
import { end, skip, test, until } from './tap.mjs';

const providerOf = (more = {}) => createAnthropic({ baseURL: `${env('NODE')}/v1`, apiKey: 'none', ...more });
const provider = providerOf();
const PROMPT = 'Tell me of the sea';
const SHORT = { maxOutputTokens: 24, maxRetries: 0 };
const schemaOf = (properties) => jsonSchema({
    type: 'object', properties, required: Object.keys(properties), additionalProperties: false,
});

/* A tool that counts how often it ran. */
const weatherOf = (ran, result = { sky: 'rain 🌧' }) => ({
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
});

async function collect(stream) {
    const parts = [];
    for await (const part of stream)
        parts.push(part);
    return parts;
}

async function refused(promise) {
    try {
        await promise;
    } catch (error) {
        return error;
    }
    return assert.fail('it was answered');
}

/* A model whose requests are made longer lasting on their way. */
const longModel = (p) => providerOf({
    fetch: (url, init) => fetch(url, { ...init, body: JSON.stringify({ ...JSON.parse(init.body), ...longOf(p) }) }),
})(p.model);

const both = [
    ['generateText: words, why it ended, usage, who answered', async (p) => {
        const got = await generateText({ model: provider(p.model), prompt: PROMPT, ...SHORT });
        assert.ok(got.text.length > 0);
        assert.ok(['stop', 'length'].includes(got.finishReason), got.finishReason);
        assert.ok(got.usage.inputTokens > 0 && got.usage.outputTokens > 0, JSON.stringify(got.usage));
        assert.equal(got.response.modelId, p.model);
        assert.match(got.response.id, /^msg_/);
        assert.equal(got.response.headers['nigh-place'], p.model);
    }],
    ['streamText: the pieces are the text; the parts are in order', async (p) => {
        const got = streamText({ model: provider(p.model), prompt: PROMPT, ...SHORT });
        const parts = await collect(got.fullStream);
        const types = parts.map(({ type }) => type).filter((type, i, all) => type !== all[i - 1]);
        assert.deepEqual(types, ['start', 'start-step', 'text-start', 'text-delta', 'text-end', 'finish-step', 'finish']);
        assert.equal(parts.filter(({ type }) => type === 'text-delta').map(({ text }) => text).join(''), await got.text);
        assert.ok((await got.usage).outputTokens > 0);
    }],
    ['system, history, thinking, stop, temperature, limits are taken', async (p) => {
        const got = await generateText({
            model: provider(p.model), system: 'Be brief.',
            messages: [
                { role: 'user', content: [{ type: 'text', text: 'Hello' }, { type: 'text', text: ' there' }] },
                { role: 'assistant', content: [
                    { type: 'reasoning', text: 'a greeting', providerOptions: { anthropic: { signature: 'c2ln' } } },
                    { type: 'text', text: 'Yes?' }] },
                { role: 'user', content: 'Go on 🌍' },
            ],
            temperature: 0.5, topK: 40, stopSequences: ['never said so'], maxOutputTokens: 5, maxRetries: 0,
        });
        assert.equal(got.finishReason, 'length');
        assert.equal(got.usage.outputTokens, 5);
    }],
    ['a conversation with calls and results is taken', async (p) => {
        const got = await generateText({
            model: provider(p.model),
            messages: [
                { role: 'user', content: 'How is the weather?' },
                { role: 'assistant', content: [
                    { type: 'tool-call', toolCallId: 'a', toolName: 'get_weather', input: { city: 'Łódź 🌧', days: 3 } },
                    { type: 'tool-call', toolCallId: 'b', toolName: 'get_weather', input: {} }] },
                { role: 'tool', content: [
                    { type: 'tool-result', toolCallId: 'a', toolName: 'get_weather', output: { type: 'json', value: { sky: 'rain' } } },
                    { type: 'tool-result', toolCallId: 'b', toolName: 'get_weather', output: { type: 'error-text', value: 'no city' } }] },
            ],
            tools: weatherOf([]), ...SHORT,
        });
        assert.ok(got.text.length > 0);
    }],
    ['errors: 400 is an APICallError with our text, not retried', async (p) => {
        const ask = { model: provider(p.model), prompt: PROMPT, topK: -3, ...SHORT };
        const error = await refused(generateText({ ...ask, maxRetries: 2 }));
        assert.ok(APICallError.isInstance(error), String(error));
        assert.equal(error.statusCode, 400);
        assert.equal(error.isRetryable, false);
        assert.match(error.message, /^top_k: /);
        assert.equal(error.data.error.type, 'invalid_request_error');
        const parts = await collect(streamText({ ...ask, onError: () => {} }).fullStream);
        assert.equal(parts.find(({ type }) => type === 'error').error.statusCode, 400);
    }],
    ['errors: 404 for a model that is not there', async (p) => {
        const error = await refused(generateText({ model: provider(`${p.name}/none-such`), prompt: PROMPT, ...SHORT }));
        assert.equal(error.statusCode, 404);
        assert.equal(error.data.error.type, 'not_found_error');
    }],
    ['abort: a stream left in the middle stops upstream within a second', async (p) => {
        await p.playsLong();
        const control = new AbortController();
        const got = streamText({ model: longModel(p), prompt: PROMPT, ...SHORT, abortSignal: control.signal });
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
        const ended = refused(generateText({ model: longModel(p), prompt: PROMPT, ...SHORT, abortSignal: control.signal }));
        await until(async () => (await p.busy()) === 1, 10_000, `the ${p.name} works for us`);
        control.abort();
        assert.equal((await ended).name, 'AbortError');
        await p.aborted();
    }],
];

const onlyCloud = [
    ['generateObject: the schema is a tool, whole and streamed', async (p) => {
        const ask = {
            model: provider(p.model), prompt: 'A colour', ...SHORT, maxOutputTokens: 200,
            schema: schemaOf({ colour: { type: 'string', enum: ['red', 'blue'] }, words: { type: 'string', enum: ['Zoë 🌍 日本語'] } }),
        };
        const whole = await generateObject(ask);
        assert.equal(whole.object.words, 'Zoë 🌍 日本語');
        const streamed = streamObject(ask);
        const partial = await collect(streamed.partialObjectStream);
        assert.deepEqual(partial.at(-1), await streamed.object);
    }],
    ['tools: several steps: a call, its result, words', async (p) => {
        for (const stream of [false, true]) {
            const ran = [];
            const ask = {
                model: provider(p.model), prompt: 'How is the weather?', tools: weatherOf(ran),
                stopWhen: stepCountIs(4), ...SHORT, maxOutputTokens: 200,
            };
            const got = stream ? streamText(ask) : await generateText(ask);
            const steps = await got.steps;
            assert.equal(steps.length, 2);
            assert.equal(steps[0].finishReason, 'tool-calls');
            assert.deepEqual(ran, [{ city: 'Łódź 🌧', days: 3 }]);
            assert.equal(steps[1].finishReason, 'stop');
            const { messages } = await p.got();
            assert.equal(messages.at(-1).role, 'tool');
            assert.equal(messages.at(-1).tool_call_id, steps[0].toolCalls[0].toolCallId);
            assert.match(JSON.stringify(messages.at(-1).content), /rain 🌧/);
        }
    }],
    ['tools: three calls at once, in pieces; a tool that fails is told', async (p) => {
        await p.plays({ calls: 3 });
        const ran = [];
        const parts = await collect(streamText({
            model: provider(p.model), prompt: 'How is the weather?', tools: weatherOf(ran, new Error('no sky today')),
            stopWhen: stepCountIs(2), ...SHORT, maxOutputTokens: 200,
        }).fullStream);
        const calls = parts.filter(({ type }) => type === 'tool-call');
        assert.equal(new Set(calls.map(({ toolCallId }) => toolCallId)).size, 3);
        assert.equal(ran.length, 3);
        const { messages } = await p.got();
        assert.equal(messages.filter(({ role }) => role === 'tool').length, 3);
        assert.match(JSON.stringify(messages), /no sky today/);
    }],
    ['tools: toolChoice travels', async (p) => {
        const named = await generateText({
            model: provider(p.model), prompt: 'x', tools: weatherOf([]), ...SHORT,
            toolChoice: { type: 'tool', toolName: 'get_weather' },
        });
        assert.equal(named.toolCalls.length, 1);
        assert.deepEqual((await p.got()).tool_choice, { type: 'function', function: { name: 'get_weather' } });
    }],
    ['errors: 500 from the place is told as one that may be tried again', async (p) => {
        await p.plays({ status: 500, error: 'server' });
        const error = await refused(generateText({ model: provider('fault18/big'), prompt: PROMPT, ...SHORT }));
        assert.ok(APICallError.isInstance(error) && error.statusCode >= 500, String(error));
        assert.equal(error.isRetryable, true);
    }],
    ['errors: a stream that breaks is an error, never an end', async (p) => {
        await p.plays({ tokens: 60, token_delay_ms: 5, cut_after: 20 });
        const errors = [];
        const got = streamText({
            model: provider('fault19/big'), prompt: PROMPT, ...SHORT, maxOutputTokens: 100, onError: ({ error }) => errors.push(error),
        });
        const parts = [];
        let thrown = null;
        try {
            for await (const part of got.fullStream)
                parts.push(part);
        } catch (error) {
            thrown = error;
        }
        assert.ok(parts.some(({ type }) => type === 'text-delta'));
        assert.ok(thrown || errors.length > 0, JSON.stringify(parts.at(-1)));
    }],
];

for (const [name, run] of both) {
    if (env('NO_ENGINE'))
        skip(`ai-anthropic engine: ${name}`, env('NO_ENGINE'));
    else
        await test(`ai-anthropic engine: ${name}`, () => run(engine));
}
for (const [name, run] of [...both, ...onlyCloud])
    await test(`ai-anthropic cloud: ${name}`, async () => {
        await cloud.plays();
        await run(cloud);
    });
process.exit(end());
