/* What a new row can change of a query. */
#include "cm.h"

#include "segment/new_row.h"

struct expected {
    const char *text;
    enum kn_row_effect effect;
    uint32_t needs;
};

static const struct expected all[] = {
    {"event('E').count() >= 2", KN_ROW_RAISES, 0},
    {"event('E').within(3 days).count() > 2", KN_ROW_RAISES, 0},
    {"event('E').count() != 0", KN_ROW_RAISES, 0},
    {"event('E').count() < 2", KN_ROW_LOWERS, 0},
    {"event('E').count() = 0", KN_ROW_LOWERS, 0},
    {"event('E').count() = 2", KN_ROW_RAISES_OR_LOWERS, 0},
    {"NOT event('E').count() >= 2", KN_ROW_LOWERS, 0},
    {"NOT event('E').count() <= 2 AND trait('a') = 'b'", KN_ROW_RAISES, 0},
    {"event('E').count() >= 2 OR event('E').count() = 0", KN_ROW_RAISES_OR_LOWERS, 0},
    {"event('E').count() >= 2 AND event('F').count() = 0", KN_ROW_RAISES, 0},
    {"event('F').count() >= 2 AND event('E').count() = 0", KN_ROW_LOWERS, 0},
    {"event('F').count() >= 2", KN_ROW_NO_EFFECT, 0},
    {"event('E').max(property('p')) > 2", KN_ROW_RAISES, 0},
    {"event('E').min(property('p')) <= 2", KN_ROW_RAISES, 0},
    {"event('E').max(property('p')) < 2", KN_ROW_RAISES_OR_LOWERS, 0},
    {"event('E').sum(property('p')) > 2", KN_ROW_RAISES_OR_LOWERS, 0},
    {"event('E').last(property('p')) = 'x'", KN_ROW_RAISES_OR_LOWERS, 0},
    {"event('E').where(property('p') = 'x').count() >= 2", KN_ROW_RAISES, 1},
    {"event('E').where(property('p').one_of('x', 'y')).count() >= 2", KN_ROW_RAISES, 1},
    {"event('E').where(property('q') > 2 AND context('p') = 'x').sum(property('p')) > 2",
     KN_ROW_RAISES_OR_LOWERS, 1},
    {"event('E').where(property('p') = 'x').count() >= 2 OR "
     "event('E').where(property('p') = 'y').count() = 0",
     KN_ROW_RAISES_OR_LOWERS, 2},
    {"event('E').where(property('p') = 'x').count() >= 2 OR event('E').count() > 9", KN_ROW_RAISES,
     0},
    {"event('E').where(property('p') = 'x' OR property('p') = 'y').count() >= 2", KN_ROW_RAISES, 0},
    {"event('E').where(NOT property('p') = 'x').count() >= 2", KN_ROW_RAISES, 0},
    {"event('E').where(property('p') = 2).count() >= 2", KN_ROW_RAISES, 0},
    {"event('E').where(property('p') != 'x').count() >= 2", KN_ROW_RAISES, 0},
    {"event('E').where(any('a', property('p') = 'x')).count() >= 2", KN_ROW_RAISES, 0},
    {"event('F').where(event('E').where(property('p') = 'x').within(parent: 1 day).count() "
     ">= 1).count() >= 2",
     KN_ROW_RAISES_OR_LOWERS, 0},
};

static void tells(void **state)
{
    struct kn_arena arena;
    (void)state;
    kn_arena_init(&arena, 1 << 24);
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        const struct kn_node *needs[KN_QUERY_CONDITIONS_MAX];
        struct kn_query query;
        struct kn_err err = {0};
        if (kn_query_parse(kn_str_c(all[i].text), KN_QUERY_SEGMENT, &arena, &query, &err) !=
            KN_OK) {
            fail_msg("%s: %s", all[i].text, err.text);
        }
        if (kn_row_effect(&query, KN_STR("E")) != all[i].effect ||
            kn_row_needs(&query, KN_STR("E"), needs) != all[i].needs) {
            fail_msg("%s: effect %d, needs %u", all[i].text, kn_row_effect(&query, KN_STR("E")),
                     kn_row_needs(&query, KN_STR("E"), needs));
        }
    }
    kn_arena_deinit(&arena);
}

struct rule {
    const char *text;
    const char *summed; /* the field, or NULL */
    uint32_t texts;     /* of the edge; 0: no such rule */
    enum kn_row_effect effect, other;
    const char *gate;
};

