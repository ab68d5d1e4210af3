#include "base/tap.h"
#include "skill/zone-time.h"
#include <time.h>

TEST(civil_days_go_there_and_back)
{
    static const struct {
        int64_t year;
        int month, day;
        int64_t days;
        int weekday;
    } rows[] = {
        {1970, 1, 1, 0, 4},       {1969, 12, 31, -1, 3}, {2000, 2, 29, 11016, 2},
        {1900, 3, 1, -25508, 4},  {1, 1, 1, -719162, 1}, {2026, 11, 22, 20779, 0},
        {2400, 2, 29, 157113, 2},
    };
    int64_t year, last = days_from_civil(1, 1, 1) - 1;
    int month, day;

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        CHECK_EQ(days_from_civil(rows[i].year, rows[i].month, rows[i].day), rows[i].days);
        CHECK_EQ(weekday_of(rows[i].days), rows[i].weekday);
    }
    for (int64_t y = 1; y < 2500; y++)
        for (int m = 1; m <= 12; m++) {
            int64_t first = days_from_civil(y, m, 1);
            CHECK_EQ(first, last + 1); /* no day is missing, none twice */
            last = first + month_days(y, m) - 1;
            civil_from_days(last, &year, &month, &day);
            CHECK(year == y && month == m && day == month_days(y, m));
        }
}

TEST(wall_follows_the_rules_of_zones)
{
    static const struct {
        const char *zone;
        int64_t utc_s;
        int offset_s;
        const char *abbreviation;
    } rows[] = {
        {"Europe/Berlin", 1774745999, 3600, "CET"},  /* 2026-03-29 00:59:59 UTC */
        {"Europe/Berlin", 1774746000, 7200, "CEST"}, /* 01:00:00 */
        {"Europe/Berlin", 1792889999, 7200, "CEST"}, /* 2026-10-25 00:59:59 */
        {"Europe/Berlin", 1792890000, 3600, "CET"},
        {"Europe/Berlin", 4105116000, 3600, "CET"}, /* 2100, past every listed transition */
        {"Europe/Berlin", 4119750000, 7200, "CEST"},
        {"America/New_York", 4119750000, -14400, "EDT"},
        {"Australia/Sydney", 4105116000, 39600, "AEDT"}, /* summer over New Year */
        {"Australia/Sydney", 4119750000, 36000, "AEST"},
        {"Asia/Kolkata", 1795368052, 19800, "IST"},
        {"Asia/Kathmandu", 1795368052, 20700, "+0545"},
        {"Etc/UTC", 1795368052, 0, "UTC"},
        {"America/New_York", -2717650801, -17762, "LMT"}, /* 1883, before standard time */
    };
    struct wall w;

    if (!wall_at(&w, "Europe/Berlin", 0))
        SKIP("no tzdata here");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        CHECK(wall_at(&w, rows[i].zone, rows[i].utc_s));
        CHECK_STR(w.abbreviation, rows[i].abbreviation);
        CHECK_EQ(w.offset_s, rows[i].offset_s);
        CHECK_EQ(w.days * 86400 + w.seconds - w.offset_s, rows[i].utc_s);
    }
}

TEST(wall_agrees_with_the_c_library)
{
    static const char *const zones[] = {"Europe/Dublin",   "America/Santiago",  "Asia/Tehran",
                                        "Pacific/Chatham", "Africa/Casablanca", "Asia/Gaza"};
    struct wall w;

    if (!wall_at(&w, "Europe/Berlin", 0))
        SKIP("no tzdata here");
    for (size_t i = 0; i < sizeof zones / sizeof *zones; i++) {
        setenv("TZ", zones[i], 1);
        tzset();
        for (int64_t t = -1000000000; t < 6000000000; t += 9871239) {
            time_t when = (time_t)t;
            struct tm tm;
            CHECK(localtime_r(&when, &tm));
            CHECK(wall_at(&w, NULL, t)); /* by TZ */
            CHECK_EQ(w.offset_s, tm.tm_gmtoff);
            CHECK_STR(w.abbreviation, tm.tm_zone);
        }
    }
    unsetenv("TZ");
}

TEST(wall_knows_places_as_people_say_them)
{
    static const struct {
        const char *place, *zone; /* NULL: not known */
    } rows[] = {
        {"tokyo", "Asia/Tokyo"},
        {"new york", "America/New_York"},
        {"europe/berlin", "Europe/Berlin"},
        {"buenos aires", "America/Buenos_Aires"},
        {"mumbai", "Asia/Kolkata"},
        {"uk", "Europe/London"},
        {"mars", NULL},
        {"indiana", NULL}, /* a folder */
        {"../../etc/passwd", NULL},
        {"", NULL},
        {"/etc/passwd", NULL},
        {"springfield", NULL},
    };
    char name[ZONE_NAME_BYTES];
    struct wall w;

    if (!wall_at(&w, "Europe/Berlin", 0))
        SKIP("no tzdata here");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        bool found = wall_zone_of(name, (struct slice){rows[i].place, strlen(rows[i].place)});
        CHECK_EQ(found, rows[i].zone != NULL);
        if (found)
            CHECK_STR(name, rows[i].zone);
    }
    CHECK(!wall_at(&w, "../../../etc/passwd", 0));
    CHECK(!wall_at(&w, "No/Such_Zone", 0));
}
