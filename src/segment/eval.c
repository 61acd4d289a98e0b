/* Truth of conditions. */
#include "segment/eval.h"

#include "base/assert.h"
#include "segment/eval_internal.h"
#include "segment/words.h"

const struct kn_view_rows *kn_eval_event(struct kn_evaluation *e, uint32_t at)
{
    uint64_t bit = UINT64_C(1) << at;
    if (!(e->loaded & bit)) {
        e->rows[at] = e->view->ops->rows(e->view->self, e->definition->reads.events[at].name);
        e->loaded |= bit;
    }
    return &e->rows[at];
}

const struct kn_view_rows *kn_eval_rows(struct kn_evaluation *e, const struct kn_crows *c)
{
    return kn_eval_event(e, c->event);
}

/* ---- values of one thing ---- */

static struct kn_value truth_value(bool truth)
{
    return (struct kn_value){truth ? KN_VALUE_TRUE : KN_VALUE_FALSE, KN_STR_EMPTY};
}

static struct kn_values row_values(struct kn_evaluation *e, const struct kn_chain *chain,
                                   const struct kn_scope *scope)
{
    const struct kn_view *view = e->view;
    kn_assert(scope);
    const struct kn_scope *of = chain->parent ? scope->parent : scope;
    bool context = chain->kind == KN_FROM_CONTEXT;
    kn_assert(of);
    if (of == scope && scope->array && !context) {
        return view->ops->element(view->self, scope->rows, scope->row, *scope->array,
                                  scope->element, chain->path);
    }
    return view->ops->values(view->self, of->rows, of->row, context, chain->path);
}

struct kn_values kn_chain_values(struct kn_evaluation *e, const struct kn_chain *chain,
                                 const struct kn_scope *scope, struct kn_value *one)
{
    const struct kn_view *view = e->view;
    struct kn_values single = {one, 1};
    switch (chain->kind) {
    case KN_FROM_TRAIT: return view->ops->trait(view->self, chain->path);
    case KN_FROM_PROPERTY:
    case KN_FROM_CONTEXT: return row_values(e, chain, scope);
    case KN_FROM_SEGMENT:
        *one = truth_value(view->ops->member(view->self, chain->name));
        return single;
    case KN_FROM_CONSENT: {
        enum kn_consent_state state = view->ops->consent(view->self, chain->name);
        *one = (struct kn_value){KN_VALUE_STRING, kn_str_c(kn_consent_words[state])};
        return single;
    }
    default:
        kn_assert(chain->kind == KN_FROM_IDENTIFIER);
        *one = truth_value(true);
        single.count = view->ops->identifier(view->self, chain->name);
        return single;
    }
}

/* ---- events ---- */

static bool is_count(const struct kn_cnode *n)
{
    return n->rows->chain->reducer == KN_REDUCE_COUNT;
}

/* count() >= n and > n of an event inside where() hold as soon as reached; all else waits. */
static struct kn_outcome nested_outcome(const struct kn_cnode *n, const struct kn_selection *s,
                                        struct kn_outcome o)
{
    bool rises = is_count(n) && (n->test.op == KN_OP_AT_LEAST || n->test.op == KN_OP_ABOVE);
    if (!s->waiting) {
        return o;
    }
    if (rises && o.truth == KN_YES) {
        return o;
    }
    int64_t next = s->deadline_us + 1;
    if (rises) {
        uint32_t row = s->end;
        /* Events dated in the future, and rows inside that time decides. */
        int64_t entry = row < s->rows->count ? s->rows->us[row] : INT64_MAX;
        next = kn_sooner(next, kn_sooner(entry, s->next_us));
    }
    return (struct kn_outcome){KN_UNDECIDED, next};
}

