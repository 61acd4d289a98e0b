/* Times as text: what SDKs write, what is refused, and the calendar against a day-by-day count. */
#include <inttypes.h>
#include <stdlib.h>

#include "base/rand.h"
#include "cm.h"
#include "format/time_text.h"

#define NOON INT64_C(1795428000000000) /* 2026-11-23T10:00:00Z */

static void accepted(void **state)
{
    static const struct {
        const char *text;
        int64_t us;
    } cases[] = {
        {"2026-11-23T10:00:00Z", NOON},
        {"2026-11-23t10:00:00z", NOON},
        {"2026-11-23T10:00:00.000Z", NOON},
        {"2026-11-23T10:00:00.256Z", NOON + 256000},
        {"2026-11-23T10:00:00.123456Z", NOON + 123456},
        {"2026-11-23T10:00:00.123456789Z", NOON + 123456},
        {"2026-11-23T10:00:00.1234567Z", NOON + 123456},
        {"2026-11-23T10:00:00,5Z", NOON + 500000},
        {"2026-11-23T10:00:00.901+00:00", NOON + 901000},
        {"2026-11-23T11:00:00+01:00", NOON},
        {"2026-11-23T11:00:00+0100", NOON},
        {"2026-11-23T11:00:00+01", NOON},
        {"2026-11-23T04:30:00-05:30", NOON},
        {"2026-11-24T00:00:00+14:00", NOON},
        {"2026-11-23 10:00:00", NOON},
        {"2026-11-23T10:00:00", NOON},
        {"2026-11-23T10:00Z", NOON},
        {"2026-11-23T10:00", NOON},
        {"  2026-11-23T10:00:00Z\n", NOON},
        {"2026-11-23", NOON - INT64_C(36000000000)},
        {"2015-2-02T00:00:00Z", INT64_C(1422835200000000)},
        {"2015-2-2T0:0:0Z", INT64_C(1422835200000000)},
        {"2016-12-31T23:59:60Z", INT64_C(1483228799999999)},
        {"2024-02-29", INT64_C(1709164800000000)},
        {"2000-02-29", INT64_C(951782400000000)},
        {"1970-01-01T00:00:00Z", 0},
        {"1969-12-31T23:59:59.999999Z", -1},
        {"1900-01-01", INT64_C(-2208988800000000)},
        {"2199-12-31T23:59:59.999999Z", INT64_C(7258118399999999)},
        {"1795428000", NOON},
        {"1795428000000", NOON},
        {"1795428000256", NOON + 256000},
        {"1795428000.25", NOON + 250000},
        {"1795428000256.5", NOON + 256500},
        {"315532800", INT64_C(315532800000000)},
        {"315532800000", INT64_C(315532800000000)},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int64_t us = 7;
        if (!kn_time_parse(kn_str_c(cases[i].text), &us) || us != cases[i].us) {
            fail_msg("%s gives %" PRId64, cases[i].text, us);
        }
    }
}

static void refused(void **state)
{
    static const char *const cases[] = {
        "",
        " ",
        "now",
        "null",
        "2026",
        "2026-11",
        "2026-11-",
        "2026-13-01",
        "2026-00-01",
        "2026-01-00",
        "2026-02-29",
        "1900-02-29",
        "2026-04-31",
        "2026-11-23T",
        "2026-11-23T10",
        "2026-11-23T10:",
        "2026-11-23T24:00:00Z",
        "2026-11-23T10:60:00Z",
        "2026-11-23T10:00:61Z",
        "2026-11-23T10:00:00.Z",
        "2026-11-23T10:00:00Zx",
        "2026-11-23T10:00:00 Z",
        "2026-11-23T10:00:00+",
        "2026-11-23T10:00:00+24:00",
        "2026-11-23T10:00:00+01:60",
        "2026-11-23T10:00:00+01:",
        "2026-11-23T10:00:00+01:00x",
        "2026-11-23T10:00:00ZZ",
        "26-11-23",
        "12026-11-23",
        "1899-12-31T23:59:59Z",
        "2200-01-01",
        "1900-01-01T00:00:00+01:00",
        "0001-01-01T00:00:00Z",
        "9999-12-31",
        "2026/11/23",
        "11-23-2026",
        "2026-11-23TT10:00:00Z",
        "12345678",
        "99999999999999",
        "17954280000000000",
        "1795428000.",
        "1795428000.x",
        "-1795428000",
        "1e12",
        "99999999999",
        "18446744073709551616",
        "2026-11-23T-1:00:00Z",
        "2026-11-23Z10:00:00",
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int64_t us = 7;
        if (kn_time_parse(kn_str_c(cases[i]), &us) || us != 7) {
            fail_msg("%s gives %" PRId64, cases[i], us);
        }
    }
}

static void written(void **state)
{
    static const struct {
        int64_t us;
        const char *text;
    } cases[] = {
        {NOON, "2026-11-23T10:00:00Z"},
        {NOON + 256000, "2026-11-23T10:00:00.256Z"},
        {NOON + 256001, "2026-11-23T10:00:00.256001Z"},
        {NOON + 1, "2026-11-23T10:00:00.000001Z"},
        {0, "1970-01-01T00:00:00Z"},
        {-1, "1969-12-31T23:59:59.999999Z"},
        {INT64_C(-2208988800000000), "1900-01-01T00:00:00Z"},
    };
    char text[KN_TIME_TEXT_MAX];
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct kn_str s = kn_time_format(cases[i].us, text);
        assert_string_equal(text, cases[i].text);
        assert_int_equal(s.len, strlen(text));
    }
    assert_true(kn_time_format(INT64_MIN, text).len < KN_TIME_TEXT_MAX);
    assert_true(kn_time_format(INT64_MAX, text).len < KN_TIME_TEXT_MAX);
}

static void there_and_back(void **state)
{
    const char *given = getenv("KERN_TEST_SEED");
    uint64_t seed = 20261123;
    (void)kn_str_u64(kn_str_c(given), &seed);
    print_message("seed %" PRIu64 "\n", seed);
    struct kn_rand r = kn_rand_seed(seed);
    char text[KN_TIME_TEXT_MAX];
    (void)state;
    for (int i = 0; i < 200000; i++) {
        int64_t us = kn_rand_between(&r, INT64_C(-2208988800000000), INT64_C(7258118399999999));
        us -= i % 3 == 0 ? us % 1000000 : i % 3 == 1 ? us % 1000 : 0;
        int64_t back = 0;
        assert_true(kn_time_parse(kn_time_format(us, text), &back));
        assert_true(back == us);
    }
}

/* Every day of 800 years, counted one by one. */
static void calendar(void **state)
{
    static const unsigned lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int64_t days = kn_days_from_civil(1600, 1, 1);
    (void)state;
    assert_int_equal(kn_days_from_civil(1970, 1, 1), 0);
    assert_int_equal(kn_days_from_civil(2000, 3, 1), 11017);
    for (int64_t year = 1600; year < 2400; year++) {
        bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
        for (unsigned month = 1; month <= 12; month++) {
            unsigned last = lengths[month - 1] + (month == 2 && leap ? 1U : 0U);
            for (unsigned day = 1; day <= last; day++, days++) {
                int64_t y;
                unsigned m;
                unsigned d;
                assert_true(kn_days_from_civil(year, month, day) == days);
                kn_civil_from_days(days, &y, &m, &d);
                assert_true(y == year && m == month && d == day);
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(accepted),       cmocka_unit_test(refused),  cmocka_unit_test(written),
        cmocka_unit_test(there_and_back), cmocka_unit_test(calendar),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
