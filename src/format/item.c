/* The encoding of items; byte table in docs/formats/item.md. Every value has one encoding only:
 * decode refuses what encode would not have written, so that the two are exact inverses. */
#include "format/item.h"

#include "base/assert.h"

enum {
    ITEM_VERSION = 1,
    LENGTH_MAX = 32 * 1024 * 1024, /* of an item, without the length itself */
    VARINT_MAX = 10,
    MESSAGE_ID_MAX = 100,
};

/* Keeps hashes of messages apart from those of identifiers, whose tag is their type. */
static const uint32_t MESSAGE_TAG = 0x20000U;

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
    for (unsigned i = 1; i < KN_ID_BUILTIN_COUNT; i++) {
        if (kn_str_eq(name, kn_str_c(id_names[i]))) {
            return (uint16_t)i;
        }
    }
    return 0;
}

const char *kn_event_type_name(enum kn_event_type type)
{
    static const char *const names[] = {"",       "track", "identify", "page",
                                        "screen", "group", "alias"};
    return (unsigned)type < sizeof names / sizeof names[0] ? names[type] : "";
}

/* ---- encode ---- */

static unsigned sections_of(const struct kn_item *item)
{
    return (item->name.len > 0 ? HAS_NAME : 0U) | (item->id_count > 0 ? HAS_IDS : 0U) |
           (item->traits.len > 0 ? HAS_TRAITS : 0U) |
           (item->order.event != KN_ORDER_NONE ? HAS_ORDER : 0U) |
           (item->visit.present ? HAS_VISIT : 0U) | (item->device.present ? HAS_DEVICE : 0U) |
           (item->consent_count > 0 ? HAS_CONSENTS : 0U) | (item->body.len > 0 ? HAS_BODY : 0U);
}

enum { VISIT_PARTS = 9, DEVICE_PARTS = 4 };

/* In the order of the bytes. */
static void visit_parts(struct kn_item_visit *v, struct kn_str *parts[VISIT_PARTS])
{
    parts[0] = &v->channel;
    parts[1] = &v->source;
    parts[2] = &v->medium;
    parts[3] = &v->campaign;
    parts[4] = &v->term;
    parts[5] = &v->content;
    parts[6] = &v->referrer;
    parts[7] = &v->click_id;
    parts[8] = &v->landing_page;
}

static void device_parts(struct kn_item_device *d, struct kn_str *parts[DEVICE_PARTS])
{
    parts[0] = &d->device;
    parts[1] = &d->browser;
    parts[2] = &d->platform;
    parts[3] = &d->country;
}

static bool is_kind(unsigned kind)
{
    return kind >= KN_ITEM_EVENT && kind <= KN_ITEM_VOID;
}

/* The limits of item.h; decode checks the same. */
static bool within_limits(const struct kn_item *item)
{
    bool ok = is_kind(item->kind) && item->type <= KN_EVENT_ALIAS &&
              item->message_id.len <= MESSAGE_ID_MAX && item->id_count <= KN_ITEM_IDS_MAX &&
              item->consent_count <= KN_ITEM_CONSENTS_MAX &&
              item->order.event <= KN_ORDER_CANCELLED;
    for (size_t i = 0; ok && i < item->id_count; i++) {
        ok = item->ids[i].type > 0 && item->ids[i].type <= KN_ID_CUSTOM &&
             item->ids[i].value.len > 0 && item->ids[i].value.len <= KN_ITEM_ID_VALUE_MAX;
    }
    for (size_t i = 0; ok && i < item->consent_count; i++) {
        ok = item->consents[i].purpose.len > 0 && item->consents[i].state <= KN_CONSENT_CONFLICT;
    }
    return ok;
}

