#include "nigh/admin.h"

#include "api/models.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/secret.h"
#include "meter/bill.h"
#include "nigh/question.h"
#include "nigh/routes.h"
#include <sodium.h>
#include <stdlib.h>

static const struct header json_type = {"Content-Type", "application/json"};

void admin_answer(struct exchange *ex, int status, struct buf *json)
{
    if (json->failed) {
        exchange_reply(ex, 503, &json_type, 1,
                       SLICE("{\"error\":{\"message\":\"out of memory\",\"type\":\"server_error\","
                             "\"param\":null,\"code\":null}}\n"));
    } else {
        buf_add_char(json, '\n');
        exchange_reply(ex, status, &json_type, 1, buf_slice(json));
    }
    buf_done(json);
    exchange_release(ex);
}

void admin_refuse(struct exchange *ex, const struct refusal *refusal)
{
    struct buf body = {0};
    char seconds[24];
    struct header headers[2] = {json_type};
    size_t n = 1;

    if (refusal->retry_after_ms) {
        snprintf(seconds, sizeof seconds, "%llu",
                 (unsigned long long)(refusal->retry_after_ms + 999) / 1000);
        headers[n++] = (struct header){"Retry-After", seconds};
    }
    routes_shape(ex)->error(refusal, &body);
    exchange_reply(ex, refusal->http_status, headers, n, buf_slice(&body));
    buf_done(&body);
}

void admin_fail(struct exchange *ex, const struct nigh_err *err)
{
    struct refusal refusal = {.status = err->status,
                              .http_status = nigh_status_http(err->status),
                              .what = slice_of(err->what)};

    admin_refuse(ex, &refusal);
    exchange_release(ex);
}

/* What GET /v1/models shows of this node. */
static struct models models_of(const struct node *node, const char *profiles[static PROFILE_COUNT])
{
    for (int i = 0; i < PROFILE_COUNT; i++)
        profiles[i] = profile_text((enum profile)i);
    return (struct models){.places = (const struct place *const *)node->setting->places,
                           .n_places = node->setting->n_places,
                           .profiles = profiles,
                           .n_profiles = PROFILE_COUNT,
                           .created = (int64_t)(node->started_us / 1000000)};
}

static enum models_shape shape_of(struct exchange *ex)
{
    return routes_shape(ex) == &api_anthropic ? MODELS_ANTHROPIC : MODELS_OPENAI;
}

void admin_models(struct node *node, struct exchange *ex, struct slice rest)
{
    struct buf json = {0};
    const char *profiles[PROFILE_COUNT];
    struct models models = models_of(node, profiles);

    (void)rest;
    models_list(&models, shape_of(ex), &json);
    admin_answer(ex, 200, &json);
}

void admin_model(struct node *node, struct exchange *ex, struct slice rest)
{
    struct buf json = {0};
    const char *profiles[PROFILE_COUNT];
    struct models models = models_of(node, profiles);
    struct nigh_err err = {0};

    if (models_one(&models, shape_of(ex), rest, &json)) {
        admin_answer(ex, 200, &json);
        return;
    }
    nigh_fail(&err, NIGH_NOTFOUND, "there is no such model here; GET /v1/models lists them");
    admin_fail(ex, &err);
}

void admin_health(struct node *node, struct exchange *ex, struct slice rest)
{
    struct buf json = {0};

    (void)node;
    (void)rest;
    buf_add_cstr(&json, "{\"status\":\"ok\"}");
    admin_answer(ex, 200, &json);
}

void admin_ready(struct node *node, struct exchange *ex, struct slice rest)
{
    struct buf json = {0};

    (void)rest;
    buf_add_cstr(&json, node->draining ? "{\"status\":\"draining\"}" : "{\"status\":\"ready\"}");
    admin_answer(ex, node->draining ? 503 : 200, &json);
}

