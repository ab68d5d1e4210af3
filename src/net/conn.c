#include "net/server_inside.h"
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    CROWD = 256, /* connections; above it, those that rest give their memory back after REST_MS
                  * instead of at their next tick.  So many hold 10 MB */
    REST_MS = 1000,
    CHUNK_MS = 1000, /* a body in chunks is looked at so often while it comes */
    POOL_PAGES_MAX = 64,
    POOL_LINE_AT_MAX = 64, /* a request line stands at most so far from its pool's begin */
};

/* A pool over 32 KiB is a mapping of its own, so it begins with a page; one of which this cannot be
 * told is left as it is. */
void conn_began(struct conn *c, const char *line)
{
    uintptr_t at = (uintptr_t)line % (uintptr_t)sysconf(_SC_PAGESIZE);

    c->used = true;
    c->trimmed = false;
    c->pool = at < POOL_LINE_AT_MAX ? (char *)line - at : NULL;
}

void conn_wake(struct conn *c)
{
    if (!c->suspended)
        return;
    c->suspended = false;
    MHD_resume_connection(c->mhd);
    server_pump_soon(c->server);
}

void conn_park(struct conn *c)
{
    c->suspended = true;
    MHD_suspend_connection(c->mhd);
}

void conn_cut(struct conn *c)
{
    if (!c->cut)
        shutdown(c->fd, SHUT_RDWR);
    c->cut = true;
    conn_wake(c);
    server_pump_soon(c->server);
}

void conn_leave(struct conn *c)
{
    struct exchange *ex = c->ex;

    c->left = true;
    if (!ex || (ex->stage != STAGE_PARKED && ex->stage != STAGE_ANSWER))
        return; /* libmicrohttpd reads that one, and sees it */
    if (ex->answer == ANSWER_NONE || ex->answer == ANSWER_OPEN) {
        exchange_tell(ex, DUE_GONE);
        conn_cut(c);
    } else if (timer_armed(&ex->hold_clock)) {
        conn_cut(c);
    }
}

static void on_tick(struct timer *t);

static void conn_clock(struct conn *c, uint64_t wait_ms)
{
    if (timer_arm(c->server->loop, &c->clock, wait_ms, on_tick, NULL) != NIGH_OK)
        conn_cut(c); /* no memory for its deadline: no connection without one */
}

void conn_look_soon(struct conn *c)
{
    conn_clock(c, CHUNK_MS);
}

/* libmicrohttpd reads whatever there is, unless a chunk's line fills its memory: then bytes wait in
 * the kernel and nothing moves. */
static bool stuck(const struct conn *c, uint64_t now_us)
{
    int waiting = 0;

    return c->ex && c->ex->stage == STAGE_BODY && c->ex->chunked &&
           now_us - c->moved_us >= (uint64_t)CHUNK_MS * 1000 / 2 &&
           ioctl(c->fd, FIONREAD, &waiting) == 0 && waiting > 0;
}

void conn_on_completed(void *cls, struct MHD_Connection *mhd, void **ctx,
                       enum MHD_RequestTerminationCode why)
{
    struct exchange *ex = *ctx;
    struct conn *c;

    if (!ex)
        return;
    *ctx = NULL;
    c = ex->conn;
    c->ex = NULL;
    c->moved_us = clock_mono_us();
    ex->conn = NULL;
    exchange_unhold(ex);
    if (ex->owned && (ex->answer == ANSWER_NONE || ex->answer == ANSWER_OPEN))
        exchange_tell(ex, DUE_GONE);
    if (!ex->owned)
        exchange_recycle(ex);
    if (c->server->draining)
        conn_cut(c);
    else if (c->server->n_conns > CROWD)
        conn_clock(c, REST_MS);
}

/* ---- connections ---- */

/* A client that is sent to but does not read: has it taken anything since the last look? */
static bool taking(struct conn *c)
{
    struct {
        struct tcp_info
            head; /* as far as glibc 2.36 knows it; linux/tcp.h goes on, since Linux 4.1 */
        uint64_t pacing_rate, pacing_rate_max, acked_bytes;
    } info = {0};
    socklen_t len = sizeof info;
    bool moved;

    if (getsockopt(c->fd, IPPROTO_TCP, TCP_INFO, &info, &len) != 0)
        return false;
    moved = info.acked_bytes != c->acked_bytes;
    c->acked_bytes = info.acked_bytes;
    return moved;
}

