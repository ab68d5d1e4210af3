/* A turn's messages into items: what an assistant said becomes one item for each of its thoughts,
 * words and calls, a tool's result one of its own. */
#include "api/wire_responses.h"
#include <sodium.h>

static const char format[] = "OpenAI's Responses API";

enum {
    CALL_ID_MAX = 64, /* the API's own; some gateways make far longer ones */
};

static void close_item(struct writing *w, const struct extra *extras)
{
    put_extras(w, extras);
    ADD(w->out, "}");
}

static void open_item(struct writing *w, const char *type)
{
    json_sep(w->out);
    ADD(w->out, "{");
    json_put_cstr(w->out, "type", type);
}

/* ---- parts of a message ---- */

static void put_text(struct writing *w, const struct message *m, const struct part *p)
{
    open_item(w, m->role == ROLE_ASSISTANT ? "output_text" : "input_text");
    json_put_str(w->out, "text", p->text);
    close_item(w, p->extras);
}

static void put_refusal(struct writing *w, const struct message *m, const struct part *p)
{
    (void)m;
    open_item(w, "refusal");
    json_put_str(w->out, "refusal", p->text);
    close_item(w, p->extras);
}

static void put_image(struct writing *w, const struct message *m, const struct part *p)
{
    (void)m;
    open_item(w, "input_image");
    json_put_str(w->out, "image_url", p->url);
    json_put_str(w->out, "detail", p->detail.p ? p->detail : SLICE("auto"));
    close_item(w, p->extras);
}

/* What only this format can say. */
static void put_raw(struct writing *w, const struct message *m, const struct part *p)
{
    (void)m;
    if (!w->own || !p->raw) {
        writing_refuse(w, format, "a part of a message");
        return;
    }
    json_sep(w->out);
    json_add_val(w->out, p->raw);
}

static void put_file(struct writing *w, const struct message *m, const struct part *p)
{
    struct slice url = file_url(p), name = file_name(p);
    struct slice id = json_get_str(json_get(p->raw, "file"), "file_id");

    if (w->own && p->raw) {
        put_raw(w, m, p);
        return;
    }
    open_item(w, "input_file");
    if (slice_starts(url, SLICE("data:"))) {
        json_put_str(w->out, "filename", name.p ? name : SLICE("file")); /* wanted beside data */
        json_put_str(w->out, "file_data", url);
    } else if (url.p) {
        json_put_str(w->out, "file_url", url);
    } else if (id.p) {
        json_put_str(w->out, "file_id", id);
    } else {
        writing_refuse(w, format, "a file without its data");
    }
    close_item(w, p->extras);
}

/* How a part stands in a message's content; the other kinds are items. */
static void (*const content[])(struct writing *w, const struct message *m, const struct part *p) = {
    [PART_TEXT] = put_text, [PART_IMAGE] = put_image,     [PART_AUDIO] = put_raw,
    [PART_FILE] = put_file, [PART_REFUSAL] = put_refusal, [PART_OTHER] = put_raw,
};

static bool is_content(const struct part *p)
{
    return content[p->kind] != NULL;
}

/* ---- items ---- */

/* Parts from..end of a message, all content. */
static void put_content(struct writing *w, const struct message *m, size_t from, size_t end)
{
    const struct part *p = &m->parts[from];

    if (end == from + 1 && p->kind == PART_TEXT && !p->extras && (m->bare || !w->own) &&
        m->role != ROLE_ASSISTANT) {
        buf_add_json(w->out, p->text);
        return;
    }
    ADD(w->out, "[");
    for (size_t i = from; i < end; i++)
        content[m->parts[i].kind](w, m, &m->parts[i]);
    ADD(w->out, "]");
}

static void put_words(struct writing *w, const struct message *m, size_t from, size_t end)
{
    if (m->raw && m->parts[from].raw == m->raw) { /* an item of a type that nigh does not know */
        put_raw(w, m, &m->parts[from]);
        return;
    }
    open_item(w, "message");
    json_put_cstr(w->out, "role", role_text(m->role));
    json_key(w->out, "content");
    put_content(w, m, from, end);
    close_item(w, m->extras);
}

