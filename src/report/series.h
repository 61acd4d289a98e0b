/* The two ways a series is counted. Room-private. */
#ifndef KN_REPORT_SERIES_H
#define KN_REPORT_SERIES_H

#include "report/calendar.h"
#include "report/dimension.h"

/* Shared by all jobs. */
struct kn_series_plan {
    const struct kn_report *report;
    const struct kn_series *request;
    struct kn_population population;
    struct kn_lane lane;
    struct kn_edges edges;
    struct kn_dimension dimension;
    struct kn_value_set number_set; /* sum, average: the values of the column */
    struct kn_column_field numbers_field;
    struct kn_numbers numbers;
    uint32_t cell_group;
    struct kn_range ranges[KN_RANGES_MAX];
};

/* One job's counts: by group x points + point. */
struct kn_series_job {
    const struct kn_series_plan *plan;
    struct kn_cell *dense; /* [groups x points] when they are few, else NULL: cells */
    struct kn_cells cells;
    enum kn_rc rc;
    struct kn_err err;
    /* scratch */
    struct kn_slab slab;
    struct kn_dimension_block block;
    struct kn_ids groups, numbers;
    uint64_t *keys;
    size_t key_count, key_cap;
    struct kn_series_bits *bits;
};
/* NULL: job->err. */
struct kn_cell *kn_series_cell(struct kn_series_job *job, uint64_t key);

/* Row by row. */
enum kn_rc kn_series_block(struct kn_series_job *job, uint32_t first) KN_MUST_USE;

/* Distinct profiles without a breakdown: each profile of a block has a bit per point, which its
 * rows set in any order. Columns of times are read once, and nothing else is. */
enum kn_rc kn_series_bits_new(const struct kn_series_plan *plan, struct kn_series_bits **ret,
                              struct kn_err *err) KN_MUST_USE;
void kn_series_bits_free(struct kn_series_bits *bits);
void kn_series_bits_block(struct kn_series_job *job, uint32_t first);
/* Adds what was counted to the job's cells. */
enum kn_rc kn_series_bits_finish(struct kn_series_job *job) KN_MUST_USE;

#endif
