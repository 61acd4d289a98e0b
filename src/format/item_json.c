#include "format/item_json.h"

#include "format/time_text.h"

/* Names of enumerations, by their number; NULL = no such. */
static const char *const kind_names[] = {
    [KN_ITEM_EVENT] = "event",     [KN_ITEM_CONSENT] = "consent", [KN_ITEM_MERGE] = "merge",
    [KN_ITEM_UNMERGE] = "unmerge", [KN_ITEM_NOTE] = "note",
};
static const char *const order_names[] = {NULL, "completed", "updated", "refunded", "cancelled"};
static const char *const state_names[] = {"unknown", "granted", "denied", "conflict"};
static const struct {
    const char *name;
    uint32_t flag;
} flag_names[] = {
    {"server", KN_ITEM_SERVER}, {"historic", KN_ITEM_HISTORIC}, {"no_profile", KN_ITEM_NO_PROFILE}};

#define COUNT(list) (sizeof(list) / sizeof(list)[0])

bool kn_item_json_has(enum kn_item_kind kind)
{
    return (size_t)kind < COUNT(kind_names) && kind_names[kind];
}

/* ---- out ---- */

static void put_text(struct kn_buf *out, const char *key, struct kn_str value)
{
    if (value.len > 0) {
        kn_json_out_kv(out, key, value);
    }
}

static void put_raw(struct kn_buf *out, const char *key, struct kn_str json)
{
    if (json.len > 0) {
        kn_json_out_kraw(out, key, json);
    }
}

static void put_identifiers(struct kn_buf *out, const struct kn_item *item)
{
    kn_json_out_key(out, "identifiers");
    kn_buf_char(out, '[');
    for (size_t i = 0; i < item->id_count; i++) {
        struct kn_str value = item->ids[i].value;
        struct kn_str type = kn_str_c(kn_id_type_name(item->ids[i].type));
        if (type.len == 0) { /* "type:value" */
            type = kn_str_split(&value, ':');
        }
        kn_json_out_comma(out);
        kn_buf_char(out, '{');
        kn_json_out_kv(out, "type", type);
        kn_json_out_kv(out, "value", value);
        kn_buf_char(out, '}');
    }
    kn_buf_char(out, ']');
}

static void put_flags(struct kn_buf *out, uint32_t flags)
{
    if (flags == 0) {
        return;
    }
    kn_json_out_key(out, "flags");
    kn_buf_char(out, '[');
    for (size_t i = 0; i < COUNT(flag_names); i++) {
        if (flags & flag_names[i].flag) {
            kn_json_out_comma(out);
            kn_json_out_string(out, kn_str_c(flag_names[i].name));
        }
    }
    kn_buf_char(out, ']');
}

static void put_order(struct kn_buf *out, const struct kn_item_order *o)
{
    if (o->event == KN_ORDER_NONE) {
        return;
    }
    kn_json_out_key(out, "order");
    kn_buf_char(out, '{');
    kn_json_out_kv(out, "event", kn_str_c(order_names[o->event]));
    put_text(out, "order_id", o->order_id);
    if (o->has_amount) {
        kn_json_out_ki64(out, "amount_minor", o->amount);
    }
    put_text(out, "currency", kn_str_c(o->currency));
    kn_buf_char(out, '}');
}

/* The texts of a visit and a device by name, for both directions. */
struct text_field {
    const char *name;
    size_t offset;
};
#define FIELD(type, member)                                                                        \
    {                                                                                              \
#member, offsetof(struct type, member)                                                     \
    }
static const struct text_field visit_fields[] = {
    FIELD(kn_item_visit, channel),     FIELD(kn_item_visit, source),
    FIELD(kn_item_visit, medium),      FIELD(kn_item_visit, campaign),
    FIELD(kn_item_visit, term),        FIELD(kn_item_visit, content),
    FIELD(kn_item_visit, referrer),    FIELD(kn_item_visit, click_id),
    FIELD(kn_item_visit, landing_page)};
