/* Tree -> canonical text. */
#include "segment/parse_internal.h"

void kn_put_string(struct kn_buf *out, struct kn_str text)
{
    kn_buf_char(out, '\'');
    for (size_t i = 0; i < text.len; i++) {
        if (text.p[i] == '\'' || text.p[i] == '\\') {
            kn_buf_char(out, '\\');
        }
        kn_buf_char(out, text.p[i]);
    }
    kn_buf_char(out, '\'');
}

void kn_put_path(struct kn_buf *out, struct kn_path path)
{
    kn_buf_char(out, '\'');
    for (uint32_t k = 0; k < path.count; k++) {
        if (k > 0) {
            kn_buf_char(out, '.');
        }
        for (size_t i = 0; i < path.keys[k].len; i++) {
            if (memchr("'\\.", path.keys[k].p[i], 3)) {
                kn_buf_char(out, '\\');
            }
            kn_buf_char(out, path.keys[k].p[i]);
        }
    }
    kn_buf_char(out, '\'');
}

static void put_period(struct kn_buf *out, struct kn_period period)
{
    kn_buf_u64(out, period.count);
    kn_buf_char(out, ' ');
    kn_buf_c(out, kn_unit_words[period.unit]);
    if (period.count != 1) {
        kn_buf_char(out, 's');
    }
}

static void put_window(struct kn_buf *out, const struct kn_window *window)
{
    switch (window->kind) {
    case KN_WINDOW_NONE: return;
    case KN_WINDOW_WITHIN:
        kn_buf_c(out, ".within(");
        put_period(out, window->a);
        break;
    case KN_WINDOW_PARENT:
        kn_buf_c(out, ".within(parent: ");
        put_period(out, window->a);
        break;
    case KN_WINDOW_BETWEEN:
        kn_buf_c(out, ".between(");
        put_period(out, window->a);
        kn_buf_c(out, ", ");
        put_period(out, window->b);
        break;
    case KN_WINDOW_DATES:
        kn_buf_c(out, ".between(");
        kn_put_string(out, window->from);
        kn_buf_c(out, ", ");
        kn_put_string(out, window->to);
        break;
    default:
        kn_buf_c(out, ".during(");
        kn_put_string(out, kn_str_c(kn_during_words[window->during]));
        break;
    }
    kn_buf_char(out, ')');
}

static void put_sources(struct kn_buf *out, const struct kn_chain *chain)
{
    kn_buf_c(out, ".sources({exclude: [");
    for (uint32_t i = 0; i < chain->excluded_count; i++) {
        kn_buf_c(out, i > 0 ? ", " : "");
        kn_put_string(out, chain->excluded[i]);
    }
    kn_buf_c(out, "]})");
}

static void put_reducer(struct kn_buf *out, const struct kn_chain *chain)
{
    bool cast = chain->reducer == KN_REDUCE_MODE ? chain->cast != KN_CAST_NONE
                                                 : chain->cast == KN_CAST_STRING;
    kn_buf_char(out, '.');
    kn_buf_c(out, kn_reducer_words[chain->reducer]);
    kn_buf_char(out, '(');
    if (kn_reducer_has_field(chain->reducer)) {
        kn_buf_c(out, chain->field.context ? "context(" : "property(");
        kn_put_path(out, chain->field.path);
        kn_buf_char(out, ')');
    }
    if (cast) {
        kn_buf_c(out, chain->cast == KN_CAST_NUMBER ? " as number" : " as string");
    }
    if (chain->reducer == KN_REDUCE_MODE && chain->mode_min > 1) {
        kn_buf_c(out, ", ");
        kn_buf_u64(out, chain->mode_min);
    }
    kn_buf_char(out, ')');
}

