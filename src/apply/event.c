/* One event (or consent, or merge asked for by a person) into the profile it belongs to. */
#include "apply/fold.h"
#include "apply/ledger.h"
#include "base/assert.h"
#include "identity/resolve.h"

#define GUARDED_BIT 0x80000000U

/* An identifier of the event as the state knows it. */
struct found {
    const struct kn_item_id *id;
    uint32_t ordinal; /* 0 = nobody */
    uint32_t slot;
    bool guarded;
};

static bool repeated(const struct found *found, size_t count, struct kn_h128 hash)
{
    for (size_t i = 0; i < count; i++) {
        if (kn_h128_eq(found[i].id->hash, hash)) {
            return true;
        }
    }
    return false;
}

static bool guard_reached(struct kn_fold *f, struct kn_h128 hash)
{
    struct kn_str value = kn_fold_get(f, KN_T_GUARD, kn_key_h128(hash));
    return value.p && kn_u32_value(value) >= f->settings->identity->fan_out_max;
}

/* The distinct identifiers of the event that may identify. */
static size_t find_ids(struct kn_fold *f, const struct kn_item *item, uint64_t arrival,
                       struct found *found)
{
    uint64_t seq = arrival == 0 ? UINT64_MAX : arrival >> 16;
    size_t count = 0;
    for (size_t i = 0; i < item->id_count; i++) {
        const struct kn_item_id *id = &item->ids[i];
        if (repeated(found, count, id->hash) ||
            kn_identity_is_blocked(f->settings->identity, id->type, id->value) ||
            kn_ledger_hides(f->ledger, item, id->hash, seq)) {
            continue;
        }
        struct found *one = &found[count];
        *one = (struct found){.id = id};
        if (!kn_identifier_decode(kn_fold_get(f, KN_T_IDENTIFIER, kn_key_h128(id->hash)),
                                  &one->ordinal, &one->slot, &one->guarded)) {
            one->guarded = guard_reached(f, id->hash);
        } else if (kn_fold_is_outside(f, one->ordinal)) {
            continue; /* re-applying a history never reaches beyond it */
        }
        count++;
    }
    return count;
}

/* A guarded identifier does not join anything: it counts only when it stands alone. */
static size_t drop_guarded(struct found *found, size_t count, struct kn_resolve_event_id *ignored,
                           size_t *ret_ignored)
{
    size_t kept = 0;
    *ret_ignored = 0;
    for (size_t i = 0; i < count; i++) {
        kept += found[i].guarded ? 0 : 1;
    }
    if (kept == count || kept == 0) {
        return kept == 0 && count > 0 ? 1 : count;
    }
    kept = 0;
    for (size_t i = 0; i < count; i++) {
        if (!found[i].guarded) {
            found[kept++] = found[i];
        } else {
            ignored[(*ret_ignored)++] = (struct kn_resolve_event_id){
                .id = {found[i].id->type, found[i].id->value, found[i].id->hash}};
        }
    }
    return kept;
}

/* ---- the quick way: nothing new about who it is, and nothing but presence to record ---- */

static bool is_plain(const struct kn_item *item)
{
    return item->kind == KN_ITEM_EVENT && item->traits.len == 0 && item->consent_count == 0 &&
           item->order.event == KN_ORDER_NONE;
}

static bool all_of_one(const struct found *found, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (found[i].ordinal == 0 || found[i].ordinal != found[0].ordinal) {
            return false;
        }
    }
    return count > 0;
}

static bool visit_extends(const struct kn_hot *hot, const struct kn_item *item)
{
    return !item->visit.present ||
           (hot->run_end_us >= hot->run_start_us && item->event_us >= hot->run_start_us &&
            item->event_us - KN_SESSION_GAP_US <= hot->run_end_us);
}

