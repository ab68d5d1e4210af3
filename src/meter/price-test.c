#include "base/tap.h"
#include "meter/price.h"

TEST(prices_are_found_by_name_and_alias)
{
    static const struct {
        const char *provider, *model;
        int64_t input, output; /* -1: unknown */
    } rows[] = {
        {"openai", "gpt-5-mini", 250000, 2000000},
        {"openai", "gpt-5-mini-2025-08-07", 250000, 2000000},
        {"openai", "openai/gpt-5-mini", 250000, 2000000},
        {NULL, "openai/gpt-5-mini", 250000, 2000000},
        {"mine", "gpt-5-mini", 250000, 2000000}, /* only one lists it */
        {"mine", "gpt-oss-20b", -1, -1},         /* many do, at many prices */
        {"openai", "gpt-4o-latest", 2500000, 10000000},
        {"anthropic", "claude-3-5-haiku-20241022", 800000, 4000000},
        {"anthropic", "claude-haiku-4-5-20251001", 1000000, 5000000},
        {"anthropic", "claude-opus-4-20250514", 15000000, 75000000},
        {"anthropic", "claude-2", 8000000, 24000000},
        {"openai", "no-such-model", -1, -1},
        {"openai", "claude-2", -1, -1}, /* openai sells none: another's price is no price of its */
        {"openai", "", -1, -1},
        {"openai", "-2025-08-07", -1, -1},
        {"", "", -1, -1},
    };
    struct price p;

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        bool found = price_find(&p, rows[i].provider, rows[i].model, NULL, 0);
        CHECK_EQ(found, rows[i].input >= 0);
        CHECK_EQ(p.input, rows[i].input);
        CHECK_EQ(p.output, rows[i].output);
        CHECK_EQ(price_known(&p), found);
        if (found)
            CHECK_STR(p.date, "2026-08-21");
    }
}

TEST(the_config_wins)
{
    const struct price_override list[] = {
        {"openai", "gpt-5-mini", {1, -1, -1, 2, "", NULL}},
        {NULL, "house-model", {0, 0, 0, 0, "", "config"}},
    };
    struct price p;

    CHECK(price_find(&p, "openai", "gpt-5-mini", list, 2));
    CHECK_EQ(p.input, 1);
    CHECK_EQ(p.cached_read, -1);
    CHECK_STR(p.source, "config");
    CHECK_STR(p.date, "");
    CHECK(price_find(&p, "other", "house-model", list, 2));
    CHECK_EQ(p.output, 0);
    price_find(&p, "elsewhere", "gpt-5-mini", list, 2); /* not that provider's contract */
    CHECK(p.input != 1);
}

TEST(the_table_is_whole)
{
    CHECK_EQ(price_rows(), 516);
}
