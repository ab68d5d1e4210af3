#include "label/ledger.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/rand.h"
#include "label/head.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

struct ledger {
    struct store *store;
    const struct zones *zones;
    struct chain at;
    struct head *head;
    bool head_fails; /* told once, until it works again */
    struct buf json;
};

/* ---- entries ---- */

static const char *zone_name(const struct ledger *l, unsigned zone)
{
    return zone < l->zones->n ? l->zones->name[zone] : NULL;
}

static void begin(struct ledger *l, const char *kind)
{
    buf_reset(&l->json);
    buf_add_char(&l->json, '{');
    json_put_int(&l->json, "seq", (int64_t)l->at.seq + 1);
    json_put_cstr(&l->json, "kind", kind);
    json_put_int(&l->json, "at", (int64_t)clock_wall_us());
}

/* Text that is no UTF-8 could not be read back, and the chain would end there. */
static void put_text(struct ledger *l, const char *key, const char *text)
{
    if (text)
        json_put_cstr(&l->json, key, slice_utf8(slice_of(text)) ? text : "(not UTF-8)");
}

static void put_count(struct ledger *l, const char *key, int64_t n)
{
    if (n >= 0)
        json_put_int(&l->json, key, n);
}

static void put_head(struct ledger *l)
{
    struct nigh_err err = {0};
    bool failed = head_put(l->head, &l->at, &err) != NIGH_OK;

    if (failed && !l->head_fails)
        log_err(LOG_ERROR, "ledger", "the head's file is behind", &err);
    l->head_fails = failed;
}

/* The chain moves on only when the entry is durable; the head's file only after that. */
static enum nigh_status append(struct ledger *l, struct nigh_err *err)
{
    struct chain next;
    enum nigh_status status;

    chain_seal(&l->at, &l->json, &next);
    if (l->json.failed)
        return nigh_fail(err, NIGH_NOMEM, "ledger: no room for an entry");
    status = store_append(l->store, "ledger", buf_slice(&l->json), err);
    if (status != NIGH_OK)
        return status;
    l->at = next;
    put_head(l);
    return NIGH_OK;
}

static void put_place(struct ledger *l, const struct ledger_entry *e)
{
    char label[LABEL_TEXT_BYTES];

    label_text(label, l->zones, e->label);
    put_text(l, "turn", e->turn);
    put_text(l, "place", e->place);
    put_text(l, "address", e->address);
    put_text(l, "zone", zone_name(l, e->zone));
    put_text(l, "label", label);
}

enum nigh_status ledger_open(struct ledger *l, const struct ledger_entry *e, uint64_t *ret_id,
                             struct nigh_err *err)
{
    enum nigh_status status;

    begin(l, "send-opened");
    put_place(l, e);
    json_put_int(&l->json, "body_bytes", (int64_t)e->body_bytes);
    json_put_int(&l->json, "masked", (int64_t)e->masked);
    status = append(l, err);
    if (status == NIGH_OK)
        *ret_id = l->at.seq;
    return status;
}

void ledger_close(struct ledger *l, uint64_t id, const struct ledger_sent *sent)
{
    struct nigh_err err = {0};
    char status[320];

    snprintf(status, sizeof status, "%s%s", sent->failure ? "failed: " : "done",
             sent->failure ? sent->failure : "");
    begin(l, "send-closed");
    json_put_int(&l->json, "send", (int64_t)id);
    json_put_int(&l->json, "bytes_out", (int64_t)sent->bytes_out);
    json_put_int(&l->json, "bytes_in", (int64_t)sent->bytes_in);
    put_count(l, "kernel_out", sent->kernel_out);
    put_count(l, "kernel_in", sent->kernel_in);
    put_count(l, "http_status", sent->http_status ? sent->http_status : -1);
    put_text(l, "status", status);
    if (append(l, &err) != NIGH_OK)
        log_err(LOG_ERROR, "ledger", "a send stays open", &err);
}

void ledger_denied(struct ledger *l, const struct ledger_entry *e, const char *why)
{
    struct nigh_err err = {0};

    begin(l, "denied");
    put_place(l, e);
    json_put_int(&l->json, "bytes_out", 0);
    put_text(l, "what", why);
    if (append(l, &err) != NIGH_OK)
        log_err(LOG_ERROR, "ledger", "a refusal was not written", &err);
}

enum nigh_status ledger_note(struct ledger *l, const struct ledger_note *note, struct nigh_err *err)
{
    static const char *const kinds[] = {
#define KIND(name, text) [LEDGER_##name] = (text),
        LEDGER_NOTES(KIND)
#undef KIND
    };

    begin(l, kinds[note->kind]);
    put_text(l, "turn", note->turn);
    put_text(l, "place", note->place);
    put_text(l, "label", note->label);
    put_text(l, "what", note->what);
    put_count(l, "until", note->until_us ? (int64_t)note->until_us : -1);
    return append(l, err);
}

/* ---- the start ---- */

/* One row of a question to the database, into the arena; NULL: there is none. */
static enum nigh_status load_row(yyjson_val **ret, struct store *store, const char *sql,
                                 struct arena *arena, struct nigh_err *err)
{
    struct buf rows = {.max_bytes = 4096};
    yyjson_val *root = NULL;
    enum nigh_status status = store_load(store, sql, 1, &rows, err);

    if (status == NIGH_OK)
        status = json_parse(&root, buf_slice(&rows), arena, err);
    *ret = status == NIGH_OK ? yyjson_arr_get_first(root) : NULL;
    buf_done(&rows);
    return status;
}

