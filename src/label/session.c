#include "label/session.h"

#include "base/clock.h"
#include "base/json.h"
#include <sodium.h>
#include <stdlib.h>

struct session {
    struct session *newer, *older; /* by use */
    struct session *chain;         /* of its bucket */
    char *key, *name;
    char label[LABEL_TEXT_BYTES];
    struct session_cause *causes;
    size_t n_causes;
    char said[DETECT_BORDER_BYTES];
    size_t n_said;
};

enum { BUCKETS = 2048 };

struct sessions {
    struct store *store;
    struct session *bucket[BUCKETS];
    struct session *newest, *oldest;
    size_t n;
    unsigned char hash_key[crypto_shorthash_KEYBYTES]; /* names are the callers' choice */
};

/* --- the table --- */

static struct session **bucket_of(struct sessions *s, struct slice key, struct slice name)
{
    unsigned char a[crypto_shorthash_BYTES], b[crypto_shorthash_BYTES];
    uint64_t x, y;

    crypto_shorthash(a, (const unsigned char *)(key.p ? key.p : ""), key.len, s->hash_key);
    crypto_shorthash(b, (const unsigned char *)(name.p ? name.p : ""), name.len, s->hash_key);
    memcpy(&x, a, sizeof x);
    memcpy(&y, b, sizeof y);
    return &s->bucket[(x * 31 + y) % BUCKETS];
}

static void unlink_use(struct sessions *s, struct session *one)
{
    *(one->newer ? &one->newer->older : &s->newest) = one->older;
    *(one->older ? &one->older->newer : &s->oldest) = one->newer;
}

static void link_newest(struct sessions *s, struct session *one)
{
    one->newer = NULL;
    one->older = s->newest;
    *(s->newest ? &s->newest->newer : &s->oldest) = one;
    s->newest = one;
}

static void session_free(struct session *one)
{
    if (!one)
        return;
    sodium_memzero(one->said, sizeof one->said);
    free(one->key);
    free(one->name);
    free(one->causes);
    free(one);
}

/* Out of the table; the caller frees it. */
static void take_out(struct sessions *s, struct session *one)
{
    struct session **at = bucket_of(s, slice_of(one->key), slice_of(one->name));

    while (*at != one)
        at = &(*at)->chain;
    *at = one->chain;
    unlink_use(s, one);
    s->n--;
}

struct session *session_of(struct sessions *s, struct slice key, struct slice name)
{
    struct session *one = *bucket_of(s, key, name);

    while (one && !(slice_is(name, one->name) && slice_is(key, one->key)))
        one = one->chain;
    if (one && one != s->newest) {
        unlink_use(s, one);
        link_newest(s, one);
    }
    return one;
}

static char *copy(struct slice text)
{
    char *p = malloc(text.len + 1);

    if (p && text.len)
        memcpy(p, text.p, text.len);
    if (p)
        p[text.len] = '\0';
    return p;
}

static struct session *session_add(struct sessions *s, struct slice key, struct slice name)
{
    struct session *one = calloc(1, sizeof *one), **at = bucket_of(s, key, name);

    if (!one || !(one->key = copy(key)) || !(one->name = copy(name))) {
        session_free(one);
        return NULL;
    }
    one->chain = *at;
    *at = one;
    link_newest(s, one);
    s->n++;
    return one;
}

const char *session_label(const struct session *one)
{
    return one->label;
}

size_t session_causes(const struct session *one, const struct session_cause **ret)
{
    *ret = one->causes;
    return one->n_causes;
}

struct slice session_said(const struct session *one)
{
    return (struct slice){one->n_said ? one->said : NULL, one->n_said};
}

/* --- durable --- */

static void put_causes(const struct session *one, struct buf *json)
{
    char imprint[IMPRINT_TEXT_BYTES];

    json_key(json, "causes");
    buf_add_char(json, '[');
    for (size_t i = 0; i < one->n_causes; i++) {
        imprint_text(&one->causes[i].imprint, imprint);
        json_sep(json);
        buf_add_char(json, '{');
        json_put_cstr(json, "imprint", imprint);
        json_put_cstr(json, "rule", one->causes[i].rule ? one->causes[i].zone : NULL);
        buf_add_char(json, '}');
    }
    buf_add_char(json, ']');
}

static enum nigh_status append(struct sessions *s, const char *kind, struct buf *json,
                               struct nigh_err *err)
{
    buf_add_char(json, '}');
    if (json->failed)
        return nigh_fail(err, NIGH_NOMEM, "sessions: out of memory");
    return store_append(s->store, kind, buf_slice(json), err);
}

static void put_name(const struct session *one, struct buf *json)
{
    buf_add_char(json, '{');
    json_put_cstr(json, "key_name", one->key);
    json_put_cstr(json, "session", one->name);
}

static enum nigh_status keep(struct sessions *s, const struct session *one, struct nigh_err *err)
{
    CLEANUP(buf_done) struct buf json = {.max_bytes = 16 << 10};

    put_name(one, &json);
    json_put_cstr(&json, "label", one->label);
    put_causes(one, &json);
    json_put_int(&json, "seen", (int64_t)clock_wall_us());
    return append(s, "session", &json, err);
}

static bool narrowed(const struct session *one)
{
    return one->label[0] || one->n_causes > 0;
}

/* Its row goes first: a row that stays behind would come back with the next start, which narrows.
 */
static enum nigh_status forget_oldest(struct sessions *s, struct nigh_err *err)
{
    struct session *one = s->oldest;
    enum nigh_status status = NIGH_OK;

