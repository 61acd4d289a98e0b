/* The fold end to end: items in, profiles out, through checkpoints, restarts and un-merges. */
#include "cm.h"

#include "apply/read.h"
#include "dir.h"
#include "format/json.h"
#include "profile/fold.h"

struct fixture {
    struct kn_disk disk;
    char root[256], state[300];
    struct kn_manual_clock clock;
    struct kn_workspace *ws;
    struct kn_arena arena;
    struct kn_buf items;
    uint32_t count;
    uint64_t unsaved_max; /* 0 = as always */
};

/* As a start finds it: nothing behind the checkpoint is applied. */
static void open_unapplied(struct fixture *f)
{
    struct kn_err err = {0};
    struct kn_workspace_options o = {
        .disk = f->disk,
        .dir = "ws/test",
        .state_path = f->state,
        .name = "test",
        .clock = kn_clock_manual(&f->clock),
        .random = kn_random_posix(),
        .log_segment_bytes = 1 << 20,
        .unsaved_bytes_max = f->unsaved_max,
    };
    if (kn_workspace_open(&o, &f->ws, &err) != KN_OK) {
        fail_msg("open: %s", err.text);
    }
}

static void open_ws(struct fixture *f)
{
    struct kn_err err = {0};
    size_t applied;
    open_unapplied(f);
    assert_int_equal(kn_workspace_apply(f->ws, INT64_MAX, &applied, &err), KN_OK);
    assert_true(kn_workspace_ready(f->ws));
}

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    struct kn_err err;
    test_dir("t_workspace", f->root);
    (void)snprintf(f->state, sizeof f->state, "%s/ws/test/state", f->root);
    f->clock.wall_us = INT64_C(1795448720) * 1000000;
    assert_int_equal(kn_disk_posix_open(f->root, &f->disk, &err), KN_OK);
    kn_arena_init(&f->arena, 64 << 20);
    kn_buf_init(&f->items, 64 << 20);
    open_ws(f);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    kn_workspace_close(f->ws);
    kn_disk_posix_close(f->disk);
    kn_arena_deinit(&f->arena);
    kn_buf_deinit(&f->items);
    free(f);
    return 0;
}

static void reopen(struct fixture *f)
{
    kn_workspace_close(f->ws);
    f->ws = NULL;
    open_ws(f);
}

static void checkpoint(struct fixture *f)
{
    struct kn_err err = {0};
    bool more = true;
    if (kn_workspace_checkpoint_now(f->ws, &err) != KN_OK) {
        fail_msg("checkpoint: %s", err.text);
    }
    while (more) {
        assert_int_equal(kn_workspace_background_step(f->ws, &more, &err), KN_OK);
    }
}

struct id {
    uint16_t type;
    const char *value;
};

/* Adds an event to the frame being built. */
static void add(struct fixture *f, const char *message, int64_t at, const struct id *ids,
                size_t id_count, const struct kn_item *facts)
{
    struct kn_item_id all[8];
    struct kn_item item = facts ? *facts : (struct kn_item){0};
    for (size_t i = 0; i < id_count; i++) {
        all[i] = (struct kn_item_id){.type = ids[i].type, .value = kn_str_c(ids[i].value)};
    }
    item.kind = item.kind ? item.kind : KN_ITEM_EVENT;
    item.type = item.type ? item.type : KN_EVENT_TRACK;
    item.source = 1;
    item.message_id = kn_str_c(message);
    item.event_us = at;
    item.received_us = f->clock.wall_us;
    item.ids = all;
    item.id_count = id_count;
    item.name = item.name.len ? item.name : KN_STR("Thing Done");
    item.body = item.body.len ? item.body : KN_STR("{\"properties\":{}}");
    kn_item_encode(&item, &f->items);
    f->count++;
}

