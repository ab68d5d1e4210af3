/* Items of the Responses API into messages. */
#include "api/openai_responses.h"
#include "base/rand.h"
#include <assert.h>

enum { ID_CHARS = ID_BYTES - 1 };

/* What the items have in common while they are read. */
struct items {
    struct decode *d;
    struct message *messages;
    size_t n;
    struct part *next; /* of one block with room for every part of every item */
};

/* Ids and status are checked to be what they should and passed over. */
struct rough_item {
    struct slice type, id, status, role, call_id, name, arguments, sealed;
    yyjson_val *content, *output, *summary;
    struct extra *extras;
};

#define ITEM(member) offsetof(struct rough_item, member)
#define ITEM_HEAD                                                                                  \
    {"type", decode_str, ITEM(type), 0, 0}, {"id", decode_str, ITEM(id), 0, 0},                    \
    {                                                                                              \
        "status", decode_str, ITEM(status), 0, 0                                                   \
    }
static const struct field message_fields[] = {
    ITEM_HEAD,
    {"role", decode_str, ITEM(role), 0, 0},
    {"content", decode_keep, ITEM(content), 0, 0},
};
static const struct field call_fields[] = {
    ITEM_HEAD,
    {"call_id", decode_str, ITEM(call_id), 0, 0},
    {"name", decode_str, ITEM(name), 0, 0},
    {"arguments", decode_str, ITEM(arguments), 0, 0},
};
static const struct field result_fields[] = {
    ITEM_HEAD,
    {"call_id", decode_str, ITEM(call_id), 0, 0},
    {"output", decode_keep, ITEM(output), 0, 0},
};
static const struct field reasoning_fields[] = {
    ITEM_HEAD,
    {"summary", decode_keep, ITEM(summary), 0, 0},
    {"content", decode_keep, ITEM(content), 0, 0},
    {"encrypted_content", decode_str, ITEM(sealed), 0, 0},
};
static const struct field bare_fields[] = {ITEM_HEAD};

struct rough_part {
    struct slice type, text, refusal, image_url, detail, file_id, filename, file_data, file_url;
};

#define PART(member) offsetof(struct rough_part, member)
static const struct field part_fields[] = {
    {"type", decode_str, PART(type), 0, 0},
    {"text", decode_str, PART(text), 0, 0},
    {"refusal", decode_str, PART(refusal), 0, 0},
    {"image_url", decode_str, PART(image_url), 0, 0},
    {"detail", decode_str, PART(detail), 0, 0},
    {"file_id", decode_str, PART(file_id), 0, 0},
    {"filename", decode_str, PART(filename), 0, 0},
    {"file_data", decode_str, PART(file_data), 0, 0},
    {"file_url", decode_str, PART(file_url), 0, 0},
};
enum { HAS_TEXT = 1, HAS_REFUSAL = 2, HAS_IMAGE = 4, HAS_FILE = 8 };

static unsigned has_what(const struct rough_part *r)
{
    return (r->text.p ? HAS_TEXT : 0) | (r->refusal.p ? HAS_REFUSAL : 0) |
           (r->image_url.p ? HAS_IMAGE : 0) |
           (r->filename.p || r->file_data.p || r->file_url.p ? HAS_FILE : 0);
}

static enum nigh_status read_text(struct decode *d, const struct spot *at, struct part *p,
                                  const struct rough_part *rough)
{
    p->text = rough->text;
    return p->text.p ? NIGH_OK : decode_wrong(d, at, "a part of text needs text, a string");
}

static enum nigh_status read_refusal(struct decode *d, const struct spot *at, struct part *p,
                                     const struct rough_part *rough)
{
    p->text = rough->refusal;
    return p->text.p ? NIGH_OK : decode_wrong(d, at, "a refusal needs refusal, a string");
}

/* One that its provider keeps (file_id) only that provider can be shown. */
static enum nigh_status read_image(struct decode *d, const struct spot *at, struct part *p,
                                   const struct rough_part *rough)
{
    struct spot url = {at, "image_url", 0};

    p->detail = rough->detail;
    if (rough->file_id.p && !rough->image_url.p) {
        p->kind = PART_OTHER;
        p->extras = NULL;
        return NIGH_OK;
    }
    p->url = rough->image_url;
    if (!decode_url_ok(p->url))
        return decode_wrong(d, &url, "expected an http, https or data URL");
    return NIGH_OK;
}

