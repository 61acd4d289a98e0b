/* The behaviour store against a naive list. */
#include "columns_model.h"

#include <stdlib.h>

static void agrees_with_a_list_in_memory(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 60; seed++) {
        struct model *m = model_new(seed);
        for (int step = 0; step < 120; step++) {
            struct kn_err err;
            bool more;
            uint64_t count = kn_rand_below(&m->rand, 6);
            for (uint64_t i = 0; i < count; i++) {
                model_step(m);
            }
            if (kn_rand_chance(&m->rand, 1, 3)) {
                uint32_t rows = 1 + (uint32_t)kn_rand_below(&m->rand, 40);
                assert_int_equal(kn_columns_build(m->c, rows, &more, &err), KN_OK);
            }
            if (kn_rand_chance(&m->rand, 1, 8)) {
                model_check(m);
            }
        }
        model_check(m);
        model_free(m);
    }
}

/* Through checkpoints, merges, crashes and restarts. */
static void agrees_with_a_list_on_disk(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 60; seed++) {
        struct model *m = model_new(seed + 1000);
        for (int step = 0; step < 150; step++) {
            struct kn_err err;
            bool more;
            switch (kn_rand_below(&m->rand, 16)) {
            case 0: model_checkpoint(m); break;
            case 1: model_merge(m, 300); break;
            case 2: model_merge(m, UINT64_MAX); break;
            case 3: assert_int_equal(kn_columns_build(m->c, 1, &more, &err), KN_OK); break;
            case 4: model_check(m); break;
            case 5:
                if (kn_rand_chance(&m->rand, 1, 4)) {
                    model_crash(m);
                    model_check_all(m);
                }
                break;
            case 6:
                if (kn_rand_chance(&m->rand, 1, 8)) {
                    kn_columns_purge(m->c);
                }
                break;
            default:
                for (int i = 0; i < 4; i++) {
                    model_step(m);
                }
            }
        }
        model_merge_all(m);
        model_check_all(m);
        model_crash(m);
        model_check_all(m);
        model_free(m);
    }
}

static void pins_stand_still(void **state)
{
    (void)state;
    struct model *m = model_new(77);
    struct kn_err err;
    enum { PINS = 12 };
    struct kn_columns_pin *pins[PINS];
    struct model_rows then[PINS];
    for (int i = 0; i < PINS; i++) {
        for (int k = 0; k < 60; k++) {
            model_step(m);
        }
        if (i % 3 == 2) {
            model_merge(m, UINT64_MAX);
            model_checkpoint(m);
        }
        assert_int_equal(kn_columns_pin(m->c, &pins[i], &err), KN_OK);
        then[i] = model_copy(&m->now);
        for (int k = 0; k <= i; k++) {
            model_check_pin(pins[k], &then[k]);
        }
    }
    for (int i = 0; i < PINS; i++) {
        kn_columns_unpin(pins[i]);
        free(then[i].rows);
    }
    model_free(m);
}

struct visit {
    uint32_t ordinals[64];
    uint32_t rows[64][3];
    uint32_t count, stop_after;
};

static bool note_visit(void *context, uint32_t ordinal, const struct kn_walk_rows *tables)
{
    struct visit *v = context;
    assert_true(v->count < 64 && (v->count == 0 || v->ordinals[v->count - 1] < ordinal));
    v->ordinals[v->count] = ordinal;
    for (int i = 0; i < 3; i++) {
        v->rows[v->count][i] = tables[i].count;
        for (uint32_t k = 1; k < tables[i].count; k++) {
            assert_true(tables[i].rows[k - 1].us <= tables[i].rows[k].us);
        }
    }
    v->count++;
    return v->count != v->stop_after;
}

static struct visit walk(const struct kn_columns_pin *pin, uint32_t first, uint32_t end,
                         const uint64_t *only, uint32_t stop_after)
{
    static const struct kn_walk_table tables[] = {{KN_TABLE_EVENT, {"A", 1}},
                                                  {KN_TABLE_ORDER, {NULL, 0}},
                                                  {KN_TABLE_EVENT, {"Page Viewed", 11}}};
    struct visit v = {.stop_after = stop_after};
    struct kn_err err;
    assert_int_equal(kn_pin_walk(pin, tables, 3, first, end, only, note_visit, &v, &err), KN_OK);
    return v;
}

/* Ranges, a choice of ordinals, and an early end give parts of the whole. */
static void walks_in_parts(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 30; seed++) {
        struct model *m = model_new(seed + 5000);
        struct kn_columns_pin *pin;
        struct kn_err err;
        for (int i = 0; i < 150; i++) {
            model_step(m);
            if (i % 50 == 20) {
                model_checkpoint(m);
                model_merge(m, UINT64_MAX);
            }
        }
        assert_int_equal(kn_columns_pin(m->c, &pin, &err), KN_OK);
        struct visit all = walk(pin, 0, UINT32_MAX, NULL, 0);
        uint64_t only = kn_rand_u64(&m->rand);
        uint32_t at = 0;
        for (uint32_t first = 0; first < pin->ordinal_end; first += 3) {
            struct visit part = walk(pin, first, first + 3, NULL, 0);
            for (uint32_t i = 0; i < part.count; i++, at++) {
                assert_int_equal(part.ordinals[i], all.ordinals[at]);
                assert_memory_equal(part.rows[i], all.rows[at], sizeof part.rows[i]);
            }
        }
        assert_int_equal(at, all.count);
        struct visit chosen = walk(pin, 0, UINT32_MAX, &only, 0);
        at = 0;
        for (uint32_t i = 0; i < all.count; i++) {
            if (only >> all.ordinals[i] & 1) {
                assert_int_equal(chosen.ordinals[at++], all.ordinals[i]);
            }
        }
        assert_int_equal(at, chosen.count);
        assert_int_equal(walk(pin, 0, UINT32_MAX, NULL, 2).count, all.count < 2 ? all.count : 2);
        kn_columns_unpin(pin);
        model_free(m);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agrees_with_a_list_in_memory),
        cmocka_unit_test(agrees_with_a_list_on_disk),
        cmocka_unit_test(pins_stand_still),
        cmocka_unit_test(walks_in_parts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
