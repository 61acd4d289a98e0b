/* Un-merge: a person says that some identifiers are somebody else's.
 *
 * The pairs (split identifier, remaining identifier) become forbidden. Then the whole component is
 * taken apart and its history is applied again in order of arrival, now with those pairs kept
 * apart; rows of the archive follow their event to its new profile. Nothing outside the component
 * changes.
 */
#include <stdlib.h>

#include "apply/fold.h"
#include "base/assert.h"
#include "base/mem.h"

/* Who is involved: the profile and the two halves of its identifiers. */
struct split {
    uint32_t ordinal;
    struct kn_person *person;
    struct kn_h128 *off, *rest;
    size_t off_count, rest_count;
    uint32_t kept, split; /* the ordinals of both sides in the end, 0 = none */
};

static bool contains(const struct kn_item *item, struct kn_h128 hash)
{
    for (size_t i = 0; i < item->id_count; i++) {
        if (kn_h128_eq(item->ids[i].hash, hash)) {
            return true;
        }
    }
    return false;
}

static enum kn_rc one_owner(struct kn_fold *f, const struct kn_item *item, uint32_t *ret,
                            struct kn_err *err)
{
    uint32_t ordinal = 0;
    for (size_t i = 0; i < item->id_count; i++) {
        uint32_t owner;
        uint32_t slot;
        if (!kn_fold_identifier(f, item->ids[i].hash, &owner, &slot)) {
            return kn_fail(err, KN_E_NOT_FOUND, "identifier %zu belongs to no profile", i + 1);
        }
        if (ordinal != 0 && owner != ordinal) {
            return kn_fail(err, KN_E_INVALID, "the identifiers belong to different profiles");
        }
        ordinal = owner;
    }
    if (ordinal == 0) {
        return kn_fail(err, KN_E_INVALID, "no identifiers were given");
    }
    *ret = ordinal;
    return KN_OK;
}

static enum kn_rc plan(struct kn_fold *f, const struct kn_item *item, struct split *s,
                       struct kn_err *err)
{
    KN_TRY(one_owner(f, item, &s->ordinal, err));
    s->person = kn_person_load(f, s->ordinal);
    size_t total = s->person->p.id_count;
    s->off = kn_arena_zero(&f->arena, total + 1, sizeof *s->off);
    s->rest = kn_arena_zero(&f->arena, total + 1, sizeof *s->rest);
    kn_assert(s->off && s->rest);
    for (size_t i = 0; i < total; i++) {
        struct kn_h128 hash = s->person->p.ids[i].hash;
        if (contains(item, hash)) {
            s->off[s->off_count++] = hash;
        } else {
            s->rest[s->rest_count++] = hash;
        }
    }
    if (s->rest_count == 0) {
        return kn_fail(err, KN_E_INVALID,
                       "these are all identifiers of the profile: "
                       "nothing would remain");
    }
    if (s->off_count * s->rest_count > KN_UNMERGE_PAIRS_MAX) {
        return kn_fail(err, KN_E_LIMIT, "too many identifiers to keep apart (%zu x %zu)",
                       s->off_count, s->rest_count);
    }
    return KN_OK;
}

enum kn_rc kn_fold_check_unmerge(struct kn_fold *f, const struct kn_item *item, struct kn_err *err)
{
    struct split s = {0};
    return plan(f, item, &s, err);
}

/* ---- forbidden pairs ---- */

static void forbid(struct kn_fold *f, struct kn_h128 a, const struct kn_h128 *others, size_t count)
{
    kn_buf_str(&f->scratch, kn_fold_get(f, KN_T_FORBIDDEN, kn_key_h128(a)));
    for (size_t i = 0; i < count; i++) {
        kn_buf_le64(&f->scratch, others[i].lo);
        kn_buf_le64(&f->scratch, others[i].hi);
    }
    kn_assert(f->scratch.rc == KN_OK);
    kn_fold_put(f, KN_T_FORBIDDEN, kn_key_h128(a), kn_buf_view(&f->scratch));
    kn_buf_clear(&f->scratch);
}

