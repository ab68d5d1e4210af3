#include "base/clock.h"
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <time.h>

/* Atomic, because workers read the clock while a test on another thread advances it. */
static atomic_bool driven;
static _Atomic uint64_t driven_mono_us, driven_wall_us;
/* Written by clock_hasten() alone, before there are threads. */
static unsigned clock_rate = 1;
static uint64_t hastened_wall_us; /* the system's, when it was hastened */

static uint64_t clock_read_us(clockid_t id)
{
    struct timespec ts;

    clock_gettime(id, &ts); /* cannot fail for these ids and a valid pointer */
    return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

uint64_t clock_mono_us(void)
{
    if (atomic_load_explicit(&driven, memory_order_relaxed))
        return atomic_load_explicit(&driven_mono_us, memory_order_relaxed);
    return clock_read_us(CLOCK_MONOTONIC) * clock_rate;
}

uint64_t clock_thread_us(void)
{
    if (atomic_load_explicit(&driven, memory_order_relaxed))
        return atomic_load_explicit(&driven_mono_us, memory_order_relaxed);
    return clock_read_us(CLOCK_THREAD_CPUTIME_ID);
}

uint64_t clock_wall_us(void)
{
    if (atomic_load_explicit(&driven, memory_order_relaxed))
        return atomic_load_explicit(&driven_wall_us, memory_order_relaxed);
    uint64_t wall_us = clock_read_us(CLOCK_REALTIME);
    return clock_rate == 1 ? wall_us : hastened_wall_us + (wall_us - hastened_wall_us) * clock_rate;
}

void clock_drive(uint64_t mono_us, uint64_t wall_us)
{
    atomic_store(&driven_mono_us, mono_us);
    atomic_store(&driven_wall_us, wall_us);
    atomic_store(&driven, true);
}

void clock_advance_us(uint64_t us)
{
    atomic_fetch_add(&driven_mono_us, us);
    atomic_fetch_add(&driven_wall_us, us);
}

void clock_real(void)
{
    atomic_store(&driven, false);
}

void clock_hasten(unsigned rate)
{
    clock_rate = rate ? rate : 1;
    hastened_wall_us = clock_read_us(CLOCK_REALTIME);
}

uint64_t clock_system_us(uint64_t us)
{
    return us / clock_rate + (us % clock_rate != 0);
}

uint64_t clock_from_system_us(uint64_t system_us)
{
    uint64_t us;

    return __builtin_mul_overflow(system_us, clock_rate, &us) ? UINT64_MAX : us;
}

void clock_text(char text[static CLOCK_TEXT_BYTES], uint64_t wall_us)
{
    static const uint64_t last_us = 253402300799999999; /* the end of the year 9999 */
    if (wall_us > last_us)
        wall_us = last_us; /* a fifth digit of the year would neither fit nor be RFC 3339 */

    time_t seconds = (time_t)(wall_us / 1000000);
    struct tm tm;
    char digits[64]; /* gcc cannot know how short the fields are */
    gmtime_r(&seconds, &tm);
    snprintf(digits, sizeof digits, "%04d-%02d-%02dT%02d:%02d:%02d.%03uZ", tm.tm_year + 1900,
             tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec,
             (unsigned)(wall_us / 1000 % 1000));
    snprintf(text, CLOCK_TEXT_BYTES, "%.24s", digits);
}
