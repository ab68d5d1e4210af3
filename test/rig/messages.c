/* An answer in the format of Anthropic's Messages, and its errors.  Checks what the API checks, so
 * that a request it would refuse is refused here. */
#include "plan.h"
#include "schema.h"
#include <ctype.h>

struct message {
    const struct act *act;
    yyjson_val *request;
    struct plan *plan;
    const char *model;
    unsigned long serial;
    struct tokens tokens;
    yyjson_val *tool; /* that is called, or NULL */
    size_t n_calls;
    const char *reason;
    unsigned long input_tokens, output_tokens;
};

static const struct error_row {
    const char *name;
    int status;
    const char *type, *message;
} errors[] = {
    {"bad", 400, "invalid_request_error", "The stand-in does not take this request."},
    {"context", 400, "invalid_request_error", "prompt is too long: 5000 tokens > 4096 maximum"},
    {"filter", 400, "invalid_request_error", "Output blocked by content filtering policy"},
    {"prefill", 400, "invalid_request_error",
     "This model does not support assistant message prefill. The conversation must end with a user "
     "message."},
    {"auth", 401, "authentication_error", "invalid x-api-key"},
    {"missing", 404, "not_found_error", "model: there is no such thing here"},
    {"rate", 429, "rate_limit_error", "This request would exceed your rate limit."},
    {"quota", 400, "invalid_request_error", "Your credit balance is too low to access the API."},
    {"server", 500, "api_error", "Internal server error"},
    {"overloaded", 529, "overloaded_error", "Overloaded"},
};

static const struct error_row *error_find(const char *name, int status)
{
    size_t n = sizeof errors / sizeof *errors;

    for (size_t i = 0; i < n; i++)
        if (name ? strcmp(errors[i].name, name) == 0 : errors[i].status == status)
            return &errors[i];
    return status < 500 ? &errors[0] : &errors[n - 2];
}

static void put_error(struct bytes *out, const char *name, int status, const char *message)
{
    const struct error_row *row = error_find(name, status);

    message = message ? message : row->message;
    bytes_printf(out, "{\"type\":\"error\",\"error\":{\"type\":\"%s\",\"message\":", row->type);
    bytes_json(out, message, strlen(message));
    bytes_text(out, "},\"request_id\":\"req_standin\"}");
}

void plan_messages_error(struct plan *plan, int status, yyjson_val *headers, const char *name,
                         const char *message)
{
    struct bytes body = {0};

    put_error(&body, name, status, message);
    plan_body(plan, status ? status : error_find(name, status)->status, headers, 0, body.at,
              body.n);
    bytes_done(&body);
}

/* ---- the request ---- */

static yyjson_val *messages_of(yyjson_val *request)
{
    return yyjson_obj_get(request, "messages");
}

static bool is(yyjson_val *object, const char *key, const char *word)
{
    return yyjson_equals_str(yyjson_obj_get(object, key), word);
}

static void block_text(struct bytes *out, yyjson_val *content)
{
    yyjson_val *block;
    size_t i, n;

    if (yyjson_is_str(content))
        bytes_add(out, yyjson_get_str(content), yyjson_get_len(content));
    yyjson_arr_foreach(content, i, n, block)
    {
        yyjson_val *text = yyjson_obj_get(block, "text");
        if (yyjson_is_str(text))
            bytes_add(out, yyjson_get_str(text), yyjson_get_len(text));
    }
}

/* The block of a list that has this type; the last of them, or NULL. */
static yyjson_val *block_of(yyjson_val *content, const char *type)
{
    yyjson_val *block, *last = NULL;
    size_t i, n;

    yyjson_arr_foreach(content, i, n, block)
    {
        if (is(block, "type", type))
            last = block;
    }
    return last;
}

static bool id_ok(yyjson_val *id)
{
    const char *at = yyjson_get_str(id);

    while (at && (isalnum((unsigned char)*at) || *at == '_' || *at == '-'))
        at++;
    return at && *at == '\0' && yyjson_get_len(id) > 0;
}

