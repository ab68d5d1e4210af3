#include "base/tap.h"
#include "route/explain.h"

static const char record[] =
    "{\"id\":\"01JDZ0000000000000000000AB\",\"started\":1795368052000000,\"api\":\"openai-chat\","
    "\"place\":\"openai/"
    "gpt-5-mini\",\"zone\":\"public\",\"label\":\"public\",\"label_source\":\"default\","
    "\"model_asked\":\"auto\",\"status\":\"ok\",\"http_status\":200,\"reason\":\"hard (0.70: "
    "proof): "
    "openai/gpt-5-mini best by "
    "0.14\",\"plan\":%s,\"tokens_in\":12,\"tokens_out\":300,\"tokens_cached\":0,"
    "\"tokens_known\":1,\"first_us\":812000,\"total_us\":3600000,\"bytes_out\":512,\"bytes_in\":"
    "4096,"
    "\"cost_uusd\":603,\"price_date\":\"2026-08-21\",\"price_source\":\"data/prices.csv\","
    "\"energy_uj\":240000000,\"energy_low_uj\":120000000,\"energy_high_uj\":660000000,"
    "\"steps\":{\"plan\":17},\"hops\":1}";
static const char plan[] =
    "{\"profile\":\"balanced\",\"difficulty\":0.7,\"because\":\"proof\",\"tokens_in\":12,"
    "\"tokens_out\":300,\"candidates\":[{\"place\":\"openai/"
    "gpt-5-mini\",\"utility\":0.5,\"estimate\":"
    "{\"quality\":0.69,\"first_ms\":800,\"total_ms\":3600,\"latency_basis\":\"modelled\",\"cost_"
    "uusd\":603,"
    "\"energy_uj\":240000000,\"bytes_out\":512}},{\"place\":\"here/x\",\"out\":\"label\",\"why\":"
    "\"not ready (starting)\"}]}";
static const char plan_hedged_text[] =
    "{\"profile\":\"fast\",\"hedge\":{\"place\":\"slow/a\",\"after_ms\":200,\"ended\":"
    "\"cancelled\",\"bytes_out\":287,\"bytes_in\":123,\"tokens_in\":8,\"cost_uusd\":8000}}";
static const char plan_quoted[] = "\"{\\\"profile\\\":\\\"fast\\\"}\"";

static void explain(struct buf *out, const char *plan_text)
{
    struct arena a;
    yyjson_val *v;
    char text[4096];

    snprintf(text, sizeof text, record, plan_text);
    arena_init(&a, 1 << 20);
    CHECK_EQ(json_parse(&v, slice_of(text), &a, NULL), NIGH_OK);
    explain_bill(v, out);
    arena_done(&a);
}

TEST(a_bill_is_told_whole)
{
    struct buf out = {0};

    explain(&out, plan);
    CHECK_STR(out.data, "turn 01JDZ0000000000000000000AB, 2026-11-22 17:20:52 UTC\n"
                        "asked for auto, label public (default)\n"
                        "place openai/gpt-5-mini, zone public\n"
                        "because hard (0.70: proof): openai/gpt-5-mini best by 0.14\n"
                        "ended ok, HTTP 200\n"
                        "plan: profile balanced, difficulty 0.70 (proof), about 12 tokens in and "
                        "300 out; best first:\n"
                        "  openai/gpt-5-mini: 0.500 = good answer 69 %, first word 800.0 ms, whole "
                        "3.60 s (modelled), "
                        "0.000603 USD, 240 J, 512 bytes out\n"
                        "  here/x: out, not ready (starting)\n"
                        "tokens 12 in, 0 of them cached, 300 out (told by the place)\n"
                        "time 812.0 ms to the first word, 3.60 s in all (measured)\n"
                        "bytes 512 out, 4096 in (measured)\n"
                        "money 0.000603 USD (quoted, data/prices.csv of 2026-08-21)\n"
                        "energy 240 J (modelled, 120 J to 660 J)\n"
                        "steps plan 17 us\n");
    buf_done(&out);
}

TEST(a_plan_may_be_a_string_or_missing)
{
    static const char *const plans[] = {plan_quoted, "null", "\"{broken\"", "[1,2]", "7"};

    for (size_t i = 0; i < sizeof plans / sizeof *plans; i++) {
        struct buf out = {0};
        explain(&out, plans[i]);
        CHECK(strstr(out.data, "energy 240 J"));
        CHECK_EQ(strstr(out.data, "profile fast") != NULL, i == 0);
        buf_done(&out);
    }
}

TEST(an_empty_record_claims_nothing)
{
    struct buf out = {0};
    struct arena a;
    yyjson_val *v;

    arena_init(&a, 1 << 16);
    CHECK_EQ(json_parse(&v, SLICE("{}"), &a, NULL), NIGH_OK);
    explain_bill(v, &out);
    CHECK(strstr(out.data, "money not known"));
    CHECK(strstr(out.data, "energy not known"));
    buf_done(&out);
    arena_done(&a);
}

TEST(a_hedge_is_told_with_what_it_cost)
{
    struct buf out = {0};

    explain(&out, plan_hedged_text);
    CHECK(strstr(out.data, "two were asked after 200.0 ms of silence; slow/a cancelled: 287 bytes "
                           "out, 123 in (measured), 8 tokens, 0.008000 USD (modelled)\n"));
    CHECK(strstr(out.data, "0.000603 USD (modelled, data/prices.csv of 2026-08-21)"));
    buf_done(&out);
}
