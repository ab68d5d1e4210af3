/* The bytes of an Anthropic answer into events.
 *
 * Invariants: 1. A call's number is its order of appearance among the calls, whatever indexes the
 * blocks have.
 * 2. A call's arguments are told, if only as the empty object: the API tells none where there are
 * none, and other formats want some.  3. message_stop alone makes nothing whole: the stop reason
 * does, which stands in the last message_delta. */
#include "api/wire_anthropic.h"
#include "api/wire_verbs.h"

enum { BLOCKS_OPEN_MAX = 16 }; /* at once; the API opens one after the other */

/* A block between its start and its stop. */
struct block {
    int64_t index; /* the place's; -1: a free slot */
    bool call;
    bool told;       /* a call's arguments, or a part of them */
    unsigned number; /* of a call */
    bool whole;      /* the start told all of them */
};

struct wire_reader {
    struct wire_read in;
    struct block open[BLOCKS_OPEN_MAX];
    unsigned n_calls;
    bool finished;
};

static struct block *block_at(struct wire_reader *r, int64_t index)
{
    for (size_t i = 0; i < BLOCKS_OPEN_MAX; i++)
        if (r->open[i].index == index)
            return &r->open[i];
    return NULL;
}

static struct block *block_open(struct wire_reader *r, int64_t index)
{
    struct block *b = index >= 0 && !block_at(r, index) ? block_at(r, -1) : NULL;

    if (!b)
        wire_broken(&r->in, "a block that cannot be");
    else
        *b = (struct block){.index = index};
    return b;
}

/* ---- usage ---- */

/* Every count is cumulative; gateways leave some out of one of the two messages, or say 0 there. */
static void more(uint64_t *to, yyjson_val *usage, const char *key)
{
    uint64_t n = wire_count(usage, key);

    if (n > *to)
        *to = n;
}

/* Anthropic's input_tokens leave out what was read from the cache and what was written to it (types
 * of
 * @anthropic-ai/sdk 1.12.0: total input is the sum of the three); the canonical input holds all. */
static void read_usage(struct wire_reader *r, yyjson_val *usage)
{
    struct usage *to = &r->in.usage;
    uint64_t plain = to->input - to->cached_read - to->cache_write;

    if (!yyjson_is_int(json_get(usage, "input_tokens")) &&
        !yyjson_is_int(json_get(usage, "output_tokens")))
        return;
    to->known = true;
    more(&plain, usage, "input_tokens");
    more(&to->output, usage, "output_tokens");
    more(&to->cached_read, usage, "cache_read_input_tokens");
    more(&to->cache_write, usage, "cache_creation_input_tokens");
    more(&to->reasoning, json_get(usage, "output_tokens_details"), "thinking_tokens");
    to->input = plain + to->cached_read + to->cache_write;
}

/* ---- blocks ---- */

static void say_signature(struct wire_reader *r, struct slice signature)
{
    wire_say_text(&r->in, 0, EVENT_SIGNATURE, signature);
}

static void say_arguments(struct wire_reader *r, struct block *b, struct slice text)
{
    if (text.len == 0)
        return;
    b->told = true;
    wire_say(&r->in, &(struct event){.kind = EVENT_ARGUMENTS, .call = b->number, .text = text});
}

/* Servers that call whole tell the input in the start already; the API's own is empty there. */
static void say_input(struct wire_reader *r, struct block *b, yyjson_val *input)
{
    CLEANUP(buf_done) struct buf text = {0};

    if (yyjson_obj_size(input) == 0)
        return;
    json_add_val(&text, input);
    if (text.failed)
        wire_broken(&r->in, "no memory for a call's arguments");
    else
        say_arguments(r, b, buf_slice(&text));
    b->whole = true;
}

static void open_text(struct wire_reader *r, struct block *b, yyjson_val *block)
{
    (void)b;
    wire_say_text(&r->in, 0, EVENT_TEXT, json_get_str(block, "text"));
}

static void open_thinking(struct wire_reader *r, struct block *b, yyjson_val *block)
{
    (void)b;
    wire_say_text(&r->in, 0, EVENT_REASONING, json_get_str(block, "thinking"));
    say_signature(r, json_get_str(block, "signature"));
}

