/* The tools of a request, and which of them the model should use. */
#include "api/anthropic.h"

struct rough_tool {
    struct tool tool;
    struct slice type;
};

static const struct field tool_fields[] = {
    {"type", decode_str, offsetof(struct rough_tool, type), 0, 0},
    {"name", decode_str, offsetof(struct rough_tool, tool.name), 0, 0},
    {"description", decode_str, offsetof(struct rough_tool, tool.description), 0, 0},
    {"input_schema", decode_schema, offsetof(struct rough_tool, tool.schema), 0, 0},
    {"strict", decode_tri, offsetof(struct rough_tool, tool.strict), 0, 0},
};

static enum nigh_status read_tool(struct decode *d, const struct spot *at, yyjson_val *val,
                                  struct tool *ret_tool)
{
    struct spot name = {at, "name", 0}, schema = {at, "input_schema", 0};
    struct rough_tool rough = {.tool = {.strict = -1, .raw = val}};
    enum nigh_status status =
        decode_object(d, at, val, tool_fields, ARRAY_LEN(tool_fields), &rough, &rough.tool.extras);

    for (const struct extra *e = rough.tool.extras; e && !status; e = e->next)
        status = decode_depth(d, at, e->val);
    if (status)
        return status;
    bool custom = !rough.type.p || slice_is(rough.type, "custom");
    if (!custom) {
        d->turn->native = rough.type;
        if (rough.tool.name.len == 0) /* a set of tools has none */
            rough.tool.name = rough.type;
    }
    if (rough.tool.name.len == 0)
        return decode_wrong(d, &name, "expected the name of the tool");
    if (custom && !rough.tool.schema)
        return decode_wrong(d, &schema, "missing");
    *ret_tool = rough.tool;
    return NIGH_OK;
}

DECODE_READER(anthropic_tools)
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
    if (!(t->tools = arena_calloc(d->arena, yyjson_arr_size(val) + 1, sizeof *t->tools)))
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

struct rough_choice {
    struct slice type, name;
    int not_parallel;
};

static const struct field choice_fields[] = {
    {"type", decode_str, offsetof(struct rough_choice, type), 0, 0},
    {"name", decode_str, offsetof(struct rough_choice, name), 0, 0},
    {"disable_parallel_tool_use", decode_tri, offsetof(struct rough_choice, not_parallel), 0, 0},
};

static const struct {
    const char *word;
    enum tool_choice choice;
} choices[] = {
    {"auto", CHOICE_AUTO}, {"any", CHOICE_REQUIRED}, {"tool", CHOICE_NAMED}, {"none", CHOICE_NONE}};

static bool has_tool(const struct turn *t, struct slice name)
{
    for (size_t i = 0; i < t->n_tools; i++)
        if (slice_eq(t->tools[i].name, name))
            return true;
    return t->native.p != NULL; /* a set of tools has names that we do not know */
}

enum nigh_status anthropic_tool_choice(struct decode *d, yyjson_val *val)
{
    struct spot here = {NULL, "tool_choice", 0};
    struct spot type = {&here, "type", 0}, name = {&here, "name", 0};
    struct rough_choice rough = {.not_parallel = -1};
    struct extra *extras;
    struct turn *t = d->turn;
    enum nigh_status status =
        decode_object(d, &here, val, choice_fields, ARRAY_LEN(choice_fields), &rough, &extras);

    if (status)
        return status;
    if (extras)
        return decode_wrong(d, &here, "holds a member that nigh does not know");
    for (size_t i = 0; i < ARRAY_LEN(choices); i++)
        if (slice_is(rough.type, choices[i].word))
            t->choice = choices[i].choice;
    if (t->choice == CHOICE_UNSET)
        return decode_wrong(d, &type, "expected auto, any, tool or none");
    if (t->choice == CHOICE_REQUIRED && t->n_tools == 0)
        return decode_wrong(d, &here, "any, but there are no tools");
    if (t->choice == CHOICE_NAMED && (rough.name.len == 0 || !has_tool(t, rough.name)))
        return decode_wrong(d, &name, "expected the name of one of the tools");
    if (t->choice == CHOICE_NAMED)
        t->choice_name = rough.name;
    if (rough.not_parallel >= 0)
        t->parallel_calls = !rough.not_parallel;
    return NIGH_OK;
}
