/* The answer goes out: whole, or as it comes and as fast as the client takes it. */
#include "net/server_inside.h"

enum { CONTINUED_BLOCK_BYTES = 1 }; /* unused by chunked answers, and MHD wants at least one */

/* ---- the answer ---- */

static void headers_out(struct exchange *ex, struct MHD_Response *r, const struct header *headers,
                        size_t n)
{
    for (size_t i = 0; i < n; i++)
        MHD_add_response_header(r, headers[i].name, headers[i].value);
    if (ex->server->draining)
        MHD_add_response_header(r, MHD_HTTP_HEADER_CONNECTION, "close");
}

/* Takes r.  From inside `request` libmicrohttpd goes on by itself; else the connection is woken. */
static void answer_start(struct exchange *ex, int status, struct MHD_Response *r)
{
    struct conn *c = ex->conn;

    ex->started = true;
    ex->stage = STAGE_ANSWER;
    if (!r || MHD_queue_response(c->mhd, (unsigned)status, r) != MHD_YES) {
        ex->answer = ANSWER_BROKEN;
        conn_cut(c); /* out of memory, or a status that is none: never a half answer */
    }
    if (r)
        MHD_destroy_response(r);
    c->moved_us = clock_mono_us();
    conn_wake(c);
}

/* ---- an answer that is kept back ---- */

void exchange_hold(struct exchange *ex, uint64_t hold_ms)
{
    ex->hold_ms = hold_ms;
}

void exchange_unhold(struct exchange *ex)
{
    if (!timer_armed(&ex->hold_clock))
        return;
    timer_disarm(ex->loop, &ex->hold_clock);
    ex->server->n_held--;
}

static void on_held(struct timer *t)
{
    struct exchange *ex = CONTAINER_OF(t, struct exchange, hold_clock);

    ex->server->n_held--;
    answer_start(ex, ex->status, TAKE(ex->held));
}

/* Takes r if it says so. */
static bool hold_start(struct exchange *ex, int status, struct MHD_Response *r)
{
    struct server *s = ex->server;

    if (ex->hold_ms == 0 || s->draining || s->n_held >= EXCHANGES_HELD_MAX ||
        timer_arm(s->loop, &ex->hold_clock, ex->hold_ms, on_held, NULL) != NIGH_OK)
        return false;
    s->n_held++;
    ex->status = status;
    ex->held = r;
    ex->conn->moved_us = clock_mono_us();
    return true;
}

/* ---- the answer, whole or as it comes ---- */

static struct MHD_Response *response_whole(struct exchange *ex)
{
    /* Borrowed: the exchange outlives the response, see 2. */
    return MHD_create_response_from_buffer(ex->out.len, ex->out.data, MHD_RESPMEM_PERSISTENT);
}

void exchange_reply(struct exchange *ex, int status, const struct header *headers, size_t n,
                    struct slice body)
{
    struct MHD_Response *r;

    assert(ex->answer == ANSWER_NONE);
    ex->answer = ANSWER_WHOLE;
    if (!ex->conn || ex->conn->left)
        return; /* gone is on its way */
    buf_add_str(&ex->out, body);
    r = ex->out.failed ? NULL : response_whole(ex);
    if (r)
        headers_out(ex, r, headers, n);
    if (!r || !hold_start(ex, status, r))
        answer_start(ex, status, r);
}

/* libmicrohttpd asks for more of a streamed answer. */
static ssize_t on_pull(void *cls, uint64_t pos, char *to, size_t max)
{
    struct exchange *ex = cls;
    size_t n = ex->out.len - ex->out_taken;

    if (n == 0) {
        if (ex->answer == ANSWER_WHOLE)
            return MHD_CONTENT_READER_END_OF_STREAM;
        if (ex->answer == ANSWER_BROKEN || ex->conn->cut)
            return MHD_CONTENT_READER_END_WITH_ERROR;
        conn_park(ex->conn);
        return 0;
    }
    n = ex->pad ? pad_piece(n, max) : n < max ? n : max;
    memcpy(to, ex->out.data + ex->out_taken, n);
    ex->out_taken += n;
    if (ex->out_taken == ex->out.len) {
        buf_reset(&ex->out);
        ex->out_taken = 0;
    }
    ex->conn->moved_us = clock_mono_us();
    if (ex->drain_wanted && ex->out.len - ex->out_taken <= ex->drained_at) {
        ex->drain_wanted = false;
        exchange_tell(ex, DUE_DRAINED);
    }
    return (ssize_t)n;
}

