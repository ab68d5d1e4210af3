/* admin: the node's own routes: status, places, bills, the ledger, keys, models.
 *
 * Each takes the exchange and answers it, now or when the store has read, and releases it.  rest:
 * what follows the route's path, such as an id; the exchange's own bytes.  Errors have the shape of
 * routes_shape.  Loop thread only. */
#pragma once
#include "api/api.h"
#include "nigh/node.h"

typedef void admin_fn(struct node *node, struct exchange *ex, struct slice rest);

admin_fn admin_models, admin_model, admin_health, admin_ready, admin_status, admin_places,
    admin_turns, admin_turn, admin_engine_log, admin_keys, admin_key_new, admin_key_revoke;
/* ledger_routes.c, ledger_export.c */
admin_fn admin_ledger, admin_ledger_verify, admin_ledger_head, admin_ledger_export;
/* consent_routes.c */
admin_fn admin_consents, admin_consent_give, admin_consent_revoke;
/* model_files.c */
admin_fn admin_model_files, admin_model_accept;
/* ollama.c */
admin_fn admin_ollama_tags, admin_ollama_show, admin_ollama_ps, admin_ollama_version,
    admin_ollama_alive, admin_ollama_not_here;

enum {
    ADMIN_ROWS = 50,       /* of a listing that asked for no number */
    ADMIN_ROWS_MAX = 1000, /* at most; ?limit= */
};

/* Answers with the refusal in the caller's shape; does not release. */
void admin_refuse(struct exchange *ex, const struct refusal *refusal);
/* Answers with it, or with JSON, whose buffer ends with the call; releases. */
void admin_fail(struct exchange *ex, const struct nigh_err *err);
void admin_answer(struct exchange *ex, int status, struct buf *json);
