#include "base/clock.h"
#include "base/fault.h"
#include "base/rand.h"
#include "base/tap.h"
#include "loop/timer.h"

static struct loop *make_loop(void)
{
    struct loop *loop;

    CHECK_EQ(loop_new(&loop, NULL), NIGH_OK);
    return loop;
}

struct bell {
    struct timer timer;
    struct loop *loop;
    int rung;
    uint64_t rung_us;
    uint64_t again_ms; /* arms itself anew; 0: not */
    struct bell *stops;
};

static void on_bell(struct timer *t)
{
    struct bell *bell = CONTAINER_OF(t, struct bell, timer);

    if (timer_armed(t))
        abort(); /* it runs disarmed */
    bell->rung++;
    bell->rung_us = clock_mono_us();
    if (bell->stops)
        timer_disarm(bell->loop, &bell->stops->timer);
    if (bell->again_ms && timer_arm(bell->loop, t, bell->again_ms - 1, on_bell, NULL) != NIGH_OK)
        abort();
}

static void arm(struct bell *bell, uint64_t ms)
{
    CHECK_EQ(timer_arm(bell->loop, &bell->timer, ms, on_bell, NULL), NIGH_OK);
}

TEST(timer_runs_when_due_and_not_before)
{
    clock_drive(1000, 0);
    struct loop *loop = make_loop();
    struct bell a = {.loop = loop}, b = {.loop = loop};

    arm(&a, 10);
    arm(&b, 20);
    clock_advance_us(9999);
    timer_run_due(loop);
    CHECK_EQ(a.rung, 0);
    clock_advance_us(1);
    timer_run_due(loop);
    CHECK_EQ(a.rung, 1);
    CHECK(!timer_armed(&a.timer) && timer_armed(&b.timer));
    arm(&b, 5);  /* sooner */
    arm(&b, 50); /* later */
    clock_advance_us(49999);
    timer_run_due(loop);
    CHECK_EQ(b.rung, 0);
    clock_advance_us(1);
    timer_run_due(loop);
    timer_run_due(loop);
    CHECK_EQ(b.rung, 1);
    CHECK_EQ(a.rung, 1);
    timer_disarm(loop, &a.timer); /* not armed: nothing */
    loop_free(loop);
    clock_real();
}

TEST(timer_callbacks_may_arm_and_disarm)
{
    clock_drive(0, 0);
    struct loop *loop = make_loop();
    struct bell victim = {.loop = loop}, killer = {.loop = loop, .stops = &victim},
                eager = {.loop = loop, .again_ms = 1};

    arm(&killer, 1);
    arm(&victim, 2);
    arm(&eager, 0);
    clock_advance_us(5000);
    timer_run_due(loop);
    CHECK_EQ(killer.rung, 1);
    CHECK_EQ(victim.rung, 0);
    CHECK(eager.rung >= 1 && eager.rung <= 3); /* not for ever, though always due */
    timer_disarm(loop, &eager.timer);
    loop_free(loop);
    clock_real();
}

TEST(timer_delay_saturates)
{
    struct loop *loop = make_loop();
    struct bell a = {.loop = loop}, b = {.loop = loop};

    arm(&a, UINT64_MAX);
    arm(&b, UINT64_MAX / 1000);
    loop_stop(loop);
    loop_run(loop);
    timer_run_due(loop);
    CHECK_EQ(a.rung + b.rung, 0);
    timer_disarm(loop, &a.timer);
    timer_disarm(loop, &b.timer);
    loop_free(loop);
}

