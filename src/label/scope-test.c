#include "base/tap.h"
#include "label/scope.h"

static struct arena arena;
static struct nigh_err err;

static enum nigh_status read_json(struct scope *ret, const char *text)
{
    yyjson_val *root = NULL;

    arena_reset(&arena);
    if (!arena.max_bytes)
        arena_init(&arena, 1 << 20);
    err = (struct nigh_err){0};
    CHECK_EQ(json_parse(&root, slice_of(text), &arena, &err), NIGH_OK);
    return scope_read(ret, root, &err);
}

TEST(what_is_not_limited_is_allowed)
{
    struct scope s;

    CHECK_EQ(read_json(&s, "{\"name\":\"x\",\"label\":null}"), NIGH_OK);
    CHECK(!scope_limited(&s));
    CHECK(scope_opens(&s, SPACE_NIGH) && scope_opens(&s, SPACE_OLLAMA));
    CHECK(scope_permits(&s, "anything/at-all"));
    CHECK(!scope_expired(&s, UINT64_MAX));
    CHECK_EQ(scope_ceiling(&s, &(struct zones){0}).zones, UINT64_MAX);
    CHECK_EQ(scope_read(&s, NULL, &err), NIGH_OK);
    CHECK(!scope_limited(&s));
}

TEST(mistakes_are_named_and_never_read_as_no_limit)
{
    static const struct {
        const char *json, *says;
    } rows[] = {
        {"[]", "object"},
        {"{\"lable\":\"home\"}", "members are"},
        {"{\"allow\":[]}", "allow"},
        {"{\"allow\":\"openai\"}", "allow"},
        {"{\"allow\":[\"admin\"]}", "allow"},
        {"{\"places\":[\"a,b\"]}", "places"},
        {"{\"places\":[\"\"]}", "places"},
        {"{\"places\":[7]}", "places"},
        {"{\"places\":{}}", "places"},
        {"{\"label\":\"Home\"}", "label"},
        {"{\"label\":\"\"}", "label"},
        {"{\"budget_usd_per_day\":-1}", "budget"},
        {"{\"budget_usd_per_day\":\"1\"}", "budget"},
        {"{\"budget_usd_per_day\":1e400}", "budget"},
        {"{\"per_minute\":0}", "per_minute"},
        {"{\"per_minute\":1.5}", "per_minute"},
        {"{\"expires_us\":0}", "expires"},
        {"{\"expires_us\":18446744073709551615}", "expires"},
        {"{\"label\":\"home\",\"label\":null}", "twice"},
    };
    struct scope s;

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CHECK_EQ(read_json(&s, rows[i].json), NIGH_INVALID);
        CHECK(strstr(err.what, rows[i].says));
    }
}

TEST(patterns_are_bounded)
{
    CLEANUP(buf_done) struct buf json = {0};
    struct scope s;

    buf_add_cstr(&json, "{\"places\":[\"a\"");
    for (int i = 0; i < 200; i++)
        buf_add_cstr(&json, ",\"b\"");
    buf_add_cstr(&json, "]}");
    CHECK_EQ(read_json(&s, json.data), NIGH_TOOBIG);
}

TEST(limited_keys_do_not_administer_unless_told)
{
    static const struct {
        const char *json;
        unsigned opens;
    } rows[] = {
        {"{\"allow\":[\"openai\"]}", SPACE_OPENAI},
        {"{\"allow\":[\"anthropic\",\"metrics\"]}", SPACE_ANTHROPIC | SPACE_METRICS},
        {"{\"allow\":[\"nigh\"]}", SPACE_NIGH},
        {"{\"label\":\"home\"}", SPACE_OPENAI | SPACE_ANTHROPIC | SPACE_OLLAMA | SPACE_METRICS},
        {"{\"per_minute\":1}", SPACE_OPENAI | SPACE_ANTHROPIC | SPACE_OLLAMA | SPACE_METRICS},
        {"{\"places\":[\"*\"]}", SPACE_OPENAI | SPACE_ANTHROPIC | SPACE_OLLAMA | SPACE_METRICS},
        {"{\"expires_us\":5}", SPACE_OPENAI | SPACE_ANTHROPIC | SPACE_OLLAMA | SPACE_METRICS},
        {"{\"budget_usd_per_day\":0}",
         SPACE_OPENAI | SPACE_ANTHROPIC | SPACE_OLLAMA | SPACE_METRICS},
    };
    struct scope s;

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CHECK_EQ(read_json(&s, rows[i].json), NIGH_OK);
        CHECK(scope_limited(&s));
        for (unsigned bit = 1; bit <= SPACE_METRICS; bit <<= 1)
            CHECK_EQ(scope_opens(&s, bit), (rows[i].opens & bit) != 0);
    }
    CHECK_EQ(read_json(&s, rows[0].json), NIGH_OK);
    CHECK(scope_opens(&s, SPACE_OPENAI | SPACE_ANTHROPIC)); /* a route of both */
}

