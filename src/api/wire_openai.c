/* A turn into the body of a chat request for an OpenAI-compatible place. */
#include "api/wire_openai.h"
#include "api/wire_verbs.h"
#include "api/wire_write.h"
#include <math.h>

/* Claude Code puts a line with a hash of the request in front of its system prompt, as a block of
 * its own (2.1.36 and later, github.com/anthropics/claude-code/issues/24168).  It says nothing to a
 * model that is not Anthropic's, and what changes in front makes a cached prefix worthless. */
static struct slice without_stamp(struct slice text)
{
    while (slice_starts(text, SLICE("x-anthropic-billing-header:"))) {
        struct slice rest = text;
        slice_cut(&rest, '\n');
        text = rest.p ? rest : SLICE("");
    }
    return text;
}

/* A part's text as it is told. */
static struct slice text_of(const struct writing *w, const struct part *p)
{
    const struct message *first = w->turn->messages;
    bool in_front =
        p == first->parts && (first->role == ROLE_SYSTEM || first->role == ROLE_DEVELOPER);

    return w->stable && in_front ? without_stamp(p->text) : p->text;
}

static void put_text(struct writing *w, const struct part *p)
{
    ADD(w->out, "{\"type\":\"text\",\"text\":");
    buf_add_json(w->out, text_of(w, p));
    put_extras(w, p->extras);
    ADD(w->out, "}");
}

static void put_refusal(struct writing *w, const struct part *p)
{
    ADD(w->out, "{\"type\":\"refusal\",\"refusal\":");
    buf_add_json(w->out, p->text);
    put_extras(w, p->extras);
    ADD(w->out, "}");
}

static void put_image(struct writing *w, const struct part *p)
{
    ADD(w->out, "{\"type\":\"image_url\",\"image_url\":{\"url\":");
    buf_add_json(w->out, p->url);
    put_if(w->out, "detail", p->detail);
    put_extras(w, p->inner);
    ADD(w->out, "}");
    put_extras(w, p->extras);
    ADD(w->out, "}");
}

/* What only the format it came in can say. */
static void put_raw(struct writing *w, const struct part *p)
{
    if (w->own && p->raw)
        json_add_val(w->out, p->raw);
    else
        writing_refuse(w, "OpenAI's format", "a part of this message");
}

/* How a part stands in a list of content; the other kinds are members of the message. */
static void (*const content_parts[])(struct writing *w, const struct part *p) = {
    [PART_TEXT] = put_text, [PART_IMAGE] = put_image,     [PART_AUDIO] = put_raw,
    [PART_FILE] = put_raw,  [PART_REFUSAL] = put_refusal, [PART_OTHER] = put_raw,
};

/* Nothing but what is left out. */
static bool is_stamp(const struct writing *w, const struct part *p)
{
    return p->kind == PART_TEXT && p->text.len > 0 && text_of(w, p).len == 0;
}

/* An image in a tool's result, where tool messages are of text: a message behind them shows it. */
static bool is_shown_later(const struct writing *w, const struct message *m, const struct part *p)
{
    return p->kind == PART_IMAGE && m->role == ROLE_TOOL && !w->seen_results;
}

static bool is_content(const struct writing *w, const struct message *m, const struct part *p)
{
    return content_parts[p->kind] && (p->kind != PART_REFUSAL || p->raw) && !is_stamp(w, p) &&
           !is_shown_later(w, m, p);
}

/* Has it a member beside its content?  Sealed thinking, which this format has no word for, is none.
 */
static bool says_besides(const struct message *m)
{
    bool says = m->extras != NULL;

    for (size_t i = 0; i < m->n_parts; i++)
        says |= m->parts[i].kind == PART_CALL || m->parts[i].kind == PART_REFUSAL ||
                m->parts[i].kind == PART_REASONING;
    return says;
}

static void put_content(struct writing *w, const struct message *m)
{
    const struct part *first = NULL;
    size_t n = 0;

    for (size_t i = 0; i < m->n_parts; i++)
        if (is_content(w, m, &m->parts[i]) && n++ == 0)
            first = &m->parts[i];
    json_key(w->out, "content");
    if (n == 1 && first->kind == PART_TEXT && (m->bare || !w->own)) {
        buf_add_json(w->out, text_of(w, first));
        return;
    }
    if (n == 0 && m->role == ROLE_ASSISTANT && says_besides(m)) {
        ADD(w->out, "null");
        return;
    }
    if (n == 0 && (m->role == ROLE_TOOL || m->n_parts > 0)) {
        ADD(w->out, "\"\""); /* an empty list is refused at OpenAI */
        return;
    }
    ADD(w->out, "[");
    for (size_t i = 0; i < m->n_parts; i++)
        if (is_content(w, m, &m->parts[i])) {
            json_sep(w->out);
            content_parts[m->parts[i].kind](w, &m->parts[i]);
        }
    ADD(w->out, "]");
}

