#include "label/address.h"
#include "base/err.h"

enum {
    PARTS_MAX = 6,
    WORDS_MAX = 5, /* of a part: the longest common names of towns and states */
    WORD_BYTES_MAX = 40,
    BACK_WORDS_MAX = 8,
    ZIP_DIGITS_LEAST = 3,
    NUMBER_BYTES_MAX = 9,
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_upper(char c)
{
    return c >= 'A' && c <= 'Z';
}

static bool is_letter(char c)
{
    return ((c | 32) >= 'a' && (c | 32) <= 'z') || c & 0x80;
}

static bool in_word(char c)
{
    return is_letter(c) || is_digit(c) || c == '\'' || c == '-';
}

/* ---- words ---- */

enum word_kind { WORD_NONE, WORD_NUMBER, WORD_NAME, WORD_CODE, WORD_FLAT, WORD_SMALL, WORD_OTHER };

struct word {
    size_t start, end;
    enum word_kind kind;
};

static bool is_flat(struct slice word)
{
    static const char *const flats[] = {"apt",  "apartment", "suite", "ste",    "unit",
                                        "flat", "floor",     "box",   "postbox"};

    for (size_t i = 0; i < ARRAY_LEN(flats); i++)
        if (slice_ieq(word, slice_of(flats[i])))
            return true;
    return false;
}

static bool is_month(struct slice word)
{
    static const char *const months[] = {"january",   "february", "march",    "april",
                                         "may",       "june",     "july",     "august",
                                         "september", "october",  "november", "december"};

    for (size_t i = 0; i < ARRAY_LEN(months); i++)
        if (word.len >= 3 && slice_ieq(word, (struct slice){months[i], word.len}) &&
            word.len <= strlen(months[i]))
            return true;
    return false;
}

/* 12, 12b, 53-320; letters alone in capitals are a state's code. */
static enum word_kind kind_of(struct slice word)
{
    size_t digits = 0, letters = 0, uppers = 0;

    for (size_t i = 0; i < word.len; i++) {
        digits += is_digit(word.p[i]);
        letters += is_letter(word.p[i]);
        uppers += is_upper(word.p[i]);
    }
    if (word.len == 0 || is_month(word))
        return WORD_NONE;
    if (is_digit(word.p[0]))
        return letters <= 2 && word.len <= NUMBER_BYTES_MAX ? WORD_NUMBER : WORD_OTHER;
    if (is_flat(word))
        return WORD_FLAT;
    if (digits > 0)
        return uppers == letters && word.len <= 4 ? WORD_CODE : WORD_OTHER; /* SW1A */
    if (uppers == word.len && word.len <= 3)
        return WORD_CODE;
    if (is_upper(word.p[0]) || word.p[0] & 0x80)
        return WORD_NAME;
    return word.len <= 3 || slice_is(word, "della") || slice_is(word, "auf") ? WORD_SMALL
                                                                             : WORD_OTHER;
}

static struct word word_at(struct slice text, size_t at)
{
    struct word w = {at, at, WORD_NONE};

    while (w.end < text.len && w.end - at < WORD_BYTES_MAX && in_word(text.p[w.end]))
        w.end++;
    w.kind = kind_of((struct slice){text.p + at, w.end - at});
    return w;
}

static struct word word_before(struct slice text, size_t end)
{
    struct word w = {end, end, WORD_NONE};

