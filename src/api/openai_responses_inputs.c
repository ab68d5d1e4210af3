/* The items of a request as they are kept and listed: each with an id, in its full form. */
#include "api/openai_responses.h"
#include <stdio.h>

#define ADD(out, literal) buf_add(out, literal, sizeof(literal) - 1)

static const struct {
    const char *type, *word;
} words[] = {
    {"message", "msg"},
    {"function_call", "fc"},
    {"function_call_output", "fco"},
    {"reasoning", "rs"},
};

static const char *word_of(struct slice type)
{
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (slice_is(type, words[i].type))
            return words[i].word;
    return "item";
}

static void put_text(struct slice text, bool said, struct buf *out)
{
    ADD(out, "[{");
    json_put_cstr(out, "type", said ? "output_text" : "input_text");
    json_put_str(out, "text", text);
    if (said)
        ADD(out, ",\"annotations\":[]");
    ADD(out, "}]");
}

static void put_members(yyjson_val *item, struct buf *out)
{
    static const char *const told[] = {"id", "type"};
    bool said = slice_is(json_get_str(item, "role"), "assistant");
    size_t i, max;
    yyjson_val *key, *val;

    yyjson_obj_foreach(item, i, max, key, val)
    {
        if (slice_is(json_str(key), told[0]) || slice_is(json_str(key), told[1]) ||
            yyjson_is_null(val))
            continue;
        json_sep(out);
        buf_add_json(out, json_str(key));
        ADD(out, ":");
        if (slice_is(json_str(key), "content") && yyjson_is_str(val))
            put_text(json_str(val), said, out);
        else
            json_add_val(out, val);
    }
}

static void put_item(yyjson_val *item, const char *turn_id, size_t index, struct buf *out)
{
    struct slice id = json_get_str(item, "id"), type = json_get_str(item, "type");
    char made[RESPONSES_ID_BYTES];

    if (!type.p)
        type = json_get(item, "role") ? SLICE("message") : SLICE("item_reference");
    snprintf(made, sizeof made, "%s_%.26s_in%zu", word_of(type), turn_id, index);
    json_sep(out);
    ADD(out, "{");
    json_put_str(out, "id", id.len > 0 ? id : slice_of(made));
    json_put_str(out, "type", type);
    if (!json_get_str(item, "status").p && !slice_is(type, "reasoning") &&
        strcmp(word_of(type), "item") != 0)
        json_put_cstr(out, "status", "completed");
    put_members(item, out);
    ADD(out, "}");
}

void openai_responses_inputs(yyjson_val *input, const char *turn_id, struct buf *out)
{
    size_t i, max;
    yyjson_val *item;

    ADD(out, "[");
    if (yyjson_is_str(input)) {
        ADD(out, "{");
        buf_printf(out, "\"id\":\"msg_%.26s_in0\"", turn_id);
        ADD(out, ",\"type\":\"message\",\"status\":\"completed\",\"role\":\"user\",\"content\":");
        put_text(json_str(input), false, out);
        ADD(out, "}");
    }
    yyjson_arr_foreach(input, i, max, item)
    {
        put_item(item, turn_id, i, out);
    }
    ADD(out, "]");
}