static enum nigh_status read_file(struct decode *d, const struct spot *at, struct part *p,
                                  const struct rough_part *rough)
{
    struct spot url = {at, "file_url", 0};

    if (!rough->file_data.p && !rough->file_url.p && !rough->file_id.p)
        return decode_wrong(d, at, "a file needs file_data, file_url or file_id");
    if (rough->file_url.p && !decode_url_ok(rough->file_url))
        return decode_wrong(d, &url, "expected an http, https or data URL");
    p->name = rough->filename;
    p->url = rough->file_url;
    if (slice_starts(rough->file_data, SLICE("data:")))
        p->url = rough->file_data;
    return NIGH_OK;
}

static const struct {
    const char *type;
    enum part_kind kind;
    unsigned has; /* members that are this type's own */
    enum nigh_status (*read)(struct decode *d, const struct spot *at, struct part *p,
                             const struct rough_part *rough);
} part_types[] = {
    {"input_text", PART_TEXT, HAS_TEXT, read_text},
    {"output_text", PART_TEXT, HAS_TEXT, read_text},
    {"text", PART_TEXT, HAS_TEXT, read_text},
    {"refusal", PART_REFUSAL, HAS_REFUSAL, read_refusal},
    {"input_image", PART_IMAGE, HAS_IMAGE, read_image},
    {"input_file", PART_FILE, HAS_FILE, read_file},
};

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
        if (has_what(&rough) & ~part_types[i].has)
            return decode_wrong(d, at, "holds what belongs to a part of another type");
        p->kind = part_types[i].kind;
        p->extras = extras;
        return part_types[i].read(d, at, p, &rough);
    }
    return NIGH_OK; /* a type that we do not know: the place may */
}

/* A string, or a list of parts: those of a message or of a function's output. */
static enum nigh_status read_content(struct items *in, const struct spot *at, yyjson_val *content,
                                     struct message *m)
{
    struct spot item = {at, NULL, 0};
    enum nigh_status status;
    size_t i, max;
    yyjson_val *one;

    if (yyjson_is_str(content)) {
        m->bare = m->n_parts == 0;
        m->n_parts++;
        *in->next++ =
            (struct part){.kind = PART_TEXT, .text = json_str(content), .label = LABEL_ANYWHERE};
        return NIGH_OK;
    }
    if (!yyjson_is_arr(content))
        return decode_wrong(in->d, at, "expected a string or a list of parts");
    if (yyjson_arr_size(content) > TURN_PARTS_MAX)
        return decode_wrong(in->d, at, "more than %d parts", TURN_PARTS_MAX);
    m->bare = false;
    yyjson_arr_foreach(content, i, max, one)
    {
        item.index = i;
        if ((status = read_part(in->d, &item, one, in->next)))
            return status;
        in->next++;
        m->n_parts++;
    }
    return NIGH_OK;
}

static struct message *message_new(struct items *in, enum role role, yyjson_val *raw)
{
    assert(in->messages); /* make_room */
    struct message *m = &in->messages[in->n++];

    *m = (struct message){.role = role, .parts = in->next, .raw = raw};
    return m;
}

static bool says(const struct message *m, enum part_kind kind)
{
    for (size_t i = 0; i < m->n_parts; i++)
        if (m->parts[i].kind == kind)
            return true;
    return false;
}

/* The assistant's message that goes on with this item, or a new one.  Formats with calls inside
 * messages want all calls of a turn in one; two messages of text in a row stay two. */
static struct message *assistant_of(struct items *in, bool text, yyjson_val *raw)
{
    struct message *last = in->n > 0 ? &in->messages[in->n - 1] : NULL;
    bool goes_on = last && last->role == ROLE_ASSISTANT;

    if (goes_on && text)
        goes_on = !last->extras &&
                  (says(last, PART_CALL) || !(says(last, PART_TEXT) || says(last, PART_REFUSAL)));
    return goes_on ? last : message_new(in, ROLE_ASSISTANT, raw);
}

static enum nigh_status read_role(struct decode *d, const struct spot *at, struct slice word,
                                  enum role *ret_role)
{
    static const enum role roles[] = {ROLE_USER, ROLE_ASSISTANT, ROLE_SYSTEM, ROLE_DEVELOPER};
    struct spot here = {at, "role", 0};

    for (size_t i = 0; i < ARRAY_LEN(roles); i++)
        if (slice_is(word, role_text(roles[i]))) {
            *ret_role = roles[i];
            return NIGH_OK;
        }
    return decode_wrong(d, &here, "expected user, assistant, system or developer");
}

static enum nigh_status read_message(struct items *in, const struct spot *at, yyjson_val *val)
{
    struct spot content = {at, "content", 0};
    struct rough_item rough = {0};
    enum nigh_status status;
    enum role role = ROLE_USER;

