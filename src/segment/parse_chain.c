/* Chains: an extractor, its filters, its reducer. */
#include "segment/date.h"
#include "segment/parse_internal.h"

static const char *const filter_words[] = {"where",   "sources", "within",
                                           "between", "during",  "expires_after"};
enum { FILTERS = sizeof filter_words / sizeof filter_words[0] };

enum kn_gives kn_chain_gives(const struct kn_chain *chain)
{
    if (chain->kind != KN_FROM_EVENT && chain->kind != KN_FROM_ORDER) {
        return KN_GIVES_ANY;
    }
    switch (chain->reducer) {
    case KN_REDUCE_FIRST:
    case KN_REDUCE_LAST: return KN_GIVES_ANY;
    case KN_REDUCE_MODE:
        return chain->cast == KN_CAST_NUMBER   ? KN_GIVES_NUMBER
               : chain->cast == KN_CAST_STRING ? KN_GIVES_STRING
                                               : KN_GIVES_ANY;
    case KN_REDUCE_MIN:
    case KN_REDUCE_MAX: return chain->cast == KN_CAST_STRING ? KN_GIVES_STRING : KN_GIVES_NUMBER;
    default: return KN_GIVES_NUMBER;
    }
}

static enum kn_rc join_where(struct kn_parser *p, struct kn_chain *chain, struct kn_node *more)
{
    struct kn_node *node;
    if (!chain->where) {
        chain->where = more;
        return KN_OK;
    }
    node = kn_parse_alloc(p, sizeof *node);
    if (!node) {
        return KN_E_NOMEM;
    }
    node->kind = KN_NODE_AND;
    node->pos = chain->where->pos;
    node->len = (uint32_t)(p->end - node->pos);
    node->kids = kn_parse_alloc(p, 2 * sizeof *node->kids);
    if (!node->kids) {
        return KN_E_NOMEM;
    }
    node->kids[0] = chain->where;
    node->kids[1] = more;
    node->kid_count = 2;
    chain->where = node;
    return KN_OK;
}

static enum kn_rc parse_where(struct kn_parser *p, struct kn_chain *chain)
{
    struct kn_node *where = NULL;
    size_t pos = p->token.pos;
    KN_TRY(kn_parse_enter(p, pos));
    KN_TRY(kn_parse_advance(p));
    KN_TRY(kn_parse_sign(p, "("));
    p->events++;
    KN_TRY(kn_parse_expr(p, &where));
    p->events--;
    p->nesting--;
    if (!kn_token_is(&p->token, ")")) {
        return kn_parse_expected(p, "AND, OR or )");
    }
    KN_TRY(kn_parse_advance(p));
    KN_TRY(join_where(p, chain, where));
    /* Joined conditions may need parentheses of their own in the canonical text. */
    return kn_parse_room(p, pos, 1 + kn_node_nesting(chain->where));
}

/* sources({exclude: ['a', 'b']}), or one string without the brackets. */
static enum kn_rc parse_sources(struct kn_parser *p, struct kn_chain *chain)
{
    struct kn_str names[KN_QUERY_VALUES_MAX / 10];
    uint32_t count = 0;
    bool list, more = true;
    if (chain->excluded_count > 0) {
        return kn_parse_fail(p, p->token.pos, "a second sources(): expected one list of sources");
    }
    KN_TRY(kn_parse_advance(p));
    KN_TRY(kn_parse_sign(p, "("));
    KN_TRY(kn_parse_sign(p, "{"));
    KN_TRY(kn_parse_sign(p, "exclude"));
    KN_TRY(kn_parse_sign(p, ":"));
    list = kn_token_is(&p->token, "[");
    if (list) {
        KN_TRY(kn_parse_advance(p));
    }
    while (more) {
        if (count == sizeof names / sizeof names[0]) {
            return kn_parse_fail(p, p->token.pos, "too many sources: at most %u", count);
        }
        KN_TRY(kn_parse_string(p, "the name of a source", &names[count++]));
        more = list && kn_token_is(&p->token, ",");
        if (more) {
            KN_TRY(kn_parse_advance(p));
        }
    }
    if (list) {
        KN_TRY(kn_parse_sign(p, "]"));
    }
    KN_TRY(kn_parse_sign(p, "}"));
    KN_TRY(kn_parse_sign(p, ")"));
    struct kn_str *copy = kn_parse_alloc(p, count * sizeof *copy);
    if (!copy) {
        return KN_E_NOMEM;
    }
    memcpy(copy, names, count * sizeof *copy);
    chain->excluded = copy;
    chain->excluded_count = count;
    return KN_OK;
}

