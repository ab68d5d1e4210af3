/* The tables.  A migration that has been released is never edited: a new column is a new migration
 * and a new :parameter in its kind's statement.  docs/formats.md tells every column's unit and
 * meaning.
 *
 * Column types are SQLite's own, but for two words that store_rows_json reads: JSON TEXT (shown as
 * the JSON it is) and BOOLEAN. */
#include "store/schema.h"
#include "base/fault.h"
#include "store/store.h"

enum { APPLICATION_ID = 0x6e696768 }; /* "nigh" */

static const char *const migrations[] = {
    /* 1: the spool's place; bills; the ledger; keys.  *_uusd: 1e-6 USD; *_uj: microjoules; *_us: of
     * a duration; started, opened, closed, created, revoked: wall clock, microseconds since 1970.
     */
    "CREATE TABLE spool(one INTEGER PRIMARY KEY CHECK(one = 1), segment INTEGER NOT NULL,"
    " offset INTEGER NOT NULL);"
    "INSERT INTO spool VALUES(1, 0, 0);"
    "CREATE TABLE turns(id TEXT PRIMARY KEY NOT NULL, started INTEGER NOT NULL, api TEXT, place "
    "TEXT,"
    " zone TEXT, label TEXT, label_source TEXT, model_asked TEXT, status TEXT, http_status INTEGER,"
    " reason TEXT, plan JSON TEXT, tokens_in INTEGER, tokens_out INTEGER, tokens_cached INTEGER,"
    " tokens_reasoning INTEGER, tokens_known BOOLEAN, first_us INTEGER, total_us INTEGER,"
    " bytes_out INTEGER, bytes_in INTEGER, cost_uusd INTEGER, price_date TEXT, price_source TEXT,"
    " energy_uj INTEGER, energy_low_uj INTEGER, energy_high_uj INTEGER, session TEXT, key_name "
    "TEXT,"
    " steps JSON TEXT, hops INTEGER);"
    "CREATE TABLE ledger(id INTEGER PRIMARY KEY, turn TEXT NOT NULL, place TEXT NOT NULL,"
    " address TEXT NOT NULL, zone TEXT NOT NULL, label TEXT NOT NULL, opened INTEGER NOT NULL,"
    " closed INTEGER, body_bytes INTEGER NOT NULL, bytes_out INTEGER NOT NULL, bytes_in INTEGER,"
    " http_status INTEGER, status TEXT NOT NULL);"
    "CREATE INDEX ledger_turn ON ledger(turn);"
    "CREATE TABLE keys(digest TEXT PRIMARY KEY NOT NULL, name TEXT NOT NULL, created INTEGER NOT "
    "NULL,"
    " revoked INTEGER);",
    /* 2: responses that are kept for their callers.  A response counts once its row is there; its
     * pieces came before it and go with it.  created: wall clock, microseconds since 1970. */
    "CREATE TABLE responses(id TEXT PRIMARY KEY NOT NULL, created INTEGER NOT NULL,"
    " label TEXT NOT NULL, key_name TEXT NOT NULL, previous TEXT, bytes INTEGER NOT NULL);"
    "CREATE TABLE response_pieces(response TEXT NOT NULL, part TEXT NOT NULL, n INTEGER NOT NULL,"
    " text TEXT NOT NULL, PRIMARY KEY(response, part, n)) WITHOUT ROWID;"
    "CREATE TRIGGER response_gone AFTER DELETE ON responses BEGIN"
    " DELETE FROM response_pieces WHERE response = OLD.id; END;",
    /* 3: the ledger as a chain of entries (label/chain.h).  `ledger` is one row a send again, made
     * of its two entries and of the rows from before there was a chain.  at, until: wall clock,
     * microseconds since 1970. */
    "ALTER TABLE ledger RENAME TO ledger_before;"
    "CREATE TABLE entries(seq INTEGER PRIMARY KEY, kind TEXT NOT NULL, at INTEGER NOT NULL,"
    " send INTEGER, turn TEXT, place TEXT, address TEXT, zone TEXT, label TEXT, body_bytes INTEGER,"
    " masked INTEGER, bytes_out INTEGER, bytes_in INTEGER, kernel_out INTEGER, kernel_in INTEGER,"
    " http_status INTEGER, status TEXT, what TEXT, until INTEGER, hash TEXT NOT NULL);"
    "CREATE INDEX entries_send ON entries(send) WHERE send IS NOT NULL;"
    "CREATE INDEX entries_turn ON entries(turn) WHERE turn IS NOT NULL;"
    "CREATE INDEX entries_note ON entries(seq)"
    " WHERE kind NOT IN ('send-opened', 'send-closed');"
    "CREATE VIEW ledger AS SELECT o.seq AS id, o.turn AS turn, o.place AS place,"
    " o.address AS address, o.zone AS zone, o.label AS label, o.at AS opened, c.at AS closed,"
    " o.body_bytes AS body_bytes, o.masked AS masked,"
    " coalesce(c.bytes_out, o.body_bytes) AS bytes_out, c.bytes_in AS bytes_in,"
    " c.kernel_out AS kernel_out, c.kernel_in AS kernel_in, c.http_status AS http_status,"
    " coalesce(c.status, 'open') AS status"
    " FROM entries o LEFT JOIN entries c ON c.send = o.seq WHERE o.kind = 'send-opened'"
    " UNION ALL SELECT id, turn, place, address, zone, label, opened, closed, body_bytes, NULL,"
    " bytes_out, bytes_in, NULL, NULL, http_status, status FROM ledger_before;",
    /* 4: what a key may do (label/scope.h); NULL: everything. */
    "ALTER TABLE keys ADD COLUMN scope JSON TEXT;",
    /* 5: which parts of a turn were narrowed; consents; what sessions have shown.  given, ends,
     * revoked, seen: wall clock, microseconds since 1970. */
    "ALTER TABLE turns ADD COLUMN segments JSON TEXT;"
    "CREATE TABLE consents(id TEXT PRIMARY KEY NOT NULL, kind TEXT NOT NULL, imprint TEXT NOT NULL,"
    " zone TEXT NOT NULL, given INTEGER NOT NULL, ends INTEGER NOT NULL, revoked INTEGER,"
    " uses INTEGER NOT NULL DEFAULT 0);"
    "CREATE TABLE sessions(key_name TEXT NOT NULL, session TEXT NOT NULL, label TEXT NOT NULL,"
    " causes JSON TEXT NOT NULL, seen INTEGER NOT NULL, PRIMARY KEY(key_name, session))"
    " WITHOUT ROWID;"
    "CREATE INDEX sessions_seen ON sessions(seen);",
    /* 6: what is known of model files (model/trust.h).  template, pinned: base64. */
    ("CREATE TABLE models(path TEXT PRIMARY KEY NOT NULL, stamp TEXT NOT NULL, why TEXT NOT NULL,"
     " acceptable BOOLEAN NOT NULL, accepted BOOLEAN NOT NULL, template TEXT, pinned TEXT);"),
};

