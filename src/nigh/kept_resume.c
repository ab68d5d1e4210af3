/* The step `resume`: the conversation that a turn goes on from, and the items that it refers to,
 * are read on the store's lane and put where they belong. */
#include "nigh/kept.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

enum { ULID_CHARS = ID_BYTES - 1 };

/* A question to the store; owned by itself until its done. */
struct resume {
    struct store_query q;
    struct request *r; /* NULL: the turn is over */
    char *key;
    char previous[RESPONSES_ID_BYTES]; /* "": none */
    char (*refs)[RESPONSES_ID_BYTES];  /* responses that items are referred to in */
    size_t n_refs;
    struct buf past; /* JSON: a list of what was read, the newest first */
    struct buf referred;
    struct nigh_err err;
};

static struct resume *resume_free(struct resume *s)
{
    if (!s)
        return NULL;
    buf_done(&s->past);
    buf_done(&s->referred);
    free(s->refs);
    free(s->key);
    free(s);
    return NULL;
}

struct label kept_label(const struct zones *zones, struct slice text)
{
    struct label all = zones->label[ZONE_DEVICE], one;

    while (text.p)
        if (label_parse(&one, zones, slice_cut(&text, '+'), NULL) == NIGH_OK)
            all.zones |= one.zones;
    return all;
}

/* The response that made an item with this id: `msg_ULID_0`, as nigh calls them. */
static bool response_of(struct slice item, char id[static RESPONSES_ID_BYTES])
{
    struct slice rest = item;

    slice_cut(&rest, '_');
    if (rest.len <= ULID_CHARS || rest.p[ULID_CHARS] != '_')
        return false;
    snprintf(id, RESPONSES_ID_BYTES, "resp_%.*s", ULID_CHARS, rest.p);
    return true;
}

static bool is_reference(yyjson_val *item)
{
    struct slice type = json_get_str(item, "type");

    return yyjson_is_obj(item) && json_get_str(item, "id").p &&
           (slice_is(type, "item_reference") || (!type.p && !json_get(item, "role")));
}

/* --- on the lane --- */

static bool read_one(struct resume *s, sqlite3 *db, const char *id, struct buf *out,
                     struct kept_row *row)
{
    if (!kept_read_row(db, id, s->key, row, &s->err))
        return false;
    json_sep(out);
    buf_add_char(out, '{');
    json_put_cstr(out, "label", row->label);
    json_key(out, "input");
    if (!kept_read_part(db, id, "input", out, &s->err))
        return false;
    json_key(out, "response");
    if (!kept_read_part(db, id, "response", out, &s->err))
        return false;
    buf_add_char(out, '}');
    return true;
}

static void resume_run(struct store_query *q, sqlite3 *db)
{
    struct resume *s = CONTAINER_OF(q, struct resume, q);
    struct kept_row row;
    char id[RESPONSES_ID_BYTES];

    s->past.max_bytes = s->referred.max_bytes = KEPT_PAST_MAX;
    snprintf(id, sizeof id, "%s", s->previous);
    buf_add_char(&s->past, '[');
    while (id[0] && !s->err.status) {
        if (!read_one(s, db, id, &s->past, &row))
            nigh_fail(&s->err, NIGH_NOTFOUND, "Previous response with id '%s' not found.", id);
        else
            memcpy(id, row.previous, sizeof id);
    }
    buf_add_char(&s->past, ']');
    buf_add_char(&s->referred, '[');
    for (size_t i = 0; i < s->n_refs && !s->err.status; i++)
        (void)!read_one(s, db, s->refs[i], &s->referred, &row); /* what is missing is found out */
    buf_add_char(&s->referred, ']');
    if (s->past.failed || s->referred.failed)
        nigh_fail(&s->err, NIGH_TOOBIG, "what this goes on from is larger than %d MiB",
                  KEPT_PAST_MAX >> 20);
}

/* --- what came of it --- */

static enum nigh_status add_label(struct request *r, struct slice text, struct nigh_err *err)
{
    struct past *past = &r->past;

    for (size_t i = 0; i < past->n_labels; i++)
        if (slice_eq(past->labels[i], text))
            return NIGH_OK;
    past->labels = arena_grow(&r->walk.arena, past->labels, past->n_labels * sizeof *past->labels,
                              (past->n_labels + 1) * sizeof *past->labels);
    if (!past->labels)
        return nigh_fail(err, NIGH_NOMEM, "out of memory for this turn");
    past->labels[past->n_labels++] = text;
    return NIGH_OK;
}

static yyjson_val *find_in(yyjson_val *list, struct slice id)
{
    size_t i, max;
    yyjson_val *item;

    yyjson_arr_foreach(list, i, max, item)
    {
        if (slice_eq(json_get_str(item, "id"), id))
            return item;
    }
    return NULL;
}

