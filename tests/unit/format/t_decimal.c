/* Money as text: exact, rounded half away from zero, refused beyond its limits. */
#include <inttypes.h>
#include <stdlib.h>

#include "base/rand.h"
#include "cm.h"
#include "format/decimal.h"

static void accepted(void **state)
{
    static const struct {
        const char *text, *currency;
        int64_t minor;
    } cases[] = {
        {"12.5", "EUR", 1250},
        {"12.50", "EUR", 1250},
        {"0", "EUR", 0},
        {"-0", "EUR", 0},
        {"0.00", "EUR", 0},
        {"19.99", "USD", 1999},
        {"-19.99", "USD", -1999},
        {"1e2", "EUR", 10000},
        {"1.5E+1", "EUR", 1500},
        {"125e-1", "EUR", 1250},
        {"0.004", "EUR", 0},
        {"0.005", "EUR", 1},
        {"0.0049999", "EUR", 0},
        {"-0.005", "EUR", -1},
        {"1.005", "EUR", 101},
        {"2.675", "EUR", 268},
        {"0.05", "JPY", 0},
        {"0.5", "JPY", 1},
        {"1234", "JPY", 1234},
        {"1.2345", "BHD", 1235},
        {"1.2345", "", 123},
        {" 7 ", "EUR", 700},
        {"007", "EUR", 700},
        {"999999999999999999", "JPY", 999999999999999999},
        {"0.30000000000000004", "EUR", 30},
        {"9223372036854775e1", "EUR", 9223372036854775000},
        {"1e-1000", "EUR", 0},
        {"0e1000", "EUR", 0},
        {"5e-3", "EUR", 1},
        {"49e-4", "EUR", 0},
        {"0.000000000000000000000000000001", "EUR", 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int64_t minor = -7;
        bool ok = kn_money_parse(kn_str_c(cases[i].text), cases[i].currency, &minor);
        if (!ok || minor != cases[i].minor) {
            fail_msg("%s %s gives %" PRId64, cases[i].text, cases[i].currency, minor);
        }
    }
}

static void refused(void **state)
{
    static const char *const cases[] = {
        "",
        " ",
        "-",
        "+1",
        ".5",
        "5.",
        "1.2.3",
        "1,5",
        "1e",
        "1e+",
        "e1",
        "0x10",
        "abc",
        "1 2",
        "12a",
        "NaN",
        "--1",
        "1e1001",
        "1e-1001",
        "1234567890123456789",
        "1e17",
        "1e18",
        "92233720368547758.07",
        "999999999999999999",
        "1.0000000000000000001",
        "1e99999999999999999999",
        "\342\202\2545",
        "5-",
        "1_000",
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int64_t minor = -7;
        bool ok = kn_money_parse(kn_str_c(cases[i]), "EUR", &minor);
        if (ok || minor != -7) {
            fail_msg("%s gives %" PRId64, cases[i], minor);
        }
    }
}

static void written(void **state)
{
    static const struct {
        int64_t minor;
        const char *currency, *text;
    } cases[] = {
        {1250, "EUR", "12.5"},
        {1200, "EUR", "12"},
        {1, "EUR", "0.01"},
        {-1, "EUR", "-0.01"},
        {0, "EUR", "0"},
        {5, "JPY", "5"},
        {100, "JPY", "100"},
        {1235, "BHD", "1.235"},
        {1230, "", "12.3"},
        {10, "EUR", "0.1"},
        {-1250, "EUR", "-12.5"},
        {INT64_MAX, "EUR", "92233720368547758.07"},
        {INT64_MIN, "EUR", "-92233720368547758.08"},
        {12345, "CLF", "1.2345"},
    };
    struct kn_buf out;
    (void)state;
    kn_buf_init(&out, 100);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        kn_buf_clear(&out);
        kn_money_format(cases[i].minor, cases[i].currency, &out);
        kn_buf_char(&out, '\0');
        assert_string_equal(out.p, cases[i].text);
    }
    kn_buf_deinit(&out);
}

static void there_and_back(void **state)
{
    static const char *const currencies[] = {"EUR", "JPY", "BHD", "CLF", ""};
    const char *given = getenv("KERN_TEST_SEED");
    uint64_t seed = 20261123;
    (void)kn_str_u64(kn_str_c(given), &seed);
    print_message("seed %" PRIu64 "\n", seed);
    struct kn_rand r = kn_rand_seed(seed);
    struct kn_buf out;
    (void)state;
    kn_buf_init(&out, 100);
    for (int i = 0; i < 100000; i++) {
        const char *currency = currencies[kn_rand_below(&r, 5)];
        int64_t bound = INT64_C(1) << kn_rand_below(&r, 59);
        int64_t minor = kn_rand_between(&r, -bound, bound);
        int64_t back = 0;
        kn_buf_clear(&out);
        kn_money_format(minor, currency, &out);
        assert_true(kn_money_parse(kn_buf_view(&out), currency, &back) && back == minor);
    }
    kn_buf_deinit(&out);
}

static void currencies(void **state)
{
    static const char *const none[] = {"JPY", "KRW", "VND", "CLP", "ISK", "UGX", "XAF", "XOF",
                                       "XPF", "PYG", "RWF", "KMF", "DJF", "GNF", "VUV", "BIF"};
    static const char *const three[] = {"BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"};
    char code[4] = "old";
    (void)state;
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++) {
        assert_int_equal(kn_currency_digits(none[i]), 0);
    }
    for (size_t i = 0; i < sizeof three / sizeof three[0]; i++) {
        assert_int_equal(kn_currency_digits(three[i]), 3);
    }
    assert_int_equal(kn_currency_digits("EUR"), 2);
    assert_int_equal(kn_currency_digits("HUF"), 2);
    assert_int_equal(kn_currency_digits(""), 2);
    assert_int_equal(kn_currency_digits("ZZZ"), 2);
    assert_false(kn_currency_parse(KN_STR("EURO"), code));
    assert_false(kn_currency_parse(KN_STR("EU"), code));
    assert_false(kn_currency_parse(KN_STR("E1R"), code));
    assert_false(kn_currency_parse(KN_STR("\xe2\x82\xac"), code));
    assert_false(kn_currency_parse(KN_STR_EMPTY, code));
    assert_string_equal(code, "old");
    assert_true(kn_currency_parse(KN_STR(" eUr "), code));
    assert_string_equal(code, "EUR");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(accepted),       cmocka_unit_test(refused),    cmocka_unit_test(written),
        cmocka_unit_test(there_and_back), cmocka_unit_test(currencies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
