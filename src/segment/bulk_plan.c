/* From a definition to a plan: what every condition means for the parts of its table. */
#include <stdlib.h>

#include "segment/bulk_internal.h"

static const struct kn_value nothing = {KN_VALUE_ABSENT, {NULL, 0}};

/* ---- tables ---- */

static enum kn_rc find_table(struct kn_bulk_plan *plan, enum kn_table_kind kind, struct kn_str name,
                             struct kn_bulk_table **ret)
{
    for (uint32_t i = 0; i < plan->table_count; i++) {
        if (plan->tables[i]->kind == kind && kn_str_eq(plan->tables[i]->name, name)) {
            *ret = plan->tables[i];
            return KN_OK;
        }
    }
    struct kn_bulk_table *table = kn_arena_zero(plan->arena, 1, sizeof *table);
    if (!table) {
        return kn_bulk_nomem(plan);
    }
    table->kind = kind;
    table->name = name;
    table->parts = kn_pin_table(plan->pin, kind, name, &table->part_count);
    plan->tables[plan->table_count++] = table;
    *ret = table;
    return KN_OK;
}

static enum kn_rc make_parts(struct kn_bulk_plan *plan, struct kn_bulk_cond *cond,
                             enum kn_table_kind kind, struct kn_str name)
{
    KN_TRY(find_table(plan, kind, name, &cond->table));
    cond->parts = kn_arena_zero(plan->arena, cond->table->part_count + 1, sizeof *cond->parts);
    return cond->parts ? KN_OK : kn_bulk_nomem(plan);
}

static uint64_t table_rows(const struct kn_bulk_table *table)
{
    uint64_t rows = 0;
    for (uint32_t i = 0; i < table->part_count; i++) {
        rows += table->parts[i]->rows;
    }
    return rows;
}

/* ---- windows ---- */

static void resolve_window(const struct kn_bulk_plan *plan, struct kn_bulk_cond *cond)
{
    const struct kn_window *w = &cond->source->rows->chain->window;
    const struct kn_zone *zone = plan->definition->zone;
    int64_t now = plan->options->now_us, from = INT64_MIN, to = now + 1;
    switch (w->kind) {
    case KN_WINDOW_WITHIN: from = kn_period_before(zone, now, w->a) + 1; break;
    case KN_WINDOW_BETWEEN:
        from = kn_period_before(zone, now, w->a) + 1;
        to = kn_period_before(zone, now, w->b) + 1;
        break;
    case KN_WINDOW_DATES:
        from = cond->source->rows->from_us;
        to = cond->source->rows->to_us;
        break;
    case KN_WINDOW_DURING: kn_during_range(zone, now, w->during, &from, &to); break;
    default: break;
    }
    cond->from_us = from;
    cond->to_us = to < now + 1 ? to : now + 1;
}

/* The window in the high parts of a part's times. */
static void make_span(const struct kn_bulk_cond *cond, const struct kn_table_part *part,
                      struct kn_bulk_part *ret)
{
    int64_t first = 0, last = UINT32_MAX;
    struct kn_lane_span *span = &ret->span;
    *span = (struct kn_lane_span){.edges = {UINT32_MAX, UINT32_MAX}};
    if (cond->to_us <= part->base_us || cond->from_us > part->last_us ||
        cond->from_us >= cond->to_us) {
        ret->never = true;
        return;
    }
    uint64_t low = (UINT64_C(1) << part->shift) - 1;
    uint64_t end = (uint64_t)cond->to_us - (uint64_t)part->base_us;
    if (cond->to_us <= part->last_us && end >> part->shift <= UINT32_MAX) {
        last = (int64_t)(end >> part->shift) - 1;
        span->edges[1] = end & low ? (uint32_t)(last + 1) : UINT32_MAX;
    }
    if (cond->from_us > part->base_us) {
        uint64_t start = (uint64_t)cond->from_us - (uint64_t)part->base_us;
        if (start >> part->shift > UINT32_MAX) {
            ret->never = true;
            return;
        }
        first = (int64_t)(start >> part->shift) + (start & low ? 1 : 0);
        span->edges[0] = start & low ? (uint32_t)(first - 1) : UINT32_MAX;
    }
    ret->whole = first == 0 && last == UINT32_MAX;
    span->none = first > last;
    span->first = span->none ? 1 : (uint32_t)first;
    span->last = span->none ? 0 : (uint32_t)last;
}

