#include "base/tap.h"
#include "meter/price.h"
#include "route/decide.h"
#include <math.h>

/* A house of places: a tiny model here, two clouds, a peer at home, and the skills. */
enum { DEVICE, PUBLIC, HOME };
static const char *const inside_public[] = {"public"};
static const struct zone_spec home_spec = {"home", inside_public, 1};

static enum ready here_ready, cloud_ready;
static enum ready ready_here(struct place *place, char why[static 128])
{
    if (here_ready == READY_NOT)
        snprintf(why, 128, "the model process died, retry in 1 s");
    return here_ready;
}
static enum ready ready_cloud(struct place *place, char why[static 128])
{
    if (cloud_ready == READY_NOT)
        snprintf(why, 128, "breaker open for 12 s");
    return cloud_ready;
}
static uint64_t retry_here(struct place *place)
{
    return 1000;
}
static uint64_t retry_cloud(struct place *place)
{
    return 12000;
}
static const struct place_ops here_ops = {.ready = ready_here, .retry_after_ms = retry_here};
static const struct place_ops cloud_ops = {.ready = ready_cloud, .retry_after_ms = retry_cloud};

struct house {
    struct arena arena;
    struct zones zones;
    struct skills *skills;
    struct place here, mini, big, peer, *skill;
    struct place *places[5];
    struct route_config config;
    struct plan plan;
    struct nigh_err err;
};

static struct place place_of(const char *name, enum place_kind kind, unsigned zone, double quality)
{
    struct place p = {.ops = kind == PLACE_CLOUD ? &cloud_ops : &here_ops,
                      .name = name,
                      .model = strchr(name, '/') + 1,
                      .kind = kind,
                      .dest = {.place = name, .address = "x", .zone = zone},
                      .can = kind == PLACE_CLOUD ? CAN_ALL : CAN_JSON | CAN_SCHEMA | CAN_TOOLS,
                      .context_tokens = kind == PLACE_CLOUD ? 128000 : 8192,
                      .quality = quality,
                      .price = PRICE_FREE};

    if (kind == PLACE_CLOUD)
        CHECK(price_find(&p.price, "openai", p.model, NULL, 0));
    return p;
}

static void house_done(struct house *h)
{
    skill_place_free(h->skill);
    skills_free(h->skills);
    arena_done(&h->arena);
}

static void house_build(struct house *h)
{
    static const struct skills_config skills = {.zone = "Europe/Berlin"};
    static const struct route_alias aliases[] = {{"gpt-4o", "auto"}, {"cheap", "auto/frugal"}};

    memset(h, 0, sizeof *h);
    here_ready = cloud_ready = READY_NOW;
    arena_init(&h->arena, 16 << 20);
    CHECK_EQ(zones_build(&h->zones, &home_spec, 1, &h->arena, NULL), NIGH_OK);
    CHECK_EQ(skills_new(&h->skills, &skills, NULL), NIGH_OK);
    CHECK_EQ(skill_place_new(&h->skill, h->skills, NULL), NIGH_OK);
    h->here = place_of("here/tiny", PLACE_ENGINE, ZONE_DEVICE, 0.3);
    h->mini = place_of("openai/gpt-5-mini", PLACE_CLOUD, ZONE_PUBLIC, 0.8);
    h->big = place_of("openai/gpt-5", PLACE_CLOUD, ZONE_PUBLIC, 0.95);
    h->peer = place_of("desk/qwen", PLACE_PEER, (unsigned)zone_find(&h->zones, SLICE("home")), 0.5);
    h->places[0] = h->skill;
    h->places[1] = &h->here;
    h->places[2] = &h->mini;
    h->places[3] = &h->big;
    h->places[4] = &h->peer;
    h->config = (struct route_config){.zones = &h->zones,
                                      .aliases = aliases,
                                      .n_aliases = ARRAY_LEN(aliases),
                                      .skills = h->skills,
                                      .day_left_uusd = -1,
                                      .key_left_uusd = -1};
}

