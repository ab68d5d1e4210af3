/* The body of POST /v1/chat/completions into a turn. */
#include "api/openai.h"
#include "api/openai_chat.h"

DECODE_READER(openai_stop)
{
    struct spot item = {at, NULL, 0};
    struct turn *t = to;
    size_t i, max;
    yyjson_val *one;

    if (yyjson_is_str(val)) {
        t->stops[t->n_stops++] = json_str(val);
        return NIGH_OK;
    }
    if (!yyjson_is_arr(val))
        return decode_wrong(d, at, "expected a string or a list of strings");
    if (yyjson_arr_size(val) > TURN_STOPS_MAX)
        return decode_wrong(d, at, "more than %d strings", TURN_STOPS_MAX);
    yyjson_arr_foreach(val, i, max, one)
    {
        item.index = i;
        if (!yyjson_is_str(one))
            return decode_wrong(d, &item, "expected a string");
        t->stops[t->n_stops++] = json_str(one);
    }
    return NIGH_OK;
}

/* By token id.  llama-server takes a list of pairs too; its items are for it to judge. */
DECODE_READER(openai_logit_bias)
{
    size_t i, max;
    yyjson_val *key, *bias;

    *(yyjson_val **)to = val;
    if (yyjson_is_arr(val))
        return NIGH_OK;
    if (!yyjson_is_obj(val))
        return decode_wrong(d, at, "expected an object");
    yyjson_obj_foreach(val, i, max, key, bias)
    {
        double x = yyjson_get_num(bias);
        if (!yyjson_is_bool(bias) && (!yyjson_is_num(bias) || !(x >= -100 && x <= 100)))
            return decode_wrong(d, at, "expected numbers from -100 to 100");
    }
    return NIGH_OK;
}

DECODE_READER(openai_n)
{
    uint64_t n;
    enum nigh_status status = decode_u64(d, at, field, val, &n);

    if (!status)
        *(unsigned *)to = (unsigned)n;
    return status;
}

DECODE_READER(openai_top_logprobs)
{
    uint64_t n;
    enum nigh_status status = decode_u64(d, at, field, val, &n);

    if (!status)
        *(int *)to = (int)n;
    return status;
}

/* Local programs say -1 where OpenAI's leave the member out. */
DECODE_READER(openai_max_tokens)
{
    if (yyjson_is_sint(val) && yyjson_get_sint(val) == -1)
        return NIGH_OK;
    return decode_u64(d, at, field, val, to);
}

DECODE_READER(openai_seed)
{
    struct turn *t = to;

    t->has_seed = true;
    return decode_i64(d, at, field, val, &t->seed);
}

DECODE_READER(openai_effort)
{
    enum effort effort = effort_of(json_str(val));

    if (effort == EFFORT_UNSET)
        return decode_wrong(d, at, "expected none, minimal, low, medium, high, xhigh or max");
    *(enum effort *)to = effort;
    return NIGH_OK;
}

static const struct field stream_fields[] = {
    {"include_usage", decode_bool, offsetof(struct turn, stream_usage), 0, 0},
};

DECODE_READER(openai_stream_options)
{
    return decode_object(d, at, val, stream_fields, ARRAY_LEN(stream_fields), to,
                         &((struct turn *)to)->stream_extras);
}

struct rough_format {
    struct slice type;
    yyjson_val *json_schema, *schema;
};

static const struct field format_fields[] = {
    {"type", decode_str, offsetof(struct rough_format, type), 0, 0},
    {"json_schema", decode_obj, offsetof(struct rough_format, json_schema), 0, 0},
};

/* response_format.json_schema: an object around the schema. */
static enum nigh_status check_schema(struct decode *d, const struct spot *at, yyjson_val *around)
{
    static const struct field fields[] = {
        {"schema", decode_schema, offsetof(struct rough_format, schema), 0, 0},
    };
    struct spot here = {at, "json_schema", 0};
    struct rough_format rough;

    if (!around)
        return decode_wrong(d, &here, "expected an object with the schema");
    return decode_object(d, &here, around, fields, ARRAY_LEN(fields), &rough, NULL);
}

static const struct {
    const char *word;
    enum format format;
} formats[] = {{"text", FORMAT_TEXT}, {"json_object", FORMAT_JSON}, {"json_schema", FORMAT_SCHEMA}};

static DECODE_READER(read_format)
{
    struct spot type = {at, "type", 0};
    struct rough_format rough = {0};
    struct turn *t = to;
    enum nigh_status status = decode_object(d, at, val, format_fields, ARRAY_LEN(format_fields),
                                            &rough, &t->format_extras);

    for (const struct extra *e = t->format_extras; e && !status; e = e->next) {
        struct spot here = {at, "schema", 0}; /* llama-server's place for a schema */
        status = slice_is(e->key, "schema") ? decode_schema(d, &here, field, e->val, &rough.schema)
                                            : decode_depth(d, at, e->val);
    }
    if (status)
        return status;
    for (size_t i = 0; i < ARRAY_LEN(formats); i++)
        if (slice_is(rough.type, formats[i].word))
            t->format = formats[i].format;
    if (t->format == FORMAT_UNSET)
        return decode_wrong(d, &type, "expected text, json_object or json_schema");
    t->schema = rough.json_schema;
    return t->format == FORMAT_SCHEMA ? check_schema(d, at, rough.json_schema) : NIGH_OK;
}

static DECODE_READER(read_legacy)
{
    return decode_wrong(d, at, "no longer spoken; use tools and tool_choice");
}

