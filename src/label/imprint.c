#include "label/imprint.h"

#include "base/path.h"
#include "base/secret.h"
#include "label/fold.h"
#include <sodium.h>

#define IMPRINT_FILE "imprint.key"

struct imprints {
    unsigned char key[crypto_generichash_KEYBYTES];
};

static enum nigh_status load(struct imprints *m, const char *path, struct nigh_err *err)
{
    CLEANUP(buf_done) struct buf bytes = {0};
    enum nigh_status status = path_read(&bytes, path, sizeof m->key, err);

    if (status == NIGH_OK && bytes.len != sizeof m->key)
        status = nigh_fail(err, NIGH_IO, "%.180s: damaged; consents are void without it", path);
    if (status == NIGH_OK)
        memcpy(m->key, bytes.data, sizeof m->key);
    if (bytes.data)
        sodium_memzero(bytes.data, bytes.len);
    return status;
}

static enum nigh_status load_or_make(struct imprints *m, const char *state_dir,
                                     struct nigh_err *err)
{
    char path[PATH_BYTES];
    enum nigh_status status = path_join(path, state_dir, IMPRINT_FILE, err);

    if (status != NIGH_OK)
        return status;
    if (path_exists(path))
        return load(m, path, err);
    randombytes_buf(m->key, sizeof m->key);
    return path_write(path, (struct slice){(const char *)m->key, sizeof m->key}, err);
}

enum nigh_status imprints_new(struct imprints **ret, const char *state_dir, struct nigh_err *err)
{
    struct imprints *m = secret_new(sizeof *m);

    if (!m)
        return nigh_fail(err, NIGH_NOMEM, "imprint: out of memory");
    enum nigh_status status = load_or_make(m, state_dir, err);
    if (status == NIGH_OK)
        *ret = m;
    else
        imprints_free(m);
    return status;
}

struct imprints *imprints_free(struct imprints *m)
{
    return secret_free(m);
}

/* What tells one value from another: letters and digits, and every character beyond ASCII. */
static size_t bare(char *text, size_t len)
{
    size_t kept = 0;

    for (size_t i = 0; i < len; i++) {
        char c = text[i];
        bool upper = c >= 'A' && c <= 'Z';
        if (upper || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c & 0x80)
            text[kept++] = (char)(upper ? c + 32 : c);
    }
    return kept;
}

bool imprint_of_value(const struct imprints *m, struct slice value, struct imprint *ret)
{
    CLEANUP(fold_done) struct fold fold = {0};

    if (value.len > UINT32_MAX || !fold_text(&fold, value))
        return false;
    size_t len = bare(fold.text, fold.len);
    crypto_generichash(ret->bytes, sizeof ret->bytes, (unsigned char *)fold.text, len, m->key,
                       sizeof m->key);
    sodium_memzero(fold.text, fold.len);
    return true;
}

/* A text and its end; absent is told apart from empty. */
static void add(crypto_generichash_state *state, const char *text)
{
    const unsigned char absent = 0, present = 1;

    crypto_generichash_update(state, text ? &present : &absent, 1);
    if (text)
        crypto_generichash_update(state, (const unsigned char *)text, strlen(text) + 1);
}

void imprint_of_rule(const struct imprints *m, const struct rule_spec *rule, struct imprint *ret)
{
    crypto_generichash_state state;

    crypto_generichash_init(&state, m->key, sizeof m->key, sizeof ret->bytes);
    add(&state, rule->key);
    add(&state, rule->text);
    add(&state, rule->label);
    crypto_generichash_final(&state, ret->bytes, sizeof ret->bytes);
}

bool imprint_eq(const struct imprint *a, const struct imprint *b)
{
    return sodium_memcmp(a->bytes, b->bytes, IMPRINT_BYTES) == 0;
}

void imprint_text(const struct imprint *imprint, char text[static IMPRINT_TEXT_BYTES])
{
    sodium_bin2hex(text, IMPRINT_TEXT_BYTES, imprint->bytes, IMPRINT_BYTES);
}

bool imprint_parse(struct imprint *ret, struct slice text)
{
    size_t len = 0;

    return text.len == 2 * IMPRINT_BYTES &&
           sodium_hex2bin(ret->bytes, IMPRINT_BYTES, text.p, text.len, NULL, &len, NULL) == 0 &&
           len == IMPRINT_BYTES;
}
