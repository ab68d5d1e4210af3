#include "nigh/config.h"

#include "api/wire.h"
#include "base/path.h"
#include "nigh/config_can.h"
#include "nigh/config_detect.h"
#include "nigh/yaml.h"
#include "route/decide.h"
#include <arpa/inet.h>
#include <math.h>
#include <stdlib.h>
#include <unistd.h>

enum { CONFIG_ARENA_BYTES = 8 << 20, CONFIG_MODEL_NAME_MAX = 120 };

/* One reading.  The reader stands first, so that a reading is found from it. */
struct reading {
    struct reader rd;
    struct config *config;
    struct config_report *report; /* NULL: only the first mistake is wanted */
    struct arena *report_arena;
    struct nigh_err *err;
    const char *file;
};

static struct config *config_of(struct reader *rd)
{
    return CONTAINER_OF(rd, struct reading, rd)->config;
}

static void keep_first(struct reading *r, const struct yaml_mistake *m)
{
    const char *path = m->path[0] ? m->path : "the file";

    if (m->warning)
        return;
    if (m->line)
        nigh_fail(r->err, NIGH_INVALID, "%.80s:%u: %.60s: %.100s", r->file, m->line, path, m->what);
    else
        nigh_fail(r->err, NIGH_INVALID, "%.80s: %.60s: %.100s", r->file, path, m->what);
}

static void on_mistake(void *owner, const struct yaml_mistake *m)
{
    struct reading *r = owner;
    struct config_report *report = r->report;
    const char *key, *what;

    keep_first(r, m);
    if (!report)
        return;
    report->n_errors += !m->warning;
    key = arena_strdup(r->report_arena, slice_of(m->path));
    what = arena_strdup(r->report_arena, slice_of(m->what));
    if (report->n == CONFIG_MISTAKES_MAX || !key || !what) {
        report->more++;
        return;
    }
    report->list[report->n++] = (struct config_mistake){m->line, m->column, key, what, m->warning};
}

/* --- shapes -------------------------------------------------------------------------------------
 */

static void read_unload(struct reader *rd, yaml_node_t *node, void *at, const struct yaml_key *key)
{
    struct config_engine *engine = at;
    struct slice s = reader_scalar(rd, node);

    (void)key;
    if (!s.p)
        return;
    if (slice_is(s, "auto"))
        engine->unload = UNLOAD_AUTO;
    else if (slice_is(s, "never"))
        engine->unload = UNLOAD_NEVER;
    else if (reader_parse_duration(s, &engine->unload_ms))
        engine->unload = UNLOAD_AFTER;
    else
        reader_mistake(rd, node, "expected auto, never, or a duration such as 10m");
}

/* "acme", or [home, acme] */
static void read_inside(struct reader *rd, yaml_node_t *node, void *at, const struct yaml_key *key)
{
    struct zone_spec *zone = at;

    (void)key;
    zone->inside = reader_texts(rd, node, ZONE_MAX, &zone->n_inside);
}

static const struct yaml_key zone_keys[] = {{.name = "inside", .read = read_inside}, {0}};

static bool plain_name(const char *name)
{
    size_t len = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_-");

    return len > 0 && len <= 32 && name[len] == '\0';
}

static void read_zones(struct reader *rd, yaml_node_t *node, void *at, const struct yaml_key *key)
{
    struct config *config = at;
    size_t n = reader_pairs(rd, node);
    struct zone_spec *zones = n ? arena_calloc(&config->arena, n, sizeof *zones) : NULL;

    (void)key;
    reader_note(rd, &config->zones, node);
    for (size_t i = 0; zones && i < n; i++) {
        struct slice name;
        yaml_node_t *key_node, *value;
        if (!reader_pair(rd, node, i, &name, &key_node, &value))
            continue;
        size_t len = reader_push(rd, ".%.60s", name.p);
        struct zone_spec *zone = &zones[config->n_zones];
        zone->name = arena_strdup(&config->arena, name);
        if (zone->name && !plain_name(zone->name))
            reader_mistake(rd, key_node, "expected a name of 1 to 32 of a-z, 0-9, _ and -");
        if (zone->name && !reader_is_null(value))
            reader_keys(rd, value, zone, zone_keys);
        config->n_zones += zone->name != NULL;
        reader_pop(rd, len);
    }
    config->zones = zones;
}

