/* GET /nigh/v1/ledger and what is under it that one question to the database answers. */
#include "nigh/admin.h"

#include "label/entries.h"
#include "label/verify.h"
#include "nigh/question.h"
#include <stdio.h>

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
    question_rows(question, db, "totals",
                  "SELECT place, zone, " SUMS " FROM ledger GROUP BY place, zone ORDER BY place",
                  NULL, 0);
    question_rows(question, db, "labels",
                  "SELECT label, " SUMS " FROM ledger GROUP BY label ORDER BY label", NULL, 0);
    question_rows(question, db, "rows", latest, NULL, 0);
    question_rows(
        question, db, "notes",
        "SELECT seq, kind, at, turn, place, address, zone, label, what, until FROM entries"
        " WHERE kind NOT IN ('send-opened', 'send-closed') AND kind <> 'origin'"
        " ORDER BY seq DESC",
        NULL, 0);
    buf_add_char(&question->json, '}');
}

struct verify_question {
    struct question question;
    struct chain head, anchor; /* when it was asked; anchor.seq 0: none was given */
};

/* The database has everything that was appended when it was asked, and may have more. */
static void verify_run(struct store_query *q, sqlite3 *db)
{
    struct question *question = CONTAINER_OF(q, struct question, q);
    struct verify_question *asked = CONTAINER_OF(question, struct verify_question, question);
    struct verify v;

    if (q->stale) {
        nigh_fail(&question->err, NIGH_BUSY, "the newest records wait for the disk: ask again");
        return;
    }
    verify_init(&v);
    verify_anchor(&v, &asked->head, "this node");
    if (asked->anchor.seq)
        verify_anchor(&v, &asked->anchor, "the head that was given");
    if (entries_read(db, 0, UINT64_MAX, verify_line, &v, &question->err) == NIGH_OK) {
        verify_end(&v);
        verdict_json(&v.verdict, &question->json);
    }
    verify_done(&v);
}

void admin_ledger(struct node *node, struct exchange *ex, struct slice rest)
{
    struct question *question = question_new(sizeof *question, ex);

    (void)rest;
    if (question)
        question_ask(question, node, show_run);
}

void admin_ledger_verify(struct node *node, struct exchange *ex, struct slice rest)
{
    struct question *question = question_new(sizeof(struct verify_question), ex);
    struct slice head = exchange_query(ex, "head");
    struct verify_question *asked;
    struct nigh_err err = {0};

    (void)rest;
    if (!question)
        return;
    asked = CONTAINER_OF(question, struct verify_question, question);
    asked->head = ledger_head(node->ledger);
    if (head.p && (!chain_parse(&asked->anchor, head) || asked->anchor.seq == 0)) {
        nigh_fail(&err, NIGH_INVALID, "head: expected SEQ:HASH, as /nigh/v1/ledger/head has it");
        question_refuse(question, &err);
        return;
    }
    question_ask(question, node, verify_run);
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
