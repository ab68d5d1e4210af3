#include "base/tap.h"
#include "turn/pace.h"

static const uint64_t START_US = 1000000000;

TEST(pace_lets_a_burst_go)
{
    struct pace pace = {0};

    for (int i = 0; i < PACE_BURST; i++)
        CHECK_EQ(pace_ms(&pace, START_US), 0);
}

TEST(pace_spreads_what_comes_after_it)
{
    struct pace pace = {0};

    for (int i = 0; i <= PACE_BURST; i++) /* the one that would fall on now is at once, too */
        pace_ms(&pace, START_US);
    for (uint64_t i = 1; i < 50; i++)
        CHECK_EQ(pace_ms(&pace, START_US), i * PACE_EACH_US / 1000);
}

TEST(pace_keeps_nobody_longer_than_its_most)
{
    struct pace pace = {0};
    uint64_t ms = 0;

    for (int i = 0; i < 100000; i++)
        ms = pace_ms(&pace, START_US);
    CHECK_EQ(ms, PACE_MS_MAX);
    /* And the debt of that crowd is gone with it. */
    CHECK_EQ(pace_ms(&pace, START_US + PACE_MS_MAX * 1000 + PACE_EACH_US), 0);
}

TEST(pace_is_earned_back)
{
    struct pace pace = {0};

    for (int i = 0; i < 2 * PACE_BURST; i++)
        pace_ms(&pace, START_US);
    CHECK(pace_ms(&pace, START_US) > 0);
    uint64_t later_us = START_US + 3 * (uint64_t)PACE_BURST * PACE_EACH_US;
    for (int i = 0; i < PACE_BURST; i++)
        CHECK_EQ(pace_ms(&pace, later_us), 0);
}

/* Who asks again as soon as he has his answer, and fifty of his kind. */
TEST(pace_slows_a_closed_loop_to_its_rate)
{
    enum { ASKERS = 50, SECONDS = 10 };
    struct pace pace = {0};
    uint64_t free_us[ASKERS], end_us = START_US + SECONDS * 1000000ull;
    int refused = 0;

    for (int i = 0; i < ASKERS; i++)
        free_us[i] = START_US;
    for (;;) {
        int first = 0;
        for (int i = 1; i < ASKERS; i++)
            if (free_us[i] < free_us[first])
                first = i;
        if (free_us[first] >= end_us)
            break;
        free_us[first] += pace_ms(&pace, free_us[first]) * 1000;
        refused++;
    }
    int rate = 1000000 / PACE_EACH_US;
    CHECK(refused <= PACE_BURST + ASKERS + SECONDS * rate * 11 / 10);
    CHECK(refused >= SECONDS * rate);
}
