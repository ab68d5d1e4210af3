/* bucket: so many in so long, with a burst of as many: a leaky bucket in eight bytes.
 *
 * A bucket remembers when it would be empty if nothing more came (the virtual scheduling of ITU-T
 * I.371, also called GCRA); zeroed it is empty.  Pure: the caller brings the time.  Any thread. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct bucket {
    uint64_t empty_us; /* monotonic */
};

/* One more, when at most `most` go into `period_us`.  Else nothing is taken and *ret_wait_ms, at
 * least 1, says when one will fit. */
bool bucket_take(struct bucket *b, unsigned most, uint64_t period_us, uint64_t mono_us,
                 uint64_t *ret_wait_ms);
/* Would one more fit?  Nothing is taken. */
bool bucket_fits(const struct bucket *b, unsigned most, uint64_t period_us, uint64_t mono_us,
                 uint64_t *ret_wait_ms);
