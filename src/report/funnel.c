/* Funnels: for each profile the chain that comes furthest. */
#include "base/assert.h"
#include "base/mem.h"
#include "report/dimension.h"
#include "report/rank.h"
#include "segment/date.h"

/* Who reached a step: the time it took since the step before (not of the first), and the group. One
 * job's. */
struct reach {
    int64_t *us;
    uint32_t *groups; /* NULL without a breakdown */
    size_t count, cap;
};

struct funnel {
    const struct kn_report *report;
    const struct kn_funnel *request;
    struct kn_population population;
    struct kn_lane lanes[KN_FUNNEL_STEPS_MAX];
    struct kn_dimension dimension;
    uint32_t cell_group; /* group of the cell; UINT32_MAX: there is none such; 0 may be any */
    int64_t fixed_us;    /* `within`, unless it is a calendar one: then -1 */
    struct kn_range ranges[KN_RANGES_MAX];
    struct job *jobs;
};

struct job {
    struct funnel *f;
    struct kn_slab slabs[KN_FUNNEL_STEPS_MAX];
    struct kn_dimension_block block;
    struct kn_ids groups;
    struct reach reached[KN_FUNNEL_STEPS_MAX];
    enum kn_rc rc;
    struct kn_err err;
};

static enum kn_rc note(struct reach *r, bool grouped, uint32_t group, int64_t us,
                       struct kn_err *err)
{
    if (us < 0 && !grouped) {
        r->count++;
        return KN_OK;
    }
    if (r->count == r->cap) {
        size_t cap = r->cap ? r->cap * 2 : 1024;
        int64_t *times = kn_realloc(r->us, cap * sizeof *times);
        r->us = times ? times : r->us;
        uint32_t *groups = grouped ? kn_realloc(r->groups, cap * sizeof *groups) : NULL;
        r->groups = groups ? groups : r->groups;
        if (!times || (grouped && !groups)) {
            return kn_fail(err, KN_E_NOMEM, "no memory for a funnel");
        }
        r->cap = cap;
    }
    r->us[r->count] = us;
    if (grouped) {
        r->groups[r->count] = group;
    }
    r->count++;
    return KN_OK;
}

/* ---- the chain of one profile ---- */

struct chain {
    uint32_t length;
    uint32_t at[KN_FUNNEL_STEPS_MAX]; /* rows of the slabs */
};

static bool follows(const struct job *j, uint32_t step, uint32_t row, uint32_t before)
{
    const struct kn_slab *a = &j->slabs[step];
    const struct kn_slab *b = &j->slabs[step - 1];
    return kn_row_after(&j->f->lanes[step], a->us[row], a->refs[row], &j->f->lanes[step - 1],
                        b->us[before], b->refs[before]);
}

static int64_t end_of(const struct funnel *f, int64_t first_us)
{
    return f->fixed_us >= 0 ? first_us + f->fixed_us
                            : kn_period_after(f->report->zone, first_us, f->request->within);
}

/* From a given first row the earliest row of each next step leaves most room for the rest, and it
 * moves only forward as the first row does: each row is looked at once. */
static void find_chain(const struct job *j, uint32_t local, uint32_t possible, struct chain *best)
{
    uint32_t next[KN_FUNNEL_STEPS_MAX];
    uint32_t end = j->slabs[0].end[local];
    for (uint32_t k = 0; k < possible; k++) {
        next[k] = j->slabs[k].start[local];
    }
    kn_assert(possible > 0);
    *best = (struct chain){.length = 0};
    if (possible == 1) {
        *best = (struct chain){.length = 1, .at = {next[0]}};
        return;
    }
    for (uint32_t first = next[0]; first < end && best->length < possible; first++) {
        struct chain c = {.length = 1, .at = {first}};
        int64_t until = end_of(j->f, j->slabs[0].us[first]);
        while (c.length < possible) {
            uint32_t k = c.length;
            uint32_t last = j->slabs[k].end[local];
            while (next[k] < last && !follows(j, k, next[k], c.at[k - 1])) {
                next[k]++;
            }
            if (next[k] == last || j->slabs[k].us[next[k]] > until) {
                break;
            }
            c.at[c.length++] = next[k];
        }
        if (c.length > best->length) {
            *best = c;
        }
    }
}

/* How many steps the profile has rows of, without a gap. */
static uint32_t steps_possible(const struct job *j, uint32_t local)
{
    uint32_t k = 0;
    while (k < j->f->request->step_count && j->slabs[k].end[local] > j->slabs[k].start[local]) {
        k++;
    }
    return k;
}

