/* tagger: names of persons, places and organisations in running text.
 *
 * An averaged perceptron (Collins 2002, "Discriminative training methods for hidden Markov models")
 * over hashed features of a word and its neighbours, greedy from left to right.  Weights are made by
 * src/label/train-tagger from four public corpora (data/README.md) and are part of the
 * program.  One text at a time; one tagger per thread. */
#pragma once
#include "label/detect.h"

struct tagger;
NIGH_MUST enum nigh_status tagger_new(struct tagger **ret, struct nigh_err *err);
struct tagger *tagger_free(struct tagger *tagger); /* NULL is fine */

struct tagged {
    size_t start, end; /* bytes of the text */
    const char *type;  /* "PERSON", "GPE", "ORGANIZATION" */
    enum detect_group group;
    unsigned score;
};
void tagger_read(struct tagger *tagger, struct slice text); /* text: kept until the last tagger_next */
bool tagger_next(struct tagger *tagger, struct tagged *ret);
