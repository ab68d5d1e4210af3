#include "turn/search.h"

#include "base/tap.h"
#include <stdio.h>

static struct detect *detect;
static struct search search;
static struct arena arena;
static enum detect_policy policy[DETECT_GROUP_COUNT];
static struct search_spec spec = {.policy = policy, .budget_us = 10000000};

__attribute__((destructor)) static void sweep(void)
{
    search_done(&search);
    detect_free(detect);
    arena_done(&arena);
}

static void ready(void)
{
    const struct detect_spec all = {.names = false};

    if (!detect)
        CHECK_EQ(detect_new(&detect, &all, NULL), NIGH_OK);
    arena_done(&arena);
    arena_init(&arena, 64 << 20);
    for (unsigned i = 0; i < DETECT_GROUP_COUNT; i++)
        policy[i] = detect_policy_default((enum detect_group)i);
    spec.before = (struct slice){0};
}

/* A conversation of texts; role by its letter: u, a, t. */
static struct turn talk(const char *roles, const struct slice *texts)
{
    struct turn turn;
    size_t n = strlen(roles);

    turn_init(&turn);
    turn.messages = arena_calloc(&arena, n, sizeof *turn.messages);
    turn.n_messages = n;
    for (size_t i = 0; i < n; i++) {
        struct part *part = arena_calloc(&arena, 1, sizeof *part);
        *part = (struct part){.kind = PART_TEXT, .text = texts[i], .label = LABEL_ANYWHERE};
        turn.messages[i] = (struct message){.role = roles[i] == 'u'   ? ROLE_USER
                                                    : roles[i] == 'a' ? ROLE_ASSISTANT
                                                                      : ROLE_TOOL,
                                            .parts = part,
                                            .n_parts = 1};
    }
    return turn;
}

static bool found(const struct turn *turn, enum detect_group group)
{
    search_turn(&search, detect, turn, &spec);
    CHECK_EQ(search.failed, NIGH_OK);
    for (size_t i = 0; i < search.n; i++)
        if (search.finds[i].group == group)
            return true;
    return false;
}

static struct slice upto(const char *text, size_t n)
{
    return (struct slice){text, n};
}

static struct slice quoted(const char *fmt, struct slice a, struct slice b)
{
    return slice_of(arena_printf(&arena, fmt, (int)a.len, a.p, (int)b.len, b.p));
}

/* Values, each of which is one whatever stands around it. */
static const struct {
    const char *text;
    enum detect_group group;
} values[] = {
    {"4111 1111 1111 1111", DETECT_CARD},
    {"5500005555555559", DETECT_CARD},
    {"DE89 3704 0044 0532 0130 00", DETECT_IBAN},
    {"GB82WEST12345698765432", DETECT_IBAN},
    {"anna.blum@example.org", DETECT_EMAIL},
    {"ghp_0123456789abcdefghijABCDEFGHIJ012345", DETECT_SECRET},
};

/* A way to cut: the turn that shows the value in two pieces. */
typedef struct turn cut_fn(struct slice left, struct slice right);

static struct turn over_messages(struct slice left, struct slice right)
{
    return talk("uu", (struct slice[]){left, right});
}

static struct turn over_an_answer(struct slice left, struct slice right)
{
    return talk("uau", (struct slice[]){left, SLICE("Go on."), right});
}

static struct turn over_results(struct slice left, struct slice right)
{
    return talk("tut", (struct slice[]){left, SLICE("And?"), right});
}

static struct turn over_a_session(struct slice left, struct slice right)
{
    spec.before = left;
    return talk("u", &right);
}

static struct turn over_a_session_with_instructions(struct slice left, struct slice right)
{
    spec.before = left;
    return talk("auu",
                (struct slice[]){SLICE("Hello."), SLICE("Answer in one word, please."), right});
}

static struct turn call(struct slice arguments)
{
    struct turn turn = talk("a", &arguments);

    turn.messages[0].parts[0].kind = PART_CALL;
    turn.messages[0].parts[0].name = SLICE("note");
    turn.messages[0].parts[0].call_id = SLICE("call_9");
    return turn;
}

static struct turn over_fields(struct slice left, struct slice right)
{
    return call(quoted("{\"first\":\"%.*s\",\"second\":\"%.*s\"}", left, right));
}

static struct turn over_items(struct slice left, struct slice right)
{
    return call(quoted("{\"list\":[\"%.*s\",\"%.*s\"]}", left, right));
}

static struct turn over_calls(struct slice left, struct slice right)
{
    struct turn turn =
        talk("aa", (struct slice[]){quoted("{\"a\":\"%.*s%.*s\"}", left, SLICE("")),
                                    quoted("{\"a\":\"%.*s%.*s\"}", right, SLICE(""))});

    for (size_t i = 0; i < 2; i++) {
        turn.messages[i].parts[0].kind = PART_CALL;
        turn.messages[i].parts[0].name = SLICE("note");
    }
    return turn;
}

static struct turn by_the_byte(struct slice left, struct slice right)
{
    char roles[64] = "";
    struct slice texts[64];
    size_t n = 0;

    for (size_t i = 0; i < left.len + right.len; i++) {
        texts[n] = i < left.len ? upto(left.p + i, 1) : upto(right.p + i - left.len, 1);
        roles[n++] = 'u';
    }
    roles[n] = '\0';
    return talk(roles, texts);
}

