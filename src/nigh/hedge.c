#include "nigh/hedge.h"

#include "base/clock.h"
#include "base/log.h"
#include "nigh/dispatch.h"
#include <math.h>

static struct place *place_at(const struct request *r, size_t candidate)
{
    return r->plan.candidates[candidate].place;
}

static bool speaks(const struct event *event)
{
    return event->kind != EVENT_BEGIN && event->kind != EVENT_USAGE;
}

/* ---- who is asked ---- */

/* Each alone is within the turn's ceiling and the budgets (route/decide.c); are both? */
static bool affordable(const struct request *r, size_t candidate)
{
    int64_t one = r->plan.candidates[r->candidate].estimate.cost_uusd;
    int64_t other = r->plan.candidates[candidate].estimate.cost_uusd;
    int64_t left = node_left_uusd(r->node, r->who);
    double max = r->walk.turn.max_cost_usd;

    if (isnan(max) && left < 0)
        return true;
    if (one < 0 || other < 0)
        return false;
    return (isnan(max) || (double)(one + other) <= max * 1e6) && (left < 0 || one + other <= left);
}

/* A place that would have to load a model first is not asked: it would not be the faster one. */
static bool fit(const struct request *r, size_t candidate)
{
    struct place *place = place_at(r, candidate);
    char why[128];

    return !r->plan.candidates[candidate].spent && affordable(r, candidate) &&
           (!place->ops->ready || place->ops->ready(place, why) == READY_NOW);
}

static enum nigh_status ask(struct request *r, size_t candidate, struct nigh_err *err)
{
    struct hedge *h = &r->hedge;
    struct place *place = place_at(r, candidate);
    struct run *run = &h->run;
    enum nigh_status status;

    *run = (struct run){.place = place,
                        .turn = &r->walk.turn,
                        .arena = &r->walk.arena,
                        .deadline_us = r->deadline.due_us,
                        .who = r->run->who,
                        .principal = r->run->principal,
                        .on_event = r->run->on_event,
                        .on_done = r->run->on_done,
                        .owner = r};
    status = masking_clear(r, run, &run->pass, err);
    if (status != NIGH_OK)
        return status;
    h->candidate = candidate;
    h->began_us = clock_mono_us();
    h->state = HEDGE_RACING; /* before it starts: its sinks may be called from inside */
    r->walk.hops_left--;
    answer_init(&h->answer);
    status = place->ops->start(place, run, err);
    if (status != NIGH_OK) {
        r->walk.hops_left++;
        h->state = HEDGE_OVER;
        answer_done(&h->answer);
    }
    return status;
}

static void on_slow(struct timer *timer)
{
    struct request *r = CONTAINER_OF(timer, struct request, hedge.timer);

    r->hedge.state = HEDGE_OVER;
    /* After a reload that redrew the zones the label's bits mean nothing (dispatch.c). */
    if (r->setting != r->node->setting)
        return;
    for (size_t i = r->candidate + 1; i < r->plan.n_usable && r->walk.hops_left > 0; i++) {
        struct nigh_err err = {0};
        if (fit(r, i) && ask(r, i, &err) == NIGH_OK)
            return;
    }
}

void hedge_arm(struct request *r)
{
    r->hedge.state = HEDGE_OFF;
    if (r->run->place->hedge_ms == 0 || r->walk.turn.verb == VERB_LOAD || r->plan.hedge.place ||
        r->candidate + 1 >= r->plan.n_usable)
        return;
    /* Without memory for a timer the turn is as it would be without a hedge. */
    if (timer_arm(r->node->loop, &r->hedge.timer, r->run->place->hedge_ms, on_slow, NULL) ==
        NIGH_OK)
        r->hedge.state = HEDGE_ARMED;
}

/* ---- who answers ---- */

/* What was lost stands in the plan, for the bill and `nigh why`. */
static void tell_lost(struct request *r, const struct run *run, bool cancelled)
{
    r->plan.hedge = (struct plan_hedge){.place = run->place,
                                        .after_ms = place_at(r, r->candidate)->hedge_ms,
                                        .cancelled = cancelled,
                                        .bytes_out = (int64_t)run->bytes_out,
                                        .bytes_in = (int64_t)run->bytes_in,
                                        .cost_uusd = -1};
}

