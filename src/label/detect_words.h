/* detect_words: the user's own words in a text, whole and in any case.
 *
 * Ten thousand patterns that are nothing but words take Hyperscan minutes to compile, and needles.h
 * milliseconds, so these are looked for beside it.  Case is folded for the scripts whose capitals
 * have as many bytes as their small letters: Latin (ASCII, Latin-1, Extended-A), Greek, Cyrillic.
 * One thread at a time. */
#pragma once
#include "label/detect.h"
#include "label/needles.h"

struct detect_words;
/* spec's words may go afterwards, but for their types. */
NIGH_MUST enum nigh_status detect_words_new(struct detect_words **ret,
                                            const struct detect_spec *spec, struct nigh_err *err);
struct detect_words *detect_words_free(struct detect_words *words);

/* A word that stands there; i-th of the spec's types. */
struct detect_word_hit {
    size_t start, end;
    const char *type;
};
/* text: folded (fold.h).  *ret: *ret_n of them, by start, until the next call.  Work is linear. */
NIGH_MUST enum nigh_status detect_words_find(struct detect_words *words, struct slice text,
                                             const struct detect_word_hit **ret, size_t *ret_n,
                                             struct nigh_err *err);
