/* Lists: who is on one by which identifier, through merges, un-merges, restarts and frozen copies.
 */
#include "apply/lists.h"
#include "live_kit.h"

#include "base/bits.h"

static struct kn_h128 hash_of(struct kit *k, const char *who)
{
    struct kn_list_row row = {.type = KN_STR("anonymous_id"), .value = kn_str_c(who)};
    assert_int_equal(kn_list_match(k->ws, &row, 1, &k->arena), KN_OK);
    assert_int_equal(row.outcome, KN_LIST_MATCHED);
    return row.hash;
}

static void add_item(struct kit *k, const char *key, const struct kn_buf *body)
{
    struct kn_item item = {
        .kind = KN_ITEM_LIST,
        .event_us = k->clock.wall_us,
        .received_us = k->clock.wall_us,
        .message_id = KN_STR("-"),
        .name = kn_str_c(key),
        .body = kn_buf_view(body),
    };
    kn_item_encode(&item, &k->items);
    assert_int_equal(k->items.rc, KN_OK);
    k->count++;
}

static void put(struct kit *k, const char *key, enum kn_list_act act, uint64_t list,
                const char *who)
{
    struct kn_buf body;
    kn_buf_init(&body, 1 << 20);
    kn_list_body_begin(act, list, &body);
    kn_list_body_add(hash_of(k, who), &body);
    add_item(k, key, &body);
    kn_buf_deinit(&body);
    kit_send(k, 0);
}

/* An event that says two visitors are one person. */
static void join(struct kit *k, const char *a, const char *b)
{
    struct kn_item_id ids[2] = {{.type = KN_ID_ANONYMOUS_ID, .value = kn_str_c(a)},
                                {.type = KN_ID_ANONYMOUS_ID, .value = kn_str_c(b)}};
    char message[32];
    (void)snprintf(message, sizeof message, "j%u", ++k->messages);
    struct kn_item item = {
        .kind = KN_ITEM_EVENT,
        .type = KN_EVENT_IDENTIFY,
        .source = 1,
        .event_us = k->clock.wall_us,
        .received_us = k->clock.wall_us,
        .message_id = kn_str_c(message),
        .ids = ids,
        .id_count = 2,
    };
    kn_item_encode(&item, &k->items);
    k->count++;
    kit_send(k, 0);
}

static void part(struct kit *k, const char *who)
{
    struct kn_item_id id = {.type = KN_ID_ANONYMOUS_ID, .value = kn_str_c(who)};
    struct kn_item item = {
        .kind = KN_ITEM_UNMERGE,
        .event_us = k->clock.wall_us,
        .received_us = k->clock.wall_us,
        .message_id = KN_STR("u"),
        .ids = &id,
        .id_count = 1,
        .body = KN_STR("{}"),
    };
    kn_item_encode(&item, &k->items);
    k->count++;
    kit_send(k, 0);
}

static struct kn_segment_change last_change(struct kit *k, const char *key, size_t *ret_count)
{
    struct kn_segment_change *changes;
    assert_int_equal(kn_segment_changes(k->ws, kn_str_c(key), INT64_MIN, INT64_MAX, UINT64_MAX, 50,
                                        &k->arena, &changes, ret_count),
                     KN_OK);
    return *ret_count > 0 ? changes[0] : (struct kn_segment_change){0};
}

