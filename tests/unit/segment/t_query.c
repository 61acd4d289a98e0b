/* The query language: canonical texts, refusals with their positions, limits, checks. */
#include <stdio.h>
#include <stdlib.h>

#include "cm.h"
#include "segment/query.h"

static struct kn_arena arena;

static int set_up(void **state)
{
    (void)state;
    kn_arena_init(&arena, 8 << 20);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    kn_arena_deinit(&arena);
    return 0;
}

static enum kn_rc parse(const char *text, enum kn_query_form form, struct kn_query *ret,
                        struct kn_err *err)
{
    return kn_query_parse(kn_str_c(text), form, &arena, ret, err);
}

/* The canonical text of `text`, which parses to the same tree. */
static void check_canonical(const char *text, enum kn_query_form form, const char *want)
{
    struct kn_query query, again;
    struct kn_err err = {0};
    struct kn_buf out;
    kn_buf_init(&out, 1 << 20);
    if (parse(text, form, &query, &err) != KN_OK) {
        fail_msg("%s: %zu: %s", text, err.pos, err.text);
    }
    kn_query_format(&query, &out);
    kn_buf_char(&out, '\0');
    assert_int_equal(out.rc, KN_OK);
    assert_string_equal(out.p, want);
    assert_int_equal(parse(out.p, form, &again, &err), KN_OK);
    assert_true(kn_query_equal(&query, &again));
    kn_buf_deinit(&out);
}

/* Texts that are canonical already. */
static void canonical(void **state)
{
    static const char *const texts[] = {
        "event('Order Completed').where(property('total') >= 100).within(30 days).count() >= 2 AND "
        "NOT trait('unsubscribed') = true",
        "trait('a') = 1 OR trait('b') = 2 AND trait('c') = 3",
        "(trait('a') = 1 OR trait('b') = 2) AND trait('c') = 3",
        "(trait('a') = 1 AND trait('b') = 2) AND trait('c') = 3",
        "NOT (NOT trait('a').exists())",
        "NOT (trait('a') = 1 OR trait('b') = 2)",
        "event('A').between(30 days, 7 days).count() = 0",
        "event('A').between('2026-01-01', '2026-02-01').days() > 3",
        "event('A').during('this month').sum(property('revenue')) <= 12.50",
        "event('A').sources({exclude: ['web', 'app']}).within(1 month).avg(property('x')) != 3",
        "order().within(1 year).sum(property('value')) > 1000",
        "event('A').within(90 seconds).unique_count(property('sku')) >= 3",
        "event('A').within(5 minutes).max_count_by(property('sku')) >= 3",
        "event('A').first(context('campaign.name')) = 'x'",
        "event('A').last(property('a\\.b.c')).exists()",
        "event('A').min(property('p')) < 5",
        "event('A').max(property('p') as string) >= 'k'",
        "event('A').mode(property('p'), 2) = 'shoes'",
        "event('A').mode(property('p') as number) = -7.5",
        "event('Cart').where(event('Order Completed').within(parent: 2 hours).count() = 0)"
        ".within(7 days).count() >= 1",
        "event('A').where(event('B').where(event('C').within(parent: 1 hour).count() > 0)"
        ".within(parent: 1 day).count() > 0).count() > 0",
        "event('A').where(event('B').where(property(parent: 'sku') = 'x').within(parent: 1 day)"
        ".count() > 0).count() > 0",
        "event('A').where(any('products', property('category') = 'shoes' AND property('price') > "
        "50)).count() > 0",
        "trait('birthday').anniversary_within(7 days)",
        "trait('renewal').within_next(1 month) OR trait('renewal').within_last(2 weeks)",
        "trait('d').before_date('2026-01-01') AND trait('d').after_date('2020-05-01T10:00:00Z')",
        "segment('vip') AND NOT segment('lost') AND segment('x') = false",
        "consent('marketing_email') = 'granted'",
        "consent('marketing_email').one_of('denied', 'conflict')",
        "identifier('email').exists() AND identifier('phone').absent()",
        "trait('name').contains('an', 'en') AND trait('name').omits('x')",
        "trait('name').starts_with('J') AND trait('name').ends_with('s')",
        "trait('n').one_of(1, 'two', true) OR trait('n').none_of('x')",
        "trait('a.b') = 'it\\'s a \\\\ back'",
        "trait('na\303\257ef') = '\342\202\254 \360\237\230\200'",
    };
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        check_canonical(texts[i], KN_QUERY_SEGMENT, texts[i]);
    }
}

