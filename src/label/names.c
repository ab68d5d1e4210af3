#include "label/names.h"
#include "label/tagger.h"
#include <stdlib.h>
#include <string.h>

enum name_kind { NAME_NONE, NAME_PERSON, NAME_PLACE, NAME_ORG, NAME_NATION, NAME_TITLE };

static const struct {
    const char *type;
    enum detect_group group;
} kinds[] = {
    [NAME_PERSON] = {"PERSON", DETECT_PERSON},
    [NAME_PLACE] = {"GPE", DETECT_PLACE},
    [NAME_ORG] = {"ORGANIZATION", DETECT_ORGANISATION},
    [NAME_NATION] = {"NRP", DETECT_TRAIT},
    [NAME_TITLE] = {"TITLE", DETECT_TRAIT},
};

/* How sure each way of knowing is; guesses that order. */
enum {
    SCORE_ADDRESSED = 75,
    SCORE_ENDED = 68, /* by a word such as Court */
    SCORE_NATION = 66,
    SCORE_TAGGED = 65,
    SCORE_LISTED = 58,
    SCORE_JOB = 50,
};

/* What a word is part of, if of any name; `begins`: not of the one before. */
struct mark {
    enum name_kind kind;
    bool begins;
    unsigned score;
};

struct names {
    struct slice text;
    size_t next; /* where the next sentence begins */
    struct tagger_word words[TAGGER_SENTENCE_MAX];
    struct mark marks[TAGGER_SENTENCE_MAX];
    size_t n, at; /* words of the sentence; the next to tell of */
};

enum nigh_status names_new(struct names **ret, struct nigh_err *err)
{
    struct names *names = calloc(1, sizeof *names);

    if (!names)
        return nigh_fail(err, NIGH_NOMEM, "names: out of memory");
    *ret = names;
    return NIGH_OK;
}

struct names *names_free(struct names *names)
{
    free(names);
    return NULL;
}

/* ---- words ---- */

static struct slice word_of(const struct names *s, size_t i)
{
    return (struct slice){s->text.p + s->words[i].start, s->words[i].end - s->words[i].start};
}

static bool is_char(const struct names *s, size_t i, char c)
{
    return i < s->n && s->words[i].end - s->words[i].start == 1 &&
           s->text.p[s->words[i].start] == c;
}

static bool in_list(const struct names *s, size_t i, unsigned lists)
{
    return ((unsigned)s->words[i].lists & lists) != 0;
}

static bool in_phrase(const struct names *s, size_t i, unsigned lists)
{
    return ((unsigned)s->words[i].phrases & lists) != 0;
}

/* Does word i follow the one before on the same line, with at most a blank between? */
static bool follows(const struct names *s, size_t i)
{
    return i > 0 && i < s->n && s->words[i].start <= s->words[i - 1].end + 1 &&
           s->text.p[s->words[i].start - 1] != '\n';
}

/* A capital letter with its point: the J. of J. Smith. */
static bool is_initial(const struct names *s, size_t i)
{
    return i + 1 < s->n && s->words[i].capital && !in_list(s, i, LIST_TITLE) &&
           s->words[i].end - s->words[i].start <= 2 && is_char(s, i + 1, '.') &&
           s->words[i + 1].start == s->words[i].end;
}

static bool is_one_of(const struct names *s, size_t i, const char *const *list)
{
    for (; i < s->n && *list; list++)
        if (slice_ieq(word_of(s, i), slice_of(*list)))
            return true;
    return false;
}

/* The small words within a person's name, before a capital one. */
static bool is_particle(const struct names *s, size_t i)
{
    static const char *const particles[] = {"van", "von", "der", "den", "de", "del", "della",
                                            "di",  "da",  "dos", "du",  "la", "le",  "bin",
                                            "ibn", "al",  "el",  "ter", "y",  "zu",  NULL};

    return s->words[i].end - s->words[i].start <= 5 && is_one_of(s, i, particles);
}

/* The small words within an organisation's name. */
static bool is_link(const struct names *s, size_t i)
{
    static const char *const links[] = {"of",  "for", "de",  "des", "du", "del", "della", "di",
                                        "der", "and", "the", "für", "y",  "e",   "&",     NULL};

    return s->words[i].end - s->words[i].start <= 5 && is_one_of(s, i, links);
}

