/* Pieces of the query language by themselves, as reports write them. Pure.
 *
 * @errors KN_E_INVALID, KN_E_LIMIT, KN_E_NOMEM; err->pos is the byte in the text given, SIZE_MAX:
 * none.
 */
#ifndef KN_SEGMENT_PIECES_H
#define KN_SEGMENT_PIECES_H

#include "segment/query.h"

/* A condition on an event alone, as in where( ... ): "property('total') >= 100". No event(),
 * trait() and the like inside. */
enum kn_rc kn_where_parse(struct kn_str text, struct kn_arena *arena, const struct kn_node **ret,
                          struct kn_err *err) KN_MUST_USE;
/* "7 days", "1 month". */
bool kn_period_parse(struct kn_str text, struct kn_period *ret);
/* Is a candidate nearer to the word than any before it, and near enough to have been meant? Start
 * with *distance = UINT_MAX. */
bool kn_is_nearer(struct kn_str word, struct kn_str candidate, unsigned *distance);

#endif
