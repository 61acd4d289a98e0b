/* Profiles, events and links as JSON (API section 4). */
#include "api/api_internal.h"
#include "format/decimal.h"
#include "format/time_text.h"
#include "profile/fold.h"

struct kn_str kn_render_source(const struct kn_settings *settings, uint32_t number)
{
    const struct kn_source *source = kn_settings_source(settings, number);
    return source ? source->id : KN_STR("kern");
}

static void put_identifier(struct kn_buf *out, uint16_t type, struct kn_str value)
{
    kn_json_out_kv(out, "type", kn_id_name(type, value));
    kn_json_out_kv(out, "value", kn_id_plain_value(type, value));
}

static void put_identifiers(struct kn_buf *out, const struct kn_settings *s,
                            const struct kn_profile *p)
{
    kn_json_out_key(out, "identifiers");
    kn_buf_char(out, '[');
    for (size_t i = 0; i < p->id_count; i++) {
        const struct kn_profile_identifier *id = &p->ids[i];
        kn_json_out_comma(out);
        kn_buf_char(out, '{');
        put_identifier(out, id->type, id->value);
        kn_json_out_ktime(out, "first_seen_at", id->first_seen_us);
        kn_json_out_ktime(out, "last_seen_at", id->last_seen_us);
        kn_json_out_kv(out, "source", kn_render_source(s, id->source));
        kn_buf_char(out, '}');
    }
    kn_buf_char(out, ']');
}

const char *kn_render_consent(enum kn_consent_state state)
{
    static const char *const words[] = {"unknown", "granted", "denied", "conflict"};
    return words[state];
}

static void put_consents(struct kn_buf *out, const struct kn_settings *s,
                         const struct kn_profile *p)
{
    kn_json_out_key(out, "consents");
    kn_buf_char(out, '[');
    for (size_t i = 0; i < p->consent_count; i++) {
        const struct kn_profile_consent *c = &p->consents[i];
        kn_json_out_comma(out);
        kn_buf_char(out, '{');
        kn_json_out_kv(out, "purpose", c->purpose);
        kn_json_out_kv(out, "state", kn_str_c(kn_render_consent(c->state)));
        kn_json_out_kv(out, "basis", c->basis);
        if (c->text_version.len > 0) {
            kn_json_out_kv(out, "text_version", c->text_version);
        }
        kn_json_out_ktime(out, "at", c->at_us);
        kn_json_out_kv(out, "source", kn_render_source(s, c->source));
        kn_json_out_kv(out, "proof", c->message_id);
        kn_buf_char(out, '}');
    }
    kn_buf_char(out, ']');
}

static void put_counters(struct kn_buf *out, const struct kn_settings *s,
                         const struct kn_profile *p)
{
    struct kn_profile_revenue revenue[32];
    size_t orders;
    size_t count = kn_profile_revenue(p, s->currency, revenue, 32, &orders);
    kn_json_out_key(out, "counters");
    kn_buf_char(out, '{');
    kn_json_out_ki64(out, "events", (int64_t)p->events);
    kn_json_out_ki64(out, "sessions", (int64_t)p->session_count);
    kn_json_out_ki64(out, "orders", (int64_t)orders);
    kn_json_out_key(out, "revenue");
    kn_buf_char(out, '[');
    for (size_t i = 0; i < count; i++) {
        kn_json_out_comma(out);
        kn_buf_char(out, '{');
        kn_json_out_kv(out, "currency", kn_str_c(revenue[i].currency));
        kn_json_out_key(out, "amount");
        kn_money_format(revenue[i].amount, revenue[i].currency, out);
        kn_buf_char(out, '}');
    }
    kn_buf_c(out, "]}");
}

static void put_touch_facts(struct kn_buf *out, const struct kn_profile_touch *t)
{
    const struct {
        const char *key;
        struct kn_str value;
    } parts[] = {
        {"channel", t->channel},   {"source", t->source},     {"medium", t->medium},
        {"campaign", t->campaign}, {"term", t->term},         {"content", t->content},
        {"referrer", t->referrer}, {"click_id", t->click_id}, {"landing_page", t->landing_page}};
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        if (parts[i].value.len > 0) {
            kn_json_out_kv(out, parts[i].key, parts[i].value);
        }
    }
}

static void put_touch(struct kn_buf *out, const char *key, const struct kn_profile_touch *t)
{
    kn_json_out_key(out, key);
    if (!t->present) {
        kn_buf_c(out, "null");
        return;
    }
    kn_buf_char(out, '{');
    kn_json_out_ktime(out, "at", t->at_us);
    put_touch_facts(out, t);
    kn_buf_char(out, '}');
}