static const struct text_field device_fields[] = {
    FIELD(kn_item_device, device), FIELD(kn_item_device, browser), FIELD(kn_item_device, platform),
    FIELD(kn_item_device, country)};

static void put_fields(struct kn_buf *out, const char *key, const void *of,
                       const struct text_field *fields, size_t count)
{
    kn_json_out_key(out, key);
    kn_buf_char(out, '{');
    for (size_t i = 0; i < count; i++) {
        struct kn_str value;
        memcpy(&value, (const char *)of + fields[i].offset, sizeof value);
        put_text(out, fields[i].name, value);
    }
    kn_buf_char(out, '}');
}

static void put_consents(struct kn_buf *out, const struct kn_item *item)
{
    if (item->consent_count == 0) {
        return;
    }
    kn_json_out_key(out, "consents");
    kn_buf_char(out, '[');
    for (size_t i = 0; i < item->consent_count; i++) {
        const struct kn_item_consent *c = &item->consents[i];
        kn_json_out_comma(out);
        kn_buf_char(out, '{');
        kn_json_out_kv(out, "purpose", c->purpose);
        kn_json_out_kv(out, "state", kn_str_c(state_names[c->state]));
        put_text(out, "basis", c->basis);
        put_text(out, "text_version", c->text_version);
        if (c->at_us != 0) {
            kn_json_out_ktime(out, "at", c->at_us);
        }
        kn_buf_char(out, '}');
    }
    kn_buf_char(out, ']');
}

void kn_item_json_put(const struct kn_item *item, struct kn_str source, uint64_t arrival,
                      struct kn_buf *out)
{
    kn_buf_c(out, "{\"kern\":1");
    kn_json_out_kv(out, "kind", kn_str_c(kind_names[item->kind]));
    kn_json_out_ki64(out, "arrival", (int64_t)arrival);
    if (item->type != KN_EVENT_NONE) {
        kn_json_out_kv(out, "type", kn_str_c(kn_event_type_name(item->type)));
    }
    put_flags(out, item->flags);
    put_text(out, "source", source);
    kn_json_out_ktime(out, "time", item->event_us);
    kn_json_out_ktime(out, "received_at", item->received_us);
    put_text(out, "message_id", item->message_id);
    put_text(out, "name", item->name);
    put_identifiers(out, item);
    put_raw(out, "traits", item->traits);
    put_order(out, &item->order);
    if (item->visit.present) {
        put_fields(out, "visit", &item->visit, visit_fields, COUNT(visit_fields));
    }
    if (item->device.present) {
        put_fields(out, "device", &item->device, device_fields, COUNT(device_fields));
    }
    put_consents(out, item);
    put_raw(out, "body", item->body);
    kn_buf_c(out, "}\n");
}

/* ---- in ---- */

struct reader {
    const struct kn_json *doc;
    struct kn_arena *arena;
    struct kn_err *err;
};

static struct kn_str text(const struct reader *r, uint32_t object, const char *key)
{
    return kn_json_string(r->doc, kn_json_find(r->doc, object, kn_str_c(key)), r->arena);
}

static enum kn_rc wrong(const struct reader *r, const char *member)
{
    return kn_fail(r->err, KN_E_INVALID, "%s is missing or not as it should be", member);
}

static int index_of(struct kn_str name, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (names[i] && kn_str_eq(name, kn_str_c(names[i]))) {
            return (int)i;
        }
    }
    return -1;
}

static enum kn_rc read_time(const struct reader *r, uint32_t object, const char *key, int64_t *ret)
{
    return kn_time_parse(text(r, object, key), ret) ? KN_OK : wrong(r, key);
}

/* The raw JSON of an object member, or empty. */
static enum kn_rc read_object(const struct reader *r, uint32_t object, const char *key,
                              struct kn_str *ret)
{
    uint32_t node = kn_json_find(r->doc, object, kn_str_c(key));
    if (node == KN_JSON_NONE) {
        return KN_OK;
    }
    *ret = kn_json_raw(r->doc, node);
    return kn_json_type_at(r->doc, node) == KN_JSON_OBJECT ? KN_OK : wrong(r, key);
}

