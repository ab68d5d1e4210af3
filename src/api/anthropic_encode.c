/* Events into Anthropic's stream, a whole answer into one message.
 *
 * The stream is written from the gathered answer: a block a part, in their order.  The block that
 * is open is told as far as its part has come; it closes when another part waits and nothing can
 * follow in this one: at once, but of a call only when its arguments are a whole JSON value, since
 * calls may come interleaved and blocks may not.  What still waits at the finish is told then. */
#include "api/anthropic.h"

#define ADD(out, literal) buf_add(out, literal, sizeof(literal) - 1)

/* Of one stream; made anew by every BEGIN. */
struct stream {
    bool started;    /* message_start is out */
    bool open;       /* the block of part `at` is */
    size_t at, sent; /* the part told next, and how much of its text is */
    bool signed_;    /* its signature is */
    unsigned depth;  /* of the brackets in the arguments sent so far */
    bool whole, in_text, escaped;
};

static void put_event(struct buf *out, const char *name)
{
    ADD(out, "event: ");
    buf_add_cstr(out, name);
    ADD(out, "\ndata: {\"type\":\"");
    buf_add_cstr(out, name);
    ADD(out, "\"");
}

static void end_event(struct buf *out)
{
    ADD(out, "}\n\n");
}

/* Anthropic's three; other places' words for it say nothing to its programs. */
static struct slice service_tier(const struct answer *a)
{
    static const char *const words[] = {"standard", "priority", "batch"};

    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (slice_is(buf_slice(&a->tier), words[i]))
            return slice_of(words[i]);
    return (struct slice){0};
}

/* What was neither read from nor written to a cache. */
static uint64_t plain_input(const struct usage *u)
{
    uint64_t cached = u->cached_read + u->cache_write;

    return u->input > cached ? u->input - cached : 0;
}

/* The counts that message_delta and a message share. */
static void put_counts(struct buf *out, const struct usage *u)
{
    json_put_int(out, "input_tokens", (int64_t)plain_input(u));
    json_put_int(out, "cache_creation_input_tokens", (int64_t)u->cache_write);
    json_put_int(out, "cache_read_input_tokens", (int64_t)u->cached_read);
    json_put_int(out, "output_tokens", (int64_t)u->output);
    json_key(out, "output_tokens_details");
    ADD(out, "{");
    json_put_int(out, "thinking_tokens", (int64_t)u->reasoning);
    ADD(out, "}");
    json_put_null(out, "server_tool_use");
}

static void put_bill(const struct encoding *e, struct buf *out)
{
    if (e->bill_json.len == 0)
        return;
    json_key(out, "nigh");
    buf_add_str(out, e->bill_json);
}

static void put_usage(const struct encoding *e, struct buf *out, const struct usage *usage,
                      struct slice bill)
{
    struct slice tier = service_tier(e->answer);

    json_key(out, "usage");
    ADD(out, "{");
    put_counts(out, usage);
    json_put_null(out, "cache_creation");
    json_put_null(out, "inference_geo");
    json_put_cstr(out, "service_tier", tier.p);
    json_put_null(out, "speed");
    if (bill.len > 0)
        put_bill(e, out);
    ADD(out, "}");
}

/* A message up to its content. */
static void put_head(const struct encoding *e, struct buf *out)
{
    ADD(out, "{\"id\":\"msg_");
    buf_add_cstr(out, e->id);
    ADD(out, "\",\"type\":\"message\",\"role\":\"assistant\"");
    json_put_cstr(out, "model", e->model ? e->model : "");
    ADD(out, ",\"container\":null,\"diagnostics\":null,\"content\":[");
}

enum { BYTES_PER_TOKEN = 4 }; /* of English in the vocabularies of today, roughly */

/* Most places count only at the end, while clients draw a context's size from the start: until
 * message_delta tells the true count, the text's length stands for it. */
