/* How libmicrohttpd is driven here, and what we know of it (0.9.75).
 *
 * It has no thread: its epoll descriptor sits in one uv_poll, and pump() calls MHD_run() until it
 * has nothing left to do.  It reads its sockets edge-triggered, so leaving early would lose a
 * wake-up.
 *
 * 1. A connection that waits for an answer is suspended.  libmicrohttpd then takes the socket out
 * of its epoll set and does not see the client leave; so every socket is also registered, once, in
 * an epoll set of ours for EPOLLRDHUP.
 * 2. Nothing of ours is freed while libmicrohttpd may call us about it: a conn dies in
 * on_connection, an exchange when both its owner (exchange_release) and libmicrohttpd
 * (on_completed) are through.
 * 3. libmicrohttpd's strings die with the request, ours with the exchange: head_in() copies them.
 * 4. pump() is never entered twice, and no callback of an owner but `request` comes from inside it.
 */
#include "net/server.h"
#include "base/clock.h"
#include "loop/timer.h"
#include "net/linger.h"
#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    BODY_BYTES_MAX = 64 << 20,   /* a few large images in base64 */
    HEADER_BYTES_MAX = 32 << 10, /* twice what Node.js accepts, four times Apache */
    CONNECTIONS_MAX = 10240,     /* every program of one person, or a small company's, at once */
    IDLE_MS = 120000,            /* longer than the keep-alive of the usual HTTP clients */
    SLOW_MS = 30000,             /* a stalled upload: about what Apache allows between packets */

    POOL_SLACK_BYTES = 8 << 10, /* of libmicrohttpd's pool: our answer's header, its header table */
    REFUSALS_MAX = 64,          /* connections over the limit that may be told so at a time */
    ROUNDS_MAX = 32,            /* of MHD_run in one pass of the loop; others wait too */
    CROWD = 3072, /* connections; above it, idle ones have CROWD_IDLE_MS.  One that was used holds
                   * 41 kB (measured 2026-11-22), because libmicrohttpd clears its whole pool */
    CROWD_IDLE_MS = 1000,
    BACKLOG = 1024,                /* connections that the kernel keeps for us */
    BODY_HINT_BYTES_MAX = 1 << 20, /* believed of a Content-Length before the bytes are here */
    ANSWER_BYTES_MAX = 256 << 20,  /* over any answer; a producer that ignores `drained` hits it */
    SPARE_MAX = 64,                /* finished exchanges kept for the next requests */
    SPARE_BYTES_MAX = 16 << 10,    /* of a buffer that such an exchange keeps: the usual request */
    CONTINUED_BLOCK_BYTES = 1,     /* unused by chunked answers, and MHD wants at least one */
};

struct pair { /* places in exchange.text */
    uint32_t name, name_len, value, value_len;
};

struct conn {
    struct server *server;
    struct conn *prev, *next;
    struct MHD_Connection *mhd;
    struct exchange *ex; /* the request that is read or answered now */
    struct timer clock;
    uint64_t moved_us;    /* when it began to be idle, or the request last moved */
    uint64_t acked_bytes; /* by the client, at the last tick while we were sending */
    int fd;
    bool used;      /* a request line came */
    bool loopback;  /* the peer's address */
    bool suspended; /* as far as MHD_resume_connection was not called */
    bool left;      /* the client closed its side, at least for writing */
    bool cut;       /* shut down by us; nothing more is read or answered */
    bool refused;   /* told so by refuse() */
    bool over;      /* one connection too many */
};

enum stage { STAGE_HEAD, STAGE_BODY, STAGE_PARKED, STAGE_ANSWER };
enum answer { ANSWER_NONE, ANSWER_OPEN, ANSWER_WHOLE, ANSWER_BROKEN };
enum { DUE_GONE = 1, DUE_DRAINED = 2 };

struct exchange {
    struct loop *loop;
    struct server *server;        /* NULL after server_free */
    struct conn *conn;            /* NULL once libmicrohttpd is through with it */
    struct exchange *prev, *next; /* open ones, or spare ones by next */
    enum stage stage;
    enum answer answer;
    bool owned;   /* between `request` and exchange_release */
    bool started; /* the answer was handed to libmicrohttpd */
    bool loopback, http_1_0;
    uint64_t started_us;

