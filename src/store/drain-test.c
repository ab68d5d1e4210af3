#include "base/fault.h"
#include "base/log.h"
#include "base/tap.h"
#include "store/drain.h"
#include "store/store.h"
#include <fcntl.h>
#include <unistd.h>

/* notes has no key, so that a record taken twice would show. */
static const char *const migrations[] = {
    "CREATE TABLE spool(one INTEGER PRIMARY KEY CHECK(one = 1), segment INTEGER NOT NULL,"
    " offset INTEGER NOT NULL); INSERT INTO spool VALUES(1, 0, 0);"
    "CREATE TABLE notes(n INTEGER NOT NULL, fat JSON TEXT)",
    "ALTER TABLE notes ADD COLUMN ok BOOLEAN",
};
static const struct store_kind kinds[] = {
    {"note", "INSERT INTO notes(n, fat, ok) VALUES(:n, :fat, :ok)"},
};
static const struct store_shape shape = {migrations, 2, kinds, 1, 200, 1 << 20};

static char folder[64];
static int dir = -1;
static struct nigh_err err;

static void rm(void)
{
    char command[128];

    if (dir >= 0)
        close(dir);
    dir = -1;
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    if (folder[0] && system(command) != 0)
        perror("rm");
}

__attribute__((destructor)) static void sweep(void)
{
    rm();
}

static void fresh(void)
{
    rm();
    strcpy(folder, "/tmp/nigh-drain-XXXXXX");
    CHECK(mkdtemp(folder));
    dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    CHECK(dir >= 0);
    err = (struct nigh_err){0};
}

static struct drain *begin_as(const struct store_shape *of)
{
    struct drain *d = NULL;

    err = (struct nigh_err){0};
    if (drain_new(&d, folder, dir, of, &err) != NIGH_OK)
        printf("# %s\n", err.what);
    CHECK(d);
    return d;
}

/* "1,2,3": the notes in the order they came, out of the database. */
static const char *notes(struct drain *d)
{
    static struct buf rows;
    static char text[4096];
    size_t at = 0;

    buf_reset(&rows);
    CHECK_EQ(store_rows_json(drain_db(d), "SELECT group_concat(n) AS all_of FROM notes", NULL, 0, 1,
                             &rows, NULL),
             NIGH_OK);
    for (const char *p = rows.data; *p && at < sizeof text - 1; p++)
        if ((*p >= '0' && *p <= '9') || *p == ',')
            text[at++] = *p;
    text[at] = 0;
    return text;
}

static void put(struct spool *s, int n)
{
    char json[64];

    snprintf(json, sizeof json, "{\"n\":%d,\"fat\":[1,{\"a\":null}],\"ok\":true}", n);
    CHECK_EQ(spool_append(s, SLICE("note"), slice_of(json), NULL), NIGH_OK);
}

static size_t segments(void)
{
    struct spool_segment *list;
    size_t n;

    CHECK_EQ(spool_list(&list, &n, dir, NULL), NIGH_OK);
    free(list);
    return n;
}

TEST(drain_moves_and_removes)
{
    struct drain *d;
    struct spool *s;
    uint64_t segment;

    fresh();
    d = begin_as(&shape);
    CHECK_EQ(drain_replay(d, &segment, &err), NIGH_OK);
    CHECK_EQ(segment, 1);
    CHECK_EQ(spool_new(&s, dir, segment, 200, NULL), NIGH_OK);
    for (int i = 1; i <= 3; i++)
        put(s, i);
    CHECK_EQ(drain_run(d, spool_end(s), &err), NIGH_OK);
    CHECK_STR(notes(d), "1,2,3");
    for (int i = 4; i <= 12; i++)
        put(s, i);
    CHECK(segments() > 2);
    CHECK_EQ(drain_run(d, spool_end(s), &err), NIGH_OK);
    CHECK_EQ(drain_run(d, spool_end(s), &err), NIGH_OK);
    CHECK_STR(notes(d), "1,2,3,4,5,6,7,8,9,10,11,12");
    CHECK_EQ(segments(), 1);
    put(s, 13);
    spool_free(s);
    drain_free(d);

    d = begin_as(&shape); /* the next start finds what was left */
    CHECK_EQ(drain_replay(d, &segment, &err), NIGH_OK);
    CHECK_STR(notes(d), "1,2,3,4,5,6,7,8,9,10,11,12,13");
    CHECK_EQ(segments(), 0);
    drain_free(d);
}

