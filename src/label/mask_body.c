/* The walk of a body's JSON: what is a text in which format, and what has to stay as it is.
 *
 * Bodies are what nigh's own wires wrote (api/wire_openai.c, wire_anthropic.c, wire_responses.c):
 * JSON, in which callers' own members may stand too.  Where the formats have words of their own the
 * table below says what each member is; in everything else (tool arguments, metadata, members that
 * nobody knows) every text, key and number may be private.  Bytes that are not replaced stay as
 * they are. */
#include "base/json.h"
#include "label/mask_inside.h"
#include <ctype.h>

/* What a value of JSON is to the walk.  An array's items are what the array is. */
enum kind {
    K_FREE,      /* texts, keys and numbers are replaced, at every depth */
    K_TEXT,      /* a text; in an object or a list of them: K_FREE, but numbers stay (of tokens) */
    K_ARGUMENTS, /* a text that is JSON: of a tool call */
    K_OURS,      /* written by nigh, or sealed by somebody: left alone */
    K_WORD,      /* a name or an id, which a placeholder would break */
    /* objects, by the table */
    K_TOP,
    K_MESSAGE,
    K_ITEM, /* of Responses' input */
    K_PART,
    K_CALL,
    K_FUNCTION,
    K_TOOL,
    K_FORMAT,
    K_SCHEMA,
    K_PROPERTIES, /* keys are the caller's, values K_SCHEMA */
    K_COUNT,
};

struct member {
    const char *key;
    enum kind kind;
};

#define OURS(key)                                                                                  \
    {                                                                                              \
        key, K_OURS                                                                                \
    }
