#include "nigh/dispatch.h"
#include "nigh/kept.h"
#include "nigh/preview.h"

#include "base/clock.h"
#include "base/log.h"
#include "turn/line.h"
#include <assert.h>

static struct candidate *candidate_of(const struct request *r)
{
    return &r->plan.candidates[r->candidate];
}

static bool has_alternative(const struct request *r)
{
    for (size_t i = r->candidate + 1; i < r->plan.n_usable; i++)
        if (!r->plan.candidates[i].spent)
            return true;
    return false;
}

/* A failure before the run began, told as an outcome so that escalate sees one kind of thing. */
static enum walk_step failed_early(struct request *r, enum fate fate, const struct nigh_err *err)
{
    struct place *place = candidate_of(r)->place;

    r->outcome = (struct outcome){.fate = fate, .err = *err};
    bool later = err->status == NIGH_BUSY || err->status == NIGH_OFFLINE; /* time mends these */
    if (later && place->ops->retry_after_ms)
        r->outcome.retry_after_ms = place->ops->retry_after_ms(place);
    return STEP_ESCALATE;
}

/* The zones were redrawn by a reload since this turn was labelled: its label's bits mean nothing
 * any more, so it is labelled and planned again under the setting in force. */
static bool zones_moved(struct request *r)
{
    if (r->setting == r->node->setting || zones_same(&r->setting->zones, &r->node->setting->zones))
        return false;
    setting_unref(r->setting);
    r->setting = setting_ref(r->node->setting);
    r->candidate = r->attempts = 0;
    return true;
}

/* Only what is here has a model to load. */
static bool nothing_to_do(const struct request *r)
{
    return r->walk.turn.verb == VERB_LOAD && r->run->place->kind != PLACE_ENGINE;
}

enum walk_step step_clear(struct walk *walk)
{
    struct request *r = walk->owner;

    if (zones_moved(r))
        return STEP_LABEL;
    struct place *place = candidate_of(r)->place;
    struct nigh_err err = {0};

    r->run = &r->first;
    *r->run = (struct run){.place = place, .turn = &walk->turn, .arena = &walk->arena, .owner = r};
    if (nothing_to_do(r))
        return STEP_RUN;
    if (masking_clear(r, r->run, &r->pass, &err) != NIGH_OK)
        return failed_early(r, FATE_ELSEWHERE, &err);
    return STEP_RUN;
}

static bool is_piece(enum event_kind kind)
{
    return kind == EVENT_TEXT || kind == EVENT_REASONING || kind == EVENT_REFUSAL ||
           kind == EVENT_CALL || kind == EVENT_ARGUMENTS || kind == EVENT_DATA;
}

/* The answer cannot be held or written: the place is stopped and the caller told. */
static void run_fail(struct request *r, const struct nigh_err *err)
{
    hedge_end(r);
    r->running = false;
    r->run->place->ops->cancel(r->run);
    request_count(r, r->run);
    walk_go(&r->walk, request_refuse(r, err));
}

enum nigh_status request_tell(struct request *r, struct run *run, const struct event *event,
                              struct nigh_err *err)
{
    if (r->gone)
        return nigh_fail(err, NIGH_CANCELLED, "the caller left");
    r->reply.enc.now_us = clock_mono_us();
    r->reply.enc.load_us = run->load_us;
    if (is_piece(event->kind)) {
        r->last_us = r->reply.enc.now_us;
        if (!r->first_us)
            r->first_us = r->reply.enc.first_us = r->last_us;
    }
    if (answer_add(&r->walk.answer, event, err) != NIGH_OK)
        return err->status;
    if (event->kind == EVENT_USAGE)
        return NIGH_OK; /* held until the end, where nigh's own bill is known and stands beside it
                         */
    if (event->kind == EVENT_END) {
        struct event usage = {.kind = EVENT_USAGE, .usage = r->walk.answer.usage};
        request_count(r, run);
        if (r->walk.turn.stream && (r->walk.turn.stream_usage || r->api->tells_usage))
            request_bill(r);
        if (r->walk.turn.stream)
            kept_put(r);
        reply_event(&r->reply, &usage);
    }
    reply_event(&r->reply, event);
    if (r->running && !r->paused && reply_full(&r->reply)) {
        r->paused = true;
        run->place->ops->pause(run);
    }
    return NIGH_OK;
}