#define MODEL(member) offsetof(struct config_model, member)
static const struct yaml_key model_keys[] = {
    {.name = "name", .read = reader_text, .offset = MODEL(name)},
    {.name = "quality", .read = reader_num, .offset = MODEL(quality), .high = 1},
    {.name = "context", .read = reader_u64, .offset = MODEL(context_tokens), .low = 1, .high = 1e8},
    {.name = "output",
     .read = reader_u64,
     .offset = MODEL(output_tokens_max),
     .low = 1,
     .high = 1e8},
    {.name = "hedge", .read = reader_duration, .offset = MODEL(hedge_ms)},
    {.name = "price_in", .read = reader_num, .offset = MODEL(price_in), .high = 1e5},
    {.name = "price_out", .read = reader_num, .offset = MODEL(price_out), .high = 1e5},
    {.name = "price_cached", .read = reader_num, .offset = MODEL(price_cached), .high = 1e5},
    {.name = "can", .read = config_can_read},
    {0},
};

/* It stands in headers, logs and commands: no blanks, no controls. */
static bool model_name_ok(const char *name)
{
    size_t len = 0;

    while (name[len] > ' ' && name[len] < 127)
        len++;
    return len > 0 && len <= CONFIG_MODEL_NAME_MAX && name[len] == '\0';
}

static void check_model(struct reader *rd, yaml_node_t *node, const struct config_cloud *cloud,
                        size_t i)
{
    const struct config_model *model = &cloud->models[i];

    if (!model->name) {
        reader_mistake(rd, node, "`name` is missing");
        return;
    }
    if (!model_name_ok(model->name))
        reader_mistake(rd, node, "name: expected 1 to %d printable characters without blanks",
                       CONFIG_MODEL_NAME_MAX);
    for (size_t j = 0; j < i; j++)
        if (cloud->models[j].name && strcmp(model->name, cloud->models[j].name) == 0)
            reader_mistake(rd, node, "name: `%.60s` stands here twice", model->name);
    if (isnan(model->price_in) != isnan(model->price_out))
        reader_mistake(rd, node, "price_in and price_out go together");
    else if (!isnan(model->price_cached) && isnan(model->price_in))
        reader_mistake(rd, node, "price_cached goes with price_in and price_out");
}

static void read_models(struct reader *rd, yaml_node_t *node, void *at, const struct yaml_key *key)
{
    struct config_cloud *cloud = at;

    cloud->models =
        reader_items(rd, node, sizeof *cloud->models, CONFIG_MODELS_MAX, &cloud->n_models);
    for (size_t i = 0; i < cloud->n_models; i++) {
        struct config_model *model = &cloud->models[i];
        yaml_node_t *item = reader_item(rd, node, i);
        size_t len = reader_push(rd, "[%zu]", i);
        *model = (struct config_model){.quality = 0.7,
                                       .price_in = NAN,
                                       .price_out = NAN,
                                       .price_cached = NAN,
                                       .can = CAN_ALL & ~(unsigned)(CAN_AUDIO | CAN_FILES),
                                       .line = (unsigned)item->start_mark.line + 1};
        if (item->type == YAML_SCALAR_NODE)
            reader_text(rd, item, &model->name, key);
        else
            reader_keys(rd, item, model, model_keys);
        if (model->verbs == 0 && model->name)
            model->verbs = config_can_guess(model->name);
        check_model(rd, item, cloud, i);
        reader_pop(rd, len);
    }
}

#define CLOUD(member) offsetof(struct config_cloud, member)
static const struct yaml_key cloud_keys[] = {
    {.name = "name", .read = reader_text, .offset = CLOUD(name)},
    {.name = "api", .read = reader_text, .offset = CLOUD(api)},
    {.name = "url", .read = reader_text, .offset = CLOUD(url)},
    {.name = "key_env", .read = reader_text, .offset = CLOUD(key_env)},
    {.name = "key_file", .read = reader_text, .offset = CLOUD(key_file)},
    {.name = "zone", .read = reader_text, .offset = CLOUD(zone)},
    {.name = "pin", .read = reader_text, .offset = CLOUD(pin)},
    {.name = "plain_http", .read = reader_bool, .offset = CLOUD(plain_http)},
    {.name = "old_max_tokens", .read = reader_tristate, .offset = CLOUD(old_max_tokens)},
    {.name = "first_byte", .read = reader_duration, .offset = CLOUD(first_byte_ms)},
    {.name = "idle", .read = reader_duration, .offset = CLOUD(idle_ms)},
    {.name = "total", .read = reader_duration, .offset = CLOUD(total_ms)},
    {.name = "concurrency",
     .read = reader_uint,
     .offset = CLOUD(concurrency),
     .low = 1,
     .high = 1024},
    {.name = "queue", .read = reader_uint, .offset = CLOUD(queue), .low = 1, .high = 4096},
    {.name = "models", .read = read_models},
    {0},
};

