/* Checkpoints, and files that become one in the background. The conventions are the archive's. */
#include "base/assert.h"
#include "base/mem.h"
#include "behaviour/columns_file.h"

enum {
    TIERS = 4, /* rows are rewritten about log4(n) times */
    FILES_WANTED = 16,
    FILES_FORCED = 6, /* how many become one when there are too many */
};

struct kn_col_merge {
    struct kn_col_writer writer;
    struct kn_col_run **inputs; /* held */
    uint32_t count;
    struct kn_col_run *done; /* the result, waiting for the next checkpoint */
    bool finished;
};

void kn_col_merge_free(struct kn_columns *c)
{
    struct kn_col_merge *m = c->merge;
    if (!m) {
        return;
    }
    kn_col_writer_close(&m->writer);
    if (m->writer.whole && !m->finished) {
        (void)kn_disk_remove(c->disk, m->writer.path, NULL); /* else at the next start */
    }
    kn_col_let_go(m->inputs, m->count);
    kn_col_run_unref(m->done);
    kn_free(m);
    c->merge = NULL;
}

/* ---- checkpoint ---- */

void kn_columns_freeze(struct kn_columns *c)
{
    kn_assert(c->dir && !c->frozen && !c->written);
    kn_mutex_lock(&c->feed_mutex);
    kn_mutex_lock(&c->runs_mutex);
    c->frozen_generation = c->generation++;
    c->open_generation = c->generation;
    kn_mutex_unlock(&c->runs_mutex);
    kn_mutex_unlock(&c->feed_mutex);
    c->frozen = true;
}

static uint32_t count_files(struct kn_columns *c)
{
    uint32_t files = 0;
    kn_mutex_lock(&c->runs_mutex);
    while (files < c->run_count && !c->runs[files]->is_small) {
        files++;
    }
    kn_mutex_unlock(&c->runs_mutex);
    return files;
}

bool kn_columns_has_room(const struct kn_columns *columns)
{
    struct kn_columns *c = (struct kn_columns *)(uintptr_t)columns;
    return (c->merge && c->merge->finished) || count_files(c) < KN_COL_FILES_MAX;
}

/* The frozen runs in memory, held. No join has anything to do with them any more. */
static struct kn_col_run **hold_frozen(struct kn_columns *c, uint32_t *ret_count)
{
    uint32_t all;
    uint64_t version;
    kn_mutex_lock(&c->join_mutex);
    struct kn_col_run **runs = kn_col_hold_runs(c, &all, &version);
    kn_mutex_unlock(&c->join_mutex);
    uint32_t count = 0;
    for (uint32_t i = 0; i < all && runs; i++) {
        if (runs[i]->is_small && runs[i]->generation <= c->frozen_generation) {
            runs[count++] = runs[i];
        } else {
            kn_col_run_unref(runs[i]);
        }
    }
    *ret_count = count;
    return runs;
}

static enum kn_rc finish_file(struct kn_columns *c, struct kn_col_writer *w,
                              struct kn_col_run **ret, struct kn_err *err)
{
    uint64_t first = w->join->run->first;
    uint64_t last = w->join->run->last;
    KN_TRY(kn_col_writer_finish(w, err));
    enum kn_rc rc = kn_col_run_open(c->disk, c->dir, w->number, ret, err);
    if (rc != KN_OK) {
        (void)kn_disk_remove(c->disk, w->path, NULL); /* the next try makes another */
        w->whole = false;
        return rc;
    }
    (*ret)->first = first;
    (*ret)->last = last;
    return KN_OK;
}

static enum kn_rc write_runs(struct kn_columns *c, struct kn_col_run *const *runs, uint32_t count,
                             struct kn_col_run **ret, struct kn_err *err)
{
    struct kn_col_writer w;
    bool done;
    enum kn_rc rc = kn_col_writer_open(&w, c->disk, c->dir, c->next_number++, err);
    if (rc == KN_OK) {
        rc = kn_col_join_begin(&w.join, runs, count, NULL, 0, w.file, err);
    }
    if (rc == KN_OK) {
        w.join->keeps_voids = count_files(c) > 0;
        rc = kn_col_join_step(w.join, UINT64_MAX, &done, err);
    }
    if (rc == KN_OK) {
        rc = finish_file(c, &w, ret, err);
    }
    kn_col_writer_close(&w);
    return rc;
}

