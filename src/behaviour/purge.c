/* Hidden rows leave the files: runs that have some are written again, one after the other, by the
 * machinery of merges. */
#include "behaviour/archive_internal.h"

#include "base/mem.h"

/* The first mask that may be about an ordinal. */
static size_t first_of(const struct kn_mask *masks, size_t count, uint32_t ordinal)
{
    size_t low = 0;
    size_t high = count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (masks[middle].ordinal < ordinal) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static enum kn_rc has_hidden(const struct kn_run *run, const struct kn_mask *masks, size_t count,
                             bool *ret, struct kn_err *err)
{
    *ret = false;
    for (size_t b = 0; b < run->block_count && !*ret; b++) {
        const struct kn_block *block = &run->blocks[b];
        size_t first = first_of(masks, count, block->first_ordinal);
        struct kn_rows rows;
        if (first == count || masks[first].ordinal > block->last_ordinal) {
            continue;
        }
        KN_TRY(kn_run_read_block(run, b, &rows, err));
        for (size_t i = 0; i < rows.count && !*ret; i++) {
            *ret = kn_mask_has(masks, count, &rows.rows[i]);
        }
        kn_rows_free(&rows);
    }
    return KN_OK;
}

bool kn_archive_waits(const struct kn_archive *a)
{
    return a->merge && a->merge->done;
}

enum kn_rc kn_archive_purge(struct kn_archive *a, bool *ret_clean, struct kn_err *err)
{
    size_t count;
    enum kn_rc rc = KN_OK;
    bool found = false;
    *ret_clean = false;
    a->clean_masks = 0;
    if (a->merge) {
        return KN_OK; /* it may carry such rows, or leave them out: its result will tell */
    }
    struct kn_mask *masks = kn_archive__sorted_masks(a, &count);
    for (size_t i = 0; count > 0 && i < a->run_count && rc == KN_OK && !found; i++) {
        rc = has_hidden(a->runs[i], masks, count, &found, err);
        if (rc == KN_OK && found) {
            rc = kn_archive__rewrite(a, i, err);
        }
    }
    *ret_clean = rc == KN_OK && !found;
    a->clean_masks = *ret_clean ? count : 0;
    kn_free(masks);
    return rc;
}
