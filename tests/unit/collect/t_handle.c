/* Requests: routes, write keys, batches, limits, answers byte for byte. */
#include "exchange.h"

/* ---- routes ---- */

static void test_routes(void **state)
{
    static const struct {
        const char *line, *body;
        int status; /* 0: not collect's */
        const char *answer, *facts;
    } rows[] = {
        {"POST /v1/batch", BATCH, 200, "{\"success\":true}", "page"},
        {"POST //v1//batch/", BATCH, 200, "{\"success\":true}", "page"},
        {"POST /batch", BATCH, 200, "{\"success\":true}", "page"},
        {"POST /v1/import/", BATCH, 200, "{\"success\":true}", "page"},
        {"POST /import", BATCH, 200, "{\"success\":true}", "page"},
        {"POST /v1/b", BATCH, 200, "{\"success\":true}", "page"},
        {"POST /b", BATCH, 200, "{\"success\":true}", "page"},
        {"POST /beacon/v1/batch", BATCH, 200, "{\"success\":true}", "page"},
        {"POST /v1/p", PAGE, 200, "{\"success\":true}", "page"},
        {"POST /p", "{\"anonymousId\":\"a\"}", 200, "{\"success\":true}", "page"},
        {"POST /v1/page", PAGE, 200, "{\"success\":true}", "page"},
        {"POST /v1/t", "{\"event\":\"E\",\"userId\":\"u\"}", 200, "{\"success\":true}", "track"},
        {"POST /v1/track", "{\"type\":\"page\",\"event\":\"E\",\"userId\":\"u\"}", 200,
         "{\"success\":true}", "track"},
        {"POST /v1/i", "{\"userId\":\"u\"}", 200, "{\"success\":true}", "identify"},
        {"POST /v1/identify", "{\"userId\":\"u\"}", 200, "{\"success\":true}", "identify"},
        {"POST /v1/s", "{\"userId\":\"u\"}", 200, "{\"success\":true}", "screen"},
        {"POST /v1/screen", "{\"userId\":\"u\"}", 200, "{\"success\":true}", "screen"},
        {"POST /v1/g", "{\"userId\":\"u\",\"groupId\":\"g\"}", 200, "{\"success\":true}", "group"},
        {"POST /v1/group", "{\"userId\":\"u\",\"groupId\":\"g\"}", 200, "{\"success\":true}",
         "group"},
        {"POST /v1/a", "{\"userId\":\"u\",\"previousId\":\"p\"}", 200, "{\"success\":true}",
         "alias"},
        {"POST /v1/alias", "{\"userId\":\"u\",\"previousId\":\"p\"}", 200, "{\"success\":true}",
         "alias"},
        {"POST /api/s/page", PAGE, 200, "{\"ok\":true}", "page"},
        {"POST /api/s/p", PAGE, 200, "{\"ok\":true}", "page"},
        {"POST /api/s/event", PAGE, 200, "{\"ok\":true}", "page"},
        {"POST /api/s/s2s/track", "{\"event\":\"E\",\"userId\":\"u\"}", 200, "{\"ok\":true}",
         "track 'E' user_id:u SERVER"},
        {"POST /api/s/s2s/batch", BATCH, 200, "{\"ok\":true}", "page"},
        {"POST /v1/m", "{\"series\":[]}", 200, "{\"success\":true}", ""},
        {"POST /rsaMetrics", "x", 200, "{\"success\":true}", ""},
        {"POST /rsaRequest", "x", 200, "{\"success\":true}", ""},
        {"GET /health", "", 200, "{\"success\":true}", ""},
        {"GET /v1/batch", "", 405, NULL, ""},
        {"PUT /v1/track", PAGE, 405, NULL, ""},
        {"GET /batch", "", 0, NULL, ""},
        {"POST /v1/spaces/default/collections", "", 0, NULL, ""},
        {"POST /v1/trackz", PAGE, 0, NULL, ""},
        {"POST /api/s/nothing", PAGE, 0, NULL, ""},
        {"GET /", "", 0, NULL, ""},
        {"POST /", "", 0, NULL, ""},
    };
    struct kn_buf text;
    (void)state;
    kn_buf_init(&text, 1 << 20);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        exchange(rows[i].line, KEY, kn_str_c(rows[i].body));
        const char *facts = staged(&text);
        if (response.status != rows[i].status ||
            strncmp(facts, rows[i].facts, strlen(rows[i].facts)) != 0) {
            print_message("%s: %d %s\n", rows[i].line, response.status, facts);
        }
        assert_int_equal(response.status, rows[i].status);
        assert_int_equal(result.outcome == KN_COLLECT_NOT_MINE, rows[i].status == 0);
        assert_int_equal(strncmp(facts, rows[i].facts, strlen(rows[i].facts)), 0);
        assert_true(rows[i].facts[0] != '\0' || ws.item_count == 0);
        if (rows[i].answer) {
            assert_answer(200, rows[i].answer);
        }
        struct kn_str line = kn_str_c(rows[i].line);
        struct kn_str method = kn_str_split(&line, ' ');
        assert_int_equal(kn_collect_is_route(method, kn_http_clean_path(line, &arena)),
                         rows[i].status != 0);
    }
    kn_buf_deinit(&text);
}

