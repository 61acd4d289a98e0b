/* Signatures of webhooks, as Standard Webhooks has them (https://www.standardwebhooks.com): the
 * receiver checks that a call came from this Kern, is whole and is fresh.
 *
 *   webhook-id         the same for every try of a delivery: the idempotency key
 *   webhook-timestamp  seconds since 1970 of this try
 *   webhook-signature  "v1," and the base64 of HMAC-SHA256(secret, id.timestamp.body)
 *
 * A secret is not stored: it is HMAC-SHA256 of (workspace, destination, generation) under the key
 * of this installation (the file `secrets`), shown as "whsec_" and base64. A new generation makes a
 * new secret. Pure; safe on any thread.
 */
#ifndef KN_DELIVER_SIGN_H
#define KN_DELIVER_SIGN_H

#include "base/buf.h"

enum { KN_WEBHOOK_KEY_BYTES = 32, KN_WEBHOOK_SECRET_BYTES = 32 };

struct kn_webhook_secret {
    unsigned char bytes[KN_WEBHOOK_SECRET_BYTES];
};

struct kn_webhook_secret kn_webhook_secret(const unsigned char key[KN_WEBHOOK_KEY_BYTES],
                                           struct kn_str workspace, struct kn_str destination,
                                           uint32_t generation);
void kn_webhook_forget(struct kn_webhook_secret *secret); /* leaves nothing of it in memory */
/* "whsec_..." as a receiver's library wants it. */
void kn_webhook_secret_text(const struct kn_webhook_secret *secret, struct kn_buf *out);
/* "v1,..." */
void kn_webhook_sign(const struct kn_webhook_secret *secret, struct kn_str id, int64_t timestamp_s,
                     struct kn_str body, struct kn_buf *out);

#endif
