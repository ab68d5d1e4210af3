#include "label/detect.h"

#include "base/clock.h"
#include "detect-dbs.h"
#include "label/checksum.h"
#include "label/detect_kind.h"
#include "label/extend.h"
#include "label/hs.h"
#include "label/tagger.h"
#include "label/unwrap.h"

#include <stdlib.h>
#include <string.h>

/* ---- groups ---- */

const char *detect_group_text(enum detect_group group)
{
#define GROUP_TEXT(name, word, policy) word,
    static const char *const texts[] = {DETECT_GROUPS(GROUP_TEXT)};
#undef GROUP_TEXT
    return texts[group];
}

bool detect_group_find(enum detect_group *ret, struct slice word)
{
    for (unsigned i = 0; i < DETECT_GROUP_COUNT; i++)
        if (slice_is(word, detect_group_text(i))) {
            *ret = i;
            return true;
        }
    return false;
}

enum detect_policy detect_policy_default(enum detect_group group)
{
#define GROUP_POLICY(name, word, policy) DETECT_##policy,
    static const enum detect_policy policies[] = {DETECT_GROUPS(GROUP_POLICY)};
#undef GROUP_POLICY
    return policies[group];
}

/* ---- life ---- */

/* A match of Hyperscan's, before its check. */
struct raw {
    uint32_t from, to;
    unsigned id;
};
struct raws {
    struct raw *all;
    size_t n, cap;
    bool failed; /* too many, or no memory */
};

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
    HIDDEN_LEAST =
        78, /* in a joined view chance neighbours meet: only what is sure of itself counts */
    SCORE_WORD = 90,
};

struct detect {
    const struct hs *hs;
    hs_database_t *db[DB_COUNT], *words_db;
    hs_scratch_t *scratch;
    const struct checksum *check[KIND_COUNT];
    extend_fn *grow[KIND_COUNT];
    const char **word_types;
    bool names;
    struct tagger *tagger;
    /* scratch of one scan */
    struct raws raws, words;
    struct raw *near; /* hits of near words, by end */
    size_t n_near, near_cap;
    struct fold fold, view;
    struct unwrap_runs runs;
    struct spans found; /* before overlaps are settled */
    uint64_t due_us;    /* 0: no budget */
};

/* Hyperscan's form of the table, made by detect_build when nigh was built. */
extern const char detect_dbs[], detect_dbs_end[];
__asm__(".section .rodata\n.balign 64\n.global detect_dbs\ndetect_dbs:\n.incbin \"" DETECT_DBS_FILE
        "\"\n"
        ".global detect_dbs_end\ndetect_dbs_end:\n.byte 0\n.previous\n");

static enum nigh_status compile_db(struct detect *d, enum detect_db which, struct nigh_err *err)
{
    struct detect_patterns *p = malloc(sizeof *p);
    hs_compile_error_t *why = NULL;

    if (!p)
        return nigh_fail(err, NIGH_NOMEM, "detect: out of memory");
    detect_patterns(p, which, HS_FLAG_SOM_LEFTMOST);
    bool ok = d->hs->compile_multi(p->text, p->flags, p->id, p->n, HS_MODE_BLOCK, NULL,
                                   &d->db[which], &why) == HS_SUCCESS;
    free(p);
    if (ok)
        return NIGH_OK;
    nigh_fail(err, NIGH_UNSUPPORTED, "detect: %.160s",
              why ? why->message : "the patterns do not compile");
    if (why)
        d->hs->free_compile_error(why);
    return NIGH_UNSUPPORTED;
}

/* What another version of Hyperscan made is compiled again. */
static enum nigh_status load_dbs(struct detect *d, struct nigh_err *err)
{
    const char *at = detect_dbs;

    for (unsigned i = 0; i < DB_COUNT; i++) {
        uint64_t len;
        memcpy(&len, at, sizeof len);
        at += sizeof len;
        if (d->hs->deserialize_database(at, len, &d->db[i]) != HS_SUCCESS &&
            compile_db(d, i, err) != NIGH_OK)
            return NIGH_UNSUPPORTED;
        at += len;
    }
    return NIGH_OK;
}

/* The user's words as patterns: what a pattern would read as more than a letter is escaped. */
static char *word_pattern(const char *word)
{
    CLEANUP(buf_done) struct buf out = {0};
    struct slice text = slice_of(word);
    bool left = text.len > 0 && !(text.p[0] & 0x80),
         right = text.len > 0 && !(text.p[text.len - 1] & 0x80);

    buf_add_cstr(&out, left ? "\\b" : "");
    for (size_t i = 0; i < text.len; i++) {
        if (!(text.p[i] & 0x80) && strchr("\\^$.|?*+()[]{}/ -#", text.p[i]))
            buf_add_char(&out, '\\');
        buf_add_char(&out, text.p[i]);
    }
    buf_add_cstr(&out, right ? "\\b" : "");
    return out.failed || text.len == 0 ? NULL : strdup(out.data);
}

