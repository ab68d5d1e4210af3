#include "label/detect_words.h"

#include "base/tap.h"
#include "label/fold.h"
#include <stdlib.h>

static struct detect_words *words;

__attribute__((destructor)) static void sweep(void)
{
    detect_words_free(words);
}

static void make(const struct detect_word *all, size_t n)
{
    words = detect_words_free(words);
    CHECK_EQ(detect_words_new(&words, &(struct detect_spec){all, n, false}, NULL), NIGH_OK);
}

/* "start-end type;" of each hit; the text is folded as detection does it. */
static const char *find(const char *text)
{
    static char told[512];
    const struct detect_word_hit *hits;
    size_t n, len = 0;

    CLEANUP(fold_done) struct fold fold = {0};

    told[0] = '\0';
    CHECK(fold_text(&fold, slice_of(text)));
    CHECK_EQ(detect_words_find(words, (struct slice){fold.text, fold.len}, &hits, &n, NULL),
             NIGH_OK);
    for (size_t i = 0; i < n; i++)
        len += (size_t)snprintf(told + len, sizeof told - len, "%u-%u %s;",
                                fold.from[hits[i].start], fold.from[hits[i].end], hits[i].type);
    return told;
}

TEST(words_are_found_whole_and_in_any_case)
{
    static const struct detect_word all[] = {
        {"Anna Blum", "PERSON"}, {"Ann", "PERSON"},   {"C++", "PROJECT"}, {"Jürgen", "PERSON"},
        {"Žofie", "PERSON"},     {"Ελένη", "PERSON"}, {"Мария", "PERSON"}};
    static const struct {
        const char *text, *told;
    } rows[] = {
        {"anna BLUM is here", "0-9 PERSON;"},
        {"Anna Blumer, Joanna Blum", ""},
        {"Ann and anna", "0-3 PERSON;"},
        {"in C++ or c+++", "3-6 PROJECT;10-13 PROJECT;"},
        {"JÜRGEN!", "0-7 PERSON;"},
        {"žofie ŽOFIE", "0-6 PERSON;7-13 PERSON;"},
        {"ΕΛΈΝΗ", "0-10 PERSON;"},
        {"МАРИЯ", "0-10 PERSON;"},
        {"", ""},
    };

    make(all, ARRAY_LEN(all));
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        CHECK_STR(find(rows[i].text), rows[i].told);
}

TEST(words_have_bounds)
{
    static struct detect_word many[DETECT_WORDS_MAX + 1];
    const struct detect_word none = {"", "PERSON"};
    struct detect_words *ret = NULL;

    for (size_t i = 0; i < ARRAY_LEN(many); i++)
        many[i] = (struct detect_word){"word", "CONTACT"};
    CHECK_EQ(detect_words_new(&ret, &(struct detect_spec){many, ARRAY_LEN(many), false}, NULL),
             NIGH_TOOBIG);
    CHECK_EQ(detect_words_new(&ret, &(struct detect_spec){&none, 1, false}, NULL), NIGH_INVALID);
    CHECK(!ret);
    make(many, DETECT_WORDS_MAX);
    CHECK_STR(find("a word"), "2-6 CONTACT;");
}
