/* Items: encode and decode are exact inverses, limits hold, and decode is total. */
#include <inttypes.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/rand.h"
#include "cm.h"
#include "format/item.h"

static uint64_t seed(void)
{
    const char *text = getenv("KERN_TEST_SEED");
    uint64_t value = 20261123;
    (void)kn_str_u64(kn_str_c(text), &value);
    print_message("seed %" PRIu64 "\n", value);
    return value;
}

struct pool {
    struct kn_rand r;
    struct kn_item_id ids[KN_ITEM_IDS_MAX];
    struct kn_item_consent consents[KN_ITEM_CONSENTS_MAX];
    char bytes[70000];
};

/* Some bytes of the pool, at least `least`; mostly few. */
static struct kn_str text(struct pool *p, uint64_t least, uint64_t most)
{
    uint64_t len = kn_rand_chance(&p->r, 1, 8) ? kn_rand_below(&p->r, most + 1)
                                               : kn_rand_below(&p->r, most < 9 ? most + 1 : 9);
    len = len < least ? least : len;
    return kn_str(p->bytes + kn_rand_below(&p->r, sizeof p->bytes - len), (size_t)len);
}

static int64_t number(struct pool *p)
{
    return (int64_t)(kn_rand_u64(&p->r) >> kn_rand_below(&p->r, 64)) *
           (kn_rand_chance(&p->r, 1, 2) ? 1 : -1);
}

static bool coin(struct pool *p)
{
    return kn_rand_chance(&p->r, 1, 2);
}

static struct kn_item random_item(struct pool *p)
{
    struct kn_item item = {
        .kind = (enum kn_item_kind)kn_rand_between(&p->r, KN_ITEM_EVENT, KN_ITEM_GENESIS),
        .type = (enum kn_event_type)kn_rand_between(&p->r, KN_EVENT_NONE, KN_EVENT_ALIAS),
        .flags = (uint32_t)number(p),
        .source = (uint32_t)number(p),
        .event_us = number(p),
        .received_us = number(p),
        .message_id = text(p, 0, 100),
        .name = text(p, 0, 300),
        .traits = text(p, 0, 300),
        .body = text(p, 0, 66000),
        .ids = p->ids,
        .consents = p->consents,
    };
    item.id_count = (size_t)kn_rand_below(&p->r, coin(p) ? 4 : KN_ITEM_IDS_MAX + 1);
    for (size_t i = 0; i < item.id_count; i++) {
        p->ids[i].type = (uint16_t)kn_rand_between(&p->r, 1, KN_ID_CUSTOM);
        p->ids[i].value = text(p, 1, KN_ITEM_ID_VALUE_MAX);
    }
    if (coin(p)) {
        item.order.event = (enum kn_order_event)kn_rand_between(&p->r, 1, KN_ORDER_CANCELLED);
        item.order.order_id = text(p, 0, 40);
        item.order.has_amount = coin(p);
        item.order.amount = item.order.has_amount ? number(p) : 0;
        memcpy(item.order.currency, coin(p) ? "EUR" : "\0\0\0", 4);
    }
    item.visit.present = coin(p);
    if (item.visit.present) {
        item.visit = (struct kn_item_visit){
            true,           text(p, 0, 20), text(p, 0, 20), text(p, 0, 20), text(p, 0, 20),
            text(p, 0, 20), text(p, 0, 20), text(p, 0, 20), text(p, 0, 20), text(p, 0, 200)};
    }
    if (coin(p)) {
        item.device = (struct kn_item_device){true, text(p, 0, 20), text(p, 0, 20), text(p, 0, 20),
                                              text(p, 0, 2)};
    }
    item.consent_count = (size_t)kn_rand_below(&p->r, coin(p) ? 3 : KN_ITEM_CONSENTS_MAX + 1);
    for (size_t i = 0; i < item.consent_count; i++) {
        p->consents[i] =
            (struct kn_item_consent){text(p, 1, 30), (enum kn_consent_state)kn_rand_below(&p->r, 4),
                                     text(p, 0, 20), text(p, 0, 20), number(p)};
    }
    return item;
}