static bool has_result(yyjson_val *message, yyjson_val *id)
{
    yyjson_val *block;
    size_t i, n;

    yyjson_arr_foreach(yyjson_obj_get(message, "content"), i, n, block)
    {
        if (is(block, "type", "tool_result") &&
            yyjson_equals(yyjson_obj_get(block, "tool_use_id"), id))
            return true;
    }
    return false;
}

/* One message; next: the one after it, or NULL.  NULL, or what is wrong. */
static const char *check_message(yyjson_val *message, yyjson_val *next)
{
    yyjson_val *content = yyjson_obj_get(message, "content"), *block;
    size_t i, n;

    if (!is(message, "role", "user") && !is(message, "role", "assistant"))
        return "messages: Unexpected role";
    if (yyjson_is_str(content) ? yyjson_get_len(content) == 0 : yyjson_arr_size(content) == 0)
        return "messages: must have non-empty content";
    yyjson_arr_foreach(content, i, n, block)
    {
        if (is(block, "type", "text") && yyjson_get_len(yyjson_obj_get(block, "text")) == 0)
            return "messages: text content blocks must be non-empty";
        if (is(block, "type", "thinking") && !yyjson_get_len(yyjson_obj_get(block, "signature")))
            return "messages: thinking.signature: Field required";
        if (!is(block, "type", "tool_use"))
            continue;
        if (!id_ok(yyjson_obj_get(block, "id")) || !yyjson_is_obj(yyjson_obj_get(block, "input")))
            return "messages: tool_use.input: Input should be a valid dictionary";
        if (!has_result(next, yyjson_obj_get(block, "id")))
            return "messages: `tool_use` ids were found without `tool_result` blocks immediately "
                   "after";
    }
    return NULL;
}

static const char *check(yyjson_val *request)
{
    yyjson_val *list = messages_of(request), *message,
               *thinking = yyjson_obj_get(request, "thinking");
    size_t i, n;

    if (yyjson_get_int(yyjson_obj_get(request, "max_tokens")) <= 0)
        return "max_tokens: Field required";
    if (yyjson_arr_size(list) == 0)
        return "messages: at least one message is required";
    if (is(thinking, "type", "enabled") &&
        yyjson_get_int(yyjson_obj_get(thinking, "budget_tokens")) >=
            yyjson_get_int(yyjson_obj_get(request, "max_tokens")))
        return "`max_tokens` must be greater than `thinking.budget_tokens`";
    yyjson_arr_foreach(list, i, n, message)
    {
        const char *wrong = check_message(message, yyjson_arr_get(list, i + 1));
        if (wrong)
            return wrong;
    }
    return NULL;
}

static yyjson_val *last_content(const struct message *m)
{
    return yyjson_obj_get(yyjson_arr_get_last(messages_of(m->request)), "content");
}

/* The tool that will be called: the named one, else the first; NULL for none. */
static yyjson_val *tool_pick(const struct message *m)
{
    yyjson_val *choice = yyjson_obj_get(m->request, "tool_choice"), *tool;
    yyjson_val *named = yyjson_obj_get(choice, "name");
    size_t i, n;

    if (!m->act->tools || is(choice, "type", "none") || block_of(last_content(m), "tool_result"))
        return NULL;
    yyjson_arr_foreach(yyjson_obj_get(m->request, "tools"), i, n, tool)
    {
        if (!named || yyjson_equals(yyjson_obj_get(tool, "name"), named))
            return tool;
    }
    return NULL;
}

