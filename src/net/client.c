/* How libcurl is driven here, and what we know of it (7.88).
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
 */
#include "net/client.h"
#include "base/clock.h"
#include "loop/timer.h"
#include <arpa/inet.h>
#include <assert.h>
#include <curl/curl.h>
#include <dirent.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    POOL_MAX = 256,            /* connections kept open for the next calls, over all hosts */
    SPARE_MAX = 32,            /* finished calls kept with their handles for the next ones */
    HEADERS_MAX = 64,          /* of a request; more is a mistake of ours */
    HEAD_BYTES_MAX = 64 << 10, /* of a request's headers and URL; keys and ids are short */
    UPLOAD_BYTES =
        256 << 10,           /* sent at once of a body over 64 KiB; libcurl has it only meanwhile */
    BUFFER_BYTES = 32 << 10, /* read at once: an answer of usual size in one piece */
};

struct sock {
    uv_poll_t poll;
    struct client *client;
    int fd;
    int want, on; /* uv_poll_event: what libcurl wants; what the loop watches */
    bool kept;    /* a connection's: on_close_socket() will tell of its end */
};

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

    const struct endpoint *to;
    struct clearance *pass;
    const struct call_ops *ops;
    void *owner;
    struct buf text; /* header lines, then the URL */
    struct curl_slist lines[HEADERS_MAX];
    bool custom; /* CURLOPT_CUSTOMREQUEST is set */

    struct timer clock;
    uint64_t first_byte_us, idle_us, total_us; /* the clocks; 0: none */
    uint64_t started_us, first_us, last_us;    /* first_us 0: no byte came */
    uint64_t bytes_out, bytes_in;
    unsigned attempts;
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
};

#define CERT_FOLDER "/etc/ssl/certs"

/* ---- sockets ---- */

static void drive(struct client *c, curl_socket_t fd, int bits);

static void on_sock_closed(uv_handle_t *handle)
{
    free(handle->data);
}

static void sock_close(struct sock *s)
{
    s->client->socks[s->fd] = NULL;
    uv_close((uv_handle_t *)&s->poll, on_sock_closed); /* lets go of the descriptor at once */
}

static struct sock *sock_of(struct client *c, int fd)
{
    return fd < c->n_socks ? c->socks[fd] : NULL;
}

static struct sock *sock_new(struct client *c, int fd)
{
    struct sock *s;

    if (fd >= c->n_socks) {
        int n = fd < 32 ? 64 : fd * 2;
        struct sock **socks = realloc(c->socks, (size_t)n * sizeof(struct sock *));

        if (!socks)
            return NULL;
        memset(socks + c->n_socks, 0, (size_t)(n - c->n_socks) * sizeof(struct sock *));
        c->socks = socks;
        c->n_socks = n;
    }
    assert(!c->socks[fd]); /* libcurl tells us before it closes one */
    if (!(s = calloc(1, sizeof *s)))
        return NULL;
    *s = (struct sock){.client = c, .fd = fd};
    if (uv_poll_init(loop_uv(c->loop), &s->poll, fd) != 0) {
        free(s);
        return NULL;
    }
    s->poll.data = s;
    c->socks[fd] = s;
    return s;
}

static void on_sock(uv_poll_t *poll, int status, int events)
{
    struct sock *s = poll->data;
    int bits = (events & UV_READABLE ? CURL_CSELECT_IN : 0) |
               (events & UV_WRITABLE ? CURL_CSELECT_OUT : 0);

    if (!s->want) { /* a resting connection that the far end closed: libcurl looks before use */
        uv_poll_stop(poll);
        s->on = 0;
        return;
    }
    drive(s->client, s->fd, status < 0 ? CURL_CSELECT_ERR : bits);
}

