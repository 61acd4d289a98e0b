/* One-time codes by time: RFC 6238 over RFC 4226, HMAC-SHA-1, 6 digits, steps of 30 s: what every
 * authenticator app reads. A code is taken one step early or late, for clocks that differ; a step
 * that was used, and those before it, are not taken again (RFC 6238 §5.2). Pure. */
#ifndef KN_API_TOTP_H
#define KN_API_TOTP_H

#include "base/str.h"

enum {
    KN_TOTP_SECRET_BYTES = 20,
    KN_TOTP_SECRET_TEXT = 32,
    KN_TOTP_DIGITS = 6,
    KN_TOTP_STEP_S = 30
};

/* RFC 4648 base32 without padding, and NUL. */
void kn_totp_secret_text(const unsigned char secret[KN_TOTP_SECRET_BYTES],
                         char to[KN_TOTP_SECRET_TEXT + 1]);
/* The code of a step (seconds since 1970 / 30), and NUL. */
void kn_totp_code(const unsigned char secret[KN_TOTP_SECRET_BYTES], uint64_t step,
                  char to[KN_TOTP_DIGITS + 1]);
/* The step whose code this is, near now_s and after `used` (0 = none was); 0: it is no such code.
 * Takes the same time for every code of 6 characters. */
uint64_t kn_totp_check(const unsigned char secret[KN_TOTP_SECRET_BYTES], struct kn_str code,
                       uint64_t now_s, uint64_t used);

#endif
