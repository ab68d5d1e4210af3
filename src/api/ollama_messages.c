/* The messages of /api/chat.  An assistant's thinking, content, images and tool calls become parts
 * of one list, in this order. */
#include "api/ollama.h"

/* A message as it stands in the request. */
struct rough {
    struct slice role, content, thinking, tool_name, call_id;
    yyjson_val *images, *calls;
};

static const struct field message_fields[] = {
    {"role", decode_str, offsetof(struct rough, role), 0, 0},
    {"content", decode_str, offsetof(struct rough, content), 0, 0},
    {"thinking", decode_str, offsetof(struct rough, thinking), 0, 0},
    {"images", decode_keep, offsetof(struct rough, images), 0, 0},
    {"tool_calls", decode_keep, offsetof(struct rough, calls), 0, 0},
    {"tool_name", decode_str, offsetof(struct rough, tool_name), 0, 0},
    {"tool_call_id", decode_str, offsetof(struct rough, call_id), 0, 0},
};

/* The last message with calls, whose answers are being read. */
struct calls {
    const struct message *caller;
    bool answered[TURN_CALLS_MAX];
};

/* ---- images ---- */

/* What a picture's first bytes are in base64.  Of RIFF, WebP is one of several kinds. */
static const char *media_type(struct slice text)
{
    static const struct {
        const char *start, *type;
    } kinds[] = {{"iVBORw0KGgo", "image/png"}, {"/9j/", "image/jpeg"}, {"R0lGOD", "image/gif"}};

    for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
        if (slice_starts(text, slice_of(kinds[i].start)))
            return kinds[i].type;
    if (text.len > 16 && slice_starts(text, SLICE("UklGR")) && memcmp(text.p + 12, "RUJQ", 4) == 0)
        return "image/webp";
    return NULL;
}

static bool is_base64(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' ||
           c == '/';
}

/* Copies base64 (RFC 4648 section 4) without its line breaks; how long the copy is, 0: it is none.
 */
static size_t copy_base64(char *to, struct slice text)
{
    size_t len = 0, pads = 0;

    for (size_t i = 0; i < text.len; i++) {
        char c = text.p[i];
        if (c == '\n' || c == '\r')
            continue;
        if (c == '=' ? ++pads > 2 : pads > 0 || !is_base64(c))
            return 0;
        to[len++] = c;
    }
    return len % 4 == 0 ? len : 0;
}

static enum nigh_status read_image(struct decode *d, const struct spot *at, yyjson_val *val,
                                   struct part *p)
{
    struct slice text = json_str(val);
    const char *type = media_type(text);

    if (!type)
        return decode_wrong(d, at, "expected a PNG, JPEG, GIF or WebP image in base64");
    char *url = arena_alloc(d->arena, text.len + 64);
    if (!url)
        return decode_nomem(d);
    size_t head = (size_t)snprintf(url, 64, "data:%s;base64,", type);
    size_t len = copy_base64(url + head, text);
    if (len == 0)
        return decode_wrong(d, at, "not base64");
    *p = (struct part){.kind = PART_IMAGE, .url = {url, head + len}, .label = LABEL_ANYWHERE};
    return NIGH_OK;
}

enum nigh_status ollama_images(struct decode *d, const struct spot *at, yyjson_val *images,
                               struct message *m)
{
    struct spot item = {at, NULL, 0};
    enum nigh_status status;
    size_t i, max;
    yyjson_val *val;

    if (!images)
        return NIGH_OK;
    yyjson_arr_foreach(images, i, max, val)
    {
        item.index = i;
        if ((status = read_image(d, &item, val, &m->parts[m->n_parts++])))
            return status;
    }
    return NIGH_OK;
}

/* ---- tool calls ---- */

struct rough_call {
    struct slice id, type, name;
    yyjson_val *function, *arguments;
};

static const struct field call_fields[] = {
    {"id", decode_str, offsetof(struct rough_call, id), 0, 0},
    {"type", decode_str, offsetof(struct rough_call, type), 0, 0},
    {"function", decode_keep, offsetof(struct rough_call, function), 0, 0},
};
static const struct field called_fields[] = {
    {"name", decode_str, offsetof(struct rough_call, name), 0, 0},
    {"arguments", decode_obj, offsetof(struct rough_call, arguments), 0, 0},
};