static const struct member top[] = {
    {"messages", K_MESSAGE},
    {"input", K_ITEM},
    {"prompt", K_TEXT},
    {"system", K_PART},
    {"instructions", K_TEXT},
    {"tools", K_TOOL},
    {"tool_choice", K_WORD},
    {"response_format", K_FORMAT},
    {"text", K_FORMAT},
    {"output_config", K_FORMAT},
    {"stop", K_TEXT},
    {"stop_sequences", K_TEXT},
    {"suffix", K_TEXT},
    {"query", K_TEXT},
    {"documents", K_TEXT},
    {"user", K_TEXT},
    {"metadata", K_FREE},
    {"thinking", K_WORD},
    {"reasoning", K_WORD},
    {"include", K_WORD},
    {"service_tier", K_WORD},
    {"logit_bias", K_WORD}, /* numbers of tokens have six digits, no private value so few */
    OURS("model"),
    OURS("stream"),
    OURS("stream_options"),
    OURS("store"),
    OURS("n"),
    OURS("max_tokens"),
    OURS("max_completion_tokens"),
    OURS("max_output_tokens"),
    OURS("temperature"),
    OURS("top_p"),
    OURS("top_k"),
    OURS("min_p"),
    OURS("top_n"),
    OURS("frequency_penalty"),
    OURS("presence_penalty"),
    OURS("repeat_penalty"),
    OURS("seed"),
    OURS("logprobs"),
    OURS("top_logprobs"),
    OURS("reasoning_effort"),
    OURS("parallel_tool_calls"),
    OURS("cache_prompt"),
    OURS("return_progress"),
    OURS("echo"),
    OURS("dimensions"),
    OURS("encoding_format"),
};
static const struct member message[] = {
    {"role", K_WORD},         {"content", K_PART},    {"name", K_TEXT},
    {"tool_call_id", K_WORD}, {"tool_calls", K_CALL}, {"reasoning_content", K_TEXT},
    {"refusal", K_TEXT},
};
static const struct member item[] = {
    {"type", K_WORD},
    {"role", K_WORD},
    {"id", K_WORD},
    {"call_id", K_WORD},
    {"name", K_WORD},
    {"status", K_WORD},
    {"content", K_PART},
    {"output", K_PART},
    {"summary", K_PART},
    {"arguments", K_ARGUMENTS},
    {"encrypted_content", K_OURS},
};
static const struct member part[] = {
    {"type", K_WORD},        {"text", K_TEXT},      {"refusal", K_TEXT},
    {"thinking", K_TEXT},    {"signature", K_OURS}, {"media_type", K_WORD},
    {"data", K_TEXT},        {"url", K_TEXT},       {"image_url", K_PART},
    {"detail", K_WORD},      {"source", K_PART},    {"input_audio", K_PART},
    {"format", K_WORD},      {"file", K_PART},      {"file_data", K_TEXT},
    {"file_url", K_TEXT},    {"file_id", K_WORD},   {"filename", K_TEXT},
    {"title", K_TEXT},       {"context", K_TEXT},   {"id", K_WORD},
    {"tool_use_id", K_WORD}, {"name", K_WORD},      {"input", K_FREE},
    {"content", K_PART},     {"is_error", K_OURS},  {"cache_control", K_WORD},
};
static const struct member call[] = {
    {"id", K_WORD},
    {"type", K_WORD},
    {"index", K_OURS},
    {"function", K_FUNCTION},
};
static const struct member function[] = {
    {"name", K_WORD},         {"description", K_TEXT}, {"arguments", K_ARGUMENTS},
    {"parameters", K_SCHEMA}, {"strict", K_OURS},
};
static const struct member tool[] = {
    {"type", K_WORD},         {"name", K_WORD},          {"description", K_TEXT},
    {"function", K_FUNCTION}, {"parameters", K_SCHEMA},  {"input_schema", K_SCHEMA},
    {"strict", K_OURS},       {"cache_control", K_WORD},
};
static const struct member format[] = {
    {"type", K_WORD},     {"name", K_WORD},      {"description", K_TEXT},
    {"strict", K_OURS},   {"format", K_FORMAT},  {"json_schema", K_FORMAT},
    {"schema", K_SCHEMA}, {"verbosity", K_WORD}, {"effort", K_WORD},
};
/* JSON Schema's own words (draft 2020-12) whose values are not all free. */
static const struct member schema[] = {
    {"type", K_WORD},
    {"format", K_WORD},
    {"pattern", K_WORD},
    {"properties", K_PROPERTIES},
    {"patternProperties", K_PROPERTIES},
    {"$defs", K_PROPERTIES},
    {"definitions", K_PROPERTIES},
    {"items", K_SCHEMA},
    {"prefixItems", K_SCHEMA},
    {"additionalProperties", K_SCHEMA},
    {"anyOf", K_SCHEMA},
    {"oneOf", K_SCHEMA},
    {"allOf", K_SCHEMA},
    {"not", K_SCHEMA},
    {"required", K_TEXT},
    {"enum", K_FREE},
    {"const", K_FREE},
    {"default", K_FREE},
    {"examples", K_FREE},
    {"title", K_TEXT},
    {"description", K_TEXT},
    {"$ref", K_TEXT},
    {"$schema", K_OURS},
    {"minimum", K_OURS},
    {"maximum", K_OURS},
    {"minLength", K_OURS},
    {"maxLength", K_OURS},
    {"minItems", K_OURS},
    {"maxItems", K_OURS},
};
static const struct {
    const struct member *all;
    size_t n;
} members[K_COUNT] = {
    [K_TOP] = {top, ARRAY_LEN(top)},          [K_MESSAGE] = {message, ARRAY_LEN(message)},
    [K_ITEM] = {item, ARRAY_LEN(item)},       [K_PART] = {part, ARRAY_LEN(part)},
    [K_CALL] = {call, ARRAY_LEN(call)},       [K_FUNCTION] = {function, ARRAY_LEN(function)},
    [K_TOOL] = {tool, ARRAY_LEN(tool)},       [K_FORMAT] = {format, ARRAY_LEN(format)},
    [K_SCHEMA] = {schema, ARRAY_LEN(schema)},
};

/* What a K_WORD says in every body: a contact of this name must not make each of them private. */
static const char *const words[] = {
    "user",          "assistant",
    "system",        "developer",
    "tool",          "text",
    "image",         "image_url",
    "input_text",    "input_image",
    "input_file",    "input_audio",
    "output_text",   "message",
    "reasoning",     "document",
    "file",          "url",
    "base64",        "function",
    "function_call", "function_call_output",
    "tool_use",      "tool_result",
    "thinking",      "ephemeral",
    "auto",          "none",
    "any",           "required",
    "object",        "string",
    "number",        "integer",
    "boolean",       "array",
    "null",          "json_schema",
    "json_object",   "enabled",
    "disabled",      "adaptive",
    "low",           "medium",
    "high",          "summary",
    "summary_text",  "refusal",
};

