/* The newest order. */
#include "base/assert.h"
#include "base/mem.h"
#include "report/rows.h"

enum kn_rc kn_report_last_order(const struct kn_report *report, int64_t *ret_us, struct kn_err *err)
{
    struct kn_event_match orders = {.orders = true};
    struct kn_population population = {0};
    struct kn_lane lane = {0};
    struct kn_slab *slab = kn_calloc(1, sizeof *slab);
    enum kn_rc rc = slab ? KN_OK : kn_fail(err, KN_E_NOMEM, "no memory for the last order");
    *ret_us = INT64_MIN;
    rc = rc == KN_OK ? kn_population_make(report, &population, err) : rc;
    rc = rc == KN_OK ? kn_lane_make(report, kn_lane_kind(&orders), &orders, INT64_MIN,
                                    report->now + 1, &lane, err)
                     : rc;
    lane.unordered = true;
    for (uint32_t first = 0; rc == KN_OK && first < population.end; first += KN_BLOCK) {
        kn_assert(slab);
        rc = kn_slab_load(slab, &lane, &population, first, population.counted + first / 64, err);
        for (uint32_t i = 0; rc == KN_OK && i < slab->count; i++) {
            *ret_us = slab->us[i] > *ret_us ? slab->us[i] : *ret_us;
        }
    }
    if (slab) {
        kn_slab_free(slab);
    }
    kn_free(slab);
    kn_lane_free(&lane);
    kn_population_free(&population);
    return rc;
}
