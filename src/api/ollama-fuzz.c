/* A body that decodes can be told to a place.  Its bytes as what a model says and calls: every line
 * of the stream is one JSON object, and so is the whole answer. */
#include "api/ollama.h"
#include "api/wire.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool count(void *owner, struct slice text)
{
    *(size_t *)owner += text.len > 0 && text.p[text.len - 1];
    return true;
}

static void told(const struct api *api, struct slice body)
{
    struct buf out = {0};
    struct slice param;
    struct arena a;
    struct turn turn;
    size_t texts = 0;

    arena_init(&a, 64 << 20);
    if (api->decode(&turn, body, &a, &param, NULL) == NIGH_OK) {
        turn_each_text(&turn, count, &texts);
        (void)turn_plain_question(&turn, &a);
        if (turn.verb == VERB_CHAT &&
            wire_openai.request(&out, &turn, "m", WIRE_MORE_WISHES, NULL) != NIGH_OK)
            abort();
    }
    buf_done(&out);
    arena_done(&a);
}

static void must_parse(struct slice text)
{
    struct arena a;
    yyjson_val *val;

    arena_init(&a, 64 << 20);
    if (json_parse(&val, text, &a, NULL) != NIGH_OK || !yyjson_is_obj(val))
        abort();
    arena_done(&a);
}

static void lines_must_parse(struct slice text)
{
    while (text.len > 0) {
        struct slice line = slice_cut(&text, '\n');
        if (line.len > 0)
            must_parse(line);
    }
}

/* Two bytes an event: which, and how many of the next bytes it holds. */
static void said(const struct api *api, const uint8_t *data, size_t size)
{
    static const enum event_kind kinds[] = {EVENT_TEXT,      EVENT_REASONING, EVENT_CALL,
                                            EVENT_ARGUMENTS, EVENT_REFUSAL,   EVENT_FINISH};
    struct answer answer;
    struct arena a;
    struct turn turn;
    struct buf out = {0};
    struct encoding e = {.turn = &turn, .answer = &answer, .id = "i", .model = "m", .arena = &a};

    arena_init(&a, 64 << 20);
    turn_init(&turn);
    answer_init(&answer);
    api->event(&e, &(struct event){.kind = EVENT_BEGIN}, &out);
    for (size_t at = 0; at + 2 <= size;) {
        size_t len = data[at + 1] < size - at - 2 ? data[at + 1] : size - at - 2;
        struct slice text = {(const char *)data + at + 2, len};
        struct event event = {.kind = kinds[data[at] % 6], .call = data[at] / 6, .text = text};
        at += 2 + len;
        if (!slice_utf8(text))
            continue; /* readers let nothing else through */
        event.call_id = event.name = text;
        if (answer_add(&answer, &event, NULL) == NIGH_OK)
            api->event(&e, &event, &out);
    }
    if (answer_add(&answer, &(struct event){.kind = EVENT_END}, NULL) != NIGH_OK)
        abort();
    api->event(&e, &(struct event){.kind = EVENT_END}, &out);
    if (!out.failed)
        lines_must_parse(buf_slice(&out));
    buf_reset(&out);
    api->whole(&e, &out);
    must_parse(buf_slice(&out));
    buf_done(&out);
    answer_done(&answer);
    arena_done(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    told(&api_ollama_chat, (struct slice){(const char *)data, size});
    told(&api_ollama_generate, (struct slice){(const char *)data, size});
    said(&api_ollama_chat, data, size);
    said(&api_ollama_generate, data, size);
    return 0;
}
