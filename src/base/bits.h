/* Sets of small numbers as dense bit arrays: bit i of word i / 64.
 *
 * Three implementations answer the same: plain C, AVX2, and AVX-512 where counting and combining in
 * one pass gain by it, for processors that have them. They are chosen once per call of
 * kn_bits_best. Arrays are whole words; a caller keeps bits beyond its universe zero. Pure; safe on
 * any thread.
 */
#ifndef KN_BASE_BITS_H
#define KN_BASE_BITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A set, or its complement. */
struct kn_bits_term {
    const uint64_t *bits;
    bool flip;
};

struct kn_bits_ops {
    void (*both)(uint64_t *to, const uint64_t *other, size_t words);    /* to AND other */
    void (*either)(uint64_t *to, const uint64_t *other, size_t words);  /* to OR other */
    void (*without)(uint64_t *to, const uint64_t *other, size_t words); /* to AND NOT other */
    uint64_t (*count)(const uint64_t *bits, size_t words);
    /* to = base AND all of the terms, in one pass. `to` may be base. */
    void (*meet)(uint64_t *to, const uint64_t *base, const struct kn_bits_term *terms, size_t count,
                 size_t words);
};

extern const struct kn_bits_ops kn_bits_plain;
/* The fastest this processor runs. */
const struct kn_bits_ops *kn_bits_best(void);
/* All that it runs, the plain one first and the fastest last. Answers how many. */
enum { KN_BITS_WAYS = 3 };
size_t kn_bits_ways(const struct kn_bits_ops *ret[KN_BITS_WAYS]);

static inline size_t kn_bits_words(uint64_t bits)
{
    return (size_t)((bits + 63) / 64);
}
static inline void kn_bits_set(uint64_t *bits, uint64_t at)
{
    bits[at >> 6] |= UINT64_C(1) << (at & 63);
}
/* The lowest `count` bits (up to 64). */
static inline uint64_t kn_bits_low(uint64_t count)
{
    return count < 64 ? (UINT64_C(1) << count) - 1 : UINT64_MAX;
}
static inline bool kn_bits_none(const uint64_t *bits, size_t words)
{
    uint64_t all = 0;
    for (size_t i = 0; i < words; i++) {
        all |= bits[i];
    }
    return all == 0;
}

#endif
