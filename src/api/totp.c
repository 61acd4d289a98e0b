#include "api/totp.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>

#include "base/assert.h"
#include "format/token.h"

enum { SHA1_BYTES = 20 };

void kn_totp_secret_text(const unsigned char secret[KN_TOTP_SECRET_BYTES],
                         char to[KN_TOTP_SECRET_TEXT + 1])
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    for (size_t i = 0; i < KN_TOTP_SECRET_TEXT; i++) {
        size_t bit = 5 * i;
        unsigned two = (unsigned)secret[bit / 8] << 8;
        two |= bit / 8 + 1 < KN_TOTP_SECRET_BYTES ? secret[bit / 8 + 1] : 0U;
        to[i] = digits[(two >> (11 - bit % 8)) & 31];
    }
    to[KN_TOTP_SECRET_TEXT] = '\0';
}

void kn_totp_code(const unsigned char secret[KN_TOTP_SECRET_BYTES], uint64_t step,
                  char to[KN_TOTP_DIGITS + 1])
{
    unsigned char counter[8];
    unsigned char digest[SHA1_BYTES];
    unsigned len = 0;
    for (unsigned i = 0; i < 8; i++) {
        counter[i] = (unsigned char)(step >> (8 * (7 - i)));
    }
    const unsigned char *done =
        HMAC(EVP_sha1(), secret, KN_TOTP_SECRET_BYTES, counter, sizeof counter, digest, &len);
    kn_assert(done && len == sizeof digest); /* a fixed algorithm: it has no way to fail */
    unsigned at = digest[SHA1_BYTES - 1] & 15U;
    uint32_t number = (uint32_t)(digest[at] & 127U) << 24 | (uint32_t)digest[at + 1] << 16 |
                      (uint32_t)digest[at + 2] << 8 | digest[at + 3];
    (void)snprintf(to, KN_TOTP_DIGITS + 1, "%06u", (unsigned)(number % 1000000));
}

uint64_t kn_totp_check(const unsigned char secret[KN_TOTP_SECRET_BYTES], struct kn_str code,
                       uint64_t now_s, uint64_t used)
{
    uint64_t now = now_s / KN_TOTP_STEP_S;
    uint64_t found = 0;
    for (uint64_t step = now > 0 ? now - 1 : 0; step <= now + 1; step++) {
        char right[KN_TOTP_DIGITS + 1];
        kn_totp_code(secret, step, right);
        if (kn_equal_secret(code, kn_str_c(right)) && step > used && found == 0) {
            found = step;
        }
    }
    return found;
}