static struct slice json_text(struct decode *d, yyjson_val *val)
{
    CLEANUP(buf_done) struct buf text = {0};

    json_add_val(&text, val);
    return text.failed ? (struct slice){0} : arena_dup(d->arena, buf_slice(&text));
}

/* at: an item of messages[i].tool_calls, whose indexes make the id of a call that has none. */
static enum nigh_status read_call(struct decode *d, const struct spot *at, yyjson_val *val,
                                  struct part *p)
{
    struct spot type = {at, "type", 0}, function = {at, "function", 0};
    struct spot name = {&function, "name", 0};
    struct rough_call rough = {0};
    enum nigh_status status;

    if ((status = decode_object(d, at, val, call_fields, ARRAY_LEN(call_fields), &rough, NULL)))
        return status;
    if (rough.type.len > 0 && !slice_is(rough.type, "function"))
        return decode_wrong(d, &type, "only calls of type function are spoken here");
    if ((status = decode_object(d, &function, rough.function, called_fields,
                                ARRAY_LEN(called_fields), &rough, NULL)))
        return status;
    if (rough.name.len == 0)
        return decode_wrong(d, &name, "expected the name of the function");
    if (rough.id.len == 0)
        rough.id = slice_of(arena_printf(d->arena, "call_%zu_%zu", at->up->up->index, at->index));
    *p = (struct part){.kind = PART_CALL,
                       .call_id = rough.id,
                       .name = rough.name,
                       .text = rough.arguments ? json_text(d, rough.arguments) : SLICE("{}"),
                       .label = LABEL_ANYWHERE,
                       .raw = val};
    return p->text.p && p->call_id.p ? NIGH_OK : decode_nomem(d);
}

static enum nigh_status read_calls(struct decode *d, const struct spot *at, yyjson_val *calls,
                                   struct message *m)
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

/* The call that a result answers, of those without an answer: by id, else by name, else the next.
 * NULL: none of them. */
static const struct part *answered_call(struct calls *calls, const struct rough *rough)
{
    const struct message *m = calls->caller;
    size_t call = 0;

    for (size_t i = 0; m && i < m->n_parts; i++) {
        const struct part *p = &m->parts[i];
        if (p->kind != PART_CALL)
            continue;
        bool fits = rough->call_id.len     ? slice_eq(p->call_id, rough->call_id)
                    : rough->tool_name.len ? slice_eq(p->name, rough->tool_name)
                                           : true;
        if (fits && !calls->answered[call]) {
            calls->answered[call] = true;
            return p;
        }
        call++;
    }
    return NULL;
}

/* A result that answers none of the last calls keeps what it told of itself. */
static enum nigh_status read_result(struct decode *d, const struct spot *at, struct message *m,
                                    const struct rough *rough, struct calls *calls)
{
    const struct part *call = answered_call(calls, rough);

    if (call) {
        m->call_id = call->call_id;
        return NIGH_OK;
    }
    m->name = rough->tool_name;
    m->call_id = rough->call_id.len > 0 ? rough->call_id
                                        : slice_of(arena_printf(d->arena, "call_%zu", at->index));
    return m->call_id.p ? NIGH_OK : decode_nomem(d);
}

/* ---- messages ---- */

static const struct {
    const char *name;
    enum role role;
} roles[] = {{"system", ROLE_SYSTEM},
             {"user", ROLE_USER},
             {"assistant", ROLE_ASSISTANT},
             {"tool", ROLE_TOOL}};

static enum nigh_status read_role(struct decode *d, const struct spot *at, struct slice word,
                                  enum role *ret)
{
    struct spot here = {at, "role", 0};

    for (size_t i = 0; i < ARRAY_LEN(roles); i++)
        if (slice_ieq(word, slice_of(roles[i].name))) {
            *ret = roles[i].role;
            return NIGH_OK;
        }
    return decode_wrong(d, &here, "expected system, user, assistant or tool");
}

