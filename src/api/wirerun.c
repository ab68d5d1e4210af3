#include "api/wirerun.h"

#include "base/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct wirerun {
    struct wirerun_spec spec;
    struct run *run; /* not touched once ended */
    void (*done)(void *owner, struct outcome *outcome);
    void *owner;

    struct call *call; /* NULL once it is over */
    struct wire_reader *reader;
    struct arena arena; /* the reader's: the run's may be gone when a sink cancels from inside it */
    struct timer clock;
    uint64_t total_ms;
    uint64_t started_us, last_us;
    uint64_t retry_after_ms;
    int http_status;
    unsigned finished; /* choices */
    bool delivered;    /* any event */
    bool spoke;        /* a token, a call, a finish */
    bool paused;
    bool closing; /* END was delivered: waiting for the transfer's own end */
    bool busy;    /* inside the reader: free later */
    bool ended;   /* done was called, or it was cancelled */
    struct outcome outcome;
};

static void wirerun_free(struct wirerun *w)
{
    timer_disarm(w->spec.loop, &w->clock);
    w->spec.wire->reader_free(w->reader);
    arena_done(&w->arena);
    free(w);
}

/* Every choice that was asked for has said why it stopped. */
static bool all_finished(const struct wirerun *w)
{
    return w->finished >= turn_choices(w->run->turn);
}

/* ---- clocks ---- */

static void on_clock(struct timer *t);

static uint64_t clock_due_us(const struct wirerun *w)
{
    if (w->closing)
        return w->last_us + WIRERUN_LINGER_MS * 1000;
    if (w->paused)
        return 0;
    if (!w->spoke)
        return w->spec.first_ms ? w->started_us + w->spec.first_ms * 1000 : 0;
    if (all_finished(w))
        return w->last_us + WIRERUN_TAIL_MS * 1000;
    return w->spec.idle_ms ? w->last_us + w->spec.idle_ms * 1000 : 0;
}

/* Events only move last_us; the timer looks at it when it fires.  So a token costs no heap
 * operation. */
static void clock_set(struct wirerun *w)
{
    uint64_t due = clock_due_us(w), now = clock_mono_us();

    timer_disarm(w->spec.loop, &w->clock);
    if (due == 0)
        return;
    uint64_t ms = due > now ? (due - now + 999) / 1000 : 0;
    if (timer_arm(w->spec.loop, &w->clock, ms, on_clock, NULL) != NIGH_OK)
        return; /* out of memory: total_ms, which the client keeps, still bounds the run */
}

/* ---- the end ---- */

/* The wire's own words, with the place's name before them. */
static void name_place(struct wirerun *w)
{
    struct nigh_err named = {0}, *err = &w->outcome.err;

    if (err->status == NIGH_OK || strncmp(err->what, w->spec.name, strlen(w->spec.name)) == 0)
        return;
    nigh_fail_at(&named, err->status, err->file, err->line, "%s: %s", w->spec.name, err->what);
    *err = named;
}

static struct slice to_run(const struct wirerun *w, struct slice s)
{
    return s.p ? arena_dup(w->run->arena, s) : s;
}

/* What the ledger's row will tell. */
static void count_bytes(struct wirerun *w)
{
    struct outcome *o = &w->outcome;

    if (w->call)
        call_bytes(w->call, &o->bytes_out, &o->bytes_in);
    w->run->bytes_out = o->bytes_out;
    w->run->bytes_in = o->bytes_in;
}

static void finish(struct wirerun *w)
{
    struct outcome *o = &w->outcome;

    count_bytes(w);
    w->call = call_cancel(w->call);
    timer_disarm(w->spec.loop, &w->clock);
    o->http_status = w->http_status;
    if (w->delivered && (o->fate == FATE_RETRY || o->fate == FATE_ELSEWHERE))
        o->fate = FATE_CUT;
    if (o->retry_after_ms == 0 && o->fate != FATE_WHOLE)
        o->retry_after_ms = w->retry_after_ms;
    o->said = to_run(w, o->said);
    o->said_type = to_run(w, o->said_type);
    o->said_code = to_run(w, o->said_code);
    o->said_param = to_run(w, o->said_param);
    name_place(w);
    w->ended = true;
    w->done(w->owner, o); /* may free the run */
    wirerun_free(w);
}

/* All that will come has come, or outcome.err says why no more does: the wire says what that makes
 * of the answer.  It may deliver usage and END, and a sink may cancel from inside. */
static void finish_read(struct wirerun *w)
{
    w->busy = true;
    w->spec.wire->reader_end(w->reader, &w->outcome);
    w->busy = false;
    if (w->ended)
        wirerun_free(w);
    else
        finish(w);
}

/* It broke.  One that kept silent is not asked again by this turn: retry.h, invariant 4. */
static void finish_broken(struct wirerun *w, const struct nigh_err *err)
{
    if (w->outcome.err.status == NIGH_OK)
        w->outcome.err = *err;
    w->outcome.fate = err->status == NIGH_TIMEOUT ? FATE_ELSEWHERE : FATE_RETRY;
    if (w->reader && w->delivered)
        finish_read(w);
    else
        finish(w);
}

