/* Every byte of a file is what was written, and everything it says is within bounds and in order.
 */
#include "base/hash.h"
#include "behaviour/columns_file.h"

static enum kn_rc check_regions(const struct kn_col_run *run, struct kn_err *err)
{
    uint64_t end = KN_COL_HEADER;
    for (uint32_t i = 0; i < run->region_count; i++) {
        const struct kn_col_stored *r = &run->regions[i];
        if (kn_checksum64(kn_str(run->map + r->offset, r->bytes)) != r->checksum) {
            return kn_col_damaged(run, r->offset, "a checksum is wrong", err);
        }
        end = r->offset + r->bytes;
        for (; end % KN_COL_ALIGN != 0; end++) {
            if (run->map[end] != 0) {
                return kn_col_damaged(run, end, "a byte between regions is not zero", err);
            }
        }
    }
    return KN_OK;
}

static bool check_voids(const struct kn_col_run *run)
{
    for (int k = 0; k < KN_COL_VOIDS; k++) {
        for (uint32_t i = 0; i < run->void_counts[k]; i++) {
            if (run->voids[k][i] >= run->ordinal_end ||
                (i > 0 && run->voids[k][i - 1] >= run->voids[k][i])) {
                return false;
            }
        }
    }
    return true;
}

static bool check_groups(const struct kn_col_run *run, const struct kn_table_part *p)
{
    uint64_t row = 0;
    uint32_t large = 0;
    for (uint32_t g = 0; g < p->groups; g++) {
        uint32_t rows = p->counts[g];
        if (p->ordinals[g] >= run->ordinal_end || (g > 0 && p->ordinals[g - 1] >= p->ordinals[g]) ||
            (g % 256 == 0 && p->block_rows[g / 256] != row)) {
            return false;
        }
        if (rows == 255) {
            if (large == p->large_count || p->large[large].group != g ||
                p->large[large].rows < 255) {
                return false;
            }
            rows = p->large[large++].rows;
        }
        if (rows == 0 || rows > p->rows - row) {
            return false;
        }
        row += rows;
    }
    return row == p->rows && large == p->large_count &&
           (p->groups % 256 != 0 || p->block_rows[p->groups / 256] == row);
}

static bool check_order(const struct kn_col_table *t)
{
    const struct kn_table_part *p = &t->part;
    uint64_t row = 0;
    for (uint32_t g = 0; g < p->groups; g++) {
        uint64_t end = row + kn_part_group_rows(p, g);
        for (uint64_t first = row; row < end; row++) {
            uint64_t arrival = kn_part_arrival(p, row);
            int64_t us = kn_part_time(p, row);
            if (arrival > t->arrival_max || arrival < p->arrival_base || us > p->last_us) {
                return false;
            }
            if (row > first) {
                int64_t before = kn_part_time(p, row - 1);
                if (before > us || (before == us && kn_part_arrival(p, row - 1) > arrival)) {
                    return false;
                }
            }
        }
    }
    return true;
}

static uint64_t entries_of(const struct kn_table_part *p, uint32_t level)
{
    return level == 0 ? p->rows : p->arrays[level - 1].elements;
}

static bool check_arrays(const struct kn_table_part *p)
{
    for (uint32_t i = 0; i < p->array_count; i++) {
        const struct kn_column_array *a = &p->arrays[i];
        uint64_t entries = entries_of(p, a->parent);
        if (a->offsets[0] != 0 || a->offsets[entries] != a->elements) {
            return false;
        }
        for (uint64_t k = 0; k < entries; k++) {
            if (a->offsets[k] > a->offsets[k + 1]) {
                return false;
            }
        }
    }
    return true;
}

static bool check_dictionary(const struct kn_dictionary *d, uint32_t bytes)
{
    if (d->kinds[0] != KN_VALUE_ABSENT || d->offsets[0] != 0 || d->offsets[1] != 0 ||
        d->offsets[d->count] != bytes) {
        return false;
    }
    for (uint32_t i = 1; i < d->count; i++) {
        bool text = d->kinds[i] == KN_VALUE_STRING || d->kinds[i] == KN_VALUE_NUMBER;
        if (d->kinds[i] == KN_VALUE_ABSENT || d->kinds[i] > KN_VALUE_OBJECT ||
            d->offsets[i] > d->offsets[i + 1] || (!text && d->offsets[i] != d->offsets[i + 1])) {
            return false;
        }
    }
    return true;
}

static bool check_columns(const struct kn_col_table *t)
{
    const struct kn_table_part *p = &t->part;
    for (uint32_t i = 0; i < p->column_count; i++) {
        const struct kn_column *c = &p->columns[i];
        if (!check_dictionary(&c->dictionary, t->text_bytes[i])) {
            return false;
        }
        for (uint64_t k = 0; k < entries_of(p, c->level); k++) {
            if (kn_column_code(c, k) >= c->dictionary.count) {
                return false;
            }
        }
    }
    return true;
}

enum kn_rc kn_col_run_verify(const struct kn_col_run *run, struct kn_err *err)
{
    KN_TRY(check_regions(run, err));
    if (!check_voids(run)) {
        return kn_col_damaged(run, KN_COL_HEADER, "a list of ordinals makes no sense", err);
    }
    for (uint32_t i = 0; i < run->table_count; i++) {
        const struct kn_col_table *t = &run->tables[i];
        const struct kn_table_part *p = &t->part;
        if (!check_groups(run, p) || !check_order(t) || !check_arrays(p) || !check_columns(t)) {
            uint64_t offset = (uint64_t)((const char *)p->ordinals - run->map);
            return kn_col_damaged(run, offset, "a table makes no sense", err);
        }
    }
    return KN_OK;
}

enum kn_rc kn_columns_verify(struct kn_columns *c, struct kn_err *err)
{
    uint32_t count;
    uint64_t version;
    struct kn_col_run **runs = kn_col_hold_runs(c, &count, &version);
    if (!runs) {
        return kn_col_no_memory(err);
    }
    enum kn_rc rc = KN_OK;
    for (uint32_t i = 0; i < count && rc == KN_OK; i++) {
        if (!runs[i]->is_small) {
            rc = kn_col_run_verify(runs[i], err);
        }
    }
    kn_col_let_go(runs, count);
    return rc;
}
