#include "api/models.h"
#include <stdio.h>

static void put_model(struct buf *out, struct slice id, struct slice owner, int64_t created)
{
    json_sep(out);
    buf_add_char(out, '{');
    json_put_str(out, "id", id);
    json_put_cstr(out, "object", "model");
    json_put_int(out, "created", created);
    json_put_str(out, "owned_by", owner);
    buf_add_char(out, '}');
}

/* "openai/gpt-5" is openai's, "here/qwen" is ours. */
static struct slice owner_of(const struct place *place)
{
    struct slice rest = slice_of(place->name);

    return place->kind == PLACE_ENGINE ? SLICE("nigh") : slice_cut(&rest, '/');
}

/* Every model, or the one of this id; how many were written. */
static size_t put_models(const struct models *m, struct slice only, struct buf *out)
{
    char name[96];
    size_t n = 0;

    for (size_t i = 0; i < m->n_profiles + 1; i++) {
        snprintf(name, sizeof name, "auto%s%s", i ? "/" : "", i ? m->profiles[i - 1] : "");
        if (!only.p || slice_is(only, name)) {
            put_model(out, slice_of(name), SLICE("nigh"), m->created);
            n++;
        }
    }
    for (size_t i = 0; i < m->n_places; i++) {
        const struct place *p = m->places[i];
        if (p->kind != PLACE_SKILL && (!only.p || slice_is(only, p->name))) {
            put_model(out, slice_of(p->name), owner_of(p), m->created);
            n++;
        }
    }
    return n;
}

void models_list(const struct models *models, struct buf *out)
{
    buf_add_cstr(out, "{\"object\":\"list\",\"data\":[");
    put_models(models, (struct slice){0}, out);
    buf_add_cstr(out, "]}");
}

bool models_one(const struct models *models, struct slice id, struct buf *out)
{
    return id.p && put_models(models, id, out) > 0;
}