static bool apply_quickly(struct kn_fold *f, const struct kn_item *item, const struct found *found,
                          size_t count)
{
    struct kn_key key = kn_key_u32(found[0].ordinal);
    struct kn_hot hot;
    if (!kn_hot_decode(kn_fold_get(f, KN_T_HOT, key), &hot)) {
        kn_panic("profile record %u does not decode", found[0].ordinal);
    }
    if (!visit_extends(&hot, item) ||
        (item->device.present && kn_device_hash(&item->device) != hot.device_hash)) {
        return false;
    }
    size_t len;
    char *bytes = kn_fold_edit(f, KN_T_HOT, key, &len);
    int64_t seen = kn_item_seen_us(item);
    hot.events++;
    hot.first_seen_us = seen < hot.first_seen_us ? seen : hot.first_seen_us;
    hot.last_seen_us = seen > hot.last_seen_us ? seen : hot.last_seen_us;
    if (item->visit.present && item->event_us > hot.run_end_us) {
        hot.run_end_us = item->event_us;
    }
    kn_hot_encode(&hot, bytes);
    for (size_t i = 0; i < count; i++) {
        int64_t first;
        int64_t last;
        kn_hot_get_id(kn_str(bytes, len), found[i].slot, &first, &last);
        if (seen < first || seen > last) {
            kn_hot_set_id(bytes, found[i].slot, seen < first ? seen : first,
                          seen > last ? seen : last);
        }
    }
    return true;
}

/* ---- facts ---- */

void kn_person_apply_order(struct kn_fold *f, uint32_t ordinal,
                           const struct kn_profile_order_fact *fact, struct kn_str order_key)
{
    struct kn_person *other = kn_person_load(f, ordinal);
    kn_person_load_orders(f, other);
    kn_profile_apply_order(&other->p, fact, order_key, true, &f->arena);
    other->orders_dirty = true;
    other->changed |= KN_CHANGED_ORDERS;
    kn_person_store(f, other);
}

static void apply_order(struct kn_fold *f, const struct kn_item *item, uint64_t arrival,
                        struct kn_person *person)
{
    struct kn_str order_key = kn_order_key(item, &f->arena);
    struct kn_profile_order_fact fact = kn_order_fact(item, arrival);
    struct kn_h128 hash = kn_order_hash(f, order_key);
    struct kn_str owner = kn_fold_get(f, KN_T_ORDER_OWNER, kn_key_h128(hash));
    uint32_t ordinal = owner.p ? kn_u32_value(owner) : person->p.ordinal;
    if (ordinal != person->p.ordinal) {
        if (!kn_fold_is_outside(f, ordinal)) { /* there it was counted when it first arrived */
            kn_person_apply_order(f, ordinal, &fact, order_key);
        }
        return;
    }
    if (!owner.p) {
        unsigned char value[4] = {(unsigned char)ordinal, (unsigned char)(ordinal >> 8),
                                  (unsigned char)(ordinal >> 16), (unsigned char)(ordinal >> 24)};
        kn_fold_put(f, KN_T_ORDER_OWNER, kn_key_h128(hash), kn_str(value, sizeof value));
        kn_fold_note_order(f, item, order_key);
    }
    kn_person_load_orders(f, person);
    kn_profile_apply_order(&person->p, &fact, order_key, false, &f->arena);
    person->orders_dirty = true;
    person->changed |= KN_CHANGED_ORDERS;
}

static void apply_visit(struct kn_fold *f, const struct kn_item *item, struct kn_person *person)
{
    struct kn_profile *p = &person->p;
    kn_person_load_sessions(f, person);
    size_t count = p->session_count;
    int64_t end = count > 0 ? p->sessions[count - 1].end_us : INT64_MIN;
    int64_t start = count > 0 ? p->sessions[count - 1].start_us : INT64_MIN;
    kn_profile_apply_visit(p, item, &f->arena);
    person->sessions_dirty = true;
    if (p->session_count == count + 1 && p->sessions[count].start_us > end) {
        person->changed |= KN_CHANGED_LAST_SESSION;
    } else if (p->session_count != count || p->sessions[count - 1].start_us != start ||
               item->event_us < start) {
        person->changed |= KN_CHANGED_SESSIONS;
    }
}

static void apply_facts(struct kn_fold *f, const struct kn_item *item, uint64_t arrival,
                        struct kn_person *person)
{
    struct kn_profile *p = &person->p;
    if (item->kind == KN_ITEM_EVENT) {
        p->events++;
        kn_profile_see(p, kn_item_seen_us(item));
    }
    if (item->traits.len > 0) {
        kn_profile_apply_traits(p, item, arrival, &f->arena);
        person->cold_dirty = true;
        person->changed |= KN_CHANGED_TRAITS;
    }
    if (item->consent_count > 0) {
        kn_profile_apply_consents(p, item, &f->arena);
        person->cold_dirty = true;
        person->changed |= KN_CHANGED_CONSENTS;
    }
    if (item->device.present && kn_device_hash(&item->device) != person->hot.device_hash) {
        kn_profile_apply_device(p, item, &f->arena);
        person->hot.device_hash = kn_device_hash(&item->device);
        person->cold_dirty = true;
    }
    if (item->visit.present) {
        apply_visit(f, item, person);
    }
    if (item->order.event != KN_ORDER_NONE) {
        apply_order(f, item, arrival, person);
    }
}

