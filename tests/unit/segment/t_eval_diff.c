/* The evaluator against the judge, on random definitions, histories and moments.
 *
 * usage: t_eval_diff [--seed N] [--cases N] [--seconds N]
 *
 * Case i of a run has seed N + i. For each: the truth at several moments; that it stays as it is
 * until the moment the evaluator names; the value of a computed trait, and the same of it. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "format/time_text.h"
#include "segment/eval.h"
#include "tests/unit/segment/gen.h"
#include "tests/unit/segment/naive.h"
#include "tests/unit/segment/run.h"
#include "tests/unit/segment/shrink.h"

enum { MOMENTS = 65536, LOOKS = 24, ARENA_MAX = 1 << 28, ROWS_MAX = 16 };

struct diff {
    struct kn_arena arena;   /* of the case */
    struct kn_arena scratch; /* of one evaluation */
    struct zones *zones;
    enum kn_query_form form;
    int64_t now;
    struct kn_rand rand; /* which moments are looked at */
    char why[400];
    int64_t *moments;
    uint64_t evaluations, steps, truths;
};

/* ---- one answer ---- */

struct answer {
    bool truth; /* or presence */
    struct kn_str value;
    int64_t next_us;
};

static struct answer ask(struct diff *d, const struct kn_definition *definition,
                         const struct history *history, int64_t now)
{
    struct history_view view;
    struct answer a = {0};
    kn_arena_clear(&d->scratch);
    history_view(&view, history, d->zones->zone, &d->scratch);
    d->evaluations++;
    if (d->form == KN_QUERY_SEGMENT) {
        struct kn_verdict verdict;
        enum kn_rc rc = kn_eval(definition, &view.view, now, &d->scratch, &verdict);
        kn_assert(rc == KN_OK);
        a.truth = verdict.truth;
        a.next_us = verdict.next_us;
    } else {
        struct kn_trait_value value;
        struct kn_buf out;
        kn_buf_init(&out, 1 << 20);
        enum kn_rc rc = kn_eval_trait(definition, &view.view, now, &d->scratch, &out, &value);
        kn_assert(rc == KN_OK && out.rc == KN_OK);
        a.truth = value.present;
        a.next_us = value.next_us;
        a.value = kn_arena_str(&d->arena, kn_buf_view(&out));
        kn_buf_deinit(&out);
    }
    return a;
}

static struct answer judged(struct diff *d, const struct kn_query *query,
                            const struct history *history, int64_t now)
{
    struct naive n = {history, d->zones, now};
    struct answer a = {0};
    if (d->form == KN_QUERY_SEGMENT) {
        a.truth = naive_member(&n, query);
        return a;
    }
    struct kn_buf out;
    kn_buf_init(&out, 1 << 20);
    a.truth = naive_trait(&n, query, &out);
    a.value = kn_arena_str(&d->arena, kn_buf_view(&out));
    kn_buf_deinit(&out);
    return a;
}

static bool differs(struct diff *d, const struct answer *got, const struct answer *want,
                    const char *what, int64_t now, int64_t us)
{
    char a[KN_TIME_TEXT_MAX], b[KN_TIME_TEXT_MAX];
    if (got->truth == want->truth && kn_str_eq(got->value, want->value)) {
        return false;
    }
    struct kn_str at = kn_time_format(now, a), then = kn_time_format(us, b);
    (void)snprintf(d->why, sizeof d->why, "%s: %d %.*s, should be %d %.*s (now %.*s, at %.*s)",
                   what, got->truth, KN_STR_ARG(got->value), want->truth, KN_STR_ARG(want->value),
                   KN_STR_ARG(at), KN_STR_ARG(then));
    return true;
}

/* ---- one case ---- */

