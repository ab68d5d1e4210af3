#include "turn/answer.h"
#include "base/fault.h"
#include <stdlib.h>

void answer_init(struct answer *answer)
{
    *answer = (struct answer){0};
}

static void choice_done(struct answer_choice *c)
{
    struct buf *bufs[] = {&c->text,     &c->reasoning,        &c->refusal,
                          &c->logprobs, &c->logprobs_refusal, &c->finish_word};

    for (size_t i = 0; i < ARRAY_LEN(bufs); i++)
        buf_done(bufs[i]);
    for (size_t i = 0; i < c->n_calls; i++) {
        buf_done(&c->calls[i].id);
        buf_done(&c->calls[i].name);
        buf_done(&c->calls[i].arguments);
    }
    free(c->calls);
}

void answer_done(struct answer *answer)
{
    for (size_t i = 0; i < answer->n_choices; i++)
        choice_done(&answer->choices[i]);
    free(answer->choices);
    buf_done(&answer->model);
    buf_done(&answer->fingerprint);
    buf_done(&answer->tier);
    answer_init(answer);
}

void answer_reset(struct answer *answer)
{
    answer_done(answer);
}

/* items grown to hold index n, new ones zeroed; NULL at the ceiling or without memory. */
static void *grown(void *items, size_t *n, size_t size, size_t index, size_t max)
{
    if (index < *n)
        return items;
    if (index >= max)
        return NULL;
    char *p = fault_hit(FAULT_ALLOC) ? NULL : realloc(items, (index + 1) * size);
    if (!p)
        return NULL;
    memset(p + *n * size, 0, (index + 1 - *n) * size);
    *n = index + 1;
    return p;
}

static struct answer_choice *choice_at(struct answer *answer, unsigned index)
{
    void *p = grown(answer->choices, &answer->n_choices, sizeof *answer->choices, index,
                    TURN_CHOICES_MAX);

    if (!p)
        return NULL;
    answer->choices = p;
    return &answer->choices[index];
}

static struct answer_call *call_at(struct answer_choice *c, unsigned index)
{
    void *p = grown(c->calls, &c->n_calls, sizeof *c->calls, index, ANSWER_CALLS_MAX);

    if (!p)
        return NULL;
    c->calls = p;
    return &c->calls[index];
}

/* Why grown() gave nothing. */
static enum nigh_status no_room(size_t index, size_t max, const char *what, struct nigh_err *err)
{
    if (index >= max)
        return nigh_fail(err, NIGH_TOOBIG, "the answer holds more than %zu %s", max, what);
    return nigh_fail(err, NIGH_NOMEM, "no memory for the answer");
}

static enum nigh_status too_big(struct nigh_err *err)
{
    return nigh_fail(err, NIGH_TOOBIG, "the answer is larger than %d MiB", ANSWER_BYTES_MAX >> 20);
}

static enum nigh_status keep(struct answer *answer, struct buf *b, struct slice text,
                             struct nigh_err *err)
{
    if (text.len > ANSWER_BYTES_MAX - answer->bytes)
        return too_big(err);
    buf_add_str(b, text);
    answer->bytes += text.len;
    return b->failed ? nigh_fail(err, NIGH_NOMEM, "no memory for the answer") : NIGH_OK;
}

static enum nigh_status keep_items(struct answer *answer, struct buf *b, yyjson_val *items,
                                   struct nigh_err *err)
{
    size_t i, max, before = b->len;
    yyjson_val *item;

    if (!yyjson_is_arr(items))
        return NIGH_OK;
    yyjson_arr_foreach(items, i, max, item)
    {
        if (b->len > 0)
            buf_add_char(b, ',');
        json_add_val(b, item);
    }
    if (b->failed)
        return nigh_fail(err, NIGH_NOMEM, "no memory for the answer");
    if (b->len - before > ANSWER_BYTES_MAX - answer->bytes)
        return too_big(err);
    answer->bytes += b->len - before;
    return NIGH_OK;
}

static enum nigh_status add_begin(struct answer *answer, const struct event *e,
                                  struct nigh_err *err)
{
    enum nigh_status status;

    buf_reset(&answer->model);
    buf_reset(&answer->fingerprint);
    buf_reset(&answer->tier);
    if ((status = keep(answer, &answer->model, e->text, err)) ||
        (status =
             keep(answer, &answer->fingerprint, json_get_str(e->raw, "system_fingerprint"), err)))
        return status;
    return keep(answer, &answer->tier, json_get_str(e->raw, "service_tier"), err);
}

static enum nigh_status add_logprobs(struct answer *answer, struct answer_choice *c,
                                     const struct event *e, struct nigh_err *err)
{
    enum nigh_status status = keep_items(answer, &c->logprobs, json_get(e->raw, "content"), err);

    if (status)
        return status;
    return keep_items(answer, &c->logprobs_refusal, json_get(e->raw, "refusal"), err);
}

static enum nigh_status add_call(struct answer *answer, struct answer_choice *c,
                                 const struct event *e, struct nigh_err *err)
{
    struct answer_call *call = call_at(c, e->call);
    enum nigh_status status;

    if (!call)
        return no_room(e->call, ANSWER_CALLS_MAX, "tool calls", err);
    if (e->kind == EVENT_ARGUMENTS)
        return keep(answer, &call->arguments, e->text, err);
    buf_reset(&call->id);
    buf_reset(&call->name);
    if ((status = keep(answer, &call->id, e->call_id, err)))
        return status;
    return keep(answer, &call->name, e->name, err);
}

static enum nigh_status add_finish(struct answer *answer, struct answer_choice *c,
                                   const struct event *e, struct nigh_err *err)
{
    c->finished = true;
    c->finish = e->finish;
    buf_reset(&c->finish_word);
    return keep(answer, &c->finish_word, e->text, err);
}

static enum nigh_status add_text(struct answer *answer, struct answer_choice *c,
                                 const struct event *e, struct nigh_err *err)
{
    struct buf *to = e->kind == EVENT_TEXT        ? &c->text
                     : e->kind == EVENT_REASONING ? &c->reasoning
                                                  : &c->refusal;

    return keep(answer, to, e->text, err);
}

/* What happens to a choice, by kind; the other kinds are about the answer as a whole. */
static enum nigh_status (*const add_to_choice[])(struct answer *, struct answer_choice *,
                                                 const struct event *, struct nigh_err *) = {
    [EVENT_TEXT] = add_text,         [EVENT_REASONING] = add_text, [EVENT_REFUSAL] = add_text,
    [EVENT_LOGPROBS] = add_logprobs, [EVENT_CALL] = add_call,      [EVENT_ARGUMENTS] = add_call,
    [EVENT_FINISH] = add_finish,     [EVENT_END] = NULL,
};

enum nigh_status answer_add(struct answer *answer, const struct event *e, struct nigh_err *err)
{
    if (e->kind == EVENT_BEGIN)
        return add_begin(answer, e, err);
    if (e->kind == EVENT_USAGE)
        answer->usage = e->usage;
    if (e->kind == EVENT_END)
        answer->ended = true;
    if (!add_to_choice[e->kind])
        return NIGH_OK;
    struct answer_choice *c = choice_at(answer, e->choice);
    if (!c)
        return no_room(e->choice, TURN_CHOICES_MAX, "choices", err);
    return add_to_choice[e->kind](answer, c, e, err);
}
