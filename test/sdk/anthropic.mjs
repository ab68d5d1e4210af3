/* anthropic: the official @anthropic-ai/sdk against a node.  usage: as of openai.mjs.
 *
 * The cloud is the stand-in, which speaks OpenAI's chat: what these tests see was translated there and
 * back.  How its answers' members fit the SDK's types is shapes.mjs's to show. */
import Anthropic from '@anthropic-ai/sdk';
import assert from 'node:assert/strict';
import * as errors from './anthropic-errors.mjs';
import { clientOf, longOf, messages, TALE, user } from './anthropic-place.mjs';
import { cloud, engine, env } from './place.mjs';
import { end, skip, test, until } from './tap.mjs';

const client = clientOf();
const PIXEL =
    'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';
const input_schema = {
    type: 'object',
    properties: { city: { type: 'string', enum: ['Łódź 🌧', 'Paris'] }, days: { type: 'integer', minimum: 3 } },
    required: ['city', 'days'],
    additionalProperties: false,
};
const WEATHER = { name: 'get_weather', description: 'The weather', input_schema };
const CLOCK = { name: 'get_time', input_schema: { type: 'object', properties: {} } };
const INPUT = { city: 'Łódź 🌧', days: 3 };
const ASK = user('How is the weather?');
const CALLED = [
    ...ASK,
    {
        role: 'assistant', content: [
            { type: 'text', text: 'I look.' },
            { type: 'tool_use', id: 'toolu_1', name: 'get_weather', input: INPUT },
            { type: 'tool_use', id: 'toolu_2', name: 'get_time', input: {} },
        ],
    },
    {
        role: 'user', content: [
            { type: 'tool_result', tool_use_id: 'toolu_1', content: 'rain' },
            { type: 'tool_result', tool_use_id: 'toolu_2', is_error: true, content: [{ type: 'text', text: 'no clock' }] },
            { type: 'text', text: 'Go on' },
        ],
    },
];

async function collect(stream) {
    const events = [];
    for await (const event of stream)
        events.push(event);
    return events;
}

const textOf = (message) => message.content.filter(({ type }) => type === 'text').map(({ text }) => text).join('');
const callsOf = (message) => message.content.filter(({ type }) => type === 'tool_use');

function messageFits(message, p) {
    assert.match(message.id, /^msg_[0-9A-Z]{26}$/);
    assert.equal(message.type, 'message');
    assert.equal(message.role, 'assistant');
    assert.equal(message.model, p.model);
    assert.ok(message.usage.output_tokens > 0, JSON.stringify(message.usage));
    const { input_tokens, cache_read_input_tokens, cache_creation_input_tokens } = message.usage;
    assert.ok(input_tokens + cache_read_input_tokens + cache_creation_input_tokens > 0);
    assert.equal(message.stop_sequence, null);
}

/* The order that Anthropic tells of: one block at a time, counted from 0. */
function eventsFit(events) {
    let open = null;
    let next = 0;
    assert.equal(events[0].type, 'message_start');
    assert.equal(events.at(-1).type, 'message_stop');
    assert.equal(events.at(-2).type, 'message_delta');
    for (const event of events.slice(1, -2)) {
        if (event.type === 'content_block_start') {
            assert.equal(open, null);
            assert.equal(event.index, next);
            open = next++;
        } else {
            assert.ok(['content_block_delta', 'content_block_stop'].includes(event.type), event.type);
            assert.equal(event.index, open);
            open = event.type === 'content_block_stop' ? null : open;
        }
    }
    assert.equal(open, null);
}