static void send(struct fixture *f)
{
    struct kn_err err = {0};
    uint64_t seq;
    bool full;
    bool committed;
    size_t applied;
    assert_int_equal(
        kn_workspace_stage(f->ws, kn_buf_view(&f->items), f->count, 0, &seq, &full, &err), KN_OK);
    assert_int_equal(kn_workspace_commit(f->ws, &committed, &err), KN_OK);
    assert_int_equal(kn_workspace_apply(f->ws, INT64_MAX, &applied, &err), KN_OK);
    assert_int_equal(applied, 1);
    kn_buf_clear(&f->items);
    f->count = 0;
}

static struct kn_profile *who(struct fixture *f, const char *type, const char *value)
{
    struct kn_profile *p = NULL;
    enum kn_rc rc =
        kn_read_profile_by_identifier(f->ws, kn_str_c(type), kn_str_c(value), &f->arena, &p);
    return rc == KN_OK ? p : NULL;
}

static const struct id ANON[] = {{KN_ID_ANONYMOUS_ID, "a1"}};
static const struct id USER[] = {{KN_ID_USER_ID, "u1"}};
static const struct id BOTH[] = {{KN_ID_USER_ID, "u1"}, {KN_ID_ANONYMOUS_ID, "a1"}};

static bool count_event(void *context, const struct kn_archive_row *row, const struct kn_item *item)
{
    (void)row;
    *(size_t *)context += item->kind == KN_ITEM_EVENT ? 1 : 0;
    return true;
}

static size_t events_of(struct fixture *f, const struct kn_profile *p)
{
    size_t count = 0;
    struct kn_err err;
    struct kn_archive_query q = {
        .order = KN_ARCHIVE_NEWEST_FIRST, .from_us = INT64_MIN, .to_us = INT64_MAX};
    assert_int_equal(kn_read_events(f->ws, p, &q, &f->arena, count_event, &count, &err), KN_OK);
    return count;
}

static void joins_and_survives_restarts(void **state)
{
    struct fixture *f = *state;
    int64_t now = f->clock.wall_us;
    add(f, "m1", now - 100, ANON, 1, NULL);
    add(f, "m2", now - 90, USER, 1, NULL);
    send(f);
    assert_int_not_equal(who(f, "anonymous_id", "a1")->ordinal, who(f, "user_id", "u1")->ordinal);
    add(f, "m3", now - 80, BOTH, 2,
        &(struct kn_item){.type = KN_EVENT_IDENTIFY, .traits = KN_STR("{\"plan\":\"pro\"}")});
    add(f, "m3", now - 80, BOTH, 2, NULL); /* a duplicate */
    send(f);
    for (int round = 0; round < 3; round++) {
        struct kn_profile *p = who(f, "user_id", "u1");
        assert_int_equal(p->ordinal, who(f, "anonymous_id", "a1")->ordinal);
        assert_int_equal(p->events, 3);
        assert_int_equal(p->id_count, 2);
        assert_int_equal(p->merged_count, 1);
        assert_int_equal(p->trait_count, 1);
        assert_true(kn_str_eq(p->traits[0].json, KN_STR("\"pro\"")));
        assert_int_equal(events_of(f, p), 3);
        if (round == 1) {
            checkpoint(f);
        }
        reopen(f);
    }
    add(f, "m3", now - 80, BOTH, 2, NULL); /* known from before the restart */
    send(f);
    assert_int_equal(who(f, "user_id", "u1")->events, 3);
}

static void keeps_two_known_people_apart(void **state)
{
    struct fixture *f = *state;
    static const struct id ada[] = {{KN_ID_USER_ID, "ada"}, {KN_ID_ANONYMOUS_ID, "tablet"}};
    static const struct id bob[] = {{KN_ID_USER_ID, "bob"}, {KN_ID_ANONYMOUS_ID, "tablet"}};
    struct kn_profile_link *links;
    size_t count;
    add(f, "m1", f->clock.wall_us, ada, 2, NULL);
    add(f, "m2", f->clock.wall_us, bob, 2, NULL);
    add(f, "m3", f->clock.wall_us, bob, 2, NULL);
    send(f);
    struct kn_profile *b = who(f, "user_id", "bob");
    assert_int_not_equal(who(f, "user_id", "ada")->ordinal, b->ordinal);
    assert_int_equal(who(f, "anonymous_id", "tablet")->ordinal, who(f, "user_id", "ada")->ordinal);
    assert_int_equal(kn_read_links(f->ws, b->ordinal, &f->arena, &links, &count), KN_OK);
    assert_int_equal(count, 2);
    assert_int_equal(links[0].kind, KN_LINK_CREATED);
    assert_int_equal(links[1].kind, KN_LINK_REFUSED);
    assert_true(kn_str_eq(links[1].reason, KN_STR("limit user_id 1")));
}

