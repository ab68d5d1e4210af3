#include "base/tap.h"
#include "label/rule.h"

static const struct zone_spec specs[] = {{"home", NULL, 0}, {"acme", NULL, 0}};
static struct zones zones;
static struct nigh_err err;

enum { DEVICE = 1, HOME = 1 | 4, ACME = 1 | 8 };

static enum nigh_status make(struct rules **ret, const struct rule_spec *rules, size_t n)
{
    static struct arena a;

    if (!zones.n) {
        arena_init(&a, 64 << 10);
        CHECK_EQ(zones_build(&zones, specs, ARRAY_LEN(specs), &a, NULL), NIGH_OK);
    }
    err = (struct nigh_err){0};
    return rules_new(ret, rules, n, &zones, &err);
}

/* What matched, joined, and which rule narrowed it last. */
struct joined {
    struct label label;
    int by;
};
enum { NOTHING = -1, FAILED = -2 };

static void join(void *owner, size_t rule, struct label label)
{
    struct joined *j = owner;
    struct label both = label_join(j->label, label);

    if (both.zones != j->label.zones)
        j->by = (int)rule;
    j->label = both;
}

static int by_key(const struct rules *rules, struct slice key, struct label *label)
{
    struct joined j = {*label, NOTHING};

    rules_key(rules, key, join, &j);
    *label = j.label;
    return j.by;
}

static int by_text(struct rules *rules, struct slice key, struct slice text, struct label *label)
{
    struct joined j = {*label, NOTHING};

    if (!rules_text(rules, key, text, join, &j))
        return FAILED;
    *label = j.label;
    return j.by;
}

/* Has this process a library of that name mapped? */
static bool mapped(const char *name)
{
    FILE *f = fopen("/proc/self/maps", "re");
    char line[512];
    bool found = false;

    while (f && fgets(line, sizeof line, f))
        found = found || strstr(line, name);
    if (f)
        fclose(f);
    return found;
}

TEST(rules_by_key_join_and_load_no_hyperscan)
{
    static const struct rule_spec rows[] = {
        {"kids", NULL, "home", 3},
        {"kids", NULL, "acme", 4},
        {"work", NULL, "acme", 5},
        {NULL, NULL, "public", 6},
    };
    struct rules *rules;
    struct label l = LABEL_ANYWHERE;

    CHECK_EQ(make(&rules, rows, ARRAY_LEN(rows)), NIGH_OK);
    CHECK_EQ(by_key(rules, SLICE("work"), &l), 2);
    CHECK(l.zones == ACME);
    l = LABEL_ANYWHERE;
    CHECK_EQ(by_key(rules, SLICE("kids"), &l), 1);
    CHECK(l.zones == DEVICE);
    l = LABEL_ANYWHERE;
    CHECK_EQ(by_key(rules, (struct slice){0}, &l), -1);
    CHECK(l.zones == UINT64_MAX);
    CHECK_EQ(by_text(rules, (struct slice){0}, SLICE("my bank"), &l), -1);
    CHECK(!mapped("libhs"));
    rules_free(rules);
}

TEST(rules_by_text_match_anywhere)
{
    static const struct rule_spec rows[] = {
        {NULL, "(?i)my (bank|doctor)", "device", 1},
        {NULL, "Projekt Ö\\w+", "acme", 2},
        {"kids", "school", "home", 3},
        {NULL, "\\bPIN\\b", "home", 4},
        {NULL, "(?i)ärzt", "acme", 5},
    };
    static const struct {
        const char *key, *text;
        uint64_t want;
        int by;
    } texts[] = {
        {NULL, "what is the weather", UINT64_MAX, -1},
        {NULL, "", UINT64_MAX, -1},
        {NULL, "call MY Doctor now", DEVICE, 0},
        {NULL, "über Projekt Österreich reden", ACME, 1},
        {NULL, "projekt österreich", UINT64_MAX, -1}, /* with case, unless the pattern says not */
        {NULL, "school", UINT64_MAX, -1},
        {"kids", "the school", HOME, 2},
        {"work", "the school", UINT64_MAX, -1},
        {NULL, "a PIN, a SPIN", HOME, 3},
        {NULL, "SPINNING", UINT64_MAX, -1},
        {NULL, "Die ÄRZTE", ACME, 4},
        {NULL, "ÄRZTE and a PIN", DEVICE, 4}, /* home and acme have only the device in common */
        {NULL, "my bank, my PIN", DEVICE, 0}, /* the second found nothing left to narrow */
        {NULL, "first\nmy bank\n", DEVICE, 0},
    };
    struct rules *rules;

    CHECK_EQ(make(&rules, rows, ARRAY_LEN(rows)), NIGH_OK);
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct label l = LABEL_ANYWHERE;

        CHECK_EQ(by_text(rules, slice_of(texts[i].key), slice_of(texts[i].text), &l), texts[i].by);
        CHECK_EQ((intmax_t)l.zones, (intmax_t)texts[i].want);
    }
    rules_free(rules);
}