/* A turn of one user message; a label by zone name, NULL: anywhere. */
static void ask_turn(struct house *h, struct turn *turn, const char *model, const char *text,
                     const char *label)
{
    struct message *m = arena_calloc(&h->arena, 1, sizeof *m);

    turn_init(turn);
    turn->model = slice_of(model);
    m->role = ROLE_USER;
    m->bare = true;
    m->parts = arena_calloc(&h->arena, 1, sizeof *m->parts);
    m->parts[0].kind = PART_TEXT;
    m->parts[0].text = slice_of(text);
    m->n_parts = 1;
    turn->messages = m;
    turn->n_messages = 1;
    if (label)
        CHECK_EQ(label_parse(&turn->label, &h->zones, slice_of(label), NULL), NIGH_OK);
}

static enum nigh_status decide(struct house *h, const struct turn *turn, size_t n_places)
{
    memset(&h->err, 0, sizeof h->err);
    return route_decide(&h->plan, &h->config, turn, h->places, n_places, &h->arena, &h->err);
}

static const char long_text[] =
    "Here is the protocol of the meeting of the allotment society, please tidy it up. "
#define AGAIN                                                                                      \
    "The chair opened at seven and greeted those present. The treasurer told of the year. "
#define MORE AGAIN AGAIN AGAIN AGAIN AGAIN AGAIN AGAIN AGAIN AGAIN AGAIN
    MORE MORE MORE MORE MORE MORE;

TEST(balanced_keeps_chat_here_and_sends_hard_questions_out)
{
    static const struct {
        const char *text, *place;
    } rows[] = {
        {"Hi, how are you?", "here/tiny"},
        {"Tell me a joke", "here/tiny"},
        {"What is the capital of France?", "here/tiny"},
        {"Name three fruits that are red.", "here/tiny"},
        {"Good morning! Any idea for breakfast?", "here/tiny"},
        {"Once upon a time", "here/tiny"},
        {"what time is it?", "skill"},
        {"What is 15% of 240?", "skill"},
        {"Prove that the square root of 2 is irrational, step by step.", "openai/gpt-5-mini"},
        {"Refactor this python function to be async and explain why it deadlocks.",
         "openai/gpt-5-mini"},
        {"Find the eigenvalues of the matrix [[2, 1], [1, 2]].", "openai/gpt-5-mini"},
        {long_text, "openai/gpt-5-mini"},
    };
    struct house h;
    struct turn turn;

    house_build(&h);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        ask_turn(&h, &turn, "auto", rows[i].text, NULL);
        CHECK_EQ(decide(&h, &turn, 3), NIGH_OK);
        if (strcmp(h.plan.candidates[0].place->name, rows[i].place) != 0)
            printf("# %.60s: %s\n", rows[i].text, h.plan.reason);
        CHECK_STR(h.plan.candidates[0].place->name, rows[i].place);
    }
    house_done(&h);
}

