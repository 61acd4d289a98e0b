/* Why a profile is a member, as JSON. */
#include "base/assert.h"
#include "segment/eval_internal.h"

static void put_moment(struct kn_buf *out, const char *key, int64_t us)
{
    if (us == INT64_MAX) {
        kn_json_out_kraw(out, key, KN_STR("null"));
    } else {
        kn_json_out_ktime(out, key, us);
    }
}

static void put_outcome(struct kn_buf *out, struct kn_outcome o)
{
    kn_json_out_kbool(out, "truth", o.truth == KN_YES);
    put_moment(out, "next_change_at", o.next_us);
}

static void put_result(struct kn_buf *out, const struct kn_result *result)
{
    kn_json_out_key(out, "value");
    if (!kn_result_put(result, out)) {
        kn_buf_c(out, "null");
    }
}

static void put_comparison(struct kn_evaluation *e, const struct kn_cnode *n, struct kn_buf *out)
{
    struct kn_buf text;
    struct kn_result result = {.kind = KN_RESULT_ABSENT};
    kn_buf_init(&text, KN_QUERY_TEXT_MAX);
    kn_query_format_node(n->node, &text);
    kn_json_out_kv(out, "condition", kn_buf_view(&text));
    e->rc = e->rc == KN_OK ? text.rc : e->rc;
    kn_buf_deinit(&text);
    if (n->rows) {
        struct kn_selection s;
        kn_select(e, n->rows, NULL, &s);
        kn_reduce(e, n->rows->chain, &s, &result);
        put_result(out, &result);
        kn_json_out_ki64(out, "rows", s.count);
        kn_json_out_ki64(out, "rows_in_window", s.end - s.first);
        return;
    }
    result.values = kn_chain_values(e, n->node->chain, NULL, &result.one);
    result.kind = result.values.count > 0 ? KN_RESULT_VALUES : KN_RESULT_ABSENT;
    put_result(out, &result);
}

static void put_node(struct kn_evaluation *e, const struct kn_cnode *n, struct kn_buf *out)
{
    const struct kn_node *node = n->node;
    kn_buf_char(out, '{');
    switch (node->kind) {
    case KN_NODE_AND:
    case KN_NODE_OR:
        kn_json_out_key(out, node->kind == KN_NODE_AND ? "and" : "or");
        kn_buf_char(out, '[');
        for (uint32_t i = 0; i < node->kid_count; i++) {
            kn_json_out_comma(out);
            put_node(e, &n->kids[i], out);
        }
        kn_buf_char(out, ']');
        break;
    case KN_NODE_NOT:
        kn_json_out_key(out, "not");
        put_node(e, n->kids, out);
        break;
    default: put_comparison(e, n, out); break;
    }
    put_outcome(out, kn_eval_node(e, n, NULL));
    kn_buf_char(out, '}');
}

enum kn_rc kn_eval_explain(const struct kn_definition *definition, const struct kn_view *view,
                           int64_t now_us, struct kn_arena *arena, struct kn_buf *out)
{
    struct kn_evaluation e;
    kn_assert(definition->root);
    kn_evaluation_start(&e, definition, view, now_us, arena);
    kn_buf_char(out, '{');
    put_outcome(out, kn_eval_node(&e, definition->root, NULL));
    kn_json_out_ktime(out, "now", now_us);
    kn_json_out_key(out, "tree");
    put_node(&e, definition->root, out);
    kn_buf_char(out, '}');
    return e.rc;
}
