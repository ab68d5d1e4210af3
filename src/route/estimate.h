/* estimate: what a place is expected to give for a turn.
 *
 * place.quality and traits.difficulty are on one scale, 0..1: quality is the difficulty at which
 * the place answers half of the turns well; P(good) is a logistic of their difference (an
 * item-response model with one slope for all).  0.3: a model of a billion parameters or less; 0.5:
 * 8 billion; 0.8: a small model of a frontier provider; 0.95: the best there is.  Guesses that
 * learning corrects later.
 *
 * Latency comes from the place's own statistics once ESTIMATE_RUNS_MIN turns were measured, from
 * published medians before.  Pure functions: any thread. */
#pragma once
#include "meter/bill.h"
#include "route/traits.h"

enum { ESTIMATE_RUNS_MIN = 3 };

struct estimate {
    double quality; /* P(good answer), 0..1; modelled */
    double first_ms, total_ms;
    int64_t cost_uusd; /* -1: not known */
    struct joules energy;
    uint64_t bytes_out;       /* that leave the device */
    enum basis latency_basis; /* cost is quoted, the rest modelled */
};

double estimate_quality(double ability, double difficulty);
void estimate_place(struct estimate *ret, const struct place *place, const struct traits *traits,
                    enum ready ready);