static bool is_in_cell(const struct job *j, const struct chain *c)
{
    const struct kn_funnel *q = j->f->request;
    bool in_group = !q->cell_value;
    for (uint32_t i = 0; i < j->groups.count && !in_group; i++) {
        in_group = j->groups.ids[i] == j->f->cell_group;
    }
    return in_group && c->length > q->cell_step &&
           (!q->cell_dropped || c->length == q->cell_step + 1);
}

static enum kn_rc count_profile(struct job *j, uint32_t first, uint32_t local)
{
    struct chain c;
    bool grouped = j->f->dimension.kind != KN_BREAKDOWN_NONE;
    const struct kn_slab *s = &j->slabs[0];
    find_chain(j, local, steps_possible(j, local), &c);
    KN_TRY(kn_dimension_groups(&j->f->dimension, &j->block, local, s->us[c.at[0]], s->refs[c.at[0]],
                               &j->groups, &j->err));
    if (j->f->report->members) {
        if (is_in_cell(j, &c)) {
            uint32_t o = first + local;
            j->f->report->members[o / 64] |= UINT64_C(1) << (o % 64);
        }
        return KN_OK;
    }
    for (uint32_t k = 0; k < c.length; k++) {
        int64_t us = k == 0 ? -1 : j->slabs[k].us[c.at[k]] - j->slabs[k - 1].us[c.at[k - 1]];
        for (uint32_t g = 0; g < j->groups.count; g++) {
            KN_TRY(note(&j->reached[k], grouped, j->groups.ids[g], us, &j->err));
        }
    }
    return KN_OK;
}

/* Each step is loaded only for those who have the steps before it. */
static enum kn_rc count_block(struct job *j, uint32_t first)
{
    struct funnel *f = j->f;
    uint64_t want[KN_BLOCK_WORDS];
    uint64_t begun[KN_BLOCK_WORDS] = {0};
    memcpy(want, f->population.counted + first / 64, sizeof want);
    for (uint32_t k = 0; k < f->request->step_count; k++) {
        KN_TRY(kn_slab_load(&j->slabs[k], &f->lanes[k], &f->population, first, want, &j->err));
        kn_slab_narrow(&j->slabs[k], want);
        if (k == 0) {
            memcpy(begun, want, sizeof begun);
        }
    }
    KN_TRY(kn_dimension_load(&f->dimension, &j->block, &f->population, first, begun, &j->err));
    for (uint32_t w = 0; w < KN_BLOCK_WORDS; w++) {
        for (uint64_t bits = begun[w]; bits != 0; bits &= bits - 1) {
            KN_TRY(count_profile(j, first, w * 64 + (uint32_t)__builtin_ctzll(bits)));
        }
    }
    return KN_OK;
}

static void run_job(void *context, uint32_t index)
{
    struct funnel *f = context;
    struct job *j = &f->jobs[index];
    for (uint32_t b = f->ranges[index].first; b < f->ranges[index].end && j->rc == KN_OK;
         b += KN_BLOCK) {
        j->rc = count_block(j, b);
    }
}

/* ---- adding up ---- */

/* All jobs' reaches of one step in one array. */
static enum kn_rc gather(const struct funnel *f, uint32_t jobs, uint32_t step, struct reach *ret,
                         struct kn_err *err)
{
    size_t n = 0;
    for (uint32_t i = 0; i < jobs; i++) {
        n += f->jobs[i].reached[step].count;
    }
    bool grouped = f->dimension.kind != KN_BREAKDOWN_NONE;
    ret->us = kn_alloc((n + 1) * sizeof *ret->us);
    ret->groups = grouped ? kn_alloc((n + 1) * sizeof *ret->groups) : NULL;
    if (!ret->us || (grouped && !ret->groups)) {
        return kn_fail(err, KN_E_NOMEM, "no memory for a funnel");
    }
    for (uint32_t i = 0; i < jobs; i++) {
        const struct reach *r = &f->jobs[i].reached[step];
        if (r->us) {
            memcpy(ret->us + ret->count, r->us, r->count * sizeof *r->us);
            if (grouped) {
                memcpy(ret->groups + ret->count, r->groups, r->count * sizeof *r->groups);
            }
        }
        ret->count += r->count;
    }
    return KN_OK;
}

static void free_reach(struct reach *r)
{
    kn_free(r->us);
    kn_free(r->groups);
    *r = (struct reach){0};
}

