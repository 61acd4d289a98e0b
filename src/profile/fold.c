#include "profile/fold.h"

#include <stdio.h>

#include "base/assert.h"
#include "format/json.h"

int64_t kn_item_seen_us(const struct kn_item *item)
{
    return item->event_us < item->received_us ? item->event_us : item->received_us;
}

/* One more element than `count`, as a new array in the arena. */
static void *grown(struct kn_arena *arena, const void *array, size_t count, size_t bytes)
{
    char *more = kn_arena_zero(arena, count + 1, bytes);
    kn_assert(more != NULL);
    if (count > 0) {
        memcpy(more, array, count * bytes);
    }
    return more;
}

/* ---- identifiers and presence ---- */

size_t kn_profile_find_id(const struct kn_profile *p, struct kn_h128 hash)
{
    for (size_t i = 0; i < p->id_count; i++) {
        if (kn_h128_eq(p->ids[i].hash, hash)) {
            return i;
        }
    }
    return SIZE_MAX;
}

void kn_profile_add_id(struct kn_profile *p, const struct kn_item_id *id, int64_t seen_us,
                       uint32_t source, struct kn_arena *arena)
{
    p->ids = grown(arena, p->ids, p->id_count, sizeof *p->ids);
    p->ids[p->id_count++] = (struct kn_profile_identifier){
        .type = id->type,
        .value = id->value,
        .hash = id->hash,
        .first_seen_us = seen_us,
        .last_seen_us = seen_us,
        .source = source,
    };
}

void kn_profile_see(struct kn_profile *p, int64_t seen_us)
{
    if (seen_us < p->first_seen_us) {
        p->first_seen_us = seen_us;
    }
    if (seen_us > p->last_seen_us) {
        p->last_seen_us = seen_us;
    }
}

void kn_profile_see_id(struct kn_profile *p, size_t slot, int64_t seen_us)
{
    struct kn_profile_identifier *id = &p->ids[slot];
    if (seen_us < id->first_seen_us) {
        id->first_seen_us = seen_us;
    }
    if (seen_us > id->last_seen_us) {
        id->last_seen_us = seen_us;
    }
}

/* ---- traits ---- */

static struct kn_profile_trait *find_trait(struct kn_profile *p, struct kn_str key)
{
    for (size_t i = 0; i < p->trait_count; i++) {
        if (kn_str_eq(p->traits[i].key, key)) {
            return &p->traits[i];
        }
    }
    return NULL;
}

static void set_trait(struct kn_profile *p, const struct kn_profile_trait *trait,
                      struct kn_arena *arena)
{
    struct kn_profile_trait *known = find_trait(p, trait->key);
    if (!known) {
        p->traits = grown(arena, p->traits, p->trait_count, sizeof *p->traits);
        p->traits[p->trait_count++] = *trait;
    } else if (trait->at_us > known->at_us ||
               (trait->at_us == known->at_us && trait->arrival >= known->arrival)) {
        *known = *trait;
    }
}

void kn_profile_apply_traits(struct kn_profile *p, const struct kn_item *item, uint64_t arrival,
                             struct kn_arena *arena)
{
    size_t offset = 0;
    struct kn_str key;
    struct kn_str value;
    while (item->traits.len > 0 && kn_json_walk(item->traits, &offset, &key, &value)) {
        bool deleted = kn_str_eq(value, KN_STR("null"));
        struct kn_profile_trait trait = {
            .key = kn_json_unescape(key, arena),
            .json = deleted ? KN_STR_EMPTY : value,
            .at_us = kn_item_seen_us(item),
            .arrival = arrival,
            .source = item->source,
        };
        set_trait(p, &trait, arena);
    }
}

/* ---- consents ---- */

static struct kn_profile_consent *find_consent(struct kn_profile *p, struct kn_str purpose)
{
    for (size_t i = 0; i < p->consent_count; i++) {
        if (kn_str_eq(p->consents[i].purpose, purpose)) {
            return &p->consents[i];
        }
    }
    return NULL;
}

static void set_consent(struct kn_profile *p, const struct kn_profile_consent *consent,
                        struct kn_arena *arena)
{
    struct kn_profile_consent *known = find_consent(p, consent->purpose);
    if (!known) {
        p->consents = grown(arena, p->consents, p->consent_count, sizeof *p->consents);
        p->consents[p->consent_count++] = *consent;
    } else if (consent->at_us >= known->at_us) {
        *known = *consent;
    }
}

