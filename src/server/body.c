#include "server/body.h"

#include "format/inflate.h"
#include "format/json.h"

void kn_body_init(struct kn_body *body)
{
    *body = (struct kn_body){0};
    kn_buf_init(&body->raw, KN_BODY_MAX + KN_JSON_PADDING);
    kn_buf_init(&body->decoded, KN_BODY_MAX + KN_JSON_PADDING);
}

static void uncount(struct kn_body *body, atomic_uint_fast64_t *budget)
{
    (void)atomic_fetch_sub_explicit(budget, body->counted, memory_order_relaxed);
    body->counted = 0;
}

void kn_body_deinit(struct kn_body *body, atomic_uint_fast64_t *budget)
{
    uncount(body, budget);
    kn_buf_deinit(&body->raw);
    kn_buf_deinit(&body->decoded);
}

void kn_body_drop(struct kn_body *body, atomic_uint_fast64_t *budget)
{
    uncount(body, budget);
    body->discarded = 0;
    kn_buf_clear(&body->raw);
    kn_buf_clear(&body->decoded);
    if (body->raw.cap > KN_BODY_KEEP) {
        kn_buf_deinit(&body->raw);
    }
    if (body->decoded.cap > KN_BODY_KEEP) {
        kn_buf_deinit(&body->decoded);
    }
}

size_t kn_body_room(const struct kn_body *body)
{
    return body->raw.cap + body->decoded.cap;
}

/* Takes from the budget what the body needs beyond the small part of it. */
static bool count(struct kn_body *body, size_t len, atomic_uint_fast64_t *budget)
{
    size_t wanted = len > KN_BODY_SMALL ? len - KN_BODY_SMALL : 0;
    if (wanted <= body->counted) {
        return true;
    }
    size_t more = wanted - body->counted;
    body->counted = wanted;
    return atomic_fetch_add_explicit(budget, more, memory_order_relaxed) + more <= KN_BODIES_MAX;
}

bool kn_body_add(struct kn_body *body, const char *piece, size_t bytes,
                 atomic_uint_fast64_t *budget, struct kn_body_fault *ret)
{
    size_t len = body->raw.len + bytes;
    if (len > KN_BODY_MAX) {
        *ret = (struct kn_body_fault){413, "too_large", "the body is too large"};
    } else if (!count(body, len, budget)) {
        *ret = (struct kn_body_fault){503, "unavailable", "too many large bodies at once"};
    } else {
        kn_buf_add(&body->raw, piece, bytes);
        if (body->raw.rc == KN_OK) {
            return true;
        }
        *ret = (struct kn_body_fault){503, "no_memory", "out of memory"};
    }
    kn_body_drop(body, budget);
    return false;
}

static bool is_packed(const struct kn_body *body, struct kn_str encoding, bool sniff)
{
    return kn_str_eq_nocase(encoding, KN_STR("gzip")) ||
           kn_str_eq_nocase(encoding, KN_STR("deflate")) ||
           (sniff && kn_is_gzip(kn_buf_view(&body->raw)));
}

static struct kn_body_fault not_unpacked(enum kn_rc rc, const struct kn_err *err)
{
    if (rc == KN_E_LIMIT) {
        return (struct kn_body_fault){413, "too_large", err->text};
    }
    return rc == KN_E_NOMEM ? (struct kn_body_fault){503, "no_memory", err->text}
                            : (struct kn_body_fault){400, "invalid_encoding", err->text};
}

bool kn_body_decode(struct kn_body *body, struct kn_str encoding, bool sniff, size_t most,
                    struct kn_str *ret, struct kn_body_fault *ret_fault, struct kn_err *err)
{
    struct kn_buf *holder = &body->raw;
    bool packed = is_packed(body, encoding, sniff);
    if (encoding.len > 0 && !packed && !kn_str_eq_nocase(encoding, KN_STR("identity"))) {
        *ret_fault = (struct kn_body_fault){415, "unsupported_encoding",
                                            "the content encoding is not supported"};
        return false;
    }
    if (packed && body->raw.len > 0) {
        holder = &body->decoded;
        holder->bytes_max = most;
        enum kn_rc rc = kn_inflate(kn_buf_view(&body->raw), holder, err);
        holder->bytes_max = KN_BODY_MAX + KN_JSON_PADDING;
        if (rc != KN_OK) {
            *ret_fault = not_unpacked(rc, err);
            return false;
        }
    }
    if (holder->len > most) {
        *ret_fault = (struct kn_body_fault){413, "too_large", "the body is too large"};
        return false;
    }
    char *padding = kn_buf_reserve(holder, KN_JSON_PADDING);
    if (!padding) {
        *ret_fault = (struct kn_body_fault){503, "no_memory", "out of memory"};
        return false;
    }
    memset(padding, 0, KN_JSON_PADDING);
    *ret = kn_buf_view(holder);
    return true;
}