/* ---- write keys ---- */

static void test_keys(void **state)
{
    static const struct {
        const char *path, *headers, *body;
        const char *reason; /* NULL: taken */
    } rows[] = {
        {"/v1/p", "Authorization: Basic V0tCOg==", PAGE, NULL},         /* WKB: */
        {"/v1/p", "authorization: basic V0tC", PAGE, NULL},             /* WKB */
        {"/v1/p", "Authorization: Basic V0tCOnNlY3JldA==", PAGE, NULL}, /* WKB:secret */
        {"/v1/p", "Authorization: Basic !!!\nX-Write-Key: WKB", PAGE, NULL},
        {"/v1/p", "Authorization: Bearer token", "{\"anonymousId\":\"a\",\"writeKey\":\"WKB\"}",
         NULL},
        {"/v1/p", "Authorization: Bearer token\nX-Write-Key: WKB", PAGE, NULL},
        {"/v1/p", "Authorization: Bearer token", PAGE, "no_write_key"},
        {"/v1/p", "X-Write-Key: WKB", "{\"anonymousId\":\"a\",\"writeKey\":\"kid:***\"}", NULL},
        {"/v1/p?writeKey=WKB", "", PAGE, NULL},
        {"/v1/p?writekey=WKB", "", PAGE, NULL},
        {"/v1/p", "", "{\"anonymousId\":\"a\",\"writeKey\":\"WKB\"}", NULL},
        {"/v1/b", "", "{\"batch\":[" PAGE "],\"writeKey\":\"WKB\"}", NULL},
        {"/v1/b", "",
         "{\"batch\":[{\"type\":\"page\",\"anonymousId\":\"a\",\"writeKey\":\"WKB\"}]}", NULL},
        {"/v1/p", "", PAGE, "no_write_key"},
        {"/v1/p", "X-Write-Key: WKB:any", PAGE, NULL}, /* of two parts, for Jitsu's clients */
        {"/v1/p", "X-Write-Key: nope:WKB", PAGE, "invalid_write_key"},
        {"/v1/p", "X-Write-Key: nope", "{\"anonymousId\":\"a\",\"writeKey\":\"WKB\"}",
         "invalid_write_key"},
        {"/v1/p", "", "{\"anonymousId\":\"a\",\"writeKey\":{\"a\":1}}", "no_write_key"},
        {"/v1/p?writeKey=OFF", "", PAGE, "source_disabled"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        post(rows[i].path, rows[i].headers, rows[i].body);
        if (rows[i].reason) {
            assert_non_null(result.reason);
            assert_string_equal(result.reason, rows[i].reason);
            assert_int_equal(result.outcome, KN_COLLECT_DONE);
            assert_int_equal(ws.item_count, 0);
        } else {
            assert_null(result.reason);
            assert_answer(200, "{\"success\":true}");
            assert_int_equal(result.outcome, KN_COLLECT_WAIT);
            assert_int_equal(result.accepted, 1);
        }
    }
}

static void test_key_answers(void **state)
{
    (void)state;
    post("/v1/p?writeKey=nope", "", PAGE);
    assert_answer(401, "{\"success\":false,\"code\":\"invalid_write_key\",\"message\":"
                       "\"the write key is not known\",\"error\":\"the write key is not known\"}");
    post("/v1/p?writeKey=OFF", "", PAGE);
    assert_answer(404, "{\"success\":false,\"code\":\"source_disabled\",\"message\":"
                       "\"source is disabled\",\"error\":\"source is disabled\"}");
    env.accept_unknown_keys = true;
    post("/v1/p?writeKey=nope", "", PAGE);
    assert_answer(200, "{\"success\":true}");
    assert_int_equal(ws.item_count, 0);
    assert_int_equal(answer_header("Kern-Position").len, 0);
    env.accept_unknown_keys = false;
}

/* ---- bodies ---- */

static void test_batches(void **state)
{
    struct kn_buf text;
    (void)state;
    kn_buf_init(&text, 1 << 20);
    post(
        "/v1/batch", KEY,
        "{\"batch\":[{\"type\":\"page\",\"userId\":\"u\",\"timestamp\":\"2026-11-23T15:45:20Z\"},"
        "{\"type\":\"nothing\",\"userId\":\"jan@x.nl\"},17,"
        "{\"type\":\"page\",\"userId\":\"u\",\"timestamp\":\"2026-11-23T15:45:20Z\",\"sentAt\":"
        "\"2026-11-23T15:45:20.5Z\",\"context\":{\"library\":{\"version\":\"9\"},\"app\":{\"name\":\"x\"}},"
        "\"integrations\":{\"A\":true}}],\"sentAt\":\"2026-11-23T15:45:21.1Z\",\"context\":{\"library\":"
        "{\"name\":\"analytics-go\",\"version\":\"3.0.0\"},\"ip\":\"9.8.7.6\"},\"integrations\":"
        "{\"All\":true,\"Personas\":false},\"messageId\":\"ignored\"}");
    assert_answer(200, "{\"success\":true}");
    assert_int_equal(result.accepted, 2);
    assert_int_equal(result.rejected, 2);
    assert_text(answer_header("Kern-Position").len > 2
                    ? kn_str_sub(answer_header("Kern-Position"), 0, 2)
                    : KN_STR_EMPTY,
                "3-");
    const char *got = staged(&text);
    const char *no_ids = strstr(got, "\"messageId\""); /* none came, so none is kept */
    assert_null(no_ids);
    assert_string_equal(
        got,
        "page 'Page Viewed' -1100ms user_id:u SERVER NO_PROFILE {\"userId\":\"u\",\"timestamp\":"
        "\"2026-11-23T15:45:20Z\",\"integrations\":{\"All\":true,\"Personas\":false},\"sentAt\":"
        "\"2026-11-23T15:45:21.1Z\",\"context\":{\"library\":{\"name\":\"analytics-go\",\"version\":"
        "\"3.0.0\"},\"ip\":\"9.8.7.0\"}}\n"
        "reject unknown_type {\"reason\":\"unknown_type\",\"detail\":\"type must be track, identify, "
        "page, screen, group or alias\",\"sample\":\"{\\\"type\\\":\\\"nothing\\\",\\\"userId\\\":"
        "\\\"***\\\"}\"}\n"
        "page 'Page Viewed' -500ms user_id:u SERVER NO_PROFILE {\"userId\":\"u\",\"timestamp\":"
        "\"2026-11-23T15:45:20Z\",\"sentAt\":\"2026-11-23T15:45:20.5Z\",\"integrations\":{\"A\":true,"
        "\"All\":true,\"Personas\":false},\"context\":{\"library\":{\"version\":\"9\",\"name\":"
        "\"analytics-go\"},\"app\":{\"name\":\"x\"},\"ip\":\"9.8.7.0\"}}\n"
        "reject invalid_type {\"reason\":\"invalid_type\",\"detail\":\"a message must be an object\","
        "\"sample\":\"17\"}\n");
    kn_buf_deinit(&text);
}

static void test_empty_batch(void **state)
{
    char position[32];
    (void)state;
    post("/v1/batch", KEY, "{\"batch\":[]}");
    assert_answer(200, "{\"success\":true}");
    assert_int_equal(result.outcome, KN_COLLECT_DONE);
    (void)snprintf(position, sizeof position, "3-%" PRIu64, ws.seq);
    assert_text(answer_header("Kern-Position"), position);
    post("/v1/batch", KEY, "{\"event\":\"E\"}");
    assert_int_equal(response.status, 400);
    assert_string_equal(result.reason, "invalid_batch");
}

/* `count` messages {"type":"page","userId":"u"}, or `bad` ones. */
static struct kn_str batch_of(struct kn_buf *body, unsigned count, unsigned bad)
{
    kn_buf_clear(body);
    kn_buf_c(body, "{\"batch\":[");
    for (unsigned i = 0; i < count; i++) {
        kn_buf_printf(body, "%s{\"type\":\"%s\",\"userId\":\"u\"}", i ? "," : "",
                      i < bad ? "x" : "page");
    }
    kn_buf_c(body, "]}");
    return kn_buf_view(body);
}

static void test_batch_limits(void **state)
{
    struct kn_buf body;
    struct kn_buf text;
    (void)state;
    kn_buf_init(&body, 8 << 20);
    kn_buf_init(&text, 8 << 20);
    exchange("POST /v1/batch", KEY, batch_of(&body, 2500, 0));
    assert_answer(200, "{\"success\":true}");
    assert_int_equal(result.accepted, 2500);
    assert_int_equal(result.rejected, 0);
    exchange("POST /v1/batch", KEY, batch_of(&body, 2503, 0));
    assert_answer(200, "{\"success\":true}");
    assert_int_equal(result.accepted, 2500);
    assert_int_equal(result.rejected, 3);
    assert_int_equal(ws.item_count, 2501);
    assert_non_null(strstr(staged(&text),
                           "reject too_many_events {\"reason\":\"too_many_events\",\"detail\":"
                           "\"a batch may have at most 2500 messages\",\"count\":3}"));
    exchange("POST /v1/batch", KEY, batch_of(&body, 300, 250));
    assert_int_equal(result.accepted, 50);
    assert_int_equal(result.rejected, 250);
    assert_int_equal(ws.item_count, 150);
    assert_non_null(strstr(staged(&text), "\"count\":151"));
    kn_buf_deinit(&text);
    kn_buf_deinit(&body);
}

static void test_sizes(void **state)
{
    struct kn_buf body;
    struct kn_buf text;
    (void)state;
    kn_buf_init(&body, 8 << 20);
    kn_buf_init(&text, 8 << 20);
    for (int batch = 0; batch < 2; batch++) {
        kn_buf_clear(&body);
        kn_buf_c(&body, batch ? "{\"batch\":[" PAGE "," : "");
        kn_buf_c(&body, "{\"type\":\"page\",\"anonymousId\":\"a\",\"pad\":\"");
        for (int i = 0; i < 33 * 1024; i++) {
            kn_buf_char(&body, 'x');
        }
        kn_buf_c(&body, batch ? "\"}]}" : "\"}");
        exchange(batch ? "POST /v1/batch" : "POST /v1/p", KEY, kn_buf_view(&body));
        assert_int_equal(response.status, batch ? 200 : 400);
        assert_int_equal(result.accepted, batch);
        assert_int_equal(result.rejected, 1);
        assert_non_null(strstr(staged(&text), "reject too_large"));
        assert_true(text.len < 4096 + 1024);
    }
    assert_int_equal(response.status, 200);
    while (body.len <= KN_COLLECT_BODY_MAX) {
        kn_buf_char(&body, ' ');
    }
    exchange("POST /v1/batch", KEY, kn_buf_view(&body));
    assert_int_equal(response.status, 413);
    assert_string_equal(result.reason, "too_large");
    kn_buf_deinit(&text);
    kn_buf_deinit(&body);
}

/* A context shared by many messages counts for each of them, so that a small request cannot become
 * a large record. */
static void test_shared_context_is_bounded(void **state)
{
    struct kn_buf body;
    (void)state;
    kn_buf_init(&body, 8 << 20);
    for (int size = 20000; size <= 33000; size += 13000) {
        kn_buf_clear(&body);
        kn_buf_c(&body, "{\"context\":{\"pad\":\"");
        for (int i = 0; i < size; i++) {
            kn_buf_char(&body, 'x');
        }
        kn_buf_c(&body, "\"},\"batch\":[");
        for (int i = 0; i < 2000; i++) {
            kn_buf_c(&body, i ? "," PAGE : PAGE);
        }
        kn_buf_c(&body, "]}");
        exchange("POST /v1/batch", KEY, kn_buf_view(&body));
        assert_int_equal(response.status, size == 20000 ? 413 : 200);
        assert_int_equal(result.accepted, 0);
        assert_int_equal(result.rejected, size == 20000 ? 0 : 2000);
    }
    kn_buf_deinit(&body);
}

static void test_invalid_json(void **state)
{
    struct kn_buf text;
    (void)state;
    kn_buf_init(&text, 1 << 20);
    post("/v1/batch", KEY, "{\"batch\":[{\"userId\":\"jan@x.nl\",}]}");
    assert_int_equal(response.status, 400);
    assert_string_equal(result.reason, "invalid_json");
    assert_int_equal(result.outcome, KN_COLLECT_WAIT); /* the reject is to be on disk */
    const char *got = staged(&text);
    assert_non_null(strstr(got, "reject invalid_json {\"reason\":\"invalid_json\""));
    assert_non_null(strstr(got, "\"sample\":\"{\\\"batch\\\":[{\\\"userId\\\":\\\"***\\\",}]}\""));
    struct kn_str body = kn_buf_view(&response.body);
    assert_true(
        kn_str_starts(body, KN_STR("{\"success\":false,\"code\":\"invalid_json\",\"message\":")));
    assert_true(kn_str_find(body, KN_STR("\"error\":")) != SIZE_MAX);
    post("/v1/batch", "", "{\"batch\":");
    assert_int_equal(response.status, 400);
    assert_int_equal(ws.item_count, 0);
    post("/v1/p", KEY, "[]");
    assert_int_equal(response.status, 400);
    post("/v1/p", KEY, "");
    assert_int_equal(response.status, 400);
    post("/v1/p", KEY, "{\"anonymousId\":\"a\",\"x\":\"\xff\"}");
    assert_int_equal(response.status, 400);
    kn_buf_deinit(&text);
}

/* ---- overload ---- */

static void test_overload(void **state)
{
    (void)state;
    ws.rc = KN_E_FULL;
    post("/v1/p", KEY, PAGE);
    assert_answer(
        429, "{\"success\":false,\"code\":\"rate_limited\",\"message\":\"too many events at the "
             "moment, try again later\",\"error\":\"too many events at the moment, try again "
             "later\"}");
    assert_text(answer_header("Retry-After"), "1");
    assert_text(answer_header("X-RateLimit-Reset"), "1");
    assert_int_equal(result.outcome, KN_COLLECT_DONE);
    assert_int_equal(result.accepted, 0);
    ws.disk_full = true;
    post("/v1/p", KEY "\nOrigin: https://shop.example", PAGE);
    assert_int_equal(response.status, 503);
    assert_text(answer_header("Retry-After"), "10");
    assert_text(answer_header("Access-Control-Allow-Origin"), "https://shop.example");
    ws.disk_full = false;
    ws.rc = KN_OK;
    ws.ready = false;
    post("/v1/p", KEY, PAGE);
    assert_int_equal(response.status, 503);
    ws.ready = true;
    env.stopping = true;
    post("/v1/p", KEY, PAGE);
    assert_int_equal(response.status, 503);
    assert_int_equal(ws.item_count, 0);
    env.stopping = false;
}

/* ---- CORS ---- */

static bool header_lists(const char *header, const char *word)
{
    struct kn_str list = answer_header(header);
    while (list.len > 0) {
        if (kn_str_eq_nocase(kn_str_trim(kn_str_split(&list, ',')), kn_str_c(word))) {
            return true;
        }
    }
    return false;
}

static void test_cors(void **state)
{
    static const char *const asked[] = {"authorization", "x-retry-count", "anonymousid", "sentat",
                                        "content-type",  "x-write-key",   "x-ip-policy"};
    (void)state;
    exchange("OPTIONS /v1/t",
             "Origin: https://shop.example\nAccess-Control-Request-Headers: "
             "authorization,x-retry-count",
             KN_STR_EMPTY);
    assert_int_equal(response.status, 204);
    assert_int_equal(response.body.len, 0);
    assert_text(answer_header("Access-Control-Allow-Origin"), "https://shop.example");
    assert_text(answer_header("Access-Control-Allow-Credentials"), "true");
    assert_text(answer_header("Access-Control-Allow-Methods"), "GET, POST, HEAD, OPTIONS");
    assert_text(answer_header("Access-Control-Max-Age"), "86400");
    assert_text(answer_header("Vary"), "Origin, Access-Control-Request-Headers");
    for (size_t i = 0; i < sizeof asked / sizeof asked[0]; i++) {
        assert_true(header_lists("Access-Control-Allow-Headers", asked[i]));
    }
    exchange("OPTIONS /sourceConfig", "", KN_STR_EMPTY);
    assert_int_equal(response.status, 204);
    assert_text(answer_header("Access-Control-Allow-Origin"), "*");
    assert_int_equal(answer_header("Access-Control-Allow-Credentials").len, 0);
    exchange("OPTIONS /elsewhere", "", KN_STR_EMPTY);
    assert_int_equal(result.outcome, KN_COLLECT_NOT_MINE);
    post("/v1/t", "Origin: https://shop.example", "{");
    assert_int_equal(response.status, 400);
    assert_text(answer_header("Access-Control-Allow-Origin"), "https://shop.example");
    assert_true(header_lists("Access-Control-Expose-Headers", "Retry-After"));
    assert_true(header_lists("Access-Control-Expose-Headers", "X-RateLimit-Reset"));
    assert_true(header_lists("Access-Control-Expose-Headers", "Kern-Position"));
    post("/v1/t", "Origin: a b", "{");
    assert_text(answer_header("Access-Control-Allow-Origin"), "*");
}

/* ---- addresses and agents ---- */

static void test_client_facts(void **state)
{
#define LIBRARY(name) "{\"anonymousId\":\"a\",\"context\":{\"library\":{\"name\":\"" name "\"}}}"
    static const char agent[] =
        "User-Agent: Mozilla/5.0 (Windows NT 10.0) Chrome/120.0 Safari/537.36\nX-Write-Key: WKB";
    struct kn_buf text;
    (void)state;
    kn_buf_init(&text, 1 << 20);
    post("/v1/p", agent, LIBRARY("analytics.js"));
    assert_non_null(strstr(staged(&text), "\"ip\":\"203.0.113.0\""));
    assert_non_null(strstr(text.p, "device=desktop browser=Chrome platform=Windows"));
    post("/v1/p", agent, LIBRARY("analytics-python"));
    assert_null(strstr(staged(&text), "\"ip\""));
    assert_null(strstr(text.p, "device="));
    post("/v1/p", agent, "{\"anonymousId\":\"a\",\"context\":{\"direct\":true}}");
    assert_non_null(strstr(staged(&text), "\"ip\":\"203.0.113.0\""));
    post("/v1/p", "X-Write-Key: WKB\nX-IP-Policy: remove",
         "{\"anonymousId\":\"a\",\"context\":{\"ip\":\"1.2.3.4\",\"direct\":true}}");
    assert_null(strstr(staged(&text), "\"ip\""));
    post("/v1/p", "X-Write-Key: WKB\nX-IP-Policy: keep",
         "{\"anonymousId\":\"a\",\"context\":{\"ip\":\"1.2.3.4\"}}");
    assert_non_null(strstr(staged(&text), "\"ip\":\"1.2.3.0\""));
    post(
        "/api/s/page", "X-Write-Key: WKB",
        "{\"anonymousId\":\"a\",\"context\":{\"ip\":\"1.2.3.4\",\"library\":{\"name\":\"@jitsu/js\"}}}");
    assert_non_null(strstr(staged(&text), "\"ip\":\"203.0.113.0\""));
    post("/v1/p?writeKey=SRV", "",
         "{\"anonymousId\":\"a\",\"context\":{\"page\":{\"url\":\"https://a.nl/\"}}}");
    assert_non_null(strstr(staged(&text), "SERVER"));
    post("/v1/p", "X-Write-Key: WKB\nSec-GPC: 1", LIBRARY("analytics.js"));
    assert_non_null(strstr(staged(&text), "advertising=denied"));
    post("/v1/p", "X-Write-Key: WKB\nSec-GPC: 1", LIBRARY("analytics-python"));
    assert_null(strstr(staged(&text), "advertising"));
    post(
        "/v1/p", "X-Write-Key: WKB\nSec-GPC: 1",
        "{\"anonymousId\":\"a\",\"context\":{\"consent\":{\"categoryPreferences\":{\"Advertising\":true}}}}");
    assert_non_null(strstr(staged(&text), "*=denied advertising=granted"));
#undef LIBRARY
    kn_buf_deinit(&text);
}

/* ---- pixels ---- */

static void assert_gif(void)
{
    assert_int_equal(response.status, 200);
    assert_text(answer_header("Content-Type"), "image/gif");
    assert_int_equal(response.body.len, 43);
    assert_int_equal(memcmp(response.body.p, "GIF89a", 6), 0);
}

static void test_pixels(void **state)
{
    struct kn_buf text;
    struct kn_buf line;
    (void)state;
    kn_buf_init(&text, 1 << 20);
    kn_buf_init(&line, 1 << 20);
    exchange(
        "GET /v1/pixel/track?writeKey=WKB&userId=u&event=Email+Opened&properties.subject=Hi%21&"
        "properties.list.id=7&context.page.url=https://a.nl/",
        "", KN_STR_EMPTY);
    assert_gif();
    assert_int_equal(result.outcome, KN_COLLECT_WAIT);
    assert_string_equal(
        staged(&text),
        "track 'Email Opened' user_id:u {\"userId\":\"u\",\"properties\":{\"subject\":"
        "\"Hi!\",\"list\":{\"id\":\"7\"}},\"context\":{\"page\":{\"url\":\"https://a.nl/\"},"
        "\"ip\":\"203.0.113.0\"}}\n");
    kn_buf_c(&line, "GET /v1/pixel/page?data=");
    kn_base64url_encode(KN_STR("{\"writeKey\":\"WKB\",\"anonymousId\":\"a\"}"), &line);
    kn_buf_char(&line, '\0');
    exchange(line.p, "", KN_STR_EMPTY);
    assert_gif();
    assert_int_equal(strncmp(staged(&text), "page 'Page Viewed' anonymous_id:a channel=direct", 40),
                     0);
    static const char *const others[] = {
        "GET /pixel/v1/page?writeKey=WKB&anonymousId=a",
        "GET /pixel/v1/track?writeKey=WKB&anonymousId=a&event=E",
        "GET /api/px/p?writekey=WKB&anonymousId=a",
        /* {"writeKey":"WKB","anonymousId":"~~>>"} */
        ("GET /api/px/p?data=eyJ3cml0ZUtleSI6IldLQiIsImFub255bW91c0lkIjoifn4"
         "+PiJ9")};
    for (size_t i = 0; i < 4; i++) {
        exchange(others[i], "", KN_STR_EMPTY);
        assert_gif();
        assert_int_equal(result.accepted, 1);
    }
    static const char *const bad[] = {"GET /v1/pixel/track",
                                      "GET /v1/pixel/track?writeKey=nope&userId=u",
                                      "GET /v1/pixel/page?data=%%%",
                                      "GET /v1/pixel/page?data=e30",
                                      "GET /v1/pixel/track?writeKey=WKB&.=x&a..b=y",
                                      "HEAD /v1/pixel/page?writeKey=WKB&anonymousId=a"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        exchange(bad[i], "", KN_STR_EMPTY);
        assert_gif();
        assert_int_equal(result.accepted, 0);
    }
    ws.rc = KN_E_FULL;
    exchange(others[0], "", KN_STR_EMPTY);
    assert_gif();
    ws.rc = KN_OK;
    kn_buf_deinit(&line);
    kn_buf_deinit(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_routes),       cmocka_unit_test(test_keys),
        cmocka_unit_test(test_key_answers),  cmocka_unit_test(test_batches),
        cmocka_unit_test(test_empty_batch),  cmocka_unit_test(test_batch_limits),
        cmocka_unit_test(test_sizes),        cmocka_unit_test(test_shared_context_is_bounded),
        cmocka_unit_test(test_invalid_json), cmocka_unit_test(test_overload),
        cmocka_unit_test(test_cors),         cmocka_unit_test(test_client_facts),
        cmocka_unit_test(test_pixels),
    };
    return RUN_GROUP(tests);
}