/* A replay may bring a record a second time: each statement then changes nothing.  ON CONFLICT
 * names the one conflict that is harmless; OR IGNORE would also swallow a missing column. */
static const struct store_kind kinds[] = {
    {"turn", "INSERT INTO turns(id, started, api, place, zone, label, label_source, model_asked,"
             " status, http_status, reason, plan, tokens_in, tokens_out, tokens_cached,"
             " tokens_reasoning, tokens_known, first_us, total_us, bytes_out, bytes_in, cost_uusd,"
             " price_date, price_source, energy_uj, energy_low_uj, energy_high_uj, session,"
             " key_name, steps, hops, segments) "
             "VALUES(:id, :started, :api, :place, :zone, :label, :label_source, :model_asked,"
             " :status, :http_status, :reason, :plan, :tokens_in, :tokens_out, :tokens_cached,"
             " :tokens_reasoning, :tokens_known, :first_us, :total_us, :bytes_out, :bytes_in,"
             " :cost_uusd, :price_date, :price_source, :energy_uj, :energy_low_uj, :energy_high_uj,"
             " :session, :key_name, :steps, :hops, :segments) ON CONFLICT(id) DO NOTHING"},
    {"ledger",
     "INSERT INTO entries(seq, kind, at, send, turn, place, address, zone, label, body_bytes,"
     " masked, bytes_out, bytes_in, kernel_out, kernel_in, http_status, status, what, until, hash) "
     "VALUES(:seq, :kind, :at, :send, :turn, :place, :address, :zone, :label, :body_bytes, :masked,"
     " :bytes_out, :bytes_in, :kernel_out, :kernel_in, :http_status, :status, :what, :until,"
     " :hash) ON CONFLICT(seq) DO NOTHING"},
    /* What an older nigh left in the spool: its rows have no chain. */
    {"ledger-open",
     "INSERT INTO ledger_before(id, turn, place, address, zone, label, opened, body_bytes,"
     " bytes_out, status) "
     "VALUES(:id, :turn, :place, :address, :zone, :label, :opened, :body_bytes,"
     " :body_bytes, 'open') ON CONFLICT(id) DO NOTHING"},
    {"ledger-close", "UPDATE ledger_before SET closed = :closed, bytes_out = :bytes_out,"
                     " bytes_in = :bytes_in, http_status = :http_status, status = :status "
                     "WHERE id = :id AND closed IS NULL"},
    {"key", "INSERT INTO keys(digest, name, created, scope) "
            "VALUES(:digest, :name, :created, :scope) ON CONFLICT(digest) DO NOTHING"},
    {"response-piece", "INSERT INTO response_pieces(response, part, n, text) "
                       "VALUES(:response, :part, :n, :text) "
                       "ON CONFLICT(response, part, n) DO NOTHING"},
    {"response", "INSERT INTO responses(id, created, label, key_name, previous, bytes) "
                 "VALUES(:id, :created, :label, :key_name, :previous, :bytes) "
                 "ON CONFLICT(id) DO NOTHING"},
    {"response-forget", "DELETE FROM responses WHERE id = :id AND key_name = :key_name"},
    /* What is too old, then the oldest until the rest is small enough; ids sort by time. */
    {"response-sweep", "DELETE FROM responses WHERE created < :before OR id IN (SELECT id FROM "
                       "(SELECT id, sum(bytes) OVER (ORDER BY id DESC) AS total FROM responses) "
                       "WHERE total > :bytes_max)"},
    /* Of a node that died between the pieces and their row, which follow one another. */
    {"response-orphans",
     "DELETE FROM response_pieces WHERE response NOT IN (SELECT id FROM responses)"},
    {"consent", "INSERT INTO consents(id, kind, imprint, zone, given, ends) "
                "VALUES(:id, :kind, :imprint, :zone, :given, :ends) ON CONFLICT(id) DO NOTHING"},
    {"consent-use", "UPDATE consents SET uses = :uses WHERE id = :id AND uses < :uses"},
    {"consent-revoke", "UPDATE consents SET revoked = :revoked WHERE id = :id AND revoked IS NULL"},
    {"session", "INSERT INTO sessions(key_name, session, label, causes, seen) "
                "VALUES(:key_name, :session, :label, :causes, :seen) "
                "ON CONFLICT(key_name, session) DO UPDATE SET label = :label, causes = :causes,"
                " seen = :seen WHERE seen <= :seen"},
    {"session-forget", "DELETE FROM sessions WHERE key_name = :key_name AND session = :session"},
    /* The latest stands, also after a replay, which brings all that followed as well. */
    {"model", "INSERT INTO models(path, stamp, why, acceptable, accepted, template, pinned) "
              "VALUES(:path, :stamp, :why, :acceptable, :accepted, :template, :pinned) "
              "ON CONFLICT(path) DO UPDATE SET stamp = excluded.stamp, why = excluded.why,"
              " acceptable = excluded.acceptable, accepted = excluded.accepted,"
              " template = excluded.template, pinned = excluded.pinned"},
    {"key-revoke", "UPDATE keys SET revoked = :revoked WHERE digest = :digest AND revoked IS NULL"},
};

