/* mask: private values of one turn behind placeholders, and back again.
 *
 * The label step adds each value that may reach a public place behind a placeholder only; before
 * the gate judges a body for such a place, mask_body rewrites exactly the bytes that the place
 * encoded; the answer's pieces pass a restore on their way to the caller.
 *
 * A placeholder is [TYPE_xxxxxxxxxxxx]: the value's type (A-Z and _, at most MASK_TYPE_MAX), and 60
 * bits of keyed BLAKE2b of type and value in base32 (RFC 4648, lower case).  The key is the
 * conversation's, so the same value has the same placeholder within one conversation and another in
 * every other, and nobody without the key can make one up.  A value that is met again in the same
 * turn, anywhere in the body, is replaced there too, found by detection or not.
 *
 * It hides who, not what: what is masked keeps its label (docs/privacy.md).  Loop thread only.
 *
 * Invariants: 1. No added value is left in a body that mask_body returned, as it stood in the turn
 * or with JSON's escapes.  2. restore(mask(x)) == x for every cut of the answer into pieces.  3. A
 * placeholder that this mask did not make stays literal.  4. A restore holds back at most
 * MASK_HOLD_MAX bytes. */
#pragma once
#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

struct mask;
enum {
    MASK_KEY_BYTES = 32,
    MASK_TYPE_MAX = 24,
    MASK_TAG_CHARS = 12,                                /* times five bits */
    MASK_HOLD_MAX = MASK_TYPE_MAX + MASK_TAG_CHARS + 3, /* the longest placeholder: [ _ ] */
    MASK_VALUES_MAX = 100000,                           /* as DETECT_SPANS_MAX */
};

/* ---- keys of conversations ---- */

/* The node's secret, from which a conversation's key is derived.  It is random at every start,
 * is never stored, and rotates every MASK_ROTATE_MS; a turn keeps the key it began with. */
struct mask_keys;
enum { MASK_ROTATE_MS = 24 * 3600 * 1000 };
NIGH_MUST enum nigh_status mask_keys_new(struct mask_keys **ret, struct nigh_err *err);
struct mask_keys *mask_keys_free(struct mask_keys *keys);
/* who: the name of the caller's key, or ""; conversation: the session's name, or what the
 * conversation began with (its first user message), which every turn of it repeats. */
void mask_key_of(struct mask_keys *keys, unsigned char ret[static MASK_KEY_BYTES], struct slice who,
                 struct slice conversation);

/* ---- one turn ---- */

/* Everything lives in the arena. */
NIGH_MUST enum nigh_status mask_new(struct mask **ret,
                                    const unsigned char key[static MASK_KEY_BYTES],
                                    struct arena *arena, struct nigh_err *err);
/* type: "EMAIL_ADDRESS"; the value is text[start..end), copied.  The same value again is nothing.
 * A value that is a word of its own in text is looked for as such (Ann is not in Anna); one that is
 * not is looked for everywhere. */
NIGH_MUST enum nigh_status mask_add(struct mask *mask, const char *type, struct slice text,
                                    size_t start, size_t end, struct nigh_err *err);
size_t mask_count(const struct mask *mask); /* values added */
/* How many replacements were made in the latest body, for the bill and the ledger. */
uint64_t mask_replaced(const struct mask *mask);

/* body: the JSON that a place encoded.  Every string in it, keys included and JSON inside of
 * strings too, has the values replaced; without any to replace *ret is body itself.  What is no
 * JSON (never made by a place) is NIGH_INVALID: it is then not sent. */
NIGH_MUST enum nigh_status mask_body(struct mask *mask, struct slice body, struct arena *arena,
                                     struct slice *ret, struct nigh_err *err);

/* ---- the answer ---- */

/* One stream of text (a choice's text, its reasoning, one call's arguments). */
struct restore {
    const struct mask *mask;
    bool json; /* the text is a JSON document's: values are put back escaped */
    unsigned char held[MASK_HOLD_MAX];
    size_t n_held;
};
void restore_init(struct restore *r, const struct mask *mask, bool json);
/* Appends to out what can be told by now. */
NIGH_MUST enum nigh_status restore_text(struct restore *r, struct slice piece, struct buf *out,
                                        struct nigh_err *err);
/* The stream's end: what was held is literal.  NIGH_UPSTREAM when the text ends inside a
 * placeholder of this mask: half of one is never shown as if it were whole. */
NIGH_MUST enum nigh_status restore_end(struct restore *r, struct buf *out, struct nigh_err *err);
