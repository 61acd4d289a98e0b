/* The bulk driver against the evaluator and the judge, on random definitions and histories fed
 * through the behaviour store.
 *
 * usage: t_bulk [--seed N] [--cases N] [--seconds N]
 *
 * Case i of a run has seed N + i: one definition, a few profiles whose events lie under several
 * ordinals, in several runs, some forgotten and told again, some not built yet. For each: who is a
 * member, with and without vector instructions; and that nothing changes before the moment that is
 * named. */
#include <stdio.h>
#include <stdlib.h>

#include "base/assert.h"
#include "base/mem.h"
#include "segment/bulk.h"
#include "sim/sim_disk.h"
#include "tests/unit/segment/gen.h"
#include "tests/unit/segment/naive.h"
#include "tests/unit/segment/run.h"

enum {
    PROFILES = 8,
    ORDINALS_MAX = 70000, /* several chunks */
    PARTS_MAX = 3,        /* ordinals of one profile */
    ROWS_MAX = 14,
    LARGE_ROWS = 3000, /* of one name more than 255, so that they are counted apart */
    ARENA_MAX = 1 << 28,
    STEPS = 6,
};

struct profile {
    struct history history;
    uint32_t ordinals[PARTS_MAX], count; /* the first is canonical */
};

struct bulk_case {
    struct kn_arena arena, scratch;
    struct zones *zones;
    struct kn_rand rand;
    struct kn_columns *columns;
    struct profile profiles[PROFILES];
    uint64_t *segments[2];
    struct kn_columns_pin *pin;
    bool rare_builds; /* a large history stands together */
    uint64_t members, checks;
};

/* ---- feeding ---- */

static void feed_event(struct bulk_case *c, uint32_t ordinal, const struct history_event *event)
{
    struct kn_buf body, item;
    kn_buf_init(&body, SIZE_MAX / 2);
    kn_buf_init(&item, SIZE_MAX / 2);
    kn_buf_c(&body, "{\"properties\":");
    history_json_put(&event->properties, &body);
    kn_buf_c(&body, ",\"context\":");
    history_json_put(&event->context, &body);
    kn_buf_c(&body, "}");
    struct kn_item facts = {.kind = KN_ITEM_EVENT,
                            .type = KN_EVENT_TRACK,
                            .name = event->name,
                            .source = event->source,
                            .event_us = event->us,
                            .message_id = KN_STR("m"),
                            .body = kn_buf_view(&body)};
    kn_item_encode(&facts, &item);
    kn_assert(item.rc == KN_OK);
    kn_columns_event(c->columns, ordinal, event->us, event->arrival,
                     kn_arena_str(&c->arena, kn_buf_view(&item)));
    kn_buf_deinit(&body);
    kn_buf_deinit(&item);
}

static bool is_fact(struct kn_str key)
{
    return kn_str_eq(key, KN_STR("value")) || kn_str_eq(key, KN_STR("currency")) ||
           kn_str_eq(key, KN_STR("order_id"));
}

static void feed_order(struct bulk_case *c, uint32_t ordinal, const struct history_event *order)
{
    const struct history_json *p = &order->properties;
    struct kn_buf fields;
    kn_buf_init(&fields, SIZE_MAX / 2);
    kn_buf_printf(&fields, "{\"#source\":%u,\"o\":{", order->source);
    for (uint32_t i = 0; i < p->count; i++) {
        if (is_fact(p->keys[i])) {
            kn_json_out_key_str(&fields, p->keys[i]);
            history_json_put(&p->kids[i], &fields);
        }
    }
    kn_buf_c(&fields, "},\"p\":");
    history_json_put(p, &fields);
    kn_buf_c(&fields, ",\"c\":");
    history_json_put(&order->context, &fields);
    kn_buf_c(&fields, "}");
    kn_columns_row(c->columns, KN_TABLE_ORDER, ordinal, order->us, order->arrival,
                   kn_buf_view(&fields));
    kn_buf_deinit(&fields);
}

static void feed_orders(struct bulk_case *c, const struct profile *p)
{
    kn_columns_replace(c->columns, KN_TABLE_ORDER, p->ordinals[0]);
    for (uint32_t i = 0; i < p->history.order_count; i++) {
        feed_order(c, p->ordinals[0], &p->history.orders[i]);
    }
}