static void a_shared_device_is_set_aside(void **state)
{
    struct fixture *f = *state;
    static const struct id mail[] = {{KN_ID_EMAIL, "x@example.org"}, {KN_ID_ANONYMOUS_ID, "kiosk"}};
    struct kn_profile_link *links;
    size_t count;
    for (unsigned i = 0; i <= 51; i++) {
        char message[8];
        char user[8];
        (void)snprintf(message, sizeof message, "m%u", i);
        (void)snprintf(user, sizeof user, "u%u", i);
        const struct id ids[] = {{KN_ID_USER_ID, user}, {KN_ID_ANONYMOUS_ID, "kiosk"}};
        add(f, message, f->clock.wall_us, ids, 2, NULL);
        send(f);
    }
    /* It is the first one's; the next 50 were refused it; from then on it joins nothing. */
    assert_int_equal(who(f, "anonymous_id", "kiosk")->ordinal, who(f, "user_id", "u0")->ordinal);
    assert_int_equal(
        kn_read_links(f->ws, who(f, "user_id", "u50")->ordinal, &f->arena, &links, &count), KN_OK);
    assert_int_equal(links[count - 1].kind, KN_LINK_REFUSED);
    assert_int_equal(
        kn_read_links(f->ws, who(f, "user_id", "u51")->ordinal, &f->arena, &links, &count), KN_OK);
    assert_int_equal(links[count - 1].kind, KN_LINK_IGNORED);
    add(f, "last", f->clock.wall_us, mail, 2, NULL);
    send(f);
    assert_int_not_equal(who(f, "email", "x@example.org")->ordinal,
                         who(f, "user_id", "u0")->ordinal);
    reopen(f);
    assert_int_equal(who(f, "anonymous_id", "kiosk")->events, 1);
}

static void unmerge_restores_both_sides(void **state)
{
    struct fixture *f = *state;
    int64_t now = f->clock.wall_us;
    struct kn_item_order order = {.event = KN_ORDER_COMPLETED,
                                  .order_id = KN_STR("o1"),
                                  .has_amount = true,
                                  .amount = 1250,
                                  .currency = "EUR"};
    add(f, "m1", now - 100, ANON, 1, NULL);
    add(f, "m2", now - 90, USER, 1, &(struct kn_item){.order = order});
    send(f);
    struct kn_h128 anon_id = who(f, "anonymous_id", "a1")->id;
    struct kn_h128 user_id = who(f, "user_id", "u1")->id;
    checkpoint(f);
    add(f, "m3", now - 80, BOTH, 2,
        &(struct kn_item){.type = KN_EVENT_IDENTIFY, .traits = KN_STR("{\"plan\":\"pro\"}")});
    add(f, "m4", now - 70, ANON, 1, NULL);
    send(f);
    checkpoint(f);
    assert_int_equal(who(f, "user_id", "u1")->events, 4);
    struct kn_item split = {.kind = KN_ITEM_UNMERGE, .name = KN_STR("shared laptop")};
    add(f, "split", now, ANON, 1, &split);
    send(f);
    for (int round = 0; round < 3; round++) {
        struct kn_profile *a = who(f, "anonymous_id", "a1");
        struct kn_profile *u = who(f, "user_id", "u1");
        assert_true(kn_h128_eq(a->id, anon_id));
        assert_true(kn_h128_eq(u->id, user_id));
        assert_int_equal(a->events, 2);
        assert_int_equal(events_of(f, a), 2);
        assert_int_equal(u->events, 2);
        assert_int_equal(events_of(f, u), 2);
        assert_int_equal(a->trait_count, 0);
        assert_int_equal(u->trait_count, 1);
        assert_int_equal(u->order_count, 1);
        assert_int_equal(a->order_count, 0);
        if (round == 0) {
            reopen(f);
        } else {
            checkpoint(f);
            reopen(f);
        }
    }
    add(f, "m5", now, BOTH, 2, NULL); /* they stay apart */
    send(f);
    assert_int_equal(who(f, "user_id", "u1")->events, 3);
    assert_int_equal(who(f, "anonymous_id", "a1")->events, 2);
}

