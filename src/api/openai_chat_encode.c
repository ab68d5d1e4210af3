/* Events into the chunks of a stream, a whole answer into one body. */
#include "api/openai_chat.h"

/* Of one stream; made anew by every BEGIN, so that the place that answered is the one named. */
struct stream {
    struct slice head; /* `data: {"id":...,"choices":[` : the same in every chunk */
    uint32_t opened;   /* bit i: choice i has told its role */
    char *logprobs;    /* waiting for the delta that they belong to; logprobs_len 0: none */
    size_t logprobs_len, logprobs_cap;
    unsigned logprobs_choice;
};
_Static_assert(TURN_CHOICES_MAX <= 32, "opened has a bit for each");

#define ADD(out, literal) buf_add(out, literal, sizeof(literal) - 1)

/* `{"id":...,` up to and with what every object of this answer says. */
static void put_head(const struct encoding *e, struct buf *out, struct slice object)
{
    const struct answer *a = e->answer;

    ADD(out, "{\"id\":\"chatcmpl-");
    buf_add_cstr(out, e->id);
    ADD(out, "\"");
    json_put_str(out, "object", object);
    json_put_int(out, "created", e->created);
    json_put_cstr(out, "model", e->model ? e->model : "");
    json_put_str(out, "system_fingerprint",
                 a && a->fingerprint.len ? buf_slice(&a->fingerprint)
                                         : SLICE("nigh-" NIGH_VERSION));
    if (a && a->tier.len)
        json_put_str(out, "service_tier", buf_slice(&a->tier));
}

static struct stream *stream_begin(struct encoding *e)
{
    CLEANUP(buf_done) struct buf head = {0};
    struct stream *s = arena_calloc(e->arena, 1, sizeof *s);

    ADD(&head, "data: ");
    put_head(e, &head, SLICE("chat.completion.chunk"));
    ADD(&head, ",\"choices\":[");
    if (s && !head.failed)
        s->head = arena_dup(e->arena, buf_slice(&head));
    e->state = s && s->head.p ? s : NULL;
    return e->state;
}

static void chunk_open(const struct stream *s, unsigned choice, struct buf *out)
{
    buf_add_str(out, s->head);
    ADD(out, "{\"index\":");
    buf_add_u64(out, choice);
    ADD(out, ",\"delta\":{");
}

static void put_note(struct buf *out, const char *name, struct slice json)
{
    if (json.len == 0)
        return;
    json_key(out, name);
    buf_add_str(out, json);
}

static struct slice timings_of(const struct encoding *e)
{
    return e->answer ? buf_slice(&e->answer->timings) : (struct slice){0};
}

static void chunk_close(const struct encoding *e, const char *name, struct slice note,
                        struct buf *out)
{
    ADD(out, "]");
    if (e->turn->stream_usage)
        ADD(out, ",\"usage\":null");
    put_note(out, name, note);
    ADD(out, "}\n\n");
}

/* Ends the delta; the logprobs that wait for this choice go with it. */
static void delta_close(const struct encoding *e, struct stream *s, unsigned choice,
                        struct slice finish, struct buf *out)
{
    ADD(out, "},\"logprobs\":");
    if (s->logprobs_len > 0 && s->logprobs_choice == choice) {
        buf_add(out, s->logprobs, s->logprobs_len);
        s->logprobs_len = 0;
    } else {
        ADD(out, "null");
    }
    if (finish.p) {
        ADD(out, ",\"finish_reason\":");
        buf_add_json(out, finish);
        ADD(out, "}");
    } else {
        ADD(out, ",\"finish_reason\":null}");
    }
    chunk_close(e, "timings", timings_of(e), out);
}

/* The chunk that tells the role, before the first of a choice. */
static void choice_open(const struct encoding *e, struct stream *s, unsigned choice,
                        struct buf *out)
{
    if (s->opened >> choice & 1)
        return;
    s->opened |= 1u << choice;
    chunk_open(s, choice, out);
    ADD(out, "\"role\":\"assistant\",\"content\":null},\"logprobs\":null,\"finish_reason\":null}");
    chunk_close(e, NULL, (struct slice){0}, out);
}

/* How much of the prompt was read: at once, in a chunk that says nothing else.  Timings wait for
 * the chunk that they came with. */
static void put_progress(const struct encoding *e, struct stream *s, const struct event *event,
                         struct buf *out)
{
    CLEANUP(buf_done) struct buf json = {0};

    if (slice_is(event->name, "timings"))
        return;
    json_add_val(&json, event->raw);
    chunk_open(s, event->choice, out);
    ADD(out, "},\"logprobs\":null,\"finish_reason\":null}");
    chunk_close(e, "prompt_progress", buf_slice(&json), out);
    out->failed |= json.failed;
}

