/* wire-rig: for tests of wires: what a reader makes of bytes, as one line of text, however they are
 * cut; and the request that a caller's body becomes. */
#pragma once
#include "api/wire_read.h"
#include "base/fault.h"
#include "base/rand.h"
#include "base/tap.h"

static struct arena mem;
static struct buf seen;

static void note(const char *name, const struct event *e, struct slice text)
{
    buf_printf(&seen, "%s%u", name, e->choice);
    if (text.p) {
        buf_add_char(&seen, '(');
        buf_add_str(&seen, text);
        buf_add_char(&seen, ')');
    }
    buf_add_char(&seen, ' ');
}

static void note_two(const char *name, const struct event *e, struct slice a, struct slice b)
{
    buf_printf(&seen, "%s%u(", name, e->choice);
    if (e->kind == EVENT_CALL || e->kind == EVENT_ARGUMENTS)
        buf_printf(&seen, "%u ", e->call);
    buf_add_str(&seen, a);
    if (b.p) {
        buf_add_char(&seen, ' ');
        buf_add_str(&seen, b);
    }
    buf_add_cstr(&seen, ") ");
}

static void note_usage(const struct event *e)
{
    const struct usage *u = &e->usage;

    buf_printf(&seen, "U%u(%d %d %d %d %d) ", e->choice, (int)u->input, (int)u->output,
               (int)u->cached_read, (int)u->cache_write, (int)u->reasoning);
}

static void note_data(const struct event *e)
{
    CLEANUP(buf_done) struct buf text = {0};

    json_add_val(&text, e->raw);
    note("D", e, buf_slice(&text));
}

/* Events as one line: T0(hello) is text "hello" of choice 0. */
static void sink(void *owner, const struct event *e)
{
    static const char *const names[] = {
        [EVENT_BEGIN] = "B", [EVENT_TEXT] = "T",     [EVENT_REASONING] = "R", [EVENT_REFUSAL] = "N",
        [EVENT_END] = "END", [EVENT_REDACTED] = "X", [EVENT_LOGPROBS] = "L",
    };

    (void)owner;
    if (e->kind == EVENT_CALL)
        note_two("C", e, e->call_id, e->name);
    else if (e->kind == EVENT_ARGUMENTS)
        note_two("A", e, e->text, (struct slice){0});
    else if (e->kind == EVENT_SIGNATURE)
        note_two("S", e, e->text, e->call_id);
    else if (e->kind == EVENT_FINISH && e->finish == FINISH_STOP && e->text.p)
        note_two("F", e, SLICE("stop"), e->text);
    else if (e->kind == EVENT_FINISH)
        note("F", e, e->text.p ? e->text : slice_of(finish_text(e->finish)));
    else if (e->kind == EVENT_USAGE)
        note_usage(e);
    else if (e->kind == EVENT_DATA)
        note_data(e);
    else
        note(names[e->kind], e, e->text);
}

struct reading {
    int http_status;         /* 0: 200 */
    bool torn;               /* the transfer broke */
    size_t step;             /* bytes fed at once; 0: all */
    unsigned choices;        /* asked for; 0: 1 */
    const struct turn *turn; /* NULL: a chat that asks for so many */
};

static void feed_all(const struct wire *wire, struct wire_reader *r, struct slice bytes,
                     size_t step)
{
    while (bytes.len > 0) {
        size_t n = step && step < bytes.len ? step : bytes.len;
        if (wire->reader_feed(r, (struct slice){bytes.p, n}, NULL))
            break;
        bytes.p += n;
        bytes.len -= n;
    }
}

static struct outcome read_all(const struct wire *wire, struct slice bytes, struct reading how)
{
    struct outcome o = {0};
    struct wire_reader *r;
    struct turn chat;

    arena_done(&mem);
    arena_init(&mem, 64 << 20);
    buf_reset(&seen);
    buf_add(&seen, "", 0);
    rand_seed(1);
    turn_init(&chat);
    chat.n = how.choices ? how.choices : 1;
    CHECK_EQ(wire->reader_new(&r, how.turn ? how.turn : &chat,
                              how.http_status ? how.http_status : 200, SLICE("text/event-stream"),
                              &mem, sink, NULL, NULL),
             NIGH_OK);
    feed_all(wire, r, bytes, how.step);
    if (how.torn)
        (void)!nigh_fail(&o.err, NIGH_IO, "reset by peer");
    wire->reader_end(r, &o);
    wire->reader_free(r);
    return o;
}

/* JSON in single quotes, for reading's sake. */
static char *quoted(const char *text)
{
    static char out[4][16384];
    static int at;
    char *p = out[at = (at + 1) % 4];

    CHECK(strlen(text) < sizeof out[0]);
    snprintf(p, sizeof out[0], "%s", text);
    for (char *q = p; *q; q++)
        if (*q == '\'')
            *q = '"';
    return p;
}

static const char *single(char *text) /* the other way, in place */
{
    for (char *q = text; *q; q++)
        *q = *q == '"' ? '\'' : *q;
    return text;
}

