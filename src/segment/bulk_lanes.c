#include "segment/bulk_lanes.h"

#include <string.h>

#include "base/bits.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

void kn_lane_set8_add(struct kn_lane_set8 *set, uint8_t code)
{
    uint8_t bit = (uint8_t)(1U << (code >> 4 & 7));
    set->bytes[(code & 15) + 16 * (code >> 7)] |= bit;
}

/* ---- plain ---- */

static bool span_tail(const uint32_t *hi, size_t rows, const struct kn_lane_span *span,
                      uint64_t *inside, uint64_t *edge)
{
    uint64_t in = 0, on = 0;
    uint32_t width = span->last - span->first;
    for (size_t i = 0; i < rows; i++) {
        in |= (uint64_t)(!span->none && hi[i] - span->first <= width) << i;
        on |= (uint64_t)(hi[i] == span->edges[0] || hi[i] == span->edges[1]) << i;
    }
    *inside = in;
    *edge = on;
    return on != 0;
}

static bool plain_span(const uint32_t *hi, size_t rows, const struct kn_lane_span *span,
                       uint64_t *inside, uint64_t *edge)
{
    bool any = false;
    for (size_t at = 0; at < rows; at += 64) {
        any |= span_tail(hi + at, rows - at < 64 ? rows - at : 64, span, inside + at / 64,
                         edge + at / 64);
    }
    return any;
}

static uint64_t set8_tail(const uint8_t *codes, size_t rows, const struct kn_lane_set8 *set)
{
    uint64_t word = 0;
    for (size_t i = 0; i < rows; i++) {
        uint8_t c = codes[i];
        word |= (uint64_t)(set->bytes[(c & 15) + 16 * (c >> 7)] >> (c >> 4 & 7) & 1) << i;
    }
    return word;
}

static void plain_set8(const uint8_t *codes, size_t rows, const struct kn_lane_set8 *set,
                       uint64_t *out)
{
    for (size_t at = 0; at < rows; at += 64) {
        out[at / 64] = set8_tail(codes + at, rows - at < 64 ? rows - at : 64, set);
    }
}

static uint64_t few16_tail(const uint16_t *codes, size_t rows, const uint32_t *few, uint32_t count)
{
    uint64_t word = 0;
    for (size_t i = 0; i < rows; i++) {
        for (uint32_t k = 0; k < count; k++) {
            word |= (uint64_t)(codes[i] == few[k]) << i;
        }
    }
    return word;
}

static void plain_few16(const uint16_t *codes, size_t rows, const uint32_t *few, uint32_t count,
                        uint64_t *out)
{
    for (size_t at = 0; at < rows; at += 64) {
        out[at / 64] = few16_tail(codes + at, rows - at < 64 ? rows - at : 64, few, count);
    }
}

static uint64_t few32_tail(const uint32_t *codes, size_t rows, const uint32_t *few, uint32_t count)
{
    uint64_t word = 0;
    for (size_t i = 0; i < rows; i++) {
        for (uint32_t k = 0; k < count; k++) {
            word |= (uint64_t)(codes[i] == few[k]) << i;
        }
    }
    return word;
}

static void plain_few32(const uint32_t *codes, size_t rows, const uint32_t *few, uint32_t count,
                        uint64_t *out)
{
    for (size_t at = 0; at < rows; at += 64) {
        out[at / 64] = few32_tail(codes + at, rows - at < 64 ? rows - at : 64, few, count);
    }
}

static uint64_t plain_count(const uint64_t *bits, uint64_t from, uint64_t count)
{
    uint64_t sum = 0;
    while (count > 0) {
        uint32_t step = count < 64 ? (uint32_t)count : 64;
        sum += (uint64_t)__builtin_popcountll(kn_lane_bits(bits, from, step));
        from += step;
        count -= step;
    }
    return sum;
}

