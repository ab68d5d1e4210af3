/* Invariants: 1. The memory lives until every handle that was opened has closed and the owner has
 * called child_free.  2. The process handle is closed only after the process was collected, or the
 * process would stay as a zombie.  3. After child_free no op is called. */
#include "loop/child.h"
#include "base/fault.h"
#include "loop/inside.h"
#include <errno.h>
#include <linux/close_range.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

/* Standard output or error: what came since the last line end. */
struct stream {
    uv_pipe_t uv;
    struct child *child;
    bool open;
    size_t len;
    bool cut; /* the line is over the maximum; the rest of it is dropped */
    char line[CHILD_LINE_MAX];
};

struct child {
    uv_process_t process;
    struct loop *loop;
    const struct child_ops *ops;
    void *owner;
    bool freed, exited;
    pid_t pid;
    unsigned handles; /* opened and not yet closed */
    struct stream streams[2];
    char piece[16 << 10]; /* one read; the loop's thread alone uses it */
};

static void child_maybe_gone(struct child *child)
{
    if (!child->freed || child->handles > 0)
        return;
    child->loop->dying--;
    free(child);
}

static void on_closed(uv_handle_t *handle)
{
    struct child *child = handle->data;

    child->handles--;
    child_maybe_gone(child);
}

static void stream_close(struct stream *stream)
{
    if (!stream->open)
        return;
    stream->open = false;
    uv_close((uv_handle_t *)&stream->uv, on_closed);
}

static void stream_flush(struct stream *stream)
{
    struct slice line = {stream->line, stream->len};
    struct child *child = stream->child;

    if (line.len > 0 && line.p[line.len - 1] == '\r')
        line.len--;
    stream->len = 0;
    stream->cut = false;
    child->ops->on_line(child->owner, line);
}

/* Returns false when a callback freed the child: the rest is nobody's. */
static bool stream_take(struct stream *stream, struct slice bytes)
{
    while (bytes.len > 0) {
        const char *end = memchr(bytes.p, '\n', bytes.len);
        size_t n = end ? (size_t)(end - bytes.p) : bytes.len;
        size_t room = sizeof stream->line - stream->len;

        stream->cut |= n > room;
        memcpy(stream->line + stream->len, bytes.p, n < room ? n : room);
        stream->len += n < room ? n : room;
        bytes.p += n + (end != NULL);
        bytes.len -= n + (end != NULL);
        if (end)
            stream_flush(stream);
        if (stream->child->freed)
            return false;
    }
    return true;
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    struct child *child = handle->data;

    *buf = uv_buf_init(child->piece, sizeof child->piece);
}

static void on_read(uv_stream_t *uv, ssize_t n, const uv_buf_t *buf)
{
    struct stream *stream = CONTAINER_OF((uv_pipe_t *)uv, struct stream, uv);

    if (n > 0) {
        stream_take(stream, (struct slice){buf->base, (size_t)n});
    } else if (n < 0) { /* the end, or an error that is as good as one */
        if (stream->len > 0)
            stream_flush(stream);
        stream_close(stream);
    }
}

/* Reads what the ended child left in the pipe, so that its last words come before on_exit.  Not
 * until the end of the pipe: a grandchild may hold it open, or fill it as fast as we read. */
static bool stream_drain(struct child *child, struct stream *stream)
{
    enum { DRAIN_MAX = 64 }; /* pieces: 1 MiB, several times what a pipe or socket holds */
    uv_os_fd_t fd;

    if (!stream->open) /* ended before, or nobody listens */
        return true;
    if (uv_fileno((uv_handle_t *)&stream->uv, &fd) != 0)
        fd = -1;
    for (int i = 0; i < DRAIN_MAX; i++) { /* libuv made it not block */
        ssize_t n = read(fd, child->piece, sizeof child->piece);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break;
        if (!stream_take(stream, (struct slice){child->piece, (size_t)n}))
            return false;
    }
    if (stream->len > 0)
        stream_flush(stream);
    if (!child->freed)
        stream_close(stream);
    return !child->freed;
}

