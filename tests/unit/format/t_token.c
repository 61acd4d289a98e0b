/* Hexadecimal, base32, base64, UUIDs and comparison of secrets. */
#include <inttypes.h>
#include <stdlib.h>

#include "base/rand.h"
#include "cm.h"
#include "format/token.h"

static void hexadecimal(void **state)
{
    static const unsigned char bytes[] = {0x00, 0x1f, 0xa5, 0xff};
    unsigned char back[4] = {9, 9, 9, 9};
    char text[9] = {0};
    (void)state;
    kn_hex_encode(bytes, sizeof bytes, text);
    assert_string_equal(text, "001fa5ff");
    assert_false(kn_hex_decode(KN_STR("001fa5fg"), back, 4));
    assert_false(kn_hex_decode(KN_STR("001fa5f"), back, 4));
    assert_false(kn_hex_decode(KN_STR("001fa5ff00"), back, 4));
    assert_int_equal(back[0], 9);
    assert_true(kn_hex_decode(KN_STR("001Fa5FF"), back, 4));
    assert_memory_equal(back, bytes, 4);
}

static void base32(void **state)
{
    struct kn_rand r = kn_rand_seed(7);
    unsigned char bytes[16] = {0};
    unsigned char back[16];
    char text[KN_BASE32_LEN + 1];
    char last[KN_BASE32_LEN + 1] = "";
    (void)state;
    kn_base32_encode(bytes, text);
    assert_string_equal(text, "00000000000000000000000000");
    memset(bytes, 0xff, sizeof bytes);
    kn_base32_encode(bytes, text);
    assert_string_equal(text, "7zzzzzzzzzzzzzzzzzzzzzzzzz");
    assert_false(kn_base32_decode(KN_STR("8zzzzzzzzzzzzzzzzzzzzzzzzz"), back)); /* over 128 bits */
    assert_false(kn_base32_decode(KN_STR("7zzzzzzzzzzzzzzzzzzzzzzzz"), back));
    assert_false(kn_base32_decode(KN_STR("7zzzzzzzzzzzzzzzzzzzzzzzzu"), back));
    assert_false(kn_base32_decode(KN_STR("7zzzzzzzzzzzzzzzzzzzzzzzz\0"), back));
    assert_true(kn_base32_decode(KN_STR("7ZZZZZZZZZZZZZZZZZZZZZZZZZ"), back));
    assert_memory_equal(back, bytes, 16);
    assert_true(kn_base32_decode(KN_STR("oooooooooooooooooooooooiL1"), back));
    assert_int_equal(back[15], 0x21);
    for (int i = 0; i < 20000; i++) {
        for (size_t k = 0; k < 16; k++) {
            bytes[k] = (unsigned char)kn_rand_u64(&r);
        }
        kn_base32_encode(bytes, text);
        assert_int_equal(strlen(text), KN_BASE32_LEN);
        assert_true(kn_base32_decode(kn_str_c(text), back));
        assert_memory_equal(back, bytes, 16);
    }
    memset(bytes, 0, sizeof bytes); /* text sorts as the bytes do */
    for (int i = 0; i < 1000; i++) {
        bytes[13] = (unsigned char)(i >> 8);
        bytes[14] = (unsigned char)i;
        kn_base32_encode(bytes, text);
        assert_true(strcmp(last, text) < 0);
        memcpy(last, text, sizeof last);
    }
}

