#include "profile/record.h"

#include <stdlib.h>

#include "base/assert.h"

enum { COLD_VERSION = 1, SESSIONS_VERSION = 1, ORDERS_VERSION = 2, COUNT_MAX = 1 << 22 };

/* Room for `count` elements read from the bytes; NULL when absurd or out of memory. */
static void *array(struct kn_arena *arena, uint64_t count, size_t bytes, struct kn_cursor *c)
{
    /* Every element takes at least one byte, so a larger count is damage, not a reason to allocate.
     */
    if (c->bad || count > (uint64_t)(c->end - c->p) || count > COUNT_MAX) {
        c->bad = true;
        return NULL;
    }
    void *block = kn_arena_zero(arena, (size_t)count, bytes);
    if (!block) {
        c->bad = true;
    }
    return block;
}

static void put_time(struct kn_buf *out, int64_t us)
{
    kn_buf_varint(out, kn_zigzag(us));
}

static int64_t take_time(struct kn_cursor *c)
{
    return kn_unzigzag(kn_take_varint(c));
}

static void put_h128(struct kn_buf *out, struct kn_h128 h)
{
    kn_buf_le64(out, h.lo);
    kn_buf_le64(out, h.hi);
}

static struct kn_h128 take_h128(struct kn_cursor *c)
{
    uint64_t lo = kn_take_le64(c);
    uint64_t hi = kn_take_le64(c);
    return (struct kn_h128){lo, hi};
}

static void put_touch(struct kn_buf *out, const struct kn_profile_touch *t)
{
    kn_buf_varint(out, t->present ? 1 : 0);
    if (!t->present) {
        return;
    }
    put_time(out, t->at_us);
    const struct kn_str parts[] = {t->channel, t->source,   t->medium,   t->campaign,    t->term,
                                   t->content, t->referrer, t->click_id, t->landing_page};
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        kn_buf_lstr(out, parts[i]);
    }
}

static void take_touch(struct kn_cursor *c, struct kn_profile_touch *t)
{
    t->present = kn_take_varint(c) == 1;
    if (!t->present) {
        return;
    }
    t->at_us = take_time(c);
    struct kn_str *parts[] = {&t->channel, &t->source,   &t->medium,   &t->campaign,    &t->term,
                              &t->content, &t->referrer, &t->click_id, &t->landing_page};
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        *parts[i] = kn_take_lstr(c);
    }
}

/* ---- hot ---- */

void kn_profile_encode_hot(const struct kn_profile *p, uint32_t canonical, uint64_t device_hash,
                           struct kn_buf *out)
{
    struct kn_hot hot = {
        .canonical = canonical,
        .session_count = (uint32_t)p->session_count,
        .created_us = p->created_us,
        .first_seen_us = p->first_seen_us,
        .last_seen_us = p->last_seen_us,
        .events = p->events,
        .run_start_us = 0,
        .run_end_us = -1,
        .device_hash = device_hash,
        .id = p->id,
        .id_count = (uint16_t)p->id_count,
    };
    kn_assert(p->id_count <= UINT16_MAX);
    if (p->session_count > 0) {
        hot.run_start_us = p->sessions[p->session_count - 1].start_us;
        hot.run_end_us = p->sessions[p->session_count - 1].end_us;
    }
    size_t bytes = KN_HOT_BYTES + p->id_count * KN_HOT_ID_BYTES;
    char *to = kn_buf_reserve(out, bytes);
    if (!to) {
        return;
    }
    kn_hot_encode(&hot, to);
    for (size_t i = 0; i < p->id_count; i++) {
        kn_hot_set_id(to, i, p->ids[i].first_seen_us, p->ids[i].last_seen_us);
    }
    out->len += bytes;
}

/* ---- cold ---- */

static void put_traits(const struct kn_profile *p, struct kn_buf *out)
{
    kn_buf_varint(out, p->trait_count);
    for (size_t i = 0; i < p->trait_count; i++) {
        const struct kn_profile_trait *t = &p->traits[i];
        kn_buf_lstr(out, t->key);
        kn_buf_lstr(out, t->json);
        put_time(out, t->at_us);
        kn_buf_varint(out, t->arrival);
        kn_buf_varint(out, t->source);
    }
}