static void on_exit_uv(uv_process_t *process, int64_t exit_status, int signal)
{
    struct child *child = CONTAINER_OF(process, struct child, process);

    kill(-child->pid, SIGKILL); /* a helper it left behind would keep memory, or the accelerator */
    child->exited = true;
    uv_close((uv_handle_t *)process, on_closed);
    if (child->freed)
        return;
    if (stream_drain(child, &child->streams[0]) && stream_drain(child, &child->streams[1]) &&
        child->ops->on_exit)
        child->ops->on_exit(child->owner, exit_status, signal);
}

static void stream_start(struct stream *stream, struct child *child, uv_stdio_container_t *io)
{
    uv_pipe_init(loop_uv(child->loop), &stream->uv, 0);
    stream->uv.data = child;
    stream->child = child;
    stream->open = true;
    child->handles++;
    io->flags = UV_CREATE_PIPE | UV_WRITABLE_PIPE;
    io->data.stream = (uv_stream_t *)&stream->uv;
}

static int child_start(struct child *child, const char *const *argv, const char *const *env)
{
    uv_stdio_container_t io[3] = {{.flags = UV_IGNORE}, {.flags = UV_IGNORE}, {.flags = UV_IGNORE}};
    uv_process_options_t options = {
        .file = argv[0],
        .args = (char **)argv, /* libuv does not write to them */
        .env = (char **)env,
        .stdio = io,
        .stdio_count = 3,
        .flags = UV_PROCESS_DETACHED, /* a session of its own */
        .exit_cb = on_exit_uv,
    };

    for (int i = 0; i < 2 && child->ops->on_line; i++)
        stream_start(&child->streams[i], child, &io[i + 1]);
    child->process.data = child;
    child->handles++;
    /* Our own descriptors close on exec; those we inherited, and those of a careless library, may
     * not.  The engine's child must not hold one that leads out. */
    close_range(3, ~0u, CLOSE_RANGE_CLOEXEC);
    int rc = uv_spawn(loop_uv(child->loop), &child->process, &options);
    for (int i = 0; i < 2 && rc == 0 && child->ops->on_line; i++)
        rc = uv_read_start((uv_stream_t *)&child->streams[i].uv, on_alloc, on_read);
    return rc;
}

enum nigh_status child_spawn(struct child **ret_child, struct loop *loop, const char *const *argv,
                             const char *const *env, const struct child_ops *ops, void *owner,
                             struct nigh_err *err)
{
    if (fault_hit(FAULT_SPAWN))
        return nigh_fail(err, NIGH_IO, "start %s: %m", argv[0]);
    struct child *child = fault_hit(FAULT_ALLOC) ? NULL : calloc(1, sizeof *child);
    if (!child)
        return nigh_fail(err, NIGH_NOMEM, "start %s: no memory", argv[0]);
    child->loop = loop;
    child->ops = ops;
    child->owner = owner;
    int rc = child_start(child, argv, env);
    child->pid = child->process.pid;
    if (rc != 0) {
        if (!uv_is_active((uv_handle_t *)&child->process)) { /* no process, so no exit callback */
            child->exited = true;
            uv_close((uv_handle_t *)&child->process, on_closed);
        }
        child_free(child);
        return nigh_fail(err, rc == UV_ENOENT ? NIGH_NOTFOUND : NIGH_IO, "start %s: %s", argv[0],
                         uv_strerror(rc));
    }
    *ret_child = child;
    return NIGH_OK;
}

struct child *child_free(struct child *child)
{
    if (!child)
        return NULL;
    child->freed = true;
    child->loop->dying++;
    child_kill(child, SIGKILL);
    stream_close(&child->streams[0]);
    stream_close(&child->streams[1]);
    child_maybe_gone(child); /* all may have closed before */
    return NULL;
}

void child_kill(struct child *child, int signal)
{
    if (!child->exited && child->pid > 0) /* kill(-0) would be ourselves */
        kill(-child->pid, signal);
}

pid_t child_pid(const struct child *child)
{
    return child->pid;
}
