/* An answer in OpenAI's chat format, and OpenAI's errors. */
#include "plan.h"
#include "schema.h"
#include <time.h>

enum { CHOICES_MAX = 16 };

struct chat {
    const struct act *act;
    yyjson_val *request;
    struct plan *plan;
    const char *model;
    char id[48];
    long created;
    bool stream, logprobs;
    unsigned long n_choices;
    struct tokens tokens; /* the reply */
    size_t n_calls;
    const char *finish;
    unsigned long prompt_tokens, completion_tokens;
};

static const struct error_row {
    const char *name;
    int status;
    const char *type, *code, *param, *message;
} errors[] = {
    {"bad", 400, "invalid_request_error", NULL, NULL, "The stand-in does not take this request."},
    {"context", 400, "invalid_request_error", "context_length_exceeded", "messages",
     "This model's maximum context length is 4096 tokens. Please reduce the length of the "
     "messages."},
    {"filter", 400, "invalid_request_error", "content_filter", "prompt",
     "The response was filtered due to the prompt triggering the content management policy."},
    {"prefill", 400, "invalid_request_error", NULL, "messages",
     "This model does not support assistant message prefill. The conversation must end with a user "
     "message."},
    {"auth", 401, "invalid_request_error", "invalid_api_key", NULL, "Incorrect API key provided."},
    {"missing", 404, "invalid_request_error", "model_not_found", "model",
     "There is no such thing here."},
    {"rate", 429, "requests", "rate_limit_exceeded", NULL, "Rate limit reached for requests."},
    {"quota", 429, "insufficient_quota", "insufficient_quota", NULL,
     "You exceeded your current quota."},
    {"server", 500, "server_error", NULL, NULL, "The server had an error while processing."},
    {"overloaded", 503, "server_error", "overloaded", NULL, "The engine is currently overloaded."},
};

static const struct error_row *error_find(const char *name, int status)
{
    size_t n = sizeof errors / sizeof *errors;

    for (size_t i = 0; name && i < n; i++)
        if (strcmp(errors[i].name, name) == 0)
            return &errors[i];
    for (size_t i = 0; !name && i < n; i++)
        if (errors[i].status == status)
            return &errors[i];
    return status < 500 ? &errors[0] : &errors[n - 2];
}

void error_text(struct bytes *out, const char *name, int status, const char *message)
{
    const struct error_row *row = error_find(name, status);
    const char *members[][2] = {{"message", message ? message : row->message},
                                {"type", row->type},
                                {"param", row->param},
                                {"code", row->code}};

    bytes_text(out, "{\"error\":{");
    for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
        bytes_printf(out, "%s\"%s\":", i ? "," : "", members[i][0]);
        if (members[i][1])
            bytes_json(out, members[i][1], strlen(members[i][1]));
        else
            bytes_text(out, "null");
    }
    bytes_text(out, "}}");
}

void plan_error(struct plan *plan, int status, yyjson_val *headers, const char *name,
                const char *message)
{
    const struct error_row *row = error_find(name, status);
    struct bytes body = {0};

    error_text(&body, name, status, message);
    plan_body(plan, status ? status : row->status, headers, 0, body.at, body.n);
    bytes_done(&body);
}

static yyjson_val *last_message(yyjson_val *request)
{
    return yyjson_arr_get_last(yyjson_obj_get(request, "messages"));
}

static bool role_is(yyjson_val *message, const char *role)
{
    return yyjson_equals_str(yyjson_obj_get(message, "role"), role);
}

/* The text of a message, whether it came as a string or as parts. */
static void message_text(struct bytes *out, yyjson_val *message)
{
    yyjson_val *content = yyjson_obj_get(message, "content"), *part;
    size_t i, n;

    if (yyjson_is_str(content))
        bytes_add(out, yyjson_get_str(content), yyjson_get_len(content));
    yyjson_arr_foreach(content, i, n, part)
    {
        yyjson_val *text = yyjson_obj_get(part, "text");
        if (yyjson_is_str(text))
            bytes_add(out, yyjson_get_str(text), yyjson_get_len(text));
    }
}

