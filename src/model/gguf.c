#include "model/gguf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum value_type { TYPE_BOOL = 7, TYPE_STRING = 8, TYPE_ARRAY = 9 };
/* By number, as the specification has them; 0: not of one size. */
static const unsigned value_bytes[] = {1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8};
enum { TYPE_U32 = 4, TYPE_I32 = 5 };

/* Tensor types of ggml 0.27 by number: items in a block, bytes of a block; holes are types that
 * were taken back. */
static const struct tensor_type {
    unsigned items, bytes;
} tensor_types[] = {
    [0] = {1, 4},      [1] = {1, 2},      [2] = {32, 18},    [3] = {32, 20},    [6] = {32, 22},
    [7] = {32, 24},    [8] = {32, 34},    [9] = {32, 36},    [10] = {256, 84},  [11] = {256, 110},
    [12] = {256, 144}, [13] = {256, 176}, [14] = {256, 210}, [15] = {256, 292}, [16] = {256, 66},
    [17] = {256, 74},  [18] = {256, 98},  [19] = {256, 50},  [20] = {32, 18},   [21] = {256, 110},
    [22] = {256, 82},  [23] = {256, 136}, [24] = {1, 1},     [25] = {1, 2},     [26] = {1, 4},
    [27] = {1, 8},     [28] = {1, 8},     [29] = {256, 56},  [30] = {1, 2},     [34] = {256, 54},
    [35] = {256, 66},  [39] = {32, 17},   [40] = {64, 36},   [41] = {128, 18},  [42] = {64, 18},
};

struct reader {
    const unsigned char *p;
    uint64_t at, len;
    uint64_t alignment;
    struct slice key;     /* what is being read: for the errors */
    uint64_t vocabulary;  /* tokens; 0: not told yet */
    uint64_t data_end;    /* where the tensors so far end, from where their data begin; padded */
    uint64_t data_needed; /* the same without the last one's padding */
    struct gguf *found;
    struct nigh_err *err;
};

/* What may be shown of a name out of the file. */
static const char *shown(char ret[static 48], struct slice name)
{
    size_t n = 0;

    for (; n < name.len && n < 47; n++) {
        char c = name.p[n];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                     c == '.' || c == '_' || c == '-';
        ret[n] = plain ? c : '?';
    }
    ret[n] = '\0';
    return ret;
}

__attribute__((format(printf, 2, 3))) static bool bad(struct reader *r, const char *fmt, ...)
{
    char what[128], key[48];
    va_list args;

    va_start(args, fmt);
    vsnprintf(what, sizeof what, fmt, args);
    va_end(args);
    nigh_fail(r->err, NIGH_INVALID, "%s%s%s at byte %llu", r->key.len ? shown(key, r->key) : "",
              r->key.len ? ": " : "", what, (unsigned long long)r->at);
    return false;
}

/* ---- what everything is made of ---- */

static uint64_t left(const struct reader *r)
{
    return r->len - r->at;
}

static bool take(struct reader *r, uint64_t *ret, unsigned bytes)
{
    if (left(r) < bytes)
        return bad(r, "the file ends in the middle of a number");
    *ret = 0;
    for (unsigned i = 0; i < bytes; i++)
        *ret |= (uint64_t)r->p[r->at + i] << 8 * i;
    r->at += bytes;
    return true;
}

static bool take_text(struct reader *r, struct slice *ret, uint64_t bytes_max)
{
    uint64_t len = 0;

    if (!take(r, &len, 8))
        return false;
    if (len > bytes_max)
        return bad(r, "a text of %llu bytes", (unsigned long long)len);
    if (len > left(r))
        return bad(r, "the file ends in the middle of a text");
    *ret = (struct slice){(const char *)r->p + r->at, (size_t)len};
    r->at += len;
    return true;
}

/* Numbers of one size, passed over; but a truth value is 0 or 1. */
static bool skip(struct reader *r, unsigned type, uint64_t n)
{
    if (n > left(r) / value_bytes[type])
        return bad(r, "the file ends in the middle of a list");
    if (type == TYPE_BOOL)
        for (uint64_t i = 0; i < n; i++)
            if (r->p[r->at + i] > 1)
                return bad(r, "a truth value that is neither 0 nor 1");
    r->at += n * value_bytes[type];
    return true;
}

/* ---- keys ---- */

struct value {
    uint64_t type, of, n, number; /* of, n: an array's; number: of whole numbers up to 32 bits */
    struct slice text;
};

static bool take_array(struct reader *r, struct value *v)
{
    struct slice text;

    if (!take(r, &v->of, 4) || !take(r, &v->n, 8))
        return false;
    if (v->of == TYPE_ARRAY ||
        v->of >= ARRAY_LEN(value_bytes)) /* llama.cpp loads no lists of lists */
        return bad(r, "a list of type %llu", (unsigned long long)v->of);
    if (v->n > GGUF_ITEMS_MAX)
        return bad(r, "a list of %llu items", (unsigned long long)v->n);
    if (v->of != TYPE_STRING)
        return skip(r, (unsigned)v->of, v->n);
    for (uint64_t i = 0; i < v->n; i++)
        if (!take_text(r, &text, GGUF_TEXT_BYTES_MAX))
            return false;
    return true;
}

