/* The archive on a disk that fails, is full, or returns other bytes than were written. */
#include "archive_model.h"

#include <stdio.h>

#include "base/mem.h"

static void grow(struct model *m, int rows)
{
    for (int i = 0; i < rows; i++) {
        model_append(m);
    }
}

/* Runs, masks, a pending merge and a frozen tail: everything that a fault may hit. */
static struct model *prepared(void)
{
    struct model *m = model_new(3);
    grow(m, 80);
    model_checkpoint(m);
    grow(m, 80);
    model_checkpoint(m);
    model_mask(m);
    grow(m, 60);
    return m;
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
                bool more = true;
                sim_disk_fail(m->sim, op, n, full ? KN_E_FULL : KN_E_IO);
                while (more && kn_archive_merge_step(m->a, 4000, &more, &err) == KN_OK) {
                }
                model_freeze(m);
                enum kn_rc rc = model_finish(m);
                failed = sim_disk_failures(m->sim) > 0;
                sim_disk_fail(m->sim, op, UINT64_MAX, KN_OK);
                if (rc != KN_OK) {
                    assert_true(failed);
                    model_check(m);
                    assert_int_equal(model_finish(m), KN_OK);
                }
                model_check_all(m);
                assert_true(model_files(m) <= 4);
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
    for (uint64_t n = 0; failed; n++) {
        struct kn_err err = {0};
        bool more = true;
        struct model *m = prepared();
        kn_mem_fail_after(n);
        enum kn_rc merged = KN_OK;
        while (more && merged == KN_OK) {
            merged = kn_archive_merge_step(m->a, 4000, &more, &err);
        }
        model_freeze(m);
        enum kn_rc rc = kn_archive_write(m->a, &err);
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

static bool ignore(void *context, const struct kn_archive_row *row)
{
    (void)context;
    (void)row;
    return true;
}

static void reads_or_says_that_memory_is_short(void **state)
{
    struct model *m = prepared();
    uint32_t people[] = {0, 1, 2};
    (void)state;
    for (enum kn_archive_order o = KN_ARCHIVE_NEWEST_FIRST; o <= KN_ARCHIVE_BY_ARRIVAL; o++) {
        struct kn_archive_query q = {.order = o, .from_us = INT64_MIN, .to_us = INT64_MAX};
        uint64_t before = kn_mem_bytes();
        bool failed = true;
        for (uint64_t n = 0; failed; n++) {
            struct kn_err err = {0};
            kn_mem_fail_after(n);
            struct kn_archive_pin *pin = kn_archive_pin(m->a, people, 3);
            enum kn_rc rc = pin ? kn_archive_read(pin, &q, ignore, NULL, &err) : KN_E_NOMEM;
            kn_archive_unpin(pin);
            kn_mem_fail_after(UINT64_MAX);
            failed = rc != KN_OK;
            assert_true(rc == KN_OK || rc == KN_E_NOMEM);
            assert_int_equal(kn_mem_bytes(), before);
        }
    }
    model_free(m);
}

static void opens_or_says_that_memory_is_short(void **state)
{
    struct model *m = prepared();
    (void)state;
    model_checkpoint(m);
    kn_archive_close(m->a);
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
static void bears_many_runs(void **state)
{
    struct model *m = model_new(5);
    (void)state;
    for (int i = 0; i < 64; i++) {
        model_append(m);
        model_freeze(m);
        assert_int_equal(model_finish(m), KN_OK);
    }
    assert_false(kn_archive_has_room(m->a));
    model_check_all(m);
    model_crash(m);
    model_merge(m, UINT64_MAX);
    assert_true(kn_archive_has_room(m->a));
    model_append(m);
    model_checkpoint(m);
    model_check_all(m);
    model_free(m);
}

/* Every byte of a run matters. */
static void finds_every_flipped_byte(void **state)
{
    struct model *m = model_new(11);
    struct kn_err err;
    const char *path = "runs/000000000001.run";
    (void)state;
    grow(m, 60);
    model_freeze(m);
    assert_int_equal(model_finish(m), KN_OK);
    kn_archive_close(m->a);
    size_t bytes = sim_disk_bytes(m->sim, path).len;
    for (size_t i = 0; i < bytes; i++) {
        assert_true(sim_disk_flip(m->sim, path, i, (unsigned)i));
        enum kn_rc rc = model_try_open(m, true, &err);
        if (rc == KN_OK) {
            rc = kn_archive_verify(m->a, NULL, NULL, &err);
            kn_archive_close(m->a);
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

/* A reader that meets a damaged block says so, and where. */
static void says_which_block_is_damaged(void **state)
{
    struct model *m = model_new(12);
    struct kn_err err;
    uint32_t everyone[PEOPLE] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, UINT32_MAX};
    struct kn_archive_query q = {.from_us = INT64_MIN, .to_us = INT64_MAX};
    (void)state;
    grow(m, 60);
    model_freeze(m);
    assert_int_equal(model_finish(m), KN_OK);
    kn_archive_close(m->a);
    assert_true(sim_disk_flip(m->sim, "runs/000000000001.run", 70, 3));
    assert_int_equal(model_try_open(m, false, &err), KN_OK);
    struct kn_archive_pin *pin = kn_archive_pin(m->a, everyone, PEOPLE);
    assert_int_equal(kn_archive_read(pin, &q, ignore, NULL, &err), KN_E_CORRUPT);
    assert_non_null(strstr(err.text, "runs/000000000001.run at offset 64"));
    kn_archive_unpin(pin);
    model_free(m);
}

static void refuses_a_bad_manifest(void **state)
{
    struct model *m = prepared();
    struct kn_err err;
    (void)state;
    model_checkpoint(m);
    kn_archive_close(m->a);
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
        cmocka_unit_test(reads_or_says_that_memory_is_short),
        cmocka_unit_test(opens_or_says_that_memory_is_short),
        cmocka_unit_test(bears_many_runs),
        cmocka_unit_test(finds_every_flipped_byte),
        cmocka_unit_test(says_which_block_is_damaged),
        cmocka_unit_test(refuses_a_bad_manifest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