static void mark(struct names *s, size_t from, size_t to, enum name_kind kind, unsigned score)
{
    for (size_t i = from; i < to; i++)
        s->marks[i] = (struct mark){kind, i == from, score};
    if (to < s->n && s->marks[to].kind != NAME_NONE)
        s->marks[to].begins = true;
}

static size_t run_end(const struct names *s, size_t i)
{
    enum name_kind kind = s->marks[i].kind;

    for (i++; i < s->n && s->marks[i].kind == kind && !s->marks[i].begins;)
        i++;
    return i;
}

/* ---- rules: each goes over the whole sentence once ---- */

static void by_tagger(struct names *s)
{
    static const enum name_kind of[TAG_COUNT] = {
        [TAG_B_PERSON] = NAME_PERSON, [TAG_I_PERSON] = NAME_PERSON, [TAG_B_PLACE] = NAME_PLACE,
        [TAG_I_PLACE] = NAME_PLACE,   [TAG_B_ORG] = NAME_ORG,       [TAG_I_ORG] = NAME_ORG};
    enum tag tags[TAGGER_SENTENCE_MAX];

    tagger_tag(s->words, s->n, tags);
    for (size_t i = 0; i < s->n; i++)
        s->marks[i] = (struct mark){of[tags[i]], tags[i] % 2 == 1, SCORE_TAGGED};
}

/* "Italian", "Italians": of the list, whatever the tagger made of it. */
static bool is_nation(const struct names *s, size_t i)
{
    struct tagger_word without = s->words[i];

    if (in_list(s, i, LIST_NATION))
        return true;
    if (without.end - without.start < 5 || (s->text.p[without.end - 1] | 32) != 's')
        return false;
    without.end--;
    tagger_word(&without, s->text);
    return without.lists & LIST_NATION;
}

static void by_nations(struct names *s)
{
    for (size_t i = 0; i < s->n; i++)
        if (s->marks[i].kind != NAME_ORG && !in_phrase(s, i, LIST_COUNTRY | LIST_CITY) &&
            is_nation(s, i))
            mark(s, i, i + 1, NAME_NATION, SCORE_NATION);
}

/* What the tagger left alone and a list knows. */
static void by_lists(struct names *s)
{
    enum { PLACES = LIST_COUNTRY | LIST_CITY };

    for (size_t i = 0; i < s->n; i++) {
        const struct tagger_word *w = &s->words[i];
        bool phrase = w->capital && in_phrase(s, i, PLACES);
        if (s->marks[i].kind == NAME_ORG || !w->capital || (s->marks[i].kind && !phrase))
            continue;
        if (phrase) {
            size_t end = i + 1;
            while (end < s->n && in_phrase(s, end, PLACES))
                end++;
            mark(s, i, end, NAME_PLACE, SCORE_LISTED);
            i = end - 1;
        } else if (in_list(s, i, PLACES) && !in_list(s, i, LIST_TITLE)) {
            mark(s, i, i + 1, NAME_PLACE, SCORE_LISTED);
        } else if (in_list(s, i, LIST_GIVEN) && !in_list(s, i, LIST_TITLE) && i > 0 &&
                   !(w->common && is_char(s, i - 1, '.')) && !is_char(s, i + 1, '\'')) {
            mark(s, i, i + 1, NAME_PERSON, SCORE_LISTED);
        }
    }
}

/* "Dr. Kyle Kuefer", "mr okafor": what follows a form of address is a person, whatever it looks
 * like; one in small letters only if it is no common word. */
static bool is_addressed(const struct names *s, size_t i, size_t title)
{
    const struct tagger_word *w = &s->words[i];

    if (!in_list(s, title, LIST_TITLE) || !follows(s, i) || w->punct || w->digit ||
        in_list(s, i, LIST_TITLE | LIST_ORG) || is_nation(s, i) || s->marks[title].kind == NAME_ORG)
        return false;
    return w->capital ? s->words[title].capital : !w->common && !s->words[title].capital;
}

static void by_address(struct names *s)
{
    for (size_t i = 1; i < s->n; i++) {
        size_t title = is_char(s, i - 1, '.') && i > 1 ? i - 2 : i - 1;
        if (!is_addressed(s, i, title))
            continue;
        size_t end = s->marks[i].kind == NAME_PERSON ? run_end(s, i) : i + 1;
        mark(s, title, i, NAME_TITLE, SCORE_ADDRESSED);
        mark(s, i, end, NAME_PERSON, SCORE_ADDRESSED);
    }
}

