/* place: the two that the same list of tests is run against, and what each lets a test see.
 *
 * `cloud` is the stand-in: it does as it is told and keeps what it was sent.  `engine` is the real
 * llama-server with a model of 260 thousand parameters, which says what it likes: where a test needs
 * certain words from it, a schema makes it say them. */
import assert from 'node:assert/strict';
import OpenAI from 'openai';
import { until } from './tap.mjs';

export const env = (name) => process.env[`NIGH_SDK_${name}`] ?? '';

export function clientOf(more = {}) {
    return new OpenAI({ baseURL: `${env('NODE')}/v1`, apiKey: 'none', maxRetries: 0, ...more });
}

export async function nodeSays(path) {
    const response = await fetch(env('NODE') + path);
    return response.json();
}

async function standin(path, body) {
    const response = await fetch(env('STANDIN') + path, {
        method: body === undefined ? 'GET' : 'POST',
        body: body === undefined ? undefined : JSON.stringify(body),
    });
    if (!response.ok)
        throw new Error(`stand-in: ${await response.text()}`);
    return response.headers.get('content-type')?.includes('json') ? response.json() : null;
}

export const cloud = {
    name: 'cloud',
    model: 'cloud/big',
    zone: 'public',
    short: {}, /* what keeps an answer short */
    long: {}, /* what makes one that does not end by itself while a test watches */
    /* Forgets what it saw and plays this act from now on; acts are told in test/rig/README.md. */
    async plays(act = {}) {
        await standin('/control', { clear: true, default: act });
        await standin('/control/forget', {});
    },
    async playsLong() {
        await cloud.plays({ tokens: 3000, token_delay_ms: 20 });
    },
    seen: () => standin('/control/seen'),
    /* The body that it was last sent. */
    async got() {
        const seen = await cloud.seen();
        return JSON.parse(seen.log.at(-1).body);
    },
    async busy() {
        return (await cloud.seen()).log.filter((row) => row.how === 'open').length;
    },
    async aborted() {
        await until(async () => (await cloud.seen()).aborts === 1, 1000, 'the cloud saw us leave');
        assert.equal(await cloud.busy(), 0);
    },
};

const engineStatus = async () => (await nodeSays('/nigh/v1/status')).engine;

export const engine = {
    name: 'engine',
    model: env('ENGINE_MODEL'),
    zone: 'device',
    short: { max_tokens: 24 },
    long: { max_tokens: 15000, ignore_eos: true },
    async plays() {},
    async playsLong() {},
    async busy() {
        return (await engineStatus()).slots_busy;
    },
    async aborted() {
        await until(async () => (await engine.busy()) === 0, 1000, 'the engine has no slot busy');
    },
};
