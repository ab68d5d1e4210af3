#include "nigh/cmd/talk.h"

#include "label/gate.h"
#include "label/zone.h"
#include "loop/loop.h"
#include "loop/signal.h"
#include "net/client.h"
#include "net/sse.h"
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct talk {
    struct loop *loop;
    struct gate *gate;
    struct client *client;
    struct arena arena;
    struct zones zones;
    struct local_key node;
    char state_dir[PATH_BYTES], name[LOCAL_ADDRESS_BYTES + 16], url[LOCAL_ADDRESS_BYTES + 8],
        auth[LOCAL_KEY_BYTES + 8];
    struct header header;
    struct endpoint to;
};

/* One request on its way. */
struct asking {
    struct talk *talk;
    const struct talk_request *request;
    struct talk_answer *answer;
    struct call *call;
    struct sse sse;
    struct later stop;
    bool streams, ended, interrupted;
    struct call_result result;
    struct nigh_err err; /* ours, about what came */
};

/* --- one request --------------------------------------------------------------------------------
 */

static void take_word(struct call *call, const char *name, char *to, size_t size)
{
    struct slice value = call_header(call, name);

    snprintf(to, size, "%.*s", (int)(value.len < size ? value.len : size - 1),
             value.p ? value.p : "");
}

static void on_head(void *owner, struct call *call, int http_status)
{
    struct asking *asking = owner;
    struct talk_answer *answer = asking->answer;
    struct slice type = call_header(call, "Content-Type");

    answer->http_status = http_status;
    take_word(call, "Nigh-Turn", answer->turn, sizeof answer->turn);
    take_word(call, "Nigh-Place", answer->place, sizeof answer->place);
    take_word(call, "Nigh-Zone", answer->zone, sizeof answer->zone);
    take_word(call, "Nigh-Reason", answer->reason, sizeof answer->reason);
    asking->streams = asking->request->on_event && http_status == 200 &&
                      slice_starts(type, SLICE("text/event-stream"));
}

static void on_event(void *owner, struct slice event, struct slice data)
{
    struct asking *asking = owner;

    (void)event;
    if (!asking->request->on_event(asking->request->owner, data))
        sse_stop(&asking->sse);
}

static void on_data(void *owner, struct slice bytes)
{
    struct asking *asking = owner;
    const struct talk_request *request = asking->request;

    if (request->on_data && asking->answer->http_status == 200)
        request->on_data(request->owner, bytes);
    else if (!asking->streams)
        buf_add_str(&asking->answer->body, bytes);
    else if (asking->err.status == NIGH_OK)
        (void)!sse_feed(&asking->sse, bytes, &asking->err);
}

static void on_done(void *owner, const struct call_result *result)
{
    struct asking *asking = owner;

    asking->result = *result;
    asking->ended = true;
    asking->call = NULL;
    loop_stop(asking->talk->loop);
}

static void stop_later(struct later *later)
{
    struct asking *asking = CONTAINER_OF(later, struct asking, stop);

    asking->ended = true;
    loop_stop(asking->talk->loop);
}

/* The connection is closed by a later of the client's; ours comes after it. */
static void on_interrupt(void *owner, int signum)
{
    struct asking *asking = owner;

    (void)signum;
    if (asking->ended || asking->interrupted)
        return;
    asking->interrupted = true;
    asking->call = call_cancel(asking->call);
    loop_later(asking->talk->loop, &asking->stop, stop_later);
}

static enum nigh_status send_it(struct asking *asking, struct nigh_err *err)
{
    static const struct call_ops ops = {.head = on_head, .data = on_data, .done = on_done};
    struct talk *talk = asking->talk;
    const struct talk_request *request = asking->request;
    struct call_spec spec = {
        .to = &talk->to,
        .method = request->method,
        .path = request->path,
        .headers = request->headers,
        .n_headers = request->n_headers,
        .body = request->body,
        .total_ms = request->timeout_ms ? request->timeout_ms : TALK_ADMIN_MS,
    };
    struct clearance *pass;
    enum nigh_status status = gate_clear(talk->gate, &pass, "", talk->zones.label[ZONE_DEVICE],
                                         &talk->to.dest, request->body, err);

    if (status != NIGH_OK)
        return status;
    return client_send(talk->client, &asking->call, &spec, pass, &ops, asking, err);
}

