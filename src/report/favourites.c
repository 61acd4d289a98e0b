/* Favourites: what each profile likes best, with decay. */
#include <stdlib.h>

#include "base/mem.h"
#include "report/liking.h"
#include "report/rank.h"

struct favourites {
    const struct kn_report *report;
    const struct kn_favourites *request;
    int64_t half_life_us;
    struct kn_population population;
    struct kn_lane lanes[KN_LIKING_SIGNALS];
    struct kn_value_set set;
    struct kn_column_field own[KN_LIKING_SIGNALS];      /* p.brand */
    struct kn_column_field products[KN_LIKING_SIGNALS]; /* p.products.brand */
    uint32_t cell_id;
    struct kn_range ranges[KN_RANGES_MAX];
    struct job *jobs;
};

struct liked {
    uint32_t id;
    uint64_t points;
};

struct job {
    struct favourites *f;
    struct kn_slab slabs[KN_LIKING_SIGNALS];
    struct kn_ids ids;
    struct liked *liked;
    size_t liked_count, liked_cap;
    uint64_t *counts; /* [values x 3] */
    enum kn_rc rc;
    struct kn_err err;
};

static enum kn_rc like(struct job *j, uint32_t id, uint64_t points)
{
    if (j->liked_count == j->liked_cap) {
        size_t cap = j->liked_cap ? j->liked_cap * 2 : 64;
        struct liked *wide = kn_realloc(j->liked, cap * sizeof *wide);
        if (!wide) {
            return kn_fail(&j->err, KN_E_NOMEM, "no memory for favourites");
        }
        j->liked = wide;
        j->liked_cap = cap;
    }
    j->liked[j->liked_count++] = (struct liked){id, points};
    return KN_OK;
}

static int by_id(const void *a, const void *b)
{
    const struct liked *x = a;
    const struct liked *y = b;
    return (x->id > y->id) - (x->id < y->id);
}

/* One entry per value, with the sum of its points. */
static void add_up(struct job *j)
{
    size_t n = 0;
    qsort(j->liked, j->liked_count, sizeof *j->liked, by_id);
    for (size_t i = 0; i < j->liked_count; i++) {
        if (n > 0 && j->liked[n - 1].id == j->liked[i].id) {
            j->liked[n - 1].points += j->liked[i].points;
        } else {
            j->liked[n++] = j->liked[i];
        }
    }
    j->liked_count = n;
}

/* More points first, then by value. */
static bool is_liked_more(const struct favourites *f, const struct liked *a, const struct liked *b)
{
    return a->points != b->points
               ? a->points > b->points
               : kn_value_compare(&f->set.values[a->id], &f->set.values[b->id]) < 0;
}

static void count_top(struct job *j, uint32_t ordinal)
{
    const struct favourites *f = j->f;
    uint64_t *members = f->report->members;
    for (size_t place = 0; place < KN_FAVOURITES_TOP && place < j->liked_count; place++) {
        size_t best = place;
        for (size_t i = place + 1; i < j->liked_count; i++) {
            best = is_liked_more(f, &j->liked[i], &j->liked[best]) ? i : best;
        }
        struct liked top = j->liked[best];
        j->liked[best] = j->liked[place];
        j->liked[place] = top;
        if (top.points == 0) {
            return;
        }
        if (!members) {
            j->counts[(size_t)top.id * KN_FAVOURITES_TOP + place]++;
        } else if (top.id == f->cell_id &&
                   (f->request->cell_place == 0 || f->request->cell_place == place + 1)) {
            members[ordinal / 64] |= UINT64_C(1) << (ordinal % 64);
        }
    }
}

static enum kn_rc like_rows(struct job *j, uint32_t signal, uint32_t local)
{
    const struct favourites *f = j->f;
    const struct kn_slab *s = &j->slabs[signal];
    for (uint32_t r = s->start[local]; r < s->end[local]; r++) {
        uint64_t points = kn_liking_points(kn_liking_signals[signal].points,
                                           f->report->now - s->us[r], f->half_life_us);
        j->ids.count = 0;
        KN_TRY(kn_field_all(&f->products[signal], s->refs[r], &j->ids, &j->err));
        if (j->ids.count == 0) {
            KN_TRY(kn_field_all(&f->own[signal], s->refs[r], &j->ids, &j->err));
        }
        for (uint32_t i = 0; i < j->ids.count; i++) {
            KN_TRY(like(j, j->ids.ids[i], points));
        }
    }
    return KN_OK;
}

static enum kn_rc count_block(struct job *j, uint32_t first)
{
    struct favourites *f = j->f;
    const uint64_t *want = f->population.counted + first / 64;
    for (uint32_t s = 0; s < KN_LIKING_SIGNALS; s++) {
        KN_TRY(kn_slab_load(&j->slabs[s], &f->lanes[s], &f->population, first, want, &j->err));
    }
    for (uint32_t i = 0; i < KN_BLOCK; i++) {
        j->liked_count = 0;
        for (uint32_t s = 0; s < KN_LIKING_SIGNALS; s++) {
            KN_TRY(like_rows(j, s, i));
        }
        if (j->liked_count > 0) {
            add_up(j);
            count_top(j, first + i);
        }
    }
    return KN_OK;
}

static void run_job(void *context, uint32_t index)
{
    struct favourites *f = context;
    struct job *j = &f->jobs[index];
    for (uint32_t b = f->ranges[index].first; b < f->ranges[index].end && j->rc == KN_OK;
         b += KN_BLOCK) {
        j->rc = count_block(j, b);
    }
}

