#include "net/addr.h"
#include "net/client_inside.h"
#include <dirent.h>
#include <sys/socket.h>
#include <unistd.h>

enum { POOL_MAX = 256 }; /* connections kept open for the next calls, over all hosts */

/* ---- sockets ---- */

static void client_drive(struct client *c, curl_socket_t fd, int bits);

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

/* An error is told as something to read as well: what came before a reset is still there to be had,
 * and libcurl gives up at an error alone.  libuv stops watching at one. */
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
    if (status < 0) {
        bits = CURL_CSELECT_IN | CURL_CSELECT_ERR;
        s->on = uv_poll_start(poll, s->want, on_sock) == 0 ? s->want : 0;
    }
    client_drive(s->client, s->fd, bits);
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
    struct call *call = owner;
    int fd;

    if (call->indoors && !addr_is_private(&to->addr)) {
        call->astray = true;
        return CURL_SOCKET_BAD;
    }
    fd = socket(to->family, to->socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, to->protocol);
    struct sock *s = fd < 0 ? NULL : sock_new(call->client, fd);
    if (!s) {
        if (fd >= 0)
            close(fd);
        return CURL_SOCKET_BAD;
    }
    s->kept = true;
    kernel_open(s);
    return fd;
}

static int on_close_socket(void *owner, curl_socket_t fd)
{
    struct sock *s = sock_of(owner, fd);

    if (s) {
        kernel_close(s);
        sock_close(s);
    }
    return close(fd);
}

/* A connection is closed long after the call that opened it: that is the client's. */
void client_sockets(struct call *call)
{
    curl_easy_setopt(call->easy, CURLOPT_OPENSOCKETFUNCTION, on_open_socket);
    curl_easy_setopt(call->easy, CURLOPT_OPENSOCKETDATA, call);
    curl_easy_setopt(call->easy, CURLOPT_CLOSESOCKETFUNCTION, on_close_socket);
    curl_easy_setopt(call->easy, CURLOPT_CLOSESOCKETDATA, call->client);
}

/* ---- asking libcurl, never from inside of it ---- */

static void kick(struct later *later);
static void client_done_collect(struct client *c);

static void client_drive(struct client *c, curl_socket_t fd, int bits)
{
    int running;

    c->in_curl++;
    curl_multi_socket_action(c->multi, fd, bits, &running);
    c->in_curl--;
    client_done_collect(c);
}

void client_wait(struct call *call, enum waiting what)
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
        client_drive(c, CURL_SOCKET_TIMEOUT, 0);
    }
}

static void on_clock(struct timer *t)
{
    struct client *c = CONTAINER_OF(t, struct client, clock);

    client_drive(c, CURL_SOCKET_TIMEOUT, 0);
}

static int on_timer_wish(CURLM *multi, long wait_ms, void *owner)
{
    struct client *c = owner;

    c->due = wait_ms == 0;
    if (wait_ms > 0) { /* libcurl looks at the system's clock */
        uint64_t ms = clock_from_system_us((uint64_t)wait_ms);
        return timer_arm(c->loop, &c->clock, ms, on_clock, NULL) == NIGH_OK ? 0 : -1;
    }
    timer_disarm(c->loop, &c->clock);
    if (c->due)
        loop_later(c->loop, &c->later, kick);
    return 0;
}

void client_detach(struct call *call)
{
    struct client *c = call->client;

    assert(c->in_curl == 0);
    timer_disarm(c->loop, &call->clock);
    if (call->added)
        curl_multi_remove_handle(c->multi, call->easy);
    call->added = false;
}

static void client_done_collect(struct client *c)
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
            call_over(call, rc);
    }
}

/* ---- the client ---- */

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

/* libcurl and the OpenSSL under it take 3 MB, and 5 ms, so they begin with the first call: a node
 * without clouds, or whose clouds nobody asked yet, does without. */
enum nigh_status client_begin(struct client *c, struct nigh_err *err)
{
    if (c->multi)
        return NIGH_OK;
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK || !(c->multi = curl_multi_init()))
        return nigh_fail(err, NIGH_NOMEM, "start the HTTP client: libcurl does not start");
    c->cert_folder = cert_folder_is_hashed();
    curl_multi_setopt(c->multi, CURLMOPT_SOCKETFUNCTION, on_socket_wish);
    curl_multi_setopt(c->multi, CURLMOPT_SOCKETDATA, c);
    curl_multi_setopt(c->multi, CURLMOPT_TIMERFUNCTION, on_timer_wish);
    curl_multi_setopt(c->multi, CURLMOPT_TIMERDATA, c);
    curl_multi_setopt(c->multi, CURLMOPT_MAXCONNECTS, (long)POOL_MAX);
    return NIGH_OK;
}

enum nigh_status client_new(struct client **ret, struct loop *loop, struct nigh_err *err)
{
    struct client *c = calloc(1, sizeof *c);

    if (!c)
        return nigh_fail(err, NIGH_NOMEM, "start the HTTP client: out of memory");
    c->loop = loop;
    c->waiting_tail = &c->waiting;
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
