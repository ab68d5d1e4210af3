/* A turn's messages into Anthropic's: the system's apart, the others by turns, each a list of
 * blocks. */
#include "api/wire_anthropic.h"
#include "base/json.h"
#include <sodium.h>

static const char format[] = "Anthropic's format";

static bool is_system(const struct message *m)
{
    return m->role == ROLE_SYSTEM || m->role == ROLE_DEVELOPER;
}

/* Whose turn a message belongs to: tools' results are told by the user. */
enum side { SIDE_USER, SIDE_ASSISTANT, SIDE_SYSTEM };
static enum side side_of(const struct message *m)
{
    return m->role == ROLE_ASSISTANT ? SIDE_ASSISTANT : is_system(m) ? SIDE_SYSTEM : SIDE_USER;
}

bool anthropic_thinking_ours(const struct part *p)
{
    struct slice seal = p->kind == PART_REDACTED ? p->text : p->signature;

    return seal.len > 0 && p->call_id.len == 0 && seal_of(seal) != SEAL_OPENAI;
}

bool anthropic_thinking_lost(const struct turn *turn)
{
    for (size_t i = turn->n_messages; i-- > 0;) {
        const struct message *m = &turn->messages[i];
        if (m->role == ROLE_USER)
            return false;
        if (m->role != ROLE_ASSISTANT)
            continue;
        const struct part *first = m->n_parts > 0 ? &m->parts[0] : NULL;
        return !first || (first->kind != PART_REASONING && first->kind != PART_REDACTED) ||
               !anthropic_thinking_ours(first);
    }
    return false;
}

static void close_block(struct writing *w, const struct extra *extras)
{
    static const char hint[] = "cache_control"; /* means the same wherever it is written */

    put_extras(w, extras);
    for (; extras && !w->own; extras = extras->next)
        if (slice_is(extras->key, hint))
            json_put_val(w->out, hint, extras->val);
    ADD(w->out, "}");
}

static void open_block(struct writing *w, const char *type)
{
    json_sep(w->out);
    ADD(w->out, "{");
    json_put_cstr(w->out, "type", type);
}

/* The API refuses empty text, which OpenAI's callers send beside calls. */
static void put_text(struct writing *w, const struct part *p)
{
    if (p->text.len == 0 && !w->own)
        return;
    open_block(w, "text");
    json_put_str(w->out, "text", p->text);
    close_block(w, p->extras);
}

/* A tool's call id: the API takes letters, digits, "_" and "-" alone, some places make others. */
static void put_id(struct writing *w, const char *key, struct slice id)
{
    json_key(w->out, key);
    ADD(w->out, "\"");
    for (size_t i = 0; i < id.len; i++) {
        char c = id.p[i];
        if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
            c == '_' || c == '-')
            buf_add_char(w->out, c);
        else
            buf_printf(w->out, "_%02x", (unsigned char)c);
    }
    if (id.len == 0)
        ADD(w->out, "call");
    ADD(w->out, "\"");
}

static void put_source_base64(struct writing *w, const struct part *p, struct slice type,
                              struct slice data)
{
    if (slice_is(type, "image/jpg"))
        type = SLICE("image/jpeg");
    ADD(w->out, ",\"source\":{\"type\":\"base64\"");
    json_put_str(w->out, "media_type", type);
    json_put_str(w->out, "data", data);
    put_extras(w, p->inner);
    ADD(w->out, "}");
}

static void put_source_url(struct writing *w, const struct part *p, struct slice url)
{
    ADD(w->out, ",\"source\":{\"type\":\"url\"");
    json_put_str(w->out, "url", url);
    put_extras(w, p->inner);
    ADD(w->out, "}");
}

static void put_image(struct writing *w, const struct part *p)
{
    struct slice type = {0}, data = {0};

    if (slice_starts(p->url, SLICE("data:")) && !data_url_split(p->url, &type, &data)) {
        writing_refuse(w, format, "an image that is not base64");
        return;
    }
    open_block(w, "image");
    if (slice_starts(p->url, SLICE("data:")))
        put_source_base64(w, p, type, data);
    else
        put_source_url(w, p, p->url);
    close_block(w, p->extras);
}

