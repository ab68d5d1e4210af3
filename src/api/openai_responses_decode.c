/* The body of POST /v1/responses into a turn. */
#include "api/openai.h"
#include "api/openai_responses.h"

/* What needs other members to be read first is kept here. */
struct rough_body {
    struct turn turn;
    struct slice instructions;
    yyjson_val *input, *tools, *tool_choice, *text, *reasoning, *include;
    int top_logprobs;
};

/* Right, but not to be had from this node. */
static enum nigh_status not_here(struct decode *d, const char *param, const char *why)
{
    if (d->ret_param)
        *d->ret_param = slice_of(param);
    return nigh_fail(d->err, NIGH_UNSUPPORTED, "%s: %s", param, why);
}

static DECODE_READER(read_background)
{
    bool wanted;
    enum nigh_status status = decode_bool(d, at, field, val, &wanted);

    if (!status && wanted)
        return not_here(d, "background",
                        "this node does not answer in the background yet; leave "
                        "it out, or stream");
    return status;
}

static DECODE_READER(read_conversation)
{
    return not_here(d, "conversation",
                    "this node keeps no conversation objects; use previous_response_id");
}

static DECODE_READER(read_prompt)
{
    return decode_wrong(d, at, "this node keeps no prompt templates; send instructions and input");
}

/* Nothing is ever cut from a conversation, so both words mean the same (openai_responses.h). */
static DECODE_READER(read_truncation)
{
    if (!slice_is(json_str(val), "auto") && !slice_is(json_str(val), "disabled"))
        return decode_wrong(d, at, "expected auto or disabled");
    return NIGH_OK;
}

static DECODE_READER(read_input)
{
    if (!yyjson_is_str(val) && !yyjson_is_arr(val))
        return decode_wrong(d, at, "expected a string or a list of items");
    return decode_keep(d, at, field, val, to);
}

static DECODE_READER(read_stream_options)
{
    return decode_object(d, at, val, NULL, 0, to, &((struct turn *)to)->stream_extras);
}

static DECODE_READER(read_previous)
{
    struct slice id = json_str(val);

    if (id.len == 0 || id.len > DECODE_NAME_MAX)
        return decode_wrong(d, at, "expected the id of a response");
    *(struct slice *)to = id;
    return NIGH_OK;
}

#define IN_TURN(member)  offsetof(struct rough_body, turn.member)
#define IN_ROUGH(member) offsetof(struct rough_body, member)
static const struct field body_fields[] = {
    {"model", decode_model, IN_TURN(model), 0, 0},
    {"input", read_input, IN_ROUGH(input), 0, 0},
    {"instructions", decode_str, IN_ROUGH(instructions), 0, 0},
    {"tools", decode_keep, IN_ROUGH(tools), 0, 0},
    {"tool_choice", decode_keep, IN_ROUGH(tool_choice), 0, 0},
    {"parallel_tool_calls", decode_tri, IN_TURN(parallel_calls), 0, 0},
    {"text", decode_obj, IN_ROUGH(text), 0, 0},
    {"reasoning", decode_obj, IN_ROUGH(reasoning), 0, 0},
    {"include", decode_keep, IN_ROUGH(include), 0, 0},
    {"max_output_tokens", openai_max_tokens, IN_TURN(max_tokens), 1, 1e15},
    {"top_logprobs", openai_top_logprobs, IN_ROUGH(top_logprobs), 0, 20},
#define WISH_FIELD(member, name, low, high) {name, decode_num, IN_TURN(member), low, high},
    TURN_WISHES(WISH_FIELD) TURN_MORE_WISHES(WISH_FIELD)
#undef WISH_FIELD
        {"seed", openai_seed, 0, 0, 0},
    {"previous_response_id", read_previous, IN_TURN(previous_id), 0, 0},
    {"store", decode_bool, IN_TURN(store), 0, 0},
    {"background", read_background, 0, 0, 0},
    {"conversation", read_conversation, 0, 0, 0},
    {"prompt", read_prompt, 0, 0, 0},
    {"truncation", read_truncation, 0, 0, 0},
    {"stream", decode_bool, IN_TURN(stream), 0, 0},
    {"stream_options", read_stream_options, 0, 0, 0},
    {"metadata", decode_metadata, 0, 0, 0},
};
_Static_assert(offsetof(struct rough_body, turn) == 0, "readers are told where the turn is");

/* A member that the canonical form does not hold whole stays with the extras. */
static enum nigh_status keep_extra(struct decode *d, const char *key, yyjson_val *val)
{
    struct extra *e = arena_alloc(d->arena, sizeof *e);

    if (!e)
        return decode_nomem(d);
    *e = (struct extra){slice_of(key), val, d->turn->extras};
    d->turn->extras = e;
    return NIGH_OK;
}