/* ---- conditions on rows ---- */

/* The excluded sources as a test on "#source": one of these numbers. */
static enum kn_rc make_excluded(struct kn_bulk_plan *plan, const struct kn_crows *rows,
                                const struct kn_table_part *part, const struct kn_bulk_where **ret)
{
    kn_dec *numbers = kn_arena_alloc(plan->arena, rows->excluded_count * sizeof *numbers);
    struct kn_test *test = kn_arena_zero(plan->arena, 1, sizeof *test);
    if (!numbers || !test) {
        return kn_bulk_nomem(plan);
    }
    for (uint32_t i = 0; i < rows->excluded_count; i++) {
        numbers[i] = kn_dec_int(rows->excluded[i]);
    }
    test->op = KN_OP_ONE_OF;
    test->numbers = numbers;
    test->number_count = rows->excluded_count;
    return kn_bulk_leaf_make(plan, part, test, KN_STR("#source"), nothing, ret);
}

static bool chain_is_odd(const struct kn_chain *chain)
{
    return chain->reducer == KN_REDUCE_MODE || chain->reducer == KN_REDUCE_UNIQUE;
}

static enum kn_rc make_table(struct kn_bulk_plan *plan, struct kn_bulk_cond *cond)
{
    const struct kn_chain *chain = cond->source->rows->chain;
    bool order = chain->kind == KN_FROM_ORDER;
    return make_parts(plan, cond, order ? KN_TABLE_ORDER : KN_TABLE_EVENT,
                      order ? KN_STR_EMPTY : chain->name);
}

static enum kn_rc make_row_parts(struct kn_bulk_plan *plan, struct kn_bulk_cond *cond, bool *odd)
{
    const struct kn_crows *rows = cond->source->rows;
    KN_TRY(make_table(plan, cond));
    resolve_window(plan, cond);
    *odd = chain_is_odd(rows->chain);
    for (uint32_t i = 0; i < cond->table->part_count && !*odd; i++) {
        const struct kn_table_part *part = cond->table->parts[i];
        struct kn_bulk_part *how = &cond->parts[i];
        make_span(cond, part, how);
        if (rows->where) {
            KN_TRY(kn_bulk_where_make(plan, part, rows->where, &how->where, odd));
        }
        if (rows->excluded_count > 0) {
            KN_TRY(make_excluded(plan, rows, part, &how->excluded));
        }
    }
    return KN_OK;
}

/* count() whose answer only depends on whether there is a row. */
static bool is_existence(const struct kn_test *test, bool *ret_inverted)
{
    if (test->number_count != 1 || test->numbers[0] > kn_dec_int(1)) {
        return false;
    }
    bool none = kn_test_number(test, kn_dec_int(0)), one = kn_test_number(test, kn_dec_int(1));
    *ret_inverted = none;
    return none != one && one == kn_test_number(test, kn_dec_int(2));
}

/* sum >= bound or sum < bound says the same as the test. */
static void make_bound(struct kn_bulk_cond *cond)
{
    const struct kn_test *test = cond->test;
    bool ordered = test->op >= KN_OP_ABOVE && test->op <= KN_OP_AT_MOST;
    if (!ordered || test->number_count != 1) {
        return;
    }
    kn_dec c = test->numbers[0], floor = c / cond->unit;
    floor -= floor * cond->unit > c;
    bool above_floor = test->op == KN_OP_ABOVE || test->op == KN_OP_AT_MOST;
    kn_dec bound = above_floor || floor * cond->unit != c ? floor + 1 : floor;
    bound = bound > INT64_MAX ? INT64_MAX : bound < INT64_MIN ? INT64_MIN : bound;
    cond->has_bound = true;
    cond->bound_below = test->op == KN_OP_BELOW || test->op == KN_OP_AT_MOST;
    cond->bound = (int64_t)bound;
}

static bool order_answer(enum kn_op op, int cmp)
{
    switch (op) {
    case KN_OP_ABOVE: return cmp > 0;
    case KN_OP_AT_LEAST: return cmp >= 0;
    case KN_OP_BELOW: return cmp < 0;
    case KN_OP_AT_MOST: return cmp <= 0;
    case KN_OP_DIFFERS:
    case KN_OP_NONE_OF: return cmp != 0;
    case KN_OP_EXISTS: return true;
    case KN_OP_ABSENT: return false;
    default: return cmp == 0;
    }
}

