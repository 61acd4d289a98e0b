/* Live segments: entries and exits by events, by time, by other segments; building; changes and
 * sizes. */
#include "live_kit.h"

static void enters_and_exits(void **state)
{
    struct kit *k = *state;
    int64_t now = k->clock.wall_us;
    kit_define(k, "segment/buyers", "event('Order Completed').within(30 days).count() >= 2");
    assert_true(kit_info(k, "buyers").ready);
    kit_event(k, "a", "Order Completed", now, NULL);
    assert_false(kit_in(k, "a", "buyers"));
    kit_event(k, "a", "Order Completed", now - 5, NULL);
    assert_true(kit_in(k, "a", "buyers"));
    assert_int_equal(kit_info(k, "buyers").size, 1);

    /* Nothing but time: the first order leaves the window. */
    k->clock.wall_us = now + 30 * KIT_DAY - 6;
    kit_tick(k);
    assert_true(kit_in(k, "a", "buyers"));
    assert_int_equal(kn_workspace_next_due(k->ws), now - 5 + 30 * KIT_DAY);
    k->clock.wall_us = now + 30 * KIT_DAY - 1;
    kit_tick(k);
    assert_false(kit_in(k, "a", "buyers"));
    assert_int_equal(kit_info(k, "buyers").size, 0);

    struct kn_segment_change *changes;
    size_t count;
    assert_int_equal(kn_segment_changes(k->ws, KN_STR("buyers"), INT64_MIN, INT64_MAX, UINT64_MAX,
                                        10, &k->arena, &changes, &count),
                     KN_OK);
    assert_int_equal(count, 2);
    assert_int_equal(changes[0].change.kind, KN_CHANGE_EXITED);
    assert_int_equal(changes[0].change.cause, KN_CAUSE_TIME);
    assert_int_equal(changes[0].change.at_us, now - 5 + 30 * KIT_DAY);
    assert_int_equal(changes[1].change.kind, KN_CHANGE_ENTERED);
    assert_int_equal(changes[1].change.cause, KN_CAUSE_MESSAGE);
    assert_true(kn_str_eq(changes[1].change.message_id, KN_STR("m2")));
    assert_int_equal(changes[1].change.at_us, now);
}

static void follows_other_segments(void **state)
{
    struct kit *k = *state;
    int64_t now = k->clock.wall_us;
    kit_define(k, "segment/a", "event('X').count() >= 1");
    kit_define(k, "segment/b", "segment('a') AND NOT segment('c')");
    kit_define(k, "segment/c", "event('Y').within(1 day).count() >= 1");
    kit_settle(k);
    kit_event(k, "p", "X", now, NULL);
    assert_true(kit_in(k, "p", "a"));
    assert_true(kit_in(k, "p", "b"));
    kit_event(k, "p", "Y", now, NULL);
    assert_false(kit_in(k, "p", "b"));
    k->clock.wall_us = now + KIT_DAY;
    kit_tick(k);
    assert_false(kit_in(k, "p", "c"));
    assert_true(kit_in(k, "p", "b"));
    struct kn_segment_change *changes;
    size_t count;
    assert_int_equal(kn_segment_changes(k->ws, KN_STR("b"), INT64_MIN, INT64_MAX, UINT64_MAX, 10,
                                        &k->arena, &changes, &count),
                     KN_OK);
    assert_int_equal(count, 3);
    assert_int_equal(changes[0].change.cause, KN_CAUSE_SEGMENT);
    assert_int_equal(changes[0].change.at_us, now + KIT_DAY);
}

