#include "store/drain.h"
#include "base/fault.h"
#include "base/log.h"
#include "base/path.h"
#include "store/row.h"
#include "store/store.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct drain {
    int dir, bad; /* bad: spool.bad, -1 until a line needs it */
    const struct store_shape *shape;
    sqlite3 *db;
    struct row_insert *insert; /* one a kind */
    sqlite3_stmt *begin, *mark, *commit;
    struct spool_reader *reader;
    struct spool_at committed;
    uint64_t oldest; /* segment that may still be a file, of those after the start */
    struct arena arena;
};

sqlite3 *drain_db(struct drain *d)
{
    return d->db;
}

static enum nigh_status sql_fail(struct drain *d, int rc, struct nigh_err *err)
{
    return nigh_fail(err, NIGH_IO, "nigh.db: %s", sqlite3_errstr(rc));
}

static int step(sqlite3_stmt *stmt)
{
    int rc = fault_hit(FAULT_SQL) ? SQLITE_IOERR : sqlite3_step(stmt);

    sqlite3_reset(stmt);
    return rc;
}

static enum nigh_status prepare(struct drain *d, sqlite3_stmt **ret, const char *sql,
                                struct nigh_err *err)
{
    int rc = sqlite3_prepare_v3(d->db, sql, -1, SQLITE_PREPARE_PERSISTENT, ret, NULL);

    return rc == SQLITE_OK ? NIGH_OK : sql_fail(d, rc, err);
}

static enum nigh_status prepare_all(struct drain *d, struct nigh_err *err)
{
    enum nigh_status status = prepare(d, &d->begin, "BEGIN IMMEDIATE", err);

    if (status == NIGH_OK)
        status = prepare(d, &d->commit, "COMMIT", err);
    if (status == NIGH_OK)
        status = prepare(d, &d->mark, "UPDATE spool SET segment = ?, offset = ?", err);
    d->insert = calloc(d->shape->n_kinds, sizeof *d->insert);
    if (!d->insert)
        return nigh_fail(err, NIGH_NOMEM, "store: out of memory");
    for (size_t i = 0; status == NIGH_OK && i < d->shape->n_kinds; i++)
        status = row_insert_init(&d->insert[i], d->db, d->shape->kinds[i].sql, err);
    return status;
}

/* Where the last commit left the spool. */
static enum nigh_status committed_load(struct drain *d, struct nigh_err *err)
{
    sqlite3_stmt *stmt = NULL;
    enum nigh_status status = prepare(d, &stmt, "SELECT segment, offset FROM spool", err);

    if (status != NIGH_OK)
        return status;
    if (fault_hit(FAULT_SQL) || sqlite3_step(stmt) != SQLITE_ROW) {
        sqlite3_finalize(stmt);
        return nigh_fail(err, NIGH_IO, "nigh.db: its place in the spool cannot be read");
    }
    d->committed = (struct spool_at){(uint64_t)sqlite3_column_int64(stmt, 0),
                                     (uint64_t)sqlite3_column_int64(stmt, 1)};
    sqlite3_finalize(stmt);
    return NIGH_OK;
}

/* The file is made here, so that it is private whatever the umask; SQLite gives -wal and -shm the
 * same mode. */
static enum nigh_status db_open(struct drain *d, const char *dir, struct nigh_err *err)
{
    char path[PATH_BYTES];
    enum nigh_status status = path_join(path, dir, "nigh.db", err);
    int fd, rc;

