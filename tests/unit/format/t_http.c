/* Requests and responses as values: look-ups, queries, decoding, paths. */
#include "base/rand.h"
#include "cm.h"
#include "format/http.h"

static void look_ups(void **state)
{
    static const struct kn_http_pair headers[] = {{KN_STR("Content-Type"), KN_STR("text/plain")},
                                                  {KN_STR("X-A"), KN_STR("1")},
                                                  {KN_STR("x-a"), KN_STR("2")}};
    static const struct kn_http_pair params[] = {
        {KN_STR("a"), KN_STR("1")}, {KN_STR("b"), KN_STR("")}, {KN_STR("a"), KN_STR("2")}};
    const struct kn_http_request r = {
        .headers = headers, .header_count = 3, .params = params, .param_count = 3};
    (void)state;
    assert_true(kn_str_eq(kn_http_header(&r, "content-TYPE"), KN_STR("text/plain")));
    assert_true(kn_str_eq(kn_http_header(&r, "X-A"), KN_STR("1")));
    assert_int_equal(kn_http_header(&r, "Content").len, 0);
    assert_true(kn_str_eq(kn_http_param(&r, "a"), KN_STR("1")));
    assert_int_equal(kn_http_param(&r, "A").len, 0);
    assert_true(kn_http_has_param(&r, "b"));
    assert_false(kn_http_has_param(&r, "c"));
}

static void responses(void **state)
{
    struct kn_http_response r;
    (void)state;
    kn_http_response_init(&r, 10);
    kn_http_set_header(&r, "Retry-After", KN_STR("1"));
    kn_http_set_header(&r, "Vary", KN_STR("Origin"));
    kn_http_set_header(&r, "retry-after", KN_STR("2")); /* replaced */
    assert_int_equal(r.header_count, 2);
    assert_true(kn_str_eq(r.headers[0].value, KN_STR("2")));
    kn_buf_c(&r.body, "0123456789");
    assert_int_equal(r.body.rc, KN_OK);
    kn_buf_c(&r.body, "x");
    assert_int_equal(r.body.rc, KN_E_LIMIT);
    kn_http_response_deinit(&r);
}

static void decoding(void **state)
{
    static const struct {
        const char *raw, *query, *path;
    } cases[] = {
        {"", "", ""},
        {"abc", "abc", "abc"},
        {"a+b", "a b", "a+b"},
        {"a%20b", "a b", "a b"},
        {"%41%6a%4A", "AjJ", "AjJ"},
        {"%", "%", "%"},
        {"%4", "%4", "%4"},
        {"%zz", "%zz", "%zz"},
        {"%4z%41", "%4zA", "%4zA"},
        {"%%41", "%A", "%A"},
        {"%2B+", "+ ", "++"},
        {"%2541", "%41", "%41"},
    };
    struct kn_arena arena;
    (void)state;
    kn_arena_init(&arena, 1 << 20);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct kn_str raw = kn_str_c(cases[i].raw);
        assert_true(kn_str_eq(kn_http_decode(raw, true, &arena), kn_str_c(cases[i].query)));
        assert_true(kn_str_eq(kn_http_decode(raw, false, &arena), kn_str_c(cases[i].path)));
    }
    struct kn_str nul = kn_http_decode(KN_STR("a%00b"), false, &arena);
    assert_true(kn_str_eq(nul, kn_str("a\0b", 3)));
    kn_arena_deinit(&arena);
    kn_arena_init(&arena, 2);
    assert_null(kn_http_decode(KN_STR("%41%41%41%41"), false, &arena).p);
    kn_arena_deinit(&arena);
}

static void queries(void **state)
{
    struct kn_arena arena;
    struct kn_http_pair *pairs = NULL;
    size_t count = 9;
    (void)state;
    kn_arena_init(&arena, 1 << 20);
    assert_true(kn_http_parse_query(KN_STR_EMPTY, 4, &arena, &pairs, &count));
    assert_int_equal(count, 0);
    assert_true(
        kn_http_parse_query(KN_STR("a=1&b=%20x+y&&=no&c&d=&e=f=g"), 5, &arena, &pairs, &count));
    assert_int_equal(count, 5);
    static const char *const want[][2] = {
        {"a", "1"}, {"b", " x y"}, {"c", ""}, {"d", ""}, {"e", "f=g"}};
    for (size_t i = 0; i < 5; i++) {
        assert_true(kn_str_eq(pairs[i].name, kn_str_c(want[i][0])));
        assert_true(kn_str_eq(pairs[i].value, kn_str_c(want[i][1])));
    }
    assert_false(kn_http_parse_query(KN_STR("a=1&b=2&c=3"), 2, &arena, &pairs, &count));
    kn_arena_deinit(&arena);
    kn_arena_init(&arena,
                  sizeof(struct kn_http_pair) + 2); /* room for the pair, not for its value */
    assert_false(kn_http_parse_query(KN_STR("a=%41%41%41%41"), 2, &arena, &pairs, &count));
    kn_arena_deinit(&arena);
}

static void paths(void **state)
{
    static const char *const cases[][2] = {
        {"/", "/"},         {"//", "/"},         {"///", "/"},
        {"/v1/t", "/v1/t"}, {"/v1/t/", "/v1/t"}, {"//v1//batch//", "/v1/batch"},
        {"", ""},           {"a//b", "a/b"},
    };
    struct kn_arena arena;
    (void)state;
    kn_arena_init(&arena, 1 << 20);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct kn_str got = kn_http_clean_path(kn_str_c(cases[i][0]), &arena);
        assert_true(kn_str_eq(got, kn_str_c(cases[i][1])));
        assert_true(kn_str_eq(kn_http_clean_path(got, &arena), got));
    }
    kn_arena_deinit(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(look_ups), cmocka_unit_test(responses), cmocka_unit_test(decoding),
        cmocka_unit_test(queries),  cmocka_unit_test(paths),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
