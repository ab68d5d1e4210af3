/* store: everything durable, in one SQLite database with one writer.
 *
 * Records (bills, ledger rows) are appended to a spool file by one write(2) on the loop thread, which
 * costs about two microseconds and survives the death of the process (kill -9) from then on; a worker
 * moves them into the database in batches, noting in the same transaction how far it got, so that
 * after a crash the rest is replayed and nothing is inserted twice.  A power cut may lose what the
 * kernel had not written back (SQLite WAL, synchronous=NORMAL); docs/formats.md says so.
 *
 * Queries run on the store's worker lane after a drain, so a reader sees everything that was
 * appended before it asked.
 *
 * Invariants: 1. A record is in the spool or in the database, and never in neither.  2. A spool line is
 * `xxxxxxxxxxxxxxxx kind json\n` with a 64-bit checksum of the rest; a torn or damaged last line is
 * dropped with a log line, a damaged one before others is kept aside in spool.bad and named.  3. Only
 * the lane touches the database.  4. Over STORE_SPOOL_MAX unread bytes, appends are refused (NIGH_BUSY).
 * Loop thread only, but for `run`. */
#pragma once
#include "base/str.h"
#include "loop/work.h"
#include <sqlite3.h>

enum { STORE_SPOOL_MAX = 64 << 20 }; /* guess: minutes of a full load while the disk is stuck */

struct store;

/* What a kind of record does to the database: one SQL statement whose named parameters (:turn,
 * :bytes_out) are bound from the members of the record's JSON, absent ones as NULL, booleans as 0/1,
 * objects and arrays as their JSON text.  The table of kinds stands in store/schema.c. */
struct store_kind {
    const char *name;
    const char *sql;
};

/* dir: the state folder, made private.  Opens or makes nigh.db and spool, migrates, replays.  Refuses
 * a database newer than this program, and a folder that another node holds (flock). */
NIGH_MUST enum nigh_status store_open(struct store **ret, struct loop *loop, const char *dir,
                                      struct nigh_err *err);
struct store *store_close(struct store *store); /* drains first */

NIGH_MUST enum nigh_status store_append(struct store *store, const char *kind, struct slice json,
                                        struct nigh_err *err);

/* Embed it.  run: on the lane, with the database, after everything appended so far is in it. */
struct store_query {
    struct work work; /* private */
    struct store *store;
    void (*run)(struct store_query *q, sqlite3 *db);
    void (*done)(struct store_query *q); /* loop thread; may free it */
};
NIGH_MUST enum nigh_status store_ask(struct store *store, struct store_query *q,
                                     struct nigh_err *err);

/* Rows as a JSON array into out: one object a row, named by column; at most max_rows.  For `run`. */
NIGH_MUST enum nigh_status store_rows_json(sqlite3 *db, const char *sql, const char *const *text_args,
                                           size_t n_args, unsigned max_rows, struct buf *out,
                                           struct nigh_err *err);
