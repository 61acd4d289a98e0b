/* Orders (collect-protocols section 3.4; API section 9). */
#include "collect/collect_internal.h"
#include "format/decimal.h"

static enum kn_order_event order_event(struct kn_str name)
{
    static const struct {
        struct kn_str name;
        enum kn_order_event event;
    } names[] = {
        {{"Order Completed", 15}, KN_ORDER_COMPLETED},
        {{"Completed Order", 15}, KN_ORDER_COMPLETED},
        {{"Order Updated", 13}, KN_ORDER_UPDATED},
        {{"Updated Order", 13}, KN_ORDER_UPDATED},
        {{"Order Refunded", 14}, KN_ORDER_REFUNDED},
        {{"Refunded Order", 14}, KN_ORDER_REFUNDED},
        {{"Order Cancelled", 15}, KN_ORDER_CANCELLED},
        {{"Cancelled Order", 15}, KN_ORDER_CANCELLED},
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (kn_str_eq(name, names[i].name)) {
            return names[i].event;
        }
    }
    return KN_ORDER_NONE;
}

void kn_read_order(struct kn_reading *r)
{
    static const char *const amounts[] = {"revenue", "total", "value"};
    struct kn_item_order *o = &r->item.order;
    uint32_t properties = r->f[KN_F_PROPERTIES];
    o->event = r->item.type == KN_EVENT_TRACK ? order_event(r->item.name) : KN_ORDER_NONE;
    if (o->event == KN_ORDER_NONE) {
        return;
    }
    o->order_id = kn_text_in(r, r->doc, properties, KN_STR("order_id"));
    if (o->order_id.len == 0) {
        o->order_id = kn_text_in(r, r->doc, properties, KN_STR("orderId"));
    }
    /* Not a currency code: the workspace's currency. */
    (void)kn_currency_parse(kn_text_in(r, r->doc, properties, KN_STR("currency")), o->currency);
    const char *currency = o->currency[0] ? o->currency : r->m->settings->currency;
    for (size_t i = 0; i < sizeof amounts / sizeof amounts[0] && !o->has_amount; i++) {
        struct kn_str amount = kn_text_in(r, r->doc, properties, kn_str_c(amounts[i]));
        o->has_amount = amount.len > 0 && kn_money_parse(amount, currency, &o->amount);
    }
}
