/* Buffers, cursors and arenas at their edges. */
#include "cm.h"

#include <stdlib.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/mem.h"
#include "base/rand.h"

static void stops_at_its_limit_and_remembers(void **state)
{
    struct kn_buf b;
    (void)state;
    kn_buf_init(&b, 10);
    kn_buf_c(&b, "12345");
    kn_buf_c(&b, "678901"); /* one too many: nothing of it is added */
    assert_int_equal(b.rc, KN_E_LIMIT);
    kn_buf_char(&b, 'x');
    assert_true(kn_str_eq(kn_buf_view(&b), KN_STR("12345")));
    kn_buf_clear(&b);
    assert_int_equal(b.rc, KN_OK);
    kn_buf_c(&b, "1234567890");
    assert_int_equal(b.rc, KN_OK);
    assert_int_equal(b.len, 10);
    assert_null(kn_buf_reserve(&b, 1));
    kn_buf_deinit(&b);

    kn_buf_init(&b, 0);
    kn_buf_c(&b, "");
    assert_int_equal(b.rc, KN_OK);
    kn_buf_char(&b, 'x');
    assert_int_equal(b.rc, KN_E_LIMIT);
    kn_buf_deinit(&b);

    kn_buf_init(&b, SIZE_MAX);
    kn_buf_char(&b, 'x');
    assert_null(kn_buf_reserve(&b, SIZE_MAX - 1)); /* no such memory, and no overflow */
    assert_int_equal(b.rc, KN_E_NOMEM);
    assert_int_equal(b.len, 1);
    kn_buf_deinit(&b);
}

static void says_that_memory_failed(void **state)
{
    struct kn_buf b;
    (void)state;
    kn_buf_init(&b, 1 << 20);
    kn_buf_c(&b, "kept");
    kn_mem_fail_after(0);
    for (int i = 0; i < 100; i++) {
        kn_buf_c(&b, "0123456789");
    }
    kn_mem_fail_after(UINT64_MAX);
    assert_int_equal(b.rc, KN_E_NOMEM);
    assert_true(kn_str_starts(kn_buf_view(&b), KN_STR("kept0123456789")));
    kn_buf_deinit(&b);
}

static void writes_numbers_as_text(void **state)
{
    struct kn_buf b;
    (void)state;
    kn_buf_init(&b, 200);
    kn_buf_u64(&b, 0);
    kn_buf_char(&b, ' ');
    kn_buf_u64(&b, UINT64_MAX);
    kn_buf_char(&b, ' ');
    kn_buf_i64(&b, INT64_MIN);
    kn_buf_char(&b, ' ');
    kn_buf_i64(&b, INT64_MAX);
    kn_buf_printf(&b, "[%s|%d]", "a", -1);
    assert_true(kn_str_eq(kn_buf_view(&b), KN_STR("0 18446744073709551615 -9223372036854775808 "
                                                  "9223372036854775807[a|-1]")));
    kn_buf_deinit(&b);
}

static uint64_t some_number(struct kn_rand *r)
{
    return kn_rand_u64(r) >> kn_rand_below(r, 64);
}

static void reads_back_what_was_written(void **state)
{
    struct kn_rand r = kn_rand_seed(1);
    uint64_t numbers[200];
    struct kn_buf b;
    (void)state;
    kn_buf_init(&b, 1 << 20);
    for (size_t i = 0; i < 200; i++) {
        numbers[i] = i == 0 ? UINT64_MAX : i == 1 ? 0 : some_number(&r);
        kn_buf_varint(&b, numbers[i]);
        kn_buf_le16(&b, (uint16_t)numbers[i]);
        kn_buf_le32(&b, (uint32_t)numbers[i]);
        kn_buf_le64(&b, numbers[i]);
        kn_buf_varint(&b, kn_zigzag((int64_t)numbers[i]));
        kn_buf_lstr(&b, kn_str(&numbers[i], numbers[i] % 9));
        kn_buf_char(&b, (char)numbers[i]);
    }
    struct kn_cursor c = kn_cursor(kn_buf_view(&b));
    for (size_t i = 0; i < 200; i++) {
        assert_true(kn_take_varint(&c) == numbers[i]);
        assert_int_equal(kn_take_le16(&c), (uint16_t)numbers[i]);
        assert_int_equal(kn_take_le32(&c), (uint32_t)numbers[i]);
        assert_true(kn_take_le64(&c) == numbers[i]);
        assert_true(kn_unzigzag(kn_take_varint(&c)) == (int64_t)numbers[i]);
        assert_true(kn_str_eq(kn_take_lstr(&c), kn_str(&numbers[i], numbers[i] % 9)));
        assert_int_equal(kn_take_u8(&c), (uint8_t)numbers[i]);
    }
    assert_false(c.bad);
    assert_ptr_equal(c.p, c.end);
    kn_buf_deinit(&b);
}