/* A hash that is none stays zeros: whatever is tied to it will not fit. */
static struct chain chain_of_row(yyjson_val *row)
{
    struct chain at = {.seq = (uint64_t)json_get_int(row, "seq", 0)};

    (void)!chain_parse_hash(at.hash, json_get_str(row, "hash"));
    return at;
}

/* The chain's first entry.  Numbers go on from the rows that an older nigh left, so that an id
 * means one send; the random word makes this chain another than everybody else's. */
static enum nigh_status put_origin(struct ledger *l, struct arena *arena, struct nigh_err *err)
{
    unsigned char word[16];
    char hex[2 * sizeof word + 1] = "", what[128];
    yyjson_val *row;
    enum nigh_status status = load_row(
        &row, l->store, "SELECT coalesce(max(id), 0) AS last FROM ledger_before", arena, err);

    if (status != NIGH_OK)
        return status;
    l->at.seq = (uint64_t)json_get_int(row, "last", 0);
    rand_bytes(word, sizeof word);
    for (size_t i = 0; i < sizeof word; i++)
        snprintf(hex + 2 * i, 3, "%02x", word[i]);
    snprintf(what, sizeof what, "chain %s; sends before it, which are not chained: up to %" PRIu64,
             hex, l->at.seq);
    begin(l, "origin");
    put_text(l, "what", what);
    return append(l, err);
}

static enum nigh_status put_gap(struct ledger *l, const char *what, struct nigh_err *err)
{
    log_at(LOG_ERROR, "ledger", "the chain is not what it was; `nigh ledger verify` tells more",
           LOG_NUM("seq", l->at.seq), LOG_WORD("why", what));
    begin(l, "gap");
    put_text(l, "what", what);
    return append(l, err);
}

enum { WHAT_BYTES = 192 };

/* Does the chain still lead to where the head's file says it was?  what: filled when not. */
static enum nigh_status compare(const struct ledger *l, const struct chain *head,
                                struct arena *arena, char what[static WHAT_BYTES],
                                struct nigh_err *err)
{
    char sql[96], text[CHAIN_TEXT_BYTES];
    struct chain there;
    yyjson_val *row;
    enum nigh_status status;

    chain_text(text, head);
    if (head->seq > l->at.seq) {
        snprintf(what, WHAT_BYTES, "records %" PRIu64 " to %" PRIu64 " are lost; the head was %s",
                 l->at.seq + 1, head->seq, text);
        return NIGH_OK;
    }
    snprintf(sql, sizeof sql, "SELECT seq, hash FROM entries WHERE seq = %" PRIu64, head->seq);
    status = load_row(&row, l->store, sql, arena, err);
    there = chain_of_row(row);
    if (status == NIGH_OK && !chain_same(&there, head))
        snprintf(what, WHAT_BYTES, "record %" PRIu64 " is another; the head was %s", head->seq,
                 text);
    return status;
}

/* A chain without its head may have lost its tail; one that has nothing but its origin has not:
 * there the node died before it wrote its first head. */
static enum nigh_status check_head(const struct ledger *l, bool has_sends, struct arena *arena,
                                   char what[static WHAT_BYTES], struct nigh_err *err)
{
    struct nigh_err why = {0};
    struct chain head;
    enum nigh_status status = head_read(&head, store_dir(l->store), &why);

    if (status == NIGH_OK)
        return compare(l, &head, arena, what, err);
    if (status != NIGH_NOTFOUND && status != NIGH_INVALID)
        return nigh_fail(err, status, "%s", why.what);
    if (has_sends || status == NIGH_INVALID)
        snprintf(what, WHAT_BYTES, "%.120s", why.what);
    return NIGH_OK;
}

/* Where the chain in the database stands, and what is wrong with it, as an entry of its own. */
static enum nigh_status go_on(struct ledger *l, struct arena *arena, struct nigh_err *err)
{
    char what[WHAT_BYTES] = "";
    yyjson_val *row;
    enum nigh_status status =
        load_row(&row, l->store, "SELECT seq, kind, hash FROM entries ORDER BY seq DESC LIMIT 1",
                 arena, err);
    bool has_sends = row && !slice_is(json_get_str(row, "kind"), "origin");

    l->at = chain_of_row(row);
    if (status == NIGH_OK)
        status = check_head(l, has_sends, arena, what, err);
    if (status == NIGH_OK)
        status = head_new(&l->head, store_dir(l->store), err);
    if (status == NIGH_OK && !row)
        status = put_origin(l, arena, err);
    if (status == NIGH_OK && what[0])
        status = put_gap(l, what, err);
    return status;
}

enum nigh_status ledger_new(struct ledger **ret, struct store *store, const struct zones *zones,
                            struct nigh_err *err)
{
    struct ledger *l = calloc(1, sizeof *l);
    struct arena arena;
    enum nigh_status status;

    if (!l)
        return nigh_fail(err, NIGH_NOMEM, "ledger: out of memory");
    *l = (struct ledger){.store = store, .zones = zones};
    l->json.max_bytes = 64 << 10; /* all its texts have a ceiling of their own */
    arena_init(&arena, 64 << 10);
    status = go_on(l, &arena, err);
    arena_done(&arena);
    if (status == NIGH_OK)
        *ret = l;
    else
        ledger_free(l);
    return status;
}

struct ledger *ledger_free(struct ledger *l)
{
    if (!l)
        return NULL;
    head_free(l->head);
    buf_done(&l->json);
    free(l);
    return NULL;
}

void ledger_zones(struct ledger *l, const struct zones *zones)
{
    l->zones = zones;
}

struct chain ledger_head(const struct ledger *l)
{
    return l->at;
}
