/* The parser: recursive descent over conditions; chains and comparisons stand in their own files.
 */
#include <stdarg.h>
#include <stdio.h>

#include "base/assert.h"
#include "segment/date.h"
#include "format/number.h"
#include "segment/parse_internal.h"

enum kn_rc kn_parse_fail(struct kn_parser *p, size_t pos, const char *format, ...)
{
    char text[sizeof p->err->text];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    enum kn_rc rc = kn_fail(p->err, KN_E_INVALID, "%s", text);
    if (p->err) {
        p->err->pos = pos;
    }
    return rc;
}

enum kn_rc kn_parse_expected(struct kn_parser *p, const char *what)
{
    char found[64];
    return kn_parse_fail(p, p->token.pos, "expected %s, found %s", what,
                         kn_token_describe(&p->token, found));
}

enum kn_rc kn_parse_unknown(struct kn_parser *p, const char *kind, const char *what,
                            const char *const *words, size_t count)
{
    char found[64];
    struct kn_nearest nearest = kn_nearest(p->token.text);
    for (size_t i = 0; i < count; i++) {
        if (words[i] && words[i][0]) {
            kn_nearest_try(&nearest, kn_str_c(words[i]));
        }
    }
    (void)kn_token_describe(&p->token, found);
    if (nearest.best.p) {
        return kn_parse_fail(p, p->token.pos, "unknown %s %s: expected %s; did you mean %.*s?",
                             kind, found, what, KN_STR_ARG(nearest.best));
    }
    return kn_parse_fail(p, p->token.pos, "unknown %s %s: expected %s", kind, found, what);
}

enum kn_rc kn_parse_advance(struct kn_parser *p)
{
    p->end = p->token.pos + p->token.len;
    return kn_lex(&p->lexer, &p->token, p->err);
}

enum kn_rc kn_parse_sign(struct kn_parser *p, const char *sign)
{
    if (!kn_token_is(&p->token, sign)) {
        return kn_parse_expected(p, sign);
    }
    return kn_parse_advance(p);
}

void *kn_parse_alloc(struct kn_parser *p, size_t bytes)
{
    void *block = kn_arena_zero(p->arena, 1, bytes);
    if (!block) {
        (void)kn_fail(p->err, KN_E_NOMEM, "no memory for the query");
    }
    return block;
}

enum kn_rc kn_parse_string(struct kn_parser *p, const char *what, struct kn_str *ret)
{
    if (p->token.kind != KN_TOKEN_STRING) {
        return kn_parse_expected(p, what);
    }
    KN_TRY(kn_lex_string(&p->token, p->arena, ret, p->err));
    return kn_parse_advance(p);
}

enum kn_rc kn_parse_path(struct kn_parser *p, struct kn_path *ret)
{
    if (p->token.kind != KN_TOKEN_STRING) {
        return kn_parse_expected(p, "a name in single quotes");
    }
    KN_TRY(kn_lex_path(&p->token, p->arena, KN_QUERY_PATH_MAX, &ret->keys, &ret->count, p->err));
    return kn_parse_advance(p);
}

/* About 100 years in each unit. */
static const uint32_t period_max[KN_UNIT_COUNT] = {3155760000U, 52596000, 876600, 36525,
                                                   5218,        1200,     100};

enum kn_rc kn_parse_period(struct kn_parser *p, struct kn_period *ret)
{
    kn_dec count;
    size_t pos = p->token.pos;
    if (p->token.kind != KN_TOKEN_NUMBER) {
        return kn_parse_expected(p, "a period such as 30 days");
    }
    bool whole = kn_str_find(p->token.text, KN_STR(".")) == SIZE_MAX;
    if (!whole || !kn_dec_parse(p->token.text, false, &count) || count < kn_dec_int(1)) {
        return kn_parse_expected(p, "a whole number of at least 1");
    }
    KN_TRY(kn_parse_advance(p));
    int unit = p->token.kind == KN_TOKEN_WORD ? kn_word_unit(p->token.text) : -1;
    if (unit < 0) {
        const char *what = "second, minute, hour, day, week, month or year, with or without s";
        return p->token.kind == KN_TOKEN_WORD
                   ? kn_parse_unknown(p, "unit", what, kn_unit_words, KN_UNIT_COUNT)
                   : kn_parse_expected(p, what);
    }
    if (count > kn_dec_int(period_max[unit])) {
        return kn_parse_fail(p, pos, "a period is at most 100 years: expected at most %u %ss",
                             period_max[unit], kn_unit_words[unit]);
    }
    *ret = (struct kn_period){(uint32_t)(count / kn_dec_int(1)), (uint32_t)unit};
    return kn_parse_advance(p);
}