static void builds_what_was_before(void **state)
{
    struct kit *k = *state;
    int64_t now = k->clock.wall_us;
    char who[16];
    for (int i = 0; i < 100; i++) {
        (void)snprintf(who, sizeof who, "v%d", i);
        kit_add(k, who, i % 2 ? "X" : "Y", now - (i % 10) * KIT_DAY, "{\"n\":7}");
    }
    kit_send(k, 0);
    kit_define(k, "segment/x", "event('X').where(property('n') = 7).within(5 days).count() >= 1");
    assert_false(kit_info(k, "x").ready);
    assert_int_equal(kit_info(k, "x").size, 0);
    /* Touched, made and gone while it is built. */
    kit_event(k, "v0", "X", now, "{\"n\":7}");
    kit_event(k, "new", "X", now, "{\"n\":7}");
    kit_event(k, "v2", "X", now, "{\"n\":8}");
    k->clock.wall_us = now + 1;
    kit_settle(k);
    assert_true(kit_info(k, "x").ready);
    assert_int_equal(kit_info(k, "x").size, 22); /* v1, v3 and so on to v93, and two */
    assert_true(kit_in(k, "v0", "x"));
    assert_true(kit_in(k, "new", "x"));
    assert_false(kit_in(k, "v2", "x"));
    assert_true(kit_in(k, "v1", "x"));
    assert_false(kit_in(k, "v5", "x")); /* 5 days ago: not later than now - 5 days */
    assert_true(kit_in(k, "v13", "x"));
    assert_false(kit_in(k, "v7", "x"));

    /* The new meaning serves when it is ready, the old one until then. */
    kit_define(k, "segment/x", "event('Y').count() >= 1");
    assert_true(kit_in(k, "v1", "x"));
    assert_false(kit_info(k, "x").ready);
    assert_true(kit_info(k, "x").serves);
    kit_settle(k);
    assert_false(kit_in(k, "v1", "x"));
    assert_true(kit_in(k, "v4", "x"));
    assert_int_equal(kit_info(k, "x").size, 50);

    /* And is gone. */
    kit_setting(k, "segment/x", "");
    struct kn_segment_info info;
    assert_int_equal(kn_segment_info(k->ws, KN_STR("x"), &k->arena, &info), KN_E_NOT_FOUND);
    assert_false(kit_in(k, "v4", "x"));
}

/* A definition goes back to what it was while what it reads has changed. */
static void goes_back(void **state)
{
    struct kit *k = *state;
    struct kn_err err = {0};
    bool more;
    bool staged;
    kit_event(k, "p", "X", k->clock.wall_us, NULL);
    kit_event(k, "q", "Y", k->clock.wall_us, NULL);
    kit_define(k, "segment/a", "event('X').count() >= 1");
    kit_define(k, "segment/b", "segment('a')");
    kit_settle(k);
    assert_true(kit_in(k, "p", "b"));
    kit_define(k, "segment/a", "event('Y').count() >= 1");
    kit_define(k, "segment/b", "NOT segment('a')");
    while (!kit_info(k, "a").ready) {
        assert_int_equal(kn_workspace_build_step(k->ws, &more, &staged, &err), KN_OK);
        kit_drain(k);
    }
    assert_false(kit_info(k, "b").ready);
    kit_define(k, "segment/b", "segment('a')");
    kit_settle(k);
    assert_true(kit_info(k, "b").ready);
    assert_true(kit_in(k, "q", "b"));
    assert_false(kit_in(k, "p", "b"));
}

static void survives_restarts(void **state)
{
    struct kit *k = *state;
    int64_t now = k->clock.wall_us;
    kit_event(k, "old", "X", now - KIT_DAY, NULL);
    kit_define(k, "segment/x", "event('X').within(2 days).count() >= 1");
    kit_settle(k);
    kit_event(k, "p", "X", now, NULL);
    kit_checkpoint(k);
    kit_event(k, "q", "X", now, NULL);
    kit_reopen(k);
    assert_true(kit_in(k, "old", "x"));
    assert_true(kit_in(k, "p", "x"));
    assert_true(kit_in(k, "q", "x"));
    assert_int_equal(kit_info(k, "x").size, 3);
    kit_checkpoint(k);
    kit_reopen(k);
    k->clock.wall_us = now + KIT_DAY;
    kit_tick(k);
    assert_false(kit_in(k, "old", "x"));
    assert_true(kit_in(k, "q", "x"));
    k->clock.wall_us = now + 2 * KIT_DAY;
    kit_tick(k);
    assert_int_equal(kit_info(k, "x").size, 0);
    /* A build whose record is replayed without its result comes to the same. */
    kit_define(k, "segment/y", "event('X').count() = 1");
    kit_settle(k);
    assert_int_equal(kit_info(k, "y").size, 3);
    kit_reopen(k);
    assert_true(kit_info(k, "y").ready);
    assert_int_equal(kit_info(k, "y").size, 3);
    assert_true(kit_in(k, "old", "y"));
}

