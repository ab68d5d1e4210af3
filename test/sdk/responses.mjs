/* responses: OpenAI's Responses API through the official SDK.  usage: node responses.mjs [PART OF A NAME]...
 *
 * `both` runs against the engine and against the stand-in, as openai.mjs does; what the vendors' types
 * require of every object is held against them by shapes.mjs, what openresponses.org requires here. */
import assert from 'node:assert/strict';
import OpenAI from 'openai';
import { makeParseableTextFormat } from 'openai/lib/parser';
import { clientOf, cloud, engine, env } from './place.mjs';
import { end, skip, test, until } from './tap.mjs';

const client = clientOf();
const { responses } = client;
const TALE = 'Tell me of the sea';
const SHORT = (p) => (p === engine ? { max_output_tokens: 24 } : {});
const LONG = (p) => (p === engine ? { max_output_tokens: 15000, ignore_eos: true } : {});

/* https://www.openresponses.org: members of a response that are always there. */
const REQUIRED = `id object created_at completed_at status incomplete_details model previous_response_id instructions output
    error tools tool_choice truncation parallel_tool_calls text top_p presence_penalty frequency_penalty top_logprobs
    temperature reasoning user usage max_output_tokens max_tool_calls store background service_tier metadata
    safety_identifier prompt_cache_key`.split(/\s+/);
const ITEM_IDS = { message: /^msg_/, function_call: /^fc_/, reasoning: /^rs_/ };

function itemFits(item) {
    assert.match(item.id, ITEM_IDS[item.type] ?? /^never$/, item.type);
    if (item.type !== 'reasoning')
        assert.ok(['in_progress', 'completed', 'incomplete'].includes(item.status));
    if (item.type === 'function_call')
        assert.ok(item.call_id && item.name && typeof item.arguments === 'string');
}

export function responseFits(response, status = 'completed') {
    for (const member of REQUIRED)
        assert.ok(member in response, `response.${member} is missing`);
    assert.match(response.id, /^resp_[0-9A-Z]{26}$/);
    assert.equal(response.object, 'response');
    assert.equal(response.status, status);
    assert.ok(Math.abs(response.created_at - Date.now() / 1000) < 120);
    assert.equal(response.completed_at === null, status !== 'completed');
    for (const member of ['temperature', 'top_p', 'presence_penalty', 'frequency_penalty', 'top_logprobs'])
        assert.equal(typeof response[member], 'number', member);
    assert.equal(typeof response.text.format.type, 'string');
    response.output.forEach(itemFits);
    if (['completed', 'incomplete'].includes(status)) {
        const { input_tokens, output_tokens, total_tokens } = response.usage;
        assert.equal(total_tokens, input_tokens + output_tokens);
    }
    return response;
}

/* A whole stream: numbered without a gap, each item opened, filled and closed, and the response at its end is
 * what the events said.  Returns that response. */
export function eventsFit(events, status = 'completed') {
    const open = new Map();
    events.forEach((event, i) => assert.equal(event.sequence_number, i, event.type));
    assert.deepEqual(events.slice(0, 2).map((event) => event.type), ['response.created', 'response.in_progress']);
    events.slice(0, 2).forEach((event) => responseFits(event.response, 'in_progress'));
    let items = 0;
    const done = [];
    for (const event of events.slice(2, -1)) {
        const { type, output_index: at } = event;
        if (type === 'response.output_item.added') {
            assert.equal(at, items++, 'items are numbered as they come');
            open.set(at, { id: event.item.id, text: '', parts: 0 });
            itemFits(event.item);
            continue;
        }
        const item = open.get(at);
        assert.ok(item, `${type}: no item is open at ${at}`);
        if (type === 'response.output_item.done') {
            assert.equal(event.item.id, item.id);
            assert.equal(item.parts, 0, 'a part was never closed');
            done[at] = event.item;
            open.delete(at);
            continue;
        }
        assert.equal(event.item_id, item.id, type);
        item.parts += /part\.added$/.test(type) - /part\.done$/.test(type);
        if (/part\.added$/.test(type))
            item.text = '';
        if (/delta$/.test(type))
            item.text += event.delta;
        if (/(text|refusal|arguments)\.done$/.test(type))
            assert.equal(event.text ?? event.refusal ?? event.arguments, item.text, type);
    }
    assert.equal(open.size, 0, 'an item was never closed');
    assert.equal(events.at(-1).type, `response.${status}`);
    const { response } = events.at(-1);
    assert.deepEqual(response.output, done);
    return responseFits(response, status);
}

