#include "model/trust.h"

#include "base/json.h"
#include "base/log.h"
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

struct trust {
    struct store *store;
    struct trust_model *list[TRUST_MODELS_MAX];
    size_t n;
};

static struct trust_model *model_free(struct trust_model *m)
{
    if (m) {
        free(m->path);
        free(m->template);
        free(m->pinned);
    }
    free(m);
    return NULL;
}

static struct trust_model *find(const struct trust *t, const char *path)
{
    for (size_t i = 0; i < t->n; i++)
        if (strcmp(t->list[i]->path, path) == 0)
            return t->list[i];
    return NULL;
}

/* NULL: out of memory. */
static struct trust_model *add(struct trust *t, const char *path)
{
    struct trust_model *m = calloc(1, sizeof *m);

    if (!m || !(m->path = strdup(path)))
        return model_free(m);
    if (t->n == TRUST_MODELS_MAX) {
        model_free(t->list[0]);
        memmove(t->list, t->list + 1, --t->n * sizeof(struct trust_model *));
    }
    return t->list[t->n++] = m;
}

static char *text_of(struct slice s)
{
    return s.p ? strndup(s.p, s.len) : NULL;
}

/* ---- the store ---- */

static void copy_in(char *ret, size_t size, struct slice s)
{
    snprintf(ret, size, "%.*s", (int)s.len, s.p ? s.p : "");
}

static void load_one(struct trust *t, yyjson_val *row)
{
    CLEANUP(buf_done) struct buf path = {0};

    buf_add_str(&path, json_get_str(row, "path"));
    struct trust_model *m = path.data ? add(t, path.data) : NULL;
    if (!m)
        return; /* it is looked at again */
    copy_in(m->stamp, sizeof m->stamp, json_get_str(row, "stamp"));
    copy_in(m->why, sizeof m->why, json_get_str(row, "why"));
    m->acceptable = json_get_bool(row, "acceptable", false);
    m->accepted = json_get_bool(row, "accepted", false);
    m->template = text_of(json_get_str(row, "template"));
    m->pinned = text_of(json_get_str(row, "pinned"));
}

static enum nigh_status load(struct trust *t, struct nigh_err *err)
{
    enum { ROWS_BYTES_MAX = 64 << 20 };
    CLEANUP(buf_done) struct buf rows = {.max_bytes = ROWS_BYTES_MAX};
    CLEANUP(arena_done) struct arena a;
    yyjson_val *root, *row;
    size_t i, n;

    arena_init(&a, 2 * ROWS_BYTES_MAX);
    enum nigh_status status =
        store_load(t->store, "SELECT * FROM models ORDER BY path", TRUST_MODELS_MAX, &rows, err);
    if (status == NIGH_OK)
        status = json_parse(&root, buf_slice(&rows), &a, err);
    if (status != NIGH_OK)
        return status;
    yyjson_arr_foreach(root, i, n, row)
    {
        load_one(t, row);
    }
    return NIGH_OK;
}

/* What cannot be kept is looked at again by the next node, but for a pin, which would be lost. */
static void keep(struct trust *t, const struct trust_model *m)
{
    CLEANUP(buf_done) struct buf json = {0};
    struct nigh_err err = {0};

    buf_add_char(&json, '{');
    json_put_cstr(&json, "path", m->path);
    json_put_cstr(&json, "stamp", m->stamp);
    json_put_cstr(&json, "why", m->why);
    json_put_bool(&json, "acceptable", m->acceptable);
    json_put_bool(&json, "accepted", m->accepted);
    json_put_cstr(&json, "template", m->template);
    json_put_cstr(&json, "pinned", m->pinned);
    buf_add_char(&json, '}');
    if (!slice_utf8(slice_of(m->path)))
        nigh_fail(&err, NIGH_INVALID, "its path is no UTF-8");
    else if (json.failed)
        nigh_fail(&err, NIGH_NOMEM, "out of memory");
    else
        (void)!store_append(t->store, "model", buf_slice(&json), &err);
    if (err.status != NIGH_OK)
        log_err(LOG_ERROR, "trust", "what is known of a model was not kept", &err);
}

