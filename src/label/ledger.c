#include "label/ledger.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include <stdio.h>
#include <stdlib.h>

struct ledger {
    struct store *store;
    const struct zones *zones;
    uint64_t next; /* id of the next row */
    struct buf json;
};

/* "[{"last":17}]" out of the database, into *ret. */
static enum nigh_status last_id(uint64_t *ret, struct store *store, struct nigh_err *err)
{
    struct buf rows = {.max_bytes = 1024};
    struct arena a;
    yyjson_val *root;
    enum nigh_status status =
        store_load(store, "SELECT coalesce(max(id), 0) AS last FROM ledger", 1, &rows, err);

    arena_init(&a, 64 << 10);
    if (status == NIGH_OK)
        status = json_parse(&root, buf_slice(&rows), &a, err);
    if (status == NIGH_OK)
        *ret = (uint64_t)json_get_int(yyjson_arr_get(root, 0), "last", 0);
    arena_done(&a);
    buf_done(&rows);
    return status;
}

enum nigh_status ledger_new(struct ledger **ret, struct store *store, const struct zones *zones,
                            struct nigh_err *err)
{
    uint64_t last;
    enum nigh_status status = last_id(&last, store, err);
    struct ledger *l;

    if (status != NIGH_OK)
        return status;
    l = calloc(1, sizeof *l);
    if (!l)
        return nigh_fail(err, NIGH_NOMEM, "ledger: out of memory");
    *l = (struct ledger){.store = store, .zones = zones, .next = last + 1};
    l->json.max_bytes = 64 << 10; /* all its texts have a ceiling of their own */
    *ret = l;
    return NIGH_OK;
}

struct ledger *ledger_free(struct ledger *l)
{
    if (l)
        buf_done(&l->json);
    free(l);
    return NULL;
}

void ledger_zones(struct ledger *l, const struct zones *zones)
{
    l->zones = zones;
}

static enum nigh_status append(struct ledger *l, const char *kind, struct nigh_err *err)
{
    buf_add_char(&l->json, '}');
    if (l->json.failed)
        return nigh_fail(err, NIGH_NOMEM, "ledger: no room for a row");
    return store_append(l->store, kind, buf_slice(&l->json), err);
}

enum nigh_status ledger_open(struct ledger *l, const struct ledger_entry *e, uint64_t *ret_row,
                             struct nigh_err *err)
{
    char label[LABEL_TEXT_BYTES];
    enum nigh_status status;

    label_text(label, l->zones, e->label);
    buf_reset(&l->json);
    buf_add_char(&l->json, '{');
    json_put_int(&l->json, "id", (int64_t)l->next);
    json_put_cstr(&l->json, "turn", e->turn);
    json_put_cstr(&l->json, "place", e->place);
    json_put_cstr(&l->json, "address", e->address);
    json_put_cstr(&l->json, "zone", e->zone < l->zones->n ? l->zones->name[e->zone] : NULL);
    json_put_cstr(&l->json, "label", label);
    json_put_int(&l->json, "opened", (int64_t)clock_wall_us());
    json_put_int(&l->json, "body_bytes", (int64_t)e->body_bytes);
    status = append(l, "ledger-open", err);
    if (status == NIGH_OK)
        *ret_row = l->next++;
    return status;
}

void ledger_close(struct ledger *l, uint64_t row, uint64_t bytes_out, uint64_t bytes_in,
                  int http_status, const char *failure)
{
    struct nigh_err err = {0};
    char status[96];

    snprintf(status, sizeof status, "%s%s", failure ? "failed: " : "done", failure ? failure : "");
    buf_reset(&l->json);
    buf_add_char(&l->json, '{');
    json_put_int(&l->json, "id", (int64_t)row);
    json_put_int(&l->json, "closed", (int64_t)clock_wall_us());
    json_put_int(&l->json, "bytes_out", (int64_t)bytes_out);
    json_put_int(&l->json, "bytes_in", (int64_t)bytes_in);
    if (http_status)
        json_put_int(&l->json, "http_status", http_status);
    json_put_cstr(&l->json, "status", status);
    if (append(l, "ledger-close", &err) != NIGH_OK)
        log_err(LOG_ERROR, "ledger", "a row stays open", &err);
}