static struct kn_funnel_step step_of(int64_t *us, size_t n, bool first)
{
    return (struct kn_funnel_step){
        .profiles = n, .median_twice_us = first || n == 0 ? -1 : kn_median_twice(us, n)};
}

/* Without a breakdown each reach is a profile. */
static enum kn_rc sum_up(const struct funnel *f, uint32_t jobs, struct kn_arena *arena,
                         struct kn_funnel_result *ret, struct kn_err *err)
{
    struct kn_funnel_step *steps = kn_arena_zero(arena, f->request->step_count, sizeof *steps);
    if (!steps) {
        return kn_fail(err, KN_E_NOMEM, "no memory for a funnel");
    }
    for (uint32_t k = 0; k < f->request->step_count; k++) {
        struct reach all = {0};
        enum kn_rc rc = gather(f, jobs, k, &all, err);
        if (rc == KN_OK) {
            steps[k] = step_of(all.us, all.count, k == 0);
        }
        free_reach(&all);
        KN_TRY(rc);
    }
    ret->steps = steps;
    return KN_OK;
}

/* Reaches of one step in order of their groups. */
static enum kn_rc by_group(const struct reach *all, uint32_t groups, int64_t **ret_us,
                           size_t **ret_starts, struct kn_err *err)
{
    size_t *starts = kn_calloc((size_t)groups + 2, sizeof *starts);
    int64_t *us = kn_alloc((all->count + 1) * sizeof *us);
    if (!starts || !us) {
        kn_free(starts);
        kn_free(us);
        return kn_fail(err, KN_E_NOMEM, "no memory for a funnel");
    }
    for (size_t i = 0; i < all->count; i++) {
        starts[all->groups[i] + 2]++;
    }
    for (uint32_t g = 0; g < groups; g++) {
        starts[g + 2] += starts[g + 1];
    }
    for (size_t i = 0; i < all->count; i++) {
        us[starts[all->groups[i] + 1]++] = all->us[i];
    }
    *ret_us = us;
    *ret_starts = starts;
    return KN_OK;
}

static enum kn_rc fill_step(const struct funnel *f, uint32_t jobs, uint32_t step,
                            const struct kn_ranking *ranking, struct kn_funnel_step *steps,
                            struct kn_err *err)
{
    struct reach all = {0};
    int64_t *us = NULL;
    size_t *starts = NULL;
    enum kn_rc rc = gather(f, jobs, step, &all, err);
    rc = rc == KN_OK ? by_group(&all, f->dimension.set.count, &us, &starts, err) : rc;
    for (uint32_t i = 0; rc == KN_OK && i < ranking->count; i++) {
        uint32_t g = ranking->ids[i];
        kn_assert(us && starts);
        steps[(size_t)i * f->request->step_count + step] =
            step_of(us + starts[g], starts[g + 1] - starts[g], step == 0);
    }
    free_reach(&all);
    kn_free(us);
    kn_free(starts);
    return rc;
}

static enum kn_rc count_groups(const struct funnel *f, uint32_t jobs, uint64_t **ret,
                               struct kn_err *err)
{
    uint64_t *totals = kn_calloc(f->dimension.set.count, sizeof *totals);
    if (!totals) {
        return kn_fail(err, KN_E_NOMEM, "no memory for a funnel");
    }
    for (uint32_t i = 0; i < jobs; i++) {
        const struct reach *r = &f->jobs[i].reached[0];
        for (size_t k = 0; k < r->count; k++) {
            totals[r->groups[k]]++;
        }
    }
    *ret = totals;
    return KN_OK;
}

static enum kn_rc sum_up_groups(const struct funnel *f, uint32_t jobs, struct kn_arena *arena,
                                struct kn_funnel_result *ret, struct kn_err *err)
{
    uint64_t *totals = NULL;
    struct kn_ranking ranking;
    uint32_t step_count = f->request->step_count;
    KN_TRY(count_groups(f, jobs, &totals, err));
    enum kn_rc rc =
        kn_rank(&f->dimension.set, totals, f->request->breakdown.limit, arena, &ranking, err);
    kn_free(totals);
    KN_TRY(rc);
    struct kn_funnel_step *steps =
        kn_arena_zero(arena, (size_t)ranking.count * step_count + 1, sizeof *steps);
    struct kn_funnel_group *groups = kn_arena_zero(arena, ranking.count + 1, sizeof *groups);
    if (!steps || !groups) {
        return kn_fail(err, KN_E_NOMEM, "no memory for a funnel");
    }
    for (uint32_t k = 0; k < step_count; k++) {
        KN_TRY(fill_step(f, jobs, k, &ranking, steps, err));
    }
    for (uint32_t i = 0; i < ranking.count; i++) {
        groups[i] = (struct kn_funnel_group){f->dimension.set.values[ranking.ids[i]],
                                             steps + (size_t)i * step_count};
    }
    ret->groups = groups;
    ret->group_count = ranking.count;
    ret->groups_left_out = ranking.left_out;
    return KN_OK;
}

