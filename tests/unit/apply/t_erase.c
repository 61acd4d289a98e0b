/* Erasing a person: gone for every read at once, kept out afterwards, and then not a byte left in
 * any file, while nothing of anybody else changes. */
#include "live_kit.h"

#include "apply/erasing.h"
#include "tests/trace.h"

#define VICTIM "victim-anon-7f3a"
#define VICTIM_EMAIL "victim@unique-mail.example"

/* What only the victim has: identifiers, values, message ids. */
static const char *const traces[] = {
    VICTIM,          VICTIM_EMAIL, "secret-shoe-991", "Verónica Geheim", "victim-message-",
    "victim-order-5"};
static const char *const others[] = {"other-anon-1", "common-shoe-1", "other-anon-2"};

static void add(struct kit *k, enum kn_event_type type, const char *who, const char *email,
                const char *event, int64_t at, const char *message, const char *traits,
                const char *properties, uint32_t flags)
{
    char body[512];
    struct kn_item_id ids[2] = {{.type = KN_ID_EMAIL, .value = kn_str_c(email)},
                                {.type = KN_ID_ANONYMOUS_ID, .value = kn_str_c(who)}};
    size_t skip = email ? 0 : 1;
    (void)snprintf(body, sizeof body, "{\"properties\":%s}", properties);
    struct kn_item item = {
        .kind = KN_ITEM_EVENT,
        .type = type,
        .flags = flags,
        .source = 1,
        .event_us = at,
        .received_us = k->clock.wall_us,
        .message_id = kn_str_c(message),
        .name = kn_str_c(event),
        .ids = ids + skip,
        .id_count = 2 - skip,
        .traits = kn_str_c(traits),
        .body = kn_str_c(body),
    };
    if (event && strcmp(event, "Order Completed") == 0) {
        item.order =
            (struct kn_item_order){KN_ORDER_COMPLETED, KN_STR("victim-order-5"), true, 1999, "EUR"};
    }
    kn_item_encode(&item, &k->items);
    assert_int_equal(k->items.rc, KN_OK);
    k->count++;
}

static void round_of_events(struct kit *k, int i)
{
    char message[64];
    int64_t now = k->clock.wall_us;
    (void)snprintf(message, sizeof message, "victim-message-%d", i);
    add(k, KN_EVENT_TRACK, VICTIM, NULL, "Viewed", now, message, NULL,
        "{\"sku\":\"secret-shoe-991\"}", 0);
    kit_add(k, "other-anon-1", "Viewed", now, "{\"sku\":\"common-shoe-1\"}");
    (void)snprintf(message, sizeof message, "victim-message-n%d", i);
    add(k, KN_EVENT_TRACK, VICTIM, NULL, "Viewed", now, message, NULL,
        "{\"sku\":\"secret-shoe-991\"}", KN_ITEM_NO_PROFILE);
    kit_add(k, "other-anon-2", "Viewed", now, "{\"sku\":\"common-shoe-1\"}");
    kit_send(k, 0);
}

static void identify(struct kit *k)
{
    add(k, KN_EVENT_IDENTIFY, VICTIM, VICTIM_EMAIL, NULL, k->clock.wall_us, "victim-message-i",
        "{\"name\":\"Verónica Geheim\"}", "{}", 0);
    add(k, KN_EVENT_TRACK, VICTIM, VICTIM_EMAIL, "Order Completed", k->clock.wall_us,
        "victim-message-o", NULL, "{\"sku\":\"secret-shoe-991\"}", 0);
    kit_send(k, 0);
}

/* Files of several checkpoints, a merge of two profiles, and something in memory only. */
static void populate(struct kit *k)
{
    struct kn_err err = {0};
    bool more;
    kit_define(k, "segment/viewers", "event('Viewed').within(30 days).count() >= 2");
    kit_define(k, "computed/last_sku", "event('Viewed').last(property('sku'))");
    kit_settle(k);
    for (int i = 0; i < 6; i++) {
        round_of_events(k, i);
        if (i == 3) {
            add(k, KN_EVENT_TRACK, "victim-anon-7f3a-second", VICTIM_EMAIL, "Viewed",
                k->clock.wall_us, "victim-message-s", NULL, "{\"sku\":\"secret-shoe-991\"}", 0);
            kit_send(k, 0);
            identify(k);
        }
        if (i < 5) {
            kit_checkpoint(k);
            assert_int_equal(kn_workspace_background_step(k->ws, &more, &err), KN_OK);
        }
        k->clock.wall_us += KIT_SECOND;
    }
}

