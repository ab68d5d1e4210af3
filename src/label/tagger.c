#include "label/tagger.h"
#include "base/err.h"    /* ARRAY_LEN */
#include "tagger-file.h" /* TAGGER_FILE, made by meson: where data/tagger.bin is */
#include <string.h>

struct listed {
    uint64_t hash;
    uint8_t lists;
    bool starts; /* a phrase begins with it */
};
#include "names-table.h"

extern const struct tagger_file tagger_file;
__asm__(".section .rodata_large,\"a\"\n.balign 64\n.global tagger_file\ntagger_file:\n.incbin "
        "\"" TAGGER_FILE "\"\n.previous\n");

/* ---- words ---- */

static const uint64_t fnv_basis = UINT64_C(0xcbf29ce484222325), fnv_prime = UINT64_C(0x100000001b3);

/* Lower case of one character of UTF-8, in place: ASCII, Latin-1, Latin Extended-A, Greek,
 * Cyrillic. */
static bool lower(unsigned char *p, size_t len)
{
    if (len == 1) {
        bool up = *p >= 'A' && *p <= 'Z';
        *p = (unsigned char)(*p + (up ? 32 : 0));
        return up;
    }
    if (len != 2)
        return false;
    unsigned cp = (unsigned)(p[0] & 0x1f) << 6 | (p[1] & 0x3f), low = cp;
    if ((cp >= 0xc0 && cp <= 0xde && cp != 0xd7) || (cp >= 0x391 && cp <= 0x3a9) ||
        (cp >= 0x410 && cp <= 0x42f))
        low = cp + 32;
    else if ((cp >= 0x100 && cp <= 0x137) || (cp >= 0x14a && cp <= 0x177))
        low = cp | 1;
    else if (((cp >= 0x139 && cp <= 0x148) || (cp >= 0x179 && cp <= 0x17e)) && cp % 2 == 1)
        low = cp + 1;
    else if (cp >= 0x400 && cp <= 0x40f)
        low = cp + 80;
    p[0] = (unsigned char)(0xc0 | low >> 6);
    p[1] = (unsigned char)(0x80 | (low & 0x3f));
    return low != cp;
}

static size_t char_len(unsigned char c)
{
    return c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
}

static uint32_t mix(uint32_t h, uint32_t v)
{
    h = (h ^ v) * 0x9e3779b1u;
    return h ^ h >> 15;
}

static struct listed lists_of(uint64_t hash)
{
    size_t low = 0, high = ARRAY_LEN(listed);

    while (low < high) {
        size_t mid = (low + high) / 2;
        if (listed[mid].hash < hash)
            low = mid + 1;
        else
            high = mid;
    }
    return low < ARRAY_LEN(listed) && listed[low].hash == hash ? listed[low] : (struct listed){0};
}

enum { WORD_BYTES_MAX = 48, WORD_CHARS_MAX = 48 };

void tagger_word(struct tagger_word *w, struct slice text)
{
    struct slice word = {text.p + w->start, w->end - w->start};
    unsigned char low[WORD_BYTES_MAX + 4];
    uint64_t hash = fnv_basis;
    uint32_t shape = 0, last = 0;
    size_t start[WORD_CHARS_MAX + 1], chars = 0, len = 0;
    size_t uppers = 0;

    *w = (struct tagger_word){.start = w->start, .end = w->end};
    for (size_t i = 0, n; i < word.len && len < WORD_BYTES_MAX && chars < WORD_CHARS_MAX; i += n) {
        n = char_len((unsigned char)word.p[i]);
        if (i + n > word.len)
            break;
        memcpy(low + len, word.p + i, n);
        bool up = lower(low + len, n);
        bool digit = n == 1 && low[len] >= '0' && low[len] <= '9';
        bool letter = n > 1 || (low[len] >= 'a' && low[len] <= 'z');
        uint32_t kind = up ? 1 : letter ? 2 : digit ? 3 : 4 + low[len];
        if (kind != last)
            shape = mix(shape, kind);
        last = kind;
        uppers += up;
        w->capital |= up && chars == 0;
        w->digit |= digit;
        w->punct |= !letter && !digit && chars == 0;
        start[chars++] = len;
        len += n;
    }
    start[chars] = len;
    for (size_t i = 0; i < len; i++)
        hash = (hash ^ low[i]) * fnv_prime;
    w->low = hash;
    w->shape = mix(shape, chars > 8 ? 8 : (uint32_t)chars / 2);
    w->upper = uppers == chars && chars > 1;
    uint32_t *ends[] = {&w->prefix, &w->suffix, &w->suffix2, &w->suffix4};
    static const uint8_t takes[] = {3, 3, 2, 4};
    for (size_t k = 0; k < ARRAY_LEN(ends); k++) {
        size_t take = takes[k], from = k == 0 || chars < take ? 0 : start[chars - take];
        size_t to = k == 0 ? start[chars < take ? chars : take] : len;
        uint32_t h = (uint32_t)k + 1;
        for (size_t i = from; i < to; i++)
            h = mix(h, low[i]);
        *ends[k] = h;
    }
    struct listed known = lists_of(hash);
    w->lists = known.lists;
    w->starts = known.starts;
    size_t bit = tagger_common_bit(hash);
    w->common = tagger_file.common[bit / 8] >> bit % 8 & 1;
}

