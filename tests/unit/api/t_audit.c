/* The audit log: entries come back newest first and filtered, counts once a minute with their
 * profiles, pages that meet, a crash keeps what was appended, a full disk says so. */
#include "cm.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "api/audit.h"
#include "sim/sim_disk.h"

#define SECOND INT64_C(1000000)

struct fixture {
    struct sim_disk *disk;
    struct kn_manual_clock clock;
    struct kn_audit *audit;
    struct kn_arena arena;
};

static void open_audit(struct fixture *f)
{
    struct kn_err err = {0};
    if (kn_audit_open(sim_disk_interface(f->disk), "audit", kn_clock_manual(&f->clock), &f->audit,
                      &err) != KN_OK) {
        fail_msg("%s", err.text);
    }
}

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    f->disk = sim_disk_new(7);
    atomic_store(&f->clock.wall_us, 1000 * SECOND);
    kn_arena_init(&f->arena, SIZE_MAX / 4);
    open_audit(f);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    kn_audit_close(f->audit);
    kn_arena_deinit(&f->arena);
    sim_disk_free(f->disk);
    free(f);
    return 0;
}

static struct kn_audit_entry entry(const char *actor, const char *workspace, const char *subject)
{
    return (struct kn_audit_entry){.kind = KN_AUDIT_VIEW,
                                   .action = KN_STR("getProfile"),
                                   .actor = kn_str_c(actor),
                                   .name = KN_STR("\"Sanne\" <s@example.nl>"),
                                   .workspace = kn_str_c(workspace),
                                   .subject = kn_str_c(subject),
                                   .address = KN_STR("192.0.2.0"),
                                   .count = 1};
}

static void append(struct fixture *f, const char *actor, const char *workspace, const char *subject)
{
    struct kn_audit_entry e = entry(actor, workspace, subject);
    assert_int_equal(kn_audit_append(f->audit, &e, NULL), KN_OK);
    (void)atomic_fetch_add(&f->clock.wall_us, SECOND);
}

static const struct kn_audit_filter everything = {
    .installation = true, .from_us = INT64_MIN, .to_us = INT64_MAX, .workspace = {"shop", 4}};

/* All that match, in pages of `page`; answers how many. */
static size_t read_all(struct fixture *f, const struct kn_audit_filter *filter, size_t page,
                       struct kn_audit_entry *to, size_t room)
{
    uint64_t next = 0;
    size_t count = 0;
    do {
        struct kn_audit_entry *list;
        size_t n;
        struct kn_err err = {0};
        assert_int_equal(
            kn_audit_read(f->audit, filter, next, page, &f->arena, &list, &n, &next, &err), KN_OK);
        for (size_t i = 0; i < n && count < room; i++) {
            to[count++] = list[i];
        }
    } while (next > 0);
    return count;
}

static void test_filters_and_pages(void **state)
{
    struct fixture *f = *state;
    static struct kn_audit_entry got[3000];
    char subject[16];
    for (int i = 0; i < 2500; i++) {
        (void)snprintf(subject, sizeof subject, "p%d", i);
        append(f, i % 2 ? "usr_a" : "usr_b", i % 5 ? "shop" : i % 10 ? "other" : "", subject);
    }
    size_t all = read_all(f, &everything, 1000, got, 3000);
    assert_int_equal(all, 2250);
    assert_true(kn_str_eq(got[0].subject, KN_STR("p2499")));
    assert_true(kn_str_eq(got[0].name, KN_STR("\"Sanne\" <s@example.nl>")));
    for (size_t i = 1; i < all; i++) {
        assert_true(got[i].seq < got[i - 1].seq);
    }
    static struct kn_audit_entry paged[3000];
    assert_int_equal(read_all(f, &everything, 7, paged, 3000), all);
    for (size_t i = 0; i < all; i++) {
        assert_int_equal(paged[i].seq, got[i].seq);
    }
    struct kn_audit_filter some = everything;
    some.installation = false;
    assert_int_equal(read_all(f, &some, 100, got, 3000), 2000);
    some.actor = KN_STR("usr_a");
    assert_int_equal(read_all(f, &some, 100, got, 3000), 1000);
    some.subject = KN_STR("p2499");
    assert_int_equal(read_all(f, &some, 100, got, 3000), 1);
    some = everything;
    some.from_us = (1000 + 100) * SECOND;
    some.to_us = (1000 + 200) * SECOND;
    assert_int_equal(read_all(f, &some, 9, got, 3000), 90);
    some.kinds = 1U << KN_AUDIT_EXPORT;
    assert_int_equal(read_all(f, &some, 9, got, 3000), 0);
}