static struct kn_outcome rows_outcome(struct kn_evaluation *e, const struct kn_cnode *n,
                                      const struct kn_scope *scope)
{
    struct kn_selection s;
    struct kn_result result;
    bool nested = n->rows->chain->window.kind == KN_WINDOW_PARENT;
    bool followed = e->state && !nested && kn_follow(e, n->rows, &s, &result);
    if (!followed) {
        kn_select(e, n->rows, scope, &s);
    }
    struct kn_outcome o = {KN_NO, s.next_us};
    if (is_count(n)) {
        o.truth = kn_test_number(&n->test, kn_dec_int(s.count)) ? KN_YES : KN_NO;
    } else {
        if (!followed) {
            kn_reduce(e, n->rows->chain, &s, &result);
        }
        o.truth = kn_result_test(&n->test, &result, e->now, &o.next_us) ? KN_YES : KN_NO;
    }
    if (nested) {
        return nested_outcome(n, &s, o);
    }
    int64_t exit =
        is_count(n) ? kn_next_count_exit(e, n->rows, &s, &n->test) : kn_next_exit(e, n->rows, &s);
    o.next_us = kn_sooner(o.next_us, kn_sooner(exit, kn_next_entry(e, n->rows, &s)));
    if (followed) {
        kn_follow_settle(e, n->rows);
    }
    return o;
}

/* ---- nodes ---- */

static struct kn_outcome compare_outcome(struct kn_evaluation *e, const struct kn_cnode *n,
                                         const struct kn_scope *scope)
{
    struct kn_value one;
    struct kn_outcome o = {KN_NO, INT64_MAX};
    if (n->rows) {
        return rows_outcome(e, n, scope);
    }
    struct kn_values values = kn_chain_values(e, n->node->chain, scope, &one);
    if (kn_test_values(&n->test, values.values, values.count, e->now, &o.next_us)) {
        o.truth = KN_YES;
    }
    if (e->quiet && scope && kn_is_about_profile(n->node->chain)) {
        o.next_us = INT64_MAX;
    }
    return o;
}

/* AND and OR: one kid that is `settles` settles the truth, and it stays so until all of these
 * change. */
struct joined {
    enum kn_truth settles;
    bool settled, undecided;
    int64_t latest, earliest; /* next moment of those that settle, and of all others */
};

static struct joined join(enum kn_truth settles)
{
    return (struct joined){settles, false, false, INT64_MIN, INT64_MAX};
}

/* False: the rest does not matter any more. */
static bool join_add(struct joined *j, struct kn_outcome o)
{
    if (o.truth == j->settles) {
        j->settled = true;
        j->latest = o.next_us > j->latest ? o.next_us : j->latest;
        return j->latest != INT64_MAX;
    }
    j->undecided |= o.truth == KN_UNDECIDED;
    j->earliest = kn_sooner(j->earliest, o.next_us);
    return true;
}

static struct kn_outcome join_end(const struct joined *j)
{
    if (j->settled) {
        return (struct kn_outcome){j->settles, j->latest};
    }
    enum kn_truth truth = j->undecided ? KN_UNDECIDED : j->settles == KN_NO ? KN_YES : KN_NO;
    return (struct kn_outcome){truth, j->earliest};
}

static struct kn_outcome any_outcome(struct kn_evaluation *e, const struct kn_cnode *n,
                                     const struct kn_scope *scope)
{
    const struct kn_view *view = e->view;
    struct kn_path array = n->node->array;
    struct joined j = join(KN_YES);
    kn_assert(scope);
    uint32_t count = view->ops->elements(view->self, scope->rows, scope->row, array);
    bool more = true;
    for (uint32_t i = 0; i < count && more; i++) {
        struct kn_scope element = *scope;
        element.array = &n->node->array;
        element.element = i;
        more = join_add(&j, kn_eval_node(e, n->kids, &element));
    }
    return join_end(&j);
}

struct kn_outcome kn_eval_node(struct kn_evaluation *e, const struct kn_cnode *n,
                               const struct kn_scope *scope)
{
    const struct kn_node *node = n->node;
    switch (node->kind) {
    case KN_NODE_AND:
    case KN_NODE_OR: {
        struct joined j = join(node->kind == KN_NODE_AND ? KN_NO : KN_YES);
        bool more = true;
        for (uint32_t i = 0; i < node->kid_count && more; i++) {
            more = join_add(&j, kn_eval_node(e, &n->kids[i], scope));
        }
        return join_end(&j);
    }
    case KN_NODE_NOT: {
        struct kn_outcome o = kn_eval_node(e, n->kids, scope);
        if (o.truth != KN_UNDECIDED) {
            o.truth = o.truth == KN_YES ? KN_NO : KN_YES;
        }
        return o;
    }
    case KN_NODE_ANY: return any_outcome(e, n, scope);
    default: return compare_outcome(e, n, scope);
    }
}

