/* A turn into the body of a request for a place that speaks Anthropic's Messages API. */
#include "api/wire_anthropic.h"
#include <math.h>

static const char format[] = "Anthropic's format";

/* What one model is asked: thinking and the length of the answer hang together. */
struct asking {
    struct writing *w;
    unsigned traits;
    uint64_t max_tokens;
    uint64_t think_tokens; /* TAKES_BUDGET; 0: no thinking */
};

/* A member that this format's own caller wrote and the canonical form may hold less exactly. */
static yyjson_val *as_came(const struct writing *w, const char *key)
{
    return w->own && !has_extra(w, key) ? json_get(w->turn->raw, key) : NULL;
}

/* ---- schemas ---- */

static void put_schema(struct buf *out, yyjson_val *val);

/* The API wants every object closed; OpenAI's callers close theirs only in strict schemas. */
static void put_schema_object(struct buf *out, yyjson_val *obj)
{
    size_t i, max;
    yyjson_val *key, *val;
    bool open = slice_is(json_get_str(obj, "type"), "object") &&
                !yyjson_is_obj(json_get(obj, "additionalProperties"));

    ADD(out, "{");
    yyjson_obj_foreach(obj, i, max, key, val)
    {
        if (open && yyjson_equals_str(key, "additionalProperties"))
            continue;
        json_sep(out);
        buf_add_json(out, json_str(key));
        ADD(out, ":");
        put_schema(out, val);
    }
    if (open)
        json_put_bool(out, "additionalProperties", false);
    ADD(out, "}");
}

/* Depth is bounded by TURN_SCHEMA_DEPTH_MAX. */
static void put_schema(struct buf *out, yyjson_val *val)
{
    size_t i, max;
    yyjson_val *item;

    if (yyjson_is_obj(val)) {
        put_schema_object(out, val);
    } else if (yyjson_is_arr(val)) {
        ADD(out, "[");
        yyjson_arr_foreach(val, i, max, item)
        {
            json_sep(out);
            put_schema(out, item);
        }
        ADD(out, "]");
    } else {
        json_add_val(out, val);
    }
}

/* ---- tools ---- */

/* Tools that run at the provider have a type and no schema; only this format can name them. */
static bool is_foreign(const struct writing *w, const struct tool *t)
{
    struct slice type = json_get_str(t->raw, "type");

    return w->own && t->raw && type.len > 0 && !slice_is(type, "custom");
}

static void put_tool(const struct asking *a, const struct tool *t)
{
    struct writing *w = a->w;

    if (is_foreign(w, t)) {
        json_add_val(w->out, t->raw);
        return;
    }
    ADD(w->out, "{");
    json_put_str(w->out, "name", t->name);
    put_if(w->out, "description", t->description);
    if (t->schema)
        json_put_val(w->out, "input_schema", t->schema);
    else
        ADD(w->out, ",\"input_schema\":{\"type\":\"object\",\"properties\":{}}");
    if (t->strict >= 0 && (w->own || (t->strict && a->traits & TAKES_SCHEMA)))
        json_put_bool(w->out, "strict", t->strict);
    put_extras(w, t->extras);
    ADD(w->out, "}");
}

static void put_tools(const struct asking *a)
{
    struct writing *w = a->w;

    if (w->turn->n_tools == 0)
        return;
    json_key(w->out, "tools");
    ADD(w->out, "[");
    for (size_t i = 0; i < w->turn->n_tools; i++) {
        json_sep(w->out);
        put_tool(a, &w->turn->tools[i]);
    }
    ADD(w->out, "]");
}

static void put_choice(struct writing *w)
{
    static const char *const words[] = {
        [CHOICE_UNSET] = "auto",   [CHOICE_AUTO] = "auto",  [CHOICE_NONE] = "none",
        [CHOICE_REQUIRED] = "any", [CHOICE_NAMED] = "tool",
    };
    const struct turn *t = w->turn;
    bool one = t->parallel_calls == 0 && t->choice != CHOICE_NONE;

    if (t->n_tools == 0 || (t->choice == CHOICE_UNSET && !one))
        return; /* the API refuses a choice without tools */
    json_key(w->out, "tool_choice");
    ADD(w->out, "{");
    json_put_cstr(w->out, "type", words[t->choice]);
    if (t->choice == CHOICE_NAMED)
        json_put_str(w->out, "name", t->choice_name);
    if (one)
        json_put_bool(w->out, "disable_parallel_tool_use", true);
    ADD(w->out, "}");
}

/* ---- thinking ---- */

static bool is_forced(const struct turn *t)
{
    return t->choice == CHOICE_REQUIRED || t->choice == CHOICE_NAMED;
}

/* Tokens of thinking per effort, where a model wants a number: guesses, in the steps that other
 * gateways take, to be measured. */