static void put_call(struct writing *w, const struct part *p)
{
    ADD(w->out, "{\"id\":");
    buf_add_json(w->out, p->call_id);
    ADD(w->out, ",\"type\":\"function\",\"function\":{\"name\":");
    buf_add_json(w->out, p->name);
    ADD(w->out, ",\"arguments\":");
    buf_add_json(w->out, p->text);
    put_extras(w, p->inner);
    ADD(w->out, "}");
    put_extras(w, p->extras);
    ADD(w->out, "}");
}

static void put_calls(struct writing *w, const struct message *m)
{
    bool any = false;

    for (size_t i = 0; i < m->n_parts; i++) {
        if (m->parts[i].kind != PART_CALL)
            continue;
        if (!any)
            ADD(w->out, ",\"tool_calls\":[");
        any = true;
        json_sep(w->out);
        put_call(w, &m->parts[i]);
    }
    if (any)
        ADD(w->out, "]");
}

/* An assistant's refusal or thinking as a member of the message; several pieces make one text. */
static void put_said(struct writing *w, const struct message *m, enum part_kind kind,
                     const char *key)
{
    CLEANUP(buf_done) struct buf joined = {0};
    const struct part *one = NULL;
    size_t n = 0;

    for (size_t i = 0; i < m->n_parts; i++)
        if (m->parts[i].kind == kind && !is_content(w, m, &m->parts[i]) && n++ == 0)
            one = &m->parts[i];
    if (n == 0)
        return;
    for (size_t i = 0; i < m->n_parts && n > 1; i++)
        if (m->parts[i].kind == kind && !is_content(w, m, &m->parts[i]))
            buf_add_str(&joined, m->parts[i].text);
    w->out->failed |= joined.failed;
    json_put_str(w->out, key, n > 1 ? buf_slice(&joined) : one->text);
}

static void put_message(struct writing *w, const struct message *m)
{
    json_sep(w->out);
    ADD(w->out, "{");
    json_put_cstr(w->out, "role", role_text(m->role));
    put_content(w, m);
    put_if(w->out, "name", m->name);
    put_if(w->out, "tool_call_id", m->call_id);
    put_said(w, m, PART_REASONING, "reasoning_content");
    put_said(w, m, PART_REFUSAL, "refusal");
    put_calls(w, m);
    put_extras(w, m->extras);
    ADD(w->out, "}");
}

/* The images of a tool message, as parts of one message of the user's that any of them begins. */
static void put_shown(struct writing *w, const struct message *m, bool *began)
{
    for (size_t i = 0; i < m->n_parts; i++) {
        if (!is_shown_later(w, m, &m->parts[i]))
            continue;
        json_sep(w->out);
        if (!*began)
            ADD(w->out, "{\"role\":\"user\",\"content\":[");
        *began = true;
        put_image(w, &m->parts[i]);
    }
}

/* Behind the last result of a round, since nothing may stand between a call and its results; last
 * is its number. */
static void put_round_shown(struct writing *w, size_t last)
{
    const struct message *messages = w->turn->messages;
    size_t first = last;
    bool began = false;

    while (first > 0 && messages[first - 1].role == ROLE_TOOL)
        first--;
    for (size_t i = first; i <= last; i++)
        put_shown(w, &messages[i], &began);
    if (began)
        ADD(w->out, "]}");
}

static void put_messages(struct writing *w)
{
    const struct turn *t = w->turn;

    json_key(w->out, "messages");
    ADD(w->out, "[");
    for (size_t i = 0; i < t->n_messages; i++) {
        const struct message *m = &t->messages[i];
        if (m->n_parts != 1 || !is_stamp(w, m->parts))
            put_message(w, m);
        if (m->role == ROLE_TOOL && (i + 1 == t->n_messages || m[1].role != ROLE_TOOL))
            put_round_shown(w, i);
    }
    ADD(w->out, "]");
}

