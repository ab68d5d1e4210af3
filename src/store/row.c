#include "store/row.h"
#include <stdio.h>
#include <stdlib.h>

enum nigh_status row_insert_init(struct row_insert *ret, sqlite3 *db, const char *sql,
                                 struct nigh_err *err)
{
    struct row_insert in = {0};
    int rc = sqlite3_prepare_v3(db, sql, -1, SQLITE_PREPARE_PERSISTENT, &in.stmt, NULL);

    if (rc != SQLITE_OK)
        return nigh_fail(err, NIGH_IO, "nigh.db: %s", sqlite3_errmsg(db));
    in.n = sqlite3_bind_parameter_count(in.stmt);
    in.name = calloc((size_t)in.n + 1, sizeof *in.name);
    if (!in.name) {
        row_insert_done(&in);
        return nigh_fail(err, NIGH_NOMEM, "store: out of memory");
    }
    for (int i = 0; i < in.n; i++)
        in.name[i] = sqlite3_bind_parameter_name(in.stmt, i + 1) + 1;
    *ret = in;
    return NIGH_OK;
}

void row_insert_done(struct row_insert *in)
{
    sqlite3_finalize(in->stmt);
    free(in->name);
    *in = (struct row_insert){0};
}

static int bind_container(sqlite3_stmt *stmt, int at, yyjson_val *v)
{
    struct buf text = {0};
    int rc = SQLITE_NOMEM;

    json_add_val(&text, v);
    if (!text.failed)
        rc = sqlite3_bind_text(stmt, at, text.data, (int)text.len, SQLITE_TRANSIENT);
    buf_done(&text);
    return rc;
}

static int bind(sqlite3_stmt *stmt, int at, yyjson_val *v)
{
    switch (yyjson_get_tag(v)) {
    case YYJSON_TYPE_STR | YYJSON_SUBTYPE_NONE:
    case YYJSON_TYPE_STR | YYJSON_SUBTYPE_NOESC:
        return sqlite3_bind_text(stmt, at, yyjson_get_str(v), (int)yyjson_get_len(v),
                                 SQLITE_STATIC);
    case YYJSON_TYPE_NUM | YYJSON_SUBTYPE_UINT:
        if (yyjson_get_uint(v) > INT64_MAX)
            return SQLITE_RANGE;
        return sqlite3_bind_int64(stmt, at, (sqlite3_int64)yyjson_get_uint(v));
    case YYJSON_TYPE_NUM | YYJSON_SUBTYPE_SINT:
        return sqlite3_bind_int64(stmt, at, yyjson_get_sint(v));
    case YYJSON_TYPE_NUM | YYJSON_SUBTYPE_REAL:
        return sqlite3_bind_double(stmt, at, yyjson_get_real(v));
    case YYJSON_TYPE_BOOL | YYJSON_SUBTYPE_TRUE:
    case YYJSON_TYPE_BOOL | YYJSON_SUBTYPE_FALSE:
        return sqlite3_bind_int(stmt, at, yyjson_get_bool(v));
    case YYJSON_TYPE_RAW: /* a number that 64 bits do not hold */
        return SQLITE_RANGE;
    default:
        return yyjson_is_ctn(v) ? bind_container(stmt, at, v) : sqlite3_bind_null(stmt, at);
    }
}

/* Records are written in the order of the columns, so the iterator finds the next member where it
 * stands, without walking the object again. */
enum nigh_status row_bind(const struct row_insert *in, yyjson_val *record, struct nigh_err *err)
{
    yyjson_obj_iter it = yyjson_obj_iter_with(record);

    if (!yyjson_is_obj(record))
        return nigh_fail(err, NIGH_INVALID, "a record is not an object");
    for (int i = 0; i < in->n; i++) {
        int rc = bind(in->stmt, i + 1, yyjson_obj_iter_get(&it, in->name[i]));

        if (rc == SQLITE_RANGE || rc == SQLITE_TOOBIG)
            return nigh_fail(err, NIGH_INVALID, "a record's %s is too large", in->name[i]);
        if (rc != SQLITE_OK)
            return nigh_fail(err, NIGH_NOMEM, "bind %s: %s", in->name[i], sqlite3_errstr(rc));
    }
    return NIGH_OK;
}

static void put_blob(struct buf *out, const unsigned char *p, int len)
{
    static const char digits[] = "0123456789abcdef";

    buf_add_char(out, '"');
    for (int i = 0; i < len; i++) {
        buf_add_char(out, digits[p[i] >> 4]);
        buf_add_char(out, digits[p[i] & 15]);
    }
    buf_add_char(out, '"');
}

static void put_column(sqlite3_stmt *stmt, int at, struct buf *out)
{
    const char *type = sqlite3_column_decltype(stmt, at);
    struct slice text;

    switch (sqlite3_column_type(stmt, at)) {
    case SQLITE_INTEGER:
        if (type && strcmp(type, "BOOLEAN") == 0)
            buf_add_cstr(out, sqlite3_column_int(stmt, at) ? "true" : "false");
        else
            buf_printf(out, "%lld", (long long)sqlite3_column_int64(stmt, at));
        return;
    case SQLITE_FLOAT:
        json_add_num(out, sqlite3_column_double(stmt, at));
        return;
    case SQLITE_TEXT:
        text.p = (const char *)sqlite3_column_text(stmt, at);
        text.len = (size_t)sqlite3_column_bytes(stmt, at);
        if (type && strcmp(type, "JSON TEXT") == 0)
            buf_add_str(out, text);
        else
            buf_add_json(out, text);
        return;
    case SQLITE_BLOB:
        put_blob(out, sqlite3_column_blob(stmt, at), sqlite3_column_bytes(stmt, at));
        return;
    default:
        buf_add_cstr(out, "null");
    }
}

void row_json(sqlite3_stmt *stmt, struct buf *out)
{
    buf_add_char(out, '{');
    for (int i = 0; i < sqlite3_column_count(stmt); i++) {
        json_key(out, sqlite3_column_name(stmt, i));
        put_column(stmt, i, out);
    }
    buf_add_char(out, '}');
}
