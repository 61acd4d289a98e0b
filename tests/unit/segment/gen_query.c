/* Random definitions, as text. */
#include <stdio.h>

#include "tests/unit/segment/gen_internal.h"

enum place { OUTSIDE, IN_WHERE, IN_ANY };

struct writer {
    struct gen *g;
    struct kn_buf *out;
    int conditions; /* written so far */
    int events;     /* nesting: 0 outside where() */
};

static void condition(struct writer *w, enum place place, int depth);

static void quoted(struct writer *w, struct kn_str text)
{
    kn_buf_char(w->out, '\'');
    for (size_t i = 0; i < text.len; i++) {
        kn_buf_c(w->out, text.p[i] == '\'' || text.p[i] == '\\' ? "\\" : "");
        kn_buf_char(w->out, text.p[i]);
    }
    kn_buf_char(w->out, '\'');
}

static void number(struct writer *w)
{
    static const char *const numbers[] = {
        "5", "10", "9.99", "1", "0", "50", "-2.5", "0.3", "5.00", "99999999999999999", "05"};
    kn_buf_c(w->out, gen_pick(w->g, numbers, w->g->plain ? 5 : sizeof numbers / sizeof numbers[0]));
}

static void small(struct writer *w)
{
    static const char *const numbers[] = {"0", "1", "1", "2", "2", "3", "4", "1.5", "-1"};
    kn_buf_c(w->out, GEN_PICK(w->g, numbers));
}

static void period(struct writer *w)
{
    static const char *const periods[] = {
        "1 second", "1 hour",  "2 hours",  "1 day",  "2 days",    "7 days",     "1 week",
        "30 days",  "1 month", "2 months", "1 year", "12 months", "30 minutes", "60 days"};
    kn_buf_c(w->out, GEN_PICK(w->g, periods));
}

static void literal(struct writer *w)
{
    if (gen_one_in(w->g, 8)) {
        kn_buf_c(w->out, gen_one_in(w->g, 2) ? "true" : "false");
    } else if (gen_one_in(w->g, 2)) {
        quoted(w, gen_word(w->g));
    } else {
        number(w);
    }
}

static void list(struct writer *w, void (*each)(struct writer *w))
{
    uint64_t count = gen_one_in(w->g, 6) ? 12 : 1 + gen_below(w->g, 3);
    for (uint64_t i = 0; i < count; i++) {
        kn_buf_c(w->out, i > 0 ? ", " : "");
        each(w);
    }
}

static void any_word(struct writer *w)
{
    quoted(w, gen_word(w->g));
}

static void numeric_test(struct writer *w, void (*value)(struct writer *w))
{
    static const char *const symbols[] = {
        " = ", " != ", " > ", " >= ", " < ", " <= ", " >= ", " = "};
    uint64_t kind = gen_below(w->g, 10);
    if (kind < 7) {
        kn_buf_c(w->out, GEN_PICK(w->g, symbols));
        value(w);
    } else if (kind < 9) {
        kn_buf_c(w->out, gen_one_in(w->g, 2) ? ".one_of(" : ".none_of(");
        list(w, value);
        kn_buf_char(w->out, ')');
    } else {
        kn_buf_c(w->out, gen_one_in(w->g, 2) ? ".exists()" : ".absent()");
    }
}

static void text_test(struct writer *w)
{
    static const char *const names[] = {".contains(", ".omits(", ".starts_with(", ".ends_with("};
    static const char *const symbols[] = {" = ", " != ", " > ", " >= ", " < ", " <= "};
    if (gen_one_in(w->g, 2)) {
        kn_buf_c(w->out, GEN_PICK(w->g, names));
        list(w, any_word);
        kn_buf_char(w->out, ')');
    } else {
        kn_buf_c(w->out, GEN_PICK(w->g, symbols));
        any_word(w);
    }
}

static void date_literal(struct writer *w)
{
    struct kn_str text = gen_date(w->g);
    bool plain = text.len >= 10 && text.p[4] == '-' &&
                 kn_str_cmp(text, KN_STR("2026-02-30")) != 0 &&
                 kn_str_cmp(text, KN_STR("2026-13-01")) != 0 && text.p[0] == '2' &&
                 kn_str_cmp(text, KN_STR("2026-11-23T25:00")) != 0;
    quoted(w, plain ? text : KN_STR("2026-11-01"));
}

