/* question: a route of the node's own that its database answers.
 *
 * Made for an exchange, asked of the store's lane, which writes JSON; the exchange gets that, or
 * the error, when the lane is done, and all is freed.  What needs more embeds it as its first
 * member. Loop thread only, but for run. */
#pragma once
#include "nigh/node.h"

struct question {
    struct store_query q;
    struct exchange *ex;
    bool gone;      /* its caller left */
    unsigned limit; /* ?limit= */
    struct buf json;
    struct nigh_err err;
};

/* size: of what it is embedded in, zeroed.  NULL: the exchange was told why not. */
struct question *question_new(size_t size, struct exchange *ex);
/* Takes it.  run fills json or err, on the lane. */
void question_ask(struct question *question, struct node *node,
                  void (*run)(struct store_query *q, sqlite3 *db));
/* The same for one that cannot be asked after all. */
void question_refuse(struct question *question, const struct nigh_err *err);

/* For run: the rows of sql as "name": [...], as many as limit. */
void question_rows(struct question *question, sqlite3 *db, const char *name, const char *sql,
                   const char *const *args, size_t n_args);
