#include "nigh/config.h"

#include "base/path.h"
#include "route/decide.h"
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>
#include <yaml.h>

struct reader {
    yaml_document_t *doc;
    struct config *config;
    struct config_report *report; /* NULL: only the first mistake is wanted */
    struct arena *report_arena;
    struct nigh_err *err;
    const char *file;
    char path[256]; /* of the key that is being read: "clouds[0].url" */
    unsigned depth;
    size_t n_errors;
};

struct key;
typedef void read_fn(struct reader *rd, yaml_node_t *node, void *at, const struct key *key);

struct key {
    const char *name;
    read_fn *read;
    size_t offset;         /* of the member in the struct that the mapping fills */
    double low, high;      /* numbers */
    const struct key *sub; /* mappings */
    const char *note;      /* what a warning says */
};

static void mistake_at(struct reader *rd, yaml_mark_t mark, bool warning, const char *fmt,
                       va_list args)
{
    char what[200];

    vsnprintf(what, sizeof what, fmt, args);
    if (!warning) {
        rd->n_errors++;
        nigh_fail(rd->err, NIGH_INVALID, "%.80s:%zu: %.60s: %.100s", rd->file, mark.line + 1,
                  rd->path[0] ? rd->path : "file", what);
    }
    if (!rd->report)
        return;
    rd->report->n_errors += !warning;
    if (rd->report->n == CONFIG_MISTAKES_MAX) {
        rd->report->more++;
        return;
    }
    rd->report->list[rd->report->n++] = (struct config_mistake){
        .line = (unsigned)mark.line + 1,
        .column = (unsigned)mark.column + 1,
        .key = arena_strdup(rd->report_arena, slice_of(rd->path)),
        .what = arena_strdup(rd->report_arena, slice_of(what)),
        .warning = warning,
    };
}

__attribute__((format(printf, 3, 4))) static void mistake(struct reader *rd, yaml_node_t *node,
                                                          const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    mistake_at(rd, node->start_mark, false, fmt, args);
    va_end(args);
}

__attribute__((format(printf, 3, 4))) static void warning(struct reader *rd, yaml_node_t *node,
                                                          const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    mistake_at(rd, node->start_mark, true, fmt, args);
    va_end(args);
}

/* --- scalars ------------------------------------------------------------------------------- */

static struct slice scalar(struct reader *rd, yaml_node_t *node)
{
    if (node->type != YAML_SCALAR_NODE) {
        mistake(rd, node, "expected one value, not a %s",
                node->type == YAML_MAPPING_NODE ? "mapping" : "list");
        return (struct slice){0};
    }
    struct slice s = {(const char *)node->data.scalar.value, node->data.scalar.length};
    if (memchr(s.p, '\0', s.len)) {
        mistake(rd, node, "a value must not hold a NUL byte");
        return (struct slice){0};
    }
    return s;
}

static void read_text(struct reader *rd, yaml_node_t *node, void *at, const struct key *key)
{
    struct slice s = scalar(rd, node);

    (void)key;
    if (s.p)
        *(const char **)at = arena_strdup(&rd->config->arena, s);
}

static bool number(struct reader *rd, yaml_node_t *node, const struct key *key, double *ret)
{
    struct slice s = scalar(rd, node);
    char *end;

    if (!s.p)
        return false;
    errno = 0;
    *ret = strtod(s.p, &end); /* libyaml ends its scalars with a NUL */
    if (s.len == 0 || *end || errno || !isfinite(*ret)) {
        mistake(rd, node, "expected a number");
        return false;
    }
    if (*ret < key->low || *ret > key->high) {
        mistake(rd, node, "expected %g to %g", key->low, key->high);
        return false;
    }
    return true;
}

static void read_num(struct reader *rd, yaml_node_t *node, void *at, const struct key *key)
{
    double d;

    if (number(rd, node, key, &d))
        *(double *)at = d;
}

static bool whole(struct reader *rd, yaml_node_t *node, const struct key *key, double *ret)
{
    if (!number(rd, node, key, ret))
        return false;
    if (*ret == floor(*ret))
        return true;
    mistake(rd, node, "expected a whole number");
    return false;
}

