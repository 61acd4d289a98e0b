/* Evaluation with a state against evaluation without, while a history grows: rows in the order of
 * their arrival, late ones, orders that change, traits and consents that change, rows that go, days
 * that pass.
 *
 * usage: t_state_diff [--seed N] [--cases N] [--seconds N] */
#include <stdio.h>

#include "base/assert.h"
#include "format/time_text.h"
#include "segment/eval.h"
#include "tests/unit/segment/gen.h"
#include "tests/unit/segment/run.h"
#include "tests/unit/segment/shrink.h"

enum { ROWS_MAX = 40, ARENA_MAX = 1 << 28 };

struct diff {
    struct kn_arena arena, scratch;
    struct zones zones;
    enum kn_query_form form;
    uint64_t seed;
    char why[300];
    uint64_t evaluations;
};

struct growing {
    struct kn_rand rand;
    const struct history *whole;
    struct history now; /* what has come so far */
    struct kn_eval_state *state;
    int64_t clock;
};

/* ---- the history grows ---- */

static bool same_row(const struct history_event *a, const struct history_event *b)
{
    struct kn_buf x, y;
    kn_buf_init(&x, 1 << 20);
    kn_buf_init(&y, 1 << 20);
    history_json_put(&a->properties, &x);
    history_json_put(&a->context, &x);
    history_json_put(&b->properties, &y);
    history_json_put(&b->context, &y);
    bool same = a->us == b->us && a->arrival == b->arrival && a->source == b->source &&
                kn_str_eq(kn_buf_view(&x), kn_buf_view(&y));
    kn_buf_deinit(&x);
    kn_buf_deinit(&y);
    return same;
}

/* Tells the state from where on orders are different, unless they only came after the others. */
static void tell_orders(struct growing *g, const struct history *before)
{
    const struct history *after = &g->now;
    uint32_t at = 0;
    while (at < before->order_count && at < after->order_count &&
           same_row(&before->orders[at], &after->orders[at])) {
        at++;
    }
    if (at < before->order_count) {
        int64_t us = before->orders[at].us;
        if (at < after->order_count && after->orders[at].us < us) {
            us = after->orders[at].us;
        }
        kn_eval_state_touch(g->state, KN_STR_EMPTY, us);
    }
}

static void add_event(struct diff *d, struct growing *g, const struct history_event *event)
{
    struct history before = g->now;
    bool late = false;
    for (uint32_t i = 0; i < before.event_count; i++) {
        late |= kn_str_eq(before.events[i].name, event->name) && before.events[i].us > event->us;
    }
    g->now.events = kn_arena_zero(&d->arena, before.event_count + 1, sizeof *event);
    for (uint32_t i = 0; i < before.event_count; i++) {
        g->now.events[i] = before.events[i];
    }
    g->now.events[g->now.event_count++] = *event;
    history_finish(&g->now, "EUR", &d->arena);
    /* A row that comes in between shows by itself, mostly it is told. */
    if (late && kn_rand_chance(&g->rand, 3, 4)) {
        kn_eval_state_touch(g->state, event->name, event->us);
    }
    tell_orders(g, &before);
}

static void remove_event(struct diff *d, struct growing *g)
{
    struct history before = g->now;
    if (before.event_count == 0) {
        return;
    }
    uint32_t gone = (uint32_t)kn_rand_below(&g->rand, before.event_count);
    g->now.events = kn_arena_zero(&d->arena, before.event_count, sizeof *before.events);
    g->now.event_count = 0;
    for (uint32_t i = 0; i < before.event_count; i++) {
        if (i != gone) {
            g->now.events[g->now.event_count++] = before.events[i];
        }
    }
    history_finish(&g->now, "EUR", &d->arena);
    if (kn_rand_chance(&g->rand, 3, 4)) {
        kn_eval_state_touch(g->state, before.events[gone].name, before.events[gone].us);
    }
    tell_orders(g, &before);
}

