#include "base/fault.h"
#include "base/tap.h"
#include <errno.h>

TEST(fault_strikes_once_on_the_nth)
{
    for (int nth = 1; nth < 5; nth++) {
        fault_arm(FAULT_WRITE, nth);
        for (int i = 1; i < 8; i++) {
            errno = 0;
            CHECK(!fault_hit(FAULT_READ)); /* another kind counts for itself */
            CHECK_EQ(fault_hit(FAULT_WRITE), i == nth);
            CHECK_EQ(errno, i == nth ? ENOSPC : 0);
        }
        CHECK(fault_disarm());
        CHECK(!fault_disarm());
    }
}

TEST(fault_unarmed_never_strikes)
{
    fault_arm(FAULT_ALLOC, 3);
    CHECK(!fault_hit(FAULT_ALLOC));
    CHECK(!fault_disarm());
    for (int i = 0; i < 5; i++)
        CHECK(!fault_hit(FAULT_ALLOC));
    fault_arm(FAULT_ALLOC, 0); /* no such call: stays unarmed */
    CHECK(!fault_hit(FAULT_ALLOC));
}

TEST(fault_sets_errno_for_every_kind)
{
    for (int kind = 0; kind < FAULT_COUNT; kind++) {
        errno = 0;
        fault_arm((enum fault)kind, 1);
        CHECK(fault_hit((enum fault)kind));
        CHECK(errno != 0);
        CHECK(fault_disarm());
    }
}
