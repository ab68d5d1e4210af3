/* arena: memory that dies with its owner, a turn or a reload of the config.
 *
 * Chunks grow on demand up to a ceiling; nothing is freed one by one.  Passing the ceiling is an
 * error, never a crash: the allocation returns NULL and `refused` counts it, so a builder may check
 * once at its end.  One thread at a time.
 *
 * Invariants: 1. used_bytes <= max_bytes.  2. What arena_alloc returned stays where it is until
 * arena_reset or arena_done.  3. Results are aligned for any type. */
#pragma once
#include "base/str.h"
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

struct arena_chunk;
struct arena {
    char *next, *end;
    struct arena_chunk *chunks; /* newest first */
    size_t used_bytes;          /* handed out and lost to padding or chunk ends, all chunks */
    size_t max_bytes;           /* ceiling, chosen by the owner */
    size_t refused;             /* allocations turned away */
};

void arena_init(struct arena *a, size_t max_bytes); /* allocates nothing yet */
void arena_reset(struct arena *a);                  /* keeps one small chunk for re-use */
void arena_done(struct arena *a);

void *arena_alloc(struct arena *a, size_t size);            /* not zeroed; NULL at the ceiling */
void *arena_calloc(struct arena *a, size_t n, size_t size); /* zeroed; overflow-checked */
/* Grows the newest allocation in place when it can, else copies. p NULL: as arena_alloc. */
void *arena_grow(struct arena *a, void *p, size_t old_size, size_t new_size);
struct slice arena_dup(struct arena *a, struct slice s); /* a NUL follows the copy */
char *arena_strdup(struct arena *a, struct slice s);     /* NUL-terminated, or NULL */
char *arena_printf(struct arena *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
