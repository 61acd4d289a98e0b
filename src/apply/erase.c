#include "apply/erase.h"

#include <stdlib.h>

#include "apply/fold.h"
#include "apply/ledger.h"
#include "apply/live.h"
#include "apply/recent.h"
#include "base/assert.h"
#include "base/mem.h"
#include "format/json.h"

enum { RECORD_VERSION = 1, ORDINALS_MAX = 1 << 20, RECORD_BLOCKS = 4, TICK_BLOCKS = 1024 };

static const struct kn_h128 cursor_id = {0};

const char *kn_erase_store_name(enum kn_erase_store store)
{
    static const char *const names[KN_ERASE_STORES] = {"archive", "columns", "log", "state"};
    return names[store];
}

/* ---- records ---- */

static void put_h128(struct kn_buf *out, struct kn_h128 h)
{
    kn_buf_le64(out, h.lo);
    kn_buf_le64(out, h.hi);
}

static struct kn_h128 take_h128(struct kn_cursor *c)
{
    struct kn_h128 h = {.lo = kn_take_le64(c)};
    h.hi = kn_take_le64(c);
    return h;
}

void kn_erasure_encode(const struct kn_erasure *e, struct kn_buf *out)
{
    kn_buf_char(out, RECORD_VERSION);
    put_h128(out, e->profile);
    kn_buf_le64(out, e->seq);
    kn_buf_le64(out, (uint64_t)e->requested_us);
    kn_buf_le64(out, (uint64_t)e->deadline_us);
    for (size_t i = 0; i < KN_ERASE_STORES; i++) {
        kn_buf_le64(out, (uint64_t)e->done_us[i]);
    }
    kn_buf_le64(out, e->identifiers);
    kn_buf_le64(out, e->events);
    kn_buf_varint(out, e->ordinal_count);
    for (size_t i = 0; i < e->ordinal_count; i++) {
        kn_buf_varint(out, e->ordinals[i]);
    }
}

enum kn_rc kn_erasure_decode(struct kn_h128 id, struct kn_str bytes, struct kn_arena *arena,
                             struct kn_erasure *ret)
{
    struct kn_cursor c = kn_cursor(bytes);
    struct kn_erasure e = {.id = id};
    bool known = kn_take_u8(&c) == RECORD_VERSION;
    e.profile = take_h128(&c);
    e.seq = kn_take_le64(&c);
    e.requested_us = (int64_t)kn_take_le64(&c);
    e.deadline_us = (int64_t)kn_take_le64(&c);
    for (size_t i = 0; i < KN_ERASE_STORES; i++) {
        e.done_us[i] = (int64_t)kn_take_le64(&c);
    }
    e.identifiers = kn_take_le64(&c);
    e.events = kn_take_le64(&c);
    uint64_t count = kn_take_varint(&c);
    if (c.bad || !known || count > ORDINALS_MAX) {
        return KN_E_CORRUPT;
    }
    e.ordinal_count = (size_t)count;
    e.ordinals = kn_arena_alloc(arena, (e.ordinal_count + 1) * sizeof *e.ordinals);
    if (!e.ordinals) {
        return KN_E_NOMEM;
    }
    for (size_t i = 0; i < e.ordinal_count; i++) {
        e.ordinals[i] = (uint32_t)kn_take_varint(&c);
    }
    *ret = e;
    return c.bad || c.p != c.end ? KN_E_CORRUPT : KN_OK;
}

static void store(struct kn_fold *f, const struct kn_erasure *e)
{
    kn_erasure_encode(e, &f->scratch);
    kn_assert(f->scratch.rc == KN_OK);
    kn_fold_put(f, KN_T_ERASURE, kn_key_h128(e->id), kn_buf_view(&f->scratch));
    kn_buf_clear(&f->scratch);
}

static void remember(struct kn_erasures *all, const struct kn_erasure *e)
{
    all->waiting = kn_must_realloc(all->waiting, (all->waiting_count + 1) * sizeof *all->waiting);
    struct kn_erasure *to = &all->waiting[all->waiting_count++];
    *to = *e;
    to->ordinals = kn_must_alloc((e->ordinal_count + 1) * sizeof *to->ordinals);
    memcpy(to->ordinals, e->ordinals, e->ordinal_count * sizeof *to->ordinals);
}

