#include "cloud/cloud.h"

#include "api/wirerun.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/secret.h"
#include "turn/line.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct model {
    struct place place;
    struct cloud *cloud;
    struct endpoint to;     /* the provider's, under this place's name: what the gate cleared */
    uint64_t first_ms;      /* 0: the provider's */
    uint64_t cool_until_us; /* it said 429 and for how long */
};

struct cloud {
    struct loop *loop;
    struct client *client;
    struct arena arena;
    const struct wire *wire;
    const char *name, *base_url, *unix_path, *pin;
    unsigned zone;
    bool plain_http_ok;
    char *key_header; /* "Bearer KEY" or "KEY", in secret memory */
    struct header headers[1];
    char why[128]; /* the key is missing */
    uint64_t first_ms, idle_ms, total_ms;
    unsigned wire_flags;
    struct breaker breaker;
    struct model *models;
    struct place **places;
    size_t n_models;
    struct line line; /* of attempts, over all models */
};

/* One attempt; run->state. */
struct attempt {
    struct wirerun *wire; /* NULL: it waits */
    struct model *model;
    struct run *run;
    struct line_seat seat;
    enum breaker_pass pass; /* BREAKER_REFUSED: it waits, nothing was asked of the provider */
};

static struct model *model_of(struct place *place)
{
    return CONTAINER_OF(place, struct model, place);
}

/* ---- the key ---- */

/* Straight into locked memory: no copy in a buffer of stdio or of ours. */
static enum nigh_status read_key_file(char *key, size_t *ret_len, const char *path,
                                      struct nigh_err *err)
{
    size_t len = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return nigh_fail(err, NIGH_NOTFOUND, "key file %s: %s", path, strerror(errno));
    for (ssize_t n; len < CLOUD_KEY_MAX && (n = read(fd, key + len, CLOUD_KEY_MAX - len)) != 0;) {
        if (n < 0 && errno != EINTR) {
            close(fd);
            return nigh_fail(err, NIGH_IO, "key file %s: %s", path, strerror(errno));
        }
        len += n > 0 ? (size_t)n : 0;
    }
    close(fd);
    *ret_len = len;
    return NIGH_OK;
}

/* White space at the ends goes; anything that could end a header line is refused. */
static bool tidy_key(char *key, size_t *len)
{
    struct slice k = slice_trim((struct slice){key, *len});

    for (size_t i = 0; i < k.len; i++)
        if ((unsigned char)k.p[i] <= ' ' || (unsigned char)k.p[i] >= 0x7f)
            return false;
    if (k.len == 0 || k.len >= CLOUD_KEY_MAX)
        return false;
    memmove(key, k.p, k.len);
    key[k.len] = 0;
    *len = k.len;
    return true;
}

/* A missing key is no reason not to start: the place says so when it is asked. */
static void read_key(struct cloud *c, const struct cloud_spec *spec, char *key)
{
    struct nigh_err err = {0};
    size_t len = 0;

    if (spec->key_env) {
        const char *value = getenv(spec->key_env);
        if (!value || !*value) {
            snprintf(c->why, sizeof c->why, "%s is not set", spec->key_env);
            return;
        }
        len = strnlen(value, CLOUD_KEY_MAX);
        secret_guard(value, len); /* it stays there, for a reload */
        memcpy(key, value, len);
    } else if (read_key_file(key, &len, spec->key_file, &err) != NIGH_OK) {
        snprintf(c->why, sizeof c->why, "%.*s", (int)sizeof c->why - 1, err.what);
        return;
    }
    if (!tidy_key(key, &len))
        snprintf(c->why, sizeof c->why, "%s holds no usable key",
                 spec->key_env ? spec->key_env : spec->key_file);
}

/* Where a format's key stands. */
static const struct {
    const char *header, *before;
} auths[] = {[WIRE_BEARER] = {"Authorization", "Bearer "}, [WIRE_X_API_KEY] = {"x-api-key", ""}};

