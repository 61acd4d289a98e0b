/* The inner loops over columns: comparisons of many rows at once, as bits. Room-private.
 *
 * Bit i of word i / 64 of an answer is row i; bits from `rows` on are zero. Plain C and AVX2 answer
 * the same. Nothing is read beyond the last row. Pure; safe on any thread.
 */
#ifndef KN_SEGMENT_BULK_LANES_H
#define KN_SEGMENT_BULK_LANES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Which high parts of times lie inside a span and which on its edges, where the low parts decide.
 */
struct kn_lane_span {
    bool none;            /* no high part lies wholly inside */
    uint32_t first, last; /* high parts wholly inside */
    uint32_t edges[2];    /* UINT32_MAX: none */
};

/* A set of 8-bit codes: code c is in it when bit (c >> 4 & 7) of byte (c & 15) + 16 * (c >> 7) is
 * set. */
struct kn_lane_set8 {
    uint8_t bytes[32];
};

enum { KN_LANE_FEW = 8 };

struct kn_lanes {
    /* Answers whether any edge bit is set. */
    bool (*span)(const uint32_t *hi, size_t rows, const struct kn_lane_span *span, uint64_t *inside,
                 uint64_t *edge);
    void (*set8)(const uint8_t *codes, size_t rows, const struct kn_lane_set8 *set, uint64_t *out);
    /* Equal to one of up to KN_LANE_FEW codes. */
    void (*few16)(const uint16_t *codes, size_t rows, const uint32_t *few, uint32_t count,
                  uint64_t *out);
    void (*few32)(const uint32_t *codes, size_t rows, const uint32_t *few, uint32_t count,
                  uint64_t *out);
    /* How many of the bits [from, from + count) are set. */
    uint64_t (*count)(const uint64_t *bits, uint64_t from, uint64_t count);
    /* Adds to sums[i] the bits of group i: groups lie one after another from bit `from` on,
     * counts[i] < 255 bits each; the bits are followed by a word that may be read. Answers where
     * they end. */
    uint64_t (*group_counts)(const uint64_t *bits, uint64_t from, const uint8_t *counts,
                             uint32_t groups, uint32_t *sums);
};

extern const struct kn_lanes kn_lanes_plain;
const struct kn_lanes *kn_lanes_best(void);

void kn_lane_set8_add(struct kn_lane_set8 *set, uint8_t code);
/* Bits [from, from + count) as a word, count <= 64. */
static inline uint64_t kn_lane_bits(const uint64_t *bits, uint64_t from, uint32_t count)
{
    uint64_t at = from >> 6, shift = from & 63;
    uint64_t word = bits[at] >> shift;
    if (shift + count > 64) {
        word |= bits[at + 1] << (64 - shift);
    }
    return count < 64 ? word & ((UINT64_C(1) << count) - 1) : word;
}
#endif