void kn_erasures_deinit(struct kn_erasures *all)
{
    for (size_t i = 0; i < all->waiting_count; i++) {
        kn_free(all->waiting[i].ordinals);
    }
    kn_free(all->waiting);
    *all = (struct kn_erasures){0};
}

/* ---- at start ---- */

static enum kn_rc load_ledger(void *context, struct kn_key key, struct kn_str value,
                              struct kn_err *err)
{
    struct kn_fold *f = context;
    struct kn_cursor c = kn_cursor(value);
    struct kn_ledger_entry entry = {.hash = key.hash, .at_us = (int64_t)kn_take_le64(&c)};
    entry.seq = kn_take_le64(&c);
    if (c.bad || c.p != c.end || entry.seq == 0) {
        return kn_fail(err, KN_E_CORRUPT, "an erased identifier does not decode");
    }
    kn_ledger_put(f->ledger, &entry);
    return KN_OK;
}

static enum kn_rc load_erasure(void *context, struct kn_key key, struct kn_str value,
                               struct kn_err *err)
{
    struct kn_fold *f = context;
    struct kn_erasures *all = &f->erasures;
    struct kn_erasure e;
    if (kn_h128_eq(key.hash, cursor_id)) {
        struct kn_cursor c = kn_cursor(value);
        uint32_t series = kn_take_le32(&c);
        all->redacting = series > 0;
        all->series = series > 0 ? series - 1 : 0;
        all->block = kn_take_le64(&c);
        return c.bad ? kn_fail(err, KN_E_CORRUPT, "the progress of erasing does not decode")
                     : KN_OK;
    }
    enum kn_rc rc = kn_erasure_decode(key.hash, value, &f->arena, &e);
    if (rc != KN_OK) {
        return kn_fail(err, rc, "an erasure does not decode");
    }
    if (kn_erasure_is_done(&e)) {
        all->done++;
    } else {
        remember(all, &e);
    }
    kn_arena_clear(&f->arena);
    return KN_OK;
}

static int by_record(const void *a, const void *b)
{
    uint64_t x = ((const struct kn_erasure *)a)->seq;
    uint64_t y = ((const struct kn_erasure *)b)->seq;
    return x < y ? -1 : x > y;
}

enum kn_rc kn_erasures_load(struct kn_fold *f, struct kn_err *err)
{
    KN_TRY(kn_state_scan(f->state, KN_T_ERASED, load_ledger, f, err));
    KN_TRY(kn_state_scan(f->state, KN_T_ERASURE, load_erasure, f, err));
    if (f->erasures.waiting_count > 1) {
        qsort(f->erasures.waiting, f->erasures.waiting_count, sizeof *f->erasures.waiting,
              by_record);
    }
    return KN_OK;
}

/* ---- the person ---- */

static void remove_if_there(struct kn_fold *f, enum kn_table table, struct kn_key key)
{
    if (kn_fold_get(f, table, key).p) {
        kn_fold_remove(f, table, key);
    }
}

/* The profile that has the public id, or that it became part of; 0 = nobody. */
static uint32_t find_person(struct kn_fold *f, struct kn_h128 id)
{
    struct kn_hot hot;
    struct kn_str known = kn_fold_get(f, KN_T_PROFILE_ID, kn_key_h128(id));
    uint32_t ordinal = known.p ? kn_u32_value(known) : 0;
    while (ordinal != 0) {
        if (!kn_hot_decode(kn_fold_get(f, KN_T_HOT, kn_key_u32(ordinal)), &hot)) {
            return 0;
        }
        if (hot.canonical == 0) {
            return ordinal;
        }
        ordinal = hot.canonical;
    }
    return 0;
}