/* A text's base64 as the text itself. */
static void put_source_text(struct writing *w, struct slice base64)
{
    CLEANUP(buf_done) struct buf text = {0};
    size_t len = 0;

    if (!buf_reserve(&text, base64.len / 4 * 3 + 4) ||
        sodium_base642bin((unsigned char *)text.data, text.cap, base64.p, base64.len, "\r\n", &len,
                          NULL, sodium_base64_VARIANT_ORIGINAL) != 0 ||
        !slice_utf8((struct slice){text.data, len})) {
        writing_refuse(w, format, "a file that says it is text and is not");
        return;
    }
    ADD(w->out, ",\"source\":{\"type\":\"text\",\"media_type\":\"text/plain\"");
    json_put_str(w->out, "data", (struct slice){text.data, len});
    ADD(w->out, "}");
}

static void put_file(struct writing *w, const struct part *p)
{
    struct slice url = file_url(p), type = {0}, data = {0};
    bool inside = data_url_split(url, &type, &data);

    if (w->own && p->raw) {
        json_sep(w->out);
        json_add_val(w->out, p->raw);
        return;
    }
    if (!inside && !slice_starts(url, SLICE("https://")) && !slice_starts(url, SLICE("http://"))) {
        writing_refuse(w, format, "a file without its data");
        return;
    }
    open_block(w, "document");
    put_if(w->out, "title", file_name(p));
    if (!inside)
        put_source_url(w, p, url);
    else if (slice_starts(type, SLICE("text/")))
        put_source_text(w, data);
    else
        put_source_base64(w, p, type, data);
    close_block(w, p->extras);
}

/* What only this format can say. */
static void put_raw(struct writing *w, const struct part *p)
{
    if (!w->own || !p->raw) {
        writing_refuse(w, format, "a part of a message");
        return;
    }
    json_sep(w->out);
    json_add_val(w->out, p->raw);
}

static void put_thinking(struct writing *w, const struct part *p)
{
    if (!anthropic_thinking_ours(p) && !w->own)
        return; /* without its maker's proof the API refuses it */
    open_block(w, "thinking");
    json_put_str(w->out, "thinking", p->text);
    json_put_str(w->out, "signature", p->signature);
    close_block(w, p->extras);
}

static void put_redacted(struct writing *w, const struct part *p)
{
    if (!anthropic_thinking_ours(p) && !w->own)
        return;
    open_block(w, "redacted_thinking");
    json_put_str(w->out, "data", p->text);
    close_block(w, p->extras);
}

/* Arguments travel as an object, not as its text; none at all is the empty one. */
static void put_arguments(struct writing *w, struct slice text)
{
    struct arena scratch;
    yyjson_val *root;

    text = slice_trim(text);
    if (text.len == 0)
        text = SLICE("{}");
    arena_init(&scratch, (size_t)JSON_ROOM * (text.len + 4096));
    if (json_parse(&root, text, &scratch, NULL) == NIGH_OK && yyjson_is_obj(root)) {
        json_key(w->out, "input");
        buf_add_str(w->out, text);
    } else {
        writing_refuse(w, format, "a call whose arguments are no JSON object");
    }
    arena_done(&scratch);
}

static void put_call(struct writing *w, const struct part *p)
{
    open_block(w, "tool_use");
    put_id(w, "id", p->call_id);
    json_put_str(w->out, "name", p->name);
    put_arguments(w, p->text);
    close_block(w, p->extras);
}

static void (*const blocks[])(struct writing *w, const struct part *p) = {
    [PART_TEXT] = put_text, [PART_IMAGE] = put_image,       [PART_AUDIO] = put_raw,
    [PART_FILE] = put_file, [PART_REFUSAL] = put_text,      [PART_REASONING] = put_thinking,
    [PART_CALL] = put_call, [PART_REDACTED] = put_redacted, [PART_OTHER] = put_raw,
};

static void put_blocks(struct writing *w, const struct message *m)
{
    for (size_t i = 0; i < m->n_parts; i++)
        blocks[m->parts[i].kind](w, &m->parts[i]);
}

/* Content that may be one string. */
static bool is_string(const struct writing *w, const struct message *m)
{
    return m->n_parts == 1 && m->parts[0].kind == PART_TEXT && !m->parts[0].extras &&
           (w->own ? m->bare : m->parts[0].text.len > 0);
}

/* A tool that had nothing to say. */
static bool is_empty(const struct writing *w, const struct message *m)
{
    return m->n_parts == 0 || (m->n_parts == 1 && m->parts[0].kind == PART_TEXT && !w->own &&
                               m->parts[0].text.len == 0);
}

