#include "engine/unload.h"

#include "base/tap.h"

TEST(unload_breaks_even)
{
    static const struct {
        uint64_t load_ms;
        double load_watts, resident_watts;
        uint64_t want_ms;
    } rows[] = {
        {20000, 80, 8, 200000},          /* 1600 J to load, 8 W to stay */
        {20000, 0, 0, 75000},            /* the defaults: 600 J, 8 W */
        {100, 30, 8, UNLOAD_LEAST_MS},   /* a tiny model: a person's pause decides */
        {60000, 300, 1, UNLOAD_MOST_MS}, /* dear to load, cheap to keep */
        {0, 0, 0, UNLOAD_LEAST_MS},      /* never measured */
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        CHECK_EQ(unload_after_ms(rows[i].load_ms, rows[i].load_watts, rows[i].resident_watts),
                 rows[i].want_ms);
}
