/* Stored segments combined by the bulk driver, over more profiles than a chunk has: random trees of
 * AND, OR and NOT against the same tree decided profile by profile. Some ordinals are no profile,
 * and some segments nobody knows. */
#include "cm.h"

#include "base/rand.h"
#include "behaviour/columns_load.h"
#include "format/zone.h"
#include "segment/bulk.h"
#include "sim/sim_disk.h"

enum { ORDINALS = 2 * 32768 + 777, WORDS = ORDINALS / 64 + 1, SETS = 12, KNOWN = 11, ROUNDS = 60 };

struct shop {
    struct kn_columns *columns;
    struct kn_columns_pin *pin;
    struct kn_zone *zone;
    struct sim_disk *sim;
    uint64_t live[WORDS];
    uint64_t sets[SETS][WORDS]; /* the last one is not known */
    struct kn_rand rand;
};

/* Words where bits are rare, common, all or none. */
static void fill(struct kn_rand *r, uint64_t *bits)
{
    for (size_t w = 0; w < WORDS; w++) {
        uint64_t one = kn_rand_u64(r), other = kn_rand_u64(r);
        switch (kn_rand_below(r, 5)) {
        case 0: bits[w] = one & other; break;
        case 1: bits[w] = one | other; break;
        case 2: bits[w] = 0; break;
        case 3: bits[w] = UINT64_MAX; break;
        default: bits[w] = one;
        }
    }
}

static void load(struct shop *s)
{
    struct kn_columns_load *load;
    struct kn_err err;
    assert_int_equal(kn_columns_load_begin(s->columns, &load, &err), KN_OK);
    assert_int_equal(kn_columns_load_table(load, KN_TABLE_PROFILE, KN_STR_EMPTY, NULL, 0, &err), 0);
    for (uint32_t o = 0; o < ORDINALS; o++) {
        bool is_profile = o == ORDINALS - 1 || !kn_rand_chance(&s->rand, 1, 10);
        if (is_profile) {
            s->live[o / 64] |= UINT64_C(1) << (o % 64);
            assert_int_equal(kn_columns_load_row(load, o, 0, o, NULL, &err), KN_OK);
        }
    }
    assert_int_equal(kn_columns_load_finish(load, &err), KN_OK);
    kn_columns_load_free(load);
}

static struct shop *open_shop(uint64_t seed)
{
    struct shop *s = test_calloc(1, sizeof *s);
    struct kn_columns_options options = {.dir = "runs"};
    struct kn_err err;
    s->rand = kn_rand_seed(seed);
    s->sim = sim_disk_new(seed);
    assert_int_equal(kn_zone_parse(KN_STR("UTC0"), &s->zone, &err), KN_OK);
    assert_int_equal(kn_columns_open(sim_disk_interface(s->sim), &options, KN_STR_EMPTY, false,
                                     &s->columns, &err),
                     KN_OK);
    load(s);
    assert_int_equal(kn_columns_pin(s->columns, &s->pin, &err), KN_OK);
    assert_int_equal(s->pin->ordinal_end, ORDINALS);
    for (int i = 0; i < KNOWN; i++) {
        fill(&s->rand, s->sets[i]);
    }
    return s;
}

static void close_shop(struct shop *s)
{
    kn_columns_unpin(s->pin);
    kn_columns_close(s->columns);
    kn_zone_free(s->zone);
    sim_disk_free(s->sim);
    test_free(s);
}

static const uint64_t *members_of(void *context, struct kn_str key)
{
    const struct shop *s = context;
    int set = key.p[0] - 'a';
    return set < KNOWN ? s->sets[set] : NULL;
}

/* ---- trees ---- */

/* Writes a random tree, and computes it into `out` word by word. */
static void put_tree(struct shop *s, struct kn_buf *text, unsigned depth, uint64_t *out)
{
    struct kn_rand *r = &s->rand;
    bool negated = kn_rand_chance(r, 1, 3);
    kn_buf_c(text, negated ? "NOT " : "");
    if (depth == 0 || kn_rand_chance(r, 1, 3)) {
        int set = (int)kn_rand_below(r, SETS);
        kn_buf_printf(text, "segment('%c')", 'a' + set);
        memcpy(out, s->sets[set], WORDS * sizeof *out);
    } else {
        bool both = kn_rand_chance(r, 2, 3);
        uint64_t kids = 2 + kn_rand_below(r, kn_rand_chance(r, 1, 4) ? 11 : 2);
        uint64_t *kid = test_calloc(WORDS, sizeof *kid);
        memset(out, both ? 0xff : 0, WORDS * sizeof *out);
        kn_buf_char(text, '(');
        for (uint64_t k = 0; k < kids; k++) {
            kn_buf_c(text, k == 0 ? "" : both ? " AND " : " OR ");
            put_tree(s, text, kids > 4 ? 0 : depth - 1, kid);
            for (size_t w = 0; w < WORDS; w++) {
                out[w] = both ? out[w] & kid[w] : out[w] | kid[w];
            }
        }
        kn_buf_char(text, ')');
        test_free(kid);
    }
    for (size_t w = 0; negated && w < WORDS; w++) {
        out[w] = ~out[w];
    }
}

static void check_tree(struct shop *s, bool plain)
{
    struct kn_arena arena;
    struct kn_query query;
    struct kn_err err;
    struct kn_buf text;
    const struct kn_definition *definition;
    struct kn_definition_options made_with = {.zone = s->zone};
    struct kn_bulk_options options = {
        .pin = s->pin, .now_us = 1, .members = members_of, .context = s, .plain = plain};
    uint64_t *want = test_calloc(WORDS, sizeof *want);
    uint64_t *members = test_calloc(WORDS, sizeof *members);
    kn_arena_init(&arena, 1 << 24);
    kn_buf_init(&text, 1 << 20);
    put_tree(s, &text, 3, want);
    assert_int_equal(kn_query_parse(kn_buf_view(&text), KN_QUERY_SEGMENT, &arena, &query, &err),
                     KN_OK);
    assert_int_equal(kn_definition_make(&query, &made_with, &arena, &definition, &err), KN_OK);
    assert_int_equal(kn_bulk(definition, &options, members, NULL, &err), KN_OK);
    for (size_t w = 0; w < WORDS; w++) {
        if (members[w] != (want[w] & s->live[w])) {
            fail_msg("ordinals from %zu: %.*s", w * 64, KN_STR_ARG(kn_buf_view(&text)));
        }
    }
    kn_buf_deinit(&text);
    kn_arena_deinit(&arena);
    test_free(members);
    test_free(want);
}

static void trees_of_sets(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 3; seed++) {
        struct shop *s = open_shop(seed);
        for (int round = 0; round < ROUNDS; round++) {
            check_tree(s, round % 3 == 0);
        }
        close_shop(s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(trees_of_sets)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
