#include "meter/energy.h"

/* central, low, high.  All from the project's own gathering of published figures (2026), whose rows
 * are named here; grade "derived": several sources within a factor of two or three. */
struct band {
    double mid, low, high;
};

/* Joules per output token, whole data centre: cloud_out_j_per_tok_{small8b,mid70b,frontier}.
 * ML.ENERGY's 8B, 70B and 235B-405B on H100 divided by .58 (Google's share of the accelerator in
 * all), EcoLogits' formula, Epoch AI's GPT-4o estimate, Oviedo et al. arXiv 2509.20241. */
static const struct band out_j[] = {
    [ENERGY_SMALL] = {0.12, 0.08, 0.29},
    [ENERGY_MID] = {0.8, 0.4, 2.2},
    [ENERGY_FRONTIER] = {3, 1, 10},
};
/* An input token's share of an output token's joules.  Guess, to be measured: reading runs many
 * tokens through the weights at once, so it is far cheaper than writing; price lists, which pay for
 * more than energy, ask a third of an output token (the median of data/prices.csv is 1/3.14). */
static const struct band in_share = {0.1, 0.02, 0.32};
/* A cached token is looked up, not computed.  Guess from list prices: a tenth of an input token. */
static const double cached_share = 0.1;
/* kWh per GB over the fixed network: net_fixed_kwh_per_gb (Aslan 2015, SWDv4, Mytton); averages. */
static const struct band net_kwh_gb = {0.06, 0.008, 0.14};
/* Here, when no time was measured, joules per token: dev_j_per_tok_*: 0.26 (RTX 4050 laptop, 1.5B),
 * 0.42 (M1 Pro, 3B), 2.3 (Strix Halo CPU, 20B MoE); low 0.09 (vendor's NPU), high 17.6 (Raspberry
 * Pi 4). */
static const struct band here_j = {1, 0.09, 17.6};
/* Here, when the config tells no watts: what a processor of a laptop or a small PC draws beyond
 * idle while it works: dev_j_per_tok_strixhalo_*: 20 W (NPU) to 84 W (CPU). Central: guess. */
static const struct band here_w = {30, 10, 84};
/* Told watts are taken to be right within this much.  Guess. */
static const double told_low = 0.7, told_high = 1.3;

/* Bounds guessed from data/prices.csv: list prices of open 8B models end near 0.3 USD per million
 * output tokens and those of 70B near 1; the small models of frontier providers begin at 0.4. */
enum energy_class energy_class_of(const struct place *place)
{
    enum { SMALL_UUSD = 400000, MID_UUSD = 3000000 };

    if (place->price.output > 0)
        return place->price.output <= SMALL_UUSD ? ENERGY_SMALL
               : place->price.output <= MID_UUSD ? ENERGY_MID
                                                 : ENERGY_FRONTIER;
    return place->quality < 0.55   ? ENERGY_SMALL
           : place->quality < 0.85 ? ENERGY_MID
                                   : ENERGY_FRONTIER;
}

static struct joules joules_from(double mid, double low, double high)
{
    return (struct joules){(uint64_t)(mid * 1e6), (uint64_t)(low * 1e6), (uint64_t)(high * 1e6)};
}

/* Tokens weighted so that an output token counts one. */
static double tokens_worth(const struct energy_load *load, double share)
{
    uint64_t cached = load->tokens_cached < load->tokens_in ? load->tokens_cached : load->tokens_in;

    return (double)load->tokens_out +
           share * ((double)(load->tokens_in - cached) + cached_share * (double)cached);
}

static struct joules energy_here(const struct place *place, const struct energy_load *load)
{
    double s = (double)load->busy_us / 1e6, w = place->watts;

    if (load->busy_us == 0)
        return joules_from(here_j.mid * tokens_worth(load, in_share.mid),
                           here_j.low * tokens_worth(load, in_share.low),
                           here_j.high * tokens_worth(load, in_share.high));
    if (w > 0)
        return joules_from(s * w, s * w * told_low, s * w * told_high);
    return joules_from(s * here_w.mid, s * here_w.low, s * here_w.high);
}

static struct joules energy_cloud(const struct place *place, const struct energy_load *load)
{
    const struct band *out = &out_j[energy_class_of(place)];

    return joules_from(out->mid * tokens_worth(load, in_share.mid),
                       out->low * tokens_worth(load, in_share.low),
                       out->high * tokens_worth(load, in_share.high));
}

struct joules energy_model(const struct place *place, const struct energy_load *load)
{
    double gb_j = (double)load->bytes / 1e9 * 3.6e6; /* joules in a kWh, times GB */
    struct joules net =
        joules_from(gb_j * net_kwh_gb.mid, gb_j * net_kwh_gb.low, gb_j * net_kwh_gb.high);

    switch (place->kind) {
    case PLACE_SKILL: /* microseconds of a processor: its share is in the low end of everything else
                       */
        return joules_from((double)load->busy_us / 1e6 * here_w.mid,
                           (double)load->busy_us / 1e6 * here_w.low,
                           (double)load->busy_us / 1e6 * here_w.high);
    case PLACE_ENGINE:
    case PLACE_PEER:
        return joules_add(energy_here(place, load), net);
    case PLACE_CLOUD:
        break;
    }
    return joules_add(energy_cloud(place, load), net);
}

struct joules joules_add(struct joules a, struct joules b)
{
    return (struct joules){a.uj + b.uj, a.low_uj + b.low_uj, a.high_uj + b.high_uj};
}
