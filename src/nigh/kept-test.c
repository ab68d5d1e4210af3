#include "nigh/kept.h"

#include "base/tap.h"

static struct arena mem;
static struct zones zones;

static void draw(void)
{
    static const char *const home[] = {"home"}, *const both[] = {"home", "car"};
    static const struct zone_spec specs[] = {
        {"home", NULL, 0}, {"car", NULL, 0}, {"attic", home, 1}, {"device", both, 2}};

    arena_done(&mem);
    arena_init(&mem, 1 << 20);
    CHECK_EQ(zones_build(&zones, specs, ARRAY_LEN(specs), &mem, NULL), NIGH_OK);
}

static bool permits(const char *text, const char *zone)
{
    return label_permits(kept_label(&zones, slice_of(text)),
                         (unsigned)zone_find(&zones, slice_of(zone)));
}

TEST(a_kept_label_permits_what_it_names_and_nothing_that_is_no_more)
{
    draw();
    CHECK(permits("public", "public") && permits("public", "home"));
    CHECK(permits("home", "home") && permits("home", "attic"));
    CHECK(!permits("home", "public") && !permits("home", "car"));
    CHECK(permits("home+car", "home") && permits("home+car", "car") &&
          !permits("home+car", "public"));
    CHECK(permits("gone", "device") && !permits("gone", "attic") && !permits("gone", "public"));
    CHECK(permits("gone+car", "car") && !permits("gone+car", "home"));
    CHECK(permits("", "device") && !permits("", "car"));
}

/* What label_text says of a label is read as no wider than the label. */
TEST(a_label_that_was_told_is_read_back)
{
    char text[LABEL_TEXT_BYTES];

    draw();
    for (unsigned i = 0; i < zones.n; i++)
        for (unsigned k = 0; k < zones.n; k++) {
            struct label both = label_join(zones.label[i], zones.label[k]);
            label_text(text, &zones, both);
            CHECK_EQ(kept_label(&zones, slice_of(text)).zones, both.zones);
        }
}