static void test_counts(void **state)
{
    struct fixture *f = *state;
    struct kn_audit_entry got[8];
    struct kn_audit_entry e = entry("tok_a", "shop", "");
    char id[KN_AUDIT_ID_TEXT + 1];
    for (int i = 0; i < 500; i++) {
        (void)snprintf(id, sizeof id, "profile-%018d", i % 150);
        assert_true(kn_audit_count(f->audit, &e, id));
    }
    assert_int_equal(kn_audit_flush(f->audit, false, NULL), KN_OK);
    assert_int_equal(read_all(f, &everything, 8, got, 8), 0); /* the minute is not over */
    (void)atomic_fetch_add(&f->clock.wall_us, 61 * SECOND);
    assert_int_equal(kn_audit_flush(f->audit, false, NULL), KN_OK);
    assert_int_equal(read_all(f, &everything, 8, got, 8), 1);
    assert_int_equal(got[0].count, 500);
    assert_int_equal(got[0].ids.len, KN_AUDIT_IDS * (KN_AUDIT_ID_TEXT + 3) + 1);
    struct kn_audit_filter one = everything;
    one.subject = KN_STR("profile-000000000000000042");
    assert_int_equal(read_all(f, &one, 8, got, 8), 1);
    one.subject = KN_STR("profile-000000000000000142");
    assert_int_equal(read_all(f, &one, 8, got, 8), 0);
}

/* More actors than there are counters: the caller is told, nothing is lost. */
static void test_many_actors(void **state)
{
    struct fixture *f = *state;
    static struct kn_audit_entry got[200];
    for (int i = 0; i < 100; i++) {
        char actor[16];
        (void)snprintf(actor, sizeof actor, "tok_%d", i);
        struct kn_audit_entry e = entry(actor, "shop", "");
        if (!kn_audit_count(f->audit, &e, NULL)) {
            assert_int_equal(kn_audit_append(f->audit, &e, NULL), KN_OK);
        }
    }
    assert_int_equal(kn_audit_flush(f->audit, true, NULL), KN_OK);
    assert_int_equal(read_all(f, &everything, 50, got, 200), 100);
}

static void test_repeated(void **state)
{
    struct fixture *f = *state;
    struct kn_audit_entry e = entry("usr_a", "shop", "p1");
    struct kn_audit_entry other = entry("usr_b", "shop", "p1");
    assert_false(kn_audit_is_repeated(f->audit, &e));
    assert_true(kn_audit_is_repeated(f->audit, &e));
    assert_false(kn_audit_is_repeated(f->audit, &other));
    (void)atomic_fetch_add(&f->clock.wall_us, 301 * SECOND);
    assert_false(kn_audit_is_repeated(f->audit, &e));
}

/* Several segments: what came before is found after a start that does not read it. */
static void test_long(void **state)
{
    struct fixture *f = *state;
    static struct kn_audit_entry got[1500];
    for (int i = 0; i < 1200; i++) {
        append(f, "usr_a", "shop", "p");
        if (i % 400 == 399) {
            kn_audit_close(f->audit);
            f->audit = NULL;
            sim_disk_crash(f->disk);
            open_audit(f);
        }
    }
    assert_int_equal(read_all(f, &everything, 500, got, 1500), 1200);
    assert_int_equal(got[0].seq, 1200);
    assert_int_equal(got[1199].seq, 1);
}

static void test_crash(void **state)
{
    struct fixture *f = *state;
    struct kn_audit_entry got[8];
    append(f, "usr_a", "shop", "p1");
    append(f, "usr_a", "shop", "p2");
    kn_audit_close(f->audit);
    f->audit = NULL;
    sim_disk_crash(f->disk);
    open_audit(f);
    append(f, "usr_a", "shop", "p3");
    assert_int_equal(read_all(f, &everything, 8, got, 8), 3);
    assert_true(kn_str_eq(got[0].subject, KN_STR("p3")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_filters_and_pages, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_counts, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_many_actors, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_repeated, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_long, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_crash, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