static void put_device(struct kn_buf *out, struct kn_str device, struct kn_str browser,
                       struct kn_str platform, struct kn_str country)
{
    kn_json_out_kv(out, "device", device);
    kn_json_out_kv(out, "browser", browser);
    kn_json_out_kv(out, "platform", platform);
    if (country.len > 0) {
        kn_json_out_kv(out, "country", country);
    }
}

void kn_render_session(struct kn_buf *out, const struct kn_profile_session *session,
                       const struct kn_item_device *device)
{
    kn_json_out_comma(out);
    kn_buf_char(out, '{');
    kn_json_out_ktime(out, "started_at", session->start_us);
    kn_json_out_ktime(out, "ended_at", session->end_us);
    put_touch_facts(out, &session->touch);
    if (device->present) {
        put_device(out, device->device, device->browser, device->platform, device->country);
    }
    kn_buf_char(out, '}');
}

static void put_devices(struct kn_buf *out, const struct kn_profile *p)
{
    kn_json_out_key(out, "devices");
    kn_buf_char(out, '[');
    for (size_t i = 0; i < p->device_count; i++) {
        const struct kn_profile_device *d = &p->devices[i];
        kn_json_out_comma(out);
        kn_buf_char(out, '{');
        put_device(out, d->device, d->browser, d->platform, d->country);
        kn_json_out_ktime(out, "last_seen_at", d->last_seen_us);
        kn_buf_char(out, '}');
    }
    kn_buf_char(out, ']');
}

static void put_id(struct kn_buf *out, const char *key, struct kn_h128 id)
{
    char text[27];
    kn_profile_id_text(id, text);
    kn_json_out_kv(out, key, kn_str(text, 26));
}

static void put_computed(struct kn_buf *out, const struct kn_profile *p)
{
    kn_json_out_key(out, "computed");
    kn_buf_char(out, '{');
    for (size_t i = 0; i < p->computed_count; i++) {
        kn_json_out_key_str(out, p->computed[i].key);
        kn_buf_str(out, p->computed[i].json);
    }
    kn_buf_char(out, '}');
}

static void put_segments(struct kn_buf *out, const struct kn_profile *p)
{
    kn_json_out_key(out, "segments");
    kn_buf_char(out, '[');
    for (size_t i = 0; i < p->segment_count; i++) {
        kn_json_out_comma(out);
        kn_buf_char(out, '{');
        kn_json_out_kv(out, "key", p->segments[i].key);
        kn_json_out_ktime(out, "since", p->segments[i].since_us);
        kn_buf_char(out, '}');
    }
    kn_buf_char(out, ']');
}

void kn_render_profile(struct kn_buf *out, const struct kn_settings *s, const struct kn_profile *p)
{
    kn_buf_char(out, '{');
    put_id(out, "id", p->id);
    kn_json_out_ktime(out, "created_at", p->created_us);
    kn_json_out_ktime(out, "first_seen_at", p->first_seen_us);
    kn_json_out_ktime(out, "last_seen_at", p->last_seen_us);
    put_identifiers(out, s, p);
    kn_json_out_key(out, "traits");
    kn_buf_char(out, '{');
    for (size_t i = 0; i < p->trait_count; i++) {
        if (p->traits[i].json.len > 0) {
            kn_json_out_key_str(out, p->traits[i].key);
            kn_buf_str(out, p->traits[i].json);
        }
    }
    kn_buf_char(out, '}');
    put_computed(out, p);
    put_segments(out, p);
    put_consents(out, s, p);
    put_counters(out, s, p);
    put_touch(out, "first_touch", &p->first_touch);
    put_touch(out, "last_touch", &p->last_touch);
    put_devices(out, p);
    kn_json_out_key(out, "merged_ids");
    kn_buf_char(out, '[');
    for (size_t i = 0; i < p->merged_count; i++) {
        char text[27];
        kn_profile_id_text(p->merged[i].id, text);
        kn_json_out_comma(out);
        kn_json_out_string(out, kn_str(text, 26));
    }
    kn_buf_c(out, "]}");
}

/* ---- events ---- */

const char *kn_render_type(const struct kn_item *item)
{
    switch (item->kind) {
    case KN_ITEM_EVENT: return kn_event_type_name(item->type);
    case KN_ITEM_CONSENT: return "consent";
    case KN_ITEM_MERGE: return "merge";
    case KN_ITEM_UNMERGE: return "unmerge";
    case KN_ITEM_NOTE: return "note";
    case KN_ITEM_REJECT:
    case KN_ITEM_SETTING:
    case KN_ITEM_TICK:
    case KN_ITEM_GENESIS:
    case KN_ITEM_BUILT:
    case KN_ITEM_LIST:
    case KN_ITEM_DELIVERY:
    case KN_ITEM_ERASE:
    case KN_ITEM_ERASED:
    case KN_ITEM_VOID: break;
    }
    return "other";
}

