/* The bytes of a Responses answer into events.
 *
 * Everything is told twice there: in pieces, and again whole when its item, and at last the
 * response, is done. Invariants: 1. The first telling counts, so that a server which leaves out the
 * pieces, or the items, is understood as well.  2. A call's number is its order of appearance among
 * the calls.  3. Only response.completed and response.incomplete finish. */
#include "api/wire_responses.h"

#define PARAGRAPH "\n\n" /* between the parts of a summary */

/* One item of the output. */
struct item {
    int64_t index; /* output_index */
    bool call;     /* EVENT_CALL was told */
    unsigned number;
    bool told;   /* its text, or a call's arguments, or a part of them */
    bool sealed; /* its encrypted_content was told */
};

struct wire_reader {
    struct wire_read in;
    struct item *items;
    size_t n_items, cap_items;
    unsigned n_calls;
    bool finished;
};

static struct item *item_at(struct wire_reader *r, int64_t index)
{
    for (size_t i = r->n_items; i-- > 0;)
        if (r->items[i].index == index)
            return &r->items[i];
    if (r->n_items == r->cap_items) {
        size_t cap = r->cap_items ? 2 * r->cap_items : 4;
        void *p = r->n_items < ANSWER_PARTS_MAX
                      ? arena_grow(r->in.arena, r->items, r->cap_items * sizeof *r->items,
                                   cap * sizeof *r->items)
                      : NULL;
        if (!p) {
            wire_broken(&r->in, "too many items");
            return NULL;
        }
        r->items = p;
        r->cap_items = cap;
    }
    r->items[r->n_items] = (struct item){.index = index};
    return &r->items[r->n_items++];
}

/* The item that an event speaks of; NULL: something broke. */
static struct item *item_of(struct wire_reader *r, yyjson_val *event)
{
    int64_t index = json_get_int(event, "output_index", -1);

    if (index < 0) {
        wire_broken(&r->in, "an item that cannot be");
        return NULL;
    }
    return item_at(r, index);
}

/* ---- what is told ---- */

static void say_piece(struct wire_reader *r, struct item *it, enum event_kind kind,
                      struct slice text)
{
    if (text.len == 0)
        return;
    it->told = true;
    wire_say(&r->in, &(struct event){.kind = kind, .call = it->number, .text = text});
}

/* Its items lack the bytes that a chat's have. */
static void put_logprob(struct buf *out, yyjson_val *item)
{
    yyjson_val *bytes = json_get(item, "bytes"), *top = json_get(item, "top_logprobs"), *one;
    size_t i, max;

    json_sep(out);
    ADD(out, "{");
    json_put_str(out, "token", json_get_str(item, "token"));
    json_put_num(out, "logprob", json_get_num(item, "logprob", 0));
    if (bytes)
        json_put_val(out, "bytes", bytes);
    else
        json_put_null(out, "bytes");
    if (top) {
        ADD(out, ",\"top_logprobs\":[");
        if (yyjson_is_arr(top))
            yyjson_arr_foreach(top, i, max, one)
            {
                put_logprob(out, one);
            }
        ADD(out, "]");
    }
    ADD(out, "}");
}

static void say_logprobs(struct wire_reader *r, yyjson_val *list)
{
    CLEANUP(buf_done) struct buf text = {0};
    size_t i, max;
    yyjson_val *item, *root;

    if (yyjson_arr_size(list) == 0)
        return;
    ADD(&text, "{\"content\":[");
    yyjson_arr_foreach(list, i, max, item)
    {
        put_logprob(&text, item);
    }
    ADD(&text, "]}");
    if (text.failed || json_parse(&root, buf_slice(&text), &r->in.scratch, NULL) != NIGH_OK)
        wire_broken(&r->in, "log-probabilities that are none");
    else
        wire_say(&r->in, &(struct event){.kind = EVENT_LOGPROBS, .raw = root});
}

