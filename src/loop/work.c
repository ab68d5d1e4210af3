/* Invariants: 1. At most one job of a lane is with libuv.  2. waiting <= queue_max.  3. Jobs run
 * and are done in the order of work_submit. */
#include "loop/work.h"
#include "base/fault.h"
#include <assert.h>
#include <stdlib.h>

struct lane {
    struct loop *loop;
    uv_work_t uv;
    struct work *running; /* with libuv; NULL: none */
    struct work *head, **tail;
    size_t waiting, queue_max;
    unsigned in_done; /* callbacks under way: the lane is still in use though nothing runs */
};

enum nigh_status lane_new(struct lane **ret_lane, struct loop *loop, size_t queue_max,
                          struct nigh_err *err)
{
    struct lane *lane = fault_hit(FAULT_ALLOC) ? NULL : calloc(1, sizeof *lane);

    if (!lane)
        return nigh_fail(err, NIGH_NOMEM, "no memory for a queue of work");
    lane->loop = loop;
    lane->queue_max = queue_max;
    lane->tail = &lane->head;
    *ret_lane = lane;
    return NIGH_OK;
}

static void on_run(uv_work_t *uv)
{
    struct work *work = CONTAINER_OF(uv, struct lane, uv)->running;

    work->run(work);
}

static void on_ran(uv_work_t *uv, int status);

static void lane_start(struct lane *lane, struct work *work)
{
    lane->running = work;
    int rc = uv_queue_work(loop_uv(lane->loop), &lane->uv, on_run, on_ran);
    assert(rc == 0); /* fails only without on_run */
}

static void on_ran(uv_work_t *uv, int status)
{
    struct lane *lane = CONTAINER_OF(uv, struct lane, uv);
    struct work *work = lane->running, *next = lane->head;

    lane->running = NULL;
    if (next) { /* before done, so that the worker need not wait for the loop's part */
        lane->head = next->next;
        if (!lane->head)
            lane->tail = &lane->head;
        lane->waiting--;
        lane_start(lane, next);
    }
    lane->in_done++;
    work->done(work);
    lane->in_done--;
}

struct lane *lane_free(struct lane *lane)
{
    if (!lane)
        return NULL;
    assert(lane->in_done == 0);
    while (lane->running)
        loop_run_once(lane->loop);
    free(lane);
    return NULL;
}

enum nigh_status work_submit(struct lane *lane, struct work *work, struct nigh_err *err)
{
    if (!lane->running) {
        lane_start(lane, work);
        return NIGH_OK;
    }
    if (lane->waiting >= lane->queue_max)
        return nigh_fail(err, NIGH_BUSY, "%zu jobs wait already", lane->waiting);
    work->next = NULL;
    *lane->tail = work;
    lane->tail = &work->next;
    lane->waiting++;
    return NIGH_OK;
}
