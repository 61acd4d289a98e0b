/* The query language: text <-> syntax tree <-> JSON.
 *
 *   event('Order Completed').where(property('total') >= 100).within(30 days).count() >= 2
 *       AND NOT trait('unsubscribed') = true
 *
 * A query is a condition (a segment) or, in the trait form, one chain without a comparison (a
 * computed trait). The text is the definition; the tree is the same thing for programs:
 *
 *   parse(format(t)) == t      format(parse(text)) is the canonical text      json(t) read back ==
 * t
 *
 * Everything a tree points to lives in the arena it was made in, texts included: nothing borrows
 * from the input. Trees are immutable once made and may be shared between threads. Positions are
 * byte offsets in the parsed text.
 *
 * Errors: KN_E_INVALID (or KN_E_LIMIT: too many conditions, too deep, too long) with err->pos at
 * the fault; the text says what stands there, what was expected, and the nearest word meant.
 */
#ifndef KN_SEGMENT_QUERY_H
#define KN_SEGMENT_QUERY_H

#include "base/arena.h"
#include "base/buf.h"
#include "format/json.h"

enum {
    KN_QUERY_CONDITIONS_MAX = 50, /* comparisons and any(), inside where() included */
    KN_QUERY_NESTING_MAX = 16,    /* open parentheses of groups, where() and any() */
    KN_QUERY_EVENTS_MAX = 2,      /* levels of event() inside where() below the outermost */
    KN_QUERY_TEXT_MAX = 65536,    /* bytes */
    KN_QUERY_PATH_MAX = 16,       /* keys in a path */
    KN_QUERY_VALUES_MAX = 1000,   /* values of one comparison */
};

enum kn_unit {
    KN_SECOND,
    KN_MINUTE,
    KN_HOUR,
    KN_DAY,   /* 24 h */
    KN_WEEK,  /* 7 x 24 h */
    KN_MONTH, /* calendar, in the workspace's zone */
    KN_YEAR,
    KN_UNIT_COUNT,
};

struct kn_period {
    uint32_t count; /* >= 1; at most about 100 years */
    uint32_t unit;  /* enum kn_unit */
};

enum kn_literal_kind { KN_LITERAL_STRING, KN_LITERAL_NUMBER, KN_LITERAL_BOOL };

struct kn_literal {
    uint32_t kind;      /* enum kn_literal_kind */
    bool truth;         /* KN_LITERAL_BOOL */
    struct kn_str text; /* a string's content; a number's digits as written */
};

struct kn_path {
    const struct kn_str *keys; /* "products.category" is two keys */
    uint32_t count;
};

enum kn_op {
    KN_OP_MEMBER, /* segment('key') by itself */
    KN_OP_EQUALS,
    KN_OP_DIFFERS,
    KN_OP_ABOVE,
    KN_OP_AT_LEAST,
    KN_OP_BELOW,
    KN_OP_AT_MOST,
    KN_OP_EXISTS,
    KN_OP_ABSENT,
    KN_OP_CONTAINS,
    KN_OP_OMITS,
    KN_OP_STARTS_WITH,
    KN_OP_ENDS_WITH,
    KN_OP_ONE_OF,
    KN_OP_NONE_OF,
    KN_OP_BEFORE_DATE,
    KN_OP_AFTER_DATE,
    KN_OP_WITHIN_LAST,
    KN_OP_WITHIN_NEXT,
    KN_OP_ANNIVERSARY_WITHIN,
    KN_OP_COUNT,
};

enum kn_window_kind {
    KN_WINDOW_NONE,
    KN_WINDOW_WITHIN,  /* a: now - a < time <= now */
    KN_WINDOW_BETWEEN, /* a, b: now - a < time <= now - b */
    KN_WINDOW_DATES,   /* from <= time < to, ISO texts */
    KN_WINDOW_DURING,
    KN_WINDOW_PARENT, /* a: after the parent and at most a after it */
};

enum kn_during {
    KN_TODAY,
    KN_YESTERDAY,
    KN_THIS_WEEK,
    KN_LAST_WEEK,
    KN_THIS_MONTH,
    KN_LAST_MONTH,
    KN_THIS_QUARTER,
    KN_LAST_QUARTER,
    KN_THIS_YEAR,
    KN_LAST_YEAR,
    KN_DURING_COUNT,
};

struct kn_window {
    uint32_t kind; /* enum kn_window_kind */
    uint32_t during;
    struct kn_period a, b;
    struct kn_str from, to;
};

enum kn_reducer {
    KN_REDUCE_NONE,
    KN_REDUCE_COUNT,
    KN_REDUCE_DAYS,
    KN_REDUCE_SUM,
    KN_REDUCE_AVG,
    KN_REDUCE_MIN,
    KN_REDUCE_MAX,
    KN_REDUCE_FIRST,
    KN_REDUCE_LAST,
    KN_REDUCE_MODE,
    KN_REDUCE_UNIQUE, /* computed traits only: the list */
    KN_REDUCE_UNIQUE_COUNT,
    KN_REDUCE_MAX_COUNT_BY,
    KN_REDUCER_COUNT,
};

enum kn_cast { KN_CAST_NONE, KN_CAST_NUMBER, KN_CAST_STRING };

