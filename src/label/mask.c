/* Values, their placeholders, and the replacing in one text. */
#include "label/mask_inside.h"
#include <sodium.h>

static enum nigh_status no_memory(struct nigh_err *err)
{
    return nigh_fail(err, NIGH_NOMEM, "no memory for the private values of this turn");
}

enum nigh_status mask_new(struct mask **ret, const unsigned char key[static MASK_KEY_BYTES],
                          struct arena *arena, struct nigh_err *err)
{
    struct mask *m = arena_calloc(arena, 1, sizeof *m);

    if (!m)
        return no_memory(err);
    m->arena = m->founds.arena = m->escaped.arena = arena;
    memcpy(m->key, key, sizeof m->key);
    *ret = m;
    return NIGH_OK;
}

size_t mask_count(const struct mask *m)
{
    return m->n_values;
}

uint64_t mask_replaced(const struct mask *m)
{
    return m->replaced;
}

/* ---- tables ---- */

static struct slice value_text(const struct mask *m, size_t i)
{
    return m->values[i].text;
}

static struct slice entry_name(const struct mask *m, size_t i)
{
    return (struct slice){m->entries[i]->name, m->entries[i]->name_len};
}

/* The slot that has it, or the one for it.  Keyed, so that no text can make its values collide. */
static uint32_t *slot_of(const struct mask *m, const struct table *t, struct slice text,
                         struct slice (*text_of)(const struct mask *m, size_t i))
{
    unsigned char hash[crypto_shorthash_BYTES];
    uint64_t at;

    _Static_assert(MASK_KEY_BYTES >= crypto_shorthash_KEYBYTES, "the key serves both");
    crypto_shorthash(hash, (const unsigned char *)text.p, text.len, m->key);
    memcpy(&at, hash, sizeof at);
    while (t->slots[at & (t->n_slots - 1)] &&
           !slice_eq(text, text_of(m, t->slots[at & (t->n_slots - 1)] - 1)))
        at++;
    return &t->slots[at & (t->n_slots - 1)];
}

/* Room for one more than the n that are in it. */
static bool table_room(const struct mask *m, struct table *t, size_t n,
                       struct slice (*text_of)(const struct mask *m, size_t i))
{
    struct table more = {.n_slots = t->n_slots ? 2 * t->n_slots : 32};

    if (2 * (n + 1) <= t->n_slots)
        return true;
    more.slots = arena_calloc(m->arena, more.n_slots, sizeof *more.slots);
    if (!more.slots)
        return false;
    for (size_t i = 0; i < n; i++)
        *slot_of(m, &more, text_of(m, i), text_of) = (uint32_t)i + 1;
    *t = more;
    return true;
}

/* ---- values ---- */

static bool values_room(struct mask *m)
{
    size_t cap = m->cap_values ? 2 * m->cap_values : 16;

    if (!table_room(m, &m->by_value, m->n_values, value_text))
        return false;
    if (m->n_values < m->cap_values)
        return true;
    struct needle *values =
        arena_grow(m->arena, m->values, m->cap_values * sizeof *values, cap * sizeof *values);
    m->values = values ? values : m->values;
    const char **types =
        arena_grow(m->arena, m->types, m->cap_values * sizeof *types, cap * sizeof *types);
    m->types = types ? types : m->types;
    m->cap_values = values && types ? cap : m->cap_values;
    return values && types;
}

/* A word's edge, or no letter of a word at all. */
static bool edge(struct slice text, size_t outside, size_t inside)
{
    return outside >= text.len || !is_word_byte(text.p[outside]) || !is_word_byte(text.p[inside]);
}

enum nigh_status mask_add(struct mask *m, const char *type, struct slice text, size_t start,
                          size_t end, struct nigh_err *err)
{
    struct slice value = {text.p + start, end - start};
    bool begins = is_word_byte(text.p[start]) && edge(text, start - 1, start);
    bool ends = is_word_byte(text.p[end - 1]) && edge(text, end, end - 1);

    if (m->n_values == MASK_VALUES_MAX)
        return nigh_fail(err, NIGH_TOOBIG, "more than %d private values", MASK_VALUES_MAX);
    if (!values_room(m))
        return no_memory(err);
    uint32_t *slot = slot_of(m, &m->by_value, value, value_text);
    if (*slot) {
        struct needle *known = &m->values[*slot - 1];
        known->word_begins &= begins;
        known->word_ends &= ends;
        return NIGH_OK;
    }
    value = arena_dup(m->arena, value);
    char *name = arena_strdup(m->arena, slice_of(type));
    if (!value.p || !name)
        return no_memory(err);
    m->types[m->n_values] = name;
    m->values[m->n_values] =
        (struct needle){.text = value, .word_begins = begins, .word_ends = ends};
    *slot = (uint32_t)++m->n_values;
    m->needles = NULL;
    return NIGH_OK;
}

