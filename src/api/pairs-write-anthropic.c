/* Requests of Anthropic's messages, as a program other than ours would write them. */
#include "api/pairs.h"
#include <math.h>

#define ADD(out, literal) buf_add(out, literal, sizeof(literal) - 1)

static void put_block_end(struct pen *w, const struct part *p)
{
    pen_extras(w, p->extras);
    ADD(w->b, "}");
}

static void put_text(struct pen *w, const struct part *p)
{
    ADD(w->b, "{\"type\":\"text\"");
    pen_str(w, "text", p->text);
    put_block_end(w, p);
}

static void put_image(struct pen *w, const struct part *p)
{
    struct slice data = p->url, head = slice_cut(&data, ',');

    ADD(w->b, "{\"type\":\"image\",\"source\":{");
    if (slice_starts(p->url, SLICE("data:"))) {
        head = (struct slice){head.p + 5, head.len - 5};
        json_put_cstr(w->b, "type", "base64");
        json_put_str(w->b, "media_type", slice_cut(&head, ';'));
        json_put_str(w->b, "data", data);
    } else {
        json_put_cstr(w->b, "type", "url");
        pen_str(w, "url", p->url);
    }
    ADD(w->b, "}");
    put_block_end(w, p);
}

static void put_thought(struct pen *w, const struct part *p)
{
    ADD(w->b, "{\"type\":\"thinking\"");
    pen_str(w, "thinking", p->text);
    pen_str(w, "signature", p->signature);
    put_block_end(w, p);
}

static void put_redacted(struct pen *w, const struct part *p)
{
    ADD(w->b, "{\"type\":\"redacted_thinking\"");
    pen_str(w, "data", p->text);
    put_block_end(w, p);
}

static void put_call(struct pen *w, const struct part *p)
{
    ADD(w->b, "{\"type\":\"tool_use\"");
    pen_str(w, "id", p->call_id);
    pen_str(w, "name", p->name);
    json_key(w->b, "input");
    buf_add_str(w->b, p->text);
    put_block_end(w, p);
}

static void (*const blocks[])(struct pen *w, const struct part *p) = {
    [PART_TEXT] = put_text,         [PART_IMAGE] = put_image, [PART_REASONING] = put_thought,
    [PART_REDACTED] = put_redacted, [PART_CALL] = put_call,
};

static void put_blocks(struct pen *w, const struct message *m)
{
    for (size_t i = 0; i < m->n_parts; i++) {
        json_sep(w->b);
        blocks[m->parts[i].kind](w, &m->parts[i]);
    }
}

/* One text alone may be a string. */
static void put_content(struct pen *w, const char *key, const struct message *m)
{
    if (m->n_parts == 1 && m->parts[0].kind == PART_TEXT && !m->parts[0].extras && m->bare) {
        pen_str(w, key, m->parts[0].text);
        return;
    }
    json_key(w->b, key);
    ADD(w->b, "[");
    put_blocks(w, m);
    ADD(w->b, "]");
}

static void put_result(struct pen *w, const struct message *m)
{
    json_sep(w->b);
    ADD(w->b, "{\"type\":\"tool_result\"");
    pen_str(w, "tool_use_id", m->call_id);
    put_content(w, "content", m);
    if (m->failed || gen_below(w->g, 8) == 0)
        json_put_bool(w->b, "is_error", m->failed);
    ADD(w->b, "}");
}

/* Results are told by the user, before what else it says.  Returns the message after these. */
static size_t put_results(struct pen *w, const struct turn *t, size_t i)
{
    json_sep(w->b);
    ADD(w->b, "{\"role\":\"user\",\"content\":[");
    for (; i < t->n_messages && t->messages[i].role == ROLE_TOOL; i++)
        put_result(w, &t->messages[i]);
    if (i < t->n_messages && t->messages[i].role == ROLE_USER)
        put_blocks(w, &t->messages[i++]);
    ADD(w->b, "]}");
    return i;
}

