/* What every event touches of a profile, as a record that is edited in place.
 *
 *   off 0  u32 canonical   0 = a live profile; else the ordinal it was merged into
 *       4  u32 session_count
 *       8  i64 created_us
 *      16  i64 first_seen_us
 *      24  i64 last_seen_us
 *      32  u64 events
 *      40  i64 run_start_us   the latest session; run_end < run_start = none
 *      48  i64 run_end_us
 *      56  u64 device_hash    of the latest device facts
 *      64  h128 id
 *      80  u16 id_count, u16 reserved, u32 reserved
 *      88  id_count x { i64 first_seen_us, i64 last_seen_us }, in the order of the identifiers
 *
 * Little endian. Pure.
 */
#ifndef KN_PROFILE_HOT_H
#define KN_PROFILE_HOT_H

#include "base/buf.h"
#include "base/hash.h"

enum { KN_HOT_BYTES = 88, KN_HOT_ID_BYTES = 16 };

struct kn_hot {
    uint32_t canonical;
    uint32_t session_count;
    int64_t created_us, first_seen_us, last_seen_us;
    uint64_t events;
    int64_t run_start_us, run_end_us;
    uint64_t device_hash;
    struct kn_h128 id;
    uint16_t id_count;
};

/* False when the bytes are no hot record (length and id_count disagree). */
bool kn_hot_decode(struct kn_str bytes, struct kn_hot *ret);
/* Writes the fixed part into KN_HOT_BYTES bytes. */
void kn_hot_encode(const struct kn_hot *hot, char *to);
void kn_hot_get_id(struct kn_str bytes, size_t slot, int64_t *ret_first_us, int64_t *ret_last_us);
void kn_hot_set_id(char *bytes, size_t slot, int64_t first_us, int64_t last_us);

#endif
