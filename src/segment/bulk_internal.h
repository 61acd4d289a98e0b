/* The bulk driver's plan and the doors between its files. Room-private.
 *
 *   plan      the tree of a definition with, per condition, what it means for each part of its
 * table mask      which rows of a range match a where(): bits chunk     KN_BULK_CHUNK ordinals; a
 * condition there becomes KN_BULK_WORDS words
 */
#ifndef KN_SEGMENT_BULK_INTERNAL_H
#define KN_SEGMENT_BULK_INTERNAL_H

#include <stdatomic.h>

#include "base/bits.h"
#include "segment/bulk.h"
#include "segment/bulk_lanes.h"
#include "segment/eval_internal.h"

enum {
    KN_BULK_CHUNK = 32768, /* ordinals */
    KN_BULK_WORDS = KN_BULK_CHUNK / 64,
    KN_BULK_PIECE = 4096, /* entries of a dictionary at a time */
    KN_BULK_BLOCK = 256,  /* groups at a time: as the parts' block_rows count them */
};

/* ---- conditions on rows of one part ---- */

/* Which codes of a column count. */
struct kn_bulk_hits {
    const struct kn_column *column;
    enum { KN_HITS_TABLE, KN_HITS_SET8, KN_HITS_FEW, KN_HITS_ALL, KN_HITS_NONE } how;
    bool inverted; /* KN_HITS_FEW: all but these */
    uint32_t few_count;
    uint32_t few[KN_LANE_FEW];
    struct kn_lane_set8 set;
    const uint8_t *table; /* [entries] 0 or 1 */
};

enum kn_bulk_leaf {
    KN_LEAF_DIRECT,   /* one column at the level itself: its hits are the answer */
    KN_LEAF_POSITIVE, /* any value hits */
    KN_LEAF_NEGATIVE, /* there is a value and none hits */
    KN_LEAF_ABSENT,   /* there is no value */
};

/* A where() for one part. `level` is what the bits are about: 0 rows, else elements of an array. */
struct kn_bulk_where {
    enum { KN_WHERE_AND, KN_WHERE_OR, KN_WHERE_NOT, KN_WHERE_ANY, KN_WHERE_LEAF } kind;
    uint32_t level;
    const struct kn_bulk_where *const *kids; /* ANY: one per array of that path, at its level */
    uint32_t kid_count;
    enum kn_bulk_leaf leaf;
    const struct kn_bulk_hits *hits;   /* one per column of the path */
    const struct kn_bulk_hits *values; /* NEGATIVE, ABSENT: which codes are values */
    uint32_t hit_count;
};

/* Scratch of one job. */
struct kn_bulk_lane {
    const struct kn_lanes *lanes;
    struct kn_arena scratch; /* cleared per block */
    bool full;               /* it had no more room */
};
/* Zeroed words for `bits` bits and one word more; NULL sets lane->full. */
uint64_t *kn_bulk_bits(struct kn_bulk_lane *lane, uint64_t bits);
/* Bits of [first, first + count) at the level of the where. False: no memory. */
bool kn_bulk_mask(struct kn_bulk_lane *lane, const struct kn_table_part *part,
                  const struct kn_bulk_where *where, uint64_t first, uint64_t count, uint64_t *out);

/* ---- the plan ---- */

enum kn_bulk_fold {
    KN_FOLD_EXISTS, /* at least one row; or none, see `inverted`. Traits: the profile's own row */
    KN_FOLD_COUNT,
    KN_FOLD_SUM,
    KN_FOLD_MEAN,
    KN_FOLD_FIRST,
    KN_FOLD_LAST,
    KN_FOLD_EXTREME, /* min, max: whether there are values below, at and above the bound */
    KN_FOLD_DAYS,
    KN_FOLD_UNIQUE,
    KN_FOLD_MOST, /* max_count_by */
    KN_FOLD_WALK, /* the evaluator, profile by profile */
};

/* Ordinals whose rows belong to another one, as they stand in a table: by chunk of that one. */
struct kn_bulk_stray {
    uint32_t canonical, part, group;
};
struct kn_bulk_table {
    enum kn_table_kind kind;
    struct kn_str name;
    const struct kn_table_part *const *parts;
    uint32_t part_count;
    struct kn_bulk_stray *strays;
    uint32_t *stray_ends; /* [chunks]; NULL: there are none */
};

/* A condition's view of one part. */
struct kn_bulk_part {
    const struct kn_bulk_where *where;    /* NULL: every row */
    const struct kn_bulk_where *excluded; /* rows of sources that do not count; NULL: none */
    const struct kn_bulk_where *sides[3]; /* first, last: [0] what the row says holds; extremes:
                                             below, at, above */
    const struct kn_column *column;       /* what is summed or counted by; NULL: nothing there */
    const int64_t *amounts;               /* per code: in units; 0 for what is no number */
    const int32_t *short_amounts;         /* the same, when all fit; else NULL */
    const uint8_t *is_number;             /* per code */
    const uint32_t *ids;                  /* per code: the same value has the same id in all parts;
                                             0: no value; NULL: the code itself */
    struct kn_lane_span span;
    bool whole; /* every row lies in the window */
    bool never; /* none does */
};

