#include "behaviour/columns.h"

#include <stdio.h>

#include "base/assert.h"
#include "base/mem.h"
#include "behaviour/columns_join.h"

enum {
    ROWS_PER_BUILD = 16384,
    TIERS = 4,
    MANY_RUNS = 32, /* in memory */
};

/* ---- open and close ---- */

/* A table may have no more columns than it may, over all its runs together. */
static enum kn_rc know_names(struct kn_columns *c, const struct kn_col_run *run, struct kn_err *err)
{
    bool nomem = false;
    for (uint32_t i = 0; i < run->table_count; i++) {
        const struct kn_col_table *t = &run->tables[i];
        for (uint32_t k = 0; k < t->part.array_count && !nomem; k++) {
            (void)kn_col_names_add(c->names, t->part.kind, t->part.name, t->array_ids[k], &nomem);
        }
        for (uint32_t k = 0; k < t->part.column_count && !nomem; k++) {
            (void)kn_col_names_add(c->names, t->part.kind, t->part.name, t->column_ids[k], &nomem);
        }
    }
    return nomem ? kn_col_no_memory(err) : KN_OK;
}

static enum kn_rc open_run(struct kn_columns *c, uint64_t number, struct kn_err *err)
{
    struct kn_col_run *run;
    KN_TRY(kn_col_run_open(c->disk, c->dir, number, &run, err));
    run->first = run->last = c->next_birth++;
    enum kn_rc rc = know_names(c, run, err);
    if (rc == KN_OK) {
        rc = kn_col_publish(c, run, err);
    }
    if (rc != KN_OK) {
        kn_col_run_unref(run);
    }
    return rc;
}

static enum kn_rc read_manifest(struct kn_columns *c, struct kn_str manifest, struct kn_err *err)
{
    struct kn_cursor in = kn_cursor(manifest);
    if (manifest.len == 0) {
        return KN_OK;
    }
    c->next_number = kn_take_varint(&in);
    uint64_t runs = kn_take_varint(&in);
    for (uint64_t i = 0; i < runs && i < KN_COL_FILES_MAX; i++) {
        uint64_t number = kn_take_varint(&in);
        if (in.bad) {
            break;
        }
        KN_TRY(open_run(c, number, err));
    }
    if (in.bad || runs > KN_COL_FILES_MAX || in.p != in.end) {
        return kn_fail(err, KN_E_CORRUPT, "the list of behaviour files does not decode");
    }
    return KN_OK;
}

static void remove_stray(void *context, struct kn_str name, uint64_t bytes)
{
    struct kn_columns *c = context;
    char path[512];
    uint64_t number;
    (void)bytes;
    if (!kn_str_ends(name, KN_STR(".col")) ||
        !kn_str_u64(kn_str_sub(name, 0, name.len - 4), &number)) {
        return;
    }
    for (uint32_t i = 0; i < c->run_count; i++) {
        if (c->runs[i]->number == number) {
            return;
        }
    }
    (void)snprintf(path, sizeof path, "%s/%.*s", c->dir, KN_STR_ARG(name));
    (void)kn_disk_remove(c->disk, path, NULL); /* else at the next start */
}

static enum kn_rc open_files(struct kn_columns *c, const char *dir, struct kn_str manifest,
                             bool read_only, struct kn_err *err)
{
    c->dir = kn_strdup(dir);
    if (!c->dir) {
        return kn_col_no_memory(err);
    }
    if (!read_only) {
        KN_TRY(kn_disk_make_dir(c->disk, c->dir, err));
    }
    KN_TRY(read_manifest(c, manifest, err));
    return read_only ? KN_OK : kn_disk_list(c->disk, c->dir, remove_stray, c, err);
}

enum kn_rc kn_columns_open(struct kn_disk disk, const struct kn_columns_options *options,
                           struct kn_str manifest, bool read_only, struct kn_columns **ret,
                           struct kn_err *err)
{
    struct kn_columns *c = kn_must_calloc(1, sizeof *c);
    c->disk = disk;
    c->rows_per_build = options->rows_per_build ? options->rows_per_build : ROWS_PER_BUILD;
    c->next_birth = 1;
    c->next_number = 1;
    kn_mutex_init(&c->feed_mutex);
    kn_mutex_init(&c->build_mutex);
    kn_mutex_init(&c->join_mutex);
    kn_mutex_init(&c->runs_mutex);
    kn_mutex_init(&c->view_mutex);
    c->names = kn_col_names_new();
    c->builder = c->names ? kn_col_builder_new(c->names) : NULL;
    enum kn_rc rc = c->builder ? KN_OK : kn_col_no_memory(err);
    if (rc == KN_OK && options->dir) {
        rc = open_files(c, options->dir, manifest, read_only, err);
    }
    if (rc != KN_OK) {
        kn_columns_close(c);
        return rc;
    }
    *ret = c;
    return KN_OK;
}