static void put_consents(const struct kn_profile *p, struct kn_buf *out)
{
    kn_buf_varint(out, p->consent_count);
    for (size_t i = 0; i < p->consent_count; i++) {
        const struct kn_profile_consent *c = &p->consents[i];
        kn_buf_lstr(out, c->purpose);
        kn_buf_varint(out, (uint64_t)c->state);
        kn_buf_lstr(out, c->basis);
        kn_buf_lstr(out, c->text_version);
        put_time(out, c->at_us);
        kn_buf_varint(out, c->source);
        kn_buf_lstr(out, c->message_id);
    }
}

void kn_profile_encode_cold(const struct kn_profile *p, struct kn_buf *out)
{
    kn_buf_varint(out, COLD_VERSION);
    kn_buf_varint(out, p->merges);
    kn_buf_varint(out, p->id_count);
    for (size_t i = 0; i < p->id_count; i++) {
        kn_buf_varint(out, p->ids[i].type);
        kn_buf_lstr(out, p->ids[i].value);
        kn_buf_varint(out, p->ids[i].source);
    }
    put_traits(p, out);
    put_consents(p, out);
    kn_buf_varint(out, p->device_count);
    for (size_t i = 0; i < p->device_count; i++) {
        const struct kn_profile_device *d = &p->devices[i];
        kn_buf_lstr(out, d->device);
        kn_buf_lstr(out, d->browser);
        kn_buf_lstr(out, d->platform);
        kn_buf_lstr(out, d->country);
        put_time(out, d->last_seen_us);
    }
    kn_buf_varint(out, p->merged_count);
    for (size_t i = 0; i < p->merged_count; i++) {
        kn_buf_varint(out, p->merged[i].ordinal);
        put_h128(out, p->merged[i].id);
        put_time(out, p->merged[i].at_us);
    }
}

static void take_ids(struct kn_cursor *c, struct kn_str hot_bytes, const struct kn_hash_key *key,
                     struct kn_arena *arena, struct kn_profile *p)
{
    uint64_t count = kn_take_varint(c);
    p->ids = array(arena, count, sizeof *p->ids, c);
    for (uint64_t i = 0; i < count && !c->bad; i++) {
        struct kn_profile_identifier *id = &p->ids[i];
        id->type = (uint16_t)kn_take_varint(c);
        id->value = kn_take_lstr(c);
        id->source = (uint32_t)kn_take_varint(c);
        id->hash = kn_hash_tagged(key, id->type, id->value);
        kn_hot_get_id(hot_bytes, (size_t)i, &id->first_seen_us, &id->last_seen_us);
        p->id_count = (size_t)i + 1;
    }
}

static void take_traits(struct kn_cursor *c, struct kn_arena *arena, struct kn_profile *p)
{
    uint64_t count = kn_take_varint(c);
    p->traits = array(arena, count, sizeof *p->traits, c);
    for (uint64_t i = 0; i < count && !c->bad; i++) {
        struct kn_profile_trait *t = &p->traits[i];
        t->key = kn_take_lstr(c);
        t->json = kn_take_lstr(c);
        t->at_us = take_time(c);
        t->arrival = kn_take_varint(c);
        t->source = (uint32_t)kn_take_varint(c);
        p->trait_count = (size_t)i + 1;
    }
}

static void take_consents(struct kn_cursor *c, struct kn_arena *arena, struct kn_profile *p)
{
    uint64_t count = kn_take_varint(c);
    p->consents = array(arena, count, sizeof *p->consents, c);
    for (uint64_t i = 0; i < count && !c->bad; i++) {
        struct kn_profile_consent *k = &p->consents[i];
        k->purpose = kn_take_lstr(c);
        uint64_t state = kn_take_varint(c);
        if (state > KN_CONSENT_CONFLICT) {
            c->bad = true;
            return;
        }
        k->state = (enum kn_consent_state)state;
        k->basis = kn_take_lstr(c);
        k->text_version = kn_take_lstr(c);
        k->at_us = take_time(c);
        k->source = (uint32_t)kn_take_varint(c);
        k->message_id = kn_take_lstr(c);
        p->consent_count = (size_t)i + 1;
    }
}

