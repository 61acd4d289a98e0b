#include "behaviour/archive.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/assert.h"
#include "base/mem.h"
#include "behaviour/archive_internal.h"

/* A fresh run is packed lightly: the merge that takes it in packs it well. */
enum { BLOCK_BYTES = 128 * 1024, LEVEL = 3, LEVEL_FRESH = -3 };

/* ---- masks ---- */

int kn_mask_cmp(const void *a, const void *b)
{
    const struct kn_mask *x = a;
    const struct kn_mask *y = b;
    if (x->ordinal != y->ordinal) {
        return x->ordinal < y->ordinal ? -1 : 1;
    }
    if (x->arrival != y->arrival) {
        return x->arrival < y->arrival ? -1 : 1;
    }
    return (x->version > y->version) - (x->version < y->version);
}

bool kn_mask_has(const struct kn_mask *sorted, size_t count, const struct kn_archive_row *row)
{
    struct kn_mask wanted = {row->ordinal, row->version, row->arrival};
    return count > 0 && (bsearch(&wanted, sorted, count, sizeof *sorted, kn_mask_cmp) != NULL ||
                         kn_mask_has_whole(sorted, count, row->ordinal));
}

bool kn_mask_has_whole(const struct kn_mask *sorted, size_t count, uint32_t ordinal)
{
    struct kn_mask whole = kn_mask_whole(ordinal);
    return count > 0 && bsearch(&whole, sorted, count, sizeof *sorted, kn_mask_cmp) != NULL;
}

struct kn_mask *kn_archive__sorted_masks(struct kn_archive *a, size_t *ret_count)
{
    kn_mutex_lock(&a->mask_mutex);
    struct kn_mask *masks = kn_must_alloc((a->mask_count + 1) * sizeof *masks);
    memcpy(masks, a->masks ? a->masks : masks, a->mask_count * sizeof *masks);
    *ret_count = a->mask_count;
    kn_mutex_unlock(&a->mask_mutex);
    qsort(masks, *ret_count, sizeof *masks, kn_mask_cmp);
    return masks;
}

static void add_mask(struct kn_archive *a, struct kn_mask mask)
{
    if (a->mask_count == a->mask_room) {
        a->mask_room = a->mask_room ? a->mask_room * 2 : 64;
        a->masks = kn_must_realloc(a->masks, a->mask_room * sizeof *a->masks);
    }
    a->masks[a->mask_count++] = mask;
}

void kn_archive_mask(struct kn_archive *a, uint32_t ordinal, uint64_t arrival, uint32_t version)
{
    kn_mutex_lock(&a->mask_mutex);
    add_mask(a, (struct kn_mask){ordinal, version, arrival});
    kn_mutex_unlock(&a->mask_mutex);
}

void kn_archive_forget(struct kn_archive *a, uint32_t ordinal)
{
    struct kn_mask mask = kn_mask_whole(ordinal);
    kn_archive_mask(a, mask.ordinal, mask.arrival, mask.version);
}

/* ---- open and close ---- */

static enum kn_rc read_manifest(struct kn_archive *a, struct kn_str manifest, struct kn_err *err)
{
    struct kn_cursor c = kn_cursor(manifest);
    if (manifest.len == 0) {
        return KN_OK;
    }
    a->next_number = kn_take_varint(&c);
    uint64_t runs = kn_take_varint(&c);
    for (uint64_t i = 0; i < runs && i < KN_RUNS_MAX; i++) {
        uint64_t number = kn_take_varint(&c);
        if (c.bad) {
            break;
        }
        KN_TRY(kn_run_open(a->disk, a->dir, number, &a->runs[a->run_count], err));
        a->run_count++;
    }
    uint64_t masks = kn_take_varint(&c);
    for (uint64_t i = 0; i < masks && !c.bad; i++) {
        struct kn_mask mask;
        mask.ordinal = (uint32_t)kn_take_varint(&c);
        mask.arrival = kn_take_varint(&c);
        mask.version = (uint32_t)kn_take_varint(&c);
        add_mask(a, mask);
    }
    if (c.bad || runs > KN_RUNS_MAX || c.p != c.end) {
        return kn_fail(err, KN_E_CORRUPT, "the list of archive files does not decode");
    }
    return KN_OK;
}