static void place_json(const struct node *node, struct place *place, struct buf *json)
{
    char why[128] = "";
    enum ready ready = place->ops->ready(place, why);
    static const char *const words[] = {"ready", "cold", "not ready", "rate limited"};

    json_sep(json);
    buf_add_char(json, '{');
    json_put_cstr(json, "name", place->name);
    json_put_cstr(json, "kind", place_kind_text(place->kind));
    json_put_cstr(json, "zone", node->setting->zones.name[place->dest.zone]);
    json_put_cstr(json, "ready", words[ready]);
    json_put_cstr(json, "why", ready_not(ready) ? why : NULL);
    json_put_num(json, "quality", place->quality);
    json_put_int(json, "context_tokens", (int64_t)place->context_tokens);
    json_put_int(json, "runs", (int64_t)place->stats.runs);
    json_put_int(json, "failures", (int64_t)place->stats.failures);
    json_put_num(json, "first_ms", place->stats.runs ? place->stats.first_ms : -1);
    json_put_num(json, "ms_per_token", place->stats.runs ? place->stats.ms_per_token : -1);
    buf_add_char(json, '}');
}

static void places_json(const struct node *node, struct buf *json)
{
    json_key(json, "places");
    buf_add_char(json, '[');
    for (size_t i = 0; i < node->setting->n_places; i++)
        place_json(node, node->setting->places[i], json);
    buf_add_char(json, ']');
}

void admin_places(struct node *node, struct exchange *ex, struct slice rest)
{
    struct buf json = {0};

    (void)rest;
    buf_add_char(&json, '{');
    places_json(node, &json);
    buf_add_char(&json, '}');
    admin_answer(ex, 200, &json);
}

static void engine_json(struct engine *engine, struct buf *json)
{
    struct engine_status status;

    json_key(json, "engine");
    if (!engine) {
        buf_add_cstr(json, "null");
        return;
    }
    engine_status(engine, &status);
    buf_add_char(json, '{');
    json_put_cstr(json, "state", engine_state_text(status.state));
    json_put_cstr(json, "why", status.why[0] ? status.why : NULL);
    json_put_int(json, "pid", status.pid);
    json_put_cstr(json, "isolation", status.isolation);
    json_put_int(json, "rss_bytes", (int64_t)status.rss_bytes);
    json_put_int(json, "slots", status.slots);
    json_put_int(json, "slots_busy", status.slots_busy);
    json_put_int(json, "queued", status.queued);
    json_put_int(json, "restarts", (int64_t)status.restarts);
    buf_add_char(json, '}');
}

static void cloud_json(struct cloud *cloud, struct buf *json)
{
    struct cloud_status status;

    cloud_status(cloud, &status);
    json_sep(json);
    buf_add_char(json, '{');
    json_put_cstr(json, "name", status.name);
    json_put_cstr(json, "url", status.base_url);
    json_put_cstr(json, "why", status.why[0] ? status.why : NULL);
    json_put_cstr(json, "breaker", breaker_state_text(status.breaker));
    json_put_int(json, "breaker_wait_ms", (int64_t)status.breaker_wait_ms);
    json_put_int(json, "ok", (int64_t)status.ok);
    json_put_int(json, "failed", (int64_t)status.failed);
    json_put_int(json, "openings", (int64_t)status.openings);
    json_put_int(json, "probes", (int64_t)status.probes);
    json_put_int(json, "running", status.running);
    json_put_int(json, "waiting", status.waiting);
    json_put_int(json, "at_once", status.at_once);
    buf_add_char(json, '}');
}

static void clouds_json(const struct node *node, struct buf *json)
{
    json_key(json, "clouds");
    buf_add_char(json, '[');
    for (size_t i = 0; i < node->setting->n_clouds; i++)
        cloud_json(node->setting->clouds[i], json);
    buf_add_char(json, ']');
}

/* Where clients of other devices come in, and what they pin. */
static void listening_json(const struct node *node, struct buf *json)
{
    json_key(json, "listening");
    buf_add_char(json, '[');
    for (size_t i = 0; i < node->n_listeners; i++) {
        json_sep(json);
        buf_add_char(json, '{');
        json_put_cstr(json, "address", node->listeners[i].address);
        json_put_bool(json, "tls", node->listeners[i].tls);
        buf_add_char(json, '}');
    }
    buf_add_char(json, ']');
    json_put_cstr(json, "fingerprint",
                  node->identity ? identity_fingerprint(node->identity) : NULL);
    json_put_cstr(json, "pin", node->identity ? identity_pin(node->identity) : NULL);
    json_put_bool(json, "secrets_locked", secret_bare() == 0);
}

