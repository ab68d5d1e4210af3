/* The Response object: what was asked, with OpenAI's defaults where nothing was, and what came of
 * it.  Every member that the reference calls required is always there, null where there is no
 * value: https://platform.openai.com/docs/api-reference/responses/object and openresponses.org. */
#include "api/openai_chat.h"
#include "api/openai_responses.h"
#include <stdio.h>

#define ADD(out, literal) buf_add(out, literal, sizeof(literal) - 1)

/* The rows of a whole answer, which answer.h bounds, and their document. */
enum { LOGPROBS_ARENA_MAX = 16 * ANSWER_BYTES_MAX };

/* Who finished without a word said "": a message of one empty text. */
static struct answer_part no_words = {.kind = PART_TEXT};
#define WORDLESS(finish_)                                                                          \
    [finish_] = {.parts = &no_words, .n_parts = 1, .finished = true, .finish = (finish_)}
static const struct answer_choice wordless[] = {WORDLESS(FINISH_STOP), WORDLESS(FINISH_LENGTH),
                                                WORDLESS(FINISH_CALLS), WORDLESS(FINISH_FILTER),
                                                WORDLESS(FINISH_OTHER)};

const struct answer_choice *responses_choice(const struct encoding *e)
{
    static const struct answer_choice nothing;
    const struct answer_choice *c =
        e->answer && e->answer->n_choices > 0 ? &e->answer->choices[0] : &nothing;

    return c->finished && c->n_parts == 0 ? &wordless[c->finish] : c;
}

const char *responses_status(const struct answer_choice *c)
{
    bool cut = c->finish == FINISH_LENGTH || c->finish == FINISH_FILTER;

    return c->finished && cut ? "incomplete" : "completed";
}

static const char *item_word(const struct answer_part *part)
{
    static const char *const words[] = {
        [PART_TEXT] = "msg",    [PART_REFUSAL] = "msg", [PART_REASONING] = "rs",
        [PART_REDACTED] = "rs", [PART_CALL] = "fc",
    };
    return words[part->kind];
}

void responses_item_id(const struct encoding *e, const struct answer_part *part, size_t index,
                       char id[static RESPONSES_ID_BYTES])
{
    snprintf(id, RESPONSES_ID_BYTES, "%s_%.26s_%zu", item_word(part), e->id, index);
}

static void put_head(const struct encoding *e, const struct answer_part *part, const char *type,
                     const struct responses_item *item, struct buf *out)
{
    char id[RESPONSES_ID_BYTES];

    responses_item_id(e, part, item->index, id);
    ADD(out, "{");
    json_put_cstr(out, "id", id);
    json_put_cstr(out, "type", type);
}

/* A token's bytes as numbers; where the place told none, they are its text's. */
static void put_bytes(yyjson_val *row, struct buf *out)
{
    struct slice token = json_get_str(row, "token");
    yyjson_val *bytes = json_get(row, "bytes");

    json_key(out, "bytes");
    if (yyjson_is_arr(bytes)) {
        json_add_val(out, bytes);
        return;
    }
    ADD(out, "[");
    for (size_t i = 0; i < token.len; i++) {
        json_sep(out);
        buf_add_u64(out, (unsigned char)token.p[i]);
    }
    ADD(out, "]");
}

static void put_row(yyjson_val *row, bool top, struct buf *out)
{
    size_t i, max;
    yyjson_val *one;

    json_sep(out);
    ADD(out, "{");
    json_put_str(out, "token", json_get_str(row, "token"));
    json_put_num(out, "logprob", json_get_num(row, "logprob", 0));
    put_bytes(row, out);
    if (top) {
        json_key(out, "top_logprobs");
        ADD(out, "[");
        yyjson_arr_foreach(json_get(row, "top_logprobs"), i, max, one)
        {
            put_row(one, false, out);
        }
        ADD(out, "]");
    }
    ADD(out, "}");
}

void responses_put_logprobs(struct slice rows, struct buf *out)
{
    CLEANUP(buf_done) struct buf list = {0};
    CLEANUP(arena_done) struct arena arena;
    yyjson_val *all = NULL, *one;
    size_t i, max;

    arena_init(&arena, LOGPROBS_ARENA_MAX);
    json_key(out, "logprobs");
    ADD(out, "[");
    if (rows.len > 0) {
        ADD(&list, "[");
        buf_add_str(&list, rows);
        ADD(&list, "]");
        out->failed |= json_parse(&all, buf_slice(&list), &arena, NULL) != NIGH_OK;
    }
    yyjson_arr_foreach(all, i, max, one)
    {
        put_row(one, true, out);
    }
    ADD(out, "]");
}

