#include "tests/unit/segment/naive.h"

#include <stdio.h>

enum { ROWS = 512, VALUES = 2048 };

enum truth { NO, YES, UNDECIDED };

struct place { /* where a condition inside where() stands */
    const struct history_event *event;
    const struct history_json *element;
    const struct place *outer;
};

static enum truth judge(const struct naive *n, const struct kn_node *node,
                        const struct place *place);

static enum truth opposite(enum truth t)
{
    return t == UNDECIDED ? UNDECIDED : t == YES ? NO : YES;
}

/* ---- rows ---- */

static bool in_window(const struct naive *n, const struct kn_window *w,
                      const struct history_event *row, const struct place *parent)
{
    int64_t t = row->us, from, to, day;
    if (t > n->now) {
        return false;
    }
    switch (w->kind) {
    case KN_WINDOW_WITHIN: return t > naive_shift(n->zones, n->now, w->a, -1);
    case KN_WINDOW_BETWEEN:
        return t > naive_shift(n->zones, n->now, w->a, -1) &&
               t <= naive_shift(n->zones, n->now, w->b, -1);
    case KN_WINDOW_DATES:
        return naive_date(n->zones, w->from, &from, &day) &&
               naive_date(n->zones, w->to, &to, &day) && from <= t && t < to;
    case KN_WINDOW_DURING: return naive_during(n->zones, n->now, (enum kn_during)w->during, t);
    case KN_WINDOW_PARENT: {
        const struct history_event *p = parent->event;
        bool after = t > p->us || (t == p->us && row->arrival > p->arrival);
        return after && t <= naive_shift(n->zones, p->us, w->a, 1);
    }
    default: return true;
    }
}

static bool is_excluded(const struct kn_chain *chain, uint32_t source)
{
    char name[16];
    (void)snprintf(name, sizeof name, "s%u", source);
    for (uint32_t i = 0; i < chain->excluded_count; i++) {
        if (kn_str_eq(chain->excluded[i], kn_str_c(name))) {
            return true;
        }
    }
    return false;
}

static uint32_t matching(const struct naive *n, const struct kn_chain *chain,
                         const struct place *place, const struct history_event **rows)
{
    bool orders = chain->kind == KN_FROM_ORDER;
    const struct history_event *all = orders ? n->history->orders : n->history->events;
    uint32_t total = orders ? n->history->order_count : n->history->event_count, count = 0;
    for (uint32_t i = 0; i < total; i++) {
        struct place here = {&all[i], NULL, place};
        if ((orders || kn_str_eq(all[i].name, chain->name)) && !is_excluded(chain, all[i].source) &&
            in_window(n, &chain->window, &all[i], place) &&
            (!chain->where || judge(n, chain->where, &here) == YES)) {
            kn_assert(count < ROWS);
            rows[count++] = &all[i];
        }
    }
    return count;
}

/* ---- reducing ---- */

struct reduced {
    struct kn_value values[VALUES]; /* of the field, of all rows; what is left after reducing */
    uint32_t rows_of[VALUES];       /* which row each is of */
    uint32_t count;
    bool is_number; /* then `number` (or the mean: number / divisor) is the value */
    naive_dec number;
    int64_t divisor;
};

static uint32_t field_of(const struct kn_chain *chain, const struct history_event *row,
                         struct kn_value *values, uint32_t most)
{
    return history_values(chain->field.context ? &row->context : &row->properties,
                          chain->field.path, values, most);
}

static bool same_value(struct kn_value a, struct kn_value b)
{
    naive_dec x, y;
    bool numbers = a.kind == KN_VALUE_NUMBER && b.kind == KN_VALUE_NUMBER;
    if (numbers && naive_number(a, &x) && naive_number(b, &y)) {
        return x == y;
    }
    return a.kind == b.kind && kn_str_eq(a.text, b.text);
}

/* In how many rows does the value occur? */
static uint32_t rows_with(const struct reduced *r, struct kn_value value)
{
    uint32_t rows = 0, last = UINT32_MAX;
    for (uint32_t i = 0; i < r->count; i++) {
        if (same_value(r->values[i], value) && r->rows_of[i] != last) {
            rows++;
            last = r->rows_of[i];
        }
    }
    return rows;
}

static bool is_first_of_its_kind(const struct reduced *r, uint32_t at)
{
    for (uint32_t i = 0; i < at; i++) {
        if (same_value(r->values[i], r->values[at])) {
            return false;
        }
    }
    return true;
}

static void value_text(struct kn_value value, struct kn_buf *out)
{
    naive_dec number;
    if (value.kind == KN_VALUE_NUMBER && naive_number(value, &number)) {
        naive_dec_put(number, out);
    } else if (value.kind == KN_VALUE_TRUE || value.kind == KN_VALUE_FALSE) {
        kn_buf_c(out, value.kind == KN_VALUE_TRUE ? "true" : "false");
    } else {
        kn_buf_str(out, value.text);
    }
}

