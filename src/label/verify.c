#include "label/verify.h"
#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

void verify_init(struct verify *v)
{
    *v = (struct verify){.verdict = {.sound = true}};
    arena_init(&v->arena, 8 << 20); /* a line has at most SPOOL_RECORD_MAX */
}

void verify_done(struct verify *v)
{
    arena_done(&v->arena);
}

void verify_anchor(struct verify *v, const struct chain *at, const char *whose)
{
    assert(v->n_anchors < VERIFY_ANCHORS_MAX);
    v->anchors[v->n_anchors].at = *at;
    v->anchors[v->n_anchors].whose = whose;
    v->n_anchors++;
}

/* The first cause stays. */
__attribute__((format(printf, 3, 4))) static void blame(struct verify *v, uint64_t bad,
                                                        const char *fmt, ...)
{
    va_list args;

    if (!v->verdict.sound)
        return;
    v->verdict.sound = false;
    v->verdict.bad = bad;
    va_start(args, fmt);
    vsnprintf(v->verdict.why, sizeof v->verdict.why, fmt, args);
    va_end(args);
}

/* ---- what entries say ---- */

static void on_opened(struct verify *v, yyjson_val *entry)
{
    (void)entry;
    v->verdict.sends++;
    v->verdict.open++;
}

static void on_closed(struct verify *v, yyjson_val *entry)
{
    int64_t out = json_get_int(entry, "bytes_out", 0), in = json_get_int(entry, "bytes_in", 0);
    int64_t kernel_out = json_get_int(entry, "kernel_out", -1),
            kernel_in = json_get_int(entry, "kernel_in", -1);

    if (v->verdict.open)
        v->verdict.open--;
    if (kernel_out < 0) {
        v->verdict.uncounted += out > 0;
        return;
    }
    if (kernel_out >= out && kernel_in >= in)
        return;
    v->verdict.short_rows++;
    blame(v, v->verdict.head.seq,
          "record %" PRIu64 " says %" PRId64 " bytes out and %" PRId64
          " in, and the kernel counted %" PRId64 " and %" PRId64,
          v->verdict.head.seq, out, in, kernel_out, kernel_in);
}

static void on_denied(struct verify *v, yyjson_val *entry)
{
    (void)entry;
    v->verdict.denied++;
}

static void on_gap(struct verify *v, yyjson_val *entry)
{
    struct slice what = json_get_str(entry, "what");

    v->verdict.gaps++;
    blame(v, v->verdict.head.seq, "record %" PRIu64 " tells of a gap before it: %.*s",
          v->verdict.head.seq, (int)(what.len < 120 ? what.len : 120), what.p ? what.p : "");
}

static const struct {
    const char *kind;
    bool reads; /* its members: it is parsed */
    void (*fn)(struct verify *v, yyjson_val *entry);
} kinds[] = {{"send-opened", false, on_opened},
             {"send-closed", true, on_closed},
             {"denied", false, on_denied},
             {"gap", true, on_gap}};

static void look_inside(struct verify *v, struct slice line, struct slice kind)
{
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        yyjson_val *entry = NULL;
        if (!slice_is(kind, kinds[i].kind))
            continue;
        arena_reset(&v->arena);
        if (kinds[i].reads && json_parse(&entry, line, &v->arena, NULL) != NIGH_OK)
            blame(v, v->verdict.head.seq, "record %" PRIu64 " is no JSON", v->verdict.head.seq);
        kinds[i].fn(v, entry);
    }
}

/* ---- the chain ---- */

static void meet_anchors(struct verify *v)
{
    const struct chain *at = &v->verdict.head;

    for (size_t i = 0; i < v->n_anchors; i++) {
        if (v->anchors[i].at.seq != at->seq || v->anchors[i].met)
            continue;
        v->anchors[i].met = true;
        if (!chain_same(&v->anchors[i].at, at))
            blame(v, at->seq,
                  "record %" PRIu64 " is not the one that %s knows: the chain is another", at->seq,
                  v->anchors[i].whose);
    }
}

bool verify_line(void *owner, struct slice line)
{
    struct verify *v = owner;
    struct slice kind = chain_kind(line);
    bool first = v->verdict.records == 0, origin = slice_is(kind, "origin");
    char why[CHAIN_WHY_BYTES];
    uint64_t bad;

    if (first && origin && chain_seq(line)) /* it may begin at any number, with its origin alone */
        v->verdict.head.seq = chain_seq(line) - 1;
    if (!chain_follow(&v->verdict.head, line, &bad, why)) {
        blame(v, bad, "%s", why);
        v->broken = true;
        return false;
    }
    v->verdict.records++;
    if (first && !origin)
        blame(v, v->verdict.head.seq, "the first record is no origin: what was before it is gone");
    meet_anchors(v);
    look_inside(v, line, kind);
    return true;
}

void verify_cut(struct verify *v)
{
    uint64_t last = v->verdict.head.seq;

    blame(v, last + 1, "record %" PRIu64 " is missing: it was cut off behind record %" PRIu64,
          last + 1, last);
}

void verify_end(struct verify *v)
{
    uint64_t last = v->verdict.head.seq;

    meet_anchors(v);

    for (size_t i = 0; i < v->n_anchors && !v->broken; i++) {
        const struct chain *at = &v->anchors[i].at;
        if (v->anchors[i].met)
            continue;
        if (at->seq > last)
            blame(v, last + 1,
                  "record %" PRIu64 " is missing, and all up to %" PRIu64 ", which %s knows",
                  last + 1, at->seq, v->anchors[i].whose);
        else
            blame(v, at->seq, "record %" PRIu64 " is missing, which %s knows", at->seq,
                  v->anchors[i].whose);
    }
}

void verdict_json(const struct verdict *verdict, struct buf *out)
{
    char head[CHAIN_TEXT_BYTES];

    chain_text(head, &verdict->head);
    buf_add_char(out, '{');
    json_put_bool(out, "sound", verdict->sound);
    if (verdict->sound)
        json_put_null(out, "bad");
    else
        json_put_int(out, "bad", (int64_t)verdict->bad);
    json_put_cstr(out, "why", verdict->sound ? NULL : verdict->why);
    json_put_cstr(out, "head", head);
    json_put_int(out, "records", (int64_t)verdict->records);
    json_put_int(out, "sends", (int64_t)verdict->sends);
    json_put_int(out, "denied", (int64_t)verdict->denied);
    json_put_int(out, "open", (int64_t)verdict->open);
    json_put_int(out, "gaps", (int64_t)verdict->gaps);
    json_put_int(out, "uncounted", (int64_t)verdict->uncounted);
    json_put_int(out, "short_rows", (int64_t)verdict->short_rows);
    buf_add_char(out, '}');
}