enum kn_source_kind {
    KN_FROM_EVENT,
    KN_FROM_ORDER,
    KN_FROM_TRAIT,
    KN_FROM_PROPERTY, /* of the row; inside any() of the element */
    KN_FROM_CONTEXT,  /* of the row */
    KN_FROM_SEGMENT,
    KN_FROM_CONSENT,
    KN_FROM_IDENTIFIER,
    KN_FROM_COUNT,
};

/* property('a.b') or context('a.b') as the argument of a reducer. */
struct kn_field {
    bool context;
    struct kn_path path;
    uint32_t pos;
};

struct kn_chain {
    uint32_t kind; /* enum kn_source_kind */
    uint32_t pos, len;
    struct kn_str name;  /* event, segment, consent purpose, identifier type */
    struct kn_path path; /* trait, property, context */
    bool parent;         /* property(parent: ...), context(parent: ...) */
    /* event and order */
    struct kn_node *where;         /* NULL = every event */
    const struct kn_str *excluded; /* sources */
    uint32_t excluded_count;
    struct kn_window window;
    uint32_t reducer;      /* enum kn_reducer */
    struct kn_field field; /* what is reduced, when the reducer has one */
    uint32_t cast;         /* enum kn_cast: min, max, mode */
    uint32_t mode_min;     /* mode: the least number of events, >= 1 */
};

enum kn_node_kind { KN_NODE_AND, KN_NODE_OR, KN_NODE_NOT, KN_NODE_ANY, KN_NODE_COMPARE };

struct kn_node {
    uint32_t kind; /* enum kn_node_kind */
    uint32_t op;   /* enum kn_op */
    uint32_t pos, len;
    struct kn_node **kids; /* and, or: two or more; not, any: one */
    uint32_t kid_count;
    struct kn_path array; /* any */
    struct kn_chain *chain;
    const struct kn_literal *values;
    uint32_t value_count;
    struct kn_period period; /* within_last, within_next, anniversary_within */
};

enum kn_query_form { KN_QUERY_SEGMENT, KN_QUERY_TRAIT };

struct kn_query {
    enum kn_query_form form;
    const struct kn_node *root;   /* KN_QUERY_SEGMENT */
    const struct kn_chain *chain; /* KN_QUERY_TRAIT */
};

enum kn_rc kn_query_parse(struct kn_str text, enum kn_query_form form, struct kn_arena *arena,
                          struct kn_query *ret, struct kn_err *err) KN_MUST_USE;
/* The canonical text. */
void kn_query_format(const struct kn_query *query, struct kn_buf *out);
void kn_query_format_node(const struct kn_node *node, struct kn_buf *out);

/* The tree as JSON (docs/query-language.md). */
void kn_query_to_json(const struct kn_query *query, struct kn_buf *out);
/* err->pos is in the JSON text for a wrong document, and otherwise (the document makes a tree, but
 * what it says is refused) the text quotes the faulty piece of the canonical text. */
enum kn_rc kn_query_from_json(const struct kn_json *doc, uint32_t at, enum kn_query_form form,
                              struct kn_arena *arena, struct kn_query *ret,
                              struct kn_err *err) KN_MUST_USE;

/* Same meaning, word by word; positions do not matter. */
bool kn_query_equal(const struct kn_query *a, const struct kn_query *b);
bool kn_path_equal(struct kn_path a, struct kn_path b);

/* What the workspace knows, for checks. Any member may be NULL: then that kind is not checked. */
enum kn_name_kind { KN_NAME_NONE, KN_NAME_TRAIT, KN_NAME_SEGMENT, KN_NAME_COMPUTED };
struct kn_names {
    void *context;
    bool (*event)(void *context, struct kn_str name);
    bool (*property)(void *context, struct kn_str event, bool in_context, struct kn_path path);
    bool (*purpose)(void *context, struct kn_str key);
    /* Traits, segments and computed traits share one key space. */
    enum kn_name_kind (*key)(void *context, struct kn_str key);
    /* Calls each(word, arg) for every known name of the kind of thing `like` is. */
    void (*each_event)(void *context, void (*each)(void *arg, struct kn_str name), void *arg);
    void (*each_property)(void *context, struct kn_str event, bool in_context,
                          void (*each)(void *arg, struct kn_str path), void *arg);
    void (*each_key)(void *context, void (*each)(void *arg, struct kn_str key), void *arg);
    /* The definition of a segment or computed trait, or NULL: to find circles. */
    const struct kn_query *(*definition)(void *context, struct kn_str key);
};

struct kn_query_warning {
    uint32_t pos, len;
    struct kn_str
        text; /* "no event 'Ordr Completed' has been seen; did you mean 'Order Completed'?" */
};

/* Refuses unknown segments, derived events and circles (through `self`, the key being defined, or
 * empty); warns of unknown events, properties, traits and purposes. Warnings are in the arena. */
enum kn_rc kn_query_check(const struct kn_query *query, struct kn_str self,
                          const struct kn_names *names, struct kn_arena *arena,
                          const struct kn_query_warning **ret, size_t *ret_count,
                          struct kn_err *err) KN_MUST_USE;
/* Calls each for every event chain, trait, segment ... of the query, outermost first. `owner` is
 * the chain in whose where() it stands, `any` the any() around it; both may be NULL. */
typedef void (*kn_chain_fn)(void *arg, const struct kn_chain *chain, const struct kn_chain *owner,
                            const struct kn_node *any);
void kn_query_each_chain(const struct kn_query *query, kn_chain_fn each, void *arg);

#endif
