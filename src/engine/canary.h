/* canary: a conversation that says nothing, to see what a model's chat template makes of one.
 *
 * A template comes with the model and is a program: it can leave out what the system said, or add
 * what nobody said (THREATS.md row 15).  llama-server writes this conversation out by it
 * (/apply-template), and what comes back must hold every message, in order, and little more.  It
 * shows a template that does so always; one that waits for a certain word is not seen here.  Pure:
 * any thread. */
#pragma once
#include "base/err.h"
#include "base/str.h"

enum {
    CANARY_TURNS = 16,
    /* What a template may add.  The longest preamble that we know, gpt-oss's, has 700 bytes; what
     * stands around a message, at most 60. */
    CANARY_PREAMBLE_BYTES_MAX = 4 << 10,
    CANARY_AROUND_BYTES_MAX = 128,
    CANARY_ANSWER_BYTES_MAX = 1 << 20, /* of JSON; who asks takes no more */
};

void canary_body(struct buf *out); /* of POST /apply-template */
/* answer: the whole body of its 200.  NIGH_DENIED: what the template does wrong, to follow "its
 * chat template". */
NIGH_MUST enum nigh_status canary_judge(struct slice answer, struct nigh_err *err);
