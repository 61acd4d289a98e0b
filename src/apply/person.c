/* Profiles being changed: load, create, store, merge. */
#include "apply/fold.h"
#include "base/assert.h"
#include "base/mem.h"

enum { TAG_PROFILE = 0x10000, TAG_ORDER = 0x10001 };
#define GUARDED_BIT 0x80000000U

const struct kn_state_table kn_tables[KN_TABLE_COUNT] = {
    [KN_T_SETTING] = {"setting", KN_KEY_BYTES},
    [KN_T_IDENTIFIER] = {"identifier", KN_KEY_H128},
    [KN_T_PROFILE_ID] = {"profile_id", KN_KEY_H128},
    [KN_T_HOT] = {"hot", KN_KEY_U32},
    [KN_T_COLD] = {"cold", KN_KEY_U32},
    [KN_T_SESSIONS] = {"sessions", KN_KEY_U32},
    [KN_T_ORDERS] = {"orders", KN_KEY_U32},
    [KN_T_LINKS] = {"links", KN_KEY_U32},
    [KN_T_ORDER_OWNER] = {"order_owner", KN_KEY_H128},
    [KN_T_FORBIDDEN] = {"forbidden", KN_KEY_H128},
    [KN_T_GUARD] = {"guard", KN_KEY_H128},
    [KN_T_SOURCE] = {"source", KN_KEY_U32},
    [KN_T_REJECT] = {"reject", KN_KEY_BYTES},
    [KN_T_ORDER_FACTS] = {"order_facts", KN_KEY_H128},
    [KN_T_SEGMENT] = {"segment", KN_KEY_U32},
    [KN_T_DEFINITION] = {"definition", KN_KEY_U32},
    [KN_T_MEMBER] = {"member", KN_KEY_U32},
    [KN_T_MEMBERS] = {"members", KN_KEY_BYTES},
    [KN_T_DUE] = {"due", KN_KEY_U32},
    [KN_T_CHANGE] = {"change", KN_KEY_BYTES},
    [KN_T_SIZES] = {"sizes", KN_KEY_BYTES},
    [KN_T_COMPUTED] = {"computed", KN_KEY_U32},
    [KN_T_LISTED] = {"listed", KN_KEY_H128},
    [KN_T_DELIVERY] = {"delivery", KN_KEY_BYTES},
    [KN_T_ERASED] = {"erased", KN_KEY_H128},
    [KN_T_ERASURE] = {"erasure", KN_KEY_H128},
};

/* ---- small values ---- */

static void put_u32(unsigned char *to, uint32_t value)
{
    for (unsigned i = 0; i < 4; i++) {
        to[i] = (unsigned char)(value >> (8 * i));
    }
}

uint32_t kn_u32_value(struct kn_str value)
{
    struct kn_cursor c = kn_cursor(value);
    uint32_t number = kn_take_le32(&c);
    kn_assert(!c.bad);
    return number;
}

bool kn_identifier_decode(struct kn_str value, uint32_t *ret_ordinal, uint32_t *ret_slot,
                          bool *ret_guarded)
{
    if (!value.p) {
        return false;
    }
    struct kn_cursor c = kn_cursor(value);
    *ret_ordinal = kn_take_le32(&c);
    uint32_t slot = kn_take_le32(&c);
    kn_assert(!c.bad);
    *ret_slot = slot & ~GUARDED_BIT;
    *ret_guarded = (slot & GUARDED_BIT) != 0;
    return true;
}

bool kn_fold_identifier(struct kn_fold *f, struct kn_h128 hash, uint32_t *ret_ordinal,
                        uint32_t *ret_slot)
{
    bool guarded;
    return kn_identifier_decode(kn_fold_get(f, KN_T_IDENTIFIER, kn_key_h128(hash)), ret_ordinal,
                                ret_slot, &guarded);
}

void kn_fold_put_identifier(struct kn_fold *f, struct kn_h128 hash, uint32_t ordinal, uint32_t slot)
{
    unsigned char value[8];
    put_u32(value, ordinal);
    put_u32(value + 4, slot);
    kn_fold_put(f, KN_T_IDENTIFIER, kn_key_h128(hash), kn_str(value, sizeof value));
}

static void put_ordinal(struct kn_fold *f, enum kn_table table, struct kn_h128 hash,
                        uint32_t ordinal)
{
    unsigned char value[4];
    put_u32(value, ordinal);
    kn_fold_put(f, table, kn_key_h128(hash), kn_str(value, sizeof value));
}

struct kn_h128 kn_order_hash(const struct kn_fold *f, struct kn_str order_key)
{
    return kn_hash_tagged(&f->key, TAG_ORDER, order_key);
}

/* ---- load and store ---- */

static struct kn_str copy(struct kn_fold *f, struct kn_str value)
{
    struct kn_str kept = kn_arena_str(&f->arena, value);
    kn_assert(kept.p != NULL);
    return kept;
}

