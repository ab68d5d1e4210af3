#include "base/clock.h"
#include "base/fault.h"
#include "base/tap.h"
#include "loop/child.h"
#include "loop/timer.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

/* What a child said, and how it ended. */
struct ear {
    struct loop *loop;
    struct child *child;
    struct buf said; /* lines, each ended by '|' */
    int lines, exits;
    int64_t exit_status;
    int signal;
    int free_at_line; /* frees the child in this line's callback */
    bool free_at_exit;
    struct timer deadline;
};

static void on_line(void *owner, struct slice line)
{
    struct ear *ear = owner;

    if (!ear->child || ear->exits)
        abort(); /* nothing comes after child_free or on_exit */
    buf_add_str(&ear->said, line);
    buf_add_char(&ear->said, '|');
    if (++ear->lines == ear->free_at_line) {
        ear->child = child_free(ear->child);
        loop_stop(ear->loop);
    }
}

static void on_exit_ear(void *owner, int64_t exit_status, int signal)
{
    struct ear *ear = owner;

    if (!ear->child)
        abort();
    ear->exits++;
    ear->exit_status = exit_status;
    ear->signal = signal;
    if (ear->free_at_exit)
        ear->child = child_free(ear->child);
    loop_stop(ear->loop);
}

static const struct child_ops ear_ops = {on_line, on_exit_ear};

static void on_deadline(struct timer *t)
{
    struct ear *ear = CONTAINER_OF(t, struct ear, deadline);

    ear->exits = -1;
    loop_stop(ear->loop);
}

static void ear_begin(struct ear *ear)
{
    CHECK_EQ(loop_new(&ear->loop, NULL), NIGH_OK);
    CHECK_EQ(timer_arm(ear->loop, &ear->deadline, 60000, on_deadline, NULL), NIGH_OK);
}

static void ear_spawn(struct ear *ear, const char *script)
{
    const char *argv[] = {"sh", "-c", script, NULL};
    struct nigh_err err = {0};

    if (child_spawn(&ear->child, ear->loop, argv, NULL, &ear_ops, ear, &err) != NIGH_OK)
        TAP_FAIL("%s", err.what);
}

static void ear_end(struct ear *ear)
{
    ear->child = child_free(ear->child);
    timer_disarm(ear->loop, &ear->deadline);
    loop_free(ear->loop);
    buf_done(&ear->said);
}

TEST(child_is_heard)
{
    static const struct {
        const char *script, *said;
        int64_t exit_status;
        int signal;
    } rows[] = {
        {"exit 0", "", 0, 0},
        {"exit 7", "", 7, 0},
        {"kill -SEGV $$", "", 0, SIGSEGV},
        {"echo one; echo two", "one|two|", 0, 0},
        {"echo error >&2", "error|", 0, 0},
        {"echo; echo", "||", 0, 0},
        {"printf 'last words'", "last words|", 0, 0},
        {"printf 'dos\\r\\nx'", "dos|x|", 0, 0},
        {"cat; echo empty", "empty|", 0, 0},         /* standard input is at its end */
        {"exec >&- 2>&-; exit 3", "", 3, 0},         /* closes its output first */
        {"sleep 1000 & echo left", "left|", 0, 0},   /* a grandchild holds the pipe */
        {"sleep 1000 & printf left", "left|", 0, 0}, /* in the middle of a line */
        {"yes & sleep 0.1; exit 1", NULL, 1, 0},     /* and floods it */
        {"ls /proc/self/fd | wc -l", "4|", 0, 0},    /* 0, 1, 2 and ls's own */
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct ear ear = {0};
        ear_begin(&ear);
        int leak = open("/dev/null", O_RDONLY); /* must not reach the child */
        ear_spawn(&ear, rows[i].script);
        CHECK(child_pid(ear.child) > 0);
        loop_run(ear.loop);
        CHECK_EQ(ear.exits, 1);
        CHECK_EQ(ear.exit_status, rows[i].exit_status);
        CHECK_EQ(ear.signal, rows[i].signal);
        if (rows[i].said)
            CHECK_STR(ear.said.data ? ear.said.data : "", rows[i].said);
        child_kill(ear.child, SIGKILL); /* after its end: nothing */
        close(leak);
        ear_end(&ear);
    }
}

TEST(child_lines_are_cut)
{
    struct ear ear = {0};

    ear_begin(&ear);
    ear_spawn(&ear, "head -c 10000 /dev/zero | tr '\\0' x; echo; echo short; "
                    "head -c 4096 /dev/zero | tr '\\0' y");
    loop_run(ear.loop);
    CHECK_EQ(ear.exits, 1);
    CHECK_EQ(ear.lines, 3);
    CHECK_EQ(ear.said.len, CHILD_LINE_MAX + 1 + 6 + CHILD_LINE_MAX + 1);
    CHECK_EQ(strncmp(ear.said.data + CHILD_LINE_MAX, "|short|y", 8), 0);
    ear_end(&ear);
}

TEST(child_says_much)
{
    struct ear ear = {0};

    ear_begin(&ear);
    ear_spawn(&ear, "i=0; while [ $i -lt 20000 ]; do echo $i; i=$((i+1)); done");
    loop_run(ear.loop);
    CHECK_EQ(ear.lines, 20000);
    CHECK_EQ(strncmp(ear.said.data, "0|1|2|3|", 8), 0);
    ear_end(&ear);
}

