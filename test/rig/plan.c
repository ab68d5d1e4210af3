#include "plan.h"

enum { PIECE_BYTES = 7 };

void plan_done(struct plan *plan)
{
    bytes_done(&plan->text);
    free(plan->steps);
    *plan = (struct plan){0};
}

void plan_step(struct plan *plan, uint64_t delay_us)
{
    if (plan->n > 0 && delay_us == 0) { /* goes together with what is before it */
        plan->steps[plan->n - 1].end = plan->text.n;
        return;
    }
    if (plan->n == plan->room) {
        plan->room = plan->room ? plan->room * 2 : 16;
        plan->steps = realloc(plan->steps, plan->room * sizeof *plan->steps);
        if (!plan->steps)
            abort();
    }
    plan->steps[plan->n++] = (struct plan_step){plan->text.n, delay_us};
}

static const char *status_words(int status)
{
    switch (status) {
    case 200:
        return "OK";
    case 400:
        return "Bad Request";
    case 401:
        return "Unauthorized";
    case 404:
        return "Not Found";
    case 429:
        return "Too Many Requests";
    case 500:
        return "Internal Server Error";
    case 503:
        return "Service Unavailable";
    default:
        return "Status";
    }
}

static void plan_head(struct plan *plan, int status, yyjson_val *headers, const char *type)
{
    size_t i, n;
    yyjson_val *key, *value;

    plan->status = status;
    bytes_printf(&plan->text, "HTTP/1.1 %d %s\r\nContent-Type: %s\r\nServer: stand-in\r\n", status,
                 status_words(status), type);
    if (yyjson_is_obj(headers))
        yyjson_obj_foreach(headers, i, n, key, value)
        {
            bytes_printf(&plan->text, "%s: ", yyjson_get_str(key));
            if (yyjson_is_str(value))
                bytes_text(&plan->text, yyjson_get_str(value));
            else
                bytes_printf(&plan->text, "%g", yyjson_get_num(value));
            bytes_text(&plan->text, "\r\n");
        }
}

void plan_body(struct plan *plan, int status, yyjson_val *headers, uint64_t delay_us,
               const char *body, size_t size)
{
    plan_head(plan, status, headers, "application/json");
    bytes_printf(&plan->text, "Content-Length: %zu\r\n\r\n", size);
    bytes_add(&plan->text, body, size);
    plan_step(plan, delay_us);
}

void plan_stream_body(struct plan *plan, uint64_t delay_us, const char *body, size_t size)
{
    plan_head(plan, 200, NULL, "text/event-stream");
    bytes_printf(&plan->text, "Content-Length: %zu\r\n\r\n", size);
    bytes_add(&plan->text, body, size);
    plan_step(plan, delay_us);
}

void plan_answer(struct plan *plan, const struct act *act, size_t n_tokens, struct bytes *body)
{
    if (act->bad_json_at >= 0)
        body->n--; /* its last brace */
    plan_body(plan, 200, act->headers,
              act->first_delay_us + act->token_delay_us * n_tokens +
                  (act->stall_after >= 0 ? act->stall_us : 0),
              body->at, body->n);
    if (act->cut_after >= 0) { /* half of what the header promised */
        plan->end = act->cut_clean ? PLAN_CLOSE : PLAN_RESET;
        plan->steps[0].end -= body->n / 2;
    }
}

void plan_stream(struct plan *plan, const struct act *act)
{
    plan_head(plan, 200, act->headers, "text/event-stream");
    bytes_text(&plan->text, "Cache-Control: no-cache\r\nTransfer-Encoding: chunked\r\n\r\n");
    if (act->early_header)
        plan_step(plan, 0);
}

/* One server-sent event as one HTTP chunk. */
void plan_event(struct plan *plan, const char *name, const struct bytes *data, uint64_t delay_us)
{
    if (name)
        bytes_printf(&plan->text, "%zx\r\nevent: %s\ndata: ", data->n + 16 + strlen(name), name);
    else
        bytes_printf(&plan->text, "%zx\r\ndata: ", data->n + 8);
    bytes_add(&plan->text, data->at, data->n);
    bytes_text(&plan->text, "\n\n\r\n");
    plan_step(plan, delay_us);
}

void plan_stream_end(struct plan *plan, const struct act *act)
{
    if (act->hold)
        plan->end = PLAN_HOLD;
    else
        bytes_text(&plan->text, "0\r\n\r\n");
    plan_step(plan, 0);
}

uint64_t plan_delay_before(const struct act *act, long done)
{
    return act->token_delay_us + (act->stall_after == done ? act->stall_us : 0);
}

bool plan_trouble(struct plan *plan, const struct act *act, long done, const char *broken,
                  const char *error_name, const struct bytes *error)
{
    if (act->bad_json_at == done)
        plan_event(plan, error_name ? "message" : NULL,
                   &(struct bytes){.at = (char *)broken, .n = strlen(broken)}, 0);
    if (act->error_after == done) {
        plan_event(plan, error_name, error, 0);
        bytes_text(&plan->text, "0\r\n\r\n");
        plan_step(plan, 0);
        return false;
    }
    if (act->cut_after == done) {
        plan->end = act->cut_clean ? PLAN_CLOSE : PLAN_RESET;
        return false;
    }
    return true;
}

/* Between two characters, and no word longer than the act wants. */
static bool ends_token(const struct bytes *text, size_t from, size_t at, long bytes)
{
    if (((unsigned char)text->at[at] & 0xc0) == 0x80)
        return false;
    return text->at[at] == ' ' || (bytes > 0 && at - from >= (size_t)bytes);
}

void tokens_cut(struct tokens *tokens, const struct bytes *text, const struct act *act)
{
    size_t at = 0, want = (size_t)act->tokens;

    while (want ? tokens->n < want : at < text->n) {
        size_t end = at + 1;

        if (at >= text->n || text->n == 0)
            at = 0, end = 1;
        while (end < text->n && !ends_token(text, at, end, act->token_bytes))
            end++;
        tokens->at = realloc(tokens->at, (tokens->n + 1) * sizeof *tokens->at);
        if (!tokens->at)
            abort();
        struct bytes *token = &tokens->at[tokens->n++];
        *token = (struct bytes){0};
        if (tokens->n > 1 && at == 0)
            bytes_text(token, " ");
        bytes_add(token, text->n ? text->at + at : "x", text->n ? end - at : 1);
        at = end;
    }
}

void tokens_limit(struct tokens *tokens, size_t limit)
{
    while (tokens->n > limit)
        bytes_done(&tokens->at[--tokens->n]);
}

void tokens_done(struct tokens *tokens)
{
    tokens_limit(tokens, 0);
    free(tokens->at);
    tokens->at = NULL;
}

size_t piece_size(const char *at, size_t left)
{
    size_t n = left < PIECE_BYTES ? left : PIECE_BYTES;

    while (n < left && ((unsigned char)at[n] & 0xC0) == 0x80)
        n++;
    return n;
}