async function collect(stream) {
    const events = [];
    for await (const event of stream)
        events.push(event);
    return events;
}

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
    return error;
}

const parameters = {
    type: 'object',
    properties: { city: { type: 'string', enum: ['Łódź 🌧', 'Paris'] } },
    required: ['city'],
    additionalProperties: false,
};
const WEATHER = { type: 'function', name: 'get_weather', description: 'The weather', parameters, strict: true };
const CLOCK = { type: 'function', name: 'get_time', parameters: { type: 'object', properties: {} }, strict: false };
const formatOf = (schema) => ({ type: 'json_schema', name: 'thing', strict: true, schema });
const textOf = (schema) => ({ format: makeParseableTextFormat(formatOf(schema), JSON.parse) });
const constant = (kind) => ({
    type: 'object', properties: { kind: { const: kind } }, required: ['kind'], additionalProperties: false,
});

const both = [
    ['create: every required member, and words', async (p) => {
        const got = responseFits(await responses.create({ model: p.model, input: TALE, store: false, ...SHORT(p) }),
                                 p === engine ? 'incomplete' : 'completed');
        assert.equal(got.model, p.model);
        assert.ok(got.output_text.length > 0);
        assert.equal(got.store, false);
        assert.equal(got.output[0].content[0].text, got.output_text);
    }],
    ['stream: every event in its place, and the same words as whole', async (p) => {
        const ask = { model: p.model, input: TALE, temperature: 0, seed: 7, max_output_tokens: p === engine ? 24 : 999 };
        const status = p === engine ? 'incomplete' : 'completed';
        const whole = responseFits(await responses.create(ask), status);
        const events = await collect(await responses.create({ ...ask, stream: true }));
        const streamed = eventsFit(events, status);
        assert.ok(events.length > 10, `${events.length} events are no stream`);
        assert.deepEqual(streamed.output[0].content, whole.output[0].content);
        assert.ok(streamed.usage.output_tokens > 0);
    }],
    ['.stream(): the SDK gathers what it says', async (p) => {
        const runner = responses.stream({ model: p.model, input: TALE, ...SHORT(p) });
        let text = '';
        runner.on('response.output_text.delta', (event) => {
            text += event.delta;
            assert.equal(event.snapshot, text);
        });
        const final = await runner.finalResponse();
        assert.ok(text.length > 0);
        assert.equal(final.output_text, text);
    }],
    ['max_output_tokens: incomplete, and why', async (p) => {
        const ask = { model: p.model, input: TALE, max_output_tokens: 3 };
        const got = responseFits(await responses.create(ask), 'incomplete');
        assert.deepEqual(got.incomplete_details, { reason: 'max_output_tokens' });
        assert.equal(got.output.at(-1).status, 'incomplete');
        assert.equal(got.usage.output_tokens, 3);
        eventsFit(await collect(await responses.create({ ...ask, stream: true })), 'incomplete');
    }],
    ['parse(): a JSON schema, whole and streamed', async (p) => {
        const ask = { model: p.model, input: 'A colour', text: textOf(constant('Zoë 🌍 שלום')) };
        const got = await responses.parse(ask);
        responseFits(got);
        assert.deepEqual(got.output_parsed, { kind: 'Zoë 🌍 שלום' });
        assert.equal(got.text.format.name, 'thing');
        const streamed = await responses.stream(ask).finalResponse();
        assert.deepEqual(streamed.output_parsed, { kind: 'Zoë 🌍 שלום' });
    }],
    ['logprobs: with every delta, and with the text', async (p) => {
        const ask = { model: p.model, input: TALE, include: ['message.output_text.logprobs'], max_output_tokens: 4 };
        const got = await responses.create(ask);
        const rows = got.output[0].content[0].logprobs;
        assert.equal(rows.length, got.usage.output_tokens);
        assert.equal(rows.map((row) => row.token).join(''), got.output_text);
        const events = await collect(await responses.create({ ...ask, stream: true }));
        const deltas = events.filter((event) => event.type === 'response.output_text.delta');
        assert.equal(deltas.flatMap((event) => event.logprobs).length, 4);
        const none = await responses.create({ model: p.model, input: TALE, max_output_tokens: 4 });
        assert.deepEqual(none.output[0].content[0].logprobs, []);
    }],
    ['instructions, roles, parts and earlier answers are taken', async (p) => {
        const got = await responses.create({
            model: p.model, instructions: 'Be brief.', ...SHORT(p),
            input: [
                { role: 'developer', content: 'Be kind.' },
                { type: 'message', role: 'user', content: [{ type: 'input_text', text: 'Hello' }] },
                { role: 'assistant', content: 'Yes?' },
                { type: 'function_call', call_id: 'c1', name: 'get_time', arguments: '{}' },
                { type: 'function_call_output', call_id: 'c1', output: 'noon' },
                { role: 'user', content: 'Go on' },
            ],
            tools: [CLOCK],
        });
        assert.equal(got.instructions, 'Be brief.');
        assert.deepEqual(got.tools, [{ description: null, ...CLOCK }]);
    }],
    ['what was asked is said back', async (p) => {
        const wishes = {
            temperature: 0.5, top_p: 0.9, max_output_tokens: 9, metadata: { a: 'b' }, user: 'ann', truncation: 'disabled',
            parallel_tool_calls: false, store: false, prompt_cache_key: 'k', safety_identifier: 's', max_tool_calls: 2,
            reasoning: { effort: 'low', summary: 'auto' }, text: { format: { type: 'text' }, verbosity: 'low' },
        };
        const got = await responses.create({ model: p.model, input: TALE, ...wishes });
        for (const [name, value] of Object.entries(wishes))
            assert.deepEqual(got[name], value, name);
    }],
    ['400 names the parameter; 404 for a model that is not there', async (p) => {
        const wrongs = [
            [{ temperature: 9 }, 'temperature'], [{ input: [] }, 'input'], [{ input: [{ role: 'nobody', content: 'x' }] }, 'input[0].role'],
            [{ text: { format: { type: 'json_schema', name: 'x' } } }, 'text.format.schema'],
            [{ tools: [{ type: 'function' }] }, 'tools[0].name'], [{ tool_choice: 'required' }, 'tool_choice'],
        ];
        for (const [wrong, param] of wrongs) {
            const error = await refused(responses.create({ model: p.model, input: TALE, ...wrong }), OpenAI.BadRequestError);
            assert.equal(error.param, param);
            assert.equal(error.type, 'invalid_request_error');
        }
        const error = await refused(responses.create({ model: 'cloud/none', input: TALE }), OpenAI.NotFoundError);
        assert.equal(error.code, 'model_not_found');
    }],
    ['background, conversation: 501, said clearly', async (p) => {
        for (const wish of [{ background: true }, { conversation: 'conv_1' }]) {
            const error = await refused(responses.create({ model: p.model, input: TALE, ...wish }), OpenAI.InternalServerError);
            assert.equal(error.status, 501);
            assert.equal(error.param, Object.keys(wish)[0]);
        }
    }],
    ['previous_response_id goes on; retrieve, inputItems.list and delete', async (p) => {
        const first = await responses.create({ model: p.model, input: TALE, instructions: 'Be brief.', ...SHORT(p) });
        assert.equal(first.store, true);
        const events = await collect(await responses.create({
            model: p.model, previous_response_id: first.id, stream: true, ...SHORT(p),
            input: [{ role: 'user', content: [{ type: 'input_text', text: 'Go on' }] }, { role: 'user', content: 'Do' }],
        }));
        const second = eventsFit(events, p === engine ? 'incomplete' : 'completed');
        assert.equal(second.previous_response_id, first.id);
        assert.ok(second.usage.input_tokens > first.usage.input_tokens);
        const again = await responses.retrieve(second.id);
        assert.deepEqual(again.output, second.output);
        assert.deepEqual(responseFits(again, second.status).usage, second.usage);
        assert.equal((await responses.retrieve(first.id)).instructions, 'Be brief.');
        const items = [];
        for await (const item of responses.inputItems.list(second.id, { limit: 1 }))
            items.push(item);
        assert.deepEqual(items.map((item) => item.content[0].text), ['Do', 'Go on']); /* newest first */
        await refused(responses.cancel(second.id), OpenAI.BadRequestError);
        await responses.delete(second.id);
        await refused(responses.retrieve(second.id), OpenAI.NotFoundError);
        await refused(responses.delete(second.id), OpenAI.NotFoundError);
        await refused(responses.inputItems.list(second.id), OpenAI.NotFoundError);
        const error = await refused(
            responses.create({ model: p.model, input: TALE, previous_response_id: second.id }), OpenAI.NotFoundError);
        assert.equal(error.code, 'previous_response_not_found');
        assert.equal(error.param, 'previous_response_id');
        assert.ok(error.message.includes(`Previous response with id '${second.id}' not found.`));
    }],
    ['store: false is not kept', async (p) => {
        const got = await responses.create({ model: p.model, input: TALE, store: false, ...SHORT(p) });
        await refused(responses.retrieve(got.id), OpenAI.NotFoundError);
    }],
    ['abort: upstream stops within a second', async (p) => {
        await p.playsLong();
        const control = new AbortController();
        const stream = await responses.create(
            { model: p.model, input: TALE, stream: true, ...LONG(p) }, { signal: control.signal });
        let events = 0;
        for await (const _ of stream) {
            events += 1;
            if (events === 8) {
                await until(async () => (await p.busy()) === 1, 10_000, `the ${p.name} works for us`);
                control.abort();
            }
        }
        await p.aborted();
    }],
];

