/* The config in force, for `nigh config show`: first as JSON with the file's own keys, and from
 * that as YAML in block style.  What is written reads back as the same config (config-test.c). */
#include "base/json.h"
#include "nigh/config_can.h"
#include "nigh/config_detect.h"
#include <math.h>

/* --- JSON ---------------------------------------------------------------------------------------
 */

struct unit {
    const char *name;
    uint64_t factor;
};

/* In the largest unit that tells it exactly. */
static void put_quantity(struct buf *out, const char *key, uint64_t n, const struct unit *units,
                         size_t n_units)
{
    char text[40];
    size_t i = 0;

    while (i + 1 < n_units && (n == 0 || n % units[i].factor != 0))
        i++;
    snprintf(text, sizeof text, "%llu%s", (unsigned long long)(n / units[i].factor), units[i].name);
    json_put_cstr(out, key, text);
}

static void put_duration(struct buf *out, const char *key, uint64_t ms)
{
    static const struct unit units[] = {{"h", 3600000}, {"m", 60000}, {"s", 1000}, {"ms", 1}};

    put_quantity(out, key, ms, units, ARRAY_LEN(units));
}

static void put_bytes(struct buf *out, const char *key, uint64_t bytes)
{
    static const struct unit units[] = {
        {"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}, {"B", 1}};

    put_quantity(out, key, bytes, units, ARRAY_LEN(units));
}

/* 0 stands for a default that is another module's to choose: null, as in the file. */
static void put_count(struct buf *out, const char *key, uint64_t n)
{
    if (n)
        json_put_int(out, key, (int64_t)n);
    else
        json_put_null(out, key);
}

static void put_clock(struct buf *out, const char *key, uint64_t ms)
{
    if (ms)
        put_duration(out, key, ms);
    else
        json_put_null(out, key);
}

static void put_zones(const struct config *config, struct buf *out)
{
    json_key(out, "zones");
    buf_add_char(out, '{');
    for (size_t i = 0; i < config->n_zones; i++) {
        const struct zone_spec *zone = &config->zones[i];
        json_key(out, zone->name);
        buf_add_char(out, '{');
        json_key(out, "inside");
        buf_add_char(out, '[');
        for (size_t k = 0; k < zone->n_inside; k++) {
            json_sep(out);
            buf_add_json(out, slice_of(zone->inside[k]));
        }
        buf_add_cstr(out, "]}");
    }
    buf_add_char(out, '}');
}

static void put_beside(const char *key, const struct config_beside *beside, bool pooling,
                       struct buf *out)
{
    if (!beside->model) {
        json_put_null(out, key);
        return;
    }
    json_key(out, key);
    buf_add_char(out, '{');
    json_put_cstr(out, "model", beside->model);
    if (pooling)
        json_put_cstr(out, "pooling", beside->pooling);
    json_put_int(out, "context", (int64_t)beside->context);
    buf_add_char(out, '}');
}

static void put_engine(const struct config_engine *engine, struct buf *out)
{
    json_key(out, "engine");
    buf_add_char(out, '{');
    json_put_bool(out, "enabled", engine->enabled);
    json_put_cstr(out, "model", engine->model);
    json_put_cstr(out, "program", engine->program);
    json_put_int(out, "context", (int64_t)engine->context);
    json_put_int(out, "slots", engine->slots);
    json_put_int(out, "queue", engine->queue);
    put_duration(out, "queue_wait", engine->queue_wait_ms);
    if (engine->unload == UNLOAD_AFTER)
        put_duration(out, "unload", engine->unload_ms);
    else
        json_put_cstr(out, "unload", engine->unload == UNLOAD_NEVER ? "never" : "auto");
    json_put_int(out, "threads", engine->threads);
    if (engine->memory_bytes)
        put_bytes(out, "memory", engine->memory_bytes);
    else
        json_put_null(out, "memory");
    json_put_num(out, "quality", engine->quality);
    json_put_num(out, "watts", engine->watts);
    put_beside("embed", &engine->embed, true, out);
    put_beside("rerank", &engine->rerank, false, out);
    buf_add_char(out, '}');
}

static void put_model(const struct config_model *model, struct buf *out)
{
    json_sep(out);
    buf_add_char(out, '{');
    json_put_cstr(out, "name", model->name);
    json_put_num(out, "quality", model->quality);
    put_count(out, "context", model->context_tokens);
    put_count(out, "output", model->output_tokens_max);
    put_clock(out, "hedge", model->hedge_ms);
    json_put_num(out, "price_in", model->price_in);
    json_put_num(out, "price_out", model->price_out);
    json_put_num(out, "price_cached", model->price_cached);
    json_key(out, "can");
    config_can_put(model, out);
    buf_add_char(out, '}');
}

static void put_cloud(const struct config_cloud *cloud, struct buf *out)
{
    json_sep(out);
    buf_add_char(out, '{');
    json_put_cstr(out, "name", cloud->name);
    json_put_cstr(out, "api", cloud->api);
    json_put_cstr(out, "url", cloud->url);
    json_put_cstr(out, "key_env", cloud->key_env);
    json_put_cstr(out, "key_file", cloud->key_file);
    json_put_cstr(out, "zone", cloud->zone);
    json_put_cstr(out, "pin", cloud->pin);
    json_put_bool(out, "plain_http", cloud->plain_http);
    if (cloud->old_max_tokens < 0)
        json_put_null(out, "old_max_tokens");
    else
        json_put_bool(out, "old_max_tokens", cloud->old_max_tokens);
    put_clock(out, "first_byte", cloud->first_byte_ms);
    put_clock(out, "idle", cloud->idle_ms);
    put_clock(out, "total", cloud->total_ms);
    put_count(out, "concurrency", cloud->concurrency);
    put_count(out, "queue", cloud->queue);
    json_key(out, "models");
    buf_add_char(out, '[');
    for (size_t i = 0; i < cloud->n_models; i++)
        put_model(&cloud->models[i], out);
    buf_add_cstr(out, "]}");
}

static void put_rule(const struct rule_spec *rule, struct buf *out)
{
    json_sep(out);
    buf_add_char(out, '{');
    json_key(out, "when");
    buf_add_char(out, '{');
    if (rule->key)
        json_put_cstr(out, "key", rule->key);
    if (rule->text)
        json_put_cstr(out, "text", rule->text);
    buf_add_char(out, '}');
    json_put_cstr(out, "label", rule->label);
    buf_add_char(out, '}');
}

static void put_lists(const struct config *config, struct buf *out)
{
    json_key(out, "clouds");
    buf_add_char(out, '[');
    for (size_t i = 0; i < config->n_clouds; i++)
        put_cloud(&config->clouds[i], out);
    buf_add_char(out, ']');
    json_key(out, "aliases");
    buf_add_char(out, '{');
    for (size_t i = 0; i < config->n_aliases; i++)
        json_put_cstr(out, config->aliases[i].from, config->aliases[i].to);
    buf_add_char(out, '}');
    json_key(out, "rules");
    buf_add_char(out, '[');
    for (size_t i = 0; i < config->n_rules; i++)
        put_rule(&config->rules[i], out);
    buf_add_char(out, ']');
}

static void put_private(const struct config *config, struct buf *out)
{
    json_key(out, "detect");
    config_detect_put(&config->detect, out);
    json_key(out, "tools");
    buf_add_char(out, '{');
    for (size_t i = 0; i < config->n_tools; i++)
        json_put_cstr(out, config->tools[i].name, config->tools[i].zone);
    json_put_cstr(out, "default", config->tools_default);
    buf_add_char(out, '}');
    json_key(out, "answer");
    buf_add_char(out, '{');
    json_put_cstr(out, "links", config->links_neutralise ? "neutralise" : "keep");
    buf_add_char(out, '}');
}

static void put_listen(const struct config *config, struct buf *out)
{
    char text[CONFIG_LISTEN_TEXT_BYTES];

    json_key(out, "listen");
    buf_add_char(out, '[');
    for (size_t i = 0; i < config->listens.n; i++) {
        config_listen_text(text, &config->listens.all[i]);
        json_sep(out);
        buf_add_json(out, slice_of(text));
    }
    buf_add_char(out, ']');
    json_key(out, "hosts");
    buf_add_char(out, '[');
    for (size_t i = 0; i < config->hosts.n; i++) {
        json_sep(out);
        buf_add_json(out, slice_of(config->hosts.names[i]));
    }
    buf_add_char(out, ']');
}

void config_show_json(const struct config *config, struct buf *out)
{
    buf_add_char(out, '{');
    put_listen(config, out);
    put_zones(config, out);
    json_put_cstr(out, "default_label", config->default_label);
    put_engine(&config->engine, out);
    put_lists(config, out);
    put_private(config, out);
    json_key(out, "route");
    buf_add_char(out, '{');
    json_put_cstr(out, "profile", config->profile);
    json_put_num(out, "budget_usd_per_day", config->budget_usd_per_day);
    buf_add_char(out, '}');
    json_put_bool(out, "skills", config->skills);
    json_put_cstr(out, "log", config->log_level);
    put_bytes(out, "body_max", config->body_bytes_max);
    json_key(out, "responses");
    buf_add_char(out, '{');
    put_duration(out, "keep", config->responses_keep_ms);
    put_bytes(out, "max", config->responses_bytes_max);
    buf_add_char(out, '}');
    buf_add_char(out, '}');
}

/* --- YAML ---------------------------------------------------------------------------------------
 */

static bool has_any(struct slice s, const char *chars)
{
    for (size_t i = 0; i < s.len; i++)
        if (strchr(chars, s.p[i]))
            return true;
    return false;
}

#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

/* Would any reader of YAML take these bare bytes for the text that they are?  Some take 12:30 for a
 * number and 2026-01-01 for a date, so a text of our own has a letter or a slash. */
static bool plain(struct slice s)
{
    static const char *const words[] = {"true", "false", "yes", "no",  "on",
                                        "off",  "null",  "y",   "nan", "inf"};

    if (s.len == 0 || !has_any(s, LETTERS "/") || !strchr(LETTERS "0123456789_/", s.p[0]) ||
        s.p[s.len - 1] == ':')
        return false;
    for (size_t i = 0; i < s.len; i++)
        if (!s.p[i] || !strchr(LETTERS "0123456789_./:@+-", s.p[i]))
            return false;
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (slice_ieq(s, slice_of(words[i])))
            return false;
    return !(s.p[0] >= '0' && s.p[0] <= '9') || !has_any(s, "eExX"); /* 1e3, 0x10 */
}

/* Characters of three bytes that YAML takes for a line break, or for nothing: U+2028, U+2029, a
 * byte order mark, U+FFFE, U+FFFF. Returns the escape, or NULL. */
static const char *yaml_odd(struct slice rest)
{
    static const struct {
        char bytes[4];
        const char *escape;
    } odd[] = {{"\xe2\x80\xa8", "\\u2028"},
               {"\xe2\x80\xa9", "\\u2029"},
               {"\xef\xbb\xbf", "\\ufeff"},
               {"\xef\xbf\xbe", "\\ufffe"},
               {"\xef\xbf\xbf", "\\uffff"}};

    for (size_t i = 0; i < ARRAY_LEN(odd); i++)
        if (slice_starts(rest, (struct slice){odd[i].bytes, 3}))
            return odd[i].escape;
    return NULL;
}

/* YAML lets no control character through as it is: U+0000 to U+001F, U+007F to U+009F. */
static void yaml_quote(struct buf *out, struct slice s)
{
    buf_add_char(out, '"');
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.p[i];
        unsigned char next = i + 1 < s.len ? (unsigned char)s.p[i + 1] : 0;
        const char *odd = c >= 0xe2 ? yaml_odd((struct slice){s.p + i, s.len - i}) : NULL;
        if (odd) {
            buf_add_cstr(out, odd);
            i += 2;
        } else if (c == '"' || c == '\\') {
            buf_add_char(out, '\\');
            buf_add_char(out, (char)c);
        } else if (c < 0x20 || c == 0x7f) {
            buf_printf(out, "\\x%02x", c);
        } else if (c == 0xc2 && next < 0xa0) {
            buf_printf(out, "\\x%02x", next);
            i++;
        } else {
            buf_add_char(out, (char)c);
        }
    }
    buf_add_char(out, '"');
}

static void yaml_text(struct buf *out, struct slice s)
{
    if (plain(s))
        buf_add_str(out, s);
    else
        yaml_quote(out, s);
}

static void indent(struct buf *out, unsigned depth)
{
    for (unsigned i = 0; i < depth; i++)
        buf_add_cstr(out, "  ");
}

static void yaml_value(struct buf *out, yyjson_val *v, unsigned depth);

/* The first line stands where the buffer is; the others are indented. */
static void yaml_object(struct buf *out, yyjson_val *v, unsigned depth)
{
    yyjson_obj_iter it = yyjson_obj_iter_with(v);
    bool first = true;

    for (yyjson_val *key; (key = yyjson_obj_iter_next(&it));) {
        if (!first)
            indent(out, depth);
        first = false;
        yaml_text(out, json_str(key));
        buf_add_char(out, ':');
        yaml_value(out, yyjson_obj_iter_get_val(key), depth + 1);
    }
}

static void yaml_array(struct buf *out, yyjson_val *v, unsigned depth)
{
    yyjson_arr_iter it = yyjson_arr_iter_with(v);

    for (yyjson_val *item; (item = yyjson_arr_iter_next(&it));) {
        indent(out, depth);
        buf_add_char(out, '-');
        if (yyjson_is_obj(item) && yyjson_obj_size(item)) {
            buf_add_char(out, ' ');
            yaml_object(out, item, depth + 1);
        } else {
            yaml_value(out, item, depth + 1);
        }
    }
}

/* After "key:" or "-": on the same line, or in lines of its own. */
static void yaml_value(struct buf *out, yyjson_val *v, unsigned depth)
{
    if (yyjson_is_ctn(v) && unsafe_yyjson_get_len(v)) {
        buf_add_char(out, '\n');
        if (yyjson_is_arr(v)) {
            yaml_array(out, v, depth);
        } else {
            indent(out, depth);
            yaml_object(out, v, depth);
        }
        return;
    }
    buf_add_char(out, ' ');
    if (yyjson_is_str(v))
        yaml_text(out, json_str(v));
    else
        json_add_val(out, v); /* numbers, true, null, [] and {} are YAML as they are */
    buf_add_char(out, '\n');
}

void config_show(const struct config *config, struct buf *out)
{
    CLEANUP(buf_done) struct buf json = {0};
    CLEANUP(arena_done) struct arena arena;
    yyjson_val *root;

    arena_init(&arena, 64 << 20); /* a config of CONFIG_BYTES_MAX, several times */
    config_show_json(config, &json);
    if (json.failed || json_parse(&root, buf_slice(&json), &arena, NULL) != NIGH_OK)
        out->failed = true;
    else
        yaml_object(out, root, 0);
}
