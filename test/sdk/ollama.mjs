/* ollama: the official ollama package against a node.  usage: node ollama.mjs [PART OF A NAME]...
 *
 * Its errors are a ResponseError with the status and the node's text; a stream that breaks throws, and one
 * that does not end with `done` does too. */
import assert from 'node:assert/strict';
import { Ollama } from 'ollama';
import { cloud, engine, env, nodeSays } from './place.mjs';
import { end, skip, test, until } from './tap.mjs';

const client = new Ollama({ host: env('NODE') });
const TALE = [{ role: 'user', content: 'Once upon a time' }];
const WEATHER = {
    type: 'function',
    function: {
        name: 'weather',
        description: 'Weather of a place',
        parameters: { type: 'object', properties: { place: { type: 'string' } }, required: ['place'] },
    },
};
const SCHEMA = { type: 'object', properties: { n: { type: 'boolean' } }, required: ['n'], additionalProperties: false };
const SHORT = { num_predict: 24 };
const PNG = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';

async function refused(promise, status, text) {
    await assert.rejects(promise, (error) => {
        assert.equal(error.name, 'ResponseError', error.stack);
        assert.equal(error.status_code, status, error.message);
        assert.match(error.message, text);
        return true;
    });
}

/* Every line of a stream; the last is the only one that is done. */
async function linesOf(stream) {
    const lines = [];
    for await (const line of stream)
        lines.push(line);
    assert.ok(lines.slice(0, -1).every((line) => line.done === false));
    assert.equal(lines.at(-1).done, true);
    return lines;
}

function measured(answer) {
    assert.ok(answer.total_duration > 0 && answer.eval_duration >= 0 && answer.load_duration >= 0);
    assert.ok(answer.prompt_eval_count > 0 && answer.eval_count > 0);
    assert.ok(Math.abs(Date.now() - new Date(answer.created_at)) < 60_000);
    assert.ok(answer.total_duration >= answer.prompt_eval_duration + answer.eval_duration);
}

/* What works for us now. */
async function atWork(p) {
    await until(async () => (await p.busy()) === 1, 10_000, `the ${p.name} works for us`);
}

const both = [
    ['chat: whole', async (p) => {
        const answer = await client.chat({ model: p.model, messages: TALE, options: SHORT });
        assert.equal(answer.model, p.model);
        assert.equal(answer.message.role, 'assistant');
        assert.ok(answer.message.content.length > 0);
        assert.ok(['stop', 'length'].includes(answer.done_reason));
        measured(answer);
    }],
    ['chat: stream', async (p) => {
        const lines = await linesOf(await client.chat({ model: p.model, messages: TALE, stream: true, options: SHORT }));
        assert.ok(lines.length > 2);
        assert.ok(lines.map((line) => line.message.content).join('').length > 0);
        measured(lines.at(-1));
    }],
    ['generate: whole and stream', async (p) => {
        const answer = await client.generate({ model: p.model, prompt: 'Once', system: 'Tell tales', options: SHORT });
        assert.ok(answer.response.length > 0);
        measured(answer);
        const lines = await linesOf(await client.generate({ model: p.model, prompt: 'Once', stream: true, options: SHORT }));
        assert.ok(lines.map((line) => line.response).join('').length > 0);
    }],
    ['chat: format by schema', async (p) => {
        const answer = await client.chat({ model: p.model, messages: TALE, format: SCHEMA, options: { num_predict: 200 } });
        assert.equal(typeof JSON.parse(answer.message.content).n, 'boolean');
    }],
    ['chat: the name may end in :latest', async (p) => {
        const answer = await client.chat({ model: `${p.model}:latest`, messages: TALE, options: SHORT });
        assert.equal(answer.model, p.model);
    }],
    ['chat: tools and their results are taken', async (p) => {
        const answer = await client.chat({
            model: p.model,
            messages: [
                { role: 'user', content: 'Weather?' },
                { role: 'assistant', content: '', tool_calls: [{ function: { name: 'weather', arguments: { place: 'Rome' } } }] },
                { role: 'tool', tool_name: 'weather', content: 'rain' },
            ],
            tools: [WEATHER],
            options: SHORT,
        });
        assert.ok(answer.message.content.length > 0);
    }],
    ['nothing asked: load', async (p) => {
        const answer = await client.generate({ model: p.model, prompt: '' });
        assert.equal(answer.done_reason, 'load');
        assert.equal(answer.response, '');
    }],
    ['errors: 400, 404, 501', async (p) => {
        await refused(client.chat({ model: p.model, messages: TALE, options: { temperature: 'hot' } }), 400, /options\.temperature/);
        await refused(client.chat({ model: p.model, messages: TALE, stream: true, think: 'much' }), 400, /think/);
        await refused(client.chat({ model: `${p.model}x`, messages: TALE }), 404, new RegExp(p.model));
        await refused(client.show({ model: 'nobody' }), 404, /auto/);
        await refused(client.generate({ model: p.model, prompt: 'x', suffix: 'y' }), 400, /suffix/);
        await refused(client.pull({ model: 'qwen3' }), 501, /config/);
        await refused(client.delete({ model: 'qwen3' }), 501, /config/);
    }],
    ['abort: a stream left in the middle stops upstream within a second', async (p) => {
        await p.playsLong();
        const mine = new Ollama({ host: env('NODE') });
        const stream = await mine.generate({ model: p.model, prompt: 'Once', stream: true, options: { num_predict: 15000 } });
        let lines = 0;
        await assert.rejects(async () => {
            for await (const _ of stream)
                if (++lines === 3) {
                    await atWork(p);
                    mine.abort();
                }
        }, { name: 'AbortError' });
        assert.ok(lines >= 3);
        await p.aborted();
    }],
    ['show: what it can', async (p) => {
        const shown = await client.show({ model: p.model });
        assert.ok(shown.capabilities.includes('completion') && shown.capabilities.includes('tools'));
        assert.equal(typeof shown.model_info['general.architecture'], 'string');
    }],
];

