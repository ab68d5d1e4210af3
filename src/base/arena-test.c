#include "base/arena.h"
#include "base/fault.h"
#include "base/rand.h"
#include "base/tap.h"

TEST(arena_aligns_and_keeps_apart)
{
    struct arena a;
    char *p[2000];

    arena_init(&a, 16 << 20);
    for (size_t i = 0; i < 2000; i++) {
        p[i] = arena_alloc(&a, i);
        CHECK(p[i]);
        CHECK_EQ((uintptr_t)p[i] % _Alignof(max_align_t), 0);
        memset(p[i], (int)(i & 0xff), i);
    }
    for (size_t i = 0; i < 2000; i++)
        for (size_t k = 0; k < i; k++)
            CHECK_EQ((unsigned char)p[i][k], i & 0xff);
    CHECK(a.used_bytes <= a.max_bytes);
    CHECK_EQ(a.refused, 0);
    arena_done(&a);
    arena_done(&a); /* twice is fine */
}

TEST(arena_ceiling_holds)
{
    static const size_t ceilings[] = {0, 1, 15, 16, 17, 4096, 8192, 100000, 1 << 20};

    for (size_t c = 0; c < sizeof ceilings / sizeof *ceilings; c++)
        for (size_t size = 1; size <= 1 << 20; size *= 7) {
            struct arena a;
            size_t got = 0;
            arena_init(&a, ceilings[c]);
            while (arena_alloc(&a, size)) {
                got += size;
                CHECK(got <= ceilings[c]);
                CHECK(a.used_bytes <= ceilings[c] && a.used_bytes >= got);
            }
            CHECK_EQ(a.refused, 1);
            arena_reset(&a);
            CHECK_EQ(a.refused, 0);
            CHECK_EQ(a.used_bytes, 0);
            CHECK_EQ(arena_alloc(&a, size) != NULL, got > 0);
            arena_done(&a);
        }
}

TEST(arena_uses_its_whole_ceiling)
{
    struct arena a;
    size_t got = 0;

    arena_init(&a, 1 << 20);
    while (arena_alloc(&a, 64))
        got += 64;
    CHECK_EQ(got, 1 << 20);
    arena_done(&a);
}

TEST(arena_refuses_overflow)
{
    struct arena a;

    arena_init(&a, SIZE_MAX);
    CHECK(!arena_alloc(&a, SIZE_MAX));
    CHECK(!arena_alloc(&a, SIZE_MAX - 14));
    CHECK(!arena_calloc(&a, SIZE_MAX / 2, 3));
    void *p = arena_alloc(&a, 1);
    CHECK(!arena_grow(&a, p, 1, SIZE_MAX));
    CHECK_EQ(a.refused, 4);
    arena_done(&a);
}

TEST(arena_calloc_is_zero)
{
    struct arena a;

    arena_init(&a, 1 << 20);
    memset(arena_alloc(&a, 4000), 0xff, 4000);
    arena_reset(&a);
    const char *p = arena_calloc(&a, 1000, 4);
    for (int i = 0; i < 4000; i++)
        CHECK_EQ(p[i], 0);
    arena_done(&a);
}

TEST(arena_grow_in_place_or_by_copy)
{
    struct arena a;

    arena_init(&a, 64 << 20);
    char *p = arena_grow(&a, NULL, 0, 10);
    memcpy(p, "012345678", 10);
    CHECK(arena_grow(&a, p, 10, 16) == p);  /* padding */
    CHECK(arena_grow(&a, p, 16, 100) == p); /* newest */
    CHECK_EQ(a.used_bytes, 112);
    CHECK(arena_grow(&a, p, 100, 5) == p); /* never shrinks */
    arena_alloc(&a, 1);
    char *q = arena_grow(&a, p, 100, 200);
    CHECK(q != p);
    CHECK_STR(q, "012345678");
    for (size_t size = 200; size < 100000; size += 333) { /* across chunks */
        q = arena_grow(&a, q, size, size + 333);
        CHECK(q);
        memset(q + size, 1, 333);
        CHECK_STR(q, "012345678");
    }
    arena_done(&a);
}

TEST(arena_strings)
{
    struct arena a;

    arena_init(&a, 1 << 20);
    CHECK_STR(arena_strdup(&a, (struct slice){"abcdef", 3}), "abc");
    CHECK_STR(arena_strdup(&a, (struct slice){NULL, 0}), "");
    CHECK_STR(arena_printf(&a, "%d-%s", 7, "x"), "7-x");
    struct slice s = arena_dup(&a, SLICE("xyz"));
    CHECK(slice_is(s, "xyz"));
    CHECK_EQ(s.p[3], '\0');
    CHECK(arena_dup(&a, (struct slice){NULL, 0}).p == NULL);
    CHECK(arena_dup(&a, SLICE("")).p != NULL);
    arena_done(&a);
}

TEST(arena_pooled_turn_needs_no_malloc)
{
    struct arena a;

    arena_init(&a, 1 << 20);
    for (int turn = 0; turn < 6; turn++) {
        if (turn == 5) /* by now the kept chunk holds a whole turn */
            fault_arm(FAULT_ALLOC, 1);
        for (int i = 0; i < 100; i++)
            CHECK(arena_alloc(&a, 1000));
        arena_reset(&a);
    }
    CHECK(!fault_disarm());
    arena_done(&a);
}

TEST(arena_survives_no_memory)
{
    bool hit = true;

    for (int nth = 1; hit; nth++) {
        struct arena a;
        size_t got = 0;
        arena_init(&a, 1 << 20);
        fault_arm(FAULT_ALLOC, nth);
        for (int i = 0; i < 50; i++)
            got += arena_alloc(&a, 1000) != NULL;
        got += arena_alloc(&a, 100000) != NULL; /* one of its own */
        hit = fault_disarm();
        CHECK_EQ(got + a.refused, 51);
        CHECK_EQ(a.refused != 0, hit);
        arena_done(&a);
    }
}

TEST(arena_random_walk)
{
    rand_seed(42);
    for (int round = 0; round < 200; round++) {
        struct arena a;
        char *last = NULL;
        size_t last_size = 0;
        arena_init(&a, rand_u64() % 300000);
        for (int i = 0; i < 100; i++) {
            size_t size = rand_u64() % (1u << rand_u64() % 16) + 1;
            char *p =
                rand_u64() % 3 ? arena_alloc(&a, size) : arena_grow(&a, last, last_size, size);
            if (p) {
                last = p;
                last_size = size;
                memset(p, 7, size); /* the sanitizer looks */
            }
            CHECK(a.used_bytes <= a.max_bytes);
            if (rand_u64() % 50 == 0) {
                arena_reset(&a);
                last = NULL;
            }
        }
        arena_done(&a);
    }
    rand_real();
}