static void made_canonical(void **state)
{
    static const struct {
        const char *text, *want;
    } cases[] = {
        {"  trait ( 'a' )==1 ", "trait('a') = 1"},
        {"trait('a').equals(1)", "trait('a') = 1"},
        {"trait('a').differs('x')", "trait('a') != 'x'"},
        {"trait('a').greater_than(1)", "trait('a') > 1"},
        {"trait('a').at_least(1)", "trait('a') >= 1"},
        {"trait('a').less_than(1)", "trait('a') < 1"},
        {"trait('a').at_most(1)", "trait('a') <= 1"},
        {"((trait('a') = 1))", "trait('a') = 1"},
        {"(trait('a') = 1) and not (trait('b') = 1)", "trait('a') = 1 AND NOT trait('b') = 1"},
        {"trait('a') = 1 OR (trait('b') = 1 AND trait('c') = 1)",
         "trait('a') = 1 OR trait('b') = 1 AND trait('c') = 1"},
        {"event('A').within(1 days).where(property('x') = 1).count() = 1",
         "event('A').where(property('x') = 1).within(1 day).count() = 1"},
        {"event('A').within(2 week).count() = 1", "event('A').within(2 weeks).count() = 1"},
        {"event('A').where(property('x') = 1).where(property('y') = 1 OR property('z') = 1)"
         ".count() = 1",
         "event('A').where(property('x') = 1 AND (property('y') = 1 OR property('z') = 1)).count() = "
         "1"},
        {"event('A').sources({exclude: 'web'}).count() = 1",
         "event('A').sources({exclude: ['web']}).count() = 1"},
        {"event('A').min(property('p') as number) < 5", "event('A').min(property('p')) < 5"},
        {"event('A').mode(property('p'), 1) = 'x'", "event('A').mode(property('p')) = 'x'"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        check_canonical(cases[i].text, KN_QUERY_SEGMENT, cases[i].want);
    }
}

static void computed_traits(void **state)
{
    struct kn_query query;
    struct kn_err err = {0};
    static const char *const texts[] = {
        "event('Order Completed').within(90 days).sum(property('revenue'))",
        "event('Page Viewed').mode(context('page.path'), 2)",
        "event('A').unique(property('sku'))",
        "order().count()",
        "event('A').where(property('x') = 1).last(property('y'))",
    };
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        check_canonical(texts[i], KN_QUERY_TRAIT, texts[i]);
    }
    assert_int_equal(parse("event('A').count() > 1", KN_QUERY_TRAIT, &query, &err), KN_E_INVALID);
    assert_int_equal(err.pos, 19);
    assert_int_equal(parse("trait('A')", KN_QUERY_TRAIT, &query, &err), KN_E_INVALID);
    assert_int_equal(err.pos, 0);
    assert_int_equal(parse("event('A')", KN_QUERY_TRAIT, &query, &err), KN_E_INVALID);
    assert_int_equal(err.pos, 10);
}