static void who_is_on_it(void **state)
{
    struct kit *k = *state;
    size_t count;
    kit_event(k, "a", "X", k->clock.wall_us, NULL);
    kit_event(k, "b", "X", k->clock.wall_us, NULL);
    kit_setting(k, "segment/vip", "{\"list\":7}");
    assert_true(kit_info(k, "vip").ready);
    assert_int_equal(kit_info(k, "vip").list, 7);
    put(k, "vip", KN_LIST_ADD, 7, "a");
    assert_true(kit_in(k, "a", "vip"));
    assert_false(kit_in(k, "b", "vip"));
    assert_int_equal(kit_info(k, "vip").size, 1);
    struct kn_segment_change change = last_change(k, "vip", &count);
    assert_int_equal(count, 1);
    assert_int_equal(change.change.cause, KN_CAUSE_DEFINITION);
    assert_int_not_equal(change.change.index, UINT32_MAX);
    put(k, "vip", KN_LIST_ADD, 7, "a"); /* once is enough */
    assert_int_equal(kit_info(k, "vip").size, 1);
    put(k, "vip", KN_LIST_ADD, 8, "b"); /* another list's */
    assert_false(kit_in(k, "b", "vip"));
    /* Events do not matter. */
    kit_event(k, "a", "X", k->clock.wall_us, NULL);
    kit_event(k, "b", "X", k->clock.wall_us, NULL);
    assert_int_equal(kit_info(k, "vip").size, 1);
    /* Others read it. */
    kit_define(k, "segment/rest", "event('X').count() >= 1 AND NOT segment('vip')");
    kit_settle(k);
    assert_true(kit_in(k, "b", "rest"));
    assert_false(kit_in(k, "a", "rest"));
    put(k, "vip", KN_LIST_REMOVE, 7, "a");
    assert_true(kit_in(k, "a", "rest"));
    assert_int_equal(kit_info(k, "vip").size, 0);
    assert_int_equal(last_change(k, "vip", &count).change.kind, KN_CHANGE_EXITED);
    assert_int_equal(count, 2);
    assert_int_equal(last_change(k, "rest", &count).change.cause, KN_CAUSE_SEGMENT);
}

static void is_the_first_definition(void **state)
{
    struct kit *k = *state;
    struct kn_buf body;
    kit_event(k, "a", "X", k->clock.wall_us, NULL);
    struct kn_item item = {
        .kind = KN_ITEM_SETTING,
        .event_us = k->clock.wall_us,
        .received_us = k->clock.wall_us,
        .message_id = KN_STR("-"),
        .name = KN_STR("segment/vip"),
        .body = KN_STR("{\"list\":7}"),
    };
    kn_item_encode(&item, &k->items);
    k->count++;
    kn_buf_init(&body, 1 << 20);
    kn_list_body_begin(KN_LIST_ADD, 7, &body);
    kn_list_body_add(hash_of(k, "a"), &body);
    add_item(k, "vip", &body);
    kn_buf_deinit(&body);
    kit_send(k, KN_FRAME_SETTINGS);
    assert_true(kit_in(k, "a", "vip"));
    assert_int_equal(kit_info(k, "vip").size, 1);
}

static void merges_and_unmerges(void **state)
{
    struct kit *k = *state;
    size_t count;
    kit_event(k, "a", "X", k->clock.wall_us, NULL);
    kit_event(k, "b", "X", k->clock.wall_us, NULL);
    kit_setting(k, "segment/vip", "{\"list\":7}");
    kit_setting(k, "segment/old", "{\"list\":8}");
    put(k, "vip", KN_LIST_ADD, 7, "b");
    put(k, "old", KN_LIST_ADD, 8, "a");
    put(k, "old", KN_LIST_ADD, 8, "b");
    assert_int_equal(kit_info(k, "old").size, 2);
    join(k, "a", "b");
    assert_true(kit_in(k, "a", "vip")); /* either was */
    assert_int_equal(kit_info(k, "vip").size, 1);
    assert_int_equal(kit_info(k, "old").size, 1);
    assert_int_equal(last_change(k, "vip", &count).change.cause, KN_CAUSE_MERGE);
    part(k, "b");
    assert_true(kit_in(k, "b", "vip"));
    assert_false(kit_in(k, "a", "vip"));
    assert_true(kit_in(k, "a", "old"));
    assert_true(kit_in(k, "b", "old"));
    assert_int_equal(kit_info(k, "vip").size, 1);
    assert_int_equal(kit_info(k, "old").size, 2);
    assert_int_equal(last_change(k, "vip", &count).change.cause, KN_CAUSE_UNMERGE);
    /* Who leaves while merged leaves for good. */
    kit_event(k, "c", "X", k->clock.wall_us, NULL);
    kit_event(k, "d", "X", k->clock.wall_us, NULL);
    put(k, "vip", KN_LIST_ADD, 7, "c");
    put(k, "vip", KN_LIST_ADD, 7, "d");
    join(k, "c", "d");
    put(k, "vip", KN_LIST_REMOVE, 7, "d");
    assert_false(kit_in(k, "c", "vip"));
    part(k, "d");
    assert_false(kit_in(k, "c", "vip"));
    assert_false(kit_in(k, "d", "vip"));
}

