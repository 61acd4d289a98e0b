/* The behaviour store on a disk that fails, is full, or returns other bytes than were written, and
 * without memory. */
#include "columns_model.h"

#include <stdlib.h>

#include "base/mem.h"

static void grow(struct model *m, int steps)
{
    for (int i = 0; i < steps; i++) {
        model_step(m);
    }
}

/* Files, void rows, a pending merge and rows in memory: everything that a fault may hit. */
static struct model *prepared(void)
{
    struct model *m = model_new(3);
    for (int i = 0; i < 4; i++) {
        grow(m, 30);
        model_freeze(m);
        assert_int_equal(model_finish(m), KN_OK);
    }
    model_split(m);
    grow(m, 20);
    return m;
}

static enum kn_rc merge_and_write(struct model *m, struct kn_err *err)
{
    bool more = true;
    enum kn_rc rc = KN_OK;
    while (more && rc == KN_OK) {
        rc = kn_columns_merge_step(m->c, 4000, &more, err);
    }
    return rc;
}

/* One operation of each kind fails, at every place of a merge and a checkpoint. */
static void loses_nothing_to_a_fault(void **state)
{
    (void)state;
    for (enum sim_op op = SIM_OPEN; op < SIM_OPS; op++) {
        for (int full = 0; full < 2; full++) {
            bool failed = true;
            for (uint64_t n = 0; failed; n++) {
                struct model *m = prepared();
                struct kn_err err = {0};
                sim_disk_fail(m->sim, op, n, full ? KN_E_FULL : KN_E_IO);
                (void)merge_and_write(m, &err);
                model_freeze(m);
                grow(m, 3);
                enum kn_rc rc = model_finish(m);
                failed = sim_disk_failures(m->sim) > 0;
                sim_disk_fail(m->sim, op, UINT64_MAX, KN_OK);
                if (rc != KN_OK) {
                    assert_true(failed);
                    model_check(m);
                    assert_int_equal(model_finish(m), KN_OK);
                }
                model_check_all(m);
                assert_true(model_files(m) <= 6);
                model_crash(m);
                model_check_all(m);
                model_free(m);
            }
        }
    }
}

/* The n-th allocation that may fail does: a clean refusal, and nothing is lost. */
static void loses_nothing_to_a_failed_allocation(void **state)
{
    (void)state;
    bool failed = true;
    for (uint64_t n = 0; failed; n += 1 + n / 40) {
        struct kn_err err = {0};
        struct model *m = prepared();
        kn_mem_fail_after(n);
        enum kn_rc merged = merge_and_write(m, &err);
        kn_mem_fail_after(UINT64_MAX);
        model_freeze(m);
        kn_mem_fail_after(n);
        enum kn_rc rc = kn_columns_write(m->c, &err);
        kn_mem_fail_after(UINT64_MAX);
        failed = merged != KN_OK || rc != KN_OK;
        assert_true(merged == KN_OK || merged == KN_E_NOMEM);
        assert_true(rc == KN_OK || rc == KN_E_NOMEM);
        assert_int_equal(model_finish(m), KN_OK);
        model_check_all(m);
        model_crash(m);
        model_check_all(m);
        model_free(m);
    }
}

static bool go_on(void *context, uint32_t ordinal, const struct kn_walk_rows *tables)
{
    (void)context;
    (void)ordinal;
    (void)tables;
    return true;
}

static void pins_or_says_that_memory_is_short(void **state)
{
    (void)state;
    struct kn_walk_table tables[] = {{KN_TABLE_EVENT, KN_STR("A")}, {KN_TABLE_ORDER, {NULL, 0}}};
    bool failed = true;
    struct model *m = prepared();
    m->depth = 2;
    for (uint64_t n = 0; failed; n += 1 + n / 40) {
        struct kn_err err = {0};
        struct kn_columns_pin *pin = NULL;
        grow(m, 40); /* there is something to build */
        kn_mem_fail_after(n);
        enum kn_rc rc = kn_columns_pin(m->c, &pin, &err);
        enum kn_rc walked = rc;
        if (rc == KN_OK) {
            walked = kn_pin_walk(pin, tables, 2, 0, UINT32_MAX, NULL, go_on, NULL, &err);
        }
        kn_mem_fail_after(UINT64_MAX);
        failed = rc != KN_OK || walked != KN_OK;
        assert_true(walked == KN_OK || walked == KN_E_NOMEM);
        kn_columns_unpin(pin);
        model_check(m);
    }
    model_free(m);
}

