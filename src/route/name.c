#include "route/name.h"
#include <stdio.h>

enum { NAME_MAX_BYTES = 128, OFFERS_MAX = 4, NEAR_EDITS = 3 };

static bool matches_by(const struct wish *wish, const struct place *place)
{
    struct slice name = slice_of(place->name);

    switch (wish->by) {
    case WISH_WHOLE:
        return slice_eq(wish->name, name);
    case WISH_PREFIX:
        return name.len > wish->name.len && name.p[wish->name.len] == '/' &&
               slice_starts(name, wish->name);
    case WISH_MODEL:
        return slice_is(wish->name, place->model);
    }
    return false;
}

bool wish_matches(const struct wish *wish, const struct place *place)
{
    return wish->any || matches_by(wish, place);
}

static struct slice alias_of(const struct route_config *config, struct slice model)
{
    for (size_t i = 0; i < config->n_aliases; i++)
        if (slice_is(model, config->aliases[i].from))
            return slice_of(config->aliases[i].to);
    return model;
}

/* Edits between two names, counted up to a little over NEAR_EDITS; long names are never near. */
static unsigned edits(struct slice a, struct slice b)
{
    unsigned row[NAME_MAX_BYTES + 1];

    if (a.len > NAME_MAX_BYTES || b.len > NAME_MAX_BYTES)
        return UINT32_MAX;
    for (size_t j = 0; j <= b.len; j++)
        row[j] = (unsigned)j;
    for (size_t i = 1; i <= a.len; i++) {
        unsigned corner = row[0];
        row[0] = (unsigned)i;
        for (size_t j = 1; j <= b.len; j++) {
            unsigned change = corner + (a.p[i - 1] != b.p[j - 1]);
            corner = row[j];
            row[j] = (row[j] < row[j - 1] ? row[j] : row[j - 1]) + 1;
            row[j] = change < row[j] ? change : row[j];
        }
    }
    return row[b.len];
}

static bool near(struct slice asked, struct slice name)
{
    struct slice tail = name;

    slice_cut(&tail, '/');
    if (edits(asked, name) <= NEAR_EDITS)
        return true;
    return tail.p && (edits(asked, tail) <= NEAR_EDITS ||
                      (asked.len >= 3 && memmem(name.p, name.len, asked.p, asked.len)));
}

static enum nigh_status not_found(struct slice asked, struct place *const *places, size_t n,
                                  struct nigh_err *err)
{
    char text[160] = "";
    size_t len = 0, offers = 0;

    for (int pass = 0; pass < 2 && offers == 0; pass++)
        for (size_t i = 0; i < n && offers < OFFERS_MAX; i++) {
            if (pass == 0 && !near(asked, slice_of(places[i]->name)))
                continue;
            offers++;
            if (len < sizeof text - 1)
                len += (size_t)snprintf(text + len, sizeof text - len, ", %s", places[i]->name);
        }
    return nigh_fail(err, NIGH_NOTFOUND, "no place is named so; there are: auto%s", text);
}

static enum nigh_status read_profile(struct wish *wish, struct slice profile, struct nigh_err *err)
{
    wish->any = wish->has_profile = true;
    if (profile_find(&wish->profile, profile))
        return NIGH_OK;
    return nigh_fail(err, NIGH_NOTFOUND,
                     "no such profile; there are: auto/balanced, auto/private, "
                     "auto/fast, auto/frugal, auto/best, auto/green");
}

/* "qwen" of "qwen:latest", as Ollama's clients write it; else absent. */
static struct slice without_latest(struct slice model)
{
    struct slice tag = SLICE(":latest");

    if (model.len <= tag.len ||
        !slice_eq((struct slice){model.p + model.len - tag.len, tag.len}, tag))
        return (struct slice){0};
    return (struct slice){model.p, model.len - tag.len};
}

static enum nigh_status wish_named(struct wish *ret, const struct route_config *config,
                                   struct slice model, struct place *const *places, size_t n,
                                   struct nigh_err *err)
{
    memset(ret, 0, sizeof *ret);
    ret->name = alias_of(config, model);
    if (ret->name.len == 0 || slice_is(ret->name, "auto")) {
        ret->name = SLICE("auto");
        ret->any = true;
        return NIGH_OK;
    }
    if (slice_starts(ret->name, SLICE("auto/")))
        return read_profile(ret, (struct slice){ret->name.p + 5, ret->name.len - 5}, err);
    for (ret->by = WISH_WHOLE; ret->by <= WISH_MODEL; ret->by++)
        for (size_t i = 0; i < n; i++)
            if (matches_by(ret, places[i]))
                return NIGH_OK;
    return not_found(ret->name, places, n, err);
}

enum nigh_status wish_read(struct wish *ret, const struct route_config *config, struct slice model,
                           struct place *const *places, size_t n, struct nigh_err *err)
{
    struct slice bare = without_latest(model), other = alias_of(config, SLICE("*"));

    if (bare.p && wish_named(ret, config, model, places, n, NULL) == NIGH_OK)
        return NIGH_OK;
    if (bare.p)
        model = bare;
    if (slice_is(other, "*"))
        return wish_named(ret, config, model, places, n, err);
    if (wish_named(ret, config, model, places, n, NULL) == NIGH_OK)
        return NIGH_OK;
    return wish_named(ret, config, other, places, n, err);
}
