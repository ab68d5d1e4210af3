#include "base/json.h"
#include "base/fault.h"
#include <assert.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>

/* Where yyjson gathers values while it parses.
 *
 * It asks for 16 bytes for every 6 of text before it has seen any, and gives nothing back: for a
 * picture in base64 that would charge an arena with nearly three times the text, for one value.  So
 * values gather in malloc'd memory, whose untouched pages cost nothing, and the exact number of
 * them is copied into the arena at the end. */
struct scratch {
    size_t room; /* what the arena can still hold */
};

static void *scratch_malloc(void *ctx, size_t size)
{
    return fault_hit(FAULT_ALLOC) ? NULL : malloc(size);
}

static void *scratch_realloc(void *ctx, void *p, size_t old_size, size_t size)
{
    struct scratch *scratch = ctx;

    /* yyjson grows what is full; when that alone passes the arena's room, the rest need not be
     * tried, and "[[[[[..." may not take sixteen times its length. */
    if (old_size > scratch->room || fault_hit(FAULT_ALLOC))
        return NULL;
    return realloc(p, size);
}

static void scratch_free(void *ctx, void *p)
{
    free(p);
}

static void doc_freep(yyjson_doc **doc)
{
    yyjson_doc_free(*doc);
}

/* One name for each thing that can be wrong; yyjson's own texts may change with its version.  Its
 * codes are variables to the compiler, so neither a switch nor a static table takes them. */
