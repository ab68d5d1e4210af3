#include "api/wire_verbs.h"

#include "api/verbs.h"
#include <math.h>
#include <stdlib.h>

#define ADD(out, literal) buf_add(out, literal, sizeof(literal) - 1)

/* ---- requests ---- */

static void put_input(struct buf *out, const struct message *m)
{
    const struct part *p = &m->parts[0];

    if (p->kind == PART_TEXT)
        buf_add_json(out, p->text);
    else
        json_add_val(out, p->raw);
}

static void put_inputs(struct buf *out, const char *key, const struct turn *turn, size_t from)
{
    json_key(out, key);
    ADD(out, "[");
    for (size_t i = from; i < turn->n_messages; i++) {
        json_sep(out);
        put_input(out, &turn->messages[i]);
    }
    ADD(out, "]");
}

static void put_only(struct buf *out, const char *key, const struct turn *turn)
{
    json_key(out, key);
    put_input(out, &turn->messages[0]);
}

static void put_embed(struct buf *out, const struct turn *turn)
{
    put_inputs(out, "input", turn, 0);
    if (turn->dimensions)
        json_put_int(out, "dimensions", (int64_t)turn->dimensions);
    if (turn->base64)
        json_put_cstr(out, "encoding_format", "base64");
}

static void put_rerank(struct buf *out, const struct turn *turn)
{
    put_only(out, "query", turn);
    put_inputs(out, "documents", turn, 1);
    if (turn->top_n)
        json_put_int(out, "top_n", (int64_t)turn->top_n);
}

static void put_tokenize(struct buf *out, const struct turn *turn)
{
    put_only(out, "content", turn);
}

static void put_detokenize(struct buf *out, const struct turn *turn)
{
    put_only(out, "tokens", turn);
}

/* ---- answers ---- */

static enum nigh_status broke(struct nigh_err *err, const char *what)
{
    return nigh_fail(err, NIGH_UPSTREAM, "upstream's answer broke: %s", what);
}

/* An embedding as it came: a list, or base64 where that was asked for, and by some where not. */
static bool put_vector(struct buf *out, yyjson_val *vector)
{
    json_sep(out);
    if (yyjson_is_str(vector))
        return verbs_base64_read(json_str(vector), out);
    json_add_val(out, vector);
    return yyjson_is_arr(vector);
}

/* Items say whose they are; OpenAI's stand in order, and nobody promises it. */
static enum nigh_status read_embed(const struct turn *turn, yyjson_val *root, struct buf *out,
                                   struct nigh_err *err)
{
    yyjson_val *items = json_get(root, "data"), *item, **by_index;
    size_t i, max, n = turn->n_messages;
    bool ok = yyjson_arr_size(items) == n;

    by_index = calloc(n + 1, sizeof(yyjson_val *));
    if (!by_index)
        return nigh_fail(err, NIGH_NOMEM, "no memory for an answer");
    yyjson_arr_foreach(items, i, max, item)
    {
        int64_t index = json_get_int(item, "index", (int64_t)i);
        ok = ok && index >= 0 && (size_t)index < n && !by_index[index];
        if (ok)
            by_index[index] = json_get(item, "embedding");
    }
    ADD(out, "{\"embeddings\":[");
    for (i = 0; ok && i < n; i++)
        ok = put_vector(out, by_index[i]);
    ADD(out, "]}");
    free(by_index);
    return ok ? NIGH_OK : broke(err, "not one embedding for each input");
}

struct rank {
    double score;
    int64_t index;
};

static int by_score(const void *a, const void *b)
{
    const struct rank *x = a, *y = b;

    if (x->score != y->score)
        return x->score > y->score ? -1 : 1;
    return x->index < y->index ? -1 : x->index > y->index;
}

/* Some give all in the order of the documents and leave top_n to the caller. */
static void put_ranks(struct buf *out, struct rank *ranks, size_t n, uint64_t top_n)
{
    qsort(ranks, n, sizeof *ranks, by_score);
    if (top_n && top_n < n)
        n = top_n;
    ADD(out, "{\"results\":[");
    for (size_t i = 0; i < n; i++) {
        json_sep(out);
        ADD(out, "{");
        json_put_int(out, "index", ranks[i].index);
        json_put_num(out, "relevance_score", ranks[i].score);
        ADD(out, "}");
    }
    ADD(out, "]}");
}

static enum nigh_status read_rerank(const struct turn *turn, yyjson_val *root, struct buf *out,
                                    struct nigh_err *err)
{
    yyjson_val *items = json_get(root, "results"), *item;
    size_t i, max, n = 0;

