/* POST /tokenize, /detokenize in llama-server's shape, and OpenAI's /v1/responses/input_tokens,
 * whose answer /v1/chat/completions/input_tokens has too. */
#include "api/openai.h"
#include "api/openai_chat.h"
#include "api/openai_responses.h"
#include "api/verbs.h"

#define ADD(out, literal) buf_add(out, literal, sizeof(literal) - 1)

struct rough_body {
    struct turn turn;
    yyjson_val *content, *tokens;
};

static DECODE_READER(read_content)
{
    if (!yyjson_is_str(val))
        return decode_wrong(d, at, "expected a string");
    return decode_keep(d, at, field, val, to);
}

static DECODE_READER(read_tokens)
{
    enum nigh_status status = openai_tokens(d, at, val);

    return status ? status : decode_keep(d, at, field, val, to);
}

static const struct field tokenize_fields[] = {
    {"model", decode_model, offsetof(struct rough_body, turn.model), 0, 0},
    {"content", read_content, offsetof(struct rough_body, content), 0, 0},
    {"stream", openai_no_stream, 0, 0, 0},
    {"metadata", decode_metadata, 0, 0, 0},
};
static const struct field detokenize_fields[] = {
    {"model", decode_model, offsetof(struct rough_body, turn.model), 0, 0},
    {"tokens", read_tokens, offsetof(struct rough_body, tokens), 0, 0},
    {"stream", openai_no_stream, 0, 0, 0},
    {"metadata", decode_metadata, 0, 0, 0},
};

/* llama-server takes a flag of another type for one that was not given. */
static enum nigh_status check_flags(struct decode *d)
{
    static const char *const flags[] = {"add_special", "parse_special", "with_pieces"};

    for (const struct extra *e = d->turn->extras; e; e = e->next)
        for (size_t i = 0; i < ARRAY_LEN(flags); i++) {
            struct spot at = {NULL, flags[i], 0};
            if (slice_is(e->key, flags[i]) && !yyjson_is_bool(e->val) && !yyjson_is_null(e->val))
                return decode_wrong(d, &at, "expected true or false");
        }
    return NIGH_OK;
}

static enum nigh_status read_only(struct turn *turn, struct decode *d, struct rough_body *rough,
                                  const char *name, yyjson_val *val)
{
    struct spot at = {NULL, name, 0};

    if (!val)
        return decode_wrong(d, &at, "missing");
    rough->turn.messages = arena_calloc(d->arena, 1, sizeof *rough->turn.messages);
    if (!rough->turn.messages || !verbs_input(&rough->turn, val, d->arena))
        return decode_nomem(d);
    *turn = rough->turn;
    return NIGH_OK;
}

static enum nigh_status decode_tokenize(struct turn *turn, struct slice body, struct arena *arena,
                                        struct slice *ret_param, struct nigh_err *err)
{
    struct rough_body rough = {0};
    struct decode d = {&rough.turn, arena, ret_param, err};
    enum nigh_status status;

    turn_init(turn);
    rough.turn = *turn;
    rough.turn.verb = VERB_TOKENIZE;
    rough.turn.format_name = "tokenize";
    if ((status = openai_frame(&d, body, tokenize_fields, ARRAY_LEN(tokenize_fields), &rough)) ||
        (status = check_flags(&d)))
        return status;
    return read_only(turn, &d, &rough, "content", rough.content);
}

static enum nigh_status decode_detokenize(struct turn *turn, struct slice body, struct arena *arena,
                                          struct slice *ret_param, struct nigh_err *err)
{
    struct rough_body rough = {0};
    struct decode d = {&rough.turn, arena, ret_param, err};
    enum nigh_status status;

    turn_init(turn);
    rough.turn = *turn;
    rough.turn.verb = VERB_DETOKENIZE;
    rough.turn.format_name = "detokenize";
    status = openai_frame(&d, body, detokenize_fields, ARRAY_LEN(detokenize_fields), &rough);
    return status ? status : read_only(turn, &d, &rough, "tokens", rough.tokens);
}

static void whole(struct encoding *e, struct buf *out)
{
    buf_add_str(out, buf_slice(&e->answer->data));
}

static void whole_count(struct encoding *e, struct buf *out)
{
    yyjson_val *data = verbs_data(buf_slice(&e->answer->data), e->arena);

    out->failed |= !data;
    ADD(out, "{\"object\":\"response.input_tokens\"");
    json_put_int(out, "input_tokens", json_get_int(data, "input_tokens", 0));
    ADD(out, "}");
}

const struct api api_tokenize = {
    .name = "tokenize",
    .stream_type = "application/json",
    .decode = decode_tokenize,
    .whole = whole,
    .error = openai_error,
    .stream_error = openai_stream_error,
};
const struct api api_detokenize = {
    .name = "detokenize",
    .stream_type = "application/json",
    .decode = decode_detokenize,
    .whole = whole,
    .error = openai_error,
    .stream_error = openai_stream_error,
};
const struct api api_openai_count = {
    .name = "openai-count",
    .stream_type = "application/json",
    .decode = openai_count_decode,
    .whole = whole_count,
    .error = openai_error,
    .stream_error = openai_stream_error,
};
const struct api api_openai_responses_count = {
    .name = "openai-responses-count",
    .stream_type = "application/json",
    .decode = openai_responses_count_decode,
    .whole = whole_count,
    .error = openai_error,
    .stream_error = openai_stream_error,
};