static void feed_profile(struct bulk_case *c, const struct profile *p)
{
    static const char *const states[] = {"unknown", "granted", "denied", "conflict"};
    const struct history *h = &p->history;
    struct kn_buf fields;
    kn_buf_init(&fields, SIZE_MAX / 2);
    kn_buf_c(&fields, "{\"t\":");
    history_json_put(&h->traits, &fields);
    kn_buf_c(&fields, ",\"k\":{");
    for (uint32_t i = 0; i < h->consent_count; i++) {
        kn_json_out_key_str(&fields, h->consents[i].name);
        kn_json_out_string(&fields, kn_str_c(states[h->consents[i].state]));
    }
    kn_buf_c(&fields, "},\"i\":{");
    for (uint32_t i = 0; i < h->identifier_count; i++) {
        if (h->identifiers[i].state) {
            kn_json_out_key_str(&fields, h->identifiers[i].name);
            kn_buf_c(&fields, "true");
        }
    }
    kn_buf_c(&fields, "}}");
    kn_columns_replace(c->columns, KN_TABLE_PROFILE, p->ordinals[0]);
    kn_columns_row(c->columns, KN_TABLE_PROFILE, p->ordinals[0], 0, 1, kn_buf_view(&fields));
    kn_buf_deinit(&fields);
}

static void maybe_build(struct bulk_case *c)
{
    bool more;
    struct kn_err err;
    if (kn_rand_chance(&c->rand, 1, c->rare_builds ? 2000 : 8)) {
        enum kn_rc rc =
            kn_columns_build(c->columns, 1 + (uint32_t)kn_rand_below(&c->rand, 30), &more, &err);
        kn_assert(rc == KN_OK);
    }
}

/* The events of a profile in any order, under any of its ordinals. */
static void feed_history(struct bulk_case *c, const struct profile *p)
{
    uint32_t count = p->history.event_count, start = (uint32_t)kn_rand_below(&c->rand, count + 1);
    for (uint32_t i = 0; i < count; i++) {
        uint64_t part = kn_rand_below(&c->rand, p->count);
        feed_event(c, p->ordinals[part], &p->history.events[(i + start) % count]);
        maybe_build(c);
    }
}

static void feed_merged(struct bulk_case *c, const struct profile *p)
{
    char into[32];
    (void)snprintf(into, sizeof into, "{\"into\":%u}", p->ordinals[0]);
    for (uint32_t i = 1; i < p->count; i++) {
        kn_columns_row(c->columns, KN_TABLE_MERGED, p->ordinals[i], 0, 1, kn_str_c(into));
    }
}

static void feed(struct bulk_case *c, const struct profile *p, const struct history *other)
{
    if (kn_rand_chance(&c->rand, 1, 4)) { /* what is taken back */
        struct profile wrong = *p;
        wrong.history = *other;
        feed_history(c, &wrong);
        feed_orders(c, &wrong);
        feed_profile(c, &wrong);
        for (uint32_t i = 0; i < p->count; i++) {
            kn_columns_forget(c->columns, p->ordinals[i]);
        }
    }
    bool early = kn_rand_chance(&c->rand, 1, 2);
    if (early) {
        feed_merged(c, p);
    }
    feed_history(c, p);
    feed_profile(c, p);
    maybe_build(c);
    if (!early) {
        feed_merged(c, p);
    }
    feed_orders(c, p);
    maybe_build(c);
    if (kn_rand_chance(&c->rand, 1, 3)) {
        feed_profile(c, p);
        feed_orders(c, p);
    }
}

/* ---- the case ---- */

static bool is_taken(const struct bulk_case *c, uint32_t ordinal)
{
    for (int i = 0; i < PROFILES; i++) {
        for (uint32_t k = 0; k < c->profiles[i].count; k++) {
            if (c->profiles[i].ordinals[k] == ordinal) {
                return true;
            }
        }
    }
    return false;
}

static void choose_ordinals(struct bulk_case *c, struct profile *p)
{
    uint32_t wanted =
        1 + (uint32_t)(kn_rand_chance(&c->rand, 1, 2) ? 0 : kn_rand_below(&c->rand, PARTS_MAX));
    uint64_t room = kn_rand_chance(&c->rand, 1, 4) ? ORDINALS_MAX : 400;
    while (p->count < wanted) {
        uint32_t ordinal = 1 + (uint32_t)kn_rand_below(&c->rand, room);
        if (!is_taken(c, ordinal)) {
            p->ordinals[p->count++] = ordinal;
        }
    }
}

static const uint64_t *members_of(void *context, struct kn_str segment)
{
    struct bulk_case *c = context;
    for (int i = 0; i < 2; i++) {
        if (kn_str_eq(segment, kn_str_c(gen_segments[i]))) {
            return c->segments[i];
        }
    }
    return NULL;
}

