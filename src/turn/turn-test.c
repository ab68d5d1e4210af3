#include "base/tap.h"
#include "turn/place.h"
#include "turn/turn.h"
#include <math.h>

/* A turn of messages that need no arena. */
static struct part text_part(const char *text)
{
    return (struct part){.kind = PART_TEXT, .text = slice_of(text), .label = LABEL_ANYWHERE};
}

static void one_message(struct turn *t, struct message *m, struct part *parts, size_t n)
{
    turn_init(t);
    *m = (struct message){.role = ROLE_USER, .parts = parts, .n_parts = n};
    t->messages = m;
    t->n_messages = 1;
}

TEST(a_new_turn_wishes_nothing)
{
    struct turn t;

    turn_init(&t);
    CHECK(isnan(t.temperature) && isnan(t.top_p) && isnan(t.max_cost_usd));
    CHECK_EQ(t.parallel_calls, -1);
    CHECK_EQ(t.top_logprobs, -1);
    CHECK_EQ(t.n, 1);
    CHECK(t.label.zones == UINT64_MAX);
    CHECK_EQ(turn_needs(&t), 0);
    CHECK_EQ(turn_text_bytes(&t), 0);
}

/* What turn_each_text shows, each text ended by a bar. */
static bool collect(void *owner, struct slice text)
{
    buf_add_str(owner, text);
    buf_add_char(owner, '|');
    return true;
}

static bool stop_at_second(void *owner, struct slice text)
{
    return ++*(int *)owner < 2;
}

TEST(every_text_that_would_leave_is_shown)
{
    CLEANUP(buf_done) struct buf seen = {0};
    struct arena a;
    struct turn t;
    struct message m;
    struct extra inner = {SLICE("hidden"), NULL, NULL}, outer = {SLICE("x"), NULL, NULL};
    struct tool tool = {.name = SLICE("tool"), .description = SLICE("does")};
    struct part parts[] = {
        text_part("hello"),
        {.kind = PART_CALL, .call_id = SLICE("c1"), .name = SLICE("fn"), .text = SLICE("{}")},
        {.kind = PART_IMAGE, .url = SLICE("https://a/b"), .inner = &inner},
        {.kind = PART_IMAGE, .url = SLICE("data:image/png;base64,iVBORw0KGgoAAAAN")},
        {.kind = PART_IMAGE, .url = SLICE("data:text/plain,secret")},
        {.kind = PART_IMAGE, .url = SLICE("data:image/png;base64,c2VjcmV0")},
        {.kind = PART_FILE},
    };

    arena_init(&a, 1 << 20);
    one_message(&t, &m, parts, ARRAY_LEN(parts));
    CHECK_EQ(json_parse(&inner.val, SLICE("[\"deep\"]"), &a, NULL), NIGH_OK);
    CHECK_EQ(json_parse(&outer.val, SLICE("{\"k\":{\"l\":\"v\"},\"n\":1,\"m\":1234567}"), &a, NULL),
             NIGH_OK);
    CHECK_EQ(json_parse(&parts[6].raw, SLICE("{\"name\":\"f.txt\"}"), &a, NULL), NIGH_OK);
    CHECK_EQ(json_parse(&tool.schema, SLICE("{\"type\":\"object\"}"), &a, NULL), NIGH_OK);
    CHECK_EQ(json_parse(&t.metadata, SLICE("{\"nigh_label\":\"home\",\"who\":\"me\"}"), &a, NULL),
             NIGH_OK);
    m.name = SLICE("ann");
    t.extras = &outer;
    t.tools = &tool;
    t.n_tools = 1;
    t.stops[t.n_stops++] = SLICE("END");
    t.beta = SLICE("beta");
    turn_each_text(&t, collect, &seen);
    CHECK_STR(seen.data, "ann|hello|{}|fn|c1|https://a/b|hidden|deep|data:text/plain,secret|"
                         "data:image/"
                         "png;base64,c2VjcmV0|name|f.txt|tool|does|type|object|END|beta|who|me|x|k|"
                         "l|v|n|m|1234567|");
    CHECK_EQ(turn_text_bytes(&t), seen.len - 27);

    int calls = 0;
    turn_each_text(&t, stop_at_second, &calls);
    CHECK_EQ(calls, 2);
    arena_done(&a);
}

TEST(only_a_plain_question_is_plain)
{
    struct arena a;
    struct turn t;
    struct message m;
    struct part parts[] = {text_part("one"), text_part("two")};

    arena_init(&a, 1 << 16);
    one_message(&t, &m, parts, 2);
    CHECK(slice_is(turn_plain_question(&t, &a), "one\ntwo"));
    m.n_parts = 1;
    CHECK(turn_plain_question(&t, &a).p == parts[0].text.p);
    m.n_parts = 0;
    CHECK(!turn_plain_question(&t, &a).p);
    m.n_parts = 1;
    m.role = ROLE_ASSISTANT;
    CHECK(!turn_plain_question(&t, &a).p);
    m.role = ROLE_TOOL;
    CHECK(!turn_plain_question(&t, &a).p);
    m.role = ROLE_USER;
    t.n = 2;
    CHECK(!turn_plain_question(&t, &a).p);
    t.n = 1;
    t.format = FORMAT_JSON;
    CHECK(!turn_plain_question(&t, &a).p);
    t.format = FORMAT_TEXT;
    CHECK(turn_plain_question(&t, &a).p);
    t.n_tools = 1;
    t.choice = CHOICE_NONE;
    CHECK(!turn_plain_question(&t, &a).p);
    arena_done(&a);
}

TEST(needs_follow_from_what_is_there)
{
    static const struct {
        enum part_kind kind;
        unsigned needs;
    } rows[] = {
        {PART_TEXT, 0},         {PART_IMAGE, CAN_IMAGES}, {PART_AUDIO, CAN_AUDIO},
        {PART_FILE, CAN_FILES}, {PART_REFUSAL, 0},        {PART_REASONING, 0},
        {PART_CALL, CAN_TOOLS}, {PART_OTHER, 0},
    };
    struct turn t;
    struct message m;
    struct part p = {0};

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        one_message(&t, &m, &p, 1);
        p.kind = rows[i].kind;
        CHECK_EQ(turn_needs(&t), rows[i].needs);
    }
    one_message(&t, &m, &p, 0);
    t.format = FORMAT_SCHEMA;
    t.logprobs = true;
    t.n = 3;
    t.n_tools = 1;
    CHECK_EQ(turn_needs(&t), CAN_SCHEMA | CAN_LOGPROBS | CAN_CHOICES | CAN_TOOLS);
    t.choice = CHOICE_NONE;
    CHECK_EQ(turn_needs(&t), CAN_SCHEMA | CAN_LOGPROBS | CAN_CHOICES);
}