static int on_socket_wish(CURL *easy, curl_socket_t fd, int what, void *owner, void *unused)
{
    struct client *c = owner;
    struct sock *s = sock_of(c, fd);
    int want = (what & CURL_POLL_IN && what != CURL_POLL_REMOVE ? UV_READABLE : 0) |
               (what & CURL_POLL_OUT && what != CURL_POLL_REMOVE ? UV_WRITABLE : 0);

    if (!s && (!want || !(s = sock_new(c, fd))))
        return want ? -1 : 0;
    s->want = want;
    if (want && want != s->on) {
        if (uv_poll_start(&s->poll, want, on_sock) != 0)
            return -1;
        s->on = want;
    } else if (!want && !s->kept) {
        sock_close(s); /* the resolver's, which is closed without a word */
    } else if (!want && s->on & UV_WRITABLE) {
        uv_poll_stop(&s->poll); /* would come again and again */
        s->on = 0;
    }
    return 0;
}

static curl_socket_t on_open_socket(void *owner, curlsocktype purpose, struct curl_sockaddr *to)
{
    struct client *c = owner;
    int fd = socket(to->family, to->socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, to->protocol);
    struct sock *s = fd < 0 ? NULL : sock_new(c, fd);

    if (!s) {
        if (fd >= 0)
            close(fd);
        return CURL_SOCKET_BAD;
    }
    s->kept = true;
    return fd;
}

static int on_close_socket(void *owner, curl_socket_t fd)
{
    struct sock *s = sock_of(owner, fd);

    if (s)
        sock_close(s);
    return close(fd);
}

/* ---- asking libcurl, never from inside of it ---- */

static void kick(struct later *later);
static void call_finish(struct call *call, enum nigh_status status, const char *why);
static void call_recycle(struct call *call);
static void done_collect(struct client *c);

static void drive(struct client *c, curl_socket_t fd, int bits)
{
    int running;

    c->in_curl++;
    curl_multi_socket_action(c->multi, fd, bits, &running);
    c->in_curl--;
    done_collect(c);
}

static void call_wait(struct call *call, enum waiting what)
{
    struct client *c = call->client;

    if (call->waits == WAITS_NOT) {
        call->wait_next = NULL;
        *c->waiting_tail = call;
        c->waiting_tail = &call->wait_next;
    } else if (call->waits == WAITS_SEND && what != WAITS_REAP) {
        return; /* paused and resumed before it began */
    }
    call->waits = what;
    loop_later(c->loop, &c->later, kick);
}

static void call_add(struct call *call)
{
    CURLMcode rc = curl_multi_add_handle(call->client->multi, call->easy);

    if (rc == CURLM_OK)
        call->added = true;
    else
        call_finish(call, NIGH_NOMEM, curl_multi_strerror(rc));
}

static void call_go_on(struct call *call)
{
    if (!call->stuck || call->paused)
        return;
    call->stuck = false;
    call->client->in_curl++;
    curl_easy_pause(call->easy, CURLPAUSE_CONT); /* hands over what was held back */
    call->client->in_curl--;
}

static void kick(struct later *later)
{
    struct client *c = CONTAINER_OF(later, struct client, later);
    struct call *call;

    while ((call = c->waiting)) {
        enum waiting what = call->waits;

        c->waiting = call->wait_next;
        if (!c->waiting)
            c->waiting_tail = &c->waiting;
        call->waits = WAITS_NOT;
        if (what == WAITS_REAP)
            call_recycle(call);
        else if (what == WAITS_SEND)
            call_add(call);
        else
            call_go_on(call);
    }
    if (c->due) {
        c->due = false;
        drive(c, CURL_SOCKET_TIMEOUT, 0);
    }
}

static void on_clock(struct timer *t)
{
    struct client *c = CONTAINER_OF(t, struct client, clock);

    drive(c, CURL_SOCKET_TIMEOUT, 0);
}

static int on_timer_wish(CURLM *multi, long wait_ms, void *owner)
{
    struct client *c = owner;

    c->due = wait_ms == 0;
    if (wait_ms > 0)
        return timer_arm(c->loop, &c->clock, (uint64_t)wait_ms, on_clock, NULL) == NIGH_OK ? 0 : -1;
    timer_disarm(c->loop, &c->clock);
    if (c->due)
        loop_later(c->loop, &c->later, kick);
    return 0;
}

