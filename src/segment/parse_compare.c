/* Comparisons: what a chain may be compared with, and how. */
#include "format/item.h"
#include "segment/date.h"
#include "format/number.h"
#include "segment/parse_internal.h"

static enum kn_rc parse_number(struct kn_parser *p, struct kn_literal *ret)
{
    kn_dec value;
    struct kn_str text = kn_arena_str(p->arena, p->token.text);
    if (!text.p) {
        return kn_fail(p->err, KN_E_NOMEM, "no memory for the query");
    }
    if (!kn_dec_parse(text, false, &value)) {
        return kn_parse_fail(p, p->token.pos,
                             "expected a number of at most 18 digits in all, found %.*s",
                             (int)(text.len < 40 ? text.len : 40), text.p);
    }
    *ret = (struct kn_literal){KN_LITERAL_NUMBER, false, text};
    return kn_parse_advance(p);
}

static enum kn_rc parse_literal(struct kn_parser *p, const char *what, struct kn_literal *ret)
{
    if (p->token.kind == KN_TOKEN_STRING) {
        ret->kind = KN_LITERAL_STRING;
        return kn_parse_string(p, what, &ret->text);
    }
    if (p->token.kind == KN_TOKEN_NUMBER) {
        return parse_number(p, ret);
    }
    if (kn_token_is(&p->token, "true") || kn_token_is(&p->token, "false")) {
        *ret = (struct kn_literal){KN_LITERAL_BOOL, kn_token_is(&p->token, "true"), KN_STR_EMPTY};
        return kn_parse_advance(p);
    }
    if (kn_token_is(&p->token, "null")) {
        return kn_parse_fail(p, p->token.pos, "null is no value: expected %s, or .absent()", what);
    }
    return kn_parse_expected(p, what);
}

/* What the chain gives and the comparison takes, for people. */
static const char *literal_words(const struct kn_chain *chain, enum kn_args args)
{
    enum kn_gives gives = kn_chain_gives(chain);
    if (chain->kind == KN_FROM_SEGMENT) {
        return "true or false";
    }
    if (chain->kind == KN_FROM_CONSENT) {
        return "'granted', 'denied', 'unknown' or 'conflict'";
    }
    if (gives == KN_GIVES_NUMBER) {
        return "a number";
    }
    if (gives == KN_GIVES_STRING || args == KN_ARGS_STRINGS) {
        return "a string in single quotes";
    }
    return args == KN_ARGS_ORDERED ? "a number or a string" : "a string, a number, true or false";
}

static bool literal_fits(const struct kn_chain *chain, enum kn_args args,
                         const struct kn_literal *literal)
{
    enum kn_gives gives = kn_chain_gives(chain);
    if (chain->kind == KN_FROM_SEGMENT) {
        return literal->kind == KN_LITERAL_BOOL;
    }
    if (chain->kind == KN_FROM_CONSENT) {
        return literal->kind == KN_LITERAL_STRING &&
               kn_word_find(kn_consent_words, 4, literal->text) >= 0;
    }
    if ((gives == KN_GIVES_NUMBER && literal->kind != KN_LITERAL_NUMBER) ||
        (gives == KN_GIVES_STRING && literal->kind != KN_LITERAL_STRING)) {
        return false;
    }
    return !((args == KN_ARGS_STRINGS && literal->kind != KN_LITERAL_STRING) ||
             (args == KN_ARGS_ORDERED && literal->kind == KN_LITERAL_BOOL));
}

static enum kn_rc parse_value(struct kn_parser *p, const struct kn_chain *chain, enum kn_args args,
                              struct kn_literal *ret)
{
    const char *what = literal_words(chain, args);
    struct kn_token token = p->token;
    KN_TRY(parse_literal(p, what, ret));
    if (!literal_fits(chain, args, ret)) {
        p->token = token;
        return kn_parse_expected(p, what);
    }
    return KN_OK;
}

static enum kn_rc parse_values(struct kn_parser *p, struct kn_node *node, enum kn_args args,
                               bool many)
{
    uint32_t count = 0, room = 8;
    struct kn_literal *values = kn_parse_alloc(p, room * sizeof *values);
    bool more = true;
    while (more) {
        if (count == KN_QUERY_VALUES_MAX) {
            return kn_parse_fail(p, p->token.pos, "too many values: at most %d",
                                 KN_QUERY_VALUES_MAX);
        }
        if (values && count == room) {
            struct kn_literal *wider = kn_parse_alloc(p, 2 * (size_t)room * sizeof *values);
            if (wider) {
                memcpy(wider, values, room * sizeof *values);
            }
            values = wider;
            room *= 2;
        }
        if (!values) {
            return KN_E_NOMEM;
        }
        KN_TRY(parse_value(p, node->chain, args, &values[count++]));
        more = many && kn_token_is(&p->token, ",");
        if (more) {
            KN_TRY(kn_parse_advance(p));
        }
    }
    node->values = values;
    node->value_count = count;
    return KN_OK;
}

