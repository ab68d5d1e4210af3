#include "base/clock.h"
#include "base/tap.h"
#include "turn/line.h"

enum { SEATS = 40 };

static struct loop *loop;
static struct line line;
static struct line_seat seats[SEATS];
static char came[SEATS + 1]; /* who was called, in order: letters in, digits out */

static void on_called(struct line_seat *seat, bool in)
{
    size_t n = strlen(came), i = (size_t)(seat - seats);

    CHECK(n < SEATS);
    came[n] = (char)(in ? 'a' + i : '0' + i);
}

static enum line_answer enter(size_t i, uint32_t who)
{
    return line_enter(&line, &seats[i], who, 0, on_called);
}

static void begin(unsigned in_max, unsigned waiting_max, uint64_t wait_ms)
{
    CHECK_EQ(loop_new(&loop, NULL), NIGH_OK);
    memset(seats, 0, sizeof seats);
    memset(came, 0, sizeof came);
    line_init(&line, loop, in_max, waiting_max, wait_ms);
}

static void end(void)
{
    for (size_t i = 0; i < SEATS; i++)
        line_leave(&seats[i], false);
    line_done(&line);
    loop = loop_free(loop);
}

TEST(line_holds_its_ceilings)
{
    begin(2, 3, 60000);
    for (size_t i = 0; i < 9; i++)
        CHECK_EQ(enter(i, 1), i < 2 ? LINE_IN : i < 5 ? LINE_WAITS : LINE_FULL);
    CHECK_EQ(line.in.n, 2);
    CHECK_EQ(line.waiting.n, 3);
    line_leave(&seats[8], false); /* never had one */
    CHECK_EQ(line.in.n, 2);
    end();
}

TEST(line_serves_in_order_of_arrival)
{
    begin(1, 8, 60000);
    for (size_t i = 0; i < 4; i++)
        (void)enter(i, 1);
    line_leave(&seats[2], false); /* left while it waited */
    CHECK_STR(came, "");
    for (size_t i = 0; i < 4; i++) {
        line_leave(&seats[i], true);
        if (i != 2) /* it had left: the loop would wait for a minute until a seat's clock rings */
            loop_run_once(loop);
    }
    CHECK_STR(came, "bd");
    CHECK_EQ(line.in.n + line.waiting.n, 0);
    end();
}

TEST(line_is_fair_between_callers)
{
    begin(2, 4, 60000);
    for (size_t i = 0; i < 6; i++) /* a greedy one takes everything */
        CHECK_EQ(enter(i, 1), i < 2 ? LINE_IN : LINE_WAITS);
    CHECK_EQ(enter(6, 1), LINE_FULL);
    CHECK_EQ(enter(7, 2), LINE_WAITS); /* one who has nothing here yet may wait still */
    CHECK_EQ(enter(8, 2), LINE_FULL);
    line_leave(&seats[0], true);
    loop_run_once(loop);
    CHECK_STR(came, "h"); /* and is next */
    line_leave(&seats[7], true);
    loop_run_once(loop);
    CHECK_STR(came, "hc");
    end();
}

TEST(line_that_is_closed_lets_nobody_in)
{
    begin(2, 8, 1);
    line_open(&line, false);
    CHECK_EQ(enter(0, 1), LINE_WAITS);
    CHECK_EQ(enter(1, 1), LINE_WAITS);
    uint64_t first_us = seats[0].clock.due_us;
    while (seats[0].clock.due_us == first_us)
        loop_run_once(loop); /* its clock struck, and was set anew */
    CHECK_STR(came, "");
    line_open(&line, true);
    loop_run_once(loop);
    CHECK_STR(came, "ab");
    end();
}

TEST(line_sends_away_who_waited_too_long)
{
    begin(1, 8, 1);
    CHECK_EQ(enter(0, 1), LINE_IN);
    CHECK_EQ(enter(1, 1), LINE_WAITS);
    while (!came[0])
        loop_run_once(loop); /* its clock wakes it */
    CHECK_STR(came, "1");
    CHECK_EQ(line.waiting.n, 0);
    CHECK_EQ(line.in.n, 1);
    end();
}

TEST(line_tells_callers_apart_by_name)
{
    CHECK(line_who("") != line_who("a"));
    CHECK(line_who("kids-tablet") != line_who("kids-table"));
    CHECK_EQ(line_who("a"), line_who("a"));
}
