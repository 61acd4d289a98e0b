/* The dedupe set's tables in memory: open addressing, in the order of the hashes' first bits, so
 * that a table is nearly sorted as it stands. The hour (its low 8 bits) stands in the hash's lowest
 * byte. Internal to state/; one thread. */
#ifndef KN_STATE_DEDUPE_TABLE_H
#define KN_STATE_DEDUPE_TABLE_H

#include "base/hash.h"

#define KN_DEDUPE_HOUR_MASK 0xffU

struct kn_dedupe_table {
    struct kn_h128 *slots; /* zero = free; the zero hash is given another value */
    size_t room, count;
};

struct kn_h128 kn_dedupe_stamped(struct kn_h128 hash, int64_t hour);
/* Order of entries: without the hour. */
int kn_dedupe_order(struct kn_h128 a, struct kn_h128 b);
/* The entry of a stamped hash, or NULL. */
struct kn_h128 *kn_dedupe_table_find(const struct kn_dedupe_table *table, struct kn_h128 hash);
/* An empty table with room for `expected` hashes. */
void kn_dedupe_table_reserve(struct kn_dedupe_table *table, size_t expected);
void kn_dedupe_table_put(struct kn_dedupe_table *table, struct kn_h128 hash);
void kn_dedupe_table_clear(struct kn_dedupe_table *table);
/* Fills `to` (room for table->count) in order; how many. */
size_t kn_dedupe_table_sorted(const struct kn_dedupe_table *table, struct kn_h128 *to);
void kn_dedupe_table_prefetch(const struct kn_dedupe_table *table, struct kn_h128 hash);

#endif
