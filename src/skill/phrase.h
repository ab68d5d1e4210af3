/* phrase: a question as the skills like it: lower case, single blanks, no courtesies, no "?".
 *
 * Fixed size, no allocation; any thread. */
#pragma once
#include "skill/skill.h"

struct phrase {
    char text[SKILL_QUESTION_MAX + 16]; /* "what's" grows */
    size_t len;
};

/* False for what is too long, has several lines, is empty or not UTF-8.  ASCII letters only are
 * lowered. */
bool phrase_read(struct phrase *ret, struct slice question);
/* Does s begin with this word or words (a blank or the end follows)?  Then *s is what follows. */
bool phrase_take(struct slice *s, const char *words);
bool phrase_drop_end(struct slice *s, const char *words); /* the same at the end */
/* Takes the first of the list, which ends with NULL, that fits. */
bool phrase_take_any(struct slice *s, const char *const *list);
bool phrase_is_any(struct slice s, const char *const *list);
/* A decimal number with optional thousands' commas at the start of *s; scaled integer and the
 * number of decimals.  At most 18 digits. */
struct decimal {
    int64_t scaled;
    unsigned decimals;
};
bool phrase_take_decimal(struct slice *s, struct decimal *ret);
