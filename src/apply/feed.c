/* What the fold tells the behaviour columns (behaviour/columns.h): events as they are archived, and
 * the rows of profiles, orders and sessions whenever they changed. A dry run tells nothing. */
#include "apply/fold.h"
#include "apply/live.h"
#include "base/assert.h"
#include "format/json.h"
#include "profile/text.h"

static bool is_off(const struct kn_fold *f)
{
    return f->journal != NULL || f->component != NULL;
}

static void row(struct kn_fold *f, enum kn_table_kind kind, uint32_t ordinal, int64_t us,
                uint64_t arrival)
{
    if (f->row.rc != KN_OK) {
        kn_panic("profile %u: row too large or out of memory", ordinal);
    }
    kn_columns_row(f->columns, kind, ordinal, us, arrival, kn_buf_view(&f->row));
    kn_buf_clear(&f->row);
}

bool kn_item_is_event(const struct kn_item *item)
{
    return item->kind == KN_ITEM_EVENT &&
           (item->type == KN_EVENT_TRACK || item->type == KN_EVENT_PAGE ||
            item->type == KN_EVENT_SCREEN);
}

void kn_feed_event(struct kn_fold *f, uint32_t ordinal, const struct kn_item *item,
                   uint64_t arrival, struct kn_str kept)
{
    if (ordinal > 0 && kn_item_is_event(item)) {
        kn_columns_event(f->columns, ordinal, item->event_us, arrival, kept);
    }
}

/* ---- profiles ---- */

static void feed_profile(struct kn_fold *f, const struct kn_profile *p)
{
    kn_columns_replace(f->columns, KN_TABLE_PROFILE, p->ordinal);
    kn_profile_facts_json(p, &f->row);
    row(f, KN_TABLE_PROFILE, p->ordinal, f->now_us, f->arrival);
}

/* ---- orders ---- */

struct kn_order_facts kn_fold_order_facts(struct kn_fold *f, const struct kn_profile_order *order)
{
    struct kn_cursor c =
        kn_cursor(kn_fold_get(f, KN_T_ORDER_FACTS, kn_key_h128(kn_order_hash(f, order->key))));
    struct kn_order_facts facts = {.arrival = kn_take_le64(&c)};
    facts.properties = kn_str(c.p, (size_t)(c.end - c.p));
    kn_assert(!c.bad);
    return facts;
}

void kn_fold_note_order(struct kn_fold *f, const struct kn_item *item, struct kn_str order_key)
{
    struct kn_str properties = kn_item_properties(item);
    kn_buf_le64(&f->row, f->arrival);
    kn_buf_str(&f->row, properties);
    kn_assert(f->row.rc == KN_OK);
    kn_fold_put(f, KN_T_ORDER_FACTS, kn_key_h128(kn_order_hash(f, order_key)),
                kn_buf_view(&f->row));
    kn_buf_clear(&f->row);
}

static void feed_orders(struct kn_fold *f, const struct kn_profile *p)
{
    kn_columns_replace(f->columns, KN_TABLE_ORDER, p->ordinal);
    for (size_t i = 0; i < p->order_count; i++) {
        const struct kn_profile_order *order = &p->orders[i];
        if (!kn_profile_order_counts(order)) {
            continue;
        }
        struct kn_order_facts first = kn_fold_order_facts(f, order);
        kn_buf_c(&f->row, "{\"o\":");
        kn_order_facts_json(order, f->settings->currency, &f->row);
        if (first.properties.len > 0) {
            kn_buf_c(&f->row, ",\"p\":");
            kn_buf_str(&f->row, first.properties);
        }
        kn_buf_printf(&f->row, ",\"#source\":%u}", order->sources[0]);
        row(f, KN_TABLE_ORDER, p->ordinal, order->first_us, first.arrival);
    }
}

/* ---- sessions ---- */

static void feed_session(struct kn_fold *f, const struct kn_profile *p, size_t i)
{
    kn_session_facts_json(&p->sessions[i], &f->row);
    row(f, KN_TABLE_SESSION, p->ordinal, p->sessions[i].start_us, f->arrival);
}

static void feed_sessions(struct kn_fold *f, const struct kn_profile *p)
{
    kn_columns_replace(f->columns, KN_TABLE_SESSION, p->ordinal);
    for (size_t i = 0; i < p->session_count; i++) {
        feed_session(f, p, i);
    }
}

/* ---- what changed ---- */

void kn_feed_person(struct kn_fold *f, struct kn_person *person)
{
    struct kn_profile *p = &person->p;
    if (is_off(f) || person->changed == 0) {
        return;
    }
    if (person->changed & KN_CHANGED_FACTS) {
        feed_profile(f, p);
    }
    if (person->changed & KN_CHANGED_ORDERS) {
        feed_orders(f, p);
    }
    if (person->changed & KN_CHANGED_SESSIONS) {
        feed_sessions(f, p);
    } else if ((person->changed & KN_CHANGED_LAST_SESSION) && p->session_count > 0) {
        feed_session(f, p, p->session_count - 1);
    }
}

/* The rows of a profile that became part of another one stay under their ordinal; what the survivor
 * holds by now counts no more under the old one. */
void kn_feed_retired(struct kn_fold *f, uint32_t ordinal, uint32_t into)
{
    if (is_off(f)) {
        return;
    }
    kn_columns_replace(f->columns, KN_TABLE_PROFILE, ordinal);
    kn_columns_replace(f->columns, KN_TABLE_ORDER, ordinal);
    kn_columns_replace(f->columns, KN_TABLE_SESSION, ordinal);
    kn_columns_replace(f->columns, KN_TABLE_MERGED, ordinal);
    kn_buf_printf(&f->row, "{\"into\":%u}", into);
    row(f, KN_TABLE_MERGED, ordinal, f->now_us, f->arrival);
}

/* ---- un-merge: everything of the people involved, again ---- */

void kn_feed_forget(struct kn_fold *f, uint32_t ordinal)
{
    if (!f->journal) {
        kn_columns_forget(f->columns, ordinal);
        kn_histories_unpin(&f->live->histories);
    }
}

struct kn_str kn_feed_keep(struct kn_fold *f, struct kn_str bytes)
{
    struct kn_str kept = kn_arena_str(&f->kept, bytes);
    if (!kept.p) {
        kn_panic("out of memory: rows of an un-merge");
    }
    return kept;
}

void kn_feed_frozen(struct kn_fold *f)
{
    struct kn_arena older = f->kept_frozen;
    f->kept_frozen = f->kept;
    f->kept = older;
}

void kn_feed_installed(struct kn_fold *f)
{
    kn_arena_clear(&f->kept_frozen);
    kn_histories_unpin(&f->live->histories); /* the tail is another one */
}

void kn_feed_again(struct kn_fold *f, uint32_t ordinal)
{
    struct kn_hot hot;
    if (f->journal || !kn_hot_decode(kn_fold_get(f, KN_T_HOT, kn_key_u32(ordinal)), &hot)) {
        return;
    }
    if (hot.canonical != 0) {
        kn_feed_retired(f, ordinal, hot.canonical);
        return;
    }
    struct kn_person *person = kn_person_load(f, ordinal);
    kn_person_load_orders(f, person);
    kn_person_load_sessions(f, person);
    person->changed = KN_CHANGED_FACTS | KN_CHANGED_ORDERS | KN_CHANGED_SESSIONS;
    kn_feed_person(f, person);
    kn_arena_clear(&f->arena);
}