/* So many that one join cannot take them: some become one in memory first. */
static enum kn_rc reduce(struct kn_columns *c, struct kn_col_run ***runs, uint32_t *count,
                         struct kn_err *err)
{
    while (*runs && *count > KN_COL_INPUTS_MAX) {
        kn_mutex_lock(&c->join_mutex);
        enum kn_rc rc = kn_col_join_in_memory(c, *runs, KN_COL_INPUTS_MAX, err);
        kn_mutex_unlock(&c->join_mutex);
        kn_col_let_go(*runs, *count);
        *runs = NULL;
        KN_TRY(rc);
        *runs = hold_frozen(c, count);
    }
    return *runs ? KN_OK : kn_col_no_memory(err);
}

/* Has what is known about ordinals brought up to now: the oldest file does not keep what it voids.
 */
static enum kn_rc know_ordinals(struct kn_columns *c, struct kn_err *err)
{
    kn_mutex_lock(&c->view_mutex);
    enum kn_rc rc = kn_col_renew_view(c, err);
    kn_mutex_unlock(&c->view_mutex);
    return rc;
}

static enum kn_rc write_frozen(struct kn_columns *c, struct kn_col_run **ret, struct kn_err *err)
{
    uint32_t count;
    KN_TRY(kn_col_build_waiting(c, c->frozen_generation, err));
    if (count_files(c) == 0) {
        KN_TRY(know_ordinals(c, err));
    }
    struct kn_col_run **runs = hold_frozen(c, &count);
    enum kn_rc rc = reduce(c, &runs, &count, err);
    if (rc == KN_OK && count > 0) {
        rc = write_runs(c, runs, count, ret, err);
    }
    kn_col_let_go(runs, count);
    return rc;
}

/* The files as of the next install; `made` (may be NULL) is the newest. */
static enum kn_rc list_next(struct kn_columns *c, struct kn_col_run *made, struct kn_err *err)
{
    const struct kn_col_merge *m = c->merge && c->merge->finished ? c->merge : NULL;
    kn_mutex_lock(&c->runs_mutex);
    kn_assert(!c->next);
    c->next = kn_alloc((c->run_count + 2U) * sizeof(struct kn_col_run *));
    for (uint32_t i = 0; i < c->run_count && c->next && !c->runs[i]->is_small; i++) {
        struct kn_col_run *run = c->runs[i];
        for (uint32_t k = 0; m && k < m->count; k++) {
            if (c->runs[i] == m->inputs[k]) {
                run = k == 0 ? m->done : NULL;
            }
        }
        if (run) {
            kn_col_run_ref(run);
            c->next[c->next_count++] = run;
        }
    }
    if (c->next && made) {
        c->next[c->next_count++] = made;
    }
    kn_mutex_unlock(&c->runs_mutex);
    return c->next ? KN_OK : kn_col_no_memory(err);
}

enum kn_rc kn_columns_write(struct kn_columns *c, struct kn_err *err)
{
    struct kn_col_run *made = NULL;
    kn_assert(c->frozen);
    if (c->written) {
        return KN_OK; /* a commit that failed on a full disk is tried again */
    }
    if (!kn_columns_has_room(c)) {
        return kn_fail(err, KN_E_FULL, "too many behaviour files wait to be merged");
    }
    KN_TRY(write_frozen(c, &made, err));
    enum kn_rc rc = list_next(c, made, err);
    if (rc != KN_OK) {
        if (made) {
            (void)kn_disk_remove(c->disk, made->path, NULL); /* the next try makes another */
        }
        kn_col_run_unref(made);
        return rc;
    }
    c->written = true;
    return KN_OK;
}

