/* A trie of all needles whose nodes know their longest proper suffix that is a node too (`suffix`)
 * and the longest that is a whole needle (`shorter`).  Children are a list: few nodes but the root
 * have more than one, and the root has a table. */
#include "label/needles.h"

enum { NONE = -1, ROOT = 0 };

struct node {
    int32_t child, sibling; /* NONE: no more */
    int32_t suffix;         /* the root's is itself */
    int32_t shorter;        /* NONE: no needle ends here that is shorter than this node */
    int32_t needle;         /* that ends here; NONE: none */
    unsigned char byte;     /* that leads here */
};

struct needles {
    const struct needle *all;
    struct node *nodes;
    int32_t n_nodes;
    int32_t first[256]; /* the root's children by byte; ROOT: none */
};

/* More needles that end at one byte and were each no word there: the next counts as found, so that
 * work stays linear in the text. */
enum { REJECTS_MAX = 16 };

bool is_word_byte(char c)
{
    unsigned char low = (unsigned char)c | 0x20;

    return (low >= 'a' && low <= 'z') || (c >= '0' && c <= '9');
}

/* ---- building ---- */

static int32_t child_of(const struct needles *d, int32_t at, unsigned char byte)
{
    int32_t i = d->nodes[at].child;

    while (i != NONE && d->nodes[i].byte != byte)
        i = d->nodes[i].sibling;
    return i;
}

static int32_t child_new(struct needles *d, int32_t at, unsigned char byte)
{
    int32_t i = d->n_nodes++;

    d->nodes[i] = (struct node){.child = NONE,
                                .sibling = d->nodes[at].child,
                                .shorter = NONE,
                                .needle = NONE,
                                .byte = byte};
    d->nodes[at].child = i;
    return i;
}

static void plant(struct needles *d, int32_t needle)
{
    struct slice s = d->all[needle].text;
    int32_t at = ROOT;

    for (size_t i = 0; i < s.len; i++) {
        unsigned char byte = (unsigned char)s.p[i];
        int32_t next = at == ROOT ? d->first[byte] : child_of(d, at, byte);
        if (next == NONE || next == ROOT) {
            next = child_new(d, at, byte);
            if (at == ROOT)
                d->first[byte] = next;
        }
        at = next;
    }
    if (d->nodes[at].needle == NONE)
        d->nodes[at].needle = needle;
}

/* The node for the text of `at` and one byte more, without the bytes at its beginning that keep it
 * from being one. */
static int32_t step(const struct needles *d, int32_t at, unsigned char byte)
{
    while (at != ROOT) {
        int32_t next = child_of(d, at, byte);
        if (next != NONE)
            return next;
        at = d->nodes[at].suffix;
    }
    return d->first[byte];
}

static void link_child(struct needles *d, int32_t parent, int32_t i)
{
    struct node *node = &d->nodes[i];

    node->suffix = parent == ROOT ? ROOT : step(d, d->nodes[parent].suffix, d->nodes[i].byte);
    const struct node *suffix = &d->nodes[node->suffix];
    node->shorter = suffix->needle != NONE ? node->suffix : suffix->shorter;
}

/* By breadth: a node's suffix is nearer to the root than the node. */
static void link_all(struct needles *d, int32_t *queue)
{
    int32_t head = 0, tail = 0;

    queue[tail++] = ROOT;
    while (head < tail) {
        int32_t parent = queue[head++];
        for (int32_t i = d->nodes[parent].child; i != NONE; i = d->nodes[i].sibling) {
            link_child(d, parent, i);
            queue[tail++] = i;
        }
    }
}

enum nigh_status needles_new(struct needles **ret, const struct needle *all, size_t n,
                             struct arena *arena, struct nigh_err *err)
{
    struct needles *d = arena_calloc(arena, 1, sizeof *d);
    size_t nodes = 1;

    for (size_t i = 0; i < n; i++) {
        if (all[i].text.len > NEEDLES_NODES_MAX - nodes)
            return nigh_fail(err, NIGH_TOOBIG, "more than %d bytes of private values",
                             NEEDLES_NODES_MAX);
        nodes += all[i].text.len;
    }
    int32_t *queue = arena_alloc(arena, nodes * sizeof *queue);
    if (d)
        d->nodes = arena_alloc(arena, nodes * sizeof *d->nodes);
    if (!d || !d->nodes || !queue)
        return nigh_fail(err, NIGH_NOMEM, "no memory for the private values of this turn");
    d->all = all;
    d->nodes[d->n_nodes++] = (struct node){.child = NONE, .shorter = NONE, .needle = NONE};
    for (size_t i = 0; i < n; i++)
        plant(d, (int32_t)i);
    link_all(d, queue);
    *ret = d;
    return NIGH_OK;
}

/* ---- finding ---- */

static size_t length(const struct found *f)
{
    return f->end - f->start;
}

static bool room_for_one(struct founds *f)
{
    if (f->n < f->cap)
        return true;
    size_t cap = f->cap ? 2 * f->cap : 16;
    struct found *all = arena_grow(f->arena, f->all, f->cap * sizeof *f->all, cap * sizeof *f->all);
    if (!all) {
        f->failed = true;
        return false;
    }
    f->all = all;
    f->cap = cap;
    return true;
}

void founds_add(struct founds *founds, const struct found *found)
{
    struct found joined = *found, longest = *found;

    while (founds->n > 0 && founds->all[founds->n - 1].end > joined.start) {
        const struct found *last = &founds->all[--founds->n];
        if (length(last) > length(&longest))
            longest = *last;
        joined.start = last->start < joined.start ? last->start : joined.start;
        joined.end = last->end > joined.end ? last->end : joined.end;
    }
    joined.needle = longest.needle;
    if (room_for_one(founds))
        founds->all[founds->n++] = joined;
}

static bool is_word_here(const struct needle *needle, struct slice text, size_t start, size_t end)
{
    if (needle->word_begins && start > 0 && is_word_byte(text.p[start - 1]))
        return false;
    return !needle->word_ends || end == text.len || !is_word_byte(text.p[end]);
}

/* The longest needle that ends here; shorter ones are within it. */
static void found_at(const struct needles *d, int32_t at, struct slice text, size_t end,
                     struct founds *ret)
{
    int rejects = 0;

    if (d->nodes[at].needle == NONE)
        at = d->nodes[at].shorter;
    for (; at != NONE; at = d->nodes[at].shorter) {
        size_t i = (size_t)d->nodes[at].needle, start = end - d->all[i].text.len;
        if (!is_word_here(&d->all[i], text, start, end) && ++rejects <= REJECTS_MAX)
            continue;
        founds_add(ret, &(struct found){.start = start, .end = end, .needle = i});
        return;
    }
}

void needles_find(const struct needles *d, struct slice text, struct founds *ret)
{
    int32_t at = ROOT;

    ret->n = 0;
    ret->failed = false;
    for (size_t i = 0; i < text.len && !ret->failed; i++) {
        while (at == ROOT && i + 1 < text.len && d->first[(unsigned char)text.p[i]] == ROOT)
            i++; /* most of a text begins no needle */
        at = step(d, at, (unsigned char)text.p[i]);
        if (at != ROOT)
            found_at(d, at, text, i + 1, ret);
    }
}
