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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agrees_with_a_list_in_memory),
        cmocka_unit_test(agrees_with_a_list_on_disk),
        cmocka_unit_test(pins_stand_still),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
