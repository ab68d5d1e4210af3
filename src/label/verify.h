/* verify: is the ledger whole, and does it agree with what the kernel counted?
 *
 * Fed with its lines in order, from the database, the spool or an export alike, it follows the
 * chain (chain.h) and looks at what the entries say.  The first record that is wrong is named; at
 * one that does not follow on the chain nothing behind it can be told.  Anchors are places where
 * the chain is known to have stood: one that it does not come by is wrong, too.  No I/O; one
 * thread. */
#pragma once
#include "base/json.h"
#include "label/chain.h"
#include <sqlite3.h>

struct verdict {
    bool sound;                /* nothing was wrong */
    uint64_t bad;              /* the first record that is; or the first that is missing */
    char why[CHAIN_WHY_BYTES]; /* a sentence that names it; "" when sound */
    struct chain head;         /* as far as it is followed */
    uint64_t records, sends, denied;
    uint64_t open;       /* sends that were never closed: all of their bytes count as out */
    uint64_t gaps;       /* entries in which a start tells that the chain was not what it was */
    uint64_t uncounted;  /* closed sends of some bytes of which the kernel told nothing (HTTP/2) */
    uint64_t short_rows; /* closed sends of which the kernel counted fewer bytes than nigh */
};
void verdict_json(const struct verdict *verdict, struct buf *out);

enum { VERIFY_ANCHORS_MAX = 3 };
struct verify {
    struct verdict verdict;
    struct arena arena;
    bool broken; /* it does not follow any more */
    struct {
        struct chain at;
        const char *whose; /* "ledger.head" */
        bool met;
    } anchors[VERIFY_ANCHORS_MAX];
    size_t n_anchors;
};
void verify_init(struct verify *v);
void verify_done(struct verify *v);
/* Before the line that it is of, or before the end if that was the last.  whose: borrowed. */
void verify_anchor(struct verify *v, const struct chain *at, const char *whose);
bool verify_line(void *v, struct slice line); /* false: the rest is of no use */
void verify_cut(struct verify *v); /* the lines ended before whoever wrote them was done */
void verify_end(struct verify *v); /* after the last line; the verdict is complete then */