static const struct rule rules[] = {
    {"event('E').sum(property('p')) > 2", "p", 0, KN_ROW_RAISES, KN_ROW_NO_EFFECT, ""},
    {"event('E').within(3 days).sum(property('p')) <= 2 AND segment('s')", "p", 0, KN_ROW_LOWERS,
     KN_ROW_NO_EFFECT, "s"},
    {"NOT event('E').sum(property('p')) > 2", "p", 0, KN_ROW_LOWERS, KN_ROW_NO_EFFECT, ""},
    {"event('E').sum(property('p')) > 2 AND event('E').count() >= 3", "p", 0, KN_ROW_RAISES,
     KN_ROW_NO_EFFECT, ""},
    {"event('E').sum(property('p')) > 2 AND event('E').count() < 3", NULL, 0,
     KN_ROW_RAISES_OR_LOWERS, KN_ROW_NO_EFFECT, ""},
    {"event('E').sum(property('p')) = 2", NULL, 0, KN_ROW_RAISES_OR_LOWERS, KN_ROW_NO_EFFECT, ""},
    {"event('E').sum(property('p')) > 2 OR event('E').sum(property('q')) > 2", NULL, 0,
     KN_ROW_RAISES_OR_LOWERS, KN_ROW_NO_EFFECT, ""},
    {"event('E').avg(property('p')) > 2", NULL, 0, KN_ROW_RAISES_OR_LOWERS, KN_ROW_NO_EFFECT, ""},
    {"event('E').last(property('p')) = 'x'", NULL, 1, KN_ROW_RAISES, KN_ROW_LOWERS, ""},
    {"event('E').first(property('p')).one_of('x', 'y')", NULL, 2, KN_ROW_RAISES, KN_ROW_LOWERS, ""},
    {"NOT event('E').last(property('p')) = 'x'", NULL, 1, KN_ROW_LOWERS, KN_ROW_RAISES, ""},
    {"event('E').last(property('p')) = 'x' AND event('E').count() >= 2", NULL, 1, KN_ROW_RAISES,
     KN_ROW_RAISES_OR_LOWERS, ""},
    {"event('E').last(property('p')) = 'x' OR event('E').first(property('p')) = 'x'", NULL, 0,
     KN_ROW_RAISES_OR_LOWERS, 0, ""},
    {"event('E').last(property('p')) != 'x'", NULL, 0, KN_ROW_RAISES_OR_LOWERS, KN_ROW_NO_EFFECT,
     ""},
    {"event('E').last(property('p')) = 2", NULL, 0, KN_ROW_RAISES_OR_LOWERS, KN_ROW_NO_EFFECT, ""},
    {"trait('a') = 'b' AND (segment('s') AND event('E').count() >= 1)", NULL, 0,
     KN_ROW_RAISES_OR_LOWERS, KN_ROW_NO_EFFECT, "s"},
    {"segment('s') OR event('E').count() >= 1", NULL, 0, KN_ROW_RAISES_OR_LOWERS, KN_ROW_NO_EFFECT,
     ""},
    {"NOT segment('s') AND event('E').count() >= 1", NULL, 0, KN_ROW_RAISES_OR_LOWERS,
     KN_ROW_NO_EFFECT, ""},
};

static void knows_what_a_row_holds(void **state)
{
    struct kn_arena arena;
    (void)state;
    kn_arena_init(&arena, 1 << 24);
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
        const struct rule *r = &rules[i];
        struct kn_query query;
        struct kn_err err = {0};
        if (kn_query_parse(kn_str_c(r->text), KN_QUERY_SEGMENT, &arena, &query, &err) != KN_OK) {
            fail_msg("%s: %s", r->text, err.text);
        }
        struct kn_row_rule rule = kn_row_rule(&query, KN_STR("E"));
        bool summed =
            rule.summed && r->summed && kn_str_eq(rule.summed->path.keys[0], kn_str_c(r->summed));
        if ((rule.summed || r->summed) && !summed) {
            fail_msg("%s: another sum", r->text);
        }
        if ((rule.edge ? rule.edge->value_count : 0) != r->texts) {
            fail_msg("%s: another edge", r->text);
        }
        if ((rule.summed || rule.edge) &&
            (rule.effect != r->effect || (rule.edge && rule.other != r->other))) {
            fail_msg("%s: effect %d, other %d", r->text, rule.effect, rule.other);
        }
        if (!kn_str_eq(kn_query_gate(&query), kn_str_c(r->gate))) {
            fail_msg("%s: another gate", r->text);
        }
    }
    kn_arena_deinit(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(tells),
                                       cmocka_unit_test(knows_what_a_row_holds)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
