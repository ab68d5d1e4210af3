#include "skill/units.h"
#include "skill/phrase.h"
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <udunits2.h>

struct units {
    ut_system *system;
};

NIGH_MUST enum nigh_status units_new(struct units **ret, struct nigh_err *err)
{
    struct units *units = calloc(1, sizeof *units);

    if (!units)
        return nigh_fail(err, NIGH_NOMEM, "units: out of memory");
    ut_set_error_message_handler(ut_ignore); /* it would print to stderr */
    units->system = ut_read_xml(NULL);
    if (!units->system) {
        int status = (int)ut_get_status();
        units_free(units);
        return nigh_fail(err, NIGH_IO, "units: UDUNITS-2's database cannot be read (status %d)",
                         status);
    }
    *ret = units;
    return NIGH_OK;
}

struct units *units_free(struct units *units)
{
    if (units && units->system)
        ut_free_system(units->system);
    free(units);
    return NULL;
}

static const struct {
    const char *words; /* separated by commas */
    const char *name, *note;
} rows[] = {
    {"m,meter,meters,metre,metres", "m", NULL},
    {"km,kms,kilometer,kilometers,kilometre,kilometres", "km", NULL},
    {"cm,centimeter,centimeters,centimetre,centimetres", "cm", NULL},
    {"mm,millimeter,millimeters,millimetre,millimetres", "mm", NULL},
    {"mile,miles,mi", "international_mile", NULL},
    {"nautical mile,nautical miles", "nautical_mile", NULL},
    {"yard,yards,yd,yds", "international_yard", NULL},
    {"foot,feet,ft", "international_foot", NULL},
    {"inch,inches", "international_inch", NULL},
    {"light year,light years,light-year,light-years,lightyear,lightyears", "light_year", NULL},
    {"parsec,parsecs", "parsec", NULL},
    {"astronomical unit,astronomical units,au", "astronomical_unit", NULL},
    {"kg,kgs,kilo,kilos,kilogram,kilograms", "kg", NULL},
    {"g,gram,grams", "g", NULL},
    {"mg,milligram,milligrams", "mg", NULL},
    {"lb,lbs,pound,pounds", "avoirdupois_pound", NULL},
    {"oz,ounce,ounces", "avoirdupois_ounce", NULL},
    {"tonne,tonnes,metric ton,metric tons", "metric_ton", NULL},
    {"l,liter,liters,litre,litres", "liter", NULL},
    {"ml,milliliter,milliliters,millilitre,millilitres", "mL", NULL},
    {"gallon,gallons,us gallon,us gallons", "US_liquid_gallon", "US gallons"},
    {"imperial gallon,imperial gallons,uk gallon,uk gallons", "Canadian_liquid_gallon", NULL},
    {"quart,quarts", "US_liquid_quart", "US quarts"},
    {"pint,pints,us pint,us pints", "US_liquid_pint", "US pints"},
    {"cup,cups", "US_liquid_cup", "US cups"},
    {"fluid ounce,fluid ounces,fl oz", "US_fluid_ounce", "US fluid ounces"},
    {"tablespoon,tablespoons,tbsp", "tablespoon", "US tablespoons"},
    {"teaspoon,teaspoons,tsp", "teaspoon", "US teaspoons"},
    {"second,seconds,sec,secs", "s", NULL},
    {"millisecond,milliseconds,ms", "ms", NULL},
    {"minute,minutes,min,mins", "min", NULL},
    {"hour,hours,hr,hrs", "hour", NULL},
    {"day,days", "day", NULL},
    {"week,weeks", "week", NULL},
    {"km/h,kmh,kph,kilometers per hour,kilometres per hour", "km/hour", NULL},
    {"mph,miles per hour", "international_mile/hour", NULL},
    {"m/s,meters per second,metres per second", "m/s", NULL},
    {"knot,knots", "knot", NULL},
    {"acre,acres", "acre", NULL},
    {"hectare,hectares,ha", "hectare", NULL},
    {"square meter,square meters,square metre,square metres,m2,sqm", "m2", NULL},
    {"square foot,square feet,sq ft,ft2,sqft", "international_foot2", NULL},
    {"square kilometer,square kilometers,square kilometre,square kilometres,km2", "km2", NULL},
    {"square mile,square miles", "international_mile2", NULL},
    {"cubic meter,cubic meters,cubic metre,cubic metres,m3", "m3", NULL},
    {"cubic foot,cubic feet", "international_foot3", NULL},
    {"joule,joules", "joule", NULL},
    {"kilojoule,kilojoules,kj", "kJ", NULL},
    {"kwh,kilowatt hour,kilowatt hours,kilowatt-hours", "kW.hour", NULL},
    {"kcal,kilocalorie,kilocalories", "kcal", NULL},
    {"watt,watts", "watt", NULL},
    {"kw,kilowatt,kilowatts", "kW", NULL},
    {"horsepower,hp", "horsepower", NULL},
    {"bar,bars", "bar", NULL},
    {"psi", "psi", NULL},
    {"pascal,pascals", "Pa", NULL},
    {"kpa,kilopascal,kilopascals", "kPa", NULL},
    {"atm,atmosphere,atmospheres", "atm", NULL},
    {"newton,newtons", "newton", NULL},
    {"degree,degrees", "degree", NULL},
    {"radian,radians", "radian", NULL},
};
static const struct {
    const char *words, *name;
} temperatures[] = {
    {"celsius,centigrade,degrees celsius,degree celsius,degrees centigrade,degrees c,\xc2\xb0"
     "c,\xc2\xb0 c,deg c",
     "degC"},
    {"fahrenheit,degrees fahrenheit,degree fahrenheit,degrees f,\xc2\xb0"
     "f,\xc2\xb0 f,deg f",
     "degF"},
    {"kelvin,kelvins,degrees kelvin", "K"},
};