/* min and max: values below, at and above the bound, as three conditions on rows. */
static enum kn_rc make_sides(struct kn_bulk_plan *plan, struct kn_bulk_cond *cond,
                             struct kn_str path)
{
    static const enum kn_op ops[3] = {KN_OP_BELOW, KN_OP_EQUALS, KN_OP_ABOVE};
    const struct kn_chain *chain = cond->source->rows->chain;
    struct kn_test *tests = kn_arena_zero(plan->arena, 3, sizeof *tests);
    kn_dec *zero = kn_arena_zero(plan->arena, 1, sizeof *zero);
    struct kn_str *empty = kn_arena_zero(plan->arena, 1, sizeof *empty);
    if (!tests || !zero || !empty) {
        return kn_bulk_nomem(plan);
    }
    bool bound = cond->test->number_count + cond->test->string_count > 0;
    bool strings = chain->cast == KN_CAST_STRING;
    for (int side = 0; side < 3; side++) {
        tests[side].op = ops[side];
        tests[side].numbers = bound ? cond->test->numbers : zero;
        tests[side].strings = bound ? cond->test->strings : empty;
        tests[side].number_count = !strings;
        tests[side].string_count = strings;
    }
    for (uint32_t i = 0; i < cond->table->part_count; i++) {
        for (int side = 0; side < 3; side++) {
            KN_TRY(kn_bulk_leaf_make(plan, cond->table->parts[i], &tests[side], path, nothing,
                                     &cond->parts[i].sides[side]));
        }
    }
    cond->by_side[0] = cond->test->op == KN_OP_ABSENT;
    for (int sides = 1; sides < 8; sides++) {
        int low = sides & 1 ? -1 : sides & 2 ? 0 : 1, high = sides & 4 ? 1 : sides & 2 ? 0 : -1;
        cond->by_side[sides] =
            order_answer(cond->test->op, chain->reducer == KN_REDUCE_MIN ? low : high);
    }
    return KN_OK;
}

/* One bound, and an order or equality with it. */
static bool is_simple_extreme(const struct kn_test *test)
{
    bool none = test->op == KN_OP_EXISTS || test->op == KN_OP_ABSENT;
    bool set = test->op == KN_OP_EQUALS || test->op == KN_OP_DIFFERS || test->op == KN_OP_ONE_OF ||
               test->op == KN_OP_NONE_OF || (test->op >= KN_OP_ABOVE && test->op <= KN_OP_AT_MOST);
    return none || (set && test->number_count + test->string_count == 1);
}

static enum kn_rc make_ends(struct kn_bulk_plan *plan, struct kn_bulk_cond *cond,
                            struct kn_str path)
{
    for (uint32_t i = 0; i < cond->table->part_count; i++) {
        KN_TRY(kn_bulk_leaf_make(plan, cond->table->parts[i], cond->test, path, nothing,
                                 &cond->parts[i].sides[0]));
    }
    return KN_OK;
}

static void find_columns(struct kn_bulk_cond *cond, struct kn_str path, bool *odd)
{
    for (uint32_t i = 0; i < cond->table->part_count; i++) {
        const struct kn_table_part *part = cond->table->parts[i];
        for (uint32_t k = 0; k < part->column_count; k++) {
            *odd |= part->columns[k].level > 0 && kn_str_eq(part->columns[k].path, path);
        }
        cond->parts[i].column = kn_part_column(part, path, 0);
    }
}

