#include "base/bits.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

static void plain_both(uint64_t *to, const uint64_t *other, size_t words)
{
    for (size_t i = 0; i < words; i++) {
        to[i] &= other[i];
    }
}

static void plain_either(uint64_t *to, const uint64_t *other, size_t words)
{
    for (size_t i = 0; i < words; i++) {
        to[i] |= other[i];
    }
}

static void plain_without(uint64_t *to, const uint64_t *other, size_t words)
{
    for (size_t i = 0; i < words; i++) {
        to[i] &= ~other[i];
    }
}

static uint64_t plain_count(const uint64_t *bits, size_t words)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < words; i++) {
        sum += (uint64_t)__builtin_popcountll(bits[i]);
    }
    return sum;
}

const struct kn_bits_ops kn_bits_plain = {plain_both, plain_either, plain_without, plain_count};

#if defined(__x86_64__)
#define KN_AVX2 __attribute__((target("avx2,popcnt")))

KN_AVX2 static void avx2_both(uint64_t *to, const uint64_t *other, size_t words)
{
    size_t i = 0;
    for (; i + 4 <= words; i += 4) {
        __m256i a = _mm256_loadu_si256((const __m256i *)(const void *)(to + i));
        __m256i b = _mm256_loadu_si256((const __m256i *)(const void *)(other + i));
        _mm256_storeu_si256((__m256i *)(void *)(to + i), _mm256_and_si256(a, b));
    }
    for (; i < words; i++) {
        to[i] &= other[i];
    }
}

KN_AVX2 static void avx2_either(uint64_t *to, const uint64_t *other, size_t words)
{
    size_t i = 0;
    for (; i + 4 <= words; i += 4) {
        __m256i a = _mm256_loadu_si256((const __m256i *)(const void *)(to + i));
        __m256i b = _mm256_loadu_si256((const __m256i *)(const void *)(other + i));
        _mm256_storeu_si256((__m256i *)(void *)(to + i), _mm256_or_si256(a, b));
    }
    for (; i < words; i++) {
        to[i] |= other[i];
    }
}

KN_AVX2 static void avx2_without(uint64_t *to, const uint64_t *other, size_t words)
{
    size_t i = 0;
    for (; i + 4 <= words; i += 4) {
        __m256i a = _mm256_loadu_si256((const __m256i *)(const void *)(to + i));
        __m256i b = _mm256_loadu_si256((const __m256i *)(const void *)(other + i));
        _mm256_storeu_si256((__m256i *)(void *)(to + i), _mm256_andnot_si256(b, a));
    }
    for (; i < words; i++) {
        to[i] &= ~other[i];
    }
}

/* Bits of each byte by a table of nibbles, summed per 8 bytes (Mula, Kurz, Lemire: "Faster
 * population counts using AVX2 instructions", 2018). */
KN_AVX2 static uint64_t avx2_count(const uint64_t *bits, size_t words)
{
    const __m256i table = _mm256_setr_epi8(0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4, 0, 1, 1,
                                           2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4);
    const __m256i low = _mm256_set1_epi8(15);
    __m256i sums = _mm256_setzero_si256();
    size_t i = 0;
    for (; i + 4 <= words; i += 4) {
        __m256i v = _mm256_loadu_si256((const __m256i *)(const void *)(bits + i));
        __m256i a = _mm256_shuffle_epi8(table, _mm256_and_si256(v, low));
        __m256i b = _mm256_shuffle_epi8(table, _mm256_and_si256(_mm256_srli_epi16(v, 4), low));
        sums =
            _mm256_add_epi64(sums, _mm256_sad_epu8(_mm256_add_epi8(a, b), _mm256_setzero_si256()));
    }
    uint64_t parts[4];
    _mm256_storeu_si256((__m256i *)(void *)parts, sums);
    uint64_t sum = parts[0] + parts[1] + parts[2] + parts[3];
    for (; i < words; i++) {
        sum += (uint64_t)__builtin_popcountll(bits[i]);
    }
    return sum;
}

static const struct kn_bits_ops avx2 = {avx2_both, avx2_either, avx2_without, avx2_count};

const struct kn_bits_ops *kn_bits_best(void)
{
    return __builtin_cpu_supports("avx2") ? &avx2 : &kn_bits_plain;
}
#else
const struct kn_bits_ops *kn_bits_best(void)
{
    return &kn_bits_plain;
}
#endif
