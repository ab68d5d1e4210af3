/* The messages of a chat request.  An assistant's reasoning, content, refusal and tool calls become
 * parts of one list, in this order. */
#include "api/openai.h"

/* A message as it stands in the request. */
struct rough {
    struct slice role, name, call_id, refusal, reasoning;
    yyjson_val *content, *calls, *function_call;
    struct extra *extras;
};

static const struct field message_fields[] = {
    {"role", decode_str, offsetof(struct rough, role), 0, 0},
    {"content", decode_keep, offsetof(struct rough, content), 0, 0},
    {"name", decode_str, offsetof(struct rough, name), 0, 0},
    {"tool_call_id", decode_str, offsetof(struct rough, call_id), 0, 0},
    {"tool_calls", decode_keep, offsetof(struct rough, calls), 0, 0},
    {"refusal", decode_str, offsetof(struct rough, refusal), 0, 0},
    {"reasoning_content", decode_str, offsetof(struct rough, reasoning), 0, 0},
    {"function_call", decode_keep, offsetof(struct rough, function_call), 0, 0},
};

/* What a part says of itself: beside `type` one member, a string or an object named as the type. */
struct rough_part {
    struct slice type, text, refusal;
    yyjson_val *image, *audio, *file;
};

static const struct field part_fields[] = {
    {"type", decode_str, offsetof(struct rough_part, type), 0, 0},
    {"text", decode_str, offsetof(struct rough_part, text), 0, 0},
    {"refusal", decode_str, offsetof(struct rough_part, refusal), 0, 0},
    {"image_url", decode_keep, offsetof(struct rough_part, image), 0, 0},
    {"input_audio", decode_keep, offsetof(struct rough_part, audio), 0, 0},
    {"file", decode_keep, offsetof(struct rough_part, file), 0, 0},
};

static enum nigh_status read_text(struct decode *d, const struct spot *at, struct part *p,
                                  const struct rough_part *rough)
{
    p->text = rough->text;
    return p->text.p ? NIGH_OK : decode_wrong(d, at, "a text part needs text, a string");
}

static enum nigh_status read_refusal(struct decode *d, const struct spot *at, struct part *p,
                                     const struct rough_part *rough)
{
    p->text = rough->refusal;
    return p->text.p ? NIGH_OK : decode_wrong(d, at, "a refusal part needs refusal, a string");
}

static const struct field image_fields[] = {
    {"url", decode_str, offsetof(struct part, url), 0, 0},
    {"detail", decode_str, offsetof(struct part, detail), 0, 0},
};

static enum nigh_status read_image(struct decode *d, const struct spot *at, struct part *p,
                                   const struct rough_part *rough)
{
    struct spot here = {at, "image_url", 0}, url = {&here, "url", 0};
    enum nigh_status status = NIGH_OK;

    if (yyjson_is_str(rough->image))
        p->url = json_str(rough->image); /* not OpenAI's, but spoken by many */
    else
        status = decode_object(d, &here, rough->image, image_fields, ARRAY_LEN(image_fields), p,
                               &p->inner);
    if (!status && !decode_url_ok(p->url))
        return decode_wrong(d, &url, "expected an http, https or data URL");
    return status;
}

static enum nigh_status read_audio(struct decode *d, const struct spot *at, struct part *p,
                                   const struct rough_part *rough)
{
    struct spot here = {at, "input_audio", 0};

    if (!json_get_str(rough->audio, "data").p || !json_get_str(rough->audio, "format").p)
        return decode_wrong(d, &here, "expected an object with data and format, strings");
    return NIGH_OK;
}

static enum nigh_status read_file(struct decode *d, const struct spot *at, struct part *p,
                                  const struct rough_part *rough)
{
    struct spot here = {at, "file", 0};

    if (!yyjson_is_obj(rough->file))
        return decode_wrong(d, &here, "expected an object with file_id or file_data");
    return NIGH_OK;
}

static const struct {
    const char *type;
    enum part_kind kind;
    enum nigh_status (*read)(struct decode *d, const struct spot *at, struct part *p,
                             const struct rough_part *rough);
} part_types[] = {
    {"text", PART_TEXT, read_text},          {"image_url", PART_IMAGE, read_image},
    {"input_audio", PART_AUDIO, read_audio}, {"file", PART_FILE, read_file},
    {"refusal", PART_REFUSAL, read_refusal},
};

/* A part of a known type has its own member and none of another type's: readers could differ on it.
 */
static bool of_one_type(const struct rough_part *r)
{
    return !!r->text.p + !!r->refusal.p + !!r->image + !!r->audio + !!r->file <= 1;
}

