/* clock: the time, here and elsewhere; the date, before and after; days between. */
#include "skill/phrase.h"
#include "skill/zone-time.h"
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

static const char *const weekdays[] = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                       "Thursday", "Friday", "Saturday"};
static const char *const months[] = {"January",   "February", "March",    "April",
                                     "May",       "June",     "July",     "August",
                                     "September", "October",  "November", "December"};
enum { YEARS_MAX = 4000 }; /* dates of the years 1 to this; others are no routine question */

struct date {
    int64_t year;
    int month, day;
};

static void add_date(struct buf *b, int64_t days)
{
    int64_t year;
    int month, day;

    civil_from_days(days, &year, &month, &day);
    buf_printf(b, "%s, %d %s %lld", weekdays[weekday_of(days)], day, months[month - 1],
               (long long)year);
}

static void add_offset(struct buf *b, const struct wall *w)
{
    int minutes = w->offset_s / 60;
    bool named = isalpha((unsigned char)w->abbreviation[0]);

    buf_add_cstr(b, "(");
    if (named && strcmp(w->abbreviation, "UTC") != 0)
        buf_printf(b, "%s, ", w->abbreviation);
    buf_add_cstr(b, "UTC");
    if (minutes) {
        buf_printf(b, "%c%d", minutes < 0 ? '-' : '+', abs(minutes) / 60);
        if (minutes % 60)
            buf_printf(b, ":%02d", abs(minutes) % 60);
    }
    buf_add_char(b, ')');
}

static bool now_in(struct wall *w, const char *zone, const struct skill_ctx *ctx)
{
    return wall_at(w, zone ? zone : ctx->zone, (int64_t)(ctx->wall_us / 1000000));
}

/* "in tokyo", "in tokyo right now", or nothing; false: something else. */
static bool take_place(struct slice s, char zone[static ZONE_NAME_BYTES], struct slice *ret_place)
{
    static const char *const ends[] = {"right now",     "now",   "currently",
                                       "at the moment", "today", NULL};

    *ret_place = (struct slice){NULL, 0};
    for (const char *const *e = ends; *e; e++)
        phrase_drop_end(&s, *e);
    if (s.len == 0 || slice_is(s, "here"))
        return true;
    if (!phrase_take(&s, "in") || !wall_zone_of(zone, s))
        return false;
    *ret_place = s;
    return true;
}

/* The place with capitals: " in New York". */
static void add_place(struct buf *b, struct slice place)
{
    bool start = true;

    buf_add_cstr(b, " in ");
    for (size_t i = 0; i < place.len; i++) {
        unsigned char c = (unsigned char)place.p[i];
        bool whole = place.len <= 3; /* utc, nyc, uk */
        buf_add_char(b, (char)(start || whole ? toupper(c) : c));
        start = !isalpha(c);
    }
}

static bool try_time(struct slice s, struct skill_ctx *ctx, struct buf *answer)
{
    static const char *const asks[] = {"what time is it",
                                       "what is the time",
                                       "what is the current time",
                                       "what is the local time",
                                       "the time",
                                       "current time",
                                       "what time it is",
                                       "what the time is",
                                       "time",
                                       "local time",
                                       "what is the time now",
                                       "what is current time",
                                       NULL};
    static const char *const bare[] = {"time", NULL}; /* alone it may be about anything */
    char zone[ZONE_NAME_BYTES];
    struct slice place;
    struct wall w;

    if (phrase_is_any(s, bare) || !phrase_take_any(&s, asks) || !take_place(s, zone, &place) ||
        !now_in(&w, place.p ? zone : NULL, ctx))
        return false;
    buf_printf(answer, "It is %02d:%02d", w.seconds / 3600, w.seconds / 60 % 60);
    if (place.p) {
        add_place(answer, place);
        buf_add_cstr(answer, " on ");
        add_date(answer, w.days);
    }
    buf_add_char(answer, ' ');
    add_offset(answer, &w);
    buf_add_char(answer, '.');
    return true;
}

static bool try_today(struct slice s, struct skill_ctx *ctx, struct buf *answer)
{
    static const char *const asks[] = {"what day is it today",
                                       "what day is today",
                                       "what day is it",
                                       "what date is it today",
                                       "what date is it",
                                       "what is the date today",
                                       "what is the date",
                                       "what is today's date",
                                       "what is the current date",
                                       "today's date",
                                       "current date",
                                       "what is the day today",
                                       "what day of the week is it today",
                                       "what day of the week is it",
                                       "what weekday is it",
                                       "what is todays date",
                                       "what date is today",
                                       NULL};
    char zone[ZONE_NAME_BYTES];
    struct slice place;
    struct wall w;

    if (!phrase_take_any(&s, asks) || !take_place(s, zone, &place) ||
        !now_in(&w, place.p ? zone : NULL, ctx))
        return false;
    if (place.p) {
        buf_add_cstr(answer, "It is ");
        add_date(answer, w.days);
        add_place(answer, place);
    } else {
        buf_add_cstr(answer, "Today is ");
        add_date(answer, w.days);
    }
    buf_add_char(answer, '.');
    return true;
}

