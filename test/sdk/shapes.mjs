/* shapes: everything that a node answered while the other suites ran (record.mjs), held against the types
 * of the official packages: every required member present and of its type.
 *
 * The last suite of run; by itself it has nothing to look at. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { Fitter, load } from './fit.mjs';
import { end, skip, test } from './tap.mjs';

const IMPORTS = [
    "import type OpenAI from 'openai';",
    "import type Anthropic from '@anthropic-ai/sdk';",
    "import type * as Ollama from 'ollama';",
];
const ERROR = '{ error: OpenAI.ErrorObject }';
const TYPES = {
    'openai chat completion': 'OpenAI.Chat.Completions.ChatCompletion',
    'openai chat chunk': 'OpenAI.Chat.Completions.ChatCompletionChunk',
    'openai completion': 'OpenAI.Completions.Completion',
    /* The package has no type for a chunk; OpenAI's reference says that both are null before the end. */
    'openai completion chunk': `Omit<OpenAI.Completions.Completion, 'choices' | 'usage'> & { usage?: OpenAI.CompletionUsage | null;
        choices: (Omit<OpenAI.CompletionChoice, 'finish_reason'> & { finish_reason: OpenAI.CompletionChoice['finish_reason'] | null })[] }`,
    /* A string where base64 was asked for: the client decodes it before its type holds. */
    'openai embeddings': `Omit<OpenAI.CreateEmbeddingResponse, 'data'> & {
        data: (Omit<OpenAI.Embedding, 'embedding'> & { embedding: number[] | string })[] }`,
    'openai token count': 'OpenAI.Responses.InputTokenCountResponse',
    'ranks': '{ id: string; object: "list"; model: string; results: { index: number; relevance_score: number }[]; usage: OpenAI.CreateEmbeddingResponse.Usage }',
    'openai model': 'OpenAI.Model',
    'openai models': "{ object: 'list'; data: OpenAI.Model[] }",
    'openai response': 'OpenAI.Responses.Response',
    'openai response event': 'OpenAI.Responses.ResponseStreamEvent',
    'openai response items': 'OpenAI.Responses.ResponseItemList',
    'openai response deleted': "{ id: string; object: 'response'; deleted: true }",
    'openai error': ERROR,
    'anthropic message': 'Anthropic.Message',
    'anthropic event': 'Anthropic.RawMessageStreamEvent',
    'anthropic token count': 'Anthropic.MessageTokensCount',
    'anthropic model': 'Anthropic.ModelInfo',
    'anthropic models': '{ data: Anthropic.ModelInfo[]; has_more: boolean; first_id: string | null; last_id: string | null }',
    'anthropic error': 'Anthropic.ErrorResponse',
    /* The client has one type for every line of a stream; what was measured stands in the last alone. */
    'ollama chat': 'Ollama.ChatResponse',
    'ollama chat line': "Omit<Ollama.ChatResponse, 'done_reason' | `${string}_${'duration' | 'count'}`>",
    'ollama generate': 'Ollama.GenerateResponse',
    'ollama generate line': "Omit<Ollama.GenerateResponse, 'context' | 'done_reason' | `${string}_${'duration' | 'count'}`>",
    'ollama loaded': "Pick<Ollama.GenerateResponse, 'model' | 'created_at' | 'done' | 'done_reason' | 'total_duration' | 'load_duration' | 'response'>",
    'ollama models': "{ models: Omit<Ollama.ModelResponse, 'expires_at' | 'size_vram'>[] }",
    'ollama loaded models': 'Ollama.ListResponse',
    'ollama model': 'Ollama.ShowResponse',
    'ollama version': 'Ollama.VersionResponse',
    'ollama vectors': 'Ollama.EmbedResponse',
    'ollama vector': 'Ollama.EmbeddingsResponse',
    'ollama error': 'Ollama.ErrorResponse',
};