static enum nigh_status set_key(struct cloud *c, const struct cloud_spec *spec,
                                struct nigh_err *err)
{
    const char *before = auths[c->wire->auth].before;
    size_t len = strlen(before);

    if (!spec->key_env && !spec->key_file)
        return NIGH_OK;
    char *room = secret_new(len + CLOUD_KEY_MAX + 1);
    if (!room)
        return nigh_fail(err, NIGH_NOMEM, "%s: no locked memory for the key", c->name);
    memcpy(room, before, len + 1);
    read_key(c, spec, room + len);
    /* Locked memory may be scarce: no more of it is kept than the key needs. */
    if (!c->why[0] && (c->key_header = secret_new(strlen(room) + 1)))
        memcpy(c->key_header, room, strlen(room) + 1);
    secret_free(room);
    if (c->why[0]) {
        log_at(LOG_WARN, "cloud", "no key", LOG_WORD("provider", c->name));
        return NIGH_OK;
    }
    if (!c->key_header)
        return nigh_fail(err, NIGH_NOMEM, "%s: no locked memory for the key", c->name);
    secret_seal(c->key_header);
    c->headers[0] = (struct header){auths[c->wire->auth].header, c->key_header};
    for (size_t i = 0; i < c->n_models; i++) {
        c->models[i].to.headers = c->headers;
        c->models[i].to.n_headers = ARRAY_LEN(c->headers);
    }
    return NIGH_OK;
}

/* ---- the place ---- */

static enum nigh_status encode(struct place *place, const struct turn *turn, struct arena *arena,
                               struct slice *ret_body, struct nigh_err *err)
{
    struct model *m = model_of(place);
    const struct wire *wire = m->cloud->wire;
    CLEANUP(buf_done) struct buf body = {0};
    struct turn bounded = *turn;

    if (wire->needs_max_tokens && bounded.max_tokens == 0)
        bounded.max_tokens = place->output_tokens_max;
    enum nigh_status status =
        wire->request(&body, &bounded, place->model, m->cloud->wire_flags, err);
    if (status != NIGH_OK)
        return status;
    struct slice copy = arena_dup(arena, buf_slice(&body));
    if (!copy.p)
        return nigh_fail(err, NIGH_TOOBIG, "%s: the request is larger than a turn may be",
                         place->name);
    *ret_body = copy;
    return NIGH_OK;
}

static uint64_t cooling_ms(const struct model *m)
{
    uint64_t now = clock_mono_us();
    return now < m->cool_until_us ? (m->cool_until_us - now + 999) / 1000 : 0;
}

static enum ready ready(struct place *place, char why[static 128])
{
    struct model *m = model_of(place);
    struct cloud *c = m->cloud;

    if (c->why[0]) {
        snprintf(why, 128, "%s", c->why);
    } else if (!breaker_ready(&c->breaker)) {
        snprintf(why, 128, "%s failed again and again; it is asked again in %llu s", c->name,
                 (unsigned long long)(breaker_wait_ms(&c->breaker) + 999) / 1000);
    } else if (cooling_ms(m) > 0) {
        snprintf(why, 128, "rate limited for %llu s",
                 (unsigned long long)(cooling_ms(m) + 999) / 1000);
        return READY_LIMITED;
    } else {
        return READY_NOW;
    }
    return READY_NOT;
}

static uint64_t retry_after_ms(struct place *place)
{
    struct model *m = model_of(place);
    uint64_t wait = breaker_wait_ms(&m->cloud->breaker), cool = cooling_ms(m);

    if (m->cloud->why[0])
        return 0; /* time does not mend it */
    wait = wait > cool ? wait : cool;
    return wait ? wait : line_retry_ms(&m->cloud->line);
}

/* What it tells about the provider.  429 and other 4xx come from one that is well. */
static void judge(struct attempt *a, const struct outcome *o)
{
    struct breaker *b = &a->model->cloud->breaker;

    if (o->http_status == 429 && o->retry_after_ms >= CLOUD_COOL_LEAST_MS)
        a->model->cool_until_us = clock_mono_us() + o->retry_after_ms * 1000;
    if (o->fate == FATE_WHOLE || o->fate == FATE_CALLER ||
        (o->http_status >= 400 && o->http_status < 500))
        breaker_ok(b, a->pass);
    else if (o->err.status == NIGH_NOMEM || o->err.status == NIGH_TOOBIG)
        breaker_forget(b, a->pass); /* our own ceilings */
    else
        breaker_failed(b, a->pass);
}

