#include "report/rank.h"

#include <stdlib.h>

/* What the order of two groups depends on, so that sorting needs no context. */
struct ranked {
    uint64_t total;
    const struct kn_value *value;
    uint32_t id;
};

static int compare(const void *a, const void *b)
{
    const struct ranked *x = a;
    const struct ranked *y = b;
    if (x->total != y->total) {
        return x->total > y->total ? -1 : 1;
    }
    return kn_value_compare(x->value, y->value);
}

enum kn_rc kn_rank(const struct kn_value_set *set, const uint64_t *totals, uint32_t limit,
                   struct kn_arena *arena, struct kn_ranking *ret, struct kn_err *err)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < set->count; i++) {
        n += totals[i] > 0;
    }
    struct ranked *all = kn_arena_alloc(arena, ((size_t)n + 1) * sizeof *all);
    uint32_t *ids = kn_arena_alloc(arena, ((size_t)n + 1) * sizeof *ids);
    if (!all || !ids) {
        return kn_fail(err, KN_E_NOMEM, "no memory for groups");
    }
    n = 0;
    for (uint32_t i = 0; i < set->count; i++) {
        if (totals[i] > 0) {
            all[n++] = (struct ranked){totals[i], &set->values[i], i};
        }
    }
    qsort(all, n, sizeof *all, compare);
    ret->count = limit > 0 && n > limit ? limit : n;
    ret->left_out = n - ret->count;
    for (uint32_t i = 0; i < ret->count; i++) {
        ids[i] = all[i].id;
    }
    ret->ids = ids;
    return KN_OK;
}

static void swap(int64_t *a, int64_t *b)
{
    int64_t t = *a;
    *a = *b;
    *b = t;
}

/* Median of three as the pivot. */
static int64_t pivot(const int64_t *v, size_t n)
{
    int64_t a = v[0];
    int64_t b = v[n / 2];
    int64_t c = v[n - 1];
    int64_t low = a < b ? a : b;
    int64_t high = a < b ? b : a;
    return c < low ? low : c > high ? high : c;
}

/* Puts the k-th smallest at v[k], no greater ones before it and no smaller ones behind it (Hoare).
 */
int64_t kn_rank_select(int64_t *numbers, size_t n, size_t k)
{
    int64_t *v = numbers;
    size_t low = 0;
    size_t high = n;
    while (high - low > 1) {
        int64_t p = pivot(v + low, high - low);
        size_t less = low;
        size_t equal = low;
        size_t more = high;
        while (equal < more) {
            if (v[equal] < p) {
                swap(&v[less++], &v[equal++]);
            } else if (v[equal] > p) {
                swap(&v[equal], &v[--more]);
            } else {
                equal++;
            }
        }
        if (k < less) {
            high = less;
        } else if (k >= more) {
            low = more;
        } else {
            return v[k];
        }
    }
    return v[k];
}

int64_t kn_median_twice(int64_t *numbers, size_t n)
{
    int64_t upper = kn_rank_select(numbers, n, n / 2);
    if (n % 2 == 1) {
        return upper * 2;
    }
    int64_t lower = numbers[0];
    for (size_t i = 1; i < n / 2; i++) {
        lower = numbers[i] > lower ? numbers[i] : lower;
    }
    return lower + upper;
}