static bool comes_before(struct kn_value a, struct kn_value b)
{
    struct kn_buf x, y;
    kn_buf_init(&x, 1 << 16);
    kn_buf_init(&y, 1 << 16);
    value_text(a, &x);
    value_text(b, &y);
    int cmp = kn_str_cmp(kn_buf_view(&x), kn_buf_view(&y));
    kn_buf_deinit(&x);
    kn_buf_deinit(&y);
    return cmp < 0 || (cmp == 0 && a.kind < b.kind);
}

/* Keeps only values that the reducer looks at. */
static void keep_fitting(const struct kn_chain *chain, struct reduced *r)
{
    uint32_t count = 0;
    bool numbers = chain->reducer == KN_REDUCE_SUM || chain->reducer == KN_REDUCE_AVG ||
                   chain->cast == KN_CAST_NUMBER;
    for (uint32_t i = 0; i < r->count; i++) {
        naive_dec number;
        struct kn_value value = r->values[i];
        bool fits = numbers                         ? naive_number(value, &number)
                    : chain->cast == KN_CAST_STRING ? value.kind == KN_VALUE_STRING
                                                    : value.kind != KN_VALUE_OBJECT;
        if (fits) {
            value.kind = numbers ? KN_VALUE_NUMBER : value.kind;
            r->rows_of[count] = r->rows_of[i];
            r->values[count++] = value;
        }
    }
    r->count = count;
}

static void keep_one(struct reduced *r, uint32_t at)
{
    r->values[0] = r->values[at];
    r->count = 1;
}

static void extreme(const struct kn_chain *chain, struct reduced *r)
{
    uint32_t best = 0;
    for (uint32_t i = 1; i < r->count; i++) {
        naive_dec a = 0, b = 0;
        struct kn_value x = r->values[i], y = r->values[best];
        bool less = chain->cast == KN_CAST_STRING
                        ? kn_str_cmp(x.text, y.text) < 0
                        : naive_number(x, &a) && naive_number(y, &b) && a < b;
        bool more = chain->cast == KN_CAST_STRING ? kn_str_cmp(x.text, y.text) > 0 : a > b;
        if (chain->reducer == KN_REDUCE_MIN ? less : more) {
            best = i;
        }
    }
    if (r->count > 0) {
        keep_one(r, best);
        r->is_number = chain->cast == KN_CAST_NUMBER;
        if (r->is_number) {
            (void)naive_number(r->values[0], &r->number);
        }
    }
}

static void most_frequent(const struct kn_chain *chain, struct reduced *r)
{
    uint32_t best = UINT32_MAX, rows = 0;
    for (uint32_t i = 0; i < r->count; i++) {
        uint32_t here = rows_with(r, r->values[i]);
        if (here > rows || (here == rows && comes_before(r->values[i], r->values[best]))) {
            best = i;
            rows = here;
        }
    }
    if (best == UINT32_MAX || rows < chain->mode_min) {
        r->count = 0;
    } else {
        keep_one(r, best);
    }
}

static void to_number(struct reduced *r, int64_t number)
{
    r->is_number = true;
    r->number = (naive_dec)number * 1000000000000000000;
    r->divisor = 1;
    r->count = 1;
}

static void by_value(const struct kn_chain *chain, struct reduced *r)
{
    uint32_t distinct = 0, most = 0;
    for (uint32_t i = 0; i < r->count; i++) {
        uint32_t rows = rows_with(r, r->values[i]);
        distinct += is_first_of_its_kind(r, i);
        most = rows > most ? rows : most;
    }
    to_number(r, chain->reducer == KN_REDUCE_UNIQUE_COUNT ? distinct : most);
}

static void list(struct reduced *r)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < r->count; i++) {
        if (is_first_of_its_kind(r, i)) {
            struct kn_value value = r->values[i];
            uint32_t at = count++;
            for (; at > 0 && comes_before(value, r->values[at - 1]); at--) {
                r->values[at] = r->values[at - 1];
            }
            r->values[at] = value;
        }
    }
    r->count = count;
}

static void add_up(const struct kn_chain *chain, struct reduced *r)
{
    naive_dec sum = 0, number;
    uint32_t count = r->count;
    for (uint32_t i = 0; i < count; i++) {
        sum += naive_number(r->values[i], &number) ? number : 0;
    }
    if (chain->reducer == KN_REDUCE_SUM || count > 0) {
        to_number(r, 1);
        r->number = sum;
        r->divisor = chain->reducer == KN_REDUCE_SUM ? 1 : count;
    }
}