    if ((status = decode_object(in->d, at, val, message_fields, ARRAY_LEN(message_fields), &rough,
                                &rough.extras)) ||
        (status = read_role(in->d, at, rough.role, &role)))
        return status;
    if (!rough.content)
        return decode_wrong(in->d, &content, "missing");
    struct message *m =
        role == ROLE_ASSISTANT ? assistant_of(in, true, val) : message_new(in, role, val);
    if (!m->extras)
        m->extras = rough.extras;
    return read_content(in, &content, rough.content, m);
}

static enum nigh_status read_call(struct items *in, const struct spot *at, yyjson_val *val)
{
    struct spot name = {at, "name", 0}, id = {at, "call_id", 0};
    struct rough_item rough = {.arguments = SLICE("")};
    enum nigh_status status =
        decode_object(in->d, at, val, call_fields, ARRAY_LEN(call_fields), &rough, &rough.extras);

    if (status)
        return status;
    if (rough.name.len == 0)
        return decode_wrong(in->d, &name, "expected the name of the function");
    if (rough.call_id.len == 0)
        return decode_wrong(in->d, &id, "expected the id of the call");
    assistant_of(in, false, val)->n_parts++;
    *in->next++ = (struct part){.kind = PART_CALL,
                                .text = rough.arguments,
                                .call_id = rough.call_id,
                                .name = rough.name,
                                .label = LABEL_ANYWHERE,
                                .extras = rough.extras,
                                .raw = val};
    return NIGH_OK;
}

static enum nigh_status read_result(struct items *in, const struct spot *at, yyjson_val *val)
{
    struct spot output = {at, "output", 0}, id = {at, "call_id", 0};
    struct rough_item rough = {0};
    enum nigh_status status = decode_object(in->d, at, val, result_fields, ARRAY_LEN(result_fields),
                                            &rough, &rough.extras);

    if (status)
        return status;
    if (rough.call_id.len == 0)
        return decode_wrong(in->d, &id, "expected the id of the call that this answers");
    if (!rough.output)
        return decode_wrong(in->d, &output, "missing");
    struct message *m = message_new(in, ROLE_TOOL, val);
    m->call_id = rough.call_id;
    m->extras = rough.extras;
    return read_content(in, &output, rough.output, m);
}

/* The texts of a summary's or a content's parts, with an empty line between them. */
static enum nigh_status join_texts(struct decode *d, const struct spot *at, yyjson_val *list,
                                   struct slice *ret)
{
    CLEANUP(buf_done) struct buf all = {0};
    struct spot item = {at, NULL, 0};
    size_t i, max;
    yyjson_val *one;

    if (!yyjson_is_arr(list))
        return decode_wrong(d, at, "expected a list of parts");
    yyjson_arr_foreach(list, i, max, one)
    {
        struct rough_part rough = {0};
        enum nigh_status status;
        item.index = i;
        if ((status =
                 decode_object(d, &item, one, part_fields, ARRAY_LEN(part_fields), &rough, NULL)))
            return status;
        if (!rough.text.p)
            return decode_wrong(d, &item, "expected a part with text, a string");
        if (max == 1) {
            *ret = rough.text;
            return NIGH_OK;
        }
        if (i > 0)
            buf_add_cstr(&all, "\n\n");
        buf_add_str(&all, rough.text);
    }
    if (all.len > 0 && !(*ret = arena_dup(d->arena, buf_slice(&all))).p)
        return decode_nomem(d);
    return all.failed ? decode_nomem(d) : NIGH_OK;
}

/* nigh's own: rs_, the turn's id, _, a number. */
static bool is_our_id(struct slice id)
{
    return slice_starts(id, SLICE("rs_")) && id.len > 3 + ID_CHARS && id.p[3 + ID_CHARS] == '_';
}

/* What encrypted_content holds: as it came from its maker, or in the wrapping of
 * responses_put_item. */
static void unseal(struct part *p, struct slice sealed)
{
    struct slice rest = sealed;

    p->signature = sealed;
    if (slice_starts(sealed, SLICE(RESPONSES_REDACTED))) {
        size_t head = sizeof RESPONSES_REDACTED - 1;
        *p = (struct part){.kind = PART_REDACTED,
                           .text = {sealed.p + head, sealed.len - head},
                           .label = LABEL_ANYWHERE,
                           .raw = p->raw};
    } else if (slice_starts(sealed, SLICE(RESPONSES_SIGNED))) {
        slice_cut(&rest, ':');
        p->call_id = slice_cut(&rest, ':');
        p->signature = rest;
    }
}

static enum nigh_status read_reasoning(struct items *in, const struct spot *at, yyjson_val *val)
{
    struct spot summary = {at, "summary", 0}, content = {at, "content", 0};
    struct rough_item rough = {0};
    enum nigh_status status = decode_object(in->d, at, val, reasoning_fields,
                                            ARRAY_LEN(reasoning_fields), &rough, &rough.extras);
    struct part p = {.kind = PART_REASONING, .label = LABEL_ANYWHERE, .raw = val};

