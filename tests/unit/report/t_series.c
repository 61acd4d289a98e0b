/* Series against counting row by row. */
#include <limits.h>
#include <stdio.h>

#include "base/mem.h"
#include "world.h"

struct setup {
    struct kn_series q;
    int name, condition;
    enum world_by by;
    const uint64_t *only;
};

/* A name for the unit of a moment, by its meaning. */
static int64_t unit_number(const struct world *w, enum kn_report_unit unit, int64_t us)
{
    struct kn_local l;
    kn_zone_local(w->zone, us, &l);
    int64_t day = kn_zone_day(w->zone, us);
    switch (unit) {
    case KN_UNIT_HOUR: return us / INT64_C(3600000000); /* the zone's offsets are whole hours */
    case KN_UNIT_DAY_LOCAL: return day;
    case KN_UNIT_WEEK_LOCAL: return (day + 3) / 7;
    case KN_UNIT_MONTH_LOCAL: break;
    }
    return l.year * 12 + (int64_t)l.month;
}

static bool fits(const struct world *w, const struct setup *s, const struct world_event *e)
{
    uint32_t person = world_root(w, e->ordinal);
    return !e->gone && world_counts(w, person) && world_is_in(w, s->only, person) &&
           e->us <= w->now && e->us >= s->q.from && e->us < s->q.to &&
           (s->name < 0 || e->name == s->name) && world_holds(e, s->condition);
}

static bool is_in_group(const struct world *w, const struct setup *s, const struct world_event *e,
                        const char *group)
{
    const char *groups[WORLD_VALUES];
    bool in = group == NULL;
    int n = world_values(w, s->by, world_root(w, e->ordinal), e, groups);
    for (int g = 0; g < n && !in; g++) {
        in = strcmp(groups[g], group) == 0;
    }
    return in;
}

static bool is_summed(const struct setup *s)
{
    return s->q.measure == KN_MEASURE_SUM || s->q.measure == KN_MEASURE_AVERAGE;
}

/* Tenths: the amounts end in .5. */
static int64_t tenths(const struct world_event *e)
{
    return e->amount * 10 + 5;
}

static void check_point(const struct world *w, const struct setup *s, const char *group,
                        int64_t start, const struct kn_point *point)
{
    uint64_t rows = 0;
    uint64_t people = 0;
    uint64_t numbers = 0;
    int64_t sum = 0;
    bool seen[WORLD_PEOPLE] = {false};
    for (size_t i = 0; i < w->event_count; i++) {
        const struct world_event *e = &w->events[i];
        bool here =
            s->q.whole || unit_number(w, s->q.unit, e->us) == unit_number(w, s->q.unit, start);
        if (!here || !fits(w, s, e) || !is_in_group(w, s, e, group)) {
            continue;
        }
        uint32_t person = world_root(w, e->ordinal);
        rows++;
        people += !seen[person];
        seen[person] = true;
        numbers += e->amount != INT_MIN;
        sum += e->amount != INT_MIN ? tenths(e) : 0;
    }
    uint64_t expected = is_summed(s)                          ? numbers
                        : s->q.measure == KN_MEASURE_PROFILES ? people
                                                              : rows;
    struct kn_wide total = kn_wide_times(kn_dec_int(1) / 10, 0);
    kn_wide_add(&total, kn_dec_int(sum) / 10);
    assert_int_equal(point->count, expected);
    if (is_summed(s)) {
        assert_int_equal(kn_wide_cmp(&point->sum, &total), 0);
    }
}

static struct setup random_setup(struct world *w, struct kn_arena *arena)
{
    struct setup s = {.by = (enum world_by)kn_rand_below(&w->rand, WORLD_BY_COUNT)};
    s.name = (int)kn_rand_below(&w->rand, 4) - 1;
    s.condition =
        kn_rand_chance(&w->rand, 1, 2) ? 0 : (int)kn_rand_below(&w->rand, WORLD_CONDITIONS);
    if (kn_rand_chance(&w->rand, 1, 3)) {
        s.by = WORLD_BY_NONE;
    }
    s.q = (struct kn_series){.table = KN_TABLE_EVENT,
                             .measure = (enum kn_measure)kn_rand_below(&w->rand, 4),
                             .path = KN_STR("p.v"),
                             .whole = kn_rand_chance(&w->rand, 1, 8),
                             .unit = (enum kn_report_unit)kn_rand_below(&w->rand, 4)};
    s.q.match.event = s.name < 0 ? KN_STR_EMPTY : kn_str_c(world_names[s.name]);
    s.q.match.where = world_where(s.condition, arena);
    s.q.from = WORLD_START + (int64_t)kn_rand_below(&w->rand, 200) * WORLD_DAY / 7;
    s.q.to = s.q.from + 1 +
             (int64_t)kn_rand_below(&w->rand, s.q.unit == KN_UNIT_HOUR ? 20 : 200) * WORLD_DAY / 7;
    int64_t to = world_near(w, s.q.to);
    s.q.to = to > s.q.from && to < s.q.to ? to : s.q.to;
    s.q.breakdown = world_breakdown(s.by);
    return s;
}

