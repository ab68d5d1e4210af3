#include "label/unwrap.h"
#include "base/err.h" /* ARRAY_LEN */
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

static bool is_space(char c)
{
    return c == ' ' || c == '\n' || c == '\t' || c == '\r';
}

static void put(struct fold *view, char c, size_t from)
{
    view->text[view->len] = c;
    view->from[view->len++] = (uint32_t)from;
}

static enum unwrap end_view(struct fold *view, struct slice text)
{
    view->text[view->len] = '\0';
    view->from[view->len] = (uint32_t)text.len;
    return UNWRAP_VIEW;
}

static bool percent_at(struct slice text, size_t i)
{
    return text.p[i] == '%' && i + 2 < text.len && hex_value(text.p[i + 1]) >= 0 &&
           hex_value(text.p[i + 2]) >= 0;
}

enum unwrap unwrap_percent(struct fold *view, struct slice text)
{
    const char *first = text.len ? memchr(text.p, '%', text.len) : NULL;
    bool any = false;

    if (!first)
        return UNWRAP_NONE;
    if (!fold_room(view, text.len))
        return UNWRAP_NOMEM;
    view->len = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (!percent_at(text, i)) {
            put(view, text.p[i], i);
            continue;
        }
        any = true;
        put(view, (char)(hex_value(text.p[i + 1]) << 4 | hex_value(text.p[i + 2])), i);
        i += 2;
    }
    return any ? end_view(view, text) : UNWRAP_NONE;
}

/* &#64; &#x40; and the names that could stand in private data (HTML, named character references).
 */
static size_t entity_at(struct slice text, size_t i, char *ret)
{
    static const struct {
        const char *name;
        char c;
    } names[] = {{"&commat;", '@'}, {"&period;", '.'}, {"&nbsp;", ' '},   {"&amp;", '&'},
                 {"&colon;", ':'},  {"&sol;", '/'},    {"&lowbar;", '_'}, {"&hyphen;", '-'},
                 {"&plus;", '+'},   {"&quot;", '"'},   {"&apos;", '\''},  {"&equals;", '='},
                 {"&num;", '#'}};
    unsigned value = 0;
    size_t at = i + 2;

    for (size_t n = 0; n < ARRAY_LEN(names); n++) {
        size_t len = strlen(names[n].name);
        if (text.len - i >= len && memcmp(text.p + i, names[n].name, len) == 0) {
            *ret = names[n].c;
            return len;
        }
    }
    if (text.len - i < 4 || text.p[i + 1] != '#')
        return 0;
    bool hex = (text.p[at] | 32) == 'x';
    for (at += hex; at < text.len && at - i < 10 && text.p[at] != ';'; at++) {
        int digit = hex_value(text.p[at]);
        if (digit < 0 || (!hex && digit > 9))
            break;
        value = value * (hex ? 16 : 10) + (unsigned)digit;
    }
    if (value < ' ' || value > '~')
        return 0;
    *ret = (char)value;
    return at - i + (at < text.len && text.p[at] == ';');
}

static bool any_entity(struct slice text)
{
    const char *end = text.p + text.len;
    char c;

    for (const char *at = text.p; at < end && (at = memchr(at, '&', (size_t)(end - at))); at++)
        if (entity_at(text, (size_t)(at - text.p), &c) > 0)
            return true;
    return false;
}

enum unwrap unwrap_entities(struct fold *view, struct slice text)
{
    bool any = false;

    if (!any_entity(text))
        return UNWRAP_NONE;
    if (!fold_room(view, text.len))
        return UNWRAP_NOMEM;
    view->len = 0;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.p[i];
        size_t len = c == '&' ? entity_at(text, i, &c) : 0;
        put(view, c, i);
        any |= len > 0;
        i += len > 0 ? len - 1 : 0;
    }
    return any ? end_view(view, text) : UNWRAP_NONE;
}

/* How many characters stand alone from i on: "4 1 1 1" has four.  Ends behind the last. */
static size_t alone(struct slice text, size_t i, size_t *ret_end)
{
    size_t n = 0;

    while (i < text.len && !is_space(text.p[i]) && (i + 1 == text.len || is_space(text.p[i + 1]))) {
        n++;
        *ret_end = i + 1;
        i += 2;
    }
    return n;
}

enum { SPACED_LEAST = 6 };

/* Of eight bytes those up to a blank: 0x80 in each. */
static uint64_t blanks(const char *p)
{
    uint64_t word;

    memcpy(&word, p, sizeof word);
    return ~((word & UINT64_C(0x7f7f7f7f7f7f7f7f)) + UINT64_C(0x5f5f5f5f5f5f5f5f)) & ~word &
           UINT64_C(0x8080808080808080);
}