    if (status || (rough.summary && (status = join_texts(in->d, &summary, rough.summary, &p.text))))
        return status;
    /* The thoughts themselves say more than what was made of them. */
    if (rough.content && yyjson_arr_size(rough.content) > 0 &&
        (status = join_texts(in->d, &content, rough.content, &p.text)))
        return status;
    p.extras = rough.extras;
    if (!is_our_id(rough.id))
        p.call_id = rough.id;
    if (rough.sealed.p)
        unseal(&p, rough.sealed);
    if (p.text.len == 0 && p.signature.len == 0 && p.call_id.len == 0)
        return NIGH_OK; /* it says nothing, to nobody */
    assistant_of(in, false, val)->n_parts++;
    *in->next++ = p;
    return NIGH_OK;
}

/* Kept for a place that speaks this format; a reference is filled in before it could get there. */
static enum nigh_status read_other(struct items *in, const struct spot *at, yyjson_val *val)
{
    struct rough_item rough = {0};
    enum nigh_status status =
        decode_object(in->d, at, val, bare_fields, ARRAY_LEN(bare_fields), &rough, &rough.extras);

    if (status || (status = decode_depth(in->d, at, val)))
        return status;
    if (rough.type.p && !slice_is(rough.type, "item_reference"))
        in->d->turn->native = rough.type;
    struct message *m = message_new(in, ROLE_USER, val);
    m->n_parts = 1;
    *in->next++ = (struct part){.kind = PART_OTHER, .label = LABEL_ANYWHERE, .raw = val};
    return NIGH_OK;
}

static const struct {
    const char *type;
    enum nigh_status (*read)(struct items *in, const struct spot *at, yyjson_val *val);
} item_types[] = {
    {"message", read_message},
    {"function_call", read_call},
    {"function_call_output", read_result},
    {"reasoning", read_reasoning},
};

static enum nigh_status read_item(struct items *in, const struct spot *at, yyjson_val *val)
{
    struct spot here = {at, "type", 0};
    yyjson_val *type = json_get(val, "type");

    if (!yyjson_is_obj(val))
        return decode_wrong(in->d, at, "expected an object");
    if (yyjson_is_null(type))
        type = NULL;
    if (!type && json_get(val, "role"))
        return read_message(in, at, val); /* the easy form */
    if (type && !yyjson_is_str(type))
        return decode_wrong(in->d, &here, "expected a string");
    for (size_t i = 0; i < ARRAY_LEN(item_types); i++)
        if (slice_is(json_str(type), item_types[i].type))
            return item_types[i].read(in, at, val);
    if (!yyjson_is_str(type) && !json_get_str(val, "id").p)
        return decode_wrong(in->d, &here, "expected the type of an item");
    return read_other(in, at, val);
}

/* Every item has a message's worth of room, every part its own: a list counts its items. */
static enum nigh_status make_room(struct items *in, const struct spot *at, yyjson_val *list)
{
    size_t i, max, parts = 0;
    yyjson_val *one;

    if (yyjson_arr_size(list) > TURN_MESSAGES_MAX)
        return decode_wrong(in->d, at, "more than %d items", TURN_MESSAGES_MAX);
    yyjson_arr_foreach(list, i, max, one)
    {
        size_t content = yyjson_arr_size(json_get(one, "content"));
        size_t output = yyjson_arr_size(json_get(one, "output"));
        parts += 1 + (content > output ? content : output);
    }
    in->messages = arena_calloc(in->d->arena, max + 1, sizeof *in->messages);
    in->next = arena_alloc(in->d->arena, (parts + 1) * sizeof *in->next);
    if (in->messages && in->next)
        return NIGH_OK;
    (void)decode_nomem(in->d);
    return NIGH_NOMEM;
}

enum nigh_status openai_responses_items(struct decode *d, const struct spot *at, yyjson_val *input,
                                        struct message **ret_messages, size_t *ret_n)
{
    struct items in = {.d = d};
    struct spot item = {at, NULL, 0};
    enum nigh_status status = make_room(&in, at, input);
    size_t i, max;
    yyjson_val *one;

    if (status)
        return status;
    if (yyjson_is_str(input) &&
        (status = read_content(&in, at, input, message_new(&in, ROLE_USER, NULL))))
        return status;
    yyjson_arr_foreach(input, i, max, one)
    {
        item.index = i;
        if ((status = read_item(&in, &item, one)))
            return status;
    }
    *ret_messages = in.messages;
    *ret_n = in.n;
    return NIGH_OK;
}
