/* Time zones: the rules of one zone, local time from UTC and back.
 *
 * The rules are bytes that somebody recorded: a TZif file (RFC 9636, versions 1 to 4, without leap
 * seconds) or a POSIX TZ string ("CET-1CEST,M3.5.0,M10.5.0/3"); nothing is read from the machine,
 * so the same bytes give the same answers everywhere. Times are UTC microseconds since 1970 in the
 * proleptic Gregorian calendar; calendar days are counted from 1970-01-01.
 *
 * A local time that a clock change leaves out (the gap) is read with the offset from before the
 * change, one that happens twice means its first occurrence. So the start of a day is always its
 * first moment. Immutable after parsing; pure; safe on any thread.
 */
#ifndef KN_FORMAT_ZONE_H
#define KN_FORMAT_ZONE_H

#include "base/err.h"

struct kn_zone;

/* What a workspace gets when it says nothing: the rules of Europe/Amsterdam since 1996. */
#define KN_ZONE_DEFAULT_NAME "Europe/Amsterdam"
#define KN_ZONE_DEFAULT_RULES "CET-1CEST,M3.5.0,M10.5.0/3"

struct kn_local {
    int64_t year;
    unsigned month, day;           /* from 1 */
    unsigned hour, minute, second; /* from 0 */
    unsigned microsecond;
    unsigned weekday; /* 0 = Sunday */
};

/* @errors KN_E_INVALID (err->text says what), KN_E_NOMEM. Total: any bytes may come. */
enum kn_rc kn_zone_parse(struct kn_str rules, struct kn_zone **ret, struct kn_err *err) KN_MUST_USE;
void kn_zone_free(struct kn_zone *zone); /* NULL is fine */

/* Seconds east of UTC at that moment. */
int32_t kn_zone_offset(const struct kn_zone *zone, int64_t utc_us);
/* A moment after utc_us before which the offset stays as it is (from 1900 to 2199 the first at
 * which it changes); INT64_MAX: it never changes. */
int64_t kn_zone_next_change(const struct kn_zone *zone, int64_t utc_us);
void kn_zone_local(const struct kn_zone *zone, int64_t utc_us, struct kn_local *ret);
/* weekday is not read. Month must be 1 to 12; day, hour, minute and second may be any number (day 0
 * is the day before the first). */
int64_t kn_zone_utc(const struct kn_zone *zone, const struct kn_local *local);

/* The calendar day at that moment, and the first moment of a calendar day. */
int64_t kn_zone_day(const struct kn_zone *zone, int64_t utc_us);
int64_t kn_zone_day_start(const struct kn_zone *zone, int64_t day);
/* The same local time that many months later (earlier when negative), clamped to the month's last
 * day. */
int64_t kn_zone_add_months(const struct kn_zone *zone, int64_t utc_us, int64_t months);
/* 28 to 31. */
unsigned kn_month_days(int64_t year, unsigned month);

#endif
