/* A series row by row. */
#include <stdlib.h>

#include "base/mem.h"
#include "report/series.h"

struct kn_cell *kn_series_cell(struct kn_series_job *job, uint64_t key)
{
    return job->dense ? &job->dense[key] : kn_cells_at(&job->cells, key, &job->err);
}

static enum kn_rc note_key(struct kn_series_job *j, uint64_t key)
{
    if (j->key_count == j->key_cap) {
        size_t cap = j->key_cap ? j->key_cap * 2 : 256;
        uint64_t *keys = kn_realloc(j->keys, cap * sizeof *keys);
        if (!keys) {
            return kn_fail(&j->err, KN_E_NOMEM, "no memory for a series");
        }
        j->keys = keys;
        j->key_cap = cap;
    }
    j->keys[j->key_count++] = key;
    return KN_OK;
}

/* The numbers of one row into one cell. */
static void add_numbers(const struct kn_series_job *j, struct kn_cell *c)
{
    const struct kn_numbers *n = &j->plan->numbers;
    for (uint32_t i = 0; i < j->numbers.count; i++) {
        uint32_t id = j->numbers.ids[i];
        if (n->is_number[id]) {
            kn_wide_add(&c->sum, n->values[id]);
            c->count++;
        }
    }
}

static bool has_number(const struct kn_series_job *j)
{
    for (uint32_t i = 0; i < j->numbers.count; i++) {
        if (j->plan->numbers.is_number[j->numbers.ids[i]]) {
            return true;
        }
    }
    return false;
}

static bool is_in_cell(const struct kn_series_job *j, uint32_t point)
{
    const struct kn_series *q = j->plan->request;
    bool in = !q->cell_value;
    for (uint32_t g = 0; g < j->groups.count && !in; g++) {
        in = j->groups.ids[g] == j->plan->cell_group;
    }
    return in && point == q->cell_point;
}

static enum kn_rc count_row(struct kn_series_job *j, uint32_t ordinal, uint32_t point)
{
    const struct kn_series_plan *p = j->plan;
    enum kn_measure measure = p->request->measure;
    bool summed = measure == KN_MEASURE_SUM || measure == KN_MEASURE_AVERAGE;
    if (p->report->members) {
        if ((!summed || has_number(j)) && is_in_cell(j, point)) {
            p->report->members[ordinal / 64] |= UINT64_C(1) << (ordinal % 64);
        }
        return KN_OK;
    }
    for (uint32_t g = 0; g < j->groups.count; g++) {
        uint64_t key = (uint64_t)j->groups.ids[g] * p->edges.count + point;
        if (measure == KN_MEASURE_PROFILES) {
            KN_TRY(note_key(j, key));
            continue;
        }
        struct kn_cell *c = kn_series_cell(j, key);
        if (!c) {
            return j->err.code;
        }
        if (summed) {
            add_numbers(j, c);
        } else {
            c->count++;
        }
    }
    return KN_OK;
}

static int compare_keys(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a;
    uint64_t y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static void sort_keys(uint64_t *keys, size_t n)
{
    if (n > 32) {
        qsort(keys, n, sizeof *keys, compare_keys);
        return;
    }
    for (size_t i = 1; i < n; i++) {
        uint64_t key = keys[i];
        size_t k = i;
        for (; k > 0 && keys[k - 1] > key; k--) {
            keys[k] = keys[k - 1];
        }
        keys[k] = key;
    }
}

/* A profile counts once in each group and point. */
static enum kn_rc count_keys(struct kn_series_job *j)
{
    sort_keys(j->keys, j->key_count);
    for (size_t i = 0; i < j->key_count; i++) {
        if (i > 0 && j->keys[i] == j->keys[i - 1]) {
            continue;
        }
        struct kn_cell *c = kn_series_cell(j, j->keys[i]);
        if (!c) {
            return j->err.code;
        }
        c->count++;
    }
    j->key_count = 0;
    return KN_OK;
}

static enum kn_rc count_profile(struct kn_series_job *j, uint32_t first, uint32_t local)
{
    const struct kn_series_plan *p = j->plan;
    for (uint32_t r = j->slab.start[local]; r < j->slab.end[local]; r++) {
        int64_t us = j->slab.us[r];
        uint32_t point = p->request->timeless ? 0 : kn_edges_find(&p->edges, us);
        if (point == KN_EDGES_NONE) {
            continue;
        }
        KN_TRY(kn_dimension_groups(&p->dimension, &j->block, local, us, j->slab.refs[r], &j->groups,
                                   &j->err));
        if (p->numbers.values) {
            j->numbers.count = 0;
            KN_TRY(kn_field_all(&p->numbers_field, j->slab.refs[r], &j->numbers, &j->err));
        }
        KN_TRY(count_row(j, first + local, point));
    }
    return count_keys(j);
}

enum kn_rc kn_series_block(struct kn_series_job *job, uint32_t first)
{
    const struct kn_series_plan *p = job->plan;
    uint64_t want[KN_BLOCK_WORDS];
    memcpy(want, p->population.counted + first / 64, sizeof want);
    KN_TRY(kn_slab_load(&job->slab, &p->lane, &p->population, first, want, &job->err));
    kn_slab_narrow(&job->slab, want);
    KN_TRY(kn_dimension_load(&p->dimension, &job->block, &p->population, first, want, &job->err));
    for (uint32_t w = 0; w < KN_BLOCK_WORDS; w++) {
        for (uint64_t bits = want[w]; bits != 0; bits &= bits - 1) {
            KN_TRY(count_profile(job, first, w * 64 + (uint32_t)__builtin_ctzll(bits)));
        }
    }
    return KN_OK;
}
