#include "base/fault.h"
#include <errno.h>
#include <string.h>

_Thread_local int fault_left[FAULT_COUNT];
static _Thread_local bool fault_struck;

void fault_arm(enum fault kind, int nth)
{
    fault_left[kind] = nth > 0 ? nth : 0;
    fault_struck = false;
}

bool fault_disarm(void)
{
    bool struck = fault_struck;

    memset(fault_left, 0, sizeof fault_left);
    fault_struck = false;
    return struck;
}

bool fault_count_down(enum fault kind)
{
    static const int causes[FAULT_COUNT] = {
        [FAULT_ALLOC] = ENOMEM, [FAULT_WRITE] = ENOSPC, [FAULT_READ] = EIO,
        [FAULT_OPEN] = EMFILE,  [FAULT_SPAWN] = EAGAIN, [FAULT_SQL] = EIO,
    };

    if (--fault_left[kind] > 0)
        return false;
    fault_struck = true;
    errno = causes[kind];
    return true;
}
