/* Dates, calendar shifts, days that the clock change shortens or repeats. */
#include <inttypes.h>
#include <stdio.h>

#include "base/rand.h"
#include "cm.h"
#include "zones.h"

static int64_t utc(const char *text)
{
    int64_t us;
    assert_true(kn_time_parse(kn_str_c(text), &us));
    return us;
}

static void check_time(int64_t us, const char *want)
{
    char text[KN_TIME_TEXT_MAX];
    assert_string_equal(kn_time_format(us, text).p, want);
}

static void dates(void **state)
{
    static const struct {
        const char *text, *want;
    } good[] = {
        {"2026-07-01", "2026-06-30T22:00:00Z"},
        {"2026-01-01", "2025-12-31T23:00:00Z"},
        {"2026-07-01T10:00", "2026-07-01T08:00:00Z"},
        {"2026-07-01 10:00:30.5", "2026-07-01T08:00:30.500Z"},
        {"2026-07-01T10:00:00Z", "2026-07-01T10:00:00Z"},
        {"2026-07-01T10:00:00+05:30", "2026-07-01T04:30:00Z"},
        {"2026-07-01T10:00-0400", "2026-07-01T14:00:00Z"},
        {"2026-07-01T10:00:00.123456789Z", "2026-07-01T10:00:00.123456Z"},
        {"2028-02-29", "2028-02-28T23:00:00Z"},
        {"2026-03-29T02:30", "2026-03-29T01:30:00Z"}, /* skipped: the offset before */
        {"2026-10-25T02:30", "2026-10-25T00:30:00Z"}, /* twice: the first */
    };
    static const char *const bad[] = {
        "",
        "2026",
        "2026-1-1",
        "2026-13-01",
        "2026-02-29",
        "2026-00-01",
        "2026-01-00",
        "1899-01-01",
        "2200-01-01",
        "01-02-2026",
        "2026-01-01T",
        "2026-01-01T1:00",
        "2026-01-01T24:00",
        "2026-01-01T10:60",
        "2026-01-01T10:00:60",
        "2026-01-01T10:00:00.",
        "2026-01-01T10:00:00+1",
        "2026-01-01T10:00:00Zx",
        "2026-01-01x",
        "1767225600",
        " 2026-01-01",
        "2026-01-01T10:00:00+24:00",
    };
    struct zones z;
    struct kn_date date;
    (void)state;
    zones_make(&z, ZONES_AMSTERDAM);
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_true(kn_date_parse(kn_str_c(good[i].text), &date));
        check_time(kn_date_utc(z.zone, &date), good[i].want);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        if (kn_date_parse(kn_str_c(bad[i]), &date)) {
            fail_msg("%s is accepted", bad[i]);
        }
    }
    zones_free(&z);
}

static void shifts(void **state)
{
    struct zones z;
    const struct kn_period month = {1, KN_MONTH}, year = {1, KN_YEAR}, day = {1, KN_DAY};
    (void)state;
    zones_make(&z, ZONES_AMSTERDAM);
    const struct kn_zone *zone = z.zone;
    check_time(kn_period_before(zone, utc("2026-04-15T10:00:00Z"), month), "2026-03-15T11:00:00Z");
    check_time(kn_period_before(zone, utc("2026-03-31T10:00:00Z"), month), "2026-02-28T11:00:00Z");
    check_time(kn_period_after(zone, utc("2026-01-31T10:00:00Z"), month), "2026-02-28T10:00:00Z");
    check_time(kn_period_before(zone, utc("2028-02-29T10:00:00Z"), year), "2027-02-28T10:00:00Z");
    check_time(kn_period_before(zone, utc("2026-04-29T00:30:00Z"), month), "2026-03-29T01:30:00Z");
    check_time(kn_period_before(zone, utc("2026-11-25T01:30:00Z"), month), "2026-10-25T00:30:00Z");
    check_time(kn_period_before(zone, utc("2026-03-29T10:00:00Z"), day), "2026-03-28T10:00:00Z");
    check_time(
        kn_period_before(zone, utc("2026-12-31T23:30:00Z"), (struct kn_period){13, KN_MONTH}),
        "2025-11-30T23:30:00Z");
    zones_free(&z);
}

