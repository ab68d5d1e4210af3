/* A body that decodes can be told to a place of the chat format, unless it says that it cannot, and
 * what is told decodes there; and the answer's object, which says back what was asked, is JSON. */
#include "api/openai_responses.h"
#include "api/wire.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool count(void *owner, struct slice text)
{
    *(size_t *)owner += text.len > 0 && text.p[text.len - 1];
    return true;
}

static void check_told(const struct turn *turn, struct arena *a)
{
    struct buf out = {0};
    struct turn again;
    struct slice param;
    enum nigh_status status = wire_openai.request(&out, turn, "m", 0, NULL);

    if (status != NIGH_OK && status != NIGH_UNSUPPORTED)
        abort();
    if (status == NIGH_OK && turn->n_messages > 0 &&
        api_openai_chat.decode(&again, buf_slice(&out), a, &param, NULL) != NIGH_OK)
        abort();
    buf_done(&out);
}

static void check_echo(const struct turn *turn, struct arena *a)
{
    struct buf out = {0};
    struct answer answer;
    struct encoding e = {.turn = turn, .answer = &answer, .id = "01", .arena = a};
    yyjson_val *val;

    answer_init(&answer);
    api_openai_responses.whole(&e, &out);
    if (out.failed || json_parse(&val, buf_slice(&out), a, NULL) != NIGH_OK)
        abort();
    buf_done(&out);
}

/* What is kept of a request can be gone on from: it reads as as many messages. */
static void check_kept(const struct turn *turn, struct arena *a)
{
    struct buf out = {0};
    struct turn again;
    struct decode d = {&again, a, NULL, NULL};
    struct spot here = {NULL, "input", 0};
    struct message *messages;
    yyjson_val *val;
    size_t n, told = json_get_str(turn->raw, "instructions").p != NULL;

    turn_init(&again);
    openai_responses_inputs(json_get(turn->raw, "input"), "01M82M3JA243YE5X940APYQ5GH", &out);
    if (out.failed || json_parse(&val, buf_slice(&out), a, NULL) != NIGH_OK ||
        openai_responses_items(&d, &here, val, &messages, &n) != NIGH_OK ||
        n + told != turn->n_messages)
        abort();
    buf_done(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a;
    struct turn turn;
    struct slice param;
    size_t texts = 0;

    arena_init(&a, 64 << 20);
    if (api_openai_responses.decode(&turn, (struct slice){(const char *)data, size}, &a, &param,
                                    NULL) == NIGH_OK) {
        turn_each_text(&turn, count, &texts);
        (void)turn_plain_question(&turn, &a);
        check_told(&turn, &a);
        check_echo(&turn, &a);
        check_kept(&turn, &a);
    }
    arena_done(&a);
    return 0;
}
