#include "api/wire_read.h"
#include "base/rand.h"
#include <stdio.h>

static struct wire_read *of(struct wire_reader *r)
{
    return (struct wire_read *)r;
}

bool wire_ok(const struct wire_read *in)
{
    return in->err.status == NIGH_OK;
}

void wire_say(struct wire_read *in, const struct event *event)
{
    in->began |= event->kind == EVENT_BEGIN;
    in->spoke |= event->kind != EVENT_BEGIN && event->kind != EVENT_USAGE;
    in->sink(in->owner, event);
}

void wire_say_text(struct wire_read *in, unsigned choice, enum event_kind kind, struct slice text)
{
    if (text.len > 0)
        wire_say(in, &(struct event){.kind = kind, .choice = choice, .text = text});
}

void wire_broken(struct wire_read *in, const char *why)
{
    nigh_fail(&in->err, NIGH_UPSTREAM, "upstream's answer broke: %s", why);
}

void wire_done(struct wire_read *in)
{
    in->done = true;
    sse_stop(&in->sse);
}

void wire_refused(struct wire_read *in, struct slice text)
{
    in->refused = true;
    wire_classify(text, 0, in->arena, &in->outcome);
    in->err = in->outcome.err;
}

uint64_t wire_count(yyjson_val *obj, const char *key)
{
    int64_t n = json_get_int(obj, key, 0);

    return n > 0 ? (uint64_t)n : 0;
}

struct slice wire_call_id(struct wire_read *in, struct slice id)
{
    char made[32];

    if (id.len == 0) {
        snprintf(made, sizeof made, "call_%016llx", (unsigned long long)rand_u64());
        id = slice_of(made);
    }
    struct slice kept = id.len > WIRE_ID_MAX ? (struct slice){0} : arena_dup(in->arena, id);
    if (!kept.p)
        wire_broken(in, "a tool call's id is too long");
    return kept;
}

static void on_event(void *owner, struct slice event, struct slice data)
{
    struct wire_read *in = owner;
    enum nigh_status status;
    yyjson_val *root;

    data = slice_trim(data);
    if (in->done || !wire_ok(in) || data.len == 0)
        return;
    if (in->format->end_mark && slice_is(data, in->format->end_mark)) {
        wire_done(in);
        return;
    }
    arena_reset(&in->scratch);
    status = json_parse(&root, data, &in->scratch, NULL);
    if (status == NIGH_OK)
        in->format->event(in, event, root, data);
    else
        wire_broken(in, status == NIGH_INVALID ? "an event that is not JSON"
                                               : "no memory for an event");
    if (!wire_ok(in))
        sse_stop(&in->sse);
}

enum nigh_status wire_read_new(struct wire_reader **ret, size_t size,
                               const struct wire_format *format, const struct turn *turn,
                               int http_status, struct arena *arena,
                               void (*sink)(void *owner, const struct event *), void *owner,
                               struct nigh_err *err)
{
    struct wire_read *in = arena_calloc(arena, 1, size);

    if (!in)
        return nigh_fail(err, NIGH_NOMEM, "no memory to read an answer");
    in->format = format;
    in->turn = turn;
    in->http_status = http_status;
    in->arena = arena;
    in->sink = sink;
    in->owner = owner;
    in->mode = http_status >= 200 && http_status < 300 ? MODE_UNKNOWN : MODE_ERROR;
    in->whole.max_bytes = in->mode == MODE_ERROR ? WIRE_ERROR_MAX : WIRE_BODY_MAX;
    arena_init(&in->scratch, JSON_ROOM * WIRE_EVENT_MAX);
    sse_init(&in->sse, WIRE_EVENT_MAX, on_event, in);
    *ret = (struct wire_reader *)in;
    return NIGH_OK;
}

void wire_read_free(struct wire_reader *r)
{
    struct wire_read *in = of(r);

    if (!in)
        return;
    sse_done(&in->sse);
    buf_done(&in->whole);
    arena_done(&in->scratch);
}