/* Not less than the item's bytes behind its length, or SIZE_MAX beyond the limit. */
static size_t size_bound(const struct kn_item *item)
{
    size_t sum = 64 + 5 * VARINT_MAX; /* the fixed part and the order's numbers */
    struct kn_item_visit visit = item->visit;
    struct kn_item_device device = item->device;
    struct kn_str *visit_text[VISIT_PARTS];
    struct kn_str *device_text[DEVICE_PARTS];
    bool over = false;
    visit_parts(&visit, visit_text);
    device_parts(&device, device_text);
    const struct kn_str texts[] = {item->message_id, item->name, item->traits, item->order.order_id,
                                   item->body};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        over |= __builtin_add_overflow(sum, texts[i].len, &sum);
        sum += VARINT_MAX;
    }
    for (size_t i = 0; visit.present && i < VISIT_PARTS; i++) {
        over |= __builtin_add_overflow(sum, visit_text[i]->len, &sum);
        sum += VARINT_MAX;
    }
    for (size_t i = 0; device.present && i < DEVICE_PARTS; i++) {
        over |= __builtin_add_overflow(sum, device_text[i]->len, &sum);
        sum += VARINT_MAX;
    }
    for (size_t i = 0; i < item->id_count; i++) {
        sum += item->ids[i].value.len + 2 * (size_t)VARINT_MAX;
    }
    for (size_t i = 0; i < item->consent_count; i++) {
        const struct kn_item_consent *c = &item->consents[i];
        over |= __builtin_add_overflow(sum, c->purpose.len, &sum);
        over |= __builtin_add_overflow(sum, c->basis.len, &sum);
        over |= __builtin_add_overflow(sum, c->text_version.len, &sum);
        sum += 5 * (size_t)VARINT_MAX;
    }
    return over ? SIZE_MAX : sum;
}

static unsigned char *put_varint(unsigned char *to, uint64_t value)
{
    while (value >= 0x80) {
        *to++ = (unsigned char)(value | 0x80);
        value >>= 7;
    }
    *to++ = (unsigned char)value;
    return to;
}

static unsigned char *put_time(unsigned char *to, int64_t us)
{
    return put_varint(to, kn_zigzag(us));
}

static unsigned char *put_text(unsigned char *to, struct kn_str s)
{
    to = put_varint(to, s.len);
    if (s.len > 0) {
        memcpy(to, s.p, s.len);
    }
    return to + s.len;
}

static unsigned char *put_order(unsigned char *to, const struct kn_item_order *o)
{
    to = put_varint(to, (uint64_t)o->event << 1 | (o->has_amount ? 1U : 0U));
    to = put_text(to, o->order_id);
    if (o->has_amount) {
        to = put_time(to, o->amount);
    }
    return put_text(to, kn_str(o->currency, strnlen(o->currency, 3)));
}

static unsigned char *put_consents(unsigned char *to, const struct kn_item *item)
{
    to = put_varint(to, item->consent_count);
    for (size_t i = 0; i < item->consent_count; i++) {
        const struct kn_item_consent *c = &item->consents[i];
        to = put_text(to, c->purpose);
        to = put_varint(to, (uint64_t)c->state);
        to = put_text(to, c->basis);
        to = put_text(to, c->text_version);
        to = put_time(to, c->at_us);
    }
    return to;
}

static unsigned char *put_ids(unsigned char *to, const struct kn_item *item)
{
    to = put_varint(to, item->id_count);
    for (size_t i = 0; i < item->id_count; i++) {
        to = put_varint(to, item->ids[i].type);
        to = put_text(to, item->ids[i].value);
    }
    return to;
}

static unsigned char *put_sections(unsigned char *to, const struct kn_item *item, unsigned sections)
{
    struct kn_item_visit visit = item->visit;
    struct kn_item_device device = item->device;
    struct kn_str *visit_text[VISIT_PARTS];
    struct kn_str *device_text[DEVICE_PARTS];
    visit_parts(&visit, visit_text);
    device_parts(&device, device_text);
    to = sections & HAS_NAME ? put_text(to, item->name) : to;
    to = sections & HAS_IDS ? put_ids(to, item) : to;
    to = sections & HAS_TRAITS ? put_text(to, item->traits) : to;
    to = sections & HAS_ORDER ? put_order(to, &item->order) : to;
    for (size_t i = 0; sections & HAS_VISIT && i < VISIT_PARTS; i++) {
        to = put_text(to, *visit_text[i]);
    }
    for (size_t i = 0; sections & HAS_DEVICE && i < DEVICE_PARTS; i++) {
        to = put_text(to, *device_text[i]);
    }
    to = sections & HAS_CONSENTS ? put_consents(to, item) : to;
    return sections & HAS_BODY ? put_text(to, item->body) : to;
}

