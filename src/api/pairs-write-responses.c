/* Requests of OpenAI's responses, as a program other than ours would write them. */
#include "api/pairs.h"
#include <math.h>

#define ADD(out, literal) buf_add(out, literal, sizeof(literal) - 1)

static void open_item(struct pen *w, const char *type)
{
    json_sep(w->b);
    ADD(w->b, "{");
    json_put_cstr(w->b, "type", type);
}

static void close_item(struct pen *w, const struct extra *extras)
{
    pen_extras(w, extras);
    ADD(w->b, "}");
}

static void put_part(struct pen *w, const struct message *m, const struct part *p)
{
    bool said = m->role == ROLE_ASSISTANT;

    if (p->kind == PART_TEXT) {
        open_item(w, said ? "output_text" : "input_text");
        pen_str(w, "text", p->text);
        if (said)
            ADD(w->b, ",\"annotations\":[]");
    } else if (p->kind == PART_REFUSAL) {
        open_item(w, "refusal");
        pen_str(w, "refusal", p->text);
    } else {
        open_item(w, "input_image");
        pen_str(w, "image_url", p->url);
        pen_str(w, "detail", p->detail);
    }
    close_item(w, p->extras);
}

static bool in_content(const struct part *p)
{
    return p->kind == PART_TEXT || p->kind == PART_IMAGE || p->kind == PART_REFUSAL;
}

/* Parts from..end; one text alone may be a string. */
static void put_content(struct pen *w, const char *key, const struct message *m, size_t from,
                        size_t end)
{
    const struct part *p = &m->parts[from];

    if (end == from + 1 && p->kind == PART_TEXT && !p->extras && m->bare &&
        m->role != ROLE_ASSISTANT) {
        pen_str(w, key, p->text);
        return;
    }
    json_key(w->b, key);
    ADD(w->b, "[");
    for (size_t i = from; i < end; i++)
        put_part(w, m, &m->parts[i]);
    ADD(w->b, "]");
}

static void put_message(struct pen *w, const struct message *m, size_t from, size_t end)
{
    json_sep(w->b);
    ADD(w->b, "{");
    if (gen_below(w->g, 2)) /* the easy form has none */
        json_put_cstr(w->b, "type", "message");
    json_put_cstr(w->b, "role", role_text(m->role));
    if (m->role == ROLE_ASSISTANT && gen_below(w->g, 2)) /* given back as it came */
        ADD(w->b, ",\"id\":\"msg_1\",\"status\":\"completed\"");
    put_content(w, "content", m, from, end);
    ADD(w->b, "}");
}

static void put_call(struct pen *w, const struct part *p)
{
    open_item(w, "function_call");
    pen_str(w, "call_id", p->call_id);
    pen_str(w, "name", p->name);
    pen_str(w, "arguments", p->text);
    close_item(w, p->extras);
}

static void put_thought(struct pen *w, const struct part *p)
{
    open_item(w, "reasoning");
    ADD(w->b, ",\"summary\":[");
    if (p->kind == PART_REASONING) {
        ADD(w->b, "{\"type\":\"summary_text\"");
        pen_str(w, "text", p->text);
        ADD(w->b, "}]");
        pen_str(w, "encrypted_content", p->signature);
    } else { /* how nigh gave it to the caller */
        ADD(w->b, "],\"encrypted_content\":\"nigh-redacted:");
        buf_add_str(w->b, p->text);
        ADD(w->b, "\"");
    }
    close_item(w, p->extras);
}

static void put_items(struct pen *w, const struct message *m)
{
    for (size_t i = 0, end; i < m->n_parts; i = end) {
        const struct part *p = &m->parts[i];
        end = i + 1;
        while (end < m->n_parts && in_content(p) && in_content(&m->parts[end]))
            end++;
        if (in_content(p))
            put_message(w, m, i, end);
        else if (p->kind == PART_CALL)
            put_call(w, p);
        else
            put_thought(w, p);
    }
}

