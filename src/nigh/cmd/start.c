/* A node in the background: a session of its own, nothing inherited but the environment, its log in
 * the state folder, and one line over a pipe when it is ready. */
#include "nigh/cmd/talk.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { READY_FD = 3, LOG_TAIL_BYTES = 4096 };

struct start {
    char log_path[PATH_BYTES];
    int log_fd, ready[2]; /* ready[0] is read by us */
    off_t log_size;       /* before it wrote */
    pid_t pid;
};

static void start_done(struct start *s)
{
    for (size_t i = 0; i < 2; i++)
        if (s->ready[i] >= 0)
            close(s->ready[i]);
    if (s->log_fd >= 0)
        close(s->log_fd);
}

static enum nigh_status open_log(struct start *s, const char *state_dir, struct nigh_err *err)
{
    char old[PATH_BYTES];
    struct stat st;
    enum nigh_status status = path_join(s->log_path, state_dir, "nigh.log", err);

    if (status == NIGH_OK)
        status = path_join(old, state_dir, "nigh.log.old", err);
    if (status != NIGH_OK)
        return status;
    if (stat(s->log_path, &st) == 0 && st.st_size > TALK_LOG_BYTES)
        (void)rename(s->log_path, old); /* else it grows on: a long log is no reason not to start */
    s->log_fd = open(s->log_path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (s->log_fd < 0 || fstat(s->log_fd, &st) != 0)
        return nigh_fail(err, NIGH_IO, "open %.200s: %m", s->log_path);
    s->log_size = st.st_size;
    return NIGH_OK;
}

int start_lock(const char *state_dir, struct nigh_err *err)
{
    char path[PATH_BYTES];
    int fd = -1;

    if (path_make_private(state_dir, err) != NIGH_OK ||
        path_join(path, state_dir, "start.lock", err) != NIGH_OK)
        return -1;
    fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        nigh_fail(err, NIGH_IO, "open %.200s: %m", path);
    else
        while (flock(fd, LOCK_EX) != 0 && errno == EINTR)
            ; /* who holds it waits for TALK_READY_MS at most */
    return fd;
}

void start_unlock(int lock)
{
    if (lock >= 0)
        close(lock);
}

/* A config that was named relative to where we stand must be found from / too. */
static void name_config_wholly(void)
{
    const char *named = getenv("NIGH_CONFIG");
    char *whole = named && named[0] && named[0] != '/' ? realpath(named, NULL) : NULL;

    if (whole)
        setenv("NIGH_CONFIG", whole, 1);
    free(whole);
}

/* In the child, until it is the node. */
__attribute__((noreturn)) static void become_node(const struct start *s)
{
    char fd[16];
    int null = open("/dev/null", O_RDWR);

    snprintf(fd, sizeof fd, "%d", READY_FD);
    setsid();
    name_config_wholly();
    /* The pipe's end may stand on any number, also on one that is about to be overwritten: move it
     * up first. */
    int ready = fcntl(s->ready[1], F_DUPFD, READY_FD + 1);
    int log = fcntl(s->log_fd, F_DUPFD, READY_FD + 1);
    null = fcntl(null, F_DUPFD, READY_FD + 1);
    if (ready < 0 || log < 0 || null < 0 || dup2(null, 0) < 0 || dup2(log, 1) < 0 ||
        dup2(log, 2) < 0 || dup2(ready, READY_FD) < 0)
        _exit(1);
    close_range(READY_FD + 1, ~0U, 0);
    if (chdir("/") == 0)
        execl("/proc/self/exe", "nigh", "serve", "--ready-fd", fd, (char *)NULL);
    _exit(1);
}

/* Waits for "ready PORT"; false: the pipe ended, or the time did (*ret_late). */
static bool wait_ready(const struct start *s, bool *ret_late)
{
    struct pollfd p = {.fd = s->ready[0], .events = POLLIN};
    char line[32];
    int n;

    do
        n = poll(&p, 1, TALK_READY_MS);
    while (n < 0 && errno == EINTR);
    *ret_late = n == 0;
    return n > 0 && read(s->ready[0], line, sizeof line) > 0;
}

/* The last line that it wrote, without our own prefix. */
static void last_words(const struct start *s, char *ret, size_t size)
{
    char text[LOG_TAIL_BYTES + 1], *line;
    struct stat st;
    off_t from = s->log_size;

    ret[0] = '\0';
    if (fstat(s->log_fd, &st) != 0)
        return;
    if (st.st_size - from > LOG_TAIL_BYTES)
        from = st.st_size - LOG_TAIL_BYTES;
    ssize_t n = pread(s->log_fd, text, LOG_TAIL_BYTES, from);
    while (n > 0 && text[n - 1] == '\n')
        n--;
    text[n > 0 ? n : 0] = '\0';
    line = strrchr(text, '\n');
    line = line ? line + 1 : text;
    if (strncmp(line, "nigh: ", 6) == 0)
        line += 6;
    snprintf(ret, size, "%.*s", (int)size - 1, line);
}

static enum nigh_status tell_death(const struct start *s, struct nigh_err *err)
{
    char words[200];
    int how = 0;

    while (waitpid(s->pid, &how, 0) < 0 && errno == EINTR)
        ;
    last_words(s, words, sizeof words);
    if (words[0])
        return nigh_fail(err, NIGH_IO, "the node does not start: %s", words);
    return nigh_fail(err, NIGH_IO, "the node does not start (%s %d); try `nigh serve`",
                     WIFSIGNALED(how) ? "signal" : "exit status",
                     WIFSIGNALED(how) ? WTERMSIG(how) : WEXITSTATUS(how));
}

enum nigh_status start_node(const char *state_dir, struct nigh_err *err)
{
    CLEANUP(start_done) struct start s = {.log_fd = -1, .ready = {-1, -1}};
    enum nigh_status status = open_log(&s, state_dir, err);
    bool late;

    if (status != NIGH_OK)
        return status;
    if (pipe2(s.ready, O_CLOEXEC) != 0)
        return nigh_fail(err, NIGH_IO, "start a node: %m");
    fflush(NULL); /* else what is buffered would be written twice */
    s.pid = fork();
    if (s.pid < 0)
        return nigh_fail(err, NIGH_IO, "start a node: %m");
    if (s.pid == 0)
        become_node(&s);
    close(s.ready[1]);
    s.ready[1] = -1;
    if (wait_ready(&s, &late))
        return NIGH_OK;
    if (late)
        return nigh_fail(err, NIGH_TIMEOUT, "the node is not ready after %d s; see %.150s",
                         TALK_READY_MS / 1000, s.log_path);
    return tell_death(&s, err);
}
