/* Series: numbers per calendar unit. */
#include "report/series.h"

#include "base/assert.h"
#include "base/mem.h"
#include "report/rank.h"

enum { DENSE_MAX = 1 << 15 }; /* cells that a job keeps as an array */

static bool is_summed(const struct kn_series *q)
{
    return q->measure == KN_MEASURE_SUM || q->measure == KN_MEASURE_AVERAGE;
}

/* Distinct profiles of the whole population need no rows in hand. */
static bool is_by_bits(const struct kn_series_plan *p)
{
    return p->request->measure == KN_MEASURE_PROFILES && p->dimension.kind == KN_BREAKDOWN_NONE &&
           !p->request->timeless;
}

/* ---- before ---- */

static enum kn_rc make_edges(struct kn_series_plan *p, struct kn_err *err)
{
    const struct kn_series *q = p->request;
    if (q->timeless || q->whole) {
        return kn_edges_whole(q->timeless ? 0 : q->from, q->timeless ? 1 : q->to, &p->edges, err);
    }
    return kn_edges_make(p->report->zone, q->unit, q->from, q->to, KN_SERIES_POINTS_MAX, &p->edges,
                         err);
}

static enum kn_rc prepare(struct kn_series_plan *p, struct kn_err *err)
{
    const struct kn_series *q = p->request;
    int64_t after_now = p->report->now + 1;
    int64_t from = q->timeless ? INT64_MIN : q->from;
    int64_t to = q->timeless ? INT64_MAX : q->to < after_now ? q->to : after_now;
    KN_TRY(make_edges(p, err));
    KN_TRY(kn_population_make(p->report, &p->population, err));
    KN_TRY(kn_lane_make(p->report, q->table, &q->match, from, to, &p->lane, err));
    p->lane.unordered = true;
    KN_TRY(kn_dimension_make(p->report, &q->breakdown, &p->lane, &p->dimension, err));
    p->cell_group =
        q->cell_value ? kn_value_set_find(&p->dimension.set, *q->cell_value) : UINT32_MAX;
    if (is_summed(q)) {
        KN_TRY(kn_value_set_init(&p->number_set, err));
        KN_TRY(kn_column_field_make(&p->lane, q->path, &p->number_set, &p->numbers_field, err));
        KN_TRY(kn_numbers_make(&p->number_set, &p->numbers, err));
    }
    return KN_OK;
}

/* ---- the work ---- */

struct work {
    struct kn_series_plan plan;
    struct kn_series_job *jobs;
    uint32_t job_count;
};

static void run_job(void *context, uint32_t index)
{
    struct work *w = context;
    struct kn_series_job *j = &w->jobs[index];
    const struct kn_range *range = &w->plan.ranges[index];
    for (uint32_t b = range->first; b < range->end && j->rc == KN_OK; b += KN_BLOCK) {
        if (j->bits) {
            kn_series_bits_block(j, b);
        } else {
            j->rc = kn_series_block(j, b);
        }
    }
    if (j->bits && j->rc == KN_OK) {
        j->rc = kn_series_bits_finish(j);
    }
}

static enum kn_rc make_job(const struct kn_series_plan *p, struct kn_series_job *j,
                           struct kn_err *err)
{
    uint64_t cells = (uint64_t)p->dimension.set.count * p->edges.count;
    j->plan = p;
    if (cells <= DENSE_MAX) {
        j->dense = kn_calloc((size_t)cells, sizeof *j->dense);
        if (!j->dense) {
            return kn_fail(err, KN_E_NOMEM, "no memory for a series");
        }
    }
    return is_by_bits(p) ? kn_series_bits_new(p, &j->bits, err) : KN_OK;
}

static enum kn_rc run(struct work *w, struct kn_err *err)
{
    struct kn_series_plan *p = &w->plan;
    const struct kn_lane *lane = &p->lane;
    uint32_t n = kn_ranges_make(p->report, &p->population, &lane, 1, p->ranges);
    w->jobs = kn_calloc(n + 1, sizeof *w->jobs);
    if (!w->jobs) {
        return kn_fail(err, KN_E_NOMEM, "no memory for a series");
    }
    w->job_count = n;
    for (uint32_t i = 0; i < n; i++) {
        KN_TRY(make_job(p, &w->jobs[i], err));
    }
    kn_jobs_run(&p->report->jobs, n, run_job, w);
    for (uint32_t i = 0; i < n; i++) {
        if (w->jobs[i].rc != KN_OK) {
            *err = w->jobs[i].err;
            return w->jobs[i].rc;
        }
    }
    return KN_OK;
}

/* ---- after ---- */

static enum kn_rc merge(struct work *w, struct kn_cells *all, struct kn_err *err)
{
    uint64_t cells = (uint64_t)w->plan.dimension.set.count * w->plan.edges.count;
    for (uint32_t i = 0; i < w->job_count; i++) {
        struct kn_series_job *j = &w->jobs[i];
        KN_TRY(kn_cells_merge(all, &j->cells, err));
        for (uint64_t k = 0; j->dense && k < cells; k++) {
            if (j->dense[k].count == 0) {
                continue;
            }
            struct kn_cell *c = kn_cells_at(all, k, err);
            if (!c) {
                return err->code;
            }
            kn_cell_add(c, &j->dense[k]);
        }
    }
    return KN_OK;
}