TEST(names_are_read_as_the_design_says)
{
    static const struct {
        const char *model, *first; /* first NULL: any */
        size_t usable;
        enum nigh_status status;
        enum profile profile;
    } rows[] = {
        {"auto", NULL, 4, NIGH_OK, PROFILE_BALANCED},
        {"", NULL, 4, NIGH_OK, PROFILE_BALANCED},
        {"gpt-4o", NULL, 4, NIGH_OK, PROFILE_BALANCED},
        {"cheap", NULL, 4, NIGH_OK, PROFILE_FRUGAL},
        {"auto/private", "here/tiny", 4, NIGH_OK, PROFILE_PRIVATE},
        {"auto/best", NULL, 4, NIGH_OK, PROFILE_BEST},
        {"auto/nonsense", NULL, 0, NIGH_NOTFOUND, 0},
        {"here", "here/tiny", 1, NIGH_OK, PROFILE_BALANCED},
        {"here/tiny", "here/tiny", 1, NIGH_OK, PROFILE_BALANCED},
        {"openai", NULL, 2, NIGH_OK, PROFILE_BALANCED},
        {"openai/gpt-5", "openai/gpt-5", 1, NIGH_OK, PROFILE_BALANCED},
        {"gpt-5", "openai/gpt-5", 1, NIGH_OK, PROFILE_BALANCED},
        {"desk/qwen", "desk/qwen", 1, NIGH_OK, PROFILE_BALANCED},
        {"desk/qwen:latest", "desk/qwen", 1, NIGH_OK, PROFILE_BALANCED},
        {"auto/private:latest", "here/tiny", 4, NIGH_OK, PROFILE_PRIVATE},
        {"gpt-4o:latest", NULL, 4, NIGH_OK, PROFILE_BALANCED},
        {":latest", NULL, 0, NIGH_NOTFOUND, 0},
        {"gpt-5:newest", NULL, 0, NIGH_NOTFOUND, 0},
        {"gpt-5-mni", NULL, 0, NIGH_NOTFOUND, 0},
        {"opena", NULL, 0, NIGH_NOTFOUND, 0},
        {"skill", NULL, 0, NIGH_INVALID, PROFILE_BALANCED},
    };
    struct house h;
    struct turn turn;

    house_build(&h);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        ask_turn(&h, &turn, rows[i].model, "Compare the two epics of Homer and evaluate them.",
                 NULL);
        CHECK_EQ(decide(&h, &turn, 5), rows[i].status);
        CHECK_EQ(h.plan.n_usable, rows[i].usable);
        if (rows[i].status == NIGH_NOTFOUND)
            continue;
        CHECK_EQ(h.plan.n, 5);
        CHECK_EQ(h.plan.profile, rows[i].profile);
        if (rows[i].first)
            CHECK_STR(h.plan.candidates[0].place->name, rows[i].first);
    }
    ask_turn(&h, &turn, "gpt-5-mni", "x", NULL);
    CHECK_EQ(decide(&h, &turn, 5), NIGH_NOTFOUND);
    CHECK_STR(h.err.what, "no place is named so; there are: auto, openai/gpt-5-mini");
    house_done(&h);
}

TEST(nothing_passes_a_label)
{
    static const struct {
        const char *label;
        unsigned zones; /* the highest zone a usable place may have: by rank device, home, public */
        size_t usable;
    } rows[] = {{"device", 0, 1}, {"home", 1, 2}, {"public", 2, 4}};
    static const char *const models[] = {"auto", "auto/best", "auto/fast", "auto/frugal"};
    struct house h;
    struct turn turn;

    house_build(&h);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        for (size_t j = 0; j < ARRAY_LEN(models); j++) {
            ask_turn(&h, &turn, models[j], "Prove Fermat's little theorem.", rows[i].label);
            CHECK_EQ(decide(&h, &turn, 5), NIGH_OK);
            CHECK_EQ(h.plan.n_usable, rows[i].usable);
            for (size_t k = 0; k < h.plan.n; k++) {
                const struct candidate *c = &h.plan.candidates[k];
                CHECK_EQ(c->drop == DROP_LABEL, !label_permits(turn.label, c->place->dest.zone));
            }
        }
    ask_turn(&h, &turn, "auto", "Prove Fermat's little theorem.", "device");
    CHECK_EQ(decide(&h, &turn, 3), NIGH_OK);
    CHECK_STR(h.plan.reason, "label device: only here/tiny");
    CHECK_STR(h.plan.candidates[2].why, "label device does not permit public");
    house_done(&h);
}

TEST(naming_a_place_lifts_nothing)
{
    struct house h;
    struct turn turn;

    house_build(&h);
    ask_turn(&h, &turn, "openai/gpt-5-mini", "Hi", "home");
    CHECK_EQ(decide(&h, &turn, 5), NIGH_DENIED);
    CHECK_STR(h.err.what, "label home: openai/gpt-5-mini not permitted");
    strcpy(turn.label_source, "found secret");
    CHECK_EQ(decide(&h, &turn, 5), NIGH_DENIED);
    CHECK_STR(h.err.what, "label home (found secret): openai/gpt-5-mini not permitted");
    CHECK_EQ(h.plan.n, 5); /* the bill can tell why */
    CHECK_EQ(h.plan.n_usable, 0);
    house_done(&h);
}

