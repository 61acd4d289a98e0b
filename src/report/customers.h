/* What is known of each customer before groups are made. Room-private. */
#ifndef KN_REPORT_CUSTOMERS_H
#define KN_REPORT_CUSTOMERS_H

#include "report/phase.h"
#include "report/values.h"

struct kn_customer {
    uint32_t ordinal;
    uint32_t orders, home_orders;        /* home: in the home currency, with an amount */
    int64_t last_us;                     /* of the latest order; INT64_MIN: none */
    int64_t monetary;                    /* sum in the home currency, in 1/10000 */
    uint32_t amount_first, amount_count; /* of the job's amounts */
    uint8_t phase;
};
/* What a customer spent in one currency. */
struct kn_amount {
    uint32_t currency; /* number in the set of currencies; 0: not said */
    struct kn_wide sum;
};
struct kn_customers_job {
    const struct kn_customers_plan *plan;
    struct kn_slab slab;
    struct kn_phase_block *phases;
    struct kn_customer *customers;
    size_t count, cap;
    struct kn_amount *amounts;
    size_t amount_count, amount_cap;
    enum kn_rc rc;
    struct kn_err err;
};
struct kn_customers_plan {
    const struct kn_report *report;
    const struct kn_customers *request;
    struct kn_population population;
    struct kn_lane orders;
    struct kn_value_set currency_set, number_set;
    struct kn_column_field currency, value;
    struct kn_numbers numbers;
    struct kn_phase_lanes phases; /* KN_GROUPING_PHASES: everybody is a customer */
    uint32_t home;                /* number of the home currency */
    struct kn_range ranges[KN_RANGES_MAX];
    struct kn_customers_job *jobs;
    uint32_t job_count;
};
/* Everybody with an order, in order of ordinals, job by job. */
enum kn_rc kn_customers_collect(struct kn_customers_plan *plan, struct kn_err *err) KN_MUST_USE;
void kn_customers_free(struct kn_customers_plan *plan);

/* How many fifths of all stand strictly below each value: 0 to 4. Changes the order of nothing. */
struct kn_fifths {
    int64_t edges[4]; /* a value above edges[i] has i + 1 fifths below it */
};
struct kn_fifths kn_fifths_of(int64_t *values, size_t n); /* n > 0; values are reordered */
unsigned kn_fifths_below(const struct kn_fifths *fifths, int64_t value);

#endif
