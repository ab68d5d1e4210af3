/* Invariants: 1. heap[t->slot] == t for every armed timer, and slot is 0 for any other.  2. No
 * timer is due before its parent, heap[slot / 2].  3. While timers are armed, `clock` fires no
 * later than the earliest is due; it may fire early, after a timer was disarmed, and then just
 * looks again. */
#include "base/clock.h"
#include "base/fault.h"
#include "loop/inside.h"
#include <stdlib.h>

enum { HEAP_FIRST = 64 };

static void on_clock(uv_timer_t *clock)
{
    struct loop *loop = CONTAINER_OF(clock, struct loop, clock);

    loop->clock_due_us = UINT64_MAX;
    timer_run_due(loop);
}

void loop_timer_init(struct loop *loop)
{
    uv_timer_init(&loop->uv, &loop->clock);
    loop->clock_due_us = UINT64_MAX;
}

/* Sets `clock` to the earliest timer, unless it will fire by then anyway. */
static void clock_set(struct loop *loop)
{
    if (loop->timers == 0 || loop->heap[1]->due_us >= loop->clock_due_us)
        return;

    uint64_t due_us = loop->heap[1]->due_us, now_us = clock_mono_us();
    uint64_t wait_us = clock_system_us(due_us > now_us ? due_us - now_us : 0);
    loop->clock_due_us = due_us;
    uv_timer_start(&loop->clock, on_clock, wait_us / 1000 + (wait_us % 1000 != 0), 0);
}

static void heap_put(struct loop *loop, struct timer *t, size_t slot)
{
    loop->heap[slot] = t;
    t->slot = slot;
}

/* Puts t where it belongs, given that slot is free. */
static void heap_sift(struct loop *loop, struct timer *t, size_t slot)
{
    struct timer **heap = loop->heap;

    while (slot > 1 && t->due_us < heap[slot / 2]->due_us) {
        heap_put(loop, heap[slot / 2], slot);
        slot /= 2;
    }
    for (size_t child; (child = slot * 2) <= loop->timers; slot = child) {
        if (child < loop->timers && heap[child + 1]->due_us < heap[child]->due_us)
            child++;
        if (t->due_us <= heap[child]->due_us)
            break;
        heap_put(loop, heap[child], slot);
    }
    heap_put(loop, t, slot);
}

static enum nigh_status heap_make_room(struct loop *loop, struct nigh_err *err)
{
    if (loop->timers >= TIMERS_MAX)
        return nigh_fail(err, NIGH_BUSY, "more than %d timers", TIMERS_MAX);
    if (loop->timers + 1 < loop->heap_cap)
        return NIGH_OK;

    size_t cap = loop->heap_cap ? loop->heap_cap * 2 : HEAP_FIRST;
    struct timer **heap =
        fault_hit(FAULT_ALLOC) ? NULL : realloc(loop->heap, cap * sizeof(struct timer *));
    if (!heap)
        return nigh_fail(err, NIGH_NOMEM, "no memory for a timer");
    loop->heap = heap;
    loop->heap_cap = cap;
    return NIGH_OK;
}

enum nigh_status timer_arm(struct loop *loop, struct timer *t, uint64_t delay_ms,
                           void (*fn)(struct timer *), struct nigh_err *err)
{
    uint64_t due_us;
    size_t slot = t->slot;

    if (slot == 0) {
        enum nigh_status status = heap_make_room(loop, err);
        if (status != NIGH_OK)
            return status;
        slot = ++loop->timers;
    }
    if (__builtin_mul_overflow(delay_ms, 1000, &due_us) ||
        __builtin_add_overflow(due_us, clock_mono_us(), &due_us))
        due_us = UINT64_MAX - 1; /* longer than any machine runs */
    t->due_us = due_us;
    t->fn = fn;
    heap_sift(loop, t, slot);
    clock_set(loop);
    return NIGH_OK;
}

void timer_disarm(struct loop *loop, struct timer *t)
{
    size_t slot = t->slot;

    if (slot == 0)
        return;
    t->slot = 0;
    struct timer *last = loop->heap[loop->timers--];
    if (last != t)
        heap_sift(loop, last, slot);
}

void timer_run_due(struct loop *loop)
{
    uint64_t now_us = clock_mono_us();

    /* As many as were armed at the start: one that arms itself for now waits for the next pass. */
    for (size_t n = loop->timers; n > 0 && loop->timers > 0; n--) {
        struct timer *t = loop->heap[1];
        if (t->due_us > now_us)
            break;
        timer_disarm(loop, t);
        t->fn(t);
    }
    clock_set(loop);
}
