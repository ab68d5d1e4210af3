/* client: the only code that opens a connection to anywhere.
 *
 * Every send takes a clearance (label/gate.h) for exactly its body and destination.  libcurl's
 * multi interface on the one loop: HTTP/1.1 and HTTP/2, keep-alive pool, TLS 1.2 or newer with
 * certificates verified or the far end's key pinned,
 * proxies from the environment honoured for https and http endpoints (never for Unix sockets and
 * loopback), no redirect followed, no cookie kept, no protocol but http and https, http only to
 * loopback addresses, Unix sockets, or where the endpoint says plain_http_ok; there, unless it is
 * in the public zone, a name must lead to a private address, or who answers for the name gets all.
 * Loop thread only.
 *
 * Three clocks: first_byte_ms until the status line, idle_ms between bytes afterwards (stopped
 * while the caller paused the call), total_ms over all.
 *
 * Invariants: 1. done comes exactly once, never from inside client_send, and is the last word.  2.
 * After call_cancel no callback comes and the connection is closed within this pass of the
 * loop.  3. Body bytes are counted as handed to the kernel or TLS layer. */
#pragma once
#include "label/gate.h"
#include "loop/loop.h"
#include "net/server.h" /* struct header */

struct client;
struct call;

struct endpoint {
    struct dest dest;
    const char *base_url;         /* "https://api.openai.com/v1"; without a slash at the end */
    const char *unix_path;        /* NULL, or the socket to speak to instead of base_url's host */
    const struct header *headers; /* sent with every call, such as Authorization: secret */
    size_t n_headers;
    /* NULL, or "sha256//BASE64" of the far end's public key (net/identity.h): that key is asked for
     * instead of a certificate that somebody vouches for. */
    const char *pin;
    bool plain_http_ok; /* the user said so in the config, for a host inside one of his zones */
};

struct call_spec {
    const struct endpoint *to;    /* outlives the call */
    const char *method;           /* "POST" */
    const char *path;             /* appended to base_url: "/chat/completions" */
    const struct header *headers; /* more headers; copied */
    size_t n_headers;
    struct slice body;                         /* borrowed until done */
    uint64_t first_byte_ms, idle_ms, total_ms; /* 0: none of that clock; at least one must be set */
};

struct call_result {
    enum nigh_status status;      /* OK: the whole answer came, whatever its HTTP status */
    int http_status;              /* 0: none came */
    uint64_t bytes_out, bytes_in; /* header and body, before TLS */
    uint64_t first_us, total_us;  /* durations since client_send; first_us 0: no byte came */
    bool reused;                  /* an open connection served it */
    struct nigh_err err;          /* when status is not OK */
};

struct call_ops {
    /* The header is in: value of a header by call_header().  May be NULL. */
    void (*head)(void *owner, struct call *call, int http_status);
    void (*data)(void *owner, struct slice bytes);
    void (*done)(void *owner, const struct call_result *result);
};

NIGH_MUST enum nigh_status client_new(struct client **ret, struct loop *loop, struct nigh_err *err);
struct client *client_free(struct client *client); /* cancels what is open */
const char *client_library(void);                  /* libcurl's version, as it runs: "7.88.1" */

/* Takes the clearance, whatever it returns. */
NIGH_MUST enum nigh_status client_send(struct client *client, struct call **ret_call,
                                       const struct call_spec *spec, struct clearance *pass,
                                       const struct call_ops *ops, void *owner,
                                       struct nigh_err *err);
struct slice call_header(struct call *call, const char *name); /* of the answer; from head on */
/* As result.bytes_out and bytes_in, so far. */
void call_bytes(const struct call *call, uint64_t *ret_out, uint64_t *ret_in);
void call_pause(struct call *call); /* stops reading; the kernel's window tells the far end */
void call_resume(struct call *call);
struct call *call_cancel(struct call *call); /* NULL is fine; settles the clearance */