/* ---- the whole way ---- */

struct work {
    struct kn_fold *f;
    const struct kn_item *item;
    uint64_t arrival;
    struct kn_resolve_event_id *ids;
    size_t id_count;
    struct kn_person **people; /* that own some of the ids */
    struct kn_resolve_candidate *candidates;
    size_t people_count;
    struct kn_resolve_event_id *ignored;
    size_t ignored_count;
};

static bool is_forbidden(void *context, struct kn_h128 a, struct kn_h128 b)
{
    struct kn_fold *f = context;
    struct kn_str list = kn_fold_get(f, KN_T_FORBIDDEN, kn_key_h128(a));
    struct kn_cursor c = kn_cursor(list);
    while (list.len > 0 && c.p != c.end && !c.bad) {
        uint64_t lo = kn_take_le64(&c);
        uint64_t hi = kn_take_le64(&c);
        if (lo == b.lo && hi == b.hi) {
            return true;
        }
    }
    return false;
}

static void *zero(struct kn_fold *f, size_t count, size_t bytes)
{
    void *block = kn_arena_zero(&f->arena, count + 1, bytes);
    kn_assert(block != NULL);
    return block;
}

static size_t person_index(struct work *w, uint32_t ordinal)
{
    for (size_t i = 0; i < w->people_count; i++) {
        if (w->people[i]->p.ordinal == ordinal) {
            return i;
        }
    }
    struct kn_person *person = kn_person_load(w->f, ordinal);
    struct kn_resolve_identifier *all = zero(w->f, person->p.id_count, sizeof *all);
    for (size_t i = 0; i < person->p.id_count; i++) {
        const struct kn_profile_identifier *id = &person->p.ids[i];
        all[i] = (struct kn_resolve_identifier){id->type, id->value, id->hash};
    }
    w->people[w->people_count] = person;
    w->candidates[w->people_count] = (struct kn_resolve_candidate){
        .ordinal = ordinal,
        .merges = person->p.merges,
        .ids = all,
        .id_count = person->p.id_count,
    };
    return w->people_count++;
}

static void resolve(struct work *w, const struct found *found, size_t count)
{
    struct kn_fold *f = w->f;
    w->ids = zero(f, count, sizeof *w->ids);
    w->people = zero(f, count, sizeof *w->people);
    w->candidates = zero(f, count, sizeof *w->candidates);
    w->id_count = count;
    for (size_t i = 0; i < count; i++) {
        w->ids[i].id = (struct kn_resolve_identifier){found[i].id->type, found[i].id->value,
                                                      found[i].id->hash};
        w->ids[i].candidate = found[i].ordinal ? person_index(w, found[i].ordinal) : SIZE_MAX;
    }
    struct kn_resolve_input input = {
        .rules = f->settings->identity,
        .ids = w->ids,
        .id_count = count,
        .candidates = w->candidates,
        .candidate_count = w->people_count,
        .forbidden = f->counters.forbidden > 0 ? is_forbidden : NULL,
        .context = f,
    };
    kn_resolve(&input, &f->arena);
}

static bool takes_part(const struct work *w, size_t person)
{
    for (size_t i = 0; i < w->id_count; i++) {
        if (w->ids[i].kept && w->ids[i].candidate == person) {
            return true;
        }
    }
    return false;
}

static bool is_older(const struct kn_person *a, const struct kn_person *b)
{
    if (a->p.created_us != b->p.created_us) {
        return a->p.created_us < b->p.created_us;
    }
    return a->p.ordinal < b->p.ordinal;
}

static struct kn_profile_link link_of(const struct work *w, enum kn_link_kind kind)
{
    return (struct kn_profile_link){
        .kind = kind,
        .by_person = w->item->kind == KN_ITEM_MERGE,
        .at_us = w->item->received_us,
        .arrival = w->arrival,
        .source = w->item->source,
        .message_id = w->item->message_id,
        .reason = w->item->kind == KN_ITEM_MERGE ? w->item->name : KN_STR_EMPTY,
    };
}

