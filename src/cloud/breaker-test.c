#include "cloud/breaker.h"

#include "base/clock.h"
#include "base/rand.h"
#include "base/tap.h"

enum { SECOND_US = 1000000 };

static void fresh(struct breaker *b)
{
    clock_drive(1000 * (uint64_t)SECOND_US, 0);
    rand_seed(7);
    breaker_init(b);
}

static void fail(struct breaker *b)
{
    enum breaker_pass pass = breaker_allow(b);
    CHECK(pass != BREAKER_REFUSED);
    breaker_failed(b, pass);
}

TEST(breaker_opens_after_failures_in_a_row)
{
    struct breaker b;
    fresh(&b);
    for (int i = 0; i < BREAKER_RUN - 1; i++)
        fail(&b);
    breaker_ok(&b, breaker_allow(&b)); /* the row is broken */
    for (int i = 0; i < BREAKER_RUN; i++) {
        CHECK_EQ(b.state, BREAKER_CLOSED);
        fail(&b);
    }
    CHECK_EQ(b.state, BREAKER_OPEN);
    CHECK_EQ(breaker_allow(&b), BREAKER_REFUSED);
    CHECK(breaker_wait_ms(&b) >= BREAKER_OPEN_MS);
    CHECK(breaker_wait_ms(&b) <= BREAKER_OPEN_MS * 5 / 4 + 1);
}

TEST(breaker_opens_when_most_fail_within_the_window)
{
    struct breaker b;
    fresh(&b);
    for (int i = 0; i < 40 && b.state == BREAKER_CLOSED; i++) {
        enum breaker_pass pass = breaker_allow(&b);
        if (i % 3 == 0)
            breaker_ok(&b, pass);
        else
            breaker_failed(&b, pass);
        clock_advance_us(SECOND_US);
    }
    CHECK_EQ(b.state, BREAKER_OPEN);

    fresh(&b); /* the same, spread over so long that it says nothing about now */
    for (int i = 0; i < 40; i++) {
        enum breaker_pass pass = breaker_allow(&b);
        if (i % 3 == 0)
            breaker_ok(&b, pass);
        else
            breaker_failed(&b, pass);
        clock_advance_us(10 * SECOND_US);
    }
    CHECK_EQ(b.state, BREAKER_CLOSED);
}

TEST(breaker_sends_one_probe_and_closes_on_its_success)
{
    struct breaker b;
    fresh(&b);
    for (int i = 0; i < BREAKER_RUN; i++)
        fail(&b);
    clock_advance_us((breaker_wait_ms(&b) - 1) * 1000);
    CHECK(!breaker_ready(&b));
    clock_advance_us(1000);
    CHECK(breaker_ready(&b));
    CHECK_EQ(breaker_allow(&b), BREAKER_PROBE);
    CHECK_EQ(breaker_allow(&b), BREAKER_REFUSED); /* one at a time */
    CHECK_EQ(breaker_wait_ms(&b), 1000);
    breaker_ok(&b, BREAKER_ORDINARY); /* a straggler from before it opened */
    breaker_failed(&b, BREAKER_ORDINARY);
    breaker_forget(&b, BREAKER_ORDINARY);
    CHECK_EQ(b.state, BREAKER_HALF_OPEN);
    CHECK(!breaker_ready(&b));
    breaker_forget(&b, BREAKER_PROBE); /* the probe's caller left: the next one probes */
    CHECK_EQ(breaker_allow(&b), BREAKER_PROBE);
    breaker_ok(&b, BREAKER_PROBE);
    CHECK_EQ(b.state, BREAKER_CLOSED);
    CHECK_EQ(breaker_allow(&b), BREAKER_ORDINARY);
    CHECK_EQ(b.total_probes, 2);
}

TEST(breaker_doubles_up_to_its_ceiling)
{
    static const uint64_t want_ms[] = {5000, 10000, 20000, 20000, 20000};
    struct breaker b;
    fresh(&b);
    for (int i = 0; i < BREAKER_RUN; i++)
        fail(&b);
    for (size_t i = 0; i < sizeof want_ms / sizeof *want_ms; i++) {
        CHECK_EQ(b.state, BREAKER_OPEN);
        CHECK(breaker_wait_ms(&b) >= want_ms[i]);
        CHECK(breaker_wait_ms(&b) <= want_ms[i] * 5 / 4 + 1);
        clock_advance_us(breaker_wait_ms(&b) * 1000);
        fail(&b); /* the probe */
    }
}

/* Issue 3, fault 15: down for 60 s, 20 requests 4 s apart; back on it within 30 s of its return,
 * with few probes. */
TEST(breaker_is_back_within_thirty_seconds)
{
    for (uint64_t seed = 1; seed <= 200; seed++) {
        struct breaker b;
        fresh(&b);
        rand_seed(seed);
        int asked_while_down = 0, back_s = -1;
        for (int s = 0; s < 120 && back_s < 0; s += 4) {
            enum breaker_pass pass = breaker_allow(&b);
            if (pass != BREAKER_REFUSED && s < 60) {
                breaker_failed(&b, pass);
                asked_while_down++;
            } else if (pass != BREAKER_REFUSED) {
                breaker_ok(&b, pass);
                back_s = s;
            }
            clock_advance_us(4 * SECOND_US);
        }
        CHECK(back_s >= 60 && back_s < 90);
        CHECK(asked_while_down <= BREAKER_RUN + 4);
    }
}

TEST(breaker_says_its_state)
{
    CHECK_STR(breaker_state_text(BREAKER_CLOSED), "closed");
    CHECK_STR(breaker_state_text(BREAKER_OPEN), "open");
    CHECK_STR(breaker_state_text(BREAKER_HALF_OPEN), "half-open");
}
