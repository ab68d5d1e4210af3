/* The steps of a turn, in the order of DESIGN.md section 2, and the table that names them.  The
 * step label stands in labelling.c, what runs a plan (clear, run, escalate) in dispatch.c. */
#include "nigh/dispatch.h"
#include "nigh/kept.h"
#include "nigh/labelling.h"
#include "nigh/routes.h"

#include "base/clock.h"
#include "base/log.h"
#include <math.h>
#include <stdlib.h>

static struct request *request_of(struct walk *walk)
{
    return walk->owner;
}

static enum walk_step step_accept(struct walk *walk)
{
    struct request *r = request_of(walk);
    struct accept_policy policy = routes_policy(r->node, r->ex);
    struct key *key;

    policy.requests--; /* this one is counted already */
    policy.body_is_json = true;
    policy.any_type = r->api->any_type;
    if (accept_check(r->ex, &policy, &key, &r->refusal)) {
        r->who = key_ref(key);
        r->key = key ? key->name : "";
        return STEP_DECODE;
    }
    r->refused = true;
    return STEP_REPLY;
}

enum { WISH_BYTES_MAX = 200 }; /* a zone has 32, a profile 8, a session is the caller's own id */

/* A header wins over the same wish in the body: whoever set it stands nearer to the user. */
static enum nigh_status wish_from_header(struct exchange *ex, const char *name, struct slice *wish,
                                         struct nigh_err *err)
{
    struct slice value = exchange_header(ex, name);

    if (!value.p)
        return NIGH_OK;
    if (value.len > WISH_BYTES_MAX || !slice_utf8(value))
        return nigh_fail(err, NIGH_INVALID, "%s: expected at most %d bytes of UTF-8", name,
                         WISH_BYTES_MAX);
    *wish = slice_trim(value);
    return NIGH_OK;
}

static enum nigh_status wishes_from_headers(struct turn *turn, struct exchange *ex,
                                            struct nigh_err *err)
{
    struct slice cost = exchange_header(ex, "Nigh-Max-Cost-Usd");
    struct slice deadline = exchange_header(ex, "Nigh-Deadline-Ms");

    if (wish_from_header(ex, "Nigh-Label", &turn->want_label, err) != NIGH_OK ||
        wish_from_header(ex, "Nigh-Profile", &turn->want_profile, err) != NIGH_OK ||
        wish_from_header(ex, "Nigh-Session", &turn->session, err) != NIGH_OK ||
        wish_from_header(ex, "anthropic-beta", &turn->beta, err) != NIGH_OK)
        return err->status;
    if (cost.p) {
        char *end; /* header values are NUL-terminated in the exchange */
        turn->max_cost_usd = strtod(cost.p, &end);
        if (end != cost.p + cost.len || !isfinite(turn->max_cost_usd) || turn->max_cost_usd < 0)
            return nigh_fail(err, NIGH_INVALID, "Nigh-Max-Cost-Usd: expected a number of dollars");
    }
    if (deadline.p && (!slice_u64(deadline, &turn->deadline_ms) || turn->deadline_ms == 0))
        return nigh_fail(err, NIGH_INVALID, "Nigh-Deadline-Ms: expected milliseconds above 0");
    return NIGH_OK;
}

static enum walk_step step_decode(struct walk *walk)
{
    struct request *r = request_of(walk);
    struct slice param = {0};
    struct nigh_err err = {0};

    if (r->api->decode(&walk->turn, exchange_body(r->ex), &walk->arena, &param, &err) != NIGH_OK) {
        enum walk_step next = request_refuse(r, &err);
        r->refusal.param = param;
        return next;
    }
    if (wishes_from_headers(&walk->turn, r->ex, &err) != NIGH_OK)
        return request_refuse(r, &err);
    if (walk->turn.deadline_ms && walk->turn.deadline_ms < NODE_DEADLINE_MS &&
        timer_arm(r->node->loop, &r->deadline, walk->turn.deadline_ms, r->deadline.fn, &err) !=
            NIGH_OK)
        return request_refuse(r, &err);
    return STEP_RESUME;
}

/* What a local model's context would have had to hold, in llama-server's words too. */
static void refuse_context(struct request *r)
{
    for (size_t i = 0; i < r->plan.n; i++) {
        const struct candidate *c = &r->plan.candidates[i];
        if (c->drop != DROP_CONTEXT || c->place->kind != PLACE_ENGINE)
            continue;
        r->refusal.type = SLICE("exceed_context_size_error");
        r->refusal.prompt_tokens = r->plan.traits.tokens_in;
        r->refusal.context_tokens = c->place->context_tokens;
    }
}

