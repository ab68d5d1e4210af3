#include "label/consent.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include <stdio.h>
#include <stdlib.h>

struct consents {
    struct store *store;
    struct ledger *ledger;
    struct consent *all; /* by the time they were given */
    size_t n;
};

const char *consent_kind_text(enum consent_kind kind)
{
#define KIND_TEXT(name, text) text,
    static const char *const texts[] = {CONSENT_KINDS(KIND_TEXT)};
#undef KIND_TEXT
    return texts[kind];
}

static bool kind_find(enum consent_kind *ret, struct slice text)
{
    for (int i = CONSENT_VALUE; i <= CONSENT_RULE; i++)
        if (slice_is(text, consent_kind_text((enum consent_kind)i))) {
            *ret = (enum consent_kind)i;
            return true;
        }
    return false;
}

/* --- the list --- */

static void drop(struct consents *c, size_t i)
{
    c->n--;
    memmove(c->all + i, c->all + i + 1, (c->n - i) * sizeof *c->all);
}

/* Those whose time is over hold no more. */
static void expire(struct consents *c)
{
    uint64_t now = clock_wall_us();

    for (size_t i = c->n; i-- > 0;)
        if (c->all[i].ends_us <= now)
            drop(c, i);
}

static enum nigh_status push(struct consents *c, const struct consent *one, struct nigh_err *err)
{
    struct consent *more;

    if (c->n == CONSENTS_MAX)
        return nigh_fail(err, NIGH_TOOBIG, "consents: there are %d already; revoke one",
                         CONSENTS_MAX);
    more = realloc(c->all, (c->n + 1) * sizeof *more);
    if (!more)
        return nigh_fail(err, NIGH_NOMEM, "consents: out of memory");
    c->all = more;
    c->all[c->n++] = *one;
    return NIGH_OK;
}

/* --- loading --- */

static bool take(char *to, size_t size, struct slice from)
{
    if (!from.p || from.len >= size)
        return false;
    memcpy(to, from.p, from.len);
    to[from.len] = '\0';
    return true;
}

static enum nigh_status load_one(struct consents *c, yyjson_val *row, struct nigh_err *err)
{
    struct consent one = {.given_us = (uint64_t)json_get_int(row, "given", 0),
                          .ends_us = (uint64_t)json_get_int(row, "ends", 0),
                          .uses = (uint64_t)json_get_int(row, "uses", 0)};

    if (!take(one.id, sizeof one.id, json_get_str(row, "id")) ||
        !take(one.zone, sizeof one.zone, json_get_str(row, "zone")) ||
        !kind_find(&one.kind, json_get_str(row, "kind")) ||
        !imprint_parse(&one.imprint, json_get_str(row, "imprint")))
        return nigh_fail(err, NIGH_IO, "consents: a row in the database is damaged");
    return push(c, &one, err);
}

static enum nigh_status load(struct consents *c, struct nigh_err *err)
{
    CLEANUP(buf_done) struct buf rows = {.max_bytes = 1 << 20};
    CLEANUP(arena_done) struct arena arena;
    yyjson_val *root, *row;
    size_t i, n;
    enum nigh_status status =
        store_load(c->store,
                   "SELECT id, kind, imprint, zone, given, ends, uses FROM consents "
                   "WHERE revoked IS NULL AND ends > strftime('%s', 'now') * 1000000 ORDER BY id",
                   CONSENTS_MAX, &rows, err);

    arena_init(&arena, 16 << 20);
    if (status == NIGH_OK)
        status = json_parse(&root, buf_slice(&rows), &arena, err);
    if (status != NIGH_OK)
        return status;
    yyjson_arr_foreach(root, i, n, row)
    {
        if ((status = load_one(c, row, err)) != NIGH_OK)
            return status;
    }
    return NIGH_OK;
}

enum nigh_status consents_new(struct consents **ret, struct store *store, struct ledger *ledger,
                              struct nigh_err *err)
{
    struct consents *c = calloc(1, sizeof *c);

    if (!c)
        return nigh_fail(err, NIGH_NOMEM, "consents: out of memory");
    c->store = store;
    c->ledger = ledger;
    enum nigh_status status = load(c, err);
    if (status == NIGH_OK)
        *ret = c;
    else
        consents_free(c);
    return status;
}

struct consents *consents_free(struct consents *c)
{
    if (c)
        free(c->all);
    free(c);
    return NULL;
}

/* --- giving and taking back --- */

static enum nigh_status append(struct consents *c, const char *kind, struct buf *json,
                               struct nigh_err *err)
{
    buf_add_char(json, '}');
    if (json->failed)
        return nigh_fail(err, NIGH_NOMEM, "consents: out of memory");
    return store_append(c->store, kind, buf_slice(json), err);
}

