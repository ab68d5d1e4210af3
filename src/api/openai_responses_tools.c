/* The tools of a Responses request, and which of them the model should use. */
#include "api/openai_responses.h"

struct rough_tool {
    struct slice type;
    struct tool tool;
};

#define IN_TOOL(member) offsetof(struct rough_tool, tool.member)
static const struct field function_fields[] = {
    {"type", decode_str, offsetof(struct rough_tool, type), 0, 0},
    {"name", decode_str, IN_TOOL(name), 0, 0},
    {"description", decode_str, IN_TOOL(description), 0, 0},
    {"parameters", decode_schema, IN_TOOL(schema), 0, 0},
    {"strict", decode_tri, IN_TOOL(strict), 0, 0},
};

/* Of one that its provider runs: all of it is extras but its type, and it has no name here. */
static const struct field other_fields[] = {
    {"type", decode_str, offsetof(struct rough_tool, type), 0, 0},
};

static enum nigh_status read_tool(struct decode *d, const struct spot *at, yyjson_val *val,
                                  struct tool *t)
{
    struct spot type = {at, "type", 0}, name = {at, "name", 0};
    struct rough_tool rough = {.tool = {.strict = -1, .raw = val}};
    bool function = slice_is(json_get_str(val, "type"), "function");
    enum nigh_status status =
        decode_object(d, at, val, function ? function_fields : other_fields,
                      function ? ARRAY_LEN(function_fields) : ARRAY_LEN(other_fields), &rough,
                      &rough.tool.extras);

    if (status || (status = decode_depth(d, at, val)))
        return status;
    if (rough.type.len == 0)
        return decode_wrong(d, &type, "expected the type of a tool");
    if (function && rough.tool.name.len == 0)
        return decode_wrong(d, &name, "expected the name of the function");
    if (!function)
        d->turn->native = rough.type;
    *t = rough.tool;
    return NIGH_OK;
}

enum nigh_status openai_responses_tools(struct decode *d, yyjson_val *tools)
{
    struct spot here = {NULL, "tools", 0}, item = {&here, NULL, 0};
    struct turn *t = d->turn;
    enum nigh_status status;
    size_t i, max;
    yyjson_val *one;

    if (!yyjson_is_arr(tools))
        return decode_wrong(d, &here, "expected a list of tools");
    if (yyjson_arr_size(tools) > TURN_TOOLS_MAX)
        return decode_wrong(d, &here, "more than %d tools", TURN_TOOLS_MAX);
    if (!(t->tools = arena_calloc(d->arena, yyjson_arr_size(tools), sizeof *t->tools)))
        return decode_nomem(d);
    yyjson_arr_foreach(tools, i, max, one)
    {
        item.index = i;
        if ((status = read_tool(d, &item, one, &t->tools[i])))
            return status;
        t->n_tools = i + 1;
    }
    return NIGH_OK;
}

static const struct tool *tool_named(const struct turn *t, struct slice name)
{
    for (size_t i = 0; i < t->n_tools && name.len > 0; i++)
        if (slice_eq(t->tools[i].name, name))
            return &t->tools[i];
    return NULL;
}

static const struct {
    const char *word;
    enum tool_choice choice;
} words[] = {{"auto", CHOICE_AUTO}, {"none", CHOICE_NONE}, {"required", CHOICE_REQUIRED}};

static enum nigh_status choose_word(struct decode *d, const struct spot *at, yyjson_val *val)
{
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        if (!slice_is(json_str(val), words[i].word))
            continue;
        d->turn->choice = words[i].choice;
        if (words[i].choice == CHOICE_REQUIRED && d->turn->n_tools == 0)
            return decode_wrong(d, at, "required, but there are no tools");
        return NIGH_OK;
    }
    return decode_wrong(d, at, "expected auto, none, required or an object");
}

static enum nigh_status choose_function(struct decode *d, const struct spot *at, yyjson_val *val)
{
    struct spot name = {at, "name", 0};

    d->turn->choice = CHOICE_NAMED;
    d->turn->choice_name = json_get_str(val, "name");
    if (!tool_named(d->turn, d->turn->choice_name))
        return decode_wrong(d, &name, "names none of the tools");
    return NIGH_OK;
}

/* The others are as if they had not been given: every format can say that. */
static enum nigh_status choose_among(struct decode *d, const struct spot *at, yyjson_val *val)
{
    struct spot mode = {at, "mode", 0}, tools = {at, "tools", 0}, item = {&tools, NULL, 0};
    yyjson_val *list = json_get(val, "tools"), *one;
    struct tool *allowed = arena_calloc(d->arena, yyjson_arr_size(list) + 1, sizeof *allowed);
    size_t i, max, n = 0;

    if (!allowed)
        return decode_nomem(d);
    if (yyjson_arr_size(list) == 0 || yyjson_arr_size(list) > TURN_TOOLS_MAX)
        return decode_wrong(d, &tools, "expected a list of 1 to %d tools", TURN_TOOLS_MAX);
    yyjson_arr_foreach(list, i, max, one)
    {
        const struct tool *t = tool_named(d->turn, json_get_str(one, "name"));
        item.index = i;
        if (!slice_is(json_get_str(one, "type"), "function"))
            return decode_wrong(d, &item, "only functions may be allowed here");
        if (!t)
            return decode_wrong(d, &item, "names none of the tools");
        allowed[n++] = *t;
    }
    d->turn->tools = allowed;
    d->turn->n_tools = n;
    return json_get(val, "mode") ? choose_word(d, &mode, json_get(val, "mode")) : NIGH_OK;
}

/* A provider's own tool: told to places that speak this format, which have to know it. */
static enum nigh_status choose_other(struct decode *d, const struct spot *at, yyjson_val *val)
{
    struct extra *e = arena_alloc(d->arena, sizeof *e);

    if (!e)
        return decode_nomem(d);
    for (size_t i = 0; i < d->turn->n_tools; i++) {
        if (d->turn->tools[i].name.p)
            continue;
        *e = (struct extra){SLICE("tool_choice"), val, d->turn->extras};
        d->turn->extras = e;
        return decode_depth(d, at, val);
    }
    return decode_wrong(d, at, "names none of the tools");
}

enum nigh_status openai_responses_tool_choice(struct decode *d, yyjson_val *val)
{
    struct spot here = {NULL, "tool_choice", 0};
    struct slice type = json_get_str(val, "type");

    if (!yyjson_is_obj(val))
        return choose_word(d, &here, val);
    if (slice_is(type, "function"))
        return choose_function(d, &here, val);
    if (slice_is(type, "allowed_tools"))
        return choose_among(d, &here, val);
    return choose_other(d, &here, val);
}
