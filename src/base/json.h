/* json: reading through yyjson with bounds, writing through struct buf.
 *
 * Reading: one immutable document in the caller's arena; values live as long as the arena. Writing:
 * buf_add_json for strings and the json_put helpers, which keep commas right; a whole yyjson value
 * is copied out by json_add_val.  Foreign text is parsed here and nowhere else, so the bounds hold
 * everywhere.  Any thread.
 *
 * Numbers travel on unchanged in value: integers within int64 and uint64 exactly, fractions as the
 * nearest double (written shortest, so 1.50 leaves as 1.5), and what fits neither, such as 1e400 or
 * twenty-one digits, as the text it was: such a value has type YYJSON_TYPE_RAW, and the getters
 * here know it. */
#pragma once
#include "base/arena.h"
#include "base/err.h"
#include <yyjson.h>

enum {
    JSON_DEPTH_MAX = 128, /* nesting of foreign text: deeper than any API's own schema needs */
};

/* Parses s into *ret_root, whose memory is in the arena: the text once, and 16 bytes a value.
 * Refuses as NIGH_INVALID: syntax errors (with the offset of the byte, from 0; the text itself is
 * never quoted), nesting over JSON_DEPTH_MAX, invalid UTF-8, NUL bytes outside of escapes.  As
 * NIGH_TOOBIG: what the arena's ceiling does not hold.  Duplicate keys are kept (the last wins in
 * json_get).  s need not be NUL-terminated and is not changed. */
NIGH_MUST enum nigh_status json_parse(yyjson_val **ret_root, struct slice s, struct arena *a,
                                      struct nigh_err *err);

yyjson_val *json_get(yyjson_val *obj, const char *key); /* NULL: not an object or absent */
struct slice json_str(yyjson_val *v);                   /* absent slice unless a string */
struct slice json_get_str(yyjson_val *obj, const char *key);
bool json_get_bool(yyjson_val *obj, const char *key, bool otherwise);
/* Otherwise: absent, not a number, or beyond the finite doubles. */
double json_get_num(yyjson_val *obj, const char *key, double otherwise);
/* A whole number within int64, also when written 5.0 or 5e0. */
int64_t json_get_int(yyjson_val *obj, const char *key, int64_t otherwise);

/* Writing.  `json_key(b, "x")` writes a comma when one is due, then "x": ; the comma is due unless
 * the last byte is one of [ { : , or the buffer is empty. */
void json_sep(struct buf *b); /* the comma alone, for array items */
void json_key(struct buf *b, const char *key);
void json_put_str(struct buf *b, const char *key, struct slice s); /* absent: "" */
void json_put_cstr(struct buf *b, const char *key, const char *s); /* NULL: null */
void json_put_int(struct buf *b, const char *key, int64_t n);
void json_put_num(struct buf *b, const char *key, double n); /* as json_add_num */
void json_put_bool(struct buf *b, const char *key, bool v);
void json_put_null(struct buf *b, const char *key);
void json_put_val(struct buf *b, const char *key, yyjson_val *v); /* NULL: nothing is written */
/* Copies v out; nesting over JSON_DEPTH_MAX, which json_parse never lets in, fails the buffer. */
void json_add_val(struct buf *b, yyjson_val *v);
/* Shortest that reads back as the same double, whole numbers without ".0"; inf, nan: null. */
void json_add_num(struct buf *b, double n);
