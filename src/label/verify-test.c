/* What a reader of the ledger can prove: every way to spoil it, through the database and through
 * lines, and the first bad record by name. */
#include "base/fault.h"
#include "base/log.h"
#include "base/tap.h"
#include "label/entries.h"
#include "label/head.h"
#include "label/ledger.h"
#include "label/verify.h"
#include "loop/loop.h"
#include "store/look.h"
#include <inttypes.h>
#include <time.h>
#include <unistd.h>

/* 1 origin; 2 to 7 three sends, opened and closed; 8 a refusal; 9 a consent; 10, 11 a send. */
enum { RECORDS = 11 };
static const struct ledger_entry far = {"t", "p/m", "https://p:443", ZONE_PUBLIC, {UINT64_MAX},
                                        17,  0};

static struct arena arena;
static struct zones zones;
static char folder[64];
static struct loop *loop;
static struct store *store;
static struct ledger *ledger;

static void shell(const char *fmt)
{
    char command[256];

    snprintf(command, sizeof command, fmt, folder);
    if (folder[0] && system(command) != 0)
        perror(command);
}

__attribute__((destructor)) static void sweep(void)
{
    shell("rm -rf '%s'");
    arena_done(&arena);
}

static void start(void)
{
    struct nigh_err err = {0};

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
    shell("rm -rf '%s'");
    strcpy(folder, "/tmp/nigh-verify-XXXXXX");
    CHECK(mkdtemp(folder));
    if (!zones.n) {
        arena_init(&arena, 64 << 10);
        CHECK_EQ(zones_build(&zones, NULL, 0, &arena, NULL), NIGH_OK);
    }
    start();
}

static void send_one(int64_t kernel_out)
{
    uint64_t id;

    CHECK_EQ(ledger_open(ledger, &far, &id, NULL), NIGH_OK);
    ledger_close(ledger, id, &(struct ledger_sent){17, 6, kernel_out, 6, 200, NULL});
}

static void fill(void)
{
    struct ledger_note consent = {LEDGER_CONSENT, NULL, "p/m", "public", "rule 1", 99};

    send_one(17);
    send_one(40);
    send_one(-1);
    ledger_denied(ledger, &far, "label device does not permit \"p/m\"");
    CHECK_EQ(ledger_note(ledger, &consent, NULL), NIGH_OK);
    send_one(17);
}

/* What the folder's files say, while no node runs. */
static struct verdict verdict(const struct chain *anchor)
{
    CLEANUP(look_freep) struct look *look = NULL;
    struct nigh_err err = {0};
    struct verify v;
    struct chain head;
    uint64_t damaged;

    if (look_new(&look, folder, &err) != NIGH_OK)
        printf("# %s\n", err.what);
    CHECK(look);
    verify_init(&v);
    if (head_read(&head, look_dir(look), NULL) == NIGH_OK)
        verify_anchor(&v, &head, "ledger.head");
    if (anchor)
        verify_anchor(&v, anchor, "the anchor");
    CHECK_EQ(entries_read(look_db(look), 0, UINT64_MAX, verify_line, &v, &err), NIGH_OK);
    if (!v.broken)
        CHECK_EQ(look_spool(look, "ledger", verify_line, &v, &damaged, &err), NIGH_OK);
    verify_end(&v);
    verify_done(&v);
    return v.verdict;
}

static void tamper(const char *sql)
{
    sqlite3 *db;
    char path[96], *why = NULL;

    snprintf(path, sizeof path, "%s/nigh.db", folder);
    CHECK_EQ(sqlite3_open(path, &db), SQLITE_OK);
    if (sqlite3_exec(db, sql, NULL, NULL, &why) != SQLITE_OK)
        TAP_FAIL("%s: %s", sql, why);
    sqlite3_close(db);
}

TEST(verify_finds_nothing_in_a_ledger_that_is_whole)
{
    fresh();
    fill();
    struct chain head = ledger_head(ledger);
    stop();
    struct verdict v = verdict(&head);
    CHECK_STR(v.why, "");
    CHECK(v.sound && chain_same(&v.head, &head));
    CHECK_EQ(v.records, RECORDS);
    CHECK_EQ(v.sends, 4);
    CHECK_EQ(v.denied, 1);
    CHECK_EQ(v.open, 0);
    CHECK_EQ(v.uncounted, 1);
    CHECK_EQ(v.short_rows, 0);
}

