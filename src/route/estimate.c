#include "route/estimate.h"
#include "meter/price.h"
#include <math.h>

/* Slope of P(good) over ability minus difficulty: 0.1 more ability turns even odds into 2.2 to 1.
 * Guess; learning will fit it. */
static const double slope = 8;

/* Latency before anything was measured. */
static const double cloud_first_ms =
    800; /* ttft_cloud_s: 0.8 (0.4 to 2.2), modelstats.ai 2026-04 */
static const double cloud_token_ms = 1000 / 104.; /* out_tps_cloud: 104 (70 to 200), 2026-06 */
static const double here_first_ms = 50; /* the child's socket and the first sample; guess */
static const double here_read_ms = 5;   /* per prompt token, 200 a second; guess for a processor */
static const double here_token_ms = 50; /* 20 a second: dev_j_per_tok_strixhalo_*: 19.5 to 75.6 */
static const double near_extra_ms = 17.4; /* rtt_wifi_ms, Mytton 2020 */
static const double cold_ms = 3000;       /* loading a model of about 1 GB; guess */
static const double skill_ms = 0.1;       /* measured: see skill/README.md */

double estimate_quality(double ability, double difficulty)
{
    return 1 / (1 + exp(-slope * (ability - difficulty)));
}

static void estimate_prior(struct estimate *e, const struct place *place, const struct traits *t)
{
    double read = here_first_ms + here_read_ms * (double)t->tokens_in;

    switch (place->kind) {
    case PLACE_SKILL:
        e->first_ms = e->total_ms = skill_ms;
        return;
    case PLACE_CLOUD:
        e->first_ms = cloud_first_ms;
        e->total_ms = cloud_first_ms + cloud_token_ms * (double)t->tokens_out;
        return;
    case PLACE_ENGINE:
    case PLACE_PEER:
        e->first_ms = read + (place->kind == PLACE_PEER ? near_extra_ms : 0);
        e->total_ms = e->first_ms + here_token_ms * (double)t->tokens_out;
        return;
    }
}

static void estimate_latency(struct estimate *e, const struct place *place, const struct traits *t,
                             enum ready ready)
{
    const struct place_stats *s = &place->stats;

    e->latency_basis = BASIS_MODELLED;
    estimate_prior(e, place, t);
    if (s->runs >= ESTIMATE_RUNS_MIN && place->kind != PLACE_SKILL) {
        e->latency_basis = BASIS_MEASURED;
        e->first_ms = s->first_ms;
        e->total_ms = s->first_ms + s->ms_per_token * (double)t->tokens_out;
    }
    if (ready == READY_COLD) {
        e->latency_basis = BASIS_MODELLED;
        e->first_ms += cold_ms;
        e->total_ms += cold_ms;
    }
}

void estimate_place(struct estimate *ret, const struct place *place, const struct traits *traits,
                    enum ready ready)
{
    struct usage usage = {.input = traits->tokens_in, .output = traits->tokens_out, .known = true};
    bool leaves = place->dest.zone != ZONE_DEVICE;
    struct energy_load load = {.tokens_in = traits->tokens_in, .tokens_out = traits->tokens_out};

    memset(ret, 0, sizeof *ret);
    ret->quality =
        place->kind == PLACE_SKILL ? 1 : estimate_quality(place->quality, traits->difficulty);
    estimate_latency(ret, place, traits, ready);
    ret->cost_uusd = bill_cost(&place->price, &usage);
    ret->bytes_out = leaves ? traits->body_bytes : 0;
    load.bytes = leaves ? traits->body_bytes + 4 * traits->tokens_out : 0;
    if (place->kind != PLACE_CLOUD)
        load.busy_us = (uint64_t)(ret->total_ms * 1000);
    ret->energy = energy_model(place, &load);
}