/* Can word i go on with a person's name? */
static bool goes_on(const struct names *s, size_t i)
{
    if (!follows(s, i) || s->words[i].punct || s->words[i].digit)
        return false;
    return s->words[i].capital && !in_list(s, i, LIST_TITLE | LIST_NATION) &&
           (s->marks[i].kind == NAME_NONE || s->marks[i].kind == NAME_PERSON ||
            in_list(s, i, LIST_SURNAME | LIST_GIVEN));
}

/* Onwards over initials, particles and capital words: Peter J. van den Heuvel. */
static size_t person_end(const struct names *s, size_t i)
{
    for (;;) {
        size_t k = i;
        while (k < s->n && k < i + 3 && follows(s, k) && is_particle(s, k))
            k++;
        if (is_char(s, i, '.') && s->words[i].start == s->words[i - 1].end && i > 0 &&
            is_initial(s, i - 1))
            k = i + 1; /* the point belongs to the initial before */
        else if (k < s->n && goes_on(s, k) && !(s->words[k].common && s->words[k].upper))
            k++;
        else
            return i;
        i = k;
    }
}

/* Back over initials and a word that is no other: J. R. R. Tolkien, Mohmad R. Vizirov. */
static size_t person_start(const struct names *s, size_t i)
{
    while (i >= 2 && is_initial(s, i - 2) && s->marks[i - 2].kind != NAME_ORG)
        i -= 2;
    if (i > 0 && follows(s, i) && s->marks[i - 1].kind == NAME_NONE && s->words[i - 1].capital &&
        !s->words[i - 1].common && !s->words[i - 1].digit && !in_list(s, i - 1, LIST_TITLE))
        i--;
    return i;
}

static void whole_persons(struct names *s)
{
    for (size_t i = 0; i < s->n; i++) {
        if (s->marks[i].kind != NAME_PERSON)
            continue;
        unsigned score = s->marks[i].score;
        size_t start = person_start(s, i), end = person_end(s, run_end(s, i));
        mark(s, start, end, NAME_PERSON, score);
        i = end - 1;
    }
}

/* May word i stand in an organisation's name before the word that ends it? */
static bool in_org(const struct names *s, size_t i)
{
    const struct tagger_word *w = &s->words[i];

    return (w->capital && !w->punct && !in_list(s, i, LIST_TITLE)) || is_char(s, i, '&') ||
           (is_char(s, i, '\'') && follows(s, i));
}

/* Incorporated and the like, whose point belongs to the name. */
static bool is_short(const struct names *s, size_t i)
{
    static const char *const shorts[] = {"inc", "ltd", "corp", "co", "bros", "llc", "gmbh", NULL};

    return is_one_of(s, i, shorts);
}

/* Back over capital words from the one that ends it; its article is not its own. */
static size_t org_start(const struct names *s, size_t i)
{
    static const char *const articles[] = {"the", "a",  "an",   "this", "our", "my",  "in",
                                           "at",  "by", "from", "on",   "if",  "and", NULL};

    while (i > 0 && follows(s, i) && in_org(s, i - 1) &&
           !(s->words[i - 1].upper && s->words[i - 1].common))
        i--;
    while (i > 0 && i < s->n && s->marks[i].kind == NAME_ORG && !s->marks[i].begins)
        i--; /* Davis, Reynolds and Williamson Ltd */
    while (i < s->n && (is_one_of(s, i, articles) || is_char(s, i, '\'') || is_char(s, i, '&')))
        i++;
    return i;
}

/* On over " of the Interior", " for Human Rights". */
static size_t org_end(const struct names *s, size_t i)
{
    for (;;) {
        size_t k = i;
        if (is_char(s, i, '.') && is_short(s, i - 1) && s->words[i].start == s->words[i - 1].end)
            return i + 1;
        while (k < s->n && k < i + 2 && follows(s, k) && is_link(s, k))
            k++;
        if (k >= s->n || !follows(s, k) || !s->words[k].capital || s->words[k].punct ||
            (k > i && is_one_of(s, i, (const char *const[]){"and", "e", "y", NULL}) &&
             !in_list(s, k, LIST_ORG)))
            return i;
        i = k + 1;
    }
}

/* What ends an organisation's name in small letters too. */
static bool is_office(const struct names *s, size_t i)
{
    static const char *const offices[] = {"station",     "police", "court",      "prison",
                                          "hospital",    "school", "university", "church",
                                          "gendarmerie", "clinic", "college",    NULL};

    return is_one_of(s, i, offices);
}

