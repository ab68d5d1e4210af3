#include "base/bucket.h"

bool bucket_fits(const struct bucket *b, unsigned most, uint64_t period_us, uint64_t mono_us,
                 uint64_t *ret_wait_ms)
{
    uint64_t each_us = period_us / most, full_us = mono_us + each_us * most;

    if (b->empty_us + each_us <= full_us || b->empty_us <= mono_us)
        return true;
    *ret_wait_ms = (b->empty_us + each_us - full_us + 999) / 1000;
    return false;
}

bool bucket_take(struct bucket *b, unsigned most, uint64_t period_us, uint64_t mono_us,
                 uint64_t *ret_wait_ms)
{
    if (!bucket_fits(b, most, period_us, mono_us, ret_wait_ms))
        return false;
    if (b->empty_us < mono_us)
        b->empty_us = mono_us;
    b->empty_us += period_us / most;
    return true;
}
