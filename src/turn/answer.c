#include "turn/answer.h"
#include "base/fault.h"
#include <stdlib.h>

void answer_init(struct answer *answer)
{
    *answer = (struct answer){0};
}

static void part_done(struct answer_part *p)
{
    struct buf *bufs[] = {&p->text, &p->id, &p->name, &p->signature};

    for (size_t i = 0; i < ARRAY_LEN(bufs); i++)
        buf_done(bufs[i]);
}

static void choice_done(struct answer_choice *c)
{
    struct buf *bufs[] = {&c->logprobs, &c->logprobs_refusal, &c->finish_word};

    for (size_t i = 0; i < ARRAY_LEN(bufs); i++)
        buf_done(bufs[i]);
    for (size_t i = 0; i < c->n_parts; i++)
        part_done(&c->parts[i]);
    free(c->parts);
}

void answer_done(struct answer *answer)
{
    for (size_t i = 0; i < answer->n_choices; i++)
        choice_done(&answer->choices[i]);
    free(answer->choices);
    buf_done(&answer->model);
    buf_done(&answer->fingerprint);
    buf_done(&answer->tier);
    buf_done(&answer->data);
    buf_done(&answer->timings);
    answer_init(answer);
}

void answer_reset(struct answer *answer)
{
    answer_done(answer);
}

struct slice answer_text(const struct answer_choice *choice, enum part_kind kind,
                         struct buf *scratch)
{
    const struct answer_part *only = NULL;
    size_t n = 0;

    for (size_t i = 0; i < choice->n_parts; i++)
        if (choice->parts[i].kind == kind && n++ == 0)
            only = &choice->parts[i];
    if (n == 0)
        return (struct slice){0};
    if (n == 1)
        return only->text.len ? buf_slice(&only->text) : SLICE("");
    buf_reset(scratch);
    for (size_t i = 0; i < choice->n_parts; i++)
        if (choice->parts[i].kind == kind)
            buf_add_str(scratch, buf_slice(&choice->parts[i].text));
    return scratch->len ? buf_slice(scratch) : SLICE("");
}

size_t answer_choice_bytes(const struct answer_choice *choice)
{
    size_t sum = 0;

    for (size_t i = 0; i < choice->n_parts; i++)
        sum += choice->parts[i].text.len;
    return sum;
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
                    ANSWER_CHOICES_MAX);

    if (!p)
        return NULL;
    answer->choices = p;
    return &answer->choices[index];
}

/* A new last part. */
static struct answer_part *part_new(struct answer_choice *c, enum part_kind kind)
{
    void *p = grown(c->parts, &c->n_parts, sizeof *c->parts, c->n_parts, ANSWER_PARTS_MAX);

    if (!p)
        return NULL;
    c->parts = p;
    c->parts[c->n_parts - 1].kind = kind;
    return &c->parts[c->n_parts - 1];
}

/* The part that a piece of this kind goes to. */
static struct answer_part *part_at(struct answer_choice *c, enum part_kind kind)
{
    struct answer_part *last = c->n_parts > 0 ? &c->parts[c->n_parts - 1] : NULL;

    if (last && last->kind == kind && last->signature.len == 0 && kind != PART_REDACTED)
        return last;
    return part_new(c, kind);
}

static struct answer_part *call_at(struct answer_choice *c, unsigned call)
{
    for (size_t i = c->n_parts; i-- > 0;)
        if (c->parts[i].kind == PART_CALL && c->parts[i].call == call)
            return &c->parts[i];
    struct answer_part *p = c->n_calls < ANSWER_CALLS_MAX ? part_new(c, PART_CALL) : NULL;
    if (!p)
        return NULL;
    p->call = call;
    c->n_calls++;
    return p;
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

static enum nigh_status add_note(struct answer *answer, const struct event *e, struct nigh_err *err)
{
    if (!slice_is(e->name, "timings"))
        return NIGH_OK;
    buf_reset(&answer->timings);
    json_add_val(&answer->timings, e->raw);
    return answer->timings.failed ? nigh_fail(err, NIGH_NOMEM, "no memory for the answer")
                                  : NIGH_OK;
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
    struct answer_part *call = call_at(c, e->call);
    enum nigh_status status;

    if (!call)
        return no_room(c->n_calls, ANSWER_CALLS_MAX, "tool calls", err);
    if (e->kind == EVENT_ARGUMENTS)
        return keep(answer, &call->text, e->text, err);
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
    static const enum part_kind kinds[] = {
        [EVENT_TEXT] = PART_TEXT,
        [EVENT_REASONING] = PART_REASONING,
        [EVENT_REFUSAL] = PART_REFUSAL,
        [EVENT_REDACTED] = PART_REDACTED,
    };
    struct answer_part *p = part_at(c, kinds[e->kind]);

    if (!p)
        return no_room(c->n_parts, ANSWER_PARTS_MAX, "parts", err);
    return keep(answer, &p->text, e->text, err);
}

/* Closes the reasoning before it, which may have had no words of its own. */
static enum nigh_status add_signature(struct answer *answer, struct answer_choice *c,
                                      const struct event *e, struct nigh_err *err)
{
    struct answer_part *p = part_at(c, PART_REASONING);
    enum nigh_status status;

    if (!p)
        return no_room(c->n_parts, ANSWER_PARTS_MAX, "parts", err);
    if ((status = keep(answer, &p->id, e->call_id, err)))
        return status;
    return keep(answer, &p->signature, e->text, err);
}

static enum nigh_status add_data(struct answer *answer, const struct event *e, struct nigh_err *err)
{
    buf_reset(&answer->data);
    if (e->text.p)
        buf_add_str(&answer->data, e->text);
    else
        json_add_val(&answer->data, e->raw);
    if (answer->data.failed)
        return nigh_fail(err, NIGH_NOMEM, "no memory for the answer");
    if (answer->data.len > ANSWER_DATA_MAX)
        return nigh_fail(err, NIGH_TOOBIG, "the answer is larger than %d MiB",
                         ANSWER_DATA_MAX >> 20);
    return NIGH_OK;
}

/* What happens to a choice, by kind; the other kinds are about the answer as a whole. */
static enum nigh_status (*const add_to_choice[])(struct answer *, struct answer_choice *,
                                                 const struct event *, struct nigh_err *) = {
    [EVENT_TEXT] = add_text,           [EVENT_REASONING] = add_text,
    [EVENT_REFUSAL] = add_text,        [EVENT_LOGPROBS] = add_logprobs,
    [EVENT_CALL] = add_call,           [EVENT_ARGUMENTS] = add_call,
    [EVENT_SIGNATURE] = add_signature, [EVENT_REDACTED] = add_text,
    [EVENT_FINISH] = add_finish,       [EVENT_END] = NULL,
};

enum nigh_status answer_add(struct answer *answer, const struct event *e, struct nigh_err *err)
{
    if (e->kind == EVENT_BEGIN)
        return add_begin(answer, e, err);
    if (e->kind == EVENT_DATA)
        return add_data(answer, e, err);
    if (e->kind == EVENT_NOTE)
        return add_note(answer, e, err);
    if (e->kind == EVENT_USAGE)
        answer->usage = e->usage;
    if (e->kind == EVENT_END)
        answer->ended = true;
    if (!add_to_choice[e->kind])
        return NIGH_OK;
    struct answer_choice *c = choice_at(answer, e->choice);
    if (!c)
        return no_room(e->choice, ANSWER_CHOICES_MAX, "choices", err);
    return add_to_choice[e->kind](answer, c, e, err);
}