/* ---- the walk ---- */

struct walking {
    struct mask *mask;
    const char *start, *p, *end;
    const char *copied; /* up to here the bytes are in out */
    struct buf *out;
    struct reading how;
    unsigned depth;
    bool any;
    /* Values in the bytes as they are; NULL: not asked.  Those before raw_at stand in one token. */
    const struct founds *raw;
    size_t raw_at;
    struct buf plain; /* scratch: a string without its escapes */
    struct nigh_err *err;
};

static enum nigh_status no_json(const struct walking *w)
{
    return nigh_fail(w->err, NIGH_INVALID, "what is to be masked is no JSON");
}

static void skip_space(struct walking *w)
{
    while (w->p < w->end && (*w->p == ' ' || *w->p == '\n' || *w->p == '\t' || *w->p == '\r'))
        w->p++;
}

static bool next_is(struct walking *w, char c)
{
    skip_space(w);
    return w->p < w->end && *w->p == c;
}

/* A value that stands in a document and yet in none of its strings and numbers (the comma of a pair
 * of numbers is JSON's own) can be replaced only as if this were no JSON. */
static enum nigh_status token_read(struct walking *w, const char *from, const char *to)
{
    size_t start = (size_t)(from - w->start), end = (size_t)(to - w->start);

    for (; w->raw && w->raw_at < w->raw->n && w->raw->all[w->raw_at].start < end; w->raw_at++)
        if (w->raw->all[w->raw_at].start < start || w->raw->all[w->raw_at].end > end)
            return no_json(w);
    return NIGH_OK;
}

/* What is between the quotes at p, which moves behind them. */
static enum nigh_status read_string(struct walking *w, struct slice *ret)
{
    if (!next_is(w, '"'))
        return no_json(w);
    const char *from = w->p + 1, *p = json_run_end(from, w->end);
    while (p < w->end && *p == '\\')
        p = p + 1 < w->end ? json_run_end(p + 2, w->end) : w->end;
    if (p >= w->end || *p != '"')
        return no_json(w);
    *ret = (struct slice){from, (size_t)(p - from)};
    w->p = p + 1;
    return token_read(w, from, p);
}

/* What the string says; in w->plain where it had escapes. */
static enum nigh_status read_escapes(struct walking *w, struct slice raw, struct slice *ret)
{
    const char *p = raw.p, *end = raw.p + raw.len;

    *ret = raw;
    if (raw.len == 0 || !memchr(raw.p, '\\', raw.len))
        return NIGH_OK;
    for (buf_reset(&w->plain); p < end;) {
        const char *next = memchr(p, '\\', (size_t)(end - p));
        char bytes[4];
        size_t n = 0;
        next = next ? next : end;
        buf_add(&w->plain, p, (size_t)(next - p));
        p = next;
        if (p == end)
            break;
        size_t took = unescape(p, end, bytes, &n);
        if (took == 0)
            return no_json(w);
        buf_add(&w->plain, bytes, n);
        p += took;
    }
    *ret = buf_slice(&w->plain);
    return w->plain.failed ? nigh_fail(w->err, NIGH_NOMEM, "no memory for a string") : NIGH_OK;
}

/* The bytes from..to, both in the walk's text, are s now. */
static void put_instead(struct walking *w, const char *from, const char *to, struct slice s)
{
    if (!w->any)
        buf_reserve(w->out, (size_t)(w->end - w->start) + s.len);
    buf_add(w->out, w->copied, (size_t)(from - w->copied));
    buf_add_json(w->out, s);
    w->copied = to;
    w->any = true;
}

/* raw: a string's inside, which ends before w->p. */
static enum nigh_status replace_string(struct walking *w, struct slice raw, bool arguments)
{
    CLEANUP(buf_done) struct buf out = {0};
    struct reading how = w->how;
    struct slice text;
    bool any = false;
    enum nigh_status status = read_escapes(w, raw, &text);

    how.arguments = arguments;
    if (status == NIGH_OK)
        status = mask_replace(w->mask, text, how, &out, &any, w->err);
    if (status == NIGH_OK && any)
        put_instead(w, raw.p - 1, raw.p + raw.len + 1, buf_slice(&out));
    return status;
}

