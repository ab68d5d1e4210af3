#include "store/look.h"
#include "base/path.h"
#include "store/schema.h"
#include "store/spool.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct look {
    int dir;
    sqlite3 *db;
    struct spool_at mark; /* before it, the database has everything */
};

static enum nigh_status ask(struct look *l, const char *sql, sqlite3_int64 *ret, int n,
                            struct nigh_err *err)
{
    sqlite3_stmt *stmt = NULL;
    int rc = sqlite3_prepare_v2(l->db, sql, -1, &stmt, NULL);

    if (rc == SQLITE_OK)
        rc = sqlite3_step(stmt);
    for (int i = 0; rc == SQLITE_ROW && i < n; i++)
        ret[i] = sqlite3_column_int64(stmt, i);
    sqlite3_finalize(stmt);
    return rc == SQLITE_ROW ? NIGH_OK
                            : nigh_fail(err, NIGH_IO, "nigh.db: %s", sqlite3_errmsg(l->db));
}

/* The transaction stays open, so that what is read is of one moment. */
static enum nigh_status begin(struct look *l, struct nigh_err *err)
{
    sqlite3_int64 version = 0, at[2] = {0};
    enum nigh_status status = NIGH_OK;

    sqlite3_busy_timeout(l->db, 2000);
    if (sqlite3_exec(l->db, "BEGIN", NULL, NULL, NULL) != SQLITE_OK)
        return nigh_fail(err, NIGH_IO, "nigh.db: %s", sqlite3_errmsg(l->db));
    status = ask(l, "PRAGMA user_version", &version, 1, err);
    if (status == NIGH_OK && version != store_shape.n_migrations)
        return nigh_fail(err, NIGH_UNSUPPORTED, "nigh.db is of version %d, and this nigh reads %d",
                         (int)version, store_shape.n_migrations);
    if (status == NIGH_OK)
        status = ask(l, "SELECT segment, offset FROM spool", at, 2, err);
    l->mark = (struct spool_at){(uint64_t)at[0], (uint64_t)at[1]};
    return status;
}

static enum nigh_status open_db(struct look *l, const char *path, int flags, struct nigh_err *err)
{
    sqlite3_close(l->db);
    l->db = NULL;
    if (sqlite3_open_v2(path, &l->db, SQLITE_OPEN_READONLY | flags, NULL) != SQLITE_OK)
        return nigh_fail(err, NIGH_IO, "open %s: %s", path, sqlite3_errmsg(l->db));
    return begin(l, err);
}

/* In a folder that we may not write into SQLite cannot make the files it shares with a writer.
 * Without a write-ahead log there is no writer, and it need not. */
static enum nigh_status open_unshared(struct look *l, const char *path, struct nigh_err *err)
{
    CLEANUP(buf_done) struct buf uri = {0};
    char wal[PATH_BYTES];

    if (snprintf(wal, sizeof wal, "%s-wal", path) >= (int)sizeof wal || path_exists(wal) ||
        strpbrk(path, "?#%"))
        return NIGH_IO;
    buf_printf(&uri, "file:%s?immutable=1", path);
    return uri.failed ? NIGH_NOMEM : open_db(l, uri.data, SQLITE_OPEN_URI, err);
}

static enum nigh_status open_all(struct look *l, const char *dir, struct nigh_err *err)
{
    char path[PATH_BYTES];
    struct nigh_err why = {0};
    enum nigh_status status = path_join(path, dir, "nigh.db", err);

    if (status != NIGH_OK)
        return status;
    l->dir = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (l->dir < 0 || !path_exists(path))
        return nigh_fail(err, NIGH_NOTFOUND, "%s holds no nigh.db", dir);
    status = open_db(l, path, 0, &why);
    if (status == NIGH_IO && open_unshared(l, path, NULL) == NIGH_OK)
        return NIGH_OK;
    return status == NIGH_OK ? NIGH_OK : nigh_fail(err, status, "%s", why.what);
}

enum nigh_status look_new(struct look **ret, const char *dir, struct nigh_err *err)
{
    struct look *l = calloc(1, sizeof *l);
    enum nigh_status status;

    if (!l)
        return nigh_fail(err, NIGH_NOMEM, "store: out of memory");
    l->dir = -1;
    status = open_all(l, dir, err);
    if (status == NIGH_OK)
        *ret = l;
    else
        look_free(l);
    return status;
}

struct look *look_free(struct look *l)
{
    if (!l)
        return NULL;
    sqlite3_close(l->db);
    if (l->dir >= 0)
        close(l->dir);
    free(l);
    return NULL;
}

void look_freep(struct look **l)
{
    look_free(*l);
}

int look_dir(const struct look *l)
{
    return l->dir;
}

sqlite3 *look_db(struct look *l)
{
    return l->db;
}

/* One segment from `from` to its end as it was listed. */
static enum nigh_status read_segment(struct spool_reader *reader, struct spool_at from,
                                     const struct spool_segment *segment, const char *kind,
                                     bool (*fn)(void *owner, struct slice json), void *owner,
                                     bool *ret_more, uint64_t *damaged, struct nigh_err *err)
{
    struct spool_at end = {segment->number, segment->size_bytes};
    struct spool_line line;

    spool_seek(reader, from);
    while (*ret_more) {
        enum nigh_status status = spool_read(reader, end, &line, err);
        if (status != NIGH_OK || !line.raw.p)
            return status;
        *damaged += !line.sound;
        if (line.sound && slice_is(line.kind, kind))
            *ret_more = fn(owner, line.json);
    }
    return NIGH_OK;
}

/* Behind the mark alone; what is gone since it was listed, the node that runs has moved. */
static enum nigh_status read_listed(struct look *l, struct spool_reader *reader,
                                    const struct spool_segment *list, size_t n, const char *kind,
                                    bool (*fn)(void *owner, struct slice json), void *owner,
                                    uint64_t *damaged, struct nigh_err *err)
{
    bool more = true;

    for (size_t i = 0; more && i < n; i++) {
        struct nigh_err why = {0};
        struct spool_at from = {list[i].number, 0};
        if (from.segment < l->mark.segment)
            continue;
        if (from.segment == l->mark.segment)
            from.offset = l->mark.offset;
        if (read_segment(reader, from, &list[i], kind, fn, owner, &more, damaged, &why) != NIGH_OK)
            return nigh_fail(err, NIGH_BUSY, "%s; a node may be at work here: ask again", why.what);
    }
    return NIGH_OK;
}

enum nigh_status look_spool(struct look *l, const char *kind,
                            bool (*fn)(void *owner, struct slice json), void *owner,
                            uint64_t *ret_damaged, struct nigh_err *err)
{
    struct spool_segment *list = NULL;
    struct spool_reader *reader = NULL;
    size_t n = 0;
    enum nigh_status status = spool_list(&list, &n, l->dir, err);

    *ret_damaged = 0;
    if (status == NIGH_OK)
        status = spool_reader_new(&reader, l->dir, err);
    if (status == NIGH_OK)
        status = read_listed(l, reader, list, n, kind, fn, owner, ret_damaged, err);
    spool_reader_free(reader);
    free(list);
    return status;
}
