#include "base/bucket.h"
#include "base/tap.h"

TEST(a_burst_then_one_at_a_time)
{
    struct bucket b = {0};
    uint64_t now = 5000000, wait = 0;

    for (int i = 0; i < 10; i++)
        CHECK(bucket_take(&b, 10, 60000000, now, &wait));
    CHECK(!bucket_take(&b, 10, 60000000, now, &wait));
    CHECK_EQ(wait, 6000);
    CHECK(!bucket_take(&b, 10, 60000000, now + 5999999, &wait));
    CHECK_EQ(wait, 1);
    CHECK(bucket_take(&b, 10, 60000000, now + 6000000, &wait));
    CHECK(!bucket_take(&b, 10, 60000000, now + 6000000, &wait));
    CHECK(bucket_take(&b, 10, 60000000, now + 600000000, &wait));
}

TEST(in_the_long_run_as_many_as_were_said)
{
    struct bucket b = {0};
    unsigned taken = 0;
    uint64_t wait;

    for (uint64_t now = 1; now < 3600000000u; now += 100000) /* an hour, ten tries a second */
        taken += bucket_take(&b, 30, 60000000, now, &wait);
    CHECK(taken >= 1800 && taken <= 1830);
}

TEST(to_ask_takes_nothing)
{
    struct bucket b = {0};
    uint64_t wait;

    for (int i = 0; i < 5; i++)
        CHECK(bucket_fits(&b, 1, 1000000, 7, &wait));
    CHECK(bucket_take(&b, 1, 1000000, 7, &wait));
    CHECK(!bucket_fits(&b, 1, 1000000, 8, &wait));
    CHECK_EQ(wait, 1000);
}