static void last_text(struct bytes *out, yyjson_val *request, const char *role)
{
    yyjson_val *message, *last = NULL;
    size_t i, n;

    yyjson_arr_foreach(yyjson_obj_get(request, "messages"), i, n,
                       message) if (role_is(message, role)) last = message;
    message_text(out, last);
}

/* The tool that will be called: the named one, else the first; NULL for none. */
static yyjson_val *tool_pick(const struct chat *c)
{
    yyjson_val *tools = yyjson_obj_get(c->request, "tools"), *tool;
    yyjson_val *choice = yyjson_obj_get(c->request, "tool_choice");
    yyjson_val *named = yyjson_obj_get(yyjson_obj_get(choice, "function"), "name");
    size_t i, n;

    if (!c->act->tools || yyjson_equals_str(choice, "none") ||
        role_is(last_message(c->request), "tool"))
        return NULL;
    yyjson_arr_foreach(tools, i, n, tool)
    {
        yyjson_val *function = yyjson_obj_get(tool, "function");
        if (!named || yyjson_equals(yyjson_obj_get(function, "name"), named))
            return function;
    }
    return NULL;
}

/* The reply's text. */
static void reply_text(const struct chat *c, struct bytes *out, const char *body, size_t size)
{
    yyjson_val *format = yyjson_obj_get(c->request, "response_format");
    yyjson_val *kind = yyjson_obj_get(format, "type");

    if (c->act->echo && strcmp(c->act->echo, "body") == 0)
        bytes_add(out, body, size);
    else if (c->act->echo)
        last_text(out, c->request, "user");
    else if (yyjson_equals_str(kind, "json_schema")) {
        yyjson_val *schema = yyjson_obj_get(yyjson_obj_get(format, "json_schema"), "schema");
        schema_value(out, schema, schema, 0);
    } else if (yyjson_equals_str(kind, "json_object"))
        bytes_text(out, "{\"from\":\"stand-in\"}");
    else if (role_is(last_message(c->request), "tool")) {
        bytes_text(out, "The tool said: ");
        last_text(out, c->request, "tool");
    } else
        bytes_text(out, c->act->reply);
}

static void event_open(struct bytes *out, const struct chat *c)
{
    bytes_printf(out, "{\"id\":\"%s\",\"object\":\"chat.completion%s\",\"created\":%ld,\"model\":",
                 c->id, c->stream ? ".chunk" : "", c->created);
    bytes_json(out, c->model, strlen(c->model));
    bytes_text(out, ",\"system_fingerprint\":\"fp_standin\"");
}

static void add_logprobs(struct bytes *out, const struct bytes *tokens, size_t n)
{
    bytes_text(out, "{\"content\":[");
    for (size_t i = 0; i < n; i++) {
        bytes_text(out, i ? ",{\"token\":" : "{\"token\":");
        bytes_json(out, tokens[i].at, tokens[i].n);
        bytes_text(out, ",\"logprob\":-0.25,\"bytes\":null,\"top_logprobs\":[]}");
    }
    bytes_text(out, "],\"refusal\":null}");
}

/* Streams one choice's delta.  token: NULL unless log-probabilities may go with it. */
static void plan_delta(struct chat *c, unsigned long index, const char *delta, size_t size,
                       const struct bytes *token, const char *finish, uint64_t delay_us)
{
    struct bytes data = {0};

    event_open(&data, c);
    bytes_printf(&data, ",\"choices\":[{\"index\":%lu,\"delta\":", index);
    bytes_add(&data, delta, size);
    bytes_text(&data, ",\"logprobs\":");
    if (token && c->logprobs)
        add_logprobs(&data, token, 1);
    else
        bytes_text(&data, "null");
    bytes_text(&data, ",\"finish_reason\":");
    if (finish)
        bytes_json(&data, finish, strlen(finish));
    else
        bytes_text(&data, "null");
    bytes_text(&data, "}]}");
    plan_event(c->plan, NULL, &data, delay_us);
    bytes_done(&data);
}

