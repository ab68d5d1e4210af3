#include "engine/engine.h"

#include "api/wirerun.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/path.h"
#include "engine/admit.h"
#include "engine/guard.h"
#include "engine/jail.h"
#include "engine/launch.h"
#include "engine/lines.h"
#include "engine/proc.h"
#include "engine/slots.h"
#include "engine/unload.h"
#include "loop/child.h"
#include "turn/line.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/un.h>
#include <unistd.h>

/* One turn, waiting or in the process; run->state. */
struct job {
    struct engine *engine;
    struct run *run;
    struct wirerun *wire; /* NULL: it waits, or its connection broke */
    uint64_t asked_us;    /* at the place */
    struct line_seat seat;
    bool has_slot;
    int slot;              /* as slots_take() said */
    struct timer timer;    /* how long it waits for the death that broke it */
    struct outcome broken; /* meanwhile */
};

struct engine {
    struct place place;
    struct loop *loop;
    struct client *client;
    struct gate *gate;
    struct arena arena; /* what the spec told */
    struct launch launch;
    const char *const *argv, *const *argv_many; /* for one caller, for several */
    struct endpoint to;
    struct admit admit;
    uint64_t unload_ms, start_ms, first_ms, idle_ms, stop_ms, backoff_first_ms;
    enum engine_unload unload;
    double resident_watts;
    bool has_keep; /* the last turn told how long: keep_ms, as in turn.h */
    int64_t keep_ms;

    enum engine_state state;
    char why[160];
    struct child *child;
    struct call *probe;
    struct timer timer; /* the state's: next probe, unloading, killing, starting again */
    struct later later; /* rest() */
    struct line line;   /* open while it is ready; its seats are jobs' */
    struct slots slots;
    bool many;   /* keys tell the callers apart */
    bool shares; /* the process has a cache that all its slots share */
    struct lines lines;
    int jail; /* JAIL_... bits reached; -1: not told yet */
    char isolation[64];

    uint64_t state_us; /* when it came into this state */
    uint64_t spawned_us, loaded_wall_us, load_ms;
    uint64_t again_us; /* backoff and broken: from then on */
    uint64_t backoff_ms;
    uint64_t starts, restarts;
    unsigned failed_starts; /* in a row */
};

static unsigned engines_made; /* tells their sockets apart when a reload has two at a time */

const char *engine_state_text(enum engine_state state)
{
    static const char *const text[] = {
#define ENGINE_STATE_TEXT(name, text) text,
        ENGINE_STATES(ENGINE_STATE_TEXT)
#undef ENGINE_STATE_TEXT
    };
    return text[state];
}

static struct engine *engine_of(struct place *place)
{
    return CONTAINER_OF(place, struct engine, place);
}

static void arm(struct engine *e, struct timer *t, uint64_t ms, void (*fn)(struct timer *))
{
    struct nigh_err err = {0};
    if (timer_arm(e->loop, t, ms, fn, &err) != NIGH_OK)
        log_err(LOG_ERROR, "engine", "a timer is lost", &err); /* deadlines of turns still hold */
}

static uint64_t ms_until(uint64_t us)
{
    uint64_t now = clock_mono_us();
    return us > now ? (us - now + 999) / 1000 : 0;
}

/* ---- jobs ---- */

static struct job *job_of(struct line_seat *seat)
{
    return seat ? CONTAINER_OF(seat, struct job, seat) : NULL;
}

static void on_rest(struct later *later);

/* Takes it out of everything; whoever waits may move up, later in this pass. */
static void job_free(struct job *j, bool served)
{
    struct engine *e = j->engine;

    timer_disarm(e->loop, &j->timer);
    line_leave(&j->seat, served);
    if (j->has_slot)
        slots_give(&e->slots, j->slot);
    j->run->pass = clearance_free(j->run->pass);
    j->run->state = NULL;
    free(j);
    loop_later(e->loop, &e->later, on_rest);
}

static void job_end(struct job *j, const struct outcome *outcome)
{
    struct run *run = j->run;
    struct outcome o = *outcome; /* may be the job's own */

    job_free(j, o.fate == FATE_WHOLE && run->turn->verb != VERB_LOAD);
    run->on_done(run, &o);
}

/* It did not get to be answered, for a reason that lies here. */
static void job_fail(struct job *j, enum nigh_status status, uint64_t retry_after_ms,
                     const char *why)
{
    struct outcome o = {.fate = FATE_RETRY, .retry_after_ms = retry_after_ms};

    if (j->seat.in) { /* what went in and came out is lost with the connection */
        o = j->broken;
        o.fate = j->wire && wirerun_spoke(j->wire) ? FATE_CUT
                 : o.fate == FATE_CUT              ? FATE_CUT
                                                   : FATE_RETRY;
        o.err = (struct nigh_err){0};
        o.retry_after_ms = retry_after_ms;
    }
    nigh_fail(&o.err, status, "%s: %s", j->engine->place.name, why);
    j->wire = wirerun_cancel(j->wire);
    job_end(j, &o);
}

