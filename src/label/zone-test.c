#include "base/tap.h"
#include "label/zone.h"

#define IN(...) (const char *const[]){__VA_ARGS__}, sizeof(IN_(__VA_ARGS__)) / sizeof(char *)
#define IN_(...)                                                                                   \
    (const char *const[])                                                                          \
    {                                                                                              \
        __VA_ARGS__                                                                                \
    }

static struct zones zones;
static struct nigh_err err;

static enum nigh_status build(const struct zone_spec *specs, size_t n)
{
    static struct arena a;

    arena_done(&a);
    arena_init(&a, 64 << 10);
    err = (struct nigh_err){0};
    return zones_build(&zones, specs, n, &a, &err);
}

static struct label of(const char *name)
{
    int at = zone_find(&zones, slice_of(name));

    CHECK(at >= 0);
    return zones.label[at];
}

static bool reaches(const char *label, const char *zone)
{
    return of(label).zones >> zone_find(&zones, slice_of(zone)) & 1;
}

TEST(zones_without_a_config_are_device_and_public)
{
    CHECK_EQ(build(NULL, 0), NIGH_OK);
    CHECK_EQ(zones.n, 2);
    CHECK_EQ(zone_find(&zones, SLICE("device")), ZONE_DEVICE);
    CHECK_EQ(zone_find(&zones, SLICE("public")), ZONE_PUBLIC);
    CHECK_EQ(zone_find(&zones, SLICE("home")), -1);
    CHECK_EQ(zone_find(&zones, (struct slice){0}), -1);
    CHECK(of("device").zones == 1);
    CHECK(of("public").zones == UINT64_MAX);
}

TEST(zones_contain_what_is_inside_them_however_deep)
{
    const struct zone_spec specs[] = {
        {"room", IN("home", "lab")}, /* named before what it is inside of */
        {"home", IN("public")},      {"lab", IN("acme")}, {"acme", NULL, 0}, {"device", IN("room")},
    };

    CHECK_EQ(build(specs, ARRAY_LEN(specs)), NIGH_OK);
    CHECK_EQ(zones.n, 6);
    CHECK(reaches("acme", "lab") && reaches("acme", "room") && reaches("acme", "device"));
    CHECK(!reaches("acme", "home") && !reaches("acme", "public"));
    CHECK(reaches("home", "room") && !reaches("home", "lab"));
    CHECK(reaches("room", "device") && !reaches("room", "home") && !reaches("room", "lab"));
    CHECK(!reaches("device", "room"));
    CHECK(reaches("public", "acme"));
}

TEST(zones_refuse_what_makes_no_sense)
{
    const struct {
        struct zone_spec specs[3];
        size_t n;
        const char *why;
    } rows[] = {
        {{{"home", NULL, 0}, {"home", NULL, 0}}, 2, "zones: 'home' stands there twice"},
        {{{"device", NULL, 0}, {"device", NULL, 0}}, 2, "zones: 'device' stands there twice"},
        {{{"home", IN("hoem")}}, 1, "zones: 'home' is inside 'hoem', no such zone"},
        {{{"home", IN("home")}}, 1, "zones: 'home' is inside itself"},
        {{{"a", IN("b")}, {"b", IN("c")}, {"c", IN("a")}},
         3,
         "zones: 'c' is inside itself, by way of 'b'"},
        {{{"home", IN("device")}}, 1, "zones: 'home' is inside itself, by way of 'device'"},
        {{{"home", NULL, 0}, {"public", IN("home")}},
         2,
         "zones: 'public' is everything else and cannot be inside 'home'"},
        {{{"Home", NULL, 0}}, 1, "zones: 'Home' is no zone name (a-z, 0-9, _ and -, at most 32)"},
        {{{"", NULL, 0}}, 1, "zones: '' is no zone name (a-z, 0-9, _ and -, at most 32)"},
        {{{NULL, NULL, 0}}, 1, "zones: '' is no zone name (a-z, 0-9, _ and -, at most 32)"},
        {{{"a+b", NULL, 0}}, 1, "zones: 'a+b' is no zone name (a-z, 0-9, _ and -, at most 32)"},
        {{{"a234567890123456789012345678901234567890", NULL, 0}},
         1,
         "zones: 'a234567890123456789012345678901234567890' is no zone name (a-z, 0-9, _ and -, "
         "at most 32)"},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CHECK_EQ(build(rows[i].specs, rows[i].n), NIGH_INVALID);
        CHECK_STR(err.what, rows[i].why);
    }
}

TEST(zones_have_a_ceiling)
{
    struct zone_spec specs[ZONE_MAX - 1];
    char names[ZONE_MAX][8];

    for (size_t i = 0; i < ARRAY_LEN(specs); i++) {
        snprintf(names[i], sizeof names[i], "z%zu", i);
        specs[i] = (struct zone_spec){names[i], NULL, 0};
    }
    CHECK_EQ(build(specs, ZONE_MAX - 2), NIGH_OK); /* with the two that are always there */
    CHECK_EQ(zones.n, ZONE_MAX);
    CHECK_EQ(build(specs, ZONE_MAX - 1), NIGH_TOOBIG);
}

TEST(zones_survive_a_full_arena)
{
    struct arena tiny;
    struct zone_spec spec = {"home", NULL, 0};

    arena_init(&tiny, 1);
    CHECK_EQ(zones_build(&zones, &spec, 1, &tiny, NULL), NIGH_NOMEM);
    arena_done(&tiny);
}
