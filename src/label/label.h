/* label: how far data may travel.
 *
 * A label is the set of zones that a piece of data may reach.  What is made from several pieces
 * carries what they have in common, so no computation ever widens a label; only a recorded consent
 * does (consent.h).  Pure functions: no I/O, no clock, no globals, safe on any thread. */
#pragma once
#include "label/zone.h"
#include <stdbool.h>

#define LABEL_ANYWHERE                                                                             \
    ((struct label){UINT64_MAX}) /* of data that nobody restricted: the identity */

struct label label_join(struct label a,
                        struct label b); /* a.zones & b.zones; device always stays */
bool label_permits(struct label data, unsigned zone);
bool label_within(struct label inner,
                  struct label outer); /* inner reaches nothing outer does not */

/* By zone name: "home" is all that may reach home and what is inside it. */
NIGH_MUST enum nigh_status label_parse(struct label *ret, const struct zones *z, struct slice name,
                                       struct nigh_err *err);
/* The widest zone it permits, or those joined by '+': "home", "home+car".  NUL-terminated. */
enum { LABEL_TEXT_BYTES = 128 };
void label_text(char text[static LABEL_TEXT_BYTES], const struct zones *z, struct label l);
