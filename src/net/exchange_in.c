/* The request comes in: what libmicrohttpd read becomes the exchange's own, or is refused. */
#include "net/server_inside.h"

enum { BODY_HINT_BYTES_MAX = 1 << 20 }; /* believed of a Content-Length before the bytes are here */

/* ---- refusals ---- */

static const struct refusal {
    int status;
    const char *reason, *message, *extra;
} REFUSE_METHOD = {405, "Method Not Allowed", "this method is not known here",
                   "Allow: GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS\r\n"},
  REFUSE_HEAD =
      {400, "Bad Request",
       "the request's header is not HTTP/1.1 to the letter (RFC 9112), or says two things "
       "of its length",
       ""},
  REFUSE_CHUNK = {400, "Bad Request", "a chunk's line is too long", ""},
  REFUSE_TRAILER = {400, "Bad Request", "no fields are taken behind a body", ""},
  REFUSE_BODY = {413, "Content Too Large", "the body is over the limit", ""},
  REFUSE_HEADER = {431, "Request Header Fields Too Large", "the headers are over the limit", ""},
  REFUSE_BODIES = {503, "Service Unavailable",
                   "too much is being read from others; try again later", "Retry-After: 1\r\n"},
  REFUSE_FULL = {503, "Service Unavailable", "too many connections are open; try again later",
                 "Retry-After: 1\r\n"};

static void refusal_body(struct exchange *ex, const struct refusal *r, struct buf *body)
{
    const struct server *server = ex->server;

    if (server->ops.refused)
        server->ops.refused(server->owner, ex, r->status, r->message, body);
    else
        buf_printf(body, "{\"error\":{\"message\":\"%s\",\"type\":\"invalid_request_error\"}}\n",
                   r->message);
}

/* Straight to the socket, because libmicrohttpd takes no answer in mid-body, and sends no
 * answer that fits ours to a client that is still uploading.  No other answer is under way then. */
static enum MHD_Result refuse(struct exchange *ex, const struct refusal *r)
{
    CLEANUP(buf_done) struct buf text = {0}, body = {0};
    struct conn *c = ex->conn;

    refusal_body(ex, r, &body);
    buf_printf(&text,
               "HTTP/1.1 %d %s\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n"
               "Connection: close\r\n%s\r\n",
               r->status, r->reason, body.len, r->extra);
    if (!slice_is(ex->method, "HEAD"))
        buf_add_str(&text, buf_slice(&body));
    /* It fits into an empty socket buffer; if it does not, the client does not listen. */
    if (!text.failed && !body.failed && conn_say(c, text.data, text.len))
        c->refused = true;
    return MHD_NO;
}

