#include "segment/pieces.h"

#include "segment/words.h"

static const char before[] = "event('e').where(";

/* One event chain, with nothing but what was put around the text. */
static bool is_just_where(const struct kn_query *q)
{
    const struct kn_node *n = q->root;
    const struct kn_chain *c = n->chain;
    return n->kind == KN_NODE_COMPARE && c->kind == KN_FROM_EVENT && c->name.len == 1 && c->where &&
           c->window.kind == KN_WINDOW_NONE && c->excluded_count == 0 &&
           c->reducer == KN_REDUCE_COUNT && n->op == KN_OP_ABOVE;
}

/* A byte of the whole as one of the text. */
static size_t in_text(struct kn_str text, size_t pos)
{
    size_t skip = sizeof before - 1;
    return pos == SIZE_MAX || pos < skip ? 0 : pos - skip > text.len ? text.len : pos - skip;
}

/* The first chain that asks for more than the event itself, or NULL. */
static const struct kn_chain *beyond_event(const struct kn_node *node, bool in_any)
{
    const struct kn_chain *c = node->chain;
    if (node->kind == KN_NODE_COMPARE) {
        bool own = c->kind == KN_FROM_PROPERTY || (c->kind == KN_FROM_CONTEXT && !in_any);
        return own && !c->parent ? NULL : c;
    }
    for (uint32_t i = 0; i < node->kid_count; i++) {
        c = beyond_event(node->kids[i], in_any || node->kind == KN_NODE_ANY);
        if (c) {
            return c;
        }
    }
    return NULL;
}

static enum kn_rc parse(struct kn_str text, const struct kn_buf *whole, struct kn_arena *arena,
                        const struct kn_node **ret, struct kn_err *err)
{
    struct kn_query q;
    enum kn_rc rc = kn_query_parse(kn_buf_view(whole), KN_QUERY_SEGMENT, arena, &q, err);
    if (rc != KN_OK) {
        err->pos = in_text(text, err->pos);
        return rc;
    }
    if (!is_just_where(&q)) {
        rc = kn_fail(err, KN_E_INVALID, "a parenthesis is closed that was never opened");
        err->pos = 0;
        return rc;
    }
    const struct kn_chain *beyond = beyond_event(q.root->chain->where, false);
    if (beyond) {
        rc = kn_fail(err, KN_E_INVALID,
                     "here a condition may ask for property(), context() and any() of the event");
        err->pos = in_text(text, beyond->pos);
        return rc;
    }
    *ret = q.root->chain->where;
    return KN_OK;
}

enum kn_rc kn_where_parse(struct kn_str text, struct kn_arena *arena, const struct kn_node **ret,
                          struct kn_err *err)
{
    struct kn_buf whole;
    kn_buf_init(&whole, KN_QUERY_TEXT_MAX);
    kn_buf_c(&whole, before);
    kn_buf_str(&whole, text);
    kn_buf_c(&whole, ").count() > 0");
    enum kn_rc rc = whole.rc == KN_OK ? parse(text, &whole, arena, ret, err)
                                      : kn_fail(err, whole.rc, "the condition is too long");
    kn_buf_deinit(&whole);
    return rc;
}

bool kn_period_parse(struct kn_str text, struct kn_period *ret)
{
    struct kn_str rest = kn_str_trim(text);
    struct kn_str digits = kn_str_split(&rest, ' ');
    uint64_t count;
    int unit = kn_word_unit(kn_str_trim(rest));
    if (!kn_str_u64(digits, &count) || count == 0 || count > 5000000000 || unit < 0) {
        return false;
    }
    static const uint64_t most[KN_UNIT_COUNT] = {3155760000, 52596000, 876600, 36525,
                                                 5217,       1200,     100}; /* a century */
    if (count > most[unit]) {
        return false;
    }
    *ret = (struct kn_period){(uint32_t)count, (uint32_t)unit};
    return true;
}

bool kn_is_nearer(struct kn_str word, struct kn_str candidate, unsigned *distance)
{
    struct kn_nearest n = kn_nearest(word);
    kn_nearest_try(&n, candidate);
    if (!n.best.p || n.distance >= *distance) {
        return false;
    }
    *distance = n.distance;
    return true;
}