TEST(places_are_matched_by_pattern)
{
    static const struct {
        const char *patterns, *place;
        bool ok;
    } rows[] = {
        {"[\"here*\"]", "here/qwen", true},
        {"[\"here*\"]", "there/qwen", false},
        {"[\"skill\",\"home*\"]", "home/big", true},
        {"[\"skill\",\"home*\"]", "skill", true},
        {"[\"skill\",\"home*\"]", "skills", false},
        {"[\"*mini\"]", "openai/gpt-5-mini", true},
        {"[\"*mini\"]", "openai/gpt-5-mini-2", false},
        {"[\"o*/*-5*\"]", "openai/gpt-5-mini", true},
        {"[\"*\"]", "x", true},
        {"[\"a*b*c\"]", "abcbc", true},
        {"[\"a*b*c\"]", "abcb", false},
        {"[\"*a*a*a*a*a*a*a*a*b\"]", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", false},
    };
    char json[128];
    struct scope s;

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        snprintf(json, sizeof json, "{\"places\":%s}", rows[i].patterns);
        CHECK_EQ(read_json(&s, json), NIGH_OK);
        CHECK_EQ(scope_permits(&s, rows[i].place), rows[i].ok);
    }
}

TEST(a_ceiling_that_is_no_more_is_the_device)
{
    struct zone_spec specs[] = {{.name = "home"}};
    struct zones zones;
    struct scope s;

    CHECK_EQ(read_json(&s, "{}"), NIGH_OK);
    CHECK_EQ(zones_build(&zones, specs, 1, &arena, &err), NIGH_OK);
    strcpy(s.label, "home");
    CHECK(label_permits(scope_ceiling(&s, &zones), 2));
    CHECK(!label_permits(scope_ceiling(&s, &zones), ZONE_PUBLIC));
    strcpy(s.label, "office");
    CHECK(!label_permits(scope_ceiling(&s, &zones), 2));
    CHECK(label_permits(scope_ceiling(&s, &zones), ZONE_DEVICE));
}

TEST(what_is_written_reads_back)
{
    CLEANUP(buf_done) struct buf text = {0}, told = {0};
    struct scope s, again;

    CHECK_EQ(read_json(&s, "{\"allow\":[\"nigh\",\"openai\"],\"places\":[\"a*\",\"b\"],"
                           "\"label\":\"home\",\"budget_usd_per_day\":0.25,\"per_minute\":7,"
                           "\"expires_us\":99}"),
             NIGH_OK);
    buf_add_char(&text, '{');
    scope_json(&s, &text);
    buf_add_char(&text, '}');
    CHECK_STR(text.data, "{\"allow\":[\"openai\",\"nigh\"],\"places\":[\"a*\",\"b\"],"
                         "\"label\":\"home\",\"budget_usd_per_day\":0.25,\"per_minute\":7,"
                         "\"expires_us\":99}");
    CHECK_EQ(read_json(&again, text.data), NIGH_OK);
    buf_reset(&told);
    scope_json(&again, &told);
    CHECK(memmem(text.data, text.len, told.data, told.len));
    CHECK(scope_expired(&s, 99) && !scope_expired(&s, 98));
}
