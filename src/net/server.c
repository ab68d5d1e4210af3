#include "net/server_inside.h"
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    BODY_BYTES_MAX = 64 << 20,    /* a few large images in base64 */
    BODIES_BYTES_MAX = 256 << 20, /* four of the largest; a turn holds its body some four times */
    HEADER_BYTES_MAX = 32 << 10,  /* twice what Node.js accepts, four times Apache */
    IDLE_MS = 120000,             /* longer than the keep-alive of the usual HTTP clients */
    SLOW_MS = 30000,              /* a stalled upload: about what Apache allows between packets */

    POOL_SLACK_BYTES = 8 << 10, /* of libmicrohttpd's pool: our answer's header, its header table */
    REFUSALS_MAX = 64,          /* connections over the limit that may be told so at a time */
    ROUNDS_MAX = 32,            /* of MHD_run in one pass of the loop; others wait too */
    BACKLOG = 1024,             /* connections that the kernel keeps for us */
};

/* ---- the pump ---- */

static void on_more(uv_idle_t *idle);

static void pump(struct server *s)
{
    MHD_UNSIGNED_LONG_LONG wait_ms;
    unsigned rounds = 0;

    if (s->pumping)
        return;
    s->pumping = true;
    do {
        s->again = false;
        MHD_run(s->mhd);
        rounds++;
    } while (rounds < ROUNDS_MAX &&
             (s->again || (MHD_get_timeout(s->mhd, &wait_ms) == MHD_YES && wait_ms == 0)));
    s->pumping = false;
    if (rounds < ROUNDS_MAX)
        uv_idle_stop(&s->more);
    else
        uv_idle_start(&s->more, on_more);
}

static void on_pump_later(struct later *later)
{
    pump(CONTAINER_OF(later, struct server, pump_later));
}

void server_pump_soon(struct server *s)
{
    s->again = true;
    if (!s->pumping)
        loop_later(s->loop, &s->pump_later, on_pump_later);
}

static void on_leave(uv_poll_t *poll, int status, int events)
{
    struct server *s = poll->data;
    struct epoll_event seen[64];
    int n = epoll_wait(s->leave_fd, seen, ARRAY_LEN(seen), 0);

    for (int i = 0; i < n;
         i++) /* no conn is freed in here: conn_cut() and exchange_tell() only ask */
        conn_leave(seen[i].data.ptr);
}

static void on_mhd_ready(uv_poll_t *poll, int status, int events)
{
    pump(poll->data);
}

static void on_more(uv_idle_t *idle)
{
    pump(idle->data);
}

static void on_drained_later(struct later *later)
{
    struct server *s = CONTAINER_OF(later, struct server, drained_later);

    if (s->n_exchanges == 0 && s->ops.drained)
        s->ops.drained(s->owner);
}

void server_drained_check(struct server *s)
{
    if (s->draining && !s->freed && s->n_exchanges == 0)
        loop_later(s->loop, &s->drained_later, on_drained_later);
}

/* ---- the server ---- */

static enum nigh_status listen_on(int *ret_fd, uint16_t *ret_port, const char *host, uint16_t port,
                                  struct nigh_err *err)
{
    union {
        struct sockaddr sa;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } to = {0};
    socklen_t len = sizeof to.v4;
    int fd, on = 1;

    if (strcmp(host, "localhost") == 0)
        host = "127.0.0.1";
    if (inet_pton(AF_INET, host, &to.v4.sin_addr) == 1) {
        to.v4.sin_family = AF_INET;
        to.v4.sin_port = htons(port);
    } else if (inet_pton(AF_INET6, host, &to.v6.sin6_addr) == 1) {
        to.v6.sin6_family = AF_INET6;
        to.v6.sin6_port = htons(port);
        len = sizeof to.v6;
    } else {
        return nigh_fail(err, NIGH_INVALID,
                         "listen: \"%s\" is neither an IP address nor \"localhost\"", host);
    }
    fd = socket(to.sa.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return nigh_fail(err, NIGH_IO, "listen on %s: %m", host);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on); /* accepted sockets inherit it */
    if (to.sa.sa_family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
    if (bind(fd, &to.sa, len) != 0 || listen(fd, BACKLOG) != 0 ||
        getsockname(fd, &to.sa, &len) != 0) {
        nigh_fail(err, NIGH_IO, "listen on %s port %u: %m", host, port);
        close(fd);
        return NIGH_IO;
    }
    *ret_port = ntohs(to.sa.sa_family == AF_INET ? to.v4.sin_port : to.v6.sin6_port);
    *ret_fd = fd;
    return NIGH_OK;
}

static void limits_fill(struct server_limits *to, const struct server_limits *from)
{
    *to = from ? *from : (struct server_limits){0};
    to->body_bytes_max = to->body_bytes_max ? to->body_bytes_max : BODY_BYTES_MAX;
    to->bodies_bytes_max = to->bodies_bytes_max ? to->bodies_bytes_max : BODIES_BYTES_MAX;
    if (to->bodies_bytes_max < to->body_bytes_max)
        to->bodies_bytes_max = to->body_bytes_max;
    to->header_bytes_max = to->header_bytes_max ? to->header_bytes_max : HEADER_BYTES_MAX;
    to->connections_max = to->connections_max ? to->connections_max : SERVER_CONNECTIONS_MAX;
    to->idle_ms = to->idle_ms ? to->idle_ms : IDLE_MS;
    to->slow_ms = to->slow_ms ? to->slow_ms : SLOW_MS;
}

static enum nigh_status mhd_start(struct server *s, struct nigh_err *err)
{
    struct MHD_OptionItem tls[3];
    unsigned flags = server_tls_options(s, tls);

