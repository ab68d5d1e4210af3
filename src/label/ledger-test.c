/* The ledger's own entries and starts; sends through the gate are gate-test.c's, what a reader can
 * prove of them verify-test.c's. */
#include "base/clock.h"
#include "base/fault.h"
#include "base/log.h"
#include "base/tap.h"
#include "label/ledger.h"
#include "loop/loop.h"
#include "store/schema.h"
#include <inttypes.h>
#include <time.h>
#include <unistd.h>

static const struct ledger_entry far = {"", "p/m", "https://p:443", ZONE_PUBLIC, {UINT64_MAX},
                                        5,  0};

static struct arena arena;
static struct zones zones;
static char folder[64];
static struct loop *loop;
static struct store *store;
static struct ledger *ledger;
static struct nigh_err err;

static void shell(const char *fmt, const char *arg)
{
    char command[256];

    snprintf(command, sizeof command, fmt, folder, arg);
    if (folder[0] && system(command) != 0)
        perror(command);
}

__attribute__((destructor)) static void sweep(void)
{
    shell("rm -rf '%s'%s", "");
    arena_done(&arena);
}

static void start(void)
{
    err = (struct nigh_err){0};
    CHECK_EQ(loop_new(&loop, &err), NIGH_OK);
    CHECK_EQ(store_open(&store, loop, folder, &err), NIGH_OK);
    CHECK_EQ(ledger_new(&ledger, store, &zones, &err), NIGH_OK);
}

static void stop(void)
{
    ledger = ledger_free(ledger);
    store = store_close(store);
    loop = loop_free(loop);
}

static void fresh(void)
{
    shell("rm -rf '%s'%s", "");
    strcpy(folder, "/tmp/nigh-ledger-XXXXXX");
    CHECK(mkdtemp(folder));
    if (!zones.n) {
        arena_init(&arena, 64 << 10);
        CHECK_EQ(zones_build(&zones, NULL, 0, &arena, NULL), NIGH_OK);
    }
    start();
}

/* After a restart, so that everything is in the database. */
static void expect(const char *sql, const char *want)
{
    struct buf rows = {0};

    stop();
    start();
    CHECK_EQ(store_load(store, sql, 100, &rows, &err), NIGH_OK);
    CHECK_STR(rows.data, want);
    buf_done(&rows);
}

static void send_one(void)
{
    uint64_t id;

    CHECK_EQ(ledger_open(ledger, &far, &id, &err), NIGH_OK);
    ledger_close(ledger, id, &(struct ledger_sent){5, 6, 5, 6, 200, NULL});
}