static void reply_text(const struct message *m, struct bytes *out, const char *body, size_t size)
{
    yyjson_val *format = yyjson_obj_get(yyjson_obj_get(m->request, "output_config"), "format");
    yyjson_val *schema = yyjson_obj_get(format, "schema");
    yyjson_val *result = block_of(last_content(m), "tool_result");

    if (m->act->echo && strcmp(m->act->echo, "body") == 0)
        bytes_add(out, body, size);
    else if (m->act->echo)
        block_text(out, last_content(m));
    else if (schema)
        schema_value(out, schema, schema, 0);
    else if (result) {
        bytes_text(out, "The tool said: ");
        block_text(out, yyjson_obj_get(result, "content"));
    } else
        bytes_text(out, m->act->reply);
}

static unsigned long text_bytes(yyjson_val *request)
{
    struct bytes text = {0};
    yyjson_val *message;
    size_t i, n;

    block_text(&text, yyjson_obj_get(request, "system"));
    yyjson_arr_foreach(messages_of(request), i, n, message)
    {
        block_text(&text, yyjson_obj_get(message, "content"));
    }
    unsigned long total = text.n;
    bytes_done(&text);
    return total;
}

static void message_open(struct message *m, const char *body, size_t size)
{
    size_t limit = yyjson_get_uint(yyjson_obj_get(m->request, "max_tokens"));

    m->tool = tool_pick(m);
    m->n_calls = m->tool ? (size_t)m->act->calls : 0;
    m->reason = m->tool ? "tool_use" : "end_turn";
    if (!m->tool) {
        struct bytes text = {0};
        reply_text(m, &text, body, size);
        tokens_cut(&m->tokens, &text, m->act);
        bytes_done(&text);
    }
    if (m->tokens.n > limit) {
        tokens_limit(&m->tokens, limit);
        m->reason = "max_tokens";
    }
    if (m->act->finish)
        m->reason = m->act->finish;
    m->input_tokens = text_bytes(m->request) / 4 + 1; /* a stand-in's idea of a token */
    m->output_tokens = m->tokens.n + 8 * m->n_calls;
}

/* ---- the answer ---- */

static void put_usage(struct bytes *out, const struct message *m, unsigned long output)
{
    if (yyjson_is_obj(m->act->usage)) {
        size_t size;
        char *text = yyjson_val_write(m->act->usage, 0, &size);
        bytes_add(out, text, size);
        free(text);
        return;
    }
    bytes_printf(
        out,
        "{\"input_tokens\":%lu,\"cache_creation_input_tokens\":0,"
        "\"cache_read_input_tokens\":0,\"output_tokens\":%lu,\"service_tier\":\"standard\"}",
        m->input_tokens, output);
}

static void put_open(struct bytes *out, const struct message *m)
{
    bytes_printf(
        out, "{\"id\":\"msg_standin_%lu\",\"type\":\"message\",\"role\":\"assistant\",\"model\":",
        m->serial);
    bytes_json(out, m->model, strlen(m->model));
}

/* An event of a type, which its name is, too. */
static void __attribute__((format(printf, 4, 5)))
say(struct message *m, const char *type, uint64_t delay_us, const char *fmt, ...)
{
    struct bytes data = {0};
    char more[512];
    va_list args;

    va_start(args, fmt);
    vsnprintf(more, sizeof more, fmt, args);
    va_end(args);
    bytes_printf(&data, "{\"type\":\"%s\"%s}", type, more);
    plan_event(m->plan, type, &data, delay_us);
    bytes_done(&data);
}

static void say_delta(struct message *m, size_t index, const char *type, const char *key,
                      const char *at, size_t n, uint64_t delay_us)
{
    struct bytes data = {0};

    bytes_printf(
        &data,
        "{\"type\":\"content_block_delta\",\"index\":%zu,\"delta\":{\"type\":\"%s\",\"%s\":", index,
        type, key);
    bytes_json(&data, at, n);
    bytes_text(&data, "}}");
    plan_event(m->plan, "content_block_delta", &data, delay_us);
    bytes_done(&data);
}

static bool trouble(struct message *m, long done)
{
    struct bytes error = {0};

    put_error(&error, m->act->error, 500, NULL);
    bool whole = plan_trouble(m->plan, m->act, done,
                              "{\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"te",
                              "error", &error);
    bytes_done(&error);
    return whole;
}

