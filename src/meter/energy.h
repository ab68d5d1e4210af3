/* energy: joules that a turn takes, modelled, with their band.
 *
 * Nobody measures a cloud's joules per turn, so these are products of published figures; every
 * constant stands in energy.c with its source and the band spans what sources
 * disagree about.  The basis is always "modelled".  Pure functions: any thread. */
#pragma once
#include "turn/place.h"

struct joules {
    uint64_t uj, low_uj, high_uj; /* low_uj <= uj <= high_uj */
};

/* How large a cloud's model is: what its energy per token hangs on most. */
enum energy_class { ENERGY_SMALL, ENERGY_MID, ENERGY_FRONTIER };
/* Guessed from the output price where it is known, else from the quality: see energy.c. */
enum energy_class energy_class_of(const struct place *place);

struct energy_load {
    uint64_t tokens_in, tokens_cached, tokens_out; /* in counts the cached ones */
    uint64_t busy_us; /* here: how long the engine worked for it; 0: not known, J per token then */
    uint64_t bytes;   /* out and in, over the network; 0 when here */
};
/* The extra energy of this turn at this place: here, power while working; far, server and network.
 */
struct joules energy_model(const struct place *place, const struct energy_load *load);
struct joules joules_add(struct joules a, struct joules b);
