#include "base/fault.h"
#include "base/json.h"
#include "base/tap.h"
#include <math.h>

static yyjson_val *parse(struct arena *a, const char *text)
{
    yyjson_val *root = NULL;
    struct nigh_err err = {0};

    if (json_parse(&root, slice_of(text), a, &err) != NIGH_OK)
        TAP_FAIL("%s", err.what);
    return root;
}

TEST(json_round_trips_exactly)
{
    static const struct {
        const char *text, *want; /* NULL: the same */
    } rows[] = {
        {"null", NULL},
        {"true", NULL},
        {"[]", NULL},
        {"{}", NULL},
        {"\"\"", NULL},
        {" [ 1 , 2 ] ", "[1,2]"},
        {"{\"a\":[{\"b\":[[],{}]},null,false],\"c\":\"d\"}", NULL},
        {"{\"a\":1,\"a\":2}", NULL},
        {"{\n  \"a\": {\n    \"b\": [\n      1\n    ]\n  }\n}\n", "{\"a\":{\"b\":[1]}}"},
        {"18446744073709551615", NULL},
        {"-9223372036854775808", NULL},
        {"-9223372036854775809", NULL}, /* from here on as the text it was */
        {"123456789012345678901234567890", NULL},
        {"[1e400,-1E+999]", NULL},
        {"1e22", NULL},
        {"-0", NULL}, /* how some write the float, whose sign a vector keeps */
        {"-0.0", NULL},
        {"0.1", NULL},
        {"1.50", "1.5"},
        {"100.0", NULL},
        {"5e-324", NULL},
        {"1.7976931348623157e308", NULL},
        {"0.30000000000000004", NULL},
        {"\"\\u0000\\u001f\\\"\\\\\\/\\b\\f\\n\\r\\t\"",
         "\"\\u0000\\u001f\\\"\\\\/\\b\\f\\n\\r\\t\""},
        {"\"\\ud83d\\ude00 \\u00e9\"", "\"\xf0\x9f\x98\x80 \xc3\xa9\""},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct arena a;
        struct buf b = {0};
        arena_init(&a, 1 << 20);
        json_add_val(&b, parse(&a, rows[i].text));
        CHECK(!b.failed);
        CHECK_STR(b.data, rows[i].want ? rows[i].want : rows[i].text);
        buf_done(&b);
        arena_done(&a);
    }
}