static void check_cell(struct world *w, const struct kn_columns_pin *pin, struct setup *s,
                       const struct kn_series_result *all, struct kn_arena *arena)
{
    uint64_t members[WORLD_WORDS] = {0};
    struct kn_report r = world_report(w, pin, s->only);
    struct kn_series_result ret;
    struct kn_err err;
    char text[40];
    bool grouped = s->by != WORLD_BY_NONE && all->group_count > 0;
    s->q.cell_point = (uint32_t)kn_rand_below(&w->rand, all->point_count);
    s->q.cell_value =
        grouped ? &all->groups[kn_rand_below(&w->rand, all->group_count)].value : NULL;
    if (grouped) {
        world_value_text(*s->q.cell_value, text, sizeof text);
    }
    r.members = members;
    assert_int_equal(kn_report_series(&r, &s->q, arena, &ret, &err), KN_OK);
    bool expected[WORLD_PEOPLE] = {false};
    int64_t start = all->starts[s->q.cell_point];
    for (size_t i = 0; i < w->event_count; i++) {
        const struct world_event *e = &w->events[i];
        bool here =
            s->q.whole || unit_number(w, s->q.unit, e->us) == unit_number(w, s->q.unit, start);
        if (here && fits(w, s, e) && is_in_group(w, s, e, grouped ? text : NULL) &&
            (!is_summed(s) || e->amount != INT_MIN)) {
            expected[world_root(w, e->ordinal)] = true;
        }
    }
    for (uint32_t p = 0; p < WORLD_PEOPLE; p++) {
        assert_int_equal(world_is_in(w, members, p), expected[p]);
    }
}

static void check(struct world *w, const struct kn_columns_pin *pin)
{
    uint64_t only[WORLD_WORDS];
    struct kn_arena arena;
    struct kn_err err;
    struct kn_series_result ret;
    kn_arena_init(&arena, SIZE_MAX / 2);
    struct setup s = random_setup(w, &arena);
    s.only = world_segment(w, only) ? only : NULL;
    struct kn_report r = world_report(w, pin, s.only);
    assert_int_equal(kn_report_series(&r, &s.q, &arena, &ret, &err), KN_OK);
    if (!s.q.whole) {
        assert_int_equal(unit_number(w, s.q.unit, ret.starts[0]),
                         unit_number(w, s.q.unit, s.q.from));
        assert_int_equal(unit_number(w, s.q.unit, ret.starts[ret.point_count - 1]),
                         unit_number(w, s.q.unit, s.q.to - 1));
    }
    for (uint32_t g = 0; g < ret.group_count; g++) {
        char text[40];
        world_value_text(ret.groups[g].value, text, sizeof text);
        for (uint32_t i = 0; i < ret.point_count; i++) {
            assert_true(i == 0 || unit_number(w, s.q.unit, ret.starts[i - 1]) + 1 ==
                                      unit_number(w, s.q.unit, ret.starts[i]));
            check_point(w, &s, s.by == WORLD_BY_NONE ? NULL : text, ret.starts[i],
                        &ret.groups[g].points[i]);
        }
    }
    check_cell(w, pin, &s, &ret, &arena);
    kn_arena_deinit(&arena);
}

static void agrees_with_counting_rows(void **state)
{
    (void)state;
    for (uint64_t seed = 201; seed <= 240; seed++) {
        struct world *w = world_new(seed);
        for (int round = 0; round < 3; round++) {
            struct kn_columns_pin *pin;
            struct kn_err err;
            world_grow(w, 200);
            assert_int_equal(kn_columns_pin(w->columns, &pin, &err), KN_OK);
            for (int i = 0; i < 10; i++) {
                check(w, pin);
            }
            kn_columns_unpin(pin);
        }
        world_free(w);
    }
}

static void survives_refused_memory(void **state)
{
    (void)state;
    struct world *w = world_new(5);
    struct kn_columns_pin *pin;
    struct kn_err err;
    struct kn_arena arena;
    world_grow(w, 300);
    assert_int_equal(kn_columns_pin(w->columns, &pin, &err), KN_OK);
    kn_arena_init(&arena, SIZE_MAX / 2);
    for (int i = 0; i < 4; i++) {
        struct setup s = random_setup(w, &arena);
        struct kn_report r = {.pin = pin, .zone = w->zone, .now = w->now};
        uint64_t before = kn_mem_bytes();
        enum kn_rc rc = KN_E_NOMEM;
        for (uint64_t n = 0; rc != KN_OK; n++) {
            struct kn_series_result ret;
            struct kn_arena own;
            kn_arena_init(&own, SIZE_MAX / 2);
            kn_mem_fail_once(n);
            rc = kn_report_series(&r, &s.q, &own, &ret, &err);
            kn_mem_fail_after(UINT64_MAX);
            kn_arena_deinit(&own);
            assert_int_equal(kn_mem_bytes(), before);
            assert_true(rc == KN_OK || rc == KN_E_NOMEM);
        }
    }
    kn_arena_deinit(&arena);
    kn_columns_unpin(pin);
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agrees_with_counting_rows),
        cmocka_unit_test(survives_refused_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