/* What needs other members to be read first is kept here. */
struct rough_body {
    struct turn turn;
    uint64_t max_tokens_old;
    yyjson_val *tool_choice;
};

#define IN_TURN(member) offsetof(struct rough_body, turn.member)
static const struct field body_fields[] = {
    {"model", decode_model, IN_TURN(model), 0, 0},
    {"messages", openai_messages, 0, 0, 0},
    {"tools", openai_tools, 0, 0, 0},
    {"tool_choice", decode_keep, offsetof(struct rough_body, tool_choice), 0, 0},
    {"parallel_tool_calls", decode_tri, IN_TURN(parallel_calls), 0, 0},
    {"response_format", read_format, 0, 0, 0},
    {"stop", openai_stop, 0, 0, 0},
    {"seed", openai_seed, 0, 0, 0},
    {"max_tokens", openai_max_tokens, offsetof(struct rough_body, max_tokens_old), 1, 1e15},
    {"max_completion_tokens", openai_max_tokens, IN_TURN(max_tokens), 1, 1e15},
#define WISH_FIELD(member, name, low, high) {name, decode_num, IN_TURN(member), low, high},
    TURN_WISHES(WISH_FIELD) TURN_MORE_WISHES(WISH_FIELD)
#undef WISH_FIELD
        {"logit_bias", openai_logit_bias, IN_TURN(logit_bias), 0, 0},
    {"logprobs", decode_bool, IN_TURN(logprobs), 0, 0},
    {"top_logprobs", openai_top_logprobs, IN_TURN(top_logprobs), 0, 20},
    {"n", openai_n, IN_TURN(n), 1, TURN_CHOICES_MAX},
    {"reasoning_effort", openai_effort, IN_TURN(effort), 0, 0},
    {"stream", decode_bool, IN_TURN(stream), 0, 0},
    {"stream_options", openai_stream_options, 0, 0, 0},
    {"metadata", decode_metadata, 0, 0, 0},
    {"functions", read_legacy, 0, 0, 0},
    {"function_call", read_legacy, 0, 0, 0},
};
_Static_assert(offsetof(struct rough_body, turn) == 0, "readers are told where the turn is");

/* A grammar is parsed by recursion in llama-server: its brackets may nest no deeper than a schema.
 */
static bool grammar_is_flat(struct slice text)
{
    int depth = 0;

    for (size_t i = 0; i < text.len; i++) {
        depth += (text.p[i] == '(') - (text.p[i] == ')');
        if (depth > TURN_SCHEMA_DEPTH_MAX)
            return false;
    }
    return true;
}

enum nigh_status openai_extras(struct decode *d)
{
    struct spot grammar = {NULL, "grammar", 0};
    enum nigh_status status;

    for (const struct extra *e = d->turn->extras; e; e = e->next) {
        if ((status = decode_depth(d, NULL, e->val)))
            return status;
        if (slice_is(e->key, "grammar") && !grammar_is_flat(json_str(e->val)))
            return decode_wrong(d, &grammar, "nested deeper than %d levels", TURN_SCHEMA_DEPTH_MAX);
    }
    return NIGH_OK;
}

/* What concerns several members at once. */
static enum nigh_status check_body(struct decode *d, const struct rough_body *rough)
{
    struct spot messages = {NULL, "messages", 0}, top = {NULL, "top_logprobs", 0};
    struct spot max_tokens = {NULL, "max_tokens", 0};
    struct turn *t = d->turn;

    if (t->n_messages == 0)
        return decode_wrong(d, &messages, "missing");
    if (t->top_logprobs >= 0 && !t->logprobs)
        return decode_wrong(d, &top, "needs logprobs to be true");
    if (rough->max_tokens_old && t->max_tokens && rough->max_tokens_old != t->max_tokens)
        return decode_wrong(d, &max_tokens, "differs from max_completion_tokens");
    return openai_extras(d);
}

enum nigh_status openai_chat_decode(struct turn *turn, struct slice body, struct arena *arena,
                                    struct slice *ret_param, struct nigh_err *err)
{
    struct rough_body rough = {0};
    struct decode d = {&rough.turn, arena, ret_param, err};
    enum nigh_status status;
    yyjson_val *root;

    turn_init(turn);
    rough.turn = *turn;
    if (ret_param)
        *ret_param = (struct slice){0};
    if ((status = decode_body(&d, &root, body)) ||
        (status = decode_object(&d, NULL, root, body_fields, ARRAY_LEN(body_fields), &rough,
                                &rough.turn.extras)) ||
        (status = check_body(&d, &rough)))
        return status;
    if (rough.tool_choice && (status = openai_tool_choice(&d, rough.tool_choice)))
        return status;
    rough.turn.max_tokens_old = rough.max_tokens_old && !rough.turn.max_tokens;
    if (rough.turn.max_tokens_old)
        rough.turn.max_tokens = rough.max_tokens_old;
    if (!rough.turn.model.p)
        rough.turn.model = SLICE("auto");
    rough.turn.raw = root;
    rough.turn.format_name = "openai-chat";
    *turn = rough.turn;
    return NIGH_OK;
}

enum nigh_status openai_count_decode(struct turn *turn, struct slice body, struct arena *arena,
                                     struct slice *ret_param, struct nigh_err *err)
{
    enum nigh_status status = openai_chat_decode(turn, body, arena, ret_param, err);

    turn->verb = VERB_COUNT;
    turn->stream = turn->stream_usage = false;
    return status;
}
