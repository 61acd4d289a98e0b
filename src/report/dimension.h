/* A breakdown at work: the groups of a row, block by block. */
#ifndef KN_REPORT_DIMENSION_H
#define KN_REPORT_DIMENSION_H

#include "report/phase.h"
#include "report/values.h"

/* Shared by all jobs. */
struct kn_dimension {
    enum kn_breakdown_kind kind;
    struct kn_value_set set;      /* the groups */
    struct kn_lane facts;         /* profile rows, session rows */
    struct kn_column_field field; /* over the counted lane (KN_BREAKDOWN_ROW) or over facts */
    struct kn_value_set truths;   /* KN_BREAKDOWN_SESSION: of #visit */
    struct kn_column_field visit; /* KN_BREAKDOWN_SESSION: over the counted lane */
    uint32_t visit_true;
    struct kn_phase_lanes phases;
    uint32_t phase_ids[KN_PHASE_COUNT];
};
/* One job's. */
struct kn_dimension_block {
    struct kn_slab facts;
    struct kn_phase_block *phases;
};

/* `counted`: the lane whose rows are broken down. */
enum kn_rc kn_dimension_make(const struct kn_report *report, const struct kn_breakdown *breakdown,
                             const struct kn_lane *counted, struct kn_dimension *ret,
                             struct kn_err *err) KN_MUST_USE;
void kn_dimension_free(struct kn_dimension *dimension);
void kn_dimension_block_free(struct kn_dimension_block *block);
/* Before rows of a block are asked for. */
enum kn_rc kn_dimension_load(const struct kn_dimension *dimension, struct kn_dimension_block *block,
                             const struct kn_population *population, uint32_t first,
                             const uint64_t want[KN_BLOCK_WORDS], struct kn_err *err) KN_MUST_USE;
/* The groups of a row of local ordinal `local`, at least one, in list->ids (emptied before).
 * Without a breakdown that is group 0. */
enum kn_rc kn_dimension_groups(const struct kn_dimension *dimension,
                               struct kn_dimension_block *block, uint32_t local, int64_t us,
                               struct kn_row_ref ref, struct kn_ids *list,
                               struct kn_err *err) KN_MUST_USE;

#endif
