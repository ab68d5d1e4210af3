#include "base/fault.h"
#include "base/tap.h"
#include "loop/loop.h"
#include <pthread.h>

static struct loop *make_loop(void)
{
    struct loop *loop;

    CHECK_EQ(loop_new(&loop, NULL), NIGH_OK);
    return loop;
}

struct note {
    struct later later;
    struct loop *loop;
    char name;
    int again; /* arms itself so many times more */
    struct note *other;
};
static char said[64];
static size_t said_len;

static void said_clear(void)
{
    said_len = 0;
    said[0] = '\0';
}

static void say(char c)
{
    said[said_len++] = c;
    said[said_len] = '\0';
}

static void on_note(struct later *later)
{
    struct note *note = CONTAINER_OF(later, struct note, later);

    say(note->name);
    if (note->again-- > 0)
        loop_later(note->loop, later, on_note);
}

TEST(loop_later_runs_in_order_once)
{
    struct loop *loop = make_loop();
    struct note a = {.loop = loop, .name = 'a'}, b = {.loop = loop, .name = 'b', .again = 1},
                c = {.loop = loop, .name = 'c'};

    said_clear();
    loop_later(loop, &a.later, on_note);
    loop_later(loop, &b.later, on_note);
    loop_later(loop, &a.later, on_note); /* already armed */
    loop_later(loop, &c.later, on_note);
    CHECK_STR(said, ""); /* never inside the call */
    loop_run_once(loop);
    CHECK_STR(said, "abcb");
    CHECK(!a.later.armed && !b.later.armed);
    loop_free(loop);
}

TEST(loop_later_is_cancelled)
{
    static const struct {
        const char *cancel, *want;
    } rows[] = {{"", "abc"}, {"a", "bc"}, {"b", "ac"}, {"c", "ab"}, {"ac", "b"}, {"abc", ""}};

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct loop *loop = make_loop();
        struct note notes[3] = {{.name = 'a'}, {.name = 'b'}, {.name = 'c'}}, d = {.name = 'd'};
        char want[8];
        said_clear();
        for (int k = 0; k < 3; k++)
            loop_later(loop, &notes[k].later, on_note);
        for (const char *p = rows[i].cancel; *p; p++)
            loop_later_cancel(loop, &notes[*p - 'a'].later);
        loop_later_cancel(loop, &d.later); /* never armed */
        loop_later(loop, &d.later, on_note);
        loop_run_once(loop);
        snprintf(want, sizeof want, "%sd", rows[i].want);
        CHECK_STR(said, want);
        loop_free(loop);
    }
}

static void on_cancel_other(struct later *later)
{
    struct note *note = CONTAINER_OF(later, struct note, later);

    say(note->name);
    loop_later_cancel(note->loop, &note->other->later);
}

TEST(loop_later_cancels_a_later)
{
    struct loop *loop = make_loop();
    struct note c = {.loop = loop, .name = 'c'}, b = {.loop = loop, .name = 'b'},
                a = {.loop = loop, .name = 'a', .other = &b};

    said_clear();
    loop_later(loop, &a.later, on_cancel_other);
    loop_later(loop, &b.later, on_note);
    loop_later(loop, &c.later, on_note);
    loop_run_once(loop);
    CHECK_STR(said, "ac");
    loop_free(loop);
}

static void on_free_self(struct later *later)
{
    say('f');
    free(CONTAINER_OF(later, struct note, later));
}

TEST(loop_later_frees_itself)
{
    struct loop *loop = make_loop();

    said_clear();
    for (int i = 0; i < 3; i++) {
        struct note *note = calloc(1, sizeof *note);
        CHECK(note);
        loop_later(loop, &note->later, on_free_self);
    }
    loop_run_once(loop);
    CHECK_STR(said, "fff");
    struct note *note = calloc(1, sizeof *note);
    CHECK(note);
    loop_later(loop, &note->later, on_free_self);
    loop_free(loop); /* runs it */
    CHECK_STR(said, "ffff");
}

static void on_stop(struct later *later)
{
    loop_stop(CONTAINER_OF(later, struct note, later)->loop);
}

static void on_timer_arms(uv_timer_t *timer)
{
    struct note *note = timer->data;

    loop_later(note->loop, &note->later, on_note);
}

TEST(loop_later_never_waits)
{
    struct loop *loop = make_loop();
    struct note a = {.loop = loop, .name = 'a'}, stop = {.loop = loop};
    uv_timer_t soon, far;

    said_clear();
    uv_timer_init(loop_uv(loop), &soon);
    uv_timer_init(loop_uv(loop), &far);
    soon.data = &a;
    far.data = &stop;
    uv_timer_start(&soon, on_timer_arms, 1, 0);
    uv_timer_start(&far, on_timer_arms, 60000, 0); /* the test would time out if it waited */
    a.again = 50;
    while (said_len < 51)
        loop_run_once(loop);
    loop_later(loop, &stop.later, on_stop);
    loop_run(loop);
    loop_free(loop); /* closes both timers */
}

static void *wake_soon(void *arg)
{
    loop_wake(arg);
    return NULL;
}

TEST(loop_waits_and_is_woken)
{
    struct loop *loop = make_loop();
    pthread_t thread;

    CHECK_EQ(pthread_create(&thread, NULL, wake_soon, loop), 0);
    loop_run_once(loop); /* nothing else is open: only the wake ends it */
    CHECK_EQ(pthread_join(thread, NULL), 0);
    loop_free(loop);
}

TEST(loop_stop_before_run_counts)
{
    struct loop *loop = make_loop();
    struct note stop = {.loop = loop};

    loop_stop(loop);
    loop_run(loop);
    loop_stop(loop);
    loop_run_once(loop); /* does not use the stop up */
    loop_run(loop);
    loop_later(loop, &stop.later, on_stop);
    loop_run(loop);
    loop_free(loop);
    CHECK(loop_free(NULL) == NULL);
}

TEST(loop_new_survives_faults)
{
    static const enum fault kinds[] = {FAULT_ALLOC, FAULT_OPEN};

    for (size_t k = 0; k < ARRAY_LEN(kinds); k++) {
        bool hit = true;
        for (int nth = 1; hit; nth++) {
            struct loop *loop = NULL;
            struct nigh_err err = {0};
            fault_arm(kinds[k], nth);
            enum nigh_status status = loop_new(&loop, &err);
            hit = fault_disarm();
            CHECK_EQ(status == NIGH_OK, !hit);
            CHECK_EQ(err.what[0] != '\0', hit);
            loop_free(loop);
        }
    }
}