static void jobs_fail(struct line_list *seats, enum nigh_status status, uint64_t retry_after_ms,
                      const char *why)
{
    /* A sink may start a new run on this place, which is refused in these states, so this ends. */
    while (seats->first)
        job_fail(job_of(seats->first), status, retry_after_ms, why);
}

/* ---- states ---- */

static void enter(struct engine *e, enum engine_state state)
{
    timer_disarm(e->loop, &e->timer);
    e->probe = call_cancel(e->probe);
    e->state = state;
    e->state_us = clock_mono_us();
    line_open(&e->line, state == ENGINE_READY);
    if (state != ENGINE_READY)
        e->loaded_wall_us = 0;
    log_at(LOG_INFO, "engine", "state", LOG_WORD("place", e->place.name),
           LOG_WORD("state", engine_state_text(state)));
}

static void spawn(struct engine *e);
static void on_again(struct timer *t);

/* No process, and none for a while: nobody waits for it. */
static void fall(struct engine *e, enum engine_state state, uint64_t wait_ms)
{
    char why[160];

    enter(e, state);
    e->again_us = clock_mono_us() + wait_ms * 1000;
    log_at(LOG_WARN, "engine", "the model process is away", LOG_WORD("place", e->place.name),
           LOG_NUM("retry_ms", wait_ms));
    if (state == ENGINE_BACKOFF)
        arm(e, &e->timer, wait_ms, on_again);
    snprintf(why, sizeof why, "%s", e->why);
    jobs_fail(&e->line.in, NIGH_OFFLINE, wait_ms, why);
    jobs_fail(&e->line.waiting, NIGH_OFFLINE, wait_ms, why);
}

static void fall_back_off(struct engine *e)
{
    uint64_t wait_ms = e->backoff_ms;

    e->backoff_ms = wait_ms * 2 > ENGINE_BACKOFF_MAX_MS ? ENGINE_BACKOFF_MAX_MS : wait_ms * 2;
    e->restarts++;
    fall(e, ENGINE_BACKOFF, wait_ms);
}

/* One that never gets ready is not started on and on for nobody: the next turn does it. */
static void on_again(struct timer *t)
{
    struct engine *e = CONTAINER_OF(t, struct engine, timer);

    if (e->failed_starts < ENGINE_ALONE_MAX)
        spawn(e);
}

static void on_unload(struct timer *t);

/* How long an idle model stays: what the last turn wished, else what the config says; below 0: for
 * ever. */
static int64_t stay_ms(const struct engine *e)
{
    if (e->has_keep)
        return e->keep_ms;
    switch (e->unload) {
    case ENGINE_UNLOAD_NEVER:
        return -1;
    case ENGINE_UNLOAD_AFTER:
        return (int64_t)e->unload_ms;
    case ENGINE_UNLOAD_AUTO:
        break;
    }
    return (int64_t)unload_after_ms(e->load_ms, e->place.watts, e->resident_watts);
}

/* Ready with nobody there: begins to count.  A process whose cache all would share ends first. */
static void rest(struct engine *e)
{
    int64_t ms = e->many && e->shares ? 0 : stay_ms(e);

    if (e->state != ENGINE_READY || e->line.in.n || e->line.waiting.n || ms < 0 ||
        timer_armed(&e->timer))
        return;
    arm(e, &e->timer, (uint64_t)ms, on_unload);
}

static void keep_as(struct engine *e, const struct turn *turn)
{
    e->has_keep = turn->has_keep;
    e->keep_ms = turn->keep_ms;
    if (e->state == ENGINE_READY)
        timer_disarm(e->loop, &e->timer); /* of unloading: counts anew */
}

static void on_rest(struct later *later)
{
    rest(CONTAINER_OF(later, struct engine, later));
}

static void become_ready(struct engine *e)
{
    enter(e, ENGINE_READY);
    e->why[0] = 0;
    e->failed_starts = 0;
    admit_lived(&e->admit);
    e->load_ms = (clock_mono_us() - e->spawned_us) / 1000;
    e->loaded_wall_us = clock_wall_us();
    log_at(LOG_INFO, "engine", "ready", LOG_WORD("place", e->place.name),
           LOG_NUM("load_ms", e->load_ms));
    loop_later(e->loop, &e->later, on_rest);
}

static void on_kill(struct timer *t)
{
    struct engine *e = CONTAINER_OF(t, struct engine, timer);
    child_kill(e->child, SIGKILL);
}