void exchange_stuck(struct exchange *ex)
{
    (void)refuse(ex, &REFUSE_CHUNK);
    conn_cut(ex->conn);
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

struct reading {
    struct exchange *ex;
    struct head head;
};

static enum MHD_Result on_header(void *cls, enum MHD_ValueKind kind, const char *name,
                                 size_t name_len, const char *value, size_t value_len)
{
    struct reading *reading = cls;
    struct exchange *ex = reading->ex;
    struct pair *pair = pair_add(ex);

    if (!pair)
        return MHD_NO;
    head_header(&reading->head, (struct slice){name, name_len}, (struct slice){value, value_len});
    pair->name = text_add(ex, name, name_len);
    pair->name_len = (uint32_t)name_len;
    pair->value = text_add(ex, value ? value : "", value_len);
    pair->value_len = (uint32_t)value_len;
    return MHD_YES;
}

/* Decodes %XX and '+' in place of a query's piece; returns its new length. */
static size_t unescape(char *p, size_t len)
{
    size_t to = 0;

    for (size_t i = 0; i < len; i++) {
        if (p[i] == '%' && i + 2 < len && hex_value(p[i + 1]) >= 0 && hex_value(p[i + 2]) >= 0) {
            p[to++] = (char)(hex_value(p[i + 1]) << 4 | hex_value(p[i + 2]));
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
void *exchange_on_uri(void *cls, const char *uri, struct MHD_Connection *mhd)
{
    struct server *s = cls;
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    struct conn *c = info->socket_context;
    struct exchange *ex = c && !c->cut ? exchange_take(s) : NULL;

    if (!ex)
        return NULL;
    ex->conn = c;
    ex->secure = s->identity != NULL;
    c->ex = ex;
    conn_began(c, uri);
    c->line = uri;
    c->moved_us = clock_mono_us();
    text_add(ex, uri, strlen(uri)); /* at 0: split in head_in() */
    return ex;
}

/* Out of libmicrohttpd's memory into ours; false: there is none. */
static bool head_copy(struct reading *reading, const char *method, const char *version)
{
    struct exchange *ex = reading->ex;
    CLEANUP(buf_done) struct buf query = {0};
    uint32_t method_at = text_add(ex, method, strlen(method));

    if (ex->text.failed)
        return false;
    struct slice target = slice_of(ex->text.data); /* at 0, with its NUL, since exchange_on_uri() */
    head_begin(&reading->head, method, ex->conn->line, target, version);
    MHD_get_connection_values_n(ex->conn->mhd, MHD_HEADER_KIND, on_header, reading);
    ex->n_headers = ex->n_pairs;
    if (ex->text.failed)
        return false;
    struct slice rest = slice_of(ex->text.data), path = slice_cut(&rest, '?');
    if (rest.p)
        buf_add_str(&query, rest); /* text may move while pieces are added to it */
    if (query.failed || !query_in(ex, rest.p ? (struct slice){query.data, query.len} : rest) ||
        ex->text.failed)
        return false;
    ex->path = (struct slice){ex->text.data, path.len};
    ex->method = slice_of(ex->text.data + method_at);
    return true;
}

/* NULL: there is nothing against it. */
static const struct refusal *head_judge(const struct reading *reading, const char *method)
{
    struct conn *c = reading->ex->conn;
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(c->mhd, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);

    c->head_end = method + info->header_size;
    if (c->over)
        return &REFUSE_FULL;
    if (!head_exact(&reading->head, c->head_end))
        return &REFUSE_HEAD;
    if (!method_known(method))
        return &REFUSE_METHOD;
    return info->header_size > c->server->limits.header_bytes_max ? &REFUSE_HEADER : NULL;
}

/* Of a body whose length was said: is there room? */
static const struct refusal *length_judge(struct exchange *ex)
{
    const struct server *s = ex->server;
    struct slice length = exchange_header(ex, MHD_HTTP_HEADER_CONTENT_LENGTH);
    uint64_t declared = 0;

    if (!length.p)
        return NULL;
    if (!slice_u64(length, &declared) || declared > s->limits.body_bytes_max)
        return &REFUSE_BODY;
    if (declared > s->limits.bodies_bytes_max - s->bodies_bytes)
        return &REFUSE_BODIES;
    if (declared > 0)
        buf_reserve(&ex->body,
                    declared < BODY_HINT_BYTES_MAX ? (size_t)declared : BODY_HINT_BYTES_MAX);
    return NULL;
}

static enum MHD_Result head_in(struct exchange *ex, const char *method, const char *version)
{
    struct reading reading = {.ex = ex};
    const struct refusal *why;

    ex->stage = STAGE_BODY;
    ex->http_1_0 = strcmp(version, MHD_HTTP_VERSION_1_0) == 0;
    if (!head_copy(&reading, method, version))
        return MHD_NO;
    if ((why = head_judge(&reading, method)) || (why = length_judge(ex)))
        return refuse(ex, why);
    ex->chunked = reading.head.codings > 0;
    if (ex->chunked)
        conn_look_soon(ex->conn);
    return ex->body.failed ? MHD_NO : MHD_YES;
}

static enum MHD_Result body_in(struct exchange *ex, const char *data, size_t *size)
{
    struct server *s = ex->server;

    if (*size > ex->server->limits.body_bytes_max - ex->body.len)
        return refuse(ex, &REFUSE_BODY);
    if (*size > s->limits.bodies_bytes_max - s->bodies_bytes)
        return refuse(ex, &REFUSE_BODIES);
    buf_add(&ex->body, data, *size);
    if (ex->body.failed)
        return MHD_NO;
    s->bodies_bytes += *size;
    *size = 0;
    ex->conn->moved_us = clock_mono_us();
    return MHD_YES;
}

struct footers {
    const struct conn *conn;
    bool found;
};

static enum MHD_Result on_footer(void *cls, enum MHD_ValueKind kind, const char *name,
                                 const char *value)
{
    struct footers *f = cls;

    f->found = f->found || name < f->conn->line || name >= f->conn->head_end;
    return MHD_YES;
}

/* Fields behind the last chunk are read as generously as heads, and their lines are not where they
 * could be looked at.  libmicrohttpd sometimes takes the head's last line for one of them. */
static bool has_trailer(const struct conn *c)
{
    struct footers f = {.conn = c};

    MHD_get_connection_values(c->mhd, MHD_FOOTER_KIND, on_footer, &f);
    return f.found;
}

static enum MHD_Result request_in(struct exchange *ex)
{
    struct conn *c = ex->conn;

    if (c->left)
        return MHD_NO;
    if (ex->chunked && has_trailer(c))
        return refuse(ex, &REFUSE_TRAILER);
    ex->stage = STAGE_PARKED;
    ex->owned = true;
    ex->server->ops.request(ex->server->owner, ex);
    if (!ex->started && !c->cut)
        conn_park(c); /* this connection does nothing until conn_wake() */
    return c->cut ? MHD_NO : MHD_YES;
}

enum MHD_Result exchange_on_access(void *cls, struct MHD_Connection *mhd, const char *url,
                                   const char *method, const char *version, const char *data,
                                   size_t *size, void **ctx)
{
    struct exchange *ex = *ctx;

    if (!ex)
        return MHD_NO; /* exchange_on_uri had no memory, or we are closing */
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
