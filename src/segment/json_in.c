/* JSON -> tree: the document is written as text, which the parser then judges, so that both forms
 * obey the same rules. Words from the document are looked up, names are quoted: nothing in it can
 * stand for syntax. */
#include "segment/words.h"

enum { DEPTH_MAX = 64 };

struct reader {
    const struct kn_json *doc;
    struct kn_arena *arena;
    struct kn_buf *out;
    struct kn_err *err;
};

static enum kn_rc wrong(const struct reader *r, uint32_t at, const char *expected)
{
    enum kn_rc rc = kn_fail(r->err, KN_E_INVALID, "expected %s here", expected);
    if (r->err && at != KN_JSON_NONE) {
        r->err->pos = r->doc->nodes[at].off;
    }
    return rc;
}

static uint32_t member(const struct reader *r, uint32_t object, const char *key)
{
    return kn_json_find(r->doc, object, kn_str_c(key));
}

static enum kn_json_type type_of(const struct reader *r, uint32_t at)
{
    return kn_json_type_at(r->doc, at);
}

static uint32_t elements(const struct reader *r, uint32_t array)
{
    uint32_t count = 0;
    for (uint32_t i = array + 1; i < r->doc->nodes[array].next; i = r->doc->nodes[i].next) {
        count++;
    }
    return count;
}

static enum kn_rc take_string(const struct reader *r, uint32_t at, const char *expected,
                              struct kn_str *ret)
{
    if (type_of(r, at) != KN_JSON_STRING) {
        return wrong(r, at, expected);
    }
    *ret = kn_json_string(r->doc, at, r->arena);
    return ret->p ? KN_OK : kn_fail(r->err, KN_E_NOMEM, "no memory for the query");
}

static enum kn_rc put_string(const struct reader *r, uint32_t at, const char *expected)
{
    struct kn_str text = KN_STR_EMPTY;
    KN_TRY(take_string(r, at, expected, &text));
    kn_put_string(r->out, text);
    return KN_OK;
}

/* A word of a table, or KN_E_INVALID. */
static enum kn_rc take_word(const struct reader *r, uint32_t at, const char *const *words,
                            size_t count, const char *expected, int *ret)
{
    struct kn_str text = KN_STR_EMPTY;
    KN_TRY(take_string(r, at, expected, &text));
    *ret = kn_word_find(words, count, text);
    return *ret >= 0 ? KN_OK : wrong(r, at, expected);
}

static enum kn_rc put_path(const struct reader *r, uint32_t at)
{
    struct kn_str keys[KN_QUERY_PATH_MAX] = {{NULL, 0}};
    uint32_t count = 0;
    static const char expected[] = "a list of 1 to 16 keys";
    if (type_of(r, at) != KN_JSON_ARRAY || elements(r, at) == 0 ||
        elements(r, at) > KN_QUERY_PATH_MAX) {
        return wrong(r, at, expected);
    }
    for (uint32_t i = at + 1; i < r->doc->nodes[at].next; i = r->doc->nodes[i].next) {
        KN_TRY(take_string(r, i, "a key", &keys[count]));
        if (keys[count++].len == 0) {
            return wrong(r, i, "a key that is not empty");
        }
    }
    kn_put_path(r->out, (struct kn_path){keys, count});
    return KN_OK;
}

static enum kn_rc put_period(const struct reader *r, uint32_t at)
{
    int64_t count;
    int unit;
    if (type_of(r, at) != KN_JSON_OBJECT) {
        return wrong(r, at, "a period {\"count\",\"unit\"}");
    }
    uint32_t count_at = member(r, at, "count");
    if (!kn_json_i64(r->doc, count_at, &count) || count < 1) {
        return wrong(r, count_at == KN_JSON_NONE ? at : count_at,
                     "\"count\", a whole number from 1");
    }
    uint32_t unit_at = member(r, at, "unit");
    KN_TRY(take_word(r, unit_at == KN_JSON_NONE ? at : unit_at, kn_unit_words, KN_UNIT_COUNT,
                     "\"unit\": second, minute, hour, day, week, month or year", &unit));
    kn_buf_i64(r->out, count);
    kn_buf_printf(r->out, " %s%s", kn_unit_words[unit], count == 1 ? "" : "s");
    return KN_OK;
}

static enum kn_rc put_pair(const struct reader *r, uint32_t at,
                           enum kn_rc (*put)(const struct reader *r, uint32_t at))
{
    if (type_of(r, at) != KN_JSON_ARRAY || elements(r, at) != 2) {
        return wrong(r, at, "a list of two");
    }
    KN_TRY(put(r, at + 1));
    kn_buf_c(r->out, ", ");
    return put(r, r->doc->nodes[at + 1].next);
}