void kn_item_encode(const struct kn_item *item, struct kn_buf *out)
{
    size_t bound = within_limits(item) ? size_bound(item) : SIZE_MAX;
    if (out->rc == KN_OK && bound > LENGTH_MAX) {
        out->rc = KN_E_LIMIT;
    }
    unsigned char *from = (unsigned char *)kn_buf_reserve(out, bound + VARINT_MAX);
    if (!from) {
        return;
    }
    unsigned char length[VARINT_MAX];
    size_t guess = (size_t)(put_varint(length, bound) - length);
    unsigned sections = sections_of(item);
    unsigned char *to = from + guess; /* the length goes in front when it is known */
    *to++ = ITEM_VERSION;
    *to++ = (unsigned char)item->kind;
    *to++ = (unsigned char)item->type;
    *to++ = (unsigned char)sections;
    to = put_varint(to, item->flags);
    to = put_varint(to, item->source);
    to = put_time(to, item->event_us);
    to = put_time(to, (int64_t)((uint64_t)item->received_us - (uint64_t)item->event_us));
    to = put_text(to, item->message_id);
    to = put_sections(to, item, sections);
    size_t len = (size_t)(to - (from + guess));
    size_t used = (size_t)(put_varint(length, len) - length);
    if (used != guess) {
        memmove(from + used, from + guess, len);
    }
    memcpy(from, length, used);
    out->len += used + len;
}

/* The length of a text that takes `room` bytes together with its length; 0: there is none. */
static size_t text_that_fills(size_t room)
{
    unsigned char number[VARINT_MAX];
    for (size_t used = 1; used < room && used <= VARINT_MAX; used++) {
        if ((size_t)(put_varint(number, room - used) - number) == used) {
            return room - used;
        }
    }
    return 0;
}

/* The message id fills it, or a body where that is too short. */
void kn_item_void(char *bytes, size_t len)
{
    enum { FIXED = 9, AT_KIND = 1, AT_SECTIONS = 3 };
    struct kn_cursor c = kn_cursor(kn_str(bytes, len));
    uint64_t payload = kn_take_varint(&c);
    kn_assert(!c.bad && payload == (uint64_t)(c.end - c.p) && payload >= FIXED);
    unsigned char *to = (unsigned char *)bytes + (len - (size_t)payload);
    size_t id = (size_t)payload - FIXED;
    size_t body = 0;
    if (id > MESSAGE_ID_MAX) {
        body = text_that_fills(id);
        id = body > 0 ? 0 : 1;
        body = body > 0 ? body : text_that_fills((size_t)payload - FIXED - id);
    }
    memset(to, 0, (size_t)payload);
    to[0] = ITEM_VERSION;
    to[AT_KIND] = KN_ITEM_VOID;
    to[AT_SECTIONS] = body > 0 ? HAS_BODY : 0;
    to[FIXED - 1] = (unsigned char)id;
    if (body > 0) {
        (void)put_varint(to + FIXED + id, body);
    }
}

/* ---- decode ---- */

/* Like kn_take_varint, but the shortest form only. */
static uint64_t take(struct kn_cursor *c)
{
    if (c->p < c->end && *c->p < 0x80) {
        return *c->p++;
    }
    uint64_t value = kn_take_varint(c);
    c->bad |= !c->bad && c->p[-1] == 0;
    return value;
}

static int64_t take_time(struct kn_cursor *c)
{
    return kn_unzigzag(take(c));
}

static struct kn_str take_text(struct kn_cursor *c)
{
    uint64_t len = take(c);
    if (c->bad || len > (uint64_t)(c->end - c->p)) {
        c->bad = true;
        return KN_STR_EMPTY;
    }
    struct kn_str text = kn_str(c->p, (size_t)len);
    c->p += len;
    return text;
}

