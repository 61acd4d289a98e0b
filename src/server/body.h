/* The bodies of requests: received in pieces, unpacked, and counted together.
 *
 * All bodies of the process share a budget, so that many large ones at once are refused for now
 * instead of filling the memory; the first KN_BODY_SMALL bytes of each are never counted, so that
 * small requests go on beside them. A body belongs to one call and is used by its thread; the
 * budget is shared by all.
 */
#ifndef KN_SERVER_BODY_H
#define KN_SERVER_BODY_H

#include <stdatomic.h>

#include "base/buf.h"

enum {
    KN_BODY_MAX = 8 << 20,          /* as it is sent */
    KN_BODY_SMALL = 64 << 10,       /* not counted */
    KN_BODY_KEEP = 256 << 10,       /* a buffer larger than this is not kept for the next request */
    KN_BODY_DISCARD_MAX = 64 << 20, /* what is too large is read up to here for its answer's sake */
};
#define KN_BODIES_MAX (UINT64_C(192) << 20)

struct kn_body {
    struct kn_buf raw, decoded;
    size_t counted;   /* of the budget */
    size_t discarded; /* bytes that came after it was refused */
};

/* Why a body is not taken: an answer of the wire. */
struct kn_body_fault {
    int status;
    const char *code, *message; /* the message lives as long as the err given */
};

void kn_body_init(struct kn_body *body);
void kn_body_deinit(struct kn_body *body, atomic_uint_fast64_t *budget);
/* Empties it and gives large buffers back; nothing may point into it any more. */
void kn_body_drop(struct kn_body *body, atomic_uint_fast64_t *budget);
size_t kn_body_room(const struct kn_body *body); /* bytes of its buffers */

/* Appends a piece; false: *ret says why not, and the body is dropped. */
bool kn_body_add(struct kn_body *body, const char *piece, size_t bytes,
                 atomic_uint_fast64_t *budget, struct kn_body_fault *ret);
/* The whole body, unpacked to at most `most` bytes, with the JSON parser's padding behind it;
 * `sniff`: what looks like gzip is gzip, whatever the header says. False: *ret_fault says why not.
 */
bool kn_body_decode(struct kn_body *body, struct kn_str encoding, bool sniff, size_t most,
                    struct kn_str *ret, struct kn_body_fault *ret_fault, struct kn_err *err);

#endif
