/* Chance, and what cases are made of. */
#include "api/pairs.h"
#include <stdlib.h>

/* splitmix64, as in base/rand.c; a state of our own, so that a case depends on its seed alone. */
uint64_t gen_u64(struct gen *g)
{
    uint64_t z = g->state += 0x9e3779b97f4a7c15;

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
}

unsigned gen_below(struct gen *g, unsigned n)
{
    return (unsigned)(gen_u64(g) % n);
}

bool gen_has(struct gen *g, uint64_t bit, unsigned n)
{
    bool drawn = gen_below(g, n) == 0;

    if (!(g->may & bit) || (!drawn && !(g->must & bit)))
        return false;
    g->did |= bit;
    return true;
}

struct slice gen_keep(struct gen *g, struct buf *b)
{
    struct slice kept = arena_dup(g->a, b->len ? buf_slice(b) : SLICE(""));

    if (b->failed || !kept.p)
        abort(); /* a case is small; without memory nothing is proved */
    buf_done(b);
    *b = (struct buf){0};
    return kept;
}

yyjson_val *gen_parsed(struct gen *g, struct buf *b)
{
    yyjson_val *val;

    if (json_parse(&val, gen_keep(g, b), g->a, NULL) != NIGH_OK)
        abort();
    return val;
}

/* What readers of JSON, of SSE, of templates and of printf stumble over. */
static const struct slice scraps[] = {
    SLICE("word"),
    SLICE(" "),
    SLICE("\n"),
    SLICE("\n\n"),
    SLICE("\r\n"),
    SLICE("\r"),
    SLICE("data: [DONE]\n\n"),
    SLICE("event: message_stop\ndata: {}\n\n"),
    SLICE(": ping\n\n"),
    SLICE("\""),
    SLICE("\\"),
    SLICE("\\u0041"),
    SLICE("\\\""),
    SLICE("{\"a\":[1,null]}"),
    SLICE("}"),
    SLICE("\1"),
    SLICE("\t\b\f\v"),
    SLICE("\x01\x1f\x7f"),
    SLICE("%s%n"),
    SLICE("null"),
    SLICE("/"),
    SLICE("</s><|im_end|>"),
    SLICE("<think>"),
    SLICE("'"),
    SLICE("-0.0e+1"),
    /* Of two, three and four bytes; joined, combining, from right to left, not drawn at all. */
    SLICE("\u00e9"),
    SLICE("e\u0301"),
    SLICE("\xc2\x85"),
    SLICE("\u65e5\u672c\u8a9e"),
    SLICE("\u05e9\u05dc\u05d5\u05dd"),
    SLICE("\u202e\u2066\u2069\u202c"),
    SLICE("\u2028\u2029"),
    SLICE("\ufeff"),
    SLICE("\ufffd"),
    SLICE("\uffff"),
    SLICE("\U0001f30d"),
    SLICE("\U0001f469\u200d\U0001f680"),
    SLICE("\U0001f1e9\U0001f1f0"),
    SLICE("\U00010000"),
    SLICE("\U0010ffff"),
};

static void put_rune(struct buf *b, uint32_t rune)
{
    static const uint8_t lead[] = {0, 0xc0, 0xe0, 0xf0};
    unsigned more = rune < 0x80 ? 0 : rune < 0x800 ? 1 : rune < 0x10000 ? 2 : 3;

    buf_add_char(b, (char)(lead[more] | rune >> 6 * more));
    while (more-- > 0)
        buf_add_char(b, (char)(0x80 | (rune >> 6 * more & 0x3f)));
}

/* Any code point but the surrogates and NUL, which a request may not hold; the short encodings as
 * often as the long. */
static uint32_t gen_rune(struct gen *g)
{
    static const uint32_t ends[] = {0x80, 0x800, 0x10000, 0x110000};
    uint32_t rune = 1 + gen_below(g, ends[gen_below(g, ARRAY_LEN(ends))] - 1);

    return rune >= 0xd800 && rune <= 0xdfff ? 0xfffd : rune;
}

struct slice gen_text(struct gen *g)
{
    struct buf b = {0};
    unsigned n = 1 + gen_below(g, 2 * g->size);

    if (gen_below(g, 3) == 0) { /* plain ones too: most texts are */
        buf_printf(&b, "text %u", gen_below(g, 1000));
        return gen_keep(g, &b);
    }
    while (n-- > 0) {
        if (gen_below(g, 3))
            buf_add_str(&b, scraps[gen_below(g, ARRAY_LEN(scraps))]);
        else
            put_rune(&b, gen_rune(g));
    }
    return gen_keep(g, &b);
}

struct slice gen_word(struct gen *g, const char *prefix)
{
    return slice_of(arena_printf(g->a, "%s%x", prefix, gen_below(g, 1 << 30)));
}