/* Takes `hash` out of the list of those that `of` was split from. */
static void allow(struct kn_fold *f, struct kn_h128 of, struct kn_h128 hash)
{
    struct kn_key key = kn_key_h128(of);
    struct kn_str list = kn_fold_get(f, KN_T_FORBIDDEN, key);
    struct kn_cursor c = kn_cursor(list);
    while (list.len > 0 && c.p != c.end) {
        struct kn_h128 other = take_h128(&c);
        kn_assert(!c.bad);
        if (!kn_h128_eq(other, hash)) {
            put_h128(&f->scratch, other);
        }
    }
    if (f->scratch.len > 0) {
        kn_fold_put(f, KN_T_FORBIDDEN, key, kn_buf_view(&f->scratch));
    } else if (list.p) {
        kn_fold_remove(f, KN_T_FORBIDDEN, key);
    }
    kn_buf_clear(&f->scratch);
}

static void forget_pairs(struct kn_fold *f, struct kn_h128 hash)
{
    struct kn_str list = kn_arena_str(&f->arena, kn_fold_get(f, KN_T_FORBIDDEN, kn_key_h128(hash)));
    struct kn_cursor c = kn_cursor(list);
    while (list.len > 0 && c.p != c.end) {
        struct kn_h128 other = take_h128(&c);
        kn_assert(!c.bad && f->counters.forbidden > 0);
        allow(f, other, hash);
        f->counters.forbidden--;
    }
    remove_if_there(f, KN_T_FORBIDDEN, kn_key_h128(hash));
}

static void erase_identifier(struct kn_fold *f, struct kn_h128 hash)
{
    struct kn_ledger_entry entry = {hash, f->now_us, f->seq};
    kn_buf_le64(&f->scratch, (uint64_t)entry.at_us);
    kn_buf_le64(&f->scratch, entry.seq);
    kn_assert(f->scratch.rc == KN_OK);
    kn_fold_put(f, KN_T_ERASED, kn_key_h128(hash), kn_buf_view(&f->scratch));
    kn_buf_clear(&f->scratch);
    kn_ledger_put(f->ledger, &entry);
    kn_fold_remove(f, KN_T_IDENTIFIER, kn_key_h128(hash));
    remove_if_there(f, KN_T_GUARD, kn_key_h128(hash));
    remove_if_there(f, KN_T_LISTED, kn_key_h128(hash)); /* who comes back is on no list */
    forget_pairs(f, hash);
}

static bool is_own(const struct kn_profile *p, struct kn_h128 hash)
{
    for (size_t i = 0; i < p->id_count; i++) {
        if (kn_h128_eq(p->ids[i].hash, hash)) {
            return true;
        }
    }
    return false;
}

/* Links of a profile this one was split from, or that was split off it, name its identifiers. */
static void clean_links(struct kn_fold *f, uint32_t ordinal, const struct kn_profile *erased)
{
    struct kn_profile_link *links;
    size_t count;
    struct kn_key key = kn_key_u32(ordinal);
    struct kn_str bytes = kn_arena_str(&f->arena, kn_fold_get(f, KN_T_LINKS, key));
    if (kn_profile_decode_links(bytes, &f->key, &f->arena, &links, &count) != KN_OK) {
        kn_panic("links record %u does not decode", ordinal);
    }
    for (size_t i = 0; i < count; i++) {
        size_t kept = 0;
        for (size_t k = 0; k < links[i].id_count; k++) {
            if (!is_own(erased, links[i].ids[k].hash)) {
                links[i].ids[kept++] = links[i].ids[k];
            }
        }
        links[i].id_count = kept;
        kn_profile_encode_link(&links[i], &f->scratch);
    }
    if (f->scratch.len > 0) {
        kn_assert(f->scratch.rc == KN_OK);
        kn_fold_put(f, KN_T_LINKS, key, kn_buf_view(&f->scratch));
    }
    kn_buf_clear(&f->scratch);
}

static void clean_relatives(struct kn_fold *f, const struct kn_profile *p)
{
    struct kn_profile_link *links;
    size_t count;
    struct kn_str bytes =
        kn_arena_str(&f->arena, kn_fold_get(f, KN_T_LINKS, kn_key_u32(p->ordinal)));
    if (kn_profile_decode_links(bytes, &f->key, &f->arena, &links, &count) != KN_OK) {
        kn_panic("links record %u does not decode", p->ordinal);
    }
    for (size_t i = 0; i < count; i++) {
        bool split = links[i].kind == KN_LINK_SPLIT || links[i].kind == KN_LINK_SPLIT_OFF;
        uint32_t other = split ? find_person(f, links[i].other_id) : 0;
        if (other != 0 && other != p->ordinal) {
            clean_links(f, other, p);
        }
    }
}