static void erase(struct kit *k, const char *id, struct kn_h128 profile)
{
    char text[27];
    char body[128];
    kn_profile_id_text(profile, text);
    (void)snprintf(body, sizeof body, "{\"profile\":\"%s\",\"within_us\":3600000000}", text);
    struct kn_item item = {
        .kind = KN_ITEM_ERASE,
        .event_us = k->clock.wall_us,
        .received_us = k->clock.wall_us,
        .message_id = KN_STR("-"),
        .name = kn_str_c(id),
        .body = kn_str_c(body),
    };
    kn_item_encode(&item, &k->items);
    k->count++;
    kit_send(k, 0);
}

static struct kn_erasure erasure(struct kit *k, const char *id)
{
    struct kn_erasure e;
    enum kn_erasing_stage stage;
    assert_int_equal(kn_read_erasure(k->ws, kn_str_c(id), &k->arena, &e, &stage), KN_OK);
    return e;
}

/* What the server's threads do, until the receipt is there. */
static void work(struct kit *k, const char *id)
{
    struct kn_err err = {0};
    for (int i = 0; i < 400; i++) {
        bool more;
        bool staged;
        if (kn_workspace_checkpoint_due(k->ws)) {
            kit_checkpoint(k);
        }
        if (kn_workspace_background_step(k->ws, &more, &err) != KN_OK) {
            fail_msg("background: %s", err.text);
        }
        assert_int_equal(kn_workspace_build_step(k->ws, &more, &staged, &err), KN_OK);
        kit_drain(k);
        if (kn_workspace_next_due(k->ws) == INT64_MIN) {
            kit_tick(k);
        }
        struct kn_erasure e = erasure(k, id);
        if (kn_erasure_is_done(&e)) {
            return;
        }
    }
    fail_msg("the erasure does not end");
}

static void no_trace(struct kit *k)
{
    char where[512];
    for (size_t i = 0; i < sizeof traces / sizeof traces[0]; i++) {
        if (trace_below(k->root, kn_str_c(traces[i]), where)) {
            fail_msg("\"%s\" stands in %s", traces[i], where);
        }
    }
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        if (!trace_below(k->root, kn_str_c(others[i]), where)) {
            fail_msg("\"%s\" is gone", others[i]);
        }
    }
}

static void check_others(struct kit *k)
{
    for (int i = 1; i <= 2; i++) {
        char who[16];
        (void)snprintf(who, sizeof who, "other-anon-%d", i);
        struct kn_profile *p = kit_who(k, who);
        assert_non_null(p);
        assert_int_equal(p->events, 6);
        assert_true(kit_in(k, who, "viewers"));
    }
    assert_int_equal(kit_info(k, "viewers").size, 2);
    assert_int_equal(kit_info(k, "last_sku").size, 2);
}

static void verify(struct kit *k)
{
    struct kn_err err = {0};
    struct kn_workspace *ws;
    struct kn_workspace_options o = {.disk = k->disk,
                                     .dir = "ws/test",
                                     .state_path = k->state,
                                     .name = "test",
                                     .clock = kn_clock_manual(&k->clock),
                                     .random = kn_random_posix(),
                                     .read_only = true};
    kit_drain(k);
    kit_checkpoint(k);
    kn_workspace_close(k->ws);
    k->ws = NULL;
    assert_int_equal(kn_workspace_open(&o, &ws, &err), KN_OK);
    if (kn_workspace_verify(ws, NULL, NULL, &err) != KN_OK) {
        fail_msg("verify: %s", err.text);
    }
    kn_workspace_close(ws);
    kit_open(k);
}