static enum nigh_status build(struct mask *m, struct nigh_err *err)
{
    if (m->needles)
        return NIGH_OK;
    m->met = arena_calloc(m->arena, m->n_values + 1, sizeof *m->met);
    m->known = arena_calloc(m->arena, m->n_values + 1, sizeof(struct entry *));
    return m->met && m->known ? needles_new(&m->needles, m->values, m->n_values, m->arena, err)
                              : no_memory(err);
}

/* ---- placeholders ---- */

static void add_type(struct entry *e, const char *type)
{
    e->name[e->name_len++] = '[';
    for (size_t i = 0; i < MASK_TYPE_MAX && type[i]; i++) {
        char c = type[i];
        if (c >= 'a' && c <= 'z')
            c = (char)(c - 'a' + 'A');
        e->name[e->name_len++] = c >= 'A' && c <= 'Z' ? c : '_';
    }
    e->name[e->name_len++] = '_';
}

/* 60 bits of a keyed hash of all that the placeholder stands for, each text with its length.
 * number: it stands for one that was no string. */
static void add_tag(const struct mask *m, struct entry *e, bool number)
{
    static const char base32[] = "abcdefghijklmnopqrstuvwxyz234567";
    struct slice kind = number ? SLICE("number") : SLICE("text");
    struct slice parts[] = {{e->name, e->name_len}, e->text, e->value, kind};
    unsigned char hash[16];
    crypto_generichash_state state;
    uint64_t bits;

    crypto_generichash_init(&state, m->key, sizeof m->key, sizeof hash);
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        uint64_t len = parts[i].len;
        crypto_generichash_update(&state, (const unsigned char *)&len, sizeof len);
        crypto_generichash_update(&state, (const unsigned char *)parts[i].p, parts[i].len);
    }
    crypto_generichash_final(&state, hash, sizeof hash);
    memcpy(&bits, hash, sizeof bits);
    for (int i = 0; i < MASK_TAG_CHARS; i++, bits >>= 5)
        e->name[e->name_len++] = base32[bits & 31];
    e->name[e->name_len++] = ']';
}

static bool entries_room(struct mask *m)
{
    size_t cap = m->cap_entries ? 2 * m->cap_entries : 16;

    if (!table_room(m, &m->by_name, m->n_entries, entry_name))
        return false;
    if (m->n_entries < m->cap_entries)
        return true;
    struct entry **all = arena_grow(m->arena, m->entries, m->cap_entries * sizeof(struct entry *),
                                    cap * sizeof(struct entry *));
    if (!all)
        return false;
    m->entries = all;
    m->cap_entries = cap;
    return true;
}

static bool needs_escape(struct slice s)
{
    for (size_t i = 0; i < s.len; i++)
        if ((unsigned char)s.p[i] < 0x20 || s.p[i] == '"' || s.p[i] == '\\')
            return true;
    return false;
}

/* As it stood in the text that holds the document that holds it. */
static struct slice quoted_text(struct slice value, unsigned quoted, struct arena *arena)
{
    CLEANUP(buf_done) struct buf a = {0}, b = {0};

    if (quoted == 0 || !needs_escape(value))
        return value;
    for (buf_add_str(&a, value); quoted > 0; quoted--) {
        buf_reset(&b);
        add_escaped(&b, buf_slice(&a));
        struct buf swap = a;
        a = b;
        b = swap;
    }
    if (a.failed || b.failed)
        return (struct slice){0};
    return arena_dup(arena, buf_slice(&a));
}

/* Into the table, or the one that is there. */
static enum nigh_status entry_keep(struct mask *m, struct entry *e, struct entry **ret,
                                   struct nigh_err *err)
{
    bool same = e->text.p == e->value.p;