const both = [
    ['create: a message, words, usage', async (p) => {
        const got = await messages.create({ model: p.model, max_tokens: 24, messages: TALE });
        messageFits(got, p);
        assert.ok(textOf(got).length > 0);
        assert.ok(['end_turn', 'max_tokens'].includes(got.stop_reason), got.stop_reason);
        assert.ok(got.usage.nigh.id, 'no bill');
    }],
    ['create: system, history, wishes are taken; max_tokens ends it', async (p) => {
        const got = await messages.create({
            model: p.model, max_tokens: 5, system: [{ type: 'text', text: 'Be brief.', cache_control: { type: 'ephemeral' } }],
            messages: [...user('Hello'), { role: 'assistant', content: 'Yes?' }, ...user([{ type: 'text', text: 'Go on 🌍' }])],
            temperature: 0.5, top_p: 0.9, top_k: 40, stop_sequences: ['never said so'],
            metadata: { user_id: 'u1' }, service_tier: 'auto', thinking: { type: 'disabled' },
        });
        assert.equal(got.stop_reason, 'max_tokens');
        assert.equal(got.usage.output_tokens, 5);
    }],
    ['stream: raw events in their order, with final usage', async (p) => {
        const events = await collect(await messages.create({ model: p.model, max_tokens: 24, messages: TALE, stream: true }));
        eventsFit(events);
        assert.ok(events.filter(({ type }) => type === 'content_block_delta').length > 2, 'no stream');
        const last = events.at(-2);
        assert.ok(last.usage.output_tokens > 0 && last.usage.nigh.id);
        assert.equal(`msg_${last.usage.nigh.id}`, events[0].message.id);
    }],
    ['stream(): helper: text events, finalMessage', async (p) => {
        const stream = messages.stream({ model: p.model, max_tokens: 24, messages: TALE });
        let text = '';
        let blocks = 0;
        stream.on('text', (piece, snapshot) => {
            text += piece;
            assert.equal(text, snapshot);
        });
        stream.on('contentBlock', () => { blocks += 1; });
        const got = await stream.finalMessage();
        messageFits(got, p);
        assert.equal(blocks, 1);
        assert.equal(textOf(got), text);
        assert.equal(await stream.finalText(), text);
    }],
    ['stream: what it says is what it says whole', async (p) => {
        const same = { model: p.model, max_tokens: 24, messages: TALE, temperature: 0 };
        const whole = await messages.create(same);
        const streamed = await messages.stream(same).finalMessage();
        assert.equal(textOf(streamed), textOf(whole));
        assert.equal(streamed.stop_reason, whole.stop_reason);
    }],
    ['withResponse: who answered', async (p) => {
        const { data, response } = await messages.create({ model: p.model, max_tokens: 8, messages: TALE }).withResponse();
        assert.equal(response.headers.get('nigh-place'), p.model);
        assert.equal(response.headers.get('nigh-zone'), p.zone);
        assert.equal(data.id, `msg_${response.headers.get('nigh-turn')}`);
    }],
    ['parse(): output_config.format holds', async (p) => {
        const schema = {
            type: 'object', properties: { colour: { type: 'string', enum: ['red', 'blue'] }, words: { const: 'Zoë 🌍 日本語' } },
            required: ['colour', 'words'], additionalProperties: false,
        };
        const got = await messages.create({
            model: p.model, max_tokens: 200, messages: user('A colour'), output_config: { format: { type: 'json_schema', schema } },
        });
        const object = JSON.parse(textOf(got));
        assert.ok(['red', 'blue'].includes(object.colour));
        assert.equal(object.words, 'Zoë 🌍 日本語');
    }],
    ['tools: each tool_choice is taken', async (p) => {
        for (const tool_choice of [{ type: 'auto' }, { type: 'none' }, { type: 'any', disable_parallel_tool_use: true },
                                   { type: 'tool', name: 'get_time' }])
            messageFits(await messages.create({ model: p.model, max_tokens: 24, messages: ASK, tools: [WEATHER, CLOCK], tool_choice }), p);
    }],
    ['tools: a conversation with calls and results is taken, whole and streamed', async (p) => {
        const [asked, said, { content }] = CALLED;
        const results = { role: 'user', content: content.slice(0, 2) }; /* words would make the stand-in call again */
        const ask = { model: p.model, max_tokens: 24, messages: [asked, said, results], tools: [WEATHER, CLOCK] };
        assert.ok(textOf(await messages.create(ask)).length > 0);
        assert.ok(textOf(await messages.stream(ask).finalMessage()).length > 0);
    }],
    ['thinking that is sent back is taken', async (p) => {
        const got = await messages.create({
            model: p.model, max_tokens: 24, messages: [
                ...TALE,
                { role: 'assistant', content: [
                    { type: 'thinking', thinking: 'hm', signature: 'c2ln' }, { type: 'redacted_thinking', data: 'ZGF0YQ==' },
                    { type: 'text', text: 'The sea.' }] },
                ...user('More')],
        });
        assert.ok(textOf(got).length > 0);
    }],
    ['models: list and retrieve, in Anthropic\'s shape', async (p) => {
        const names = [];
        for await (const model of client.models.list()) {
            assert.equal(model.type, 'model');
            names.push(model.id);
        }
        assert.ok(names.includes('auto') && names.includes(p.model), names.join(' '));
        const page = await client.models.list();
        assert.equal(page.first_id, names[0]);
        assert.equal(page.last_id, names.at(-1));
        const one = await client.models.retrieve(p.model);
        assert.equal(one.id, p.model);
        assert.ok(Math.abs(new Date(one.created_at) - Date.now()) < 3600_000, one.created_at);
    }],
    ['abort: a stream left in the middle stops upstream within a second', async (p) => {
        await p.playsLong();
        const stream = await messages.create({ ...longOf(p), messages: TALE, stream: true });
        let deltas = 0;
        for await (const { type } of stream) {
            deltas += type === 'content_block_delta';
            if (deltas === 5) {
                await until(async () => (await p.busy()) === 1, 10_000, `the ${p.name} works for us`);
                stream.controller.abort();
            }
        }
        assert.ok(deltas >= 5);
        await p.aborted();
    }],
    ['abort: stream().abort() is an APIUserAbortError', async (p) => {
        await p.playsLong();
        const stream = messages.stream({ ...longOf(p), messages: TALE });
        const ended = assert.rejects(stream.finalMessage(), Anthropic.APIUserAbortError);
        await stream.emitted('text');
        await until(async () => (await p.busy()) === 1, 10_000, `the ${p.name} works for us`);
        stream.abort();
        await ended;
        await p.aborted();
    }],
    ['abort: before the first byte of a whole answer', async (p) => {
        await p.playsLong();
        const control = new AbortController();
        const ended = assert.rejects(messages.create({ ...longOf(p), messages: TALE }, { signal: control.signal }),
                                     Anthropic.APIUserAbortError);
        await until(async () => (await p.busy()) === 1, 10_000, `the ${p.name} works for us`);
        control.abort();
        await ended;
        await p.aborted();
        await p.plays();
        messageFits(await messages.create({ model: p.model, max_tokens: 8, messages: TALE }), p);
    }],
    ...errors.both,
];