static void take_devices_and_merged(struct kn_cursor *c, struct kn_arena *arena,
                                    struct kn_profile *p)
{
    uint64_t devices = kn_take_varint(c);
    p->devices = array(arena, devices, sizeof *p->devices, c);
    for (uint64_t i = 0; i < devices && !c->bad; i++) {
        struct kn_profile_device *d = &p->devices[i];
        d->device = kn_take_lstr(c);
        d->browser = kn_take_lstr(c);
        d->platform = kn_take_lstr(c);
        d->country = kn_take_lstr(c);
        d->last_seen_us = take_time(c);
        p->device_count = (size_t)i + 1;
    }
    uint64_t merged = kn_take_varint(c);
    p->merged = array(arena, merged, sizeof *p->merged, c);
    for (uint64_t i = 0; i < merged && !c->bad; i++) {
        p->merged[i].ordinal = (uint32_t)kn_take_varint(c);
        p->merged[i].id = take_h128(c);
        p->merged[i].at_us = take_time(c);
        p->merged_count = (size_t)i + 1;
    }
}

enum kn_rc kn_profile_decode(uint32_t ordinal, struct kn_str hot_bytes, struct kn_str cold,
                             const struct kn_hash_key *key, struct kn_arena *arena,
                             struct kn_profile *ret)
{
    struct kn_hot hot;
    struct kn_cursor c = kn_cursor(cold);
    struct kn_profile p = {.ordinal = ordinal};
    if (!kn_hot_decode(hot_bytes, &hot) || kn_take_varint(&c) != COLD_VERSION) {
        return KN_E_CORRUPT;
    }
    p.id = hot.id;
    p.created_us = hot.created_us;
    p.first_seen_us = hot.first_seen_us;
    p.last_seen_us = hot.last_seen_us;
    p.events = hot.events;
    p.merges = (uint32_t)kn_take_varint(&c);
    struct kn_cursor peek = c;
    if (kn_take_varint(&peek) != hot.id_count) {
        return KN_E_CORRUPT;
    }
    take_ids(&c, hot_bytes, key, arena, &p);
    take_traits(&c, arena, &p);
    take_consents(&c, arena, &p);
    take_devices_and_merged(&c, arena, &p);
    if (c.bad || c.p != c.end) {
        return KN_E_CORRUPT;
    }
    *ret = p;
    return KN_OK;
}

/* ---- sessions ---- */

void kn_profile_encode_sessions(const struct kn_profile *p, struct kn_buf *out)
{
    kn_buf_varint(out, SESSIONS_VERSION);
    kn_buf_varint(out, p->session_count);
    int64_t before = 0;
    for (size_t i = 0; i < p->session_count; i++) {
        const struct kn_profile_session *s = &p->sessions[i];
        put_time(out, (int64_t)((uint64_t)s->start_us - (uint64_t)before));
        kn_buf_varint(out, (uint64_t)s->end_us - (uint64_t)s->start_us);
        put_touch(out, &s->touch);
        before = s->start_us;
    }
}

enum kn_rc kn_profile_decode_sessions(struct kn_str bytes, const struct kn_hot *hot,
                                      struct kn_arena *arena, struct kn_profile *p)
{
    p->sessions = NULL;
    p->session_count = 0;
    if (bytes.len == 0) {
        return KN_OK;
    }
    struct kn_cursor c = kn_cursor(bytes);
    if (kn_take_varint(&c) != SESSIONS_VERSION) {
        return KN_E_CORRUPT;
    }
    uint64_t count = kn_take_varint(&c);
    p->sessions = array(arena, count, sizeof *p->sessions, &c);
    int64_t before = 0;
    for (uint64_t i = 0; i < count && !c.bad; i++) {
        struct kn_profile_session *s = &p->sessions[i];
        s->start_us = (int64_t)((uint64_t)before + (uint64_t)take_time(&c));
        s->end_us = (int64_t)((uint64_t)s->start_us + kn_take_varint(&c));
        take_touch(&c, &s->touch);
        before = s->start_us;
        p->session_count = (size_t)i + 1;
    }
    if (c.bad || c.p != c.end) {
        return KN_E_CORRUPT;
    }
    if (p->session_count > 0) {
        p->sessions[p->session_count - 1].end_us = hot->run_end_us;
        p->first_touch = p->sessions[0].touch;
        p->last_touch = p->sessions[p->session_count - 1].touch;
    }
    return KN_OK;
}