void responses_put_part(const struct encoding *e, const struct answer_part *part, bool empty,
                        struct slice logprobs, struct buf *out)
{
    struct slice text = empty || part->text.len == 0 ? SLICE("") : buf_slice(&part->text);

    (void)e;
    if (part->kind == PART_REFUSAL) {
        ADD(out, "{\"type\":\"refusal\"");
        json_put_str(out, "refusal", text);
    } else {
        ADD(out, "{\"type\":\"output_text\",\"annotations\":[]");
        responses_put_logprobs(logprobs, out);
        json_put_str(out, "text", text);
    }
    ADD(out, "}");
}

static void put_message(const struct encoding *e, const struct answer_choice *c,
                        const struct responses_item *item, struct buf *out)
{
    const struct answer_part *first = &c->parts[item->first];
    bool told = false; /* the log-probabilities of a choice are one list: all with its first text */

    for (size_t i = 0; i < item->first; i++)
        told |= c->parts[i].kind == PART_TEXT;
    put_head(e, first, "message", item, out);
    json_put_str(out, "status", item->status);
    ADD(out, ",\"role\":\"assistant\",\"content\":[");
    for (size_t i = 0; i < item->n; i++) {
        const struct answer_part *part = first + i;
        bool now = part->kind == PART_TEXT && !told && e->turn->logprobs && c->logprobs.len > 0;
        json_sep(out);
        responses_put_part(e, part, false, now ? buf_slice(&c->logprobs) : SLICE(""), out);
        told |= now;
    }
    ADD(out, "]}");
}

/* A signature that belongs to an item of its maker's travels with that item's id, which the item
 * here may not have: in a stream its name went out before. */
static void put_sealed(const struct answer_part *part, struct buf *out)
{
    CLEANUP(buf_done) struct buf sealed = {0};

    if (part->kind == PART_REDACTED) {
        ADD(&sealed, RESPONSES_REDACTED);
        buf_add_str(&sealed, buf_slice(&part->text));
    } else if (part->id.len > 0) {
        ADD(&sealed, RESPONSES_SIGNED);
        buf_add_str(&sealed, buf_slice(&part->id));
        ADD(&sealed, ":");
    }
    if (part->signature.len > 0)
        buf_add_str(&sealed, buf_slice(&part->signature));
    if (sealed.len > 0)
        json_put_str(out, "encrypted_content", buf_slice(&sealed));
    out->failed |= sealed.failed;
}

static void put_reasoning(const struct encoding *e, const struct answer_choice *c,
                          const struct responses_item *item, struct buf *out)
{
    const struct answer_part *part = &c->parts[item->first];

    put_head(e, part, "reasoning", item, out);
    ADD(out, ",\"summary\":[");
    if (item->n > 0 && part->kind == PART_REASONING && part->text.len > 0) {
        ADD(out, "{\"type\":\"summary_text\"");
        json_put_str(out, "text", buf_slice(&part->text));
        ADD(out, "}");
    }
    ADD(out, "]");
    if (item->n > 0)
        put_sealed(part, out);
    ADD(out, "}");
}

static void put_call(const struct encoding *e, const struct answer_choice *c,
                     const struct responses_item *item, struct buf *out)
{
    const struct answer_part *part = &c->parts[item->first];
    bool empty = item->n == 0 || part->text.len == 0;

    put_head(e, part, "function_call", item, out);
    json_put_str(out, "status", item->status);
    json_put_str(out, "arguments", empty ? SLICE("") : buf_slice(&part->text));
    json_put_str(out, "call_id", buf_slice(&part->id));
    json_put_str(out, "name", buf_slice(&part->name));
    ADD(out, "}");
}

void responses_put_item(const struct encoding *e, const struct answer_choice *c,
                        const struct responses_item *item, struct buf *out)
{
    static void (*const by_kind[])(const struct encoding *, const struct answer_choice *,
                                   const struct responses_item *, struct buf *) = {
        [PART_TEXT] = put_message,        [PART_REFUSAL] = put_message,
        [PART_REASONING] = put_reasoning, [PART_REDACTED] = put_reasoning,
        [PART_CALL] = put_call,
    };
    by_kind[c->parts[item->first].kind](e, c, item, out);
}

