#include "base/tap.h"
#include "engine/proc.h"

#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

TEST(proc_counts_work_and_memory)
{
    enum { MORE = 32 << 20 };
    uint64_t rss = proc_rss_bytes(getpid()), work = proc_work_ms(getpid());
    volatile unsigned n = 0;

    CHECK(rss > 100 << 10);
    CHECK(prctl(PR_SET_NAME, "a) 1 (b 2", 0, 0, 0) ==
          0); /* a name that looks like more of the line */
    char *more = malloc(MORE);
    memset(more, 1, MORE);
    CHECK(proc_rss_bytes(getpid()) > rss + MORE / 2);
    CHECK(proc_own_bytes(getpid()) > MORE / 2 &&
          proc_own_bytes(getpid()) < proc_rss_bytes(getpid()));
    while (proc_work_ms(getpid()) < work + 30)
        n++;
    CHECK(more[n % MORE] == 1);
    free(more);
    CHECK_EQ(proc_rss_bytes(0), 0);
    CHECK_EQ(proc_work_ms(1 << 30), 0);
}