static void change_profile(struct growing *g)
{
    struct history *h = &g->now;
    for (uint32_t i = 0; i < h->consent_count; i++) {
        h->consents[i].state = (uint32_t)kn_rand_below(&g->rand, 4);
        h->identifiers[i].state = (uint32_t)kn_rand_below(&g->rand, 2);
    }
    h->segments[0].state ^= 1;
    h->traits = kn_rand_chance(&g->rand, 1, 2) ? g->whole->traits
                                               : (struct history_json){.kind = HISTORY_OBJECT};
}

/* ---- one evaluation, twice ---- */

struct answer {
    bool truth;
    int64_t next_us;
    struct kn_str value;
};

static struct answer ask(struct diff *d, const struct kn_definition *definition, struct growing *g,
                         struct kn_eval_state *state, int64_t now)
{
    struct history_view view;
    struct answer a = {0};
    enum kn_rc rc;
    kn_arena_clear(&d->scratch);
    history_view(&view, &g->now, d->zones.zone, &d->scratch);
    d->evaluations++;
    if (d->form == KN_QUERY_SEGMENT) {
        struct kn_verdict verdict;
        rc = state ? kn_eval_with(state, &view.view, now, &d->scratch, &verdict)
                   : kn_eval(definition, &view.view, now, &d->scratch, &verdict);
        a = (struct answer){verdict.truth, verdict.next_us, KN_STR_EMPTY};
    } else {
        struct kn_trait_value value;
        struct kn_buf out;
        kn_buf_init(&out, 1 << 20);
        rc = state ? kn_eval_trait_with(state, &view.view, now, &d->scratch, &out, &value)
                   : kn_eval_trait(definition, &view.view, now, &d->scratch, &out, &value);
        a = (struct answer){value.present, value.next_us,
                            kn_arena_str(&d->arena, kn_buf_view(&out))};
        kn_buf_deinit(&out);
    }
    kn_assert(rc == KN_OK);
    return a;
}

static bool differs(struct diff *d, const struct answer *got, const struct answer *want,
                    int64_t now, const char *what)
{
    char text[KN_TIME_TEXT_MAX];
    if (got->truth == want->truth && kn_str_eq(got->value, want->value)) {
        return false;
    }
    struct kn_str at = kn_time_format(now, text);
    (void)snprintf(d->why, sizeof d->why, "%s: %d %.*s, without state %d %.*s at %.*s", what,
                   got->truth, KN_STR_ARG(got->value), want->truth, KN_STR_ARG(want->value),
                   KN_STR_ARG(at));
    return true;
}

static bool step_fails(struct diff *d, const struct kn_definition *definition, struct growing *g)
{
    struct answer got = ask(d, definition, g, g->state, g->clock);
    struct answer want = ask(d, definition, g, NULL, g->clock);
    if (differs(d, &got, &want, g->clock, "now")) {
        return true;
    }
    /* Nothing changes before the moment that the state names. */
    int64_t us = g->clock;
    for (int i = 0; i < 3 && us < got.next_us; i++) {
        want = ask(d, definition, g, NULL, us);
        if (differs(d, &got, &want, us, "before the named moment")) {
            return true;
        }
        us = want.next_us < INT64_MAX ? want.next_us
                                      : us + kn_rand_between(&g->rand, 1, 40 * ZONES_DAY_US);
    }
    return false;
}

static void take_step(struct diff *d, struct growing *g, uint32_t *given)
{
    static const int64_t seconds[] = {0, 0, 1, 1800, 3600, 7200, 86400, 7 * 86400, 31 * 86400};
    uint64_t kind = kn_rand_below(&g->rand, 16);
    if (kind == 0) {
        change_profile(g);
    } else if (kind == 1) {
        remove_event(d, g);
    } else if (kind < 12 && *given < g->whole->event_count) {
        /* In the order of arrival. */
        for (uint32_t i = 0; i < g->whole->event_count; i++) {
            if (g->whole->events[i].arrival == *given + 1) {
                add_event(d, g, &g->whole->events[i]);
            }
        }
        ++*given;
    } else {
        int64_t by = seconds[kn_rand_below(&g->rand, 9)] * 1000000;
        g->clock += kn_rand_chance(&g->rand, 1, 20) ? -by : by;
    }
}