static void add_usage(struct bytes *out, const struct chat *c)
{
    if (yyjson_is_obj(c->act->usage)) {
        size_t size;
        char *text = yyjson_val_write(c->act->usage, 0, &size);
        bytes_add(out, text, size);
        free(text);
        return;
    }
    bytes_printf(out, "{\"prompt_tokens\":%lu,\"completion_tokens\":%lu,\"total_tokens\":%lu}",
                 c->prompt_tokens, c->completion_tokens, c->prompt_tokens + c->completion_tokens);
}

static bool wants_usage(const struct chat *c)
{
    yyjson_val *options = yyjson_obj_get(c->request, "stream_options");

    return !yyjson_is_false(c->act->usage) &&
           yyjson_get_bool(yyjson_obj_get(options, "include_usage"));
}

static bool trouble(struct chat *c, long done)
{
    struct bytes error = {0};

    error_text(&error, c->act->error, 500, NULL);
    bool whole =
        plan_trouble(c->plan, c->act, done,
                     "{\"choices\":[{\"index\":0,\"delta\":{\"content\":\"bro", NULL, &error);
    bytes_done(&error);
    return whole;
}

static void token_delta(struct bytes *delta, const struct bytes *token)
{
    delta->n = 0;
    bytes_text(delta, "{\"content\":");
    bytes_json(delta, token->at, token->n);
    bytes_text(delta, "}");
}

/* The tokens of every choice, side by side.  False when it broke. */
static bool plan_tokens(struct chat *c)
{
    struct bytes delta = {0};
    bool whole = true;

    for (size_t i = 0; whole && i < c->tokens.n; i++) {
        whole = trouble(c, (long)i);
        for (unsigned long k = 0; whole && k < c->n_choices; k++) {
            token_delta(&delta, &c->tokens.at[i]);
            plan_delta(c, k, delta.at, delta.n, &c->tokens.at[i], NULL,
                       k == 0 ? plan_delay_before(c->act, (long)i) : 0);
        }
    }
    bytes_done(&delta);
    return whole && trouble(c, (long)c->tokens.n);
}

static void call_arguments(struct bytes *out, yyjson_val *tool)
{
    yyjson_val *schema = yyjson_obj_get(tool, "parameters");

    schema_value(out, schema, schema, 0);
}

static bool plan_calls(struct chat *c, yyjson_val *tool)
{
    struct bytes arguments = {0}, delta = {0};
    long done = 0;
    bool whole = true;

    call_arguments(&arguments, tool);
    for (size_t call = 0; whole && call < c->n_calls; call++) {
        delta.n = 0;
        bytes_printf(&delta,
                     "{\"tool_calls\":[{\"index\":%zu,\"id\":\"call_standin_%zu\",\"type\":"
                     "\"function\",\"function\":{\"name\":",
                     call, call);
        bytes_json(&delta, yyjson_get_str(yyjson_obj_get(tool, "name")),
                   yyjson_get_len(yyjson_obj_get(tool, "name")));
        bytes_text(&delta, ",\"arguments\":\"\"}}]}");
        plan_delta(c, 0, delta.at, delta.n, NULL, NULL, plan_delay_before(c->act, done));
        for (size_t at = 0; whole && at < arguments.n;) {
            size_t n = piece_size(arguments.at + at, arguments.n - at);

            whole = trouble(c, done);
            if (!whole)
                break;
            delta.n = 0;
            bytes_printf(&delta,
                         "{\"tool_calls\":[{\"index\":%zu,\"function\":{\"arguments\":", call);
            bytes_json(&delta, arguments.at + at, n);
            bytes_text(&delta, "}}]}");
            plan_delta(c, 0, delta.at, delta.n, NULL, NULL, plan_delay_before(c->act, done++));
            at += n;
        }
    }
    bytes_done(&arguments);
    bytes_done(&delta);
    return whole;
}