static void say_call(struct wire_reader *r, struct item *it, yyjson_val *item)
{
    struct slice name = json_get_str(item, "name");
    struct slice id = wire_call_id(&r->in, json_get_str(item, "call_id"));

    if (it->call)
        return;
    it->call = true;
    it->number = r->n_calls++;
    if (name.len == 0)
        wire_broken(&r->in, "a tool call without a name");
    else if (it->number >= ANSWER_CALLS_MAX)
        wire_broken(&r->in, "too many tool calls");
    if (wire_ok(&r->in))
        wire_say(&r->in, &(struct event){
                             .kind = EVENT_CALL, .call = it->number, .call_id = id, .name = name});
}

/* ---- items that are told whole ---- */

/* The parts of a message, unless pieces of them were told. */
static void say_words(struct wire_reader *r, struct item *it, yyjson_val *parts)
{
    bool told = it->told;
    size_t i, max;
    yyjson_val *part;

    if (told || !yyjson_is_arr(parts))
        return;
    yyjson_arr_foreach(parts, i, max, part)
    {
        say_logprobs(r, json_get(part, "logprobs"));
        say_piece(r, it, EVENT_TEXT, json_get_str(part, "text"));
        say_piece(r, it, EVENT_REFUSAL, json_get_str(part, "refusal"));
    }
}

/* The same of thoughts; between: what stands between two parts of a summary, which are paragraphs.
 */
static void say_thoughts(struct wire_reader *r, struct item *it, yyjson_val *parts,
                         struct slice between)
{
    bool told = it->told;
    size_t i, max;
    yyjson_val *part;

    if (told || !yyjson_is_arr(parts))
        return;
    yyjson_arr_foreach(parts, i, max, part)
    {
        if (it->told)
            say_piece(r, it, EVENT_REASONING, between);
        say_piece(r, it, EVENT_REASONING, json_get_str(part, "text"));
    }
}

static void done_message(struct wire_reader *r, struct item *it, yyjson_val *item)
{
    say_words(r, it, json_get(item, "content"));
}

static void done_reasoning(struct wire_reader *r, struct item *it, yyjson_val *item)
{
    struct slice sealed = json_get_str(item, "encrypted_content");

    say_thoughts(r, it, json_get(item, "content"), (struct slice){0});
    say_thoughts(r, it, json_get(item, "summary"), SLICE(PARAGRAPH));
    if (sealed.len == 0 || it->sealed)
        return;
    it->sealed = true;
    wire_say(&r->in, &(struct event){.kind = EVENT_SIGNATURE,
                                     .text = sealed,
                                     .call_id = json_get_str(item, "id")});
}

static void done_call(struct wire_reader *r, struct item *it, yyjson_val *item)
{
    struct slice arguments = json_get_str(item, "arguments");

    say_call(r, it, item);
    if (wire_ok(&r->in) && !it->told)
        say_piece(r, it, EVENT_ARGUMENTS, arguments.len > 0 ? arguments : SLICE("{}"));
}

/* Others are tools that ran at the provider: the answer's own words say what came of it. */
static const struct {
    const char *type;
    void (*done)(struct wire_reader *r, struct item *it, yyjson_val *item);
} types[] = {
    {"message", done_message}, {"reasoning", done_reasoning}, {"function_call", done_call}};

static void item_done(struct wire_reader *r, int64_t index, yyjson_val *item)
{
    struct slice type = json_get_str(item, "type");
    struct item *it = item_at(r, index);

    for (size_t i = 0; i < ARRAY_LEN(types) && it; i++)
        if (slice_is(type, types[i].type))
            types[i].done(r, it, item);
}

/* ---- the response ---- */

/* input_tokens hold the cached ones, output_tokens the reasoning (types of openai 6.49.0: details
 * of them). */
