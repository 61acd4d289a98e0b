/* Times as text: ISO 8601 as SDKs write it, in and out. UTC microseconds since 1970; proleptic
 * Gregorian calendar. Civil-date arithmetic after Howard Hinnant's "chrono-compatible low-level
 * date algorithms" (https://howardhinnant.github.io/date_algorithms.html). Pure. */
#ifndef KN_FORMAT_TIME_TEXT_H
#define KN_FORMAT_TIME_TEXT_H

#include "base/str.h"

enum { KN_TIME_TEXT_MAX = 32 };

/* Accepts 2026-11-23T10:00:00.123456Z, offsets (+01:00, +0100, +01), a blank for T, a comma for the
 * point, no fraction or any digits of one (cut to microseconds), missing leading zeros, missing
 * seconds, a date alone (midnight UTC), seconds (9 to 11 digits) or milliseconds (12 to 14) since
 * 1970 as digits, with a fraction or not. White space around it is ignored. No offset means UTC;
 * second 60 means 59.999999. False: not a time, or before 1900 or after 2199; *ret is left alone.
 */
bool kn_time_parse(struct kn_str text, int64_t *ret_us);
/* "2026-11-23T10:00:00Z", ".123Z" or ".123456Z" as needed, for any int64; borrows `text`, which
 * ends in NUL. */
struct kn_str kn_time_format(int64_t wall_us, char text[KN_TIME_TEXT_MAX]);

int64_t kn_days_from_civil(int64_t year, unsigned month, unsigned day);
void kn_civil_from_days(int64_t days, int64_t *year, unsigned *month, unsigned *day);

#endif
