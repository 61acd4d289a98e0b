/* Destinations in the fold: who may be known there, the changes to be sent, and what became of
 * them, over checkpoints and replays. */
#include "apply/destinations.h"

#include "live_kit.h"

#define DOC                                                                                        \
    "{\"name\":\"Mail\",\"kind\":\"webhook\",\"url\":\"https://x.example/\",\"version\":1,"        \
    "\"purpose\":\"marketing_email\",\"segments\":[\"buyers\",\"fans\"],\"enabled\":true}"

struct outbox {
    struct kn_delivery_cursor cursors[KN_DESTINATION_SEGMENTS_MAX];
    size_t cursor_count;
    struct kn_delivery_entry *all;
    size_t count;
    uint64_t missed;
};

static void take(struct kit *k, struct outbox *o, size_t limit)
{
    assert_int_equal(kn_delivery_take(k->ws, KN_STR("d"), o->cursors, &o->cursor_count, limit,
                                      &k->arena, &o->all, &o->count, &o->missed),
                     KN_OK);
}

static void consent(struct kit *k, const char *who, enum kn_consent_state state)
{
    char message[32];
    struct kn_item_id id = {.type = KN_ID_ANONYMOUS_ID, .value = kn_str_c(who)};
    struct kn_item_consent c = {
        .purpose = KN_STR("marketing_email"), .state = state, .basis = KN_STR("consent")};
    (void)snprintf(message, sizeof message, "c%u", ++k->messages);
    struct kn_item item = {
        .kind = KN_ITEM_CONSENT,
        .event_us = k->clock.wall_us,
        .received_us = k->clock.wall_us,
        .message_id = kn_str_c(message),
        .ids = &id,
        .id_count = 1,
        .consents = &c,
        .consent_count = 1,
        .body = KN_STR("{}"),
    };
    kn_item_encode(&item, &k->items);
    assert_int_equal(k->items.rc, KN_OK);
    k->count++;
    kit_send(k, 0);
}

/* Somebody who is there and consents. */
static void meet(struct kit *k, const char *who)
{
    kit_event(k, who, "Seen", k->clock.wall_us, NULL);
    consent(k, who, KN_CONSENT_GRANTED);
}

static void set_up(struct kit *k)
{
    kit_define(k, "segment/buyers", "event('Order Completed').within(30 days).count() >= 1");
    kit_define(k, "segment/fans", "event('Liked').count() >= 1");
    kit_setting(k, "destination/d", DOC);
    kit_settle(k);
}

static void follows_segment_and_consent(void **state)
{
    struct kit *k = *state;
    struct outbox o = {0};
    int64_t now = k->clock.wall_us;
    set_up(k);
    kit_event(k, "a", "Order Completed", now, NULL); /* no consent: nothing leaves */
    take(k, &o, 10);
    assert_int_equal(o.count, 0);
    consent(k, "a", KN_CONSENT_GRANTED);
    meet(k, "b");
    kit_event(k, "b", "Liked", now, NULL);
    consent(k, "a", KN_CONSENT_DENIED);
    k->clock.wall_us = now + 31 * KIT_DAY;
    kit_tick(k);
    take(k, &o, 10);
    assert_int_equal(o.count, 3);
    assert_int_equal(o.all[0].kind, KN_CHANGE_ENTERED);
    assert_int_equal(o.all[0].cause, KN_CAUSE_CONSENT);
    assert_true(kn_str_eq(o.all[0].segment, KN_STR("buyers")));
    assert_int_equal(o.all[0].ordinal, kit_who(k, "a")->ordinal);
    /* Between them: another segment, its cause that of the segment itself. */
    assert_true(kn_str_eq(o.all[1].segment, KN_STR("fans")));
    assert_int_equal(o.all[1].cause, KN_CAUSE_MESSAGE);
    assert_true(kn_str_eq(o.all[1].message_id, KN_STR("m5")));
    assert_int_equal(o.all[2].kind, KN_CHANGE_EXITED);
    assert_int_equal(o.all[2].cause, KN_CAUSE_CONSENT);
    take(k, &o, 10);
    assert_int_equal(o.count, 0);
}

static void takes_in_pieces(void **state)
{
    struct kit *k = *state;
    struct outbox o = {0};
    uint64_t before = 0;
    char who[16];
    set_up(k);
    for (int i = 0; i < 40; i++) {
        (void)snprintf(who, sizeof who, "v%d", i);
        meet(k, who);
        kit_event(k, who, i % 3 ? "Liked" : "Order Completed", k->clock.wall_us, NULL);
    }
    for (int i = 0; i < 40; i += 7) {
        take(k, &o, 7);
        assert_int_equal(o.count, i + 7 <= 40 ? 7 : 40 - i);
        for (size_t n = 0; n < o.count; n++) {
            assert_true(o.all[n].position > before);
            before = o.all[n].position;
        }
    }
    take(k, &o, 7);
    assert_int_equal(o.count, 0);
}

