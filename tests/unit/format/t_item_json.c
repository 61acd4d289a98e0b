/* Items as JSON lines: what is written reads back as the same bytes; wrong lines say what is wrong.
 */
#include <stdlib.h>

#include "base/mem.h"
#include "base/rand.h"
#include "cm.h"
#include "format/item_json.h"

struct pool {
    struct kn_rand r;
    struct kn_arena arena;
};

/* Letters of one to four bytes, quotes, controls and markup. */
static struct kn_str text(struct pool *p, uint64_t least, uint64_t most)
{
    static const char *const parts[] = {"a",    "Z", "0", "\"", "\\", "\n",
                                        "\x01", "<", "é", "€",  "😀",  " "};
    struct kn_buf b;
    kn_buf_init(&b, 4096);
    uint64_t count = least + kn_rand_below(&p->r, most - least + 1);
    for (uint64_t i = 0; i < count; i++) {
        kn_buf_c(&b, parts[kn_rand_below(&p->r, 12)]);
    }
    struct kn_str kept = kn_arena_str(&p->arena, kn_buf_view(&b));
    kn_buf_deinit(&b);
    return kept;
}

static bool coin(struct pool *p)
{
    return kn_rand_chance(&p->r, 1, 2);
}

static int64_t moment(struct pool *p)
{
    return kn_rand_between(&p->r, INT64_C(-2000000000000000), INT64_C(7000000000000000));
}

static void some_lists(struct pool *p, struct kn_item *item)
{
    static const uint16_t types[] = {KN_ID_USER_ID, KN_ID_EMAIL, KN_ID_BRAZE_ID,
                                     KN_ID_ANONYMOUS_ID};
    item->id_count = (size_t)kn_rand_below(&p->r, 6);
    item->ids = kn_arena_zero(&p->arena, item->id_count + 1, sizeof *item->ids);
    for (size_t i = 0; i < item->id_count; i++) {
        bool custom = coin(p);
        item->ids[i].type = custom ? KN_ID_CUSTOM : types[kn_rand_below(&p->r, 4)];
        item->ids[i].value = custom ? KN_STR("shopify_id:S:77") : text(p, 1, 20);
    }
    item->consent_count = (size_t)kn_rand_below(&p->r, 4);
    item->consents = kn_arena_zero(&p->arena, item->consent_count + 1, sizeof *item->consents);
    for (size_t i = 0; i < item->consent_count; i++) {
        item->consents[i] =
            (struct kn_item_consent){text(p, 1, 9), (enum kn_consent_state)kn_rand_below(&p->r, 4),
                                     text(p, 0, 9), text(p, 0, 9), coin(p) ? moment(p) : 0};
    }
}

static struct kn_item random_item(struct pool *p)
{
    static const enum kn_item_kind kinds[] = {KN_ITEM_EVENT, KN_ITEM_CONSENT, KN_ITEM_MERGE,
                                              KN_ITEM_UNMERGE, KN_ITEM_NOTE};
    struct kn_item item = {
        .kind = kinds[kn_rand_below(&p->r, 5)],
        .flags = (uint32_t)kn_rand_below(&p->r, 8),
        .event_us = moment(p),
        .received_us = moment(p),
        .message_id = text(p, 0, 20),
        .name = text(p, 0, 30),
        .traits = coin(p) ? KN_STR("{\"a\":12345678901234567890.10,\"b\":null}") : KN_STR_EMPTY,
        .body =
            coin(p) ? KN_STR("{ \"properties\" : {\"x\":[1,{\"y\":\"\\u00e9\"}]}}") : KN_STR_EMPTY,
    };
    if (item.kind == KN_ITEM_EVENT) {
        item.type = (enum kn_event_type)kn_rand_between(&p->r, KN_EVENT_TRACK, KN_EVENT_ALIAS);
    }
    some_lists(p, &item);
    if (coin(p)) {
        item.order.event = (enum kn_order_event)kn_rand_between(&p->r, 1, KN_ORDER_CANCELLED);
        item.order.order_id = text(p, 0, 9);
        item.order.has_amount = coin(p);
        item.order.amount = item.order.has_amount ? kn_rand_between(&p->r, -100000, 100000) : 0;
        memcpy(item.order.currency, coin(p) ? "EUR" : "\0\0\0", 4);
    }
    if (coin(p)) {
        item.visit = (struct kn_item_visit){
            true,          text(p, 0, 9), text(p, 0, 9), text(p, 0, 9), text(p, 0, 9),
            text(p, 0, 9), text(p, 0, 9), text(p, 0, 9), text(p, 0, 9), text(p, 0, 9)};
    }
    if (coin(p)) {
        item.device = (struct kn_item_device){true, text(p, 0, 9), text(p, 0, 9), text(p, 0, 9),
                                              coin(p) ? KN_STR("NL") : KN_STR_EMPTY};
    }
    return item;
}