static void date_test(struct writer *w)
{
    static const char *const names[] = {".within_last(", ".within_next(", ".anniversary_within("};
    if (gen_one_in(w->g, 4)) {
        kn_buf_c(w->out, gen_one_in(w->g, 2) ? ".before_date(" : ".after_date(");
        date_literal(w);
    } else {
        kn_buf_c(w->out, GEN_PICK(w->g, names));
        period(w);
    }
    kn_buf_char(w->out, ')');
}

/* A comparison of something that may have any type. Negative ones hold often. */
static void any_test(struct writer *w, bool date)
{
    if (date ? !gen_one_in(w->g, 4) : gen_one_in(w->g, 12)) {
        date_test(w);
    } else if (gen_one_in(w->g, 3)) {
        text_test(w);
    } else if (gen_one_in(w->g, 3)) {
        kn_buf_c(w->out, gen_one_in(w->g, 2) ? " = " : " != ");
        literal(w);
    } else if (gen_one_in(w->g, 3)) {
        kn_buf_c(w->out, gen_one_in(w->g, 2) ? ".one_of(" : ".none_of(");
        list(w, literal);
        kn_buf_char(w->out, ')');
    } else {
        numeric_test(w, number);
    }
}

/* Answers whether it is a date, mostly. */
static bool field(struct writer *w, bool may_parent)
{
    static const char *const properties[] = {"sku",      "price",          "products.category",
                                             "tags",     "products.price", "deep.x",
                                             "deep.y.z", "when",           "a\\.b",
                                             "products", "products.tags",  "deep",
                                             "value"};
    static const char *const contexts[] = {"device", "page", "when", "page.path"};
    bool context = gen_one_in(w->g, 6);
    const char *name = context ? GEN_PICK(w->g, contexts) : GEN_PICK(w->g, properties);
    kn_buf_c(w->out, context ? "context(" : "property(");
    kn_buf_c(w->out, may_parent && gen_one_in(w->g, 3) ? "parent: " : "");
    kn_buf_printf(w->out, "'%s')", name);
    return strcmp(name, "when") == 0;
}

static void window(struct writer *w)
{
    static const char *const spans[] = {"today",      "yesterday",  "this week",    "last week",
                                        "this month", "last month", "this quarter", "last quarter",
                                        "this year",  "last year"};
    static const char *const between[] = {
        "30 days, 7 days",   "2 days, 1 day",   "7 days, 1 hour",   "1 month, 1 week",
        "2 months, 1 month", "1 year, 30 days", "60 days, 1 month", "1 week, 1 month"};
    static const char *const dates[] = {
        "'2026-10-01', '2026-10-25'", "'2026-10-25', '2026-11-23'", "'2026-03-29', '2026-03-30'",
        "'2026-12-31T23:59:59', '2027-01-02'", "'2026-11-23T10:00:00Z', '2028-03-01'"};
    switch (gen_below(w->g, 7)) {
    case 0:
    case 1:
        kn_buf_c(w->out, ".within(");
        period(w);
        kn_buf_char(w->out, ')');
        break;
    case 2: kn_buf_printf(w->out, ".between(%s)", GEN_PICK(w->g, between)); break;
    case 3: kn_buf_printf(w->out, ".between(%s)", GEN_PICK(w->g, dates)); break;
    case 4: kn_buf_printf(w->out, ".during('%s')", GEN_PICK(w->g, spans)); break;
    default: break;
    }
}

enum gives { NUMBER, TEXT, ANYTHING, DATE, LIST };

