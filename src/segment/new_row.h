/* What one more row of an event can change of a query, told from the query alone: so that most
 * definitions need not be evaluated for most rows.
 *
 * Effect: the truth, at this moment and every later one, can only rise (count() >= n), only fall
 * (count() = 0), do either, or is not touched. A largest value can only grow, a smallest only sink.
 * It holds for rows that come in any order, as long as nothing else changes. A true segment that
 * can only rise stays true at least as long as before, and a false one that can only fall stays
 * false.
 *
 * Needs: conditions of one row, property() or context() = 'text' or one of several texts. A row
 * that meets none of them is picked by no where() of the query, whatever else it holds.
 *
 * Pure; safe on any thread. What is returned belongs to the query.
 */
#ifndef KN_SEGMENT_NEW_ROW_H
#define KN_SEGMENT_NEW_ROW_H

#include "segment/query.h"

enum kn_row_effect {
    KN_ROW_NO_EFFECT = 0,
    KN_ROW_RAISES = 1,
    KN_ROW_LOWERS = 2,
    KN_ROW_RAISES_OR_LOWERS = 3,
};

/* Of a computed trait that reads the event: KN_ROW_RAISES_OR_LOWERS. */
enum kn_row_effect kn_row_effect(const struct kn_query *query, struct kn_str event);

/* The effect of a row of which something is known. Absent rules have a NULL; at most one is there.
 *
 *   summed  the query sums this field: `effect` is that of a row without a number below 0 there
 *   edge    a comparison of first(field) or last(field) with texts: `effect` is that of a row that
 *           has one of them there, `other` that of one that has none */
struct kn_row_rule {
    const struct kn_field *summed;
    const struct kn_node *edge;
    enum kn_row_effect effect, other;
};
struct kn_row_rule kn_row_rule(const struct kn_query *query, struct kn_str event);

/* Comparisons whose chain is KN_FROM_PROPERTY or KN_FROM_CONTEXT of the row and whose values are
 * strings. Returns how many; 0: any row of the event may matter. */
uint32_t kn_row_needs(const struct kn_query *query, struct kn_str event,
                      const struct kn_node *ret[KN_QUERY_CONDITIONS_MAX]);

/* The key of a segment without whose members nobody is one of the query's; empty: none is found. */
struct kn_str kn_query_gate(const struct kn_query *query);

#endif