static int64_t distinct_days(const struct naive *n, const struct history_event **rows,
                             uint32_t count)
{
    int64_t days = 0;
    for (uint32_t i = 0; i < count; i++) {
        bool known = false;
        for (uint32_t k = 0; k < i; k++) {
            known |=
                naive_local_day(n->zones, rows[k]->us) == naive_local_day(n->zones, rows[i]->us);
        }
        days += !known;
    }
    return days;
}

static void reduce(const struct naive *n, const struct kn_chain *chain,
                   const struct history_event **rows, uint32_t count, struct reduced *r)
{
    r->count = 0;
    r->is_number = false;
    r->divisor = 1;
    if (chain->reducer == KN_REDUCE_COUNT || chain->reducer == KN_REDUCE_DAYS) {
        to_number(r, chain->reducer == KN_REDUCE_COUNT ? (int64_t)count
                                                       : distinct_days(n, rows, count));
        return;
    }
    if (chain->reducer == KN_REDUCE_FIRST || chain->reducer == KN_REDUCE_LAST) {
        r->count = count > 0
                       ? field_of(chain, rows[chain->reducer == KN_REDUCE_FIRST ? 0 : count - 1],
                                  r->values, VALUES)
                       : 0;
        return;
    }
    for (uint32_t i = 0; i < count; i++) {
        uint32_t more = field_of(chain, rows[i], r->values + r->count, VALUES - r->count);
        kn_assert(r->count + more < VALUES);
        for (uint32_t k = 0; k < more; k++) {
            r->rows_of[r->count++] = i;
        }
    }
    keep_fitting(chain, r);
    switch (chain->reducer) {
    case KN_REDUCE_SUM:
    case KN_REDUCE_AVG: add_up(chain, r); break;
    case KN_REDUCE_MIN:
    case KN_REDUCE_MAX: extreme(chain, r); break;
    case KN_REDUCE_MODE: most_frequent(chain, r); break;
    case KN_REDUCE_UNIQUE: list(r); break;
    default: by_value(chain, r); break;
    }
}

/* ---- comparisons ---- */

static bool values_hold(const struct naive *n, const struct kn_node *node,
                        const struct kn_value *values, uint32_t count)
{
    bool any = false;
    if (node->op == KN_OP_ABSENT) {
        return count == 0;
    }
    for (uint32_t i = 0; i < count; i++) {
        any |= naive_matches(n, node, values[i]);
    }
    return naive_is_negative((enum kn_op)node->op) ? count > 0 && !any : any;
}

static bool number_holds(const struct kn_node *node, const struct reduced *r)
{
    bool any = node->op == KN_OP_EXISTS;
    for (uint32_t i = 0; i < node->value_count; i++) {
        naive_dec literal;
        if (naive_digits(node->values[i].text, false, &literal)) {
            any |= naive_compare_numbers((enum kn_op)node->op, r->number, literal * r->divisor);
        }
    }
    return any != naive_is_negative((enum kn_op)node->op);
}

static enum truth judge_rows(const struct naive *n, const struct kn_node *node,
                             const struct place *place)
{
    const struct history_event *rows[ROWS];
    static _Thread_local struct reduced r;
    const struct kn_chain *chain = node->chain;
    uint32_t count = matching(n, chain, place, rows);
    reduce(n, chain, rows, count, &r);
    bool truth = r.is_number && node->op != KN_OP_ABSENT ? number_holds(node, &r)
                                                         : values_hold(n, node, r.values, r.count);
    bool rises = chain->reducer == KN_REDUCE_COUNT &&
                 (node->op == KN_OP_AT_LEAST || node->op == KN_OP_ABOVE);
    if (chain->window.kind == KN_WINDOW_PARENT && !(rises && truth) &&
        n->now <= naive_shift(n->zones, place->event->us, chain->window.a, 1)) {
        return UNDECIDED;
    }
    return truth ? YES : NO;
}

static uint32_t flag(const struct history_flag *flags, uint32_t count, struct kn_str name)
{
    uint32_t state = 0;
    for (uint32_t i = 0; i < count; i++) {
        state = kn_str_eq(flags[i].name, name) ? flags[i].state : state;
    }
    return state;
}

