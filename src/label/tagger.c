#include "label/tagger.h"
#include "tagger-file.h" /* TAGGER_FILE, made by meson: where data/tagger.bin is */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

enum {
    LIST_COUNTRY = 1,
    LIST_NATION = 2,
    LIST_CITY = 4,
    LIST_GIVEN = 8,
    LIST_ORG = 16,
    LIST_TITLE = 32
};

struct listed {
    uint64_t hash;
    uint8_t lists;
};
#include "names-table.h"

/* data/tagger.bin: for each bucket TAGGER_LANES weights, then the bias against TAG_O that was found
 * best for F2 on held-out sentences, then what fills eight. */
extern const int8_t tagger_weights[];
__asm__(
    ".section .rodata\n.balign 64\n.global tagger_weights\ntagger_weights:\n.incbin \"" TAGGER_FILE
    "\"\n.previous\n");

struct tagger {
    struct slice text;
    struct tagger_word *words;
    size_t n, cap;
    size_t at;    /* the next word to tag */
    size_t begin; /* of the sentence that at is in */
    size_t end;   /* of it, one past */
    enum tag prev, prev2;
};

enum tagger_limits {
    SENTENCE_MAX = 256 /* words; what is longer is cut, as tables and lists are */
};

enum nigh_status tagger_new(struct tagger **ret, struct nigh_err *err)
{
    struct tagger *t = calloc(1, sizeof *t);

    if (t)
        t->words = calloc(SENTENCE_MAX, sizeof *t->words);
    if (!t || !t->words) {
        tagger_free(t);
        return nigh_fail(err, NIGH_NOMEM, "tagger: out of memory");
    }
    *ret = t;
    return NIGH_OK;
}

struct tagger *tagger_free(struct tagger *t)
{
    if (t)
        free(t->words);
    free(t);
    return NULL;
}

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

static uint8_t lists_of(uint64_t hash)
{
    size_t low = 0, high = sizeof listed / sizeof *listed;

    while (low < high) {
        size_t mid = (low + high) / 2;
        if (listed[mid].hash < hash)
            low = mid + 1;
        else
            high = mid;
    }
    return low < sizeof listed / sizeof *listed && listed[low].hash == hash ? listed[low].lists : 0;
}

enum { WORD_BYTES_MAX = 48, WORD_CHARS_MAX = 48 };

void tagger_word(struct tagger_word *w, struct slice word)
{
    unsigned char low[WORD_BYTES_MAX + 4];
    uint64_t hash = fnv_basis;
    uint32_t shape = 0, last = 0;
    size_t start[WORD_CHARS_MAX + 1], chars = 0, len = 0;
    size_t uppers = 0;

    *w = (struct tagger_word){.start = w->start, .end = w->end, .first = w->first};
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
    uint32_t *ends[] = {&w->prefix, &w->suffix, &w->suffix2};
    for (size_t k = 0; k < 3; k++) {
        size_t take = k == 2 ? 2 : 3, from = k == 0 || chars < take ? 0 : start[chars - take];
        size_t to = k == 0 ? start[chars < take ? chars : take] : len;
        uint32_t h = (uint32_t)k + 1;
        for (size_t i = from; i < to; i++)
            h = mix(h, low[i]);
        *ends[k] = h;
    }
    w->lists = lists_of(hash);
}

/* Phrases of up to four words: each of theirs gets the list's bit. */
void tagger_phrases(struct tagger_word *words, size_t n, struct slice text)
{
    for (size_t i = 0; i < n; i++) {
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
            uint8_t lists = k > i ? lists_of(hash) : 0;
            for (size_t m = i; lists && m <= k; m++)
                words[m].lists |= lists;
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
    add(&f, 24, w->lists, w->capital);
    add(&f, 25, w->lists, l->lists);
    add(&f, 26, w->lists, r->lists);
    add(&f, 27, w->lists | (uint32_t)prev << 8, traits(w));
    add(&f, 28, r->lists, traits(r) | traits(w) << 4);
    add(&f, 29, l->suffix, prev);
    add(&f, 30, r->suffix, w->capital);
    add(&f, 31, before, fold64(l2->low));
    add(&f, 32, after, fold64(r2->low));
    add(&f, 33, before, after);
    add(&f, 34, w->prefix, w->suffix);
    return f.n;
}

bool tag_may_follow(enum tag tag, enum tag prev)
{
    static const bool inside[] = {[TAG_I_PERSON] = true, [TAG_I_PLACE] = true, [TAG_I_ORG] = true};

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
        if (t.p[i] == '.' && i > start && (i - start == 1 || t.p[i - 2] == '.') &&
            (joins || i - start > 2))
            continue;
        break;
    }
    return i;
}

/* Words up to the end of a sentence or a line. */
static void read_sentence(struct tagger *t)
{
    size_t i = t->end;

    t->n = 0;
    while (i < t->text.len && t->n < SENTENCE_MAX) {
        if (is_space(t->text.p[i])) {
            if (t->text.p[i++] == '\n' && t->n > 0)
                break;
            continue;
        }
        size_t end = word_end(t->text, i);
        struct tagger_word *w = &t->words[t->n++];
        w->start = i;
        w->end = end;
        tagger_word(w, (struct slice){t->text.p + i, end - i});
        i = end;
        bool stops = end - w->start == 1 && strchr(".!?", t->text.p[w->start]);
        if (stops && (i == t->text.len || is_space(t->text.p[i])) &&
            !(t->n > 1 && w[-1].lists & LIST_TITLE))
            break;
    }
    t->end = i;
    t->at = 0;
    t->prev = t->prev2 = TAG_O;
    tagger_phrases(t->words, t->n, t->text);
}

