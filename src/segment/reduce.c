/* One value from many rows. */
#include <stdlib.h>

#include "base/assert.h"
#include "segment/distinct.h"
#include "segment/eval_internal.h"

void kn_day_count(struct kn_day_count *days, int64_t day)
{
    if (days->count == 0 || day > days->latest) {
        int64_t steps = days->count == 0 ? 64 : day - days->latest;
        days->seen = (steps < 64 ? days->seen << steps : 0) | 1;
        days->latest = day;
        days->count++;
        return;
    }
    /* The clock went back across midnight: by hours, so never by many days. */
    uint64_t bit = UINT64_C(1) << (days->latest - day);
    days->count += !(days->seen & bit);
    days->seen |= bit;
}

static struct kn_values field_values(struct kn_evaluation *e, const struct kn_chain *chain,
                                     const struct kn_selection *s, uint32_t i)
{
    return e->view->ops->values(e->view->self, s->rows, kn_selected(s, i), chain->field.context,
                                chain->field.path);
}

static uint32_t count_days(struct kn_evaluation *e, const struct kn_selection *s)
{
    struct kn_day_count days = {0, 0, 0};
    for (uint32_t i = 0; i < s->count; i++) {
        kn_day_count(&days, kn_zone_day(e->zone, s->rows->us[kn_selected(s, i)]));
    }
    return days.count;
}

static void reduce_sum(struct kn_evaluation *e, const struct kn_chain *chain,
                       const struct kn_selection *s, struct kn_result *ret)
{
    kn_dec number;
    for (uint32_t i = 0; i < s->count; i++) {
        struct kn_values v = field_values(e, chain, s, i);
        for (uint32_t k = 0; k < v.count; k++) {
            if (kn_value_number(v.values[k], &number)) {
                kn_wide_add(&ret->sum, number);
                ret->count++;
            }
        }
    }
    ret->kind = chain->reducer == KN_REDUCE_SUM ? KN_RESULT_SUM
                : ret->count > 0                ? KN_RESULT_MEAN
                                                : KN_RESULT_ABSENT;
}

void kn_take_extreme(const struct kn_chain *chain, struct kn_value value, struct kn_result *ret)
{
    bool max = chain->reducer == KN_REDUCE_MAX, first = ret->kind == KN_RESULT_ABSENT;
    kn_dec number;
    if (chain->cast == KN_CAST_STRING && value.kind == KN_VALUE_STRING) {
        int cmp = first ? 0 : kn_str_cmp(value.text, ret->one.text);
        if (first || (max ? cmp > 0 : cmp < 0)) {
            ret->one = value;
        }
        ret->kind = KN_RESULT_VALUES;
    } else if (chain->cast == KN_CAST_NUMBER && kn_value_number(value, &number)) {
        if (first || (max ? number > ret->number : number < ret->number)) {
            ret->number = number;
        }
        ret->kind = KN_RESULT_NUMBER;
    }
}

static void reduce_extreme(struct kn_evaluation *e, const struct kn_chain *chain,
                           const struct kn_selection *s, struct kn_result *ret)
{
    for (uint32_t i = 0; i < s->count; i++) {
        struct kn_values v = field_values(e, chain, s, i);
        for (uint32_t k = 0; k < v.count; k++) {
            kn_take_extreme(chain, v.values[k], ret);
        }
    }
    ret->values = (struct kn_values){&ret->one, 1};
}

static void reduce_edge(struct kn_evaluation *e, const struct kn_chain *chain,
                        const struct kn_selection *s, struct kn_result *ret)
{
    if (s->count > 0) {
        uint32_t at = chain->reducer == KN_REDUCE_FIRST ? 0 : s->count - 1;
        ret->values = field_values(e, chain, s, at);
        ret->kind = ret->values.count > 0 ? KN_RESULT_VALUES : KN_RESULT_ABSENT;
    }
}

/* ---- by value ---- */

static void collect(struct kn_evaluation *e, const struct kn_chain *chain,
                    const struct kn_selection *s, struct kn_distinct *distinct)
{
    kn_distinct_init(distinct, e->arena, (enum kn_cast)chain->cast, false);
    for (uint32_t i = 0; i < s->count && !distinct->failed; i++) {
        struct kn_values v = field_values(e, chain, s, i);
        for (uint32_t k = 0; k < v.count; k++) {
            kn_distinct_add(distinct, v.values[k], i + 1);
        }
    }
    if (distinct->failed) {
        e->rc = KN_E_NOMEM;
    }
}

static void reduce_mode(const struct kn_chain *chain, const struct kn_distinct *distinct,
                        struct kn_result *ret)
{
    const struct kn_distinct_entry *best = NULL;
    for (uint32_t i = 0; i < distinct->count; i++) {
        const struct kn_distinct_entry *entry = &distinct->entries[i];
        if (!best || entry->rows > best->rows ||
            (entry->rows == best->rows && kn_value_order(&entry->value, &best->value) < 0)) {
            best = entry;
        }
    }
    if (best && best->rows >= chain->mode_min) {
        ret->kind = KN_RESULT_VALUES;
        ret->one = best->value;
        ret->values = (struct kn_values){&ret->one, 1};
    }
}