static void is_no_segment_of_anybody(void **state)
{
    struct kit *k = *state;
    struct kn_segment_info *list;
    struct kn_segment_info info;
    struct kn_profile_segment *mine;
    size_t count;
    bool more;
    struct kn_query query;
    const struct kn_query_warning *warnings;
    struct kn_err err;
    set_up(k);
    meet(k, "a");
    kit_event(k, "a", "Liked", k->clock.wall_us, NULL);
    assert_int_equal(kn_segments_list(k->ws, false, 0, 10, &k->arena, &list, &count, &more), KN_OK);
    assert_int_equal(count, 2);
    assert_int_equal(kn_segment_info(k->ws, KN_STR("destination/d/fans"), &k->arena, &info),
                     KN_E_NOT_FOUND);
    assert_int_equal(kn_profile_segments(k->ws, kit_who(k, "a")->ordinal, &k->arena, &mine, &count),
                     KN_OK);
    assert_int_equal(count, 1);
    assert_int_equal(kn_segment_check(k->ws, KN_STR("n"), KN_STR("segment('destination/d/fans')"),
                                      KN_QUERY_SEGMENT, &k->arena, &query, &warnings, &count, &err),
                     KN_E_INVALID);
    assert_true(kn_key_is_destination(kn_segment_reader(k->ws, KN_STR("fans"), &k->arena)));
    struct kn_destination_audience audience;
    assert_int_equal(kn_destination_audience(k->ws, KN_STR("d"), KN_STR("fans"), &audience), KN_OK);
    assert_true(audience.ready);
    assert_int_equal(audience.size, 1);
}

/* The destination mirrors what there is: those who were there before come first, and a changed
 * segment tells who came and went by that. */
static void tells_members_there_before(void **state)
{
    struct kit *k = *state;
    struct outbox o = {0};
    meet(k, "a");
    kit_event(k, "a", "Liked", k->clock.wall_us, NULL);
    set_up(k);
    take(k, &o, 10);
    assert_int_equal(o.count, 1);
    assert_int_equal(o.all[0].kind, KN_CHANGE_ENTERED);
    assert_int_equal(o.all[0].cause, KN_CAUSE_DEFINITION);
    kit_define(k, "segment/fans", "event('Loved').count() >= 1");
    kit_settle(k);
    take(k, &o, 10);
    assert_int_equal(o.count, 1);
    assert_int_equal(o.all[0].kind, KN_CHANGE_EXITED);
    kit_setting(k, "destination/d", "");
    assert_int_equal(kn_delivery_take(k->ws, KN_STR("d"), o.cursors, &o.cursor_count, 10, &k->arena,
                                      &o.all, &o.count, &o.missed),
                     KN_E_NOT_FOUND);
}

static void record(struct kit *k, const struct kn_delivery_record *r)
{
    kn_delivery_record_item(KN_STR("d"), r, k->clock.wall_us, &k->items);
    assert_int_equal(k->items.rc, KN_OK);
    k->count++;
    kit_send(k, 0);
}

static struct kn_delivery read_state(struct kit *k)
{
    struct kn_delivery d;
    assert_int_equal(kn_delivery_read(k->ws, KN_STR("d"), &k->arena, &d), KN_OK);
    return d;
}

