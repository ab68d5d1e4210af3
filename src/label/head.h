/* head: the file that remembers where the ledger's chain stands, `ledger.head` in the state folder.
 *
 * One line of fixed length that is written over, by one pwrite(2), after each entry that was
 * written: so it is never behind by more than the entry that was being written when the process
 * died, and a chain that ends before it has lost its tail.  Loop thread only, but head_read. */
#pragma once
#include "base/err.h"
#include "label/chain.h"

struct head;
/* dir: a descriptor of the state folder, borrowed for the call. */
NIGH_MUST enum nigh_status head_new(struct head **ret, int dir, struct nigh_err *err);
struct head *head_free(struct head *head);
NIGH_MUST enum nigh_status head_put(struct head *head, const struct chain *at,
                                    struct nigh_err *err);
/* NIGH_NOTFOUND: there is none.  NIGH_INVALID: what is there is no head. */
NIGH_MUST enum nigh_status head_read(struct chain *ret, int dir, struct nigh_err *err);