static void say_start(struct message *m, uint64_t wait_us)
{
    struct bytes data = {0};

    bytes_text(&data, "{\"type\":\"message_start\",\"message\":");
    put_open(&data, m);
    bytes_text(&data, ",\"content\":[],\"stop_reason\":null,\"stop_sequence\":null");
    if (!yyjson_is_false(m->act->usage)) {
        bytes_text(&data, ",\"usage\":");
        put_usage(&data, m, 1);
    }
    bytes_text(&data, "}}");
    plan_event(m->plan, "message_start", &data, wait_us);
    bytes_done(&data);
    say(m, "ping", 0, "%s", "");
}

/* Returns how many blocks that were. */
static size_t say_thinking(struct message *m)
{
    const char *thinking = m->act->thinking, *signature = m->act->signature;

    if (!thinking)
        return 0;
    say(m, "content_block_start", 0,
        ",\"index\":0,\"content_block\":{\"type\":\"thinking\",\"thinking\":\"\",\"signature\":"
        "\"\"}");
    say_delta(m, 0, "thinking_delta", "thinking", thinking, strlen(thinking), 0);
    if (signature)
        say_delta(m, 0, "signature_delta", "signature", signature, strlen(signature), 0);
    say(m, "content_block_stop", 0, ",\"index\":0");
    return 1;
}

static bool say_tokens(struct message *m, size_t index)
{
    bool whole = true;

    say(m, "content_block_start", 0,
        ",\"index\":%zu,\"content_block\":{\"type\":\"text\",\"text\":\"\"}", index);
    for (size_t i = 0; whole && i < m->tokens.n; i++) {
        whole = trouble(m, (long)i);
        if (whole)
            say_delta(m, index, "text_delta", "text", m->tokens.at[i].at, m->tokens.at[i].n,
                      plan_delay_before(m->act, (long)i));
    }
    if (!whole || !trouble(m, (long)m->tokens.n))
        return false;
    say(m, "content_block_stop", 0, ",\"index\":%zu", index);
    return true;
}

static bool say_call(struct message *m, size_t index, size_t call, const struct bytes *arguments,
                     long *done)
{
    say(m, "content_block_start", plan_delay_before(m->act, *done),
        ",\"index\":%zu,\"content_block\":{\"type\":\"tool_use\",\"id\":\"toolu_standin_%zu\","
        "\"name\":\"%s\",\"input\":{}}",
        index, call, yyjson_get_str(yyjson_obj_get(m->tool, "name")));
    say_delta(m, index, "input_json_delta", "partial_json", "", 0, 0);
    for (size_t at = 0; at < arguments->n;) {
        size_t n = piece_size(arguments->at + at, arguments->n - at);
        if (!trouble(m, *done))
            return false;
        say_delta(m, index, "input_json_delta", "partial_json", arguments->at + at, n,
                  plan_delay_before(m->act, (*done)++));
        at += n;
    }
    say(m, "content_block_stop", 0, ",\"index\":%zu", index);
    return true;
}

static bool say_calls(struct message *m, size_t index)
{
    yyjson_val *schema = yyjson_obj_get(m->tool, "input_schema");
    struct bytes arguments = {0};
    long done = 0;
    bool whole = true;

    schema_value(&arguments, schema, schema, 0);
    for (size_t call = 0; whole && call < m->n_calls; call++)
        whole = say_call(m, index + call, call, &arguments, &done);
    bytes_done(&arguments);
    return whole;
}

static void say_end(struct message *m)
{
    struct bytes data = {0};

    bytes_printf(
        &data,
        "{\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"%s\",\"stop_sequence\":null}",
        m->reason);
    if (!yyjson_is_false(m->act->usage)) {
        bytes_text(&data, ",\"usage\":");
        put_usage(&data, m, m->output_tokens);
    }
    bytes_text(&data, "}");
    if (!m->act->no_finish)
        plan_event(m->plan, "message_delta", &data, m->act->token_delay_us);
    bytes_done(&data);
    if (!m->act->no_done && !m->act->hold)
        say(m, "message_stop", 0, "%s", "");
    plan_stream_end(m->plan, m->act);
}

