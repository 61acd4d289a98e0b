/* The stored parts of a profile besides the hot record: cold (identifiers, traits, consents,
 * devices, merged profiles), sessions, orders and links; each one value of the state, rewritten as
 * a whole.
 *
 * Encodings are versioned, little endian, total to decode (KN_E_CORRUPT). Decoded slices borrow
 * from the bytes, arrays from the arena. Byte tables: docs/formats/profile.md. Pure.
 */
#ifndef KN_PROFILE_RECORD_H
#define KN_PROFILE_RECORD_H

#include "profile/hot.h"
#include "profile/profile.h"

/* Hot and cold together; `key` gives the identifiers' hashes. Sessions, orders: the next two. */
enum kn_rc kn_profile_decode(uint32_t ordinal, struct kn_str hot, struct kn_str cold,
                             const struct kn_hash_key *key, struct kn_arena *arena,
                             struct kn_profile *ret) KN_MUST_USE;
void kn_profile_encode_hot(const struct kn_profile *p, uint32_t canonical, uint64_t device_hash,
                           struct kn_buf *out);
void kn_profile_encode_cold(const struct kn_profile *p, struct kn_buf *out);

/* `sessions` may be empty bytes. The last session's interval is taken from `hot`, which is newer.
 */
enum kn_rc kn_profile_decode_sessions(struct kn_str sessions, const struct kn_hot *hot,
                                      struct kn_arena *arena, struct kn_profile *p) KN_MUST_USE;
void kn_profile_encode_sessions(const struct kn_profile *p, struct kn_buf *out);

enum kn_rc kn_profile_decode_orders(struct kn_str orders, struct kn_arena *arena,
                                    struct kn_profile *p) KN_MUST_USE;
void kn_profile_encode_orders(const struct kn_profile *p, struct kn_buf *out);

/* Links are appended one after the other; decoding sorts them by arrival. */
void kn_profile_encode_link(const struct kn_profile_link *link, struct kn_buf *out);
enum kn_rc kn_profile_decode_links(struct kn_str links, const struct kn_hash_key *key,
                                   struct kn_arena *arena, struct kn_profile_link **ret,
                                   size_t *ret_count) KN_MUST_USE;

#endif
