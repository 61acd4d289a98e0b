#include "profile/text.h"

#include "format/decimal.h"
#include "format/json.h"
#include "identity/rules.h"

static struct kn_str member(struct kn_str object, struct kn_str name)
{
    size_t offset = 0;
    struct kn_str key;
    struct kn_str value;
    struct kn_str found = KN_STR_EMPTY;
    while (object.len > 0 && kn_json_walk(object, &offset, &key, &value)) {
        if (kn_str_eq(key, name)) {
            found = value;
        }
    }
    return found.len > 0 && found.p[0] == '{' ? found : KN_STR_EMPTY;
}

struct kn_str kn_item_properties(const struct kn_item *item)
{
    return member(item->body, KN_STR("properties"));
}

struct kn_str kn_item_context(const struct kn_item *item)
{
    return member(item->body, KN_STR("context"));
}

struct kn_str kn_consent_state_name(enum kn_consent_state state)
{
    switch (state) {
    case KN_CONSENT_GRANTED: return KN_STR("granted");
    case KN_CONSENT_DENIED: return KN_STR("denied");
    case KN_CONSENT_CONFLICT: return KN_STR("conflict");
    case KN_CONSENT_UNKNOWN: break;
    }
    return KN_STR("unknown");
}

void kn_profile_facts_json(const struct kn_profile *p, struct kn_buf *out)
{
    kn_buf_c(out, "{\"t\":{");
    for (size_t i = 0; i < p->trait_count; i++) {
        if (p->traits[i].json.len > 0) {
            kn_json_out_key_str(out, p->traits[i].key);
            kn_buf_str(out, p->traits[i].json);
        }
    }
    kn_buf_c(out, "},\"k\":{");
    for (size_t i = 0; i < p->consent_count; i++) {
        kn_json_out_key_str(out, p->consents[i].purpose);
        kn_json_out_string(out, kn_consent_state_name(p->consents[i].state));
    }
    kn_buf_c(out, "},\"i\":{");
    for (size_t i = 0; i < p->id_count; i++) {
        struct kn_str name = kn_id_name(p->ids[i].type, p->ids[i].value);
        bool repeated = false;
        for (size_t k = 0; k < i && !repeated; k++) {
            repeated = kn_str_eq(kn_id_name(p->ids[k].type, p->ids[k].value), name);
        }
        if (!repeated) {
            kn_json_out_key_str(out, name);
            kn_buf_c(out, "true");
        }
    }
    kn_buf_c(out, "}}");
}

void kn_order_facts_json(const struct kn_profile_order *order, const char *home, struct kn_buf *out)
{
    const char *currency = order->currency[0] != '\0' ? order->currency : home;
    kn_buf_c(out, "{");
    if (order->has_amount) {
        kn_json_out_key(out, "value");
        kn_money_format(kn_profile_order_net(order), currency, out);
        kn_json_out_key(out, "refunded");
        kn_money_format(order->refunded, currency, out);
    }
    kn_json_out_kv(out, "currency", kn_str_c(currency));
    if (kn_profile_order_has_id(order)) {
        kn_json_out_kv(out, "order_id", order->key);
    }
    kn_buf_c(out, "}");
}

static void touch_kv(struct kn_buf *out, const char *key, struct kn_str value)
{
    if (value.len > 0) {
        kn_json_out_kv(out, key, value);
    }
}

void kn_session_facts_json(const struct kn_profile_session *session, struct kn_buf *out)
{
    const struct kn_profile_touch *t = &session->touch;
    kn_buf_c(out, "{\"s\":{");
    touch_kv(out, "channel", t->channel);
    touch_kv(out, "source", t->source);
    touch_kv(out, "medium", t->medium);
    touch_kv(out, "campaign", t->campaign);
    touch_kv(out, "term", t->term);
    touch_kv(out, "content", t->content);
    touch_kv(out, "referrer", t->referrer);
    touch_kv(out, "click_id", t->click_id);
    touch_kv(out, "landing_page", t->landing_page);
    kn_buf_c(out, "}}");
}
