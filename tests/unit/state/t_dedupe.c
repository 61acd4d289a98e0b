/* Deduplication against a naive table of (hash, hour), through checkpoints, restarts, faults, the
 * limit and damage. */
#include "cm.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "sim/sim_disk.h"
#include "state/dedupe.h"

enum { WINDOW = 24, IDS = 3000 };

struct model {
    struct sim_disk *sim;
    struct kn_dedupe *d;
    struct kn_rand rand;
    struct kn_buf manifest; /* of the last commit */
    int64_t hour;
    int64_t now[IDS], kept[IDS]; /* when remembered; at the last commit; -1000 = never */
    unsigned window;
    uint64_t entries_max;
};

static struct kn_h128 hash_of(size_t id)
{
    static struct kn_hash_key key;
    static bool made;
    char text[32];
    if (!made) {
        key = kn_hash_key_from(KN_STR("test"));
        made = true;
    }
    (void)snprintf(text, sizeof text, "message %zu", id);
    return kn_hash(&key, kn_str_c(text));
}

static enum kn_rc try_open(struct model *m, struct kn_err *err)
{
    struct kn_dedupe_options o = {
        .dir = "dedupe", .window_hours = m->window, .entries_max = m->entries_max};
    return kn_dedupe_open(sim_disk_interface(m->sim), &o, kn_buf_view(&m->manifest), false, &m->d,
                          err);
}

static void open_model(struct model *m)
{
    struct kn_err err = {0};
    if (try_open(m, &err) != KN_OK) {
        fail_msg("open: %s", err.text);
    }
}

static struct model *begin(uint64_t seed, unsigned window, uint64_t entries_max)
{
    struct model *m = calloc(1, sizeof *m);
    *m = (struct model){.sim = sim_disk_new(seed),
                        .rand = kn_rand_seed(seed),
                        .hour = 490000,
                        .window = window,
                        .entries_max = entries_max};
    for (size_t i = 0; i < IDS; i++) {
        m->now[i] = m->kept[i] = -1000;
    }
    kn_buf_init(&m->manifest, 1 << 20);
    open_model(m);
    return m;
}

static void end(struct model *m)
{
    kn_dedupe_close(m->d);
    sim_disk_free(m->sim);
    kn_buf_deinit(&m->manifest);
    free(m);
}

static size_t files(struct model *m)
{
    size_t count = 0;
    char path[64];
    for (unsigned i = 1; i < 2000; i++) {
        (void)snprintf(path, sizeof path, "dedupe/%012u.dup", i);
        count += sim_disk_bytes(m->sim, path).p != NULL ? 1 : 0;
    }
    return count;
}

static void look_up(struct model *m, size_t id)
{
    bool wanted = m->hour - m->now[id] <= (int64_t)m->window;
    bool seen = kn_dedupe_seen(m->d, hash_of(id), m->hour);
    if (seen != wanted) {
        fail_msg("id %zu at hour %lld, remembered at %lld: answered %d", id, (long long)m->hour,
                 (long long)m->now[id], seen);
    }
    m->now[id] = wanted ? m->now[id] : m->hour;
}

static enum kn_rc finish(struct model *m)
{
    struct kn_err err = {0};
    enum kn_rc rc = kn_dedupe_write(m->d, &err);
    if (rc == KN_OK) {
        kn_buf_clear(&m->manifest);
        kn_dedupe_manifest(m->d, &m->manifest);
        kn_dedupe_install(m->d);
    }
    return rc;
}

static void checkpoint(struct model *m)
{
    memcpy(m->kept, m->now, sizeof m->kept);
    kn_dedupe_freeze(m->d, m->hour);
    for (int i = 0; i < 20; i++) { /* lookups go on meanwhile; what they add comes next time */
        look_up(m, kn_rand_below(&m->rand, IDS));
    }
    assert_int_equal(finish(m), KN_OK);
}

static void crash(struct model *m)
{
    kn_dedupe_close(m->d);
    sim_disk_crash(m->sim);
    sim_disk_set_capacity(m->sim, UINT64_MAX);
    memcpy(m->now, m->kept, sizeof m->now);
    open_model(m);
}

static void agrees_with_a_table(void **state)
{
    struct kn_err err;
    (void)state;
    for (uint64_t seed = 1; seed <= 60; seed++) {
        unsigned window = seed % 3 == 0 ? 200 : seed % 3 == 1 ? WINDOW : 1;
        struct model *m = begin(seed, window, 100000000);
        for (int step = 0; step < 60; step++) {
            uint64_t what = kn_rand_below(&m->rand, 12);
            m->hour += what < 6 ? kn_rand_between(&m->rand, 0, 3) : 0;
            m->hour += what == 6 ? kn_rand_between(&m->rand, 0, 400) : 0;
            if (what == 7) {
                checkpoint(m);
            } else if (what == 8) {
                crash(m);
            }
            size_t base = kn_rand_below(&m->rand, IDS);
            for (size_t i = 0; i < 300; i++) {
                look_up(m, (base + kn_rand_below(&m->rand, 200)) % IDS);
            }
        }
        checkpoint(m);
        assert_int_equal(kn_dedupe_verify(m->d, &err), KN_OK);
        struct kn_dedupe_usage usage;
        kn_dedupe_usage(m->d, &usage);
        assert_int_equal(usage.dropped, 0);
        crash(m);
        for (size_t i = 0; i < IDS; i++) {
            look_up(m, i);
        }
        end(m);
    }
}