static bool case_fails(void *context, struct kn_str text, const struct history *history)
{
    struct diff *d = context;
    struct kn_query query;
    struct kn_err err;
    const struct kn_definition *definition = NULL;
    static const struct kn_source_name sources[] = {{{"s1", 2}, 1}, {{"s2", 2}, 2}, {{"s3", 2}, 3}};
    struct kn_definition_options options = {d->zones.zone, sources, 3};
    enum kn_rc rc = kn_query_parse(text, d->form, &d->arena, &query, &err);
    rc = rc == KN_OK ? kn_definition_make(&query, &options, &d->arena, &definition, &err) : rc;
    kn_assert(rc == KN_OK);
    struct growing g = {.rand = kn_rand_seed(d->seed), .whole = history, .now = *history};
    g.clock = history->event_count > 0 ? history->events[history->event_count / 2].us : 0;
    g.now.event_count = 0;
    g.now.order_count = 0;
    g.state = kn_eval_state_new(definition);
    bool fails = false;
    uint32_t given = 0;
    for (int i = 0; i < 3 * ROWS_MAX && !fails && (given < history->event_count || i < 10); i++) {
        uint32_t before = given;
        take_step(d, &g, &given);
        /* Sometimes several rows come before the next evaluation; then all are told. */
        if (given == before || kn_rand_chance(&g.rand, 3, 4)) {
            fails = step_fails(d, definition, &g);
        } else {
            kn_eval_state_touch(g.state, g.now.events[0].name, INT64_MIN);
            kn_eval_state_touch(g.state, KN_STR_EMPTY, INT64_MIN);
            fails = step_fails(d, definition, &g);
        }
    }
    kn_assert(kn_eval_state_bytes(g.state) > 0);
    kn_eval_state_free(g.state);
    return fails;
}

static bool run_case(struct diff *d, uint64_t seed)
{
    struct gen g;
    struct history history;
    kn_arena_clear(&d->arena);
    gen_start(&g, seed, &d->arena);
    d->seed = seed;
    d->form = seed % 4 == 0 ? KN_QUERY_TRAIT : KN_QUERY_SEGMENT;
    struct kn_str text = d->form == KN_QUERY_SEGMENT ? gen_segment(&g) : gen_trait(&g);
    gen_history(&g, ROWS_MAX, &history);
    if (!case_fails(d, text, &history)) {
        return true;
    }
    struct shrunk small = shrink(text, d->form, &history, case_fails, d, &d->arena);
    (void)case_fails(d, small.text, &small.history);
    (void)fprintf(stderr, "seed %llu: %s\n", (unsigned long long)seed, d->why);
    shrink_print(&small);
    return false;
}

int main(int argc, char **argv)
{
    struct diff d = {.evaluations = 0};
    struct run run = run_arguments(argc, argv, 1500);
    bool good = true;
    uint64_t i = 0;
    kn_arena_init(&d.arena, ARENA_MAX);
    kn_arena_init(&d.scratch, ARENA_MAX);
    zones_make(&d.zones, ZONES_AMSTERDAM);
    for (; good && run_goes_on(&run, i); i++) {
        good = run_case(&d, run.seed + i);
    }
    (void)printf("t_state_diff --seed %llu: %llu cases, %llu evaluations\n",
                 (unsigned long long)run.seed, (unsigned long long)i,
                 (unsigned long long)d.evaluations);
    zones_free(&d.zones);
    kn_arena_deinit(&d.arena);
    kn_arena_deinit(&d.scratch);
    return good ? 0 : 1;
}