static void on_event(struct run *run, const struct event *event)
{
    struct request *r = run->owner;
    struct nigh_err err = {0};

    if (!hedge_event(r, run, event) && masking_event(r, run, event, &err) != NIGH_OK && !r->gone)
        run_fail(r, &err);
}

/* Time to first token and between tokens, as the router's estimates want them. */
static void learn(struct request *r, bool ok)
{
    uint64_t tokens = r->walk.answer.usage.known ? r->walk.answer.usage.output : 0;
    double first_ms = r->first_us ? (double)(r->first_us - r->run_us) / 1e3 : -1;
    double per_token = tokens > 1 && r->last_us > r->first_us
                           ? (double)(r->last_us - r->first_us) / 1e3 / (double)(tokens - 1)
                           : -1;

    place_learn(r->run->place, ok, first_ms, per_token);
}

void request_count(struct request *r, struct run *run)
{
    bool far = run->place->dest.zone != ZONE_DEVICE;
    struct bill *bill = &r->bill;

    if (bill->bytes_out < 0)
        bill->bytes_out = bill->bytes_in = 0;
    bill->bytes_out += far ? (int64_t)(run->bytes_out - run->counted_out) : 0;
    bill->bytes_in += far ? (int64_t)(run->bytes_in - run->counted_in) : 0;
    run->counted_out = run->bytes_out;
    run->counted_in = run->bytes_in;
}

/* Nothing was asked, so there is nothing to tell but that it is done. */
static void tell_loaded(struct request *r)
{
    static const struct event events[] = {
        {.kind = EVENT_BEGIN}, {.kind = EVENT_FINISH}, {.kind = EVENT_END}};

    for (size_t i = 0; i < ARRAY_LEN(events) && !r->refused; i++)
        on_event(r->run, &events[i]);
}

static void on_done(struct run *run, const struct outcome *outcome)
{
    struct request *r = run->owner;

    if (hedge_done(r, run, outcome))
        return;
    r->running = false;
    r->outcome = *outcome;
    request_count(r, run);
    if (outcome->fate != FATE_CANCELLED && outcome->fate != FATE_CALLER &&
        r->walk.turn.verb != VERB_LOAD)
        learn(r, outcome->fate == FATE_WHOLE);
    if (r->walk.turn.verb == VERB_LOAD && outcome->fate == FATE_WHOLE)
        tell_loaded(r);
    if (!r->refused)
        walk_go(&r->walk, outcome->fate == FATE_WHOLE ? STEP_REPLY : STEP_ESCALATE);
}

static struct slice principal_of(const struct request *r)
{
    if (keys_count(r->node->keys) == 0)
        return (struct slice){0};
    return r->who ? (struct slice){(const char *)r->who->digest, sizeof r->who->digest} : SLICE("");
}

enum walk_step step_run(struct walk *walk)
{
    struct request *r = walk->owner;
    struct nigh_err err = {0};

    if (r->preview)
        return preview_tell(r);
    assert(walk->hops_left > 0); /* walk 3 */
    walk->hops_left--;
    r->attempts++;
    request_headers(r);
    r->reply.enc.model = r->run->place->name;
    r->first_us = r->last_us = 0;
    r->run_us = clock_mono_us();
    r->paused = false;
    masking_reset(&r->masking);
    r->run->deadline_us = r->deadline.due_us;
    r->run->who = line_who(r->key);
    r->run->principal = principal_of(r);
    r->run->patience_ms = has_alternative(r) ? RETRY_PATIENCE_MS : 0;
    r->run->pass = TAKE(r->pass);
    r->run->on_event = on_event;
    r->run->on_done = on_done;
    if (nothing_to_do(r)) {
        on_done(r->run, &(struct outcome){.fate = FATE_WHOLE});
        return STEP_PARK; /* on_done has named the next step */
    }
    r->running = true;
    hedge_arm(r);
    if (r->run->place->ops->start(r->run->place, r->run, &err) != NIGH_OK) {
        r->running = false;
        hedge_end(r);
        /* A full queue of our own is not waited at: it is its own answer (429), or another
         * place's turn. */
        return failed_early(r, err.status == NIGH_BUSY ? FATE_ELSEWHERE : FATE_RETRY, &err);
    }
    return STEP_PARK; /* on_done wakes it, or has already named the next step */
}

/* It was too long for the place that failed, so it is for every place that is known to hold no
 * more. */
