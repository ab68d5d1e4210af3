/* chat: models, answers, streams, schemas, images and the wishes that travel with them. */
import assert from 'node:assert/strict';
import { clientOf, cloud, engine, nodeSays } from './place.mjs';
import { chunksFit, completionFits, logprobsFit, usageFits } from './shape.mjs';
import { until } from './tap.mjs';

const client = clientOf();
const chat = client.chat.completions;
const user = (content) => [{ role: 'user', content }];
const TALE = user('Tell me of the sea');
const PIXEL =
    'data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';
const IMAGE = [
    { role: 'user', content: [{ type: 'text', text: 'What is this?' }, { type: 'image_url', image_url: { url: PIXEL } }] },
];
const schemaOf = (schema) => ({ type: 'json_schema', json_schema: { name: 'thing', strict: true, schema } });
const objectOf = (properties) => ({
    type: 'object',
    properties,
    required: Object.keys(properties),
    additionalProperties: false,
});

async function collect(stream) {
    const chunks = [];
    for await (const chunk of stream)
        chunks.push(chunk);
    return chunks;
}

/* For both places: the same words in, the same shape out. */
export const both = [
    ['models.list names it, models.retrieve finds it', async (p) => {
        const names = [];
        for await (const model of client.models.list()) {
            assert.equal(model.object, 'model');
            assert.equal(typeof model.owned_by, 'string');
            assert.ok(Number.isInteger(model.created));
            names.push(model.id);
        }
        assert.ok(names.includes('auto') && names.includes(p.model), names.join(' '));
        const one = await client.models.retrieve(p.model);
        assert.equal(one.id, p.model);
        assert.equal(one.object, 'model');
    }],
    ['create: every required member, and words', async (p) => {
        const got = await chat.create({ model: p.model, messages: TALE, ...p.short });
        completionFits(got);
        assert.equal(got.model, p.model);
        assert.ok(got.choices[0].message.content.length > 0);
        assert.ok(got.usage.prompt_tokens > 0 && got.usage.completion_tokens > 0);
    }],
    ['stream: for await, with usage', async (p) => {
        const stream = await chat.create({
            model: p.model, messages: TALE, stream: true, stream_options: { include_usage: true }, ...p.short,
        });
        const chunks = await collect(stream);
        const [{ text }] = chunksFit(chunks, { usage: true });
        assert.ok(text.length > 0);
        assert.ok(chunks.length > 3, `${chunks.length} chunks are no stream`);
        assert.ok(chunks.at(-1).usage.completion_tokens > 0);
    }],
    ['stream: no usage where none is asked for', async (p) => {
        chunksFit(await collect(await chat.create({ model: p.model, messages: TALE, stream: true, ...p.short })));
    }],
    ['stream: what it says is what it says whole', async (p) => {
        const same = { model: p.model, messages: TALE, temperature: 0, seed: 7, ...p.short };
        const whole = await chat.create(same);
        const [{ text, finish }] = chunksFit(await collect(await chat.create({ ...same, stream: true })));
        assert.equal(text, whole.choices[0].message.content);
        assert.equal(finish, whole.choices[0].finish_reason);
    }],
    ['.stream(): events, finalChatCompletion, totalUsage', async (p) => {
        const runner = chat.stream({
            model: p.model, messages: TALE, stream_options: { include_usage: true }, ...p.short,
        });
        const told = { content: '', chunks: 0, done: 0 };
        runner.on('content', (delta, snapshot) => {
            told.content += delta;
            assert.equal(told.content, snapshot);
        });
        runner.on('chunk', () => { told.chunks += 1; });
        runner.on('content.done', () => { told.done += 1; });
        const final = await runner.finalChatCompletion();
        completionFits({ ...final, choices: final.choices.map((c) => ({
            ...c, message: { refusal: null, ...c.message }, logprobs: c.logprobs ?? null,
        })) });
        assert.equal(final.choices[0].message.content, told.content);
        assert.ok(told.chunks > 3);
        assert.equal(told.done, 1);
        assert.equal(await runner.finalContent(), told.content);
        usageFits(await runner.totalUsage());
    }],
    ['.withResponse(): who answered, and why, whole and streamed', async (p) => {
        for (const stream of [false, true]) {
            const { data, response, request_id } = await chat
                .create({ model: p.model, messages: TALE, stream, ...p.short })
                .withResponse();
            const turn = response.headers.get('Nigh-Turn');
            assert.match(turn, /^[0-9A-Z]{26}$/);
            assert.equal(request_id, turn);
            assert.equal(response.headers.get('Nigh-Place'), p.model);
            assert.equal(response.headers.get('Nigh-Zone'), p.zone);
            assert.match(response.headers.get('Nigh-Reason'), /asked for/);
            if (stream)
                chunksFit(await collect(data));
            const bill = await until(async () => {
                const row = await nodeSays(`/nigh/v1/turns/${turn}`);
                return row.id && row;
            }, 5000, 'the bill of the turn that the header names');
            assert.equal(bill.id, turn);
            assert.equal(bill.place, p.model);
        }
    }],
    ['.asResponse() and toReadableStream(): the bytes themselves', async (p) => {
        const raw = await chat.create({ model: p.model, messages: TALE, stream: true, ...p.short }).asResponse();
        assert.match(raw.headers.get('content-type'), /^text\/event-stream/);
        assert.match(await raw.text(), /data: \[DONE\]\n\n$/);
        const stream = await chat.create({ model: p.model, messages: TALE, stream: true, ...p.short });
        const lines = (await new Response(stream.toReadableStream()).text()).trim().split('\n');
        chunksFit(lines.map((line) => JSON.parse(line)));
    }],
    ['max_completion_tokens and max_tokens: finish_reason length', async (p) => {
        for (const limit of ['max_completion_tokens', 'max_tokens']) {
            const got = await chat.create({ model: p.model, messages: TALE, [limit]: 3 });
            assert.equal(got.choices[0].finish_reason, 'length', limit);
            assert.equal(got.usage.completion_tokens, 3, limit);
            const [{ finish }] = chunksFit(await collect(
                await chat.create({ model: p.model, messages: TALE, [limit]: 3, stream: true })));
            assert.equal(finish, 'length', limit);
        }
    }],
    ['n: two choices, whole and streamed', async (p) => {
        completionFits(await chat.create({ model: p.model, messages: TALE, n: 2, ...p.short }), 2);
        const said = chunksFit(
            await collect(await chat.create({ model: p.model, messages: TALE, n: 2, stream: true, ...p.short })),
            { choices: 2 });
        assert.ok(said.every(({ text }) => text.length > 0));
    }],
    ['logprobs: one row a token, whole and streamed', async (p) => {
        const ask = { model: p.model, messages: TALE, logprobs: true, ...p.short, max_tokens: 4 };
        const got = await chat.create(ask);
        const rows = logprobsFit(got.choices[0].logprobs);
        assert.equal(rows.length, got.usage.completion_tokens);
        assert.equal(rows.map((row) => row.token).join(''), got.choices[0].message.content);
        const chunks = await collect(await chat.create({ ...ask, stream: true }));
        chunksFit(chunks);
        const streamed = chunks.flatMap((chunk) => chunk.choices[0].logprobs?.content ?? []);
        assert.equal(streamed.length, 4);
    }],
    ['parse(): a JSON schema, the reply parses and fits', async (p) => {
        const response_format = schemaOf(objectOf({
            colour: { type: 'string', enum: ['red', 'blue'] },
            sure: { type: 'boolean' },
            kind: { const: 'paint' },
        }));
        const got = await chat.parse({ model: p.model, messages: user('A colour'), response_format });
        const { parsed, content } = got.choices[0].message;
        assert.equal(got.choices[0].finish_reason, 'stop');
        assert.deepEqual(Object.keys(parsed).sort(), ['colour', 'kind', 'sure']);
        assert.ok(['red', 'blue'].includes(parsed.colour));
        assert.equal(typeof parsed.sure, 'boolean');
        assert.equal(parsed.kind, 'paint');
        assert.deepEqual(JSON.parse(content), parsed);
        const streamed = await chat
            .stream({ model: p.model, messages: user('A colour'), response_format })
            .finalChatCompletion();
        assert.equal(JSON.parse(streamed.choices[0].message.content).kind, 'paint');
    }],
    ['parse(): an answer that the limit cut is LengthFinishReasonError', async (p) => {
        const { LengthFinishReasonError } = await import('openai/error');
        await assert.rejects(
            chat.parse({
                model: p.model, messages: TALE, max_tokens: 1,
                response_format: schemaOf(objectOf({ kind: { const: 'a longer word than one token' } })),
            }),
            LengthFinishReasonError);
    }],
    ['json_object: the reply is JSON', async (p) => {
        const got = await chat.create({
            model: p.model, messages: user('An object'), temperature: 0, max_tokens: 400,
            response_format: { type: 'json_object' },
        });
        if (p === cloud || got.choices[0].finish_reason === 'stop')
            assert.equal(typeof JSON.parse(got.choices[0].message.content), 'object');
        else /* a tiny model may go on for ever; what it said so far is JSON's beginning */
            assert.match(got.choices[0].message.content, /^\s*\{/);
    }],
    ['words beyond ASCII arrive whole, streamed and not', async (p) => {
        const words = 'Zoë 🌍 日本語 שלום';
        const ask = {
            model: p.model, messages: user(`Say ${words}`),
            response_format: schemaOf(objectOf({ words: { const: words } })),
        };
        const whole = await chat.parse(ask);
        assert.equal(whole.choices[0].message.parsed.words, words);
        const [{ text }] = chunksFit(await collect(await chat.create({ ...ask, stream: true })));
        assert.equal(JSON.parse(text).words, words);
    }],
    ['developer and system messages, parts, names, earlier answers are taken', async (p) => {
        completionFits(await chat.create({
            model: p.model,
            messages: [
                { role: 'developer', content: 'Be brief.' },
                { role: 'user', name: 'ann', content: [{ type: 'text', text: 'Hello' }, { type: 'text', text: ' there' }] },
                { role: 'assistant', content: 'Yes?' },
                { role: 'user', content: 'Go on' },
            ],
            ...p.short,
        }));
        completionFits(await chat.create({
            model: p.model,
            messages: [{ role: 'system', content: [{ type: 'text', text: 'Be kind.' }] }, ...TALE],
            ...p.short,
        }));
    }],
    ['twenty at once: each its own answer', async (p) => {
        await p.plays({ echo: 'text', token_delay_ms: 1 });
        const asks = Array.from({ length: p === cloud ? 20 : 6 }, async (_, i) => {
            const words = `number ${i} of them all`;
            const stream = await chat.create({
                model: p.model, messages: user(words), stream: true,
                ...(p === engine && { response_format: schemaOf(objectOf({ words: { const: words } })) }),
            });
            const [{ text }] = chunksFit(await collect(stream));
            assert.equal(p === cloud ? text : JSON.parse(text).words, words);
        });
        await Promise.all(asks);
    }],
];

export const onlyEngine = [
    ['seed and temperature: the same words again; stop ends them before its string', async (p) => {
        const ask = { model: p.model, messages: TALE, temperature: 0, seed: 3, max_tokens: 40 };
        const words = (await chat.create(ask)).choices[0].message.content;
        const again = (await chat.create(ask)).choices[0].message.content;
        assert.equal(again, words);
        const at = words.indexOf(' ', 12);
        assert.ok(at > 0, words);
        const stop = words.slice(at, at + 4);
        for (const list of [stop, ['never said so', stop]]) {
            const cut = await chat.create({ ...ask, stop: list });
            assert.equal(cut.choices[0].message.content, words.slice(0, words.indexOf(stop)));
            assert.equal(cut.choices[0].finish_reason, 'stop');
        }
    }],
    ['top_logprobs; logit_bias keeps a token away', async (p) => {
        const ask = { model: p.model, messages: TALE, temperature: 0, max_tokens: 1, logprobs: true, top_logprobs: 3 };
        const [row] = logprobsFit((await chat.create(ask)).choices[0].logprobs);
        assert.equal(row.top_logprobs.length, 3);
        assert.ok(Number.isInteger(row.id), 'llama-server tells the id of a token');
        const biased = await chat.create({ ...ask, logit_bias: { [row.id]: -100 } });
        assert.notEqual(biased.choices[0].logprobs.content[0].id, row.id);
    }],
    ['an image, and no model here that sees: 400, names it', async (p) => {
        await cloud.plays();
        await assert.rejects(chat.create({ model: p.model, messages: IMAGE }), (error) => {
            assert.equal(error.constructor.name, 'BadRequestError');
            assert.match(error.message, /image/);
            assert.match(error.message, new RegExp(p.model));
            return true;
        });
        assert.equal((await cloud.seen()).requests, 0);
    }],
    ['an image under auto goes to the cloud', async () => {
        await cloud.plays();
        const { data, response } = await chat.create({ model: 'auto', messages: IMAGE }).withResponse();
        completionFits(data);
        assert.equal(response.headers.get('Nigh-Place'), cloud.model);
        assert.match(response.headers.get('Nigh-Reason'), /image/);
    }],
    ['an alias: an unmodified program asks for gpt-4o', async (p) => {
        const { data, response } = await chat
            .create({ model: 'gpt-4o', messages: TALE, ...p.short })
            .withResponse();
        completionFits(data);
        assert.equal(response.headers.get('Nigh-Place'), p.model);
    }],
];

export const onlyCloud = [
    ['what was asked is what the cloud gets', async (p) => {
        const wishes = {
            temperature: 0.5, top_p: 0.9, presence_penalty: 0.25, frequency_penalty: -0.25, seed: 42, stop: ['a', 'b'],
            logit_bias: { 50256: -100 }, logprobs: true, top_logprobs: 2, n: 2, user: 'ann',
            reasoning_effort: 'low', service_tier: 'default', store: false, verbosity: 'low', not_yet_invented: { a: [1] },
        };
        const messages = [
            { role: 'developer', content: 'Be brief.' },
            { role: 'user', name: 'ann', content: [{ type: 'text', text: 'Hello' }] },
        ];
        await chat.create({ model: p.model, messages, max_completion_tokens: 9, ...wishes });
        const got = await p.got();
        assert.equal(got.model, 'big');
        assert.equal(got.max_completion_tokens ?? got.max_tokens, 9); /* some providers know only the old name */
        assert.deepEqual(got.messages, messages);
        for (const [member, value] of Object.entries(wishes))
            assert.deepEqual(got[member], value, member);
    }],
    ['an image travels byte for byte', async (p) => {
        completionFits(await chat.create({ model: p.model, messages: IMAGE }));
        assert.deepEqual((await p.got()).messages, IMAGE);
    }],
    ['metadata travels on, without what was meant for nigh', async (p) => {
        await chat.create({
            model: p.model, messages: TALE, metadata: { project: 'tides', nigh_label: 'public', nigh_session: 's1' },
        });
        assert.deepEqual((await p.got()).metadata, { project: 'tides' });
    }],
    ['neither our key nor our labels travel on', async (p) => {
        await clientOf({ apiKey: 'sk-of-the-client' }).chat.completions.create(
            { model: p.model, messages: TALE }, { headers: { 'Nigh-Label': 'public', Cookie: 'crumb=1' } });
        const { head } = (await p.seen()).log.at(-1);
        assert.doesNotMatch(head, /sk-of-the-client|nigh-label|crumb|stainless/i);
    }],
    ['a long word of four-byte characters, cut anywhere on its way', async (p) => {
        const words = `x${'🌍'.repeat(40_000)}`;
        await p.plays({ reply: words });
        const whole = await chat.create({ model: p.model, messages: TALE });
        assert.equal(whole.choices[0].message.content, words);
        const [{ text }] = chunksFit(await collect(await chat.create({ model: p.model, messages: TALE, stream: true })));
        assert.ok(text === words);
    }],
    ['the usage that is told is the one that the cloud told', async (p) => {
        await p.plays({ usage: {
            prompt_tokens: 100, completion_tokens: 20, total_tokens: 120,
            prompt_tokens_details: { cached_tokens: 64 }, completion_tokens_details: { reasoning_tokens: 12 },
        } });
        const { usage } = await chat.create({ model: p.model, messages: TALE });
        usageFits(usage);
        assert.equal(usage.prompt_tokens, 100);
        assert.equal(usage.completion_tokens, 20);
        assert.equal(usage.prompt_tokens_details.cached_tokens, 64);
        assert.equal(usage.completion_tokens_details.reasoning_tokens, 12);
    }],
    ['content_filter is told as it is', async (p) => {
        await p.plays({ finish: 'content_filter' });
        const { ContentFilterFinishReasonError } = await import('openai/error');
        const got = await chat.create({ model: p.model, messages: TALE });
        assert.equal(got.choices[0].finish_reason, 'content_filter');
        await assert.rejects(chat.parse({ model: p.model, messages: TALE }), ContentFilterFinishReasonError);
    }],
];