static void read_u64(struct reader *rd, yaml_node_t *node, void *at, const struct key *key)
{
    double d;

    if (whole(rd, node, key, &d))
        *(uint64_t *)at = (uint64_t)d;
}

static void read_uint(struct reader *rd, yaml_node_t *node, void *at, const struct key *key)
{
    double d;

    if (whole(rd, node, key, &d))
        *(unsigned *)at = (unsigned)d;
}

static bool truth(struct reader *rd, yaml_node_t *node, bool *ret)
{
    static const struct {
        const char *word;
        bool value;
    } words[] = {{"true", true},   {"yes", true}, {"on", true},
                 {"false", false}, {"no", false}, {"off", false}};
    struct slice s = scalar(rd, node);

    for (size_t i = 0; s.p && i < ARRAY_LEN(words); i++) {
        if (slice_is(s, words[i].word)) {
            *ret = words[i].value;
            return true;
        }
    }
    if (s.p)
        mistake(rd, node, "expected true or false");
    return false;
}

static void read_bool(struct reader *rd, yaml_node_t *node, void *at, const struct key *key)
{
    (void)key;
    truth(rd, node, at);
}

static void read_tristate(struct reader *rd, yaml_node_t *node, void *at, const struct key *key)
{
    bool b;

    (void)key;
    if (truth(rd, node, &b))
        *(int *)at = b;
}

/* "500ms", "30s", "5m", "2h". */
static bool duration(struct slice s, uint64_t *ret_ms)
{
    static const struct {
        const char *unit;
        double ms;
    } units[] = {{"ms", 1}, {"s", 1e3}, {"m", 60e3}, {"h", 3600e3}};
    char *end;
    double d = strtod(s.p, &end);

    if (end == s.p || !(d >= 0) || d > 1e9)
        return false;
    for (size_t i = 0; i < ARRAY_LEN(units); i++) {
        if (strcmp(end, units[i].unit) == 0) {
            *ret_ms = (uint64_t)(d * units[i].ms);
            return true;
        }
    }
    return false;
}

static void read_duration(struct reader *rd, yaml_node_t *node, void *at, const struct key *key)
{
    struct slice s = scalar(rd, node);

    (void)key;
    if (s.p && !duration(s, at))
        mistake(rd, node, "expected a duration such as 500ms, 30s or 5m");
}

/* "2GiB", "512MiB". */
static void read_bytes(struct reader *rd, yaml_node_t *node, void *at, const struct key *key)
{
    static const struct {
        const char *unit;
        double bytes;
    } units[] = {{"KiB", 1024.0}, {"MiB", 1048576.0}, {"GiB", 1073741824.0}, {"B", 1}};
    struct slice s = scalar(rd, node);
    char *end = NULL;
    double d = s.p ? strtod(s.p, &end) : 0;

    (void)key;
    for (size_t i = 0; s.p && end != s.p && d > 0 && d < 1e6 && i < ARRAY_LEN(units); i++) {
        if (strcmp(end, units[i].unit) == 0) {
            *(uint64_t *)at = (uint64_t)(d * units[i].bytes);
            return;
        }
    }
    if (s.p)
        mistake(rd, node, "expected a size such as 512MiB or 2GiB");
}

static void read_unload(struct reader *rd, yaml_node_t *node, void *at, const struct key *key)
{
    struct config_engine *engine = at;
    struct slice s = scalar(rd, node);

    (void)key;
    if (!s.p)
        return;
    if (slice_is(s, "auto"))
        engine->unload = UNLOAD_AUTO;
    else if (slice_is(s, "never"))
        engine->unload = UNLOAD_NEVER;
    else if (duration(s, &engine->unload_ms))
        engine->unload = UNLOAD_AFTER;
    else
        mistake(rd, node, "expected auto, never, or a duration such as 10m");
}