static void on_unload(struct timer *t)
{
    struct engine *e = CONTAINER_OF(t, struct engine, timer);

    enter(e, ENGINE_STOPPING);
    child_kill(e->child, SIGTERM);
    arm(e, &e->timer, e->stop_ms, on_kill);
}

/* ---- starting ---- */

static void on_probe_due(struct timer *t);

static void probe_later(struct engine *e)
{
    bool young = clock_mono_us() - e->spawned_us < 1000000;
    arm(e, &e->timer, young ? ENGINE_PROBE_MS : 10 * ENGINE_PROBE_MS, on_probe_due);
}

static const char changed_while_loaded[] = "the model's files changed while they were loaded";

static void refuse_model(struct engine *e, const char *why)
{
    snprintf(e->why, sizeof e->why, "%s", why);
    child_kill(e->child, SIGKILL); /* on_exit keeps this reason */
}

/* Its server answers: the last thing to know is what its template does. */
static void become_ready_if(struct engine *e)
{
    char why[ADMIT_WHY_BYTES] = "";
    enum admit_answer answer = ADMIT_YES;

    if (admit_changed(&e->admit)) {
        refuse_model(e, changed_while_loaded);
        return;
    }
    if (e->launch.kind == LAUNCH_CHAT)
        answer = admit_template(&e->admit, (int)child_pid(e->child), why);
    if (answer == ADMIT_YES)
        become_ready(e);
    else if (answer == ADMIT_NO)
        refuse_model(e, why);
}

static void on_probe_done(void *owner, const struct call_result *result)
{
    struct engine *e = owner;

    e->probe = NULL;
    if (result->status == NIGH_OK && result->http_status == 200)
        become_ready_if(e);
    else
        probe_later(e);
}

static void probe(struct engine *e)
{
    static const struct call_ops ops = {.done = on_probe_done};
    const struct slice none = {"", 0};
    const struct call_spec call = {
        .to = &e->to, .method = "GET", .path = "/health", .body = none, .total_ms = 5000};
    struct clearance *pass = NULL;
    struct nigh_err err = {0};

    if (e->probe || admit_busy(&e->admit))
        return;
    if (gate_clear(e->gate, &pass, "", LABEL_ANYWHERE, &e->to.dest, none, &err) != NIGH_OK ||
        client_send(e->client, &e->probe, &call, pass, &ops, e, &err) != NIGH_OK) {
        log_err(LOG_WARN, "engine", "cannot look whether it is ready", &err);
        probe_later(e);
    }
}

static void on_probe_due(struct timer *t)
{
    struct engine *e = CONTAINER_OF(t, struct engine, timer);

    if (clock_mono_us() - e->spawned_us > e->start_ms * 1000) {
        snprintf(e->why, sizeof e->why, "the model was not ready after %llu s",
                 (unsigned long long)e->start_ms / 1000);
        child_kill(e->child, SIGKILL); /* on_exit keeps this reason */
    } else if (access(e->launch.socket, F_OK) == 0) {
        probe(e);
    } else {
        probe_later(e);
    }
}

static bool says(struct slice line, const char *words)
{
    return memmem(line.p, line.len, words, strlen(words)) != NULL;
}

/* What llama-server 0.7.0 says of its start.  Hints: without them it is the slower or the later
 * clock that tells. */
static void on_start_line(struct engine *e, struct slice line)
{
    if (says(line, "load_model: initializing, n_slots"))
        admit_trial(&e->admit, (int)child_pid(e->child));
    else if (says(line, "llama_server: model loaded"))
        admit_trial(&e->admit, 0);
    else if (says(line, "listening on unix:"))
        probe(e);
}

static void on_line(void *owner, struct slice line)
{
    struct engine *e = owner;
    int bits = e->jail < 0 ? jail_parse(line.p, line.len) : -1;

    lines_add(&e->lines, line);
    if (bits >= 0) {
        e->jail = bits;
        snprintf(e->isolation, sizeof e->isolation, "%s%s%s", bits & JAIL_NETNS ? "netns " : "",
                 bits & JAIL_SECCOMP ? "seccomp " : "", bits & JAIL_LANDLOCK ? "landlock" : "");
        log_at(LOG_INFO, "engine", "jailed", LOG_NUM("netns", !!(bits & JAIL_NETNS)),
               LOG_NUM("seccomp", !!(bits & JAIL_SECCOMP)),
               LOG_NUM("landlock", !!(bits & JAIL_LANDLOCK)));
    } else if (e->state == ENGINE_STARTING) {
        on_start_line(e, line);
    }
}

/* What ended it, in words; a reason that is known already stays. */
static void tell_death(struct engine *e, int64_t status, int signum)
{
    if (e->why[0])
        return;
    if (signum)
        snprintf(e->why, sizeof e->why, "the model process died (signal %d)", signum);
    else
        snprintf(e->why, sizeof e->why, "the model process ended by itself (status %lld)",
                 (long long)status);
}

