#include "nigh/node.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/secret.h"
#include "nigh/kept.h"
#include "nigh/labelling.h"
#include "nigh/local_key.h"
#include "nigh/request.h"
#include "nigh/routes.h"
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

uint64_t node_today(void)
{
    return clock_wall_us() / 86400000000u;
}

int64_t node_day_left_uusd(struct node *node)
{
    double budget = node->setting->config->budget_usd_per_day;

    if (!(budget >= 0))
        return -1; /* none was set */
    if (node->day != node_today()) {
        node->day = node_today();
        node->day_spent_uusd = 0;
    }
    int64_t left = (int64_t)(budget * 1e6) - node->day_spent_uusd;
    return left > 0 ? left : 0;
}

int64_t node_left_uusd(struct node *node, const struct key *who)
{
    int64_t day = node_day_left_uusd(node), key = who ? key_left_uusd(who, node_today()) : -1;

    return day < 0 || (key >= 0 && key < day) ? key : day;
}

void node_spent(struct node *node, struct key *who, int64_t cost_uusd)
{
    if (who)
        key_spend(who, node_today(), cost_uusd);
    if (node->day != node_today()) {
        node->day = node_today();
        node->day_spent_uusd = 0;
    }
    if (cost_uusd > 0)
        node->day_spent_uusd += cost_uusd;
}

static void empty_pool(struct node *node)
{
    for (struct request *r = node->pool, *next; r; r = next) {
        next = r->next;
        free(r);
    }
    node->pool = NULL;
    node->n_pooled = 0;
}

/* 64 answers to 128 kB prompts at once leave glibc with 40 to 80 MB that it would keep for ever. */
static void quiet(struct timer *timer)
{
    struct node *node = CONTAINER_OF(timer, struct node, quiet_timer);

    if (node->n_requests > 0)
        return;
    empty_pool(node);
    malloc_trim(0);
}

void node_turn_over(struct node *node)
{
    if (node->n_requests == 0 && !timer_armed(&node->quiet_timer))
        (void)!timer_arm(node->loop, &node->quiet_timer, NODE_QUIET_MS, quiet, NULL);
}

static void on_drained(void *owner)
{
    struct node *node = owner;

    if (++node->n_drained == node->n_listeners)
        loop_stop(node->loop);
}

static void drain_over(struct timer *timer)
{
    struct node *node = CONTAINER_OF(timer, struct node, drain_timer);

    log_at(LOG_WARN, "node", "turns were still open and are broken off",
           LOG_NUM("turns", node->n_requests));
    for (struct request *r = node->requests, *next; r; r = next) {
        next = r->next;
        request_abandon(r);
    }
    loop_stop(node->loop);
}

void node_stop(struct node *node)
{
    if (node->draining)
        return;
    node->draining = true;
    log_at(LOG_INFO, "node", "stopping", LOG_NUM("turns", node->n_requests));
    if (timer_arm(node->loop, &node->drain_timer, NODE_DRAIN_MS, drain_over, NULL) != NIGH_OK)
        loop_stop(node->loop);
    for (size_t i = 0; i < node->n_listeners; i++)
        server_drain(node->listeners[i].server);
}

static void on_signal(void *owner, int signum)
{
    struct node *node = owner;
    struct nigh_err err = {0};

    if (signum != SIGHUP) {
        node_stop(node);
        return;
    }
    if (node_reload(node, &err) == NIGH_OK)
        log_at(LOG_INFO, "node", "config read again");
    else
        log_err(LOG_ERROR, "node", "the old config stays in force", &err);
}

