/* POST /v1/rerank: documents by how well they answer a query, in the shape that Jina's, Cohere's
 * and llama-server's clients know; and in that of text-embeddings-inference, as llama-server has
 * it: `texts` instead of `documents` are answered with a bare list, best first. */
#include "api/openai.h"
#include "api/openai_chat.h"
#include "api/verbs.h"

#define ADD(out, literal) buf_add(out, literal, sizeof(literal) - 1)

struct rough_body {
    struct turn turn;
    yyjson_val *query, *documents, *texts;
    bool return_documents, return_text;
};

static DECODE_READER(read_query)
{
    if (!yyjson_is_str(val))
        return decode_wrong(d, at, "expected a string");
    return decode_keep(d, at, field, val, to);
}

#define IN_TURN(member) offsetof(struct rough_body, turn.member)
static const struct field fields[] = {
    {"model", decode_model, IN_TURN(model), 0, 0},
    {"query", read_query, offsetof(struct rough_body, query), 0, 0},
    {"documents", decode_keep, offsetof(struct rough_body, documents), 0, 0},
    {"texts", decode_keep, offsetof(struct rough_body, texts), 0, 0},
    {"top_n", decode_u64, IN_TURN(top_n), 1, 1e9},
    {"return_documents", decode_bool, offsetof(struct rough_body, return_documents), 0, 0},
    {"return_text", decode_bool, offsetof(struct rough_body, return_text), 0, 0},
    {"stream", openai_no_stream, 0, 0, 0},
    {"metadata", decode_metadata, 0, 0, 0},
};

/* A string, or an object around one. */
static enum nigh_status add_document(struct decode *d, const struct spot *at, yyjson_val *val)
{
    yyjson_val *text = yyjson_is_obj(val) ? json_get(val, "text") : val;

    if (!yyjson_is_str(text) || (yyjson_is_obj(val) && yyjson_obj_size(val) != 1))
        return decode_wrong(d, at, "expected a string or {\"text\": string}");
    return verbs_input(d->turn, text, d->arena) ? NIGH_OK : decode_nomem(d);
}

static enum nigh_status read_inputs(struct decode *d, const struct rough_body *rough)
{
    yyjson_val *documents = rough->texts ? rough->texts : rough->documents;
    struct spot query = {NULL, "query", 0}, at = {NULL, rough->texts ? "texts" : "documents", 0};
    struct spot item = {&at, NULL, 0};
    size_t i, max, n = yyjson_arr_size(documents);
    enum nigh_status status = NIGH_OK;
    yyjson_val *one;

    if (!rough->query)
        return decode_wrong(d, &query, "missing");
    if (rough->texts && rough->documents)
        return decode_wrong(d, &at, "stands beside documents");
    if (n == 0 || n > TURN_MESSAGES_MAX - 1)
        return decode_wrong(d, &at, "expected a list of 1 to %d documents", TURN_MESSAGES_MAX - 1);
    d->turn->messages = arena_calloc(d->arena, n + 1, sizeof *d->turn->messages);
    if (!d->turn->messages || !verbs_input(d->turn, rough->query, d->arena))
        return decode_nomem(d);
    yyjson_arr_foreach(documents, i, max, one)
    {
        item.index = i;
        if (!status)
            status = add_document(d, &item, one);
    }
    return status;
}

static enum nigh_status decode(struct turn *turn, struct slice body, struct arena *arena,
                               struct slice *ret_param, struct nigh_err *err)
{
    struct rough_body rough = {0};
    struct decode d = {&rough.turn, arena, ret_param, err};
    enum nigh_status status;

    turn_init(turn);
    rough.turn = *turn;
    rough.turn.verb = VERB_RERANK;
    if ((status = openai_frame(&d, body, fields, ARRAY_LEN(fields), &rough)) ||
        (status = read_inputs(&d, &rough)))
        return status;
    rough.turn.format_name = "rerank";
    *turn = rough.turn;
    return NIGH_OK;
}

static void put_result(const struct turn *turn, struct buf *out, yyjson_val *result)
{
    size_t index = (size_t)json_get_int(result, "index", 0); /* verbs_check saw it in range */

    json_sep(out);
    ADD(out, "{");
    json_put_int(out, "index", (int64_t)index);
    json_put_val(out, "relevance_score", json_get(result, "relevance_score"));
    if (json_get_bool(turn->raw, "return_documents", false) && index + 1 < turn->n_messages) {
        ADD(out, ",\"document\":{");
        json_put_str(out, "text", turn->messages[1 + index].parts[0].text);
        ADD(out, "}");
    }
    ADD(out, "}");
}

static void put_score(const struct turn *turn, struct buf *out, yyjson_val *result)
{
    size_t index = (size_t)json_get_int(result, "index", 0); /* verbs_check saw it in range */

    json_sep(out);
    ADD(out, "{");
    json_put_int(out, "index", (int64_t)index);
    json_put_val(out, "score", json_get(result, "relevance_score"));
    if (json_get_bool(turn->raw, "return_text", false) && index + 1 < turn->n_messages)
        json_put_str(out, "text", turn->messages[1 + index].parts[0].text);
    ADD(out, "}");
}

static void put_scores(const struct turn *turn, struct buf *out, yyjson_val *results)
{
    size_t i, max;
    yyjson_val *result;

    ADD(out, "[");
    if (results)
        yyjson_arr_foreach(results, i, max, result) put_score(turn, out, result);
    ADD(out, "]");
}

static void whole(struct encoding *e, struct buf *out)
{
    size_t i, max;
    yyjson_val *results = json_get(verbs_data(buf_slice(&e->answer->data), e->arena), "results");
    yyjson_val *result;

    out->failed |= !results;
    if (yyjson_is_arr(json_get(e->turn->raw, "texts"))) {
        put_scores(e->turn, out, results);
        return;
    }
    ADD(out, "{");
    json_put_cstr(out, "id", e->id);
    json_put_cstr(out, "object", "list");
    json_put_cstr(out, "model", e->model ? e->model : "");
    ADD(out, ",\"results\":[");
    if (results)
        yyjson_arr_foreach(results, i, max, result) put_result(e->turn, out, result);
    ADD(out, "]");
    openai_verbs_usage(e, out);
    ADD(out, "}");
}

const struct api api_rerank = {
    .name = "rerank",
    .stream_type = "application/json",
    .decode = decode,
    .whole = whole,
    .error = openai_error,
    .stream_error = openai_stream_error,
};
