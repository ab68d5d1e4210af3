#include "engine/unload.h"

uint64_t unload_after_ms(uint64_t load_ms, double load_watts, double resident_watts)
{
    double load = load_watts > 0 ? load_watts : UNLOAD_LOAD_WATTS;
    double resident = resident_watts > 0 ? resident_watts : UNLOAD_RESIDENT_WATTS;
    double even_ms = (double)load_ms * load / resident;

    if (even_ms < UNLOAD_LEAST_MS)
        return UNLOAD_LEAST_MS;
    if (even_ms > UNLOAD_MOST_MS)
        return UNLOAD_MOST_MS;
    return (uint64_t)even_ms;
}
