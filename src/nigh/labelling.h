/* labelling: the step `label`: how far a turn and each of its parts may travel, and who said so.
 *
 * Sources, of which the narrowest wins: the config's default, the caller, the key and its rules,
 * the session, where data came from (an earlier answer, a tool with a zone), rules by text,
 * detection. Only a consent widens, and only what a rule or detection said.
 *
 * Detection runs where a public place (or tool) could get the turn at all.  A short turn is
 * searched at once; a long one on the scanning lane, with the walk parked: then the request
 * outlives the walk until the worker is done (labelling_busy).  What is to be masked is put into
 * r->mask; what may not reach a public place takes ZONE_PUBLIC out of the label.  A search that
 * fails or takes too long does the same: it never says clean.
 *
 * Loop thread only. */
#pragma once
#include "nigh/request.h"
#include "turn/search.h"

enum {
    /* Of all texts, searched on the loop: a millisecond of its time; where names are looked for. */
    LABELLING_HERE_BYTES = 32 << 10,
    LABELLING_HERE_NAMES_BYTES = 4 << 10,
    LABELLING_TEXT_BYTES = 32, /* each text costs as much as so many bytes more */
    LABELLING_LANE_MAX = 64,   /* long turns that wait for the worker; more are told 429 */
    LABELLING_RETRY_MS = 1000,
    LABELLING_SEGMENTS_MAX = 32,       /* that are told in the bill; all are labelled */
    LABELLING_MASKED_BYTES_MAX = 1024, /* a longer find is more than a value: it is kept */
    LABELLING_CONSENTS_MAX = 8,        /* of one turn that are counted */
};

enum walk_step step_label(struct walk *walk);
/* A worker still reads the turn: it must not be freed. */
bool labelling_busy(const struct request *r);
/* Which parts were narrowed by whom: JSON for the bill, or absent. */
struct slice labelling_segments(const struct request *r);
