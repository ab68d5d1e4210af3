/* store: everything durable, in one SQLite database with one writer.
 *
 * Records (bills, ledger rows) are appended to a spool file by one write(2) on the loop thread,
 * which costs about two microseconds and survives the death of the process (kill -9) from then on;
 * a worker moves them into the database in batches, noting in the same transaction how far it got,
 * so that after a crash the rest is replayed and nothing is inserted twice.  A power cut may lose
 * what the kernel had not written back of the spool; docs/formats.md says so.
 *
 * Queries run on the store's worker lane after a drain, so a reader sees everything that was
 * appended before it asked.
 *
 * Invariants: 1. A record is in the spool or in the database, and never in neither.  2. A spool
 * line is `xxxxxxxxxxxxxxxx kind json\n` with a 64-bit checksum of the rest; half a line at the end
 * of a file is dropped with a log line (its append never returned), a damaged whole one, or one
 * that the database refuses, is kept aside in spool.bad and named.  3. Only the lane touches the
 * database, but for start-up (store_open, store_load) and the end (store_close).  4. Over
 * STORE_SPOOL_MAX unread bytes, appends are refused (NIGH_BUSY).  Loop thread only, but for `run`.
 */
#pragma once
#include "base/str.h"
#include "loop/work.h"
#include <sqlite3.h>

enum { STORE_SPOOL_MAX = 64 << 20 }; /* guess: minutes of a full load while the disk is stuck */
enum { STORE_ASK_MAX = 1024 };       /* questions that wait; past it store_ask says NIGH_BUSY */

struct store;
struct store_shape; /* schema.h */

/* What a kind of record does to the database: one SQL statement whose named parameters (:turn,
 * :bytes_out) are bound from the members of the record's JSON, absent ones as NULL, booleans as
 * 0/1, objects and arrays as their JSON text.  It must do nothing when it meets a record again. The
 * table of kinds stands in store/schema.c. */
struct store_kind {
    const char *name;
    const char *sql;
};

/* dir: the state folder, made private.  Opens or makes nigh.db and spool, migrates, replays.
 * Refuses a database newer than this program, and a folder that another node holds (flock). */
NIGH_MUST enum nigh_status store_open(struct store **ret, struct loop *loop, const char *dir,
                                      struct nigh_err *err);
/* The same with tables and ceilings of a test's own. */
NIGH_MUST enum nigh_status store_open_shape(struct store **ret, struct loop *loop, const char *dir,
                                            const struct store_shape *shape, struct nigh_err *err);
int store_dir(const struct store *store);       /* a descriptor of the folder, borrowed */
struct store *store_close(struct store *store); /* drains first; runs the done of what was asked */

/* At start-up only, before the first append or question: rows as store_rows_json, at once. */
NIGH_MUST enum nigh_status store_load(struct store *store, const char *sql, unsigned max_rows,
                                      struct buf *out, struct nigh_err *err);

/* json: one object on one line, at most SPOOL_RECORD_MAX bytes.  When it returns NIGH_OK the record
 * is durable as above; otherwise nothing of it will ever be seen. */
NIGH_MUST enum nigh_status store_append(struct store *store, const char *kind, struct slice json,
                                        struct nigh_err *err);

struct store_mark { /* private: how far the spool was */
    uint64_t segment, offset, written;
};

/* Embed it; zero it but for run and done. */
struct store_query {
    struct work work;       /* private */
    struct store_mark upto; /* private */
    struct store *store;    /* set by store_ask */
    bool stale; /* for run and done: the drain failed (disk full), so the newest records are missing
                 */
    void (*run)(struct store_query *q, sqlite3 *db);
    void (*done)(struct store_query *q); /* loop thread; may free it */
};
NIGH_MUST enum nigh_status store_ask(struct store *store, struct store_query *q,
                                     struct nigh_err *err);

/* Rows as a JSON array into out: one object a row, named by column; at most max_rows.  A column
 * declared JSON TEXT is shown as the JSON it holds, one declared BOOLEAN as true or false.  For
 * `run`. */
NIGH_MUST enum nigh_status store_rows_json(sqlite3 *db, const char *sql,
                                           const char *const *text_args, size_t n_args,
                                           unsigned max_rows, struct buf *out,
                                           struct nigh_err *err);
