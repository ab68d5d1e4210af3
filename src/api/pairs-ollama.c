/* Ollama's format from the caller's side: its requests, and its answers as a client reads them. */
#include "api/pairs.h"
#include <math.h>

#define ADD(out, literal) buf_add(out, literal, sizeof(literal) - 1)

/* --- requests
 * ----------------------------------------------------------------------------------------- */

static bool has_images(const struct message *m)
{
    for (size_t i = 0; i < m->n_parts; i++)
        if (m->parts[i].kind == PART_IMAGE)
            return true;
    return false;
}

static void put_images(struct pen *w, const struct message *m)
{
    if (!has_images(m))
        return;
    json_key(w->b, "images");
    ADD(w->b, "[");
    for (size_t i = 0; i < m->n_parts; i++) {
        struct slice data = m->parts[i].url;
        if (m->parts[i].kind != PART_IMAGE)
            continue;
        slice_cut(&data, ',');
        json_sep(w->b);
        buf_add_json(w->b, data);
    }
    ADD(w->b, "]");
}

static void put_calls(struct pen *w, const struct message *m)
{
    size_t n = 0;

    for (size_t i = 0; i < m->n_parts; i++) {
        const struct part *p = &m->parts[i];
        if (p->kind != PART_CALL)
            continue;
        buf_add_cstr(w->b, n++ == 0 ? ",\"tool_calls\":[{" : ",{");
        pen_str(w, "id", p->call_id);
        ADD(w->b, ",\"function\":{");
        pen_str(w, "name", p->name);
        json_key(w->b, "arguments");
        buf_add_str(w->b, p->text);
        ADD(w->b, "}}");
    }
    buf_add_cstr(w->b, n > 0 ? "]" : "");
}

static void put_message(struct pen *w, const struct message *m)
{
    struct slice content = SLICE("");

    json_sep(w->b);
    ADD(w->b, "{");
    json_put_cstr(w->b, "role", role_text(m->role));
    for (size_t i = 0; i < m->n_parts; i++) {
        if (m->parts[i].kind == PART_TEXT)
            content = m->parts[i].text;
        if (m->parts[i].kind == PART_REASONING)
            pen_str(w, "thinking", m->parts[i].text);
    }
    pen_str(w, "content", content);
    pen_str(w, "tool_call_id", m->call_id);
    put_images(w, m);
    put_calls(w, m);
    ADD(w->b, "}");
}

static void put_tools(struct pen *w, const struct turn *t)
{
    json_key(w->b, "tools");
    ADD(w->b, "[");
    for (size_t i = 0; i < t->n_tools; i++) {
        const struct tool *one = &t->tools[i];
        json_sep(w->b);
        ADD(w->b, "{\"type\":\"function\",\"function\":{");
        pen_str(w, "name", one->name);
        pen_str(w, "description", one->description);
        json_put_val(w->b, "parameters", one->schema);
        if (one->strict >= 0)
            json_put_bool(w->b, "strict", one->strict);
        ADD(w->b, "}}");
    }
    ADD(w->b, "]");
}

static void put_stops(struct pen *w, const struct turn *t)
{
    json_key(w->b, "stop");
    ADD(w->b, "[");
    for (size_t i = 0; i < t->n_stops; i++) {
        json_sep(w->b);
        gen_quote(w->g, w->b, t->stops[i]);
    }
    ADD(w->b, "]");
}

static void put_options(struct pen *w, const struct turn *t)
{
    ADD(w->b, ",\"options\":{\"num_ctx\":4096");
#define PUT_WISH(member, name, low, high)                                                          \
    if (!isnan(t->member))                                                                         \
        json_put_num(w->b, name, t->member);
    TURN_WISHES(PUT_WISH)
    TURN_MORE_WISHES(PUT_WISH)
#undef PUT_WISH
    if (t->has_seed)
        json_put_int(w->b, "seed", t->seed);
    if (t->max_tokens > 0)
        json_put_int(w->b, "num_predict", (int64_t)t->max_tokens);
    if (t->n_stops > 0)
        put_stops(w, t);
    ADD(w->b, "}");
}

static void put_rest(struct pen *w, const struct turn *t)
{
    put_options(w, t);
    if (t->format == FORMAT_JSON)
        json_put_cstr(w->b, "format", "json");
    if (t->format == FORMAT_SCHEMA)
        json_put_val(w->b, "format", json_get(t->schema, "schema"));
    if (t->effort != EFFORT_UNSET)
        json_put_cstr(w->b, "think", effort_text(t->effort));
    if (t->logprobs) {
        json_put_bool(w->b, "logprobs", true);
        json_put_int(w->b, "top_logprobs", t->top_logprobs);
    }
    if (!t->stream || gen_below(w->g, 2)) /* streams are the default */
        json_put_bool(w->b, "stream", t->stream);
    ADD(w->b, "}");
}

void write_ollama_chat(struct buf *b, struct gen *g, const struct turn *t)
{
    struct pen w = {b, g};

    ADD(b, "{");
    pen_str(&w, "model", t->model);
    json_key(b, "messages");
    ADD(b, "[");
    for (size_t i = 0; i < t->n_messages; i++)
        put_message(&w, &t->messages[i]);
    ADD(b, "]");
    if (t->n_tools > 0)
        put_tools(&w, t);
    put_rest(&w, t);
}

