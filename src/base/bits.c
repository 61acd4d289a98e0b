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

/* The words from i on. */
static void meet_rest(uint64_t *to, const uint64_t *base, const struct kn_bits_term *terms,
                      size_t count, size_t i, size_t words)
{
    for (; i < words; i++) {
        uint64_t word = base[i];
        for (size_t k = 0; k < count; k++) {
            word &= terms[k].flip ? ~terms[k].bits[i] : terms[k].bits[i];
        }
        to[i] = word;
    }
}

static void plain_meet(uint64_t *to, const uint64_t *base, const struct kn_bits_term *terms,
                       size_t count, size_t words)
{
    meet_rest(to, base, terms, count, 0, words);
}

const struct kn_bits_ops kn_bits_plain = {plain_both, plain_either, plain_without, plain_count,
                                          plain_meet};

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

KN_AVX2 static void avx2_meet(uint64_t *to, const uint64_t *base, const struct kn_bits_term *terms,
                              size_t count, size_t words)
{
    size_t i = 0;
    for (; i + 8 <= words; i += 8) {
        __m256i a = _mm256_loadu_si256((const __m256i *)(const void *)(base + i));
        __m256i b = _mm256_loadu_si256((const __m256i *)(const void *)(base + i + 4));
        for (size_t k = 0; k < count; k++) {
            const __m256i *other = (const __m256i *)(const void *)(terms[k].bits + i);
            __m256i flip = _mm256_set1_epi64x(-(long long)terms[k].flip);
            a = _mm256_and_si256(a, _mm256_xor_si256(_mm256_loadu_si256(other), flip));
            b = _mm256_and_si256(b, _mm256_xor_si256(_mm256_loadu_si256(other + 1), flip));
        }
        _mm256_storeu_si256((__m256i *)(void *)(to + i), a);
        _mm256_storeu_si256((__m256i *)(void *)(to + i + 4), b);
    }
    meet_rest(to, base, terms, count, i, words);
}

static const struct kn_bits_ops avx2 = {avx2_both, avx2_either, avx2_without, avx2_count,
                                        avx2_meet};

#define KN_AVX512 __attribute__((target("avx512f,avx512vpopcntdq,popcnt")))

KN_AVX512 static uint64_t avx512_count(const uint64_t *bits, size_t words)
{
    __m512i sums[2] = {_mm512_setzero_si512(), _mm512_setzero_si512()};
    size_t i = 0;
    for (; i + 16 <= words; i += 16) {
        sums[0] = _mm512_add_epi64(sums[0], _mm512_popcnt_epi64(_mm512_loadu_si512(bits + i)));
        sums[1] = _mm512_add_epi64(sums[1], _mm512_popcnt_epi64(_mm512_loadu_si512(bits + i + 8)));
    }
    uint64_t sum = (uint64_t)_mm512_reduce_add_epi64(_mm512_add_epi64(sums[0], sums[1]));
    for (; i < words; i++) {
        sum += (uint64_t)__builtin_popcountll(bits[i]);
    }
    return sum;
}

KN_AVX512 static void avx512_meet(uint64_t *to, const uint64_t *base,
                                  const struct kn_bits_term *terms, size_t count, size_t words)
{
    size_t i = 0;
    for (; i + 16 <= words; i += 16) {
        __m512i a = _mm512_loadu_si512(base + i);
        __m512i b = _mm512_loadu_si512(base + i + 8);
        for (size_t k = 0; k < count; k++) {
            __m512i flip = _mm512_set1_epi64(-(long long)terms[k].flip);
            const uint64_t *other = terms[k].bits + i;
            a = _mm512_and_si512(a, _mm512_xor_si512(_mm512_loadu_si512(other), flip));
            b = _mm512_and_si512(b, _mm512_xor_si512(_mm512_loadu_si512(other + 8), flip));
        }
        _mm512_storeu_si512(to + i, a);
        _mm512_storeu_si512(to + i + 8, b);
    }
    meet_rest(to, base, terms, count, i, words);
}

static const struct kn_bits_ops avx512 = {avx2_both, avx2_either, avx2_without, avx512_count,
                                          avx512_meet};

size_t kn_bits_ways(const struct kn_bits_ops *ret[KN_BITS_WAYS])
{
    bool has_avx2 = __builtin_cpu_supports("avx2");
    size_t n = 0;
    ret[n++] = &kn_bits_plain;
    if (has_avx2) {
        ret[n++] = &avx2;
    }
    if (has_avx2 && __builtin_cpu_supports("avx512vpopcntdq")) {
        ret[n++] = &avx512;
    }
    return n;
}
#else
size_t kn_bits_ways(const struct kn_bits_ops *ret[KN_BITS_WAYS])
{
    ret[0] = &kn_bits_plain;
    return 1;
}
#endif

const struct kn_bits_ops *kn_bits_best(void)
{
    const struct kn_bits_ops *ways[KN_BITS_WAYS];
    return ways[kn_bits_ways(ways) - 1];
}
