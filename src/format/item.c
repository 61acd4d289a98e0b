#include "format/item.h"

enum { ITEM_VERSION = 1, LENGTH_MAX = 32 * 1024 * 1024 };

enum section {
    HAS_NAME = 1U << 0,
    HAS_IDS = 1U << 1,
    HAS_TRAITS = 1U << 2,
    HAS_ORDER = 1U << 3,
    HAS_VISIT = 1U << 4,
    HAS_DEVICE = 1U << 5,
    HAS_CONSENTS = 1U << 6,
    HAS_BODY = 1U << 7,
};

static const char *const id_names[KN_ID_BUILTIN_COUNT] = {
    [KN_ID_USER_ID] = "user_id",
    [KN_ID_EMAIL] = "email",
    [KN_ID_PHONE] = "phone",
    [KN_ID_ANONYMOUS_ID] = "anonymous_id",
    [KN_ID_ANDROID_ID] = "android.id",
    [KN_ID_IOS_ID] = "ios.id",
    [KN_ID_ANDROID_IDFA] = "android.idfa",
    [KN_ID_IOS_IDFA] = "ios.idfa",
    [KN_ID_ANDROID_PUSH_TOKEN] = "android.push_token",
    [KN_ID_IOS_PUSH_TOKEN] = "ios.push_token",
    [KN_ID_GA_CLIENT_ID] = "ga_client_id",
    [KN_ID_CROSS_DOMAIN_ID] = "cross_domain_id",
    [KN_ID_BRAZE_ID] = "braze_id",
};

const char *kn_id_type_name(unsigned type)
{
    return type < KN_ID_BUILTIN_COUNT ? id_names[type] : NULL;
}

uint16_t kn_id_type_number(struct kn_str name)
{
    for (uint16_t i = 1; i < KN_ID_BUILTIN_COUNT; i++) {
        if (kn_str_eq(name, kn_str_c(id_names[i]))) {
            return i;
        }
    }
    return 0;
}

const char *kn_event_type_name(enum kn_event_type type)
{
    static const char *const names[] = {"", "track", "identify", "page", "screen", "group", "alias"};
    return names[type];
}

/* ---- encode ---- */

static void put_time(struct kn_buf *out, int64_t us)
{
    kn_buf_varint(out, kn_zigzag(us));
}

static unsigned sections_of(const struct kn_item *item)
{
    return (item->name.len > 0 ? HAS_NAME : 0U) | (item->id_count > 0 ? HAS_IDS : 0U) |
           (item->traits.len > 0 ? HAS_TRAITS : 0U) |
           (item->order.event != KN_ORDER_NONE ? HAS_ORDER : 0U) |
           (item->visit.present ? HAS_VISIT : 0U) | (item->device.present ? HAS_DEVICE : 0U) |
           (item->consent_count > 0 ? HAS_CONSENTS : 0U) | (item->body.len > 0 ? HAS_BODY : 0U);
}

static void put_order(const struct kn_item_order *o, struct kn_buf *out)
{
    kn_buf_varint(out, (uint64_t)o->event << 1 | (o->has_amount ? 1 : 0));
    kn_buf_lstr(out, o->order_id);
    put_time(out, o->amount);
    kn_buf_lstr(out, kn_str(o->currency, strnlen(o->currency, 3)));
}

static void put_visit(const struct kn_item_visit *v, struct kn_buf *out)
{
    const struct kn_str parts[] = {v->channel, v->source,   v->medium,   v->campaign,    v->term,
                                   v->content, v->referrer, v->click_id, v->landing_page};
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        kn_buf_lstr(out, parts[i]);
    }
}

static void put_consents(const struct kn_item *item, struct kn_buf *out)
{
    kn_buf_varint(out, item->consent_count);
    for (size_t i = 0; i < item->consent_count; i++) {
        const struct kn_item_consent *c = &item->consents[i];
        kn_buf_lstr(out, c->purpose);
        kn_buf_varint(out, (uint64_t)c->state);
        kn_buf_lstr(out, c->basis);
        kn_buf_lstr(out, c->text_version);
        put_time(out, c->at_us);
    }
}

