/* timer: deadlines by the thousand on one libuv timer.
 *
 * A timer is embedded in its owner, armed for a number of milliseconds from now (clock.h, so a test
 * can drive it) and may be disarmed or freed at any moment outside its own heap: no close callback.
 * An armed one must be disarmed before its memory goes.  A binary heap; arming and disarming are
 * O(log n).  Loop thread only. */
#pragma once
#include "loop/loop.h"
#include <stdint.h>

enum { TIMERS_MAX = 1 << 20 }; /* guess: far over what connections and turns may hold at once */

struct timer {
    uint64_t due_us; /* monotonic */
    size_t slot;     /* 1-based place in the heap; 0: not armed */
    void (*fn)(struct timer *);
};

/* Arms, or moves an armed one, which cannot fail.  fn runs once, disarmed, on the loop; never early
 * by clock_mono_us.  In fn the timer may be armed anew or freed. */
NIGH_MUST enum nigh_status timer_arm(struct loop *loop, struct timer *t, uint64_t delay_ms,
                                     void (*fn)(struct timer *), struct nigh_err *err);
void timer_disarm(struct loop *loop, struct timer *t); /* not armed: nothing */
static inline bool timer_armed(const struct timer *t)
{
    return t->slot != 0;
}
/* Runs what is due by clock_mono_us(); the loop calls it, tests that drive the clock may too. */
void timer_run_due(struct loop *loop);
