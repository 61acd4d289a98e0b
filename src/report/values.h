/* Values of rows as small numbers, the same in every part: what breakdowns count by.
 *
 * A value set numbers typed values from 1; 0 is "absent". A field is one path over the parts of a
 * lane: for each part its columns (a path may have several, at several levels), with a table from
 * the column's codes to the numbers of the set. Fields are made by one thread, then read by all.
 */
#ifndef KN_REPORT_VALUES_H
#define KN_REPORT_VALUES_H

#include "report/rows.h"

struct kn_value_set {
    struct kn_value *values; /* [count]; texts borrowed; [0] is absent */
    uint32_t count, cap;
    uint32_t *slots;
    uint32_t slot_mask;
};
enum kn_rc kn_value_set_init(struct kn_value_set *set, struct kn_err *err) KN_MUST_USE;
void kn_value_set_free(struct kn_value_set *set);
enum kn_rc kn_value_set_add(struct kn_value_set *set, struct kn_value value, uint32_t *ret,
                            struct kn_err *err) KN_MUST_USE;
/* UINT32_MAX: it is not there. */
uint32_t kn_value_set_find(const struct kn_value_set *set, struct kn_value value);
/* Order for display: by kind (strings, numbers, true, false), then text; absent last. */
int kn_value_compare(const struct kn_value *a, const struct kn_value *b);

struct kn_field_column {
    const struct kn_column *column;
    uint32_t *ids; /* [entries of the dictionary] numbers in the value set */
    const uint32_t *offsets[KN_COLUMNS_DEPTH_MAX]; /* of the arrays around it, outermost first */
    uint32_t depth;
};
struct kn_field_part {
    struct kn_field_column *columns;
    uint32_t count;
};
struct kn_column_field {
    struct kn_field_part *parts; /* [lane->count] */
    uint32_t count;
};
/* Columns of `path`; objects are no values. */
enum kn_rc kn_column_field_make(const struct kn_lane *lane, struct kn_str path,
                                struct kn_value_set *set, struct kn_column_field *ret,
                                struct kn_err *err) KN_MUST_USE;
void kn_column_field_free(struct kn_column_field *field);

/* A list that grows. */
struct kn_ids {
    uint32_t *ids;
    uint32_t count, cap;
};
void kn_ids_free(struct kn_ids *list);
enum kn_rc kn_ids_add(struct kn_ids *list, uint32_t id, struct kn_err *err) KN_MUST_USE;
/* Adds the values of a row, each distinct one once; {0} when there is none. */
enum kn_rc kn_field_distinct(const struct kn_column_field *field, struct kn_row_ref ref,
                             struct kn_ids *list, struct kn_err *err) KN_MUST_USE;
/* Adds the values of a row, every one of them; nothing when there is none. */
enum kn_rc kn_field_all(const struct kn_column_field *field, struct kn_row_ref ref,
                        struct kn_ids *list, struct kn_err *err) KN_MUST_USE;

/* Numbers of a value set's entries: JSON numbers, and strings that are entirely a decimal number.
 */
struct kn_numbers {
    kn_dec *values;
    bool *is_number;
};
enum kn_rc kn_numbers_make(const struct kn_value_set *set, struct kn_numbers *ret,
                           struct kn_err *err) KN_MUST_USE;
void kn_numbers_free(struct kn_numbers *numbers);

/* Counts by key: a hash table of one job, added up at the end. */
struct kn_cell {
    uint64_t key;
    uint64_t count;
    struct kn_wide sum;
};
struct kn_cells {
    struct kn_cell *cells;
    uint8_t *used;
    uint32_t mask, count;
};
enum { KN_CELLS_MAX = 1 << 22 };
void kn_cells_free(struct kn_cells *cells);
/* The cell of a key, made when new. NULL: no memory, or beyond KN_CELLS_MAX (err, not NULL, says).
 */
struct kn_cell *kn_cells_at(struct kn_cells *cells, uint64_t key, struct kn_err *err);
void kn_cell_add(struct kn_cell *to, const struct kn_cell *from); /* count and sum */
/* NULL: nothing was counted there. */
const struct kn_cell *kn_cells_find(const struct kn_cells *cells, uint64_t key);
enum kn_rc kn_cells_merge(struct kn_cells *into, const struct kn_cells *from,
                          struct kn_err *err) KN_MUST_USE;

#endif
