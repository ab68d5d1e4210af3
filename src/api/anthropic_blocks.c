/* The blocks of a message into parts. */
#include "api/anthropic.h"
#include <sodium.h>

/* What a block says of itself; each type reads its own members. */
struct rough_block {
    yyjson_val *type, *source, *input;
    struct slice text, thinking, signature, data, id, name, title;
};

#define IN(member) offsetof(struct rough_block, member)
#define TYPE_FIELD                                                                                 \
    {                                                                                              \
        "type", decode_keep, IN(type), 0, 0                                                        \
    }
static const struct field text_fields[] = {
    TYPE_FIELD,
    {"text", decode_str, IN(text), 0, 0},
};
static const struct field source_fields[] = {
    TYPE_FIELD,
    {"source", decode_obj, IN(source), 0, 0},
    {"title", decode_str, IN(title), 0, 0}, /* of a document */
};
static const struct field call_fields[] = {
    TYPE_FIELD,
    {"id", decode_str, IN(id), 0, 0},
    {"name", decode_str, IN(name), 0, 0},
    {"input", decode_schema, IN(input), 0, 0},
};
static const struct field thinking_fields[] = {
    TYPE_FIELD,
    {"thinking", decode_str, IN(thinking), 0, 0},
    {"signature", decode_str, IN(signature), 0, 0},
};
static const struct field redacted_fields[] = {
    TYPE_FIELD,
    {"data", decode_str, IN(data), 0, 0},
};

static enum nigh_status missing(struct decode *d, const struct spot *at, const char *key)
{
    struct spot here = {at, key, 0};

    return decode_wrong(d, &here, "missing");
}

static enum nigh_status read_text(struct decode *d, const struct spot *at,
                                  const struct rough_block *rough, struct part *p)
{
    p->text = rough->text;
    return p->text.p ? NIGH_OK : missing(d, at, "text");
}

static bool is_base64(struct slice s)
{
    size_t pad = 0;

    while (pad < 2 && pad < s.len && s.p[s.len - 1 - pad] == '=')
        pad++;
    for (size_t i = 0; i < s.len - pad; i++) {
        unsigned char c = (unsigned char)s.p[i], low = c | 32;
        if (!((low >= 'a' && low <= 'z') || (c >= '0' && c <= '9') || c == '+' || c == '/'))
            return false;
    }
    return s.len > 0;
}

static enum nigh_status data_url(struct decode *d, const char *media_type, struct slice data,
                                 struct slice *ret_url)
{
    const char *url =
        arena_printf(d->arena, "data:%s;base64,%.*s", media_type, (int)data.len, data.p);

    *ret_url = slice_of(url);
    return url ? NIGH_OK : decode_nomem(d);
}

struct rough_source {
    yyjson_val *type;
    struct slice media_type, data, url;
};

static const struct field base64_fields[] = {
    {"type", decode_keep, offsetof(struct rough_source, type), 0, 0},
    {"media_type", decode_str, offsetof(struct rough_source, media_type), 0, 0},
    {"data", decode_str, offsetof(struct rough_source, data), 0, 0},
};
static const struct field url_fields[] = {
    {"type", decode_keep, offsetof(struct rough_source, type), 0, 0},
    {"url", decode_str, offsetof(struct rough_source, url), 0, 0},
};

/* What may be given as data; Anthropic takes no others. */
static const struct {
    enum part_kind kind;
    const char *type;
} media_types[] = {
    {PART_IMAGE, "image/png"},  {PART_IMAGE, "image/jpeg"},     {PART_IMAGE, "image/gif"},
    {PART_IMAGE, "image/webp"}, {PART_FILE, "application/pdf"},
};

static enum nigh_status read_base64(struct decode *d, const struct spot *at, yyjson_val *source,
                                    struct part *p)
{
    struct spot type = {at, "media_type", 0}, data = {at, "data", 0};
    struct rough_source rough = {0};
    enum nigh_status status =
        decode_object(d, at, source, base64_fields, ARRAY_LEN(base64_fields), &rough, &p->inner);
    const char *known = NULL;

