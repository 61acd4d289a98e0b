/* The compiled form of a query and the parts of the evaluator. Room-private. */
#ifndef KN_SEGMENT_EVAL_INTERNAL_H
#define KN_SEGMENT_EVAL_INTERNAL_H

#include "segment/eval.h"
#include "segment/test.h"

/* Chains over rows in one query, and so distinct events: each stands in a comparison. */
enum { KN_EVAL_EVENTS_MAX = KN_QUERY_CONDITIONS_MAX };

struct kn_cnode;

/* A chain over rows: event() or order(). */
struct kn_crows {
    const struct kn_chain *chain;
    uint32_t event; /* index into reads.events */
    const struct kn_cnode *where;
    const uint32_t *excluded; /* numbers of sources */
    uint32_t excluded_count;
    int64_t from_us, to_us; /* KN_WINDOW_DATES: [from, to) */
    /* For chains that a state keeps up with (state.c): */
    int32_t state;                       /* its number; KN_NO_STATE */
    bool changing;                       /* a row's where() may change by time or with later rows */
    const struct kn_cnode *const *about; /* conditions on the profile itself inside where() */
    uint32_t about_count;
    uint64_t inner;   /* bit per event that stands inside where() */
    int64_t reach_us; /* inner rows up to so long after a row matter to it */
};
enum { KN_NO_STATE = -1 };

struct kn_cnode {
    const struct kn_node *node;
    const struct kn_cnode *kids; /* [node->kid_count] */
    const struct kn_crows *rows; /* of a comparison of event() or order() */
    struct kn_test test;         /* of a comparison */
};

struct kn_definition {
    const struct kn_query *query;
    const struct kn_zone *zone;
    const struct kn_cnode *root;                              /* KN_QUERY_SEGMENT */
    const struct kn_crows *rows;                              /* KN_QUERY_TRAIT */
    const struct kn_crows *followed[KN_QUERY_CONDITIONS_MAX]; /* [state_count] by number */
    uint32_t state_count;
    struct kn_reads reads;
};

enum kn_rc kn_collect_reads(const struct kn_query *query, struct kn_arena *arena,
                            struct kn_reads *ret, struct kn_err *err) KN_MUST_USE;
uint32_t kn_reads_event(const struct kn_reads *reads, const struct kn_chain *chain);

/* ---- one evaluation ---- */

struct kn_evaluation {
    const struct kn_definition *definition;
    const struct kn_view *view;
    const struct kn_zone *zone;
    struct kn_arena *arena;
    int64_t now;
    struct kn_eval_state *state; /* may be NULL */
    bool quiet;                  /* conditions on the profile inside where() name no moment */
    enum kn_rc rc;               /* sticky: the arena was full */
    uint64_t loaded;             /* bit per event: rows is there */
    struct kn_view_rows rows[KN_EVAL_EVENTS_MAX];
};

/* A row that conditions inside where() look at. */
struct kn_scope {
    const struct kn_view_rows *rows;
    uint32_t row;
    const struct kn_scope *parent; /* of the enclosing event */
    const struct kn_path *array;   /* inside any(): of which element */
    uint32_t element;
};

enum kn_truth { KN_NO, KN_YES, KN_UNDECIDED };

struct kn_outcome {
    enum kn_truth truth;
    int64_t next_us;
};

void kn_evaluation_start(struct kn_evaluation *e, const struct kn_definition *definition,
                         const struct kn_view *view, int64_t now, struct kn_arena *arena);
const struct kn_view_rows *kn_eval_event(struct kn_evaluation *e, uint32_t at);
const struct kn_view_rows *kn_eval_rows(struct kn_evaluation *e, const struct kn_crows *c);
struct kn_outcome kn_eval_node(struct kn_evaluation *e, const struct kn_cnode *n,
                               const struct kn_scope *scope);

/* Rows of one event that lie in the window and match. */
struct kn_selection {
    const struct kn_view_rows *rows;
    uint32_t first, end;    /* those in the window */
    const uint32_t *picked; /* row numbers, ascending; NULL: first, first + 1, ... */
    uint32_t count;
    int64_t next_us;     /* of the where() of rows in the window */
    bool waiting;        /* nested: now <= parent + window */
    int64_t deadline_us; /* nested: parent + window */
};

