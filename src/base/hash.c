#include "base/hash.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

struct kn_hash_key kn_hash_key_from(struct kn_str seed)
{
    struct kn_hash_key key;
    _Static_assert(sizeof key.secret >= XXH3_SECRET_SIZE_MIN, "secret too short");
    for (size_t at = 0; at < sizeof key.secret; at += sizeof(XXH128_hash_t)) {
        XXH128_hash_t part = XXH3_128bits_withSeed(seed.p ? seed.p : "", seed.len, at + 1);
        memcpy(key.secret + at, &part, sizeof part);
    }
    return key;
}

struct kn_h128 kn_hash(const struct kn_hash_key *key, struct kn_str bytes)
{
    XXH128_hash_t h =
        XXH3_128bits_withSecret(bytes.p ? bytes.p : "", bytes.len, key->secret, sizeof key->secret);
    return (struct kn_h128){h.low64, h.high64};
}

struct kn_h128 kn_hash_tagged(const struct kn_hash_key *key, uint32_t tag, struct kn_str bytes)
{
    unsigned char joined[264];
    unsigned char prefix[4] = {(unsigned char)tag, (unsigned char)(tag >> 8),
                               (unsigned char)(tag >> 16), (unsigned char)(tag >> 24)};
    memcpy(joined, prefix, sizeof prefix);
    if (bytes.len <= sizeof joined - sizeof prefix) {
        if (bytes.len > 0) {
            memcpy(joined + sizeof prefix, bytes.p, bytes.len);
        }
        return kn_hash(key, kn_str(joined, sizeof prefix + bytes.len));
    }
    struct kn_h128 inner = kn_hash(key, bytes);
    memcpy(joined + sizeof prefix, &inner, sizeof inner);
    return kn_hash(key, kn_str(joined, sizeof prefix + sizeof inner));
}

uint64_t kn_checksum64(struct kn_str bytes)
{
    return XXH3_64bits(bytes.p ? bytes.p : "", bytes.len);
}

void kn_checksum_begin(struct kn_checksum *c)
{
    _Static_assert(sizeof c->state >= sizeof(XXH3_state_t), "state too small");
    XXH3_INITSTATE((XXH3_state_t *)(void *)c->state);
    (void)XXH3_64bits_reset((XXH3_state_t *)(void *)c->state);
}

void kn_checksum_add(struct kn_checksum *c, struct kn_str bytes)
{
    if (bytes.len > 0) {
        (void)XXH3_64bits_update((XXH3_state_t *)(void *)c->state, bytes.p, bytes.len);
    }
}

uint64_t kn_checksum_end(const struct kn_checksum *c)
{
    return XXH3_64bits_digest((const XXH3_state_t *)(const void *)c->state);
}

static uint32_t crc_scalar(uint32_t crc, const unsigned char *p, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        crc ^= p[i];
        for (int bit = 0; bit < 8; bit++) {
            crc = (crc >> 1) ^ (0x82f63b78U & (0U - (crc & 1U)));
        }
    }
    return crc;
}

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) static uint32_t crc_sse42(uint32_t crc, const unsigned char *p,
                                                            size_t len)
{
    uint64_t wide = crc;
    for (; len >= 8; p += 8, len -= 8) {
        uint64_t word;
        memcpy(&word, p, sizeof word);
        wide = __builtin_ia32_crc32di(wide, word);
    }
    crc = (uint32_t)wide;
    for (; len > 0; p++, len--) {
        crc = __builtin_ia32_crc32qi(crc, *p);
    }
    return crc;
}
#endif

uint32_t kn_crc32c(uint32_t crc, struct kn_str bytes)
{
    const unsigned char *p = (const unsigned char *)bytes.p;
    crc = ~crc;
#if defined(__x86_64__)
    if (__builtin_cpu_supports("sse4.2")) {
        return ~crc_sse42(crc, p, bytes.len);
    }
#endif
    return ~crc_scalar(crc, p, bytes.len);
}