static void forbid_all(struct kn_fold *f, const struct split *s)
{
    for (size_t i = 0; i < s->off_count; i++) {
        forbid(f, s->off[i], s->rest, s->rest_count);
    }
    for (size_t i = 0; i < s->rest_count; i++) {
        forbid(f, s->rest[i], s->off, s->off_count);
    }
    f->counters.forbidden += s->off_count * s->rest_count;
}

/* ---- the component's history ---- */

struct history_row {
    uint32_t ordinal, version;
    uint64_t arrival;
    int64_t event_us;
    struct kn_str bytes;
};

/* What somebody else's event said about an order of the component. */
struct history_fact {
    struct kn_str key; /* of the order */
    struct kn_profile_order_fact fact;
};

struct history {
    struct history_row *rows; /* owned, as the facts are; both in order of arrival */
    size_t count, room;
    struct history_fact *facts;
    size_t fact_count, facts_done;
    struct kn_arena arena;
    bool full; /* no memory for all of it */
};

static bool keep_row(void *context, const struct kn_archive_row *row)
{
    struct history *h = context;
    if (h->count == h->room) {
        h->room = h->room ? h->room * 2 : 256;
        h->rows = kn_must_realloc(h->rows, h->room * sizeof *h->rows);
    }
    struct kn_str bytes = kn_arena_str(&h->arena, row->item);
    if (!bytes.p) {
        h->full = true;
        return false;
    }
    h->rows[h->count++] = (struct history_row){
        .ordinal = row->ordinal,
        .version = row->version,
        .arrival = row->arrival,
        .event_us = row->event_us,
        .bytes = bytes,
    };
    return true;
}

/* A dry run may be refused for want of memory (KN_E_NOMEM); the fold must go on. */
static enum kn_rc read_history(struct kn_fold *f, const uint32_t *ordinals, size_t count,
                               struct history *h)
{
    struct kn_err err = {0};
    struct kn_archive_query query = {
        .order = KN_ARCHIVE_BY_ARRIVAL,
        .from_us = INT64_MIN,
        .to_us = INT64_MAX,
    };
    kn_arena_init(&h->arena, SIZE_MAX / 2);
    struct kn_archive_pin *pin = kn_archive_pin(f->archive, ordinals, count);
    enum kn_rc rc = pin ? kn_archive_read(pin, &query, keep_row, h, &err) : KN_E_NOMEM;
    kn_archive_unpin(pin);
    rc = h->full ? KN_E_NOMEM : rc;
    if (rc != KN_OK && !(rc == KN_E_NOMEM && f->journal)) {
        kn_panic("history of a profile cannot be read: %s %s", kn_rc_name(rc), err.text);
    }
    return rc;
}

static void free_history(struct history *h)
{
    kn_arena_deinit(&h->arena);
    kn_free(h->rows);
    kn_free(h->facts);
}

/* Arrivals are in order. */
static bool is_own(const struct history *h, uint64_t arrival)
{
    size_t low = 0;
    size_t high = h->count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (h->rows[middle].arrival < arrival) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < h->count && h->rows[low].arrival == arrival;
}

static int by_arrival(const void *a, const void *b)
{
    uint64_t p = ((const struct history_fact *)a)->fact.arrival;
    uint64_t q = ((const struct history_fact *)b)->fact.arrival;
    return p < q ? -1 : p > q;
}

/* Whoever said it may have become part of the component since: then it is in the rows. */
static void keep_facts(struct kn_fold *f, struct kn_person *person, struct history *h)
{
    kn_person_load_orders(f, person);
    for (size_t i = 0; i < person->p.order_count; i++) {
        const struct kn_profile_order *o = &person->p.orders[i];
        struct kn_str key = o->other_count > 0 ? kn_arena_str(&h->arena, o->key) : o->key;
        h->facts =
            kn_must_realloc(h->facts, (h->fact_count + o->other_count + 1) * sizeof *h->facts);
        for (size_t k = 0; k < o->other_count; k++) {
            if (!is_own(h, o->others[k].arrival)) {
                kn_assert(key.p != NULL);
                h->facts[h->fact_count++] = (struct history_fact){key, o->others[k]};
            }
        }
    }
    if (h->fact_count > 0) {
        qsort(h->facts, h->fact_count, sizeof *h->facts, by_arrival);
    }
}

/* ---- taking apart ---- */