/* What skill "status" says. */
static void say_status(void *owner, struct buf *answer)
{
    struct node *node = owner;
    unsigned ready = 0, clouds = 0;
    char why[128];

    for (size_t i = 0; i < node->setting->n_places; i++) {
        struct place *place = node->setting->places[i];
        if (place->kind != PLACE_CLOUD)
            continue;
        clouds++;
        ready += !ready_not(place->ops->ready(place, why));
    }
    struct engine *engine = setting_local(node->setting);
    buf_printf(answer, "This node runs nigh %s and has answered %llu turns since it started. ",
               NIGH_VERSION, (unsigned long long)node->counts.turns);
    if (engine)
        buf_printf(answer, "The local model is %s. ", engine_place(engine)->name);
    else
        buf_add_cstr(answer, "There is no local model. ");
    if (clouds)
        buf_printf(answer, "%u of %u cloud models can be asked now.", ready, clouds);
    else
        buf_add_cstr(answer, "No cloud is configured: nothing leaves this device.");
}

static struct setting_parts node_parts(struct node *node)
{
    return (struct setting_parts){
        .loop = node->loop,
        .client = node->client,
        .gate = node->gate,
        .skills = node->skills,
        .skill_place = node->skill_place,
        .trust = node->trust,
        .state_dir = node->state_dir,
    };
}

/* Puts a setting in force: whatever keeps zone names by number is told. */
static void node_adopt(struct node *node, struct setting *setting)
{
    struct setting *old = node->setting;

    node->setting = setting;
    gate_zones(node->gate, &setting->zones);
    ledger_zones(node->ledger, &setting->zones);
    setting_unref(old);
}

/* What detection lets out beyond the defaults is in the ledger before it is in force. */
static enum nigh_status note_allowed(struct node *node, const struct setting *setting,
                                     struct nigh_err *err)
{
    CLEANUP(buf_done) struct buf what = {.max_bytes = 1024};
    const enum detect_policy *policy = setting->config->detect.policy;
    struct ledger_note note = {.kind = LEDGER_NOTE};

    for (unsigned i = 0; i < DETECT_GROUP_COUNT && setting->searches; i++)
        if (policy[i] < detect_policy_default((enum detect_group)i))
            buf_printf(&what, "%s %s %s", what.len ? "," : "to public places:",
                       policy[i] == DETECT_ALLOW ? "all" : "masked",
                       detect_group_text((enum detect_group)i));
    if (what.len == 0)
        return NIGH_OK;
    note.what = what.data;
    return ledger_note(node->ledger, &note, err);
}

enum nigh_status node_reload(struct node *node, struct nigh_err *err)
{
    struct config *config;
    struct setting *setting;
    struct setting_parts parts = node_parts(node);
    enum nigh_status status = config_load(&config, node->config_path, NULL, NULL, err);

    if (status != NIGH_OK)
        return status;
    status = setting_new(&setting, config, &parts, node->setting, err);
    if (status != NIGH_OK)
        return status;
    status = note_allowed(node, setting, err);
    if (status == NIGH_OK)
        node_adopt(node, setting);
    else
        setting_unref(setting);
    return status;
}

/* What was spent today before this start, by key, so that a restart does not refill a budget. */
struct spent_query {
    struct store_query q;
    struct node *node;
    char first[ID_BYTES]; /* the lowest id of today */
    struct buf rows;
};

static void spent_run(struct store_query *q, sqlite3 *db)
{
    struct spent_query *sq = CONTAINER_OF(q, struct spent_query, q);
    const char *args[] = {sq->first};
    struct nigh_err err = {0};

    if (store_rows_json(db,
                        "SELECT coalesce(key_name, '') AS key, sum(cost_uusd) AS uusd FROM turns "
                        "WHERE id >= ?1 AND cost_uusd > 0 GROUP BY 1",
                        args, 1, KEYS_MAX * 2, &sq->rows, &err) != NIGH_OK)
        log_err(LOG_ERROR, "node", "what was spent today is not known", &err);
}

static void spent_done(struct store_query *q)
{
    struct spent_query *sq = CONTAINER_OF(q, struct spent_query, q);
    CLEANUP(arena_done) struct arena arena;
    yyjson_val *rows = NULL, *row;
    size_t i, n;

    arena_init(&arena, 1 << 20);
    if (sq->rows.len)
        (void)!json_parse(&rows, buf_slice(&sq->rows), &arena, NULL);
    yyjson_arr_foreach(rows, i, n, row)
        node_spent(sq->node, keys_named(sq->node->keys, json_get_str(row, "key")),
                   json_get_int(row, "uusd", 0));
    buf_done(&sq->rows);
    free(sq);
}