TEST(rules_in_any_order_narrow_the_same)
{
    static const struct rule_spec a = {NULL, "x", "home", 1}, b = {NULL, "y", "acme", 2},
                                  c = {NULL, "z", "public", 3};
    const struct rule_spec orders[][3] = {{a, b, c}, {b, a, c}, {c, b, a}, {c, a, b}};

    for (size_t i = 0; i < ARRAY_LEN(orders); i++) {
        struct rules *rules;
        struct label l = LABEL_ANYWHERE;

        CHECK_EQ(make(&rules, orders[i], 3), NIGH_OK);
        by_text(rules, (struct slice){0}, SLICE("zyx"), &l);
        CHECK_EQ((intmax_t)l.zones, DEVICE);
        rules_free(rules);
    }
}

TEST(rules_that_do_not_compile_are_named_by_line)
{
    static const struct {
        struct rule_spec spec;
        const char *why;
    } rows[] = {
        {{NULL, "a(b", "home", 7},
         "line 7: rule: Missing close parenthesis for group started at index 1."},
        {{NULL, "(?<=a)b", "home", 8}, "line 8: rule: Zero-width assertions are not supported."},
        {{NULL, "", "home", 9}, "line 9: rule: the text pattern is empty"},
        {{NULL, "a*", "home", 10},
         "line 10: rule: Pattern matches empty buffer; use HS_FLAG_ALLOWEMPTY to enable support."},
        {{NULL, "\xff", "home", 11}, "line 11: rule: the pattern is not UTF-8"},
        {{NULL, "\\bÄrzte", "home", 12},
         "line 12: rule: \\b knows ASCII letters only; in this pattern write (^|\\P{L}) and "
         "(\\P{L}|$) instead"},
        {{"kids", NULL, "hoem", 13}, "line 13: rule: no zone is named 'hoem'"},
        {{"kids", NULL, NULL, 14}, "line 14: rule: no zone is named ''"},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct rule_spec pair[] = {{NULL, "fine", "home", 1}, rows[i].spec};
        struct rules *rules = NULL;

        CHECK_EQ(make(&rules, pair, 2), NIGH_INVALID);
        CHECK_STR(err.what, rows[i].why);
        CHECK(rules == NULL);
    }
}

TEST(rules_have_ceilings)
{
    static struct rule_spec many[RULES_MAX + 1];
    static char pattern[RULE_PATTERN_MAX + 2];
    struct rule_spec spec = {NULL, pattern, "home", 5};
    struct rules *rules;

    for (size_t i = 0; i < ARRAY_LEN(many); i++)
        many[i] = (struct rule_spec){"k", NULL, "home", (unsigned)i};
    CHECK_EQ(make(&rules, many, RULES_MAX + 1), NIGH_TOOBIG);
    CHECK_EQ(make(&rules, many, RULES_MAX), NIGH_OK);
    rules_free(rules);
    memset(pattern, 'a', RULE_PATTERN_MAX + 1);
    CHECK_EQ(make(&rules, &spec, 1), NIGH_TOOBIG);
    CHECK_STR(err.what, "line 5: rule: a pattern of more than 4096 bytes");
}

TEST(rules_that_cannot_scan_say_so)
{
    static const struct rule_spec row = {NULL, "never", "home", 1};
    struct slice huge = {"x", (size_t)UINT32_MAX + 1}; /* refused before a byte of it is read */
    struct rules *rules;
    struct label l = LABEL_ANYWHERE;

    CHECK_EQ(make(&rules, &row, 1), NIGH_OK);
    CHECK_EQ(by_text(rules, (struct slice){0}, huge, &l), FAILED);
    rules_free(rules);
}