TEST(refusals_name_the_label_and_say_why)
{
    struct house h;
    struct turn turn;

    house_build(&h);
    here_ready = READY_NOT;
    ask_turn(&h, &turn, "auto", "Hi", "device");
    CHECK_EQ(decide(&h, &turn, 3), NIGH_OFFLINE);
    CHECK_STR(h.err.what,
              "label device: here/tiny not ready (the model process died, retry in 1 s); "
              "openai/gpt-5-mini not permitted");
    CHECK_EQ(h.plan.retry_after_ms, 1000);
    ask_turn(&h, &turn, "auto", "Hi", NULL);
    cloud_ready = READY_NOT;
    CHECK_EQ(decide(&h, &turn, 3), NIGH_OFFLINE);
    CHECK_STR(h.err.what,
              "label public: here/tiny not ready (the model process died, retry in 1 s); "
              "openai/gpt-5-mini not ready (breaker open for 12 s)");
    cloud_ready = READY_LIMITED; /* a rate is the reason only when it is the only one */
    CHECK_EQ(decide(&h, &turn, 3), NIGH_OFFLINE);
    ask_turn(&h, &turn, "openai/gpt-5-mini", "Hi", NULL);
    CHECK_EQ(decide(&h, &turn, 3), NIGH_BUSY);
    CHECK_EQ(h.plan.retry_after_ms, 12000);
    cloud_ready = READY_NOT;
    ask_turn(&h, &turn, "auto", "Hi", NULL);
    here_ready = READY_COLD;
    CHECK_EQ(decide(&h, &turn, 3), NIGH_OK);
    CHECK_STR(h.plan.reason, "only here/tiny: openai/gpt-5-mini not ready (breaker open for 12 s)");
    CHECK_EQ(decide(&h, &turn, 0), NIGH_OFFLINE);
    CHECK_STR(h.err.what, "label public: no place is configured");
    house_done(&h);
}

TEST(a_hedge_is_told_with_the_plan)
{
    struct house h;
    struct turn turn;
    struct buf json = {0};

    house_build(&h);
    ask_turn(&h, &turn, "auto", "Hi", NULL);
    CHECK_EQ(decide(&h, &turn, 3), NIGH_OK);
    plan_json(&h.plan, &json);
    CHECK(!strstr(json.data, "hedge"));
    h.here.hedge_ms = 800;
    plan_hedged(&h.plan, 0, 1, false);
    CHECK(strstr(h.plan.reason, "best by"));
    CHECK(strstr(h.plan.reason, "; openai/gpt-5-mini was asked too"));
    plan_hedged(&h.plan, 0, 1, true);
    CHECK_STR(h.plan.reason, "here/tiny silent for 800 ms: openai/gpt-5-mini spoke first");
    h.plan.hedge = (struct plan_hedge){.place = &h.mini,
                                       .after_ms = 800,
                                       .cancelled = true,
                                       .bytes_out = 300,
                                       .tokens_in = 12,
                                       .cost_uusd = -1};
    buf_reset(&json);
    plan_json(&h.plan, &json);
    CHECK(strstr(json.data, "\"hedge\":{\"place\":\"openai/gpt-5-mini\",\"after_ms\":800,"
                            "\"ended\":\"cancelled\",\"bytes_out\":300,\"bytes_in\":0,"
                            "\"tokens_in\":12,\"cost_uusd\":null,\"basis\":\"modelled\"}"));
    buf_done(&json);
    house_done(&h);
}

