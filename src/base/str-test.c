#include "base/fault.h"
#include "base/rand.h"
#include "base/str.h"
#include "base/tap.h"

#define LEN(rows) (sizeof(rows) / sizeof *(rows))

TEST(str_compare)
{
    static const struct {
        const char *a, *b;
        bool eq, ieq, starts;
    } rows[] = {
        {"", "", true, true, true},
        {"abc", "abc", true, true, true},
        {"abc", "ABC", false, true, false},
        {"abc", "ab", false, false, true},
        {"ab", "abc", false, false, false},
        {"[", "{", false, false, false}, /* differ by 0x20 but are no letters */
        {"\xc3\x84", "\xc3\xa4", false, false, false},
        {NULL, "", true, true, true},
        {"x", NULL, false, false, true},
    };
    for (size_t i = 0; i < LEN(rows); i++) {
        struct slice a = slice_of(rows[i].a), b = slice_of(rows[i].b);
        CHECK_EQ(slice_eq(a, b), rows[i].eq);
        CHECK_EQ(slice_ieq(a, b), rows[i].ieq);
        CHECK_EQ(slice_starts(a, b), rows[i].starts);
    }
    CHECK(slice_is(SLICE("x"), "x"));
}

TEST(str_trim_and_cut)
{
    CHECK(slice_is(slice_trim(SLICE(" \t\r\n a b \v\f")), "a b"));
    CHECK(slice_is(slice_trim(SLICE("  ")), ""));
    CHECK_EQ(slice_trim((struct slice){NULL, 0}).len, 0);

    struct slice s = SLICE("a,,b");
    CHECK(slice_is(slice_cut(&s, ','), "a"));
    CHECK(slice_is(slice_cut(&s, ','), ""));
    CHECK(slice_is(slice_cut(&s, ','), "b"));
    CHECK(s.p == NULL);
    CHECK(slice_cut(&s, ',').p == NULL);
    s = SLICE("a,");
    CHECK(slice_is(slice_cut(&s, ','), "a"));
    CHECK(s.p != NULL && s.len == 0); /* something, though empty, follows the comma */
}

TEST(str_u64)
{
    static const struct {
        const char *text;
        bool ok;
        uint64_t n;
    } rows[] = {
        {"0", true, 0},
        {"007", true, 7},
        {"18446744073709551615", true, UINT64_MAX},
        {"18446744073709551616", false, 0},
        {"99999999999999999999999", false, 0},
        {"", false, 0},
        {"-1", false, 0},
        {"+1", false, 0},
        {" 1", false, 0},
        {"1x", false, 0},
        {"1\xb2", false, 0},
    };
    for (size_t i = 0; i < LEN(rows); i++) {
        uint64_t n = 0;
        CHECK_EQ(slice_u64(slice_of(rows[i].text), &n), rows[i].ok);
        CHECK(n == rows[i].n);
    }
}

TEST(str_hex_value)
{
    static const char digits[] = "0123456789abcdef";

    for (int c = 0; c < 256; c++) {
        int lower = c >= 'A' && c <= 'F' ? c | 32 : c;
        const char *at = lower ? strchr(digits, lower) : NULL;
        CHECK_EQ(hex_value((char)c), at ? at - digits : -1);
    }
}

