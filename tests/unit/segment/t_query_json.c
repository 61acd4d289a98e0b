/* The tree as JSON: an example of the form, the way back, refusals with their place. */
#include <stdio.h>

#include "cm.h"
#include "segment/query.h"

static const struct kn_json_limits json_limits = {64, 1 << 16};

static enum kn_rc from_json(struct kn_arena *arena, const char *text, enum kn_query_form form,
                            struct kn_query *ret, struct kn_err *err)
{
    struct kn_json_parser *parser = kn_json_parser_new();
    struct kn_json doc;
    struct kn_buf padded;
    kn_buf_init(&padded, 1 << 20);
    kn_buf_c(&padded, text);
    size_t len = padded.len;
    (void)kn_buf_reserve(&padded, KN_JSON_PADDING);
    assert_int_equal(kn_json_parse(parser, padded.p, len, &json_limits, &doc, err), KN_OK);
    enum kn_rc rc = kn_query_from_json(&doc, 0, form, arena, ret, err);
    kn_buf_deinit(&padded);
    kn_json_parser_free(parser);
    return rc;
}

static void round_trip(const char *text, enum kn_query_form form, const char *want)
{
    struct kn_arena arena;
    struct kn_query query, again;
    struct kn_err err = {0};
    struct kn_buf out;
    kn_arena_init(&arena, 1 << 20);
    kn_buf_init(&out, 1 << 20);
    assert_int_equal(kn_query_parse(kn_str_c(text), form, &arena, &query, &err), KN_OK);
    kn_query_to_json(&query, &out);
    kn_buf_char(&out, '\0');
    if (want) {
        assert_string_equal(out.p, want);
    }
    if (from_json(&arena, out.p, form, &again, &err) != KN_OK) {
        fail_msg("%s -> %s: %s", text, out.p, err.text);
    }
    assert_true(kn_query_equal(&query, &again));
    kn_buf_deinit(&out);
    kn_arena_deinit(&arena);
}

static void there_and_back(void **state)
{
    (void)state;
    round_trip(
        "event('Order Completed').where(property('total') >= 100).within(30 days).count() >= 2 "
        "AND NOT trait('unsubscribed') = true",
        KN_QUERY_SEGMENT,
        "{\"and\":[{\"left\":{\"event\":\"Order Completed\",\"where\":{\"left\":{\"property\":["
        "\"total\"]},\"op\":\"at_least\",\"value\":100},\"window\":{\"within\":{\"count\":30,"
        "\"unit\":\"day\"}},\"reduce\":{\"fn\":\"count\"}},\"op\":\"at_least\",\"value\":2},"
        "{\"not\":{\"left\":{\"trait\":[\"unsubscribed\"]},\"op\":\"equals\",\"value\":true}}]}");
    round_trip("segment('vip')", KN_QUERY_SEGMENT,
               "{\"left\":{\"segment\":\"vip\"},\"op\":\"member\"}");
    round_trip(
        "trait('a') = 007 OR trait('a') = -0.50", KN_QUERY_SEGMENT,
        "{\"or\":[{\"left\":{\"trait\":[\"a\"]},\"op\":\"equals\",\"value\":{\"number\":\"007\"}},"
        "{\"left\":{\"trait\":[\"a\"]},\"op\":\"equals\",\"value\":-0.50}]}");
    round_trip(
        "event('A').where(any('p.q', (property('x') = 'it\\'s') AND NOT (property('a\\.b') = 1 OR "
        "context('c').exists())) OR event('B').where(property(parent: 'z').absent()).within("
        "parent: 1 day).count() = 0).sources({exclude: ['s']}).between('2026-01-01', "
        "'2026-02-01').mode(property('m') as string, 3).one_of('a', 'b')",
        KN_QUERY_SEGMENT, NULL);
    round_trip(
        "order().between(2 months, 1 week).max(property('value')) > 1 AND ((trait('a').exists() "
        "AND trait('b').absent()) AND trait('c').anniversary_within(1 day))",
        KN_QUERY_SEGMENT, NULL);
    round_trip("event('A').during('last quarter').unique(property('sku'))", KN_QUERY_TRAIT, NULL);
}

static void refused(void **state)
{
    static const struct {
        const char *json;
        size_t pos;
        const char *says;
    } cases[] = {
        {"[]", 0, "one of \"and\""},
        {"{}", 0, "one of \"and\""},
        {"{\"and\":[]}", 7, "two or more"},
        {"{\"and\":[{\"left\":{\"segment\":\"a\"},\"op\":\"member\"}]}", 7, "two or more"},
        {"{\"left\":{\"trait\":[]},\"op\":\"exists\"}", 17, "1 to 16 keys"},
        {"{\"left\":{\"trait\":[\"\"]},\"op\":\"exists\"}", 19, "not empty"},
        {"{\"left\":{\"trait\":[\"a\"]},\"op\":\"is\"}", 30, "comparison"},
        {"{\"left\":{\"trait\":[\"a\"]},\"op\":\"equals\"}", 0, "\"value\""},
        {"{\"left\":{\"trait\":[\"a\"]},\"op\":\"equals\",\"value\":null}", 46,
         "a string, a number"},
        {"{\"left\":{\"trait\":[\"a\"]},\"op\":\"equals\",\"value\":1e5}", 46,
         "without an exponent"},
        {"{\"left\":{\"trait\":[\"a\"]},\"op\":\"within_last\",\"period\":{\"count\":0,\"unit\":\"day\"}}",
         61, "from 1"},
        {"{\"left\":{\"event\":\"A\",\"reduce\":{\"fn\":\"total\"}},\"op\":\"exists\"}", 37,
         "\"fn\""},
        {"{\"left\":{\"bla\":\"A\"},\"op\":\"exists\"}", 8, "\"event\""},
        {"{\"left\":{\"event\":\"A\"},\"op\":\"exists\"}", SIZE_MAX, "reducer"},
        {"{\"left\":{\"event\":\"A\",\"reduce\":{\"fn\":\"count\"}},\"op\":\"equals\",\"value\":\"1\"}",
         SIZE_MAX, "in event('A').count() = '1': expected a number"},
        {"{\"left\":{\"trait\":[\"a\"]},\"op\":\"equals\",\"value\":\"a\\u0000b\"}", SIZE_MAX,
         "control character"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct kn_arena arena;
        struct kn_query query;
        struct kn_err err = {0};
        kn_arena_init(&arena, 1 << 20);
        if (from_json(&arena, cases[i].json, KN_QUERY_SEGMENT, &query, &err) == KN_OK) {
            fail_msg("%s is accepted", cases[i].json);
        }
        if (err.pos != cases[i].pos || !strstr(err.text, cases[i].says)) {
            fail_msg("%s: at %zu: %s", cases[i].json, err.pos, err.text);
        }
        kn_arena_deinit(&arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(there_and_back), cmocka_unit_test(refused)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
