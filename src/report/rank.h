/* Which groups are shown, in which order; medians. Pure. */
#ifndef KN_REPORT_RANK_H
#define KN_REPORT_RANK_H

#include "report/values.h"

struct kn_ranking {
    uint32_t *ids; /* of the value set, most first, then by value; those with nothing left out */
    uint32_t count, left_out;
};
/* totals: by id. limit 0: all. */
enum kn_rc kn_rank(const struct kn_value_set *set, const uint64_t *totals, uint32_t limit,
                   struct kn_arena *arena, struct kn_ranking *ret, struct kn_err *err) KN_MUST_USE;

/* The number in place k (from 0) of the order of n numbers; changes their order. */
int64_t kn_rank_select(int64_t *numbers, size_t n, size_t k);
/* Twice the median of n > 0 numbers (the sum of the two in the middle); changes their order. */
int64_t kn_median_twice(int64_t *numbers, size_t n);

#endif
