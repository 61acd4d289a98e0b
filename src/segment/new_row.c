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

static enum kn_row_effect effect_of_node(const struct kn_node *node, struct kn_str event)
{
    unsigned effect = KN_ROW_NO_EFFECT;
    for (uint32_t i = 0; i < node->kid_count; i++) {
        effect |= effect_of_node(node->kids[i], event);
    }
    if (node->kind == KN_NODE_NOT) {
        return (enum kn_row_effect)((effect & 1) << 1 | effect >> 1);
    }
    const struct kn_chain *chain = node->chain;
    if (!chain) {
        return (enum kn_row_effect)effect;
    }
    if (chain->where && mentions(chain->where, event)) {
        return KN_ROW_RAISES_OR_LOWERS;
    }
    if (!is_event(chain, event)) {
        return KN_ROW_NO_EFFECT;
    }
    return only_grows(chain) ? effect_of_growth(node) : KN_ROW_RAISES_OR_LOWERS;
}

enum kn_row_effect kn_row_effect(const struct kn_query *query, struct kn_str event)
{
    if (query->form == KN_QUERY_SEGMENT) {
        return effect_of_node(query->root, event);
    }
    const struct kn_chain *chain = query->chain;
    bool reads = is_event(chain, event) || (chain->where && mentions(chain->where, event));
    return reads ? KN_ROW_RAISES_OR_LOWERS : KN_ROW_NO_EFFECT;
}

/* ---- needs ---- */

static bool is_need(const struct kn_node *node)
{
    if (node->kind != KN_NODE_COMPARE || node->chain->parent ||
        (node->chain->kind != KN_FROM_PROPERTY && node->chain->kind != KN_FROM_CONTEXT) ||
        (node->op != KN_OP_EQUALS && node->op != KN_OP_ONE_OF)) {
        return false;
    }
    for (uint32_t i = 0; i < node->value_count; i++) {
        if (node->values[i].kind != KN_LITERAL_STRING) {
            return false;
        }
    }
    return node->value_count > 0;
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
