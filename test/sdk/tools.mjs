/* tools: calls out and results back.
 *
 * The stand-in calls the first tool (or the named one) whenever tools are given and the last message is
 * no result, in pieces of seven bytes.  The engine's tiny model calls none by will, and llama-server
 * b11669 does not force one for `tool_choice: required`: there the test is that tools are taken, and so
 * is a conversation that holds calls and results. */
import assert from 'node:assert/strict';
import { clientOf } from './place.mjs';
import { chunksFit, completionFits } from './shape.mjs';

const chat = clientOf().chat.completions;
const ASK = [{ role: 'user', content: 'How is the weather?' }];
const parameters = {
    type: 'object',
    properties: { city: { type: 'string', enum: ['Łódź 🌧', 'Paris'] }, days: { type: 'integer', minimum: 3 } },
    required: ['city', 'days'],
    additionalProperties: false,
};
const ARGUMENTS = { city: 'Łódź 🌧', days: 3 };
const WEATHER = { type: 'function', function: { name: 'get_weather', description: 'The weather', parameters } };
const CLOCK = {
    type: 'function',
    function: { name: 'get_time', parameters: { type: 'object', properties: {}, required: [] } },
};
const CALLED = [
    ...ASK,
    {
        role: 'assistant', content: null, tool_calls: [
            { id: 'call_1', type: 'function', function: { name: 'get_weather', arguments: '{"city":"Paris","days":3}' } },
            { id: 'call_2', type: 'function', function: { name: 'get_time', arguments: '{}' } },
        ],
    },
    { role: 'tool', tool_call_id: 'call_1', content: 'rain' },
    { role: 'tool', tool_call_id: 'call_2', content: [{ type: 'text', text: 'noon' }] },
];

async function collect(stream) {
    const chunks = [];
    for await (const chunk of stream)
        chunks.push(chunk);
    return chunks;
}

export const both = [
    ['tools: each tool_choice is taken', async (p) => {
        for (const tool_choice of ['auto', 'none', 'required', { type: 'function', function: { name: 'get_time' } }])
            completionFits(await chat.create({ model: p.model, messages: ASK, tools: [WEATHER, CLOCK], tool_choice, ...p.short }));
    }],
    ['tools: a conversation with calls and results is taken, whole and streamed', async (p) => {
        const ask = { model: p.model, messages: CALLED, tools: [WEATHER, CLOCK], ...p.short };
        const got = await chat.create(ask);
        completionFits(got);
        assert.ok(got.choices[0].message.content.length > 0);
        const [{ text }] = chunksFit(await collect(await chat.create({ ...ask, stream: true })));
        assert.ok(text.length > 0);
    }],
];