static enum kn_rc make_reducer(struct kn_bulk_plan *plan, struct kn_bulk_cond *cond, bool *odd)
{
    const struct kn_chain *chain = cond->source->rows->chain;
    struct kn_str path = KN_STR_EMPTY;
    int64_t next = INT64_MAX;
    cond->nothing = kn_test_values(cond->test, NULL, 0, plan->options->now_us, &next);
    if (chain->reducer != KN_REDUCE_COUNT && chain->reducer != KN_REDUCE_DAYS) {
        path = kn_bulk_field_path(plan->arena, cond->table->kind, chain->field.context,
                                  chain->field.path);
        if (!path.p) {
            return kn_bulk_nomem(plan);
        }
    }
    for (uint32_t i = 0; i < sizeof cond->by_number; i++) {
        cond->by_number[i] = kn_test_number(cond->test, kn_dec_int(i));
    }
    switch (chain->reducer) {
    case KN_REDUCE_COUNT:
        cond->fold = is_existence(cond->test, &cond->inverted) ? KN_FOLD_EXISTS : KN_FOLD_COUNT;
        return KN_OK;
    case KN_REDUCE_DAYS: cond->fold = KN_FOLD_DAYS; return kn_bulk_days_make(plan, cond, odd);
    case KN_REDUCE_FIRST: cond->fold = KN_FOLD_FIRST; return make_ends(plan, cond, path);
    case KN_REDUCE_LAST: cond->fold = KN_FOLD_LAST; return make_ends(plan, cond, path);
    case KN_REDUCE_MIN:
    case KN_REDUCE_MAX:
        cond->fold = KN_FOLD_EXTREME;
        *odd = !is_simple_extreme(cond->test);
        return *odd ? KN_OK : make_sides(plan, cond, path);
    case KN_REDUCE_SUM:
    case KN_REDUCE_AVG:
        cond->fold = chain->reducer == KN_REDUCE_SUM ? KN_FOLD_SUM : KN_FOLD_MEAN;
        find_columns(cond, path, odd);
        KN_TRY(*odd ? KN_OK : kn_bulk_amounts(plan, cond, odd));
        make_bound(cond);
        return KN_OK;
    default:
        cond->fold = chain->reducer == KN_REDUCE_UNIQUE_COUNT ? KN_FOLD_UNIQUE : KN_FOLD_MOST;
        find_columns(cond, path, odd);
        return *odd ? KN_OK : kn_bulk_ids(plan, cond, odd);
    }
}

/* ---- walks ---- */

struct walk_maker {
    struct kn_walk_table *tables;
    uint32_t count;
    bool profile;
};

static void take_table(void *arg, const struct kn_chain *chain, const struct kn_chain *owner,
                       const struct kn_node *any)
{
    struct walk_maker *m = arg;
    (void)owner;
    (void)any;
    struct kn_walk_table table = {KN_TABLE_EVENT, chain->name};
    if (chain->kind == KN_FROM_ORDER) {
        table = (struct kn_walk_table){KN_TABLE_ORDER, KN_STR_EMPTY};
    } else if (chain->kind != KN_FROM_EVENT) {
        m->profile |= chain->kind == KN_FROM_TRAIT || chain->kind == KN_FROM_CONSENT ||
                      chain->kind == KN_FROM_IDENTIFIER;
        return;
    }
    for (uint32_t i = 0; i < m->count; i++) {
        if (m->tables[i].kind == table.kind && kn_str_eq(m->tables[i].name, table.name)) {
            return;
        }
    }
    m->tables[m->count++] = table;
}

static enum kn_rc make_walk(struct kn_bulk_plan *plan, struct kn_bulk_cond *cond)
{
    struct walk_maker m = {kn_arena_zero(plan->arena, KN_EVAL_EVENTS_MAX + 1, sizeof *m.tables), 0,
                           false};
    struct kn_query query = {KN_QUERY_SEGMENT, cond->source->node, NULL};
    if (!m.tables) {
        return kn_bulk_nomem(plan);
    }
    kn_query_each_chain(&query, take_table, &m);
    cond->walk_profile = -1;
    if (m.profile) {
        cond->walk_profile = (int32_t)m.count;
        m.tables[m.count++] = (struct kn_walk_table){KN_TABLE_PROFILE, KN_STR_EMPTY};
    }
    cond->fold = KN_FOLD_WALK;
    cond->walk = m.tables;
    cond->walk_count = m.count;
    if (!plan->only) {
        plan->only =
            kn_arena_zero(plan->arena, (size_t)plan->chunks * KN_BULK_WORDS, sizeof *plan->only);
    }
    return plan->only ? KN_OK : kn_bulk_nomem(plan);
}

/* ---- next moments ---- */

static bool by_time(const struct kn_cnode *node)
{
    if (node->node->kind == KN_NODE_COMPARE) {
        return node->test.by_time;
    }
    for (uint32_t i = 0; i < node->node->kid_count; i++) {
        if (by_time(&node->kids[i])) {
            return true;
        }
    }
    return false;
}

/* Where moments are more than rows that enter and leave after fixed times, the evaluator says them.
 */
