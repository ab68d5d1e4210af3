#include "cloud/retry.h"

#include "base/rand.h"
#include "base/tap.h"

TEST(retry_table)
{
    enum { ALONE = 0, OTHER = 1 };
    static const struct {
        const char *name;
        enum fate fate;
        enum nigh_status status;
        int http;
        unsigned tries;
        uint64_t retry_after_ms, left_ms;
        bool other, shown;
        enum retry want;
        uint64_t delay_least_ms;
    } rows[] = {
        {"whole", FATE_WHOLE, NIGH_OK, 200, 1, 0, 0, OTHER, false, RETRY_STOP, 0},
        {"the caller left", FATE_CANCELLED, NIGH_CANCELLED, 0, 1, 0, 0, OTHER, false, RETRY_STOP,
         0},
        {"a content filter is not routed around", FATE_CALLER, NIGH_INVALID, 400, 1, 0, 0, OTHER,
         false, RETRY_STOP, 0},
        {"too long for this one", FATE_ELSEWHERE, NIGH_TOOBIG, 400, 1, 0, 0, OTHER, false,
         RETRY_NEXT, 0},
        {"too long, nowhere else", FATE_ELSEWHERE, NIGH_TOOBIG, 400, 1, 0, 0, ALONE, false,
         RETRY_STOP, 0},
        {"one 429 waits as told", FATE_RETRY, NIGH_BUSY, 429, 1, 2000, 0, ALONE, false, RETRY_AGAIN,
         2000},
        {"a long 429, somewhere else", FATE_RETRY, NIGH_BUSY, 429, 1, 2000, 0, OTHER, false,
         RETRY_NEXT, 0},
        {"a very long 429", FATE_RETRY, NIGH_BUSY, 429, 1, 31000, 0, ALONE, false, RETRY_STOP, 0},
        {"429 past the deadline", FATE_RETRY, NIGH_BUSY, 429, 1, 2000, 1500, ALONE, false,
         RETRY_STOP, 0},
        {"endless 429", FATE_RETRY, NIGH_BUSY, 429, 6, 0, 0, ALONE, false, RETRY_STOP, 0},
        {"one 500", FATE_RETRY, NIGH_UPSTREAM, 500, 1, 0, 0, OTHER, false, RETRY_AGAIN, 20},
        {"a second 500", FATE_RETRY, NIGH_UPSTREAM, 500, 2, 0, 0, OTHER, false, RETRY_NEXT, 0},
        {"a second 500, nowhere else", FATE_RETRY, NIGH_UPSTREAM, 500, 2, 0, 0, ALONE, false,
         RETRY_AGAIN, 20},
        {"endless 503", FATE_RETRY, NIGH_UPSTREAM, 503, 3, 0, 0, ALONE, false, RETRY_STOP, 0},
        {"503 with Retry-After", FATE_RETRY, NIGH_UPSTREAM, 503, 1, 1000, 0, ALONE, false,
         RETRY_AGAIN, 1000},
        {"a reset", FATE_RETRY, NIGH_OFFLINE, 0, 1, 0, 0, ALONE, false, RETRY_AGAIN, 20},
        {"silence is not asked again", FATE_RETRY, NIGH_TIMEOUT, 0, 1, 0, 0, ALONE, false,
         RETRY_STOP, 0},
        {"silence, somewhere else", FATE_ELSEWHERE, NIGH_TIMEOUT, 0, 1, 0, 0, OTHER, false,
         RETRY_NEXT, 0},
        {"the engine died", FATE_RETRY, NIGH_OFFLINE, 0, 1, 1000, 0, ALONE, false, RETRY_STOP, 0},
        {"the engine died, a cloud", FATE_RETRY, NIGH_OFFLINE, 0, 1, 1000, 0, OTHER, false,
         RETRY_NEXT, 0},
        {"the engine's queue is full", FATE_RETRY, NIGH_BUSY, 0, 1, 1000, 0, ALONE, false,
         RETRY_STOP, 0},
        {"the engine's queue is full, a cloud", FATE_RETRY, NIGH_BUSY, 0, 1, 1000, 0, OTHER, false,
         RETRY_NEXT, 0},
        {"cut, unseen", FATE_CUT, NIGH_UPSTREAM, 200, 1, 0, 0, OTHER, false, RETRY_AGAIN, 20},
        {"cut, seen", FATE_CUT, NIGH_UPSTREAM, 200, 1, 0, 0, OTHER, true, RETRY_STOP, 0},
        {"failed, seen", FATE_RETRY, NIGH_UPSTREAM, 500, 1, 0, 0, OTHER, true, RETRY_STOP, 0},
    };
    rand_seed(1);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct outcome o = {.fate = rows[i].fate,
                            .http_status = rows[i].http,
                            .retry_after_ms = rows[i].retry_after_ms,
                            .err = {.status = rows[i].status}};
        struct retry_state s = {.tries = rows[i].tries,
                                .left_ms = rows[i].left_ms,
                                .has_alternative = rows[i].other,
                                .shown = rows[i].shown};
        struct retry_verdict v = retry_decide(&o, &s);
        if (v.what != rows[i].want || v.delay_ms < rows[i].delay_least_ms)
            TAP_FAIL("%s: got %d after %" PRIu64 " ms (%s)", rows[i].name, (int)v.what, v.delay_ms,
                     v.why);
        CHECK(v.why && *v.why);
    }
}

/* Issue 3, faults 1 and 2, for many draws: never more than 4 tries in 3 s nor 6 in all, and none
 * before Retry-After is over. */
TEST(retry_of_an_endless_429_stays_in_bounds)
{
    for (uint64_t seed = 1; seed <= 1000; seed++) {
        uint64_t after_ms = seed % 2 ? 2000 : 0;
        unsigned tries = 1, within_3_s = 1;
        uint64_t now_ms = 0;

        rand_seed(seed);
        for (;;) {
            struct outcome o = {.fate = FATE_RETRY, .http_status = 429, .retry_after_ms = after_ms};
            struct retry_state s = {.tries = tries, .elapsed_ms = now_ms};
            o.err.status = NIGH_BUSY;
            struct retry_verdict v = retry_decide(&o, &s);
            if (v.what != RETRY_AGAIN)
                break;
            CHECK(v.delay_ms >= after_ms);
            now_ms += v.delay_ms;
            tries++;
            within_3_s += now_ms < 3000;
        }
        CHECK_EQ(tries, RETRY_TRIES_MAX);
        CHECK(within_3_s <= 4);
    }
}

TEST(retry_spreads_those_who_come_back)
{
    struct outcome o = {.fate = FATE_RETRY, .http_status = 429};
    struct retry_state s = {.tries = 3};
    uint64_t least = UINT64_MAX, most = 0;

    o.err.status = NIGH_BUSY;
    rand_seed(3);
    for (int i = 0; i < 200; i++) {
        uint64_t d = retry_decide(&o, &s).delay_ms;
        least = d < least ? d : least;
        most = d > most ? d : most;
    }
    CHECK(least < 100 && most > 900 && most <= 1000); /* all of 0..1000 ms */
}
