#include "net/client_inside.h"

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

enum nigh_status call_clock_set(struct call *call, struct nigh_err *err)
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
    (void)!call_clock_set(call, NULL); /* moves an armed timer, or none is needed before a head */
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
    if (!call->resent)
        kernel_begin(call, local_ip, local_port, ip, port);
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

void call_listen(struct call *call)
{
    CURL *e = call->easy;

    curl_easy_setopt(e, CURLOPT_PREREQFUNCTION, on_prereq);
    curl_easy_setopt(e, CURLOPT_PREREQDATA, call);
    curl_easy_setopt(e, CURLOPT_DEBUGFUNCTION, on_debug);
    curl_easy_setopt(e, CURLOPT_DEBUGDATA, call);
    curl_easy_setopt(e, CURLOPT_VERBOSE, 1L);
    curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, on_head_line);
    curl_easy_setopt(e, CURLOPT_HEADERDATA, call);
    curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_data);
    curl_easy_setopt(e, CURLOPT_WRITEDATA, call);
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
    struct ledger_sent sent = {.bytes_out = r->bytes_out,
                               .bytes_in = r->bytes_in,
                               .kernel_out = -1,
                               .kernel_in = -1,
                               .http_status = r->http_status,
                               .failure = r->status == NIGH_OK ? NULL : r->err.what};
    struct tcp_count kernel;

    if (kernel_end(call, &kernel)) {
        sent.kernel_out = (int64_t)kernel.out;
        sent.kernel_in = (int64_t)kernel.in;
    }
    clearance_settle(pass, &sent);
    clearance_free(pass);
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

/* The last word, outside of libcurl. */
void call_finish(struct call *call, enum nigh_status status, const char *why)
{
    const struct call_ops *ops = call->ops;
    void *owner = call->owner;
    struct call_result result;

    assert(!call->dead);
    result_fill(&result, call, status, why);
    call_settle(call, &result);
    call_unlist(call);
    call->dead = true;
    client_detach(call);
    if (call->waits == WAITS_NOT)
        call_recycle(call);
    else
        client_wait(call, WAITS_REAP);
    ops->done(owner, &result);
}

static const char *failure_text(const struct call *call, CURLcode rc)
{
    if (call->astray)
        return "its name leads out of the private networks, and it is spoken to in the clear: give "
               "its address, or use https";
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

void call_over(struct call *call, CURLcode rc)
{
    call_finish(call, curl_status(rc, call->first_us != 0),
                rc == CURLE_OK ? NULL : failure_text(call, rc));
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
    client_wait(call, WAITS_REAP);
    return NULL;
}

struct slice call_header(struct call *call, const char *name)
{
    struct curl_header *h;

    if (curl_easy_header(call->easy, name, 0, CURLH_HEADER, -1, &h) != CURLHE_OK)
        return (struct slice){0};
    return slice_of(h->value);
}

void call_bytes(const struct call *call, uint64_t *ret_out, uint64_t *ret_in)
{
    *ret_out = call->bytes_out;
    *ret_in = call->bytes_in;
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
        client_wait(call, WAITS_RESUME);
    /* else: no memory for the idle clock.  The call stays still, and total_ms ends it. */
}