/* Nothing changes before the moment that was named. */
static bool changes_early(struct diff *d, const struct kn_query *query,
                          const struct history *history, int64_t now, const struct answer *got)
{
    struct naive n = {history, d->zones, now};
    uint32_t all = naive_moments(&n, query, d->moments, MOMENTS), count = 0;
    for (uint32_t i = 0; i < all; i++) {
        if (d->moments[i] < got->next_us) {
            d->moments[count++] = d->moments[i];
        }
    }
    for (uint32_t i = 0; i < LOOKS && count > 0; i++) {
        uint64_t which = i == 0 ? 0 : kn_rand_below(&d->rand, count);
        int64_t us = i == 1 && got->next_us != INT64_MAX ? got->next_us - 1 : d->moments[which];
        struct answer want = judged(d, query, history, us);
        if (us > now && differs(d, got, &want, "changes before the named moment", now, us)) {
            return true;
        }
    }
    return false;
}

static bool case_fails(void *context, struct kn_str text, const struct history *history)
{
    struct diff *d = context;
    struct kn_query query;
    struct kn_err err;
    const struct kn_definition *definition = NULL;
    static const struct kn_source_name sources[] = {{{"s1", 2}, 1}, {{"s2", 2}, 2}, {{"s3", 2}, 3}};
    struct kn_definition_options options = {d->zones->zone, sources, 3};
    int64_t now = d->now;
    d->rand = kn_rand_seed((uint64_t)now);
    enum kn_rc rc = kn_query_parse(text, d->form, &d->arena, &query, &err);
    rc = rc == KN_OK ? kn_definition_make(&query, &options, &d->arena, &definition, &err) : rc;
    if (rc != KN_OK) {
        kn_panic("%.*s: %zu: %s", KN_STR_ARG(text), err.pos, err.text);
    }
    /* From moment to moment, as timers would. */
    for (int i = 0; i < 6 && now < d->now + 800 * ZONES_DAY_US; i++) {
        struct answer got = ask(d, definition, history, now);
        struct answer want = judged(d, &query, history, now);
        d->truths += want.truth;
        if (differs(d, &got, &want, "the truth", now, now) ||
            changes_early(d, &query, history, now, &got)) {
            return true;
        }
        if (got.next_us == INT64_MAX) {
            break;
        }
        d->steps++;
        now = got.next_us;
    }
    return false;
}

static bool run_case(struct diff *d, uint64_t seed)
{
    struct gen g;
    struct history history;
    kn_arena_clear(&d->arena);
    gen_start(&g, seed, &d->arena);
    d->form = seed % 4 == 0 ? KN_QUERY_TRAIT : KN_QUERY_SEGMENT;
    struct kn_str text = d->form == KN_QUERY_SEGMENT ? gen_segment(&g) : gen_trait(&g);
    gen_history(&g, ROWS_MAX, &history);
    d->now = gen_now(&g);
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
    struct diff d = {.moments = calloc(MOMENTS, sizeof(int64_t))};
    struct zones zones[ZONES_COUNT];
    struct run run = run_arguments(argc, argv, 6000);
    bool good = true;
    uint64_t i = 0;
    kn_arena_init(&d.arena, ARENA_MAX);
    kn_arena_init(&d.scratch, ARENA_MAX);
    for (int z = 0; z < ZONES_COUNT; z++) {
        zones_make(&zones[z], (enum zones_name)z);
    }
    for (; good && run_goes_on(&run, i); i++) {
        /* Mostly Amsterdam. */
        uint64_t seed = run.seed + i;
        d.zones = &zones[seed % 8 == 1   ? ZONES_UTC
                         : seed % 8 == 3 ? ZONES_MIDNIGHT
                                         : ZONES_AMSTERDAM];
        good = run_case(&d, seed);
    }
    (void)printf("t_eval_diff --seed %llu: %llu cases, %llu evaluations (%llu true), %llu "
                 "moments named\n",
                 (unsigned long long)run.seed, (unsigned long long)i,
                 (unsigned long long)d.evaluations, (unsigned long long)d.truths,
                 (unsigned long long)d.steps);
    for (int z = 0; z < ZONES_COUNT; z++) {
        zones_free(&zones[z]);
    }
    kn_arena_deinit(&d.arena);
    kn_arena_deinit(&d.scratch);
    free(d.moments);
    return good ? 0 : 1;
}
