/* Keyed 128-bit hashes of identifiers and messages (XXH3-128 with a per-workspace secret).
 *
 * The key comes from the workspace's first log record, so that a replay computes the same hashes
 * and an outsider cannot aim collisions. Not a cryptographic digest. Source: xxHash specification,
 * https://github.com/Cyan4973/xxHash. Pure; safe on any thread.
 */
#ifndef KN_BASE_HASH_H
#define KN_BASE_HASH_H

#include "base/str.h"

struct kn_h128 {
    uint64_t lo, hi;
};

struct kn_hash_key {
    unsigned char secret[192];
};

/* Stretches a seed of any length into a key. */
struct kn_hash_key kn_hash_key_from(struct kn_str seed);
struct kn_h128 kn_hash(const struct kn_hash_key *key, struct kn_str bytes);
/* The hash of (tag, bytes): the tag keeps kinds of things apart. */
struct kn_h128 kn_hash_tagged(const struct kn_hash_key *key, uint32_t tag, struct kn_str bytes);
/* Unkeyed 64-bit checksum of file contents (XXH3-64). */
uint64_t kn_checksum64(struct kn_str bytes);
/* The same, piece by piece. */
struct kn_checksum {
    _Alignas(64) unsigned char state[576];
};
void kn_checksum_begin(struct kn_checksum *c);
void kn_checksum_add(struct kn_checksum *c, struct kn_str bytes);
uint64_t kn_checksum_end(const struct kn_checksum *c);
/* CRC32C (Castagnoli), hardware where there is some. Source: RFC 3720 appendix B.4. */
uint32_t kn_crc32c(uint32_t crc, struct kn_str bytes);

static inline bool kn_h128_eq(struct kn_h128 a, struct kn_h128 b)
{
    return a.lo == b.lo && a.hi == b.hi;
}
static inline bool kn_h128_is_zero(struct kn_h128 h)
{
    return (h.lo | h.hi) == 0;
}
static inline int kn_h128_cmp(struct kn_h128 a, struct kn_h128 b)
{
    if (a.hi != b.hi) {
        return a.hi < b.hi ? -1 : 1;
    }
    return (a.lo > b.lo) - (a.lo < b.lo);
}

#endif
