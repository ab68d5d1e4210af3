#include "skill/zone-time.h"
#include "base/err.h"
#include <ctype.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define ZONES_DIR "/usr/share/zoneinfo"
enum { ZONE_FILE_MAX = 16384 }; /* the largest of tzdata 2024 has 3.5 kB */

/* Years are counted from March, so that the leap day is the last of one: then day and year follow
 * from divisions by the lengths of 400, 100, 4 and 1 years. */
int64_t days_from_civil(int64_t year, int month, int day)
{
    int64_t y = month <= 2 ? year - 1 : year, era = (y >= 0 ? y : y - 399) / 400;
    int64_t in_era = y - era * 400;
    int from_march = (month + 9) % 12;
    int64_t day_of_year = (153 * from_march + 2) / 5 + day - 1;

    return era * 146097 + in_era * 365 + in_era / 4 - in_era / 100 + day_of_year - 719468;
}

void civil_from_days(int64_t days, int64_t *ret_year, int *ret_month, int *ret_day)
{
    int64_t z = days + 719468, era = (z >= 0 ? z : z - 146096) / 146097, in_era = z - era * 146097;
    int64_t y = (in_era - in_era / 1460 + in_era / 36524 - in_era / 146096) / 365;
    int day_of_year = (int)(in_era - (365 * y + y / 4 - y / 100));
    int from_march = (5 * day_of_year + 2) / 153;

    *ret_day = day_of_year - (153 * from_march + 2) / 5 + 1;
    *ret_month = from_march < 10 ? from_march + 3 : from_march - 9;
    *ret_year = y + era * 400 + (*ret_month <= 2);
}

int weekday_of(int64_t days)
{
    return (int)(((days + 4) % 7 + 7) % 7); /* 1970-01-01 was a Thursday */
}

int month_days(int64_t year, int month)
{
    return (int)(days_from_civil(month == 12 ? year + 1 : year, month % 12 + 1, 1) -
                 days_from_civil(year, month, 1));
}

static int64_t big_endian(const unsigned char *p, unsigned bytes)
{
    uint64_t n = p[0] & 0x80 && bytes < 8 ? UINT64_MAX : 0; /* two's complement */

    for (unsigned i = 0; i < bytes; i++)
        n = n << 8 | p[i];
    return (int64_t)n;
}

/* RFC 8536 section 3.1: six counts follow 20 bytes of header. */
struct header {
    uint32_t isut, isstd, leap, times, types, chars;
};
enum { HEADER_BYTES = 44, TYPE_BYTES = 6 };

static bool read_header(struct header *h, struct slice file)
{
    const unsigned char *p = (const unsigned char *)file.p;

    if (file.len < HEADER_BYTES || memcmp(p, "TZif", 4) != 0 || p[4] < '2')
        return false;
    h->isut = (uint32_t)big_endian(p + 20, 4);
    h->isstd = (uint32_t)big_endian(p + 24, 4);
    h->leap = (uint32_t)big_endian(p + 28, 4);
    h->times = (uint32_t)big_endian(p + 32, 4);
    h->types = (uint32_t)big_endian(p + 36, 4);
    h->chars = (uint32_t)big_endian(p + 40, 4);
    return h->times < ZONE_FILE_MAX && h->types <= 256 && h->chars < ZONE_FILE_MAX &&
           h->leap < 1000 && h->isut <= 256 && h->isstd <= 256 && h->types > 0;
}

static size_t block_bytes(const struct header *h, size_t time_bytes)
{
    return h->times * (time_bytes + 1) + h->types * TYPE_BYTES + h->chars +
           h->leap * (time_bytes + 4) + h->isstd + h->isut;
}

static void set_type(struct wall *w, const unsigned char *types, const char *chars,
                     const struct header *h, unsigned type)
{
    const unsigned char *t = types + type * TYPE_BYTES;
    size_t at = t[5], len;

    w->offset_s = (int)big_endian(t, 4);
    len = at < h->chars ? strnlen(chars + at, h->chars - at) : 0;
    len = len < sizeof w->abbreviation ? len : sizeof w->abbreviation - 1;
    memcpy(w->abbreviation, chars + at, len);
    w->abbreviation[len] = '\0';
}

/* POSIX TZ strings, as far as tzdata's footers go: "CET-1CEST,M3.5.0,M10.5.0/3".  A rule by day of
 * the year, which tzdata does not use for any zone now, is refused. */
