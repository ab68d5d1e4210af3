/* hedge: a second place is asked when the first is slow to speak; the first to speak answers.
 *
 * An option of a place (place.hedge_ms, off by default), since it costs what the loser had begun.
 * The second is the next of the plan that is ready, and has a clearance and a ledger row of its
 * own.  It belongs to a request and is driven by dispatch.c.  Loop thread only.
 *
 * Invariants: 1. At most two runs of a turn go on at once, and only one is asked so in a turn.
 * 2. Of a run that has not spoken nothing reaches the caller or the walk's answer, so that the one
 * which spoke first is the only one that was heard.  3. The loser is cancelled before the winner's
 * first word goes on, and what it took is in the plan (plan.hedge) and in the bill. */
#pragma once
#include "route/decide.h"
#include "turn/answer.h"

struct request;

struct hedge {
    enum { HEDGE_OFF, HEDGE_ARMED, HEDGE_RACING, HEDGE_OVER } state;
    struct timer timer;
    struct run run;       /* the second one; when it wins, request.run points to it */
    struct answer answer; /* what it told before it spoke: model, usage so far */
    size_t candidate;
    uint64_t began_us; /* monotonic */
};

/* Before a run starts: if its place wants it, somebody else is asked in place.hedge_ms. */
void hedge_arm(struct request *r);
/* An event of either run.  True: it was taken, and must not be told. */
bool hedge_event(struct request *r, struct run *run, const struct event *event);
/* Either run ended.  True: the turn goes on without it. */
bool hedge_done(struct request *r, struct run *run, const struct outcome *outcome);
/* The turn needs no second place any more. */
void hedge_end(struct request *r);
/* What the loser took, into a bill that was settled for the winner. */
void hedge_bill(struct request *r);