static uint64_t plain_group_counts(const uint64_t *bits, uint64_t from, const uint8_t *counts,
                                   uint32_t groups, uint32_t *sums)
{
    for (uint32_t g = 0; g < groups; g++) {
        sums[g] += (uint32_t)plain_count(bits, from, counts[g]);
        from += counts[g];
    }
    return from;
}

const struct kn_lanes kn_lanes_plain = {plain_span,  plain_set8,  plain_few16,
                                        plain_few32, plain_count, plain_group_counts};

#if defined(__x86_64__)

#define KN_AVX2 __attribute__((target("avx2,popcnt,bmi,bmi2")))

KN_AVX2 static inline __m256i load(const void *p)
{
    return _mm256_loadu_si256((const __m256i *)p);
}

KN_AVX2 static inline uint64_t bits8x32(__m256i v)
{
    return (uint32_t)_mm256_movemask_ps(_mm256_castsi256_ps(v));
}

KN_AVX2 static bool avx2_span(const uint32_t *hi, size_t rows, const struct kn_lane_span *span,
                              uint64_t *inside, uint64_t *edge)
{
    const __m256i first = _mm256_set1_epi32((int)span->first);
    const __m256i width = _mm256_set1_epi32((int)(span->last - span->first));
    const __m256i e0 = _mm256_set1_epi32((int)span->edges[0]);
    const __m256i e1 = _mm256_set1_epi32((int)span->edges[1]);
    const uint64_t keep = span->none ? 0 : UINT64_MAX;
    bool any = false;
    size_t at = 0;
    for (; at + 64 <= rows; at += 64) {
        uint64_t in = 0, on = 0;
        for (unsigned k = 0; k < 8; k++) {
            __m256i v = load(hi + at + 8 * k);
            __m256i d = _mm256_sub_epi32(v, first);
            in |= bits8x32(_mm256_cmpeq_epi32(_mm256_min_epu32(d, width), d)) << (8 * k);
            on |= bits8x32(_mm256_or_si256(_mm256_cmpeq_epi32(v, e0), _mm256_cmpeq_epi32(v, e1)))
                  << (8 * k);
        }
        inside[at / 64] = in & keep;
        edge[at / 64] = on;
        any |= on != 0;
    }
    if (at < rows) {
        any |= span_tail(hi + at, rows - at, span, inside + at / 64, edge + at / 64);
    }
    return any;
}

/* Sets of bytes by two shuffles (Mula, "SIMD byte lookup", 2018): the low nibble picks a byte of
 * eight candidates, the high one the bit of it. */
KN_AVX2 static void avx2_set8(const uint8_t *codes, size_t rows, const struct kn_lane_set8 *set,
                              uint64_t *out)
{
    const __m256i below =
        _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)(const void *)set->bytes));
    const __m256i above = _mm256_broadcastsi128_si256(
        _mm_loadu_si128((const __m128i *)(const void *)(set->bytes + 16)));
    const __m256i bit =
        _mm256_setr_epi8(1, 2, 4, 8, 16, 32, 64, -128, 1, 2, 4, 8, 16, 32, 64, -128, 1, 2, 4, 8, 16,
                         32, 64, -128, 1, 2, 4, 8, 16, 32, 64, -128);
    const __m256i low = _mm256_set1_epi8(15);
    size_t at = 0;
    for (; at + 64 <= rows; at += 64) {
        uint64_t word = 0;
        for (unsigned k = 0; k < 2; k++) {
            __m256i v = load(codes + at + 32 * k);
            __m256i nibble = _mm256_and_si256(v, low);
            __m256i row = _mm256_blendv_epi8(_mm256_shuffle_epi8(below, nibble),
                                             _mm256_shuffle_epi8(above, nibble), v);
            __m256i high = _mm256_and_si256(_mm256_srli_epi16(v, 4), low);
            __m256i pick = _mm256_shuffle_epi8(bit, high);
            __m256i hit = _mm256_cmpeq_epi8(_mm256_and_si256(row, pick), pick);
            word |= (uint64_t)(uint32_t)_mm256_movemask_epi8(hit) << (32 * k);
        }
        out[at / 64] = word;
    }
    if (at < rows) {
        out[at / 64] = set8_tail(codes + at, rows - at, set);
    }
}

