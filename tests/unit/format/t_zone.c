/* Time zones: against libc's own reading of the same files, gaps and overlaps by hand, any bytes.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/rand.h"
#include "cm.h"
#include "format/time_text.h"
#include "format/zone_internal.h"

#define SECOND_US INT64_C(1000000)

static struct kn_zone *must(const char *rules)
{
    struct kn_zone *z = NULL;
    assert_int_equal(kn_zone_parse(kn_str_c(rules), &z, NULL), KN_OK);
    return z;
}

/* NULL when this machine has no such zone. */
static struct kn_zone *from_file(const char *name)
{
    char path[256];
    char bytes[65536];
    (void)snprintf(path, sizeof path, "/usr/share/zoneinfo/%s", name);
    FILE *f = fopen(path, "re");
    assert_non_null(f); /* the set-up installs tzdata */
    size_t len = fread(bytes, 1, sizeof bytes, f);
    (void)fclose(f);
    struct kn_zone *z = NULL;
    assert_int_equal(kn_zone_parse(kn_str(bytes, len), &z, NULL), KN_OK);
    return z;
}

static int64_t at(const char *text)
{
    int64_t us;
    assert_true(kn_time_parse(kn_str_c(text), &us));
    return us;
}

static const char *const names[] = {"Europe/Amsterdam",
                                    "Europe/Dublin",
                                    "Europe/London",
                                    "Europe/Lisbon",
                                    "Europe/Istanbul",
                                    "Europe/Moscow",
                                    "Africa/Casablanca",
                                    "America/New_York",
                                    "America/St_Johns",
                                    "America/Sao_Paulo",
                                    "America/Los_Angeles",
                                    "America/Nuuk",
                                    "Asia/Kathmandu",
                                    "Asia/Kolkata",
                                    "Asia/Tehran",
                                    "Asia/Gaza",
                                    "Australia/Sydney",
                                    "Australia/Lord_Howe",
                                    "Pacific/Apia",
                                    "Pacific/Chatham",
                                    "Pacific/Kiritimati",
                                    "Antarctica/Troll",
                                    "UTC"};

static void same_as_libc(void **state)
{
    (void)state;
    struct kn_rand r = kn_rand_seed(7);
    for (size_t n = 0; n < sizeof names / sizeof names[0]; n++) {
        struct kn_zone *z = from_file(names[n]);
        assert_int_equal(setenv("TZ", names[n], 1), 0);
        tzset();
        for (int i = 0; i < 20000; i++) {
            /* 1880 to 2190; half of them on a clock's hour, where changes happen */
            int64_t t = kn_rand_between(&r, INT64_C(-2840140800), INT64_C(6942585600));
            t = i % 2 ? t - t % 1800 : t;
            time_t libc_time = (time_t)t;
            struct tm expected;
            struct kn_local got = {0};
            assert_non_null(localtime_r(&libc_time, &expected));
            kn_zone_local(z, t * SECOND_US + 5, &got);
            if (kn_zone_offset(z, t * SECOND_US) != expected.tm_gmtoff) {
                print_message("%s at %lld\n", names[n], (long long)t);
            }
            assert_int_equal(kn_zone_offset(z, t * SECOND_US), expected.tm_gmtoff);
            assert_int_equal(got.year, expected.tm_year + 1900);
            assert_int_equal(got.month, expected.tm_mon + 1);
            assert_int_equal(got.day, expected.tm_mday);
            assert_int_equal(got.hour, expected.tm_hour);
            assert_int_equal(got.minute, expected.tm_min);
            assert_int_equal(got.second, expected.tm_sec);
            assert_int_equal(got.microsecond, 5);
            assert_int_equal(got.weekday, expected.tm_wday);
            /* back: the first moment with this local time */
            int64_t back = kn_zone_utc(z, &got);
            struct kn_local again = {0};
            kn_zone_local(z, back, &again);
            assert_int_equal(again.hour, got.hour);
            assert_int_equal(again.minute, got.minute);
            assert_int_equal(again.second, got.second);
            assert_int_equal(again.day, got.day);
            assert_int_equal(again.month, got.month);
            assert_int_equal(again.year, got.year);
            assert_true(back <= t * SECOND_US + 5);
        }
        kn_zone_free(z);
    }
}

