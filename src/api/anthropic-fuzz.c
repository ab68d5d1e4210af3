/* A body that decodes can be told to a place of another format, or is refused there with a reason;
 * and whatever an answer's pieces are, its stream and its whole are JSON, and the stream's blocks
 * open and close one after the other.
 *
 * The first byte says which: even, the rest is a body; odd, the rest are events. */
#include "api/anthropic.h"
#include "api/wire.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool count(void *owner, struct slice text)
{
    *(size_t *)owner += text.len > 0 && text.p[text.len - 1];
    return true;
}

static void try_body(struct slice body, struct arena *a)
{
    CLEANUP(buf_done) struct buf out = {0};
    struct nigh_err err = {0};
    struct slice param = {0};
    struct turn turn;
    yyjson_val *told;
    size_t texts = 0;

    if (anthropic_decode(&turn, body, a, &param, &err) != NIGH_OK) {
        if (param.p && !slice_starts(slice_of(err.what),
                                     (struct slice){param.p, param.len < 90 ? param.len : 90}))
            abort();
        return;
    }
    turn_each_text(&turn, count, &texts);
    (void)turn_plain_question(&turn, a);
    if (wire_openai.request(&out, &turn, "m", 0, &err) != NIGH_OK) {
        if (!err.what[0])
            abort();
    } else if (json_parse(&told, buf_slice(&out), a, &err) != NIGH_OK) {
        abort();
    }
}

/* Opens, deltas and closes of one block at a time, counted from 0. */
static void check_order(struct slice *stream, struct arena *a)
{
    int64_t next = 0, open = -1;

    while (stream->len > 0) {
        struct slice line = slice_cut(stream, '\n');
        yyjson_val *event;
        if (!slice_starts(line, SLICE("data: ")))
            continue;
        line.p += 6;
        line.len -= 6;
        if (json_parse(&event, line, a, NULL) != NIGH_OK)
            abort();
        struct slice type = json_get_str(event, "type");
        int64_t index = json_get_int(event, "index", -1);
        if (slice_is(type, "content_block_start")) {
            if (open >= 0 || index != next++)
                abort();
            open = index;
        } else if (slice_starts(type, SLICE("content_block_"))) {
            if (index != open || open < 0)
                abort();
            open = slice_is(type, "content_block_stop") ? -1 : open;
        } else if (slice_is(type, "message_stop") && open >= 0) {
            abort();
        }
    }
}

/* Each event: a byte for its kind, one for its call, one for the length of its text, the text. */
static bool next_event(struct slice *rest, struct event *e)
{
    static const enum event_kind kinds[] = {EVENT_TEXT,    EVENT_REASONING, EVENT_REFUSAL,
                                            EVENT_CALL,    EVENT_ARGUMENTS, EVENT_SIGNATURE,
                                            EVENT_REDACTED};
    size_t len;

    if (rest->len < 3)
        return false;
    len = (unsigned char)rest->p[2];
    len = len < rest->len - 3 ? len : rest->len - 3;
    *e = (struct event){.kind = kinds[(unsigned char)rest->p[0] % ARRAY_LEN(kinds)],
                        .call = (unsigned char)rest->p[1] % 8,
                        .text = {rest->p + 3, len}};
    rest->p += 3 + len;
    rest->len -= 3 + len;
    return slice_utf8(e->text);
}

static void try_events(struct slice rest, struct arena *a)
{
    CLEANUP(buf_done) struct buf out = {0};
    CLEANUP(answer_done) struct answer answer = {0};
    struct turn turn;
    struct encoding enc = {.turn = &turn, .answer = &answer, .id = "01", .model = "m", .arena = a};
    struct event ends[] = {{.kind = EVENT_FINISH}, {.kind = EVENT_END}};
    struct event e = {.kind = EVENT_BEGIN};
    yyjson_val *whole;

    turn_init(&turn);
    do {
        if (answer_add(&answer, &e, NULL) != NIGH_OK)
            return;
        anthropic_event(&enc, &e, &out);
    } while (next_event(&rest, &e));
    for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
        if (answer_add(&answer, &ends[i], NULL) != NIGH_OK)
            return;
        anthropic_event(&enc, &ends[i], &out);
    }
    if (out.failed)
        return;
    struct slice stream = buf_slice(&out);
    check_order(&stream, a);
    buf_reset(&out);
    anthropic_whole(&enc, &out);
    if (!out.failed && json_parse(&whole, buf_slice(&out), a, NULL) != NIGH_OK)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a;

    if (size == 0)
        return 0;
    arena_init(&a, 64 << 20);
    if (data[0] % 2)
        try_events((struct slice){(const char *)data + 1, size - 1}, &a);
    else
        try_body((struct slice){(const char *)data + 1, size - 1}, &a);
    arena_done(&a);
    return 0;
}
