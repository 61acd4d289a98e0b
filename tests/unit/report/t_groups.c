/* Paths, overlap, comparisons, groups of customers, favourites and the catalogue against plain
 * counting. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "segment/date.h"
#include "world.h"

/* ---- paths ---- */

struct path {
    char text[120];
};

static void path_of(const struct world *w, const struct kn_paths *q, uint32_t person,
                    const bool *chosen, int start, struct path *ret)
{
    size_t events[WORLD_ROWS];
    uint32_t length = 0;
    int before = -1;
    int64_t until = INT64_MAX;
    ret->text[0] = '\0';
    size_t n = world_counts(w, person) ? world_events_of(w, person, events) : 0;
    for (size_t i = 0; i < n && length < q->length; i++) {
        const struct world_event *e = &w->events[events[i]];
        if (e->us < q->from || e->us >= q->to || !chosen[e->name] || e->us > until ||
            (length == 0 && start >= 0 && e->name != start)) {
            continue;
        }
        if (length == 0 && q->within.count > 0) {
            until = kn_period_after(w->zone, e->us, q->within);
        }
        if (q->repeats || e->name != before) {
            strcat(ret->text, "/");
            strcat(ret->text, world_names[e->name]);
            length++;
        }
        before = e->name;
    }
}

static void check_paths(struct world *w, const struct kn_columns_pin *pin, struct kn_arena *arena)
{
    struct kn_str names[WORLD_EVENTS];
    bool chosen[WORLD_EVENTS];
    struct kn_paths q = {.length = 1 + (uint32_t)kn_rand_below(&w->rand, 5),
                         .repeats = kn_rand_chance(&w->rand, 1, 2)};
    struct kn_paths_result ret;
    struct kn_err err;
    int start = (int)kn_rand_below(&w->rand, WORLD_EVENTS + 1) - 1;
    bool all = kn_rand_chance(&w->rand, 1, 2);
    for (int i = 0; i < WORLD_EVENTS; i++) {
        chosen[i] = all || kn_rand_chance(&w->rand, 2, 3);
        if (!all && chosen[i]) {
            names[q.event_count++] = kn_str_c(world_names[i]);
        }
    }
    for (int i = 0; i < WORLD_EVENTS && !all && q.event_count == 0; i++) {
        chosen[i] = true;
    }
    q.events = names;
    q.start = start < 0 ? KN_STR_EMPTY : kn_str_c(world_names[start]);
    q.within =
        kn_rand_chance(&w->rand, 1, 2) ? (struct kn_period){2, KN_DAY} : (struct kn_period){0};
    q.from = WORLD_START + (int64_t)kn_rand_below(&w->rand, 10) * WORLD_DAY;
    q.to = q.from + (int64_t)kn_rand_below(&w->rand, 40) * WORLD_DAY;
    struct kn_report r = world_report(w, pin, NULL);
    assert_int_equal(kn_report_paths(&r, &q, arena, &ret, &err), KN_OK);
    static struct path paths[WORLD_PEOPLE];
    uint64_t people = 0;
    for (uint32_t p = 0; p < WORLD_PEOPLE; p++) {
        path_of(w, &q, p, chosen, start, &paths[p]);
        people += paths[p].text[0] != '\0';
    }
    assert_int_equal(ret.profiles, people);
    for (uint32_t i = 0; i < ret.count; i++) {
        char text[sizeof paths[0].text] = "";
        uint64_t n = 0;
        uint64_t members[WORLD_WORDS] = {0};
        for (uint32_t k = 0; k < ret.paths[i].length; k++) {
            size_t at = strlen(text);
            (void)snprintf(text + at, sizeof text - at, "/%.*s",
                           KN_STR_ARG(ret.paths[i].events[k]));
        }
        q.cell_path = ret.paths[i].events;
        q.cell_length = ret.paths[i].length;
        r.members = members;
        struct kn_paths_result none;
        assert_int_equal(kn_report_paths(&r, &q, arena, &none, &err), KN_OK);
        for (uint32_t p = 0; p < WORLD_PEOPLE; p++) {
            bool same = strcmp(paths[p].text, text) == 0;
            n += same;
            assert_int_equal(world_is_in(w, members, p), same);
        }
        q.cell_length = 0;
        assert_int_equal(kn_report_paths(&r, &q, arena, &none, &err), KN_OK);
        for (uint32_t p = 0; p < WORLD_PEOPLE; p++) {
            assert_int_equal(world_is_in(w, members, p), paths[p].text[0] != '\0');
        }
        assert_int_equal(ret.paths[i].profiles, n);
        assert_true(i == 0 || ret.paths[i - 1].profiles >= n);
    }
}

