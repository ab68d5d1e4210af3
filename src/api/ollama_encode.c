/* Events into the lines of a stream, a whole answer into one object: of /api/chat, whose text
 * stands in a message, and of /api/generate, whose text stands by itself. */
#include "api/ollama.h"
#include <stdlib.h>
#include <time.h>

enum { ARGUMENTS_ARENA_MAX = 256 << 20 }; /* for as many values as ANSWER_BYTES_MAX can hold */

/* Of one stream; made anew by every BEGIN. */
struct stream {
    bool chat;
    enum finish finish;
    struct slice finish_word;
    bool has_call;                         /* one was begun */
    uint64_t shown[ANSWER_CALLS_MAX / 64]; /* bit i of all: call i went out */
    struct slice logprobs;                 /* items that wait for the line that they belong to */
    char *room;                            /* where they stand */
    size_t room_bytes;
};

#define ADD(out, literal) buf_add(out, literal, sizeof(literal) - 1)

/* RFC 3339: the wall clock at the turn's arrival and what has passed since. */
static void put_created(const struct encoding *e, struct buf *out)
{
    uint64_t now = e->created_us + (e->now_us > e->begun_us ? e->now_us - e->begun_us : 0);
    time_t at = (time_t)(now / 1000000);
    char text[40];
    struct tm tm;

    if (!gmtime_r(&at, &tm))
        tm = (struct tm){.tm_mday = 1, .tm_year = 70};
    size_t len = strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &tm);
    snprintf(text + len, sizeof text - len, ".%06uZ", (unsigned)(now % 1000000));
    json_put_cstr(out, "created_at", text);
}

void ollama_put_head(const struct encoding *e, struct buf *out)
{
    buf_add_char(out, '{');
    json_put_cstr(out, "model", e->model ? e->model : "");
    put_created(e, out);
}

/* ---- tool calls ---- */

/* A JSON object, on one line.  What is none, since a model wrote it, stays readable in one. */
static void put_arguments(struct buf *out, struct slice text)
{
    CLEANUP(arena_done) struct arena arena;
    yyjson_val *val;

    json_key(out, "arguments");
    arena_init(&arena, ARGUMENTS_ARENA_MAX);
    if (slice_trim(text).len == 0) {
        ADD(out, "{}");
    } else if (json_parse(&val, text, &arena, NULL) == NIGH_OK && yyjson_is_obj(val)) {
        json_add_val(out, val);
    } else {
        ADD(out, "{");
        json_put_str(out, "arguments", text);
        ADD(out, "}");
    }
}

static void put_call(struct buf *out, const struct answer_part *p)
{
    json_sep(out);
    ADD(out, "{");
    if (p->id.len > 0)
        json_put_str(out, "id", buf_slice(&p->id));
    json_key(out, "function");
    ADD(out, "{");
    json_put_int(out, "index", p->call);
    json_put_str(out, "name", p->name.len ? buf_slice(&p->name) : SLICE(""));
    put_arguments(out, p->text.len ? buf_slice(&p->text) : SLICE(""));
    ADD(out, "}}");
}

static bool is_whole(struct slice text)
{
    CLEANUP(arena_done) struct arena arena;
    yyjson_val *val;

    arena_init(&arena, ARGUMENTS_ARENA_MAX);
    return json_parse(&val, text, &arena, NULL) == NIGH_OK && yyjson_is_obj(val);
}

/* ---- one line ---- */

/* What one line says.  Absent slices: nothing of it. */
struct said {
    struct slice text, thinking;
    const struct answer_part *const *calls;
    size_t n_calls;
    struct slice logprobs; /* items */
};

static void put_said(struct buf *out, bool chat, const struct said *s)
{
    if (chat) {
        json_key(out, "message");
        ADD(out, "{\"role\":\"assistant\"");
    }
    json_put_str(out, chat ? "content" : "response", s->text.p ? s->text : SLICE(""));
    if (s->thinking.len > 0)
        json_put_str(out, "thinking", s->thinking);
    if (s->n_calls > 0) {
        json_key(out, "tool_calls");
        ADD(out, "[");
        for (size_t i = 0; i < s->n_calls; i++)
            put_call(out, s->calls[i]);
        ADD(out, "]");
    }
    if (chat)
        ADD(out, "}");
    if (s->logprobs.len > 0) {
        json_key(out, "logprobs");
        ADD(out, "[");
        buf_add_str(out, s->logprobs);
        ADD(out, "]");
    }
}

