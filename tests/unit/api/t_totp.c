/* One-time codes: the vectors of RFC 6238 (its 8 digits end in our 6), base32, windows and replay.
 */
#include "cm.h"

#include "api/totp.h"

static const unsigned char secret[] = "12345678901234567890";

static void test_vectors(void **state)
{
    static const struct {
        uint64_t at_s;
        const char *code;
    } rows[] = {{59, "287082"},         {1111111109, "081804"}, {1111111111, "050471"},
                {1234567890, "005924"}, {2000000000, "279037"}, {20000000000, "353130"}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char code[KN_TOTP_DIGITS + 1];
        kn_totp_code(secret, rows[i].at_s / KN_TOTP_STEP_S, code);
        assert_string_equal(code, rows[i].code);
    }
}

static void test_text(void **state)
{
    char text[KN_TOTP_SECRET_TEXT + 1];
    (void)state;
    kn_totp_secret_text(secret, text);
    assert_string_equal(text, "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
}

static void test_window_and_replay(void **state)
{
    uint64_t now_s = 1234567890;
    uint64_t step = now_s / KN_TOTP_STEP_S;
    (void)state;
    for (uint64_t s = step - 3; s <= step + 3; s++) {
        char code[KN_TOTP_DIGITS + 1];
        kn_totp_code(secret, s, code);
        bool near = s + 1 >= step && s <= step + 1;
        assert_int_equal(kn_totp_check(secret, kn_str_c(code), now_s, 0), near ? s : 0);
        assert_int_equal(kn_totp_check(secret, kn_str_c(code), now_s, s), 0);
        assert_int_equal(kn_totp_check(secret, kn_str_c(code), now_s, step + 1), 0);
    }
    assert_int_equal(kn_totp_check(secret, KN_STR("12345"), now_s, 0), 0);
    assert_int_equal(kn_totp_check(secret, KN_STR_EMPTY, now_s, 0), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors),
        cmocka_unit_test(test_text),
        cmocka_unit_test(test_window_and_replay),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