/* Which type an answer has: method, path, and of 200s the type of a body and of a stream's events. */
const ROWS = [
    ['POST', /^\/v1\/chat\/completions$/, 'openai chat completion', 'openai chat chunk'],
    ['POST', /^\/v1\/completions$/, 'openai completion', 'openai completion chunk'],
    ['POST', /^\/v1\/embeddings$/, 'openai embeddings'],
    ['POST', /^\/v1\/chat\/completions\/input_tokens$/, 'openai token count'],
    ['POST', /^\/v1\/rerank$/, 'ranks'],
    ['POST', /^\/v1\/responses$/, 'openai response', 'openai response event'],
    ['POST', /^\/v1\/responses\/[^/]+\/cancel$/, 'openai response'],
    ['DELETE', /^\/v1\/responses\/[^/]+$/, 'openai response deleted'],
    ['GET', /^\/v1\/responses\/[^/]+$/, 'openai response', 'openai response event'],
    ['GET', /^\/v1\/responses\/[^/]+\/input_items$/, 'openai response items'],
    ['POST', /^\/v1\/messages$/, 'anthropic message', 'anthropic event'],
    ['POST', /^\/v1\/messages\/count_tokens$/, 'anthropic token count'],
    ['POST', /^\/api\/chat$/, 'ollama chat'],
    ['POST', /^\/api\/generate$/, 'ollama generate'],
    ['POST', /^\/api\/embed$/, 'ollama vectors'],
    ['POST', /^\/api\/embeddings$/, 'ollama vector'],
    ['POST', /^\/api\/show$/, 'ollama model'],
    ['GET', /^\/api\/tags$/, 'ollama models'],
    ['GET', /^\/api\/ps$/, 'ollama loaded models'],
    ['GET', /^\/api\/version$/, 'ollama version'],
    ['GET', /^\/v1\/models$/, 'openai models'],
    ['GET', /^\/v1\/models\/.+$/, 'openai model'],
];
const ANTHROPIC = { 'openai models': 'anthropic models', 'openai model': 'anthropic model' };

/* What a type requires and the wire does not have, each with its reason. */
const EXCUSED = [
    [/^openai response(\.response|\[\])?\.output_text$/, 'made by the client of the output'],
    [/^openai response event\.response\.output_text$/, 'made by the client of the output'],
    [/^ollama generate\.context$/, 'the conversation as token numbers: deprecated, and not kept here'],
    [/^ollama model\.model_info\./, 'typed as a Map, sent as an object'],
    [/^openai response( event\.response)?\.(user|usage|text\.format\.description)$/, 'null: openresponses.org wants them there'],
];
/* What the wire has beyond the types, each with its reason; anything else that is extra fails. */
const KNOWN_EXTRAS = [
    [/^openai response( event\.response)?\.(store|presence_penalty|frequency_penalty|max_tool_calls)$/,
     'required by openresponses.org'],
    [/^openai response event\.logprobs\[\](\.top_logprobs\[\])?\.bytes$/, 'required by openresponses.org'],
    [/^openai response event\.error$/, "as OpenAI's servers tell it and its client reads it"],
    [/\.usage\.nigh$/, 'the bill, docs/api.md'],
    [/\.reasoning_content$/, "thinking, by the name that DeepSeek, vLLM and llama-server use"],
    [/\.prompt_tokens_details\.cache_write_tokens$/, 'counts of places that bill for it'],
    [/^ollama (chat|generate).*\.tool_calls\[\]\.(id|function\.index)$/, "Ollama's own server sends them"],
    [/^ollama (chat|generate).*\.logprobs\[\]\.(top_logprobs\[\]\.)?(bytes|id)$/, "Ollama's own server sends bytes; the number is llama-server's"],
    [/^openai error\.error\.(n_prompt_tokens|n_ctx)$/, "llama-server tells them of a context that is too small"],
    [/^ollama loaded models\.models\[\]\.context_length$/, "Ollama's own server sends it"],
    [/^ollama model\.model_info\./, 'typed as a Map, sent as an object'],
    [/^ollama version\.nigh$/, 'of this node'],
    [/\.logprobs\.(content|refusal)\[\]\.(id|top_logprobs\[\]\.id)$/, "llama-server's number of a token, passed on"],
];

function rowOf({ method, path, anthropic, status, type, body }) {
    if (status >= 400) {
        const anthropicPath = path.startsWith('/v1/messages') || (anthropic && path.startsWith('/v1/models'));
        return path.startsWith('/api/') ? 'ollama error' : anthropicPath ? 'anthropic error' : 'openai error';
    }
    const row = ROWS.find(([verb, pattern]) => verb === method && pattern.test(path));
    const kind = row?.[type.includes('event-stream') ? 3 : 2] ?? null;
    return anthropic && ANTHROPIC[kind] ? ANTHROPIC[kind] : kind;
}

/* The JSON of a body, or of each whole event of a stream. */
function objectsOf({ type, text, whole }) {
    if (type.includes('x-ndjson'))
        return text.split('\n').slice(0, -1).map((line) => JSON.parse(line));
    if (!type.includes('event-stream'))
        return whole ? [JSON.parse(text)] : [];
    return text.split(/\r?\n\r?\n/).slice(0, -1).flatMap((block) => {
        const data = block.split(/\r?\n/).filter((line) => line.startsWith('data:')).map((line) => line.slice(5)).join('\n');
        return data.trim() === '' || data.trim() === '[DONE]' ? [] : [JSON.parse(data)];
    });
}