static void on_clock(struct timer *t)
{
    struct wirerun *w = CONTAINER_OF(t, struct wirerun, clock);
    struct nigh_err err = {0};
    uint64_t due = clock_due_us(w);

    if (due == 0 || due > clock_mono_us()) {
        clock_set(w);
        return;
    }
    count_bytes(w);
    if (w->closing) {
        finish(w);
    } else if (w->spoke && all_finished(w)) {
        finish_read(w); /* whole but for its end mark */
    } else {
        uint64_t ms = w->spoke ? w->spec.idle_ms : w->spec.first_ms;
        nigh_fail(&err, NIGH_TIMEOUT, "%s: %s for %llu ms", w->spec.name,
                  w->spoke ? "the answer stood still" : "no answer", (unsigned long long)ms);
        finish_broken(w, &err);
    }
}

/* ---- what comes ---- */

static void on_event(void *owner, const struct event *event)
{
    struct wirerun *w = owner;

    if (w->ended)
        return; /* cancelled from inside an earlier event of the same bytes */
    w->last_us = clock_mono_us();
    w->delivered = true;
    switch (event->kind) {
    case EVENT_BEGIN:
    case EVENT_USAGE:
    case EVENT_LOGPROBS:
        break;
    case EVENT_END:
        w->closing = true;
        break;
    case EVENT_FINISH:
        w->finished++;
        w->spoke = true;
        break;
    default:
        w->spoke = true;
    }
    w->run->on_event(w->run, event);
}

static void on_head(void *owner, struct call *call, int http_status)
{
    struct wirerun *w = owner;

    w->http_status = http_status;
    if (http_status >= 400)
        w->retry_after_ms = retry_after_parse_ms(
            call_header(call, "retry-after"), call_header(call, "retry-after-ms"), clock_wall_us());
    enum nigh_status status = w->spec.wire->reader_new(&w->reader, w->run->turn, http_status,
                                                       call_header(call, "content-type"), &w->arena,
                                                       on_event, w, &w->outcome.err);
    if (status != NIGH_OK) { /* the first byte of the body, or its end, will tell */
        w->reader = NULL;
        name_place(w);
    }
}

/* Returns false when the run is over and w is gone. */
static bool feed(struct wirerun *w, struct slice bytes)
{
    unsigned finished = w->finished;
    bool spoke = w->spoke;
    struct nigh_err err = {0}; /* reader_end tells it again, sorted */

    w->busy = true;
    enum nigh_status status = w->spec.wire->reader_feed(w->reader, bytes, &err);
    w->busy = false;
    if (w->ended) { /* cancelled by a sink */
        wirerun_free(w);
        return false;
    }
    if (status != NIGH_OK) { /* the wire knows whether an error event means "later" or "never" */
        finish_read(w);
        return false;
    }
    if (finished != w->finished || spoke != w->spoke)
        clock_set(w);
    return true;
}

static void on_data(void *owner, struct slice bytes)
{
    struct wirerun *w = owner;

    if (w->closing)
        return;
    count_bytes(w);
    if (!w->reader) {
        finish(w);
        return;
    }
    if (!feed(w, bytes) || !w->spec.wire->reader_whole(w->reader))
        return;
    /* END now; the transfer's own end, with the exact counts, within WIRERUN_LINGER_MS. */
    w->busy = true;
    w->spec.wire->reader_end(w->reader, &w->outcome);
    w->busy = false;
    if (w->ended) {
        wirerun_free(w);
        return;
    }
    w->closing = true;
    w->last_us = clock_mono_us();
    clock_set(w);
}

static void on_done(void *owner, const struct call_result *result)
{
    struct wirerun *w = owner;

    w->call = NULL;
    w->outcome.bytes_out = result->bytes_out;
    w->outcome.bytes_in = result->bytes_in;
    count_bytes(w);
    if (result->http_status)
        w->http_status = result->http_status;
    if (w->closing)
        finish(w);
    else if (w->reader && (result->status == NIGH_OK || all_finished(w)))
        finish_read(w);
    else
        finish_broken(w, result->status != NIGH_OK ? &result->err : &w->outcome.err);
}

/* ---- life ---- */