/* The first byte that is no space tells a body from a stream; the content type does not always. */
static void find_mode(struct wire_read *in, struct slice *bytes)
{
    while (bytes->len > 0 && strchr(" \t\r\n", *bytes->p) && *bytes->p) {
        bytes->p++;
        bytes->len--;
    }
    if (bytes->len > 0)
        in->mode = *bytes->p == '{' ? MODE_BODY : MODE_STREAM;
}

enum nigh_status wire_read_feed(struct wire_reader *r, struct slice bytes, struct nigh_err *err)
{
    struct wire_read *in = of(r);
    enum nigh_status status = NIGH_OK;

    if (in->mode == MODE_UNKNOWN)
        find_mode(in, &bytes);
    if (in->mode == MODE_STREAM && !in->done && wire_ok(in)) {
        status = sse_feed(&in->sse, bytes, &in->err);
    } else if (in->mode == MODE_ERROR) {
        size_t room = WIRE_ERROR_MAX - in->whole.len;
        buf_add(&in->whole, bytes.p, bytes.len < room ? bytes.len : room);
    } else if (in->mode == MODE_BODY) {
        buf_add_str(&in->whole, bytes);
        if (in->whole.failed)
            nigh_fail(&in->err, NIGH_UPSTREAM, "upstream's answer is larger than %d MiB",
                      WIRE_BODY_MAX >> 20);
    }
    if (status || !wire_ok(in))
        return nigh_fail(err, NIGH_UPSTREAM, "%s", in->err.what);
    return NIGH_OK;
}

static void read_body(struct wire_read *in)
{
    yyjson_val *root;

    arena_done(&in->scratch);
    arena_init(&in->scratch, JSON_ROOM * (size_t)WIRE_BODY_MAX);
    if (json_parse(&root, buf_slice(&in->whole), &in->scratch, NULL) != NIGH_OK) {
        wire_broken(in, "its body is not JSON");
        return;
    }
    in->format->body(in, root, buf_slice(&in->whole));
    in->done = wire_ok(in);
}

static void end_broken(struct wire_read *in, struct outcome *o)
{
    enum fate fate = in->refused ? in->outcome.fate : FATE_RETRY;

    o->fate = in->spoke && fate != FATE_CALLER ? FATE_CUT : fate;
    o->said = in->outcome.said;
    o->said_type = in->outcome.said_type;
    o->said_code = in->outcome.said_code;
    o->said_param = in->outcome.said_param;
    if (!wire_ok(in))
        nigh_fail(&o->err, in->err.status, "%s", in->err.what);
    nigh_fail(&o->err, NIGH_UPSTREAM, "upstream's answer broke off before its end");
}

void wire_read_end(struct wire_reader *r, struct outcome *o)
{
    struct wire_read *in = of(r);
    bool clean = o->err.status == NIGH_OK;

    if (o->http_status == 0)
        o->http_status = in->http_status;
    if (in->mode == MODE_ERROR) {
        wire_classify(buf_slice(&in->whole), in->http_status, in->arena, o);
        return;
    }
    if (in->mode == MODE_BODY && clean && wire_ok(in))
        read_body(in);
    /* A last event may lack its empty line; of a clean transfer it is whole nevertheless. */
    if (in->mode == MODE_STREAM && clean && !in->done && wire_ok(in))
        clean = sse_feed(&in->sse, SLICE("\n\n"), &in->err) == NIGH_OK;
    if (in->began && in->usage.known)
        wire_say(in, &(struct event){.kind = EVENT_USAGE, .usage = in->usage});
    if (!wire_ok(in) || !in->format->finished(in) || !(in->done || clean)) {
        end_broken(in, o);
        return;
    }
    o->fate = FATE_WHOLE;
    wire_say(in, &(struct event){.kind = EVENT_END});
}

bool wire_read_whole(const struct wire_reader *r)
{
    const struct wire_read *in = (const struct wire_read *)r;

    return in->mode == MODE_STREAM && in->done && wire_ok(in);
}
