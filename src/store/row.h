/* row: JSON into a statement's parameters, and rows into JSON.  The store's lane, or start-up. */
#pragma once
#include "base/json.h"
#include <sqlite3.h>

/* A statement and the names of its parameters: SQLite walks its list of names for each one asked,
 * which for a bill's 31 was a fifth of all the work of a drain. */
struct row_insert {
    sqlite3_stmt *stmt;
    const char **name; /* without the colon; the statement's own memory */
    int n;
};
NIGH_MUST enum nigh_status row_insert_init(struct row_insert *ret, sqlite3 *db, const char *sql,
                                           struct nigh_err *err);
void row_insert_done(struct row_insert *insert);

/* Binds every :name of the statement from the member of that name (store.h, struct store_kind). The
 * values must live until the statement is reset.  NIGH_INVALID: not an object, or a number past
 * 64-bit signed. */
NIGH_MUST enum nigh_status row_bind(const struct row_insert *insert, yyjson_val *record,
                                    struct nigh_err *err);

/* The current row as an object: by column name; NULL, numbers, texts; a column declared JSON TEXT
 * as the JSON it holds, one declared BOOLEAN as true or false, a BLOB in hexadecimal. */
void row_json(sqlite3_stmt *stmt, struct buf *out);