static const struct refusal {
    const char *text;
    size_t pos;
    const char *says; /* a piece of the message */
} refusals[] = {
    {"", 0, "expected a condition, found the end"},
    {"trait('a')", 10, "expected a comparison"},
    {"trait('a') =", 12, "expected a string, a number, true or false, found the end"},
    {"trait('a') = null", 13, ".absent()"},
    {"trait('a') = 1 trait('b') = 1", 15, "expected AND, OR or the end, found trait"},
    {"trait('a') = 1 AND", 18, "expected a condition"},
    {"(trait('a') = 1", 15, "expected AND, OR or ), found the end"},
    {"trait('a", 6, "no end"},
    {"trait(\"a\") = 1", 6, "single quotes"},
    {"trait('') = 1", 7, "expected a name"},
    {"trait('a..b') = 1", 9, "each dot"},
    {"trait('a.') = 1", 9, "each dot"},
    {"trait('a\\x') = 1", 8, "backslash"},
    {"trait('a') = 'x\\.y'", 15, "in paths only"},
    {"trait('a') = #", 13, "unexpected character #"},
    {"trait('a') ! 1", 11, "!="},
    {"trait('a') = 1234567890123456789", 13, "18 digits"},
    {"trait('a') > true", 13, "expected a number or a string, found true"},
    {"trait('a').contains(5)", 20, "expected a string in single quotes"},
    {"trait('a').contans('x')", 11, "did you mean contains?"},
    {"trait('a').count() > 1", 11, "belongs to event()"},
    {"trait('a').within(3 days)", 11, "belongs to event()"},
    {"traits('a') = 1", 0, "did you mean trait?"},
    {"evnt('a').count() = 1", 0, "did you mean event?"},
    {"event('A')", 10, "reducer"},
    {"event('') .count() = 1", 6, "name of an event"},
    {"event('A').cuont() = 1", 11, "did you mean count?"},
    {"event('A').exists()", 11, "expected a reducer such as count() before the comparison"},
    {"event('A').count()", 18, "expected a comparison"},
    {"event('A').count() = 'x'", 21, "expected a number, found the string 'x'"},
    {"event('A').count().contains('x')", 19, "as this gives a number"},
    {"event('A').min(property('x')) = 'x'", 32, "expected a number"},
    {"event('A').min(property('x') as string) = 1", 42, "expected a string"},
    {"event('A').sum() > 1", 15, "expected property("},
    {"event('A').sum('x') > 1", 15, "expected property("},
    {"event('A').within(30).count() = 1", 20, "expected second, minute"},
    {"event('A').within(30 dys).count() = 1", 21, "did you mean day?"},
    {"event('A').within(0 days).count() = 1", 18, "at least 1"},
    {"event('A').within(-1 days).count() = 1", 18, "at least 1"},
    {"event('A').within(1.5 days).count() = 1", 18, "whole number"},
    {"event('A').within(40000 days).count() = 1", 18, "at most 36525 days"},
    {"event('A').within(99999999999999999999 days).count() = 1", 18, "whole number"},
    {"event('A').between(7 days, 30 days).count() = 1", 19, "longer period first"},
    {"event('A').between('2026-02-01', '2026-01-01').count() = 1", 19, "earlier date first"},
    {"event('A').between('2026-02-30', '2026-03-01').count() = 1", 19, "ISO date"},
    {"event('A').during('this mont').count() = 1", 18, "did you mean this month?"},
    {"event('A').within(1 day).within(2 days).count() = 1", 25, "a second window"},
    {"event('A').within(parent: 1 day).count() = 1", 18, "only in an event() inside where()"},
    {"event('A').expires_after(1 day).count() = 1", 11, "expires_after() is not part"},
    {"event('A').unique(property('x')) = 1", 11, "unique_count()"},
    {"event('A').unique_count(trait('x')) = 1", 24, "expected property("},
    {"event('A').sources({include: ['x']}).count() = 1", 20, "expected exclude"},
    {"event('A').where(event('B').count() = 0).count() = 1", 17, "within(parent: ...)"},
    {"event('A').where(event('B').within(2 hours).count() = 0).count() = 1", 35, "parent:"},
    {"event('A').where(event('B').during('today').count() = 0).count() = 1", 28, "parent"},
    {"event('A').where(event('B').where(event('C').where(event('D').within(parent: 1 day).count() "
     "= 0).within(parent: 1 day).count() = 0).within(parent: 1 day).count() = 0).count() = 1",
     51, "nested too deeply"},
    {"event('A').where(property(parent: 'x') = 1).count() = 1", 26, "only in an event()"},
    {"property('x') = 1", 0, "only inside where()"},
    {"context('x') = 1", 0, "only inside where()"},
    {"any('a', property('x') = 1)", 0, "inside where()"},
    {"event('A').where(any('a', any('b', property('x') = 1))).count() = 1", 26, "another any()"},
    {"event('A').where(any('a', event('B').within(parent: 1 day).count() = 0)).count() = 1", 26,
     "inside any()"},
    {"ANY trait('a') = 1", 0, "for accounts"},
    {"ALL (trait('a') = 1)", 0, "for accounts"},
    {"ANY (trait('a') = 1)", 0, "for accounts"},
    {"entity('x') = 1", 0, "entity() is not part"},
    {"literal(1) = 1", 0, "literal() is not part"},
    {"trait('a').before_last(3 days)", 11, "before_last() is not part"},
    {"trait('a').after_next(3 days)", 11, "after_next() is not part"},
    {"trait('a').before_date('soon')", 23, "ISO date"},
    {"trait('a').within_last('x')", 23, "period"},
    {"NOT NOT trait('a') = 1", 4, "after NOT"},
    {"segment('a') > 1", 13, "after segment()"},
    {"segment('a') = 1", 15, "true or false"},
    {"segment('') = true", 8, "key of a segment"},
    {"consent('a') = 'yes'", 15, "'granted'"},
    {"consent('a').exists()", 13, "after consent()"},
    {"identifier('email') = 'x'", 20, ".exists() or .absent()"},
    {"trait('a') = '\xff'", 14, "UTF-8"},
    {"trait('a') = 'a\nb'", 15, "control character"},
    {"trait('a')\x01", 10, "unexpected byte"},
};