static enum gives reducer(struct writer *w, bool trait)
{
    static const char *const numeric[] = {"sum",          "avg", "unique_count",
                                          "max_count_by", "min", "max"};
    bool date;
    switch (gen_below(w->g, trait ? 9 : 8)) {
    case 0:
    case 1:
    case 2: kn_buf_c(w->out, ".count()"); return NUMBER;
    case 3: kn_buf_c(w->out, ".days()"); return NUMBER;
    case 4:
    case 5:
        kn_buf_printf(w->out, ".%s(", GEN_PICK(w->g, numeric));
        (void)field(w, false);
        kn_buf_char(w->out, ')');
        return NUMBER;
    case 6: {
        static const char *const tails[] = {" as string)", " as number)", ")", ", 2)"};
        uint64_t tail = gen_below(w->g, 4);
        bool mode = tail >= 2 || gen_one_in(w->g, 2);
        kn_buf_c(w->out, mode ? ".mode(" : gen_one_in(w->g, 2) ? ".min(" : ".max(");
        (void)field(w, false);
        kn_buf_c(w->out, tails[tail]);
        return tail == 0 ? TEXT : tail == 1 ? NUMBER : ANYTHING;
    }
    case 7:
        kn_buf_c(w->out, gen_one_in(w->g, 2) ? ".first(" : ".last(");
        date = field(w, false);
        kn_buf_char(w->out, ')');
        return date ? DATE : ANYTHING;
    default:
        kn_buf_c(w->out, ".unique(");
        (void)field(w, false);
        kn_buf_char(w->out, ')');
        return LIST;
    }
}

static enum gives rows(struct writer *w, bool trait)
{
    struct gen *g = w->g;
    if ((g->what & GEN_ORDERS) && gen_one_in(g, 5)) {
        kn_buf_c(w->out, "order()");
    } else {
        kn_buf_printf(w->out, "event('%s')", gen_events[gen_below(g, g->plain ? 2 : 3)]);
    }
    if ((g->what & GEN_SOURCES) && gen_one_in(g, 8)) {
        kn_buf_printf(w->out, ".sources({exclude: ['s%d', 's9']})", 1 + (int)gen_below(g, 3));
    }
    if (gen_one_in(g, 2) && w->conditions < 25) {
        kn_buf_c(w->out, ".where(");
        w->events++;
        condition(w, IN_WHERE, 2);
        w->events--;
        kn_buf_char(w->out, ')');
    }
    if (w->events > 0) {
        kn_buf_c(w->out, ".within(parent: ");
        period(w);
        kn_buf_char(w->out, ')');
    } else {
        window(w);
    }
    return reducer(w, trait);
}

/* "Did this, and then did, or did not do, that": the nested form people write, one or two deep. */
static void followed(struct writer *w, int depth)
{
    static const char *const tests[] = {" >= 1", " = 0", " > 0", " >= 2", " < 2", " = 1", " != 0"};
    struct gen *g = w->g;
    kn_buf_printf(w->out, "event('%s').where(", gen_events[gen_below(g, 2)]);
    w->conditions++;
    w->events++;
    if (depth > 0) {
        kn_buf_c(w->out, gen_one_in(g, 4) ? "NOT " : "");
        followed(w, depth - 1);
    } else {
        bool date = gen_one_in(g, 3);
        kn_buf_printf(w->out, "property(%s'%s')",
                      w->events > 1 && gen_one_in(g, 3) ? "parent: " : "", date ? "when" : "sku");
        any_test(w, date);
    }
    w->events--;
    kn_buf_c(w->out, ")");
    if (w->events > 0) {
        kn_buf_c(w->out, ".within(parent: ");
        period(w);
        kn_buf_c(w->out, ")");
    } else {
        window(w);
    }
    kn_buf_printf(w->out, ".count()%s", GEN_PICK(g, tests));
}

static void rows_condition(struct writer *w)
{
    switch (rows(w, false)) {
    case NUMBER: numeric_test(w, small); break;
    case TEXT: gen_one_in(w->g, 4) ? kn_buf_c(w->out, ".exists()") : text_test(w); break;
    case DATE: any_test(w, true); break;
    default: any_test(w, false); break;
    }
}

static void flag_condition(struct writer *w)
{
    static const char *const tests[] = {" = 'granted'", " != 'denied'",
                                        ".one_of('unknown', 'conflict')", ".none_of('granted')"};
    if (gen_one_in(w->g, 2)) {
        kn_buf_printf(w->out, "consent('%s')%s", GEN_PICK(w->g, gen_purposes),
                      GEN_PICK(w->g, tests));
    } else {
        kn_buf_printf(w->out, "identifier('%s')%s", GEN_PICK(w->g, gen_identifiers),
                      gen_one_in(w->g, 2) ? ".exists()" : ".absent()");
    }
}