static void put_number(struct gen *g, struct buf *b)
{
    static const char *const numbers[] = {
        "0",
        "-0",
        "7",
        "-1",
        "0.1",
        "1e-7",
        "2.5e10",
        "9007199254740993",
        "-9223372036854775808",
        "18446744073709551615",
        "123456789012345678901234567890",
        "1e400",
        "3.0",
    };
    buf_add_cstr(b, numbers[gen_below(g, ARRAY_LEN(numbers))]);
}

void gen_value(struct gen *g, struct buf *b, unsigned depth)
{
    static const char *const words[] = {"null", "true", "false"};
    unsigned n = gen_below(g, 4), kind = gen_below(g, depth > 0 ? 6 : 4);

    if (kind == 0)
        buf_add_cstr(b, words[gen_below(g, ARRAY_LEN(words))]);
    else if (kind == 1)
        put_number(g, b);
    else if (kind < 4)
        buf_add_json(b, gen_text(g));
    else if (kind == 4)
        gen_object(g, b, depth - 1);
    else {
        buf_add_char(b, '[');
        for (unsigned i = 0; i < n; i++) {
            json_sep(b);
            gen_value(g, b, depth - 1);
        }
        buf_add_char(b, ']');
    }
}

void gen_object(struct gen *g, struct buf *b, unsigned depth)
{
    unsigned n = gen_below(g, 4);
    struct buf key = {0};

    buf_add_char(b, '{');
    for (unsigned i = 0; i < n; i++) {
        json_sep(b);
        buf_add_u64(&key, i); /* no key twice */
        if (gen_below(g, 3) == 0)
            buf_add_str(&key, gen_text(g));
        buf_add_json(b, gen_keep(g, &key));
        buf_add_char(b, ':');
        gen_value(g, b, depth);
    }
    buf_add_char(b, '}');
}

/* Of an object: what every API takes. */
void gen_schema(struct gen *g, struct buf *b, unsigned depth)
{
    static const char *const kinds[] = {"string", "number", "integer", "boolean", "array"};
    unsigned n = 1 + gen_below(g, 3);

    buf_add_cstr(b, "{\"type\":\"object\",\"properties\":{");
    for (unsigned i = 0; i < n; i++) {
        json_sep(b);
        buf_add_json(b, gen_word(g, "p"));
        buf_add_char(b, ':');
        if (depth > 0 && gen_below(g, 3) == 0) {
            gen_schema(g, b, depth - 1);
            continue;
        }
        buf_printf(b, "{\"type\":\"%s\",\"description\":", kinds[gen_below(g, ARRAY_LEN(kinds))]);
        buf_add_json(b, gen_text(g));
        buf_add_char(b, '}');
    }
    buf_add_cstr(b, "},\"required\":[],\"additionalProperties\":false}");
}

/* One code unit of UTF-16 as \uXXXX. */
static void put_unit(struct buf *b, uint32_t unit, bool upper)
{
    buf_printf(b, upper ? "\\u%04X" : "\\u%04x", unit);
}

static void put_escaped(struct gen *g, struct buf *b, uint32_t rune)
{
    bool upper = gen_below(g, 2);

    if (rune < 0x10000) {
        put_unit(b, rune, upper);
        return;
    }
    put_unit(b, 0xd800 + ((rune - 0x10000) >> 10), upper);
    put_unit(b, 0xdc00 + ((rune - 0x10000) & 0x3ff), upper);
}

/* s is valid UTF-8: we made it. */
static uint32_t take_rune(struct slice *s)
{
    unsigned char lead = (unsigned char)*s->p;
    unsigned more = lead < 0x80 ? 0 : lead < 0xe0 ? 1 : lead < 0xf0 ? 2 : 3;
    uint32_t rune = more == 0 ? lead : lead & (0x3f >> more);

    for (unsigned i = 1; i <= more; i++)
        rune = rune << 6 | ((unsigned char)s->p[i] & 0x3f);
    s->p += more + 1;
    s->len -= more + 1;
    return rune;
}

void gen_quote(struct gen *g, struct buf *b, struct slice s)
{
    unsigned every = gen_below(g, 3); /* 0: as few escapes as may be */

    if (every == 0) {
        buf_add_json(b, s);
        return;
    }
    buf_add_char(b, '"');
    while (s.len > 0) {
        struct slice before = s;
        uint32_t rune = take_rune(&s);
        if (rune < 0x20 || rune == '"' || rune == '\\' || gen_below(g, every + 1) == 0)
            put_escaped(g, b, rune);
        else
            buf_add(b, before.p, before.len - s.len);
    }
    buf_add_char(b, '"');
}
