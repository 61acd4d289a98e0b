/* Strings, errors, hashes, checksums, randomness and the heap's door. */
#include "cm.h"

#include "base/err.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/rand.h"

static void compares_and_cuts_strings(void **state)
{
    struct kn_str rest = KN_STR("a,b,,c");
    uint64_t n = 7;
    (void)state;
    assert_true(kn_str_cmp(KN_STR("a"), KN_STR("b")) < 0);
    assert_true(kn_str_cmp(KN_STR("ab"), KN_STR("a")) > 0);
    assert_true(kn_str_cmp(KN_STR("\xff"), KN_STR("a")) > 0); /* bytes, not signed chars */
    assert_int_equal(kn_str_cmp(KN_STR_EMPTY, KN_STR("")), 0);
    assert_true(kn_str_eq_nocase(KN_STR("X-Kern"), KN_STR("x-kERN")));
    assert_false(kn_str_eq_nocase(KN_STR("["), KN_STR("{"))); /* not letters */
    assert_int_equal(kn_str_find(KN_STR("aab"), KN_STR("ab")), 1);
    assert_int_equal(kn_str_find(KN_STR("ab"), KN_STR("abc")), SIZE_MAX);
    assert_int_equal(kn_str_find(KN_STR("ab"), KN_STR_EMPTY), 0);
    assert_true(kn_str_eq(kn_str_trim(KN_STR(" \t a b\r\n")), KN_STR("a b")));
    assert_int_equal(kn_str_trim(KN_STR("  ")).len, 0);
    assert_true(kn_str_eq(kn_str_sub(KN_STR("abc"), 1, SIZE_MAX), KN_STR("bc")));
    assert_int_equal(kn_str_sub(KN_STR("abc"), 9, 2).len, 0);
    assert_true(kn_str_eq(kn_str_split(&rest, ','), KN_STR("a")));
    assert_true(kn_str_eq(kn_str_split(&rest, ','), KN_STR("b")));
    assert_int_equal(kn_str_split(&rest, ',').len, 0);
    assert_true(kn_str_eq(kn_str_split(&rest, ','), KN_STR("c")));
    assert_int_equal(rest.len, 0);
    assert_true(kn_str_u64(KN_STR("18446744073709551615"), &n));
    assert_true(n == UINT64_MAX);
    assert_false(kn_str_u64(KN_STR("18446744073709551616"), &n));
    assert_false(kn_str_u64(KN_STR("+1"), &n));
    assert_false(kn_str_u64(KN_STR_EMPTY, &n));
    assert_true(n == UINT64_MAX);
}

static void errors_are_cut_not_overrun(void **state)
{
    char text[2000];
    struct kn_err err;
    (void)state;
    memset(text, 'x', sizeof text);
    text[sizeof text - 1] = '\0';
    assert_int_equal(kn_fail(&err, KN_E_IO, "%s", text), KN_E_IO);
    assert_int_equal(strlen(err.text), sizeof err.text - 1);
    assert_int_equal(kn_fail_wrap(&err, KN_E_LIMIT, "%s", text), KN_E_IO);
    assert_int_equal(strlen(err.text), sizeof err.text - 1);
    assert_int_equal(kn_fail(NULL, KN_E_FULL, "nobody reads this"), KN_E_FULL);
    assert_int_equal(kn_fail_wrap(NULL, KN_E_FULL, "nor this"), KN_E_FULL);
    (void)kn_fail_os(&err, KN_E_IO, 28, "cannot write");
    assert_int_equal(err.os_errno, 28);
    assert_int_equal(err.pos, SIZE_MAX);
    (void)kn_fail_wrap(&err, KN_E_IO, "log");
    assert_non_null(strstr(err.text, "log: cannot write: "));
}

static void checksums_are_the_known_ones(void **state)
{
    char zeros[32] = {0};
    char ones[32];
    (void)state;
    memset(ones, 0xff, sizeof ones);
    /* RFC 3720, appendix B.4 */
    assert_int_equal(kn_crc32c(0, kn_str(zeros, 32)), 0x8a9136aaU);
    assert_int_equal(kn_crc32c(0, kn_str(ones, 32)), 0x62a8ab43U);
    assert_int_equal(kn_crc32c(0, KN_STR("123456789")), 0xe3069283U);
    assert_int_equal(kn_crc32c(0, KN_STR_EMPTY), 0);
    /* In pieces it is the same, wherever the cut. */
    struct kn_str s = KN_STR("The quick brown fox jumps over the lazy dog, twice and again.");
    for (size_t i = 0; i <= s.len; i++) {
        uint32_t crc = kn_crc32c(0, kn_str_sub(s, 0, i));
        assert_int_equal(kn_crc32c(crc, kn_str_sub(s, i, s.len)), kn_crc32c(0, s));
    }
    /* XXH3-64 of the empty input and of "abc", from the specification's test program. */
    assert_true(kn_checksum64(KN_STR_EMPTY) == 0x2d06800538d394c2U);
    assert_true(kn_checksum64(KN_STR("abc")) == 0x78af5f94892f3950U);
}

