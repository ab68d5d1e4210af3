/* zone: the boundaries a user draws, as a small table.
 *
 * Zone 0 is always `device` and zone 1 always `public`; the config adds the rest and says what is
 * inside what.  A zone may be inside several (this device belongs to a home and to a company), so
 * the picture is a directed graph without cycles, told as a tree by most.  Built once per config;
 * read on any thread afterwards.
 *
 * Invariants: 1. device is inside every other zone.  2. public contains every other zone.  3. A
 * zone's label holds the zone itself and all that is inside it. */
#pragma once
#include "base/arena.h"
#include "base/err.h"
#include <stdbool.h>
#include <stdint.h>

enum { ZONE_DEVICE = 0, ZONE_PUBLIC = 1, ZONE_MAX = 64 };

/* How far data may travel: bit i says that it may reach zone i.  See label.h. */
struct label {
    uint64_t zones;
};

struct zones {
    unsigned n;
    const char *name[ZONE_MAX];
    struct label label[ZONE_MAX]; /* of data that may reach the zone and what is inside it */
};

struct zone_spec { /* one line of the config */
    const char *name;
    const char *const *inside; /* names; none means public */
    size_t n_inside;
};

/* Names are copied into the arena.  Refuses duplicates, unknown names, cycles, more than ZONE_MAX,
 * `public` inside anything, names other than [a-z0-9_-]{1,32}. */
NIGH_MUST enum nigh_status zones_build(struct zones *ret, const struct zone_spec *specs, size_t n,
                                       struct arena *a, struct nigh_err *err);
/* The same names with the same labels under the same numbers: a label made with one holds in the
 * other. */
bool zones_same(const struct zones *a, const struct zones *b);
int zone_find(const struct zones *z, struct slice name); /* -1: no such zone */