static void periods(void **state)
{
    static const struct {
        enum zones_name zone;
        enum kn_during during;
        const char *now, *start, *end;
    } cases[] = {
        {ZONES_AMSTERDAM, KN_TODAY, "2026-03-29T10:00:00Z", "2026-03-28T23:00:00Z",
         "2026-03-29T22:00:00Z"},
        {ZONES_AMSTERDAM, KN_YESTERDAY, "2026-10-26T10:00:00Z", "2026-10-24T22:00:00Z",
         "2026-10-25T23:00:00Z"},
        {ZONES_AMSTERDAM, KN_THIS_WEEK, "2026-11-24T10:00:00Z", "2026-11-22T23:00:00Z",
         "2026-11-29T23:00:00Z"},
        {ZONES_AMSTERDAM, KN_THIS_WEEK, "2026-11-29T22:59:59Z", "2026-11-22T23:00:00Z",
         "2026-11-29T23:00:00Z"},
        {ZONES_AMSTERDAM, KN_LAST_WEEK, "2026-11-29T23:00:00Z", "2026-11-22T23:00:00Z",
         "2026-11-29T23:00:00Z"},
        {ZONES_AMSTERDAM, KN_THIS_MONTH, "2026-10-31T23:00:00Z", "2026-10-31T23:00:00Z",
         "2026-11-30T23:00:00Z"},
        {ZONES_UTC, KN_LAST_MONTH, "2026-01-15T00:00:00Z", "2025-12-01T00:00:00Z",
         "2026-01-01T00:00:00Z"},
        {ZONES_UTC, KN_THIS_QUARTER, "2026-06-30T23:59:59Z", "2026-04-01T00:00:00Z",
         "2026-07-01T00:00:00Z"},
        {ZONES_UTC, KN_LAST_QUARTER, "2026-02-01T00:00:00Z", "2025-10-01T00:00:00Z",
         "2026-01-01T00:00:00Z"},
        {ZONES_UTC, KN_THIS_YEAR, "2026-12-31T23:59:59Z", "2026-01-01T00:00:00Z",
         "2027-01-01T00:00:00Z"},
        {ZONES_UTC, KN_LAST_YEAR, "2026-01-01T00:00:00Z", "2025-01-01T00:00:00Z",
         "2026-01-01T00:00:00Z"},
        {ZONES_MIDNIGHT, KN_TODAY, "2026-03-29T12:00:00Z", "2026-03-29T03:00:00Z",
         "2026-03-30T02:00:00Z"},
        /* 25 October: its first hour comes twice, as the last of 24 October */
        {ZONES_MIDNIGHT, KN_TODAY, "2026-10-25T12:00:00Z", "2026-10-25T03:00:00Z",
         "2026-10-26T03:00:00Z"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct zones z;
        int64_t start, end;
        zones_make(&z, cases[i].zone);
        kn_during_range(z.zone, utc(cases[i].now), cases[i].during, &start, &end);
        check_time(start, cases[i].start);
        check_time(end, cases[i].end);
        zones_free(&z);
    }
}

/* Between now and the moment kn_bound_next names, "t <= bound" stays what it is. */
static void bounds(void **state)
{
    struct kn_rand rand = kn_rand_seed(6);
    (void)state;
    for (int round = 0; round < 20000; round++) {
        struct zones z;
        zones_make(&z, (enum zones_name)(round % ZONES_COUNT));
        struct kn_bound bound = {(int)kn_rand_below(&rand, 2) * 2 - 1,
                                 {1 + (uint32_t)kn_rand_below(&rand, 14),
                                  (uint32_t)kn_rand_below(&rand, KN_UNIT_COUNT)}};
        int64_t now = kn_rand_between(&rand, utc("2024-01-01"), utc("2028-12-31"));
        int64_t t = kn_bound_at(z.zone, now, &bound) +
                    kn_rand_between(&rand, -1, 1) * kn_rand_between(&rand, 0, 8 * ZONES_DAY_US);
        int64_t next = kn_bound_next(z.zone, now, &bound, t);
        bool held = t <= kn_bound_at(z.zone, now, &bound);
        assert_true(next > now);
        int64_t limit = next == INT64_MAX ? now + 60 * ZONES_DAY_US : next;
        for (int k = 0; k < 30; k++) {
            int64_t at = k == 0 ? limit - 1 : kn_rand_between(&rand, now, limit - 1);
            if (k > 15 && z.count) { /* near clock changes and midnights */
                at = kn_zone_day_start(z.zone, kn_zone_day(z.zone, at)) +
                     kn_rand_between(&rand, -2, 3 * 3600 + 2) * INT64_C(1000000);
            }
            if (at < now || at >= limit) {
                continue;
            }
            if ((t <= kn_bound_at(z.zone, at, &bound)) != held) {
                fail_msg("round %d: at %" PRId64 " before %" PRId64, round, at, next);
            }
        }
        zones_free(&z);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dates),
        cmocka_unit_test(shifts),
        cmocka_unit_test(periods),
        cmocka_unit_test(bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