static void plan_thinking(struct chat *c)
{
    struct bytes delta = {0};

    bytes_text(&delta, "{\"reasoning_content\":");
    bytes_json(&delta, c->act->thinking, strlen(c->act->thinking));
    bytes_text(&delta, "}");
    plan_delta(c, 0, delta.at, delta.n, NULL, NULL, 0);
    bytes_done(&delta);
}

static void plan_chat_stream(struct chat *c, yyjson_val *tool)
{
    static const char first[] = "{\"role\":\"assistant\",\"content\":\"\",\"refusal\":null}";
    struct plan *plan = c->plan;
    uint64_t wait_us = c->act->first_delay_us;

    plan_stream(plan, c->act);
    for (unsigned long k = 0; k < c->n_choices; k++, wait_us = 0)
        plan_delta(c, k, first, sizeof first - 1, NULL, NULL, wait_us);
    if (c->act->thinking)
        plan_thinking(c);
    if (!(tool ? plan_calls(c, tool) : plan_tokens(c)))
        return;
    for (unsigned long k = 0; !c->act->no_finish && k < c->n_choices; k++)
        plan_delta(c, k, "{}", 2, NULL, c->finish, k == 0 ? c->act->token_delay_us : 0);
    if (wants_usage(c)) {
        struct bytes data = {0};
        event_open(&data, c);
        bytes_text(&data, ",\"choices\":[],\"usage\":");
        add_usage(&data, c);
        bytes_text(&data, "}");
        plan_event(plan, NULL, &data, 0);
        bytes_done(&data);
    }
    if (!c->act->no_done && !c->act->hold)
        plan_event(plan, NULL, &(struct bytes){.at = (char *)"[DONE]", .n = 6}, 0);
    plan_stream_end(plan, c->act);
}

static void add_calls(struct chat *c, struct bytes *out, yyjson_val *tool)
{
    struct bytes arguments = {0};

    call_arguments(&arguments, tool);
    bytes_text(out, ",\"tool_calls\":[");
    for (size_t call = 0; call < c->n_calls; call++) {
        bytes_printf(out,
                     "%s{\"id\":\"call_standin_%zu\",\"type\":\"function\",\"function\":{\"name\":",
                     call ? "," : "", call);
        bytes_json(out, yyjson_get_str(yyjson_obj_get(tool, "name")),
                   yyjson_get_len(yyjson_obj_get(tool, "name")));
        bytes_text(out, ",\"arguments\":");
        bytes_json(out, arguments.at, arguments.n);
        bytes_text(out, "}}");
    }
    bytes_text(out, "]");
    bytes_done(&arguments);
}

static void add_choice(struct chat *c, struct bytes *out, unsigned long index, yyjson_val *tool)
{
    struct bytes text = {0};

    for (size_t i = 0; i < c->tokens.n; i++)
        bytes_add(&text, c->tokens.at[i].at, c->tokens.at[i].n);
    bytes_printf(out, "%s{\"index\":%lu,\"message\":{\"role\":\"assistant\",\"content\":",
                 index ? "," : "", index);
    if (tool)
        bytes_text(out, "null");
    else
        bytes_json(out, text.at, text.n);
    bytes_text(out, ",\"refusal\":null");
    if (tool)
        add_calls(c, out, tool);
    bytes_text(out, "},\"logprobs\":");
    if (c->logprobs && !tool)
        add_logprobs(out, c->tokens.at, c->tokens.n);
    else
        bytes_text(out, "null");
    bytes_printf(out, ",\"finish_reason\":\"%s\"}", c->finish);
    bytes_done(&text);
}

