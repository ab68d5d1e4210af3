/* The routes under /v1/responses/: what was kept is shown, listed and forgotten. */
#include "nigh/kept.h"

#include "nigh/accept.h"
#include <stdio.h>
#include <stdlib.h>

/* A question of one caller, answered when the lane has read. */
struct look {
    struct store_query q;
    struct node *node;
    struct exchange *ex;
    bool gone, found;
    char *key;
    char id[RESPONSES_ID_BYTES], after[RESPONSES_ID_BYTES];
    uint64_t limit;
    bool ascending;
    struct buf json;
    struct nigh_err err;
    void (*answer)(struct look *look); /* for a response that is there */
};

static const struct header json_type = {"Content-Type", "application/json"};

static void look_free(struct look *look)
{
    buf_done(&look->json);
    free(look->key);
    free(look);
}

static void refuse(struct exchange *ex, const struct refusal *refusal)
{
    admin_refuse(ex, refusal);
    exchange_release(ex);
}

static void refuse_err(struct exchange *ex, const struct nigh_err *err)
{
    refuse(ex, &(struct refusal){.status = err->status,
                                 .http_status = nigh_status_http(err->status),
                                 .what = slice_of(err->what)});
}

/* In OpenAI's words. */
static void not_found(struct exchange *ex, const char *id)
{
    char what[RESPONSES_ID_BYTES + 64];

    snprintf(what, sizeof what, "Response with id '%s' not found.", id);
    refuse(ex, &(struct refusal){.status = NIGH_NOTFOUND,
                                 .http_status = 404,
                                 .what = slice_of(what),
                                 .type = SLICE("invalid_request_error"),
                                 .param = SLICE("id")});
}

static void answer_json(struct look *look)
{
    buf_add_char(&look->json, '\n');
    if (look->json.failed) {
        nigh_fail(&look->err, NIGH_NOMEM, "out of memory for this answer");
        refuse_err(look->ex, &look->err);
        return;
    }
    exchange_reply(look->ex, 200, &json_type, 1, buf_slice(&look->json));
    exchange_release(look->ex);
}

static void look_gone(void *owner)
{
    ((struct look *)owner)->gone = true;
}

static void look_done(struct store_query *q)
{
    struct look *look = CONTAINER_OF(q, struct look, q);

    exchange_watch(look->ex, NULL, NULL, NULL);
    if (look->gone)
        exchange_release(look->ex);
    else if (look->err.status)
        refuse_err(look->ex, &look->err);
    else if (!look->found)
        not_found(look->ex, look->id);
    else
        look->answer(look);
    look_free(look);
}

/* Takes the look; answers now when it cannot be asked. */
static void look_ask(struct look *look)
{
    struct exchange *ex = look->ex;
    struct nigh_err err = {0};

    look->q.done = look_done;
    exchange_watch(ex, look, look_gone, NULL);
    if (store_ask(look->node->store, &look->q, &err) == NIGH_OK)
        return;
    exchange_watch(ex, NULL, NULL, NULL);
    refuse_err(ex, &err);
    look_free(look);
}

static struct look *look_new(struct node *node, struct exchange *ex, struct slice id)
{
    struct look *look = calloc(1, sizeof *look);
    struct nigh_err err = {0};

    if (!look || !(look->key = strdup(accept_key(ex, node->keys)))) {
        free(look);
        nigh_fail(&err, NIGH_NOMEM, "out of memory");
        refuse_err(ex, &err);
        return NULL;
    }
    look->node = node;
    look->ex = ex;
    snprintf(look->id, sizeof look->id, "%.*s", (int)id.len, id.p);
    return look;
}

static bool is_there(struct look *look, sqlite3 *db)
{
    struct kept_row row;

    look->found = kept_read_row(db, look->id, look->key, &row, &look->err);
    return look->found;
}

static void object_run(struct store_query *q, sqlite3 *db)
{
    struct look *look = CONTAINER_OF(q, struct look, q);

    if (is_there(look, db))
        (void)!kept_read_part(db, look->id, "response", &look->json, &look->err);
}

/* Where in the list the page begins: behind `after`; false: there is no such item. */
static bool page_start(const struct look *look, yyjson_val *items, size_t *ret_start)
{
    size_t n = yyjson_arr_size(items);

    *ret_start = 0;
    if (!look->after[0])
        return true;
    for (size_t i = 0; i < n; i++) {
        yyjson_val *item = yyjson_arr_get(items, look->ascending ? i : n - 1 - i);
        if (slice_is(json_get_str(item, "id"), look->after)) {
            *ret_start = i + 1;
            return true;
        }
    }
    return false;
}

static void put_page(struct look *look, yyjson_val *items, size_t start)
{
    size_t n = yyjson_arr_size(items), end = start + (size_t)look->limit;
    struct slice first = {0}, last = {0};

    end = end < n ? end : n;
    buf_add_cstr(&look->json, "{\"object\":\"list\",\"data\":[");
    for (size_t i = start; i < end; i++) {
        yyjson_val *item = yyjson_arr_get(items, look->ascending ? i : n - 1 - i);
        json_sep(&look->json);
        json_add_val(&look->json, item);
        last = json_get_str(item, "id");
        if (i == start)
            first = last;
    }
    buf_add_char(&look->json, ']');
    json_put_str(&look->json, "first_id", first);
    json_put_str(&look->json, "last_id", last);
    json_put_bool(&look->json, "has_more", end < n);
    buf_add_char(&look->json, '}');
}