/* Calendar days of moments: the zone's offset per UTC day, KN_BULK_SHIFTS where it changes in it.
 */
#define KN_BULK_SHIFTS INT32_MIN
struct kn_bulk_days {
    int64_t first; /* UTC day */
    int64_t count;
    const int32_t *offsets; /* seconds */
};

struct kn_bulk_cond {
    enum kn_bulk_fold fold;
    const struct kn_cnode *source;
    const struct kn_test *test;
    bool inverted;   /* EXISTS: none at all */
    bool nothing;    /* FIRST, LAST, MEAN: the answer without a row or number */
    bool by_side[8]; /* EXTREME: the answer by sides: bit 0 below, 1 at, 2 above the bound */
    struct kn_bulk_table *table;
    int64_t from_us, to_us; /* from <= t < to */
    struct kn_bulk_part *parts;
    kn_dec unit;    /* SUM, MEAN: of the amounts */
    bool has_bound; /* SUM: the answer is sum >= bound, or sum < bound when bound_below */
    bool bound_below;
    int64_t bound;
    const struct kn_bulk_days *days; /* DAYS */
    uint8_t by_number[256];          /* COUNT, DAYS, UNIQUE, MOST: the answer for small numbers */
    /* When next moments are asked for: the same rows, but of all that may enter or leave the window
     * yet; each does so `enter` and `leave` after its time (INT64_MAX: never). NULL: time alone
     * changes nothing. */
    const struct kn_bulk_cond *moments;
    int64_t enter, leave;
    /* WALK */
    const struct kn_walk_table *walk;
    uint32_t walk_count;
    bool each;            /* profiles without a row have answers of their own */
    int32_t walk_profile; /* index of the profile table in it, -1: none */
};

struct kn_bulk_node {
    enum { KN_BULK_AND, KN_BULK_OR, KN_BULK_NOT, KN_BULK_COND, KN_BULK_SET } kind;
    uint64_t cost;              /* rows to look at, about */
    struct kn_bulk_node **kids; /* cheapest first */
    uint32_t kid_count;
    struct kn_bulk_cond *cond;
    /* KN_BULK_SET: another segment */
    const uint64_t *members; /* NULL: nobody */
    bool inside, outside;    /* the answer for members and for the others */
};

struct kn_bulk_plan {
    const struct kn_bulk_options *options;
    const struct kn_definition *definition;
    const struct kn_columns_pin *pin;
    struct kn_arena *arena;
    struct kn_err *err;
    const struct kn_bits_ops *bits;
    const struct kn_lanes *lanes;
    struct kn_bulk_node *root;
    struct kn_bulk_table *tables[2 * KN_EVAL_EVENTS_MAX];
    uint32_t table_count;
    uint32_t chunks;
    bool has_next;
    uint64_t *only; /* candidates of walks, bit per ordinal; NULL without walks */
};

/* ---- between the files ---- */

/* Runs the jobs of the plan's caller. */
void kn_bulk_run_jobs(const struct kn_bulk_jobs *jobs, uint32_t count,
                      void (*job)(void *arg, uint32_t index), void *arg);
/* Calls each(arg, first, end) for pieces of [0, entries): many at once when there are many. */
void kn_bulk_entries(const struct kn_bulk_plan *plan, uint32_t entries,
                     void (*each)(void *arg, uint32_t first, uint32_t end), void *arg);

enum kn_rc kn_bulk_plan_make(struct kn_bulk_plan *plan) KN_MUST_USE;
/* A where() of the part at rows; *ret_odd: it cannot be answered in columns. */
enum kn_rc kn_bulk_where_make(struct kn_bulk_plan *plan, const struct kn_table_part *part,
                              const struct kn_cnode *node, const struct kn_bulk_where **ret,
                              bool *ret_odd) KN_MUST_USE;
/* The answers of a test on a field of the rows, as a where(). `nothing` is the value that stands
 * for an absent one (KN_VALUE_ABSENT: nothing does). */
enum kn_rc kn_bulk_leaf_make(struct kn_bulk_plan *plan, const struct kn_table_part *part,
                             const struct kn_test *test, struct kn_str path,
                             struct kn_value nothing, const struct kn_bulk_where **ret) KN_MUST_USE;
/* NOT of it, in its place. */
enum kn_rc kn_bulk_where_not(struct kn_bulk_plan *plan,
                             const struct kn_bulk_where **where) KN_MUST_USE;
/* The path of a field as columns are named. p == NULL: no memory. */
struct kn_str kn_bulk_field_path(struct kn_arena *arena, enum kn_table_kind kind, bool context,
                                 struct kn_path path);