static void on_exit_child(void *owner, int64_t status, int signum)
{
    struct engine *e = owner;
    bool started = e->state == ENGINE_READY;
    bool good = started && clock_mono_us() - e->state_us > ENGINE_GOOD_MS * UINT64_C(1000);

    e->child = child_free(e->child);
    admit_cancel(&e->admit);
    if (e->state == ENGINE_STOPPING) {
        enter(e, ENGINE_STOPPED);
        if (e->line.waiting.n)
            spawn(e);
        return;
    }
    if (good)
        e->backoff_ms = e->backoff_first_ms;
    if (!started)
        e->failed_starts++;
    if (!started && signum == 0 && (status == JAIL_EXIT_REFUSED || status == JAIL_EXIT_EXEC)) {
        struct slice last = lines_last(&e->lines); /* the jail's own words: no turn was given yet */
        snprintf(e->why, sizeof e->why, "%.*s", (int)(last.len < 159 ? last.len : 159),
                 last.p ? last.p : "");
        fall(e, ENGINE_BROKEN, ENGINE_BROKEN_MS);
        return;
    }
    if (!started && !e->why[0] && admit_changed(&e->admit))
        /* the walls let it read what was looked at alone: no fault of the new file's */
        snprintf(e->why, sizeof e->why, "%s", changed_while_loaded);
    else if (!started)
        admit_died(&e->admit, signum, e->why);
    tell_death(e, status, signum);
    if (admit_stays_refused(&e->admit))
        fall(e, ENGINE_BROKEN, ENGINE_BROKEN_MS);
    else
        fall_back_off(e);
}

static enum nigh_status start_child(struct engine *e, struct nigh_err *err)
{
    static const struct child_ops ops = {.on_line = on_line, .on_exit = on_exit_child};

    if (access(e->launch.model_path, R_OK) != 0)
        return nigh_fail(err, NIGH_NOTFOUND, "model %s: %s", e->launch.model_path, strerror(errno));
    if (access(e->launch.program, X_OK) != 0)
        return nigh_fail(err, NIGH_NOTFOUND, "%s: %s", e->launch.program, strerror(errno));
    if (unlink(e->launch.socket) != 0 && errno != ENOENT)
        return nigh_fail(err, NIGH_IO, "%s: %s", e->launch.socket, strerror(errno));
    e->shares = !e->many;
    slots_reset(&e->slots);
    return child_spawn(&e->child, e->loop, e->many ? e->argv_many : e->argv, NULL, &ops, e, err);
}

static void fall_broken(struct engine *e, const char *why)
{
    snprintf(e->why, sizeof e->why, "%.*s", (int)sizeof e->why - 1, why);
    fall(e, ENGINE_BROKEN, ENGINE_BROKEN_MS);
}

static void load(struct engine *e)
{
    struct nigh_err err = {0};

    e->spawned_us = clock_mono_us();
    if (start_child(e, &err) != NIGH_OK) {
        fall_broken(e, err.what);
        return;
    }
    e->starts++;
    enter(e, ENGINE_STARTING);
    probe_later(e);
}

/* Of the files, before there is a process, or of the template, when it is up. */
static void on_admitted(struct admit *admit, const char *why)
{
    struct engine *e = CONTAINER_OF(admit, struct engine, admit);

    if (e->child && why)
        refuse_model(e, why);
    else if (e->child)
        become_ready(e);
    else if (why)
        fall_broken(e, why);
    else
        load(e);
}

static void spawn(struct engine *e)
{
    char why[ADMIT_WHY_BYTES] = "";

    e->lines.serving = false;
    e->jail = -1;
    e->why[0] = 0;
    switch (admit_load(&e->admit, why)) {
    case ADMIT_YES:
        load(e);
        break;
    case ADMIT_NO:
        fall_broken(e, why);
        break;
    case ADMIT_LATER:
        enter(e, ENGINE_STARTING);
        break;
    }
}

/* ---- turns ---- */

static void on_wire_done(void *owner, struct outcome *outcome);

static bool wants_slot(const struct turn *turn)
{
    return turn->verb == VERB_CHAT || turn->verb == VERB_COMPLETE;
}

/* The body again, with members of ours before its last brace, where they win over the caller's;
 * and, since these are other bytes, cleared again. */
static enum nigh_status name_slot(struct job *j, struct slot_pick pick, struct nigh_err *err)
{
    struct run *run = j->run;
    CLEANUP(buf_done) struct buf body = {0};
    enum nigh_status status;