const onlyCloud = [
    ['tools: calls with their ids, whole and streamed, several at once', async (p) => {
        await p.plays({ calls: 3 });
        const ask = { model: p.model, input: 'How is it?', tools: [WEATHER, CLOCK] };
        const whole = responseFits(await responses.create(ask));
        assert.deepEqual(whole.output.map((item) => item.type), ['function_call', 'function_call', 'function_call']);
        assert.equal(new Set(whole.output.map((item) => item.call_id)).size, 3);
        const events = await collect(await responses.create({ ...ask, stream: true }));
        const streamed = eventsFit(events);
        assert.deepEqual(streamed.output.map((item) => JSON.parse(item.arguments)),
                         whole.output.map((item) => JSON.parse(item.arguments)));
        assert.ok(events.filter((event) => event.type === 'response.function_call_arguments.delta').length > 6);
        const parsed = await responses.parse(ask);
        assert.deepEqual(parsed.output[0].parsed_arguments, { city: 'Łódź 🌧' });
        assert.equal((await p.got()).tools[0].function.strict, true);
    }],
    ['tools: a round trip with items', async (p) => {
        const input = [{ role: 'user', content: 'How is it?' }];
        const first = await responses.create({ model: p.model, input, tools: [WEATHER], store: false });
        input.push(...first.output, { type: 'function_call_output', call_id: first.output[0].call_id, output: 'rain' });
        const second = await responses.create({ model: p.model, input, tools: [WEATHER], store: false });
        assert.equal(second.output_text, 'The tool said: rain');
        const got = await p.got();
        assert.deepEqual(got.messages.map((message) => message.role), ['user', 'assistant', 'tool']);
        assert.equal(got.messages[1].tool_calls[0].id, got.messages[2].tool_call_id);
    }],
    ['tools: a round trip with previous_response_id', async (p) => {
        await p.plays({ calls: 2 });
        const first = await responses.create({ model: p.model, input: 'How is it?', tools: [WEATHER] });
        const input = first.output.map((call, i) => ({ type: 'function_call_output', call_id: call.call_id, output: `rain ${i}` }));
        const second = await responses.create({ model: p.model, previous_response_id: first.id, input, tools: [WEATHER] });
        assert.equal(second.output_text, 'The tool said: rain 1');
        const got = await p.got();
        assert.deepEqual(got.messages.map((message) => message.role), ['user', 'assistant', 'tool', 'tool']);
        assert.deepEqual(got.messages[1].tool_calls.map((call) => call.id), first.output.map((call) => call.call_id));
    }],
    ['tool_choice decides; allowed_tools are the only ones', async (p) => {
        const ask = { model: p.model, input: 'How is it?', tools: [WEATHER, CLOCK] };
        const named = await responses.create({ ...ask, tool_choice: { type: 'function', name: 'get_time' } });
        assert.equal(named.output[0].name, 'get_time');
        assert.deepEqual(named.tool_choice, { type: 'function', name: 'get_time' });
        const allowed = await responses.create({
            ...ask, tool_choice: { type: 'allowed_tools', mode: 'required', tools: [{ type: 'function', name: 'get_time' }] },
        });
        assert.equal(allowed.output[0].name, 'get_time');
        assert.deepEqual((await p.got()).tools.map((tool) => tool.function.name), ['get_time']);
        const none = await responses.create({ ...ask, tool_choice: 'none' });
        assert.equal(none.output[0].type, 'message');
    }],
    ['a tool that only its provider runs is refused by a place that is not it', async (p) => {
        const error = await refused(
            responses.create({ model: p.model, input: TALE, tools: [{ type: 'web_search' }] }), OpenAI.InternalServerError);
        assert.equal(error.status, 501);
        assert.equal((await p.seen()).requests, 0);
    }],
    ['what was asked is what the cloud gets', async (p) => {
        await responses.create({
            model: p.model, instructions: 'Be brief.', temperature: 0.5, top_p: 0.9, max_output_tokens: 50,
            reasoning: { effort: 'low' }, parallel_tool_calls: false, metadata: { nigh_session: 's' },
            input: [{ role: 'user', content: [{ type: 'input_text', text: 'What is it?' },
                                              { type: 'input_image', image_url: 'https://x.org/a.png', detail: 'low' }] }],
            text: textOf(constant('a')),
        });
        const got = await p.got();
        assert.deepEqual(got.messages, [
            { role: 'system', content: 'Be brief.' },
            { role: 'user', content: [{ type: 'text', text: 'What is it?' },
                                      { type: 'image_url', image_url: { url: 'https://x.org/a.png', detail: 'low' } }] },
        ]);
        assert.deepEqual(got.response_format,
                         { type: 'json_schema', json_schema: { name: 'thing', strict: true, schema: constant('a') } });
        assert.equal(got.temperature, 0.5);
        assert.equal(got.reasoning_effort, 'low');
        assert.equal(got.max_completion_tokens ?? got.max_tokens, 50);
        assert.equal(got.metadata, undefined);
        assert.equal(got.store, undefined);
    }],
    ['a label that forbids it: 403, and nothing leaves', async (p) => {
        const ask = { model: p.model, input: TALE };
        await refused(responses.create(ask, { headers: { 'Nigh-Label': 'device' } }), OpenAI.PermissionDeniedError);
        await refused(responses.create({ ...ask, metadata: { nigh_label: 'device' } }), OpenAI.PermissionDeniedError);
        assert.equal((await p.seen()).requests, 0);
    }],
    ['a content filter: incomplete', async (p) => {
        await p.plays({ finish: 'content_filter' });
        const got = responseFits(await responses.create({ model: p.model, input: TALE }), 'incomplete');
        assert.deepEqual(got.incomplete_details, { reason: 'content_filter' });
    }],
    ['a stream that breaks is an error, never an end', async (p) => {
        let i = 8;
        for (const act of [{ cut_after: 4, token_delay_ms: 2 }, { error_after: 4 }, { bad_json_at: 4 }]) {
            const ask = { model: `fault${i++}/big`, input: TALE, stream: true };
            await p.plays({ tokens: 12, ...act });
            let text = '';
            await assert.rejects(async () => {
                for await (const event of await responses.create(ask))
                    text += event.type === 'response.output_text.delta' ? event.delta : '';
            }, OpenAI.APIError, JSON.stringify(act));
            assert.ok(text.length > 0, `nothing before ${JSON.stringify(act)}`);
        }
    }],
    ['429 and 503 are the SDK\'s own classes', async (p) => {
        await p.plays({ status: 429, headers: { 'Retry-After': '40' } });
        const error = await refused(responses.create({ model: 'fault20/big', input: TALE, stream: true }), OpenAI.RateLimitError);
        assert.ok(Number(error.headers.get('retry-after')) >= 30);
    }],
];

for (const [name, run] of both) {
    if (env('NO_ENGINE'))
        skip(`responses: engine: ${name}`, env('NO_ENGINE'));
    else
        await test(`responses: engine: ${name}`, () => run(engine));
}
for (const [name, run] of [...both, ...onlyCloud])
    await test(`responses: cloud: ${name}`, async () => {
        await cloud.plays();
        await run(cloud);
    });
process.exit(end());