/* ---- the three clocks ---- */

static void on_call_clock(struct timer *t);

/* When the first of the clocks strikes, and which; 0: none runs. */
static uint64_t call_due_us(const struct call *call, const char **ret_which)
{
    uint64_t due_us = call->total_us ? call->started_us + call->total_us : 0, other_us = 0;

    *ret_which = "the answer was not whole";
    if (call->first_us == 0)
        other_us = call->first_byte_us ? call->started_us + call->first_byte_us : 0;
    else if (!call->paused && call->idle_us)
        other_us = call->last_us + call->idle_us;
    if (other_us && (!due_us || other_us < due_us)) {
        *ret_which = call->first_us ? "the answer stopped in the middle" : "no answer began";
        return other_us;
    }
    return due_us;
}

static enum nigh_status call_clock_set(struct call *call, struct nigh_err *err)
{
    const char *which;
    uint64_t due_us = call_due_us(call, &which), now_us = clock_mono_us();

    if (due_us == 0) {
        timer_disarm(call->client->loop, &call->clock);
        return NIGH_OK;
    }
    return timer_arm(call->client->loop, &call->clock,
                     due_us > now_us ? (due_us - now_us + 999) / 1000 : 0, on_call_clock, err);
}

/* Bytes move deadlines, not timers: an early strike looks again. */
static void on_call_clock(struct timer *t)
{
    struct call *call = CONTAINER_OF(t, struct call, clock);
    const char *which;
    uint64_t due_us = call_due_us(call, &which);

    if (due_us && due_us <= clock_mono_us())
        call_finish(call, NIGH_TIMEOUT, which);
    else if (call_clock_set(call, NULL) != NIGH_OK)
        call_finish(call, NIGH_NOMEM, "out of memory for its deadline");
}

static void call_moved(struct call *call)
{
    call->last_us = clock_mono_us();
    if (call->first_us)
        return;
    call->first_us = call->last_us;
    (void)call_clock_set(call, NULL); /* moves an armed timer, or none is needed before a head */
}

/* ---- what libcurl tells ---- */

static int on_debug(CURL *easy, curl_infotype type, char *data, size_t size, void *owner)
{
    struct call *call = owner;

    if (type == CURLINFO_HEADER_OUT || type == CURLINFO_DATA_OUT)
        call->bytes_out += size;
    else if (type == CURLINFO_DATA_IN)
        call->bytes_in += size; /* header lines come to on_head_line(), which sees all of them */
    return 0;
}

static int on_prereq(void *owner, char *ip, char *local_ip, int port, int local_port)
{
    struct call *call = owner;

    call->resent = call->attempts++ > 0 && call->bytes_out > 0;
    return call->resent ? CURL_PREREQFUNC_ABORT : CURL_PREREQFUNC_OK;
}

static size_t on_head_line(char *line, size_t size, size_t n, void *owner)
{
    struct call *call = owner;
    long status = 0, version = 0;

    n *= size;
    if (call->dead)
        return 0;
    call_moved(call);
    if (call->head_told) { /* a trailer: of HTTP/1.1, in the chunks that on_debug() counted */
        call->bytes_in += call->http_2 ? n : 0;
        return n;
    }
    call->bytes_in += n;
    if (n > 2)
        return n;
    curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &status);
    if (status < 200)
        return n; /* the real one follows */
    curl_easy_getinfo(call->easy, CURLINFO_HTTP_VERSION, &version);
    call->http_2 = version >= CURL_HTTP_VERSION_2_0;
    call->head_told = true;
    if (call->ops->head)
        call->ops->head(call->owner, call, (int)status);
    return call->dead ? 0 : n;
}

static size_t on_data(char *data, size_t size, size_t n, void *owner)
{
    struct call *call = owner;

    n *= size;
    if (call->dead)
        return n + 1; /* an error, also for no bytes */
    if (call->paused) {
        call->stuck = true;
        return CURL_WRITEFUNC_PAUSE;
    }
    call_moved(call);
    if (call->ops->data && n > 0)
        call->ops->data(call->owner, (struct slice){data, n});
    return call->dead ? n + 1 : n;
}

