/* tagger-fit PRIVACY [TAGGER.bin]: fits the weights of label/tagger.c and says how good they are.
 *
 * PRIVACY is the folder with BTC, wikigold and wnut17 (data/README.md; the fourth set there is
 * share-alike, and weights fitted on it would bring its licence into the tree).  Ten sentences in a
 * hundred are held out: on them the bias against "no name" is chosen for the best F2 of whole
 * names, and precision, recall and F2 are printed.  With TAGGER.bin, writes the weights.  Every
 * eighth sentence is learnt once more in lower case and every sixteenth in capitals, as people
 * write to machines. */
#include "label/tagger.h"
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { EPOCHS = 8, HELD_OUT = 10 };

struct sentence {
    char *text;
    struct tagger_word *words;
    unsigned char *tags;
    size_t n, cap, len, room;
    bool held;
};
static struct sentence *all;
static size_t n_all, cap_all;
static float weight[TAGGER_BUCKETS * TAGGER_LANES], sum[TAGGER_BUCKETS * TAGGER_LANES];
static int8_t small[TAGGER_BUCKETS * TAGGER_LANES + 8];
static unsigned stamp[TAGGER_BUCKETS * TAGGER_LANES], now = 1;

static void *more(void *p, size_t *cap, size_t n, size_t size)
{
    if (n < *cap)
        return p;
    *cap = *cap ? *cap * 2 : 64;
    return realloc(p, *cap * size);
}

static enum tag tag_named(const char *label, const char *before)
{
    static const struct {
        const char *word;
        enum tag tag;
    } names[] = {{"PER", TAG_B_PERSON},     {"person", TAG_B_PERSON}, {"LOC", TAG_B_PLACE},
                 {"location", TAG_B_PLACE}, {"ORG", TAG_B_ORG},       {"corporation", TAG_B_ORG},
                 {"group", TAG_B_ORG}};

    if (label[0] == 'O' || label[1] != '-')
        return TAG_O;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(label + 2, names[i].word) ==
            0) /* I- begins a name where none of its kind goes on (IOB1) */
            return label[0] == 'I' && before[0] != 'O' && before[0] &&
                           strcmp(before + 2, label + 2) == 0
                       ? names[i].tag + 1
                       : names[i].tag;
    return TAG_O;
}

static void add_word(struct sentence *s, const char *word, enum tag tag)
{
    size_t len = strlen(word);

    s->text = more(s->text, &s->room, s->len + len + 64, 1);
    while (s->len + len + 2 > s->room)
        s->text = more(s->text, &s->room, s->room, 1);
    if (s->n >= s->cap) {
        s->cap = s->cap ? 2 * s->cap : 32;
        s->words = realloc(s->words, s->cap * sizeof *s->words);
        s->tags = realloc(s->tags, s->cap);
    }
    s->words[s->n] = (struct tagger_word){.start = s->len, .end = s->len + len};
    s->tags[s->n++] = (unsigned char)tag;
    memcpy(s->text + s->len, word, len);
    s->len += len;
    s->text[s->len++] = ' ';
}

static void finish(struct sentence *s)
{
    for (size_t i = 0; i < s->n; i++)
        tagger_word(&s->words[i], (struct slice){s->text + s->words[i].start,
                                                 s->words[i].end - s->words[i].start});
    tagger_phrases(s->words, s->n, (struct slice){s->text, s->len});
}

static void keep(struct sentence *s)
{
    if (s->n == 0)
        return;
    finish(s);
    s->held = n_all % 100 < HELD_OUT;
    all = more(all, &cap_all, n_all, sizeof *all);
    all[n_all++] = *s;
    *s = (struct sentence){0};
}

