/* nigh doctor: what is installed, reachable and loadable, and what to do about what is not.  It
 * starts no node and sends nothing anywhere; what it tells of clouds is what the running node has
 * seen. */
#include "nigh/cmd/checkup.h"
#include "nigh/cmd/library.h"
#include "nigh/cmd/show.h"
#include "nigh/detector.h"
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

enum { LOG_LINES = 5 };

struct check *checkup_add(struct checkup *up, enum check_state state, const char *name,
                          const char *fmt, ...)
{
    struct check *check = &up->list[up->n < CHECKS_MAX ? up->n++ : CHECKS_MAX - 1];
    va_list args;

    *check = (struct check){.state = state, .name = name};
    va_start(args, fmt);
    vsnprintf(check->what, sizeof check->what, fmt, args);
    va_end(args);
    return check;
}

void checkup_todo(struct check *check, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    vsnprintf(check->todo, sizeof check->todo, fmt, args);
    va_end(args);
}

/* --- config -------------------------------------------------------------------------------------
 */

/* NULL: it is not good, which is told; the defaults are looked at then. */
static struct config *check_config(struct checkup *up, const char *named)
{
    CLEANUP(arena_done) struct arena arena;
    static struct config_report report;
    struct config *config = NULL;
    struct nigh_err err = {0};
    char path[PATH_BYTES] = "";

    arena_init(&arena, 1 << 20);
    if (config_find(path, sizeof path, named, &err) != NIGH_OK ||
        config_load(&config, path, &report, &arena, &err) != NIGH_OK)
        checkup_todo(checkup_add(up, CHECK_MISSING, "config", "%s", err.what),
                     "`nigh config check` names all mistakes");
    else if (report.n)
        checkup_todo(checkup_add(up, CHECK_GOOD, "config", "%.300s, with %zu warning%s", path,
                                 report.n, report.n == 1 ? "" : "s"),
                     "`nigh config check` tells them");
    else
        checkup_add(up, CHECK_GOOD, "config", "%.300s",
                    path[0] ? path : "there is no file; the defaults hold");
    return config;
}

/* --- the running node ---------------------------------------------------------------------------
 */

static void check_engine_state(struct checkup *up, struct talk *talk, yyjson_val *engine)
{
    CLEANUP(talk_answer_done) struct talk_answer answer = {0};
    struct slice state = json_get_str(engine, "state"), why = json_get_str(engine, "why");
    bool bad = slice_is(state, "broken") || slice_is(state, "backoff");

    if (!yyjson_is_obj(engine))
        return;
    checkup_add(up, bad ? CHECK_MISSING : CHECK_GOOD, "engine", "%.*s%s%.*s", (int)state.len,
                state.p ? state.p : "", why.len ? ": " : "", (int)why.len, why.p ? why.p : "");
    if (talk_get(talk, "/nigh/v1/engine/log", &answer, NULL) != NIGH_OK)
        return;
    struct slice log = slice_trim(json_get_str(answer.json, "log"));
    size_t from = log.len;
    for (int lines = 0; log.p && from > 0 && (lines += log.p[from - 1] == '\n') < LOG_LINES;)
        from--;
    while (from < log.len) {
        struct slice rest = {log.p + from, log.len - from}, line = slice_cut(&rest, '\n');
        checkup_add(up, bad ? CHECK_NOTE : CHECK_GOOD, "engine log", "%.*s", (int)line.len, line.p);
        from += line.len + 1;
    }
}

