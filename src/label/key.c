#include "label/key.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/rand.h"
#include <sodium.h>
#include <stdlib.h>

struct keys {
    struct store *store;
    struct key **key;
    size_t n, cap;
};

static void key_unrefp(struct key **key)
{
    key_unref(*key);
}

static const char key_prefix[] = "nigh_";

_Static_assert(sizeof key_prefix - 1 + sodium_base64_ENCODED_LEN(32, 7) == KEY_TEXT_BYTES,
               "7: sodium_base64_VARIANT_URLSAFE_NO_PADDING");

static void digest_of(unsigned char digest[static KEY_DIGEST_BYTES], struct slice text)
{
    crypto_generichash(digest, KEY_DIGEST_BYTES, (const unsigned char *)text.p, text.len, NULL, 0);
}

static bool name_ok(struct slice s)
{
    if (s.len == 0 || s.len >= KEY_NAME_BYTES)
        return false;
    for (size_t i = 0; i < s.len; i++) {
        char c = s.p[i];
        bool ok = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '.' || c == '_' || c == '-';

        if (!ok)
            return false;
    }
    return true;
}

struct key *keys_named(const struct keys *keys, struct slice name)
{
    for (size_t i = 0; i < keys->n; i++)
        if (slice_is(name, keys->key[i]->name))
            return keys->key[i];
    return NULL;
}

/* A new one, and room for it in the list, where it does not stand yet. */
static enum nigh_status key_make(struct key **ret, struct keys *keys, struct slice name,
                                 const struct scope *scope, struct nigh_err *err)
{
    struct key *key;

    if (keys->n == KEYS_MAX)
        return nigh_fail(err, NIGH_TOOBIG, "keys: there are %d already; revoke one", KEYS_MAX);
    if (keys->n == keys->cap) {
        size_t cap = keys->cap ? keys->cap * 2 : 8;
        struct key **more = realloc(keys->key, cap * sizeof(struct key *));
        if (!more)
            return nigh_fail(err, NIGH_NOMEM, "keys: out of memory");
        keys->key = more;
        keys->cap = cap;
    }
    if (!(key = calloc(1, sizeof *key)))
        return nigh_fail(err, NIGH_NOMEM, "keys: out of memory");
    key->refs = 1;
    key->scope = *scope;
    memcpy(key->name, name.p, name.len);
    *ret = key;
    return NIGH_OK;
}

struct key *key_ref(struct key *key)
{
    if (key)
        key->refs++;
    return key;
}

struct key *key_unref(struct key *key)
{
    if (key && --key->refs == 0)
        free(key);
    return NULL;
}

static enum nigh_status load_digest(struct key *key, struct slice hex, struct nigh_err *err)
{
    size_t len = 0;

    if (sodium_hex2bin(key->digest, sizeof key->digest, hex.p ? hex.p : "", hex.len, NULL, &len,
                       NULL) != 0 ||
        len != sizeof key->digest)
        return nigh_fail(err, NIGH_IO, "keys: the digest of '%s' in the database is damaged",
                         key->name);
    return NIGH_OK;
}

static enum nigh_status load_one(struct keys *keys, yyjson_val *row, struct nigh_err *err)
{
    struct slice name = json_get_str(row, "name");
    struct scope scope;
    struct key *key;
    enum nigh_status status;

    if (!name_ok(name))
        return nigh_fail(err, NIGH_IO, "keys: a name in the database is damaged");
    if (scope_read(&scope, json_get(row, "scope"), NULL) != NIGH_OK)
        return nigh_fail(err, NIGH_IO, "keys: the limits of '%.*s' in the database are damaged",
                         (int)name.len, name.p);
    if ((status = key_make(&key, keys, name, &scope, err)) != NIGH_OK)
        return status;
    key->created_us = (uint64_t)json_get_int(row, "created", 0);
    if ((status = load_digest(key, json_get_str(row, "digest"), err)) != NIGH_OK)
        key_unref(key);
    else
        keys->key[keys->n++] = key;
    return status;
}

static enum nigh_status load(struct keys *keys, struct nigh_err *err)
{
    struct buf rows = {.max_bytes = 1 << 20};
    struct arena a;
    yyjson_val *root, *row;
    yyjson_arr_iter it;
    enum nigh_status status = store_load(keys->store,
                                         "SELECT name, digest, created, scope FROM keys "
                                         "WHERE revoked IS NULL ORDER BY created, name",
                                         KEYS_MAX, &rows, err);

    arena_init(&a, 16 << 20);
    if (status == NIGH_OK)
        status = json_parse(&root, buf_slice(&rows), &a, err);
    if (status == NIGH_OK) {
        it = yyjson_arr_iter_with(root);
        while (status == NIGH_OK && (row = yyjson_arr_iter_next(&it)))
            status = load_one(keys, row, err);
    }
    arena_done(&a);
    buf_done(&rows);
    return status;
}

enum nigh_status keys_new(struct keys **ret, struct store *store, struct nigh_err *err)
{
    struct keys *keys = calloc(1, sizeof *keys);
    enum nigh_status status;

    if (!keys)
        return nigh_fail(err, NIGH_NOMEM, "keys: out of memory");
    if (sodium_init() < 0) {
        free(keys);
        return nigh_fail(err, NIGH_IO, "keys: libsodium does not start");
    }
    keys->store = store;
    status = load(keys, err);
    if (status == NIGH_OK)
        *ret = keys;
    else
        keys_free(keys);
    return status;
}

