/* The evaluator, case by case: one small history, what holds of it and when that changes. */
#include <stdio.h>

#include "cm.h"
#include "format/time_text.h"
#include "segment/eval_internal.h"
#include "tests/unit/segment/history.h"
#include "tests/unit/segment/zones.h"

static struct kn_arena arena;
static struct zones zones;
static struct history history;

static int64_t at(const char *text)
{
    int64_t us;
    if (!kn_time_parse(kn_str_c(text), &us)) {
        fail_msg("no time: %s", text);
    }
    return us;
}

static void add(const char *time, const char *name, uint32_t source, const char *properties)
{
    struct history_event *event = &history.events[history.event_count++];
    *event =
        (struct history_event){.us = at(time),
                               .arrival = history.event_count,
                               .name = kn_str_c(name),
                               .source = source,
                               .properties = history_json(&arena, properties),
                               .context = history_json(&arena, "{\"page\":{\"path\":\"/x\"}}")};
}

static int set_up(void **state)
{
    static struct history_flag consents[] = {{{"email", 5}, KN_CONSENT_GRANTED}};
    static struct history_flag identifiers[] = {{{"email", 5}, 1}};
    static struct history_flag segments[] = {{{"vip", 3}, 1}};
    (void)state;
    kn_arena_init(&arena, 64 << 20);
    zones_make(&zones, ZONES_AMSTERDAM);
    history = (struct history){.consents = consents,
                               .consent_count = 1,
                               .identifiers = identifiers,
                               .identifier_count = 1,
                               .segments = segments,
                               .segment_count = 1};
    history.events = kn_arena_zero(&arena, 64, sizeof *history.events);
    history.traits =
        history_json(&arena, "{\"city\":\"Utrecht\",\"age\":41,\"tags\":[\"a\",7,true],"
                             "\"born\":\"1984-02-29\",\"renewal\":\"2026-12-01T12:00:00Z\","
                             "\"none\":null,\"empty\":[],\"nested\":{\"x\":\"1.50\"}}");
    add("2026-11-01T10:00:00Z", "View", 1, "{\"sku\":\"a\",\"price\":10}");
    add("2026-11-10T10:00:00Z", "View", 2, "{\"sku\":\"b\",\"price\":\"2.50\"}");
    add("2026-11-10T10:00:00Z", "View", 1, "{\"sku\":\"a\",\"price\":0.1}");
    add("2026-11-20T09:00:00Z", "Cart", 1,
        "{\"products\":[{\"category\":\"shoes\",\"price\":60},{\"category\":\"hats\",\"price\":5}]"
        "}");
    add("2026-11-20T10:30:00Z", "Order Completed", 1,
        "{\"order_id\":\"o1\",\"revenue\":50,\"currency\":\"EUR\"}");
    add("2026-11-21T10:30:00Z", "Order Refunded", 1, "{\"order_id\":\"o1\",\"total\":12.5}");
    add("2026-11-22T23:30:00Z", "View", 1, "{\"sku\":\"c\"}");
    add("2026-11-23T09:30:00Z", "Cart", 1, "{}");
    add("2026-12-01T10:00:00Z", "View", 1, "{\"sku\":\"a\",\"price\":1}");
    history_finish(&history, "EUR", &arena);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    zones_free(&zones);
    kn_arena_deinit(&arena);
    return 0;
}

static const struct kn_definition *define(const char *text, enum kn_query_form form)
{
    static const struct kn_source_name sources[] = {{{"web", 3}, 1}, {{"app", 3}, 2}};
    struct kn_definition_options options = {zones.zone, sources, 2};
    struct kn_query *query = kn_arena_alloc(&arena, sizeof *query);
    const struct kn_definition *definition = NULL;
    struct kn_err err = {0};
    if (kn_query_parse(kn_str_c(text), form, &arena, query, &err) != KN_OK ||
        kn_definition_make(query, &options, &arena, &definition, &err) != KN_OK) {
        fail_msg("%s: %s", text, err.text);
    }
    return definition;
}

#define NOW "2026-11-23T10:00:00Z"

struct expected {
    const char *text;
    bool truth;
    const char *next; /* NULL: never */
};