static void remove_stray(void *context, struct kn_str name, uint64_t bytes)
{
    struct kn_archive *a = context;
    char path[512];
    uint64_t number;
    (void)bytes;
    if (!kn_str_ends(name, KN_STR(".run")) ||
        !kn_str_u64(kn_str_sub(name, 0, name.len - 4), &number)) {
        return;
    }
    for (size_t i = 0; i < a->run_count; i++) {
        if (a->runs[i]->number == number) {
            return;
        }
    }
    (void)snprintf(path, sizeof path, "%s/%.*s", a->dir, KN_STR_ARG(name));
    (void)kn_disk_remove(a->disk, path, NULL); /* else at the next start */
}

enum kn_rc kn_archive_open(struct kn_disk disk, const struct kn_archive_options *options,
                           struct kn_str manifest, bool read_only, struct kn_archive **ret,
                           struct kn_err *err)
{
    struct kn_archive *a = kn_must_calloc(1, sizeof *a);
    a->disk = disk;
    a->block_bytes = options->block_bytes ? options->block_bytes : BLOCK_BYTES;
    a->level = options->level ? options->level : LEVEL;
    a->next_number = 1;
    a->tail = kn_tail_new(0);
    kn_mutex_init(&a->mask_mutex);
    a->dir = kn_strdup(options->dir);
    enum kn_rc rc = a->dir ? KN_OK : kn_fail(err, KN_E_NOMEM, "out of memory");
    if (rc == KN_OK && !read_only) {
        rc = kn_disk_make_dir(disk, a->dir, err);
    }
    if (rc == KN_OK) {
        rc = read_manifest(a, manifest, err);
    }
    if (rc == KN_OK && !read_only) {
        rc = kn_disk_list(disk, a->dir, remove_stray, a, err);
    }
    if (rc != KN_OK) {
        kn_archive_close(a);
        return rc;
    }
    *ret = a;
    return KN_OK;
}

void kn_archive_close(struct kn_archive *a)
{
    if (!a) {
        return;
    }
    kn_archive__merge_free(a);
    for (size_t i = 0; i < a->next_count; i++) {
        kn_run_unref(a->next[i]);
    }
    for (size_t i = 0; i < a->run_count; i++) {
        kn_run_unref(a->runs[i]);
    }
    kn_tail_unref(a->tail);
    kn_tail_unref(a->frozen);
    kn_mutex_deinit(&a->mask_mutex);
    kn_free(a->masks);
    kn_free(a->dir);
    kn_free(a);
}

struct kn_str kn_archive_append(struct kn_archive *a, const struct kn_archive_row *row)
{
    kn_tail_append(a->tail, row);
    return a->tail->rows[a->tail->count - 1].row.item;
}

/* ---- checkpoint ---- */

void kn_archive_freeze(struct kn_archive *a)
{
    kn_assert(!a->frozen && !a->written);
    a->frozen_masks = a->mask_count;
    a->frozen = a->tail;
    a->tail = kn_tail_new(a->frozen->count);
}

bool kn_archive_has_room(const struct kn_archive *a)
{
    return a->run_count < KN_RUNS_MAX || (a->merge && a->merge->done);
}

static struct kn_run *ref(struct kn_run *run)
{
    atomic_fetch_add(&run->references, 1);
    return run;
}

/* Rows are written person by person, but stand in memory in order of arrival: what the next ones
 * need is fetched meanwhile, first the row, then its bytes. */
static void prefetch_ahead(const struct kn_tail *t, const uint32_t *order, size_t i)
{
    enum { ROW = 12, BYTES = 6, LINE = 64, LINES_MAX = 16 };
    if (i + ROW < t->count) {
        __builtin_prefetch(&t->rows[order[i + ROW]]);
    }
    if (i + BYTES < t->count) {
        struct kn_str item = t->rows[order[i + BYTES]].row.item;
        for (size_t at = 0; at < item.len && at < (size_t)LINE * LINES_MAX; at += LINE) {
            __builtin_prefetch(item.p + at);
        }
    }
}