static enum kn_rc parse_within(struct kn_parser *p, struct kn_window *window)
{
    size_t pos = p->token.pos;
    window->kind = KN_WINDOW_WITHIN;
    if (kn_token_is(&p->token, "parent")) {
        if (p->events == 0) {
            return kn_parse_fail(p, pos,
                                 "parent means the enclosing event: expected it only in an "
                                 "event() inside where()");
        }
        KN_TRY(kn_parse_advance(p));
        KN_TRY(kn_parse_sign(p, ":"));
        window->kind = KN_WINDOW_PARENT;
    } else if (p->events > 0) {
        return kn_parse_fail(p, pos,
                             "expected parent: before the period, as in within(parent: 2 "
                             "hours): an event inside where() counts from its parent");
    }
    return kn_parse_period(p, &window->a);
}

static enum kn_rc parse_between(struct kn_parser *p, struct kn_window *window)
{
    size_t pos = p->token.pos;
    if (p->token.kind == KN_TOKEN_STRING) {
        struct kn_date from, to;
        window->kind = KN_WINDOW_DATES;
        KN_TRY(kn_parse_date(p, &window->from));
        KN_TRY(kn_parse_sign(p, ","));
        KN_TRY(kn_parse_date(p, &window->to));
        bool ok = kn_date_parse(window->from, &from) && kn_date_parse(window->to, &to);
        if (ok && from.has_offset == to.has_offset && from.local_us >= to.local_us) {
            return kn_parse_fail(p, pos, "expected the earlier date first");
        }
        return KN_OK;
    }
    if (p->token.kind != KN_TOKEN_NUMBER) {
        return kn_parse_expected(p, "a period such as 30 days, or a date such as '2026-01-31'");
    }
    window->kind = KN_WINDOW_BETWEEN;
    KN_TRY(kn_parse_period(p, &window->a));
    KN_TRY(kn_parse_sign(p, ","));
    KN_TRY(kn_parse_period(p, &window->b));
    if (kn_period_is_fixed(window->a) && kn_period_is_fixed(window->b) &&
        kn_period_fixed_us(window->a) <= kn_period_fixed_us(window->b)) {
        return kn_parse_fail(p, pos,
                             "expected the longer period first, as in between(30 days, 7 "
                             "days)");
    }
    return KN_OK;
}

static enum kn_rc parse_during(struct kn_parser *p, struct kn_window *window)
{
    struct kn_str word;
    struct kn_token token = p->token;
    KN_TRY(kn_parse_string(p, "a calendar period such as 'this month'", &word));
    int found = kn_word_find(kn_during_words, KN_DURING_COUNT, word);
    if (found < 0) {
        p->token = token;
        return kn_parse_unknown(p, "calendar period",
                                "'today', 'yesterday', or 'this' or 'last' with week, month, "
                                "quarter or year",
                                kn_during_words, KN_DURING_COUNT);
    }
    window->kind = KN_WINDOW_DURING;
    window->during = (uint32_t)found;
    return KN_OK;
}

static enum kn_rc parse_window(struct kn_parser *p, struct kn_chain *chain)
{
    struct kn_token word = p->token;
    if (chain->window.kind != KN_WINDOW_NONE) {
        return kn_parse_fail(p, word.pos,
                             "a second window: expected one of within(), between() and "
                             "during()");
    }
    if (p->events > 0 && !kn_token_is(&word, "within")) {
        return kn_parse_fail(p, word.pos,
                             "an event inside where() counts from its parent: expected "
                             "within(parent: ...)");
    }
    KN_TRY(kn_parse_advance(p));
    KN_TRY(kn_parse_sign(p, "("));
    KN_TRY(kn_token_is(&word, "within")    ? parse_within(p, &chain->window)
           : kn_token_is(&word, "between") ? parse_between(p, &chain->window)
                                           : parse_during(p, &chain->window));
    return kn_parse_sign(p, ")");
}

static enum kn_rc parse_filter(struct kn_parser *p, struct kn_chain *chain)
{
    if (kn_token_is(&p->token, "where")) {
        return parse_where(p, chain);
    }
    if (kn_token_is(&p->token, "sources")) {
        return parse_sources(p, chain);
    }
    if (kn_token_is(&p->token, "expires_after")) {
        return kn_parse_fail(p, p->token.pos,
                             "expires_after() is not part of the language: "
                             "expected within() or between()");
    }
    return parse_window(p, chain);
}

