/* One message in, one item out: tables of messages and what they must become. */
#include "kit.h"

static struct kn_settings *settings;
static struct kn_collect *collect;
static struct kn_rand generator;

struct outcome {
    const char *rejected;
    char detail[400];
    char facts[4096];
    char body[40000];
    char id[128];
    uint32_t items;
};

static void decode(struct kn_str items, struct outcome *ret)
{
    struct kn_arena arena;
    struct kn_buf text;
    struct kn_item item;
    struct kn_cursor in = kn_cursor(items);
    kn_arena_init(&arena, 1 << 20);
    kn_buf_init(&text, sizeof ret->facts - 1);
    assert_int_equal(kn_item_decode(&in, &settings->key, &arena, &item, NULL), KN_OK);
    assert_true(in.p == in.end);
    assert_int_equal(item.kind, KN_ITEM_EVENT);
    assert_int_equal(item.received_us, NOW);
    kit_facts(&item, &text);
    (void)snprintf(ret->facts, sizeof ret->facts, "%.*s", KN_STR_ARG(kn_buf_view(&text)));
    (void)snprintf(ret->body, sizeof ret->body, "%.*s", KN_STR_ARG(item.body));
    (void)snprintf(ret->id, sizeof ret->id, "%.*s", KN_STR_ARG(item.message_id));
    kn_buf_deinit(&text);
    kn_arena_deinit(&arena);
}

static void run_with(const struct kn_collect_message_options *options, const char *json,
                     struct outcome *ret)
{
    struct kn_buf items;
    struct kn_err err = {0};
    struct kn_str padded = kit_padded(kn_str_c(json));
    kn_buf_init(&items, 1 << 20);
    *ret = (struct outcome){0};
    assert_int_equal(kn_collect_message(collect, kit_random(&generator), options, padded, &items,
                                        &ret->items, &ret->rejected, &err),
                     KN_OK);
    assert_int_equal(ret->items, ret->rejected ? 0 : 1);
    if (ret->rejected) {
        assert_int_equal(items.len, 0);
        (void)snprintf(ret->detail, sizeof ret->detail, "%s", err.text);
    } else {
        decode(kn_buf_view(&items), ret);
    }
    kn_buf_deinit(&items);
    kit_free(padded);
}

static void run(const char *json, struct outcome *ret)
{
    run_with(&(struct kn_collect_message_options){.settings = settings,
                                                  .source = &settings->sources[0],
                                                  .received_us = NOW},
             json, ret);
}

struct row {
    const char *json, *expected;
};

static void check_facts(const struct row *rows, size_t count)
{
    struct outcome *o = kn_must_calloc(1, sizeof *o);
    for (size_t i = 0; i < count; i++) {
        run(rows[i].json, o);
        const char *got = o->rejected ? o->rejected : o->facts;
        if (strcmp(got, rows[i].expected) != 0) {
            print_message("row %zu: %s\n", i, rows[i].json);
        }
        assert_string_equal(got, rows[i].expected);
        assert_true(!o->rejected || o->detail[0] != '\0');
    }
    kn_free(o);
}

#define CHECK_FACTS(rows) check_facts(rows, sizeof(rows) / sizeof((rows)[0]))

static void test_types_and_ids(void **state)
{
    static const struct row rows[] = {
        {"{\"type\":\"track\",\"event\":\"A b\",\"userId\":\"u1\"}", "track 'A b' user_id:u1"},
        {"{\"type\":\"track\",\"event\":\"E\",\"userId\":17,\"anonymousId\":\" a \"}",
         "track 'E' user_id:17 anonymous_id:a"},
        {"{\"type\":\"track\",\"event\":\"E\",\"userId\":\"\",\"anonymousId\":\"a\"}",
         "track 'E' anonymous_id:a"},
        {"{\"type\":\"track\",\"event\":\"E\",\"userId\":null,\"anonymousId\":\"a\"}",
         "track 'E' anonymous_id:a"},
        {"{\"type\":\"page\",\"name\":\"Home\",\"anonymousId\":\"a\"}",
         "page 'Page Viewed' anonymous_id:a"},
        {"{\"type\":\"screen\",\"anonymousId\":\"a\"}", "screen 'Screen Viewed' anonymous_id:a"},
        {"{\"type\":\"group\",\"groupId\":\"g\",\"userId\":\"u\",\"traits\":{\"email\":\"g@x.nl\"}}",
         "group user_id:u"},
        {"{\"type\":\"alias\",\"userId\":\"u\",\"previousId\":\"p\"}", "alias user_id:u"},
        {"{\"type\":\"alias\",\"userId\":\"u9\",\"previousId\":\"u9\"}", "alias user_id:u9"},
        {"{\"\\u0074ype\":\"track\",\"ev\\u0065nt\":\"E\\u00e9\",\"user\\u0049d\":\"u\"}",
         "track 'E\xc3\xa9' user_id:u"},
        {"{\"type\":\"track\",\"event\":\"E\",\"userId\":\"u\",\"integrations\":{\"Personas\":false}}",
         "track 'E' user_id:u NO_PROFILE"},
        {"{\"type\":\"track\",\"event\":\"E\",\"userId\":\"u\",\"integrations\":{\"All\":false}}",
         "track 'E' user_id:u"},
    };
    (void)state;
    CHECK_FACTS(rows);
}