/* word column and tag column, from 0 */
static void read_file(const char *dir, const char *name, int word_at, int tag_at)
{
    char path[4096], line[65536], before[64] = "O";
    struct sentence s = {0};

    snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *f = fopen(path, "r");
    if (!f) {
        fprintf(stderr, "tagger-fit: %s is not there\n", path);
        exit(1);
    }
    while (fgets(line, sizeof line, f)) {
        char *cell[8] = {0};
        int n = 0;
        for (char *p = strtok(line, " \t\r\n"); p && n < 8; p = strtok(NULL, " \t\r\n"))
            cell[n++] = p;
        if (n == 0) {
            keep(&s);
            strcpy(before, "O");
        }
        if (n <= tag_at)
            continue;
        add_word(&s, cell[word_at], tag_named(cell[tag_at], before));
        snprintf(before, sizeof before, "%s", cell[tag_at]);
    }
    keep(&s);
    fclose(f);
}

/* A copy in other letters. */
static void add_copies(void)
{
    size_t n = n_all;

    for (size_t i = 0; i < n; i++) {
        if (all[i].held || i % 8 > 1)
            continue;
        struct sentence s = {0};
        for (size_t k = 0; k < all[i].n; k++) {
            char word[512];
            size_t len = all[i].words[k].end - all[i].words[k].start;
            len = len < sizeof word - 1 ? len : sizeof word - 1;
            memcpy(word, all[i].text + all[i].words[k].start, len);
            word[len] = 0;
            for (size_t c = 0; c < len; c++)
                word[c] = (char)(i % 16 == 1 ? toupper((unsigned char)word[c])
                                             : tolower((unsigned char)word[c]));
            add_word(&s, word, all[i].tags[k]);
        }
        finish(&s);
        all = more(all, &cap_all, n_all, sizeof *all);
        all[n_all++] = s;
    }
}

static void settle(size_t i)
{
    sum[i] += weight[i] * (float)(now - stamp[i]);
    stamp[i] = now;
}

static enum tag guess(const uint32_t *bucket, size_t n, enum tag prev)
{
    float score[TAGGER_LANES] = {0};
    enum tag best = TAG_O;

    for (size_t k = 0; k < n; k++)
        for (int t = 0; t < TAG_COUNT; t++)
            score[t] += weight[(size_t)bucket[k] * TAGGER_LANES + (size_t)t];
    for (enum tag t = 0; t < TAG_COUNT; t++)
        if (score[t] > score[best] && tag_may_follow(t, prev))
            best = t;
    return best;
}

static void learn(const struct sentence *s)
{
    enum tag prev = TAG_O, prev2 = TAG_O;

    for (size_t i = 0; i < s->n; i++, now++) {
        uint32_t bucket[TAGGER_FEATURES_MAX];
        size_t n = tagger_features(s->words, s->n, i, prev, prev2, bucket);
        enum tag got = guess(bucket, n, prev), want = s->tags[i];
        if (!tag_may_follow(want, prev))
            want--; /* it missed where the name begins: the best it can do is to begin it here */
        for (size_t k = 0; k < n && got != want; k++) {
            size_t good = (size_t)bucket[k] * TAGGER_LANES + want,
                   bad = (size_t)bucket[k] * TAGGER_LANES + got;
            settle(good);
            settle(bad);
            weight[good] += 1;
            weight[bad] -= 1;
        }
        prev2 = prev;
        prev = got; /* its own mistakes are what it will meet */
    }
}

struct counts {
    size_t right, told, there;
};

static void judge(const struct sentence *s, int bias, struct counts *c)
{
    enum tag prev = TAG_O, prev2 = TAG_O, tags[4096];

    for (size_t i = 0; i < s->n && i < 4096; i++) {
        uint32_t bucket[TAGGER_FEATURES_MAX];
        size_t n = tagger_features(s->words, s->n, i, prev, prev2, bucket);
        int score[TAGGER_LANES] = {-bias};
        for (size_t k = 0; k < n; k++)
            for (int t = 0; t < TAG_COUNT; t++)
                score[t] += small[(size_t)bucket[k] * TAGGER_LANES + (size_t)t];
        enum tag best = TAG_O;
        for (enum tag t = 0; t < TAG_COUNT; t++)
            if (score[t] > score[best] && tag_may_follow(t, prev))
                best = t;
        prev2 = prev;
        tags[i] = prev = best;
    }
    for (size_t i = 0; i < s->n; i++) {
        bool there = s->tags[i] % 2 == 1, told = tags[i] % 2 == 1;
        c->there += there;
        c->told += told;
        if (!there || !told || s->tags[i] != tags[i])
            continue;
        size_t k = i + 1;
        while (k < s->n && s->tags[k] == s->tags[i] + 1 && tags[k] == tags[i] + 1)
            k++;
        bool ends = (k == s->n) || (s->tags[k] != s->tags[i] + 1 && tags[k] != tags[i] + 1);
        c->right += ends;
    }
}

