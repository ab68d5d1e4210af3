/* gate and ledger together, over a real store. */
#include "base/clock.h"
#include "base/fault.h"
#include "base/log.h"
#include "base/tap.h"
#include "label/gate.h"
#include "loop/loop.h"
#include <unistd.h>

static const struct zone_spec specs[] = {{"home", NULL, 0}};
static const struct dest cloud = {"openai/gpt-5-mini", "https://api.openai.com:443", ZONE_PUBLIC};
static const struct dest engine = {"here/qwen3-0.6b", "unix:/run/nigh/engine.sock", ZONE_DEVICE};
static const struct dest nas = {"nas/qwen3-8b", "https://nas:6444", 2};
static const struct slice body = {"{\"my bank pin\":1}", 17};

static struct arena arena;
static struct zones zones;
static char folder[64];
static struct loop *loop;
static struct store *store;
static struct ledger *ledger;
static struct gate *gate;
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
    arena_done(&arena);
}

static void start(void)
{
    err = (struct nigh_err){0};
    CHECK_EQ(loop_new(&loop, &err), NIGH_OK);
    CHECK_EQ(store_open(&store, loop, folder, &err), NIGH_OK);
    CHECK_EQ(ledger_new(&ledger, store, &zones, &err), NIGH_OK);
    CHECK_EQ(gate_new(&gate, ledger, &zones, &err), NIGH_OK);
}

static void stop(void)
{
    gate = gate_free(gate);
    ledger = ledger_free(ledger);
    store = store_close(store);
    loop = loop_free(loop);
}

static void fresh(void)
{
    rm();
    strcpy(folder, "/tmp/nigh-gate-XXXXXX");
    CHECK(mkdtemp(folder));
    if (!zones.n) {
        arena_init(&arena, 64 << 10);
        CHECK_EQ(zones_build(&zones, specs, ARRAY_LEN(specs), &arena, NULL), NIGH_OK);
    }
    start();
}

static void expect(const char *sql, const char *want)
{
    struct buf rows = {0};

    CHECK_EQ(store_load(store, sql, 100, &rows, &err), NIGH_OK);
    CHECK_STR(rows.data, want);
    buf_done(&rows);
}

/* The ledger's rows after a restart; SQL's words between SELECT and FROM. */
static void expect_rows(const char *columns, const char *want)
{
    char sql[256];

    stop();
    start();
    snprintf(sql, sizeof sql, "SELECT %s FROM ledger ORDER BY id", columns);
    expect(sql, want);
}

static struct clearance *clear(const struct dest *to)
{
    struct clearance *pass = NULL;

    CHECK_EQ(gate_clear(gate, &pass, "01ARZ3NDEKTSV4RRFFQ69G5FAV", zones.label[ZONE_PUBLIC], to,
                        body, &err),
             NIGH_OK);
    CHECK(pass);
    return pass;
}

TEST(gate_permits_by_label)
{
    static const struct {
        unsigned label; /* by zone; ZONE_MAX: anywhere */
        const struct dest *to;
        const char *why; /* NULL: permitted */
    } rows[] = {
        {ZONE_MAX, &cloud, NULL},
        {ZONE_PUBLIC, &cloud, NULL},
        {ZONE_PUBLIC, &engine, NULL},
        {2, &nas, NULL},
        {2, &engine, NULL},
        {ZONE_DEVICE, &engine, NULL},
        {2, &cloud, "label home does not permit openai/gpt-5-mini, which is in zone public"},
        {ZONE_DEVICE, &nas, "label device does not permit nas/qwen3-8b, which is in zone home"},
        {ZONE_DEVICE, &cloud,
         "label device does not permit openai/gpt-5-mini, which is in zone public"},
    };

    fresh();
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct label l = rows[i].label == ZONE_MAX ? LABEL_ANYWHERE : zones.label[rows[i].label];
        struct clearance *pass = NULL;

        err = (struct nigh_err){0};
        CHECK_EQ(gate_clear(gate, &pass, "t", l, rows[i].to, body, &err),
                 rows[i].why ? NIGH_DENIED : NIGH_OK);
        CHECK_STR(err.what, rows[i].why ? rows[i].why : "");
        CHECK_EQ(pass != NULL, rows[i].why == NULL);
        clearance_free(pass);
    }
    expect_rows("count(*) AS n", "[{\"n\":0}]"); /* what was cleared and not sent is no send */
    expect("SELECT kind, turn, place, address, zone, label, bytes_out, what FROM entries"
           " WHERE kind = 'denied' ORDER BY seq LIMIT 1",
           "[{\"kind\":\"denied\",\"turn\":\"t\",\"place\":\"openai/"
           "gpt-5-mini\",\"address\":\"https://"
           "api.openai.com:443\",\"zone\":\"public\",\"label\":\"home\",\"bytes_out\":0,\"what\":"
           "\"label "
           "home does not permit openai/gpt-5-mini, which is in zone public\"}]");
    expect("SELECT count(*) AS n FROM entries WHERE kind = 'denied'", "[{\"n\":3}]");
    stop();
}

