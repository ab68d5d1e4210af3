#include "nigh/kept.h"

#include "base/clock.h"
#include "base/log.h"
#include "nigh/dispatch.h"
#include "nigh/labelling.h"
#include <assert.h>
#include <stdlib.h>

static void bury(struct later *later);

static struct request *request_take(struct node *node)
{
    struct request *r = node->pool;

    if (!r)
        return malloc(sizeof *r);
    node->pool = r->next;
    node->n_pooled--;
    return r;
}

static void request_link(struct request *r)
{
    struct node *node = r->node;

    r->next = node->requests;
    r->prev = NULL;
    if (r->next)
        r->next->prev = r;
    node->requests = r;
    node->n_requests++;
}

static void request_unlink(struct request *r)
{
    if (r->prev)
        r->prev->next = r->next;
    else
        r->node->requests = r->next;
    if (r->next)
        r->next->prev = r->prev;
    r->node->n_requests--;
}

/* Stops whatever the walk waits for, so that no callback finds it again. */
static void request_quiet(struct request *r)
{
    timer_disarm(r->node->loop, &r->again);
    hedge_end(r);
    kept_forsake(r);
    if (r->running) {
        r->running = false;
        r->run->place->ops->cancel(r->run);
        request_count(r, r->run);
    }
    r->pass = clearance_free(r->pass);
}

static void request_gone(void *owner)
{
    struct request *r = owner;

    if (r->gone || r->walk.at == STEP_END)
        return;
    r->gone = true;
    request_quiet(r);
    walk_go(&r->walk, STEP_SETTLE);
}

static void request_drained(void *owner)
{
    struct request *r = owner;

    if (r->paused && r->running && !reply_full(&r->reply)) {
        r->paused = false;
        r->run->place->ops->resume(r->run);
    }
}

static void request_late(struct timer *timer)
{
    struct request *r = CONTAINER_OF(timer, struct request, deadline);
    struct nigh_err err = {0};

    request_quiet(r);
    nigh_fail(&err, NIGH_TIMEOUT, "the turn passed its deadline at %s",
              r->run->place ? r->run->place->name : "no place");
    walk_go(&r->walk, request_refuse(r, &err));
}

void request_begin(struct node *node, struct exchange *ex, const struct api *api, bool preview)
{
    struct request *r = request_take(node);

    if (!r) {
        exchange_reply(ex, 503, NULL, 0, SLICE("{\"error\":{\"message\":\"out of memory\"}}\n"));
        exchange_release(ex);
        return;
    }
    memset(r, 0, sizeof *r);
    r->node = node;
    r->setting = setting_ref(node->setting);
    r->ex = ex;
    r->api = api;
    r->preview = preview;
    r->key = "";
    r->run = &r->first;
    walk_init(&r->walk, &request_steps, r);
    r->walk.hops_left = NODE_HOPS;
    bill_init(&r->bill);
    r->bill.started_us = clock_wall_us();
    reply_init(&r->reply, api, ex);
    r->reply.enc.turn = &r->walk.turn;
    r->reply.enc.answer = &r->walk.answer;
    r->reply.enc.id = r->walk.id;
    r->reply.enc.model = "none";
    r->reply.enc.created = (int64_t)(r->bill.started_us / 1000000);
    r->reply.enc.created_us = r->bill.started_us;
    r->reply.enc.begun_us = r->walk.started_us;
    r->reply.enc.arena = &r->walk.arena;
    request_link(r);
    exchange_watch(ex, r, request_gone, request_drained);
    struct nigh_err err = {0};
    if (timer_arm(node->loop, &r->deadline, NODE_DEADLINE_MS, request_late, &err) != NIGH_OK)
        walk_go(&r->walk, request_refuse(r, &err));
    else
        walk_go(&r->walk, STEP_ACCEPT);
}

void request_abandon(struct request *r)
{
    struct nigh_err err = {0};

    if (r->walk.at == STEP_END)
        return;
    request_quiet(r);
    nigh_fail(&err, NIGH_OFFLINE, "this node is shutting down");
    walk_go(&r->walk, request_refuse(r, &err));
}

enum walk_step request_refuse(struct request *r, const struct nigh_err *err)
{
    struct refusal *refusal = &r->refusal;

    r->refused = true;
    *refusal = (struct refusal){.status = err->status,
                                .http_status = nigh_status_http(err->status),
                                .what = arena_dup(&r->walk.arena, slice_of(err->what))};
    if (!refusal->what.p)
        refusal->what = SLICE("out of memory for this turn");
    return STEP_REPLY;
}

/* The walk's end: nothing waits any more.  What called us may still stand on the run's memory, so
 * the rest is done later in this pass. */
void request_end(struct walk *walk)
{
    struct request *r = walk->owner;

    assert(!r->running);
    timer_disarm(r->node->loop, &r->deadline);
    exchange_watch(r->ex, NULL, NULL, NULL);
    request_bury(r);
}

void request_bury(struct request *r)
{
    loop_later(r->node->loop, &r->bury, bury);
}

static void bury(struct later *later)
{
    struct request *r = CONTAINER_OF(later, struct request, bury);
    struct node *node = r->node;

    if (labelling_busy(r))
        return; /* its end buries */
    request_unlink(r);
    reply_done(&r->reply);
    masking_done(&r->masking);
    exchange_release(r->ex);
    walk_done(&r->walk);
    r->setting = setting_unref(r->setting);
    r->who = key_unref(r->who);
    if (node->n_pooled < NODE_REQUESTS_POOLED) {
        r->next = node->pool;
        node->pool = r;
        node->n_pooled++;
    } else {
        free(r);
    }
    node_turn_over(node);
}