static void read_listen(struct reader *rd, yaml_node_t *node, void *at, const struct key *key)
{
    struct config *config = at;
    struct slice s = scalar(rd, node), host = s;
    const char *colon = s.p ? memrchr(s.p, ':', s.len) : NULL;
    uint64_t port;

    (void)key;
    if (!s.p)
        return;
    if (!colon || !slice_u64((struct slice){colon + 1, (size_t)(s.p + s.len - colon) - 1}, &port) ||
        port > 65535) {
        mistake(rd, node, "expected HOST:PORT, such as 127.0.0.1:6444");
        return;
    }
    host.len = (size_t)(colon - s.p);
    if (host.len > 2 && host.p[0] == '[' && host.p[host.len - 1] == ']')
        host = (struct slice){host.p + 1, host.len - 2};
    if (host.len == 0) {
        mistake(rd, node, "expected a host before the port");
        return;
    }
    config->host = arena_strdup(&config->arena, host);
    config->port = (uint16_t)port;
}

static void read_later(struct reader *rd, yaml_node_t *node, void *at, const struct key *key)
{
    (void)at;
    warning(rd, node, "%s", key->note);
}

/* --- mappings and lists ------------------------------------------------------------------- */

/* How many single-letter edits lie between two words; for "did you mean". */
static unsigned edits(struct slice a, const char *b)
{
    unsigned row[33];
    size_t n = strlen(b);

    if (a.len > 32 || n > 32)
        return 99;
    for (size_t j = 0; j <= n; j++)
        row[j] = (unsigned)j;
    for (size_t i = 1; i <= a.len; i++) {
        unsigned diagonal = row[0];
        row[0] = (unsigned)i;
        for (size_t j = 1; j <= n; j++) {
            unsigned change = diagonal + (a.p[i - 1] != b[j - 1]);
            diagonal = row[j];
            row[j] = row[j] < row[j - 1] ? row[j] + 1 : row[j - 1] + 1;
            if (change < row[j])
                row[j] = change;
        }
    }
    return row[n];
}

static void unknown_key(struct reader *rd, yaml_node_t *node, struct slice name,
                        const struct key *keys)
{
    const struct key *near = NULL;
    unsigned best = 3;

    for (const struct key *k = keys; k->name; k++) {
        unsigned n = edits(name, k->name);
        if (n < best) {
            best = n;
            near = k;
        }
    }
    if (near)
        mistake(rd, node, "unknown key; did you mean `%s`?", near->name);
    else
        mistake(rd, node, "unknown key; see docs/config.md");
}

/* Appends to the path and returns its old length, to be handed to path_pop. */
__attribute__((format(printf, 2, 3))) static size_t path_push(struct reader *rd, const char *fmt,
                                                              ...)
{
    size_t len = strlen(rd->path);
    va_list args;

    va_start(args, fmt);
    vsnprintf(rd->path + len, sizeof rd->path - len, fmt, args);
    va_end(args);
    return len;
}

static void path_pop(struct reader *rd, size_t len)
{
    rd->path[len] = '\0';
}

static bool is_null(const yaml_node_t *node)
{
    return node->type == YAML_SCALAR_NODE && node->data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
           (node->data.scalar.length == 0 ||
            strcmp((const char *)node->data.scalar.value, "null") == 0 ||
            strcmp((const char *)node->data.scalar.value, "~") == 0);
}

static bool too_deep(struct reader *rd, yaml_node_t *node)
{
    if (rd->depth < CONFIG_DEPTH_MAX) /* also ends an alias that contains itself */
        return false;
    mistake(rd, node, "nested too deep");
    return true;
}

/* One pair per key: name and value of the i-th, or false with a mistake told. */
static bool pair_at(struct reader *rd, yaml_node_t *map, size_t i, struct slice *ret_name,
                    yaml_node_t **ret_key, yaml_node_t **ret_value)
{
    yaml_node_pair_t *pair = map->data.mapping.pairs.start + i;

    *ret_key = yaml_document_get_node(rd->doc, pair->key);
    *ret_value = yaml_document_get_node(rd->doc, pair->value);
    *ret_name = scalar(rd, *ret_key);
    if (!ret_name->p)
        return false;
    for (size_t j = 0; j < i; j++) {
        yaml_node_t *other =
            yaml_document_get_node(rd->doc, map->data.mapping.pairs.start[j].key);
        if (other->type == YAML_SCALAR_NODE &&
            slice_is(*ret_name, (const char *)other->data.scalar.value)) {
            mistake(rd, *ret_key, "`%.60s` stands here twice", ret_name->p);
            return false;
        }
    }
    return true;
}