/* Could SPACED_LEAST characters stand alone in a row somewhere?  Eight places at a time, since of
 * most texts not. */
static bool may_be_spaced(struct slice text)
{
    enum { STEP = 8, REACH = 2 * (SPACED_LEAST - 2) };
    size_t i = 0;

    for (; i + STEP + REACH <= text.len; i += STEP)
        if (blanks(text.p + i) & ~blanks(text.p + i + 1) & blanks(text.p + i + 2) &
            ~blanks(text.p + i + 3) & blanks(text.p + i + 4) & blanks(text.p + i + 6) &
            blanks(text.p + i + REACH))
            return true;
    for (; i + REACH < text.len; i++)
        if (is_space(text.p[i]) && is_space(text.p[i + 2]) && is_space(text.p[i + 4]))
            return true;
    return false;
}

enum unwrap unwrap_spaced(struct fold *view, struct slice text)
{
    bool any = false, start = true;

    if (!may_be_spaced(text))
        return UNWRAP_NONE;
    if (!fold_room(view, text.len))
        return UNWRAP_NOMEM;
    view->len = 0;
    for (size_t i = 0; i < text.len; i++) {
        size_t end = i;
        if (start && !is_space(text.p[i]) && alone(text, i, &end) >= SPACED_LEAST) {
            for (size_t k = i; k < end; k += 2)
                put(view, text.p[k], k);
            any = true;
            i = end - 1;
            start = false;
            continue;
        }
        start = is_space(text.p[i]);
        put(view, text.p[i], i);
    }
    return any ? end_view(view, text) : UNWRAP_NONE;
}

static size_t token_start(struct slice text, size_t end)
{
    size_t at = end;

    while (at > 0 && end - at < 128 && !is_space(text.p[at - 1]))
        at--;
    return at;
}

static size_t token_end(struct slice text, size_t start)
{
    size_t at = start;

    while (at < text.len && at - start < 128 && !is_space(text.p[at]))
        at++;
    return at;
}

/* Could the word that a line's end cuts be more than a word?  It holds a digit or one of @ _ or is
 * long. */
static bool worth_joining(struct slice text, size_t from, size_t to)
{
    for (size_t i = from; i < to; i++)
        if ((text.p[i] >= '0' && text.p[i] <= '9') || text.p[i] == '@' || text.p[i] == '_')
            return true;
    return to - from > 24;
}

/* Only what stands about the line's ends: the halves joined, one to a line. */
enum unwrap unwrap_lines(struct fold *view, struct slice text)
{
    bool any = false;

    view->len = 0;
    for (size_t i = 1; i + 1 < text.len; i++) {
        const char *next = memchr(text.p + i, '\n', text.len - i);
        if (!next || (size_t)(next - text.p) + 1 >= text.len)
            break;
        i = (size_t)(next - text.p);
        size_t after = i + 1, before = i - (text.p[i - 1] == '\r' && i > 1);
        if (is_space(text.p[before - 1]) || is_space(text.p[after]))
            continue;
        size_t from = token_start(text, before), to = token_end(text, after);
        if (!worth_joining(text, from, to))
            continue;
        if (!fold_room(view, view->len + (to - from) + 1))
            return UNWRAP_NOMEM;
        for (size_t k = from; k < to; k++)
            if (k < before || k >= after)
                put(view, text.p[k], k);
        put(view, '\n', to);
        any = true;
    }
    return any ? end_view(view, text) : UNWRAP_NONE;
}

/* ---- runs ---- */

void unwrap_runs_done(struct unwrap_runs *runs)
{
    fold_done(&runs->view);
    free(runs->until);
    free(runs->out);
    *runs = (struct unwrap_runs){0};
}

/* A table: this is asked of every byte of every text. */
static bool is_base64(char c)
{
#define RANGE(from, to) [from... to] = true
    static const bool set[256] = {RANGE('0', '9'), RANGE('a', 'z'), RANGE('A', 'Z'), ['+'] = true,
                                  ['/'] = true,    ['-'] = true,    ['_'] = true};
#undef RANGE
    return set[(unsigned char)c];
}

/* Does it read as text?  Control characters tell machine data. */
static bool is_text(const unsigned char *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (p[i] < ' ' ? !is_space((char)p[i]) : p[i] == 0x7f)
            return false;
    return n >= 6 && slice_utf8((struct slice){(const char *)p, n});
}