const char *kn_bulk_section(enum kn_table_kind kind, bool context, struct kn_path path);
struct kn_str kn_bulk_path_join(struct kn_arena *arena, const char *section, struct kn_path path);
enum kn_rc kn_bulk_nomem(struct kn_bulk_plan *plan);
/* The answer for a count. */
static inline bool kn_bulk_number(const struct kn_bulk_cond *cond, uint64_t number)
{
    return number < 256 ? cond->by_number[number]
                        : kn_test_number(cond->test, kn_dec_int((int64_t)number));
}

/* What a condition needs from the columns it reduces: amounts, ids, days. *ret_odd as above. */
enum kn_rc kn_bulk_amounts(struct kn_bulk_plan *plan, struct kn_bulk_cond *cond,
                           bool *ret_odd) KN_MUST_USE;
enum kn_rc kn_bulk_ids(struct kn_bulk_plan *plan, struct kn_bulk_cond *cond,
                       bool *ret_odd) KN_MUST_USE;
enum kn_rc kn_bulk_days_make(struct kn_bulk_plan *plan, struct kn_bulk_cond *cond,
                             bool *ret_odd) KN_MUST_USE;
int64_t kn_bulk_day(const struct kn_bulk_days *days, const struct kn_zone *zone, int64_t us);
enum kn_rc kn_bulk_strays(struct kn_bulk_plan *plan) KN_MUST_USE;

/* One chunk on one thread. */
struct kn_bulk_chunk {
    const struct kn_bulk_plan *plan;
    struct kn_bulk_lane lane;
    uint32_t index;
    uint32_t first, end; /* ordinals */
    int64_t *next;       /* [end - first], or NULL */
    enum kn_rc rc;
};
/* *out gets those of `candidates` for which the condition holds. */
void kn_bulk_fold(struct kn_bulk_chunk *chunk, const struct kn_bulk_cond *cond,
                  const uint64_t *candidates, uint64_t *out);
/* Counts of distinct days or values, or of the commonest one; `touched` gets who has any. */
void kn_bulk_sets(struct kn_bulk_chunk *chunk, const struct kn_bulk_cond *cond,
                  const uint64_t *candidates, uint32_t *numbers, uint64_t *touched);
/* Lowers chunk->next where a row enters or leaves the window. `found`: the answer of the condition.
 */
void kn_bulk_moments(struct kn_bulk_chunk *chunk, const struct kn_bulk_cond *cond,
                     const uint64_t *candidates, const uint64_t *found);
void kn_bulk_walk(struct kn_bulk_chunk *chunk, const struct kn_bulk_cond *cond,
                  const uint64_t *candidates, uint64_t *out);

/* A block of rows of one part with the rows that match. */
struct kn_bulk_block {
    const struct kn_bulk_cond *cond;
    const struct kn_table_part *part;
    const struct kn_bulk_part *how;
    uint32_t group, groups;
    uint64_t row, rows;
    const uint64_t *candidates;
    uint64_t *mask; /* NULL: all of them */
    int64_t stray;  /* ordinal that the one group belongs to, -1: its own */
};
/* Calls each for every block of the chunk that has candidates and matching rows. */
void kn_bulk_each_block(struct kn_bulk_chunk *chunk, const struct kn_bulk_cond *cond,
                        const uint64_t *candidates,
                        void (*each)(struct kn_bulk_chunk *chunk, const struct kn_bulk_block *block,
                                     void *arg),
                        void *arg);
/* The first set bit in [from, end), or end. */
static inline uint64_t kn_bulk_next_bit(const uint64_t *bits, uint64_t from, uint64_t end)
{
    while (from < end) {
        uint64_t word = bits[from >> 6] >> (from & 63);
        if (word) {
            from += (uint64_t)__builtin_ctzll(word);
            return from < end ? from : end;
        }
        from = (from | 63) + 1;
    }
    return end;
}
/* Index in the chunk that group i of the block belongs to, or -1: its rows do not count, or count
 * elsewhere. */
static inline int64_t kn_bulk_owner(const struct kn_bulk_chunk *chunk,
                                    const struct kn_bulk_block *block, uint32_t i)
{
    const uint32_t *canonical = chunk->plan->pin->canonical;
    uint32_t ordinal = block->part->ordinals[block->group + i];
    bool elsewhere = block->stray < 0 && canonical && canonical[ordinal] != ordinal;
    if (elsewhere || kn_part_is_void(block->part, ordinal)) {
        return -1;
    }
    return (block->stray >= 0 ? block->stray : (int64_t)ordinal) - chunk->first;
}
/* The same, and -1 when nobody asks about its profile: where a row costs more than the question. */
static inline int64_t kn_bulk_place(const struct kn_bulk_chunk *chunk,
                                    const struct kn_bulk_block *block, uint32_t i)
{
    int64_t at = kn_bulk_owner(chunk, block, i);
    return at >= 0 && kn_bit(block->candidates, (uint64_t)at) ? at : -1;
}

#endif