    struct buf text; /* request line and headers, each piece with a NUL */
    struct slice method, path;
    struct pair *pairs; /* headers, then the query */
    size_t n_headers, n_pairs, cap_pairs;
    struct buf body;

    struct buf out;
    size_t out_taken;  /* of out, by libmicrohttpd */
    size_t drained_at; /* tell `drained` when pending is at most this */
    bool drain_wanted;
    int status;                /* of an HTTP/1.0 answer that waits for its end */
    struct MHD_Response *held; /* its headers */

    struct later later;
    unsigned due;
    void *owner;
    void (*gone)(void *owner);
    void (*drained)(void *owner);
};

struct server {
    struct loop *loop;
    struct MHD_Daemon *mhd;
    uv_poll_t poll;  /* libmicrohttpd's epoll descriptor */
    uv_poll_t leave; /* ours, see 1 */
    uv_idle_t more;  /* active while ROUNDS_MAX was not enough */
    int leave_fd, listen_fd;
    unsigned closing; /* uv handles that are not closed yet */
    struct later pump_later, drained_later;
    bool pumping, again, draining, freed;
    struct server_limits limits;
    struct server_ops ops;
    void *owner;
    struct conn *conns;
    unsigned n_conns, n_exchanges, n_spare;
    struct exchange *open, *spare;
    struct lingers lingers;
    uint16_t port;
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

/* Something for libmicrohttpd to do: in this pass of the loop, after the callback that runs now. */
static void pump_soon(struct server *s)
{
    s->again = true;
    if (!s->pumping)
        loop_later(s->loop, &s->pump_later, on_pump_later);
}

static void wake(struct conn *c)
{
    if (!c->suspended)
        return;
    c->suspended = false;
    MHD_resume_connection(c->mhd);
    pump_soon(c->server);
}

static void park(struct conn *c)
{
    c->suspended = true;
    MHD_suspend_connection(c->mhd);
}

/* Ends a connection from outside of libmicrohttpd, which then sees it closed and cleans up.  What
 * the kernel has of an answer is still sent. */
static void cut(struct conn *c)
{
    if (!c->cut)
        shutdown(c->fd, SHUT_RDWR);
    c->cut = true;
    wake(c);
    pump_soon(c->server);
}

/* ---- exchanges: birth and death ---- */

static void buf_spare(struct buf *b)
{
    size_t max_bytes = b->max_bytes;

    if (b->cap > SPARE_BYTES_MAX) {
        buf_done(b);
        *b = (struct buf){.max_bytes = max_bytes};
    }
    buf_reset(b);
}

static struct exchange *exchange_destroy(struct exchange *ex)
{
    buf_done(&ex->text);
    buf_done(&ex->body);
    buf_done(&ex->out);
    free(ex->pairs);
    free(ex);
    return NULL;
}

static void drained_check(struct server *s);

/* Both sides are through with it. */
static void exchange_recycle(struct exchange *ex)
{
    struct server *s = ex->server;

    assert(!ex->conn && !ex->owned);
    loop_later_cancel(ex->loop, &ex->later);
    if (ex->held)
        MHD_destroy_response(TAKE(ex->held));
    if (!s) {
        exchange_destroy(ex);
        return;
    }
    if (ex->prev)
        ex->prev->next = ex->next;
    else
        s->open = ex->next;
    if (ex->next)
        ex->next->prev = ex->prev;
    s->n_exchanges--;
    drained_check(s);
    if (s->n_spare >= SPARE_MAX) {
        exchange_destroy(ex);
        return;
    }
    buf_spare(&ex->text);
    buf_spare(&ex->body);
    buf_spare(&ex->out);
    ex->next = s->spare;
    s->spare = ex;
    s->n_spare++;
}

static struct exchange *exchange_take(struct server *s)
{
    struct exchange *ex = s->spare;

