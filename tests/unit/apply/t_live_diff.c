/* Live evaluation against evaluation anew: random definitions, people, late and future events,
 * lists, merges, splits, time, checkpoints and restarts; whatever happened, membership is what the
 * whole history says.
 *
 *   t_live_diff [first seed [seeds]]
 */
#include "live_kit.h"

#include <stdlib.h>

#include "apply/lists.h"

#include "collect/collect.h"
#include "os/clock.h"
#include "tests/unit/segment/gen.h"

enum { PEOPLE = 5, DEFINITIONS = 8, EVENTS = 14, STEPS = 60, SEEDS = 40 };

static uint64_t first_seed;
static uint64_t seed_count = SEEDS;
static uint64_t members_seen, checks_done;

struct world {
    struct kit *k;
    struct gen g;
    struct kn_arena arena;
    struct history people[PEOPLE];
    uint32_t sent[PEOPLE]; /* by arrival */
    struct kn_str definitions[DEFINITIONS];
    char keys[DEFINITIONS][16];
    bool defined[DEFINITIONS];
    uint64_t list, lists; /* the first definition is this list; made so far */
    bool listed[PEOPLE];  /* by their first identifier */
    uint64_t members, checks;
    struct kn_collect *collect;
    uint64_t seed;
};

static void who_is(uint32_t person, char text[16])
{
    (void)snprintf(text, 16, "person-%u", person);
}

/* ---- what happens ---- */

static const struct history_event *next_event(struct world *w, uint32_t person)
{
    struct history *h = &w->people[person];
    for (uint32_t i = 0; i < h->event_count; i++) {
        if (h->events[i].arrival == w->sent[person] + 1) {
            w->sent[person]++;
            return &h->events[i];
        }
    }
    return NULL;
}

static void put_message(struct world *w, uint32_t person, const struct history_event *event,
                        struct kn_buf *out)
{
    char who[16];
    who_is(person, who);
    kn_buf_printf(out, "{\"type\":\"%s\",\"messageId\":\"p%u-%u\"", event ? "track" : "identify",
                  person, ++w->k->messages);
    kn_json_out_kv(out, "anonymousId", kn_str_c(who));
    if (!event) {
        kn_json_out_ktime(out, "timestamp", w->k->clock.wall_us);
        kn_json_out_key(out, "traits");
        history_json_put(&w->people[person].traits, out);
        kn_buf_c(out, "}");
        return;
    }
    kn_json_out_kv(out, "event", event->name);
    kn_json_out_ktime(out, "timestamp", event->us);
    kn_json_out_key(out, "properties");
    history_json_put(&event->properties, out);
    kn_json_out_key(out, "context");
    history_json_put(&event->context, out);
    kn_buf_c(out, "}");
}

static void add_message(struct world *w, uint32_t person, const struct history_event *event)
{
    struct kn_buf json;
    struct kn_err err = {0};
    uint32_t items = 0;
    const char *rejected = NULL;
    struct kn_settings *settings = kn_workspace_settings(w->k->ws);
    kn_buf_init(&json, 1 << 20);
    put_message(w, person, event, &json);
    size_t len = json.len;
    assert_non_null(kn_buf_reserve(&json, KN_JSON_PADDING));
    memset(json.p + len, 0, KN_JSON_PADDING);
    struct kn_collect_message_options options = {
        .settings = settings,
        .source = kn_settings_source(settings, event ? event->source : 1),
        .received_us = w->k->clock.wall_us,
        .historic = true,
    };
    if (kn_collect_message(w->collect, kn_random_posix(), &options, kn_str(json.p, len),
                           &w->k->items, &items, &rejected, &err) != KN_OK) {
        fail_msg("collect: %s", err.text);
    }
    w->k->count += items;
    kn_buf_deinit(&json);
    kn_settings_unref(settings);
}

static void send_events(struct world *w)
{
    uint32_t count = 1 + (uint32_t)kn_rand_below(&w->g.rand, 4);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t person = (uint32_t)kn_rand_below(&w->g.rand, PEOPLE);
        const struct history_event *event = next_event(w, person);
        if (event) {
            add_message(w, person, event);
        }
    }
    if (kn_rand_chance(&w->g.rand, 1, 5)) {
        add_message(w, (uint32_t)kn_rand_below(&w->g.rand, PEOPLE), NULL);
    }
    if (w->k->count > 0) {
        kit_send(w->k, 0);
    }
}

static void add_item(struct world *w, struct kn_item *item)
{
    item->event_us = item->received_us = w->k->clock.wall_us;
    item->message_id = KN_STR("by-hand");
    kn_item_encode(item, &w->k->items);
    assert_int_equal(w->k->items.rc, KN_OK);
    w->k->count++;
    kit_send(w->k, 0);
}

