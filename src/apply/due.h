/* When each profile must be looked at next: an index of moments. Internal to apply/; the fold's.
 *
 *   state  KN_T_DUE: ordinal / 256 -> 256 moments (native order), INT64_MAX = none
 *   here   the same moments as a heap by (moment, ordinal), filled from the state at start
 *
 * A profile has one moment: the earliest of its definitions (KN_T_MEMBER), or an earlier one that
 * is looked at in vain. Memory: 28 bytes per profile with a moment.
 */
#ifndef KN_APPLY_DUE_H
#define KN_APPLY_DUE_H

#include "base/err.h"

struct kn_fold;

enum { KN_DUE_SPAN = 256 };

struct kn_due_entry {
    int64_t us;
    uint32_t ordinal;
};

struct kn_due {
    struct kn_due_entry *heap; /* owned; four children to a node */
    uint32_t count, room;
    uint32_t *places; /* ordinal -> index + 1 in the heap, 0 = none */
    uint32_t place_count;
};

/* Fills it from the state's last commit. @errors KN_E_IO, KN_E_CORRUPT */
enum kn_rc kn_due_load(struct kn_fold *f, struct kn_due *due, struct kn_err *err) KN_MUST_USE;
void kn_due_deinit(struct kn_due *due);
/* INT64_MAX: no moment. */
void kn_due_file(struct kn_fold *f, struct kn_due *due, uint32_t ordinal, int64_t us);
int64_t kn_due_of(const struct kn_due *due, uint32_t ordinal);
/* The earliest; false when there is none. */
bool kn_due_first(const struct kn_due *due, struct kn_due_entry *ret);

#endif
