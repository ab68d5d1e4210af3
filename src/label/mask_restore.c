/* The way back.  What may be the beginning of a placeholder is held; when it turns out to be none
 * its first byte is told and the rest read anew, since it may hold the beginning of another. */
#include "label/mask_inside.h"
#include <stdlib.h>

static int by_name(const void *a, const void *b)
{
    const struct entry *x = *(struct entry *const *)a, *y = *(struct entry *const *)b;

    return strcmp(x->name, y->name);
}

/* Placeholders may have come since: a second place was asked, a call's arguments were masked. */
static bool sort(struct mask *m)
{
    if (m->n_sorted == m->n_entries)
        return true;
    struct entry **all = arena_alloc(m->arena, m->n_entries * sizeof(struct entry *));
    if (!all)
        return false;
    memcpy(all, m->entries, m->n_entries * sizeof(struct entry *));
    qsort(all, m->n_entries, sizeof(struct entry *), by_name);
    m->sorted = all;
    m->n_sorted = m->n_entries;
    return true;
}

/* The first entry whose placeholder begins so; NULL: none does. */
static const struct entry *begins(const struct mask *m, const char *p, size_t len)
{
    size_t low = 0, high = m->n_sorted;

    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (strncmp(m->sorted[mid]->name, p, len) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    const struct entry *e = low < m->n_sorted ? m->sorted[low] : NULL;
    return e && strncmp(e->name, p, len) == 0 ? e : NULL;
}

void restore_init(struct restore *r, struct mask *mask, bool json)
{
    *r = (struct restore){.mask = mask, .json = json};
}

static void let_go(struct restore *r, struct buf *out)
{
    buf_add(out, r->held, r->n_held);
    r->n_held = 0;
}

static void put_back(struct restore *r, const struct entry *e, struct buf *out)
{
    if (r->literal)
        buf_add(out, r->held, r->n_held);
    else if (r->json && !e->mark)
        add_escaped(out, e->value);
    else
        buf_add_str(out, e->text);
    r->n_held = 0;
}

static bool may_begin(const struct restore *r, char c)
{
    return c == '[' || (r->mask->numbers && (c == '"' || c == '\\'));
}

static void feed(struct restore *r, char c, struct buf *out);

/* What is held is no placeholder. */
static void read_anew(struct restore *r, struct buf *out)
{
    char rest[MASK_HOLD_MAX];
    size_t n = r->n_held - 1;

    memcpy(rest, r->held + 1, n);
    buf_add_char(out, r->held[0]);
    r->n_held = 0;
    for (size_t i = 0; i < n; i++)
        feed(r, rest[i], out);
}

static void feed(struct restore *r, char c, struct buf *out)
{
    const struct entry *e = NULL;

    if (r->n_held == 0 && !may_begin(r, c)) {
        buf_add_char(out, c);
        return;
    }
    r->held[r->n_held++] = c;
    if (c != '\0')
        e = begins(r->mask, r->held, r->n_held);
    if (!e)
        read_anew(r, out);
    else if (e->name_len == r->n_held)
        put_back(r, e, out);
}

/* The first byte from p on that may begin a placeholder, or end. */
static const char *next_begin(const struct restore *r, const char *p, const char *end)
{
    const char *open;

    if (!r->mask->numbers) {
        open = memchr(p, '[', (size_t)(end - p));
        return open ? open : end;
    }
    while (p < end && !may_begin(r, *p))
        p++;
    return p;
}

enum nigh_status restore_text(struct restore *r, struct slice piece, struct buf *out,
                              struct nigh_err *err)
{
    const char *p = piece.p, *end = p ? p + piece.len : p;

    if (!sort(r->mask))
        return nigh_fail(err, NIGH_NOMEM, "no memory to put back private values");
    while (p < end) {
        if (r->n_held == 0) {
            const char *next = next_begin(r, p, end);
            buf_add(out, p, (size_t)(next - p));
            p = next;
        }
        if (p < end)
            feed(r, *p++, out);
    }
    return out->failed ? nigh_fail(err, NIGH_NOMEM, "no memory to put back private values")
                       : NIGH_OK;
}

enum nigh_status restore_end(struct restore *r, struct buf *out, struct nigh_err *err)
{
    while (r->n_held > 0 && r->held[0] != '[') /* no quotes come behind it any more */
        read_anew(r, out);
    const struct entry *e = r->n_held > 0 ? begins(r->mask, r->held, r->n_held) : NULL;
    if (e && r->n_held > (size_t)e->name_len - MASK_TAG_CHARS - 1)
        return nigh_fail(err, NIGH_UPSTREAM,
                         "the answer ends inside the placeholder of a private value");
    let_go(r, out);
    return out->failed ? nigh_fail(err, NIGH_NOMEM, "no memory to put back private values")
                       : NIGH_OK;
}
