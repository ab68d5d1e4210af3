#include "nigh/setting.h"
#include "nigh/detector.h"

#include "base/log.h"
#include "base/path.h"
#include "engine/launch.h"
#include "meter/price.h"
#include "model/shelf.h"
#include <math.h>
#include <stdlib.h>
#include <unistd.h>

struct setting_engine {
    unsigned refs;
    struct engine *engine;
    /* what it was made of, with made_of, for comparing */
    char model[PATH_BYTES], program[PATH_BYTES], pooling[8];
    enum launch_kind kind;
    struct config_engine made_of; /* of it the numbers alone */
};

/* --- where things are ------------------------------------------------------------------------- */

enum nigh_status setting_model_path(char ret[static PATH_BYTES], const struct config_engine *engine,
                                    struct nigh_err *err)
{
    char dir[PATH_BYTES];
    const char *name = engine->model ? engine->model : getenv("NIGH_MODEL");
    enum nigh_status status = path_models(dir, err);

    if (status != NIGH_OK)
        return status;
    if (!name || !name[0])
        return shelf_only(ret, dir, err);
    if (!strchr(name, '/'))
        return shelf_find(ret, dir, name, err);
    snprintf(ret, PATH_BYTES, "%s", name); /* a path, as the owner of the config wrote it */
    if (access(ret, R_OK) != 0)
        return nigh_fail(err, NIGH_NOTFOUND, "engine.model: %.180s: %m", ret);
    return NIGH_OK;
}

/* Of a second model, which is always named. */
static enum nigh_status beside_path(char ret[static PATH_BYTES], const char *name, const char *key,
                                    struct nigh_err *err)
{
    struct config_engine named = {.model = name};
    struct nigh_err why = {0};

    if (setting_model_path(ret, &named, &why) == NIGH_OK)
        return NIGH_OK;
    const char *text = strchr(why.what, ' '); /* after "engine.model:" */
    return nigh_fail(err, why.status, "engine.%s:%s", key, text ? text : "");
}

/* --- the engine -------------------------------------------------------------------------- */

/* "qwen3-0.6b" of ".../qwen3-0.6b.gguf"; a name too long for the gate is cut, it only
 * has to be told apart */
static void model_name(char ret[static 128], const char *path)
{
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    size_t len = strlen(name);

    if (len > 5 && strcmp(name + len - 5, ".gguf") == 0)
        len -= 5;
    snprintf(ret, 128, "%.*s", (int)(len < 127 ? len : 127), name);
}

/* One of the local models, as its engine is made. */
struct local {
    enum launch_kind kind;
    const struct config_engine *config;
    const struct config_beside *beside; /* NULL: the one that chats */
    char model[PATH_BYTES], program[PATH_BYTES];
};

static const char *local_pooling(const struct local *l)
{
    return l->beside && l->beside->pooling ? l->beside->pooling : "";
}

static uint64_t local_context(const struct local *l)
{
    return l->beside ? l->beside->context : l->config->context;
}

static bool same_engine(const struct setting_engine *box, const struct local *l)
{
    const struct config_engine *was = &box->made_of, *config = l->config;

    return strcmp(box->model, l->model) == 0 && strcmp(box->program, l->program) == 0 &&
           strcmp(box->pooling, local_pooling(l)) == 0 && box->kind == l->kind &&
           was->context == local_context(l) && was->slots == config->slots &&
           was->queue == config->queue && was->queue_wait_ms == config->queue_wait_ms &&
           was->unload == config->unload && was->unload_ms == config->unload_ms &&
           was->threads == config->threads && was->memory_bytes == config->memory_bytes &&
           was->quality == config->quality && was->watts == config->watts;
}

static struct setting_engine *engine_box_unref(struct setting_engine *box)
{
    if (box && --box->refs == 0) {
        engine_free(box->engine);
        free(box);
    }
    return NULL;
}

static void local_name(char ret[static 128], const struct local *l, const struct setting *s)
{
    static const char *const suffixes[] = {
        [LAUNCH_CHAT] = "", [LAUNCH_EMBED] = ":embed", [LAUNCH_RERANK] = ":rerank"};
    char other[128] = "";

    model_name(ret, l->model);
    for (size_t kind = 0; kind < ARRAY_LEN(s->engines); kind++) {
        if (!s->engines[kind] || kind == (size_t)l->kind)
            continue;
        model_name(other, s->engines[kind]->model);
        if (strcmp(ret, other) == 0) { /* one file for two uses: two places, told apart */
            size_t more = strlen(suffixes[l->kind]), len = strnlen(ret, 127 - more);
            memcpy(ret + len, suffixes[l->kind], more + 1);
            return;
        }
    }
}

