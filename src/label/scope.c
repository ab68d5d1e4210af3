#include "label/scope.h"
#include <math.h>

const struct scope SCOPE_ALL = {.budget_uusd = -1};

static const struct {
    const char *text;
    unsigned bit;
} spaces[] = {
#define SPACE_ROW(name, text, bit) {text, bit},
    SPACES(SPACE_ROW)
#undef SPACE_ROW
};

/* --- reading ------------------------------------------------------------------------------------
 */

static enum nigh_status read_allow(struct scope *scope, yyjson_val *val, struct nigh_err *err)
{
    yyjson_arr_iter it = yyjson_arr_iter_with(val);
    yyjson_val *item;

    while ((item = yyjson_arr_iter_next(&it))) {
        unsigned bit = 0;
        for (size_t i = 0; i < ARRAY_LEN(spaces); i++)
            if (slice_is(json_str(item), spaces[i].text))
                bit = spaces[i].bit;
        if (!bit)
            return nigh_fail(err, NIGH_INVALID,
                             "allow: there are openai, anthropic, ollama, nigh and metrics");
        scope->spaces |= bit;
    }
    if (!scope->spaces)
        return nigh_fail(err, NIGH_INVALID, "allow: expected a list of at least one namespace");
    return NIGH_OK;
}

static bool pattern_ok(struct slice s)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.p[i] <= ' ' || s.p[i] > '~' || s.p[i] == ',')
            return false;
    return s.len > 0;
}

static enum nigh_status read_places(struct scope *scope, yyjson_val *val, struct nigh_err *err)
{
    yyjson_arr_iter it = yyjson_arr_iter_with(val);
    yyjson_val *item;
    size_t len = 0;

    while ((item = yyjson_arr_iter_next(&it))) {
        struct slice s = json_str(item);
        if (!pattern_ok(s))
            return nigh_fail(err, NIGH_INVALID,
                             "places: expected names of places without blanks and commas, in "
                             "which * is any text");
        if (len + s.len + 2 > sizeof scope->places)
            return nigh_fail(err, NIGH_TOOBIG, "places: more than %d bytes of patterns",
                             SCOPE_PLACES_BYTES - 1);
        if (len)
            scope->places[len++] = ',';
        memcpy(scope->places + len, s.p, s.len);
        len += s.len;
    }
    if (!len)
        return nigh_fail(err, NIGH_INVALID, "places: expected a list of at least one pattern");
    return NIGH_OK;
}

static enum nigh_status read_label(struct scope *scope, yyjson_val *val, struct nigh_err *err)
{
    struct slice s = json_str(val);

    if (s.len == 0 || s.len >= sizeof scope->label ||
        strspn(s.p, "abcdefghijklmnopqrstuvwxyz0123456789_-") < s.len)
        return nigh_fail(err, NIGH_INVALID, "label: expected the name of a zone");
    memcpy(scope->label, s.p, s.len);
    return NIGH_OK;
}

static enum nigh_status read_budget(struct scope *scope, yyjson_val *val, struct nigh_err *err)
{
    double usd = yyjson_is_num(val) ? yyjson_get_num(val) : -1;

    if (!(usd >= 0 && usd <= SCOPE_BUDGET_USD_MAX))
        return nigh_fail(err, NIGH_INVALID, "budget_usd_per_day: expected 0 to %.0f",
                         SCOPE_BUDGET_USD_MAX);
    scope->budget_uusd = (int64_t)llround(usd * 1e6);
    return NIGH_OK;
}

static enum nigh_status read_per_minute(struct scope *scope, yyjson_val *val, struct nigh_err *err)
{
    uint64_t n = yyjson_is_uint(val) ? yyjson_get_uint(val) : 0;

    if (n < 1 || n > SCOPE_PER_MINUTE_MAX)
        return nigh_fail(err, NIGH_INVALID, "per_minute: expected 1 to %d", SCOPE_PER_MINUTE_MAX);
    scope->per_minute = (unsigned)n;
    return NIGH_OK;
}

static enum nigh_status read_expires(struct scope *scope, yyjson_val *val, struct nigh_err *err)
{
    if (!yyjson_is_uint(val) || yyjson_get_uint(val) < 1 || yyjson_get_uint(val) > INT64_MAX)
        return nigh_fail(err, NIGH_INVALID, "expires_us: expected microseconds since 1970");
    scope->expires_us = yyjson_get_uint(val);
    return NIGH_OK;
}

static const struct {
    const char *name;
    enum nigh_status (*read)(struct scope *scope, yyjson_val *val, struct nigh_err *err);
} members[] = {
    {"allow", read_allow},           {"places", read_places},
    {"label", read_label},           {"budget_usd_per_day", read_budget},
    {"per_minute", read_per_minute}, {"expires_us", read_expires},
};

