#include "base/clock.h"
#include "base/rand.h"
#include "base/secret.h"
#include "label/mask.h"
#include <sodium.h>

struct mask_keys {
    unsigned char secret[crypto_generichash_KEYBYTES];
    uint64_t made_us; /* monotonic */
};

static void renew(struct mask_keys *keys)
{
    rand_bytes(keys->secret, sizeof keys->secret);
    keys->made_us = clock_mono_us();
}

enum nigh_status mask_keys_new(struct mask_keys **ret, struct nigh_err *err)
{
    struct mask_keys *keys = secret_new(sizeof *keys);

    if (!keys)
        return nigh_fail(err, NIGH_NOMEM, "mask: out of memory");
    renew(keys);
    *ret = keys;
    return NIGH_OK;
}

struct mask_keys *mask_keys_free(struct mask_keys *keys)
{
    return secret_free(keys);
}

/* Each part with its length, so that no two pairs of them are hashed alike. */
static void add(crypto_generichash_state *state, struct slice s)
{
    uint64_t len = s.len;

    crypto_generichash_update(state, (const unsigned char *)&len, sizeof len);
    crypto_generichash_update(state, (const unsigned char *)s.p, s.len);
}

void mask_key_of(struct mask_keys *keys, unsigned char ret[static MASK_KEY_BYTES], struct slice who,
                 struct slice conversation)
{
    crypto_generichash_state state;

    if (clock_mono_us() - keys->made_us >= (uint64_t)MASK_ROTATE_MS * 1000)
        renew(keys);
    crypto_generichash_init(&state, keys->secret, sizeof keys->secret, MASK_KEY_BYTES);
    add(&state, who);
    add(&state, conversation);
    crypto_generichash_final(&state, ret, MASK_KEY_BYTES);
}
