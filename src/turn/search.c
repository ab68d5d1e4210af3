#include "turn/search.h"

#include "base/clock.h"
#include <stdlib.h>

enum {
    ROLES = ROLE_TOOL + 1,
    LOOK_BYTES = 16 << 10, /* between two looks at the clock: half a millisecond */
    LOOK_TEXT_BYTES = 64,  /* a text costs as much as so many of its bytes, besides them */
};

/* The last bytes that were said in one chain of texts. */
struct tail {
    char bytes[DETECT_BORDER_BYTES];
    size_t len;
};

struct reading {
    struct search *search;
    struct detect *detect;
    const struct turn *turn;
    const struct search_spec *spec;
    uint64_t due_us; /* of the thread's clock */
    size_t since_look;
    struct tail all, role[ROLES];
    struct tail before; /* of the session: for the last message too, whatever stands between */
    uint32_t last_user; /* message; TEXT_NOWHERE: none, or it was read */
};

static void tail_add(struct tail *tail, struct slice text)
{
    size_t kept = 0;

    if (text.len >= DETECT_BORDER_BYTES) {
        text.p += text.len - DETECT_BORDER_BYTES;
        text.len = DETECT_BORDER_BYTES;
    } else {
        kept =
            DETECT_BORDER_BYTES - text.len < tail->len ? DETECT_BORDER_BYTES - text.len : tail->len;
        memmove(tail->bytes, tail->bytes + tail->len - kept, kept);
    }
    if (text.len > 0)
        memcpy(tail->bytes + kept, text.p, text.len);
    tail->len = kept + text.len;
}

/* Without the rest of a character that was cut. */
static struct slice tail_slice(const struct tail *tail)
{
    size_t from = 0;

    while (from < tail->len && ((unsigned char)tail->bytes[from] & 0xc0) == 0x80)
        from++;
    return (struct slice){tail->bytes + from, tail->len - from};
}

static bool fail(struct reading *r, enum nigh_status status, struct text_at at)
{
    r->search->failed = status;
    r->search->failed_at = at;
    return false;
}

static bool add_find(struct reading *r, const struct span *span, struct slice text, bool border,
                     struct text_at at)
{
    struct search *s = r->search;

    if (r->spec->policy[span->group] == DETECT_ALLOW)
        return true;
    if (s->n == SEARCH_FINDS_MAX)
        return fail(r, NIGH_TOOBIG, at);
    if (s->n == s->cap) {
        size_t cap = s->cap ? 2 * s->cap : 16;
        struct find *more = realloc(s->finds, cap * sizeof *more);
        if (!more)
            return fail(r, NIGH_NOMEM, at);
        s->finds = more;
        s->cap = cap;
    }
    s->finds[s->n++] =
        (struct find){at, span->type, span->group, border, text, span->start, span->end};
    return true;
}

static bool is_space(char c)
{
    return c == ' ' || c == '\n' || c == '\t' || c == '\r';
}

/* Could what lies at this side of the border be a piece of a value?  Sure kinds hold digits or an
 * @, and if they hold blanks, then between short groups of which no two in a row are letters alone
 * (GB82 WEST 1234).  So the group at the border is looked at, and the next ones while they are
 * such. step: 1 from the beginning of text, -1 from its end. */
static bool may_be_piece(struct slice text, int step)
{
    enum { GROUP_MAX = 4 };
    size_t n = text.len < DETECT_BORDER_BYTES ? text.len : DETECT_BORDER_BYTES;
    size_t letters = 0;     /* of this group, while it holds nothing else */
    bool bare_last = false; /* the group before was letters alone */

    for (size_t i = 0; i < n; i++) {
        char c = step > 0 ? text.p[i] : text.p[text.len - 1 - i];
        if ((unsigned char)(c - '0') < 10 || c == '@')
            return true;
        if (!is_space(c)) {
            letters++;
            continue;
        }
        if (letters > GROUP_MAX || (letters > 0 && bare_last))
            return false;
        bare_last |= letters > 0;
        letters = 0;
    }
    return false;
}

/* Most borders of prose are not, and reading one costs as much as reading a page. */
static bool worth_reading(struct slice before, struct slice after)
{
    return may_be_piece(before, -1) || may_be_piece(after, 1);
}

/* Both sides of the border in one text of the search's own, for who asks for the value. */
static struct slice join(struct reading *r, struct slice before, struct slice after)
{
    size_t n = after.len < DETECT_BORDER_BYTES ? after.len : DETECT_BORDER_BYTES;
    char *p = arena_alloc(&r->search->arena, before.len + n + 1);

    if (!p)
        return (struct slice){0};
    memcpy(p, before.p, before.len);
    memcpy(p + before.len, after.p, n);
    return (struct slice){p, before.len + n};
}

static bool read_border(struct reading *r, const struct tail *tail, struct slice text,
                        struct text_at at)
{
    struct slice before = tail_slice(tail), joined;
    struct spans *spans = &r->search->spans;