/* Members of the body under their API names; the rest as they came. */
static const char *renamed(struct kn_str key)
{
    static const struct {
        const char *wire, *api;
    } names[] = {{"userId", "user_id"},
                 {"anonymousId", "anonymous_id"},
                 {"groupId", "group_id"},
                 {"previousId", "previous_id"},
                 {"sentAt", "sent_at"},
                 {"originalTimestamp", "original_timestamp"},
                 {"timestamp", "given_timestamp"},
                 {"messageId", "given_message_id"}};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (kn_str_eq(key, kn_str_c(names[i].wire))) {
            return names[i].api;
        }
    }
    return NULL;
}

/* A member that would collide with one of ours gets an underscore. */
static bool is_ours(struct kn_str key)
{
    static const char *const ours[] = {"message_id",  "type",        "event",
                                       "received_at", "source",      "given_timestamp",
                                       "user_id",     "anonymous_id"};
    for (size_t i = 0; i < sizeof ours / sizeof ours[0]; i++) {
        if (kn_str_eq(key, kn_str_c(ours[i]))) {
            return true;
        }
    }
    return false;
}

void kn_render_event(struct kn_buf *out, const struct kn_settings *s, const struct kn_item *item,
                     struct kn_arena *arena)
{
    size_t offset = 0;
    struct kn_str key;
    struct kn_str value;
    bool properties = false;
    bool context = false;
    (void)arena;
    kn_buf_char(out, '{');
    kn_json_out_kv(out, "message_id", item->message_id);
    kn_json_out_kv(out, "type", kn_str_c(kn_render_type(item)));
    if (item->name.len > 0 && item->kind == KN_ITEM_EVENT) {
        kn_json_out_kv(out, "event", item->name);
    } else {
        kn_json_out_kraw(out, "event", KN_STR("null"));
    }
    kn_json_out_ktime(out, "timestamp", item->event_us);
    kn_json_out_ktime(out, "received_at", item->received_us);
    kn_json_out_kv(out, "source", kn_render_source(s, item->source));
    while (item->body.len > 0 && kn_json_walk(item->body, &offset, &key, &value)) {
        const char *name = renamed(key);
        properties = properties || kn_str_eq(key, KN_STR("properties"));
        context = context || kn_str_eq(key, KN_STR("context"));
        kn_json_out_comma(out);
        kn_buf_char(out, '"');
        if (!name && is_ours(key)) {
            kn_buf_char(out, '_');
        }
        kn_buf_str(out, name ? kn_str_c(name) : key);
        kn_buf_c(out, "\":");
        kn_buf_str(out, value);
    }
    if (!properties) {
        kn_json_out_kraw(out, "properties", KN_STR("{}"));
    }
    if (!context) {
        kn_json_out_kraw(out, "context", KN_STR("{}"));
    }
    kn_buf_char(out, '}');
}

/* ---- links ---- */

void kn_render_links(struct kn_buf *out, const struct kn_settings *s,
                     const struct kn_profile_link *links, size_t count)
{
    static const char *const kinds[] = {"",        "created", "added", "merged",
                                        "refused", "ignored", "split", "split_off"};
    for (size_t i = 0; i < count; i++) {
        const struct kn_profile_link *l = &links[i];
        kn_json_out_comma(out);
        kn_buf_char(out, '{');
        kn_json_out_kv(out, "kind", kn_str_c(kinds[l->kind]));
        kn_json_out_kv(out, "by", l->by_person ? KN_STR("person") : KN_STR("event"));
        kn_json_out_ktime(out, "at", l->at_us);
        kn_json_out_kv(out, "source", kn_render_source(s, l->source));
        kn_json_out_kv(out, "message_id", l->message_id);
        if (l->reason.len > 0) {
            kn_json_out_kv(out, "reason", l->reason);
        }
        if (!kn_h128_is_zero(l->other_id)) {
            put_id(out, "profile", l->other_id);
        }
        kn_json_out_key(out, "identifiers");
        kn_buf_char(out, '[');
        for (size_t k = 0; k < l->id_count; k++) {
            kn_json_out_comma(out);
            kn_buf_char(out, '{');
            put_identifier(out, l->ids[k].type, l->ids[k].value);
            kn_buf_char(out, '}');
        }
        kn_buf_c(out, "]}");
    }
}
