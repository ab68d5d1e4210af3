#include "route/weights.h"
#include <ctype.h>
#include <math.h>

struct pair {
    int8_t weak, strong; /* beside each other: one line of the cache serves both heads */
};
#include "router-weights.h"

/* Lower case for ASCII, 0 for what ends a word; bytes of other scripts are letters. */
static unsigned char letter(unsigned char c)
{
    if (c >= 'A' && c <= 'Z')
        return c | 0x20;
    if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c >= 0x80)
        return c;
    return c == '+' || c == '#' || c == '-' || c == '_' ? c : 0;
}

size_t weights_features(struct slice text, void (*feature)(void *owner, uint32_t hash),
                        void (*word)(void *owner, uint32_t hash), void *owner)
{
    uint32_t hash = WORD_HASH_START, before = 0, letters = 0;
    size_t n = 0;

    for (size_t i = 0; i <= text.len; i++) {
        unsigned char c = i < text.len ? letter((unsigned char)text.p[i]) : 0;
        letters = letters << 8 | (c ? c : ' ');
        if (i >= 3 && feature) {
            feature(owner, letters); /* four letters */
            n++;
        }
        if (c) {
            hash = word_hash(hash, c);
            continue;
        }
        if (hash == WORD_HASH_START)
            continue;
        if (word)
            word(owner, hash);
        if (feature) {
            feature(owner, hash ^ 0x5bd1e995);  /* apart from letters */
            feature(owner, before * 31 + hash); /* a pair of words */
            n += 2;
        }
        before = hash;
        hash = WORD_HASH_START;
    }
    return n;
}

struct sums {
    int32_t weak, strong;
    void (*word)(void *owner, uint32_t hash);
    void *owner;
};

static void sums_feature(void *owner, uint32_t hash)
{
    struct sums *sums = owner;
    struct pair pair = router_weights[weights_bucket(hash)];

    sums->weak += pair.weak;
    sums->strong += pair.strong;
}

static void sums_word(void *owner, uint32_t hash)
{
    struct sums *sums = owner;

    if (sums->word)
        sums->word(sums->owner, hash);
}

double weights_score(struct slice text, void (*word)(void *owner, uint32_t hash), void *owner)
{
    struct sums sums = {.word = word, .owner = owner};
    size_t n = weights_features(text, sums_feature, sums_word, &sums);
    double by = n ? 1 / sqrt((double)n) : 0;
    double weak = router_bias_weak + router_scale_weak * sums.weak * by;
    double strong = router_bias_strong + router_scale_strong * sums.strong * by;
    double gain = 1 / (1 + exp(-strong)) - 1 / (1 + exp(-weak));

    return n && router_sd > 0 ? (gain - router_mean) / router_sd : 0;
}
