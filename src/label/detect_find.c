#include "base/clock.h"
#include "label/detect_own.h"

#include <stdlib.h>
#include <string.h>

enum {
    CHUNK_BYTES = 64 << 10, /* scanned between two looks at the clock: under a millisecond */
    OVERLAP_BYTES =
        1024, /* a match that a chunk's end cuts is seen whole in the next, up to so long */
    STARTS_BETWEEN_LOOKS = 256, /* the same for places tried one by one */
    REACH = 128,                /* bytes of the longest anchored match: a Monero address */
    WORDS_BACK = 4,             /* Suite, the beginning of the 1990s, 14 April and 5 May 1998 */
    GAP_MAX = 3,                /* bytes between two of them */
    LETTERS_MAX = 6,            /* capitals before a number: of a reference, a plate */
    STREET_REACH = 64,          /* bytes between a street's name and its number */
    NEAR_BEFORE = 64,
    NEAR_AFTER = 32, /* bytes between a value and a word that belongs to it; a guess that
                        spans a line of a form */
    NEAR_WORD = 24,  /* bytes of such a word */
};

/* What matches are added to, and where in the text the scanned part begins. */
struct scan {
    struct raws *raws;
    size_t base;
};

static int on_match(unsigned id, unsigned long long from, unsigned long long to, unsigned flags,
                    void *ctx)
{
    struct scan *s = ctx;
    struct raws *r = s->raws;

    if (r->n >= 16 * DETECT_SPANS_MAX ||
        !spans_room((void **)&r->all, &r->cap, r->n, sizeof *r->all)) {
        r->failed = true;
        return 1;
    }
    r->all[r->n++] = (struct raw){(uint32_t)(s->base + from), (uint32_t)(s->base + to), id};
    return 0;
}

enum nigh_status detect_over(struct nigh_err *err)
{
    return nigh_fail(err, NIGH_TIMEOUT, "the search for private data passed its budget");
}

enum nigh_status detect_too_much(struct nigh_err *err)
{
    return nigh_fail(err, NIGH_TOOBIG, "too much in this text looks private");
}

bool detect_late(const struct detect *d)
{
    return d->due_us && clock_thread_us() > d->due_us;
}

static void raws_reset(struct raws *raws)
{
    raws->n = 0;
    raws->failed = false;
}

static bool scan_piece(struct detect *d, const hs_database_t *db, struct slice text, size_t start,
                       size_t end, struct raws *raws)
{
    struct scan s = {raws, start};
    hs_error_t status =
        d->hs->scan(db, text.p + start, (unsigned)(end - start), 0, d->scratch, on_match, &s);

    return !raws->failed && (status == HS_SUCCESS || status == HS_SCAN_TERMINATED);
}

/* From start to end.  Chunks overlap: what is found twice is settled with the other overlaps. */
static enum nigh_status scan_part(struct detect *d, const hs_database_t *db, struct slice text,
                                  size_t start, size_t end, struct raws *raws, struct nigh_err *err)
{
    for (size_t at = start; at < end; at += CHUNK_BYTES) {
        size_t from = at >= start + OVERLAP_BYTES ? at - OVERLAP_BYTES : start;
        size_t stop = end - at > CHUNK_BYTES ? at + CHUNK_BYTES : end;
        if (!scan_piece(d, db, text, from, stop, raws))
            return detect_too_much(err);
        if (detect_late(d))
            return detect_over(err);
    }
    return NIGH_OK;
}

/* ---- digits ---- */

/* The next digit at or after i, or text.len; sixteen bytes at a time while there is none. */
static size_t next_digit(struct slice text, size_t i)
{
    if (i >= text.len)
        return text.len;
    for (; text.len - i >= 16; i += 16) {
        unsigned any = 0;
        for (size_t k = 0; k < 16; k++)
            any |= (unsigned char)(text.p[i + k] - '0') < 10;
        if (any)
            break;
    }
    while (i < text.len && (unsigned char)(text.p[i] - '0') >= 10)
        i++;
    return i;
}

/* As Hyperscan's \\b sees it. */
static bool is_word(char c)
{
    return ((c | 32) >= 'a' && (c | 32) <= 'z') || (c >= '0' && c <= '9') || c == '_';
}

static size_t word_start(struct slice text, size_t at, size_t least)
{
    while (at > least && is_word(text.p[at - 1]))
        at--;
    return at;
}

/* Where the sign before `at` begins, if one stands there that a pattern may begin with: ( + $ and
 * those of money; else at. */
static size_t sign_start(struct slice text, size_t at, size_t least)
{
    static const char *const money[] = {"\xe2\x82", "\xc2\xa3", "\xc2\xa5"};

    if (at > least && text.p[at - 1] && strchr("(+$-:~#", text.p[at - 1]))
        return at - 1;
    for (size_t i = 0; i < ARRAY_LEN(money); i++) {
        size_t len = i == 0 ? 3 : 2;
        if (at >= least + len && memcmp(text.p + at - len, money[i], 2) == 0)
            return at - len;
    }
    return at;
}