static bool has_odd_moments(const struct kn_bulk_plan *plan, const struct kn_bulk_cond *cond)
{
    const struct kn_crows *rows = cond->source->rows;
    if (!plan->has_next || cond->test->by_time || !rows) {
        return plan->has_next && cond->test->by_time;
    }
    const struct kn_window *w = &rows->chain->window;
    bool slides = w->kind == KN_WINDOW_WITHIN || w->kind == KN_WINDOW_BETWEEN;
    return w->kind == KN_WINDOW_DURING || (slides && !kn_period_is_fixed(w->a)) ||
           (w->kind == KN_WINDOW_BETWEEN && !kn_period_is_fixed(w->b)) ||
           (rows->where && by_time(rows->where));
}

/* The condition again, over all rows that have yet to enter or leave. */
static enum kn_rc make_moments(struct kn_bulk_plan *plan, struct kn_bulk_cond *cond)
{
    const struct kn_window *w = &cond->source->rows->chain->window;
    struct kn_bulk_cond *m = kn_arena_alloc(plan->arena, sizeof *m);
    uint32_t count = cond->table->part_count;
    struct kn_bulk_part *parts = kn_arena_alloc(plan->arena, (count + 1) * sizeof *parts);
    if (!m || !parts) {
        return kn_bulk_nomem(plan);
    }
    *m = *cond;
    m->parts = parts;
    m->enter = w->kind == KN_WINDOW_BETWEEN ? kn_period_fixed_us(w->b) : 0;
    m->leave = INT64_MAX;
    m->to_us = w->kind == KN_WINDOW_DATES ? cond->source->rows->to_us : INT64_MAX;
    if (w->kind == KN_WINDOW_WITHIN || w->kind == KN_WINDOW_BETWEEN) {
        m->leave = kn_period_fixed_us(w->a);
    } else {
        int64_t soon = plan->options->now_us + 1;
        m->from_us = cond->from_us > soon ? cond->from_us : soon;
    }
    for (uint32_t i = 0; i < count; i++) {
        parts[i] = cond->parts[i];
        parts[i].never = false;
        make_span(m, cond->table->parts[i], &parts[i]);
    }
    cond->moments = m;
    return KN_OK;
}

/* ---- conditions on the profile ---- */

static enum kn_rc make_profile(struct kn_bulk_plan *plan, struct kn_bulk_cond *cond)
{
    const struct kn_chain *chain = cond->source->node->chain;
    struct kn_path path = {&chain->name, 1};
    struct kn_value absent = nothing;
    int64_t next = INT64_MAX;
    const char *section = chain->kind == KN_FROM_CONSENT ? "k" : "i";
    if (chain->kind == KN_FROM_TRAIT) {
        section = "t";
        path = chain->path;
    } else if (chain->kind == KN_FROM_CONSENT) {
        absent = (struct kn_value){KN_VALUE_STRING, KN_STR("unknown")};
    }
    struct kn_str text = kn_bulk_path_join(plan->arena, section, path);
    if (!text.p) {
        return kn_bulk_nomem(plan);
    }
    /* A profile without a row is answered like one without a value: where that is yes, ask who says
     * no. */
    cond->fold = KN_FOLD_EXISTS;
    cond->inverted = kn_test_value(cond->test, absent, plan->options->now_us, &next);
    KN_TRY(make_parts(plan, cond, KN_TABLE_PROFILE, KN_STR_EMPTY));
    for (uint32_t i = 0; i < cond->table->part_count; i++) {
        const struct kn_bulk_where **where = &cond->parts[i].where;
        cond->parts[i].whole = true;
        KN_TRY(kn_bulk_leaf_make(plan, cond->table->parts[i], cond->test, text, absent, where));
        KN_TRY(cond->inverted ? kn_bulk_where_not(plan, where) : KN_OK);
    }
    return KN_OK;
}

static void make_set(struct kn_bulk_plan *plan, const struct kn_cnode *source,
                     struct kn_bulk_node *node)
{
    const struct kn_bulk_options *o = plan->options;
    const struct kn_chain *chain = source->node->chain;
    struct kn_str key = chain->kind == KN_FROM_SEGMENT ? chain->name : chain->path.keys[0];
    struct kn_value yes = {KN_VALUE_TRUE, KN_STR_EMPTY}, no = {KN_VALUE_FALSE, KN_STR_EMPTY};
    int64_t next = INT64_MAX;
    node->kind = KN_BULK_SET;
    node->members = o->members ? o->members(o->context, key) : NULL;
    node->inside = kn_test_value(&source->test, yes, o->now_us, &next);
    node->outside = kn_test_value(&source->test, no, o->now_us, &next);
}

