/* record: preloaded into every suite (node --import): writes down each answer of a node that a client
 * read, as one line of JSON in the file NIGH_SDK_RECORD, for shapes.mjs.
 *
 * It stands between the client and fetch: bytes, errors and cancellation go through unchanged, and what
 * came before an abort is written down too. */
import { appendFileSync } from 'node:fs';

const file = process.env.NIGH_SDK_RECORD;
const nodes = [process.env.NIGH_SDK_NODE, process.env.NIGH_SDK_LOCKED].filter(Boolean);
const fetchReal = globalThis.fetch;
const open = new Set(); /* bodies whose clients stopped reading without a word, as ollama's does after `done` */
process.on('exit', () => open.forEach((tell) => tell(false)));

function asked(input, init) {
    const url = new URL(input?.url ?? input);
    const body = typeof init?.body === 'string' ? init.body : null;
    return {
        node: url.origin,
        method: (init?.method ?? input?.method ?? 'GET').toUpperCase(),
        path: url.pathname,
        anthropic: new Headers(init?.headers ?? input?.headers).has('anthropic-version'),
        body,
    };
}

/* The same body, each piece kept; note() comes once, when it is over. */
function listenedTo(body, note) {
    const reader = body.getReader();
    const decoder = new TextDecoder();
    let text = '';
    let told = false;
    const tell = (whole) => {
        if (!told)
            note(text + decoder.decode(), whole);
        told = true;
        open.delete(tell);
    };
    open.add(tell);
    return new ReadableStream({
        async pull(controller) {
            try {
                const { done, value } = await reader.read();
                if (done) {
                    tell(true);
                    controller.close();
                } else {
                    text += decoder.decode(value, { stream: true });
                    controller.enqueue(value);
                }
            } catch (error) {
                tell(false);
                controller.error(error);
            }
        },
        cancel(reason) {
            tell(false);
            return reader.cancel(reason);
        },
    }, { highWaterMark: 0 });
}

async function fetchNoted(input, init) {
    const request = asked(input, init);
    const response = await fetchReal(input, init);
    if (!nodes.includes(request.node) || !response.body)
        return response;
    const { status, statusText, headers } = response;
    const type = headers.get('content-type') ?? '';
    const body = listenedTo(response.body, (text, whole) =>
        appendFileSync(file, `${JSON.stringify({ ...request, status, type, text, whole })}\n`));
    const copy = new Response(body, { status, statusText, headers });
    Object.defineProperty(copy, 'url', { value: response.url });
    return copy;
}

if (file)
    globalThis.fetch = fetchNoted;