static enum nigh_status check_list(struct decode *d, const struct spot *at, const char *key,
                                   yyjson_val *list, size_t most)
{
    struct spot here = {at, key, 0};

    if (!list)
        return NIGH_OK;
    if (!yyjson_is_arr(list))
        return decode_wrong(d, &here, "expected a list");
    if (yyjson_arr_size(list) > most)
        return decode_wrong(d, &here, "more than %zu items", most);
    return NIGH_OK;
}

static enum nigh_status check_rough(struct decode *d, const struct spot *at, enum role role,
                                    const struct rough *rough)
{
    struct spot content = {at, "content", 0}, calls = {at, "tool_calls", 0};
    enum nigh_status status;

    if ((status = check_list(d, at, "images", rough->images, TURN_PARTS_MAX)) ||
        (status = check_list(d, at, "tool_calls", rough->calls, TURN_CALLS_MAX)))
        return status;
    if (yyjson_arr_size(rough->calls) > 0 && role != ROLE_ASSISTANT)
        return decode_wrong(d, &calls, "only an assistant's message may hold calls");
    if (!rough->content.p && !rough->images && !rough->calls && !rough->thinking.p)
        return decode_wrong(d, &content, "missing");
    return NIGH_OK;
}

static void add_text(struct message *m, enum part_kind kind, struct slice text)
{
    m->parts[m->n_parts++] = (struct part){.kind = kind, .text = text, .label = LABEL_ANYWHERE};
}

/* Clients whose language has no absent string send an empty one beside calls or images. */
static enum nigh_status fill_message(struct decode *d, const struct spot *at, struct message *m,
                                     const struct rough *rough)
{
    struct spot images = {at, "images", 0};
    size_t more = yyjson_arr_size(rough->images) + yyjson_arr_size(rough->calls);
    enum nigh_status status;

    if (!(m->parts = arena_alloc(d->arena, (2 + more) * sizeof *m->parts)))
        return decode_nomem(d);
    if (rough->thinking.len > 0)
        add_text(m, PART_REASONING, rough->thinking);
    if (rough->content.len > 0 || (more == 0 && m->n_parts == 0))
        add_text(m, PART_TEXT, rough->content.p ? rough->content : SLICE(""));
    if ((status = ollama_images(d, &images, rough->images, m)))
        return status;
    return rough->calls ? read_calls(d, at, rough->calls, m) : NIGH_OK;
}

static enum nigh_status read_message(struct decode *d, const struct spot *at, yyjson_val *val,
                                     struct message *m, struct calls *calls)
{
    struct rough rough = {0};
    enum nigh_status status;

    *m = (struct message){.raw = val, .bare = true};
    if ((status =
             decode_object(d, at, val, message_fields, ARRAY_LEN(message_fields), &rough, NULL)) ||
        (status = read_role(d, at, rough.role, &m->role)) ||
        (status = check_rough(d, at, m->role, &rough)) || (status = fill_message(d, at, m, &rough)))
        return status;
    if (yyjson_arr_size(rough.calls) > 0)
        *calls = (struct calls){.caller = m};
    return m->role == ROLE_TOOL ? read_result(d, at, m, &rough, calls) : NIGH_OK;
}

DECODE_READER(ollama_messages)
{
    struct spot item = {at, NULL, 0};
    struct calls calls = {0};
    enum nigh_status status;
    struct turn *t = to;
    yyjson_val *one;
    size_t i, max;

    if (!yyjson_is_arr(val))
        return decode_wrong(d, at, "expected a list of messages");
    if (yyjson_arr_size(val) > TURN_MESSAGES_MAX)
        return decode_wrong(d, at, "more than %d messages", TURN_MESSAGES_MAX);
    if (!(t->messages = arena_calloc(d->arena, yyjson_arr_size(val) + 1, sizeof *t->messages)))
        return decode_nomem(d);
    yyjson_arr_foreach(val, i, max, one)
    {
        item.index = i;
        if ((status = read_message(d, &item, one, &t->messages[i], &calls)))
            return status;
        t->n_messages = i + 1;
    }
    return NIGH_OK;
}
