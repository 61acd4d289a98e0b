/* One thread feeds, one builds, one writes and merges, two read: every pin sees all that was fed
 * before it. */
#include "cm.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/rand.h"
#include "behaviour/columns.h"
#include "dir.h"
#include "format/item.h"
#include "os/thread.h"

enum { EVENTS = 40000, PROFILES = 50, READERS = 2 };

struct world {
    struct kn_columns *c;
    struct kn_rand rand;
    struct kn_buf manifest;
    struct kn_rwlock lock;
    struct kn_buf items[16];
    uint64_t fed; /* under the lock */
    uint64_t profiles;
    atomic_bool stop;
};

static bool add_rows(void *context, uint32_t ordinal, const struct kn_walk_rows *tables)
{
    uint64_t *rows = context;
    (void)ordinal;
    rows[0] += tables[0].count;
    rows[1] += tables[1].count;
    return true;
}

static void *read_all(void *argument)
{
    struct world *w = argument;
    struct kn_walk_table tables[] = {{KN_TABLE_EVENT, KN_STR("A")}, {KN_TABLE_PROFILE, {NULL, 0}}};
    while (!atomic_load(&w->stop)) {
        struct kn_columns_pin *pin;
        struct kn_err err;
        uint64_t rows[2] = {0, 0};
        kn_rwlock_read(&w->lock);
        uint64_t fed = w->fed;
        uint64_t profiles = w->profiles;
        enum kn_rc rc = kn_columns_pin(w->c, &pin, &err);
        kn_rwlock_unlock(&w->lock);
        assert_int_equal(rc, KN_OK);
        assert_int_equal(kn_pin_walk(pin, tables, 2, 0, UINT32_MAX, NULL, add_rows, rows, &err),
                         KN_OK);
        assert_int_equal(rows[0], fed);
        assert_int_equal(rows[1], profiles);
        assert_int_equal(pin->live_count, profiles);
        kn_columns_unpin(pin);
    }
    return NULL;
}

static void *build_all(void *argument)
{
    struct world *w = argument;
    while (!atomic_load(&w->stop)) {
        struct kn_err err;
        bool more;
        assert_int_equal(kn_columns_build(w->c, 0, &more, &err), KN_OK);
        if (!more) {
            kn_sleep_us(200);
        }
    }
    return NULL;
}

static void *keep_all(void *argument)
{
    struct world *w = argument;
    struct kn_err err;
    while (!atomic_load(&w->stop)) {
        bool more = true;
        while (more) {
            assert_int_equal(kn_columns_merge_step(w->c, 10000, &more, &err), KN_OK);
        }
        kn_rwlock_write(&w->lock);
        kn_columns_freeze(w->c);
        kn_rwlock_unlock(&w->lock);
        assert_int_equal(kn_columns_write(w->c, &err), KN_OK);
        kn_buf_clear(&w->manifest);
        kn_columns_manifest(w->c, &w->manifest);
        kn_rwlock_write(&w->lock);
        kn_columns_install(w->c);
        kn_rwlock_unlock(&w->lock);
    }
    return NULL;
}

static void feed_one(struct world *w, uint64_t i)
{
    uint32_t ordinal = (uint32_t)kn_rand_below(&w->rand, PROFILES);
    kn_rwlock_write(&w->lock);
    kn_columns_event(w->c, ordinal, (int64_t)i, i, kn_buf_view(&w->items[i % 16]));
    if (i < PROFILES) {
        kn_columns_row(w->c, KN_TABLE_PROFILE, (uint32_t)i, 0, i, KN_STR("{\"t\":{\"n\":1}}"));
        w->profiles++;
    } else if (i % 7 == 0) {
        kn_columns_replace(w->c, KN_TABLE_PROFILE, ordinal);
        kn_columns_row(w->c, KN_TABLE_PROFILE, ordinal, 1, i, KN_STR("{\"t\":{\"n\":2}}"));
    }
    w->fed++;
    kn_rwlock_unlock(&w->lock);
}

static void make_items(struct world *w)
{
    for (unsigned i = 0; i < 16; i++) {
        char body[64];
        (void)snprintf(body, sizeof body, "{\"properties\":{\"n\":%u,\"l\":[1,%u]}}", i, i);
        struct kn_item item = {.kind = KN_ITEM_EVENT,
                               .type = KN_EVENT_TRACK,
                               .name = KN_STR("A"),
                               .message_id = KN_STR("m"),
                               .body = kn_str_c(body)};
        kn_buf_init(&w->items[i], SIZE_MAX / 2);
        kn_item_encode(&item, &w->items[i]);
    }
}

static void every_pin_sees_all_that_was_fed(void **state)
{
    (void)state;
    struct world w = {.rand = kn_rand_seed(1)};
    struct kn_thread readers[READERS];
    struct kn_columns_options options = {.dir = "runs", .rows_per_build = 64};
    struct kn_disk disk;
    struct kn_err err;
    char dir[256];
    test_dir("t_columns_threads", dir);
    assert_int_equal(kn_disk_posix_open(dir, &disk, &err), KN_OK);
    assert_int_equal(kn_columns_open(disk, &options, KN_STR_EMPTY, false, &w.c, &err), KN_OK);
    kn_buf_init(&w.manifest, SIZE_MAX / 2);
    kn_rwlock_init(&w.lock);
    make_items(&w);
    struct kn_thread builder = kn_thread_start("build", build_all, &w);
    struct kn_thread keeper = kn_thread_start("keep", keep_all, &w);
    for (int i = 0; i < READERS; i++) {
        readers[i] = kn_thread_start("read", read_all, &w);
    }
    for (uint64_t i = 0; i < EVENTS; i++) {
        feed_one(&w, i);
        if (i % 64 == 63) {
            kn_sleep_us(500);
        }
    }
    atomic_store(&w.stop, true);
    kn_thread_join(builder);
    kn_thread_join(keeper);
    for (int i = 0; i < READERS; i++) {
        kn_thread_join(readers[i]);
    }
    assert_int_equal(kn_columns_verify(w.c, &err), KN_OK);
    for (unsigned i = 0; i < 16; i++) {
        kn_buf_deinit(&w.items[i]);
    }
    kn_rwlock_deinit(&w.lock);
    kn_buf_deinit(&w.manifest);
    kn_columns_close(w.c);
    kn_disk_posix_close(disk);
    test_dir("t_columns_threads", dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_pin_sees_all_that_was_fed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