static enum truth judge_flag(const struct naive *n, const struct kn_node *node)
{
    static const char *const states[] = {"unknown", "granted", "denied", "conflict"};
    const struct history *h = n->history;
    const struct kn_chain *chain = node->chain;
    struct kn_value value = {KN_VALUE_TRUE, KN_STR_EMPTY};
    if (chain->kind == KN_FROM_IDENTIFIER) {
        bool has = flag(h->identifiers, h->identifier_count, chain->name);
        return has == (node->op == KN_OP_EXISTS) ? YES : NO;
    }
    if (chain->kind == KN_FROM_CONSENT) {
        uint32_t state = flag(h->consents, h->consent_count, chain->name);
        value = (struct kn_value){KN_VALUE_STRING, kn_str_c(states[state])};
        return values_hold(n, node, &value, 1) ? YES : NO;
    }
    bool member = flag(h->segments, h->segment_count, chain->name);
    if (node->op == KN_OP_MEMBER) {
        return member ? YES : NO;
    }
    value.kind = member ? KN_VALUE_TRUE : KN_VALUE_FALSE;
    return values_hold(n, node, &value, 1) ? YES : NO;
}

static enum truth judge_comparison(const struct naive *n, const struct kn_node *node,
                                   const struct place *place)
{
    struct kn_value values[256];
    const struct kn_chain *chain = node->chain;
    const struct history_json *from = &n->history->traits;
    switch (chain->kind) {
    case KN_FROM_EVENT:
    case KN_FROM_ORDER: return judge_rows(n, node, place);
    case KN_FROM_SEGMENT:
    case KN_FROM_CONSENT:
    case KN_FROM_IDENTIFIER: return judge_flag(n, node);
    case KN_FROM_PROPERTY:
        from = chain->parent    ? &place->outer->event->properties
               : place->element ? place->element
                                : &place->event->properties;
        break;
    case KN_FROM_CONTEXT:
        from = chain->parent ? &place->outer->event->context : &place->event->context;
        break;
    default: break;
    }
    return values_hold(n, node, values, history_values(from, chain->path, values, 256)) ? YES : NO;
}

static enum truth judge_any(const struct naive *n, const struct kn_node *node,
                            const struct place *place)
{
    const struct history_json *elements[256];
    uint32_t count = history_elements(&place->event->properties, node->array, elements, 256);
    for (uint32_t i = 0; i < count; i++) {
        struct place here = {place->event, elements[i], place->outer};
        if (judge(n, node->kids[0], &here) == YES) {
            return YES;
        }
    }
    return NO;
}

static enum truth judge(const struct naive *n, const struct kn_node *node,
                        const struct place *place)
{
    bool undecided = false;
    switch (node->kind) {
    case KN_NODE_NOT: return opposite(judge(n, node->kids[0], place));
    case KN_NODE_ANY: return judge_any(n, node, place);
    case KN_NODE_COMPARE: return judge_comparison(n, node, place);
    default: break;
    }
    for (uint32_t i = 0; i < node->kid_count; i++) {
        enum truth t = judge(n, node->kids[i], place);
        if (t == (node->kind == KN_NODE_AND ? NO : YES)) {
            return t;
        }
        undecided |= t == UNDECIDED;
    }
    return undecided ? UNDECIDED : node->kind == KN_NODE_AND ? YES : NO;
}

bool naive_member(const struct naive *n, const struct kn_query *query)
{
    return judge(n, query->root, NULL) == YES;
}

/* ---- computed traits ---- */

/* number / divisor to 6 decimals, half away from zero. */
static naive_dec rounded(naive_dec number, int64_t divisor)
{
    const naive_dec micro = 1000000000000;
    naive_dec size = number < 0 ? -number : number;
    naive_dec steps = size / (micro * divisor), rest = size % (micro * divisor);
    steps += rest * 2 >= micro * divisor;
    return (number < 0 ? -steps : steps) * micro;
}

static void put_value(struct kn_value value, struct kn_buf *out)
{
    if (value.kind == KN_VALUE_STRING) {
        kn_json_out_string(out, value.text);
    } else {
        value_text(value, out);
    }
}

bool naive_trait(const struct naive *n, const struct kn_query *query, struct kn_buf *out)
{
    const struct history_event *rows[ROWS];
    static _Thread_local struct reduced r;
    const struct kn_chain *chain = query->chain;
    uint32_t count = matching(n, chain, NULL, rows);
    bool many = chain->reducer == KN_REDUCE_UNIQUE, comma = false;
    reduce(n, chain, rows, count, &r);
    if (r.is_number) {
        naive_dec_put(chain->reducer == KN_REDUCE_AVG ? rounded(r.number, r.divisor) : r.number,
                      out);
        return true;
    }
    if (r.count == 0 || (r.count == 1 && !many && r.values[0].kind == KN_VALUE_OBJECT)) {
        return false;
    }
    kn_buf_c(out, many || r.count > 1 ? "[" : "");
    for (uint32_t i = 0; i < r.count; i++) {
        if (r.values[i].kind != KN_VALUE_OBJECT) {
            kn_buf_c(out, comma ? "," : "");
            put_value(r.values[i], out);
            comma = true;
        }
    }
    kn_buf_c(out, many || r.count > 1 ? "]" : "");
    return true;
}
