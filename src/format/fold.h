/* Text made comparable: e-mail addresses as identifiers, and text for searching (Unicode case
 * folding and compatibility decomposition without accents, by utf8proc). In the arena when it
 * changed; the input when it is not valid UTF-8; p == NULL when the arena has no room. Pure. */
#ifndef KN_FORMAT_FOLD_H
#define KN_FORMAT_FOLD_H

#include "base/arena.h"

struct kn_str kn_fold_email(struct kn_str text,
                            struct kn_arena *arena); /* trimmed, lower case, NFC */
struct kn_str kn_fold_text(struct kn_str text, struct kn_arena *arena);

#endif