static enum kn_rc write_frozen(struct kn_archive *a, struct kn_run **ret, struct kn_err *err)
{
    struct kn_run_writer w;
    const struct kn_tail *t = a->frozen;
    size_t mask_count;
    struct kn_mask *masks = kn_archive__sorted_masks(a, &mask_count);
    uint32_t *order = kn_tail_sorted(t);
    uint64_t number = a->next_number++;
    enum kn_rc rc =
        kn_run_writer_open(&w, a->disk, a->dir, number, a->block_bytes, LEVEL_FRESH, err);
    for (size_t i = 0; i < t->count && rc == KN_OK; i++) {
        prefetch_ahead(t, order, i);
        const struct kn_archive_row *row = &t->rows[order[i]].row;
        if (!kn_mask_has_whole(masks, mask_count, row->ordinal)) {
            rc = kn_run_writer_add(&w, row, err);
        }
    }
    if (rc == KN_OK) {
        rc = kn_run_writer_finish(&w, err);
    }
    kn_run_writer_close(&w);
    kn_free(order);
    kn_free(masks);
    if (rc == KN_OK) {
        rc = kn_run_open(a->disk, a->dir, number, ret, err);
        if (rc != KN_OK) {
            (void)kn_disk_remove(a->disk, w.path, NULL); /* the next try makes another */
        }
    }
    return rc;
}

enum kn_rc kn_archive_write(struct kn_archive *a, struct kn_err *err)
{
    struct kn_run *made = NULL;
    if (a->written) {
        return KN_OK; /* a commit that failed on a full disk is tried again */
    }
    if (!kn_archive_has_room(a)) {
        return kn_fail(err, KN_E_FULL, "too many archive files wait to be merged");
    }
    if (a->frozen->count > 0) {
        KN_TRY(write_frozen(a, &made, err));
    }
    const struct kn_merge *m = a->merge && a->merge->done ? a->merge : NULL;
    a->next_count = 0;
    for (size_t i = 0; i < a->run_count; i++) {
        if (m && a->runs[i] == m->inputs[0].run) {
            a->next[a->next_count++] = ref(m->done);
        } else if (!m || a->runs[i] != m->inputs[1].run) {
            a->next[a->next_count++] = ref(a->runs[i]);
        }
    }
    if (made) {
        kn_assert(a->next_count < KN_RUNS_MAX);
        a->next[a->next_count++] = made;
    }
    a->written = true;
    return KN_OK;
}

/* The masks that still matter once a finished merge has left its rows out. */
static size_t remaining_masks(const struct kn_archive *a, size_t count, struct kn_mask *to)
{
    const struct kn_merge *m = a->merge && a->merge->done ? a->merge : NULL;
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        struct kn_archive_row row = {.ordinal = a->masks[i].ordinal,
                                     .version = a->masks[i].version,
                                     .arrival = a->masks[i].arrival};
        if (!m || !kn_mask_has(m->masks, m->mask_count, &row)) {
            to[kept++] = a->masks[i];
        }
    }
    return kept;
}

void kn_archive_manifest(const struct kn_archive *a, struct kn_buf *out)
{
    struct kn_mutex *mutex = (struct kn_mutex *)(uintptr_t)&a->mask_mutex;
    kn_assert(a->written);
    kn_buf_varint(out, a->next_number);
    kn_buf_varint(out, a->next_count);
    for (size_t i = 0; i < a->next_count; i++) {
        kn_buf_varint(out, a->next[i]->number);
    }
    kn_mutex_lock(mutex);
    struct kn_mask *masks = kn_must_alloc((a->frozen_masks + 1) * sizeof *masks);
    size_t count = remaining_masks(a, a->frozen_masks, masks);
    kn_mutex_unlock(mutex);
    kn_buf_varint(out, count);
    for (size_t i = 0; i < count; i++) {
        kn_buf_varint(out, masks[i].ordinal);
        kn_buf_varint(out, masks[i].arrival);
        kn_buf_varint(out, masks[i].version);
    }
    kn_free(masks);
}

static bool stays(const struct kn_archive *a, const struct kn_run *run)
{
    for (size_t i = 0; i < a->next_count; i++) {
        if (a->next[i] == run) {
            return true;
        }
    }
    return false;
}

/* Masks of ordinals that had no row in any file before the freeze, and whose rows in the tail were
 * not written: such an ordinal gets none any more. */