    if (narrowed(one)) {
        CLEANUP(buf_done) struct buf json = {.max_bytes = 4096};
        put_name(one, &json);
        status = append(s, "session-forget", &json, err);
    }
    take_out(s, one);
    session_free(one);
    return status;
}

static bool take(char *to, size_t size, struct slice from)
{
    if (from.len >= size)
        return false;
    if (from.p)
        memcpy(to, from.p, from.len);
    to[from.len] = '\0';
    return true;
}

static bool load_causes(struct session *one, yyjson_val *list)
{
    size_t i, n;
    yyjson_val *val;

    one->causes = calloc(SESSION_CAUSES_MAX, sizeof *one->causes);
    if (!one->causes || yyjson_arr_size(list) > SESSION_CAUSES_MAX)
        return false;
    yyjson_arr_foreach(list, i, n, val)
    {
        struct session_cause *cause = &one->causes[one->n_causes++];
        struct slice zone = json_get_str(val, "rule");
        cause->rule = zone.p != NULL;
        if (!imprint_parse(&cause->imprint, json_get_str(val, "imprint")) ||
            !take(cause->zone, sizeof cause->zone, zone))
            return false;
    }
    return true;
}

static enum nigh_status load_one(struct sessions *s, yyjson_val *row, struct nigh_err *err)
{
    struct session *one =
        session_add(s, json_get_str(row, "key_name"), json_get_str(row, "session"));

    if (!one)
        return nigh_fail(err, NIGH_NOMEM, "sessions: out of memory");
    if (!take(one->label, sizeof one->label, json_get_str(row, "label")) ||
        !load_causes(one, json_get(row, "causes")))
        return nigh_fail(err, NIGH_IO, "sessions: a row in the database is damaged");
    return NIGH_OK;
}

static enum nigh_status load(struct sessions *s, struct nigh_err *err)
{
    CLEANUP(buf_done) struct buf rows = {.max_bytes = 32 << 20};
    CLEANUP(arena_done) struct arena arena;
    yyjson_val *root;
    enum nigh_status status = store_load(
        s->store, "SELECT key_name, session, label, causes FROM sessions ORDER BY seen DESC",
        SESSIONS_MAX, &rows, err);

    arena_init(&arena, 256 << 20);
    if (status == NIGH_OK)
        status = json_parse(&root, buf_slice(&rows), &arena, err);
    for (size_t i = status == NIGH_OK ? yyjson_arr_size(root) : 0; i-- > 0 && status == NIGH_OK;)
        status = load_one(s, yyjson_arr_get(root, i), err);
    return status;
}

enum nigh_status sessions_new(struct sessions **ret, struct store *store, struct nigh_err *err)
{
    struct sessions *s = calloc(1, sizeof *s);

    if (!s)
        return nigh_fail(err, NIGH_NOMEM, "sessions: out of memory");
    s->store = store;
    randombytes_buf(s->hash_key, sizeof s->hash_key);
    enum nigh_status status = load(s, err);
    if (status == NIGH_OK)
        *ret = s;
    else
        sessions_free(s);
    return status;
}

struct sessions *sessions_free(struct sessions *s)
{
    while (s && s->oldest) {
        struct session *one = s->oldest;
        take_out(s, one);
        session_free(one);
    }
    free(s);
    return NULL;
}

/* --- what a turn showed --- */

static bool has_cause(const struct session *one, const struct session_cause *cause)
{
    for (size_t i = 0; i < one->n_causes; i++)
        if (imprint_eq(&one->causes[i].imprint, &cause->imprint))
            return true;
    return false;
}

/* false: they do not fit, or there is no memory. */
static bool add_causes(struct session *one, const struct session_seen *seen, bool *changed)
{
    for (size_t i = 0; i < seen->n_causes; i++) {
        if (has_cause(one, &seen->causes[i]))
            continue;
        if (!one->causes && !(one->causes = calloc(SESSION_CAUSES_MAX, sizeof *one->causes)))
            return false;
        if (one->n_causes == SESSION_CAUSES_MAX)
            return false;
        one->causes[one->n_causes++] = seen->causes[i];
        *changed = true;
    }
    return true;
}

static void say(struct session *one, struct slice said)
{
    if (!said.p)
        return;
    if (said.len > DETECT_BORDER_BYTES) {
        said.p += said.len - DETECT_BORDER_BYTES;
        said.len = DETECT_BORDER_BYTES;
    }
    sodium_memzero(one->said, sizeof one->said);
    if (said.len)
        memcpy(one->said, said.p, said.len);
    one->n_said = said.len;
}

enum nigh_status session_narrow(struct sessions *s, struct slice key, struct slice name,
                                const struct session_seen *seen, struct nigh_err *err)
{
    struct session *one = session_of(s, key, name);
    bool changed = false;

    if (!one && s->n == SESSIONS_MAX && forget_oldest(s, err) != NIGH_OK)
        return err ? err->status : NIGH_IO;
    if (!one && !(one = session_add(s, key, name)))
        return nigh_fail(err, NIGH_NOMEM, "sessions: out of memory");
    const char *label = add_causes(one, seen, &changed) ? seen->label : seen->all;
    if (strcmp(one->label, label) != 0) {
        take(one->label, sizeof one->label, slice_of(label));
        changed = true;
    }
    say(one, seen->said);
    return changed ? keep(s, one, err) : NIGH_OK;
}
