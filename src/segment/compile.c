/* From a query to a definition. */
#include "base/assert.h"
#include "segment/eval_internal.h"

struct compiler {
    const struct kn_definition_options *options;
    struct kn_arena *arena;
    struct kn_definition *definition;
    struct kn_err *err;
    unsigned depth; /* of where() */
};

static enum kn_rc compile_node(struct compiler *c, const struct kn_node *node,
                               struct kn_cnode *ret);

static enum kn_rc no_memory(struct compiler *c)
{
    return kn_fail(c->err, KN_E_NOMEM, "no memory for a definition");
}

/* Names to numbers; a name may stand for several sources. */
static enum kn_rc compile_sources(struct compiler *c, const struct kn_chain *chain,
                                  struct kn_crows *rows)
{
    const struct kn_definition_options *options = c->options;
    size_t room = chain->excluded_count > 0 ? options->source_count : 0;
    uint32_t *numbers = kn_arena_alloc(c->arena, room * sizeof *numbers);
    if (!numbers) {
        return no_memory(c);
    }
    for (size_t i = 0; i < room; i++) {
        for (uint32_t k = 0; k < chain->excluded_count; k++) {
            if (kn_str_eq(chain->excluded[k], options->sources[i].name)) {
                numbers[rows->excluded_count++] = options->sources[i].number;
                break;
            }
        }
    }
    rows->excluded = numbers;
    return KN_OK;
}

static int64_t date_us(struct compiler *c, struct kn_str text)
{
    struct kn_date date;
    bool ok = kn_date_parse(text, &date);
    kn_assert(ok); /* the parser saw to it */
    return kn_date_utc(c->options->zone, &date);
}

/* ---- states ---- */

/* What a where() depends on, outside and inside nested events. */
struct dependence {
    const struct kn_cnode **about;
    uint32_t about_count;
    bool changing;
    uint64_t inner;
    int64_t reach_us;
};

/* At most as long as the period, calendars included. */
static int64_t longest_us(struct kn_period period)
{
    static const int64_t days[] = {31 + 1, 366 + 1};
    return kn_period_is_fixed(period)
               ? kn_period_fixed_us(period)
               : (int64_t)period.count * days[period.unit == KN_YEAR] * 86400 * 1000000;
}

static void find_dependence(struct dependence *d, const struct kn_cnode *n, int64_t reach)
{
    for (uint32_t i = 0; i < n->node->kid_count; i++) {
        find_dependence(d, &n->kids[i], reach);
    }
    if (n->node->kind != KN_NODE_COMPARE) {
        return;
    }
    if (n->rows) {
        reach += longest_us(n->rows->chain->window.a);
        d->changing = true;
        d->inner |= UINT64_C(1) << n->rows->event;
        d->reach_us = reach > d->reach_us ? reach : d->reach_us;
        if (n->rows->where) {
            find_dependence(d, n->rows->where, reach);
        }
    } else if (kn_is_about_profile(n->node->chain)) {
        d->about[d->about_count++] = n;
    } else {
        d->changing |= n->test.by_time;
    }
}

/* Counts, first and last of all rows need none: they are found by binary search. */
static bool wants_state(const struct kn_crows *rows)
{
    uint32_t reducer = rows->chain->reducer;
    return rows->where || rows->excluded_count > 0 ||
           (reducer != KN_REDUCE_COUNT && reducer != KN_REDUCE_FIRST && reducer != KN_REDUCE_LAST);
}

static enum kn_rc plan_state(struct compiler *c, struct kn_crows *rows)
{
    struct kn_definition *definition = c->definition;
    rows->state = KN_NO_STATE;
    if (c->depth > 0 || !wants_state(rows)) {
        return KN_OK;
    }
    struct dependence d = {0};
    if (rows->where) {
        d.about = kn_arena_alloc(c->arena, KN_QUERY_CONDITIONS_MAX * sizeof(struct kn_cnode *));
        if (!d.about) {
            return no_memory(c);
        }
        find_dependence(&d, rows->where, 0);
    }
    rows->about = d.about;
    rows->about_count = d.about_count;
    rows->changing = d.changing;
    rows->inner = d.inner;
    rows->reach_us = d.reach_us;
    rows->state = (int32_t)definition->state_count;
    definition->followed[definition->state_count++] = rows;
    return KN_OK;
}

static enum kn_rc compile_rows(struct compiler *c, const struct kn_chain *chain,
                               const struct kn_crows **ret)
{
    struct kn_crows *rows = kn_arena_zero(c->arena, 1, sizeof *rows);
    struct kn_cnode *where = NULL;
    if (!rows) {
        return no_memory(c);
    }
    rows->chain = chain;
    rows->event = kn_reads_event(&c->definition->reads, chain);
    KN_TRY(compile_sources(c, chain, rows));
    if (chain->window.kind == KN_WINDOW_DATES) {
        rows->from_us = date_us(c, chain->window.from);
        rows->to_us = date_us(c, chain->window.to);
    }
    if (chain->where) {
        where = kn_arena_zero(c->arena, 1, sizeof *where);
        if (!where) {
            return no_memory(c);
        }
        c->depth++;
        KN_TRY(compile_node(c, chain->where, where));
        c->depth--;
    }
    rows->where = where;
    *ret = rows;
    return plan_state(c, rows);
}

static enum kn_rc compile_node(struct compiler *c, const struct kn_node *node, struct kn_cnode *ret)
{
    ret->node = node;
    if (node->kid_count > 0) {
        struct kn_cnode *kids = kn_arena_zero(c->arena, node->kid_count, sizeof *kids);
        if (!kids) {
            return no_memory(c);
        }
        for (uint32_t i = 0; i < node->kid_count; i++) {
            KN_TRY(compile_node(c, node->kids[i], &kids[i]));
        }
        ret->kids = kids;
    }
    if (node->kind != KN_NODE_COMPARE) {
        return KN_OK;
    }
    if (kn_is_over_rows(node->chain)) {
        KN_TRY(compile_rows(c, node->chain, &ret->rows));
    }
    return kn_test_make(node, c->options->zone, c->arena, &ret->test, c->err);
}

enum kn_rc kn_definition_make(const struct kn_query *query,
                              const struct kn_definition_options *options, struct kn_arena *arena,
                              const struct kn_definition **ret, struct kn_err *err)
{
    struct kn_definition *definition = kn_arena_zero(arena, 1, sizeof *definition);
    struct kn_cnode *root = kn_arena_zero(arena, 1, sizeof *root);
    if (!definition || !root) {
        return kn_fail(err, KN_E_NOMEM, "no memory for a definition");
    }
    definition->query = query;
    definition->zone = options->zone;
    KN_TRY(kn_collect_reads(query, arena, &definition->reads, err));
    struct compiler c = {options, arena, definition, err, 0};
    if (query->form == KN_QUERY_SEGMENT) {
        KN_TRY(compile_node(&c, query->root, root));
        definition->root = root;
    } else {
        KN_TRY(compile_rows(&c, query->chain, &definition->rows));
    }
    *ret = definition;
    return KN_OK;
}

const struct kn_query *kn_definition_query(const struct kn_definition *definition)
{
    return definition->query;
}

const struct kn_reads *kn_definition_reads(const struct kn_definition *definition)
{
    return &definition->reads;
}