TEST(json_refuses)
{
    static const struct {
        struct slice text;
        const char *want;
    } rows[] = {
        {{NULL, 0}, "JSON: empty text"},
        {SLICE(""), "JSON: empty text"},
        {SLICE(" \n"), "JSON: empty text"},
        {SLICE("{\"secret\": 1, oops}"), "JSON: unexpected character at byte 14"},
        {SLICE("[1,2"), "JSON: unexpected end at byte 4"},
        {SLICE("[1,]"), "JSON: comma before a closing bracket at byte 2"},
        {SLICE("1 2"), "JSON: something follows the value at byte 2"},
        {SLICE("01"), "JSON: invalid number at byte 0"},
        {SLICE("1."), "JSON: unexpected end at byte 2"},
        {SLICE("\"a\tb\""), "JSON: invalid string or UTF-8 at byte 2"},
        {SLICE("\"a\0b\""), "JSON: invalid string or UTF-8 at byte 2"},
        {SLICE("\"\xff\""), "JSON: invalid string or UTF-8 at byte 1"},
        {SLICE("\"\xed\xa0\x80\""), "JSON: invalid string or UTF-8 at byte 1"},
        {SLICE("\"\\ud800\""), "JSON: invalid string or UTF-8 at byte 1"},
        {SLICE("\"\\x41\""), "JSON: invalid string or UTF-8 at byte 1"},
        {SLICE("1\0"), "JSON: something follows the value at byte 1"},
        {SLICE("\xef\xbb\xbf{}"), "JSON: unexpected character at byte 0"},
        {SLICE("NaN"), "JSON: unexpected character at byte 0"},
        {SLICE("truu"), "JSON: unexpected character at byte 0"},
        {SLICE("'a'"), "JSON: unexpected character at byte 0"},
        {SLICE("[1,/*x*/2]"), "JSON: unexpected character at byte 3"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct arena a;
        struct nigh_err err = {0};
        yyjson_val *root = NULL;
        arena_init(&a, 1 << 20);
        CHECK_EQ(json_parse(&root, rows[i].text, &a, &err), NIGH_INVALID);
        CHECK_STR(err.what, rows[i].want);
        CHECK(root == NULL);
        arena_done(&a);
    }
}

static char *nested(size_t depth, bool obj)
{
    struct buf b = {0};

    for (size_t i = 0; i < depth; i++)
        buf_add_cstr(&b, obj ? "{\"k\":" : "[");
    buf_add_cstr(&b, obj ? "0" : "");
    for (size_t i = 0; i < depth; i++)
        buf_add_char(&b, obj ? '}' : ']');
    return b.data;
}

TEST(json_depth_is_bounded)
{
    for (int obj = 0; obj < 2; obj++)
        for (size_t depth = JSON_DEPTH_MAX - 1; depth <= JSON_DEPTH_MAX + 1; depth++) {
            struct arena a;
            struct buf b = {0};
            struct nigh_err err = {0};
            yyjson_val *root;
            char *text = nested(depth, obj);
            arena_init(&a, 1 << 20);
            if (depth <= JSON_DEPTH_MAX) {
                json_add_val(&b, parse(&a, text));
                CHECK_STR(b.data, text);
            } else {
                CHECK_EQ(json_parse(&root, slice_of(text), &a, &err), NIGH_INVALID);
                CHECK_STR(err.what, "JSON: nested deeper than 128 levels");
            }
            buf_done(&b);
            arena_done(&a);
            free(text);
        }
}

TEST(json_siblings_are_not_depth)
{
    struct arena a;
    struct buf b = {0};

    buf_add_char(&b, '[');
    for (int i = 0; i < 1000; i++) {
        json_sep(&b);
        buf_add_cstr(&b, "[[],{\"a\":[]}]");
    }
    buf_add_char(&b, ']');
    arena_init(&a, 1 << 20);
    CHECK_EQ(yyjson_arr_size(parse(&a, b.data)), 1000);
    arena_done(&a);
    buf_done(&b);
}

TEST(json_takes_what_it_needs)
{
    struct arena a;
    struct buf b = {0};
    enum { PICTURE = 3 << 20 };

    buf_add_cstr(&b, "{\"image\":\"");
    CHECK(buf_reserve(&b, PICTURE));
    memset(b.data + b.len, 'A', PICTURE);
    b.len += PICTURE;
    buf_add_cstr(&b, "\"}");
    arena_init(&a, PICTURE + 4096); /* the text and little more */
    CHECK_EQ(json_get_str(parse(&a, b.data), "image").len, PICTURE);
    arena_done(&a);
    buf_done(&b);
}

TEST(json_brackets_do_not_take_all_memory)
{
    static char text[1 << 20];
    struct arena a;
    struct nigh_err err = {0};
    yyjson_val *root;

    memset(text, '[', sizeof text);
    arena_init(&a, 4 << 20); /* a value is 16 times as big as its bracket */
    CHECK_EQ(json_parse(&root, (struct slice){text, sizeof text}, &a, &err), NIGH_TOOBIG);
    arena_done(&a);
}

TEST(json_survives_no_memory)
{
    bool hit = true;
    struct buf text = {0};

    buf_add_char(&text, '[');
    for (int i = 0; i < 5000; i++)
        buf_add_cstr(&text, "1,");
    buf_add_cstr(&text, "1]");
    for (int nth = 1; hit; nth++) {
        struct arena a;
        struct nigh_err err = {0};
        yyjson_val *root = NULL;
        arena_init(&a, 1 << 20);
        fault_arm(FAULT_ALLOC, nth);
        enum nigh_status status = json_parse(&root, buf_slice(&text), &a, &err);
        hit = fault_disarm();
        CHECK_EQ(status, hit ? NIGH_TOOBIG : NIGH_OK);
        CHECK_EQ(root != NULL, !hit);
        arena_done(&a);
    }
    buf_done(&text);
}

TEST(json_getters)
{
    struct arena a;

    arena_init(&a, 1 << 20);
    yyjson_val *v = parse(&a, "{\"s\":\"x\\u0000y\",\"t\":true,\"i\":-5,\"w\":7.0,\"f\":0.5,"
                              "\"u\":18446744073709551615,\"huge\":1e999,\"long\":"
                              "100000000000000000000,\"n\":null,\"d\":1,\"d\":2,\"\":3,\"in\":{}}");
    CHECK_EQ(json_get_str(v, "s").len, 3);
    CHECK(json_get_str(v, "i").p == NULL);
    CHECK(json_get_str(v, "none").p == NULL);
    CHECK(json_get_bool(v, "t", false));
    CHECK(json_get_bool(v, "n", true));
    CHECK(!json_get_bool(v, "none", false));

    static const struct {
        const char *key;
        int64_t integer;
        double num;
    } rows[] = {
        {"i", -5, -5},    {"w", 7, 7},        {"f", -1, 0.5}, {"u", -1, 18446744073709551615.0},
        {"huge", -1, -1}, {"long", -1, 1e20}, {"n", -1, -1},  {"d", 2, 2},
        {"", 3, 3},       {"in", -1, -1},     {"s", -1, -1},  {"none", -1, -1},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CHECK_EQ(json_get_int(v, rows[i].key, -1), rows[i].integer);
        CHECK(json_get_num(v, rows[i].key, -1) == rows[i].num);
    }
    CHECK(json_get(json_get(v, "s"), "x") == NULL);
    CHECK(json_get(NULL, "x") == NULL);
    arena_done(&a);
}

TEST(json_writes_commas)
{
    struct arena a;
    struct buf b = {0};

    arena_init(&a, 1 << 20);
    buf_add_char(&b, '{');
    json_put_str(&b, "a\"", SLICE("\n"));
    json_put_str(&b, "absent", (struct slice){NULL, 0});
    json_put_cstr(&b, "no", NULL);
    json_put_cstr(&b, "yes", "{");
    json_put_int(&b, "min", INT64_MIN);
    json_put_num(&b, "third", 1.0 / 3);
    json_put_bool(&b, "t", true);
    json_put_null(&b, "n");
    json_put_val(&b, "gone", NULL);
    json_put_val(&b, "v", parse(&a, "[1,{\"x\":[]}]"));
    json_key(&b, "list");
    buf_add_char(&b, '[');
    for (int i = 0; i < 3; i++) {
        json_sep(&b);
        buf_add_u64(&b, (uint64_t)i);
    }
    buf_add_cstr(&b, "]}");
    CHECK_STR(b.data, "{\"a\\\"\":\"\\n\",\"absent\":\"\",\"no\":null,\"yes\":\"{\","
                      "\"min\":-9223372036854775808,\"third\":0.3333333333333333,\"t\":true,"
                      "\"n\":null,\"v\":[1,{\"x\":[]}],\"list\":[0,1,2]}");
    parse(&a, b.data);
    buf_done(&b);
    arena_done(&a);
}

TEST(json_numbers_read_back)
{
    static const struct {
        double n;
        const char *want;
    } rows[] = {
        {0, "0"},
        {-0.0, "-0.0"},
        {1, "1"},
        {-7, "-7"},
        {0.1, "0.1"},
        {1e15, "1000000000000000"},
        {1e300, "1e300"},
        {NAN, "null"},
        {INFINITY, "null"},
        {-INFINITY, "null"},
        {5e-324, "5e-324"},
        {1.5e-7, "1.5e-7"},
        {9007199254740993.0, "9007199254740992.0"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct buf b = {0};
        json_add_num(&b, rows[i].n);
        CHECK_STR(b.data, rows[i].want);
        if (isfinite(rows[i].n))
            CHECK(strtod(b.data, NULL) == rows[i].n);
        buf_done(&b);
    }
}
