/* A call is made of what it is told: handle, headers, URL, method, clocks; and handles are kept. */
#include "net/client_inside.h"
#include <arpa/inet.h>

enum {
    SPARE_MAX = 32,            /* finished calls kept with their handles for the next ones */
    HEAD_BYTES_MAX = 64 << 10, /* of a request's headers and URL; keys and ids are short */
    UPLOAD_BYTES =
        256 << 10,           /* sent at once of a body over 64 KiB; libcurl has it only meanwhile */
    BUFFER_BYTES = 32 << 10, /* read at once: an answer of usual size in one piece */
};

struct call *call_destroy(struct call *call)
{
    curl_easy_cleanup(call->easy);
    buf_done(&call->text);
    free(call);
    return NULL;
}

void call_recycle(struct call *call)
{
    struct client *c = call->client;

    client_detach(call);
    if (call->text.data)
        explicit_bzero(call->text.data, call->text.len); /* a key was in it */
    if (c->n_spare >= SPARE_MAX || call->text.failed) {
        call_destroy(call);
        return;
    }
    call->next = c->spare;
    c->spare = call;
    c->n_spare++;
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
    curl_easy_setopt(e, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    curl_easy_setopt(e, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
    curl_easy_setopt(e, CURLOPT_PIPEWAIT, 1L);
    curl_easy_setopt(e, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(e, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    curl_easy_setopt(e, CURLOPT_BUFFERSIZE, (long)BUFFER_BYTES);
    curl_easy_setopt(e, CURLOPT_UPLOAD_BUFFERSIZE, (long)UPLOAD_BYTES);
    curl_easy_setopt(e, CURLOPT_USERAGENT, "nigh/" NIGH_VERSION);
    client_sockets(call);
    call_listen(call);
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
        call->head_told = call->resent = call->http_2 = call->astray = false;
        call->first_us = call->last_us = call->bytes_out = call->bytes_in = call->attempts = 0;
        call->kernel_known = false;
        call->kernel = (struct tcp_count){0};
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

/* In the clear nothing but its address tells whose the far end is, and a name's address is whatever
 * the network's name server says today. */
static bool must_stay_indoors(const struct endpoint *to, bool local)
{
    struct slice host = url_host(to->base_url);
    unsigned char any[sizeof(struct in6_addr)];
    char text[INET6_ADDRSTRLEN];

    if (local || to->dest.zone == ZONE_PUBLIC || strncasecmp(to->base_url, "http://", 7) != 0)
        return false;
    if (!host.p || host.len >= sizeof text)
        return true;
    memcpy(text, host.p, host.len);
    text[host.len] = 0;
    return inet_pton(AF_INET, text, any) != 1 && inet_pton(AF_INET6, text, any) != 1;
}

static enum nigh_status spec_check(const struct call_spec *spec, bool local, struct nigh_err *err)
{
    const struct endpoint *to = spec->to;
    bool https = strncasecmp(to->base_url, "https://", 8) == 0;
    bool http = strncasecmp(to->base_url, "http://", 7) == 0;

    if ((!https && !http) || url_host(to->base_url).len == 0)
        return nigh_fail(err, NIGH_INVALID,
                         "%s: its URL is neither http:// nor https:// and a host", to->dest.place);
    if (to->pin && !https)
        return nigh_fail(err, NIGH_DENIED, "%s: its key is pinned and its URL is not https://",
                         to->dest.place);
    if (http && !local && !to->plain_http_ok)
        return nigh_fail(err, NIGH_DENIED,
                         "%s: its URL is plain http to another machine; use https, or allow it in "
                         "the config",
                         to->dest.place);
    if (!spec->first_byte_ms && !spec->idle_ms && !spec->total_ms)
        return nigh_fail(err, NIGH_INVALID, "%s: a call without a deadline", to->dest.place);
    if (spec->n_headers + to->n_headers + 2 > CALL_HEADERS_MAX)
        return nigh_fail(err, NIGH_TOOBIG, "%s: more than %d headers", to->dest.place,
                         CALL_HEADERS_MAX);
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
    size_t starts[CALL_HEADERS_MAX], n = 0, url_at;
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

/* The same handle serves pinned and public places in turn.  libcurl keeps their connections apart:
 * one made under another trust is not used again. */
static void call_trust(struct call *call, const char *pin)
{
    curl_easy_setopt(call->easy, CURLOPT_PINNEDPUBLICKEY, pin);
    curl_easy_setopt(call->easy, CURLOPT_SSL_VERIFYPEER, pin ? 0L : 1L);
    curl_easy_setopt(call->easy, CURLOPT_SSL_VERIFYHOST, pin ? 0L : 2L);
}

static enum nigh_status call_prepare(struct call *call, const struct call_spec *spec, bool local,
                                     struct nigh_err *err)
{
    enum nigh_status status = call_text(call, spec, err);

    if (status != NIGH_OK)
        return status;
    call_method(call, spec);
    curl_easy_setopt(call->easy, CURLOPT_UNIX_SOCKET_PATH, spec->to->unix_path);
    call_trust(call, spec->to->pin);
    if (local != call->local)
        curl_easy_setopt(call->easy, CURLOPT_NOPROXY, local ? "*" : NULL);
    call->local = local;
    call->indoors = must_stay_indoors(spec->to, local);
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
    if ((status = client_begin(c, &why)) == NIGH_OK)
        status = call_new(&call, c, spec, &why);
    if (status != NIGH_OK) {
        clearance_settle(pass, &(struct ledger_sent){.failure = why.what});
        clearance_free(pass);
        return nigh_fail(err, status, "%s", why.what);
    }
    call->pass = pass;
    call->ops = ops;
    call->owner = owner;
    if ((call->next = c->open))
        c->open->prev = call;
    c->open = call;
    client_wait(call, WAITS_SEND);
    *ret_call = call;
    return NIGH_OK;
}
