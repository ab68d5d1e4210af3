/* answer: events gathered into the whole answer, for callers who did not ask for a stream, for
 * checks, and for what the conversation's history needs.
 *
 * Fed every event in order; grows up to a ceiling, past which answer_add fails (never cut).  Owned
 * by the walk.  Loop thread only. */
#pragma once
#include "turn/event.h"
#include "turn/turn.h"

enum { ANSWER_CALLS_MAX = 128, ANSWER_BYTES_MAX = 32 << 20 };

struct answer_call {
    struct buf id, name, arguments;
};
struct answer_choice {
    struct buf text, reasoning, refusal;
    struct buf logprobs, logprobs_refusal; /* the items of either list, comma-separated */
    struct answer_call *calls;
    size_t n_calls;
    bool finished;
    enum finish finish;
    struct buf finish_word; /* FINISH_OTHER */
};
struct answer {
    struct answer_choice *choices; /* by index */
    size_t n_choices;
    struct buf model;       /* upstream's name for what answered */
    struct buf fingerprint; /* system_fingerprint, if told */
    struct buf tier;        /* service_tier, if told */
    struct usage usage;
    bool ended; /* END was seen: whole */
    size_t bytes;
};
void answer_init(struct answer *answer);
void answer_done(struct answer *answer);
void answer_reset(struct answer *answer); /* for a restart on another place */
NIGH_MUST enum nigh_status answer_add(struct answer *answer, const struct event *event,
                                      struct nigh_err *err);
