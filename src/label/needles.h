/* needles: where in a text any of many strings stands, in one pass (Aho and Corasick 1975).
 *
 * What overlaps is found as one: no byte of a needle that stands in the text is left out of what is
 * found.  Built once, in an arena; then read only.  Work is linear in the text, whatever the
 * needles. One thread. */
#pragma once
#include "base/arena.h"
#include "base/err.h"

enum { NEEDLES_NODES_MAX = 4 << 20 }; /* about the bytes of all of them: 96 MB; more is refused */

struct needle {
    struct slice text; /* not empty; lives as long as the needles */
    /* It counts only where no letter or digit (of ASCII) stands before or behind it.  So Ann is not
     * found in Anna, and yet before a letter of another script, which may need no space. */
    bool word_begins, word_ends;
};

struct needles;
NIGH_MUST enum nigh_status needles_new(struct needles **ret, const struct needle *all, size_t n,
                                       struct arena *arena, struct nigh_err *err);

struct found {
    size_t start, end; /* of the text, half open */
    size_t needle;     /* the one found; of several that overlap the longest */
};
struct founds { /* zeroed but for its arena; filled again and again */
    struct arena *arena;
    struct found *all; /* by start; none overlap */
    size_t n, cap;
    bool failed; /* without memory: what is there is not all */
};
void needles_find(const struct needles *needles, struct slice text, struct founds *ret);
/* Adds one that begins in or behind the last, or joins it to those that it overlaps. */
void founds_add(struct founds *founds, const struct found *found);
/* A letter or a digit of ASCII. */
bool is_word_byte(char c);