static void give_consent(struct world *w)
{
    char who[16];
    who_is((uint32_t)kn_rand_below(&w->g.rand, PEOPLE), who);
    struct kn_item_id id = {.type = KN_ID_ANONYMOUS_ID, .value = kn_str_c(who)};
    struct kn_item_consent consent = {
        .purpose = kn_str_c(gen_purposes[kn_rand_below(&w->g.rand, 3)]),
        .state = kn_rand_chance(&w->g.rand, 1, 2) ? KN_CONSENT_GRANTED : KN_CONSENT_DENIED,
        .basis = KN_STR("consent"),
    };
    struct kn_item item = {.kind = KN_ITEM_CONSENT,
                           .ids = &id,
                           .id_count = 1,
                           .consents = &consent,
                           .consent_count = 1};
    add_item(w, &item);
}

static void join_or_split(struct world *w)
{
    char a[16];
    char b[16];
    bool join = kn_rand_chance(&w->g.rand, 1, 2);
    who_is((uint32_t)kn_rand_below(&w->g.rand, PEOPLE), a);
    who_is((uint32_t)kn_rand_below(&w->g.rand, PEOPLE), b);
    struct kn_item_id ids[2] = {{.type = KN_ID_ANONYMOUS_ID, .value = kn_str_c(a)},
                                {.type = KN_ID_ANONYMOUS_ID, .value = kn_str_c(b)}};
    struct kn_item item = {.kind = join ? KN_ITEM_MERGE : KN_ITEM_UNMERGE,
                           .ids = ids,
                           .id_count = join && strcmp(a, b) != 0 ? 2 : 1,
                           .body = KN_STR("{}")};
    add_item(w, &item);
}

/* The first definition becomes a new list, which the others may read. */
static void define_list(struct world *w)
{
    char json[64];
    w->list = ++w->lists;
    w->defined[0] = true;
    memset(w->listed, 0, sizeof w->listed);
    (void)snprintf(json, sizeof json, "{\"list\":%llu}", (unsigned long long)w->list);
    kit_setting(w->k, "segment/seg0", json);
}

static bool is_same(struct world *w, uint32_t a, uint32_t b)
{
    char who[16];
    who_is(a, who);
    const struct kn_profile *p = kit_who(w->k, who);
    who_is(b, who);
    const struct kn_profile *q = kit_who(w->k, who);
    return p && q && p->ordinal == q->ordinal;
}

static void change_list(struct world *w)
{
    struct kn_buf body;
    char who[16];
    uint32_t person = (uint32_t)kn_rand_below(&w->g.rand, PEOPLE);
    bool adds = kn_rand_chance(&w->g.rand, 2, 3);
    who_is(person, who);
    struct kn_list_row row = {.type = KN_STR("anonymous_id"), .value = kn_str_c(who)};
    assert_int_equal(kn_list_match(w->k->ws, &row, 1, &w->k->arena), KN_OK);
    if (w->list == 0 || row.outcome != KN_LIST_MATCHED) {
        return;
    }
    for (uint32_t i = 0; i < PEOPLE; i++) {
        w->listed[i] =
            i == person && adds ? true : w->listed[i] && (adds || !is_same(w, i, person));
    }
    kn_buf_init(&body, 1 << 10);
    kn_list_body_begin(adds ? KN_LIST_ADD : KN_LIST_REMOVE, w->list, &body);
    kn_list_body_add(row.hash, &body);
    struct kn_item item = {
        .kind = KN_ITEM_LIST, .name = KN_STR("seg0"), .body = kn_buf_view(&body)};
    add_item(w, &item);
    kn_buf_deinit(&body);
}

static bool is_listed(struct world *w, uint32_t person)
{
    bool listed = false;
    for (uint32_t i = 0; i < PEOPLE; i++) {
        listed = listed || (w->listed[i] && is_same(w, i, person));
    }
    return listed;
}

static void define(struct world *w)
{
    uint32_t at = (uint32_t)kn_rand_below(&w->g.rand, DEFINITIONS);
    char key[32];
    if (at >= 2 && (!w->defined[0] || !w->defined[1])) {
        at = w->defined[0] ? 1 : 0;
    }
    if (at == 0 && kn_rand_chance(&w->g.rand, 1, 2)) {
        define_list(w);
        return;
    }
    w->list = at == 0 ? 0 : w->list;
    w->g.what = at < 2 ? GEN_ALL & ~GEN_SEGMENTS : GEN_ALL;
    w->definitions[at] = gen_segment(&w->g);
    w->defined[at] = true;
    (void)snprintf(key, sizeof key, "segment/%s", w->keys[at]);
    kit_define(w->k, key, w->definitions[at].p);
}

static void pass_time(struct world *w)
{
    static const int64_t steps[] = {1, 60, 3600, 86400, 7 * 86400, 31 * 86400};
    w->k->clock.wall_us +=
        steps[kn_rand_below(&w->g.rand, 6)] * kn_rand_between(&w->g.rand, 1, 3) * KIT_SECOND;
    if (kn_rand_chance(&w->g.rand, 1, 2)) {
        kit_tick(w->k);
    }
}

static void build_some(struct world *w)
{
    struct kn_err err = {0};
    bool more;
    bool staged;
    assert_int_equal(kn_workspace_build_step(w->k->ws, &more, &staged, &err), KN_OK);
}

/* ---- what must hold ---- */