/* The item, and the label that it brings along. */
static yyjson_val *find_item(struct request *r, yyjson_val *referred, struct slice id,
                             struct nigh_err *err)
{
    size_t i, max;
    yyjson_val *one, *item = NULL;

    yyjson_arr_foreach(referred, i, max, one)
    {
        item = find_in(json_get(json_get(one, "response"), "output"), id);
        if (!item)
            item = find_in(json_get(one, "input"), id);
        if (item && add_label(r, json_get_str(one, "label"), err) != NIGH_OK)
            return NULL;
        if (item)
            return item;
    }
    nigh_fail(err, NIGH_NOTFOUND, "Item with id '%.*s' not found.",
              (int)(id.len < RESPONSES_ID_BYTES ? id.len : RESPONSES_ID_BYTES), id.p);
    return NULL;
}

/* The input with every reference filled in, as if the caller had sent the items. */
static enum nigh_status fill_in(struct request *r, yyjson_val *referred, struct nigh_err *err)
{
    CLEANUP(buf_done) struct buf json = {0};
    size_t i, max;
    yyjson_val *item;

    buf_add_char(&json, '[');
    yyjson_arr_foreach(r->past.input, i, max, item)
    {
        yyjson_val *told = item;
        if (is_reference(item) && !(told = find_item(r, referred, json_get_str(item, "id"), err)))
            return err->status;
        json_sep(&json);
        json_add_val(&json, told);
    }
    buf_add_char(&json, ']');
    if (json.failed)
        return nigh_fail(err, NIGH_NOMEM, "out of memory for this turn");
    return json_parse(&r->past.input, buf_slice(&json), &r->walk.arena, err);
}

struct messages {
    struct message *list;
    size_t n;
};

static enum nigh_status read_items(struct request *r, yyjson_val *items, struct messages *ret,
                                   struct nigh_err *err)
{
    struct decode d = {&r->walk.turn, &r->walk.arena, NULL, err};
    struct spot here = {NULL, "input", 0};

    return openai_responses_items(&d, &here, items, &ret->list, &ret->n);
}

/* Oldest first: what was sent and what was answered, of every response of the conversation. */
static enum nigh_status read_past(struct request *r, yyjson_val *past, struct messages *ret,
                                  struct nigh_err *err)
{
    size_t n = yyjson_arr_size(past), total = 0;
    struct messages *parts = arena_calloc(&r->walk.arena, 2 * n + 1, sizeof *parts);
    enum nigh_status status = parts ? NIGH_OK : nigh_fail(err, NIGH_NOMEM, "out of memory");

    for (size_t i = 0; i < n && !status; i++) {
        yyjson_val *one = yyjson_arr_get(past, n - 1 - i);
        if ((status = add_label(r, json_get_str(one, "label"), err)) ||
            (status = read_items(r, json_get(one, "input"), &parts[2 * i], err)) ||
            (status = read_items(r, json_get(json_get(one, "response"), "output"),
                                 &parts[2 * i + 1], err)))
            return status;
        total += parts[2 * i].n + parts[2 * i + 1].n;
    }
    if (!status && !(ret->list = arena_calloc(&r->walk.arena, total + 1, sizeof *ret->list)))
        status = nigh_fail(err, NIGH_NOMEM, "out of memory for this turn");
    for (size_t i = 0; i < 2 * n && !status; i++) {
        if (parts[i].n > 0)
            memcpy(ret->list + ret->n, parts[i].list, parts[i].n * sizeof *ret->list);
        ret->n += parts[i].n;
    }
    return status;
}

/* Instructions of this turn, then the past, then what is new. */
static enum nigh_status join(struct request *r, const struct messages *past,
                             const struct messages *new, struct nigh_err *err)
{
    struct turn *t = &r->walk.turn;
    bool told = json_get_str(t->raw, "instructions").p != NULL;
    size_t n = told + past->n + new->n;
    struct message *all = arena_calloc(&r->walk.arena, n + 1, sizeof *all);

    if (n > TURN_MESSAGES_MAX)
        return nigh_fail(err, NIGH_TOOBIG, "the conversation holds more than %d messages",
                         TURN_MESSAGES_MAX);
    if (!all)
        return nigh_fail(err, NIGH_NOMEM, "out of memory for this turn");
    if (told)
        all[0] = t->messages[0];
    if (past->n > 0)
        memcpy(all + told, past->list, past->n * sizeof *all);
    if (new->n > 0)
        memcpy(all + told + past->n, new->list, new->n * sizeof *all);
    t->messages = all;
    t->n_messages = n;
    return NIGH_OK;
}

static enum nigh_status apply(struct request *r, struct resume *s, struct nigh_err *err)
{
    struct turn *t = &r->walk.turn;
    bool told = json_get_str(t->raw, "instructions").p != NULL;
    struct messages past = {0}, new = {t->messages + told, t->n_messages - told};
    yyjson_val *val;
    enum nigh_status status;

