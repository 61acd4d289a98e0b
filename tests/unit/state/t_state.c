/* The state against naive maps: random puts, edits, removes, reads, checkpoints that are
 * interrupted, tried again or lost, eviction, and restarts. LMDB is the real one. */
#include "cm.h"

#include "base/mem.h"
#include "base/rand.h"
#include "dir.h"
#include "os/dir.h"
#include "state/state.h"

enum { KEYS = 400, VALUE_MAX = 300, TABLES = 3 };

static const struct kn_state_table tables[TABLES + 1] = {
    {"numbers", KN_KEY_U32},
    {"hashes", KN_KEY_H128},
    {"names", KN_KEY_BYTES},
    {"later", KN_KEY_BYTES},
};

struct value {
    bool present;
    size_t len;
    char bytes[VALUE_MAX];
};

struct world {
    struct value at[TABLES][KEYS];
    uint32_t meta;
};

struct model {
    struct kn_state *s;
    struct kn_rand rand;
    struct kn_arena arena;
    char path[256];
    uint64_t cache_bytes, map_bytes;
    bool freezing;
    struct world *now, *frozen, *kept; /* kept: as committed */
};

static struct kn_key key_of(unsigned table, size_t i, char bytes[64])
{
    if (table == 0) {
        return kn_key_u32((uint32_t)(i % 7 == 0 ? i * 100000 : i));
    }
    if (table == 1) { /* few buckets' worth of low bits: chains grow */
        return kn_key_h128((struct kn_h128){.lo = i % 5, .hi = i * 0x9e3779b97f4a7c15U});
    }
    size_t len = (size_t)snprintf(bytes, 64, "%0*zu", 1 + (int)(i % 40), i);
    return kn_key_bytes(kn_str(bytes, len));
}

static enum kn_rc try_open(struct model *m, unsigned count, bool read_only, struct kn_err *err)
{
    struct kn_state_options o = {
        .path = m->path,
        .tables = tables,
        .table_count = count,
        .cache_bytes = m->cache_bytes,
        .map_bytes = m->map_bytes,
        .read_only = read_only,
    };
    return kn_state_open(&o, &m->s, err);
}

static void open_model(struct model *m)
{
    struct kn_err err = {0};
    if (try_open(m, TABLES, false, &err) != KN_OK) {
        fail_msg("open: %s", err.text);
    }
    struct kn_str meta = kn_state_meta(m->s);
    uint32_t number = 0;
    assert_true(meta.len == 0 || meta.len == sizeof number);
    memcpy(&number, meta.len ? meta.p : (const char *)&number, sizeof number);
    assert_int_equal(number, m->kept->meta);
}

static struct model *begin(uint64_t seed, uint64_t cache_bytes)
{
    struct model *m = calloc(1, sizeof *m);
    m->rand = kn_rand_seed(seed);
    m->cache_bytes = cache_bytes;
    m->now = calloc(1, sizeof *m->now);
    m->frozen = calloc(1, sizeof *m->frozen);
    m->kept = calloc(1, sizeof *m->kept);
    kn_arena_init(&m->arena, 1 << 20);
    test_dir("t_state", m->path);
    open_model(m);
    return m;
}

static void end(struct model *m)
{
    kn_state_close(m->s);
    kn_arena_deinit(&m->arena);
    free(m->now);
    free(m->frozen);
    free(m->kept);
    free(m);
}

static struct kn_str read_one(struct model *m, unsigned table, struct kn_key key,
                              struct kn_arena *arena, bool *full)
{
    struct kn_state_reader r = kn_state_reader_begin(m->s);
    struct kn_str found = kn_state_read(&r, table, key, arena, full);
    kn_state_reader_end(&r);
    return found;
}

static void check_one(struct model *m, struct kn_state_reader *r, unsigned table, size_t i)
{
    char bytes[64];
    struct kn_key key = key_of(table, i, bytes);
    const struct value *v = &m->now->at[table][i];
    bool full = false;
    kn_arena_clear(&m->arena);
    bool by_reader = kn_rand_chance(&m->rand, 1, 2);
    struct kn_str found =
        by_reader ? kn_state_read(r, table, key, &m->arena, &full) : kn_state_get(m->s, table, key);
    assert_false(full);
    if ((found.p != NULL) != v->present) {
        fail_msg("table %u key %zu: present is %d", table, i, found.p != NULL);
    }
    assert_true(!v->present || kn_str_eq(found, kn_str(v->bytes, v->len)));
}

