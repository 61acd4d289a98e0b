/* Vector code against plain code: the loops over columns and over sets. */
#include "cm.h"

#include <string.h>

#include "base/bits.h"
#include "base/rand.h"
#include "segment/bulk_lanes.h"

enum { ROWS = 1000, WORDS = ROWS / 64 + 2, ROUNDS = 3000 };

struct columns {
    uint8_t narrow[ROWS];
    uint16_t middle[ROWS];
    uint32_t wide[ROWS];
};

static struct columns random_columns(struct kn_rand *r)
{
    struct columns c;
    uint64_t span = kn_rand_chance(r, 1, 2) ? 5 : 1U << 30;
    for (int i = 0; i < ROWS; i++) {
        c.narrow[i] = (uint8_t)kn_rand_u64(r);
        c.middle[i] = (uint16_t)kn_rand_below(r, span);
        c.wide[i] = (uint32_t)kn_rand_below(r, span) * (kn_rand_chance(r, 1, 9) ? 4 : 1);
    }
    return c;
}

static void same_bits(const uint64_t *a, const uint64_t *b, size_t rows)
{
    assert_memory_equal(a, b, kn_bits_words(rows) * sizeof *a);
}

static void spans_agree(void **state)
{
    struct kn_rand r = kn_rand_seed(1);
    const struct kn_lanes *best = kn_lanes_best();
    (void)state;
    for (int round = 0; round < ROUNDS; round++) {
        struct columns c = random_columns(&r);
        uint64_t a[WORDS] = {0}, b[WORDS] = {0}, on_a[WORDS] = {0}, on_b[WORDS] = {0};
        size_t from = kn_rand_below(&r, ROWS), rows = kn_rand_below(&r, ROWS - from + 1);
        uint32_t x = c.wide[kn_rand_below(&r, ROWS)], y = c.wide[kn_rand_below(&r, ROWS)];
        struct kn_lane_span span = {kn_rand_chance(&r, 1, 9),
                                    x < y ? x : y,
                                    x < y ? y : x,
                                    {kn_rand_chance(&r, 1, 2) ? UINT32_MAX : x - 1, y + 1}};
        bool any = kn_lanes_plain.span(c.wide + from, rows, &span, a, on_a);
        assert_int_equal(best->span(c.wide + from, rows, &span, b, on_b), any);
        same_bits(a, b, rows);
        same_bits(on_a, on_b, rows);
        for (size_t i = 0; i < rows; i++) {
            uint32_t v = c.wide[from + i];
            bool in = !span.none && v >= span.first && v <= span.last;
            assert_int_equal(a[i / 64] >> i % 64 & 1, in);
        }
    }
}

static void codes_agree(void **state)
{
    struct kn_rand r = kn_rand_seed(2);
    const struct kn_lanes *best = kn_lanes_best();
    (void)state;
    for (int round = 0; round < ROUNDS; round++) {
        struct columns c = random_columns(&r);
        struct kn_lane_set8 set = {{0}};
        bool member[256] = {false};
        uint64_t a[WORDS] = {0}, b[WORDS] = {0};
        uint32_t few[KN_LANE_FEW], count = 1 + (uint32_t)kn_rand_below(&r, KN_LANE_FEW);
        size_t from = kn_rand_below(&r, ROWS), rows = kn_rand_below(&r, ROWS - from + 1);
        for (uint64_t i = kn_rand_below(&r, 256); i > 0; i--) {
            uint8_t code = (uint8_t)kn_rand_u64(&r);
            kn_lane_set8_add(&set, code);
            member[code] = true;
        }
        kn_lanes_plain.set8(c.narrow + from, rows, &set, a);
        best->set8(c.narrow + from, rows, &set, b);
        same_bits(a, b, rows);
        for (size_t i = 0; i < rows; i++) {
            assert_int_equal(a[i / 64] >> i % 64 & 1, member[c.narrow[from + i]]);
        }
        for (uint32_t i = 0; i < count; i++) {
            few[i] = c.middle[kn_rand_below(&r, ROWS)];
        }
        kn_lanes_plain.few16(c.middle + from, rows, few, count, a);
        best->few16(c.middle + from, rows, few, count, b);
        same_bits(a, b, rows);
        for (uint32_t i = 0; i < count; i++) {
            few[i] = c.wide[kn_rand_below(&r, ROWS)];
        }
        kn_lanes_plain.few32(c.wide + from, rows, few, count, a);
        best->few32(c.wide + from, rows, few, count, b);
        same_bits(a, b, rows);
    }
}

