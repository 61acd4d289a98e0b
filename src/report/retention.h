/* The two ways retention is counted. Room-private. */
#ifndef KN_REPORT_RETENTION_H
#define KN_REPORT_RETENTION_H

#include "report/calendar.h"
#include "report/dimension.h"

/* Shared by all jobs. */
struct kn_retention_plan {
    const struct kn_report *report;
    const struct kn_retention *request;
    struct kn_population population;
    struct kn_lane first, back;
    struct kn_dimension dimension;
    struct kn_edges edges; /* from the first cohort's unit to the last period's */
    uint32_t cohorts;
    uint32_t columns; /* of a cohort's counts: its size, then periods 0 to n */
    uint32_t cell_group;
    bool by_bits; /* see retention_bits.c */
    struct kn_range ranges[KN_RANGES_MAX];
    struct kn_retention_job *jobs;
};

struct kn_retention_job {
    struct kn_retention_plan *r;
    struct kn_slab first, back;
    struct kn_dimension_block block;
    struct kn_ids groups;
    struct kn_retention_bits *bits; /* by bits: the slabs stay empty */
    uint64_t *counts;               /* [cohorts x columns], without a breakdown */
    struct kn_cells cells;          /* by (group x cohorts + cohort) x columns + column */
    enum kn_rc rc;
    struct kn_err err;
};

/* Without a breakdown, and when the first event and those that count as a return are the same, the
 * units in which a profile has one row and two rows say it all. True when this holds and the units
 * are few enough. */
bool kn_retention_fits_bits(const struct kn_retention_plan *plan);
/* *ret is to be freed even after an error. @errors KN_E_NOMEM */
enum kn_rc kn_retention_bits_new(const struct kn_retention_plan *plan,
                                 struct kn_retention_bits **ret, struct kn_err *err) KN_MUST_USE;
void kn_retention_bits_free(struct kn_retention_bits *bits); /* NULL is fine */
/* Counts a block's profiles, or marks them when members are asked for. */
void kn_retention_bits_block(struct kn_retention_job *job, uint32_t first);
/* Adds what was counted to job->counts. */
void kn_retention_bits_finish(struct kn_retention_job *job);

#endif