export const onlyCloud = [
    ['tools: a call comes, with finish_reason tool_calls', async (p) => {
        const got = await chat.create({ model: p.model, messages: ASK, tools: [WEATHER, CLOCK] });
        completionFits(got);
        const [choice] = got.choices;
        assert.equal(choice.finish_reason, 'tool_calls');
        assert.equal(choice.message.content, null);
        assert.equal(choice.message.tool_calls.length, 1);
        assert.equal(choice.message.tool_calls[0].function.name, 'get_weather');
        assert.deepEqual(JSON.parse(choice.message.tool_calls[0].function.arguments), ARGUMENTS);
    }],
    ['tools: tool_choice decides', async (p) => {
        const named = await chat.create({
            model: p.model, messages: ASK, tools: [WEATHER, CLOCK],
            tool_choice: { type: 'function', function: { name: 'get_time' } },
        });
        assert.equal(named.choices[0].message.tool_calls[0].function.name, 'get_time');
        const none = await chat.create({ model: p.model, messages: ASK, tools: [WEATHER], tool_choice: 'none' });
        assert.equal(none.choices[0].message.tool_calls, undefined);
        assert.equal(none.choices[0].finish_reason, 'stop');
    }],
    ['tools: several calls at once, streamed in pieces', async (p) => {
        await p.plays({ calls: 3 });
        const chunks = await collect(await chat.create({
            model: p.model, messages: ASK, tools: [WEATHER], parallel_tool_calls: true, stream: true,
        }));
        const [{ finish }] = chunksFit(chunks);
        assert.equal(finish, 'tool_calls');
        const calls = [];
        let pieces = 0;
        for (const piece of chunks.flatMap((chunk) => chunk.choices[0]?.delta.tool_calls ?? [])) {
            const call = (calls[piece.index] ??= { id: piece.id, name: piece.function.name, text: '' });
            pieces += piece.function.arguments ? 1 : 0;
            call.text += piece.function.arguments ?? '';
            assert.ok(piece.id === undefined || piece.id === call.id);
        }
        assert.equal(calls.length, 3);
        assert.equal(new Set(calls.map((call) => call.id)).size, 3);
        assert.ok(pieces > 6, `${pieces} pieces`);
        for (const call of calls) {
            assert.equal(call.name, 'get_weather');
            assert.deepEqual(JSON.parse(call.text), ARGUMENTS);
        }
        assert.equal((await p.got()).parallel_tool_calls, true);
    }],
    ['tools: .stream() puts several calls together, with its events', async (p) => {
        await p.plays({ calls: 3 });
        const runner = chat.stream({ model: p.model, messages: ASK, tools: [WEATHER] });
        const done = [];
        let deltas = 0;
        runner.on('tool_calls.function.arguments.delta', () => { deltas += 1; });
        runner.on('tool_calls.function.arguments.done', (call) => done.push(call));
        const final = await runner.finalChatCompletion();
        assert.deepEqual(done.map((call) => call.index), [0, 1, 2]);
        assert.ok(deltas > 6, `${deltas} deltas`);
        assert.deepEqual(final.choices[0].message.tool_calls.map((call) => JSON.parse(call.function.arguments)),
                         [ARGUMENTS, ARGUMENTS, ARGUMENTS]);
    }],
    ['tools: parse() reads a strict tool\'s arguments', async (p) => {
        const strict = { type: 'function', function: { ...WEATHER.function, strict: true } };
        const got = await chat.parse({ model: p.model, messages: ASK, tools: [strict] });
        assert.deepEqual(got.choices[0].message.tool_calls[0].function.parsed_arguments, ARGUMENTS);
        assert.equal((await p.got()).tools[0].function.strict, true);
    }],
    ['runTools(): our function is called and its result is the answer, whole and streamed', async (p) => {
        for (const stream of [false, true]) {
            await p.plays({ calls: 2 });
            const asked = [];
            const runner = chat.runTools({
                model: p.model, messages: ASK, stream,
                tools: [{
                    type: 'function',
                    function: {
                        name: 'get_weather', description: 'The weather', parameters, parse: JSON.parse,
                        function: async (wish) => {
                            asked.push(wish);
                            return `rain in ${wish.city}`;
                        },
                    },
                }],
            });
            assert.equal(await runner.finalContent(), `The tool said: rain in ${ARGUMENTS.city}`);
            assert.deepEqual(asked, [ARGUMENTS, ARGUMENTS]);
            const got = await p.got();
            assert.deepEqual(got.messages.map((message) => message.role), ['user', 'assistant', 'tool', 'tool']);
            assert.deepEqual(got.messages.slice(2).map((message) => message.tool_call_id),
                             got.messages[1].tool_calls.map((call) => call.id));
            assert.equal((await p.seen()).requests, 2);
        }
    }],
    ['tools: calls and results travel as they are', async (p) => {
        await chat.create({ model: p.model, messages: CALLED, tools: [WEATHER, CLOCK] });
        const got = await p.got();
        assert.deepEqual(got.messages, CALLED);
        assert.deepEqual(got.tools, [WEATHER, CLOCK]);
    }],
];