static enum nigh_status read_member(struct scope *scope, struct slice name, yyjson_val *val,
                                    unsigned *seen, struct nigh_err *err)
{
    for (size_t i = 0; i < ARRAY_LEN(members); i++) {
        if (!slice_is(name, members[i].name))
            continue;
        if (*seen >> i & 1)
            return nigh_fail(err, NIGH_INVALID, "%s: given twice", members[i].name);
        *seen |= 1U << i;
        return yyjson_is_null(val) ? NIGH_OK : members[i].read(scope, val, err);
    }
    if (slice_is(name, "name"))
        return NIGH_OK;
    return nigh_fail(err, NIGH_INVALID,
                     "a key's members are name, allow, places, label, budget_usd_per_day, "
                     "per_minute and expires_us");
}

enum nigh_status scope_read(struct scope *ret, yyjson_val *object, struct nigh_err *err)
{
    struct scope scope = SCOPE_ALL;
    yyjson_obj_iter it = yyjson_obj_iter_with(object);
    enum nigh_status status = NIGH_OK;
    unsigned seen = 0;
    yyjson_val *key;

    if (object && !yyjson_is_null(object) && !yyjson_is_obj(object))
        return nigh_fail(err, NIGH_INVALID, "expected an object");
    while (status == NIGH_OK && (key = yyjson_obj_iter_next(&it)))
        status = read_member(&scope, json_str(key), yyjson_obj_iter_get_val(key), &seen, err);
    if (status == NIGH_OK)
        *ret = scope;
    return status;
}

/* --- writing ------------------------------------------------------------------------------------
 */

static void put_allow(const struct scope *scope, struct buf *out)
{
    if (!scope->spaces) {
        json_put_null(out, "allow");
        return;
    }
    json_key(out, "allow");
    buf_add_char(out, '[');
    for (size_t i = 0; i < ARRAY_LEN(spaces); i++) {
        if (!(scope->spaces & spaces[i].bit))
            continue;
        json_sep(out);
        buf_add_json(out, slice_of(spaces[i].text));
    }
    buf_add_char(out, ']');
}

static void put_places(const struct scope *scope, struct buf *out)
{
    struct slice rest = slice_of(scope->places);

    if (!scope->places[0]) {
        json_put_null(out, "places");
        return;
    }
    json_key(out, "places");
    buf_add_char(out, '[');
    while (rest.p) {
        struct slice pattern = slice_cut(&rest, ',');
        json_sep(out);
        buf_add_json(out, pattern);
    }
    buf_add_char(out, ']');
}

void scope_json(const struct scope *scope, struct buf *out)
{
    put_allow(scope, out);
    put_places(scope, out);
    json_put_cstr(out, "label", scope->label[0] ? scope->label : NULL);
    json_put_num(out, "budget_usd_per_day",
                 scope->budget_uusd >= 0 ? (double)scope->budget_uusd / 1e6 : NAN);
    if (scope->per_minute)
        json_put_int(out, "per_minute", scope->per_minute);
    else
        json_put_null(out, "per_minute");
    if (scope->expires_us)
        json_put_int(out, "expires_us", (int64_t)scope->expires_us);
    else
        json_put_null(out, "expires_us");
}

/* --- judging ------------------------------------------------------------------------------------
 */

bool scope_limited(const struct scope *scope)
{
    return scope->spaces || scope->places[0] || scope->label[0] || scope->budget_uusd >= 0 ||
           scope->per_minute || scope->expires_us;
}

bool scope_opens(const struct scope *scope, unsigned wanted)
{
    if (scope->spaces)
        return scope->spaces & wanted;
    return (wanted & ~(unsigned)SPACE_NIGH) || !scope_limited(scope); /* scope 1 */
}

/* `*` takes as little as it can; when what follows does not fit, it takes one more. */
static bool matches(struct slice pattern, const char *text)
{
    size_t at = 0, star = SIZE_MAX;
    const char *from = text;

    while (*text || at < pattern.len) {
        if (at < pattern.len && pattern.p[at] == '*') {
            star = at++;
            from = text;
        } else if (*text && at < pattern.len && pattern.p[at] == *text) {
            at++;
            text++;
        } else if (star != SIZE_MAX && *from) {
            at = star + 1;
            text = ++from;
        } else {
            return false;
        }
    }
    return true;
}

bool scope_permits(const struct scope *scope, const char *place)
{
    struct slice rest = slice_of(scope->places);

    if (!scope->places[0])
        return true;
    while (rest.p)
        if (matches(slice_cut(&rest, ','), place))
            return true;
    return false;
}

struct label scope_ceiling(const struct scope *scope, const struct zones *zones)
{
    int zone = zone_find(zones, slice_of(scope->label));

    if (!scope->label[0])
        return LABEL_ANYWHERE;
    return zones->label[zone < 0 ? ZONE_DEVICE : zone];
}

bool scope_expired(const struct scope *scope, uint64_t wall_us)
{
    return scope->expires_us && wall_us >= scope->expires_us;
}