TEST(gate_refuses_a_zone_that_is_not_in_the_table)
{
    struct dest odd = {"odd/x", "https://odd:443", 3};
    struct clearance *pass = NULL;

    fresh();
    CHECK_EQ(gate_clear(gate, &pass, "t", LABEL_ANYWHERE, &odd, body, &err), NIGH_DENIED);
    CHECK_STR(err.what, "odd/x is in no zone of the config");
    stop();
}

TEST(clearance_is_spent_once)
{
    struct clearance *pass;

    fresh();
    pass = clear(&cloud);
    CHECK_EQ(clearance_spend(pass, &cloud, body, &err), NIGH_OK);
    CHECK_EQ(clearance_spend(pass, &cloud, body, &err), NIGH_DENIED);
    CHECK_STR(err.what, "the clearance for openai/gpt-5-mini was spent before");
    clearance_settle(pass, &(struct ledger_sent){90, 40, 112, 61, 200, NULL});
    clearance_settle(pass, &(struct ledger_sent){1, 1, 1, 1, 500, "again"}); /* says nothing */
    CHECK_EQ(clearance_spend(pass, &cloud, body, NULL), NIGH_DENIED);
    clearance_free(pass);
    expect_rows("id, turn, place, address, zone, label, body_bytes, bytes_out, bytes_in,"
                " kernel_out, kernel_in, http_status, status",
                "[{\"id\":2,\"turn\":\"01ARZ3NDEKTSV4RRFFQ69G5FAV\",\"place\":\"openai/"
                "gpt-5-mini\",\"address\":\"https://api.openai.com:443\",\"zone\":\"public\","
                "\"label\":\"public\",\"body_bytes\":17,\"bytes_out\":90,\"bytes_in\":40,"
                "\"kernel_out\":112,\"kernel_in\":61,\"http_status\":200,\"status\":\"done\"}]");
    stop();
}

TEST(clearance_is_for_these_bytes_and_this_place)
{
    static const struct dest other = {"openai/gpt-5-mini", "https://api.0penai.com:443",
                                      ZONE_PUBLIC};
    static const struct dest elsewhere = {"other/gpt-5-mini", "https://api.openai.com:443",
                                          ZONE_PUBLIC};
    struct slice copy = {"{\"my bank pin\":2}", 17}, shorter = {body.p, 16};
    struct clearance *pass;

    fresh();
    pass = clear(&cloud);
    CHECK_EQ(clearance_spend(pass, &other, body, NULL), NIGH_DENIED);
    CHECK_EQ(clearance_spend(pass, &nas, body, NULL), NIGH_DENIED);
    CHECK_EQ(clearance_spend(pass, &elsewhere, body, &err), NIGH_DENIED);
    CHECK_STR(err.what, "a clearance for openai/gpt-5-mini was shown for other/gpt-5-mini");
    err = (struct nigh_err){0};
    CHECK_EQ(clearance_spend(pass, &cloud, copy, &err), NIGH_DENIED);
    CHECK_STR(err.what, "other bytes than those cleared for openai/gpt-5-mini");
    CHECK_EQ(clearance_spend(pass, &cloud, shorter, NULL), NIGH_DENIED);
    CHECK_EQ(clearance_spend(NULL, &cloud, body, NULL), NIGH_DENIED);
    CHECK_EQ(clearance_spend(pass, &cloud, body, NULL), NIGH_OK); /* and it was none of those */
    clearance_settle(pass, &(struct ledger_sent){17, 0, -1, -1, 0, "timed out"});
    clearance_free(pass);
    expect_rows("status, http_status", "[{\"status\":\"failed: timed out\",\"http_status\":null}]");
    stop();
}

