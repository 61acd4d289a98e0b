/* How an event changes a profile, and how two profiles become one. Pure: works on decoded profiles,
 * all memory from the arena (which must not run out: the fold's arena is large, and exhaustion is a
 * bug). New slices borrow from the item, so encode the profile before the item's bytes go.
 *
 * Rules (MECHANICS section 3, API section 9, DESIGN "One order, one order"):
 *   seen       min(event time, received time)
 *   traits     the latest precedence time wins, the later arrival on a tie; null leaves a tombstone
 *   consents   the latest received time wins; on a merge granted + denied = conflict
 *   sessions   the events that count, sorted by time, cut where the gap is over 30 minutes
 *   orders     one per order id; the latest state wins; refunds add up
 */
#ifndef KN_PROFILE_FOLD_H
#define KN_PROFILE_FOLD_H

#include "profile/profile.h"

#define KN_SESSION_GAP_US (INT64_C(30) * 60 * 1000000)
enum {
    KN_PROFILE_DEVICES_MAX = 8,
    /* Others' events kept per order. A shop that calls every order "0" has no more than it can
     * lose: those beyond count, but an un-merge of the owner leaves them out. */
    KN_PROFILE_ORDER_OTHERS_MAX = 1000,
};

int64_t kn_item_seen_us(const struct kn_item *item);
uint64_t kn_device_hash(const struct kn_item_device *device);

/* Index of the identifier in p, or SIZE_MAX. */
size_t kn_profile_find_id(const struct kn_profile *p, struct kn_h128 hash);
/* Appends an identifier (not there yet). */
void kn_profile_add_id(struct kn_profile *p, const struct kn_item_id *id, int64_t seen_us,
                       uint32_t source, struct kn_arena *arena);
/* Widens first and last seen of the profile and of the identifier at `slot`. */
void kn_profile_see(struct kn_profile *p, int64_t seen_us);
void kn_profile_see_id(struct kn_profile *p, size_t slot, int64_t seen_us);

void kn_profile_apply_traits(struct kn_profile *p, const struct kn_item *item, uint64_t arrival,
                             struct kn_arena *arena);
void kn_profile_apply_consents(struct kn_profile *p, const struct kn_item *item,
                               struct kn_arena *arena);
void kn_profile_apply_visit(struct kn_profile *p, const struct kn_item *item,
                            struct kn_arena *arena);
void kn_profile_apply_device(struct kn_profile *p, const struct kn_item *item,
                             struct kn_arena *arena);
struct kn_profile_order_fact kn_order_fact(const struct kn_item *item, uint64_t arrival);
/* `key` is the order's key within the workspace (kn_order_key). `other`: the event is not one of
 * this profile's. */
void kn_profile_apply_order(struct kn_profile *p, const struct kn_profile_order_fact *fact,
                            struct kn_str key, bool other, struct kn_arena *arena);
/* The order id; when the event is its own order, what no order id can be. */
struct kn_str kn_order_key(const struct kn_item *item, struct kn_arena *arena);

/* `into` takes over everything of `from`; identifiers of `from` follow those of `into`. */
void kn_profile_merge(struct kn_profile *into, const struct kn_profile *from, int64_t at_us,
                      struct kn_arena *arena);

/* Orders and revenue as counters show them: revenue by currency (at most `max`), `home` for orders
 * without one. */
size_t kn_profile_revenue(const struct kn_profile *p, const char *home,
                          struct kn_profile_revenue *ret, size_t max, size_t *ret_orders);

#endif
