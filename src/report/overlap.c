/* How segments overlap, and how one differs from everyone. */
#include <stdlib.h>

#include "base/mem.h"
#include "report/values.h"

/* ---- overlap ---- */

/* Profiles of a word that are in exactly the sets of `mask`. */
static uint64_t exactly(uint64_t everyone, const uint64_t *const *sets, uint32_t count,
                        uint32_t mask, uint32_t word)
{
    uint64_t bits = everyone;
    for (uint32_t i = 0; i < count; i++) {
        bits &= (mask >> i) & 1 ? sets[i][word] : ~sets[i][word];
    }
    return bits;
}

static void take_members(const struct kn_report *report, const struct kn_population *population,
                         const uint64_t *const *sets, uint32_t count, uint32_t cell,
                         bool just_these)
{
    for (uint32_t w = 0; w < (population->end + 63) / 64; w++) {
        for (uint32_t mask = 0; mask < 1U << count; mask++) {
            if (just_these ? mask == cell : (mask & cell) == cell) {
                report->members[w] |= exactly(population->counted[w], sets, count, mask, w);
            }
        }
    }
}

enum kn_rc kn_report_overlap(const struct kn_report *report, const uint64_t *const *sets,
                             uint32_t count, uint32_t cell_mask, bool cell_exactly,
                             struct kn_overlap_result *ret, struct kn_err *err)
{
    struct kn_population population;
    KN_TRY(kn_population_make(report, &population, err));
    *ret = (struct kn_overlap_result){0};
    for (uint32_t w = 0; w < (population.end + 63) / 64; w++) {
        for (uint32_t mask = 0; mask < 1U << count; mask++) {
            uint64_t bits = exactly(population.counted[w], sets, count, mask, w);
            ret->exactly[mask] += (uint64_t)__builtin_popcountll(bits);
        }
    }
    for (uint32_t mask = 0; mask < 1U << count; mask++) {
        for (uint32_t other = 0; other < 1U << count; other++) {
            ret->in_all[mask] += (other & mask) == mask ? ret->exactly[other] : 0;
        }
    }
    if (report->members) {
        take_members(report, &population, sets, count, cell_mask, cell_exactly);
    }
    kn_population_free(&population);
    return KN_OK;
}

/* ---- compare ---- */

static struct kn_series profiles_by_value(const struct kn_compare *q)
{
    bool of_profile = q->phase || q->table == KN_TABLE_PROFILE;
    return (struct kn_series){
        .table = q->phase ? KN_TABLE_PROFILE : q->table,
        .match = q->match,
        .measure = KN_MEASURE_PROFILES,
        .whole = true,
        .timeless = of_profile,
        .from = q->from,
        .to = q->to,
        .breakdown = {.kind = q->phase ? KN_BREAKDOWN_PHASE : KN_BREAKDOWN_ROW, .path = q->path},
        .cell_value = q->cell_value,
    };
}

static int by_segment(const void *a, const void *b)
{
    const struct kn_compare_value *x = a;
    const struct kn_compare_value *y = b;
    if (x->segment != y->segment) {
        return x->segment > y->segment ? -1 : 1;
    }
    if (x->everyone != y->everyone) {
        return x->everyone > y->everyone ? -1 : 1;
    }
    return kn_value_compare(&x->value, &y->value);
}

/* Everyone's values, with what the segment has of each. */
static enum kn_rc join(const struct kn_series_result *all, const struct kn_series_result *segment,
                       struct kn_value_set *set, struct kn_compare_value *values,
                       struct kn_err *err)
{
    uint32_t id;
    for (uint32_t i = 0; i < all->group_count; i++) {
        KN_TRY(kn_value_set_add(set, all->groups[i].value, &id, err));
        values[id].value = all->groups[i].value;
        values[id].everyone = all->groups[i].points[0].count;
    }
    for (uint32_t i = 0; i < segment->group_count; i++) {
        id = kn_value_set_find(set, segment->groups[i].value);
        if (id != UINT32_MAX) {
            values[id].segment = segment->groups[i].points[0].count;
        }
    }
    return KN_OK;
}

static enum kn_rc count_people(const struct kn_report *report, uint64_t *ret, struct kn_err *err)
{
    struct kn_population population;
    KN_TRY(kn_population_make(report, &population, err));
    *ret = kn_bits_count(population.counted, population.end);
    kn_population_free(&population);
    return KN_OK;
}

static enum kn_rc compare(const struct kn_report *report, const struct kn_compare *q,
                          struct kn_value_set *set, struct kn_arena *arena,
                          struct kn_compare_result *ret, struct kn_err *err)
{
    struct kn_report everyone = *report;
    struct kn_series series = profiles_by_value(q);
    struct kn_series_result all;
    struct kn_series_result segment;
    struct kn_report inside = *report;
    everyone.only = NULL;
    everyone.members = q->cell_everyone ? report->members : NULL;
    inside.members = q->cell_everyone ? NULL : report->members;
    KN_TRY(count_people(&everyone, &ret->everyone, err));
    KN_TRY(count_people(report, &ret->segment, err));
    KN_TRY(kn_report_series(&everyone, &series, arena, &all, err));
    KN_TRY(kn_report_series(&inside, &series, arena, &segment, err));
    uint32_t n = all.group_count;
    struct kn_compare_value *values = kn_arena_zero(arena, (size_t)n + 1, sizeof *values);
    if (!values) {
        return kn_fail(err, KN_E_NOMEM, "no memory for a comparison");
    }
    KN_TRY(join(&all, &segment, set, values, err));
    /* Place 0 is "absent", which may be nobody's. */
    bool shift = set->count == n + 1;
    values += shift;
    qsort(values, n, sizeof *values, by_segment);
    ret->values = values;
    ret->count = q->limit > 0 && n > q->limit ? q->limit : n;
    ret->left_out = n - ret->count;
    return KN_OK;
}

enum kn_rc kn_report_compare(const struct kn_report *report, const struct kn_compare *q,
                             struct kn_arena *arena, struct kn_compare_result *ret,
                             struct kn_err *err)
{
    struct kn_value_set set;
    *ret = (struct kn_compare_result){0};
    KN_TRY(kn_value_set_init(&set, err));
    enum kn_rc rc = compare(report, q, &set, arena, ret, err);
    kn_value_set_free(&set);
    return rc;
}