TEST(capabilities_and_context_are_hard)
{
    struct house h;
    struct turn turn;
    char *huge;

    house_build(&h);
    ask_turn(&h, &turn, "here", "What is on this picture?", NULL);
    turn.messages[0].bare = false;
    turn.messages[0].parts[0].kind = PART_IMAGE;
    turn.messages[0].parts[0].url = SLICE("https://example.org/x.png");
    CHECK_EQ(decide(&h, &turn, 3), NIGH_INVALID);
    CHECK_STR(h.err.what, "label public: here/tiny no images");
    turn.model = SLICE("auto");
    CHECK_EQ(decide(&h, &turn, 3), NIGH_OK);
    CHECK_STR(h.plan.reason, "only openai/gpt-5-mini: here/tiny no images");

    turn.n_messages = 0;
    CHECK_EQ(decide(&h, &turn, 3), NIGH_OK);
    CHECK_STR(h.plan.candidates[0].place->name, "here/tiny");
    turn.model = SLICE("openai/gpt-5-mini");
    CHECK_EQ(decide(&h, &turn, 3), NIGH_INVALID);
    CHECK_STR(h.err.what, "label public: openai/gpt-5-mini wants at least one message");
    turn.native = SLICE("prompt"); /* its own place knows what to go on from */
    CHECK_EQ(decide(&h, &turn, 3), NIGH_OK);

    huge = arena_calloc(&h.arena, 1, 400001);
    memset(huge, 'a', 400000);
    ask_turn(&h, &turn, "here", huge, NULL);
    CHECK_EQ(decide(&h, &turn, 3), NIGH_TOOBIG);
    ask_turn(&h, &turn, "auto", huge, NULL);
    CHECK_EQ(decide(&h, &turn, 3), NIGH_OK);
    CHECK_STR(h.plan.candidates[0].place->name, "openai/gpt-5-mini");
    turn.max_tokens = 100000; /* what is asked for must fit as well */
    CHECK_EQ(decide(&h, &turn, 3), NIGH_TOOBIG);
    house_done(&h);
}

TEST(budgets_and_deadlines_are_hard)
{
    struct house h;
    struct turn turn;

    house_build(&h);
    ask_turn(&h, &turn, "openai/gpt-5", "Prove it.", NULL);
    turn.max_cost_usd = 0.001;
    CHECK_EQ(decide(&h, &turn, 5), NIGH_DENIED);
    CHECK(strstr(h.err.what, "at most 0.001000 allowed"));
    turn.max_cost_usd = 0.01;
    CHECK_EQ(decide(&h, &turn, 5), NIGH_OK);
    h.config.day_left_uusd = 0;
    CHECK_EQ(decide(&h, &turn, 5), NIGH_DENIED);
    CHECK(strstr(h.err.what, "left of the day's budget"));
    turn.model = SLICE("auto"); /* what is free may still answer */
    CHECK_EQ(decide(&h, &turn, 3), NIGH_OK);
    CHECK_STR(h.plan.candidates[0].place->name, "here/tiny");
    h.config.day_left_uusd = -1;
    h.big.price = PRICE_UNKNOWN;
    turn.model = SLICE("openai/gpt-5");
    CHECK_EQ(decide(&h, &turn, 5), NIGH_DENIED); /* a ceiling cannot be kept blindly */
    turn.max_cost_usd = NAN;
    CHECK_EQ(decide(&h, &turn, 5), NIGH_OK);
    turn.deadline_ms = 500;
    CHECK_EQ(decide(&h, &turn, 5), NIGH_TIMEOUT);
    turn.deadline_ms = 2000;
    CHECK_EQ(decide(&h, &turn, 5), NIGH_OK);
    h.config.elapsed_ms = 1500;
    CHECK_EQ(decide(&h, &turn, 5), NIGH_TIMEOUT);
    house_done(&h);
}

