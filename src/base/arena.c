#include "base/arena.h"
#include "base/fault.h"
#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* Chunks double from one to the other: a short turn takes 8 KiB, a long one takes few trips to
 * malloc.  What does not fit into an ordinary chunk gets one of its own, so that the room left in
 * the open chunk is not thrown away for it. */
enum {
    ARENA_ALIGN = _Alignof(max_align_t),
    ARENA_CHUNK_MIN = 8 << 10,   /* two pages: a short turn */
    ARENA_CHUNK_MAX = 256 << 10, /* above this, saving a malloc saves nothing */
};

struct arena_chunk {
    struct arena_chunk *older;
    size_t size;
    _Alignas(max_align_t) char data[];
};

/* What an allocation really takes; 0 when size is too big for any.  An empty one takes a little, so
 * that every allocation has an address of its own. */
static size_t arena_need(size_t size)
{
    if (size == 0)
        size = 1;
    return size + (-size & (ARENA_ALIGN - 1)); /* wraps round to 0 */
}

void arena_init(struct arena *a, size_t max_bytes)
{
    *a = (struct arena){.max_bytes = max_bytes};
}

static void arena_open(struct arena *a, struct arena_chunk *chunk)
{
    a->chunks = chunk;
    a->next = chunk ? chunk->data : NULL;
    a->end = chunk ? chunk->data + chunk->size : NULL;
}

void arena_reset(struct arena *a)
{
    struct arena_chunk *keep = NULL, *chunk = a->chunks;

    /* The biggest ordinary chunk stays, so that a pooled turn comes to need no malloc at all. */
    while (chunk) {
        struct arena_chunk *older = chunk->older, *drop = chunk;
        if (chunk->size <= ARENA_CHUNK_MAX && (!keep || chunk->size > keep->size)) {
            drop = keep;
            keep = chunk;
        }
        free(drop);
        chunk = older;
    }
    if (keep)
        keep->older = NULL;
    arena_open(a, keep);
    a->used_bytes = 0;
    a->refused = 0;
}

void arena_done(struct arena *a)
{
    struct arena_chunk *chunk = a->chunks;

    while (chunk) {
        struct arena_chunk *older = chunk->older;
        free(chunk);
        chunk = older;
    }
    arena_init(a, a->max_bytes);
}

static struct arena_chunk *arena_chunk_new(size_t size)
{
    if (fault_hit(FAULT_ALLOC))
        return NULL;

    struct arena_chunk *chunk = malloc(sizeof *chunk + size);
    if (chunk)
        *chunk = (struct arena_chunk){.size = size};
    return chunk;
}

static void *arena_refuse(struct arena *a)
{
    a->refused++;
    return NULL;
}

/* Chunk of its own, put behind the open one. */
static void *arena_alloc_apart(struct arena *a, size_t need)
{
    struct arena_chunk *chunk = arena_chunk_new(need);

    if (!chunk)
        return arena_refuse(a);
    if (a->chunks) {
        chunk->older = a->chunks->older;
        a->chunks->older = chunk;
    } else {
        arena_open(a, chunk);
        a->next = a->end;
    }
    a->used_bytes += need;
    return chunk->data;
}

static void *arena_alloc_slow(struct arena *a, size_t need)
{
    size_t size = a->chunks ? a->chunks->size * 2 : ARENA_CHUNK_MIN;
    size_t lost = (size_t)(a->end - a->next), left = a->max_bytes - a->used_bytes;

    if (size < ARENA_CHUNK_MIN) /* a chunk of one allocation stands first */
        size = ARENA_CHUNK_MIN;
    if (size > ARENA_CHUNK_MAX)
        size = ARENA_CHUNK_MAX;
    if (need > left)
        return arena_refuse(a);
    if (need > size / 4 || need > left - (lost < left ? lost : left))
        return arena_alloc_apart(a, need);
    if (size > left - lost)
        size = left - lost; /* never asks the system for what it may not hand out */

    struct arena_chunk *chunk = arena_chunk_new(size);
    if (!chunk)
        return arena_refuse(a);
    chunk->older = a->chunks;
    arena_open(a, chunk);
    a->next += need;
    a->used_bytes += lost + need;
    return chunk->data;
}

void *arena_alloc(struct arena *a, size_t size)
{
    size_t need = arena_need(size);

    assert(a->used_bytes <= a->max_bytes); /* arena 1 */
    if (need == 0)
        return arena_refuse(a);
    if (need > (size_t)(a->end - a->next) || need > a->max_bytes - a->used_bytes)
        return arena_alloc_slow(a, need);

    void *p = a->next;
    a->next += need;
    a->used_bytes += need;
    return p;
}

void *arena_calloc(struct arena *a, size_t n, size_t size)
{
    size_t total;

    if (__builtin_mul_overflow(n, size, &total))
        return arena_refuse(a);
    void *p = arena_alloc(a, total);
    return p ? memset(p, 0, total) : NULL;
}

void *arena_grow(struct arena *a, void *p, size_t old_size, size_t new_size)
{
    if (!p)
        return arena_alloc(a, new_size);
    if (new_size <= old_size)
        return p;

    size_t old_need = arena_need(old_size), more = arena_need(new_size) - old_need;
    if (more == 0)
        return p; /* the padding holds it */
    if ((char *)p + old_need == a->next && arena_need(new_size) != 0 &&
        more <= (size_t)(a->end - a->next) && more <= a->max_bytes - a->used_bytes) {
        a->next += more;
        a->used_bytes += more;
        return p;
    }
    void *moved = arena_alloc(a, new_size);
    return moved ? memcpy(moved, p, old_size) : NULL;
}

char *arena_strdup(struct arena *a, struct slice s)
{
    char *p = s.len < SIZE_MAX ? arena_alloc(a, s.len + 1) : arena_refuse(a);

    if (!p)
        return NULL;
    if (s.len > 0)
        memcpy(p, s.p, s.len);
    p[s.len] = '\0';
    return p;
}

struct slice arena_dup(struct arena *a, struct slice s)
{
    char *p = s.p ? arena_strdup(a, s) : NULL;

    return (struct slice){p, p ? s.len : 0};
}

char *arena_printf(struct arena *a, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    int len = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    char *p = len >= 0 ? arena_alloc(a, (size_t)len + 1) : arena_refuse(a);
    if (!p)
        return NULL;
    va_start(ap, fmt);
    vsnprintf(p, (size_t)len + 1, fmt, ap);
    va_end(ap);
    return p;
}
