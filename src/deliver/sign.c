#include "deliver/sign.h"

#include <sodium.h>

#include "format/token.h"

_Static_assert(KN_WEBHOOK_SECRET_BYTES == crypto_auth_hmacsha256_BYTES, "a secret is one digest");
_Static_assert(KN_WEBHOOK_KEY_BYTES == crypto_auth_hmacsha256_KEYBYTES, "a key of the usual size");

static void update(crypto_auth_hmacsha256_state *state, struct kn_str part)
{
    crypto_auth_hmacsha256_update(state, (const unsigned char *)part.p, part.len);
}

/* Each part with a zero byte after it: no two lists of parts read the same. */
static void update_part(crypto_auth_hmacsha256_state *state, struct kn_str part)
{
    update(state, part);
    update(state, kn_str("", 1));
}

struct kn_webhook_secret kn_webhook_secret(const unsigned char key[KN_WEBHOOK_KEY_BYTES],
                                           struct kn_str workspace, struct kn_str destination,
                                           uint32_t generation)
{
    struct kn_webhook_secret secret;
    crypto_auth_hmacsha256_state state;
    char number[4] = {(char)(generation >> 24), (char)(generation >> 16), (char)(generation >> 8),
                      (char)generation};
    crypto_auth_hmacsha256_init(&state, key, KN_WEBHOOK_KEY_BYTES);
    update_part(&state, KN_STR("webhook"));
    update_part(&state, workspace);
    update_part(&state, destination);
    update(&state, kn_str(number, sizeof number));
    crypto_auth_hmacsha256_final(&state, secret.bytes);
    sodium_memzero(&state, sizeof state);
    return secret;
}

void kn_webhook_forget(struct kn_webhook_secret *secret)
{
    sodium_memzero(secret, sizeof *secret);
}

void kn_webhook_secret_text(const struct kn_webhook_secret *secret, struct kn_buf *out)
{
    kn_buf_c(out, "whsec_");
    kn_base64_encode(kn_str(secret->bytes, sizeof secret->bytes), out);
}

void kn_webhook_sign(const struct kn_webhook_secret *secret, struct kn_str id, int64_t timestamp_s,
                     struct kn_str body, struct kn_buf *out)
{
    unsigned char digest[crypto_auth_hmacsha256_BYTES];
    crypto_auth_hmacsha256_state state;
    struct kn_buf head;
    kn_buf_init(&head, 1024);
    kn_buf_str(&head, id);
    kn_buf_char(&head, '.');
    kn_buf_i64(&head, timestamp_s);
    kn_buf_char(&head, '.');
    if (head.rc != KN_OK) {
        out->rc = out->rc == KN_OK ? head.rc : out->rc;
    }
    crypto_auth_hmacsha256_init(&state, secret->bytes, sizeof secret->bytes);
    update(&state, kn_buf_view(&head));
    update(&state, body);
    crypto_auth_hmacsha256_final(&state, digest);
    sodium_memzero(&state, sizeof state);
    kn_buf_deinit(&head);
    kn_buf_c(out, "v1,");
    kn_base64_encode(kn_str(digest, sizeof digest), out);
}
