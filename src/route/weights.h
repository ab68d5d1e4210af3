/* weights: the learnt part of difficulty: hashed words and letters, two logistic heads.
 *
 * One head says whether a weak model gets a question right, the other a strong one; the score is
 * how much the strong one would gain, in standard deviations over the questions it was fitted on, 0
 * at their mean.  The weights (data/router.bin, WEIGHTS_BUCKETS pairs of int8) are fitted by
 * bench/route-fit.c with the very functions below.  Pure, static data: any thread. */
#pragma once
#include "base/str.h"

enum { WEIGHTS_BUCKETS = 16384 };

#define WORD_HASH_START 2166136261u /* FNV-1a, 32 bits: draft-eastlake-fnv section 5 */
static inline uint32_t word_hash(uint32_t hash, unsigned char lower)
{
    return (hash ^ lower) * 16777619u;
}

/* Calls seen for each feature's hash (words, pairs of words, letters), and word for each word's own
 * hash; either may be NULL.  Returns how many features there were. */
size_t weights_features(struct slice text, void (*feature)(void *owner, uint32_t hash),
                        void (*word)(void *owner, uint32_t hash), void *owner);
/* The bucket of a feature. */
static inline uint32_t weights_bucket(uint32_t hash)
{
    return (hash * 2654435761u) >> 18; /* Knuth's multiplicative hash, the top 14 bits */
}

/* See above; word is called for each word, for the cues of traits.c. */
double weights_score(struct slice text, void (*word)(void *owner, uint32_t hash), void *owner);