TEST(verify_names_the_first_bad_record_of_the_database)
{
    static const struct {
        const char *sql;
        uint64_t bad;
        const char *why; /* its beginning */
    } rows[] = {
        {"UPDATE entries SET bytes_out = 16 WHERE seq = 5", 5, "record 5 does not fit its hash"},
        {"UPDATE entries SET place = 'q/m' WHERE seq = 4", 4, "record 4 does not fit its hash"},
        {"UPDATE entries SET turn = NULL WHERE seq = 4", 4, "record 4 does not fit its hash"},
        {"UPDATE entries SET what = '' WHERE seq = 2", 2, "record 2 does not fit its hash"},
        {"UPDATE entries SET at = at + 1 WHERE seq = 9", 9, "record 9 does not fit its hash"},
        {"UPDATE entries SET at = 'soon' WHERE seq = 9", 9, "record 9 does not fit its hash"},
        {"UPDATE entries SET label = x'00' WHERE seq = 8", 8, "record 8 does not fit its hash"},
        {"UPDATE entries SET hash = upper(hash) WHERE seq = 3", 3, "record 3 does not fit its"},
        {"UPDATE entries SET hash = hash || '0' WHERE seq = 3", 3, "record 3 is no entry"},
        {"UPDATE entries SET hash = (SELECT hash FROM entries WHERE seq = 4) WHERE seq = 6", 6,
         "record 6 does not fit its hash"},
        {"DELETE FROM entries WHERE seq = 6", 6, "record 6 is missing: 7 stands in its place"},
        {"DELETE FROM entries WHERE seq = 1", 1, "record 1 is missing: 2 stands in its place"},
        {"DELETE FROM entries WHERE seq < 6", 1, "record 1 is missing: 6 stands in its place"},
        {"UPDATE entries SET seq = 100 WHERE seq = 4; UPDATE entries SET seq = 4 WHERE seq = 6;"
         " UPDATE entries SET seq = 6 WHERE seq = 100",
         4, "record 4 does not fit its hash"},
        {"DELETE FROM entries WHERE seq > 8", 9,
         "record 9 is missing, and all up to 11, which ledger.head knows"},
        {"DELETE FROM entries WHERE seq = 11", 11,
         "record 11 is missing, and all up to 11, which ledger.head knows"},
        {"DELETE FROM entries", 1, "record 1 is missing, and all up to 11"},
        {"INSERT INTO entries(seq, kind, at, hash) VALUES(12, 'note', 0, hex(zeroblob(32)))", 12,
         "record 12 does not fit its hash"},
        {"INSERT INTO entries(seq, kind, at, hash) VALUES(0, 'note', 0, 'x')", 1,
         "record 1 is no entry"},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        fresh();
        fill();
        stop();
        tamper(rows[i].sql);
        struct verdict v = verdict(NULL);
        printf("# %s\n", v.why);
        CHECK(!v.sound);
        CHECK_EQ(v.bad, rows[i].bad);
        CHECK_EQ(strncmp(v.why, rows[i].why, strlen(rows[i].why)), 0);
    }
}

/* Whoever can write the folder can write a chain that holds, and its head: only a head that was
 * kept elsewhere tells. */
TEST(verify_with_an_anchor_tells_a_chain_that_was_made_anew)
{
    fresh();
    fill();
    struct chain anchor = ledger_head(ledger);
    stop();
    fresh();
    fill();
    fill();
    stop();
    CHECK(verdict(NULL).sound);
    struct verdict v = verdict(&anchor);
    CHECK_EQ(v.bad, RECORDS);
    CHECK_STR(v.why, "record 11 is not the one that the anchor knows: the chain is another");
    shell("rm -rf '%s/ledger.head'");
    tamper("DELETE FROM entries WHERE seq > 9");
    CHECK(verdict(NULL).sound);
    v = verdict(&anchor);
    CHECK_EQ(v.bad, 10);
}

