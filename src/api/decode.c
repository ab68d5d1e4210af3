#include "api/decode.h"
#include <math.h>
#include <stdarg.h>
#include <stdio.h>

static void spot_text(struct buf *b, const struct spot *at)
{
    if (!at)
        return;
    spot_text(b, at->up);
    if (!at->key) {
        buf_printf(b, "[%zu]", at->index);
        return;
    }
    if (b->len > 0)
        buf_add_char(b, '.');
    buf_add_cstr(b, at->key);
}

enum nigh_status decode_wrong(struct decode *d, const struct spot *at, const char *fmt, ...)
{
    CLEANUP(buf_done) struct buf path = {0};
    char what[160];
    va_list args;

    va_start(args, fmt);
    vsnprintf(what, sizeof what, fmt, args);
    va_end(args);
    spot_text(&path, at);
    if (path.failed || path.len == 0)
        return nigh_fail(d->err, NIGH_INVALID, "%s", what);
    if (d->ret_param)
        *d->ret_param = arena_dup(d->arena, buf_slice(&path));
    return nigh_fail(d->err, NIGH_INVALID, "%.90s: %s", path.data, what);
}

enum nigh_status decode_nomem(struct decode *d)
{
    return nigh_fail(d->err, NIGH_NOMEM, "the request needs more memory than one turn may take");
}

static bool holds_nul(struct slice text)
{
    return text.len > 0 && memchr(text.p, '\0', text.len);
}

/* Depth is bounded by JSON_DEPTH_MAX. */
static enum nigh_status refuse_nul(struct decode *d, const struct spot *at, yyjson_val *val)
{
    struct spot here = {at, NULL, 0};
    enum nigh_status status = NIGH_OK;
    size_t i, max;
    yyjson_val *key, *item;

    if (yyjson_is_str(val) && holds_nul(json_str(val)))
        return decode_wrong(d, at, "holds the character NUL");
    if (yyjson_is_arr(val))
        yyjson_arr_foreach(val, i, max, item)
        {
            here.index = i;
            if ((status = refuse_nul(d, &here, item)))
                return status;
        }
    if (yyjson_is_obj(val))
        yyjson_obj_foreach(val, i, max, key, item)
        {
            here.key = yyjson_get_str(key);
            if (holds_nul(json_str(key)))
                return decode_wrong(d, &here, "holds the character NUL in its name");
            if ((status = refuse_nul(d, &here, item)))
                return status;
        }
    return NIGH_OK;
}

/* From backslash to backslash, which costs a thirtieth of memmem in prose (2 of 49 us of 128 kB,
 * whose parsing takes 69), and twice as much in code that is all escapes: that is told by their
 * number. */
static bool spells_nul(struct slice body)
{
    static const struct slice spelt = SLICE("\\u0000");

    for (size_t hops = body.len / 64; hops > 0; hops--) {
        const char *at = memchr(body.p, '\\', body.len);
        if (!at)
            return false;
        body.len -= (size_t)(at - body.p);
        body.p = at;
        if (slice_starts(body, spelt))
            return true;
        body = (struct slice){body.p + 2, body.len - 2}; /* what it escapes may be a backslash */
    }
    return memmem(body.p, body.len, spelt.p, spelt.len);
}

/* Only a body that spells it is looked through. */
enum nigh_status decode_body(struct decode *d, yyjson_val **ret, struct slice body)
{
    enum nigh_status status = json_parse(ret, body, d->arena, d->err);

    if (status || !spells_nul(body))
        return status;
    return refuse_nul(d, NULL, *ret);
}

static int find_field(const struct field *fields, size_t n, struct slice key)
{
    for (size_t i = 0; i < n; i++)
        if (slice_is(key, fields[i].name))
            return (int)i;
    return -1;
}

/* Appends to the list at *tail and moves tail; counts down *room. */
static enum nigh_status add_extra(struct decode *d, const struct spot *at,
                                  struct extra *const *head, struct extra ***tail, size_t *room,
                                  struct slice key, yyjson_val *val)
{
    for (const struct extra *e = *head; e; e = e->next)
        if (slice_eq(e->key, key))
            return decode_wrong(d, at, "a member is given twice");
    if (*room == 0)
        return decode_wrong(d, at, "more than %d members that nigh does not know", TURN_EXTRAS_MAX);
    struct extra *e = arena_alloc(d->arena, sizeof *e);
    if (!e)
        return decode_nomem(d);
    *e = (struct extra){key, val, NULL};
    **tail = e;
    *tail = &e->next;
    --*room;
    return NIGH_OK;
}