static enum nigh_status engine_box_new(struct setting_engine **ret, const struct local *l,
                                       const char *name, const struct setting_parts *parts,
                                       struct nigh_err *err)
{
    const struct config_engine *config = l->config;
    struct setting_engine *box = calloc(1, sizeof *box);

    if (!box)
        return nigh_fail(err, NIGH_NOMEM, "engine: out of memory");
    box->refs = 1;
    box->kind = l->kind;
    snprintf(box->model, sizeof box->model, "%s", l->model);
    snprintf(box->program, sizeof box->program, "%s", l->program);
    snprintf(box->pooling, sizeof box->pooling, "%s", local_pooling(l));
    box->made_of = *config;
    box->made_of.context = local_context(l);
    struct engine_spec spec = {
        .program = l->program,
        .model_path = l->model,
        .name = name,
        .kind = l->kind,
        .pooling = box->pooling[0] ? box->pooling : NULL,
        .context_tokens = local_context(l),
        .slots = config->slots,
        .queue_max = config->queue,
        .queue_wait_ms = config->queue_wait_ms,
        .unload = config->unload == UNLOAD_AUTO    ? ENGINE_UNLOAD_AUTO
                  : config->unload == UNLOAD_NEVER ? ENGINE_UNLOAD_NEVER
                                                   : ENGINE_UNLOAD_AFTER,
        .unload_ms = config->unload_ms,
        .threads = config->threads,
        .memory_bytes = config->memory_bytes,
        .quality = config->quality,
        .watts = config->watts,
        .state_dir = parts->state_dir,
        .trust = parts->trust,
    };
    enum nigh_status status =
        engine_new(&box->engine, parts->loop, parts->client, parts->gate, &spec, err);
    if (status != NIGH_OK)
        free(box);
    else
        *ret = box;
    return status;
}

/* The one of the setting before when nothing of it changed, else a new one. */
static enum nigh_status local_make(struct setting *s, const struct local *l,
                                   const struct setting_parts *parts,
                                   const struct setting *previous, struct nigh_err *err)
{
    struct setting_engine *was = previous ? previous->engines[l->kind] : NULL;
    char name[128];

    local_name(name, l, s);
    if (was && same_engine(was, l) && strcmp(engine_place(was->engine)->model, name) == 0) {
        s->engines[l->kind] = was;
        was->refs++;
        return NIGH_OK;
    }
    return engine_box_new(&s->engines[l->kind], l, name, parts, err);
}

/* No model, or none of its program, is not a mistake unless the config named one: a node without a
 * local model still has its skills and its clouds. */
static enum nigh_status find_chat(struct setting *s, const struct setting_parts *parts,
                                  const struct setting *previous, struct nigh_err *err)
{
    const struct config_engine *config = &s->config->engine;
    struct local l = {.kind = LAUNCH_CHAT, .config = config};
    struct nigh_err why = {0};

    if (setting_model_path(l.model, config, &why) != NIGH_OK ||
        launch_find(l.program, config->program, &why) != NIGH_OK) {
        if (config->model || config->program)
            return nigh_fail(err, why.status, "%s", why.what);
        log_err(LOG_WARN, "setting", "no local model", &why);
        return NIGH_OK;
    }
    return local_make(s, &l, parts, previous, err);
}

static enum nigh_status find_beside(struct setting *s, enum launch_kind kind,
                                    const struct setting_parts *parts,
                                    const struct setting *previous, struct nigh_err *err)
{
    const struct config_engine *config = &s->config->engine;
    const char *key = kind == LAUNCH_EMBED ? "embed" : "rerank";
    struct local l = {.kind = kind, .config = config};
    enum nigh_status status;

    l.beside = kind == LAUNCH_EMBED ? &config->embed : &config->rerank;
    if (!l.beside->model)
        return NIGH_OK;
    if ((status = beside_path(l.model, l.beside->model, key, err)) ||
        (status = launch_find(l.program, config->program, err)))
        return status;
    return local_make(s, &l, parts, previous, err);
}