/* Fills *ret_places from the node's status, whose memory is the answer's. */
static void check_node(struct checkup *up, struct talk_answer *answer, yyjson_val **ret_places)
{
    CLEANUP(talk_freep) struct talk *talk = NULL;
    struct nigh_err err = {0};

    if (talk_new(&talk, 0, &err) != NIGH_OK) {
        checkup_add(up, CHECK_NOTE, "node", "%s; a command that needs one starts it", err.what);
        return;
    }
    if (talk_get(talk, "/nigh/v1/status", answer, &err) != NIGH_OK) {
        checkup_todo(checkup_add(up, CHECK_MISSING, "node", "%s", err.what),
                     "`nigh stop`, then try again");
        return;
    }
    struct slice version = json_get_str(answer->json, "version");
    const struct local_key *node = talk_node(talk);
    if (slice_is(version, NIGH_VERSION))
        checkup_add(up, CHECK_GOOD, "node", "nigh %s at %s, process %lld", NIGH_VERSION,
                    node->address, (long long)node->pid);
    else
        checkup_todo(checkup_add(up, CHECK_NOTE, "node", "it is nigh %.*s, this is %s",
                                 (int)version.len, version.p ? version.p : "", NIGH_VERSION),
                     "`nigh stop`; the next command starts the new one");
    if (json_get_str(answer->json, "pin").len)
        checkup_add(up, CHECK_GOOD, "certificate", "fingerprint %.*s",
                    (int)json_get_str(answer->json, "fingerprint").len,
                    json_get_str(answer->json, "fingerprint").p);
    if (!json_get_bool(answer->json, "secrets_locked", true))
        checkup_todo(checkup_add(up, CHECK_NOTE, "secrets",
                                 "the kernel locks too little memory: keys may be swapped out"),
                     "raise `ulimit -l` (LimitMEMLOCK of a service)");
    *ret_places = json_get(answer->json, "places");
    check_engine_state(up, talk, json_get(answer->json, "engine"));
}

/* --- clouds -------------------------------------------------------------------------------------
 */

/* What is missing of its key here: "" nothing. */
static void key_trouble(const struct config_cloud *cloud, char *ret, size_t size)
{
    const char *value = cloud->key_env ? getenv(cloud->key_env) : NULL;

    ret[0] = '\0';
    if (cloud->key_env && !(value && value[0]))
        snprintf(ret, size, "%.100s is not set", cloud->key_env);
    else if (cloud->key_file && access(cloud->key_file, R_OK) != 0)
        snprintf(ret, size, "%.160s: %m", cloud->key_file);
}

struct seen {
    int64_t runs, failures;
    struct slice why; /* of one that is not ready */
};

static struct seen node_saw(yyjson_val *places, const char *cloud)
{
    struct seen seen = {0};
    size_t i, n, len = strlen(cloud);
    yyjson_val *place;

    if (!places) /* no node runs */
        return seen;
    yyjson_arr_foreach(places, i, n, place)
    {
        struct slice name = json_get_str(place, "name");
        if (name.len <= len || memcmp(name.p, cloud, len) != 0 || name.p[len] != '/')
            continue;
        seen.runs += json_get_int(place, "runs", 0);
        seen.failures += json_get_int(place, "failures", 0);
        if (json_get_str(place, "why").len)
            seen.why = json_get_str(place, "why");
    }
    return seen;
}

static void check_cloud(struct checkup *up, const struct config_cloud *cloud, yyjson_val *places)
{
    struct seen seen = node_saw(places, cloud->name);
    char trouble[256];

    key_trouble(cloud, trouble, sizeof trouble);
    if (trouble[0])
        checkup_todo(checkup_add(up, CHECK_MISSING, "cloud", "%s: %s", cloud->name, trouble),
                     "set its key where the node starts, then `nigh stop`");
    else if (seen.why.len)
        checkup_add(up, CHECK_NOTE, "cloud", "%s: %.*s", cloud->name, (int)seen.why.len,
                    seen.why.p);
    else if (!places || seen.runs + seen.failures == 0)
        checkup_add(up, CHECK_GOOD, "cloud", "%s: %s; it has not been asked yet", cloud->name,
                    cloud->key_env || cloud->key_file ? "its key is there" : "it needs no key");
    else
        checkup_add(up, seen.failures < seen.runs ? CHECK_GOOD : CHECK_NOTE, "cloud",
                    "%s: asked %lld times, failed %lld", cloud->name, (long long)seen.runs,
                    (long long)seen.failures);
}

/* --- all of it ----------------------------------------------------------------------------------
 */

/* Without it every turn is as if a secret had been found in it. */
static void check_detection(struct checkup *up, const struct config *config)
{
    struct detector *detector = NULL;
    struct detect *detect;
    struct nigh_err err = {0};

    if (detector_new(&detector, &config->detect, &err) == NIGH_OK &&
        detector_here(detector, &detect, &err) == NIGH_OK)
        checkup_add(up, CHECK_GOOD, "detection", "private data is looked for%s",
                    detector_names(detector) ? ", names too" : "");
    else
        checkup_todo(checkup_add(up, CHECK_MISSING, "detection", "%.200s", err.what),
                     "until then nothing goes to a public place: see detect in docs/config.md");
    detector_free(detector);
}