static void check_at(const char *now, const struct expected *want)
{
    char text[KN_TIME_TEXT_MAX];
    struct history_view view;
    struct kn_verdict verdict;
    history_view(&view, &history, zones.zone, &arena);
    const struct kn_definition *definition = define(want->text, KN_QUERY_SEGMENT);
    assert_int_equal(kn_eval(definition, &view.view, at(now), &arena, &verdict), KN_OK);
    if (verdict.truth != want->truth) {
        fail_msg("%s at %s is %d", want->text, now, verdict.truth);
    }
    if (verdict.next_us != (want->next ? at(want->next) : INT64_MAX)) {
        struct kn_str got = kn_time_format(verdict.next_us, text);
        fail_msg("%s at %s: next %.*s", want->text, now, KN_STR_ARG(got));
    }
}

static void conditions(void **state)
{
    static const struct expected cases[] = {
        {"event('View').count() = 4", true, "2026-12-01T10:00:00Z"},
        {"event('Nothing').count() = 0", true, NULL},
        {"event('View').within(13 days).count() >= 1", true, "2026-12-01T10:00:00Z"},
        /* The two of the 10th leave at this very moment. */
        {"event('View').within(13 days).count() >= 2", false, "2026-12-01T10:00:00Z"},
        {"event('Cart').within(1 day).count() >= 1", true, "2026-11-24T09:30:00Z"},
        {"event('Cart').within(30 days).count() >= 1", true, "2026-12-23T09:30:00Z"},
        {"event('Cart').within(30 days).count() >= 2", true, "2026-12-20T09:00:00Z"},
        {"event('Cart').within(30 minutes).count() = 0", true, NULL},
        {"event('Cart').between(4 days, 3 days).count() >= 1", true, "2026-11-24T09:00:00Z"},
        {"event('Cart').between(30 days, 1 day).count() = 2", false, "2026-11-24T09:30:00Z"},
        {"event('Cart').between('2026-11-20', '2026-11-21').count() = 1", true, NULL},
        {"event('View').between('2026-11-30', '2026-12-02').count() = 1", false,
         "2026-12-01T10:00:00Z"},
        {"event('View').during('today').count() = 1", true, "2026-11-23T23:00:00Z"},
        {"event('Order Completed').during('today').count() = 0", true, NULL},
        {"event('View').days() = 3", true, "2026-12-01T10:00:00Z"},
        {"event('View').sum(property('price')) = 12.6", true, "2026-12-01T10:00:00Z"},
        {"event('View').avg(property('price')) = 4.2", true, "2026-12-01T10:00:00Z"},
        {"event('Nothing').sum(property('price')) = 0", true, NULL},
        {"event('Nothing').avg(property('price')).absent()", true, NULL},
        {"event('Nothing').avg(property('price')) != 1", false, NULL},
        {"event('View').max(property('price')) = 10", true, "2026-12-01T10:00:00Z"},
        {"event('View').min(property('sku') as string) = 'a'", true, "2026-12-01T10:00:00Z"},
        {"event('View').first(property('sku')) = 'a'", true, "2026-12-01T10:00:00Z"},
        {"event('View').last(property('price')).absent()", true, "2026-12-01T10:00:00Z"},
        {"event('View').mode(property('sku')) = 'a'", true, "2026-12-01T10:00:00Z"},
        {"event('View').mode(property('sku'), 3).absent()", true, "2026-12-01T10:00:00Z"},
        {"event('View').unique_count(property('sku')) = 3", true, "2026-12-01T10:00:00Z"},
        {"event('View').max_count_by(property('sku')) = 2", true, "2026-12-01T10:00:00Z"},
        {"event('View').sources({exclude: ['app', 'nowhere']}).count() = 3", true,
         "2026-12-01T10:00:00Z"},
        {"event('Cart').where(property('products.category') = 'shoes').count() = 1", true, NULL},
        {"event('Cart').where(property('products.category') != 'shoes').count() = 0", true, NULL},
        {"event('Cart').where(any('products', property('category') = 'hats' AND property('price') "
         "> 50)).count() = 0",
         true, NULL},
        {"event('Cart').where(context('page.path') = '/x').count() = 2", true, NULL},
        {"order().sum(property('value')) = 37.5", true, NULL},
        {"trait('city') = 'Utrecht' AND trait('age') >= 41 AND trait('nested.x') = 1.5", true,
         NULL},
        {"trait('city') = 'utrecht'", false, NULL},
        {"trait('none') != 'x' OR trait('empty').exists()", false, NULL},
        {"trait('none').absent() AND trait('empty').absent()", true, NULL},
        {"trait('tags') = true AND trait('tags') = 7 AND NOT trait('tags') != 'a'", true, NULL},
        {"trait('tags').omits('b') AND trait('tags').none_of('b', 8, false)", true, NULL},
        {"trait('renewal').within_next(9 days)", true, "2026-12-01T12:00:00Z"},
        {"trait('renewal').within_next(7 days)", false, "2026-11-24T12:00:00Z"},
        {"trait('born').anniversary_within(7 days)", false, "2027-02-20T23:00:00Z"},
        {"trait('born').before_date('1984-03-01') AND trait('born').after_date('1984-02-29')", true,
         NULL},
        {"consent('email') = 'granted' AND consent('sms') = 'unknown'", true, NULL},
        {"identifier('email').exists() AND identifier('phone').absent()", true, NULL},
        {"segment('vip') AND segment('lost') = false", true, NULL},
        /* Of two that are false, the later one decides. */
        {"event('View').within(1 hour).count() > 0 AND trait('renewal').within_next(7 days)", false,
         "2026-12-01T10:00:00Z"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        check_at(NOW, &cases[i]);
    }
}

static void nested(void **state)
{
    static const char without[] =
        "event('Cart').where(event('Order Completed').within(parent: 2 hours).count() = 0)"
        ".count() >= 1";
    static const char denied[] =
        "event('Cart').where(NOT event('Order Completed').within(parent: 2 hours).count() >= 1)"
        ".count() >= 1";
    static const char with[] =
        "event('Cart').where(event('Order Completed').within(parent: 2 hours).count() >= 1)"
        ".count() = 1";
    (void)state;
    /* The cart of the 23rd, 09:30, is undecided until 11:30 has passed. */
    check_at(NOW, &(struct expected){without, false, "2026-11-23T11:30:00.000001Z"});
    check_at("2026-11-23T11:30:00Z",
             &(struct expected){without, false, "2026-11-23T11:30:00.000001Z"});
    check_at("2026-11-23T11:30:00.000001Z", &(struct expected){without, true, NULL});
    check_at(NOW, &(struct expected){denied, false, "2026-11-23T11:30:00.000001Z"});
    check_at("2026-11-23T11:30:00.000001Z", &(struct expected){denied, true, NULL});
    check_at("2026-11-20T10:29:59Z", &(struct expected){with, false, "2026-11-20T10:30:00Z"});
    check_at("2026-11-20T10:30:00Z", &(struct expected){with, true, "2026-11-23T09:30:00Z"});
}

static void check_trait(const char *text, const char *want)
{
    struct history_view view;
    struct kn_trait_value value;
    struct kn_buf out;
    kn_buf_init(&out, 4096);
    history_view(&view, &history, zones.zone, &arena);
    const struct kn_definition *definition = define(text, KN_QUERY_TRAIT);
    assert_int_equal(kn_eval_trait(definition, &view.view, at(NOW), &arena, &out, &value), KN_OK);
    assert_int_equal(value.present, want != NULL);
    kn_buf_char(&out, '\0');
    assert_string_equal(out.p, want ? want : "");
    kn_buf_deinit(&out);
}

static void traits(void **state)
{
    (void)state;
    check_trait("event('View').count()", "4");
    check_trait("event('View').sum(property('price'))", "12.6");
    check_trait("event('View').avg(property('price'))", "4.2");
    check_trait("event('View').unique(property('sku'))", "[\"a\",\"b\",\"c\"]");
    check_trait("event('View').unique(property('price'))", "[0.1,10,\"2.50\"]");
    check_trait("event('View').last(property('sku'))", "\"c\"");
    check_trait("event('View').last(property('price'))", NULL);
    check_trait("event('Nothing').unique(property('price'))", NULL);
    check_trait("event('Nothing').sum(property('price'))", "0");
    check_trait("event('Cart').first(property('products.price'))", "[60,5]");
}

static void explain(void **state)
{
    struct history_view view;
    struct kn_buf out;
    (void)state;
    kn_buf_init(&out, 65536);
    history_view(&view, &history, zones.zone, &arena);
    const struct kn_definition *definition = define(
        "NOT trait('age') < 18 AND (event('Cart').within(1 day).count() > 1 OR segment('vip'))",
        KN_QUERY_SEGMENT);
    assert_int_equal(kn_eval_explain(definition, &view.view, at(NOW), &arena, &out), KN_OK);
    kn_buf_char(&out, '\0');
    assert_string_equal(
        out.p,
        "{\"truth\":true,\"next_change_at\":null,\"now\":\"2026-11-23T10:00:00Z\",\"tree\":{"
        "\"and\":[{"
        "\"not\":{\"condition\":\"trait('age') \\u003c 18\",\"value\":41,\"truth\":false,"
        "\"next_change_at\":null},\"truth\":true,\"next_change_at\":null},{\"or\":[{\"condition\":"
        "\"event('Cart').within(1 day).count() \\u003e "
        "1\",\"value\":1,\"rows\":1,\"rows_in_window\":1,"
        "\"truth\":false,\"next_change_at\":null},{\"condition\":\"segment('vip')\",\"value\":true,"
        "\"truth\":true,\"next_change_at\":null}],\"truth\":true,\"next_change_at\":null}],"
        "\"truth\":true,\"next_change_at\":null}}");
    kn_buf_deinit(&out);
}

static void reads(void **state)
{
    (void)state;
    const struct kn_reads *reads = kn_definition_reads(define(
        "event('A').where(any('p', property('q') = 1 AND context('c').exists()) AND "
        "event('B').where("
        "property(parent: 'z') = 1).within(parent: 1 day).count() > 0).sources({exclude: 'web'})"
        ".sum(property('v')) > 1 AND event('A').count() > 1 AND order().count() > 1 AND "
        "trait('x.y') = 1 AND trait('x.z') = 1 AND segment('s') AND consent('m') = 'granted' AND "
        "identifier('email').exists()",
        KN_QUERY_SEGMENT));
    assert_int_equal(reads->event_count, 3);
    const struct kn_read_event *a = &reads->events[0];
    assert_true(kn_str_eq(a->name, KN_STR("A")) && a->source);
    assert_int_equal(a->field_count, 5); /* v, p, p.q, context c, z */
    assert_int_equal(a->fields[2].path.count, 2);
    assert_true(a->fields[3].context && kn_str_eq(a->fields[4].path.keys[0], KN_STR("z")));
    assert_int_equal(reads->events[1].field_count, 0);
    assert_null(reads->events[2].name.p);
    assert_int_equal(reads->trait_count, 1);
    assert_int_equal(reads->segment_count + reads->consent_count + reads->identifier_count, 3);
}

static struct kn_verdict verdict_of(struct kn_eval_state *state, const char *now)
{
    struct history_view view;
    struct kn_verdict verdict;
    history_finish(&history, "EUR", &arena);
    history_view(&view, &history, zones.zone, &arena);
    assert_int_equal(kn_eval_with(state, &view.view, at(now), &arena, &verdict), KN_OK);
    return verdict;
}

/* With a state: a row far below a parent that was decided, and a date of the profile inside
 * where(). */
static void late_for_a_grandparent(void **state)
{
    (void)state;
    struct kn_eval_state *kept = kn_eval_state_new(
        define("event('A').where(event('B').where(event('C').within(parent: 2 hours).count() = 0)"
               ".within(parent: 1 day).count() >= 1).count() = 1",
               KN_QUERY_SEGMENT));
    add("2026-11-02T10:00:00Z", "A", 1, "{}");
    add("2026-11-03T09:30:00Z", "B", 1, "{}");
    assert_false(verdict_of(kept, "2026-11-03T11:30:00Z").truth);
    assert_true(verdict_of(kept, "2026-11-03T11:30:00.000001Z").truth);
    assert_true(verdict_of(kept, "2026-11-04T11:00:00Z").truth);
    add("2026-11-03T10:30:00Z", "C", 1, "{}"); /* later than a day after A */
    assert_false(verdict_of(kept, "2026-11-04T11:00:00Z").truth);
    kn_eval_state_free(kept);
    kept = kn_eval_state_new(define(
        "event('A').where(trait('renewal').within_next(7 days)).count() = 1", KN_QUERY_SEGMENT));
    struct kn_verdict verdict = verdict_of(kept, NOW);
    assert_false(verdict.truth);
    assert_int_equal(verdict.next_us, at("2026-11-24T12:00:00Z"));
    assert_true(verdict_of(kept, "2026-11-24T12:00:00Z").truth);
    kn_eval_state_free(kept);
}

/* A full arena is said, wherever it is found out. */
static void no_memory(void **state)
{
    static const char *const texts[] = {
        "event('View').where(property('sku') = 'a').count() > 1",
        "event('View').unique_count(property('sku')) > 1",
        "event('View').mode(property('price')) = 1",
    };
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct history_view view;
        struct kn_verdict verdict = {true, 7};
        struct kn_arena small;
        kn_arena_init(&small, 8);
        history_view(&view, &history, zones.zone, &arena);
        const struct kn_definition *definition = define(texts[i], KN_QUERY_SEGMENT);
        assert_int_equal(kn_eval(definition, &view.view, at(NOW), &small, &verdict), KN_E_NOMEM);
        assert_true(verdict.truth && verdict.next_us == 7);
        kn_arena_deinit(&small);
    }
}