static size_t pairs_of(struct reader *rd, yaml_node_t *node)
{
    if (is_null(node))
        return 0;
    if (node->type != YAML_MAPPING_NODE) {
        mistake(rd, node, "expected a mapping of keys to values");
        return 0;
    }
    return (size_t)(node->data.mapping.pairs.top - node->data.mapping.pairs.start);
}

static void read_keys(struct reader *rd, yaml_node_t *map, void *base, const struct key *keys)
{
    if (too_deep(rd, map))
        return;
    rd->depth++;
    size_t n = pairs_of(rd, map);
    for (size_t i = 0; i < n; i++) {
        struct slice name;
        yaml_node_t *key_node, *value;
        const struct key *k = keys;
        if (!pair_at(rd, map, i, &name, &key_node, &value))
            continue;
        size_t len = path_push(rd, rd->path[0] ? ".%.60s" : "%.60s", name.p);
        while (k->name && !slice_is(name, k->name))
            k++;
        if (!k->name)
            unknown_key(rd, key_node, name, keys);
        else if (!is_null(value))
            k->read(rd, value, (char *)base + k->offset, k);
        path_pop(rd, len);
    }
    rd->depth--;
}

static void read_map(struct reader *rd, yaml_node_t *node, void *at, const struct key *key)
{
    read_keys(rd, node, at, key->sub);
}

/* The items of a list, zeroed, as many as it has; NULL when it is none, too long or empty. */
static void *items_of(struct reader *rd, yaml_node_t *node, size_t size, size_t max, size_t *ret_n)
{
    *ret_n = 0;
    if (is_null(node))
        return NULL;
    if (node->type != YAML_SEQUENCE_NODE) {
        mistake(rd, node, "expected a list");
        return NULL;
    }
    size_t n = (size_t)(node->data.sequence.items.top - node->data.sequence.items.start);
    if (n > max) {
        mistake(rd, node, "at most %zu of these", max);
        return NULL;
    }
    void *items = n ? arena_calloc(&rd->config->arena, n, size) : NULL;
    if (items)
        *ret_n = n;
    return items;
}

static yaml_node_t *item_at(struct reader *rd, yaml_node_t *list, size_t i)
{
    return yaml_document_get_node(rd->doc, list->data.sequence.items.start[i]);
}

/* --- the config's own shapes -------------------------------------------------------------- */

/* "acme", or [home, acme] */
static void read_inside(struct reader *rd, yaml_node_t *node, void *at, const struct key *key)
{
    struct zone_spec *zone = at;
    size_t n = 1;
    const char **names;

    if (node->type == YAML_SEQUENCE_NODE)
        names = items_of(rd, node, sizeof *names, ZONE_MAX, &n);
    else
        names = arena_calloc(&rd->config->arena, 1, sizeof *names);
    if (!names)
        return;
    for (size_t i = 0; i < n; i++)
        read_text(rd, node->type == YAML_SEQUENCE_NODE ? item_at(rd, node, i) : node, &names[i],
                  key);
    zone->inside = names;
    zone->n_inside = n;
}

static const struct key zone_keys[] = {{"inside", read_inside, 0, 0, 0, NULL, NULL}, {0}};

static void read_zones(struct reader *rd, yaml_node_t *node, void *at, const struct key *key)
{
    struct config *config = at;
    size_t n = pairs_of(rd, node);
    struct zone_spec *zones = n ? arena_calloc(&config->arena, n, sizeof *zones) : NULL;

    (void)key;
    for (size_t i = 0; zones && i < n; i++) {
        struct slice name;
        yaml_node_t *key_node, *value;
        if (!pair_at(rd, node, i, &name, &key_node, &value))
            continue;
        size_t len = path_push(rd, ".%.60s", name.p);
        struct zone_spec *zone = &zones[config->n_zones++];
        zone->name = arena_strdup(&config->arena, name);
        if (!is_null(value))
            read_keys(rd, value, zone, zone_keys);
        path_pop(rd, len);
    }
    config->zones = zones;
}

