/* Keeping responses, and forgetting them. */
#include "nigh/kept.h"

#include "base/clock.h"
#include "base/log.h"
#include <stdio.h>

/* The end of a piece of at most KEPT_PIECE_BYTES, not inside a character. */
static size_t piece_len(struct slice text)
{
    size_t len = text.len;

    if (len <= KEPT_PIECE_BYTES)
        return len;
    len = KEPT_PIECE_BYTES;
    while (((unsigned char)text.p[len] & 0xc0) == 0x80)
        len--;
    return len;
}

static enum nigh_status put_pieces(struct node *node, const char *id, const char *part,
                                   struct slice text, struct nigh_err *err)
{
    CLEANUP(buf_done) struct buf record = {0};
    enum nigh_status status = NIGH_OK;

    for (int n = 0; !status && text.len > 0; n++) {
        struct slice piece = {text.p, piece_len(text)};
        buf_reset(&record);
        buf_add_char(&record, '{');
        json_put_cstr(&record, "response", id);
        json_put_cstr(&record, "part", part);
        json_put_int(&record, "n", n);
        json_put_str(&record, "text", piece);
        buf_add_char(&record, '}');
        if (record.failed)
            return nigh_fail(err, NIGH_NOMEM, "no memory for a record");
        status = store_append(node->store, "response-piece", buf_slice(&record), err);
        text.p += piece.len;
        text.len -= piece.len;
    }
    return status;
}

/* What makes the pieces count, so it comes after them. */
static enum nigh_status put_row(struct request *r, const char *id, size_t bytes,
                                struct nigh_err *err)
{
    CLEANUP(buf_done) struct buf record = {0};
    char label[LABEL_TEXT_BYTES];

    label_text(label, &r->setting->zones, r->walk.turn.label);
    buf_add_char(&record, '{');
    json_put_cstr(&record, "id", id);
    json_put_int(&record, "created", (int64_t)r->bill.started_us);
    json_put_cstr(&record, "label", label);
    json_put_cstr(&record, "key_name", r->key);
    if (r->walk.turn.previous_id.p)
        json_put_str(&record, "previous", r->walk.turn.previous_id);
    json_put_int(&record, "bytes", (int64_t)bytes);
    buf_add_char(&record, '}');
    if (record.failed)
        return nigh_fail(err, NIGH_NOMEM, "no memory for a record");
    return store_append(r->node->store, "response", buf_slice(&record), err);
}

static void sweep_if_much(struct node *node, size_t bytes)
{
    node->kept_bytes += bytes;
    if (node->kept_bytes > node->setting->config->responses_bytes_max / KEPT_SWEEP_SHARE)
        kept_sweep(node);
}

void kept_put(struct request *r)
{
    CLEANUP(buf_done) struct buf input = {0};
    CLEANUP(buf_done) struct buf response = {0};
    char id[RESPONSES_ID_BYTES];
    struct turn *turn = &r->walk.turn;
    struct nigh_err err = {0};

    if (!turn->store)
        return;
    snprintf(id, sizeof id, "resp_%s", r->walk.id);
    openai_responses_inputs(r->past.input, r->walk.id, &input);
    r->api->whole(&r->reply.enc, &response);
    if (input.failed || response.failed)
        nigh_fail(&err, NIGH_NOMEM, "no memory for a response");
    else if (response.len > KEPT_ANSWER_MAX)
        nigh_fail(&err, NIGH_TOOBIG, "over %d MiB", KEPT_ANSWER_MAX >> 20);
    else if (!put_pieces(r->node, id, "input", buf_slice(&input), &err) &&
             !put_pieces(r->node, id, "response", buf_slice(&response), &err) &&
             !put_row(r, id, input.len + response.len, &err))
        sweep_if_much(r->node, input.len + response.len);
    if (err.status) {
        turn->store = false; /* said to the caller, who may keep it */
        log_err(LOG_ERROR, "kept", "a response was not kept", &err);
    }
}

static void on_sweep(struct timer *timer)
{
    kept_sweep(CONTAINER_OF(timer, struct node, kept_timer));
}

void kept_sweep(struct node *node)
{
    CLEANUP(buf_done) struct buf record = {0};
    const struct config *config = node->setting->config;
    struct nigh_err err = {0};
    uint64_t now = clock_wall_us(), age = config->responses_keep_ms * 1000;

    buf_add_char(&record, '{');
    json_put_int(&record, "before", (int64_t)(now > age ? now - age : 0));
    json_put_int(&record, "bytes_max", (int64_t)config->responses_bytes_max);
    buf_add_char(&record, '}');
    node->kept_bytes = 0;
    if (store_append(node->store, "response-sweep", buf_slice(&record), &err) != NIGH_OK ||
        store_append(node->store, "response-orphans", SLICE("{}"), &err) != NIGH_OK ||
        timer_arm(node->loop, &node->kept_timer, KEPT_SWEEP_MS, on_sweep, &err) != NIGH_OK)
        log_err(LOG_WARN, "kept", "old responses were not looked for", &err);
}
