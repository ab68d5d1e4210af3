/* ledger: what left the device, what was kept from leaving, and who allowed what: entries that are
 * only ever appended, each tied to the one before (chain.h).
 *
 * A send is two entries: `send-opened` before its first byte goes, `send-closed` after its last.
 * They travel through store.h's spool, so they survive the death of the process from the moment
 * ledger_open returns.  A send that was opened and never closed (the node died in between, or its
 * closing could not be written) counts all of its body as out.  Names are copied: an entry stays
 * true when the config changes.
 *
 * What a start finds to be wrong (the chain ends before the head says it must, or is another) is an
 * entry of its own, `gap`: the ledger goes on, and says so for ever.
 *
 * Loop thread only. Columns: see store/schema.c, table entries; docs/formats.md. */
#pragma once
#include "base/json.h"
#include "label/chain.h"
#include "label/label.h"
#include "store/store.h"

/* The members of an entry besides hash, in the order in which they are written; those that an entry
 * does not have are left out. */
#define LEDGER_FIELDS(F)                                                                           \
    F(seq)                                                                                         \
    F(kind)                                                                                        \
    F(at)                                                                                          \
    F(send)                                                                                        \
    F(turn)                                                                                        \
    F(place)                                                                                       \
    F(address)                                                                                     \
    F(zone)                                                                                        \
    F(label)                                                                                       \
    F(body_bytes)                                                                                  \
    F(masked)                                                                                      \
    F(bytes_out)                                                                                   \
    F(bytes_in)                                                                                    \
    F(kernel_out)                                                                                  \
    F(kernel_in)                                                                                   \
    F(http_status)                                                                                 \
    F(status)                                                                                      \
    F(what)                                                                                        \
    F(until)

struct ledger;
/* At start: goes on where the chain in the database stands, and compares it with the head's file.
 * The first entry of all is `origin`. */
NIGH_MUST enum nigh_status ledger_new(struct ledger **ret, struct store *store,
                                      const struct zones *zones, struct nigh_err *err);
struct ledger *ledger_free(struct ledger *ledger);
void ledger_zones(struct ledger *ledger, const struct zones *zones); /* after a reload */
struct chain ledger_head(const struct ledger *ledger);               /* where it stands now */

struct ledger_entry {
    const char *turn;    /* ULID, or "" for a probe that belongs to no turn */
    const char *place;   /* "openai/gpt-5-mini" */
    const char *address; /* scheme://host:port */
    unsigned zone;
    struct label label;
    uint64_t body_bytes; /* what was cleared */
    uint64_t masked;     /* of it, how many values are placeholders */
};
/* Returns the send's id: the number of its entry, unique across restarts. */
NIGH_MUST enum nigh_status ledger_open(struct ledger *ledger, const struct ledger_entry *entry,
                                       uint64_t *ret_id, struct nigh_err *err);

/* What became of a send. */
struct ledger_sent {
    uint64_t bytes_out, bytes_in;  /* as handed over and taken, before TLS */
    int64_t kernel_out, kernel_in; /* the kernel's count of the same on that connection, with what
                                      TLS adds; -1: not told */
    int http_status;               /* 0: none came */
    const char *failure; /* a few words of ours, never an upstream's; NULL: it went well */
};
void ledger_close(struct ledger *ledger, uint64_t id, const struct ledger_sent *sent);

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
