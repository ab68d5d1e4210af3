#include "label/extend.h"
#include "base/err.h"
#include "label/address.h"
#include <string.h>

enum { NAME_WORDS_MAX = 5, WORD_BYTES_MAX = 40, NUMBER_DIGITS_MAX = 6 };

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_word(char c)
{
    return (c | 32) >= 'a' ? (c | 32) <= 'z' || c & 0x80
                           : is_digit(c) || c == '\'' || c == '.' || c == '-' || c & 0x80;
}

/* The word that ends at `end`: where it begins; end itself when there is none. */
static size_t word_start(struct slice text, size_t end)
{
    size_t at = end;

    while (at > 0 && end - at < WORD_BYTES_MAX && is_word(text.p[at - 1]))
        at--;
    return at;
}

static size_t word_end(struct slice text, size_t start)
{
    size_t at = start;

    while (at < text.len && at - start < WORD_BYTES_MAX && is_word(text.p[at]))
        at++;
    return at;
}

/* A house number: digits first, at most a letter behind. */
static bool is_number(struct slice text, size_t from, size_t to)
{
    size_t digits = 0;

    if (to > from && text.p[to - 1] == '.')
        to--;
    while (from + digits < to && is_digit(text.p[from + digits]))
        digits++;
    size_t rest = to - from - digits;
    return digits > 0 && digits <= NUMBER_DIGITS_MAX && rest <= 2 && (rest == 0 || digits <= 4);
}

/* Over one separator backwards: a space or a comma and a space. */
static size_t skip_back(struct slice text, size_t at)
{
    size_t start = at;

    while (at > 0 && start - at < 2 && (text.p[at - 1] == ' ' || text.p[at - 1] == ','))
        at--;
    return at;
}

static size_t skip_on(struct slice text, size_t at)
{
    size_t start = at;

    while (at < text.len && at - start < 2 && (text.p[at] == ' ' || text.p[at] == ','))
        at++;
    return at;
}

static bool is_capital(struct slice text, size_t at)
{
    return (text.p[at] >= 'A' && text.p[at] <= 'Z') || text.p[at] & 0x80;
}

static bool number_after(struct slice text, size_t *to)
{
    size_t start = skip_on(text, *to), end = word_end(text, start);

    if (start == *to || end == start || !is_number(text, start, end))
        return false;
    *to = end - (text.p[end - 1] == '.');
    return true;
}

/* Back over the capital words before `at`; at itself when there are none. */
static size_t name_start(struct slice text, size_t at)
{
    for (int words = 0; words < NAME_WORDS_MAX; words++) {
        size_t start = at > 0 && text.p[at - 1] == ' ' ? word_start(text, at - 1) : at;
        if (start >= at - 1 || !is_capital(text, start))
            break;
        at = start;
    }
    return at;
}

/* 12 Elm Street, 4 Rue de la Paix: up to five words back to a number.  Via Roma 12 Street. */
static bool street_after(struct slice text, size_t *from, size_t *to)
{
    size_t at = *from;

    for (int words = 0; words <= NAME_WORDS_MAX; words++) {
        size_t end = skip_back(text, at), start = word_start(text, end);
        if (end == at || start == end)
            return false;
        if (is_number(text, start, end)) {
            *from = words > 0 ? start : name_start(text, start);
            return *from < start || words > 0;
        }
        if (!is_capital(text, start) && words > 0 && end - start > 3)
            return false; /* a name's words are capital but for the small ones within */
        at = start;
    }
    return false;
}

/* Rue de la Paix 12; 12 rue de la Paix. */
static bool street_before(struct slice text, size_t *from, size_t *to)
{
    size_t at = *to, last = 0, end = skip_back(text, *from), start = word_start(text, end);
    bool number = end < *from && start < end && is_number(text, start, end);

    for (int words = 0; words < NAME_WORDS_MAX; words++) {
        size_t begin = skip_on(text, at), stop = word_end(text, begin);
        if (stop == begin || (begin == at && at != *to))
            break;
        if (is_number(text, begin, stop)) {
            *to = stop - (text.p[stop - 1] == '.');
            *from = number ? start : *from;
            return words > 0;
        }
        if (begin > at && text.p[at] == ',')
            break; /* the town */
        if (is_capital(text, begin))
            last = stop;
        else if (stop - begin > 4)
            break;
        at = stop;
    }
    if (!number || last == 0)
        return false;
    *from = start;
    *to = last - (text.p[last - 1] == '.');
    return true;
}

/* Hauptstrasse 12; 12 Hauptstrasse. */
static bool street_glued(struct slice text, size_t *from, size_t *to)
{
    size_t start = word_start(text, *to), end = skip_back(text, start),
           before = word_start(text, end);

    if (!is_capital(text, start))
        return false;
    *from = start;
    bool number = end < start && before < end && is_number(text, before, end);
    if (number)
        *from = before;
    return number_after(text, to) || number;
}

bool extend_token(struct slice text, size_t *from, size_t *to)
{
    while (*to < text.len &&
           ((text.p[*to] | 32) >= 'a'
                ? (text.p[*to] | 32) <= 'z'
                : is_digit(text.p[*to]) || (text.p[*to] && strchr("+/_=.~-", text.p[*to]))))
        ++*to;
    while (*to > *from && text.p[*to - 1] == '.')
        --*to; /* the end of a sentence */
    return true;
}

/* RFC 7468: from BEGIN to the hyphens that close END; without an END to the end of its base64. */
static bool pem(struct slice text, size_t *from, size_t *to)
{
    static const char end[] = "-----END ";
    const char *found = memmem(text.p + *to, text.len - *to, end, sizeof end - 1);

    if (found) {
        size_t at = (size_t)(found - text.p) + sizeof end - 1;
        const char *close = memmem(text.p + at, text.len - at, "-----", 5);
        *to = close ? (size_t)(close - text.p) + 5 : text.len;
        return true;
    }
    while (*to < text.len && (is_word(text.p[*to]) || strchr("\n\r+/=", text.p[*to])))
        ++*to;
    return true;
}

extend_fn *extend_find(const char *name)
{
    static const struct {
        const char *name;
        extend_fn *fn;
    } rows[] = {{"street_after", street_after},
                {"street_before", street_before},
                {"street_glued", street_glued},
                {"address_plain", address_plain},
                {"pem", pem}};

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (strcmp(name, rows[i].name) == 0)
            return rows[i].fn;
    return NULL;
}