static void same_text(struct kn_str a, struct kn_str b)
{
    assert_true(kn_str_eq(a, b));
}

static void same_visit(const struct kn_item_visit *a, const struct kn_item_visit *b)
{
    assert_int_equal(a->present, b->present);
    same_text(a->channel, b->channel);
    same_text(a->source, b->source);
    same_text(a->medium, b->medium);
    same_text(a->campaign, b->campaign);
    same_text(a->term, b->term);
    same_text(a->content, b->content);
    same_text(a->referrer, b->referrer);
    same_text(a->click_id, b->click_id);
    same_text(a->landing_page, b->landing_page);
}

static void same(const struct kn_item *a, const struct kn_item *b)
{
    assert_int_equal(a->kind, b->kind);
    assert_int_equal(a->type, b->type);
    assert_int_equal(a->flags, b->flags);
    assert_int_equal(a->source, b->source);
    assert_true(a->event_us == b->event_us && a->received_us == b->received_us);
    same_text(a->message_id, b->message_id);
    same_text(a->name, b->name);
    same_text(a->traits, b->traits);
    same_text(a->body, b->body);
    assert_int_equal(a->id_count, b->id_count);
    for (size_t i = 0; i < a->id_count; i++) {
        assert_int_equal(a->ids[i].type, b->ids[i].type);
        same_text(a->ids[i].value, b->ids[i].value);
    }
    assert_int_equal(a->order.event, b->order.event);
    same_text(a->order.order_id, b->order.order_id);
    assert_int_equal(a->order.has_amount, b->order.has_amount);
    assert_true(a->order.amount == b->order.amount);
    assert_string_equal(a->order.currency, b->order.currency);
    same_visit(&a->visit, &b->visit);
    assert_int_equal(a->device.present, b->device.present);
    same_text(a->device.device, b->device.device);
    same_text(a->device.browser, b->device.browser);
    same_text(a->device.platform, b->device.platform);
    same_text(a->device.country, b->device.country);
    assert_int_equal(a->consent_count, b->consent_count);
    for (size_t i = 0; i < a->consent_count; i++) {
        same_text(a->consents[i].purpose, b->consents[i].purpose);
        assert_int_equal(a->consents[i].state, b->consents[i].state);
        same_text(a->consents[i].basis, b->consents[i].basis);
        same_text(a->consents[i].text_version, b->consents[i].text_version);
        assert_true(a->consents[i].at_us == b->consents[i].at_us);
    }
}

static struct pool *new_pool(uint64_t salt)
{
    struct pool *p = calloc(1, sizeof *p);
    assert_non_null(p);
    p->r = kn_rand_seed(seed() + salt);
    for (size_t i = 0; i < sizeof p->bytes; i++) {
        p->bytes[i] = (char)kn_rand_u64(&p->r);
    }
    return p;
}

static void there_and_back(void **state)
{
    struct pool *p = new_pool(0);
    struct kn_hash_key key = kn_hash_key_from(KN_STR("seed"));
    struct kn_arena arena;
    struct kn_buf out;
    struct kn_buf again;
    (void)state;
    kn_arena_init(&arena, 1 << 20);
    kn_buf_init(&out, 1 << 20);
    kn_buf_init(&again, 1 << 20);
    for (int round = 0; round < 5000; round++) {
        struct kn_item item = random_item(p);
        struct kn_item back;
        kn_buf_clear(&out);
        kn_buf_clear(&again);
        kn_arena_clear(&arena);
        kn_buf_c(&out, "before");
        kn_item_encode(&item, &out);
        assert_int_equal(out.rc, KN_OK);
        size_t len = out.len - 6;
        kn_buf_c(&out, "behind");
        struct kn_cursor c = kn_cursor(kn_str(out.p + 6, out.len - 6));
        assert_int_equal(kn_item_decode(&c, &key, &arena, &back, NULL), KN_OK);
        assert_ptr_equal(c.p, out.p + 6 + len);
        same(&item, &back);
        for (size_t i = 0; i < back.id_count; i++) {
            struct kn_h128 hash = kn_hash_tagged(&key, back.ids[i].type, back.ids[i].value);
            assert_true(kn_h128_eq(hash, back.ids[i].hash));
        }
        c = kn_cursor(kn_str(out.p + 6, out.len - 6));
        same_text(kn_item_skip(&c), kn_str(out.p + 6, len));
        same_text(kn_take_bytes(&c, 6), KN_STR("behind"));
        kn_item_encode(&back, &again);
        same_text(kn_buf_view(&again), kn_str(out.p + 6, len));
    }
    kn_buf_deinit(&out);
    kn_buf_deinit(&again);
    kn_arena_deinit(&arena);
    free(p);
}

