#include "net/pad.h"

enum pad pad_of(struct slice content_type)
{
    if (slice_starts(content_type, SLICE("text/event-stream")))
        return PAD_EVENTS;
    return slice_starts(content_type, SLICE("application/x-ndjson")) ? PAD_LINES : PAD_NONE;
}

static void add_blanks(struct buf *out, size_t n)
{
    if (!buf_reserve(out, n))
        return;
    memset(out->data + out->len, ' ', n);
    out->len += n;
}

/* ":" and blanks, as an event of its own: a parser that knows no comments sees one without data. */
static void fill_events(struct buf *out, size_t gap)
{
    enum { LEAST = 3 }; /* ":\n\n" */

    gap += gap < LEAST ? PAD_BYTES : 0;
    buf_add_char(out, ':');
    add_blanks(out, gap - LEAST);
    buf_add_cstr(out, "\n\n");
}

static void fill_lines(struct buf *out, size_t gap)
{
    out->data[out->len - 1] = ' '; /* the line's end */
    add_blanks(out, gap - 1);
    buf_add_char(out, '\n');
}

static bool ends_with(const struct buf *out, size_t from, struct slice end)
{
    return out->len - from >= end.len &&
           memcmp(out->data + out->len - end.len, end.p, end.len) == 0;
}

void pad_fill(struct buf *out, size_t from, enum pad pad)
{
    size_t gap = (PAD_BYTES - (out->len - from) % PAD_BYTES) % PAD_BYTES;

    if (out->failed || gap == 0)
        return;
    if (pad == PAD_EVENTS && ends_with(out, from, SLICE("\n\n")))
        fill_events(out, gap);
    else if (pad == PAD_LINES && ends_with(out, from, SLICE("\n")))
        fill_lines(out, gap);
}

size_t pad_piece(size_t n, size_t max)
{
    size_t most = n < max ? n : max, piece = PAD_BYTES;

    if (most < PAD_BYTES)
        return most;
    while (piece * 2 <= most && piece * 2 <= PAD_PIECE_MAX)
        piece *= 2;
    return piece;
}