/* Prompts to go on from: a string or token numbers each. */
static void put_prompts(struct writing *w)
{
    json_key(w->out, "prompt");
    ADD(w->out, "[");
    for (size_t i = 0; i < w->turn->n_messages; i++) {
        const struct part *p = &w->turn->messages[i].parts[0];
        json_sep(w->out);
        if (p->kind == PART_TEXT)
            buf_add_json(w->out, p->text);
        else
            json_add_val(w->out, p->raw);
    }
    ADD(w->out, "]");
    put_if(w->out, "suffix", w->turn->suffix);
    if (w->turn->echo)
        json_put_bool(w->out, "echo", true);
}

static void put_tools(struct writing *w)
{
    if (w->turn->n_tools == 0)
        return;
    json_key(w->out, "tools");
    ADD(w->out, "[");
    for (size_t i = 0; i < w->turn->n_tools; i++) {
        const struct tool *t = &w->turn->tools[i];
        json_sep(w->out);
        ADD(w->out, "{\"type\":\"function\",\"function\":{");
        json_put_str(w->out, "name", t->name);
        put_if(w->out, "description", t->description);
        json_put_val(w->out, "parameters", t->schema);
        if (t->strict >= 0)
            json_put_bool(w->out, "strict", t->strict);
        put_extras(w, t->inner);
        ADD(w->out, "}");
        put_extras(w, t->extras);
        ADD(w->out, "}");
    }
    ADD(w->out, "]");
}

static void put_choice(struct writing *w)
{
    static const char *const words[] = {
        [CHOICE_AUTO] = "auto",
        [CHOICE_NONE] = "none",
        [CHOICE_REQUIRED] = "required",
        [CHOICE_NAMED] = NULL,
    };
    const struct turn *t = w->turn;

    if (words[t->choice])
        json_put_cstr(w->out, "tool_choice", words[t->choice]);
    if (t->choice == CHOICE_NAMED) {
        ADD(w->out, ",\"tool_choice\":{\"type\":\"function\",\"function\":{");
        json_put_str(w->out, "name", t->choice_name);
        ADD(w->out, "}}");
    }
    if (t->parallel_calls >= 0)
        json_put_bool(w->out, "parallel_tool_calls", t->parallel_calls);
}

static void put_format(struct writing *w)
{
    static const char *const words[] = {
        [FORMAT_TEXT] = "text",
        [FORMAT_JSON] = "json_object",
        [FORMAT_SCHEMA] = "json_schema",
    };

    if (w->turn->format == FORMAT_UNSET)
        return;
    json_key(w->out, "response_format");
    ADD(w->out, "{");
    json_put_cstr(w->out, "type", words[w->turn->format]);
    json_put_val(w->out, "json_schema", w->turn->schema);
    put_extras(w, w->turn->format_extras);
    ADD(w->out, "}");
}

static void put_stops(struct writing *w)
{
    if (w->turn->n_stops == 0)
        return;
    json_key(w->out, "stop");
    ADD(w->out, "[");
    for (size_t i = 0; i < w->turn->n_stops; i++) {
        json_sep(w->out);
        buf_add_json(w->out, w->turn->stops[i]);
    }
    ADD(w->out, "]");
}

/* Anthropic's `thinking: disabled`.  OpenAI's models that do not think, or always do, answer 400 to
 * "none"; local servers take it. */
static bool is_default_said_aloud(const struct writing *w, unsigned flags)
{
    return w->turn->effort == EFFORT_NONE && !(flags & WIRE_MORE_WISHES) && w->turn->format_name &&
           slice_is(SLICE("anthropic"), w->turn->format_name);
}

static void put_wishes(struct writing *w, unsigned flags)
{
    const struct turn *t = w->turn;

#define PUT_WISH(member, name, low, high)                                                          \
    if (!isnan(t->member))                                                                         \
        json_put_num(w->out, name, t->member);
    TURN_WISHES(PUT_WISH)
    if (w->own || flags & WIRE_MORE_WISHES) {
        TURN_MORE_WISHES(PUT_WISH)
    }
#undef PUT_WISH
    if (t->effort != EFFORT_UNSET && !is_default_said_aloud(w, flags))
        json_put_cstr(w->out, "reasoning_effort", effort_text(t->effort));
    if (t->has_seed)
        json_put_int(w->out, "seed", t->seed);
    if (t->max_tokens > 0)
        json_put_int(w->out, flags & WIRE_OLD_MAX_TOKENS ? "max_tokens" : "max_completion_tokens",
                     (int64_t)t->max_tokens);
    if (t->n > 1)
        json_put_int(w->out, "n", t->n);
}