static bool listed(const char *words, struct slice word)
{
    struct slice rest = slice_of(words);

    while (rest.p)
        if (slice_eq(slice_cut(&rest, ','), word))
            return true;
    return false;
}

bool units_word(struct unit_word *ret, struct slice word)
{
    for (size_t i = 0; i < ARRAY_LEN(temperatures); i++)
        if (listed(temperatures[i].words, word)) {
            *ret = (struct unit_word){temperatures[i].name, true, NULL};
            return true;
        }
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (listed(rows[i].words, word)) {
            *ret = (struct unit_word){rows[i].name, false, rows[i].note};
            return true;
        }
    return false;
}

bool units_convert(struct units *units, const char *from, const char *to, double value,
                   double *ret_value)
{
    ut_unit *a = ut_parse(units->system, from, UT_ASCII);
    ut_unit *b = ut_parse(units->system, to, UT_ASCII);
    cv_converter *by = a && b && ut_are_convertible(a, b) ? ut_get_converter(a, b) : NULL;

    if (by)
        *ret_value = cv_convert_double(by, value);
    cv_free(by);
    ut_free(a);
    ut_free(b);
    return by && isfinite(*ret_value);
}

/* 12 [miles] [km], wherever in the phrase they stood. */
struct conversion {
    double value;
    char number[24];
    struct slice from, to;
};

static bool take_value(struct slice *s, struct conversion *c)
{
    struct slice start = *s;
    bool minus = s->len > 0 && *s->p == '-';
    struct decimal d;

    if (phrase_take(s, "a") || phrase_take(s, "an") || phrase_take(s, "one")) {
        c->value = 1;
        strcpy(c->number, "1");
        return true;
    }
    if (minus)
        *s = (struct slice){s->p + 1, s->len - 1};
    if (!phrase_take_decimal(s, &d) || (size_t)(s->p - start.p) >= sizeof c->number)
        return false;
    memcpy(c->number, start.p, (size_t)(s->p - start.p));
    c->number[s->p - start.p] = '\0';
    c->value = (double)d.scaled / pow(10, d.decimals) * (minus ? -1 : 1);
    *s = slice_trim(*s);
    return true;
}

/* Cuts at the first joining word that leaves a known unit on both sides. */
static bool split_units(struct slice s, struct conversion *c)
{
    static const char *const joins[] = {" in ", " to ", " into ", " as ", " = "};
    struct unit_word word;

    for (size_t i = 0; i < ARRAY_LEN(joins); i++) {
        const char *at = memmem(s.p, s.len, joins[i], strlen(joins[i]));
        if (!at)
            continue;
        c->from = slice_trim((struct slice){s.p, (size_t)(at - s.p)});
        c->to = (struct slice){at + strlen(joins[i]), 0};
        c->to.len = (size_t)(s.p + s.len - c->to.p);
        c->to = slice_trim(c->to);
        if (units_word(&word, c->from) && units_word(&word, c->to))
            return true;
    }
    return false;
}