static void erase_ordinal(struct kn_fold *f, uint32_t ordinal)
{
    static const enum kn_table tables[] = {KN_T_HOT, KN_T_COLD, KN_T_SESSIONS, KN_T_ORDERS,
                                           KN_T_LINKS};
    struct kn_key key = kn_key_u32(ordinal);
    struct kn_hot hot;
    if (!kn_hot_decode(kn_fold_get(f, KN_T_HOT, key), &hot)) {
        kn_panic("profile record %u does not decode", ordinal);
    }
    kn_fold_remove(f, KN_T_PROFILE_ID, kn_key_h128(hot.id));
    for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++) {
        remove_if_there(f, tables[i], key);
    }
    kn_feed_forget(f, ordinal);
    kn_archive_forget(f->archive, ordinal);
    kn_touch(f, ordinal, KN_CHANGED_ERASED); /* it leaves its segments */
}

static void erase_person(struct kn_fold *f, struct kn_person *person, struct kn_erasure *e)
{
    struct kn_profile *p = &person->p;
    kn_person_load_orders(f, person);
    e->identifiers = p->id_count;
    e->events = p->events;
    e->ordinals = kn_arena_alloc(&f->arena, (p->merged_count + 1) * sizeof *e->ordinals);
    kn_assert(e->ordinals != NULL);
    e->ordinals[e->ordinal_count++] = p->ordinal;
    for (size_t i = 0; i < p->merged_count; i++) {
        e->ordinals[e->ordinal_count++] = p->merged[i].ordinal;
    }
    clean_relatives(f, p);
    for (size_t i = 0; i < p->id_count; i++) {
        erase_identifier(f, p->ids[i].hash);
    }
    for (size_t i = 0; i < p->order_count; i++) {
        struct kn_key key = kn_key_h128(kn_order_hash(f, p->orders[i].key));
        remove_if_there(f, KN_T_ORDER_OWNER, key);
        remove_if_there(f, KN_T_ORDER_FACTS, key);
    }
    for (size_t i = 0; i < e->ordinal_count; i++) {
        erase_ordinal(f, e->ordinals[i]);
    }
    f->counters.profiles--;
    f->counters.identifiers -= p->id_count;
}

/* ---- the two records ---- */

static void put_cursor(struct kn_fold *f)
{
    const struct kn_erasures *all = &f->erasures;
    kn_buf_le32(&f->scratch, all->redacting ? all->series + 1 : 0);
    kn_buf_le64(&f->scratch, all->block);
    kn_assert(f->scratch.rc == KN_OK);
    kn_fold_put(f, KN_T_ERASURE, kn_key_h128(cursor_id), kn_buf_view(&f->scratch));
    kn_buf_clear(&f->scratch);
}

void kn_fold_erase(struct kn_fold *f, const struct kn_item *item)
{
    struct kn_erasure e = {.seq = f->seq, .requested_us = f->now_us, .deadline_us = f->now_us};
    size_t offset = 0;
    struct kn_str key;
    struct kn_str value;
    uint64_t within = 0;
    if (!kn_profile_id_parse(item->name, &e.id) || kn_h128_eq(e.id, cursor_id) ||
        kn_fold_get(f, KN_T_ERASURE, kn_key_h128(e.id)).p) {
        return;
    }
    while (kn_json_walk(item->body, &offset, &key, &value)) {
        if (kn_str_eq(key, KN_STR("profile")) && value.len > 2) {
            (void)kn_profile_id_parse(kn_str_sub(value, 1, value.len - 1), &e.profile);
        } else if (kn_str_eq(key, KN_STR("within_us")) && kn_str_u64(value, &within)) {
            e.deadline_us = f->now_us + (int64_t)within;
        }
    }
    uint32_t ordinal = find_person(f, e.profile);
    if (ordinal != 0) {
        erase_person(f, kn_person_load(f, ordinal), &e);
        kn_recent_free(f->recent); /* what a person watches: it fills again by itself */
        f->recent = kn_recent_new();
    }
    store(f, &e);
    remember(&f->erasures, &e);
    f->erasures.redacting = true;
    f->erasures.series = 0;
    f->erasures.block = 0;
    put_cursor(f);
}

