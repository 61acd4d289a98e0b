#include "segment/new_row.h"

#include "format/number.h"

static bool is_event(const struct kn_chain *chain, struct kn_str event)
{
    return chain->kind == KN_FROM_EVENT && kn_str_eq(chain->name, event);
}

/* Whether the event stands anywhere below. */
static bool mentions(const struct kn_node *node, struct kn_str event)
{
    const struct kn_chain *chain = node->chain;
    for (uint32_t i = 0; i < node->kid_count; i++) {
        if (mentions(node->kids[i], event)) {
            return true;
        }
    }
    return chain && (is_event(chain, event) || (chain->where && mentions(chain->where, event)));
}

/* ---- effect ---- */

static bool only_grows(const struct kn_chain *chain)
{
    return chain->reducer == KN_REDUCE_COUNT || chain->reducer == KN_REDUCE_DAYS ||
           chain->reducer == KN_REDUCE_UNIQUE_COUNT;
}

static bool is_zero(const struct kn_literal *literal)
{
    kn_dec number;
    return kn_dec_parse(literal->text, false, &number) && number == 0;
}

/* Of a comparison of a whole number that only grows, and is never below 0. */
static enum kn_row_effect effect_of_growth(const struct kn_node *node)
{
    if (node->value_count != 1 || node->values[0].kind != KN_LITERAL_NUMBER) {
        return KN_ROW_RAISES_OR_LOWERS;
    }
    switch (node->op) {
    case KN_OP_ABOVE:
    case KN_OP_AT_LEAST: return KN_ROW_RAISES;
    case KN_OP_BELOW:
    case KN_OP_AT_MOST: return KN_ROW_LOWERS;
    case KN_OP_EQUALS: return is_zero(node->values) ? KN_ROW_LOWERS : KN_ROW_RAISES_OR_LOWERS;
    case KN_OP_DIFFERS: return is_zero(node->values) ? KN_ROW_RAISES : KN_ROW_RAISES_OR_LOWERS;
    default: return KN_ROW_RAISES_OR_LOWERS;
    }
}

static bool compares(const struct kn_node *node, enum kn_op strict, enum kn_op loose)
{
    return node->value_count == 1 && node->values[0].kind == KN_LITERAL_NUMBER &&
           (node->op == strict || node->op == loose);
}

/* The largest and the smallest value: of nothing there is none, and that compares with nothing. */
static bool extreme_rises(const struct kn_node *node)
{
    const struct kn_chain *chain = node->chain;
    return chain->cast == KN_CAST_NUMBER &&
           ((chain->reducer == KN_REDUCE_MAX && compares(node, KN_OP_ABOVE, KN_OP_AT_LEAST)) ||
            (chain->reducer == KN_REDUCE_MIN && compares(node, KN_OP_BELOW, KN_OP_AT_MOST)));
}

/* What is asked about, and what is known of the row. */
struct asked {
    struct kn_str event;
    bool sums, edges;              /* these rules may be used */
    bool equal;                    /* the row has one of the texts */
    const struct kn_field *summed; /* found; */
    const struct kn_node *edge;
    bool other; /* ... and another one: no rule */
};

static enum kn_row_effect effect_of_sum(const struct kn_node *node, struct asked *a)
{
    const struct kn_field *field = &node->chain->field;
    a->other = a->other || (a->summed && (a->summed->context != field->context ||
                                          !kn_path_equal(a->summed->path, field->path)));
    a->summed = field;
    return compares(node, KN_OP_ABOVE, KN_OP_AT_LEAST)  ? KN_ROW_RAISES
           : compares(node, KN_OP_BELOW, KN_OP_AT_MOST) ? KN_ROW_LOWERS
                                                        : KN_ROW_RAISES_OR_LOWERS;
}

static bool has_texts(const struct kn_node *node)
{
    for (uint32_t i = 0; i < node->value_count; i++) {
        if (node->values[i].kind != KN_LITERAL_STRING) {
            return false;
        }
    }
    return node->value_count > 0 && (node->op == KN_OP_EQUALS || node->op == KN_OP_ONE_OF);
}

/* The row is the first or last one of its window, now or later, or it is not. */
static enum kn_row_effect effect_of_edge(const struct kn_node *node, struct asked *a)
{
    a->other = a->other || a->edge;
    a->edge = node;
    return a->equal ? KN_ROW_RAISES : KN_ROW_LOWERS;
}

static enum kn_row_effect effect_of_leaf(const struct kn_node *node, struct asked *a)
{
    const struct kn_chain *chain = node->chain;
    bool edge = chain->reducer == KN_REDUCE_FIRST || chain->reducer == KN_REDUCE_LAST;
    if (only_grows(chain)) {
        return effect_of_growth(node);
    }
    if (extreme_rises(node)) {
        return KN_ROW_RAISES;
    }
    if (a->sums && chain->reducer == KN_REDUCE_SUM) {
        return effect_of_sum(node, a);
    }
    return a->edges && edge && has_texts(node) ? effect_of_edge(node, a) : KN_ROW_RAISES_OR_LOWERS;
}