/* A text whose presence its section says: an empty one would have two encodings. */
static struct kn_str take_some(struct kn_cursor *c)
{
    struct kn_str text = take_text(c);
    c->bad |= text.len == 0;
    return text;
}

struct kn_str kn_item_skip(struct kn_cursor *in)
{
    const unsigned char *from = in->p;
    uint64_t len = take(in);
    (void)kn_take_bytes(in, len <= LENGTH_MAX ? (size_t)len : SIZE_MAX);
    return in->bad ? KN_STR_EMPTY : kn_str(from, (size_t)(in->p - from));
}

/* Room for `count` things, 1 to most; NULL and c->bad, or *nomem. */
static void *take_room(struct kn_cursor *c, uint64_t most, size_t bytes, struct kn_arena *arena,
                       size_t *ret_count, bool *nomem)
{
    uint64_t count = take(c);
    if (c->bad || count == 0 || count > most) {
        c->bad = true;
        return NULL;
    }
    void *room = kn_arena_zero(arena, (size_t)count, bytes);
    *nomem |= !room;
    c->bad |= !room;
    *ret_count = room ? (size_t)count : 0;
    return room;
}

static void take_ids(struct kn_cursor *c, const struct kn_hash_key *key, struct kn_arena *arena,
                     struct kn_item *item, bool *nomem)
{
    item->ids = take_room(c, KN_ITEM_IDS_MAX, sizeof *item->ids, arena, &item->id_count, nomem);
    for (size_t i = 0; i < item->id_count && !c->bad; i++) {
        struct kn_item_id *id = &item->ids[i];
        uint64_t type = take(c);
        id->value = take_some(c);
        if (c->bad || type == 0 || type > KN_ID_CUSTOM || id->value.len > KN_ITEM_ID_VALUE_MAX) {
            c->bad = true;
            return;
        }
        id->type = (uint16_t)type;
        if (key) {
            id->hash = kn_hash_tagged(key, (uint32_t)type, id->value);
        }
    }
}

static void take_order(struct kn_cursor *c, struct kn_item_order *o)
{
    uint64_t bits = take(c);
    o->order_id = take_text(c);
    o->has_amount = bits & 1;
    o->amount = o->has_amount ? take_time(c) : 0;
    struct kn_str currency = take_text(c);
    if (c->bad || bits >> 1 == 0 || bits >> 1 > KN_ORDER_CANCELLED || currency.len > 3 ||
        (currency.len > 0 && memchr(currency.p, '\0', currency.len))) {
        c->bad = true;
        return;
    }
    o->event = (enum kn_order_event)(bits >> 1);
    if (currency.len > 0) {
        memcpy(o->currency, currency.p, currency.len);
    }
}

static void take_consents(struct kn_cursor *c, struct kn_arena *arena, struct kn_item *item,
                          bool *nomem)
{
    item->consents = take_room(c, KN_ITEM_CONSENTS_MAX, sizeof *item->consents, arena,
                               &item->consent_count, nomem);
    for (size_t i = 0; i < item->consent_count && !c->bad; i++) {
        struct kn_item_consent *consent = &item->consents[i];
        consent->purpose = take_some(c);
        uint64_t state = take(c);
        consent->basis = take_text(c);
        consent->text_version = take_text(c);
        consent->at_us = take_time(c);
        c->bad |= state > KN_CONSENT_CONFLICT;
        consent->state = (enum kn_consent_state)(state & 3);
    }
}