static void profile_condition(struct writer *w)
{
    static const char *const traits[] = {"city", "age", "tags", "born", "deep.x", "a\\.b", "none"};
    static const char *const tests[] = {"", " = true", " = false", " != true"};
    struct gen *g = w->g;
    if ((g->what & GEN_FLAGS) && gen_one_in(g, 4)) {
        flag_condition(w);
    } else if ((g->what & GEN_SEGMENTS) && gen_one_in(g, 4)) {
        kn_buf_printf(w->out, "segment('%s')%s", GEN_PICK(g, gen_segments), GEN_PICK(g, tests));
    } else if (g->what & GEN_TRAITS) {
        const char *name = GEN_PICK(g, traits);
        kn_buf_printf(w->out, "trait('%s')", name);
        any_test(w, strcmp(name, "born") == 0);
    } else {
        rows_condition(w);
    }
}

static void any_condition(struct writer *w)
{
    static const char *const arrays[] = {"products", "products", "tags", "deep"};
    kn_buf_printf(w->out, "any('%s', ", GEN_PICK(w->g, arrays));
    condition(w, IN_ANY, 1);
    kn_buf_char(w->out, ')');
}

static void element_condition(struct writer *w)
{
    static const char *const fields[] = {"category", "price", "tags", "other"};
    if (gen_one_in(w->g, 8)) {
        any_test(w, field(w, w->events > 1));
        return;
    }
    kn_buf_printf(w->out, "property('%s')", GEN_PICK(w->g, fields));
    any_test(w, false);
}

static void primary(struct writer *w, enum place place)
{
    struct gen *g = w->g;
    w->conditions++;
    if (place == IN_ANY) {
        element_condition(w);
    } else if (place == OUTSIDE) {
        gen_one_in(g, 3)                             ? profile_condition(w)
        : (g->what & GEN_NESTED) && gen_one_in(g, 4) ? followed(w, (int)gen_below(g, 3))
                                                     : rows_condition(w);
    } else if ((g->what & GEN_NESTED) && w->events <= 2 && gen_one_in(g, 3)) {
        rows_condition(w);
    } else if (w->events > 1 && gen_one_in(g, 4)) {
        static const char *const fields[] = {"sku", "price", "when"};
        const char *name = GEN_PICK(g, fields);
        kn_buf_printf(w->out, "property(%s'%s')", gen_one_in(g, 2) ? "parent: " : "", name);
        any_test(w, strcmp(name, "when") == 0);
    } else if (gen_one_in(g, 4)) {
        any_condition(w);
    } else if (gen_one_in(g, 12) && (g->what & (GEN_TRAITS | GEN_FLAGS | GEN_SEGMENTS))) {
        /* Outside a nested event rows_condition() would need a parent. */
        kn_buf_c(w->out, "trait('city')");
        any_test(w, false);
    } else {
        any_test(w, field(w, w->events > 1));
    }
}

static void condition(struct writer *w, enum place place, int depth)
{
    struct gen *g = w->g;
    uint64_t kind = depth > 0 && w->conditions < 30 ? gen_below(g, 8) : 0;
    if (kind < 4) {
        primary(w, place);
    } else if (kind < 5) {
        kn_buf_c(w->out, "NOT (");
        condition(w, place, depth - 1);
        kn_buf_char(w->out, ')');
    } else {
        for (uint64_t i = 0; i < (kind == 7 ? 3 : 2); i++) {
            kn_buf_c(w->out, i > 0 ? kind == 5 ? ") OR (" : ") AND (" : "(");
            condition(w, place, depth - 1);
        }
        kn_buf_char(w->out, ')');
    }
}

static struct kn_str finish(struct gen *g, struct kn_buf *out)
{
    struct kn_str text = kn_arena_str(g->arena, kn_buf_view(out));
    kn_assert(out->rc == KN_OK && text.p);
    kn_buf_deinit(out);
    return text;
}

struct kn_str gen_segment(struct gen *g)
{
    struct kn_buf out;
    struct writer w = {g, &out, 0, 0};
    kn_buf_init(&out, KN_QUERY_TEXT_MAX);
    condition(&w, OUTSIDE, (int)gen_below(g, 3));
    return finish(g, &out);
}

struct kn_str gen_trait(struct gen *g)
{
    struct kn_buf out;
    struct writer w = {g, &out, 0, 0};
    kn_buf_init(&out, KN_QUERY_TEXT_MAX);
    (void)rows(&w, true);
    return finish(g, &out);
}