/* A delta of one member whose value is text. */
static void put_delta(const struct encoding *e, struct stream *s, const struct event *event,
                      struct buf *out)
{
    static const struct slice openings[] = {
        [EVENT_TEXT] = {"\"content\":", 10},
        [EVENT_REASONING] = {"\"reasoning_content\":", 20},
        [EVENT_REFUSAL] = {"\"refusal\":", 10},
    };

    chunk_open(s, event->choice, out);
    buf_add_str(out, openings[event->kind]);
    buf_add_json(out, event->text);
    delta_close(e, s, event->choice, (struct slice){0}, out);
}

static void put_call(const struct encoding *e, struct stream *s, const struct event *event,
                     struct buf *out)
{
    chunk_open(s, event->choice, out);
    ADD(out, "\"tool_calls\":[{\"index\":");
    buf_add_u64(out, event->call);
    if (event->kind == EVENT_CALL) {
        ADD(out, ",\"id\":");
        buf_add_json(out, event->call_id);
        ADD(out, ",\"type\":\"function\",\"function\":{\"name\":");
        buf_add_json(out, event->name);
        ADD(out, ",\"arguments\":\"\"}}]");
    } else {
        ADD(out, ",\"function\":{\"arguments\":");
        buf_add_json(out, event->text);
        ADD(out, "}}]");
    }
    delta_close(e, s, event->choice, (struct slice){0}, out);
}

static struct slice finish_word(enum finish finish, struct slice word)
{
    return finish == FINISH_OTHER && word.len > 0 ? word : slice_of(finish_text(finish));
}

static void put_finish(const struct encoding *e, struct stream *s, const struct event *event,
                       struct buf *out)
{
    chunk_open(s, event->choice, out);
    delta_close(e, s, event->choice, finish_word(event->finish, event->text), out);
}

/* Logprobs that no delta of their choice came for go alone. */
static void flush_logprobs(const struct encoding *e, struct stream *s, struct buf *out)
{
    if (s->logprobs_len == 0)
        return;
    chunk_open(s, s->logprobs_choice, out);
    delta_close(e, s, s->logprobs_choice, (struct slice){0}, out);
}

static void put_list(struct buf *out, yyjson_val *list)
{
    if (list)
        json_add_val(out, list);
    else
        ADD(out, "null");
}

/* Logprobs come before their delta and alone: remembered, since raw lives only now. */
static void keep_logprobs(const struct encoding *e, struct stream *s, const struct event *event,
                          struct buf *out)
{
    CLEANUP(buf_done) struct buf text = {0};

    /* Both members, whatever the place told: OpenAI's clients require them. */
    ADD(&text, "{\"content\":");
    put_list(&text, json_get(event->raw, "content"));
    ADD(&text, ",\"refusal\":");
    put_list(&text, json_get(event->raw, "refusal"));
    ADD(&text, "}");
    flush_logprobs(e, s, out); /* two in a row, or of two choices */
    if (text.len > s->logprobs_cap) {
        s->logprobs_cap = 2 * text.len;
        if (!(s->logprobs = arena_alloc(e->arena, s->logprobs_cap)))
            s->logprobs_cap = 0;
    }
    if (text.failed || text.len > s->logprobs_cap) {
        out->failed = true; /* the reply is broken off: never a part less than what was asked for */
        return;
    }
    memcpy(s->logprobs, text.data, text.len);
    s->logprobs_len = text.len;
    s->logprobs_choice = event->choice;
}

void openai_usage(struct buf *out, const struct usage *u, struct slice bill)
{
    ADD(out, "{\"prompt_tokens\":");
    buf_add_u64(out, u->input);
    json_put_int(out, "completion_tokens", (int64_t)u->output);
    json_put_int(out, "total_tokens", (int64_t)(u->input + u->output));
    ADD(out, ",\"prompt_tokens_details\":{\"cached_tokens\":");
    buf_add_u64(out, u->cached_read);
    if (u->cache_write > 0) /* not OpenAI's: they do not charge for it */
        json_put_int(out, "cache_write_tokens", (int64_t)u->cache_write);
    ADD(out, "},\"completion_tokens_details\":{\"reasoning_tokens\":");
    buf_add_u64(out, u->reasoning);
    ADD(out, "}");
    if (bill.len > 0) {
        json_key(out, "nigh");
        buf_add_str(out, bill);
    }
    ADD(out, "}");
}

static void put_end(const struct encoding *e, struct stream *s, struct buf *out)
{
    flush_logprobs(e, s, out);
    if (e->turn->stream_usage && e->answer && e->answer->usage.known) {
        buf_add_str(out, s->head);
        ADD(out, "],\"usage\":");
        openai_usage(out, &e->answer->usage, e->bill_json);
        put_note(out, "timings", timings_of(e));
        ADD(out, "}\n\n");
    }
    ADD(out, "data: [DONE]\n\n");
}

