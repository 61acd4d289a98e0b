/* Funnels against every chain there is. */
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "segment/date.h"
#include "world.h"

enum { STEPS = 4 };

struct setup {
    struct kn_funnel q;
    int names[STEPS], conditions[STEPS];
    enum world_by by;
    const uint64_t *only;
};

struct chain {
    uint32_t length;
    size_t at[STEPS]; /* places in the list of the person's rows */
};

/* ---- the judge ---- */

static bool fits(const struct setup *s, uint32_t step, const struct world_event *e)
{
    return e->name == s->names[step] && world_holds(e, s->conditions[step]);
}

/* Longer, then earlier step by step. */
static bool is_better(const struct chain *a, const struct chain *b)
{
    if (a->length != b->length) {
        return a->length > b->length;
    }
    for (uint32_t i = 0; i < a->length; i++) {
        if (a->at[i] != b->at[i]) {
            return a->at[i] < b->at[i];
        }
    }
    return false;
}

static void extend(const struct world *w, const struct setup *s, const struct world_event *rows,
                   size_t count, const struct chain *so_far, struct chain *best)
{
    if (is_better(so_far, best)) {
        *best = *so_far;
    }
    if (so_far->length == s->q.step_count) {
        return;
    }
    size_t from = so_far->length == 0 ? 0 : so_far->at[so_far->length - 1] + 1;
    for (size_t i = from; i < count; i++) {
        const struct world_event *e = &rows[i];
        struct chain longer = *so_far;
        bool in_time = so_far->length == 0
                           ? e->us >= s->q.from && e->us < s->q.to
                           : e->us <= kn_period_after(w->zone, rows[so_far->at[0]].us, s->q.within);
        if (in_time && fits(s, so_far->length, e)) {
            longer.at[longer.length++] = i;
            extend(w, s, rows, count, &longer, best);
        }
    }
}

struct tally {
    char group[40];
    uint64_t profiles[STEPS];
    int64_t gaps[STEPS][WORLD_PEOPLE];
};
struct tallies {
    struct tally all[60];
    size_t count;
};

static struct tally *tally_of(struct tallies *t, const char *group)
{
    for (size_t i = 0; i < t->count; i++) {
        if (strcmp(t->all[i].group, group) == 0) {
            return &t->all[i];
        }
    }
    struct tally *n = &t->all[t->count++];
    memset(n, 0, sizeof *n);
    (void)snprintf(n->group, sizeof n->group, "%s", group);
    return n;
}

static bool best_chain(const struct world *w, const struct setup *s, uint32_t person,
                       struct world_event *rows, struct chain *best)
{
    struct chain none = {0};
    *best = none;
    if (world_counts(w, person) && world_is_in(w, s->only, person)) {
        extend(w, s, rows, world_rows_of(w, person, rows), &none, best);
    }
    return best->length > 0;
}

static void judge(const struct world *w, const struct setup *s, struct tallies *t)
{
    t->count = 0;
    for (uint32_t p = 0; p < WORLD_PEOPLE; p++) {
        struct world_event rows[WORLD_ALL_ROWS];
        struct chain best;
        const char *groups[WORLD_VALUES];
        if (!best_chain(w, s, p, rows, &best)) {
            continue;
        }
        int n = world_values(w, s->by, p, &rows[best.at[0]], groups);
        for (int g = 0; g < n; g++) {
            struct tally *y = tally_of(t, groups[g]);
            for (uint32_t k = 0; k < best.length; k++) {
                y->gaps[k][y->profiles[k]++] =
                    k == 0 ? 0 : rows[best.at[k]].us - rows[best.at[k - 1]].us;
            }
        }
    }
}

