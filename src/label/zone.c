/* The graph is kept as one mask per zone, "what it is inside of", and closed by Warshall's rule: at
 * 64 zones 4,096 steps, once per config. */
#include "label/zone.h"

enum { ZONE_NAME_MAX = 32 };

static bool name_ok(struct slice s)
{
    if (s.len == 0 || s.len > ZONE_NAME_MAX)
        return false;
    for (size_t i = 0; i < s.len; i++)
        if (!strchr("abcdefghijklmnopqrstuvwxyz0123456789_-", s.p[i]) || !s.p[i])
            return false;
    return true;
}

int zone_find(const struct zones *z, struct slice name)
{
    for (unsigned i = 0; i < z->n; i++)
        if (slice_is(name, z->name[i]))
            return (int)i;
    return -1;
}

/* Gives every spec its number: the built-in two keep theirs, wherever the config names them. */
static enum nigh_status name_all(struct zones *z, const struct zone_spec *specs, size_t n,
                                 struct arena *a, struct nigh_err *err)
{
    uint64_t seen = 0; /* the specs' own zones */

    z->name[ZONE_DEVICE] = "device";
    z->name[ZONE_PUBLIC] = "public";
    z->n = 2;
    for (size_t i = 0; i < n; i++) {
        struct slice name = slice_of(specs[i].name);
        int at;

        if (!name_ok(name))
            return nigh_fail(err, NIGH_INVALID,
                             "zones: '%.40s' is no zone name (a-z, 0-9, _ and -, at most %d)",
                             name.p ? name.p : "", ZONE_NAME_MAX);
        at = zone_find(z, name);
        if (at >= 0 && seen >> at & 1)
            return nigh_fail(err, NIGH_INVALID, "zones: '%s' stands there twice", name.p);
        if (at < 0) {
            if (z->n == ZONE_MAX)
                return nigh_fail(err, NIGH_TOOBIG, "zones: more than %d", ZONE_MAX);
            at = (int)z->n;
            z->name[at] = arena_strdup(a, name);
            if (!z->name[at])
                return nigh_fail(err, NIGH_NOMEM, "zones: out of memory");
            z->n++;
        }
        seen |= UINT64_C(1) << at;
    }
    return NIGH_OK;
}

static enum nigh_status place_all(const struct zones *z, const struct zone_spec *specs, size_t n,
                                  uint64_t inside[static ZONE_MAX], struct nigh_err *err)
{
    for (size_t i = 0; i < n; i++) {
        int at = zone_find(z, slice_of(specs[i].name));

        if (at == ZONE_PUBLIC && specs[i].n_inside)
            return nigh_fail(err, NIGH_INVALID,
                             "zones: 'public' is everything else and cannot be inside '%.40s'",
                             specs[i].inside[0]);
        for (size_t k = 0; k < specs[i].n_inside; k++) {
            int outer = zone_find(z, slice_of(specs[i].inside[k]));

            if (outer < 0)
                return nigh_fail(err, NIGH_INVALID, "zones: '%s' is inside '%.40s', no such zone",
                                 specs[i].name, specs[i].inside[k]);
            inside[at] |= UINT64_C(1) << outer;
        }
    }
    for (unsigned i = 0; i < z->n; i++) { /* zone 1 and 2 */
        if (i != ZONE_PUBLIC)
            inside[i] |= UINT64_C(1) << ZONE_PUBLIC;
        if (i != ZONE_DEVICE)
            inside[ZONE_DEVICE] |= UINT64_C(1) << i;
    }
    return NIGH_OK;
}

/* Someone else on the circle through i, to name it; i where it is its own container. */
static unsigned circle(const struct zones *z, const uint64_t inside[static ZONE_MAX], unsigned i)
{
    for (unsigned k = z->n; k-- > 0;)
        if (k != i && inside[i] >> k & 1 && inside[k] >> i & 1)
            return k;
    return i;
}

static enum nigh_status close_all(const struct zones *z, uint64_t inside[static ZONE_MAX],
                                  struct nigh_err *err)
{
    for (unsigned i = 0; i < z->n; i++)
        if (i != ZONE_DEVICE && inside[i] >> i & 1)
            return nigh_fail(err, NIGH_INVALID, "zones: '%s' is inside itself", z->name[i]);
    for (unsigned by = 0; by < z->n; by++)
        for (unsigned i = 0; i < z->n; i++)
            if (inside[i] >> by & 1)
                inside[i] |= inside[by];
    for (unsigned i = z->n; i-- > 0;)
        if (inside[i] >> i & 1)
            return nigh_fail(err, NIGH_INVALID, "zones: '%s' is inside itself, by way of '%s'",
                             z->name[i], z->name[circle(z, inside, i)]);
    return NIGH_OK;
}

enum nigh_status zones_build(struct zones *ret, const struct zone_spec *specs, size_t n,
                             struct arena *a, struct nigh_err *err)
{
    struct zones z = {0};
    uint64_t inside[ZONE_MAX] = {0};
    enum nigh_status status = name_all(&z, specs, n, a, err);

    if (status == NIGH_OK)
        status = place_all(&z, specs, n, inside, err);
    if (status == NIGH_OK)
        status = close_all(&z, inside, err);
    if (status != NIGH_OK)
        return status;
    for (unsigned outer = 0; outer < z.n; outer++) {
        z.label[outer].zones = UINT64_C(1) << outer;
        for (unsigned i = 0; i < z.n; i++)
            if (inside[i] >> outer & 1)
                z.label[outer].zones |= UINT64_C(1) << i;
    }
    z.label[ZONE_PUBLIC].zones = UINT64_MAX; /* the same as LABEL_ANYWHERE, so that they compare */
    *ret = z;
    return NIGH_OK;
}

bool zones_same(const struct zones *a, const struct zones *b)
{
    if (a->n != b->n)
        return false;
    for (unsigned i = 0; i < a->n; i++)
        if (strcmp(a->name[i], b->name[i]) != 0 || a->label[i].zones != b->label[i].zones)
            return false;
    return true;
}
