/* What every API's request has: the name of a model, links, metadata with the wishes to nigh. */
#include "api/decode.h"
#include <stdlib.h>

DECODE_READER(decode_model)
{
    struct slice name = json_str(val);

    if (name.len == 0 || name.len > DECODE_NAME_MAX)
        return decode_wrong(d, at, "expected the name of a model, of at most %d bytes",
                            DECODE_NAME_MAX);
    for (size_t i = 0; i < name.len; i++)
        if ((unsigned char)name.p[i] < ' ' || name.p[i] == 0x7f)
            return decode_wrong(d, at, "holds a control character");
    *(struct slice *)to = name;
    return NIGH_OK;
}

bool decode_url_ok(struct slice url)
{
    static const char *const schemes[] = {"data:", "https://", "http://"};

    for (size_t i = 0; i < ARRAY_LEN(schemes); i++) {
        struct slice start = {url.p, strlen(schemes[i])};
        if (url.len > start.len && slice_ieq(start, slice_of(schemes[i])))
            return true;
    }
    return false;
}

/* Values of metadata are strings by OpenAI's rule; numbers are taken where we read one. */
static DECODE_READER(read_loose_num)
{
    struct slice text = json_str(val);
    char digits[40], *end = NULL;
    double x = yyjson_get_num(val);

    if (text.len > 0 && text.len < sizeof digits && !strchr("+-. \t", text.p[0])) {
        memcpy(digits, text.p, text.len);
        digits[text.len] = '\0';
        x = strtod(digits, &end);
    }
    if (!(yyjson_is_num(val) || (end && end == digits + text.len)) ||
        !(x >= field->low && x <= field->high))
        return decode_wrong(d, at, "expected a number from %g to %g", field->low, field->high);
    *(double *)to = x;
    return NIGH_OK;
}

static DECODE_READER(read_deadline)
{
    double ms = 0;
    enum nigh_status status = read_loose_num(d, at, field, val, &ms);

    if (!status)
        *(uint64_t *)to = (uint64_t)ms;
    return status;
}

static const struct field nigh_fields[] = {
    {"nigh_label", decode_str, offsetof(struct turn, want_label), 0, 0},
    {"nigh_profile", decode_str, offsetof(struct turn, want_profile), 0, 0},
    {"nigh_session", decode_str, offsetof(struct turn, session), 0, 0},
    {"nigh_max_cost_usd", read_loose_num, offsetof(struct turn, max_cost_usd), 0, 1e6},
    {"nigh_deadline_ms", read_deadline, offsetof(struct turn, deadline_ms), 1, 30 * 86400e3},
};

static bool is_nigh_field(struct slice key)
{
    for (size_t i = 0; i < ARRAY_LEN(nigh_fields); i++)
        if (slice_is(key, nigh_fields[i].name))
            return true;
    return false;
}

DECODE_READER(decode_metadata)
{
    enum nigh_status status = decode_obj(d, at, field, val, &((struct turn *)to)->metadata);
    size_t i, max;
    yyjson_val *key, *one;

    if (status)
        return status;
    /* A wish that is misspelt must not be lost: it may be the label. */
    yyjson_obj_foreach(val, i, max, key, one)
    {
        if (slice_starts(json_str(key), SLICE("nigh_")) && !is_nigh_field(json_str(key)))
            return decode_wrong(d, at,
                                "a nigh_ member that does not exist; there are nigh_label, "
                                "_profile, _session, _max_cost_usd, _deadline_ms");
    }
    return decode_object(d, at, val, nigh_fields, ARRAY_LEN(nigh_fields), to, NULL);
}