static void put_result(struct writing *w, const struct message *m)
{
    open_block(w, "tool_result");
    put_id(w, "tool_use_id", m->call_id);
    if (is_string(w, m)) {
        json_put_str(w->out, "content", m->parts[0].text);
    } else if (!is_empty(w, m)) {
        ADD(w->out, ",\"content\":[");
        put_blocks(w, m);
        ADD(w->out, "]");
    }
    if (m->failed)
        json_put_bool(w->out, "is_error", true);
    close_block(w, m->extras);
}

/* Which messages stand in `system`: of a caller of this format those in front, since it has a role
 * for the others; of any other caller all. */
static size_t n_leading(const struct turn *turn)
{
    size_t n = 0;

    while (n < turn->n_messages && is_system(&turn->messages[n]))
        n++;
    return n;
}

/* A conversation of nothing but instructions: the API wants a user's word, so they are that. */
static bool all_system(const struct turn *turn)
{
    return n_leading(turn) == turn->n_messages;
}

static void put_system(struct writing *w)
{
    const struct turn *t = w->turn;
    size_t end = w->own ? n_leading(t) : t->n_messages, n = 0, only = 0;

    for (size_t i = 0; i < end; i++)
        if (is_system(&t->messages[i]) && n++ == 0)
            only = i;
    if (n == 0 || all_system(t))
        return;
    json_key(w->out, "system");
    if (n == 1 && is_string(w, &t->messages[only])) {
        buf_add_json(w->out, t->messages[only].parts[0].text);
        return;
    }
    ADD(w->out, "[");
    for (size_t i = 0; i < end; i++)
        if (is_system(&t->messages[i]))
            put_blocks(w, &t->messages[i]);
    ADD(w->out, "]");
}

static bool is_left_out(const struct writing *w, size_t i)
{
    return is_system(&w->turn->messages[i]) && !all_system(w->turn) &&
           (!w->own || i < n_leading(w->turn));
}

/* The end of the run of messages from `from` that are one side's. */
static size_t run_end(const struct writing *w, size_t from)
{
    const struct message *m = w->turn->messages;
    size_t end = from + 1;

    while (end < w->turn->n_messages &&
           (is_left_out(w, end) || side_of(&m[end]) == side_of(&m[from])))
        end++;
    return end;
}

/* Results of tools stand before other blocks, as the API wants it; a caller of this format has seen
 * to it. */
static void put_run_blocks(struct writing *w, size_t from, size_t end)
{
    const struct message *m = w->turn->messages;

    for (size_t i = from; i < end; i++)
        if (!is_left_out(w, i) && m[i].role == ROLE_TOOL)
            put_result(w, &m[i]);
        else if (!is_left_out(w, i) && w->own)
            put_blocks(w, &m[i]);
    for (size_t i = from; i < end && !w->own; i++)
        if (!is_left_out(w, i) && m[i].role != ROLE_TOOL)
            put_blocks(w, &m[i]);
}

static void put_run(struct writing *w, size_t from, size_t end)
{
    static const char *const roles[] = {"user", "assistant", "system"};
    const struct message *m = &w->turn->messages[from];
    enum side side = all_system(w->turn) ? SIDE_USER : side_of(m);
    size_t start = w->out->len;

    json_sep(w->out);
    ADD(w->out, "{");
    json_put_cstr(w->out, "role", roles[side]);
    json_key(w->out, "content");
    if (end == from + 1 && m->role != ROLE_TOOL && is_string(w, m)) {
        buf_add_json(w->out, m->parts[0].text);
    } else {
        ADD(w->out, "[");
        size_t empty = w->out->len;
        put_run_blocks(w, from, end);
        if (w->out->len == empty && !w->own && !w->out->failed) { /* it says nothing here */
            w->out->len = start;
            w->out->data[start] = '\0';
            return;
        }
        ADD(w->out, "]");
    }
    if (m->role != ROLE_TOOL)
        put_extras(w, m->extras);
    ADD(w->out, "}");
}

void anthropic_put_messages(struct writing *w)
{
    put_system(w);
    json_key(w->out, "messages");
    ADD(w->out, "[");
    size_t before = w->out->len;
    for (size_t i = 0, end; i < w->turn->n_messages; i = end) {
        end = i + 1;
        if (is_left_out(w, i))
            continue;
        end = run_end(w, i);
        put_run(w, i, end);
    }
    if (w->out->len == before && !w->out->failed) /* found by pairs-test.c */
        writing_refuse(w, format, "a conversation of nothing but empty texts");
    ADD(w->out, "]");
}
