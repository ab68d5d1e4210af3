/* extend: from what a pattern hits to the whole of what it belongs to.
 *
 * A pattern that did this by itself would cost Hyperscan megabytes of states, and a window of text
 * may cut a long match; a few words read either way from a hit cost nothing.  Pure; any thread. */
#pragma once
#include "base/str.h"

/* Moves from and to outwards over what belongs together; false: it is none of its kind. */
typedef bool extend_fn(struct slice text, size_t *from, size_t *to);
/* "street_after" (12 Elm Street), "street_before" (Rue de la Paix 12), "street_glued" (Hauptstr.
 * 12), "address_plain" (62488 Allika 46, within a block), "pem" (a key to its END line); NULL for
 * other names. */
extend_fn *extend_find(const char *name);
/* On over what a token is made of, so that no tail of a secret is left. */
bool extend_token(struct slice text, size_t *from, size_t *to);
