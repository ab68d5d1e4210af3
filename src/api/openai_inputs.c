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
    if ((status = decode_body(d, &root, body)) ||
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

/* Token numbers with texts among them, as llama-server takes them; others refuse the latter. */
static enum nigh_status check_list(struct decode *d, const struct spot *at, yyjson_val *list)
{
    struct spot item = {at, NULL, 0};
    size_t i, max;
    yyjson_val *one;

    if (yyjson_arr_size(list) == 0)
        return decode_wrong(d, at, "expected at least one token number");
    yyjson_arr_foreach(list, i, max, one)
    {
        item.index = i;
        if (!yyjson_is_str(one) && (!yyjson_is_uint(one) || yyjson_get_uint(one) > INT32_MAX))
            return decode_wrong(d, &item, "expected a token's number or a string");
    }
    return NIGH_OK;
}

/* {"content": parts}: the texts of all, as one.  llama-server's models see pictures so; ours are
 * given none. */
static enum nigh_status add_parts(struct decode *d, const struct spot *at, yyjson_val *parts)
{
    struct spot list = {at, "content", 0}, item = {&list, NULL, 0};
    CLEANUP(buf_done) struct buf text = {0};
    size_t i, max;
    yyjson_val *one;

    if (!yyjson_is_arr(parts) || yyjson_arr_size(parts) == 0)
        return decode_wrong(d, &list, "expected a list of parts");
    yyjson_arr_foreach(parts, i, max, one)
    {
        item.index = i;
        if (!slice_is(json_get_str(one, "type"), "text") || !yyjson_is_str(json_get(one, "text")) ||
            yyjson_obj_size(one) != 2)
            return decode_wrong(d, &item, "expected {\"type\": \"text\", \"text\": string}");
        buf_add_str(&text, json_get_str(one, "text"));
    }
    struct slice joined = arena_dup(d->arena, buf_slice(&text));
    if (text.failed || !joined.p || !verbs_input(d->turn, parts, d->arena))
        return decode_nomem(d);
    struct part *part = d->turn->messages[d->turn->n_messages - 1].parts;
    part->kind = PART_TEXT;
    part->text = joined;
    return NIGH_OK;
}

static enum nigh_status add_input(struct decode *d, const struct spot *at, yyjson_val *val)
{
    bool alone = yyjson_is_obj(val) && yyjson_obj_size(val) == 1;
    enum nigh_status status = NIGH_OK;

    if (alone && json_get(val, "content"))
        return add_parts(d, at, json_get(val, "content"));
    if (alone && yyjson_is_str(json_get(val, "prompt_string")))
        val = json_get(val, "prompt_string");
    if (!yyjson_is_str(val) && !yyjson_is_arr(val))
        return decode_wrong(d, at, "expected a string or a list of token numbers");
    if (yyjson_is_arr(val) && (status = check_list(d, at, val)))
        return status;
    return verbs_input(d->turn, val, d->arena) ? NIGH_OK : decode_nomem(d);
}

/* Several inputs: a list in which no token's number stands. */
static bool is_many(yyjson_val *val)
{
    size_t i, max;
    yyjson_val *one;

    if (yyjson_arr_size(val) == 0)
        return false;
    yyjson_arr_foreach(val, i, max, one)
    {
        if (yyjson_is_num(one))
            return false;
    }
    return true;
}

enum nigh_status openai_inputs(struct decode *d, const char *name, yyjson_val *val, size_t max)
{
    struct spot at = {NULL, name, 0}, item = {&at, NULL, 0};
    yyjson_val *one;
    bool many = is_many(val);
    size_t i, n = many ? yyjson_arr_size(val) : 1;
    enum nigh_status status = NIGH_OK;

    if (!val)
        return decode_wrong(d, &at, "missing");
    if (!yyjson_is_str(val) && !yyjson_is_obj(val) && yyjson_arr_size(val) == 0)
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
