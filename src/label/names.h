/* names: persons, places, organisations, peoples and occupations in running text.
 *
 * What the tagger (tagger.h) says of each word, put right by what is written down: word lists,
 * forms of address, what ends an organisation's name.  A guess, told with a low score: there is no
 * check digit in a name.  One text at a time; one per thread. */
#pragma once
#include "label/detect.h"

struct names;
NIGH_MUST enum nigh_status names_new(struct names **ret, struct nigh_err *err);
struct names *names_free(struct names *names);

/* text: kept until the last names_next. */
void names_read(struct names *names, struct slice text);
/* false: there are no more.  start and end in *ret are bytes of the text. */
bool names_next(struct names *names, struct span *ret);