    if (!entries_room(m))
        return no_memory(err);
    uint32_t *slot = slot_of(m, &m->by_name, (struct slice){e->name, e->name_len}, entry_name);
    if (*slot) {
        *ret = m->entries[*slot - 1];
        if (slice_eq((*ret)->text, e->text) && slice_eq((*ret)->value, e->value))
            return NIGH_OK;
        return nigh_fail(err, NIGH_DENIED, "two private values have the same placeholder");
    }
    e->value = arena_dup(m->arena, e->value);
    e->text = same ? e->value : e->text;
    struct entry *kept = arena_alloc(m->arena, sizeof *kept);
    if (!e->value.p || !kept)
        return no_memory(err);
    *kept = *e;
    m->entries[m->n_entries] = *ret = kept;
    *slot = (uint32_t)++m->n_entries;
    return NIGH_OK;
}

enum nigh_status mask_entry(struct mask *m, struct entry **ret, const char *type,
                            struct slice value, unsigned quoted, struct nigh_err *err)
{
    struct entry e = {.value = value, .text = quoted_text(value, quoted, m->arena)};

    if (!e.text.p)
        return no_memory(err);
    add_type(&e, type);
    add_tag(m, &e, false);
    return entry_keep(m, &e, ret, err);
}

/* The placeholder of a number, and the same within the quotes that it has in the text which a
 * restore reads: with those it is a number again, without them its digits. */
static enum nigh_status number_entry(struct mask *m, const char *type, struct slice number,
                                     unsigned docs, struct entry **ret, struct nigh_err *err)
{
    struct entry bare = {.value = number, .text = number}, within = bare, *unused;
    const char *quote = docs > 1 ? "\\\"" : "\"";
    size_t n = strlen(quote);

    add_type(&bare, type);
    add_tag(m, &bare, true);
    within.mark = (unsigned char)n;
    memcpy(within.name, quote, n);
    memcpy(within.name + n, bare.name, bare.name_len);
    memcpy(within.name + n + bare.name_len, quote, n);
    within.name_len = (unsigned char)(bare.name_len + 2 * n);
    m->numbers = true;
    enum nigh_status status = entry_keep(m, &bare, ret, err);
    return status == NIGH_OK ? entry_keep(m, &within, &unused, err) : status;
}

/* ---- a text without its escapes ---- */

void add_escaped(struct buf *out, struct slice s)
{
    size_t at = out->len;

    buf_add_json(out, s);
    if (out->failed)
        return;
    out->len -= 2; /* the quotes */
    memmove(out->data + at, out->data + at + 1, out->len - at);
    out->data[out->len] = '\0';
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* \u and four digits at p, or -1. */
static int32_t hex_unit(const char *p, const char *end)
{
    int32_t unit = 0;

    if (end - p < 6 || p[0] != '\\' || p[1] != 'u')
        return -1;
    for (int i = 2; i < 6; i++) {
        int digit = hex_digit(p[i]);
        if (digit < 0)
            return -1;
        unit = unit << 4 | digit;
    }
    return unit;
}

static size_t put_utf8(char ret[static 4], int32_t c)
{
    if (c < 0x80) {
        ret[0] = (char)c;
        return 1;
    }
    if (c < 0x800) {
        ret[0] = (char)(0xc0 | c >> 6);
        ret[1] = (char)(0x80 | (c & 63));
        return 2;
    }
    if (c < 0x10000) {
        ret[0] = (char)(0xe0 | c >> 12);
        ret[1] = (char)(0x80 | (c >> 6 & 63));
        ret[2] = (char)(0x80 | (c & 63));
        return 3;
    }
    ret[0] = (char)(0xf0 | c >> 18);
    ret[1] = (char)(0x80 | (c >> 12 & 63));
    ret[2] = (char)(0x80 | (c >> 6 & 63));
    ret[3] = (char)(0x80 | (c & 63));
    return 4;
}

size_t unescape(const char *p, const char *end, char ret[static 4], size_t *ret_n)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    const char *short_one;
    int32_t unit, low;

    if (end - p < 2 || p[0] != '\\')
        return 0;
    short_one = p[1] ? strchr(from, p[1]) : NULL;
    if (short_one) {
        ret[0] = to[short_one - from];
        *ret_n = 1;
        return 2;
    }
    unit = hex_unit(p, end);
    if (unit < 0 || (unit & 0xfc00) == 0xdc00)
        return 0;
    if ((unit & 0xfc00) != 0xd800) {
        *ret_n = put_utf8(ret, unit);
        return 6;
    }
    low = hex_unit(p + 6, end);
    if ((low & ~0x3ff) != 0xdc00)
        return 0;
    *ret_n = put_utf8(ret, 0x10000 + ((unit & 0x3ff) << 10) + (low & 0x3ff));
    return 12;
}

