/* key: who may ask this node, by secret keys of which only digests are kept.
 *
 * A key's text is `nigh_` and 32 random bytes in base64url; it is shown once, by key_new.  The node
 * keeps its BLAKE2b-256 digest, in memory for key_find and in the store for the next start.
 * key_find compares the digest of what it is shown with every key's, in constant time and without
 * leaving early, so its duration tells neither how much of a guess was right nor which key it was.
 * (32 random bytes need no salt and no slow hash.)  A revoked key ends at once; its row stays, with
 * the time, so that the ledger's names remain explained.
 *
 * A key's name is what rules, bills and logs show; its scope (scope.h) is what it may do.  Keys are
 * counted: a turn holds the one that it came with, which is whole until the turn ended even when it
 * was revoked meanwhile.  Loop thread only. */
#pragma once
#include "base/bucket.h"
#include "base/err.h"
#include "base/str.h"
#include "label/scope.h"
#include "store/store.h"

enum {
    KEYS_MAX = 1000, /* key_find walks all of them, 0.05 to 0.1 us each */
    KEY_NAME_BYTES = 65,
    KEY_TEXT_BYTES = 49, /* 5 + 43 characters and the NUL */
    KEY_DIGEST_BYTES = 32,
};

struct key {
    unsigned refs;
    char name[KEY_NAME_BYTES];
    uint64_t created_us; /* wall clock */
    unsigned char digest[KEY_DIGEST_BYTES];
    struct scope scope;
    struct bucket rate; /* of scope.per_minute */
    uint64_t day;       /* days since 1970 in UTC, of spent_uusd */
    int64_t spent_uusd;
};

/* At start, before the store's first append: loads what was kept. */
struct keys;
NIGH_MUST enum nigh_status keys_new(struct keys **ret, struct store *store, struct nigh_err *err);
struct keys *keys_free(struct keys *keys);

/* In the order they were made, for `key list`; they never leave the node with their digests. */
size_t keys_count(const struct keys *keys);
struct key *keys_at(const struct keys *keys, size_t i);
struct key *keys_named(const struct keys *keys, struct slice name); /* NULL: none is called so */

/* Makes one, durable before it returns, and tells its text.  name: [A-Za-z0-9._-], at most 64, not
 * in use.  The caller wipes the text (sodium_memzero) once it was shown. */
NIGH_MUST enum nigh_status key_new(struct keys *keys, struct slice name, const struct scope *scope,
                                   char ret_text[static KEY_TEXT_BYTES], struct nigh_err *err);
/* The key with this text, or NULL; its owner is keys until key_ref. */
struct key *key_find(const struct keys *keys, struct slice text);
struct key *key_ref(struct key *key);   /* NULL: NULL */
struct key *key_unref(struct key *key); /* NULL */

/* One more request within its rate?  Else *ret_wait_ms says when the next one may come. */
bool key_take(struct key *key, uint64_t mono_us, uint64_t *ret_wait_ms);
/* What is left of its day's budget; negative: it has none. */
int64_t key_left_uusd(const struct key *key, uint64_t day);
void key_spend(struct key *key, uint64_t day, int64_t uusd);
/* Ends it at once, even when the store cannot write it (an error then says that it would be back
 * after a restart). NIGH_NOTFOUND. */
NIGH_MUST enum nigh_status key_revoke(struct keys *keys, struct slice name, struct nigh_err *err);