static void attempt_free(struct attempt *a, bool served)
{
    line_leave(&a->seat, served);
    a->run->pass = clearance_free(a->run->pass);
    a->run->state = NULL;
    free(a);
}

static void on_done(void *owner, struct outcome *outcome)
{
    struct attempt *a = owner;
    struct run *run = a->run;

    judge(a, outcome);
    attempt_free(a, outcome->fate == FATE_WHOLE);
    run->on_done(run, outcome);
}

/* Of the model when the user set it, else the walk's when there is a runner-up, else the
 * provider's. */
static uint64_t patience_ms(const struct model *m, const struct run *run)
{
    if (m->first_ms)
        return m->first_ms;
    if (run->patience_ms && run->patience_ms < m->cloud->first_ms)
        return run->patience_ms;
    return m->cloud->first_ms;
}

static enum nigh_status start_attempt(struct attempt *a, struct run *run, struct nigh_err *err)
{
    struct cloud *c = a->model->cloud;
    const struct wirerun_spec spec = {.loop = c->loop,
                                      .client = c->client,
                                      .wire = c->wire,
                                      .to = &a->model->to,
                                      .name = a->model->place.name,
                                      .first_ms = patience_ms(a->model, run),
                                      .idle_ms = c->idle_ms,
                                      .total_ms = c->total_ms};
    enum nigh_status status;

    a->pass = breaker_allow(&c->breaker);
    status = wirerun_start(&a->wire, &spec, run, on_done, a, err);
    if (status != NIGH_OK) /* nothing was asked of the provider */
        breaker_forget(&c->breaker, a->pass);
    return status;
}

/* Its turn came, or it waited in vain; or the provider went away meanwhile. */
static void on_called(struct line_seat *seat, bool in)
{
    struct attempt *a = CONTAINER_OF(seat, struct attempt, seat);
    struct place *place = &a->model->place;
    struct run *run = a->run;
    struct outcome o = {.fate = FATE_ELSEWHERE};
    char why[128] = "";

    if (in && ready(place, why) != READY_NOW)
        nigh_fail(&o.err, NIGH_OFFLINE, "%s: %s", place->name, why);
    else if (!in)
        nigh_fail(&o.err, NIGH_BUSY, "%s: none of its %u turns at once came free in time",
                  place->name, a->model->cloud->line.in_max);
    else if (start_attempt(a, run, &o.err) == NIGH_OK)
        return;
    o.retry_after_ms = retry_after_ms(place);
    attempt_free(a, false);
    run->on_done(run, &o);
}

static uint64_t left_ms(const struct run *run)
{
    uint64_t now = clock_mono_us();

    return run->deadline_us > now ? (run->deadline_us - now) / 1000 : 0;
}

static enum nigh_status start(struct place *place, struct run *run, struct nigh_err *err)
{
    struct model *m = model_of(place);
    struct line *line = &m->cloud->line;
    enum nigh_status status = NIGH_OK;
    char why[128] = "";

    enum ready now = ready(place, why);
    if (now != READY_NOW) {
        run->pass = clearance_free(run->pass);
        return nigh_fail(err, now == READY_LIMITED ? NIGH_BUSY : NIGH_OFFLINE, "%s: %s",
                         place->name, why);
    }
    struct attempt *a = calloc(1, sizeof *a);
    if (!a) {
        run->pass = clearance_free(run->pass);
        return nigh_fail(err, NIGH_NOMEM, "%s: out of memory", place->name);
    }
    *a = (struct attempt){.model = m, .run = run};
    run->state = a;
    switch (line_enter(line, &a->seat, run->who, left_ms(run), on_called)) {
    case LINE_WAITS:
        return NIGH_OK;
    case LINE_IN:
        status = start_attempt(a, run, err);
        break;
    case LINE_FULL:
        status = nigh_fail(err, NIGH_BUSY, "%s: %u turns run there and %u wait already",
                           place->name, line->in.n, line->waiting.n);
        break;
    }
    if (status != NIGH_OK)
        attempt_free(a, false);
    return status;
}

