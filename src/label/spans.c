#include "label/spans.h"
#include <stdlib.h>
#include <string.h>

void spans_done(struct spans *spans)
{
    free(spans->all);
    *spans = (struct spans){0};
}

bool spans_room(void **all, size_t *cap, size_t n, size_t size)
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

static enum nigh_status append(struct spans *to, struct span span, size_t most,
                               struct nigh_err *err)
{
    if (to->n >= most)
        return nigh_fail(err, NIGH_TOOBIG, "too much in this text looks private");
    if (!spans_room((void **)&to->all, &to->cap, to->n, sizeof *to->all))
        return nigh_fail(err, NIGH_NOMEM, "detect: out of memory");
    to->all[to->n++] = span;
    return NIGH_OK;
}

enum nigh_status spans_add(struct spans *found, struct span span, struct nigh_err *err)
{
    return append(found, span, 4 * (size_t)DETECT_SPANS_MAX, err);
}

static int by_worth(const void *a, const void *b)
{
    const struct span *x = a, *y = b;
    size_t x_len = x->end - x->start, y_len = y->end - y->start;

    if (x->score != y->score)
        return x->score > y->score ? -1 : 1;
    if (x->hidden != y->hidden)
        return x->hidden ? 1 : -1;
    if (x_len != y_len)
        return x_len > y_len ? -1 : 1;
    return x->start < y->start ? -1 : x->start > y->start;
}

static int by_start(const void *a, const void *b)
{
    const struct span *x = a, *y = b;

    return x->start < y->start ? -1 : x->start > y->start;
}

/* ---- a bit for every byte of the text: is it in a span that was taken? ---- */

static bool is_taken(const uint64_t *taken, size_t at)
{
    return taken[at / 64] >> at % 64 & 1;
}

static void take(uint64_t *taken, size_t from, size_t to)
{
    for (; from < to && from % 64; from++)
        taken[from / 64] |= UINT64_C(1) << from % 64;
    for (; to - from >= 64; from += 64)
        taken[from / 64] = UINT64_MAX;
    for (; from < to; from++)
        taken[from / 64] |= UINT64_C(1) << from % 64;
}

/* The first byte from `at` on that is taken (or is not), or end; whole words are passed over. */
static size_t next(const uint64_t *taken, bool wanted, size_t at, size_t end)
{
    uint64_t none = wanted ? 0 : UINT64_MAX;

    while (at < end && is_taken(taken, at) != wanted)
        at += at % 64 == 0 && taken[at / 64] == none ? 64 : 1;
    return at < end ? at : end;
}

static bool is_edge(char c)
{
    return c == ' ' || c == '\n' || c == '\t' || c == '\r' ||
           (c && strchr(",.;:!?()[]{}<>\"'-/|", c));
}

/* What is left of a span that others were taken out of. */
static enum nigh_status add_rest(struct spans *ret, struct span span, struct slice text,
                                 struct nigh_err *err)
{
    while (span.start < span.end && is_edge(text.p[span.start]))
        span.start++;
    while (span.end > span.start && is_edge(text.p[span.end - 1]))
        span.end--;
    return span.start < span.end ? append(ret, span, DETECT_SPANS_MAX, err) : NIGH_OK;
}

static enum nigh_status settle_one(struct spans *ret, const struct span *span, uint64_t *taken,
                                   struct slice text, struct nigh_err *err)
{
    size_t at = next(taken, false, span->start, span->end), end;
    enum nigh_status status = NIGH_OK;

    if (span->hidden && at > span->start)
        return NIGH_OK; /* what stands there openly, with the next line's first word */
    for (; at < span->end && status == NIGH_OK; at = next(taken, false, end, span->end)) {
        struct span part = *span;
        end = next(taken, true, at, span->end);
        part.start = at;
        part.end = end;
        take(taken, at, end);
        bool whole = at == span->start && end == span->end;
        status = whole ? append(ret, part, DETECT_SPANS_MAX, err) : add_rest(ret, part, text, err);
    }
    return status;
}

enum nigh_status spans_settle(struct spans *ret, struct spans *found, struct slice text,
                              struct nigh_err *err)
{
    uint64_t *taken = found->n ? calloc(text.len / 64 + 1, sizeof *taken) : NULL;
    enum nigh_status status = NIGH_OK;

    ret->n = 0;
    if (found->n == 0)
        return NIGH_OK;
    if (!taken)
        return nigh_fail(err, NIGH_NOMEM, "detect: out of memory");
    qsort(found->all, found->n, sizeof *found->all, by_worth);
    for (size_t i = 0; i < found->n && status == NIGH_OK; i++)
        status = settle_one(ret, &found->all[i], taken, text, err);
    free(taken);
    if (status != NIGH_OK)
        ret->n = 0;
    else if (ret->n > 0)
        qsort(ret->all, ret->n, sizeof *ret->all, by_start);
    return status;
}