/* The kept identifiers as a link shows them. */
static void fill_link_ids(struct work *w, struct kn_profile_link *link, bool only_new)
{
    link->ids = zero(w->f, w->id_count, sizeof *link->ids);
    for (size_t i = 0; i < w->id_count; i++) {
        const struct kn_resolve_event_id *id = &w->ids[i];
        if (id->kept && (!only_new || id->candidate == SIZE_MAX)) {
            link->ids[link->id_count++] =
                (struct kn_item_id){id->id.type, id->id.value, id->id.hash};
        }
    }
}

static struct kn_person *join_people(struct work *w)
{
    struct kn_person *into = NULL;
    for (size_t i = 0; i < w->people_count; i++) {
        if (takes_part(w, i) && (!into || is_older(w->people[i], into))) {
            into = w->people[i];
        }
    }
    for (size_t i = 0; into && i < w->people_count; i++) {
        struct kn_person *from = w->people[i];
        if (from == into || !takes_part(w, i)) {
            continue;
        }
        kn_assert(from != NULL);
        kn_person_merge(w->f, into, from, w->item->received_us);
        struct kn_profile_link link = link_of(w, KN_LINK_MERGED);
        link.other_id = from->p.id;
        fill_link_ids(w, &link, false);
        kn_person_add_link(w->f, into->p.ordinal, &link);
    }
    return into;
}

static bool has_type(const struct kn_profile *p, const struct kn_item_id *id)
{
    struct kn_str name = kn_id_name(id->type, id->value);
    for (size_t i = 0; i < p->id_count; i++) {
        if (kn_str_eq(kn_id_name(p->ids[i].type, p->ids[i].value), name)) {
            return true;
        }
    }
    return false;
}

static void attach(struct work *w, struct kn_person *person)
{
    struct kn_fold *f = w->f;
    int64_t seen = kn_item_seen_us(w->item);
    size_t added = 0;
    for (size_t i = 0; i < w->id_count; i++) {
        const struct kn_resolve_event_id *id = &w->ids[i];
        if (!id->kept) {
            continue;
        }
        size_t slot = kn_profile_find_id(&person->p, id->id.hash);
        if (slot != SIZE_MAX) {
            if (w->item->kind == KN_ITEM_EVENT) {
                kn_profile_see_id(&person->p, slot, seen);
            }
            continue;
        }
        struct kn_item_id fresh = {id->id.type, id->id.value, id->id.hash};
        if (!has_type(&person->p, &fresh)) {
            person->changed |= KN_CHANGED_IDS;
        }
        if (kn_fold_is_listed(f, id->id.hash)) {
            person->changed |= KN_CHANGED_LISTED;
        }
        kn_profile_add_id(&person->p, &fresh, seen, w->item->source, &f->arena);
        kn_fold_put_identifier(f, id->id.hash, person->p.ordinal, (uint32_t)person->p.id_count - 1);
        f->counters.identifiers++;
        added++;
    }
    if (added > 0) {
        person->cold_dirty = true;
        struct kn_profile_link link = link_of(w, person->is_new ? KN_LINK_CREATED : KN_LINK_ADDED);
        fill_link_ids(w, &link, !person->is_new);
        kn_person_add_link(f, person->p.ordinal, &link);
    }
}

/* ---- refusals ---- */

static bool refusal_known(struct work *w, uint32_t ordinal, enum kn_link_kind kind,
                          struct kn_h128 hash)
{
    struct kn_profile_link *links;
    size_t count;
    struct kn_str bytes = kn_fold_get(w->f, KN_T_LINKS, kn_key_u32(ordinal));
    if (kn_profile_decode_links(bytes, &w->f->key, &w->f->arena, &links, &count) != KN_OK) {
        kn_panic("links record %u does not decode", ordinal);
    }
    size_t refusals = 0;
    for (size_t i = 0; i < count; i++) {
        if (links[i].kind == KN_LINK_REFUSED || links[i].kind == KN_LINK_IGNORED) {
            refusals++;
        }
        if (links[i].kind == kind && links[i].id_count > 0 &&
            kn_h128_eq(links[i].ids[0].hash, hash)) {
            return true;
        }
    }
    return refusals >= KN_LINKS_REFUSED_MAX;
}