    buf_add(&body, run->body.p, run->body.len - 1);
    if (pick.slot != SLOTS_ANY)
        json_put_int(&body, "id_slot", pick.slot);
    if (!pick.cached)
        json_put_bool(&body, "cache_prompt", false);
    buf_add_char(&body, '}');
    struct slice copy = arena_dup(run->arena, buf_slice(&body));
    if (body.failed || !copy.p)
        return nigh_fail(err, NIGH_TOOBIG, "%s: the request is larger than a turn may be",
                         j->engine->place.name);
    run->pass = clearance_free(run->pass);
    status =
        gate_clear(j->engine->gate, &run->pass, "", run->turn->label, &run->place->dest, copy, err);
    run->body = copy;
    return status;
}

static enum nigh_status take_slot(struct job *j, struct nigh_err *err)
{
    struct engine *e = j->engine;
    const struct run *run = j->run;

    if (e->launch.kind != LAUNCH_CHAT || !wants_slot(run->turn))
        return NIGH_OK;
    struct slot_pick pick = slots_take(&e->slots, run->principal, turn_choices(run->turn) > 1);
    j->has_slot = true;
    j->slot = pick.slot;
    if (!run->principal.p)
        return NIGH_OK; /* the only caller there is: llama-server chooses and caches as it likes */
    pick.cached &= !e->shares;
    return name_slot(j, pick, err);
}

static enum nigh_status job_begin(struct job *j, struct nigh_err *err)
{
    struct engine *e = j->engine;
    const struct wirerun_spec spec = {.loop = e->loop,
                                      .client = e->client,
                                      .wire = &wire_llama,
                                      .to = &e->to,
                                      .name = e->place.name,
                                      .first_ms = e->first_ms,
                                      .idle_ms = e->idle_ms,
                                      .total_ms = ENGINE_TOTAL_MS};

    keep_as(e, j->run->turn);
    e->lines.serving = true;
    j->run->load_us = e->state_us > j->asked_us ? e->state_us - j->asked_us : 0;
    if (j->run->turn->verb == VERB_LOAD) { /* it is loaded, and nothing else was asked */
        const struct outcome whole = {.fate = FATE_WHOLE};
        job_end(j, &whole);
        return NIGH_OK;
    }
    enum nigh_status status = take_slot(j, err);
    if (status != NIGH_OK)
        return status;
    return wirerun_start(&j->wire, &spec, j->run, on_wire_done, j, err);
}

/* Its turn came, or it waited in vain. */
static void on_called(struct line_seat *seat, bool in)
{
    struct job *j = job_of(seat);
    struct outcome o = {.fate = in ? FATE_RETRY : FATE_ELSEWHERE};

    if (in && job_begin(j, &o.err) == NIGH_OK)
        return;
    if (!in) {
        o.retry_after_ms = line_retry_ms(&j->engine->line);
        nigh_fail(&o.err, NIGH_BUSY, "%s: no slot came free in time", j->engine->place.name);
    }
    job_end(j, &o);
}

static void on_death_wait(struct timer *t)
{
    struct job *j = CONTAINER_OF(t, struct job, timer);
    job_end(j, &j->broken);
}

/* No token for anybody for as long as one may take: it will not come back by itself. */
static bool hangs(const struct engine *e)
{
    uint64_t limit_us = clock_mono_us() - e->idle_ms * 1000;

    for (struct line_seat *seat = e->line.in.first; seat; seat = seat->next)
        if (job_of(seat)->wire && wirerun_last_us(job_of(seat)->wire) > limit_us)
            return false;
    return true;
}

static void on_wire_done(void *owner, struct outcome *outcome)
{
    struct job *j = owner;
    struct engine *e = j->engine;
    bool silent = outcome->err.status == NIGH_TIMEOUT && e->state == ENGINE_READY && hangs(e);
    bool lost = outcome->err.status == NIGH_OFFLINE || outcome->err.status == NIGH_UPSTREAM;

    j->wire = NULL;
    if (silent) {
        snprintf(e->why, sizeof e->why, "the model process hung");
        child_kill(e->child, SIGKILL);
    } else if (lost && outcome->http_status < 400) { /* is it dying? */
        j->broken = *outcome;
        arm(e, &j->timer, ENGINE_DEATH_MS, on_death_wait);
        return;
    }
    job_end(j, outcome);
}

/* ---- the place ---- */

static enum nigh_status encode(struct place *place, const struct turn *turn, struct arena *arena,
                               struct slice *ret_body, struct nigh_err *err)
{
    CLEANUP(buf_done) struct buf body = {0};
    enum nigh_status status = guard_turn(turn, err);

    if (turn->verb == VERB_LOAD) {
        *ret_body = SLICE("");
        return NIGH_OK;
    }