static bool try_neighbour(struct slice s, struct skill_ctx *ctx, struct buf *answer)
{
    static const struct {
        const char *word, *says;
        int days;
    } rows[] = {{"tomorrow", "Tomorrow is ", 1},
                {"the day after tomorrow", "The day after tomorrow is ", 2},
                {"yesterday", "Yesterday was ", -1},
                {"the day before yesterday", "The day before yesterday was ", -2}};
    static const char *const asks[] = {"what day is",
                                       "what date is",
                                       "what day was",
                                       "what date was",
                                       "what is the date",
                                       "what was the date",
                                       "what day of the week is",
                                       "what day will it be",
                                       "what was",
                                       NULL};
    struct wall w;

    if (phrase_take(&s, "what is tomorrow's date"))
        s = s.len ? (struct slice){"?", 1} : SLICE("tomorrow");
    else if (phrase_take(&s, "what was yesterday's date"))
        s = s.len ? (struct slice){"?", 1} : SLICE("yesterday");
    else if (!phrase_take_any(&s, asks))
        return false;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (!slice_is(s, rows[i].word) || !now_in(&w, NULL, ctx))
            continue;
        buf_add_cstr(answer, rows[i].says);
        add_date(answer, w.days + rows[i].days);
        buf_add_char(answer, '.');
        return true;
    }
    return false;
}

static bool try_year(struct slice s, struct skill_ctx *ctx, struct buf *answer)
{
    static const char *const years[] = {"what year is it",          "what is the year",
                                        "what is the current year", "current year",
                                        "what year are we in",      NULL};
    static const char *const month[] = {"what month is it", "what is the current month",
                                        "what month are we in", NULL};
    int64_t year;
    int m, day;
    struct wall w;

    phrase_drop_end(&s, "now");
    phrase_drop_end(&s, "right");
    if ((!phrase_is_any(s, years) && !phrase_is_any(s, month)) || !now_in(&w, NULL, ctx))
        return false;
    civil_from_days(w.days, &year, &m, &day);
    if (phrase_is_any(s, years))
        buf_printf(answer, "It is %lld.", (long long)year);
    else
        buf_printf(answer, "It is %s %lld.", months[m - 1], (long long)year);
    return true;
}

static bool take_small(struct slice *s, int64_t *ret)
{
    static const char *const words[] = {"zero",  "one",   "two",  "three", "four",   "five",  "six",
                                        "seven", "eight", "nine", "ten",   "eleven", "twelve"};
    struct decimal d;

    for (size_t i = 1; i < ARRAY_LEN(words); i++)
        if (phrase_take(s, words[i])) {
            *ret = (int64_t)i;
            return true;
        }
    if (phrase_take(s, "a") || phrase_take(s, "an")) {
        *ret = 1;
        return true;
    }
    if (!phrase_take_decimal(s, &d) || d.decimals || d.scaled > 100000 || s->len == 0 ||
        *s->p != ' ')
        return false;
    *s = slice_trim(*s);
    *ret = d.scaled;
    return true;
}

/* "3 weeks": adds to days, or to months. */
static bool take_span(struct slice *s, int64_t *ret_days, int64_t *ret_months)
{
    static const struct {
        const char *one, *many;
        int days, months;
    } spans[] = {{"day", "days", 1, 0},
                 {"week", "weeks", 7, 0},
                 {"fortnight", "fortnights", 14, 0},
                 {"month", "months", 0, 1},
                 {"year", "years", 0, 12}};
    int64_t n;

    if (!take_small(s, &n))
        return false;
    for (size_t i = 0; i < ARRAY_LEN(spans); i++)
        if (phrase_take(s, spans[i].one) || phrase_take(s, spans[i].many)) {
            *ret_days = n * spans[i].days;
            *ret_months = n * spans[i].months;
            return true;
        }
    return false;
}

/* A month more than 31 January is the last of February. */
static int64_t shift(int64_t from, int64_t days, int64_t by_months)
{
    int64_t year, index;
    int month, day;

    civil_from_days(from, &year, &month, &day);
    index = year * 12 + month - 1 + by_months;
    year = index / 12;
    month = (int)(index % 12) + 1;
    if (day > month_days(year, month))
        day = month_days(year, month);
    return days_from_civil(year, month, day) + days;
}