struct kn_person *kn_person_load(struct kn_fold *f, uint32_t ordinal)
{
    struct kn_person *person = kn_arena_zero(&f->arena, 1, sizeof *person);
    kn_assert(person != NULL);
    struct kn_key key = kn_key_u32(ordinal);
    struct kn_str hot = copy(f, kn_fold_get(f, KN_T_HOT, key));
    struct kn_str cold = copy(f, kn_fold_get(f, KN_T_COLD, key));
    if (!kn_hot_decode(hot, &person->hot) ||
        kn_profile_decode(ordinal, hot, cold, &f->key, &f->arena, &person->p) != KN_OK) {
        kn_panic("profile record %u does not decode", ordinal);
    }
    kn_assert(person->hot.canonical == 0);
    return person;
}

void kn_person_load_sessions(struct kn_fold *f, struct kn_person *person)
{
    if (person->sessions_loaded) {
        return;
    }
    struct kn_str bytes = kn_fold_get(f, KN_T_SESSIONS, kn_key_u32(person->p.ordinal));
    if (kn_profile_decode_sessions(copy(f, bytes), &person->hot, &f->arena, &person->p) != KN_OK) {
        kn_panic("sessions record %u does not decode", person->p.ordinal);
    }
    person->sessions_loaded = true;
}

void kn_person_load_orders(struct kn_fold *f, struct kn_person *person)
{
    if (person->orders_loaded) {
        return;
    }
    struct kn_str bytes = kn_fold_get(f, KN_T_ORDERS, kn_key_u32(person->p.ordinal));
    if (kn_profile_decode_orders(copy(f, bytes), &f->arena, &person->p) != KN_OK) {
        kn_panic("orders record %u does not decode", person->p.ordinal);
    }
    person->orders_loaded = true;
}

static bool in_component(const struct kn_fold *f, uint32_t ordinal)
{
    for (size_t i = 0; i < f->component_count; i++) {
        if (f->component[i] == ordinal) {
            return true;
        }
    }
    return false;
}

bool kn_fold_is_outside(const struct kn_fold *f, uint32_t ordinal)
{
    return f->component && !in_component(f, ordinal) && ordinal < f->component_new;
}

/* The id is a function of the creating record, so a re-applied history gives the same profile back.
 */
struct kn_person *kn_person_create(struct kn_fold *f, const struct kn_item *item, uint64_t arrival)
{
    struct kn_person *person = kn_arena_zero(&f->arena, 1, sizeof *person);
    kn_assert(person != NULL);
    unsigned char position[8];
    put_u32(position, (uint32_t)arrival);
    put_u32(position + 4, (uint32_t)(arrival >> 32));
    struct kn_h128 id = kn_hash_tagged(&f->key, TAG_PROFILE, kn_str(position, sizeof position));
    struct kn_str known = kn_fold_get(f, KN_T_PROFILE_ID, kn_key_h128(id));
    uint32_t ordinal;
    if (known.p && in_component(f, kn_u32_value(known))) {
        ordinal = kn_u32_value(known);
    } else {
        kn_assert(f->counters.next_ordinal < UINT32_MAX);
        ordinal = f->counters.next_ordinal++;
        put_ordinal(f, KN_T_PROFILE_ID, id, ordinal);
    }
    int64_t seen = kn_item_seen_us(item);
    person->p = (struct kn_profile){
        .ordinal = ordinal,
        .id = id,
        .created_us = item->received_us,
        .first_seen_us = seen,
        .last_seen_us = seen,
    };
    person->hot = (struct kn_hot){.run_end_us = -1};
    person->is_new = true;
    person->changed = KN_CHANGED_NEW | KN_CHANGED_IDS;
    person->cold_dirty = true;
    person->sessions_loaded = true;
    person->orders_loaded = true;
    f->counters.profiles++;
    return person;
}

static void put_scratch(struct kn_fold *f, enum kn_table table, uint32_t ordinal)
{
    if (f->scratch.rc != KN_OK) {
        kn_panic("profile %u: record too large or out of memory", ordinal);
    }
    kn_fold_put(f, table, kn_key_u32(ordinal), kn_buf_view(&f->scratch));
    kn_buf_clear(&f->scratch);
}