static void keeps_computed_traits(void **state)
{
    struct kit *k = *state;
    int64_t now = k->clock.wall_us;
    struct kn_profile_computed *list;
    size_t count;
    kit_event(k, "p", "Order Completed", now, "{\"revenue\":10.5}");
    kit_define(k, "computed/spent",
               "event('Order Completed').within(90 days).sum(property('revenue'))");
    kit_define(k, "segment/big", "trait('spent') >= 30");
    kit_settle(k);
    assert_false(kit_in(k, "p", "big"));
    kit_event(k, "p", "Order Completed", now + KIT_DAY, "{\"revenue\":\"19.5\"}");
    k->clock.wall_us = now + KIT_DAY;
    kit_tick(k);
    assert_int_equal(kn_profile_computed(k->ws, kit_who(k, "p")->ordinal, &k->arena, &list, &count),
                     KN_OK);
    assert_int_equal(count, 1);
    assert_true(kn_str_eq(list[0].json, KN_STR("30")));
    assert_true(kit_in(k, "p", "big"));
    k->clock.wall_us = now + 90 * KIT_DAY;
    kit_tick(k);
    assert_int_equal(kn_profile_computed(k->ws, kit_who(k, "p")->ordinal, &k->arena, &list, &count),
                     KN_OK);
    assert_true(kn_str_eq(list[0].json, KN_STR("19.5")));
    assert_false(kit_in(k, "p", "big"));
}

static void keeps_sizes_by_day(void **state)
{
    struct kit *k = *state;
    int64_t now = k->clock.wall_us;
    struct kn_day_size *days;
    int32_t today = (int32_t)(now / KIT_DAY);
    kit_define(k, "segment/x", "event('X').within(3 days).count() >= 1");
    kit_event(k, "p", "X", now, NULL);
    kit_event(k, "q", "X", now, NULL);
    k->clock.wall_us = now + 5 * KIT_DAY;
    kit_event(k, "q", "X", k->clock.wall_us, NULL);
    assert_int_equal(kn_segment_sizes(k->ws, KN_STR("x"), today - 1, today + 6, &k->arena, &days),
                     KN_OK);
    uint64_t expected[] = {0, 2, 2, 2, 0, 0, 1, 1};
    for (int i = 0; i < 8; i++) {
        assert_int_equal(days[i].size, expected[i]);
    }
}

static void refuses_what_cannot_be(void **state)
{
    struct kit *k = *state;
    struct kn_query query;
    const struct kn_query_warning *warnings;
    size_t count;
    struct kn_err err;
    kit_define(k, "segment/a", "event('X').count() >= 1");
    kit_define(k, "segment/b", "segment('a')");
    kit_event(k, "p", "X", k->clock.wall_us, "{\"colour\":\"red\"}");
    assert_int_equal(kn_segment_check(k->ws, KN_STR("a"), KN_STR("segment('b')"), KN_QUERY_SEGMENT,
                                      &k->arena, &query, &warnings, &count, &err),
                     KN_E_INVALID);
    assert_int_equal(kn_segment_check(k->ws, KN_STR("c"), KN_STR("segment('zz')"), KN_QUERY_SEGMENT,
                                      &k->arena, &query, &warnings, &count, &err),
                     KN_E_INVALID);
    assert_int_equal(kn_segment_check(k->ws, KN_STR("a"), KN_STR("event('X').count()"),
                                      KN_QUERY_TRAIT, &k->arena, &query, &warnings, &count, &err),
                     KN_E_EXISTS);
    assert_int_equal(
        kn_segment_check(k->ws, KN_STR("c"),
                         KN_STR("event('X').where(property('color') = 'red').count() >= 1"),
                         KN_QUERY_SEGMENT, &k->arena, &query, &warnings, &count, &err),
        KN_OK);
    assert_int_equal(count, 1);
    assert_true(kn_str_find(warnings[0].text, KN_STR("colour")) < warnings[0].text.len);
    assert_true(kn_str_eq(kn_segment_reader(k->ws, KN_STR("a"), &k->arena), KN_STR("b")));
    assert_int_equal(kn_segment_reader(k->ws, KN_STR("b"), &k->arena).len, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(enters_and_exits, kit_set_up, kit_tear_down),
        cmocka_unit_test_setup_teardown(follows_other_segments, kit_set_up, kit_tear_down),
        cmocka_unit_test_setup_teardown(builds_what_was_before, kit_set_up, kit_tear_down),
        cmocka_unit_test_setup_teardown(goes_back, kit_set_up, kit_tear_down),
        cmocka_unit_test_setup_teardown(survives_restarts, kit_set_up, kit_tear_down),
        cmocka_unit_test_setup_teardown(keeps_computed_traits, kit_set_up, kit_tear_down),
        cmocka_unit_test_setup_teardown(keeps_sizes_by_day, kit_set_up, kit_tear_down),
        cmocka_unit_test_setup_teardown(refuses_what_cannot_be, kit_set_up, kit_tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