void kn_profile_apply_consents(struct kn_profile *p, const struct kn_item *item,
                               struct kn_arena *arena)
{
    for (size_t i = 0; i < item->consent_count; i++) {
        const struct kn_item_consent *given = &item->consents[i];
        int64_t at = item->received_us;
        if (item->flags & KN_ITEM_HISTORIC) {
            at = given->at_us != 0 ? given->at_us : item->event_us;
        }
        struct kn_profile_consent consent = {
            .purpose = given->purpose,
            .state = given->state,
            .basis = given->basis,
            .text_version = given->text_version,
            .at_us = at,
            .source = item->source,
            .message_id = item->message_id,
        };
        if (!kn_str_eq(given->purpose, KN_STR("*"))) {
            set_consent(p, &consent, arena);
            continue;
        }
        for (size_t k = 0; k < p->consent_count; k++) {
            /* A site's cookie banner says nothing about letters someone asked for. */
            if (kn_str_starts(p->consents[k].purpose, KN_STR("marketing_"))) {
                continue;
            }
            consent.purpose = p->consents[k].purpose;
            set_consent(p, &consent, arena);
        }
    }
}

/* ---- sessions ---- */

static void touch_from_visit(const struct kn_item *item, struct kn_profile_touch *t)
{
    const struct kn_item_visit *v = &item->visit;
    *t = (struct kn_profile_touch){
        .present = true,
        .at_us = item->event_us,
        .channel = v->channel,
        .source = v->source,
        .medium = v->medium,
        .campaign = v->campaign,
        .term = v->term,
        .content = v->content,
        .referrer = v->referrer,
        .click_id = v->click_id,
        .landing_page = v->landing_page,
    };
}

/* Joins each session to the one before it when the gap is at most 30 minutes. */
static void coalesce(struct kn_profile *p)
{
    size_t kept = 0;
    for (size_t i = 0; i < p->session_count; i++) {
        struct kn_profile_session *s = &p->sessions[i];
        struct kn_profile_session *last = kept > 0 ? &p->sessions[kept - 1] : NULL;
        if (last && s->start_us - last->end_us <= KN_SESSION_GAP_US) {
            if (s->end_us > last->end_us) {
                last->end_us = s->end_us;
            }
        } else {
            p->sessions[kept++] = *s;
        }
    }
    p->session_count = kept;
    if (kept > 0) {
        p->first_touch = p->sessions[0].touch;
        p->last_touch = p->sessions[kept - 1].touch;
    }
}

void kn_profile_apply_visit(struct kn_profile *p, const struct kn_item *item,
                            struct kn_arena *arena)
{
    if (!item->visit.present) {
        return;
    }
    struct kn_profile_session one = {.start_us = item->event_us, .end_us = item->event_us};
    touch_from_visit(item, &one.touch);
    size_t at = p->session_count;
    /* Behind every session that starts at or before it: an earlier arrival at the same time stays
     * the first event of its session. */
    while (at > 0 && p->sessions[at - 1].start_us > one.start_us) {
        at--;
    }
    p->sessions = grown(arena, p->sessions, p->session_count, sizeof *p->sessions);
    memmove(p->sessions + at + 1, p->sessions + at, (p->session_count - at) * sizeof *p->sessions);
    p->sessions[at] = one;
    p->session_count++;
    coalesce(p);
}

/* ---- devices ---- */

static bool same_device(const struct kn_profile_device *a, const struct kn_profile_device *b)
{
    return kn_str_eq(a->device, b->device) && kn_str_eq(a->browser, b->browser) &&
           kn_str_eq(a->platform, b->platform) && kn_str_eq(a->country, b->country);
}

uint64_t kn_device_hash(const struct kn_item_device *device)
{
    const struct kn_str parts[] = {device->device, device->browser, device->platform,
                                   device->country};
    uint64_t hash = 0;
    for (size_t i = 0; i < 4; i++) {
        hash = hash * 0x9e3779b97f4a7c15U + kn_checksum64(parts[i]);
    }
    return hash | 1; /* 0 = none yet */
}

static void put_device(struct kn_profile *p, const struct kn_profile_device *device,
                       struct kn_arena *arena)
{
    struct kn_profile_device newest = *device;
    size_t at = 0;
    while (at < p->device_count && !same_device(&p->devices[at], device)) {
        at++;
    }
    if (at == p->device_count) {
        p->devices = grown(arena, p->devices, p->device_count, sizeof *p->devices);
        p->device_count++;
    } else if (p->devices[at].last_seen_us > newest.last_seen_us) {
        newest.last_seen_us = p->devices[at].last_seen_us;
    }
    while (at > 0 && p->devices[at - 1].last_seen_us <= newest.last_seen_us) {
        p->devices[at] = p->devices[at - 1];
        at--;
    }
    p->devices[at] = newest;
    if (p->device_count > KN_PROFILE_DEVICES_MAX) {
        p->device_count = KN_PROFILE_DEVICES_MAX;
    }
}