    if (status == NIGH_OK)
        status = wire_llama.request(&body, turn, place->model,
                                    WIRE_OLD_MAX_TOKENS | WIRE_MORE_WISHES | WIRE_CACHE_PROMPT |
                                        WIRE_STABLE_PREFIX | WIRE_SEEN_RESULTS,
                                    err);
    if (status != NIGH_OK)
        return status;
    struct slice copy = arena_dup(arena, buf_slice(&body));
    if (!copy.p)
        return nigh_fail(err, NIGH_TOOBIG, "%s: the request is larger than a turn may be",
                         place->name);
    *ret_body = copy;
    return NIGH_OK;
}

/* A model that was refused is away as long as its files stay as they are; and no longer. */
static bool away(const struct engine *e)
{
    if (e->state == ENGINE_BROKEN && e->admit.refused)
        return admit_stays_refused(&e->admit);
    return (e->state == ENGINE_BACKOFF || e->state == ENGINE_BROKEN) &&
           clock_mono_us() < e->again_us && !admit_changed(&e->admit);
}

static enum ready ready(struct place *place, char why[static 128])
{
    struct engine *e = engine_of(place);

    if (away(e) && e->admit.refused) {
        snprintf(why, 128, "%.127s", e->why);
        return READY_NOT;
    }
    if (away(e)) {
        snprintf(why, 128, "%.90s; asked again in %llu s", e->why,
                 (unsigned long long)(ms_until(e->again_us) + 999) / 1000);
        return READY_NOT;
    }
    return e->state == ENGINE_READY ? READY_NOW : READY_COLD;
}

static uint64_t retry_after_ms(struct place *place)
{
    struct engine *e = engine_of(place);
    return away(e) ? ms_until(e->again_us) : line_retry_ms(&e->line);
}

static enum nigh_status refuse(struct run *run, struct nigh_err *err, enum nigh_status status,
                               const char *why)
{
    run->pass = clearance_free(run->pass);
    return nigh_fail(err, status, "%s: %s", run->place->name, why);
}

/* The model is there and is to be, or is not to be: that needs no slot. */
static bool load_at_once(const struct engine *e, const struct turn *turn)
{
    bool leave = turn->has_keep && turn->keep_ms == 0;

    return turn->verb == VERB_LOAD && (leave || e->state == ENGINE_READY);
}

static enum nigh_status start_load(struct engine *e, struct run *run)
{
    const struct outcome whole = {.fate = FATE_WHOLE};

    keep_as(e, run->turn);
    loop_later(e->loop, &e->later, on_rest); /* rests */
    run->pass = clearance_free(run->pass);
    run->on_done(run, &whole);
    return NIGH_OK;
}

static enum nigh_status start(struct place *place, struct run *run, struct nigh_err *err)
{
    struct engine *e = engine_of(place);
    enum nigh_status status;
    char why[192];

    e->many = run->principal.p != NULL;
    if (load_at_once(e, run->turn))
        return start_load(e, run);
    if (away(e)) {
        snprintf(why, sizeof why, "%s", e->why);
        return refuse(run, err, NIGH_OFFLINE, why);
    }
    struct job *j = calloc(1, sizeof *j);
    if (!j)
        return refuse(run, err, NIGH_NOMEM, "out of memory");
    *j = (struct job){.engine = e, .run = run, .asked_us = clock_mono_us()};
    switch (line_enter(&e->line, &j->seat, run->who,
                       run->deadline_us ? ms_until(run->deadline_us) : 0, on_called)) {
    case LINE_FULL:
        snprintf(why, sizeof why, "%u turns run and %u wait already", e->line.in.n,
                 e->line.waiting.n);
        free(j);
        return refuse(run, err, NIGH_BUSY, why);
    case LINE_IN:
        run->state = j;
        status = job_begin(j, err);
        if (status != NIGH_OK)
            job_free(j, false);
        return status;
    case LINE_WAITS:
        break;
    }
    run->state = j;
    if (e->state == ENGINE_STOPPED || e->state == ENGINE_BACKOFF || e->state == ENGINE_BROKEN)
        spawn(e); /* when that fails at once, on_done is called from in here */
    return NIGH_OK;
}

static void pause_run(struct run *run)
{
    struct job *j = run->state;
    if (j && j->wire)
        wirerun_pause(j->wire);
}

static void resume_run(struct run *run)
{
    struct job *j = run->state;
    if (j && j->wire)
        wirerun_resume(j->wire);
}

/* llama-server sees the closed connection at its next token, or within a second while it reads the
 * prompt. */
static void cancel(struct run *run)
{
    struct job *j = run->state;
    if (!j)
        return;
    j->wire = wirerun_cancel(j->wire);
    job_free(j, false);
}

static const struct place_ops engine_ops = {.encode = encode,
                                            .start = start,
                                            .pause = pause_run,
                                            .resume = resume_run,
                                            .cancel = cancel,
                                            .ready = ready,
                                            .retry_after_ms = retry_after_ms};

/* ---- life ---- */

