/* gzip and zlib bodies, inflated under a hard cap (zlib). One call, no state. Pure. */
#ifndef KN_FORMAT_INFLATE_H
#define KN_FORMAT_INFLATE_H

#include "base/buf.h"

/* The bytes begin like gzip. */
bool kn_is_gzip(struct kn_str bytes);
/* Appends the inflated bytes; the buffer's bytes_max is the cap. gzip may have several members. On
 * failure the buffer holds what it held before.
 * @errors KN_E_LIMIT beyond the cap; KN_E_INVALID damaged, cut short or followed by something
 * (err->pos is the byte of the input reached); KN_E_NOMEM */
enum kn_rc kn_inflate(struct kn_str bytes, struct kn_buf *out, struct kn_err *err) KN_MUST_USE;
/* gzip, for clients and tests. */
enum kn_rc kn_deflate(struct kn_str bytes, struct kn_buf *out, struct kn_err *err) KN_MUST_USE;

#endif