void kn_profile_apply_device(struct kn_profile *p, const struct kn_item *item,
                             struct kn_arena *arena)
{
    if (!item->device.present) {
        return;
    }
    struct kn_profile_device device = {
        .device = item->device.device,
        .browser = item->device.browser,
        .platform = item->device.platform,
        .country = item->device.country,
        .last_seen_us = kn_item_seen_us(item),
    };
    put_device(p, &device, arena);
}

/* ---- orders ---- */

/* No order id begins with a blank: ids are trimmed at intake. */
struct kn_str kn_order_key(const struct kn_item *item, struct kn_arena *arena)
{
    if (item->order.order_id.len > 0) {
        return item->order.order_id;
    }
    size_t room = item->message_id.len + 16;
    char *key = kn_arena_alloc(arena, room);
    kn_assert(key != NULL);
    int len = snprintf(key, room, "\n%u:", item->source);
    memcpy(key + len, item->message_id.p, item->message_id.len);
    return kn_str(key, (size_t)len + item->message_id.len);
}

static void note_source(struct kn_profile_order *o, uint32_t source)
{
    for (size_t i = 0; i < 4; i++) {
        if (o->sources[i] == source || o->sources[i] == 0) {
            o->sources[i] = source;
            return;
        }
    }
}

struct kn_profile_order_fact kn_order_fact(const struct kn_item *item, uint64_t arrival)
{
    struct kn_profile_order_fact fact = {
        .arrival = arrival,
        .event_us = item->event_us,
        .source = item->source,
        .event = item->order.event,
        .has_amount = item->order.has_amount,
        .amount = item->order.amount,
    };
    memcpy(fact.currency, item->order.currency, sizeof fact.currency);
    return fact;
}

/* An amount without a currency is one of the workspace's, whatever other events of the order say.
 */
static void take_amount(struct kn_profile_order *o, const struct kn_profile_order_fact *given)
{
    if (!given->has_amount || (o->has_amount && given->event_us < o->amount_us)) {
        return;
    }
    o->has_amount = true;
    o->amount = given->amount;
    o->amount_us = given->event_us;
    memcpy(o->currency, given->currency, sizeof o->currency);
}

static void fold_order(struct kn_profile_order *o, const struct kn_profile_order_fact *fact)
{
    note_source(o, fact->source);
    bool latest = fact->event_us >= o->state_us;
    switch (fact->event) {
    case KN_ORDER_COMPLETED:
    case KN_ORDER_UPDATED:
        o->placed = true;
        take_amount(o, fact);
        if (latest) {
            o->state_us = fact->event_us;
            o->cancelled = false;
        }
        break;
    case KN_ORDER_CANCELLED:
        if (latest) {
            o->state_us = fact->event_us;
            o->cancelled = true;
        }
        break;
    case KN_ORDER_REFUNDED:
        if (fact->has_amount) {
            o->refunded += fact->amount;
        } else {
            o->refunded_whole = true;
        }
        break;
    case KN_ORDER_NONE: break;
    }
}

static struct kn_profile_order *order_of(struct kn_profile *p, struct kn_str key, int64_t event_us,
                                         struct kn_arena *arena)
{
    for (size_t i = 0; i < p->order_count; i++) {
        if (kn_str_eq(p->orders[i].key, key)) {
            return &p->orders[i];
        }
    }
    p->orders = grown(arena, p->orders, p->order_count, sizeof *p->orders);
    struct kn_profile_order *o = &p->orders[p->order_count++];
    o->key = key;
    o->first_us = event_us;
    o->state_us = INT64_MIN;
    return o;
}

void kn_profile_apply_order(struct kn_profile *p, const struct kn_profile_order_fact *fact,
                            struct kn_str key, bool other, struct kn_arena *arena)
{
    struct kn_profile_order *o = order_of(p, key, fact->event_us, arena);
    fold_order(o, fact);
    if (other && o->other_count < KN_PROFILE_ORDER_OTHERS_MAX) {
        o->others = grown(arena, o->others, o->other_count, sizeof *o->others);
        o->others[o->other_count++] = *fact;
    }
}

bool kn_profile_order_counts(const struct kn_profile_order *order)
{
    return order->placed && !order->cancelled;
}

int64_t kn_profile_order_net(const struct kn_profile_order *order)
{
    if (!kn_profile_order_counts(order) || !order->has_amount || order->refunded_whole) {
        return 0;
    }
    return order->amount - order->refunded;
}

