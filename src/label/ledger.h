/* ledger: a row for every send that left the device, opened before the bytes go and closed after.
 *
 * Rows travel through store.h's spool, so they survive the death of the process from the moment
 * ledger_open returns.  A row that was opened and never closed (the node died in between) stays in
 * the database with status "open", its body bytes counted as out; so does one whose closing could
 * not be written.  Names in a row are copied: it stays true when the config changes.  Loop thread
 * only. Columns: see store/schema.c, table ledger; docs/formats.md. */
#pragma once
#include "label/label.h"
#include "store/store.h"

struct ledger;
/* At start, before the store's first append: asks for the highest id so far. */
NIGH_MUST enum nigh_status ledger_new(struct ledger **ret, struct store *store,
                                      const struct zones *zones, struct nigh_err *err);
struct ledger *ledger_free(struct ledger *ledger);
void ledger_zones(struct ledger *ledger, const struct zones *zones); /* after a reload */

struct ledger_entry {
    const char *turn;    /* ULID, or "" for a probe that belongs to no turn */
    const char *place;   /* "openai/gpt-5-mini" */
    const char *address; /* scheme://host:port */
    unsigned zone;
    struct label label;
    uint64_t body_bytes; /* what was cleared */
};
/* Returns the row's id, unique across restarts. */
NIGH_MUST enum nigh_status ledger_open(struct ledger *ledger, const struct ledger_entry *entry,
                                       uint64_t *ret_row, struct nigh_err *err);
/* status: the HTTP status, or 0 with `failure` a status word ("timed out"). */
void ledger_close(struct ledger *ledger, uint64_t row, uint64_t bytes_out, uint64_t bytes_in,
                  int http_status, const char *failure);

/* A send that did not happen, since a label forbids it: zero bytes, and why.  body_bytes is of no
 * matter.  The refusal stands whether or not this could be written. */
void ledger_denied(struct ledger *ledger, const struct ledger_entry *entry, const char *why);

/* What else somebody may want proven later.  Never content: names out of the config, words of ours,
 * digests. */
#define LEDGER_NOTES(N)                                                                            \
    N(CONSENT, "consent")             /* a label may be widened, from now until until_us */        \
    N(CONSENT_ENDED, "consent-ended") /* no longer: taken back */                                  \
    N(NOTE, "note")                   /* such as detection that was turned off for a place */
enum ledger_note_kind {
#define LEDGER_NOTE_KIND(name, text) LEDGER_##name,
    LEDGER_NOTES(LEDGER_NOTE_KIND)
#undef LEDGER_NOTE_KIND
};
struct ledger_note {
    enum ledger_note_kind kind;
    const char *turn;  /* NULL: of none */
    const char *place; /* NULL: of none */
    const char *label; /* as label_text writes it; NULL: none */
    const char *what;  /* "rule 3", "value 4f1a..., by nigh consent" */
    uint64_t until_us; /* wall clock; 0: without an end */
};
/* What depends on it (a consent) holds only when this says NIGH_OK. */
NIGH_MUST enum nigh_status ledger_note(struct ledger *ledger, const struct ledger_note *note,
                                       struct nigh_err *err);
