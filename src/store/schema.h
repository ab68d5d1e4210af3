/* schema: the tables, how they came to be, and what each kind of record does to them.
 *
 * A shape is everything about a store that is not mechanism: tests open one with tables and
 * ceilings of their own.  store_shape is the node's. */
#pragma once
#include "base/err.h"
#include <sqlite3.h>

struct store_kind;

struct store_shape {
    const char *const *migrations; /* [i] takes a database from version i to i + 1 (user_version) */
    int n_migrations;
    const struct store_kind *kinds;
    size_t n_kinds;
    size_t segment_max_bytes; /* of one spool file */
    size_t unread_max_bytes;  /* of all spool files: past it, appends are refused */
};
extern const struct store_shape store_shape;

/* Brings the database to the newest version, each step in a transaction of its own.  Refuses one
 * that is newer than this program, and one that is not ours (application_id). */
NIGH_MUST enum nigh_status schema_migrate(sqlite3 *db, const struct store_shape *shape,
                                          struct nigh_err *err);