static void pause_run(struct run *run)
{
    struct attempt *a = run->state;
    if (a && a->wire)
        wirerun_pause(a->wire);
}

static void resume_run(struct run *run)
{
    struct attempt *a = run->state;
    if (a && a->wire)
        wirerun_resume(a->wire);
}

static void cancel(struct run *run)
{
    struct attempt *a = run->state;
    if (!a)
        return;
    wirerun_cancel(a->wire);
    breaker_forget(&a->model->cloud->breaker, a->pass);
    attempt_free(a, false);
}

static const struct place_ops cloud_ops = {.encode = encode,
                                           .start = start,
                                           .pause = pause_run,
                                           .resume = resume_run,
                                           .cancel = cancel,
                                           .ready = ready,
                                           .retry_after_ms = retry_after_ms};

/* ---- life ---- */

/* "https://api.openai.com" of "https://api.openai.com/v1": what the user is shown and the gate
 * clears. */
static struct slice origin(const char *url)
{
    const char *host = strstr(url, "://");
    const char *path = host ? strchr(host + 3, '/') : NULL;
    return (struct slice){url, path ? (size_t)(path - url) : strlen(url)};
}

static bool takes_new_max_tokens(const char *url)
{
    struct slice o = origin(url);
    static const char *const hosts[] = {"api.openai.com", "openai.azure.com"};

    for (size_t i = 0; i < ARRAY_LEN(hosts); i++)
        if (o.len >= strlen(hosts[i]) &&
            memcmp(o.p + o.len - strlen(hosts[i]), hosts[i], strlen(hosts[i])) == 0)
            return true;
    return false;
}

static const char *copy(struct cloud *c, const char *text)
{
    return text ? arena_strdup(&c->arena, slice_of(text)) : NULL;
}

/* What was configured and its API has a path for, and beside chats the counting of them. */
static unsigned verbs_of(const struct wire *wire, unsigned wanted)
{
    unsigned verbs = wanted ? wanted : 1U << VERB_CHAT;

    verbs |= verbs & 1U << VERB_CHAT ? 1U << VERB_COUNT : 0;
    for (unsigned verb = 0; verb < VERB_COUNT_OF; verb++)
        if (!wire->paths[verb])
            verbs &= ~(1U << verb);
    return verbs ? verbs : 1U << VERB_COUNT_OF; /* none at all, which 0 would not say */
}

static void set_model(struct cloud *c, struct model *m, const struct cloud_model *spec,
                      const char *address)
{
    const char *name = arena_printf(&c->arena, "%s/%s", c->name, spec->name);

    m->cloud = c;
    m->first_ms = spec->first_ms;
    m->place = (struct place){.ops = &cloud_ops,
                              .name = name,
                              .model = copy(c, spec->name),
                              .kind = PLACE_CLOUD,
                              .dest = {name, address, c->zone},
                              .can = spec->can & ~c->wire->cannot,
                              .verbs = verbs_of(c->wire, spec->verbs),
                              .context_tokens = spec->context_tokens,
                              .output_tokens_max = spec->output_tokens_max,
                              .quality = spec->quality,
                              .hedge_ms = spec->hedge_ms,
                              .price = spec->price};
    m->place.price.source = copy(c, spec->price.source);
    m->to = (struct endpoint){.dest = m->place.dest,
                              .base_url = c->base_url,
                              .unix_path = c->unix_path,
                              .pin = c->pin,
                              .plain_http_ok = c->plain_http_ok};
}