static bool over_budget(const struct plan *plan)
{
    for (size_t i = 0; i < plan->n; i++)
        if (plan->candidates[i].drop == DROP_BUDGET)
            return true;
    return false;
}

/* In the words that programs branch on: they shorten the conversation or ask for another model. */
static enum walk_step refuse_plan(struct request *r, const struct nigh_err *err)
{
    enum walk_step next = request_refuse(r, err);

    r->refusal.retry_after_ms = r->plan.retry_after_ms;
    if (err->status == NIGH_NOTFOUND) {
        r->refusal.code = SLICE("model_not_found");
        r->refusal.param = SLICE("model");
    } else if (err->status == NIGH_TOOBIG) {
        r->refusal.http_status = 400; /* as every API says it; 413 is for a body's bytes */
        r->refusal.code = SLICE("context_length_exceeded");
        r->refusal.param = SLICE("messages");
        refuse_context(r);
    } else if (err->status == NIGH_DENIED && over_budget(&r->plan)) {
        r->refusal.code = SLICE("insufficient_quota");
    }
    return next;
}

/* That no place was left is a send denied, where a label kept one out. */
static void tell_denied(const struct request *r)
{
    for (size_t i = 0; i < r->plan.n; i++) {
        const struct candidate *c = &r->plan.candidates[i];
        struct ledger_entry entry = {.turn = r->walk.id,
                                     .place = c->place->name,
                                     .address = c->place->dest.address,
                                     .zone = c->place->dest.zone,
                                     .label = r->walk.turn.label};
        if (c->drop != DROP_LABEL)
            continue;
        ledger_denied(r->node->ledger, &entry, c->why);
        return; /* the first would have been asked */
    }
}

static enum walk_step step_plan(struct walk *walk)
{
    struct request *r = request_of(walk);
    struct route_config route = r->setting->route;
    struct nigh_err err = {0};

    route.day_left_uusd = node_day_left_uusd(r->node);
    route.scope = r->who ? &r->who->scope : NULL;
    route.key_left_uusd = r->who ? key_left_uusd(r->who, node_today()) : -1;
    route.elapsed_ms = (clock_mono_us() - walk->started_us) / 1000;
    if (route_decide(&r->plan, &route, &walk->turn, r->setting->places, r->setting->n_places,
                     &walk->arena, &err) != NIGH_OK) {
        if (!r->preview)
            tell_denied(r);
        return refuse_plan(r, &err);
    }
    return STEP_CLEAR;
}

static const char *settle_status(const struct request *r)
{
    if (r->gone)
        return nigh_status_text(NIGH_CANCELLED);
    return r->refused ? nigh_status_text(r->refusal.status) : nigh_status_text(NIGH_OK);
}

static void bill_words(struct request *r)
{
    struct bill *bill = &r->bill;
    struct walk *walk = &r->walk;
    struct place *place = r->run->place;

    memcpy(bill->id, walk->id, sizeof bill->id);
    bill->api = r->api->name;
    bill->place = place ? place->name : NULL;
    bill->zone = place ? r->setting->zones.name[place->dest.zone] : NULL;
    label_text(r->label, &r->setting->zones, walk->turn.label);
    bill->label = r->label;
    bill->label_source = walk->turn.label_source;
    bill->segments = labelling_segments(r);
    bill->model_asked = walk->turn.model;
    bill->status = settle_status(r);
    bill->http_status = r->gone ? 499 : r->refused ? r->refusal.http_status : 200;
    bill->reason = r->plan.reason;
    bill->session = walk->turn.session;
    bill->key_name = r->key;
}

/* The bill as it stands now: called before the answer's end goes out, so that it can be told there,
 * and for turns that had no such end. */
static void bill_now(struct request *r)
{
    struct bill *bill = &r->bill;
    struct walk *walk = &r->walk;
    struct place *place = r->run->place;

    bill_words(r);
    bill->total_us = (int64_t)(clock_mono_us() - walk->started_us);
    bill->first_us = r->first_us ? (int64_t)(r->first_us - walk->started_us) : -1;
    bill->hops = NODE_HOPS - walk->hops_left;
    if (bill->bytes_out < 0) /* counted: no run to anywhere else, no byte */
        bill->bytes_out = bill->bytes_in = 0;
    if (!place)
        return;
    size_t out = 0;
    for (size_t i = 0; i < walk->answer.n_choices; i++)
        out += answer_choice_bytes(&walk->answer.choices[i]);
    bill_settle(bill, place, &walk->answer.usage, turn_text_bytes(&walk->turn), out);
    hedge_bill(r);
}

