/* detect_own: what one detect holds, for detect.c (its life), detect_find.c (matches),
 * detect_scan.c (what they are worth) and detect_border.c. */
#pragma once
#include "label/checksum.h"
#include "label/detect_kind.h"
#include "label/detect_words.h"
#include "label/extend.h"
#include "label/hs.h"
#include "label/names.h"
#include "label/spans.h"
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
    bool street[KIND_COUNT];  /* may be a part of a larger address */
    struct detect_words *own; /* the user's; NULL: none */
    struct names *names;      /* NULL: not looked for */
    /* scratch of one scan */
    struct raws raws;  /* matches, by where they begin; of one kind the longest first */
    struct raws words; /* triggers */
    struct raws near;  /* hits of words that stand near, by end */
    struct fold fold, view;
    struct unwrap_runs runs;
    struct spans found; /* before overlaps are settled */
    uint64_t due_us;    /* 0: no budget */
};

/* Where texts are joined that the writer kept apart, chance neighbours meet: only what is sure of
 * itself counts there. */
enum { HIDDEN_LEAST = 78 };

/* ---- detect_find.c: from a text to matches, before any check ---- */

/* Fills raws and near. */
NIGH_MUST enum nigh_status detect_find(struct detect *detect, struct slice text,
                                       struct nigh_err *err);
/* Is one of the words `near` about from..to?  (Hits tell only where they end.) */
bool detect_near(const struct detect *detect, int near, size_t from, size_t to);
/* The budget has passed; the two ways to say "sensitive as a whole". */
bool detect_late(const struct detect *detect);
enum nigh_status detect_over(struct nigh_err *err);
enum nigh_status detect_too_much(struct nigh_err *err);

/* ---- detect_scan.c ---- */

/* detect_scan, with the tagger of names only if `names`. */
NIGH_MUST enum nigh_status detect_scan_as(struct detect *detect, struct slice text,
                                          uint64_t budget_us, bool names, struct spans *ret,
                                          struct nigh_err *err);
