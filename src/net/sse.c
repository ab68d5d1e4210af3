#include "net/sse.h"
#include <assert.h>

void sse_init(struct sse *s, size_t max_bytes,
              void (*on_event)(void *owner, struct slice event, struct slice data), void *owner)
{
    *s = (struct sse){.max_bytes = max_bytes, .on_event = on_event, .owner = owner};
    s->line.max_bytes = s->data.max_bytes = s->event.max_bytes = max_bytes + 2; /* LF and NUL */
}

void sse_done(struct sse *s)
{
    buf_done(&s->line);
    buf_done(&s->data);
    buf_done(&s->event);
}

void sse_stop(struct sse *s)
{
    s->stopped = true;
}

static bool too_big(const struct sse *s)
{
    return s->line.failed || s->data.failed || s->event.failed ||
           s->line.len + s->data.len + s->event.len > s->max_bytes + 1; /* data's last LF is ours */
}

/* A blank line: the event is whole.  Without a data line there is none to tell of. */
static void event_end(struct sse *s)
{
    struct slice event = {s->event.len > 0 ? s->event.data : NULL, s->event.len};

    if (s->data.len > 0)
        s->on_event(s->owner, event, (struct slice){s->data.data, s->data.len - 1});
    buf_reset(&s->data);
    buf_reset(&s->event);
}

static void line_end(struct sse *s, struct slice line)
{
    struct slice value = line, name;

    if (!s->started && slice_starts(line, SLICE("\xEF\xBB\xBF"))) /* a byte order mark */
        value = line = (struct slice){line.p + 3, line.len - 3};
    s->started = true;
    if (line.len == 0) {
        event_end(s);
        return;
    }
    name = slice_cut(&value, ':');
    if (value.len > 0 && *value.p == ' ')
        value = (struct slice){value.p + 1, value.len - 1};
    if (slice_is(name, "data")) {
        buf_add_str(&s->data, value);
        buf_add_char(&s->data, '\n');
    } else if (slice_is(name, "event")) {
        buf_reset(&s->event);
        buf_add_str(&s->event, value);
    } /* id and retry are for those who reconnect; a name that is empty makes a comment */
}

/* The first line break in s; lf remembers where the next LF is, so that lines that end with CR
 * alone do not make the search quadratic. */
static const char *break_find(struct slice s, const char **lf)
{
    const char *end = s.p + s.len, *cr;

    assert(s.p); /* there is at least one byte */
    if (*lf < s.p) {
        const char *next = memchr(s.p, '\n', s.len);
        *lf = next ? next : end;
    }
    cr = memchr(s.p, '\r', (size_t)(*lf - s.p));
    return cr ? cr : *lf;
}

enum nigh_status sse_feed(struct sse *s, struct slice bytes, struct nigh_err *err)
{
    const char *lf = NULL;

    while (bytes.len > 0 && !s->stopped && !too_big(s)) {
        if (s->last_was_cr && *bytes.p == '\n') { /* the second half of CRLF */
            s->last_was_cr = false;
            bytes = (struct slice){bytes.p + 1, bytes.len - 1};
            continue;
        }
        const char *at = break_find(bytes, &lf);
        size_t n = (size_t)(at - bytes.p);
        bool whole = n < bytes.len;
        struct slice line = {bytes.p, n};

        s->last_was_cr = whole && *at == '\r';
        if (!whole || s->line.len > 0) { /* else it need not be copied */
            buf_add_str(&s->line, line);
            line = (struct slice){s->line.data, s->line.len};
        }
        bytes = (struct slice){at + whole, bytes.len - n - whole};
        if (!whole || too_big(s))
            continue;
        line_end(s, line);
        if (!s->line.failed)
            buf_reset(&s->line);
    }
    if (too_big(s) && !s->stopped)
        return nigh_fail(err, NIGH_TOOBIG, "a server-sent event is over %zu bytes", s->max_bytes);
    return NIGH_OK;
}
