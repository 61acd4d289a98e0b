/* Retention: cohorts by the first matching event, returns by calendar unit. */
#include "base/mem.h"
#include "report/rank.h"
#include "report/retention.h"

static enum kn_rc count(struct kn_retention_job *j, uint32_t cohort, uint32_t column)
{
    const struct kn_retention_plan *r = j->r;
    if (j->counts) {
        j->counts[(size_t)cohort * r->columns + column]++;
        return KN_OK;
    }
    for (uint32_t g = 0; g < j->groups.count; g++) {
        uint64_t row = (uint64_t)j->groups.ids[g] * r->cohorts + cohort;
        struct kn_cell *c = kn_cells_at(&j->cells, row * r->columns + column, &j->err);
        if (!c) {
            return j->err.code;
        }
        c->count++;
    }
    return KN_OK;
}

static bool is_in_group(const struct kn_retention_job *j)
{
    bool in = !j->r->request->cell_value;
    for (uint32_t g = 0; g < j->groups.count && !in; g++) {
        in = j->groups.ids[g] == j->r->cell_group;
    }
    return in;
}

/* The profile is in the column of its cohort. */
static enum kn_rc visit(struct kn_retention_job *j, uint32_t ordinal, uint32_t cohort,
                        uint32_t column)
{
    const struct kn_retention *q = j->r->request;
    uint64_t *members = j->r->report->members;
    if (!members) {
        return count(j, cohort, column);
    }
    if (cohort == q->cell_cohort && (int64_t)column == (int64_t)q->cell_period + 1 &&
        is_in_group(j)) {
        members[ordinal / 64] |= UINT64_C(1) << (ordinal % 64);
    }
    return KN_OK;
}

static enum kn_rc count_profile(struct kn_retention_job *j, uint32_t first_ordinal, uint32_t local)
{
    const struct kn_retention_plan *r = j->r;
    uint32_t at = j->first.start[local];
    int64_t us = j->first.us[at];
    struct kn_row_ref ref = j->first.refs[at];
    uint32_t cohort = kn_edges_find(&r->edges, us);
    uint32_t next = 0; /* the first period that is not counted yet */
    KN_TRY(kn_dimension_groups(&r->dimension, &j->block, local, us, ref, &j->groups, &j->err));
    KN_TRY(visit(j, first_ordinal + local, cohort, 0));
    for (uint32_t b = j->back.start[local]; b < j->back.end[local]; b++) {
        uint32_t unit = kn_edges_find(&r->edges, j->back.us[b]);
        if (unit == KN_EDGES_NONE || unit < cohort + next ||
            !kn_row_after(&r->back, j->back.us[b], j->back.refs[b], &r->first, us, ref)) {
            continue;
        }
        if (unit - cohort > r->request->periods) {
            break;
        }
        KN_TRY(visit(j, first_ordinal + local, cohort, unit - cohort + 1));
        next = unit - cohort + 1;
    }
    return KN_OK;
}

static enum kn_rc count_block(struct kn_retention_job *j, uint32_t first)
{
    struct kn_retention_plan *r = j->r;
    uint64_t want[KN_BLOCK_WORDS];
    memcpy(want, r->population.counted + first / 64, sizeof want);
    KN_TRY(kn_slab_load(&j->first, &r->first, &r->population, first, want, &j->err));
    kn_slab_narrow(&j->first, want);
    KN_TRY(kn_slab_load(&j->back, &r->back, &r->population, first, want, &j->err));
    KN_TRY(kn_dimension_load(&r->dimension, &j->block, &r->population, first, want, &j->err));
    for (uint32_t w = 0; w < KN_BLOCK_WORDS; w++) {
        for (uint64_t bits = want[w]; bits != 0; bits &= bits - 1) {
            KN_TRY(count_profile(j, first, w * 64 + (uint32_t)__builtin_ctzll(bits)));
        }
    }
    return KN_OK;
}

static void run_job(void *context, uint32_t index)
{
    struct kn_retention_plan *r = context;
    struct kn_retention_job *j = &r->jobs[index];
    for (uint32_t b = r->ranges[index].first; b < r->ranges[index].end && j->rc == KN_OK;
         b += KN_BLOCK) {
        if (j->bits) {
            kn_retention_bits_block(j, b);
        } else {
            j->rc = count_block(j, b);
        }
    }
    if (j->bits) {
        kn_retention_bits_finish(j);
    }
}

/* ---- before ---- */