struct rule {
    char name[2][12]; /* standard, summer */
    int offset_s[2];
    struct {
        int month, week, day, time_s;
    } change[2]; /* to summer, to standard */
    bool summer;
};

static bool rule_name(const char **p, char name[12])
{
    bool quoted = **p == '<';
    size_t len = 0;

    *p += quoted;
    while (**p && (quoted ? **p != '>' : isalpha((unsigned char)**p)) && len < 11)
        name[len++] = *(*p)++;
    name[len] = '\0';
    if (quoted && *(*p)++ != '>')
        return false;
    return len > 0;
}

static bool rule_hms(const char **p, int *ret_s)
{
    int sign = 1, scale = 3600;

    if (**p == '-' || **p == '+')
        sign = *(*p)++ == '-' ? -1 : 1;
    if (!isdigit((unsigned char)**p))
        return false;
    *ret_s = 0;
    for (;; scale /= 60) {
        char *end;
        long n = strtol(*p, &end, 10);
        if (end == *p || n > 167)
            return false;
        *ret_s += (int)n * scale;
        *p = end;
        if (**p != ':' || scale == 1)
            break;
        ++*p;
    }
    *ret_s *= sign;
    return true;
}

static bool rule_change(const char **p, struct rule *r, int which)
{
    int used = 0;

    if (sscanf(*p, ",M%d.%d.%d%n", &r->change[which].month, &r->change[which].week,
               &r->change[which].day, &used) != 3)
        return false;
    *p += used;
    r->change[which].time_s = 2 * 3600;
    if (**p == '/') {
        ++*p;
        if (!rule_hms(p, &r->change[which].time_s))
            return false;
    }
    return r->change[which].month >= 1 && r->change[which].month <= 12 &&
           r->change[which].week >= 1 && r->change[which].week <= 5 && r->change[which].day <= 6;
}

static bool rule_read(struct rule *r, const char *p)
{
    memset(r, 0, sizeof *r);
    if (!rule_name(&p, r->name[0]) || !rule_hms(&p, &r->offset_s[0]))
        return false;
    r->offset_s[0] = -r->offset_s[0]; /* POSIX counts west */
    if (!*p)
        return true;
    r->summer = true;
    if (!rule_name(&p, r->name[1]))
        return false;
    r->offset_s[1] = r->offset_s[0] + 3600;
    if (*p != ',') {
        if (!rule_hms(&p, &r->offset_s[1]))
            return false;
        r->offset_s[1] = -r->offset_s[1];
    }
    return rule_change(&p, r, 0) && rule_change(&p, r, 1) && !*p;
}

/* In seconds of UTC: the change happens at a wall time of what held before. */
static int64_t change_at(const struct rule *r, int which, int64_t year)
{
    int month = r->change[which].month;
    int64_t first = days_from_civil(year, month, 1);
    int64_t day = first + (r->change[which].day - weekday_of(first) + 7) % 7 +
                  7 * (r->change[which].week - 1);

    while (day >= first + month_days(year, month))
        day -= 7; /* week 5: the last */
    return day * 86400 + r->change[which].time_s - r->offset_s[which];
}

static void set_rule(struct wall *w, const struct rule *r, int64_t utc_s)
{
    int64_t year, begin, end;
    int month, day, which = 0;

    if (r->summer) {
        int64_t local = utc_s + r->offset_s[0];
        civil_from_days(local / 86400 - (local % 86400 < 0), &year, &month, &day);
        begin = change_at(r, 0, year);
        end = change_at(r, 1, year);
        which = begin < end ? utc_s >= begin && utc_s < end : !(utc_s >= end && utc_s < begin);
    }
    w->offset_s = r->offset_s[which];
    memcpy(w->abbreviation, r->name[which], sizeof w->abbreviation);
}