static void items_run(struct store_query *q, sqlite3 *db)
{
    struct look *look = CONTAINER_OF(q, struct look, q);
    CLEANUP(buf_done) struct buf text = {0};
    CLEANUP(arena_done) struct arena arena;
    yyjson_val *items = NULL;
    size_t start;

    arena_init(&arena, 32 * (size_t)KEPT_INPUT_MAX);
    if (!is_there(look, db) || !kept_read_part(db, look->id, "input", &text, &look->err))
        return;
    if (text.len > 0 && json_parse(&items, buf_slice(&text), &arena, &look->err) != NIGH_OK)
        return;
    if (!page_start(look, items, &start))
        nigh_fail(&look->err, NIGH_INVALID, "after: this response has no input item of that id");
    else
        put_page(look, items, start);
}

/* What a listing may be asked for; false: it was refused. */
static bool read_query(struct look *look)
{
    struct slice limit = exchange_query(look->ex, "limit"),
                 order = exchange_query(look->ex, "order");
    struct slice after = exchange_query(look->ex, "after");
    struct nigh_err err = {0};

    look->limit = KEPT_ITEMS;
    if (limit.p &&
        (!slice_u64(limit, &look->limit) || look->limit < 1 || look->limit > KEPT_ITEMS_MAX))
        nigh_fail(&err, NIGH_INVALID, "limit: expected 1 to %d", KEPT_ITEMS_MAX);
    if (order.p && !slice_is(order, "asc") && !slice_is(order, "desc"))
        nigh_fail(&err, NIGH_INVALID, "order: expected asc or desc");
    look->ascending = order.p && slice_is(order, "asc");
    if (after.p)
        snprintf(look->after, sizeof look->after, "%.*s", (int)after.len, after.p);
    if (err.status)
        refuse_err(look->ex, &err);
    return !err.status;
}

/* Cuts a last member off the path behind the id: "ID/cancel". */
static bool cut_tail(struct slice *id, const char *tail)
{
    struct slice rest = *id, head = slice_cut(&rest, '/');

    if (!rest.p || !slice_is(rest, tail))
        return false;
    *id = head;
    return true;
}

void kept_get(struct node *node, struct exchange *ex, struct slice rest)
{
    bool items = cut_tail(&rest, "input_items");
    struct look *look = look_new(node, ex, rest);
    struct nigh_err err = {0};

    if (!look)
        return;
    look->answer = answer_json;
    look->q.run = items ? items_run : object_run;
    if (slice_is(exchange_query(ex, "stream"), "true")) {
        nigh_fail(&err, NIGH_UNSUPPORTED, "stream: this node does not play a response again");
        refuse_err(ex, &err);
        look_free(look);
    } else if (items && !read_query(look)) {
        look_free(look);
    } else {
        look_ask(look);
    }
}

static void exists_run(struct store_query *q, sqlite3 *db)
{
    (void)is_there(CONTAINER_OF(q, struct look, q), db);
}

/* Gone for every question that is asked from here on. */
static void forget(struct look *look)
{
    buf_add_char(&look->json, '{');
    json_put_cstr(&look->json, "id", look->id);
    json_put_cstr(&look->json, "key_name", look->key);
    buf_add_char(&look->json, '}');
    if (store_append(look->node->store, "response-forget", buf_slice(&look->json), &look->err)) {
        refuse_err(look->ex, &look->err);
        return;
    }
    buf_reset(&look->json);
    buf_add_char(&look->json, '{');
    json_put_cstr(&look->json, "id", look->id);
    json_put_cstr(&look->json, "object", "response");
    json_put_bool(&look->json, "deleted", true);
    buf_add_char(&look->json, '}');
    answer_json(look);
}

void kept_delete(struct node *node, struct exchange *ex, struct slice rest)
{
    struct look *look = look_new(node, ex, rest);

    if (!look)
        return;
    look->q.run = exists_run;
    look->answer = forget;
    look_ask(look);
}

/* None runs in the background yet, so none can be cancelled; OpenAI's words. */
static void refuse_cancel(struct look *look)
{
    refuse(look->ex, &(struct refusal){.status = NIGH_INVALID,
                                       .http_status = 400,
                                       .what = SLICE("Cannot cancel a synchronous response.")});
}

void kept_post(struct node *node, struct exchange *ex, struct slice rest)
{
    bool cancel = cut_tail(&rest, "cancel");
    struct look *look = look_new(node, ex, rest);
    struct nigh_err err = {0};

    if (!look)
        return;
    look->q.run = exists_run;
    look->answer = refuse_cancel;
    if (cancel) {
        look_ask(look);
        return;
    }
    nigh_fail(&err, NIGH_NOTFOUND, "there is no such path here; see docs/api.md");
    refuse_err(ex, &err);
    look_free(look);
}
