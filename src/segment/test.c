#include "segment/test.h"

#include <stdlib.h>

#include "base/assert.h"
#include "format/time_text.h"
#include "segment/words.h"

enum { LINEAR_MAX = 8 };

bool kn_value_number(struct kn_value value, kn_dec *ret)
{
    return (value.kind == KN_VALUE_NUMBER && kn_dec_parse(value.text, true, ret)) ||
           (value.kind == KN_VALUE_STRING && kn_dec_parse(value.text, false, ret));
}

/* ---- making ---- */

static int by_number(const void *a, const void *b)
{
    const kn_dec *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

static int by_bytes(const void *a, const void *b)
{
    return kn_str_cmp(*(const struct kn_str *)a, *(const struct kn_str *)b);
}

static enum kn_rc take_literals(const struct kn_node *node, struct kn_arena *arena,
                                struct kn_test *test, struct kn_err *err)
{
    kn_dec *numbers = kn_arena_alloc(arena, node->value_count * sizeof *numbers);
    struct kn_str *strings = kn_arena_alloc(arena, node->value_count * sizeof *strings);
    if (!numbers || !strings) {
        return kn_fail(err, KN_E_NOMEM, "no memory for a comparison");
    }
    for (uint32_t i = 0; i < node->value_count; i++) {
        const struct kn_literal *literal = &node->values[i];
        if (literal->kind == KN_LITERAL_STRING) {
            strings[test->string_count++] = literal->text;
        } else if (literal->kind == KN_LITERAL_NUMBER) {
            bool ok = kn_dec_parse(literal->text, false, &numbers[test->number_count++]);
            kn_assert(ok); /* the parser saw to it */
        } else {
            test->has_true |= literal->truth;
            test->has_false |= !literal->truth;
        }
    }
    qsort(numbers, test->number_count, sizeof *numbers, by_number);
    qsort(strings, test->string_count, sizeof *strings, by_bytes);
    test->numbers = numbers;
    test->strings = strings;
    return KN_OK;
}

enum kn_rc kn_test_make(const struct kn_node *node, const struct kn_zone *zone,
                        struct kn_arena *arena, struct kn_test *ret, struct kn_err *err)
{
    kn_assert(node->kind == KN_NODE_COMPARE);
    struct kn_test test = {.op = (enum kn_op)node->op, .period = node->period, .zone = zone};
    enum kn_args args = kn_op_words[node->op].args;
    test.negative = test.op == KN_OP_DIFFERS || test.op == KN_OP_OMITS || test.op == KN_OP_NONE_OF;
    test.by_time = args == KN_ARGS_PERIOD;
    if (args == KN_ARGS_DATE) {
        struct kn_date date;
        bool ok = kn_date_parse(node->values[0].text, &date);
        kn_assert(ok);
        test.date_us = kn_date_utc(zone, &date);
    } else if (node->value_count > 0) {
        KN_TRY(take_literals(node, arena, &test, err));
    }
    if (test.op == KN_OP_MEMBER) {
        test.op = KN_OP_EQUALS;
        test.has_true = true;
    }
    *ret = test;
    return KN_OK;
}

/* ---- sets and order ---- */

static bool has_number(const struct kn_test *test, kn_dec value)
{
    if (test->number_count > LINEAR_MAX) {
        return bsearch(&value, test->numbers, test->number_count, sizeof value, by_number) != NULL;
    }
    for (uint32_t i = 0; i < test->number_count; i++) {
        if (test->numbers[i] == value) {
            return true;
        }
    }
    return false;
}

static bool has_string(const struct kn_test *test, struct kn_str text)
{
    if (test->string_count > LINEAR_MAX) {
        return bsearch(&text, test->strings, test->string_count, sizeof text, by_bytes) != NULL;
    }
    for (uint32_t i = 0; i < test->string_count; i++) {
        if (kn_str_eq(test->strings[i], text)) {
            return true;
        }
    }
    return false;
}

static bool is_in_set(const struct kn_test *test, struct kn_value value)
{
    kn_dec number;
    switch (value.kind) {
    case KN_VALUE_TRUE: return test->has_true;
    case KN_VALUE_FALSE: return test->has_false;
    case KN_VALUE_STRING:
        if (has_string(test, value.text)) {
            return true;
        }
        break;
    case KN_VALUE_NUMBER: break;
    default: return false;
    }
    return test->number_count > 0 && kn_value_number(value, &number) && has_number(test, number);
}

static bool order_holds(enum kn_op op, int cmp)
{
    switch (op) {
    case KN_OP_ABOVE: return cmp > 0;
    case KN_OP_AT_LEAST: return cmp >= 0;
    case KN_OP_BELOW: return cmp < 0;
    case KN_OP_AT_MOST: return cmp <= 0;
    default: return cmp == 0;
    }
}

static bool order_matches(const struct kn_test *test, struct kn_value value)
{
    kn_dec number;
    if (test->number_count > 0) {
        return kn_value_number(value, &number) &&
               order_holds(test->op, by_number(&number, &test->numbers[0]));
    }
    return value.kind == KN_VALUE_STRING &&
           order_holds(test->op, kn_str_cmp(value.text, test->strings[0]));
}

static bool text_matches(const struct kn_test *test, struct kn_value value)
{
    for (uint32_t i = 0; value.kind == KN_VALUE_STRING && i < test->string_count; i++) {
        struct kn_str piece = test->strings[i];
        if (test->op == KN_OP_STARTS_WITH ? kn_str_starts(value.text, piece)
            : test->op == KN_OP_ENDS_WITH ? kn_str_ends(value.text, piece)
                                          : kn_str_find(value.text, piece) != SIZE_MAX) {
            return true;
        }
    }
    return false;
}

/* ---- dates ---- */

static void lower(int64_t *next_us, int64_t moment)
{
    *next_us = moment < *next_us ? moment : *next_us;
}

static bool is_passed(const struct kn_test *test, int64_t now, int direction, int64_t t,
                      int64_t *next_us)
{
    struct kn_bound bound = {direction, test->period};
    lower(next_us, kn_bound_next(test->zone, now, &bound, t));
    return t <= kn_bound_at(test->zone, now, &bound);
}

static bool anniversary_matches(const struct kn_test *test, const struct kn_date *date, int64_t now,
                                int64_t *next_us)
{
    int64_t year, start, end;
    unsigned month, day;
    int64_t of =
        date->has_offset ? kn_zone_day(test->zone, date->local_us) : kn_date_local_day(date);
    kn_civil_from_days(of, &year, &month, &day);
    kn_anniversary(test->zone, now, month, day, &start, &end);
    lower(next_us, end);
    return is_passed(test, now, 1, start, next_us);
}

static bool date_matches(const struct kn_test *test, struct kn_value value, int64_t now,
                         int64_t *next_us)
{
    struct kn_date date;
    if (value.kind != KN_VALUE_STRING || !kn_date_parse(value.text, &date)) {
        return false;
    }
    if (test->op == KN_OP_ANNIVERSARY_WITHIN) {
        return anniversary_matches(test, &date, now, next_us);
    }
    int64_t t = kn_date_utc(test->zone, &date);
    switch (test->op) {
    case KN_OP_BEFORE_DATE: return t < test->date_us;
    case KN_OP_AFTER_DATE: return t >= test->date_us;
    case KN_OP_WITHIN_LAST: {
        bool over = is_passed(test, now, -1, t, next_us);
        return is_passed(test, now, 0, t, next_us) && !over;
    }
    default: {
        bool near = is_passed(test, now, 1, t, next_us);
        return near && !is_passed(test, now, 0, t, next_us);
    }
    }
}

/* ---- answers ---- */

bool kn_test_matches(const struct kn_test *test, struct kn_value value, int64_t now,
                     int64_t *next_us)
{
    if (value.kind == KN_VALUE_ABSENT) {
        return false;
    }
    switch (test->op) {
    case KN_OP_EXISTS: return true;
    case KN_OP_ABSENT: return false;
    case KN_OP_EQUALS:
    case KN_OP_DIFFERS:
    case KN_OP_ONE_OF:
    case KN_OP_NONE_OF: return is_in_set(test, value);
    case KN_OP_ABOVE:
    case KN_OP_AT_LEAST:
    case KN_OP_BELOW:
    case KN_OP_AT_MOST: return order_matches(test, value);
    case KN_OP_CONTAINS:
    case KN_OP_OMITS:
    case KN_OP_STARTS_WITH:
    case KN_OP_ENDS_WITH: return text_matches(test, value);
    default: return date_matches(test, value, now, next_us);
    }
}

bool kn_test_values(const struct kn_test *test, const struct kn_value *values, uint32_t count,
                    int64_t now, int64_t *next_us)
{
    bool any = false;
    if (test->op == KN_OP_ABSENT) {
        return count == 0;
    }
    for (uint32_t i = 0; i < count && !any; i++) {
        any = kn_test_matches(test, values[i], now, next_us);
    }
    return test->negative ? count > 0 && !any : any;
}

bool kn_test_value(const struct kn_test *test, struct kn_value value, int64_t now, int64_t *next_us)
{
    return kn_test_values(test, &value, value.kind != KN_VALUE_ABSENT, now, next_us);
}

/* The answer from what the value is compared with each of the numbers. */
static bool answer(const struct kn_test *test, int (*compare)(const void *arg, kn_dec number),
                   const void *arg)
{
    bool any = test->op == KN_OP_EXISTS;
    for (uint32_t i = 0; i < test->number_count && !any; i++) {
        any = order_holds(test->op, compare(arg, test->numbers[i]));
    }
    return any != test->negative;
}

static int compare_number(const void *arg, kn_dec number)
{
    return by_number(arg, &number);
}

bool kn_test_number(const struct kn_test *test, kn_dec value)
{
    return answer(test, compare_number, &value);
}

struct mean {
    const struct kn_wide *sum;
    uint64_t count;
};

static int compare_mean(const void *arg, kn_dec number)
{
    const struct mean *mean = arg;
    struct kn_wide times = kn_wide_times(number, mean->count);
    return kn_wide_cmp(mean->sum, &times);
}

bool kn_test_mean(const struct kn_test *test, const struct kn_wide *sum, uint64_t count)
{
    struct mean mean = {sum, count};
    kn_assert(count > 0);
    return answer(test, compare_mean, &mean);
}

bool kn_test_sum(const struct kn_test *test, const struct kn_wide *sum)
{
    return kn_test_mean(test, sum, 1);
}