TEST(drain_shows_json_and_truth)
{
    struct buf rows = {0};
    struct drain *d;
    struct spool *s;
    uint64_t segment;

    fresh();
    d = begin_as(&shape);
    CHECK_EQ(drain_replay(d, &segment, &err), NIGH_OK);
    CHECK_EQ(spool_new(&s, dir, segment, 1 << 20, NULL), NIGH_OK);
    put(s, 1);
    CHECK_EQ(
        spool_append(s, SLICE("note"), SLICE("{\"ok\":false,\"n\":-2,\"fat\":\"\\\"\"}"), NULL),
        NIGH_OK);
    CHECK_EQ(drain_run(d, spool_end(s), &err), NIGH_OK);
    CHECK_EQ(store_rows_json(drain_db(d),
                             "SELECT *, n / 4.0 AS q, x'00ff' AS b FROM notes WHERE n < ?1",
                             (const char *const[]){"2"}, 1, 9, &rows, &err),
             NIGH_OK);
    CHECK_STR(rows.data,
              "[{\"n\":1,\"fat\":[1,{\"a\":null}],\"ok\":true,\"q\":0.25,\"b\":\"00ff\"},"
              "{\"n\":-2,\"fat\":\",\"ok\":false,\"q\":-0.5,\"b\":\"00ff\"}]");
    buf_reset(&rows);
    CHECK_EQ(store_rows_json(drain_db(d), "SELECT n FROM notes", NULL, 0, 1, &rows, &err), NIGH_OK);
    CHECK_STR(rows.data, "[{\"n\":1}]");
    CHECK_EQ(store_rows_json(drain_db(d), "SELECT x FROM notes", NULL, 0, 1, &rows, &err), NIGH_IO);
    buf_done(&rows);
    spool_free(s);
    drain_free(d);
}

static const char *bad_file(void)
{
    static char text[1024];
    char path[96];
    FILE *f;

    snprintf(path, sizeof path, "%s/spool.bad", folder);
    f = fopen(path, "re");
    text[f ? fread(text, 1, sizeof text - 1, f) : 0] = 0;
    if (f)
        fclose(f);
    return text;
}

TEST(drain_sets_aside_what_cannot_be_taken)
{
    struct drain *d;
    struct spool *s;
    uint64_t segment;
    char path[96], line[64] = {0};
    int fd;

    fresh();
    log_set_level(LOG_ERROR + 1);
    d = begin_as(&shape);
    CHECK_EQ(drain_replay(d, &segment, &err), NIGH_OK);
    CHECK_EQ(spool_new(&s, dir, segment, 1 << 20, NULL), NIGH_OK);
    put(s, 1);
    CHECK_EQ(spool_append(s, SLICE("note"), SLICE("{\"fat\":1}"), NULL), NIGH_OK); /* NOT NULL */
    CHECK_EQ(spool_append(s, SLICE("note"), SLICE("{\"n\":"), NULL), NIGH_OK);
    CHECK_EQ(spool_append(s, SLICE("note"), SLICE("[1]"), NULL), NIGH_OK);
    CHECK_EQ(spool_append(s, SLICE("note"), SLICE("{\"n\":9223372036854775808}"), NULL), NIGH_OK);
    CHECK_EQ(spool_append(s, SLICE("note"), SLICE("{\"n\":1e999}"), NULL), NIGH_OK);
    CHECK_EQ(spool_append(s, SLICE("poem"), SLICE("{\"n\":4}"), NULL), NIGH_OK);
    put(s, 2);
    snprintf(path, sizeof path, "%s/spool.%d", folder, (int)segment);
    fd = open(path, O_RDWR | O_CLOEXEC); /* and one flipped bit in the middle of the file */
    CHECK(fd >= 0 && pread(fd, line, 34, 13) == 34);
    put(s, 3);
    put(s, 4);
    line[20] ^= 1;
    CHECK(pwrite(fd, line, 34, 13) == 34);
    close(fd);
    CHECK_EQ(drain_run(d, spool_end(s), &err), NIGH_OK);
    log_set_level(LOG_INFO);
    CHECK_STR(notes(d), "2,3,4");
    CHECK(strncmp(bad_file(), line, 34) == 0);
    CHECK(strstr(bad_file(), " note {\"fat\":1}\n"));
    CHECK(strstr(bad_file(), " note {\"n\":\n"));
    CHECK(strstr(bad_file(), " note [1]\n"));
    CHECK(strstr(bad_file(), " note {\"n\":9223372036854775808}\n"));
    CHECK(strstr(bad_file(), " note {\"n\":1e999}\n"));
    CHECK(strstr(bad_file(), " poem {\"n\":4}\n"));
    spool_free(s);
    drain_free(d);
}