static void take_sections(struct kn_cursor *c, unsigned sections, const struct kn_hash_key *key,
                          struct kn_arena *arena, struct kn_item *item, bool *nomem)
{
    if (sections & HAS_NAME) {
        item->name = take_some(c);
    }
    if (sections & HAS_IDS) {
        take_ids(c, key, arena, item, nomem);
    }
    if (sections & HAS_TRAITS) {
        item->traits = take_some(c);
    }
    if (sections & HAS_ORDER) {
        take_order(c, &item->order);
    }
    if (sections & HAS_VISIT) {
        struct kn_str *parts[VISIT_PARTS];
        visit_parts(&item->visit, parts);
        item->visit.present = true;
        for (size_t i = 0; i < VISIT_PARTS; i++) {
            *parts[i] = take_text(c);
        }
    }
    if (sections & HAS_DEVICE) {
        struct kn_str *parts[DEVICE_PARTS];
        device_parts(&item->device, parts);
        item->device.present = true;
        for (size_t i = 0; i < DEVICE_PARTS; i++) {
            *parts[i] = take_text(c);
        }
    }
    if (sections & HAS_CONSENTS) {
        take_consents(c, arena, item, nomem);
    }
    if (sections & HAS_BODY) {
        item->body = take_some(c);
    }
}

/* The part every item has; false: not an item of this version. */
static bool take_fixed(struct kn_cursor *c, struct kn_item *item, unsigned *ret_sections)
{
    unsigned version = kn_take_u8(c);
    unsigned kind = kn_take_u8(c);
    unsigned type = kn_take_u8(c);
    *ret_sections = kn_take_u8(c);
    uint64_t flags = take(c);
    uint64_t source = take(c);
    item->event_us = take_time(c);
    item->received_us = (int64_t)((uint64_t)item->event_us + (uint64_t)take_time(c));
    item->message_id = take_text(c);
    if (c->bad || version != ITEM_VERSION || !is_kind(kind) || type > KN_EVENT_ALIAS ||
        flags > UINT32_MAX || source > UINT32_MAX || item->message_id.len > MESSAGE_ID_MAX) {
        return false;
    }
    item->kind = (enum kn_item_kind)kind;
    item->type = (enum kn_event_type)type;
    item->flags = (uint32_t)flags;
    item->source = (uint32_t)source;
    return true;
}

enum kn_rc kn_item_decode(struct kn_cursor *in, const struct kn_hash_key *key,
                          struct kn_arena *arena, struct kn_item *ret, struct kn_err *err)
{
    struct kn_cursor c = *in;
    uint64_t len = take(&c);
    if (c.bad || len > LENGTH_MAX || len > (uint64_t)(c.end - c.p)) {
        in->bad = true;
        return kn_fail(err, KN_E_CORRUPT, "an item is cut short");
    }
    struct kn_item item = {0};
    unsigned sections = 0;
    bool nomem = false;
    c.end = c.p + len;
    in->p = c.end;
    if (!take_fixed(&c, &item, &sections)) {
        return kn_fail(err, KN_E_CORRUPT, "an item has an unknown version, kind or type");
    }
    take_sections(&c, sections, key, arena, &item, &nomem);
    if (nomem) {
        return kn_fail(err, KN_E_NOMEM, "out of memory for an item");
    }
    if (c.bad || c.p != c.end) {
        return kn_fail(err, KN_E_CORRUPT, "an item does not decode");
    }
    if (key) {
        item.message_hash = kn_hash_tagged(key, MESSAGE_TAG + item.source, item.message_id);
    }
    *ret = item;
    return KN_OK;
}

bool kn_id_type_is_name(struct kn_str name)
{
    for (size_t i = 0; i < name.len; i++) {
        char ch = name.p[i];
        if (!((ch >= 'a' && ch <= 'z') || (ch >= '0' && ch <= '9') || ch == '_' || ch == '.' ||
              ch == '-')) {
            return false;
        }
    }
    return name.len > 0 && name.len <= 64 && !kn_id_type_is_reserved(name);
}

bool kn_id_type_is_reserved(struct kn_str name)
{
    static const char *const reserved[] = {"q",    "limit",   "cursor",  "after", "query",
                                           "sort", "fields",  "purpose", "event", "from",
                                           "to",   "dry_run", "step",    NULL};
    for (size_t i = 0; reserved[i]; i++) {
        if (kn_str_eq(name, kn_str_c(reserved[i]))) {
            return true;
        }
    }
    return false;
}