static bool as_short(const struct request *r, const struct place *place)
{
    uint64_t failed = candidate_of(r)->place->context_tokens;

    return slice_is(r->outcome.said_code, "context_length_exceeded") && failed &&
           place->context_tokens && place->context_tokens <= failed;
}

/* The next of the plan that is ready now; readiness may have changed since the plan was made. */
static bool next_candidate(struct request *r)
{
    char why[128];

    for (size_t i = r->candidate + 1; i < r->plan.n_usable; i++) {
        struct place *place = r->plan.candidates[i].place;
        if (r->plan.candidates[i].spent || as_short(r, place))
            continue;
        if (place->ops->ready && ready_not(place->ops->ready(place, why)))
            continue;
        plan_failed_over(&r->plan, r->candidate, i, nigh_status_text(r->outcome.err.status));
        r->candidate = i;
        r->attempts = 0;
        return true;
    }
    return false;
}

static void try_again(struct timer *timer)
{
    struct request *r = CONTAINER_OF(timer, struct request, again);

    walk_go(&r->walk, STEP_CLEAR);
}

static enum walk_step again_after(struct request *r, uint64_t delay_ms)
{
    struct nigh_err err = {0};

    answer_reset(&r->walk.answer);
    if (delay_ms == 0)
        return STEP_CLEAR;
    if (timer_arm(r->node->loop, &r->again, delay_ms, try_again, &err) != NIGH_OK)
        return request_refuse(r, &err);
    return STEP_PARK;
}

/* Nobody else will be asked: the caller gets the place's own words where there are some, else what
 * nigh saw, with the label that kept other places out. */
static enum walk_step give_up(struct request *r)
{
    const struct outcome *o = &r->outcome;
    struct nigh_err err = {0};
    enum walk_step next;

    if (o->fate == FATE_CALLER || o->said.p) {
        next = request_refuse(r, &o->err);
        if (o->http_status >= 400 && o->http_status < 500)
            r->refusal.http_status = o->http_status;
        if (o->said.p)
            r->refusal.what = o->said;
        r->refusal.retry_after_ms = o->retry_after_ms;
        r->refusal.type = o->said_type;
        r->refusal.code = o->said_code;
        r->refusal.param = o->said_param;
        r->refusal.prompt_tokens = o->prompt_tokens;
        r->refusal.context_tokens = o->context_tokens;
        if (o->err.status == NIGH_TOOBIG) { /* as refuse_plan says it */
            r->refusal.http_status = 400;
            r->refusal.type = SLICE("invalid_request_error");
            r->refusal.code = SLICE("context_length_exceeded");
        }
        return next;
    }
    char label[LABEL_TEXT_BYTES];
    label_text(label, &r->setting->zones, r->walk.turn.label);
    nigh_fail(&err, o->err.status ? o->err.status : NIGH_UPSTREAM,
              "label %.32s: %.160s; no other place may or can answer", label,
              o->err.what[0] ? o->err.what : "the place failed");
    next = request_refuse(r, &err);
    r->refusal.retry_after_ms = o->retry_after_ms;
    return next;
}

enum walk_step step_escalate(struct walk *walk)
{
    struct request *r = walk->owner;
    const struct place *place = candidate_of(r)->place;
    uint64_t now = clock_mono_us();
    if (r->attempts <= 1)
        r->failed_us = now;
    struct retry_state state = {
        .tries = r->attempts ? r->attempts : 1,
        .elapsed_ms = (now - r->failed_us) / 1000,
        .left_ms = r->deadline.due_us > now ? (r->deadline.due_us - now) / 1000 : 1,
        .has_alternative = has_alternative(r) && walk->hops_left > 0,
        .shown = r->reply.began,
    };

    log_at(LOG_INFO, "dispatch", "a place failed", LOG_WORD("turn", walk->id),
           LOG_WORD("place", place->name), LOG_INT("http", r->outcome.http_status),
           LOG_WORD("status", nigh_status_text(r->outcome.err.status)));
    struct retry_verdict verdict = retry_decide(&r->outcome, &state);
    if (verdict.what == RETRY_AGAIN && walk->hops_left > 0)
        return again_after(r, verdict.delay_ms);
    if (verdict.what == RETRY_NEXT && next_candidate(r))
        return again_after(r, 0);
    return give_up(r);
}
