/* units: UDUNITS-2's database, and the words that people use for its units.
 *
 * Loading it parses five XML files and takes milliseconds and a few hundred kB, so it is done on a
 * worker.  The library keeps state per process: one thread at a time may call it.  skills_warm() is
 * that thread until it hands the database over; the loop thread afterwards. */
#pragma once
#include "base/err.h"
#include "base/str.h"

struct units;
NIGH_MUST enum nigh_status units_new(struct units **ret, struct nigh_err *err);
struct units *units_free(struct units *units);

/* What a word stands for.  Words with two meanings (ton, year, c without degrees) are unknown. */
struct unit_word {
    const char *name; /* UDUNITS' */
    bool temperature;
    const char *note; /* "US gallon" where it is not the only one; NULL */
};
bool units_word(struct unit_word *ret, struct slice word);
bool units_convert(struct units *units, const char *from, const char *to, double value,
                   double *ret_value);