static void plan_whole(struct chat *c, yyjson_val *tool)
{
    struct bytes body = {0};
    const struct act *act = c->act;

    event_open(&body, c);
    bytes_text(&body, ",\"choices\":[");
    for (unsigned long k = 0; k < c->n_choices; k++)
        add_choice(c, &body, k, tool);
    bytes_text(&body, "]");
    if (!yyjson_is_false(act->usage)) {
        bytes_text(&body, ",\"usage\":");
        add_usage(&body, c);
    }
    bytes_text(&body, "}");
    plan_answer(c->plan, act, c->tokens.n, &body);
    bytes_done(&body);
}

static unsigned long text_bytes(yyjson_val *request)
{
    yyjson_val *message;
    struct bytes text = {0};
    unsigned long total = 0;
    size_t i, n;

    yyjson_arr_foreach(yyjson_obj_get(request, "messages"), i, n, message)
    {
        text.n = 0;
        message_text(&text, message);
        total += text.n;
    }
    bytes_done(&text);
    return total;
}

static size_t token_limit(yyjson_val *request)
{
    yyjson_val *limit = yyjson_obj_get(request, "max_completion_tokens");

    if (!limit)
        limit = yyjson_obj_get(request, "max_tokens");
    return yyjson_get_uint(limit);
}

static void chat_open(struct chat *c, const char *body, size_t size, yyjson_val **ret_tool)
{
    struct bytes text = {0};
    size_t limit = token_limit(c->request);

    *ret_tool = tool_pick(c);
    c->finish = *ret_tool ? "tool_calls" : "stop";
    c->n_calls = *ret_tool ? (size_t)c->act->calls : 0;
    if (!*ret_tool) {
        reply_text(c, &text, body, size);
        tokens_cut(&c->tokens, &text, c->act);
        bytes_done(&text);
    }
    if (limit > 0 && c->tokens.n > limit) {
        tokens_limit(&c->tokens, limit);
        c->finish = "length";
    }
    if (c->act->finish)
        c->finish = c->act->finish;
    c->prompt_tokens = text_bytes(c->request) / 4 + 1; /* a stand-in's idea of a token */
    c->completion_tokens = (c->tokens.n + 8 * c->n_calls) * c->n_choices;
}

void plan_chat(struct plan *plan, const struct act *act, yyjson_val *request, const char *body,
               size_t size, unsigned long serial)
{
    yyjson_val *model = yyjson_obj_get(request, "model"), *tool;
    unsigned long n = yyjson_get_uint(yyjson_obj_get(request, "n"));
    struct chat c = {
        .act = act,
        .request = request,
        .plan = plan,
        .model = act->model             ? act->model
                 : yyjson_is_str(model) ? yyjson_get_str(model)
                                        : "standin",
        .created = (long)time(NULL),
        .stream = yyjson_get_bool(yyjson_obj_get(request, "stream")),
        .logprobs = yyjson_get_bool(yyjson_obj_get(request, "logprobs")),
        .n_choices = n == 0 || n > CHOICES_MAX ? 1 : n,
    };

    snprintf(c.id, sizeof c.id, "chatcmpl-standin-%lu", serial);
    if (act->body) {
        plan_body(plan, act->status ? act->status : 200, act->headers, act->first_delay_us,
                  act->body, strlen(act->body));
        return;
    }
    if (act->status != 200 && act->error_after < 0) {
        plan_error(plan, act->status, act->headers, act->error, NULL);
        plan->steps[0].delay_us = act->first_delay_us;
        return;
    }
    if (!request || !yyjson_is_arr(yyjson_obj_get(request, "messages"))) {
        plan_error(plan, 400, NULL, "bad", "messages: missing, or the body is no JSON");
        return;
    }
    if (act->refuse_prefill && role_is(last_message(request), "assistant")) {
        plan_error(plan, 400, NULL, "prefill", NULL);
        return;
    }
    chat_open(&c, body, size, &tool);
    if (c.stream)
        plan_chat_stream(&c, tool);
    else
        plan_whole(&c, tool);
    tokens_done(&c.tokens);
}