enum kn_rc kn_parse_date(struct kn_parser *p, struct kn_str *ret)
{
    struct kn_date date;
    size_t pos = p->token.pos;
    KN_TRY(kn_parse_string(p, "a date such as '2026-01-31'", ret));
    if (!kn_date_parse(*ret, &date)) {
        return kn_parse_fail(p, pos,
                             "expected an ISO date such as '2026-01-31' or "
                             "'2026-01-31T10:00:00', found '%.*s'",
                             (int)(ret->len < 40 ? ret->len : 40), ret->p);
    }
    return KN_OK;
}

enum kn_rc kn_parse_room(struct kn_parser *p, size_t pos, uint32_t levels)
{
    if (p->nesting + levels > KN_QUERY_NESTING_MAX) {
        (void)kn_parse_fail(p, pos,
                            "nested too deeply: at most %d levels of parentheses, where() "
                            "and any()",
                            KN_QUERY_NESTING_MAX);
        if (p->err) {
            p->err->code = KN_E_LIMIT;
        }
        return KN_E_LIMIT;
    }
    return KN_OK;
}

enum kn_rc kn_parse_enter(struct kn_parser *p, size_t pos)
{
    KN_TRY(kn_parse_room(p, pos, 1));
    p->nesting++;
    return KN_OK;
}

static bool is_keyword(const struct kn_token *token, const char *word)
{
    return token->kind == KN_TOKEN_WORD && kn_str_eq_nocase(token->text, kn_str_c(word));
}

static enum kn_rc new_node(struct kn_parser *p, enum kn_node_kind kind, size_t pos,
                           struct kn_node **ret)
{
    struct kn_node *node = kn_parse_alloc(p, sizeof *node);
    if (!node) {
        return KN_E_NOMEM;
    }
    node->kind = kind;
    node->pos = (uint32_t)pos;
    *ret = node;
    return KN_OK;
}

static enum kn_rc parse_any(struct kn_parser *p, struct kn_node **ret)
{
    size_t pos = p->token.pos;
    struct kn_node *node = NULL;
    if (p->events == 0 || p->in_any) {
        return kn_parse_fail(p, pos,
                             "any() looks into an array of an event: expected it inside "
                             "where(), and not inside another any()");
    }
    KN_TRY(new_node(p, KN_NODE_ANY, pos, &node));
    KN_TRY(kn_parse_advance(p));
    KN_TRY(kn_parse_enter(p, pos));
    KN_TRY(kn_parse_sign(p, "("));
    KN_TRY(kn_parse_path(p, &node->array));
    KN_TRY(kn_parse_sign(p, ","));
    node->kids = kn_parse_alloc(p, sizeof *node->kids);
    if (!node->kids) {
        return KN_E_NOMEM;
    }
    node->kid_count = 1;
    p->in_any = true;
    KN_TRY(kn_parse_expr(p, &node->kids[0]));
    p->in_any = false;
    KN_TRY(kn_parse_sign(p, ")"));
    p->nesting--;
    *ret = node;
    return KN_OK;
}

static enum kn_rc parse_group(struct kn_parser *p, struct kn_node **ret)
{
    KN_TRY(kn_parse_enter(p, p->token.pos));
    KN_TRY(kn_parse_advance(p));
    KN_TRY(kn_parse_expr(p, ret));
    if (!kn_token_is(&p->token, ")")) {
        return kn_parse_expected(p, "AND, OR or )");
    }
    p->nesting--;
    return kn_parse_advance(p);
}

static enum kn_rc count_condition(struct kn_parser *p)
{
    if (p->conditions++ < KN_QUERY_CONDITIONS_MAX) {
        return KN_OK;
    }
    (void)kn_parse_fail(p, p->token.pos, "too many conditions: at most %d",
                        KN_QUERY_CONDITIONS_MAX);
    if (p->err) {
        p->err->code = KN_E_LIMIT;
    }
    return KN_E_LIMIT;
}

/* ( expr ), any(...) or a comparison. */
static enum kn_rc parse_primary(struct kn_parser *p, struct kn_node **ret)
{
    if (kn_token_is(&p->token, "(")) {
        return parse_group(p, ret);
    }
    if (is_keyword(&p->token, "any") || is_keyword(&p->token, "all")) {
        struct kn_lexer ahead = p->lexer;
        struct kn_token next;
        bool call = kn_token_is(&p->token, "any") && kn_lex(&ahead, &next, NULL) == KN_OK &&
                    kn_token_is(&next, "(");
        if (!call || kn_str_eq(p->token.text, KN_STR("ANY"))) {
            return kn_parse_fail(p, p->token.pos,
                                 "%.*s is for accounts, which Kern does not have: "
                                 "expected a condition",
                                 KN_STR_ARG(p->token.text));
        }
        KN_TRY(count_condition(p));
        return parse_any(p, ret);
    }
    if (is_keyword(&p->token, "not")) {
        return kn_parse_expected(p, "( or a condition after NOT");
    }
    KN_TRY(count_condition(p));
    return kn_parse_comparison(p, ret);
}

