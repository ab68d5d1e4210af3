/* `system` and `messages` into the messages of a turn.
 *
 * A user's message may hold results of tools among other blocks; each result is a message of its
 * own in the canonical form, and what stands before, between and after them is one message each. */
#include "api/anthropic.h"

/* The list that is being made. */
struct making {
    struct decode *d;
    size_t cap; /* of turn->messages */
};

/* A new last message with room for so many parts; NULL after *status was set. */
static struct message *add_message(struct making *m, const struct spot *at, enum role role,
                                   yyjson_val *raw, size_t n_parts, enum nigh_status *status)
{
    struct turn *t = m->d->turn;

    if (t->n_messages == TURN_MESSAGES_MAX) {
        *status = decode_wrong(m->d, at, "more than %d messages", TURN_MESSAGES_MAX);
        return NULL;
    }
    if (t->n_messages == m->cap) {
        size_t cap = m->cap ? 2 * m->cap : 16, size = sizeof *t->messages;
        void *p = arena_grow(m->d->arena, t->messages, m->cap * size, cap * size);
        if (p) {
            t->messages = p;
            m->cap = cap;
        }
    }
    struct part *parts = arena_calloc(m->d->arena, n_parts ? n_parts : 1, sizeof *parts);
    if (!parts || t->n_messages == m->cap) {
        *status = decode_nomem(m->d);
        return NULL;
    }
    t->messages[t->n_messages] = (struct message){.role = role, .parts = parts, .raw = raw};
    return &t->messages[t->n_messages++];
}

/* Content that is one string, or none. */
static void add_bare(struct message *msg, struct slice text)
{
    msg->bare = true;
    msg->parts[msg->n_parts++] = (struct part){
        .kind = PART_TEXT, .text = text.p ? text : SLICE(""), .label = LABEL_ANYWHERE};
}

static enum nigh_status check_content(struct decode *d, const struct spot *at, yyjson_val *content)
{
    if (!yyjson_is_str(content) && !yyjson_is_arr(content))
        return decode_wrong(d, at, "expected a string or a list of blocks");
    if (yyjson_arr_size(content) > TURN_PARTS_MAX)
        return decode_wrong(d, at, "more than %d blocks", TURN_PARTS_MAX);
    return NIGH_OK;
}

/* All of content into one message. */
static enum nigh_status fill(struct making *m, const struct spot *at, struct message *msg,
                             yyjson_val *content)
{
    struct spot item = {at, NULL, 0};
    enum nigh_status status = NIGH_OK;
    yyjson_val *val;
    size_t i, max;

    if (!yyjson_is_arr(content)) {
        add_bare(msg, json_str(content));
        return NIGH_OK;
    }
    yyjson_arr_foreach(content, i, max, val)
    {
        item.index = i;
        if ((status = anthropic_block(m->d, &item, msg->role, val, &msg->parts[msg->n_parts++])))
            return status;
    }
    return NIGH_OK;
}

struct rough_result {
    yyjson_val *type, *content;
    struct slice id;
    bool failed;
};

static const struct field result_fields[] = {
    {"type", decode_keep, offsetof(struct rough_result, type), 0, 0},
    {"tool_use_id", decode_str, offsetof(struct rough_result, id), 0, 0},
    {"content", decode_keep, offsetof(struct rough_result, content), 0, 0},
    {"is_error", decode_bool, offsetof(struct rough_result, failed), 0, 0},
};

static enum nigh_status add_result(struct making *m, const struct spot *at, yyjson_val *val)
{
    struct spot id = {at, "tool_use_id", 0}, content = {at, "content", 0};
    struct rough_result rough = {0};
    struct extra *extras;
    enum nigh_status status =
        decode_object(m->d, at, val, result_fields, ARRAY_LEN(result_fields), &rough, &extras);
    struct message *msg;

    for (const struct extra *e = extras; !status && e; e = e->next)
        status = decode_depth(m->d, at, e->val);
    if (status)
        return status;
    if (rough.id.len == 0)
        return decode_wrong(m->d, &id, "expected the id of the call that this answers");
    if (rough.content && (status = check_content(m->d, &content, rough.content)))
        return status;
    if (!(msg = add_message(m, at, ROLE_TOOL, val, yyjson_arr_size(rough.content), &status)))
        return status;
    msg->call_id = rough.id;
    msg->failed = rough.failed;
    msg->extras = extras;
    return fill(m, &content, msg, rough.content);
}