static enum kn_rc prepare(struct favourites *f, struct kn_err *err)
{
    struct kn_buf path;
    KN_TRY(kn_population_make(f->report, &f->population, err));
    KN_TRY(kn_value_set_init(&f->set, err));
    for (uint32_t s = 0; s < KN_LIKING_SIGNALS; s++) {
        struct kn_event_match match = {.event = kn_str_c(kn_liking_signals[s].event)};
        KN_TRY(kn_lane_make(f->report, KN_TABLE_EVENT, &match, INT64_MIN, f->report->now + 1,
                            &f->lanes[s], err));
        kn_buf_init(&path, 4096);
        kn_buf_c(&path, "p.products");
        size_t after = path.len;
        kn_columns_path_key(&path, f->request->field);
        enum kn_rc rc = path.rc != KN_OK ? kn_fail(err, path.rc, "no such field")
                                         : kn_column_field_make(&f->lanes[s], kn_buf_view(&path),
                                                                &f->set, &f->products[s], err);
        if (rc == KN_OK) {
            memmove(path.p + 1, path.p + after, path.len - after);
            rc = kn_column_field_make(&f->lanes[s], kn_str(path.p, 1 + path.len - after), &f->set,
                                      &f->own[s], err);
        }
        kn_buf_deinit(&path);
        KN_TRY(rc);
    }
    f->cell_id =
        f->request->cell_value ? kn_value_set_find(&f->set, *f->request->cell_value) : UINT32_MAX;
    return KN_OK;
}

static enum kn_rc run(struct favourites *f, uint32_t *ret_jobs, struct kn_err *err)
{
    const struct kn_lane *lanes[KN_LIKING_SIGNALS] = {&f->lanes[0], &f->lanes[1], &f->lanes[2]};
    uint32_t n = kn_ranges_make(f->report, &f->population, lanes, KN_LIKING_SIGNALS, f->ranges);
    f->jobs = kn_calloc(n + 1, sizeof *f->jobs);
    if (!f->jobs) {
        return kn_fail(err, KN_E_NOMEM, "no memory for favourites");
    }
    *ret_jobs = n;
    for (uint32_t i = 0; i < n; i++) {
        f->jobs[i].f = f;
        f->jobs[i].counts = kn_calloc((size_t)f->set.count * KN_FAVOURITES_TOP, sizeof(uint64_t));
        if (!f->jobs[i].counts) {
            return kn_fail(err, KN_E_NOMEM, "no memory for favourites");
        }
    }
    kn_jobs_run(&f->report->jobs, n, run_job, f);
    for (uint32_t i = 0; i < n; i++) {
        if (f->jobs[i].rc != KN_OK) {
            *err = f->jobs[i].err;
            return f->jobs[i].rc;
        }
    }
    return KN_OK;
}

static enum kn_rc sum_up(struct favourites *f, uint32_t jobs, struct kn_arena *arena,
                         struct kn_favourites_result *ret, struct kn_err *err)
{
    struct kn_ranking ranking;
    size_t n = (size_t)f->set.count * KN_FAVOURITES_TOP;
    uint64_t *totals = kn_arena_zero(arena, f->set.count, sizeof *totals);
    uint64_t *counts = kn_arena_zero(arena, n, sizeof *counts);
    if (!totals || !counts) {
        return kn_fail(err, KN_E_NOMEM, "no memory for favourites");
    }
    for (uint32_t i = 0; i < jobs; i++) {
        for (size_t k = 0; k < n; k++) {
            counts[k] += f->jobs[i].counts[k];
            totals[k / KN_FAVOURITES_TOP] += f->jobs[i].counts[k];
        }
    }
    KN_TRY(kn_rank(&f->set, totals, f->request->limit, arena, &ranking, err));
    struct kn_favourite_value *values = kn_arena_zero(arena, ranking.count + 1, sizeof *values);
    if (!values) {
        return kn_fail(err, KN_E_NOMEM, "no memory for favourites");
    }
    for (uint32_t i = 0; i < ranking.count; i++) {
        values[i].value = f->set.values[ranking.ids[i]];
        memcpy(values[i].profiles, counts + (size_t)ranking.ids[i] * KN_FAVOURITES_TOP,
               sizeof values[i].profiles);
    }
    *ret = (struct kn_favourites_result){values, ranking.count, ranking.left_out};
    return KN_OK;
}

static void clean_up(struct favourites *f, uint32_t jobs)
{
    for (uint32_t i = 0; i < jobs; i++) {
        for (uint32_t s = 0; s < KN_LIKING_SIGNALS; s++) {
            kn_slab_free(&f->jobs[i].slabs[s]);
        }
        kn_ids_free(&f->jobs[i].ids);
        kn_free(f->jobs[i].liked);
        kn_free(f->jobs[i].counts);
    }
    kn_free(f->jobs);
    for (uint32_t s = 0; s < KN_LIKING_SIGNALS; s++) {
        kn_lane_free(&f->lanes[s]);
        kn_column_field_free(&f->own[s]);
        kn_column_field_free(&f->products[s]);
    }
    kn_value_set_free(&f->set);
    kn_population_free(&f->population);
    kn_free(f);
}

enum kn_rc kn_report_favourites(const struct kn_report *report,
                                const struct kn_favourites *favourites, struct kn_arena *arena,
                                struct kn_favourites_result *ret, struct kn_err *err)
{
    uint32_t jobs = 0;
    struct favourites *f = kn_calloc(1, sizeof *f);
    if (!f) {
        return kn_fail(err, KN_E_NOMEM, "no memory for favourites");
    }
    f->report = report;
    f->request = favourites;
    f->half_life_us = kn_liking_half_life_us(favourites->half_life_days);
    *ret = (struct kn_favourites_result){0};
    enum kn_rc rc = prepare(f, err);
    rc = rc == KN_OK ? run(f, &jobs, err) : rc;
    rc = rc == KN_OK ? sum_up(f, jobs, arena, ret, err) : rc;
    clean_up(f, jobs);
    return rc;
}
