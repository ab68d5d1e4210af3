#include "label/key.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/rand.h"
#include <sodium.h>
#include <stdlib.h>

struct keys {
    struct store *store;
    struct key *key;
    size_t n;
};

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

static struct key *by_name(const struct keys *keys, struct slice name)
{
    for (size_t i = 0; i < keys->n; i++)
        if (slice_is(name, keys->key[i].name))
            return &keys->key[i];
    return NULL;
}

/* Room for one more, and the new one, not counted yet. */
static enum nigh_status grow(struct keys *keys, struct key **ret, struct slice name,
                             struct nigh_err *err)
{
    struct key *more;

    if (keys->n == KEYS_MAX)
        return nigh_fail(err, NIGH_TOOBIG, "keys: there are %d already; revoke one", KEYS_MAX);
    more = realloc(keys->key, (keys->n + 1) * sizeof *more);
    if (!more)
        return nigh_fail(err, NIGH_NOMEM, "keys: out of memory");
    keys->key = more;
    more += keys->n;
    memset(more, 0, sizeof *more);
    memcpy(more->name, name.p, name.len);
    *ret = more;
    return NIGH_OK;
}

static enum nigh_status load_one(struct keys *keys, yyjson_val *row, struct nigh_err *err)
{
    struct slice name = json_get_str(row, "name"), hex = json_get_str(row, "digest");
    struct key *key;
    size_t len = 0;
    enum nigh_status status;

    if (!name_ok(name))
        return nigh_fail(err, NIGH_IO, "keys: a name in the database is damaged");
    status = grow(keys, &key, name, err);
    if (status != NIGH_OK)
        return status;
    if (sodium_hex2bin(key->digest, sizeof key->digest, hex.p ? hex.p : "", hex.len, NULL, &len,
                       NULL) != 0 ||
        len != sizeof key->digest)
        return nigh_fail(err, NIGH_IO, "keys: the digest of '%s' in the database is damaged",
                         key->name);
    key->created_us = (uint64_t)json_get_int(row, "created", 0);
    keys->n++;
    return NIGH_OK;
}

static enum nigh_status load(struct keys *keys, struct nigh_err *err)
{
    struct buf rows = {.max_bytes = 1 << 20};
    struct arena a;
    yyjson_val *root, *row;
    yyjson_arr_iter it;
    enum nigh_status status = store_load(keys->store,
                                         "SELECT name, digest, created FROM keys "
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
    if (keys)
        free(keys->key);
    free(keys);
    return NULL;
}

size_t keys_count(const struct keys *keys)
{
    return keys->n;
}

const struct key *keys_at(const struct keys *keys, size_t i)
{
    return i < keys->n ? &keys->key[i] : NULL;
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

static enum nigh_status record(struct keys *keys, const char *kind, const struct key *key,
                               const char *time_name, uint64_t time_us, struct nigh_err *err)
{
    char hex[2 * KEY_DIGEST_BYTES + 1];
    struct buf json = {.max_bytes = 1024};
    enum nigh_status status;

    sodium_bin2hex(hex, sizeof hex, key->digest, sizeof key->digest);
    buf_add_char(&json, '{');
    json_put_cstr(&json, "digest", hex);
    json_put_cstr(&json, "name", key->name);
    json_put_int(&json, time_name, (int64_t)time_us);
    buf_add_char(&json, '}');
    if (json.failed)
        status = nigh_fail(err, NIGH_NOMEM, "keys: out of memory");
    else
        status = store_append(keys->store, kind, buf_slice(&json), err);
    buf_done(&json);
    return status;
}

enum nigh_status key_new(struct keys *keys, struct slice name, char ret_text[static KEY_TEXT_BYTES],
                         struct nigh_err *err)
{
    char text[KEY_TEXT_BYTES];
    struct key *key;
    enum nigh_status status;

    if (!name_ok(name))
        return nigh_fail(err, NIGH_INVALID,
                         "a key's name is made of A-Z, a-z, 0-9, . _ and -, "
                         "at most 64");
    if (by_name(keys, name))
        return nigh_fail(err, NIGH_INVALID, "a key named '%.*s' exists; revoke it first",
                         (int)name.len, name.p);
    status = grow(keys, &key, name, err);
    if (status != NIGH_OK)
        return status;
    make_text(text);
    digest_of(key->digest, slice_of(text));
    key->created_us = clock_wall_us();
    status = record(keys, "key", key, "created", key->created_us, err);
    if (status == NIGH_OK) {
        keys->n++;
        memcpy(ret_text, text, sizeof text);
    }
    sodium_memzero(text, sizeof text);
    return status;
}

const struct key *key_find(const struct keys *keys, struct slice text)
{
    unsigned char digest[KEY_DIGEST_BYTES];
    size_t found = 0; /* 1-based */

    digest_of(digest, text);
    for (size_t i = 0; i < keys->n; i++) { /* all of them, and no branch on the outcome */
        int differs = sodium_memcmp(digest, keys->key[i].digest, sizeof digest); /* 0 or -1 */

        found |= (i + 1) & ~(size_t)differs;
    }
    return found ? &keys->key[found - 1] : NULL;
}

enum nigh_status key_revoke(struct keys *keys, struct slice name, struct nigh_err *err)
{
    struct key *key = by_name(keys, name), gone;
    enum nigh_status status;

    if (!key)
        return nigh_fail(err, NIGH_NOTFOUND, "no key has that name");
    gone = *key;
    keys->n--;
    memmove(key, key + 1, (size_t)(keys->key + keys->n - key) * sizeof *key);
    status = record(keys, "key-revoke", &gone, "revoked", clock_wall_us(), NULL);
    if (status != NIGH_OK)
        return nigh_fail(err, status,
                         "key '%s' is revoked, but that could not be stored: it would "
                         "be back after a restart",
                         gone.name);
    return NIGH_OK;
}