/* ---- replacing ---- */

/* What the text says where its escapes are read, and where in it each byte of that stands. */
struct view {
    char *text;
    uint32_t *from; /* one more than n: where the last one ends */
    size_t n;
};

static bool view_new(struct view *v, size_t bytes, struct arena *arena)
{
    v->text = arena_alloc(arena, bytes);
    v->from = arena_alloc(arena, (bytes + 1) * sizeof *v->from);
    return v->text && v->from && bytes < UINT32_MAX;
}

static void view_add(struct view *v, const char *bytes, size_t n, size_t from, bool escape)
{
    for (size_t i = 0; i < n; i++) {
        v->text[v->n] = bytes[i];
        v->from[v->n++] = (uint32_t)(escape ? from : from + i);
    }
}

static void view_read(struct view *v, struct slice text)
{
    const char *end = text.p + text.len;

    for (const char *p = text.p; p < end;) {
        char bytes[4];
        size_t n, took = unescape(p, end, bytes, &n);
        if (took > 0) {
            view_add(v, bytes, n, (size_t)(p - text.p), true);
            p += took;
            continue;
        }
        const char *next = memchr(p + 1, '\\', (size_t)(end - p) - 1);
        next = next ? next : end;
        view_add(v, p, (size_t)(next - p), (size_t)(p - text.p), false);
        p = next;
    }
    v->from[v->n] = (uint32_t)text.len;
}

/* Of the text as it is, and as it is read with its escapes. */
static void merge(struct mask *m, const struct view *v)
{
    const uint32_t *from = v->from;
    struct founds *plain = &m->founds, *escaped = &m->escaped, both = {.arena = m->arena};
    size_t i = 0, j = 0;

    for (size_t k = 0; k < escaped->n; k++) {
        escaped->all[k].start = from[escaped->all[k].start];
        escaped->all[k].end = from[escaped->all[k].end];
    }
    while (i < plain->n || j < escaped->n) {
        bool first = j == escaped->n || (i < plain->n && plain->all[i].end <= escaped->all[j].end);
        founds_add(&both, first ? &plain->all[i++] : &escaped->all[j++]);
    }
    both.failed |= plain->failed | escaped->failed;
    *plain = both;
}

/* Into m->escaped, and what comes of both into m->founds. */
static enum nigh_status find_escaped(struct mask *m, struct slice text, struct nigh_err *err)
{
    CLEANUP(arena_done) struct arena scratch;
    struct view view = {0};

    arena_init(&scratch, SIZE_MAX); /* five bytes a byte of the text, which has a ceiling */
    if (!view_new(&view, text.len, &scratch))
        return no_memory(err);
    view_read(&view, text);
    needles_find(m->needles, (struct slice){view.text, view.n}, &m->escaped);
    if (m->escaped.n > 0)
        merge(m, &view);
    return m->escaped.failed ? no_memory(err) : NIGH_OK;
}

/* Into m->founds. */
static enum nigh_status find(struct mask *m, struct slice text, struct nigh_err *err)
{
    enum nigh_status status = build(m, err);

    if (status != NIGH_OK)
        return status;
    needles_find(m->needles, text, &m->founds);
    if (text.len > 0 && memchr(text.p, '\\', text.len))
        status = find_escaped(m, text, err);
    return status == NIGH_OK && m->founds.failed ? no_memory(err) : status;
}

enum nigh_status mask_holds(struct mask *m, struct slice text, bool *ret, struct nigh_err *err)
{
    enum nigh_status status = find(m, text, err);

    *ret = status != NIGH_OK || m->founds.n > 0;
    return status;
}