/* Of completions the number alone; llama-server takes its 0 for none at all, so it gets a 1. */
static void put_logprobs(struct writing *w, unsigned flags)
{
    const struct turn *t = w->turn;
    int least = flags & WIRE_CACHE_PROMPT ? 1 : 0;

    if (t->logprobs && t->verb == VERB_COMPLETE)
        json_put_int(w->out, "logprobs", t->top_logprobs > least ? t->top_logprobs : least);
    if (t->verb == VERB_COMPLETE)
        return;
    if (t->logprobs)
        json_put_bool(w->out, "logprobs", true);
    if (t->top_logprobs >= 0)
        json_put_int(w->out, "top_logprobs", t->top_logprobs);
}

static void put_flags(struct writing *w, unsigned flags)
{
    static const struct {
        unsigned flag;
        const char *member;
    } members[] = {{WIRE_CACHE_PROMPT, "cache_prompt"}, {WIRE_RETURN_PROGRESS, "return_progress"}};

    for (size_t i = 0; i < ARRAY_LEN(members); i++)
        if (flags & members[i].flag && !has_extra(w, members[i].member))
            json_put_bool(w->out, members[i].member, true);
}

/* The API that has the same words for this verb: its extras mean here what they meant to the
 * caller.
 */
static bool is_own(const struct turn *turn)
{
    static const char *const formats[VERB_COUNT_OF] = {
        [VERB_CHAT] = "openai-chat",        [VERB_COMPLETE] = "openai-completions",
        [VERB_EMBED] = "openai-embeddings", [VERB_RERANK] = "rerank",
        [VERB_TOKENIZE] = "tokenize",       [VERB_DETOKENIZE] = "detokenize",
        [VERB_COUNT] = "openai-chat",
    };

    return turn->format_name && strcmp(turn->format_name, formats[turn->verb]) == 0;
}

static void put_words(struct writing *w, const char *model, unsigned flags)
{
    const struct turn *turn = w->turn;

    ADD(w->out, "{");
    json_put_cstr(w->out, "model", model);
    if (turn->verb == VERB_COMPLETE)
        put_prompts(w);
    else
        put_messages(w);
    put_tools(w);
    put_choice(w);
    put_format(w);
    put_wishes(w, turn->verb == VERB_COMPLETE ? flags | WIRE_OLD_MAX_TOKENS : flags);
    put_logprobs(w, flags);
    json_put_val(w->out, "logit_bias", turn->logit_bias);
    put_stops(w);
    put_metadata(w);
    put_flags(w, flags);
    put_extras(w, turn->extras);
    ADD(w->out, ",\"stream\":true,\"stream_options\":{\"include_usage\":true");
    put_extras(w, turn->stream_extras);
    ADD(w->out, "}}");
}

enum nigh_status wire_openai_request(struct buf *out, const struct turn *turn, const char *model,
                                     unsigned flags, struct nigh_err *err)
{
    struct writing w = {.out = out,
                        .turn = turn,
                        .own = is_own(turn),
                        .err = err,
                        .stable = flags & WIRE_STABLE_PREFIX,
                        .seen_results = flags & WIRE_SEEN_RESULTS};

    w.seen_results |= w.own;
    writing_refuse_native(&w, "OpenAI's format");
    if (w.status)
        return w.status;
    if (wire_verbs_is_data(turn->verb) && turn->verb != VERB_COUNT)
        wire_verbs_request(out, turn, model, w.own);
    else
        put_words(&w, model, flags);
    return writing_end(&w);
}

const struct wire wire_openai = {
    .name = "openai",
    .paths = {[VERB_CHAT] = "/chat/completions",
              [VERB_COMPLETE] = "/completions",
              [VERB_EMBED] = "/embeddings",
              [VERB_RERANK] = "/rerank"},
    .request = wire_openai_request,
    .reader_new = wire_openai_reader_new,
    .reader_feed = wire_read_feed,
    .reader_end = wire_read_end,
    .reader_whole = wire_read_whole,
    .reader_free = wire_read_free,
};
