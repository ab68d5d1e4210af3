#include "base/tap.h"
#include "meter/energy.h"

static struct place cloud_at(int64_t output_price, double quality)
{
    return (struct place){
        .kind = PLACE_CLOUD, .quality = quality, .price = {.output = output_price}};
}

TEST(classes_follow_price_then_quality)
{
    static const struct {
        int64_t output;
        double quality;
        enum energy_class size;
    } rows[] = {
        {300000, 0.9, ENERGY_SMALL},      {400000, 0.9, ENERGY_SMALL}, {2000000, 0.9, ENERGY_MID},
        {15000000, 0.1, ENERGY_FRONTIER}, {-1, 0.5, ENERGY_SMALL},     {-1, 0.7, ENERGY_MID},
        {-1, 0.9, ENERGY_FRONTIER},       {0, 0.9, ENERGY_FRONTIER},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct place p = cloud_at(rows[i].output, rows[i].quality);
        CHECK_EQ(energy_class_of(&p), rows[i].size);
    }
}

TEST(a_cloud_takes_joules_per_token_and_byte)
{
    struct place mid = cloud_at(2000000, 0.8);
    struct energy_load load = {.tokens_out = 100};
    struct joules j = energy_model(&mid, &load);

    CHECK_EQ(j.uj, 80000000); /* 0.8 J each */
    CHECK_EQ(j.low_uj, 40000000);
    CHECK_EQ(j.high_uj, 220000000);
    load.tokens_in = 1000; /* a tenth each: 80 J more */
    CHECK_EQ(energy_model(&mid, &load).uj, 160000000);
    load.tokens_cached = 1000; /* a hundredth each */
    CHECK_EQ(energy_model(&mid, &load).uj, 88000000);
    load = (struct energy_load){.bytes = 1000000}; /* 60 kWh per TB */
    CHECK_EQ(energy_model(&mid, &load).uj, 216000000);
    load =
        (struct energy_load){.tokens_in = 1, .tokens_cached = 100}; /* a place that counts oddly */
    CHECK(energy_model(&mid, &load).uj < 1000000);
}

TEST(here_takes_power_while_it_works)
{
    struct place here = {.kind = PLACE_ENGINE, .watts = 20};
    struct energy_load load = {.tokens_out = 10, .busy_us = 500000};
    struct joules j = energy_model(&here, &load);

    CHECK_EQ(j.uj, 10000000);
    CHECK_EQ(j.low_uj, 7000000);
    CHECK_EQ(j.high_uj, 13000000);
    here.watts = 0;
    CHECK_EQ(energy_model(&here, &load).uj, 15000000);
    load.busy_us = 0;
    CHECK_EQ(energy_model(&here, &load).uj, 10000000);
}

TEST(bands_hold_their_middle)
{
    static const enum place_kind kinds[] = {PLACE_SKILL, PLACE_ENGINE, PLACE_PEER, PLACE_CLOUD};

    for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
        for (uint64_t n = 1; n < 1000000; n = n * 7 + 3) {
            struct place p = {.kind = kinds[i], .quality = 0.7};
            struct energy_load load = {
                .tokens_in = n, .tokens_out = n / 3, .busy_us = n * 11, .bytes = n};
            struct joules j = energy_model(&p, &load);
            CHECK(j.low_uj <= j.uj && j.uj <= j.high_uj);
        }
}
