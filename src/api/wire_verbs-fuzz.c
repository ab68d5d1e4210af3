/* Bytes of an answer to what is no chat, cut in two ways, give the same events; a whole one is what
 * verbs.h promises and becomes a body that is JSON.  The first byte picks the verb and how many
 * inputs, the second the cuts and what else was asked for. */
#include "api/verbs.h"
#include "api/wire_verbs.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { INPUTS = 4 };

static const struct {
    enum verb verb;
    const struct api *api;
} verbs[] = {
    {VERB_COMPLETE, &api_openai_completions},
    {VERB_EMBED, &api_openai_embeddings},
    {VERB_RERANK, &api_rerank},
    {VERB_TOKENIZE, &api_tokenize},
    {VERB_DETOKENIZE, &api_detokenize},
    {VERB_COUNT, &api_openai_count},
};

struct listener {
    const struct api *api;
    const struct turn *turn;
    struct answer answer;
    struct encoding enc;
    struct buf out, log; /* what a caller of a stream gets; every event, to compare */
    bool refused;
};

static void sink(void *owner, const struct event *e)
{
    struct listener *l = owner;

    buf_printf(&l->log, "%d %u %d %zu:", (int)e->kind, e->choice, (int)e->finish, e->text.len);
    buf_add_str(&l->log, e->text);
    if (e->kind == EVENT_DATA && verbs_check(l->turn, e->raw, NULL) != NIGH_OK)
        abort();
    if (answer_add(&l->answer, e, NULL) != NIGH_OK)
        l->refused = true;
    if (!l->refused && l->api->event)
        l->api->event(&l->enc, e, &l->out);
}

static enum fate hear(struct listener *l, const struct api *api, const struct turn *turn,
                      struct slice bytes, size_t step, struct arena *a)
{
    struct wire_reader *r;
    struct outcome o = {0};

    *l = (struct listener){.api = api, .turn = turn};
    l->enc =
        (struct encoding){.turn = turn, .answer = &l->answer, .id = "ID", .model = "m", .arena = a};
    if (wire_llama.reader_new(&r, turn, 200, SLICE(""), a, sink, l, NULL) != NIGH_OK)
        abort();
    while (bytes.len > 0) {
        size_t n = step < bytes.len ? step : bytes.len;
        if (wire_llama.reader_feed(r, (struct slice){bytes.p, n}, NULL) != NIGH_OK)
            break;
        bytes.p += n;
        bytes.len -= n;
    }
    wire_llama.reader_end(r, &o);
    if ((o.fate == FATE_WHOLE) != l->answer.ended ||
        (o.fate == FATE_WHOLE) != (o.err.status == NIGH_OK))
        abort();
    wire_llama.reader_free(r);
    return o.fate;
}

static void listener_done(struct listener *l)
{
    answer_done(&l->answer);
    buf_done(&l->out);
    buf_done(&l->log);
}

static void whole_is_json(struct listener *l, struct arena *a)
{
    struct buf out = {0};
    yyjson_val *root;

    l->api->whole(&l->enc, &out);
    if (out.failed || json_parse(&root, buf_slice(&out), a, NULL) != NIGH_OK)
        abort();
    buf_done(&out);
}

static void ask(struct turn *turn, struct message messages[INPUTS], struct part *part,
                const uint8_t *data)
{
    turn_init(turn);
    turn->verb = verbs[data[0] % ARRAY_LEN(verbs)].verb;
    for (size_t i = 0; i < INPUTS; i++)
        messages[i] = (struct message){.role = ROLE_USER, .parts = part, .n_parts = 1};
    turn->messages = messages;
    turn->n_messages = 1 + data[0] / ARRAY_LEN(verbs) % INPUTS;
    turn->n_messages += turn->verb == VERB_RERANK && turn->n_messages == 1;
    turn->base64 = data[1] & 32;
    turn->n = data[1] & 64 ? 2 : 1;
    turn->top_n = turn->dimensions = data[1] & 128 ? 2 : 0;
    turn->logprobs = turn->stream = turn->stream_usage = true;
    turn->top_logprobs = 1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct part part = {.kind = PART_TEXT, .text = SLICE("text")};
    struct message messages[INPUTS];
    struct listener whole, cut;
    struct turn turn;
    struct arena a;

    if (size < 2)
        return 0;
    struct slice bytes = {(const char *)data + 2, size - 2};
    const struct api *api = verbs[data[0] % ARRAY_LEN(verbs)].api;
    ask(&turn, messages, &part, data);
    arena_init(&a, 256 << 20);
    enum fate fate = hear(&whole, api, &turn, bytes, size, &a);
    if (hear(&cut, api, &turn, bytes, 1 + data[1] % 32, &a) != fate ||
        !slice_eq(buf_slice(&whole.log), buf_slice(&cut.log)))
        abort();
    if (fate == FATE_WHOLE && !whole.refused)
        whole_is_json(&whole, &a);
    listener_done(&whole);
    listener_done(&cut);
    arena_done(&a);
    return 0;
}