static void builds_or_says_that_memory_is_short(void **state)
{
    (void)state;
    bool failed = true;
    struct model *m = prepared();
    m->depth = 2;
    for (uint64_t n = 0; failed; n += 1 + n / 40) {
        struct kn_err err = {0};
        bool more = true;
        grow(m, 10);
        kn_mem_fail_after(n);
        enum kn_rc rc = kn_columns_build(m->c, 0, &more, &err);
        kn_mem_fail_after(UINT64_MAX);
        failed = rc != KN_OK;
        assert_true(rc == KN_OK || rc == KN_E_NOMEM);
        if (n % 8 == 0) {
            model_check(m);
        }
    }
    model_check(m);
    model_free(m);
}

static void opens_or_says_that_memory_is_short(void **state)
{
    struct model *m = prepared();
    (void)state;
    model_freeze(m);
    assert_int_equal(model_finish(m), KN_OK);
    kn_columns_close(m->c);
    uint64_t before = kn_mem_bytes();
    enum kn_rc rc = KN_E_NOMEM;
    for (uint64_t n = 0; rc != KN_OK; n++) {
        struct kn_err err = {0};
        kn_mem_fail_after(n);
        rc = model_try_open(m, false, &err);
        kn_mem_fail_after(UINT64_MAX);
        assert_true(rc == KN_OK || (rc == KN_E_NOMEM && kn_mem_bytes() == before));
    }
    model_check_all(m);
    model_free(m);
}

/* A disk too full to merge for as many checkpoints as there may be files, and longer. */
static void bears_many_files(void **state)
{
    struct model *m = model_new(5);
    (void)state;
    for (int i = 0; i < 64; i++) {
        model_event(m);
        model_freeze(m);
        assert_int_equal(model_finish(m), KN_OK);
    }
    assert_false(kn_columns_has_room(m->c));
    model_check_all(m);
    model_crash(m);
    model_merge_all(m);
    assert_true(kn_columns_has_room(m->c));
    assert_true(model_files(m) <= 16);
    model_check_all(m);
    model_free(m);
}

/* Every byte of a file matters. */
static void finds_every_flipped_byte(void **state)
{
    struct model *m = model_new(11);
    struct kn_err err;
    const char *path = "runs/000000000001.col";
    (void)state;
    grow(m, 12);
    model_merge_people(m);
    model_freeze(m);
    assert_int_equal(model_finish(m), KN_OK);
    kn_columns_close(m->c);
    size_t bytes = sim_disk_bytes(m->sim, path).len;
    for (size_t i = 0; i < bytes; i++) {
        assert_true(sim_disk_flip(m->sim, path, i, (unsigned)i));
        enum kn_rc rc = model_try_open(m, true, &err);
        if (rc == KN_OK) {
            rc = kn_columns_verify(m->c, &err);
            kn_columns_close(m->c);
        }
        if (rc != KN_E_CORRUPT && rc != KN_E_VERSION) {
            fail_msg("byte %zu of %zu was not missed", i, bytes);
        }
        assert_non_null(strstr(err.text, path));
        assert_true(rc == KN_E_VERSION || strstr(err.text, "at offset ") != NULL);
        assert_true(sim_disk_flip(m->sim, path, i, (unsigned)i));
    }
    assert_int_equal(model_try_open(m, false, &err), KN_OK);
    model_check_all(m);
    model_free(m);
}

static void refuses_a_bad_manifest(void **state)
{
    struct model *m = prepared();
    struct kn_err err;
    (void)state;
    model_freeze(m);
    assert_int_equal(model_finish(m), KN_OK);
    kn_columns_close(m->c);
    struct kn_buf good = m->manifest;
    for (size_t len = 1; len < good.len; len++) {
        m->manifest = (struct kn_buf){.p = good.p, .len = len};
        assert_int_equal(model_try_open(m, true, &err), KN_E_CORRUPT);
    }
    m->manifest = good;
    assert_int_equal(model_try_open(m, false, &err), KN_OK);
    model_check_all(m);
    model_free(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(loses_nothing_to_a_fault),
        cmocka_unit_test(loses_nothing_to_a_failed_allocation),
        cmocka_unit_test(pins_or_says_that_memory_is_short),
        cmocka_unit_test(builds_or_says_that_memory_is_short),
        cmocka_unit_test(opens_or_says_that_memory_is_short),
        cmocka_unit_test(bears_many_files),
        cmocka_unit_test(finds_every_flipped_byte),
        cmocka_unit_test(refuses_a_bad_manifest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