static enum nigh_status ask_spent(struct node *node, struct nigh_err *err)
{
    struct spent_query *sq = calloc(1, sizeof *sq);

    if (!sq)
        return nigh_fail(err, NIGH_NOMEM, "start: out of memory");
    node->day = node_today();
    sq->q.run = spent_run;
    sq->q.done = spent_done;
    sq->node = node;
    id_first(sq->first, node->day * 86400000000u);
    enum nigh_status status = store_ask(node->store, &sq->q, err);
    if (status != NIGH_OK)
        free(sq);
    return status;
}

static void warm_run(struct work *work)
{
    struct node *node = CONTAINER_OF(work, struct node, warm);

    skills_warm(node->skills);
}

static void warm_done(struct work *work)
{
    (void)work;
}

/* As many descriptors as the system lets us have: a connection of a client is one, its cloud's is
 * another.  Returns how many clients' connections that allows; 0: the server's own number. */
static unsigned connections_allowed(void)
{
    struct rlimit files;

    if (getrlimit(RLIMIT_NOFILE, &files) != 0)
        return 0;
    if (files.rlim_cur < files.rlim_max && files.rlim_cur < NODE_FILES_MAX) {
        files.rlim_cur = files.rlim_max < NODE_FILES_MAX ? files.rlim_max : NODE_FILES_MAX;
        (void)setrlimit(RLIMIT_NOFILE, &files); /* what it was before is read below */
        getrlimit(RLIMIT_NOFILE, &files);
    }
    if (files.rlim_cur >= SERVER_CONNECTIONS_MAX + NODE_FILES_OWN)
        return 0;
    unsigned left = files.rlim_cur > 2 * NODE_FILES_OWN ? (unsigned)files.rlim_cur - NODE_FILES_OWN
                                                        : (unsigned)files.rlim_cur / 2;
    log_at(LOG_WARN, "node", "the limit of open files holds connections down; see ulimit -n",
           LOG_NUM("connections", left));
    return left;
}

/* Beyond loopback only with a key: tens of thousands of open model servers on the net say why
 * (THREATS.md 3). */
static enum nigh_status may_listen(struct node *node, const struct config_listens *listens,
                                   struct nigh_err *err)
{
    for (size_t i = 0; i < listens->n; i++)
        if (!listens->all[i].loopback && keys_count(node->keys) == 0)
            return nigh_fail(err, NIGH_DENIED,
                             "listen: %.60s is open to others and no key exists: start once on "
                             "127.0.0.1 and run `nigh key new NAME`",
                             listens->all[i].host);
    return NIGH_OK;
}

static enum nigh_status listen_one(struct node *node, const struct config_listen *listen,
                                   struct nigh_err *err)
{
    static const struct server_ops ops = {
        .request = routes_request, .drained = on_drained, .refused = routes_refused};
    struct server_limits limits = {.body_bytes_max = node->setting->config->body_bytes_max,
                                   .connections_max = node->connections_max};
    struct server_at at = {.host = listen->host,
                           .port = listen->port,
                           .identity = listen->loopback ? NULL : node->identity};
    struct listener *l = &node->listeners[node->n_listeners];
    struct config_listen got = *listen;
    enum nigh_status status = server_new(&l->server, node->loop, &at, &limits, &ops, node, err);

    if (status != NIGH_OK)
        return status;
    got.port = server_port(l->server);
    config_listen_text(l->address, &got);
    l->tls = !listen->loopback;
    node->n_listeners++;
    return NIGH_OK;
}

/* Certificate and key, where any address is not of loopback. */
static enum nigh_status node_identity(struct node *node, struct nigh_err *err)
{
    const struct config *config = node->setting->config;
    const char *names[CONFIG_LISTENS_MAX + CONFIG_HOSTS_MAX];
    size_t n = 0;
    bool far = false;