void tagger_read(struct tagger *t, struct slice text)
{
    t->text = text;
    t->end = t->n = t->at = 0;
}

/* ---- tags to names ---- */

static enum tag tag_of(struct tagger *t, size_t i)
{
    uint32_t bucket[TAGGER_FEATURES_MAX];
    int score[TAGGER_LANES] = {0};
    size_t n = tagger_features(t->words, t->n, i, t->prev, t->prev2, bucket);
    enum tag best = TAG_O;

    for (size_t k = 0; k < n; k++) {
        const int8_t *w = tagger_weights + (size_t)bucket[k] * TAGGER_LANES;
        for (size_t lane = 0; lane < TAGGER_LANES; lane++)
            score[lane] += w[lane];
    }
    score[TAG_O] -= tagger_weights[(size_t)TAGGER_BUCKETS * TAGGER_LANES];
    for (enum tag tag = TAG_O; tag < TAG_COUNT; tag++)
        if (score[tag] > score[best] && tag_may_follow(tag, t->prev))
            best = tag;
    return best;
}

static const struct {
    const char *type;
    enum detect_group group;
} types[] = {
    [TAG_B_PERSON] = {"PERSON", DETECT_PERSON},
    [TAG_B_PLACE] = {"GPE", DETECT_PLACE},
    [TAG_B_ORG] = {"ORGANIZATION", DETECT_ORGANISATION},
};
enum { SCORE_ADDRESSED = 75, SCORE_TAGGED = 65, SCORE_LISTED = 58, SCORE_NATION = 66 };

/* What the tagger left alone and a list knows. */
static bool by_list(const struct tagger *t, size_t i, struct tagged *ret)
{
    const struct tagger_word *w = &t->words[i];

    if (!w->capital || w->lists & LIST_TITLE)
        return false;
    if (w->lists & (LIST_COUNTRY | LIST_CITY))
        *ret = (struct tagged){w->start, w->end, "GPE", DETECT_PLACE, SCORE_LISTED};
    else if (w->lists & LIST_GIVEN && i > 0)
        *ret = (struct tagged){w->start, w->end, "PERSON", DETECT_PERSON, SCORE_LISTED};
    else
        return false;
    return true;
}

/* "Italian", "Italians": of the list, whatever the tagger made of it. */
static bool nation(const struct tagger *t, size_t i)
{
    const struct tagger_word *w = &t->words[i];
    size_t len = w->end - w->start;
    struct tagger_word without = *w;

    if (w->lists & LIST_NATION)
        return true;
    if (len < 5 || (t->text.p[w->end - 1] | 32) != 's')
        return false;
    tagger_word(&without, (struct slice){t->text.p + w->start, len - 1});
    return without.lists & LIST_NATION;
}

/* "Dr. Kyle Kuefer", "Mrs Lennox": what follows a form of address is a person, whatever it looks
 * like. */
static bool addressed(const struct tagger *t, size_t i)
{
    const struct tagger_word *w = &t->words[i];
    size_t before = i > 0 && t->text.p[w[-1].start] == '.' ? 2 : 1;

    return w->capital && i >= before && w[-(ptrdiff_t)before].lists & LIST_TITLE &&
           w[-(ptrdiff_t)before].capital && !(w->lists & LIST_TITLE);
}

/* Over capital words and initials, on the same line. */
static void take_name(struct tagger *t, struct tagged *ret)
{
    t->prev = TAG_B_PERSON;
    for (; t->at < t->n; t->at++) {
        const struct tagger_word *w = &t->words[t->at];
        bool initial = w->end - w->start == 1 && t->text.p[w->start] == '.' &&
                       w->start == ret->end && w[-1].end - w[-1].start == 1;
        if (!initial && (!w->capital || w->start > ret->end + 1))
            return;
        ret->end = w->end;
        t->prev2 = t->prev;
        t->prev = TAG_I_PERSON;
    }
}

static bool name_at(struct tagger *t, struct tagged *ret)
{
    size_t i = t->at;
    enum tag tag = tag_of(t, i);

    if (addressed(t, i)) {
        *ret = (struct tagged){t->words[i].start, t->words[i].end, "PERSON", DETECT_PERSON,
                               SCORE_ADDRESSED};
        t->at++;
        take_name(t, ret);
        return true;
    }
    t->prev2 = t->prev;
    t->prev = tag;
    t->at++;
    if (nation(t, i) && tag != TAG_B_ORG && tag != TAG_I_ORG) {
        t->prev = TAG_O;
        *ret =
            (struct tagged){t->words[i].start, t->words[i].end, "NRP", DETECT_TRAIT, SCORE_NATION};
        return true;
    }
    if (tag == TAG_O)
        return by_list(t, i, ret);
    enum tag begins = tag % 2 ? tag : tag - 1;
    *ret = (struct tagged){t->words[i].start, t->words[i].end, types[begins].type,
                           types[begins].group, SCORE_TAGGED};
    while (t->at < t->n && (tag = tag_of(t, t->at)) == begins + 1) {
        ret->end = t->words[t->at++].end;
        t->prev2 = t->prev;
        t->prev = tag;
    }
    return true;
}

bool tagger_next(struct tagger *t, struct tagged *ret)
{
    for (;;) {
        while (t->at < t->n)
            if (name_at(t, ret))
                return true;
        if (t->end >= t->text.len)
            return false;
        read_sentence(t);
    }
}