static uint32_t list_at(const struct reader *r, uint32_t object, const char *key, size_t *ret_count)
{
    uint32_t list = kn_json_find(r->doc, object, kn_str_c(key));
    *ret_count = 0;
    if (kn_json_type_at(r->doc, list) != KN_JSON_ARRAY || list == KN_JSON_NONE) {
        return KN_JSON_NONE;
    }
    for (uint32_t i = list + 1; i < r->doc->nodes[list].next; i = r->doc->nodes[i].next) {
        (*ret_count)++;
    }
    return list;
}

static enum kn_rc read_identifier(const struct reader *r, uint32_t node, struct kn_item_id *ret)
{
    struct kn_str type = text(r, node, "type");
    struct kn_str value = text(r, node, "value");
    if (type.len == 0 || value.len == 0 || kn_id_type_is_reserved(type)) {
        return wrong(r, "identifiers");
    }
    ret->type = kn_id_type_number(type);
    ret->value = value;
    if (ret->type != 0) {
        return KN_OK;
    }
    char *joined = kn_arena_alloc(r->arena, type.len + 1 + value.len);
    if (!joined) {
        return kn_fail(r->err, KN_E_NOMEM, "out of memory");
    }
    memcpy(joined, type.p, type.len);
    joined[type.len] = ':';
    memcpy(joined + type.len + 1, value.p, value.len);
    ret->type = KN_ID_CUSTOM;
    ret->value = kn_str(joined, type.len + 1 + value.len);
    return KN_OK;
}

static enum kn_rc read_identifiers(const struct reader *r, uint32_t object, struct kn_item *item)
{
    size_t count;
    uint32_t list = list_at(r, object, "identifiers", &count);
    if (list == KN_JSON_NONE || count > KN_ITEM_IDS_MAX) {
        return wrong(r, "identifiers");
    }
    item->ids = kn_arena_zero(r->arena, count + 1, sizeof *item->ids);
    if (!item->ids) {
        return kn_fail(r->err, KN_E_NOMEM, "out of memory");
    }
    for (uint32_t i = list + 1; i < r->doc->nodes[list].next; i = r->doc->nodes[i].next) {
        KN_TRY(read_identifier(r, i, &item->ids[item->id_count++]));
    }
    return KN_OK;
}

static enum kn_rc read_flags(const struct reader *r, uint32_t object, uint32_t *ret)
{
    size_t count;
    uint32_t list = list_at(r, object, "flags", &count);
    for (uint32_t i = list + 1; list != KN_JSON_NONE && i < r->doc->nodes[list].next;
         i = r->doc->nodes[i].next) {
        struct kn_str name = kn_json_string(r->doc, i, r->arena);
        bool known = false;
        for (size_t k = 0; k < COUNT(flag_names); k++) {
            if (kn_str_eq(name, kn_str_c(flag_names[k].name))) {
                *ret |= flag_names[k].flag;
                known = true;
            }
        }
        if (!known) {
            return wrong(r, "flags");
        }
    }
    return KN_OK;
}

static enum kn_rc read_order(const struct reader *r, uint32_t object, struct kn_item_order *o)
{
    uint32_t node = kn_json_find(r->doc, object, KN_STR("order"));
    if (node == KN_JSON_NONE) {
        return KN_OK;
    }
    int event = index_of(text(r, node, "event"), order_names, COUNT(order_names));
    struct kn_str currency = text(r, node, "currency");
    uint32_t amount = kn_json_find(r->doc, node, KN_STR("amount_minor"));
    if (event < 0 || (currency.len != 0 && currency.len != 3)) {
        return wrong(r, "order");
    }
    o->event = (enum kn_order_event)event;
    o->order_id = text(r, node, "order_id");
    if (currency.len > 0) {
        memcpy(o->currency, currency.p, currency.len);
    }
    o->has_amount = amount != KN_JSON_NONE;
    return !o->has_amount || kn_json_i64(r->doc, amount, &o->amount) ? KN_OK : wrong(r, "order");
}

