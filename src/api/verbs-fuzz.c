/* A body that decodes can be told to a place, and what is told decodes to the same again.  The
 * first byte picks the API. */
#include "api/openai_completions.h"
#include "api/verbs.h"
#include "api/wire.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct api *const apis[] = {
    &api_openai_completions, &api_openai_embeddings, &api_rerank,
    &api_tokenize,           &api_detokenize,        &api_openai_count,
};

static bool count(void *owner, struct slice text)
{
    *(size_t *)owner += text.len > 0 && text.p[text.len - 1];
    return true;
}

static void told(const struct api *api, struct buf *out, struct slice body, struct arena *a)
{
    struct slice param;
    struct turn turn;
    size_t texts = 0;

    if (api->decode(&turn, body, a, &param, NULL) != NIGH_OK)
        return;
    if (turn.n_messages == 0 || turn.verb == VERB_CHAT || turn_plain_question(&turn, a).p)
        abort();
    turn_each_text(&turn, count, &texts);
    if (turn.verb == VERB_COMPLETE && turn.max_tokens == COMPLETIONS_MAX_TOKENS)
        turn.max_tokens = 0; /* told as -1, it goes as nothing, which reads as the default */
    if (wire_openai.request(out, &turn, "m", 0, NULL) != NIGH_OK)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf first = {0}, second = {0};
    struct arena a;

    if (size < 1)
        return 0;
    const struct api *api = apis[data[0] % ARRAY_LEN(apis)];
    arena_init(&a, 64 << 20);
    told(api, &first, (struct slice){(const char *)data + 1, size - 1}, &a);
    if (first.len > 0) {
        told(api, &second, buf_slice(&first), &a);
        if (!slice_eq(buf_slice(&first), buf_slice(&second)))
            abort();
    }
    buf_done(&first);
    buf_done(&second);
    arena_done(&a);
    return 0;
}
