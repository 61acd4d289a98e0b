/* The customer phase of each profile of a block (docs/reports.md has the rules in words). */
#ifndef KN_REPORT_PHASE_H
#define KN_REPORT_PHASE_H

#include "report/rows.h"

struct kn_phase_lanes {
    struct kn_phase_rules rules;
    int64_t now;
    struct kn_lane orders, sessions, views;
    struct kn_lane signals[KN_PHASE_SIGNALS_MAX];
};
/* One job's. */
struct kn_phase_block {
    uint8_t phase[KN_BLOCK]; /* enum kn_phase */
    struct kn_slab orders, rows;
    int64_t since[KN_BLOCK];
};
enum kn_rc kn_phase_lanes_make(const struct kn_report *report, struct kn_phase_lanes *ret,
                               struct kn_err *err) KN_MUST_USE;
void kn_phase_lanes_free(struct kn_phase_lanes *lanes);
void kn_phase_block_free(struct kn_phase_block *block);
enum kn_rc kn_phase_load(const struct kn_phase_lanes *lanes, struct kn_phase_block *block,
                         const struct kn_population *population, uint32_t first,
                         const uint64_t want[KN_BLOCK_WORDS], struct kn_err *err) KN_MUST_USE;

#endif
