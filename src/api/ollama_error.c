/* Refusals in Ollama's shape: {"error":"..."}. */
#include "api/ollama.h"

void ollama_error(const struct refusal *r, struct buf *out)
{
    buf_add_char(out, '{');
    json_put_str(out, "error", r->what.p ? r->what : slice_of(nigh_status_text(r->status)));
    buf_add_char(out, '}');
}

void ollama_stream_error(struct encoding *e, const struct refusal *r, struct buf *out)
{
    ollama_error(r, out);
    buf_add_char(out, '\n');
}
