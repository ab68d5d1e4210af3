/* Is a request's head what every other program on its way would read it as?
 *
 * A proxy before us and we must agree on where a request ends, or what one takes for a body is a
 * request to the other (THREATS.md 10).  libmicrohttpd 0.9.75 is generous: it takes bare line
 * feeds, folded lines, NULs, two lengths, and transfer codings that it then ignores.  So its result
 * is judged here, by RFC 9112 to the letter.
 *
 * What it read is not kept, but it parses in place: in its buffer the line ends, colons and blanks
 * of the head have become NULs and the rest is as it came.  So the pieces must lie there one behind
 * the other with exactly the NULs of CR and LF between them.  A libmicrohttpd that parses otherwise
 * would have every request refused, which the first test sees. */
#include "net/server_inside.h"

static bool token_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c && strchr("!#$%&'*+-.^_`|~", c));
}

static bool is_token(const char *p, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (!token_char(p[i]))
            return false;
    return len > 0;
}

/* Field values may hold bytes over 127, which nobody takes for anything. */
static bool is_value(const char *p, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (((unsigned char)p[i] < ' ' && p[i] != '\t') || p[i] == 0x7f)
            return false;
    return true;
}

static bool is_target(const char *p, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)p[i] <= ' ' || (unsigned char)p[i] >= 0x7f)
            return false;
    return len > 0 && *p == '/'; /* no proxy: neither http://HOST/ nor HOST:PORT */
}

/* A line's end: where the next one begins, or NULL. */
static const char *line_end(const char *p)
{
    return p[0] == 0 && p[1] == 0 ? p + 2 : NULL;
}

void head_begin(struct head *h, const char *method, const char *at, struct slice target,
                const char *version)
{
    *h = (struct head){0};
    if (at != method + strlen(method) + 1 || version != at + target.len + 1)
        return;
    if (!is_token(method, strlen(method)) || !is_target(target.p, target.len))
        return;
    if (strcmp(version, MHD_HTTP_VERSION_1_1) != 0 && strcmp(version, MHD_HTTP_VERSION_1_0) != 0)
        return;
    h->http_1_1 = strcmp(version, MHD_HTTP_VERSION_1_1) == 0;
    h->next = line_end(version + strlen(version));
}

static void count(struct head *h, struct slice name, struct slice value)
{
    if (slice_ieq(name, SLICE(MHD_HTTP_HEADER_CONTENT_LENGTH))) {
        h->lengths++;
    } else if (slice_ieq(name, SLICE(MHD_HTTP_HEADER_TRANSFER_ENCODING))) {
        h->codings++;
        h->odd_coding = h->odd_coding || !slice_ieq(value, SLICE("chunked"));
    } else if (slice_ieq(name, SLICE(MHD_HTTP_HEADER_HOST))) {
        h->hosts++;
    }
}

void head_header(struct head *h, struct slice name, struct slice value)
{
    if (h->next != name.p || !is_token(name.p, name.len) || !is_value(value.p, value.len)) {
        h->next = NULL;
        return;
    }
    h->next = line_end(value.p + value.len);
    count(h, name, value);
}

bool head_exact(const struct head *h, const char *end)
{
    if (!h->next || line_end(h->next) != end)
        return false;
    if (h->codings)
        return h->http_1_1 && h->codings == 1 && !h->odd_coding && h->lengths == 0 && h->hosts > 0;
    return h->lengths <= 1 && (h->hosts > 0 || !h->http_1_1);
}
