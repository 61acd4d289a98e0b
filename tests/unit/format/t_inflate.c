/* gzip and zlib bodies: whole, cut, damaged, joined, and bombs. */
#include <stdlib.h>

#include "base/mem.h"
#include "base/rand.h"
#include "cm.h"
#include "format/inflate.h"

/* "hello hello" as zlib. */
static const char zlib_hello[] = "\x78\x9c\xcb\x48\xcd\xc9\xc9\x57\xc8\x00\x91\x00\x19\x91\x04\x49";

static struct kn_buf zipped(const char *bytes, size_t len)
{
    struct kn_buf out;
    kn_buf_init(&out, 64 << 20);
    assert_int_equal(kn_deflate(kn_str(bytes, len), &out, NULL), KN_OK);
    assert_true(kn_is_gzip(kn_buf_view(&out)));
    return out;
}

static void there_and_back(void **state)
{
    static const size_t sizes[] = {0, 1, 100, 65535, 65536, 65537, 300000};
    struct kn_rand r = kn_rand_seed(5);
    char *bytes = malloc(300000);
    (void)state;
    assert_non_null(bytes);
    for (size_t i = 0; i < 300000; i++) {
        bytes[i] = (char)kn_rand_below(&r, 20);
    }
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct kn_buf z = zipped(bytes, sizes[i]);
        struct kn_buf out;
        kn_buf_init(&out, sizes[i] + 3); /* exactly what is needed */
        kn_buf_c(&out, "abc");
        assert_int_equal(kn_inflate(kn_buf_view(&z), &out, NULL), KN_OK);
        assert_int_equal(out.len, sizes[i] + 3);
        assert_memory_equal(out.p, "abc", 3);
        assert_memory_equal(out.p + 3, bytes, sizes[i]);
        kn_buf_deinit(&out);
        if (sizes[i] > 0) {
            struct kn_err err = {0};
            kn_buf_init(&out, sizes[i] + 2); /* one byte too few */
            kn_buf_c(&out, "abc");
            assert_int_equal(kn_inflate(kn_buf_view(&z), &out, &err), KN_E_LIMIT);
            assert_int_equal(out.len, 3);
            kn_buf_deinit(&out);
        }
        kn_buf_deinit(&z);
    }
    free(bytes);
}

static void bomb(void **state)
{
    char *zeros = calloc(1, 32 << 20);
    assert_non_null(zeros);
    struct kn_buf z = zipped(zeros, 32 << 20);
    struct kn_buf out;
    struct kn_err err = {0};
    uint64_t before = kn_mem_bytes();
    (void)state;
    free(zeros);
    assert_true(z.len < 64 << 10);
    kn_buf_init(&out, 1 << 20);
    assert_int_equal(kn_inflate(kn_buf_view(&z), &out, &err), KN_E_LIMIT);
    assert_true(out.cap <= 1 << 20);
    assert_int_equal(out.len, 0);
    kn_buf_deinit(&out);
    assert_true(kn_mem_bytes() == before);
    kn_buf_deinit(&z);
}

static void members_and_followers(void **state)
{
    struct kn_buf a = zipped("first ", 6);
    struct kn_buf b = zipped("second", 6);
    struct kn_buf out;
    struct kn_err err = {0};
    (void)state;
    size_t one = a.len;
    kn_buf_str(&a, kn_buf_view(&b));
    kn_buf_init(&out, 100);
    assert_int_equal(kn_inflate(kn_buf_view(&a), &out, NULL), KN_OK);
    assert_true(kn_str_eq(kn_buf_view(&out), KN_STR("first second")));
    kn_buf_clear(&out);
    assert_int_equal(kn_inflate(kn_str(a.p, a.len - 1), &out, &err), KN_E_INVALID);
    kn_buf_clear(&a);
    kn_buf_str(&a, kn_buf_view(&b));
    kn_buf_c(&a, "trailing");
    assert_int_equal(kn_inflate(kn_buf_view(&a), &out, &err), KN_E_INVALID);
    assert_int_equal(out.len, 0);
    assert_true(err.pos >= one - 1 && err.pos <= a.len);
    kn_buf_clear(&out);
    assert_int_equal(kn_inflate(kn_str(zlib_hello, sizeof zlib_hello - 1), &out, NULL), KN_OK);
    assert_true(kn_str_eq(kn_buf_view(&out), KN_STR("hello hello")));
    kn_buf_clear(&a);
    kn_buf_add(&a, zlib_hello, sizeof zlib_hello - 1);
    kn_buf_char(&a, 'x');
    kn_buf_clear(&out);
    assert_int_equal(kn_inflate(kn_buf_view(&a), &out, &err), KN_E_INVALID);
    kn_buf_deinit(&out);
    kn_buf_deinit(&a);
    kn_buf_deinit(&b);
}

static void cut_and_damaged(void **state)
{
    static const char text[] = "{\"batch\":[{\"type\":\"track\",\"event\":\"Product Viewed\"}]}";
    struct kn_buf z = zipped(text, sizeof text - 1);
    struct kn_buf out;
    (void)state;
    kn_buf_init(&out, 4096);
    for (size_t len = 0; len < z.len; len++) {
        struct kn_err err = {0};
        char *exact = malloc(len + 1);
        assert_non_null(exact);
        memcpy(exact, z.p, len);
        kn_buf_clear(&out);
        assert_int_equal(kn_inflate(kn_str(exact, len), &out, &err), KN_E_INVALID);
        if (len >= 2) {
            assert_non_null(strstr(err.text, "cut short"));
        }
        free(exact);
    }
    size_t refused = 0;
    for (size_t i = 10; i < z.len; i++) { /* behind the header every byte is checked */
        for (int bit = 0; bit < 8; bit++) {
            z.p[i] = (char)(z.p[i] ^ (1 << bit));
            kn_buf_clear(&out);
            refused += kn_inflate(kn_buf_view(&z), &out, NULL) == KN_E_INVALID ? 1 : 0;
            z.p[i] = (char)(z.p[i] ^ (1 << bit));
        }
    }
    assert_true(refused >
                (z.len - 10) * 8 * 98 / 100); /* unused bits of the last block may differ */
    kn_buf_clear(&out);
    assert_int_equal(kn_inflate(KN_STR("{\"not\":\"gzip\"}"), &out, NULL), KN_E_INVALID);
    assert_false(kn_is_gzip(KN_STR("{}")));
    assert_false(kn_is_gzip(KN_STR("\x1f")));
    assert_false(kn_is_gzip(KN_STR_EMPTY));
    kn_buf_deinit(&out);
    kn_buf_deinit(&z);
}

static void out_of_memory(void **state)
{
    struct kn_buf z = zipped("hello", 5);
    uint64_t n = 0;
    (void)state;
    for (;; n++) {
        struct kn_buf out;
        kn_buf_init(&out, 4096);
        kn_mem_fail_after(n);
        enum kn_rc rc = kn_inflate(kn_buf_view(&z), &out, NULL);
        kn_mem_fail_after(UINT64_MAX);
        kn_buf_deinit(&out);
        if (rc == KN_OK) {
            break;
        }
        assert_int_equal(rc, KN_E_NOMEM);
    }
    assert_true(n >= 2);
    kn_buf_deinit(&z);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(there_and_back),        cmocka_unit_test(bomb),
        cmocka_unit_test(members_and_followers), cmocka_unit_test(cut_and_damaged),
        cmocka_unit_test(out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
