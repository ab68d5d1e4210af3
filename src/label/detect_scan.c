#include "base/clock.h"
#include "label/address.h"
#include "label/detect_own.h"

#include <stdlib.h>
#include <string.h>

enum {
    NEAR_BONUS = 25,
    SURE = 99,
    SCORE_WORD = 90,
    SCORE_BLOCK = 92, /* a whole address: surer than the towns and numbers within */
};

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

/* Within a sentence an address is one; in the head of a letter its parts are told one by one. */
static enum nigh_status add_address(struct detect *d, const struct address *a,
                                    const struct mapping *m, struct nigh_err *err)
{
    static const struct {
        const char *type;
        enum detect_group group;
    } kinds_of[] = {[ADDRESS_STREET] = {"STREET_ADDRESS", DETECT_ADDRESS},
                    [ADDRESS_TOWN] = {"GPE", DETECT_ADDRESS},
                    [ADDRESS_CODE] = {"ZIP_CODE", DETECT_ADDRESS}};
    const struct address_part whole = {a->start, a->end, ADDRESS_STREET};
    const struct address_part *part = a->lines ? a->part : &whole;
    enum nigh_status status = NIGH_OK;

    for (unsigned i = 0; i < (a->lines ? a->n : 1) && status == NIGH_OK; i++) {
        struct span span = mapped(m, part[i].start, part[i].end);
        span.type = kinds_of[part[i].kind].type;
        span.group = kinds_of[part[i].kind].group;
        span.score = SCORE_BLOCK;
        status = spans_add(&d->found, span, err);
    }
    return status;
}

/* Is it what its row says?  Moves from and to over the whole of it; 0: no, else how sure. */
static unsigned worth(struct detect *d, struct slice text, unsigned id, size_t *from, size_t *to)
{
    const struct kind *kind = &kinds[id];

    if (d->grow[id] && !d->grow[id](text, from, to))
        return 0;
    if (kind->group == DETECT_SECRET)
        extend_token(text, from, to);
    if (d->check[id] && !checksum_ok(d->check[id], (struct slice){text.p + *from, *to - *from}))
        return 0;
    if (kind->near < 0)
        return kind->score;
    bool near = detect_near(d, kind->near, *from, *to);
    if (kind->must)
        return near ? kind->score : 0;
    unsigned more = near ? NEAR_BONUS : 0;
    return kind->score + more < SURE ? kind->score + more : SURE;
}

/* Even with a word near, is it too unsure for a joined view? */
static bool hopeless(const struct kind *kind)
{
    return kind->score + (kind->near >= 0 && !kind->must ? NEAR_BONUS : 0) < HIDDEN_LEAST;
}

/* *ret: it was what its row says. */
static enum nigh_status judge(struct detect *d, struct slice text, const struct raw *raw,
                              const struct mapping *m, bool *ret, struct nigh_err *err)
{
    const struct kind *kind = &kinds[raw->id];
    size_t from = raw->from, to = raw->to;
    unsigned score = m->hidden && hopeless(kind) ? 0 : worth(d, text, raw->id, &from, &to);
    struct address address;

    *ret = score > 0;
    if (score > 0 && d->street[raw->id] && address_read(&address, text, from, to))
        return add_address(d, &address, m, err);
    if (score == 0 || (m->hidden && score < HIDDEN_LEAST))
        return NIGH_OK;
    struct span span = mapped(m, from, to);
    span.type = kind->type;
    span.group = kind->group;
    span.score = score;
    return spans_add(&d->found, span, err);
}

/* Of one kind from one place the longest that is right counts. */
static enum nigh_status judge_all(struct detect *d, struct slice text, const struct mapping *m,
                                  struct nigh_err *err)
{
    enum nigh_status status = NIGH_OK;
    const struct raw *right = NULL;

    for (size_t i = 0; i < d->raws.n && status == NIGH_OK; i++) {
        const struct raw *raw = &d->raws.all[i];
        bool ok;
        if (right && right->from == raw->from && right->id == raw->id)
            continue;
        status = judge(d, text, raw, m, &ok, err);
        right = ok ? raw : right;
        if (i % 4096 == 4095 && status == NIGH_OK && detect_late(d))
            status = detect_over(err);
    }
    return status;
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
    enum nigh_status status = detect_find(d, text, err);

    if (status == NIGH_OK)
        status = judge_all(d, text, m, err);
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
            return detect_too_much(err);
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

/* The clock is a system call, and a name takes some microseconds. */
enum { NAMES_BETWEEN_LOOKS = 64 };

static enum nigh_status scan_names(struct detect *d, struct slice text, struct nigh_err *err)
{
    struct slice head = {text.p,
                         text.len < DETECT_NAMES_BYTES_MAX ? text.len : DETECT_NAMES_BYTES_MAX};
    struct span name;
    size_t n = 0;
    enum nigh_status status = NIGH_OK;

    names_read(d->names, head);
    while (status == NIGH_OK && names_next(d->names, &name)) {
        status = spans_add(&d->found, name, err);
        if (++n % NAMES_BETWEEN_LOOKS == 0 && status == NIGH_OK && detect_late(d))
            status = detect_over(err);
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
        return detect_too_much(err);
    d->due_us = budget_us ? clock_thread_us() + budget_us : 0;
    d->found.n = 0;
    enum nigh_status status = scan_all(d, text, names, err);
    return status == NIGH_OK ? spans_settle(ret, &d->found, text, err) : status;
}

enum nigh_status detect_scan(struct detect *d, struct slice text, uint64_t budget_us,
                             struct spans *ret, struct nigh_err *err)
{
    return detect_scan_as(d, text, budget_us, d->names != NULL, ret, err);
}
