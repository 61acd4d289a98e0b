/* What a message says about consent (collect-protocols section 4.10; docs/collect.md lists the
 * names). */
#include "collect/collect_internal.h"
#include "format/time_text.h"

enum { PURPOSE_MAX = 64 };

/* Categories of consent tools as Kern's purposes; any other name is a purpose by itself. */
static const struct {
    const char *category, *purpose;
} usual[] = {
    {"statistics", "analytics"},
    {"performance", "analytics"},
    {"functional", "personalisation"},
    {"preferences", "personalisation"},
    {"personalization", "personalisation"},
    {"marketing", "advertising"},
    {"targeting", "advertising"},
    {"necessary", "service"},
    {"strictly_necessary", "service"},
    {"essential", "service"},
    {"email", "marketing_email"},
    {"sms", "marketing_sms"},
};

/* A purpose key: lower case, '_' for blanks and dashes; letters, digits, '_' and '.' only, so that
 * no client can say "*". Empty: not one. */
static struct kn_str purpose_of(struct kn_reading *r, struct kn_str name)
{
    name = kn_str_trim(name);
    if (name.len == 0 || name.len > PURPOSE_MAX) {
        return KN_STR_EMPTY;
    }
    char *p = kn_arena_alloc(&r->c->arena, name.len);
    if (!p) {
        r->nomem = true;
        return KN_STR_EMPTY;
    }
    for (size_t i = 0; i < name.len; i++) {
        char c = name.p[i];
        p[i] = c == ' ' || c == '-' ? '_' : c >= 'A' && c <= 'Z' ? (char)(c | 32) : c;
        if (!((p[i] >= 'a' && p[i] <= 'z') || (p[i] >= '0' && p[i] <= '9') || p[i] == '_' ||
              p[i] == '.')) {
            return KN_STR_EMPTY;
        }
    }
    for (size_t i = 0; i < sizeof usual / sizeof usual[0]; i++) {
        if (kn_str_eq(kn_str(p, name.len), kn_str_c(usual[i].category))) {
            return kn_str_c(usual[i].purpose);
        }
    }
    return kn_str(p, name.len);
}

static struct kn_item_consent *add(struct kn_reading *r, struct kn_str purpose,
                                   enum kn_consent_state state)
{
    if (purpose.len == 0 || r->item.consent_count == KN_ITEM_CONSENTS_MAX) {
        return NULL;
    }
    struct kn_item_consent *consent = &r->c->consents[r->item.consent_count++];
    *consent =
        (struct kn_item_consent){.purpose = purpose, .state = state, .basis = KN_STR("consent")};
    return consent;
}

static bool state_of(struct kn_reading *r, const struct kn_json *doc, uint32_t node,
                     enum kn_consent_state *ret)
{
    enum kn_json_type type = kn_json_type_at(doc, node);
    struct kn_str word = kn_text(r, doc, node);
    if (type == KN_JSON_TRUE || kn_str_eq_nocase(word, KN_STR("granted"))) {
        *ret = KN_CONSENT_GRANTED;
    } else if (type == KN_JSON_FALSE || kn_str_eq_nocase(word, KN_STR("denied"))) {
        *ret = KN_CONSENT_DENIED;
    } else {
        return false;
    }
    return true;
}

static struct kn_str key_text(struct kn_reading *r, const struct kn_json *doc, uint32_t member)
{
    struct kn_str key = kn_json_key(doc, member, &r->c->arena);
    r->nomem = r->nomem || (doc->nodes[member].key_len > 0 && !key.p);
    return key;
}

/* Segment: {} denies everything, and so does a category that a non-empty object leaves out. */
static void category_preferences(struct kn_reading *r)
{
    const struct kn_json *doc = r->cdoc;
    uint32_t node = kn_json_find(doc, r->x[KN_C_CONSENT], KN_STR("categoryPreferences"));
    if (kn_json_type_at(doc, node) != KN_JSON_OBJECT) {
        return;
    }
    (void)add(r, KN_STR("*"), KN_CONSENT_DENIED);
    for (uint32_t i = node + 1; i < doc->nodes[node].next; i = doc->nodes[i].next) {
        enum kn_consent_state state;
        if (state_of(r, doc, i, &state)) {
            (void)add(r, purpose_of(r, key_text(r, doc, i)), state);
        }
    }
}

static void consent_list(struct kn_reading *r, struct kn_str key, enum kn_consent_state state)
{
    const struct kn_json *doc = r->cdoc;
    uint32_t node = kn_json_find(doc, r->x[KN_C_CONSENT_MANAGEMENT], key);
    if (kn_json_type_at(doc, node) != KN_JSON_ARRAY) {
        return;
    }
    for (uint32_t i = node + 1; i < doc->nodes[node].next; i = doc->nodes[i].next) {
        (void)add(r, purpose_of(r, kn_text(r, doc, i)), state);
    }
}