static enum pad pad_for(const struct exchange *ex, const struct header *headers, size_t n)
{
    if (!ex->secure || ex->http_1_0)
        return PAD_NONE;
    for (size_t i = 0; i < n; i++)
        if (slice_ieq(slice_of(headers[i].name), SLICE(MHD_HTTP_HEADER_CONTENT_TYPE)))
            return pad_of(slice_of(headers[i].value));
    return PAD_NONE;
}

void exchange_begin(struct exchange *ex, int status, const struct header *headers, size_t n)
{
    struct MHD_Response *r;

    assert(ex->answer == ANSWER_NONE);
    ex->answer = ANSWER_OPEN;
    ex->pad = pad_for(ex, headers, n);
    if (!ex->conn || ex->conn->left)
        return;
    /* HTTP/1.0 has no chunks, and its end of connection cannot be told from a break.  So its answer
     * is kept until it is whole and then sent with its length. */
    r = ex->http_1_0 ? MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT)
                     : MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, CONTINUED_BLOCK_BYTES,
                                                         on_pull, ex, NULL);
    if (r)
        headers_out(ex, r, headers, n);
    if (ex->http_1_0 && r) {
        ex->held = r;
        ex->status = status;
        return;
    }
    answer_start(ex, status, r);
}

static void out_compact(struct exchange *ex)
{
    size_t left = ex->out.len - ex->out_taken;

    if (ex->out_taken < ex->out.len / 2)
        return;
    memmove(ex->out.data, ex->out.data + ex->out_taken, left);
    ex->out.len = left;
    ex->out_taken = 0;
}

void exchange_write(struct exchange *ex, struct slice bytes)
{
    assert(ex->answer == ANSWER_OPEN);
    if (!ex->conn || ex->conn->left || bytes.len == 0)
        return;
    if (ex->out_taken > 0)
        out_compact(ex);
    size_t from = ex->out.len;
    buf_add_str(&ex->out, bytes);
    if (ex->pad)
        pad_fill(&ex->out, from, ex->pad);
    if (ex->out
            .failed) { /* the producer did not wait for `drained`: an answer with a hole is none */
        ex->answer = ANSWER_BROKEN;
        exchange_tell(ex, DUE_GONE);
        conn_cut(ex->conn);
        return;
    }
    if (exchange_pending(ex) > EXCHANGE_HIGH_BYTES) {
        ex->drain_wanted = true;
        ex->drained_at = exchange_pending(ex) / 4;
    }
    conn_wake(ex->conn);
}

static enum MHD_Result on_held_header(void *cls, enum MHD_ValueKind kind, const char *name,
                                      const char *value)
{
    return MHD_add_response_header(cls, name, value);
}

void exchange_end(struct exchange *ex)
{
    if (ex->answer != ANSWER_OPEN)
        return; /* broken meanwhile */
    ex->answer = ANSWER_WHOLE;
    if (!ex->conn || ex->conn->left)
        return;
    if (ex->held) {
        struct MHD_Response *r = response_whole(ex), *held = TAKE(ex->held);

        if (r)
            MHD_get_response_headers(held, on_held_header, r);
        MHD_destroy_response(held);
        answer_start(ex, ex->status, r);
        return;
    }
    conn_wake(ex->conn);
}

void exchange_break(struct exchange *ex)
{
    if (ex->answer == ANSWER_NONE) {
        exchange_reply(ex, 500, &(struct header){"Content-Type", "application/json"}, 1,
                       SLICE("{\"error\":{\"message\":\"the answer could not be made\","
                             "\"type\":\"server_error\"}}\n"));
        return;
    }
    if (ex->answer != ANSWER_OPEN)
        return;
    ex->answer = ANSWER_BROKEN;
    if (!ex->conn)
        return;
    if (ex->started)
        conn_wake(ex->conn);
    else
        conn_cut(ex->conn); /* HTTP/1.0, held back: not a byte of it was sent */
}

size_t exchange_pending(const struct exchange *ex)
{
    return ex->held ? 0 : ex->out.len - ex->out_taken;
}

void exchange_watch(struct exchange *ex, void *owner, void (*gone)(void *owner),
                    void (*drained)(void *owner))
{
    ex->owner = owner;
    ex->gone = gone;
    ex->drained = drained;
    if (ex->due)
        exchange_tell(ex, ex->due);
}

void exchange_release(struct exchange *ex)
{
    assert(ex->owned);
    ex->gone = ex->drained = NULL;
    if (ex->server && (ex->answer == ANSWER_NONE || ex->answer == ANSWER_OPEN))
        exchange_break(ex);
    ex->owned = false;
    if (ex->conn)
        exchange_body_done(ex);
    else
        exchange_recycle(ex);
}