static void check_size(struct world *w, uint32_t at, const struct kn_segment_info *info)
{
    struct kn_segment_member *members;
    size_t count;
    uint32_t next;
    assert_int_equal(
        kn_segment_members(w->k->ws, info->key, 0, 100, &w->k->arena, &members, &count, &next),
        KN_OK);
    if (count != info->size) {
        fail_msg("seed %llu: %s has %zu members, but its size is %llu", (unsigned long long)w->seed,
                 w->keys[at], count, (unsigned long long)info->size);
    }
}

static void check(struct world *w)
{
    char who[16];
    struct kn_err err = {0};
    for (uint32_t at = 0; at < DEFINITIONS; at++) {
        struct kn_segment_info info;
        if (!w->defined[at]) {
            continue;
        }
        assert_int_equal(kn_segment_info(w->k->ws, kn_str_c(w->keys[at]), &w->k->arena, &info),
                         KN_OK);
        check_size(w, at, &info);
        for (uint32_t i = 0; i < PEOPLE && info.ready; i++) {
            bool truth = at == 0 && w->list != 0 && is_listed(w, i);
            who_is(i, who);
            struct kn_profile *p = kit_who(w->k, who);
            if (!p) {
                continue;
            }
            if ((at != 0 || w->list == 0) &&
                kn_segment_truth(w->k->ws, p->ordinal, w->definitions[at], &truth, &err) != KN_OK) {
                fail_msg("truth: %s", err.text);
            }
            w->checks++;
            w->members += truth ? 1 : 0;
            if (kit_in(w->k, who, w->keys[at]) != truth) {
                fail_msg(
                    "seed %llu: %s is %s in %s: %.*s", (unsigned long long)w->seed, who,
                    truth ? "not" : "wrongly", w->keys[at],
                    KN_STR_ARG(at == 0 && w->list != 0 ? KN_STR("a list") : w->definitions[at]));
            }
        }
    }
    kn_arena_clear(&w->k->arena);
}

static void step(struct world *w)
{
    switch (kn_rand_below(&w->g.rand, 18)) {
    case 16:
    case 17: change_list(w); break;
    case 0:
    case 1: define(w); break;
    case 2: join_or_split(w); break;
    case 3: give_consent(w); break;
    case 4:
    case 5:
    case 6: pass_time(w); break;
    case 7: kit_checkpoint(w->k); break;
    case 8: kit_reopen(w->k); break;
    case 9: build_some(w); break;
    case 10: kit_settle(w->k); break;
    default: send_events(w); break;
    }
}

static void live_over(struct kit *k, uint64_t seed)
{
    struct world *w = calloc(1, sizeof *w);
    w->k = k;
    w->seed = seed;
    kn_arena_init(&w->arena, 256 << 20);
    gen_start(&w->g, seed, &w->arena);
    w->collect = kn_collect_new();
    assert_non_null(w->collect);
    for (int i = 1; i <= GEN_SOURCE_COUNT; i++) {
        char key[32];
        char json[128];
        (void)snprintf(key, sizeof key, "source/src_%d", i);
        (void)snprintf(json, sizeof json,
                       "{\"number\":%d,\"name\":\"s%d\",\"kind\":\"server\",\"write_keys\":[]}", i,
                       i);
        kit_setting(k, key, json);
    }
    for (uint32_t i = 0; i < PEOPLE; i++) {
        gen_history(&w->g, EVENTS, &w->people[i]);
    }
    for (uint32_t i = 0; i < DEFINITIONS; i++) {
        (void)snprintf(w->keys[i], sizeof w->keys[i], "seg%u", i);
    }
    for (int i = 0; i < STEPS; i++) {
        step(w);
        check(w);
    }
    kit_settle(k);
    check(w);
    members_seen += w->members;
    checks_done += w->checks;
    kn_collect_free(w->collect);
    kn_arena_deinit(&w->arena);
    free(w);
}

static void agrees_with_evaluation_anew(void **state)
{
    (void)state;
    uint64_t seed =
        first_seed ? first_seed : (uint64_t)kn_clock_wall_us(kn_clock_posix()) % 1000000;
    print_message("seeds %llu and on\n", (unsigned long long)seed);
    for (uint64_t i = 0; i < seed_count; i++) {
        void *kit;
        struct kn_arena arena;
        struct gen g;
        assert_int_equal(kit_prepare(&kit), 0);
        kn_arena_init(&arena, 1 << 20);
        gen_start(&g, seed + i, &arena);
        struct kit *k = kit;
        k->clock.wall_us = g.base_us - 40 * KIT_DAY;
        kit_open(k);
        live_over(k, seed + i);
        kn_arena_deinit(&arena);
        kit_tear_down(&kit);
    }
    print_message("%llu checks, %llu memberships\n", (unsigned long long)checks_done,
                  (unsigned long long)members_seen);
    assert_true(members_seen > 0);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(agrees_with_evaluation_anew)};
    first_seed = argc > 1 ? strtoull(argv[1], NULL, 10) : 0;
    seed_count = argc > 2 ? strtoull(argv[2], NULL, 10) : SEEDS;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
