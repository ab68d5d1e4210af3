/* An answer in the format of OpenAI's Responses.  Its errors are those of OpenAI's other format
 * (chat.c). */
#include "plan.h"
#include "schema.h"
#include <time.h>

struct response {
    const struct act *act;
    yyjson_val *request;
    struct plan *plan;
    const char *model;
    unsigned long serial, sequence;
    long created;
    bool logprobs;
    struct tokens tokens;
    yyjson_val *tool; /* that is called, or NULL */
    size_t n_calls;
    const char *cut_short; /* why it is incomplete, or NULL */
    unsigned long input_tokens, output_tokens;
    struct bytes output; /* the items that are done, comma-separated */
};

/* ---- the request ---- */

static bool is(yyjson_val *object, const char *key, const char *word)
{
    return yyjson_equals_str(yyjson_obj_get(object, key), word);
}

static void text_of(struct bytes *out, yyjson_val *content)
{
    yyjson_val *part;
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

static yyjson_val *last_item(const struct response *r)
{
    return yyjson_arr_get_last(yyjson_obj_get(r->request, "input"));
}

/* The last message of the user's, or the input itself. */
static void last_words(struct bytes *out, const struct response *r)
{
    yyjson_val *input = yyjson_obj_get(r->request, "input"), *item, *last = NULL;
    size_t i, n;

    if (yyjson_is_str(input)) {
        text_of(out, input);
        return;
    }
    yyjson_arr_foreach(input, i, n, item)
    {
        if (is(item, "role", "user"))
            last = item;
    }
    text_of(out, yyjson_obj_get(last, "content"));
}

/* The tool that will be called: the named one, else the first; NULL for none. */
static yyjson_val *tool_pick(const struct response *r)
{
    yyjson_val *choice = yyjson_obj_get(r->request, "tool_choice"), *tool;
    yyjson_val *named = yyjson_obj_get(choice, "name");
    size_t i, n;

    if (!r->act->tools || yyjson_equals_str(choice, "none") ||
        is(last_item(r), "type", "function_call_output"))
        return NULL;
    yyjson_arr_foreach(yyjson_obj_get(r->request, "tools"), i, n, tool)
    {
        if (is(tool, "type", "function") &&
            (!named || yyjson_equals(yyjson_obj_get(tool, "name"), named)))
            return tool;
    }
    return NULL;
}

static void reply_text(const struct response *r, struct bytes *out, const char *body, size_t size)
{
    yyjson_val *format = yyjson_obj_get(yyjson_obj_get(r->request, "text"), "format");
    yyjson_val *schema = yyjson_obj_get(format, "schema");

    if (r->act->echo && strcmp(r->act->echo, "body") == 0)
        bytes_add(out, body, size);
    else if (r->act->echo)
        last_words(out, r);
    else if (schema)
        schema_value(out, schema, schema, 0);
    else if (is(format, "type", "json_object"))
        bytes_text(out, "{\"from\":\"stand-in\"}");
    else if (is(last_item(r), "type", "function_call_output")) {
        bytes_text(out, "The tool said: ");
        text_of(out, yyjson_obj_get(last_item(r), "output"));
    } else
        bytes_text(out, r->act->reply);
}

static bool lists(yyjson_val *list, const char *word)
{
    yyjson_val *item;
    size_t i, n;

    yyjson_arr_foreach(list, i, n, item)
    {
        if (yyjson_equals_str(item, word))
            return true;
    }
    return false;
}

/* Every output has its call before it, as the API wants.  NULL, or what is wrong. */
static const char *check(yyjson_val *request)
{
    yyjson_val *input = yyjson_obj_get(request, "input"), *item, *other;
    size_t i, k, n, m;

    if (!yyjson_is_str(input) && yyjson_arr_size(input) == 0)
        return "input: missing, or the body is no JSON";
    yyjson_arr_foreach(input, i, n, item)
    {
        bool found = !is(item, "type", "function_call_output");
        yyjson_arr_foreach(input, k, m, other)
        {
            found |=
                k < i && is(other, "type", "function_call") &&
                yyjson_equals(yyjson_obj_get(other, "call_id"), yyjson_obj_get(item, "call_id"));
        }
        if (!found)
            return "No tool call found for function call output";
        if (yyjson_get_len(yyjson_obj_get(item, "call_id")) > 64)
            return "input.call_id: string too long, expected maximum length 64";
    }
    return NULL;
}

static void response_open(struct response *r, const char *body, size_t size)
{
    size_t limit = yyjson_get_uint(yyjson_obj_get(r->request, "max_output_tokens"));
    struct bytes words = {0};

    r->tool = tool_pick(r);
    r->n_calls = r->tool ? (size_t)r->act->calls : 0;
    if (!r->tool) {
        struct bytes text = {0};
        reply_text(r, &text, body, size);
        tokens_cut(&r->tokens, &text, r->act);
        bytes_done(&text);
    }
    if (limit > 0 && r->tokens.n > limit) {
        tokens_limit(&r->tokens, limit);
        r->cut_short = "max_output_tokens";
    }
    if (r->act->finish && strcmp(r->act->finish, "stop") != 0)
        r->cut_short = r->act->finish;
    last_words(&words, r);
    r->input_tokens = words.n / 4 + 1; /* a stand-in's idea of a token */
    r->output_tokens = r->tokens.n + 8 * r->n_calls;
    bytes_done(&words);
}

/* ---- the response object ---- */

static void put_usage(struct bytes *out, const struct response *r)
{
    if (yyjson_is_obj(r->act->usage)) {
        size_t size;
        char *text = yyjson_val_write(r->act->usage, 0, &size);
        bytes_add(out, text, size);
        free(text);
        return;
    }
    bytes_printf(out,
                 "{\"input_tokens\":%lu,\"input_tokens_details\":{\"cached_tokens\":0},"
                 "\"output_tokens\":%lu,\"output_tokens_details\":{\"reasoning_tokens\":0},"
                 "\"total_tokens\":%lu}",
                 r->input_tokens, r->output_tokens, r->input_tokens + r->output_tokens);
}

static void put_response(struct bytes *out, const struct response *r, bool done)
{
    const char *status = !done ? "in_progress" : r->cut_short ? "incomplete" : "completed";

    bytes_printf(
        out,
        "{\"id\":\"resp_standin_%lu\",\"object\":\"response\",\"created_at\":%ld,\"status\":\"%s\","
        "\"error\":null,\"incomplete_details\":",
        r->serial, r->created, status);
    if (done && r->cut_short)
        bytes_printf(out, "{\"reason\":\"%s\"}", r->cut_short);
    else
        bytes_text(out, "null");
    bytes_text(out, ",\"model\":");
    bytes_json(out, r->model, strlen(r->model));
    bytes_text(out, ",\"output\":[");
    if (done)
        bytes_add(out, r->output.at, r->output.n);
    bytes_text(out, "],\"parallel_tool_calls\":true,\"tools\":[],\"usage\":");
    if (done && !yyjson_is_false(r->act->usage))
        put_usage(out, r);
    else
        bytes_text(out, "null");
    bytes_text(out, "}");
}

static void put_reasoning(struct bytes *out, const struct response *r, bool done)
{
    bytes_printf(out, "{\"type\":\"reasoning\",\"id\":\"rs_standin_%lu\",\"summary\":[", r->serial);
    if (done) {
        bytes_text(out, "{\"type\":\"summary_text\",\"text\":");
        bytes_json(out, r->act->thinking, strlen(r->act->thinking));
        bytes_text(out, "}");
    }
    bytes_text(out, "]");
    if (done && r->act->signature &&
        lists(yyjson_obj_get(r->request, "include"), "reasoning.encrypted_content")) {
        bytes_text(out, ",\"encrypted_content\":");
        bytes_json(out, r->act->signature, strlen(r->act->signature));
    }
    bytes_text(out, "}");
}

static void put_logprobs(struct bytes *out, const struct response *r, size_t from, size_t end)
{
    bytes_text(out, ",\"logprobs\":[");
    for (size_t i = from; r->logprobs && i < end; i++) {
        bytes_text(out, i > from ? ",{\"token\":" : "{\"token\":");
        bytes_json(out, r->tokens.at[i].at, r->tokens.at[i].n);
        bytes_text(out, ",\"logprob\":-0.25,\"top_logprobs\":[]}");
    }
    bytes_text(out, "]");
}

static void put_message(struct bytes *out, const struct response *r, bool done)
{
    struct bytes text = {0};

    for (size_t i = 0; i < r->tokens.n; i++)
        bytes_add(&text, r->tokens.at[i].at, r->tokens.at[i].n);
    bytes_printf(out,
                 "{\"type\":\"message\",\"id\":\"msg_standin_%lu\",\"status\":\"%s\",\"role\":"
                 "\"assistant\",\"content\":[",
                 r->serial, done ? "completed" : "in_progress");
    if (done) {
        bytes_text(out, "{\"type\":\"output_text\",\"annotations\":[],\"text\":");
        bytes_json(out, text.at, text.n);
        put_logprobs(out, r, 0, r->tokens.n);
        bytes_text(out, "}");
    }
    bytes_text(out, "]}");
    bytes_done(&text);
}

static void put_call(struct bytes *out, const struct response *r, size_t call,
                     const struct bytes *arguments)
{
    const char *name = yyjson_get_str(yyjson_obj_get(r->tool, "name"));

    bytes_printf(
        out,
        "{\"type\":\"function_call\",\"id\":\"fc_standin_%zu\",\"call_id\":\"call_standin_%zu\","
        "\"name\":\"%s\",\"status\":\"%s\",\"arguments\":",
        call, call, name ? name : "", arguments ? "completed" : "in_progress");
    bytes_json(out, arguments ? arguments->at : "", arguments ? arguments->n : 0);
    bytes_text(out, "}");
}

/* ---- events ---- */

/* data: more members, which begin with a comma. */
static void say(struct response *r, const char *type, const struct bytes *more, uint64_t delay_us)
{
    struct bytes data = {0};

    bytes_printf(&data, "{\"type\":\"%s\",\"sequence_number\":%lu", type, r->sequence++);
    bytes_add(&data, more->at, more->n);
    bytes_text(&data, "}");
    plan_event(r->plan, type, &data, delay_us);
    bytes_done(&data);
}

static void say_response(struct response *r, const char *type, bool done, uint64_t delay_us)
{
    struct bytes more = {0};

    bytes_text(&more, ",\"response\":");
    put_response(&more, r, done);
    say(r, type, &more, delay_us);
    bytes_done(&more);
}

/* item: its JSON, which is kept for the response when it is done. */
static void say_item(struct response *r, size_t index, struct bytes *item, bool done)
{
    struct bytes more = {0};

    bytes_printf(&more, ",\"output_index\":%zu,\"item\":", index);
    bytes_add(&more, item->at, item->n);
    say(r, done ? "response.output_item.done" : "response.output_item.added", &more, 0);
    if (done) {
        bytes_text(&r->output, r->output.n ? "," : "");
        bytes_add(&r->output, item->at, item->n);
    }
    bytes_done(&more);
    bytes_done(item);
}

static void say_delta(struct response *r, const char *type, size_t index, const char *at, size_t n,
                      size_t token, uint64_t delay_us)
{
    struct bytes more = {0};

    bytes_printf(
        &more, ",\"item_id\":\"standin_%zu\",\"output_index\":%zu,\"%s_index\":0,\"delta\":", index,
        index, strstr(type, "summary") ? "summary" : "content");
    bytes_json(&more, at, n);
    if (strstr(type, "output_text"))
        put_logprobs(&more, r, token, token + 1);
    say(r, type, &more, delay_us);
    bytes_done(&more);
}

static bool trouble(struct response *r, long done)
{
    struct bytes object = {0}, error = {0};
    yyjson_doc *doc;
    const char *message, *code;

    error_text(&object, r->act->error, 500, NULL);
    doc = yyjson_read(object.at, object.n, 0);
    yyjson_val *of = yyjson_obj_get(yyjson_doc_get_root(doc), "error");
    message = yyjson_get_str(yyjson_obj_get(of, "message"));
    code = yyjson_get_str(yyjson_obj_get(of, "code"));
    bytes_printf(&error, "{\"type\":\"error\",\"code\":\"%s\",\"message\":\"%s\",\"param\":null}",
                 code ? code : "server_error", message ? message : "");
    bool whole = plan_trouble(r->plan, r->act, done,
                              "{\"type\":\"response.output_text.delta\",\"output_index\":0,\"del",
                              "error", &error);
    yyjson_doc_free(doc);
    bytes_done(&object);
    bytes_done(&error);
    return whole;
}

static size_t say_thinking(struct response *r)
{
    struct bytes item = {0};

    if (!r->act->thinking)
        return 0;
    put_reasoning(&item, r, false);
    say_item(r, 0, &item, false);
    say_delta(r, "response.reasoning_summary_text.delta", 0, r->act->thinking,
              strlen(r->act->thinking), 0, 0);
    put_reasoning(&item, r, true);
    say_item(r, 0, &item, true);
    return 1;
}

static bool say_tokens(struct response *r, size_t index)
{
    struct bytes item = {0};

    put_message(&item, r, false);
    say_item(r, index, &item, false);
    for (size_t i = 0; i < r->tokens.n; i++) {
        if (!trouble(r, (long)i))
            return false;
        say_delta(r, "response.output_text.delta", index, r->tokens.at[i].at, r->tokens.at[i].n, i,
                  plan_delay_before(r->act, (long)i));
    }
    if (!trouble(r, (long)r->tokens.n))
        return false;
    put_message(&item, r, true);
    say_item(r, index, &item, true);
    return true;
}

static bool say_calls(struct response *r, size_t index)
{
    yyjson_val *schema = yyjson_obj_get(r->tool, "parameters");
    struct bytes arguments = {0}, item = {0};
    long done = 0;
    bool whole = true;

    schema_value(&arguments, schema, schema, 0);
    for (size_t call = 0; whole && call < r->n_calls; call++) {
        put_call(&item, r, call, NULL);
        say_item(r, index + call, &item, false);
        for (size_t at = 0; whole && at < arguments.n;) {
            size_t n = piece_size(arguments.at + at, arguments.n - at);
            whole = trouble(r, done);
            if (whole)
                say_delta(r, "response.function_call_arguments.delta", index + call,
                          arguments.at + at, n, 0, plan_delay_before(r->act, done++));
            at += n;
        }
        put_call(&item, r, call, &arguments);
        if (whole)
            say_item(r, index + call, &item, true);
        bytes_done(&item);
    }
    bytes_done(&arguments);
    return whole;
}

/* no_done leaves out the last event, which is the finish as well; so does no_finish. */
static void stream(struct response *r)
{
    plan_stream(r->plan, r->act);
    say_response(r, "response.created", false, r->act->first_delay_us);
    say_response(r, "response.in_progress", false, 0);
    size_t index = say_thinking(r);
    if (!(r->tool ? say_calls(r, index) : say_tokens(r, index)))
        return;
    if (!r->act->no_finish && !r->act->no_done && !r->act->hold)
        say_response(r, r->cut_short ? "response.incomplete" : "response.completed", true,
                     r->act->token_delay_us);
    plan_stream_end(r->plan, r->act);
}

static void whole(struct response *r)
{
    yyjson_val *schema = yyjson_obj_get(r->tool, "parameters");
    struct bytes arguments = {0}, body = {0};

    if (r->act->thinking) {
        put_reasoning(&r->output, r, true);
        bytes_text(&r->output, ",");
    }
    schema_value(&arguments, schema, schema, 0);
    for (size_t call = 0; call < r->n_calls; call++) {
        bytes_text(&r->output, call ? "," : "");
        put_call(&r->output, r, call, &arguments);
    }
    if (!r->tool)
        put_message(&r->output, r, true);
    put_response(&body, r, true);
    plan_answer(r->plan, r->act, r->tokens.n, &body);
    bytes_done(&arguments);
    bytes_done(&body);
}

void plan_responses(struct plan *plan, const struct act *act, yyjson_val *request, const char *body,
                    size_t size, unsigned long serial)
{
    yyjson_val *model = yyjson_obj_get(request, "model");
    struct response r = {
        .act = act,
        .request = request,
        .plan = plan,
        .model = act->model             ? act->model
                 : yyjson_is_str(model) ? yyjson_get_str(model)
                                        : "standin",
        .serial = serial,
        .created = (long)time(NULL),
        .logprobs = lists(yyjson_obj_get(request, "include"), "message.output_text.logprobs")};

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
    const char *wrong = check(request);
    if (wrong) {
        plan_error(plan, 400, NULL, "bad", wrong);
        return;
    }
    if (act->refuse_prefill && is(last_item(&r), "role", "assistant")) {
        plan_error(plan, 400, NULL, "prefill", NULL);
        return;
    }
    response_open(&r, body, size);
    if (yyjson_get_bool(yyjson_obj_get(request, "stream")))
        stream(&r);
    else
        whole(&r);
    tokens_done(&r.tokens);
    bytes_done(&r.output);
}
