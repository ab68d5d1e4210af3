/* answer: events gathered into the whole answer, for callers who did not ask for a stream, for
 * checks, and for what the conversation's history needs.
 *
 * Fed every event in order; grows up to a ceiling, past which answer_add fails (never cut).  Owned
 * by the walk.  Loop thread only. */
#pragma once
#include "turn/event.h"
#include "turn/turn.h"

enum {
    ANSWER_CALLS_MAX = 128,
    ANSWER_PARTS_MAX = 4096, /* of a choice; hundreds are the most that was seen (interleaved thinking) */
    ANSWER_BYTES_MAX = 32 << 20,
    ANSWER_DATA_MAX = 2 * ANSWER_BYTES_MAX, /* 2,048 vectors of 1,536 numbers are 40 MB of JSON */
    ANSWER_CHOICES_MAX = 128, /* n of a chat, prompts times n of a completion (api/verbs.h) */
};

/* Pieces of one kind that follow one another are one part; a call gathers its pieces wherever they
 * come; a signature closes its reasoning. */
struct answer_part {
    enum part_kind kind;  /* PART_TEXT, _REASONING, _REDACTED, _REFUSAL, _CALL */
    unsigned call;        /* PART_CALL: its number */
    struct buf text;      /* PART_CALL: the arguments' JSON */
    struct buf id, name;  /* PART_CALL; id: PART_REASONING too, if its API has it */
    struct buf signature; /* PART_REASONING */
};
struct answer_choice {
    struct answer_part *parts; /* in the order in which they began */
    size_t n_parts, n_calls;
    struct buf logprobs, logprobs_refusal; /* the items of either list, comma-separated */
    bool finished;
    enum finish finish;
    struct buf finish_word; /* FINISH_OTHER; of FINISH_STOP the stop sequence, if told */
};
struct answer {
    struct answer_choice *choices; /* by index */
    size_t n_choices;
    struct buf model;       /* upstream's name for what answered */
    struct buf fingerprint; /* system_fingerprint, if told */
    struct buf tier;        /* service_tier, if told */
    struct buf data;        /* EVENT_DATA, as JSON */
    struct buf timings;     /* the last EVENT_NOTE of that name, as JSON; not among the bytes */
    struct usage usage;
    bool ended; /* END was seen: whole */
    size_t bytes;
};
void answer_init(struct answer *answer);
void answer_done(struct answer *answer);
void answer_reset(struct answer *answer); /* for a restart on another place */
/* All parts of a kind as one text: theirs where there is one, else joined in scratch (reset first);
 * absent: no such part. */
struct slice answer_text(const struct answer_choice *choice, enum part_kind kind,
                         struct buf *scratch);
size_t answer_choice_bytes(const struct answer_choice *choice); /* text and arguments of all parts */
NIGH_MUST enum nigh_status answer_add(struct answer *answer, const struct event *event,
                                      struct nigh_err *err);