static void read_receipt(struct kn_str body, struct kn_erasure *e)
{
    size_t offset = 0;
    struct kn_str key;
    struct kn_str value;
    uint64_t at;
    while (kn_json_walk(body, &offset, &key, &value)) {
        for (unsigned i = 0; i < KN_ERASE_STORES; i++) {
            if (kn_str_eq(key, kn_str_c(kn_erase_store_name((enum kn_erase_store)i))) &&
                kn_str_u64(value, &at)) {
                e->done_us[i] = (int64_t)at;
            }
        }
    }
}

void kn_fold_erased(struct kn_fold *f, const struct kn_item *item)
{
    struct kn_erasures *all = &f->erasures;
    struct kn_h128 id;
    if (!kn_profile_id_parse(item->name, &id)) {
        return;
    }
    for (size_t i = 0; i < all->waiting_count; i++) {
        struct kn_erasure *e = &all->waiting[i];
        if (!kn_h128_eq(e->id, id)) {
            continue;
        }
        read_receipt(item->body, e);
        store(f, e);
        if (kn_erasure_is_done(e)) {
            kn_free(e->ordinals);
            memmove(e, e + 1, (all->waiting_count - i - 1) * sizeof *e);
            all->waiting_count--;
            all->done++;
        }
        return;
    }
}

/* ---- change lists ---- */

static bool is_waiting(const struct kn_erasures *all, uint32_t ordinal)
{
    for (size_t i = 0; i < all->waiting_count; i++) {
        for (size_t k = 0; k < all->waiting[i].ordinal_count; k++) {
            if (all->waiting[i].ordinals[k] == ordinal) {
                return true;
            }
        }
    }
    return false;
}

static bool is_gone(void *context, uint32_t ordinal)
{
    return is_waiting(context, ordinal);
}

/* What is known of the first series from the cursor on; NULL: there is none. */
static const struct kn_segment_record *next_series(const struct kn_live *live, uint32_t from)
{
    const struct kn_segment_record *found = NULL;
    for (uint32_t i = 0; i < live->count; i++) {
        const struct kn_segment_record *r = live->all[i] ? &live->all[i]->record : NULL;
        if (r && r->series >= from &&
            (!found || r->series < found->series ||
             (r->series == found->series && r->changes > found->changes))) {
            found = r;
        }
    }
    return found;
}

void kn_fold_redact(struct kn_fold *f, bool is_tick)
{
    struct kn_erasures *all = &f->erasures;
    const struct kn_segment_record *r = NULL;
    if (!all->redacting) {
        return;
    }
    kn_live_flush(f); /* the blocks are whole */
    for (unsigned left = is_tick ? TICK_BLOCKS : RECORD_BLOCKS; left > 0 && all->redacting;
         left--) {
        if (!r || r->series < all->series) {
            r = next_series(f->live, all->series);
            all->redacting = r != NULL;
        }
        if (!r) {
            break;
        }
        uint64_t first = r->oldest_change / KN_CHANGES_BLOCK;
        bool same = r->series == all->series;
        all->block = same && all->block > first ? all->block : first;
        all->series = r->series;
        if (all->block * KN_CHANGES_BLOCK < r->changes) {
            kn_change_redact(f, r->series, all->block++, is_gone, all);
        } else {
            all->series++;
            all->block = 0;
        }
    }
    put_cursor(f);
}

/* ---- what comes later ---- */

static bool is_known(void *context, struct kn_h128 hash)
{
    uint32_t ordinal;
    uint32_t slot;
    return kn_fold_identifier(context, hash, &ordinal, &slot);
}

bool kn_fold_is_erased(struct kn_fold *f, const struct kn_item *item)
{
    return kn_ledger_owns(f->ledger, f->settings->identity, item, f->seq, is_known, f);
}
