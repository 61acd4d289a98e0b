/* One contract, two disks: what os/disk.h promises holds for the real one and the simulated one. */
#include "cm.h"

#include "base/rand.h"
#include "dir.h"
#include "os/disk.h"
#include "sim/sim_disk.h"

struct fixture {
    struct kn_disk disk;
    struct sim_disk *sim; /* NULL: the real one */
    char root[256];
    struct kn_err err;
};

static int real(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    test_dir("t_disk", f->root);
    *state = f;
    return kn_disk_posix_open(f->root, &f->disk, &f->err) == KN_OK ? 0 : -1;
}

static int simulated(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    f->sim = sim_disk_new(1);
    f->disk = sim_disk_interface(f->sim);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    if (f->sim) {
        sim_disk_free(f->sim);
    } else {
        kn_disk_posix_close(f->disk);
    }
    free(f);
    return 0;
}

static struct kn_file *open_file(struct fixture *f, const char *path, enum kn_open how)
{
    struct kn_file *file = NULL;
    if (kn_disk_open(f->disk, path, how, &file, &f->err) != KN_OK) {
        fail_msg("%s", f->err.text);
    }
    return file;
}

static void opens_as_asked(void **state)
{
    struct fixture *f = *state;
    struct kn_file *file;
    assert_int_equal(kn_disk_make_dir(f->disk, "a/b", &f->err), KN_OK);
    assert_int_equal(kn_disk_make_dir(f->disk, "a/b", &f->err), KN_OK); /* fine if there */
    assert_int_equal(kn_disk_open(f->disk, "a/b/x", KN_OPEN_READ, &file, &f->err), KN_E_NOT_FOUND);
    assert_int_equal(kn_disk_open(f->disk, "a/b/x", KN_OPEN_WRITE, &file, &f->err), KN_E_NOT_FOUND);
    kn_file_close(open_file(f, "a/b/x", KN_OPEN_CREATE_NEW));
    assert_int_equal(kn_disk_open(f->disk, "a/b/x", KN_OPEN_CREATE_NEW, &file, &f->err),
                     KN_E_EXISTS);
    kn_file_close(open_file(f, "a/b/x", KN_OPEN_CREATE));
    kn_file_close(open_file(f, "a/b/x", KN_OPEN_WRITE));
    kn_file_close(open_file(f, "a/b/x", KN_OPEN_READ));
    kn_file_close(NULL);
}

static void stays_inside_its_root(void **state)
{
    struct fixture *f = *state;
    struct kn_file *file;
    if (!f->sim) {
        assert_int_equal(kn_disk_open(f->disk, "/etc/passwd", KN_OPEN_READ, &file, &f->err),
                         KN_E_INVALID);
        assert_int_equal(kn_disk_open(f->disk, "../x", KN_OPEN_CREATE, &file, &f->err),
                         KN_E_INVALID);
        assert_int_equal(kn_disk_make_dir(f->disk, "a/../../b", &f->err), KN_E_INVALID);
        assert_int_equal(kn_disk_rename(f->disk, "a", "../b", &f->err), KN_E_INVALID);
    }
}

