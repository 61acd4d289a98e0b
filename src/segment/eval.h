/* The evaluator: the truth of a query for one profile at one moment, and the next moment at which
 * that may change by time alone.
 *
 *   (definition, view, now) -> { truth, next_us }
 *
 * It is a function of these three and nothing else. What every condition means stands in
 * docs/query-language.md; what a comparison of one value means in segment/test.h. In short:
 *
 * - Rows count when they lie in the window and not after now: what is dated in the future counts
 * from its own moment on.
 * - An event inside where() reads the rows after its parent (later, or as late and arrived later)
 * up to parent + window. count() >= n and > n hold as soon as reached; every other comparison of
 * such an event is undecided until now > parent + window. NOT undecided is undecided; AND and OR
 * are undecided when what is decided does not settle them. A row whose where() is undecided does
 * not match.
 * - sum and avg take every number of the field (all elements of arrays); min and max too, `as
 * string` every string. mode and max_count_by count the rows that have a value, once per row;
 * values are the same when their kind and text are (numbers: their value); objects are no values
 * for these and unique. first and last give the values of that one row.
 * - unique() of nothing is absent; its list is in order of text, then kind (enum kn_value_kind).
 *
 * next_us never comes too late: until then the truth stays as it is if nothing but time happens. It
 * may come early (evaluate again then).
 *
 * A definition is a query made ready: literals parsed, windows resolved, events numbered. It is
 * immutable, may be shared between threads, and lives in the arena it was made in, as long as the
 * query and the zone do. Evaluation allocates from its arena only: nothing for counts and sums
 * without where(), a few bytes per matching row otherwise.
 */
#ifndef KN_SEGMENT_EVAL_H
#define KN_SEGMENT_EVAL_H

#include "segment/view.h"

struct kn_source_name {
    struct kn_str name; /* as sources({exclude: ...}) may say it: give a source several if it has */
    uint32_t number;
};

struct kn_definition_options {
    const struct kn_zone *zone;           /* the workspace's; the views' must be the same */
    const struct kn_source_name *sources; /* unknown names exclude nothing */
    size_t source_count;
};

struct kn_definition;

/* A whole query, or a part of one: struct kn_query with form KN_QUERY_SEGMENT and any node that
 * stands outside where() as its root. @errors KN_E_NOMEM */
enum kn_rc kn_definition_make(const struct kn_query *query,
                              const struct kn_definition_options *options, struct kn_arena *arena,
                              const struct kn_definition **ret, struct kn_err *err) KN_MUST_USE;
const struct kn_query *kn_definition_query(const struct kn_definition *definition);

/* Asks the processor for what an evaluation reads first, so that many definitions come from memory
 * at once: step 0 for all of them, then 1, then 2. */
void kn_definition_prefetch(const struct kn_definition *definition, int step);

struct kn_verdict {
    bool truth;
    int64_t next_us; /* > now; INT64_MAX: time alone never changes it */
};

/* A definition of form KN_QUERY_SEGMENT. @errors KN_E_NOMEM (the arena is full) */
enum kn_rc kn_eval(const struct kn_definition *definition, const struct kn_view *view,
                   int64_t now_us, struct kn_arena *arena, struct kn_verdict *ret) KN_MUST_USE;

/* The value of a computed trait (form KN_QUERY_TRAIT) as JSON text: a number, a string, true,
 * false, or a list. The mean is rounded to 6 decimals. Nothing is appended when it is absent. A
 * full buffer shows in out->rc. @errors KN_E_NOMEM (the arena is full) */
struct kn_trait_value {
    bool present;
    int64_t next_us;
};
enum kn_rc kn_eval_trait(const struct kn_definition *definition, const struct kn_view *view,
                         int64_t now_us, struct kn_arena *arena, struct kn_buf *out,
                         struct kn_trait_value *ret) KN_MUST_USE;

/* ---- long histories ---- */

/* What has been worked out for one profile, so that the next evaluation only looks at what is new:
 * its cost then does not depend on how long the history is. It holds the rows that match a where(),
 * and running sums, days, extremes and counts by value of them; a cache, nothing else: results are
 * those of kn_eval, and it can be dropped at any time. Counts, first and last without where() need
 * none (a definition of only such chains has an empty state). Of an event inside where(), the
 * parents that are not decided yet are looked at again each time, so the cost grows with the rows
 * in such a window.
 *
 * Worth its memory (20 to 60 bytes per matching row) for profiles with hundreds of rows and more.
 * The view's rows() should cost little: it is called at each evaluation. `now` moves forward (when
 * not, it starts anew).
 *
 * Rows that come after all others of their event need no word. Of anything else the state must be
 * told. One owner, one thread. Memory: kn_must_alloc. */
struct kn_eval_state;

bool kn_definition_wants_state(const struct kn_definition *definition);
/* The definition must outlive it. */
struct kn_eval_state *kn_eval_state_new(const struct kn_definition *definition);
void kn_eval_state_free(struct kn_eval_state *state); /* NULL is fine */
size_t kn_eval_state_bytes(const struct kn_eval_state *state);
/* Rows of the event (p == NULL: order()) at or after `us` are not what they were: one came in
 * between, changed or is gone. INT64_MIN: anything may be different. From a touch to the next
 * evaluation every row of the event that comes must be told. */
void kn_eval_state_touch(struct kn_eval_state *state, struct kn_str event, int64_t us);
/* As kn_eval and kn_eval_trait. */
enum kn_rc kn_eval_with(struct kn_eval_state *state, const struct kn_view *view, int64_t now_us,
                        struct kn_arena *arena, struct kn_verdict *ret) KN_MUST_USE;
enum kn_rc kn_eval_trait_with(struct kn_eval_state *state, const struct kn_view *view,
                              int64_t now_us, struct kn_arena *arena, struct kn_buf *out,
                              struct kn_trait_value *ret) KN_MUST_USE;

/* ---- explaining ---- */

/* Why: {"truth":true,"next_change_at":"...Z" or null,"now":"...Z","tree":node} where a node is
 *   {"and":[nodes],"truth","next_change_at"}, {"or":[...]...}, {"not":node,...} or
 *   {"condition":"text","value":its left side (absent: null),"truth","next_change_at"} and of
 * event() and order(): "rows": how many match, "rows_in_window": of how many before where(). Every
 * condition is evaluated, also where the others settle the truth. @errors KN_E_NOMEM */
enum kn_rc kn_eval_explain(const struct kn_definition *definition, const struct kn_view *view,
                           int64_t now_us, struct kn_arena *arena, struct kn_buf *out) KN_MUST_USE;

/* ---- what is read ---- */

/* What a definition reads: nothing else of a profile can change its truth (or value) but time. */
struct kn_read_field {
    bool context;
    struct kn_path path; /* through any(): the array's path and the element's in one */
};

struct kn_read_event {
    struct kn_str name; /* p == NULL: order() */
    const struct kn_read_field *fields;
    uint32_t field_count;
    bool source; /* which source sent the event */
};

struct kn_reads {
    const struct kn_read_event *events; /* each name once */
    const struct kn_str *traits; /* first keys, each once: traits, computed traits, segments */
    const struct kn_str *consents;
    const struct kn_str *identifiers;
    const struct kn_str *segments;
    uint32_t event_count, trait_count, consent_count, identifier_count, segment_count;
};

const struct kn_reads *kn_definition_reads(const struct kn_definition *definition);

#endif