static bool is_message(const struct answer_part *part)
{
    return part->kind == PART_TEXT || part->kind == PART_REFUSAL;
}

/* Text and refusal that follow one another are one message; all else is an item for itself. */
static void put_output(const struct encoding *e, const struct answer_choice *c, struct buf *out)
{
    struct responses_item item = {0};

    for (size_t at = 0; at < c->n_parts; at += item.n, item.index++) {
        item.first = at;
        item.n = 1;
        while (is_message(&c->parts[at]) && at + item.n < c->n_parts &&
               is_message(&c->parts[at + item.n]))
            item.n++;
        item.status = slice_of(at + item.n < c->n_parts ? "completed" : responses_status(c));
        json_sep(out);
        responses_put_item(e, c, &item, out);
    }
}

static void put_usage(const struct usage *u, struct slice bill, struct buf *out)
{
    ADD(out, "{\"input_tokens\":");
    buf_add_u64(out, u->input);
    ADD(out, ",\"input_tokens_details\":{\"cached_tokens\":");
    buf_add_u64(out, u->cached_read);
    json_put_int(out, "cache_write_tokens", (int64_t)u->cache_write);
    ADD(out, "}");
    json_put_int(out, "output_tokens", (int64_t)u->output);
    ADD(out, ",\"output_tokens_details\":{\"reasoning_tokens\":");
    buf_add_u64(out, u->reasoning);
    ADD(out, "}");
    json_put_int(out, "total_tokens", (int64_t)(u->input + u->output));
    if (bill.len > 0) {
        json_key(out, "nigh");
        buf_add_str(out, bill);
    }
    ADD(out, "}");
}

/* What the caller asked for, as it came, else what that means. */
static const struct {
    const char *name, *otherwise;
} echoes[] = {
    {"instructions", "null"},
    {"max_output_tokens", "null"},
    {"max_tool_calls", "null"},
    {"parallel_tool_calls", "true"},
    {"previous_response_id", "null"},
    {"temperature", "1.0"},
    {"top_p", "1.0"},
    {"presence_penalty", "0.0"},
    {"frequency_penalty", "0.0"},
    {"top_logprobs", "0"},
    {"tool_choice", "\"auto\""},
    {"metadata", "{}"},
    {"user", "null"},
    {"safety_identifier", "null"},
    {"prompt_cache_key", "null"},
};

static void echo(yyjson_val *from, const char *name, const char *otherwise, struct buf *out)
{
    yyjson_val *val = json_get(from, name);

    json_key(out, name);
    if (val && !yyjson_is_null(val))
        json_add_val(out, val);
    else
        buf_add_cstr(out, otherwise);
}

/* The members of an object that stand in none of these. */
static void echo_others(yyjson_val *from, const char *const *told, size_t n, struct buf *out)
{
    size_t i, max;
    yyjson_val *key, *val;

    if (!yyjson_is_obj(from))
        return;
    yyjson_obj_foreach(from, i, max, key, val)
    {
        size_t at = 0;
        while (at < n && !slice_is(json_str(key), told[at]))
            at++;
        if (at < n)
            continue;
        json_sep(out);
        buf_add_json(out, json_str(key));
        ADD(out, ":");
        json_add_val(out, val);
    }
}

static void put_format(yyjson_val *format, struct buf *out)
{
    static const char *const told[] = {"type", "name", "description", "strict"};

    json_key(out, "format");
    if (!format) {
        ADD(out, "{\"type\":\"text\"}");
        return;
    }
    ADD(out, "{");
    echo(format, "type", "\"text\"", out);
    if (slice_is(json_get_str(format, "type"), "json_schema")) {
        echo(format, "name", "\"response\"", out);
        echo(format, "description", "null", out);
        echo(format, "strict", "false", out);
    }
    echo_others(format, told, ARRAY_LEN(told), out);
    ADD(out, "}");
}

static void put_text(yyjson_val *text, struct buf *out)
{
    static const char *const told[] = {"format", "verbosity"};
    yyjson_val *format = json_get(text, "format");

    json_key(out, "text");
    ADD(out, "{");
    put_format(yyjson_is_obj(format) ? format : NULL, out);
    echo(text, "verbosity", "\"medium\"", out);
    echo_others(text, told, ARRAY_LEN(told), out);
    ADD(out, "}");
}

