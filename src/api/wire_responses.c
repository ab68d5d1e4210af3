/* A turn into the body of a request for a place that speaks OpenAI's Responses API. */
#include "api/wire_responses.h"
#include <math.h>

static const char format[] = "OpenAI's Responses API";

/* The two APIs of OpenAI share these, so a chat's caller means them here, too. */
static const char *const siblings[] = {
    "service_tier", "prompt_cache_key", "prompt_cache_retention", "safety_identifier",
    "user",         "verbosity"};

static bool is_chat(const struct turn *t)
{
    return t->format_name && strcmp(t->format_name, "openai-chat") == 0;
}

static yyjson_val *sibling(const struct writing *w, const char *key)
{
    for (const struct extra *e = w->turn->extras; e && is_chat(w->turn); e = e->next)
        if (slice_is(e->key, key))
            return e->val;
    return NULL;
}

static void put_siblings(struct writing *w)
{
    for (size_t i = 0; i + 1 < ARRAY_LEN(siblings); i++) /* the last one has another place */
        json_put_val(w->out, siblings[i], sibling(w, siblings[i]));
}

static void put_tool(struct writing *w, const struct tool *t)
{
    if (!t->name.p) { /* one that the provider runs; another's was refused */
        json_add_val(w->out, t->raw);
        return;
    }
    ADD(w->out, "{\"type\":\"function\"");
    json_put_str(w->out, "name", t->name);
    put_if(w->out, "description", t->description);
    if (t->schema)
        json_put_val(w->out, "parameters", t->schema);
    else
        ADD(w->out, ",\"parameters\":{\"type\":\"object\",\"properties\":{}}");
    /* Unset is true here, and false everywhere else. */
    if (t->strict >= 0 || !w->own)
        json_put_bool(w->out, "strict", t->strict == 1);
    put_extras(w, t->extras);
    ADD(w->out, "}");
}