static void hashes_depend_on_key_tag_and_bytes(void **state)
{
    struct kn_hash_key a = kn_hash_key_from(KN_STR("a"));
    struct kn_hash_key b = kn_hash_key_from(KN_STR("b"));
    (void)state;
    assert_true(kn_h128_eq(kn_hash(&a, KN_STR("x")), kn_hash(&a, KN_STR("x"))));
    assert_false(kn_h128_eq(kn_hash(&a, KN_STR("x")), kn_hash(&b, KN_STR("x"))));
    assert_false(kn_h128_eq(kn_hash(&a, KN_STR("x")), kn_hash(&a, KN_STR("y"))));
    assert_false(
        kn_h128_eq(kn_hash_tagged(&a, 1, KN_STR("x")), kn_hash_tagged(&a, 2, KN_STR("x"))));
    for (size_t len = 0; len < 600; len++) { /* short, middle and long inputs of the algorithm */
        char bytes[600] = {0};
        struct kn_h128 all = kn_hash_tagged(&a, 7, kn_str(bytes, len));
        assert_false(kn_h128_is_zero(all));
        if (len > 0) {
            bytes[len - 1] = 1;
            assert_false(kn_h128_eq(all, kn_hash_tagged(&a, 7, kn_str(bytes, len))));
        }
    }
    struct kn_h128 low = {.lo = UINT64_MAX, .hi = 1};
    struct kn_h128 high = {.lo = 0, .hi = 2};
    assert_true(kn_h128_cmp(low, high) < 0 && kn_h128_cmp(high, low) > 0);
    assert_int_equal(kn_h128_cmp(low, low), 0);
}

static void random_numbers_repeat_and_spread(void **state)
{
    struct kn_rand a = kn_rand_seed(42);
    struct kn_rand b = kn_rand_seed(42);
    size_t counts[10] = {0};
    (void)state;
    for (int i = 0; i < 10000; i++) {
        assert_true(kn_rand_u64(&a) == kn_rand_u64(&b));
        uint64_t n = kn_rand_below(&a, 10);
        assert_true(n == kn_rand_below(&b, 10));
        assert_true(n < 10);
        counts[n]++;
        int64_t m = kn_rand_between(&a, -3, 3);
        assert_true(m >= -3 && m <= 3 && m == kn_rand_between(&b, -3, 3));
        double u = kn_rand_unit(&a);
        assert_true(u >= 0.0 && u < 1.0);
        (void)kn_rand_unit(&b);
    }
    for (int i = 0; i < 10; i++) { /* 1000 expected, standard deviation 30 */
        assert_true(counts[i] > 800 && counts[i] < 1200);
    }
    assert_int_equal(kn_rand_below(&a, 1), 0);
    assert_int_equal(kn_rand_between(&a, 5, 5), 5);
    (void)kn_rand_between(&a, INT64_MIN, INT64_MAX); /* the whole range: no overflow */
    (void)kn_rand_below(&a, UINT64_MAX);
    assert_false(kn_rand_chance(&a, 0, 5));
    assert_true(kn_rand_chance(&a, 5, 5));
    struct kn_rand zero = kn_rand_seed(0); /* no seed is a fixed point */
    assert_true((zero.s[0] | zero.s[1] | zero.s[2] | zero.s[3]) != 0);
}

static void memory_is_counted_and_fails_on_purpose(void **state)
{
    uint64_t before = kn_mem_bytes();
    (void)state;
    void *a = kn_alloc(1000);
    assert_true(kn_mem_bytes() >= before + 1000);
    a = kn_realloc(a, 5000);
    assert_true(kn_mem_bytes() >= before + 5000);
    kn_mem_fail_after(1);
    void *b = kn_alloc(10);
    assert_non_null(b);
    void *c = kn_realloc(a, 6000);
    assert_null(c); /* and a is still there */
    c = kn_calloc(1, 1);
    assert_null(c);
    assert_null(kn_strdup("x"));
    void *d = kn_must_alloc(10); /* what may not fail does not */
    kn_mem_fail_after(UINT64_MAX);
    kn_free(a);
    kn_free(b);
    kn_free(d);
    kn_free(NULL);
    void *e = kn_alloc(0);
    assert_non_null(e);
    kn_free(e);
    e = kn_calloc(SIZE_MAX / 2, 4);
    assert_null(e); /* no overflow */
    assert_int_equal(kn_mem_bytes(), before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(compares_and_cuts_strings),
        cmocka_unit_test(errors_are_cut_not_overrun),
        cmocka_unit_test(checksums_are_the_known_ones),
        cmocka_unit_test(hashes_depend_on_key_tag_and_bytes),
        cmocka_unit_test(random_numbers_repeat_and_spread),
        cmocka_unit_test(memory_is_counted_and_fails_on_purpose),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
