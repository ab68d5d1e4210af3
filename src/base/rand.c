#include "base/rand.h"
#include "base/clock.h"
#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

static atomic_bool seeded;
static _Atomic uint64_t seeded_state;

/* One system call serves many small draws.  Per thread, so that no lock is needed; bytes handed out
 * are wiped, so that a later look at memory does not tell them again. */
enum { POOL_BYTES = 256 }; /* the kernel gives this much in one piece, uninterrupted */
static _Thread_local struct {
    unsigned char bytes[POOL_BYTES];
    size_t left;
} pool;

static void rand_kernel(unsigned char *p, size_t len)
{
    while (len > 0) {
        ssize_t got = getrandom(p, len, 0);
        if (got < 0) {
            if (errno == EINTR)
                continue;
            abort(); /* without randomness no id, key or nonce is safe; going on would be a lie */
        }
        p += got;
        len -= (size_t)got;
    }
}

static void rand_pooled(unsigned char *p, size_t len)
{
    if (len > POOL_BYTES / 2) {
        rand_kernel(p, len);
        return;
    }
    if (pool.left < len) {
        rand_kernel(pool.bytes, POOL_BYTES);
        pool.left = POOL_BYTES;
    }
    pool.left -= len;
    memcpy(p, pool.bytes + pool.left, len);
    explicit_bzero(pool.bytes + pool.left, len);
}

/* splitmix64: Steele, Lea, Flood, "Fast splittable pseudorandom number generators", 2014. */
static uint64_t rand_seeded(void)
{
    const uint64_t gamma = 0x9e3779b97f4a7c15;
    uint64_t z = atomic_fetch_add(&seeded_state, gamma) + gamma;

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
}

void rand_bytes(void *p, size_t len)
{
    unsigned char *out = p;

    if (!atomic_load_explicit(&seeded, memory_order_relaxed)) {
        rand_pooled(out, len);
        return;
    }
    while (len > 0) {
        uint64_t word = rand_seeded();
        size_t n = len < sizeof word ? len : sizeof word;
        memcpy(out, &word, n);
        out += n;
        len -= n;
    }
}

uint64_t rand_u64(void)
{
    uint64_t n;

    rand_bytes(&n, sizeof n);
    return n;
}

double rand_unit(void)
{
    return (double)(rand_u64() >> 11) * 0x1p-53; /* all 53 bits of a double's fraction */
}

void rand_seed(uint64_t seed)
{
    atomic_store(&seeded_state, seed);
    atomic_store(&seeded, true);
}

void rand_real(void)
{
    atomic_store(&seeded, false);
}

static const char digits[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"; /* Crockford's base 32 */

void id_first(char id[static ID_BYTES], uint64_t wall_us)
{
    uint64_t ms = wall_us / 1000;

    memset(id, '0', ID_BYTES - 1);
    id[ID_BYTES - 1] = '\0';
    for (int i = 9; i >= 0; i--, ms >>= 5)
        id[i] = digits[ms & 31];
}

void id_new(char id[static ID_BYTES])
{
    unsigned char random[10];

    id_first(id, clock_wall_us());
    rand_bytes(random, sizeof random);
    for (int half = 0; half < 2; half++) { /* 5 bytes are 8 digits */
        uint64_t bits = 0;
        for (int i = 0; i < 5; i++)
            bits = bits << 8 | random[half * 5 + i];
        for (int i = 7; i >= 0; i--, bits >>= 5)
            id[10 + half * 8 + i] = digits[bits & 31];
    }
}
