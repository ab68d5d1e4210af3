/* A folder as a dead node left it, read from outside. */
#include "base/log.h"
#include "base/tap.h"
#include "loop/loop.h"
#include "store/look.h"
#include "store/schema.h"
#include "store/store.h"
#include <unistd.h>

static char folder[64], dead[72];
static struct loop *loop;
static struct store *store;

static void shell(const char *fmt)
{
    char command[512];

    /* cppcheck-suppress wrongPrintfScanfArgNum ; not every command needs the second */
    snprintf(command, sizeof command, fmt, dead, folder);
    if (folder[0] && system(command) != 0)
        perror(command);
}

__attribute__((destructor)) static void sweep(void)
{
    shell("rm -rf '%1$s' '%2$s'");
}

static void append(int n)
{
    char json[128];

    snprintf(json, sizeof json, "{\"digest\":\"d%d\",\"name\":\"n%d\",\"created\":%d}", n, n, n);
    CHECK_EQ(store_append(store, "key", slice_of(json), NULL), NIGH_OK);
}

/* Two records in the database, three in the spool, of which one of another kind. */
static void die(void)
{
    shell("rm -rf '%1$s' '%2$s'");
    strcpy(folder, "/tmp/nigh-look-XXXXXX");
    CHECK(mkdtemp(folder));
    snprintf(dead, sizeof dead, "%s.dead", folder);
    CHECK_EQ(loop_new(&loop, NULL), NIGH_OK);
    CHECK_EQ(store_open(&store, loop, folder, NULL), NIGH_OK);
    append(1);
    append(2);
    store = store_close(store);
    CHECK_EQ(store_open(&store, loop, folder, NULL), NIGH_OK);
    append(3);
    CHECK_EQ(store_append(store, "response-orphans", SLICE("{}"), NULL), NIGH_OK);
    append(4);
    shell("cp -r '%2$s' '%1$s'");
    store = store_close(store);
    loop = loop_free(loop);
}

static bool note(void *owner, struct slice json)
{
    buf_add_str(owner, json);
    return true;
}

static bool note_one(void *owner, struct slice json)
{
    buf_add_str(owner, json);
    return false;
}

static int count(struct look *look)
{
    sqlite3_stmt *stmt;
    int n;

    CHECK_EQ(sqlite3_prepare_v2(look_db(look), "SELECT count(*) FROM keys", -1, &stmt, NULL),
             SQLITE_OK);
    CHECK_EQ(sqlite3_step(stmt), SQLITE_ROW);
    n = sqlite3_column_int(stmt, 0);
    sqlite3_finalize(stmt);
    return n;
}

static void expect_spool(bool (*fn)(void *owner, struct slice json), uint64_t damaged,
                         const char *want)
{
    CLEANUP(look_freep) struct look *look = NULL;
    CLEANUP(buf_done) struct buf got = {0};
    struct nigh_err err = {0};
    uint64_t n;

    CHECK_EQ(look_new(&look, dead, &err), NIGH_OK);
    CHECK_EQ(count(look), 2);
    CHECK_EQ(look_spool(look, "key", fn, &got, &n, &err), NIGH_OK);
    CHECK_STR(got.data, want);
    CHECK_EQ(n, damaged);
}

#define THREE "{\"digest\":\"d3\",\"name\":\"n3\",\"created\":3}"
#define FOUR  "{\"digest\":\"d4\",\"name\":\"n4\",\"created\":4}"

TEST(look_sees_the_database_and_what_waits)
{
    die();
    expect_spool(note, 0, THREE FOUR);
    expect_spool(note_one, 0, THREE);
    expect_spool(note, 0, THREE FOUR); /* nothing was taken */
    log_set_level(LOG_ERROR);
    shell("f=$(ls '%1$s'/spool.* | tail -1); printf '0123 key {' >>\"$f\"");
    expect_spool(note, 0, THREE FOUR); /* half a line, whose append never returned */
    shell("f=$(ls '%1$s'/spool.* | tail -1); sed -i 's/n3/m3/' \"$f\"");
    expect_spool(note, 1, FOUR);
    log_set_level(LOG_INFO);
}

TEST(look_changes_nothing)
{
    die();
    shell("cd '%1$s' && sha256sum nigh.db nigh.db-wal spool.* ledger.head 2>/dev/null "
          ">'%2$s.sums'; true");
    expect_spool(note, 0, THREE FOUR);
    shell("cd '%1$s' && sha256sum -c --quiet '%2$s.sums' && rm '%2$s.sums'");
    shell("test ! -e '%2$s.sums'");
}

TEST(look_refuses_what_it_does_not_know)
{
    struct nigh_err err = {0};
    struct look *look = NULL;

    die();
    shell("rm -f '%1$s'/nigh.db*; printf 'no database, though long enough to be one' "
          ">'%1$s/nigh.db'");
    CHECK_EQ(look_new(&look, dead, NULL), NIGH_IO);
    shell("rm -f '%1$s'/nigh.db*");
    CHECK_EQ(look_new(&look, dead, NULL), NIGH_NOTFOUND);
    shell("rm -rf '%1$s'");
    CHECK_EQ(look_new(&look, dead, &err), NIGH_NOTFOUND);

    struct store_shape old = store_shape;
    old.n_migrations = 2;
    old.kinds = (const struct store_kind[]){{"none", "SELECT 1"}};
    old.n_kinds = 1;
    CHECK_EQ(loop_new(&loop, NULL), NIGH_OK);
    CHECK_EQ(store_open_shape(&store, loop, dead, &old, NULL), NIGH_OK);
    store = store_close(store);
    loop = loop_free(loop);
    err = (struct nigh_err){0};
    CHECK_EQ(look_new(&look, dead, &err), NIGH_UNSUPPORTED);
    CHECK(strstr(err.what, "nigh.db is of version 2"));
}