    if (ex) {
        s->spare = ex->next;
        s->n_spare--;
        *ex = (struct exchange){.text = ex->text,
                                .body = ex->body,
                                .out = ex->out,
                                .pairs = ex->pairs,
                                .cap_pairs = ex->cap_pairs};
    } else if (!(ex = calloc(1, sizeof *ex))) {
        return NULL;
    }
    ex->body.max_bytes = s->limits.body_bytes_max + 1; /* its NUL */
    ex->out.max_bytes = ANSWER_BYTES_MAX;
    ex->server = s;
    ex->loop = s->loop;
    ex->next = s->open;
    if (s->open)
        s->open->prev = ex;
    s->open = ex;
    s->n_exchanges++;
    return ex;
}

/* ---- telling the owner ---- */

static void deliver(struct later *later)
{
    struct exchange *ex = CONTAINER_OF(later, struct exchange, later);
    unsigned due = ex->due;

    ex->due = 0;
    if (!ex->owned)
        return;
    if (due & DUE_GONE) { /* the last word: the owner may release inside */
        if (ex->gone)
            ex->gone(ex->owner);
        else
            ex->due = DUE_GONE; /* told when he watches */
    } else if ((due & DUE_DRAINED) && ex->drained) {
        ex->drained(ex->owner);
    }
}

static void tell(struct exchange *ex, unsigned due)
{
    ex->due |= due;
    if (ex->owned && ex->server)
        loop_later(ex->server->loop, &ex->later, deliver);
}

static void on_drained_later(struct later *later)
{
    struct server *s = CONTAINER_OF(later, struct server, drained_later);

    if (s->n_exchanges == 0 && s->ops.drained)
        s->ops.drained(s->owner);
}

static void drained_check(struct server *s)
{
    if (s->draining && !s->freed && s->n_exchanges == 0)
        loop_later(s->loop, &s->drained_later, on_drained_later);
}

/* The client is not there any more, or we gave it up. */
static void leave(struct conn *c)
{
    struct exchange *ex = c->ex;

    c->left = true;
    if (!ex || (ex->stage != STAGE_PARKED && ex->stage != STAGE_ANSWER))
        return; /* libmicrohttpd reads that one, and sees it */
    if (ex->answer == ANSWER_NONE || ex->answer == ANSWER_OPEN) {
        tell(ex, DUE_GONE);
        cut(c);
    }
}

/* ---- refusals ---- */

static const struct refusal {
    int status;
    const char *reason, *message, *extra;
} REFUSE_METHOD = {405, "Method Not Allowed", "this method is not known here",
                   "Allow: GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS\r\n"},
  REFUSE_BODY = {413, "Content Too Large", "the body is over the limit", ""},
  REFUSE_HEADER = {431, "Request Header Fields Too Large", "the headers are over the limit", ""},
  REFUSE_FULL = {503, "Service Unavailable", "too many connections are open; try again later",
                 "Retry-After: 1\r\n"};

/* Straight to the socket, because libmicrohttpd takes no answer in mid-body, and sends no
 * answer that fits ours to a client that is still uploading.  No other answer is under way then. */
static enum MHD_Result refuse(struct exchange *ex, const struct refusal *r)
{
    char text[512], json[256];
    struct conn *c = ex->conn;
    int n = snprintf(json, sizeof json,
                     "{\"error\":{\"message\":\"%s\",\"type\":\"invalid_request_error\"}}\n",
                     r->message);

