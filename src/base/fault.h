/* fault: makes the Nth operation of a kind fail, so that tests can walk every failure path.
 *
 * Production code asks `fault_hit(FAULT_WRITE)` before the real operation and behaves as if it had
 * failed when true (errno is set).  Unarmed, that is one load.  Thread-local: armed where tested.
 */
#pragma once
#include <stdbool.h>

enum fault {
    FAULT_ALLOC,
    FAULT_WRITE,
    FAULT_READ,
    FAULT_OPEN,
    FAULT_SPAWN,
    FAULT_SQL,
    FAULT_COUNT
};

void fault_arm(enum fault kind, int nth); /* the nth call from now fails, once; 1 is the next */
bool fault_disarm(void);                  /* did it strike? */

/* Calls left until the strike, by kind; 0 means unarmed.  Only fault_hit looks at it. */
extern _Thread_local int fault_left[FAULT_COUNT];
bool fault_count_down(enum fault kind);

static inline bool fault_hit(enum fault kind)
{
    return __builtin_expect(fault_left[kind] != 0, 0) && fault_count_down(kind);
}
