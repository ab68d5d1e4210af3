/* spans: finds gathered while a text is scanned, and what is told of them when they overlap. */
#pragma once
#include "label/detect.h"

/* Room for one more than n, by doubling; false: no memory. */
bool spans_room(void **all, size_t *cap, size_t n, size_t size);
/* NIGH_TOOBIG when there are so many that the text is sensitive as a whole. */
NIGH_MUST enum nigh_status spans_add(struct spans *found, struct span span, struct nigh_err *err);
/* The surer one first, then what stands openly, then the longer.  What overlaps one that was taken
 * gives way to it and keeps what is left, less blanks and punctuation at its ends: nothing that was
 * found stays uncovered, but for a hidden one that begins where another was taken.
 * *ret: by start, none overlap.  Orders found. */
NIGH_MUST enum nigh_status spans_settle(struct spans *ret, struct spans *found, struct slice text,
                                        struct nigh_err *err);