static bool is_result(yyjson_val *block)
{
    return slice_is(json_get_str(block, "type"), "tool_result");
}

/* A user's list of blocks, cut where results of tools stand. */
static enum nigh_status add_cut(struct making *m, const struct spot *at, yyjson_val *raw,
                                yyjson_val *content)
{
    struct spot here = {at, "content", 0}, item = {&here, NULL, 0};
    struct message *msg = NULL;
    enum nigh_status status;
    yyjson_val *val;
    size_t i, max;

    yyjson_arr_foreach(content, i, max, val)
    {
        item.index = i;
        if (is_result(val)) {
            msg = NULL;
            if ((status = add_result(m, &item, val)))
                return status;
            continue;
        }
        if (!msg && !(msg = add_message(m, at, ROLE_USER, raw, max - i, &status)))
            return status;
        if ((status = anthropic_block(m->d, &item, ROLE_USER, val, &msg->parts[msg->n_parts++])))
            return status;
    }
    return NIGH_OK;
}

static bool has_result(yyjson_val *content)
{
    yyjson_val *val;
    size_t i, max;

    yyjson_arr_foreach(content, i, max, val)
    {
        if (is_result(val))
            return true;
    }
    return false;
}

struct rough_message {
    struct slice role;
    yyjson_val *content;
};

static const struct field message_fields[] = {
    {"role", decode_str, offsetof(struct rough_message, role), 0, 0},
    {"content", decode_keep, offsetof(struct rough_message, content), 0, 0},
};

static const struct {
    const char *word;
    enum role role;
} roles[] = {{"user", ROLE_USER}, {"assistant", ROLE_ASSISTANT}, {"system", ROLE_SYSTEM}};

static enum nigh_status read_role(struct decode *d, const struct spot *at, struct slice word,
                                  enum role *ret_role)
{
    struct spot here = {at, "role", 0};

    for (size_t i = 0; i < ARRAY_LEN(roles); i++)
        if (slice_is(word, roles[i].word)) {
            *ret_role = roles[i].role;
            return NIGH_OK;
        }
    return decode_wrong(d, &here, "expected user, assistant or system");
}

static enum nigh_status read_message(struct making *m, const struct spot *at, yyjson_val *val)
{
    struct spot content = {at, "content", 0};
    struct rough_message rough = {0};
    struct extra *extras = NULL;
    struct message *msg;
    enum role role = ROLE_USER;
    enum nigh_status status =
        decode_object(m->d, at, val, message_fields, ARRAY_LEN(message_fields), &rough, &extras);

    for (const struct extra *e = extras; e && !status; e = e->next)
        status = decode_depth(m->d, at, e->val);
    if (status || (status = read_role(m->d, at, rough.role, &role)) ||
        (status = check_content(m->d, &content, rough.content)))
        return status;
    if (role == ROLE_USER && has_result(rough.content)) {
        if (extras) /* none of the pieces is the message that they speak of */
            return decode_wrong(m->d, at, "holds a member that nigh does not know");
        return add_cut(m, at, val, rough.content);
    }
    if (!(msg = add_message(m, at, role, val, yyjson_arr_size(rough.content), &status)))
        return status;
    msg->extras = extras;
    return fill(m, &content, msg, rough.content);
}

static enum nigh_status add_system(struct making *m, yyjson_val *system)
{
    struct spot at = {NULL, "system", 0};
    enum nigh_status status = check_content(m->d, &at, system);
    struct message *msg;

    if (status || (yyjson_is_arr(system) && yyjson_arr_size(system) == 0))
        return status;
    if (!(msg = add_message(m, &at, ROLE_SYSTEM, system, yyjson_arr_size(system), &status)))
        return status;
    return fill(m, &at, msg, system);
}

enum nigh_status anthropic_messages(struct decode *d, yyjson_val *system, yyjson_val *messages)
{
    struct spot at = {NULL, "messages", 0}, item = {&at, NULL, 0};
    struct making m = {d, 0};
    enum nigh_status status = system ? add_system(&m, system) : NIGH_OK;
    yyjson_val *one;
    size_t i, max;

    if (status)
        return status;
    if (!messages)
        return decode_wrong(d, &at, "missing");
    if (!yyjson_is_arr(messages))
        return decode_wrong(d, &at, "expected a list of messages");
    yyjson_arr_foreach(messages, i, max, one)
    {
        item.index = i;
        if ((status = read_message(&m, &item, one)))
            return status;
    }
    return NIGH_OK;
}