static enum nigh_status setting_engines_find(struct setting *s, const struct setting_parts *parts,
                                             const struct setting *previous, struct nigh_err *err)
{
    enum nigh_status status;

    if (!s->config->engine.enabled)
        return NIGH_OK;
    if ((status = find_chat(s, parts, previous, err)) ||
        (status = find_beside(s, LAUNCH_EMBED, parts, previous, err)))
        return status;
    return find_beside(s, LAUNCH_RERANK, parts, previous, err);
}

struct engine *setting_engine(const struct setting *setting, enum launch_kind kind)
{
    return setting->engines[kind] ? setting->engines[kind]->engine : NULL;
}

struct engine *setting_local(const struct setting *setting)
{
    return setting_engine(setting, LAUNCH_CHAT);
}

/* --- the clouds -------------------------------------------------------------------------- */

static int64_t micro(double usd)
{
    return isnan(usd) ? -1 : (int64_t)llround(usd * 1e6);
}

static struct price model_price(const struct config_cloud *cloud, const struct config_model *model)
{
    struct price price;

    if (!isnan(model->price_in)) {
        price = PRICE_UNKNOWN;
        price.input = micro(model->price_in);
        price.output = micro(model->price_out);
        price.cached_read = micro(model->price_cached);
        price.source = "config";
    } else {
        price_find(&price, cloud->name, model->name, NULL, 0);
    }
    return price;
}

static enum nigh_status setting_cloud(struct setting *s, const struct config_cloud *config,
                                      const struct setting_parts *parts, struct nigh_err *err)
{
    struct cloud_model *models = arena_calloc(&s->config->arena, config->n_models, sizeof *models);
    struct cloud_spec spec = {
        .name = config->name,
        .wire = config_wire(config->api),
        .base_url = config->url,
        .zone = (unsigned)zone_find(&s->zones, slice_of(config->zone)),
        .key_env = config->key_env,
        .key_file = config->key_file,
        .pin = config->pin,
        .plain_http_ok = config->plain_http,
        .old_max_tokens = config->old_max_tokens,
        .first_ms = config->first_byte_ms,
        .idle_ms = config->idle_ms,
        .total_ms = config->total_ms,
        .at_once = config->concurrency,
        .queue_max = config->queue,
        .models = models,
        .n_models = config->n_models,
    };

    if (!models)
        return nigh_fail(err, NIGH_NOMEM, "clouds: out of memory");
    for (size_t i = 0; i < config->n_models; i++) {
        const struct config_model *m = &config->models[i];
        models[i] = (struct cloud_model){.name = m->name,
                                         .quality = m->quality,
                                         .price = model_price(config, m),
                                         .context_tokens = m->context_tokens,
                                         .output_tokens_max = m->output_tokens_max,
                                         .hedge_ms = m->hedge_ms,
                                         .can = m->can,
                                         .verbs = m->verbs};
    }
    enum nigh_status status =
        cloud_new(&s->clouds[s->n_clouds], parts->loop, parts->client, &spec, err);
    s->n_clouds += status == NIGH_OK;
    return status;
}

/* --- the whole --------------------------------------------------------------------------- */

static enum nigh_status setting_places(struct setting *s, const struct setting_parts *parts,
                                       struct nigh_err *err)
{
    size_t n = 1 + ARRAY_LEN(s->engines);
    struct place **list;

    for (size_t i = 0; i < s->n_clouds; i++)
        n += cloud_places(s->clouds[i], &list);
    s->places = arena_calloc(&s->config->arena, n, sizeof(struct place *));
    if (!s->places)
        return nigh_fail(err, NIGH_NOMEM, "places: out of memory");
    if (parts->skill_place && s->config->skills)
        s->places[s->n_places++] = parts->skill_place;
    for (size_t i = 0; i < ARRAY_LEN(s->engines); i++)
        if (s->engines[i])
            s->places[s->n_places++] = engine_place(s->engines[i]->engine);
    for (size_t i = 0; i < s->n_clouds; i++) {
        size_t count = cloud_places(s->clouds[i], &list);
        for (size_t j = 0; j < count; j++)
            s->places[s->n_places++] = list[j];
    }
    return NIGH_OK;
}

static enum nigh_status setting_route(struct setting *s, const struct setting_parts *parts,
                                      struct nigh_err *err)
{
    const struct config *config = s->config;
    struct route_alias *aliases =
        arena_calloc(&s->config->arena, config->n_aliases + 1, sizeof *aliases);

