/* The loop's half: the lock, the spool's writer, and when to drain.
 *
 * Draining waits for company, because a transaction of one record costs seven times its share of a
 * batch (105 against 15 us): a short while after an append, or at once when many wait.  Nobody
 * needs it sooner: the record is durable already, and a question brings its own drain. */
#include "store/store.h"
#include "base/fault.h"
#include "base/log.h"
#include "base/path.h"
#include "loop/timer.h"
#include "store/drain.h"
#include "store/row.h"
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

enum {
    DRAIN_DELAY_MS = 50,
    DRAIN_RECORDS = 512,
    RETRY_MS_FIRST = 250, /* after a drain that failed; doubles */
    RETRY_MS_MAX = 30000,
};

struct store {
    struct loop *loop;
    struct lane *lane;
    const struct store_shape *shape;
    int dir; /* holds the lock */
    struct spool *spool;
    struct drain *drain; /* the lane's, once `started` */
    bool started, closing;

    uint64_t written,
        consumed;     /* bytes appended, and known to be in the database, since the start */
    unsigned waiting; /* records appended since the last drain was sent */
    struct timer timer;
    unsigned retry_ms; /* 0: the last drain went well */
    bool draining;     /* the job below is out */
    struct work job;
    struct store_mark job_upto;
    struct nigh_err job_err;
};

static struct store_mark mark_now(const struct store *s)
{
    struct spool_at end = spool_end(s->spool);

    return (struct store_mark){end.segment, end.offset, s->written};
}

static struct spool_at mark_at(struct store_mark m)
{
    return (struct spool_at){m.segment, m.offset};
}

static enum nigh_status lock(struct store *s, const char *dir, struct nigh_err *err)
{
    s->dir = fault_hit(FAULT_OPEN) ? -1 : open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (s->dir < 0)
        return nigh_fail(err, NIGH_IO, "open %s: %m", dir);
    if (flock(s->dir, LOCK_EX | LOCK_NB) == 0)
        return NIGH_OK;
    if (errno == EWOULDBLOCK)
        return nigh_fail(err, NIGH_BUSY,
                         "%s is in use by another nigh: stop that one, or set "
                         "NIGH_STATE to another folder",
                         dir);
    return nigh_fail(err, NIGH_IO, "lock %s: %m", dir);
}

static enum nigh_status open_all(struct store *s, const char *dir, struct nigh_err *err)
{
    uint64_t segment;
    enum nigh_status status = path_make_private(dir, err);

    /* Its statistics cost a lock for every allocation; only before SQLite's first use, else
     * refused. */
    sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
    if (status == NIGH_OK && sodium_init() < 0)
        status = nigh_fail(err, NIGH_IO, "libsodium does not start");
    if (status == NIGH_OK)
        status = lock(s, dir, err);
    if (status == NIGH_OK)
        status = drain_new(&s->drain, dir, s->dir, s->shape, err);
    if (status == NIGH_OK)
        status = drain_replay(s->drain, &segment, err);
    if (status == NIGH_OK)
        status = spool_new(&s->spool, s->dir, segment, s->shape->segment_max_bytes, err);
    if (status == NIGH_OK)
        status = lane_new(&s->lane, s->loop, STORE_ASK_MAX, err);
    return status;
}

static void done_all(struct store *s)
{
    spool_free(s->spool);
    drain_free(s->drain);
    if (s->dir >= 0)
        close(s->dir);
    free(s);
}

enum nigh_status store_open_shape(struct store **ret, struct loop *loop, const char *dir,
                                  const struct store_shape *shape, struct nigh_err *err)
{
    struct store *s = calloc(1, sizeof *s);
    enum nigh_status status;

    if (!s)
        return nigh_fail(err, NIGH_NOMEM, "store: out of memory");
    *s = (struct store){.loop = loop, .shape = shape, .dir = -1};
    status = open_all(s, dir, err);
    if (status == NIGH_OK)
        *ret = s;
    else
        done_all(s);
    return status;
}

enum nigh_status store_open(struct store **ret, struct loop *loop, const char *dir,
                            struct nigh_err *err)
{
    return store_open_shape(ret, loop, dir, &store_shape, err);
}

int store_dir(const struct store *s)
{
    return s->dir;
}

struct store *store_close(struct store *s)
{
    struct nigh_err err = {0};

    if (!s)
        return NULL;
    s->closing = true;
    timer_disarm(s->loop, &s->timer);
    lane_free(s->lane); /* the database is this thread's again */
    if (drain_run(s->drain, spool_end(s->spool), &err) != NIGH_OK)
        log_err(LOG_ERROR, "store", "the last records stay in the spool until the next start",
                &err);
    done_all(s);
    return NULL;
}

static void schedule(struct store *s);

static void on_timer(struct timer *timer);

static void drain_later(struct store *s, unsigned delay_ms)
{
    if (timer_arm(s->loop, &s->timer, delay_ms, on_timer, NULL) != NIGH_OK)
        log_at(LOG_WARN, "store", "no timer for a drain; the next record asks again");
}

static void drain_work(struct work *job)
{
    struct store *s = CONTAINER_OF(job, struct store, job);

    s->job_err = (struct nigh_err){0};
    if (drain_run(s->drain, mark_at(s->job_upto), &s->job_err) != NIGH_OK)
        assert(s->job_err.status != NIGH_OK);
}

