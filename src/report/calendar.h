/* Calendar units of a workspace's zone as edges on the line of time. Pure.
 *
 * Weeks begin on Monday. An hour begins when local time is at a full hour. */
#ifndef KN_REPORT_CALENDAR_H
#define KN_REPORT_CALENDAR_H

#include "report/report.h"

struct kn_edges {
    int64_t *at; /* [count + 1] ascending: unit i is at[i] <= time < at[i + 1] */
    uint32_t count;
    unsigned
        shift; /* a bucket is 2^shift microseconds from at[0] on, shorter than any whole unit */
    uint16_t *bucket; /* the unit in which each bucket begins */
};
enum { KN_EDGES_NONE = UINT32_MAX };

/* The first moment of the unit that `us` is in, and of the next unit. */
int64_t kn_unit_start(const struct kn_zone *zone, enum kn_report_unit unit, int64_t us);
int64_t kn_unit_next(const struct kn_zone *zone, enum kn_report_unit unit, int64_t start);

/* The units that touch [from, to), from < to, whole ones. @errors KN_E_LIMIT beyond `most`,
 * KN_E_NOMEM */
enum kn_rc kn_edges_make(const struct kn_zone *zone, enum kn_report_unit unit, int64_t from,
                         int64_t to, uint32_t most, struct kn_edges *ret,
                         struct kn_err *err) KN_MUST_USE;
/* One unit: [from, to). */
enum kn_rc kn_edges_whole(int64_t from, int64_t to, struct kn_edges *ret,
                          struct kn_err *err) KN_MUST_USE;
void kn_edges_free(struct kn_edges *edges);

/* The unit of a time, or KN_EDGES_NONE. */
static inline uint32_t kn_edges_find(const struct kn_edges *e, int64_t us)
{
    if (us < e->at[0] || us >= e->at[e->count]) {
        return KN_EDGES_NONE;
    }
    uint32_t i = e->bucket[(uint64_t)(us - e->at[0]) >> e->shift];
    return i + (us >= e->at[i + 1]);
}

#endif