/* Clocks that go back from 00:01 to 23:01 bring the day before back for an hour. */
static void days_that_return(void **state)
{
    static const char *const texts[] = {"2009-10-31T12:00:00Z", "2009-11-01T02:30:30Z",
                                        "2009-11-01T02:31:30Z", "2009-11-01T03:30:30Z",
                                        "2009-11-02T12:00:00Z"};
    static const int64_t days[] = {0, 1, 0, 1, 2};
    static const uint32_t counts[] = {1, 2, 2, 2, 3};
    struct kn_day_count from_start = {0, 0, 0}, from_second = {0, 0, 0};
    struct kn_zone *zone;
    struct kn_err err;
    (void)state;
    assert_int_equal(kn_zone_parse(KN_STR("NST3:30NDT,M3.2.0/0:01,M11.1.0/0:01"), &zone, &err),
                     KN_OK);
    int64_t first = kn_zone_day(zone, at(texts[0]));
    for (int i = 0; i < 5; i++) {
        int64_t day = kn_zone_day(zone, at(texts[i]));
        assert_int_equal(day - first, days[i]);
        kn_day_count(&from_start, day);
        assert_int_equal(from_start.count, counts[i]);
        if (i > 0) {
            kn_day_count(&from_second, day);
        }
    }
    assert_int_equal(from_second.count, 3);
    /* The range of today: named before the day goes and when it comes back. */
    assert_int_equal(kn_during_next(zone, at(texts[0]), KN_TODAY), at("2009-11-01T02:30:00Z"));
    assert_int_equal(kn_during_next(zone, at(texts[1]), KN_TODAY), at("2009-11-01T02:31:00Z"));
    assert_int_equal(kn_during_next(zone, at(texts[2]), KN_TODAY), at("2009-11-01T02:32:30Z"));
    assert_int_equal(kn_during_next(zone, at(texts[3]), KN_YESTERDAY), at("2009-11-02T03:30:00Z"));
    kn_zone_free(zone);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(conditions, set_up, tear_down),
        cmocka_unit_test_setup_teardown(nested, set_up, tear_down),
        cmocka_unit_test_setup_teardown(traits, set_up, tear_down),
        cmocka_unit_test_setup_teardown(explain, set_up, tear_down),
        cmocka_unit_test_setup_teardown(reads, set_up, tear_down),
        cmocka_unit_test_setup_teardown(late_for_a_grandparent, set_up, tear_down),
        cmocka_unit_test_setup_teardown(no_memory, set_up, tear_down),
        cmocka_unit_test(days_that_return),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