/* Damaged bytes: either refused, or exactly what encode writes for the item they give. */
static void damage(void **state)
{
    struct pool *p = new_pool(1);
    struct kn_hash_key key = kn_hash_key_from(KN_STR("seed"));
    struct kn_arena arena;
    struct kn_buf out;
    struct kn_buf again;
    size_t accepted = 0;
    size_t refused = 0;
    (void)state;
    kn_arena_init(&arena, 1 << 20);
    kn_buf_init(&out, 1 << 20);
    kn_buf_init(&again, 1 << 20);
    for (int round = 0; round < 30000; round++) {
        struct kn_item item = random_item(p);
        struct kn_item back;
        struct kn_err err = {0};
        item.body.len = item.body.len > 50 ? 50 : item.body.len;
        kn_buf_clear(&out);
        kn_item_encode(&item, &out);
        size_t at = (size_t)kn_rand_below(&p->r, out.len < 80 ? out.len : 80);
        out.p[at] = (char)(out.p[at] ^ (char)(1U << kn_rand_below(&p->r, 8)));
        char *exact = malloc(out.len); /* so that a read past the end is seen */
        assert_non_null(exact);
        memcpy(exact, out.p, out.len);
        struct kn_cursor c = kn_cursor(kn_str(exact, out.len));
        kn_arena_clear(&arena);
        if (kn_item_decode(&c, &key, &arena, &back, &err) == KN_OK) {
            accepted++;
            kn_buf_clear(&again);
            kn_item_encode(&back, &again);
            same_text(kn_buf_view(&again), kn_str(exact, (size_t)((const char *)c.p - exact)));
        } else {
            refused++;
            assert_int_equal(err.code, KN_E_CORRUPT);
        }
        free(exact);
    }
    assert_true(accepted > 1000 && refused > 1000);
    kn_buf_deinit(&out);
    kn_buf_deinit(&again);
    kn_arena_deinit(&arena);
    free(p);
}

static void cut_short(void **state)
{
    struct pool *p = new_pool(2);
    struct kn_hash_key key = kn_hash_key_from(KN_STR("seed"));
    struct kn_arena arena;
    struct kn_buf out;
    (void)state;
    kn_arena_init(&arena, 1 << 20);
    kn_buf_init(&out, 1 << 20);
    for (int round = 0; round < 50; round++) {
        struct kn_item item = random_item(p);
        struct kn_item back;
        item.body.len = item.body.len > 200 ? 200 : item.body.len;
        kn_buf_clear(&out);
        kn_item_encode(&item, &out);
        for (size_t len = 0; len < out.len; len += 1 + len / 50) {
            struct kn_cursor c = kn_cursor(kn_str(out.p, len));
            assert_int_equal(kn_item_decode(&c, &key, &arena, &back, NULL), KN_E_CORRUPT);
            c = kn_cursor(kn_str(out.p, len));
            assert_int_equal(kn_item_skip(&c).len, 0);
            assert_true(c.bad);
            kn_arena_clear(&arena);
        }
    }
    kn_buf_deinit(&out);
    kn_arena_deinit(&arena);
    free(p);
}