static void read_can(struct reader *rd, yaml_node_t *node, void *at, const struct key *key)
{
    size_t n;
    const char **words = items_of(rd, node, sizeof *words, 32, &n);
    unsigned can = 0;

    for (size_t i = 0; i < n; i++) {
        unsigned bit = 0;
        read_text(rd, item_at(rd, node, i), &words[i], key);
        while (bit < 8 && words[i] && strcmp(words[i], place_can_text(bit)) != 0)
            bit++;
        if (!words[i])
            continue;
        if (bit == 8)
            mistake(rd, item_at(rd, node, i), "`%.40s` is none of tools, images, audio, files, "
                    "json, schema, logprobs, choices", words[i]);
        else
            can |= 1u << bit;
    }
    *(unsigned *)at = can;
}

#define MODEL(member) offsetof(struct config_model, member)
static const struct key model_keys[] = {
    {"name", read_text, MODEL(name), 0, 0, NULL, NULL},
    {"quality", read_num, MODEL(quality), 0, 1, NULL, NULL},
    {"context", read_u64, MODEL(context_tokens), 1, 1e8, NULL, NULL},
    {"output", read_u64, MODEL(output_tokens_max), 1, 1e8, NULL, NULL},
    {"price_in", read_num, MODEL(price_in), 0, 1e5, NULL, NULL},
    {"price_out", read_num, MODEL(price_out), 0, 1e5, NULL, NULL},
    {"price_cached", read_num, MODEL(price_cached), 0, 1e5, NULL, NULL},
    {"can", read_can, MODEL(can), 0, 0, NULL, NULL},
    {0},
};

static void read_models(struct reader *rd, yaml_node_t *node, void *at, const struct key *key)
{
    struct config_cloud *cloud = at;

    (void)key;
    cloud->models =
        items_of(rd, node, sizeof *cloud->models, CONFIG_MODELS_MAX, &cloud->n_models);
    for (size_t i = 0; i < cloud->n_models; i++) {
        struct config_model *model = &cloud->models[i];
        yaml_node_t *item = item_at(rd, node, i);
        size_t len = path_push(rd, "[%zu]", i);
        *model = (struct config_model){.quality = 0.7,
                                       .price_in = NAN,
                                       .price_out = NAN,
                                       .price_cached = NAN,
                                       .can = CAN_ALL & ~(unsigned)(CAN_AUDIO | CAN_FILES),
                                       .line = (unsigned)item->start_mark.line + 1};
        if (item->type == YAML_SCALAR_NODE)
            read_text(rd, item, &model->name, key);
        else
            read_keys(rd, item, model, model_keys);
        if (!model->name)
            mistake(rd, item, "`name` is missing");
        if (isnan(model->price_in) != isnan(model->price_out))
            mistake(rd, item, "price_in and price_out go together");
        path_pop(rd, len);
    }
}

#define CLOUD(member) offsetof(struct config_cloud, member)
static const struct key cloud_keys[] = {
    {"name", read_text, CLOUD(name), 0, 0, NULL, NULL},
    {"api", read_text, CLOUD(api), 0, 0, NULL, NULL},
    {"url", read_text, CLOUD(url), 0, 0, NULL, NULL},
    {"key_env", read_text, CLOUD(key_env), 0, 0, NULL, NULL},
    {"key_file", read_text, CLOUD(key_file), 0, 0, NULL, NULL},
    {"zone", read_text, CLOUD(zone), 0, 0, NULL, NULL},
    {"plain_http", read_bool, CLOUD(plain_http), 0, 0, NULL, NULL},
    {"old_max_tokens", read_tristate, CLOUD(old_max_tokens), 0, 0, NULL, NULL},
    {"first_byte", read_duration, CLOUD(first_byte_ms), 0, 0, NULL, NULL},
    {"idle", read_duration, CLOUD(idle_ms), 0, 0, NULL, NULL},
    {"total", read_duration, CLOUD(total_ms), 0, 0, NULL, NULL},
    {"models", read_models, 0, 0, 0, NULL, NULL},
    {0},
};

static bool plain_name(const char *name)
{
    size_t len = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_-");

    return len > 0 && len <= 32 && name[len] == '\0';
}