static void put_contents(const struct kn_item *item, struct kn_buf *out)
{
    unsigned sections = sections_of(item);
    kn_buf_varint(out, ITEM_VERSION);
    kn_buf_varint(out, (uint64_t)item->kind);
    kn_buf_varint(out, (uint64_t)item->type);
    kn_buf_varint(out, item->flags);
    kn_buf_varint(out, item->source);
    kn_buf_varint(out, sections);
    put_time(out, item->event_us);
    put_time(out, (int64_t)((uint64_t)item->received_us - (uint64_t)item->event_us));
    kn_buf_lstr(out, item->message_id);
    if (sections & HAS_NAME) {
        kn_buf_lstr(out, item->name);
    }
    if (sections & HAS_IDS) {
        kn_buf_varint(out, item->id_count);
        for (size_t i = 0; i < item->id_count; i++) {
            kn_buf_varint(out, item->ids[i].type);
            kn_buf_lstr(out, item->ids[i].value);
        }
    }
    if (sections & HAS_TRAITS) {
        kn_buf_lstr(out, item->traits);
    }
    if (sections & HAS_ORDER) {
        put_order(&item->order, out);
    }
    if (sections & HAS_VISIT) {
        put_visit(&item->visit, out);
    }
    if (sections & HAS_DEVICE) {
        kn_buf_lstr(out, item->device.device);
        kn_buf_lstr(out, item->device.browser);
        kn_buf_lstr(out, item->device.platform);
        kn_buf_lstr(out, item->device.country);
    }
    if (sections & HAS_CONSENTS) {
        put_consents(item, out);
    }
    if (sections & HAS_BODY) {
        kn_buf_lstr(out, item->body);
    }
}

/* The length stands first, in four bytes, so that an item can be stepped over and be encoded in
 * place. */
void kn_item_encode(const struct kn_item *item, struct kn_buf *out)
{
    size_t at = out->len;
    kn_buf_le32(out, 0);
    put_contents(item, out);
    if (out->rc != KN_OK) {
        return;
    }
    size_t len = out->len - at - 4;
    if (len > LENGTH_MAX) {
        out->rc = KN_E_LIMIT;
        return;
    }
    for (unsigned i = 0; i < 4; i++) {
        out->p[at + i] = (char)(unsigned char)(len >> (8 * i));
    }
}

/* ---- decode ---- */

struct kn_str kn_item_skip(struct kn_cursor *in)
{
    const unsigned char *from = in->p;
    uint32_t len = kn_take_le32(in);
    struct kn_str rest = kn_take_bytes(in, len);
    return in->bad ? KN_STR_EMPTY : kn_str(from, rest.len + 4);
}

static int64_t take_time(struct kn_cursor *c)
{
    return kn_unzigzag(kn_take_varint(c));
}

static void take_ids(struct kn_cursor *c, const struct kn_hash_key *key, struct kn_arena *arena,
                     struct kn_item *item)
{
    uint64_t count = kn_take_varint(c);
    if (count == 0 || count > KN_ITEM_IDS_MAX) {
        c->bad = true;
        return;
    }
    item->ids = kn_arena_zero(arena, (size_t)count, sizeof *item->ids);
    c->bad = c->bad || !item->ids;
    for (size_t i = 0; i < count && !c->bad; i++) {
        uint64_t type = kn_take_varint(c);
        item->ids[i].value = kn_take_lstr(c);
        if (type == 0 || type > KN_ID_CUSTOM || item->ids[i].value.len == 0 ||
            item->ids[i].value.len > KN_ITEM_ID_VALUE_MAX) {
            c->bad = true;
            return;
        }
        item->ids[i].type = (uint16_t)type;
        item->ids[i].hash = kn_hash_tagged(key, (uint32_t)type, item->ids[i].value);
    }
    item->id_count = (size_t)count;
}

static void take_order(struct kn_cursor *c, struct kn_item_order *o)
{
    uint64_t bits = kn_take_varint(c);
    o->order_id = kn_take_lstr(c);
    o->amount = take_time(c);
    struct kn_str currency = kn_take_lstr(c);
    if (bits >> 1 == 0 || bits >> 1 > KN_ORDER_CANCELLED || currency.len > 3) {
        c->bad = true;
        return;
    }
    o->event = (enum kn_order_event)(bits >> 1);
    o->has_amount = bits & 1;
    if (currency.len > 0) {
        memcpy(o->currency, currency.p, currency.len);
    }
}