/* ---- overlap ---- */

static void check_overlap(struct world *w, const struct kn_columns_pin *pin)
{
    uint64_t bits[3][WORLD_WORDS];
    uint64_t members[WORLD_WORDS] = {0};
    const uint64_t *sets[3] = {bits[0], bits[1], bits[2]};
    struct kn_overlap_result ret;
    struct kn_err err;
    uint32_t count = 1 + (uint32_t)kn_rand_below(&w->rand, 3);
    uint32_t mask = (uint32_t)kn_rand_below(&w->rand, 1U << count);
    bool just_these = kn_rand_chance(&w->rand, 1, 2);
    for (uint32_t i = 0; i < count; i++) {
        while (!world_segment(w, bits[i])) {
        }
    }
    struct kn_report r = {.pin = pin, .zone = w->zone, .now = w->now, .members = members};
    assert_int_equal(kn_report_overlap(&r, sets, count, mask, just_these, &ret, &err), KN_OK);
    uint64_t exactly[8] = {0};
    uint64_t in_all[8] = {0};
    for (uint32_t p = 0; p < WORLD_PEOPLE; p++) {
        uint32_t own = 0;
        if (!world_counts(w, p)) {
            assert_false(world_is_in(w, members, p));
            continue;
        }
        for (uint32_t i = 0; i < count; i++) {
            own |= (uint32_t)world_is_in(w, bits[i], p) << i;
        }
        exactly[own]++;
        for (uint32_t m = 0; m < 1U << count; m++) {
            in_all[m] += (own & m) == m;
        }
        assert_int_equal(world_is_in(w, members, p),
                         just_these ? own == mask : (own & mask) == mask);
    }
    for (uint32_t m = 0; m < 1U << count; m++) {
        assert_int_equal(ret.exactly[m], exactly[m]);
        assert_int_equal(ret.in_all[m], in_all[m]);
    }
}

/* ---- compare ---- */

static bool has_value(const struct world *w, const struct kn_compare *q, enum world_by by,
                      uint32_t person, const char *text)
{
    const char *values[WORLD_VALUES];
    bool has = false;
    if (by == WORLD_BY_CITY || by == WORLD_BY_LIKES || by == WORLD_BY_PHASE) {
        int n = world_values(w, by, person, NULL, values);
        for (int v = 0; v < n; v++) {
            has |= strcmp(values[v], text) == 0;
        }
        return has;
    }
    for (size_t i = 0; i < w->event_count; i++) {
        const struct world_event *e = &w->events[i];
        bool counts = !e->gone && world_root(w, e->ordinal) == person && e->us <= w->now &&
                      e->us >= q->from && e->us < q->to;
        int n = counts ? world_values(w, by, person, e, values) : 0;
        for (int v = 0; v < n; v++) {
            has |= strcmp(values[v], text) == 0;
        }
    }
    return has;
}

static void check_compare_cell(struct world *w, const struct kn_report *report,
                               const struct kn_compare *compare, enum world_by by,
                               const struct kn_value *value, struct kn_arena *arena)
{
    uint64_t members[WORLD_WORDS] = {0};
    struct kn_report r = *report;
    struct kn_compare q = *compare;
    struct kn_compare_result none;
    struct kn_err err;
    char text[40];
    world_value_text(*value, text, sizeof text);
    r.members = members;
    q.cell_value = value;
    q.cell_everyone = kn_rand_chance(&w->rand, 1, 2);
    assert_int_equal(kn_report_compare(&r, &q, arena, &none, &err), KN_OK);
    for (uint32_t p = 0; p < WORLD_PEOPLE; p++) {
        bool has = world_counts(w, p) && has_value(w, &q, by, p, text);
        assert_int_equal(world_is_in(w, members, p),
                         has && (q.cell_everyone || world_is_in(w, report->only, p)));
    }
}

