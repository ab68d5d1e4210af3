/* Events into the stream of a response.
 *
 * The answer was told of every event first (api.h), so where it went is seen there: each new part
 * of the answer opens an item, or the next content of the message before it.  Text, refusal and
 * reasoning go on only while theirs is the last part, so the next one closes it; calls may take
 * turns, so they stay open until the choice has finished. */
#include "api/openai_chat.h"
#include "api/openai_responses.h"

#define ADD(out, literal) buf_add(out, literal, sizeof(literal) - 1)

/* Of one stream; made anew by every BEGIN, so that the place that answered is the one named. */
struct stream {
    uint64_t seq;
    bool begun, finished;
    size_t parts; /* of the answer: opened so far */
    size_t items; /* of the output: opened so far */
    /* The item that is no call and still open, if any. */
    bool open, summary; /* summary: its only part was opened */
    struct responses_item item;
    size_t content;                    /* of a message: the part that is open */
    size_t logprobs_from, logprobs_to; /* in the choice's: of the part that is open; told so far */
    struct responses_item calls[ANSWER_CALLS_MAX];
    size_t n_calls;
};

static struct stream *stream_new(struct encoding *e)
{
    e->state = arena_calloc(e->arena, 1, sizeof(struct stream));
    return e->state;
}

static void open_event(struct stream *s, const char *type, struct buf *out)
{
    ADD(out, "event: ");
    buf_add_cstr(out, type);
    ADD(out, "\ndata: {\"type\":\"");
    buf_add_cstr(out, type);
    ADD(out, "\",\"sequence_number\":");
    buf_add_u64(out, s->seq++);
}

static void close_event(struct buf *out)
{
    ADD(out, "}\n\n");
}

static void tell_response(const struct encoding *e, struct stream *s, const char *type,
                          const char *status, const struct refusal *failed, struct buf *out)
{
    open_event(s, type, out);
    json_key(out, "response");
    responses_put(e, status, failed, out);
    close_event(out);
}

/* Not with BEGIN: until there is something to see another place may still take over. */
static void begin(const struct encoding *e, struct stream *s, struct buf *out)
{
    if (s->begun)
        return;
    s->begun = true;
    tell_response(e, s, "response.created", "in_progress", NULL, out);
    tell_response(e, s, "response.in_progress", "in_progress", NULL, out);
}

static void tell_item(const struct encoding *e, struct stream *s, const char *type,
                      const struct responses_item *item, struct buf *out)
{
    open_event(s, type, out);
    json_put_int(out, "output_index", (int64_t)item->index);
    json_key(out, "item");
    responses_put_item(e, responses_choice(e), item, out);
    close_event(out);
}

/* Begins an event about an item: its id and place. */
static void open_about(const struct encoding *e, struct stream *s, const char *type,
                       const struct responses_item *item, struct buf *out)
{
    char id[RESPONSES_ID_BYTES];

    responses_item_id(e, &responses_choice(e)->parts[item->first], item->index, id);
    open_event(s, type, out);
    json_put_cstr(out, "item_id", id);
    json_put_int(out, "output_index", (int64_t)item->index);
}

static void open_item(const struct encoding *e, struct stream *s, size_t part,
                      struct responses_item *item, struct buf *out)
{
    *item = (struct responses_item){
        .index = s->items++, .first = part, .n = 0, .status = SLICE("in_progress")};
    tell_item(e, s, "response.output_item.added", item, out);
    item->n = 1;
}

static const struct answer_part *open_part(const struct encoding *e, const struct stream *s)
{
    return &responses_choice(e)->parts[s->item.first + s->content];
}

/* The items of the list from..to, which are text with commas between them. */
static struct slice logprobs_of(const struct encoding *e, size_t from, size_t to)
{
    struct slice all = buf_slice(&responses_choice(e)->logprobs);

    if (!e->turn->logprobs || from >= to || to > all.len)
        return SLICE("");
    from += all.p[from] == ',';
    return (struct slice){all.p + from, to - from};
}

static struct slice logprobs_of_part(const struct encoding *e, const struct stream *s)
{
    return logprobs_of(e, s->logprobs_from, s->logprobs_to);
}

static void tell_content(const struct encoding *e, struct stream *s, const char *type, bool empty,
                         struct buf *out)
{
    open_about(e, s, type, &s->item, out);
    json_put_int(out, "content_index", (int64_t)s->content);
    json_key(out, "part");
    responses_put_part(e, open_part(e, s), empty, empty ? SLICE("") : logprobs_of_part(e, s), out);
    close_event(out);
}

