#include "cloud/retry.h"

#include "base/rand.h"

static struct retry_verdict stop(const char *why)
{
    return (struct retry_verdict){.what = RETRY_STOP, .why = why};
}

/* Somewhere else if there is somewhere else. */
static struct retry_verdict leave(const struct retry_state *s, const char *why)
{
    return s->has_alternative ? (struct retry_verdict){.what = RETRY_NEXT, .why = why} : stop(why);
}

static uint64_t full_jitter_ms(unsigned tries)
{
    uint64_t ceiling = RETRY_BASE_MS;
    for (unsigned i = 1; i < tries && ceiling < RETRY_CAP_MS; i++)
        ceiling *= 2;
    if (ceiling > RETRY_CAP_MS)
        ceiling = RETRY_CAP_MS;
    uint64_t draw = (uint64_t)(rand_unit() * (double)ceiling);
    return draw < RETRY_FLOOR_MS ? RETRY_FLOOR_MS : draw;
}

static uint64_t delay_ms(const struct outcome *o, const struct retry_state *s)
{
    uint64_t delay = full_jitter_ms(s->tries);

    /* Spread those who were all told the same moment; the draw comes after it, never before. */
    if (o->retry_after_ms)
        delay = o->retry_after_ms + delay / 4;
    if (s->tries >= RETRY_BURST && s->elapsed_ms + delay < RETRY_BURST_MS)
        delay = RETRY_BURST_MS - s->elapsed_ms;
    return delay;
}

static struct retry_verdict again(const struct outcome *o, const struct retry_state *s)
{
    bool later = o->http_status == 429 || o->err.status == NIGH_BUSY;
    unsigned tries_max = later ? RETRY_TRIES_MAX : RETRY_ERRORS_MAX;

    /* A place that says itself that it is away, and for how long, has a supervisor at work: telling
     * the caller at once (503 with Retry-After) beats holding the turn. */
    if (o->err.status == NIGH_OFFLINE && o->retry_after_ms > 0)
        return leave(s, "it is away");
    /* A place of ours whose queue is full: turns that wait for it outside would be a second queue,
     * without a bound. */
    if (o->err.status == NIGH_BUSY && o->http_status == 0)
        return leave(s, "it has no room");
    if (o->err.status == NIGH_TIMEOUT)
        return leave(s, "it kept silent");
    if (s->tries >= tries_max)
        return leave(s, "it was tried often enough");
    /* With somewhere else to go, one quick second try: enough for a dropped connection. */
    if (s->has_alternative && s->tries >= 2)
        return leave(s, "it failed twice");

    uint64_t delay = delay_ms(o, s);
    if (s->has_alternative && delay > RETRY_NEXT_OVER_MS)
        return leave(s, "waiting for it would take longer");
    if (delay > RETRY_WAIT_MAX_MS)
        return stop("it asks for a longer wait than a caller has");
    if (s->left_ms && delay >= s->left_ms)
        return leave(s, "the deadline comes before it may be asked again");
    return (struct retry_verdict){.what = RETRY_AGAIN, .delay_ms = delay, .why = "it may pass"};
}

struct retry_verdict retry_decide(const struct outcome *outcome, const struct retry_state *state)
{
    switch (outcome->fate) {
    case FATE_WHOLE:
        return stop("the answer is whole");
    case FATE_CANCELLED:
        return stop("the caller left");
    case FATE_CALLER:
        return stop("the request itself was refused");
    case FATE_ELSEWHERE:
        return state->shown ? stop("the caller has seen a part") : leave(state, "not this place");
    case FATE_RETRY:
    case FATE_CUT:
        return state->shown ? stop("the caller has seen a part") : again(outcome, state);
    }
    return stop("unknown");
}