/* A place reads what itself sealed; another's it refuses. */
static bool may_read(const struct writing *w, const struct part *p)
{
    enum seal seal = seal_of(p->signature);

    if (w->own)
        return seal != SEAL_ANTHROPIC;
    return seal == SEAL_OPENAI || (p->signature.len > 0 && p->call_id.len > 0);
}

static void put_reasoning(struct writing *w, const struct part *p)
{
    if (!may_read(w, p))
        return;
    open_item(w, "reasoning");
    if (p->signature.len > 0)
        put_if(w->out, "id", p->call_id); /* without its seal the id would name what was not kept */
    ADD(w->out, ",\"summary\":[");
    if (p->text.len > 0) {
        ADD(w->out, "{\"type\":\"summary_text\",\"text\":");
        buf_add_json(w->out, p->text);
        ADD(w->out, "}");
    }
    ADD(w->out, "]");
    if (p->signature.len > 0)
        json_put_str(w->out, "encrypted_content", p->signature);
    close_item(w, p->extras);
}

/* A long id becomes a short one, the same wherever the call is spoken of. */
static void put_call_id(struct writing *w, struct slice id)
{
    unsigned char hash[16];
    char hex[2 * sizeof hash + 1];

    if (id.len <= CALL_ID_MAX) {
        json_put_str(w->out, "call_id", id);
        return;
    }
    crypto_generichash(hash, sizeof hash, (const unsigned char *)id.p, id.len, NULL, 0);
    sodium_bin2hex(hex, sizeof hex, hash, sizeof hash);
    json_put_cstr(w->out, "call_id", hex);
}

static void put_call(struct writing *w, const struct part *p)
{
    open_item(w, "function_call");
    put_call_id(w, p->call_id);
    json_put_str(w->out, "name", p->name);
    json_put_str(w->out, "arguments", p->text.len > 0 ? p->text : SLICE("{}"));
    close_item(w, p->extras);
}

static void put_result(struct writing *w, const struct message *m)
{
    open_item(w, "function_call_output");
    put_call_id(w, m->call_id);
    json_key(w->out, "output");
    if (m->n_parts == 0)
        ADD(w->out, "\"\"");
    else
        put_content(w, m, 0, m->n_parts);
    close_item(w, m->extras);
}

/* An assistant who said nothing is left out, as a message of no parts says nothing here. */
static bool is_silent(const struct writing *w, const struct message *m)
{
    return m->role == ROLE_ASSISTANT && !w->own && m->n_parts == 1 &&
           m->parts[0].kind == PART_TEXT && m->parts[0].text.len == 0;
}

static void put_items(struct writing *w, const struct message *m)
{
    for (size_t i = 0, end; i < m->n_parts; i = end) {
        const struct part *p = &m->parts[i];
        end = i + 1;
        while (end < m->n_parts && is_content(p) && is_content(&m->parts[end]))
            end++;
        if (p->kind == PART_CALL)
            put_call(w, p);
        else if (p->kind == PART_REASONING)
            put_reasoning(w, p);
        else if (is_content(p) && !(end == i + 1 && p->kind == PART_TEXT && p->text.len == 0 &&
                                    m->n_parts > 1 && !w->own)) /* "" beside calls */
            put_words(w, m, i, end);
    }
}

/* The first words of a system: what this API calls instructions. */
static bool is_instructions(const struct message *m)
{
    return m->role == ROLE_SYSTEM && m->n_parts == 1 && m->parts[0].kind == PART_TEXT &&
           !m->parts[0].extras && !m->extras && m->bare;
}

void responses_put_input(struct writing *w)
{
    const struct turn *t = w->turn;
    size_t i = 0;

    if (t->n_messages > 1 && is_instructions(&t->messages[0]))
        json_put_str(w->out, "instructions", t->messages[i++].parts[0].text);
    json_key(w->out, "input");
    ADD(w->out, "[");
    for (; i < t->n_messages; i++)
        if (t->messages[i].role == ROLE_TOOL)
            put_result(w, &t->messages[i]);
        else if (!is_silent(w, &t->messages[i]))
            put_items(w, &t->messages[i]);
    ADD(w->out, "]");
}
