/* Reading what was kept.  The store's lane. */
#include "nigh/kept.h"

#include "base/fault.h"
#include <stdio.h>

static void stmt_done(sqlite3_stmt **stmt)
{
    sqlite3_finalize(*stmt);
}

static sqlite3_stmt *ask(sqlite3 *db, const char *sql, const char *one, const char *two,
                         struct nigh_err *err)
{
    sqlite3_stmt *stmt = NULL;
    int rc = fault_hit(FAULT_SQL) ? SQLITE_IOERR : sqlite3_prepare_v2(db, sql, -1, &stmt, NULL);

    if (rc == SQLITE_OK)
        rc = sqlite3_bind_text(stmt, 1, one, -1, SQLITE_STATIC);
    if (rc == SQLITE_OK)
        rc = sqlite3_bind_text(stmt, 2, two, -1, SQLITE_STATIC);
    if (rc == SQLITE_OK)
        return stmt;
    nigh_fail(err, NIGH_IO, "nigh.db: %s", sqlite3_errstr(rc));
    sqlite3_finalize(stmt);
    return NULL;
}

static bool step_fails(int rc, struct nigh_err *err)
{
    if (rc == SQLITE_ROW || rc == SQLITE_DONE)
        return false;
    nigh_fail(err, NIGH_IO, "nigh.db: %s", sqlite3_errstr(rc));
    return true;
}

static void copy_column(sqlite3_stmt *stmt, int at, char *to, size_t size)
{
    const char *text = (const char *)sqlite3_column_text(stmt, at);

    snprintf(to, size, "%s", text ? text : "");
}

bool kept_read_row(sqlite3 *db, const char *id, const char *key, struct kept_row *ret,
                   struct nigh_err *err)
{
    CLEANUP(stmt_done)
    sqlite3_stmt *stmt = ask(
        db, "SELECT label, previous FROM responses WHERE id = ?1 AND key_name = ?2", id, key, err);
    int rc = stmt ? sqlite3_step(stmt) : SQLITE_ERROR;

    if (!stmt || step_fails(rc, err) || rc == SQLITE_DONE)
        return false;
    copy_column(stmt, 0, ret->label, sizeof ret->label);
    copy_column(stmt, 1, ret->previous, sizeof ret->previous);
    return true;
}

bool kept_read_part(sqlite3 *db, const char *id, const char *part, struct buf *out,
                    struct nigh_err *err)
{
    CLEANUP(stmt_done)
    sqlite3_stmt *stmt =
        ask(db, "SELECT text FROM response_pieces WHERE response = ?1 AND part = ?2 ORDER BY n", id,
            part, err);
    int rc = SQLITE_DONE;

    while (stmt && (rc = sqlite3_step(stmt)) == SQLITE_ROW)
        buf_add(out, sqlite3_column_text(stmt, 0), (size_t)sqlite3_column_bytes(stmt, 0));
    if (!stmt || step_fails(rc, err))
        return false;
    if (out->failed)
        nigh_fail(err, NIGH_TOOBIG, "what this goes on from is larger than %d MiB",
                  KEPT_PAST_MAX >> 20);
    return !out->failed;
}
