/* The promise of store.h tested with SIGKILL: a child appends as fast as it can and tells each
 * record whose append returned through a pipe; it is killed at any moment; what it told is there,
 * once.
 *
 * The parent starts no threads, so that its forks are clean (also under the thread sanitizer). */
#include "base/rand.h"
#include "base/tap.h"
#include "loop/loop.h"
#include "store/schema.h"
#include "store/store.h"
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { KILLS = 50, KILLS_A_LOOK = 5, LIFE_MS_MAX = 40 };

/* notes has no key, so that a record taken twice would show. */
static const char *const migrations[] = {
    "CREATE TABLE spool(one INTEGER PRIMARY KEY CHECK(one = 1), segment INTEGER NOT NULL,"
    " offset INTEGER NOT NULL); INSERT INTO spool VALUES(1, 0, 0);"
    "CREATE TABLE notes(n INTEGER NOT NULL, fat TEXT)",
};
static const struct store_kind kinds[] = {{"note", "INSERT INTO notes(n, fat) VALUES(:n, :fat)"}};
static const struct store_shape shape = {migrations, 1, kinds, 1, 8 << 10, 1 << 20};

static char folder[64];

static struct store *begin(struct loop **ret_loop)
{
    struct nigh_err err = {0};
    struct store *s = NULL;

    if (loop_new(ret_loop, &err) != NIGH_OK ||
        store_open_shape(&s, *ret_loop, folder, &shape, &err) != NIGH_OK)
        printf("# %s\n", err.what);
    return s;
}

static bool asking;

static void ask_nothing(struct store_query *q, sqlite3 *db)
{
}

static void ask_done(struct store_query *q)
{
    asking = false;
}

/* Never returns.  A question every few records keeps the lane draining while we append. */
_Noreturn static void live(uint64_t n, int report)
{
    static struct store_query q = {.run = ask_nothing, .done = ask_done};
    struct loop *loop;
    struct store *s = begin(&loop);
    char json[256], fat[129] = {0};

    memset(fat, 'f', sizeof fat - 1);
    for (; s; n++) {
        snprintf(json, sizeof json, "{\"n\":%" PRIu64 ",\"fat\":\"%.*s\"}", n, (int)(n % 128), fat);
        if (store_append(s, "note", slice_of(json), NULL) == NIGH_OK &&
            write(report, &n, sizeof n) != sizeof n)
            break;
        if (n % 8 == 0 && !asking)
            asking = store_ask(s, &q, NULL) == NIGH_OK;
        if (n % 256 == 0 && asking)
            loop_run_once(loop);
    }
    _exit(1);
}

static uint64_t now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* What the child told until its death; 0: nothing.  Its life is counted from its first word, or
 * from its birth, so that some die while they replay. */
static uint64_t listen_to(int pipe_end, pid_t child, uint64_t life_ms, bool from_first_word)
{
    struct pollfd p = {.fd = pipe_end, .events = POLLIN};
    uint64_t last = 0, told[512], until;
    bool killed = false;
    ssize_t n;

    if (from_first_word)
        poll(&p, 1, 10000);
    until = now_ms() + life_ms;
    for (;;) {
        uint64_t now = now_ms();

        if (!killed && (now >= until || poll(&p, 1, (int)(until - now)) == 0)) {
            kill(child, SIGKILL);
            killed = true;
        }
        n = read(pipe_end, told, sizeof told);
        if (n < (ssize_t)sizeof *told)
            return last;
        last = told[n / (ssize_t)sizeof *told - 1]; /* 8 bytes at once are written whole */
    }
}

static uint64_t kill_one(uint64_t from, bool from_first_word)
{
    int pipes[2], status = 0;
    uint64_t last;
    pid_t child;

    CHECK_EQ(pipe(pipes), 0);
    child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        close(pipes[0]);
        live(from, pipes[1]);
    }
    close(pipes[1]);
    last = listen_to(pipes[0], child, rand_u64() % LIFE_MS_MAX, from_first_word);
    close(pipes[0]);
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    return last;
}

struct range {
    uint64_t from, to;
};

static void expect(struct store *s, const char *sql, const char *want)
{
    struct buf rows = {0};

    CHECK_EQ(store_load(s, sql, 1, &rows, NULL), NIGH_OK);
    CHECK_STR(rows.data, want);
    buf_done(&rows);
}

static void look(const struct range *told, size_t n)
{
    struct loop *loop;
    struct store *s = begin(&loop);
    char sql[160], want[64];

    CHECK(s);
    expect(s, "PRAGMA integrity_check", "[{\"integrity_check\":\"ok\"}]");
    expect(s, "SELECT count(*) - count(DISTINCT n) AS twice FROM notes", "[{\"twice\":0}]");
    for (size_t i = 0; i < n; i++) {
        snprintf(sql, sizeof sql,
                 "SELECT count(*) AS there FROM notes WHERE n BETWEEN %" PRIu64 " AND %" PRIu64,
                 told[i].from, told[i].to);
        snprintf(want, sizeof want, "[{\"there\":%" PRIu64 "}]", told[i].to - told[i].from + 1);
        expect(s, sql, want);
    }
    store_close(s);
    loop_free(loop);
}

TEST(store_keeps_every_record_through_fifty_kills)
{
    struct range told[KILLS];
    uint64_t next = 1, records = 0;
    size_t n = 0;
    char command[256];

    strcpy(folder, "/tmp/nigh-kill-XXXXXX");
    CHECK(mkdtemp(folder));
    for (int i = 1; i <= KILLS; i++) {
        uint64_t last = kill_one(next, i % 3 != 0);

        if (last) {
            told[n++] = (struct range){next, last};
            records += last - next + 1;
        }
        next = (last ? last : next) + 1000; /* what it appended and could not tell */
        if (i % KILLS_A_LOOK == 0)
            look(told, n);
    }
    printf("# %" PRIu64 " records, %zu of %d lives got to append\n", records, n, KILLS);
    CHECK(n >= KILLS / 2);
    snprintf(command, sizeof command, "test ! -e '%s/spool.bad' && rm -rf '%s'", folder, folder);
    CHECK_EQ(system(command), 0);
}
