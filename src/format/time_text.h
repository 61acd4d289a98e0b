/* Times as text: ISO 8601 as SDKs write it, in and out. UTC microseconds since 1970; proleptic
 * Gregorian calendar. Civil-date arithmetic after Howard Hinnant's "chrono-compatible low-level date
 * algorithms" (https://howardhinnant.github.io/date_algorithms.html). Pure. */
#ifndef KN_FORMAT_TIME_TEXT_H
#define KN_FORMAT_TIME_TEXT_H

#include "base/str.h"

enum { KN_TIME_TEXT_MAX = 32 };

/* Accepts 2026-11-23T10:00:00.123456Z, offsets (+01:00, +0100), a blank for T, no fraction or up to
 * nine digits of one, missing leading zeros, a date alone (midnight UTC), seconds or milliseconds
 * since 1970 as digits. No offset means UTC; second 60 means 59.999999. False: not a time, or outside
 * the years 1900 to 2200; *ret is left alone. */
bool kn_time_parse(struct kn_str text, int64_t *ret_us);
/* "2026-11-23T10:00:00Z", ".123Z" or ".123456Z" as needed; borrows `text`. */
struct kn_str kn_time_format(int64_t wall_us, char text[KN_TIME_TEXT_MAX]);

int64_t kn_days_from_civil(int64_t year, unsigned month, unsigned day);
void kn_civil_from_days(int64_t days, int64_t *year, unsigned *month, unsigned *day);

#endif
