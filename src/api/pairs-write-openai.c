/* Requests of OpenAI's chat completions, as a program other than ours would write them. */
#include "api/pairs.h"
#include <math.h>

#define ADD(out, literal) buf_add(out, literal, sizeof(literal) - 1)

static void put_call(struct pen *w, const struct part *p)
{
    json_sep(w->b);
    ADD(w->b, "{\"type\":\"function\"");
    pen_str(w, "id", p->call_id);
    ADD(w->b, ",\"function\":{");
    pen_str(w, "name", p->name);
    pen_str(w, "arguments", p->text);
    pen_extras(w, p->inner);
    ADD(w->b, "}");
    pen_extras(w, p->extras);
    ADD(w->b, "}");
}

static void put_part(struct pen *w, const struct part *p)
{
    json_sep(w->b);
    if (p->kind == PART_TEXT) {
        ADD(w->b, "{\"type\":\"text\"");
        pen_str(w, "text", p->text);
    } else {
        ADD(w->b, "{\"type\":\"image_url\",\"image_url\":{");
        pen_str(w, "url", p->url);
        pen_str(w, "detail", p->detail);
        pen_extras(w, p->inner);
        ADD(w->b, "}");
    }
    pen_extras(w, p->extras);
    ADD(w->b, "}");
}

static bool in_content(const struct part *p)
{
    return p->kind == PART_TEXT || p->kind == PART_IMAGE;
}

static void put_content(struct pen *w, const struct message *m)
{
    size_t n = 0;

    for (size_t i = 0; i < m->n_parts; i++) {
        if (!in_content(&m->parts[i]))
            continue;
        if (m->bare) {
            pen_str(w, "content", m->parts[i].text);
            return;
        }
        buf_add_cstr(w->b, n++ == 0 ? ",\"content\":[" : "");
        put_part(w, &m->parts[i]);
    }
    buf_add_cstr(w->b, n > 0 ? "]" : ",\"content\":null");
}

static void put_message(struct pen *w, const struct message *m)
{
    size_t calls = 0;

    json_sep(w->b);
    ADD(w->b, "{");
    json_put_cstr(w->b, "role", role_text(m->role));
    put_content(w, m);
    pen_str(w, "name", m->name);
    pen_str(w, "tool_call_id", m->call_id);
    pen_extras(w, m->extras);
    for (size_t i = 0; i < m->n_parts; i++) {
        const struct part *p = &m->parts[i];
        if (p->kind == PART_REASONING)
            pen_str(w, "reasoning_content", p->text);
        if (p->kind == PART_REFUSAL)
            pen_str(w, "refusal", p->text);
        if (p->kind == PART_CALL && calls++ == 0)
            ADD(w->b, ",\"tool_calls\":[");
        if (p->kind == PART_CALL)
            put_call(w, p);
    }
    buf_add_cstr(w->b, calls > 0 ? "]}" : "}");
}

static void put_tool(struct pen *w, const struct tool *t)
{
    json_sep(w->b);
    ADD(w->b, "{\"type\":\"function\",\"function\":{");
    pen_str(w, "name", t->name);
    pen_str(w, "description", t->description);
    json_put_val(w->b, "parameters", t->schema);
    if (t->strict >= 0)
        json_put_bool(w->b, "strict", t->strict);
    pen_extras(w, t->inner);
    ADD(w->b, "}");
    pen_extras(w, t->extras);
    ADD(w->b, "}");
}

static void put_tools(struct pen *w, const struct turn *t)
{
    static const char *const words[] = {[CHOICE_AUTO] = "auto",
                                        [CHOICE_NONE] = "none",
                                        [CHOICE_REQUIRED] = "required",
                                        [CHOICE_NAMED] = NULL};

    if (t->n_tools > 0)
        ADD(w->b, ",\"tools\":[");
    for (size_t i = 0; i < t->n_tools; i++)
        put_tool(w, &t->tools[i]);
    if (t->n_tools > 0)
        ADD(w->b, "]");
    if (words[t->choice])
        json_put_cstr(w->b, "tool_choice", words[t->choice]);
    if (t->choice == CHOICE_NAMED) {
        ADD(w->b, ",\"tool_choice\":{\"type\":\"function\",\"function\":{");
        pen_str(w, "name", t->choice_name);
        ADD(w->b, "}}");
    }
    if (t->parallel_calls >= 0)
        json_put_bool(w->b, "parallel_tool_calls", t->parallel_calls);
}

static void put_format(struct pen *w, const struct turn *t)
{
    static const char *const words[] = {
        [FORMAT_TEXT] = "text", [FORMAT_JSON] = "json_object", [FORMAT_SCHEMA] = "json_schema"};

    if (t->format == FORMAT_UNSET)
        return;
    ADD(w->b, ",\"response_format\":{");
    json_put_cstr(w->b, "type", words[t->format]);
    json_put_val(w->b, "json_schema", t->schema);
    ADD(w->b, "}");
}

static void put_stops(struct pen *w, const struct turn *t)
{
    if (t->n_stops == 1 && gen_below(w->g, 2)) {
        pen_str(w, "stop", t->stops[0]);
        return;
    }
    if (t->n_stops > 0)
        ADD(w->b, ",\"stop\":[");
    for (size_t i = 0; i < t->n_stops; i++) {
        json_sep(w->b);
        gen_quote(w->g, w->b, t->stops[i]);
    }
    if (t->n_stops > 0)
        ADD(w->b, "]");
}

static void put_wishes(struct pen *w, const struct turn *t)
{
    bool old = gen_below(w->g, 2);

#define PUT_WISH(member, name, low, high)                                                          \
    if (!isnan(t->member))                                                                         \
        json_put_num(w->b, name, t->member);
    TURN_WISHES(PUT_WISH)
    TURN_MORE_WISHES(PUT_WISH)
#undef PUT_WISH
    if (t->has_seed)
        json_put_int(w->b, "seed", t->seed);
    if (t->max_tokens > 0)
        json_put_int(w->b, old ? "max_tokens" : "max_completion_tokens", (int64_t)t->max_tokens);
    if (t->n > 1)
        json_put_int(w->b, "n", t->n);
    if (t->effort != EFFORT_UNSET)
        json_put_cstr(w->b, "reasoning_effort", effort_text(t->effort));
    if (t->logprobs) {
        json_put_bool(w->b, "logprobs", true);
        json_put_int(w->b, "top_logprobs", t->top_logprobs);
    }
    json_put_val(w->b, "logit_bias", t->logit_bias);
}

void write_openai_chat(struct buf *b, struct gen *g, const struct turn *t)
{
    struct pen w = {b, g};

    ADD(b, "{");
    pen_str(&w, "model", t->model);
    put_tools(&w, t);
    ADD(b, ",\"messages\":[");
    for (size_t i = 0; i < t->n_messages; i++)
        put_message(&w, &t->messages[i]);
    ADD(b, "]");
    put_format(&w, t);
    put_stops(&w, t);
    put_wishes(&w, t);
    pen_extras(&w, t->extras);
    json_put_bool(b, "stream", t->stream);
    ADD(b, "}");
}
