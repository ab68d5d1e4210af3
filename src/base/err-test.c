#include "base/err.h"
#include "base/str.h"
#include "base/tap.h"
#include <errno.h>

TEST(err_first_cause_wins)
{
    struct nigh_err err = {0};

    CHECK_EQ(nigh_fail(&err, NIGH_TIMEOUT, "no answer in %d ms", 5), NIGH_TIMEOUT);
    CHECK_EQ(nigh_fail(&err, NIGH_IO, "later"), NIGH_IO); /* the caller's own status is returned */
    CHECK_EQ(err.status, NIGH_TIMEOUT);
    CHECK_STR(err.what, "no answer in 5 ms");
    CHECK_EQ(err.line, 10);
    CHECK_EQ(nigh_fail(NULL, NIGH_BUSY, "nobody listens"), NIGH_BUSY);
}

TEST(err_tells_errno)
{
    struct nigh_err err = {0};

    errno = ENOENT;
    CHECK_EQ(nigh_fail(&err, NIGH_IO, "open x: %m"), NIGH_IO);
    CHECK_STR(err.what, "open x: No such file or directory");
}

TEST(err_cuts_between_characters)
{
    static const char *const chars[] = {"a", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80"};

    for (size_t i = 0; i < ARRAY_LEN(chars); i++)
        for (int lead = 0; lead < 4; lead++) {
            struct nigh_err err = {0};
            struct buf text = {0};
            for (int k = 0; k < lead; k++)
                buf_add_char(&text, 'x');
            while (text.len < 1000)
                buf_add_cstr(&text, chars[i]);
            (void)nigh_fail(&err, NIGH_INVALID, "%s", text.data);
            buf_done(&text);
            CHECK(strlen(err.what) > sizeof err.what - 5);
            CHECK(slice_utf8(slice_of(err.what)));
        }
}

TEST(err_table_is_whole)
{
    static const struct {
        const char *text;
        enum nigh_status status;
        int http;
    } rows[] = {
        {"ok", NIGH_OK, 200},
        {"denied", NIGH_DENIED, 403},
        {"input/output", NIGH_IO, 500},
        {"unknown", (enum nigh_status)(NIGH_IO + 1), 500},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CHECK_STR(nigh_status_text(rows[i].status), rows[i].text);
        CHECK_EQ(nigh_status_http(rows[i].status), rows[i].http);
    }
    for (int s = 0; s <= NIGH_IO; s++)
        CHECK(nigh_status_http((enum nigh_status)s) >= 200);
}

static void count_release(int **p)
{
    if (*p)
        ++**p;
}

static int *hand_on(int *count, bool keep)
{
    CLEANUP(count_release) int *p = count;

    return keep ? TAKE(p) : NULL;
}

TEST(err_take_hands_on)
{
    int released = 0;

    CHECK(hand_on(&released, true) == &released);
    CHECK_EQ(released, 0);
    CHECK(hand_on(&released, false) == NULL);
    CHECK_EQ(released, 1);
}