static bool is_format_word(struct slice s)
{
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (slice_is(s, words[i]))
            return true;
    return false;
}

/* A word that a value stands in can neither be sent nor replaced. */
static enum nigh_status check_word(struct walking *w, struct slice raw)
{
    struct slice text = {0};
    bool holds = false;

    if (is_format_word(raw))
        return NIGH_OK;
    enum nigh_status status = read_escapes(w, raw, &text);
    if (status == NIGH_OK)
        status = mask_holds(w->mask, text, &holds, w->err);
    if (status == NIGH_OK && holds)
        return nigh_fail(w->err, NIGH_DENIED,
                         "a private value stands in a name or an id, which cannot be masked");
    return status;
}

static enum nigh_status walk_string(struct walking *w, enum kind kind)
{
    struct slice raw;
    enum nigh_status status = read_string(w, &raw);

    if (status != NIGH_OK || kind == K_OURS)
        return status;
    return kind == K_WORD ? check_word(w, raw) : replace_string(w, raw, kind == K_ARGUMENTS);
}

static bool is_bare(char c)
{
    return is_word_byte(c) || c == '+' || c == '-' || c == '.';
}

/* A number, true, false or null.  A number becomes a string when it was private. */
static enum nigh_status walk_bare(struct walking *w, enum kind kind)
{
    CLEANUP(buf_done) struct buf out = {0};
    const char *from = w->p;
    bool any = false;
    enum nigh_status status;

    while (w->p < w->end && is_bare(*w->p))
        w->p++;
    struct slice token = {from, (size_t)(w->p - from)};
    if (slice_is(token, "true") || slice_is(token, "false") || slice_is(token, "null"))
        return NIGH_OK;
    if (token.len == 0 || (*from != '-' && !isdigit((unsigned char)*from)))
        return no_json(w);
    status = token_read(w, from, w->p);
    if (status != NIGH_OK)
        return status;
    if (kind != K_FREE && kind != K_SCHEMA && kind != K_WORD)
        return NIGH_OK;
    if (kind == K_WORD)
        return check_word(w, token);
    status = mask_number(w->mask, token, w->how, &out, &any, w->err);
    if (status == NIGH_OK && any)
        put_instead(w, from, w->p, buf_slice(&out));
    return status;
}

/* What a member is, of an object of this kind; *ret_known: the key is one of the format's own. */
static enum kind member_kind(enum kind object, struct slice key, bool *ret_known)
{
    *ret_known = true;
    for (size_t i = 0; i < members[object].n; i++)
        if (slice_is(key, members[object].all[i].key))
            return members[object].all[i].kind;
    *ret_known = members[object].n == 0 && (object == K_OURS);
    if (object == K_PROPERTIES)
        return K_SCHEMA;
    return object == K_OURS || object == K_WORD ? object : K_FREE;
}

/* Where keys are the caller's they are texts; elsewhere they are names. */
static enum nigh_status walk_key(struct walking *w, enum kind object, struct slice raw, bool known)
{
    if (known)
        return NIGH_OK;
    if (members[object].n > 0 || object == K_WORD)
        return check_word(w, raw);
    return replace_string(w, raw, false);
}

static enum nigh_status walk_value(struct walking *w, enum kind kind);

static enum nigh_status walk_member(struct walking *w, enum kind object)
{
    struct slice raw;
    bool known;
    enum nigh_status status = read_string(w, &raw);

    if (status != NIGH_OK)
        return status;
    enum kind kind = member_kind(object, raw, &known);
    status = walk_key(w, object, raw, known);
    if (status != NIGH_OK)
        return status;
    if (!next_is(w, ':'))
        return no_json(w);
    w->p++;
    return walk_value(w, kind);
}

static enum nigh_status walk_list(struct walking *w, enum kind kind, char close,
                                  enum nigh_status (*one)(struct walking *, enum kind))
{
    enum nigh_status status = NIGH_OK;

    if (++w->depth > JSON_DEPTH_MAX)
        return no_json(w);
    w->p++;
    if (!next_is(w, close)) {
        for (;;) {
            status = one(w, kind);
            if (status != NIGH_OK)
                return status;
            if (!next_is(w, ','))
                break;
            w->p++;
        }
        if (!next_is(w, close))
            return no_json(w);
    }
    w->p++;
    w->depth--;
    return NIGH_OK;
}

