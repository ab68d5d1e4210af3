/* imprint: what tells a value or a rule again without telling what it is.
 *
 * A keyed BLAKE2b digest.  The key is the node's own, 32 random bytes in a private file of the
 * state folder, so that whoever reads the database alone cannot try values against it; it is made
 * once and lasts, since consents and sessions outlive a restart.  Of a value the imprint is that of
 * what it shows: folded (fold.h), in lower case, without what separates (4111-1111 is 4111 1111).
 * Loop thread only. */
#pragma once
#include "base/err.h"
#include "base/str.h"
#include "label/rule.h"

enum { IMPRINT_BYTES = 16, IMPRINT_TEXT_BYTES = 2 * IMPRINT_BYTES + 1 };
struct imprint {
    unsigned char bytes[IMPRINT_BYTES];
};

struct imprints; /* the key, in memory that is neither swapped nor dumped */
NIGH_MUST enum nigh_status imprints_new(struct imprints **ret, const char *state_dir,
                                        struct nigh_err *err);
struct imprints *imprints_free(struct imprints *imprints);

/* value: valid UTF-8.  false: no memory. */
NIGH_MUST bool imprint_of_value(const struct imprints *imprints, struct slice value,
                                struct imprint *ret);
/* By what it says: key, text and label; its line may move. */
void imprint_of_rule(const struct imprints *imprints, const struct rule_spec *rule,
                     struct imprint *ret);

bool imprint_eq(const struct imprint *a, const struct imprint *b);
void imprint_text(const struct imprint *imprint, char text[static IMPRINT_TEXT_BYTES]);
bool imprint_parse(struct imprint *ret, struct slice text);
