#include "base/tap.h"
#include "net/sse.h"

struct seen {
    struct buf text; /* "event|data;" of each */
    struct sse *sse;
    int stop_after;
};

static void on_event(void *owner, struct slice event, struct slice data)
{
    struct seen *seen = owner;

    buf_add_str(&seen->text, event);
    buf_add_char(&seen->text, '|');
    buf_add_str(&seen->text, data);
    buf_add_char(&seen->text, ';');
    if (seen->stop_after > 0 && --seen->stop_after == 0)
        sse_stop(seen->sse);
}

/* Feeds in pieces of `step` bytes. */
static void check_feed(struct slice in, size_t step, const char *want)
{
    struct seen seen = {0};
    struct sse sse;

    sse_init(&sse, 1 << 10, on_event, &seen);
    for (size_t at = 0; at < in.len; at += step) {
        struct slice piece = {in.p + at, in.len - at < step ? in.len - at : step};

        CHECK_EQ(sse_feed(&sse, piece, NULL), NIGH_OK);
    }
    CHECK_STR(seen.text.data ? seen.text.data : "", want);
    sse_done(&sse);
    buf_done(&seen.text);
}

TEST(sse_reads_what_the_standard_says)
{
    static const struct {
        struct slice in;
        const char *want;
    } rows[] = {
        {SLICE("data: a\n\n"), "|a;"},
        {SLICE("data:a\r\n\r\ndata:b\r\rdata:c\n\n"), "|a;|b;|c;"},
        {SLICE("data: a\ndata: b\n\n"), "|a\nb;"},
        {SLICE("data: a\r\ndata: b\r\n\r\n"), "|a\nb;"},
        {SLICE("event: x\ndata: a\n\ndata: b\n\n"), "x|a;|b;"},
        {SLICE("event: x\nevent: y\ndata: a\n\n"), "y|a;"},
        {SLICE(": comment\n\ndata: a\n\n"), "|a;"},
        {SLICE("\xEF\xBB\xBF"
               "data: a\n\n"),
         "|a;"},
        {SLICE("data: a\n\n\xEF\xBB\xBF"
               "data: b\n\ndata: c\n\n"),
         "|a;|c;"},
        {SLICE("event: x\n\ndata: a\n\n"), "|a;"}, /* without data there is no event */
        {SLICE("data\n\n"), "|;"},
        {SLICE("data:\n\n"), "|;"},
        {SLICE("data\ndata\n\n"), "|\n;"},
        {SLICE("data:  a\n\n"), "| a;"}, /* one space is eaten */
        {SLICE("id: 1\nretry: 5\ndata: a\nunknown: b\n\n"), "|a;"},
        {SLICE("data: a: b\n\n"), "|a: b;"},
        {SLICE("dataa: x\nDATA: y\n data: z\n\n"), ""},
        {SLICE("data: unfinished\n"), ""}, /* never told as an event */
        {SLICE("data: unfinished"), ""},
        {SLICE("\n\n\n\ndata: a\n\n\n\n"), "|a;"},
        {SLICE("\r\n\r\ndata: a\r\n\r\n"), "|a;"},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        for (size_t step = 1; step <= rows[i].in.len; step++) /* cut anywhere */
            check_feed(rows[i].in, step, rows[i].want);
}

TEST(sse_refuses_too_big)
{
    static const char *const rows[] = {
        "data: 0123456789abcdef\n\n",         /* 16 bytes of data over 15 */
        "data: 01234567\ndata: 01234567\n\n", /* joined: 17 */
        "0123456789abcdef0123456789abcdef",   /* a line without end */
        "event: 0123456789abcdef\ndata: a\n\n",
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        for (size_t step = 1; step <= strlen(rows[i]); step++) {
            struct seen seen = {0};
            struct sse sse;
            enum nigh_status status = NIGH_OK;
            struct nigh_err err = {0};

            sse_init(&sse, 15, on_event, &seen);
            for (size_t at = 0; at < strlen(rows[i]); at += step) {
                size_t n = strlen(rows[i]) - at;
                enum nigh_status now =
                    sse_feed(&sse, (struct slice){rows[i] + at, n < step ? n : step}, &err);

                CHECK(status == NIGH_OK || now != NIGH_OK); /* stays failed */
                status = now;
            }
            CHECK_EQ(status, NIGH_TOOBIG);
            CHECK(!seen.text.data); /* never truncated */
            sse_done(&sse);
        }
}

TEST(sse_takes_what_just_fits)
{
    struct seen seen = {0};
    struct sse sse;

    sse_init(&sse, 21, on_event, &seen); /* the line "data: 0123456789abcde" */
    CHECK_EQ(sse_feed(&sse, SLICE("data: 012345"), NULL), NIGH_OK);
    CHECK_EQ(sse_feed(&sse, SLICE("6789abcde\n\n"), NULL), NIGH_OK);
    CHECK_STR(seen.text.data, "|0123456789abcde;");
    sse_done(&sse);
    buf_done(&seen.text);
}

TEST(sse_stops)
{
    struct sse sse;
    struct seen seen = {.sse = &sse, .stop_after = 2};

    sse_init(&sse, 100, on_event, &seen);
    CHECK_EQ(sse_feed(&sse, SLICE("data: a\n\ndata: b\n\ndata: c\n\n"), NULL), NIGH_OK);
    CHECK_EQ(sse_feed(&sse, SLICE("data: d\n\n"), NULL), NIGH_OK);
    CHECK_STR(seen.text.data, "|a;|b;");
    sse_done(&sse);
    buf_done(&seen.text);
}
