/* masking: private values of a turn on their way out, back, and on into tools.
 *
 * A body for a public place is cleared with placeholders in it (label/mask.h); the events of the
 * answer to it get the values again before anybody sees them, so that the conversation's history,
 * kept responses and every format have the user's words.  A call of a tool that works somewhere
 * else (the config's `tools`) is egress: one that the turn's label does not permit ends the turn,
 * and to a public tool values go as placeholders.  Token probabilities of a masked answer are left
 * out: they tell of the placeholders' letters.
 * In a link to a host that its user did not name nothing is put back, since who shows the answer
 * would fetch it; where the config wants it such links are rewritten too (label/defang.h).
 *
 * One per request; it is the run's that answers.  Loop thread only. */
#pragma once
#include "label/mask.h"
#include "turn/place.h"

struct request;
struct stream; /* of the answer: the text of a choice, its reasoning, the arguments of a call */
struct masking {
    struct stream *streams; /* in the order in which they began */
    size_t n, cap;
    struct buf out;      /* scratch: a piece of `at` */
    struct stream *at;   /* the one that is read now */
    size_t looked_bytes; /* of the turn, for hosts of links */
};
void masking_reset(struct masking *masking); /* before a run */
void masking_done(struct masking *masking);

/* The body for run->place, masked where it must be, and its clearance.  A body that cannot be
 * masked is an error like any other of that place: nothing is sent. */
NIGH_MUST enum nigh_status masking_clear(struct request *r, struct run *run,
                                         struct clearance **ret_pass, struct nigh_err *err);
/* An event of the run that answers; told on by request_tell (dispatch.h), in as many events as it
 * makes.  An error ends the answer: a call that is denied, a text that ends inside a placeholder.
 */
NIGH_MUST enum nigh_status masking_event(struct request *r, struct run *run,
                                         const struct event *event, struct nigh_err *err);