void node_status_json(struct node *node, struct buf *json)
{
    const struct node_counts *counts = &node->counts;

    buf_add_char(json, '{');
    json_put_cstr(json, "version", NIGH_VERSION);
    json_put_int(json, "pid", node->local->pid);
    json_put_cstr(json, "address", node->local->address);
    listening_json(node, json);
    json_put_cstr(json, "config", node->config_path[0] ? node->config_path : "(defaults)");
    json_put_cstr(json, "state_dir", node->state_dir);
    json_put_int(json, "started_us", (int64_t)node->started_us);
    json_put_int(json, "uptime_s", (int64_t)((clock_wall_us() - node->started_us) / 1000000));
    json_put_int(json, "open_turns", node->n_requests);
    json_put_int(json, "turns", (int64_t)counts->turns);
    json_put_int(json, "refused", (int64_t)counts->refused);
    json_put_int(json, "cancelled", (int64_t)counts->cancelled);
    json_put_int(json, "broken", (int64_t)counts->broken);
    json_key(json, "answered");
    buf_add_char(json, '{');
    for (int kind = PLACE_SKILL; kind <= PLACE_CLOUD; kind++)
        json_put_int(json, place_kind_text((enum place_kind)kind), (int64_t)counts->by_kind[kind]);
    buf_add_char(json, '}');
    json_put_int(json, "bytes_out", (int64_t)counts->bytes_out);
    json_put_int(json, "bytes_in", (int64_t)counts->bytes_in);
    json_put_int(json, "spent_today_uusd", node->day_spent_uusd);
    engine_json(setting_local(node->setting), json);
    clouds_json(node, json);
    places_json(node, json);
    buf_add_char(json, '}');
}

void admin_status(struct node *node, struct exchange *ex, struct slice rest)
{
    struct buf json = {0};

    (void)rest;
    node_status_json(node, &json);
    admin_answer(ex, 200, &json);
}

void admin_engine_log(struct node *node, struct exchange *ex, struct slice rest)
{
    struct engine *engine = setting_local(node->setting);
    struct buf json = {0}, lines = {0};

    (void)rest;
    if (engine)
        engine_log(engine, &lines);
    buf_add_char(&json, '{');
    json_put_str(&json, "log", lines.data ? buf_slice(&lines) : SLICE(""));
    buf_add_char(&json, '}');
    buf_done(&lines);
    admin_answer(ex, 200, &json);
}

static void turns_run(struct store_query *q, sqlite3 *db)
{
    struct question *question = CONTAINER_OF(q, struct question, q);

    buf_add_char(&question->json, '{');
    question_rows(question, db, "turns", "SELECT * FROM turns ORDER BY id DESC", NULL, 0);
    buf_add_char(&question->json, '}');
}

struct turn_question {
    struct question question;
    char id[ID_BYTES];
};

/* One turn: its row as it is, then each figure with its unit and basis, then its ledger rows. */
static void turn_json(struct question *question, struct slice rows)
{
    struct arena arena;
    yyjson_val *list;

    arena_init(&arena, 1 << 20);
    if (json_parse(&list, rows, &arena, &question->err) == NIGH_OK) {
        if (yyjson_arr_size(list) == 0)
            nigh_fail(&question->err, NIGH_NOTFOUND, "there is no turn with this id");
        buf_add(&question->json, rows.p + 1,
                rows.len > 3 ? rows.len - 3 : 0); /* without [, } and ] */
        bill_figures(yyjson_arr_get_first(list), &question->json);
    }
    arena_done(&arena);
}

