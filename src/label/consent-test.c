#include "label/consent.h"

#include "base/clock.h"
#include "base/fault.h"
#include "base/log.h"
#include "base/tap.h"
#include "loop/loop.h"
#include <unistd.h>

static char folder[64];
static struct loop *loop;
static struct store *store;
static struct ledger *ledger;
static struct consents *consents;
static struct arena arena;
static struct zones zones;
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
    CHECK_EQ(consents_new(&consents, store, ledger, &err), NIGH_OK);
}

static void stop(void)
{
    consents = consents_free(consents);
    ledger = ledger_free(ledger);
    store = store_close(store);
    loop = loop_free(loop);
}

static void fresh(void)
{
    rm();
    strcpy(folder, "/tmp/nigh-consent-XXXXXX");
    CHECK(mkdtemp(folder));
    arena_done(&arena);
    arena_init(&arena, 1 << 20);
    CHECK_EQ(zones_build(&zones, NULL, 0, &arena, NULL), NIGH_OK);
    start();
}

static struct imprint mark(unsigned char n)
{
    struct imprint ret = {{n}};

    return ret;
}

static const struct consent *give(unsigned char n, uint64_t for_ms)
{
    const struct consent *ret = NULL;
    struct consent_wish wish = {CONSENT_VALUE, mark(n), "a value", "public", for_ms};

    err = (struct nigh_err){0};
    return consent_give(consents, &wish, &ret, &err) == NIGH_OK ? ret : NULL;
}

static const struct consent *find(unsigned char n)
{
    struct imprint imprint = mark(n);

    return consent_find(consents, CONSENT_VALUE, &imprint);
}

/* "[{"kind":..." of the ledger's notes, and the rows of consents. */
static void rows(const char *sql, struct buf *out)
{
    buf_reset(out);
    CHECK_EQ(store_load(store, sql, 100, out, &err), NIGH_OK);
}

TEST(consent_holds_until_its_end)
{
    struct imprint one = mark(1);

    fresh();
    clock_drive(1000000, 1800000000000000);
    CHECK(!consents_any(consents, CONSENT_VALUE));
    CHECK(give(1, 60000));
    CHECK(consents_any(consents, CONSENT_VALUE) && !consents_any(consents, CONSENT_RULE));
    CHECK(find(1) && !find(2));
    CHECK(!consent_find(consents, CONSENT_RULE, &one));
    clock_advance_us(59999999);
    CHECK(find(1));
    clock_advance_us(1);
    CHECK(!find(1));
    CHECK_EQ(consents_count(consents), 0);
    clock_real();
    stop();
}

TEST(consent_has_bounds)
{
    struct consent_wish nowhere = {CONSENT_VALUE, mark(1), "a value", NULL, 1000};
    const struct consent *ret;

    fresh();
    CHECK(!give(1, 0) && err.status == NIGH_INVALID);
    CHECK(!give(1, CONSENT_MS_MAX + 1) && err.status == NIGH_INVALID);
    CHECK(give(1, CONSENT_MS_MAX));
    err = (struct nigh_err){0};
    CHECK_EQ(consent_give(consents, &nowhere, &ret, &err), NIGH_INVALID);
    for (size_t i = 1; i < CONSENTS_MAX; i++)
        CHECK(give(2, CONSENT_MS_DEFAULT));
    CHECK(!give(3, 1000) && err.status == NIGH_TOOBIG);
    CHECK(!find(3));
    stop();
}

TEST(consent_outlasts_a_restart_with_its_uses)
{
    char id[ID_BYTES];

    fresh();
    memcpy(id, give(7, CONSENT_MS_DEFAULT)->id, sizeof id);
    consent_used(consents, find(7));
    consent_used(consents, find(7));
    CHECK(give(8, CONSENT_MS_DEFAULT));
    CHECK_EQ(consent_revoke(consents, slice_of(id), &err), NIGH_OK);
    CHECK(!find(7));
    CHECK(give(7, CONSENT_MS_DEFAULT));
    consent_used(consents, find(7));
    stop();
    start();
    CHECK(find(7) && find(8));
    CHECK_EQ(find(7)->uses, 1);
    CHECK_EQ(find(8)->uses, 0);
    CHECK_EQ(consents_count(consents), 2);
    CHECK_STR(consents_at(consents, 0)->zone, "public");
    err = (struct nigh_err){0};
    CHECK_EQ(consent_revoke(consents, slice_of(id), &err), NIGH_NOTFOUND);
    stop();
}

TEST(consent_is_in_the_ledger_and_never_its_value)
{
    CLEANUP(buf_done) struct buf seen = {0};
    char id[ID_BYTES];

    fresh();
    memcpy(id, give(9, CONSENT_MS_DEFAULT)->id, sizeof id);
    CHECK_EQ(consent_revoke(consents, slice_of(id), &err), NIGH_OK);
    stop();
    start();
    rows("SELECT kind, what, label FROM entries ORDER BY seq", &seen);
    CHECK(strstr(seen.data, "\"consent\"") && strstr(seen.data, "\"consent-ended\""));
    CHECK(strstr(seen.data, id) && strstr(seen.data, "a value") && strstr(seen.data, "public"));
    stop();
}

/* Each write of the giving fails in its turn: then nothing holds, before and after a restart. */
TEST(consent_that_is_not_kept_does_not_hold)
{
    bool hit = true;

    log_set_fd(-1);
    for (int nth = 1; hit; nth++) {
        fresh();
        fault_arm(FAULT_WRITE, nth);
        bool given = give(1, CONSENT_MS_DEFAULT) != NULL;
        hit = fault_disarm();
        CHECK_EQ(given, find(1) != NULL);
        stop();
        start();
        CHECK_EQ(find(1) != NULL, given);
        stop();
    }
}