/* file: NUL-terminated. */
static bool find_offset(struct wall *w, struct slice file, int64_t utc_s)
{
    struct header h;
    const unsigned char *times, *types;
    const char *chars;
    uint32_t low = 0, high;
    size_t skip;
    struct rule rule;

    if (!read_header(&h, file))
        return false;
    skip = HEADER_BYTES + block_bytes(&h, 4); /* the block for 32-bit readers */
    if (skip > file.len || !read_header(&h, (struct slice){file.p + skip, file.len - skip}))
        return false;
    file = (struct slice){file.p + skip + HEADER_BYTES, file.len - skip - HEADER_BYTES};
    if (block_bytes(&h, 8) + 2 > file.len)
        return false;
    times = (const unsigned char *)file.p;
    types = times + h.times * 9;
    chars = (const char *)types + h.types * TYPE_BYTES;
    for (high = h.times; low < high;) { /* how many transitions are behind */
        uint32_t middle = low + (high - low) / 2;
        if (big_endian(times + middle * 8, 8) <= utc_s)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == h.times) {
        char footer[64];
        const char *p = file.p + block_bytes(&h, 8) + 1, *end = strchr(p, '\n');
        if (end && end > p && (size_t)(end - p) < sizeof footer) {
            memcpy(footer, p, (size_t)(end - p));
            footer[end - p] = '\0';
            if (!rule_read(&rule, footer))
                return false;
            set_rule(w, &rule, utc_s);
            return true;
        }
    }
    unsigned type = low ? times[h.times * 8 + low - 1] : 0;
    if (type >= h.types)
        return false;
    set_type(w, types, chars, &h, type);
    return true;
}

static bool read_zone(char data[static ZONE_FILE_MAX], size_t *ret_len, const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    ssize_t n;

    if (fd < 0)
        return false;
    n = read(fd, data, ZONE_FILE_MAX - 1);
    close(fd);
    if (n <= 0)
        return false;
    data[n] = '\0';
    *ret_len = (size_t)n;
    return true;
}

static bool name_is_safe(const char *name)
{
    for (const char *c = name; *c; c++)
        if (!isalnum((unsigned char)*c) && !strchr("_+-/", *c))
            return false;
    return *name && *name != '/' && strlen(name) < ZONE_NAME_BYTES;
}

static bool own_zone(char data[static ZONE_FILE_MAX], size_t *ret_len)
{
    const char *tz = getenv("TZ");
    char path[sizeof ZONES_DIR + ZONE_NAME_BYTES];

    if (tz && *tz == ':')
        tz++;
    if (tz && name_is_safe(tz)) {
        snprintf(path, sizeof path, ZONES_DIR "/%.63s", tz);
        return read_zone(data, ret_len, path);
    }
    return read_zone(data, ret_len, "/etc/localtime");
}

bool wall_at(struct wall *ret, const char *name, int64_t utc_s)
{
    char data[ZONE_FILE_MAX], path[sizeof ZONES_DIR + ZONE_NAME_BYTES];
    size_t len;
    int64_t local;

    *ret = (struct wall){.abbreviation = "UTC"};
    if (name) {
        if (!name_is_safe(name))
            return false;
        snprintf(path, sizeof path, ZONES_DIR "/%.63s", name);
        if (!read_zone(data, &len, path) || !find_offset(ret, (struct slice){data, len}, utc_s))
            return false;
    } else if (own_zone(data, &len) && !find_offset(ret, (struct slice){data, len}, utc_s)) {
        return false;
    }
    local = utc_s + ret->offset_s;
    ret->days = local / 86400 - (local % 86400 < 0);
    ret->seconds = (int)(local - ret->days * 86400);
    return true;
}

/* Names that people say and tzdata files under another: a capital for its country where the country
 * has one time, big cities under the zone that holds them. */
