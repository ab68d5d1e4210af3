#include "label/defang.h"
#include "base/err.h"

/* What a program fetches by itself when it shows or loads something, and how it reads then. */
static const struct {
    const char *scheme, *safe;
} schemes[] = {
    {"https://", "hxxps://"}, {"http://", "hxxp://"}, {"ftp://", "fxp://"}, {"wss://", "wxss://"},
    {"ws://", "wxs://"},      {"file://", "fxle://"}, {"smb://", "sxb://"},
};
/* Behind these a destination stands: Markdown's links, images and references, HTML, CSS. */
static const char *const openers[] = {"](", "]:", "src=", "srcset=", "href=", "poster=", "url("};
/* Schemes without a host, of which nothing is fetched. */
static const char *const harmless[] = {"mailto:", "tel:", "data:"};

void defang_init(struct defang *d, const struct defang_spec *spec)
{
    *d = (struct defang){.spec = *spec};
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

static bool is_letter_or_digit(char c)
{
    return (lower(c) >= 'a' && lower(c) <= 'z') || (c >= '0' && c <= '9');
}

static bool is_slash(char c)
{
    return c == '/' || c == '\\';
}

/* a begins with b, in any case. */
static bool begins(const char *a, size_t n, const char *b, size_t n_b)
{
    return n >= n_b && slice_ieq((struct slice){a, n_b}, (struct slice){b, n_b});
}

/* ---- what is told ---- */

static void feed(struct defang *d, char c);

static void tell(struct defang *d, char c)
{
    d->spec.told(d->spec.owner, c, d->foreign);
    memmove(d->tail, d->tail + 1, sizeof d->tail - 1);
    d->tail[sizeof d->tail - 1] = lower(c);
    for (size_t i = 0; i < ARRAY_LEN(openers); i++) {
        size_t n = strlen(openers[i]);
        if (memcmp(d->tail + sizeof d->tail - n, openers[i], n) == 0)
            d->mode = DEFANG_SPACE;
    }
}

static void tell_all(struct defang *d, struct slice s)
{
    for (size_t i = 0; i < s.len; i++)
        tell(d, s.p[i]);
}

/* Tells the first `n` of what is held; the rest is read as if it came now. */
static void release(struct defang *d, size_t n)
{
    char rest[DEFANG_HOLD_MAX];
    size_t n_rest = d->n_held - n;
    struct slice told = {d->held, n};

    memcpy(rest, d->held + n, n_rest);
    tell_all(d, told);
    d->n_held = 0;
    for (size_t i = 0; i < n_rest; i++)
        feed(d, rest[i]);
}

/* From here to its end a link is foreign.  One within another ends with it. */
static void enter_foreign(struct defang *d)
{
    char before = d->tail[sizeof d->tail - 1];

    if (d->foreign)
        return;
    d->foreign = true;
    d->ends = before == '<' ? '>' : before == '"' || before == '\'' ? before : '\0';
}

/* Spaces do not end what stands in quotes or in <>. */
static bool link_ends(const struct defang *d, char c)
{
    if (d->ends == '>')
        return c == '>' || c == '\n';
    return d->ends ? c == d->ends : c != '\0' && strchr(" \t\r\n\"'<>`", c) != NULL;
}

/* ---- a scheme ---- */

/* Which one held is the beginning of; -1: none. */
static int scheme_of(const struct defang *d, bool *ret_whole)
{
    for (size_t i = 0; i < ARRAY_LEN(schemes); i++) {
        size_t n = strlen(schemes[i].scheme);
        *ret_whole = d->n_held == n;
        if (d->n_held <= n && begins(d->held, d->n_held, schemes[i].scheme, d->n_held))
            return (int)i;
    }
    return -1;
}

static void feed_text(struct defang *d, char c)
{
    bool whole;

    d->foreign = d->foreign && !link_ends(d, c);
    d->held[d->n_held++] = c;
    if (scheme_of(d, &whole) < 0) {
        release(d, 1);
    } else if (whole) {
        d->mode = DEFANG_HOST;
        d->n_scheme = d->n_held;
        d->hidden = false;
    }
}

/* ---- a host ---- */

static bool is_host_char(char c)
{
    return is_letter_or_digit(c) || (unsigned char)c >= 0x80 ||
           (c != '\0' && strchr(".-_~%!$&+,;=:@[]", c) != NULL);
}

/* Without a user before it, a port and what ends a sentence behind it. */
static struct slice host_of(struct slice s)
{
    struct slice rest = s, port;

    for (struct slice user = s; user.p;) {
        slice_cut(&user, '@');
        rest = user.p ? user : rest;
    }
    while (rest.len > 0 && strchr(".,;:!", rest.p[rest.len - 1]))
        rest.len--;
    const char *close = rest.len > 0 && rest.p[0] == '[' ? memchr(rest.p, ']', rest.len) : NULL;
    size_t n = close ? (size_t)(close - rest.p) + 1 : 0;
    if (close) /* an address of version 6, or a placeholder */
        return n == rest.len || rest.p[n] == ':' ? (struct slice){rest.p, n} : rest;
    port = rest;
    return slice_cut(&port, ':');
}

static void tell_safe(struct defang *d)
{
    size_t n = d->n_held;
    bool whole;

    d->n_held = d->n_scheme; /* scheme_of reads what is held; the bytes stay */
    tell_all(d, slice_of(schemes[scheme_of(d, &whole)].safe));
    tell_all(d, (struct slice){d->held + d->n_scheme, n - d->n_scheme});
}

static void decide(struct defang *d, bool too_long)
{
    size_t at = d->n_scheme;
    struct slice all = {d->held, d->n_held};

    while (at < d->n_held && is_slash(d->held[at]))
        at++;
    struct slice host = host_of((struct slice){d->held + at, d->n_held - at});
    bool foreign = too_long || (host.len > 0 && !d->spec.knows(d->spec.owner, host));
    if (foreign)
        enter_foreign(d);
    if (foreign && d->hidden && !d->spec.keep)
        tell(d, '#');
    if (foreign && !d->hidden && !d->spec.keep)
        tell_safe(d);
    else
        tell_all(d, all);
    d->n_held = 0;
    d->mode = DEFANG_TEXT; /* also where the host looked like the beginning of something */
}

static void feed_host(struct defang *d, char c)
{
    bool leading =
        d->n_held == d->n_scheme || (d->n_held > d->n_scheme && is_slash(d->held[d->n_held - 1]));

    if (is_host_char(c) || (is_slash(c) && leading)) {
        d->held[d->n_held++] = c;
        if (d->n_held == DEFANG_HOLD_MAX)
            decide(d, true);
        return;
    }
    decide(d, false);
    feed(d, c);
}

/* ---- a destination ---- */

enum dest { DEST_WAIT, DEST_PLAIN, DEST_NETWORK, DEST_HIDDEN };

static bool is_harmless(const struct defang *d)
{
    for (size_t i = 0; i < ARRAY_LEN(harmless); i++)
        if (begins(d->held, d->n_held, harmless[i], strlen(harmless[i])))
            return true;
    return false;
}

/* Of its first bytes.  Programs decode entities and backslashes in it, and take \ for / and
 * https:evil for https://evil. */
static enum dest dest_of(const struct defang *d)
{
    size_t n = 0;

    while (n < d->n_held && (is_letter_or_digit(d->held[n]) || strchr("+.-", d->held[n])))
        n++;
    if (n == d->n_held)
        return n < 32 ? DEST_WAIT : DEST_PLAIN;
    if (d->held[n] == '&' || d->held[n] == '\\')
        return DEST_HIDDEN;
    if (n == 0 && d->held[0] == '/')
        return d->n_held < 2 ? DEST_WAIT : is_slash(d->held[1]) ? DEST_NETWORK : DEST_PLAIN;
    if (n == 0 || d->held[n] != ':' || is_harmless(d))
        return DEST_PLAIN;
    if (d->n_held < n + 3)
        return DEST_WAIT;
    return d->held[n + 1] == '/' && d->held[n + 2] == '/' ? DEST_PLAIN : DEST_HIDDEN;
}

static void feed_dest(struct defang *d, char c)
{
    d->held[d->n_held++] = c;
    enum dest dest = dest_of(d);
    if (dest == DEST_WAIT)
        return;
    if (dest == DEST_NETWORK) {
        d->mode = DEFANG_HOST;
        d->n_scheme = d->n_held;
        d->hidden = true;
        return;
    }
    d->mode = DEFANG_TEXT;
    if (dest == DEST_HIDDEN)
        enter_foreign(d);
    if (dest == DEST_HIDDEN && !d->spec.keep)
        tell(d, '#');
    release(d, 0);
}

static void feed_space(struct defang *d, char c)
{
    if (c != '\0' && strchr(" \t\n\"'<", c)) {
        tell(d, c);
        return;
    }
    d->mode = DEFANG_DEST;
    feed_dest(d, c);
}

/* ---- the stream ---- */

static void feed(struct defang *d, char c)
{
    static void (*const by_mode[])(struct defang *, char) = {
        [DEFANG_TEXT] = feed_text,
        [DEFANG_SPACE] = feed_space,
        [DEFANG_DEST] = feed_dest,
        [DEFANG_HOST] = feed_host,
    };

    by_mode[d->mode](d, c);
}

void defang_text(struct defang *d, struct slice piece)
{
    for (size_t i = 0; i < piece.len; i++)
        feed(d, piece.p[i]);
}

void defang_end(struct defang *d)
{
    struct slice rest;

    if (d->mode == DEFANG_HOST)
        decide(d, false);
    rest = (struct slice){d->held, d->n_held};
    tell_all(d, rest);
    d->n_held = 0;
    d->mode = DEFANG_TEXT;
    d->foreign = false;
}

/* ---- the turn ---- */

static bool is_name_char(char c)
{
    return is_letter_or_digit(c) || c == '-' || c == '_';
}

/* text[at..at+n) is no part of a longer name of a host. */
static bool stands_alone(struct slice text, size_t at, size_t n)
{
    if (at > 0 && (is_name_char(text.p[at - 1]) || text.p[at - 1] == '.'))
        return false;
    if (at + n < text.len && is_name_char(text.p[at + n]))
        return false;
    return at + n + 1 >= text.len || text.p[at + n] != '.' || !is_name_char(text.p[at + n + 1]);
}

bool defang_stands(struct slice text, struct slice host)
{
    for (size_t at = 0; host.len > 0 && at + host.len <= text.len; at++)
        if (lower(text.p[at]) == lower(host.p[0]) &&
            begins(text.p + at, text.len - at, host.p, host.len) &&
            stands_alone(text, at, host.len))
            return true;
    return false;
}