static void check_compare(struct world *w, const struct kn_columns_pin *pin, struct kn_arena *arena)
{
    static const enum world_by ways[] = {WORLD_BY_CITY, WORLD_BY_LIKES, WORLD_BY_PHASE,
                                         WORLD_BY_DEVICE, WORLD_BY_CATEGORY};
    enum world_by by = ways[kn_rand_below(&w->rand, 5)];
    struct kn_breakdown b = world_breakdown(by);
    uint64_t only[WORLD_WORDS];
    struct kn_compare q = {.table = b.kind == KN_BREAKDOWN_ROW ? KN_TABLE_EVENT : KN_TABLE_PROFILE,
                           .path = b.path,
                           .phase = by == WORLD_BY_PHASE,
                           .from = WORLD_START,
                           .to = WORLD_START + 20 * WORLD_DAY};
    struct kn_compare_result ret;
    struct kn_err err;
    while (!world_segment(w, only)) {
    }
    struct kn_report r = world_report(w, pin, only);
    assert_int_equal(kn_report_compare(&r, &q, arena, &ret, &err), KN_OK);
    uint64_t people = 0;
    uint64_t inside = 0;
    for (uint32_t p = 0; p < WORLD_PEOPLE; p++) {
        people += world_counts(w, p);
        inside += world_counts(w, p) && world_is_in(w, only, p);
    }
    assert_int_equal(ret.everyone, people);
    assert_int_equal(ret.segment, inside);
    for (uint32_t i = 0; i < ret.count; i++) {
        char text[40];
        uint64_t everyone = 0;
        uint64_t segment = 0;
        world_value_text(ret.values[i].value, text, sizeof text);
        for (uint32_t p = 0; p < WORLD_PEOPLE; p++) {
            bool has = world_counts(w, p) && has_value(w, &q, by, p, text);
            everyone += has;
            segment += has && world_is_in(w, only, p);
        }
        assert_int_equal(ret.values[i].everyone, everyone);
        assert_int_equal(ret.values[i].segment, segment);
        check_compare_cell(w, &r, &q, by, &ret.values[i].value, arena);
        assert_true(everyone > 0);
    }
}

/* ---- customers ---- */

struct customer {
    uint32_t person;
    int orders, home_orders;
    int64_t last_us;
    int64_t home, other; /* cents */
};

static size_t find_customers(const struct world *w, bool everybody, struct customer *ret)
{
    size_t n = 0;
    for (uint32_t p = 0; p < WORLD_PEOPLE; p++) {
        struct customer c = {.person = p, .last_us = INT64_MIN};
        for (size_t i = 0; i < w->order_count; i++) {
            const struct world_order *o = &w->orders[i];
            if (o->ordinal == p && o->us <= w->now) {
                c.orders++;
                c.home_orders += !o->dollars;
                c.last_us = o->us > c.last_us ? o->us : c.last_us;
                c.home += o->dollars ? 0 : o->cents;
                c.other += o->dollars ? o->cents : 0;
            }
        }
        if (world_counts(w, p) && (c.orders > 0 || everybody)) {
            ret[n++] = c;
        }
    }
    return n;
}

static size_t fifths(size_t part, size_t all)
{
    return 5 * part / all;
}

/* The table of docs/reports.md. */
static const char *rfm_name(const struct customer *all, size_t n, const struct customer *c,
                            size_t *r, size_t *f, size_t *m)
{
    static const char *const names[5][5] = {
        {"lost", "lost", "at_risk", "cannot_lose", "cannot_lose"},
        {"hibernating", "hibernating", "at_risk", "at_risk", "at_risk"},
        {"about_to_sleep", "needs_attention", "needs_attention", "loyal", "loyal"},
        {"promising", "potential_loyal", "loyal", "loyal", "champions"},
        {"new", "potential_loyal", "potential_loyal", "champions", "champions"}};
    size_t later = 0;
    size_t fewer = 0;
    size_t less = 0;
    for (size_t i = 0; i < n; i++) {
        later += all[i].last_us > c->last_us;
        fewer += all[i].orders < c->orders;
        less += all[i].home < c->home;
    }
    *r = 5 - fifths(later, n);
    *f = 1 + fifths(fewer, n);
    *m = 1 + fifths(less, n);
    return names[*r - 1][(*f + *m + 1) / 2 - 1];
}