#define ID "2m3v9qjx7d2m5h8w1c4r6t0abz"

static void every_byte_goes(void **state)
{
    struct kit *k = *state;
    char where[512];
    populate(k);
    struct kn_profile *p = kit_who(k, VICTIM);
    assert_non_null(p);
    assert_int_equal(p->merged_count, 1);
    for (size_t i = 0; i < sizeof traces / sizeof traces[0]; i++) {
        assert_true(trace_below(k->root, kn_str_c(traces[i]), where));
    }
    erase(k, ID, p->id);
    assert_null(kit_who(k, VICTIM));
    check_others(k);
    work(k, ID);
    no_trace(k);
    check_others(k);
    struct kn_erasure e = erasure(k, ID);
    assert_int_equal(e.identifiers, 3);
    assert_int_equal(e.events, 9);
    assert_int_equal(e.ordinal_count, 2);
    assert_int_equal(e.deadline_us - e.requested_us, KN_ERASE_WITHIN_US);
    verify(k);
    no_trace(k);
    check_others(k);
}

/* Entries and exits keep their time, and lose who it was. */
static void changes_forget_who(void **state)
{
    struct kit *k = *state;
    struct kn_segment_change *changes;
    size_t count;
    populate(k);
    erase(k, ID, kit_who(k, VICTIM)->id);
    for (int pass = 0; pass < 2; pass++) {
        unsigned unknown = 0;
        assert_int_equal(kn_segment_changes(k->ws, KN_STR("viewers"), INT64_MIN, INT64_MAX,
                                            UINT64_MAX, 50, &k->arena, &changes, &count),
                         KN_OK);
        assert_int_equal(changes[0].change.cause, KN_CAUSE_ERASURE);
        assert_int_equal(changes[0].change.kind, KN_CHANGE_EXITED);
        assert_int_equal(changes[0].change.ordinal, 0);
        for (size_t i = 0; i < count; i++) {
            unknown += kn_h128_is_zero(changes[i].id) && changes[i].change.message_id.len == 0;
            assert_int_equal(kn_h128_is_zero(changes[i].id), changes[i].change.message_id.len == 0);
        }
        assert_int_equal(unknown, 2);
        work(k, ID);
    }
}

/* The last entries of the person and the erasure are applied in one turn. */
static void changes_of_the_same_turn(void **state)
{
    struct kit *k = *state;
    populate(k);
    struct kn_h128 id = kit_who(k, VICTIM)->id;
    add(k, KN_EVENT_TRACK, VICTIM, NULL, "Viewed", k->clock.wall_us, "victim-message-turn", NULL,
        "{\"sku\":\"secret-shoe-991-red\"}", 0);
    kit_stage(k, 0);
    erase(k, ID, id);
    work(k, ID);
    no_trace(k);
    verify(k);
    no_trace(k);
}

static void what_comes_late_stays_out(void **state)
{
    struct kit *k = *state;
    populate(k);
    int64_t before = k->clock.wall_us - KIT_SECOND;
    erase(k, ID, kit_who(k, VICTIM)->id);
    k->clock.wall_us += KIT_SECOND;

    /* Dated before: not a byte, under any of the identifiers; events of others come through. */
    add(k, KN_EVENT_TRACK, VICTIM, NULL, "Viewed", before, "victim-message-late", NULL,
        "{\"sku\":\"secret-shoe-991\"}", 0);
    add(k, KN_EVENT_TRACK, "victim-anon-7f3a-third", VICTIM_EMAIL, "Viewed", before,
        "victim-message-late2", NULL, "{\"sku\":\"secret-shoe-991\"}", 0);
    kit_add(k, "other-anon-1", "Late", before, NULL);
    kit_send(k, 0);
    assert_null(kit_who(k, VICTIM));
    assert_null(kit_who(k, "victim-anon-7f3a-third"));
    assert_int_equal(kit_who(k, "other-anon-1")->events, 7);
    work(k, ID);
    add(k, KN_EVENT_TRACK, VICTIM, NULL, "Viewed", before, "victim-message-late3", NULL,
        "{\"sku\":\"secret-shoe-991\"}", 0);
    kit_add(k, "other-anon-2", "Late", before, NULL);
    kit_send(k, 0);
    assert_int_equal(kit_who(k, "other-anon-2")->events, 7);
    no_trace(k);

    /* A sign-up after it is somebody new; what is older stays out even then. */
    kit_reopen(k);
    add(k, KN_EVENT_TRACK, VICTIM, NULL, "Viewed", k->clock.wall_us, "m-new", NULL, "{}", 0);
    kit_send(k, 0);
    struct kn_profile *p = kit_who(k, VICTIM);
    assert_non_null(p);
    assert_int_equal(p->events, 1);
    add(k, KN_EVENT_TRACK, VICTIM, NULL, "Viewed", before, "m-old", NULL, "{}", 0);
    kit_send(k, 0);
    assert_int_equal(kit_who(k, VICTIM)->events, 1);
}

