/* retry: what to do after a place failed: ask it again, ask the next one, or tell the caller.
 *
 * Pure policy over an outcome and what was tried so far; the walk (nigh/) waits and asks.  It knows
 * nothing of clouds in particular: the engine's outcomes go through it too.
 *
 * Invariants: 1. Nothing is asked again once the caller saw bytes of an answer, nor after a refusal
 * of the request itself.  2. No delay is shorter than the place's own Retry-After.  3. No more than
 * RETRY_TRIES_MAX tries of one place, of which at most RETRY_BURST in the first RETRY_BURST_MS.
 * 4. A route that kept silent until a clock ran out is not asked again. */
#pragma once
#include "turn/place.h"

/* Issue 3's faults are the source of the ceilings: one 429 with Retry-After 2 s (at most 2 tries in
 * the first 1.5 s), an endless 429 (at most 4 tries in 3 s, 6 in all), an endless 503, a reset. */
enum {
    RETRY_TRIES_MAX = 6,  /* of one place, for a refusal that says "later" (429) */
    RETRY_ERRORS_MAX = 3, /* of one place that fails (5xx, reset): two more than the first; the SDKs
                             of OpenAI and Anthropic do two retries as well */
    RETRY_BURST = 4,
    RETRY_BURST_MS = 3100, /* "in 3 s", and a little for clocks that disagree */
    RETRY_BASE_MS = 250, /* the first back-off is drawn from 0..250 ms; guess: a dropped connection
                            or a pod that restarts is gone by then */
    RETRY_CAP_MS = 8000, /* the widest draw */
    RETRY_FLOOR_MS = 20, /* so that two tries never go out in one breath */
    RETRY_WAIT_MAX_MS = 30000, /* one wait: a caller's own clock is usually 30 or 60 s */
    RETRY_NEXT_OVER_MS = 1000, /* with an alternative, a longer wait than this is not worth it */
    RETRY_PATIENCE_MS =
        10000, /* for the first token, when the plan has a runner-up: issue 3's fault 7 wants
                  the call ended within 15 s; see run.patience_ms in turn/place.h */
};

struct retry_state {
    unsigned tries;       /* of this place by this turn, the failed one included: at least 1 */
    uint64_t elapsed_ms;  /* since this place's first try failed: it had seen that one by then,
                             however long the way there is */
    uint64_t left_ms;     /* of the turn's deadline; 0: none */
    bool has_alternative; /* the plan has another usable place and a hop is left */
    bool shown;           /* the caller saw bytes of an answer */
};

enum retry { RETRY_STOP, RETRY_AGAIN, RETRY_NEXT };
struct retry_verdict {
    enum retry what;
    uint64_t delay_ms; /* RETRY_AGAIN */
    const char *why;   /* a literal, for the log and `nigh why` */
};

/* Draws from rand_unit(): "full jitter" (AWS Architecture Blog, "Exponential Backoff And Jitter",
 * 2015): a uniform draw from 0 to the exponential ceiling, which spreads returning clients best. */
struct retry_verdict retry_decide(const struct outcome *outcome, const struct retry_state *state);
