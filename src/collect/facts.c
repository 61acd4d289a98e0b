/* What a message says about who, how, how much and whether they agreed. */
#include "collect/collect_internal.h"
#include "format/channel.h"
#include "format/decimal.h"
#include "format/fold.h"
#include "format/time_text.h"
#include "format/url.h"

/* ---- identifiers (collect-protocols section 4.1) ---- */

static void add_id(struct kn_item *item, uint16_t type, struct kn_str value)
{
    if (value.len == 0 || value.len > KN_ITEM_ID_VALUE_MAX || item->id_count == KN_ITEM_IDS_MAX) {
        return;
    }
    for (size_t i = 0; i < item->id_count; i++) {
        if (item->ids[i].type == type && kn_str_eq(item->ids[i].value, value)) {
            return;
        }
    }
    item->ids[item->id_count++] = (struct kn_item_id){.type = type, .value = value};
}

static struct kn_str text_at(struct kn_collect *c, const struct kn_message *m, uint32_t node)
{
    return kn_message_text(c, m->doc, node);
}

static void add_contact(struct kn_collect *c, const struct kn_message *m, struct kn_item *item,
                        uint32_t object)
{
    struct kn_str email = text_at(c, m, kn_json_find(m->doc, object, KN_STR("email")));
    struct kn_str phone = text_at(c, m, kn_json_find(m->doc, object, KN_STR("phone")));
    if (kn_str_find(email, KN_STR("@")) != SIZE_MAX) {
        add_id(item, KN_ID_EMAIL, kn_fold_email(email, &c->arena));
    }
    add_id(item, KN_ID_PHONE, phone);
}

static void add_device_ids(struct kn_collect *c, const struct kn_message *m, struct kn_item *item)
{
    struct kn_str type = text_at(c, m, kn_message_context(m, "device.type"));
    bool android = kn_str_eq_nocase(type, KN_STR("android"));
    if (!android && !kn_str_eq_nocase(type, KN_STR("ios"))) {
        return;
    }
    add_id(item, android ? KN_ID_ANDROID_ID : KN_ID_IOS_ID,
           text_at(c, m, kn_message_context(m, "device.id")));
    add_id(item, android ? KN_ID_ANDROID_PUSH_TOKEN : KN_ID_IOS_PUSH_TOKEN,
           text_at(c, m, kn_message_context(m, "device.token")));
    uint32_t tracking = kn_message_context(m, "device.adTrackingEnabled");
    if (kn_json_type_at(m->doc, tracking) == KN_JSON_TRUE) {
        add_id(item, android ? KN_ID_ANDROID_IDFA : KN_ID_IOS_IDFA,
               text_at(c, m, kn_message_context(m, "device.advertisingId")));
    }
}

static bool is_type_name(struct kn_str name)
{
    for (size_t i = 0; i < name.len; i++) {
        char ch = name.p[i];
        if (!((ch >= 'a' && ch <= 'z') || (ch >= '0' && ch <= '9') || ch == '_' || ch == '.' ||
              ch == '-')) {
            return false;
        }
    }
    return name.len > 0 && name.len <= 64;
}

static void add_external(struct kn_collect *c, const struct kn_message *m, struct kn_item *item,
                         uint32_t node)
{
    struct kn_str type = text_at(c, m, kn_json_find(m->doc, node, KN_STR("type")));
    struct kn_str value = text_at(c, m, kn_json_find(m->doc, node, KN_STR("id")));
    struct kn_str collection = text_at(c, m, kn_json_find(m->doc, node, KN_STR("collection")));
    uint16_t number = kn_id_type_number(type);
    if (!is_type_name(type) || value.len == 0 ||
        (collection.len > 0 && !kn_str_eq(collection, KN_STR("users")))) {
        return;
    }
    if (number == KN_ID_EMAIL) {
        value = kn_fold_email(value, &c->arena);
    }
    if (number != 0) {
        add_id(item, number, value);
        return;
    }
    char *joined = kn_arena_alloc(&c->arena, type.len + 1 + value.len);
    if (joined) {
        memcpy(joined, type.p, type.len);
        joined[type.len] = ':';
        memcpy(joined + type.len + 1, value.p, value.len);
        add_id(item, KN_ID_CUSTOM, kn_str(joined, type.len + 1 + value.len));
    }
}