static const char *json_problem(yyjson_read_code code)
{
    const struct {
        yyjson_read_code code;
        const char *text;
    } rows[] = {
        {YYJSON_READ_ERROR_UNEXPECTED_CONTENT, "something follows the value"},
        {YYJSON_READ_ERROR_UNEXPECTED_END, "unexpected end"},
        {YYJSON_READ_ERROR_JSON_STRUCTURE, "comma before a closing bracket"},
        {YYJSON_READ_ERROR_INVALID_NUMBER, "invalid number"},
        {YYJSON_READ_ERROR_INVALID_STRING, "invalid string or UTF-8"},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (rows[i].code == code)
            return rows[i].text;
    return "unexpected character";
}

/* Values lie one after the other, parents before children, and each container knows where the next
 * one after it stands: nesting is a stack of those ends. */
static bool json_depth_ok(yyjson_val *root, size_t count)
{
    yyjson_val *ends[JSON_DEPTH_MAX];
    size_t depth = 0;

    for (yyjson_val *v = root; v < root + count; v++) {
        while (depth > 0 && v >= ends[depth - 1])
            depth--;
        if (!yyjson_is_ctn(v))
            continue;
        if (depth == JSON_DEPTH_MAX)
            return false;
        ends[depth++] = unsafe_yyjson_get_next(v);
    }
    return true;
}

static enum nigh_status json_no_room(struct slice s, struct nigh_err *err)
{
    return nigh_fail(err, NIGH_TOOBIG, "JSON: %zu bytes do not fit into the memory of this request",
                     s.len);
}

enum nigh_status json_parse(yyjson_val **ret_root, struct slice s, struct arena *a,
                            struct nigh_err *err)
{
    const yyjson_read_flag flags = YYJSON_READ_INSITU | YYJSON_READ_BIGNUM_AS_RAW;
    yyjson_read_err problem;

    if (slice_trim(s).len == 0)
        return nigh_fail(err, NIGH_INVALID, "JSON: empty text");
    if (s.len > SIZE_MAX - YYJSON_PADDING_SIZE)
        return json_no_room(s, err);
    /* In place, so that strings need no second copy: this copy is the arena's. */
    char *text = arena_alloc(a, s.len + YYJSON_PADDING_SIZE);
    if (!text)
        return json_no_room(s, err);
    memcpy(text, s.p, s.len);
    memset(text + s.len, 0, YYJSON_PADDING_SIZE);

    struct scratch scratch = {.room = a->max_bytes - a->used_bytes};
    yyjson_alc alc = {scratch_malloc, scratch_realloc, scratch_free, &scratch};
    CLEANUP(doc_freep) yyjson_doc *doc = yyjson_read_opts(text, s.len, flags, &alc, &problem);
    if (!doc && problem.code == YYJSON_READ_ERROR_MEMORY_ALLOCATION)
        return json_no_room(s, err);
    if (!doc)
        return nigh_fail(err, NIGH_INVALID, "JSON: %s at byte %zu", json_problem(problem.code),
                         problem.pos);

    yyjson_val *root = yyjson_doc_get_root(doc);
    size_t count = yyjson_doc_get_val_count(doc);
    if (!json_depth_ok(root, count))
        return nigh_fail(err, NIGH_INVALID, "JSON: nested deeper than %d levels", JSON_DEPTH_MAX);
    /* Values refer to each other by distance and to the text by address, so they may be moved. */
    yyjson_val *kept = arena_alloc(a, count * sizeof *kept);
    if (!kept)
        return json_no_room(s, err);
    memcpy(kept, root, count * sizeof *kept);
    *ret_root = kept;
    return NIGH_OK;
}

yyjson_val *json_get(yyjson_val *obj, const char *key)
{
    yyjson_val *name, *found = NULL;
    size_t len = strlen(key);
    yyjson_obj_iter it;

    if (!yyjson_obj_iter_init(obj, &it))
        return NULL;
    while ((name = yyjson_obj_iter_next(&it)))
        if (unsafe_yyjson_equals_strn(name, key, len))
            found = yyjson_obj_iter_get_val(name);
    return found;
}

struct slice json_str(yyjson_val *v)
{
    const char *p = yyjson_get_str(v);

    return (struct slice){p, p ? yyjson_get_len(v) : 0};
}

struct slice json_get_str(yyjson_val *obj, const char *key)
{
    return json_str(json_get(obj, key));
}

bool json_get_bool(yyjson_val *obj, const char *key, bool otherwise)
{
    yyjson_val *v = json_get(obj, key);

    return yyjson_is_bool(v) ? yyjson_get_bool(v) : otherwise;
}

double json_get_num(yyjson_val *obj, const char *key, double otherwise)
{
    yyjson_val *v = json_get(obj, key);
    double n = yyjson_is_num(v)   ? yyjson_get_num(v)
               : yyjson_is_raw(v) ? strtod(yyjson_get_raw(v), NULL) /* NUL-terminated */
                                  : otherwise;

    return isfinite(n) ? n : otherwise;
}

int64_t json_get_int(yyjson_val *obj, const char *key, int64_t otherwise)
{
    yyjson_val *v = json_get(obj, key);

    if (yyjson_is_uint(v))
        return yyjson_get_uint(v) <= INT64_MAX ? (int64_t)yyjson_get_uint(v) : otherwise;
    if (yyjson_is_sint(v))
        return yyjson_get_sint(v);
    double n = yyjson_get_real(v); /* 0 unless real */
    if (yyjson_is_real(v) && n == trunc(n) && n >= -0x1p63 && n < 0x1p63)
        return (int64_t)n;
    return otherwise;
}

void json_sep(struct buf *b)
{
    char last = b->len > 0 ? b->data[b->len - 1] : '{';

    if (last != '[' && last != '{' && last != ':' && last != ',')
        buf_add_char(b, ',');
}

void json_key(struct buf *b, const char *key)
{
    json_sep(b);
    buf_add_json(b, slice_of(key));
    buf_add_char(b, ':');
}

void json_put_str(struct buf *b, const char *key, struct slice s)
{
    json_key(b, key);
    buf_add_json(b, s);
}

void json_put_cstr(struct buf *b, const char *key, const char *s)
{
    if (s)
        json_put_str(b, key, slice_of(s));
    else
        json_put_null(b, key);
}

static void json_add_int(struct buf *b, int64_t n)
{
    if (n < 0)
        buf_add_char(b, '-');
    buf_add_u64(b, n < 0 ? -(uint64_t)n : (uint64_t)n);
}

void json_put_int(struct buf *b, const char *key, int64_t n)
{
    json_key(b, key);
    json_add_int(b, n);
}

void json_put_num(struct buf *b, const char *key, double n)
{
    json_key(b, key);
    json_add_num(b, n);
}

void json_put_bool(struct buf *b, const char *key, bool v)
{
    json_key(b, key);
    buf_add_cstr(b, v ? "true" : "false");
}

void json_put_null(struct buf *b, const char *key)
{
    json_key(b, key);
    buf_add_cstr(b, "null");
}

void json_put_val(struct buf *b, const char *key, yyjson_val *v)
{
    if (!v)
        return;
    json_key(b, key);
    json_add_val(b, v);
}

static void json_add_yynum(struct buf *b, const yyjson_val *v)
{
    char text[40]; /* yyjson's own bound for a double */
    char *end = yyjson_write_number(v, text);

    assert(end);
    buf_add(b, text, (size_t)(end - text));
}

void json_add_num(struct buf *b, double n)
{
    yyjson_val v = {0};

    if (!isfinite(n)) {
        buf_add_cstr(b, "null");
    } else if (n == trunc(n) && fabs(n) < 0x1p53 && !(n == 0 && signbit(n))) {
        json_add_int(b, (int64_t)n);
    } else {
        yyjson_set_real(&v, n);
        json_add_yynum(b, &v);
    }
}

static void json_add_deep(struct buf *b, yyjson_val *v, int depth);

static void json_add_ctn(struct buf *b, yyjson_val *v, int depth)
{
    yyjson_val *item = unsafe_yyjson_get_first(v);
    bool obj = yyjson_is_obj(v);
    size_t n = unsafe_yyjson_get_len(v);

    if (depth == JSON_DEPTH_MAX) {
        b->failed = true;
        return;
    }
    buf_add_char(b, obj ? '{' : '[');
    for (size_t i = 0; i < n; i++) {
        if (i > 0)
            buf_add_char(b, ',');
        if (obj) {
            buf_add_json(b, json_str(item++)); /* the value follows its key */
            buf_add_char(b, ':');
        }
        json_add_deep(b, item, depth + 1);
        item = unsafe_yyjson_get_next(item);
    }
    buf_add_char(b, obj ? '}' : ']');
}

static void json_add_deep(struct buf *b, yyjson_val *v, int depth)
{
    switch (yyjson_get_type(v)) {
    case YYJSON_TYPE_ARR:
    case YYJSON_TYPE_OBJ:
        json_add_ctn(b, v, depth);
        break;
    case YYJSON_TYPE_STR:
        buf_add_json(b, json_str(v));
        break;
    case YYJSON_TYPE_NUM:
        if (yyjson_is_sint(v) && yyjson_get_sint(v) == 0)
            buf_add_cstr(b, "-0"); /* read as a signed integer, it would leave as 0 */
        else
            json_add_yynum(b, v);
        break;
    case YYJSON_TYPE_RAW:
        buf_add(b, yyjson_get_raw(v), yyjson_get_len(v));
        break;
    case YYJSON_TYPE_BOOL:
        buf_add_cstr(b, yyjson_get_bool(v) ? "true" : "false");
        break;
    default: /* null, and what is no value at all */
        buf_add_cstr(b, "null");
    }
}

void json_add_val(struct buf *b, yyjson_val *v)
{
    json_add_deep(b, v, 0);
}