/* A text of 256 bytes. */
#define X16 "xxxxxxxxxxxxxxxx"
#define X64 X16 X16 X16 X16
#define X256 X64 X64 X64 X64

static void test_rejected(void **state)
{
    static const struct row rows[] = {
        {"", "invalid_json"},
        {"{\"type\":\"track\",", "invalid_json"},
        {"{\"type\":\"track\",\"event\":\"\xff\",\"userId\":\"u\"}", "invalid_json"},
        {"[]", "invalid_type"},
        {"17", "invalid_type"},
        {"{}", "unknown_type"},
        {"{\"type\":\"Track\",\"event\":\"E\",\"userId\":\"u\"}", "unknown_type"},
        {"{\"type\":\"charge\",\"userId\":\"u\"}", "unknown_type"},
        {"{\"type\":\"track\",\"event\":\"E\"}", "no_user_anon_id"},
        {"{\"type\":\"track\",\"event\":\"E\",\"userId\":\"  \",\"anonymousId\":null}",
         "no_user_anon_id"},
        {"{\"type\":\"track\",\"event\":\"E\",\"userId\":{\"a\":1}}", "no_user_anon_id"},
        {"{\"type\":\"track\",\"event\":\"E\",\"userId\":\"" X256 "\"}", "identifier_too_long"},
        {"{\"type\":\"track\",\"event\":\"E\",\"anonymousId\":\"" X256 "\"}",
         "identifier_too_long"},
        {"{\"type\":\"track\",\"userId\":\"u\"}", "no_event"},
        {"{\"type\":\"track\",\"event\":\" \",\"userId\":\"u\"}", "no_event"},
        {"{\"type\":\"track\",\"event\":{\"a\":1},\"userId\":\"u\"}", "no_event"},
        {"{\"type\":\"group\",\"userId\":\"u\"}", "no_group_id"},
        {"{\"type\":\"alias\",\"userId\":\"u\"}", "no_previous_id"},
        {"{\"type\":\"track\",\"event\":\"E\",\"userId\":\"u\",\"properties\":[1]}",
         "invalid_type"},
        {"{\"type\":\"identify\",\"userId\":\"u\",\"traits\":\"x\"}", "invalid_type"},
        {"{\"type\":\"track\",\"event\":\"E\",\"userId\":\"u\",\"context\":\"x\"}", "invalid_type"},
    };
    (void)state;
    CHECK_FACTS(rows);
}

static void test_times(void **state)
{
    static const struct row rows[] = {
        /* sent 850 ms before it arrived: the client's clock is that far behind, or the way that
           long */
        {"{\"type\":\"page\",\"userId\":\"u\",\"timestamp\":\"2026-11-23T15:45:20.000Z\",\"sentAt\":"
         "\"2026-11-23T15:45:20.250Z\"}",
         "page 'Page Viewed' -250ms user_id:u"},
        {"{\"type\":\"page\",\"userId\":\"u\",\"originalTimestamp\":\"2026-11-23T16:45:19.000+01:00\","
         "\"timestamp\":\"2020-01-01\",\"sentAt\":\"2026-11-23T15:45:20Z\"}",
         "page 'Page Viewed' -1000ms user_id:u"},
        {"{\"type\":\"page\",\"userId\":\"u\",\"timestamp\":\"2026-11-23T15:45:11.1Z\"}",
         "page 'Page Viewed' -10000ms user_id:u"},
        {"{\"type\":\"page\",\"userId\":\"u\",\"timestamp\":1795448720100}",
         "page 'Page Viewed' -1000ms user_id:u"},
        {"{\"type\":\"page\",\"userId\":\"u\",\"timestamp\":\"yesterday\",\"sentAt\":\"2026-11-23\"}",
         "page 'Page Viewed' user_id:u"},
        {"{\"type\":\"page\",\"userId\":\"u\",\"timestamp\":\"2026-11-23T15:45:20.1Z\",\"sentAt\":\"x\"}",
         "page 'Page Viewed' -1000ms user_id:u"},
        {"{\"type\":\"page\",\"userId\":\"u\",\"sentAt\":\"2026-11-23T15:45:20.1Z\"}",
         "page 'Page Viewed' user_id:u"},
    };
    (void)state;
    CHECK_FACTS(rows);
}

