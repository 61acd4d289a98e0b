/* Retention against counting person by person. */
#include <stdio.h>

#include "base/mem.h"
#include "world.h"

struct setup {
    struct kn_retention q;
    int names[2], conditions[2]; /* name < 0: any event */
    enum world_by by;
    const uint64_t *only;
};

/* Calendar units counted from 1970, by their meaning. */
static int64_t unit_number(const struct world *w, enum kn_report_unit unit, int64_t us)
{
    struct kn_local l;
    kn_zone_local(w->zone, us, &l);
    int64_t day = kn_zone_day(w->zone, us);
    if (unit == KN_UNIT_MONTH_LOCAL) {
        return l.year * 12 + (int64_t)l.month;
    }
    return unit == KN_UNIT_WEEK_LOCAL ? (day + 3) / 7 : day;
}

static int64_t unit_begin(const struct world *w, enum kn_report_unit unit, int64_t number)
{
    if (unit == KN_UNIT_MONTH_LOCAL) {
        struct kn_local first = {
            .year = (number - 1) / 12, .month = (unsigned)((number - 1) % 12) + 1, .day = 1};
        return kn_zone_utc(w->zone, &first);
    }
    return kn_zone_day_start(w->zone, unit == KN_UNIT_WEEK_LOCAL ? number * 7 - 3 : number);
}

static bool fits(const struct setup *s, int which, const struct world_event *e)
{
    return (s->names[which] < 0 ? e->name != WORLD_ORDER : e->name == s->names[which]) &&
           world_holds(e, s->conditions[which]);
}

/* Place of the first row among the person's, or -1. */
static int first_of(const struct setup *s, const struct world_event *rows, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const struct world_event *e = &rows[i];
        if (fits(s, 0, e) && e->us >= s->q.from && e->us < s->q.to) {
            return (int)i;
        }
    }
    return -1;
}

/* Is the person in the column (-1: the cohort itself) of the cohort with that start? */
static bool is_there(const struct world *w, const struct setup *s, uint32_t person, int64_t start,
                     int64_t period, const char *group)
{
    struct world_event rows[WORLD_ALL_ROWS];
    const char *groups[WORLD_VALUES];
    if (!world_counts(w, person) || !world_is_in(w, s->only, person)) {
        return false;
    }
    size_t n = world_rows_of(w, person, rows);
    int first = first_of(s, rows, n);
    if (first < 0) {
        return false;
    }
    const struct world_event *e = &rows[first];
    int64_t cohort = unit_number(w, s->q.unit, e->us);
    if (unit_begin(w, s->q.unit, cohort) != start) {
        return false;
    }
    bool in_group = group == NULL;
    int count = world_values(w, s->by, person, e, groups);
    for (int g = 0; g < count && !in_group; g++) {
        in_group = strcmp(groups[g], group) == 0;
    }
    bool back = period < 0;
    for (size_t i = (size_t)first + 1; i < n && !back; i++) {
        const struct world_event *later = &rows[i];
        back = fits(s, 1, later) && unit_number(w, s->q.unit, later->us) == cohort + period;
    }
    return in_group && back;
}

static uint64_t count(const struct world *w, const struct setup *s, int64_t start, int64_t period,
                      const char *group)
{
    uint64_t n = 0;
    for (uint32_t p = 0; p < WORLD_PEOPLE; p++) {
        n += is_there(w, s, p, start, period, group);
    }
    return n;
}

static void check_cohorts(const struct world *w, const struct setup *s,
                          const struct kn_cohort *cohorts, uint32_t n, const char *group)
{
    int64_t first = unit_number(w, s->q.unit, s->q.from);
    for (uint32_t i = 0; i < n; i++) {
        const struct kn_cohort *c = &cohorts[i];
        assert_int_equal(c->start, unit_begin(w, s->q.unit, first + i));
        assert_int_equal(c->size, count(w, s, c->start, -1, group));
        for (uint32_t p = 0; p <= s->q.periods; p++) {
            bool over = unit_begin(w, s->q.unit, first + i + p + 1) <= w->now;
            assert_int_equal(p < c->known, over);
            if (over) {
                assert_int_equal(c->returned[p], count(w, s, c->start, p, group));
            }
        }
    }
}

static struct setup random_setup(struct world *w, struct kn_arena *arena)
{
    static const enum kn_report_unit units[] = {KN_UNIT_DAY_LOCAL, KN_UNIT_WEEK_LOCAL,
                                                KN_UNIT_MONTH_LOCAL};
    struct setup s = {.by = (enum world_by)kn_rand_below(&w->rand, WORLD_BY_COUNT)};
    for (int i = 0; i < 2; i++) {
        struct kn_event_match *m = i == 0 ? &s.q.first : &s.q.back;
        s.names[i] = (int)kn_rand_below(&w->rand, 4) - 1;
        s.conditions[i] =
            kn_rand_chance(&w->rand, 1, 2) ? 0 : (int)kn_rand_below(&w->rand, WORLD_CONDITIONS);
        m->event = s.names[i] < 0 ? KN_STR_EMPTY : kn_str_c(world_names[s.names[i]]);
        m->where = world_where(s.conditions[i], arena);
        if (kn_rand_chance(&w->rand, 1, 4)) {
            s.names[i] = WORLD_ORDER;
            s.conditions[i] = 0;
            *m = (struct kn_event_match){.orders = true};
        }
    }
    if (kn_rand_chance(&w->rand, 1, 2)) {
        s.names[1] = s.names[0];
        s.conditions[1] = s.conditions[0];
        s.q.back = s.q.first;
        s.by = kn_rand_chance(&w->rand, 3, 4) ? WORLD_BY_NONE : s.by;
    }
    s.q.unit = units[kn_rand_below(&w->rand, 3)];
    s.q.periods = (uint32_t)kn_rand_below(&w->rand, 8);
    s.q.from = WORLD_START + (int64_t)kn_rand_below(&w->rand, 60) * WORLD_DAY / 3;
    s.q.to = s.q.from + (int64_t)(1 + kn_rand_below(&w->rand, 60)) * WORLD_DAY / 3;
    int64_t to = world_near(w, s.q.to);
    s.q.to = to > s.q.from && to < s.q.to ? to : s.q.to;
    s.q.breakdown = world_breakdown(s.by);
    return s;
}