TEST(timer_agrees_with_a_plain_list)
{
    enum { N = 300 };
    static struct bell bells[N];
    static uint64_t due_us[N]; /* 0: not armed */
    static int want[N];

    clock_drive(1, 0);
    rand_seed(7);
    struct loop *loop = make_loop();
    for (int i = 0; i < N; i++)
        bells[i] = (struct bell){.loop = loop};
    for (int step = 0; step < 20000; step++) {
        size_t i = rand_u64() % N;
        uint64_t ms = rand_u64() % 100;
        switch (rand_u64() % 4) {
        case 0:
        case 1:
            arm(&bells[i], ms);
            due_us[i] = clock_mono_us() + ms * 1000;
            break;
        case 2:
            timer_disarm(loop, &bells[i].timer);
            due_us[i] = 0;
            break;
        default:
            clock_advance_us(rand_u64() % 3000);
            timer_run_due(loop);
            for (int k = 0; k < N; k++)
                if (due_us[k] && due_us[k] <= clock_mono_us()) {
                    want[k]++;
                    due_us[k] = 0;
                }
        }
        CHECK_EQ(timer_armed(&bells[i].timer), due_us[i] != 0);
        CHECK_EQ(bells[i].rung, want[i]);
    }
    for (int i = 0; i < N; i++) {
        CHECK_EQ(bells[i].rung, want[i]);
        timer_disarm(loop, &bells[i].timer);
    }
    loop_free(loop);
    rand_real();
    clock_real();
}

static uint64_t last_due_us;
static struct loop *stop_loop;
static int left;

static void on_in_order(struct timer *t)
{
    if (t->due_us < last_due_us || clock_mono_us() < t->due_us)
        abort();
    last_due_us = t->due_us;
    if (--left == 0)
        loop_stop(stop_loop);
}

TEST(timer_rings_on_the_real_loop)
{
    enum { N = 500 };
    static struct timer timers[N];
    uint64_t began_us = clock_mono_us();

    stop_loop = make_loop();
    left = N;
    for (int i = 0; i < N; i++)
        CHECK_EQ(timer_arm(stop_loop, &timers[i], (uint64_t)(i * 37 % 50), on_in_order, NULL),
                 NIGH_OK);
    loop_run(stop_loop);
    CHECK_EQ(left, 0);
    CHECK(clock_mono_us() - began_us >= 49000);
    loop_free(stop_loop);
}

TEST(timer_disarmed_first_does_not_delay)
{
    struct timer first = {0}, second = {0};

    stop_loop = make_loop();
    left = 1;
    last_due_us = 0;
    CHECK_EQ(timer_arm(stop_loop, &second, 10, on_in_order, NULL), NIGH_OK);
    CHECK_EQ(timer_arm(stop_loop, &first, 1, on_in_order, NULL), NIGH_OK);
    timer_disarm(stop_loop, &first);
    loop_run(stop_loop);
    CHECK_EQ(left, 0);
    loop_free(stop_loop);
}

TEST(timer_survives_no_memory)
{
    enum { N = 200 };
    bool hit = true;

    for (int nth = 1; hit; nth++) {
        struct loop *loop = make_loop();
        struct timer timers[N] = {0};
        int failed = 0;
        fault_arm(FAULT_ALLOC, nth);
        for (int i = 0; i < N; i++)
            failed += timer_arm(loop, &timers[i], 1000, on_in_order, NULL) != NIGH_OK;
        hit = fault_disarm();
        CHECK_EQ(failed, hit);
        for (int i = 0; i < N; i++)
            timer_disarm(loop, &timers[i]);
        loop_free(loop);
    }
}

TEST(timer_has_a_ceiling)
{
    struct loop *loop = make_loop();
    struct timer *timers = calloc(TIMERS_MAX + 1, sizeof *timers);
    struct nigh_err err = {0};

    CHECK(timers);
    for (int i = 0; i < TIMERS_MAX; i++)
        CHECK_EQ(timer_arm(loop, &timers[i], 1000000 + (uint64_t)i % 1000, on_in_order, NULL),
                 NIGH_OK);
    CHECK_EQ(timer_arm(loop, &timers[TIMERS_MAX], 1, on_in_order, &err), NIGH_BUSY);
    CHECK_STR(err.what, "more than 1048576 timers");
    CHECK_EQ(timer_arm(loop, &timers[5], 1, on_in_order, NULL), NIGH_OK); /* moving is free */
    loop_free(loop);
    free(timers);
}
