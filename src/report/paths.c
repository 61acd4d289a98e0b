/* Paths: the first events of each profile, as one sequence. */
#include <stdlib.h>

#include "base/mem.h"
#include "report/values.h"
#include "segment/date.h"

/* A path is a key: 12 bits per event, number of its table in the lane + 1, the first event lowest.
 */
enum { EVENT_BITS = 12, EVENTS_MAX = (1 << EVENT_BITS) - 1 };

struct paths {
    const struct kn_report *report;
    const struct kn_paths *request;
    struct kn_population population;
    struct kn_lane lane;
    uint32_t start; /* table of the first event + 1; 0: any */
    bool no_start;  /* it is asked for, and never happened */
    uint64_t cell_key;
    struct kn_range ranges[KN_RANGES_MAX];
    struct job *jobs;
};

struct job {
    struct paths *p;
    struct kn_slab slab;
    struct kn_cells cells;
    enum kn_rc rc;
    struct kn_err err;
};

static uint32_t table_of(const struct kn_lane *lane, struct kn_str name)
{
    for (uint32_t i = 0; i < lane->table_count; i++) {
        if (kn_str_eq(lane->tables[i], name)) {
            return i + 1;
        }
    }
    return 0;
}

static uint64_t path_of(const struct job *j, uint32_t local)
{
    const struct paths *p = j->p;
    const struct kn_paths *q = p->request;
    const struct kn_slab *s = &j->slab;
    uint64_t key = 0;
    uint32_t length = 0;
    uint32_t before = 0;
    int64_t until = INT64_MAX;
    for (uint32_t r = s->start[local]; r < s->end[local] && length < q->length; r++) {
        uint32_t event = p->lane.parts[s->refs[r].part].table + 1;
        if (length == 0 && p->start != 0 && event != p->start) {
            continue;
        }
        if (length == 0 && q->within.count > 0) {
            until = kn_period_after(p->report->zone, s->us[r], q->within);
        }
        if (s->us[r] > until) {
            break;
        }
        if (length == 0 || q->repeats || event != before) {
            key |= (uint64_t)event << (EVENT_BITS * length++);
        }
        before = event;
    }
    return key;
}

static enum kn_rc count_profile(struct job *j, uint32_t ordinal, uint32_t local)
{
    uint64_t *members = j->p->report->members;
    uint64_t key = path_of(j, local);
    if (key == 0) {
        return KN_OK;
    }
    if (members) {
        bool in_cell = j->p->request->cell_length == 0 || key == j->p->cell_key;
        members[ordinal / 64] |= (uint64_t)in_cell << (ordinal % 64);
        return KN_OK;
    }
    struct kn_cell *c = kn_cells_at(&j->cells, key, &j->err);
    if (!c) {
        return j->err.code;
    }
    c->count++;
    return KN_OK;
}

static enum kn_rc count_block(struct job *j, uint32_t first)
{
    struct paths *p = j->p;
    KN_TRY(kn_slab_load(&j->slab, &p->lane, &p->population, first,
                        p->population.counted + first / 64, &j->err));
    for (uint32_t i = 0; i < KN_BLOCK; i++) {
        if (j->slab.end[i] > j->slab.start[i]) {
            KN_TRY(count_profile(j, first + i, i));
        }
    }
    return KN_OK;
}

static void run_job(void *context, uint32_t index)
{
    struct paths *p = context;
    struct job *j = &p->jobs[index];
    for (uint32_t b = p->ranges[index].first; b < p->ranges[index].end && j->rc == KN_OK;
         b += KN_BLOCK) {
        j->rc = p->no_start ? KN_OK : count_block(j, b);
    }
}

/* ---- before ---- */

static bool is_chosen(const struct kn_paths *q, struct kn_str name)
{
    bool chosen = q->event_count == 0;
    for (uint32_t i = 0; i < q->event_count && !chosen; i++) {
        chosen = kn_str_eq(q->events[i], name);
    }
    return chosen;
}

/* Leaves only the parts of chosen events. */
static void choose_events(struct paths *p)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < p->lane.count; i++) {
        struct kn_lane_part part = p->lane.parts[i];
        if (is_chosen(p->request, p->lane.tables[part.table])) {
            p->lane.parts[kept++] = part;
        }
    }
    p->lane.count = kept;
}