    if (status != NIGH_OK)
        return status;
    fd = fault_hit(FAULT_OPEN) ? -1 : open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return nigh_fail(err, NIGH_IO, "open %s: %m", path);
    close(fd);
    rc = sqlite3_open_v2(path, &d->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_busy_timeout(d->db, 5000); /* somebody's sqlite3 shell or backup */
    if (rc == SQLITE_OK)
        rc = sqlite3_exec(d->db,
                          "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;"
                          "PRAGMA cache_size = -512; PRAGMA mmap_size = 0;"
                          "PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF;"
                          "PRAGMA secure_delete = ON", /* a response that is forgotten is */
                          NULL, NULL, NULL);
    if (rc == SQLITE_NOTADB || rc == SQLITE_CORRUPT)
        return nigh_fail(err, NIGH_IO, "%s is damaged (%s): move it away or restore a copy", path,
                         sqlite3_errstr(rc));
    return rc == SQLITE_OK ? NIGH_OK : nigh_fail(err, NIGH_IO, "%s: %s", path, sqlite3_errstr(rc));
}

enum nigh_status drain_new(struct drain **ret, const char *dir, int dir_fd,
                           const struct store_shape *shape, struct nigh_err *err)
{
    struct drain *d = calloc(1, sizeof *d);
    enum nigh_status status;

    if (!d)
        return nigh_fail(err, NIGH_NOMEM, "store: out of memory");
    *d = (struct drain){.dir = dir_fd, .bad = -1, .shape = shape};
    arena_init(&d->arena, 24 * SPOOL_RECORD_MAX); /* 16 bytes a value of 2, and the texts */
    status = db_open(d, dir, err);
    if (status == NIGH_OK)
        status = schema_migrate(d->db, shape, err);
    if (status == NIGH_OK)
        status = prepare_all(d, err);
    if (status == NIGH_OK)
        status = committed_load(d, err);
    if (status == NIGH_OK)
        status = spool_reader_new(&d->reader, dir_fd, err);
    if (status == NIGH_OK)
        *ret = d;
    else
        drain_free(d);
    return status;
}

struct drain *drain_free(struct drain *d)
{
    if (!d)
        return NULL;
    spool_reader_free(d->reader);
    for (size_t i = 0; d->insert && i < d->shape->n_kinds; i++)
        row_insert_done(&d->insert[i]);
    free(d->insert);
    sqlite3_finalize(d->begin);
    sqlite3_finalize(d->mark);
    sqlite3_finalize(d->commit);
    sqlite3_close(d->db);
    if (d->bad >= 0)
        close(d->bad);
    arena_done(&d->arena);
    free(d);
    return NULL;
}

/* A crash before the commit repeats this, so a line may stand in spool.bad twice. */
static enum nigh_status set_aside(struct drain *d, const struct spool_line *line, const char *why,
                                  struct nigh_err *err)
{
    struct spool_at at = spool_tell(d->reader);
    struct stat st;
    ssize_t n;

    log_at(LOG_ERROR, "store", "a damaged or unusable record was set aside in spool.bad",
           LOG_NUM("segment", at.segment), LOG_NUM("ends_at", at.offset),
           LOG_NUM("bytes", line->raw.len), LOG_WORD("why", why));
    if (d->bad < 0)
        d->bad = fault_hit(FAULT_OPEN)
                     ? -1
                     : openat(d->dir, "spool.bad", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (d->bad < 0 || fstat(d->bad, &st) != 0)
        return nigh_fail(err, NIGH_IO, "open spool.bad: %m");
    if ((uint64_t)st.st_size + line->raw.len >= DRAIN_BAD_MAX)
        return NIGH_OK;
    n = fault_hit(FAULT_WRITE) ? -1 : write(d->bad, line->raw.p, line->raw.len);
    if (n != (ssize_t)line->raw.len || write(d->bad, "\n", 1) != 1)
        return nigh_fail(err, NIGH_IO, "write spool.bad: %m");
    return NIGH_OK;
}

static const struct row_insert *insert_of(struct drain *d, struct slice kind)
{
    for (size_t i = 0; i < d->shape->n_kinds; i++)
        if (slice_is(kind, d->shape->kinds[i].name))
            return &d->insert[i];
    return NULL;
}

/* The database's own word on a record: did it, cannot ever, or cannot now. */
static enum nigh_status insert(struct drain *d, const struct row_insert *in,
                               const struct spool_line *line, struct nigh_err *err)
{
    struct nigh_err why = {0};
    yyjson_val *record;
    enum nigh_status status;
    int rc = SQLITE_DONE;

    arena_reset(&d->arena);
    status = json_parse(&record, line->json, &d->arena, &why);
    if (status == NIGH_OK)
        status = row_bind(in, record, &why);
    if (status == NIGH_OK)
        rc = step(in->stmt);
    if (status == NIGH_INVALID)
        return set_aside(d, line, "json", err);
    if (status != NIGH_OK) /* no memory now: the arena has room for whatever fits on a line */
        return nigh_fail(err, status, "%s", why.what);
    if (rc == SQLITE_CONSTRAINT || rc == SQLITE_MISMATCH || rc == SQLITE_TOOBIG)
        return set_aside(d, line, sqlite3_errstr(rc), err);
    return rc == SQLITE_DONE ? NIGH_OK : sql_fail(d, rc, err);
}

static enum nigh_status take_line(struct drain *d, const struct spool_line *line,
                                  struct nigh_err *err)
{
    const struct row_insert *in = line->sound ? insert_of(d, line->kind) : NULL;