KN_AVX2 static void avx2_few16(const uint16_t *codes, size_t rows, const uint32_t *few,
                               uint32_t count, uint64_t *out)
{
    size_t at = 0;
    for (; at + 64 <= rows; at += 64) {
        uint64_t word = 0;
        for (unsigned k = 0; k < 2; k++) {
            __m256i a = load(codes + at + 32 * k), b = load(codes + at + 32 * k + 16);
            __m256i x = _mm256_setzero_si256(), y = x;
            for (uint32_t i = 0; i < count; i++) {
                __m256i wanted = _mm256_set1_epi16((short)few[i]);
                x = _mm256_or_si256(x, _mm256_cmpeq_epi16(a, wanted));
                y = _mm256_or_si256(y, _mm256_cmpeq_epi16(b, wanted));
            }
            __m256i bytes = _mm256_permute4x64_epi64(_mm256_packs_epi16(x, y), 0xd8);
            word |= (uint64_t)(uint32_t)_mm256_movemask_epi8(bytes) << (32 * k);
        }
        out[at / 64] = word;
    }
    if (at < rows) {
        out[at / 64] = few16_tail(codes + at, rows - at, few, count);
    }
}

KN_AVX2 static void avx2_few32(const uint32_t *codes, size_t rows, const uint32_t *few,
                               uint32_t count, uint64_t *out)
{
    size_t at = 0;
    for (; at + 64 <= rows; at += 64) {
        uint64_t word = 0;
        for (unsigned k = 0; k < 8; k++) {
            __m256i v = load(codes + at + 8 * k), x = _mm256_setzero_si256();
            for (uint32_t i = 0; i < count; i++) {
                x = _mm256_or_si256(x, _mm256_cmpeq_epi32(v, _mm256_set1_epi32((int)few[i])));
            }
            word |= bits8x32(x) << (8 * k);
        }
        out[at / 64] = word;
    }
    if (at < rows) {
        out[at / 64] = few32_tail(codes + at, rows - at, few, count);
    }
}

KN_AVX2 static uint64_t avx2_count(const uint64_t *bits, uint64_t from, uint64_t count)
{
    uint64_t sum = 0;
    while (count > 0) {
        uint32_t step = count < 64 ? (uint32_t)count : 64;
        sum += (uint64_t)__builtin_popcountll(kn_lane_bits(bits, from, step));
        from += step;
        count -= step;
    }
    return sum;
}

KN_AVX2 static uint64_t avx2_group_counts(const uint64_t *bits, uint64_t from,
                                          const uint8_t *counts, uint32_t groups, uint32_t *sums)
{
    const unsigned char *bytes = (const unsigned char *)bits;
    for (uint32_t g = 0; g < groups; g++) {
        uint32_t n = counts[g];
        if (n <= 57) {
            /* Eight bytes from the first bit's byte on hold at least 57 bits. */
            uint64_t word;
            memcpy(&word, bytes + (from >> 3), sizeof word);
            sums[g] += (uint32_t)__builtin_popcountll(_bzhi_u64(word >> (from & 7), n));
        } else {
            sums[g] += (uint32_t)avx2_count(bits, from, n);
        }
        from += n;
    }
    return from;
}

static const struct kn_lanes avx2 = {avx2_span,  avx2_set8,  avx2_few16,
                                     avx2_few32, avx2_count, avx2_group_counts};

const struct kn_lanes *kn_lanes_best(void)
{
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi2") ? &avx2
                                                                            : &kn_lanes_plain;
}
#else
const struct kn_lanes *kn_lanes_best(void)
{
    return &kn_lanes_plain;
}
#endif