static bool take_value(struct reader *r, struct value *v)
{
    if (!take(r, &v->type, 4))
        return false;
    if (v->type >= ARRAY_LEN(value_bytes))
        return bad(r, "a value of type %llu", (unsigned long long)v->type);
    if (v->type == TYPE_STRING)
        return take_text(r, &v->text, GGUF_TEXT_BYTES_MAX);
    if (v->type == TYPE_ARRAY)
        return take_array(r, v);
    if (v->type == TYPE_U32 || v->type == TYPE_I32)
        return take(r, &v->number, 4);
    return skip(r, (unsigned)v->type, 1);
}

/* What a key means here; the value was read.  False: it may not be so. */
static bool note_alignment(struct reader *r, const struct value *v)
{
    uint64_t n = v->number;

    if (v->type != TYPE_U32 || n == 0 || (n & (n - 1)) != 0 || n > GGUF_ALIGNMENT_MAX)
        return bad(r, "no power of two up to %d", GGUF_ALIGNMENT_MAX);
    r->alignment = n;
    return true;
}

static bool note_architecture(struct reader *r, const struct value *v)
{
    return (v->type == TYPE_STRING && v->text.len > 0 && v->text.len < 64) ||
           bad(r, "no architecture's name");
}

/* Lists that go with the vocabulary and are read by its numbers. */
static bool note_vocabulary(struct reader *r, const struct value *v)
{
    if (v->type != TYPE_ARRAY)
        return bad(r, "no list");
    if (r->vocabulary && v->n != r->vocabulary)
        return bad(r, "%llu items for %llu tokens", (unsigned long long)v->n,
                   (unsigned long long)r->vocabulary);
    r->vocabulary = v->n;
    return true;
}

static bool note_template(struct reader *r, const struct value *v)
{
    struct gguf *g = r->found;
    size_t bytes = v->text.len;

    if (v->type != TYPE_STRING)
        return bad(r, "no text");
    for (size_t i = 0; i < g->n_templates; i++)
        bytes += g->templates[i].text.len;
    if (g->n_templates == GGUF_TEMPLATES_MAX || bytes > GGUF_TEMPLATE_BYTES_MAX)
        return bad(r, "more than %d chat templates or %d bytes of them", GGUF_TEMPLATES_MAX,
                   GGUF_TEMPLATE_BYTES_MAX);
    g->templates[g->n_templates++] = (struct gguf_template){r->key, v->text};
    return true;
}

static const struct {
    const char *key;
    bool family; /* and every key that begins with it and a point */
    bool (*note)(struct reader *r, const struct value *v);
} notes[] = {
    {"general.alignment", false, note_alignment},
    {"general.architecture", false, note_architecture},
    {"tokenizer.ggml.tokens", false, note_vocabulary},
    {"tokenizer.ggml.scores", false, note_vocabulary},
    {"tokenizer.ggml.token_type", false, note_vocabulary},
    {"tokenizer.chat_template", true, note_template},
};

static bool note(struct reader *r, const struct value *v)
{
    for (size_t i = 0; i < ARRAY_LEN(notes); i++) {
        struct slice key = slice_of(notes[i].key);
        bool member = notes[i].family && r->key.len > key.len && slice_starts(r->key, key) &&
                      r->key.p[key.len] == '.';
        if (slice_eq(r->key, key) || member)
            return notes[i].note(r, v);
    }
    return true;
}

static bool key_ok(struct slice key)
{
    for (size_t i = 0; i < key.len; i++)
        if (key.p[i] <= ' ' || key.p[i] > '~')
            return false;
    return key.len > 0;
}

static bool take_key(struct reader *r, struct slice *ret)
{
    struct value value = {0};

    r->key = (struct slice){0};
    if (!take_text(r, &r->key, GGUF_KEY_BYTES_MAX))
        return false;
    if (!key_ok(r->key))
        return bad(r, "no key's name");
    *ret = r->key;
    return take_value(r, &value) && note(r, &value);
}

/* ---- tensors ---- */

/* How many items; every product stays below 2^63, as ggml counts. */
static bool take_dims(struct reader *r, uint64_t *ret_row, uint64_t *ret_items)
{
    uint64_t n_dims = 0, n = 0, items = 1;

    if (!take(r, &n_dims, 4))
        return false;
    if (n_dims > GGUF_DIMS_MAX)
        return bad(r, "%llu dimensions", (unsigned long long)n_dims);
    *ret_row = 1;
    for (uint64_t i = 0; i < n_dims; i++) {
        if (!take(r, &n, 8))
            return false;
        if (n == 0 || __builtin_mul_overflow(items, n, &items) || items > INT64_MAX)
            return bad(r, "a dimension of %llu", (unsigned long long)n);
        if (i == 0)
            *ret_row = n;
    }
    *ret_items = items;
    return true;
}

/* One after the other from the start of the data, each begun at a multiple of the alignment: what
 * llama.cpp wants, and what keeps them apart. */
