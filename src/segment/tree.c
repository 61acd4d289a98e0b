/* Equality and walks over trees. */
#include "segment/query.h"

bool kn_path_equal(struct kn_path a, struct kn_path b)
{
    if (a.count != b.count) {
        return false;
    }
    for (uint32_t i = 0; i < a.count; i++) {
        if (!kn_str_eq(a.keys[i], b.keys[i])) {
            return false;
        }
    }
    return true;
}

static bool period_equal(struct kn_period a, struct kn_period b)
{
    return a.count == b.count && a.unit == b.unit;
}

static bool window_equal(const struct kn_window *a, const struct kn_window *b)
{
    return a->kind == b->kind && a->during == b->during && period_equal(a->a, b->a) &&
           period_equal(a->b, b->b) && kn_str_eq(a->from, b->from) && kn_str_eq(a->to, b->to);
}

static bool node_equal(const struct kn_node *a, const struct kn_node *b);

static bool chain_equal(const struct kn_chain *a, const struct kn_chain *b)
{
    if (a->kind != b->kind || !kn_str_eq(a->name, b->name) || !kn_path_equal(a->path, b->path) ||
        a->parent != b->parent || a->excluded_count != b->excluded_count ||
        !window_equal(&a->window, &b->window) || a->reducer != b->reducer ||
        a->field.context != b->field.context || !kn_path_equal(a->field.path, b->field.path) ||
        a->cast != b->cast || a->mode_min != b->mode_min || !a->where != !b->where) {
        return false;
    }
    for (uint32_t i = 0; i < a->excluded_count; i++) {
        if (!kn_str_eq(a->excluded[i], b->excluded[i])) {
            return false;
        }
    }
    return !a->where || node_equal(a->where, b->where);
}

static bool node_equal(const struct kn_node *a, const struct kn_node *b)
{
    if (a->kind != b->kind || a->op != b->op || a->kid_count != b->kid_count ||
        !kn_path_equal(a->array, b->array) || a->value_count != b->value_count ||
        !period_equal(a->period, b->period) || !a->chain != !b->chain) {
        return false;
    }
    for (uint32_t i = 0; i < a->kid_count; i++) {
        if (!node_equal(a->kids[i], b->kids[i])) {
            return false;
        }
    }
    for (uint32_t i = 0; i < a->value_count; i++) {
        if (a->values[i].kind != b->values[i].kind || a->values[i].truth != b->values[i].truth ||
            !kn_str_eq(a->values[i].text, b->values[i].text)) {
            return false;
        }
    }
    return !a->chain || chain_equal(a->chain, b->chain);
}

bool kn_query_equal(const struct kn_query *a, const struct kn_query *b)
{
    if (a->form != b->form) {
        return false;
    }
    return a->form == KN_QUERY_SEGMENT ? node_equal(a->root, b->root)
                                       : chain_equal(a->chain, b->chain);
}

struct walk {
    kn_chain_fn each;
    void *arg;
};

static void walk_node(const struct walk *walk, const struct kn_node *node,
                      const struct kn_chain *owner, const struct kn_node *any);

static void walk_chain(const struct walk *walk, const struct kn_chain *chain,
                       const struct kn_chain *owner, const struct kn_node *any)
{
    walk->each(walk->arg, chain, owner, any);
    if (chain->where) {
        walk_node(walk, chain->where, chain, NULL);
    }
}

static void walk_node(const struct walk *walk, const struct kn_node *node,
                      const struct kn_chain *owner, const struct kn_node *any)
{
    for (uint32_t i = 0; i < node->kid_count; i++) {
        walk_node(walk, node->kids[i], owner, node->kind == KN_NODE_ANY ? node : any);
    }
    if (node->chain) {
        walk_chain(walk, node->chain, owner, any);
    }
}

void kn_query_each_chain(const struct kn_query *query, kn_chain_fn each, void *arg)
{
    struct walk walk = {each, arg};
    if (query->form == KN_QUERY_SEGMENT) {
        walk_node(&walk, query->root, NULL, NULL);
    } else {
        walk_chain(&walk, query->chain, NULL, NULL);
    }
}