static const char *grid_name(const struct world *w, const struct customer *c)
{
    int64_t age = w->now - c->last_us;
    if (c->orders == 1) {
        return "one_time";
    }
    if (c->orders >= 4) {
        return age < 9 * WORLD_DAY ? "loyal" : "red_alert";
    }
    return age < 6 * WORLD_DAY ? "promising" : "sleeper";
}

static const char *group_name(const struct world *w, const struct kn_customers *q,
                              const struct customer *all, size_t n, const struct customer *c)
{
    static const char *const phases[] = {"none",     "orientation", "comparison",
                                         "decision", "purchase",    "after_purchase"};
    size_t r;
    size_t f;
    size_t m;
    return q->grouping == KN_GROUPING_RFM    ? rfm_name(all, n, c, &r, &f, &m)
           : q->grouping == KN_GROUPING_GRID ? grid_name(w, c)
                                             : phases[world_phase(w, c->person)];
}

static void check_money(const struct kn_customer_group *g, const char *currency, int64_t cents)
{
    struct kn_wide expected = {{0}};
    kn_wide_add(&expected, kn_dec_int(cents) / 100);
    for (uint32_t i = 0; i < g->revenue_count; i++) {
        if (strcmp(g->revenue[i].currency, currency) == 0) {
            assert_int_equal(kn_wide_cmp(&g->revenue[i].amount, &expected), 0);
            return;
        }
    }
    assert_int_equal(cents, 0);
}

/* Squares of the grid of recency against the mean of the other two. */
static void check_square(struct world *w, const struct kn_report *report,
                         const struct kn_customers *customers, const struct customer *all, size_t n,
                         struct kn_arena *arena)
{
    uint64_t members[WORLD_WORDS] = {0};
    struct kn_report r = *report;
    struct kn_customers q = *customers;
    struct kn_customers_result none;
    struct kn_err err;
    size_t own_r;
    size_t own_f;
    size_t own_m;
    q.cell_group = NULL;
    q.cell_recency = (unsigned)kn_rand_below(&w->rand, 6);
    q.cell_fm = (unsigned)kn_rand_below(&w->rand, 6);
    r.members = members;
    assert_int_equal(kn_report_customers(&r, &q, arena, &none, &err), KN_OK);
    uint64_t expected[WORLD_PEOPLE] = {0};
    for (size_t i = 0; i < n; i++) {
        (void)rfm_name(all, n, &all[i], &own_r, &own_f, &own_m);
        expected[all[i].person] = (q.cell_recency == 0 || q.cell_recency == own_r) &&
                                  (q.cell_fm == 0 || q.cell_fm == (own_f + own_m + 1) / 2);
    }
    for (uint32_t p = 0; p < WORLD_PEOPLE; p++) {
        assert_int_equal(world_is_in(w, members, p), expected[p]);
    }
}

static void check_customers(struct world *w, const struct kn_columns_pin *pin,
                            struct kn_arena *arena)
{
    static const enum kn_grouping groupings[] = {KN_GROUPING_RFM, KN_GROUPING_GRID,
                                                 KN_GROUPING_PHASES};
    struct customer all[WORLD_PEOPLE];
    uint64_t members[WORLD_WORDS] = {0};
    struct kn_customers q = {
        .grouping = groupings[kn_rand_below(&w->rand, 3)], .grid = {4, 9, 6}, .currency = "EUR"};
    struct kn_customers_result ret;
    struct kn_err err;
    struct kn_report r = world_report(w, pin, NULL);
    assert_int_equal(kn_report_customers(&r, &q, arena, &ret, &err), KN_OK);
    size_t n = find_customers(w, q.grouping == KN_GROUPING_PHASES, all);
    assert_int_equal(ret.all.profiles, n);
    if (q.grouping == KN_GROUPING_RFM && n > 0) {
        check_square(w, &r, &q, all, n, arena);
    }
    q.cell_group = ret.groups[kn_rand_below(&w->rand, ret.count)].name;
    r.members = members;
    struct kn_customers_result none;
    assert_int_equal(kn_report_customers(&r, &q, arena, &none, &err), KN_OK);
    for (uint32_t g = 0; g < ret.count; g++) {
        struct customer sum = {0};
        uint64_t people = 0;
        for (size_t i = 0; i < n; i++) {
            const char *name = group_name(w, &q, all, n, &all[i]);
            if (strcmp(name, ret.groups[g].name) == 0) {
                people++;
                sum.orders += all[i].orders;
                sum.home_orders += all[i].home_orders;
                sum.home += all[i].home;
                sum.other += all[i].other;
            }
        }
        assert_int_equal(ret.groups[g].profiles, people);
        assert_int_equal(ret.groups[g].orders, sum.orders);
        assert_int_equal(ret.groups[g].home_orders, sum.home_orders);
        check_money(&ret.groups[g], "EUR", sum.home);
        check_money(&ret.groups[g], "USD", sum.other);
    }
    for (uint32_t p = 0; p < WORLD_PEOPLE; p++) {
        bool expected = false;
        for (size_t i = 0; i < n; i++) {
            expected |=
                all[i].person == p && strcmp(group_name(w, &q, all, n, &all[i]), q.cell_group) == 0;
        }
        assert_int_equal(world_is_in(w, members, p), expected);
    }
}