void kn_distinct_list(const struct kn_distinct *distinct, struct kn_evaluation *e,
                      struct kn_result *ret)
{
    struct kn_value *values = kn_arena_alloc(e->arena, distinct->count * sizeof *values);
    uint32_t count = 0;
    if (!values) {
        e->rc = KN_E_NOMEM;
        return;
    }
    for (uint32_t i = 0; i < distinct->count; i++) {
        if (distinct->entries[i].rows > 0) {
            values[count++] = distinct->entries[i].value;
        }
    }
    qsort(values, count, sizeof *values, kn_value_order);
    ret->values = (struct kn_values){values, count};
    ret->kind = count > 0 ? KN_RESULT_LIST : KN_RESULT_ABSENT;
}

static void reduce_distinct(struct kn_evaluation *e, const struct kn_chain *chain,
                            const struct kn_selection *s, struct kn_result *ret)
{
    struct kn_distinct distinct;
    uint32_t most = 0;
    collect(e, chain, s, &distinct);
    if (e->rc != KN_OK) {
        return;
    }
    switch (chain->reducer) {
    case KN_REDUCE_MODE: reduce_mode(chain, &distinct, ret); return;
    case KN_REDUCE_UNIQUE: kn_distinct_list(&distinct, e, ret); return;
    case KN_REDUCE_UNIQUE_COUNT: most = distinct.count; break;
    default:
        for (uint32_t i = 0; i < distinct.count; i++) {
            most = distinct.entries[i].rows > most ? distinct.entries[i].rows : most;
        }
        break;
    }
    ret->kind = KN_RESULT_NUMBER;
    ret->number = kn_dec_int(most);
}

void kn_reduce(struct kn_evaluation *e, const struct kn_chain *chain, const struct kn_selection *s,
               struct kn_result *ret)
{
    *ret = (struct kn_result){.kind = KN_RESULT_ABSENT};
    switch (chain->reducer) {
    case KN_REDUCE_COUNT:
    case KN_REDUCE_DAYS:
        ret->kind = KN_RESULT_NUMBER;
        ret->number = kn_dec_int(chain->reducer == KN_REDUCE_COUNT ? s->count : count_days(e, s));
        break;
    case KN_REDUCE_SUM:
    case KN_REDUCE_AVG: reduce_sum(e, chain, s, ret); break;
    case KN_REDUCE_MIN:
    case KN_REDUCE_MAX: reduce_extreme(e, chain, s, ret); break;
    case KN_REDUCE_FIRST:
    case KN_REDUCE_LAST: reduce_edge(e, chain, s, ret); break;
    default: reduce_distinct(e, chain, s, ret); break;
    }
}

/* ---- results ---- */

bool kn_result_test(const struct kn_test *test, const struct kn_result *result, int64_t now,
                    int64_t *next_us)
{
    switch (result->kind) {
    case KN_RESULT_ABSENT: return kn_test_values(test, NULL, 0, now, next_us);
    case KN_RESULT_NUMBER: return kn_test_number(test, result->number);
    case KN_RESULT_SUM: return kn_test_sum(test, &result->sum);
    case KN_RESULT_MEAN: return kn_test_mean(test, &result->sum, result->count);
    default: return kn_test_values(test, result->values.values, result->values.count, now, next_us);
    }
}

static bool put_value(struct kn_value value, struct kn_buf *out)
{
    kn_dec number;
    switch (value.kind) {
    case KN_VALUE_STRING: kn_json_out_string(out, value.text); return true;
    case KN_VALUE_NUMBER:
        if (kn_dec_parse(value.text, true, &number)) {
            kn_dec_format(number, out);
        } else {
            kn_buf_str(out, value.text);
        }
        return true;
    case KN_VALUE_TRUE: kn_buf_c(out, "true"); return true;
    case KN_VALUE_FALSE: kn_buf_c(out, "false"); return true;
    default: return false; /* an object has no text here */
    }
}

static bool put_list(struct kn_values values, struct kn_buf *out)
{
    kn_buf_char(out, '[');
    for (uint32_t i = 0; i < values.count; i++) {
        if (values.values[i].kind != KN_VALUE_OBJECT) {
            kn_json_out_comma(out);
            (void)put_value(values.values[i], out);
        }
    }
    kn_buf_char(out, ']');
    return true;
}

bool kn_result_put(const struct kn_result *result, struct kn_buf *out)
{
    switch (result->kind) {
    case KN_RESULT_ABSENT: return false;
    case KN_RESULT_NUMBER: kn_dec_format(result->number, out); return true;
    case KN_RESULT_SUM: kn_wide_format(&result->sum, out); return true;
    case KN_RESULT_MEAN: kn_wide_format_mean(&result->sum, result->count, out); return true;
    case KN_RESULT_LIST: return put_list(result->values, out);
    default:
        return result->values.count == 1 ? put_value(result->values.values[0], out)
                                         : put_list(result->values, out);
    }
}