enum nigh_status trust_new(struct trust **ret, struct store *store, struct nigh_err *err)
{
    struct trust *t = calloc(1, sizeof *t);

    if (!t)
        return nigh_fail(err, NIGH_NOMEM, "models: out of memory");
    t->store = store;
    enum nigh_status status = load(t, err);
    if (status != NIGH_OK)
        trust_free(t);
    else
        *ret = t;
    return status;
}

struct trust *trust_free(struct trust *t)
{
    for (size_t i = 0; t && i < t->n; i++)
        model_free(t->list[i]);
    free(t);
    return NULL;
}

/* ---- what is known ---- */

const struct trust_model *trust_find(const struct trust *t, const char *path)
{
    return find(t, path);
}

enum trust_state trust_look(const struct trust *t, const char *path, const char *stamp,
                            char why[static TRUST_WHY_BYTES])
{
    const struct trust_model *m = find(t, path);

    if (!m || strcmp(m->stamp, stamp) != 0)
        return TRUST_UNKNOWN;
    if (!m->why[0])
        return TRUST_GOOD;
    memcpy(why, m->why, TRUST_WHY_BYTES);
    return TRUST_REFUSED;
}

static bool same(const char *a, const char *b)
{
    return a && b && strcmp(a, b) == 0;
}

static void take_template(struct trust_model *m, struct slice template)
{
    char *text = template.p ? text_of(template) : strdup("");

    if (!same(text, m->template))
        m->accepted = false;
    free(m->template);
    m->template = text;
    if (!m->pinned)
        m->pinned = text ? strdup(text) : NULL;
    m->acceptable = true;
    if (!same(m->template, m->pinned))
        snprintf(m->why, sizeof m->why,
                 "its chat template changed; `nigh models --template` shows how, `nigh models "
                 "--accept` takes it");
}

bool trust_checked(struct trust *t, const char *path, const char *stamp, const char *why,
                   struct slice template)
{
    struct trust_model *m = find(t, path);

    if (!m && !(m = add(t, path)))
        return false;
    snprintf(m->stamp, sizeof m->stamp, "%s", stamp);
    snprintf(m->why, sizeof m->why, "%s", why ? why : "");
    m->acceptable = false;
    if (!why)
        take_template(m, template);
    keep(t, m);
    return true;
}

void trust_refuse(struct trust *t, const char *path, const char *why)
{
    struct trust_model *m = find(t, path);

    if (!m)
        return;
    snprintf(m->why, sizeof m->why, "%s", why);
    m->acceptable = true;
    keep(t, m);
}

enum nigh_status trust_accept(struct trust *t, const char *path, struct nigh_err *err)
{
    struct trust_model *m = find(t, path);

    if (!m)
        return nigh_fail(err, NIGH_NOTFOUND, "this model was never looked at; ask it something");
    if (m->why[0] && !m->acceptable)
        return nigh_fail(err, NIGH_DENIED, "it is malformed: %s", m->why);
    char *pinned = m->template ? strdup(m->template) : NULL;
    if (m->template && !pinned)
        return nigh_fail(err, NIGH_NOMEM, "models: out of memory");
    free(m->pinned);
    m->pinned = pinned;
    m->accepted = true;
    m->why[0] = '\0';
    keep(t, m);
    return NIGH_OK;
}

void trust_digest(char ret[static TRUST_DIGEST_BYTES], const char *base64)
{
    unsigned char digest[crypto_generichash_BYTES];
    size_t len = base64 ? strlen(base64) : 0, n = 0;
    unsigned char *text = len ? malloc(len) : NULL;

    ret[0] = '\0';
    if (text && sodium_base642bin(text, len, base64, len, NULL, &n, NULL,
                                  sodium_base64_VARIANT_ORIGINAL) == 0) {
        crypto_generichash(digest, sizeof digest, text, n, NULL, 0);
        sodium_bin2hex(ret, TRUST_DIGEST_BYTES, digest, sizeof digest);
    }
    free(text);
}
