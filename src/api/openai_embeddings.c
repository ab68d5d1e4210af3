/* POST /v1/embeddings: texts into vectors.
 *
 * `dimensions` is the place's to do, since only some models may be cut short; an answer of another
 * length is refused (verbs_check).  Floats go out as they came, with all their digits. */
#include "api/openai.h"
#include "api/openai_chat.h"
#include "api/verbs.h"

#define ADD(out, literal) buf_add(out, literal, sizeof(literal) - 1)

struct rough_body {
    struct turn turn;
    yyjson_val *input;
};

static DECODE_READER(read_format)
{
    bool *base64 = to;

    *base64 = slice_is(json_str(val), "base64");
    if (!*base64 && !slice_is(json_str(val), "float"))
        return decode_wrong(d, at, "expected float or base64");
    return NIGH_OK;
}

#define IN_TURN(member) offsetof(struct rough_body, turn.member)
static const struct field fields[] = {
    {"model", decode_model, IN_TURN(model), 0, 0},
    {"input", decode_keep, offsetof(struct rough_body, input), 0, 0},
    {"encoding_format", read_format, IN_TURN(base64), 0, 0},
    {"dimensions", decode_u64, IN_TURN(dimensions), 1, VERBS_DIMENSIONS_MAX},
    {"stream", openai_no_stream, 0, 0, 0},
    {"metadata", decode_metadata, 0, 0, 0},
};

static enum nigh_status decode(struct turn *turn, struct slice body, struct arena *arena,
                               struct slice *ret_param, struct nigh_err *err)
{
    struct rough_body rough = {0};
    struct decode d = {&rough.turn, arena, ret_param, err};
    enum nigh_status status;

    turn_init(turn);
    rough.turn = *turn;
    rough.turn.verb = VERB_EMBED;
    if ((status = openai_frame(&d, body, fields, ARRAY_LEN(fields), &rough)) ||
        (status = openai_inputs(&d, "input", rough.input, VERBS_INPUTS_MAX)))
        return status;
    rough.turn.format_name = "openai-embeddings";
    *turn = rough.turn;
    return NIGH_OK;
}

static void put_vector(const struct turn *turn, struct buf *out, size_t index, yyjson_val *vector)
{
    json_sep(out);
    ADD(out, "{\"object\":\"embedding\"");
    json_put_int(out, "index", (int64_t)index);
    json_key(out, "embedding");
    if (turn->base64)
        verbs_base64(vector, out);
    else
        json_add_val(out, vector);
    ADD(out, "}");
}

static void whole(struct encoding *e, struct buf *out)
{
    struct arena arena; /* some 16 bytes a number: not for the turn's own, which may be full */
    size_t i, max;
    yyjson_val *data, *vector;

    arena_init(&arena, VERBS_DATA_ARENA_MAX);
    data = json_get(verbs_data(buf_slice(&e->answer->data), &arena), "embeddings");
    out->failed |= !data;
    ADD(out, "{\"object\":\"list\",\"data\":[");
    if (data)
        yyjson_arr_foreach(data, i, max, vector) put_vector(e->turn, out, i, vector);
    ADD(out, "]");
    json_put_cstr(out, "model", e->model ? e->model : "");
    openai_verbs_usage(e, out);
    ADD(out, "}");
    arena_done(&arena);
}

const struct api api_openai_embeddings = {
    .name = "openai-embeddings",
    .stream_type = "application/json",
    .decode = decode,
    .whole = whole,
    .error = openai_error,
    .stream_error = openai_stream_error,
};
