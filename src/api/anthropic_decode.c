/* The body of POST /v1/messages and /v1/messages/count_tokens into a turn. */
#include "api/anthropic.h"

/* What needs other members to be read first is kept here. */
struct rough_body {
    struct turn turn;
    yyjson_val *system, *messages, *tool_choice, *thinking, *output_config, *output_format;
};

static DECODE_READER(read_stops)
{
    struct spot item = {at, NULL, 0};
    struct turn *t = to;
    size_t i, max;
    yyjson_val *one;

    if (!yyjson_is_arr(val))
        return decode_wrong(d, at, "expected a list of strings");
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

#define IN_TURN(member) offsetof(struct rough_body, turn.member)
#define KEPT(member)    decode_keep, offsetof(struct rough_body, member), 0, 0
static const struct field body_fields[] = {
    {"model", decode_model, IN_TURN(model), 0, 0},
    {"max_tokens", decode_u64, IN_TURN(max_tokens), 1, 1e15},
    {"system", KEPT(system)},
    {"messages", KEPT(messages)},
    {"tools", anthropic_tools, 0, 0, 0},
    {"tool_choice", KEPT(tool_choice)},
    {"stop_sequences", read_stops, 0, 0, 0},
    {"temperature", decode_num, IN_TURN(temperature), 0, 1},
    {"top_p", decode_num, IN_TURN(top_p), 0, 1},
    {"top_k", decode_num, IN_TURN(top_k), 0, 1e9},
    {"thinking", KEPT(thinking)},
    {"output_config", KEPT(output_config)},
    {"output_format", KEPT(output_format)},
    {"metadata", decode_metadata, 0, 0, 0},
    {"stream", decode_bool, IN_TURN(stream), 0, 0},
};
_Static_assert(offsetof(struct rough_body, turn) == 0, "readers are told where the turn is");

/* What was read, for a wire of this format to write as it came. */
static enum nigh_status keep_whole(struct decode *d, const char *key, yyjson_val *val)
{
    struct extra *e = arena_alloc(d->arena, sizeof *e);

    if (!e)
        return decode_nomem(d);
    *e = (struct extra){slice_of(key), val, d->turn->extras};
    d->turn->extras = e;
    return NIGH_OK;
}

struct rough_thinking {
    struct slice type;
    uint64_t budget;
};

static const struct field thinking_fields[] = {
    {"type", decode_str, offsetof(struct rough_thinking, type), 0, 0},
    {"budget_tokens", decode_u64, offsetof(struct rough_thinking, budget), 1, 1e15},
};

/* adaptive and what comes later leave it to the model, or to output_config.effort. */
static enum nigh_status read_thinking(struct decode *d, yyjson_val *val)
{
    struct spot at = {NULL, "thinking", 0}, type = {&at, "type", 0};
    struct spot budget = {&at, "budget_tokens", 0};
    struct rough_thinking rough = {0};
    struct extra *extras;
    enum nigh_status status =
        decode_object(d, &at, val, thinking_fields, ARRAY_LEN(thinking_fields), &rough, &extras);

    if (status || (status = decode_depth(d, &at, val)))
        return status;
    if (!rough.type.p)
        return decode_wrong(d, &type, "expected enabled, disabled or adaptive");
    if (slice_is(rough.type, "enabled") && !rough.budget)
        return decode_wrong(d, &budget, "missing");
    d->turn->think_tokens = slice_is(rough.type, "enabled") ? rough.budget : 0;
    if (slice_is(rough.type, "disabled"))
        d->turn->effort = EFFORT_NONE;
    return keep_whole(d, "thinking", val);
}

struct rough_format {
    struct slice type;
    yyjson_val *schema;
};

static const struct field format_fields[] = {
    {"type", decode_str, offsetof(struct rough_format, type), 0, 0},
    {"schema", decode_schema, offsetof(struct rough_format, schema), 0, 0},
};

/* OpenAI's wrapping, which turn->schema has.  strict: Anthropic holds its models to the schema. */
static enum nigh_status wrap_schema(struct decode *d, yyjson_val *schema)
{
    CLEANUP(buf_done) struct buf text = {0};

    buf_add_cstr(&text, "{\"name\":\"answer\",\"strict\":true");
    json_put_val(&text, "schema", schema);
    buf_add_cstr(&text, "}");
    if (text.failed)
        return decode_nomem(d);
    d->turn->format = FORMAT_SCHEMA;
    return json_parse(&d->turn->schema, buf_slice(&text), d->arena, d->err);
}

static enum nigh_status read_format(struct decode *d, const struct spot *at, yyjson_val *val)
{
    struct spot type = {at, "type", 0}, schema = {at, "schema", 0};
    struct rough_format rough = {0};
    struct extra *extras;
    enum nigh_status status =
        decode_object(d, at, val, format_fields, ARRAY_LEN(format_fields), &rough, &extras);

    if (status || (status = decode_depth(d, at, val)))
        return status;
    if (!slice_is(rough.type, "json_schema"))
        return decode_wrong(d, &type, "expected json_schema");
    if (!rough.schema)
        return decode_wrong(d, &schema, "missing");
    return wrap_schema(d, rough.schema);
}

static DECODE_READER(read_effort)
{
    enum effort effort = effort_of(json_str(val));

    if (effort < EFFORT_LOW)
        return decode_wrong(d, at, "expected low, medium, high, xhigh or max");
    *(enum effort *)to = effort;
    return NIGH_OK;
}

struct rough_output {
    enum effort effort;
    yyjson_val *format;
};

static const struct field output_fields[] = {
    {"effort", read_effort, offsetof(struct rough_output, effort), 0, 0},
    {"format", decode_keep, offsetof(struct rough_output, format), 0, 0},
};

static enum nigh_status read_output(struct decode *d, yyjson_val *val)
{
    struct spot at = {NULL, "output_config", 0}, format = {&at, "format", 0};
    struct rough_output rough = {0};
    struct extra *extras;
    enum nigh_status status =
        decode_object(d, &at, val, output_fields, ARRAY_LEN(output_fields), &rough, &extras);

    if (status || (status = decode_depth(d, &at, val)))
        return status;
    if (rough.effort != EFFORT_UNSET && d->turn->effort == EFFORT_UNSET)
        d->turn->effort = rough.effort; /* not where thinking is disabled */
    if (rough.format && (status = read_format(d, &format, rough.format)))
        return status;
    return keep_whole(d, "output_config", val);
}

/* As the structured outputs' beta had it. */
static enum nigh_status read_old_format(struct decode *d, yyjson_val *val)
{
    struct spot at = {NULL, "output_format", 0};
    enum nigh_status status;

    if (d->turn->format != FORMAT_UNSET)
        return decode_wrong(d, &at, "given in output_config too");
    status = read_format(d, &at, val);
    return status ? status : keep_whole(d, "output_format", val);
}

/* Members that other formats may not lose: tools that run at Anthropic, what lies there, and where
 * it may be. */
static const char *const natives[] = {"mcp_servers", "container", "inference_geo"};

static enum nigh_status check_extras(struct decode *d)
{
    enum nigh_status status = NIGH_OK;

    for (const struct extra *e = d->turn->extras; e && !status; e = e->next) {
        for (size_t i = 0; i < ARRAY_LEN(natives); i++)
            if (slice_is(e->key, natives[i]) && !yyjson_is_null(e->val))
                d->turn->native = e->key;
        status = decode_depth(d, NULL, e->val);
    }
    return status;
}

/* What is read once all members are known. */
static enum nigh_status read_rest(struct decode *d, const struct rough_body *rough)
{
    struct spot max_tokens = {NULL, "max_tokens", 0};
    enum nigh_status status = check_extras(d);

    if (!status && d->turn->verb == VERB_CHAT && !d->turn->max_tokens)
        return decode_wrong(d, &max_tokens, "missing");
    if (!status)
        status = anthropic_messages(d, rough->system, rough->messages);
    if (!status && rough->tool_choice)
        status = anthropic_tool_choice(d, rough->tool_choice);
    if (!status && rough->thinking)
        status = read_thinking(d, rough->thinking);
    if (!status && rough->output_config)
        status = read_output(d, rough->output_config);
    if (!status && rough->output_format)
        status = read_old_format(d, rough->output_format);
    return status;
}

static enum nigh_status decode(enum verb verb, struct turn *turn, struct slice body,
                               struct arena *arena, struct slice *ret_param, struct nigh_err *err)
{
    struct rough_body rough = {0};
    struct decode d = {&rough.turn, arena, ret_param, err};
    enum nigh_status status;
    yyjson_val *root;

    turn_init(turn);
    rough.turn = *turn;
    rough.turn.verb = verb;
    if (ret_param)
        *ret_param = (struct slice){0};
    if ((status = decode_body(&d, &root, body)) ||
        (status = decode_object(&d, NULL, root, body_fields, ARRAY_LEN(body_fields), &rough,
                                &rough.turn.extras)) ||
        (status = read_rest(&d, &rough)))
        return status;
    if (!rough.turn.model.p)
        rough.turn.model = SLICE("auto");
    rough.turn.raw = root;
    rough.turn.format_name = ANTHROPIC_FORMAT;
    *turn = rough.turn;
    return NIGH_OK;
}

enum nigh_status anthropic_decode(struct turn *turn, struct slice body, struct arena *arena,
                                  struct slice *ret_param, struct nigh_err *err)
{
    return decode(VERB_CHAT, turn, body, arena, ret_param, err);
}

/* Its answer is one object, whatever a `stream` says. */
enum nigh_status anthropic_count_decode(struct turn *turn, struct slice body, struct arena *arena,
                                        struct slice *ret_param, struct nigh_err *err)
{
    enum nigh_status status = decode(VERB_COUNT, turn, body, arena, ret_param, err);

    turn->stream = false;
    return status;
}