static enum nigh_status read_part(struct decode *d, const struct spot *at, yyjson_val *val,
                                  struct part *p)
{
    struct rough_part rough = {0};
    struct extra *extras;
    enum nigh_status status =
        decode_object(d, at, val, part_fields, ARRAY_LEN(part_fields), &rough, &extras);

    if (status)
        return status;
    if (!rough.type.p)
        return decode_wrong(d, at, "a part needs a type, a string");
    *p = (struct part){.kind = PART_OTHER, .label = LABEL_ANYWHERE, .raw = val};
    for (size_t i = 0; i < ARRAY_LEN(part_types); i++) {
        if (!slice_is(rough.type, part_types[i].type))
            continue;
        if (!of_one_type(&rough))
            return decode_wrong(d, at, "holds what belongs to a part of another type");
        p->kind = part_types[i].kind;
        p->extras = extras;
        return part_types[i].read(d, at, p, &rough);
    }
    return NIGH_OK; /* a type that we do not know: the place may */
}

struct rough_call {
    struct slice id, type, name, arguments;
    yyjson_val *function;
};

static const struct field call_fields[] = {
    {"id", decode_str, offsetof(struct rough_call, id), 0, 0},
    {"type", decode_str, offsetof(struct rough_call, type), 0, 0},
    {"function", decode_keep, offsetof(struct rough_call, function), 0, 0},
};
static const struct field called_fields[] = {
    {"name", decode_str, offsetof(struct rough_call, name), 0, 0},
    {"arguments", decode_str, offsetof(struct rough_call, arguments), 0, 0},
};

static enum nigh_status read_call(struct decode *d, const struct spot *at, yyjson_val *val,
                                  struct part *p)
{
    struct spot type = {at, "type", 0}, function = {at, "function", 0};
    struct spot name = {&function, "name", 0}, id = {at, "id", 0};
    struct rough_call rough = {.arguments = SLICE("")};
    enum nigh_status status;

    *p = (struct part){.kind = PART_CALL, .label = LABEL_ANYWHERE, .raw = val};
    if ((status =
             decode_object(d, at, val, call_fields, ARRAY_LEN(call_fields), &rough, &p->extras)))
        return status;
    if (rough.type.p && !slice_is(rough.type, "function"))
        return decode_wrong(d, &type, "only calls of type function are spoken here");
    if ((status = decode_object(d, &function, rough.function, called_fields,
                                ARRAY_LEN(called_fields), &rough, &p->inner)))
        return status;
    if (rough.name.len == 0)
        return decode_wrong(d, &name, "expected the name of the function");
    if (rough.id.len == 0)
        return decode_wrong(d, &id, "expected the id of the call");
    p->call_id = rough.id;
    p->name = rough.name;
    p->text = rough.arguments;
    return NIGH_OK;
}

static const struct {
    const char *name;
    enum role role;
} roles[] = {
    {"system", ROLE_SYSTEM},       {"developer", ROLE_DEVELOPER}, {"user", ROLE_USER},
    {"assistant", ROLE_ASSISTANT}, {"tool", ROLE_TOOL},
};

static enum nigh_status read_role(struct decode *d, const struct spot *at, struct slice word,
                                  enum role *ret_role)
{
    struct spot here = {at, "role", 0};

    for (size_t i = 0; i < ARRAY_LEN(roles); i++)
        if (slice_is(word, roles[i].name)) {
            *ret_role = roles[i].role;
            return NIGH_OK;
        }
    if (slice_is(word, "function"))
        return decode_wrong(d, &here, "role function is no longer spoken; use role tool");
    return decode_wrong(d, &here, "expected system, developer, user, assistant or tool");
}

static enum nigh_status read_content(struct decode *d, const struct spot *at, struct message *m,
                                     yyjson_val *content)
{
    struct spot here = {at, "content", 0}, item = {&here, NULL, 0};
    enum nigh_status status;
    size_t i, max;
    yyjson_val *val;

    if (yyjson_is_str(content)) {
        m->bare = true;
        m->parts[m->n_parts++] =
            (struct part){.kind = PART_TEXT, .text = json_str(content), .label = LABEL_ANYWHERE};
        return NIGH_OK;
    }
    yyjson_arr_foreach(content, i, max, val)
    {
        item.index = i;
        if ((status = read_part(d, &item, val, &m->parts[m->n_parts++])))
            return status;
    }
    return NIGH_OK;
}

static enum nigh_status read_calls(struct decode *d, const struct spot *at, struct message *m,
                                   yyjson_val *calls)
{
    struct spot here = {at, "tool_calls", 0}, item = {&here, NULL, 0};
    enum nigh_status status;
    size_t i, max;
    yyjson_val *val;

    yyjson_arr_foreach(calls, i, max, val)
    {
        item.index = i;
        if ((status = read_call(d, &item, val, &m->parts[m->n_parts++])))
            return status;
    }
    return NIGH_OK;
}