static size_t decode_hex(unsigned char *out, struct slice run)
{
    if (run.len % 2)
        return 0;
    for (size_t i = 0; i < run.len; i += 2) {
        int high = hex_value(run.p[i]), low = hex_value(run.p[i + 1]);
        if (high < 0 || low < 0)
            return 0;
        out[i / 2] = (unsigned char)(high << 4 | low);
    }
    return run.len / 2;
}

/* The run at any of the four offsets, since it may begin in the middle of a longer word. */
static size_t decode_base64(unsigned char *out, struct slice run)
{
    bool url = memchr(run.p, '-', run.len) || memchr(run.p, '_', run.len);
    int variant =
        url ? sodium_base64_VARIANT_URLSAFE_NO_PADDING : sodium_base64_VARIANT_ORIGINAL_NO_PADDING;

    for (size_t skip = 0; skip < 4 && skip + 8 <= run.len; skip++) {
        size_t len = run.len - skip, n = 0;
        if (len % 4 == 1)
            len--;
        const char *end = NULL;
        sodium_base642bin(out, run.len, run.p + skip, len, NULL, &n, &end, variant);
        if (n == 0 && len % 4) /* the last quantum's spare bits are not zero */
            sodium_base642bin(out, run.len, run.p + skip, len - len % 4, NULL, &n, &end, variant);
        if (is_text(out, n))
            return n;
    }
    return 0;
}

enum { RUN_LEAST = 12 };

static enum unwrap add_run(struct unwrap_runs *r, const unsigned char *p, size_t n, size_t from,
                           size_t to)
{
    size_t len = r->view.len + n + 1;

    if (len > UNWRAP_BYTES_MAX)
        return UNWRAP_TOO_MUCH;
    if (r->cap <= len) {
        uint32_t *until = realloc(r->until, 2 * len * sizeof *until);
        if (!until)
            return UNWRAP_NOMEM;
        r->until = until;
        r->cap = 2 * len;
    }
    if (!fold_room(&r->view, len))
        return UNWRAP_NOMEM;
    for (size_t i = 0; i <= n; i++) {
        r->until[r->view.len] = (uint32_t)to;
        put(&r->view, i < n ? (char)p[i] : '\n', from);
    }
    return UNWRAP_VIEW;
}

/* Long runs are code or data of a machine; what a person hides in one is within its first bytes. */
static enum unwrap try_run(struct unwrap_runs *r, struct slice text, size_t from, size_t to)
{
    struct slice run = {text.p + from, to - from};

    if (!r->out && !(r->out = calloc(1, UNWRAP_BYTES_MAX)))
        return UNWRAP_NOMEM;
    if (run.len > UNWRAP_BYTES_MAX)
        run.len = UNWRAP_BYTES_MAX;
    size_t n = decode_hex(r->out, run);
    if (!is_text(r->out, n))
        n = decode_base64(r->out, run);
    return n ? add_run(r, r->out, n, from, to) : UNWRAP_NONE;
}

/* The run about `at`, or less: of which at least RUN_LEAST bytes. */
static bool run_about(struct slice text, size_t least, size_t at, size_t *ret_from, size_t *ret_to)
{
    size_t from = at, to = at;

    while (from > least && is_base64(text.p[from - 1]))
        from--;
    while (to < text.len && is_base64(text.p[to]))
        to++;
    *ret_from = from;
    *ret_to = to;
    return to - from >= RUN_LEAST;
}

/* Words of letters alone are words up to a length that few have. */
static bool is_machines(struct slice run)
{
    for (size_t i = 0; i < run.len; i++)
        if (!((run.p[i] | 32) >= 'a' && (run.p[i] | 32) <= 'z'))
            return true;
    return run.len >= 16;
}

/* Every RUN_LEAST-th byte is looked at: no run stands between two. */
enum unwrap unwrap_runs(struct unwrap_runs *r, struct slice text)
{
    size_t found = 0, from, to = 0;

    r->view.len = 0;
    for (size_t i = RUN_LEAST - 1; i < text.len; i = (i > to ? i : to) + RUN_LEAST) {
        if (!is_base64(text.p[i]) || !run_about(text, to, i, &from, &to) ||
            !is_machines((struct slice){text.p + from, to - from}))
            continue;
        enum unwrap got = try_run(r, text, from, to);
        if (got == UNWRAP_TOO_MUCH || got == UNWRAP_NOMEM)
            return got;
        if (got == UNWRAP_VIEW && ++found > UNWRAP_RUNS_MAX)
            return UNWRAP_TOO_MUCH;
    }
    return found ? end_view(&r->view, text) : UNWRAP_NONE;
}
