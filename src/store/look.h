/* look: a state folder read without changing it: the database, and what still waits in the spool.
 *
 * For a node that does not run, or of which nothing is wanted but the truth on disk.  Nothing is
 * locked, migrated, drained or removed; a node that starts meanwhile is not disturbed, and what it
 * moves under our eyes is an error that says so (NIGH_BUSY), never a wrong answer.  One thread. */
#pragma once
#include "base/err.h"
#include "base/str.h"
#include <sqlite3.h>

struct look;
/* NIGH_NOTFOUND: there is no database.  NIGH_UNSUPPORTED: of another version than this program's:
 * a start of the node brings an older one up. */
NIGH_MUST enum nigh_status look_new(struct look **ret, const char *dir, struct nigh_err *err);
struct look *look_free(struct look *look);
void look_freep(struct look **look);

int look_dir(const struct look *look); /* a descriptor of the folder, borrowed */
/* One state of the database for as long as the look lives. */
sqlite3 *look_db(struct look *look);
/* Every record of this kind that the database has not taken yet, in order; fn returns false to stop
 * there.  *ret_damaged: lines that are no records. */
NIGH_MUST enum nigh_status look_spool(struct look *look, const char *kind,
                                      bool (*fn)(void *owner, struct slice json), void *owner,
                                      uint64_t *ret_damaged, struct nigh_err *err);
