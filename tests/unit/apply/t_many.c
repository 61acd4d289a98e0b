/* As many definitions as a workspace may have. */
#include "live_kit.h"

#include <time.h>

#include "apply/defined.h"

enum { MANY = KN_DEFINED_MAX, PEOPLE = 40, EVENTS = 24, TEXTS = 50 };

static uint64_t processor_us(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

/* Of all kinds: by text, by count in a window, by trait, on another segment, a computed trait. */
static void query_of(unsigned i, char *out, size_t room)
{
    switch (i % 5) {
    case 0:
        (void)snprintf(out, room, "event('E%u').where(property('p') = 't%u').count() >= %u",
                       i % EVENTS, i % TEXTS, 1 + i % 3);
        break;
    case 1:
        (void)snprintf(out, room, "event('E%u').within(%u days).count() >= %u", i % EVENTS,
                       1 + i % 90, 1 + i % 4);
        break;
    case 2: (void)snprintf(out, room, "trait('city') = 'c%u'", i % 100); break;
    case 3:
        (void)snprintf(out, room, "segment('s%u') AND event('E%u').count() >= 1", i - 2,
                       i % EVENTS);
        break;
    default:
        (void)snprintf(out, room, "event('E%u').within(%u days).sum(property('n'))", i % EVENTS,
                       1 + i % 90);
        break;
    }
}

static void key_of(unsigned i, bool full, char *out, size_t room)
{
    bool computed = i % 5 == 4;
    (void)snprintf(out, room, "%s%c%u",
                   !full      ? ""
                   : computed ? "computed/"
                              : "segment/",
                   computed ? 't' : 's', i);
}

static void add_setting(struct kit *k, unsigned i, const char *json)
{
    char key[40];
    key_of(i, true, key, sizeof key);
    kit_add_setting(k, key, json);
}

static void add_definition(struct kit *k, unsigned i)
{
    char query[200];
    char json[256];
    query_of(i, query, sizeof query);
    (void)snprintf(json, sizeof json, "{\"query\":\"%s\"}", query);
    add_setting(k, i, json);
}

/* Of a tenth of them, each in a record of its own. */
static uint64_t time_a_tenth(struct kit *k, unsigned from)
{
    uint64_t begin = processor_us();
    for (unsigned i = from; i < from + MANY / 10; i++) {
        add_definition(k, i);
        kit_send(k, KN_FRAME_SETTINGS);
    }
    return processor_us() - begin;
}

static void define_all(struct kit *k, uint64_t *ret_first, uint64_t *ret_last)
{
    *ret_first = time_a_tenth(k, 0);
    for (unsigned i = MANY / 10; i < MANY - MANY / 10; i++) {
        add_definition(k, i);
        if (i % 100 == 99) {
            kit_send(k, KN_FRAME_SETTINGS);
        }
    }
    *ret_last = time_a_tenth(k, MANY - MANY / 10);
}

static void is_listed_in_pages(struct kit *k)
{
    enum { PAGE = 1000 };
    size_t seen[2] = {0, 0};
    for (int computed = 0; computed < 2; computed++) {
        bool more = true;
        while (more) {
            struct kn_segment_info *all;
            size_t count;
            kn_arena_clear(&k->arena);
            assert_int_equal(kn_segments_list(k->ws, computed == 1, seen[computed], PAGE, &k->arena,
                                              &all, &count, &more),
                             KN_OK);
            assert_true(count > 0 || !more);
            seen[computed] += count;
        }
    }
    assert_int_equal(seen[0], MANY - MANY / 5);
    assert_int_equal(seen[1], MANY / 5);
}

/* What is kept of one person is what the whole history says. */
static void is_right(struct kit *k, unsigned i, uint32_t ordinal)
{
    char key[40];
    char query[200];
    struct kn_segment_member *all;
    size_t count;
    uint32_t next;
    bool truth;
    bool member = false;
    struct kn_err err;
    kn_arena_clear(&k->arena);
    key_of(i, false, key, sizeof key);
    query_of(i, query, sizeof query);
    assert_int_equal(
        kn_segment_members(k->ws, kn_str_c(key), 0, PEOPLE + 1, &k->arena, &all, &count, &next),
        KN_OK);
    for (size_t at = 0; at < count; at++) {
        member = member || all[at].ordinal == ordinal;
    }
    assert_int_equal(kn_segment_truth(k->ws, ordinal, kn_str_c(query), &truth, &err), KN_OK);
    if (member != truth) {
        fail_msg("%s for %u: kept %d, is %d", query, ordinal, member, truth);
    }
}

static void all_are_right(struct kit *k)
{
    unsigned members = 0;
    for (unsigned i = 0; i < MANY; i += 7) {
        if (i % 5 != 4) {
            struct kn_segment_info info;
            char key[40];
            is_right(k, i, 1 + i % PEOPLE);
            key_of(i, false, key, sizeof key);
            assert_int_equal(kn_segment_info(k->ws, kn_str_c(key), &k->arena, &info), KN_OK);
            assert_true(info.ready);
            members += (unsigned)info.size;
        }
    }
    assert_true(members > 0);
}

static void somebody_does_something(struct kit *k, unsigned i)
{
    char who[16];
    char name[8];
    char message[16];
    char body[100];
    char traits[40];
    (void)snprintf(who, sizeof who, "v%u", i % PEOPLE);
    (void)snprintf(name, sizeof name, "E%u", i * 5 % EVENTS);
    (void)snprintf(message, sizeof message, "m%u", i);
    (void)snprintf(body, sizeof body, "{\"properties\":{\"p\":\"t%u\",\"n\":%u}}", i % TEXTS,
                   i % 9);
    (void)snprintf(traits, sizeof traits, "{\"city\":\"c%u\"}", i % 100);
    struct kn_item_id id = {.type = KN_ID_ANONYMOUS_ID, .value = kn_str_c(who)};
    k->clock.wall_us += 3600 * KIT_SECOND;
    struct kn_item item = {
        .kind = KN_ITEM_EVENT,
        .type = i % 3 == 0 ? KN_EVENT_IDENTIFY : KN_EVENT_TRACK,
        .source = 1,
        .event_us = k->clock.wall_us,
        .received_us = k->clock.wall_us,
        .message_id = kn_str_c(message),
        .name = kn_str_c(name),
        .ids = &id,
        .id_count = 1,
        .traits = i % 3 == 0 ? kn_str_c(traits) : KN_STR_EMPTY,
        .body = kn_str_c(body),
    };
    kn_item_encode(&item, &k->items);
    k->count++;
    kit_send(k, 0);
}

static void take_most_away(struct kit *k)
{
    for (unsigned i = 0; i < MANY; i++) {
        if (i % 50 != 1) {
            add_setting(k, i, "");
        }
        if (i % 200 == 199) {
            kit_send(k, KN_FRAME_SETTINGS);
        }
    }
}

static void some_are_right(struct kit *k)
{
    for (unsigned i = 1; i < MANY; i += 50) {
        is_right(k, i, 1 + i % PEOPLE);
    }
}

static void as_many_as_may_be(void **state)
{
    struct kit *k = *state;
    uint64_t first = 0;
    uint64_t last = 0;
    define_all(k, &first, &last);
    /* A tenth of them costs the same at the end as at the beginning, but for noise and what
     * copying a list of their addresses costs. */
    if (last > 5 * first + 100000) {
        fail_msg("the first thousand took %llu us, the last %llu us", (unsigned long long)first,
                 (unsigned long long)last);
    }
    for (unsigned i = 0; i < 400; i++) {
        somebody_does_something(k, i);
    }
    is_listed_in_pages(k);
    all_are_right(k);
    kit_checkpoint(k);
    kit_reopen(k);
    is_listed_in_pages(k);
    all_are_right(k);
    for (unsigned i = 400; i < 500; i++) {
        somebody_does_something(k, i);
    }
    take_most_away(k);
    for (unsigned i = 500; i < 600; i++) {
        somebody_does_something(k, i);
    }
    some_are_right(k);
    kit_reopen(k);
    some_are_right(k);
}

/* With people there, each is built; those that read others after them. */
static void built_one_by_one(void **state)
{
    enum { SOME = 600 };
    struct kit *k = *state;
    for (unsigned i = 0; i < 200; i++) {
        somebody_does_something(k, i);
    }
    for (unsigned i = 0; i < SOME; i++) {
        add_definition(k, i);
        kit_send(k, KN_FRAME_SETTINGS);
        kit_settle(k);
    }
    for (unsigned i = 200; i < 300; i++) {
        somebody_does_something(k, i);
    }
    for (unsigned i = 0; i < SOME; i++) {
        if (i % 5 != 4) {
            is_right(k, i, 1 + i % PEOPLE);
        }
    }
    kit_checkpoint(k);
    kit_reopen(k);
    for (unsigned i = 0; i < SOME; i++) {
        if (i % 5 != 4) {
            is_right(k, i, 1 + i % PEOPLE);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(as_many_as_may_be, kit_set_up, kit_tear_down),
        cmocka_unit_test_setup_teardown(built_one_by_one, kit_set_up, kit_tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