enum nigh_status decode_object(struct decode *d, const struct spot *at, yyjson_val *obj,
                               const struct field *fields, size_t n, void *to,
                               struct extra **extras)
{
    struct extra *list = NULL, **tail = &list;
    size_t i, max, room = TURN_EXTRAS_MAX;
    enum nigh_status status = NIGH_OK;
    yyjson_val *key, *val;
    uint64_t seen = 0;

    if (!yyjson_is_obj(obj))
        return decode_wrong(d, at, at ? "expected an object" : "the body is not a JSON object");
    yyjson_obj_foreach(obj, i, max, key, val)
    {
        int f = find_field(fields, n, json_str(key));
        struct spot here = {at, f < 0 ? NULL : fields[f].name, 0};
        if (f < 0 && extras)
            status = add_extra(d, at, &list, &tail, &room, json_str(key), val);
        else if (f >= 0 && seen >> f & 1)
            status = decode_wrong(d, &here, "given twice");
        else if (f >= 0 && !yyjson_is_null(val))
            status = fields[f].read(d, &here, &fields[f], val, (char *)to + fields[f].offset);
        if (status)
            return status;
        if (f >= 0)
            seen |= 1ull << f;
    }
    if (extras)
        *extras = list;
    return NIGH_OK;
}

static bool within(yyjson_val *val, unsigned levels)
{
    size_t i, max;
    yyjson_val *key, *item;

    if (!yyjson_is_ctn(val))
        return true;
    if (levels == 0)
        return false;
    if (yyjson_is_arr(val))
        yyjson_arr_foreach(val, i, max, item)
        {
            if (!within(item, levels - 1))
                return false;
        }
    else
        yyjson_obj_foreach(val, i, max, key, item)
        {
            if (!within(item, levels - 1))
                return false;
        }
    return true;
}

enum nigh_status decode_depth(struct decode *d, const struct spot *at, yyjson_val *val)
{
    if (!within(val, TURN_SCHEMA_DEPTH_MAX))
        return decode_wrong(d, at, "nested deeper than %d levels", TURN_SCHEMA_DEPTH_MAX);
    return NIGH_OK;
}

DECODE_READER(decode_str)
{
    if (!yyjson_is_str(val))
        return decode_wrong(d, at, "expected a string");
    *(struct slice *)to = json_str(val);
    return NIGH_OK;
}

DECODE_READER(decode_bool)
{
    if (!yyjson_is_bool(val))
        return decode_wrong(d, at, "expected true or false");
    *(bool *)to = yyjson_get_bool(val);
    return NIGH_OK;
}

DECODE_READER(decode_tri)
{
    if (!yyjson_is_bool(val))
        return decode_wrong(d, at, "expected true or false");
    *(int *)to = yyjson_get_bool(val);
    return NIGH_OK;
}

DECODE_READER(decode_num)
{
    if (!yyjson_is_num(val))
        return decode_wrong(d, at, "expected a number");
    double x = yyjson_get_num(val);
    if (!(x >= field->low && x <= field->high))
        return decode_wrong(d, at, "expected a number from %g to %g", field->low, field->high);
    *(double *)to = x;
    return NIGH_OK;
}

DECODE_READER(decode_u64)
{
    if (!yyjson_is_int(val))
        return decode_wrong(d, at, "expected an integer");
    if ((yyjson_is_sint(val) && yyjson_get_sint(val) < 0) ||
        (double)yyjson_get_uint(val) < field->low || (double)yyjson_get_uint(val) > field->high)
        return decode_wrong(d, at, "expected an integer from %.0f to %.0f", field->low,
                            field->high);
    *(uint64_t *)to = yyjson_get_uint(val);
    return NIGH_OK;
}

DECODE_READER(decode_i64)
{
    if (!yyjson_is_int(val) || (yyjson_is_uint(val) && yyjson_get_uint(val) > INT64_MAX))
        return decode_wrong(d, at, "expected an integer of 64 bits, signed");
    *(int64_t *)to = yyjson_get_sint(val);
    return NIGH_OK;
}

DECODE_READER(decode_keep)
{
    *(yyjson_val **)to = val;
    return NIGH_OK;
}

DECODE_READER(decode_obj)
{
    if (!yyjson_is_obj(val))
        return decode_wrong(d, at, "expected an object");
    *(yyjson_val **)to = val;
    return NIGH_OK;
}

DECODE_READER(decode_schema)
{
    enum nigh_status status = decode_obj(d, at, field, val, to);

    return status ? status : decode_depth(d, at, val);
}