static int compare_i64(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a;
    int64_t y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static void check_steps(const struct setup *s, struct tally *y, const struct kn_funnel_step *steps)
{
    for (uint32_t k = 0; k < s->q.step_count; k++) {
        size_t n = (size_t)y->profiles[k];
        assert_int_equal(steps[k].profiles, n);
        qsort(y->gaps[k], n, sizeof(int64_t), compare_i64);
        int64_t expected = k == 0 || n == 0 ? -1 : y->gaps[k][(n - 1) / 2] + y->gaps[k][n / 2];
        assert_int_equal(steps[k].median_twice_us, expected);
    }
}

/* ---- the report ---- */

static struct setup random_setup(struct world *w, struct kn_arena *arena)
{
    static const struct kn_period periods[] = {{1, KN_DAY},  {7, KN_DAY},   {6, KN_HOUR},
                                               {1, KN_WEEK}, {1, KN_MONTH}, {1, KN_SECOND}};
    struct setup s = {.by = (enum world_by)kn_rand_below(&w->rand, WORLD_BY_COUNT)};
    s.q.step_count = 1 + (uint32_t)kn_rand_below(&w->rand, STEPS);
    for (uint32_t i = 0; i < s.q.step_count; i++) {
        s.names[i] = (int)kn_rand_below(&w->rand, 3);
        s.conditions[i] =
            kn_rand_chance(&w->rand, 1, 2) ? 0 : (int)kn_rand_below(&w->rand, WORLD_CONDITIONS);
        s.q.steps[i].event = kn_str_c(world_names[s.names[i]]);
        s.q.steps[i].where = world_where(s.conditions[i], arena);
        if (kn_rand_chance(&w->rand, 1, 4)) {
            s.names[i] = WORLD_ORDER;
            s.conditions[i] = 0;
            s.q.steps[i] = (struct kn_event_match){.orders = true};
        }
    }
    s.q.within = periods[kn_rand_below(&w->rand, 6)];
    s.q.from = WORLD_START + (int64_t)kn_rand_below(&w->rand, 20) * WORLD_DAY / 2;
    s.q.to = s.q.from + (int64_t)kn_rand_below(&w->rand, 60) * WORLD_DAY / 2;
    s.q.breakdown = world_breakdown(s.by);
    return s;
}

static void check_cell(struct world *w, const struct kn_columns_pin *pin, struct setup *s,
                       const struct kn_funnel_group *group)
{
    uint64_t members[WORLD_WORDS] = {0};
    struct kn_report r = world_report(w, pin, s->only);
    struct kn_funnel_result ret;
    struct kn_arena arena;
    struct kn_err err;
    char text[40] = "";
    kn_arena_init(&arena, SIZE_MAX / 2);
    r.members = members;
    s->q.cell_step = (uint32_t)kn_rand_below(&w->rand, s->q.step_count);
    s->q.cell_dropped = kn_rand_chance(&w->rand, 1, 3);
    s->q.cell_value = group ? &group->value : NULL;
    if (group) {
        world_value_text(group->value, text, sizeof text);
    }
    assert_int_equal(kn_report_funnel(&r, &s->q, &arena, &ret, &err), KN_OK);
    for (uint32_t p = 0; p < WORLD_PEOPLE; p++) {
        struct world_event rows[WORLD_ALL_ROWS];
        struct chain best;
        const char *groups[WORLD_VALUES];
        bool expected = best_chain(w, s, p, rows, &best) && best.length > s->q.cell_step &&
                        (!s->q.cell_dropped || best.length == s->q.cell_step + 1);
        if (expected && group) {
            int n = world_values(w, s->by, p, &rows[best.at[0]], groups);
            expected = false;
            for (int g = 0; g < n; g++) {
                expected |= strcmp(groups[g], text) == 0;
            }
        }
        assert_int_equal(world_is_in(w, members, p), expected);
    }
    kn_arena_deinit(&arena);
}

static void check(struct world *w, const struct kn_columns_pin *pin)
{
    static struct tallies expected;
    uint64_t only[WORLD_WORDS];
    struct kn_arena arena;
    struct kn_err err;
    struct kn_funnel_result ret;
    kn_arena_init(&arena, SIZE_MAX / 2);
    struct setup s = random_setup(w, &arena);
    s.only = world_segment(w, only) ? only : NULL;
    struct kn_report r = world_report(w, pin, s.only);
    assert_int_equal(kn_report_funnel(&r, &s.q, &arena, &ret, &err), KN_OK);
    judge(w, &s, &expected);
    if (s.by == WORLD_BY_NONE) {
        check_steps(&s, tally_of(&expected, ""), ret.steps);
    } else {
        assert_int_equal(ret.group_count, expected.count);
        assert_int_equal(ret.groups_left_out, 0);
    }
    for (uint32_t g = 0; g < ret.group_count; g++) {
        char text[40];
        world_value_text(ret.groups[g].value, text, sizeof text);
        check_steps(&s, tally_of(&expected, text), ret.groups[g].steps);
        assert_true(g == 0 ||
                    ret.groups[g - 1].steps[0].profiles >= ret.groups[g].steps[0].profiles);
    }
    check_cell(w, pin, &s,
               ret.group_count > 0 && kn_rand_chance(&w->rand, 1, 2)
                   ? &ret.groups[kn_rand_below(&w->rand, ret.group_count)]
                   : NULL);
    kn_arena_deinit(&arena);
}

static void agrees_with_every_chain(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 40; seed++) {
        struct world *w = world_new(seed);
        for (int round = 0; round < 3; round++) {
            struct kn_columns_pin *pin;
            struct kn_err err;
            world_grow(w, 200);
            assert_int_equal(kn_columns_pin(w->columns, &pin, &err), KN_OK);
            for (int i = 0; i < 8; i++) {
                check(w, pin);
            }
            kn_columns_unpin(pin);
        }
        world_free(w);
    }
}

/* No block of memory that is refused makes a wrong answer, or leaks. */
static void survives_refused_memory(void **state)
{
    (void)state;
    struct world *w = world_new(3);
    struct kn_columns_pin *pin;
    struct kn_err err;
    struct kn_arena arena;
    world_grow(w, 300);
    assert_int_equal(kn_columns_pin(w->columns, &pin, &err), KN_OK);
    kn_arena_init(&arena, SIZE_MAX / 2);
    struct setup s = random_setup(w, &arena);
    s.q.breakdown = world_breakdown(WORLD_BY_CHANNEL);
    struct kn_report r = {.pin = pin, .zone = w->zone, .now = w->now};
    uint64_t before = kn_mem_bytes();
    for (uint64_t n = 0;; n++) {
        struct kn_funnel_result ret;
        struct kn_arena own;
        kn_arena_init(&own, SIZE_MAX / 2);
        kn_mem_fail_once(n);
        enum kn_rc rc = kn_report_funnel(&r, &s.q, &own, &ret, &err);
        kn_mem_fail_after(UINT64_MAX);
        kn_arena_deinit(&own);
        assert_int_equal(kn_mem_bytes(), before);
        if (rc == KN_OK) {
            break;
        }
        assert_int_equal(rc, KN_E_NOMEM);
    }
    kn_arena_deinit(&arena);
    kn_columns_unpin(pin);
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agrees_with_every_chain),
        cmocka_unit_test(survives_refused_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