static struct kn_str refusal_reason(struct work *w, const struct kn_resolve_event_id *id)
{
    if (strcmp(id->reason, "limit") != 0) {
        return kn_str_c(id->reason);
    }
    struct kn_str name = kn_id_name(id->limit_type, id->limit_type_value);
    uint32_t limit =
        kn_identity_limit(w->f->settings->identity, id->limit_type, id->limit_type_value);
    struct kn_buf text;
    kn_buf_init(&text, 256);
    kn_buf_c(&text, "limit ");
    kn_buf_str(&text, name);
    kn_buf_char(&text, ' ');
    kn_buf_u64(&text, limit);
    struct kn_str kept = kn_arena_str(&w->f->arena, kn_buf_view(&text));
    kn_buf_deinit(&text);
    return kept;
}

static void note_refusal(struct work *w, const struct kn_person *person, enum kn_link_kind kind,
                         const struct kn_resolve_event_id *id, struct kn_str reason)
{
    if (kn_profile_find_id(&person->p, id->id.hash) != SIZE_MAX ||
        refusal_known(w, person->p.ordinal, kind, id->id.hash)) {
        return;
    }
    struct kn_profile_link link = link_of(w, kind);
    link.reason = reason;
    link.ids = zero(w->f, 1, sizeof *link.ids);
    link.ids[link.id_count++] = (struct kn_item_id){id->id.type, id->id.value, id->id.hash};
    kn_person_add_link(w->f, person->p.ordinal, &link);
}

static void put_le32(char *to, uint32_t value)
{
    for (unsigned i = 0; i < 4; i++) {
        to[i] = (char)(unsigned char)(value >> (8 * i));
    }
}

/* Counts on how many profiles in turn an identifier was refused; at the limit it is guarded. */
static void count_fan_out(struct kn_fold *f, const struct kn_resolve_event_id *id, uint32_t ordinal)
{
    struct kn_key key = kn_key_h128(id->id.hash);
    struct kn_str value = kn_fold_get(f, KN_T_GUARD, key);
    uint32_t count = value.p ? kn_u32_value(value) : 0;
    if (value.p && kn_u32_value(kn_str_sub(value, 4, 8)) == ordinal) {
        return;
    }
    count++;
    char bytes[8];
    put_le32(bytes, count);
    put_le32(bytes + 4, ordinal);
    kn_fold_put(f, KN_T_GUARD, key, kn_str(bytes, sizeof bytes));
    uint32_t owner;
    uint32_t slot;
    if (count == f->settings->identity->fan_out_max &&
        kn_fold_identifier(f, id->id.hash, &owner, &slot)) {
        kn_fold_put_identifier(f, id->id.hash, owner, slot | GUARDED_BIT);
    }
}

static void note_refusals(struct work *w, const struct kn_person *person)
{
    for (size_t i = 0; i < w->id_count; i++) {
        const struct kn_resolve_event_id *id = &w->ids[i];
        if (id->kept || kn_profile_find_id(&person->p, id->id.hash) != SIZE_MAX) {
            continue;
        }
        note_refusal(w, person, KN_LINK_REFUSED, id, refusal_reason(w, id));
        if (!w->f->component) {
            count_fan_out(w->f, id, person->p.ordinal);
        }
    }
    for (size_t i = 0; i < w->ignored_count; i++) {
        note_refusal(w, person, KN_LINK_IGNORED, &w->ignored[i], KN_STR("fan-out"));
    }
}

uint32_t kn_fold_person_item(struct kn_fold *f, const struct kn_item *item, uint64_t arrival)
{
    struct found found[KN_ITEM_IDS_MAX];
    struct kn_resolve_event_id ignored[KN_ITEM_IDS_MAX];
    struct work w = {.f = f, .item = item, .arrival = arrival, .ignored = ignored};
    size_t count = find_ids(f, item, arrival, found);
    count = drop_guarded(found, count, ignored, &w.ignored_count);
    if (count == 0) {
        return 0;
    }
    if (is_plain(item) && w.ignored_count == 0 && all_of_one(found, count) &&
        apply_quickly(f, item, found, count)) {
        return found[0].ordinal;
    }
    resolve(&w, found, count);
    struct kn_person *person = join_people(&w);
    if (!person) {
        if (item->kind != KN_ITEM_EVENT && !f->component) {
            return 0; /* a consent or merge of a profile that is gone */
        }
        person = kn_person_create(f, item, arrival);
    }
    attach(&w, person);
    apply_facts(f, item, arrival, person);
    kn_person_store(f, person);
    note_refusals(&w, person);
    return person->p.ordinal;
}