    for (size_t i = 0; i < config->listens.n; i++) {
        const struct config_listen *at = &config->listens.all[i];
        far = far || !at->loopback;
        if (!at->loopback && strcmp(at->host, "0.0.0.0") != 0 && strcmp(at->host, "::") != 0)
            names[n++] = at->host;
    }
    for (size_t i = 0; i < config->hosts.n; i++)
        names[n++] = config->hosts.names[i];
    return far ? identity_open(&node->identity, node->state_dir, names, n, err) : NIGH_OK;
}

/* The user's own command line speaks plain HTTP on loopback, so there is always such a server: one
 * at a port that the system picks where the config has none.  What it finds stands in local.json.
 */
static enum nigh_status node_listen(struct node *node, struct nigh_err *err)
{
    static const struct config_listen own = {.host = "127.0.0.1", .loopback = true};
    const struct config_listens *listens = &node->setting->config->listens;
    size_t at = listens->n;
    enum nigh_status status = may_listen(node, listens, err);

    if (status == NIGH_OK)
        status = node_identity(node, err);
    node->connections_max = connections_allowed();
    for (size_t i = 0; status == NIGH_OK && i < listens->n; i++) {
        status = listen_one(node, &listens->all[i], err);
        if (listens->all[i].loopback && at == listens->n)
            at = i;
    }
    if (status == NIGH_OK && at == listens->n)
        status = listen_one(node, &own, err);
    if (status != NIGH_OK)
        return status;
    if (!(node->local = secret_new(sizeof *node->local)))
        return nigh_fail(err, NIGH_NOMEM, "start: out of memory");
    return local_key_make(node->local, node->state_dir,
                          at < listens->n ? listens->all[at].host : own.host,
                          server_port(node->listeners[at].server), err);
}

static enum nigh_status node_build(struct node *node, const struct node_options *options,
                                   struct nigh_err *err)
{
    char path[PATH_BYTES];
    struct config *config = NULL;
    struct setting *setting;
    struct skills_config skills = {.status = say_status, .owner = node};

#define TRY(call)                                                                                  \
    do {                                                                                           \
        enum nigh_status try_ = (call);                                                            \
        if (try_ != NIGH_OK)                                                                       \
            return try_;                                                                           \
    } while (0)
    TRY(config_find(path, sizeof path, options->config_path, err));
    node->config_path = strdup(path);
    if (!node->config_path)
        return nigh_fail(err, NIGH_NOMEM, "start: out of memory");
    TRY(config_load(&config, node->config_path, NULL, NULL, err));
    struct zones bare;
    struct setting_parts parts;
    enum nigh_status status = NIGH_OK;
    if (status == NIGH_OK)
        status = path_state(node->state_dir, err);
    if (status == NIGH_OK)
        status = store_open(&node->store, node->loop, node->state_dir, err);
    if (status == NIGH_OK)
        status = keys_new(&node->keys, node->store, err);
    if (status == NIGH_OK)
        status = trust_new(&node->trust, node->store, err);
    if (status == NIGH_OK)
        status = zones_build(&bare, NULL, 0, &config->arena, err);
    if (status == NIGH_OK)
        status = ledger_new(&node->ledger, node->store, &bare, err);
    if (status == NIGH_OK)
        status = imprints_new(&node->imprints, node->state_dir, err);
    if (status == NIGH_OK)
        status = sessions_new(&node->sessions, node->store, err);
    if (status == NIGH_OK)
        status = consents_new(&node->consents, node->store, node->ledger, err);
    if (status == NIGH_OK)
        status = gate_new(&node->gate, node->ledger, &bare, err);
    if (status == NIGH_OK)
        status = mask_keys_new(&node->mask_keys, err);
    if (status == NIGH_OK)
        status = client_new(&node->client, node->loop, err);
    if (status == NIGH_OK && config->skills)
        status = skills_new(&node->skills, &skills, err);
    if (status == NIGH_OK && node->skills)
        status = skill_place_new(&node->skill_place, node->skills, err);
    if (status != NIGH_OK) {
        config_free(config);
        return status;
    }
    parts = node_parts(node);
    TRY(setting_new(&setting, config, &parts, NULL, err));
    node_adopt(node, setting);
    TRY(note_allowed(node, setting, err));
    kept_sweep(node);
    TRY(ask_spent(node, err));
    TRY(node_listen(node, err));
    static const int signums[] = {SIGTERM, SIGINT, SIGHUP};
    for (size_t i = 0; i < ARRAY_LEN(signums); i++)
        TRY(sig_watch(&node->signals[i], node->loop, signums[i], on_signal, node, err));
    TRY(lane_new(&node->lane, node->loop, 16, err));
    TRY(lane_new(&node->scans, node->loop, LABELLING_LANE_MAX, err));
    node->warm = (struct work){.run = warm_run, .done = warm_done};
    if (node->skills)
        TRY(work_submit(node->lane, &node->warm, err));
#undef TRY
    return NIGH_OK;
}