static void one_order_is_one_order(void **state)
{
    struct fixture *f = *state;
    int64_t now = f->clock.wall_us;
    struct kn_item_order order = {.event = KN_ORDER_COMPLETED,
                                  .order_id = KN_STR("o1"),
                                  .has_amount = true,
                                  .amount = 10000,
                                  .currency = "EUR"};
    struct kn_item_order refund = {.event = KN_ORDER_REFUNDED,
                                   .order_id = KN_STR("o1"),
                                   .has_amount = true,
                                   .amount = 2500,
                                   .currency = "EUR"};
    struct kn_profile_revenue revenue[2];
    size_t orders;
    add(f, "m0", now - 5, USER, 1, &(struct kn_item){.order = refund}); /* arrives first */
    add(f, "m1", now - 10, ANON, 1, &(struct kn_item){.order = order}); /* the browser */
    add(f, "m2", now - 9, USER, 1, &(struct kn_item){.order = order});  /* the server */
    send(f);
    assert_int_equal(kn_profile_revenue(who(f, "anonymous_id", "a1"), "EUR", revenue, 2, &orders),
                     0);
    assert_int_equal(kn_profile_revenue(who(f, "user_id", "u1"), "EUR", revenue, 2, &orders), 1);
    assert_int_equal(orders, 1);
    assert_int_equal(revenue[0].amount, 7500);
    add(f, "m3", now, BOTH, 2, NULL);
    send(f);
    assert_int_equal(kn_profile_revenue(who(f, "user_id", "u1"), "EUR", revenue, 2, &orders), 1);
    assert_int_equal(orders, 1);
    order.event = KN_ORDER_CANCELLED;
    add(f, "m4", now, USER, 1, &(struct kn_item){.order = order});
    send(f);
    (void)kn_profile_revenue(who(f, "user_id", "u1"), "EUR", revenue, 2, &orders);
    assert_int_equal(orders, 0);
}

static void unmerge_keeps_what_others_said_of_an_order(void **state)
{
    struct fixture *f = *state;
    int64_t now = f->clock.wall_us;
    static const struct id other[] = {{KN_ID_USER_ID, "u2"}};
    static const struct id both[] = {{KN_ID_ANONYMOUS_ID, "a1"}, {KN_ID_ANONYMOUS_ID, "a2"}};
    static const struct id second[] = {{KN_ID_ANONYMOUS_ID, "a2"}};
    struct kn_item_order order = {.event = KN_ORDER_COMPLETED,
                                  .order_id = KN_STR("o1"),
                                  .has_amount = true,
                                  .amount = 10000,
                                  .currency = "EUR"};
    struct kn_profile_revenue revenue[2];
    size_t orders;
    add(f, "m1", now, ANON, 1, &(struct kn_item){.order = order});
    order.event = KN_ORDER_REFUNDED;
    order.amount = 2500;
    add(f, "m2", now, other, 1, &(struct kn_item){.order = order}); /* the shop paid u2 back */
    order.amount = 500;
    add(f, "m3", now, second, 1, &(struct kn_item){.order = order}); /* once another's, soon a1's */
    add(f, "m4", now, both, 2, NULL);
    send(f);
    checkpoint(f);
    add(f, "split", now, second, 1, &(struct kn_item){.kind = KN_ITEM_UNMERGE});
    send(f);
    for (unsigned round = 0; round < 2; round++) {
        assert_int_equal(
            kn_profile_revenue(who(f, "anonymous_id", "a1"), "EUR", revenue, 2, &orders), 1);
        assert_int_equal(orders, 1);
        assert_int_equal(revenue[0].amount, 7000);
        assert_int_equal(kn_profile_revenue(who(f, "user_id", "u2"), "EUR", revenue, 2, &orders),
                         0);
        checkpoint(f);
        reopen(f);
    }
}