static void refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
        struct kn_query query = {KN_QUERY_SEGMENT, NULL, NULL};
        struct kn_err err = {0};
        const struct refusal *r = &refusals[i];
        if (parse(r->text, KN_QUERY_SEGMENT, &query, &err) == KN_OK || query.root) {
            fail_msg("%s is accepted", r->text);
        }
        if (err.pos != r->pos || !strstr(err.text, r->says)) {
            fail_msg("%s: at %zu (expected %zu): %s", r->text, err.pos, r->pos, err.text);
        }
    }
}

static void repeat(struct kn_buf *out, const char *text, int times, const char *between)
{
    for (int i = 0; i < times; i++) {
        kn_buf_c(out, i > 0 ? between : "");
        kn_buf_c(out, text);
    }
}

static enum kn_rc parse_repeated(const char *before, const char *text, int times,
                                 const char *between, const char *after, int after_times)
{
    struct kn_query query;
    struct kn_err err = {0};
    struct kn_buf out;
    kn_buf_init(&out, 1 << 22);
    kn_buf_c(&out, before);
    repeat(&out, text, times, between);
    repeat(&out, after, after_times, "");
    enum kn_rc rc = kn_query_parse(kn_buf_view(&out), KN_QUERY_SEGMENT, &arena, &query, &err);
    kn_buf_deinit(&out);
    return rc;
}

static void limits(void **state)
{
    (void)state;
    assert_int_equal(parse_repeated("", "trait('a') = 1", 50, " AND ", "", 0), KN_OK);
    assert_int_equal(parse_repeated("", "trait('a') = 1", 51, " AND ", "", 0), KN_E_LIMIT);
    assert_int_equal(
        parse_repeated("event('A').where(", "property('a') = 1", 49, " OR ", ").count() = 1", 1),
        KN_OK);
    assert_int_equal(
        parse_repeated("event('A').where(", "property('a') = 1", 50, " OR ", ").count() = 1", 1),
        KN_E_LIMIT);
    assert_int_equal(parse_repeated("", "(", 15, "", "trait('a') = 1)))))))))))))))", 1), KN_OK);
    assert_int_equal(parse_repeated("", "(", 16, "", "trait('a') = 1))))))))))))))))", 1), KN_OK);
    assert_int_equal(parse_repeated("", "(", 17, "", "trait('a') = 1)))))))))))))))))", 1),
                     KN_E_LIMIT);
    assert_int_equal(parse_repeated("", "(", 60000, "", "", 0), KN_E_LIMIT);
    assert_int_equal(parse_repeated("trait('a') = '", "x", 70000, "", "'", 1), KN_E_LIMIT);
    assert_int_equal(parse_repeated("trait('", "a", 16, ".", "') = 1", 1), KN_OK);
    assert_int_equal(parse_repeated("trait('", "a", 17, ".", "') = 1", 1), KN_E_INVALID);
    assert_int_equal(parse_repeated("trait('a').one_of(", "1", 1000, ",", ")", 1), KN_OK);
    assert_int_equal(parse_repeated("trait('a').one_of(", "1", 1001, ",", ")", 1), KN_E_INVALID);
}

/* A workspace that knows one of each. */
static bool knows_event(void *context, struct kn_str name)
{
    (void)context;
    return kn_str_eq(name, KN_STR("Order Completed")) || kn_str_eq(name, KN_STR("Page Viewed"));
}

static bool knows_property(void *context, struct kn_str event, bool in_context, struct kn_path path)
{
    (void)context;
    (void)event;
    return !in_context && ((path.count == 1 && kn_str_eq(path.keys[0], KN_STR("revenue"))) ||
                           (path.count == 2 && kn_str_eq(path.keys[0], KN_STR("products")) &&
                            kn_str_eq(path.keys[1], KN_STR("price"))));
}

static enum kn_name_kind key_kind(void *context, struct kn_str key)
{
    (void)context;
    return kn_str_eq(key, KN_STR("city"))                                     ? KN_NAME_TRAIT
           : kn_str_eq(key, KN_STR("vip")) || kn_str_eq(key, KN_STR("other")) ? KN_NAME_SEGMENT
           : kn_str_eq(key, KN_STR("spent"))                                  ? KN_NAME_COMPUTED
                                                                              : KN_NAME_NONE;
}

static void each_event(void *context, void (*each)(void *arg, struct kn_str name), void *arg)
{
    (void)context;
    each(arg, KN_STR("Page Viewed"));
    each(arg, KN_STR("Order Completed"));
}

static void each_property(void *context, struct kn_str event, bool in_context,
                          void (*each)(void *arg, struct kn_str path), void *arg)
{
    (void)context;
    (void)event;
    (void)in_context;
    each(arg, KN_STR("revenue"));
    each(arg, KN_STR("products.price"));
}

