/* inside: what the files of this folder share about the loop; nobody else includes it. */
#pragma once
#include "loop/loop.h"
#include "loop/timer.h"

struct loop {
    uv_loop_t uv;
    uv_async_t wake; /* referenced: a loop without work waits, it does not end */
    bool stop;
    bool inside; /* of uv_run */

    /* Laters.  The idle handle runs only while some are armed, so that the poll does not wait. */
    struct later *later_head, **later_tail;
    size_t laters;
    uv_prepare_t prepare;
    uv_check_t check;
    uv_idle_t hurry;

    /* Timers: a binary heap, the earliest at slot 1. */
    struct timer **heap; /* slot 0 is not used */
    size_t timers, heap_cap;
    uv_timer_t clock;
    uint64_t clock_due_us; /* what `clock` waits for; UINT64_MAX: it does not run */

    size_t dying; /* freed children whose process or handles are not gone yet */
};

enum { LOOP_DYING_WAIT_MS = 5000 }; /* a killed child is gone in milliseconds unless a disk hangs */

void loop_timer_init(struct loop *loop);