/* True when the object is there. */
static bool read_fields(const struct reader *r, uint32_t object, const char *key, void *of,
                        const struct text_field *fields, size_t count)
{
    uint32_t node = kn_json_find(r->doc, object, kn_str_c(key));
    for (size_t i = 0; node != KN_JSON_NONE && i < count; i++) {
        struct kn_str value = text(r, node, fields[i].name);
        memcpy((char *)of + fields[i].offset, &value, sizeof value);
    }
    return kn_json_type_at(r->doc, node) == KN_JSON_OBJECT;
}

static enum kn_rc read_consents(const struct reader *r, uint32_t object, struct kn_item *item)
{
    size_t count;
    uint32_t list = list_at(r, object, "consents", &count);
    if (list == KN_JSON_NONE) {
        return KN_OK;
    }
    item->consents = kn_arena_zero(r->arena, count + 1, sizeof *item->consents);
    if (!item->consents || count > KN_ITEM_CONSENTS_MAX) {
        return wrong(r, "consents");
    }
    for (uint32_t i = list + 1; i < r->doc->nodes[list].next; i = r->doc->nodes[i].next) {
        struct kn_item_consent *c = &item->consents[item->consent_count++];
        int state = index_of(text(r, i, "state"), state_names, COUNT(state_names));
        struct kn_str at = text(r, i, "at");
        c->purpose = text(r, i, "purpose");
        c->basis = text(r, i, "basis");
        c->text_version = text(r, i, "text_version");
        if (state < 0 || c->purpose.len == 0 || (at.len > 0 && !kn_time_parse(at, &c->at_us))) {
            return wrong(r, "consents");
        }
        c->state = (enum kn_consent_state)state;
    }
    return KN_OK;
}

static enum kn_rc read_type(const struct reader *r, uint32_t object, struct kn_item *item)
{
    struct kn_str name = text(r, object, "type");
    for (unsigned t = KN_EVENT_TRACK; t <= KN_EVENT_ALIAS; t++) {
        if (kn_str_eq(name, kn_str_c(kn_event_type_name((enum kn_event_type)t)))) {
            item->type = (enum kn_event_type)t;
        }
    }
    bool event = item->kind == KN_ITEM_EVENT;
    return event == (item->type != KN_EVENT_NONE) ? KN_OK : wrong(r, "type");
}

enum kn_rc kn_item_json_read(const struct kn_json *doc, uint32_t node, struct kn_arena *arena,
                             struct kn_item *ret, struct kn_str *ret_source, struct kn_err *err)
{
    struct reader r = {doc, arena, err};
    struct kn_item item = {0};
    int kind = index_of(text(&r, node, "kind"), kind_names, COUNT(kind_names));
    if (kind < 0) {
        return wrong(&r, "kind");
    }
    item.kind = (enum kn_item_kind)kind;
    KN_TRY(read_type(&r, node, &item));
    KN_TRY(read_flags(&r, node, &item.flags));
    KN_TRY(read_time(&r, node, "time", &item.event_us));
    KN_TRY(read_time(&r, node, "received_at", &item.received_us));
    item.message_id = text(&r, node, "message_id");
    item.name = text(&r, node, "name");
    KN_TRY(read_identifiers(&r, node, &item));
    KN_TRY(read_object(&r, node, "traits", &item.traits));
    KN_TRY(read_order(&r, node, &item.order));
    item.visit.present =
        read_fields(&r, node, "visit", &item.visit, visit_fields, COUNT(visit_fields));
    item.device.present =
        read_fields(&r, node, "device", &item.device, device_fields, COUNT(device_fields));
    KN_TRY(read_consents(&r, node, &item));
    KN_TRY(read_object(&r, node, "body", &item.body));
    *ret_source = text(&r, node, "source");
    *ret = item;
    return KN_OK;
}
