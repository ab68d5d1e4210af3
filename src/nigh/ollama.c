/* Ollama's routes that are no turns: what there is, what is loaded, and that somebody is here. */
#include "api/ollama.h"
#include "api/ollama_models.h"
#include "base/clock.h"
#include "nigh/admin.h"
#include "route/name.h"

static const int64_t FOR_EVER_S =
    INT64_C(100) * 366 * 86400; /* when a model leaves that stays: no word but a date */

static int64_t now_s(void)
{
    return (int64_t)(clock_wall_us() / 1000000);
}

static struct ollama_model named(const struct node *node, struct slice name)
{
    return (struct ollama_model){.name = name, .modified = (int64_t)(node->started_us / 1000000)};
}

static struct ollama_model of_place(const struct node *node, const struct place *place)
{
    struct ollama_model model = named(node, slice_of(place->name));

    ollama_model_add(&model, place);
    return model;
}

/* `auto`, then each profile, then every place that is a model, as GET /v1/models has them. */
void admin_ollama_tags(struct node *node, struct exchange *ex, struct slice rest)
{
    struct buf json = {0};
    char name[96];

    (void)rest;
    buf_add_cstr(&json, "{\"models\":[");
    for (int i = 0; i <= PROFILE_COUNT; i++) {
        snprintf(name, sizeof name, "auto%s%s", i ? "/" : "",
                 i ? profile_text((enum profile)(i - 1)) : "");
        struct ollama_model model = named(node, slice_of(name));
        ollama_model_put(&model, &json);
        buf_add_char(&json, '}');
    }
    for (size_t i = 0; i < node->setting->n_places; i++) {
        if (node->setting->places[i]->kind == PLACE_SKILL)
            continue;
        struct ollama_model model = of_place(node, node->setting->places[i]);
        ollama_model_put(&model, &json);
        buf_add_char(&json, '}');
    }
    buf_add_cstr(&json, "]}");
    admin_answer(ex, 200, &json);
}

/* What places a name means, joined; NIGH_NOTFOUND. */
static enum nigh_status find(struct ollama_model *ret, const struct node *node, struct slice name,
                             struct nigh_err *err)
{
    const struct setting *setting = node->setting;
    struct wish wish;
    enum nigh_status status =
        wish_read(&wish, &setting->route, name, setting->places, setting->n_places, err);

    if (status)
        return status;
    *ret = named(node, wish.name);
    for (size_t i = 0; i < setting->n_places; i++)
        if (setting->places[i]->kind != PLACE_SKILL && wish_matches(&wish, setting->places[i]))
            ollama_model_add(ret, setting->places[i]);
    return NIGH_OK;
}

void admin_ollama_show(struct node *node, struct exchange *ex, struct slice rest)
{
    CLEANUP(arena_done) struct arena arena;
    struct nigh_err err = {0};
    struct ollama_model model;
    struct buf json = {0};
    struct slice name;
    yyjson_val *root;

    (void)rest;
    arena_init(&arena, 1 << 20);
    if (json_parse(&root, exchange_body(ex), &arena, &err) != NIGH_OK) {
        admin_fail(ex, &err);
        return;
    }
    name = json_get_str(root, "model");
    if (!name.p)
        name = json_get_str(root, "name"); /* as it was called until 0.5 */
    if (name.len == 0)
        nigh_fail(&err, NIGH_INVALID, "model: expected the name of a model");
    if (err.status || find(&model, node, name, &err) != NIGH_OK) {
        admin_fail(ex, &err);
        return;
    }
    ollama_show(&model, &json);
    admin_answer(ex, 200, &json);
}

/* When it will be unloaded if nobody asks any more. */
static int64_t expires_s(const struct engine_status *status)
{
    int64_t ms = status->unload_in_ms ? (int64_t)status->unload_in_ms : status->stay_ms;

    return now_s() + (ms < 0 ? FOR_EVER_S : (ms + 999) / 1000);
}

/* What is loaded, and until when. */
static void put_loaded(const struct node *node, struct engine *engine, struct buf *json)
{
    struct ollama_model model = of_place(node, engine_place(engine));
    struct engine_status status;

    engine_status(engine, &status);
    if (status.state != ENGINE_READY)
        return;
    model.size_bytes = status.rss_bytes;
    ollama_model_put(&model, json);
    ollama_put_time(json, "expires_at", expires_s(&status));
    json_put_int(json, "size_vram", 0); /* nobody tells how much of it a GPU holds */
    json_put_int(json, "context_length", (int64_t)model.context_tokens);
    buf_add_char(json, '}');
}

void admin_ollama_ps(struct node *node, struct exchange *ex, struct slice rest)
{
    struct engine *engine = setting_local(node->setting);
    struct buf json = {0};

    (void)rest;
    buf_add_cstr(&json, "{\"models\":[");
    if (engine)
        put_loaded(node, engine, &json);
    buf_add_cstr(&json, "]}");
    admin_answer(ex, 200, &json);
}

void admin_ollama_version(struct node *node, struct exchange *ex, struct slice rest)
{
    struct buf json = {0};

    (void)node;
    (void)rest;
    buf_add_cstr(&json, "{\"version\":\"" OLLAMA_VERSION "\",\"nigh\":\"" NIGH_VERSION "\"}");
    admin_answer(ex, 200, &json);
}

/* Programs that look for Ollama want this text; people are told the truth. */
void admin_ollama_alive(struct node *node, struct exchange *ex, struct slice rest)
{
    static const struct header type = {"Content-Type", "text/plain; charset=utf-8"};
    struct slice accept = exchange_header(ex, "Accept");
    bool person = accept.p && memmem(accept.p, accept.len, "text/html", 9);

    (void)node;
    (void)rest;
    exchange_reply(ex, 200, &type, 1,
                   person ? SLICE("nigh is running; see docs/api.md\n")
                          : SLICE("Ollama is running"));
    exchange_release(ex);
}

void admin_ollama_not_here(struct node *node, struct exchange *ex, struct slice rest)
{
    struct nigh_err err = {0};

    (void)node;
    (void)rest;
    nigh_fail(&err, NIGH_UNSUPPORTED,
              "models are not managed over this API: put a .gguf file into the model folder, or "
              "name one in the config (docs/config.md)");
    admin_fail(ex, &err);
}