const onlyEngine = [
    ['countTokens: as many as the answer is charged for', async (p) => {
        const ask = { model: p.model, system: 'Be brief.', messages: CALLED, tools: [WEATHER, CLOCK] };
        const { input_tokens } = await messages.countTokens(ask);
        const { usage } = await messages.create({ ...ask, max_tokens: 4 });
        assert.equal(input_tokens, usage.input_tokens + usage.cache_read_input_tokens + usage.cache_creation_input_tokens);
        const { input_tokens: less } = await messages.countTokens({ model: p.model, messages: TALE });
        assert.ok(less > 0 && less < input_tokens);
    }],
    ['countTokens: errors name the field', async (p) => {
        await errors.refused(messages.countTokens({ model: p.model, messages: [{ role: 'robot', content: 'x' }] }),
                             Anthropic.BadRequestError, /^messages\[0\]\.role: /);
    }],
    ['images: refused with a reason where the model cannot see', async (p) => {
        const image = { type: 'image', source: { type: 'base64', media_type: 'image/png', data: PIXEL } };
        await errors.refused(messages.create({ model: p.model, max_tokens: 8, messages: user([image]) }),
                             Anthropic.BadRequestError, /images/);
    }],
    ['the context is over: prompt is too long', async (p) => {
        const long = 'once upon a time there was a small boat '.repeat(8000);
        await errors.refused(messages.create({ model: p.model, max_tokens: 8, messages: user(long) }),
                             Anthropic.BadRequestError, /prompt is too long/);
    }],
    ...errors.onlyEngine,
];

