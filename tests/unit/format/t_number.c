/* Exact decimals and their sums. */
#include <stdio.h>

#include "base/rand.h"
#include "cm.h"
#include "format/number.h"

static void check_text(struct kn_buf *out, const char *want)
{
    kn_buf_char(out, '\0');
    assert_string_equal(out->p, want);
    kn_buf_clear(out);
}

static void parsed(void **state)
{
    static const struct {
        const char *text, *want;
    } cases[] = {
        {"0", "0"},
        {"-0", "0"},
        {"7", "7"},
        {"007", "7"},
        {"12.50", "12.5"},
        {"-0.05", "-0.05"},
        {"100", "100"},
        {"100.5", "100.5"},
        {"0.000000000000000001", "0.000000000000000001"},
        {"999999999999999999", "999999999999999999"},
        {"123456789.123456789", "123456789.123456789"},
        {"1.000000000000000000000000", "1"},
        {"000000000000000000000000.5", "0.5"},
        {"1e3", "1000"},
        {"1.5E-3", "0.0015"},
        {"-12e+1", "-120"},
        {"0e99", "0"},
        {"1e17", "100000000000000000"},
    };
    static const char *const bad[] = {
        "",
        "-",
        "+1",
        ".5",
        "5.",
        "1.",
        "1e",
        "1e+",
        "a",
        "1a",
        " 1",
        "1 ",
        "1,5",
        "0x1",
        "1e18",
        "1e-19",
        "1234567890123456789",
        "1.234567890123456789",
        "1000000000000000000",
        "0.0000000000000000001",
        "--1",
        "1e99999999999999999999",
        "1.5.2",
    };
    struct kn_buf out;
    kn_dec value;
    (void)state;
    kn_buf_init(&out, 1000);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_true(kn_dec_parse(kn_str_c(cases[i].text), true, &value));
        kn_dec_format(value, &out);
        check_text(&out, cases[i].want);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        if (kn_dec_parse(kn_str_c(bad[i]), true, &value)) {
            fail_msg("%s is accepted", bad[i]);
        }
    }
    assert_false(kn_dec_parse(KN_STR("1e3"), false, &value));
    kn_buf_deinit(&out);
}

static void summed(void **state)
{
    struct kn_wide sum = {{0, 0, 0}}, other;
    struct kn_buf out;
    kn_dec big, cent;
    (void)state;
    kn_buf_init(&out, 1000);
    assert_true(kn_dec_parse(KN_STR("-999999999999999999"), false, &big));
    assert_true(kn_dec_parse(KN_STR("0.01"), false, &cent));
    for (int i = 0; i < 1000; i++) {
        kn_wide_add(&sum, big);
    }
    kn_wide_format(&sum, &out);
    check_text(&out, "-999999999999999999000");
    other = kn_wide_times(big, 1000);
    assert_int_equal(kn_wide_cmp(&sum, &other), 0);
    kn_wide_add(&sum, cent);
    assert_int_equal(kn_wide_cmp(&sum, &other), 1);
    assert_int_equal(kn_wide_cmp(&other, &sum), -1);
    kn_wide_format(&sum, &out);
    check_text(&out, "-999999999999999998999.99");
    /* Back to where it came from, over zero too. */
    struct kn_wide back = kn_wide_minus(&sum, &other), down = kn_wide_minus(&other, &sum);
    struct kn_wide one_cent = {{0, 0, 0}}, minus_cent = {{0, 0, 0}};
    kn_wide_add(&one_cent, cent);
    kn_wide_add(&minus_cent, -cent);
    assert_int_equal(kn_wide_cmp(&back, &one_cent), 0);
    assert_int_equal(kn_wide_cmp(&down, &minus_cent), 0);
    other = kn_wide_times(big, UINT64_MAX);
    kn_wide_format(&other, &out);
    check_text(&out, "-18446744073709551596553255926290448385");
    kn_buf_deinit(&out);
}

static void mean(void **state)
{
    static const struct {
        const char *sum;
        uint64_t count;
        const char *want;
    } cases[] = {
        {"10", 4, "2.5"},        {"10", 3, "3.333333"},       {"20", 3, "6.666667"},
        {"-20", 3, "-6.666667"}, {"0.000001", 2, "0.000001"}, {"-0.000001", 2, "-0.000001"},
        {"0.0000009", 2, "0"},   {"-0.0000009", 2, "0"},      {"0", 5, "0"},
        {"1", 1, "1"},           {"0.000003", 2, "0.000002"},
    };
    struct kn_buf out;
    (void)state;
    kn_buf_init(&out, 1000);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct kn_wide sum = {{0, 0, 0}};
        kn_dec value;
        assert_true(kn_dec_parse(kn_str_c(cases[i].sum), false, &value));
        kn_wide_add(&sum, value);
        kn_wide_format_mean(&sum, cases[i].count, &out);
        check_text(&out, cases[i].want);
    }
    kn_buf_deinit(&out);
}

/* Times is repeated addition, and the order is that of the numbers. */
static void laws(void **state)
{
    struct kn_rand rand = kn_rand_seed(20);
    (void)state;
    for (int i = 0; i < 20000; i++) {
        kn_dec a = kn_dec_int(kn_rand_between(&rand, -1000000000, 1000000000)) / 1000 *
                   (kn_rand_chance(&rand, 1, 2) ? 1 : 100000);
        kn_dec b = kn_dec_int(kn_rand_between(&rand, -1000, 1000)) / 1000;
        uint64_t count = kn_rand_below(&rand, 20);
        struct kn_wide sum = {{0, 0, 0}}, left = {{0, 0, 0}}, right = {{0, 0, 0}};
        for (uint64_t k = 0; k < count; k++) {
            kn_wide_add(&sum, a);
        }
        struct kn_wide product = kn_wide_times(a, count);
        assert_int_equal(kn_wide_cmp(&sum, &product), 0);
        kn_wide_add(&left, a);
        kn_wide_add(&right, b);
        assert_int_equal(kn_wide_cmp(&left, &right), (a > b) - (a < b));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(parsed), cmocka_unit_test(summed),
                                       cmocka_unit_test(mean), cmocka_unit_test(laws)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
