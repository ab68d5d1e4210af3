#include "base/clock.h"
#include "label/detect_own.h"

#include <stdlib.h>
#include <string.h>

enum {
    CHUNK_BYTES = 64 << 10, /* scanned between two looks at the clock: under a millisecond */
    OVERLAP_BYTES =
        1024, /* a match that a chunk's end cuts is seen whole in the next, up to so long */
    WINDOW_DIGIT = 96, /* about a digit: the longest number with its separators, and NEAR_BEFORE */
    WINDOW_BEFORE = 320,
    WINDOW_AFTER = 320, /* about a trigger: a secret's longest pattern that ends there */
    NEAR_BEFORE = 64,
    NEAR_AFTER = 32, /* bytes between a value and a word that belongs to it; a guess that
                        spans a line of a form */
    NEAR_BONUS = 25,
    SURE = 99,
    SCORE_WORD = 90,
};

/* Where the chunk begins that is being scanned. */
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

static enum nigh_status over(struct nigh_err *err)
{
    return nigh_fail(err, NIGH_TIMEOUT, "the search for private data passed its budget");
}

static enum nigh_status too_much(struct nigh_err *err)
{
    return nigh_fail(err, NIGH_TOOBIG, "too much in this text looks private");
}

static bool late(const struct detect *d)
{
    return d->due_us && clock_thread_us() > d->due_us;
}

/* From start to end; adds to raws.  Chunks overlap: what is found twice is settled with the other
 * overlaps. */
static enum nigh_status scan_part(struct detect *d, const hs_database_t *db, struct slice text,
                                  size_t start, size_t end, struct raws *raws, struct nigh_err *err)
{
    struct scan s = {raws, 0};

    for (size_t at = start; at < end; at += CHUNK_BYTES) {
        s.base = at >= start + OVERLAP_BYTES ? at - OVERLAP_BYTES : start;
        size_t stop = end - at > CHUNK_BYTES ? at + CHUNK_BYTES : end;
        hs_error_t status = d->hs->scan(db, text.p + s.base, (unsigned)(stop - s.base), 0,
                                        d->scratch, on_match, &s);
        if (raws->failed || (status != HS_SUCCESS && status != HS_SCAN_TERMINATED))
            return too_much(err);
        if (late(d))
            return over(err);
    }
    return NIGH_OK;
}

static void raws_reset(struct raws *raws)
{
    raws->n = 0;
    raws->failed = false;
}

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

/* Windows about the digits, merged where they touch. */
static enum nigh_status scan_digits(struct detect *d, struct slice text, struct nigh_err *err)
{
    size_t at = next_digit(text, 0), done = 0;
    enum nigh_status status = NIGH_OK;

    while (at < text.len && status == NIGH_OK) {
        size_t start = at > WINDOW_DIGIT + done ? at - WINDOW_DIGIT : done, end = at + WINDOW_DIGIT;
        while ((at = next_digit(text, at + 1)) < text.len && at <= end + WINDOW_DIGIT &&
               end - start < 16 * CHUNK_BYTES)
            end = at + WINDOW_DIGIT;
        end = end < text.len ? end : text.len;
        status = scan_part(d, d->db[DB_DIGIT], text, start, end, &d->raws, err);
        done = end > OVERLAP_BYTES ? end - OVERLAP_BYTES : 0;
        if (at < text.len && at > end)
            done = end;
    }
    return status;
}

static int by_end(const void *a, const void *b);

/* About every @: as if a trigger had ended there. */
static bool add_ats(struct detect *d, struct slice text)
{
    const char *at = text.len ? memchr(text.p, '@', text.len) : NULL;
    size_t before = d->words.n;

    for (; at; at = memchr(at + 1, '@', text.len - (size_t)(at + 1 - text.p))) {
        if (!spans_room((void **)&d->words.all, &d->words.cap, d->words.n, sizeof *d->words.all))
            return false;
        uint32_t end = (uint32_t)(at - text.p) + 1;
        d->words.all[d->words.n++] = (struct raw){0, end, 0};
        if (at + 1 == text.p + text.len)
            break;
    }
    if (before > 0 && d->words.n > before)
        qsort(d->words.all, d->words.n, sizeof *d->words.all, by_end);
    return true;
}

/* The triggers say where a closer look is worth it. */
static enum nigh_status scan_triggers(struct detect *d, struct slice text, struct nigh_err *err)
{
    enum nigh_status status;