void kn_message_identifiers(struct kn_collect *c, const struct kn_message *m, struct kn_item *item)
{
    const struct kn_json *doc = m->doc;
    item->ids = kn_arena_zero(&c->arena, KN_ITEM_IDS_MAX, sizeof *item->ids);
    if (!item->ids) {
        return;
    }
    add_id(item, KN_ID_USER_ID, text_at(c, m, kn_json_find(doc, m->node, KN_STR("userId"))));
    if (item->type != KN_EVENT_GROUP) { /* a group's traits are the group's */
        add_contact(c, m, item, kn_json_find(doc, m->node, KN_STR("traits")));
    }
    add_contact(c, m, item, kn_message_context(m, "traits"));
    add_contact(c, m, item, kn_json_find(doc, m->node, KN_STR("properties")));
    add_id(item, KN_ID_ANONYMOUS_ID,
           text_at(c, m, kn_json_find(doc, m->node, KN_STR("anonymousId"))));
    add_device_ids(c, m, item);
    add_id(item, KN_ID_GA_CLIENT_ID,
           text_at(c, m, kn_message_context(m, "integrations.Google Analytics.clientId")));
    add_id(item, KN_ID_CROSS_DOMAIN_ID,
           text_at(c, m, kn_message_context(m, "traits.crossDomainId")));
    add_id(item, KN_ID_BRAZE_ID, text_at(c, m, kn_message_context(m, "Braze.braze_id")));
    uint32_t list = kn_message_context(m, "externalIds");
    if (kn_json_type_at(doc, list) == KN_JSON_ARRAY) {
        for (uint32_t i = list + 1; i < doc->nodes[list].next; i = doc->nodes[i].next) {
            add_external(c, m, item, i);
        }
    }
}

/* ---- orders ---- */

static enum kn_order_event order_event(struct kn_str name)
{
    static const struct {
        const char *name;
        enum kn_order_event event;
    } names[] = {
        {"Order Completed", KN_ORDER_COMPLETED}, {"Completed Order", KN_ORDER_COMPLETED},
        {"Order Updated", KN_ORDER_UPDATED},     {"Updated Order", KN_ORDER_UPDATED},
        {"Order Refunded", KN_ORDER_REFUNDED},   {"Refunded Order", KN_ORDER_REFUNDED},
        {"Order Cancelled", KN_ORDER_CANCELLED}, {"Cancelled Order", KN_ORDER_CANCELLED},
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (kn_str_eq(name, kn_str_c(names[i].name))) {
            return names[i].event;
        }
    }
    return KN_ORDER_NONE;
}

void kn_message_order(struct kn_collect *c, const struct kn_message *m, struct kn_item *item)
{
    static const char *const amounts[] = {"revenue", "total", "value"};
    const struct kn_json *doc = m->doc;
    struct kn_item_order *o = &item->order;
    uint32_t properties = kn_json_find(doc, m->node, KN_STR("properties"));
    o->event = item->type == KN_EVENT_TRACK ? order_event(item->name) : KN_ORDER_NONE;
    if (o->event == KN_ORDER_NONE) {
        return;
    }
    o->order_id = text_at(c, m, kn_json_find(doc, properties, KN_STR("order_id")));
    if (o->order_id.len == 0) {
        o->order_id = text_at(c, m, kn_json_find(doc, properties, KN_STR("orderId")));
    }
    o->order_id = kn_str_sub(o->order_id, 0, KN_ITEM_ID_VALUE_MAX);
    struct kn_str currency = text_at(c, m, kn_json_find(doc, properties, KN_STR("currency")));
    (void)kn_currency_parse(currency, o->currency); /* otherwise the workspace's */
    const char *of = o->currency[0] ? o->currency : m->settings->currency;
    for (size_t i = 0; i < 3 && !o->has_amount; i++) {
        struct kn_str amount =
            text_at(c, m, kn_json_find(doc, properties, kn_str_c(amounts[i])));
        o->has_amount = amount.len > 0 && kn_money_parse(amount, of, &o->amount);
    }
}

/* ---- visits ---- */

static struct kn_str campaign_part(struct kn_collect *c, const struct kn_message *m,
                                   const char *context_path, struct kn_str query, const char *utm)
{
    struct kn_str value = text_at(c, m, kn_message_context(m, context_path));
    return kn_str_sub(value.len > 0 ? value : kn_url_param(query, utm, &c->arena), 0, 255);
}

static struct kn_str page_text(struct kn_collect *c, const struct kn_message *m, const char *key)
{
    char path[32] = "page.";
    size_t len = strlen(key);
    memcpy(path + 5, key, len < 26 ? len + 1 : 26);
    path[31] = '\0';
    struct kn_str value = text_at(c, m, kn_message_context(m, path));
    if (value.len == 0) {
        uint32_t properties = kn_json_find(m->doc, m->node, KN_STR("properties"));
        value = text_at(c, m, kn_json_find(m->doc, properties, kn_str_c(key)));
    }
    return value;
}