    s->mhd = MHD_start_daemon(MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | flags, 0, NULL, NULL,
                              exchange_on_access, s, MHD_OPTION_LISTEN_SOCKET, s->listen_fd, /* */
                              MHD_OPTION_CONNECTION_MEMORY_LIMIT, s->pool_bytes,             /* */
                              MHD_OPTION_CONNECTION_LIMIT,
                              s->limits.connections_max + REFUSALS_MAX,            /* */
                              MHD_OPTION_CONNECTION_TIMEOUT, 0U,                   /* on_tick() */
                              MHD_OPTION_URI_LOG_CALLBACK, exchange_on_uri, s,     /* */
                              MHD_OPTION_NOTIFY_COMPLETED, conn_on_completed, s,   /* */
                              MHD_OPTION_NOTIFY_CONNECTION, conn_on_connection, s, /* */
                              MHD_OPTION_ARRAY, tls, MHD_OPTION_END);
    if (!s->mhd)
        return nigh_fail(err, NIGH_IO, "start the HTTP server: %s", strerror(errno));
    return NIGH_OK;
}

static void on_uv_closed(uv_handle_t *handle)
{
    struct server *s = handle->data;

    if (--s->closing == 0) {
        close(s->leave_fd);
        free(s);
    }
}

static void poll_start(struct server *s, uv_poll_t *poll, int fd, uv_poll_cb fn)
{
    int rc = uv_poll_init(loop_uv(s->loop), poll, fd);

    assert(rc == 0); /* an epoll descriptor can be polled, and is not closed */
    s->closing++;
    poll->data = s;
    uv_poll_start(poll, UV_READABLE, fn);
}

enum nigh_status server_new(struct server **ret, struct loop *loop, const struct server_at *at,
                            const struct server_limits *limits, const struct server_ops *ops,
                            void *owner, struct nigh_err *err)
{
    struct server *s = calloc(1, sizeof *s);
    enum nigh_status status;

    if (!s)
        return nigh_fail(err, NIGH_NOMEM, "start the HTTP server: out of memory");
    *s = (struct server){
        .loop = loop, .ops = *ops, .owner = owner, .listen_fd = -1, .identity = at->identity};
    limits_fill(&s->limits, limits);
    s->pool_bytes = s->limits.header_bytes_max + POOL_SLACK_BYTES;
    lingers_init(&s->lingers, loop);
    s->leave_fd = epoll_create1(EPOLL_CLOEXEC);
    if (s->leave_fd < 0)
        status = nigh_fail(err, NIGH_IO, "start the HTTP server: %m");
    else if ((status = listen_on(&s->listen_fd, &s->port, at->host, at->port, err)) == NIGH_OK)
        status = mhd_start(s, err);
    if (status != NIGH_OK) {
        if (s->leave_fd >= 0)
            close(s->leave_fd);
        free(s); /* libmicrohttpd closes the listening socket when it fails */
        return status;
    }
    poll_start(s, &s->poll, MHD_get_daemon_info(s->mhd, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd,
               on_mhd_ready);
    poll_start(s, &s->leave, s->leave_fd, on_leave);
    uv_idle_init(loop_uv(loop), &s->more);
    s->more.data = s;
    s->closing++;
    pump(s); /* registers the listening socket */
    *ret = s;
    return NIGH_OK;
}

/* What is open ends as for a client that left. */
static void conns_end(struct server *s)
{
    for (struct conn *c = s->conns; c; c = c->next) {
        conn_leave(c);
        conn_cut(c);
    }
    for (int i = 0; s->conns && i < 3; i++) /* resumed, closed, cleaned up */
        MHD_run(s->mhd);
}

static void exchanges_orphan(struct server *s)
{
    while (s->open) {
        struct exchange *ex = s->open;

        assert(!ex->conn && ex->owned);
        s->open = ex->next;
        ex->prev = ex->next = NULL;
        ex->server = NULL; /* lives until exchange_release; a `gone` on its way may still come */
    }
    while (s->spare) {
        struct exchange *ex = s->spare;

        s->spare = ex->next;
        exchange_destroy(ex);
    }
}

struct server *server_free(struct server *s)
{
    if (!s)
        return NULL;
    assert(!s->pumping);
    server_drain(s);
    s->freed = true;
    s->pumping = true; /* server_pump_soon() asks for nothing any more */
    conns_end(s);
    loop_later_cancel(s->loop, &s->pump_later);
    loop_later_cancel(s->loop, &s->drained_later);
    lingers_done(&s->lingers);
    uv_poll_stop(&s->poll); /* before the descriptor is closed */
    MHD_stop_daemon(s->mhd);
    assert(!s->conns);
    exchanges_orphan(s);
    uv_close((uv_handle_t *)&s->poll, on_uv_closed);
    uv_close((uv_handle_t *)&s->leave, on_uv_closed);
    uv_close((uv_handle_t *)&s->more, on_uv_closed);
    return NULL;
}

void server_drain(struct server *s)
{
    MHD_socket fd;

    if (s->draining)
        return;
    s->draining = true;
    fd = MHD_quiesce_daemon(s->mhd);
    if (fd != MHD_INVALID_SOCKET)
        close(fd); /* ours since the line before; what waits in its backlog is reset */
    for (struct conn *c = s->conns; c; c = c->next)
        if (!c->ex)
            conn_cut(c);
    server_drained_check(s);
}

uint16_t server_port(const struct server *s)
{
    return s->port;
}

unsigned server_exchanges(const struct server *s)
{
    return s->n_exchanges;
}
