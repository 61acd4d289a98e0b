/* What came in last, per source: for a person who watches whether a site or server sends well.
 *
 * Of each source the newest arrivals stay in memory, events, duplicates and refusals alike: at most
 * KN_RECENT_ITEMS of them and KN_RECENT_BYTES of their bytes, for the KN_RECENT_SOURCES sources
 * that sent last. It is no part of the state: empty at start, and nothing reads it but a person's
 * screen. Larger items are kept without their bytes. Filled by the fold under the write lock, read
 * under the read lock. Memory failures leave an arrival out.
 */
#ifndef KN_APPLY_RECENT_H
#define KN_APPLY_RECENT_H

#include "apply/workspace.h"
#include "format/item.h"

enum { KN_RECENT_SOURCES = 32, KN_RECENT_ITEMS = 100, KN_RECENT_BYTES = 256 << 10 };

enum kn_arrival_outcome { KN_ARRIVAL_ACCEPTED = 1, KN_ARRIVAL_DUPLICATE, KN_ARRIVAL_REFUSED };

struct kn_recent;
struct kn_recent *kn_recent_new(void); /* panics without memory */
void kn_recent_free(struct kn_recent *recent);
/* bytes: the encoded item. */
void kn_recent_note(struct kn_recent *recent, uint32_t source, uint64_t arrival,
                    enum kn_arrival_outcome outcome, struct kn_str bytes);

struct kn_arrival {
    uint64_t arrival;
    enum kn_arrival_outcome outcome;
    bool too_large; /* the item is left out: it is zero */
    struct kn_item item;
};
/* Those of a source after `after` (0 = all that are kept), newest first, in the arena.
 * @errors KN_E_NOMEM */
enum kn_rc kn_read_recent(struct kn_workspace *ws, uint32_t source, uint64_t after, size_t limit,
                          struct kn_arena *arena, struct kn_arrival **ret,
                          size_t *ret_count) KN_MUST_USE;

#endif