static void (*const deltas[])(const struct encoding *, struct stream *, const struct event *,
                              struct buf *) = {
    [EVENT_TEXT] = put_delta,         [EVENT_REASONING] = put_delta, [EVENT_REFUSAL] = put_delta,
    [EVENT_LOGPROBS] = keep_logprobs, [EVENT_CALL] = put_call,       [EVENT_ARGUMENTS] = put_call,
    [EVENT_FINISH] = put_finish,      [EVENT_NOTE] = put_progress,   [EVENT_END] = NULL,
};

void openai_chat_event(struct encoding *e, const struct event *event, struct buf *out)
{
    struct stream *s = e->state;

    if (event->kind == EVENT_USAGE)
        return; /* told at the end, when the bill is known too */
    if (event->kind == EVENT_BEGIN || !s)
        s = stream_begin(e);
    if (!s || event->choice >= TURN_CHOICES_MAX) {
        out->failed = true;
        return;
    }
    if (event->kind == EVENT_END)
        put_end(e, s, out);
    if (!deltas[event->kind])
        return; /* what this format has no word for: a signature, redacted thinking */
    choice_open(e, s, event->choice, out);
    deltas[event->kind](e, s, event, out);
}

static void put_calls(struct buf *out, const struct answer_choice *c)
{
    json_key(out, "tool_calls");
    ADD(out, "[");
    for (size_t i = 0; i < c->n_parts; i++) {
        const struct answer_part *p = &c->parts[i];
        if (p->kind != PART_CALL)
            continue;
        json_sep(out);
        ADD(out, "{");
        json_put_str(out, "id", buf_slice(&p->id));
        ADD(out, ",\"type\":\"function\",\"function\":{");
        json_put_str(out, "name", buf_slice(&p->name));
        json_put_str(out, "arguments", p->text.len ? buf_slice(&p->text) : SLICE(""));
        ADD(out, "}}");
    }
    ADD(out, "]");
}

static void put_message(struct buf *out, const struct answer_choice *c)
{
    CLEANUP(buf_done) struct buf joined = {0};
    struct slice text = answer_text(c, PART_TEXT, &joined);
    bool refused = false;

    for (size_t i = 0; i < c->n_parts; i++)
        refused |= c->parts[i].kind == PART_REFUSAL;
    ADD(out, "{\"role\":\"assistant\"");
    if (text.len > 0 || (c->n_calls == 0 && !refused))
        json_put_str(out, "content", text.len ? text : SLICE(""));
    else
        json_put_null(out, "content");
    text = answer_text(c, PART_REFUSAL, &joined);
    if (text.len > 0)
        json_put_str(out, "refusal", text);
    else
        json_put_null(out, "refusal");
    text = answer_text(c, PART_REASONING, &joined);
    if (text.len > 0)
        json_put_str(out, "reasoning_content", text);
    if (c->n_calls > 0)
        put_calls(out, c);
    out->failed |= joined.failed;
    ADD(out, "}");
}

static void put_items(struct buf *out, const char *key, const struct buf *items)
{
    if (items->len == 0) {
        json_put_null(out, key);
        return;
    }
    json_key(out, key);
    ADD(out, "[");
    buf_add_str(out, buf_slice(items));
    ADD(out, "]");
}

static void put_logprobs(struct buf *out, const struct answer_choice *c)
{
    if (c->logprobs.len == 0 && c->logprobs_refusal.len == 0) {
        json_put_null(out, "logprobs");
        return;
    }
    json_key(out, "logprobs");
    ADD(out, "{");
    put_items(out, "content", &c->logprobs);
    put_items(out, "refusal", &c->logprobs_refusal);
    ADD(out, "}");
}

static void put_choice(struct encoding *e, struct buf *out, size_t index)
{
    static const struct answer_choice silent; /* an answer of no words is still one choice */
    const struct answer_choice *c =
        index < e->answer->n_choices ? &e->answer->choices[index] : &silent;

    json_sep(out);
    ADD(out, "{");
    json_put_int(out, "index", (int64_t)index);
    json_key(out, "message");
    put_message(out, c);
    put_logprobs(out, c);
    json_put_str(out, "finish_reason", finish_word(c->finish, buf_slice(&c->finish_word)));
    ADD(out, "}");
}

void openai_chat_whole(struct encoding *e, struct buf *out)
{
    size_t n = e->answer->n_choices > 0 ? e->answer->n_choices : 1;

    put_head(e, out, SLICE("chat.completion"));
    json_key(out, "choices");
    ADD(out, "[");
    for (size_t i = 0; i < n; i++)
        put_choice(e, out, i);
    ADD(out, "]");
    if (e->answer->usage.known) {
        json_key(out, "usage");
        openai_usage(out, &e->answer->usage, e->bill_json);
    }
    put_note(out, "timings", timings_of(e));
    ADD(out, "}");
}

const struct api api_openai_chat = {
    .name = "openai-chat",
    .stream_type = "text/event-stream",
    .decode = openai_chat_decode,
    .event = openai_chat_event,
    .whole = openai_chat_whole,
    .error = openai_error,
    .stream_error = openai_stream_error,
};
