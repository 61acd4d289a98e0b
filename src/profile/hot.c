#include "profile/hot.h"

#include "base/assert.h"

static uint64_t load(const char *p, size_t bytes)
{
    uint64_t value = 0;
    for (size_t i = 0; i < bytes; i++) {
        value |= (uint64_t)(unsigned char)p[i] << (8 * i);
    }
    return value;
}

static void save(char *p, uint64_t value, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++) {
        p[i] = (char)(unsigned char)(value >> (8 * i));
    }
}

bool kn_hot_decode(struct kn_str bytes, struct kn_hot *ret)
{
    if (bytes.len < KN_HOT_BYTES) {
        return false;
    }
    const char *p = bytes.p;
    struct kn_hot hot = {
        .canonical = (uint32_t)load(p, 4),
        .session_count = (uint32_t)load(p + 4, 4),
        .created_us = (int64_t)load(p + 8, 8),
        .first_seen_us = (int64_t)load(p + 16, 8),
        .last_seen_us = (int64_t)load(p + 24, 8),
        .events = load(p + 32, 8),
        .run_start_us = (int64_t)load(p + 40, 8),
        .run_end_us = (int64_t)load(p + 48, 8),
        .device_hash = load(p + 56, 8),
        .id = {load(p + 64, 8), load(p + 72, 8)},
        .id_count = (uint16_t)load(p + 80, 2),
    };
    if (bytes.len != KN_HOT_BYTES + (size_t)hot.id_count * KN_HOT_ID_BYTES) {
        return false;
    }
    *ret = hot;
    return true;
}

void kn_hot_encode(const struct kn_hot *hot, char *p)
{
    save(p, hot->canonical, 4);
    save(p + 4, hot->session_count, 4);
    save(p + 8, (uint64_t)hot->created_us, 8);
    save(p + 16, (uint64_t)hot->first_seen_us, 8);
    save(p + 24, (uint64_t)hot->last_seen_us, 8);
    save(p + 32, hot->events, 8);
    save(p + 40, (uint64_t)hot->run_start_us, 8);
    save(p + 48, (uint64_t)hot->run_end_us, 8);
    save(p + 56, hot->device_hash, 8);
    save(p + 64, hot->id.lo, 8);
    save(p + 72, hot->id.hi, 8);
    save(p + 80, hot->id_count, 2);
    save(p + 82, 0, 6);
}

void kn_hot_get_id(struct kn_str bytes, size_t slot, int64_t *ret_first_us, int64_t *ret_last_us)
{
    size_t at = KN_HOT_BYTES + slot * KN_HOT_ID_BYTES;
    kn_assert(at + KN_HOT_ID_BYTES <= bytes.len);
    *ret_first_us = (int64_t)load(bytes.p + at, 8);
    *ret_last_us = (int64_t)load(bytes.p + at + 8, 8);
}

void kn_hot_set_id(char *bytes, size_t slot, int64_t first_us, int64_t last_us)
{
    char *at = bytes + KN_HOT_BYTES + slot * KN_HOT_ID_BYTES;
    save(at, (uint64_t)first_us, 8);
    save(at + 8, (uint64_t)last_us, 8);
}