static enum nigh_status compile_words(struct detect *d, const struct detect_spec *spec, char **text,
                                      unsigned *flags, unsigned *id, struct nigh_err *err)
{
    hs_compile_error_t *why = NULL;

    for (size_t i = 0; i < spec->n_words; i++) {
        text[i] = word_pattern(spec->words[i].text);
        if (!text[i])
            return nigh_fail(err, NIGH_INVALID, "detect: word %zu is empty", i + 1);
        flags[i] = HS_FLAG_CASELESS | HS_FLAG_SOM_LEFTMOST;
        id[i] = (unsigned)i;
        d->word_types[i] = spec->words[i].type;
    }
    if (d->hs->compile_multi((const char *const *)text, flags, id, (unsigned)spec->n_words,
                             HS_MODE_BLOCK, NULL, &d->words_db, &why) == HS_SUCCESS)
        return NIGH_OK;
    nigh_fail(err, NIGH_INVALID, "detect: word %d: %.120s", why ? why->expression + 1 : 0,
              why ? why->message : "does not compile");
    if (why)
        d->hs->free_compile_error(why);
    return NIGH_INVALID;
}

static enum nigh_status load_words(struct detect *d, const struct detect_spec *spec,
                                   struct nigh_err *err)
{
    if (spec->n_words == 0)
        return NIGH_OK;
    if (spec->n_words > DETECT_WORDS_MAX)
        return nigh_fail(err, NIGH_TOOBIG, "detect: more than %d words", DETECT_WORDS_MAX);
    char **text = calloc(spec->n_words, sizeof *text);
    unsigned *flags = calloc(spec->n_words, sizeof *flags), *id = calloc(spec->n_words, sizeof *id);
    enum nigh_status status = NIGH_NOMEM;

    d->word_types = calloc(spec->n_words, sizeof *d->word_types);
    if (text && flags && id && d->word_types)
        status = compile_words(d, spec, text, flags, id, err);
    else
        nigh_fail(err, NIGH_NOMEM, "detect: out of memory");
    for (size_t i = 0; text && i < spec->n_words; i++)
        free(text[i]);
    free(text);
    free(flags);
    free(id);
    return status;
}

static enum nigh_status load(struct detect *d, const struct detect_spec *spec, struct nigh_err *err)
{
    enum nigh_status status = hs_load(&d->hs, err);

    if (status == NIGH_OK)
        status = load_dbs(d, err);
    if (status == NIGH_OK)
        status = load_words(d, spec, err);
    if (status == NIGH_OK && spec->names)
        status = tagger_new(&d->tagger, err);
    if (status != NIGH_OK)
        return status;
    for (size_t i = 0; i < KIND_COUNT; i++) {
        d->check[i] = kinds[i].check ? checksum_find(slice_of(kinds[i].check)) : NULL;
        d->grow[i] = kinds[i].check ? extend_find(kinds[i].check) : NULL;
        if (kinds[i].check && !d->check[i] && !d->grow[i])
            return nigh_fail(err, NIGH_INVALID, "data/detect.tsv: no check is named %s",
                             kinds[i].check);
    }
    bool ok = !d->words_db || d->hs->alloc_scratch(d->words_db, &d->scratch) == HS_SUCCESS;
    for (size_t i = 0; i < DB_COUNT && ok; i++)
        ok = d->hs->alloc_scratch(d->db[i], &d->scratch) == HS_SUCCESS;
    return ok ? NIGH_OK : nigh_fail(err, NIGH_NOMEM, "detect: no memory to scan with");
}

enum nigh_status detect_new(struct detect **ret, const struct detect_spec *spec,
                            struct nigh_err *err)
{
    struct detect *d = calloc(1, sizeof *d);

    if (!d)
        return nigh_fail(err, NIGH_NOMEM, "detect: out of memory");
    enum nigh_status status = load(d, spec, err);
    if (status == NIGH_OK)
        *ret = d;
    else
        detect_free(d);
    return status;
}

struct detect *detect_free(struct detect *d)
{
    if (!d)
        return NULL;
    if (d->hs) {
        d->hs->free_scratch(d->scratch);
        for (size_t i = 0; i < DB_COUNT; i++)
            d->hs->free_database(d->db[i]);
        d->hs->free_database(d->words_db);
    }
    tagger_free(d->tagger);
    fold_done(&d->fold);
    fold_done(&d->view);
    unwrap_runs_done(&d->runs);
    spans_done(&d->found);
    free(d->raws.all);
    free(d->words.all);
    free(d->near);
    free(d->word_types);
    free(d);
    return NULL;
}

void spans_done(struct spans *spans)
{
    free(spans->all);
    *spans = (struct spans){0};
}

/* ---- one scan ---- */

