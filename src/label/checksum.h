/* checksum: the published check digits of numbers that identify people, accounts and things.
 *
 * Each check is given a match of its row's pattern (data/detect.tsv) as it stood in the text, with
 * its spaces and hyphens, and says whether it can be what the row says.  Pure; any thread.  Sources
 * stand at each check; vectors that hold and that do not in checksum-test.c. */
#pragma once
#include "base/err.h" /* ARRAY_LEN */
#include "base/str.h"

struct checksum;
/* The check of that name, or NULL; lives for ever. */
const struct checksum *checksum_find(struct slice name);
bool checksum_ok(const struct checksum *check, struct slice match);

/* For checksum_*.c: what stands in a match, without what separates it. */
enum { CHECKSUM_MAX = 64 }; /* characters: an IBAN has 34, a bech32m address 62 */
struct compact {
    char text[CHECKSUM_MAX + 1];       /* digits and letters, letters as capitals */
    unsigned char digit[CHECKSUM_MAX]; /* its digits alone, as numbers */
    size_t n, n_digits;
};
/* False when it holds more than fits. */
bool compact(struct compact *ret, struct slice match);
bool luhn_ok(const unsigned char *digit,
             size_t n); /* ISO/IEC 7812-1 annex B; the last is the check */
bool date_ok(unsigned year, unsigned month, unsigned day);
bool all_digits_same(const unsigned char *digit, size_t n);
unsigned digits_value(const unsigned char *digit, size_t n); /* of at most nine */

typedef bool checksum_fn(const struct compact *c, struct slice match);
struct checksum_row {
    const char *name;
    checksum_fn *ok;
};
extern const struct checksum_row checksum_things[]; /* end with a name NULL */
extern const struct checksum_row checksum_people[];