static void check_alone(struct model *m, unsigned table, size_t i)
{
    struct kn_state_reader r = kn_state_reader_begin(m->s);
    check_one(m, &r, table, i);
    kn_state_reader_end(&r);
}

static void check_all(struct model *m)
{
    struct kn_state_reader r = kn_state_reader_begin(m->s);
    for (unsigned table = 0; table < TABLES; table++) {
        for (size_t i = 0; i < KEYS; i++) {
            check_one(m, &r, table, i);
        }
    }
    kn_state_reader_end(&r);
}

static void put(struct model *m, unsigned table, size_t i)
{
    char bytes[64];
    struct value *v = &m->now->at[table][i];
    uint64_t kind = kn_rand_below(&m->rand, 4);
    v->present = true;
    v->len = kind == 0   ? 0
             : kind == 1 ? kn_rand_below(&m->rand, 10) /* around what stands in the entry itself */
                         : kn_rand_below(&m->rand, VALUE_MAX);
    for (size_t k = 0; k < v->len; k++) {
        v->bytes[k] = (char)kn_rand_u64(&m->rand);
    }
    kn_state_put(m->s, table, key_of(table, i, bytes), kn_str(v->bytes, v->len));
}

/* A put whose bytes stand in the value that it replaces. */
static void cut_in_place(struct model *m, unsigned table, size_t i)
{
    char bytes[64];
    struct value *v = &m->now->at[table][i];
    struct kn_key key = key_of(table, i, bytes);
    struct kn_str old = kn_state_get(m->s, table, key);
    if (!v->present || v->len < 2) {
        return;
    }
    kn_state_put(m->s, table, key, kn_str_sub(old, 1, old.len));
    v->len--;
    memmove(v->bytes, v->bytes + 1, v->len);
}

static void edit(struct model *m, unsigned table, size_t i)
{
    char bytes[64];
    size_t len = 0;
    struct value *v = &m->now->at[table][i];
    char *at = kn_state_edit(m->s, table, key_of(table, i, bytes), &len);
    assert_true((at != NULL) == v->present);
    if (!at) {
        return;
    }
    assert_int_equal(len, v->len);
    if (len > 0) {
        size_t which = kn_rand_below(&m->rand, len);
        at[which] = v->bytes[which] = (char)kn_rand_u64(&m->rand);
    }
}

static void take_out(struct model *m, unsigned table, size_t i)
{
    char bytes[64];
    m->now->at[table][i].present = false;
    kn_state_remove(m->s, table, key_of(table, i, bytes));
}

static void freeze(struct model *m)
{
    kn_state_freeze(m->s);
    m->now->meta++;
    *m->frozen = *m->now;
    m->freezing = true;
}

static void commit(struct model *m)
{
    struct kn_err err = {0};
    struct kn_str meta = kn_str(&m->frozen->meta, sizeof m->frozen->meta);
    if (kn_state_commit(m->s, meta, &err) != KN_OK) {
        fail_msg("commit: %s", err.text);
    }
    *m->kept = *m->frozen;
}

static void thaw(struct model *m)
{
    kn_state_thaw(m->s);
    m->freezing = false;
}

static void reopen(struct model *m)
{
    kn_state_close(m->s);
    *m->now = *m->kept;
    m->freezing = false;
    open_model(m);
    check_all(m);
}

static void step(struct model *m)
{
    unsigned table = (unsigned)kn_rand_below(&m->rand, TABLES);
    size_t i = kn_rand_below(&m->rand, KEYS);
    switch (kn_rand_below(&m->rand, 64)) {
    case 0:
        if (!m->freezing) {
            freeze(m);
        } else {
            commit(m);
            if (kn_rand_chance(&m->rand, 3, 4)) {
                thaw(m);
            } else {
                reopen(m); /* committed, never thawed */
            }
        }
        break;
    case 1:
        if (kn_rand_chance(&m->rand, 1, 6)) {
            reopen(m);
        }
        break;
    case 2:
    case 3: kn_state_trim(m->s, 1000); break;
    case 4: check_all(m); break;
    default:
        switch (kn_rand_below(&m->rand, 5)) {
        case 0: take_out(m, table, i); break;
        case 1: edit(m, table, i); break;
        case 2: cut_in_place(m, table, i); break;
        case 3: put(m, table, i); break;
        default: check_alone(m, table, i); break;
        }
    }
}