static void test_identifiers(void **state)
{
    static const struct row rows[] = {
        {"{\"type\":\"identify\",\"userId\":\"u\",\"traits\":{\"email\":\" Jan@X.NL \",\"phone\":31612}}",
         "identify user_id:u email:jan@x.nl phone:31612 traits={\"email\":\" Jan@X.NL \","
         "\"phone\":31612}"},
        {"{\"type\":\"track\",\"event\":\"E\",\"anonymousId\":\"a\",\"properties\":{\"email\":\"p@x.nl\","
         "\"phone\":\"1\"},\"context\":{\"traits\":{\"email\":\"C@x.nl\",\"phone\":\"2\","
         "\"crossDomainId\":\"x1\"}}}",
         "track 'E' email:c@x.nl email:p@x.nl phone:2 anonymous_id:a cross_domain_id:x1"},
        {"{\"type\":\"identify\",\"userId\":\"u\",\"traits\":{\"email\":\"unknown\"}}",
         "identify user_id:u traits={\"email\":\"unknown\"}"},
        {"{\"type\":\"identify\",\"userId\":\"u\",\"traits\":{\"email\":\"\xc3\x89va@X.NL\"}}",
         "identify user_id:u email:\xc3\xa9va@x.nl traits={\"email\":\"\xc3\x89va@X.NL\"}"},
        {"{\"type\":\"screen\",\"anonymousId\":\"a\",\"context\":{\"device\":{\"type\":\"Android\",\"id\":"
         "\"d1\",\"advertisingId\":\"ad\",\"adTrackingEnabled\":true,\"token\":\"t1\"}}}",
         "screen 'Screen Viewed' anonymous_id:a android.id:d1 android.idfa:ad android.push_token:t1"
         " device=mobile platform=Android"},
        {"{\"type\":\"screen\",\"anonymousId\":\"a\",\"context\":{\"device\":{\"type\":\"ios\",\"id\":\"d1\","
         "\"advertisingId\":\"ad\",\"adTrackingEnabled\":false,\"model\":\"iPad13,4\"},\"os\":{\"name\":"
         "\"iPadOS\"}}}",
         "screen 'Screen Viewed' anonymous_id:a ios.id:d1 device=tablet platform=iPadOS"},
        {"{\"type\":\"page\",\"anonymousId\":\"a\",\"context\":{\"integrations\":{\"Google Analytics\":"
         "{\"clientId\":\"1.2\"}},\"Braze\":{\"braze_id\":\"b\"}}}",
         "page 'Page Viewed' anonymous_id:a ga_client_id:1.2 braze_id:b"},
        {"{\"type\":\"page\",\"anonymousId\":\"a\",\"context\":{\"externalIds\":["
         "{\"id\":\"77\",\"type\":\"shopify_id\",\"collection\":\"users\",\"encoding\":\"none\"},"
         "{\"id\":\"E@x.nl\",\"type\":\"email\",\"collection\":\"users\",\"encoding\":\"none\"},"
         "{\"id\":\"1\",\"type\":\"Upper\",\"collection\":\"users\",\"encoding\":\"none\"},"
         "{\"id\":\"2\",\"type\":\"org\",\"collection\":\"accounts\",\"encoding\":\"none\"},"
         "{\"id\":\"3\",\"type\":\"half\",\"collection\":\"users\"},17]}}",
         "page 'Page Viewed' anonymous_id:a custom:shopify_id:77 email:e@x.nl"},
    };
    (void)state;
    CHECK_FACTS(rows);
}

static void test_long_values_are_not_promoted(void **state)
{
    struct outcome *o = kn_must_calloc(1, sizeof *o);
    char json[1200];
    char value[257];
    (void)state;
    memset(value, 'v', sizeof value);
    for (int len = 255; len <= 256; len++) {
        (void)snprintf(json, sizeof json,
                       "{\"type\":\"page\",\"userId\":\"%.*s\",\"anonymousId\":\"a\"}", len, value);
        run(json, o);
        assert_null(o->rejected);
        assert_int_equal(strstr(o->facts, "user_id:") != NULL, len == 255);
        assert_non_null(strstr(o->body, "\"userId\":\"vvv"));
    }
    kn_free(o);
}