static uint32_t *component_of(const struct kn_profile *p, size_t *ret_count)
{
    uint32_t *ordinals = kn_must_alloc((p->merged_count + 1) * sizeof *ordinals);
    ordinals[0] = p->ordinal;
    for (size_t i = 0; i < p->merged_count; i++) {
        ordinals[i + 1] = p->merged[i].ordinal;
    }
    *ret_count = p->merged_count + 1;
    return ordinals;
}

static void take_apart(struct kn_fold *f, struct kn_person *person, const uint32_t *ordinals,
                       size_t count)
{
    kn_person_load_orders(f, person);
    for (size_t i = 0; i < person->p.id_count; i++) {
        kn_fold_remove(f, KN_T_IDENTIFIER, kn_key_h128(person->p.ids[i].hash));
    }
    for (size_t i = 0; i < person->p.order_count; i++) {
        struct kn_h128 hash = kn_order_hash(f, person->p.orders[i].key);
        kn_fold_remove(f, KN_T_ORDER_OWNER, kn_key_h128(hash));
        kn_fold_remove(f, KN_T_ORDER_FACTS, kn_key_h128(hash));
    }
    for (size_t i = 0; i < count; i++) {
        struct kn_key key = kn_key_u32(ordinals[i]);
        kn_fold_remove(f, KN_T_HOT, key);
        kn_fold_remove(f, KN_T_COLD, key);
        kn_fold_remove(f, KN_T_SESSIONS, key);
        kn_fold_remove(f, KN_T_ORDERS, key);
        kn_fold_remove(f, KN_T_LINKS, key);
        kn_feed_forget(f, ordinals[i]);
    }
    f->counters.profiles--;
    f->counters.identifiers -= person->p.id_count;
}

/* ---- putting together again ---- */

static void move_row(struct kn_fold *f, const struct history_row *row, uint32_t ordinal)
{
    if (ordinal == row->ordinal || f->journal) {
        return; /* a dry run leaves the archive alone */
    }
    kn_archive_mask(f->archive, row->ordinal, row->arrival, row->version);
    struct kn_archive_row moved = {
        .ordinal = ordinal,
        .version = ++f->counters.moves,
        .event_us = row->event_us,
        .arrival = row->arrival,
        .item = row->bytes,
    };
    kn_archive_append(f->archive, &moved);
}

static uint32_t owner_of(struct kn_fold *f, const struct kn_h128 *hashes, size_t count)
{
    uint32_t ordinal;
    uint32_t slot;
    for (size_t i = 0; i < count; i++) {
        if (kn_fold_identifier(f, hashes[i], &ordinal, &slot)) {
            return ordinal;
        }
    }
    return 0;
}

static struct kn_h128 id_of(struct kn_fold *f, uint32_t ordinal)
{
    struct kn_hot hot;
    if (!kn_hot_decode(kn_fold_get(f, KN_T_HOT, kn_key_u32(ordinal)), &hot)) {
        kn_panic("profile record %u does not decode", ordinal);
    }
    return hot.id;
}

static void add_split_links(struct kn_fold *f, const struct kn_item *item, uint64_t arrival,
                            uint32_t kept, uint32_t split)
{
    if (kept == 0 || split == 0 || kept == split) {
        return;
    }
    struct kn_profile_link link = {
        .kind = KN_LINK_SPLIT,
        .by_person = true,
        .at_us = item->received_us,
        .arrival = arrival,
        .source = item->source,
        .message_id = item->message_id,
        .reason = item->name,
        .other_id = id_of(f, split),
        .ids = item->ids,
        .id_count = item->id_count,
    };
    kn_person_add_link(f, kept, &link);
    link.kind = KN_LINK_SPLIT_OFF;
    link.other_id = id_of(f, kept);
    kn_person_add_link(f, split, &link);
}

/* An earlier un-merge in the history leaves its links once more. The other half may be outside by
 * now; then only this side is marked. */
