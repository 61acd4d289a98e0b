/* What a reducer makes of a window over a list that grows at its end. Room-private.
 *
 *   sum, avg          running sums: the difference of two
 *   days              running number of days
 *   min, max          the best of blocks of 2, 4, 8 ... rows: a window is some of them
 *   by value          how many rows in the window have each value; the window's ends move step by
 * step
 *
 * Adding a row and moving the window on cost the same however long the list is (min and max: its
 * logarithm). The list can be cut back. Memory comes from kn_must_alloc.
 */
#ifndef KN_SEGMENT_MEASURE_H
#define KN_SEGMENT_MEASURE_H

#include "segment/distinct.h"
#include "segment/eval_internal.h"

union kn_extreme {
    kn_dec number;      /* KN_NO_NUMBER: none in the row */
    struct kn_str text; /* p == NULL: none */
};

struct kn_measure {
    const struct kn_chain *chain;
    uint32_t count, room; /* rows */
    struct kn_wide *sums; /* [count + 1] of the rows before */
    uint64_t *numbers;    /* [count + 1] how many they are */
    uint32_t *days;       /* [count] days before the row's own, from the first row */
    bool days_return;     /* local time ran back over midnight: days cannot be told by difference */
    union kn_extreme *best;
    uint32_t *blocks[32]; /* by level, from 1: the row with the best of each block of 2^level */
    uint32_t block_room[32];
    uint64_t *code_ends; /* [count] end of the row's codes; each value once per row */
    uint32_t *codes;     /* index into distinct.entries, whose rows is the number in the window */
    uint64_t code_room;
    uint32_t stamp;
    struct kn_distinct distinct;
    struct kn_arena texts;
    uint32_t low, high;   /* the window that the counts are of */
    uint32_t present;     /* values in it */
    uint32_t *with_count; /* [k] values that k rows have */
    uint32_t with_room, most;
    uint32_t leader; /* the mode, UINT32_MAX: not known */
};

void kn_measure_init(struct kn_measure *m, const struct kn_chain *chain);
void kn_measure_deinit(struct kn_measure *m);
/* A row after all others: the values of the reducer's field; its day, and that of the row before
 * (the same for the first). */
void kn_measure_add(struct kn_measure *m, struct kn_values values, int64_t day, int64_t day_before);
void kn_measure_cut(struct kn_measure *m, uint32_t count);
/* Of rows [low, high). unique() takes its list from the arena. Not of count, first and last. */
void kn_measure_take(struct kn_measure *m, struct kn_evaluation *e, uint32_t low, uint32_t high,
                     struct kn_result *ret);
size_t kn_measure_bytes(const struct kn_measure *m);

#endif