static void limits(void **state)
{
    char long_text[300];
    struct kn_item_id ids[KN_ITEM_IDS_MAX + 1];
    struct kn_item_consent consents[KN_ITEM_CONSENTS_MAX + 1];
    (void)state;
    memset(long_text, 'x', sizeof long_text);
    for (size_t i = 0; i <= KN_ITEM_IDS_MAX; i++) {
        ids[i] = (struct kn_item_id){.type = KN_ID_EMAIL, .value = KN_STR("a@b")};
    }
    for (size_t i = 0; i <= KN_ITEM_CONSENTS_MAX; i++) {
        consents[i] = (struct kn_item_consent){.purpose = KN_STR("*")};
    }
    struct kn_item_id long_id = {.type = KN_ID_EMAIL, .value = kn_str(long_text, 256)};
    struct kn_item_id empty_id = {.type = KN_ID_EMAIL};
    struct kn_item_id no_type = {.value = KN_STR("x")};
    struct kn_item_id far_type = {.type = KN_ID_CUSTOM + 1, .value = KN_STR("x")};
    struct kn_item good = {.kind = KN_ITEM_EVENT, .ids = ids, .consents = consents};
    struct kn_item bad[10];
    for (size_t i = 0; i < 10; i++) {
        bad[i] = good;
    }
    bad[0].kind = (enum kn_item_kind)0;
    bad[1].message_id = kn_str(long_text, 101);
    bad[2].id_count = KN_ITEM_IDS_MAX + 1;
    bad[3].consent_count = KN_ITEM_CONSENTS_MAX + 1;
    bad[4] = (struct kn_item){.kind = KN_ITEM_EVENT, .ids = &long_id, .id_count = 1};
    bad[5] = (struct kn_item){.kind = KN_ITEM_EVENT, .ids = &empty_id, .id_count = 1};
    bad[6] = (struct kn_item){.kind = KN_ITEM_EVENT, .ids = &no_type, .id_count = 1};
    bad[7] = (struct kn_item){.kind = KN_ITEM_EVENT, .ids = &far_type, .id_count = 1};
    bad[8].body = kn_str(long_text, 33U << 20); /* refused before it is read */
    bad[9].body = kn_str(long_text, SIZE_MAX - 8);
    struct kn_buf out;
    kn_buf_init(&out, SIZE_MAX / 2);
    for (size_t i = 0; i < 10; i++) {
        kn_buf_clear(&out);
        kn_item_encode(&bad[i], &out);
        assert_int_equal(out.rc, KN_E_LIMIT);
        assert_int_equal(out.len, 0);
    }
    kn_buf_clear(&out);
    good.id_count = KN_ITEM_IDS_MAX;
    good.consent_count = KN_ITEM_CONSENTS_MAX;
    good.message_id = kn_str(long_text, 100);
    kn_item_encode(&good, &out);
    assert_int_equal(out.rc, KN_OK);
    kn_buf_deinit(&out);
}

static void out_of_memory(void **state)
{
    struct kn_item_id id = {.type = KN_ID_EMAIL, .value = KN_STR("a@b")};
    struct kn_item item = {.kind = KN_ITEM_EVENT, .ids = &id, .id_count = 1};
    struct kn_item back;
    struct kn_hash_key key = kn_hash_key_from(KN_STR("seed"));
    struct kn_arena arena;
    struct kn_buf out;
    (void)state;
    kn_arena_init(&arena, 8);
    kn_buf_init(&out, 4096);
    kn_item_encode(&item, &out);
    struct kn_cursor c = kn_cursor(kn_buf_view(&out));
    assert_int_equal(kn_item_decode(&c, &key, &arena, &back, NULL), KN_E_NOMEM);
    kn_buf_deinit(&out);
    kn_mem_fail_after(0);
    kn_item_encode(&item, &out);
    kn_mem_fail_after(UINT64_MAX);
    assert_int_equal(out.rc, KN_E_NOMEM);
    kn_buf_deinit(&out);
    kn_arena_deinit(&arena);
}