static uint64_t budget_of(const struct turn *t)
{
    static const uint64_t budgets[] = {
        [EFFORT_UNSET] = 0,     [EFFORT_NONE] = 0,      [EFFORT_MINIMAL] = 1024,
        [EFFORT_LOW] = 2048,    [EFFORT_MEDIUM] = 8192, [EFFORT_HIGH] = 16384,
        [EFFORT_XHIGH] = 32768, [EFFORT_MAX] = 32768,
    };
    uint64_t budget = t->think_tokens ? t->think_tokens : budgets[t->effort];

    return budget && budget < WIRE_ANTHROPIC_THINK_LEAST ? WIRE_ANTHROPIC_THINK_LEAST : budget;
}

/* The budget is part of max_tokens, as reasoning is part of OpenAI's; a caller who leaves no room
 * for both gets words rather than thoughts. */
static void share_tokens(struct asking *a)
{
    const struct turn *t = a->w->turn;
    uint64_t budget = a->traits & TAKES_BUDGET ? budget_of(t) : 0;

    if (is_forced(t) || anthropic_thinking_lost(t))
        budget = 0; /* the API refuses thinking there */
    a->max_tokens = t->max_tokens ? t->max_tokens : WIRE_ANTHROPIC_MAX_TOKENS + budget;
    if (budget >= a->max_tokens)
        budget = a->max_tokens / 2;
    a->think_tokens = budget >= WIRE_ANTHROPIC_THINK_LEAST ? budget : 0;
}

static const char *effort_word(const struct asking *a)
{
    static const char *const words[] = {
        [EFFORT_MINIMAL] = "low", [EFFORT_LOW] = "low",     [EFFORT_MEDIUM] = "medium",
        [EFFORT_HIGH] = "high",   [EFFORT_XHIGH] = "xhigh", [EFFORT_MAX] = "max",
    };
    const struct turn *t = a->w->turn;
    enum effort effort = t->effort;

    if (effort == EFFORT_UNSET && t->think_tokens)
        effort = t->think_tokens <= 2048   ? EFFORT_LOW
                 : t->think_tokens <= 8192 ? EFFORT_MEDIUM
                                           : EFFORT_HIGH;
    if (effort == EFFORT_XHIGH && !(a->traits & TAKES_XHIGH))
        effort = EFFORT_HIGH;
    return words[effort];
}

/* Asked to think; or, where thinking is adaptive, told how hard. */
static bool thinks(const struct asking *a)
{
    return a->think_tokens > 0 || (a->traits & TAKES_ADAPTIVE && effort_word(a) != NULL);
}

static void put_thinking(const struct asking *a)
{
    struct writing *w = a->w;
    yyjson_val *came = as_came(w, "thinking");

    if (w->own) { /* among the extras, or so */
        json_put_val(w->out, "thinking", came);
    } else if (a->think_tokens) {
        ADD(w->out, ",\"thinking\":{\"type\":\"enabled\"");
        json_put_int(w->out, "budget_tokens", (int64_t)a->think_tokens);
        ADD(w->out, "}");
    } else if (w->turn->effort == EFFORT_NONE) {
        ADD(w->out, ",\"thinking\":{\"type\":\"disabled\"}");
    } else if (thinks(a) && !is_forced(w->turn)) {
        ADD(w->out, ",\"thinking\":{\"type\":\"adaptive\",\"display\":\"summarized\"}");
    }
}

static void put_format(const struct asking *a)
{
    struct writing *w = a->w;
    yyjson_val *schema = json_get(w->turn->schema, "schema");

    if (w->turn->format == FORMAT_JSON)
        writing_refuse(w, format, "\"any JSON\" without a schema");
    if (w->turn->format != FORMAT_SCHEMA)
        return;
    if (!(a->traits & TAKES_SCHEMA))
        writing_refuse(w, format, "a schema for this model's answer");
    json_key(w->out, "format");
    ADD(w->out, "{\"type\":\"json_schema\",\"schema\":");
    put_schema(w->out, yyjson_is_obj(schema) ? schema : w->turn->schema);
    ADD(w->out, "}");
}

static void put_output(const struct asking *a)
{
    struct writing *w = a->w;
    yyjson_val *came = as_came(w, "output_config");
    const char *effort = a->traits & TAKES_ADAPTIVE ? effort_word(a) : NULL;

    if (w->own) { /* among the extras, or so */
        json_put_val(w->out, "output_config", came);
        return;
    }
    if (!effort && w->turn->format != FORMAT_SCHEMA && w->turn->format != FORMAT_JSON)
        return;
    ADD(w->out, ",\"output_config\":{");
    if (effort)
        json_put_cstr(w->out, "effort", effort);
    put_format(a);
    ADD(w->out, "}");
}

/* ---- wishes ---- */