    if (status)
        return status;
    for (size_t i = 0; i < ARRAY_LEN(media_types); i++)
        if (media_types[i].kind == p->kind && slice_is(rough.media_type, media_types[i].type))
            known = media_types[i].type;
    if (!known)
        return decode_wrong(d, &type, "expected %s",
                            p->kind == PART_IMAGE ? "image/jpeg, image/png, image/gif or image/webp"
                                                  : "application/pdf");
    if (!is_base64(rough.data))
        return decode_wrong(d, &data, "expected base64");
    return data_url(d, known, rough.data, &p->url);
}

static enum nigh_status read_url(struct decode *d, const struct spot *at, yyjson_val *source,
                                 struct part *p)
{
    struct spot url = {at, "url", 0};
    struct rough_source rough = {0};
    enum nigh_status status =
        decode_object(d, at, source, url_fields, ARRAY_LEN(url_fields), &rough, &p->inner);

    if (status)
        return status;
    if (!decode_url_ok(rough.url))
        return decode_wrong(d, &url, "expected an http, https or data URL");
    p->url = rough.url;
    return NIGH_OK;
}

/* A document's words, as other formats' files have them: base64 of the bytes. */
static enum nigh_status read_words(struct decode *d, const struct spot *at, yyjson_val *source,
                                   struct part *p)
{
    struct spot data = {at, "data", 0};
    struct rough_source rough = {0};
    enum nigh_status status =
        decode_object(d, at, source, base64_fields, ARRAY_LEN(base64_fields), &rough, &p->inner);

    if (status)
        return status;
    if (!rough.data.p)
        return decode_wrong(d, &data, "missing");
    size_t size = sodium_base64_encoded_len(rough.data.len, sodium_base64_VARIANT_ORIGINAL);
    char *text = arena_alloc(d->arena, size);
    if (!text)
        return decode_nomem(d);
    sodium_bin2base64(text, size, (const unsigned char *)rough.data.p, rough.data.len,
                      sodium_base64_VARIANT_ORIGINAL);
    return data_url(d, "text/plain", (struct slice){text, size - 1}, &p->url);
}

/* An image or a document.  What is not data or a link (blocks, a file's id) only Anthropic reads.
 */
static enum nigh_status read_source(struct decode *d, const struct spot *at,
                                    const struct rough_block *rough, struct part *p)
{
    struct spot here = {at, "source", 0}, type = {&here, "type", 0};
    struct slice word = json_get_str(rough->source, "type");

    if (!rough->source)
        return missing(d, at, "source");
    if (!word.p)
        return decode_wrong(d, &type, "expected base64, url or another type, a string");
    p->name = rough->title;
    if (slice_is(word, "base64"))
        return read_base64(d, &here, rough->source, p);
    if (slice_is(word, "url"))
        return read_url(d, &here, rough->source, p);
    if (slice_is(word, "text") && p->kind == PART_FILE)
        return read_words(d, &here, rough->source, p);
    *p = (struct part){.kind = PART_OTHER, .label = p->label, .raw = p->raw};
    return decode_depth(d, &here, rough->source);
}

static enum nigh_status read_call(struct decode *d, const struct spot *at,
                                  const struct rough_block *rough, struct part *p)
{
    CLEANUP(buf_done) struct buf text = {0};

    if (rough->id.len == 0)
        return missing(d, at, "id");
    if (rough->name.len == 0)
        return missing(d, at, "name");
    if (!rough->input)
        return missing(d, at, "input");
    json_add_val(&text, rough->input);
    p->call_id = rough->id;
    p->name = rough->name;
    if (!text.failed)
        p->text = arena_dup(d->arena, buf_slice(&text));
    return p->text.p ? NIGH_OK : decode_nomem(d);
}

