/* traits: what the router can see of a turn for a few microseconds.
 *
 * Reads at most the first and the last TRAITS_WINDOW bytes of what the user asked last, so the time
 * does not grow with the text.  The figures are guesses and say so (basis: modelled).  Pure: any
 * thread, no allocation. */
#pragma once
#include "turn/place.h"

enum {
    TRAITS_WINDOW = 512,        /* bytes at either end; bounds the time */
    TRAITS_IMAGE_TOKENS = 1000, /* source in traits.c */
    TRAITS_WORDS_BYTES = 64,
};

struct traits {
    uint64_t tokens_in;  /* bytes of text / 4, plus images, sounds and files at a flat rate */
    uint64_t tokens_out; /* expected: max_tokens, else a prior; see traits.c */
    size_t text_bytes, body_bytes; /* body: what would travel */
    unsigned needs;                /* CAN_... bits */
    double difficulty;             /* 0..1: see estimate.h for its scale */
    uint32_t features;             /* bit i: row i of the table of features was seen */
};

void traits_read(struct traits *ret, const struct turn *turn);
/* The features that made it hard, heaviest first: "proof, long"; "" when none did. */
void traits_words(char text[static TRAITS_WORDS_BYTES], const struct traits *traits);
/* Of a text alone, for benchmarks and fitting.  learnt: the learnt score to use instead of the
 * shipped weights'; NAN: the shipped weights. */
double traits_difficulty(struct slice text, double learnt, uint32_t *ret_features);
