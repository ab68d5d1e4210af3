/* nigh-hastened: nigh whose clock runs NIGH_CLOCK_RATE times as fast, so that the waits which the
 * faults of a provider cost take seconds of the suite's time instead of minutes.
 *
 * A program of its own, so that no variable and no option makes the nigh that people run misjudge
 * a deadline: clock_hasten() has no other caller. */
#include "base/clock.h"
#include "nigh/cmd/cli.h"
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
    const char *rate = getenv("NIGH_CLOCK_RATE");
    unsigned long n = rate ? strtoul(rate, NULL, 10) : 0;

    if (n < 1 || n > 1000) {
        fputs("nigh-hastened: NIGH_CLOCK_RATE must be 1 to 1000\n", stderr);
        return 2;
    }
    clock_hasten((unsigned)n);
    return cli_main(argc, argv);
}
