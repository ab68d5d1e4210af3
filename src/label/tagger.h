/* tagger: which words of running text are names of persons, places and organisations.
 *
 * An averaged perceptron (Collins 2002, "Discriminative training methods for hidden Markov models")
 * over hashed features of a word and its neighbours, greedy from left to right, told of the word
 * lists in data/names.tsv.  The weights, data/tagger.bin, are made by bench/tagger-fit from public
 * corpora and sentences of the project's own (data/README.md) and are part of the program.  What
 * becomes of the tags is names.h's.  Pure; any thread. */
#pragma once
#include "base/str.h"

enum tag {
    TAG_O,
    TAG_B_PERSON,
    TAG_I_PERSON,
    TAG_B_PLACE,
    TAG_I_PLACE,
    TAG_B_ORG,
    TAG_I_ORG,
    TAG_COUNT
};
bool tag_may_follow(enum tag tag, enum tag prev); /* I after its own B or I only */

/* The lists of data/names.tsv that a word, or a phrase that it is part of, is in. */
enum tagger_list {
    LIST_COUNTRY = 1,
    LIST_NATION = 2,
    LIST_CITY = 4,
    LIST_GIVEN = 8,
    LIST_ORG = 16, /* what an organisation's name ends or begins with */
    LIST_TITLE = 32,
    LIST_SURNAME = 64,
    LIST_JOB = 128,
};

struct tagger_word {
    size_t start, end; /* of the text */
    uint64_t low;      /* hash of the word in lower case */
    uint32_t shape, prefix, suffix, suffix2, suffix4;
    uint8_t lists, phrases; /* bits of tagger_list; phrases: those of several words */
    bool capital, upper, digit, punct;
    bool starts; /* a phrase of the lists begins with it */
    bool common; /* the corpora have it in lower case, as no name */
};

enum {
    TAGGER_SENTENCE_MAX = 256, /* words; what is longer is cut, as tables and lists are */
    TAGGER_BUCKETS = 1 << 17,  /* times eight int8: 1 MB; half as many cost .01 of F2 */
    TAGGER_LANES = 8,          /* weights of a feature: one per tag, and one to fill eight bytes */
    TAGGER_FEATURES_MAX = 64,
    TAGGER_COMMON_BITS = 1 << 20,
};
/* data/tagger.bin.  bias: against TAG_O, the best for F3 on held-out sentences; rare: more of it
 * for a capital word that is not common and begins no sentence. */
struct tagger_file {
    int8_t weight[TAGGER_BUCKETS * TAGGER_LANES];
    int8_t bias, rare, fill[6];
    uint8_t common[TAGGER_COMMON_BITS / 8]; /* by tagger_common_bit */
};

/* Words from *at up to the end of a sentence or a line; moves *at behind them.  0: the text is at
 * its end. */
size_t tagger_read(struct tagger_word words[static TAGGER_SENTENCE_MAX], struct slice text,
                   size_t *at);
void tagger_tag(const struct tagger_word *words, size_t n, enum tag *ret);

/* For bench/tagger-fit. */
/* Reads one word, whose start and end are set. */
void tagger_word(struct tagger_word *word, struct slice text);
/* words: the whole sentence; lists of phrases are set by this. */
void tagger_phrases(struct tagger_word *words, size_t n, struct slice text);
/* Buckets of the features of words[i]; prev and prev2: the tags before it.  Returns how many. */
size_t tagger_features(const struct tagger_word *words, size_t n, size_t i, enum tag prev,
                       enum tag prev2, uint32_t ret[TAGGER_FEATURES_MAX]);
/* A common word in small letters where no name goes on is none, and not asked further: that is most
 * of a text. */
bool tagger_plain(const struct tagger_word *word, enum tag prev);
/* Does the bias for rare words hold here? */
bool tagger_rare(const struct tagger_word *words, size_t i);
static inline size_t tagger_common_bit(uint64_t low)
{
    return (size_t)((low ^ low >> 23) * UINT64_C(0x9e3779b97f4a7c15) >> 44);
}
