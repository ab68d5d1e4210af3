/* A body that decodes can be told to a place, and what is told decodes to the same again: the
 * request made of it does not change any more. */
#include "api/openai_chat.h"
#include "api/wire.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool count(void *owner, struct slice text)
{
    *(size_t *)owner += text.len > 0 && text.p[text.len - 1];
    return true;
}

static void told(struct buf *out, struct slice body, struct arena *a)
{
    struct slice param;
    struct turn turn;
    size_t texts = 0;

    if (openai_chat_decode(&turn, body, a, &param, NULL) != NIGH_OK)
        return;
    turn_each_text(&turn, count, &texts);
    (void)turn_plain_question(&turn, a);
    if (wire_openai.request(out, &turn, "m", 0, NULL) != NIGH_OK)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf first = {0}, second = {0};
    struct arena a;

    arena_init(&a, 64 << 20);
    told(&first, (struct slice){(const char *)data, size}, &a);
    if (first.len > 0) {
        told(&second, buf_slice(&first), &a);
        if (!slice_eq(buf_slice(&first), buf_slice(&second)))
            abort();
    }
    buf_done(&first);
    buf_done(&second);
    arena_done(&a);
    return 0;
}