/* ", 3" or nothing after mode's property. */
static enum kn_rc parse_mode_min(struct kn_parser *p, struct kn_chain *chain)
{
    uint64_t least;
    chain->mode_min = 1;
    if (!kn_token_is(&p->token, ",")) {
        return KN_OK;
    }
    KN_TRY(kn_parse_advance(p));
    if (p->token.kind != KN_TOKEN_NUMBER || !kn_str_u64(p->token.text, &least) || least < 1 ||
        least > 1000000) {
        return kn_parse_expected(p, "the least number of events, a whole number from 1");
    }
    chain->mode_min = (uint32_t)least;
    return kn_parse_advance(p);
}

static enum kn_rc parse_cast(struct kn_parser *p, struct kn_chain *chain)
{
    bool minmax = chain->reducer == KN_REDUCE_MIN || chain->reducer == KN_REDUCE_MAX;
    chain->cast = minmax ? KN_CAST_NUMBER : KN_CAST_NONE;
    if (!kn_token_is(&p->token, "as")) {
        return KN_OK;
    }
    KN_TRY(kn_parse_advance(p));
    if (!kn_token_is(&p->token, "number") && !kn_token_is(&p->token, "string")) {
        return kn_parse_expected(p, "number or string");
    }
    chain->cast = kn_token_is(&p->token, "number") ? KN_CAST_NUMBER : KN_CAST_STRING;
    return kn_parse_advance(p);
}

static enum kn_rc parse_field(struct kn_parser *p, struct kn_field *field)
{
    field->pos = (uint32_t)p->token.pos;
    field->context = kn_token_is(&p->token, "context");
    if (!field->context && !kn_token_is(&p->token, "property")) {
        return kn_parse_expected(p, "property('...') or context('...')");
    }
    KN_TRY(kn_parse_advance(p));
    KN_TRY(kn_parse_sign(p, "("));
    KN_TRY(kn_parse_path(p, &field->path));
    return kn_parse_sign(p, ")");
}

static enum kn_rc parse_reducer(struct kn_parser *p, struct kn_chain *chain, int reducer)
{
    chain->reducer = (uint32_t)reducer;
    if (reducer == KN_REDUCE_UNIQUE && p->form == KN_QUERY_SEGMENT) {
        return kn_parse_fail(p, p->token.pos,
                             "unique() gives a list, which has no comparison: "
                             "expected unique_count()");
    }
    if (reducer == KN_REDUCE_UNIQUE && p->events > 0) {
        return kn_parse_fail(p, p->token.pos,
                             "unique() gives a list: expected unique_count() inside where()");
    }
    KN_TRY(kn_parse_advance(p));
    KN_TRY(kn_parse_sign(p, "("));
    if (kn_reducer_has_field(chain->reducer)) {
        KN_TRY(parse_field(p, &chain->field));
    }
    if (reducer == KN_REDUCE_MIN || reducer == KN_REDUCE_MAX || reducer == KN_REDUCE_MODE) {
        KN_TRY(parse_cast(p, chain));
    }
    if (reducer == KN_REDUCE_MODE) {
        KN_TRY(parse_mode_min(p, chain));
    }
    return kn_parse_sign(p, ")");
}

static enum kn_rc unknown_step(struct kn_parser *p)
{
    const char *words[KN_REDUCER_COUNT + FILTERS];
    size_t count = 0;
    for (int i = KN_REDUCE_COUNT; i < KN_REDUCER_COUNT; i++) {
        words[count++] = kn_reducer_words[i];
    }
    for (size_t i = 0; i < FILTERS - 1; i++) {
        words[count++] = filter_words[i];
    }
    if (kn_word_op(p->token.text) >= 0) {
        return kn_parse_expected(p, "a reducer such as count() before the comparison");
    }
    return kn_parse_unknown(p, "function",
                            "a filter (where, sources, within, between, during) or a reducer "
                            "(count, days, sum, avg, min, max, first, last, mode, unique_count, "
                            "max_count_by)",
                            words, count);
}

/* Filters and the reducer, from the dot on. */
static enum kn_rc parse_steps(struct kn_parser *p, struct kn_chain *chain)
{
    while (chain->reducer == KN_REDUCE_NONE) {
        if (!kn_token_is(&p->token, ".")) {
            return kn_parse_expected(p, ". and a filter or reducer such as .count()");
        }
        KN_TRY(kn_parse_advance(p));
        if (p->token.kind != KN_TOKEN_WORD) {
            return kn_parse_expected(p, "a filter or a reducer such as count()");
        }
        int reducer = kn_word_find(kn_reducer_words, KN_REDUCER_COUNT, p->token.text);
        if (reducer > 0) {
            KN_TRY(parse_reducer(p, chain, reducer));
        } else if (kn_word_find(filter_words, FILTERS, p->token.text) >= 0) {
            KN_TRY(parse_filter(p, chain));
        } else {
            return unknown_step(p);
        }
    }
    if (p->events > 0 && chain->window.kind != KN_WINDOW_PARENT) {
        return kn_parse_fail(p, chain->pos,
                             "an event inside where() needs its place: expected "
                             ".within(parent: ...) in this chain");
    }
    return KN_OK;
}