/* Which comparisons a chain knows. */
static bool op_fits(const struct kn_chain *chain, enum kn_op op)
{
    enum kn_args args = kn_op_words[op].args;
    enum kn_gives gives = kn_chain_gives(chain);
    if (chain->kind == KN_FROM_IDENTIFIER) {
        return op == KN_OP_EXISTS || op == KN_OP_ABSENT;
    }
    if (chain->kind == KN_FROM_SEGMENT) {
        return op == KN_OP_EQUALS || op == KN_OP_DIFFERS;
    }
    if (chain->kind == KN_FROM_CONSENT) {
        return op == KN_OP_EQUALS || op == KN_OP_DIFFERS || op == KN_OP_ONE_OF ||
               op == KN_OP_NONE_OF;
    }
    return gives != KN_GIVES_NUMBER ||
           (args != KN_ARGS_STRINGS && args != KN_ARGS_DATE && args != KN_ARGS_PERIOD);
}

static const char *ops_words(const struct kn_chain *chain)
{
    switch (chain->kind) {
    case KN_FROM_IDENTIFIER: return ".exists() or .absent() after identifier()";
    case KN_FROM_SEGMENT: return "= true, = false or nothing after segment()";
    case KN_FROM_CONSENT: return "=, !=, one_of or none_of after consent()";
    default:
        return "a comparison of numbers (=, !=, >, >=, <, <=, one_of, none_of), as this gives a "
               "number";
    }
}

static enum kn_rc unknown_op(struct kn_parser *p)
{
    const char *words[KN_OP_COUNT + KN_REDUCER_COUNT];
    size_t count = 0;
    if (kn_token_is(&p->token, "before_last") || kn_token_is(&p->token, "after_next")) {
        return kn_parse_fail(p, p->token.pos,
                             "%.*s() is not part of the language: expected "
                             "within_last(), within_next(), before_date() or "
                             "after_date()",
                             KN_STR_ARG(p->token.text));
    }
    if (kn_word_find(kn_reducer_words, KN_REDUCER_COUNT, p->token.text) > 0 ||
        kn_token_is(&p->token, "within") || kn_token_is(&p->token, "between") ||
        kn_token_is(&p->token, "during") || kn_token_is(&p->token, "where")) {
        return kn_parse_fail(p, p->token.pos,
                             "%.*s() belongs to event() and order(), before their "
                             "reducer: expected a comparison",
                             KN_STR_ARG(p->token.text));
    }
    for (int i = KN_OP_EQUALS; i < KN_OP_COUNT; i++) {
        words[count++] = kn_op_words[i].name;
    }
    return kn_parse_unknown(p, "comparison",
                            "one such as equals, differs, exists, absent, contains, one_of or "
                            "within_last",
                            words, count);
}

static enum kn_rc parse_args(struct kn_parser *p, struct kn_node *node)
{
    enum kn_args args = kn_op_words[node->op].args;
    KN_TRY(kn_parse_advance(p));
    KN_TRY(kn_parse_sign(p, "("));
    if (args == KN_ARGS_PERIOD) {
        KN_TRY(kn_parse_period(p, &node->period));
    } else if (args == KN_ARGS_DATE) {
        struct kn_literal *date = kn_parse_alloc(p, sizeof *date);
        if (!date) {
            return KN_E_NOMEM;
        }
        date->kind = KN_LITERAL_STRING;
        KN_TRY(kn_parse_date(p, &date->text));
        node->values = date;
        node->value_count = 1;
    } else if (args != KN_ARGS_NONE) {
        KN_TRY(parse_values(p, node, args, args == KN_ARGS_STRINGS || args == KN_ARGS_LIST));
    }
    return kn_parse_sign(p, ")");
}

static int symbol_op(const struct kn_token *token)
{
    if (kn_token_is(token, "==")) {
        return KN_OP_EQUALS;
    }
    for (int i = KN_OP_EQUALS; i < KN_OP_COUNT; i++) {
        if (kn_op_words[i].symbol && kn_token_is(token, kn_op_words[i].symbol)) {
            return i;
        }
    }
    return -1;
}

static enum kn_rc parse_op(struct kn_parser *p, struct kn_node *node)
{
    int op = symbol_op(&p->token);
    bool call = op < 0;
    if (call) {
        if (!kn_token_is(&p->token, ".")) {
            return kn_parse_expected(p, "a comparison such as = 1, >= 2 or .exists()");
        }
        KN_TRY(kn_parse_advance(p));
        op = p->token.kind == KN_TOKEN_WORD ? kn_word_op(p->token.text) : -1;
        if (op < 0) {
            return p->token.kind == KN_TOKEN_WORD ? unknown_op(p)
                                                  : kn_parse_expected(p, "a comparison");
        }
    }
    if (!op_fits(node->chain, (enum kn_op)op)) {
        return kn_parse_expected(p, ops_words(node->chain));
    }
    node->op = (uint32_t)op;
    if (call) {
        return parse_args(p, node);
    }
    KN_TRY(kn_parse_advance(p));
    return parse_values(p, node, kn_op_words[op].args, false);
}

enum kn_rc kn_parse_comparison(struct kn_parser *p, struct kn_node **ret)
{
    struct kn_node *node = kn_parse_alloc(p, sizeof *node);
    if (!node) {
        return KN_E_NOMEM;
    }
    node->kind = KN_NODE_COMPARE;
    node->pos = (uint32_t)p->token.pos;
    KN_TRY(kn_parse_chain(p, &node->chain));
    if (node->chain->kind == KN_FROM_SEGMENT && symbol_op(&p->token) < 0 &&
        !kn_token_is(&p->token, ".")) {
        node->op = KN_OP_MEMBER;
    } else {
        KN_TRY(parse_op(p, node));
    }
    node->len = (uint32_t)(p->end - node->pos);
    *ret = node;
    return KN_OK;
}