static struct usage usage_so_far(const struct encoding *e)
{
    struct usage usage = e->answer->usage;

    if (usage.input == 0)
        usage.input = turn_text_bytes(e->turn) / BYTES_PER_TOKEN + 1;
    return usage;
}

static void put_start(const struct encoding *e, struct buf *out)
{
    struct usage usage = usage_so_far(e);

    put_event(out, "message_start");
    json_key(out, "message");
    put_head(e, out);
    ADD(out, "],\"stop_reason\":null,\"stop_sequence\":null,\"stop_details\":null");
    put_usage(e, out, &usage, (struct slice){0});
    ADD(out, "}");
    end_event(out);
    put_event(out, "ping"); /* as Anthropic does; clients pass over it */
    end_event(out);
}

/* A call without an id could not be answered. */
static void put_call_head(const struct encoding *e, const struct answer_part *p, struct buf *out)
{
    ADD(out, "{\"type\":\"tool_use\",\"id\":");
    if (p->id.len > 0)
        buf_add_json(out, buf_slice(&p->id));
    else
        buf_printf(out, "\"toolu_%s_%u\"", e->id, p->call);
    ADD(out, ",\"name\":");
    buf_add_json(out, buf_slice(&p->name));
    ADD(out, ",\"caller\":{\"type\":\"direct\"}");
}

/* A block as it opens, empty (citations as a list: the official types allow null too, but require
 * the member, and @ai-sdk/anthropic 3.0.139 refuses null); sealed thinking has no deltas and is
 * whole at once. */
static void put_block_head(const struct encoding *e, const struct answer_part *p, struct buf *out)
{
    switch (p->kind) {
    case PART_REASONING:
        ADD(out, "{\"type\":\"thinking\",\"thinking\":\"\",\"signature\":\"\"}");
        break;
    case PART_REDACTED:
        ADD(out, "{\"type\":\"redacted_thinking\",\"data\":");
        buf_add_json(out, buf_slice(&p->text));
        ADD(out, "}");
        break;
    case PART_CALL:
        put_call_head(e, p, out);
        ADD(out, ",\"input\":{}}");
        break;
    default:
        ADD(out, "{\"type\":\"text\",\"citations\":[],\"text\":\"\"}");
    }
}

static void put_delta(const struct stream *s, struct slice type, struct slice key,
                      struct slice text, struct buf *out)
{
    put_event(out, "content_block_delta");
    ADD(out, ",\"index\":");
    buf_add_u64(out, s->at);
    ADD(out, ",\"delta\":{\"type\":\"");
    buf_add_str(out, type);
    ADD(out, "\",\"");
    buf_add_str(out, key);
    ADD(out, "\":");
    buf_add_json(out, text);
    ADD(out, "}");
    end_event(out);
}

static void block_open(const struct encoding *e, struct stream *s, const struct answer_part *p,
                       struct buf *out)
{
    put_event(out, "content_block_start");
    json_put_int(out, "index", (int64_t)s->at);
    json_key(out, "content_block");
    put_block_head(e, p, out);
    end_event(out);
    s->open = true;
    s->signed_ = s->whole = s->in_text = s->escaped = false;
    s->depth = 0;
    s->sent = p->kind == PART_REDACTED ? p->text.len : 0;
}

/* Follows the brackets of arguments, so that their end is seen. */
static void follow(struct stream *s, struct slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.p[i];
        if (s->in_text) {
            bool quote = c == '"' && !s->escaped;
            s->escaped = c == '\\' && !s->escaped;
            s->in_text = !quote;
        } else if (c == '"') {
            s->in_text = true;
        } else if (c == '{' || c == '[') {
            s->depth++;
        } else if ((c == '}' || c == ']') && s->depth > 0) {
            s->whole = --s->depth == 0;
        }
    }
}