const struct store_shape store_shape = {
    .migrations = migrations,
    .n_migrations = ARRAY_LEN(migrations),
    .kinds = kinds,
    .n_kinds = ARRAY_LEN(kinds),
    .segment_max_bytes =
        4 << 20, /* some 4,400 bills; a new file costs the loop 30 us, 200 beside a busy disk */
    .unread_max_bytes = STORE_SPOOL_MAX,
};

static enum nigh_status pragma_int(int *ret, sqlite3 *db, const char *sql, struct nigh_err *err)
{
    sqlite3_stmt *stmt = NULL;
    int rc = fault_hit(FAULT_SQL) ? SQLITE_IOERR : sqlite3_prepare_v2(db, sql, -1, &stmt, NULL);

    if (rc == SQLITE_OK)
        rc = sqlite3_step(stmt);
    if (rc == SQLITE_ROW)
        *ret = sqlite3_column_int(stmt, 0);
    sqlite3_finalize(stmt);
    if (rc != SQLITE_ROW)
        return nigh_fail(err, NIGH_IO, "nigh.db: %s", sqlite3_errstr(rc));
    return NIGH_OK;
}

static enum nigh_status exec(sqlite3 *db, const char *sql, struct nigh_err *err)
{
    int rc = fault_hit(FAULT_SQL) ? SQLITE_IOERR : sqlite3_exec(db, sql, NULL, NULL, NULL);

    return rc == SQLITE_OK ? NIGH_OK : nigh_fail(err, NIGH_IO, "nigh.db: %s", sqlite3_errstr(rc));
}

static enum nigh_status migrate_one(sqlite3 *db, const char *sql, int version, struct nigh_err *err)
{
    char pragma[96];
    enum nigh_status status = exec(db, "BEGIN IMMEDIATE", err);

    if (status != NIGH_OK)
        return status;
    snprintf(pragma, sizeof pragma, "PRAGMA application_id = %d; PRAGMA user_version = %d",
             APPLICATION_ID, version);
    status = exec(db, sql, err);
    if (status == NIGH_OK)
        status = exec(db, pragma, err);
    if (status == NIGH_OK)
        status = exec(db, "COMMIT", err);
    if (status != NIGH_OK)
        sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
    return status;
}

enum nigh_status schema_migrate(sqlite3 *db, const struct store_shape *shape, struct nigh_err *err)
{
    int version = 0, owner = 0;
    enum nigh_status status = pragma_int(&version, db, "PRAGMA user_version", err);

    if (status == NIGH_OK)
        status = pragma_int(&owner, db, "PRAGMA application_id", err);
    if (status != NIGH_OK)
        return status;
    if (version != 0 && owner != APPLICATION_ID)
        return nigh_fail(err, NIGH_INVALID, "nigh.db is a database, but not nigh's");
    if (version > shape->n_migrations)
        return nigh_fail(err, NIGH_UNSUPPORTED,
                         "nigh.db is of version %d and this nigh knows up to %d: update nigh",
                         version, shape->n_migrations);
    for (; status == NIGH_OK && version < shape->n_migrations; version++)
        status = migrate_one(db, shape->migrations[version], version + 1, err);
    return status;
}