static void close_content(const struct encoding *e, struct stream *s, struct buf *out)
{
    const struct answer_part *part = open_part(e, s);
    bool text = part->kind == PART_TEXT;

    open_about(e, s, text ? "response.output_text.done" : "response.refusal.done", &s->item, out);
    json_put_int(out, "content_index", (int64_t)s->content);
    json_put_str(out, text ? "text" : "refusal",
                 part->text.len ? buf_slice(&part->text) : SLICE(""));
    if (text)
        responses_put_logprobs(logprobs_of_part(e, s), out);
    close_event(out);
    tell_content(e, s, "response.content_part.done", false, out);
}

static void open_content(const struct encoding *e, struct stream *s, struct buf *out)
{
    s->logprobs_from = s->logprobs_to;
    tell_content(e, s, "response.content_part.added", true, out);
}

static void open_summary(const struct encoding *e, struct stream *s, struct buf *out)
{
    s->summary = true;
    open_about(e, s, "response.reasoning_summary_part.added", &s->item, out);
    ADD(out, ",\"summary_index\":0,\"part\":{\"type\":\"summary_text\",\"text\":\"\"}");
    close_event(out);
}

static void close_summary(const struct encoding *e, struct stream *s, struct buf *out)
{
    struct slice text = buf_slice(&open_part(e, s)->text);

    if (!s->summary)
        return;
    open_about(e, s, "response.reasoning_summary_text.done", &s->item, out);
    ADD(out, ",\"summary_index\":0");
    json_put_str(out, "text", text.len ? text : SLICE(""));
    close_event(out);
    open_about(e, s, "response.reasoning_summary_part.done", &s->item, out);
    ADD(out, ",\"summary_index\":0,\"part\":{\"type\":\"summary_text\"");
    json_put_str(out, "text", text.len ? text : SLICE(""));
    ADD(out, "}");
    close_event(out);
    s->summary = false;
}

static bool in_message(const struct encoding *e, size_t part)
{
    enum part_kind kind = responses_choice(e)->parts[part].kind;

    return kind == PART_TEXT || kind == PART_REFUSAL;
}

static void close_item(const struct encoding *e, struct stream *s, const char *status,
                       struct buf *out)
{
    if (!s->open)
        return;
    if (in_message(e, s->item.first))
        close_content(e, s, out);
    else
        close_summary(e, s, out);
    s->item.n = s->content + 1;
    s->item.status = slice_of(status);
    tell_item(e, s, "response.output_item.done", &s->item, out);
    s->open = false;
}

static void close_call(const struct encoding *e, struct stream *s, struct responses_item *call,
                       const char *status, struct buf *out)
{
    const struct answer_part *part = &responses_choice(e)->parts[call->first];

    open_about(e, s, "response.function_call_arguments.done", call, out);
    json_put_str(out, "name", buf_slice(&part->name));
    json_put_str(out, "arguments", part->text.len ? buf_slice(&part->text) : SLICE(""));
    close_event(out);
    call->status = slice_of(status);
    tell_item(e, s, "response.output_item.done", call, out);
}

/* The last item alone may be incomplete. */
static void close_all(const struct encoding *e, struct stream *s, struct buf *out)
{
    const char *status = responses_status(responses_choice(e));

    for (size_t i = 0; i < s->n_calls; i++)
        close_call(e, s, &s->calls[i], s->calls[i].index + 1 == s->items ? status : "completed",
                   out);
    s->n_calls = 0;
    close_item(e, s, status, out);
}

static void open_new(const struct encoding *e, struct stream *s, size_t part, struct buf *out)
{
    bool message = in_message(e, part);

    if (message && s->open && in_message(e, s->item.first)) {
        close_content(e, s, out);
        s->content++;
        open_content(e, s, out);
        return;
    }
    close_item(e, s, "completed", out);
    if (responses_choice(e)->parts[part].kind == PART_CALL) {
        if (s->n_calls < ANSWER_CALLS_MAX)
            open_item(e, s, part, &s->calls[s->n_calls++], out);
        return;
    }
    s->open = true;
    s->content = 0;
    open_item(e, s, part, &s->item, out);
    if (message)
        open_content(e, s, out);
}

static void follow(const struct encoding *e, struct stream *s, struct buf *out)
{
    while (s->parts < responses_choice(e)->n_parts)
        open_new(e, s, s->parts++, out);
}

static void put_text(const struct encoding *e, struct stream *s, const struct event *event,
                     struct buf *out)
{
    size_t to = responses_choice(e)->logprobs.len;

