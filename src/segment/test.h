/* One value against one comparison, compiled: literals are parsed once, sets are sorted.
 *
 * The meaning of a comparison is here and nowhere else: the evaluator calls it for a value, the
 * vectorised driver once per entry of a dictionary.
 *
 *   kind      a number literal matches JSON numbers and strings that are entirely a decimal number;
 * a string literal matches strings only, byte by byte; true and false match themselves. Numbers
 * that format/number.h does not read are no numbers. Objects equal nothing, but exist order numbers
 * by value, strings by code point several   values (a path through an array): one that matches is
 * enough. The negative ones (differs, omits, none_of) hold when there is a value and none matches;
 * absent() when there is no value dates     ISO strings (date.h); without an offset local time of
 * the zone, a date alone midnight. before_date: t < d. after_date: t >= d. within_last: now - w < t
 * <= now. within_next: now < t <= now + w anniversary_within(w)   the day of that day and month (29
 * February: the 28th in other years), from its midnight to the next, begins at or before now + w
 * and has not ended: today counts
 *
 * A test is immutable once made and may be shared between threads; its arrays stand in the arena it
 * was made in, its texts in the query's. Times are UTC microseconds.
 */
#ifndef KN_SEGMENT_TEST_H
#define KN_SEGMENT_TEST_H

#include "behaviour/columns.h"
#include "format/number.h"
#include "segment/date.h"

struct kn_test {
    enum kn_op op;
    bool negative; /* differs, omits, none_of */
    bool by_time;  /* the answer depends on now */
    bool has_true, has_false;
    const kn_dec *numbers; /* [number_count] ascending */
    uint32_t number_count;
    const struct kn_str *strings; /* [string_count] in byte order */
    uint32_t string_count;
    int64_t date_us;
    struct kn_period period;
    const struct kn_zone *zone; /* borrowed */
};

/* From a node of kind KN_NODE_COMPARE. @errors KN_E_NOMEM */
enum kn_rc kn_test_make(const struct kn_node *node, const struct kn_zone *zone,
                        struct kn_arena *arena, struct kn_test *ret,
                        struct kn_err *err) KN_MUST_USE;

/* *next_us is lowered to the first moment after now at which the answer may change by time alone;
 * it is left alone when there is none. Start with INT64_MAX. */

/* Does this one value match? Of a negative test: the positive one it denies. exists() matches every
 * value; absent() none. An absent value matches nothing. */
bool kn_test_matches(const struct kn_test *test, struct kn_value value, int64_t now,
                     int64_t *next_us);
/* The answer for all values of a path, absent ones left out. */
bool kn_test_values(const struct kn_test *test, const struct kn_value *values, uint32_t count,
                    int64_t now, int64_t *next_us);
/* The answer for one value, which may be absent. */
bool kn_test_value(const struct kn_test *test, struct kn_value value, int64_t now,
                   int64_t *next_us);

/* The answer for a number, a sum, and a mean (sum / count, count > 0), exactly. No date operators.
 */
bool kn_test_number(const struct kn_test *test, kn_dec value);
bool kn_test_sum(const struct kn_test *test, const struct kn_wide *sum);
bool kn_test_mean(const struct kn_test *test, const struct kn_wide *sum, uint64_t count);

/* A JSON number, or a string that is entirely a decimal number. */
bool kn_value_number(struct kn_value value, kn_dec *ret);

#endif
