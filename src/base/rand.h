/* rand: randomness, from the kernel or from a test's seed.  Any thread. */
#pragma once
#include <stddef.h>
#include <stdint.h>

void rand_bytes(void *p, size_t len);
uint64_t rand_u64(void);
double rand_unit(void);        /* uniform in [0, 1) */
void rand_seed(uint64_t seed); /* from here on a splitmix64 stream; tests and sim only */
void rand_real(void);

/* A ULID (github.com/ulid/spec): 48 bits of wall milliseconds, 80 random bits, Crockford base 32;
 * sorts by time. */
enum { ID_BYTES = 27 }; /* 26 characters and the NUL */
void id_new(char id[static ID_BYTES]);
/* The lowest id of a moment: every id made from then on sorts after it. */
void id_first(char id[static ID_BYTES], uint64_t wall_us);