static void check_last_order(struct world *w, const struct kn_columns_pin *pin)
{
    struct kn_report r = world_report(w, pin, NULL);
    struct kn_err err;
    int64_t last;
    int64_t expected = INT64_MIN;
    for (size_t i = 0; i < w->order_count; i++) {
        const struct world_order *o = &w->orders[i];
        if (o->ordinal != UINT32_MAX && world_counts(w, o->ordinal) && o->us <= w->now &&
            o->us > expected) {
            expected = o->us;
        }
    }
    assert_int_equal(kn_report_last_order(&r, &last, &err), KN_OK);
    assert_int_equal(last, expected);
}

static void the_first_order_makes_a_group(void **state)
{
    (void)state;
    struct world *w = world_new(1);
    struct kn_columns_pin *pin;
    struct kn_err err;
    struct kn_arena arena;
    struct kn_customers q = {.grouping = KN_GROUPING_RFM, .currency = "EUR"};
    struct kn_customers_result ret;
    kn_arena_init(&arena, SIZE_MAX / 2);
    kn_columns_row(w->columns, KN_TABLE_PROFILE, 5, w->now, 1, KN_STR("{}"));
    kn_columns_row(w->columns, KN_TABLE_ORDER, 5, w->now - WORLD_DAY, 2,
                   KN_STR("{\"o\":{\"value\":12.5,\"currency\":\"EUR\"}}"));
    assert_int_equal(kn_columns_pin(w->columns, &pin, &err), KN_OK);
    struct kn_report r = {.pin = pin, .zone = w->zone, .now = w->now};
    assert_int_equal(kn_report_customers(&r, &q, &arena, &ret, &err), KN_OK);
    for (uint32_t i = 0; i < ret.count; i++) {
        assert_int_equal(ret.groups[i].profiles, strcmp(ret.groups[i].name, "new") == 0);
    }
    assert_int_equal(ret.scores[4][0][0], 1);
    kn_columns_unpin(pin);
    kn_arena_deinit(&arena);
    world_free(w);
}

/* ---- favourites ---- */

struct liking {
    int category;
    uint64_t points;
};

static int compare_likings(const void *a, const void *b)
{
    const struct liking *x = a;
    const struct liking *y = b;
    if (x->points != y->points) {
        return x->points > y->points ? -1 : 1;
    }
    return strcmp(world_categories[x->category], world_categories[y->category]);
}

/* Points halve every two days, in steps of a 64th of it. */
static uint64_t points_of(const struct world *w, const struct world_event *e)
{
    int64_t half_life = 2 * WORLD_DAY;
    int64_t age = w->now - e->us;
    double exact = exp2(-(double)(age % half_life / (half_life / 64)) / 64) * 2147483648.0;
    return ((e->name == 0 ? 1U : 3U) * (uint64_t)llround(exact)) >> (age / half_life);
}