/* A socket's path has 107 bytes; a deep home folder does not fit and gets one that does. */
static enum nigh_status find_socket(struct engine *e, const char *state_dir, struct nigh_err *err)
{
    char folder[PATH_BYTES];
    enum { ROOM = sizeof(((struct sockaddr_un *)0)->sun_path) - sizeof "/engine-4294967295.sock" };
    const char *runtime = getenv("XDG_RUNTIME_DIR");
    enum nigh_status status = path_join(folder, state_dir, "run", err);

    if (status == NIGH_OK && strlen(folder) > ROOM && runtime && runtime[0] == '/')
        status = path_join(folder, runtime, "nigh", err);
    if (status != NIGH_OK || (status = path_make_private(folder, err)) != NIGH_OK)
        return status;
    if (strlen(folder) > ROOM)
        return nigh_fail(err, NIGH_INVALID, "%.160s: too long for the model's socket", folder);
    e->launch.socket = arena_printf(&e->arena, "%s/engine-%u.sock", folder, engines_made++);
    return NIGH_OK;
}

static const char *copy(struct engine *e, const char *text)
{
    return text ? arena_strdup(&e->arena, slice_of(text)) : NULL;
}

static uint64_t default_of(uint64_t n, uint64_t otherwise)
{
    return n ? n : otherwise;
}

static unsigned can_of(const struct engine_spec *spec)
{
    unsigned can = CAN_TOOLS | CAN_JSON | CAN_SCHEMA | CAN_LOGPROBS;

    if (spec->can)
        return spec->can;
    if (spec->mmproj_path)
        can |= CAN_IMAGES;
    if (spec->slots > 1)
        can |= CAN_CHOICES; /* it refuses more choices than it has slots */
    return can;
}

/* llama-server ends a connection after a streamed answer without having said so (0.7.0); a request
 * that was sent on it meanwhile would be lost.  A new one on a Unix socket costs some 30 us. */
static const struct header to_headers[] = {{"Connection", "close"}};

static unsigned verbs_of(enum launch_kind kind)
{
    static const unsigned verbs[] = {
        [LAUNCH_CHAT] = 1U << VERB_CHAT | 1U << VERB_COMPLETE | 1U << VERB_TOKENIZE |
                        1U << VERB_DETOKENIZE | 1U << VERB_COUNT,
        [LAUNCH_EMBED] = 1U << VERB_EMBED | 1U << VERB_TOKENIZE | 1U << VERB_DETOKENIZE,
        [LAUNCH_RERANK] = 1U << VERB_RERANK | 1U << VERB_TOKENIZE | 1U << VERB_DETOKENIZE,
    };
    return verbs[kind];
}

static void set_place(struct engine *e, const struct engine_spec *spec)
{
    const char *name = arena_printf(&e->arena, "here/%s", spec->name);

    e->place = (struct place){
        .ops = &engine_ops,
        .name = name,
        .model = e->launch.model_name,
        .kind = PLACE_ENGINE,
        .dest = {name, arena_printf(&e->arena, "unix:%s", e->launch.socket), ZONE_DEVICE},
        .can = can_of(spec),
        .verbs = verbs_of(spec->kind),
        .context_tokens = spec->context_tokens,
        .quality = spec->quality,
        .watts = spec->watts,
        .price = {.source = "free"}};
    e->to = (struct endpoint){.dest = e->place.dest,
                              .base_url = "http://localhost",
                              .unix_path = e->launch.socket,
                              .headers = to_headers,
                              .n_headers = ARRAY_LEN(to_headers)};
}

static void set_launch(struct engine *e, const struct engine_spec *spec)
{
    const char **extra = arena_calloc(&e->arena, spec->n_extra + 1, sizeof *extra);

    for (size_t i = 0; extra && i < spec->n_extra; i++)
        extra[i] = copy(e, spec->extra[i]);
    e->launch.nigh = copy(e, spec->nigh ? spec->nigh : "/proc/self/exe");
    e->launch.program = copy(e, spec->program);
    e->launch.kind = spec->kind;
    e->launch.pooling = copy(e, spec->pooling);
    e->launch.model_path = copy(e, spec->model_path);
    e->launch.model_name = copy(e, spec->name);
    e->launch.mmproj_path = copy(e, spec->mmproj_path);
    e->launch.slots = (unsigned)default_of(spec->slots, 1);
    e->launch.context_tokens = spec->context_tokens;
    e->launch.memory_bytes = spec->memory_bytes;
    e->launch.threads = spec->threads;
    e->launch.extra = extra;
    e->launch.n_extra = extra ? spec->n_extra : 0;
    e->launch.parent_pid = getpid();
    e->launch.allow_unjailed = spec->allow_unjailed;
    e->launch.jail_without = spec->jail_without;
}