/* An error where an event was awaited. */
function kindOfEvent(kind, object) {
    if (kind === 'anthropic event' && object.type === 'error')
        return 'anthropic error';
    if (kind === 'anthropic event' && object.type === 'ping')
        return null; /* told in the documentation of streams, left out of the type */
    if (kind === 'ollama chat' || kind === 'ollama generate') {
        if (object.error)
            return 'ollama error';
        if (['load', 'unload'].includes(object.done_reason))
            return 'ollama loaded';
        return object.done ? kind : `${kind} line`;
    }
    if (kind.startsWith('openai') && object.error && !object.object && kind !== 'openai response event')
        return 'openai error';
    return kind;
}

function gather(lines) {
    const heard = new Map(Object.keys(TYPES).map((kind) => [kind, []]));
    const unknown = new Map();
    for (const line of lines) {
        const record = JSON.parse(line);
        const kind = rowOf(record);
        const where = `${record.method} ${record.path}`;
        if (!kind && (record.path.startsWith('/v1/') || record.path.startsWith('/api/')))
            unknown.set(where, (unknown.get(where) ?? 0) + 1);
        if (!kind)
            continue;
        for (const object of objectsOf(record)) {
            const one = kindOfEvent(kind, object);
            if (one)
                heard.get(one).push({ object, where: `${where} ${record.status}` });
        }
    }
    return { heard, unknown };
}

const file = process.env.NIGH_SDK_RECORD;
const lines = file && existsSync(file) ? readFileSync(file, 'utf8').split('\n').filter(Boolean) : [];
if (lines.length === 0) {
    skip('shapes', 'nothing was recorded: no other suite ran');
    process.exit(end());
}
const { checker, types } = load(IMPORTS, TYPES);
const fitterOf = () => new Fitter(checker, (path) => EXCUSED.some(([pattern]) => pattern.test(path)));
const { heard, unknown } = gather(lines);
const complained = (kind, object) => fitterOf().fits(object, types[kind], kind);

let objects = 0;
let kinds = 0;
for (const [kind, list] of heard) {
    if (list.length === 0) {
        skip(`shapes: ${kind}`, 'no suite that ran had one');
        continue;
    }
    await test(`shapes: ${kind}: ${list.length} fit`, async () => {
        const fitter = fitterOf();
        for (const { object, where } of list) {
            const complaints = fitter.fits(object, types[kind], kind);
            assert.deepEqual(complaints, [], `${where}: ${JSON.stringify(object).slice(0, 600)}`);
        }
        const extras = [...fitter.extras.keys()].filter((path) => !KNOWN_EXTRAS.some(([pattern]) => pattern.test(path)));
        assert.deepEqual(extras, [], 'members that no type knows and no row of KNOWN_EXTRAS explains');
    });
    await test(`shapes: ${kind}: without any one of its required members it would not`, async () => {
        const fitter = fitterOf();
        list.slice(0, 50).forEach(({ object }) => fitter.fits(object, types[kind], kind));
        assert.ok(fitter.required.size > 0, 'nothing is required');
        for (const path of fitter.required) {
            if (EXCUSED.some(([pattern]) => pattern.test(path)))
                continue;
            const missed = list.slice(0, 50).some(({ object }) => {
                const less = without(structuredClone(object), path.slice(kind.length + 1).split('.'));
                return less && complained(kind, less).length > 0;
            });
            assert.ok(missed, `${path} could be left out and nobody would see`);
        }
    });
    objects += list.length;
    kinds += 1;
}
if (!process.argv[2])
    await test('shapes: every path that was asked has a type', async () => {
        assert.deepEqual([...unknown.keys()], []);
    });
console.log(`# ${objects} objects of ${kinds} types, from ${lines.length} answers`);
process.exit(end());

/* The object less one member by its path ("choices[].delta"), or null where it has none. */
function without(object, steps) {
    let at = [object];
    for (const [i, step] of steps.entries()) {
        const name = step.replace(/(\[\])+$/, '');
        at = at.filter((one) => one !== null && typeof one === 'object' && Object.hasOwn(one, name));
        if (at.length === 0)
            return null;
        if (i === steps.length - 1) {
            at.forEach((one) => delete one[name]);
            return object;
        }
        at = at.flatMap((one) => (Array.isArray(one[name]) ? one[name].flat(3) : [one[name]]));
    }
    return null;
}