/* An event of u1 from any source. */
static void add_from(struct fixture *f, uint32_t source, const char *message, int64_t at,
                     const struct kn_item *facts)
{
    struct kn_item_id id = {.type = KN_ID_USER_ID, .value = KN_STR("u1")};
    struct kn_item item = *facts;
    item.kind = KN_ITEM_EVENT;
    item.type = KN_EVENT_TRACK;
    item.source = source;
    item.message_id = kn_str_c(message);
    item.event_us = item.received_us = at;
    item.ids = &id;
    item.id_count = 1;
    item.name = KN_STR("Order Completed");
    item.body = KN_STR("{}");
    kn_item_encode(&item, &f->items);
    f->count++;
}

static void orders_without_an_id_are_their_own(void **state)
{
    struct fixture *f = *state;
    struct kn_item order = {
        .order = {
            .event = KN_ORDER_COMPLETED, .has_amount = true, .amount = 1000, .currency = "EUR"}};
    struct kn_profile_revenue revenue[2];
    size_t orders;
    add_from(f, 1, "m1", f->clock.wall_us, &order);
    add_from(f, 2, "m1", f->clock.wall_us, &order); /* message ids are a source's own */
    send(f);
    assert_int_equal(kn_profile_revenue(who(f, "user_id", "u1"), "EUR", revenue, 2, &orders), 1);
    assert_int_equal(orders, 2);
    assert_int_equal(revenue[0].amount, 2000);
}

static void an_amount_has_its_own_currency(void **state)
{
    struct fixture *f = *state;
    struct kn_profile_revenue revenue[2];
    size_t orders;
    for (unsigned round = 0; round < 2; round++) {
        /* The later event says euros by saying nothing; it may arrive first or last. */
        struct kn_item_order dollars = {.event = KN_ORDER_COMPLETED,
                                        .order_id = KN_STR("o1"),
                                        .has_amount = true,
                                        .amount = 2000,
                                        .currency = "USD"};
        struct kn_item_order home = {.event = KN_ORDER_UPDATED,
                                     .order_id = KN_STR("o1"),
                                     .has_amount = true,
                                     .amount = 3000};
        dollars.order_id = home.order_id = round == 0 ? KN_STR("o1") : KN_STR("o2");
        struct kn_item first = {.order = round == 0 ? dollars : home};
        struct kn_item last = {.order = round == 0 ? home : dollars};
        int64_t now = f->clock.wall_us;
        add_from(f, 1, round == 0 ? "a" : "c", round == 0 ? now - 10 : now, &first);
        add_from(f, 1, round == 0 ? "b" : "d", round == 0 ? now : now - 10, &last);
        send(f);
        assert_int_equal(kn_profile_revenue(who(f, "user_id", "u1"), "EUR", revenue, 2, &orders),
                         1);
        assert_string_equal(revenue[0].currency, "EUR");
        assert_int_equal(revenue[0].amount, 3000 * (round + 1));
    }
}

static void sessions_do_not_depend_on_arrival(void **state)
{
    struct fixture *f = *state;
    int64_t minute = 60 * INT64_C(1000000);
    int64_t base = f->clock.wall_us - 600 * minute;
    static const int order[] = {100, 0, 29, 200, 59, 90, 131};
    struct kn_item visit = {.visit = {.present = true, .channel = KN_STR("direct")}};
    for (size_t i = 0; i < sizeof order / sizeof order[0]; i++) {
        char message[8];
        (void)snprintf(message, sizeof message, "s%zu", i);
        add(f, message, base + order[i] * minute, USER, 1, &visit);
        send(f);
    }
    /* 0 29 59 | 90 100 | 131 | 200: a gap of exactly 30 minutes does not cut. */
    struct kn_profile *p = who(f, "user_id", "u1");
    assert_int_equal(p->session_count, 4);
    assert_int_equal(p->sessions[0].end_us - p->sessions[0].start_us, 59 * minute);
    assert_int_equal(p->sessions[1].end_us - p->sessions[1].start_us, 10 * minute);
    assert_int_equal(p->first_touch.at_us, base);
    assert_int_equal(p->last_touch.at_us, base + 200 * minute);
}

