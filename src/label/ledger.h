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