struct rough_format {
    struct slice type;
    yyjson_val *name, *schema, *strict, *description;
};

#define IN_FORMAT(member) offsetof(struct rough_format, member)
static const struct field format_fields[] = {
    {"type", decode_str, IN_FORMAT(type), 0, 0},
    {"name", decode_keep, IN_FORMAT(name), 0, 0},
    {"schema", decode_schema, IN_FORMAT(schema), 0, 0},
    {"strict", decode_keep, IN_FORMAT(strict), 0, 0},
    {"description", decode_keep, IN_FORMAT(description), 0, 0},
};

/* The schema's object as turn.h wants it: all of the format but its type, and a name. */
static enum nigh_status wrap_schema(struct decode *d, yyjson_val *format)
{
    CLEANUP(buf_done) struct buf json = {0};
    size_t i, max;
    yyjson_val *key, *val;

    buf_add_char(&json, '{');
    if (!json_get_str(format, "name").p)
        json_put_cstr(&json, "name", "response");
    yyjson_obj_foreach(format, i, max, key, val)
    {
        if (slice_is(json_str(key), "type") || yyjson_is_null(val))
            continue;
        json_sep(&json);
        buf_add_json(&json, json_str(key));
        buf_add_char(&json, ':');
        json_add_val(&json, val);
    }
    buf_add_char(&json, '}');
    if (json.failed)
        return decode_nomem(d);
    return json_parse(&d->turn->schema, buf_slice(&json), d->arena, d->err);
}

static const struct {
    const char *word;
    enum format format;
} formats[] = {{"text", FORMAT_TEXT}, {"json_object", FORMAT_JSON}, {"json_schema", FORMAT_SCHEMA}};

static DECODE_READER(read_format)
{
    struct spot type = {at, "type", 0}, schema = {at, "schema", 0}, name = {at, "name", 0};
    struct rough_format rough = {0};
    struct extra *extras;
    enum nigh_status status =
        decode_object(d, at, val, format_fields, ARRAY_LEN(format_fields), &rough, &extras);

    if (status)
        return status;
    for (size_t i = 0; i < ARRAY_LEN(formats); i++)
        if (slice_is(rough.type, formats[i].word))
            d->turn->format = formats[i].format;
    if (d->turn->format == FORMAT_UNSET)
        return decode_wrong(d, &type, "expected text, json_object or json_schema");
    if (d->turn->format != FORMAT_SCHEMA)
        return NIGH_OK;
    if (!rough.schema)
        return decode_wrong(d, &schema, "expected an object, the schema");
    if (rough.name && !yyjson_is_str(rough.name))
        return decode_wrong(d, &name, "expected a string");
    for (; extras; extras = extras->next)
        if ((status = decode_depth(d, at, extras->val)))
            return status;
    return wrap_schema(d, val);
}

/* One of the words, or absent. */
static DECODE_READER(read_verbosity)
{
    struct slice word = json_str(val);

    if (!slice_is(word, "low") && !slice_is(word, "medium") && !slice_is(word, "high"))
        return decode_wrong(d, at, "expected low, medium or high");
    return NIGH_OK;
}

static enum nigh_status read_text(struct decode *d, yyjson_val *text)
{
    static const struct field fields[] = {
        {"format", read_format, 0, 0, 0},
        {"verbosity", read_verbosity, 0, 0, 0},
    };
    struct spot here = {NULL, "text", 0};
    struct extra *extras;
    enum nigh_status status =
        decode_object(d, &here, text, fields, ARRAY_LEN(fields), d->turn, &extras);

    if (status || (!extras && !json_get(text, "verbosity")))
        return status;
    return keep_extra(d, "text", text);
}

static enum nigh_status read_reasoning(struct decode *d, yyjson_val *reasoning)
{
    static const struct field fields[] = {
        {"effort", openai_effort, offsetof(struct turn, effort), 0, 0},
    };
    struct spot here = {NULL, "reasoning", 0};
    struct extra *extras;
    enum nigh_status status =
        decode_object(d, &here, reasoning, fields, ARRAY_LEN(fields), d->turn, &extras);

    if (status || !extras)
        return status;
    return keep_extra(d, "reasoning", reasoning);
}

static enum nigh_status read_include(struct decode *d, yyjson_val *include)
{
    struct spot here = {NULL, "include", 0}, item = {&here, NULL, 0};
    size_t i, max;
    yyjson_val *one;

    if (!yyjson_is_arr(include))
        return decode_wrong(d, &here, "expected a list of strings");
    yyjson_arr_foreach(include, i, max, one)
    {
        item.index = i;
        if (!yyjson_is_str(one))
            return decode_wrong(d, &item, "expected a string");
        if (slice_is(json_str(one), "message.output_text.logprobs"))
            d->turn->logprobs = true;
    }
    return keep_extra(d, "include", include);
}

