#include "net/server_inside.h"
#include <netinet/in.h>

enum {
    ANSWER_BYTES_MAX = 256 << 20, /* over any answer; a producer that ignores `drained` hits it */
    SPARE_MAX = 64,               /* finished exchanges kept for the next requests */
    SPARE_BYTES_MAX = 16 << 10,   /* of a buffer that such an exchange keeps: the usual request */
};

/* ---- exchanges: birth and death ---- */

/* Headers hold the caller's key, and an answer may hold one that was just made. */
static void wipe(struct buf *b)
{
    if (b->data)
        explicit_bzero(b->data, b->cap < SPARE_BYTES_MAX ? b->cap : SPARE_BYTES_MAX);
}

static void buf_spare(struct buf *b)
{
    size_t max_bytes = b->max_bytes;

    if (b->cap > SPARE_BYTES_MAX) {
        buf_done(b);
        *b = (struct buf){.max_bytes = max_bytes};
    }
    buf_reset(b);
}

void exchange_body_done(struct exchange *ex)
{
    if (ex->server)
        ex->server->bodies_bytes -= ex->body.len;
    buf_spare(&ex->body);
}

struct exchange *exchange_destroy(struct exchange *ex)
{
    buf_done(&ex->text);
    buf_done(&ex->body);
    buf_done(&ex->out);
    free(ex->pairs);
    free(ex);
    return NULL;
}

/* Both sides are through with it. */
void exchange_recycle(struct exchange *ex)
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
    exchange_body_done(ex);
    server_drained_check(s);
    wipe(&ex->text);
    wipe(&ex->out);
    if (s->n_spare >= SPARE_MAX) {
        exchange_destroy(ex);
        return;
    }
    buf_spare(&ex->text);
    buf_spare(&ex->out);
    ex->next = s->spare;
    s->spare = ex;
    s->n_spare++;
}

struct exchange *exchange_take(struct server *s)
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

void exchange_tell(struct exchange *ex, unsigned due)
{
    ex->due |= due;
    if (ex->owned && ex->server)
        loop_later(ex->server->loop, &ex->later, deliver);
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

static void address_v4(struct address *ret, uint32_t host_order)
{
    uint32_t net = htonl(host_order);

    ret->net[10] = ret->net[11] = 0xff;
    memcpy(ret->net + 12, &net, sizeof net);
    ret->loopback = host_order >> 24 == 127;
}

void exchange_client(const struct exchange *ex, struct address *ret)
{
    const union MHD_ConnectionInfo *info =
        ex->conn ? MHD_get_connection_info(ex->conn->mhd, MHD_CONNECTION_INFO_CLIENT_ADDRESS)
                 : NULL;
    const struct sockaddr *from = info ? info->client_addr : NULL;

    *ret = (struct address){0};
    if (from && from->sa_family == AF_INET) {
        address_v4(ret, ntohl(((const struct sockaddr_in *)from)->sin_addr.s_addr));
    } else if (from && from->sa_family == AF_INET6) {
        const struct in6_addr *v6 = &((const struct sockaddr_in6 *)from)->sin6_addr;
        memcpy(ret->net, v6, 8);
        ret->loopback = IN6_IS_ADDR_LOOPBACK(v6);
    }
}

bool exchange_secure(const struct exchange *ex)
{
    return ex->secure;
}
