#include "api/reply.h"
#include <assert.h>
#include <stdio.h>

void reply_init(struct reply *r, const struct api *api, struct exchange *ex)
{
    *r = (struct reply){.api = api, .ex = ex};
}

void reply_done(struct reply *r)
{
    buf_done(&r->out);
}

void reply_header(struct reply *r, const char *name, const char *value)
{
    assert(!r->began && r->n_headers < ARRAY_LEN(r->headers));
    r->headers[r->n_headers++] = (struct header){name, value};
}

/* The turn's headers and those of this answer, told together. */
struct head {
    struct header all[ARRAY_LEN(((struct reply *)0)->headers) + 4];
    size_t n;
};

static void head_init(struct head *h, const struct reply *r)
{
    memcpy(h->all, r->headers, r->n_headers * sizeof *r->headers);
    h->n = r->n_headers;
}

static void head_add(struct head *h, const char *name, const char *value)
{
    assert(h->n < ARRAY_LEN(h->all));
    h->all[h->n++] = (struct header){name, value};
}

static void begin_stream(struct reply *r)
{
    struct head h;

    head_init(&h, r);
    head_add(&h, "Content-Type", r->api->stream_type);
    head_add(&h, "Cache-Control", "no-cache");
    head_add(&h, "X-Accel-Buffering", "no"); /* nginx before us would gather the stream */
    exchange_begin(r->ex, 200, h.all, h.n);
    r->began = true;
}

/* Bytes that could not be made must not be missing from an answer that looks whole. */
static void give_up(struct reply *r)
{
    r->ended = true;
    exchange_break(r->ex);
}

void reply_event(struct reply *r, const struct event *event)
{
    if (r->ended || !r->enc.turn->stream)
        return;
    buf_reset(&r->out);
    r->api->event(&r->enc, event, &r->out);
    if (r->out.failed) {
        give_up(r);
        return;
    }
    if (r->out.len == 0)
        return;
    if (!r->began)
        begin_stream(r);
    exchange_write(r->ex, buf_slice(&r->out));
}

bool reply_full(const struct reply *r)
{
    return r->began && !r->ended && exchange_pending(r->ex) > EXCHANGE_HIGH_BYTES;
}

static void reply_whole(struct reply *r)
{
    struct head h;

    buf_reset(&r->out);
    r->api->whole(&r->enc, &r->out);
    if (r->out.failed) {
        give_up(r);
        return;
    }
    head_init(&h, r);
    head_add(&h, "Content-Type", "application/json");
    r->began = r->ended = true;
    exchange_reply(r->ex, 200, h.all, h.n, buf_slice(&r->out));
}

void reply_end(struct reply *r)
{
    if (r->ended)
        return;
    if (!r->enc.turn->stream) {
        reply_whole(r);
        return;
    }
    if (!r->began)
        begin_stream(r);
    r->ended = true;
    exchange_end(r->ex);
}

static void refuse_first(struct reply *r, const struct refusal *refusal)
{
    char seconds[24], ms[24];
    struct head h;

    head_init(&h, r);
    head_add(&h, "Content-Type", "application/json");
    if (refusal->retry_after_ms > 0) {
        snprintf(seconds, sizeof seconds, "%llu",
                 (unsigned long long)((refusal->retry_after_ms + 999) / 1000));
        snprintf(ms, sizeof ms, "%llu", (unsigned long long)refusal->retry_after_ms);
        head_add(&h, "Retry-After", seconds);
        head_add(&h, "Retry-After-Ms", ms); /* what OpenAI's own clients look at first */
    }
    r->api->error(refusal, &r->out);
    exchange_reply(r->ex,
                   refusal->http_status ? refusal->http_status : nigh_status_http(refusal->status),
                   h.all, h.n, buf_slice(&r->out));
}

void reply_refuse(struct reply *r, const struct refusal *refusal)
{
    if (r->ended)
        return;
    r->ended = true;
    buf_reset(&r->out);
    if (!r->began) {
        r->began = true;
        refuse_first(r, refusal);
        return;
    }
    r->api->stream_error(&r->enc, refusal, &r->out);
    if (!r->out.failed)
        exchange_write(r->ex, buf_slice(&r->out));
    exchange_break(r->ex);
}