/* Members that pass through, and what OpenAI says they are. */
static enum nigh_status check_extras(struct decode *d)
{
    static const struct {
        const char *name;
        bool (*fits)(yyjson_val *val);
        const char *wanted;
    } known[] = {
        {"user", yyjson_is_str, "a string"},
        {"prompt_cache_key", yyjson_is_str, "a string"},
        {"safety_identifier", yyjson_is_str, "a string"},
        {"service_tier", yyjson_is_str, "a string"},
        {"max_tool_calls", yyjson_is_uint, "an integer of at least 0"},
    };
    enum nigh_status status;

    for (const struct extra *e = d->turn->extras; e; e = e->next) {
        if ((status = decode_depth(d, NULL, e->val)))
            return status;
        for (size_t i = 0; i < ARRAY_LEN(known); i++) {
            struct spot here = {NULL, known[i].name, 0};
            if (slice_is(e->key, known[i].name) && !yyjson_is_null(e->val) &&
                !known[i].fits(e->val))
                return decode_wrong(d, &here, "expected %s", known[i].wanted);
        }
    }
    return NIGH_OK;
}

/* The instructions stand before everything else. */
static enum nigh_status read_messages(struct decode *d, const struct rough_body *rough)
{
    struct spot here = {NULL, "input", 0};
    struct turn *t = d->turn;
    struct message *messages;
    size_t n;
    enum nigh_status status;

    if ((!rough->input || (yyjson_is_arr(rough->input) && yyjson_arr_size(rough->input) == 0)) &&
        !t->previous_id.p)
        return decode_wrong(d, &here, rough->input ? "expected at least one item" : "missing");
    if ((status = openai_responses_items(d, &here, rough->input, &messages, &n)))
        return status;
    t->messages = messages;
    t->n_messages = n;
    if (!rough->instructions.p)
        return NIGH_OK;
    t->messages = arena_calloc(d->arena, n + 1, sizeof *messages);
    struct part *part = arena_alloc(d->arena, sizeof *part);
    if (!t->messages || !part)
        return decode_nomem(d);
    *part = (struct part){.kind = PART_TEXT, .text = rough->instructions, .label = LABEL_ANYWHERE};
    t->messages[0] =
        (struct message){.role = ROLE_SYSTEM, .bare = true, .parts = part, .n_parts = 1};
    memcpy(t->messages + 1, messages, n * sizeof *messages);
    t->n_messages = n + 1;
    return NIGH_OK;
}

/* In an order in which each finds what it needs. */
static enum nigh_status read_rough(struct decode *d, struct rough_body *rough)
{
    enum nigh_status status = check_extras(d);

    if (!status && rough->tools)
        status = openai_responses_tools(d, rough->tools);
    if (!status && rough->tool_choice)
        status = openai_responses_tool_choice(d, rough->tool_choice);
    if (!status && rough->text)
        status = read_text(d, rough->text);
    if (!status && rough->reasoning)
        status = read_reasoning(d, rough->reasoning);
    if (!status && rough->include)
        status = read_include(d, rough->include);
    if (!status)
        status = read_messages(d, rough);
    if (rough->turn.logprobs)
        rough->turn.top_logprobs = rough->top_logprobs;
    return status;
}

enum nigh_status openai_responses_decode(struct turn *turn, struct slice body, struct arena *arena,
                                         struct slice *ret_param, struct nigh_err *err)
{
    struct rough_body rough = {.top_logprobs = -1};
    struct decode d = {&rough.turn, arena, ret_param, err};
    enum nigh_status status;
    yyjson_val *root;

    turn_init(turn);
    rough.turn = *turn;
    rough.turn.store = true;
    if (ret_param)
        *ret_param = (struct slice){0};
    if ((status = decode_body(&d, &root, body)) ||
        (status = decode_object(&d, NULL, root, body_fields, ARRAY_LEN(body_fields), &rough,
                                &rough.turn.extras)) ||
        (status = read_rough(&d, &rough)))
        return status;
    if (!rough.turn.model.p)
        rough.turn.model = SLICE("auto");
    rough.turn.raw = root;
    rough.turn.format_name = "openai-responses";
    *turn = rough.turn;
    return NIGH_OK;
}

enum nigh_status openai_responses_count_decode(struct turn *turn, struct slice body,
                                               struct arena *arena, struct slice *ret_param,
                                               struct nigh_err *err)
{
    enum nigh_status status = openai_responses_decode(turn, body, arena, ret_param, err);

    if (!status && turn->previous_id.p) {
        if (ret_param)
            *ret_param = SLICE("previous_response_id");
        return nigh_fail(err, NIGH_UNSUPPORTED,
                         "previous_response_id: what is kept is not counted; send its items");
    }
    turn->verb = VERB_COUNT;
    turn->stream = turn->store = false;
    return status;
}