static enum kn_row_effect effect_of_node(const struct kn_node *node, struct asked *a)
{
    unsigned effect = KN_ROW_NO_EFFECT;
    for (uint32_t i = 0; i < node->kid_count; i++) {
        effect |= effect_of_node(node->kids[i], a);
    }
    if (node->kind == KN_NODE_NOT) {
        return (enum kn_row_effect)((effect & 1) << 1 | effect >> 1);
    }
    const struct kn_chain *chain = node->chain;
    if (!chain) {
        return (enum kn_row_effect)effect;
    }
    if (chain->where && mentions(chain->where, a->event)) {
        return KN_ROW_RAISES_OR_LOWERS;
    }
    return is_event(chain, a->event) ? effect_of_leaf(node, a) : KN_ROW_NO_EFFECT;
}

enum kn_row_effect kn_row_effect(const struct kn_query *query, struct kn_str event)
{
    struct asked asked = {.event = event};
    if (query->form == KN_QUERY_SEGMENT) {
        return effect_of_node(query->root, &asked);
    }
    const struct kn_chain *chain = query->chain;
    bool reads = is_event(chain, event) || (chain->where && mentions(chain->where, event));
    return reads ? KN_ROW_RAISES_OR_LOWERS : KN_ROW_NO_EFFECT;
}

struct kn_row_rule kn_row_rule(const struct kn_query *query, struct kn_str event)
{
    struct kn_row_rule rule = {.effect = KN_ROW_RAISES_OR_LOWERS};
    struct asked sums = {.event = event, .sums = true};
    struct asked equal = {.event = event, .edges = true, .equal = true};
    struct asked other = {.event = event, .edges = true};
    if (query->form != KN_QUERY_SEGMENT) {
        return rule;
    }
    enum kn_row_effect effect = effect_of_node(query->root, &sums);
    if (sums.summed && !sums.other && effect != KN_ROW_RAISES_OR_LOWERS) {
        rule.summed = sums.summed;
        rule.effect = effect;
        return rule;
    }
    effect = effect_of_node(query->root, &equal);
    if (equal.edge && !equal.other) {
        rule.edge = equal.edge;
        rule.effect = effect;
        rule.other = effect_of_node(query->root, &other);
    }
    return rule;
}

/* ---- needs ---- */

static bool is_need(const struct kn_node *node)
{
    if (node->kind != KN_NODE_COMPARE || node->chain->parent ||
        (node->chain->kind != KN_FROM_PROPERTY && node->chain->kind != KN_FROM_CONTEXT)) {
        return false;
    }
    return has_texts(node);
}

/* One that every row a where() picks must meet, or NULL. */
static const struct kn_node *need_of(const struct kn_node *where)
{
    if (!where || where->kind != KN_NODE_AND) {
        return where && is_need(where) ? where : NULL;
    }
    const struct kn_node *found = NULL;
    for (uint32_t i = 0; i < where->kid_count && !found; i++) {
        found = need_of(where->kids[i]);
    }
    return found;
}

struct needs {
    struct kn_str event;
    const struct kn_node **all;
    uint32_t count;
    bool any_row;
};

static void add_need(void *arg, const struct kn_chain *chain, const struct kn_chain *owner,
                     const struct kn_node *any)
{
    struct needs *needs = arg;
    (void)any;
    if (!is_event(chain, needs->event)) {
        return;
    }
    const struct kn_node *need = owner ? NULL : need_of(chain->where);
    if (need) {
        needs->all[needs->count++] = need;
    } else {
        needs->any_row = true;
    }
}

uint32_t kn_row_needs(const struct kn_query *query, struct kn_str event,
                      const struct kn_node *ret[KN_QUERY_CONDITIONS_MAX])
{
    struct needs needs = {.event = event, .all = ret};
    kn_query_each_chain(query, add_need, &needs);
    return needs.any_row ? 0 : needs.count;
}

/* ---- gates ---- */

static struct kn_str gate_of(const struct kn_node *node)
{
    struct kn_str found = KN_STR_EMPTY;
    if (node->kind == KN_NODE_COMPARE) {
        bool member = node->chain->kind == KN_FROM_SEGMENT && node->op == KN_OP_MEMBER;
        return member ? node->chain->name : found;
    }
    for (uint32_t i = 0; node->kind == KN_NODE_AND && i < node->kid_count && found.len == 0; i++) {
        found = gate_of(node->kids[i]);
    }
    return found;
}

struct kn_str kn_query_gate(const struct kn_query *query)
{
    return query->form == KN_QUERY_SEGMENT ? gate_of(query->root) : KN_STR_EMPTY;
}
