/* zone-time: what the clock on the wall says in a time zone.
 *
 * Reads the system's compiled zones (RFC 8536) itself: localtime() reads a process-wide TZ, which a
 * worker thread may be using.  A look-up opens and reads one file of a few kB.  Any thread. */
#pragma once
#include "base/str.h"

struct wall {
    int64_t days;          /* since 1970-01-01, local */
    int seconds;           /* since local midnight */
    int offset_s;          /* east of UTC */
    char abbreviation[12]; /* "CET" */
};

/* name: IANA ("Europe/Berlin"), or NULL for the system's own zone: TZ, then /etc/localtime, then
 * UTC. */
bool wall_at(struct wall *ret, const char *name, int64_t utc_s);
/* The zone of a city or country as people write it, lower case: "new york" -> "America/New_York".
 */
enum { ZONE_NAME_BYTES = 64 };
bool wall_zone_of(char name[static ZONE_NAME_BYTES], struct slice place);

/* Proleptic Gregorian calendar. */
int64_t days_from_civil(int64_t year, int month, int day); /* month 1..12 */
void civil_from_days(int64_t days, int64_t *ret_year, int *ret_month, int *ret_day);
int weekday_of(int64_t days); /* 0: Sunday */
int month_days(int64_t year, int month);