static void turn_run(struct store_query *q, sqlite3 *db)
{
    struct question *question = CONTAINER_OF(q, struct question, q);
    const char *args[] = {CONTAINER_OF(question, struct turn_question, question)->id};
    struct buf rows = {0};

    if (store_rows_json(db, "SELECT * FROM turns WHERE id = ?1", args, 1, 1, &rows,
                        &question->err) == NIGH_OK)
        turn_json(question, buf_slice(&rows));
    buf_done(&rows);
    question_rows(question, db, "ledger", "SELECT * FROM ledger WHERE turn = ?1 ORDER BY id", args,
                  1);
    question_rows(question, db, "denied",
                  "SELECT seq, at, place, address, zone, label, what FROM entries"
                  " WHERE turn = ?1 AND kind = 'denied' ORDER BY seq",
                  args, 1);
    buf_add_char(&question->json, '}');
}

void admin_turns(struct node *node, struct exchange *ex, struct slice rest)
{
    struct question *question = question_new(sizeof *question, ex);

    (void)rest;
    if (question)
        question_ask(question, node, turns_run);
}

void admin_turn(struct node *node, struct exchange *ex, struct slice rest)
{
    struct question *question = question_new(sizeof(struct turn_question), ex);
    struct nigh_err err = {0};

    if (!question)
        return;
    if (rest.len >= ID_BYTES) {
        nigh_fail(&err, NIGH_NOTFOUND, "there is no turn with this id");
        question_refuse(question, &err);
        return;
    }
    memcpy(CONTAINER_OF(question, struct turn_question, question)->id, rest.p, rest.len);
    question_ask(question, node, turn_run);
}

void admin_keys(struct node *node, struct exchange *ex, struct slice rest)
{
    struct buf json = {0};

    (void)rest;
    buf_add_cstr(&json, "{\"keys\":[");
    for (size_t i = 0; i < keys_count(node->keys); i++) {
        const struct key *key = keys_at(node->keys, i);
        json_sep(&json);
        buf_add_char(&json, '{');
        json_put_cstr(&json, "name", key->name);
        json_put_int(&json, "created_us", (int64_t)key->created_us);
        json_put_int(&json, "spent_today_uusd", key->day == node_today() ? key->spent_uusd : 0);
        scope_json(&key->scope, &json);
        buf_add_char(&json, '}');
    }
    buf_add_cstr(&json, "]}");
    admin_answer(ex, 200, &json);
}

/* A ceiling must be a zone that there is: a misspelt one would hold everything on the device. */
static enum nigh_status scope_known(const struct node *node, const struct scope *scope,
                                    struct nigh_err *err)
{
    if (scope->label[0] && zone_find(&node->setting->zones, slice_of(scope->label)) < 0)
        return nigh_fail(err, NIGH_INVALID, "label: no zone `%s` in the config", scope->label);
    return NIGH_OK;
}

void admin_key_new(struct node *node, struct exchange *ex, struct slice rest)
{
    struct nigh_err err = {0};
    char text[KEY_TEXT_BYTES];
    struct buf json = {0};
    struct scope scope;
    CLEANUP(arena_done) struct arena arena;
    yyjson_val *root;

    (void)rest;
    arena_init(&arena, 1 << 20);
    if (json_parse(&root, exchange_body(ex), &arena, &err) != NIGH_OK ||
        scope_read(&scope, root, &err) != NIGH_OK || scope_known(node, &scope, &err) != NIGH_OK ||
        key_new(node->keys, json_get_str(root, "name"), &scope, text, &err) != NIGH_OK) {
        admin_fail(ex, &err);
        return;
    }
    buf_add_char(&json, '{');
    json_put_str(&json, "name", json_get_str(root, "name"));
    json_put_cstr(&json, "key", text);
    scope_json(&scope, &json);
    buf_add_char(&json, '}');
    sodium_memzero(text, sizeof text);
    admin_answer(ex, 200, &json);
}

void admin_key_revoke(struct node *node, struct exchange *ex, struct slice rest)
{
    struct nigh_err err = {0};
    struct buf json = {0};

    if (key_revoke(node->keys, rest, &err) != NIGH_OK) {
        admin_fail(ex, &err);
        return;
    }
    buf_add_cstr(&json, "{\"revoked\":true}");
    admin_answer(ex, 200, &json);
}