/* "how many feet in 2 miles", "how many feet are there in a mile". */
static bool read_how_many(struct slice s, struct conversion *c)
{
    static const char *const joins[] = {" are there in ", " are in ", " is ", " are ", " in "};

    for (size_t i = 0; i < ARRAY_LEN(joins); i++) {
        const char *at = memmem(s.p, s.len, joins[i], strlen(joins[i]));
        struct slice rest;
        struct unit_word word;
        if (!at)
            continue;
        c->to = slice_trim((struct slice){s.p, (size_t)(at - s.p)});
        rest = (struct slice){at + strlen(joins[i]), 0};
        rest.len = (size_t)(s.p + s.len - rest.p);
        if (take_value(&rest, c) && units_word(&word, rest) && units_word(&word, c->to)) {
            c->from = rest;
            return true;
        }
    }
    return false;
}

static bool read_conversion(struct slice s, struct conversion *c)
{
    static const char *const asks[] = {"convert", "what is", "how much is", NULL};

    if (phrase_take(&s, "how many"))
        return read_how_many(s, c);
    phrase_take_any(&s, asks);
    return take_value(&s, c) && split_units(s, c);
}

/* "20 c in f": letters alone are temperatures when both are. */
static bool read_letters(struct slice s, struct conversion *c)
{
    static const char *const asks[] = {"convert", "what is", NULL};
    struct slice from;

    phrase_take_any(&s, asks);
    if (!take_value(&s, c))
        return false;
    from = slice_cut(&s, ' ');
    if (!s.p || !(phrase_take(&s, "in") || phrase_take(&s, "to") || phrase_take(&s, "into")))
        return false;
    if (slice_is(from, "c") && slice_is(s, "f")) {
        c->from = SLICE("degrees c");
        c->to = SLICE("degrees f");
        return true;
    }
    c->from = SLICE("degrees f");
    c->to = SLICE("degrees c");
    return slice_is(from, "f") && slice_is(s, "c");
}

/* Seven digits, and whether they are all there is (a part in 10^12 is the double's own noise). */
static void add_value(struct buf *b, double value, bool *ret_rounded)
{
    char text[32];

    snprintf(text, sizeof text, "%.7g", value);
    if (fabs(value) >= 1e7 && fabs(value) < 1e15 && fabs(value - round(value)) < 1e-9 * fabs(value))
        snprintf(text, sizeof text, "%.0f", value);
    *ret_rounded = fabs(strtod(text, NULL) - value) > 1e-12 * fabs(value) + 1e-12;
    buf_add_cstr(b, text);
}

static void add_word(struct buf *b, struct slice word, const struct unit_word *unit)
{
    if (unit->temperature)
        buf_add_cstr(b, strcmp(unit->name, "degC") == 0   ? "\xc2\xb0"
                                                            "C"
                        : strcmp(unit->name, "degF") == 0 ? "\xc2\xb0"
                                                            "F"
                                                          : "K");
    else if (unit->note)
        buf_add_cstr(b, unit->note);
    else
        buf_add_str(b, word);
}

static bool units_try(struct slice question, struct skill_ctx *ctx, struct buf *answer)
{
    struct phrase phrase;
    struct conversion c = {.value = 0};
    struct unit_word from, to;
    struct slice s;
    double value;
    bool rounded;

    if (!ctx->units || !phrase_read(&phrase, question))
        return false;
    s = (struct slice){phrase.text, phrase.len};
    if (!read_conversion(s, &c) && !read_letters(s, &c))
        return false;
    if (!units_word(&from, c.from) || !units_word(&to, c.to) ||
        !units_convert(ctx->units, from.name, to.name, c.value, &value))
        return false;
    if (from.temperature != to.temperature)
        return false;
    buf_printf(answer, "%s ", c.number);
    add_word(answer, c.from, &from);
    buf_add_cstr(answer, " = ");
    add_value(answer, value, &rounded);
    buf_add_char(answer, ' ');
    add_word(answer, c.to, &to);
    if (rounded)
        buf_add_cstr(answer, " (rounded)");
    return true;
}

const struct skill skill_units = {"units", units_try};
