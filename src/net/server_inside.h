/* server_inside: what the files of the server share; nobody else includes it.
 *
 * How libmicrohttpd is driven here, and what we know of it (0.9.75).
 *
 * It has no thread: its epoll descriptor sits in one uv_poll, and pump() (server.c) calls MHD_run()
 * until it has nothing left to do.  It reads its sockets edge-triggered, so leaving early would
 * lose a wake-up.
 *
 * 1. A connection that waits for an answer is suspended.  libmicrohttpd then takes the socket out
 * of its epoll set and does not see the client leave; so every socket is also registered, once, in
 * an epoll set of ours for EPOLLRDHUP.
 * 2. Nothing of ours is freed while libmicrohttpd may call us about it: a conn dies in
 * conn_on_connection, an exchange when both its owner (exchange_release) and libmicrohttpd
 * (conn_on_completed) are through.
 * 3. libmicrohttpd's strings die with the request, ours with the exchange: head_in() copies them.
 * 4. pump() is never entered twice, and no callback of an owner but `request` comes from inside it.
 *
 * 5. Over TLS it does the handshake within MHD_run(), with the connection in its epoll set; the
 * clock of a connection that has not asked anything yet (conn.c) ends a handshake that stalls.
 *
 * server.c listens, pumps and drains; server_tls.c has what TLS needs; conn.c is a client's
 * connection with its clocks; an exchange is made, told and read in exchange.c, filled in
 * exchange_in.c and answered in exchange_out.c. */

#pragma once
#include "base/clock.h"
#include "loop/timer.h"
#include "net/identity.h"
#include "net/linger.h"
#include "net/pad.h"
#include "net/server.h"
#include <assert.h>
#include <microhttpd.h>
#include <stdlib.h>

struct pair { /* places in exchange.text */
    uint32_t name, name_len, value, value_len;
};

struct conn {
    struct server *server;
    struct conn *prev, *next;
    struct MHD_Connection *mhd;
    struct exchange *ex;         /* the request that is read or answered now */
    const char *line, *head_end; /* its target and its head's end, in libmicrohttpd's memory */
    struct timer clock;
    uint64_t moved_us;    /* when it began to be idle, or the request last moved */
    uint64_t acked_bytes; /* by the client, at the last tick while we were sending */
    char *pool;           /* libmicrohttpd's memory of this connection; NULL: not known */
    int fd;
    bool used;      /* a request line came */
    bool trimmed;   /* rests, and its pool was given back */
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
    bool http_1_0;
    bool secure;  /* came over TLS */
    bool chunked; /* its body comes in chunks */
    enum pad pad; /* how a streamed answer over TLS is filled up */

    struct buf text; /* request line and headers, each piece with a NUL */
    struct slice method, path;
    struct pair *pairs; /* headers, then the query */
    size_t n_headers, n_pairs, cap_pairs;
    struct buf body;

    struct buf out;
    size_t out_taken;  /* of out, by libmicrohttpd */
    size_t drained_at; /* tell `drained` when pending is at most this */
    bool drain_wanted;
    int status;                /* of an answer that is held: HTTP/1.0's until its end, or until */
    struct MHD_Response *held; /* hold_clock rings */
    uint64_t hold_ms;
    struct timer hold_clock;

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
    size_t pool_bytes; /* of one connection */
    struct server_ops ops;
    void *owner;
    struct conn *conns;
    unsigned n_conns, n_exchanges, n_spare, n_held;
    size_t bodies_bytes; /* of all open exchanges */
    struct exchange *open, *spare;
    struct lingers lingers;
    uint16_t port;
    struct identity *identity; /* NULL: plain HTTP */
};

/* server_tls.c */
/* Flags and options for libmicrohttpd; none where the server is plain. */
unsigned server_tls_options(const struct server *s, struct MHD_OptionItem ret[static 3]);
/* All of it, past libmicrohttpd, while no answer is under way; false: it could not be said. */
bool conn_say(struct conn *c, const char *text, size_t len);

/* server.c */
/* Something for libmicrohttpd to do: in this pass of the loop, after the callback that runs now. */
void server_pump_soon(struct server *s);
void server_drained_check(struct server *s); /* an exchange ended */

/* conn.c */
void conn_park(struct conn *c); /* libmicrohttpd does nothing with it until conn_wake() */
void conn_wake(struct conn *c);
void conn_leave(struct conn *c);     /* the client is not there any more, or we gave it up */
void conn_look_soon(struct conn *c); /* its body comes in chunks, which may get stuck */
/* Its request line is in, at this place of its pool. */
void conn_began(struct conn *c, const char *line);
/* Ends a connection from outside of libmicrohttpd, which then sees it closed and cleans up.  What
 * the kernel has of an answer is still sent. */
void conn_cut(struct conn *c);
void conn_on_connection(void *cls, struct MHD_Connection *mhd, void **ctx,
                        enum MHD_ConnectionNotificationCode what);
void conn_on_completed(void *cls, struct MHD_Connection *mhd, void **ctx,
                       enum MHD_RequestTerminationCode why);

/* exchange.c */
struct exchange *exchange_take(struct server *s); /* NULL: out of memory */
void exchange_recycle(struct exchange *ex);       /* both sides are through with it */
struct exchange *exchange_destroy(struct exchange *ex);
void exchange_tell(struct exchange *ex, unsigned due); /* DUE_ bits, to its owner, later */
void exchange_body_done(struct exchange *ex);          /* nobody reads it any more */

/* exchange_out.c */
void exchange_unhold(struct exchange *ex); /* an answer that is kept back is not to be given */

/* exchange_head.c */
/* A request's head while it is looked through, piece by piece in the order that it came. */
struct head {
    const char *next; /* where the next line must begin; NULL: it is not exact */
    unsigned lengths, codings, hosts;
    bool http_1_1, odd_coding;
};
/* at: where the target stood in libmicrohttpd's memory; target: as it was. */
void head_begin(struct head *h, const char *method, const char *at, struct slice target,
                const char *version);
void head_header(struct head *h, struct slice name, struct slice value);
bool head_exact(const struct head *h, const char *end); /* end: of the empty line */

/* exchange_in.c */
/* A chunk's line that does not fit libmicrohttpd's memory: it reads no further and says nothing. */
void exchange_stuck(struct exchange *ex);
void *exchange_on_uri(void *cls, const char *uri, struct MHD_Connection *mhd);
enum MHD_Result exchange_on_access(void *cls, struct MHD_Connection *mhd, const char *url,
                                   const char *method, const char *version, const char *data,
                                   size_t *size, void **ctx);
