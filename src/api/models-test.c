#include "api/models.h"
#include "base/tap.h"

TEST(models_are_listed_and_found)
{
    static const struct place skill = {.name = "skill", .kind = PLACE_SKILL};
    static const struct place here = {.name = "here/m", .kind = PLACE_ENGINE};
    static const struct place cloud = {.name = "acme/big/x", .kind = PLACE_CLOUD};
    static const struct place *const places[] = {&skill, &here, &cloud};
    static const char *const profiles[] = {"fast"};
    static const struct models m = {places, 3, profiles, 1, 9};
    CLEANUP(buf_done) struct buf out = {0};

    models_list(&m, MODELS_OPENAI, &out);
    CHECK_STR(out.data,
              "{\"object\":\"list\",\"data\":["
              "{\"id\":\"auto\",\"object\":\"model\",\"created\":9,\"owned_by\":\"nigh\"},"
              "{\"id\":\"auto/fast\",\"object\":\"model\",\"created\":9,\"owned_by\":\"nigh\"},"
              "{\"id\":\"here/m\",\"object\":\"model\",\"created\":9,\"owned_by\":\"nigh\"},"
              "{\"id\":\"acme/big/x\",\"object\":\"model\",\"created\":9,\"owned_by\":\"acme\"}]}");
    buf_reset(&out);
    CHECK(models_one(&m, MODELS_OPENAI, SLICE("acme/big/x"), &out));
    CHECK_STR(out.data, "{\"id\":\"acme/big/x\",\"object\":\"model\",\"created\":9,"
                        "\"owned_by\":\"acme\"}");
    buf_reset(&out);
    CHECK(!models_one(&m, MODELS_OPENAI, SLICE("skill"), &out));
    CHECK(!models_one(&m, MODELS_OPENAI, SLICE("nope"), &out));
    CHECK(!models_one(&m, MODELS_OPENAI, SLICE(""), &out));
    CHECK(!models_one(&m, MODELS_OPENAI, (struct slice){0}, &out));
    CHECK_EQ(out.len, 0);
}

TEST(models_have_anthropics_shape_for_its_programs)
{
    static const struct place here = {
        .name = "here/m", .kind = PLACE_ENGINE, .context_tokens = 4096, .output_tokens_max = 512};
    static const struct place skill = {.name = "skill", .kind = PLACE_SKILL};
    static const struct place *const places[] = {&here, &skill};
    static const struct models m = {places, 2, NULL, 0, 86400};
    CLEANUP(buf_done) struct buf out = {0};

#define AS_MODEL(id, in, max)                                                                      \
    "{\"type\":\"model\",\"id\":\"" id "\",\"display_name\":\"" id                                 \
    "\",\"created_at\":\"1970-01-02T00:00:00Z\",\"lifecycle\":\"active\",\"max_input_tokens\":" in \
    ",\"max_tokens\":" max                                                                         \
    ",\"capabilities\":null,\"deprecated_at\":null,\"line\":null,\"retires_at\":null}"
    models_list(&m, MODELS_ANTHROPIC, &out);
    CHECK_STR(out.data,
              "{\"data\":[" AS_MODEL("auto", "null", "null") "," AS_MODEL(
                  "here/m", "4096", "512") "],\"has_more\":false,\"first_id\":\"auto\",\"last_id\":"
                                           "\"here/m\"}");
    buf_reset(&out);
    CHECK(models_one(&m, MODELS_ANTHROPIC, SLICE("here/m"), &out));
    CHECK_STR(out.data, AS_MODEL("here/m", "4096", "512"));
    buf_reset(&out);
    CHECK(!models_one(&m, MODELS_ANTHROPIC, SLICE("skill"), &out));
}