static enum nigh_status read_thinking(struct decode *d, const struct spot *at,
                                      const struct rough_block *rough, struct part *p)
{
    p->text = rough->thinking;
    p->signature = rough->signature;
    return p->text.p ? NIGH_OK : missing(d, at, "thinking");
}

static enum nigh_status read_redacted(struct decode *d, const struct spot *at,
                                      const struct rough_block *rough, struct part *p)
{
    p->text = rough->data;
    return p->text.p ? NIGH_OK : missing(d, at, "data");
}

enum { FOR_USER = 1u << ROLE_USER, FOR_ASSISTANT = 1u << ROLE_ASSISTANT, FOR_ANY = ~0u >> 1 };

static const struct block_type {
    const char *type;
    enum part_kind kind;
    unsigned roles;
    const struct field *fields;
    size_t n_fields;
    enum nigh_status (*read)(struct decode *d, const struct spot *at,
                             const struct rough_block *rough, struct part *p);
} block_types[] = {
    {"text", PART_TEXT, FOR_ANY, text_fields, ARRAY_LEN(text_fields), read_text},
    {"image", PART_IMAGE, FOR_ANY & ~(1u << ROLE_SYSTEM), source_fields, 2, read_source},
    {"document", PART_FILE, FOR_ANY & ~(1u << ROLE_SYSTEM), source_fields, ARRAY_LEN(source_fields),
     read_source},
    {"tool_use", PART_CALL, FOR_ASSISTANT, call_fields, ARRAY_LEN(call_fields), read_call},
    {"thinking", PART_REASONING, FOR_ASSISTANT, thinking_fields, ARRAY_LEN(thinking_fields),
     read_thinking},
    {"redacted_thinking", PART_REDACTED, FOR_ASSISTANT, redacted_fields, ARRAY_LEN(redacted_fields),
     read_redacted},
    {"tool_result", PART_OTHER, 0, NULL, 0, NULL}, /* a message, where it may stand */
};

static enum nigh_status read_known(struct decode *d, const struct spot *at, yyjson_val *val,
                                   const struct block_type *type, struct part *p)
{
    struct rough_block rough = {0};
    enum nigh_status status =
        decode_object(d, at, val, type->fields, type->n_fields, &rough, &p->extras);

    for (const struct extra *e = p->extras; e && !status; e = e->next)
        status = decode_depth(d, at, e->val);
    return status ? status : type->read(d, at, &rough, p);
}

/* A type that we do not know: the place may.  Its members are looked at for doubles alone. */
static enum nigh_status read_unknown(struct decode *d, const struct spot *at, yyjson_val *val)
{
    static const struct field fields[] = {TYPE_FIELD};
    struct rough_block rough;
    struct extra *extras;
    enum nigh_status status = decode_object(d, at, val, fields, ARRAY_LEN(fields), &rough, &extras);

    return status ? status : decode_depth(d, at, val);
}

enum nigh_status anthropic_block(struct decode *d, const struct spot *at, enum role role,
                                 yyjson_val *val, struct part *p)
{
    struct slice word = json_get_str(val, "type");
    struct spot type = {at, "type", 0};

    if (!yyjson_is_obj(val))
        return decode_wrong(d, at, "expected an object");
    if (!word.p)
        return decode_wrong(d, &type, "missing");
    *p = (struct part){.kind = PART_OTHER, .label = LABEL_ANYWHERE, .raw = val};
    for (size_t i = 0; i < ARRAY_LEN(block_types); i++) {
        if (!slice_is(word, block_types[i].type))
            continue;
        if (!(block_types[i].roles >> role & 1))
            return decode_wrong(d, &type, "a block of this type may not stand here");
        p->kind = block_types[i].kind;
        return read_known(d, at, val, &block_types[i], p);
    }
    if (role == ROLE_SYSTEM)
        return decode_wrong(d, &type, "expected text");
    return read_unknown(d, at, val);
}