static enum kn_rc put_date(const struct reader *r, uint32_t at)
{
    return put_string(r, at, "a date");
}

static enum kn_rc put_window(const struct reader *r, uint32_t at)
{
    uint32_t found;
    int during;
    if ((found = member(r, at, "within")) != KN_JSON_NONE) {
        kn_buf_c(r->out, ".within(");
        KN_TRY(put_period(r, found));
    } else if ((found = member(r, at, "parent")) != KN_JSON_NONE) {
        kn_buf_c(r->out, ".within(parent: ");
        KN_TRY(put_period(r, found));
    } else if ((found = member(r, at, "between")) != KN_JSON_NONE) {
        kn_buf_c(r->out, ".between(");
        KN_TRY(put_pair(r, found, put_period));
    } else if ((found = member(r, at, "dates")) != KN_JSON_NONE) {
        kn_buf_c(r->out, ".between(");
        KN_TRY(put_pair(r, found, put_date));
    } else if ((found = member(r, at, "during")) != KN_JSON_NONE) {
        KN_TRY(take_word(r, found, kn_during_words, KN_DURING_COUNT,
                         "a calendar period such as \"this month\"", &during));
        kn_buf_printf(r->out, ".during('%s'", kn_during_words[during]);
    } else {
        return wrong(r, at, "one of \"within\", \"parent\", \"between\", \"dates\", \"during\"");
    }
    kn_buf_char(r->out, ')');
    return KN_OK;
}

static enum kn_rc put_sources(const struct reader *r, uint32_t at)
{
    if (type_of(r, at) != KN_JSON_ARRAY || elements(r, at) == 0) {
        return wrong(r, at, "a list of sources");
    }
    kn_buf_c(r->out, ".sources({exclude: [");
    for (uint32_t i = at + 1; i < r->doc->nodes[at].next; i = r->doc->nodes[i].next) {
        kn_buf_c(r->out, i > at + 1 ? ", " : "");
        KN_TRY(put_string(r, i, "the name of a source"));
    }
    kn_buf_c(r->out, "]})");
    return KN_OK;
}

static enum kn_rc put_reduce(const struct reader *r, uint32_t at)
{
    static const char *const casts[] = {"number", "string"};
    int fn, cast;
    int64_t least;
    uint32_t fn_at = member(r, at, "fn"), field = member(r, at, "property");
    uint32_t as = member(r, at, "as"), at_least = member(r, at, "at_least");
    KN_TRY(take_word(r, fn_at == KN_JSON_NONE ? at : fn_at, kn_reducer_words, KN_REDUCER_COUNT,
                     "\"fn\", a reducer such as \"count\"", &fn));
    kn_buf_printf(r->out, ".%s(", kn_reducer_words[fn]);
    if (kn_reducer_has_field((uint32_t)fn)) {
        bool context = field == KN_JSON_NONE;
        kn_buf_c(r->out, context ? "context(" : "property(");
        field = context ? member(r, at, "context") : field;
        KN_TRY(put_path(r, field == KN_JSON_NONE ? at : field));
        kn_buf_char(r->out, ')');
    }
    if (as != KN_JSON_NONE) {
        KN_TRY(take_word(r, as, casts, 2, "\"number\" or \"string\"", &cast));
        kn_buf_printf(r->out, " as %s", casts[cast]);
    }
    if (at_least != KN_JSON_NONE) {
        if (!kn_json_i64(r->doc, at_least, &least) || least < 1) {
            return wrong(r, at_least, "a whole number from 1");
        }
        kn_buf_c(r->out, ", ");
        kn_buf_i64(r->out, least);
    }
    kn_buf_char(r->out, ')');
    return KN_OK;
}

static enum kn_rc put_node(const struct reader *r, uint32_t at, int parent, unsigned depth);

static enum kn_rc put_source(const struct reader *r, uint32_t at, uint32_t kind, uint32_t value)
{
    uint32_t parent = member(r, at, "parent");
    kn_buf_printf(r->out, "%s(", kn_from_words[kind]);
    if (parent != KN_JSON_NONE && type_of(r, parent) == KN_JSON_TRUE) {
        kn_buf_c(r->out, "parent: ");
    } else if (parent != KN_JSON_NONE && type_of(r, parent) != KN_JSON_FALSE) {
        return wrong(r, parent, "true or false");
    }
    if (kind == KN_FROM_TRAIT || kind == KN_FROM_PROPERTY || kind == KN_FROM_CONTEXT) {
        KN_TRY(put_path(r, value));
    } else if (kind != KN_FROM_ORDER) {
        KN_TRY(put_string(r, value, "a name"));
    } else if (type_of(r, value) != KN_JSON_TRUE) {
        return wrong(r, value, "true");
    }
    kn_buf_char(r->out, ')');
    return KN_OK;
}