/* Fail the nth operation, until a run meets no failure: nothing is lost and nothing comes twice,
 * whether the same drain goes on or a new one replays. */
static void fail_each(enum fault kind, bool restart)
{
    bool hit = true;

    for (int nth = 1; hit; nth++) {
        struct drain *d;
        struct spool *s;
        uint64_t segment;

        fresh();
        d = begin_as(&shape);
        CHECK_EQ(drain_replay(d, &segment, &err), NIGH_OK);
        CHECK_EQ(spool_new(&s, dir, segment, 200, NULL), NIGH_OK);
        for (int i = 1; i <= 4; i++)
            put(s, i);
        CHECK_EQ(spool_append(s, SLICE("poem"), SLICE("{}"), NULL), NIGH_OK);
        for (int i = 5; i <= 9; i++)
            put(s, i);
        fault_arm(kind, nth);
        if (drain_run(d, spool_end(s), &err) != NIGH_OK)
            CHECK(err.what[0]);
        hit = fault_disarm();
        if (restart) {
            drain_free(d);
            d = begin_as(&shape);
            CHECK_EQ(drain_replay(d, &segment, &err), NIGH_OK);
        } else {
            CHECK_EQ(drain_run(d, spool_end(s), NULL), NIGH_OK);
        }
        CHECK_STR(notes(d), "1,2,3,4,5,6,7,8,9");
        spool_free(s);
        drain_free(d);
    }
}

TEST(drain_is_all_or_nothing)
{
    log_set_level(LOG_ERROR + 1);
    for (int restart = 0; restart < 2; restart++) {
        fail_each(FAULT_SQL, restart);
        fail_each(FAULT_READ, restart);
        fail_each(FAULT_OPEN, restart);
        fail_each(FAULT_WRITE, restart);
        fail_each(FAULT_ALLOC, restart);
    }
    log_set_level(LOG_INFO);
}

/* Opening, migrating and replaying fail in the same way: an error with a text, and the next try
 * works. */
TEST(drain_opening_is_all_or_nothing)
{
    static const enum fault some[] = {FAULT_SQL, FAULT_OPEN, FAULT_READ, FAULT_WRITE, FAULT_ALLOC};

    for (size_t k = 0; k < ARRAY_LEN(some); k++) {
        bool hit = true;

        for (int nth = 1; hit; nth++) {
            struct drain *d = NULL;
            struct spool *s;
            uint64_t segment;
            enum nigh_status status;

            fresh();
            CHECK_EQ(spool_new(&s, dir, 3, 200, NULL), NIGH_OK);
            for (int i = 1; i <= 9; i++)
                put(s, i);
            spool_free(s);
            fault_arm(some[k], nth);
            status = drain_new(&d, folder, dir, &shape, &err);
            if (status == NIGH_OK)
                status = drain_replay(d, &segment, &err);
            hit = fault_disarm();
            CHECK_EQ(status == NIGH_OK, err.what[0] == 0);
            drain_free(d);
            d = begin_as(&shape);
            CHECK_EQ(drain_replay(d, &segment, &err), NIGH_OK);
            CHECK(segment > 3);
            CHECK_STR(notes(d), "1,2,3,4,5,6,7,8,9");
            drain_free(d);
        }
    }
}