/* A stream's HTTP status was 200 before it broke: the error's own code tells then. */
static int http_of_code(struct slice code)
{
    static const struct {
        const char *code;
        int http;
    } rows[] = {
        {"denied", 403}, {"unavailable", 503}, {"timeout", 504}, {"rate_limit_exceeded", 429}};

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (slice_is(code, rows[i].code))
            return rows[i].http;
    return 502;
}

enum nigh_status talk_error(int http_status, yyjson_val *body, struct nigh_err *err)
{
    static const struct {
        int http;
        enum nigh_status status;
    } rows[] = {{503, NIGH_OFFLINE}, /* and not NOMEM, which says 503 too */
#define ROW(name, text, http) {http, NIGH_##name},
                NIGH_STATUSES(ROW)
#undef ROW
    };
    yyjson_val *error = json_get(body, "error");
    struct slice said = json_get_str(error, "message");
    int http = http_status == 200 ? http_of_code(json_get_str(error, "code")) : http_status;
    enum nigh_status status = http < 500 ? NIGH_INVALID : NIGH_UPSTREAM;

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (rows[i].http == http) {
            status = rows[i].status;
            break;
        }
    }
    if (said.len)
        return nigh_fail(err, status, "%.*s", (int)(said.len < 255 ? said.len : 255), said.p);
    return nigh_fail(err, status, "the node answered HTTP %d without a reason", http_status);
}

/* What the end of the request means for its caller. */
static enum nigh_status judge(struct asking *asking, struct nigh_err *err)
{
    struct talk_answer *answer = asking->answer;

    if (asking->interrupted)
        return nigh_fail(err, NIGH_CANCELLED, "interrupted");
    if (asking->err.status != NIGH_OK)
        return nigh_fail(err, asking->err.status, "%s", asking->err.what);
    if (asking->result.status != NIGH_OK)
        return nigh_fail(err, asking->result.status, "%s", asking->result.err.what);
    if (answer->body.failed)
        return nigh_fail(err, NIGH_TOOBIG, "the node's answer is over %d MiB",
                         TALK_BODY_BYTES >> 20);
    if (answer->body.len)
        (void)!json_parse(&answer->json, buf_slice(&answer->body), &answer->arena, NULL);
    if (answer->http_status >= 400)
        return talk_error(answer->http_status, answer->json, err);
    return NIGH_OK;
}

enum nigh_status talk_ask(struct talk *talk, const struct talk_request *request,
                          struct talk_answer *ret, struct nigh_err *err)
{
    struct asking asking = {.talk = talk, .request = request, .answer = ret};
    struct sig *sig = NULL;
    enum nigh_status status = NIGH_OK;

    *ret = (struct talk_answer){.body = {.max_bytes = TALK_BODY_BYTES}};
    arena_init(&ret->arena, (size_t)TALK_BODY_BYTES * 4);
    sse_init(&asking.sse, TALK_EVENT_BYTES, on_event, &asking);
    if (request->interruptible)
        status = sig_watch(&sig, talk->loop, SIGINT, on_interrupt, &asking, err);
    if (status == NIGH_OK)
        status = send_it(&asking, err);
    if (status == NIGH_OK) {
        while (!asking.ended)
            loop_run(talk->loop);
        status = judge(&asking, err);
    }
    sig_free(sig);
    sse_done(&asking.sse);
    return status;
}

enum nigh_status talk_get(struct talk *talk, const char *path, struct talk_answer *ret,
                          struct nigh_err *err)
{
    struct talk_request request = {.method = "GET", .path = path};

    return talk_ask(talk, &request, ret, err);
}

void talk_answer_done(struct talk_answer *answer)
{
    buf_done(&answer->body);
    arena_done(&answer->arena);
}

/* --- finding the node ---------------------------------------------------------------------------
 */

bool talk_gone(int64_t pid)
{
    char path[64], text[128] = "";
    FILE *f;

    snprintf(path, sizeof path, "/proc/%lld/stat", (long long)pid);
    f = fopen(path, "re");
    if (!f)
        return true;
    size_t n = fread(text, 1, sizeof text - 1, f);
    fclose(f);
    text[n] = '\0';
    const char *state = strrchr(text, ')'); /* "12 (nigh) S 1 ..." */
    return !state || state[1] != ' ' || state[2] == 'Z' || state[2] == 'X';
}

/* Whose process it is: its folder in /proc says root for one that is not dumpable, as a node is
 * (base/secret.h).  -1: there is none. */