/* The start of a day is its first moment: not in it a microsecond before, in it then. */
static void day_starts(void **state)
{
    (void)state;
    for (size_t n = 0; n < sizeof names / sizeof names[0]; n++) {
        struct kn_zone *z = from_file(names[n]);
        for (int64_t day = 3650; day < 25000; day++) {
            int64_t start = kn_zone_day_start(z, day);
            int64_t found = kn_zone_day(z, start);
            assert_true(found == day || found == day + 1); /* a day may be left out (Apia 2011) */
            assert_true(kn_zone_day(z, start - 1) < found);
        }
        kn_zone_free(z);
    }
}

static void gaps_and_overlaps(void **state)
{
    (void)state;
    struct kn_zone *z = must(KN_ZONE_DEFAULT_RULES);
    struct kn_local l = {.year = 2026, .month = 3, .day = 29, .hour = 2, .minute = 30};
    assert_int_equal(kn_zone_utc(z, &l), at("2026-03-29T01:30:00Z")); /* shown as 03:30 */
    l = (struct kn_local){.year = 2026, .month = 10, .day = 25, .hour = 2, .minute = 30};
    assert_int_equal(kn_zone_utc(z, &l), at("2026-10-25T00:30:00Z")); /* the first 02:30 */
    assert_int_equal(kn_zone_day_start(z, kn_days_from_civil(2026, 7, 1)),
                     at("2026-06-30T22:00:00Z"));
    assert_int_equal(kn_zone_day_start(z, kn_days_from_civil(2026, 1, 1)),
                     at("2025-12-31T23:00:00Z"));
    assert_int_equal(kn_zone_day(z, at("2026-07-01T22:00:00Z")), kn_days_from_civil(2026, 7, 2));
    kn_zone_free(z);
    z = from_file("America/Sao_Paulo"); /* changed at midnight: that day began at one */
    assert_int_equal(kn_zone_day_start(z, kn_days_from_civil(2018, 11, 4)),
                     at("2018-11-04T03:00:00Z"));
    kn_zone_free(z);
}

static void months(void **state)
{
    (void)state;
    struct kn_zone *z = must(KN_ZONE_DEFAULT_RULES);
    assert_int_equal(kn_zone_add_months(z, at("2026-03-31T10:00:00Z"), -1),
                     at("2026-02-28T11:00:00Z")); /* noon stays noon over the change */
    assert_int_equal(kn_zone_add_months(z, at("2024-03-31T10:00:00Z"), -1),
                     at("2024-02-29T11:00:00Z"));
    assert_int_equal(kn_zone_add_months(z, at("2026-01-31T11:00:00Z"), -12),
                     at("2025-01-31T11:00:00Z"));
    assert_int_equal(kn_zone_add_months(z, at("2026-01-15T11:00:00.25Z"), -13),
                     at("2024-12-15T11:00:00.25Z"));
    assert_int_equal(kn_zone_add_months(z, at("2024-02-29T11:00:00Z"), 12),
                     at("2025-02-28T11:00:00Z"));
    kn_zone_free(z);
}

static void rules(void **state)
{
    (void)state;
    static const char *const bad[] = {"",
                                      "CE",
                                      "CET",
                                      "CET-1CEST",
                                      "CET-1CEST,M3.5.0",
                                      "CET-1CEST,M13.5.0,M10.5.0",
                                      "CET-1CEST,M3.6.0,M10.5.0",
                                      "CET-1CEST,M3.5.7,M10.5.0",
                                      "CET-1CEST,J0,J1",
                                      "CET-1x",
                                      "CET-200",
                                      "<CET-1",
                                      "CET-1CEST,M3.5.0,M10.5.0/3 "};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct kn_zone *z;
        assert_int_equal(kn_zone_parse(kn_str_c(bad[i]), &z, NULL), KN_E_INVALID);
    }
    static const struct {
        const char *rules, *at;
        int32_t offset;
    } good[] = {{"<+0330>-3:30", "2026-01-01", 12600},
                {"EST5EDT,M3.2.0,M11.1.0", "2026-07-01", -14400},
                {"EST5EDT,0/0,J365/25", "2026-12-31T23:59:59Z", -14400},
                {"IST-1GMT0,M10.5.0,M3.5.0/1", "2026-01-01", 0},
                {"IST-1GMT0,M10.5.0,M3.5.0/1", "2026-07-01", 3600},
                {"AEST-10AEDT,M10.1.0,M4.1.0/3", "2026-01-01", 39600}};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        struct kn_zone *z = must(good[i].rules);
        assert_int_equal(kn_zone_offset(z, at(good[i].at)), good[i].offset);
        kn_zone_free(z);
    }
}