static enum nigh_status set_args(struct engine *e, struct nigh_err *err)
{
    e->launch.one_caller = false;
    enum nigh_status status = launch_args(&e->argv_many, &e->launch, &e->arena, err);
    e->launch.one_caller = true;
    return status ? status : launch_args(&e->argv, &e->launch, &e->arena, err);
}

static void set_admit(struct engine *e, const struct engine_spec *spec)
{
    e->slots.n = e->launch.slots;
    e->slots.list = arena_calloc(&e->arena, e->slots.n, sizeof *e->slots.list);
    e->admit = (struct admit){.loop = e->loop,
                              .client = e->client,
                              .gate = e->gate,
                              .trust = spec->trust,
                              .to = &e->to,
                              .nigh = e->launch.nigh,
                              .model_path = e->launch.model_path,
                              .mmproj_path = e->launch.mmproj_path,
                              .allow_unjailed = e->launch.allow_unjailed,
                              .done = on_admitted};
}

static void set_clocks(struct engine *e, const struct engine_spec *spec)
{
    line_init(&e->line, e->loop, e->launch.slots,
              (unsigned)default_of(spec->queue_max, ENGINE_QUEUE_MAX),
              default_of(spec->queue_wait_ms, ENGINE_QUEUE_WAIT_MS));
    e->line.open = false;
    e->unload = spec->unload;
    e->unload_ms = spec->unload_ms;
    e->resident_watts = spec->resident_watts;
    e->start_ms = default_of(spec->start_ms, ENGINE_START_MS);
    e->first_ms = default_of(spec->first_ms, ENGINE_FIRST_MS);
    e->idle_ms = default_of(spec->idle_ms, ENGINE_IDLE_MS);
    e->stop_ms = default_of(spec->stop_ms, ENGINE_STOP_MS);
    e->backoff_first_ms = e->backoff_ms = default_of(spec->backoff_ms, ENGINE_BACKOFF_MS);
}

enum nigh_status engine_new(struct engine **ret, struct loop *loop, struct client *client,
                            struct gate *gate, const struct engine_spec *spec, struct nigh_err *err)
{
    if (spec->slots > ENGINE_SLOTS_MAX)
        return nigh_fail(err, NIGH_INVALID, "engine: more than %d slots", ENGINE_SLOTS_MAX);
    struct engine *e = calloc(1, sizeof *e);
    if (!e)
        return nigh_fail(err, NIGH_NOMEM, "engine: out of memory");
    e->loop = loop;
    e->client = client;
    e->gate = gate;
    e->jail = -1;
    e->state_us = clock_mono_us();
    arena_init(&e->arena, 1 << 20); /* paths and arguments */
    set_launch(e, spec);
    set_clocks(e, spec);
    set_admit(e, spec);
    enum nigh_status status = find_socket(e, spec->state_dir, err);
    if (status == NIGH_OK) {
        set_place(e, spec);
        status = set_args(e, err);
    }
    if (status == NIGH_OK && e->arena.refused)
        status = nigh_fail(err, NIGH_NOMEM, "engine: out of memory");
    if (status != NIGH_OK) {
        engine_free(e);
        return status;
    }
    *ret = e;
    return NIGH_OK;
}

struct engine *engine_free(struct engine *e)
{
    if (!e)
        return NULL;
    call_cancel(e->probe);
    admit_done(&e->admit);
    timer_disarm(e->loop, &e->timer);
    loop_later_cancel(e->loop, &e->later);
    line_done(&e->line);
    child_free(e->child);
    if (e->launch.socket)
        unlink(e->launch.socket);
    lines_done(&e->lines);
    arena_done(&e->arena);
    free(e);
    return NULL;
}

struct place *engine_place(struct engine *e)
{
    return &e->place;
}

const char *engine_model_path(const struct engine *e)
{
    return e->launch.model_path;
}

void engine_retry(struct engine *e)
{
    e->again_us = 0;
}

void engine_status(struct engine *e, struct engine_status *ret)
{
    int pid = e->child ? (int)child_pid(e->child) : 0;

    *ret = (struct engine_status){
        .state = e->state,
        .pid = pid,
        .isolation = e->isolation,
        .rss_bytes = pid ? proc_rss_bytes(pid) : 0,
        .slots = e->launch.slots,
        .slots_busy = e->line.in.n,
        .queued = e->line.waiting.n,
        .restarts = e->restarts,
        .starts = e->starts,
        .load_ms = e->load_ms,
        .loaded_us = e->loaded_wall_us,
        .stay_ms = stay_ms(e),
    };
    if (e->state == ENGINE_READY && timer_armed(&e->timer))
        ret->unload_in_ms = ms_until(e->timer.due_us);
    snprintf(ret->why, sizeof ret->why, "%s", e->why);
}

void engine_log(const struct engine *e, struct buf *out)
{
    buf_add_str(out, buf_slice(&e->lines.kept));
}
