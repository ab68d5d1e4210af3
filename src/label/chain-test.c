#include "base/err.h"
#include "base/tap.h"
#include "label/chain.h"

/* The nth entry of a chain, sealed into out. */
static void seal(struct chain *at, const char *rest, struct buf *out)
{
    struct chain next = *at;

    buf_reset(out);
    buf_printf(out, "{\"seq\":%llu%s", (unsigned long long)at->seq + 1, rest);
    chain_seal(at, out, &next);
    *at = next;
}

static bool follow(struct chain *at, const char *line, char why[static CHAIN_WHY_BYTES],
                   uint64_t *ret_bad)
{
    why[0] = '\0';
    *ret_bad = 0;
    return chain_follow(at, slice_of(line), ret_bad, why);
}

/* The hashes are from another implementation:
 * hashlib.blake2b(before + line.rpartition(b',"hash":')[0], digest_size=32). */
TEST(chain_hashes_as_docs_formats_says)
{
    static const char *const lines[] = {
        "{\"seq\":1,\"kind\":\"origin\",\"at\":1000,\"what\":\"chain "
        "00\",\"hash\":\"87e321f847067c4b2fe70fdc3d88f89db20b02af6c5c8c4310971bf78aae6801\"}",
        "{\"seq\":2,\"kind\":\"note\",\"at\":2000,\"what\":\"h\xc3\xa9\",\"hash\":"
        "\"99b143ba8437b0b31560b2e6f21ff6bd908d8f51c72994b8bef988d1d2943566\"}",
    };
    struct chain at = {0};
    struct buf line = {0};

    seal(&at, ",\"kind\":\"origin\",\"at\":1000,\"what\":\"chain 00\"", &line);
    CHECK_STR(line.data, lines[0]);
    seal(&at, ",\"kind\":\"note\",\"at\":2000,\"what\":\"h\xc3\xa9\"", &line);
    CHECK_STR(line.data, lines[1]);
    buf_done(&line);
}

TEST(chain_follows_what_was_sealed_and_nothing_else)
{
    enum { LINES = 3 };
    struct buf lines[LINES] = {0};
    struct chain at = {0}, seen = {0};
    char why[CHAIN_WHY_BYTES];
    uint64_t bad;

    for (int i = 0; i < LINES; i++)
        seal(&at,
             i == 1 ? ",\"kind\":\"note\",\"what\":\",\\\"hash\\\":\\\"\"" : ",\"kind\":\"note\"",
             &lines[i]);
    for (int i = 0; i < LINES; i++)
        CHECK(follow(&seen, lines[i].data, why, &bad));
    CHECK(chain_same(&at, &seen));

    /* Every byte matters, whichever bit of it. */
    for (size_t i = 0; i < lines[1].len; i++)
        for (int bit = 0; bit < 8; bit++) {
            struct chain from = {0};
            CHECK(follow(&from, lines[0].data, why, &bad));
            lines[1].data[i] ^= (char)(1 << bit);
            struct chain before = from;
            if (lines[1].data[i]) /* a NUL ends the C string: shorter, and tried below */
                CHECK(!follow(&from, lines[1].data, why, &bad));
            CHECK(chain_same(&from, &before)); /* does not move */
            lines[1].data[i] ^= (char)(1 << bit);
        }
    for (int i = 0; i < LINES; i++)
        buf_done(&lines[i]);
}

TEST(chain_names_the_record_that_is_wrong)
{
    struct buf line[4] = {0};
    struct chain at = {0}, from;
    char why[CHAIN_WHY_BYTES];
    uint64_t bad;

    for (int i = 0; i < 4; i++)
        seal(&at, ",\"kind\":\"note\"", &line[i]);
    from = (struct chain){0};
    CHECK(follow(&from, line[0].data, why, &bad));
    CHECK(!follow(&from, line[2].data, why, &bad)); /* 2 was taken out, or stands later */
    CHECK_EQ(bad, 2);
    CHECK_STR(why, "record 2 is missing: 3 stands in its place");
    line[1].data[12] = 'N'; /* kind: Note */
    CHECK(!follow(&from, line[1].data, why, &bad));
    CHECK_EQ(bad, 2);
    CHECK(!follow(&from, "{\"seq\":2}", why, &bad));
    CHECK_STR(why, "record 2 is no entry: it has not the shape of one");
    CHECK(!follow(&from, "", why, &bad));
    for (int i = 0; i < 4; i++)
        buf_done(&line[i]);
}

TEST(chain_lines_tell_number_and_kind)
{
    static const struct {
        const char *line;
        uint64_t seq;
        const char *kind; /* NULL: absent */
    } rows[] = {
        {"{\"seq\":17,\"kind\":\"note\",\"at\":1}", 17, "note"},
        {"{\"seq\":17}", 0, NULL},
        {"{\"seq\":-1,\"kind\":\"x\"}", 0, "x"},
        {"{\"kind\":\"note\",\"seq\":1}", 0, NULL},
        {"", 0, NULL},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CHECK_EQ(chain_seq(slice_of(rows[i].line)), rows[i].seq);
        struct slice kind = chain_kind(slice_of(rows[i].line));
        CHECK(rows[i].kind ? slice_is(kind, rows[i].kind) : !kind.p);
    }
}

TEST(chain_text_is_read_back)
{
    struct chain at = {.seq = 17}, got = {0};
    char text[CHAIN_TEXT_BYTES];
    static const char *const bad[] = {"", "17", "17:", ":", "x:00", "17:0"};

    memset(at.hash, 0xa5, sizeof at.hash);
    chain_text(text, &at);
    CHECK_EQ(strlen(text), 3 + CHAIN_HASH_CHARS);
    CHECK(chain_parse(&got, slice_of(text)) && chain_same(&got, &at));
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        CHECK(!chain_parse(&got, slice_of(bad[i])));
    text[5] = 'A'; /* capital letters are another spelling */
    CHECK(!chain_parse(&got, slice_of(text)));
}
