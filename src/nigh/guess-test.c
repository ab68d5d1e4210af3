#include "base/clock.h"
#include "base/tap.h"
#include "nigh/guess.h"

static struct address address(unsigned n)
{
    struct address a = {0};

    memcpy(a.net, &n, sizeof n);
    return a;
}

TEST(one_address_is_stopped_and_the_next_is_not)
{
    struct guesses g = {0};
    struct address a = address(1), b = address(2);
    uint64_t wait = 0;

    clock_drive(1000000, 1000000);
    for (int i = 0; i < GUESSES_MAX; i++) {
        CHECK(guesses_left(&g, &a, &wait));
        CHECK(guesses_add(&g, &a, &wait));
    }
    CHECK(!guesses_left(&g, &a, &wait));
    CHECK(!guesses_add(&g, &a, &wait));
    CHECK_EQ(wait, GUESSES_US / GUESSES_MAX / 1000);
    CHECK(guesses_left(&g, &b, &wait) && guesses_add(&g, &b, &wait));
    clock_advance_us(GUESSES_US / GUESSES_MAX);
    CHECK(guesses_left(&g, &a, &wait));
    clock_real();
}

TEST(the_table_never_grows)
{
    struct guesses g = {0};
    uint64_t wait;

    clock_drive(1000000, 1000000);
    for (unsigned i = 0; i < 3 * GUESSERS_MAX; i++) {
        struct address a = address(i);
        CHECK(guesses_add(&g, &a, &wait));
        clock_advance_us(10);
    }
    CHECK_EQ(g.n, GUESSERS_MAX);
    clock_real();
}