/* A caller of this format gets what he wrote; to another's wishes the API's ranges are applied. */
static void put_wishes(const struct asking *a)
{
    const struct turn *t = a->w->turn;
    struct buf *out = a->w->out;
    bool own = a->w->own;

    if (!own && (!(a->traits & TAKES_SAMPLING) || thinks(a)))
        return;
    if (!isnan(t->temperature))
        json_put_num(out, "temperature", t->temperature > 1 && !own ? 1 : t->temperature);
    if (!isnan(t->top_p) && (own || isnan(t->temperature) || !(a->traits & ONE_SAMPLER)))
        json_put_num(out, "top_p", t->top_p);
    if (!isnan(t->top_k) && (own || t->top_k > 0))
        json_put_num(out, "top_k", t->top_k);
}

static void put_stops(struct writing *w)
{
    if (w->turn->n_stops == 0)
        return;
    json_key(w->out, "stop_sequences");
    ADD(w->out, "[");
    for (size_t i = 0; i < w->turn->n_stops; i++) {
        if (slice_trim(w->turn->stops[i]).len == 0)
            writing_refuse(w, format, "a stop sequence of white space");
        json_sep(w->out);
        buf_add_json(w->out, w->turn->stops[i]);
    }
    ADD(w->out, "]");
}

/* OpenAI's callers name the end user in a member of the body. */
static void put_user(struct writing *w)
{
    static const char *const names[] = {"safety_identifier", "user"};
    struct slice user = {0};

    for (const struct extra *e = w->turn->extras; e && !w->own; e = e->next)
        for (size_t i = 0; i < ARRAY_LEN(names); i++)
            if (slice_is(e->key, names[i]) && yyjson_is_str(e->val) && !user.p)
                user = json_str(e->val);
    if (user.len > 0) {
        ADD(w->out, ",\"metadata\":{");
        json_put_str(w->out, "user_id", user);
        ADD(w->out, "}");
    }
    put_metadata(w);
}

static void refuse_unsayable(struct writing *w)
{
    const struct turn *t = w->turn;

    writing_refuse_native(w, format);
    if (t->n > 1)
        writing_refuse(w, format, "more than one choice");
    if (t->logprobs)
        writing_refuse(w, format, "a wish for log-probabilities");
    if (yyjson_obj_size(t->logit_bias) > 0)
        writing_refuse(w, format, "logit_bias");
}

static enum nigh_status request_chat(struct asking *a, const char *model)
{
    struct writing *w = a->w;

    refuse_unsayable(w);
    share_tokens(a);
    ADD(w->out, "{");
    json_put_cstr(w->out, "model", model);
    json_put_int(w->out, "max_tokens", (int64_t)a->max_tokens);
    anthropic_put_messages(w);
    put_tools(a);
    put_choice(w);
    put_thinking(a);
    put_output(a);
    put_wishes(a);
    put_stops(w);
    put_user(w);
    put_extras(w, w->turn->extras);
    ADD(w->out, ",\"stream\":true}");
    return writing_end(w);
}

/* What is counted is what would be sent, less what is no input. */
static enum nigh_status request_count(struct asking *a, const char *model)
{
    struct writing *w = a->w;

    writing_refuse_native(w, format);
    share_tokens(a);
    ADD(w->out, "{");
    json_put_cstr(w->out, "model", model);
    anthropic_put_messages(w);
    put_tools(a);
    put_choice(w);
    put_thinking(a);
    put_extras(w, w->turn->extras);
    ADD(w->out, "}");
    return writing_end(w);
}

static enum nigh_status request(struct buf *out, const struct turn *turn, const char *model,
                                unsigned flags, struct nigh_err *err)
{
    bool own = turn->format_name && slice_starts(slice_of(turn->format_name), SLICE("anthropic"));
    struct writing w = {.out = out, .turn = turn, .own = own, .err = err};
    struct asking a = {.w = &w, .traits = anthropic_traits(slice_of(model))};

    (void)flags;
    return turn->verb == VERB_COUNT ? request_count(&a, model) : request_chat(&a, model);
}

/* The caller's beta features change what the place takes and tells; a header's value is printable.
 */
static size_t headers(const struct turn *turn, struct arena *arena,
                      struct header ret[WIRE_HEADERS_MAX])
{
    const char *beta;

    ret[0] = (struct header){"anthropic-version", "2023-06-01"};
    for (size_t i = 0; i < turn->beta.len; i++)
        if (turn->beta.p[i] < ' ' || turn->beta.p[i] > '~')
            return 1;
    if (turn->beta.len == 0 || !(beta = arena_strdup(arena, turn->beta)))
        return 1;
    ret[1] = (struct header){"anthropic-beta", beta};
    return 2;
}

const struct wire wire_anthropic = {
    .name = "anthropic",
    .paths = {[VERB_CHAT] = "/messages", [VERB_COUNT] = "/messages/count_tokens"},
    .auth = WIRE_X_API_KEY,
    .cannot = CAN_AUDIO | CAN_JSON | CAN_LOGPROBS | CAN_CHOICES,
    .needs_max_tokens = true,
    .headers = headers,
    .request = request,
    .reader_new = wire_anthropic_reader_new,
    .reader_feed = wire_read_feed,
    .reader_end = wire_read_end,
    .reader_whole = wire_read_whole,
    .reader_free = wire_read_free,
};