static void test_traits(void **state)
{
    static const struct row rows[] = {
        {"{\"type\":\"identify\",\"userId\":\"u\",\"traits\":{}}", "identify user_id:u"},
        {"{\"type\":\"identify\",\"userId\":\"u\"}", "identify user_id:u"},
        {"{\"type\":\"identify\",\"userId\":\"u\",\"traits\":{ \"x\" : null}}",
         "identify user_id:u traits={ \"x\" : null}"},
        {"{\"type\":\"identify\",\"userId\":\"u\",\"traits\":{\"first_name\":\"An\",\"lastName\":\"B\"}}",
         "identify user_id:u traits={\"first_name\":\"An\",\"lastName\":\"B\",\"name\":\"An B\"}"},
        {"{\"type\":\"identify\",\"userId\":\"u\",\"traits\":{\"firstName\":\"A\",\"lastName\":\"B\","
         "\"name\":\"C\"}}",
         "identify user_id:u traits={\"firstName\":\"A\",\"lastName\":\"B\",\"name\":\"C\"}"},
        {"{\"type\":\"identify\",\"userId\":\"u\",\"context\":{\"traits\":{\"plan\":\"gold\"},\"library\":"
         "{\"name\":\"RudderLabs JavaScript SDK\"}}}",
         "identify user_id:u traits={\"plan\":\"gold\"}"},
        {"{\"type\":\"identify\",\"userId\":\"u\",\"traits\":{\"plan\":1},\"context\":{\"traits\":"
         "{\"plan\":2}}}",
         "identify user_id:u traits={\"plan\":1}"},
        {"{\"type\":\"track\",\"event\":\"E\",\"userId\":\"u\",\"traits\":{\"plan\":1}}",
         "track 'E' user_id:u"},
        {"{\"type\":\"identify\",\"userId\":\"u\",\"traits\":{\"a\":1,\"consents\":{\"analytics\":true},"
         "\"b\":[2]}}",
         "identify user_id:u traits={\"a\":1,\"b\":[2]} analytics=granted"},
        {"{\"type\":\"identify\",\"userId\":\"u\",\"traits\":{\"consents\":{\"analytics\":false}}}",
         "identify user_id:u analytics=denied"},
    };
    (void)state;
    CHECK_FACTS(rows);
}

static void test_orders(void **state)
{
#define ORDER(event, properties)                                                                   \
    "{\"type\":\"track\",\"event\":\"" event "\",\"userId\":\"u\",\"properties\":{" properties "}}"
    static const struct row rows[] = {
        {ORDER("Order Completed",
               "\"order_id\":\"o1\",\"revenue\":25.5,\"total\":31,\"currency\":\"eur\""),
         "track 'Order Completed' user_id:u order=completed id=o1 amount=2550EUR"},
        {ORDER("Completed Order", "\"orderId\":12,\"total\":\"31.005\""),
         "track 'Completed Order' user_id:u order=completed id=12 amount=3101"},
        {ORDER("Order Updated", "\"order_id\":\"o1\",\"value\":1e2,\"currency\":\"JPY\""),
         "track 'Order Updated' user_id:u order=updated id=o1 amount=100JPY"},
        {ORDER("Order Refunded", "\"order_id\":\"o1\""),
         "track 'Order Refunded' user_id:u order=refunded id=o1"},
        {ORDER("Order Refunded", "\"order_id\":\"o1\",\"total\":5,\"currency\":\"euros\""),
         "track 'Order Refunded' user_id:u order=refunded id=o1 amount=500"},
        {ORDER("Order Cancelled", "\"order_id\":\"o1\""),
         "track 'Order Cancelled' user_id:u order=cancelled id=o1"},
        {ORDER("Order Completed", "\"revenue\":\"free\",\"total\":3"),
         "track 'Order Completed' user_id:u order=completed amount=300"},
        {ORDER("order completed", "\"revenue\":1"), "track 'order completed' user_id:u"},
        {"{\"type\":\"page\",\"event\":\"Order Completed\",\"userId\":\"u\"}",
         "page 'Page Viewed' user_id:u"},
    };
#undef ORDER
    (void)state;
    CHECK_FACTS(rows);
}

