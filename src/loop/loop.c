/* Invariants: 1. `hurry` is active exactly while a later is armed.  2. A later is in the queue
 * exactly while it is armed.  3. Nothing here runs a callback from inside another one. */
#include "base/fault.h"
#include "base/log.h"
#include "loop/inside.h"
#include <assert.h>
#include <stdlib.h>

static void on_wake(uv_async_t *wake)
{
}

static void on_hurry(uv_idle_t *hurry)
{
}

/* Runs as many as were armed at the start: one that arms itself must not stop the loop. */
static void later_run(struct loop *loop)
{
    for (size_t n = loop->laters; n > 0 && loop->later_head; n--) {
        struct later *later = loop->later_head;
        loop->later_head = later->next;
        if (!loop->later_head)
            loop->later_tail = &loop->later_head;
        loop->laters--;
        later->armed = false;
        later->fn(later); /* may have freed it, armed it anew, or cancelled others */
    }
    if (!loop->later_head)
        uv_idle_stop(&loop->hurry);
}

static void on_prepare(uv_prepare_t *prepare)
{
    later_run(CONTAINER_OF(prepare, struct loop, prepare));
}

static void on_check(uv_check_t *check)
{
    later_run(CONTAINER_OF(check, struct loop, check));
}

enum nigh_status loop_new(struct loop **ret_loop, struct nigh_err *err)
{
    struct loop *loop = fault_hit(FAULT_ALLOC) ? NULL : calloc(1, sizeof *loop);

    if (!loop)
        return nigh_fail(err, NIGH_NOMEM, "no memory for the loop");
    int rc = fault_hit(FAULT_OPEN) ? UV_EMFILE : uv_loop_init(&loop->uv);
    if (rc != 0) {
        free(loop);
        return nigh_fail(err, NIGH_IO, "start the loop: %s", uv_strerror(rc));
    }
    loop->later_tail = &loop->later_head;
    loop_timer_init(loop);
    uv_prepare_init(&loop->uv, &loop->prepare); /* these three only link themselves in */
    uv_check_init(&loop->uv, &loop->check);
    uv_idle_init(&loop->uv, &loop->hurry);
    uv_prepare_start(&loop->prepare, on_prepare);
    uv_check_start(&loop->check, on_check);
    rc = fault_hit(FAULT_OPEN) ? UV_EMFILE : uv_async_init(&loop->uv, &loop->wake, on_wake);
    if (rc != 0) {
        loop_free(loop);
        return nigh_fail(err, NIGH_IO, "start the loop: %s", uv_strerror(rc));
    }
    *ret_loop = loop;
    return NIGH_OK;
}

/* One way into libuv: uv_run inside of uv_run breaks both (invariant 3). */
static int loop_pass(struct loop *loop, uv_run_mode mode)
{
    assert(!loop->inside);
    loop->inside = true;
    int open = uv_run(&loop->uv, mode);
    loop->inside = false;
    return open;
}

static void on_found_open(uv_handle_t *handle, void *arg)
{
    if (!uv_is_closing(handle))
        uv_close(handle, NULL);
}

static void on_waited(uv_timer_t *timer)
{
}

/* Laters free things; killed children must be collected, or they stay as zombies. */
static void loop_settle(struct loop *loop)
{
    uint64_t until_ns = uv_hrtime() + (uint64_t)LOOP_DYING_WAIT_MS * 1000000;

    while (loop->later_head)
        later_run(loop);
    if (loop->dying == 0)
        return;
    uv_timer_start(&loop->clock, on_waited, LOOP_DYING_WAIT_MS, 0); /* timers are over by now */
    while (loop->dying > 0 && uv_hrtime() < until_ns)
        loop_pass(loop, UV_RUN_ONCE);
    if (loop->dying > 0)
        log_at(LOG_WARN, "loop", "a killed child does not end", LOG_NUM("children", loop->dying));
}

struct loop *loop_free(struct loop *loop)
{
    if (!loop)
        return NULL;
    loop_settle(loop);
    uv_walk(&loop->uv, on_found_open, NULL);
    while (loop_pass(loop, UV_RUN_DEFAULT) != 0)
        ;
    int rc = uv_loop_close(&loop->uv);
    assert(rc == 0); /* everything was closed, and every close callback ran */
    free(loop->heap);
    free(loop);
    return NULL;
}

uv_loop_t *loop_uv(struct loop *loop)
{
    return &loop->uv;
}

void loop_run(struct loop *loop)
{
    while (!loop->stop)
        loop_pass(loop, UV_RUN_DEFAULT);
    loop->stop = false;
}

void loop_run_once(struct loop *loop)
{
    loop_pass(loop, UV_RUN_ONCE);
}

void loop_stop(struct loop *loop)
{
    loop->stop = true;
    uv_stop(&loop->uv);
}

void loop_wake(struct loop *loop)
{
    uv_async_send(&loop->wake);
}

void loop_later(struct loop *loop, struct later *later, void (*fn)(struct later *))
{
    if (later->armed)
        return;
    later->fn = fn;
    later->armed = true;
    later->next = NULL;
    *loop->later_tail = later;
    loop->later_tail = &later->next;
    loop->laters++;
    uv_idle_start(&loop->hurry, on_hurry);
}

void loop_later_cancel(struct loop *loop, struct later *later)
{
    struct later **at = &loop->later_head;

    if (!later->armed)
        return;
    while (*at != later)
        at = &(*at)->next; /* there, by invariant 2 */
    *at = later->next;
    if (loop->later_tail == &later->next)
        loop->later_tail = at;
    loop->laters--;
    later->armed = false;
    if (!loop->later_head)
        uv_idle_stop(&loop->hurry);
}