    if (before.len == 0 || !worth_reading(before, text))
        return true;
    enum nigh_status status = detect_border(r->detect, before, text, spans, NULL);
    if (status != NIGH_OK)
        return fail(r, status, at);
    if (spans->n == 0)
        return true;
    if (!(joined = join(r, before, text)).p)
        return fail(r, NIGH_NOMEM, at);
    for (size_t i = 0; i < spans->n; i++)
        if (!add_find(r, &spans->all[i], joined, true, at))
            return false;
    return true;
}

static bool same(const struct tail *a, const struct tail *b)
{
    return a->len == b->len && memcmp(a->bytes, b->bytes, a->len) == 0;
}

/* With what stood before it, by anybody and by the same role. */
static bool read_borders(struct reading *r, struct slice text, struct text_at at)
{
    struct tail *role =
        at.message == TEXT_NOWHERE ? NULL : &r->role[r->turn->messages[at.message].role];

    if (role && at.message == r->last_user) {
        r->last_user = TEXT_NOWHERE;
        if (!same(&r->before, &r->all) && !same(&r->before, role) &&
            !read_border(r, &r->before, text, at))
            return false;
    }
    if (!read_border(r, &r->all, text, at) ||
        (role && !same(role, &r->all) && !read_border(r, role, text, at)))
        return false;
    tail_add(&r->all, text);
    if (role)
        tail_add(role, text);
    return true;
}

/* The thread's clock is a system call, up to some microseconds: looked at once in so many bytes. */
static bool look_due(struct reading *r, size_t bytes)
{
    r->since_look += bytes + LOOK_TEXT_BYTES;
    if (r->since_look < LOOK_BYTES)
        return false;
    r->since_look = 0;
    return true;
}

/* 0: nothing. */
static uint64_t left_of_budget(const struct reading *r)
{
    uint64_t now = clock_thread_us();

    return now < r->due_us ? r->due_us - now : 0;
}

static bool read_text(struct reading *r, struct slice text, struct text_at at)
{
    struct spans *spans = &r->search->spans;
    uint64_t left_us = 0; /* a short text has no budget of its own */

    if (look_due(r, text.len) && !(left_us = left_of_budget(r)))
        return fail(r, NIGH_TIMEOUT, at);
    enum nigh_status status = detect_scan(r->detect, text, left_us, spans, NULL);
    if (status != NIGH_OK)
        return fail(r, status, at);
    for (size_t i = 0; i < spans->n; i++)
        if (!add_find(r, &spans->all[i], text, at.kind == TEXT_HEADER, at))
            return false;
    return (at.kind != TEXT_WORDS && at.kind != TEXT_JSON) || read_borders(r, text, at);
}

/* Numbers stood in the arguments' text, which was read before. */
static bool on_string(void *owner, struct slice text, struct text_at at)
{
    return at.kind == TEXT_NUMBER || read_text(owner, text, at);
}

/* As it stands too: a number is no string. */
static bool read_arguments(struct reading *r, struct slice text, struct text_at at)
{
    yyjson_val *root;
    struct text_at words = at;

    words.kind = TEXT_NAME; /* its own borders are those of its strings */
    if (json_parse(&root, text, &r->search->arena, NULL) != NIGH_OK) {
        words.kind = TEXT_WORDS; /* no JSON after all: words */
        return read_text(r, text, words);
    }
    return read_text(r, text, words) && turn_each_string(root, at, on_string, r);
}

static bool on_text(void *owner, struct slice text, struct text_at at)
{
    struct reading *r = owner;

    if (at.kind == TEXT_NUMBER && !(text = arena_dup(&r->search->arena, text)).p)
        return fail(r, NIGH_NOMEM, at); /* a find's text outlives this call */
    return at.kind == TEXT_JSON ? read_arguments(r, text, at) : read_text(r, text, at);
}

void search_turn(struct search *search, struct detect *detect, const struct turn *turn,
                 const struct search_spec *spec)
{
    struct reading r = {.search = search,
                        .detect = detect,
                        .turn = turn,
                        .spec = spec,
                        .due_us = clock_thread_us() + spec->budget_us,
                        .last_user = TEXT_NOWHERE};

    search->n = 0;
    search->failed = NIGH_OK;
    arena_done(&search->arena);
    arena_init(&search->arena, SEARCH_ARENA_MAX);
    for (size_t i = 0; i < turn->n_messages; i++)
        if (turn->messages[i].role == ROLE_USER)
            r.last_user = (uint32_t)i;
    tail_add(&r.before, spec->before);
    r.all = r.role[ROLE_USER] = r.before;
    turn_each_text_at(turn, on_text, &r);
    search->n_said = r.role[ROLE_USER].len;
    memcpy(search->said, r.role[ROLE_USER].bytes, search->n_said);
}

void search_done(struct search *search)
{
    free(search->finds);
    spans_done(&search->spans);
    arena_done(&search->arena);
    *search = (struct search){0};
}

struct slice find_value(const struct find *find)
{
    return (struct slice){find->text.p + find->start, find->end - find->start};
}