    if (s->err.status) {
        *err = s->err;
        return err->status;
    }
    if (s->n_refs > 0 &&
        ((status = json_parse(&val, buf_slice(&s->referred), &r->walk.arena, err)) ||
         (status = fill_in(r, val, err)) || (status = read_items(r, r->past.input, &new, err))))
        return status;
    if ((status = json_parse(&val, buf_slice(&s->past), &r->walk.arena, err)) ||
        (status = read_past(r, val, &past, err)))
        return status;
    return join(r, &past, &new, err);
}

/* In OpenAI's words. */
static enum walk_step refuse(struct request *r, const struct nigh_err *err)
{
    enum walk_step next = request_refuse(r, err);
    bool previous = strncmp(err->what, "Previous", 8) == 0;

    if (err->status == NIGH_NOTFOUND) {
        r->refusal.type = SLICE("invalid_request_error");
        r->refusal.code = previous ? SLICE("previous_response_not_found") : SLICE("item_not_found");
        r->refusal.param = previous ? SLICE("previous_response_id") : SLICE("input");
    }
    return next;
}

static void resume_done(struct store_query *q)
{
    struct resume *s = CONTAINER_OF(q, struct resume, q);
    struct request *r = s->r;
    struct nigh_err err = {0};
    enum walk_step next = STEP_LABEL;

    if (r) {
        r->resume = NULL;
        if (apply(r, s, &err) != NIGH_OK)
            next = refuse(r, &err);
    }
    resume_free(s);
    if (r)
        walk_go(&r->walk, next);
}

void kept_forsake(struct request *r)
{
    if (r->resume)
        r->resume->r = NULL; /* freed when the lane is done with it */
    r->resume = NULL;
}

/* The responses that the references of the input point into, each once. */
static enum nigh_status gather_refs(struct resume *s, yyjson_val *input, struct nigh_err *err)
{
    char id[RESPONSES_ID_BYTES];
    size_t i, max;
    yyjson_val *item;

    yyjson_arr_foreach(input, i, max, item)
    {
        size_t at = 0;
        if (!is_reference(item))
            continue;
        if (!response_of(json_get_str(item, "id"), id))
            snprintf(id, sizeof id, "none"); /* no response has it: not found */
        while (at < s->n_refs && strcmp(s->refs[at], id) != 0)
            at++;
        if (at < s->n_refs)
            continue;
        if (s->n_refs == KEPT_REFERENCES_MAX)
            return nigh_fail(err, NIGH_INVALID, "input: refers to items of more than %d responses",
                             KEPT_REFERENCES_MAX);
        if (!s->refs && !(s->refs = calloc(KEPT_REFERENCES_MAX, sizeof *s->refs)))
            return nigh_fail(err, NIGH_NOMEM, "out of memory for this turn");
        memcpy(s->refs[s->n_refs++], id, sizeof id);
    }
    return NIGH_OK;
}

static bool has_references(yyjson_val *input)
{
    size_t i, max;
    yyjson_val *item;

    yyjson_arr_foreach(input, i, max, item)
    {
        if (is_reference(item))
            return true;
    }
    return false;
}

static enum nigh_status ask(struct request *r, struct nigh_err *err)
{
    struct resume *s = calloc(1, sizeof *s);
    struct slice id = r->walk.turn.previous_id;
    enum nigh_status status = NIGH_NOMEM;

    if (s && (s->key = strdup(r->key))) {
        /* What is longer than an id of ours is nobody's: cut, it still is. */
        if (id.p)
            snprintf(s->previous, sizeof s->previous, "%.*s", (int)id.len, id.p);
        s->q.run = resume_run;
        s->q.done = resume_done;
        s->r = r;
        status = gather_refs(s, r->past.input, err);
        if (!status)
            status = store_ask(r->node->store, &s->q, err);
    } else {
        nigh_fail(err, status, "out of memory for this turn");
    }
    if (status)
        resume_free(s);
    else
        r->resume = s;
    return status;
}

static bool may_keep(const struct request *r)
{
    return r->walk.turn.store && r->setting->config->responses_keep_ms > 0 &&
           exchange_body(r->ex).len <= KEPT_INPUT_MAX;
}

enum walk_step step_resume(struct walk *walk)
{
    struct request *r = walk->owner;
    struct nigh_err err = {0};

    if (r->api != &api_openai_responses)
        return STEP_LABEL;
    walk->turn.store = may_keep(r);
    r->past.input = json_get(walk->turn.raw, "input");
    if (!walk->turn.previous_id.p && !has_references(r->past.input))
        return STEP_LABEL;
    if (ask(r, &err) != NIGH_OK)
        return request_refuse(r, &err);
    return STEP_PARK;
}
