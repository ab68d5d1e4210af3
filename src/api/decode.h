/* decode: members of a JSON object read by table, every fault told with its path.
 *
 * A table has one row per member that an object may have: its name, the function that reads it,
 * where the result goes.  Members without a row become extras; null counts as absent; a member that
 * stands twice is refused, since two readers could then see two different requests.  (Inside values
 * that are passed on untouched, such as schemas, doubles travel as they came, and turn_each_text
 * shows both.)  Loop thread only. */
#pragma once
#include "turn/turn.h"

struct decode {
    struct turn *turn;
    struct arena *arena;
    struct slice *ret_param;
    struct nigh_err *err;
};

/* Where we are: built on the stack on the way down, written out only when something is wrong. */
struct spot {
    const struct spot *up; /* NULL: the body itself */
    const char *key;       /* NULL: an item of a list, at index */
    size_t index;
};

struct field {
    const char *name;
    enum nigh_status (*read)(struct decode *d, const struct spot *at, const struct field *field,
                             yyjson_val *val, void *to);
    size_t offset;    /* of the member in what decode_object is told to fill */
    double low, high; /* decode_num, decode_u64 */
};

/* Fails with NIGH_INVALID, the path and this text. */
enum nigh_status decode_wrong(struct decode *d, const struct spot *at, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
enum nigh_status decode_nomem(struct decode *d);

/* The body's document.  NIGH_INVALID where it is no JSON, and with the path where a text or a name
 * holds NUL, which programs written in C, here and behind us, would read as its end. */
NIGH_MUST enum nigh_status decode_body(struct decode *d, yyjson_val **ret, struct slice body);
/* extras NULL: members without a row are passed over. */
NIGH_MUST enum nigh_status decode_object(struct decode *d, const struct spot *at, yyjson_val *obj,
                                         const struct field *fields, size_t n, void *to,
                                         struct extra **extras);
/* For values that are not ours to read but will be by a parser less careful than ours. */
NIGH_MUST enum nigh_status decode_depth(struct decode *d, const struct spot *at, yyjson_val *val);

/* Readers: the type they fill. */
#define DECODE_READER(name)                                                                        \
    enum nigh_status name(struct decode *d, const struct spot *at, const struct field *field,      \
                          yyjson_val *val, void *to)
DECODE_READER(decode_str);  /* struct slice */
DECODE_READER(decode_bool); /* bool */
DECODE_READER(decode_tri);  /* int: 0, 1 */
DECODE_READER(decode_num);  /* double within low..high */
DECODE_READER(decode_u64);  /* uint64_t within low..high */
DECODE_READER(decode_i64);  /* int64_t */
DECODE_READER(decode_keep); /* yyjson_val *, whatever it is */
DECODE_READER(decode_obj);  /* yyjson_val *, an object */
DECODE_READER(
    decode_schema); /* yyjson_val *, an object nested no deeper than TURN_SCHEMA_DEPTH_MAX */

/* decode_common.c: what every API's request has. */
enum { DECODE_NAME_MAX = 256 }; /* of a model, in bytes */
DECODE_READER(decode_model);    /* struct slice: no empty name, no control characters */
DECODE_READER(decode_metadata); /* struct turn: metadata, and the wishes among it (nigh_...) */
/* May a place be told to fetch it: http, https, data.  No other scheme is let through: a place on
 * this device could take file: for an order to read one. */
bool decode_url_ok(struct slice url);