static void test_visits(void **state)
{
#define EVENT(rest) "{\"type\":\"track\",\"event\":\"E\",\"userId\":\"u\"," rest "}"
#define LIB(name) "\"library\":{\"name\":\"" name "\"}"
    static const struct row rows[] = {
        {EVENT("\"context\":{" LIB(
             "analytics.js") ",\"page\":{\"url\":\"https://shop.example/p/1?utm_source="
                             "news&utm_medium=email&utm_campaign=c%201#x\",\"referrer\":\"https://mail.example/a\"}}"),
         "track 'E' user_id:u channel=email source=news medium=email campaign=c 1"
         " referrer=mail.example landing=https://shop.example/p/1"},
        {EVENT("\"context\":{" LIB(
             "analytics.js") ",\"campaign\":{\"source\":\"goog\",\"medium\":\"cpc\","
                             "\"name\":\"n\",\"term\":\"t\",\"content\":\"c\"},\"page\":{\"url\":\"https://a.nl/?utm_source=x\"}}"),
         "track 'E' user_id:u channel=paid_search source=goog medium=cpc campaign=n term=t content=c"
         " landing=https://a.nl/"},
        {EVENT("\"context\":{" LIB(
             "analytics.js") ",\"page\":{\"path\":\"/p\",\"search\":\"?gclid=abc\"}}"),
         "track 'E' user_id:u channel=paid_search click=gclid landing=/p"},
        {EVENT("\"channel\":\"web\",\"context\":{" LIB(
             "RudderLabs JavaScript SDK") ",\"page\":{\"referrer\":\"$direct\",\"url\":\"https://a.nl/x\"}}"),
         "track 'E' user_id:u channel=direct landing=https://a.nl/x"},
        {EVENT("\"context\":{" LIB("analytics-kotlin") "}"), "track 'E' user_id:u channel=direct"},
        {EVENT("\"context\":{" LIB("analytics-node") ",\"page\":{\"url\":\"https://a.nl/\"}}"),
         "track 'E' user_id:u SERVER"},
        {EVENT("\"context\":{" LIB("@segment/analytics-node") "}"), "track 'E' user_id:u SERVER"},
        {EVENT("\"context\":{" LIB("analytics-php") ",\"userAgent\":\"\"}"),
         "track 'E' user_id:u SERVER"},
        {EVENT("\"channel\":\"server\",\"context\":{\"page\":{\"url\":\"https://a.nl/\"}}"),
         "track 'E' user_id:u SERVER"},
        {EVENT(
             "\"context\":{\"page\":{\"url\":\"https://a.nl/\",\"referrer\":\"https://www.google.nl/\"}}"),
         "track 'E' user_id:u channel=organic_search referrer=www.google.nl landing=https://a.nl/"},
        {EVENT("\"context\":{}"), "track 'E' user_id:u"},
        {EVENT("\"context\":{" LIB(
             "analytics.js") ",\"page\":{\"url\":\"https://a.nl/?utm_source=%ff\"}},"
                             "\"properties\":{\"url\":\"https://b.nl/\"}"),
         "track 'E' user_id:u channel=direct landing=https://a.nl/"},
        {"{\"type\":\"page\",\"anonymousId\":\"a\",\"context\":{" LIB(
             "analytics.js") "},\"properties\":{\"url\":"
                             "\"https://b.nl/q?a=b\",\"referrer\":\"https://t.co/x\"}}",
         "page 'Page Viewed' anonymous_id:a channel=social referrer=t.co landing=https://b.nl/q"},
        {"{\"type\":\"identify\",\"anonymousId\":\"a\",\"context\":{" LIB(
             "analytics.js") ",\"page\":{\"url\":\"https://b.nl/\"}}}",
         "identify anonymous_id:a"},
    };
#undef EVENT
#undef LIB
    (void)state;
    CHECK_FACTS(rows);
}

static void test_devices(void **state)
{
#define PAGE(context) "{\"type\":\"page\",\"anonymousId\":\"a\",\"context\":{" context "}}"
    static const struct row rows[] = {
        {PAGE(
             "\"userAgent\":\"Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) Mobile Safari/604.1\""),
         "page 'Page Viewed' anonymous_id:a device=mobile browser=Safari platform=iOS"},
        {PAGE(
             "\"userAgent\":\"Mozilla/5.0 (X11; Linux x86_64) Chrome/120.0 Safari/537.36\","
             "\"userAgentData\":{\"mobile\":false,\"platform\":\"Chrome OS\"},\"location\":{\"country\":\"nl\"}"),
         "page 'Page Viewed' anonymous_id:a device=desktop browser=Chrome platform=ChromeOS country=NL"},
        {PAGE(
             "\"userAgentData\":{\"mobile\":true,\"platform\":\"Android\"},\"location\":{\"country\":"
             "\"Netherlands\"}"),
         "page 'Page Viewed' anonymous_id:a device=mobile platform=Android"},
        {PAGE("\"location\":{\"country\":\"n1\"},\"os\":{\"name\":\"\"}"),
         "page 'Page Viewed' anonymous_id:a"},
        {PAGE("\"location\":{\"country\":\"BE\"}"), "page 'Page Viewed' anonymous_id:a country=BE"},
    };
#undef PAGE
    (void)state;
    CHECK_FACTS(rows);
}