/* ---- orders ---- */

enum order_bit {
    ORDER_PLACED = 1,
    ORDER_CANCELLED = 2,
    ORDER_HAS_AMOUNT = 4,
    ORDER_REFUNDED_WHOLE = 8,
};

static void put_facts(struct kn_buf *out, const struct kn_profile_order *o)
{
    kn_buf_varint(out, o->other_count);
    for (size_t i = 0; i < o->other_count; i++) {
        const struct kn_profile_order_fact *f = &o->others[i];
        kn_buf_varint(out, f->arrival);
        put_time(out, f->event_us);
        kn_buf_varint(out, f->source);
        kn_buf_varint(out, (unsigned)f->event << 1 | (f->has_amount ? 1U : 0U));
        put_time(out, f->amount);
        kn_buf_lstr(out, kn_str_c(f->currency));
    }
}

void kn_profile_encode_orders(const struct kn_profile *p, struct kn_buf *out)
{
    kn_buf_varint(out, ORDERS_VERSION);
    kn_buf_varint(out, p->order_count);
    for (size_t i = 0; i < p->order_count; i++) {
        const struct kn_profile_order *o = &p->orders[i];
        kn_buf_lstr(out, o->key);
        put_time(out, o->first_us);
        put_time(out, o->state_us);
        put_time(out, o->amount_us);
        kn_buf_varint(out, (o->placed ? ORDER_PLACED : 0U) | (o->cancelled ? ORDER_CANCELLED : 0U) |
                               (o->has_amount ? ORDER_HAS_AMOUNT : 0U) |
                               (o->refunded_whole ? ORDER_REFUNDED_WHOLE : 0U));
        put_time(out, o->amount);
        put_time(out, o->refunded);
        kn_buf_lstr(out, kn_str_c(o->currency));
        for (size_t k = 0; k < 4; k++) {
            kn_buf_varint(out, o->sources[k]);
        }
        put_facts(out, o);
    }
}

static void take_currency(struct kn_cursor *c, char to[4])
{
    struct kn_str currency = kn_take_lstr(c);
    if (currency.len > 3) {
        c->bad = true;
    } else if (currency.len > 0) {
        memcpy(to, currency.p, currency.len);
    }
}

static void take_facts(struct kn_cursor *c, struct kn_arena *arena, struct kn_profile_order *o)
{
    uint64_t count = kn_take_varint(c);
    o->others = array(arena, count, sizeof *o->others, c);
    for (uint64_t i = 0; i < count && !c->bad; i++) {
        struct kn_profile_order_fact *f = &o->others[i];
        f->arrival = kn_take_varint(c);
        f->event_us = take_time(c);
        f->source = (uint32_t)kn_take_varint(c);
        uint64_t bits = kn_take_varint(c);
        f->event = (enum kn_order_event)(bits >> 1 & 7);
        f->has_amount = bits & 1;
        f->amount = take_time(c);
        take_currency(c, f->currency);
        o->other_count = (size_t)i + 1;
    }
}

static void take_order(struct kn_cursor *c, struct kn_arena *arena, struct kn_profile_order *o)
{
    o->key = kn_take_lstr(c);
    o->first_us = take_time(c);
    o->state_us = take_time(c);
    o->amount_us = take_time(c);
    uint64_t bits = kn_take_varint(c);
    o->placed = bits & ORDER_PLACED;
    o->cancelled = bits & ORDER_CANCELLED;
    o->has_amount = bits & ORDER_HAS_AMOUNT;
    o->refunded_whole = bits & ORDER_REFUNDED_WHOLE;
    o->amount = take_time(c);
    o->refunded = take_time(c);
    take_currency(c, o->currency);
    for (size_t k = 0; k < 4; k++) {
        o->sources[k] = (uint32_t)kn_take_varint(c);
    }
    take_facts(c, arena, o);
}