static enum kn_rc read_line(struct kn_json_parser *parser, struct kn_str line,
                            struct kn_arena *arena, struct kn_item *ret, struct kn_str *ret_source,
                            struct kn_err *err)
{
    struct kn_json doc;
    static const struct kn_json_limits limits = {32, 100000};
    char *padded = kn_arena_alloc(arena, line.len + KN_JSON_PADDING);
    memcpy(padded, line.p, line.len);
    memset(padded + line.len, 0, KN_JSON_PADDING);
    assert_int_equal(kn_json_parse(parser, padded, line.len, &limits, &doc, err), KN_OK);
    return kn_item_json_read(&doc, 0, arena, ret, ret_source, err);
}

static void round_trip(void **state)
{
    (void)state;
    struct pool p = {.r = kn_rand_seed(42)};
    struct kn_json_parser *parser = kn_json_parser_new();
    kn_arena_init(&p.arena, 1 << 20);
    for (int i = 0; i < 20000; i++) {
        struct kn_item item = random_item(&p);
        struct kn_item back;
        struct kn_str source;
        struct kn_err err = {0};
        struct kn_buf line;
        struct kn_buf first;
        struct kn_buf second;
        kn_buf_init(&line, 1 << 20);
        kn_buf_init(&first, 1 << 20);
        kn_buf_init(&second, 1 << 20);
        kn_item_json_put(&item, KN_STR("src_1"), 7, &line);
        if (read_line(parser, kn_buf_view(&line), &p.arena, &back, &source, &err) != KN_OK) {
            fail_msg("%s: %.*s", err.text, (int)line.len, line.p);
        }
        assert_true(kn_str_eq(source, KN_STR("src_1")));
        kn_item_encode(&item, &first);
        kn_item_encode(&back, &second);
        assert_int_equal(first.rc, second.rc);
        assert_true(kn_str_eq(kn_buf_view(&first), kn_buf_view(&second)));
        kn_buf_deinit(&line);
        kn_buf_deinit(&first);
        kn_buf_deinit(&second);
        kn_arena_clear(&p.arena);
    }
    kn_arena_deinit(&p.arena);
    kn_json_parser_free(parser);
}

static void refused(void **state)
{
    (void)state;
#define OK_START                                                                                   \
    "{\"kern\":1,\"kind\":\"event\",\"type\":\"track\",\"time\":\"2026-01-01T00:00:00Z\","
    static const struct {
        const char *line, *named;
    } cases[] = {
        {"{\"kern\":1,\"kind\":\"setting\"}", "kind"},
        {"{\"kern\":1,\"kind\":\"event\",\"type\":\"dance\"}", "type"},
        {"{\"kern\":1,\"kind\":\"event\",\"type\":\"track\"}", "time"},
        {OK_START "\"x\":1}", "received_at"},
        {OK_START "\"received_at\":\"2026-01-01T00:00:00Z\"}", "identifiers"},
        {OK_START
         "\"received_at\":\"2026-01-01T00:00:00Z\",\"identifiers\":[{\"type\":\"limit\",\"value\":\"1\"}]}",
         "identifiers"},
        {OK_START
         "\"received_at\":\"2026-01-01T00:00:00Z\",\"identifiers\":[],\"flags\":[\"odd\"]}",
         "flags"},
        {OK_START "\"received_at\":\"2026-01-01T00:00:00Z\",\"identifiers\":[],\"traits\":[]}",
         "traits"},
        {OK_START
         "\"received_at\":\"2026-01-01T00:00:00Z\",\"identifiers\":[],\"order\":{\"event\":\"x\"}}",
         "order"},
        {OK_START
         "\"received_at\":\"2026-01-01T00:00:00Z\",\"identifiers\":[],\"consents\":[{\"purpose\":\"a\","
         "\"state\":\"maybe\"}]}",
         "consents"},
    };
    struct kn_json_parser *parser = kn_json_parser_new();
    struct kn_arena arena;
    kn_arena_init(&arena, 1 << 20);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct kn_item item;
        struct kn_str source;
        struct kn_err err = {0};
        assert_int_equal(read_line(parser, kn_str_c(cases[i].line), &arena, &item, &source, &err),
                         KN_E_INVALID);
        assert_true(kn_str_starts(kn_str_c(err.text), kn_str_c(cases[i].named)));
    }
    kn_arena_deinit(&arena);
    kn_json_parser_free(parser);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(round_trip), cmocka_unit_test(refused)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