TEST(str_utf8_rows)
{
    static const struct {
        const char *text;
        bool ok;
    } rows[] = {
        {"", true},
        {"plain ASCII, longer than a word", true},
        {"\x7f", true},
        {"\xc2\x80", true},
        {"\xdf\xbf", true},
        {"\xe0\xa0\x80", true},
        {"\xed\x9f\xbf", true},
        {"\xee\x80\x80", true},
        {"\xef\xbf\xbf", true},
        {"\xf0\x90\x80\x80", true},
        {"\xf4\x8f\xbf\xbf", true},
        {"\x80", false},             /* continuation alone */
        {"\xc0\x80", false},         /* overlong NUL */
        {"\xc1\xbf", false},         /* overlong */
        {"\xe0\x9f\xbf", false},     /* overlong */
        {"\xf0\x8f\xbf\xbf", false}, /* overlong */
        {"\xed\xa0\x80", false},     /* first surrogate */
        {"\xed\xbf\xbf", false},     /* last surrogate */
        {"\xf4\x90\x80\x80", false}, /* past U+10FFFF */
        {"\xf5\x80\x80\x80", false},
        {"\xff", false},
        {"\xc3", false},
        {"\xe2\x82", false},
        {"\xf0\x9f\x98", false},
        {"\xe2\x82\x41", false},
        {"\xf0\x9f\x98\x41", false},
    };
    for (size_t i = 0; i < LEN(rows); i++)
        for (size_t before = 0; before < 18; before++)
            for (size_t after = 0; after < 10; after++) { /* at every place around a word */
                char text[64];
                size_t len = strlen(rows[i].text);
                memset(text, 'a', sizeof text);
                memcpy(text + before, rows[i].text, len);
                CHECK_EQ(slice_utf8((struct slice){text, before + len + after}), rows[i].ok);
            }
}