static void put_chain(struct kn_buf *out, const struct kn_chain *chain)
{
    kn_buf_c(out, kn_from_words[chain->kind]);
    kn_buf_char(out, '(');
    switch (chain->kind) {
    case KN_FROM_ORDER: break;
    case KN_FROM_TRAIT:
    case KN_FROM_PROPERTY:
    case KN_FROM_CONTEXT:
        kn_buf_c(out, chain->parent ? "parent: " : "");
        kn_put_path(out, chain->path);
        break;
    default: kn_put_string(out, chain->name); break;
    }
    kn_buf_char(out, ')');
    if (chain->where) {
        kn_buf_c(out, ".where(");
        kn_query_format_node(chain->where, out);
        kn_buf_char(out, ')');
    }
    if (chain->excluded_count > 0) {
        put_sources(out, chain);
    }
    put_window(out, &chain->window);
    if (chain->reducer != KN_REDUCE_NONE) {
        put_reducer(out, chain);
    }
}

static void put_literal(struct kn_buf *out, const struct kn_literal *literal)
{
    if (literal->kind == KN_LITERAL_STRING) {
        kn_put_string(out, literal->text);
    } else if (literal->kind == KN_LITERAL_NUMBER) {
        kn_buf_str(out, literal->text);
    } else {
        kn_buf_c(out, literal->truth ? "true" : "false");
    }
}

static void put_comparison(struct kn_buf *out, const struct kn_node *node)
{
    const struct kn_op_word *op = &kn_op_words[node->op];
    put_chain(out, node->chain);
    if (node->op == KN_OP_MEMBER) {
        return;
    }
    if (op->symbol) {
        kn_buf_printf(out, " %s ", op->symbol);
    } else {
        kn_buf_printf(out, ".%s(", op->name);
    }
    if (op->args == KN_ARGS_PERIOD) {
        put_period(out, node->period);
    }
    for (uint32_t i = 0; i < node->value_count; i++) {
        kn_buf_c(out, i > 0 ? ", " : "");
        put_literal(out, &node->values[i]);
    }
    kn_buf_c(out, op->symbol ? "" : ")");
}

bool kn_needs_group(uint32_t parent, uint32_t kid)
{
    switch (parent) {
    case KN_NODE_AND: return kid == KN_NODE_AND || kid == KN_NODE_OR;
    case KN_NODE_OR: return kid == KN_NODE_OR;
    case KN_NODE_NOT: return kid == KN_NODE_AND || kid == KN_NODE_OR || kid == KN_NODE_NOT;
    default: return false;
    }
}

uint32_t kn_node_nesting(const struct kn_node *node)
{
    uint32_t most = 0;
    for (uint32_t i = 0; i < node->kid_count; i++) {
        uint32_t levels = kn_node_nesting(node->kids[i]) +
                          kn_needs_group(node->kind, node->kids[i]->kind) +
                          (node->kind == KN_NODE_ANY);
        most = levels > most ? levels : most;
    }
    if (node->chain && node->chain->where) {
        uint32_t levels = kn_node_nesting(node->chain->where) + 1;
        most = levels > most ? levels : most;
    }
    return most;
}

void kn_query_format_node(const struct kn_node *node, struct kn_buf *out)
{
    if (node->kind == KN_NODE_COMPARE) {
        put_comparison(out, node);
        return;
    }
    if (node->kind == KN_NODE_ANY) {
        kn_buf_c(out, "any(");
        kn_put_path(out, node->array);
        kn_buf_c(out, ", ");
    } else if (node->kind == KN_NODE_NOT) {
        kn_buf_c(out, "NOT ");
    }
    for (uint32_t i = 0; i < node->kid_count; i++) {
        bool group = kn_needs_group(node->kind, node->kids[i]->kind);
        if (i > 0) {
            kn_buf_c(out, node->kind == KN_NODE_AND ? " AND " : " OR ");
        }
        kn_buf_c(out, group ? "(" : "");
        kn_query_format_node(node->kids[i], out);
        kn_buf_c(out, group ? ")" : "");
    }
    if (node->kind == KN_NODE_ANY) {
        kn_buf_char(out, ')');
    }
}

void kn_query_format(const struct kn_query *query, struct kn_buf *out)
{
    if (query->form == KN_QUERY_SEGMENT) {
        kn_query_format_node(query->root, out);
    } else {
        put_chain(out, query->chain);
    }
}