TEST(skills_are_for_plain_turns_only)
{
    struct house h;
    struct turn turn;

    house_build(&h);
    ask_turn(&h, &turn, "auto", "what is 2 + 2", "device");
    CHECK_EQ(decide(&h, &turn, 5), NIGH_OK);
    CHECK_STR(h.plan.reason, "routine question: skill arithmetic");
    CHECK(slice_is(h.plan.skill.answer, "2 + 2 = 4"));
    turn.format = FORMAT_JSON;
    CHECK_EQ(decide(&h, &turn, 5), NIGH_OK);
    CHECK_STR(h.plan.candidates[0].place->name, "here/tiny");
    turn.format = FORMAT_UNSET;
    turn.model = SLICE("here");
    CHECK_EQ(decide(&h, &turn, 5), NIGH_OK);
    CHECK_STR(h.plan.candidates[0].place->name, "here/tiny");
    turn.model = SLICE("auto");
    h.config.skills = NULL;
    CHECK_EQ(decide(&h, &turn, 5), NIGH_OK);
    CHECK_STR(h.plan.candidates[0].place->name, "here/tiny");
    house_done(&h);
}

TEST(profiles_weigh_differently)
{
    static const struct {
        const char *model, *text, *first;
    } rows[] = {
        {"auto/private", "Prove that there are infinitely many primes.", "here/tiny"},
        {"auto/frugal", "Hi, how are you?", "here/tiny"},
        {"auto/fast", "Hi, how are you?", "openai/gpt-5-mini"}, /* here nothing was measured yet */
        {"auto/best", "Prove that there are infinitely many primes.", "openai/gpt-5"},
        {"auto/best", "What is the capital of France?", "openai/gpt-5-mini"}, /* as good, cheaper */
        {"auto/balanced", "What is the capital of France?", "here/tiny"},
    };
    struct house h;
    struct turn turn;

    house_build(&h);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        ask_turn(&h, &turn, rows[i].model, rows[i].text, NULL);
        CHECK_EQ(decide(&h, &turn, 4), NIGH_OK);
        CHECK_STR(h.plan.candidates[0].place->name, rows[i].first);
    }
    h.here.stats = (struct place_stats){.runs = 3, .first_ms = 20, .ms_per_token = 2};
    ask_turn(&h, &turn, "auto", "Hi, how are you?", NULL);
    turn.want_profile = SLICE("fast");
    CHECK_EQ(decide(&h, &turn, 4), NIGH_OK);
    CHECK_STR(h.plan.candidates[0].place->name, "here/tiny"); /* measured, it is */
    turn.want_profile = SLICE("hasty");
    CHECK_EQ(decide(&h, &turn, 4), NIGH_INVALID);
    house_done(&h);
}

TEST(equal_places_keep_their_order_and_plans_repeat)
{
    struct house h;
    struct turn turn;
    struct buf a = {0}, b = {0};

    house_build(&h);
    h.big = h.mini;
    h.big.name = "other/gpt-5-mini";
    ask_turn(&h, &turn, "auto/best", "Hi", NULL);
    CHECK_EQ(decide(&h, &turn, 5), NIGH_OK);
    CHECK_STR(h.plan.candidates[0].place->name, "openai/gpt-5-mini");
    CHECK_STR(h.plan.candidates[1].place->name, "other/gpt-5-mini");
    plan_json(&h.plan, &a);
    CHECK_EQ(decide(&h, &turn, 5), NIGH_OK);
    plan_json(&h.plan, &b);
    CHECK_STR(a.data, b.data);
    plan_failed_over(&h.plan, 0, 1, "503");
    CHECK_STR(h.plan.reason, "openai/gpt-5-mini failed (503): other/gpt-5-mini");
    buf_done(&a);
    buf_done(&b);
    house_done(&h);
}