void kn_person_store(struct kn_fold *f, struct kn_person *person)
{
    struct kn_profile *p = &person->p;
    struct kn_hot *hot = &person->hot;
    hot->canonical = 0;
    hot->created_us = p->created_us;
    hot->first_seen_us = p->first_seen_us;
    hot->last_seen_us = p->last_seen_us;
    hot->events = p->events;
    hot->id = p->id;
    hot->id_count = (uint16_t)p->id_count;
    if (person->sessions_loaded) {
        const struct kn_profile_session *last =
            p->session_count > 0 ? &p->sessions[p->session_count - 1] : NULL;
        hot->session_count = (uint32_t)p->session_count;
        hot->run_start_us = last ? last->start_us : 0;
        hot->run_end_us = last ? last->end_us : -1;
    }
    size_t bytes = KN_HOT_BYTES + p->id_count * KN_HOT_ID_BYTES;
    char *to = kn_buf_reserve(&f->scratch, bytes);
    kn_assert(to != NULL);
    kn_hot_encode(hot, to);
    for (size_t i = 0; i < p->id_count; i++) {
        kn_hot_set_id(to, i, p->ids[i].first_seen_us, p->ids[i].last_seen_us);
    }
    f->scratch.len += bytes;
    put_scratch(f, KN_T_HOT, p->ordinal);
    if (person->cold_dirty) {
        kn_profile_encode_cold(p, &f->scratch);
        put_scratch(f, KN_T_COLD, p->ordinal);
    }
    if (person->sessions_dirty) {
        kn_profile_encode_sessions(p, &f->scratch);
        put_scratch(f, KN_T_SESSIONS, p->ordinal);
    }
    if (person->orders_dirty) {
        kn_profile_encode_orders(p, &f->scratch);
        put_scratch(f, KN_T_ORDERS, p->ordinal);
    }
    kn_feed_person(f, person);
    if (person->changed != 0) {
        kn_touch(f, p->ordinal, person->changed);
        person->changed = 0;
    }
}

/* ---- links ---- */

void kn_person_add_link(struct kn_fold *f, uint32_t ordinal, const struct kn_profile_link *link)
{
    kn_buf_str(&f->scratch, kn_fold_get(f, KN_T_LINKS, kn_key_u32(ordinal)));
    kn_profile_encode_link(link, &f->scratch);
    put_scratch(f, KN_T_LINKS, ordinal);
}

/* ---- merge ---- */

static void retire(struct kn_fold *f, uint32_t ordinal, uint32_t survivor)
{
    struct kn_hot hot;
    if (!kn_hot_decode(kn_fold_get(f, KN_T_HOT, kn_key_u32(ordinal)), &hot)) {
        kn_panic("profile record %u does not decode", ordinal);
    }
    char bytes[KN_HOT_BYTES];
    hot.canonical = survivor;
    hot.id_count = 0;
    kn_hot_encode(&hot, bytes);
    kn_fold_put(f, KN_T_HOT, kn_key_u32(ordinal), kn_str(bytes, sizeof bytes));
    kn_feed_retired(f, ordinal, survivor);
    kn_touch(f, ordinal, KN_CHANGED_MERGED);
}

static void join_links(struct kn_fold *f, uint32_t into, uint32_t from)
{
    kn_buf_str(&f->scratch, kn_fold_get(f, KN_T_LINKS, kn_key_u32(into)));
    kn_buf_str(&f->scratch, kn_fold_get(f, KN_T_LINKS, kn_key_u32(from)));
    put_scratch(f, KN_T_LINKS, into);
    kn_fold_remove(f, KN_T_LINKS, kn_key_u32(from));
}

void kn_person_merge(struct kn_fold *f, struct kn_person *into, struct kn_person *from,
                     int64_t at_us)
{
    kn_person_load_sessions(f, into);
    kn_person_load_sessions(f, from);
    kn_person_load_orders(f, into);
    kn_person_load_orders(f, from);
    size_t first_slot = into->p.id_count;
    kn_profile_merge(&into->p, &from->p, at_us, &f->arena);
    for (size_t i = first_slot; i < into->p.id_count; i++) {
        kn_fold_put_identifier(f, into->p.ids[i].hash, into->p.ordinal, (uint32_t)i);
    }
    for (size_t i = 0; i < from->p.order_count; i++) {
        put_ordinal(f, KN_T_ORDER_OWNER, kn_order_hash(f, from->p.orders[i].key), into->p.ordinal);
    }
    for (size_t i = 0; i < from->p.merged_count; i++) {
        retire(f, from->p.merged[i].ordinal, into->p.ordinal);
    }
    retire(f, from->p.ordinal, into->p.ordinal);
    join_links(f, into->p.ordinal, from->p.ordinal);
    kn_fold_remove(f, KN_T_COLD, kn_key_u32(from->p.ordinal));
    kn_fold_remove(f, KN_T_SESSIONS, kn_key_u32(from->p.ordinal));
    kn_fold_remove(f, KN_T_ORDERS, kn_key_u32(from->p.ordinal));
    into->hot.device_hash = 0;
    into->cold_dirty = true;
    into->sessions_dirty = true;
    into->orders_dirty = true;
    into->changed |= KN_CHANGED_FACTS | KN_CHANGED_ORDERS | KN_CHANGED_SESSIONS | KN_CHANGED_MERGED;
    f->counters.profiles--;
    f->counters.merges++;
}