/* ---- doors ---- */

void kn_definition_prefetch(const struct kn_definition *definition, int step)
{
    if (step == 0) {
        __builtin_prefetch(definition);
    } else if (definition->root && step == 1) {
        __builtin_prefetch(definition->root);
    } else if (definition->root && step == 2) {
        __builtin_prefetch(definition->root->node);
        __builtin_prefetch(definition->root->kids);
        __builtin_prefetch(definition->root->rows);
    }
}

void kn_evaluation_start(struct kn_evaluation *e, const struct kn_definition *definition,
                         const struct kn_view *view, int64_t now, struct kn_arena *arena)
{
    kn_assert(view->zone == definition->zone);
    e->definition = definition;
    e->view = view;
    e->zone = definition->zone;
    e->arena = arena;
    e->now = now;
    e->state = NULL;
    e->quiet = false;
    e->rc = KN_OK;
    e->loaded = 0;
}

static enum kn_rc finish(struct kn_evaluation *e, struct kn_verdict *ret)
{
    kn_assert(e->definition->root);
    struct kn_outcome o = kn_eval_node(e, e->definition->root, NULL);
    kn_assert(o.truth != KN_UNDECIDED && o.next_us > e->now);
    if (e->rc == KN_OK) {
        *ret = (struct kn_verdict){o.truth == KN_YES, o.next_us};
    }
    return e->rc;
}

enum kn_rc kn_eval(const struct kn_definition *definition, const struct kn_view *view,
                   int64_t now_us, struct kn_arena *arena, struct kn_verdict *ret)
{
    struct kn_evaluation e;
    kn_evaluation_start(&e, definition, view, now_us, arena);
    return finish(&e, ret);
}

static enum kn_rc finish_trait(struct kn_evaluation *e, struct kn_buf *out,
                               struct kn_trait_value *ret)
{
    struct kn_selection s;
    struct kn_result result;
    const struct kn_crows *rows = e->definition->rows;
    kn_assert(rows);
    bool followed = e->state && kn_follow(e, rows, &s, &result);
    if (!followed) {
        kn_select(e, rows, NULL, &s);
        kn_reduce(e, rows->chain, &s, &result);
    }
    if (e->rc == KN_OK) {
        int64_t edge = kn_sooner(kn_next_exit(e, rows, &s), kn_next_entry(e, rows, &s));
        ret->next_us = kn_sooner(s.next_us, edge);
        ret->present = kn_result_put(&result, out);
    }
    if (followed) {
        kn_follow_settle(e, rows);
    }
    return e->rc;
}

enum kn_rc kn_eval_trait(const struct kn_definition *definition, const struct kn_view *view,
                         int64_t now_us, struct kn_arena *arena, struct kn_buf *out,
                         struct kn_trait_value *ret)
{
    struct kn_evaluation e;
    kn_evaluation_start(&e, definition, view, now_us, arena);
    return finish_trait(&e, out, ret);
}

enum kn_rc kn_eval_with(struct kn_eval_state *state, const struct kn_view *view, int64_t now_us,
                        struct kn_arena *arena, struct kn_verdict *ret)
{
    struct kn_evaluation e;
    kn_evaluation_start(&e, kn_eval_state_definition(state), view, now_us, arena);
    kn_follow_start(&e, state);
    return finish(&e, ret);
}

enum kn_rc kn_eval_trait_with(struct kn_eval_state *state, const struct kn_view *view,
                              int64_t now_us, struct kn_arena *arena, struct kn_buf *out,
                              struct kn_trait_value *ret)
{
    struct kn_evaluation e;
    kn_evaluation_start(&e, kn_eval_state_definition(state), view, now_us, arena);
    kn_follow_start(&e, state);
    return finish_trait(&e, out, ret);
}