    raws_reset(&d->words);
    status = scan_part(d, d->db[DB_TRIGGER], text, 0, text.len, &d->words, err);
    if (status == NIGH_OK && !add_ats(d, text))
        return nigh_fail(err, NIGH_NOMEM, "detect: out of memory");
    for (size_t i = 0; i < d->words.n && status == NIGH_OK;) {
        size_t to = d->words.all[i].to, start = to > WINDOW_BEFORE ? to - WINDOW_BEFORE : 0,
               end = to + WINDOW_AFTER;
        while (++i < d->words.n && d->words.all[i].to <= end + WINDOW_BEFORE)
            end = d->words.all[i].to + WINDOW_AFTER;
        status = scan_part(d, d->db[DB_WORD], text, start, end < text.len ? end : text.len,
                           &d->raws, err);
    }
    return status;
}

static int by_end(const void *a, const void *b)
{
    const struct raw *x = a, *y = b;

    return x->to < y->to ? -1 : x->to > y->to;
}

/* The hits of near words move to a list of their own, ordered by where they end. */
static bool split_near(struct detect *d)
{
    size_t kept = 0;
    bool ordered = true;

    d->n_near = 0;
    for (size_t i = 0; i < d->raws.n; i++) {
        struct raw raw = d->raws.all[i];
        if (raw.id < KIND_COUNT) {
            d->raws.all[kept++] = raw;
            continue;
        }
        if (!spans_room((void **)&d->near, &d->near_cap, d->n_near, sizeof *d->near))
            return false;
        ordered &= d->n_near == 0 || d->near[d->n_near - 1].to <= raw.to;
        d->near[d->n_near++] = raw;
    }
    d->raws.n = kept;
    if (!ordered)
        qsort(d->near, d->n_near, sizeof *d->near, by_end);
    return true;
}

/* Is one of the words `near` about from..to?  (Hits tell only where they end.) */
static bool word_near(const struct detect *d, int near, size_t from, size_t to)
{
    size_t least = from > NEAR_BEFORE ? from - NEAR_BEFORE : 0, low = 0, high = d->n_near;

    while (low < high) {
        size_t mid = (low + high) / 2;
        if (d->near[mid].to < least)
            low = mid + 1;
        else
            high = mid;
    }
    for (; low < d->n_near && d->near[low].to <= to + NEAR_AFTER; low++)
        if (d->near[low].id == KIND_COUNT + (unsigned)near &&
            (d->near[low].to <= from || d->near[low].to > to))
            return true;
    return false;
}

/* How a view's bytes stand for the text's. */
struct mapping {
    const uint32_t *from, *until; /* NULL: the same */
    bool hidden;
};

static struct span mapped(const struct mapping *m, size_t from, size_t to)
{
    struct span span = {.start = from, .end = to, .hidden = m->hidden};

    if (m->from) {
        span.start = m->from[from];
        span.end = m->until ? m->until[to - 1] : m->from[to];
    }
    return span;
}

/* What is not shown at the end of a match belongs to what follows: from[to] may lie behind it. */
static enum nigh_status judge(struct detect *d, struct slice text, const struct raw *raw,
                              const struct mapping *m, struct nigh_err *err)
{
    const struct kind *kind = &kinds[raw->id];
    size_t from = raw->from, to = raw->to;
    unsigned score = kind->score;

    if (d->grow[raw->id] && !d->grow[raw->id](text, &from, &to))
        return NIGH_OK;
    if (kind->group == DETECT_SECRET)
        extend_token(text, &from, &to);
    if (d->check[raw->id] &&
        !checksum_ok(d->check[raw->id], (struct slice){text.p + from, to - from}))
        return NIGH_OK;
    if (kind->near >= 0) {
        bool near = word_near(d, kind->near, from, to);
        if (kind->must && !near)
            return NIGH_OK;
        if (!kind->must && near)
            score = score + NEAR_BONUS < SURE ? score + NEAR_BONUS : SURE;
    }
    if (m->hidden && score < HIDDEN_LEAST)
        return NIGH_OK;
    struct span span = mapped(m, from, to);
    span.type = kind->type;
    span.group = kind->group;
    span.score = score;
    return spans_add(&d->found, span, err);
}

static enum nigh_status scan_words(struct detect *d, struct slice text, const struct mapping *m,
                                   struct nigh_err *err)
{
    const struct detect_word_hit *hits;
    size_t n = 0;
    enum nigh_status status = detect_words_find(d->own, text, &hits, &n, err);

    for (size_t i = 0; i < n && status == NIGH_OK; i++) {
        struct span span = mapped(m, hits[i].start, hits[i].end);
        span.type = hits[i].type;
        span.group = DETECT_CONTACT;
        span.score = SCORE_WORD;
        status = spans_add(&d->found, span, err);
    }
    return status;
}