    if (!aliases)
        return nigh_fail(err, NIGH_NOMEM, "aliases: out of memory");
    for (size_t i = 0; i < config->n_aliases; i++)
        aliases[i] = (struct route_alias){config->aliases[i].from, config->aliases[i].to};
    s->route = (struct route_config){.zones = &s->zones,
                                     .aliases = aliases,
                                     .n_aliases = config->n_aliases,
                                     .skills = config->skills ? parts->skills : NULL};
    if (!profile_find(&s->route.profile, slice_of(config->profile)))
        return nigh_fail(err, NIGH_INVALID, "route.profile: no such profile");
    return NIGH_OK;
}

static enum nigh_status setting_tools(struct setting *s, struct nigh_err *err)
{
    const struct config *config = s->config;
    struct toolzone *all = arena_calloc(&s->config->arena, config->n_tools + 1, sizeof *all);

    if (!all)
        return nigh_fail(err, NIGH_NOMEM, "tools: out of memory");
    for (size_t i = 0; i < config->n_tools; i++)
        all[i] = (struct toolzone){config->tools[i].name,
                                   (unsigned)zone_find(&s->zones, slice_of(config->tools[i].zone))};
    s->tools = (struct toolzones){all, config->n_tools, TOOLZONE_NONE};
    if (config->tools_default)
        s->tools.other = zone_find(&s->zones, slice_of(config->tools_default));
    return NIGH_OK;
}

static bool any_public(const struct setting *s)
{
    for (size_t i = 0; i < s->n_places; i++)
        if (s->places[i]->dest.zone == ZONE_PUBLIC)
            return true;
    for (size_t i = 0; i < s->tools.n; i++)
        if (s->tools.all[i].zone == ZONE_PUBLIC)
            return true;
    return s->tools.other == ZONE_PUBLIC;
}

static enum nigh_status setting_build(struct setting *s, const struct setting_parts *parts,
                                      const struct setting *previous, struct nigh_err *err)
{
    struct config *config = s->config;
    enum nigh_status status =
        zones_build(&s->zones, config->zones, config->n_zones, &config->arena, err);

    if (status == NIGH_OK)
        status = label_parse(&s->default_label, &s->zones, slice_of(config->default_label), err);
    if (status == NIGH_OK)
        status = rules_new(&s->rules, config->rules, config->n_rules, &s->zones, err);
    if (status == NIGH_OK)
        status = setting_tools(s, err);
    if (status == NIGH_OK)
        status = setting_engines_find(s, parts, previous, err);
    s->clouds = arena_calloc(&config->arena, config->n_clouds + 1, sizeof(struct cloud *));
    if (status == NIGH_OK && !s->clouds)
        status = nigh_fail(err, NIGH_NOMEM, "clouds: out of memory");
    for (size_t i = 0; status == NIGH_OK && i < config->n_clouds; i++)
        status = setting_cloud(s, &config->clouds[i], parts, err);
    if (status == NIGH_OK)
        status = setting_places(s, parts, err);
    if (status == NIGH_OK)
        status = setting_route(s, parts, err);
    if (status == NIGH_OK)
        status = detector_new(&s->detector, &config->detect, err);
    s->searches = any_public(s);
    return status;
}

enum nigh_status setting_new(struct setting **ret, struct config *config,
                             const struct setting_parts *parts, const struct setting *previous,
                             struct nigh_err *err)
{
    struct setting *s = calloc(1, sizeof *s);

    if (!s) {
        config_free(config);
        return nigh_fail(err, NIGH_NOMEM, "setting: out of memory");
    }
    s->refs = 1;
    s->config = config;
    enum nigh_status status = setting_build(s, parts, previous, err);
    if (status != NIGH_OK)
        setting_unref(s);
    else
        *ret = s;
    return status;
}

struct setting *setting_ref(struct setting *setting)
{
    setting->refs++;
    return setting;
}

struct setting *setting_unref(struct setting *s)
{
    if (!s || --s->refs > 0)
        return NULL;
    for (size_t i = 0; i < s->n_clouds; i++)
        cloud_free(s->clouds[i]);
    for (size_t i = 0; i < ARRAY_LEN(s->engines); i++)
        engine_box_unref(s->engines[i]);
    rules_free(s->rules);
    detector_free(s->detector);
    config_free(s->config);
    free(s);
    return NULL;
}