static void put_tools(struct writing *w)
{
    if (w->turn->n_tools == 0)
        return;
    json_key(w->out, "tools");
    ADD(w->out, "[");
    for (size_t i = 0; i < w->turn->n_tools; i++) {
        json_sep(w->out);
        put_tool(w, &w->turn->tools[i]);
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

    if (words[t->choice] && !has_extra(w, "tool_choice"))
        json_put_cstr(w->out, "tool_choice", words[t->choice]);
    if (t->choice == CHOICE_NAMED && !has_extra(w, "tool_choice")) {
        ADD(w->out, ",\"tool_choice\":{\"type\":\"function\"");
        json_put_str(w->out, "name", t->choice_name);
        ADD(w->out, "}");
    }
    if (t->parallel_calls >= 0)
        json_put_bool(w->out, "parallel_tool_calls", t->parallel_calls);
}

/* turn->schema is a chat's json_schema; here its members stand beside the type. */
static void put_schema(struct writing *w)
{
    yyjson_val *schema = w->turn->schema;
    bool wrapped = yyjson_is_obj(json_get(schema, "schema"));
    struct slice name = json_get_str(schema, "name");

    ADD(w->out, "{\"type\":\"json_schema\"");
    json_put_str(w->out, "name", wrapped && name.p ? name : SLICE("answer"));
    json_put_val(w->out, "schema", wrapped ? json_get(schema, "schema") : schema);
    if (wrapped) {
        json_put_val(w->out, "description", json_get(schema, "description"));
        json_put_val(w->out, "strict", json_get(schema, "strict"));
    }
    ADD(w->out, "}");
}

static void put_text(struct writing *w)
{
    yyjson_val *verbosity = sibling(w, "verbosity");
    enum format asked = w->turn->format;

    if (has_extra(w, "text") || (asked == FORMAT_UNSET && !verbosity))
        return;
    ADD(w->out, ",\"text\":{");
    if (asked != FORMAT_UNSET)
        json_key(w->out, "format");
    if (asked == FORMAT_TEXT)
        ADD(w->out, "{\"type\":\"text\"}");
    else if (asked == FORMAT_JSON)
        ADD(w->out, "{\"type\":\"json_object\"}");
    else if (asked == FORMAT_SCHEMA)
        put_schema(w);
    json_put_val(w->out, "verbosity", verbosity);
    ADD(w->out, "}");
}

/* How hard to think; budgets of tokens become words, in the steps in which words become budgets. */
static const char *effort_word(const struct turn *t)
{
    if (t->effort != EFFORT_UNSET || t->think_tokens == 0)
        return effort_text(t->effort);
    return t->think_tokens <= 2048 ? "low" : t->think_tokens <= 8192 ? "medium" : "high";
}

/* A summary is asked for callers whose format shows thinking; a chat's never did, and the API gives
 * summaries to verified accounts alone. */
static void put_reasoning(struct writing *w)
{
    const char *effort = effort_word(w->turn);
    bool shown = !w->own && !is_chat(w->turn) && w->turn->effort != EFFORT_NONE;

    if (!effort || has_extra(w, "reasoning"))
        return;
    ADD(w->out, ",\"reasoning\":{");
    json_put_cstr(w->out, "effort", effort);
    if (shown)
        json_put_cstr(w->out, "summary", "auto");
    ADD(w->out, "}");
}

/* The API answers 400 ("Encrypted content is not supported with this model") to those that do not
 * reason. */
static bool seals(const char *model)
{
    static const char *const plain[] = {"gpt-3", "gpt-4", "-chat", "chatgpt"};

    for (size_t i = 0; i < ARRAY_LEN(plain); i++)
        if (strstr(model, plain[i]))
            return false;
    return true;
}

static bool is_listed(yyjson_val *list, const char *word)
{
    size_t i, max;
    yyjson_val *item;

    if (yyjson_is_arr(list))
        yyjson_arr_foreach(list, i, max, item)
        {
            if (yyjson_equals_str(item, word))
                return true;
        }
    return false;
}

static void put_include(struct writing *w, const char *model)
{
    const char *wanted[] = {seals(model) ? "reasoning.encrypted_content" : NULL,
                            w->turn->logprobs ? "message.output_text.logprobs" : NULL};
    yyjson_val *asked = NULL, *item;
    size_t i, max;

    for (const struct extra *e = w->turn->extras; e && w->own; e = e->next)
        if (slice_is(e->key, "include") && yyjson_is_arr(e->val))
            asked = e->val;
    if (!wanted[0] && !wanted[1] && !asked)
        return;
    json_key(w->out, "include");
    ADD(w->out, "[");
    if (asked)
        yyjson_arr_foreach(asked, i, max, item)
        {
            json_sep(w->out);
            json_add_val(w->out, item);
        }
    for (i = 0; i < ARRAY_LEN(wanted); i++)
        if (wanted[i] && !is_listed(asked, wanted[i])) {
            json_sep(w->out);
            buf_add_json(w->out, slice_of(wanted[i]));
        }
    ADD(w->out, "]");
}

static void put_wishes(struct writing *w)
{
    const struct turn *t = w->turn;

    if (t->max_tokens > 0)
        json_put_int(w->out, "max_output_tokens", (int64_t)t->max_tokens);
    if (!isnan(t->temperature))
        json_put_num(w->out, "temperature", t->temperature);
    if (!isnan(t->top_p))
        json_put_num(w->out, "top_p", t->top_p);
    if (t->top_logprobs >= 0)
        json_put_int(w->out, "top_logprobs", t->top_logprobs);
}

/* Members of the same format that are written above, or must not be: nothing is kept there. */
static void put_more(struct writing *w)
{
    static const char *const written[] = {"include", "store", "previous_response_id", "background"};

    for (const struct extra *e = w->turn->extras; e && w->own; e = e->next) {
        size_t i = 0;
        while (i < ARRAY_LEN(written) && !slice_is(e->key, written[i]))
            i++;
        if (i < ARRAY_LEN(written))
            continue;
        json_sep(w->out);
        buf_add_json(w->out, e->key);
        ADD(w->out, ":");
        json_add_val(w->out, e->val);
    }
    if (w->own && w->turn->stream_extras) {
        ADD(w->out, ",\"stream_options\":{");
        put_extras(w, w->turn->stream_extras);
        ADD(w->out, "}");
    }
}

static void refuse_unsayable(struct writing *w)
{
    const struct turn *t = w->turn;

    writing_refuse_native(w, format);
    if (t->n > 1)
        writing_refuse(w, format, "more than one choice");
    if (t->n_stops > 0)
        writing_refuse(w, format, "a stop sequence");
    if (yyjson_obj_size(t->logit_bias) > 0)
        writing_refuse(w, format, "logit_bias");
}

static enum nigh_status request(struct buf *out, const struct turn *turn, const char *model,
                                unsigned flags, struct nigh_err *err)
{
    bool own = turn->format_name && strcmp(turn->format_name, "openai-responses") == 0;
    struct writing w = {.out = out, .turn = turn, .own = own, .err = err};

    (void)flags;
    refuse_unsayable(&w);
    ADD(out, "{");
    json_put_cstr(out, "model", model);
    responses_put_input(&w);
    put_tools(&w);
    put_choice(&w);
    put_text(&w);
    put_reasoning(&w);
    put_include(&w, model);
    put_wishes(&w);
    put_metadata(&w);
    put_siblings(&w);
    put_more(&w);
    ADD(out, ",\"store\":false,\"stream\":true}");
    return writing_end(&w);
}

const struct wire wire_responses = {
    .name = "openai-responses",
    .paths = {[VERB_CHAT] = "/responses"},
    .cannot = CAN_AUDIO | CAN_CHOICES,
    .request = request,
    .reader_new = wire_responses_reader_new,
    .reader_feed = wire_read_feed,
    .reader_end = wire_read_end,
    .reader_whole = wire_read_whole,
    .reader_free = wire_read_free,
};
