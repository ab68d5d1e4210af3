/* tagger: names of persons, places and organisations in running text.
 *
 * An averaged perceptron (Collins 2002, "Discriminative training methods for hidden Markov models")
 * over hashed features of a word and its neighbours, greedy from left to right, told of the word
 * lists in data/names.tsv.  The weights, data/tagger.bin, are made by bench/tagger-fit from four
 * public corpora (data/README.md) and are part of the program.  One text at a time; one tagger per
 * thread. */
#pragma once
#include "label/detect.h"

struct tagger;
NIGH_MUST enum nigh_status tagger_new(struct tagger **ret, struct nigh_err *err);
struct tagger *tagger_free(struct tagger *tagger); /* NULL is fine */

struct tagged {
    size_t start, end; /* bytes of the text */
    const char *type;  /* "PERSON", "GPE", "ORGANIZATION", "NRP" */
    enum detect_group group;
    unsigned score;
};
void tagger_read(struct tagger *tagger,
                 struct slice text); /* text: kept until the last tagger_next */
bool tagger_next(struct tagger *tagger, struct tagged *ret);

/* For bench/tagger-fit. */
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
enum {
    TAGGER_BUCKETS = 1 << 17, /* times eight int8: 1 MB; half as many cost .01 of F2 */
    TAGGER_LANES = 8,         /* weights of a feature: one per tag, and one to fill eight bytes */
    TAGGER_FEATURES_MAX = 64,
};
struct tagger_word {
    size_t start, end; /* of the text */
    uint64_t low;      /* hash of the word in lower case */
    uint32_t shape, prefix, suffix, suffix2;
    uint8_t lists; /* bits of data/names.tsv */
    bool capital, upper, digit, punct;
    bool first; /* begins a sentence */
};
/* Reads one word; its neighbours' part is for tagger_features. */
void tagger_word(struct tagger_word *ret, struct slice word);
/* words: the whole sentence; lists of phrases are set by this. */
void tagger_phrases(struct tagger_word *words, size_t n, struct slice text);
/* Buckets of the features of words[i]; prev and prev2: the tags before it.  Returns how many. */
size_t tagger_features(const struct tagger_word *words, size_t n, size_t i, enum tag prev,
                       enum tag prev2, uint32_t ret[TAGGER_FEATURES_MAX]);
bool tag_may_follow(enum tag tag, enum tag prev); /* I after its own B or I only */