/* The second run is the turn's from here on. */
static void lead(struct request *r)
{
    struct hedge *h = &r->hedge;

    h->state = HEDGE_OVER;
    answer_done(&r->walk.answer);
    r->walk.answer = h->answer;
    answer_init(&h->answer);
    r->run = &h->run;
    r->candidate = h->candidate;
    r->attempts = 1;
    r->run_us = h->began_us;
    r->reply.enc.model = r->run->place->name;
    request_headers(r);
    reply_event(&r->reply, &(struct event){.kind = EVENT_BEGIN});
}

/* A place that lost took at least so long to speak: its mean may not stay below that. */
static void learn_slow(struct place *place, uint64_t began_us)
{
    double waited_ms = (double)(clock_mono_us() - began_us) / 1e3;

    if (waited_ms > place->stats.first_ms)
        place_learn(place, true, waited_ms, -1);
}

/* The first spoke first. */
static void second_lost(struct request *r)
{
    struct hedge *h = &r->hedge;

    h->state = HEDGE_OVER;
    h->run.place->ops->cancel(&h->run);
    answer_done(&h->answer);
    request_count(r, &h->run);
    tell_lost(r, &h->run, true);
    plan_hedged(&r->plan, r->candidate, h->candidate, false);
    request_headers(r);
}

static void first_lost(struct request *r)
{
    struct run *first = r->run;
    size_t from = r->candidate;

    first->place->ops->cancel(first);
    learn_slow(first->place, r->run_us);
    request_count(r, first);
    tell_lost(r, first, true);
    plan_hedged(&r->plan, from, r->hedge.candidate, true);
    lead(r);
}

bool hedge_event(struct request *r, struct run *run, const struct event *event)
{
    struct hedge *h = &r->hedge;

    if (h->state == HEDGE_OFF || h->state == HEDGE_OVER)
        return false;
    if (speaks(event)) {
        if (h->state == HEDGE_ARMED)
            hedge_end(r);
        else if (run == r->run)
            second_lost(r);
        else
            first_lost(r);
        return false;
    }
    if (run == r->run)
        return false;
    if (answer_add(&h->answer, event, NULL) != NIGH_OK) { /* out of memory: as if never asked */
        h->state = HEDGE_OVER;
        run->place->ops->cancel(run);
        answer_done(&h->answer);
        request_count(r, run);
        tell_lost(r, run, true);
    }
    return true;
}

bool hedge_done(struct request *r, struct run *run, const struct outcome *outcome)
{
    struct hedge *h = &r->hedge;

    if (h->state == HEDGE_ARMED)
        hedge_end(r);
    if (h->state != HEDGE_RACING)
        return false;
    log_at(LOG_INFO, "hedge", "a place failed beside another", LOG_WORD("turn", r->walk.id),
           LOG_WORD("place", run->place->name), LOG_INT("http", outcome->http_status),
           LOG_WORD("status", nigh_status_text(outcome->err.status)));
    place_learn(run->place, false, -1, -1);
    tell_lost(r, run, false);
    if (run == r->run) {
        request_count(r, run);
        plan_failed_over(&r->plan, r->candidate, h->candidate,
                         nigh_status_text(outcome->err.status));
        lead(r);
    } else {
        h->state = HEDGE_OVER;
        answer_done(&h->answer);
        request_count(r, run);
        r->plan.candidates[h->candidate].spent = outcome->fate != FATE_RETRY;
    }
    return true;
}

void hedge_end(struct request *r)
{
    struct hedge *h = &r->hedge;

    timer_disarm(r->node->loop, &h->timer);
    if (h->state == HEDGE_RACING) {
        h->run.place->ops->cancel(&h->run);
        answer_done(&h->answer);
        request_count(r, &h->run);
        tell_lost(r, &h->run, true);
    }
    h->state = HEDGE_OVER;
}

/* ---- the bill ---- */

/* A provider counts what it had read when it was told to stop, and does not say how much that was:
 * the whole prompt and no word of an answer is what we model.  One that failed by itself bills
 * nothing. */
void hedge_bill(struct request *r)
{
    struct plan_hedge *lost = &r->plan.hedge;
    struct usage usage = {.input = r->plan.traits.tokens_in};

    if (!lost->place)
        return;
    lost->tokens_in = lost->cancelled ? (int64_t)usage.input : 0;
    lost->cost_uusd = lost->cancelled ? bill_cost(&lost->place->price, &usage) : 0;
    if (lost->cancelled)
        bill_beside(&r->bill, lost->place, lost->tokens_in, lost->cost_uusd,
                    (uint64_t)(lost->bytes_out + lost->bytes_in));
}
