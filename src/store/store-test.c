#include "base/fault.h"
#include "base/log.h"
#include "base/tap.h"
#include "loop/loop.h"
#include "loop/timer.h"
#include "store/schema.h"
#include "store/store.h"
#include <sys/stat.h>
#include <unistd.h>

static const char *const migrations[] = {
    "CREATE TABLE spool(one INTEGER PRIMARY KEY CHECK(one = 1), segment INTEGER NOT NULL,"
    " offset INTEGER NOT NULL); INSERT INTO spool VALUES(1, 0, 0);"
    "CREATE TABLE notes(n INTEGER NOT NULL)",
};
static const struct store_kind kinds[] = {{"note", "INSERT INTO notes(n) VALUES(:n)"}};
static const struct store_shape shape = {migrations, 1, kinds, 1, 4 << 10, 64 << 10};

static char folder[64];
static struct loop *loop;
static struct store *store;
static struct nigh_err err;

static void rm(void)
{
    char command[128];

    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    if (folder[0] && system(command) != 0)
        perror("rm");
}

__attribute__((destructor)) static void sweep(void)
{
    rm();
}

static void reopen(void)
{
    err = (struct nigh_err){0};
    store = NULL;
    if (store_open_shape(&store, loop, folder, &shape, &err) != NIGH_OK)
        printf("# %s\n", err.what);
    CHECK(store);
}

static void fresh(void)
{
    rm();
    strcpy(folder, "/tmp/nigh-store-XXXXXX");
    CHECK(mkdtemp(folder));
    CHECK_EQ(loop_new(&loop, NULL), NIGH_OK);
    reopen();
}

static void finish(void)
{
    store = store_close(store);
    loop = loop_free(loop);
}

static enum nigh_status put(int n)
{
    char json[32];

    snprintf(json, sizeof json, "{\"n\":%d}", n);
    return store_append(store, "note", slice_of(json), NULL);
}

struct question {
    struct store_query q;
    const char *sql;
    struct buf rows;
    int done;
};

static void question_run(struct store_query *q, sqlite3 *db)
{
    struct question *question = CONTAINER_OF(q, struct question, q);

    if (store_rows_json(db, question->sql, NULL, 0, 10, &question->rows, NULL) != NIGH_OK)
        buf_add_cstr(&question->rows, "failed");
}

static void question_done(struct store_query *q)
{
    CONTAINER_OF(q, struct question, q)->done++;
}

static void ask(struct question *question)
{
    *question = (struct question){.q = {.run = question_run, .done = question_done},
                                  .sql = "SELECT count(*) AS n, coalesce(sum(n), 0) AS s "
                                         "FROM notes"};
    CHECK_EQ(store_ask(store, &question->q, NULL), NIGH_OK);
}

static void expect(struct question *question, const char *want)
{
    while (!question->done)
        loop_run_once(loop);
    CHECK_EQ(question->done, 1);
    CHECK_STR(question->rows.data, want);
    buf_done(&question->rows);
}

TEST(store_answers_with_everything_appended_before)
{
    struct question first, second;

    fresh();
    CHECK_EQ(put(1), NIGH_OK);
    CHECK_EQ(put(2), NIGH_OK);
    ask(&first);
    CHECK_EQ(put(40), NIGH_OK);
    ask(&second);
    expect(&first, "[{\"n\":2,\"s\":3}]");
    expect(&second, "[{\"n\":3,\"s\":43}]");
    CHECK(!second.q.stale);
    finish();
}

static struct timer stop;

static void on_stop(struct timer *timer)
{
}

static void run_ms(uint64_t ms)
{
    CHECK_EQ(timer_arm(loop, &stop, ms, on_stop, NULL), NIGH_OK);
    while (timer_armed(&stop))
        loop_run_once(loop);
}

TEST(store_drains_by_itself_and_at_the_end)
{
    struct question q;
    struct buf rows = {0};

    fresh();
    for (int i = 0; i < 3000; i++) {
        CHECK_EQ(put(1), NIGH_OK);
        if (i % 500 == 499)
            run_ms(1);
    }
    run_ms(150); /* a few times the delay of a drain */
    ask(&q);
    expect(&q, "[{\"n\":3000,\"s\":3000}]");
    CHECK_EQ(put(7), NIGH_OK);
    store = store_close(store);
    reopen();
    CHECK_EQ(store_load(store, "SELECT sum(n) AS s FROM notes", 1, &rows, &err), NIGH_OK);
    CHECK_STR(rows.data, "[{\"s\":3007}]");
    buf_done(&rows);
    finish();
}