static void favourites_of(const struct world *w, uint32_t person, struct liking likings[3])
{
    size_t events[WORLD_ROWS];
    for (int c = 0; c < 3; c++) {
        likings[c] = (struct liking){c + 1, 0};
    }
    size_t n = world_counts(w, person) ? world_events_of(w, person, events) : 0;
    for (size_t i = 0; i < n; i++) {
        const struct world_event *e = &w->events[events[i]];
        for (int k = 0; k < e->product_count && e->name <= 1; k++) {
            if (e->products[k].category > 0) {
                likings[e->products[k].category - 1].points += points_of(w, e);
            }
        }
    }
    qsort(likings, 3, sizeof likings[0], compare_likings);
}

static void check_favourites(struct world *w, const struct kn_columns_pin *pin,
                             struct kn_arena *arena)
{
    struct kn_favourites q = {.field = KN_STR("category"), .half_life_days = 2};
    struct kn_favourites_result ret;
    struct kn_err err;
    struct kn_report r = world_report(w, pin, NULL);
    assert_int_equal(kn_report_favourites(&r, &q, arena, &ret, &err), KN_OK);
    for (uint32_t v = 0; v < ret.count; v++) {
        uint64_t expected[3] = {0};
        uint64_t members[WORLD_WORDS] = {0};
        q.cell_value = &ret.values[v].value;
        q.cell_place = (uint32_t)kn_rand_below(&w->rand, 4);
        r.members = members;
        struct kn_favourites_result none;
        assert_int_equal(kn_report_favourites(&r, &q, arena, &none, &err), KN_OK);
        for (uint32_t p = 0; p < WORLD_PEOPLE; p++) {
            struct liking likings[3];
            bool in = false;
            favourites_of(w, p, likings);
            for (int i = 0; i < 3; i++) {
                bool here = likings[i].points > 0 &&
                            kn_str_eq(ret.values[v].value.text,
                                      kn_str_c(world_categories[likings[i].category]));
                expected[i] += here;
                in |= here && (q.cell_place == 0 || q.cell_place == (uint32_t)i + 1);
            }
            assert_int_equal(world_is_in(w, members, p), in);
        }
        for (int i = 0; i < 3; i++) {
            assert_int_equal(ret.values[v].profiles[i], expected[i]);
        }
    }
}

/* ---- catalogue ---- */

static const struct kn_catalog_field *field_of(const struct kn_catalog_table *t, const char *path)
{
    for (uint32_t i = 0; i < t->field_count; i++) {
        if (kn_str_eq(t->fields[i].path, kn_str_c(path))) {
            return &t->fields[i];
        }
    }
    return NULL;
}

static void check_catalog(struct world *w, const struct kn_columns_pin *pin, struct kn_arena *arena)
{
    const struct kn_catalog_table *tables;
    uint32_t count;
    uint32_t expected = 0;
    struct kn_err err;
    struct kn_report r = {.pin = pin, .zone = w->zone, .now = w->now};
    assert_int_equal(kn_report_catalog(&r, KN_TABLE_EVENT, 3, arena, &tables, &count, &err), KN_OK);
    for (int name = 0; name < WORLD_EVENTS; name++) {
        uint64_t rows = 0;
        uint64_t with_key = 0;
        int64_t first = INT64_MAX;
        const struct kn_catalog_table *t = NULL;
        for (size_t i = 0; i < w->event_count; i++) {
            const struct world_event *e = &w->events[i];
            if (!e->gone && e->name == name && world_counts(w, world_root(w, e->ordinal))) {
                rows++;
                with_key += e->key > 0;
                first = e->us < first ? e->us : first;
            }
        }
        expected += rows > 0;
        for (uint32_t i = 0; i < count; i++) {
            t = kn_str_eq(tables[i].name, kn_str_c(world_names[name])) ? &tables[i] : t;
        }
        assert_int_equal(t != NULL, rows > 0);
        if (t) {
            const struct kn_catalog_field *f = field_of(t, "k");
            const struct kn_catalog_field *tags = field_of(t, "tags");
            assert_int_equal(t->rows, rows);
            assert_int_equal(t->first_us, first);
            assert_int_equal(f ? f->rows : 0, with_key);
            assert_true(!tags || tags->list);
            assert_true(!f ||
                        (f->kinds & ~((1U << KN_VALUE_STRING) | (1U << KN_VALUE_NUMBER))) == 0);
        }
    }
    assert_int_equal(count, expected);
    assert_int_equal(kn_report_catalog(&r, KN_TABLE_PROFILE, 1, arena, &tables, &count, &err),
                     KN_OK);
    uint64_t cities = 0;
    for (uint32_t p = 0; p < WORLD_PEOPLE; p++) {
        cities += world_counts(w, p) && w->people[p].city > 0;
    }
    const struct kn_catalog_field *city = count > 0 ? field_of(&tables[0], "city") : NULL;
    assert_int_equal(city ? city->rows : 0, cities);
    assert_int_equal(city && city->example_count > 0, cities > 0);
}