static bool is_set(const struct kn_bulk_plan *plan, const struct kn_chain *chain)
{
    const struct kn_bulk_options *o = plan->options;
    return chain->kind == KN_FROM_SEGMENT ||
           (chain->kind == KN_FROM_TRAIT && chain->path.count == 1 && o->is_segment &&
            o->is_segment(o->context, chain->path.keys[0]));
}

static bool is_computed(const struct kn_bulk_plan *plan, const struct kn_chain *chain)
{
    const struct kn_bulk_options *o = plan->options;
    return chain->kind == KN_FROM_TRAIT && o->is_computed &&
           o->is_computed(o->context, chain->path.keys[0]);
}

static enum kn_rc make_cond(struct kn_bulk_plan *plan, const struct kn_cnode *source,
                            struct kn_bulk_node *node)
{
    if (is_set(plan, source->node->chain)) {
        make_set(plan, source, node);
        return KN_OK;
    }
    struct kn_bulk_cond *cond = kn_arena_zero(plan->arena, 1, sizeof *cond);
    if (!cond) {
        return kn_bulk_nomem(plan);
    }
    node->kind = KN_BULK_COND;
    node->cond = cond;
    cond->source = source;
    cond->test = &source->test;
    cond->unit = 1;
    bool odd = has_odd_moments(plan, cond);
    if (is_computed(plan, source->node->chain)) {
        odd = cond->each = true;
        KN_TRY(make_parts(plan, cond, KN_TABLE_PROFILE, KN_STR_EMPTY));
    } else if (!source->rows) {
        KN_TRY(make_profile(plan, cond));
    } else if (!odd) {
        KN_TRY(make_row_parts(plan, cond, &odd));
        KN_TRY(odd ? KN_OK : make_reducer(plan, cond, &odd));
        KN_TRY(!odd && plan->has_next ? make_moments(plan, cond) : KN_OK);
    } else {
        KN_TRY(make_table(plan, cond));
    }
    KN_TRY(odd ? make_walk(plan, cond) : KN_OK);
    node->cost = 1 + table_rows(cond->table) * (odd ? 64 : 1);
    return KN_OK;
}

/* ---- the tree ---- */

static int by_cost(const void *a, const void *b)
{
    const struct kn_bulk_node *x = *(struct kn_bulk_node *const *)a;
    const struct kn_bulk_node *y = *(struct kn_bulk_node *const *)b;
    return (x->cost > y->cost) - (x->cost < y->cost);
}

static enum kn_rc make_node(struct kn_bulk_plan *plan, const struct kn_cnode *source,
                            struct kn_bulk_node **ret)
{
    struct kn_bulk_node *node = kn_arena_zero(plan->arena, 1, sizeof *node);
    if (!node) {
        return kn_bulk_nomem(plan);
    }
    *ret = node;
    if (source->node->kind == KN_NODE_COMPARE) {
        return make_cond(plan, source, node);
    }
    node->kind = source->node->kind == KN_NODE_AND  ? KN_BULK_AND
                 : source->node->kind == KN_NODE_OR ? KN_BULK_OR
                                                    : KN_BULK_NOT;
    node->kid_count = source->node->kid_count;
    node->kids = kn_arena_zero(plan->arena, node->kid_count, sizeof(struct kn_bulk_node *));
    if (!node->kids) {
        return kn_bulk_nomem(plan);
    }
    for (uint32_t i = 0; i < node->kid_count; i++) {
        KN_TRY(make_node(plan, &source->kids[i], &node->kids[i]));
        node->cost += node->kids[i]->cost;
    }
    qsort(node->kids, node->kid_count, sizeof(struct kn_bulk_node *), by_cost);
    if (node->kind == KN_BULK_NOT && node->kids[0]->kind == KN_BULK_SET) {
        *ret = node->kids[0]; /* a set with its answers exchanged */
        (*ret)->inside = !(*ret)->inside;
        (*ret)->outside = !(*ret)->outside;
    }
    return KN_OK;
}

enum kn_rc kn_bulk_plan_make(struct kn_bulk_plan *plan)
{
    plan->chunks = (plan->pin->ordinal_end + KN_BULK_CHUNK - 1) / KN_BULK_CHUNK;
    KN_TRY(make_node(plan, plan->definition->root, &plan->root));
    return kn_bulk_strays(plan);
}
