/* The rows of many profiles, block by block of ordinals: what every report is made from.
 *
 * A population says who counts. A lane is a set of table parts read as one (one event, all events,
 * the sessions ...), with bounds of time and the truth of a condition. A slab holds a lane's rows
 * of one block of KN_BLOCK ordinals, those of each profile together and in (time, arrival) order.
 *
 * Blocks begin at multiples of KN_BLOCK, so that jobs on different blocks never write the same word
 * of a bitmap. Populations and lanes are read-only once made, and shared by all jobs; a slab is one
 * job's.
 */
#ifndef KN_REPORT_ROWS_H
#define KN_REPORT_ROWS_H

#include "report/report.h"

enum { KN_BLOCK = 2048, KN_BLOCK_WORDS = KN_BLOCK / 64 };

/* ---- who counts ---- */

struct kn_moved {
    uint32_t canonical, ordinal;
};
struct kn_population {
    uint32_t end;      /* ordinals are below it */
    uint64_t *counted; /* bit per canonical ordinal, in whole blocks */
    struct kn_moved
        *moved; /* ordinals that are not their own canonical one, by (canonical, ordinal) */
    uint32_t moved_count;
};
enum kn_rc kn_population_make(const struct kn_report *report, struct kn_population *ret,
                              struct kn_err *err) KN_MUST_USE;
void kn_population_free(struct kn_population *population);
uint64_t kn_bits_count(const uint64_t *bits, uint32_t end);
/* Moved ordinals of canonical ordinals in [first, first + KN_BLOCK). */
const struct kn_moved *kn_population_moved(const struct kn_population *population, uint32_t first,
                                           uint32_t *ret_count);

/* ---- lanes ---- */

struct kn_lane_part {
    const struct kn_table_part *part;
    uint64_t *truth; /* bit per row; NULL = all are true */
    uint32_t table;  /* number of the event in the lane, by name */
};
struct kn_lane {
    struct kn_lane_part *parts;
    uint32_t count;
    int64_t from, to;      /* from <= time < to */
    bool unordered;        /* the order of a profile's rows does not matter */
    struct kn_str *tables; /* names, [table_count] */
    uint32_t table_count;
};
/* Rows that match, up to now. @errors KN_E_NOMEM, and those of the condition */
enum kn_rc kn_lane_make(const struct kn_report *report, enum kn_table_kind kind,
                        const struct kn_event_match *match, int64_t from, int64_t to,
                        struct kn_lane *ret, struct kn_err *err) KN_MUST_USE;
/* The kind of the rows of a step of a funnel or of retention. */
enum kn_table_kind kn_lane_kind(const struct kn_event_match *match);
void kn_lane_free(struct kn_lane *lane);

/* ---- slabs ---- */

struct kn_row_ref {
    uint32_t part, row; /* of the lane; of the part */
};
struct kn_slab {
    uint32_t start[KN_BLOCK], end[KN_BLOCK]; /* rows of local ordinal i: start[i] .. end[i] */
    int64_t *us;
    struct kn_row_ref *refs;
    uint32_t count;
    /* scratch */
    size_t cap;
    int64_t *loose_us;
    struct kn_row_ref *loose_refs;
    uint16_t *loose_local;
    size_t loose_cap;
};
void kn_slab_free(struct kn_slab *slab);
/* The rows of ordinals first + i for which bit i of `want` is set. */
enum kn_rc kn_slab_load(struct kn_slab *slab, const struct kn_lane *lane,
                        const struct kn_population *population, uint32_t first,
                        const uint64_t want[KN_BLOCK_WORDS], struct kn_err *err) KN_MUST_USE;
/* Clears the bits of those who have no row in the slab. */
void kn_slab_narrow(const struct kn_slab *slab, uint64_t want[KN_BLOCK_WORDS]);
static inline uint64_t kn_lane_arrival(const struct kn_lane *lane, struct kn_row_ref ref)
{
    return kn_part_arrival(lane->parts[ref.part].part, ref.row);
}
/* Row (us, ref) of a lane comes after row (us, ref) of another. */
static inline bool kn_row_after(const struct kn_lane *lane, int64_t us, struct kn_row_ref ref,
                                const struct kn_lane *other, int64_t other_us,
                                struct kn_row_ref other_ref)
{
    if (us != other_us) {
        return us > other_us;
    }
    bool same =
        ref.row == other_ref.row && lane->parts[ref.part].part == other->parts[other_ref.part].part;
    return !same && kn_lane_arrival(lane, ref) > kn_lane_arrival(other, other_ref);
}

/* ---- jobs ---- */

/* One range of whole blocks. */
struct kn_range {
    uint32_t first, end;
};
enum { KN_RANGES_MAX = 64 };
/* Cuts [0, end) so that each range has about as many rows of the lanes. Answers their number. */
uint32_t kn_ranges_make(const struct kn_report *report, const struct kn_population *population,
                        const struct kn_lane *const *lanes, uint32_t lane_count,
                        struct kn_range ret[KN_RANGES_MAX]);
/* run(context, i) for each i below count. */
void kn_jobs_run(const struct kn_bulk_jobs *jobs, uint32_t count,
                 void (*run)(void *context, uint32_t index), void *context);

#endif