static bool place(struct reader *r, uint64_t offset, uint64_t bytes)
{
    uint64_t end, padded;

    if (offset != r->data_end)
        return bad(r, "its data begin at %llu and not at %llu", (unsigned long long)offset,
                   (unsigned long long)r->data_end);
    if (__builtin_add_overflow(offset, bytes, &end) ||
        __builtin_add_overflow(end, r->alignment - 1, &padded) || padded > INT64_MAX)
        return bad(r, "its data are beyond any file");
    r->data_needed = end;
    r->data_end = padded & ~(r->alignment - 1);
    return true;
}

static bool take_tensor(struct reader *r, struct slice *ret)
{
    uint64_t row = 0, items = 0, type = 0, offset = 0, bytes = 0;

    r->key = (struct slice){0};
    if (!take_text(r, &r->key, GGUF_NAME_BYTES_MAX))
        return false;
    if (!key_ok(r->key))
        return bad(r, "no tensor's name");
    *ret = r->key;
    if (!take_dims(r, &row, &items) || !take(r, &type, 4) || !take(r, &offset, 8))
        return false;
    if (type >= ARRAY_LEN(tensor_types) || !tensor_types[type].items)
        return bad(r, "type %llu is none that this nigh knows", (unsigned long long)type);
    const struct tensor_type *t = &tensor_types[type];
    if (row % t->items != 0)
        return bad(r, "rows of %llu items in blocks of %u", (unsigned long long)row, t->items);
    if (__builtin_mul_overflow(items / t->items, t->bytes, &bytes))
        return bad(r, "its data are beyond any file");
    return place(r, offset, bytes);
}

/* ---- the file ---- */

static int by_bytes(const void *a, const void *b)
{
    const struct slice *x = a, *y = b;
    int order = memcmp(x->p, y->p, x->len < y->len ? x->len : y->len);

    return order ? order : (x->len > y->len) - (x->len < y->len);
}

static bool none_twice(struct reader *r, struct slice *names, uint64_t n)
{
    qsort(names, (size_t)n, sizeof *names, by_bytes);
    for (uint64_t i = 1; i < n; i++)
        if (slice_eq(names[i - 1], names[i])) {
            r->key = names[i];
            return bad(r, "named twice");
        }
    return true;
}

/* n entries of at least bytes_min each, no two of one name. */
static bool take_list(struct reader *r, uint64_t n, unsigned bytes_min,
                      bool (*take_one)(struct reader *r, struct slice *ret))
{
    if (n > left(r) / bytes_min)
        return bad(r, "%llu entries do not fit into the file", (unsigned long long)n);
    struct slice *names = calloc((size_t)n + 1, sizeof *names);
    if (!names)
        return bad(r, "out of memory");
    bool ok = true;
    for (uint64_t i = 0; i < n && ok; i++)
        ok = take_one(r, &names[i]);
    ok = ok && none_twice(r, names, n);
    free(names);
    r->key = (struct slice){0};
    return ok;
}

static bool take_head(struct reader *r, struct gguf *g)
{
    uint64_t version = 0;

    if (r->len < 4 || memcmp(r->p, "GGUF", 4) != 0)
        return bad(r, "no GGUF file");
    r->at = 4;
    if (!take(r, &version, 4))
        return false;
    if (version != 2 && version != 3)
        return bad(r, version && !(version & 0xffff) ? "made for another byte order"
                                                     : "GGUF of a version other than 2 and 3");
    g->version = (unsigned)version;
    if (!take(r, &g->n_tensors, 8) || !take(r, &g->n_keys, 8))
        return false;
    if (g->n_tensors > GGUF_TENSORS_MAX || g->n_keys > GGUF_KEYS_MAX)
        return bad(r, "%llu tensors and %llu keys", (unsigned long long)g->n_tensors,
                   (unsigned long long)g->n_keys);
    return true;
}

static bool data_fit(struct reader *r)
{
    uint64_t begin = (r->at + r->alignment - 1) & ~(r->alignment - 1);

    if (r->data_needed == 0 || (begin <= r->len && r->data_needed <= r->len - begin))
        return true;
    return bad(r, "the tensors need %llu bytes more than the file has",
               (unsigned long long)(begin + r->data_needed - r->len));
}

enum nigh_status gguf_check(struct gguf *ret, struct slice file, struct nigh_err *err)
{
    enum { KEY_BYTES_MIN = 8 + 1 + 4 + 1, TENSOR_BYTES_MIN = 8 + 1 + 4 + 4 + 8 };
    struct nigh_err why = {0};
    struct gguf found = {0};
    struct reader r = {.p = (const unsigned char *)file.p,
                       .len = file.len,
                       .alignment = 32,
                       .found = &found,
                       .err = &why};

    if (!take_head(&r, &found) || !take_list(&r, found.n_keys, KEY_BYTES_MIN, take_key) ||
        !take_list(&r, found.n_tensors, TENSOR_BYTES_MIN, take_tensor) || !data_fit(&r))
        return nigh_fail(err, why.status, "%s", why.what);
    *ret = found;
    return NIGH_OK;
}