static void open_redacted(struct wire_reader *r, struct block *b, yyjson_val *block)
{
    (void)b;
    wire_say_text(&r->in, 0, EVENT_REDACTED, json_get_str(block, "data"));
}

static void open_call(struct wire_reader *r, struct block *b, yyjson_val *block)
{
    struct slice name = json_get_str(block, "name");
    struct slice id = wire_call_id(&r->in, json_get_str(block, "id"));

    b->call = true;
    b->number = r->n_calls++;
    if (name.len == 0)
        wire_broken(&r->in, "a tool call without a name");
    else if (b->number >= ANSWER_CALLS_MAX)
        wire_broken(&r->in, "too many tool calls");
    if (!wire_ok(&r->in))
        return;
    wire_say(&r->in,
             &(struct event){.kind = EVENT_CALL, .call = b->number, .call_id = id, .name = name});
    say_input(r, b, json_get(block, "input"));
}

/* What starts, by its type.  Others are tools that ran at the provider, and what they found: the
 * answer's own words say what came of it. */
static const struct {
    const char *type;
    void (*open)(struct wire_reader *r, struct block *b, yyjson_val *block);
} starts[] = {
    {"text", open_text},
    {"thinking", open_thinking},
    {"redacted_thinking", open_redacted},
    {"tool_use", open_call},
};

static void start_block(struct wire_reader *r, int64_t index, yyjson_val *block)
{
    struct slice type = json_get_str(block, "type");
    struct block *b = block_open(r, index);

    for (size_t i = 0; i < ARRAY_LEN(starts) && b; i++)
        if (slice_is(type, starts[i].type))
            starts[i].open(r, b, block);
}

static void stop_block(struct wire_reader *r, int64_t index)
{
    struct block *b = index >= 0 ? block_at(r, index) : NULL;

    if (!b)
        return;
    if (b->call && !b->told)
        say_arguments(r, b, SLICE("{}"));
    *b = (struct block){.index = -1};
}

static void delta_block(struct wire_reader *r, int64_t index, yyjson_val *delta)
{
    struct slice type = json_get_str(delta, "type");
    struct block *b = index >= 0 ? block_at(r, index) : NULL;

    if (!b)
        wire_broken(&r->in, "a piece of a block that is not open");
    else if (slice_is(type, "text_delta"))
        wire_say_text(&r->in, 0, EVENT_TEXT, json_get_str(delta, "text"));
    else if (slice_is(type, "thinking_delta"))
        wire_say_text(&r->in, 0, EVENT_REASONING, json_get_str(delta, "thinking"));
    else if (slice_is(type, "signature_delta"))
        say_signature(r, json_get_str(delta, "signature"));
    else if (slice_is(type, "input_json_delta") && b->call && !b->whole)
        say_arguments(r, b, json_get_str(delta, "partial_json"));
}

/* ---- the message ---- */

static const struct {
    const char *word;
    enum finish finish;
} finishes[] = {
    {"end_turn", FINISH_STOP},  {"stop_sequence", FINISH_STOP},
    {"tool_use", FINISH_CALLS}, {"max_tokens", FINISH_LENGTH},
    {"refusal", FINISH_FILTER}, {"model_context_window_exceeded", FINISH_LENGTH},
};

/* of: a message_delta's delta, or a whole message. */
static void read_finish(struct wire_reader *r, yyjson_val *of)
{
    struct slice word = json_get_str(of, "stop_reason"), met = json_get_str(of, "stop_sequence");
    struct event e = {.kind = EVENT_FINISH, .finish = FINISH_OTHER, .text = word};

    if (word.len == 0 || r->finished)
        return;
    for (size_t i = 0; i < ARRAY_LEN(finishes); i++)
        if (slice_is(word, finishes[i].word)) {
            e.finish = finishes[i].finish;
            e.text = e.finish == FINISH_STOP ? met : (struct slice){0};
        }
    for (size_t i = 0; i < BLOCKS_OPEN_MAX; i++) /* some servers forget to stop their last block */
        stop_block(r, r->open[i].index);
    r->finished = true;
    wire_say(&r->in, &e);
}