static const struct {
    const char *name;
    cut_fn *cut;
} ways[] = {
    {"two messages", over_messages},
    {"two messages with an answer between", over_an_answer},
    {"two results of tools", over_results},
    {"two requests of a session", over_a_session},
    {"two requests, with instructions", over_a_session_with_instructions},
    {"two fields", over_fields},
    {"two items", over_items},
    {"two calls", over_calls},
    {"a message a byte", by_the_byte},
};

/* As the request before had it. */
static bool shown_alone(struct slice left, enum detect_group group)
{
    struct turn turn = talk("u", &left);

    spec.before = (struct slice){0};
    return found(&turn, group);
}

/* THREATS.md 25: cut at every offset, in every way. */
TEST(search_finds_a_value_that_was_cut)
{
    for (size_t way = 0; way < ARRAY_LEN(ways); way++) {
        size_t missed = 0, all = 0;
        for (size_t v = 0; v < ARRAY_LEN(values); v++) {
            size_t len = strlen(values[v].text);
            for (size_t at = 1; at < len; at++, all++) {
                ready();
                struct slice left = upto(values[v].text, at);
                struct turn turn = ways[way].cut(left, upto(values[v].text + at, len - at));
                if (found(&turn, values[v].group) ||
                    (spec.before.p && shown_alone(left, values[v].group)))
                    continue;
                missed++;
                printf("# %s: missed %s at %zu\n", ways[way].name, values[v].text, at);
            }
        }
        printf("# cut over %s: %zu of %zu found\n", ways[way].name, all - missed, all);
        CHECK_EQ(missed, 0);
    }
}

TEST(search_reads_escaped_arguments)
{
    struct turn turn;

    ready();
    turn = call(SLICE("{\"to\":\"anna.blum\\u0040example.org\"}"));
    CHECK(found(&turn, DETECT_EMAIL));
    CHECK(slice_is(find_value(&search.finds[0]), "anna.blum@example.org"));
    CHECK(!search.finds[0].border);
    turn = call(SLICE("not JSON: anna.blum@example.org"));
    CHECK(found(&turn, DETECT_EMAIL));
    turn = call(SLICE("{\"card\":4111111111111111}"));
    CHECK(found(&turn, DETECT_CARD));
}

/* THREATS.md 25: beside the texts, too. */
TEST(search_reads_numbers_and_headers)
{
    const struct slice hello = SLICE("hello");
    struct extra extra = {.key = SLICE("account")};
    struct turn turn;

    ready();
    turn = talk("u", &hello);
    CHECK_EQ(json_parse(&extra.val, SLICE("{\"no\":[4111111111111111]}"), &arena, NULL), NIGH_OK);
    turn.extras = &extra;
    CHECK(found(&turn, DETECT_CARD));
    CHECK(slice_is(find_value(&search.finds[0]), "4111111111111111"));
    CHECK(!search.finds[0].border);
    turn.extras = NULL;
    turn.beta = SLICE("4111111111111111");
    CHECK(found(&turn, DETECT_CARD));
    CHECK(search.finds[0].border); /* it cannot be masked there */
}

TEST(search_tells_where_a_find_stands)
{
    const struct slice texts[] = {SLICE("hello"), SLICE("write to anna@example.org")};
    struct turn turn;

    ready();
    turn = talk("uu", texts);
    CHECK(found(&turn, DETECT_EMAIL));
    CHECK_EQ(search.finds[0].at.message, 1);
    CHECK_EQ(search.finds[0].at.part, 0);
    CHECK_EQ(search.finds[0].start, 9);
    CHECK(slice_is(find_value(&search.finds[0]), "anna@example.org"));
}

TEST(search_leaves_out_what_is_allowed)
{
    const struct slice text = SLICE("write to anna@example.org");
    struct turn turn;

    ready();
    policy[DETECT_EMAIL] = DETECT_ALLOW;
    turn = talk("u", &text);
    CHECK(!found(&turn, DETECT_EMAIL));
    CHECK_EQ(search.n, 0);
}

/* Neighbours that are two things each. */
TEST(search_makes_nothing_of_chance_neighbours)
{
    static const struct slice rows[][2] = {
        {SLICE("It was in 1999."), SLICE("2024 will be better, 12 months of it.")},
        {SLICE("What is 12 times 144?"), SLICE("1728")},
        {SLICE("Version 1.2.3"), SLICE("4.5.6 is out")},
        {SLICE("My room is 411"), SLICE("111 is yours")},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        ready();
        struct turn turn = talk("ua", rows[i]);
        search_turn(&search, detect, &turn, &spec);
        CHECK_EQ(search.n, 0);
    }
}

TEST(search_over_its_budget_failed)
{
    struct slice text;
    char *p;
    struct turn turn;

    ready();
    p = arena_alloc(&arena, 8 << 20);
    for (size_t i = 0; i < 8 << 20; i++)
        p[i] = "0123 45-678@9.a "[i % 16];
    text = upto(p, 8 << 20);
    turn = talk("u", &text);
    spec.budget_us = 1000;
    search_turn(&search, detect, &turn, &spec);
    spec.budget_us = 10000000;
    CHECK(search.failed == NIGH_TIMEOUT || search.failed == NIGH_TOOBIG);
    CHECK_EQ(search.failed_at.message, 0);
}

TEST(search_hands_on_what_the_user_said)
{
    const struct slice texts[] = {SLICE("4111 1111"), SLICE("Go on."), SLICE(" 1111")};
    struct turn turn;

    ready();
    spec.before = SLICE("card ");
    turn = talk("uau", texts);
    search_turn(&search, detect, &turn, &spec);
    CHECK(slice_is(upto(search.said, search.n_said), "card 4111 1111 1111"));
}