static void check_cloud(struct reader *rd, yaml_node_t *node, const struct config *config, size_t i)
{
    const struct config_cloud *cloud = &config->clouds[i];
    static const char *const taken[] = {"auto", "here", "skill"};

    if (!cloud->name)
        mistake(rd, node, "`name` is missing");
    else if (!plain_name(cloud->name))
        mistake(rd, node, "name: expected 1 to 32 of a-z, 0-9, _ and -");
    for (size_t j = 0; cloud->name && j < ARRAY_LEN(taken); j++)
        if (strcmp(cloud->name, taken[j]) == 0)
            mistake(rd, node, "name: `%s` means something else in model names", taken[j]);
    for (size_t j = 0; cloud->name && j < i; j++)
        if (config->clouds[j].name && strcmp(cloud->name, config->clouds[j].name) == 0)
            mistake(rd, node, "name: two clouds are called `%.40s`", cloud->name);
    if (strcmp(cloud->api, "openai") != 0)
        mistake(rd, node, "api: `%.40s` is not spoken yet; `openai` is", cloud->api);
    if (!cloud->url)
        mistake(rd, node, "`url` is missing");
    else if (strncmp(cloud->url, "http://", 7) != 0 && strncmp(cloud->url, "https://", 8) != 0)
        mistake(rd, node, "url: expected https:// or http://");
    if (cloud->key_env && cloud->key_file)
        mistake(rd, node, "key_env and key_file exclude each other");
    if (cloud->n_models == 0)
        mistake(rd, node, "`models` is missing: name at least one");
}

static void read_clouds(struct reader *rd, yaml_node_t *node, void *at, const struct key *key)
{
    struct config *config = at;

    (void)key;
    config->clouds =
        items_of(rd, node, sizeof *config->clouds, CONFIG_CLOUDS_MAX, &config->n_clouds);
    for (size_t i = 0; i < config->n_clouds; i++) {
        struct config_cloud *cloud = &config->clouds[i];
        yaml_node_t *item = item_at(rd, node, i);
        size_t len = path_push(rd, "[%zu]", i);
        *cloud = (struct config_cloud){.api = "openai",
                                       .zone = "public",
                                       .old_max_tokens = -1,
                                       .line = (unsigned)item->start_mark.line + 1};
        read_keys(rd, item, cloud, cloud_keys);
        check_cloud(rd, item, config, i);
        path_pop(rd, len);
    }
}

static void read_aliases(struct reader *rd, yaml_node_t *node, void *at, const struct key *key)
{
    struct config *config = at;
    size_t n = pairs_of(rd, node);

    if (n > CONFIG_ALIASES_MAX) {
        mistake(rd, node, "at most %d of these", CONFIG_ALIASES_MAX);
        return;
    }
    config->aliases = n ? arena_calloc(&config->arena, n, sizeof *config->aliases) : NULL;
    for (size_t i = 0; config->aliases && i < n; i++) {
        struct slice name;
        yaml_node_t *key_node, *value;
        if (!pair_at(rd, node, i, &name, &key_node, &value))
            continue;
        size_t len = path_push(rd, ".%.60s", name.p);
        struct config_alias *alias = &config->aliases[config->n_aliases];
        alias->from = arena_strdup(&config->arena, name);
        read_text(rd, value, &alias->to, key);
        config->n_aliases += alias->to != NULL;
        path_pop(rd, len);
    }
}

static const struct key when_keys[] = {
    {"key", read_text, offsetof(struct rule_spec, key), 0, 0, NULL, NULL},
    {"text", read_text, offsetof(struct rule_spec, text), 0, 0, NULL, NULL},
    {0},
};
static const struct key rule_keys[] = {
    {"when", read_map, 0, 0, 0, when_keys, NULL},
    {"label", read_text, offsetof(struct rule_spec, label), 0, 0, NULL, NULL},
    {0},
};

static void read_rules(struct reader *rd, yaml_node_t *node, void *at, const struct key *key)
{
    struct config *config = at;

    (void)key;
    config->rules = items_of(rd, node, sizeof *config->rules, RULES_MAX, &config->n_rules);
    for (size_t i = 0; i < config->n_rules; i++) {
        struct rule_spec *rule = &config->rules[i];
        yaml_node_t *item = item_at(rd, node, i);
        size_t len = path_push(rd, "[%zu]", i);
        rule->line = (unsigned)item->start_mark.line + 1;
        read_keys(rd, item, rule, rule_keys);
        if (!rule->label)
            mistake(rd, item, "`label` is missing");
        if (!rule->key && !rule->text)
            mistake(rd, item, "`when` needs a key or a text");
        path_pop(rd, len);
    }
}

