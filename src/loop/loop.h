/* loop: the one thread that owns every connection, turn and child.
 *
 * A thin layer over libuv: objects of other modules may use the uv_loop_t inside directly.  No
 * callback blocks; disk and scans go to work.h.  Loop thread only, except loop_wake(). */
#pragma once
#include "base/err.h"
#include <stdbool.h>
#include <uv.h>

struct loop;

NIGH_MUST enum nigh_status loop_new(struct loop **ret_loop, struct nigh_err *err);
/* Runs the laters that are armed, closes what is left open and runs its close callbacks.  The
 * modules' own objects are freed before: of a handle found open here only libuv's part is closed.
 * Not from inside a callback. */
struct loop *loop_free(struct loop *loop);
uv_loop_t *loop_uv(struct loop *loop);

/* Until loop_stop(), also when nothing is open; not from inside a callback.  A loop_stop that came
 * before counts. */
void loop_run(struct loop *loop);
/* One pass that waits for at most the next event; not from inside a callback. */
void loop_run_once(struct loop *loop);
void loop_stop(struct loop *loop);
void loop_wake(struct loop *loop); /* any thread: ends the wait of the current pass */

/* Something to do later in this pass of the loop, after the callback that is running now: the way
 * to free an object from inside its own callback.  Embed it; arming an armed one does nothing. They
 * run in the order of arming, each disarmed first, so it may free itself or arm itself anew: what
 * is armed by a later, or after the poll, runs before the next wait. */
struct later {
    void (*fn)(struct later *);
    struct later *next;
    bool armed;
};
void loop_later(struct loop *loop, struct later *later, void (*fn)(struct later *));
void loop_later_cancel(struct loop *loop, struct later *later); /* not armed: nothing */
