/* kept: answers of OpenAI's Responses API that stay (`store: true`), and turns that go on from
 * them.
 *
 * An answer is kept when it is whole: what the caller sent this time, and the Response object, in
 * pieces of spool records, then a row that makes them count; all of it before the last byte goes
 * out.  What cannot be kept (too large, a full disk, `responses.keep: 0s`) is answered all the same
 * and says `store: false`.
 *
 * A response belongs to the key that made it: for every other it does not exist.  It carries the
 * label of its turn, by the names of zones, and a turn that goes on from it is labelled no wider; a
 * zone that the config no longer has permits nothing.
 *
 * Reading is the store's lane's work: the walk is parked meanwhile.  Loop thread only. */
#pragma once
#include "api/openai_responses.h"
#include "nigh/admin.h"
#include "nigh/request.h"

enum {
    KEPT_PIECE_BYTES = 96 << 10, /* of one record, which holds it escaped: twice as long at most */
    KEPT_INPUT_MAX = 8 << 20,    /* a request that is longer is not kept */
    KEPT_ANSWER_MAX = 16 << 20,  /* an answer that is longer is not */
    KEPT_PAST_MAX = 32 << 20,    /* bytes of a conversation that is gone on from */
    KEPT_REFERENCES_MAX = 1024,  /* responses that item_references of one turn may point into */
    KEPT_SWEEP_MS = 3600 * 1000, /* between two looks for what is too old */
    KEPT_SWEEP_SHARE = 16,       /* and whenever so much of the bound was written since */
    KEPT_ITEMS = 20,             /* of a listing that asked for no number: OpenAI's own */
    KEPT_ITEMS_MAX = 100,
};

/* steps.c: will the answer be kept; the earlier conversation put before the turn's messages. */
enum walk_step step_resume(struct walk *walk);
/* request.c: the turn is over before its past came. */
void kept_forsake(struct request *r);
/* How far what was kept under a label with this text may go now. */
struct label kept_label(const struct zones *zones, struct slice text);
/* dispatch.c, steps.c: the answer is whole and its bill is known; before its end is encoded. */
void kept_put(struct request *r);
/* node.c: forgets what is too old or too much, now and from now on every hour. */
void kept_sweep(struct node *node);

/* routes.c: GET /v1/responses/ID and /ID/input_items, DELETE, POST /ID/cancel. */
admin_fn kept_get, kept_delete, kept_post;

/* kept_read.c, on the lane: a response's parts as JSON into out; false: there is none, or err. */
struct kept_row {
    char label[LABEL_TEXT_BYTES];
    char previous[RESPONSES_ID_BYTES]; /* "": none */
};
bool kept_read_row(sqlite3 *db, const char *id, const char *key, struct kept_row *ret,
                   struct nigh_err *err);
/* part: "input", the list of items; "response", the object. */
bool kept_read_part(sqlite3 *db, const char *id, const char *part, struct buf *out,
                    struct nigh_err *err);