void kn_columns_close(struct kn_columns *c)
{
    if (!c) {
        return;
    }
    kn_columns_unpin(c->view ? &c->view->pin : NULL);
    kn_col_merge_free(c);
    kn_col_ordinals_unref(c->ordinals);
    for (uint32_t i = 0; i < c->run_count; i++) {
        kn_col_run_unref(c->runs[i]);
    }
    for (uint32_t i = 0; i < c->next_count; i++) {
        kn_col_run_unref(c->next[i]);
    }
    kn_free(c->runs);
    kn_free(c->next);
    kn_col_feed_free(c);
    kn_col_builder_free(c->builder);
    kn_col_names_free(c->names);
    kn_mutex_deinit(&c->feed_mutex);
    kn_mutex_deinit(&c->build_mutex);
    kn_mutex_deinit(&c->join_mutex);
    kn_mutex_deinit(&c->runs_mutex);
    kn_mutex_deinit(&c->view_mutex);
    kn_free(c->dir);
    kn_free(c);
}

enum kn_rc kn_col_publish(struct kn_columns *c, struct kn_col_run *run, struct kn_err *err)
{
    kn_mutex_lock(&c->runs_mutex);
    bool ok = kn_col_grow(&c->runs, c->run_count, &c->run_room, sizeof(struct kn_col_run *));
    if (ok) {
        c->runs[c->run_count++] = run;
        c->version++;
    }
    kn_mutex_unlock(&c->runs_mutex);
    return ok ? KN_OK : kn_fail(err, KN_E_NOMEM, "out of memory");
}

/* ---- runs in memory ---- */

/* The newest runs in memory that are worth a join: the newer ones together are at least TIERS - 1
 * times the oldest, so that its rows stand in a run that is TIERS times as large. *ret_count of
 * them, held, or NULL. */
static struct kn_col_run **find_small(struct kn_columns *c, uint32_t *ret_count, bool *ret_nomem)
{
    uint64_t rows = 0;
    uint32_t count = 0;
    struct kn_col_run **found = NULL;
    kn_mutex_lock(&c->runs_mutex);
    for (uint32_t i = 1; i <= c->run_count && i <= KN_COL_INPUTS_MAX; i++) {
        const struct kn_col_run *run = c->runs[c->run_count - i];
        if (!run->is_small || run->generation != c->open_generation) {
            break;
        }
        count = i > 1 && run->rows * (TIERS - 1) <= rows ? i : count;
        rows += run->rows;
    }
    *ret_nomem = false;
    if (count > 0) {
        found = kn_alloc(count * sizeof *found);
        *ret_nomem = !found;
        for (uint32_t i = 0; i < count && found; i++) {
            found[i] = c->runs[c->run_count - count + i];
            kn_col_run_ref(found[i]);
        }
    }
    kn_mutex_unlock(&c->runs_mutex);
    *ret_count = count;
    return found;
}

/* One run takes the place of some that stand together. */
static void replace_runs(struct kn_columns *c, struct kn_col_run *const *old, uint32_t count,
                         struct kn_col_run *by)
{
    uint32_t at = 0;
    kn_mutex_lock(&c->runs_mutex);
    while (c->runs[at] != old[0]) {
        at++;
        kn_assert(at < c->run_count);
    }
    for (uint32_t i = 0; i < count; i++) {
        kn_assert(c->runs[at + i] == old[i]);
        kn_col_run_unref(old[i]);
    }
    c->runs[at] = by;
    memmove(&c->runs[at + 1], &c->runs[at + count],
            (c->run_count - at - count) * sizeof(struct kn_col_run *));
    c->run_count -= count - 1;
    c->version++;
    kn_mutex_unlock(&c->runs_mutex);
}

enum kn_rc kn_col_join_in_memory(struct kn_columns *c, struct kn_col_run *const *runs,
                                 uint32_t count, struct kn_err *err)
{
    struct kn_col_join *j;
    bool done;
    KN_TRY(kn_col_join_begin(&j, runs, count, NULL, 0, NULL, err));
    enum kn_rc rc = kn_col_join_step(j, UINT64_MAX, &done, err);
    if (rc == KN_OK) {
        replace_runs(c, runs, count, kn_col_join_take(j));
    }
    kn_col_join_free(j);
    return rc;
}

