/* row: JSON into a statement's parameters, and rows into JSON.  The store's lane, or start-up. */
#pragma once
#include "base/json.h"
#include <sqlite3.h>

/* Binds every :name of the statement from the member of that name (store.h, struct store_kind). The
 * values must live until the statement is reset.  NIGH_INVALID: not an object, or a number past
 * 64-bit signed. */
NIGH_MUST enum nigh_status row_bind(sqlite3_stmt *stmt, yyjson_val *record, struct nigh_err *err);

/* The current row as an object: by column name; NULL, numbers, texts; a column declared JSON TEXT
 * as the JSON it holds, one declared BOOLEAN as true or false, a BLOB in hexadecimal. */
void row_json(sqlite3_stmt *stmt, struct buf *out);
