/* shape: every member that OpenAI's reference calls required, present and of its type.
 * https://platform.openai.com/docs/api-reference/chat */
import assert from 'node:assert/strict';

const FINISHES = ['stop', 'length', 'tool_calls', 'content_filter'];

function has(object, member, types, where) {
    assert.ok(object && typeof object === 'object', `${where}: no object`);
    assert.ok(member in object, `${where}.${member} is missing`);
    const value = object[member];
    const type = value === null ? 'null' : Array.isArray(value) ? 'array' : typeof value;
    assert.ok(types.split(' ').includes(type), `${where}.${member}: ${type}, not ${types}`);
    return value;
}

function count(object, member, where) {
    const value = has(object, member, 'number', where);
    assert.ok(Number.isInteger(value) && value >= 0, `${where}.${member}: ${value}`);
    return value;
}

export function usageFits(usage) {
    const sum = count(usage, 'prompt_tokens', 'usage') + count(usage, 'completion_tokens', 'usage');
    assert.equal(count(usage, 'total_tokens', 'usage'), sum, 'usage.total_tokens is no sum');
}

function callsFit(calls, where) {
    for (const [i, call] of calls.entries()) {
        assert.ok(has(call, 'id', 'string', `${where}[${i}]`).length > 0);
        assert.equal(has(call, 'type', 'string', `${where}[${i}]`), 'function');
        const of = has(call, 'function', 'object', `${where}[${i}]`);
        assert.ok(has(of, 'name', 'string', `${where}[${i}].function`).length > 0);
        has(of, 'arguments', 'string', `${where}[${i}].function`);
    }
}

function headFits(object, kind) {
    assert.match(has(object, 'id', 'string', kind), /^chatcmpl-.{8,}/);
    assert.equal(has(object, 'object', 'string', kind), kind);
    const created = count(object, 'created', kind);
    assert.ok(Math.abs(created - Date.now() / 1000) < 120, `created ${created} is not now, in seconds`);
    assert.ok(has(object, 'model', 'string', kind).length > 0);
    return has(object, 'choices', 'array', kind);
}

export function logprobsFit(logprobs) {
    const rows = has(logprobs, 'content', 'array', 'logprobs');
    has(logprobs, 'refusal', 'null array', 'logprobs');
    assert.ok(rows.length > 0, 'no log-probabilities');
    for (const row of rows) {
        has(row, 'token', 'string', 'logprobs.content[]');
        assert.ok(has(row, 'logprob', 'number', 'logprobs.content[]') <= 0);
        has(row, 'bytes', 'null array', 'logprobs.content[]');
        has(row, 'top_logprobs', 'array', 'logprobs.content[]');
    }
    return rows;
}

export function completionFits(completion, choices = 1) {
    const list = headFits(completion, 'chat.completion');
    assert.equal(list.length, choices);
    for (const [i, choice] of list.entries()) {
        assert.equal(count(choice, 'index', 'choice'), i);
        assert.ok(FINISHES.includes(has(choice, 'finish_reason', 'string', 'choice')));
        has(choice, 'logprobs', 'null object', 'choice');
        const message = has(choice, 'message', 'object', 'choice');
        assert.equal(has(message, 'role', 'string', 'message'), 'assistant');
        has(message, 'content', 'null string', 'message');
        has(message, 'refusal', 'null string', 'message');
        if ('tool_calls' in message)
            callsFit(message.tool_calls, 'tool_calls');
    }
    usageFits(has(completion, 'usage', 'object', 'completion'));
}

/* A whole stream's chunks.  Returns each choice's {text, finish}. */
export function chunksFit(chunks, { choices = 1, usage = false } = {}) {
    const said = Array.from({ length: choices }, () => ({ text: '', finish: null, role: null }));
    const last = chunks.at(-1);

    for (const chunk of chunks) {
        for (const choice of headFits(chunk, 'chat.completion.chunk')) {
            const mine = said[count(choice, 'index', 'choice')];
            assert.ok(mine, `a choice ${choice.index} that nobody asked for`);
            assert.equal(mine.finish, null, 'a piece after the finish_reason');
            const delta = has(choice, 'delta', 'object', 'choice');
            mine.finish = has(choice, 'finish_reason', 'null string', 'choice');
            mine.role ??= delta.role;
            mine.text += delta.content ?? '';
        }
        assert.equal(chunk.id, last.id, 'the chunks of one answer have one id');
        assert.equal(chunk.created, last.created);
        assert.equal(chunk.model, last.model);
        if (usage && chunk !== last)
            assert.equal(has(chunk, 'usage', 'null', 'chunk'), null);
        if (!usage)
            assert.equal(chunk.usage ?? null, null, 'usage that nobody asked for');
    }
    if (usage) {
        assert.deepEqual(last.choices, [], 'the chunk with the usage has no choices');
        usageFits(last.usage);
    }
    for (const { finish, role } of said) {
        assert.ok(FINISHES.includes(finish), `finish_reason ${finish}`);
        assert.equal(role, 'assistant');
    }
    return said;
}