TEST(verify_tells_where_the_kernel_counted_less)
{
    fresh();
    send_one(17);
    send_one(16);
    stop();
    struct verdict v = verdict(NULL);
    CHECK_EQ(v.bad, 5);
    CHECK_EQ(v.short_rows, 1);
    CHECK_STR(v.why, "record 5 says 17 bytes out and 6 in, and the kernel counted 16 and 6");
    CHECK_EQ(v.records, 5);
}

TEST(verify_remembers_a_gap)
{
    fresh();
    fill();
    stop();
    tamper("DELETE FROM entries WHERE seq > 9");
    log_set_level(LOG_ERROR + 1);
    start(); /* the node goes on, and says so */
    log_set_level(LOG_INFO);
    send_one(17);
    stop();
    struct verdict v = verdict(NULL);
    CHECK_EQ(v.bad, 10);
    CHECK_EQ(v.gaps, 1);
    CHECK_EQ(v.records, 12);
    CHECK_EQ(strncmp(v.why, "record 10 tells of a gap before it: records 10 to 11 are lost", 61),
             0);
}

/* What a dead node left in the spool is a part of it. */
TEST(verify_reads_what_waits_in_the_spool)
{
    static const struct {
        const char *spoil; /* of the spool; a shell's command */
        uint64_t bad;      /* 0: none */
    } rows[] = {
        {"true '%s'", 0},
        {"f=$(ls '%s'/spool.*|tail -1); printf '0123 ledger {\"seq\":12,' >>\"$f\"", 0}, /* torn */
        {"f=$(ls '%s'/spool.*|tail -1); sed -i '$d' \"$f\"", 11},
        {"f=$(ls '%s'/spool.*|tail -1); sed -i 's/\"bytes_out\":17/\"bytes_out\":71/' \"$f\"", 3},
        {"f=$(ls '%s'/spool.*|tail -1); sed -i 5d \"$f\"", 4},
        {"rm '%s'/spool.*", 1},
    };
    char copy[96];

    log_set_level(LOG_ERROR + 1);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        fresh();
        fill();
        /* As after a kill -9: the files as they are now. */
        snprintf(copy, sizeof copy, "%s", folder);
        shell("rm -rf '%1$s.dead'; cp -r '%1$s' '%1$s.dead'");
        stop();
        shell("rm -rf '%1$s'; mv '%1$s.dead' '%1$s'");
        shell(rows[i].spoil);
        struct verdict v = verdict(NULL);
        printf("# %s\n", v.why);
        CHECK_EQ(v.sound, rows[i].bad == 0);
        CHECK_EQ(v.bad, rows[i].bad);
    }
    log_set_level(LOG_INFO);
}

TEST(verify_says_when_it_cannot_read)
{
    struct nigh_err err = {0};
    struct verify v;

    fresh();
    fill();
    stop();
    CLEANUP(look_freep) struct look *look = NULL;
    CHECK_EQ(look_new(&look, folder, &err), NIGH_OK);
    bool hit = true;
    for (int nth = 1; hit; nth++) {
        verify_init(&v);
        fault_arm(FAULT_SQL, nth);
        enum nigh_status status = entries_read(look_db(look), 0, UINT64_MAX, verify_line, &v, NULL);
        hit = fault_disarm();
        CHECK_EQ(status, hit ? NIGH_IO : NIGH_OK);
        verify_done(&v);
    }
    shell("rm -rf '%s'");
    struct look *none;
    CHECK_EQ(look_new(&none, folder, NULL), NIGH_NOTFOUND);
}

TEST(verify_is_quick)
{
    enum { SENDS = 50000 };
    clock_t began;

    fresh();
    for (int i = 0; i < SENDS; i++)
        send_one(17);
    stop();
    began = clock();
    struct verdict v = verdict(NULL);
    printf("# %" PRIu64 " records: %.2f us of the processor each\n", v.records,
           (double)(clock() - began) * 1e6 / CLOCKS_PER_SEC / (double)v.records);
    CHECK(v.sound);
}
