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

struct tally {
    uint64_t refs, values; /* of the whole turn */
    const char *fault;     /* NULL: none yet */
};

static void look(struct tally *t, yyjson_val *v, unsigned left);

static void look_at_member(struct tally *t, struct slice key, yyjson_val *val, unsigned left)
{
    t->refs += slice_is(key, "$ref");
    if (slice_is(key, "pattern") && yyjson_is_str(val)) {
        if (guard_text_depth(json_str(val)) > GUARD_TEXT_DEPTH_MAX)
            t->fault = "a pattern nested too deep";
        else if (json_str(val).len > GUARD_PATTERN_BYTES_MAX)
            t->fault = "a pattern too long";
    }
    look(t, val, left);
}

static void look_at_object(struct tally *t, yyjson_val *v, unsigned left)
{
    size_t i, max, all = yyjson_obj_size(json_get(v, "properties"));
    size_t required = yyjson_arr_size(json_get(v, "required"));
    yyjson_val *key, *val;

    if (all > required && all - required > GUARD_OPTIONAL_MAX)
        t->fault = "an object with too many properties that are not required";
    yyjson_obj_foreach(v, i, max, key, val)
    {
        if (!t->fault)
            look_at_member(t, json_str(key), val, left);
    }
}

/* Recursion is bounded by `left`. */
static void look(struct tally *t, yyjson_val *v, unsigned left)
{
    size_t i, max;
    yyjson_val *val;

    t->values++;
    if (t->values > GUARD_VALUES_MAX || t->refs > GUARD_REFS_MAX)
        t->fault = "too large";
    else if (yyjson_is_ctn(v) && left == 0)
        t->fault = "nested too deep";
    else if (yyjson_arr_size(v) > GUARD_ITEMS_MAX)
        t->fault = "a list too long";
    else if (yyjson_is_obj(v))
        look_at_object(t, v, left - 1);
    else if (yyjson_is_arr(v))
        yyjson_arr_foreach(v, i, max, val)
        {
            if (!t->fault)
                look(t, val, left - 1);
        }
}

static enum nigh_status check(struct tally *t, const char *member, yyjson_val *v, unsigned depth,
                              struct nigh_err *err)
{
    if (v)
        look(t, v, depth);
    if (!t->fault)
        return NIGH_OK;
    return nigh_fail(err, NIGH_INVALID, "%s: %s for the local model", member, t->fault);
}

static enum nigh_status check_grammar(yyjson_val *grammar, struct nigh_err *err)
{
    if (grammar && !yyjson_is_str(grammar) && !yyjson_is_null(grammar))
        return nigh_fail(err, NIGH_INVALID, "grammar: not a string");
    if (json_str(grammar).len > GUARD_GRAMMAR_BYTES_MAX)
        return nigh_fail(err, NIGH_INVALID, "grammar: over %d bytes", GUARD_GRAMMAR_BYTES_MAX);
    if (guard_text_depth(json_str(grammar)) > GUARD_TEXT_DEPTH_MAX)
        return nigh_fail(err, NIGH_INVALID, "grammar: nested more than %d deep",
                         GUARD_TEXT_DEPTH_MAX);
    return NIGH_OK;
}

static enum nigh_status check_images(const struct message *m, struct nigh_err *err)
{
    for (size_t i = 0; i < m->n_parts; i++)
        if (m->parts[i].kind == PART_IMAGE && !slice_starts(m->parts[i].url, SLICE("data:")))
            return nigh_fail(
                err, NIGH_UNSUPPORTED,
                "an image by its address: nothing is fetched for the local model; send "
                "the image itself, as data:image/png;base64,...");
    return NIGH_OK;
}

enum nigh_status guard_turn(const struct turn *turn, struct nigh_err *err)
{
    static const char *const members[] = {"json_schema", "response_format"};
    const unsigned wrapped = TURN_SCHEMA_DEPTH_MAX + GUARD_WRAP_DEPTH;
    struct tally t = {0};
    enum nigh_status status = check_grammar(json_get(turn->raw, "grammar"), err);

    if (status == NIGH_OK)
        status = check(&t, "response_format", turn->schema, wrapped, err);
    for (size_t i = 0; i < turn->n_tools && status == NIGH_OK; i++)
        status = check(&t, "tools", turn->tools[i].schema, TURN_SCHEMA_DEPTH_MAX, err);
    for (size_t i = 0; i < ARRAY_LEN(members) && status == NIGH_OK; i++) {
        t = (struct tally){0}; /* the same values again, where the turn came in this format */
        status = check(&t, members[i], json_get(turn->raw, members[i]), wrapped, err);
    }
    for (size_t i = 0; i < turn->n_messages && status == NIGH_OK; i++)
        status = check_images(&turn->messages[i], err);
    return status;
}
