/* detect_own: what one detect holds, for detect.c (its life), detect_scan.c (one scan) and
 * detect_border.c. */
#pragma once
#include "label/checksum.h"
#include "label/detect_kind.h"
#include "label/detect_words.h"
#include "label/extend.h"
#include "label/hs.h"
#include "label/spans.h"
#include "label/tagger.h"
#include "label/unwrap.h"

/* A match of Hyperscan's, before its check. */
struct raw {
    uint32_t from, to;
    unsigned id;
};
struct raws {
    struct raw *all;
    size_t n, cap;
    bool failed; /* too many, or no memory */
};

struct detect {
    const struct hs *hs;
    hs_database_t *db[DB_COUNT];
    hs_scratch_t *scratch;
    const struct checksum *check[KIND_COUNT];
    extend_fn *grow[KIND_COUNT];
    struct detect_words *own; /* the user's; NULL: none */
    bool names;
    struct tagger *tagger;
    /* scratch of one scan */
    struct raws raws, words;
    struct raw *near; /* hits of near words, by end */
    size_t n_near, near_cap;
    struct fold fold, view;
    struct unwrap_runs runs;
    struct spans found; /* before overlaps are settled */
    uint64_t due_us;    /* 0: no budget */
};

/* Where texts are joined that the writer kept apart, chance neighbours meet: only what is sure of
 * itself counts there. */
enum { HIDDEN_LEAST = 78 };

/* detect_scan, with the tagger of names only if `names`. */
NIGH_MUST enum nigh_status detect_scan_as(struct detect *detect, struct slice text,
                                          uint64_t budget_us, bool names, struct spans *ret,
                                          struct nigh_err *err);
