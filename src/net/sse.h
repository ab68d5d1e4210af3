/* sse: server-sent events (WHATWG HTML, section 9.2), read.
 *
 * It is fed bytes as they come, cut anywhere, and calls on_event per event with the joined
 * data lines; the slices live during the call.  Takes LF, CR and CRLF, a leading byte order mark,
 * comments, multi-line data.  An event over max_bytes is an error (NIGH_TOOBIG), never truncated.
 */
#pragma once
#include "base/err.h"
#include "base/str.h"

struct sse {
    struct buf line, data, event; /* private */
    size_t max_bytes;
    bool started, last_was_cr, stopped;
    void (*on_event)(void *owner, struct slice event, struct slice data);
    void *owner;
};
void sse_init(struct sse *s, size_t max_bytes,
              void (*on_event)(void *owner, struct slice event, struct slice data), void *owner);
void sse_done(struct sse *s);
NIGH_MUST enum nigh_status sse_feed(struct sse *s, struct slice bytes, struct nigh_err *err);
void sse_stop(struct sse *s); /* from inside on_event: nothing more is delivered */
