#include "engine/guard.h"

unsigned guard_text_depth(struct slice text)
{
    unsigned depth = 0, deepest = 0;

    for (size_t i = 0; i < text.len; i++) {
        switch (text.p[i]) {
        case '(':
        case '[':
        case '{':
            if (++depth > deepest)
                deepest = depth;
            break;
        case ')':
        case ']':
        case '}':
            depth -= depth > 0;
            break;
        }
    }
    return deepest;
}

/* Recursion is bounded by JSON_DEPTH_MAX, which json_parse has seen to. */
static bool too_deep(yyjson_val *v, unsigned left)
{
    size_t i, max;
    yyjson_val *key, *val;

    if (!yyjson_is_ctn(v))
        return false;
    if (left == 0)
        return true;
    if (yyjson_is_arr(v)) {
        yyjson_arr_foreach(v, i, max, val)
        {
            if (too_deep(val, left - 1))
                return true;
        }
        return false;
    }
    yyjson_obj_foreach(v, i, max, key, val)
    {
        if (yyjson_is_str(val) && slice_is(json_str(key), "pattern") &&
            guard_text_depth(json_str(val)) > GUARD_TEXT_DEPTH_MAX)
            return true;
        if (too_deep(val, left - 1))
            return true;
    }
    return false;
}

static enum nigh_status refuse(const char *member, struct nigh_err *err)
{
    return nigh_fail(err, NIGH_INVALID, "%s: nested more than %d deep", member,
                     TURN_SCHEMA_DEPTH_MAX);
}

enum nigh_status guard_turn(const struct turn *turn, struct nigh_err *err)
{
    static const char *const members[] = {"json_schema", "response_format"};
    yyjson_val *grammar = json_get(turn->raw, "grammar");

    if (too_deep(turn->schema, TURN_SCHEMA_DEPTH_MAX + GUARD_WRAP_DEPTH))
        return refuse("response_format", err);
    for (size_t i = 0; i < turn->n_tools; i++)
        if (too_deep(turn->tools[i].schema, TURN_SCHEMA_DEPTH_MAX))
            return refuse("tools", err);
    for (size_t i = 0; i < ARRAY_LEN(members); i++)
        if (too_deep(json_get(turn->raw, members[i]), TURN_SCHEMA_DEPTH_MAX + GUARD_WRAP_DEPTH))
            return refuse(members[i], err);
    if (grammar && !yyjson_is_str(grammar) && !yyjson_is_null(grammar))
        return nigh_fail(err, NIGH_INVALID, "grammar: not a string");
    if (json_str(grammar).len > GUARD_GRAMMAR_BYTES_MAX)
        return nigh_fail(err, NIGH_TOOBIG, "grammar: over %d bytes", GUARD_GRAMMAR_BYTES_MAX);
    if (guard_text_depth(json_str(grammar)) > GUARD_TEXT_DEPTH_MAX)
        return refuse("grammar", err);
    return NIGH_OK;
}