static inline uint32_t kn_selected(const struct kn_selection *s, uint32_t i)
{
    return s->picked ? s->picked[i] : s->first + i;
}

void kn_select(struct kn_evaluation *e, const struct kn_crows *c, const struct kn_scope *scope,
               struct kn_selection *ret);
/* The next moment at which a row enters the window, and at which the window drops one. Not of
 * nested events. */
int64_t kn_next_entry(struct kn_evaluation *e, const struct kn_crows *c,
                      const struct kn_selection *s);
int64_t kn_next_exit(struct kn_evaluation *e, const struct kn_crows *c,
                     const struct kn_selection *s);
/* As kn_next_exit, but when a fixed period ends the window: at which the answer to count() becomes
 * another because rows drop out. */
int64_t kn_next_count_exit(struct kn_evaluation *e, const struct kn_crows *c,
                           const struct kn_selection *s, const struct kn_test *test);
/* Index of the first row at or after t. */
uint32_t kn_rows_at(const struct kn_view_rows *rows, int64_t t);

/* Times [from, to) of the window at now, of every kind but the parent's. */
void kn_window_times(struct kn_evaluation *e, const struct kn_crows *c, int64_t *from, int64_t *to);
bool kn_is_excluded(const struct kn_evaluation *e, const struct kn_crows *c,
                    const struct kn_view_rows *rows, uint32_t row);

/* ---- values ---- */

enum kn_result_kind {
    KN_RESULT_ABSENT,
    KN_RESULT_NUMBER,
    KN_RESULT_SUM,
    KN_RESULT_MEAN,
    KN_RESULT_VALUES, /* of the first or last row, or one value */
    KN_RESULT_LIST,   /* unique() */
};

struct kn_result {
    enum kn_result_kind kind;
    kn_dec number;
    struct kn_wide sum;
    uint64_t count; /* mean */
    struct kn_value one;
    struct kn_values values; /* may point at `one` */
};

/* A value that may be the least or greatest; ret->kind says whether there was one before. */
void kn_take_extreme(const struct kn_chain *chain, struct kn_value value, struct kn_result *ret);
struct kn_distinct;
/* Those that occur, in order. */
void kn_distinct_list(const struct kn_distinct *distinct, struct kn_evaluation *e,
                      struct kn_result *ret);
void kn_reduce(struct kn_evaluation *e, const struct kn_chain *chain, const struct kn_selection *s,
               struct kn_result *ret);
bool kn_result_test(const struct kn_test *test, const struct kn_result *result, int64_t now,
                    int64_t *next_us);
/* As JSON; false: absent, nothing written. */
bool kn_result_put(const struct kn_result *result, struct kn_buf *out);

/* ---- with a state (state.c) ---- */

/* Begins an evaluation with a state: notes which rows are new. */
void kn_follow_start(struct kn_evaluation *e, struct kn_eval_state *state);
/* As kn_select and kn_reduce; false: this chain goes without its state now. What is selected lasts
 * until settled. */
bool kn_follow(struct kn_evaluation *e, const struct kn_crows *c, struct kn_selection *s,
               struct kn_result *ret);
const struct kn_definition *kn_eval_state_definition(const struct kn_eval_state *state);
void kn_follow_settle(struct kn_evaluation *e, const struct kn_crows *c);

/* Days of rows, in any order that local time may run. */
struct kn_day_count {
    uint32_t count;
    int64_t latest;
    uint64_t seen; /* bit i: the day `latest - i` */
};
void kn_day_count(struct kn_day_count *days, int64_t day);

/* The values of a chain that is not over rows. Truths and states are values too. `one` is room for
 * one. */
struct kn_values kn_chain_values(struct kn_evaluation *e, const struct kn_chain *chain,
                                 const struct kn_scope *scope, struct kn_value *one);

static inline bool kn_is_over_rows(const struct kn_chain *chain)
{
    return chain->kind == KN_FROM_EVENT || chain->kind == KN_FROM_ORDER;
}
static inline bool kn_is_about_profile(const struct kn_chain *chain)
{
    return !kn_is_over_rows(chain) && chain->kind != KN_FROM_PROPERTY &&
           chain->kind != KN_FROM_CONTEXT;
}

static inline int64_t kn_sooner(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

#endif
