#include "base/tap.h"
#include "label/checksum.h"

/* Published examples, or numbers made by the published rule; `bad` differs from `good` in one
 * place. */
static const struct {
    const char *check, *good, *bad;
} vectors[] = {
    {"card", "4111 1111 1111 1111", "4111 1111 1111 1112"},
    {"card", "378282246310005", "378282246310006"},
    {"card", "6011111111111117", "9011111111111117"},
    {"card_reversed", "1111 1111 1111 1114", "1111 1111 1111 1115"},
    {"iban_leet", "DE893704OO44OS32Ol3OOO", "DE893704OO44OS32Ol3OOl"},
    {"card_leet", "4lll llll llll llll", "4lll llll llll lll2"},
    {"iban", "GB82 WEST 1234 5698 7654 32", "GB82 WEST 1234 5698 7654 33"},
    {"iban", "DE89370400440532013000", "DE8937040044053201300"},
    {"iban_reversed", "00031023504400407398ED", "00031023504400407399ED"},
    {"imei", "490154203237518", "490154203237519"},
    {"vin", "1M8GDM9AXKP042788", "1M8GDM9A1KP042788"},
    {"base58", "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa", "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNb"},
    {"bech32", "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4",
     "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t5"},
    {"ip6", "2001:db8::1", "2001:db8::1::2"},
    {"us_ssn", "123-45-6789", "666-45-6789"},
    {"us_itin", "912-70-1234", "912-45-1234"},
    {"us_npi", "1234567893", "1234567894"},
    {"us_dea", "AB1234563", "AB1234564"},
    {"us_aba", "021000021", "021000022"},
    {"gb_nhs", "943 476 5919", "943 476 5918"},
    {"gb_nino", "AB123456C", "BG123456C"},
    {"de_tax", "86095742719", "86095742718"},
    {"fr_nir", "2 69 05 49 588 157 80", "2 69 05 49 588 157 81"},
    {"es_dni", "12345678Z", "12345678A"},
    {"es_dni", "X1234567L", "X1234567M"},
    {"it_fiscal", "RSSMRA85T10A562S", "RSSMRA85T10A562T"},
    {"pt_nif", "123456789", "123456780"},
    {"nl_bsn", "111222333", "111222334"},
    {"be_national", "85.07.30-033.28", "85.07.30-033.29"},
    {"se_personal", "811228-9874", "811228-9875"},
    {"fi_hetu", "131052-308T", "131052-308U"},
    {"dk_cpr", "211062-5629", "321362-5629"},
    {"no_birth", "15108695088", "15108695089"},
    {"pl_pesel", "44051401359", "44051401358"},
    {"pl_nip", "123-456-32-18", "123-456-32-19"},
    {"cz_birth", "710319/2745", "710319/2746"},
    {"ro_cnp", "1800101221144", "1800101221145"},
    {"bg_egn", "7523169263", "7523169264"},
    {"gr_amka", "01013099997", "01013099998"},
    {"hr_oib", "94577403194", "94577403195"},
    {"si_emso", "0101006500006", "0101006500007"},
    {"baltic", "38001085718", "38001085719"},
    {"lv_personal", "161175-19997", "161175-19998"},
    {"at_svnr", "1237010180", "1238010180"},
    {"ch_ahv", "756.9217.0769.85", "756.9217.0769.84"},
    {"ie_pps", "1234567T", "1234567U"},
    {"tr_id", "10000000146", "10000000147"},
    {"br_cpf", "390.533.447-05", "390.533.447-06"},
    {"br_cnpj", "11.222.333/0001-81", "11.222.333/0001-82"},
    {"ar_cuit", "20-05536168-2", "20-05536168-3"},
    {"cl_rut", "12.531.909-2", "12.531.909-3"},
    {"mx_curp", "BOXW310820HNERXN09", "BOXW310820HNERXN08"},
    {"co_nit", "213.123.432-1", "213.123.432-2"},
    {"pe_ruc", "20512333797", "20512333798"},
    {"ca_sin", "130 692 544", "130 692 545"},
    {"au_tfn", "123 456 782", "123 456 783"},
    {"au_abn", "83 914 571 673", "83 914 571 674"},
    {"nz_ird", "49091850", "49091851"},
    {"in_aadhaar", "2341 2341 2346", "2341 2341 2347"},
    {"cn_id", "11010519491231002X", "110105194912310021"},
    {"kr_rrn", "970101-1000012", "970101-1000011"},
    {"jp_my_number", "123456789018", "123456789017"},
    {"tw_id", "A123456789", "A123456788"},
    {"hk_id", "A123456(3)", "A123456(4)"},
    {"sg_nric", "S1234567D", "S1234567E"},
    {"za_id", "8001015009087", "8001015009088"},
    {"il_id", "000000018", "000000019"},
    {"ru_inn", "7830002293", "7830002294"},
    {"ru_inn", "500100732259", "500100732258"},
    {"ru_snils", "112-233-445 95", "112-233-445 96"},
    {"is_kennitala", "120174-3399", "120174-3389"},
};

TEST(published_numbers_pass_and_their_neighbours_do_not)
{
    unsigned wrong = 0;

    for (size_t i = 0; i < ARRAY_LEN(vectors); i++) {
        const struct checksum *check = checksum_find(slice_of(vectors[i].check));
        CHECK(check);
        bool good = checksum_ok(check, slice_of(vectors[i].good));
        bool bad = checksum_ok(check, slice_of(vectors[i].bad));
        if (!good || bad) {
            printf("# %s: %s %s, %s %s\n", vectors[i].check, vectors[i].good,
                   good ? "passes" : "does not pass", vectors[i].bad, bad ? "passes" : "does not");
            wrong++;
        }
    }
    CHECK_EQ(wrong, 0);
}

TEST(what_is_too_long_or_empty_is_no_number)
{
    char many[400];

    memset(many, '1', sizeof many);
    for (size_t i = 0; i < ARRAY_LEN(vectors); i++) {
        const struct checksum *check = checksum_find(slice_of(vectors[i].check));
        CHECK(!checksum_ok(check, (struct slice){many, sizeof many}) || i > ARRAY_LEN(vectors));
        CHECK(!checksum_ok(check, SLICE("-")));
    }
    CHECK(!checksum_find(SLICE("no such")));
}
