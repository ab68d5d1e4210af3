/* client_inside: what the files of the client share; nobody else includes it.
 *
 * How libcurl is driven here, and what we know of it (7.88).
 *
 * 1. Nothing is asked of libcurl from inside its own callbacks, which it forbids: client_send,
 *    call_resume and call_cancel only note what is wanted, and kick() does it later in the same
 * pass.
 * 2. A socket stays registered with the loop while its connection rests in the pool, so that a call
 * on an open connection costs no epoll_ctl.  libcurl tells of closing by on_close_socket().
 * 3. libcurl sends a request again, by itself, when a pooled connection turns out to be dead.  That
 *    is stopped (on_prereq) once a byte went out: another send needs another clearance, so the
 * ledger has a row for each.
 * 4. Bytes are counted by its debug callback, which sees what it wrote and read, chunk framing too.
 * 5. Which connection serves a call it tells by addresses alone (on_prereq), before it sends; so
 *    sockets are found by their names (call_kernel.c) when the kernel's count is wanted.
 *
 * client.c has the sockets and is alone in asking the multi handle, so nothing is sent but by it;
 * call_new.c makes a call of what it is told; call.c follows one to its end; call_kernel.c asks the
 * kernel what it counted. */
#pragma once
#include "base/clock.h"
#include "loop/timer.h"
#include "net/client.h"
#include "net/tcp.h"
#include <assert.h>
#include <curl/curl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <uv.h>

/* Debian's folder of certificates by name of their hash: read one by one, when a server names one.
 * All of them at once take 15 ms and several MB. */
#define CERT_FOLDER "/etc/ssl/certs"

enum { CALL_HEADERS_MAX = 64 }; /* of a request; more is a mistake of ours */

struct call;

struct sock {
    uv_poll_t poll;
    struct client *client;
    int fd;
    int want, on; /* uv_poll_event: what libcurl wants; what the loop watches */
    bool kept;    /* a connection's: on_close_socket() will tell of its end */

    /* call_kernel.c: of connections */
    struct sock *next; /* of those with the same bucket; or that have no name yet */
    char name[2 * INET6_ADDRSTRLEN + 16]; /* "" until the first call that it serves */
    struct call *user;                    /* whose bytes they are now */
    bool shared;                          /* two at once: nobody's */
    struct tcp_count told;                /* of what the kernel counted: told to a call already */
};
enum { SOCK_BUCKETS = 256 }; /* a power of two; by name */

enum waiting { WAITS_NOT, WAITS_SEND, WAITS_RESUME, WAITS_REAP };

struct call {
    struct client *client;
    struct call *prev, *next; /* open calls; or spare ones, by next */
    struct call *wait_next;
    enum waiting waits; /* for kick() */
    CURL *easy;
    bool added;         /* the multi handle has it */
    bool dead;          /* cancelled: not a word any more */
    bool paused, stuck; /* stuck: libcurl holds back data until told to go on */
    bool head_told, resent, local, http_2;
    bool indoors; /* its name must lead to a private address */
    bool astray;  /* it did not */

    const struct endpoint *to;
    struct clearance *pass;
    const struct call_ops *ops;
    void *owner;
    struct buf text; /* header lines, then the URL */
    struct curl_slist lines[CALL_HEADERS_MAX];
    bool custom; /* CURLOPT_CUSTOMREQUEST is set */

    struct timer clock;
    uint64_t first_byte_us, idle_us, total_us; /* the clocks; 0: none */
    uint64_t started_us, first_us, last_us;    /* first_us 0: no byte came */
    uint64_t bytes_out, bytes_in;
    unsigned attempts;
    struct sock *sock;       /* that serves it; NULL: none yet, none any more, or not wanted */
    bool kernel_known;       /* and no other call's bytes are among them: */
    struct tcp_count kernel; /* so far */
};

struct client {
    struct loop *loop;
    CURLM *multi;
    struct timer clock; /* libcurl's */
    struct later later; /* kick() */
    bool due;           /* libcurl's timer is over */
    unsigned in_curl;
    struct call *open, *spare;
    struct call *waiting, **waiting_tail;
    unsigned n_spare;
    bool cert_folder;    /* certificates are read one by one, when needed */
    struct sock **socks; /* by descriptor */
    int n_socks;
    struct sock *named[SOCK_BUCKETS], *unnamed; /* connections: call_kernel.c */
};

/* client.c */
void client_sockets(struct call *call); /* its sockets are ours */
/* Starts libcurl, once. */
NIGH_MUST enum nigh_status client_begin(struct client *client, struct nigh_err *err);
/* To be asked of libcurl, once we are outside of it. */
void client_wait(struct call *call, enum waiting what);
void client_detach(struct call *call); /* out of libcurl, and its clock off; not inside of it */

/* call_kernel.c */
void kernel_open(struct sock *sock);  /* a connection begins */
void kernel_close(struct sock *sock); /* before its descriptor goes */
/* This call's bytes go over the connection between these addresses from now on. */
void kernel_begin(struct call *call, const char *local_ip, int local_port, const char *ip,
                  int port);
/* ... and no longer.  Returns false, and leaves *ret alone, where the kernel's count of it alone is
 * not known. */
bool kernel_end(struct call *call, struct tcp_count *ret);

/* call_new.c */
void call_recycle(struct call *call);
struct call *call_destroy(struct call *call);

/* call.c */
void call_listen(struct call *call); /* what libcurl tells of this one comes here */
NIGH_MUST enum nigh_status call_clock_set(struct call *call, struct nigh_err *err);
void call_finish(struct call *call, enum nigh_status status, const char *why);
void call_over(struct call *call, CURLcode rc); /* libcurl is done with it */
