#include "label/detect_own.h"
#include <string.h>

/* The end of before and the beginning of after, each cut on a border of characters. */
static struct slice tail(struct slice text)
{
    size_t from = text.len > DETECT_BORDER_BYTES ? text.len - DETECT_BORDER_BYTES : 0;

    while (from < text.len && ((unsigned char)text.p[from] & 0xc0) == 0x80)
        from++;
    return (struct slice){text.p + from, text.len - from};
}

static struct slice head(struct slice text)
{
    size_t len = text.len < DETECT_BORDER_BYTES ? text.len : DETECT_BORDER_BYTES;

    while (len > 0 && len < text.len && ((unsigned char)text.p[len] & 0xc0) == 0x80)
        len--;
    return (struct slice){text.p, len};
}

/* One way of joining: what stands between the two, and what was found so. */
struct border {
    struct detect *detect;
    struct slice left, right; /* the window's halves */
    struct spans alone, joined;
};

/* Did one of the halves show it by itself? */
static bool shown(const struct spans *alone, const struct span *span)
{
    for (size_t i = 0; i < alone->n; i++)
        if (alone->all[i].group == span->group && alone->all[i].start < span->end &&
            alone->all[i].end > span->start)
            return true;
    return false;
}

/* Adds what the half shows by itself, at its place in the joined window. */
static enum nigh_status scan_half(struct border *b, struct slice half, size_t at,
                                  struct nigh_err *err)
{
    enum nigh_status status = detect_scan_as(b->detect, half, 0, false, &b->joined, err);

    for (size_t i = 0; i < b->joined.n && status == NIGH_OK; i++) {
        struct span span = b->joined.all[i];
        span.start += at;
        span.end += at;
        status = spans_add(&b->alone, span, err);
    }
    return status;
}

static enum nigh_status scan_joined(struct border *b, struct slice between, struct spans *found,
                                    struct nigh_err *err)
{
    char text[2 * DETECT_BORDER_BYTES + 1];
    size_t border = b->left.len, len = border + between.len + b->right.len;

    memcpy(text, b->left.p, border);
    memcpy(text + border, between.p, between.len);
    memcpy(text + border + between.len, b->right.p, b->right.len);
    enum nigh_status status =
        detect_scan_as(b->detect, (struct slice){text, len}, 0, false, &b->joined, err);
    for (size_t i = 0; i < b->joined.n && status == NIGH_OK; i++) {
        struct span span = b->joined.all[i];
        if (span.start >= border || span.end <= border + between.len || span.score < HIDDEN_LEAST)
            continue;
        span.end -= between.len;
        span.hidden = true;
        if (!shown(&b->alone, &span))
            status = spans_add(found, span, err);
    }
    return status;
}

static enum nigh_status scan_border(struct border *b, struct spans *found, struct nigh_err *err)
{
    enum nigh_status status = scan_half(b, b->left, 0, err);

    if (status == NIGH_OK)
        status = scan_half(b, b->right, b->left.len, err);
    if (status == NIGH_OK)
        status = scan_joined(b, SLICE(""), found, err);
    if (status == NIGH_OK)
        status = scan_joined(b, SLICE(" "), found, err);
    return status;
}

enum nigh_status detect_border(struct detect *detect, struct slice before, struct slice after,
                               struct spans *ret, struct nigh_err *err)
{
    struct border b = {.detect = detect, .left = tail(before), .right = head(after)};
    struct spans found = {0};
    enum nigh_status status = NIGH_OK;

    ret->n = 0;
    if (b.left.len == 0 || b.right.len == 0)
        return NIGH_OK;
    status = scan_border(&b, &found, err);
    for (size_t i = 0; i < found.n && status == NIGH_OK; i++) {
        found.all[i].start += before.len - b.left.len;
        found.all[i].end += before.len - b.left.len;
        bool again = i > 0 && shown(ret, &found.all[i]); /* both ways of joining show it */
        if (!again)
            status = spans_add(ret, found.all[i], err);
    }
    if (status != NIGH_OK)
        ret->n = 0;
    spans_done(&found);
    spans_done(&b.alone);
    spans_done(&b.joined);
    return status;
}