/* Phrases of up to four words: each of theirs gets the list's bit. */
void tagger_phrases(struct tagger_word *words, size_t n, struct slice text)
{
    for (size_t i = 0; i < n; i++) {
        if (!words[i].starts)
            continue;
        unsigned char low[WORD_BYTES_MAX + 4];
        uint64_t hash = fnv_basis;
        for (size_t k = i; k < n && k < i + 4; k++) {
            if (k > i)
                hash = (hash ^ ' ') * fnv_prime;
            size_t len = words[k].end - words[k].start;
            if (len > WORD_BYTES_MAX)
                break;
            memcpy(low, text.p + words[k].start, len);
            for (size_t b = 0; b < len; b += char_len(low[b]))
                lower(low + b, char_len(low[b]));
            for (size_t b = 0; b < len; b++)
                hash = (hash ^ low[b]) * fnv_prime;
            uint8_t lists = k > i ? lists_of(hash).lists : 0;
            for (size_t m = i; lists && m <= k; m++)
                words[m].phrases |= lists;
        }
    }
}

/* ---- features ---- */

struct features {
    uint32_t *bucket;
    size_t n;
};

static void add(struct features *f, uint32_t kind, uint32_t a, uint32_t b)
{
    f->bucket[f->n++] = mix(mix(mix(kind * 0x85ebca6bu, a), b), kind) & (TAGGER_BUCKETS - 1);
}

static uint32_t fold64(uint64_t h)
{
    return (uint32_t)(h ^ h >> 32);
}

static uint32_t traits(const struct tagger_word *w)
{
    return (uint32_t)w->capital | (uint32_t)w->upper << 1 | (uint32_t)w->digit << 2 |
           (uint32_t)w->punct << 3;
}

static uint32_t lists_of_word(const struct tagger_word *w)
{
    return w->lists | w->phrases;
}

size_t tagger_features(const struct tagger_word *words, size_t n, size_t i, enum tag prev,
                       enum tag prev2, uint32_t ret[TAGGER_FEATURES_MAX])
{
    static const struct tagger_word none = {.low = 1, .shape = 1};
    const struct tagger_word *w = &words[i], *l = i > 0 ? w - 1 : &none,
                             *l2 = i > 1 ? w - 2 : &none;
    const struct tagger_word *r = i + 1 < n ? w + 1 : &none, *r2 = i + 2 < n ? w + 2 : &none;
    struct features f = {ret, 0};
    uint32_t word = fold64(w->low), before = fold64(l->low), after = fold64(r->low);
    bool start = i == 0 || (i == 1 && l->punct);
    uint32_t lists = lists_of_word(w);

    add(&f, 1, 0, 0);
    add(&f, 2, word, 0);
    add(&f, 3, word, w->capital);
    add(&f, 4, w->shape, 0);
    add(&f, 5, w->prefix, 0);
    add(&f, 6, w->suffix, 0);
    add(&f, 7, w->suffix2, w->capital);
    add(&f, 8, before, 0);
    add(&f, 9, after, 0);
    add(&f, 10, fold64(l2->low), 0);
    add(&f, 11, fold64(r2->low), 0);
    add(&f, 12, before, word);
    add(&f, 13, word, after);
    add(&f, 14, before, w->capital);
    add(&f, 15, after, w->capital);
    add(&f, 16, l->shape, w->shape);
    add(&f, 17, w->shape, r->shape);
    add(&f, 18, prev, 0);
    add(&f, 19, prev, prev2);
    add(&f, 20, prev, word);
    add(&f, 21, prev, w->shape);
    add(&f, 22, traits(w), start);
    add(&f, 23, traits(w) | traits(l) << 4 | traits(r) << 8, start);
    add(&f, 24, lists, w->capital);
    add(&f, 25, lists, lists_of_word(l));
    add(&f, 26, lists, lists_of_word(r));
    add(&f, 27, lists | (uint32_t)prev << 8, traits(w));
    add(&f, 28, lists_of_word(r), traits(r) | traits(w) << 4);
    add(&f, 29, l->suffix, prev);
    add(&f, 30, r->suffix, w->capital);
    add(&f, 31, before, fold64(l2->low));
    add(&f, 32, after, fold64(r2->low));
    add(&f, 33, before, after);
    add(&f, 34, w->prefix, w->suffix);
    add(&f, 35, w->suffix4, w->capital);
    add(&f, 36, (uint32_t)w->common | (uint32_t)w->capital << 1 | (uint32_t)start << 2, lists);
    add(&f, 37, (uint32_t)l->common | (uint32_t)r->common << 1 | traits(w) << 2,
        (uint32_t)l->capital | (uint32_t)r->capital << 1);
    add(&f, 38, lists_of_word(l2), lists | (uint32_t)w->capital << 8);
    add(&f, 39, lists_of_word(r2), lists_of_word(r) | (uint32_t)w->capital << 8);
    return f.n;
}

