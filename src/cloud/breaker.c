#include "cloud/breaker.h"

#include "base/clock.h"
#include "base/rand.h"

#include <string.h>

const char *breaker_state_text(enum breaker_state state)
{
    static const char *const text[] = {"closed", "open", "half-open"};
    return text[state];
}

void breaker_init(struct breaker *b)
{
    *b = (struct breaker){.state = BREAKER_CLOSED};
}

static void remember(struct breaker *b, bool failed)
{
    b->window[b->next].at_us = clock_mono_us();
    b->window[b->next].failed = failed;
    b->next = (b->next + 1) % BREAKER_WINDOW;
    if (b->n < BREAKER_WINDOW)
        b->n++;
}

/* A full window, all of it recent, more than half of it failed. */
static bool mostly_fails(const struct breaker *b)
{
    uint64_t now = clock_mono_us();
    unsigned failed = 0;

    if (b->n < BREAKER_WINDOW)
        return false;
    for (unsigned i = 0; i < BREAKER_WINDOW; i++) {
        if (now - b->window[i].at_us > BREAKER_WINDOW_MS * UINT64_C(1000))
            return false;
        failed += b->window[i].failed;
    }
    return failed * 2 > BREAKER_WINDOW;
}

/* Between one and one and a quarter of the doubled time: nodes that lost a provider together do not
 * come back to it together. */
static void open_it(struct breaker *b)
{
    uint64_t ms = BREAKER_OPEN_MS;

    for (unsigned i = 0; i < b->openings && ms < BREAKER_OPEN_MAX_MS; i++)
        ms *= 2;
    if (ms > BREAKER_OPEN_MAX_MS)
        ms = BREAKER_OPEN_MAX_MS;
    ms += (uint64_t)(rand_unit() * (double)ms / 4);
    b->open_until_us = clock_mono_us() + ms * 1000;
    b->state = BREAKER_OPEN;
    b->probing = false;
    b->openings++;
    b->total_opened++;
    b->n = b->next = 0; /* what comes after is judged afresh */
    b->failures_in_row = 0;
}

static void let_time_pass(struct breaker *b)
{
    if (b->state == BREAKER_OPEN && clock_mono_us() >= b->open_until_us)
        b->state = BREAKER_HALF_OPEN;
}

bool breaker_ready(struct breaker *b)
{
    let_time_pass(b);
    return b->state == BREAKER_CLOSED || (b->state == BREAKER_HALF_OPEN && !b->probing);
}

enum breaker_pass breaker_allow(struct breaker *b)
{
    if (!breaker_ready(b))
        return BREAKER_REFUSED;
    if (b->state == BREAKER_CLOSED)
        return BREAKER_ORDINARY;
    b->probing = true;
    b->total_probes++;
    return BREAKER_PROBE;
}

/* Does this result tell about the provider as it is now? */
static bool counts(const struct breaker *b, enum breaker_pass pass)
{
    return b->state == (pass == BREAKER_PROBE ? BREAKER_HALF_OPEN : BREAKER_CLOSED);
}

void breaker_ok(struct breaker *b, enum breaker_pass pass)
{
    b->total_ok++;
    if (!counts(b, pass))
        return;
    b->state = BREAKER_CLOSED;
    b->probing = false;
    b->openings = 0;
    b->failures_in_row = 0;
    remember(b, false);
}

void breaker_failed(struct breaker *b, enum breaker_pass pass)
{
    b->total_failed++;
    if (!counts(b, pass))
        return;
    remember(b, true);
    if (pass == BREAKER_PROBE || ++b->failures_in_row >= BREAKER_RUN || mostly_fails(b))
        open_it(b);
}

void breaker_forget(struct breaker *b, enum breaker_pass pass)
{
    if (pass == BREAKER_PROBE)
        b->probing = false;
}

uint64_t breaker_wait_ms(const struct breaker *b)
{
    uint64_t now = clock_mono_us();

    if (b->state == BREAKER_OPEN)
        return now < b->open_until_us ? (b->open_until_us - now + 999) / 1000 : 0;
    return b->state == BREAKER_HALF_OPEN && b->probing ? 1000
                                                       : 0; /* guess: a probe takes a second */
}