static void read_usage(struct wire_reader *r, yyjson_val *usage)
{
    yyjson_val *in = json_get(usage, "input_tokens_details");
    struct usage *to = &r->in.usage;

    if (!yyjson_is_int(json_get(usage, "input_tokens")) &&
        !yyjson_is_int(json_get(usage, "output_tokens")))
        return;
    *to = (struct usage){
        .known = true,
        .input = wire_count(usage, "input_tokens"),
        .output = wire_count(usage, "output_tokens"),
        .cached_read = wire_count(in, "cached_tokens"),
        .cache_write = wire_count(in, "cache_write_tokens"),
        .reasoning = wire_count(json_get(usage, "output_tokens_details"), "reasoning_tokens")};
}

static void begin(struct wire_reader *r, yyjson_val *response)
{
    if (!r->in.began)
        wire_say(&r->in, &(struct event){.kind = EVENT_BEGIN,
                                         .text = json_get_str(response, "model"),
                                         .raw = response});
}

static void finish(struct wire_reader *r, yyjson_val *response)
{
    struct slice reason = json_get_str(json_get(response, "incomplete_details"), "reason");
    struct slice status = json_get_str(response, "status");
    struct event e = {.kind = EVENT_FINISH, .finish = r->n_calls > 0 ? FINISH_CALLS : FINISH_STOP};

    if ((status.len > 0 && !slice_is(status, "completed")) || reason.len > 0) {
        e.finish = FINISH_OTHER;
        e.text = reason.len > 0 ? reason : status;
    }
    if (slice_is(reason, "max_output_tokens") || slice_is(reason, "content_filter")) {
        e.finish = slice_is(reason, "content_filter") ? FINISH_FILTER : FINISH_LENGTH;
        e.text = (struct slice){0};
    }
    r->finished = true;
    wire_say(&r->in, &e);
}

/* {"response": {"error": {...}}} as any other error. */
static void fail(struct wire_reader *r, yyjson_val *error)
{
    CLEANUP(buf_done) struct buf text = {0};

    ADD(&text, "{\"error\":");
    if (yyjson_is_obj(error))
        json_add_val(&text, error);
    else
        ADD(&text, "{}");
    ADD(&text, "}");
    wire_refused(&r->in, buf_slice(&text));
}

/* A whole response: what was not told of it yet, and how it ended. */
static void read_response(struct wire_reader *r, yyjson_val *response)
{
    yyjson_val *output = json_get(response, "output"), *item;
    struct slice status = json_get_str(response, "status");
    size_t i, max;

    read_usage(r, json_get(response, "usage"));
    if (slice_is(status, "failed") || slice_is(status, "cancelled")) {
        fail(r, json_get(response, "error"));
        return;
    }
    if (yyjson_is_arr(output))
        yyjson_arr_foreach(output, i, max, item)
        {
            if (wire_ok(&r->in))
                item_done(r, (int64_t)i, item);
        }
    if (wire_ok(&r->in) && !r->finished)
        finish(r, response);
}

/* ---- events ---- */

static void on_begin(struct wire_reader *r, yyjson_val *event)
{
    begin(r, json_get(event, "response"));
}

static void on_end(struct wire_reader *r, yyjson_val *event)
{
    begin(r, json_get(event, "response"));
    read_response(r, json_get(event, "response"));
    if (wire_ok(&r->in))
        wire_done(&r->in);
}

static void on_added(struct wire_reader *r, yyjson_val *event)
{
    yyjson_val *item = json_get(event, "item");
    struct item *it = item_of(r, event);

    if (it && slice_is(json_get_str(item, "type"), "function_call"))
        say_call(r, it, item);
}

static void on_item_done(struct wire_reader *r, yyjson_val *event)
{
    struct item *it = item_of(r, event);

    if (it)
        item_done(r, it->index, json_get(event, "item"));
}

static void on_delta(struct wire_reader *r, yyjson_val *event, enum event_kind kind)
{
    struct item *it = item_of(r, event);

    if (!it)
        return;
    if (kind == EVENT_ARGUMENTS && !it->call)
        wire_broken(&r->in, "arguments of no call");
    else
        say_piece(r, it, kind, json_get_str(event, "delta"));
}

