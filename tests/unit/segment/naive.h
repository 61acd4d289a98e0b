/* The judge: what API section 6 says, written down as plainly as it can be said. Nested loops over
 * plain arrays; dates from a table of month lengths and a list of clock changes, decimals as scaled
 * integers. Nothing here is shared with the evaluators but the parsed tree. Slow on purpose.
 *
 * Good for |numbers| < 10^17 and histories of a few hundred rows. */
#ifndef KN_TESTS_SEGMENT_NAIVE_H
#define KN_TESTS_SEGMENT_NAIVE_H

#include "tests/unit/segment/history.h"
#include "tests/unit/segment/zones.h"

struct naive {
    const struct history *history;
    const struct zones *zones;
    int64_t now;
};

/* sources are called "s1", "s2", ... by their number. */
bool naive_member(const struct naive *n, const struct kn_query *query);
/* A computed trait as JSON; false: absent. */
bool naive_trait(const struct naive *n, const struct kn_query *query, struct kn_buf *out);
/* Moments around which the truth may change, for whoever wants to look there; about `now` and
 * after. */
uint32_t naive_moments(const struct naive *n, const struct kn_query *query, int64_t *moments,
                       uint32_t most);

/* ---- parts ---- */

__extension__ typedef __int128 naive_dec; /* value * 10^18 */

bool naive_number(struct kn_value value, naive_dec *ret);
bool naive_digits(struct kn_str text, bool exponent, naive_dec *ret);
void naive_dec_put(naive_dec value, struct kn_buf *out);
/* Does one value satisfy the comparison (its positive form)? */
bool naive_matches(const struct naive *n, const struct kn_node *node, struct kn_value value);
bool naive_compare_numbers(enum kn_op op, naive_dec a, naive_dec b);
bool naive_is_negative(enum kn_op op);

struct naive_civil {
    int year, month, day;
};
int64_t naive_day_number(int year, int month, int day); /* since 1970-01-01 */
struct naive_civil naive_civil(int64_t day);
int64_t naive_local(const struct zones *zones, int64_t us); /* local time as if it were UTC */
int64_t naive_local_day(const struct zones *zones, int64_t us);
int64_t naive_utc(const struct zones *zones, int64_t local_us);
int64_t naive_shift(const struct zones *zones, int64_t us, struct kn_period period, int sign);
bool naive_date(const struct zones *zones, struct kn_str text, int64_t *ret_us,
                int64_t *ret_local_day);
/* Is `us` in the calendar period at now? */
bool naive_during(const struct zones *zones, int64_t now, enum kn_during during, int64_t us);
bool naive_anniversary(const struct zones *zones, int64_t now, int64_t local_day,
                       struct kn_period period);

#endif