    if (w.end > 0 && text.p[w.end - 1] == '.')
        w.end--;
    for (w.start = w.end; w.start > 0 && w.end - w.start < WORD_BYTES_MAX;)
        if (in_word(text.p[w.start - 1]))
            w.start--;
        else
            break;
    w.kind = kind_of((struct slice){text.p + w.start, w.end - w.start});
    return w;
}

static bool is_zip(const struct word *w)
{
    return w->kind == WORD_NUMBER && w->end - w->start >= ZIP_DIGITS_LEAST;
}

/* ---- onwards ---- */

/* One part, between commas or ends of lines, and what it shows. */
struct part {
    size_t end;
    bool zip, last; /* nothing follows it */
};

/* Over what separates two parts: blanks, a comma, one end of a line with what quotes it. */
static size_t skip(struct slice text, size_t at, bool *ret_hard)
{
    unsigned lines = 0, commas = 0;

    if (at > 0 && at + 1 < text.len && is_digit(text.p[at - 1]) && text.p[at] == '.' &&
        text.p[at + 1] == '\n')
        at++; /* u. 12. */
    for (; at < text.len; at++) {
        char c = text.p[at];
        lines += c == '\n';
        commas += c == ',';
        if (lines > 2 || commas > 1 || !strchr(" \t\r\n,>", c) || c == '\0')
            break;
    }
    *ret_hard = lines + commas > 0;
    return at;
}

/* Apt. 5, u. 12, St. Ives: a point that ends no sentence. */
static bool point_within(struct slice text, const struct word *w)
{
    struct slice word = {text.p + w->start, w->end - w->start};

    return w->end + 2 < text.len && text.p[w->end] == '.' && text.p[w->end + 1] == ' ' &&
           (is_digit(text.p[w->end + 2]) || slice_is(word, "St"));
}

/* Words from `at` to the part's end; false: it reads as something else. */
static bool read_part(struct slice text, size_t at, struct part *ret)
{
    struct word before = {0};
    size_t strong = 0;
    unsigned names = 0, numbers = 0, others = 0;

    *ret = (struct part){.end = at};
    for (;;) {
        bool bracket = at < text.len && text.p[at] == '(';
        struct word w = word_at(text, at + bracket);
        if (w.kind == WORD_NONE || w.kind == WORD_OTHER || (w.kind == WORD_SMALL && names == 0) ||
            (names += w.kind == WORD_NAME) > WORDS_MAX)
            break;
        bool flat = before.kind == WORD_FLAT;
        numbers += w.kind == WORD_NUMBER;
        others += w.kind != WORD_NUMBER;
        if (numbers > 1 && others == 0) /* of a telephone */
            return false;
        ret->zip |= is_zip(&w) && !flat;
        at = w.end;
        if (bracket && at < text.len && text.p[at] == ')')
            at++;
        before = w;
        if (w.kind != WORD_SMALL)
            ret->end = at;
        if (w.kind == WORD_NUMBER || w.kind == WORD_CODE)
            strong = at;
        at += point_within(text, &w);
        if (at >= text.len || text.p[at] != ' ')
            return at >= text.len || text.p[at] != ':' ? ret->end > 0 && before.end > 0 : false;
        at++;
        if (at < text.len && strchr("\n,>", text.p[at]))
            return true;
    }
    ret->last =
        true; /* a sentence goes on: what it began with counts if it ends in a number or code */
    ret->end = strong;
    return strong > 0;
}

static enum address_kind part_kind(struct slice text, size_t start, size_t end)
{
    struct word w = word_at(text, start);

