/* gate: the one place that decides whether these bytes may go there.
 *
 * gate_clear() makes a clearance: proof that label_permits() agreed for exactly this body and this
 * destination.  net/client.c takes one with every send and spends it; there is no other source and
 * no way to spend one twice.  A refusal is an ordinary outcome (NIGH_DENIED) whose text names the
 * label and the place, never content; the ledger gets an entry of it.  Loop thread only.
 *
 * Invariants: 1. A clearance is for one pair of (body pointer and length, destination).  2. It is
 * spent at most once and freed exactly once.  3. A send to any zone but `device` has an open ledger
 * row before its first byte goes; if the row cannot be written the send does not happen.  4. A
 * clearance made before the zones changed (gate_zones) cannot be spent: its zone's number may mean
 * another zone now. */
#pragma once
#include "label/label.h"
#include "label/ledger.h"

struct gate;
struct clearance;

struct dest {            /* where bytes may go; owned by the place, outlives its clearances */
    const char *place;   /* name that users see: "openai/gpt-5-mini", "here/qwen3-0.6b" */
    const char *address; /* "https://api.openai.com:443", or "unix:" and a path */
    unsigned zone;
};

enum { DEST_PLACE_BYTES = 160, DEST_ADDRESS_BYTES = 320 }; /* with the NUL; a host name has 253 */

/* ledger may be NULL in the CLI's own client, where every destination is the device; any other is
 * then refused when it is spent. */
NIGH_MUST enum nigh_status gate_new(struct gate **ret, struct ledger *ledger,
                                    const struct zones *zones, struct nigh_err *err);
struct gate *gate_free(struct gate *gate);
/* After a reload.  A label's bits mean something only with the table they were made with, so turns
 * that were labelled before must not be cleared after. */
void gate_zones(struct gate *gate, const struct zones *zones);

/* turn: the ULID, copied; "" for a probe. */
NIGH_MUST enum nigh_status gate_clear(struct gate *gate, struct clearance **ret_pass,
                                      const char *turn, struct label data, const struct dest *to,
                                      struct slice body, struct nigh_err *err);
/* How many values of the body are placeholders (label/mask.h), for the ledger; before it is spent.
 */
void clearance_masked(struct clearance *pass, uint64_t values);
/* NULL is fine.  Spent and not settled: its ledger row is closed as abandoned, all bytes counted
 * out. */
struct clearance *clearance_free(struct clearance *pass);

/* For net/client.c only.  Spends it: refuses a second time and any other body or destination, and
 * opens the ledger row. */
NIGH_MUST enum nigh_status clearance_spend(struct clearance *pass, const struct dest *to,
                                           struct slice body, struct nigh_err *err);
/* Tells what became of the send; closes the ledger row.  Of an unspent or settled one: nothing. */
void clearance_settle(struct clearance *pass, const struct ledger_sent *sent);