size_t kn_profile_revenue(const struct kn_profile *p, const char *home,
                          struct kn_profile_revenue *ret, size_t max, size_t *ret_orders)
{
    size_t count = 0;
    *ret_orders = 0;
    for (size_t i = 0; i < p->order_count; i++) {
        const struct kn_profile_order *o = &p->orders[i];
        if (!kn_profile_order_counts(o)) {
            continue;
        }
        (*ret_orders)++;
        const char *currency = o->currency[0] != '\0' ? o->currency : home;
        size_t at = 0;
        while (at < count && strcmp(ret[at].currency, currency) != 0) {
            at++;
        }
        if (at == count) {
            if (count == max || !o->has_amount) {
                continue;
            }
            memset(&ret[count], 0, sizeof ret[count]);
            memcpy(ret[count].currency, currency, strnlen(currency, 3));
            count++;
        }
        ret[at].amount += kn_profile_order_net(o);
    }
    return count;
}

/* ---- merging ---- */

static void merge_consents(struct kn_profile *into, const struct kn_profile *from,
                           struct kn_arena *arena)
{
    for (size_t i = 0; i < from->consent_count; i++) {
        const struct kn_profile_consent *b = &from->consents[i];
        struct kn_profile_consent *a = find_consent(into, b->purpose);
        if (!a || a->state == b->state || a->state == KN_CONSENT_UNKNOWN) {
            set_consent(into, b, arena);
        } else if (b->state != KN_CONSENT_UNKNOWN) {
            int64_t at = a->at_us > b->at_us ? a->at_us : b->at_us;
            if (b->at_us > a->at_us) {
                *a = *b;
            }
            a->state = KN_CONSENT_CONFLICT;
            a->at_us = at;
        }
    }
}

static void merge_sessions(struct kn_profile *into, const struct kn_profile *from,
                           struct kn_arena *arena)
{
    size_t total = into->session_count + from->session_count;
    struct kn_profile_session *all = kn_arena_zero(arena, total + 1, sizeof *all);
    kn_assert(all != NULL);
    size_t a = 0;
    size_t b = 0;
    for (size_t i = 0; i < total; i++) {
        bool first =
            b == from->session_count ||
            (a < into->session_count && into->sessions[a].start_us <= from->sessions[b].start_us);
        all[i] = first ? into->sessions[a++] : from->sessions[b++];
    }
    into->sessions = all;
    into->session_count = total;
    coalesce(into);
}

static void merge_lists(struct kn_profile *into, const struct kn_profile *from, int64_t at_us,
                        struct kn_arena *arena)
{
    for (size_t i = 0; i < from->id_count; i++) {
        into->ids = grown(arena, into->ids, into->id_count, sizeof *into->ids);
        into->ids[into->id_count++] = from->ids[i];
    }
    for (size_t i = 0; i < from->trait_count; i++) {
        set_trait(into, &from->traits[i], arena);
    }
    for (size_t i = from->device_count; i > 0; i--) {
        put_device(into, &from->devices[i - 1], arena);
    }
    for (size_t i = 0; i < from->order_count; i++) {
        into->orders = grown(arena, into->orders, into->order_count, sizeof *into->orders);
        into->orders[into->order_count++] = from->orders[i];
    }
    for (size_t i = 0; i <= from->merged_count; i++) {
        into->merged = grown(arena, into->merged, into->merged_count, sizeof *into->merged);
        into->merged[into->merged_count++] =
            i < from->merged_count ? from->merged[i]
                                   : (struct kn_profile_merged){from->ordinal, from->id, at_us};
    }
}

void kn_profile_merge(struct kn_profile *into, const struct kn_profile *from, int64_t at_us,
                      struct kn_arena *arena)
{
    merge_lists(into, from, at_us, arena);
    merge_consents(into, from, arena);
    merge_sessions(into, from, arena);
    kn_profile_see(into, from->first_seen_us);
    kn_profile_see(into, from->last_seen_us);
    if (from->created_us < into->created_us) {
        into->created_us = from->created_us;
    }
    into->events += from->events;
    into->merges += from->merges + 1;
}

/* ---- public id ---- */

static const char base32[] = "0123456789abcdefghjkmnpqrstvwxyz";

void kn_profile_id_text(struct kn_h128 id, char text[27])
{
    unsigned __int128 value = ((unsigned __int128)id.hi << 64) | id.lo;
    for (int i = 25; i >= 0; i--) {
        text[i] = base32[(unsigned)(value & 31)];
        value >>= 5;
    }
    text[26] = '\0';
}

bool kn_profile_id_parse(struct kn_str text, struct kn_h128 *ret)
{
    if (text.len != 26 || text.p[0] > '7' || text.p[0] < '0') {
        return false;
    }
    unsigned __int128 value = 0;
    for (size_t i = 0; i < 26; i++) {
        const char *digit = text.p[i] ? strchr(base32, text.p[i]) : NULL;
        if (!digit) {
            return false;
        }
        value = (value << 5) | (unsigned)(digit - base32);
    }
    *ret = (struct kn_h128){(uint64_t)value, (uint64_t)(value >> 64)};
    return true;
}