void write_ollama_generate(struct buf *b, struct gen *g, const struct turn *t)
{
    const struct message *asks = &t->messages[t->n_messages - 1];
    struct pen w = {b, g};

    ADD(b, "{");
    pen_str(&w, "model", t->model);
    if (t->n_messages > 1)
        pen_str(&w, "system", t->messages[0].parts[0].text);
    pen_str(&w, "prompt", asks->parts[0].text);
    put_images(&w, asks);
    put_rest(&w, t);
}

/* --- answers
 * ------------------------------------------------------------------------------------------ */

struct ear {
    void (*sink)(void *owner, const struct event *event);
    void *owner;
    struct arena *a;
    unsigned n_calls;
    bool began, done, broken;
};

static void say(struct ear *ear, const struct event *event)
{
    ear->sink(ear->owner, event);
}

static void hear_calls(struct ear *ear, yyjson_val *calls)
{
    CLEANUP(buf_done) struct buf text = {0};
    size_t i, max;
    yyjson_val *one;

    yyjson_arr_foreach(calls, i, max, one)
    {
        yyjson_val *function = json_get(one, "function");
        buf_reset(&text);
        json_add_val(&text, json_get(function, "arguments"));
        say(ear, &(struct event){.kind = EVENT_CALL,
                                 .call = ear->n_calls,
                                 .call_id = json_get_str(one, "id"),
                                 .name = json_get_str(function, "name")});
        say(ear, &(struct event){
                     .kind = EVENT_ARGUMENTS, .call = ear->n_calls++, .text = buf_slice(&text)});
    }
}

static void hear_logprobs(struct ear *ear, yyjson_val *items)
{
    CLEANUP(buf_done) struct buf text = {0};
    yyjson_val *raw;

    if (!items)
        return;
    ADD(&text, "{");
    json_put_val(&text, "content", items);
    ADD(&text, "}");
    if (json_parse(&raw, buf_slice(&text), ear->a, NULL) == NIGH_OK)
        say(ear, &(struct event){.kind = EVENT_LOGPROBS, .raw = raw});
}

static void hear_end(struct ear *ear, yyjson_val *line)
{
    static const struct {
        const char *word;
        enum finish finish;
    } finishes[] = {
        {"stop", FINISH_STOP}, {"length", FINISH_LENGTH}, {"content_filter", FINISH_FILTER}};
    struct slice word = json_get_str(line, "done_reason");
    struct event e = {.kind = EVENT_FINISH, .finish = FINISH_OTHER, .text = word};

    for (size_t i = 0; i < ARRAY_LEN(finishes); i++)
        if (slice_is(word, finishes[i].word))
            e = (struct event){.kind = EVENT_FINISH, .finish = finishes[i].finish};
    if (e.finish == FINISH_STOP && ear->n_calls > 0)
        e.finish = FINISH_CALLS;
    say(ear, &e);
    if (json_get(line, "eval_count"))
        say(ear,
            &(struct event){.kind = EVENT_USAGE,
                            .usage = {.known = true,
                                      .input = (uint64_t)json_get_int(line, "prompt_eval_count", 0),
                                      .output = (uint64_t)json_get_int(line, "eval_count", 0)}});
    say(ear, &(struct event){.kind = EVENT_END});
    ear->done = true;
}

static void hear_text(struct ear *ear, enum event_kind kind, struct slice text)
{
    if (text.len > 0)
        say(ear, &(struct event){.kind = kind, .text = text});
}

/* One line: a part of the answer, or all of it. */
static void hear_line(struct ear *ear, struct slice text)
{
    yyjson_val *line, *message;

    if (json_parse(&line, text, ear->a, NULL) != NIGH_OK || !json_get(line, "done") || ear->done) {
        ear->broken = true;
        return;
    }
    message = json_get(line, "message");
    if (!ear->began)
        say(ear,
            &(struct event){.kind = EVENT_BEGIN, .text = json_get_str(line, "model"), .raw = line});
    ear->began = true;
    hear_text(ear, EVENT_REASONING, json_get_str(message ? message : line, "thinking"));
    hear_logprobs(ear, json_get(line, "logprobs"));
    hear_text(ear, EVENT_TEXT,
              message ? json_get_str(message, "content") : json_get_str(line, "response"));
    hear_calls(ear, json_get(message, "tool_calls"));
    if (json_get_bool(line, "done", false))
        hear_end(ear, line);
}

bool hear_ollama(const struct pairs_format *f, struct gen *g, const struct turn *asked,
                 struct slice bytes, bool clean,
                 void (*sink)(void *owner, const struct event *event), void *owner, struct arena *a)
{
    struct ear ear = {.sink = sink, .owner = owner, .a = a};

    while (bytes.len > 0 && !ear.broken)
        hear_line(&ear, slice_cut(&bytes, '\n'));
    return ear.done && !ear.broken;
}