static void check_all(struct checkup *up, struct talk_answer *node)
{
    struct config *config = check_config(up, NULL), *defaults = NULL;
    yyjson_val *places = NULL;

    check_state_dir(up);
    if (!config && config_load(&defaults, "", NULL, NULL, NULL) != NIGH_OK)
        return;
    const struct config *c = config ? config : defaults;
    if (c->engine.enabled) {
        /* With a cloud to ask, a model here is a wish; one that was named is meant. */
        bool needed = c->engine.model || c->n_clouds == 0;
        bool model = check_model(up, &c->engine, needed);
        check_program(up, &c->engine, needed || model);
        check_walls(up, needed || model);
    } else {
        checkup_add(up, CHECK_NOTE, "engine", "the config turns it off");
    }
    check_node(up, node, &places);
    for (size_t i = 0; i < c->n_clouds; i++)
        check_cloud(up, &c->clouds[i], places);
    if (c->n_clouds > 0)
        check_detection(up, c);
    else
        checkup_add(up, CHECK_GOOD, "cloud", "none in the config: nothing leaves this device");
    if (!c->engine.enabled && c->n_clouds == 0)
        checkup_todo(checkup_add(up, CHECK_NOTE, "places", "only skills can answer"),
                     "turn on engine, or add one of clouds: see docs/config.md");
    config_free(config);
    config_free(defaults);
}

static void check_libraries(struct checkup *up)
{
    struct library libraries[LIBRARIES_MAX];
    size_t n = libraries_list(libraries);
    CLEANUP(buf_done) struct buf text = {0};

    for (size_t i = 0; i < n; i++)
        buf_printf(&text, "%s%s %s", i ? ", " : "", libraries[i].name, libraries[i].version);
    checkup_add(up, CHECK_GOOD, "nigh", "%s with %s", NIGH_VERSION, text.data ? text.data : "?");
}

static const char *const words[] = {"good", "note", "missing"};

static void print_json(const struct checkup *up, size_t missing)
{
    CLEANUP(buf_done) struct buf json = {0};

    buf_add_char(&json, '{');
    json_put_bool(&json, "good", missing == 0);
    json_key(&json, "checks");
    buf_add_char(&json, '[');
    for (size_t i = 0; i < up->n; i++) {
        const struct check *check = &up->list[i];
        json_sep(&json);
        buf_add_char(&json, '{');
        json_put_cstr(&json, "name", check->name);
        json_put_cstr(&json, "state", words[check->state]);
        json_put_cstr(&json, "what", check->what);
        json_put_cstr(&json, "todo", check->todo[0] ? check->todo : NULL);
        buf_add_char(&json, '}');
    }
    buf_add_cstr(&json, "]}");
    show_made(&json);
}

static void print_text(const struct cli *cli, const struct checkup *up)
{
    static const enum style styles[] = {STYLE_GOOD, STYLE_PLAIN, STYLE_BAD};

    for (size_t i = 0; i < up->n; i++) {
        const struct check *check = &up->list[i];
        term_style(cli, styles[check->state]);
        printf("%-8s", words[check->state]);
        term_style(cli, STYLE_PLAIN);
        term_line(cli, STYLE_PLAIN, "%-14s%s", check->name, check->what);
        if (check->todo[0])
            term_line(cli, STYLE_DIM, "%22s-> %s", "", check->todo);
    }
}

int cmd_doctor(struct cli *cli, int argc, char **argv)
{
    CLEANUP(talk_answer_done) struct talk_answer node = {0};
    static struct checkup up;
    size_t missing = 0;

    (void)argc;
    (void)argv;
    check_libraries(&up);
    check_all(&up, &node);
    for (size_t i = 0; i < up.n; i++)
        missing += up.list[i].state == CHECK_MISSING;
    if (cli->json)
        print_json(&up, missing);
    else
        print_text(cli, &up);
    if (missing)
        return cli_error(CLI_FAILED, "doctor: %zu thing%s missing; `nigh doctor` says what to do",
                         missing, missing == 1 ? " is" : "s are");
    return CLI_DONE;
}