static void never_reads_past_the_end(void **state)
{
    static const struct {
        const char *bytes;
        size_t len;
        bool good;
        uint64_t value;
    } varints[] = {
        {"", 0, false, 0},
        {"\x80", 1, false, 0},
        {"\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01", 10, true, UINT64_C(1) << 63},
        {"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 10, true, UINT64_MAX},
        {"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", 10, false, 0}, /* over 64 bits */
        {"\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01", 11, false, 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof varints / sizeof varints[0]; i++) {
        struct kn_cursor c = kn_cursor(kn_str(varints[i].bytes, varints[i].len));
        uint64_t value = kn_take_varint(&c);
        assert_int_equal(c.bad, !varints[i].good);
        assert_true(value == varints[i].value);
    }
    struct kn_cursor c = kn_cursor(KN_STR("abc"));
    assert_int_equal(kn_take_le32(&c), 0);
    assert_true(c.bad);
    assert_int_equal(kn_take_u8(&c), 0); /* stays bad */
    c = kn_cursor(KN_STR("\x05"
                         "abc"));
    assert_int_equal(kn_take_lstr(&c).len, 0);
    assert_true(c.bad);
    c = kn_cursor(KN_STR("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"));
    assert_int_equal(kn_take_lstr(&c).len, 0); /* an absurd length */
    assert_true(c.bad);
    c = kn_cursor(KN_STR_EMPTY);
    assert_int_equal(kn_take_bytes(&c, 0).len, 0);
    assert_false(c.bad);
}

static void arenas_align_and_stop(void **state)
{
    struct kn_arena a;
    struct kn_rand r = kn_rand_seed(2);
    uint64_t before = kn_mem_bytes();
    (void)state;
    kn_arena_init(&a, 1 << 20);
    for (int round = 0; round < 3; round++) {
        size_t sum = 0;
        for (;;) {
            size_t bytes = kn_rand_below(&r, 3) ? kn_rand_below(&r, 200) : kn_rand_below(&r, 9000);
            unsigned char *p = kn_arena_alloc(&a, bytes);
            if (!p) {
                break;
            }
            assert_int_equal((uintptr_t)p % 16, 0);
            memset(p, 0xab, bytes);
            sum += bytes;
        }
        assert_true(sum > (1 << 19) && a.bytes <= 1 << 20);
        kn_arena_clear(&a);
    }
    assert_null(kn_arena_alloc(&a, SIZE_MAX));
    assert_null(kn_arena_alloc(&a, (1 << 20) + 1));
    assert_null(kn_arena_zero(&a, SIZE_MAX / 2, 3));
    char *zeros = kn_arena_zero(&a, 100, 3);
    for (int i = 0; i < 300; i++) {
        assert_int_equal(zeros[i], 0);
    }
    struct kn_str s = kn_arena_str(&a, KN_STR("text"));
    assert_string_equal(s.p, "text");
    s = kn_arena_str(&a, KN_STR_EMPTY);
    assert_non_null(s.p); /* empty, but there */
    kn_arena_deinit(&a);
    assert_int_equal(kn_mem_bytes(), before);

    kn_arena_init(&a, 0);
    assert_null(kn_arena_alloc(&a, 1));
    kn_arena_deinit(&a);
    kn_arena_init(&a, 1000);
    kn_mem_fail_after(0);
    assert_null(kn_arena_alloc(&a, 10));
    kn_mem_fail_after(UINT64_MAX);
    assert_non_null(kn_arena_alloc(&a, 10)); /* usable again */
    kn_arena_deinit(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stops_at_its_limit_and_remembers),
        cmocka_unit_test(says_that_memory_failed),
        cmocka_unit_test(writes_numbers_as_text),
        cmocka_unit_test(reads_back_what_was_written),
        cmocka_unit_test(never_reads_past_the_end),
        cmocka_unit_test(arenas_align_and_stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