/* Random writes, zeroings and truncations against an array. */
static void holds_bytes(void **state)
{
    struct fixture *f = *state;
    enum { ROOM = 40000 };
    static char model[ROOM];
    static char bytes[ROOM];
    static char block[3 * KN_DISK_BLOCK] __attribute__((aligned(KN_DISK_BLOCK)));
    struct kn_rand r = kn_rand_seed(3);
    size_t len = 0;
    uint64_t size;
    struct kn_file *file = open_file(f, "x", KN_OPEN_CREATE);
    memset(model, 0, sizeof model);
    for (int step = 0; step < 400; step++) {
        size_t at = kn_rand_below(&r, ROOM / 2);
        size_t count = kn_rand_below(&r, ROOM / 4);
        for (size_t i = 0; i < sizeof block; i++) {
            block[i] = (char)kn_rand_u64(&r);
        }
        switch (kn_rand_below(&r, 6)) {
        case 0:
            assert_int_equal(kn_file_truncate(file, at, &f->err), KN_OK);
            if (at < len) {
                memset(model + at, 0, len - at);
            }
            len = at;
            continue;
        case 1:
            count++;
            assert_int_equal(kn_file_zero(file, at, count, &f->err), KN_OK);
            memset(model + at, 0, count);
            break;
        case 2: kn_file_bypass_cache(file); continue;
        case 3: /* whole blocks, as past the page cache */
            at = at / KN_DISK_BLOCK * KN_DISK_BLOCK;
            count = KN_DISK_BLOCK * kn_rand_below(&r, 3);
            assert_int_equal(kn_file_write(file, at, block, count, &f->err), KN_OK);
            memcpy(model + at, block, count);
            break;
        default:
            assert_int_equal(kn_file_write(file, at, block, count, &f->err), KN_OK);
            memcpy(model + at, block, count);
        }
        len = count > 0 && at + count > len ? at + count : len;
        size_t got;
        assert_int_equal(kn_file_read(file, 0, bytes, ROOM, &got, &f->err), KN_OK);
        assert_int_equal(got, len);
        assert_memory_equal(bytes, model, len);
        assert_int_equal(kn_file_size(file, &size, &f->err), KN_OK);
        assert_int_equal(size, len);
    }
    size_t got;
    assert_int_equal(kn_file_read(file, len, bytes, 10, &got, &f->err), KN_OK);
    assert_int_equal(got, 0);
    assert_int_equal(kn_file_write(file, 0, "xyz", 3, &f->err), KN_OK);
    assert_int_equal(kn_file_sync(file, &f->err), KN_OK);
    const void *map;
    assert_int_equal(kn_file_map(file, 3, &map, &f->err), KN_OK);
    assert_memory_equal(map, "xyz", 3);
    kn_file_unmap(file, map, 3);
    kn_file_close(file);
}

static void note(void *context, struct kn_str name, uint64_t bytes)
{
    uint64_t *seen = context; /* files, bytes, names' first letters */
    seen[0]++;
    seen[1] += bytes;
    seen[2] += (uint64_t)name.p[0];
}

static void lists_renames_and_removes(void **state)
{
    struct fixture *f = *state;
    uint64_t seen[3] = {0};
    assert_int_equal(kn_disk_make_dir(f->disk, "d", &f->err), KN_OK);
    assert_int_equal(kn_disk_make_dir(f->disk, "d/sub", &f->err), KN_OK);
    struct kn_file *file = open_file(f, "d/p", KN_OPEN_CREATE);
    assert_int_equal(kn_file_write(file, 0, "12345", 5, &f->err), KN_OK);
    kn_file_close(file);
    kn_file_close(open_file(f, "d/q", KN_OPEN_CREATE));
    kn_file_close(open_file(f, "d/sub/deep", KN_OPEN_CREATE));
    assert_int_equal(kn_disk_list(f->disk, "d", note, seen, &f->err), KN_OK);
    assert_int_equal(seen[0], 2);
    assert_int_equal(seen[1], 5);
    assert_int_equal(seen[2], 'p' + 'q');
    assert_int_equal(kn_disk_rename(f->disk, "d/p", "d/q", &f->err), KN_OK); /* over another */
    assert_int_equal(kn_disk_rename(f->disk, "d/p", "d/z", &f->err), KN_E_NOT_FOUND);
    uint64_t size;
    file = open_file(f, "d/q", KN_OPEN_READ);
    assert_int_equal(kn_file_size(file, &size, &f->err), KN_OK);
    assert_int_equal(size, 5);
    assert_int_equal(kn_disk_remove(f->disk, "d/q", &f->err), KN_OK);
    char bytes[8];
    size_t got; /* an open file lives on without its name */
    assert_int_equal(kn_file_read(file, 0, bytes, 8, &got, &f->err), KN_OK);
    assert_int_equal(got, 5);
    kn_file_close(file);
    assert_int_equal(kn_disk_remove(f->disk, "d/q", &f->err), KN_E_NOT_FOUND);
    assert_int_equal(kn_disk_sync_dir(f->disk, "d", &f->err), KN_OK);
    uint64_t room;
    assert_int_equal(kn_disk_free_bytes(f->disk, &room, &f->err), KN_OK);
    assert_true(room > 0);
}