static double f2(struct counts c, double *p, double *r)
{
    *p = c.told ? (double)c.right / (double)c.told : 0;
    *r = c.there ? (double)c.right / (double)c.there : 0;
    return *p + *r > 0 ? 5 * *p * *r / (4 * *p + *r) : 0;
}

static int by_size(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;

    return x < y ? -1 : x > y;
}

/* The largest in ten thousand are cut, so that the rest keeps its steps. */
static void quantise(void)
{
    enum { N = TAGGER_BUCKETS * TAGGER_LANES };
    float *size = malloc(N * sizeof *size);
    size_t n = 0;

    for (size_t i = 0; i < N; i++) {
        settle(i);
        sum[i] /= (float)now;
        if (sum[i] != 0)
            size[n++] = sum[i] < 0 ? -sum[i] : sum[i];
    }
    qsort(size, n, sizeof *size, by_size);
    float scale = 127 / size[n - 1 - n / 10000];
    printf("%zu weights, largest %.1f, scale %.2f\n", n, (double)size[n - 1], (double)scale);
    free(size);
    for (size_t i = 0; i < N; i++) {
        float x = sum[i] * scale;
        x = x > 127 ? 127 : x < -127 ? -127 : x;
        small[i] = (int8_t)(x < 0 ? x - .5f : x + .5f);
    }
}

int main(int argc, char **argv)
{
    static const char *const btc[] = {"a", "b", "e", "f", "g", "h"};
    int best_bias = 0;
    double best = 0, p, r;

    if (argc < 2)
        return fprintf(stderr, "usage: tagger-fit PRIVACY [TAGGER.bin]\n"), 2;
    for (size_t i = 0; i < 6; i++) {
        char name[64];
        snprintf(name, sizeof name, "BTC/CONLL-format/data/%s.conll", btc[i]);
        read_file(argv[1], name, 0, 1);
    }
    read_file(argv[1], "wikigold/CONLL-format/data/wikigold.conll.txt", 0, 1);
    read_file(argv[1], "wnut17/wnut17train.conll", 0, 1);
    read_file(argv[1], "wnut17/emerging.dev.conll", 0, 1);
    read_file(argv[1], "wnut17/emerging.test.annotated", 0, 1);
    add_copies();
    printf("%zu sentences\n", n_all);
    uint64_t seed = 1;
    for (int epoch = 0; epoch < EPOCHS; epoch++) {
        for (size_t i = n_all; i-- > 1;) {
            seed = seed * 6364136223846793005u + 1442695040888963407u;
            size_t k = (size_t)(seed >> 33) % (i + 1);
            struct sentence s = all[i];
            all[i] = all[k];
            all[k] = s;
        }
        for (size_t i = 0; i < n_all; i++)
            if (!all[i].held)
                learn(&all[i]);
    }
    quantise();
    for (int bias = -20; bias <= 120; bias += 4) {
        struct counts c = {0};
        for (size_t i = 0; i < n_all; i++)
            if (all[i].held)
                judge(&all[i], bias, &c);
        double score = f2(c, &p, &r);
        printf("bias %4d: precision %.3f recall %.3f F2 %.3f\n", bias, p, r, score);
        if (score > best) {
            best = score;
            best_bias = bias;
        }
    }
    small[TAGGER_BUCKETS * TAGGER_LANES] = (int8_t)best_bias;
    printf("chosen: bias %d\n", best_bias);
    FILE *f = argc > 2 ? fopen(argv[2], "wb") : NULL;
    if (argc > 2 && (!f || fwrite(small, 1, sizeof small, f) != sizeof small || fclose(f) != 0))
        return fprintf(stderr, "tagger-fit: cannot write %s\n", argv[2]), 1;
    return 0;
}
