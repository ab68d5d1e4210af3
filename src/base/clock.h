/* clock: time, real, hastened or driven by a test.  Any thread; clock_drive() and clock_hasten()
 * before threads exist. */
#pragma once
#include <stddef.h>
#include <stdint.h>

uint64_t clock_mono_us(void); /* monotonic; for every wait and every measured duration */
/* Spent by this thread itself: what a busy machine gives to others does not count.  A system call.
 */
uint64_t clock_thread_us(void);
uint64_t clock_wall_us(void); /* since 1970-01-01 UTC; for people and records only */

/* From here on time stands still at these values and moves only by clock_advance_us. */
void clock_drive(uint64_t mono_us, uint64_t wall_us);
void clock_advance_us(uint64_t us);
void clock_real(void); /* back to the system's clocks */

/* From here on both clocks run `rate` times as fast as the system's (the wall clock from what it
 * shows now), so that a suite sees a minute of waits in seconds.  Only test/fault's program calls
 * it. */
void clock_hasten(unsigned rate);
/* Between these clocks and the system's, for who hands a wait to the kernel or gets one from a
 * library that looks at the system's clock.  Rounded up: nobody is woken early. */
uint64_t clock_system_us(uint64_t us);
uint64_t clock_from_system_us(uint64_t system_us);

/* RFC 3339 in UTC with milliseconds: "2026-11-22T18:20:52.123Z". */
enum { CLOCK_TEXT_BYTES = 25 };
void clock_text(char text[static CLOCK_TEXT_BYTES], uint64_t wall_us);