/* ---- the simulated one's own model ---- */

static void a_crash_keeps_what_was_synced(void **state)
{
    (void)state;
    unsigned kept = 0;
    unsigned named = 0;
    for (uint64_t seed = 0; seed < 200; seed++) {
        struct sim_disk *sim = sim_disk_new(seed);
        struct kn_disk disk = sim_disk_interface(sim);
        struct kn_err err;
        struct kn_file *file;
        assert_int_equal(kn_disk_open(disk, "d/x", KN_OPEN_CREATE, &file, &err), KN_OK);
        assert_int_equal(kn_file_write(file, 0, "synced", 6, &err), KN_OK);
        assert_int_equal(kn_file_sync(file, &err), KN_OK);
        if (seed % 2) {
            assert_int_equal(kn_disk_sync_dir(disk, "d", &err), KN_OK);
        }
        assert_int_equal(kn_file_write(file, 6, "unsure", 6, &err), KN_OK);
        kn_file_close(file);
        sim_disk_crash(sim);
        struct kn_str bytes = sim_disk_bytes(sim, "d/x");
        assert_int_equal(bytes.p != NULL, seed % 2); /* its name was never synced */
        if (bytes.p) {
            assert_memory_equal(bytes.p, "synced", 6);
            named++;
            kept += kn_str_eq(bytes, KN_STR("syncedunsure"));
        }
        sim_disk_free(sim);
    }
    assert_int_equal(named, 100);
    assert_true(kept > 10 && kept < 90); /* what was not synced may be anything */
}

static void fails_as_told(void **state)
{
    struct fixture *f = *state;
    struct kn_file *file = open_file(f, "x", KN_OPEN_CREATE);
    sim_disk_fail(f->sim, SIM_WRITE, 1, KN_E_FULL);
    assert_int_equal(kn_file_write(file, 0, "a", 1, &f->err), KN_OK);
    assert_int_equal(kn_file_write(file, 0, "b", 1, &f->err), KN_E_FULL);
    assert_int_equal(kn_file_write(file, 1, "c", 1, &f->err), KN_OK);
    assert_int_equal(sim_disk_failures(f->sim), 1);
    assert_int_equal(sim_disk_count(f->sim, SIM_WRITE), 3);
    sim_disk_set_capacity(f->sim, 3);
    assert_int_equal(kn_file_write(file, 2, "de", 2, &f->err), KN_E_FULL);
    assert_int_equal(kn_file_write(file, 1, "de", 2, &f->err), KN_OK);
    assert_int_equal(kn_file_sync(file, &f->err), KN_OK);
    kn_file_close(file);
    assert_true(kn_str_eq(sim_disk_bytes(f->sim, "x"), KN_STR_EMPTY)); /* no synced name */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(opens_as_asked, real, tear_down),
        cmocka_unit_test_setup_teardown(opens_as_asked, simulated, tear_down),
        cmocka_unit_test_setup_teardown(stays_inside_its_root, real, tear_down),
        cmocka_unit_test_setup_teardown(holds_bytes, real, tear_down),
        cmocka_unit_test_setup_teardown(holds_bytes, simulated, tear_down),
        cmocka_unit_test_setup_teardown(lists_renames_and_removes, real, tear_down),
        cmocka_unit_test_setup_teardown(lists_renames_and_removes, simulated, tear_down),
        cmocka_unit_test(a_crash_keeps_what_was_synced),
        cmocka_unit_test_setup_teardown(fails_as_told, simulated, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