/* "Lublin District Court", "Ministry of Foreign Affairs", "Erebuni police station". */
static void by_org_words(struct names *s)
{
    for (size_t i = 0; i < s->n; i++) {
        if (!in_list(s, i, LIST_ORG) || s->words[i].punct)
            continue;
        size_t start = i, end = i + 1;
        if (s->words[i].capital) {
            start = org_start(s, i);
            end = org_end(s, i + 1);
        } else if (follows(s, i) && is_office(s, i) && s->words[i - 1].capital &&
                   s->marks[i - 1].kind != NAME_NONE && s->marks[i - 1].kind != NAME_NATION) {
            for (start = i - 1; start > 0 && !s->marks[start].begins;)
                start--;
            while (end < s->n && follows(s, end) && is_office(s, end))
                end++;
        }
        if (start > i || end - start < 2)
            continue;
        mark(s, start, end, NAME_ORG, SCORE_ENDED);
        i = end - 1;
    }
}

static void by_jobs(struct names *s)
{
    for (size_t i = 0; i < s->n; i++) {
        bool phrase = in_phrase(s, i, LIST_JOB);
        if (s->marks[i].kind != NAME_NONE || !(phrase || in_list(s, i, LIST_JOB)))
            continue;
        size_t end = i + 1;
        while (phrase && end < s->n && in_phrase(s, end, LIST_JOB))
            end++;
        mark(s, i, end, NAME_TITLE, SCORE_JOB);
        i = end - 1;
    }
}

static bool is_letter(const struct names *s, size_t i)
{
    return s->words[i].capital && s->words[i].end - s->words[i].start == 1;
}

/* "B.", "C. The court may", "D": what an answer is called.  A person may be called so, but then
 * after a form of address, or before a surname. */
static void not_letters(struct names *s)
{
    for (size_t i = 0; i < s->n;) {
        size_t end = s->marks[i].kind == NAME_NONE ? i + 1 : run_end(s, i), from = i;
        bool label = i == 0 && is_initial(s, 0) && end > 2 && s->words[2].common;
        size_t name = i + 1 + (i + 1 < s->n && is_char(s, i + 1, '.'));
        if (s->marks[i].kind != NAME_NONE && s->marks[i].score < SCORE_ADDRESSED &&
            is_letter(s, i) && (label || end <= name))
            mark(s, from, end, NAME_NONE, 0);
        i = end;
    }
}

/* Marks at a run's ends are not of the name but for the point of an initial and of Inc. */
static void not_marks(struct names *s)
{
    for (size_t i = 0; i < s->n;) {
        struct mark was = s->marks[i];
        size_t end = was.kind == NAME_NONE ? i + 1 : run_end(s, i), from = i, to = end;

        while (from < to && s->words[from].punct && !is_char(s, from, '@'))
            from++;
        while (to > from && s->words[to - 1].punct &&
               !(is_char(s, to - 1, '.') && to - from > 1 &&
                 (is_initial(s, to - 2) || is_short(s, to - 2) || in_list(s, to - 2, LIST_TITLE))))
            to--;
        if (was.kind != NAME_NONE && (from > i || to < end)) {
            mark(s, i, end, NAME_NONE, 0);
            mark(s, from, to, was.kind, was.score);
        }
        i = end;
    }
}

static void (*const rules[])(struct names *s) = {by_tagger,  by_nations,    by_lists,
                                                 by_address, whole_persons, by_org_words,
                                                 by_jobs,    not_letters,   not_marks};

/* ---- reading ---- */

void names_read(struct names *s, struct slice text)
{
    s->text = text;
    s->next = s->n = s->at = 0;
}

bool names_next(struct names *s, struct span *ret)
{
    for (;;) {
        while (s->at < s->n && s->marks[s->at].kind == NAME_NONE)
            s->at++;
        if (s->at < s->n)
            break;
        s->n = tagger_read(s->words, s->text, &s->next);
        s->at = 0;
        if (s->n == 0)
            return false;
        for (size_t i = 0; i < ARRAY_LEN(rules); i++)
            rules[i](s);
    }
    struct mark m = s->marks[s->at];
    size_t end = run_end(s, s->at);
    *ret = (struct span){s->words[s->at].start,
                         s->words[end - 1].end,
                         kinds[m.kind].type,
                         kinds[m.kind].group,
                         m.score,
                         false};
    s->at = end;
    return true;
}
