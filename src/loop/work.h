/* work: jobs for the worker threads (disk, scans), with the answer back on the loop.
 *
 * One lane is a queue whose jobs run one after the other, in order, so that the database has one
 * writer; different lanes run beside each other on libuv's pool.  The owner keeps the struct alive
 * until `done` was called.  work_submit and done on the loop thread; run on a worker. */
#pragma once
#include "loop/loop.h"

struct lane; /* a serial queue */
struct work {
    void (*run)(struct work *);  /* worker thread; touches only what the job was given */
    void (*done)(struct work *); /* loop thread, in order; may free the job, and submit it anew */
    struct work *next;
};

NIGH_MUST enum nigh_status lane_new(struct lane **ret_lane, struct loop *loop, size_t queue_max,
                                    struct nigh_err *err);
/* Waits for what was submitted, running its done: runs the loop, so not from inside a callback. */
struct lane *lane_free(struct lane *lane);
/* NIGH_BUSY when queue_max jobs wait already; the one that runs does not wait. */
NIGH_MUST enum nigh_status work_submit(struct lane *lane, struct work *work, struct nigh_err *err);
