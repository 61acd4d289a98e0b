/* The archive against a naive list: appends, late events, masks, merges, pins, pages, restarts. */
#include "archive_model.h"

#include <stdlib.h>

static void agrees_with_a_list(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 80; seed++) {
        struct model *m = model_new(seed);
        for (int step = 0; step < 250; step++) {
            switch (kn_rand_below(&m->rand, 24)) {
            case 0: model_checkpoint(m); break;
            case 1: model_merge(m, 2000); break;
            case 2: model_merge(m, UINT64_MAX); break;
            case 3: model_mask(m); break;
            case 4: model_check(m); break;
            case 5:
                if (kn_rand_chance(&m->rand, 1, 4)) {
                    model_crash(m);
                    model_check_all(m);
                }
                break;
            default:
                for (int i = 0; i < 5; i++) {
                    model_append(m);
                }
            }
        }
        model_checkpoint(m);
        model_crash(m);
        model_check_all(m);
        model_free(m);
    }
}

static void grow(struct model *m, int rows)
{
    for (int i = 0; i < rows; i++) {
        model_append(m);
    }
}

/* A pin reads what was there when it was taken, whatever happens to tails, runs and masks. */
static void pins_stand_still(void **state)
{
    struct model *m = model_new(7);
    struct expectation *e = malloc(sizeof *e);
    struct kn_err err;
    uint32_t people[] = {0, 1, 2, 3};
    struct kn_archive_query q = {
        .order = KN_ARCHIVE_NEWEST_FIRST, .from_us = INT64_MIN, .to_us = INT64_MAX};
    (void)state;
    grow(m, 200);
    model_checkpoint(m);
    grow(m, 100);
    model_mask(m);
    struct kn_archive_pin *pin = kn_archive_pin(m->a, people, 4);
    model_expect(m, people, 4, &q, e);
    for (int i = 0; i < 20; i++) {
        grow(m, 30);
        model_mask(m);
        model_checkpoint(m);
        model_merge(m, UINT64_MAX);
        e->at = 0;
        assert_int_equal(kn_archive_read(pin, &q, model_compare, e, &err), KN_OK);
        assert_int_equal(e->at, e->count);
    }
    kn_archive_unpin(pin);
    model_check_all(m);
    free(e);
    model_free(m);
}

/* Paging in either direction, one row at a time, sees every row once. */
static void pages_through_everything(void **state)
{
    struct model *m = model_new(8);
    struct expectation *all = malloc(sizeof *all);
    struct kn_err err;
    uint32_t person = 3;
    (void)state;
    grow(m, 300);
    model_checkpoint(m);
    grow(m, 200);
    for (enum kn_archive_order o = KN_ARCHIVE_NEWEST_FIRST; o <= KN_ARCHIVE_BY_ARRIVAL; o++) {
        struct kn_archive_query q = {.order = o, .from_us = INT64_MIN, .to_us = INT64_MAX};
        struct kn_archive_pin *pin = kn_archive_pin(m->a, &person, 1);
        model_expect(m, &person, 1, &q, all);
        assert_true(all->count > 10);
        while (all->at < all->count) {
            size_t before = all->at;
            all->stop_after = before + 1;
            assert_int_equal(kn_archive_read(pin, &q, model_compare, all, &err), KN_OK);
            assert_int_equal(all->at, before + 1);
            q.has_after = true;
            q.after_us = all->rows[before].row.event_us;
            q.after_arrival = all->rows[before].row.arrival;
        }
        assert_int_equal(kn_archive_read(pin, &q, model_compare, all, &err), KN_OK);
        kn_archive_unpin(pin);
    }
    free(all);
    model_free(m);
}

/* Rewritten rows leave the disk; masks whose row is gone are forgotten. */
static void merges_leave_masked_rows_out(void **state)
{
    struct model *m = model_new(9);
    struct kn_archive_usage usage;
    (void)state;
    for (int i = 0; i < 2; i++) {
        grow(m, 100);
        model_freeze(m);
        assert_int_equal(model_finish(m), KN_OK);
    }
    size_t masked = 0;
    for (size_t i = 0; i < m->count; i += 2) {
        struct model_row *r = &m->rows[i];
        if (!r->masked) {
            kn_archive_mask(m->a, r->row.ordinal, r->row.arrival, r->row.version);
            r->masked = true;
            masked++;
        }
    }
    model_merge(m, UINT64_MAX);
    model_freeze(m);
    assert_int_equal(model_finish(m), KN_OK);
    kn_archive_usage(m->a, &usage);
    assert_int_equal(usage.masks, 0);
    assert_true(usage.rows == 200 - masked);
    model_crash(m);
    model_check_all(m);
    model_free(m);
}

static void keeps_few_files(void **state)
{
    struct model *m = model_new(10);
    (void)state;
    for (int i = 0; i < 120; i++) {
        grow(m, 20);
        model_checkpoint(m);
        model_merge(m, UINT64_MAX);
        assert_true(model_files(m) <= 12);
    }
    model_check_all(m);
    model_free(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agrees_with_a_list),       cmocka_unit_test(pins_stand_still),
        cmocka_unit_test(pages_through_everything), cmocka_unit_test(merges_leave_masked_rows_out),
        cmocka_unit_test(keeps_few_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