static void agrees_with_maps(void **state)
{
    (void)state;
    uint64_t before = kn_mem_bytes();
    for (uint64_t seed = 1; seed <= 25; seed++) {
        struct model *m = begin(seed, seed % 2 ? 20000 : 1 << 20);
        for (int i = 0; i < 4000; i++) {
            step(m);
        }
        if (m->freezing) {
            commit(m);
            thaw(m);
        }
        freeze(m);
        commit(m);
        thaw(m);
        reopen(m);
        end(m);
    }
    assert_int_equal(kn_mem_bytes(), before); /* nothing leaked through any path */
}

static void evicts_down_to_the_budget(void **state)
{
    struct model *m = begin(3, 10000);
    struct kn_state_usage usage;
    (void)state;
    for (unsigned table = 0; table < TABLES; table++) {
        for (size_t i = 0; i < KEYS; i++) {
            put(m, table, i);
        }
    }
    for (int i = 0; i < 100; i++) {
        kn_state_trim(m->s, 100000);
    }
    kn_state_usage(m->s, &usage);
    assert_int_equal(usage.cached_entries, TABLES * KEYS); /* all dirty: none may go */
    freeze(m);
    kn_state_trim(m->s, 100000);
    commit(m);
    kn_state_trim(m->s, 100000);
    kn_state_usage(m->s, &usage);
    assert_int_equal(usage.cached_entries, TABLES * KEYS); /* frozen: neither */
    thaw(m);
    for (int i = 0; i < 100; i++) {
        kn_state_trim(m->s, 100000);
    }
    kn_state_usage(m->s, &usage);
    assert_true(usage.cached_bytes <= 10000);
    uint64_t misses = usage.misses;
    check_all(m);
    kn_state_usage(m->s, &usage);
    assert_true(usage.misses > misses);
    end(m);
}

/* What waits for a commit is what would be written, however often it was rewritten. */
static void counts_what_waits(void **state)
{
    struct model *m = begin(9, 1 << 20);
    struct kn_state_usage usage;
    char value[VALUE_MAX] = {0};
    (void)state;
    for (uint32_t i = 0; i < 1000; i++) {
        kn_state_put(m->s, 0, kn_key_u32(i % 10), kn_str(value, 100 + i % 200));
    }
    kn_state_usage(m->s, &usage);
    assert_int_equal(usage.dirty_entries, 10);
    assert_in_range(usage.dirty_bytes, 10 * 100, 10 * (VALUE_MAX + 200));
    for (uint32_t i = 0; i < 10; i++) {
        kn_state_remove(m->s, 0, kn_key_u32(i));
    }
    kn_state_usage(m->s, &usage);
    assert_in_range(usage.dirty_bytes, 0, 10 * 200);
    end(m);
}

/* A commit that finds no room commits nothing, and goes through once there is room. */
static void commits_all_or_nothing(void **state)
{
    struct model *m = begin(5, 1 << 20);
    struct kn_err err;
    (void)state;
    put(m, 0, 1);
    freeze(m);
    commit(m);
    thaw(m);
    kn_state_close(m->s);
    m->map_bytes = 20 * 4096;
    open_model(m);
    for (unsigned table = 0; table < TABLES; table++) {
        for (size_t i = 0; i < KEYS; i++) {
            put(m, table, i);
        }
    }
    freeze(m);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(
            kn_state_commit(m->s, kn_str(&m->frozen->meta, sizeof m->frozen->meta), &err),
            KN_E_FULL);
        check_all(m);
        edit(m, 0, 1); /* life goes on meanwhile */
    }
    m->map_bytes = 0;
    *m->now = *m->kept;
    reopen(m);
    end(m);
}

