#include "api/wire_write.h"
#include <stdio.h>

void writing_refuse(struct writing *w, const char *format, const char *what)
{
    if (!w->status)
        w->status = nigh_fail(w->err, NIGH_UNSUPPORTED,
                              "%s cannot be told to a place that speaks %s", what, format);
}

void writing_refuse_native(struct writing *w, const char *format)
{
    struct slice name = w->turn->native;
    char what[80];

    if (!name.p || w->own)
        return;
    snprintf(what, sizeof what, "`%.*s`", (int)(name.len < 64 ? name.len : 64), name.p);
    writing_refuse(w, format, what);
}

enum nigh_status writing_end(const struct writing *w)
{
    if (!w->status && w->out->failed)
        return nigh_fail(w->err, NIGH_TOOBIG, "the request is larger than a place may be sent");
    return w->status;
}

void put_extras(struct writing *w, const struct extra *extra)
{
    for (; extra && w->own; extra = extra->next) {
        json_sep(w->out);
        buf_add_json(w->out, extra->key);
        ADD(w->out, ":");
        json_add_val(w->out, extra->val);
    }
}

bool has_extra(const struct writing *w, const char *key)
{
    for (const struct extra *e = w->turn->extras; e && w->own; e = e->next)
        if (slice_is(e->key, key))
            return true;
    return false;
}

void put_if(struct buf *out, const char *key, struct slice s)
{
    if (s.p)
        json_put_str(out, key, s);
}

void put_metadata(struct writing *w)
{
    size_t i, max;
    yyjson_val *key, *val;
    bool any = false;

    if (!w->own || !yyjson_is_obj(w->turn->metadata))
        return;
    yyjson_obj_foreach(w->turn->metadata, i, max, key, val)
    {
        if (slice_starts(json_str(key), SLICE("nigh_")))
            continue;
        if (!any)
            ADD(w->out, ",\"metadata\":{");
        any = true;
        json_sep(w->out);
        buf_add_json(w->out, json_str(key));
        ADD(w->out, ":");
        json_add_val(w->out, val);
    }
    if (any)
        ADD(w->out, "}");
}

bool data_url_split(struct slice url, struct slice *ret_type, struct slice *ret_base64)
{
    static const char mark[] = ";base64";
    struct slice rest = url, head;
    size_t n = sizeof mark - 1;

    if (!slice_starts(url, SLICE("data:")))
        return false;
    head = slice_cut(&rest, ',');
    if (!rest.p || head.len < 5 + n ||
        !slice_ieq((struct slice){head.p + head.len - n, n}, SLICE(";base64")))
        return false;
    head = (struct slice){head.p + 5, head.len - 5};
    *ret_type = slice_cut(&head, ';');
    *ret_base64 = rest;
    return true;
}

struct slice file_url(const struct part *p)
{
    return p->url.p ? p->url : json_get_str(json_get(p->raw, "file"), "file_data");
}

struct slice file_name(const struct part *p)
{
    return p->name.p ? p->name : json_get_str(json_get(p->raw, "file"), "filename");
}

enum seal seal_of(struct slice s)
{
    enum { LEAST = 64 }; /* shorter than any of either's; what tests make up is nobody's */

    if (s.len < LEAST)
        return SEAL_UNKNOWN;
    if (slice_starts(s, SLICE("gAAAA")))
        return SEAL_OPENAI;
    return s.p[0] == 'E' && s.p[1] >= 'g' && s.p[1] <= 'v' ? SEAL_ANTHROPIC : SEAL_UNKNOWN;
}