/* In the database, while no node runs. */
static void tamper(const char *sql)
{
    sqlite3 *db;
    char path[96];

    stop();
    snprintf(path, sizeof path, "%s/nigh.db", folder);
    CHECK_EQ(sqlite3_open(path, &db), SQLITE_OK);
    CHECK_EQ(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
    log_set_level(LOG_ERROR + 1); /* what a start says of it is looked at in its entry */
    start();
    log_set_level(LOG_INFO);
}

TEST(ledger_numbers_go_on_after_a_restart)
{
    uint64_t id = 0;

    fresh();
    clock_drive(1000, 5000);
    for (uint64_t i = 1; i <= 3; i++) {
        CHECK_EQ(ledger_open(ledger, &far, &id, &err), NIGH_OK);
        CHECK_EQ(id, 2 * i); /* 1 is the origin */
        clock_advance_us(10);
        ledger_close(ledger, id, &(struct ledger_sent){5, 6, -1, -1, 200, NULL});
        stop();
        start();
    }
    clock_real();
    expect("SELECT id, turn, opened, closed FROM ledger ORDER BY id",
           "[{\"id\":2,\"turn\":\"\",\"opened\":5000,\"closed\":5010},"
           "{\"id\":4,\"turn\":\"\",\"opened\":5010,\"closed\":5020},"
           "{\"id\":6,\"turn\":\"\",\"opened\":5020,\"closed\":5030}]");
    expect("SELECT count(*) AS n FROM entries WHERE kind = 'gap'", "[{\"n\":0}]");
    stop();
}

TEST(ledger_keeps_notes_as_they_were_told)
{
    struct ledger_note consent = {LEDGER_CONSENT, NULL, "cloud/big", "home", "rule 3", 99};
    struct ledger_note bare = {.kind = LEDGER_NOTE, .what = "a\"b\n\xff"};

    fresh();
    CHECK_EQ(ledger_note(ledger, &consent, &err), NIGH_OK);
    CHECK_EQ(ledger_note(ledger, &bare, &err), NIGH_OK);
    expect(
        "SELECT seq, kind, turn, place, label, what, until FROM entries WHERE seq > 1",
        "[{\"seq\":2,\"kind\":\"consent\",\"turn\":null,\"place\":\"cloud/big\",\"label\":\"home\","
        "\"what\":\"rule "
        "3\",\"until\":99},{\"seq\":3,\"kind\":\"note\",\"turn\":null,\"place\":null,"
        "\"label\":null,\"what\":\"(not UTF-8)\",\"until\":null}]");
    stop();
}

/* The ledger of a nigh from before there was a chain. */
static const struct store_kind old_kinds[] = {
    {"ledger-open",
     "INSERT INTO ledger(id, turn, place, address, zone, label, opened, body_bytes, bytes_out,"
     " status) VALUES(:id, :turn, :place, :address, :zone, :label, :opened, :body_bytes,"
     " :body_bytes, 'open') ON CONFLICT(id) DO NOTHING"},
    {"ledger-close", "UPDATE ledger SET closed = :closed, bytes_out = :bytes_out,"
                     " bytes_in = :bytes_in, status = :status WHERE id = :id AND closed IS NULL"},
};

static void old_send(struct store *old, int id, bool closed)
{
    char json[256];

    snprintf(json, sizeof json,
             "{\"id\":%d,\"turn\":\"\",\"place\":\"old/m\",\"address\":\"https://old\",\"zone\":"
             "\"public\",\"label\":\"public\",\"opened\":1,\"body_bytes\":17}",
             id);
    CHECK_EQ(store_append(old, "ledger-open", slice_of(json), &err), NIGH_OK);
    snprintf(json, sizeof json,
             "{\"id\":%d,\"closed\":2,\"bytes_out\":90,\"bytes_in\":6,\"status\":\"done\"}", id);
    if (closed)
        CHECK_EQ(store_append(old, "ledger-close", slice_of(json), &err), NIGH_OK);
}

/* Its rows stay, those that died in its spool too, and their numbers are not given again. */
TEST(ledger_goes_on_from_rows_without_a_chain)
{
    struct store_shape shape = store_shape;
    struct store *old;

    shape.n_migrations = 2;
    shape.kinds = old_kinds;
    shape.n_kinds = ARRAY_LEN(old_kinds);
    fresh();
    stop();
    shell("rm -rf '%s'%s", "");
    CHECK_EQ(loop_new(&loop, NULL), NIGH_OK);
    CHECK_EQ(store_open_shape(&old, loop, folder, &shape, &err), NIGH_OK);
    old_send(old, 6, true);
    old = store_close(old);
    CHECK_EQ(store_open_shape(&old, loop, folder, &shape, &err), NIGH_OK);
    old_send(old, 7, true);
    old_send(old, 8, false);
    shell("cp -r '%s' '%s.dead'", folder); /* as it lies there after a kill -9 */
    store_close(old);
    loop_free(loop);
    shell("rm -rf '%1$s'; mv '%2$s.dead' '%1$s'", folder);
    start();
    send_one();
    expect("SELECT id, place, bytes_out, status FROM ledger ORDER BY id",
           "[{\"id\":6,\"place\":\"old/m\",\"bytes_out\":90,\"status\":\"done\"},"
           "{\"id\":7,\"place\":\"old/m\",\"bytes_out\":90,\"status\":\"done\"},"
           "{\"id\":8,\"place\":\"old/m\",\"bytes_out\":17,\"status\":\"open\"},"
           "{\"id\":10,\"place\":\"p/m\",\"bytes_out\":5,\"status\":\"done\"}]");
    expect("SELECT min(seq) AS first, count(*) AS n FROM entries", "[{\"first\":9,\"n\":3}]");
    stop();
}

/* What a start finds: each leaves an entry that says so, once. */
TEST(ledger_says_that_its_chain_is_not_what_it_was)
{
    static const struct {
        const char *name, *sql, *what;
    } rows[] = {
        {"the tail is gone", "DELETE FROM entries WHERE seq > 3",
         "records 4 to 5 are lost; the head was 5:%"},
        {"all is gone", "DELETE FROM entries", "records 1 to 5 are lost; the head was 5:%"},
        {"the last is another", "UPDATE entries SET hash = hex(zeroblob(32)) WHERE seq = 5",
         "record 5 is another; the head was 5:%"},
        {"more is there than the head knows",
         "INSERT INTO entries(seq, kind, at, hash)"
         " VALUES(6, 'note', 0, hex(zeroblob(32)))",
         NULL}, /* verify finds it */
    };
    char sql[256], want[64];

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        printf("# %s\n", rows[i].name);
        fresh();
        send_one();
        send_one();
        tamper(rows[i].sql);
        snprintf(sql, sizeof sql,
                 "SELECT count(*) AS n FROM entries WHERE kind = 'gap' AND what LIKE '%s'",
                 rows[i].what ? rows[i].what : "%");
        snprintf(want, sizeof want, "[{\"n\":%d}]", rows[i].what != NULL);
        expect(sql, want);
        expect("SELECT count(*) > 1 AS twice FROM entries WHERE kind = 'gap'", "[{\"twice\":0}]");
        stop();
    }
}