enum kn_rc kn_profile_decode_orders(struct kn_str bytes, struct kn_arena *arena,
                                    struct kn_profile *p)
{
    p->orders = NULL;
    p->order_count = 0;
    if (bytes.len == 0) {
        return KN_OK;
    }
    struct kn_cursor c = kn_cursor(bytes);
    if (kn_take_varint(&c) != ORDERS_VERSION) {
        return KN_E_CORRUPT;
    }
    uint64_t count = kn_take_varint(&c);
    p->orders = array(arena, count, sizeof *p->orders, &c);
    for (uint64_t i = 0; i < count && !c.bad; i++) {
        take_order(&c, arena, &p->orders[i]);
        p->order_count = (size_t)i + 1;
    }
    return c.bad || c.p != c.end ? KN_E_CORRUPT : KN_OK;
}

/* ---- links ---- */

void kn_profile_encode_link(const struct kn_profile_link *link, struct kn_buf *out)
{
    kn_buf_varint(out, (uint64_t)link->kind);
    kn_buf_varint(out, link->by_person ? 1 : 0);
    put_time(out, link->at_us);
    kn_buf_varint(out, link->arrival);
    kn_buf_varint(out, link->source);
    kn_buf_lstr(out, link->message_id);
    kn_buf_lstr(out, link->reason);
    put_h128(out, link->other_id);
    kn_buf_varint(out, link->id_count);
    for (size_t i = 0; i < link->id_count; i++) {
        kn_buf_varint(out, link->ids[i].type);
        kn_buf_lstr(out, link->ids[i].value);
    }
}

static void take_link(struct kn_cursor *c, const struct kn_hash_key *key, struct kn_arena *arena,
                      struct kn_profile_link *link)
{
    uint64_t kind = kn_take_varint(c);
    if (kind < KN_LINK_CREATED || kind > KN_LINK_SPLIT_OFF) {
        c->bad = true;
        return;
    }
    link->kind = (enum kn_link_kind)kind;
    link->by_person = kn_take_varint(c) == 1;
    link->at_us = take_time(c);
    link->arrival = kn_take_varint(c);
    link->source = (uint32_t)kn_take_varint(c);
    link->message_id = kn_take_lstr(c);
    link->reason = kn_take_lstr(c);
    link->other_id = take_h128(c);
    uint64_t count = kn_take_varint(c);
    link->ids = array(arena, count, sizeof *link->ids, c);
    for (uint64_t i = 0; i < count && !c->bad; i++) {
        link->ids[i].type = (uint16_t)kn_take_varint(c);
        link->ids[i].value = kn_take_lstr(c);
        link->ids[i].hash = kn_hash_tagged(key, link->ids[i].type, link->ids[i].value);
        link->id_count = (size_t)i + 1;
    }
}

static int by_arrival(const void *a, const void *b)
{
    const struct kn_profile_link *x = a;
    const struct kn_profile_link *y = b;
    if (x->arrival != y->arrival) {
        return x->arrival < y->arrival ? -1 : 1;
    }
    return (x->kind > y->kind) - (x->kind < y->kind);
}

enum kn_rc kn_profile_decode_links(struct kn_str bytes, const struct kn_hash_key *key,
                                   struct kn_arena *arena, struct kn_profile_link **ret,
                                   size_t *ret_count)
{
    struct kn_cursor c = kn_cursor(bytes);
    size_t count = 0;
    size_t room = 16;
    struct kn_profile_link *links = kn_arena_zero(arena, room, sizeof *links);
    while (links && !c.bad && c.p != c.end) {
        if (count == room) {
            struct kn_profile_link *more = kn_arena_zero(arena, room * 2, sizeof *links);
            if (!more) {
                return KN_E_NOMEM;
            }
            memcpy(more, links, count * sizeof *links);
            links = more;
            room *= 2;
        }
        take_link(&c, key, arena, &links[count]);
        count++;
    }
    if (!links) {
        return KN_E_NOMEM;
    }
    if (c.bad) {
        return KN_E_CORRUPT;
    }
    qsort(links, count, sizeof *links, by_arrival);
    *ret = links;
    *ret_count = count;
    return KN_OK;
}
