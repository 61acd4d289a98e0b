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

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(tells)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