    if (w.kind == WORD_FLAT)
        return ADDRESS_STREET;
    return w.kind == WORD_NUMBER && w.end == end ? ADDRESS_CODE : ADDRESS_TOWN;
}

static void add_part(struct address *a, enum address_kind kind, size_t start, size_t end)
{
    if (a->n < ADDRESS_PARTS_MAX && start < end)
        a->part[a->n++] = (struct address_part){start, end, kind};
}

/* Poland 11248 is a town's or a state's name and a code. */
static void add_parts(struct address *a, struct slice text, size_t start, size_t end)
{
    struct word last = word_before(text, end);
    size_t name_end = last.start > start ? last.start - 1 : start;

    if (last.kind == WORD_NUMBER && last.start > start &&
        part_kind(text, start, end) == ADDRESS_TOWN) {
        add_part(a, ADDRESS_TOWN, start, name_end);
        start = last.start;
    }
    add_part(a, part_kind(text, start, end), start, end);
}

static unsigned onwards(struct address *a, struct slice text)
{
    bool number = a->end > 0 && is_digit(text.p[a->end - 1]);
    unsigned parts = 0;

    for (unsigned i = 0; i < PARTS_MAX; i++) {
        struct part part;
        bool hard;
        size_t at = skip(text, a->end, &hard);
        if (at == a->end || (!hard && !number && word_at(text, at).kind != WORD_FLAT) ||
            !read_part(text, at, &part))
            break;
        add_parts(a, text, at, part.end);
        a->end = part.end;
        number = is_digit(text.p[part.end - 1]);
        parts += 1 + part.zip;
        if (part.last || (part.zip && number))
            break;
    }
    return parts;
}

/* ---- back ---- */

/* The street that stands before a flat, on its line or the one above. */
static bool back_over_street(struct slice text, size_t *from)
{
    size_t at = *from, first_number = 0, run = 0;
    unsigned numbers = 0, words = 0;

    for (; words < BACK_WORDS_MAX; words++) {
        size_t end = at;
        while (end > 0 && strchr(" \t,>", text.p[end - 1]) && at - end < 3)
            end--;
        if (words == 0 && end > 0 && text.p[end - 1] == '\n')
            end--;
        if (end == at || (words > 0 && end < at && text.p[end] == ','))
            break;
        struct word w = word_before(text, end);
        if (w.kind == WORD_NONE || w.kind == WORD_OTHER || w.kind == WORD_FLAT ||
            (words == 0 && w.kind != WORD_NUMBER && w.kind != WORD_NAME))
            break;
        numbers += w.kind == WORD_NUMBER;
        if (w.kind == WORD_NUMBER)
            first_number = w.start;
        if (w.kind != WORD_SMALL)
            run = w.start;
        at = w.start;
    }
    if (numbers == 0)
        return false;
    bool street_first = numbers == 1 && word_at(text, first_number).end + 3 >= *from;
    *from = street_first ? run : first_number; /* Allika 46, Apt. 5; 46 Elm Street, Apt. 5 */
    return true;
}

/* A number or two before the street's own. */
static void back_over_numbers(struct slice text, size_t *from)
{
    while (*from > 1 && text.p[*from - 1] == ' ') {
        struct word w = word_before(text, *from - 1);
        if (w.kind != WORD_NUMBER || (w.start > 0 && !strchr(" \n\t>(:", text.p[w.start - 1])))
            return;
        *from = w.start;
    }
}

/* Does a line begin at `at`, but for blanks and what quotes it? */
static bool begins_line(struct slice text, size_t at)
{
    while (at > 0 && text.p[at - 1] && strchr(" \t>?", text.p[at - 1]))
        at--;
    return at == 0 || text.p[at - 1] == '\n';
}

bool address_read(struct address *a, struct slice text, size_t from, size_t to)
{
    size_t start = from;
    unsigned parts =
        word_at(text, from).kind == WORD_FLAT && back_over_street(text, &start) ? 2 : 0;

    back_over_numbers(text, &start);
    *a = (struct address){.start = start, .end = to, .lines = begins_line(text, start)};
    add_part(a, ADDRESS_STREET, start, to);
    return parts + onwards(a, text) >= 2;
}

bool address_plain(struct slice text, size_t *from, size_t *to)
{
    size_t at = *to - 1;

    while ((unsigned char)(text.p[at] & 0xc0) == 0x80 && at > *from)
        at--;
    for (unsigned words = 0; words < WORDS_MAX; words++) {
        struct word w = word_at(text, at);
        if (words > 0 && w.kind == WORD_NUMBER) {
            struct address a;
            *to = w.end;
            return address_read(&a, text, *from, w.end);
        }
        if ((w.kind != WORD_NAME && w.kind != WORD_SMALL) || w.end >= text.len)
            return false;
        at = w.end + (text.p[w.end] == '.');
        if (at >= text.len || text.p[at] != ' ')
            return false;
        at++;
    }
    return false;
}