/* ---- the end of a call ---- */

static enum nigh_status curl_status(CURLcode rc, bool answered)
{
    switch (rc) {
    case CURLE_OK:
        return NIGH_OK;
    case CURLE_OUT_OF_MEMORY:
        return NIGH_NOMEM;
    case CURLE_URL_MALFORMAT:
        return NIGH_INVALID;
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_CONNECT:
    case CURLE_INTERFACE_FAILED:
        return NIGH_OFFLINE;
    case CURLE_ABORTED_BY_CALLBACK: /* on_prereq() */
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_GOT_NOTHING:
        return answered ? NIGH_UPSTREAM : NIGH_OFFLINE;
    case CURLE_OPERATION_TIMEDOUT:
        return NIGH_TIMEOUT;
    default: /* TLS, a short body, nonsense */
        return NIGH_UPSTREAM;
    }
}

static void result_fill(struct call_result *r, struct call *call, enum nigh_status status,
                        const char *why)
{
    uint64_t now_us = clock_mono_us();
    long http_status = 0, connects = 0;

    *r = (struct call_result){.status = status,
                              .bytes_out = call->bytes_out,
                              .bytes_in = call->bytes_in,
                              .first_us = call->first_us ? call->first_us - call->started_us : 0,
                              .total_us = now_us - call->started_us};
    if (call->first_us)
        curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &http_status);
    curl_easy_getinfo(call->easy, CURLINFO_NUM_CONNECTS, &connects);
    r->http_status = (int)http_status;
    r->reused = connects == 0 && call->attempts > 0;
    if (status == NIGH_TIMEOUT)
        nigh_fail(&r->err, status, "%s: %s after %llu ms", call->to->dest.place, why,
                  (unsigned long long)(r->total_us / 1000));
    else if (status != NIGH_OK)
        nigh_fail(&r->err, status, "%s: %s", call->to->dest.place, why);
}

static void call_settle(struct call *call, const struct call_result *r)
{
    struct clearance *pass = TAKE(call->pass);

    clearance_settle(pass, r->bytes_out, r->bytes_in, r->http_status,
                     r->status == NIGH_OK ? NULL : r->err.what);
    clearance_free(pass);
}

/* Out of the list of open calls and out of libcurl; outside of libcurl's callbacks. */
static void call_detach(struct call *call)
{
    struct client *c = call->client;

    assert(c->in_curl == 0);
    timer_disarm(c->loop, &call->clock);
    if (call->added)
        curl_multi_remove_handle(c->multi, call->easy);
    call->added = false;
}

static void call_unlist(struct call *call)
{
    if (call->prev)
        call->prev->next = call->next;
    else
        call->client->open = call->next;
    if (call->next)
        call->next->prev = call->prev;
    call->prev = call->next = NULL;
}

static struct call *call_destroy(struct call *call)
{
    curl_easy_cleanup(call->easy);
    buf_done(&call->text);
    free(call);
    return NULL;
}

static void call_recycle(struct call *call)
{
    struct client *c = call->client;

    call_detach(call);
    if (c->n_spare >= SPARE_MAX || call->text.failed) {
        call_destroy(call);
        return;
    }
    call->next = c->spare;
    c->spare = call;
    c->n_spare++;
}

/* The last word, outside of libcurl. */
static void call_finish(struct call *call, enum nigh_status status, const char *why)
{
    const struct call_ops *ops = call->ops;
    void *owner = call->owner;
    struct call_result result;

    assert(!call->dead);
    result_fill(&result, call, status, why);
    call_settle(call, &result);
    call_unlist(call);
    call->dead = true;
    call_detach(call);
    if (call->waits == WAITS_NOT)
        call_recycle(call);
    else
        call_wait(call, WAITS_REAP);
    ops->done(owner, &result);
}

