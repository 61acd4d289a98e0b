/* The truth of a where() for each row of a table part: bits, for whoever counts rows.
 *
 * A row test is the condition made ready at one moment: literals parsed, and per part (prepare)
 * every comparison decided once per dictionary entry. A prepared test may be asked by many threads.
 *
 * Only what the row itself says can be asked: property(), context(), any(), AND, OR, NOT. @errors
 * KN_E_INVALID for event(), trait() and the like inside the condition, KN_E_NOMEM
 */
#ifndef KN_SEGMENT_ROWS_H
#define KN_SEGMENT_ROWS_H

#include "behaviour/columns.h"
#include "format/zone.h"
#include "segment/query.h"

struct kn_row_test;

/* `where` and `zone` are borrowed for as long as the test lives. */
enum kn_rc kn_row_test_make(const struct kn_node *where, const struct kn_zone *zone, int64_t now,
                            struct kn_row_test **ret, struct kn_err *err) KN_MUST_USE;
void kn_row_test_free(struct kn_row_test *test); /* NULL is fine */
/* One thread, before rows of the part are asked for. */
enum kn_rc kn_row_test_prepare(struct kn_row_test *test, const struct kn_table_part *part,
                               struct kn_err *err) KN_MUST_USE;
/* Bits of rows [first, first + count) into out[0 ...]: bit 0 is row `first`, a multiple of 64. Bits
 * beyond are zero. */
enum kn_rc kn_row_test_part(const struct kn_row_test *test, const struct kn_table_part *part,
                            uint64_t first, uint64_t count, uint64_t *out,
                            struct kn_err *err) KN_MUST_USE;

#endif