void kn_columns_manifest(const struct kn_columns *c, struct kn_buf *out)
{
    kn_assert(c->written);
    kn_buf_varint(out, c->next_number);
    kn_buf_varint(out, c->next_count);
    for (uint32_t i = 0; i < c->next_count; i++) {
        kn_buf_varint(out, c->next[i]->number);
    }
}

static bool stays(const struct kn_columns *c, const struct kn_col_run *run)
{
    for (uint32_t i = 0; i < c->next_count; i++) {
        if (c->next[i] == run) {
            return true;
        }
    }
    return false;
}

void kn_columns_install(struct kn_columns *c)
{
    kn_assert(c->written);
    kn_mutex_lock(&c->view_mutex);
    kn_mutex_lock(&c->runs_mutex);
    struct kn_col_run **runs =
        kn_must_alloc((c->next_count + c->run_count + 1U) * sizeof(struct kn_col_run *));
    uint32_t count = 0;
    for (uint32_t i = 0; i < c->next_count; i++) {
        runs[count++] = c->next[i];
    }
    for (uint32_t i = 0; i < c->run_count; i++) {
        struct kn_col_run *run = c->runs[i];
        if (run->is_small && run->generation > c->frozen_generation) {
            runs[count++] = run;
            continue;
        }
        if (!run->is_small && !stays(c, run)) {
            (void)kn_disk_remove(c->disk, run->path, NULL); /* pins keep their mapping */
        }
        kn_col_run_unref(run);
    }
    c->run_room = c->next_count + c->run_count + 1;
    kn_free(c->runs);
    c->runs = runs;
    c->run_count = count;
    c->version++;
    kn_free(c->next);
    c->next = NULL;
    c->next_count = 0;
    c->written = false;
    c->frozen = false;
    kn_mutex_unlock(&c->runs_mutex);
    kn_columns_unpin(c->view ? &c->view->pin : NULL); /* it holds what is gone */
    c->view = NULL;
    kn_mutex_unlock(&c->view_mutex);
    if (c->merge && c->merge->finished) {
        kn_col_merge_free(c);
    }
}

/* ---- merges ---- */

/* Neighbours of similar size, the newest first: the newer ones together are at least TIERS - 1
 * times the oldest. *ret_count 0: none. */
static void find_similar(struct kn_col_run *const *files, uint32_t count, uint32_t *ret_first,
                         uint32_t *ret_count)
{
    uint64_t bytes = 0;
    *ret_count = 0;
    for (uint32_t i = 1; i <= count && i <= KN_COL_INPUTS_MAX; i++) {
        uint32_t at = count - i;
        if (i > 1 && files[at]->bytes * (TIERS - 1) <= bytes) {
            *ret_first = at;
            *ret_count = i;
        }
        bytes += files[at]->bytes;
    }
    if (*ret_count == 0 && count > FILES_WANTED) {
        *ret_first = count - FILES_FORCED;
        *ret_count = FILES_FORCED;
    }
    while (*ret_count > 1 && kn_col_join_is_too_large(files + *ret_first, *ret_count)) {
        ++*ret_first;
        --*ret_count;
    }
    *ret_count = *ret_count > 1 ? *ret_count : 0;
}

/* Rows of ordinals that a newer run forgets. */
static bool has_forgotten(const struct kn_col_run *run, const struct kn_col_run *by)
{
    for (uint32_t i = 0; i < by->void_counts[KN_COL_FORGOTTEN]; i++) {
        uint32_t ordinal = by->voids[KN_COL_FORGOTTEN][i];
        for (uint32_t t = 0; t < run->table_count; t++) {
            const struct kn_table_part *p = &run->tables[t].part;
            uint32_t g = kn_part_find(p, ordinal);
            if (g < p->groups && p->ordinals[g] == ordinal) {
                return true;
            }
        }
    }
    return false;
}