static enum kn_rc parse_rows(struct kn_parser *p, struct kn_chain *chain)
{
    if (p->in_any) {
        return kn_parse_fail(p, chain->pos,
                             "an event cannot stand inside any(): expected property() "
                             "or context()");
    }
    if (p->events > KN_QUERY_EVENTS_MAX) {
        return kn_parse_fail(p, chain->pos,
                             "events are nested too deeply: at most %d levels inside "
                             "where()",
                             KN_QUERY_EVENTS_MAX);
    }
    KN_TRY(kn_parse_sign(p, "("));
    if (chain->kind == KN_FROM_EVENT) {
        size_t pos = p->token.pos;
        KN_TRY(kn_parse_string(p, "the name of an event in single quotes", &chain->name));
        if (chain->name.len == 0) {
            return kn_parse_fail(p, pos, "expected the name of an event between the quotes");
        }
    }
    KN_TRY(kn_parse_sign(p, ")"));
    return parse_steps(p, chain);
}

/* property and context, with parent: before the name in nested events. */
static enum kn_rc parse_value(struct kn_parser *p, struct kn_chain *chain)
{
    if (p->events == 0) {
        return kn_parse_fail(p, chain->pos,
                             "%s() belongs to an event: expected it only inside "
                             "where() or a reducer; for a profile use trait()",
                             kn_from_words[chain->kind]);
    }
    KN_TRY(kn_parse_sign(p, "("));
    if (kn_token_is(&p->token, "parent")) {
        if (p->events < 2) {
            return kn_parse_fail(p, p->token.pos,
                                 "parent means the enclosing event: expected it "
                                 "only in an event() inside where()");
        }
        KN_TRY(kn_parse_advance(p));
        KN_TRY(kn_parse_sign(p, ":"));
        chain->parent = true;
    }
    KN_TRY(kn_parse_path(p, &chain->path));
    return kn_parse_sign(p, ")");
}

static enum kn_rc parse_named(struct kn_parser *p, struct kn_chain *chain, const char *what)
{
    size_t pos;
    KN_TRY(kn_parse_sign(p, "("));
    pos = p->token.pos;
    KN_TRY(kn_parse_string(p, what, &chain->name));
    if (chain->name.len == 0) {
        return kn_parse_fail(p, pos, "expected %s", what);
    }
    return kn_parse_sign(p, ")");
}

static enum kn_rc parse_source(struct kn_parser *p, struct kn_chain *chain)
{
    switch (chain->kind) {
    case KN_FROM_EVENT:
    case KN_FROM_ORDER: return parse_rows(p, chain);
    case KN_FROM_PROPERTY:
    case KN_FROM_CONTEXT: return parse_value(p, chain);
    case KN_FROM_SEGMENT: return parse_named(p, chain, "the key of a segment in single quotes");
    case KN_FROM_CONSENT: return parse_named(p, chain, "a purpose in single quotes");
    case KN_FROM_IDENTIFIER: return parse_named(p, chain, "a type of identifier in single quotes");
    default:
        KN_TRY(kn_parse_sign(p, "("));
        KN_TRY(kn_parse_path(p, &chain->path));
        return kn_parse_sign(p, ")");
    }
}

enum kn_rc kn_parse_chain(struct kn_parser *p, struct kn_chain **ret)
{
    static const char what[] =
        "event, order, trait, segment, consent or identifier (inside where() "
        "also property, context and any)";
    if (p->token.kind != KN_TOKEN_WORD) {
        return kn_parse_expected(p, "a condition");
    }
    if (kn_token_is(&p->token, "entity") || kn_token_is(&p->token, "literal")) {
        return kn_parse_fail(p, p->token.pos, "%.*s() is not part of the language: expected %s",
                             KN_STR_ARG(p->token.text), what);
    }
    int kind = kn_word_find(kn_from_words, KN_FROM_COUNT, p->token.text);
    if (kind < 0) {
        return kn_parse_unknown(p, "word", what, kn_from_words, KN_FROM_COUNT);
    }
    struct kn_chain *chain = kn_parse_alloc(p, sizeof *chain);
    if (!chain) {
        return KN_E_NOMEM;
    }
    chain->kind = (uint32_t)kind;
    chain->pos = (uint32_t)p->token.pos;
    KN_TRY(kn_parse_advance(p));
    KN_TRY(parse_source(p, chain));
    chain->len = (uint32_t)(p->end - chain->pos);
    *ret = chain;
    return KN_OK;
}