void kn_message_visit(struct kn_collect *c, const struct kn_message *m, struct kn_item *item)
{
    struct kn_item_visit *v = &item->visit;
    bool counts = item->type == KN_EVENT_TRACK || item->type == KN_EVENT_PAGE ||
                  item->type == KN_EVENT_SCREEN;
    if (!counts || (item->flags & KN_ITEM_SERVER)) {
        return;
    }
    struct kn_url page;
    struct kn_url referrer;
    kn_url_split(page_text(c, m, "url"), &page);
    struct kn_str from = page_text(c, m, "referrer");
    kn_url_split(kn_str_eq(from, KN_STR("$direct")) ? KN_STR_EMPTY : from, &referrer);
    struct kn_str query = page.query.len > 0 ? page.query : page_text(c, m, "search");
    v->present = true;
    v->source = campaign_part(c, m, "campaign.source", query, "utm_source");
    v->medium = campaign_part(c, m, "campaign.medium", query, "utm_medium");
    v->campaign = campaign_part(c, m, "campaign.name", query, "utm_campaign");
    v->term = campaign_part(c, m, "campaign.term", query, "utm_term");
    v->content = campaign_part(c, m, "campaign.content", query, "utm_content");
    v->click_id = kn_url_click_id(query);
    v->referrer = kn_str_sub(referrer.host, 0, 255);
    v->landing_page = kn_str_sub(page.bare, 0, 512);
    v->channel = kn_channel(v->source, v->medium, v->click_id, v->referrer, page.host);
}

/* ---- consents ---- */

struct consents {
    struct kn_collect *c;
    struct kn_item *item;
};

/* Category names of consent tools become purpose keys: lower case, '_' for blanks and dashes, and the
 * usual names mapped to Kern's purposes. */
static struct kn_str purpose_of(struct kn_collect *c, struct kn_str category)
{
    static const struct {
        const char *category, *purpose;
    } usual[] = {
        {"statistics", "analytics"},       {"performance", "analytics"},
        {"functional", "personalisation"}, {"preferences", "personalisation"},
        {"personalization", "personalisation"}, {"marketing", "advertising"},
        {"targeting", "advertising"},      {"necessary", "service"},
        {"essential", "service"},          {"email", "marketing_email"},
        {"sms", "marketing_sms"},
    };
    category = kn_str_sub(kn_str_trim(category), 0, 64);
    struct kn_str copy = kn_arena_str(&c->arena, category);
    char *p = (char *)(uintptr_t)copy.p;
    for (size_t i = 0; p && i < copy.len; i++) {
        p[i] = p[i] == ' ' || p[i] == '-' ? '_' : p[i] >= 'A' && p[i] <= 'Z' ? (char)(p[i] | 32)
                                                                              : p[i];
    }
    for (size_t i = 0; i < sizeof usual / sizeof usual[0]; i++) {
        if (kn_str_eq(copy, kn_str_c(usual[i].category))) {
            return kn_str_c(usual[i].purpose);
        }
    }
    return copy;
}

static struct kn_item_consent *add_consent(struct consents *k, struct kn_str purpose,
                                           enum kn_consent_state state)
{
    if (purpose.len == 0 || k->item->consent_count == KN_ITEM_CONSENTS_MAX) {
        return NULL;
    }
    if (!k->item->consents) {
        k->item->consents =
            kn_arena_zero(&k->c->arena, KN_ITEM_CONSENTS_MAX, sizeof *k->item->consents);
        if (!k->item->consents) {
            return NULL;
        }
    }
    struct kn_item_consent *consent = &k->item->consents[k->item->consent_count++];
    *consent = (struct kn_item_consent){
        .purpose = purpose, .state = state, .basis = KN_STR("consent")};
    return consent;
}

static bool state_of(struct kn_collect *c, const struct kn_json *doc, uint32_t node,
                     enum kn_consent_state *ret)
{
    enum kn_json_type type = kn_json_type_at(doc, node);
    struct kn_str word = kn_message_text(c, doc, node);
    if (type == KN_JSON_TRUE || kn_str_eq(word, KN_STR("granted"))) {
        *ret = KN_CONSENT_GRANTED;
    } else if (type == KN_JSON_FALSE || kn_str_eq(word, KN_STR("denied"))) {
        *ret = KN_CONSENT_DENIED;
    } else {
        return false;
    }
    return true;
}