static enum kn_rc parse_unary(struct kn_parser *p, struct kn_node **ret)
{
    size_t pos = p->token.pos;
    struct kn_node *node = NULL;
    if (!is_keyword(&p->token, "not")) {
        KN_TRY(parse_primary(p, ret));
        if ((*ret)->len == 0) {
            (*ret)->len = (uint32_t)(p->end - pos);
        }
        return KN_OK;
    }
    KN_TRY(kn_parse_advance(p));
    KN_TRY(new_node(p, KN_NODE_NOT, pos, &node));
    node->kids = kn_parse_alloc(p, sizeof *node->kids);
    if (!node->kids) {
        return KN_E_NOMEM;
    }
    node->kid_count = 1;
    KN_TRY(parse_primary(p, &node->kids[0]));
    node->len = (uint32_t)(p->end - pos);
    *ret = node;
    return KN_OK;
}

/* One or more operands joined by a keyword; a single operand stands for itself. */
static enum kn_rc parse_list(struct kn_parser *p, enum kn_node_kind kind, struct kn_node **ret)
{
    struct kn_node *operands[KN_QUERY_CONDITIONS_MAX + 1], *node = NULL;
    uint32_t count = 0;
    size_t pos = p->token.pos;
    bool more = true;
    while (more) {
        kn_assert(count <= KN_QUERY_CONDITIONS_MAX);
        KN_TRY(kind == KN_NODE_OR ? parse_list(p, KN_NODE_AND, &operands[count])
                                  : parse_unary(p, &operands[count]));
        count++;
        more = is_keyword(&p->token, kind == KN_NODE_OR ? "or" : "and");
        if (more) {
            KN_TRY(kn_parse_advance(p));
        }
    }
    if (count == 1) {
        *ret = operands[0];
        return KN_OK;
    }
    KN_TRY(new_node(p, kind, pos, &node));
    node->len = (uint32_t)(p->end - pos);
    node->kid_count = count;
    node->kids = kn_parse_alloc(p, count * sizeof *node->kids);
    if (!node->kids) {
        return KN_E_NOMEM;
    }
    memcpy(node->kids, operands, count * sizeof *node->kids);
    *ret = node;
    return KN_OK;
}

enum kn_rc kn_parse_expr(struct kn_parser *p, struct kn_node **ret)
{
    return parse_list(p, KN_NODE_OR, ret);
}

static enum kn_rc parse_form(struct kn_parser *p, struct kn_query *query)
{
    struct kn_node *root = NULL;
    struct kn_chain *chain = NULL;
    KN_TRY(kn_parse_advance(p));
    if (query->form == KN_QUERY_SEGMENT) {
        KN_TRY(kn_parse_expr(p, &root));
        query->root = root;
        return p->token.kind == KN_TOKEN_END ? KN_OK : kn_parse_expected(p, "AND, OR or the end");
    }
    if (!kn_token_is(&p->token, "event") && !kn_token_is(&p->token, "order")) {
        return kn_parse_expected(p, "event('...') or order(), of which a computed trait is made");
    }
    KN_TRY(count_condition(p));
    KN_TRY(kn_parse_chain(p, &chain));
    query->chain = chain;
    if (p->token.kind != KN_TOKEN_END) {
        return kn_parse_expected(p, "the end: a computed trait has no comparison");
    }
    return KN_OK;
}

enum kn_rc kn_query_parse(struct kn_str text, enum kn_query_form form, struct kn_arena *arena,
                          struct kn_query *ret, struct kn_err *err)
{
    struct kn_parser p = {.lexer = {text, 0}, .arena = arena, .err = err, .form = form};
    struct kn_query query = {form, NULL, NULL};
    if (text.len > KN_QUERY_TEXT_MAX) {
        (void)kn_parse_fail(&p, KN_QUERY_TEXT_MAX, "a query is at most %d bytes",
                            KN_QUERY_TEXT_MAX);
        if (err) {
            err->code = KN_E_LIMIT;
        }
        return KN_E_LIMIT;
    }
    KN_TRY(parse_form(&p, &query));
    *ret = query;
    return KN_OK;
}