static void on_text(struct wire_reader *r, yyjson_val *event)
{
    say_logprobs(r, json_get(event, "logprobs"));
    if (wire_ok(&r->in))
        on_delta(r, event, EVENT_TEXT);
}

static void on_refusal(struct wire_reader *r, yyjson_val *event)
{
    on_delta(r, event, EVENT_REFUSAL);
}

static void on_thought(struct wire_reader *r, yyjson_val *event)
{
    on_delta(r, event, EVENT_REASONING);
}

static void on_arguments(struct wire_reader *r, yyjson_val *event)
{
    on_delta(r, event, EVENT_ARGUMENTS);
}

static void on_summary_part(struct wire_reader *r, yyjson_val *event)
{
    struct item *it = item_of(r, event);

    if (it && it->told && json_get_int(event, "summary_index", 0) > 0)
        say_piece(r, it, EVENT_REASONING, SLICE(PARAGRAPH));
}

/* Others tell again what was told, or of tools that run at the provider. */
static const struct {
    const char *type;
    void (*read)(struct wire_reader *r, yyjson_val *event);
} events[] = {
    {"response.output_text.delta", on_text},
    {"response.function_call_arguments.delta", on_arguments},
    {"response.reasoning_summary_text.delta", on_thought},
    {"response.reasoning_text.delta", on_thought},
    {"response.refusal.delta", on_refusal},
    {"response.reasoning_summary_part.added", on_summary_part},
    {"response.output_item.added", on_added},
    {"response.output_item.done", on_item_done},
    {"response.created", on_begin},
    {"response.in_progress", on_begin},
    {"response.completed", on_end},
    {"response.incomplete", on_end},
    {"response.failed", on_end},
};

/* {"type":"error","code","message"}, or with an error object. */
static bool is_error(yyjson_val *root)
{
    yyjson_val *error = json_get(root, "error");

    return slice_is(json_get_str(root, "type"), "error") ||
           (yyjson_is_obj(error) && !json_get(root, "output"));
}

static void read_event(struct wire_read *in, struct slice name, yyjson_val *root, struct slice text)
{
    struct wire_reader *r = (struct wire_reader *)in;
    struct slice type = json_get_str(root, "type");

    (void)name; /* the same as the type */
    if (!yyjson_is_obj(root)) {
        wire_broken(in, "an event that is not an object");
        return;
    }
    if (is_error(root)) {
        wire_refused(in, text);
        return;
    }
    for (size_t i = 0; i < ARRAY_LEN(events); i++)
        if (slice_is(type, events[i].type)) {
            begin(r, json_get(root, "response"));
            events[i].read(r, root);
            return;
        }
}

static void read_body(struct wire_read *in, yyjson_val *root, struct slice text)
{
    struct wire_reader *r = (struct wire_reader *)in;

    if (is_error(root)) {
        wire_refused(in, text);
        return;
    }
    if (!yyjson_is_arr(json_get(root, "output")) && !json_get_str(root, "status").p) {
        wire_broken(in, "a body that is no response"); /* or {} would be an answer of no words */
        return;
    }
    begin(r, root);
    read_response(r, root);
}

static bool finished(const struct wire_read *in)
{
    return ((const struct wire_reader *)in)->finished;
}

static const struct wire_format format = {
    .event = read_event, .body = read_body, .finished = finished, .end_mark = "[DONE]"};

enum nigh_status wire_responses_reader_new(struct wire_reader **ret, const struct turn *turn,
                                           int http_status, struct slice content_type,
                                           struct arena *arena,
                                           void (*sink)(void *owner, const struct event *),
                                           void *owner, struct nigh_err *err)
{
    (void)content_type;
    return wire_read_new(ret, sizeof(struct wire_reader), &format, turn, http_status, arena, sink,
                         owner, err);
}