static void is_gone_with_its_segment(void **state)
{
    struct kit *k = *state;
    kit_event(k, "a", "X", k->clock.wall_us, NULL);
    kit_setting(k, "segment/vip", "{\"list\":7}");
    put(k, "vip", KN_LIST_ADD, 7, "a");
    kit_setting(k, "segment/vip", "");
    kit_setting(k, "segment/vip", "{\"list\":9}");
    assert_false(kit_in(k, "a", "vip"));
    put(k, "vip", KN_LIST_ADD, 7, "a"); /* late, for the one that is gone */
    assert_false(kit_in(k, "a", "vip"));
    put(k, "vip", KN_LIST_ADD, 9, "a");
    assert_true(kit_in(k, "a", "vip"));
    assert_int_equal(kit_info(k, "vip").size, 1);
    /* A new name is no new list. */
    kit_setting(k, "segment/vip", "{\"list\":9,\"name\":\"Best\",\"version\":2}");
    assert_true(kit_in(k, "a", "vip"));
}

static void copies_a_segment(void **state)
{
    struct kit *k = *state;
    char who[16];
    for (int i = 0; i < 1600; i++) {
        (void)snprintf(who, sizeof who, "v%d", i);
        kit_add(k, who, i % 2 ? "X" : "Y", k->clock.wall_us, NULL);
    }
    kit_send(k, 0);
    kit_define(k, "segment/x", "event('X').within(1 day).count() >= 1");
    kit_settle(k);
    assert_int_equal(kit_info(k, "x").size, 800);
    kit_setting(k, "segment/then", "{\"list\":5,\"frozen\":true,\"snapshot_of\":\"x\"}");
    assert_false(kit_info(k, "then").ready);
    /* In the making: who is merged, who enters the original now, a restart. */
    kit_event(k, "v2", "X", k->clock.wall_us, NULL);
    join(k, "v1501", "v1503");
    join(k, "v4", "v1505");
    kit_checkpoint(k);
    kit_reopen(k);
    kit_settle(k);
    struct kn_segment_info info = kit_info(k, "then");
    assert_true(info.ready);
    assert_true(kn_str_eq(info.snapshot_of, KN_STR("x")));
    assert_int_equal(info.size, 799);
    assert_true(kit_in(k, "v4", "then"));
    assert_true(kit_in(k, "v1503", "then"));
    assert_true(kit_in(k, "v1", "then"));
    assert_false(kit_in(k, "v2", "then"));
    assert_true(kit_in(k, "v2", "x"));
    k->clock.wall_us += 2 * KIT_DAY;
    kit_tick(k);
    assert_int_equal(kit_info(k, "x").size, 0);
    assert_int_equal(kit_info(k, "then").size, 799);
    kit_setting(k, "segment/x", "");
    assert_int_equal(kit_info(k, "then").size, 799);
    put(k, "then", KN_LIST_REMOVE, 5, "v1");
    assert_int_equal(kit_info(k, "then").size, 798);
}

static void begins_with_profiles(void **state)
{
    struct kit *k = *state;
    char who[16];
    uint64_t bits[80] = {0};
    struct kn_buf body;
    for (int i = 0; i < 5000; i++) { /* more than one block of members */
        (void)snprintf(who, sizeof who, "v%d", i);
        kit_add(k, who, "X", k->clock.wall_us, NULL);
    }
    kit_send(k, 0);
    static const char *const chosen[] = {"v0", "v3", "v4094", "v4095", "v4096", "v4999"};
    for (size_t i = 0; i < 6; i++) {
        kn_bits_set(bits, kit_who(k, chosen[i])->ordinal);
    }
    kn_buf_init(&body, 1 << 20);
    kn_list_body_begin(KN_LIST_FREEZE, 6, &body);
    kn_list_body_ordinals(bits, 80, &body);
    struct kn_item item = {
        .kind = KN_ITEM_SETTING,
        .event_us = k->clock.wall_us,
        .received_us = k->clock.wall_us,
        .message_id = KN_STR("-"),
        .name = KN_STR("segment/six"),
        .body = KN_STR("{\"list\":6,\"frozen\":true}"),
    };
    kn_item_encode(&item, &k->items);
    k->count++;
    add_item(k, "six", &body);
    kn_buf_deinit(&body);
    kit_send(k, KN_FRAME_SETTINGS);
    kit_settle(k);
    assert_true(kit_info(k, "six").ready);
    assert_int_equal(kit_info(k, "six").size, 6);
    for (size_t i = 0; i < 6; i++) {
        assert_true(kit_in(k, chosen[i], "six"));
    }
    assert_false(kit_in(k, "v1", "six"));
}

