/* price: what a token costs, from the dated table in data/prices.csv or from the config.
 *
 * The table is compiled in; its rows are sorted, so a look-up is a binary search.  A price that
 * nobody knows is unknown (every member negative), never zero: only a place that is free says zero.
 * Pure functions, static data: any thread. */
#pragma once
#include "turn/place.h"

#define PRICE_UNKNOWN ((struct price){-1, -1, -1, -1, "", "unknown"})
#define PRICE_FREE                                                                                 \
    ((struct price){0, 0, 0, 0, "", "free"}) /* skills, the engine, a peer of one's own */

/* A line of the config: the user's own contract. */
struct price_override {
    const char *provider, *model; /* provider NULL: any */
    struct price price;           /* members left negative stay unknown */
};

/* Looks in this order: the overrides; the table under provider and exact name; the same after the
 * alias rules (price.c): a provider's prefix ("openai/"), a date's suffix ("-2025-08-07",
 * "-20250929"), "-latest" and "-preview-MM-DD" are dropped; the model alone when all providers that
 * list it agree.  False and *ret PRICE_UNKNOWN when none of that finds it. */
bool price_find(struct price *ret, const char *provider, const char *model,
                const struct price_override *overrides, size_t n_overrides);
bool price_known(const struct price *price); /* input and output, at least */

size_t price_rows(void); /* of the table: a test counts that none was lost */
