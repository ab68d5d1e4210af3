#include "base/fault.h"
#include "base/tap.h"
#include "loop/work.h"
#include <stdatomic.h>
#include <time.h>

static struct loop *make_loop(void)
{
    struct loop *loop;

    CHECK_EQ(loop_new(&loop, NULL), NIGH_OK);
    return loop;
}

static struct lane *make_lane(struct loop *loop, size_t queue_max)
{
    struct lane *lane;

    CHECK_EQ(lane_new(&lane, loop, queue_max, NULL), NIGH_OK);
    return lane;
}

enum { JOBS = 2000 };
struct job {
    struct work work;
    int number, ran_at;
    struct job *then; /* submitted from done */
    struct lane *lane;
};
static int ran; /* touched by the lane's jobs only: the sanitizer sees whether they overlap */
static int done;

static void job_run(struct work *work)
{
    CONTAINER_OF(work, struct job, work)->ran_at = ran++;
}

static void job_done(struct work *work)
{
    struct job *job = CONTAINER_OF(work, struct job, work);

    if (job->ran_at != done++ || job->ran_at != job->number)
        abort();
    if (job->then && work_submit(job->lane, &job->then->work, NULL) != NIGH_OK)
        abort();
    free(job);
}

static struct job *make_job(int number)
{
    struct job *job = calloc(1, sizeof *job);

    CHECK(job);
    job->number = number;
    job->work = (struct work){.run = job_run, .done = job_done};
    return job;
}

TEST(work_runs_in_order)
{
    struct loop *loop = make_loop();
    struct lane *lane = make_lane(loop, JOBS);

    ran = done = 0;
    for (int i = 0; i < JOBS; i++)
        CHECK_EQ(work_submit(lane, &make_job(i)->work, NULL), NIGH_OK);
    CHECK(lane_free(lane) == NULL);
    CHECK_EQ(done, JOBS);
    loop_free(loop);
}

TEST(work_done_may_submit)
{
    struct loop *loop = make_loop();
    struct lane *lane = make_lane(loop, 5);
    struct job *next = NULL;

    ran = done = 0;
    for (int i = 99; i >= 0; i--) {
        struct job *job = make_job(i);
        job->then = next;
        job->lane = lane;
        next = job;
    }
    CHECK_EQ(work_submit(lane, &next->work, NULL), NIGH_OK);
    lane_free(lane);
    CHECK_EQ(done, 100);
    loop_free(loop);
}

static atomic_bool gate_open;

static void gate_run(struct work *work)
{
    while (!atomic_load(&gate_open))
        nanosleep(&(struct timespec){.tv_nsec = 100000}, NULL);
}

static void gate_done(struct work *work)
{
    done++;
}

TEST(work_refuses_when_full)
{
    struct loop *loop = make_loop();
    struct work works[5];
    struct nigh_err err = {0};

    for (size_t queue_max = 0; queue_max < 4; queue_max++) {
        struct lane *lane = make_lane(loop, queue_max);
        atomic_store(&gate_open, false);
        done = 0;
        err.status = NIGH_OK;
        for (size_t i = 0; i < 5; i++) {
            works[i] = (struct work){.run = gate_run, .done = gate_done};
            CHECK_EQ(work_submit(lane, &works[i], &err), i <= queue_max ? NIGH_OK : NIGH_BUSY);
        }
        CHECK(strstr(err.what, "jobs wait already"));
        atomic_store(&gate_open, true);
        lane_free(lane);
        CHECK_EQ(done, queue_max + 1);
    }
    loop_free(loop);
}

static atomic_int inside;

static void meet_run(struct work *work) /* returns only when the other lane's job runs as well */
{
    atomic_fetch_add(&inside, 1);
    while (atomic_load(&inside) < 2)
        nanosleep(&(struct timespec){.tv_nsec = 100000}, NULL);
}

TEST(work_lanes_run_beside_each_other)
{
    struct loop *loop = make_loop();
    struct lane *a = make_lane(loop, 1), *b = make_lane(loop, 1);
    struct work in_a = {.run = meet_run, .done = gate_done}, in_b = in_a;

    done = 0;
    CHECK_EQ(work_submit(a, &in_a, NULL), NIGH_OK);
    CHECK_EQ(work_submit(b, &in_b, NULL), NIGH_OK);
    lane_free(a);
    lane_free(b);
    CHECK_EQ(done, 2);
    CHECK(lane_free(NULL) == NULL);
    loop_free(loop);
}

TEST(work_lane_survives_no_memory)
{
    struct loop *loop = make_loop();
    struct lane *lane;

    fault_arm(FAULT_ALLOC, 1);
    CHECK_EQ(lane_new(&lane, loop, 1, NULL), NIGH_NOMEM);
    CHECK(fault_disarm());
    loop_free(loop);
}
