/* entries: the ledger's entries out of the database, as the lines they were sealed as.
 *
 * A line is made of its row's columns, so whatever was changed in the database is changed in the
 * line, and does not fit its hash.  Any thread that may use the database. */
#pragma once
#include "base/err.h"
#include "base/str.h"
#include <sqlite3.h>

/* Those with a number over `after` (0: from the first that is there, whatever its number) and up to
 * `upto`, in order, without their line ends; fn returns false to stop there. */
NIGH_MUST enum nigh_status entries_read(sqlite3 *db, uint64_t after, uint64_t upto,
                                        bool (*fn)(void *owner, struct slice line), void *owner,
                                        struct nigh_err *err);