struct keys *keys_free(struct keys *keys)
{
    if (!keys)
        return NULL;
    for (size_t i = 0; i < keys->n; i++)
        key_unref(keys->key[i]);
    free(keys->key);
    free(keys);
    return NULL;
}

size_t keys_count(const struct keys *keys)
{
    return keys->n;
}

struct key *keys_at(const struct keys *keys, size_t i)
{
    return i < keys->n ? keys->key[i] : NULL;
}

static void make_text(char text[static KEY_TEXT_BYTES])
{
    unsigned char secret[32];
    size_t at = sizeof key_prefix - 1;

    rand_bytes(secret, sizeof secret);
    memcpy(text, key_prefix, at);
    sodium_bin2base64(text + at, KEY_TEXT_BYTES - at, secret, sizeof secret,
                      sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    sodium_memzero(secret, sizeof secret);
}

static enum nigh_status record(struct keys *keys, const char *kind, struct buf *json,
                               const struct key *key, struct nigh_err *err)
{
    char hex[2 * KEY_DIGEST_BYTES + 1];

    sodium_bin2hex(hex, sizeof hex, key->digest, sizeof key->digest);
    json_put_cstr(json, "digest", hex);
    buf_add_char(json, '}');
    if (json->failed)
        return nigh_fail(err, NIGH_NOMEM, "keys: out of memory");
    return store_append(keys->store, kind, buf_slice(json), err);
}

static enum nigh_status record_new(struct keys *keys, const struct key *key, struct nigh_err *err)
{
    CLEANUP(buf_done) struct buf json = {0};

    buf_add_char(&json, '{');
    json_put_cstr(&json, "name", key->name);
    json_put_int(&json, "created", (int64_t)key->created_us);
    json_key(&json, "scope");
    buf_add_char(&json, '{');
    scope_json(&key->scope, &json);
    buf_add_char(&json, '}');
    return record(keys, "key", &json, key, err);
}

static enum nigh_status record_revoke(struct keys *keys, const struct key *key)
{
    CLEANUP(buf_done) struct buf json = {0};

    buf_add_char(&json, '{');
    json_put_int(&json, "revoked", (int64_t)clock_wall_us());
    return record(keys, "key-revoke", &json, key, NULL);
}

enum nigh_status key_new(struct keys *keys, struct slice name, const struct scope *scope,
                         char ret_text[static KEY_TEXT_BYTES], struct nigh_err *err)
{
    char text[KEY_TEXT_BYTES];
    struct key *key;
    enum nigh_status status;

    if (!name_ok(name))
        return nigh_fail(err, NIGH_INVALID,
                         "a key's name is made of A-Z, a-z, 0-9, . _ and -, "
                         "at most 64");
    if (keys_named(keys, name))
        return nigh_fail(err, NIGH_INVALID, "a key named '%.*s' exists; revoke it first",
                         (int)name.len, name.p);
    if ((status = key_make(&key, keys, name, scope, err)) != NIGH_OK)
        return status;
    make_text(text);
    digest_of(key->digest, slice_of(text));
    key->created_us = clock_wall_us();
    status = record_new(keys, key, err);
    if (status == NIGH_OK) {
        keys->key[keys->n++] = key;
        memcpy(ret_text, text, sizeof text);
    } else {
        key_unref(key);
    }
    sodium_memzero(text, sizeof text);
    return status;
}

struct key *key_find(const struct keys *keys, struct slice text)
{
    unsigned char digest[KEY_DIGEST_BYTES];
    size_t found = 0; /* 1-based */

    digest_of(digest, text);
    for (size_t i = 0; i < keys->n; i++) { /* all of them, and no branch on the outcome */
        int differs = sodium_memcmp(digest, keys->key[i]->digest, sizeof digest); /* 0 or -1 */

        found |= (i + 1) & ~(size_t)differs;
    }
    return found ? keys->key[found - 1] : NULL;
}

enum nigh_status key_revoke(struct keys *keys, struct slice name, struct nigh_err *err)
{
    CLEANUP(key_unrefp) struct key *gone = NULL;
    size_t i = 0;

    while (i < keys->n && !slice_is(name, keys->key[i]->name))
        i++;
    if (i == keys->n)
        return nigh_fail(err, NIGH_NOTFOUND, "no key has that name");
    gone = keys->key[i];
    keys->n--;
    memmove(&keys->key[i], &keys->key[i + 1], (keys->n - i) * sizeof(struct key *));
    enum nigh_status status = record_revoke(keys, gone);
    if (status != NIGH_OK)
        return nigh_fail(err, status,
                         "key '%s' is revoked, but that could not be stored: it would "
                         "be back after a restart",
                         gone->name);
    return NIGH_OK;
}

bool key_take(struct key *key, uint64_t mono_us, uint64_t *ret_wait_ms)
{
    return !key->scope.per_minute ||
           bucket_take(&key->rate, key->scope.per_minute, 60000000, mono_us, ret_wait_ms);
}

int64_t key_left_uusd(const struct key *key, uint64_t day)
{
    int64_t spent = key->day == day ? key->spent_uusd : 0, left = key->scope.budget_uusd - spent;

    if (key->scope.budget_uusd < 0)
        return -1;
    return left > 0 ? left : 0;
}

void key_spend(struct key *key, uint64_t day, int64_t uusd)
{
    if (key->day != day)
        key->spent_uusd = 0;
    key->day = day;
    key->spent_uusd += uusd > 0 ? uusd : 0;
}
