/* dispatch: carries a plan out: clear the bytes, run the place, and when it fails decide what now.
 *
 * Three of the walk's steps (steps.c has the others).  Every try at a place, retries included,
 * takes a fresh clearance and a hop.  A caller who has seen part of an answer is never shown
 * another one behind it: after the first visible byte a failure is told, not routed around.  Loop
 * thread only. */
#pragma once
#include "nigh/request.h"

enum walk_step step_clear(struct walk *walk);
enum walk_step step_run(struct walk *walk);
enum walk_step step_escalate(struct walk *walk);

/* dispatch.c: an event of the answer as the caller is to see it: gathered, and written in their
 * format. */
NIGH_MUST enum nigh_status request_tell(struct request *r, struct run *run,
                                        const struct event *event, struct nigh_err *err);
/* steps.c: the response headers for the place that runs now; the bill as it stands, for the
 * encoder. */
void request_headers(struct request *r);
void request_bill(struct request *r);
/* dispatch.c: what a run has sent and received since it was last counted, into the bill. */
void request_count(struct request *r, struct run *run);
