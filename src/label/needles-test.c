#include "base/rand.h"
#include "base/tap.h"
#include "label/needles.h"
#include <time.h>

static struct arena arena;
static struct founds founds;

static const struct founds *find(const struct needle *all, size_t n, const char *text)
{
    struct needles *d;

    arena_done(&arena);
    arena_init(&arena, 64 << 20);
    founds = (struct founds){.arena = &arena};
    CHECK_EQ(needles_new(&d, all, n, &arena, NULL), NIGH_OK);
    needles_find(d, slice_of(text), &founds);
    CHECK(!founds.failed);
    return &founds;
}

#define WORD(s)                                                                                    \
    {                                                                                              \
        SLICE(s), true, true                                                                       \
    }
#define ANYWHERE(s)                                                                                \
    {                                                                                              \
        SLICE(s), false, false                                                                     \
    }

TEST(needles_are_found_as_words_or_anywhere)
{
    static const struct needle all[] = {WORD("Ann"), WORD("Ann Lee"), ANYWHERE("4711")};
    static const struct {
        const char *text, *want; /* start-end:needle */
    } rows[] = {
        {"", ""},
        {"Ann", "0-3:0 "},
        {"Anna and Joann", ""},
        {"Ann, Ann Lee.", "0-3:0 5-12:1 "},
        {"Ann Leed", "0-3:0 "},
        {"a4711b", "1-5:2 "},
        {"\xc3\xa9"
         "Ann\xe3\x81\x95",
         "2-5:0 "}, /* letters of other scripts are no border we know */
        {"Ann Ann Lee", "0-3:0 4-11:1 "},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct founds *f = find(all, ARRAY_LEN(all), rows[i].text);
        struct buf got = {0};
        for (size_t j = 0; j < f->n; j++)
            buf_printf(&got, "%zu-%zu:%zu ", f->all[j].start, f->all[j].end, f->all[j].needle);
        CHECK_STR(got.data ? got.data : "", rows[i].want);
        buf_done(&got);
    }
}

TEST(needles_that_overlap_are_one)
{
    static const struct needle all[] = {WORD("one two"), WORD("two three"), WORD("three four five"),
                                        WORD("four")};
    const struct founds *f = find(all, ARRAY_LEN(all), "zero one two three four five six");

    CHECK_EQ(f->n, 1);
    CHECK_EQ(f->all[0].start, 5);
    CHECK_EQ(f->all[0].end, 28);
    CHECK_EQ(f->all[0].needle, 2); /* the longest */
}

/* Against the plainest way there is. */
static bool covered_plainly(const struct needle *all, size_t n, const char *text, size_t at)
{
    size_t len = strlen(text);

    for (size_t i = 0; i < n; i++)
        for (size_t from = 0; from + all[i].text.len <= len; from++)
            if (at >= from && at < from + all[i].text.len &&
                memcmp(text + from, all[i].text.p, all[i].text.len) == 0)
                return true;
    return false;
}

TEST(needles_cover_what_a_plain_search_covers)
{
    rand_seed(7);
    for (int round = 0; round < 3000; round++) {
        struct needle all[6];
        char texts[6][6], text[64];
        for (size_t i = 0; i < ARRAY_LEN(all); i++) {
            size_t len = 1 + rand_u64() % 5;
            for (size_t j = 0; j < len; j++)
                texts[i][j] = (char)('a' + rand_u64() % 3);
            texts[i][len] = 0;
            all[i] = (struct needle){.text = slice_of(texts[i])};
        }
        for (size_t j = 0; j < sizeof text; j++)
            text[j] = (char)('a' + rand_u64() % 4);
        text[sizeof text - 1] = 0;
        const struct founds *f = find(all, ARRAY_LEN(all), text);
        size_t next = 0;
        for (size_t at = 0; at + 1 < sizeof text; at++) {
            while (next < f->n && f->all[next].end <= at)
                next++;
            bool got = next < f->n && f->all[next].start <= at;
            CHECK_EQ(got, covered_plainly(all, ARRAY_LEN(all), text, at));
        }
    }
    rand_real();
}

#ifdef __SANITIZE_ADDRESS__
#define LINEAR_MAX (80 * CLOCKS_PER_SEC) /* of 2 s, and 800 */
#else
#define LINEAR_MAX (4 * CLOCKS_PER_SEC)
#endif

/* a, aa, aaa, ... as words, in a text that is one word: every one ends at every byte. */
TEST(needles_take_linear_time)
{
    enum { N = 400, BYTES = 1 << 20 };
    static char a[BYTES + 1];
    static struct needle all[N];
    struct needles *d;

    memset(a, 'a', BYTES);
    arena_done(&arena);
    arena_init(&arena, 64 << 20);
    founds = (struct founds){.arena = &arena};
    for (size_t i = 0; i < N; i++)
        all[i] = (struct needle){{a, i + 1}, true, true};
    CHECK_EQ(needles_new(&d, all, N, &arena, NULL), NIGH_OK);
    clock_t began = clock(); /* processor time: others may be busy */
    needles_find(d, (struct slice){a, BYTES}, &founds);
    CHECK(clock() - began < LINEAR_MAX); /* 30 ms here; 400 times that were it not so */
}

TEST(needles_too_many_are_refused)
{
    struct needles *d;
    struct needle all[2];
    struct nigh_err err = {0};

    arena_done(&arena);
    arena_init(&arena, 256 << 20);
    char *big = arena_calloc(&arena, 1, NEEDLES_NODES_MAX);
    all[0] = all[1] = (struct needle){.text = {big, NEEDLES_NODES_MAX / 2}};
    CHECK_EQ(needles_new(&d, all, 2, &arena, &err), NIGH_TOOBIG);
}
