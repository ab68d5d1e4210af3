/* linger: lets a client read our last words.
 *
 * Closing a socket with unread bytes in it makes the kernel send a reset, which may overtake a
 * refusal that is still on its way: a client that is busy uploading would see "connection reset"
 * instead of 413.  So a refused connection is kept a little longer: what still comes is read and
 * thrown away until the client closes, LINGER_MS passed or LINGER_BYTES_MAX came.  At most
 * LINGER_MAX at a time; more are closed at once.  Loop thread only. */
#pragma once
#include "loop/timer.h"

enum {
    LINGER_MS = 2000,            /* guess: a few round trips of a slow link */
    LINGER_BYTES_MAX = 16 << 20, /* guess: what a fast client has in flight before it looks */
    LINGER_MAX = 64,             /* descriptors given to clients that we already refused */
};

struct lingers {
    struct loop *loop;
    struct linger_one *first;
    unsigned n;
};

void lingers_init(struct lingers *l, struct loop *loop);
void lingers_done(struct lingers *l); /* closes them all */
/* fd stays the caller's, who may close it at once: a duplicate is kept. */
void linger(struct lingers *l, int fd);