static void keeps_to_its_tables(void **state)
{
    struct model *m = begin(7, 1 << 20);
    struct kn_err err = {0};
    static const struct kn_state_table other[] = {{"numbers", KN_KEY_BYTES}};
    (void)state;
    put(m, 2, 5);
    freeze(m);
    commit(m);
    thaw(m);
    kn_state_close(m->s);
    /* A later version may add tables, but not know fewer or others. */
    assert_int_equal(try_open(m, TABLES + 1, false, &err), KN_OK);
    check_alone(m, 2, 5);
    kn_state_close(m->s);
    assert_int_equal(try_open(m, TABLES, false, &err), KN_E_VERSION);
    struct kn_state_options o = {.path = m->path, .tables = other, .table_count = 1};
    assert_int_equal(kn_state_open(&o, &m->s, &err), KN_E_VERSION);
    assert_int_equal(try_open(m, TABLES + 1, true, &err), KN_OK); /* read-only */
    check_alone(m, 2, 5);
    end(m);
}

static enum kn_rc count_in_order(void *context, struct kn_key key, struct kn_str value,
                                 struct kn_err *err)
{
    uint64_t *seen = context; /* count, last key + 1 */
    (void)value;
    assert_true(key.number + 1 > seen[1]);
    seen[1] = key.number + 1U;
    return ++seen[0] == seen[2] ? kn_fail(err, KN_E_LIMIT, "enough") : KN_OK;
}

static void write_file(const char *dir, const char *name, const char *text)
{
    char path[400];
    (void)snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    (void)fputs(text, file);
    (void)fclose(file);
}

/* What a crash leaves of a state that was being made is no state. */
static void begins_anew_after_a_cut_creation(void **state)
{
    struct model *m = begin(8, 1 << 20);
    struct kn_err err = {0};
    char making[300];
    (void)state;
    kn_state_close(m->s);
    (void)snprintf(making, sizeof making, "%s.new", m->path);
    assert_int_equal(kn_dir_remove(m->path, &err), KN_OK);
    assert_int_equal(kn_dir_make(making, &err), KN_OK);
    write_file(making, "data.mdb", "half a page");
    assert_int_equal(kn_dir_make(m->path, &err), KN_OK);
    write_file(m->path, "lock.mdb", "");
    open_model(m);
    assert_false(kn_dir_has(making, "data.mdb"));
    put(m, 0, 1);
    freeze(m);
    commit(m);
    thaw(m);
    kn_state_close(m->s);
    open_model(m);
    check_all(m);
    end(m);
}

static void scans_what_is_committed(void **state)
{
    struct model *m = begin(9, 1 << 20);
    struct kn_err err;
    uint64_t seen[3] = {0};
    (void)state;
    for (size_t i = 0; i < KEYS; i++) {
        put(m, 0, i);
    }
    assert_int_equal(kn_state_scan(m->s, 0, count_in_order, seen, &err), KN_OK);
    assert_int_equal(seen[0], 0);
    freeze(m);
    commit(m);
    thaw(m);
    take_out(m, 0, 3); /* not committed */
    assert_int_equal(kn_state_scan(m->s, 0, count_in_order, seen, &err), KN_OK);
    assert_int_equal(seen[0], KEYS);
    uint64_t some[3] = {0, 0, 10};
    assert_int_equal(kn_state_scan(m->s, 0, count_in_order, some, &err), KN_E_LIMIT);
    assert_int_equal(some[0], 10);
    end(m);
}

static void says_when_the_arena_is_full(void **state)
{
    struct model *m = begin(11, 1 << 20);
    struct kn_arena small;
    char bytes[64];
    char large[5000] = {1};
    bool full = false;
    (void)state;
    kn_arena_init(&small, 100);
    kn_state_put(m->s, 2, key_of(2, 1, bytes), kn_str(large, sizeof large));
    assert_null(read_one(m, 2, key_of(2, 2, bytes), &small, &full).p);
    assert_false(full); /* absent */
    assert_null(read_one(m, 2, key_of(2, 1, bytes), &small, &full).p);
    assert_true(full);
    kn_arena_deinit(&small);
    end(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agrees_with_maps),
        cmocka_unit_test(evicts_down_to_the_budget),
        cmocka_unit_test(counts_what_waits),
        cmocka_unit_test(commits_all_or_nothing),
        cmocka_unit_test(keeps_to_its_tables),
        cmocka_unit_test(begins_anew_after_a_cut_creation),
        cmocka_unit_test(scans_what_is_committed),
        cmocka_unit_test(says_when_the_arena_is_full),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