enum nigh_status wirerun_start(struct wirerun **ret, const struct wirerun_spec *spec,
                               struct run *run, void (*done)(void *owner, struct outcome *outcome),
                               void *owner, struct nigh_err *err)
{
    static const struct call_ops ops = {.head = on_head, .data = on_data, .done = on_done};
    struct header headers[2 + WIRE_HEADERS_MAX] = {{"Content-Type", "application/json"},
                                                   {"Accept", "text/event-stream"}};
    enum verb verb = run->turn->verb;
    size_t n_headers = 2;
    struct clearance *pass = TAKE(run->pass);
    uint64_t now = clock_mono_us(), total_ms = spec->total_ms;

    if (run->deadline_us) {
        uint64_t left_ms = run->deadline_us > now ? (run->deadline_us - now) / 1000 : 0;
        if (left_ms == 0) {
            clearance_free(pass);
            return nigh_fail(err, NIGH_TIMEOUT, "%s: the deadline is over", spec->name);
        }
        if (left_ms < total_ms)
            total_ms = left_ms;
    }
    struct wirerun *w = calloc(1, sizeof *w);
    if (!w) {
        clearance_free(pass);
        return nigh_fail(err, NIGH_NOMEM, "%s: out of memory", spec->name);
    }
    w->spec = *spec;
    w->run = run;
    w->done = done;
    w->owner = owner;
    w->total_ms = total_ms;
    w->started_us = w->last_us = now;
    w->outcome.fate = FATE_RETRY;
    arena_init(&w->arena, WIRERUN_ARENA_MAX);

    if (verb != VERB_CHAT && verb != VERB_COMPLETE)
        headers[1].value = "application/json";
    if (spec->wire->headers)
        n_headers += spec->wire->headers(run->turn, run->arena, headers + n_headers);
    const struct call_spec call = {.to = spec->to,
                                   .method = "POST",
                                   .path = spec->wire->paths[verb],
                                   .headers = headers,
                                   .n_headers = n_headers,
                                   .body = run->body,
                                   .total_ms = total_ms};
    enum nigh_status status = client_send(spec->client, &w->call, &call, pass, &ops, w, err);
    if (status != NIGH_OK) {
        wirerun_free(w);
        return status;
    }
    clock_set(w);
    *ret = w;
    return NIGH_OK;
}

void wirerun_pause(struct wirerun *w)
{
    if (w->paused || !w->call)
        return;
    w->paused = true;
    call_pause(w->call);
}

void wirerun_resume(struct wirerun *w)
{
    if (!w->paused)
        return;
    w->paused = false;
    w->last_us = clock_mono_us();
    if (w->call)
        call_resume(w->call);
    clock_set(w);
}

struct wirerun *wirerun_cancel(struct wirerun *w)
{
    if (!w || w->ended)
        return NULL;
    count_bytes(w);
    w->ended = true;
    w->call = call_cancel(w->call);
    if (!w->busy)
        wirerun_free(w);
    return NULL;
}

uint64_t wirerun_last_us(const struct wirerun *w)
{
    return w->last_us;
}

bool wirerun_spoke(const struct wirerun *w)
{
    return w->spoke;
}

/* ---- Retry-After ---- */

enum { DAY_MS = 24 * 3600 * 1000 };

/* "2", "0.5" (not in the standard, but sent); digits and one point. */
static bool decimal_ms(struct slice s, uint64_t scale, uint64_t *ret)
{
    uint64_t whole = 0, part = 0;
    struct slice rest = s, head = slice_cut(&rest, '.');

    if (!slice_u64(head, &whole) || whole > DAY_MS)
        return false;
    if (rest.p && rest.len > 3)
        rest.len = 3;
    if (rest.p && !slice_u64(rest, &part))
        return false;
    for (size_t i = rest.len; rest.p && i < 3; i++)
        part *= 10;
    *ret = whole * scale + part * scale / 1000;
    return true;
}

/* The one form that may be sent (RFC 9110, IMF-fixdate); the C library's strptime() would follow
 * the user's language. */
static bool date_ms(struct slice s, uint64_t now_ms, uint64_t *ret)
{
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    struct tm tm = {0};
    char text[64], month[4] = "", zone[4] = "";
    int n = 0;

    if (s.len >= sizeof text)
        return false;
    memcpy(text, s.p, s.len);
    text[s.len] = 0;
    if (sscanf(text, "%*3s, %2d %3s %4d %2d:%2d:%2d %3s%n", &tm.tm_mday, month, &tm.tm_year,
               &tm.tm_hour, &tm.tm_min, &tm.tm_sec, zone, &n) != 7 ||
        (size_t)n != s.len || strcmp(zone, "GMT") != 0 || strlen(month) != 3)
        return false;
    const char *at = strstr(months, month);
    if (!at || (at - months) % 3 != 0)
        return false;
    tm.tm_mon = (int)(at - months) / 3;
    tm.tm_year -= 1900;
    time_t then = timegm(&tm);
    uint64_t then_ms = then > 0 ? (uint64_t)then * 1000 : 0;
    *ret = then_ms > now_ms ? then_ms - now_ms : 1; /* past: at once, yet said */
    return true;
}

uint64_t retry_after_parse_ms(struct slice retry_after, struct slice retry_after_ms,
                              uint64_t now_wall_us)
{
    struct slice after = slice_trim(retry_after), after_ms = slice_trim(retry_after_ms);
    uint64_t ms = 0;

    if (!(after_ms.len && decimal_ms(after_ms, 1, &ms)) &&
        !(after.len && decimal_ms(after, 1000, &ms)) &&
        !(after.len && date_ms(after, now_wall_us / 1000, &ms)))
        return 0;
    return ms > DAY_MS ? DAY_MS : ms;
}