/* What the part has more than was told. */
static void block_more(struct stream *s, const struct answer_part *p, struct buf *out)
{
    static const struct {
        struct slice type, key;
    } words[] = {
        [PART_TEXT] = {{"text_delta", 10}, {"text", 4}},
        [PART_REFUSAL] = {{"text_delta", 10}, {"text", 4}},
        [PART_REASONING] = {{"thinking_delta", 14}, {"thinking", 8}},
        [PART_CALL] = {{"input_json_delta", 16}, {"partial_json", 12}},
    };

    if (p->text.len > s->sent) {
        struct slice more = {p->text.data + s->sent, p->text.len - s->sent};
        put_delta(s, words[p->kind].type, words[p->kind].key, more, out);
        if (p->kind == PART_CALL)
            follow(s, more);
        s->sent = p->text.len;
    }
    if (p->signature.len > 0 && !s->signed_) {
        put_delta(s, SLICE("signature_delta"), SLICE("signature"), buf_slice(&p->signature), out);
        s->signed_ = true;
    }
}

static void block_close(struct stream *s, struct buf *out)
{
    put_event(out, "content_block_stop");
    json_put_int(out, "index", (int64_t)s->at);
    end_event(out);
    s->open = false;
    s->at++;
}

/* Tells what can be told; at the finish all of it. */
static void advance(const struct encoding *e, struct stream *s, bool finished, struct buf *out)
{
    const struct answer_choice *c = e->answer->n_choices > 0 ? &e->answer->choices[0] : NULL;

    while (c && s->at < c->n_parts) {
        const struct answer_part *p = &c->parts[s->at];
        if (!s->open)
            block_open(e, s, p, out);
        block_more(s, p, out);
        bool waits = s->at + 1 < c->n_parts && (p->kind != PART_CALL || s->whole);
        if (!finished && !waits)
            return;
        block_close(s, out);
    }
}

static bool refused(const struct answer_choice *c)
{
    for (size_t i = 0; i < c->n_parts; i++)
        if (c->parts[i].kind == PART_REFUSAL)
            return true;
    return c->finish == FINISH_FILTER;
}

/* Some servers say "stop" when they called. */
static struct slice stop_reason(const struct answer_choice *c)
{
    if (c->finish == FINISH_LENGTH)
        return SLICE("max_tokens");
    if (c->finish == FINISH_OTHER && c->finish_word.len > 0)
        return buf_slice(&c->finish_word); /* pause_turn, model_context_window_exceeded */
    if (refused(c))
        return SLICE("refusal");
    if (c->finish == FINISH_CALLS || c->n_calls > 0)
        return SLICE("tool_use");
    return c->finish_word.len > 0 ? SLICE("stop_sequence") : SLICE("end_turn");
}

static void put_stop(const struct answer *a, struct buf *out)
{
    static const struct answer_choice silent; /* an answer of no words is still an answer */
    const struct answer_choice *c = a->n_choices > 0 ? &a->choices[0] : &silent;
    struct slice reason = stop_reason(c);

    json_put_str(out, "stop_reason", reason);
    if (slice_is(reason, "stop_sequence"))
        json_put_str(out, "stop_sequence", buf_slice(&c->finish_word));
    else
        json_put_null(out, "stop_sequence");
    json_key(out, "stop_details");
    if (slice_is(reason, "refusal"))
        ADD(out, "{\"type\":\"refusal\",\"category\":null,\"explanation\":null}");
    else
        ADD(out, "null");
}

static void put_end(const struct encoding *e, struct buf *out)
{
    put_event(out, "message_delta");
    ADD(out, ",\"delta\":{\"container\":null");
    put_stop(e->answer, out);
    ADD(out, "},\"usage\":{");
    put_counts(out, &e->answer->usage);
    put_bill(e, out);
    ADD(out, "}");
    end_event(out);
    put_event(out, "message_stop");
    end_event(out);
}