static void drain_done(struct work *job)
{
    struct store *s = CONTAINER_OF(job, struct store, job);

    s->draining = false;
    if (s->job_err.status == NIGH_OK) {
        if (s->consumed < s->job_upto.written)
            s->consumed = s->job_upto.written;
        s->retry_ms = 0;
        schedule(s);
        return;
    }
    log_err(LOG_ERROR, "store", "records wait in the spool", &s->job_err);
    s->retry_ms = s->retry_ms ? 2 * s->retry_ms : RETRY_MS_FIRST;
    if (s->retry_ms > RETRY_MS_MAX)
        s->retry_ms = RETRY_MS_MAX;
    if (!s->closing)
        drain_later(s, s->retry_ms);
}

/* One job at most is out; what is appended meanwhile is the next one's. */
static void drain_send(struct store *s)
{
    timer_disarm(s->loop, &s->timer);
    s->started = true;
    s->job.run = drain_work;
    s->job.done = drain_done;
    s->job_upto = mark_now(s);
    if (work_submit(s->lane, &s->job, NULL) != NIGH_OK) {
        drain_later(s, DRAIN_DELAY_MS); /* a thousand questions wait; each drains */
        return;
    }
    s->draining = true;
    s->waiting = 0;
}

static void on_timer(struct timer *timer)
{
    struct store *s = CONTAINER_OF(timer, struct store, timer);

    if (!s->draining)
        drain_send(s);
}

/* After every append and every drain: is one due?  While drains fail only the timer's back-off
 * sends. */
static void schedule(struct store *s)
{
    if (s->draining || s->closing || s->consumed == s->written)
        return;
    if (s->waiting >= DRAIN_RECORDS && !s->retry_ms)
        drain_send(s);
    else if (!timer_armed(&s->timer))
        drain_later(s, DRAIN_DELAY_MS);
}

static bool kind_known(const struct store *s, struct slice kind)
{
    for (size_t i = 0; i < s->shape->n_kinds; i++)
        if (slice_is(kind, s->shape->kinds[i].name))
            return true;
    return false;
}

enum nigh_status store_append(struct store *s, const char *kind, struct slice json,
                              struct nigh_err *err)
{
    struct slice word = slice_of(kind);
    enum nigh_status status;

    if (!kind_known(s, word))
        return nigh_fail(err, NIGH_INVALID, "store: no record is of kind %.40s", kind);
    if (s->written - s->consumed + json.len > s->shape->unread_max_bytes)
        return nigh_fail(err, NIGH_BUSY, "store: %zu KiB of records wait for the disk",
                         s->shape->unread_max_bytes >> 10);
    status = spool_append(s->spool, word, json, err);
    if (status != NIGH_OK)
        return status;
    s->written += json.len;
    s->waiting++;
    schedule(s);
    return NIGH_OK;
}

static void ask_run(struct work *work)
{
    struct store_query *q = CONTAINER_OF(work, struct store_query, work);

    q->stale = drain_run(q->store->drain, mark_at(q->upto), NULL) != NIGH_OK;
    q->run(q, drain_db(q->store->drain));
}

static void ask_done(struct work *work)
{
    struct store_query *q = CONTAINER_OF(work, struct store_query, work);

    if (!q->stale && q->store->consumed < q->upto.written)
        q->store->consumed = q->upto.written;
    q->done(q);
}

enum nigh_status store_ask(struct store *s, struct store_query *q, struct nigh_err *err)
{
    q->store = s;
    q->upto = mark_now(s);
    q->stale = false;
    q->work.run = ask_run;
    q->work.done = ask_done;
    s->started = true;
    return work_submit(s->lane, &q->work, err);
}

enum nigh_status store_load(struct store *s, const char *sql, unsigned max_rows, struct buf *out,
                            struct nigh_err *err)
{
    assert(!s->started); /* store 3 */
    return store_rows_json(drain_db(s->drain), sql, NULL, 0, max_rows, out, err);
}

static void stmt_done(sqlite3_stmt **stmt)
{
    sqlite3_finalize(*stmt);
}

enum nigh_status store_rows_json(sqlite3 *db, const char *sql, const char *const *text_args,
                                 size_t n_args, unsigned max_rows, struct buf *out,
                                 struct nigh_err *err)
{
    CLEANUP(stmt_done) sqlite3_stmt *stmt = NULL;
    int rc = sqlite3_prepare_v2(db, sql, -1, &stmt, NULL);

    for (size_t i = 0; rc == SQLITE_OK && i < n_args; i++)
        rc = sqlite3_bind_text(stmt, (int)i + 1, text_args[i], -1, SQLITE_STATIC);
    if (rc != SQLITE_OK)
        return nigh_fail(err, NIGH_IO, "nigh.db: %s", sqlite3_errmsg(db));
    buf_add_char(out, '[');
    for (unsigned n = 0; n < max_rows && rc != SQLITE_DONE; n++) {
        rc = fault_hit(FAULT_SQL) ? SQLITE_IOERR : sqlite3_step(stmt);
        if (rc != SQLITE_ROW && rc != SQLITE_DONE)
            return nigh_fail(err, NIGH_IO, "nigh.db: %s", sqlite3_errstr(rc));
        if (rc == SQLITE_ROW) {
            json_sep(out);
            row_json(stmt, out);
        }
    }
    buf_add_char(out, ']');
    return out->failed ? nigh_fail(err, NIGH_TOOBIG, "the answer is too big") : NIGH_OK;
}