static void agrees_with_plain_counting(void **state)
{
    (void)state;
    for (uint64_t seed = 301; seed <= 330; seed++) {
        struct world *w = world_new(seed);
        for (int round = 0; round < 3; round++) {
            struct kn_columns_pin *pin;
            struct kn_err err;
            struct kn_arena arena;
            kn_arena_init(&arena, SIZE_MAX / 2);
            world_grow(w, 200);
            assert_int_equal(kn_columns_pin(w->columns, &pin, &err), KN_OK);
            for (int i = 0; i < 4; i++) {
                check_paths(w, pin, &arena);
                check_overlap(w, pin);
                check_compare(w, pin, &arena);
                check_customers(w, pin, &arena);
            }
            check_favourites(w, pin, &arena);
            check_catalog(w, pin, &arena);
            check_last_order(w, pin);
            kn_columns_unpin(pin);
            kn_arena_deinit(&arena);
        }
        world_free(w);
    }
}

/* ---- refused memory ---- */

struct call {
    const struct kn_report *report;
    int which;
};

static enum kn_rc call(const struct call *c, struct kn_arena *arena, struct kn_err *err)
{
    struct kn_paths paths = {.length = 3, .from = WORLD_START, .to = WORLD_START + 20 * WORLD_DAY};
    struct kn_customers customers = {.grouping = (enum kn_grouping)(c->which % 3),
                                     .currency = "EUR"};
    struct kn_favourites favourites = {.field = KN_STR("category"), .half_life_days = 30};
    struct kn_compare compare = {.table = KN_TABLE_PROFILE, .path = KN_STR("t.city")};
    struct kn_paths_result a;
    struct kn_customers_result b;
    struct kn_favourites_result d;
    struct kn_compare_result e;
    const struct kn_catalog_table *tables;
    uint32_t count;
    int64_t last;
    switch (c->which) {
    case 0:
    case 1:
    case 2: return kn_report_customers(c->report, &customers, arena, &b, err);
    case 3: return kn_report_paths(c->report, &paths, arena, &a, err);
    case 4: return kn_report_favourites(c->report, &favourites, arena, &d, err);
    case 5: return kn_report_compare(c->report, &compare, arena, &e, err);
    case 6: return kn_report_last_order(c->report, &last, err);
    default: break;
    }
    return kn_report_catalog(c->report, KN_TABLE_EVENT, 1, arena, &tables, &count, err);
}

static void survives_refused_memory(void **state)
{
    (void)state;
    struct world *w = world_new(7);
    struct kn_columns_pin *pin;
    struct kn_err err;
    world_grow(w, 200);
    assert_int_equal(kn_columns_pin(w->columns, &pin, &err), KN_OK);
    struct kn_report r = {.pin = pin, .zone = w->zone, .now = w->now};
    for (int which = 0; which < 8; which++) {
        struct call c = {&r, which};
        uint64_t before = kn_mem_bytes();
        enum kn_rc rc = KN_E_NOMEM;
        for (uint64_t n = 0; rc != KN_OK; n++) {
            struct kn_arena arena;
            kn_arena_init(&arena, SIZE_MAX / 2);
            kn_mem_fail_once(n);
            rc = call(&c, &arena, &err);
            kn_mem_fail_after(UINT64_MAX);
            kn_arena_deinit(&arena);
            assert_int_equal(kn_mem_bytes(), before);
            assert_true(rc == KN_OK || rc == KN_E_NOMEM);
        }
    }
    kn_columns_unpin(pin);
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agrees_with_plain_counting),
        cmocka_unit_test(the_first_order_makes_a_group),
        cmocka_unit_test(survives_refused_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