static void stream(struct message *m)
{
    plan_stream(m->plan, m->act);
    say_start(m, m->act->first_delay_us);
    size_t index = say_thinking(m);
    if (m->tool ? say_calls(m, index) : say_tokens(m, index))
        say_end(m);
}

static void put_calls(struct bytes *out, const struct message *m)
{
    yyjson_val *schema = yyjson_obj_get(m->tool, "input_schema");

    for (size_t call = 0; call < m->n_calls; call++) {
        bytes_printf(
            out, "%s{\"type\":\"tool_use\",\"id\":\"toolu_standin_%zu\",\"name\":\"%s\",\"input\":",
            call ? "," : "", call, yyjson_get_str(yyjson_obj_get(m->tool, "name")));
        schema_value(out, schema, schema, 0);
        bytes_text(out, "}");
    }
}

static void whole(struct message *m)
{
    struct bytes body = {0}, text = {0};

    put_open(&body, m);
    bytes_text(&body, ",\"content\":[");
    if (m->act->thinking) {
        bytes_text(&body, "{\"type\":\"thinking\",\"thinking\":");
        bytes_json(&body, m->act->thinking, strlen(m->act->thinking));
        bytes_text(&body, ",\"signature\":");
        bytes_json(&body, m->act->signature ? m->act->signature : "",
                   m->act->signature ? strlen(m->act->signature) : 0);
        bytes_text(&body, "},");
    }
    for (size_t i = 0; i < m->tokens.n; i++)
        bytes_add(&text, m->tokens.at[i].at, m->tokens.at[i].n);
    if (m->tool) {
        put_calls(&body, m);
    } else {
        bytes_text(&body, "{\"type\":\"text\",\"text\":");
        bytes_json(&body, text.at, text.n);
        bytes_text(&body, "}");
    }
    bytes_printf(&body, "],\"stop_reason\":\"%s\",\"stop_sequence\":null", m->reason);
    if (!yyjson_is_false(m->act->usage)) {
        bytes_text(&body, ",\"usage\":");
        put_usage(&body, m, m->output_tokens);
    }
    bytes_text(&body, "}");
    plan_answer(m->plan, m->act, m->tokens.n, &body);
    bytes_done(&body);
    bytes_done(&text);
}

void plan_messages(struct plan *plan, const struct act *act, yyjson_val *request, const char *body,
                   size_t size, unsigned long serial)
{
    yyjson_val *model = yyjson_obj_get(request, "model");
    struct message m = {.act = act,
                        .request = request,
                        .plan = plan,
                        .model = act->model             ? act->model
                                 : yyjson_is_str(model) ? yyjson_get_str(model)
                                                        : "standin",
                        .serial = serial};

    if (act->body) {
        plan_body(plan, act->status ? act->status : 200, act->headers, act->first_delay_us,
                  act->body, strlen(act->body));
        return;
    }
    if (act->status != 200 && act->error_after < 0) {
        plan_messages_error(plan, act->status, act->headers, act->error, NULL);
        plan->steps[0].delay_us = act->first_delay_us;
        return;
    }
    const char *wrong = check(request);
    if (wrong) {
        plan_messages_error(plan, 400, NULL, "bad", wrong);
        return;
    }
    if (act->refuse_prefill && is(yyjson_arr_get_last(messages_of(request)), "role", "assistant")) {
        plan_messages_error(plan, 400, NULL, "prefill", NULL);
        return;
    }
    message_open(&m, body, size);
    if (yyjson_get_bool(yyjson_obj_get(request, "stream")))
        stream(&m);
    else
        whole(&m);
    tokens_done(&m.tokens);
}
