/* Bytes of an answer, cut in two ways, give the same events; and a whole answer, encoded for a
 * caller and read again, is the same answer.  The first byte picks the status, the second the cuts.
 */
#include "api/wire_openai.h"
#include "base/rand.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct listener {
    struct answer answer;
    struct encoding enc;
    struct turn turn;
    struct buf out; /* the stream for the caller */
    struct buf log; /* every event, to compare */
    bool refused;   /* over a ceiling of the answer */
};

static void sink(void *owner, const struct event *e)
{
    struct listener *l = owner;

    buf_printf(&l->log, "%d %u %u %d %zu:", (int)e->kind, e->choice, e->call, (int)e->finish,
               e->text.len);
    buf_add_str(&l->log, e->text);
    buf_add_str(&l->log, e->call_id);
    buf_add_str(&l->log, e->name);
    if (answer_add(&l->answer, e, NULL) != NIGH_OK)
        l->refused = true;
    if (!l->refused)
        api_openai_chat.event(&l->enc, e, &l->out);
}

static enum fate hear(struct listener *l, struct slice bytes, int http_status, size_t step,
                      struct arena *a)
{
    struct wire_reader *r;
    struct outcome o = {0};

    *l = (struct listener){0};
    turn_init(&l->turn);
    l->turn.stream = l->turn.stream_usage = true;
    l->enc = (struct encoding){
        .turn = &l->turn, .answer = &l->answer, .id = "ID", .model = "m", .arena = a};
    rand_seed(7);
    if (wire_openai.reader_new(&r, NULL, http_status, SLICE(""), a, sink, l, NULL) != NIGH_OK)
        abort();
    while (bytes.len > 0) {
        size_t n = step < bytes.len ? step : bytes.len;
        if (wire_openai.reader_feed(r, (struct slice){bytes.p, n}, NULL) != NIGH_OK)
            break;
        bytes.p += n;
        bytes.len -= n;
    }
    wire_openai.reader_end(r, &o);
    if ((o.fate == FATE_WHOLE) != l->answer.ended ||
        (o.fate == FATE_WHOLE) != (o.err.status == NIGH_OK))
        abort();
    wire_openai.reader_free(r);
    return o.fate;
}

static void listener_done(struct listener *l)
{
    answer_done(&l->answer);
    buf_done(&l->out);
    buf_done(&l->log);
}

static void same(const struct buf *a, const struct buf *b)
{
    if (!slice_eq(buf_slice(a), buf_slice(b)))
        abort();
}

static void same_choice(const struct answer_choice *a, const struct answer_choice *b)
{
    static const enum part_kind kinds[] = {PART_TEXT, PART_REASONING, PART_REFUSAL};
    CLEANUP(buf_done) struct buf joined_a = {0};
    CLEANUP(buf_done) struct buf joined_b = {0};

    for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
        if (!slice_eq(answer_text(a, kinds[i], &joined_a), answer_text(b, kinds[i], &joined_b)))
            abort();
    same(&a->logprobs, &b->logprobs);
    same(&a->finish_word, &b->finish_word);
    if (a->finish != b->finish || a->finished != b->finished || a->n_calls != b->n_calls)
        abort();
    const struct answer_part *p = a->parts, *q = b->parts;
    for (size_t i = 0; i < a->n_calls; i++, p++, q++) {
        while (p->kind != PART_CALL)
            p++;
        while (q->kind != PART_CALL)
            q++;
        same(&p->id, &q->id);
        same(&p->name, &q->name);
        same(&p->text, &q->text);
    }
}

static void same_answer(const struct answer *a, const struct answer *b)
{
    if (a->n_choices != b->n_choices || a->usage.output != b->usage.output)
        abort();
    for (size_t i = 0; i < a->n_choices; i++)
        same_choice(&a->choices[i], &b->choices[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const int statuses[] = {200, 200, 200, 200, 200, 400, 404, 429, 500, 302};
    struct listener whole, cut, again;
    struct arena a;

    if (size < 2)
        return 0;
    struct slice bytes = {(const char *)data + 2, size - 2};
    int http_status = statuses[data[0] % ARRAY_LEN(statuses)];
    arena_init(&a, 256 << 20);
    enum fate fate = hear(&whole, bytes, http_status, size, &a);
    if (hear(&cut, bytes, http_status, 1 + data[1] % 32, &a) != fate)
        abort();
    same(&whole.log, &cut.log);
    if (fate == FATE_WHOLE && !whole.refused && !whole.out.failed) {
        if (hear(&again, buf_slice(&whole.out), 200, 1 << 20, &a) != FATE_WHOLE)
            abort();
        same_answer(&whole.answer, &again.answer);
        listener_done(&again);
    }
    listener_done(&whole);
    listener_done(&cut);
    arena_done(&a);
    return 0;
}