static struct slice reason(const struct turn *turn, enum finish finish, struct slice word)
{
    if (turn->verb == VERB_LOAD)
        return turn->has_keep && turn->keep_ms == 0 ? SLICE("unload") : SLICE("load");
    if (finish == FINISH_CALLS)
        return SLICE("stop");
    return finish == FINISH_OTHER && word.len > 0 ? word : slice_of(finish_text(finish));
}

static uint64_t span_ns(uint64_t from_us, uint64_t to_us)
{
    return to_us > from_us ? (to_us - from_us) * 1000 : 0;
}

/* The end of the last line: why it ended, and what it took. */
static void put_done(const struct encoding *e, struct buf *out, struct slice why)
{
    const struct usage *u = &e->answer->usage;
    uint64_t first_us = e->first_us ? e->first_us : e->now_us;

    json_put_bool(out, "done", true);
    json_put_str(out, "done_reason", why);
    json_put_int(out, "total_duration", (int64_t)span_ns(e->begun_us, e->now_us));
    json_put_int(out, "load_duration", (int64_t)e->load_us * 1000);
    if (e->turn->verb != VERB_LOAD) {
        if (u->known)
            json_put_int(out, "prompt_eval_count", (int64_t)u->input);
        json_put_int(out, "prompt_eval_duration",
                     (int64_t)span_ns(e->begun_us + e->load_us, first_us));
        if (u->known)
            json_put_int(out, "eval_count", (int64_t)u->output);
        json_put_int(out, "eval_duration", (int64_t)span_ns(first_us, e->now_us));
    }
    ADD(out, "}");
}

/* ---- streams ---- */

static struct stream *stream_begin(struct encoding *e, bool chat)
{
    struct stream *s = arena_calloc(e->arena, 1, sizeof *s);

    if (s)
        s->chat = chat;
    e->state = s;
    return s;
}

/* Items of a logprobs object, comma-separated, behind those that wait already. */
static void keep_logprobs(struct encoding *e, struct stream *s, const struct event *event,
                          struct buf *out)
{
    static const char *const lists[] = {"content", "refusal"};
    CLEANUP(buf_done) struct buf text = {0};
    size_t i, max;
    yyjson_val *item;

    buf_add_str(&text, s->logprobs);
    for (size_t l = 0; l < ARRAY_LEN(lists); l++)
        yyjson_arr_foreach(json_get(event->raw, lists[l]), i, max, item)
        {
            if (text.len > 0)
                ADD(&text, ",");
            json_add_val(&text, item);
        }
    if (text.len > s->room_bytes) {
        s->room_bytes = 2 * text.len;
        if (!(s->room = arena_alloc(e->arena, s->room_bytes)))
            s->room_bytes = 0;
    }
    if (text.failed || text.len > s->room_bytes) {
        out->failed = true; /* broken off: never a part less than what was asked for */
        return;
    }
    if (text.len > 0)
        memcpy(s->room, text.data, text.len);
    s->logprobs = (struct slice){s->room, text.len};
}

static void put_line(struct encoding *e, struct stream *s, struct said *said, struct buf *out)
{
    said->logprobs = s->logprobs;
    s->logprobs = (struct slice){0};
    ollama_put_head(e, out);
    put_said(out, s->chat, said);
    ADD(out, ",\"done\":false}\n");
}

static void put_text(struct encoding *e, struct stream *s, const struct event *event,
                     struct buf *out)
{
    struct said said = {.text = event->text};

    if (event->text.len > 0)
        put_line(e, s, &said, out);
}

static void put_thinking(struct encoding *e, struct stream *s, const struct event *event,
                         struct buf *out)
{
    struct said said = {.thinking = event->text};

    if (event->text.len > 0)
        put_line(e, s, &said, out);
}

static bool was_shown(struct stream *s, unsigned call)
{
    return call >= ANSWER_CALLS_MAX || s->shown[call / 64] >> (call % 64) & 1;
}

static void show_calls(struct encoding *e, struct stream *s, const struct answer_part *const *calls,
                       size_t n, struct buf *out)
{
    struct said said = {.calls = calls, .n_calls = n};

    for (size_t i = 0; i < n; i++)
        s->shown[calls[i]->call / 64] |= UINT64_C(1) << (calls[i]->call % 64);
    if (n > 0)
        put_line(e, s, &said, out);
}

/* Another call begins: those before are shown, as far as all of them is there.  Calls that come in
 * turns are shown at the end, so that their order stays. */
static void begin_call(struct encoding *e, struct stream *s, const struct event *event,
                       struct buf *out)
{
    const struct answer_choice *c = &e->answer->choices[0];

