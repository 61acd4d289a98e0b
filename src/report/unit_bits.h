/* In which units of time each profile has rows: a bit per profile and unit. Room-private.
 *
 * Edges cut the line of time into points: point p holds the rows at or after edge p - 1 and before
 * edge p. So point 0 is what lies before the first edge, and the last point, number edge_count,
 * what does not lie before the last edge. Every profile of a block has a bit per point, set by its
 * rows in any order; columns of times are read once, and nothing else is. The lane's own bounds are
 * not looked at: they should be edges.
 *
 * Who counts, void rows, rows of several runs and of ordinals that became part of another one are
 * as in kn_slab_load. One job's; lane and population are shared and outlive it.
 */
#ifndef KN_REPORT_UNIT_BITS_H
#define KN_REPORT_UNIT_BITS_H

#include "report/rows.h"

struct kn_unit_bits;

/* Words per profile, without `twice`. */
static inline uint32_t kn_unit_bits_words(uint32_t edge_count)
{
    return (edge_count + 1 + 63) / 64;
}

/* edges: [edge_count] ascending (equal ones are fine), borrowed for this call. With `twice` there
 * are fewer than 64 of them, and each profile has two words: who has a row there, who has two or
 * more. *ret is to be freed even after an error. @errors KN_E_NOMEM */
enum kn_rc kn_unit_bits_new(const struct kn_lane *lane, const struct kn_population *population,
                            const int64_t *edges, uint32_t edge_count, bool twice,
                            struct kn_unit_bits **ret, struct kn_err *err) KN_MUST_USE;
void kn_unit_bits_free(struct kn_unit_bits *bits); /* NULL is fine */

/* The words of ordinals first .. first + KN_BLOCK - 1, those who do not count having none set:
 * [KN_BLOCK x words], valid until the next call. */
const uint64_t *kn_unit_bits_block(struct kn_unit_bits *bits, uint32_t first);

#endif