/* The definition itself, slowly: decode, then ask what is wrong with the code point. */
static bool utf8_slowly(const unsigned char *p, size_t len)
{
    static const uint32_t least[] = {0, 0x80, 0x800, 0x10000};

    for (size_t i = 0; i < len; i++) {
        int more = p[i] < 0x80             ? 0
                   : (p[i] & 0xe0) == 0xc0 ? 1
                   : (p[i] & 0xf0) == 0xe0 ? 2
                   : (p[i] & 0xf8) == 0xf0 ? 3
                                           : -1;
        if (more < 0)
            return false;
        uint32_t code = more ? p[i] & (0x3fu >> more) : p[i];
        for (int k = 0; k < more; k++) {
            if (++i == len || (p[i] & 0xc0) != 0x80)
                return false;
            code = code << 6 | (p[i] & 0x3f);
        }
        if (code < least[more] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
            return false;
    }
    return true;
}

TEST(str_utf8_agrees_with_the_definition)
{
    for (uint32_t n = 0; n < 0x1000000; n += 1 + n % 3) { /* all leads with most tails */
        unsigned char p[4] = {(unsigned char)(n >> 16), (unsigned char)(n >> 8), (unsigned char)n,
                              0xbf};
        CHECK_EQ(slice_utf8((struct slice){(char *)p, 3}), utf8_slowly(p, 3));
        if (n >> 20 == 0xf)
            CHECK_EQ(slice_utf8((struct slice){(char *)p, 4}), utf8_slowly(p, 4));
    }
}

TEST(str_buf_appends)
{
    struct buf b = {0};

    CHECK(buf_slice(&b).p == NULL);
    buf_add_cstr(&b, "");
    CHECK_STR(b.data, "");
    buf_add_cstr(&b, "one ");
    buf_add_char(&b, '2');
    buf_add_str(&b, SLICE(" three "));
    buf_add_str(&b, (struct slice){NULL, 0});
    buf_add_u64(&b, 0);
    buf_add_char(&b, ' ');
    buf_add_u64(&b, UINT64_MAX);
    buf_printf(&b, " %s", "end");
    CHECK_STR(b.data, "one 2 three 0 18446744073709551615 end");
    CHECK_EQ(b.len, strlen(b.data));
    buf_consume(&b, 4);
    CHECK_EQ(strncmp(b.data, "2 three", 7), 0);
    buf_consume(&b, 1000);
    CHECK_EQ(b.len, 0);
    CHECK_STR(b.data, "");
    buf_printf(&b, "%0500d", 7);
    CHECK_EQ(b.len, 500);
    buf_reset(&b);
    CHECK_EQ(b.len, 0);
    CHECK_STR(b.data, "");
    buf_done(&b);
    buf_done(&b);
}

TEST(str_buf_ceiling)
{
    struct buf b = {.max_bytes = 300};

    for (int i = 0; i < 30; i++)
        buf_add_cstr(&b, "0123456789");
    CHECK(!b.failed);
    CHECK_EQ(b.len, 300);
    buf_add(&b, "", 0);
    CHECK(!b.failed);
    buf_add_char(&b, 'x');
    CHECK(b.failed);
    CHECK_EQ(b.len, 300);
    buf_consume(&b, 10);
    buf_add_char(&b, 'x'); /* no hole in the middle: once failed, all later appends are lost */
    CHECK_EQ(b.len, 290);
    buf_reset(&b);
    buf_printf(&b, "%0301d", 1);
    CHECK(b.failed);
    CHECK_STR(b.data, "");
    CHECK(!buf_reserve(&b, 1));
    buf_reset(&b);
    CHECK(!buf_reserve(&b, SIZE_MAX));
    buf_done(&b);
    CHECK_EQ(b.max_bytes, 300);
}

TEST(str_buf_survives_no_memory)
{
    bool hit = true;

    for (int nth = 1; hit; nth++) {
        struct buf b = {0};
        fault_arm(FAULT_ALLOC, nth);
        for (int i = 0; i < 100; i++) {
            buf_add_json(&b, SLICE("a\nb"));
            buf_printf(&b, "%050d", i);
        }
        hit = fault_disarm();
        CHECK_EQ(b.failed, hit);
        if (!hit)
            CHECK_EQ(b.len, 100 * 56);
        buf_done(&b);
    }
}

TEST(str_json_escapes)
{
    static const struct {
        struct slice text;
        const char *want;
    } rows[] = {
        {{NULL, 0}, "\"\""},
        {{"", 0}, "\"\""},
        {{"abc/", 4}, "\"abc/\""},
        {{"a\"b\\c", 5}, "\"a\\\"b\\\\c\""},
        {{"\b\t\n\f\r", 5}, "\"\\b\\t\\n\\f\\r\""},
        {{"\0\x01\x1f\x7f", 4}, "\"\\u0000\\u0001\\u001f\x7f\""},
        {{"\xe2\x80\xa8 \xf0\x9f\x98\x80", 8}, "\"\xe2\x80\xa8 \xf0\x9f\x98\x80\""},
    };
    for (size_t i = 0; i < LEN(rows); i++) {
        struct buf b = {0};
        buf_add_json(&b, rows[i].text);
        CHECK_STR(b.data, rows[i].want);
        buf_done(&b);
    }
}

TEST(str_json_agrees_with_the_rule)
{
    rand_seed(11);
    for (int round = 0; round < 20000; round++) {
        char text[48], want[6 * sizeof text + 3];
        size_t len = rand_u64() % sizeof text, at = 0;
        unsigned spread = rand_u64() % 2 ? 256 : 4;
        want[at++] = '"';
        for (size_t i = 0; i < len; i++) {
            static const char edges[] = {'!', ' ', 'a', 0x7f, '"', '\\', 0x1f, '\0'};
            text[i] = spread == 256 ? (char)rand_u64() : edges[rand_u64() % (rand_u64() % 8 + 1)];
            unsigned char c = (unsigned char)text[i];
            const char *named = c ? strchr("\bb\tt\nn\ff\rr", c) : NULL;
            if (c == '"' || c == '\\')
                at += (size_t)sprintf(want + at, "\\%c", c);
            else if (c < 0x20 && named)
                at += (size_t)sprintf(want + at, "\\%c", named[1]);
            else if (c < 0x20)
                at += (size_t)sprintf(want + at, "\\u%04x", c);
            else
                want[at++] = (char)c;
        }
        want[at++] = '"';
        struct buf b = {0};
        buf_add_json(&b, (struct slice){text, len});
        CHECK_EQ(b.len, at);
        CHECK_EQ(memcmp(b.data, want, at), 0);
        buf_done(&b);
    }
    rand_real();
}