    if (!s->open)
        return;
    open_about(e, s, "response.output_text.delta", &s->item, out);
    json_put_int(out, "content_index", (int64_t)s->content);
    json_put_str(out, "delta", event->text.len ? event->text : SLICE(""));
    responses_put_logprobs(logprobs_of(e, s->logprobs_to, to), out);
    close_event(out);
    s->logprobs_to = to;
}

static void put_refusal(const struct encoding *e, struct stream *s, const struct event *event,
                        struct buf *out)
{
    if (!s->open)
        return;
    open_about(e, s, "response.refusal.delta", &s->item, out);
    json_put_int(out, "content_index", (int64_t)s->content);
    json_put_str(out, "delta", event->text.len ? event->text : SLICE(""));
    close_event(out);
}

static void put_reasoning(const struct encoding *e, struct stream *s, const struct event *event,
                          struct buf *out)
{
    if (!s->open || event->text.len == 0)
        return;
    if (!s->summary)
        open_summary(e, s, out);
    open_about(e, s, "response.reasoning_summary_text.delta", &s->item, out);
    ADD(out, ",\"summary_index\":0");
    json_put_str(out, "delta", event->text);
    close_event(out);
}

static void put_arguments(const struct encoding *e, struct stream *s, const struct event *event,
                          struct buf *out)
{
    for (size_t i = s->n_calls; i-- > 0;) {
        if (responses_choice(e)->parts[s->calls[i].first].call != event->call)
            continue;
        open_about(e, s, "response.function_call_arguments.delta", &s->calls[i], out);
        json_put_str(out, "delta", event->text.len ? event->text : SLICE(""));
        close_event(out);
        return;
    }
}

/* Opening the part was all. */
static void put_nothing(const struct encoding *e, struct stream *s, const struct event *event,
                        struct buf *out)
{
    (void)e, (void)s, (void)event, (void)out;
}

static void put_finish(const struct encoding *e, struct stream *s, const struct event *event,
                       struct buf *out)
{
    (void)event;
    s->finished = true;
    close_all(e, s, out);
}

static void put_end(const struct encoding *e, struct stream *s, const struct event *event,
                    struct buf *out)
{
    bool cut = strcmp(responses_status(responses_choice(e)), "incomplete") == 0;

    (void)event;
    close_all(e, s, out);
    tell_response(e, s, cut ? "response.incomplete" : "response.completed", NULL, NULL, out);
}

static void (*const tellers[])(const struct encoding *, struct stream *, const struct event *,
                               struct buf *) = {
    [EVENT_TEXT] = put_text,
    [EVENT_REASONING] = put_reasoning,
    [EVENT_REFUSAL] = put_refusal,
    [EVENT_CALL] = put_nothing,
    [EVENT_ARGUMENTS] = put_arguments,
    [EVENT_SIGNATURE] = put_nothing,
    [EVENT_REDACTED] = put_nothing,
    [EVENT_FINISH] = put_finish,
    [EVENT_END] = put_end,
};

void openai_responses_event(struct encoding *e, const struct event *event, struct buf *out)
{
    struct stream *s = e->state;

    if (event->kind == EVENT_BEGIN || !s)
        s = stream_new(e);
    if (!s) {
        out->failed = true;
        return;
    }
    if (!tellers[event->kind] || event->choice > 0)
        return; /* this API has one answer */
    begin(e, s, out);
    if (!s->finished)
        follow(e, s, out);
    tellers[event->kind](e, s, event, out);
}

/* The error as the reference has it, flat, and as OpenAI's servers and SDK have it, as an object;
 * then the response as it ended. */
void openai_responses_stream_error(struct encoding *e, const struct refusal *r, struct buf *out)
{
    CLEANUP(buf_done) struct buf error = {0};
    struct stream *s = e->state ? e->state : stream_new(e);

    if (!s) {
        out->failed = true;
        return;
    }
    begin(e, s, out);
    openai_error(r, &error); /* {"error":{...}} */
    open_event(s, "error", out);
    ADD(out, ",");
    buf_add(out, error.data + 1, error.len - 2);
    json_put_str(out, "message", r->what.p ? r->what : slice_of(nigh_status_text(r->status)));
    if (r->code.p)
        json_put_str(out, "code", r->code);
    else
        json_put_cstr(out, "code", "server_error");
    if (r->param.p)
        json_put_str(out, "param", r->param);
    else
        json_put_null(out, "param");
    close_event(out);
    out->failed |= error.failed;
    tell_response(e, s, "response.failed", "failed", r, out);
}
