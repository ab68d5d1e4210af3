#include "base/tap.h"
#include "label/label.h"

/* device inside home and inside acme; room inside home */
static const char *const in_home[] = {"home"};
static const struct zone_spec specs[] = {
    {"home", NULL, 0}, {"acme", NULL, 0}, {"room", in_home, 1}};
static struct zones zones;

static struct label of(const char *name)
{
    static struct arena a;
    struct label l;

    if (!zones.n) {
        arena_init(&a, 64 << 10);
        CHECK_EQ(zones_build(&zones, specs, ARRAY_LEN(specs), &a, NULL), NIGH_OK);
    }
    if (strcmp(name, "*") == 0)
        return LABEL_ANYWHERE;
    CHECK_EQ(label_parse(&l, &zones, slice_of(name), NULL), NIGH_OK);
    return l;
}

TEST(label_join_never_widens)
{
    static const struct {
        const char *a, *b, *want;
    } rows[] = {
        {"*", "*", "public"},         {"*", "home", "home"},      {"public", "home", "home"},
        {"home", "device", "device"}, {"home", "acme", "device"}, {"home", "room", "room"},
        {"room", "acme", "device"},   {"room", "room", "room"},   {"*", "device", "device"},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct label a = of(rows[i].a), b = of(rows[i].b), j = label_join(a, b);

        CHECK(j.zones == of(rows[i].want).zones);
        CHECK(label_join(b, a).zones == j.zones); /* order must not matter */
        CHECK(label_join(j, a).zones == j.zones); /* nor how often */
        CHECK(label_within(j, a) && label_within(j, b));
        for (unsigned z = 0; z < ZONE_MAX; z++)
            if (label_permits(j, z))
                CHECK(label_permits(a, z) && label_permits(b, z));
    }
}

TEST(label_join_is_associative)
{
    static const char *const names[] = {"*", "public", "home", "acme", "room", "device"};

    for (size_t i = 0; i < 6; i++)
        for (size_t j = 0; j < 6; j++)
            for (size_t k = 0; k < 6; k++) {
                struct label a = of(names[i]), b = of(names[j]), c = of(names[k]);

                CHECK(label_join(label_join(a, b), c).zones ==
                      label_join(a, label_join(b, c)).zones);
            }
}

TEST(label_keeps_the_device_and_knows_no_zone_past_the_table)
{
    struct label none = {0};

    CHECK(label_permits(none, ZONE_DEVICE));
    CHECK(label_permits(label_join(none, none), ZONE_DEVICE));
    CHECK(!label_permits(none, ZONE_PUBLIC));
    CHECK(!label_permits(LABEL_ANYWHERE, ZONE_MAX));
    CHECK(label_within(none, of("device")) && label_within(of("device"), none));
    CHECK(!label_within(of("home"), of("acme")));
}

TEST(label_text_names_the_widest_zones)
{
    static const struct {
        uint64_t zones;
        const char *want;
    } rows[] = {
        {UINT64_MAX, "public"},
        {0, "device"},
        {1, "device"},
        {1 | 4 | 16, "home"},
        {1 | 4 | 8 | 16, "home+acme"},
        {1 | 8 | 16, "acme+room"},
    };
    char text[LABEL_TEXT_BYTES];

    of("device");
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        label_text(text, &zones, (struct label){rows[i].zones});
        CHECK_STR(text, rows[i].want);
    }
}

TEST(label_text_stays_in_its_room)
{
    struct zone_spec many[ZONE_MAX - 2];
    char names[ZONE_MAX][33], text[LABEL_TEXT_BYTES];
    struct zones wide;
    struct arena a;

    arena_init(&a, 64 << 10);
    for (size_t i = 0; i < ARRAY_LEN(many); i++) {
        snprintf(names[i], sizeof names[i], "a-zone-with-a-rather-long-na-%03zu", i);
        many[i] = (struct zone_spec){names[i], NULL, 0};
    }
    CHECK_EQ(zones_build(&wide, many, ARRAY_LEN(many), &a, NULL), NIGH_OK);
    label_text(text, &wide, (struct label){UINT64_MAX & ~UINT64_C(2)});
    CHECK(strlen(text) < LABEL_TEXT_BYTES);
    CHECK_STR(text + strlen(text) - 4, "+...");
    arena_done(&a);
}

TEST(label_parse_does_not_repeat_what_it_was_given)
{
    struct label l = {42};
    struct nigh_err err = {0};

    of("device");
    CHECK_EQ(label_parse(&l, &zones, SLICE("my bank pin"), &err), NIGH_INVALID);
    CHECK(l.zones == 42);
    CHECK(!strstr(err.what, "bank"));
}