    n = snprintf(text, sizeof text,
                 "HTTP/1.1 %d %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n"
                 "Connection: close\r\n%s\r\n%s",
                 r->status, r->reason, n, r->extra, slice_is(ex->method, "HEAD") ? "" : json);
    /* It fits into an empty socket buffer; if it does not, the client does not listen. */
    if (send(c->fd, text, (size_t)n, MSG_NOSIGNAL | MSG_DONTWAIT) == n)
        c->refused = true;
    return MHD_NO;
}

/* ---- the request comes in ---- */

static bool method_known(const char *method)
{
    static const char *const known[] = {"GET", "POST", "HEAD", "OPTIONS", "PUT", "DELETE", "PATCH"};

    for (size_t i = 0; i < ARRAY_LEN(known); i++)
        if (strcmp(method, known[i]) == 0)
            return true;
    return false;
}

static uint32_t text_add(struct exchange *ex, const char *p, size_t len)
{
    size_t at = ex->text.len;

    buf_add(&ex->text, p, len);
    buf_add_char(&ex->text, 0);
    return (uint32_t)at;
}

static struct pair *pair_add(struct exchange *ex)
{
    if (ex->n_pairs == ex->cap_pairs) {
        size_t cap = ex->cap_pairs ? ex->cap_pairs * 2 : 32;
        struct pair *pairs = realloc(ex->pairs, cap * sizeof *pairs);

        if (!pairs)
            return NULL;
        ex->pairs = pairs;
        ex->cap_pairs = cap;
    }
    return &ex->pairs[ex->n_pairs++];
}

static enum MHD_Result on_header(void *cls, enum MHD_ValueKind kind, const char *name,
                                 size_t name_len, const char *value, size_t value_len)
{
    struct exchange *ex = cls;
    struct pair *pair = pair_add(ex);

    if (!pair)
        return MHD_NO;
    pair->name = text_add(ex, name, name_len);
    pair->name_len = (uint32_t)name_len;
    pair->value = text_add(ex, value ? value : "", value_len);
    pair->value_len = (uint32_t)value_len;
    return MHD_YES;
}

static int hex(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 87 : -1;
}

/* Decodes %XX and '+' in place of a query's piece; returns its new length. */
static size_t unescape(char *p, size_t len)
{
    size_t to = 0;

    for (size_t i = 0; i < len; i++) {
        if (p[i] == '%' && i + 2 < len && hex(p[i + 1]) >= 0 && hex(p[i + 2]) >= 0) {
            p[to++] = (char)(hex(p[i + 1]) << 4 | hex(p[i + 2]));
            i += 2;
        } else {
            p[to++] = p[i] == '+' ? ' ' : p[i];
        }
    }
    return to;
}

static uint32_t query_piece(struct exchange *ex, struct slice piece, uint32_t *ret_len)
{
    uint32_t at = text_add(ex, piece.p, piece.len);

    *ret_len = ex->text.failed ? 0 : (uint32_t)unescape(ex->text.data + at, piece.len);
    return at;
}

static bool query_in(struct exchange *ex, struct slice query)
{
    while (query.p) {
        struct slice value = slice_cut(&query, '&'), name = slice_cut(&value, '=');
        struct pair *pair;

        if (name.len == 0)
            continue;
        if (!(pair = pair_add(ex)))
            return false;
        pair->name = query_piece(ex, name, &pair->name_len);
        pair->value = query_piece(ex, value.p ? value : SLICE(""), &pair->value_len);
    }
    return true;
}

/* The request line is in: the exchange begins.  What is returned becomes *ctx of the calls below.
 */
static void *on_uri(void *cls, const char *uri, struct MHD_Connection *mhd)
{
    struct server *s = cls;
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    struct conn *c = info->socket_context;
    struct exchange *ex = c && !c->cut ? exchange_take(s) : NULL;

    if (!ex)
        return NULL;
    ex->conn = c;
    c->ex = ex;
    c->used = true;
    ex->loopback = c->loopback;
    ex->started_us = c->moved_us = clock_mono_us();
    text_add(ex, uri, strlen(uri)); /* at 0: split in head_in() */
    return ex;
}

static enum MHD_Result head_in(struct exchange *ex, const char *method, const char *version)
{
    struct server *s = ex->server;
    struct slice uri = {NULL, ex->text.len - 1}, length, path;
    uint32_t method_at = text_add(ex, method, strlen(method));
    uint64_t declared = 0;
    const union MHD_ConnectionInfo *info;

    ex->stage = STAGE_BODY;
    ex->http_1_0 = strcmp(version, MHD_HTTP_VERSION_1_0) == 0;
    MHD_get_connection_values_n(ex->conn->mhd, MHD_HEADER_KIND, on_header, ex);
    ex->n_headers = ex->n_pairs;
    if (ex->text.failed)
        return MHD_NO;
    CLEANUP(buf_done) struct buf query = {0};
    uri.p = ex->text.data;
    path = slice_cut(&uri, '?');
    if (uri.p)
        buf_add_str(&query, uri); /* text may move while pieces are added to it */
    if (!query_in(ex, uri.p ? (struct slice){query.data, query.len} : uri) || ex->text.failed)
        return MHD_NO;
    ex->path = (struct slice){ex->text.data, path.len};
    ex->method = slice_of(ex->text.data + method_at);

