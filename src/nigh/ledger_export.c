/* GET /nigh/v1/ledger/export: every entry as a line, as fast as the caller takes them.
 *
 * A page after the other is read on the store's lane, so that what is open here is one page and
 * what the caller has not taken yet.  It goes up to where the chain stood when it was asked, and
 * says so in a last line, which is not there when it was cut off. */
#include "nigh/admin.h"

#include "base/log.h"
#include "label/entries.h"
#include <stdlib.h>

enum { PAGE_BYTES = 256 << 10 };

struct export
{
    struct store_query q;
    struct store *store;
    struct exchange *ex;
    bool gone, asked; /* asked: the lane has q */
    struct chain head;
    uint64_t after; /* the last entry that was written */
    struct buf page;
    struct nigh_err err;
};

static void export_free(struct export *e)
{
    exchange_watch(e->ex, NULL, NULL, NULL);
    exchange_release(e->ex);
    buf_done(&e->page);
    free(e);
}

static bool add_line(void *owner, struct slice line)
{
    struct export *e = owner;

    buf_add_str(&e->page, line);
    buf_add_char(&e->page, '\n');
    e->after = chain_seq(line) ? chain_seq(line) : e->head.seq;
    return e->page.len < PAGE_BYTES;
}

static void page_run(struct store_query *q, sqlite3 *db)
{
    struct export *e = CONTAINER_OF(q, struct export, q);
    uint64_t after = e->after;

    if (q->stale)
        nigh_fail(&e->err, NIGH_BUSY, "the newest records wait for the disk: ask again");
    else if (entries_read(db, after, e->head.seq, add_line, e, &e->err) == NIGH_OK &&
             e->after == after)
        e->after = e->head.seq; /* no more, whatever the head says: verify tells */
}

static void page_done(struct store_query *q);

/* Asks for the next page, or waits: drained() comes when the caller has taken what was written. */
static void go_on(struct export *e)
{
    if (exchange_pending(e->ex) > EXCHANGE_HIGH_BYTES)
        return;
    e->q.run = page_run;
    e->q.done = page_done;
    e->asked = store_ask(e->store, &e->q, &e->err) == NIGH_OK;
    if (e->asked)
        return;
    log_err(LOG_WARN, "ledger", "an export was cut off", &e->err);
    exchange_break(e->ex);
    export_free(e);
}

static void finish(struct export *e)
{
    char text[CHAIN_TEXT_BYTES];

    chain_text(text, &e->head);
    buf_reset(&e->page);
    buf_printf(&e->page, "{\"head\":\"%s\"}\n", text);
    exchange_write(e->ex, buf_slice(&e->page));
    exchange_end(e->ex);
    export_free(e);
}

static void page_done(struct store_query *q)
{
    struct export *e = CONTAINER_OF(q, struct export, q);

    e->asked = false;
    if (e->gone) {
        export_free(e);
        return;
    }
    if (e->err.status != NIGH_OK || e->page.failed) {
        log_err(LOG_WARN, "ledger", "an export was cut off", &e->err);
        exchange_break(e->ex);
        export_free(e);
        return;
    }
    exchange_write(e->ex, buf_slice(&e->page));
    buf_reset(&e->page);
    if (e->after >= e->head.seq)
        finish(e);
    else
        go_on(e);
}

static void on_gone(void *owner)
{
    struct export *e = owner;

    e->gone = true;
    if (!e->asked)
        export_free(e);
}

static void on_drained(void *owner)
{
    struct export *e = owner;

    if (!e->asked)
        go_on(e);
}

void admin_ledger_export(struct node *node, struct exchange *ex, struct slice rest)
{
    static const struct header type = {"Content-Type", "application/x-ndjson"};
    struct export *e = calloc(1, sizeof *e);
    struct nigh_err err = {0};

    (void)rest;
    if (!e) {
        nigh_fail(&err, NIGH_NOMEM, "out of memory");
        admin_fail(ex, &err);
        return;
    }
    e->store = node->store;
    e->ex = ex;
    e->head = ledger_head(node->ledger);
    exchange_watch(ex, e, on_gone, on_drained);
    exchange_begin(ex, 200, &type, 1);
    go_on(e);
}
