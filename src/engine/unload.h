/* unload: how long a model that nobody asks stays in memory.
 *
 * The ski rental problem: staying costs the extra power of a loaded model for as long as nobody
 * comes; going costs one reload when somebody does.  Leaving at the moment when what was paid for
 * staying equals one reload costs at most twice what a clairvoyant would pay (Karlin, Manasse,
 * Rudolph, Sleator: "Competitive snoopy caching", 1988), whatever the traffic.  Pure functions: any
 * thread. */
#pragma once
#include <stdint.h>

enum {
    /* Under this a conversation would lose its model, and the prefix cache with it, while a person
     * reads and types; a guess at how long that takes. */
    UNLOAD_LEAST_MS = 60 * 1000,
    /* Over this the memory is worth more to others than what is left to save. */
    UNLOAD_MOST_MS = 30 * 60 * 1000,
};

/* Extra watts of a model that is loaded and idle: data/energy, resid_dgpu_extra_w: 8 (0 to 50),
 * from ggml-org/llama.cpp #4598 and #3717 and ollama #8591.  On a processor alone it is near the
 * low end, and the ceiling above decides. */
#define UNLOAD_RESIDENT_WATTS 8.0
/* While it loads, where the place's own watts are not known: a guess for a desktop's processor. */
#define UNLOAD_LOAD_WATTS 30.0

/* load_ms: as measured at the last start.  Watts of 0 or less: the defaults above. */
uint64_t unload_after_ms(uint64_t load_ms, double load_watts, double resident_watts);