TEST(ledger_says_that_its_head_was_gone)
{
    static const char *const spoil[] = {"rm '%s/ledger.head'%s", "printf x >'%s/ledger.head'%s"};

    for (size_t i = 0; i < ARRAY_LEN(spoil); i++) {
        fresh();
        send_one();
        stop();
        shell(spoil[i], "");
        log_set_level(LOG_ERROR + 1);
        start();
        log_set_level(LOG_INFO);
        expect("SELECT count(*) AS n FROM entries WHERE kind = 'gap'", "[{\"n\":1}]");
        stop();
    }
}

/* Fail the nth operation of a start: it says so or goes well, and no entry is lost or made twice.
 */
TEST(ledger_starts_or_says_why_not)
{
    static const enum fault kinds[] = {FAULT_WRITE, FAULT_READ, FAULT_OPEN, FAULT_SQL};

    fresh();
    send_one();
    stop();
    log_set_level(LOG_ERROR + 1);
    for (size_t k = 0; k < ARRAY_LEN(kinds); k++) {
        bool hit = true;
        for (int nth = 1; hit; nth++) {
            CHECK_EQ(loop_new(&loop, NULL), NIGH_OK);
            CHECK_EQ(store_open(&store, loop, folder, NULL), NIGH_OK);
            fault_arm(kinds[k], nth);
            err = (struct nigh_err){0};
            enum nigh_status status = ledger_new(&ledger, store, &zones, &err);
            hit = fault_disarm();
            CHECK_EQ(status == NIGH_OK, !hit);
            CHECK_EQ(err.status, status);
            ledger = ledger_free(ledger);
            store = store_close(store);
            loop = loop_free(loop);
        }
    }
    log_set_level(LOG_INFO);
    start();
    expect("SELECT count(*) AS n, max(seq) AS last FROM entries", "[{\"n\":3,\"last\":3}]");
    stop();
}

/* What cannot be written moves no number: the next entry follows on the last that was. */
TEST(ledger_chain_has_no_hole_where_the_disk_was_full)
{
    struct ledger_note note = {.kind = LEDGER_NOTE, .what = "x"};
    struct chain before;

    fresh();
    before = ledger_head(ledger);
    log_set_level(LOG_ERROR + 1);
    fault_arm(FAULT_WRITE, 1);
    CHECK_EQ(ledger_note(ledger, &note, NULL), NIGH_IO);
    fault_disarm();
    struct chain after = ledger_head(ledger);
    CHECK(chain_same(&before, &after));
    fault_arm(FAULT_WRITE, 1);
    ledger_denied(ledger, &far, "x"); /* lost, and says so in the log */
    fault_disarm();
    log_set_level(LOG_INFO);
    CHECK_EQ(ledger_note(ledger, &note, &err), NIGH_OK);
    expect("SELECT count(*) AS n, max(seq) AS last FROM entries", "[{\"n\":2,\"last\":2}]");
    stop();
}

TEST(ledger_append_costs_microseconds)
{
    enum { SENDS = 20000 };
    clock_t began;

    fresh();
    began = clock();
    for (int i = 0; i < SENDS; i++)
        send_one();
    printf("# %.2f us of the processor an entry, the mean of %d\n",
           (double)(clock() - began) * 1e6 / CLOCKS_PER_SEC / (2.0 * SENDS), 2 * SENDS);
    CHECK_EQ(ledger_head(ledger).seq, 2 * SENDS + 1);
    stop();
}
