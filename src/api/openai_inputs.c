/* What is no conversation comes as texts or token numbers: of completions, embeddings, ranks. */
#include "api/openai.h"
#include "api/openai_chat.h"
#include "api/verbs.h"

enum nigh_status openai_frame(struct decode *d, struct slice body, const struct field *fields,
                              size_t n, void *rough)
{
    enum nigh_status status;
    yyjson_val *root;

    if (d->ret_param)
        *d->ret_param = (struct slice){0};
    if ((status = json_parse(&root, body, d->arena, d->err)) ||
        (status = decode_object(d, NULL, root, fields, n, rough, &d->turn->extras)) ||
        (status = openai_extras(d)))
        return status;
    if (!d->turn->model.p)
        d->turn->model = SLICE("auto");
    d->turn->raw = root;
    return NIGH_OK;
}

DECODE_READER(openai_no_stream)
{
    if (!yyjson_is_false(val))
        return decode_wrong(d, at, "expected false: this answer comes whole");
    return NIGH_OK;
}

enum nigh_status openai_tokens(struct decode *d, const struct spot *at, yyjson_val *val)
{
    struct spot item = {at, NULL, 0};
    size_t i, max;
    yyjson_val *one;

    if (!yyjson_is_arr(val))
        return decode_wrong(d, at, "expected a list of token numbers");
    yyjson_arr_foreach(val, i, max, one)
    {
        item.index = i;
        if (!yyjson_is_uint(one) || yyjson_get_uint(one) > INT32_MAX)
            return decode_wrong(d, &item, "expected a token's number");
    }
    return NIGH_OK;
}

static enum nigh_status add_input(struct decode *d, const struct spot *at, yyjson_val *val)
{
    if (!yyjson_is_str(val) && !yyjson_is_arr(val))
        return decode_wrong(d, at, "expected a string or a list of token numbers");
    if (yyjson_is_arr(val) && yyjson_arr_size(val) == 0)
        return decode_wrong(d, at, "expected at least one token number");
    enum nigh_status status = yyjson_is_arr(val) ? openai_tokens(d, at, val) : NIGH_OK;
    if (status)
        return status;
    return verbs_input(d->turn, val, d->arena) ? NIGH_OK : decode_nomem(d);
}

enum nigh_status openai_inputs(struct decode *d, const char *name, yyjson_val *val, size_t max)
{
    struct spot at = {NULL, name, 0}, item = {&at, NULL, 0};
    yyjson_val *first = yyjson_arr_get_first(val), *one;
    bool many = first && !yyjson_is_num(first);
    size_t i, n = many ? yyjson_arr_size(val) : 1;
    enum nigh_status status = NIGH_OK;

    if (!val)
        return decode_wrong(d, &at, "missing");
    if (!first && !yyjson_is_str(val))
        return decode_wrong(d, &at,
                            "expected a string, a list of token numbers, or a list of either");
    if (n > max)
        return decode_wrong(d, &at, "more than %zu of them", max);
    d->turn->messages = arena_calloc(d->arena, n, sizeof *d->turn->messages);
    if (!d->turn->messages)
        return decode_nomem(d);
    if (!many)
        return add_input(d, &at, val);
    yyjson_arr_foreach(val, i, n, one)
    {
        item.index = i;
        if (!status)
            status = add_input(d, &item, one);
    }
    return status;
}

void openai_verbs_usage(const struct encoding *e, struct buf *out)
{
    const struct usage *u = &e->answer->usage;
    uint64_t tokens =
        u->known ? u->input : (turn_text_bytes(e->turn) + 3) / 4; /* as meter/bill.c */

    json_key(out, "usage");
    buf_add_char(out, '{');
    json_put_int(out, "prompt_tokens", (int64_t)tokens);
    json_put_int(out, "total_tokens", (int64_t)tokens);
    if (e->bill_json.len > 0) {
        json_key(out, "nigh");
        buf_add_str(out, e->bill_json);
    }
    buf_add_char(out, '}');
}
