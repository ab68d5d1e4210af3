/* verbs: what the OpenAI client asks for besides chats: vectors, completions, and, by its post(), ranks and
 * counts.  usage: node verbs.mjs [PART OF A NAME]... */
import assert from 'node:assert/strict';
import OpenAI from 'openai';
import { clientOf, cloud, env } from './place.mjs';
import { end, skip, test } from './tap.mjs';

const client = clientOf();
const EMBED = 'cloud/embed-stand-in';
const BASE = 'cloud/base';
const HERE = env('ENGINE_MODEL');

/* The client asks for base64 unless told otherwise, and decodes it. */
async function sameEitherWay(model, input) {
    const packed = await client.embeddings.create({ model, input });
    const plain = await client.embeddings.create({ model, input, encoding_format: 'float' });
    assert.equal(packed.data.length, plain.data.length);
    assert.equal(packed.object, 'list');
    for (const [i, { embedding, index, object }] of packed.data.entries()) {
        assert.equal(index, i);
        assert.equal(object, 'embedding');
        assert.ok(embedding.length > 0);
        assert.deepEqual([...embedding], [...Float32Array.from(plain.data[i].embedding)]);
    }
    assert.ok(packed.usage.prompt_tokens > 0);
    assert.equal(packed.usage.total_tokens, packed.usage.prompt_tokens);
    return packed.data.map(({ embedding }) => embedding);
}

async function streamed(body) {
    const texts = [];
    let usage = null;
    for await (const chunk of await client.completions.create({ ...body, stream: true, stream_options: { include_usage: true } })) {
        assert.equal(chunk.object, 'text_completion');
        for (const { index, text } of chunk.choices)
            texts[index] = (texts[index] ?? '') + text;
        usage = chunk.usage ?? usage;
    }
    return { texts, usage };
}

const ofCloud = {
    'embeddings in order, floats or base64': async () => {
        const [a, b, again] = await sameEitherWay(EMBED, ['one', 'two words', 'one']);
        assert.deepEqual(a, again);
        assert.notDeepEqual(a, b);
    },
    'embeddings of tokens, with dimensions': async () => {
        const { data } = await client.embeddings.create({ model: EMBED, input: [[1, 2], [3]], dimensions: 32, user: 'u' });
        assert.deepEqual(data.map(({ embedding }) => embedding.length), [32, 32]);
        assert.deepEqual((await cloud.got()).input, [[1, 2], [3]]);
        assert.equal((await cloud.got()).user, 'u');
    },
    'two thousand embeddings at once': async () => {
        const input = Array.from({ length: 2048 }, (_, i) => `text ${i}`);
        const { data } = await client.embeddings.create({ model: EMBED, input, dimensions: 256 });
        assert.equal(data.length, 2048);
        assert.ok(data.every(({ index, embedding }, i) => index === i && embedding.length === 256));
        await assert.rejects(client.embeddings.create({ model: EMBED, input: [...input, 'one more'] }), OpenAI.BadRequestError);
    },
    'embeddings: a rate limit is the caller\'s error': async () => {
        await cloud.plays({ status: 429, error: 'quota' });
        await assert.rejects(client.embeddings.create({ model: EMBED, input: 'x' }), OpenAI.APIError);
    },
    'embeddings: a chat model has none': async () => {
        await assert.rejects(client.embeddings.create({ model: 'cloud/big', input: 'x' }), (error) =>
            error.status === 501 && error.code === 'not_supported' && /embed/.test(error.message));
    },
    'completions whole': async () => {
        await cloud.plays({ reply: 'upon a time' });
        const answer = await client.completions.create({ model: BASE, prompt: ['Once', 'Twice'], n: 2, echo: true, logprobs: 1 });
        assert.equal(answer.choices.length, 4);
        assert.equal(answer.choices[3].text, 'upon a time');
        assert.ok(answer.choices[0].logprobs.tokens.length > 0);
        assert.equal((await cloud.got()).echo, true);
    },
    'completions streamed': async () => {
        await cloud.plays({ reply: 'upon a time' });
        const { texts, usage } = await streamed({ model: BASE, prompt: ['Once', 'Twice'], echo: true });
        assert.deepEqual(texts, ['Onceupon a time', 'Twiceupon a time']);
        assert.equal(usage.completion_tokens, 6);
    },
    'ranks': async () => {
        const answer = await client.post('/rerank', { body: { model: 'cloud/rerank-stand-in', query: 'blue whale', documents: ['a cat', 'the blue whale'] } });
        assert.deepEqual(answer.results.map(({ index }) => index), [1, 0]);
    },
};

const ofEngine = {
    'embeddings, floats or base64': async () => {
        const [a, b, again] = await sameEitherWay(`${HERE}:embed`, ['Once upon a time', 'The end', 'Once upon a time']);
        assert.deepEqual(a, again);
        assert.notDeepEqual(a, b);
    },
    'completions whole and streamed': async () => {
        const body = { model: HERE, prompt: ['Once', 'Once'], max_tokens: 4, temperature: 0 };
        const answer = await client.completions.create(body);
        const { texts, usage } = await streamed(body);
        assert.equal(answer.choices[0].text, answer.choices[1].text);
        assert.deepEqual(texts, answer.choices.map(({ text }) => text));
        assert.equal(usage.completion_tokens, 8);
    },
    'tokens of a chat counted': async () => {
        const count = (content) => client.post('/chat/completions/input_tokens', { body: { model: HERE, messages: [{ role: 'user', content }] } });
        const short = await count('hi');
        const long = await count('hi, and then some more words');
        assert.ok(short.input_tokens > 0 && long.input_tokens > short.input_tokens);
    },
};

for (const [name, run] of Object.entries(ofEngine)) {
    if (env('NO_ENGINE'))
        skip(`verbs, engine: ${name}`, env('NO_ENGINE'));
    else
        await test(`verbs, engine: ${name}`, run);
}
for (const [name, run] of Object.entries(ofCloud))
    await test(`verbs, cloud: ${name}`, async () => {
        await cloud.plays();
        await run();
    });
await cloud.plays();
process.exit(end());