static uint32_t repeat_split(struct kn_fold *f, const struct kn_item *item, uint64_t arrival)
{
    uint32_t owner = 0;
    uint32_t slot;
    for (size_t i = 0; i < item->id_count && owner == 0; i++) {
        if (!kn_fold_identifier(f, item->ids[i].hash, &owner, &slot) ||
            kn_fold_is_outside(f, owner)) {
            owner = 0;
        }
    }
    if (owner == 0) {
        return kn_fold_person_item(f, item, arrival); /* a profile of its own, as before */
    }
    struct kn_profile_link link = {
        .kind = KN_LINK_SPLIT_OFF,
        .by_person = true,
        .at_us = item->received_us,
        .arrival = arrival,
        .source = item->source,
        .message_id = item->message_id,
        .reason = item->name,
        .ids = item->ids,
        .id_count = item->id_count,
    };
    kn_person_add_link(f, owner, &link);
    return owner;
}

static void apply_row(struct kn_fold *f, const struct history_row *row)
{
    struct kn_cursor c = kn_cursor(row->bytes);
    struct kn_item item;
    struct kn_err err = {0};
    if (kn_item_decode(&c, &f->key, &f->arena, &item, &err) != KN_OK) {
        kn_panic("archived record does not decode: %s", err.text);
    }
    uint32_t ordinal = item.kind == KN_ITEM_UNMERGE ? repeat_split(f, &item, row->arrival)
                                                    : kn_fold_person_item(f, &item, row->arrival);
    move_row(f, row, ordinal);
    if (!f->journal) {
        kn_feed_event(f, ordinal, &item, row->arrival, kn_feed_keep(f, row->bytes));
    }
    kn_arena_clear(&f->arena);
}

/* Others' words about orders, up to an arrival. An order's first event is its owner's, so it is
 * there. */
static void apply_facts(struct kn_fold *f, struct history *h, uint64_t before)
{
    while (h->facts_done < h->fact_count && h->facts[h->facts_done].fact.arrival < before) {
        const struct history_fact *one = &h->facts[h->facts_done++];
        struct kn_h128 hash = kn_order_hash(f, one->key);
        struct kn_str owner = kn_fold_get(f, KN_T_ORDER_OWNER, kn_key_h128(hash));
        kn_assert(owner.p != NULL);
        kn_person_apply_order(f, kn_u32_value(owner), &one->fact, one->key);
        kn_arena_clear(&f->arena);
    }
}

/* Profiles of the component that did not come back keep answering, through the one that did. */
static void point_the_rest(struct kn_fold *f, const uint32_t *ordinals, size_t count,
                           const struct kn_h128 *ids, uint32_t kept)
{
    for (size_t i = 0; i < count; i++) {
        struct kn_key key = kn_key_u32(ordinals[i]);
        if (kn_fold_get(f, KN_T_HOT, key).p) {
            continue;
        }
        char bytes[KN_HOT_BYTES];
        struct kn_hot hot = {.canonical = kept, .id = ids[i], .run_end_us = -1};
        kn_hot_encode(&hot, bytes);
        kn_fold_put(f, KN_T_HOT, key, kn_str(bytes, sizeof bytes));
    }
}

/* Everyone who took part, those that the un-merge made included. */
static void feed_all_again(struct kn_fold *f, const uint32_t *ordinals, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        kn_feed_again(f, ordinals[i]);
        kn_touch(f, ordinals[i], KN_CHANGED_UNMERGED);
    }
    for (uint32_t o = f->component_new; o < f->counters.next_ordinal; o++) {
        kn_feed_again(f, o);
        kn_touch(f, o, KN_CHANGED_NEW | KN_CHANGED_UNMERGED);
    }
}

static struct kn_h128 *copy_hashes(const struct kn_h128 *hashes, size_t count)
{
    struct kn_h128 *kept = kn_must_alloc((count + 1) * sizeof *kept);
    memcpy(kept, hashes, count * sizeof *kept);
    return kept;
}

static struct kn_h128 *public_ids(struct kn_fold *f, const uint32_t *ordinals, size_t count)
{
    struct kn_h128 *ids = kn_must_alloc(count * sizeof *ids);
    for (size_t i = 0; i < count; i++) {
        ids[i] = id_of(f, ordinals[i]);
    }
    return ids;
}

/* The component in pieces, and together again without the pairs that are forbidden now. */
static void apply_again(struct kn_fold *f, struct split *s, const uint32_t *ordinals, size_t count,
                        struct history *h)
{
    take_apart(f, s->person, ordinals, count);
    kn_arena_clear(&f->arena); /* s->person is gone from here on */
    f->component = ordinals;
    f->component_count = count;
    f->component_new = f->counters.next_ordinal;
    for (size_t i = 0; i < h->count; i++) {
        apply_facts(f, h, h->rows[i].arrival);
        apply_row(f, &h->rows[i]);
    }
    apply_facts(f, h, UINT64_MAX);
}