static void base64(void **state)
{
    static const struct {
        const char *text, *bytes;
    } good[] = {{"", ""},        {"Zg", "f"},     {"Zg==", "f"},        {"Zm8", "fo"},
                {"Zm8=", "fo"},  {"Zm9v", "foo"}, {"V0tCOg==", "WKB:"}, {"Pz8_", "???"},
                {"Pz8/", "???"}, {"fn5-", "~~~"}, {"fn5+", "~~~"}};
    static const char *const bad[] = {
        "Z",    "Zg=",  "Zg===", "Zm8==", "Zm9v=",           "Zm9v====",
        "=",    "====", "Zh",    "Zm9",   "Zm 9v",           "Zm9v\n",
        "Zm9*", "Z=g=", "+-++",  "_/__",  "\xff\xff\xff\xff"};
    struct kn_arena arena;
    struct kn_buf out;
    struct kn_str got;
    (void)state;
    kn_arena_init(&arena, 1 << 20);
    kn_buf_init(&out, 4096);
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_true(kn_base64_decode(kn_str_c(good[i].text), &arena, &got));
        assert_true(kn_str_eq(got, kn_str_c(good[i].bytes)));
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        if (kn_base64_decode(kn_str_c(bad[i]), &arena, &got)) {
            fail_msg("%s", bad[i]);
        }
    }
    struct kn_rand r = kn_rand_seed(3);
    for (int i = 0; i < 20000; i++) {
        char bytes[40];
        size_t len = (size_t)kn_rand_below(&r, sizeof bytes + 1);
        for (size_t k = 0; k < len; k++) {
            bytes[k] = (char)kn_rand_u64(&r);
        }
        kn_buf_clear(&out);
        kn_arena_clear(&arena);
        kn_base64url_encode(kn_str(bytes, len), &out);
        assert_true(out.len == (len * 4 + 2) / 3);
        assert_true(kn_base64_decode(kn_buf_view(&out), &arena, &got));
        assert_true(kn_str_eq(got, kn_str(bytes, len)));
    }
    kn_buf_deinit(&out);
    kn_arena_deinit(&arena);
    kn_arena_init(&arena, 2);
    assert_false(kn_base64_decode(KN_STR("Zm9vYmFy"), &arena, &got));
    kn_arena_deinit(&arena);
}

static void uuid_and_alnum(void **state)
{
    unsigned char random[16];
    char text[37];
    char alnum[16];
    (void)state;
    memset(random, 0xff, sizeof random);
    kn_uuid4(random, text);
    assert_string_equal(text, "ffffffff-ffff-4fff-bfff-ffffffffffff");
    memset(random, 0, sizeof random);
    kn_uuid4(random, text);
    assert_string_equal(text, "00000000-0000-4000-8000-000000000000");
    for (size_t i = 0; i < sizeof random; i++) {
        random[i] = (unsigned char)(i * 17);
    }
    kn_alnum_encode(random, sizeof random, alnum);
    for (size_t i = 0; i < sizeof alnum; i++) {
        bool letter = ((alnum[i] | 32) >= 'a' && (alnum[i] | 32) <= 'z');
        assert_true(letter || (alnum[i] >= '0' && alnum[i] <= '9'));
    }
}

static void secrets(void **state)
{
    (void)state;
    assert_true(kn_equal_secret(KN_STR("abc"), KN_STR("abc")));
    assert_true(kn_equal_secret(KN_STR_EMPTY, KN_STR("")));
    assert_false(kn_equal_secret(KN_STR("abc"), KN_STR("abd")));
    assert_false(kn_equal_secret(KN_STR("abc"), KN_STR("xbc")));
    assert_false(kn_equal_secret(KN_STR("abc"), KN_STR("abca")));
    assert_false(kn_equal_secret(KN_STR("abc"), KN_STR_EMPTY));
    assert_false(kn_equal_secret(KN_STR_EMPTY, KN_STR("a")));
}

/* RFC 4648 section 10. */
static void padded_base64(void **state)
{
    static const char *const texts[][2] = {{"", ""},
                                           {"f", "Zg=="},
                                           {"fo", "Zm8="},
                                           {"foo", "Zm9v"},
                                           {"foob", "Zm9vYg=="},
                                           {"fooba", "Zm9vYmE="},
                                           {"foobar", "Zm9vYmFy"},
                                           {"\xfb\xff", "+/8="}};
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct kn_buf out;
        kn_buf_init(&out, 64);
        kn_base64_encode(kn_str_c(texts[i][0]), &out);
        assert_true(kn_str_eq(kn_buf_view(&out), kn_str_c(texts[i][1])));
        kn_buf_deinit(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(padded_base64),  cmocka_unit_test(hexadecimal),
        cmocka_unit_test(base32),         cmocka_unit_test(base64),
        cmocka_unit_test(uuid_and_alnum), cmocka_unit_test(secrets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