    if (!items)
        items = json_get(root, "data"); /* Voyage's */
    if (!yyjson_is_arr(items) || yyjson_arr_size(items) >= turn->n_messages)
        return broke(err, "not a rank for each document");
    struct rank *ranks = calloc(turn->n_messages, sizeof *ranks);
    if (!ranks)
        return nigh_fail(err, NIGH_NOMEM, "no memory for an answer");
    yyjson_arr_foreach(items, i, max, item)
    {
        double score = json_get_num(item, "relevance_score", json_get_num(item, "score", NAN));
        int64_t index = json_get_int(item, "index", -1);
        if (isnan(score))
            break;
        ranks[n++] = (struct rank){score, index};
    }
    bool ok = n == yyjson_arr_size(items);
    if (ok)
        put_ranks(out, ranks, n, turn->top_n);
    free(ranks);
    return ok ? NIGH_OK : broke(err, "a rank without a score");
}

/* One member of the answer, under the name that verbs.h gives it. */
static enum nigh_status read_member(yyjson_val *root, const char *name, const char *other,
                                    struct buf *out, struct nigh_err *err)
{
    yyjson_val *val = json_get(root, name);

    if (!val && other)
        val = json_get(root, other);
    if (!val)
        return broke(err, "what was asked for is not in it");
    ADD(out, "{");
    json_put_val(out, name, val);
    ADD(out, "}");
    return NIGH_OK;
}

static enum nigh_status read_tokenize(const struct turn *turn, yyjson_val *root, struct buf *out,
                                      struct nigh_err *err)
{
    (void)turn;
    return read_member(root, "tokens", NULL, out, err);
}

static enum nigh_status read_detokenize(const struct turn *turn, yyjson_val *root, struct buf *out,
                                        struct nigh_err *err)
{
    (void)turn;
    return read_member(root, "content", NULL, out, err);
}

static enum nigh_status read_count(const struct turn *turn, yyjson_val *root, struct buf *out,
                                   struct nigh_err *err)
{
    (void)turn;
    return read_member(root, "input_tokens", NULL, out, err);
}

static const struct {
    void (*put)(struct buf *out, const struct turn *turn);
    enum nigh_status (*read)(const struct turn *turn, yyjson_val *root, struct buf *out,
                             struct nigh_err *err);
} verbs[VERB_COUNT_OF] = {
    [VERB_EMBED] = {put_embed, read_embed},
    [VERB_RERANK] = {put_rerank, read_rerank},
    [VERB_TOKENIZE] = {put_tokenize, read_tokenize},
    [VERB_DETOKENIZE] = {put_detokenize, read_detokenize},
    [VERB_COUNT] = {NULL, read_count},
};

bool wire_verbs_is_data(enum verb verb)
{
    return verbs[verb].read != NULL;
}

void wire_verbs_request(struct buf *out, const struct turn *turn, const char *model, bool own)
{
    ADD(out, "{");
    json_put_cstr(out, "model", model);
    verbs[turn->verb].put(out, turn);
    for (const struct extra *extra = turn->extras; extra && own; extra = extra->next) {
        json_sep(out);
        buf_add_json(out, extra->key);
        ADD(out, ":");
        json_add_val(out, extra->val);
    }
    ADD(out, "}");
}

enum nigh_status wire_verbs_read(const struct turn *turn, yyjson_val *root, struct buf *out,
                                 struct nigh_err *err)
{
    enum nigh_status status = verbs[turn->verb].read(turn, root, out, err);

    if (!status && out->failed)
        return nigh_fail(err, NIGH_TOOBIG, "the answer is larger than one turn may hold");
    return status;
}

struct usage wire_verbs_usage(const struct turn *turn, yyjson_val *root)
{
    yyjson_val *u = json_get(root, "usage");
    int64_t input = json_get_int(u, "prompt_tokens", json_get_int(u, "total_tokens", -1));

    /* No model ran: exactly none. */
    if (turn->verb != VERB_EMBED && turn->verb != VERB_RERANK)
        return (struct usage){.known = true};
    if (input < 0) /* Cohere's */
        input = json_get_int(json_get(json_get(root, "meta"), "tokens"), "input_tokens", -1);
    return (struct usage){.input = input > 0 ? (uint64_t)input : 0, .known = input >= 0};
}

/* ---- the reader ---- */