/* Files that are cut or changed anywhere: an error or a zone, never more. */
static void broken_files(void **state)
{
    (void)state;
    char bytes[65536];
    struct kn_rand r = kn_rand_seed(3);
    FILE *f = fopen("/usr/share/zoneinfo/Europe/Amsterdam", "re");
    assert_non_null(f);
    size_t len = fread(bytes, 1, sizeof bytes, f);
    (void)fclose(f);
    for (size_t cut = 0; cut < len; cut++) {
        char *copy = kn_must_alloc(cut + 1);
        struct kn_zone *z = NULL;
        memcpy(copy, bytes, cut);
        assert_int_not_equal(kn_zone_parse(kn_str(copy, cut), &z, NULL), KN_OK);
        kn_free(copy);
    }
    for (int i = 0; i < 20000; i++) {
        char *copy = kn_must_alloc(len);
        struct kn_zone *z = NULL;
        memcpy(copy, bytes, len);
        for (uint64_t k = kn_rand_below(&r, 4) + 1; k > 0; k--) {
            copy[kn_rand_below(&r, len)] = (char)kn_rand_u64(&r);
        }
        if (kn_zone_parse(kn_str(copy, len), &z, NULL) == KN_OK) {
            (void)kn_zone_day_start(z, 20000);
            kn_zone_free(z);
        }
        kn_free(copy);
    }
}

static int64_t new_year(int64_t year)
{
    return kn_days_from_civil(year, 1, 1) * 86400 * SECOND_US;
}

/* Rules are written out for some centuries: the same answers as from the rule, and the moments
 * between. */
static void written_out(void **state)
{
    static const char *const rules[] = {"CET-1CEST,M3.5.0,M10.5.0/3",
                                        "UTC0",
                                        "IST-1GMT0,M10.5.0,M3.5.0/1",
                                        "AEST-10AEDT,M10.1.0,M4.1.0/3",
                                        "EST5EDT,0/0,J365/25",
                                        "NST3:30NDT,M3.2.0/0:01,M11.1.0/0:01",
                                        "<-02>2<-01>,M3.5.0/-1,M10.5.0/0",
                                        "AAA0BBB,J1/-167,J365/167"};
    struct kn_rand r = kn_rand_seed(11);
    const int64_t span = INT64_C(31556952) * 360 * SECOND_US, from = new_year(1870);
    (void)state;
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
        struct kn_zone *z = must(rules[i]);
        struct kn_zone_rule rule;
        int64_t us = from;
        assert_true(kn_zone_rule_parse(kn_str_c(rules[i]), &rule));
        for (int k = 0; k < 20000; k++) {
            int64_t t = from + (int64_t)kn_rand_below(&r, (uint64_t)span);
            assert_int_equal(kn_zone_offset(z, t),
                             kn_zone_rule_offset(&rule, kn_floor_div(t, SECOND_US)));
        }
        while (us < new_year(2199)) {
            int64_t next = kn_zone_next_change(z, us);
            assert_true(next > us);
            if (next == INT64_MAX) {
                break;
            }
            assert_int_equal(kn_zone_offset(z, next - 1), kn_zone_offset(z, us));
            assert_int_equal(
                kn_zone_offset(z, us + (int64_t)kn_rand_below(&r, (uint64_t)(next - us))),
                kn_zone_offset(z, us));
            assert_true(us < new_year(1901) || kn_zone_offset(z, next) != kn_zone_offset(z, us) ||
                        next > new_year(2199));
            us = next;
        }
        kn_zone_free(z);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_as_libc),
        cmocka_unit_test(day_starts),
        cmocka_unit_test(gaps_and_overlaps),
        cmocka_unit_test(months),
        cmocka_unit_test(rules),
        cmocka_unit_test(broken_files),
        cmocka_unit_test(written_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