enum nigh_status node_new(struct node **ret, const struct node_options *options,
                          struct nigh_err *err)
{
    struct node *node = calloc(1, sizeof *node);
    enum nigh_status status;

    if (!node)
        return nigh_fail(err, NIGH_NOMEM, "start: out of memory");
    if (!secret_process()) /* no core file may hold what people said (THREATS.md 12) */
        log_at(LOG_WARN, "node", "core files could not be turned off");
    signal(SIGPIPE, SIG_IGN);
    node->started_us = clock_wall_us();
    status = loop_new(&node->loop, err);
    if (status == NIGH_OK)
        status = node_build(node, options, err);
    if (status != NIGH_OK) {
        node_free(node);
        return status;
    }
    malloc_trim(
        0); /* the database's migrations and statements took a third of a megabyte for a while */
    log_at(LOG_INFO, "node", "ready", LOG_NUM("port", server_port(node->listeners[0].server)),
           LOG_NUM("us", clock_wall_us() - node->started_us));
    if (options->ready_fd >= 0)
        dprintf(options->ready_fd, "ready %u\n", server_port(node->listeners[0].server));
    *ret = node;
    return NIGH_OK;
}

void node_run(struct node *node)
{
    loop_run(node->loop);
}

struct node *node_free(struct node *node)
{
    if (!node)
        return NULL;
    for (struct request *r = node->requests, *next; r; r = next) {
        next = r->next;
        request_abandon(r);
    }
    node->scans = lane_free(node->scans); /* what it read may be buried now */
    if (node->requests)
        loop_run_once(node->loop); /* buries what was abandoned */
    for (size_t i = 0; i < ARRAY_LEN(node->signals); i++)
        node->signals[i] = sig_free(node->signals[i]);
    if (node->loop) {
        timer_disarm(node->loop, &node->drain_timer);
        timer_disarm(node->loop, &node->quiet_timer);
        timer_disarm(node->loop, &node->kept_timer);
    }
    if (node->n_listeners)
        local_key_remove(node->state_dir);
    while (node->n_listeners)
        server_free(node->listeners[--node->n_listeners].server);
    node->identity = identity_free(node->identity);
    node->local = secret_free(node->local);
    node->lane = lane_free(node->lane);
    node->setting = setting_unref(node->setting);
    node->client = client_free(node->client);
    node->skill_place = skill_place_free(node->skill_place);
    node->skills = skills_free(node->skills);
    node->gate = gate_free(node->gate);
    node->mask_keys = mask_keys_free(node->mask_keys);
    node->consents = consents_free(node->consents);
    node->ledger = ledger_free(node->ledger);
    node->sessions = sessions_free(node->sessions);
    node->imprints = imprints_free(node->imprints);
    node->trust = trust_free(node->trust);
    node->keys = keys_free(node->keys);
    node->store = store_close(node->store);
    empty_pool(node);
    node->loop = loop_free(node->loop);
    free((char *)node->config_path);
    free(node);
    return NULL;
}