static void mark_segments(struct bulk_case *c)
{
    size_t words = kn_bulk_words(c->pin);
    for (int s = 0; s < 2; s++) {
        c->segments[s] = kn_arena_zero(&c->arena, words, sizeof(uint64_t));
        for (int i = 0; i < PROFILES; i++) {
            const struct history *h = &c->profiles[i].history;
            uint32_t at = c->profiles[i].ordinals[0];
            for (uint32_t k = 0; k < h->segment_count; k++) {
                if (kn_str_eq(h->segments[k].name, kn_str_c(gen_segments[s])) &&
                    h->segments[k].state) {
                    c->segments[s][at / 64] |= UINT64_C(1) << at % 64;
                }
            }
        }
    }
}

static void explain(const struct bulk_case *c, const struct profile *p, struct kn_str text,
                    const char *what)
{
    struct kn_buf out;
    kn_buf_init(&out, SIZE_MAX / 2);
    history_print(&p->history, &out);
    (void)fprintf(stderr, "%s: ordinal %u of %u ordinals\n%.*s\n%.*s", what, p->ordinals[0],
                  p->count, KN_STR_ARG(text), KN_STR_ARG(kn_buf_view(&out)));
    kn_buf_deinit(&out);
    (void)c;
}

static struct kn_verdict verdict_at(struct bulk_case *c, const struct kn_definition *definition,
                                    const struct profile *p, int64_t now)
{
    struct history_view view;
    struct kn_verdict verdict;
    kn_arena_clear(&c->scratch);
    history_view(&view, &p->history, c->zones->zone, &c->scratch);
    enum kn_rc rc = kn_eval(definition, &view.view, now, &c->scratch, &verdict);
    kn_assert(rc == KN_OK);
    return verdict;
}

static bool profile_agrees(struct bulk_case *c, const struct kn_query *query,
                           const struct kn_definition *definition, struct kn_str text,
                           const struct profile *p, int64_t now, bool found, int64_t next)
{
    struct naive n = {&p->history, c->zones, now};
    struct kn_verdict verdict = verdict_at(c, definition, p, now);
    c->checks++;
    c->members += found;
    if (found != verdict.truth || found != naive_member(&n, query)) {
        explain(c, p, text,
                found ? "a member that should be none" : "no member that should be one");
        return false;
    }
    if (next <= now) {
        explain(c, p, text, "a next moment that is past");
        return false;
    }
    for (int i = 0; i < STEPS && verdict.next_us < next; i++) {
        verdict = verdict_at(c, definition, p, verdict.next_us);
        if (verdict.truth != found) {
            explain(c, p, text, "changes before the moment that was named");
            return false;
        }
    }
    return true;
}

/* Every allocation fails once: the answer is "no memory", or the right one. */
static bool survives_failures(const struct kn_definition *definition,
                              const struct kn_bulk_options *options, const uint64_t *right,
                              struct kn_str text)
{
    size_t words = kn_bulk_words(options->pin);
    uint64_t *members = calloc(words + 1, sizeof *members);
    int64_t *next = calloc(options->pin->ordinal_end + 1U, sizeof *next);
    enum kn_rc rc = KN_E_NOMEM;
    struct kn_err err;
    bool good = true;
    kn_assert(members && next);
    for (uint64_t n = 0; rc == KN_E_NOMEM && good; n++) {
        kn_mem_fail_once(n);
        rc = kn_bulk(definition, options, members, n % 2 ? next : NULL, &err);
        bool reached = n > 0 || rc == KN_E_NOMEM;
        good = (rc == KN_OK || rc == KN_E_NOMEM) && reached;
    }
    kn_mem_fail_after(UINT64_MAX);
    good = good && rc == KN_OK && memcmp(members, right, words * sizeof *right) == 0;
    if (!good) {
        (void)fprintf(stderr, "a failed allocation: %.*s\n", KN_STR_ARG(text));
    }
    free(members);
    free(next);
    return good;
}

