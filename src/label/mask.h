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
 * turn, anywhere in the body, is replaced there too, found by detection or not.  Values that
 * overlap are replaced as one.
 *
 * A number in JSON becomes a string, and a number again where that string comes back.
 *
 * It hides who, not what: what is masked keeps its label (docs/privacy.md).  Loop thread only.
 *
 * Invariants: 1. No added value is left in a body that mask_body returned, as it stood in the turn
 * or with JSON's escapes.  2. restore(mask(x)) == x for every cut of the answer into pieces; of a
 * text that is JSON it is the same JSON (escapes that JSON does not ask for are not kept).  3. A
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
    MASK_NAME_MAX = MASK_TYPE_MAX + MASK_TAG_CHARS + 3, /* the longest placeholder: [ _ ] */
    MASK_HOLD_MAX = MASK_NAME_MAX + 4, /* the longest of a number, in quotes: \" \" */
    MASK_VALUES_MAX = 100000,          /* as DETECT_SPANS_MAX */
    MASK_DOCS_MAX = 4, /* JSON in a string in JSON in a string ... is read so deep */
};

/* ---- keys of conversations ---- */

/* The node's secret, from which a conversation's key is derived.  It is random at every start,
 * is never stored, and rotates every MASK_ROTATE_MS; a turn keeps the key it began with. */
struct mask_keys;
enum { MASK_ROTATE_MS = 24 * 3600 * 1000 };
NIGH_MUST enum nigh_status mask_keys_new(struct mask_keys **ret, struct nigh_err *err);
struct mask_keys *mask_keys_free(struct mask_keys *keys); /* NULL is fine */
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

/* body: the JSON that a place encoded.  The values are replaced in its texts, keys and numbers, and
 * in JSON that stands in a string; mask_body.c has the table of what is a text in which format.
 * Without any to replace *ret is body itself.  NIGH_DENIED, after which it is not to be sent: a
 * value stands where a placeholder would break the request (the name of a tool, an id), or cannot
 * be found any more though it was added.  What is no JSON (never made by a place) is NIGH_INVALID.
 */
NIGH_MUST enum nigh_status mask_body(struct mask *mask, struct slice body, struct arena *arena,
                                     struct slice *ret, struct nigh_err *err);
/* The same for one text, appended to out.  json: it is a tool call's arguments. */
NIGH_MUST enum nigh_status mask_text(struct mask *mask, struct slice text, bool json,
                                     struct buf *out, struct nigh_err *err);

/* ---- the answer ---- */

/* One stream of text (a choice's text, its reasoning, one call's arguments). */
struct restore {
    struct mask *mask;
    bool json;    /* the text is a JSON document's: values are put back escaped */
    bool literal; /* its owner says so for now: what ends here is not put back */
    char held[MASK_HOLD_MAX];
    size_t n_held;
};
void restore_init(struct restore *r, struct mask *mask, bool json);
/* Appends to out what can be told by now. */
NIGH_MUST enum nigh_status restore_text(struct restore *r, struct slice piece, struct buf *out,
                                        struct nigh_err *err);
/* The stream's end: what was held is literal.  NIGH_UPSTREAM when the text ends inside a
 * placeholder of this mask: half of one is never shown as if it were whole.  (Inside: with a letter
 * of its 60 bits.  What ends in a bracket is no half of anything.) */
NIGH_MUST enum nigh_status restore_end(struct restore *r, struct buf *out, struct nigh_err *err);