static void subscriptions(struct kn_reading *r)
{
    const struct kn_json *doc = r->cdoc;
    uint32_t node = r->x[KN_C_SUBSCRIPTIONS];
    if (kn_json_type_at(doc, node) != KN_JSON_ARRAY) {
        return;
    }
    for (uint32_t i = node + 1; i < doc->nodes[node].next; i = doc->nodes[i].next) {
        struct kn_str type = kn_text_in(r, doc, i, KN_STR("type"));
        struct kn_str status = kn_text_in(r, doc, i, KN_STR("status"));
        struct kn_str purpose = kn_str_eq_nocase(type, KN_STR("EMAIL")) ? KN_STR("marketing_email")
                                : kn_str_eq_nocase(type, KN_STR("SMS")) ? KN_STR("marketing_sms")
                                                                        : KN_STR_EMPTY;
        if (kn_str_eq_nocase(status, KN_STR("SUBSCRIBED"))) {
            (void)add(r, purpose, KN_CONSENT_GRANTED);
        } else if (kn_str_eq_nocase(status, KN_STR("UNSUBSCRIBED")) ||
                   kn_str_eq_nocase(status, KN_STR("DID_NOT_SUBSCRIBE"))) {
            (void)add(r, purpose, KN_CONSENT_DENIED);
        }
    }
}

static void read_details(struct kn_reading *r, const struct kn_json *doc, uint32_t node,
                         struct kn_item_consent *consent)
{
    static const char *const bases[] = {"contract", "legitimate_interest", "existing_customer"};
    struct kn_str basis = kn_text_in(r, doc, node, KN_STR("basis"));
    for (size_t i = 0; i < sizeof bases / sizeof bases[0]; i++) {
        if (kn_str_eq(basis, kn_str_c(bases[i]))) {
            consent->basis = kn_str_c(bases[i]);
        }
    }
    consent->text_version = kn_clip(kn_text_in(r, doc, node, KN_STR("text_version")), KN_FACT_MAX);
    struct kn_str at = kn_text_in(r, doc, node, KN_STR("at"));
    (void)kn_time_parse(at, &consent->at_us); /* 0: the received time rules */
}

/* traits.consents: {"marketing_email": true | "denied" | {"state","basis","text_version","at"}} */
static void trait_consents(struct kn_reading *r)
{
    const struct kn_json *doc;
    uint32_t traits = kn_traits(r, &doc);
    uint32_t node = kn_json_find(doc, traits, KN_STR("consents"));
    if (kn_json_type_at(doc, node) != KN_JSON_OBJECT) {
        return;
    }
    for (uint32_t i = node + 1; i < doc->nodes[node].next; i = doc->nodes[i].next) {
        bool detailed = doc->nodes[i].type == KN_JSON_OBJECT;
        uint32_t said = detailed ? kn_json_find(doc, i, KN_STR("state")) : i;
        enum kn_consent_state state;
        if (!state_of(r, doc, said, &state)) {
            continue;
        }
        struct kn_item_consent *consent = add(r, purpose_of(r, key_text(r, doc, i)), state);
        if (consent && detailed) {
            read_details(r, doc, i, consent);
        }
    }
}

/* Global Privacy Control (w3c/gpc): no, as far as the message itself says nothing about it. */
static void privacy_control(struct kn_reading *r)
{
    bool client = r->origin == KN_ORIGIN_BROWSER || r->origin == KN_ORIGIN_UNKNOWN;
    if (!r->m->privacy_control || !client) {
        return;
    }
    for (size_t i = 0; i < r->item.consent_count; i++) {
        if (kn_str_eq(r->c->consents[i].purpose, KN_STR("advertising"))) {
            return;
        }
    }
    (void)add(r, KN_STR("advertising"), KN_CONSENT_DENIED);
}

void kn_read_consents(struct kn_reading *r)
{
    r->item.consents = r->c->consents;
    category_preferences(r);
    if (r->x[KN_C_CONSENT_MANAGEMENT] != KN_JSON_NONE) {
        consent_list(r, KN_STR("allowedConsentIds"), KN_CONSENT_GRANTED);
        consent_list(r, KN_STR("deniedConsentIds"), KN_CONSENT_DENIED);
    }
    if (r->x[KN_C_SUBSCRIPTIONS] != KN_JSON_NONE) {
        subscriptions(r);
    }
    trait_consents(r);
    privacy_control(r);
}
