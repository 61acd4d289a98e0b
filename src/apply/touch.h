/* Whom a frame changed, and what of them: the input of live evaluation (apply/live.h). One entry
 * per profile, in the order of the first change. Internal to apply/; belongs to the fold.
 */
#ifndef KN_APPLY_TOUCH_H
#define KN_APPLY_TOUCH_H

#include "format/item.h"

struct kn_fold;

enum kn_changed {
    KN_CHANGED_TRAITS = 1U << 0,
    KN_CHANGED_CONSENTS = 1U << 1,
    KN_CHANGED_IDS = 1U << 2, /* the set of identifier types */
    KN_CHANGED_ORDERS = 1U << 3,
    KN_CHANGED_LAST_SESSION = 1U << 4, /* a session began after all others */
    KN_CHANGED_SESSIONS = 1U << 5,     /* earlier ones changed */
    KN_CHANGED_NEW = 1U << 6,
    KN_CHANGED_MERGED = 1U << 7, /* two became one: anything may have changed */
    KN_CHANGED_UNMERGED = 1U << 8,
    KN_CHANGED_ERASED = 1U << 10,
    KN_CHANGED_LISTED = 1U << 9, /* an identifier went on a list or off it */
    KN_CHANGED_FACTS = KN_CHANGED_TRAITS | KN_CHANGED_CONSENTS | KN_CHANGED_IDS,
};

/* An item of a touched profile; the frame holds it. */
struct kn_touch_item {
    const struct kn_item *item;
    uint64_t arrival;
    uint32_t next; /* index + 1 of the profile's next item, 0 = none */
};

struct kn_touch {
    uint32_t ordinal;
    uint32_t changed;     /* enum kn_changed */
    uint32_t first, last; /* index + 1 into items, 0 = none */
    uint32_t slot;        /* its place in slots */
};

struct kn_touched {
    struct kn_touch *all;
    uint32_t count, room;
    struct kn_touch_item *items;
    uint32_t item_count, item_room;
    uint32_t *slots; /* index + 1 by ordinal, open addressing */
    uint32_t slot_count;
    bool off; /* nobody reads it */
};

void kn_touch(struct kn_fold *f, uint32_t ordinal, uint32_t changed);
void kn_touch_item(struct kn_fold *f, uint32_t ordinal, const struct kn_item *item,
                   uint64_t arrival);
void kn_touched_clear(struct kn_touched *t);
void kn_touched_deinit(struct kn_touched *t);

#endif