static void test_consents(void **state)
{
#define PAGE(context) "{\"type\":\"page\",\"anonymousId\":\"a\",\"context\":{" context "}}"
#define TRAITS(consents)                                                                           \
    "{\"type\":\"identify\",\"userId\":\"u\",\"traits\":{\"consents\":{" consents "}}}"
    static const struct row rows[] = {
        {PAGE("\"consent\":{}"), "page 'Page Viewed' anonymous_id:a"},
        {PAGE("\"consent\":{\"categoryPreferences\":{}}"),
         "page 'Page Viewed' anonymous_id:a *=denied"},
        {PAGE(
             "\"consent\":{\"categoryPreferences\":{\"Advertising\":true,\"Strictly Necessary\":true,"
             "\"my-own Thing\":false,\"odd\":\"maybe\"}}"),
         "page 'Page Viewed' anonymous_id:a *=denied advertising=granted service=granted"
         " my_own_thing=denied"},
        {PAGE("\"consentManagement\":{\"allowedConsentIds\":[\"C0001\"],\"deniedConsentIds\":"
              "[\"Marketing\"]}"),
         "page 'Page Viewed' anonymous_id:a c0001=granted advertising=denied"},
        {PAGE(
             "\"messaging_subscriptions\":[{\"key\":\"e\",\"type\":\"EMAIL\",\"status\":\"SUBSCRIBED\"},"
             "{\"type\":\"SMS\",\"status\":\"UNSUBSCRIBED\"},{\"type\":\"WhatsApp\",\"status\":\"SUBSCRIBED\"}]"),
         "page 'Page Viewed' anonymous_id:a marketing_email=granted marketing_sms=denied"},
        {TRAITS("\"*\":true,\"analytics\":\"granted\",\"a\xc3\xa9\":true"),
         "identify user_id:u analytics=granted"},
        {TRAITS(
             "\"marketing_email\":{\"state\":\"granted\",\"basis\":\"existing_customer\","
             "\"text_version\":\"v3\",\"at\":\"2026-11-23T15:45:20.1Z\"},\"x\":{\"basis\":\"contract\"}"),
         "identify user_id:u marketing_email=granted(existing_customer,v3,-1000ms)"},
        {TRAITS("\"analytics\":{\"state\":true,\"basis\":\"because\"}"),
         "identify user_id:u analytics=granted"},
    };
#undef PAGE
#undef TRAITS
    (void)state;
    CHECK_FACTS(rows);
}

static void test_bodies(void **state)
{
    static const struct row rows[] = {
        {"{\"type\":\"track\",\"event\":\"E\",\"messageId\":\"m\",\"userId\":\"u\",\"writeKey\":\"K\","
         "\"_metadata\":{},\"options\":{},\"properties\":{ \"a\" : 1.50 },\"own\":[1, 2]}",
         "{\"userId\":\"u\",\"properties\":{ \"a\" : 1.50 },\"own\":[1, 2]}"},
        {"{\"userId\":\"u\",\"type\":\"page\",\"messageId\":\"m\",\"event\":\"kept\",\"wr\\u0069teKey\":\"K\"}",
         "{\"userId\":\"u\",\"event\":\"kept\"}"},
        {"{\"userId\":\"u\",\"type\":\"page\",\"messageId\":17}",
         "{\"userId\":\"u\",\"messageId\":17}"},
        {"{\"userId\":\"u\",\"type\":\"page\",\"messageId\":\"m\",\"context\":{\"a\":1,\"ip\":\"1.2.3.4\",\"b\":2}}",
         "{\"userId\":\"u\",\"context\":{\"a\":1,\"b\":2,\"ip\":\"1.2.3.0\"}}"},
        {"{\"userId\":\"u\",\"type\":\"page\",\"messageId\":\"m\",\"context\":{\"ip\":\"2001:db8:1:2::3\"}}",
         "{\"userId\":\"u\",\"context\":{\"ip\":\"2001:db8:1::\"}}"},
        {"{\"userId\":\"u\",\"type\":\"page\",\"messageId\":\"m\",\"context\":{\"ip\":\"me\",\"ip\":\"1.2.3.4x\"}}",
         "{\"userId\":\"u\",\"context\":{}}"},
        {"{\"context\":{\"ip\":\"9.9.9.9\"},\"userId\":\"u\",\"type\":\"page\",\"messageId\":\"m\",\"context\":{\"k\":1}}",
         "{\"userId\":\"u\",\"context\":{\"k\":1}}"},
        {"{\"userId\":\"u\",\"type\":\"page\",\"messageId\":\"m\",\"context\":null,\"properties\":null}",
         "{\"userId\":\"u\",\"context\":null,\"properties\":null}"},
    };
    struct outcome *o = kn_must_calloc(1, sizeof *o);
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        run(rows[i].json, o);
        assert_null(o->rejected);
        assert_string_equal(o->body, rows[i].expected);
    }
    kn_free(o);
}

