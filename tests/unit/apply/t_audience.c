/* Audiences over the columns against what the fold keeps live: the same query, the same profiles. */
#include "apply/audience.h"
#include "base/mem.h"
#include "live_kit.h"

static void consent(struct kit *k, const char *who, const char *purpose, bool granted)
{
    struct kn_item_id id = {.type = KN_ID_ANONYMOUS_ID, .value = kn_str_c(who)};
    struct kn_item_consent given = {
        .purpose = kn_str_c(purpose),
        .state = granted ? KN_CONSENT_GRANTED : KN_CONSENT_DENIED,
        .basis = KN_STR("consent"),
    };
    struct kn_item item = {
        .kind = KN_ITEM_CONSENT,
        .source = 1,
        .event_us = k->clock.wall_us,
        .received_us = k->clock.wall_us,
        .message_id = KN_STR("consent"),
        .ids = &id,
        .id_count = 1,
        .consents = &given,
        .consent_count = 1,
        .body = KN_STR("{}"),
    };
    kn_item_encode(&item, &k->items);
    assert_int_equal(k->items.rc, KN_OK);
    k->count++;
    kit_send(k, 0);
}

static void same_as_live(struct kit *k, const char *query)
{
    struct kn_err err = {0};
    struct kn_audience a;
    uint64_t *live;
    uint32_t end;
    kit_define(k, "segment/judge", query);
    kit_settle(k);
    assert_true(kit_info(k, "judge").ready);
    assert_int_equal(kn_audience_query(k->ws, kn_str_c(query), NULL, &a, &err), KN_OK);
    assert_int_equal(kn_segment_bits(k->ws, KN_STR("judge"), &live, &end), KN_OK);
    for (uint32_t i = 0; i < a.ordinal_end; i++) {
        assert_int_equal(kn_bit(a.members, i), i < end && kn_bit(live, i));
    }
    kn_free(live);
    kn_audience_end(&a);
    kit_setting(k, "segment/judge", "");
    kit_settle(k);
}

static void equals_live_segments(void **state)
{
    struct kit *k = *state;
    int64_t now = k->clock.wall_us;
    char who[16];
    kit_define(k, "segment/seen", "event('Seen').count() >= 2");
    kit_define(k, "computed/spent", "event('Paid').sum(property('value'))");
    kit_define(k, "computed/brand", "event('Seen').mode(property('brand'))");
    for (int i = 0; i < 40; i++) {
        (void)snprintf(who, sizeof who, "v%d", i);
        kit_event(k, who, i % 3 ? "Seen" : "Other", now - i, "{\"brand\":\"acme\"}");
        if (i % 4 == 0) {
            kit_event(k, who, "Seen", now - 2 * i, "{\"brand\":\"zeta\"}");
        }
        if (i % 5 == 0) {
            kit_event(k, who, "Paid", now - i, i % 2 ? "{\"value\":12.5}" : "{\"value\":100}");
        }
    }
    kit_settle(k);
    same_as_live(k, "segment('seen')");
    same_as_live(k, "trait('seen') = true AND NOT event('Paid').count() >= 1");
    same_as_live(k, "trait('spent') > 50");
    same_as_live(k, "trait('spent').absent() OR trait('spent') = 12.5");
    same_as_live(k, "trait('spent') = 0");
    same_as_live(k, "NOT trait('spent') > 50 AND trait('brand') = 'acme'");
    same_as_live(k, "trait('brand').absent() OR segment('seen')");
    same_as_live(k, "event('Paid').where(property('value') > 50).count() >= 1 OR trait('brand') = 'zeta'");
}

static void tells_who_granted(void **state)
{
    struct kit *k = *state;
    struct kn_err err = {0};
    struct kn_audience a;
    int64_t now = k->clock.wall_us;
    struct kn_str *names;
    size_t count;
    const char *const people[] = {"a", "b", "c"};
    for (size_t i = 0; i < 3; i++) {
        kit_event(k, people[i], "Seen", now, NULL);
    }
    consent(k, "a", "marketing_email", true);
    consent(k, "b", "marketing_email", true);
    consent(k, "c", "marketing_email", false);
    consent(k, "c", "own_news", true);
    k->clock.wall_us += 1000;
    consent(k, "b", "marketing_email", false);
    assert_int_equal(
        kn_audience_query(k->ws, KN_STR("event('Seen').count() >= 1"), NULL, &a, &err), KN_OK);
    uint64_t *granted = kn_must_calloc(a.words + 1, sizeof *granted);
    assert_int_equal(kn_audience_granted(&a, KN_STR("marketing_email"), granted), KN_OK);
    assert_true(kn_bit(granted, kit_who(k, "a")->ordinal));
    assert_false(kn_bit(granted, kit_who(k, "b")->ordinal));
    assert_false(kn_bit(granted, kit_who(k, "c")->ordinal));
    assert_int_equal(kn_audience_granted(&a, KN_STR("own_news"), granted), KN_OK);
    assert_true(kn_bit(granted, kit_who(k, "c")->ordinal));
    assert_int_equal(kn_audience_granted(&a, KN_STR("never.heard"), granted), KN_OK);
    assert_false(kn_bit(granted, kit_who(k, "a")->ordinal));
    assert_int_equal(kn_audience_purposes(&a, &k->arena, &names, &count), KN_OK);
    assert_int_equal(count, kn_consent_purpose_count + 1);
    assert_true(kn_str_eq(names[count - 1], KN_STR("own_news")));
    kn_free(granted);
    kn_audience_end(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(equals_live_segments, kit_set_up, kit_tear_down),
        cmocka_unit_test_setup_teardown(tells_who_granted, kit_set_up, kit_tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
