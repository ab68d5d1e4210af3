#include "turn/turn.h"
#include "turn/place.h"
#include <inttypes.h>
#include <math.h>

void turn_init(struct turn *turn)
{
    *turn = (struct turn){.parallel_calls = -1,
                          .top_logprobs = -1,
                          .n = 1,
                          .max_cost_usd = NAN,
                          .label = LABEL_ANYWHERE,
#define TURN_WISH_UNSET(member, name, low, high) .member = NAN,
                          TURN_WISHES(TURN_WISH_UNSET) TURN_MORE_WISHES(TURN_WISH_UNSET)
#undef TURN_WISH_UNSET
    };
}

const char *role_text(enum role role)
{
    static const char *const texts[] = {
        [ROLE_SYSTEM] = "system",       [ROLE_DEVELOPER] = "developer", [ROLE_USER] = "user",
        [ROLE_ASSISTANT] = "assistant", [ROLE_TOOL] = "tool",
    };
    return texts[role];
}

const char *verb_text(enum verb verb)
{
#define VERB_TEXT(name, text) text,
    static const char *const texts[] = {TURN_VERBS(VERB_TEXT)};
#undef VERB_TEXT
    return texts[verb];
}

#define EFFORT_TEXT(name, text) [EFFORT_##name] = (text),
static const char *const effort_texts[] = {TURN_EFFORTS(EFFORT_TEXT)};
#undef EFFORT_TEXT

const char *effort_text(enum effort effort)
{
    return effort_texts[effort];
}

enum effort effort_of(struct slice word)
{
    for (size_t i = EFFORT_UNSET + 1; i < ARRAY_LEN(effort_texts); i++)
        if (slice_is(word, effort_texts[i]))
            return (enum effort)i;
    return EFFORT_UNSET;
}

/* One traversal; every function returns false once fn did. */
struct visit {
    turn_text_fn *fn;
    void *owner;
    struct text_at at;
};

static bool visit_as(struct visit *v, struct slice text, enum text_kind kind)
{
    v->at.kind = kind;
    return text.len == 0 || v->fn(v->owner, text, v->at);
}

static bool visit_name(struct visit *v, struct slice text)
{
    return visit_as(v, text, TEXT_NAME);
}

static bool visit_number(struct visit *v, yyjson_val *val)
{
    char digits[24];

    if (!yyjson_is_uint(val) || yyjson_get_uint(val) < TEXT_NUMBER_LEAST)
        return true;
    int n = snprintf(digits, sizeof digits, "%" PRIu64, yyjson_get_uint(val));
    return visit_as(v, (struct slice){digits, (size_t)n}, TEXT_NUMBER);
}

/* Depth is bounded by JSON_DEPTH_MAX. */
static bool visit_json(struct visit *v, yyjson_val *val)
{
    size_t i, max;
    yyjson_val *key, *item;

    if (yyjson_is_str(val))
        return visit_as(v, json_str(val), TEXT_WORDS);
    if (yyjson_is_num(val))
        return visit_number(v, val);
    if (yyjson_is_arr(val))
        yyjson_arr_foreach(val, i, max, item)
        {
            if (!visit_json(v, item))
                return false;
        }
    if (yyjson_is_obj(val))
        yyjson_obj_foreach(val, i, max, key, item)
        {
            if (!visit_name(v, json_str(key)) || !visit_json(v, item))
                return false;
        }
    return true;
}

static bool visit_extras(struct visit *v, const struct extra *extra)
{
    for (; extra; extra = extra->next)
        if (!visit_name(v, extra->key) || !visit_json(v, extra->val))
            return false;
    return true;
}

/* Pixels hold no text that a pattern could find; anything else in a data URL may, also what only
 * calls itself a picture. */
static bool is_pixels(struct slice url)
{
    static const char *const begin[] = {"iVBORw0KGgo", "/9j/", "R0lGOD", "UklGR"}; /* in base64 */

    if (!slice_starts(url, SLICE("data:image/")))
        return false;
    slice_cut(&url, ';');
    if (!slice_starts(url, SLICE("base64,")))
        return false;
    slice_cut(&url, ',');
    for (size_t i = 0; i < ARRAY_LEN(begin); i++)
        if (slice_starts(url, slice_of(begin[i])))
            return true;
    return false;
}

static bool visit_part(struct visit *v, const struct part *p)
{
    bool opaque = p->kind == PART_AUDIO || p->kind == PART_FILE || p->kind == PART_OTHER;

    return visit_as(v, p->text, p->kind == PART_CALL ? TEXT_JSON : TEXT_WORDS) &&
           visit_name(v, p->name) && visit_name(v, p->call_id) && visit_name(v, p->signature) &&
           visit_name(v, p->detail) && (is_pixels(p->url) || visit_name(v, p->url)) &&
           visit_extras(v, p->extras) && visit_extras(v, p->inner) &&
           (!opaque || visit_json(v, p->raw));
}

bool turn_each_string(yyjson_val *val, struct text_at at, turn_text_fn *fn, void *owner)
{
    struct visit v = {fn, owner, at};

    return visit_json(&v, val);
}

static bool visit_message(struct visit *v, const struct message *m)
{
    v->at.part = TEXT_NOWHERE;
    if (!visit_name(v, m->name) || !visit_name(v, m->call_id) || !visit_extras(v, m->extras))
        return false;
    for (size_t i = 0; i < m->n_parts; i++) {
        v->at.part = (uint32_t)i;
        if (!visit_part(v, &m->parts[i]))
            return false;
    }
    return true;
}

