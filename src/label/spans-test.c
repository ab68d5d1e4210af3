#include "base/tap.h"
#include "label/spans.h"

static const char text[] =
    "abcdefghij, klmnop (qrstuv) wxyz and more of the same, so that words pass";

static void settle(const struct span *all, size_t n, struct spans *ret)
{
    struct spans found = {0};

    for (size_t i = 0; i < n; i++)
        CHECK_EQ(spans_add(&found, all[i], NULL), NIGH_OK);
    CHECK_EQ(spans_settle(ret, &found, slice_of(text), NULL), NIGH_OK);
    spans_done(&found);
}

TEST(the_surer_is_whole_and_the_rest_of_the_other_stays)
{
    static const struct span all[] = {{2, 26, "LONG", DETECT_URL, 50, false},
                                      {12, 18, "SURE", DETECT_CARD, 99, false}};
    struct spans spans = {0};

    settle(all, ARRAY_LEN(all), &spans);
    CHECK_EQ(spans.n, 3);
    CHECK_EQ(spans.all[0].start, 2);
    CHECK_EQ(spans.all[0].end, 10); /* less the comma and the blank */
    CHECK_STR(spans.all[0].type, "LONG");
    CHECK_STR(spans.all[1].type, "SURE");
    CHECK_EQ(spans.all[1].start, 12);
    CHECK_EQ(spans.all[1].end, 18);
    CHECK_EQ(spans.all[2].start, 20);
    CHECK_EQ(spans.all[2].end, 26);
    spans_done(&spans);
}

TEST(what_is_left_of_punctuation_alone_is_nothing)
{
    static const struct span all[] = {{0, 12, "LONG", DETECT_URL, 50, false},
                                      {0, 10, "SURE", DETECT_CARD, 99, false}};
    struct spans spans = {0};

    settle(all, ARRAY_LEN(all), &spans);
    CHECK_EQ(spans.n, 1);
    spans_done(&spans);
}

/* A scan of any finds: none overlap, all are in order, and what is covered is what was covered but
 * for blanks and punctuation. */
TEST(any_overlaps_stay_covered)
{
    uint32_t seed = 1;

    for (int round = 0; round < 2000; round++) {
        struct span all[8];
        struct spans spans = {0};
        bool was[sizeof text] = {0}, is[sizeof text] = {0};
        for (size_t i = 0; i < ARRAY_LEN(all); i++) {
            seed = seed * 1664525 + 1013904223;
            size_t start = (seed >> 8) % 60, len = 1 + (seed >> 20) % 13;
            all[i] = (struct span){start, start + len, "X", DETECT_ID, 1 + (seed >> 4) % 99, false};
            memset(was + start, 1, len);
        }
        settle(all, ARRAY_LEN(all), &spans);
        for (size_t i = 0; i < spans.n; i++) {
            CHECK(spans.all[i].start < spans.all[i].end);
            CHECK(i == 0 || spans.all[i].start >= spans.all[i - 1].end);
            memset(is + spans.all[i].start, 1, spans.all[i].end - spans.all[i].start);
        }
        for (size_t at = 0; at + 1 < sizeof text; at++)
            CHECK(is[at] == was[at] || (was[at] && strchr(" ,()", text[at])));
        spans_done(&spans);
    }
}