/* A device two people used: it goes with the one whose it was, and their events go; those of the
 * other, who has a stronger identifier, stay. */
static void shared_devices(void **state)
{
    struct kit *k = *state;
    int64_t now = k->clock.wall_us;
    add(k, KN_EVENT_IDENTIFY, "tablet", "a@x.example", NULL, now, "a1", "{}", "{}", 0);
    kit_send(k, 0);
    for (int i = 0; i < 6; i++) { /* more addresses than a profile may have: another person */
        char email[32];
        (void)snprintf(email, sizeof email, "b%d@x.example", i);
        add(k, KN_EVENT_TRACK, "tablet", email, "Viewed", now, email, NULL, "{}", 0);
        kit_send(k, 0);
    }
    struct kn_profile *a = kit_who(k, "tablet");
    struct kn_profile *b = NULL;
    assert_int_equal(kn_read_profile_by_identifier(k->ws, KN_STR("email"), KN_STR("b5@x.example"),
                                                   &k->arena, &b),
                     KN_OK);
    assert_true(a->ordinal != b->ordinal);
    uint64_t events = b->events;
    erase(k, ID, a->id);
    add(k, KN_EVENT_TRACK, "tablet", "b5@x.example", "Viewed", now - 1, "b-late", NULL, "{}", 0);
    kit_send(k, 0);
    assert_null(kit_who(k, "tablet"));
    work(k, ID);
    assert_int_equal(kn_read_profile_by_identifier(k->ws, KN_STR("email"), KN_STR("b5@x.example"),
                                                   &k->arena, &b),
                     KN_OK);
    assert_int_equal(b->events, events + 1);
    verify(k);
}

/* Stopped at any step of the work, it begins again and ends the same. */
static void interrupted(void **state)
{
    struct kit *k = *state;
    struct kn_err err = {0};
    populate(k);
    erase(k, ID, kit_who(k, VICTIM)->id);
    for (int steps = 1; steps < 24; steps++) {
        for (int i = 0; i < steps; i++) {
            bool more;
            if (kn_workspace_checkpoint_due(k->ws)) {
                kit_checkpoint(k);
            }
            assert_int_equal(kn_workspace_background_step(k->ws, &more, &err), KN_OK);
            kit_drain(k);
            if (kn_workspace_next_due(k->ws) == INT64_MIN) {
                kit_tick(k);
            }
        }
        kit_reopen(k);
        assert_null(kit_who(k, VICTIM));
        check_others(k);
    }
    work(k, ID);
    no_trace(k);
    verify(k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_byte_goes, kit_set_up, kit_tear_down),
        cmocka_unit_test_setup_teardown(changes_forget_who, kit_set_up, kit_tear_down),
        cmocka_unit_test_setup_teardown(changes_of_the_same_turn, kit_set_up, kit_tear_down),
        cmocka_unit_test_setup_teardown(what_comes_late_stays_out, kit_set_up, kit_tear_down),
        cmocka_unit_test_setup_teardown(shared_devices, kit_set_up, kit_tear_down),
        cmocka_unit_test_setup_teardown(interrupted, kit_set_up, kit_tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