static bool visit_metadata(struct visit *v, yyjson_val *metadata)
{
    size_t i, max;
    yyjson_val *key, *item;

    if (!yyjson_is_obj(metadata))
        return true;
    yyjson_obj_foreach(metadata, i, max, key, item)
    {
        if (slice_starts(json_str(key), SLICE("nigh_")))
            continue;
        if (!visit_name(v, json_str(key)) || !visit_json(v, item))
            return false;
    }
    return true;
}

static bool visit_tool(struct visit *v, const struct tool *t)
{
    return visit_name(v, t->name) && visit_name(v, t->description) && visit_json(v, t->schema) &&
           visit_extras(v, t->extras) && visit_extras(v, t->inner);
}

void turn_each_text_at(const struct turn *turn, turn_text_fn *fn, void *owner)
{
    struct visit v = {fn, owner, {TEXT_NOWHERE, TEXT_NOWHERE, TEXT_NAME}};

    for (size_t i = 0; i < turn->n_messages; i++) {
        v.at.message = (uint32_t)i;
        if (!visit_message(&v, &turn->messages[i]))
            return;
    }
    v.at.message = v.at.part = TEXT_NOWHERE;
    for (size_t i = 0; i < turn->n_tools; i++)
        if (!visit_tool(&v, &turn->tools[i]))
            return;
    for (size_t i = 0; i < turn->n_stops; i++)
        if (!visit_name(&v, turn->stops[i]))
            return;
    if (!visit_as(&v, turn->beta, TEXT_HEADER) || !visit_as(&v, turn->suffix, TEXT_WORDS) ||
        !visit_json(&v, turn->schema) || !visit_json(&v, turn->logit_bias) ||
        !visit_extras(&v, turn->format_extras) || !visit_extras(&v, turn->stream_extras) ||
        !visit_metadata(&v, turn->metadata))
        return;
    visit_extras(&v, turn->extras);
}

/* For who wants the texts alone. */
struct plain {
    bool (*fn)(void *owner, struct slice text);
    void *owner;
};

static bool plain_text(void *owner, struct slice text, struct text_at at)
{
    const struct plain *plain = owner;

    (void)at;
    return plain->fn(plain->owner, text);
}

void turn_each_text(const struct turn *turn, bool (*fn)(void *owner, struct slice text),
                    void *owner)
{
    struct plain plain = {fn, owner};

    turn_each_text_at(turn, plain_text, &plain);
}

static bool add_len(void *owner, struct slice text)
{
    *(size_t *)owner += text.len;
    return true;
}

size_t turn_text_bytes(const struct turn *turn)
{
    size_t sum = 0;

    turn_each_text(turn, add_len, &sum);
    return sum;
}

/* The message's parts are text and nothing else. */
static bool only_text(const struct message *m)
{
    for (size_t i = 0; i < m->n_parts; i++)
        if (m->parts[i].kind != PART_TEXT)
            return false;
    return m->role != ROLE_TOOL;
}

static struct slice join_texts(const struct message *m, struct arena *a)
{
    size_t len = 0, at = 0;

    if (m->n_parts == 1)
        return m->parts[0].text;
    for (size_t i = 0; i < m->n_parts; i++)
        len += m->parts[i].text.len + 1;
    char *p = arena_alloc(a, len + 1);
    if (!p)
        return (struct slice){0};
    for (size_t i = 0; i < m->n_parts; i++) {
        struct slice text = m->parts[i].text;
        if (i > 0)
            p[at++] = '\n';
        if (text.len > 0)
            memcpy(p + at, text.p, text.len);
        at += text.len;
    }
    p[at] = '\0';
    return (struct slice){p, at};
}

struct slice turn_plain_question(const struct turn *turn, struct arena *a)
{
    struct slice none = {0};

    if (turn->verb != VERB_CHAT || turn_needs(turn) != 0 || turn->n_tools > 0 ||
        turn->n_messages == 0)
        return none;
    for (size_t i = 0; i < turn->n_messages; i++)
        if (!only_text(&turn->messages[i]))
            return none;
    const struct message *last = &turn->messages[turn->n_messages - 1];
    if (last->role != ROLE_USER || last->n_parts == 0)
        return none;
    return join_texts(last, a);
}

static unsigned message_needs(const struct message *m)
{
    static const unsigned by_kind[] = {
        [PART_IMAGE] = CAN_IMAGES, [PART_AUDIO] = CAN_AUDIO, [PART_FILE] = CAN_FILES,
        [PART_CALL] = CAN_TOOLS,   [PART_OTHER] = 0,
    };
    unsigned needs = m->role == ROLE_TOOL ? CAN_TOOLS : 0;

    for (size_t i = 0; i < m->n_parts; i++)
        needs |= by_kind[m->parts[i].kind];
    return needs;
}

unsigned turn_needs(const struct turn *turn)
{
    static const unsigned by_format[] = {[FORMAT_JSON] = CAN_JSON, [FORMAT_SCHEMA] = CAN_SCHEMA};
    unsigned needs = by_format[turn->format];

    if (turn->n_tools > 0 && turn->choice != CHOICE_NONE)
        needs |= CAN_TOOLS;
    if (turn->logprobs)
        needs |= CAN_LOGPROBS;
    if (turn->n > 1)
        needs |= CAN_CHOICES;
    for (size_t i = 0; i < turn->n_messages; i++)
        needs |= message_needs(&turn->messages[i]);
    return needs;
}

unsigned turn_choices(const struct turn *turn)
{
    size_t prompts = turn->verb == VERB_COMPLETE ? turn->n_messages : 1;

    return (unsigned)prompts * (turn->n ? turn->n : 1);
}