    for (size_t i = 0; s->has_call && i < c->n_parts; i++) {
        const struct answer_part *p = &c->parts[i];
        if (p->kind != PART_CALL || was_shown(s, p->call))
            continue;
        if (p->call == event->call || p->text.len == 0 || !is_whole(buf_slice(&p->text)))
            break;
        show_calls(e, s, &p, 1, out);
    }
    s->has_call = true;
}

static void finish(struct encoding *e, struct stream *s, const struct event *event, struct buf *out)
{
    const struct answer_choice *c = &e->answer->choices[0];
    const struct answer_part *rest[ANSWER_CALLS_MAX];
    size_t n = 0;

    for (size_t i = 0; i < c->n_parts && n < ANSWER_CALLS_MAX; i++)
        if (c->parts[i].kind == PART_CALL && !was_shown(s, c->parts[i].call))
            rest[n++] = &c->parts[i];
    show_calls(e, s, rest, n, out);
    s->finish = event->finish;
    s->finish_word = arena_dup(e->arena, event->text);
}

static void end(struct encoding *e, struct stream *s, const struct event *event, struct buf *out)
{
    struct said said = {.logprobs = s->logprobs};

    ollama_put_head(e, out);
    put_said(out, s->chat, &said);
    put_done(e, out, reason(e->turn, s->finish, s->finish_word));
    ADD(out, "\n");
}

static void (*const by_kind[])(struct encoding *, struct stream *, const struct event *,
                               struct buf *) = {
    [EVENT_TEXT] = put_text,   [EVENT_REASONING] = put_thinking, [EVENT_REFUSAL] = put_text,
    [EVENT_CALL] = begin_call, [EVENT_LOGPROBS] = keep_logprobs, [EVENT_FINISH] = finish,
    [EVENT_END] = end,
};

static void stream_event(struct encoding *e, const struct event *event, struct buf *out, bool chat)
{
    struct stream *s = event->kind == EVENT_BEGIN || !e->state ? stream_begin(e, chat) : e->state;

    if (!s || event->choice > 0) /* one answer is all that this format can ask for */
        out->failed = true;
    else if (by_kind[event->kind])
        by_kind[event->kind](e, s, event, out);
}

/* ---- whole answers ---- */

/* What is said, refusals included, in its order. */
static void join_text(const struct answer_choice *c, struct buf *text)
{
    for (size_t i = 0; i < c->n_parts; i++)
        if (c->parts[i].kind == PART_TEXT || c->parts[i].kind == PART_REFUSAL)
            buf_add_str(text, buf_slice(&c->parts[i].text));
}

static void put_whole(struct encoding *e, struct buf *out, bool chat)
{
    static const struct answer_choice silent;
    const struct answer_choice *c = e->answer->n_choices > 0 ? e->answer->choices : &silent;
    CLEANUP(buf_done) struct buf text = {0}, thinking = {0};
    const struct answer_part *calls[ANSWER_CALLS_MAX];
    struct said said = {.calls = calls};

    for (size_t i = 0; i < c->n_parts && said.n_calls < ANSWER_CALLS_MAX; i++)
        if (c->parts[i].kind == PART_CALL)
            calls[said.n_calls++] = &c->parts[i];
    join_text(c, &text);
    said.text = buf_slice(&text);
    said.thinking = answer_text(c, PART_REASONING, &thinking);
    said.logprobs = buf_slice(&c->logprobs);
    ollama_put_head(e, out);
    put_said(out, chat, &said);
    put_done(e, out, reason(e->turn, c->finish, buf_slice(&c->finish_word)));
    out->failed |= text.failed || thinking.failed;
}

/* ---- the two ---- */

static void chat_event(struct encoding *e, const struct event *event, struct buf *out)
{
    stream_event(e, event, out, true);
}

static void generate_event(struct encoding *e, const struct event *event, struct buf *out)
{
    stream_event(e, event, out, false);
}

static void chat_whole(struct encoding *e, struct buf *out)
{
    put_whole(e, out, true);
}

static void generate_whole(struct encoding *e, struct buf *out)
{
    put_whole(e, out, false);
}

const struct api api_ollama_chat = {
    .name = "ollama-chat",
    .stream_type = "application/x-ndjson",
    .any_type = true,
    .decode = ollama_chat_decode,
    .event = chat_event,
    .whole = chat_whole,
    .error = ollama_error,
    .stream_error = ollama_stream_error,
};

const struct api api_ollama_generate = {
    .name = "ollama-generate",
    .stream_type = "application/x-ndjson",
    .any_type = true,
    .decode = ollama_generate_decode,
    .event = generate_event,
    .whole = generate_whole,
    .error = ollama_error,
    .stream_error = ollama_stream_error,
};