static void put_reasoning_wish(yyjson_val *reasoning, struct buf *out)
{
    static const char *const told[] = {"effort", "summary"};

    json_key(out, "reasoning");
    ADD(out, "{");
    echo(reasoning, "effort", "null", out);
    echo(reasoning, "summary", "null", out);
    echo_others(reasoning, told, ARRAY_LEN(told), out);
    ADD(out, "}");
}

static void put_tools(yyjson_val *tools, struct buf *out)
{
    static const char *const told[] = {"type", "name", "description", "parameters", "strict"};
    size_t i, max;
    yyjson_val *one;

    json_key(out, "tools");
    ADD(out, "[");
    yyjson_arr_foreach(tools, i, max, one)
    {
        json_sep(out);
        if (!slice_is(json_get_str(one, "type"), "function")) {
            json_add_val(out, one);
            continue;
        }
        ADD(out, "{");
        for (size_t k = 0; k < ARRAY_LEN(told); k++)
            echo(one, told[k], "null", out);
        echo_others(one, told, ARRAY_LEN(told), out);
        ADD(out, "}");
    }
    ADD(out, "]");
}

static void put_echoes(const struct encoding *e, struct buf *out)
{
    yyjson_val *raw = e->turn->raw;
    struct slice tier = json_get_str(raw, "service_tier");

    for (size_t i = 0; i < ARRAY_LEN(echoes); i++)
        echo(raw, echoes[i].name, echoes[i].otherwise, out);
    put_tools(json_get(raw, "tools"), out);
    put_text(json_get(raw, "text"), out);
    put_reasoning_wish(json_get(raw, "reasoning"), out);
    ADD(out, ",\"truncation\":\"disabled\",\"background\":false");
    json_put_bool(out, "store", e->turn->store);
    if (e->answer && e->answer->tier.len > 0)
        tier = buf_slice(&e->answer->tier);
    json_put_str(out, "service_tier",
                 tier.len > 0 && !slice_is(tier, "auto") ? tier : SLICE("default"));
}

/* Of OpenAI's list of codes, which its SDK's type closes. */
static void put_error(const struct refusal *failed, struct buf *out)
{
    if (!failed) {
        json_put_null(out, "error");
        return;
    }
    json_key(out, "error");
    ADD(out, "{");
    json_put_cstr(out, "code",
                  failed->status == NIGH_BUSY ? "rate_limit_exceeded" : "server_error");
    json_put_str(out, "message",
                 failed->what.p ? failed->what : slice_of(nigh_status_text(failed->status)));
    ADD(out, "}");
}

static void put_incomplete(const struct answer_choice *c, bool cut, struct buf *out)
{
    if (!cut) {
        json_put_null(out, "incomplete_details");
        return;
    }
    json_key(out, "incomplete_details");
    ADD(out, "{");
    json_put_cstr(out, "reason",
                  c->finish == FINISH_LENGTH ? "max_output_tokens" : "content_filter");
    ADD(out, "}");
}

void responses_put(const struct encoding *e, const char *status, const struct refusal *failed,
                   struct buf *out)
{
    const struct answer_choice *c = responses_choice(e);
    bool over = !status;

    if (over)
        status = responses_status(c);
    ADD(out, "{\"id\":\"resp_");
    buf_add_cstr(out, e->id);
    ADD(out, "\",\"object\":\"response\"");
    json_put_int(out, "created_at", e->created);
    if (over && strcmp(status, "completed") == 0)
        json_put_int(out, "completed_at", e->ended ? e->ended : e->created);
    else
        json_put_null(out, "completed_at");
    json_put_cstr(out, "status", status);
    json_put_cstr(out, "model", e->model ? e->model : "");
    put_error(failed, out);
    put_incomplete(c, over && strcmp(status, "incomplete") == 0, out);
    json_key(out, "output");
    ADD(out, "[");
    if (over || failed)
        put_output(e, c, out);
    ADD(out, "]");
    put_echoes(e, out);
    json_key(out, "usage");
    if (over && e->answer && e->answer->usage.known)
        put_usage(&e->answer->usage, e->bill_json, out);
    else
        ADD(out, "null");
    ADD(out, "}");
}

static void whole(struct encoding *e, struct buf *out)
{
    responses_put(e, NULL, NULL, out);
}

const struct api api_openai_responses = {
    .name = "openai-responses",
    .stream_type = "text/event-stream",
    .tells_usage = true,
    .decode = openai_responses_decode,
    .event = openai_responses_event,
    .whole = whole,
    .error = openai_error,
    .stream_error = openai_responses_stream_error,
};