static void survives_restarts(void **state)
{
    struct kit *k = *state;
    kit_event(k, "a", "X", k->clock.wall_us, NULL);
    kit_event(k, "b", "X", k->clock.wall_us, NULL);
    kit_setting(k, "segment/vip", "{\"list\":7}");
    put(k, "vip", KN_LIST_ADD, 7, "a");
    kit_checkpoint(k);
    put(k, "vip", KN_LIST_ADD, 7, "b");
    kit_reopen(k);
    assert_true(kit_in(k, "a", "vip"));
    assert_true(kit_in(k, "b", "vip"));
    put(k, "vip", KN_LIST_REMOVE, 7, "a");
    kit_checkpoint(k);
    kit_reopen(k);
    assert_false(kit_in(k, "a", "vip"));
    assert_int_equal(kit_info(k, "vip").size, 1);
}

static void rows_that_name_people(void **state)
{
    struct kit *k = *state;
    char id[27];
    kit_event(k, "a", "X", k->clock.wall_us, NULL);
    kn_profile_id_text(kit_who(k, "a")->id, id);
    static char long_value[300];
    memset(long_value, 'x', sizeof long_value - 1);
    struct {
        const char *type, *value;
        enum kn_list_outcome outcome;
    } cases[] = {
        {"anonymous_id", "a", KN_LIST_MATCHED},
        {"anonymous_id", " a ", KN_LIST_MATCHED},
        {"anonymous_id", "b", KN_LIST_UNKNOWN},
        {"anonymous_id", "", KN_LIST_MALFORMED},
        {"anonymous_id", "  ", KN_LIST_MALFORMED},
        {"anonymous_id", "null", KN_LIST_BLOCKED},
        {"email", "a", KN_LIST_MALFORMED},
        {"email", "a@x.nl", KN_LIST_UNKNOWN},
        {"Email", "a@x.nl", KN_LIST_MALFORMED},
        {"limit", "a", KN_LIST_MALFORMED},
        {"user_id", long_value, KN_LIST_MALFORMED},
        {"user_id", "a\tb", KN_LIST_MALFORMED},
        {"loyalty", "12", KN_LIST_UNKNOWN},
        {"id", id, KN_LIST_MATCHED},
        {"id", "nonsense", KN_LIST_MALFORMED},
        {"id", "00000000000000000000000000", KN_LIST_UNKNOWN},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct kn_list_row row = {.type = kn_str_c(cases[i].type),
                                  .value = kn_str_c(cases[i].value)};
        assert_int_equal(kn_list_match(k->ws, &row, 1, &k->arena), KN_OK);
        if (row.outcome != cases[i].outcome) {
            fail_msg("%s %s: %d", cases[i].type, cases[i].value, (int)row.outcome);
        }
        assert_true(row.outcome != KN_LIST_MATCHED || row.ordinal == kit_who(k, "a")->ordinal);
        assert_true(row.outcome != KN_LIST_MALFORMED || row.detail);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(who_is_on_it, kit_set_up, kit_tear_down),
        cmocka_unit_test_setup_teardown(is_the_first_definition, kit_set_up, kit_tear_down),
        cmocka_unit_test_setup_teardown(merges_and_unmerges, kit_set_up, kit_tear_down),
        cmocka_unit_test_setup_teardown(is_gone_with_its_segment, kit_set_up, kit_tear_down),
        cmocka_unit_test_setup_teardown(copies_a_segment, kit_set_up, kit_tear_down),
        cmocka_unit_test_setup_teardown(begins_with_profiles, kit_set_up, kit_tear_down),
        cmocka_unit_test_setup_teardown(survives_restarts, kit_set_up, kit_tear_down),
        cmocka_unit_test_setup_teardown(rows_that_name_people, kit_set_up, kit_tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