TEST(clearance_ends_with_its_zones)
{
    struct clearance *pass;

    fresh();
    pass = clear(&cloud);
    gate_zones(gate, &zones);
    CHECK_EQ(clearance_spend(pass, &cloud, body, &err), NIGH_DENIED);
    CHECK_STR(err.what, "the zones changed since openai/gpt-5-mini was cleared");
    clearance_free(pass);
    stop();
}

TEST(clearance_for_the_device_needs_no_ledger)
{
    struct gate *bare;
    struct clearance *pass;

    fresh();
    pass = clear(&engine);
    CHECK_EQ(clearance_spend(pass, &engine, body, &err), NIGH_OK);
    clearance_free(pass);
    expect_rows("count(*) AS n", "[{\"n\":0}]");

    CHECK_EQ(gate_new(&bare, NULL, &zones, &err), NIGH_OK);
    CHECK_EQ(gate_clear(bare, &pass, "", LABEL_ANYWHERE, &engine, body, &err), NIGH_OK);
    CHECK_EQ(clearance_spend(pass, &engine, body, &err), NIGH_OK);
    clearance_free(pass);
    CHECK_EQ(gate_clear(bare, &pass, "", LABEL_ANYWHERE, &cloud, body, &err), NIGH_OK);
    CHECK_EQ(clearance_spend(pass, &cloud, body, &err), NIGH_DENIED);
    CHECK_STR(err.what, "no ledger to write openai/gpt-5-mini into");
    clearance_free(pass);
    gate_free(bare);
    stop();
}

/* gate 3: the row is there before the first byte may go, and counts the body until somebody knows
 * better. */
TEST(clearance_opens_its_row_before_the_bytes_go)
{
    struct clearance *sent, *dropped;

    fresh();
    sent = clear(&cloud);
    CHECK_EQ(clearance_spend(sent, &cloud, body, &err), NIGH_OK);
    expect_rows("status, bytes_out, closed", /* as after a kill -9 in mid-send */
                "[{\"status\":\"open\",\"bytes_out\":17,\"closed\":null}]");
    dropped = clear(&cloud);
    CHECK_EQ(clearance_spend(dropped, &cloud, body, &err), NIGH_OK);
    clearance_free(dropped);
    expect_rows("id, status, bytes_out", "[{\"id\":2,\"status\":\"open\",\"bytes_out\":17},{\"id\":"
                                         "3,\"status\":\"failed: abandoned\",\"bytes_out\":17}]");
    free(sent); /* its gate is gone with the first start: not clearance_free */
    stop();
}

/* gate 3: fail the nth write; a send that has no entry does not happen, and a later try may.  The
 * second write is the head's file, which an entry does not wait for. */
TEST(clearance_without_a_row_is_not_spent)
{
    bool hit = true;
    int rows = 0;
    char want[64];

    fresh();
    log_set_level(LOG_ERROR + 1);
    for (int nth = 1; hit; nth++) {
        struct clearance *pass = clear(&cloud);
        enum nigh_status status;

        fault_arm(FAULT_WRITE, nth);
        status = clearance_spend(pass, &cloud, body, NULL);
        hit = fault_disarm();
        CHECK_EQ(status, nth == 1 ? NIGH_IO : NIGH_OK);
        if (status != NIGH_OK)
            CHECK_EQ(clearance_spend(pass, &cloud, body, NULL), NIGH_OK);
        rows++;
        clearance_free(pass);
    }
    log_set_level(LOG_INFO);
    CHECK_EQ(rows, 3);
    snprintf(want, sizeof want, "[{\"n\":%d,\"first\":2}]", rows);
    expect_rows("count(*) AS n, min(id) AS first", want);
    stop();
}
