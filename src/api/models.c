#include "api/models.h"
#include <stdio.h>
#include <time.h>

/* One that may be asked for. */
struct model {
    struct slice id, owner;
    int64_t created;
    uint64_t context_tokens, output_tokens_max; /* 0: not known */
};

static void put_openai(struct buf *out, const struct model *m)
{
    json_put_str(out, "id", m->id);
    json_put_cstr(out, "object", "model");
    json_put_int(out, "created", m->created);
    json_put_str(out, "owned_by", m->owner);
}

static void put_if_known(struct buf *out, const char *key, uint64_t n)
{
    if (n > 0)
        json_put_int(out, key, (int64_t)n);
    else
        json_put_null(out, key);
}

/* As @anthropic-ai/sdk 1.12.0 has it: what it requires is there, null where nigh knows nothing. */
static void put_anthropic(struct buf *out, const struct model *m)
{
    static const char *const nulls[] = {"capabilities", "deprecated_at", "line", "retires_at"};
    time_t created = (time_t)m->created;
    char text[32] = "";
    struct tm tm;

    if (gmtime_r(&created, &tm))
        strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &tm);
    json_put_cstr(out, "type", "model");
    json_put_str(out, "id", m->id);
    json_put_str(out, "display_name", m->id);
    json_put_cstr(out, "created_at", text);
    json_put_cstr(out, "lifecycle", "active");
    put_if_known(out, "max_input_tokens", m->context_tokens);
    put_if_known(out, "max_tokens", m->output_tokens_max);
    for (size_t i = 0; i < ARRAY_LEN(nulls); i++)
        json_put_null(out, nulls[i]);
}

static void (*const puts_model[])(struct buf *out, const struct model *m) = {
    [MODELS_OPENAI] = put_openai,
    [MODELS_ANTHROPIC] = put_anthropic,
};

/* "openai/gpt-5" is openai's, "here/qwen" is ours. */
static struct slice owner_of(const struct place *place)
{
    struct slice rest = slice_of(place->name);

    return place->kind == PLACE_ENGINE ? SLICE("nigh") : slice_cut(&rest, '/');
}

/* The list that is written, or the one of this id. */
struct listing {
    enum models_shape shape;
    struct slice only; /* absent: all */
    struct buf *out;
    size_t n;
};

static void list_model(struct listing *l, const struct model *m)
{
    if (l->only.p && !slice_eq(l->only, m->id))
        return;
    json_sep(l->out);
    buf_add_char(l->out, '{');
    puts_model[l->shape](l->out, m);
    buf_add_char(l->out, '}');
    l->n++;
}

static void list_models(struct listing *l, const struct models *m)
{
    char name[96];

    for (size_t i = 0; i < m->n_profiles + 1; i++) {
        snprintf(name, sizeof name, "auto%s%s", i ? "/" : "", i ? m->profiles[i - 1] : "");
        list_model(l, &(struct model){slice_of(name), SLICE("nigh"), m->created, 0, 0});
    }
    for (size_t i = 0; i < m->n_places; i++) {
        const struct place *p = m->places[i];
        if (p->kind != PLACE_SKILL)
            list_model(l, &(struct model){slice_of(p->name), owner_of(p), m->created,
                                          p->context_tokens, p->output_tokens_max});
    }
}

/* The id of the last that list_models lists. */
static struct slice last_id(const struct models *m)
{
    for (size_t i = m->n_places; i-- > 0;)
        if (m->places[i]->kind != PLACE_SKILL)
            return slice_of(m->places[i]->name);
    return SLICE("auto");
}

void models_list(const struct models *models, enum models_shape shape, struct buf *out)
{
    struct listing l = {.shape = shape, .out = out};

    buf_add_cstr(out, shape == MODELS_OPENAI ? "{\"object\":\"list\",\"data\":[" : "{\"data\":[");
    list_models(&l, models);
    buf_add_cstr(out, "]");
    if (shape == MODELS_ANTHROPIC) { /* always one page */
        json_put_bool(out, "has_more", false);
        json_put_cstr(out, "first_id", "auto");
        json_put_str(out, "last_id", last_id(models));
    }
    buf_add_cstr(out, "}");
}

bool models_one(const struct models *models, enum models_shape shape, struct slice id,
                struct buf *out)
{
    struct listing l = {.shape = shape, .only = id, .out = out};

    if (id.p)
        list_models(&l, models);
    return l.n > 0;
}
