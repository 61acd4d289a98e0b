#include "apply/ledger.h"

#include <stdatomic.h>

#include "base/mem.h"

enum { ROOM_LEAST = 64 };

void kn_ledger_init(struct kn_ledger *l)
{
    *l = (struct kn_ledger){0};
    kn_rwlock_init(&l->lock);
}

void kn_ledger_deinit(struct kn_ledger *l)
{
    kn_rwlock_deinit(&l->lock);
    kn_free(l->entries);
}

static struct kn_ledger_entry *place(const struct kn_ledger *l, struct kn_h128 hash)
{
    size_t at = (size_t)hash.lo & (l->room - 1);
    while (l->entries[at].seq != 0 && !kn_h128_eq(l->entries[at].hash, hash)) {
        at = (at + 1) & (l->room - 1);
    }
    return &l->entries[at];
}

static void grow(struct kn_ledger *l)
{
    struct kn_ledger_entry *old = l->entries;
    size_t room = l->room;
    l->room = room ? room * 2 : ROOM_LEAST;
    l->entries = kn_must_calloc(l->room, sizeof *l->entries);
    for (size_t i = 0; i < room; i++) {
        if (old[i].seq != 0) {
            *place(l, old[i].hash) = old[i];
        }
    }
    kn_free(old);
}

void kn_ledger_put(struct kn_ledger *l, const struct kn_ledger_entry *entry)
{
    kn_rwlock_write(&l->lock);
    if ((atomic_load(&l->count) + 1) * 2 > l->room) {
        grow(l);
    }
    struct kn_ledger_entry *to = place(l, entry->hash);
    size_t added = to->seq == 0 ? 1 : 0;
    *to = *entry;
    atomic_fetch_add(&l->count, added);
    kn_rwlock_unlock(&l->lock);
}

bool kn_ledger_find(struct kn_ledger *l, struct kn_h128 hash, struct kn_ledger_entry *ret)
{
    if (atomic_load(&l->count) == 0) {
        return false;
    }
    kn_rwlock_read(&l->lock);
    *ret = *place(l, hash);
    kn_rwlock_unlock(&l->lock);
    return ret->seq != 0;
}

bool kn_ledger_names(struct kn_ledger *l, const struct kn_item *item)
{
    struct kn_ledger_entry entry;
    for (size_t i = 0; i < item->id_count; i++) {
        if (kn_ledger_find(l, item->ids[i].hash, &entry)) {
            return true;
        }
    }
    return false;
}

/* The identifier after `last` (NULL: the first) in order of precedence; equals keep their order. */
static const struct kn_item_id *next_id(const struct kn_identity_rules *rules,
                                        const struct kn_item *item, const struct kn_item_id *last)
{
    const struct kn_item_id *found = NULL;
    for (size_t i = 0; i < item->id_count; i++) {
        const struct kn_item_id *id = &item->ids[i];
        bool later = last == NULL;
        if (last) {
            int after = kn_identity_precedence(rules, last->type, last->value, id->type, id->value);
            later = after < 0 || (after == 0 && id > last);
        }
        if (later && (!found || kn_identity_precedence(rules, id->type, id->value, found->type,
                                                       found->value) < 0)) {
            found = id;
        }
    }
    return found;
}

bool kn_ledger_hides(struct kn_ledger *l, const struct kn_item *item, struct kn_h128 hash,
                     uint64_t seq)
{
    struct kn_ledger_entry entry;
    return kn_ledger_find(l, hash, &entry) &&
           (seq <= entry.seq || (item->kind == KN_ITEM_EVENT && item->event_us < entry.at_us));
}

bool kn_ledger_owns(struct kn_ledger *l, const struct kn_identity_rules *rules,
                    const struct kn_item *item, uint64_t seq, kn_is_known_fn is_known,
                    void *context)
{
    struct kn_ledger_entry entry;
    if (!kn_ledger_names(l, item)) {
        return false;
    }
    for (const struct kn_item_id *id = next_id(rules, item, NULL); id;
         id = next_id(rules, item, id)) {
        if (kn_ledger_hides(l, item, id->hash, seq)) {
            return true;
        }
        if (is_known(context, id->hash)) {
            return false;
        }
        if (item->kind != KN_ITEM_EVENT && kn_ledger_find(l, id->hash, &entry)) {
            return true;
        }
    }
    return false;
}