/* A file with rows that were forgotten. */
static void find_forgotten(struct kn_col_run *const *runs, uint32_t files, uint32_t count,
                           uint32_t *ret_first, uint32_t *ret_count)
{
    for (uint32_t i = 0; i < files; i++) {
        for (uint32_t k = i + 1; k < count; k++) {
            if (has_forgotten(runs[i], runs[k])) {
                *ret_first = i;
                *ret_count = 1;
                return;
            }
        }
    }
}

void kn_columns_purge(struct kn_columns *c)
{
    atomic_store(&c->purging, true);
}

bool kn_columns_is_purged(const struct kn_columns *c, bool *ret_waits)
{
    *ret_waits = c->merge && c->merge->finished;
    return !c->merge && !atomic_load(&c->purging);
}

static bool hold_inputs(struct kn_columns *c, struct kn_col_run *const *runs, uint32_t count)
{
    struct kn_col_merge *m = kn_calloc(1, sizeof *m);
    if (!m) {
        return false;
    }
    c->merge = m;
    m->inputs = kn_calloc(count, sizeof(struct kn_col_run *));
    for (uint32_t i = 0; i < count && m->inputs; i++) {
        kn_col_run_ref(runs[i]);
        m->inputs[i] = runs[i];
        m->count++;
    }
    return m->inputs != NULL;
}

/* Starts the merge that is most wanted; *ret_none: nothing is. Under the view mutex. */
static enum kn_rc begin(struct kn_columns *c, bool *ret_none, struct kn_err *err)
{
    KN_TRY(kn_col_renew_view(c, err));
    struct kn_col_run *const *runs = c->view->runs;
    uint32_t files = 0;
    uint32_t first = 0;
    uint32_t count = 0;
    while (files < c->view->pin.run_count && !runs[files]->is_small) {
        files++;
    }
    find_similar(runs, files, &first, &count);
    if (count == 0 && atomic_load(&c->purging)) {
        find_forgotten(runs, files, c->view->pin.run_count, &first, &count);
        atomic_store(&c->purging, count > 0);
    }
    *ret_none = count == 0;
    if (count == 0) {
        return KN_OK;
    }
    if (!hold_inputs(c, runs + first, count)) {
        return kn_col_no_memory(err);
    }
    struct kn_col_merge *m = c->merge;
    KN_TRY(kn_col_writer_open(&m->writer, c->disk, c->dir, c->next_number++, err));
    KN_TRY(kn_col_join_begin(&m->writer.join, m->inputs, count, c->ordinals, first, m->writer.file,
                             err));
    m->writer.join->keeps_voids = first > 0;
    return KN_OK;
}

/* A bounded piece of the merge under way. */
static enum kn_rc go_on(struct kn_columns *c, uint64_t bytes, bool *ret_end, struct kn_err *err)
{
    struct kn_col_merge *m = c->merge;
    KN_TRY(kn_col_join_step(m->writer.join, bytes, ret_end, err));
    if (*ret_end) {
        KN_TRY(finish_file(c, &m->writer, &m->done, err));
        m->finished = true;
        kn_col_writer_close(&m->writer);
    }
    return KN_OK;
}

enum kn_rc kn_columns_merge_step(struct kn_columns *c, uint64_t bytes, bool *ret_more,
                                 struct kn_err *err)
{
    bool none = false;
    bool end = false;
    enum kn_rc rc = KN_OK;
    *ret_more = false;
    kn_assert(!c->frozen);
    if (c->merge && c->merge->finished) {
        return KN_OK; /* waits for the next checkpoint */
    }
    if (!c->merge) {
        kn_mutex_lock(&c->view_mutex);
        rc = begin(c, &none, err);
        kn_mutex_unlock(&c->view_mutex);
    }
    if (rc == KN_OK && none) {
        return KN_OK;
    }
    if (rc == KN_OK) {
        rc = go_on(c, bytes, &end, err);
    }
    if (rc != KN_OK) {
        kn_col_merge_free(c);
        return rc == KN_E_FULL ? KN_OK : rc; /* a full disk: merging waits */
    }
    *ret_more = !end;
    return KN_OK;
}
