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
struct loop *loop_free(struct loop *loop); /* closes what is left open, runs its close callbacks */
uv_loop_t *loop_uv(struct loop *loop);

void loop_run(struct loop *loop);      /* until loop_stop() */
void loop_run_once(struct loop *loop); /* one pass that waits for at most the next event */
void loop_stop(struct loop *loop);

/* Something to do later in this pass of the loop, after the callback that is running now: the way to
 * free an object from inside its own callback.  Embed it; arming an armed one does nothing. */
struct later {
    void (*fn)(struct later *);
    struct later *next;
    bool armed;
};
void loop_later(struct loop *loop, struct later *later, void (*fn)(struct later *));
void loop_later_cancel(struct loop *loop, struct later *later);