static void check_cloud_name(struct reader *rd, yaml_node_t *node, const struct config *config,
                             size_t i)
{
    static const char *const taken[] = {"auto", "here", "skill"};
    const char *name = config->clouds[i].name;

    if (!name) {
        reader_mistake(rd, node, "`name` is missing");
        return;
    }
    if (!plain_name(name))
        reader_mistake_of(rd, &config->clouds[i].name, NULL,
                          "expected 1 to 32 of a-z, 0-9, _ and -");
    for (size_t j = 0; j < ARRAY_LEN(taken); j++)
        if (strcmp(name, taken[j]) == 0)
            reader_mistake_of(rd, &config->clouds[i].name, NULL,
                              "`%s` means something else in model names", name);
    for (size_t j = 0; j < i; j++)
        if (config->clouds[j].name && strcmp(name, config->clouds[j].name) == 0)
            reader_mistake_of(rd, &config->clouds[i].name, NULL, "two clouds are called `%.40s`",
                              name);
}

/* Does http:// to it leave the device unencrypted?  Judged as net/client.c will. */
static bool in_the_open(const char *url)
{
    char host[INET6_ADDRSTRLEN];
    struct in_addr v4;
    struct in6_addr v6;
    bool brackets = strncmp(url, "http://[", 8) == 0;
    const char *from = url + (brackets ? 8 : 7);
    size_t len = strcspn(from, brackets ? "]/?#" : ":/?#");

    if (strncmp(url, "http://", 7) != 0)
        return false;
    if (slice_ieq((struct slice){from, len}, SLICE("localhost")))
        return false;
    if (len >= sizeof host)
        return true;
    memcpy(host, from, len);
    host[len] = '\0';
    if (inet_pton(AF_INET, host, &v4) == 1)
        return ntohl(v4.s_addr) >> 24 != 127;
    return inet_pton(AF_INET6, host, &v6) != 1 || !IN6_IS_ADDR_LOOPBACK(&v6);
}

static void check_url(struct reader *rd, yaml_node_t *node, const struct config_cloud *cloud)
{
    const char *url = cloud->url, *host, *at;

    if (!url) {
        reader_mistake(rd, node, "`url` is missing");
        return;
    }
    if (strncmp(url, "http://", 7) != 0 && strncmp(url, "https://", 8) != 0) {
        reader_mistake_of(rd, &cloud->url, NULL, "expected https:// or http://");
        return;
    }
    host = strstr(url, "://") + 3;
    at = memchr(host, '@', strcspn(host, "/?#"));
    if (at)
        reader_mistake_of(rd, &cloud->url, NULL,
                          "no key or password stands in a url; use key_env or key_file");
    else if (in_the_open(url) && !cloud->plain_http)
        reader_mistake_of(rd, &cloud->url, NULL,
                          "http:// is not encrypted; inside a boundary of yours say "
                          "plain_http: true");
}

