#include "base/clock.h"
#include "base/tap.h"
#include "turn/place.h"

TEST(every_word_has_a_text)
{
    CHECK_STR(place_kind_text(PLACE_SKILL), "skill");
    CHECK_STR(place_kind_text(PLACE_CLOUD), "cloud");
    CHECK_STR(place_can_text(CAN_BIT_TOOLS), "tools");
    CHECK_STR(place_can_text(CAN_BIT_CHOICES), "choices");
    CHECK_STR(place_can_text(77), "unknown");
    CHECK_EQ(CAN_ALL, CAN_TOOLS | CAN_IMAGES | CAN_AUDIO | CAN_FILES | CAN_JSON | CAN_SCHEMA |
                          CAN_LOGPROBS | CAN_CHOICES);
}

TEST(learning_folds_and_forgets)
{
    struct place p = {0};

    place_learn(&p, true, 100, 10);
    CHECK_EQ(p.stats.first_ms, 100);
    place_learn(&p, true, 200, 0); /* no second token: that mean stays */
    CHECK_EQ(p.stats.first_ms, 120);
    CHECK_EQ(p.stats.ms_per_token, 10);
    for (int i = 0; i < 100; i++)
        place_learn(&p, true, 50, 5);
    CHECK(p.stats.first_ms < 50.001 && p.stats.ms_per_token < 5.001);
    CHECK_EQ(p.stats.runs, 102);
    CHECK_EQ(p.stats.failures, 0);
}

TEST(a_failure_leaves_the_times)
{
    struct place p = {0};

    clock_drive(1234, 0);
    place_learn(&p, true, 100, 10);
    place_learn(&p, false, 9999, 9999);
    clock_real();
    CHECK_EQ(p.stats.first_ms, 100);
    CHECK_EQ(p.stats.runs, 2);
    CHECK_EQ(p.stats.failures, 1);
    CHECK_EQ(p.stats.last_failure_us, 1234);
}
