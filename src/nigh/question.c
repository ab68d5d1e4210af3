#include "nigh/question.h"

#include "nigh/admin.h"
#include <stdlib.h>

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

static enum nigh_status read_limit(unsigned *ret, struct exchange *ex, struct nigh_err *err)
{
    struct slice wanted = exchange_query(ex, "limit");
    uint64_t limit = ADMIN_ROWS;

    if (wanted.p && (!slice_u64(wanted, &limit) || limit < 1 || limit > ADMIN_ROWS_MAX))
        return nigh_fail(err, NIGH_INVALID, "limit: expected 1 to %d", ADMIN_ROWS_MAX);
    *ret = (unsigned)limit;
    return NIGH_OK;
}

struct question *question_new(size_t size, struct exchange *ex)
{
    struct question *question = calloc(1, size);
    struct nigh_err err = {0};

    if (!question) {
        nigh_fail(&err, NIGH_NOMEM, "out of memory");
        admin_fail(ex, &err);
        return NULL;
    }
    question->ex = ex;
    if (read_limit(&question->limit, ex, &err) == NIGH_OK)
        return question;
    question_refuse(question, &err);
    return NULL;
}

void question_ask(struct question *question, struct node *node,
                  void (*run)(struct store_query *q, sqlite3 *db))
{
    struct nigh_err err = {0};

    question->q.run = run;
    question->q.done = question_done;
    exchange_watch(question->ex, question, question_gone, NULL);
    if (store_ask(node->store, &question->q, &err) == NIGH_OK)
        return;
    exchange_watch(question->ex, NULL, NULL, NULL);
    question_refuse(question, &err);
}

void question_refuse(struct question *question, const struct nigh_err *err)
{
    admin_fail(question->ex, err);
    free(question);
}

void question_rows(struct question *question, sqlite3 *db, const char *name, const char *sql,
                   const char *const *args, size_t n_args)
{
    struct buf rows = {0};

    if (store_rows_json(db, sql, args, n_args, question->limit, &rows, &question->err) == NIGH_OK) {
        json_key(&question->json, name);
        buf_add_str(&question->json, buf_slice(&rows));
    }
    buf_done(&rows);
}