/* What groups are ranked by: counts, or sums in whole units (negative ones last). */
static uint64_t rank_by(const struct kn_series *q, uint64_t count, const struct kn_wide *sum)
{
    if (q->measure != KN_MEASURE_SUM) {
        return count;
    }
    if ((int64_t)sum->w[2] < 0 || count == 0) {
        return count > 0;
    }
    /* 2^60 is about 10^18, the scale of the sum. */
    return sum->w[2] > 0 || sum->w[1] >> 59 ? UINT64_MAX
                                            : 1 + ((sum->w[1] << 4) | (sum->w[0] >> 60));
}

static enum kn_rc rank(const struct kn_series_plan *p, const struct kn_cells *cells,
                       struct kn_arena *arena, struct kn_ranking *ret, struct kn_err *err)
{
    uint32_t groups = p->dimension.set.count;
    struct kn_cell *sums = kn_calloc(groups, sizeof *sums);
    uint64_t *totals = kn_calloc(groups, sizeof *totals);
    enum kn_rc rc = KN_OK;
    if (!sums || !totals) {
        rc = kn_fail(err, KN_E_NOMEM, "no memory for a series");
    }
    for (uint32_t i = 0; rc == KN_OK && cells->cells && i <= cells->mask; i++) {
        if (cells->used[i]) {
            kn_cell_add(&sums[cells->cells[i].key / p->edges.count], &cells->cells[i]);
        }
    }
    for (uint32_t g = 0; rc == KN_OK && g < groups; g++) {
        kn_assert(sums && totals);
        totals[g] = rank_by(p->request, sums[g].count, &sums[g].sum);
    }
    if (rc == KN_OK) {
        rc = kn_rank(&p->dimension.set, totals, p->request->breakdown.limit, arena, ret, err);
    }
    kn_free(sums);
    kn_free(totals);
    return rc;
}

static enum kn_rc put_group(const struct kn_series_plan *p, const struct kn_cells *cells,
                            uint32_t group, struct kn_arena *arena, struct kn_series_group *ret,
                            struct kn_err *err)
{
    struct kn_point *points = kn_arena_zero(arena, p->edges.count, sizeof *points);
    if (!points) {
        return kn_fail(err, KN_E_NOMEM, "no memory for a series");
    }
    for (uint32_t i = 0; i < p->edges.count; i++) {
        const struct kn_cell *c = kn_cells_find(cells, (uint64_t)group * p->edges.count + i);
        points[i] = c ? (struct kn_point){c->count, c->sum} : (struct kn_point){0};
    }
    *ret = (struct kn_series_group){p->dimension.set.values[group], points};
    return KN_OK;
}

static enum kn_rc put_all(const struct kn_series_plan *p, const struct kn_cells *cells,
                          struct kn_arena *arena, struct kn_series_result *ret, struct kn_err *err)
{
    struct kn_ranking ranking = {.count = 1};
    uint32_t only = 0;
    ranking.ids = &only;
    if (p->dimension.kind != KN_BREAKDOWN_NONE) {
        KN_TRY(rank(p, cells, arena, &ranking, err));
    }
    struct kn_series_group *groups = kn_arena_zero(arena, ranking.count + 1, sizeof *groups);
    int64_t *starts = kn_arena_alloc(arena, p->edges.count * sizeof *starts);
    if (!groups || !starts) {
        return kn_fail(err, KN_E_NOMEM, "no memory for a series");
    }
    memcpy(starts, p->edges.at, p->edges.count * sizeof *starts);
    for (uint32_t i = 0; i < ranking.count; i++) {
        KN_TRY(put_group(p, cells, ranking.ids[i], arena, &groups[i], err));
    }
    *ret =
        (struct kn_series_result){starts, p->edges.count, groups, ranking.count, ranking.left_out};
    return KN_OK;
}

static void free_job(struct kn_series_job *j)
{
    kn_free(j->dense);
    kn_cells_free(&j->cells);
    kn_slab_free(&j->slab);
    kn_dimension_block_free(&j->block);
    kn_ids_free(&j->groups);
    kn_ids_free(&j->numbers);
    kn_free(j->keys);
    kn_series_bits_free(j->bits);
}

static void clean_up(struct work *w)
{
    struct kn_series_plan *p = &w->plan;
    for (uint32_t i = 0; i < w->job_count; i++) {
        free_job(&w->jobs[i]);
    }
    kn_free(w->jobs);
    kn_lane_free(&p->lane);
    kn_edges_free(&p->edges);
    kn_dimension_free(&p->dimension);
    kn_column_field_free(&p->numbers_field);
    kn_numbers_free(&p->numbers);
    kn_value_set_free(&p->number_set);
    kn_population_free(&p->population);
    kn_free(w);
}

enum kn_rc kn_report_series(const struct kn_report *report, const struct kn_series *series,
                            struct kn_arena *arena, struct kn_series_result *ret,
                            struct kn_err *err)
{
    struct kn_cells cells = {0};
    struct work *w = kn_calloc(1, sizeof *w);
    if (!w) {
        return kn_fail(err, KN_E_NOMEM, "no memory for a series");
    }
    w->plan.report = report;
    w->plan.request = series;
    enum kn_rc rc = prepare(&w->plan, err);
    rc = rc == KN_OK ? run(w, err) : rc;
    rc = rc == KN_OK ? merge(w, &cells, err) : rc;
    rc = rc == KN_OK ? put_all(&w->plan, &cells, arena, ret, err) : rc;
    kn_cells_free(&cells);
    clean_up(w);
    return rc;
}