TEST(child_has_its_environment)
{
    struct ear ear = {0};
    const char *argv[] = {"/bin/sh", "-c", "echo $GIVEN $HOME", NULL};
    const char *env[] = {"GIVEN=yes", NULL};

    ear_begin(&ear);
    CHECK_EQ(child_spawn(&ear.child, ear.loop, argv, env, &ear_ops, &ear, NULL), NIGH_OK);
    loop_run(ear.loop);
    CHECK_STR(ear.said.data, "yes|");
    ear_end(&ear);
}

static bool gone(pid_t pid)
{
    for (int i = 0; i < 5000; i++) { /* a killed grandchild is collected by init, in its own time */
        char path[64], state[64] = "";
        snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
        FILE *f = fopen(path, "re");
        if (!f)
            return true;
        if (fscanf(f, "%*d %*s %63s", state) != 1)
            state[0] = '\0';
        fclose(f);
        if (state[0] == 'Z') /* dead already, where nobody collects */
            return true;
        usleep(1000);
    }
    return false;
}

TEST(child_kill_reaches_the_group)
{
    struct ear ear = {0};

    ear_begin(&ear);
    ear_spawn(&ear, "sleep 1000 & echo $!; wait");
    while (ear.lines == 0 && ear.exits == 0)
        loop_run_once(ear.loop);
    pid_t grandchild = (pid_t)strtol(ear.said.data, NULL, 10);
    CHECK(grandchild > 0);
    CHECK_EQ(getpgid(grandchild), child_pid(ear.child));
    child_kill(ear.child, SIGTERM);
    loop_run(ear.loop);
    CHECK_EQ(ear.exits, 1);
    CHECK_EQ(ear.signal, SIGTERM);
    CHECK(gone(grandchild));
    ear_end(&ear);
}

TEST(child_leaves_nobody_behind)
{
    struct ear ear = {0};

    ear_begin(&ear);
    ear_spawn(&ear, "trap '' TERM HUP; sleep 1000 & echo $!");
    loop_run(ear.loop);
    CHECK_EQ(ear.exits, 1);
    CHECK(gone((pid_t)strtol(ear.said.data, NULL, 10)));
    ear_end(&ear);
}

TEST(child_freed_anywhere)
{
    static const struct {
        int at_line;
        bool at_exit;
        const char *script;
    } rows[] = {
        {1, false, "echo a; echo b; echo c; sleep 1000"},
        {2, false, "echo a; echo b; echo c; exit 0"},
        {1, false, "printf 'no line end'"},
        {1, false, "printf 'no line end' >&2; exec >&- 2>&-; sleep 1000"},
        {0, true, "echo a"},
        {0, true, "exec >&- 2>&-; sleep 0.05"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct ear ear = {.free_at_line = rows[i].at_line, .free_at_exit = rows[i].at_exit};
        ear_begin(&ear);
        ear_spawn(&ear, rows[i].script);
        loop_run(ear.loop);
        CHECK(ear.child == NULL);
        CHECK_EQ(ear.exits, rows[i].at_exit);
        ear_end(&ear);
    }
}

TEST(child_freed_at_once_is_killed_and_collected)
{
    for (int passes = 0; passes < 3; passes++) {
        struct ear ear = {0};
        ear_begin(&ear);
        ear_spawn(&ear, "trap '' TERM; sleep 1000");
        pid_t pid = child_pid(ear.child);
        ear.child = child_free(ear.child);
        CHECK(child_free(NULL) == NULL);
        for (int i = 0; i < passes; i++) {
            loop_wake(ear.loop); /* the child's end may be seen already: do not wait for more */
            loop_run_once(ear.loop);
        }
        ear_end(&ear);
        CHECK_EQ(kill(pid, 0), -1); /* not even a zombie */
        CHECK_EQ(errno, ESRCH);
    }
}

TEST(child_without_ops)
{
    static const struct child_ops none = {NULL, NULL};
    const char *argv[] = {"/bin/echo", "unheard", NULL};
    struct ear ear = {0};

    ear_begin(&ear);
    CHECK_EQ(child_spawn(&ear.child, ear.loop, argv, NULL, &none, NULL, NULL), NIGH_OK);
    loop_run_once(ear.loop);
    ear_end(&ear);
}

TEST(child_that_cannot_start)
{
    static const char *const missing[] = {"nigh-no-such-program", NULL};
    static const char *const folder[] = {"/", NULL};
    static const char *const here[] = {"/bin/true", NULL};
    struct ear ear = {0};
    struct nigh_err err = {0};
    bool hit = true;

    ear_begin(&ear);
    CHECK_EQ(child_spawn(&ear.child, ear.loop, missing, NULL, &ear_ops, &ear, &err), NIGH_NOTFOUND);
    CHECK_STR(err.what, "start nigh-no-such-program: no such file or directory");
    CHECK_EQ(child_spawn(&ear.child, ear.loop, folder, NULL, &ear_ops, &ear, NULL), NIGH_IO);
    for (int nth = 1; hit; nth++) {
        fault_arm(nth % 2 ? FAULT_ALLOC : FAULT_SPAWN, (nth + 1) / 2);
        enum nigh_status status =
            child_spawn(&ear.child, ear.loop, here, NULL, &ear_ops, &ear, NULL);
        hit = fault_disarm();
        CHECK_EQ(status != NIGH_OK, hit);
    }
    ear_end(&ear);
}