void request_bill(struct request *r)
{
    struct buf json = {0};

    bill_now(r);
    r->billed = true;
    r->reply.enc.ended = (int64_t)(clock_wall_us() / 1000000);
    bill_json(&r->bill, &json);
    r->reply.enc.bill_json = arena_dup(&r->walk.arena, buf_slice(&json));
    buf_done(&json);
}

/* Answered or refused: who, where and why stand in the header either way.  The turn's id stands
 * there under two more names: OpenAI's clients read the one, Anthropic's the other. */
void request_headers(struct request *r)
{
    struct place *place = r->run->place;

    r->reply.n_headers = 0;
    reply_header(&r->reply, "Nigh-Turn", r->walk.id);
    reply_header(&r->reply, "x-request-id", r->walk.id);
    reply_header(&r->reply, "request-id", r->walk.id);
    reply_header(&r->reply, "Nigh-Place", r->refused || !place ? "none" : place->name);
    reply_header(&r->reply, "Nigh-Zone",
                 r->refused || !place ? "none" : r->setting->zones.name[place->dest.zone]);
    label_text(r->label, &r->setting->zones, r->walk.turn.label);
    if (r->walk.turn.label_source[0]) /* it got so far */
        reply_header(&r->reply, "Nigh-Label", r->label);
    reply_header(&r->reply, "Nigh-Reason", r->plan.reason[0] ? r->plan.reason : "refused");
}

static enum walk_step step_reply(struct walk *walk)
{
    struct request *r = request_of(walk);

    if (!r->reply.began)
        request_headers(r);
    if (r->refused) {
        r->broken = r->reply.began;
        r->refusal.id = r->walk.id;
        if (r->refusal.retry_after_ms > 0)
            exchange_hold(r->ex, pace_ms(&r->node->pace, clock_mono_us()));
        reply_refuse(&r->reply, &r->refusal);
        return STEP_SETTLE;
    }
    if (!walk->turn.stream) {
        request_bill(r);
        kept_put(r);
    }
    r->reply.enc.now_us = clock_mono_us();
    reply_end(&r->reply);
    return STEP_SETTLE;
}

static void settle_counts(struct request *r)
{
    struct node_counts *counts = &r->node->counts;

    counts->turns++;
    counts->cancelled += r->gone;
    counts->refused += r->refused && !r->broken;
    counts->broken += r->broken;
    if (r->run->place && !r->refused)
        counts->by_kind[r->run->place->kind]++;
    counts->bytes_out += r->bill.bytes_out > 0 ? (uint64_t)r->bill.bytes_out : 0;
    counts->bytes_in += r->bill.bytes_in > 0 ? (uint64_t)r->bill.bytes_in : 0;
}

/* The server writes to sockets only after the callback that brought us here returns, so the record
 * is in the spool before the caller can see the last byte, and costs it two microseconds. */
static enum walk_step step_settle(struct walk *walk)
{
    struct request *r = request_of(walk);
    struct bill *bill = &r->bill;
    struct buf plan = {0}, record = {0};
    struct nigh_err err = {0};

    if (r->preview)
        return STEP_END; /* refused: there was nothing to bill, and nothing is to be learnt */
    if (!r->billed || r->refused || r->gone)
        bill_now(r);
    memcpy(bill->step_us, walk->step_us, sizeof bill->step_us);
    if (r->plan.n)
        plan_json(&r->plan, &plan);
    bill->plan = buf_slice(&plan);
    bill_record(bill, &record);
    if (record.failed || store_append(r->node->store, "turn", buf_slice(&record), &err) != NIGH_OK)
        log_err(LOG_ERROR, "settle", "a bill was not kept", &err);
    node_spent(r->node, r->who, bill->cost_uusd);
    settle_counts(r);
    buf_done(&plan);
    buf_done(&record);
    return STEP_END;
}

const struct walk_table request_steps = {
    .run =
        {
            [STEP_ACCEPT] = step_accept,
            [STEP_DECODE] = step_decode,
            [STEP_RESUME] = step_resume,
            [STEP_LABEL] = step_label,
            [STEP_PLAN] = step_plan,
            [STEP_CLEAR] = step_clear,
            [STEP_RUN] = step_run,
            [STEP_ESCALATE] = step_escalate,
            [STEP_REPLY] = step_reply,
            [STEP_SETTLE] = step_settle,
        },
    .end = request_end,
};