/* ---- the whole ---- */

static enum kn_rc prepare(struct funnel *f, struct kn_err *err)
{
    const struct kn_funnel *q = f->request;
    const struct kn_report *r = f->report;
    int64_t after_now = r->now + 1;
    int64_t first_end = q->to < after_now ? q->to : after_now;
    int64_t last_end = kn_period_after(r->zone, q->to, q->within);
    /* A month more: the end of a calendar period is not in step with its beginning. */
    last_end = kn_period_is_fixed(q->within) ? last_end : last_end + INT64_C(2678400000000);
    last_end = last_end < after_now ? last_end : after_now;
    f->fixed_us = kn_period_is_fixed(q->within) ? kn_period_fixed_us(q->within) : -1;
    KN_TRY(kn_population_make(r, &f->population, err));
    for (uint32_t k = 0; k < q->step_count; k++) {
        KN_TRY(kn_lane_make(r, kn_lane_kind(&q->steps[k]), &q->steps[k], q->from,
                            k == 0 ? first_end : last_end, &f->lanes[k], err));
    }
    KN_TRY(kn_dimension_make(r, &q->breakdown, &f->lanes[0], &f->dimension, err));
    f->cell_group =
        q->cell_value ? kn_value_set_find(&f->dimension.set, *q->cell_value) : UINT32_MAX;
    return KN_OK;
}

static enum kn_rc run(struct funnel *f, uint32_t *ret_jobs, struct kn_err *err)
{
    const struct kn_lane *lanes[KN_FUNNEL_STEPS_MAX];
    for (uint32_t k = 0; k < f->request->step_count; k++) {
        lanes[k] = &f->lanes[k];
    }
    uint32_t n =
        kn_ranges_make(f->report, &f->population, lanes, f->request->step_count, f->ranges);
    f->jobs = kn_calloc(n + 1, sizeof *f->jobs);
    if (!f->jobs) {
        return kn_fail(err, KN_E_NOMEM, "no memory for a funnel");
    }
    for (uint32_t i = 0; i < n; i++) {
        f->jobs[i].f = f;
    }
    *ret_jobs = n;
    kn_jobs_run(&f->report->jobs, n, run_job, f);
    for (uint32_t i = 0; i < n; i++) {
        if (f->jobs[i].rc != KN_OK) {
            *err = f->jobs[i].err;
            return f->jobs[i].rc;
        }
    }
    return KN_OK;
}

static void clean_up(struct funnel *f, uint32_t jobs)
{
    for (uint32_t i = 0; i < jobs; i++) {
        struct job *j = &f->jobs[i];
        for (uint32_t k = 0; k < KN_FUNNEL_STEPS_MAX; k++) {
            kn_slab_free(&j->slabs[k]);
            free_reach(&j->reached[k]);
        }
        kn_dimension_block_free(&j->block);
        kn_ids_free(&j->groups);
    }
    kn_free(f->jobs);
    for (uint32_t k = 0; k < KN_FUNNEL_STEPS_MAX; k++) {
        kn_lane_free(&f->lanes[k]);
    }
    kn_dimension_free(&f->dimension);
    kn_population_free(&f->population);
    kn_free(f);
}

enum kn_rc kn_report_funnel(const struct kn_report *report, const struct kn_funnel *funnel,
                            struct kn_arena *arena, struct kn_funnel_result *ret,
                            struct kn_err *err)
{
    uint32_t jobs = 0;
    struct funnel *f = kn_calloc(1, sizeof *f);
    if (!f) {
        return kn_fail(err, KN_E_NOMEM, "no memory for a funnel");
    }
    f->report = report;
    f->request = funnel;
    *ret = (struct kn_funnel_result){0};
    enum kn_rc rc = prepare(f, err);
    rc = rc == KN_OK ? run(f, &jobs, err) : rc;
    if (rc == KN_OK && f->dimension.kind == KN_BREAKDOWN_NONE) {
        rc = sum_up(f, jobs, arena, ret, err);
    } else if (rc == KN_OK) {
        rc = sum_up_groups(f, jobs, arena, ret, err);
    }
    clean_up(f, jobs);
    return rc;
}