static void check_cell(struct world *w, const struct kn_columns_pin *pin, struct setup *s,
                       const struct kn_retention_result *all, struct kn_arena *arena)
{
    uint64_t members[WORLD_WORDS] = {0};
    struct kn_report r = world_report(w, pin, s->only);
    struct kn_retention_result ret;
    struct kn_err err;
    char text[40];
    bool grouped = all->group_count > 0;
    s->q.cell_cohort = (uint32_t)kn_rand_below(&w->rand, all->cohort_count);
    s->q.cell_period = (int32_t)kn_rand_below(&w->rand, s->q.periods + 2) - 1;
    s->q.cell_value =
        grouped ? &all->groups[kn_rand_below(&w->rand, all->group_count)].value : NULL;
    int64_t start = (grouped ? all->groups[0].cohorts : all->cohorts)[s->q.cell_cohort].start;
    if (grouped) {
        world_value_text(*s->q.cell_value, text, sizeof text);
    }
    r.members = members;
    assert_int_equal(kn_report_retention(&r, &s->q, arena, &ret, &err), KN_OK);
    for (uint32_t p = 0; p < WORLD_PEOPLE; p++) {
        assert_int_equal(world_is_in(w, members, p),
                         is_there(w, s, p, start, s->q.cell_period, grouped ? text : NULL));
    }
}

static void check(struct world *w, const struct kn_columns_pin *pin)
{
    uint64_t only[WORLD_WORDS];
    struct kn_arena arena;
    struct kn_err err;
    struct kn_retention_result ret;
    kn_arena_init(&arena, SIZE_MAX / 2);
    struct setup s = random_setup(w, &arena);
    s.only = world_segment(w, only) ? only : NULL;
    struct kn_report r = world_report(w, pin, s.only);
    assert_int_equal(kn_report_retention(&r, &s.q, &arena, &ret, &err), KN_OK);
    int64_t units = unit_number(w, s.q.unit, s.q.to - 1) - unit_number(w, s.q.unit, s.q.from) + 1;
    assert_int_equal(ret.cohort_count, units);
    if (s.by == WORLD_BY_NONE) {
        check_cohorts(w, &s, ret.cohorts, ret.cohort_count, NULL);
    }
    for (uint32_t g = 0; g < ret.group_count; g++) {
        char text[40];
        world_value_text(ret.groups[g].value, text, sizeof text);
        check_cohorts(w, &s, ret.groups[g].cohorts, ret.cohort_count, text);
    }
    if (s.by == WORLD_BY_NONE || ret.group_count > 0) {
        check_cell(w, pin, &s, &ret, &arena);
    }
    kn_arena_deinit(&arena);
}

static void agrees_with_counting_people(void **state)
{
    (void)state;
    for (uint64_t seed = 101; seed <= 130; seed++) {
        struct world *w = world_new(seed);
        for (int round = 0; round < 3; round++) {
            struct kn_columns_pin *pin;
            struct kn_err err;
            world_grow(w, 200);
            assert_int_equal(kn_columns_pin(w->columns, &pin, &err), KN_OK);
            for (int i = 0; i < 5; i++) {
                check(w, pin);
            }
            kn_columns_unpin(pin);
        }
        world_free(w);
    }
}

/* Every allocation fails once. */
static void refuse_memory(const struct kn_report *r, const struct kn_retention *q)
{
    uint64_t before = kn_mem_bytes();
    enum kn_rc rc = KN_E_NOMEM;
    for (uint64_t n = 0; rc != KN_OK; n++) {
        struct kn_retention_result ret;
        struct kn_arena own;
        struct kn_err err;
        kn_arena_init(&own, SIZE_MAX / 2);
        kn_mem_fail_once(n);
        rc = kn_report_retention(r, q, &own, &ret, &err);
        kn_mem_fail_after(UINT64_MAX);
        kn_arena_deinit(&own);
        assert_int_equal(kn_mem_bytes(), before);
        assert_true(rc == KN_OK || rc == KN_E_NOMEM);
    }
}

static void survives_refused_memory(void **state)
{
    (void)state;
    struct world *w = world_new(4);
    struct kn_columns_pin *pin;
    struct kn_err err;
    struct kn_arena arena;
    world_grow(w, 300);
    assert_int_equal(kn_columns_pin(w->columns, &pin, &err), KN_OK);
    kn_arena_init(&arena, SIZE_MAX / 2);
    struct setup s = random_setup(w, &arena);
    s.q.breakdown = world_breakdown(WORLD_BY_PHASE);
    struct kn_report r = {.pin = pin, .zone = w->zone, .now = w->now};
    refuse_memory(&r, &s.q);
    s.q.breakdown = world_breakdown(WORLD_BY_NONE);
    s.q.back = s.q.first;
    refuse_memory(&r, &s.q);
    kn_arena_deinit(&arena);
    kn_columns_unpin(pin);
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agrees_with_counting_people),
        cmocka_unit_test(survives_refused_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