/* Segment: {} denies everything, and so does a category that a non-empty object leaves out. */
static void category_preferences(struct consents *k, const struct kn_message *m)
{
    const struct kn_json *doc = m->doc;
    uint32_t node = kn_message_context(m, "consent.categoryPreferences");
    if (kn_json_type_at(doc, node) != KN_JSON_OBJECT) {
        return;
    }
    (void)add_consent(k, KN_STR("*"), KN_CONSENT_DENIED);
    for (uint32_t i = node + 1; i < doc->nodes[node].next; i = doc->nodes[i].next) {
        enum kn_consent_state state;
        if (state_of(k->c, doc, i, &state)) {
            (void)add_consent(k, purpose_of(k->c, kn_json_key(doc, i, &k->c->arena)), state);
        }
    }
}

static void consent_list(struct consents *k, const struct kn_message *m, const char *path,
                         enum kn_consent_state state)
{
    uint32_t node = kn_message_context(m, path);
    if (kn_json_type_at(m->doc, node) != KN_JSON_ARRAY) {
        return;
    }
    for (uint32_t i = node + 1; i < m->doc->nodes[node].next; i = m->doc->nodes[i].next) {
        (void)add_consent(k, purpose_of(k->c, kn_message_text(k->c, m->doc, i)), state);
    }
}

static void subscriptions(struct consents *k, const struct kn_message *m)
{
    const struct kn_json *doc = m->doc;
    uint32_t node = kn_message_context(m, "messaging_subscriptions");
    if (kn_json_type_at(doc, node) != KN_JSON_ARRAY) {
        return;
    }
    for (uint32_t i = node + 1; i < doc->nodes[node].next; i = doc->nodes[i].next) {
        struct kn_str type = kn_message_text(k->c, doc, kn_json_find(doc, i, KN_STR("type")));
        struct kn_str status = kn_message_text(k->c, doc, kn_json_find(doc, i, KN_STR("status")));
        struct kn_str purpose = kn_str_eq_nocase(type, KN_STR("EMAIL")) ? KN_STR("marketing_email")
                                : kn_str_eq_nocase(type, KN_STR("SMS")) ? KN_STR("marketing_sms")
                                                                        : KN_STR_EMPTY;
        if (kn_str_eq(status, KN_STR("SUBSCRIBED"))) {
            (void)add_consent(k, purpose, KN_CONSENT_GRANTED);
        } else if (kn_str_eq(status, KN_STR("UNSUBSCRIBED"))) {
            (void)add_consent(k, purpose, KN_CONSENT_DENIED);
        }
    }
}

/* traits.consents: {"marketing_email": true | "denied" | {"state","basis","text_version","at"}} */
static void trait_consents(struct consents *k, const struct kn_message *m)
{
    const struct kn_json *doc = m->doc;
    uint32_t traits = kn_message_traits(m, k->item->type);
    uint32_t node = kn_json_find(doc, traits, KN_STR("consents"));
    if (kn_json_type_at(doc, node) != KN_JSON_OBJECT) {
        return;
    }
    for (uint32_t i = node + 1; i < doc->nodes[node].next; i = doc->nodes[i].next) {
        bool detailed = kn_json_type_at(doc, i) == KN_JSON_OBJECT;
        enum kn_consent_state state;
        if (!state_of(k->c, doc, detailed ? kn_json_find(doc, i, KN_STR("state")) : i, &state)) {
            continue;
        }
        struct kn_str purpose = purpose_of(k->c, kn_json_key(doc, i, &k->c->arena));
        struct kn_item_consent *consent = add_consent(k, purpose, state);
        if (!consent || !detailed) {
            continue;
        }
        struct kn_str basis = kn_message_text(k->c, doc, kn_json_find(doc, i, KN_STR("basis")));
        consent->basis = basis.len > 0 ? basis : consent->basis;
        consent->text_version =
            kn_message_text(k->c, doc, kn_json_find(doc, i, KN_STR("text_version")));
        struct kn_str at = kn_message_text(k->c, doc, kn_json_find(doc, i, KN_STR("at")));
        (void)kn_time_parse(at, &consent->at_us); /* 0: the received time rules */
    }
}

void kn_message_consents(struct kn_collect *c, const struct kn_message *m, struct kn_item *item)
{
    struct consents k = {.c = c, .item = item};
    category_preferences(&k, m);
    consent_list(&k, m, "consentManagement.allowedConsentIds", KN_CONSENT_GRANTED);
    consent_list(&k, m, "consentManagement.deniedConsentIds", KN_CONSENT_DENIED);
    subscriptions(&k, m);
    trait_consents(&k, m);
}