static void take_visit(struct kn_cursor *c, struct kn_item_visit *v)
{
    struct kn_str *parts[] = {&v->channel, &v->source,   &v->medium,   &v->campaign,    &v->term,
                              &v->content, &v->referrer, &v->click_id, &v->landing_page};
    v->present = true;
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        *parts[i] = kn_take_lstr(c);
    }
}

static void take_consents(struct kn_cursor *c, struct kn_arena *arena, struct kn_item *item)
{
    uint64_t count = kn_take_varint(c);
    if (count == 0 || count > KN_ITEM_CONSENTS_MAX) {
        c->bad = true;
        return;
    }
    item->consents = kn_arena_zero(arena, (size_t)count, sizeof *item->consents);
    c->bad = c->bad || !item->consents;
    for (size_t i = 0; i < count && !c->bad; i++) {
        struct kn_item_consent *consent = &item->consents[i];
        consent->purpose = kn_take_lstr(c);
        uint64_t state = kn_take_varint(c);
        consent->basis = kn_take_lstr(c);
        consent->text_version = kn_take_lstr(c);
        consent->at_us = take_time(c);
        c->bad = c->bad || state > KN_CONSENT_CONFLICT || consent->purpose.len == 0;
        consent->state = (enum kn_consent_state)state;
    }
    item->consent_count = (size_t)count;
}

static void take_sections(struct kn_cursor *c, uint64_t sections, const struct kn_hash_key *key,
                          struct kn_arena *arena, struct kn_item *item)
{
    if (sections & HAS_NAME) {
        item->name = kn_take_lstr(c);
    }
    if (sections & HAS_IDS) {
        take_ids(c, key, arena, item);
    }
    if (sections & HAS_TRAITS) {
        item->traits = kn_take_lstr(c);
    }
    if (sections & HAS_ORDER) {
        take_order(c, &item->order);
    }
    if (sections & HAS_VISIT) {
        take_visit(c, &item->visit);
    }
    if (sections & HAS_DEVICE) {
        item->device.present = true;
        item->device.device = kn_take_lstr(c);
        item->device.browser = kn_take_lstr(c);
        item->device.platform = kn_take_lstr(c);
        item->device.country = kn_take_lstr(c);
    }
    if (sections & HAS_CONSENTS) {
        take_consents(c, arena, item);
    }
    if (sections & HAS_BODY) {
        item->body = kn_take_lstr(c);
    }
}

enum kn_rc kn_item_decode(struct kn_cursor *in, const struct kn_hash_key *key,
                          struct kn_arena *arena, struct kn_item *ret, struct kn_err *err)
{
    struct kn_str bytes = kn_item_skip(in);
    if (bytes.len < 4) {
        return kn_fail(err, KN_E_CORRUPT, "an item is cut short");
    }
    struct kn_cursor c = kn_cursor(kn_str_sub(bytes, 4, bytes.len));
    struct kn_item item = {0};
    uint64_t version = kn_take_varint(&c);
    uint64_t kind = kn_take_varint(&c);
    uint64_t type = kn_take_varint(&c);
    item.flags = (uint32_t)kn_take_varint(&c);
    item.source = (uint32_t)kn_take_varint(&c);
    uint64_t sections = kn_take_varint(&c);
    item.event_us = take_time(&c);
    item.received_us = (int64_t)((uint64_t)item.event_us + (uint64_t)take_time(&c));
    item.message_id = kn_take_lstr(&c);
    if (version != ITEM_VERSION || kind < KN_ITEM_EVENT || kind > KN_ITEM_GENESIS ||
        type > KN_EVENT_ALIAS) {
        return kn_fail(err, KN_E_CORRUPT, "an item has an unknown version, kind or type");
    }
    item.kind = (enum kn_item_kind)kind;
    item.type = (enum kn_event_type)type;
    take_sections(&c, sections, key, arena, &item);
    if (c.bad || c.p != c.end) {
        return kn_fail(err, KN_E_CORRUPT, "an item does not decode");
    }
    item.message_hash = kn_hash_tagged(key, 0x20000U + item.source, item.message_id);
    *ret = item;
    return KN_OK;
}