static void archive_split(struct kn_fold *f, const struct kn_item *item, uint64_t arrival,
                          struct kn_str bytes, uint32_t ordinal)
{
    struct kn_archive_row row = {
        .ordinal = ordinal, .event_us = item->event_us, .arrival = arrival, .item = bytes};
    if (!f->journal) {
        kn_archive_append(f->archive, &row);
    }
}

static void split_up(struct kn_fold *f, const struct kn_item *item, uint64_t arrival,
                     struct kn_str bytes, struct split *s, const uint32_t *ordinals, size_t count,
                     struct history *h)
{
    struct kn_h128 *ids = public_ids(f, ordinals, count);
    struct kn_h128 *off = copy_hashes(s->off, s->off_count);
    struct kn_h128 *rest = copy_hashes(s->rest, s->rest_count);
    keep_facts(f, s->person, h);
    forbid_all(f, s);
    apply_again(f, s, ordinals, count, h);
    s->kept = owner_of(f, rest, s->rest_count);
    s->split = owner_of(f, off, s->off_count);
    if (s->split == 0) { /* they never came in alone: the split itself makes their profile */
        s->split = kn_fold_person_item(f, item, arrival);
    }
    uint32_t any = s->kept ? s->kept : s->split;
    point_the_rest(f, ordinals, count, ids, any);
    f->component = NULL;
    f->component_count = 0;
    feed_all_again(f, ordinals, count);
    add_split_links(f, item, arrival, s->kept, s->split);
    archive_split(f, item, arrival, bytes, s->split ? s->split : any);
    f->counters.unmerges++;
    kn_free(rest);
    kn_free(off);
    kn_free(ids);
}

enum kn_rc kn_fold_unmerge(struct kn_fold *f, const struct kn_item *item, uint64_t arrival,
                           struct kn_str bytes, uint32_t *ret_kept, uint32_t *ret_split)
{
    struct split s = {0};
    struct history h = {0};
    size_t count;
    KN_TRY(plan(f, item, &s, NULL));
    uint32_t *ordinals = component_of(&s.person->p, &count);
    enum kn_rc rc = read_history(f, ordinals, count, &h);
    if (rc == KN_OK) {
        split_up(f, item, arrival, bytes, &s, ordinals, count, &h);
        *ret_kept = s.kept;
        *ret_split = s.split;
    }
    free_history(&h);
    kn_free(ordinals);
    return rc;
}

/* ---- a merge asked for by a person ---- */

static enum kn_rc trial_merge(struct kn_fold *f, const struct kn_item *item, struct kn_err *err)
{
    uint32_t first = 0;
    uint32_t slot;
    kn_fold_person_item(f, item, 0);
    for (size_t i = 0; i < item->id_count; i++) {
        uint32_t owner;
        if (!kn_fold_identifier(f, item->ids[i].hash, &owner, &slot)) {
            return kn_fail(err, KN_E_NOT_FOUND, "identifier %zu belongs to no profile", i + 1);
        }
        if (first != 0 && owner != first) {
            return kn_fail(err, KN_E_CONFLICT,
                           "a limit or an earlier split keeps these profiles "
                           "apart");
        }
        first = owner;
    }
    return KN_OK;
}

enum kn_rc kn_fold_check_merge(struct kn_fold *f, const struct kn_item *item, struct kn_err *err)
{
    uint32_t owner;
    uint32_t slot;
    for (size_t i = 0; i < item->id_count; i++) {
        if (!kn_fold_identifier(f, item->ids[i].hash, &owner, &slot)) {
            return kn_fail(err, KN_E_NOT_FOUND, "identifier %zu belongs to no profile", i + 1);
        }
    }
    if (f->journal) {
        return trial_merge(f, item, err);
    }
    struct kn_journal journal;
    kn_fold_journal_begin(f, &journal);
    enum kn_rc rc = trial_merge(f, item, err);
    kn_fold_journal_rollback(f);
    return rc;
}
