#include "label/entries.h"
#include "base/fault.h"
#include "label/ledger.h"

static const char *const fields[] = {
#define FIELD(name) #name,
    LEDGER_FIELDS(FIELD)
#undef FIELD
        "hash",
};

/* What an entry does not have is NULL; a blob or a fraction it never has. */
static void put_field(sqlite3_stmt *stmt, int at, struct buf *line)
{
    switch (sqlite3_column_type(stmt, at)) {
    case SQLITE_NULL:
        return;
    case SQLITE_INTEGER:
        json_put_int(line, fields[at], sqlite3_column_int64(stmt, at));
        return;
    case SQLITE_TEXT:
        json_put_str(line, fields[at],
                     (struct slice){(const char *)sqlite3_column_text(stmt, at),
                                    (size_t)sqlite3_column_bytes(stmt, at)});
        return;
    default:
        json_put_null(line, fields[at]);
    }
}

static void put_line(sqlite3_stmt *stmt, struct buf *line)
{
    buf_reset(line);
    buf_add_char(line, '{');
    for (int i = 0; i < (int)ARRAY_LEN(fields); i++)
        put_field(stmt, i, line);
    buf_add_char(line, '}');
}

static int prepare(sqlite3 *db, sqlite3_stmt **ret, uint64_t after, uint64_t upto)
{
    struct buf sql = {0};
    int rc = SQLITE_NOMEM;

    buf_add_cstr(&sql, "SELECT ");
    for (size_t i = 0; i < ARRAY_LEN(fields); i++)
        buf_printf(&sql, "%s%s", i ? ", " : "", fields[i]);
    buf_add_cstr(&sql, " FROM entries WHERE seq > ? AND seq <= ? ORDER BY seq");
    if (!sql.failed)
        rc = sqlite3_prepare_v2(db, sql.data, -1, ret, NULL);
    buf_done(&sql);
    if (rc == SQLITE_OK)
        rc = sqlite3_bind_int64(*ret, 1, after ? (sqlite3_int64)after : INT64_MIN);
    if (rc == SQLITE_OK)
        rc = sqlite3_bind_int64(*ret, 2, upto < INT64_MAX ? (sqlite3_int64)upto : INT64_MAX);
    return rc;
}

enum nigh_status entries_read(sqlite3 *db, uint64_t after, uint64_t upto,
                              bool (*fn)(void *owner, struct slice line), void *owner,
                              struct nigh_err *err)
{
    struct buf line = {0};
    sqlite3_stmt *stmt = NULL;
    bool more = true;
    int rc = prepare(db, &stmt, after, upto);

    while (more && (rc == SQLITE_OK || rc == SQLITE_ROW)) {
        rc = fault_hit(FAULT_SQL) ? SQLITE_IOERR : sqlite3_step(stmt);
        if (rc != SQLITE_ROW)
            break;
        put_line(stmt, &line);
        if (line.failed)
            rc = SQLITE_NOMEM;
        else
            more = fn(owner, buf_slice(&line));
    }
    sqlite3_finalize(stmt);
    buf_done(&line);
    if (rc != SQLITE_DONE && rc != SQLITE_ROW)
        return nigh_fail(err, NIGH_IO, "nigh.db: %s", sqlite3_errstr(rc));
    return NIGH_OK;
}
