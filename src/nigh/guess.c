#include "nigh/guess.h"
#include "base/clock.h"
#include "base/log.h"

static bool same(const struct address *a, const struct address *b)
{
    return memcmp(a->net, b->net, sizeof a->net) == 0;
}

static size_t row_of(const struct guesses *g, const struct address *from)
{
    size_t i = 0;

    while (i < g->n && !same(&g->row[i].from, from))
        i++;
    return i;
}

/* A free one, or that of whoever guessed longest ago. */
static size_t row_new(struct guesses *g, const struct address *from)
{
    size_t at = 0;

    if (g->n < GUESSERS_MAX)
        at = g->n++;
    else
        for (size_t i = 1; i < g->n; i++)
            if (g->row[i].bucket.empty_us < g->row[at].bucket.empty_us)
                at = i;
    g->row[at].from = *from;
    g->row[at].bucket = (struct bucket){0};
    return at;
}

bool guesses_left(const struct guesses *g, const struct address *from, uint64_t *ret_wait_ms)
{
    size_t i = row_of(g, from);

    return i == g->n ||
           bucket_fits(&g->row[i].bucket, GUESSES_MAX, GUESSES_US, clock_mono_us(), ret_wait_ms);
}

bool guesses_add(struct guesses *g, const struct address *from, uint64_t *ret_wait_ms)
{
    size_t i = row_of(g, from);

    if (i == g->n)
        i = row_new(g, from);
    if (bucket_take(&g->row[i].bucket, GUESSES_MAX, GUESSES_US, clock_mono_us(), ret_wait_ms))
        return true;
    log_at(LOG_WARN, "accept", "too many wrong keys from one address");
    return false;
}