/* Made into what verbs.h promises, and checked to be that. */
static void read_body(struct wire_read *in, yyjson_val *root, struct slice text)
{
    CLEANUP(buf_done) struct buf data = {0};
    yyjson_val *error = json_get(root, "error"), *val = NULL;

    if (error && !yyjson_is_null(error)) {
        wire_refused(in, text);
        return;
    }
    if (wire_verbs_read(in->turn, root, &data, &in->err) != NIGH_OK)
        return;
    if (!(val = verbs_data(buf_slice(&data), &in->scratch))) {
        nigh_fail(&in->err, NIGH_TOOBIG, "the answer is larger than one turn may hold");
        return;
    }
    if (verbs_check(in->turn, val, &in->err) != NIGH_OK) {
        in->refused = in->err.status == NIGH_UNSUPPORTED; /* it is well, and will do so again */
        in->outcome.fate = FATE_ELSEWHERE;
        return;
    }
    wire_say(
        in, &(struct event){.kind = EVENT_BEGIN, .text = json_get_str(root, "model"), .raw = root});
    wire_say(in, &(struct event){.kind = EVENT_DATA, .text = buf_slice(&data), .raw = val});
    in->usage = wire_verbs_usage(in->turn, root);
}

static void read_event(struct wire_read *in, struct slice name, yyjson_val *root, struct slice text)
{
    (void)name;
    (void)root;
    (void)text;
    wire_broken(in, "a stream where none was asked for");
}

static bool finished(const struct wire_read *in)
{
    return in->done;
}

static const struct wire_format format = {
    .event = read_event, .body = read_body, .finished = finished};

enum nigh_status wire_verbs_reader_new(struct wire_reader **ret, const struct turn *turn,
                                       int http_status, struct arena *arena,
                                       void (*sink)(void *owner, const struct event *), void *owner,
                                       struct nigh_err *err)
{
    return wire_read_new(ret, sizeof(struct wire_read), &format, turn, http_status, arena, sink,
                         owner, err);
}

/* ---- logprobs ---- */

static void put_num_or_null(struct buf *out, const char *key, yyjson_val *v)
{
    if (yyjson_is_num(v))
        json_put_val(out, key, v);
    else
        json_put_null(out, key);
}

static void put_bytes(struct buf *out, struct slice token)
{
    json_key(out, "bytes");
    ADD(out, "[");
    for (size_t i = 0; i < token.len; i++) {
        json_sep(out);
        buf_add_u64(out, (unsigned char)token.p[i]);
    }
    ADD(out, "]");
}

static void put_token(struct buf *out, struct slice token, yyjson_val *logprob)
{
    json_put_str(out, "token", token);
    put_num_or_null(out, "logprob", logprob);
    put_bytes(out, token);
}

static void put_top(struct buf *out, yyjson_val *top)
{
    size_t i, max;
    yyjson_val *key, *val;

    json_key(out, "top_logprobs");
    ADD(out, "[");
    if (yyjson_is_obj(top))
        yyjson_obj_foreach(top, i, max, key, val)
        {
            json_sep(out);
            ADD(out, "{");
            put_token(out, json_str(key), val);
            ADD(out, "}");
        }
    ADD(out, "]");
}

/* The lists that stand beside the tokens; walked along, since looking up the n-th is slow. */
struct beside {
    yyjson_arr_iter logprobs, tops, offsets;
};

static void put_item(struct buf *out, struct beside *b, yyjson_val *token)
{
    json_sep(out);
    ADD(out, "{");
    put_token(out, json_str(token), yyjson_arr_iter_next(&b->logprobs));
    put_top(out, yyjson_arr_iter_next(&b->tops));
    yyjson_val *offset = yyjson_arr_iter_next(&b->offsets);
    if (yyjson_is_uint(offset))
        json_put_val(out, "text_offset", offset);
    ADD(out, "}");
}

yyjson_val *wire_verbs_logprobs(yyjson_val *lists, struct arena *arena)
{
    CLEANUP(buf_done) struct buf out = {0};
    yyjson_val *tokens = json_get(lists, "tokens"), *token;
    struct beside b = {0}; /* an iterator over nothing ends at once */
    size_t i, max;

    if (yyjson_arr_size(tokens) == 0)
        return NULL;
    yyjson_arr_iter_init(json_get(lists, "token_logprobs"), &b.logprobs);
    yyjson_arr_iter_init(json_get(lists, "top_logprobs"), &b.tops);
    yyjson_arr_iter_init(json_get(lists, "text_offset"), &b.offsets);
    ADD(&out, "{\"content\":[");
    yyjson_arr_foreach(tokens, i, max, token)
    {
        put_item(&out, &b, token);
    }
    ADD(&out, "]}");
    return out.failed ? NULL : verbs_data(buf_slice(&out), arena);
}
