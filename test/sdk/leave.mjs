/* leave: a program that goes away, or waits no longer, is noticed by who works for it within a second. */
import assert from 'node:assert/strict';
import OpenAI from 'openai';
import { clientOf } from './place.mjs';
import { completionFits } from './shape.mjs';
import { until } from './tap.mjs';

const chat = clientOf().chat.completions;
const TALE = [{ role: 'user', content: 'Once upon a time' }];

/* It is at work for us: else that it stops shows nothing. */
async function atWork(p) {
    await until(async () => (await p.busy()) === 1, 10_000, `the ${p.name} works for us`);
}

async function stillAnswers(p) {
    await p.plays();
    completionFits(await chat.create({ model: p.model, messages: TALE, ...p.short }, { timeout: 5000 }));
}

export const both = [
    ['abort: a stream left in the middle stops upstream within a second', async (p) => {
        await p.playsLong();
        const control = new AbortController();
        const stream = await chat.create(
            { model: p.model, messages: TALE, stream: true, ...p.long }, { signal: control.signal });
        let chunks = 0;
        for await (const _ of stream) {
            chunks += 1;
            if (chunks === 5) {
                await atWork(p);
                control.abort();
            }
        }
        assert.ok(chunks >= 5 && control.signal.aborted);
        await p.aborted();
        await stillAnswers(p);
    }],
    ['abort: break out of for await', async (p) => {
        await p.playsLong();
        const stream = await chat.create({ model: p.model, messages: TALE, stream: true, ...p.long });
        for await (const _ of stream) {
            await atWork(p);
            break;
        }
        await p.aborted();
    }],
    ['abort: .stream().abort() is an APIUserAbortError', async (p) => {
        await p.playsLong();
        const runner = chat.stream({ model: p.model, messages: TALE, ...p.long });
        const ended = assert.rejects(runner.finalChatCompletion(), OpenAI.APIUserAbortError);
        await runner.emitted('content');
        await atWork(p);
        runner.abort();
        await ended;
        await p.aborted();
    }],
    ['abort: before the first byte of a whole answer', async (p) => {
        await p.playsLong();
        const control = new AbortController();
        const answer = chat.create({ model: p.model, messages: TALE, ...p.long }, { signal: control.signal });
        const ended = assert.rejects(answer, OpenAI.APIUserAbortError);
        await atWork(p);
        control.abort();
        await ended;
        await p.aborted();
        await stillAnswers(p);
    }],
    ['timeout: APIConnectionTimeoutError, and nobody works on', async (p) => {
        await p.playsLong();
        const began = performance.now();
        await assert.rejects(
            chat.create({ model: p.model, messages: TALE, ...p.long }, { timeout: 400 }),
            OpenAI.APIConnectionTimeoutError);
        assert.ok(performance.now() - began < 2000);
        await p.aborted();
        await stillAnswers(p);
    }],
];
