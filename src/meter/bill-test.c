#include "base/tap.h"
#include "meter/bill.h"

TEST(cost_is_exact_and_rounds_up)
{
    static const struct {
        struct price price;
        struct usage usage;
        int64_t uusd;
    } rows[] = {
        {{250000, 25000, -1, 2000000, "", ""}, {.input = 1000, .output = 500}, 1250},
        {{250000, 25000, -1, 2000000, "", ""}, {.input = 1, .output = 0}, 1},
        {{250000, 25000, -1, 2000000, "", ""}, {.input = 0, .output = 0}, 0},
        {{250000, 25000, -1, 2000000, "", ""}, {.input = 1000, .cached_read = 800}, 70},
        {{250000, -1, -1, 2000000, "", ""}, {.input = 1000, .cached_read = 800}, 250},
        {{3000000, 300000, 3750000, 15000000, "", ""},
         {.input = 1000, .cached_read = 100, .cache_write = 400, .output = 10},
         3180},
        {{250000, 25000, -1, 2000000, "", ""}, {.input = 10, .cached_read = 4000}, 1},
        {{-1, -1, -1, -1, "", ""}, {.input = 1, .output = 1}, -1},
        {{1, 1, 1, -1, "", ""}, {.input = 1}, -1},
        {{0, 0, 0, 0, "", ""}, {.input = 1000, .output = 1000}, 0},
        {{INT64_MAX, -1, -1, INT64_MAX, "", ""},
         {.input = UINT64_MAX, .output = UINT64_MAX},
         INT64_MAX},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        CHECK_EQ(bill_cost(&rows[i].price, &rows[i].usage), rows[i].uusd);
}

TEST(an_empty_bill_claims_nothing)
{
    struct bill bill;
    struct buf out = {0};
    struct arena a;
    yyjson_val *v, *figures, *f;
    size_t i, n;
    yyjson_val *key;

    arena_init(&a, 1 << 20);
    bill_init(&bill);
    bill_json(&bill, &out);
    CHECK_EQ(json_parse(&v, (struct slice){out.data, out.len}, &a, NULL), NIGH_OK);
    figures = json_get(v, "figures");
    CHECK_EQ(yyjson_obj_size(figures), METER_COUNT);
    yyjson_obj_foreach(figures, i, n, key, f)
    {
        CHECK(yyjson_is_null(json_get(f, "value")));
        CHECK(json_get_str(f, "unit").len > 0);
        CHECK(json_get_str(f, "basis").len > 0);
    }
    buf_done(&out);
    arena_done(&a);
}

TEST(a_settled_bill_says_where_its_figures_come_from)
{
    struct place cloud = {.kind = PLACE_CLOUD,
                          .price = {250000, 25000, -1, 2000000, "2026-08-21", "data/prices.csv"}};
    struct place here = {.kind = PLACE_ENGINE, .watts = 10, .price = {0, 0, 0, 0, "", "free"}};
    struct usage told = {.input = 1000, .output = 500, .cached_read = 800, .known = true};
    struct usage untold = {0};
    struct bill bill;

    bill_init(&bill);
    bill.total_us = 2000000;
    bill.bytes_out = bill.bytes_in = 0;
    bill_settle(&bill, &cloud, &told, 4000, 2000);
    CHECK_EQ(bill.cost_uusd, 1070);
    CHECK_EQ(bill.basis[METER_tokens_in], BASIS_QUOTED);
    CHECK_EQ(bill.basis[METER_cost_uusd], BASIS_QUOTED);
    CHECK_STR(bill.price_date, "2026-08-21");
    CHECK_EQ(bill.energy_uj, 422400000); /* 0.8 J x (500 + 0.1 x (200 + 0.1 x 800)) */

    bill_init(&bill);
    bill_settle(&bill, &cloud, &untold, 4001, 2000);
    CHECK_EQ(bill.tokens_in, 1001);
    CHECK_EQ(bill.tokens_out, 500);
    CHECK_EQ(bill.tokens_cached, -1);
    CHECK(!bill.tokens_known);
    CHECK_EQ(bill.basis[METER_tokens_in], BASIS_MODELLED);
    CHECK_EQ(bill.basis[METER_cost_uusd], BASIS_MODELLED);

    bill_init(&bill);
    bill.total_us = 2000000;
    bill_settle(&bill, &here, &told, 4000, 2000);
    CHECK_EQ(bill.cost_uusd, 0);
    CHECK_EQ(bill.basis[METER_tokens_in], BASIS_MEASURED);
    CHECK_EQ(bill.energy_uj, 20000000);
    CHECK(!bill.price_date);
}

TEST(the_record_has_exactly_the_stores_members)
{
    static const char *const members[] = {"id",
                                          "started",
                                          "api",
                                          "place",
                                          "zone",
                                          "label",
                                          "label_source",
                                          "model_asked",
                                          "status",
                                          "http_status",
                                          "reason",
                                          "plan",
                                          "tokens_in",
                                          "tokens_out",
                                          "tokens_cached",
                                          "tokens_reasoning",
                                          "tokens_known",
                                          "first_us",
                                          "total_us",
                                          "bytes_out",
                                          "bytes_in",
                                          "cost_uusd",
                                          "price_date",
                                          "price_source",
                                          "energy_uj",
                                          "energy_low_uj",
                                          "energy_high_uj",
                                          "session",
                                          "key_name",
                                          "steps",
                                          "hops"};
    struct bill bill;
    struct buf out = {0};
    struct arena a;
    yyjson_val *v;

    arena_init(&a, 1 << 20);
    bill_init(&bill);
    strcpy(bill.id, "01JDZ0000000000000000000AB");
    bill.plan = SLICE("{\"a\":[1]}");
    bill.model_asked = SLICE("auto \"x\"\n");
    bill.step_us[STEP_PLAN] = 17;
    bill_record(&bill, &out);
    CHECK_EQ(json_parse(&v, (struct slice){out.data, out.len}, &a, NULL), NIGH_OK);
    for (size_t i = 0; i < ARRAY_LEN(members); i++)
        CHECK(json_get(v, members[i]));
    CHECK_EQ(yyjson_obj_size(v), ARRAY_LEN(members));
    CHECK(yyjson_is_obj(json_get(v, "plan")));
    CHECK(slice_is(json_get_str(v, "model_asked"), "auto \"x\"\n"));
    CHECK(yyjson_is_null(json_get(v, "cost_uusd")));
    CHECK_EQ(json_get_int(json_get(v, "steps"), "plan", -1), 17);
    CHECK(!memchr(out.data, '\n', out.len)); /* a line of the spool */
    buf_done(&out);
    arena_done(&a);
}