static void add_said(struct message *m, enum part_kind kind, struct slice text)
{
    if (text.p)
        m->parts[m->n_parts++] = (struct part){.kind = kind, .text = text, .label = LABEL_ANYWHERE};
}

/* Everything about the shape that concerns the message as a whole. */
static enum nigh_status check_rough(struct decode *d, const struct spot *at, enum role role,
                                    const struct rough *rough)
{
    struct spot content = {at, "content", 0}, calls = {at, "tool_calls", 0};
    struct spot call_id = {at, "tool_call_id", 0}, function_call = {at, "function_call", 0};
    bool says = rough->calls || rough->refusal.p || rough->reasoning.p || rough->extras;

    if (rough->content && !yyjson_is_str(rough->content) && !yyjson_is_arr(rough->content))
        return decode_wrong(d, &content, "expected a string or a list of parts");
    if (!rough->content && (role != ROLE_ASSISTANT || !says))
        return decode_wrong(d, &content, "missing");
    if (yyjson_arr_size(rough->content) > TURN_PARTS_MAX)
        return decode_wrong(d, &content, "more than %d parts", TURN_PARTS_MAX);
    if (rough->calls && !yyjson_is_arr(rough->calls))
        return decode_wrong(d, &calls, "expected a list of calls");
    if (yyjson_arr_size(rough->calls) > TURN_CALLS_MAX)
        return decode_wrong(d, &calls, "more than %d calls", TURN_CALLS_MAX);
    if (rough->calls && role != ROLE_ASSISTANT)
        return decode_wrong(d, &calls, "only an assistant's message may hold calls");
    if (rough->function_call)
        return decode_wrong(d, &function_call, "no longer spoken; use tool_calls");
    if (role == ROLE_TOOL && rough->call_id.len == 0)
        return decode_wrong(d, &call_id, "a tool's message needs the id of the call it answers");
    return NIGH_OK;
}

static enum nigh_status fill_message(struct decode *d, const struct spot *at, struct message *m,
                                     const struct rough *rough)
{
    size_t n = 3 + yyjson_arr_size(rough->content) + yyjson_arr_size(rough->calls);
    enum nigh_status status;

    if (!(m->parts = arena_alloc(d->arena, n * sizeof *m->parts)))
        return decode_nomem(d);
    add_said(m, PART_REASONING, rough->reasoning);
    if ((status = read_content(d, at, m, rough->content)))
        return status;
    add_said(m, PART_REFUSAL, rough->refusal);
    return rough->calls ? read_calls(d, at, m, rough->calls) : NIGH_OK;
}

static enum nigh_status read_message(struct decode *d, const struct spot *at, yyjson_val *val,
                                     struct message *m)
{
    struct rough rough = {0};
    enum nigh_status status;

    *m = (struct message){.raw = val};
    if ((status = decode_object(d, at, val, message_fields, ARRAY_LEN(message_fields), &rough,
                                &rough.extras)) ||
        (status = read_role(d, at, rough.role, &m->role)))
        return status;
    /* Programs that send an answer back as it came may have [] where nothing was called. */
    if (rough.calls && yyjson_is_arr(rough.calls) && yyjson_arr_size(rough.calls) == 0)
        rough.calls = NULL;
    if ((status = check_rough(d, at, m->role, &rough)))
        return status;
    m->name = rough.name;
    m->call_id = rough.call_id;
    m->extras = rough.extras;
    return fill_message(d, at, m, &rough);
}

enum nigh_status openai_messages(struct decode *d, const struct spot *at, const struct field *field,
                                 yyjson_val *val, void *to)
{
    struct spot item = {at, NULL, 0};
    enum nigh_status status;
    struct turn *t = to;
    yyjson_val *one;
    size_t i, max;

    if (!yyjson_is_arr(val))
        return decode_wrong(d, at, "expected a list of messages");
    if (yyjson_arr_size(val) == 0)
        return decode_wrong(d, at, "expected at least one message");
    if (yyjson_arr_size(val) > TURN_MESSAGES_MAX)
        return decode_wrong(d, at, "more than %d messages", TURN_MESSAGES_MAX);
    if (!(t->messages = arena_calloc(d->arena, yyjson_arr_size(val), sizeof *t->messages)))
        return decode_nomem(d);
    yyjson_arr_foreach(val, i, max, one)
    {
        item.index = i;
        if ((status = read_message(d, &item, one, &t->messages[i])))
            return status;
        t->n_messages = i + 1;
    }
    return NIGH_OK;
}
