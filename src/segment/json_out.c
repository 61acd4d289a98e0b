/* Tree -> JSON (docs/query-language.md describes the form). */
#include "segment/words.h"

static void put_path(struct kn_buf *out, const char *key, struct kn_path path)
{
    kn_json_out_key(out, key);
    kn_buf_char(out, '[');
    for (uint32_t i = 0; i < path.count; i++) {
        kn_json_out_comma(out);
        kn_json_out_string(out, path.keys[i]);
    }
    kn_buf_char(out, ']');
}

static void put_period(struct kn_buf *out, struct kn_period period)
{
    kn_buf_char(out, '{');
    kn_json_out_ki64(out, "count", period.count);
    kn_json_out_kv(out, "unit", kn_str_c(kn_unit_words[period.unit]));
    kn_buf_char(out, '}');
}

static void put_window(struct kn_buf *out, const struct kn_window *window)
{
    kn_json_out_key(out, "window");
    kn_buf_char(out, '{');
    switch (window->kind) {
    case KN_WINDOW_WITHIN:
    case KN_WINDOW_PARENT:
        kn_json_out_key(out, window->kind == KN_WINDOW_WITHIN ? "within" : "parent");
        put_period(out, window->a);
        break;
    case KN_WINDOW_BETWEEN:
        kn_json_out_key(out, "between");
        kn_buf_char(out, '[');
        put_period(out, window->a);
        kn_buf_char(out, ',');
        put_period(out, window->b);
        kn_buf_char(out, ']');
        break;
    case KN_WINDOW_DATES:
        kn_json_out_key(out, "dates");
        kn_buf_char(out, '[');
        kn_json_out_string(out, window->from);
        kn_buf_char(out, ',');
        kn_json_out_string(out, window->to);
        kn_buf_char(out, ']');
        break;
    default: kn_json_out_kv(out, "during", kn_str_c(kn_during_words[window->during])); break;
    }
    kn_buf_char(out, '}');
}

static void put_reduce(struct kn_buf *out, const struct kn_chain *chain)
{
    kn_json_out_key(out, "reduce");
    kn_buf_char(out, '{');
    kn_json_out_kv(out, "fn", kn_str_c(kn_reducer_words[chain->reducer]));
    if (kn_reducer_has_field(chain->reducer)) {
        put_path(out, chain->field.context ? "context" : "property", chain->field.path);
    }
    if (chain->cast != KN_CAST_NONE) {
        kn_json_out_kv(out, "as",
                       chain->cast == KN_CAST_NUMBER ? KN_STR("number") : KN_STR("string"));
    }
    if (chain->reducer == KN_REDUCE_MODE) {
        kn_json_out_ki64(out, "at_least", chain->mode_min);
    }
    kn_buf_char(out, '}');
}

static void put_node(struct kn_buf *out, const struct kn_node *node);

static void put_chain(struct kn_buf *out, const struct kn_chain *chain)
{
    const char *kind = kn_from_words[chain->kind];
    kn_buf_char(out, '{');
    if (chain->kind == KN_FROM_ORDER) {
        kn_json_out_kbool(out, kind, true);
    } else if (chain->path.count > 0) {
        put_path(out, kind, chain->path);
    } else {
        kn_json_out_kv(out, kind, chain->name);
    }
    if (chain->parent) {
        kn_json_out_kbool(out, "parent", true);
    }
    if (chain->where) {
        kn_json_out_key(out, "where");
        put_node(out, chain->where);
    }
    if (chain->excluded_count > 0) {
        put_path(out, "exclude", (struct kn_path){chain->excluded, chain->excluded_count});
    }
    if (chain->window.kind != KN_WINDOW_NONE) {
        put_window(out, &chain->window);
    }
    if (chain->reducer != KN_REDUCE_NONE) {
        put_reduce(out, chain);
    }
    kn_buf_char(out, '}');
}

static void put_literal(struct kn_buf *out, const struct kn_literal *literal)
{
    if (literal->kind == KN_LITERAL_STRING) {
        kn_json_out_string(out, literal->text);
    } else if (literal->kind == KN_LITERAL_BOOL) {
        kn_buf_c(out, literal->truth ? "true" : "false");
    } else {
        /* Digits as written, in an object when JSON has no such number (007). */
        struct kn_str digits = kn_str_sub(literal->text, literal->text.p[0] == '-', SIZE_MAX);
        bool json = digits.len == 1 || digits.p[0] != '0' || digits.p[1] == '.';
        kn_buf_c(out, json ? "" : "{\"number\":\"");
        kn_buf_str(out, literal->text);
        kn_buf_c(out, json ? "" : "\"}");
    }
}

static void put_comparison(struct kn_buf *out, const struct kn_node *node)
{
    enum kn_args args = kn_op_words[node->op].args;
    bool list = args == KN_ARGS_STRINGS || args == KN_ARGS_LIST;
    kn_buf_char(out, '{');
    kn_json_out_key(out, "left");
    put_chain(out, node->chain);
    kn_json_out_kv(out, "op", kn_str_c(kn_op_words[node->op].name));
    if (args == KN_ARGS_PERIOD) {
        kn_json_out_key(out, "period");
        put_period(out, node->period);
    } else if (args != KN_ARGS_NONE) {
        kn_json_out_key(out, list ? "values" : "value");
        kn_buf_c(out, list ? "[" : "");
        for (uint32_t i = 0; i < node->value_count; i++) {
            kn_buf_c(out, i > 0 ? "," : "");
            put_literal(out, &node->values[i]);
        }
        kn_buf_c(out, list ? "]" : "");
    }
    kn_buf_char(out, '}');
}

static void put_node(struct kn_buf *out, const struct kn_node *node)
{
    static const char *const names[] = {"and", "or", "not", "where"};
    if (node->kind == KN_NODE_COMPARE) {
        put_comparison(out, node);
        return;
    }
    bool list = node->kind == KN_NODE_AND || node->kind == KN_NODE_OR;
    kn_buf_char(out, '{');
    if (node->kind == KN_NODE_ANY) {
        put_path(out, "any", node->array);
    }
    kn_json_out_key(out, names[node->kind]);
    kn_buf_c(out, list ? "[" : "");
    for (uint32_t i = 0; i < node->kid_count; i++) {
        kn_buf_c(out, i > 0 ? "," : "");
        put_node(out, node->kids[i]);
    }
    kn_buf_c(out, list ? "]" : "");
    kn_buf_char(out, '}');
}

void kn_query_to_json(const struct kn_query *query, struct kn_buf *out)
{
    if (query->form == KN_QUERY_SEGMENT) {
        put_node(out, query->root);
    } else {
        put_chain(out, query->chain);
    }
}
