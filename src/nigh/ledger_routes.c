/* GET /nigh/v1/ledger and what is under it that one question to the database answers. */
#include "nigh/admin.h"

#include "label/entries.h"
#include "label/verify.h"
#include <stdio.h>
#include <stdlib.h>

/* A question, answered when the lane has read. */
struct question {
    struct store_query q;
    struct exchange *ex;
    bool gone;
    unsigned limit;
    struct chain head, anchor; /* the head when it was asked; anchor.seq 0: none was given */
    struct buf json;
    struct nigh_err err;
};

static void question_gone(void *owner)
{
    ((struct question *)owner)->gone = true;
}

static void question_done(struct store_query *q)
{
    struct question *question = CONTAINER_OF(q, struct question, q);
    struct exchange *ex = question->ex;

    exchange_watch(ex, NULL, NULL, NULL);
    if (question->gone)
        exchange_release(ex);
    else if (question->err.status != NIGH_OK)
        admin_fail(ex, &question->err);
    else
        admin_answer(ex, 200, &question->json);
    buf_done(&question->json);
    free(question);
}

static enum nigh_status read_wishes(struct question *question, struct nigh_err *err)
{
    struct slice limit = exchange_query(question->ex, "limit"),
                 head = exchange_query(question->ex, "head");
    uint64_t n = ADMIN_ROWS;

    if (limit.p && (!slice_u64(limit, &n) || n < 1 || n > ADMIN_ROWS_MAX))
        return nigh_fail(err, NIGH_INVALID, "limit: expected 1 to %d", ADMIN_ROWS_MAX);
    if (head.p && (!chain_parse(&question->anchor, head) || question->anchor.seq == 0))
        return nigh_fail(err, NIGH_INVALID,
                         "head: expected SEQ:HASH, as /nigh/v1/ledger/head has it");
    question->limit = (unsigned)n;
    return NIGH_OK;
}

static void ask(struct node *node, struct exchange *ex,
                void (*run)(struct store_query *q, sqlite3 *db))
{
    struct question *question = calloc(1, sizeof *question);
    struct nigh_err err = {0};

    if (!question) {
        nigh_fail(&err, NIGH_NOMEM, "out of memory");
        admin_fail(ex, &err);
        return;
    }
    question->ex = ex;
    question->head = ledger_head(node->ledger);
    question->q.run = run;
    question->q.done = question_done;
    if (read_wishes(question, &err) == NIGH_OK) {
        exchange_watch(ex, question, question_gone, NULL);
        if (store_ask(node->store, &question->q, &err) == NIGH_OK)
            return;
        exchange_watch(ex, NULL, NULL, NULL);
    }
    free(question);
    admin_fail(ex, &err);
}

/* Runs sql; the rows as "name": [...] into the answer. */
static void put_rows(struct question *question, sqlite3 *db, const char *name, const char *sql)
{
    struct buf rows = {0};

    if (store_rows_json(db, sql, NULL, 0, question->limit, &rows, &question->err) == NIGH_OK) {
        json_key(&question->json, name);
        buf_add_str(&question->json, buf_slice(&rows));
    }
    buf_done(&rows);
}

/* The id of the limit-th latest send; 0: there are not so many.  As a number in the text of a
 * question it reaches both halves of the view, which else is made as a whole to be sorted: 300,000
 * sends took seconds. */
static int64_t oldest_wanted(sqlite3 *db, unsigned limit)
{
    sqlite3_stmt *stmt = NULL;
    int64_t id = 0;

    if (sqlite3_prepare_v2(db,
                           "SELECT seq FROM entries WHERE kind = 'send-opened'"
                           " ORDER BY seq DESC LIMIT 1 OFFSET ?",
                           -1, &stmt, NULL) == SQLITE_OK &&
        sqlite3_bind_int64(stmt, 1, limit - 1) == SQLITE_OK && sqlite3_step(stmt) == SQLITE_ROW)
        id = sqlite3_column_int64(stmt, 0);
    sqlite3_finalize(stmt);
    return id;
}

#define SUMS                                                                                       \
    "count(*) AS sends, sum(bytes_out) AS bytes_out, sum(coalesce(bytes_in, 0)) AS bytes_in,"      \
    " sum(kernel_out) AS kernel_out, sum(kernel_in) AS kernel_in"

static void show_run(struct store_query *q, sqlite3 *db)
{
    struct question *question = CONTAINER_OF(q, struct question, q);
    char latest[96];

    snprintf(latest, sizeof latest, "SELECT * FROM ledger WHERE id >= %lld ORDER BY id DESC",
             (long long)oldest_wanted(db, question->limit));
    buf_add_char(&question->json, '{');
    put_rows(question, db, "totals",
             "SELECT place, zone, " SUMS " FROM ledger GROUP BY place, zone ORDER BY place");
    put_rows(question, db, "labels",
             "SELECT label, " SUMS " FROM ledger GROUP BY label ORDER BY label");
    put_rows(question, db, "rows", latest);
    put_rows(question, db, "notes",
             "SELECT seq, kind, at, turn, place, address, zone, label, what, until FROM entries"
             " WHERE kind NOT IN ('send-opened', 'send-closed') AND kind <> 'origin'"
             " ORDER BY seq DESC");
    buf_add_char(&question->json, '}');
}

/* The database has everything that was appended when it was asked, and may have more. */
static void verify_run(struct store_query *q, sqlite3 *db)
{
    struct question *question = CONTAINER_OF(q, struct question, q);
    struct verify v;

    if (q->stale) {
        nigh_fail(&question->err, NIGH_BUSY, "the newest records wait for the disk: ask again");
        return;
    }
    verify_init(&v);
    verify_anchor(&v, &question->head, "this node");
    if (question->anchor.seq)
        verify_anchor(&v, &question->anchor, "the head that was given");
    if (entries_read(db, 0, UINT64_MAX, verify_line, &v, &question->err) == NIGH_OK) {
        verify_end(&v);
        verdict_json(&v.verdict, &question->json);
    }
    verify_done(&v);
}

void admin_ledger(struct node *node, struct exchange *ex, struct slice rest)
{
    (void)rest;
    ask(node, ex, show_run);
}

void admin_ledger_verify(struct node *node, struct exchange *ex, struct slice rest)
{
    (void)rest;
    ask(node, ex, verify_run);
}

void admin_ledger_head(struct node *node, struct exchange *ex, struct slice rest)
{
    struct chain head = ledger_head(node->ledger);
    char text[CHAIN_TEXT_BYTES];
    struct buf json = {0};

    (void)rest;
    chain_text(text, &head);
    buf_add_char(&json, '{');
    json_put_int(&json, "seq", (int64_t)head.seq);
    json_put_cstr(&json, "hash", strchr(text, ':') + 1);
    json_put_cstr(&json, "head", text);
    buf_add_char(&json, '}');
    admin_answer(ex, 200, &json);
}
