/* Refusals in OpenAI's shape: {"error":{"message","type","param","code"}}. */
#include "api/openai_chat.h"

/* Words by HTTP status, for refusals that bring none of their own. */
static const struct {
    int http_status;
    const char *type, *code; /* code NULL: null */
} words[] = {
    {400, "invalid_request_error", NULL},
    {401, "authentication_error", "invalid_api_key"},
    {403, "permission_error", "denied"},
    {404, "not_found_error", "not_found"},
    {405, "invalid_request_error", "method_not_allowed"},
    {408, "timeout_error", "timeout"},
    {409, "conflict_error", "conflict"},
    {413, "invalid_request_error", "request_too_large"},
    {415, "invalid_request_error", "unsupported_media_type"},
    {422, "invalid_request_error", NULL},
    {429, "rate_limit_error", "rate_limit_exceeded"},
    {499, "cancelled_error", "cancelled"},
    {500, "server_error", "internal_error"},
    {501, "not_supported_error", "not_supported"},
    {502, "server_error", "upstream_failed"},
    {503, "server_error", "unavailable"},
    {504, "timeout_error", "timeout"},
};

static void put_word(struct buf *out, const char *key, struct slice own, const char *otherwise)
{
    if (own.p)
        json_put_str(out, key, own);
    else
        json_put_cstr(out, key, otherwise);
}

void openai_error(const struct refusal *r, struct buf *out)
{
    int http_status = r->http_status ? r->http_status : nigh_status_http(r->status);
    const char *type = http_status < 500 ? "invalid_request_error" : "server_error", *code = NULL;

    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (words[i].http_status == http_status) {
            type = words[i].type;
            code = words[i].code;
        }
    buf_add_cstr(out, "{\"error\":{");
    json_put_str(out, "message", r->what.p ? r->what : slice_of(nigh_status_text(r->status)));
    put_word(out, "type", r->type, type);
    put_word(out, "param", r->param, NULL);
    put_word(out, "code", r->code, code);
    if (r->context_tokens) { /* as llama-server has them */
        json_put_int(out, "n_prompt_tokens", (int64_t)r->prompt_tokens);
        json_put_int(out, "n_ctx", (int64_t)r->context_tokens);
    }
    buf_add_cstr(out, "}}");
}

void openai_stream_error(struct encoding *e, const struct refusal *r, struct buf *out)
{
    buf_add_cstr(out, "data: ");
    openai_error(r, out);
    buf_add_cstr(out, "\n\n");
}
