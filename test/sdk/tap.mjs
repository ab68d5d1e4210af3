/* tap: tests as TAP lines on standard output, one after the other, each with a deadline. */
const only = process.argv.slice(2); /* names, or parts of them: these alone */
const DEADLINE_MS = 60_000; /* a test that takes longer hangs, however busy the machine */
const SLOW_MS = 1000;
let n = Number(process.env.NIGH_SDK_COUNTED ?? 0); /* of the suites before this one */
let failed = 0;
let stray = null; /* an error that nobody awaited: of the test that runs */
process.on('unhandledRejection', (error) => { stray ??= error; });

function line(good, name, rest = '') {
    n += 1;
    failed += good ? 0 : 1;
    console.log(`${good ? 'ok' : 'not ok'} ${n} - ${name}${rest}`);
}

function wanted(name) {
    return only.length === 0 || only.some((part) => name.includes(part));
}

function deadline(ms) {
    let timer;
    const late = new Promise((_, reject) => {
        timer = setTimeout(() => reject(new Error(`still not done after ${ms} ms`)), ms);
    });
    return { late, stop: () => clearTimeout(timer) };
}

export async function test(name, run) {
    if (!wanted(name))
        return;
    const began = performance.now();
    const { late, stop } = deadline(DEADLINE_MS);
    try {
        stray = null;
        await Promise.race([run(), late]);
        if (stray)
            throw stray;
        line(true, name);
        const tookMs = Math.round(performance.now() - began);
        if (tookMs > SLOW_MS)
            console.log(`# took ${tookMs} ms`);
    } catch (error) {
        line(false, name);
        const told = String(error?.stack ?? error).split('\n').slice(0, 40);
        console.log(told.map((text) => `#   ${text}`).join('\n'));
    } finally {
        stop();
    }
}

export function skip(name, why) {
    if (wanted(name))
        line(true, name, ` # SKIP ${why}`);
}

export function end() {
    console.log(`1..${n}`);
    return failed ? 1 : 0;
}

/* Polls; what `ask` gave that was true, or the error when the time is over. */
export async function until(ask, withinMs, what) {
    const began = performance.now();
    for (;;) {
        const got = await ask();
        if (got)
            return got;
        if (performance.now() - began > withinMs)
            throw new Error(`not within ${withinMs} ms: ${what}`);
        await new Promise((resolve) => setTimeout(resolve, 5));
    }
}