/* Merging keeps few runs, and leaves no file behind that no run is in. */
static void leaves_no_files_behind(void **state)
{
    struct model *m = begin(3, WINDOW, 100000000);
    (void)state;
    for (int round = 0; round < 100; round++) {
        for (size_t i = 0; i < 30; i++) {
            look_up(m, ((size_t)round * 30 + i) % IDS);
        }
        m->hour += round % 4 == 0 ? 1 : 0;
        checkpoint(m);
        assert_true(files(m) <= 8);
    }
    crash(m);
    size_t before = files(m);
    assert_true(before <= 8);
    /* What an interrupted checkpoint left goes at the next start. */
    look_up(m, 17);
    kn_dedupe_freeze(m->d, m->hour);
    struct kn_err err;
    assert_int_equal(kn_dedupe_write(m->d, &err), KN_OK);
    crash(m);
    struct kn_disk disk = sim_disk_interface(m->sim);
    assert_int_equal(kn_disk_sync_dir(disk, "dedupe", &err), KN_OK);
    assert_int_equal(files(m), before);
    end(m);
}

static void remember(struct model *m, size_t first, size_t count)
{
    for (size_t i = first; i < first + count; i++) {
        m->now[i] = -1000;
        (void)kn_dedupe_seen(m->d, hash_of(i), m->hour);
        m->now[i] = m->hour;
    }
    checkpoint(m);
}

/* Above the limit the oldest run goes, and is counted. */
static void drops_the_oldest_above_the_limit(void **state)
{
    struct model *m = begin(5, WINDOW, 1000);
    struct kn_dedupe_usage usage;
    (void)state;
    m->rand = kn_rand_seed(0);
    remember(m, 0, 800);
    kn_dedupe_usage(m->d, &usage);
    assert_int_equal(usage.dropped, 0);
    remember(m, 1000, 300);
    kn_dedupe_usage(m->d, &usage);
    assert_true(usage.dropped >= 800);
    assert_true(usage.entries <= 1000);
    /* The new ones are known, at least one of the old is not. */
    for (size_t i = 1000; i < 1300; i++) {
        assert_true(kn_dedupe_seen(m->d, hash_of(i), m->hour));
    }
    uint64_t dropped = usage.dropped;
    crash(m);
    kn_dedupe_usage(m->d, &usage);
    assert_int_equal(usage.dropped, dropped); /* survives */
    end(m);
}

/* A full disk or a failing write during a checkpoint loses nothing and leaves nothing. */
static void tries_again_after_a_fault(void **state)
{
    static const enum sim_op ops[] = {SIM_OPEN, SIM_WRITE, SIM_SYNC, SIM_SYNC_DIR, SIM_MAP};
    (void)state;
    for (size_t o = 0; o < sizeof ops / sizeof ops[0]; o++) {
        for (int full = 0; full < 2; full++) {
            for (uint64_t n = 0;; n++) {
                struct model *m = begin(9, WINDOW, 100000000);
                for (size_t i = 0; i < 100; i++) {
                    look_up(m, i);
                }
                checkpoint(m);
                for (size_t i = 100; i < 300; i++) {
                    look_up(m, i);
                }
                memcpy(m->kept, m->now, sizeof m->kept);
                kn_dedupe_freeze(m->d, m->hour);
                sim_disk_fail(m->sim, ops[o], n, full ? KN_E_FULL : KN_E_IO);
                enum kn_rc rc = finish(m);
                bool failed = sim_disk_failures(m->sim) > 0;
                sim_disk_fail(m->sim, ops[o], UINT64_MAX, KN_OK);
                if (rc != KN_OK) {
                    assert_true(failed);
                    for (size_t i = 0; i < 300; i++) {
                        look_up(m, i); /* exact meanwhile */
                    }
                    assert_int_equal(finish(m), KN_OK);
                }
                assert_true(files(m) <= 3);
                crash(m);
                for (size_t i = 0; i < 400; i++) {
                    look_up(m, i);
                }
                end(m);
                if (!failed) {
                    break;
                }
            }
        }
    }
}

