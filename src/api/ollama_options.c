/* What Ollama's bodies have in common: options, keep_alive, think, format. */
#include "api/ollama.h"
#include "api/openai.h"
#include <math.h>

/* Ollama's runner takes 0 and -1 for no limit, -2 for what is left of the context: here too that is
 * what ends an answer without one. */
static DECODE_READER(read_num_predict)
{
    if (yyjson_is_int(val) && yyjson_get_sint(val) <= 0 && yyjson_get_sint(val) >= -2)
        return NIGH_OK;
    return decode_u64(d, at, field, val, to);
}

static DECODE_READER(read_seed)
{
    struct turn *t = to;
    enum nigh_status status = decode_i64(d, at, field, val, &t->seed);

    t->has_seed = !status && t->seed != -1; /* its default: one by chance */
    return status;
}

static const struct field option_fields[] = {
#define WISH_FIELD(member, name, low, high)                                                        \
    {name, decode_num, offsetof(struct turn, member), low, high},
    TURN_WISHES(WISH_FIELD) TURN_MORE_WISHES(WISH_FIELD)
#undef WISH_FIELD
        {"seed", read_seed, 0, 0, 0},
    {"num_predict", read_num_predict, offsetof(struct turn, max_tokens), 1, 1e15},
    {"stop", openai_stop, 0, 0, 0},
};

DECODE_READER(ollama_options)
{
    return decode_object(d, at, val, option_fields, ARRAY_LEN(option_fields), to, NULL);
}

/* One "90", "1.5" off the front. */
static bool take_number(struct slice *s, double *ret)
{
    double x = 0, tenth = 0.1;
    size_t i = 0, digits = 0;

    for (; i < s->len && s->p[i] >= '0' && s->p[i] <= '9'; i++, digits++)
        x = x * 10 + (s->p[i] - '0');
    if (i < s->len && s->p[i] == '.')
        for (i++; i < s->len && s->p[i] >= '0' && s->p[i] <= '9'; i++, digits++, tenth /= 10)
            x += (s->p[i] - '0') * tenth;
    *s = (struct slice){s->p + i, s->len - i};
    *ret = x;
    return digits > 0;
}

static bool take_unit(struct slice *s, double *ret_ms)
{
    static const struct {
        const char *word;
        double ms;
    } units[] = {{"ns", 1e-6}, {"us", 1e-3}, {"\xc2\xb5s", 1e-3}, {"\xce\xbcs", 1e-3},
                 {"ms", 1},    {"s", 1e3},   {"m", 60e3},         {"h", 3600e3}};

    for (size_t i = 0; i < ARRAY_LEN(units); i++) {
        struct slice word = slice_of(units[i].word);
        if (!slice_starts(*s, word))
            continue;
        *s = (struct slice){s->p + word.len, s->len - word.len};
        *ret_ms = units[i].ms;
        return true;
    }
    return false;
}

bool ollama_duration(struct slice text, double *ret_ms)
{
    double sign = 1, sum = 0, number, unit;

    if (text.len > 0 && (text.p[0] == '-' || text.p[0] == '+')) {
        sign = text.p[0] == '-' ? -1 : 1;
        text = (struct slice){text.p + 1, text.len - 1};
    }
    if (text.len == 0)
        return false;
    for (bool first = true; text.len > 0; first = false) {
        if (!take_number(&text, &number))
            return false;
        if (first && text.len == 0)
            unit = 1e3;
        else if (!take_unit(&text, &unit))
            return false;
        sum += number * unit;
    }
    *ret_ms = sign * sum;
    return true;
}

DECODE_READER(ollama_keep_alive)
{
    struct turn *t = to;
    double ms;

    if (yyjson_is_num(val))
        ms = yyjson_get_num(val) * 1e3;
    else if (!yyjson_is_str(val) || !ollama_duration(json_str(val), &ms))
        return decode_wrong(d, at, "expected seconds or a duration such as \"5m\"");
    t->has_keep = true;
    /* The smallest duration is no order to unload. */
    t->keep_ms = ms < 0 || ms > (double)TURN_KEEP_MAX_MS ? -1 : (int64_t)ceil(ms);
    return NIGH_OK;
}

/* true: as long as a model thinks that is told nothing else; it has no word of its own. */
DECODE_READER(ollama_think)
{
    struct turn *t = to;

    if (yyjson_is_bool(val))
        t->effort = yyjson_get_bool(val) ? EFFORT_MEDIUM : EFFORT_NONE;
    else
        t->effort = effort_of(json_str(val));
    if (t->effort == EFFORT_UNSET)
        return decode_wrong(d, at, "expected true, false, low, medium, high or max");
    return NIGH_OK;
}

/* The canonical form has the schema in an object of OpenAI's, with a name. */
static enum nigh_status wrap_schema(struct decode *d, yyjson_val *schema, yyjson_val **ret)
{
    CLEANUP(buf_done) struct buf text = {0};

    buf_add_cstr(&text, "{\"name\":\"format\"");
    json_put_val(&text, "schema", schema);
    buf_add_char(&text, '}');
    return text.failed ? decode_nomem(d) : json_parse(ret, buf_slice(&text), d->arena, d->err);
}

/* "json", a schema, or "" from clients whose language has no absent string. */
DECODE_READER(ollama_format)
{
    struct slice word = json_str(val);
    struct turn *t = to;
    yyjson_val *schema;
    enum nigh_status status;

    if (word.p && word.len == 0)
        return NIGH_OK;
    if (word.p && slice_is(word, "json")) {
        t->format = FORMAT_JSON;
        return NIGH_OK;
    }
    if (!yyjson_is_obj(val))
        return decode_wrong(d, at, "expected \"json\" or a JSON schema");
    if ((status = decode_schema(d, at, field, val, &schema)))
        return status;
    t->format = FORMAT_SCHEMA;
    return wrap_schema(d, schema, &t->schema);
}

DECODE_READER(ollama_top_logprobs)
{
    uint64_t n;
    enum nigh_status status = decode_u64(d, at, field, val, &n);

    if (!status && n > 0)
        ((struct turn *)to)->top_logprobs = (int)n;
    return status;
}
