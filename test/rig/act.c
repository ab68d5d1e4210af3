#include "act.h"

static const struct act plain_act = {
    .match_stream = -1,
    .times = -1,
    .status = 200,
    .reply = "This is the stand-in, not a model.",
    .tools = true,
    .calls = 1,
    .cut_after = -1,
    .stall_after = -1,
    .bad_json_at = -1,
    .error_after = -1,
};

void acts_init(struct acts *acts)
{
    *acts = (struct acts){.fallback = plain_act, .first = plain_act};
}

enum field_kind { INTEGER, COUNT, FLAG, TEXT, MS, US, VALUE, FAULT, TRISTATE };

#define FIELD(name, kind, member)                                                                  \
    {                                                                                              \
#name, kind, offsetof(struct act, member)                                                  \
    }
static const struct {
    const char *name;
    enum field_kind kind;
    size_t at;
} fields[] = {
    FIELD(model_is, TEXT, match_model),
    FIELD(stream_is, TRISTATE, match_stream),
    FIELD(times, COUNT, times),
    FIELD(for_ms, MS, for_us),
    FIELD(fault, FAULT, fault),
    FIELD(status, INTEGER, status),
    FIELD(headers, VALUE, headers),
    FIELD(error, TEXT, error),
    FIELD(body, TEXT, body),
    FIELD(reply, TEXT, reply),
    FIELD(echo, TEXT, echo),
    FIELD(model, TEXT, model),
    FIELD(finish, TEXT, finish),
    FIELD(tokens, COUNT, tokens),
    FIELD(token_bytes, COUNT, token_bytes),
    FIELD(first_delay_ms, MS, first_delay_us),
    FIELD(token_delay_ms, MS, token_delay_us),
    FIELD(token_delay_us, US, token_delay_us),
    FIELD(early_header, FLAG, early_header),
    FIELD(thinking, TEXT, thinking),
    FIELD(signature, TEXT, signature),
    FIELD(tools, FLAG, tools),
    FIELD(calls, COUNT, calls),
    FIELD(refuse_prefill, FLAG, refuse_prefill),
    FIELD(usage, VALUE, usage),
    FIELD(cut_after, COUNT, cut_after),
    FIELD(cut_clean, FLAG, cut_clean),
    FIELD(stall_after, COUNT, stall_after),
    FIELD(stall_ms, MS, stall_us),
    FIELD(bad_json_at, COUNT, bad_json_at),
    FIELD(error_after, COUNT, error_after),
    FIELD(no_done, FLAG, no_done),
    FIELD(hold, FLAG, hold),
    FIELD(no_finish, FLAG, no_finish),
};

static bool fault_parse(enum act_fault *ret, const char *name)
{
    static const struct {
        const char *name;
        enum act_fault fault;
    } rows[] = {{"reset", FAULT_RESET}, {"close", FAULT_CLOSE}, {"silent", FAULT_SILENT}};

    for (size_t i = 0; name && i < sizeof rows / sizeof *rows; i++)
        if (strcmp(rows[i].name, name) == 0) {
            *ret = rows[i].fault;
            return true;
        }
    return false;
}

static bool field_set(struct act *act, size_t row, yyjson_val *value)
{
    void *at = (char *)act + fields[row].at;

    switch (fields[row].kind) {
    case INTEGER:
        *(int *)at = (int)yyjson_get_sint(value);
        return yyjson_is_int(value);
    case COUNT:
        *(long *)at = (long)yyjson_get_sint(value);
        return yyjson_is_int(value);
    case FLAG:
        *(bool *)at = yyjson_get_bool(value);
        return yyjson_is_bool(value);
    case TRISTATE:
        *(int *)at = yyjson_get_bool(value);
        return yyjson_is_bool(value);
    case TEXT:
        *(const char **)at = yyjson_get_str(value);
        return yyjson_is_str(value);
    case MS:
        *(uint64_t *)at = (uint64_t)(yyjson_get_num(value) * 1000);
        return yyjson_is_num(value);
    case US:
        *(uint64_t *)at = (uint64_t)yyjson_get_num(value);
        return yyjson_is_num(value);
    case VALUE:
        *(yyjson_val **)at = value;
        return true;
    case FAULT:
        return fault_parse(at, yyjson_get_str(value));
    }
    return false;
}

static const char *act_parse(struct act *act, yyjson_val *object, uint64_t now_us)
{
    size_t i, n;
    yyjson_val *key, *value;

    if (!yyjson_is_obj(object))
        return "an act is an object";
    yyjson_obj_foreach(object, i, n, key, value)
    {
        size_t row = 0;

        while (row < sizeof fields / sizeof *fields && !yyjson_equals_str(key, fields[row].name))
            row++;
        if (row == sizeof fields / sizeof *fields)
            return yyjson_get_str(key);
        if (!field_set(act, row, value))
            return fields[row].name;
    }
    if (act->error && act->status == 200)
        act->status = 0; /* the error's own */
    act->until_us = act->for_us ? now_us + act->for_us : 0;
    return NULL;
}

static const char *acts_add(struct acts *acts, yyjson_val *object, uint64_t now_us)
{
    struct act act = acts->fallback;

    act.times = yyjson_obj_get(object, "for_ms") ? -1 : 1;
    const char *wrong = act_parse(&act, object, now_us);
    if (wrong)
        return wrong;
    if (acts->n == acts->room) {
        acts->room = acts->room ? acts->room * 2 : 16;
        acts->queue = realloc(acts->queue, acts->room * sizeof *acts->queue);
        if (!acts->queue)
            abort();
    }
    acts->queue[acts->n++] = act;
    return NULL;
}

static const char *acts_add_all(struct acts *acts, yyjson_val *list, uint64_t now_us)
{
    size_t i, n;
    yyjson_val *object;

    yyjson_arr_foreach(list, i, n, object)
    {
        const char *wrong = acts_add(acts, object, now_us);
        if (wrong)
            return wrong;
    }
    return NULL;
}

const char *acts_script(struct acts *acts, yyjson_val *script, uint64_t now_us)
{
    yyjson_val *fallback = yyjson_obj_get(script, "default"),
               *list = yyjson_obj_get(script, "acts");

    if (yyjson_is_arr(script))
        return acts_add_all(acts, script, now_us);
    if (!yyjson_is_obj(script))
        return "a script is an object or a list";
    if (yyjson_get_bool(yyjson_obj_get(script, "clear"))) {
        acts->n = 0;
        acts->fallback = acts->first;
    }
    if (!fallback && !list && !yyjson_obj_get(script, "clear"))
        return acts_add(acts, script, now_us);
    if (fallback) {
        struct act act = acts->fallback;
        const char *wrong = act_parse(&act, fallback, now_us);
        if (wrong)
            return wrong;
        acts->fallback = act;
    }
    return acts_add_all(acts, list, now_us);
}

static bool act_over(const struct act *act, uint64_t now_us)
{
    return act->times == 0 || (act->until_us && now_us >= act->until_us);
}

struct act acts_take(struct acts *acts, const char *model, bool stream, uint64_t now_us)
{
    size_t kept = 0;

    for (size_t i = 0; i < acts->n; i++)
        if (!act_over(&acts->queue[i], now_us))
            acts->queue[kept++] = acts->queue[i];
    acts->n = kept;
    for (size_t i = 0; i < acts->n; i++) {
        struct act *act = &acts->queue[i];

        if (act->match_model && (!model || strcmp(act->match_model, model) != 0))
            continue;
        if (act->match_stream >= 0 && act->match_stream != stream)
            continue;
        if (act->times > 0)
            act->times--;
        return *act;
    }
    return acts->fallback;
}