static int by_text(const void *a, const void *b)
{
    return memcmp(a, b, 3);
}

/* Where something with the digit at `digit` may begin: its word, signs before it, and a few words
 * back on the same line.  Not before `least`, where the last ones were. */
struct starts {
    size_t at[4 * (WORDS_BACK + 1)];
    size_t n;
};

static size_t add_starts(struct starts *s, struct slice text, size_t word, size_t least)
{
    size_t at = word;

    s->at[s->n++] = word;
    for (int signs = 0; signs < 2; signs++) {
        size_t sign = sign_start(text, at, least);
        if (sign == at && at > least && text.p[at - 1] == ' ' && signs == 0)
            sign = sign_start(text, at - 1, least);
        if (sign == at || (sign + 1 == at && text.p[sign] == ' '))
            break;
        at = s->at[s->n++] = sign;
    }
    return at;
}

static void find_starts(struct starts *s, struct slice text, size_t digit, size_t least)
{
    size_t at = word_start(text, digit, least);

    s->n = 0;
    at = add_starts(s, text, at, least);
    for (int words = 0; words < WORDS_BACK; words++) {
        size_t end = at;
        while (end > least && at - end < GAP_MAX && !is_word(text.p[end - 1]) &&
               text.p[end - 1] != '\n')
            end--;
        if (end == least || !is_word(text.p[end - 1]))
            return;
        at = add_starts(s, text, word_start(text, end, least), least);
    }
}

/* May a row begin with the word at `at`?  A longer word that holds no digit and is not all capitals
 * must be one that some row spells out. */
static bool may_begin(struct slice text, size_t at)
{
    char low[4] = "";
    size_t len = 0, small = 0;

    for (; at + len < text.len && is_word(text.p[at + len]); len++) {
        char c = text.p[at + len];
        if (c < 'A')
            return true;
        small += c >= 'a';
        if (len < 3)
            low[len] = (char)(c | 32);
    }
    if (len < 3 || (small == 0 && len < LETTERS_MAX))
        return true;
    return bsearch(low, keyword_beginnings, ARRAY_LEN(keyword_beginnings),
                   sizeof *keyword_beginnings, by_text) != NULL;
}

static bool try_starts(struct detect *d, struct slice text, const struct starts *s)
{
    for (size_t i = s->n; i-- > 0;) {
        size_t at = s->at[i], end = text.len - at > REACH ? at + REACH : text.len;
        bool digit = (unsigned char)(text.p[at] - '0') < 10;
        if (!digit && !may_begin(text, at))
            continue;
        size_t before = d->raws.n;
        if (!scan_piece(d, d->db[digit ? DB_DIGIT : DB_LETTER], text, at, end, &d->raws))
            return false;
        for (size_t k = before; k < d->raws.n; k++)
            d->raws.all[k].from = (uint32_t)at;
    }
    return true;
}

static size_t word_end(struct slice text, size_t at)
{
    while (at < text.len && is_word(text.p[at]))
        at++;
    return at;
}

static enum nigh_status find_digits(struct detect *d, struct slice text, struct nigh_err *err)
{
    size_t least = 0, n = 0;
    struct starts starts;

    for (size_t digit = next_digit(text, 0); digit < text.len; digit = next_digit(text, least)) {
        find_starts(&starts, text, digit, least);
        if (!try_starts(d, text, &starts))
            return detect_too_much(err);
        if (++n % STARTS_BETWEEN_LOOKS == 0 && detect_late(d))
            return detect_over(err);
        least = word_end(text, digit);
    }
    return NIGH_OK;
}

/* ---- streets ---- */

/* Their names are many and short: looked for only about digits, in parts that grow while there are
 * more. */
static enum nigh_status find_streets(struct detect *d, struct slice text, struct nigh_err *err)
{
    size_t digit = next_digit(text, 0);
    enum nigh_status status = NIGH_OK;

    while (digit < text.len && status == NIGH_OK) {
        size_t start = digit > STREET_REACH ? digit - STREET_REACH : 0, end;
        do {
            end = digit + STREET_REACH;
            digit = next_digit(text, digit + 1);
        } while (digit < text.len && digit <= end + STREET_REACH);
        status = scan_part(d, d->db[DB_STREET], text, start, end < text.len ? end : text.len,
                           &d->raws, err);
    }
    return status;
}

/* ---- @ ---- */

static bool is_blank(char c)
{
    return c == ' ' || c == '\n' || c == '\t' || c == '\r';
}

/* Runs without blanks about every @. */
static enum nigh_status find_ats(struct detect *d, struct slice text, struct nigh_err *err)
{
    size_t end = 0;

