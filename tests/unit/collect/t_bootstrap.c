/* Settings documents and scripts that SDKs begin with. */
#include "exchange.h"

static void assert_is_json(struct kn_str text)
{
    struct kn_json_parser *parser = kn_json_parser_new();
    struct kn_json doc;
    struct kn_str padded = kit_padded(text);
    assert_int_equal(kn_json_parse(parser, padded.p, padded.len,
                                   &(struct kn_json_limits){32, 10000}, &doc, NULL),
                     KN_OK);
    kit_free(padded);
    kn_json_parser_free(parser);
}

static void test_settings(void **state)
{
    static const char *const paths[] = {
        "GET /v1/projects/WKB/settings", "GET /projects/WKB/settings",
        "GET /v1/projects/projects/WKB/settings", "GET /v1/projects?writeKey=WKB"};
    (void)state;
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        exchange(paths[i], "Host: cdp.example.com\nX-Forwarded-Proto: https", KN_STR_EMPTY);
        assert_int_equal(response.status, 200);
        assert_is_json(kn_buf_view(&response.body));
        assert_true(kn_str_starts(
            kn_buf_view(&response.body),
            KN_STR("{\"integrations\":{\"Segment.io\":{\"apiKey\":\"WKB\",\"apiHost\":"
                   "\"cdp.example.com/v1\",\"protocol\":\"https\",\"addBundledMetadata\":false,"
                   "\"unbundledIntegrations\":[],\"maybeBundledConfigIds\":{}}},\"plan\":")));
        assert_true(
            kn_str_find(kn_buf_view(&response.body),
                        KN_STR("\"metrics\":{\"sampleRate\":0,\"host\":\"cdp.example.com/v1\"}")) !=
            SIZE_MAX);
        assert_text(answer_header("Cache-Control"), "public, max-age=300");
        assert_text(answer_header("Access-Control-Allow-Origin"), "*");
    }
    exchange("GET /v1/projects/WKB/settings", "Host: 127.0.0.1:8080", KN_STR_EMPTY);
    assert_true(kn_str_find(kn_buf_view(&response.body),
                            KN_STR("\"apiHost\":\"127.0.0.1:8080/v1\",\"protocol\":\"http\"")) !=
                SIZE_MAX);
    exchange("GET /v1/projects/nope/settings", "", KN_STR_EMPTY);
    assert_answer(404, "{\"success\":false,\"code\":\"invalid_write_key\",\"message\":"
                       "\"the write key is not known\",\"error\":\"the write key is not known\"}");
    exchange("GET /v1/projects/OFF/settings", "", KN_STR_EMPTY);
    assert_int_equal(response.status, 404);
}

static void test_source_config(void **state)
{
    static const char *const lines[] = {"GET /sourceConfig/?p=npm&v=3&writeKey=WKB",
                                        "GET /sourceConfig"};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        exchange(lines[i], i ? KEY : "", KN_STR_EMPTY);
        assert_answer(200,
                      "{\"source\":{\"id\":\"src_web\",\"name\":\"Site\",\"writeKey\":\"WKB\","
                      "\"workspaceId\":\"shop\",\"enabled\":true,\"config\":{\"statsCollection\":"
                      "{\"errors\":{\"enabled\":false},\"metrics\":{\"enabled\":false}}},"
                      "\"destinations\":[],\"connections\":[],\"updatedAt\":"
                      "\"2026-11-23T15:45:21.100Z\"}}");
    }
    exchange("GET /sourceConfig?writeKey=x", "", KN_STR_EMPTY);
    assert_int_equal(response.status, 404);
}

static void test_scripts(void **state)
{
    static const struct kn_collect_static files[] = {
        {{"/analytics.js/v1/analytics.min.js", 33},
         {"text/javascript", 15},
         {"k='__WRITE_KEY__';u='__WRITE_KEY__'", 35}},
        {{"/analytics-next/bundles/1.js", 28}, {"text/javascript", 15}, {"'__WRITE_KEY__'", 15}},
    };
    (void)state;
    exchange("GET /analytics.js/v1/WKB/analytics.min.js", "", KN_STR_EMPTY);
    assert_int_equal(response.status, 404);
    assert_text(answer_header("Content-Type"), "application/json");
    env.statics = files;
    env.static_count = 2;
    exchange("GET /analytics.js/v1/WKB/analytics.min.js", "", KN_STR_EMPTY);
    assert_int_equal(response.status, 200);
    assert_text(answer_header("Content-Type"), "text/javascript");
    assert_text(kn_buf_view(&response.body), "k='WKB';u='WKB'");
    exchange("GET /analytics-next/bundles/1.js", "", KN_STR_EMPTY);
    assert_text(kn_buf_view(&response.body), "'__WRITE_KEY__'");
    static const char *const missing[] = {"GET /analytics.js/v1/a'b/analytics.min.js",
                                          "GET /analytics.js/v1/nope/analytics.min.js",
                                          "GET /analytics-next/bundles/2.js", "GET /p.js"};
    for (size_t i = 0; i < 4; i++) {
        exchange(missing[i], "", KN_STR_EMPTY);
        assert_int_equal(response.status, 404);
    }
    env.statics = NULL;
    env.static_count = 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_settings),
        cmocka_unit_test(test_source_config),
        cmocka_unit_test(test_scripts),
    };
    return RUN_GROUP(tests);
}
