/* wire-fuzz: for the fuzzers of readers: bytes of an answer, cut in two ways, give the same events,
 * and the outcome fits them.  The first byte picks the status, the second the cuts. */
#pragma once
#include "api/wire_read.h"
#include "base/rand.h"
#include <stdlib.h>

/* What a reader must keep, whatever it reads. */
struct listener {
    struct answer answer;
    struct buf log; /* every event, to compare */
    bool refused;   /* over a ceiling of the answer */
    bool began, ended;
};

static void sink(void *owner, const struct event *e)
{
    struct listener *l = owner;

    if (l->ended || (e->kind == EVENT_BEGIN) == l->began)
        abort(); /* BEGIN is first and comes once, END is last */
    l->began = true;
    l->ended = e->kind == EVENT_END;
    buf_printf(&l->log, "%d %u %u %d %zu:", (int)e->kind, e->choice, e->call, (int)e->finish,
               e->text.len);
    buf_add_str(&l->log, e->text);
    buf_add_str(&l->log, e->call_id);
    buf_add_str(&l->log, e->name);
    if (answer_add(&l->answer, e, NULL) != NIGH_OK)
        l->refused = true;
}

static enum fate hear(const struct wire *wire, struct listener *l, struct slice bytes,
                      int http_status, size_t step, struct arena *a)
{
    struct wire_reader *r;
    struct outcome o = {0};

    *l = (struct listener){0};
    rand_seed(7);
    if (wire->reader_new(&r, NULL, http_status, SLICE(""), a, sink, l, NULL) != NIGH_OK)
        abort();
    while (bytes.len > 0) {
        size_t n = step < bytes.len ? step : bytes.len;
        if (wire->reader_feed(r, (struct slice){bytes.p, n}, NULL) != NIGH_OK)
            break;
        bytes.p += n;
        bytes.len -= n;
    }
    wire->reader_end(r, &o);
    if ((o.fate == FATE_WHOLE) != l->answer.ended ||
        (o.fate == FATE_WHOLE) != (o.err.status == NIGH_OK))
        abort();
    wire->reader_free(r);
    return o.fate;
}

static void listener_done(struct listener *l)
{
    answer_done(&l->answer);
    buf_done(&l->log);
}

static int wire_fuzz(const struct wire *wire, const uint8_t *data, size_t size)
{
    static const int statuses[] = {200, 200, 200, 200, 200, 400, 404, 429, 500, 302};
    struct listener whole, cut;
    struct arena a;

    if (size < 2)
        return 0;
    struct slice bytes = {(const char *)data + 2, size - 2};
    int http_status = statuses[data[0] % ARRAY_LEN(statuses)];
    arena_init(&a, 256 << 20);
    enum fate fate = hear(wire, &whole, bytes, http_status, size, &a);
    if (hear(wire, &cut, bytes, http_status, 1 + data[1] % 32, &a) != fate ||
        !slice_eq(buf_slice(&whole.log), buf_slice(&cut.log)))
        abort();
    listener_done(&whole);
    listener_done(&cut);
    arena_done(&a);
    return 0;
}
