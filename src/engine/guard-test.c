#include "engine/guard.h"

#include "base/tap.h"

static enum nigh_status guard_json(struct slice json, struct nigh_err *err)
{
    struct arena a;
    struct turn turn = {0};

    arena_init(&a, 64 << 20);
    CHECK_EQ(json_parse(&turn.raw, json, &a, NULL), NIGH_OK);
    enum nigh_status status = guard_turn(&turn, err);
    arena_done(&a);
    return status;
}

/* head, n times `open`, core, n times `close`, tail */
static enum nigh_status guard_nested(const char *head, const char *open, int n, const char *core,
                                     const char *close, const char *tail, struct nigh_err *err)
{
    struct buf b = {0};
    buf_add_cstr(&b, head);
    for (int i = 0; i < n; i++)
        buf_add_cstr(&b, open);
    buf_add_cstr(&b, core);
    for (int i = 0; i < n; i++)
        buf_add_cstr(&b, close);
    buf_add_cstr(&b, tail);
    enum nigh_status status = guard_json(buf_slice(&b), err);
    buf_done(&b);
    return status;
}

TEST(guard_counts_nesting)
{
    static const struct {
        const char *text;
        unsigned want;
    } rows[] = {{"", 0},      {"abc", 0},  {"(a)", 1},     {"([{x}])", 3},
                {")))((", 2}, {"()()", 1}, {"\"(\" (", 2}, {"((a) (b (c)))", 3}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        CHECK_EQ(guard_text_depth(slice_of(rows[i].text)), rows[i].want);
}

TEST(guard_refuses_deep_grammars_and_schemas)
{
    static const struct {
        const char *head, *open, *core, *close, *tail;
    } rows[] = {
        {"{\"grammar\":\"root ::= ", "(", "[a]", ")", "\"}"},
        {"{\"json_schema\":", "{\"items\":", "{}", "}", "}"},
        {"{\"response_format\":{\"type\":\"json_object\",\"schema\":", "{\"items\":", "{}", "}",
         "}}"},
        {"{\"json_schema\":{\"type\":\"string\",\"pattern\":\"", "(", "a", ")", "\"}}"},
        {"{\"json_schema\":{\"anyOf\":[{\"pattern\":\"", "(", "a", ")", "\"}]}}"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct nigh_err err = {0};
        CHECK_EQ(guard_nested(rows[i].head, rows[i].open, 20, rows[i].core, rows[i].close,
                              rows[i].tail, NULL),
                 NIGH_OK);
        CHECK_EQ(guard_nested(rows[i].head, rows[i].open, 100, rows[i].core, rows[i].close,
                              rows[i].tail, &err),
                 NIGH_INVALID);
        CHECK(strstr(err.what, "nested"));
    }
}

TEST(guard_refuses_long_and_odd_grammars)
{
    struct nigh_err err = {0};
    CHECK_EQ(guard_nested("{\"grammar\":\"", "a ::= b ", 9000, "", "", "\"}", &err), NIGH_INVALID);
    CHECK_EQ(guard_json(SLICE("{\"grammar\":[\"((((\"]}"), NULL), NIGH_INVALID);
    CHECK_EQ(guard_json(SLICE("{\"grammar\":null}"), NULL), NIGH_OK);
    CHECK_EQ(guard_json(SLICE("{\"messages\":[]}"), NULL), NIGH_OK);
}

/* head, n times item with its number, tail */
static enum nigh_status guard_many(const char *head, const char *item, int n, const char *tail)
{
    struct buf b = {0};
    buf_add_cstr(&b, head);
    for (int i = 0; i < n; i++) {
        if (i)
            buf_add_char(&b, ',');
        buf_printf(&b, "\"%d\"%s", i, item);
    }
    buf_add_cstr(&b, tail);
    enum nigh_status status = guard_json(buf_slice(&b), NULL);
    buf_done(&b);
    return status;
}

TEST(guard_refuses_what_takes_too_long)
{
    static const struct {
        const char *head, *item, *tail;
        int most;
    } rows[] = {
        {"{\"json_schema\":{\"enum\":[", "", "]}}", GUARD_ITEMS_MAX},
        {"{\"json_schema\":{\"properties\":{", ":{}", "}}}", GUARD_OPTIONAL_MAX},
        {"{\"json_schema\":{\"$defs\":{", ":{\"$ref\":\"#\"}", "}}}", GUARD_REFS_MAX},
        {"{\"json_schema\":{\"$defs\":{", ":{}", "}}}", GUARD_VALUES_MAX - 2},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        CHECK_EQ(guard_many(rows[i].head, rows[i].item, rows[i].most, rows[i].tail), NIGH_OK);
        CHECK_EQ(guard_many(rows[i].head, rows[i].item, rows[i].most + 1, rows[i].tail),
                 NIGH_INVALID);
    }
    CHECK_EQ(guard_nested("{\"json_schema\":{\"pattern\":\"", "a|", 4000, "", "", "\"}}", NULL),
             NIGH_OK);
    CHECK_EQ(guard_nested("{\"json_schema\":{\"pattern\":\"", "a|", 5000, "", "", "\"}}", NULL),
             NIGH_INVALID);
    /* Required ones cost nothing. */
    struct buf b = {0};
    buf_add_cstr(&b, "{\"json_schema\":{\"properties\":{\"x\":{}");
    for (int i = 0; i < 2000; i++)
        buf_printf(&b, ",\"%d\":{}", i);
    buf_add_cstr(&b, "},\"required\":[\"x\"");
    for (int i = 0; i < 2000; i++)
        buf_printf(&b, ",\"%d\"", i);
    buf_add_cstr(&b, "]}}");
    CHECK_EQ(guard_json(buf_slice(&b), NULL), NIGH_OK);
    buf_done(&b);
}

TEST(guard_looks_at_tools)
{
    struct arena a;
    struct tool tool = {0};
    struct turn turn = {.tools = &tool, .n_tools = 1};
    struct buf b = {0};

    arena_init(&a, 1 << 20);
    for (int i = 0; i < 70; i++)
        buf_add_cstr(&b, "{\"a\":");
    buf_add_cstr(&b, "1");
    for (int i = 0; i < 70; i++)
        buf_add_cstr(&b, "}");
    CHECK_EQ(json_parse(&tool.schema, buf_slice(&b), &a, NULL), NIGH_OK);
    CHECK_EQ(guard_turn(&turn, NULL), NIGH_INVALID);
    tool.schema = NULL;
    turn.raw = NULL;
    CHECK_EQ(guard_turn(&turn, NULL), NIGH_OK);
    buf_done(&b);
    arena_done(&a);
}

TEST(guard_lets_no_address_of_an_image_pass)
{
    /* What one host is called, and what is no host: only the image itself is taken. */
    static const char *const urls[] = {
        "http://169.254.169.254/latest/meta-data/",
        "http://[::ffff:169.254.169.254]/",
        "http://[fd00:ec2::254]/",
        "http://2852039166/",
        "http://0xa9fea9fe/",
        "http://0251.0376.0251.0376/",
        "http://0xa9.254.0251.0xfe/",
        "http://[2002:a9fe:a9fe::]/",
        "http://[fe80::1%25eth0]/",
        "http://[::]/",
        "http://0/",
        "http://127.1/",
        "http://localhost:6444/nigh/v1/status",
        "http://localhost./",
        "http://127.0.0.1.nip.io/",
        "https://user:pass@10.0.0.1/",
        "https://10.0.0.1\\@example.org/",
        "HTTP://EXAMPLE.ORG/a.png",
        " https://example.org/a.png",
        "//example.org/a.png",
        "file:///etc/passwd",
        "FILE:///etc/passwd",
        "ftp://example.org/",
        "gopher://127.0.0.1:70/",
        "unix:/run/docker.sock",
        "/etc/passwd",
        "../secret.png",
        " data:image/png;base64,AAAA",
        "DATA:image/png;base64,AAAA",
        "",
    };
    struct part part = {.kind = PART_IMAGE};
    struct message message = {.parts = &part, .n_parts = 1};
    struct turn turn = {.messages = &message, .n_messages = 1};

    for (size_t i = 0; i < ARRAY_LEN(urls); i++) {
        struct nigh_err err = {0};
        part.url = slice_of(urls[i]);
        CHECK_EQ(guard_turn(&turn, &err), NIGH_UNSUPPORTED);
        CHECK(strstr(err.what, "send the image itself"));
        CHECK(!urls[i][0] || !strstr(err.what, urls[i]));
    }
    part.url = SLICE("data:image/png;base64,AAAA");
    CHECK_EQ(guard_turn(&turn, NULL), NIGH_OK);
}