static void tries_again_after_a_failed_allocation(void **state)
{
    enum kn_rc rc = KN_E_NOMEM;
    (void)state;
    for (uint64_t n = 0; rc != KN_OK; n++) {
        struct model *m = begin(9, WINDOW, 100000000);
        for (size_t i = 0; i < 100; i++) {
            look_up(m, i);
        }
        memcpy(m->kept, m->now, sizeof m->kept);
        kn_dedupe_freeze(m->d, m->hour);
        struct kn_err err = {0};
        kn_mem_fail_after(n);
        rc = kn_dedupe_write(m->d, &err);
        kn_mem_fail_after(UINT64_MAX);
        assert_true(rc == KN_OK || rc == KN_E_NOMEM);
        assert_int_equal(finish(m), KN_OK);
        kn_dedupe_close(m->d);
        uint64_t before = kn_mem_bytes();
        enum kn_rc opened = KN_E_NOMEM;
        for (uint64_t k = 0; opened != KN_OK; k++) {
            kn_mem_fail_after(k);
            opened = try_open(m, &err);
            kn_mem_fail_after(UINT64_MAX);
            assert_true(opened == KN_OK || (opened == KN_E_NOMEM && kn_mem_bytes() == before));
        }
        for (size_t i = 0; i < 200; i++) {
            look_up(m, i);
        }
        end(m);
    }
}

/* Merges that find the disk full, for as many checkpoints as there may be runs, and longer. */
static void bears_many_runs(void **state)
{
    struct model *m = begin(11, WINDOW, 100000000);
    (void)state;
    for (size_t round = 0; round < 150; round++) {
        look_up(m, round);
        look_up(m, round + 1000);
        memcpy(m->kept, m->now, sizeof m->kept);
        kn_dedupe_freeze(m->d, m->hour);
        sim_disk_fail(m->sim, SIM_WRITE, 1, KN_E_FULL); /* the merge's, not the run's */
        enum kn_rc rc = finish(m);
        sim_disk_fail(m->sim, SIM_WRITE, UINT64_MAX, KN_OK);
        if (rc != KN_OK) {
            assert_int_equal(rc, KN_E_FULL);
            assert_int_equal(finish(m), KN_OK);
        }
        for (size_t i = 0; i <= round; i++) {
            look_up(m, i);
        }
    }
    crash(m);
    for (size_t i = 0; i < 150; i++) {
        look_up(m, i);
    }
    end(m);
}

/* Every byte of a run matters: found at open (header) or by verify, which names file and offset. */
static void finds_every_flipped_byte(void **state)
{
    struct model *m = begin(13, WINDOW, 100000000);
    struct kn_err err;
    (void)state;
    for (size_t i = 0; i < 40; i++) {
        look_up(m, i);
    }
    checkpoint(m);
    kn_dedupe_close(m->d);
    const char *path = "dedupe/000000000001.dup";
    size_t bytes = sim_disk_bytes(m->sim, path).len;
    assert_true(bytes > 64 + 40 * 16);
    for (size_t i = 0; i < bytes; i++) {
        assert_true(sim_disk_flip(m->sim, path, i, (unsigned)i));
        enum kn_rc rc = try_open(m, &err);
        if (rc == KN_OK) {
            rc = kn_dedupe_verify(m->d, &err);
            kn_dedupe_close(m->d);
        }
        if (rc != KN_E_CORRUPT && rc != KN_E_VERSION) {
            fail_msg("byte %zu was not missed", i);
        }
        assert_non_null(strstr(err.text, path));
        assert_true(rc == KN_E_VERSION || strstr(err.text, "at offset ") != NULL);
        assert_true(sim_disk_flip(m->sim, path, i, (unsigned)i));
    }
    open_model(m);
    assert_int_equal(kn_dedupe_verify(m->d, &err), KN_OK);
    end(m);
}

static void refuses_a_bad_manifest(void **state)
{
    struct model *m = begin(15, WINDOW, 100000000);
    struct kn_err err;
    (void)state;
    for (size_t i = 0; i < 40; i++) {
        look_up(m, i);
    }
    checkpoint(m);
    kn_dedupe_close(m->d);
    struct kn_buf good = m->manifest;
    for (size_t len = 1; len < good.len; len++) {
        m->manifest = (struct kn_buf){.p = good.p, .len = len};
        assert_int_equal(try_open(m, &err), KN_E_CORRUPT);
    }
    m->manifest = good;
    open_model(m);
    end(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agrees_with_a_table),
        cmocka_unit_test(leaves_no_files_behind),
        cmocka_unit_test(drops_the_oldest_above_the_limit),
        cmocka_unit_test(tries_again_after_a_fault),
        cmocka_unit_test(tries_again_after_a_failed_allocation),
        cmocka_unit_test(bears_many_runs),
        cmocka_unit_test(finds_every_flipped_byte),
        cmocka_unit_test(refuses_a_bad_manifest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