static void test_message_ids(void **state)
{
    struct outcome *o = kn_must_calloc(1, sizeof *o);
    char json[400];
    char id[102];
    (void)state;
    memset(id, 'm', sizeof id);
    (void)snprintf(json, sizeof json,
                   "{\"type\":\"page\",\"userId\":\"u\",\"messageId\":\"%.100s\"}", id);
    run(json, o);
    assert_int_equal(strlen(o->id), 100);
    assert_string_equal(o->body, "{\"userId\":\"u\"}");
    (void)snprintf(json, sizeof json,
                   "{\"type\":\"page\",\"userId\":\"u\",\"messageId\":\"%.101s\"}", id);
    run(json, o);
    assert_int_equal(strlen(o->id), 36);
    assert_int_equal(o->id[14], '4');
    assert_non_null(strstr(o->body, "\"messageId\":\"mmm"));
    char first[128];
    run("{\"type\":\"page\",\"userId\":\"u\"}", o);
    memcpy(first, o->id, sizeof first);
    assert_int_equal(strlen(first), 36);
    run("{\"type\":\"page\",\"userId\":\"u\",\"messageId\":\" \"}", o);
    assert_int_equal(strlen(o->id), 36);
    assert_string_not_equal(first, o->id);
    kn_free(o);
}

static void build_properties(struct kn_buf *out, unsigned count)
{
    kn_buf_clear(out);
    kn_buf_c(out, "{\"type\":\"track\",\"event\":\"E\",\"userId\":\"u\",\"properties\":{");
    for (unsigned i = 0; i < count; i++) {
        kn_buf_printf(out, "%s\"p%u\":%u", i ? "," : "", i, i);
    }
    kn_buf_c(out, "}}");
    kn_buf_char(out, '\0');
}

static void test_limits(void **state)
{
    struct outcome *o = kn_must_calloc(1, sizeof *o);
    struct kn_buf json;
    (void)state;
    kn_buf_init(&json, 1 << 20);
    build_properties(&json, 300);
    run(json.p, o);
    assert_null(o->rejected);
    build_properties(&json, 301);
    run(json.p, o);
    assert_string_equal(o->rejected, "too_many_properties");
    for (size_t size = 32768; size <= 32769; size++) {
        kn_buf_clear(&json);
        kn_buf_c(&json, "{\"type\":\"page\",\"userId\":\"u\",\"x\":\"");
        while (json.len < size - 2) {
            kn_buf_char(&json, 'x');
        }
        kn_buf_add(&json, "\"}", 3);
        run(json.p, o);
        assert_true(size == 32768 ? o->rejected == NULL : strcmp(o->rejected, "too_large") == 0);
    }
    kn_buf_deinit(&json);
    kn_free(o);
}

static void test_history(void **state)
{
    struct outcome *o = kn_must_calloc(1, sizeof *o);
    struct kn_collect_message_options options = {.settings = settings,
                                                 .source = &settings->sources[0],
                                                 .received_us = NOW,
                                                 .historic = true};
    (void)state;
    run_with(
        &options,
        "{\"type\":\"page\",\"userId\":\"u\",\"timestamp\":\"2026-11-23T15:45:20.1Z\",\"sentAt\":"
        "\"2026-11-23T15:00:00Z\",\"context\":{\"library\":{\"name\":\"analytics.js\"},"
        "\"page\":{\"url\":\"https://a.nl/\"}}}",
        o);
    assert_string_equal(o->facts, "page 'Page Viewed' -1000ms user_id:u SERVER HISTORIC");
    kn_free(o);
}

/* The n-th allocation fails: the message is taken whole, or KN_E_NOMEM and nothing is appended. */
static void test_no_memory(void **state)
{
    static const char json[] =
        "{\"type\":\"identify\",\"userId\":\"u\\u0041\",\"traits\":{\"email\":\"A\\u0042@x.nl\","
        "\"firstName\":\"a\\u0042\",\"lastName\":\"b\",\"consents\":{\"a\\u0062\":true}},"
        "\"context\":{\"ip\":\"1.2.3.4\",\"externalIds\":[{\"id\":\"1\",\"type\":\"own\",\"collection\":"
        "\"users\",\"encoding\":\"none\"}]}}";
    struct kn_collect_message_options options = {
        .settings = settings, .source = &settings->sources[0], .received_us = NOW};
    struct kn_str padded = kit_padded(kn_str_c(json));
    (void)state;
    uint64_t failures = 0;
    for (uint64_t n = 0;; n++) {
        struct kn_collect *fresh = kn_collect_new();
        struct kn_buf items;
        struct kn_err err;
        uint32_t count;
        const char *rejected;
        assert_non_null(fresh);
        kn_buf_init(&items, 1 << 20);
        kn_mem_fail_after(n);
        enum kn_rc rc = kn_collect_message(fresh, kit_random(&generator), &options, padded, &items,
                                           &count, &rejected, &err);
        kn_mem_fail_after(UINT64_MAX);
        if (rc == KN_OK) {
            struct outcome *o = kn_must_calloc(1, sizeof *o);
            assert_null(rejected);
            decode(kn_buf_view(&items), o);
            assert_non_null(strstr(o->facts, "user_id:uA email:ab@x.nl"));
            kn_free(o);
        } else {
            assert_int_equal(rc, KN_E_NOMEM);
            assert_int_equal(items.len, 0);
            failures++;
        }
        kn_buf_deinit(&items);
        kn_collect_free(fresh);
        if (rc == KN_OK) {
            break;
        }
    }
    assert_true(failures > 3);
    kit_free(padded);
}

