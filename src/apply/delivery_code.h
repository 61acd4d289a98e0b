/* Delivery state and records as bytes (docs/formats/state.md). Internal to apply/. */
#ifndef KN_APPLY_DELIVERY_CODE_H
#define KN_APPLY_DELIVERY_CODE_H

#include "apply/destinations.h"

enum kn_delivery_op { KN_DELIVERY_OUTCOMES = 1, KN_DELIVERY_RESEND = 2 };

void kn_delivery_encode(const struct kn_delivery *d, struct kn_buf *out);
void kn_delivery_ids_encode(const struct kn_delivery_id *ids, size_t count, struct kn_buf *out);
/* Texts borrow from the bytes, lists are in the arena. Empty bytes: zeros.
 * @errors KN_E_CORRUPT, KN_E_NOMEM */
enum kn_rc kn_delivery_decode(struct kn_cursor *c, struct kn_arena *arena,
                              struct kn_delivery *ret) KN_MUST_USE;
/* The revision alone, which stands in front; 0 for empty bytes. */
uint64_t kn_delivery_decode_revision(struct kn_str bytes);
enum kn_rc kn_delivery_ids_decode(struct kn_cursor *c, struct kn_arena *arena,
                                  struct kn_delivery_id **ret, size_t *ret_count) KN_MUST_USE;

#endif