static const char *failure_text(const struct call *call, CURLcode rc)
{
    if (call->resent)
        return "the connection was lost before an answer came";
    if (rc == CURLE_GOT_NOTHING || (rc == CURLE_RECV_ERROR && call->first_us == 0))
        return "the far end closed the connection without an answer";
    if (rc == CURLE_PARTIAL_FILE || rc == CURLE_RECV_ERROR)
        return "the answer was cut off";
    if (rc == CURLE_UNSUPPORTED_PROTOCOL)
        return "the far end does not speak HTTP";
    return curl_easy_strerror(rc);
}

static void done_collect(struct client *c)
{
    CURLMsg *msg;
    int left;

    if (c->in_curl > 0)
        return;
    while ((msg = curl_multi_info_read(c->multi, &left))) {
        CURLcode rc = msg->data.result;
        struct call *call = NULL;

        curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, &call);
        if (rc == CURLE_OK && !call->head_told)
            rc = CURLE_PARTIAL_FILE; /* libcurl is content with half a header */
        if (!call->dead)             /* else it waits for kick() */
            call_finish(call, curl_status(rc, call->first_us != 0),
                        rc == CURLE_OK ? NULL : failure_text(call, rc));
    }
}

struct call *call_cancel(struct call *call)
{
    struct call_result result;

    if (!call || call->dead)
        return NULL;
    result_fill(&result, call, NIGH_CANCELLED, "cancelled");
    call_settle(call, &result);
    call_unlist(call);
    call->dead = true;
    timer_disarm(call->client->loop, &call->clock);
    call_wait(call, WAITS_REAP);
    return NULL;
}

/* ---- the start of a call ---- */