static void test_addresses(void **state)
{
    static const struct {
        const char *text, *expected;
    } rows[] = {
        {"1.2.3.4", "1.2.3.0"},
        {" 255.255.255.255 ", "255.255.255.0"},
        {"1.2.3", NULL},
        {"1.2.3.256", NULL},
        {"1.2.3.4.5", NULL},
        {"1.2.3.4, 5.6.7.8", NULL},
        {"", NULL},
        {"2001:0db8:85a3:0000:0000:8a2e:0370:7334", "2001:db8:85a3::"},
        {"2001:db8::1", "2001:db8::"},
        {"fe80::1%eth0", "fe80::"},
        {"::1", "::"},
        {"::", "::"},
        {"::ffff:1.2.3.4", "1.2.3.0"},
        {"1:2:3:4:5:6:1.2.3.4", "1:2:3::"},
        {"1:2:3:4:5:6:7", NULL},
        {"1:2:3:4:5:6:7:8:9", NULL},
        {"1::2::3", NULL},
        {"12345::", NULL},
        {"g::", NULL},
        {"1:", NULL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char got[48] = "";
        bool ok = kn_ip_truncate(kn_str_c(rows[i].text), got);
        assert_int_equal(ok, rows[i].expected != NULL);
        if (ok) {
            assert_string_equal(got, rows[i].expected);
        }
    }
}

static void test_masks(void **state)
{
    static const struct {
        const char *text, *expected;
    } rows[] = {
        {"{\"type\": \"track\", \"event\":\"Order Completed\",\"messageId\":\"m-20261123155\"}",
         "{\"type\":\"track\",\"event\":\"Order Completed\",\"messageId\":\"m-20261123155\"}"},
        {"{\"userId\":\"jan\",\"traits\":{\"name\":\"Jan\",\"jan@x.nl\":true,\"age\":41,\"tel\":31612345678}}",
         "{\"userId\":\"***\",\"traits\":{\"name\":\"***\",\"***\":true,\"age\":41,\"tel\":***}}"},
        {"{\"event\":\"jan@x.nl\",\"type\":\"06123456789\"}",
         "{\"event\":\"***\",\"type\":\"***\"}"},
        {"email=jan@x.nl&x=1", "***"},
        {"{\"a\":\"jan", "{\"a\":\"***\""},
        {"{\"a\\\"b\":\"x\\\"y\",\"e\":1.5}", "{\"***\":\"***\",\"e\":1.5}"},
    };
    struct kn_buf out;
    (void)state;
    kn_buf_init(&out, 1 << 16);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        kn_buf_clear(&out);
        kn_mask(kn_str_c(rows[i].text), &out);
        kn_buf_char(&out, '\0');
        assert_string_equal(out.p, rows[i].expected);
    }
    char *large = kn_must_alloc(100000);
    memset(large, '[', 100000);
    kn_buf_clear(&out);
    kn_mask(kn_str(large, 100000), &out);
    assert_int_equal(out.len, KN_SAMPLE_MAX);
    kn_free(large);
    kn_buf_deinit(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_types_and_ids),
        cmocka_unit_test(test_rejected),
        cmocka_unit_test(test_times),
        cmocka_unit_test(test_identifiers),
        cmocka_unit_test(test_long_values_are_not_promoted),
        cmocka_unit_test(test_traits),
        cmocka_unit_test(test_orders),
        cmocka_unit_test(test_visits),
        cmocka_unit_test(test_devices),
        cmocka_unit_test(test_consents),
        cmocka_unit_test(test_bodies),
        cmocka_unit_test(test_message_ids),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_history),
        cmocka_unit_test(test_no_memory),
        cmocka_unit_test(test_addresses),
        cmocka_unit_test(test_masks),
    };
    generator = kn_rand_seed(1);
    settings = kit_settings();
    collect = kn_collect_new();
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    kn_collect_free(collect);
    kn_settings_unref(settings);
    return failed;
}
