/* Row tests: the bulk driver's conditions on rows, by themselves. */
#include "segment/rows.h"

#include "base/mem.h"
#include "segment/bulk_internal.h"

enum {
    MEMORY_MAX = 256 << 20, /* of tables of codes */
    ROWS = 1 << 14,         /* judged at a time */
};

struct prepared {
    const struct kn_table_part *part;
    const struct kn_bulk_where *where;
};

struct kn_row_test {
    struct kn_arena arena;
    /* event('').where(...).count() > 0: where() as the compiler wants it */
    struct kn_node query_root;
    struct kn_chain chain;
    struct kn_literal zero;
    struct kn_query query;
    const struct kn_cnode *where;
    struct kn_bulk_options options;
    struct kn_bulk_plan plan;
    struct prepared *prepared;
    uint32_t count, cap;
};

static enum kn_rc compile(struct kn_row_test *t, const struct kn_node *where,
                          const struct kn_zone *zone, struct kn_err *err)
{
    struct kn_definition_options options = {.zone = zone};
    const struct kn_definition *definition;
    union {
        const struct kn_node *from;
        struct kn_node *to;
    } node = {.from = where}; /* only read */
    t->zero = (struct kn_literal){.kind = KN_LITERAL_NUMBER, .text = KN_STR("0")};
    t->chain = (struct kn_chain){
        .kind = KN_FROM_EVENT, .name = KN_STR(""), .where = node.to, .reducer = KN_REDUCE_COUNT};
    t->query_root = (struct kn_node){.kind = KN_NODE_COMPARE,
                                     .op = KN_OP_ABOVE,
                                     .chain = &t->chain,
                                     .values = &t->zero,
                                     .value_count = 1};
    t->query = (struct kn_query){.form = KN_QUERY_SEGMENT, .root = &t->query_root};
    KN_TRY(kn_definition_make(&t->query, &options, &t->arena, &definition, err));
    t->where = definition->root->rows->where;
    return KN_OK;
}

enum kn_rc kn_row_test_make(const struct kn_node *where, const struct kn_zone *zone, int64_t now,
                            struct kn_row_test **ret, struct kn_err *err)
{
    struct kn_row_test *t = kn_calloc(1, sizeof *t);
    if (!t) {
        return kn_fail(err, KN_E_NOMEM, "no memory for a condition");
    }
    kn_arena_init(&t->arena, MEMORY_MAX);
    t->options.now_us = now;
    t->plan = (struct kn_bulk_plan){.options = &t->options, .arena = &t->arena};
    enum kn_rc rc = compile(t, where, zone, err);
    if (rc != KN_OK) {
        kn_row_test_free(t);
        return rc;
    }
    *ret = t;
    return KN_OK;
}

void kn_row_test_free(struct kn_row_test *test)
{
    if (test) {
        kn_arena_deinit(&test->arena);
        kn_free(test->prepared);
        kn_free(test);
    }
}

enum kn_rc kn_row_test_prepare(struct kn_row_test *test, const struct kn_table_part *part,
                               struct kn_err *err)
{
    bool odd = false;
    const struct kn_bulk_where *where;
    if (test->count == test->cap) {
        uint32_t cap = test->cap ? test->cap * 2 : 16;
        struct prepared *wide = kn_realloc(test->prepared, cap * sizeof *wide);
        if (!wide) {
            return kn_fail(err, KN_E_NOMEM, "no memory for a condition");
        }
        test->prepared = wide;
        test->cap = cap;
    }
    test->plan.err = err;
    KN_TRY(kn_bulk_where_make(&test->plan, part, test->where, &where, &odd));
    if (odd) {
        return kn_fail(err, KN_E_INVALID,
                       "here a condition may ask for property(), context() and any() of the event");
    }
    test->prepared[test->count++] = (struct prepared){part, where};
    return KN_OK;
}

static const struct kn_bulk_where *where_of(const struct kn_row_test *test,
                                            const struct kn_table_part *part)
{
    for (uint32_t i = 0; i < test->count; i++) {
        if (test->prepared[i].part == part) {
            return test->prepared[i].where;
        }
    }
    return NULL;
}

enum kn_rc kn_row_test_part(const struct kn_row_test *test, const struct kn_table_part *part,
                            uint64_t first, uint64_t count, uint64_t *out, struct kn_err *err)
{
    const struct kn_bulk_where *where = where_of(test, part);
    struct kn_bulk_lane lane = {.lanes = kn_lanes_best()};
    bool ok = where != NULL;
    kn_arena_init(&lane.scratch, MEMORY_MAX);
    for (uint64_t at = 0; at < count && ok; at += ROWS) {
        uint64_t rows = count - at < ROWS ? count - at : ROWS;
        uint64_t *bits = kn_bulk_bits(&lane, rows);
        ok = bits && kn_bulk_mask(&lane, part, where, first + at, rows, bits);
        if (ok) {
            memcpy(out + at / 64, bits, kn_bits_words(rows) * sizeof *bits);
        }
        kn_arena_clear(&lane.scratch);
    }
    kn_arena_deinit(&lane.scratch);
    return ok ? KN_OK : kn_fail(err, KN_E_NOMEM, "no memory for a condition");
}
