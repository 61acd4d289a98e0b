/* What one profile likes best: the same points as the report of favourites gives (report/liking.h),
 * from the archive of its events. Any thread; each call sees one moment.
 */
#ifndef KN_APPLY_FAVOURITES_H
#define KN_APPLY_FAVOURITES_H

#include "apply/read.h"
#include "report/report.h"

struct kn_favourite {
    struct kn_value value; /* in the arena */
    uint64_t points;       /* in units of 2^-31, above 0 */
    uint32_t events;       /* that gave points */
};

struct kn_profile_favourites {
    struct kn_str field; /* in: "brand", "category" */
    struct kn_favourite top[KN_FAVOURITES_TOP];
    uint32_t count;
};

/* Fills in the top of each of `count` fields, most points first. *ret_now: the time of the last
 * record, up to which events count. @errors KN_E_NOMEM, KN_E_IO, KN_E_CORRUPT */
enum kn_rc kn_read_favourites(struct kn_workspace *ws, const struct kn_profile *profile,
                              uint32_t half_life_days, struct kn_profile_favourites *fields,
                              size_t count, struct kn_arena *arena, int64_t *ret_now,
                              struct kn_err *err) KN_MUST_USE;

#endif