    if (!line->sound)
        return set_aside(d, line, "checksum", err);
    if (!in)
        return set_aside(d, line, "kind", err);
    return insert(d, in, line, err);
}

/* Up to a batch of lines into the open transaction; *ret_any: there was something to note. */
static enum nigh_status take_batch(struct drain *d, struct spool_at upto, bool *ret_any,
                                   bool *ret_more, struct nigh_err *err)
{
    enum nigh_status status = NIGH_OK;
    struct spool_at now;

    *ret_more = true;
    for (int n = 0; status == NIGH_OK && *ret_more && n < DRAIN_BATCH_MAX; n++) {
        struct spool_line line;

        status = spool_read(d->reader, upto, &line, err);
        *ret_more = line.raw.p != NULL;
        if (status == NIGH_OK && *ret_more)
            status = take_line(d, &line, err);
    }
    now = spool_tell(d->reader);
    *ret_any = now.segment != d->committed.segment || now.offset != d->committed.offset;
    return status;
}

static enum nigh_status put_mark(struct drain *d, struct spool_at at, struct nigh_err *err)
{
    int rc;

    sqlite3_bind_int64(d->mark, 1, (sqlite3_int64)at.segment);
    sqlite3_bind_int64(d->mark, 2, (sqlite3_int64)at.offset);
    rc = step(d->mark);
    return rc == SQLITE_DONE ? NIGH_OK : sql_fail(d, rc, err);
}

static enum nigh_status batch(struct drain *d, struct spool_at upto, bool *ret_more,
                              struct nigh_err *err)
{
    struct spool_at at;
    bool any = false;
    int rc = step(d->begin);
    enum nigh_status status = rc == SQLITE_DONE ? NIGH_OK : sql_fail(d, rc, err);

    if (status == NIGH_OK)
        status = take_batch(d, upto, &any, ret_more, err);
    at = spool_tell(d->reader);
    if (status == NIGH_OK && any)
        status = put_mark(d, at, err);
    if (status == NIGH_OK) {
        rc = step(d->commit);
        status = rc == SQLITE_DONE ? NIGH_OK : sql_fail(d, rc, err);
    }
    if (status == NIGH_OK) {
        d->committed = at;
        return NIGH_OK;
    }
    if (!sqlite3_get_autocommit(d->db))
        sqlite3_exec(d->db, "ROLLBACK", NULL, NULL, NULL);
    spool_seek(d->reader, d->committed);
    return status;
}

/* A segment goes only when the database's own files are synced: what the kernel wrote back of the
 * spool is thus never given up for pages it has not. */
static bool synced(struct drain *d)
{
    return sqlite3_wal_checkpoint_v2(d->db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL) ==
           SQLITE_OK;
}

static void remove_read(struct drain *d)
{
    if (d->oldest >= d->committed.segment || !synced(d))
        return;
    while (d->oldest < d->committed.segment)
        spool_remove(d->dir, d->oldest++);
}

enum nigh_status drain_run(struct drain *d, struct spool_at upto, struct nigh_err *err)
{
    enum nigh_status status = NIGH_OK;
    bool more = d->committed.segment < upto.segment ||
                (d->committed.segment == upto.segment && d->committed.offset < upto.offset);

    while (status == NIGH_OK && more)
        status = batch(d, upto, &more, err);
    remove_read(d);
    return status;
}

/* One segment after the other by the list, for somebody may have removed one between. */
static enum nigh_status replay_list(struct drain *d, const struct spool_segment *list, size_t n,
                                    struct nigh_err *err)
{
    enum nigh_status status = NIGH_OK;

    for (size_t i = 0; status == NIGH_OK && i < n; i++) {
        struct spool_at end = {list[i].number, list[i].size_bytes};

        if (end.segment < d->committed.segment)
            continue;
        if (end.segment > d->committed.segment)
            d->committed = (struct spool_at){end.segment, 0};
        spool_seek(d->reader, d->committed);
        status = drain_run(d, end, err);
    }
    return status;
}

enum nigh_status drain_replay(struct drain *d, uint64_t *ret_next, struct nigh_err *err)
{
    struct spool_segment *list;
    size_t n;
    struct spool_at next = {d->committed.segment + 1, 0};
    enum nigh_status status = spool_list(&list, &n, d->dir, err);

    if (status != NIGH_OK)
        return status;
    if (n && list[n - 1].number >= next.segment)
        next.segment = list[n - 1].number + 1;
    d->oldest = UINT64_MAX;
    status = replay_list(d, list, n, err);
    if (status == NIGH_OK)
        status = put_mark(d, next, err);
    if (status == NIGH_OK) {
        bool may_go = synced(d);

        for (size_t i = 0; may_go && i < n; i++)
            spool_remove(d->dir, list[i].number);
        d->committed = next;
        d->oldest = next.segment;
        spool_seek(d->reader, next);
        *ret_next = next.segment;
    }
    free(list);
    return status;
}