static void put_input(struct pen *w, const struct turn *t)
{
    const struct message *first = &t->messages[0];
    bool instructs =
        t->n_messages > 1 && first->role == ROLE_SYSTEM && first->bare && gen_below(w->g, 2);

    if (instructs)
        pen_str(w, "instructions", first->parts[0].text);
    ADD(w->b, ",\"input\":[");
    for (size_t i = instructs; i < t->n_messages; i++) {
        const struct message *m = &t->messages[i];
        if (m->role != ROLE_TOOL) {
            put_items(w, m);
            continue;
        }
        open_item(w, "function_call_output");
        pen_str(w, "call_id", m->call_id);
        put_content(w, "output", m, 0, m->n_parts);
        ADD(w->b, "}");
    }
    ADD(w->b, "]");
}

static void put_tools(struct pen *w, const struct turn *t)
{
    static const char *const words[] = {[CHOICE_AUTO] = "auto",
                                        [CHOICE_NONE] = "none",
                                        [CHOICE_REQUIRED] = "required",
                                        [CHOICE_NAMED] = NULL};

    ADD(w->b, ",\"tools\":[");
    for (size_t i = 0; i < t->n_tools; i++) {
        const struct tool *one = &t->tools[i];
        open_item(w, "function");
        pen_str(w, "name", one->name);
        pen_str(w, "description", one->description);
        json_put_val(w->b, "parameters", one->schema);
        if (one->strict >= 0)
            json_put_bool(w->b, "strict", one->strict);
        close_item(w, one->extras);
    }
    ADD(w->b, "]");
    if (words[t->choice])
        json_put_cstr(w->b, "tool_choice", words[t->choice]);
    if (t->choice == CHOICE_NAMED) {
        ADD(w->b, ",\"tool_choice\":{\"type\":\"function\"");
        pen_str(w, "name", t->choice_name);
        ADD(w->b, "}");
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
    ADD(w->b, ",\"text\":{\"format\":{");
    json_put_cstr(w->b, "type", words[t->format]);
    if (t->format == FORMAT_SCHEMA) {
        json_put_val(w->b, "name", json_get(t->schema, "name"));
        json_put_val(w->b, "strict", json_get(t->schema, "strict"));
        json_put_val(w->b, "schema", json_get(t->schema, "schema"));
    }
    ADD(w->b, "}}");
}

static void put_wishes(struct pen *w, const struct turn *t)
{
#define PUT_WISH(member, name, low, high)                                                          \
    if (!isnan(t->member))                                                                         \
        json_put_num(w->b, name, t->member);
    TURN_WISHES(PUT_WISH)
    TURN_MORE_WISHES(PUT_WISH)
#undef PUT_WISH
    if (t->has_seed)
        json_put_int(w->b, "seed", t->seed);
    if (t->max_tokens > 0)
        json_put_int(w->b, "max_output_tokens", (int64_t)t->max_tokens);
    if (t->effort != EFFORT_UNSET) {
        ADD(w->b, ",\"reasoning\":{");
        json_put_cstr(w->b, "effort", effort_text(t->effort));
        ADD(w->b, "}");
    }
    if (t->logprobs) {
        ADD(w->b, ",\"include\":[\"message.output_text.logprobs\"]");
        json_put_int(w->b, "top_logprobs", t->top_logprobs);
    }
}

void write_responses(struct buf *b, struct gen *g, const struct turn *t)
{
    struct pen w = {b, g};

    ADD(b, "{");
    pen_str(&w, "model", t->model);
    put_input(&w, t);
    if (t->n_tools > 0)
        put_tools(&w, t);
    put_format(&w, t);
    put_wishes(&w, t);
    pen_extras(&w, t->extras);
    if (gen_below(g, 2))
        json_put_bool(b, "store", false);
    json_put_bool(b, "stream", t->stream);
    ADD(b, "}");
}