static void groups_agree(void **state)
{
    struct kn_rand r = kn_rand_seed(3);
    const struct kn_lanes *best = kn_lanes_best();
    (void)state;
    for (int round = 0; round < ROUNDS; round++) {
        uint64_t bits[WORDS];
        uint8_t counts[ROWS];
        uint32_t a[ROWS] = {0}, b[ROWS] = {0}, groups = 0;
        uint64_t rows = 0, most = 1 + kn_rand_below(&r, kn_rand_chance(&r, 1, 2) ? 6 : 254);
        for (int i = 0; i < WORDS; i++) {
            bits[i] = kn_rand_u64(&r) & kn_rand_u64(&r);
        }
        for (;;) {
            uint64_t size = 1 + kn_rand_below(&r, most);
            if (rows + size > ROWS) {
                break;
            }
            counts[groups++] = (uint8_t)size;
            rows += size;
        }
        assert_int_equal(kn_lanes_plain.group_counts(bits, 0, counts, groups, a), rows);
        assert_int_equal(best->group_counts(bits, 0, counts, groups, b), rows);
        uint64_t from = kn_rand_below(&r, rows + 1), some = kn_rand_below(&r, rows - from + 1);
        assert_int_equal(kn_lanes_plain.count(bits, from, some), best->count(bits, from, some));
        assert_memory_equal(a, b, groups * sizeof *a);
        uint64_t at = 0;
        for (uint32_t g = 0; g < groups; g++) {
            uint32_t sum = 0;
            for (unsigned i = 0; i < counts[g]; i++, at++) {
                sum += (uint32_t)(bits[at / 64] >> at % 64 & 1);
            }
            assert_int_equal(sum, a[g]);
        }
    }
}

static void sets_agree_one(struct kn_rand *r, const struct kn_bits_ops *way, int round)
{
    const struct kn_bits_ops *plain = &kn_bits_plain;
    void (*const ops[3][2])(uint64_t *, const uint64_t *, size_t) = {
        {plain->both, way->both}, {plain->either, way->either}, {plain->without, way->without}};
    uint64_t x[WORDS], y[WORDS], z[WORDS], other[WORDS];
    size_t words = kn_rand_below(r, WORDS + 1);
    for (int i = 0; i < WORDS; i++) {
        x[i] = z[i] = kn_rand_u64(r);
        y[i] = kn_rand_u64(r) & kn_rand_u64(r);
        other[i] = kn_rand_u64(r) | kn_rand_u64(r);
    }
    assert_int_equal(plain->count(x, words), way->count(x, words));
    ops[round % 3][0](x, y, words);
    ops[round % 3][1](z, y, words);
    assert_memory_equal(x, z, sizeof x);
    struct kn_bits_term terms[] = {{y, kn_rand_chance(r, 1, 2)}, {other, kn_rand_chance(r, 1, 2)}};
    size_t count = kn_rand_below(r, 3);
    for (size_t i = 0; i < words; i++) {
        for (size_t k = 0; k < count; k++) {
            x[i] &= terms[k].bits[i] ^ -(uint64_t)terms[k].flip;
        }
    }
    way->meet(z, z, terms, count, words);
    assert_memory_equal(x, z, sizeof x);
}

static void sets_agree(void **state)
{
    struct kn_rand r = kn_rand_seed(4);
    const struct kn_bits_ops *ways[KN_BITS_WAYS];
    size_t count = kn_bits_ways(ways);
    (void)state;
    assert_ptr_equal(ways[count - 1], kn_bits_best());
    for (size_t w = 0; w < count; w++) {
        ways[w]->both(NULL, NULL, 0); /* nothing at all is a set too */
        ways[w]->either(NULL, NULL, 0);
        ways[w]->without(NULL, NULL, 0);
        ways[w]->meet(NULL, NULL, NULL, 0, 0);
        assert_int_equal(ways[w]->count(NULL, 0), 0);
        for (int round = 0; round < ROUNDS; round++) {
            sets_agree_one(&r, ways[w], round);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(spans_agree),
        cmocka_unit_test(codes_agree),
        cmocka_unit_test(groups_agree),
        cmocka_unit_test(sets_agree),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