TEST(reasons_fit_a_header)
{
    struct house h;
    struct turn turn;

    house_build(&h);
    ask_turn(&h, &turn, "auto", "Prove that the square root of 2 is irrational, step by step.",
             NULL);
    CHECK_EQ(decide(&h, &turn, 3), NIGH_OK);
    CHECK(strncmp(h.plan.reason, "hard (0.", 8) == 0);
    CHECK(strstr(h.plan.reason, "proof, reasoning): openai/gpt-5-mini best by 0."));
    h.mini.name = "openai/gpt\r\nX-Evil: \xc3\xa4";
    CHECK_EQ(decide(&h, &turn, 3), NIGH_OK);
    for (const char *c = h.plan.reason; *c; c++)
        CHECK(*c >= ' ' && *c <= '~');
    house_done(&h);
}

TEST(what_is_no_conversation_stays_with_one_model)
{
    struct house h;
    struct turn turn;

    house_build(&h);
    ask_turn(&h, &turn, "auto", "a text", NULL);
    turn.verb = VERB_EMBED;
    CHECK_EQ(decide(&h, &turn, 5), NIGH_UNSUPPORTED); /* chat models all */
    CHECK(strstr(h.err.what, "cannot embed") && strstr(h.err.what, "engine.embed"));

    h.here.verbs = h.big.verbs = h.mini.verbs = 1U << VERB_EMBED;
    CHECK_EQ(decide(&h, &turn, 5), NIGH_OK);
    CHECK_EQ(h.plan.n_usable, 1);
    CHECK(h.plan.candidates[0].place == &h.here);
    here_ready = READY_NOT; /* its vectors are no other model's, so nobody stands in */
    CHECK_EQ(decide(&h, &turn, 5), NIGH_OFFLINE);
    CHECK(strstr(h.err.what, "is another model"));
    h.big.model = h.here.model; /* unless it is the same one */
    CHECK_EQ(decide(&h, &turn, 5), NIGH_OK);
    CHECK(h.plan.candidates[0].place == &h.big);
    CHECK_EQ(label_parse(&turn.label, &h.zones, SLICE("device"), NULL), NIGH_OK);
    CHECK_EQ(decide(&h, &turn, 5), NIGH_OFFLINE);
    here_ready = READY_NOW;
    CHECK_EQ(decide(&h, &turn, 5), NIGH_OK);

    turn.verb = VERB_CHAT;
    turn.label = LABEL_ANYWHERE;
    CHECK_EQ(decide(&h, &turn, 5), NIGH_OK);
    for (size_t i = 0; i < h.plan.n_usable; i++)
        CHECK(h.plan.candidates[i].place != &h.here);
    house_done(&h);
}

TEST(inputs_need_not_fit_together)
{
    struct house h;
    struct turn turn;
    static char text[8 * 4000];
    struct part part = {.kind = PART_TEXT, .text = {text, sizeof text}};
    struct message message = {.role = ROLE_USER, .parts = &part, .n_parts = 1};
    struct message messages[4] = {message, message, message, message};

    memset(text, 'x', sizeof text);
    house_build(&h);
    h.here.verbs = 1U << VERB_EMBED | 1U << VERB_RERANK; /* its context: 8,192 */
    turn_init(&turn);
    turn.model = SLICE("here/tiny");
    turn.messages = messages;
    turn.n_messages = 4;
    turn.verb = VERB_EMBED;
    CHECK_EQ(decide(&h, &turn, 5), NIGH_OK); /* 8,000 tokens each */
    turn.verb = VERB_RERANK;
    CHECK_EQ(decide(&h, &turn, 5), NIGH_TOOBIG); /* query and document together */
    house_done(&h);
}

TEST(a_full_arena_is_an_error)
{
    struct house h;
    struct turn turn;
    struct arena tiny;

    house_build(&h);
    ask_turn(&h, &turn, "auto", "Hi", "device");
    for (size_t max = 0; max < 4096; max += 64) {
        enum nigh_status status;
        arena_init(&tiny, max);
        status = route_decide(&h.plan, &h.config, &turn, h.places, 5, &tiny, NULL);
        CHECK(status == NIGH_OK || status == NIGH_NOMEM);
        arena_done(&tiny);
    }
    house_done(&h);
}