static enum nigh_status scan_view(struct detect *d, struct slice text, const struct mapping *m,
                                  struct nigh_err *err)
{
    enum nigh_status status;

    raws_reset(&d->raws);
    status = scan_triggers(d, text, err);
    if (status == NIGH_OK)
        status = scan_digits(d, text, err);
    if (status == NIGH_OK && !split_near(d))
        status = nigh_fail(err, NIGH_NOMEM, "detect: out of memory");
    for (size_t i = 0; i < d->raws.n && status == NIGH_OK; i++) {
        status = judge(d, text, &d->raws.all[i], m, err);
        if (i % 4096 == 4095 && status == NIGH_OK && late(d))
            status = over(err);
    }
    if (status == NIGH_OK && d->own)
        status = scan_words(d, text, m, err);
    return status;
}

/* ---- views ---- */

static enum unwrap view_runs(struct detect *d, struct slice text, struct mapping *m)
{
    enum unwrap got = unwrap_runs(&d->runs, text);

    *m = (struct mapping){d->runs.view.from, d->runs.until, true};
    return got;
}

/* Every way of hiding; a view of the folded text stands for what that stands for. */
static enum nigh_status scan_views(struct detect *d, struct slice text, const uint32_t *from,
                                   struct nigh_err *err)
{
    static enum unwrap (*const ways[])(struct fold * view, struct slice text) = {
        unwrap_percent, unwrap_entities, unwrap_spaced, unwrap_lines};
    struct mapping m = {.hidden = true};
    enum nigh_status status = NIGH_OK;

    for (size_t i = 0; i <= ARRAY_LEN(ways) && status == NIGH_OK; i++) {
        struct fold *view = i < ARRAY_LEN(ways) ? &d->view : &d->runs.view;
        enum unwrap got = i < ARRAY_LEN(ways) ? ways[i](view, text) : view_runs(d, text, &m);
        if (got == UNWRAP_TOO_MUCH)
            return too_much(err);
        if (got == UNWRAP_NOMEM)
            return nigh_fail(err, NIGH_NOMEM, "detect: out of memory");
        if (got == UNWRAP_NONE)
            continue;
        if (i < ARRAY_LEN(ways))
            m = (struct mapping){view->from, NULL, true};
        for (size_t k = 0; from && k <= view->len; k++) {
            view->from[k] = from[view->from[k]];
            if (m.until && k < view->len)
                d->runs.until[k] = from[d->runs.until[k]];
        }
        status = scan_view(d, (struct slice){view->text, view->len}, &m, err);
    }
    return status;
}

static enum nigh_status scan_names(struct detect *d, struct slice text, struct nigh_err *err)
{
    struct slice head = {text.p,
                         text.len < DETECT_NAMES_BYTES_MAX ? text.len : DETECT_NAMES_BYTES_MAX};
    struct tagged name;
    enum nigh_status status = NIGH_OK;

    tagger_read(d->tagger, head);
    while (status == NIGH_OK && tagger_next(d->tagger, &name)) {
        status = spans_add(
            &d->found,
            (struct span){name.start, name.end, name.type, name.group, name.score, false}, err);
        if (status == NIGH_OK && late(d))
            status = over(err);
    }
    return status;
}

static enum nigh_status scan_all(struct detect *d, struct slice text, bool names,
                                 struct nigh_err *err)
{
    bool folded = fold_needed(text);
    struct mapping m = {0};
    struct slice read = text;

    if (folded) {
        if (!fold_text(&d->fold, text))
            return nigh_fail(err, NIGH_NOMEM, "detect: out of memory");
        m.from = d->fold.from;
        read = (struct slice){d->fold.text, d->fold.len};
    }
    enum nigh_status status = scan_view(d, read, &m, err);
    if (status == NIGH_OK)
        status = scan_views(d, read, m.from, err);
    if (status == NIGH_OK && names)
        status = scan_names(d, text, err);
    return status;
}

enum nigh_status detect_scan_as(struct detect *d, struct slice text, uint64_t budget_us, bool names,
                                struct spans *ret, struct nigh_err *err)
{
    ret->n = 0;
    if (text.len > DETECT_BYTES_MAX)
        return too_much(err);
    d->due_us = budget_us ? clock_thread_us() + budget_us : 0;
    d->found.n = 0;
    enum nigh_status status = scan_all(d, text, names, err);
    return status == NIGH_OK ? spans_settle(ret, &d->found, text, err) : status;
}

enum nigh_status detect_scan(struct detect *d, struct slice text, uint64_t budget_us,
                             struct spans *ret, struct nigh_err *err)
{
    return detect_scan_as(d, text, budget_us, d->tagger != NULL, ret, err);
}