bool tag_may_follow(enum tag tag, enum tag prev)
{
    static const bool inside[TAG_COUNT] = {
        [TAG_I_PERSON] = true, [TAG_I_PLACE] = true, [TAG_I_ORG] = true};

    return !inside[tag] || prev == tag || prev + 1 == tag;
}

/* ---- text to sentences ---- */

static bool is_space(char c)
{
    return c == ' ' || c == '\n' || c == '\t' || c == '\r';
}

static bool in_word(struct slice t, size_t i)
{
    unsigned char c = (unsigned char)t.p[i];

    if (c >= 0x80 || (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z'))
        return !(c == 0xe2 && i + 2 < t.len &&
                 (unsigned char)t.p[i + 1] == 0x80); /* dashes, quotes */
    return false;
}

/* Apostrophes and hyphens within a word are its own; a point is where a letter stands alone: U.S.
 */
static size_t word_end(struct slice t, size_t i)
{
    size_t start = i;

    if (!in_word(t, i)) {
        i += char_len((unsigned char)t.p[i]);
        return i < t.len ? i : t.len;
    }
    for (; i < t.len; i++) {
        if (in_word(t, i))
            continue;
        bool joins = i + 1 < t.len && in_word(t, i + 1);
        if (t.p[i] == '-' && joins)
            continue;
        if (t.p[i] == '\'' && joins && t.p[i + 1] >= 'A' && t.p[i + 1] <= 'Z')
            continue; /* O'Brien */
        if (t.p[i] == '.' && i > start && (i - start == 1 || t.p[i - 2] == '.') &&
            (joins || i - start > 2))
            continue;
        break;
    }
    return i;
}

/* "Mr.", "J.": the point behind it ends no sentence. */
static bool abbreviated(const struct tagger_word *w, struct slice text)
{
    return w->lists & LIST_TITLE ||
           (w->end - w->start == 1 && w->capital && text.p[w->start] != 'I');
}

/* Behind a point: no blank, or a word in small letters. */
static bool goes_on(struct slice text, size_t at)
{
    if (at < text.len && !is_space(text.p[at]))
        return true;
    return at + 1 < text.len && text.p[at] == ' ' && text.p[at + 1] >= 'a' && text.p[at + 1] <= 'z';
}

size_t tagger_read(struct tagger_word words[static TAGGER_SENTENCE_MAX], struct slice text,
                   size_t *at)
{
    size_t i = *at, n = 0;

    while (i < text.len && n < TAGGER_SENTENCE_MAX) {
        if (is_space(text.p[i])) {
            if (text.p[i++] == '\n' && n > 0)
                break;
            continue;
        }
        struct tagger_word *w = &words[n++];
        w->start = i;
        w->end = i = word_end(text, i);
        tagger_word(w, text);
        bool stops = w->end - w->start == 1 && strchr(".!?", text.p[w->start]);
        if (stops && !goes_on(text, i) && !(n > 1 && abbreviated(w - 1, text)))
            break;
    }
    *at = i;
    tagger_phrases(words, n, text);
    return n;
}

/* ---- tags ---- */

bool tagger_rare(const struct tagger_word *words, size_t i)
{
    return words[i].capital && !words[i].common && !words[i].upper;
}

static enum tag best_tag(const struct tagger_word *words, size_t n, size_t i, enum tag prev,
                         enum tag prev2)
{
    uint32_t bucket[TAGGER_FEATURES_MAX];
    int score[TAGGER_LANES] = {0};
    size_t n_features = tagger_features(words, n, i, prev, prev2, bucket);
    enum tag best = TAG_O;

    for (size_t k = 0; k < n_features; k++) {
        const int8_t *w = tagger_file.weight + (size_t)bucket[k] * TAGGER_LANES;
        for (size_t lane = 0; lane < TAGGER_LANES; lane++)
            score[lane] += w[lane];
    }
    score[TAG_O] -= tagger_file.bias + (tagger_rare(words, i) ? tagger_file.rare : 0);
    for (enum tag tag = TAG_O; tag < TAG_COUNT; tag++)
        if (score[tag] > score[best] && tag_may_follow(tag, prev))
            best = tag;
    return best;
}

bool tagger_plain(const struct tagger_word *w, enum tag prev)
{
    return prev == TAG_O && w->common && !w->capital && !w->digit && !w->lists && !w->phrases;
}

void tagger_tag(const struct tagger_word *words, size_t n, enum tag *ret)
{
    enum tag prev = TAG_O, prev2 = TAG_O;

    for (size_t i = 0; i < n; i++) {
        ret[i] = tagger_plain(&words[i], prev) ? TAG_O : best_tag(words, n, i, prev, prev2);
        prev2 = prev;
        prev = ret[i];
    }
}