static enum kn_rc prepare(struct paths *p, struct kn_err *err)
{
    const struct kn_paths *q = p->request;
    struct kn_event_match any = {.event = KN_STR_EMPTY};
    int64_t after_now = p->report->now + 1;
    KN_TRY(kn_population_make(p->report, &p->population, err));
    KN_TRY(kn_lane_make(p->report, KN_TABLE_EVENT, &any, q->from,
                        q->to < after_now ? q->to : after_now, &p->lane, err));
    if (p->lane.table_count > EVENTS_MAX) {
        return kn_fail(err, KN_E_LIMIT, "paths read at most %d different events", EVENTS_MAX);
    }
    choose_events(p);
    p->start = q->start.p ? table_of(&p->lane, q->start) : 0;
    p->no_start = q->start.p && (p->start == 0 || !is_chosen(q, q->start));
    for (uint32_t i = 0; i < q->cell_length; i++) {
        uint32_t table = table_of(&p->lane, q->cell_path[i]);
        p->cell_key |= (uint64_t)(table ? table : EVENTS_MAX) << (EVENT_BITS * i);
    }
    return KN_OK;
}

/* ---- after ---- */

static int compare_names(const struct kn_path_count *a, const struct kn_path_count *b)
{
    for (uint32_t i = 0; i < a->length && i < b->length; i++) {
        int order = kn_str_cmp(a->events[i], b->events[i]);
        if (order != 0) {
            return order;
        }
    }
    return (a->length > b->length) - (a->length < b->length);
}

static int compare_paths(const void *a, const void *b)
{
    const struct kn_path_count *x = a;
    const struct kn_path_count *y = b;
    if (x->profiles != y->profiles) {
        return x->profiles > y->profiles ? -1 : 1;
    }
    return compare_names(x, y);
}

static void spell(const struct kn_lane *lane, const struct kn_cell *cell, struct kn_path_count *ret)
{
    ret->profiles = cell->count;
    for (uint64_t key = cell->key; key != 0; key >>= EVENT_BITS) {
        ret->events[ret->length++] = lane->tables[(key & EVENTS_MAX) - 1];
    }
}

static enum kn_rc sum_up(struct paths *p, uint32_t jobs, struct kn_arena *arena,
                         struct kn_paths_result *ret, struct kn_err *err)
{
    if (jobs == 0) {
        return KN_OK;
    }
    struct kn_cells *all = &p->jobs[0].cells;
    uint32_t n = 0;
    for (uint32_t i = 1; i < jobs; i++) {
        KN_TRY(kn_cells_merge(all, &p->jobs[i].cells, err));
    }
    struct kn_path_count *paths = kn_arena_zero(arena, all->count + 1, sizeof *paths);
    if (!paths) {
        return kn_fail(err, KN_E_NOMEM, "no memory for paths");
    }
    for (uint32_t i = 0; all->cells && i <= all->mask; i++) {
        if (all->used[i]) {
            ret->profiles += all->cells[i].count;
            spell(&p->lane, &all->cells[i], &paths[n++]);
        }
    }
    qsort(paths, n, sizeof *paths, compare_paths);
    ret->paths = paths;
    ret->count = p->request->limit > 0 && n > p->request->limit ? p->request->limit : n;
    ret->left_out = n - ret->count;
    return KN_OK;
}

static enum kn_rc run(struct paths *p, uint32_t *ret_jobs, struct kn_err *err)
{
    const struct kn_lane *lane = &p->lane;
    uint32_t n = kn_ranges_make(p->report, &p->population, &lane, 1, p->ranges);
    p->jobs = kn_calloc(n + 1, sizeof *p->jobs);
    if (!p->jobs) {
        return kn_fail(err, KN_E_NOMEM, "no memory for paths");
    }
    for (uint32_t i = 0; i < n; i++) {
        p->jobs[i].p = p;
    }
    *ret_jobs = n;
    kn_jobs_run(&p->report->jobs, n, run_job, p);
    for (uint32_t i = 0; i < n; i++) {
        if (p->jobs[i].rc != KN_OK) {
            *err = p->jobs[i].err;
            return p->jobs[i].rc;
        }
    }
    return KN_OK;
}

enum kn_rc kn_report_paths(const struct kn_report *report, const struct kn_paths *paths,
                           struct kn_arena *arena, struct kn_paths_result *ret, struct kn_err *err)
{
    struct paths p = {.report = report, .request = paths};
    uint32_t jobs = 0;
    *ret = (struct kn_paths_result){0};
    enum kn_rc rc = prepare(&p, err);
    rc = rc == KN_OK ? run(&p, &jobs, err) : rc;
    rc = rc == KN_OK ? sum_up(&p, jobs, arena, ret, err) : rc;
    for (uint32_t i = 0; i < jobs; i++) {
        kn_slab_free(&p.jobs[i].slab);
        kn_cells_free(&p.jobs[i].cells);
    }
    kn_free(p.jobs);
    kn_lane_free(&p.lane);
    kn_population_free(&p.population);
    return rc;
}