static void remembers_what_became(void **state)
{
    struct kit *k = *state;
    struct outbox o = {0};
    char who[16];
    set_up(k);
    for (int i = 0; i < 4; i++) {
        (void)snprintf(who, sizeof who, "v%d", i);
        meet(k, who);
        kit_event(k, who, "Liked", k->clock.wall_us, NULL);
    }
    assert_int_equal(read_state(k).backlog, 4);
    take(k, &o, 4);
    assert_int_equal(o.count, 4);
    o.all[1].tries = 1;
    o.all[1].error = KN_STR("no answer");
    o.all[2].tries = 1;
    o.all[2].status = 404;
    struct kn_delivery_record r = {
        .change = {.counts = {.delivered = 2, .failed = 2, .died = 1},
                   .failed_us = 5,
                   .status = 404,
                   .cursors = o.cursors,
                   .cursor_count = o.cursor_count,
                   .waiting = &o.all[1],
                   .waiting_count = 1,
                   .dead = &o.all[2],
                   .dead_count = 1},
    };
    record(k, &r);
    kit_checkpoint(k);
    kit_reopen(k);
    struct kn_delivery d = read_state(k);
    assert_int_equal(d.backlog, 0);
    assert_int_equal(d.counts.delivered, 2);
    assert_int_equal(d.waiting_count, 1);
    assert_true(kn_str_eq(d.waiting[0].error, KN_STR("no answer")));
    assert_int_equal(d.dead_count, 1);
    assert_int_equal(d.dead[0].status, 404);
    assert_true(kn_str_eq(d.dead[0].segment, KN_STR("fans")));

    kn_delivery_resend_item(KN_STR("d"), &d.dead[0].id, 1, k->clock.wall_us, &k->items);
    k->count++;
    kit_send(k, 0);
    kit_reopen(k); /* from the log alone */
    d = read_state(k);
    assert_int_equal(d.dead_count, 0);
    assert_int_equal(d.waiting_count, 2);

    struct kn_delivery_id both[] = {d.waiting[0].id, d.waiting[1].id};
    struct kn_delivery_record last = {.change = {.counts = {.delivered = 2},
                                                 .stop = KN_STOP_GONE,
                                                 .stop_version = 1,
                                                 .cursors = o.cursors,
                                                 .cursor_count = o.cursor_count},
                                      .done = both,
                                      .done_count = 2};
    record(k, &last);
    d = read_state(k);
    assert_int_equal(d.waiting_count, 0);
    assert_int_equal(d.counts.delivered, 4);
    assert_int_equal(d.stop, KN_STOP_GONE);

    kit_setting(k, "destination/d", "");
    record(k, &last); /* for a destination that is no more */
    kit_setting(k, "destination/d", DOC);
    assert_int_equal(read_state(k).revision, 0);
}

static void keeps_the_newest_dead(void **state)
{
    struct kit *k = *state;
    enum { MANY = KN_DELIVERY_DEAD_MAX + 7 };
    struct kn_delivery_entry *dead = calloc(MANY, sizeof *dead);
    assert_non_null(dead);
    set_up(k);
    for (uint32_t i = 0; i < MANY; i++) {
        dead[i] = (struct kn_delivery_entry){.id = {1, i}, .kind = KN_CHANGE_ENTERED};
    }
    struct kn_delivery_record r = {.change = {.dead = dead, .dead_count = MANY}};
    record(k, &r);
    struct kn_delivery d = read_state(k);
    assert_int_equal(d.dead_count, KN_DELIVERY_DEAD_MAX);
    assert_int_equal(d.counts.dropped, 7);
    assert_int_equal(d.dead[0].id.number, 7);
    kn_delivery_resend_item(KN_STR("d"), NULL, 0, k->clock.wall_us, &k->items);
    k->count++;
    kit_send(k, 0);
    assert_int_equal(read_state(k).waiting_count, KN_DELIVERY_DEAD_MAX);
    free(dead);
}

/* Above the limit of a series the oldest changes are gone, and that is counted. */
static void counts_what_is_missed(void **state)
{
    struct kit *k = *state;
    struct outbox o = {0};
    enum { ROUNDS = 700, EACH = 100 };
    char who[16];
    kit_define(k, "segment/buyers", "event('Bought').count() >= 1");
    kit_define(k, "segment/fans", "event('Liked').count() >= 1");
    kit_setting(k, "destination/d",
                "{\"kind\":\"webhook\",\"purpose\":\"service\",\"segments\":[\"fans\"]}");
    kit_settle(k);
    for (int i = 0; i < ROUNDS; i++) {
        for (int n = 0; n < EACH; n++) {
            (void)snprintf(who, sizeof who, "v%d", i * EACH + n);
            kit_add(k, who, "Liked", k->clock.wall_us, NULL);
        }
        kit_send(k, 0);
    }
    take(k, &o, 10);
    assert_int_equal(o.count, 10);
    assert_true(o.missed >= ROUNDS * EACH - KN_CHANGES_KEPT - KN_CHANGES_BLOCK);
    assert_int_equal(o.missed, o.all[0].id.number);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(follows_segment_and_consent, kit_set_up, kit_tear_down),
        cmocka_unit_test_setup_teardown(takes_in_pieces, kit_set_up, kit_tear_down),
        cmocka_unit_test_setup_teardown(is_no_segment_of_anybody, kit_set_up, kit_tear_down),
        cmocka_unit_test_setup_teardown(tells_members_there_before, kit_set_up, kit_tear_down),
        cmocka_unit_test_setup_teardown(remembers_what_became, kit_set_up, kit_tear_down),
        cmocka_unit_test_setup_teardown(keeps_the_newest_dead, kit_set_up, kit_tear_down),
        cmocka_unit_test_setup_teardown(counts_what_is_missed, kit_set_up, kit_tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
