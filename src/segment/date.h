/* ISO 8601 dates, periods and calendar spans in the workspace's time zone.
 *
 * Times are UTC microseconds since 1970; local times follow the conventions of format/zone.h. Pure;
 * safe on any thread.
 */
#ifndef KN_SEGMENT_DATE_H
#define KN_SEGMENT_DATE_H

#include "format/zone.h"
#include "segment/query.h"

struct kn_date {
    int64_t local_us; /* as written, as if it were UTC */
    bool has_offset;  /* local_us is then UTC already */
};
/* 2026-11-23, 2026-11-23T10:00, T10:00:00, T10:00:00.123456, each time with Z, +01:00 or +0100 or
 * without; a blank may stand for T. Years 1900 to 2199. */
bool kn_date_parse(struct kn_str text, struct kn_date *ret);
/* Without an offset: local time of the zone. */
int64_t kn_date_utc(const struct kn_zone *zone, const struct kn_date *date);
/* Of one without an offset: its calendar day, in days since 1970. */
int64_t kn_date_local_day(const struct kn_date *date);

/* moment minus / plus a period; months and years keep the local time of day and clamp to the
 * month's last day. */
int64_t kn_period_before(const struct kn_zone *zone, int64_t us, struct kn_period period);
int64_t kn_period_after(const struct kn_zone *zone, int64_t us, struct kn_period period);
bool kn_period_is_fixed(struct kn_period period);
int64_t kn_period_fixed_us(struct kn_period period); /* of a fixed one */

/* A bound that follows the clock: b(now) = now shifted by a period. It rises with the clock, except
 * that a calendar shift may jump (by less than KN_BOUND_JUMP) where months end or clocks change.
 * Answers the first moment after `now` at which "t <= b" may differ from what it is now. */
enum { KN_BOUND_JUMP_DAYS = 5 };
struct kn_bound {
    int direction; /* -1: before now, 0: now itself, 1: after now */
    struct kn_period period;
};
int64_t kn_bound_at(const struct kn_zone *zone, int64_t now, const struct kn_bound *bound);
int64_t kn_bound_next(const struct kn_zone *zone, int64_t now, const struct kn_bound *bound,
                      int64_t t);

/* [start, end) of "today", "last month" ... at `now`. */
void kn_during_range(const struct kn_zone *zone, int64_t now, uint32_t during, int64_t *ret_start,
                     int64_t *ret_end);
/* A moment after `now` before which the range stays what it is: where it becomes another, or the
 * clock changes before that. */
int64_t kn_during_next(const struct kn_zone *zone, int64_t now, uint32_t during);

/* [start, end) of the first day of that month and day (29 February: the 28th in other years) that
 * has not ended at `now`. */
void kn_anniversary(const struct kn_zone *zone, int64_t now, unsigned month, unsigned day,
                    int64_t *ret_start, int64_t *ret_end);

#endif