/* What comes before the span, and where it points. */
static bool take_direction(struct slice *s, int *sign)
{
    static const char *const asks[] = {"what date is it",
                                       "what day is it",
                                       "what date will it be",
                                       "what day will it be",
                                       "what is the date",
                                       "what will the date be",
                                       "what will be the date",
                                       "what date is",
                                       "what day is",
                                       "what day of the week is it",
                                       "what day of the week will it be",
                                       "what day of the week is",
                                       "what was the date",
                                       "what date was it",
                                       "what day was it",
                                       "what date was",
                                       "what day was",
                                       "what day of the week was it",
                                       "what is the day",
                                       "which date is",
                                       "which day is",
                                       NULL};
    static const char *const later[] = {"from now", "from today", "later", NULL};
    static const char *const sooner[] = {"ago", "before today", NULL};

    if (!phrase_take_any(s, asks))
        return false;
    if (phrase_take(s, "in")) {
        *sign = 1;
        return true;
    }
    for (const char *const *w = later; *w; w++)
        if (phrase_drop_end(s, *w)) {
            *sign = 1;
            return true;
        }
    for (const char *const *w = sooner; *w; w++)
        if (phrase_drop_end(s, *w)) {
            *sign = -1;
            return true;
        }
    return false;
}

static bool try_shift(struct slice s, struct skill_ctx *ctx, struct buf *answer)
{
    int64_t days, by_months, then;
    int sign;
    struct wall w;
    struct slice said;

    if (!take_direction(&s, &sign))
        return false;
    said = s;
    if (!take_span(&s, &days, &by_months) || s.len > 0 || !now_in(&w, NULL, ctx))
        return false;
    then = shift(w.days, sign * days, sign * by_months);
    if (then < days_from_civil(1, 1, 1) || then > days_from_civil(YEARS_MAX, 12, 31))
        return false;
    if (sign > 0)
        buf_printf(answer, "In %.*s it is ", (int)said.len, said.p);
    else
        buf_printf(answer, "%.*s ago it was ", (int)said.len, said.p);
    add_date(answer, then);
    buf_add_char(answer, '.');
    return true;
}

static bool take_month(struct slice *s, int *ret)
{
    for (int i = 0; i < 12; i++) {
        char name[12];
        size_t n = strlen(months[i]);
        for (size_t j = 0; j <= n; j++)
            name[j] = (char)tolower((unsigned char)months[i][j]);
        if (phrase_take(s, name)) {
            *ret = i + 1;
            return true;
        }
        name[3] = '\0';
        if (phrase_take(s, name)) {
            *ret = i + 1;
            return true;
        }
    }
    return false;
}

static bool take_digits(struct slice *s, size_t most, int64_t *ret)
{
    size_t n = 0;
    uint64_t value;

    while (n < s->len && n < most && isdigit((unsigned char)s->p[n]))
        n++;
    if (n == 0 || (n < s->len && isdigit((unsigned char)s->p[n])) ||
        !slice_u64((struct slice){s->p, n}, &value))
        return false;
    *ret = (int64_t)value;
    *s = (struct slice){s->p + n, s->len - n};
    return true;
}

static bool take_day(struct slice *s, int *ret)
{
    static const char *const ends[] = {"st", "nd", "rd", "th"};
    int64_t day;

    if (!take_digits(s, 2, &day))
        return false;
    for (size_t i = 0; i < ARRAY_LEN(ends); i++)
        if (slice_starts(*s, slice_of(ends[i]))) {
            *s = (struct slice){s->p + 2, s->len - 2};
            break;
        }
    if (s->len > 0 && *s->p != ' ' && *s->p != ',')
        return false;
    while (s->len > 0 && (*s->p == ' ' || *s->p == ','))
        *s = (struct slice){s->p + 1, s->len - 1};
    *ret = (int)day;
    return true;
}

/* 2026-12-25, "december 25, 2026", "25 december 2026", "december 25", "the 25th of december". Dates
 * like 3/4/2026 mean two things and are left alone.  Year 0: not told. */
static bool take_date(struct slice *s, struct date *ret)
{
    struct slice t = *s;
    int64_t year = 0, month, day;

    if (take_digits(&t, 4, &year) && year > 31 && t.len > 0 && *t.p == '-') {
        t = (struct slice){t.p + 1, t.len - 1};
        if (!take_digits(&t, 2, &month) || t.len == 0 || *t.p != '-')
            return false;
        t = (struct slice){t.p + 1, t.len - 1};
        if (!take_digits(&t, 2, &day))
            return false;
        *ret = (struct date){year, (int)month, (int)day};
        *s = slice_trim(t);
        return true;
    }
    t = *s;
    phrase_take(&t, "the");
    if (take_month(&t, &ret->month)) {
        phrase_take(&t, "the");
        if (!take_day(&t, &ret->day))
            return false;
    } else if (take_day(&t, &ret->day)) {
        phrase_take(&t, "of");
        if (!take_month(&t, &ret->month))
            return false;
    } else {
        return false;
    }
    ret->year = 0;
    take_digits(&t, 4, &ret->year);
    *s = slice_trim(t);
    return true;
}