    if (ex->conn->over)
        return refuse(ex, &REFUSE_FULL);
    if (!method_known(method))
        return refuse(ex, &REFUSE_METHOD);
    info = MHD_get_connection_info(ex->conn->mhd, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
    if (info && info->header_size > s->limits.header_bytes_max)
        return refuse(ex, &REFUSE_HEADER);
    length = exchange_header(ex, MHD_HTTP_HEADER_CONTENT_LENGTH);
    if (length.p && !exchange_header(ex, MHD_HTTP_HEADER_TRANSFER_ENCODING).p) {
        if (!slice_u64(length, &declared) || declared > s->limits.body_bytes_max)
            return refuse(ex, &REFUSE_BODY);
        if (declared > 0)
            buf_reserve(&ex->body,
                        declared < BODY_HINT_BYTES_MAX ? (size_t)declared : BODY_HINT_BYTES_MAX);
    }
    return ex->body.failed ? MHD_NO : MHD_YES;
}

static enum MHD_Result body_in(struct exchange *ex, const char *data, size_t *size)
{
    if (*size > ex->server->limits.body_bytes_max - ex->body.len)
        return refuse(ex, &REFUSE_BODY);
    buf_add(&ex->body, data, *size);
    *size = 0;
    ex->conn->moved_us = clock_mono_us();
    return ex->body.failed ? MHD_NO : MHD_YES;
}

static enum MHD_Result request_in(struct exchange *ex)
{
    struct conn *c = ex->conn;