static void put_messages(struct pen *w, const struct turn *t)
{
    size_t i = t->messages[0].role == ROLE_SYSTEM;

    if (i > 0)
        put_content(w, "system", &t->messages[0]);
    json_key(w->b, "messages");
    ADD(w->b, "[");
    while (i < t->n_messages) {
        const struct message *m = &t->messages[i];
        if (m->role == ROLE_TOOL) {
            i = put_results(w, t, i);
            continue;
        }
        json_sep(w->b);
        ADD(w->b, "{");
        json_put_cstr(w->b, "role", role_text(m->role));
        put_content(w, "content", m);
        ADD(w->b, "}");
        i++;
    }
    ADD(w->b, "]");
}

static void put_tools(struct pen *w, const struct turn *t)
{
    json_key(w->b, "tools");
    ADD(w->b, "[");
    for (size_t i = 0; i < t->n_tools; i++) {
        const struct tool *one = &t->tools[i];
        json_sep(w->b);
        ADD(w->b, "{");
        pen_str(w, "name", one->name);
        pen_str(w, "description", one->description);
        json_put_val(w->b, "input_schema", one->schema);
        if (one->strict >= 0)
            json_put_bool(w->b, "strict", one->strict);
        pen_extras(w, one->extras);
        ADD(w->b, "}");
    }
    ADD(w->b, "]");
}

static void put_choice(struct pen *w, const struct turn *t)
{
    static const char *const words[] = {[CHOICE_AUTO] = "auto",
                                        [CHOICE_NONE] = "none",
                                        [CHOICE_REQUIRED] = "any",
                                        [CHOICE_NAMED] = "tool"};

    if (t->choice == CHOICE_UNSET)
        return;
    ADD(w->b, ",\"tool_choice\":{");
    json_put_cstr(w->b, "type", words[t->choice]);
    if (t->choice == CHOICE_NAMED)
        pen_str(w, "name", t->choice_name);
    if (t->parallel_calls == 0)
        json_put_bool(w->b, "disable_parallel_tool_use", true);
    ADD(w->b, "}");
}

static void put_wishes(struct pen *w, const struct turn *t)
{
    if (!isnan(t->temperature))
        json_put_num(w->b, "temperature", t->temperature);
    if (!isnan(t->top_p))
        json_put_num(w->b, "top_p", t->top_p);
    if (!isnan(t->top_k))
        json_put_num(w->b, "top_k", t->top_k);
    if (t->n_stops > 0)
        ADD(w->b, ",\"stop_sequences\":[");
    for (size_t i = 0; i < t->n_stops; i++) {
        json_sep(w->b);
        gen_quote(w->g, w->b, t->stops[i]);
    }
    if (t->n_stops > 0)
        ADD(w->b, "]");
}

static void put_thinking(struct pen *w, const struct turn *t)
{
    if (t->think_tokens) {
        ADD(w->b, ",\"thinking\":{\"type\":\"enabled\"");
        json_put_int(w->b, "budget_tokens", (int64_t)t->think_tokens);
        ADD(w->b, "}");
    }
    if (t->effort == EFFORT_UNSET && t->format != FORMAT_SCHEMA)
        return;
    ADD(w->b, ",\"output_config\":{");
    if (t->effort != EFFORT_UNSET)
        json_put_cstr(w->b, "effort", effort_text(t->effort));
    if (t->format == FORMAT_SCHEMA) {
        json_key(w->b, "format");
        ADD(w->b, "{\"type\":\"json_schema\"");
        json_put_val(w->b, "schema", json_get(t->schema, "schema"));
        ADD(w->b, "}");
    }
    ADD(w->b, "}");
}

void write_anthropic(struct buf *b, struct gen *g, const struct turn *t)
{
    struct pen w = {b, g};

    ADD(b, "{");
    pen_str(&w, "model", t->model);
    json_put_int(b, "max_tokens", (int64_t)t->max_tokens);
    put_messages(&w, t);
    if (t->n_tools > 0)
        put_tools(&w, t);
    put_choice(&w, t);
    put_wishes(&w, t);
    put_thinking(&w, t);
    pen_extras(&w, t->extras);
    json_put_bool(b, "stream", t->stream);
    ADD(b, "}");
}