static void call_options(struct call *call)
{
    struct client *c = call->client;
    CURL *e = call->easy;

    curl_easy_setopt(e, CURLOPT_PRIVATE, call);
    curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(e, CURLOPT_REDIR_PROTOCOLS_STR, "https");
    curl_easy_setopt(e, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(e, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    curl_easy_setopt(e, CURLOPT_SSL_VERIFYPEER, 1L);
    curl_easy_setopt(e, CURLOPT_SSL_VERIFYHOST, 2L);
    curl_easy_setopt(e, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
    curl_easy_setopt(e, CURLOPT_PIPEWAIT, 1L);
    curl_easy_setopt(e, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(e, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    curl_easy_setopt(e, CURLOPT_BUFFERSIZE, (long)BUFFER_BYTES);
    curl_easy_setopt(e, CURLOPT_UPLOAD_BUFFERSIZE, (long)UPLOAD_BYTES);
    curl_easy_setopt(e, CURLOPT_USERAGENT, "nigh/" NIGH_VERSION);
    curl_easy_setopt(e, CURLOPT_OPENSOCKETFUNCTION, on_open_socket);
    curl_easy_setopt(e, CURLOPT_OPENSOCKETDATA, c);
    curl_easy_setopt(e, CURLOPT_CLOSESOCKETFUNCTION, on_close_socket);
    curl_easy_setopt(e, CURLOPT_CLOSESOCKETDATA, c);
    curl_easy_setopt(e, CURLOPT_PREREQFUNCTION, on_prereq);
    curl_easy_setopt(e, CURLOPT_PREREQDATA, call);
    curl_easy_setopt(e, CURLOPT_DEBUGFUNCTION, on_debug);
    curl_easy_setopt(e, CURLOPT_DEBUGDATA, call);
    curl_easy_setopt(e, CURLOPT_VERBOSE, 1L);
    curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, on_head_line);
    curl_easy_setopt(e, CURLOPT_HEADERDATA, call);
    curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_data);
    curl_easy_setopt(e, CURLOPT_WRITEDATA, call);
    if (c->cert_folder) {
        curl_easy_setopt(e, CURLOPT_CAINFO, (char *)NULL);
        curl_easy_setopt(e, CURLOPT_CAPATH, CERT_FOLDER);
    }
}

static struct call *call_take(struct client *c)
{
    struct call *call = c->spare;

    if (call) {
        c->spare = call->next;
        c->n_spare--;
        buf_reset(&call->text);
        call->next = NULL;
        call->dead = call->paused = call->stuck = false;
        call->head_told = call->resent = call->http_2 = false;
        call->first_us = call->last_us = call->bytes_out = call->bytes_in = call->attempts = 0;
        return call;
    }
    if (!(call = calloc(1, sizeof *call)))
        return NULL;
    call->client = c;
    call->text.max_bytes = HEAD_BYTES_MAX;
    if (!(call->easy = curl_easy_init())) {
        free(call);
        return NULL;
    }
    call_options(call);
    return call;
}

/* The host part of an URL's authority, without brackets and port; absent when it is not plain. */
static struct slice url_host(const char *url)
{
    const char *p = strstr(url, "://");
    struct slice rest, host;

    if (!p)
        return (struct slice){0};
    rest = slice_of(p + 3);
    rest.len = strcspn(rest.p, "/?#");
    if (memchr(rest.p, '@', rest.len))
        return (struct slice){0};
    if (rest.len > 0 && *rest.p == '[') {
        rest.p++, rest.len--;
        return slice_cut(&rest, ']');
    }
    host = slice_cut(&rest, ':');
    return host;
}

static bool host_is_loopback(struct slice host)
{
    char text[INET6_ADDRSTRLEN];
    struct in_addr v4;
    struct in6_addr v6;

    if (slice_ieq(host, SLICE("localhost")))
        return true; /* libcurl answers that name itself, as RFC 6761 asks */
    if (!host.p || host.len >= sizeof text)
        return false;
    memcpy(text, host.p, host.len);
    text[host.len] = 0;
    if (inet_pton(AF_INET, text, &v4) == 1)
        return ntohl(v4.s_addr) >> 24 == 127;
    return inet_pton(AF_INET6, text, &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
}

static enum nigh_status spec_check(const struct call_spec *spec, bool local, struct nigh_err *err)
{
    const struct endpoint *to = spec->to;
    bool https = strncasecmp(to->base_url, "https://", 8) == 0;
    bool http = strncasecmp(to->base_url, "http://", 7) == 0;

    if ((!https && !http) || url_host(to->base_url).len == 0)
        return nigh_fail(err, NIGH_INVALID,
                         "%s: its URL is neither http:// nor https:// and a host", to->dest.place);
    if (http && !local && !to->plain_http_ok)
        return nigh_fail(err, NIGH_DENIED,
                         "%s: its URL is plain http to another machine; use https, or allow it in "
                         "the config",
                         to->dest.place);
    if (!spec->first_byte_ms && !spec->idle_ms && !spec->total_ms)
        return nigh_fail(err, NIGH_INVALID, "%s: a call without a deadline", to->dest.place);
    if (spec->n_headers + to->n_headers + 2 > HEADERS_MAX)
        return nigh_fail(err, NIGH_TOOBIG, "%s: more than %d headers", to->dest.place, HEADERS_MAX);
    return NIGH_OK;
}

static bool line_add(struct call *call, size_t *starts, size_t *n, const struct header *h)
{
    if (strpbrk(h->name, "\r\n:") || strpbrk(h->value, "\r\n"))
        return false;
    starts[(*n)++] = call->text.len;
    buf_add_cstr(&call->text, h->name);
    buf_add_cstr(&call->text, *h->value ? ": " : ";"); /* libcurl's way to say: empty, but there */
    buf_add_cstr(&call->text, h->value);
    buf_add_char(&call->text, 0);
    return true;
}

/* Header lines and URL into one buffer, and libcurl's list over it. */
static enum nigh_status call_text(struct call *call, const struct call_spec *spec,
                                  struct nigh_err *err)
{
    const struct endpoint *to = spec->to;
    size_t starts[HEADERS_MAX], n = 0, url_at;
    bool ok = true;

    for (size_t i = 0; i < to->n_headers; i++)
        ok = line_add(call, starts, &n, &to->headers[i]) && ok;
    for (size_t i = 0; i < spec->n_headers; i++)
        ok = line_add(call, starts, &n, &spec->headers[i]) && ok;
    if (!ok)
        return nigh_fail(err, NIGH_INVALID, "%s: a header with a line break", to->dest.place);
    starts[n++] = call->text.len;
    buf_add(&call->text, "Expect:", 8); /* none: it costs a round trip, and its NUL */
    url_at = call->text.len;
    buf_add_cstr(&call->text, to->base_url);
    buf_add_cstr(&call->text, spec->path);
    if (call->text.failed)
        return nigh_fail(err, NIGH_TOOBIG, "%s: headers and URL over %d bytes", to->dest.place,
                         HEAD_BYTES_MAX);
    for (size_t i = 0; i < n; i++)
        call->lines[i] = (struct curl_slist){call->text.data + starts[i],
                                             i + 1 < n ? &call->lines[i + 1] : NULL};
    curl_easy_setopt(call->easy, CURLOPT_HTTPHEADER, call->lines);
    if (curl_easy_setopt(call->easy, CURLOPT_URL, call->text.data + url_at) != CURLE_OK)
        return nigh_fail(err, NIGH_NOMEM, "%s: no memory for its URL", to->dest.place);
    return NIGH_OK;
}

static void call_method(struct call *call, const struct call_spec *spec)
{
    bool post = strcmp(spec->method, "POST") == 0, get = strcmp(spec->method, "GET") == 0;
    CURL *e = call->easy;

    curl_easy_setopt(e, CURLOPT_NOBODY, (long)(strcmp(spec->method, "HEAD") == 0));
    if (post || spec->body.len > 0) {
        curl_easy_setopt(e, CURLOPT_POSTFIELDS, spec->body.len > 0 ? spec->body.p : "");
        curl_easy_setopt(e, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)spec->body.len);
        curl_easy_setopt(e, CURLOPT_POST, 1L);
    } else if (strcmp(spec->method, "HEAD") != 0) {
        curl_easy_setopt(e, CURLOPT_HTTPGET, 1L);
    }
    if (call->custom || !(post || get))
        curl_easy_setopt(e, CURLOPT_CUSTOMREQUEST, post || get ? NULL : spec->method);
    call->custom = !(post || get);
}

static enum nigh_status call_prepare(struct call *call, const struct call_spec *spec, bool local,
                                     struct nigh_err *err)
{
    enum nigh_status status = call_text(call, spec, err);

    if (status != NIGH_OK)
        return status;
    call_method(call, spec);
    curl_easy_setopt(call->easy, CURLOPT_UNIX_SOCKET_PATH, spec->to->unix_path);
    if (local != call->local)
        curl_easy_setopt(call->easy, CURLOPT_NOPROXY, local ? "*" : NULL);
    call->local = local;
    call->to = spec->to;
    call->first_byte_us = spec->first_byte_ms * 1000;
    call->idle_us = spec->idle_ms * 1000;
    call->total_us = spec->total_ms * 1000;
    call->started_us = clock_mono_us();
    return call_clock_set(call, err);
}

static enum nigh_status call_new(struct call **ret, struct client *c, const struct call_spec *spec,
                                 struct nigh_err *err)
{
    bool local = spec->to->unix_path || host_is_loopback(url_host(spec->to->base_url));
    enum nigh_status status = spec_check(spec, local, err);
    struct call *call;

    if (status != NIGH_OK)
        return status;
    if (!(call = call_take(c)))
        return nigh_fail(err, NIGH_NOMEM, "%s: no memory for a call", spec->to->dest.place);
    if ((status = call_prepare(call, spec, local, err)) != NIGH_OK) {
        call_recycle(call);
        return status;
    }
    *ret = call;
    return NIGH_OK;
}

enum nigh_status client_send(struct client *c, struct call **ret_call, const struct call_spec *spec,
                             struct clearance *pass, const struct call_ops *ops, void *owner,
                             struct nigh_err *err)
{
    enum nigh_status status = clearance_spend(pass, &spec->to->dest, spec->body, err);
    struct call *call = NULL;

    if (status != NIGH_OK) {
        clearance_free(pass);
        return status;
    }
    struct nigh_err why = {0};
    if ((status = call_new(&call, c, spec, &why)) != NIGH_OK) {
        clearance_settle(pass, 0, 0, 0, why.what);
        clearance_free(pass);
        return nigh_fail(err, status, "%s", why.what);
    }
    call->pass = pass;
    call->ops = ops;
    call->owner = owner;
    if ((call->next = c->open))
        c->open->prev = call;
    c->open = call;
    call_wait(call, WAITS_SEND);
    *ret_call = call;
    return NIGH_OK;
}

struct slice call_header(struct call *call, const char *name)
{
    struct curl_header *h;

    if (curl_easy_header(call->easy, name, 0, CURLH_HEADER, -1, &h) != CURLHE_OK)
        return (struct slice){0};
    return slice_of(h->value);
}

void call_pause(struct call *call)
{
    call->paused = true; /* on_data() refuses the next piece, and libcurl stops reading */
}

void call_resume(struct call *call)
{
    if (!call->paused)
        return;
    call->paused = false;
    call->last_us = clock_mono_us();
    if (call_clock_set(call, NULL) == NIGH_OK)
        call_wait(call, WAITS_RESUME);
    /* else: no memory for the idle clock.  The call stays still, and total_ms ends it. */
}

/* ---- the client ---- */

/* Debian's folder of certificates by name of their hash: read one by one, when a server names one.
 * All of them at once take 15 ms and several MB. */
static bool cert_folder_is_hashed(void)
{
    DIR *dir = opendir(CERT_FOLDER);
    const struct dirent *entry;
    bool found = false;

    while (dir && !found && (entry = readdir(dir)))
        found = strlen(entry->d_name) == 10 && strspn(entry->d_name, "0123456789abcdef") == 8 &&
                strcmp(entry->d_name + 8, ".0") == 0;
    if (dir)
        closedir(dir);
    return found;
}

enum nigh_status client_new(struct client **ret, struct loop *loop, struct nigh_err *err)
{
    struct client *c = calloc(1, sizeof *c);

    if (!c)
        return nigh_fail(err, NIGH_NOMEM, "start the HTTP client: out of memory");
    c->loop = loop;
    c->waiting_tail = &c->waiting;
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK || !(c->multi = curl_multi_init())) {
        free(c);
        return nigh_fail(err, NIGH_NOMEM, "start the HTTP client: libcurl does not start");
    }
    c->cert_folder = cert_folder_is_hashed();
    curl_multi_setopt(c->multi, CURLMOPT_SOCKETFUNCTION, on_socket_wish);
    curl_multi_setopt(c->multi, CURLMOPT_SOCKETDATA, c);
    curl_multi_setopt(c->multi, CURLMOPT_TIMERFUNCTION, on_timer_wish);
    curl_multi_setopt(c->multi, CURLMOPT_TIMERDATA, c);
    curl_multi_setopt(c->multi, CURLMOPT_MAXCONNECTS, (long)POOL_MAX);
    *ret = c;
    return NIGH_OK;
}

struct client *client_free(struct client *c)
{
    struct call *call;

    if (!c)
        return NULL;
    assert(c->in_curl == 0);
    while (c->open)
        call_cancel(c->open);
    kick(&c->later);
    loop_later_cancel(c->loop, &c->later);
    while ((call = c->spare)) {
        c->spare = call->next;
        call_destroy(call);
    }
    curl_multi_cleanup(c->multi); /* closes the pool: on_close_socket() */
    timer_disarm(c->loop, &c->clock);
    for (int fd = 0; fd < c->n_socks; fd++)
        assert(!c->socks[fd]);
    free(c->socks);
    free(c);
    return NULL;
}

const char *client_library(void)
{
    return curl_version_info(CURLVERSION_NOW)->version;
}