TEST(drain_skips_segments_that_somebody_removed)
{
    struct drain *d;
    struct spool *s;
    uint64_t segment;

    fresh();
    CHECK_EQ(spool_new(&s, dir, 2, 1 << 20, NULL), NIGH_OK);
    put(s, 1);
    spool_free(s);
    CHECK_EQ(spool_new(&s, dir, UINT64_C(4000000000000), 1 << 20, NULL), NIGH_OK);
    put(s, 2);
    spool_free(s);
    d = begin_as(&shape);
    CHECK_EQ(drain_replay(d, &segment, &err), NIGH_OK);
    CHECK(segment == UINT64_C(4000000000001));
    CHECK_STR(notes(d), "1,2");
    CHECK_EQ(segments(), 0);
    drain_free(d);
}

TEST(drain_migrates_and_refuses_what_it_does_not_know)
{
    static const struct store_shape first = {migrations, 1, NULL, 0, 200, 1 << 20};
    struct drain *d;
    char path[96];
    FILE *f;

    fresh();
    drain_free(begin_as(&first));
    drain_free(begin_as(&shape));
    CHECK_EQ(drain_new(&d, folder, dir, &first, &err), NIGH_UNSUPPORTED);
    CHECK_STR(err.what, "nigh.db is of version 2 and this nigh knows up to 1: update nigh");

    d = begin_as(&shape);
    sqlite3_exec(drain_db(d), "PRAGMA application_id = 7", NULL, NULL, NULL);
    drain_free(d);
    err = (struct nigh_err){0};
    CHECK_EQ(drain_new(&d, folder, dir, &shape, &err), NIGH_INVALID);
    CHECK_STR(err.what, "nigh.db is a database, but not nigh's");

    fresh();
    snprintf(path, sizeof path, "%s/nigh.db", folder);
    f = fopen(path, "we");
    for (int i = 0; i < 200; i++)
        fputs("this is not a database at all; ", f);
    fclose(f);
    CHECK_EQ(drain_new(&d, folder, dir, &shape, &err), NIGH_IO);
    CHECK(strstr(err.what, "nigh.db is damaged"));
}

/* Every column of a table that bills and rows go into has its parameter in the kind's statement. */
TEST(schema_statements_fill_every_column)
{
    static const struct {
        const char *kind, *table;
    } rows[] = {{"turn", "turns"},     {"ledger-open", "ledger_before"}, {"key", "keys"},
                {"ledger", "entries"}, {"consent", "consents"},          {"session", "sessions"}};
    struct drain *d;

    fresh();
    d = begin_as(&store_shape);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        sqlite3_stmt *columns;
        struct buf sql = {0};

        for (size_t k = 0; k < store_shape.n_kinds; k++)
            if (strncmp(store_shape.kinds[k].name, rows[i].kind, strlen(rows[i].kind)) == 0 ||
                (i == 1 && strcmp(store_shape.kinds[k].name, "ledger-close") == 0))
                buf_printf(&sql, "%s ", store_shape.kinds[k].sql);
        CHECK_EQ(sqlite3_prepare_v2(drain_db(d), "SELECT name FROM pragma_table_info(?)", -1,
                                    &columns, NULL),
                 SQLITE_OK);
        sqlite3_bind_text(columns, 1, rows[i].table, -1, SQLITE_STATIC);
        while (sqlite3_step(columns) == SQLITE_ROW) {
            char parameter[64];

            CHECK(sql.data);
            snprintf(parameter, sizeof parameter, ":%s", sqlite3_column_text(columns, 0));
            if (!strstr(sql.data, parameter))
                printf("# %s has no %s\n", rows[i].kind, parameter);
            CHECK(strstr(sql.data, parameter));
        }
        sqlite3_finalize(columns);
        buf_done(&sql);
    }
    drain_free(d);
}

