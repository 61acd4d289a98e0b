/* Two neighbouring runs become one, a bounded piece at a time. */
#include <stdlib.h>

#include "base/assert.h"
#include "base/mem.h"
#include "behaviour/archive_internal.h"

void kn_archive__merge_free(struct kn_archive *a)
{
    struct kn_merge *m = a->merge;
    if (!m) {
        return;
    }
    for (size_t i = 0; i < 2; i++) {
        kn_rows_free(&m->inputs[i].rows);
        kn_run_unref(m->inputs[i].run); /* NULL is fine */
    }
    if (m->writing) {
        kn_run_writer_close(&m->writer);
    }
    if (m->finished && !m->done) {
        (void)kn_disk_remove(a->disk, m->writer.path, NULL); /* else at the next start */
    }
    kn_run_unref(m->done);
    kn_free(m->masks);
    kn_free(m);
    a->merge = NULL;
}

/* The newest pair whose older run is not much larger: rows are rewritten about log2(n) times and
 * the number of runs stays logarithmic. */
static bool find_pair(const struct kn_archive *a, size_t *ret)
{
    for (size_t i = a->run_count; i >= 2; i--) {
        if (a->runs[i - 2]->bytes < a->runs[i - 1]->bytes * 2 || a->run_count > KN_RUNS_MAX / 2) {
            *ret = i - 2;
            return true;
        }
    }
    return false;
}

static enum kn_rc begin(struct kn_archive *a, size_t first, size_t count, struct kn_err *err)
{
    struct kn_merge *m = kn_calloc(1, sizeof *m);
    if (!m) {
        return kn_fail(err, KN_E_NOMEM, "out of memory");
    }
    a->merge = m;
    for (size_t i = 0; i < count; i++) {
        m->inputs[i].run = a->runs[first + i];
        atomic_fetch_add(&m->inputs[i].run->references, 1);
    }
    m->masks = kn_archive__sorted_masks(a, &m->mask_count);
    m->writing = true;
    return kn_run_writer_open(&m->writer, a->disk, a->dir, a->next_number++, a->block_bytes,
                              a->level, err);
}

/* The row an input stands on; NULL at its end. */
static enum kn_rc peek(struct kn_merge_input *in, const struct kn_archive_row **ret,
                       struct kn_err *err)
{
    while (in->at == in->rows.count) {
        kn_rows_free(&in->rows);
        in->at = 0;
        if (!in->run || in->next_block == in->run->block_count) {
            *ret = NULL;
            return KN_OK;
        }
        KN_TRY(kn_run_read_block(in->run, in->next_block++, &in->rows, err));
    }
    *ret = &in->rows.rows[in->at];
    return KN_OK;
}

/* Only masks of rows that really were left out may be forgotten. */
static enum kn_rc merge_rows(struct kn_merge *m, uint64_t bytes, bool *ret_end, struct kn_err *err)
{
    uint64_t moved = 0;
    *ret_end = false;
    while (moved < bytes) {
        const struct kn_archive_row *a = NULL;
        const struct kn_archive_row *b = NULL;
        KN_TRY(peek(&m->inputs[0], &a, err));
        KN_TRY(peek(&m->inputs[1], &b, err));
        if (!a && !b) {
            *ret_end = true;
            return KN_OK;
        }
        bool first = a && (!b || kn_row_cmp(a, b) < 0);
        const struct kn_archive_row *row = first ? a : b;
        if (!kn_mask_has(m->masks, m->mask_count, row)) {
            KN_TRY(kn_run_writer_add(&m->writer, row, err));
        }
        moved += row->item.len + 32;
        m->inputs[first ? 0 : 1].at++;
    }
    return KN_OK;
}

/* Keeps of the merge's masks those whose row stood in one of its inputs: these are done with. Masks
 * of all rows of an ordinal are never among them: kn_archive_purge takes those away. */
static enum kn_rc settle_masks(struct kn_merge *m, struct kn_err *err)
{
    size_t kept = 0;
    for (size_t i = 0; i < m->mask_count; i++) {
        bool found = false;
        for (size_t k = 0; k < 2 && !found; k++) {
            const struct kn_run *run = m->inputs[k].run;
            for (size_t b = 0; run && b < run->block_count && !found; b++) {
                if (run->blocks[b].first_ordinal > m->masks[i].ordinal ||
                    run->blocks[b].last_ordinal < m->masks[i].ordinal) {
                    continue;
                }
                struct kn_rows rows;
                KN_TRY(kn_run_read_block(run, b, &rows, err));
                for (size_t r = 0; r < rows.count && !found; r++) {
                    found = rows.rows[r].ordinal == m->masks[i].ordinal &&
                            rows.rows[r].arrival == m->masks[i].arrival &&
                            rows.rows[r].version == m->masks[i].version;
                }
                kn_rows_free(&rows);
            }
        }
        if (found) {
            m->masks[kept++] = m->masks[i];
        }
    }
    m->mask_count = kept;
    return KN_OK;
}

enum kn_rc kn_archive_merge_step(struct kn_archive *a, uint64_t bytes, bool *ret_more,
                                 struct kn_err *err)
{
    size_t pair;
    bool end = false;
    *ret_more = false;
    kn_assert(!a->written);
    if (a->merge && a->merge->done) {
        return KN_OK; /* waits for the next checkpoint */
    }
    enum kn_rc rc = KN_OK;
    if (!a->merge) {
        if (!find_pair(a, &pair)) {
            return KN_OK;
        }
        rc = begin(a, pair, 2, err);
    }
    if (rc == KN_OK) {
        kn_assert(a->merge != NULL);
        rc = merge_rows(a->merge, bytes, &end, err);
    }
    if (rc == KN_OK && end && a->merge) {
        rc = kn_run_writer_finish(&a->merge->writer, err);
        a->merge->finished = rc == KN_OK;
        if (rc == KN_OK) {
            rc = settle_masks(a->merge, err);
        }
        if (rc == KN_OK) {
            rc = kn_run_open(a->disk, a->dir, a->merge->writer.number, &a->merge->done, err);
        }
    }
    if (rc != KN_OK) {
        kn_archive__merge_free(a);
        return rc == KN_E_FULL ? KN_OK : rc; /* a full disk: merging waits */
    }
    *ret_more = !end;
    return KN_OK;
}

enum kn_rc kn_archive__rewrite(struct kn_archive *a, size_t at, struct kn_err *err)
{
    enum kn_rc rc = begin(a, at, 1, err);
    if (rc != KN_OK) {
        kn_archive__merge_free(a);
    }
    return rc;
}