/* As `nigh status` of the other node shows it, and curl takes it. */
static bool pin_ok(const char *pin)
{
    size_t len = strlen(pin);

    return len == 52 && strncmp(pin, "sha256//", 8) == 0 && pin[51] == '=' &&
           strspn(pin + 8, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/") ==
               43;
}

static void check_pin(struct reader *rd, const struct config_cloud *cloud)
{
    if (!cloud->pin)
        return;
    if (!pin_ok(cloud->pin))
        reader_mistake_of(rd, &cloud->pin, NULL,
                          "expected sha256//BASE64 of a public key, as `nigh status` shows it");
    else if (cloud->url && strncmp(cloud->url, "https://", 8) != 0)
        reader_mistake_of(rd, &cloud->pin, NULL, "goes with https:// alone");
}

const struct wire *config_wire(const char *api)
{
    static const struct wire *const wires[] = {&wire_openai, &wire_responses, &wire_anthropic};

    for (size_t i = 0; i < ARRAY_LEN(wires); i++)
        if (strcmp(api, wires[i]->name) == 0)
            return wires[i];
    return NULL;
}

static void check_cloud(struct reader *rd, yaml_node_t *node, const struct config *config, size_t i)
{
    const struct config_cloud *cloud = &config->clouds[i];

    check_cloud_name(rd, node, config, i);
    if (!config_wire(cloud->api))
        reader_mistake_of(rd, &cloud->api, NULL,
                          "`%.40s` is none of openai, openai-responses, anthropic", cloud->api);
    check_url(rd, node, cloud);
    check_pin(rd, cloud);
    if (cloud->key_env && cloud->key_file)
        reader_mistake_of(rd, &cloud->key_file, NULL, "key_env and key_file exclude each other");
    if (cloud->n_models == 0)
        reader_mistake(rd, node, "`models` is missing: name at least one");
}

static void read_clouds(struct reader *rd, yaml_node_t *node, void *at, const struct yaml_key *key)
{
    struct config *config = at;

    (void)key;
    config->clouds =
        reader_items(rd, node, sizeof *config->clouds, CONFIG_CLOUDS_MAX, &config->n_clouds);
    for (size_t i = 0; i < config->n_clouds; i++) {
        struct config_cloud *cloud = &config->clouds[i];
        yaml_node_t *item = reader_item(rd, node, i);
        size_t len = reader_push(rd, "[%zu]", i);
        *cloud = (struct config_cloud){.api = "openai",
                                       .zone = "public",
                                       .old_max_tokens = -1,
                                       .line = (unsigned)item->start_mark.line + 1};
        reader_keys(rd, item, cloud, cloud_keys);
        check_cloud(rd, item, config, i);
        reader_pop(rd, len);
    }
}

static void read_aliases(struct reader *rd, yaml_node_t *node, void *at, const struct yaml_key *key)
{
    struct config *config = at;
    size_t n = reader_pairs(rd, node);

    _Static_assert((int)READER_PAIRS_MAX <= (int)CONFIG_ALIASES_MAX,
                   "a mapping is bounded by the reader");
    config->aliases = n ? arena_calloc(&config->arena, n, sizeof *config->aliases) : NULL;
    for (size_t i = 0; config->aliases && i < n; i++) {
        struct slice name;
        yaml_node_t *key_node, *value;
        if (!reader_pair(rd, node, i, &name, &key_node, &value))
            continue;
        size_t len = reader_push(rd, ".%.60s", name.p);
        struct config_alias *alias = &config->aliases[config->n_aliases];
        alias->from = arena_strdup(&config->arena, name);
        if (alias->from)
            reader_text(rd, value, &alias->to, key);
        config->n_aliases += alias->to != NULL;
        reader_pop(rd, len);
    }
}

#define RULE(member) offsetof(struct rule_spec, member)
static const struct yaml_key when_keys[] = {
    {.name = "key", .read = reader_text, .offset = RULE(key)},
    {.name = "text", .read = reader_text, .offset = RULE(text)},
    {0},
};
static const struct yaml_key rule_keys[] = {
    {.name = "when", .read = reader_map, .sub = when_keys},
    {.name = "label", .read = reader_text, .offset = RULE(label)},
    {0},
};

static void read_rules(struct reader *rd, yaml_node_t *node, void *at, const struct yaml_key *key)
{
    struct config *config = at;

    (void)key;
    config->rules = reader_items(rd, node, sizeof *config->rules, RULES_MAX, &config->n_rules);
    for (size_t i = 0; i < config->n_rules; i++) {
        struct rule_spec *rule = &config->rules[i];
        yaml_node_t *item = reader_item(rd, node, i);
        size_t len = reader_push(rd, "[%zu]", i);
        rule->line = (unsigned)item->start_mark.line + 1;
        reader_keys(rd, item, rule, rule_keys);
        if (!rule->label)
            reader_mistake(rd, item, "`label` is missing");
        if (!rule->key && !rule->text)
            reader_mistake(rd, item, "`when` needs a key or a text");
        reader_pop(rd, len);
    }
}

static void read_tools(struct reader *rd, yaml_node_t *node, void *at, const struct yaml_key *key)
{
    struct config *config = at;
    size_t n = reader_pairs(rd, node);

    _Static_assert((int)READER_PAIRS_MAX <= (int)CONFIG_TOOLS_MAX,
                   "a mapping is bounded by the reader");
    config->tools = n ? arena_calloc(&config->arena, n, sizeof *config->tools) : NULL;
    for (size_t i = 0; config->tools && i < n; i++) {
        struct slice name;
        yaml_node_t *key_node, *value;
        if (!reader_pair(rd, node, i, &name, &key_node, &value))
            continue;
        size_t len = reader_push(rd, ".%.60s", name.p);
        struct config_tool *tool = &config->tools[config->n_tools];
        if (slice_is(name, "default") && !reader_is_null(value)) {
            reader_text(rd, value, &config->tools_default, key);
        } else if (!reader_is_null(value) && (tool->name = arena_strdup(&config->arena, name))) {
            reader_text(rd, value, &tool->zone, key);
            config->n_tools += tool->zone != NULL;
        }
        reader_pop(rd, len);
    }
}

static void read_links(struct reader *rd, yaml_node_t *node, void *at, const struct yaml_key *key)
{
    struct slice s = reader_scalar(rd, node);

    (void)key;
    if (slice_is(s, "neutralise") || slice_is(s, "keep"))
        *(bool *)at = slice_is(s, "neutralise");
    else if (s.p)
        reader_mistake(rd, node, "expected keep or neutralise");
}

static void read_profile(struct reader *rd, yaml_node_t *node, void *at, const struct yaml_key *key)
{
    struct slice s = reader_scalar(rd, node);
    enum profile profile;

    if (s.p && profile_find(&profile, s))
        reader_text(rd, node, at, key);
    else if (s.p)
        reader_mistake(rd, node, "`%.40s` is none of balanced, private, fast, frugal, best, green",
                       s.p);
}

static void read_level(struct reader *rd, yaml_node_t *node, void *at, const struct yaml_key *key)
{
    static const char *const levels[] = {"debug", "info", "warn", "error"};
    struct slice s = reader_scalar(rd, node);

    for (size_t i = 0; s.p && i < ARRAY_LEN(levels); i++) {
        if (slice_is(s, levels[i])) {
            reader_text(rd, node, at, key);
            return;
        }
    }
    if (s.p)
        reader_mistake(rd, node, "expected debug, info, warn or error");
}

static void read_pooling(struct reader *rd, yaml_node_t *node, void *at, const struct yaml_key *key)
{
    static const char *const poolings[] = {"mean", "cls", "last"};
    struct slice s = reader_scalar(rd, node);

    for (size_t i = 0; s.p && i < ARRAY_LEN(poolings); i++)
        if (slice_is(s, poolings[i])) {
            reader_text(rd, node, at, key);
            return;
        }
    if (s.p)
        reader_mistake(rd, node, "expected mean, cls or last");
}

#define BESIDE(member) offsetof(struct config_beside, member)
static const struct yaml_key embed_keys[] = {
    {.name = "model", .read = reader_text, .offset = BESIDE(model)},
    {.name = "pooling", .read = read_pooling, .offset = BESIDE(pooling)},
    {.name = "context", .read = reader_u64, .offset = BESIDE(context), .low = 64, .high = 131072},
    {0},
};
static const struct yaml_key rerank_keys[] = {
    {.name = "model", .read = reader_text, .offset = BESIDE(model)},
    {.name = "context", .read = reader_u64, .offset = BESIDE(context), .low = 64, .high = 131072},
    {0},
};

/* A model's name or path, or a mapping of more. */
static void read_beside(struct reader *rd, yaml_node_t *node, void *at, const struct yaml_key *key)
{
    struct config_beside *beside = at;

    if (node->type == YAML_SCALAR_NODE)
        reader_text(rd, node, &beside->model, key);
    else
        reader_keys(rd, node, beside, key->sub);
    if (!beside->model && node->type == YAML_MAPPING_NODE)
        reader_mistake(rd, node, "`model` is missing");
}

#define ENGINE(member) offsetof(struct config_engine, member)
static const struct yaml_key engine_keys[] = {
    {.name = "enabled", .read = reader_bool, .offset = ENGINE(enabled)},
    {.name = "model", .read = reader_text, .offset = ENGINE(model)},
    {.name = "program", .read = reader_text, .offset = ENGINE(program)},
    {.name = "context", .read = reader_u64, .offset = ENGINE(context), .low = 64, .high = 1e7},
    {.name = "slots", .read = reader_uint, .offset = ENGINE(slots), .low = 1, .high = 256},
    {.name = "queue", .read = reader_uint, .offset = ENGINE(queue), .high = 10000},
    {.name = "queue_wait", .read = reader_duration, .offset = ENGINE(queue_wait_ms)},
    {.name = "unload", .read = read_unload},
    {.name = "threads", .read = reader_uint, .offset = ENGINE(threads), .high = 1024},
    {.name = "memory", .read = reader_bytes, .offset = ENGINE(memory_bytes)},
    {.name = "quality", .read = reader_num, .offset = ENGINE(quality), .high = 1},
    {.name = "watts", .read = reader_num, .offset = ENGINE(watts), .high = 10000},
    {.name = "embed", .read = read_beside, .offset = ENGINE(embed), .sub = embed_keys},
    {.name = "rerank", .read = read_beside, .offset = ENGINE(rerank), .sub = rerank_keys},
    {0},
};

#define TOP(member) offsetof(struct config, member)
static const struct yaml_key route_keys[] = {
    {.name = "profile", .read = read_profile, .offset = TOP(profile)},
    {.name = "budget_usd_per_day",
     .read = reader_num,
     .offset = TOP(budget_usd_per_day),
     .high = 1e6},
    {0},
};

static const struct yaml_key answer_keys[] = {
    {.name = "links", .read = read_links, .offset = TOP(links_neutralise)},
    {0},
};

static const struct yaml_key responses_keys[] = {
    {.name = "keep", .read = reader_duration, .offset = TOP(responses_keep_ms)},
    {.name = "max", .read = reader_bytes, .offset = TOP(responses_bytes_max)},
    {0},
};

static const struct yaml_key top_keys[] = {
    {.name = "listen", .read = config_listen_read, .offset = TOP(listens)},
    {.name = "hosts", .read = config_hosts_read, .offset = TOP(hosts)},
    {.name = "zones", .read = read_zones},
    {.name = "default_label", .read = reader_text, .offset = TOP(default_label)},
    {.name = "engine", .read = reader_map, .offset = TOP(engine), .sub = engine_keys},
    {.name = "clouds", .read = read_clouds},
    {.name = "aliases", .read = read_aliases},
    {.name = "route", .read = reader_map, .sub = route_keys},
    {.name = "rules", .read = read_rules},
    {.name = "detect", .read = config_detect_read, .offset = TOP(detect)},
    {.name = "tools", .read = read_tools},
    {.name = "answer", .read = reader_map, .sub = answer_keys},
    {.name = "skills", .read = reader_bool, .offset = TOP(skills)},
    {.name = "log", .read = read_level, .offset = TOP(log_level)},
    {.name = "body_max", .read = reader_bytes, .offset = TOP(body_bytes_max)},
    {.name = "responses", .read = reader_map, .sub = responses_keys},
    {.name = "memory", .read = reader_later, .note = "this version remembers nothing yet"},
    {.name = "mesh", .read = reader_later, .note = "this version knows no other nodes yet"},
    {0},
};

static void config_defaults(struct config *config)
{
    config->listens = (struct config_listens){
        .all = {{.host = "127.0.0.1", .port = 6444, .loopback = true}}, .n = 1};
    config->default_label = "public";
    config->profile = "balanced";
    config->budget_usd_per_day = NAN;
    config_detect_defaults(&config->detect);
    config->skills = true;
    config->log_level = "info";
    config->body_bytes_max = 64 << 20;
    config->responses_keep_ms = 30ull * 86400 * 1000;
    config->responses_bytes_max = 1 << 30;
    config->engine = (struct config_engine){.enabled = true,
                                            .context = 8192,
                                            .slots = 1,
                                            .queue = 16,
                                            .queue_wait_ms = 30000,
                                            .unload = UNLOAD_AUTO,
                                            .quality = 0.3,
                                            .embed = {.context = 2048},
                                            .rerank = {.context = 2048}};
}

/* --- what spans several keys --------------------------------------------------------------------
 */

static void check_zone(struct reader *rd, const char *const *member)
{
    const struct config *config = config_of(rd);
    const char *name = *member;

    if (!name || strcmp(name, "device") == 0 || strcmp(name, "public") == 0)
        return;
    for (size_t i = 0; i < config->n_zones; i++)
        if (strcmp(name, config->zones[i].name) == 0)
            return;
    reader_mistake_of(rd, member, NULL, "there is no zone `%.40s`; see zones", name);
}

static void check_zones_named(struct reader *rd)
{
    const struct config *config = config_of(rd);

    check_zone(rd, &config->default_label);
    for (size_t i = 0; i < config->n_zones; i++)
        for (size_t k = 0; k < config->zones[i].n_inside; k++)
            check_zone(rd, &config->zones[i].inside[k]);
    for (size_t i = 0; i < config->n_clouds; i++)
        check_zone(rd, &config->clouds[i].zone);
    for (size_t i = 0; i < config->n_rules; i++)
        check_zone(rd, &config->rules[i].label);
    for (size_t i = 0; i < config->n_tools; i++)
        check_zone(rd, &config->tools[i].zone);
    check_zone(rd, &config->tools_default);
}

/* "line 12: rule: why" and "zones: why" without what the report tells anyway. */
static const char *bare(const char *what)
{
    bool told = strncmp(what, "line ", 5) == 0 || strncmp(what, "zones: ", 7) == 0;
    const char *colon = told ? strstr(what, ": ") : NULL;

    return colon ? colon + 2 : what;
}

/* All rules at once, as the node will; only when that fails one by one, to name each that is bad.
 */
static void check_rules(struct reader *rd, const struct zones *zones)
{
    const struct config *config = config_of(rd);
    struct nigh_err whole = {0};
    struct rules *rules = NULL;
    size_t before = rd->n_errors;

    if (rules_new(&rules, config->rules, config->n_rules, zones, &whole) == NIGH_OK) {
        rules_free(rules);
        return;
    }
    for (size_t i = 0; i < config->n_rules; i++) {
        struct nigh_err err = {0};
        if (rules_new(&rules, &config->rules[i], 1, zones, &err) == NIGH_OK)
            rules_free(rules);
        else
            reader_mistake_of(rd, &config->rules[i].text, &config->rules[i].label, "%s",
                              bare(err.what));
    }
    if (rd->n_errors == before) /* each is good, and together they are too much */
        reader_mistake_of(rd, &config->rules[0].label, NULL, "%s", bare(whole.what));
}

static bool alias_leads_somewhere(const struct config *config, const char *to)
{
    enum profile profile;
    struct slice rest = slice_of(to), head = slice_cut(&rest, '/');

    if (slice_is(head, "auto"))
        return !rest.p || profile_find(&profile, rest);
    if (slice_is(head, "here") || slice_is(head, "skill"))
        return true;
    for (size_t i = 0; i < config->n_clouds; i++) {
        const struct config_cloud *cloud = &config->clouds[i];
        bool mine = cloud->name && slice_is(head, cloud->name);
        if (mine && !rest.p)
            return true;
        for (size_t k = 0; k < cloud->n_models; k++) {
            const char *model = cloud->models[k].name;
            if (model && (strcmp(model, to) == 0 || (mine && slice_is(rest, model))))
                return true;
        }
    }
    return false;
}

/* Runs when every value by itself was read. */
static void check_whole(struct reader *rd)
{
    struct config *config = config_of(rd);
    struct zones zones;
    struct nigh_err err = {0};

    check_zones_named(rd);
    for (size_t i = 0; i < config->n_aliases; i++)
        if (!alias_leads_somewhere(config, config->aliases[i].to))
            reader_warning_of(rd, &config->aliases[i].to, NULL,
                              "`%.60s` is neither auto nor a place of this config",
                              config->aliases[i].to);
    if (rd->n_errors || config->arena.refused)
        return;
    if (zones_build(&zones, config->zones, config->n_zones, &config->arena, &err) != NIGH_OK)
        reader_mistake_of(rd, &config->zones, NULL, "%s", bare(err.what));
    else
        check_rules(rd, &zones);
}

/* A path is meant from where the config stands, and ~/ from home.  names: a word without a slash is
 * the name of something, not a path. */
static void resolve(struct config *config, const char *file, bool names, const char **member)
{
    const char *path = *member, *home = getenv("HOME"), *slash = strrchr(file, '/');
    const char *whole = path;

    if (!path || path[0] == '/')
        return;
    if (strncmp(path, "~/", 2) == 0 && home && home[0] == '/')
        whole = arena_printf(&config->arena, "%s%s", home, path + 1);
    else if (slash && (!names || strchr(path, '/')))
        whole = arena_printf(&config->arena, "%.*s/%s", (int)(slash - file), file, path);
    if (whole)
        *member = whole;
}

static void resolve_all(struct config *config, const char *file)
{
    resolve(config, file, true, &config->engine.model);
    resolve(config, file, true, &config->engine.program);
    resolve(config, file, true, &config->engine.embed.model);
    resolve(config, file, true, &config->engine.rerank.model);
    resolve(config, file, false, &config->detect.words_file);
    for (size_t i = 0; i < config->n_clouds; i++)
        resolve(config, file, false, &config->clouds[i].key_file);
}

enum nigh_status config_parse(struct config **ret, const char *path, struct slice text,
                              struct config_report *report, struct arena *report_arena,
                              struct nigh_err *err)
{
    struct config *config = calloc(1, sizeof *config);
    struct nigh_err first = {0};

    if (!config)
        return nigh_fail(err, NIGH_NOMEM, "config: out of memory");
    arena_init(&config->arena, CONFIG_ARENA_BYTES);
    config->path = arena_strdup(&config->arena, slice_of(path[0] ? path : "(defaults)"));
    if (report)
        *report = (struct config_report){0};
    struct reading r = {.config = config,
                        .report = report,
                        .report_arena = report_arena,
                        .err = &first,
                        .file = path[0] ? path : "(defaults)"};
    reader_init(&r.rd, &config->arena, on_mistake, &r);
    config_defaults(config);
    reader_run(&r.rd, text, config, top_keys);
    check_whole(&r.rd);
    resolve_all(config, path);
    if (config->arena.refused && r.rd.n_errors == 0)
        reader_mistake_of(&r.rd, NULL, NULL, "needs more than %d MiB of memory when read",
                          CONFIG_ARENA_BYTES >> 20);
    reader_done(&r.rd);
    if (first.status != NIGH_OK) {
        config_free(config);
        return nigh_fail(err, first.status, "%s", first.what);
    }
    *ret = config;
    return NIGH_OK;
}

enum nigh_status config_load(struct config **ret, const char *path, struct config_report *report,
                             struct arena *report_arena, struct nigh_err *err)
{
    CLEANUP(buf_done) struct buf text = {0};

    if (path[0]) {
        enum nigh_status status = path_read(&text, path, CONFIG_BYTES_MAX, err);
        if (status != NIGH_OK)
            return status;
    }
    return config_parse(ret, path, buf_slice(&text), report, report_arena, err);
}

enum nigh_status config_find(char *ret_path, size_t size, const char *explicit_path,
                             struct nigh_err *err)
{
    char dir[PATH_BYTES], path[PATH_BYTES];
    const char *named = explicit_path ? explicit_path : getenv("NIGH_CONFIG");

    ret_path[0] = '\0';
    if (named && named[0]) {
        if (strlen(named) >= size)
            return nigh_fail(err, NIGH_INVALID, "config: a path of more than %zu bytes", size - 1);
        if (access(named, R_OK) != 0)
            return nigh_fail(err, NIGH_NOTFOUND, "config %.180s: %m", named);
        snprintf(ret_path, size, "%s", named);
        return NIGH_OK;
    }
    enum nigh_status status = path_config(dir, err);
    if (status == NIGH_OK)
        status = path_join(path, dir, "config.yaml", err);
    if (status != NIGH_OK)
        return status;
    if (path_exists(path))
        snprintf(ret_path, size, "%s", path);
    else if (path_exists("/etc/nigh/config.yaml"))
        snprintf(ret_path, size, "/etc/nigh/config.yaml");
    return NIGH_OK;
}

struct config *config_free(struct config *config)
{
    if (config)
        arena_done(&config->arena);
    free(config);
    return NULL;
}
