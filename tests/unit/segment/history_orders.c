/* Orders from events, by API section 9 and the design's "one order, one order": the first arrival
 * gives time and source, later ones fill what is missing, the latest amount and state win, refunds
 * are taken off, cancelled orders are left out. */
#include <stdlib.h>

#include "base/assert.h"
#include "format/decimal.h"
#include "tests/unit/segment/history.h"

struct order {
    struct history_event row;
    struct kn_str id; /* empty: its own order */
    bool placed, cancelled, has_amount, whole_back;
    int64_t amount, amount_us, state_us, back;
    char currency[4];
};

enum order_event { NO_ORDER, COMPLETED, UPDATED, REFUNDED, CANCELLED };

static enum order_event order_event(struct kn_str name)
{
    static const char *const names[] = {"Order Completed", "Order Updated", "Order Refunded",
                                        "Order Cancelled"};
    for (int i = 0; i < 4; i++) {
        if (kn_str_eq(name, kn_str_c(names[i]))) {
            return (enum order_event)(i + 1);
        }
    }
    return NO_ORDER;
}

static struct kn_str text_of(const struct history_event *event, const char *key)
{
    const struct history_json *value = history_member(&event->properties, kn_str_c(key));
    bool scalar = value && (value->kind == HISTORY_STRING || value->kind == HISTORY_NUMBER);
    return scalar ? value->text : KN_STR_EMPTY;
}

static bool amount_of(const struct history_event *event, const char *currency, int64_t *ret)
{
    static const char *const keys[] = {"revenue", "total", "value"};
    for (int i = 0; i < 3; i++) {
        struct kn_str text = text_of(event, keys[i]);
        if (text.len > 0 && kn_money_parse(text, currency, ret)) {
            return true;
        }
    }
    return false;
}

static void fill(struct history_json *into, const struct history_json *from, struct kn_arena *arena)
{
    size_t room = into->count + from->count + 8;
    struct kn_str *keys = kn_arena_zero(arena, room, sizeof *keys);
    struct history_json *kids = kn_arena_zero(arena, room, sizeof *kids);
    kn_assert(keys && kids);
    for (uint32_t i = 0; i < into->count; i++) {
        keys[i] = into->keys[i];
        kids[i] = into->kids[i];
    }
    into->keys = keys;
    into->kids = kids;
    for (uint32_t i = 0; i < from->count; i++) {
        if (!history_member(into, from->keys[i])) {
            into->keys[into->count] = from->keys[i];
            into->kids[into->count++] = from->kids[i];
        }
    }
}

static void set_member(struct history_json *object, const char *key, struct history_json value)
{
    uint32_t at = 0;
    while (at < object->count && !kn_str_eq(object->keys[at], kn_str_c(key))) {
        at++;
    }
    object->keys[at] = kn_str_c(key);
    object->kids[at] = value;
    object->count += at == object->count;
}

static void take(struct order *o, const struct history_event *event, const char *home)
{
    char given[4] = "";
    int64_t amount;
    (void)kn_currency_parse(text_of(event, "currency"), given);
    bool has = amount_of(event, given[0] ? given : home, &amount);
    switch (order_event(event->name)) {
    case COMPLETED:
    case UPDATED:
        o->placed = true;
        if (has && (!o->has_amount || event->us >= o->amount_us)) {
            o->has_amount = true;
            o->amount = amount;
            o->amount_us = event->us;
            if (given[0]) {
                memcpy(o->currency, given, sizeof given);
            }
        }
        if (event->us >= o->state_us) {
            o->state_us = event->us;
            o->cancelled = false;
        }
        break;
    case CANCELLED:
        if (event->us >= o->state_us) {
            o->state_us = event->us;
            o->cancelled = true;
        }
        break;
    default:
        o->back += has ? amount : 0;
        o->whole_back |= !has;
        break;
    }
}

static void close_order(struct order *o, const char *home, struct kn_arena *arena)
{
    const char *currency = o->currency[0] ? o->currency : home;
    struct kn_buf text;
    fill(&o->row.properties, &(struct history_json){.kind = HISTORY_OBJECT}, arena);
    kn_buf_init(&text, 64);
    kn_money_format(!o->has_amount || o->whole_back ? 0 : o->amount - o->back, currency, &text);
    set_member(&o->row.properties, "value",
               (struct history_json){.kind = HISTORY_NUMBER,
                                     .text = kn_arena_str(arena, kn_buf_view(&text))});
    set_member(&o->row.properties, "currency",
               (struct history_json){.kind = HISTORY_STRING,
                                     .text = kn_arena_str(arena, kn_str_c(currency))});
    kn_buf_deinit(&text);
}

static int by_arrival(const void *a, const void *b)
{
    const struct history_event *x = a, *y = b;
    return (x->arrival > y->arrival) - (x->arrival < y->arrival);
}

static int by_time(const void *a, const void *b)
{
    const struct history_event *x = a, *y = b;
    return x->us != y->us ? (x->us > y->us ? 1 : -1) : by_arrival(a, b);
}

static struct order *find_order(struct order *orders, uint32_t count, struct kn_str id)
{
    for (uint32_t i = 0; id.len > 0 && i < count; i++) {
        if (kn_str_eq(orders[i].id, id)) {
            return &orders[i];
        }
    }
    return NULL;
}

void history_finish(struct history *h, const char *home, struct kn_arena *arena)
{
    struct order *orders = kn_arena_zero(arena, h->event_count + 1, sizeof *orders);
    uint32_t count = 0;
    kn_assert(orders);
    qsort(h->events, h->event_count, sizeof *h->events, by_arrival);
    for (uint32_t i = 0; i < h->event_count; i++) {
        const struct history_event *event = &h->events[i];
        if (order_event(event->name) == NO_ORDER) {
            continue;
        }
        struct kn_str id = text_of(event, "order_id");
        struct order *o = find_order(orders, count, id);
        if (o) {
            fill(&o->row.properties, &event->properties, arena);
            fill(&o->row.context, &event->context, arena);
        } else {
            o = &orders[count++];
            *o = (struct order){.row = *event, .id = id, .state_us = INT64_MIN};
            o->row.name = KN_STR_EMPTY;
            (void)kn_currency_parse(text_of(event, "currency"), o->currency);
        }
        take(o, event, home);
    }
    h->orders = kn_arena_zero(arena, count + 1, sizeof *h->orders);
    h->order_count = 0;
    kn_assert(h->orders);
    for (uint32_t i = 0; i < count; i++) {
        if (orders[i].placed && !orders[i].cancelled) {
            close_order(&orders[i], home, arena);
            h->orders[h->order_count++] = orders[i].row;
        }
    }
    qsort(h->events, h->event_count, sizeof *h->events, by_time);
    qsort(h->orders, h->order_count, sizeof *h->orders, by_time);
}
