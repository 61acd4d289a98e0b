/* When a delivery is tried again. */
#include "deliver/retry.h"

#include "cm.h"

static void outcomes(void **state)
{
    static const int good[] = {200, 202, 204, 299};
    static const int again[] = {0, 408, 425, 429, 500, 502, 503, 504};
    static const int never[] = {100, 301, 302, 400, 401, 403, 404, 410, 422};
    int64_t wait;
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        assert_int_equal(kn_retry(1, good[i], 0, 0, &wait), KN_DELIVERED);
    }
    for (size_t i = 0; i < sizeof again / sizeof *again; i++) {
        assert_int_equal(kn_retry(1, again[i], 0, 0, &wait), KN_RETRY);
        assert_int_equal(wait, 5 * 1000000);
    }
    for (size_t i = 0; i < sizeof never / sizeof *never; i++) {
        assert_int_equal(kn_retry(1, never[i], 0, 0, &wait), KN_DEAD);
        assert_int_equal(wait, 0);
    }
}

static void waits_grow_and_end(void **state)
{
    int64_t before = 0;
    int64_t wait;
    (void)state;
    for (unsigned try = 1; try < KN_TRIES_MAX; try++) {
        assert_int_equal(kn_retry(try, 500, 0, 0, &wait), KN_RETRY);
        assert_true(wait > before);
        before = wait;
        int64_t spread;
        for (uint64_t s = 1; s < 100; s++) {
            assert_int_equal(kn_retry(try, 500, 0, s * 1234567891, &spread), KN_RETRY);
            assert_true(spread >= wait && spread <= wait + wait / 5);
        }
    }
    assert_int_equal(kn_retry(KN_TRIES_MAX, 500, 0, 0, &wait), KN_DEAD);
    assert_int_equal(kn_retry(0, 500, 0, 0, &wait), KN_DEAD);
}

static void what_the_receiver_asks(void **state)
{
    int64_t wait;
    (void)state;
    assert_int_equal(kn_retry(1, 429, 60, 0, &wait), KN_RETRY);
    assert_int_equal(wait, 60 * INT64_C(1000000));
    assert_int_equal(kn_retry(3, 429, 60, 0, &wait), KN_RETRY);
    assert_int_equal(wait, 1800 * INT64_C(1000000)); /* never sooner than the schedule */
    assert_int_equal(kn_retry(1, 503, INT64_MAX, 0, &wait), KN_RETRY);
    assert_int_equal(wait, 86400 * INT64_C(1000000));
    assert_int_equal(kn_retry(1, 503, -5, 0, &wait), KN_RETRY);
    assert_int_equal(wait, 5 * INT64_C(1000000));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(outcomes),
        cmocka_unit_test(waits_grow_and_end),
        cmocka_unit_test(what_the_receiver_asks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
