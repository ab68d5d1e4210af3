/* drain: the lane's half of the store: the database, and the spool's reader before it.
 *
 * Takes lines from the spool, binds each to its kind's statement, and commits them together with
 * the place it got to, so that a crash between any two instructions repeats or continues and never
 * skips. A line that is damaged, or that the database refuses for what it says, is copied to
 * spool.bad and named in the log; a database that fails (disk full, I/O) keeps everything where it
 * is.  One thread at a time: the caller's at the start and the end, the lane's between. */
#pragma once
#include "store/schema.h"
#include "store/spool.h"

enum {
    DRAIN_BATCH_MAX = 4096,   /* records in a transaction; keeps the WAL of a long replay short */
    DRAIN_BAD_MAX = 16 << 20, /* of spool.bad: a ceiling, past it lines are named and gone */
};

struct drain;
/* dir: the state folder, private and locked; dir_fd is borrowed.  Opens or makes nigh.db, migrates.
 */
NIGH_MUST enum nigh_status drain_new(struct drain **ret, const char *dir, int dir_fd,
                                     const struct store_shape *shape, struct nigh_err *err);
struct drain *drain_free(struct drain *drain);

/* At the start: moves all segments that are there into the database, and removes them.  *ret_next:
 * the number of the segment to begin. */
NIGH_MUST enum nigh_status drain_replay(struct drain *drain, uint64_t *ret_next,
                                        struct nigh_err *err);
/* Moves what stands before upto.  After a failure the next call goes on from the last commit. */
NIGH_MUST enum nigh_status drain_run(struct drain *drain, struct spool_at upto,
                                     struct nigh_err *err);
sqlite3 *drain_db(struct drain *drain);