/* A backup put back, or a power cut that took the last commits: the same records come again. */
TEST(schema_takes_a_record_twice_and_shows_it_once)
{
    static const char *const records[][2] = {
        {"turn",
         "{\"id\":\"01A\",\"started\":5,\"plan\":[{\"place\":\"here/x\"}],\"tokens_known\":true,"
         "\"status\":\"done\",\"cost_uusd\":12}"},
        {"ledger-open",
         "{\"id\":1,\"turn\":\"01A\",\"place\":\"o/x\",\"address\":\"https://o:443\","
         "\"zone\":\"public\",\"label\":\"public\",\"opened\":6,\"body_bytes\":70}"},
        {"ledger-close", "{\"id\":1,\"closed\":9,\"bytes_out\":80,\"bytes_in\":90,"
                         "\"http_status\":200,\"status\":\"done\"}"},
        {"key", "{\"digest\":\"ab\",\"name\":\"kids\",\"created\":7}"},
        {"key-revoke", "{\"digest\":\"ab\",\"revoked\":8}"},
        {"response-piece", "{\"response\":\"r1\",\"part\":\"input\",\"n\":0,\"text\":\"a\"}"},
        {"response",
         "{\"id\":\"r1\",\"created\":5,\"label\":\"home\",\"key_name\":\"\",\"bytes\":6}"},
        {"response-piece", "{\"response\":\"r2\",\"part\":\"input\",\"n\":0,\"text\":\"b\"}"},
        {"response",
         "{\"id\":\"r2\",\"created\":6,\"label\":\"home\",\"key_name\":\"\",\"bytes\":6}"},
        {"response",
         "{\"id\":\"r3\",\"created\":7,\"label\":\"home\",\"key_name\":\"k\",\"bytes\":6}"},
        {"response",
         "{\"id\":\"r4\",\"created\":8,\"label\":\"home\",\"key_name\":\"k\",\"bytes\":5}"},
        {"response-piece", "{\"response\":\"r4\",\"part\":\"response\",\"n\":1,\"text\":\"d\"}"},
        {"response",
         "{\"id\":\"r5\",\"created\":9,\"label\":\"home\",\"key_name\":\"k\",\"bytes\":5}"},
        {"response-piece", "{\"response\":\"r6\",\"part\":\"input\",\"n\":0,\"text\":\"lost\"}"},
        {"response-forget", "{\"id\":\"r4\",\"key_name\":\"\"}"}, /* another's: stays */
        {"response-forget", "{\"id\":\"r5\",\"key_name\":\"k\"}"},
        {"response-sweep", "{\"before\":6,\"bytes_max\":11}"}, /* r1 is too old, r2 too much */
        {"response-orphans", "{}"},
    };
    static const char *const tables[][2] = {
        {"SELECT id, started, plan, tokens_known, status, tokens_in, cost_uusd FROM turns",
         "[{\"id\":\"01A\",\"started\":5,\"plan\":[{\"place\":\"here/x\"}],\"tokens_known\":true,"
         "\"status\":\"done\",\"tokens_in\":null,\"cost_uusd\":12}]"},
        {"SELECT id, body_bytes, closed, bytes_out, bytes_in, status FROM ledger",
         "[{\"id\":1,\"body_bytes\":70,\"closed\":9,\"bytes_out\":80,\"bytes_in\":90,"
         "\"status\":\"done\"}]"},
        {"SELECT * FROM keys",
         "[{\"digest\":\"ab\",\"name\":\"kids\",\"created\":7,\"revoked\":8,\"scope\":null}]"},
        {"SELECT id, previous FROM responses",
         "[{\"id\":\"r3\",\"previous\":null},{\"id\":\"r4\",\"previous\":null}]"},
        {"SELECT response, text FROM response_pieces", "[{\"response\":\"r4\",\"text\":\"d\"}]"},
    };

    fresh();
    for (int time = 0; time < 2; time++) {
        struct drain *d = begin_as(&store_shape);
        struct spool *s;
        uint64_t segment;

        CHECK_EQ(drain_replay(d, &segment, &err), NIGH_OK);
        CHECK_EQ(spool_new(&s, dir, segment, 1 << 20, NULL), NIGH_OK);
        for (size_t i = 0; i < ARRAY_LEN(records); i++)
            CHECK_EQ(spool_append(s, slice_of(records[i][0]), slice_of(records[i][1]), NULL),
                     NIGH_OK);
        CHECK_EQ(drain_run(d, spool_end(s), &err), NIGH_OK);
        for (size_t i = 0; i < ARRAY_LEN(tables); i++) {
            struct buf rows = {0};

            CHECK_EQ(store_rows_json(drain_db(d), tables[i][0], NULL, 0, 9, &rows, &err), NIGH_OK);
            CHECK_STR(rows.data, tables[i][1]);
            buf_done(&rows);
        }
        spool_free(s);
        drain_free(d);
    }
    CHECK_STR(bad_file(), "");
}