static void drop_clean_masks(struct kn_archive *a)
{
    size_t kept = 0;
    for (size_t i = 0; i < a->mask_count; i++) {
        if (i >= a->clean_masks || !kn_mask_is_whole(&a->masks[i])) {
            a->masks[kept++] = a->masks[i];
        }
    }
    a->mask_count = kept;
    a->clean_masks = 0;
}

void kn_archive_install(struct kn_archive *a)
{
    kn_assert(a->written);
    for (size_t i = 0; i < a->run_count; i++) {
        if (!stays(a, a->runs[i])) {
            (void)kn_disk_remove(a->disk, a->runs[i]->path, NULL); /* pins keep their mapping */
        }
        kn_run_unref(a->runs[i]);
    }
    memcpy(a->runs, a->next, a->next_count * sizeof a->next[0]);
    a->run_count = a->next_count;
    a->next_count = 0;
    a->written = false;
    kn_tail_unref(a->frozen);
    a->frozen = NULL;
    if (a->clean_masks > 0) {
        kn_mutex_lock(&a->mask_mutex);
        drop_clean_masks(a);
        kn_mutex_unlock(&a->mask_mutex);
    }
    if (a->merge && a->merge->done) {
        kn_mutex_lock(&a->mask_mutex);
        a->mask_count = remaining_masks(a, a->mask_count, a->masks);
        kn_mutex_unlock(&a->mask_mutex);
        kn_archive__merge_free(a);
    }
}

/* ---- numbers and checks ---- */

void kn_archive_usage(const struct kn_archive *a, struct kn_archive_usage *ret)
{
    *ret = (struct kn_archive_usage){.masks = a->mask_count, .runs = a->run_count};
    ret->tail_rows = a->tail->count + (a->frozen ? a->frozen->count : 0);
    ret->tail_bytes = a->tail->bytes + (a->frozen ? a->frozen->bytes : 0);
    ret->rows = ret->tail_rows;
    for (size_t i = 0; i < a->run_count; i++) {
        ret->rows += a->runs[i]->rows;
        ret->run_bytes += a->runs[i]->bytes;
        ret->raw_bytes += a->runs[i]->raw_bytes;
    }
    if (a->merge) {
        const struct kn_run *second = a->merge->inputs[1].run;
        ret->merging_bytes = a->merge->inputs[0].run->bytes + (second ? second->bytes : 0);
    }
}

static enum kn_rc verify_run(const struct kn_archive *a, const struct kn_run *run,
                             const struct kn_mask *masks, kn_archive_row_fn fn, void *context,
                             struct kn_err *err)
{
    struct kn_archive_row last = {0};
    uint64_t rows = 0;
    (void)a;
    for (size_t i = 0; i < run->block_count; i++) {
        struct kn_rows block;
        bool sound = true;
        KN_TRY(kn_run_read_block(run, i, &block, err));
        for (size_t k = 0; k < block.count && sound; k++, rows++) {
            const struct kn_archive_row *row = &block.rows[k];
            sound = rows == 0 || kn_row_cmp(&last, row) < 0;
            last = *row;
            last.item = KN_STR_EMPTY;
            if (sound && fn && !kn_mask_has(masks, a->mask_count, row)) {
                sound = fn(context, row);
            }
        }
        kn_rows_free(&block);
        if (!sound) {
            return kn_fail(err, KN_E_CORRUPT, "%s at offset %llu: a row is out of order or bad",
                           run->path, (unsigned long long)run->blocks[i].offset);
        }
    }
    return rows == run->rows ? KN_OK
                             : kn_fail(err, KN_E_CORRUPT, "%s has %llu rows, not %llu", run->path,
                                       (unsigned long long)rows, (unsigned long long)run->rows);
}

enum kn_rc kn_archive_verify(struct kn_archive *a, kn_archive_row_fn fn, void *context,
                             struct kn_err *err)
{
    enum kn_rc rc = KN_OK;
    size_t count;
    struct kn_mask *masks = kn_archive__sorted_masks(a, &count);
    for (size_t i = 0; i < a->run_count && rc == KN_OK; i++) {
        rc = verify_run(a, a->runs[i], masks, fn, context, err);
    }
    kn_free(masks);
    return rc;
}