static enum kn_rc make_edges(struct kn_retention_plan *r, struct kn_err *err)
{
    const struct kn_retention *q = r->request;
    const struct kn_zone *zone = r->report->zone;
    struct kn_edges cohorts;
    KN_TRY(kn_edges_make(zone, q->unit, q->from, q->to, KN_RETENTION_COHORTS_MAX, &cohorts, err));
    int64_t end = cohorts.at[cohorts.count];
    r->cohorts = cohorts.count;
    kn_edges_free(&cohorts);
    for (uint32_t i = 0; i < q->periods; i++) {
        end = kn_unit_next(zone, q->unit, end);
    }
    r->columns = q->periods + 2;
    return kn_edges_make(zone, q->unit, q->from, end,
                         KN_RETENTION_COHORTS_MAX + KN_RETENTION_PERIODS_MAX, &r->edges, err);
}

static enum kn_rc prepare(struct kn_retention_plan *r, struct kn_err *err)
{
    const struct kn_retention *q = r->request;
    int64_t after_now = r->report->now + 1;
    KN_TRY(make_edges(r, err));
    int64_t end = r->edges.at[r->edges.count];
    KN_TRY(kn_population_make(r->report, &r->population, err));
    KN_TRY(kn_lane_make(r->report, kn_lane_kind(&q->first), &q->first, q->from,
                        q->to < after_now ? q->to : after_now, &r->first, err));
    KN_TRY(kn_lane_make(r->report, kn_lane_kind(&q->back), &q->back, q->from,
                        end < after_now ? end : after_now, &r->back, err));
    KN_TRY(kn_dimension_make(r->report, &q->breakdown, &r->first, &r->dimension, err));
    r->cell_group =
        q->cell_value ? kn_value_set_find(&r->dimension.set, *q->cell_value) : UINT32_MAX;
    r->by_bits = kn_retention_fits_bits(r);
    return KN_OK;
}

static enum kn_rc make_job(struct kn_retention_plan *r, struct kn_retention_job *j,
                           struct kn_err *err)
{
    j->r = r;
    if (r->dimension.kind == KN_BREAKDOWN_NONE) {
        j->counts = kn_calloc((size_t)r->cohorts * r->columns, sizeof *j->counts);
        if (!j->counts) {
            return kn_fail(err, KN_E_NOMEM, "no memory for retention");
        }
    }
    return r->by_bits ? kn_retention_bits_new(r, &j->bits, err) : KN_OK;
}

static enum kn_rc run(struct kn_retention_plan *r, uint32_t *ret_jobs, struct kn_err *err)
{
    const struct kn_lane *lanes[] = {&r->first, &r->back};
    uint32_t n = kn_ranges_make(r->report, &r->population, lanes, 2, r->ranges);
    r->jobs = kn_calloc(n + 1, sizeof *r->jobs);
    if (!r->jobs) {
        return kn_fail(err, KN_E_NOMEM, "no memory for retention");
    }
    *ret_jobs = n;
    for (uint32_t i = 0; i < n; i++) {
        KN_TRY(make_job(r, &r->jobs[i], err));
    }
    kn_jobs_run(&r->report->jobs, n, run_job, r);
    for (uint32_t i = 0; i < n; i++) {
        if (r->jobs[i].rc != KN_OK) {
            *err = r->jobs[i].err;
            return r->jobs[i].rc;
        }
    }
    return KN_OK;
}

/* ---- after ---- */

/* Periods of a cohort that are over at now. */
static uint32_t periods_known(const struct kn_retention_plan *r, uint32_t cohort)
{
    uint32_t n = 0;
    while (n <= r->request->periods && r->edges.at[cohort + n + 1] <= r->report->now) {
        n++;
    }
    return n;
}

/* counts: [cohorts x columns], in the arena. */
static enum kn_rc make_cohorts(const struct kn_retention_plan *r, const uint64_t *counts,
                               struct kn_arena *arena, const struct kn_cohort **ret,
                               struct kn_err *err)
{
    struct kn_cohort *c = kn_arena_zero(arena, r->cohorts, sizeof *c);
    if (!c) {
        return kn_fail(err, KN_E_NOMEM, "no memory for retention");
    }
    for (uint32_t i = 0; i < r->cohorts; i++) {
        const uint64_t *row = counts + (size_t)i * r->columns;
        c[i] = (struct kn_cohort){r->edges.at[i], row[0], row + 1, periods_known(r, i)};
    }
    *ret = c;
    return KN_OK;
}

static enum kn_rc sum_up(const struct kn_retention_plan *r, uint32_t jobs, struct kn_arena *arena,
                         struct kn_retention_result *ret, struct kn_err *err)
{
    size_t n = (size_t)r->cohorts * r->columns;
    uint64_t *counts = kn_arena_zero(arena, n, sizeof *counts);
    if (!counts) {
        return kn_fail(err, KN_E_NOMEM, "no memory for retention");
    }
    for (uint32_t j = 0; j < jobs; j++) {
        for (size_t i = 0; i < n; i++) {
            counts[i] += r->jobs[j].counts[i];
        }
    }
    ret->cohort_count = r->cohorts;
    return make_cohorts(r, counts, arena, &ret->cohorts, err);
}

