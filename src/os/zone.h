/* The machine's time zone database (Debian package tzdata): the bytes of one zone's rules, to be
 * recorded. Nothing else reads them: what a workspace goes by is what its settings hold. Any
 * thread. */
#ifndef KN_OS_ZONE_H
#define KN_OS_ZONE_H

#include "base/buf.h"

/* Appends the TZif file of "Europe/Amsterdam" to *out.
 * @errors KN_E_INVALID not a zone's name; KN_E_NOT_FOUND the machine does not know it; KN_E_IO */
enum kn_rc kn_zone_load(struct kn_str name, struct kn_buf *out, struct kn_err *err) KN_MUST_USE;

#endif