struct stream_row {
    const char *what, *bytes, *events;
    enum fate fate;
    bool torn;
};

/* Every row becomes its events, and the same ones however it is cut. */
static inline void check_streams(const struct wire *wire, const struct stream_row *rows, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct slice bytes = slice_of(quoted(rows[i].bytes));
        struct outcome o = read_all(wire, bytes, (struct reading){.torn = rows[i].torn});
        CLEANUP(buf_done) struct buf want = {0};

        printf("# %s: %s\n", rows[i].what, o.err.what);
        buf_add_str(&want, buf_slice(&seen));
        buf_add(&want, "", 0);
        CHECK_STR(single(seen.data), rows[i].events);
        CHECK_EQ(o.fate, rows[i].fate);
        CHECK((o.fate == FATE_WHOLE && !rows[i].torn) == (o.err.status == NIGH_OK) || rows[i].torn);
        for (size_t step = 1; step < bytes.len; step = step < 8 ? step + 1 : step * 2) {
            struct reading how = {.torn = rows[i].torn, .step = step};
            CHECK_EQ(read_all(wire, bytes, how).fate, rows[i].fate);
            CHECK_STR(seen.data, want.data);
        }
    }
}

/* Whatever allocation fails, the answer is told in full or is not whole. */
static inline void check_allocations(const struct wire *wire, const struct stream_row *rows,
                                     size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct slice bytes = slice_of(quoted(rows[i].bytes));
        bool hit = true;

        CHECK(buf_reserve(&seen, 4096)); /* ours must not fail */
        for (int nth = 1; hit; nth++) {
            struct outcome o = {0};
            struct wire_reader *r;
            arena_done(&mem);
            arena_init(&mem, 64 << 20);
            CHECK(arena_alloc(&mem, 1)); /* its first chunk */
            buf_reset(&seen);
            rand_seed(1);
            CHECK_EQ(wire->reader_new(&r, NULL, 200, SLICE(""), &mem, sink, NULL, NULL), NIGH_OK);
            fault_arm(FAULT_ALLOC, nth);
            if (wire->reader_feed(r, bytes, NULL) == NIGH_OK && rows[i].torn)
                (void)!nigh_fail(&o.err, NIGH_IO, "reset by peer");
            wire->reader_end(r, &o);
            hit = fault_disarm();
            wire->reader_free(r);
            if (o.fate == FATE_WHOLE)
                CHECK_STR(single(seen.data), rows[i].events);
        }
    }
}

struct error_row {
    int http_status;
    const char *body;
    enum fate fate;
    enum nigh_status status;
    const char *what, *said;
};

static inline void check_errors(const struct wire *wire, const struct error_row *rows, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct outcome o =
            read_all(wire, slice_of(quoted(rows[i].body)),
                     (struct reading){.http_status = rows[i].http_status, .step = 3});
        printf("# %d %s\n", rows[i].http_status, rows[i].body);
        CHECK_EQ(o.fate, rows[i].fate);
        CHECK_EQ(o.http_status, rows[i].http_status);
        CHECK_EQ(o.err.status, rows[i].status);
        CHECK_STR(o.err.what, rows[i].what);
        if (rows[i].said)
            CHECK_STR(o.said.p, rows[i].said);
        else
            CHECK(!o.said.p);
    }
}

/* ---- requests ---- */

static struct nigh_err request_err;

/* The request that a body of an API becomes; "" when it is refused, see request_err. */
static inline const char *request_of(const struct wire *wire, const struct api *api,
                                     const char *body, const char *model)
{
    static char out[65536];
    CLEANUP(buf_done) struct buf b = {0};
    struct turn turn;
    struct slice param;

    arena_done(&mem);
    arena_init(&mem, 16 << 20);
    request_err = (struct nigh_err){0};
    enum nigh_status status =
        api->decode(&turn, slice_of(quoted(body)), &mem, &param, &request_err);
    printf("# %s\n", request_err.what);
    CHECK_EQ(status, NIGH_OK);
    if (wire->request(&b, &turn, model, 0, &request_err) != NIGH_OK)
        return "";
    yyjson_val *root;
    CHECK_EQ(json_parse(&root, buf_slice(&b), &mem, NULL), NIGH_OK);
    CHECK(b.len < sizeof out);
    memcpy(out, b.data, b.len + 1);
    return single(out);
}

/* A body of this format leaves as it came, but for the order of its members. */
static inline void check_own(const struct wire *wire, const struct api *api,
                             const char *const *bodies, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct arena own;
        yyjson_val *came, *left;
        char *made, *body = strdup(quoted(bodies[i]));

        arena_init(&own, 1 << 20);
        CHECK_EQ(json_parse(&came, slice_of(body), &own, NULL), NIGH_OK);
        made = quoted(request_of(wire, api, bodies[i], yyjson_get_str(json_get(came, "model"))));
        CHECK_EQ(json_parse(&left, slice_of(made), &own, NULL), NIGH_OK);
        printf("# %s\n# %s\n", body, made);
        CHECK(yyjson_equals(came, left));
        free(body);
        arena_done(&own);
    }
}