static void dry_runs_change_nothing(void **state)
{
    struct fixture *f = *state;
    struct kn_err err = {0};
    struct kn_profile *a = NULL;
    struct kn_profile *b = NULL;
    struct kn_item_id ids[2] = {{.type = KN_ID_USER_ID, .value = KN_STR("u1")},
                                {.type = KN_ID_ANONYMOUS_ID, .value = KN_STR("a1")}};
    struct kn_settings *s = kn_workspace_settings(f->ws);
    struct kn_item merge = {.kind = KN_ITEM_MERGE,
                            .ids = ids,
                            .id_count = 2,
                            .message_id = KN_STR("dry"),
                            .received_us = f->clock.wall_us};
    add(f, "m1", f->clock.wall_us, ANON, 1, NULL);
    add(f, "m2", f->clock.wall_us, USER, 1, NULL);
    send(f);
    for (size_t i = 0; i < 2; i++) {
        ids[i].hash = kn_hash_tagged(&s->key, ids[i].type, ids[i].value);
    }
    assert_int_equal(kn_read_dry_run(f->ws, &merge, &f->arena, &a, &b, &err), KN_OK);
    assert_int_equal(a->id_count, 2);
    assert_int_not_equal(who(f, "anonymous_id", "a1")->ordinal, who(f, "user_id", "u1")->ordinal);
    add(f, "m3", f->clock.wall_us, BOTH, 2, NULL);
    send(f);
    struct kn_item split = {.kind = KN_ITEM_UNMERGE,
                            .ids = ids,
                            .id_count = 1,
                            .message_id = KN_STR("dry"),
                            .received_us = f->clock.wall_us};
    assert_int_equal(kn_read_dry_run(f->ws, &split, &f->arena, &a, &b, &err), KN_OK);
    assert_int_equal(a->id_count + b->id_count, 2);
    assert_int_equal(who(f, "user_id", "u1")->id_count, 2);
    kn_settings_unref(s);
}

/* ---- settings behind the checkpoint ---- */

/* Stages a source that has one write key, and makes it durable. */
static void stage_source(struct fixture *f, const char *write_key)
{
    char json[200];
    struct kn_err err = {0};
    uint64_t seq;
    bool full;
    bool committed;
    (void)snprintf(json, sizeof json,
                   "{\"number\":1,\"id\":\"a\",\"party\":\"first\",\"write_keys\":[\"%s\"]}",
                   write_key);
    struct kn_item item = {.kind = KN_ITEM_SETTING,
                           .message_id = KN_STR("-"),
                           .name = KN_STR("source/a"),
                           .body = kn_str_c(json)};
    kn_item_encode(&item, &f->items);
    assert_int_equal(
        kn_workspace_stage(f->ws, kn_buf_view(&f->items), 1, KN_FRAME_SETTINGS, &seq, &full, &err),
        KN_OK);
    assert_int_equal(kn_workspace_commit(f->ws, &committed, &err), KN_OK);
    kn_buf_clear(&f->items);
}

/* Applies one frame; false: there was none. */
static bool apply_one(struct fixture *f)
{
    struct kn_err err = {0};
    size_t applied;
    assert_int_equal(kn_workspace_apply(f->ws, 0, &applied, &err), KN_OK);
    return applied == 1;
}

static bool takes_key(struct fixture *f, const char *write_key)
{
    struct kn_settings *s = kn_workspace_settings(f->ws);
    bool takes = kn_settings_source_by_key(s, kn_str_c(write_key)) != NULL;
    kn_settings_unref(s);
    return takes;
}

/* Intake after a restart goes by the newest settings at once, and they never go back while what
 * lies behind the checkpoint is applied. */