static enum nigh_status walk_value(struct walking *w, enum kind kind)
{
    skip_space(w);
    if (w->p == w->end)
        return no_json(w);
    if (*w->p == '"')
        return walk_string(w, kind);
    if (*w->p == '{')
        return walk_list(w, kind, '}', walk_member);
    if (*w->p == '[')
        return walk_list(w, kind, ']', walk_value);
    return walk_bare(w, kind);
}

/* The whole text, which begins as this kind; out is as it was unless *ret_any. */
static enum nigh_status walk_all(struct walking *w, struct slice text, enum kind kind,
                                 bool *ret_any)
{
    size_t at = w->out->len;

    w->start = w->p = w->copied = text.p;
    w->end = text.p + text.len;
    enum nigh_status status = walk_value(w, kind);
    skip_space(w);
    if (status == NIGH_OK && (w->p != w->end || (w->raw && w->raw_at < w->raw->n)))
        status = no_json(w);
    if (status == NIGH_OK && w->any)
        buf_add(w->out, w->copied, (size_t)(w->end - w->copied));
    if (status == NIGH_OK && w->out->failed)
        status = nigh_fail(w->err, NIGH_NOMEM, "no memory for the masked request");
    if (status != NIGH_OK)
        w->out->len = at;
    *ret_any = status == NIGH_OK && w->any;
    buf_done(&w->plain);
    return status;
}

enum nigh_status mask_document(struct mask *m, struct slice text, struct reading how,
                               struct buf *out, bool *ret_any, struct nigh_err *err)
{
    struct founds raw = {.arena = m->arena};
    struct walking w = {.mask = m, .out = out, .how = how, .raw = &raw, .err = err};

    needles_find(m->needles, text, &raw);
    if (raw.failed)
        return nigh_fail(err, NIGH_NOMEM, "no memory for the masked request");
    return walk_all(&w, text, K_FREE, ret_any);
}

/* ---- a body ---- */

static bool has_punctuation(struct slice s)
{
    static const char punctuation[] = "\",:[]{}";

    for (size_t i = 0; i + 1 < sizeof punctuation; i++)
        if (memchr(s.p, punctuation[i], s.len))
            return true;
    return false;
}

/* So many are looked for in all the others; with more of them the turn stays here. */
enum { WITHIN_MAX = 64 };

static bool within_another(const struct mask *m, size_t i)
{
    struct slice s = m->values[i].text;

    for (size_t j = 0; j < m->n_values; j++)
        if (m->met[j] && memmem(m->values[j].text.p, m->values[j].text.len, s.p, s.len))
            return true;
    return false;
}

/* A value that JSON's own punctuation was part of ("52.5, 13.4" in a list of numbers) may have been
 * written anew by the wire, and then it was not found. */
static enum nigh_status check_met(const struct mask *m, struct nigh_err *err)
{
    size_t within = 0;

    for (size_t i = 0; i < m->n_values; i++)
        if (!m->met[i] && has_punctuation(m->values[i].text) &&
            (++within > WITHIN_MAX || !within_another(m, i)))
            return nigh_fail(err, NIGH_DENIED,
                             "a private value was not found where it is to be masked");
    return NIGH_OK;
}

enum nigh_status mask_body(struct mask *m, struct slice body, struct arena *arena,
                           struct slice *ret, struct nigh_err *err)
{
    CLEANUP(buf_done) struct buf out = {.max_bytes = SIZE_MAX / 2}; /* the arena has the ceiling */
    struct walking w = {.mask = m, .out = &out, .err = err};
    bool any;

    m->replaced = 0;
    m->met = arena_calloc(m->arena, m->n_values + 1, sizeof *m->met);
    if (!m->met)
        return nigh_fail(err, NIGH_NOMEM, "no memory for the masked request");
    enum nigh_status status = walk_all(&w, body, K_TOP, &any);
    if (status == NIGH_OK)
        status = check_met(m, err);
    if (status != NIGH_OK)
        return status;
    struct slice masked = any ? arena_dup(arena, buf_slice(&out)) : body;
    if (!masked.p)
        return nigh_fail(err, NIGH_TOOBIG, "the masked request is larger than a turn may be");
    *ret = masked;
    return NIGH_OK;
}
