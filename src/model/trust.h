/* trust: what this node knows of the model files that it was told to load.
 *
 * One record a path, kept in the store: the stamp (parts.h) of the files when they were looked at,
 * what was found, and the chat template that the model had when it was first used.  A template is a
 * program that decides what the model reads of a conversation, so another one under the same name
 * is not taken unless the owner says so (THREATS.md row 15).
 *
 *     unknown -> good            the files were checked (engine/vet.h) and load
 *     unknown -> refused         malformed; until the files change
 *        good -> refused         its template changed or misbehaves, or loading it kills the
 * process refused -> good            trust_accept(), but of what is malformed
 *
 * Templates come from the checking child as base64 and stay so: nothing here reads them.  Loop
 * thread only.
 *
 * Invariants: 1. What is not good for exactly these files is not loaded.  2. A pinned template
 * changes by trust_accept() alone. */
#pragma once
#include "base/err.h"
#include "base/str.h"
#include "model/parts.h"
#include "store/store.h"

enum {
    TRUST_MODELS_MAX = 128, /* paths; one more, and the first is forgotten: it is looked at again */
    TRUST_WHY_BYTES = 160,
};
enum trust_state { TRUST_UNKNOWN, TRUST_GOOD, TRUST_REFUSED };

struct trust_model {
    char *path;
    char stamp[STAMP_BYTES];
    char why[TRUST_WHY_BYTES]; /* "": good */
    bool acceptable;           /* of a refused one: trust_accept() makes it good */
    bool accepted;             /* its owner took this template as it is: it is not judged again */
    char *template, *pinned;   /* base64; NULL: not known yet.  "": it has none */
};

struct trust;
NIGH_MUST enum nigh_status trust_new(struct trust **ret, struct store *store, struct nigh_err *err);
struct trust *trust_free(struct trust *trust);

const struct trust_model *trust_find(const struct trust *trust, const char *path); /* or NULL */
/* why: filled when refused. */
enum trust_state trust_look(const struct trust *trust, const char *path, const char *stamp,
                            char why[static TRUST_WHY_BYTES]);

/* What a check found.  why: NULL when the files are sound.  The first template is pinned.  False:
 * out of memory, nothing is known. */
NIGH_MUST bool trust_checked(struct trust *trust, const char *path, const char *stamp,
                             const char *why, struct slice template);
/* What came to light later: the template misbehaves, the process dies of it. */
void trust_refuse(struct trust *trust, const char *path, const char *why);
/* The owner takes it as it is.  NIGH_NOTFOUND: no such path; NIGH_DENIED: it is malformed. */
NIGH_MUST enum nigh_status trust_accept(struct trust *trust, const char *path,
                                        struct nigh_err *err);
/* BLAKE2b-256 of a template (not of its base64), in hex; "" of what is NULL or empty. */
enum { TRUST_DIGEST_BYTES = 65 };
void trust_digest(char ret[static TRUST_DIGEST_BYTES], const char *base64);
