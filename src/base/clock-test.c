#include "base/clock.h"
#include "base/tap.h"

TEST(clock_is_driven)
{
    clock_drive(5, 1000);
    CHECK_EQ(clock_mono_us(), 5);
    clock_advance_us(7);
    CHECK_EQ(clock_mono_us(), 12);
    CHECK_EQ(clock_wall_us(), 1007);
    clock_real();
    CHECK(clock_wall_us() > 1700000000000000); /* after 2023 */
}

TEST(clock_goes_forward)
{
    uint64_t before = clock_mono_us();

    for (int i = 0; i < 1000; i++) {
        uint64_t now = clock_mono_us();
        CHECK(now >= before);
        before = now;
    }
}

TEST(clock_text_is_rfc3339)
{
    static const struct {
        uint64_t wall_us;
        const char *want;
    } rows[] = {
        {0, "1970-01-01T00:00:00.000Z"},
        {999, "1970-01-01T00:00:00.000Z"},
        {951782400000000, "2000-02-29T00:00:00.000Z"},
        {1795371652123456, "2026-11-22T18:20:52.123Z"},
        {253402300799999999, "9999-12-31T23:59:59.999Z"},
        {UINT64_MAX, "9999-12-31T23:59:59.999Z"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char text[CLOCK_TEXT_BYTES];
        clock_text(text, rows[i].wall_us);
        CHECK_STR(text, rows[i].want);
    }
}

TEST(clock_hastened_runs_that_many_times_as_fast)
{
    enum { RATE = 50 };
    uint64_t system_us = clock_mono_us(), wall_us = clock_wall_us();

    clock_hasten(RATE);
    CHECK(clock_mono_us() >= system_us * RATE);
    CHECK(clock_wall_us() >= wall_us);
    CHECK(clock_wall_us() < wall_us + 60 * UINT64_C(1000000) * RATE); /* it does not jump */
    CHECK_EQ(clock_system_us(100), 2);
    CHECK_EQ(clock_system_us(101), 3); /* never early */
    CHECK_EQ(clock_from_system_us(2), 100);
    CHECK_EQ(clock_from_system_us(UINT64_MAX / 2), UINT64_MAX);
    clock_hasten(1);
    CHECK(clock_mono_us() < (system_us + 3600 * UINT64_C(1000000)) * 2);
    CHECK_EQ(clock_system_us(101), 101);
}
