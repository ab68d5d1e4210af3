/* breaker: stops asking a provider that fails, and finds out cheaply when it is back.
 *
 * Closed: all may pass.  Open: nobody, for a while.  Half-open: one probe at a time; its success
 * closes, its failure opens for twice as long.  One per provider, since its models fail together.
 * Driven by clock_mono_us(); draws its jitter from rand_unit().  Loop thread only.
 *
 * What is a failure: the provider was asked and gave nothing usable (5xx, reset, silence, garbage).
 * Not: 429 and 4xx, which show a provider that is well and says no.
 *
 * Invariants: 1. Every breaker_allow() that let a call through is followed by exactly one of
 * breaker_ok(), breaker_failed() and breaker_forget().  2. Open ends by time alone. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

enum {
    BREAKER_RUN = 5,     /* failures in a row that open it: with two tries a turn, the third turn
                            already goes elsewhere at once */
    BREAKER_WINDOW = 20, /* results looked back on: more than half of them failed, ... */
    BREAKER_WINDOW_MS = 30000, /* ... within half a minute: a provider that answers one in three is
                                  not caught by failures in a row */
    BREAKER_OPEN_MS = 5000,    /* first opening: most blips are shorter (guess) */
    BREAKER_OPEN_MAX_MS = 20000, /* doubling ends here: issue 3's fault 15 wants traffic back on a
                                    provider within 30 s of its return, and jitter adds a quarter */
};

enum breaker_state { BREAKER_CLOSED, BREAKER_OPEN, BREAKER_HALF_OPEN };
const char *breaker_state_text(enum breaker_state state); /* "closed", "open", "half-open" */

struct breaker {
    enum breaker_state state;
    unsigned failures_in_row;
    unsigned openings; /* in a row, without a success between */
    uint64_t open_until_us;
    bool probing; /* half-open: a probe is out */
    struct {
        uint64_t at_us;
        bool failed;
    } window[BREAKER_WINDOW];
    unsigned next, n; /* of the window */
    uint64_t total_ok, total_failed, total_opened, total_probes;
};

/* What a call was let through as; given back with its result.  Results of ordinary calls that were
 * let through before it opened change nothing but the totals. */
enum breaker_pass { BREAKER_REFUSED, BREAKER_ORDINARY, BREAKER_PROBE };

void breaker_init(struct breaker *b);
bool breaker_ready(struct breaker *b); /* would it allow? takes nothing */
enum breaker_pass breaker_allow(struct breaker *b);
void breaker_ok(struct breaker *b, enum breaker_pass pass);
void breaker_failed(struct breaker *b, enum breaker_pass pass);
void breaker_forget(struct breaker *b, enum breaker_pass pass); /* cancelled: it tells nothing */
uint64_t breaker_wait_ms(const struct breaker *b);              /* until the next probe; 0: now */