/* The bytes themselves, so that a change of the format is seen. */
static void golden(void **state)
{
    struct kn_item_id id = {.type = KN_ID_EMAIL, .value = KN_STR("a@b")};
    struct kn_item item = {.kind = KN_ITEM_EVENT,
                           .type = KN_EVENT_TRACK,
                           .flags = KN_ITEM_SERVER,
                           .source = 3,
                           .event_us = 1000,
                           .received_us = 1001,
                           .message_id = KN_STR("m1"),
                           .name = KN_STR("Buy"),
                           .ids = &id,
                           .id_count = 1,
                           .order = {KN_ORDER_COMPLETED, KN_STR("o"), true, 1250, "EUR"},
                           .body = KN_STR("{}")};
    static const char want[] = "\x22\x01\x01\x01\x8b\x01\x03\xd0\x0f\x02\x02m1\x03"
                               "Buy\x01\x02\x03"
                               "a@b\x03\x01o\xc4\x13\x03"
                               "EUR\x02{}";
    struct kn_buf out;
    (void)state;
    kn_buf_init(&out, 4096);
    kn_item_encode(&item, &out);
    assert_int_equal(out.len, sizeof want - 1);
    assert_memory_equal(out.p, want, sizeof want - 1);
    kn_buf_deinit(&out);
}

static void names(void **state)
{
    (void)state;
    for (unsigned i = 1; i < KN_ID_BUILTIN_COUNT; i++) {
        assert_non_null(kn_id_type_name(i));
        assert_int_equal(kn_id_type_number(kn_str_c(kn_id_type_name(i))), i);
    }
    assert_null(kn_id_type_name(0));
    assert_null(kn_id_type_name(KN_ID_BUILTIN_COUNT));
    assert_null(kn_id_type_name(KN_ID_CUSTOM));
    assert_int_equal(kn_id_type_number(KN_STR("loyalty")), 0);
    assert_int_equal(kn_id_type_number(KN_STR_EMPTY), 0);
    assert_string_equal(kn_event_type_name(KN_EVENT_TRACK), "track");
    assert_string_equal(kn_event_type_name(KN_EVENT_ALIAS), "alias");
    assert_string_equal(kn_event_type_name(KN_EVENT_NONE), "");
}

/* Whatever length an item has, a void one takes exactly its place. */
static void void_items_fit(void **state)
{
    (void)state;
    static char text[20000];
    struct kn_buf b;
    struct kn_arena arena;
    kn_buf_init(&b, 1 << 20);
    kn_arena_init(&arena, 1 << 20);
    memset(text, 'x', sizeof text);
    for (size_t len = 0; len < sizeof text; len += len < 600 || len > 16200 ? 1 : 97) {
        struct kn_item item = {.kind = KN_ITEM_EVENT, .body = kn_str(text, len)};
        struct kn_item got;
        kn_buf_clear(&b);
        kn_arena_clear(&arena);
        kn_item_encode(&item, &b);
        assert_int_equal(b.rc, KN_OK);
        kn_item_void(b.p, b.len);
        struct kn_cursor c = kn_cursor(kn_buf_view(&b));
        assert_int_equal(kn_item_decode(&c, NULL, &arena, &got, NULL), KN_OK);
        assert_ptr_equal(c.p, c.end);
        assert_int_equal(got.kind, KN_ITEM_VOID);
        assert_null(memmem(b.p, b.len, "xx", 2)); /* one may be a length */
    }
    kn_arena_deinit(&arena);
    kn_buf_deinit(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(void_items_fit), cmocka_unit_test(there_and_back),
        cmocka_unit_test(damage),         cmocka_unit_test(cut_short),
        cmocka_unit_test(limits),         cmocka_unit_test(golden),
        cmocka_unit_test(out_of_memory),  cmocka_unit_test(names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
