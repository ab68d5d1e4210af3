/* The tools of a chat request, and which of them the model should use. */
#include "api/openai.h"

struct rough_tool {
    struct slice type;
    yyjson_val *function;
};

static const struct field tool_fields[] = {
    {"type", decode_str, offsetof(struct rough_tool, type), 0, 0},
    {"function", decode_keep, offsetof(struct rough_tool, function), 0, 0},
};
static const struct field function_fields[] = {
    {"name", decode_str, offsetof(struct tool, name), 0, 0},
    {"description", decode_str, offsetof(struct tool, description), 0, 0},
    {"parameters", decode_schema, offsetof(struct tool, schema), 0, 0},
    {"strict", decode_tri, offsetof(struct tool, strict), 0, 0},
};

static enum nigh_status read_tool(struct decode *d, const struct spot *at, yyjson_val *val,
                                  struct tool *t)
{
    struct spot type = {at, "type", 0}, function = {at, "function", 0};
    struct spot name = {&function, "name", 0};
    struct rough_tool rough = {0};
    enum nigh_status status;

    *t = (struct tool){.strict = -1, .raw = val};
    if ((status =
             decode_object(d, at, val, tool_fields, ARRAY_LEN(tool_fields), &rough, &t->extras)))
        return status;
    if (rough.type.p && !slice_is(rough.type, "function"))
        return decode_wrong(d, &type, "only tools of type function are spoken here");
    if ((status = decode_object(d, &function, rough.function, function_fields,
                                ARRAY_LEN(function_fields), t, &t->inner)))
        return status;
    if (t->name.len == 0)
        return decode_wrong(d, &name, "expected the name of the function");
    return NIGH_OK;
}

enum nigh_status openai_tools(struct decode *d, const struct spot *at, const struct field *field,
                              yyjson_val *val, void *to)
{
    struct spot item = {at, NULL, 0};
    struct turn *t = to;
    enum nigh_status status;
    size_t i, max;
    yyjson_val *one;

    if (!yyjson_is_arr(val))
        return decode_wrong(d, at, "expected a list of tools");
    if (yyjson_arr_size(val) > TURN_TOOLS_MAX)
        return decode_wrong(d, at, "more than %d tools", TURN_TOOLS_MAX);
    if (!(t->tools = arena_calloc(d->arena, yyjson_arr_size(val), sizeof *t->tools)))
        return decode_nomem(d);
    yyjson_arr_foreach(val, i, max, one)
    {
        item.index = i;
        if ((status = read_tool(d, &item, one, &t->tools[i])))
            return status;
        t->n_tools = i + 1;
    }
    return NIGH_OK;
}

static enum nigh_status choose_named(struct decode *d, const struct spot *at, yyjson_val *val)
{
    struct spot function = {at, "function", 0}, name = {&function, "name", 0};
    struct turn *t = d->turn;

    t->choice = CHOICE_NAMED;
    t->choice_name = json_get_str(json_get(val, "function"), "name");
    if (t->choice_name.len == 0)
        return decode_wrong(d, &name, "expected the name of a tool");
    for (size_t i = 0; i < t->n_tools; i++)
        if (slice_eq(t->tools[i].name, t->choice_name))
            return NIGH_OK;
    return decode_wrong(d, &name, "names none of the tools");
}

/* OpenAI's allowed_tools and whatever comes next: passed on as it is, beside the extras. */
static enum nigh_status choose_later(struct decode *d, yyjson_val *val)
{
    struct extra *e = arena_alloc(d->arena, sizeof *e);

    if (!e)
        return decode_nomem(d);
    *e = (struct extra){SLICE("tool_choice"), val, d->turn->extras};
    d->turn->extras = e;
    return NIGH_OK;
}

static const struct {
    const char *word;
    enum tool_choice choice;
} choices[] = {{"auto", CHOICE_AUTO}, {"none", CHOICE_NONE}, {"required", CHOICE_REQUIRED}};

enum nigh_status openai_tool_choice(struct decode *d, yyjson_val *val)
{
    struct spot here = {NULL, "tool_choice", 0};
    struct turn *t = d->turn;

    if (yyjson_is_obj(val) && slice_is(json_get_str(val, "type"), "function"))
        return choose_named(d, &here, val);
    if (yyjson_is_obj(val))
        return choose_later(d, val);
    for (size_t i = 0; i < ARRAY_LEN(choices); i++) {
        if (!slice_is(json_str(val), choices[i].word))
            continue;
        t->choice = choices[i].choice;
        if (t->choice == CHOICE_REQUIRED && t->n_tools == 0)
            return decode_wrong(d, &here, "required, but there are no tools");
        return NIGH_OK;
    }
    return decode_wrong(d, &here, "expected auto, none, required or an object");
}
