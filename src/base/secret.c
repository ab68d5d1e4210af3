#include "base/secret.h"
#include "base/fault.h"
#include <sodium.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

enum { ALIGNMENT = 16 }; /* libsodium's end at a page's end, so that the size makes the beginning */

static atomic_uint bare;

void secret_guard(const void *p, size_t size)
{
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), from = (uintptr_t)p & ~(page - 1);
    size_t len = (uintptr_t)p + size - from;

    if (mlock((void *)from, len) != 0)
        bare++;
    if (madvise((void *)from, len, MADV_DONTDUMP) != 0)
        bare++;
}

void *secret_new(size_t size)
{
    size_t whole = (size + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
    void *p = NULL;

    if (!fault_hit(FAULT_ALLOC) && sodium_init() >= 0)
        p = sodium_malloc(whole);
    if (!p)
        return NULL;
    secret_guard(p, whole);
    return memset(p, 0, whole);
}

void *secret_free(void *secret)
{
    sodium_free(secret); /* wipes it; NULL is fine */
    return NULL;
}

void secret_seal(void *secret)
{
    if (sodium_mprotect_readonly(secret) != 0)
        bare++;
}

unsigned secret_bare(void)
{
    return bare;
}

bool secret_process(void)
{
    static const struct rlimit none = {0, 0};
    const char *debug = getenv("NIGH_DUMPABLE");

    if (debug && strcmp(debug, "1") == 0)
        return true;
    bool no_core = setrlimit(RLIMIT_CORE, &none) == 0, closed = prctl(PR_SET_DUMPABLE, 0) == 0;
    return no_core && closed;
}