static bool case_agrees(struct bulk_case *c, struct kn_str text, int64_t now)
{
    static const struct kn_source_name sources[] = {{{"s1", 2}, 1}, {{"s2", 2}, 2}, {{"s3", 2}, 3}};
    struct kn_definition_options made_with = {c->zones->zone, sources, 3};
    struct kn_query query;
    struct kn_err err;
    const struct kn_definition *definition = NULL;
    enum kn_rc rc = kn_query_parse(text, KN_QUERY_SEGMENT, &c->arena, &query, &err);
    rc = rc == KN_OK ? kn_definition_make(&query, &made_with, &c->arena, &definition, &err) : rc;
    kn_assert(rc == KN_OK);
    size_t words = kn_bulk_words(c->pin);
    uint64_t *fast = kn_arena_zero(&c->arena, words, sizeof *fast);
    uint64_t *plain = kn_arena_zero(&c->arena, words, sizeof *plain);
    int64_t *next = kn_arena_zero(&c->arena, c->pin->ordinal_end, sizeof *next);
    struct kn_bulk_options options = {
        .pin = c->pin, .now_us = now, .members = members_of, .context = c};
    uint64_t live = 0;
    rc = kn_bulk(definition, &options, fast, NULL, &err);
    kn_assert(rc == KN_OK);
    uint64_t *timed = kn_arena_zero(&c->arena, words, sizeof *timed);
    options.plain = true;
    rc = kn_bulk(definition, &options, plain, NULL, &err);
    kn_assert(rc == KN_OK);
    options.plain = kn_rand_chance(&c->rand, 1, 2);
    rc = kn_bulk(definition, &options, timed, next, &err);
    kn_assert(rc == KN_OK);
    if (kn_rand_chance(&c->rand, 1, 20) && !survives_failures(definition, &options, fast, text)) {
        return false;
    }
    for (int i = 0; i < PROFILES; i++) {
        const struct profile *p = &c->profiles[i];
        bool found = kn_bit(fast, p->ordinals[0]);
        live += found;
        if (found != kn_bit(plain, p->ordinals[0]) || found != kn_bit(timed, p->ordinals[0])) {
            explain(c, p, text, "the ways to compute differ");
            return false;
        }
        if (!profile_agrees(c, &query, definition, text, p, now, found, next[p->ordinals[0]])) {
            return false;
        }
    }
    for (size_t i = 0; i < words; i++) {
        live -= (uint64_t)__builtin_popcountll(fast[i]);
    }
    if (live != 0) {
        (void)fprintf(stderr, "members that nobody is: %.*s\n", KN_STR_ARG(text));
    }
    return live == 0;
}

static bool run_case(struct bulk_case *c, uint64_t seed)
{
    struct gen g;
    struct kn_err err;
    struct sim_disk *sim = sim_disk_new(seed);
    struct kn_columns_options options = {.dir = "runs"};
    kn_arena_clear(&c->arena);
    memset(c->profiles, 0, sizeof c->profiles);
    c->rand = kn_rand_seed(seed);
    enum kn_rc rc =
        kn_columns_open(sim_disk_interface(sim), &options, KN_STR_EMPTY, false, &c->columns, &err);
    kn_assert(rc == KN_OK);
    gen_start(&g, seed, &c->arena);
    bool large = kn_rand_chance(&c->rand, 1, 20);
    c->rare_builds = large;
    g.what = large ? GEN_ALL & ~GEN_NESTED : GEN_ALL;
    struct kn_str text = gen_segment(&g);
    for (int i = 0; i < PROFILES; i++) {
        gen_history(&g, large && i == 3 ? LARGE_ROWS : ROWS_MAX, &c->profiles[i].history);
        choose_ordinals(c, &c->profiles[i]);
    }
    for (int i = 0; i < PROFILES; i++) {
        feed(c, &c->profiles[i], &c->profiles[(i + 1) % PROFILES].history);
    }
    rc = kn_columns_pin(c->columns, &c->pin, &err);
    kn_assert(rc == KN_OK);
    mark_segments(c);
    bool good = true;
    for (int i = 0; i < 2 && good; i++) {
        good = case_agrees(c, text, gen_now(&g));
    }
    kn_columns_unpin(c->pin);
    kn_columns_close(c->columns);
    sim_disk_free(sim);
    if (!good) {
        (void)fprintf(stderr, "--seed %llu --cases 1\n", (unsigned long long)seed);
    }
    return good;
}

int main(int argc, char **argv)
{
    static struct bulk_case c;
    struct zones zones[ZONES_COUNT];
    struct run run = run_arguments(argc, argv, 400);
    bool good = true;
    uint64_t i = 0;
    kn_arena_init(&c.arena, ARENA_MAX);
    kn_arena_init(&c.scratch, ARENA_MAX);
    for (int z = 0; z < ZONES_COUNT; z++) {
        zones_make(&zones[z], (enum zones_name)z);
    }
    for (; good && run_goes_on(&run, i); i++) {
        uint64_t seed = run.seed + i;
        c.zones = &zones[seed % 8 == 1   ? ZONES_UTC
                         : seed % 8 == 3 ? ZONES_MIDNIGHT
                                         : ZONES_AMSTERDAM];
        good = run_case(&c, seed);
    }
    (void)printf("t_bulk --seed %llu: %llu cases, %llu profiles (%llu members)\n",
                 (unsigned long long)run.seed, (unsigned long long)i, (unsigned long long)c.checks,
                 (unsigned long long)c.members);
    for (int z = 0; z < ZONES_COUNT; z++) {
        zones_free(&zones[z]);
    }
    kn_arena_deinit(&c.arena);
    kn_arena_deinit(&c.scratch);
    return good ? 0 : 1;
}