/* Grown by doubling; false: no memory. */
static bool grow(void **all, size_t *cap, size_t n, size_t size)
{
    if (n < *cap)
        return true;
    size_t more = *cap ? 2 * *cap : 64;
    void *p = realloc(*all, more * size);
    if (!p)
        return false;
    *all = p;
    *cap = more;
    return true;
}

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

    if (r->n >= 16 * DETECT_SPANS_MAX || !grow((void **)&r->all, &r->cap, r->n, sizeof *r->all)) {
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
    return d->due_us && clock_mono_us() > d->due_us;
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
        if (!grow((void **)&d->words.all, &d->words.cap, d->words.n, sizeof *d->words.all))
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
        if (!grow((void **)&d->near, &d->near_cap, d->n_near, sizeof *d->near))
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

static enum nigh_status add_span(struct detect *d, struct span span, struct nigh_err *err)
{
    if (d->found.n >= 4 * DETECT_SPANS_MAX)
        return too_much(err);
    if (!grow((void **)&d->found.all, &d->found.cap, d->found.n, sizeof *d->found.all))
        return nigh_fail(err, NIGH_NOMEM, "detect: out of memory");
    d->found.all[d->found.n++] = span;
    return NIGH_OK;
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
    return add_span(d, span, err);
}

static enum nigh_status scan_words(struct detect *d, struct slice text, const struct mapping *m,
                                   struct nigh_err *err)
{
    raws_reset(&d->words);
    enum nigh_status status = scan_part(d, d->words_db, text, 0, text.len, &d->words, err);

    for (size_t i = 0; i < d->words.n && status == NIGH_OK; i++) {
        struct span span = mapped(m, d->words.all[i].from, d->words.all[i].to);
        span.type = d->word_types[d->words.all[i].id];
        span.group = DETECT_CONTACT;
        span.score = SCORE_WORD;
        status = add_span(d, span, err);
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
    if (status == NIGH_OK && d->words_db)
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

/* ---- overlaps ---- */

static int by_worth(const void *a, const void *b)
{
    const struct span *x = a, *y = b;
    size_t x_len = x->end - x->start, y_len = y->end - y->start;

    if (x->score != y->score)
        return x->score > y->score ? -1 : 1;
    if (x_len != y_len)
        return x_len > y_len ? -1 : 1;
    return x->start < y->start ? -1 : x->start > y->start;
}

static int by_start(const void *a, const void *b)
{
    const struct span *x = a, *y = b;

    return x->start < y->start ? -1 : x->start > y->start;
}

/* The surer one first, then the longer; what overlaps one that was taken is left out. */
static enum nigh_status settle(struct detect *d, size_t len, struct spans *ret,
                               struct nigh_err *err)
{
    uint64_t *taken = d->found.n ? calloc(len / 64 + 1, sizeof *taken) : NULL;

    ret->n = 0;
    if (d->found.n == 0)
        return NIGH_OK;
    if (!taken)
        return nigh_fail(err, NIGH_NOMEM, "detect: out of memory");
    qsort(d->found.all, d->found.n, sizeof *d->found.all, by_worth);
    for (size_t i = 0; i < d->found.n; i++) {
        struct span span = d->found.all[i];
        size_t at = span.start;
        while (at < span.end && !(taken[at / 64] >> at % 64 & 1))
            at++;
        if (at < span.end || span.start == span.end)
            continue;
        for (size_t k = span.start; k < span.end; k++)
            taken[k / 64] |= UINT64_C(1) << k % 64;
        if (ret->n >= DETECT_SPANS_MAX ||
            !grow((void **)&ret->all, &ret->cap, ret->n, sizeof *ret->all)) {
            free(taken);
            ret->n = 0;
            return too_much(err);
        }
        ret->all[ret->n++] = span;
    }
    free(taken);
    qsort(ret->all, ret->n, sizeof *ret->all, by_start);
    return NIGH_OK;
}

static enum nigh_status scan_names(struct detect *d, struct slice text, struct nigh_err *err)
{
    struct slice head = {text.p,
                         text.len < DETECT_NAMES_BYTES_MAX ? text.len : DETECT_NAMES_BYTES_MAX};
    struct tagged name;
    enum nigh_status status = NIGH_OK;

    tagger_read(d->tagger, head);
    while (status == NIGH_OK && tagger_next(d->tagger, &name)) {
        status = add_span(
            d, (struct span){name.start, name.end, name.type, name.group, name.score, false}, err);
        if (status == NIGH_OK && late(d))
            status = over(err);
    }
    return status;
}

static enum nigh_status scan_all(struct detect *d, struct slice text, struct nigh_err *err)
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
    if (status == NIGH_OK && d->tagger)
        status = scan_names(d, text, err);
    return status;
}

enum nigh_status detect_scan(struct detect *d, struct slice text, uint64_t budget_us,
                             struct spans *ret, struct nigh_err *err)
{
    ret->n = 0;
    if (text.len > DETECT_BYTES_MAX)
        return too_much(err);
    d->due_us = budget_us ? clock_mono_us() + budget_us : 0;
    d->found.n = 0;
    enum nigh_status status = scan_all(d, text, err);
    return status == NIGH_OK ? settle(d, text.len, ret, err) : status;
}
