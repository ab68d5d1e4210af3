/* The bodies of POST /api/chat and POST /api/generate into a turn. */
#include "api/ollama.h"
#include "api/openai.h"

/* What needs other members to be read first is kept here. */
struct rough_body {
    struct turn turn;
    struct slice prompt, system, suffix, template;
    yyjson_val *images, *context;
    bool raw;
};

#define IN_TURN(member) offsetof(struct rough_body, turn.member)
/* Their tools are OpenAI's. */
#define COMMON_FIELDS                                                                              \
    {"model", decode_model, IN_TURN(model), 0, 0}, {"stream", decode_bool, IN_TURN(stream), 0, 0}, \
        {"format", ollama_format, 0, 0, 0}, {"options", ollama_options, 0, 0, 0},                  \
        {"think", ollama_think, 0, 0, 0}, {"keep_alive", ollama_keep_alive, 0, 0, 0},              \
        {"logprobs", decode_bool, IN_TURN(logprobs), 0, 0},                                        \
        {"top_logprobs", ollama_top_logprobs, 0, 0, 20},                                           \
    {                                                                                              \
        "metadata", decode_metadata, 0, 0, 0                                                       \
    }

static const struct field chat_fields[] = {
    COMMON_FIELDS,
    {"messages", ollama_messages, 0, 0, 0},
    {"tools", openai_tools, 0, 0, 0},
};
static const struct field generate_fields[] = {
    COMMON_FIELDS,
    {"prompt", decode_str, offsetof(struct rough_body, prompt), 0, 0},
    {"system", decode_str, offsetof(struct rough_body, system), 0, 0},
    {"suffix", decode_str, offsetof(struct rough_body, suffix), 0, 0},
    {"template", decode_str, offsetof(struct rough_body, template), 0, 0},
    {"images", decode_keep, offsetof(struct rough_body, images), 0, 0},
    {"context", decode_keep, offsetof(struct rough_body, context), 0, 0},
    {"raw", decode_bool, offsetof(struct rough_body, raw), 0, 0},
};
_Static_assert(offsetof(struct rough_body, turn) == 0, "readers are told where the turn is");

/* Nothing is asked, so the model is only to be loaded, or unloaded. */
static enum nigh_status finish_body(struct decode *d, struct rough_body *rough)
{
    struct spot model = {NULL, "model", 0}, top = {NULL, "top_logprobs", 0};
    struct turn *t = &rough->turn;

    if (!t->model.p)
        return decode_wrong(d, &model, "missing");
    if (t->top_logprobs >= 0 && !t->logprobs)
        return decode_wrong(d, &top, "needs logprobs to be true");
    if (t->n_messages == 0)
        t->verb = VERB_LOAD;
    return NIGH_OK;
}

/* What would change the answer and has no word in any place's format. */
static enum nigh_status check_generate(struct decode *d, const struct rough_body *rough)
{
    static const char *const why_not[] = {
        "the model's own is used; with raw, the prompt is taken as it is",
        "to fill in before a suffix is not spoken here",
        "not kept here; send the conversation to /api/chat",
    };
    struct spot template = {NULL, "template", 0}, suffix = {NULL, "suffix", 0};
    struct spot context = {NULL, "context", 0}, images = {NULL, "images", 0};

    if (rough->template.len > 0 && !rough->raw)
        return decode_wrong(d, &template, "%s", why_not[0]);
    if (rough->suffix.len > 0)
        return decode_wrong(d, &suffix, "%s", why_not[1]);
    if (rough->context && yyjson_arr_size(rough->context) > 0)
        return decode_wrong(d, &context, "%s", why_not[2]);
    if (rough->images && !yyjson_is_arr(rough->images))
        return decode_wrong(d, &images, "expected a list");
    if (yyjson_arr_size(rough->images) > TURN_PARTS_MAX)
        return decode_wrong(d, &images, "more than %d items", TURN_PARTS_MAX);
    if (yyjson_arr_size(rough->images) > 0 && rough->raw)
        return decode_wrong(d, &images, "cannot go with raw");
    return NIGH_OK;
}

/* A message with room for so many images. */
static struct message *add_message(struct turn *t, struct arena *arena, enum role role,
                                   struct slice text, size_t images)
{
    struct message *m = &t->messages[t->n_messages];
    struct part *parts = arena_alloc(arena, (1 + images) * sizeof *parts);

    if (!parts)
        return NULL;
    *m = (struct message){.role = role, .bare = true, .parts = parts};
    if (text.len > 0)
        parts[m->n_parts++] =
            (struct part){.kind = PART_TEXT, .text = text, .label = LABEL_ANYWHERE};
    t->n_messages++;
    return m;
}

/* The prompt becomes a chat of one question, or where it is raw the text to go on from. */
static enum nigh_status make_messages(struct decode *d, struct rough_body *rough)
{
    struct spot images = {NULL, "images", 0};
    size_t n_images = yyjson_arr_size(rough->images);
    struct turn *t = &rough->turn;
    struct message *m;

    if (rough->prompt.len == 0 && n_images == 0)
        return NIGH_OK;
    if (!(t->messages = arena_calloc(d->arena, 2, sizeof *t->messages)))
        return decode_nomem(d);
    if (rough->raw)
        t->verb = VERB_COMPLETE;
    else if (rough->system.len > 0 && !add_message(t, d->arena, ROLE_SYSTEM, rough->system, 0))
        return decode_nomem(d);
    if (!(m = add_message(t, d->arena, ROLE_USER, rough->prompt, n_images)))
        return decode_nomem(d);
    return ollama_images(d, &images, rough->images, m);
}

static enum nigh_status read_generate(struct decode *d, struct rough_body *rough)
{
    enum nigh_status status = check_generate(d, rough);

    return status ? status : make_messages(d, rough);
}

static enum nigh_status read_chat(struct decode *d, struct rough_body *rough)
{
    return NIGH_OK;
}

struct kind {
    const char *name;
    const struct field *fields;
    size_t n_fields;
    enum nigh_status (*read)(struct decode *d, struct rough_body *rough);
};

static enum nigh_status read_body(struct turn *turn, struct slice body, struct arena *arena,
                                  struct slice *ret_param, struct nigh_err *err,
                                  const struct kind *kind)
{
    struct rough_body rough = {0};
    struct decode d = {&rough.turn, arena, ret_param, err};
    enum nigh_status status;
    yyjson_val *root;

    turn_init(turn);
    rough.turn = *turn;
    rough.turn.stream = true;
    if (ret_param)
        *ret_param = (struct slice){0};
    if ((status = decode_body(&d, &root, body)) ||
        (status = decode_object(&d, NULL, root, kind->fields, kind->n_fields, &rough, NULL)) ||
        (status = kind->read(&d, &rough)) || (status = finish_body(&d, &rough)))
        return status;
    rough.turn.raw = root;
    rough.turn.format_name = kind->name;
    *turn = rough.turn;
    return NIGH_OK;
}

static const struct kind chat = {"ollama-chat", chat_fields, ARRAY_LEN(chat_fields), read_chat};
static const struct kind generate = {"ollama-generate", generate_fields, ARRAY_LEN(generate_fields),
                                     read_generate};

enum nigh_status ollama_chat_decode(struct turn *turn, struct slice body, struct arena *arena,
                                    struct slice *ret_param, struct nigh_err *err)
{
    return read_body(turn, body, arena, ret_param, err, &chat);
}

enum nigh_status ollama_generate_decode(struct turn *turn, struct slice body, struct arena *arena,
                                        struct slice *ret_param, struct nigh_err *err)
{
    return read_body(turn, body, arena, ret_param, err, &generate);
}