static void set_models(struct cloud *c, const struct cloud_spec *spec)
{
    const char *address = spec->unix_path ? arena_printf(&c->arena, "unix:%s", spec->unix_path)
                                          : arena_strdup(&c->arena, origin(spec->base_url));

    c->models = arena_calloc(&c->arena, spec->n_models, sizeof *c->models);
    c->places = arena_calloc(&c->arena, spec->n_models, sizeof(struct place *));
    if (!c->models || !c->places)
        return; /* counted by the arena */
    c->n_models = spec->n_models;
    for (size_t i = 0; i < c->n_models; i++) {
        set_model(c, &c->models[i], &spec->models[i], address);
        c->places[i] = &c->models[i].place;
    }
}

enum nigh_status cloud_new(struct cloud **ret, struct loop *loop, struct client *client,
                           const struct cloud_spec *spec, struct nigh_err *err)
{
    if (spec->n_models > CLOUD_MODELS_MAX)
        return nigh_fail(err, NIGH_TOOBIG, "%s: more than %d models", spec->name, CLOUD_MODELS_MAX);
    struct cloud *c = calloc(1, sizeof *c);
    if (!c)
        return nigh_fail(err, NIGH_NOMEM, "%s: out of memory", spec->name);
    c->loop = loop;
    c->client = client;
    arena_init(&c->arena, 4 << 20); /* names of CLOUD_MODELS_MAX models */
    c->wire = spec->wire ? spec->wire : &wire_openai;
    c->name = copy(c, spec->name);
    c->base_url = copy(c, spec->base_url);
    c->unix_path = copy(c, spec->unix_path);
    c->pin = copy(c, spec->pin);
    c->zone = spec->zone;
    c->plain_http_ok = spec->plain_http_ok;
    c->first_ms = spec->first_ms ? spec->first_ms : CLOUD_FIRST_MS;
    c->idle_ms = spec->idle_ms ? spec->idle_ms : CLOUD_IDLE_MS;
    c->total_ms = spec->total_ms ? spec->total_ms : CLOUD_TOTAL_MS;
    if (spec->old_max_tokens > 0 ||
        (spec->old_max_tokens < 0 && !takes_new_max_tokens(spec->base_url)))
        c->wire_flags |= WIRE_OLD_MAX_TOKENS | WIRE_MORE_WISHES;
    breaker_init(&c->breaker);
    line_init(&c->line, loop, spec->at_once ? spec->at_once : CLOUD_AT_ONCE,
              spec->queue_max ? spec->queue_max : CLOUD_QUEUE_MAX, CLOUD_QUEUE_WAIT_MS);
    set_models(c, spec);
    enum nigh_status status = c->arena.refused
                                  ? nigh_fail(err, NIGH_NOMEM, "%s: out of memory", spec->name)
                                  : set_key(c, spec, err);
    if (status != NIGH_OK) {
        cloud_free(c);
        return status;
    }
    *ret = c;
    return NIGH_OK;
}

struct cloud *cloud_free(struct cloud *c)
{
    if (!c)
        return NULL;
    line_done(&c->line);
    secret_free(c->key_header);
    arena_done(&c->arena);
    free(c);
    return NULL;
}

size_t cloud_places(const struct cloud *c, struct place ***ret_places)
{
    *ret_places = c->places;
    return c->n_models;
}

void cloud_status(struct cloud *c, struct cloud_status *ret)
{
    (void)breaker_ready(&c->breaker); /* time passes for it when it is looked at */
    *ret = (struct cloud_status){.name = c->name,
                                 .base_url = c->base_url,
                                 .zone = c->zone,
                                 .has_key = c->why[0] == 0,
                                 .breaker = c->breaker.state,
                                 .breaker_wait_ms = breaker_wait_ms(&c->breaker),
                                 .ok = c->breaker.total_ok,
                                 .failed = c->breaker.total_failed,
                                 .probes = c->breaker.total_probes,
                                 .openings = c->breaker.total_opened,
                                 .running = c->line.in.n,
                                 .waiting = c->line.waiting.n,
                                 .at_once = c->line.in_max};
    snprintf(ret->why, sizeof ret->why, "%s", c->why);
}