static const struct {
    const char *said, *zone;
} said[] = {
    {"utc", "Etc/UTC"},
    {"gmt", "Etc/GMT"},
    {"san francisco", "America/Los_Angeles"},
    {"la", "America/Los_Angeles"},
    {"los angeles, california", "America/Los_Angeles"},
    {"california", "America/Los_Angeles"},
    {"seattle", "America/Los_Angeles"},
    {"san diego", "America/Los_Angeles"},
    {"las vegas", "America/Los_Angeles"},
    {"nyc", "America/New_York"},
    {"new york city", "America/New_York"},
    {"boston", "America/New_York"},
    {"washington dc", "America/New_York"},
    {"washington, dc", "America/New_York"},
    {"miami", "America/New_York"},
    {"atlanta", "America/New_York"},
    {"philadelphia", "America/New_York"},
    {"dallas", "America/Chicago"},
    {"houston", "America/Chicago"},
    {"montreal", "America/Toronto"},
    {"ottawa", "America/Toronto"},
    {"rio de janeiro", "America/Sao_Paulo"},
    {"beijing", "Asia/Shanghai"},
    {"china", "Asia/Shanghai"},
    {"shenzhen", "Asia/Shanghai"},
    {"japan", "Asia/Tokyo"},
    {"osaka", "Asia/Tokyo"},
    {"south korea", "Asia/Seoul"},
    {"india", "Asia/Kolkata"},
    {"mumbai", "Asia/Kolkata"},
    {"delhi", "Asia/Kolkata"},
    {"new delhi", "Asia/Kolkata"},
    {"bangalore", "Asia/Kolkata"},
    {"pakistan", "Asia/Karachi"},
    {"thailand", "Asia/Bangkok"},
    {"hanoi", "Asia/Ho_Chi_Minh"},
    {"ho chi minh city", "Asia/Ho_Chi_Minh"},
    {"saigon", "Asia/Ho_Chi_Minh"},
    {"tel aviv", "Asia/Jerusalem"},
    {"israel", "Asia/Jerusalem"},
    {"abu dhabi", "Asia/Dubai"},
    {"uk", "Europe/London"},
    {"the uk", "Europe/London"},
    {"england", "Europe/London"},
    {"scotland", "Europe/London"},
    {"edinburgh", "Europe/London"},
    {"ireland", "Europe/Dublin"},
    {"france", "Europe/Paris"},
    {"germany", "Europe/Berlin"},
    {"munich", "Europe/Berlin"},
    {"hamburg", "Europe/Berlin"},
    {"frankfurt", "Europe/Berlin"},
    {"cologne", "Europe/Berlin"},
    {"italy", "Europe/Rome"},
    {"milan", "Europe/Rome"},
    {"barcelona", "Europe/Madrid"},
    {"geneva", "Europe/Zurich"},
    {"switzerland", "Europe/Zurich"},
    {"austria", "Europe/Vienna"},
    {"poland", "Europe/Warsaw"},
    {"sweden", "Europe/Stockholm"},
    {"norway", "Europe/Oslo"},
    {"denmark", "Europe/Copenhagen"},
    {"finland", "Europe/Helsinki"},
    {"greece", "Europe/Athens"},
    {"turkey", "Europe/Istanbul"},
    {"kyiv", "Europe/Kiev"},
    {"egypt", "Africa/Cairo"},
    {"kenya", "Africa/Nairobi"},
    {"nigeria", "Africa/Lagos"},
    {"south africa", "Africa/Johannesburg"},
    {"cape town", "Africa/Johannesburg"},
    {"wellington", "Pacific/Auckland"},
    {"hawaii", "Pacific/Honolulu"},
};

static bool zone_exists(const char *name)
{
    char path[sizeof ZONES_DIR + ZONE_NAME_BYTES];

    snprintf(path, sizeof path, ZONES_DIR "/%.63s", name);
    return access(path, R_OK) == 0;
}

/* "new york" -> "New_York", "europe/berlin" -> "Europe/Berlin", "port-au-prince" stays unknown. */
static bool title_case(char name[static ZONE_NAME_BYTES], struct slice place)
{
    bool start = true;

    if (place.len == 0 || place.len >= ZONE_NAME_BYTES - 12)
        return false;
    for (size_t i = 0; i < place.len; i++) {
        unsigned char c = (unsigned char)place.p[i];
        if (!isalpha(c) && c != ' ' && c != '_' && c != '/')
            return false;
        name[i] = (char)(c == ' ' ? '_' : start ? toupper(c) : c);
        start = !isalpha(c);
    }
    name[place.len] = '\0';
    return true;
}

bool wall_zone_of(char name[static ZONE_NAME_BYTES], struct slice place)
{
    static const char *const continents[] = {"Europe",  "America",   "Asia",     "Africa",
                                             "Pacific", "Australia", "Atlantic", "Indian"};
    char city[ZONE_NAME_BYTES];

    for (size_t i = 0; i < ARRAY_LEN(said); i++)
        if (slice_is(place, said[i].said)) {
            snprintf(name, ZONE_NAME_BYTES, "%s", said[i].zone);
            return zone_exists(name);
        }
    if (place.len < 3 || !title_case(city, place))
        return false;
    if (strchr(city, '/')) {
        memcpy(name, city, sizeof city);
        return zone_exists(name);
    }
    for (size_t i = 0; i < ARRAY_LEN(continents); i++) {
        snprintf(name, ZONE_NAME_BYTES, "%s/%.50s", continents[i], city);
        /* A folder ("America/Indiana") has no time of its own. */
        struct wall wall;
        if (zone_exists(name) && wall_at(&wall, name, 0))
            return true;
    }
    return false;
}
