/* POST /api/embed and the older POST /api/embeddings: texts into vectors.
 *
 * Those of /api/embed have the length 1, as Ollama's have; those of /api/embeddings are as the
 * model made them.  `truncate` is passed over: what is too long is refused, never cut. */
#include "api/ollama.h"
#include "api/openai.h"
#include "api/verbs.h"
#include <math.h>

#define ADD(out, literal) buf_add(out, literal, sizeof(literal) - 1)

struct rough_body {
    struct turn turn;
    yyjson_val *input;
};

#define IN_TURN(member) offsetof(struct rough_body, turn.member)
#define COMMON_FIELDS                                                                              \
    {"model", decode_model, IN_TURN(model), 0, 0}, {"options", ollama_options, 0, 0, 0},           \
        {"keep_alive", ollama_keep_alive, 0, 0, 0},                                                \
    {                                                                                              \
        "metadata", decode_metadata, 0, 0, 0                                                       \
    }

static const struct field embed_fields[] = {
    COMMON_FIELDS,
    {"input", decode_keep, offsetof(struct rough_body, input), 0, 0},
    {"dimensions", decode_u64, IN_TURN(dimensions), 1, VERBS_DIMENSIONS_MAX},
};
static const struct field embeddings_fields[] = {
    COMMON_FIELDS,
    {"prompt", decode_keep, offsetof(struct rough_body, input), 0, 0},
};

struct kind {
    const char *name, *input;
    const struct field *fields;
    size_t n_fields, inputs_max;
};

static enum nigh_status read_body(struct turn *turn, struct slice body, struct arena *arena,
                                  struct slice *ret_param, struct nigh_err *err,
                                  const struct kind *kind)
{
    struct spot model = {NULL, "model", 0};
    struct rough_body rough = {0};
    struct decode d = {&rough.turn, arena, ret_param, err};
    enum nigh_status status;
    yyjson_val *root;

    turn_init(turn);
    rough.turn = *turn;
    rough.turn.verb = VERB_EMBED;
    if (ret_param)
        *ret_param = (struct slice){0};
    if ((status = decode_body(&d, &root, body)) ||
        (status = decode_object(&d, NULL, root, kind->fields, kind->n_fields, &rough, NULL)))
        return status;
    if (!rough.turn.model.p)
        return decode_wrong(&d, &model, "missing");
    if ((status = openai_inputs(&d, kind->input, rough.input, kind->inputs_max)))
        return status;
    rough.turn.raw = root;
    rough.turn.format_name = kind->name;
    *turn = rough.turn;
    return NIGH_OK;
}

static const struct kind embed = {"ollama-embed", "input", embed_fields, ARRAY_LEN(embed_fields),
                                  VERBS_INPUTS_MAX};
static const struct kind embeddings = {"ollama-embeddings", "prompt", embeddings_fields,
                                       ARRAY_LEN(embeddings_fields), 1};

static enum nigh_status embed_decode(struct turn *turn, struct slice body, struct arena *arena,
                                     struct slice *ret_param, struct nigh_err *err)
{
    return read_body(turn, body, arena, ret_param, err, &embed);
}

static enum nigh_status embeddings_decode(struct turn *turn, struct slice body, struct arena *arena,
                                          struct slice *ret_param, struct nigh_err *err)
{
    return read_body(turn, body, arena, ret_param, err, &embeddings);
}

/* The vector over its length, as 32-bit floats; one of zeros stays as it is. */
static void put_unit(struct buf *out, yyjson_val *vector)
{
    double sum = 0;
    size_t i, max;
    yyjson_val *number;

    yyjson_arr_foreach(vector, i, max, number) sum +=
        yyjson_get_num(number) * yyjson_get_num(number);
    double length = sum > 0 && isfinite(sum) ? sqrt(sum) : 1;
    ADD(out, "[");
    yyjson_arr_foreach(vector, i, max, number)
    {
        json_sep(out);
        json_add_num(out, yyjson_get_num(number) / length);
    }
    ADD(out, "]");
}

static void embed_whole(struct encoding *e, struct buf *out)
{
    const struct usage *u = &e->answer->usage;
    CLEANUP(arena_done) struct arena arena;
    size_t i, max;
    yyjson_val *vector;

    arena_init(&arena, VERBS_DATA_ARENA_MAX);
    yyjson_val *all = json_get(verbs_data(buf_slice(&e->answer->data), &arena), "embeddings");
    out->failed |= !all;
    ADD(out, "{");
    json_put_cstr(out, "model", e->model ? e->model : "");
    json_key(out, "embeddings");
    ADD(out, "[");
    if (all)
        yyjson_arr_foreach(all, i, max, vector)
        {
            json_sep(out);
            put_unit(out, vector);
        }
    ADD(out, "]");
    json_put_int(out, "total_duration",
                 e->now_us > e->begun_us ? (int64_t)(e->now_us - e->begun_us) * 1000 : 0);
    json_put_int(out, "load_duration", (int64_t)e->load_us * 1000);
    if (u->known)
        json_put_int(out, "prompt_eval_count", (int64_t)u->input);
    ADD(out, "}");
}

static void embeddings_whole(struct encoding *e, struct buf *out)
{
    CLEANUP(arena_done) struct arena arena;

    arena_init(&arena, VERBS_DATA_ARENA_MAX);
    yyjson_val *all = json_get(verbs_data(buf_slice(&e->answer->data), &arena), "embeddings");
    out->failed |= !yyjson_arr_get_first(all);
    ADD(out, "{");
    json_put_val(out, "embedding", yyjson_arr_get_first(all));
    ADD(out, "}");
}

const struct api api_ollama_embed = {
    .name = "ollama-embed",
    .stream_type = "application/json",
    .any_type = true,
    .decode = embed_decode,
    .whole = embed_whole,
    .error = ollama_error,
    .stream_error = ollama_stream_error,
};

const struct api api_ollama_embeddings = {
    .name = "ollama-embeddings",
    .stream_type = "application/json",
    .any_type = true,
    .decode = embeddings_decode,
    .whole = embeddings_whole,
    .error = ollama_error,
    .stream_error = ollama_stream_error,
};