    for (;;) {
        const char *at = end < text.len ? memchr(text.p + end, '@', text.len - end) : NULL;
        if (!at)
            return NIGH_OK;
        size_t i = (size_t)(at - text.p), start = i, least = i > WINDOW_MAX ? i - WINDOW_MAX : 0;
        while (start > least && !is_blank(text.p[start - 1]))
            start--;
        for (end = i + 1; end < text.len && end - i < WINDOW_MAX && !is_blank(text.p[end]);)
            end++;
        enum nigh_status status = scan_part(d, d->db[DB_AT], text, start, end, &d->raws, err);
        if (status != NIGH_OK)
            return status;
    }
}

/* ---- words ---- */

/* Where the part begins that has to be read to know where a trigger's match does. */
static size_t trigger_start(const struct raw *trigger)
{
    size_t width = kinds[trigger->id].width + 1U;

    return trigger->to > width ? trigger->to - width : 0;
}

/* The triggers say where a closer look is worth it: at the bytes before each, and the one behind it
 * that tells whether a word ends. */
static enum nigh_status find_words(struct detect *d, struct slice text, struct nigh_err *err)
{
    enum nigh_status status;

    raws_reset(&d->words);
    status = scan_part(d, d->db[DB_TRIGGER], text, 0, text.len, &d->words, err);
    for (size_t i = 0; i < d->words.n && status == NIGH_OK;) {
        const struct raw *trigger = &d->words.all[i++];
        size_t start = trigger_start(trigger), end = trigger->to;
        for (; i < d->words.n && trigger_start(&d->words.all[i]) <= end; i++)
            if (d->words.all[i].to > end)
                end = d->words.all[i].to;
        status = scan_part(d, d->db[DB_WORD], text, start, end < text.len ? end + 1 : end, &d->raws,
                           err);
    }
    return status;
}

/* ---- order, and the words near ---- */

/* By beginning; of one kind the longest first. */
static int by_place(const void *a, const void *b)
{
    const struct raw *x = a, *y = b;

    if (x->from != y->from)
        return x->from < y->from ? -1 : 1;
    if (x->id != y->id)
        return x->id < y->id ? -1 : 1;
    return x->to > y->to ? -1 : x->to < y->to;
}

static int by_end(const void *a, const void *b)
{
    const struct raw *x = a, *y = b;

    return x->to < y->to ? -1 : x->to > y->to;
}

/* Only about what asks for them. */
static enum nigh_status find_near(struct detect *d, struct slice text, struct nigh_err *err)
{
    enum nigh_status status = NIGH_OK;

    raws_reset(&d->near);
    for (size_t i = 0; i < d->raws.n && status == NIGH_OK;) {
        const struct raw *raw = &d->raws.all[i++];
        if (kinds[raw->id].near < 0)
            continue;
        size_t before = NEAR_BEFORE + NEAR_WORD,
               start = raw->from > before ? raw->from - before : 0, end = raw->to + NEAR_AFTER;
        for (; i < d->raws.n && d->raws.all[i].from <= end; i++)
            if (kinds[d->raws.all[i].id].near >= 0 && d->raws.all[i].to + NEAR_AFTER > end)
                end = d->raws.all[i].to + NEAR_AFTER;
        status = scan_part(d, d->db[DB_NEAR], text, start, end < text.len ? end : text.len,
                           &d->near, err);
    }
    if (d->near.n > 1)
        qsort(d->near.all, d->near.n, sizeof *d->near.all, by_end);
    return status;
}

bool detect_near(const struct detect *d, int near, size_t from, size_t to)
{
    size_t least = from > NEAR_BEFORE ? from - NEAR_BEFORE : 0, low = 0, high = d->near.n;

    while (low < high) {
        size_t mid = (low + high) / 2;
        if (d->near.all[mid].to < least)
            low = mid + 1;
        else
            high = mid;
    }
    for (; low < d->near.n && d->near.all[low].to <= to + NEAR_AFTER; low++)
        if (d->near.all[low].id == KIND_COUNT + (unsigned)near &&
            (d->near.all[low].to <= from || d->near.all[low].to > to))
            return true;
    return false;
}

enum nigh_status detect_find(struct detect *d, struct slice text, struct nigh_err *err)
{
    raws_reset(&d->raws);
    enum nigh_status status = find_words(d, text, err);
    if (status == NIGH_OK)
        status = find_ats(d, text, err);
    if (status == NIGH_OK)
        status = find_digits(d, text, err);
    if (status == NIGH_OK)
        status = find_streets(d, text, err);
    if (status != NIGH_OK)
        return status;
    if (d->raws.n > 1)
        qsort(d->raws.all, d->raws.n, sizeof *d->raws.all, by_place);
    return find_near(d, text, err);
}