/* What a caller can see; the others change nothing, or only the end. */
static bool shows(enum event_kind kind)
{
    return kind == EVENT_TEXT || kind == EVENT_REASONING || kind == EVENT_REFUSAL ||
           kind == EVENT_CALL || kind == EVENT_ARGUMENTS || kind == EVENT_SIGNATURE ||
           kind == EVENT_REDACTED || kind == EVENT_FINISH || kind == EVENT_END;
}

void anthropic_event(struct encoding *e, const struct event *event, struct buf *out)
{
    struct stream *s = e->state;

    if (event->kind == EVENT_BEGIN || !s)
        s = e->state = arena_calloc(e->arena, 1, sizeof *s);
    if (!s) {
        out->failed = true;
        return;
    }
    if (!shows(event->kind) || event->choice > 0)
        return;
    if (!s->started)
        put_start(e, out);
    s->started = true;
    advance(e, s, event->kind == EVENT_FINISH || event->kind == EVENT_END, out);
    if (event->kind == EVENT_END)
        put_end(e, out);
}

/* The arguments as the object that they are; what is none is told as the text that came. */
static void put_input(const struct encoding *e, const struct answer_part *p, struct buf *out)
{
    yyjson_val *input = NULL;
    struct nigh_err err = {0};

    if (p->text.len == 0)
        ADD(out, "{}");
    else if (json_parse(&input, buf_slice(&p->text), e->arena, &err) == NIGH_OK)
        json_add_val(out, input);
    else
        buf_add_json(out, buf_slice(&p->text));
}

static void put_block(const struct encoding *e, const struct answer_part *p, struct buf *out)
{
    json_sep(out);
    switch (p->kind) {
    case PART_REASONING:
        ADD(out, "{\"type\":\"thinking\"");
        json_put_str(out, "thinking", buf_slice(&p->text));
        json_put_str(out, "signature", buf_slice(&p->signature));
        ADD(out, "}");
        break;
    case PART_CALL:
        put_call_head(e, p, out);
        json_key(out, "input");
        put_input(e, p, out);
        ADD(out, "}");
        break;
    case PART_REDACTED:
        put_block_head(e, p, out);
        break;
    default:
        ADD(out, "{\"type\":\"text\",\"citations\":[]");
        json_put_str(out, "text", buf_slice(&p->text));
        ADD(out, "}");
    }
}

void anthropic_whole(struct encoding *e, struct buf *out)
{
    const struct answer *a = e->answer;

    put_head(e, out);
    for (size_t i = 0; a->n_choices > 0 && i < a->choices[0].n_parts; i++)
        put_block(e, &a->choices[0].parts[i], out);
    ADD(out, "]");
    put_stop(a, out);
    put_usage(e, out, &e->answer->usage, e->bill_json);
    ADD(out, "}");
}

/* {"input_tokens": N}, as the place counted them. */
static void count_whole(struct encoding *e, struct buf *out)
{
    struct slice data = buf_slice(&e->answer->data);
    struct nigh_err err = {0};
    yyjson_val *counted = NULL;

    if (json_parse(&counted, data, e->arena, &err) != NIGH_OK ||
        json_get_int(counted, "input_tokens", -1) < 0) {
        out->failed = true;
        return;
    }
    ADD(out, "{");
    json_put_int(out, "input_tokens", json_get_int(counted, "input_tokens", 0));
    ADD(out, "}");
}

const struct api api_anthropic = {
    .name = "anthropic",
    .stream_type = "text/event-stream",
    .tells_usage = true,
    .decode = anthropic_decode,
    .event = anthropic_event,
    .whole = anthropic_whole,
    .error = anthropic_error,
    .stream_error = anthropic_stream_error,
};

const struct api api_anthropic_count = {
    .name = "anthropic-count",
    .stream_type = "text/event-stream", /* never: a count is not streamed */
    .decode = anthropic_count_decode,
    .event = anthropic_event,
    .whole = count_whole,
    .error = anthropic_error,
    .stream_error = anthropic_stream_error,
};