static enum kn_rc rank_groups(const struct kn_retention_plan *r, const struct kn_cells *cells,
                              struct kn_arena *arena, struct kn_ranking *ret, struct kn_err *err)
{
    uint64_t *totals = kn_calloc(r->dimension.set.count, sizeof *totals);
    if (!totals) {
        return kn_fail(err, KN_E_NOMEM, "no memory for retention");
    }
    for (uint32_t i = 0; cells->cells && i <= cells->mask; i++) {
        uint64_t key = cells->cells[i].key;
        if (cells->used[i] && key % r->columns == 0) {
            totals[key / r->columns / r->cohorts] += cells->cells[i].count;
        }
    }
    enum kn_rc rc =
        kn_rank(&r->dimension.set, totals, r->request->breakdown.limit, arena, ret, err);
    kn_free(totals);
    return rc;
}

static enum kn_rc make_group(const struct kn_retention_plan *r, struct kn_cells *cells,
                             uint32_t group, struct kn_arena *arena, struct kn_retention_group *ret,
                             struct kn_err *err)
{
    size_t n = (size_t)r->cohorts * r->columns;
    uint64_t *counts = kn_arena_zero(arena, n, sizeof *counts);
    if (!counts) {
        return kn_fail(err, KN_E_NOMEM, "no memory for retention");
    }
    for (size_t i = 0; i < n; i++) {
        const struct kn_cell *c = kn_cells_find(cells, group * n + i);
        counts[i] = c ? c->count : 0;
    }
    ret->value = r->dimension.set.values[group];
    return make_cohorts(r, counts, arena, &ret->cohorts, err);
}

static enum kn_rc sum_up_groups(const struct kn_retention_plan *r, uint32_t jobs,
                                struct kn_arena *arena, struct kn_retention_result *ret,
                                struct kn_err *err)
{
    struct kn_ranking ranking = {0};
    struct kn_cells *cells = &r->jobs[0].cells;
    for (uint32_t j = 1; j < jobs; j++) {
        KN_TRY(kn_cells_merge(cells, &r->jobs[j].cells, err));
    }
    KN_TRY(rank_groups(r, cells, arena, &ranking, err));
    struct kn_retention_group *groups = kn_arena_zero(arena, ranking.count + 1, sizeof *groups);
    if (!groups) {
        return kn_fail(err, KN_E_NOMEM, "no memory for retention");
    }
    for (uint32_t i = 0; i < ranking.count; i++) {
        KN_TRY(make_group(r, cells, ranking.ids[i], arena, &groups[i], err));
    }
    ret->cohort_count = r->cohorts;
    ret->groups = groups;
    ret->group_count = ranking.count;
    ret->groups_left_out = ranking.left_out;
    return KN_OK;
}

static void clean_up(struct kn_retention_plan *r, uint32_t jobs)
{
    for (uint32_t i = 0; i < jobs; i++) {
        struct kn_retention_job *j = &r->jobs[i];
        kn_slab_free(&j->first);
        kn_slab_free(&j->back);
        kn_dimension_block_free(&j->block);
        kn_ids_free(&j->groups);
        kn_cells_free(&j->cells);
        kn_free(j->counts);
        kn_retention_bits_free(j->bits);
    }
    kn_free(r->jobs);
    kn_lane_free(&r->first);
    kn_lane_free(&r->back);
    kn_dimension_free(&r->dimension);
    kn_edges_free(&r->edges);
    kn_population_free(&r->population);
    kn_free(r);
}

enum kn_rc kn_report_retention(const struct kn_report *report, const struct kn_retention *retention,
                               struct kn_arena *arena, struct kn_retention_result *ret,
                               struct kn_err *err)
{
    uint32_t jobs = 0;
    struct kn_retention_plan *r = kn_calloc(1, sizeof *r);
    if (!r) {
        return kn_fail(err, KN_E_NOMEM, "no memory for retention");
    }
    r->report = report;
    r->request = retention;
    *ret = (struct kn_retention_result){0};
    enum kn_rc rc = prepare(r, err);
    rc = rc == KN_OK ? run(r, &jobs, err) : rc;
    if (rc == KN_OK && r->dimension.kind == KN_BREAKDOWN_NONE) {
        rc = sum_up(r, jobs, arena, ret, err);
    } else if (rc == KN_OK && jobs > 0) {
        rc = sum_up_groups(r, jobs, arena, ret, err);
    }
    clean_up(r, jobs);
    return rc;
}