#define ENGINE(member) offsetof(struct config_engine, member)
static const struct key engine_keys[] = {
    {"enabled", read_bool, ENGINE(enabled), 0, 0, NULL, NULL},
    {"model", read_text, ENGINE(model), 0, 0, NULL, NULL},
    {"program", read_text, ENGINE(program), 0, 0, NULL, NULL},
    {"context", read_u64, ENGINE(context), 64, 1e7, NULL, NULL},
    {"slots", read_uint, ENGINE(slots), 1, 256, NULL, NULL},
    {"queue", read_uint, ENGINE(queue), 0, 10000, NULL, NULL},
    {"queue_wait", read_duration, ENGINE(queue_wait_ms), 0, 0, NULL, NULL},
    {"unload", read_unload, 0, 0, 0, NULL, NULL},
    {"threads", read_uint, ENGINE(threads), 0, 1024, NULL, NULL},
    {"memory", read_bytes, ENGINE(memory_bytes), 0, 0, NULL, NULL},
    {"quality", read_num, ENGINE(quality), 0, 1, NULL, NULL},
    {"watts", read_num, ENGINE(watts), 0, 10000, NULL, NULL},
    {0},
};

#define TOP(member) offsetof(struct config, member)
static const struct key route_keys[] = {
    {"profile", read_text, TOP(profile), 0, 0, NULL, NULL},
    {"budget_usd_per_day", read_num, TOP(budget_usd_per_day), 0, 1e6, NULL, NULL},
    {0},
};

static const struct key top_keys[] = {
    {"listen", read_listen, 0, 0, 0, NULL, NULL},
    {"zones", read_zones, 0, 0, 0, NULL, NULL},
    {"default_label", read_text, TOP(default_label), 0, 0, NULL, NULL},
    {"engine", read_map, TOP(engine), 0, 0, engine_keys, NULL},
    {"clouds", read_clouds, 0, 0, 0, NULL, NULL},
    {"aliases", read_aliases, 0, 0, 0, NULL, NULL},
    {"route", read_map, 0, 0, 0, route_keys, NULL},
    {"rules", read_rules, 0, 0, 0, NULL, NULL},
    {"skills", read_bool, TOP(skills), 0, 0, NULL, NULL},
    {"log", read_text, TOP(log_level), 0, 0, NULL, NULL},
    {"body_max", read_bytes, TOP(body_bytes_max), 0, 0, NULL, NULL},
    {"detect", read_later, 0, 0, 0, NULL,
     "not done by this version: labels come from callers, keys and rules alone"},
    {"memory", read_later, 0, 0, 0, NULL, "this version remembers nothing yet"},
    {"mesh", read_later, 0, 0, 0, NULL, "this version knows no other nodes yet"},
    {0},
};

static void config_defaults(struct config *config)
{
    config->host = "127.0.0.1";
    config->port = 6444;
    config->default_label = "public";
    config->profile = "balanced";
    config->budget_usd_per_day = NAN;
    config->skills = true;
    config->log_level = "info";
    config->body_bytes_max = 64 << 20;
    config->engine = (struct config_engine){.enabled = true,
                                            .context = 8192,
                                            .slots = 1,
                                            .queue = 16,
                                            .queue_wait_ms = 30000,
                                            .unload = UNLOAD_AUTO,
                                            .quality = 0.3};
}

/* --- what spans several keys ---------------------------------------------------------------- */

static bool zone_known(const struct config *config, const char *name)
{
    if (strcmp(name, "device") == 0 || strcmp(name, "public") == 0)
        return true;
    for (size_t i = 0; i < config->n_zones; i++)
        if (strcmp(name, config->zones[i].name) == 0)
            return true;
    return false;
}