TEST(store_runs_what_was_asked_before_it_closes)
{
    struct question q;

    fresh();
    CHECK_EQ(put(5), NIGH_OK);
    ask(&q);
    store = store_close(store);
    CHECK_EQ(q.done, 1);
    CHECK_STR(q.rows.data, "[{\"n\":1,\"s\":5}]");
    buf_done(&q.rows);
    finish();
}

TEST(store_refuses_past_its_ceiling_and_recovers)
{
    struct question q;
    enum nigh_status status = NIGH_OK;
    long sum = 0;
    char want[64];

    fresh();
    for (int i = 0; i < 100000 && status == NIGH_OK;
         i++) { /* the loop does not run: nothing drains */
        status = put(1);
        sum += status == NIGH_OK;
    }
    CHECK_EQ(status, NIGH_BUSY);
    CHECK_EQ(store_append(store, "note", SLICE("{\"n\":1}"), &err), NIGH_BUSY);
    CHECK_STR(err.what, "store: 64 KiB of records wait for the disk");
    ask(&q);
    snprintf(want, sizeof want, "[{\"n\":%ld,\"s\":%ld}]", sum, sum);
    expect(&q, want);
    CHECK_EQ(put(1), NIGH_OK);
    finish();
}

TEST(store_refuses_what_is_no_record)
{
    fresh();
    CHECK_EQ(store_append(store, "poem", SLICE("{}"), &err), NIGH_INVALID);
    CHECK_STR(err.what, "store: no record is of kind poem");
    CHECK_EQ(store_append(store, "note", SLICE("{\"n\":\n1}"), NULL), NIGH_INVALID);
    finish();
}

TEST(store_append_tells_when_it_cannot_write)
{
    struct question q;

    fresh();
    CHECK_EQ(put(1), NIGH_OK);
    fault_arm(FAULT_WRITE, 1);
    CHECK_EQ(store_append(store, "note", SLICE("{\"n\":100}"), &err), NIGH_IO);
    CHECK(fault_disarm());
    CHECK(strstr(err.what, "No space left"));
    CHECK_EQ(put(2), NIGH_OK);
    ask(&q);
    expect(&q, "[{\"n\":2,\"s\":3}]");
    finish();
}

TEST(store_folder_is_private_and_one_nodes)
{
    struct store *other = NULL;
    struct stat st;
    char path[96];

    fresh();
    CHECK_EQ(store_open(&other, loop, folder, &err), NIGH_BUSY);
    CHECK(strstr(err.what, "in use by another nigh"));
    snprintf(path, sizeof path, "%s/nigh.db", folder);
    CHECK_EQ(stat(path, &st), 0);
    CHECK_EQ(st.st_mode & 0777, 0600);
    snprintf(path, sizeof path, "%s/nigh.db-wal", folder);
    CHECK_EQ(stat(path, &st), 0);
    CHECK_EQ(st.st_mode & 0777, 0600);
    finish();
}

/* Opening with the nth operation failing: an error with a text, never half a store. */
TEST(store_open_is_all_or_nothing)
{
    static const enum fault some[] = {FAULT_SQL, FAULT_OPEN, FAULT_READ, FAULT_WRITE, FAULT_ALLOC};

    CHECK_EQ(loop_new(&loop, NULL), NIGH_OK);
    for (size_t k = 0; k < ARRAY_LEN(some); k++) {
        bool hit = true;

        for (int nth = 1; hit; nth++) {
            struct store *s = NULL;

            rm();
            err = (struct nigh_err){0};
            fault_arm(some[k], nth);
            if (store_open(&s, loop, folder, &err) != NIGH_OK)
                CHECK(!s && err.what[0]);
            hit = fault_disarm();
            store_close(s);
            err = (struct nigh_err){0};
            if (store_open(&s, loop, folder, &err) != NIGH_OK)
                printf("# %s\n", err.what);
            CHECK(s);
            store_close(s);
        }
    }
    loop = loop_free(loop);
}