static enum kn_rc put_chain(const struct reader *r, uint32_t at, unsigned depth)
{
    uint32_t kind = 0, found = KN_JSON_NONE;
    for (; kind < KN_FROM_COUNT && found == KN_JSON_NONE; kind++) {
        found = member(r, at, kn_from_words[kind]);
    }
    if (found == KN_JSON_NONE) {
        return wrong(r, at,
                     "an object with one of \"event\", \"order\", \"trait\", \"property\", "
                     "\"context\", \"segment\", \"consent\", \"identifier\"");
    }
    KN_TRY(put_source(r, at, kind - 1, found));
    if ((found = member(r, at, "where")) != KN_JSON_NONE) {
        kn_buf_c(r->out, ".where(");
        KN_TRY(put_node(r, found, -1, depth + 1));
        kn_buf_char(r->out, ')');
    }
    if ((found = member(r, at, "exclude")) != KN_JSON_NONE) {
        KN_TRY(put_sources(r, found));
    }
    if ((found = member(r, at, "window")) != KN_JSON_NONE) {
        KN_TRY(put_window(r, found));
    }
    if ((found = member(r, at, "reduce")) != KN_JSON_NONE) {
        KN_TRY(put_reduce(r, found));
    }
    return KN_OK;
}

static enum kn_rc put_literal(const struct reader *r, uint32_t at)
{
    struct kn_str raw = KN_STR_EMPTY;
    switch (type_of(r, at)) {
    case KN_JSON_STRING: return put_string(r, at, "a string");
    case KN_JSON_TRUE: kn_buf_c(r->out, "true"); return KN_OK;
    case KN_JSON_FALSE: kn_buf_c(r->out, "false"); return KN_OK;
    case KN_JSON_NUMBER: raw = kn_json_raw(r->doc, at); break;
    case KN_JSON_OBJECT: {
        uint32_t digits = member(r, at, "number");
        KN_TRY(
            take_string(r, digits == KN_JSON_NONE ? at : digits, "{\"number\":\"digits\"}", &raw));
        break;
    }
    default: return wrong(r, at, "a string, a number, true or false");
    }
    for (size_t i = 0; i < raw.len; i++) {
        if (!memchr("-.0123456789", raw.p[i], 12)) {
            return wrong(r, at, "a number without an exponent");
        }
    }
    kn_buf_str(r->out, raw);
    return KN_OK;
}

static enum kn_rc put_values(const struct reader *r, uint32_t at, enum kn_args args)
{
    bool list = args == KN_ARGS_STRINGS || args == KN_ARGS_LIST;
    uint32_t found;
    if (args == KN_ARGS_PERIOD) {
        found = member(r, at, "period");
        return found == KN_JSON_NONE ? wrong(r, at, "a \"period\"") : put_period(r, found);
    }
    found = member(r, at, list ? "values" : "value");
    if (found == KN_JSON_NONE || (list && type_of(r, found) != KN_JSON_ARRAY)) {
        return wrong(r, at, list ? "a list of \"values\"" : "a \"value\"");
    }
    if (!list) {
        return put_literal(r, found);
    }
    for (uint32_t i = found + 1; i < r->doc->nodes[found].next; i = r->doc->nodes[i].next) {
        kn_buf_c(r->out, i > found + 1 ? ", " : "");
        KN_TRY(put_literal(r, i));
    }
    return KN_OK;
}

static enum kn_rc put_comparison(const struct reader *r, uint32_t at, unsigned depth)
{
    uint32_t op_at = member(r, at, "op");
    struct kn_str word = KN_STR_EMPTY;
    KN_TRY(put_chain(r, member(r, at, "left"), depth + 1));
    KN_TRY(take_string(r, op_at == KN_JSON_NONE ? at : op_at, "\"op\", a comparison", &word));
    if (kn_str_eq(word, KN_STR("member"))) {
        return KN_OK;
    }
    int op = kn_word_op(word);
    if (op < 0) {
        return wrong(r, op_at, "a comparison such as \"equals\"");
    }
    if (kn_op_words[op].symbol) {
        kn_buf_printf(r->out, " %s ", kn_op_words[op].symbol);
    } else {
        kn_buf_printf(r->out, ".%s(", kn_op_words[op].name);
    }
    if (kn_op_words[op].args != KN_ARGS_NONE) {
        KN_TRY(put_values(r, at, kn_op_words[op].args));
    }
    kn_buf_c(r->out, kn_op_words[op].symbol ? "" : ")");
    return KN_OK;
}

