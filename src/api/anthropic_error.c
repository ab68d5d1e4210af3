/* Refusals in Anthropic's shape: {"type":"error","error":{"type","message"},"request_id"}. */
#include "api/anthropic.h"

/* Anthropic's types by HTTP status.  The statuses stay nigh's own: the official client tries 408,
 * 409, 429 and every 5xx again, so that 503 need not be told as Anthropic's 529. */
static const struct {
    int http_status;
    const char *type;
} types[] = {
    {400, "invalid_request_error"}, {401, "authentication_error"},  {402, "billing_error"},
    {403, "permission_error"},      {404, "not_found_error"},       {405, "invalid_request_error"},
    {408, "timeout_error"},         {409, "conflict_error"},        {413, "request_too_large"},
    {415, "invalid_request_error"}, {422, "invalid_request_error"}, {429, "rate_limit_error"},
    {499, "invalid_request_error"}, {501, "invalid_request_error"}, {502, "api_error"},
    {503, "overloaded_error"},      {504, "timeout_error"},         {529, "overloaded_error"},
};

static struct slice type_of(const struct refusal *r)
{
    int http_status = r->http_status ? r->http_status : nigh_status_http(r->status);

    for (size_t i = 0; i < ARRAY_LEN(types); i++)
        if (types[i].http_status == http_status)
            return slice_of(types[i].type);
    return http_status < 500 ? SLICE("invalid_request_error") : SLICE("api_error");
}

/* The format has no member for the field that is to blame, so the text begins with it.  "prompt is
 * too long" is what programs look for before they shorten a conversation. */
static void put_message(const struct refusal *r, struct buf *out)
{
    CLEANUP(buf_done) struct buf text = {0};

    if (slice_is(r->code, "context_length_exceeded"))
        buf_add_cstr(&text, "prompt is too long: ");
    else if (r->param.len > 0 && !slice_starts(r->what, r->param))
        buf_printf(&text, "%.*s: ", (int)r->param.len, r->param.p);
    buf_add_str(&text, r->what.p ? r->what : slice_of(nigh_status_text(r->status)));
    json_put_str(out, "message", buf_slice(&text));
    out->failed |= text.failed;
}

void anthropic_error(const struct refusal *r, struct buf *out)
{
    buf_add_cstr(out, "{\"type\":\"error\",\"error\":{");
    json_put_str(out, "type", type_of(r));
    put_message(r, out);
    buf_add_cstr(out, "}");
    json_put_cstr(out, "request_id", r->id);
    buf_add_cstr(out, "}");
}

void anthropic_stream_error(struct encoding *e, const struct refusal *r, struct buf *out)
{
    buf_add_cstr(out, "event: error\ndata: ");
    anthropic_error(r, out);
    buf_add_cstr(out, "\n\n");
}
