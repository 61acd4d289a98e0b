/* Rows that are coded already, straight into a run: for benchmarks, and for those who have columns.
 *
 * One table after another: the columns with their dictionaries, then the rows in any order, each
 * with a code per column (0 = absent, else index + 1 of the value). Nothing is seen before finish,
 * which makes all tables one run in memory, the newest of the store; rows that were fed before
 * count as older. What the feed would have done besides is the caller's: profile rows, merges,
 * limits on columns. Arrays are not for this door.
 *
 * One thread, not while the store is fed. @errors KN_E_NOMEM
 */
#ifndef KN_BEHAVIOUR_COLUMNS_LOAD_H
#define KN_BEHAVIOUR_COLUMNS_LOAD_H

#include "behaviour/columns.h"

struct kn_columns_load;

struct kn_load_column {
    struct kn_str path; /* "p.country": one key below its section */
    const struct kn_value *values;
    uint32_t count;
};

enum kn_rc kn_columns_load_begin(struct kn_columns *columns, struct kn_columns_load **ret,
                                 struct kn_err *err) KN_MUST_USE;
/* Ends the table before it. Each (kind, name) once. */
enum kn_rc kn_columns_load_table(struct kn_columns_load *load, enum kn_table_kind kind,
                                 struct kn_str name, const struct kn_load_column *columns,
                                 uint32_t count, struct kn_err *err) KN_MUST_USE;
enum kn_rc kn_columns_load_row(struct kn_columns_load *load, uint32_t ordinal, int64_t us,
                               uint64_t arrival, const uint32_t *codes,
                               struct kn_err *err) KN_MUST_USE;
enum kn_rc kn_columns_load_finish(struct kn_columns_load *load, struct kn_err *err) KN_MUST_USE;
void kn_columns_load_free(struct kn_columns_load *load); /* NULL is fine */

#endif