static enum kn_rc put_list(const struct reader *r, uint32_t at, int kind, unsigned depth)
{
    if (type_of(r, at) != KN_JSON_ARRAY || elements(r, at) < 2) {
        return wrong(r, at, "a list of two or more conditions");
    }
    for (uint32_t i = at + 1; i < r->doc->nodes[at].next; i = r->doc->nodes[i].next) {
        kn_buf_c(r->out, i == at + 1 ? "" : kind == KN_NODE_AND ? " AND " : " OR ");
        KN_TRY(put_node(r, i, kind, depth + 1));
    }
    return KN_OK;
}

static int node_kind(const struct reader *r, uint32_t at, uint32_t *ret_value)
{
    static const char *const keys[] = {"and", "or", "not", "any", "left"};
    for (int kind = KN_NODE_AND; kind <= KN_NODE_COMPARE; kind++) {
        *ret_value = member(r, at, keys[kind]);
        if (*ret_value != KN_JSON_NONE) {
            return kind;
        }
    }
    return -1;
}

/* parent: enum kn_node_kind, or -1 when the place is bracketed already. */
static enum kn_rc put_node(const struct reader *r, uint32_t at, int parent, unsigned depth)
{
    uint32_t value;
    int kind = type_of(r, at) == KN_JSON_OBJECT ? node_kind(r, at, &value) : -1;
    if (kind < 0) {
        return wrong(r, at, "an object with one of \"and\", \"or\", \"not\", \"any\", \"left\"");
    }
    if (depth > DEPTH_MAX) {
        return wrong(r, at, "no deeper nesting");
    }
    bool group = parent >= 0 && kn_needs_group((uint32_t)parent, (uint32_t)kind);
    kn_buf_c(r->out, group ? "(" : "");
    switch (kind) {
    case KN_NODE_AND:
    case KN_NODE_OR: KN_TRY(put_list(r, value, kind, depth)); break;
    case KN_NODE_NOT:
        kn_buf_c(r->out, "NOT ");
        KN_TRY(put_node(r, value, KN_NODE_NOT, depth + 1));
        break;
    case KN_NODE_ANY: {
        uint32_t where = member(r, at, "where");
        kn_buf_c(r->out, "any(");
        KN_TRY(put_path(r, value));
        kn_buf_c(r->out, ", ");
        KN_TRY(put_node(r, where == KN_JSON_NONE ? value : where, -1, depth + 1));
        kn_buf_char(r->out, ')');
        break;
    }
    default: KN_TRY(put_comparison(r, at, depth)); break;
    }
    kn_buf_c(r->out, group ? ")" : "");
    return KN_OK;
}

/* "in '...': " before what the parser said of a text nobody wrote. */
static enum kn_rc quote_fault(struct kn_str text, struct kn_err *err, enum kn_rc rc)
{
    if (!err || err->pos == SIZE_MAX || rc == KN_E_NOMEM) {
        return rc;
    }
    size_t from = err->pos > 24 ? err->pos - 24 : 0, to = err->pos + 24;
    while (from < text.len && from > 0 && ((unsigned char)text.p[from] & 0xC0) == 0x80) {
        from--;
    }
    while (to < text.len && ((unsigned char)text.p[to] & 0xC0) == 0x80) {
        to++;
    }
    struct kn_str piece = kn_str_sub(text, from, to);
    err->pos = SIZE_MAX;
    return kn_fail_wrap(err, rc, "in %.*s", KN_STR_ARG(piece));
}

enum kn_rc kn_query_from_json(const struct kn_json *doc, uint32_t at, enum kn_query_form form,
                              struct kn_arena *arena, struct kn_query *ret, struct kn_err *err)
{
    struct kn_buf out;
    struct reader r = {doc, arena, &out, err};
    kn_buf_init(&out, KN_QUERY_TEXT_MAX << 1);
    enum kn_rc rc = form == KN_QUERY_SEGMENT ? put_node(&r, at, -1, 0) : put_chain(&r, at, 0);
    if (rc == KN_OK && out.rc != KN_OK) {
        rc = kn_fail(err, out.rc, "the query is too long");
    }
    if (rc == KN_OK) {
        rc = kn_query_parse(kn_buf_view(&out), form, arena, ret, err);
        rc = rc == KN_OK ? rc : quote_fault(kn_buf_view(&out), err, rc);
    }
    kn_buf_deinit(&out);
    return rc;
}