static void begin(struct wire_reader *r, yyjson_val *message)
{
    if (!r->in.began)
        wire_say(&r->in, &(struct event){.kind = EVENT_BEGIN,
                                         .text = json_get_str(message, "model"),
                                         .raw = message});
    read_usage(r, json_get(message, "usage"));
}

static void on_start(struct wire_reader *r, yyjson_val *event)
{
    begin(r, json_get(event, "message"));
    if (r->in.usage.known) /* a cut answer's input is paid, too */
        wire_say(&r->in, &(struct event){.kind = EVENT_USAGE, .usage = r->in.usage});
}

static void on_block_start(struct wire_reader *r, yyjson_val *event)
{
    start_block(r, json_get_int(event, "index", -1), json_get(event, "content_block"));
}

static void on_block_delta(struct wire_reader *r, yyjson_val *event)
{
    delta_block(r, json_get_int(event, "index", -1), json_get(event, "delta"));
}

static void on_block_stop(struct wire_reader *r, yyjson_val *event)
{
    stop_block(r, json_get_int(event, "index", -1));
}

static void on_message_delta(struct wire_reader *r, yyjson_val *event)
{
    read_usage(r, json_get(event, "usage"));
    read_finish(r, json_get(event, "delta"));
}

static void on_stop(struct wire_reader *r, yyjson_val *event)
{
    (void)event;
    wire_done(&r->in);
}

/* ping and what is not known says nothing. */
static const struct {
    const char *type;
    void (*read)(struct wire_reader *r, yyjson_val *event);
} events[] = {
    {"content_block_delta", on_block_delta}, {"content_block_start", on_block_start},
    {"content_block_stop", on_block_stop},   {"message_start", on_start},
    {"message_delta", on_message_delta},     {"message_stop", on_stop},
};

static bool is_error(yyjson_val *root)
{
    yyjson_val *error = json_get(root, "error");

    return slice_is(json_get_str(root, "type"), "error") || (error && !yyjson_is_null(error));
}

static void read_event(struct wire_read *in, struct slice name, yyjson_val *root, struct slice text)
{
    struct wire_reader *r = (struct wire_reader *)in;
    struct slice type = json_get_str(root, "type");

    (void)name; /* the same as the type, which gateways keep more often */
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
            if (!in->began && events[i].read != on_start)
                begin(r, NULL);
            events[i].read(r, root);
            return;
        }
}

static void read_body(struct wire_read *in, yyjson_val *root, struct slice text)
{
    struct wire_reader *r = (struct wire_reader *)in;
    yyjson_val *content = json_get(root, "content"), *block;
    size_t i, max;

    if (is_error(root)) {
        wire_refused(in, text);
        return;
    }
    begin(r, root);
    if (yyjson_is_arr(content))
        yyjson_arr_foreach(content, i, max, block)
        {
            if (!wire_ok(in))
                return;
            start_block(r, (int64_t)i, block);
            stop_block(r, (int64_t)i);
        }
    if (wire_ok(in))
        read_finish(r, root);
}

static bool finished(const struct wire_read *in)
{
    return ((const struct wire_reader *)in)->finished;
}

static const struct wire_format format = {
    .event = read_event, .body = read_body, .finished = finished};

enum nigh_status wire_anthropic_reader_new(struct wire_reader **ret, const struct turn *turn,
                                           int http_status, struct slice content_type,
                                           struct arena *arena,
                                           void (*sink)(void *owner, const struct event *),
                                           void *owner, struct nigh_err *err)
{
    (void)content_type;
    if (turn && wire_verbs_is_data(turn->verb))
        return wire_verbs_reader_new(ret, turn, http_status, arena, sink, owner, err);
    enum nigh_status status = wire_read_new(ret, sizeof(struct wire_reader), &format, turn,
                                            http_status, arena, sink, owner, err);
    for (size_t i = 0; i < BLOCKS_OPEN_MAX && status == NIGH_OK; i++)
        (*ret)->open[i].index = -1;
    return status;
}