    if (c->left)
        return MHD_NO;
    ex->stage = STAGE_PARKED;
    ex->owned = true;
    ex->server->ops.request(ex->server->owner, ex);
    if (!ex->started && !c->cut)
        park(c); /* this connection does nothing until wake() */
    return c->cut ? MHD_NO : MHD_YES;
}

static enum MHD_Result on_access(void *cls, struct MHD_Connection *mhd, const char *url,
                                 const char *method, const char *version, const char *data,
                                 size_t *size, void **ctx)
{
    struct exchange *ex = *ctx;

    if (!ex)
        return MHD_NO; /* on_uri had no memory, or we are closing */
    switch (ex->stage) {
    case STAGE_HEAD:
        return head_in(ex, method, version);
    case STAGE_BODY:
        return *size > 0 ? body_in(ex, data, size) : request_in(ex);
    case STAGE_PARKED: /* woken without an answer: cut */
    case STAGE_ANSWER:
        break;
    }
    return MHD_NO;
}

static void on_tick(struct timer *t);

static void conn_clock(struct conn *c, uint64_t wait_ms)
{
    if (timer_arm(c->server->loop, &c->clock, wait_ms, on_tick, NULL) != NIGH_OK)
        cut(c); /* no memory for its deadline: no connection without one */
}

static void on_completed(void *cls, struct MHD_Connection *mhd, void **ctx,
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
    if (ex->owned && (ex->answer == ANSWER_NONE || ex->answer == ANSWER_OPEN))
        tell(ex, DUE_GONE);
    if (!ex->owned)
        exchange_recycle(ex);
    if (c->server->draining)
        cut(c);
    else if (c->server->n_conns > CROWD)
        conn_clock(c, CROWD_IDLE_MS);
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

    if (c->used && c->server->n_conns > CROWD && idle_us > CROWD_IDLE_MS * 1000)
        idle_us = CROWD_IDLE_MS * 1000;
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

/* Deadlines are looked at, not kept: a tick at least every slow_ms costs nothing per request, and
 * gives up a stalled client between one and two times slow_ms after it stalled. */
static void on_tick(struct timer *t)
{
    struct conn *c = CONTAINER_OF(t, struct conn, clock);
    struct server *s = c->server;
    uint64_t now_us = clock_mono_us(), due_us = conn_deadline_us(c, now_us), wait_ms;

    if (due_us <= now_us) {
        leave(c);
        cut(c);
        return;
    }
    wait_ms = (due_us - now_us) / 1000 + 1;
    if (wait_ms > s->limits.slow_ms)
        wait_ms = s->limits.slow_ms;
    conn_clock(c, wait_ms);
}

static bool address_is_loopback(const struct sockaddr *sa)
{
    if (sa->sa_family == AF_INET)
        return ntohl(((const struct sockaddr_in *)(const void *)sa)->sin_addr.s_addr) >> 24 == 127;
    if (sa->sa_family != AF_INET6)
        return false;
    const struct in6_addr *a = &((const struct sockaddr_in6 *)(const void *)sa)->sin6_addr;
    return IN6_IS_ADDR_LOOPBACK(a) || (IN6_IS_ADDR_V4MAPPED(a) && a->s6_addr[12] == 127);
}

static void conn_open(struct server *s, struct MHD_Connection *mhd, void **ctx)
{
    struct conn *c = calloc(1, sizeof *c);
    struct epoll_event event = {.events = EPOLLRDHUP | EPOLLET, .data.ptr = c};
    unsigned first_ms =
        s->limits.slow_ms < s->limits.idle_ms ? s->limits.slow_ms : s->limits.idle_ms;

    if (!c)
        return; /* on_uri() finds none and refuses */
    *ctx = c;
    *c = (struct conn){.server = s, .mhd = mhd, .next = s->conns, .moved_us = clock_mono_us()};
    c->fd = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
    c->loopback = address_is_loopback(
        MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CLIENT_ADDRESS)->client_addr);
    c->over = ++s->n_conns > s->limits.connections_max;
    if (s->conns)
        s->conns->prev = c;
    s->conns = c;
    conn_clock(c, first_ms);
    if (s->draining || epoll_ctl(s->leave_fd, EPOLL_CTL_ADD, c->fd, &event) != 0)
        cut(c);
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

static void on_connection(void *cls, struct MHD_Connection *mhd, void **ctx,
                          enum MHD_ConnectionNotificationCode what)
{
    if (what == MHD_CONNECTION_NOTIFY_STARTED)
        conn_open(cls, mhd, ctx);
    else if (*ctx)
        conn_close(*ctx);
}

static void on_leave(uv_poll_t *poll, int status, int events)
{
    struct server *s = poll->data;
    struct epoll_event seen[64];
    int n = epoll_wait(s->leave_fd, seen, ARRAY_LEN(seen), 0);

    for (int i = 0; i < n; i++) /* no conn is freed in here: cut() and tell() only ask */
        leave(seen[i].data.ptr);
}

static void on_mhd_ready(uv_poll_t *poll, int status, int events)
{
    pump(poll->data);
}

static void on_more(uv_idle_t *idle)
{
    pump(idle->data);
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
    to->header_bytes_max = to->header_bytes_max ? to->header_bytes_max : HEADER_BYTES_MAX;
    to->connections_max = to->connections_max ? to->connections_max : CONNECTIONS_MAX;
    to->idle_ms = to->idle_ms ? to->idle_ms : IDLE_MS;
    to->slow_ms = to->slow_ms ? to->slow_ms : SLOW_MS;
}

static enum nigh_status mhd_start(struct server *s, struct nigh_err *err)
{
    s->mhd = MHD_start_daemon(
        MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL, on_access, s,
        MHD_OPTION_LISTEN_SOCKET, s->listen_fd, /* */
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, s->limits.header_bytes_max + POOL_SLACK_BYTES,
        MHD_OPTION_CONNECTION_LIMIT, s->limits.connections_max + REFUSALS_MAX, /* */
        MHD_OPTION_CONNECTION_TIMEOUT, 0U,                                     /* on_tick() */
        MHD_OPTION_URI_LOG_CALLBACK, on_uri, s,                                /* */
        MHD_OPTION_NOTIFY_COMPLETED, on_completed, s,                          /* */
        MHD_OPTION_NOTIFY_CONNECTION, on_connection, s, MHD_OPTION_END);
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

enum nigh_status server_new(struct server **ret, struct loop *loop, const char *host, uint16_t port,
                            const struct server_limits *limits, const struct server_ops *ops,
                            void *owner, struct nigh_err *err)
{
    struct server *s = calloc(1, sizeof *s);
    enum nigh_status status;

    if (!s)
        return nigh_fail(err, NIGH_NOMEM, "start the HTTP server: out of memory");
    *s = (struct server){.loop = loop, .ops = *ops, .owner = owner, .listen_fd = -1};
    limits_fill(&s->limits, limits);
    lingers_init(&s->lingers, loop);
    s->leave_fd = epoll_create1(EPOLL_CLOEXEC);
    if (s->leave_fd < 0)
        status = nigh_fail(err, NIGH_IO, "start the HTTP server: %m");
    else if ((status = listen_on(&s->listen_fd, &s->port, host, port, err)) == NIGH_OK)
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
        leave(c);
        cut(c);
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
    s->pumping = true; /* pump_soon() asks for nothing any more */
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
            cut(c);
    drained_check(s);
}

uint16_t server_port(const struct server *s)
{
    return s->port;
}

unsigned server_exchanges(const struct server *s)
{
    return s->n_exchanges;
}

/* ---- the request, read ---- */

static struct slice text_at(const struct exchange *ex, uint32_t at, uint32_t len)
{
    return (struct slice){ex->text.data + at, len};
}

struct slice exchange_method(const struct exchange *ex)
{
    return ex->method;
}

struct slice exchange_path(const struct exchange *ex)
{
    return ex->path;
}

struct slice exchange_query(struct exchange *ex, const char *name)
{
    for (size_t i = ex->n_headers; i < ex->n_pairs; i++)
        if (slice_is(text_at(ex, ex->pairs[i].name, ex->pairs[i].name_len), name))
            return text_at(ex, ex->pairs[i].value, ex->pairs[i].value_len);
    return (struct slice){0};
}

static bool pair_is(const struct exchange *ex, const struct pair *pair, struct slice name)
{
    return pair->name_len == name.len && slice_ieq(text_at(ex, pair->name, pair->name_len), name);
}

struct slice exchange_header(struct exchange *ex, const char *name)
{
    struct slice want = slice_of(name);

    for (size_t i = 0; i < ex->n_headers; i++)
        if (pair_is(ex, &ex->pairs[i], want))
            return text_at(ex, ex->pairs[i].value, ex->pairs[i].value_len);
    return (struct slice){0};
}

unsigned exchange_header_count(struct exchange *ex, const char *name)
{
    struct slice want = slice_of(name);
    unsigned n = 0;

    for (size_t i = 0; i < ex->n_headers; i++)
        n += pair_is(ex, &ex->pairs[i], want);
    return n;
}

struct slice exchange_body(const struct exchange *ex)
{
    return (struct slice){ex->body.data ? ex->body.data : "", ex->body.len};
}

bool exchange_peer_is_loopback(const struct exchange *ex)
{
    return ex->loopback;
}

uint64_t exchange_started_us(const struct exchange *ex)
{
    return ex->started_us;
}

/* ---- the answer ---- */

static void headers_out(struct exchange *ex, struct MHD_Response *r, const struct header *headers,
                        size_t n)
{
    for (size_t i = 0; i < n; i++)
        MHD_add_response_header(r, headers[i].name, headers[i].value);
    if (ex->server->draining)
        MHD_add_response_header(r, MHD_HTTP_HEADER_CONNECTION, "close");
}

/* Takes r.  From inside `request` libmicrohttpd goes on by itself; else the connection is woken. */
static void answer_start(struct exchange *ex, int status, struct MHD_Response *r)
{
    struct conn *c = ex->conn;

    ex->started = true;
    ex->stage = STAGE_ANSWER;
    if (!r || MHD_queue_response(c->mhd, (unsigned)status, r) != MHD_YES) {
        ex->answer = ANSWER_BROKEN;
        cut(c); /* out of memory, or a status that is none: never a half answer */
    }
    if (r)
        MHD_destroy_response(r);
    c->moved_us = clock_mono_us();
    wake(c);
}

static struct MHD_Response *response_whole(struct exchange *ex)
{
    /* Borrowed: the exchange outlives the response, see 2. */
    return MHD_create_response_from_buffer(ex->out.len, ex->out.data, MHD_RESPMEM_PERSISTENT);
}

void exchange_reply(struct exchange *ex, int status, const struct header *headers, size_t n,
                    struct slice body)
{
    struct MHD_Response *r;

    assert(ex->answer == ANSWER_NONE);
    ex->answer = ANSWER_WHOLE;
    if (!ex->conn || ex->conn->left)
        return; /* gone is on its way */
    buf_add_str(&ex->out, body);
    r = ex->out.failed ? NULL : response_whole(ex);
    if (r)
        headers_out(ex, r, headers, n);
    answer_start(ex, status, r);
}

/* libmicrohttpd asks for more of a streamed answer. */
static ssize_t on_pull(void *cls, uint64_t pos, char *to, size_t max)
{
    struct exchange *ex = cls;
    size_t n = ex->out.len - ex->out_taken;

    if (n == 0) {
        if (ex->answer == ANSWER_WHOLE)
            return MHD_CONTENT_READER_END_OF_STREAM;
        if (ex->answer == ANSWER_BROKEN || ex->conn->cut)
            return MHD_CONTENT_READER_END_WITH_ERROR;
        park(ex->conn);
        return 0;
    }
    n = n < max ? n : max;
    memcpy(to, ex->out.data + ex->out_taken, n);
    ex->out_taken += n;
    if (ex->out_taken == ex->out.len) {
        buf_reset(&ex->out);
        ex->out_taken = 0;
    }
    ex->conn->moved_us = clock_mono_us();
    if (ex->drain_wanted && ex->out.len - ex->out_taken <= ex->drained_at) {
        ex->drain_wanted = false;
        tell(ex, DUE_DRAINED);
    }
    return (ssize_t)n;
}

void exchange_begin(struct exchange *ex, int status, const struct header *headers, size_t n)
{
    struct MHD_Response *r;

    assert(ex->answer == ANSWER_NONE);
    ex->answer = ANSWER_OPEN;
    if (!ex->conn || ex->conn->left)
        return;
    /* HTTP/1.0 has no chunks, and its end of connection cannot be told from a break.  So its answer
     * is kept until it is whole and then sent with its length. */
    r = ex->http_1_0 ? MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT)
                     : MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, CONTINUED_BLOCK_BYTES,
                                                         on_pull, ex, NULL);
    if (r)
        headers_out(ex, r, headers, n);
    if (ex->http_1_0 && r) {
        ex->held = r;
        ex->status = status;
        return;
    }
    answer_start(ex, status, r);
}

static void out_compact(struct exchange *ex)
{
    size_t left = ex->out.len - ex->out_taken;

    if (ex->out_taken < ex->out.len / 2)
        return;
    memmove(ex->out.data, ex->out.data + ex->out_taken, left);
    ex->out.len = left;
    ex->out_taken = 0;
}

void exchange_write(struct exchange *ex, struct slice bytes)
{
    assert(ex->answer == ANSWER_OPEN);
    if (!ex->conn || ex->conn->left || bytes.len == 0)
        return;
    if (ex->out_taken > 0)
        out_compact(ex);
    buf_add_str(&ex->out, bytes);
    if (ex->out
            .failed) { /* the producer did not wait for `drained`: an answer with a hole is none */
        ex->answer = ANSWER_BROKEN;
        tell(ex, DUE_GONE);
        cut(ex->conn);
        return;
    }
    if (exchange_pending(ex) > EXCHANGE_HIGH_BYTES) {
        ex->drain_wanted = true;
        ex->drained_at = exchange_pending(ex) / 4;
    }
    wake(ex->conn);
}

static enum MHD_Result on_held_header(void *cls, enum MHD_ValueKind kind, const char *name,
                                      const char *value)
{
    return MHD_add_response_header(cls, name, value);
}

void exchange_end(struct exchange *ex)
{
    if (ex->answer != ANSWER_OPEN)
        return; /* broken meanwhile */
    ex->answer = ANSWER_WHOLE;
    if (!ex->conn || ex->conn->left)
        return;
    if (ex->held) {
        struct MHD_Response *r = response_whole(ex), *held = TAKE(ex->held);

        if (r)
            MHD_get_response_headers(held, on_held_header, r);
        MHD_destroy_response(held);
        answer_start(ex, ex->status, r);
        return;
    }
    wake(ex->conn);
}

void exchange_break(struct exchange *ex)
{
    if (ex->answer == ANSWER_NONE) {
        exchange_reply(ex, 500, &(struct header){"Content-Type", "application/json"}, 1,
                       SLICE("{\"error\":{\"message\":\"the answer could not be made\","
                             "\"type\":\"server_error\"}}\n"));
        return;
    }
    if (ex->answer != ANSWER_OPEN)
        return;
    ex->answer = ANSWER_BROKEN;
    if (!ex->conn)
        return;
    if (ex->started)
        wake(ex->conn);
    else
        cut(ex->conn); /* HTTP/1.0, held back: not a byte of it was sent */
}

size_t exchange_pending(const struct exchange *ex)
{
    return ex->held ? 0 : ex->out.len - ex->out_taken;
}

void exchange_watch(struct exchange *ex, void *owner, void (*gone)(void *owner),
                    void (*drained)(void *owner))
{
    ex->owner = owner;
    ex->gone = gone;
    ex->drained = drained;
    if (ex->due)
        tell(ex, ex->due);
}

void exchange_release(struct exchange *ex)
{
    assert(ex->owned);
    ex->gone = ex->drained = NULL;
    if (ex->server && (ex->answer == ANSWER_NONE || ex->answer == ANSWER_OPEN))
        exchange_break(ex);
    ex->owned = false;
    if (!ex->conn)
        exchange_recycle(ex);
}
