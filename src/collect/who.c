/* Who a message is about: identifiers (collect-protocols section 4.1), and where it came from. */
#include "collect/collect_internal.h"
#include "format/fold.h"

static void add_id(struct kn_reading *r, uint16_t type, struct kn_str value)
{
    struct kn_item *item = &r->item;
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

/* What has no @ is no address, whatever the key says. */
static void add_email(struct kn_reading *r, struct kn_str text)
{
    if (text.len > KN_ITEM_ID_VALUE_MAX || kn_str_find(text, KN_STR("@")) == SIZE_MAX) {
        return;
    }
    struct kn_str folded = kn_fold_email(text, &r->c->arena);
    if (!folded.p) {
        r->nomem = true;
        return;
    }
    add_id(r, KN_ID_EMAIL, folded);
}

static struct kn_str joined(struct kn_reading *r, struct kn_str type, struct kn_str value)
{
    char *text = kn_arena_alloc(&r->c->arena, type.len + 1 + value.len);
    if (!text) {
        r->nomem = true;
        return KN_STR_EMPTY;
    }
    memcpy(text, type.p, type.len);
    text[type.len] = ':';
    memcpy(text + type.len + 1, value.p, value.len);
    return kn_str(text, type.len + 1 + value.len);
}

static void add_external(struct kn_reading *r, uint32_t node)
{
    struct kn_str type = kn_text_in(r, r->cdoc, node, KN_STR("type"));
    struct kn_str value = kn_text_in(r, r->cdoc, node, KN_STR("id"));
    uint16_t number = kn_id_type_number(type);
    if (!kn_id_type_is_name(type) || value.len == 0 || value.len > KN_ITEM_ID_VALUE_MAX ||
        !kn_str_eq(kn_text_in(r, r->cdoc, node, KN_STR("collection")), KN_STR("users")) ||
        !kn_str_eq(kn_text_in(r, r->cdoc, node, KN_STR("encoding")), KN_STR("none"))) {
        return;
    }
    if (number == KN_ID_EMAIL) {
        add_email(r, value);
    } else if (number != 0) {
        add_id(r, number, value);
    } else {
        add_id(r, KN_ID_CUSTOM, joined(r, type, value));
    }
}

static void add_device_ids(struct kn_reading *r)
{
    uint32_t device = r->x[KN_C_DEVICE];
    struct kn_str type = kn_text_in(r, r->cdoc, device, KN_STR("type"));
    bool android = kn_str_eq_nocase(type, KN_STR("android"));
    if (!android && !kn_str_eq_nocase(type, KN_STR("ios"))) {
        return;
    }
    add_id(r, android ? KN_ID_ANDROID_ID : KN_ID_IOS_ID,
           kn_text_in(r, r->cdoc, device, KN_STR("id")));
    uint32_t tracking = kn_json_find(r->cdoc, device, KN_STR("adTrackingEnabled"));
    if (kn_json_type_at(r->cdoc, tracking) == KN_JSON_TRUE) {
        add_id(r, android ? KN_ID_ANDROID_IDFA : KN_ID_IOS_IDFA,
               kn_text_in(r, r->cdoc, device, KN_STR("advertisingId")));
    }
    add_id(r, android ? KN_ID_ANDROID_PUSH_TOKEN : KN_ID_IOS_PUSH_TOKEN,
           kn_text_in(r, r->cdoc, device, KN_STR("token")));
}

/* A group's traits are the group's: its e-mail address is no person's. */
static void add_contacts(struct kn_reading *r)
{
    uint32_t above = r->x[KN_C_TRAITS];
    uint32_t traits = r->item.type == KN_EVENT_IDENTIFY ? r->f[KN_F_TRAITS] : KN_JSON_NONE;
    add_email(r, kn_text_in(r, r->doc, traits, KN_STR("email")));
    add_email(r, kn_text_in(r, r->cdoc, above, KN_STR("email")));
    add_email(r, kn_text_in(r, r->doc, r->f[KN_F_PROPERTIES], KN_STR("email")));
    add_id(r, KN_ID_PHONE, kn_text_in(r, r->doc, traits, KN_STR("phone")));
    add_id(r, KN_ID_PHONE, kn_text_in(r, r->cdoc, above, KN_STR("phone")));
}

void kn_read_ids(struct kn_reading *r)
{
    const struct kn_json *cdoc = r->cdoc;
    r->item.ids = r->c->ids;
    add_id(r, KN_ID_USER_ID, kn_text(r, r->doc, r->f[KN_F_USER_ID]));
    add_contacts(r);
    add_id(r, KN_ID_ANONYMOUS_ID, kn_text(r, r->doc, r->f[KN_F_ANONYMOUS_ID]));
    if (r->x[KN_C_DEVICE] != KN_JSON_NONE) {
        add_device_ids(r);
    }
    uint32_t google = kn_json_find(cdoc, r->x[KN_C_INTEGRATIONS], KN_STR("Google Analytics"));
    add_id(r, KN_ID_GA_CLIENT_ID, kn_text_in(r, cdoc, google, KN_STR("clientId")));
    add_id(r, KN_ID_CROSS_DOMAIN_ID,
           kn_text_in(r, cdoc, r->x[KN_C_TRAITS], KN_STR("crossDomainId")));
    add_id(r, KN_ID_BRAZE_ID, kn_text_in(r, cdoc, r->x[KN_C_BRAZE], KN_STR("braze_id")));
    uint32_t list = r->x[KN_C_EXTERNAL_IDS];
    if (list != KN_JSON_NONE && cdoc->nodes[list].type == KN_JSON_ARRAY) {
        for (uint32_t i = list + 1; i < cdoc->nodes[list].next; i = cdoc->nodes[i].next) {
            add_external(r, i);
        }
    }
}

/* ---- origin ---- */

struct library {
    const char *prefix;
    enum kn_origin origin;
};

static const struct library libraries[] = {
    {"analytics.js", KN_ORIGIN_BROWSER},
    {"kern.js", KN_ORIGIN_BROWSER},
    {"RudderLabs JavaScript SDK", KN_ORIGIN_BROWSER},
    {"@jitsu/js", KN_ORIGIN_BROWSER},
    {"jitsu-js", KN_ORIGIN_BROWSER},
    {"analytics-kotlin", KN_ORIGIN_MOBILE},
    {"analytics-android", KN_ORIGIN_MOBILE},
    {"analytics-ios", KN_ORIGIN_MOBILE},
    {"analytics-swift", KN_ORIGIN_MOBILE},
    {"analytics-react-native", KN_ORIGIN_MOBILE},
    {"analytics_flutter", KN_ORIGIN_MOBILE},
    {"com.rudderstack.android", KN_ORIGIN_MOBILE},
    {"rudder-android", KN_ORIGIN_MOBILE},
    {"rudder-ios", KN_ORIGIN_MOBILE},
    {"rudder-react-native", KN_ORIGIN_MOBILE},
    {"analytics-", KN_ORIGIN_SERVER}, /* node, python, go, java, php, ruby, rust, csharp, ... */
    {"@segment/analytics-node", KN_ORIGIN_SERVER},
    {"Analytics.NET", KN_ORIGIN_SERVER},
    {"@rudderstack/rudder-sdk-node", KN_ORIGIN_SERVER},
    {"rudder-", KN_ORIGIN_SERVER},
    {"RudderAnalytics", KN_ORIGIN_SERVER},
    {"jitsu-", KN_ORIGIN_SERVER},
};

static enum kn_origin origin_of_channel(struct kn_str channel)
{
    if (kn_str_eq(channel, KN_STR("web")) || kn_str_eq(channel, KN_STR("browser"))) {
        return KN_ORIGIN_BROWSER;
    }
    return kn_str_eq(channel, KN_STR("mobile"))   ? KN_ORIGIN_MOBILE
           : kn_str_eq(channel, KN_STR("server")) ? KN_ORIGIN_SERVER
                                                  : KN_ORIGIN_UNKNOWN;
}

enum kn_origin kn_read_origin(struct kn_reading *r)
{
    const struct kn_message *m = r->m;
    struct kn_str channel = kn_text(r, r->doc, r->f[KN_F_CHANNEL]);
    channel = channel.len > 0 ? channel : kn_text(r, r->cdoc, r->x[KN_C_CHANNEL]);
    enum kn_origin said = origin_of_channel(channel);
    if (m->server || m->historic || m->imported || said == KN_ORIGIN_SERVER ||
        kn_str_eq(m->source->kind, KN_STR("import"))) {
        return KN_ORIGIN_SERVER;
    }
    struct kn_str library = kn_text_in(r, r->cdoc, r->x[KN_C_LIBRARY], KN_STR("name"));
    for (size_t i = 0; library.len > 0 && i < sizeof libraries / sizeof libraries[0]; i++) {
        if (kn_str_starts(library, kn_str_c(libraries[i].prefix))) {
            return libraries[i].origin;
        }
    }
    if (said != KN_ORIGIN_UNKNOWN) {
        return said;
    }
    bool server = kn_str_eq(m->source->kind, KN_STR("server"));
    return m->jitsu ? KN_ORIGIN_BROWSER : server ? KN_ORIGIN_SERVER : KN_ORIGIN_UNKNOWN;
}
