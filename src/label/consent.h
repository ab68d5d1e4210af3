/* consent: the one thing that widens a label: for one value or one rule, for a time, on record.
 *
 * A consent is given by a person who may (consent_give), is in the ledger before it holds, and ends
 * by itself or is taken back.  It lifts what a rule or detection says, never what the caller, a key
 * or where data came from says.  What it is for is kept as an imprint, so neither the database nor
 * the ledger holds the value.  Loop thread only.
 *
 * Invariants: 1. A consent holds only while its row and its ledger note are kept.  2. It never
 * holds after its end, whatever the clock did meanwhile: both are wall time.  3. There are at most
 * CONSENTS_MAX that hold. */
#pragma once
#include "base/rand.h"
#include "label/imprint.h"
#include "label/ledger.h"
#include "store/store.h"

#define CONSENT_KINDS(K)                                                                           \
    K(VALUE, "value") /* what detection finds */                                                   \
    K(RULE, "rule")   /* of the config */
enum consent_kind {
#define CONSENT_KIND(name, text) CONSENT_##name,
    CONSENT_KINDS(CONSENT_KIND)
#undef CONSENT_KIND
};
const char *consent_kind_text(enum consent_kind kind);

enum { CONSENTS_MAX = 1000, CONSENT_ZONE_BYTES = 33 };
#define CONSENT_MS_DEFAULT (UINT64_C(3600) * 1000)
#define CONSENT_MS_MAX     (UINT64_C(30) * 86400 * 1000)

struct consent {
    char id[ID_BYTES];
    enum consent_kind kind;
    struct imprint imprint;
    char zone[CONSENT_ZONE_BYTES]; /* how far what it is for may go; a zone's name */
    uint64_t given_us, ends_us;    /* wall clock */
    uint64_t uses;                 /* turns that were widened by it */
};

/* At start, before the store's first append: loads those that still hold. */
struct consents;
NIGH_MUST enum nigh_status consents_new(struct consents **ret, struct store *store,
                                        struct ledger *ledger, struct nigh_err *err);
struct consents *consents_free(struct consents *consents);

struct consent_wish {
    enum consent_kind kind;
    struct imprint imprint;
    const char *what; /* for the ledger: "rule 3", "a value of group card" */
    const char *zone;
    uint64_t for_ms; /* 1 to CONSENT_MS_MAX */
};
/* *ret: until the next call that changes the list. */
NIGH_MUST enum nigh_status consent_give(struct consents *consents, const struct consent_wish *wish,
                                        const struct consent **ret, struct nigh_err *err);
/* NIGH_NOTFOUND: none with this id holds. */
NIGH_MUST enum nigh_status consent_revoke(struct consents *consents, struct slice id,
                                          struct nigh_err *err);

/* Is there any at all of a kind?  Of most nodes not, and then nothing is digested. */
bool consents_any(const struct consents *consents, enum consent_kind kind);
/* The one that holds now, or NULL. */
const struct consent *consent_find(struct consents *consents, enum consent_kind kind,
                                   const struct imprint *imprint);
/* A turn was widened by it. */
void consent_used(struct consents *consents, const struct consent *consent);

/* Those that hold, the oldest first; until the list changes. */
size_t consents_count(struct consents *consents);
const struct consent *consents_at(const struct consents *consents, size_t i);
