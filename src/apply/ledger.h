/* Identifiers of people who were erased, so that what comes late, again or from a restored copy
 * does not bring them back. Internal to apply/.
 *
 * An entry is the keyed hash of an identifier, when it was erased and by which record. It never
 * holds a value. The same entries stand in the state (KN_T_ERASED); here they are for those who ask
 * without the workspace's lock.
 *
 * The rule. An item belongs to someone who was erased when, of its identifiers in order of
 * precedence, the first that is erased or known is erased. An identifier is erased for an item that
 * arrived before the erasure, for an event dated before it, and for anything else that names it
 * while no profile has it. So a new, deliberate sign-up is a new profile, an event of another
 * person that happens to carry a lesser identifier (a shared device) stays theirs, and what is
 * dated before the erasure stays out for good.
 *
 * Threads: put and load by the fold under the workspace's write lock; find by any thread.
 */
#ifndef KN_APPLY_LEDGER_H
#define KN_APPLY_LEDGER_H

#include "format/item.h"
#include "identity/rules.h"
#include "os/thread.h"

struct kn_ledger_entry {
    struct kn_h128 hash;
    int64_t at_us; /* record time of the erasure */
    uint64_t seq;  /* of its record; 0 = a free place */
};

struct kn_ledger {
    struct kn_rwlock lock;
    struct kn_ledger_entry *entries; /* open addressing, a power of two */
    size_t room;
    _Atomic size_t count;
};

void kn_ledger_init(struct kn_ledger *l);
void kn_ledger_deinit(struct kn_ledger *l);
/* An identifier that was there gets the later time. */
void kn_ledger_put(struct kn_ledger *l, const struct kn_ledger_entry *entry);
bool kn_ledger_find(struct kn_ledger *l, struct kn_h128 hash, struct kn_ledger_entry *ret);
/* Some identifier of the item was erased once; cheap, and no lock while nobody ever was. */
bool kn_ledger_names(struct kn_ledger *l, const struct kn_item *item);

/* The identifier is erased for an item of that record (UINT64_MAX: it has none yet). */
bool kn_ledger_hides(struct kn_ledger *l, const struct kn_item *item, struct kn_h128 hash,
                     uint64_t seq);

/* Whether a profile has the identifier now. */
typedef bool (*kn_is_known_fn)(void *context, struct kn_h128 hash);
/* The rule above. */
bool kn_ledger_owns(struct kn_ledger *l, const struct kn_identity_rules *rules,
                    const struct kn_item *item, uint64_t seq, kn_is_known_fn is_known,
                    void *context);

#endif