/* The placeholder of what was found: mostly one that was made before, which costs no hash. */
static enum nigh_status entry_of(struct mask *m, const struct found *f, struct slice value,
                                 unsigned quoted, struct entry **ret, struct nigh_err *err)
{
    bool usual =
        slice_eq(value, m->values[f->needle].text) && (quoted == 0 || !needs_escape(value));

    if (!usual)
        return mask_entry(m, ret, m->types[f->needle], value, quoted, err);
    *ret = m->known[f->needle];
    if (*ret)
        return NIGH_OK;
    enum nigh_status status = mask_entry(m, ret, m->types[f->needle], value, 0, err);
    m->known[f->needle] = status == NIGH_OK ? *ret : NULL;
    return status;
}

static enum nigh_status replace_plain(struct mask *m, struct slice text, struct reading how,
                                      struct buf *out, bool *ret_any, struct nigh_err *err)
{
    enum nigh_status status = find(m, text, err);
    size_t at = 0;

    *ret_any = m->founds.n > 0;
    if (*ret_any)
        buf_reserve(out, text.len + text.len / 4);
    for (size_t i = 0; i < m->founds.n && status == NIGH_OK; i++) {
        struct found f = m->founds.all[i];
        struct slice value = {text.p + f.start, f.end - f.start};
        struct entry *e;
        status = entry_of(m, &f, value, how.quoted, &e, err);
        if (status != NIGH_OK)
            return status;
        buf_add(out, text.p + at, f.start - at);
        buf_add(out, e->name, e->name_len);
        at = f.end;
        m->met[f.needle] = true;
        m->replaced++;
    }
    if (*ret_any)
        buf_add(out, text.p + at, text.len - at);
    return status == NIGH_OK && out->failed ? no_memory(err) : status;
}

enum nigh_status mask_number(struct mask *m, struct slice number, struct reading how,
                             struct buf *out, bool *ret_any, struct nigh_err *err)
{
    struct entry *e;
    enum nigh_status status = find(m, number, err);

    *ret_any = m->founds.n > 0;
    if (status != NIGH_OK || !*ret_any)
        return status;
    size_t needle = m->founds.all[0].needle;
    status = number_entry(m, m->types[needle], number, how.docs, &e, err);
    if (status != NIGH_OK)
        return status;
    for (size_t i = 0; i < m->founds.n; i++)
        m->met[m->founds.all[i].needle] = true;
    m->replaced++;
    buf_add(out, e->name, e->name_len);
    return NIGH_OK;
}

static bool may_be_document(struct slice text)
{
    struct slice s = slice_trim(text);

    return s.len > 1 &&
           ((s.p[0] == '{' && s.p[s.len - 1] == '}') || (s.p[0] == '[' && s.p[s.len - 1] == ']'));
}

static enum nigh_status replace_document(struct mask *m, struct slice text, struct reading how,
                                         struct buf *out, bool *ret_any, struct nigh_err *err)
{
    struct reading within = {.docs = how.docs + 1, .quoted = how.quoted + !how.arguments};
    uint64_t replaced = m->replaced;
    enum nigh_status status = mask_document(m, text, within, out, ret_any, err);

    if (status != NIGH_OK)
        m->replaced = replaced;
    return status;
}

enum nigh_status mask_replace(struct mask *m, struct slice text, struct reading how,
                              struct buf *out, bool *ret_any, struct nigh_err *err)
{
    struct nigh_err why = {0};
    enum nigh_status status = build(m, &why);

    if (status == NIGH_OK && (how.docs == MASK_DOCS_MAX || !may_be_document(text)))
        return replace_plain(m, text, how, out, ret_any, err);
    if (status == NIGH_OK)
        status = replace_document(m, text, how, out, ret_any, &why);
    if (status == NIGH_INVALID) /* it only looked like JSON */
        return replace_plain(m, text, how, out, ret_any, err);
    return status == NIGH_OK ? status : nigh_fail(err, status, "%s", why.what);
}

enum nigh_status mask_text(struct mask *m, struct slice text, bool json, struct buf *out,
                           struct nigh_err *err)
{
    bool any;
    enum nigh_status status =
        mask_replace(m, text, (struct reading){.arguments = json}, out, &any, err);

    if (status == NIGH_OK && !any)
        buf_add_str(out, text);
    return status == NIGH_OK && out->failed ? no_memory(err) : status;
}
