/* What an event says about a liking: an event of a kind gives points to each value of the product
 * it is about (a brand, a category), and points halve every half life.
 *
 * The values of an event are those at products.<field>, or, where there are none, those at <field>
 * itself. A profile's favourites are the values with the most points, smaller values first where
 * these are equal (kn_value_compare). Integers only, so that every machine says the same: points
 * are in units of 2^-31. Pure; safe on any thread.
 */
#ifndef KN_REPORT_LIKING_H
#define KN_REPORT_LIKING_H

#include <stdbool.h>
#include <stdint.h>

enum { KN_LIKING_SIGNALS = 3, KN_LIKING_UNIT_BITS = 31 };

struct kn_liking_signal {
    const char *event;
    uint32_t points;
};
extern const struct kn_liking_signal kn_liking_signals[KN_LIKING_SIGNALS];

/* points x 2^31 x 2^(-age / half life), in 64 steps per half life; nothing after 40 of them. */
uint64_t kn_liking_points(uint32_t points, int64_t age_us, int64_t half_life_us);
int64_t kn_liking_half_life_us(uint32_t days);
/* Events at or before it count for nothing. */
int64_t kn_liking_from_us(int64_t now_us, int64_t half_life_us);

#endif