static void settings_do_not_wait_for_the_replay(void **state)
{
    struct fixture *f = *state;
    struct kn_position p;
    struct kn_settings *before = kn_workspace_settings(f->ws);
    for (int with_checkpoint = 0; with_checkpoint < 2; with_checkpoint++) {
        stage_source(f, "first");
        while (apply_one(f)) {
        }
        if (with_checkpoint) {
            checkpoint(f);
        }
        add(f, with_checkpoint ? "m2" : "m1", f->clock.wall_us, BOTH, 2, NULL);
        send(f);
        stage_source(f, "second");
        stage_source(f, "third");
        kn_workspace_close(f->ws);
        open_unapplied(f);
        kn_workspace_position(f->ws, &p);
        assert_true(p.applied + 3 <= p.durable);
        assert_true(kn_workspace_ready(f->ws));
        struct kn_settings *s = kn_workspace_settings(f->ws);
        assert_memory_equal(&s->key, &before->key, sizeof s->key);
        kn_settings_unref(s);
        do {
            assert_true(takes_key(f, "third"));
            assert_false(takes_key(f, "second"));
            assert_false(takes_key(f, "first"));
        } while (apply_one(f));
        assert_int_equal(events_of(f, who(f, "user_id", "u1")), with_checkpoint ? 2 : 1);
        stage_source(f, "fourth");
        assert_true(apply_one(f));
        assert_true(takes_key(f, "fourth"));
        assert_false(takes_key(f, "third"));
    }
    kn_settings_unref(before);
}

/* What waits for a checkpoint has a limit: above it nothing is taken, and a checkpoint makes room.
 */
static void refuses_while_too_much_waits_for_a_checkpoint(void **state)
{
    struct fixture *f = *state;
    struct kn_err err = {0};
    struct kn_position p;
    uint64_t seq;
    bool full = true;
    bool committed;
    char message[32];
    checkpoint(f);
    kn_workspace_close(f->ws);
    f->unsaved_max = 32 * 1024;
    open_ws(f);
    unsigned sent = 0;
    for (bool refused = false; !refused; sent++) {
        assert_true(sent < 1000);
        (void)snprintf(message, sizeof message, "m%u", sent);
        add(f, message, f->clock.wall_us, BOTH, 2, NULL);
        enum kn_rc rc = kn_workspace_stage(f->ws, kn_buf_view(&f->items), 1, 0, &seq, &full, &err);
        kn_buf_clear(&f->items);
        refused = rc == KN_E_FULL;
        assert_true(refused || rc == KN_OK);
        assert_int_equal(kn_workspace_commit(f->ws, &committed, &err), KN_OK);
        assert_int_equal(committed, !refused);
        assert_int_equal(apply_one(f), !refused);
    }
    assert_true(sent > 20);
    assert_false(full); /* no matter of the disk: try again */
    kn_workspace_position(f->ws, &p);
    assert_int_equal(p.applied, p.staged);
    checkpoint(f);
    f->count = 0;
    add(f, "after", f->clock.wall_us, BOTH, 2, NULL);
    send(f);
    assert_int_equal(events_of(f, who(f, "user_id", "u1")), sent);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(joins_and_survives_restarts, set_up, tear_down),
        cmocka_unit_test_setup_teardown(keeps_two_known_people_apart, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_shared_device_is_set_aside, set_up, tear_down),
        cmocka_unit_test_setup_teardown(unmerge_restores_both_sides, set_up, tear_down),
        cmocka_unit_test_setup_teardown(unmerge_keeps_what_others_said_of_an_order, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(one_order_is_one_order, set_up, tear_down),
        cmocka_unit_test_setup_teardown(orders_without_an_id_are_their_own, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_amount_has_its_own_currency, set_up, tear_down),
        cmocka_unit_test_setup_teardown(sessions_do_not_depend_on_arrival, set_up, tear_down),
        cmocka_unit_test_setup_teardown(dry_runs_change_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(settings_do_not_wait_for_the_replay, set_up, tear_down),
        cmocka_unit_test_setup_teardown(refuses_while_too_much_waits_for_a_checkpoint, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