static bool date_days(const struct date *d, int64_t *ret)
{
    if (d->year < 1 || d->year > YEARS_MAX || d->month < 1 || d->month > 12 || d->day < 1 ||
        d->day > month_days(d->year, d->month))
        return false;
    *ret = days_from_civil(d->year, d->month, d->day);
    return true;
}

/* A date without a year is the next one, today included. */
static bool next_days(struct date d, int64_t today, int64_t *ret)
{
    int month, day;

    if (d.year)
        return date_days(&d, ret);
    civil_from_days(today, &d.year, &month, &day);
    for (int i = 0; i < 8; i++, d.year++) /* 29 February may be eight years off */
        if (date_days(&d, ret) && *ret >= today)
            return true;
    return false;
}

static bool try_weekday(struct slice s, struct skill_ctx *ctx, struct buf *answer)
{
    static const char *const asks[] = {"what day of the week is",
                                       "what day of the week was",
                                       "what day of the week will",
                                       "what weekday is",
                                       "what weekday was",
                                       "what day is",
                                       "what day was",
                                       "which day of the week is",
                                       "which weekday is",
                                       "on what day of the week is",
                                       "on what day of the week was",
                                       NULL};
    struct date d;
    struct wall w;
    int64_t days;

    if (!phrase_take_any(&s, asks))
        return false;
    phrase_drop_end(&s, "be");
    if (!take_date(&s, &d) || s.len > 0 || !now_in(&w, NULL, ctx) || !next_days(d, w.days, &days))
        return false;
    add_date(answer, days);
    buf_add_char(answer, '.');
    return true;
}

static void add_count(struct buf *b, int64_t n)
{
    buf_printf(b, "%lld %s", (long long)n, n == 1 ? "day" : "days");
}

static bool try_until(struct slice s, struct skill_ctx *ctx, struct buf *answer)
{
    static const char *const asks[] = {"how many days until",
                                       "how many days till",
                                       "how many days is it until",
                                       "how many days to",
                                       "how many days are there until",
                                       "how many days are left until",
                                       "days until",
                                       "how long until",
                                       NULL};
    struct date d;
    struct wall w;
    int64_t days;

    if (!phrase_take_any(&s, asks))
        return false;
    if (slice_is(s, "christmas")) {
        d = (struct date){0, 12, 25};
    } else if (slice_is(s, "new year's day") || slice_is(s, "new year")) {
        d = (struct date){0, 1, 1};
    } else if (!take_date(&s, &d) || s.len > 0) {
        return false;
    }
    if (!now_in(&w, NULL, ctx) || !next_days(d, w.days, &days) || days < w.days)
        return false;
    add_count(answer, days - w.days);
    buf_add_cstr(answer, " until ");
    add_date(answer, days);
    buf_add_char(answer, '.');
    return true;
}

static bool try_between(struct slice s, struct skill_ctx *ctx, struct buf *answer)
{
    static const char *const asks[] = {
        "how many days between", "how many days are between", "how many days are there between",
        "days between",          "number of days between",    NULL};
    struct date a, b;
    struct wall w;
    int64_t from, to, year;
    int month, day;

    if (!phrase_take_any(&s, asks) || !take_date(&s, &a) || !phrase_take(&s, "and") ||
        !take_date(&s, &b) || s.len > 0 || !now_in(&w, NULL, ctx))
        return false;
    civil_from_days(w.days, &year, &month, &day);
    if (!a.year && !b.year)
        a.year = b.year = year;
    if (!date_days(&a, &from) || !date_days(&b, &to)) /* one year told, one not: whose? */
        return false;
    add_count(answer, to > from ? to - from : from - to);
    buf_add_cstr(answer, " from ");
    add_date(answer, from);
    buf_add_cstr(answer, " to ");
    add_date(answer, to);
    buf_add_char(answer, '.');
    return true;
}

static bool clock_try(struct slice question, struct skill_ctx *ctx, struct buf *answer)
{
    static bool (*const tries[])(struct slice, struct skill_ctx *, struct buf *) = {
        try_time,  try_today,   try_neighbour, try_year,
        try_shift, try_weekday, try_until,     try_between};
    struct phrase phrase;

    if (!phrase_read(&phrase, question))
        return false;
    for (size_t i = 0; i < ARRAY_LEN(tries); i++)
        if (tries[i]((struct slice){phrase.text, phrase.len}, ctx, answer))
            return true;
    return false;
}

const struct skill skill_clock = {"clock", clock_try};