/* When the connection has to be given up unless something moves; UINT64_MAX: it waits for us. */
static uint64_t conn_deadline_us(struct conn *c, uint64_t now_us)
{
    const struct server_limits *limits = &c->server->limits;
    uint64_t slow_us = (uint64_t)limits->slow_ms * 1000, idle_us = (uint64_t)limits->idle_ms * 1000;
    struct exchange *ex = c->ex;

    if (!ex)
        return c->moved_us + (c->used || idle_us < slow_us ? idle_us : slow_us);
    if (ex->stage == STAGE_HEAD || ex->stage == STAGE_BODY)
        return c->moved_us + slow_us;
    if (ex->answer == ANSWER_NONE || (ex->answer == ANSWER_OPEN && exchange_pending(ex) == 0) ||
        taking(c)) {
        c->moved_us = now_us;
        return UINT64_MAX;
    }
    return c->moved_us + slow_us;
}

static bool is_zero(const char *p, size_t n)
{
    return *p == 0 && memcmp(p, p + 1, n - 1) == 0;
}

/* libmicrohttpd clears its pool after every request, all of it, so that a connection which rests
 * holds 41 kB of zeros.  Pages with nothing in them are given back: the kernel makes zeros of them
 * again when they are touched, so not a byte changes for libmicrohttpd, whatever it keeps there. */
static void conn_trim(struct conn *c)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE), n = c->server->pool_bytes / page;
    unsigned char resident[POOL_PAGES_MAX];

    if (!c->pool || c->trimmed || n > POOL_PAGES_MAX || mincore(c->pool, n * page, resident) != 0)
        return;
    c->trimmed = true;
    for (size_t i = 0, end; i < n; i = end + 1) { /* runs of such pages: a call for each */
        for (end = i; end < n && resident[end] & 1 && is_zero(c->pool + end * page, page); end++)
            ;
        if (end > i)
            madvise(c->pool + i * page, (end - i) * page, MADV_DONTNEED);
    }
}

/* Deadlines are looked at, not kept: a tick at least every slow_ms costs nothing per request, and
 * gives up a stalled client between one and two times slow_ms after it stalled. */
static void on_tick(struct timer *t)
{
    struct conn *c = CONTAINER_OF(t, struct conn, clock);
    struct server *s = c->server;
    uint64_t now_us = clock_mono_us(), due_us = conn_deadline_us(c, now_us), wait_ms;

    if (due_us <= now_us) {
        conn_leave(c);
        conn_cut(c);
        return;
    }
    if (stuck(c, now_us)) {
        exchange_stuck(c->ex);
        return;
    }
    if (!c->ex)
        conn_trim(c);
    wait_ms = (due_us - now_us) / 1000 + 1;
    if (wait_ms > s->limits.slow_ms)
        wait_ms = s->limits.slow_ms;
    if (c->ex && c->ex->stage == STAGE_BODY && c->ex->chunked && wait_ms > CHUNK_MS)
        wait_ms = CHUNK_MS;
    conn_clock(c, wait_ms);
}

static void conn_open(struct server *s, struct MHD_Connection *mhd, void **ctx)
{
    struct conn *c = calloc(1, sizeof *c);
    struct epoll_event event = {.events = EPOLLRDHUP | EPOLLET, .data.ptr = c};
    unsigned first_ms =
        s->limits.slow_ms < s->limits.idle_ms ? s->limits.slow_ms : s->limits.idle_ms;

    if (!c)
        return; /* exchange_on_uri() finds none and refuses */
    *ctx = c;
    *c = (struct conn){.server = s, .mhd = mhd, .next = s->conns, .moved_us = clock_mono_us()};
    c->fd = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
    c->over = ++s->n_conns > s->limits.connections_max;
    if (s->conns)
        s->conns->prev = c;
    s->conns = c;
    conn_clock(c, first_ms);
    if (s->draining || epoll_ctl(s->leave_fd, EPOLL_CTL_ADD, c->fd, &event) != 0)
        conn_cut(c);
}

static void conn_close(struct conn *c)
{
    struct server *s = c->server;

    timer_disarm(s->loop, &c->clock);
    epoll_ctl(s->leave_fd, EPOLL_CTL_DEL, c->fd, NULL); /* before linger() duplicates it */
    if (c->refused && !s->freed)
        linger(&s->lingers, c->fd);
    if (c->prev)
        c->prev->next = c->next;
    else
        s->conns = c->next;
    if (c->next)
        c->next->prev = c->prev;
    s->n_conns--;
    free(c);
}

void conn_on_connection(void *cls, struct MHD_Connection *mhd, void **ctx,
                        enum MHD_ConnectionNotificationCode what)
{
    if (what == MHD_CONNECTION_NOTIFY_STARTED)
        conn_open(cls, mhd, ctx);
    else if (*ctx)
        conn_close(*ctx);
}
