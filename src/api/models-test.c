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

    models_list(&m, &out);
    CHECK_STR(out.data,
              "{\"object\":\"list\",\"data\":["
              "{\"id\":\"auto\",\"object\":\"model\",\"created\":9,\"owned_by\":\"nigh\"},"
              "{\"id\":\"auto/fast\",\"object\":\"model\",\"created\":9,\"owned_by\":\"nigh\"},"
              "{\"id\":\"here/m\",\"object\":\"model\",\"created\":9,\"owned_by\":\"nigh\"},"
              "{\"id\":\"acme/big/x\",\"object\":\"model\",\"created\":9,\"owned_by\":\"acme\"}]}");
    buf_reset(&out);
    CHECK(models_one(&m, SLICE("acme/big/x"), &out));
    CHECK_STR(out.data, "{\"id\":\"acme/big/x\",\"object\":\"model\",\"created\":9,"
                        "\"owned_by\":\"acme\"}");
    buf_reset(&out);
    CHECK(!models_one(&m, SLICE("skill"), &out));
    CHECK(!models_one(&m, SLICE("nope"), &out));
    CHECK(!models_one(&m, SLICE(""), &out));
    CHECK(!models_one(&m, (struct slice){0}, &out));
    CHECK_EQ(out.len, 0);
}
