#include "base/err.h"
#include "base/tap.h"
#include "turn/shed.h"

enum { SECOND_US = 1000000 };

static const uint64_t START_US = 1000 * (uint64_t)SECOND_US;

/* One slot, a turn takes a second, the one inside just began. */
static struct shed_view view(unsigned waiting)
{
    return (struct shed_view){.now_us = START_US,
                              .in = 1,
                              .in_max = 1,
                              .waiting = waiting,
                              .waiting_max = 16,
                              .oldest_us = START_US};
}

static struct shed measured(void)
{
    struct shed s = {0};

    shed_served(&s, 1000);
    return s;
}

TEST(shed_guesses_the_wait)
{
    static const struct {
        unsigned in, in_max, ahead;
        uint64_t been_ms, want_ms;
    } rows[] = {
        {1, 1, 0, 0, 1000}, {1, 1, 0, 400, 600}, {1, 1, 0, 5000, 0}, /* longer than usual: any
                                                                        moment */
        {1, 1, 3, 0, 4000}, {4, 4, 0, 900, 100}, {4, 4, 4, 900, 1100}, {3, 4, 0, 0, 0},
        {0, 4, 2, 0, 500},
    };
    struct shed s = measured(), none = {0};

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct shed_view v = {.now_us = START_US,
                              .in = rows[i].in,
                              .in_max = rows[i].in_max,
                              .oldest_us = rows[i].in ? START_US - rows[i].been_ms * 1000 : 0};
        CHECK_EQ(shed_wait_ms(&s, &v, rows[i].ahead), rows[i].want_ms);
        CHECK_EQ(shed_wait_ms(&none, &v, rows[i].ahead), 0);
    }
}

TEST(shed_says_when_to_come_again)
{
    struct shed s = measured(), quick = {0}, slow = {0};
    struct shed_view v = view(3);

    CHECK_EQ(shed_retry_ms(&s, &v), 5000); /* the one inside, three that wait, one more */
    shed_served(&quick, 1);
    CHECK_EQ(shed_retry_ms(&quick, &v), SHED_RETRY_MS_MIN);
    shed_served(&slow, 1e6);
    CHECK_EQ(shed_retry_ms(&slow, &v), SHED_RETRY_MS_MAX);
}

TEST(shed_lets_a_burst_wait)
{
    struct shed s = measured();

    for (unsigned n = 0; n < 16; n++) {
        struct shed_view v = view(n);
        CHECK(shed_may_wait(&s, &v, 0));
    }
    struct shed_view full = view(16);
    CHECK(!shed_may_wait(&s, &full, 0));
    CHECK(!s.over);
    /* It drains, a turn each second: nobody is sent away for it. */
    for (unsigned n = 16; n > 0; n--) {
        struct shed_view v = view(n - 1);
        v.now_us = v.oldest_us = START_US + (16 - n) * (uint64_t)SECOND_US / 4;
        CHECK(!shed_last(&s, &v));
    }
    CHECK(!s.over);
}

TEST(shed_refuses_who_would_be_late)
{
    struct shed s = measured();
    struct shed_view v = view(2);

    CHECK(shed_may_wait(&s, &v, 3500));
    CHECK(!shed_may_wait(&s, &v, 3000));
    CHECK(shed_may_wait(&(struct shed){0}, &v, 1)); /* nothing was measured: nothing is known */
}

/* Ten times what the place can do: the queue stands, and then only the next one waits. */
static struct shed overloaded(void)
{
    struct shed s = measured();

    for (int i = 0; i <= 40; i++) { /* four seconds, as many turns */
        struct shed_view v = view(9);
        v.now_us = START_US + (uint64_t)i * SECOND_US / 10;
        CHECK(!s.over);
        shed_look(&s, &v);
    }
    CHECK(s.over);
    return s;
}

TEST(shed_holds_down_a_queue_that_stands)
{
    struct shed s = overloaded();
    uint64_t now_us = START_US + 5 * (uint64_t)SECOND_US;
    struct shed_view v = view(9);

    v.now_us = v.oldest_us = now_us;
    CHECK(shed_last(&s, &v)); /* they go from the end */
    v.waiting = 1;
    CHECK(!shed_last(&s, &v)); /* this one has its turn within what one takes */
    CHECK(!shed_may_wait(&s, &v, 0));
    v.waiting = 0;
    CHECK(!shed_may_wait(&s, &v, 0)); /* the one inside has just begun */
    v.oldest_us = now_us - SECOND_US / 2;
    CHECK(shed_may_wait(&s, &v, 0)); /* and is half through */
}

TEST(shed_calms_down)
{
    struct shed s = overloaded();
    struct shed_view v = view(0);

    v.now_us = v.oldest_us = s.refused_us + SHED_CALM_MS * UINT64_C(1000);
    CHECK(!shed_may_wait(&s, &v, 0)); /* which counts */
    CHECK(s.over);
    v.now_us = v.oldest_us = s.refused_us + SHED_CALM_MS * UINT64_C(1000) + 1;
    CHECK(shed_may_wait(&s, &v, 0));
    CHECK(!s.over);
}