static void check_zone(struct reader *rd, unsigned line, const char *name, const char *fmt, size_t i)
{
    yaml_node_t at = {.start_mark = {.line = line ? line - 1 : 0}};

    if (!name || zone_known(rd->config, name))
        return;
    snprintf(rd->path, sizeof rd->path, fmt, i);
    mistake(rd, &at, "there is no zone `%.40s`", name);
    rd->path[0] = '\0';
}

static void check_whole(struct reader *rd)
{
    struct config *config = rd->config;
    yaml_node_t top = {0};
    enum profile profile;
    struct zones zones;
    struct nigh_err err = {0};
    static const char *const levels[] = {"debug", "info", "warn", "error"};
    size_t level = 0;

    check_zone(rd, 0, config->default_label, "default_label", 0);
    for (size_t i = 0; i < config->n_clouds; i++)
        check_zone(rd, config->clouds[i].line, config->clouds[i].zone, "clouds[%zu].zone", i);
    for (size_t i = 0; i < config->n_rules; i++)
        check_zone(rd, config->rules[i].line, config->rules[i].label, "rules[%zu].label", i);
    if (!profile_find(&profile, slice_of(config->profile))) {
        path_push(rd, "route.profile");
        mistake(rd, &top, "`%.40s` is none of balanced, private, fast, frugal, best, green",
                config->profile);
        path_pop(rd, 0);
    }
    while (level < ARRAY_LEN(levels) && strcmp(levels[level], config->log_level) != 0)
        level++;
    if (level == ARRAY_LEN(levels)) {
        path_push(rd, "log");
        mistake(rd, &top, "expected debug, info, warn or error");
        path_pop(rd, 0);
    }
    if (zones_build(&zones, config->zones, config->n_zones, &config->arena, &err) != NIGH_OK) {
        path_push(rd, "zones");
        mistake(rd, &top, "%s", err.what);
        path_pop(rd, 0);
    } else if (rd->n_errors == 0) {
        struct rules *rules = NULL;
        if (rules_new(&rules, config->rules, config->n_rules, &zones, &err) != NIGH_OK) {
            path_push(rd, "rules");
            mistake(rd, &top, "%s", err.what);
            path_pop(rd, 0);
        }
        rules_free(rules);
    }
}

static void read_document(struct reader *rd, yaml_parser_t *parser)
{
    yaml_document_t doc;

    if (!yaml_parser_load(parser, &doc)) {
        yaml_node_t at = {.start_mark = parser->problem_mark};
        mistake(rd, &at, "%s", parser->problem ? parser->problem : "not YAML");
        return;
    }
    yaml_node_t *root = yaml_document_get_root_node(&doc);
    if (root) {
        rd->doc = &doc;
        read_keys(rd, root, rd->config, top_keys);
        yaml_document_t more;
        if (yaml_parser_load(parser, &more)) {
            if (yaml_document_get_root_node(&more))
                mistake(rd, root, "more than one YAML document");
            yaml_document_delete(&more);
        }
    }
    yaml_document_delete(&doc);
}

enum nigh_status config_parse(struct config **ret, const char *path, struct slice text,
                              struct config_report *report, struct arena *report_arena,
                              struct nigh_err *err)
{
    struct config *config = calloc(1, sizeof *config);
    struct nigh_err first = {0};
    yaml_parser_t parser;

    if (!config)
        return nigh_fail(err, NIGH_NOMEM, "config: out of memory");
    arena_init(&config->arena, 8 << 20);
    config->path = arena_strdup(&config->arena, slice_of(path[0] ? path : "(defaults)"));
    config_defaults(config);
    struct reader rd = {.config = config, .report = report, .report_arena = report_arena,
                        .err = &first, .file = config->path};
    if (report)
        *report = (struct config_report){0};
    if (!yaml_parser_initialize(&parser)) {
        config_free(config);
        return nigh_fail(err, NIGH_NOMEM, "config: out of memory");
    }
    yaml_parser_set_input_string(&parser, (const unsigned char *)(text.p ? text.p : ""), text.len);
    read_document(&rd, &parser);
    yaml_parser_delete(&parser);
    check_whole(&rd);
    if (config->arena.refused && rd.n_errors == 0)
        nigh_fail(&first, NIGH_TOOBIG, "%.200s: the config needs too much memory", path);
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
