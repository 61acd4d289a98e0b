/* Time zones for tests, twice: as the product reads them, and as a list of changes worked out here
 * by rule. UTC, Amsterdam, and one that changes its clocks at midnight, so that days begin at 01:00
 * or their last hour comes twice. */
#ifndef KN_TESTS_SEGMENT_ZONES_H
#define KN_TESTS_SEGMENT_ZONES_H

#include "base/assert.h"
#include "format/time_text.h"
#include "segment/date.h"

#define ZONES_DAY_US INT64_C(86400000000)
#define ZONES_HOUR_US INT64_C(3600000000)

enum zones_name { ZONES_UTC, ZONES_AMSTERDAM, ZONES_MIDNIGHT, ZONES_COUNT };

enum { ZONES_FIRST_YEAR = 1900, ZONES_LAST_YEAR = 2199, ZONES_CHANGES = 600 };

struct zones {
    struct kn_zone *zone; /* owned */
    int64_t at_us[ZONES_CHANGES];
    int32_t offset_s[ZONES_CHANGES]; /* from that change on */
    size_t count;
    int32_t first_offset_s;
};

/* Days since 1970 of the last Sunday of a month. */
static inline int64_t zones_last_sunday(int64_t year, unsigned month)
{
    int64_t next =
        month == 12 ? kn_days_from_civil(year + 1, 1, 1) : kn_days_from_civil(year, month + 1, 1);
    for (int64_t day = next - 1;; day--) {
        if (((day + 4) % 7 + 7) % 7 == 0) {
            return day;
        }
    }
}

static inline void zones_make(struct zones *z, enum zones_name name)
{
    static const char *const rules[] = {"UTC0", "CET-1CEST,M3.5.0,M10.5.0/3",
                                        "<-03>3<-02>,M3.5.0/0,M10.5.0/0"};
    static const int32_t winter[] = {0, 3600, -3 * 3600};
    struct kn_err err;
    bool midnight = name == ZONES_MIDNIGHT;
    if (kn_zone_parse(kn_str_c(rules[name]), &z->zone, &err) != KN_OK) {
        kn_panic("%s: %s", rules[name], err.text);
    }
    z->count = 0;
    z->first_offset_s = winter[name];
    for (int64_t year = ZONES_FIRST_YEAR; name != ZONES_UTC && year <= ZONES_LAST_YEAR; year++) {
        int64_t spring = zones_last_sunday(year, 3) * ZONES_DAY_US;
        int64_t autumn = zones_last_sunday(year, 10) * ZONES_DAY_US;
        z->at_us[z->count] = spring + (midnight ? 3 : 1) * ZONES_HOUR_US;
        z->offset_s[z->count++] = winter[name] + 3600;
        z->at_us[z->count] = autumn + (midnight ? 2 : 1) * ZONES_HOUR_US;
        z->offset_s[z->count++] = winter[name];
    }
}

static inline void zones_free(struct zones *z)
{
    kn_zone_free(z->zone);
}

#endif