static void each_key(void *context, void (*each)(void *arg, struct kn_str key), void *arg)
{
    (void)context;
    each(arg, KN_STR("city"));
    each(arg, KN_STR("vip"));
}

/* vip -> other -> (whatever context says). */
static const struct kn_query *definition(void *context, struct kn_str key)
{
    static struct kn_query vip, other;
    struct kn_err err;
    if (kn_str_eq(key, KN_STR("vip"))) {
        assert_int_equal(parse("segment('other')", KN_QUERY_SEGMENT, &vip, &err), KN_OK);
        return &vip;
    }
    if (kn_str_eq(key, KN_STR("other")) && context) {
        assert_int_equal(parse(context, KN_QUERY_SEGMENT, &other, &err), KN_OK);
        return &other;
    }
    return NULL;
}

static void check_case(const char *text, const char *self, char *other, enum kn_rc want,
                       const char *says, size_t pos)
{
    struct kn_names names = {other,      knows_event,   knows_property, NULL,      key_kind,
                             each_event, each_property, each_key,       definition};
    struct kn_query query;
    struct kn_err err = {0};
    const struct kn_query_warning *warnings = NULL;
    size_t count = 0;
    assert_int_equal(parse(text, KN_QUERY_SEGMENT, &query, &err), KN_OK);
    enum kn_rc rc = kn_query_check(&query, kn_str_c(self), &names, &arena, &warnings, &count, &err);
    assert_int_equal(rc, want);
    if (rc != KN_OK) {
        assert_non_null(strstr(err.text, says));
        assert_int_equal(err.pos, pos);
    } else if (!says) {
        assert_int_equal(count, 0);
    } else {
        assert_int_equal(count, 1);
        assert_int_equal(warnings[0].pos, pos);
        assert_true(kn_str_eq(warnings[0].text, kn_str_c(says)));
    }
}

static void checks(void **state)
{
    char back[] = "trait('me') = true", none[] = "trait('city') = 1";
    (void)state;
    check_case("event('Order Completed').sum(property('revenue')) > 1", "me", none, KN_OK, NULL, 0);
    check_case("event('Ordr Completed').count() = 0", "me", none, KN_OK,
               "no event 'Ordr Completed' has been seen; did you mean 'Order Completed'?", 0);
    check_case("event('Something').count() = 0", "me", none, KN_OK,
               "no event 'Something' has been seen yet", 0);
    check_case("event('Order Completed').sum(property('revenu')) > 1", "me", none, KN_OK,
               "no property 'revenu' has been seen; did you mean 'revenue'?", 0);
    check_case("event('Order Completed').where(property('revenu') > 1).count() > 1", "me", none,
               KN_OK, "no property 'revenu' has been seen; did you mean 'revenue'?", 31);
    check_case("event('Order Completed').where(any('products', property('price') > 1)).count() > 1",
               "me", none, KN_OK, NULL, 0);
    check_case("event('Order Completed').where(any('products', property('prise') > 1)).count() > 1",
               "me", none, KN_OK,
               "no property 'products.prise' has been seen; did you mean 'products.price'?", 47);
    check_case("trait('citi') = 'x'", "me", none, KN_OK,
               "no trait 'citi' has been seen; did you mean 'city'?", 0);
    check_case("trait('spent') > 1 AND trait('vip') = true", "me", none, KN_OK, NULL, 0);
    check_case("trait('city') = 1 AND segment('vipp')", "me", none, KN_E_INVALID,
               "there is no segment 'vipp'; did you mean 'vip'?", 22);
    check_case("segment('city')", "me", none, KN_E_INVALID, "there is no segment 'city'", 0);
    check_case("segment('me')", "me", none, KN_E_INVALID, "circle", 0);
    check_case("trait('me') = true", "me", none, KN_E_INVALID, "circle", 0);
    check_case("trait('city') = 1 OR segment('vip')", "me", back, KN_E_INVALID, "circle", 21);
    check_case("segment('vip')", "you", none, KN_OK, NULL, 0);
    check_case("event('Audience Entered').count() > 0", "me", none, KN_E_INVALID, "outcome of Kern",
               0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(canonical, set_up, tear_down),
        cmocka_unit_test_setup_teardown(made_canonical, set_up, tear_down),
        cmocka_unit_test_setup_teardown(computed_traits, set_up, tear_down),
        cmocka_unit_test_setup_teardown(refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(limits, set_up, tear_down),
        cmocka_unit_test_setup_teardown(checks, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
