/* server: HTTP in, on libmicrohttpd, driven by the one loop.
 *
 * An exchange is one request and its answer.  `request` is called once the whole body is in (the
 * ceilings are enforced while it arrives), and answers now or later: with one call of
 * exchange_reply(), or with exchange_begin(), writes as events come, and exchange_end().  While an
 * answer is awaited the connection is parked at no cost; a client that leaves is noticed at once,
 * parked or not, and told by `gone`, after which the exchange is only to be freed by its owner's
 * exchange_release().  Loop thread only.
 *
 * Limits (struct server_limits) each have a default with its reason in server.c.  Refusals made
 * here (413, 431, 503 over connections_max or bodies_bytes_max, 405 for methods unknown to HTTP,
 * malformed HTTP 400) have JSON bodies from `refused`; everything else is refused by nigh/accept.c.
 *
 * Invariants: 1. An exchange is answered exactly once or broken.  2. exchange_break() never looks
 * like a finished answer to the client: the connection closes without the last chunk.  3. No byte
 * of a body is read ahead of the ceiling.  4. After server_drain no new connection is accepted, and
 * `drained` comes when the last exchange ended. */
#pragma once
#include "base/arena.h"
#include "loop/loop.h"

struct server;
struct exchange;
struct identity; /* net/identity.h */

enum {
    SERVER_CONNECTIONS_MAX = 10240, /* every program of one person, or a small company's, at once */
};

struct server_limits {
    size_t body_bytes_max;    /* 64 MiB: a few large images in base64; 0 takes the default */
    size_t bodies_bytes_max;  /* 256 MiB: all bodies that are here at once */
    size_t header_bytes_max;  /* 32 KiB for all headers with the request line */
    unsigned connections_max; /* SERVER_CONNECTIONS_MAX */
    unsigned idle_ms;         /* keep-alive connection without a request: 120,000 */
    unsigned slow_ms;         /* a request whose header or body stalls: 30,000 */
};

struct header {
    const char *name;
    const char *value;
};

struct server_ops {
    void (*request)(void *owner, struct exchange *ex);
    void (*drained)(void *owner); /* may be NULL */
    /* The body of a refusal made here, in the shape that who calls this path understands; method,
     * path and headers of ex are there.  NULL: a plain one. */
    void (*refused)(void *owner, struct exchange *ex, int status, const char *message,
                    struct buf *body);
};

struct server_at {
    const char *host;          /* an IP literal or "localhost" */
    uint16_t port;             /* 0 picks one */
    struct identity *identity; /* speaks TLS with it, and outlives the server; NULL: plain HTTP */
};

NIGH_MUST enum nigh_status server_new(struct server **ret, struct loop *loop,
                                      const struct server_at *at,
                                      const struct server_limits *limits,
                                      const struct server_ops *ops, void *owner,
                                      struct nigh_err *err);
struct server *server_free(struct server *server); /* breaks what is still open */
void server_drain(struct server *server);
uint16_t server_port(const struct server *server);
unsigned server_exchanges(const struct server *server); /* open now */

/* The request.  Slices live until exchange_release(). */
struct slice exchange_method(const struct exchange *ex);
struct slice exchange_path(const struct exchange *ex);               /* percent-decoded by nobody */
struct slice exchange_query(struct exchange *ex, const char *name);  /* absent: none; decoded */
struct slice exchange_header(struct exchange *ex, const char *name); /* the first; absent: none */
unsigned exchange_header_count(struct exchange *ex, const char *name);
struct slice exchange_body(const struct exchange *ex);

/* Where it came from, for counting by it.  IPv4 is mapped into IPv6 (RFC 4291, 2.5.5.2); of IPv6
 * the network's 64 bits stand alone, since a client may change the rest as it likes. */
struct address {
    unsigned char net[16];
    bool loopback;
};
void exchange_client(const struct exchange *ex, struct address *ret);
bool exchange_secure(const struct exchange *ex); /* came over TLS */

/* The answer.  Bodies and chunks are copied. */
void exchange_reply(struct exchange *ex, int status, const struct header *headers, size_t n,
                    struct slice body);
void exchange_begin(struct exchange *ex, int status, const struct header *headers, size_t n);
void exchange_write(struct exchange *ex, struct slice bytes);
void exchange_end(struct exchange *ex);
void exchange_break(struct exchange *ex); /* after begin: cut the connection; before: as 500 */
size_t
exchange_pending(const struct exchange *ex); /* bytes written and not yet taken by the client */

/* The answer that exchange_reply() gives next leaves only after so long, for EXCHANGES_HELD_MAX of
 * them at a time; more are not kept back.  It may be released meanwhile, and then costs no more
 * than its own bytes.  A server that drains keeps none back. */
enum { EXCHANGES_HELD_MAX = 1024 }; /* some 45 MB, most of it libmicrohttpd's connections */
void exchange_hold(struct exchange *ex, uint64_t hold_ms);

/* gone: the client left before the answer was whole.  drained: pending fell to a quarter of what it
 * was, or nothing; only after a write left more than EXCHANGE_HIGH_BYTES pending. */
enum { EXCHANGE_HIGH_BYTES = 64 << 10 };
void exchange_watch(struct exchange *ex, void *owner, void (*gone)(void *owner),
                    void (*drained)(void *owner));
/* The owner is done with it (after reply, end, break or gone); every exchange needs this call. */
void exchange_release(struct exchange *ex);