static int64_t owner_of(int64_t pid)
{
    char path[64], line[128];
    unsigned uid;
    int64_t owner = -1;

    snprintf(path, sizeof path, "/proc/%lld/status", (long long)pid);
    FILE *f = fopen(path, "re");
    while (f && owner < 0 && fgets(line, sizeof line, f))
        if (sscanf(line, "Uid: %u", &uid) == 1)
            owner = uid;
    if (f)
        fclose(f);
    return owner;
}

/* Does the process that local.json names still run, and for the file's owner? */
static bool alive(const struct talk *talk)
{
    char file[PATH_BYTES];
    struct stat theirs;

    if (talk->node.pid <= 0 || talk_gone(talk->node.pid) ||
        path_join(file, talk->state_dir, LOCAL_KEY_FILE, NULL) != NIGH_OK)
        return false;
    return stat(file, &theirs) == 0 && theirs.st_uid == owner_of(talk->node.pid);
}

static void aim(struct talk *talk)
{
    snprintf(talk->url, sizeof talk->url, "http://%s", talk->node.address);
    snprintf(talk->name, sizeof talk->name, "the node at %s", talk->node.address);
    talk->to = (struct endpoint){
        .dest = {.place = talk->name, .address = talk->url, .zone = ZONE_DEVICE},
        .base_url = talk->url,
    };
}

/* From here on the key goes with each request. */
static void show_key(struct talk *talk)
{
    snprintf(talk->auth, sizeof talk->auth, "Bearer %s", talk->node.text);
    talk->header = (struct header){"Authorization", talk->auth};
    talk->to.headers = &talk->header;
    talk->to.n_headers = 1;
}

/* NIGH_OFFLINE: no node of ours answers. */
static enum nigh_status find(struct talk *talk, struct nigh_err *err)
{
    struct talk_request probe = {.method = "GET", .path = "/healthz", .timeout_ms = TALK_PROBE_MS};
    struct talk_answer answer;
    struct nigh_err why = {0};
    enum nigh_status status = local_key_read(&talk->node, talk->state_dir, &why);

    if (status != NIGH_OK || !alive(talk))
        return nigh_fail(err, NIGH_OFFLINE, "no node is running");
    aim(talk);
    status = talk_ask(talk, &probe, &answer, &why);
    talk_answer_done(&answer);
    if (status != NIGH_OK)
        return nigh_fail(err, NIGH_OFFLINE, "%s", why.what);
    show_key(talk);
    return NIGH_OK;
}

static enum nigh_status find_or_start(struct talk *talk, unsigned flags, struct nigh_err *err)
{
    struct nigh_err missing = {0}, failed = {0};
    enum nigh_status status = find(talk, &missing);

    if (status == NIGH_OK)
        return status;
    if (!(flags & TALK_START))
        return nigh_fail(err, status, "%s", missing.what);
    int lock = start_lock(talk->state_dir, &failed);
    status = failed.status;
    /* Two commands may want to start one at once: the second finds that of the first. */
    if (status == NIGH_OK && find(talk, &missing) != NIGH_OK) {
        status = start_node(talk->state_dir, &failed);
        if (status == NIGH_OK)
            status = find(talk, &failed);
    }
    start_unlock(lock);
    return status == NIGH_OK ? status : nigh_fail(err, status, "%s", failed.what);
}

enum nigh_status talk_new(struct talk **ret, unsigned flags, struct nigh_err *err)
{
    CLEANUP(talk_freep) struct talk *talk = calloc(1, sizeof *talk);
    enum nigh_status status;

    if (!talk)
        return nigh_fail(err, NIGH_NOMEM, "out of memory");
    arena_init(&talk->arena, 64 << 10);
    status = path_state(talk->state_dir, err);
    if (status == NIGH_OK)
        status = loop_new(&talk->loop, err);
    if (status == NIGH_OK)
        status = zones_build(&talk->zones, NULL, 0, &talk->arena, err);
    if (status == NIGH_OK)
        status = gate_new(&talk->gate, NULL, &talk->zones, err);
    if (status == NIGH_OK)
        status = client_new(&talk->client, talk->loop, err);
    if (status == NIGH_OK)
        status = find_or_start(talk, flags, err);
    if (status == NIGH_OK)
        *ret = TAKE(talk);
    return status;
}

struct talk *talk_free(struct talk *talk)
{
    if (!talk)
        return NULL;
    client_free(talk->client);
    gate_free(talk->gate);
    loop_free(talk->loop);
    arena_done(&talk->arena);
    free(talk);
    return NULL;
}

void talk_freep(struct talk **talk)
{
    talk_free(*talk);
}

const struct local_key *talk_node(const struct talk *talk)
{
    return &talk->node;
}