enum kn_rc kn_col_join_small(struct kn_columns *c, struct kn_err *err)
{
    enum kn_rc rc = KN_OK;
    uint32_t count;
    bool nomem;
    kn_mutex_lock(&c->join_mutex);
    struct kn_col_run **runs = find_small(c, &count, &nomem);
    while (runs && rc == KN_OK) {
        rc = kn_col_join_in_memory(c, runs, count, err);
        kn_col_let_go(runs, count);
        runs = find_small(c, &count, &nomem);
    }
    kn_col_let_go(runs, count);
    kn_mutex_unlock(&c->join_mutex);
    return nomem ? kn_col_no_memory(err) : rc;
}

/* ---- pins ---- */

struct kn_col_run **kn_col_hold_runs(struct kn_columns *c, uint32_t *ret_count,
                                     uint64_t *ret_version)
{
    kn_mutex_lock(&c->runs_mutex);
    struct kn_col_run **runs = kn_alloc((c->run_count + 1U) * sizeof *runs);
    *ret_count = c->run_count;
    *ret_version = c->version;
    for (uint32_t i = 0; i < c->run_count && runs; i++) {
        kn_col_run_ref(c->runs[i]);
        runs[i] = c->runs[i];
    }
    kn_mutex_unlock(&c->runs_mutex);
    return runs;
}

void kn_col_let_go(struct kn_col_run **runs, uint32_t count)
{
    for (uint32_t i = 0; i < count && runs; i++) {
        kn_col_run_unref(runs[i]);
    }
    kn_free(runs);
}

enum kn_rc kn_col_renew_view(struct kn_columns *c, struct kn_err *err)
{
    uint32_t count;
    uint64_t version;
    struct kn_col_run **runs = kn_col_hold_runs(c, &count, &version);
    if (!runs) {
        return kn_fail(err, KN_E_NOMEM, "out of memory");
    }
    enum kn_rc rc = KN_OK;
    if (!c->view || c->view->pin.version != version) {
        kn_columns_unpin(c->view ? &c->view->pin : NULL);
        c->view = NULL;
        rc = kn_col_ordinals_update(&c->ordinals, runs, count, err);
        if (rc == KN_OK) {
            rc = kn_col_view_new(c->ordinals, runs, count, &c->view, err);
        }
        if (rc == KN_OK) {
            c->view->pin.version = version;
        }
    }
    kn_col_let_go(runs, count);
    return rc;
}

static bool has_many_runs(struct kn_columns *c)
{
    kn_mutex_lock(&c->runs_mutex);
    uint32_t small = 0;
    for (uint32_t i = 0; i < c->run_count; i++) {
        small += c->runs[i]->is_small;
    }
    kn_mutex_unlock(&c->runs_mutex);
    return small > MANY_RUNS;
}

enum kn_rc kn_columns_pin(struct kn_columns *c, struct kn_columns_pin **ret, struct kn_err *err)
{
    KN_TRY(kn_col_build_waiting(c, UINT64_MAX, err));
    if (has_many_runs(c)) {
        KN_TRY(kn_col_join_small(c, err));
    }
    kn_mutex_lock(&c->view_mutex);
    enum kn_rc rc = kn_col_renew_view(c, err);
    if (rc == KN_OK) {
        atomic_fetch_add(&c->view->references, 1);
        *ret = &c->view->pin;
    }
    kn_mutex_unlock(&c->view_mutex);
    return rc;
}

/* ---- numbers ---- */

void kn_columns_usage(const struct kn_columns *columns, struct kn_columns_usage *ret)
{
    struct kn_columns *c = (struct kn_columns *)(uintptr_t)columns;
    *ret = (struct kn_columns_usage){0};
    kn_mutex_lock(&c->feed_mutex);
    ret->waiting_rows = c->waiting;
    ret->memory_bytes = c->waiting * sizeof(struct kn_col_op);
    kn_mutex_unlock(&c->feed_mutex);
    kn_mutex_lock(&c->runs_mutex);
    for (uint32_t i = 0; i < c->run_count; i++) {
        const struct kn_col_run *run = c->runs[i];
        ret->rows += run->rows;
        ret->event_rows += run->event_rows;
        if (run->is_small) {
            ret->memory_bytes += run->bytes;
        } else {
            ret->runs++;
            ret->run_bytes += run->bytes;
            ret->time_and_key_bytes += run->key_bytes;
        }
    }
    kn_mutex_unlock(&c->runs_mutex);
    ret->dropped_fields = atomic_load(&c->dropped_fields);
}
