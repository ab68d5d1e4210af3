#include "base/clock.h"
#include "base/log.h"
#include "base/str.h"
#include "base/tap.h"
#include <errno.h>
#include <unistd.h>

#define AT "1970-01-01T00:00:01.000Z "

static int pipe_fds[2];

static void listen_in(void)
{
    CHECK_EQ(pipe(pipe_fds), 0);
    log_set_fd(pipe_fds[1]);
    clock_drive(0, 1000000);
}

/* All that was logged since listen_in, as one string. */
static const char *heard(void)
{
    static char text[8192];

    close(pipe_fds[1]);
    ssize_t len = read(pipe_fds[0], text, sizeof text - 1);
    text[len > 0 ? len : 0] = '\0';
    close(pipe_fds[0]);
    log_set_fd(STDERR_FILENO);
    clock_real();
    return text;
}

TEST(log_writes_a_line)
{
    struct slice id = {"01ABCxyz", 5};

    listen_in();
    log_at(LOG_INFO, "engine", "ready", LOG_WORD("place", "here/qwen3:0.6b"), LOG_NUM("ms", 12),
           LOG_INT("exit", -9), LOG_SLICE("turn", id));
    log_at(LOG_ERROR, "net", "plain");
    CHECK_STR(heard(), AT "info engine: ready place=here/qwen3:0.6b ms=12 exit=-9 turn=01ABC\n" AT
                          "error net: plain\n");
}

TEST(log_names_hold_no_content)
{
    static const struct {
        const char *name, *want;
    } rows[] = {
        {"a b", "a?b"},      {"x\n2026 info fake: y", "x?2026?info?fake:?y"},
        {NULL, "-"},         {"", "-"},
        {"\xc3\xa9", "??"},  {"user@host:/p.q+r_s-t", "user@host:/p.q+r_s-t"},
        {"a=b\"c", "a?b?c"}, {"\x1b[31m", "??31m"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char want[128];
        listen_in();
        log_at(LOG_WARN, "s", "w", LOG_WORD("n", rows[i].name));
        snprintf(want, sizeof want, AT "warn s: w n=%s\n", rows[i].want);
        CHECK_STR(heard(), want);
    }
}

TEST(log_cuts_names_and_lines)
{
    char name[4096];
    struct log_field fields[64] = {0};

    memset(name, 'n', sizeof name);
    listen_in();
    log_at(LOG_INFO, "s", "w", {"n", LOG_NAME_SLICE, sizeof name, name}); /* no NUL in it */
    CHECK_EQ(strlen(heard()), strlen(AT "info s: w n=\n") + LOG_NAME_MAX);

    for (size_t i = 0; i < 63; i++)
        fields[i] = (struct log_field){"n", LOG_NAME_SLICE, sizeof name, name};
    listen_in();
    log_write(LOG_INFO, "s", "w", fields);
    const char *text = heard();
    CHECK_EQ(strlen(text), 2048);
    CHECK_EQ(text[2047], '\n');
}

TEST(log_respects_level_and_errno)
{
    listen_in();
    log_set_level(LOG_WARN);
    errno = 77;
    log_at(LOG_INFO, "s", "unheard");
    log_at(LOG_WARN, "s", "heard");
    CHECK_EQ(errno, 77);
    log_set_level(LOG_INFO);
    CHECK_STR(heard(), AT "warn s: heard\n");
    log_set_fd(-1);
    errno = 77;
    log_at(LOG_ERROR, "s", "nowhere");
    CHECK_EQ(errno, 77);
    log_set_fd(STDERR_FILENO);
}

TEST(log_tells_an_error)
{
    struct nigh_err err = {NIGH_UPSTREAM, "src/a.c", 7, "the place said\nno"};

    listen_in();
    log_err(LOG_WARN, "cloud", "retrying", &err);
    CHECK_STR(heard(), AT "warn cloud: retrying: the place said?no status=upstream?failed "
                          "at=src/a.c:7\n");
    listen_in();
    log_err(LOG_WARN, "cloud", "odd", &(struct nigh_err){0});
    CHECK_STR(heard(), AT "warn cloud: odd:  status=ok\n");
}
