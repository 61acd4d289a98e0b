#include "report/calendar.h"

#include "base/mem.h"

static const int64_t second = 1000000;
static const int64_t hour = 3600 * second;

static int64_t hour_start(const struct kn_zone *zone, int64_t us)
{
    int64_t local = us + (int64_t)kn_zone_offset(zone, us) * second;
    int64_t past = local % hour;
    return us - (past < 0 ? past + hour : past);
}

static int64_t month_day(const struct kn_zone *zone, int64_t us, unsigned months)
{
    struct kn_local l;
    kn_zone_local(zone, us, &l);
    int64_t month = (int64_t)l.month - 1 + months;
    struct kn_local first = {
        .year = l.year + month / 12, .month = (unsigned)(month % 12) + 1, .day = 1};
    return kn_zone_utc(zone, &first);
}

static int64_t week_day(const struct kn_zone *zone, int64_t us)
{
    int64_t day = kn_zone_day(zone, us);
    int64_t past = (day + 3) % 7; /* 1970-01-01 was a Thursday */
    return day - (past < 0 ? past + 7 : past);
}

int64_t kn_unit_start(const struct kn_zone *zone, enum kn_report_unit unit, int64_t us)
{
    switch (unit) {
    case KN_UNIT_HOUR: return hour_start(zone, us);
    case KN_UNIT_DAY_LOCAL: return kn_zone_day_start(zone, kn_zone_day(zone, us));
    case KN_UNIT_WEEK_LOCAL: return kn_zone_day_start(zone, week_day(zone, us));
    case KN_UNIT_MONTH_LOCAL: break;
    }
    return month_day(zone, us, 0);
}

/* A change of the clock by less than an hour may put the next full hour anywhere within two. */
static int64_t hour_next(const struct kn_zone *zone, int64_t start)
{
    int64_t next = hour_start(zone, start + hour);
    return next > start ? next : start + hour;
}

int64_t kn_unit_next(const struct kn_zone *zone, enum kn_report_unit unit, int64_t start)
{
    switch (unit) {
    case KN_UNIT_HOUR: return hour_next(zone, start);
    case KN_UNIT_DAY_LOCAL: return kn_zone_day_start(zone, kn_zone_day(zone, start) + 1);
    case KN_UNIT_WEEK_LOCAL: return kn_zone_day_start(zone, week_day(zone, start) + 7);
    case KN_UNIT_MONTH_LOCAL: break;
    }
    return month_day(zone, start, 1);
}

/* Less than the shortest whole unit: 30 minutes, 22 hours, 6 and 27 days. */
static unsigned bucket_shift(enum kn_report_unit unit)
{
    switch (unit) {
    case KN_UNIT_HOUR: return 30;
    case KN_UNIT_DAY_LOCAL: return 36;
    case KN_UNIT_WEEK_LOCAL: return 38;
    case KN_UNIT_MONTH_LOCAL: break;
    }
    return 41;
}

static enum kn_rc fill_buckets(struct kn_edges *e, struct kn_err *err)
{
    uint64_t span = (uint64_t)(e->at[e->count] - e->at[0]);
    uint64_t buckets = (span >> e->shift) + 1;
    e->bucket = kn_alloc(buckets * sizeof *e->bucket);
    if (!e->bucket) {
        return kn_fail(err, KN_E_NOMEM, "no memory for a calendar");
    }
    uint32_t unit = 0;
    for (uint64_t b = 0; b < buckets; b++) {
        int64_t us = e->at[0] + (int64_t)(b << e->shift);
        while (unit + 1 < e->count && us >= e->at[unit + 1]) {
            unit++;
        }
        e->bucket[b] = (uint16_t)unit;
    }
    return KN_OK;
}

static enum kn_rc made(struct kn_edges *e, struct kn_edges *ret, struct kn_err *err)
{
    enum kn_rc rc = fill_buckets(e, err);
    if (rc != KN_OK) {
        kn_edges_free(e);
        return rc;
    }
    *ret = *e;
    return KN_OK;
}

enum kn_rc kn_edges_make(const struct kn_zone *zone, enum kn_report_unit unit, int64_t from,
                         int64_t to, uint32_t most, struct kn_edges *ret, struct kn_err *err)
{
    struct kn_edges e = {.shift = bucket_shift(unit)};
    e.at = kn_alloc(((size_t)most + 2) * sizeof *e.at);
    if (!e.at) {
        return kn_fail(err, KN_E_NOMEM, "no memory for a calendar");
    }
    int64_t us = kn_unit_start(zone, unit, from);
    for (; us < to; us = kn_unit_next(zone, unit, us)) {
        if (e.count == most) {
            kn_edges_free(&e);
            return kn_fail(err, KN_E_LIMIT, "from and to span more than %u units", most);
        }
        e.at[e.count++] = us;
    }
    e.at[e.count] = us;
    return made(&e, ret, err);
}

enum kn_rc kn_edges_whole(int64_t from, int64_t to, struct kn_edges *ret, struct kn_err *err)
{
    struct kn_edges e = {.count = 1};
    e.at = kn_alloc(2 * sizeof *e.at);
    if (!e.at) {
        return kn_fail(err, KN_E_NOMEM, "no memory for a calendar");
    }
    e.at[0] = from;
    e.at[1] = to;
    e.shift = 63;
    return made(&e, ret, err);
}

void kn_edges_free(struct kn_edges *edges)
{
    kn_free(edges->at);
    kn_free(edges->bucket);
    *edges = (struct kn_edges){0};
}
