#include "turn/pace.h"

static const uint64_t BURST_US = (uint64_t)PACE_BURST * PACE_EACH_US;
static const uint64_t MAX_US = (uint64_t)PACE_MS_MAX * 1000;

uint64_t pace_ms(struct pace *pace, uint64_t now_us)
{
    uint64_t at_us = pace->next_us + BURST_US > now_us ? pace->next_us : now_us - BURST_US;

    if (at_us > now_us + MAX_US)
        at_us = now_us + MAX_US; /* nobody waits longer, and no debt is run up beyond it */
    pace->next_us = at_us + PACE_EACH_US;
    return at_us > now_us ? (at_us - now_us) / 1000 : 0;
}