static enum nigh_status record(struct consents *c, const struct consent *one, struct nigh_err *err)
{
    CLEANUP(buf_done) struct buf json = {.max_bytes = 4096};
    char imprint[IMPRINT_TEXT_BYTES];

    imprint_text(&one->imprint, imprint);
    buf_add_char(&json, '{');
    json_put_cstr(&json, "id", one->id);
    json_put_cstr(&json, "kind", consent_kind_text(one->kind));
    json_put_cstr(&json, "imprint", imprint);
    json_put_cstr(&json, "zone", one->zone);
    json_put_int(&json, "given", (int64_t)one->given_us);
    json_put_int(&json, "ends", (int64_t)one->ends_us);
    return append(c, "consent", &json, err);
}

static enum nigh_status note(struct consents *c, enum ledger_note_kind kind,
                             const struct consent *one, const char *what, struct nigh_err *err)
{
    char text[120];
    struct ledger_note told = {
        .kind = kind, .label = one->zone, .what = text, .until_us = one->ends_us};

    snprintf(text, sizeof text, "consent %s: %.80s", one->id, what);
    return ledger_note(c->ledger, &told, err);
}

enum nigh_status consent_give(struct consents *c, const struct consent_wish *wish,
                              const struct consent **ret, struct nigh_err *err)
{
    struct consent one = {
        .kind = wish->kind, .imprint = wish->imprint, .given_us = clock_wall_us()};
    enum nigh_status status;

    if (wish->for_ms < 1 || wish->for_ms > CONSENT_MS_MAX)
        return nigh_fail(err, NIGH_INVALID, "a consent lasts at most 30 days");
    if (!take(one.zone, sizeof one.zone, slice_of(wish->zone)))
        return nigh_fail(err, NIGH_INVALID, "a consent needs the name of a zone");
    one.ends_us = one.given_us + wish->for_ms * 1000;
    id_new(one.id);
    expire(c);
    if ((status = push(c, &one, err)) != NIGH_OK)
        return status;
    if ((status = note(c, LEDGER_CONSENT, &one, wish->what, err)) != NIGH_OK ||
        (status = record(c, &one, err)) != NIGH_OK) {
        c->n--;
        return status;
    }
    *ret = &c->all[c->n - 1];
    return NIGH_OK;
}

/* It ends here and now; what could not be written is told, since a restart would bring it back. */
enum nigh_status consent_revoke(struct consents *c, struct slice id, struct nigh_err *err)
{
    CLEANUP(buf_done) struct buf json = {.max_bytes = 4096};
    size_t i = 0;

    expire(c);
    while (i < c->n && !slice_is(id, c->all[i].id))
        i++;
    if (i == c->n)
        return nigh_fail(err, NIGH_NOTFOUND, "no consent with this id holds");
    struct consent gone = c->all[i];
    drop(c, i);
    buf_add_char(&json, '{');
    json_put_cstr(&json, "id", gone.id);
    json_put_int(&json, "revoked", (int64_t)clock_wall_us());
    if (append(c, "consent-revoke", &json, err) != NIGH_OK)
        return err ? err->status : NIGH_IO;
    return note(c, LEDGER_CONSENT_ENDED, &gone, "taken back", err);
}

/* --- asking --- */

bool consents_any(const struct consents *c, enum consent_kind kind)
{
    for (size_t i = 0; i < c->n; i++)
        if (c->all[i].kind == kind)
            return true;
    return false;
}

const struct consent *consent_find(struct consents *c, enum consent_kind kind,
                                   const struct imprint *imprint)
{
    expire(c);
    for (size_t i = c->n; i-- > 0;)
        if (c->all[i].kind == kind && imprint_eq(&c->all[i].imprint, imprint))
            return &c->all[i];
    return NULL;
}

void consent_used(struct consents *c, const struct consent *consent)
{
    CLEANUP(buf_done) struct buf json = {.max_bytes = 4096};
    struct consent *one = &c->all[consent - c->all];
    struct nigh_err err = {0};

    one->uses++;
    buf_add_char(&json, '{');
    json_put_cstr(&json, "id", one->id);
    json_put_int(&json, "uses", (int64_t)one->uses);
    if (append(c, "consent-use", &json, &err) != NIGH_OK)
        log_err(LOG_WARN, "consent", "a use was not counted", &err);
}

size_t consents_count(struct consents *c)
{
    expire(c);
    return c->n;
}

const struct consent *consents_at(const struct consents *c, size_t i)
{
    return i < c->n ? &c->all[i] : NULL;
}