const onlyCloud = [
    ['countTokens: a place that cannot count says so, auto finds one that can', async (p) => {
        const error = await errors.refused(messages.countTokens({ model: p.model, messages: TALE }), Anthropic.APIError, /count/);
        assert.ok([400, 501].includes(error.status), String(error.status));
        assert.equal((await p.seen()).requests, 0);
        if (!env('NO_ENGINE'))
            assert.ok((await messages.countTokens({ model: 'auto', messages: TALE })).input_tokens > 0);
    }],
    ['tools: a call comes, with stop_reason tool_use; its result is answered', async (p) => {
        const ask = { model: p.model, max_tokens: 100, messages: ASK, tools: [WEATHER, CLOCK] };
        const got = await messages.create(ask);
        messageFits(got, p);
        assert.equal(got.stop_reason, 'tool_use');
        const [call] = callsOf(got);
        assert.equal(call.name, 'get_weather');
        assert.deepEqual(call.input, INPUT);
        const result = { type: 'tool_result', tool_use_id: call.id, content: 'rain 🌧' };
        const answer = await messages.create({
            ...ask, messages: [...ASK, { role: 'assistant', content: got.content }, { role: 'user', content: [result] }],
        });
        assert.equal(textOf(answer), 'The tool said: rain 🌧');
        const sent = (await p.got()).messages;
        assert.equal(sent.at(-1).tool_call_id, call.id);
        assert.equal(sent.at(-2).tool_calls[0].id, call.id);
    }],
    ['tools: three calls at once in pieces, streamed and whole', async (p) => {
        await p.plays({ calls: 3 });
        const ask = { model: p.model, max_tokens: 100, messages: ASK, tools: [WEATHER] };
        const events = await collect(await messages.create({ ...ask, stream: true }));
        eventsFit(events);
        const pieces = events.filter(({ delta }) => delta?.type === 'input_json_delta');
        assert.ok(pieces.length > 6, `${pieces.length} pieces`);
        const told = [];
        const stream = messages.stream(ask);
        stream.on('inputJson', (_, snapshot) => told.push(snapshot));
        for (const got of [await stream.finalMessage(), await messages.create(ask)]) {
            const calls = callsOf(got);
            assert.deepEqual(calls.map(({ input }) => input), [INPUT, INPUT, INPUT]);
            assert.equal(new Set(calls.map(({ id }) => id)).size, 3);
            assert.equal(got.stop_reason, 'tool_use');
        }
        assert.ok(told.length > 6);
    }],
    ['tools: what is asked of them travels', async (p) => {
        await messages.create({
            model: p.model, max_tokens: 100, messages: ASK, tools: [WEATHER, CLOCK],
            tool_choice: { type: 'tool', name: 'get_time', disable_parallel_tool_use: true },
        });
        const got = await p.got();
        assert.deepEqual(got.tool_choice, { type: 'function', function: { name: 'get_time' } });
        assert.equal(got.parallel_tool_calls, false);
        assert.deepEqual(got.tools[0].function.parameters, input_schema);
    }],
    ['tools: results and words of one message travel in order', async (p) => {
        await messages.create({ model: p.model, max_tokens: 100, messages: CALLED, tools: [WEATHER, CLOCK] });
        const got = (await p.got()).messages;
        assert.deepEqual(got.map(({ role }) => role), ['user', 'assistant', 'tool', 'tool', 'user']);
        assert.deepEqual(got[1].tool_calls.map(({ id }) => id), ['toolu_1', 'toolu_2']);
        assert.deepEqual(JSON.parse(got[1].tool_calls[0].function.arguments), INPUT);
        assert.match(JSON.stringify(got[3].content), /no clock/);
    }],
    ['toolRunner(): our function is called and its result is the answer', async (p) => {
        const ran = [];
        const tool = { ...WEATHER, run: async (input) => { ran.push(input); return 'rain'; }, parse: (input) => input };
        const got = await client.beta.messages.toolRunner({
            model: p.model, max_tokens: 100, messages: ASK, tools: [tool], max_iterations: 3,
        });
        assert.deepEqual(ran, [INPUT]);
        assert.equal(textOf(got), 'The tool said: rain');
    }],
    ['images travel', async (p) => {
        const image = { type: 'image', source: { type: 'base64', media_type: 'image/png', data: PIXEL } };
        await messages.create({ model: p.model, max_tokens: 8, messages: user([{ type: 'text', text: 'What is it?' }, image]) });
        const [text, sent] = (await p.got()).messages[0].content;
        assert.equal(text.text, 'What is it?');
        assert.equal(sent.image_url.url, `data:image/png;base64,${PIXEL}`);
    }],
    ['cached tokens are told apart from those that are not', async (p) => {
        const usage = { prompt_tokens: 100, completion_tokens: 7, total_tokens: 107, prompt_tokens_details: { cached_tokens: 90 } };
        await p.plays({ usage });
        const got = await messages.create({ model: p.model, max_tokens: 8, messages: TALE });
        assert.deepEqual([got.usage.input_tokens, got.usage.cache_read_input_tokens, got.usage.output_tokens], [10, 90, 7]);
        const streamed = await messages.stream({ model: p.model, max_tokens: 8, messages: TALE }).finalMessage();
        assert.deepEqual([streamed.usage.input_tokens, streamed.usage.cache_read_input_tokens], [10, 90]);
    }],
    ...errors.onlyCloud,
];

for (const [name, run] of [...both, ...onlyEngine]) {
    if (env('NO_ENGINE'))
        skip(`anthropic engine: ${name}`, env('NO_ENGINE'));
    else
        await test(`anthropic engine: ${name}`, () => run(engine));
}
for (const [name, run] of [...both, ...onlyCloud])
    await test(`anthropic cloud: ${name}`, async () => {
        await cloud.plays();
        await run(cloud);
    });
process.exit(end());