const onlyEngine = [
    ['images are refused where nobody sees', async (p) => {
        await refused(client.chat({ model: p.model, messages: [{ role: 'user', content: 'What is it?', images: [PNG] }] }),
            400, /images/);
    }],
    ['ps and keep_alive: loaded, and gone', async (p) => {
        await client.generate({ model: p.model, prompt: 'Once', options: SHORT, keep_alive: '10m' });
        const [loaded] = (await client.ps()).models;
        assert.equal(loaded.name, p.model);
        assert.ok(loaded.size > 0 && new Date(loaded.expires_at) > new Date());
        const gone = await client.generate({ model: p.model, prompt: '', keep_alive: 0 });
        assert.equal(gone.done_reason, 'unload');
        await until(async () => (await client.ps()).models.length === 0, 5000, 'it is unloaded');
        const again = await client.generate({ model: p.model, prompt: 'Once', options: SHORT });
        assert.ok(again.load_duration > 0);
        assert.equal((await nodeSays('/nigh/v1/status')).engine.state, 'ready');
    }],
    ['logprobs', async (p) => {
        const answer = await client.chat({ model: p.model, messages: TALE, options: { num_predict: 3 }, logprobs: true, top_logprobs: 2 });
        assert.equal(answer.logprobs.length, 3);
        assert.equal(answer.logprobs[0].top_logprobs.length, 2);
    }],
];

const onlyCloud = [
    ['tools: calls come whole, arguments an object', async (p) => {
        await p.plays({ calls: 2 });
        const lines = await linesOf(await client.chat({ model: p.model, messages: TALE, tools: [WEATHER], stream: true }));
        const calls = lines.flatMap((line) => line.message.tool_calls ?? []);
        assert.deepEqual(calls.map((call) => call.function.name), ['weather', 'weather']);
        assert.equal(typeof calls[0].function.arguments.place, 'string');
        const answer = await client.chat({ model: p.model, messages: TALE, tools: [WEATHER] });
        assert.equal(answer.message.tool_calls.length, 2);
        /* As it came, with results: back it goes. */
        const said = await client.chat({
            model: p.model,
            messages: [...TALE, answer.message, { role: 'tool', tool_name: 'weather', content: 'rain' },
                { role: 'tool', tool_name: 'weather', content: 'sun' }],
        });
        assert.equal(said.message.content, 'The tool said: sun');
        const { messages } = await p.got();
        assert.deepEqual(messages.slice(2).map((m) => m.tool_call_id), ['call_standin_0', 'call_standin_1']);
    }],
    ['images go as they came', async (p) => {
        await client.chat({ model: p.model, messages: [{ role: 'user', content: 'What?', images: [Buffer.from(PNG, 'base64')] }] });
        const { messages } = await p.got();
        assert.equal(messages[0].content[1].image_url.url, `data:image/png;base64,${PNG}`);
    }],
    ['a stream that breaks throws', async (p) => {
        await p.plays({ tokens: 20, cut_after: 8, token_delay_ms: 20 });
        const stream = await client.chat({ model: 'fault21/big', messages: TALE, stream: true });
        await assert.rejects(linesOf(stream), /fault21/);
    }],
    ['list and version', async () => {
        const { models } = await client.list();
        for (const name of ['auto', 'auto/fast', 'cloud/big'])
            assert.ok(models.some((model) => model.name === name), name);
        assert.match((await client.version()).version, /^0\.\d+\.\d+$/);
    }],
    ['embed: one vector a text, of length one', async () => {
        const { embeddings } = await client.embed({ model: 'cloud/embed-stand-in', input: ['one', 'two'] });
        assert.equal(embeddings.length, 2);
        for (const vector of embeddings)
            assert.ok(Math.abs(Math.hypot(...vector) - 1) < 1e-6);
        const { embedding } = await client.embeddings({ model: 'cloud/embed-stand-in', prompt: 'one' });
        assert.ok(embedding.length === embeddings[0].length);
    }],
];

for (const [name, run] of [...both, ...onlyEngine]) {
    if (env('NO_ENGINE'))
        skip(`ollama: engine: ${name}`, env('NO_ENGINE'));
    else
        await test(`ollama: engine: ${name}`, () => run(engine));
}
for (const [name, run] of [...both, ...onlyCloud])
    await test(`ollama: cloud: ${name}`, async () => {
        await cloud.plays();
        await run(cloud);
    });
process.exit(end());
