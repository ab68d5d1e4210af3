/* wirerun: one run of a place over HTTP: the body sent by net/client, the answer read by a wire
 * into canonical events.
 *
 * What the engine and the clouds have in common: clocks, the end of an answer, and what a broken
 * one is called.  Owner: the place, until its `done` was called or it cancelled.  Loop thread only.
 *
 * Clocks are counted in events, not bytes, since a server that only sends comments to keep the
 * connection open says nothing: first_ms until the first token, idle_ms between events (stopped
 * while the run is paused), WIRERUN_TAIL_MS after every choice has finished, for the usage and the
 * end mark that some servers never send, and total_ms over all.
 *
 * Invariants: 1. `done` comes exactly once and last, never from inside wirerun_start; after
 * wirerun_cancel neither it nor an event comes.  2. An answer that broke is FATE_CUT once an event
 * was delivered, and never FATE_WHOLE unless END was.  3. It never asks again by itself. */
#pragma once
#include "api/wire.h"
#include "loop/timer.h"
#include "net/client.h"

enum {
    WIRERUN_TAIL_MS = 3000, /* issue 3's fault 11 wants the end within 8 s; usage comes in one
                               breath with the last token everywhere we know of */
    WIRERUN_LINGER_MS =
        50, /* after the end mark the transfer's own end is awaited this long, so that the
               connection can serve again; it is in the same packet nearly always */
    WIRERUN_ARENA_MAX =
        192 << 20, /* of the wire's reader: a body that came whole, and its document */
};

struct wirerun;
struct wirerun_spec {
    struct loop *loop;
    struct client *client;
    const struct wire *wire;
    const struct endpoint *to;  /* outlives the run */
    const char *name;           /* the place's, for the texts */
    uint64_t first_ms, idle_ms; /* 0: not of this kind */
    uint64_t total_ms;          /* must be set; what is left of run->deadline_us shortens it */
};

/* Takes run->pass whatever it returns.  outcome.said* live in the run's arena. */
NIGH_MUST enum nigh_status wirerun_start(struct wirerun **ret, const struct wirerun_spec *spec,
                                         struct run *run,
                                         void (*done)(void *owner, struct outcome *outcome),
                                         void *owner, struct nigh_err *err);
void wirerun_pause(struct wirerun *w);
void wirerun_resume(struct wirerun *w);
struct wirerun *
wirerun_cancel(struct wirerun *w); /* NULL is fine; may be called from inside on_event */
uint64_t
wirerun_last_us(const struct wirerun *w);    /* of the newest event, or of the start; monotonic */
bool wirerun_spoke(const struct wirerun *w); /* a token was delivered */

/* What an answer's Retry-After (seconds or a date, RFC 9110 section 10.2.3) and retry-after-ms
 * (OpenAI, Azure) say, at most a day; 0: nothing that can be read. */
uint64_t retry_after_parse_ms(struct slice retry_after, struct slice retry_after_ms,
                              uint64_t now_wall_us);
