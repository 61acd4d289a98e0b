/* Reports: exact questions about many profiles at one moment (API section 8).
 *
 * Every report is a pure function of (a pin of the columns, a request, now, the workspace's zone).
 * It answers counts of profiles or events, and the same function answers which profiles stand
 * behind one number: give `cell` in the request and `members` in the report, a bitmap it then
 * fills.
 *
 * Who counts: profiles that are live at the pin, under their canonical ordinal, with the rows of
 * all ordinals that became theirs; with `only` just the profiles in that bitmap. Rows after now
 * never count. The order of a profile's rows is (time, arrival).
 *
 * Values of a breakdown are typed: the text "1" and the number 1 are two groups; a row or profile
 * without the value is in the group of kind KN_VALUE_ABSENT. A value with several elements counts
 * once in the group of each distinct one.
 *
 * Times are UTC microseconds. Results live in the arena given and borrow from the pin. Threads:
 * any; the work is cut into ranges of ordinals for `jobs`. Errors: KN_E_NOMEM, KN_E_INVALID
 * (err->text), KN_E_LIMIT, KN_E_CORRUPT.
 */
#ifndef KN_REPORT_REPORT_H
#define KN_REPORT_REPORT_H

#include "behaviour/columns.h"
#include "format/number.h"
#include "format/zone.h"
#include "segment/bulk.h"
#include "segment/query.h"

/* Customer phases (docs/reports.md). A window of n days is now - n x 24 h < time <= now. */
enum kn_phase {
    KN_PHASE_NONE,
    KN_PHASE_ORIENTATION,
    KN_PHASE_COMPARISON,
    KN_PHASE_DECISION,
    KN_PHASE_PURCHASE,
    KN_PHASE_AFTER_PURCHASE,
    KN_PHASE_COUNT,
};
enum { KN_PHASE_SIGNALS_MAX = 8 };
struct kn_phase_rules {
    uint32_t days;             /* how far back behaviour shows a phase */
    uint32_t comparison_views; /* product views that make Comparison */
    uint32_t decision_views;   /* product views that make Decision */
    uint32_t purchase_days;
    uint32_t after_days;
    struct kn_str view_event;
    struct kn_str signals[KN_PHASE_SIGNALS_MAX]; /* events that make Decision by themselves */
    uint32_t signal_count;
};
struct kn_phase_rules kn_phase_defaults(void);
const char *kn_phase_name(enum kn_phase phase); /* "orientation", ...; NULL for none */

struct kn_report {
    const struct kn_columns_pin *pin;
    const struct kn_zone *zone;
    int64_t now;
    const uint64_t *only;                /* bit per ordinal; NULL = every profile */
    const struct kn_phase_rules *phases; /* NULL = the defaults */
    struct kn_bulk_jobs jobs;
    uint64_t *members; /* of the cell asked for: bit per ordinal, zeroed by the caller; else NULL */
};

/* Rows of one event that satisfy a condition; or the orders, as order() sees them: each once, at
 * its first arrival. */
struct kn_event_match {
    struct kn_str event;         /* p == NULL: any event */
    const struct kn_node *where; /* NULL = all */
    bool orders;                 /* funnel, retention: then neither event nor where */
};

enum kn_breakdown_kind {
    KN_BREAKDOWN_NONE,
    KN_BREAKDOWN_ROW,     /* a field of the row: property, context */
    KN_BREAKDOWN_PROFILE, /* a field of the profile now: trait */
    KN_BREAKDOWN_SESSION, /* a field of the session that a visit event belongs to */
    KN_BREAKDOWN_PHASE,   /* the phase of the profile now */
};
struct kn_breakdown {
    enum kn_breakdown_kind kind;
    struct kn_str
        path;       /* of the column: "p.products.category", "t.country", "#device", "s.channel" */
    uint32_t limit; /* groups shown, largest first; 0 = all */
};

enum kn_report_unit { KN_UNIT_HOUR, KN_UNIT_DAY_LOCAL, KN_UNIT_WEEK_LOCAL, KN_UNIT_MONTH_LOCAL };

/* ---- funnel ---- */

enum { KN_FUNNEL_STEPS_MAX = 10 };

struct kn_funnel {
    struct kn_event_match steps[KN_FUNNEL_STEPS_MAX];
    uint32_t step_count;
    struct kn_period within;
    int64_t from, to; /* of the first step: from <= time < to */
    struct kn_breakdown breakdown;
    /* With report->members: who reached `cell_step` (from 0); of a group when cell_value is given.
     * With `cell_dropped` those who reached it and not the next. */
    uint32_t cell_step;
    bool cell_dropped;
    const struct kn_value *cell_value;
};
struct kn_funnel_step {
    uint64_t profiles;
    /* Twice the median time since the step before, in microseconds; -1 = there is none. */
    int64_t median_twice_us;
};
struct kn_funnel_group {
    struct kn_value value;
    const struct kn_funnel_step *steps;
};
struct kn_funnel_result {
    const struct kn_funnel_step *steps;
    const struct kn_funnel_group *groups;
    uint32_t group_count, groups_left_out;
};
enum kn_rc kn_report_funnel(const struct kn_report *report, const struct kn_funnel *funnel,
                            struct kn_arena *arena, struct kn_funnel_result *ret,
                            struct kn_err *err) KN_MUST_USE;

/* ---- retention ---- */

enum { KN_RETENTION_PERIODS_MAX = 120, KN_RETENTION_COHORTS_MAX = 400 };

struct kn_retention {
    struct kn_event_match first, back;
    enum kn_report_unit unit; /* not KN_UNIT_HOUR */
    uint32_t periods;
    int64_t from, to;
    uint32_t cell_cohort;
    int32_t cell_period;           /* -1: all of the cohort */
    struct kn_breakdown breakdown; /* by profile or phase, or of the first event */
    const struct kn_value *cell_value;
};
struct kn_cohort {
    int64_t start; /* of its unit */
    uint64_t size;
    const uint64_t *returned; /* [known] periods 0, 1 ...; those after are not over yet */
    uint32_t known;
};
struct kn_retention_group {
    struct kn_value value;
    const struct kn_cohort *cohorts; /* [cohort_count] */
};
struct kn_retention_result {
    const struct kn_cohort *cohorts;
    uint32_t cohort_count;
    const struct kn_retention_group *groups;
    uint32_t group_count, groups_left_out;
};
enum kn_rc kn_report_retention(const struct kn_report *report, const struct kn_retention *retention,
                               struct kn_arena *arena, struct kn_retention_result *ret,
                               struct kn_err *err) KN_MUST_USE;

/* ---- series ---- */

enum kn_measure { KN_MEASURE_EVENTS, KN_MEASURE_PROFILES, KN_MEASURE_SUM, KN_MEASURE_AVERAGE };
enum { KN_SERIES_POINTS_MAX = 2400 };

struct kn_series {
    enum kn_table_kind
        table; /* KN_TABLE_EVENT, or rows of another kind: match.event is then empty */
    struct kn_event_match match;
    enum kn_measure measure;
    struct kn_str path; /* sum, average: the column, "p.revenue" */
    bool whole;         /* one point for all of [from, to) */
    bool timeless;      /* rows count whatever their time (profile rows); one point */
    enum kn_report_unit unit;
    int64_t from, to;
    struct kn_breakdown breakdown;
    uint32_t cell_point;
    const struct kn_value *cell_value; /* NULL: all groups */
};
struct kn_point {
    uint64_t count; /* rows, profiles, or numbers that were summed */
    struct kn_wide sum;
};
struct kn_series_group {
    struct kn_value value;
    const struct kn_point *points;
};
struct kn_series_result {
    const int64_t *starts; /* [point_count] */
    uint32_t point_count;
    const struct kn_series_group *groups; /* without a breakdown just one */
    uint32_t group_count, groups_left_out;
};
enum kn_rc kn_report_series(const struct kn_report *report, const struct kn_series *series,
                            struct kn_arena *arena, struct kn_series_result *ret,
                            struct kn_err *err) KN_MUST_USE;

/* ---- paths ---- */

enum { KN_PATH_EVENTS_MAX = 5 };

/* Each profile has one path: its events in [from, to) in order, from the first (or the first of the
 * name `start`) on, at most `length`, each at most `within` after the first. */
struct kn_paths {
    struct kn_str start;         /* p == NULL: any event begins a path */
    const struct kn_str *events; /* only these; NULL = all */
    uint32_t event_count;
    uint32_t length;         /* 1 to KN_PATH_EVENTS_MAX */
    struct kn_period within; /* count 0: no limit */
    bool repeats;            /* an event that follows itself counts again */
    int64_t from, to;
    uint32_t limit;
    const struct kn_str *cell_path;
    uint32_t cell_length; /* 0: whoever has a path */
};
struct kn_path_count {
    struct kn_str events[KN_PATH_EVENTS_MAX];
    uint32_t length;
    uint64_t profiles;
};
struct kn_paths_result {
    const struct kn_path_count *paths; /* most profiles first, then by names */
    uint32_t count, left_out;
    uint64_t profiles; /* of all paths */
};
enum kn_rc kn_report_paths(const struct kn_report *report, const struct kn_paths *paths,
                           struct kn_arena *arena, struct kn_paths_result *ret,
                           struct kn_err *err) KN_MUST_USE;

/* ---- overlap ---- */

enum { KN_OVERLAP_SETS_MAX = 3 };

/* For every combination (bit i: set i) who is in all of its sets, and who is in just these. */
struct kn_overlap_result {
    uint64_t in_all[1 << KN_OVERLAP_SETS_MAX]; /* [0]: everyone */
    uint64_t exactly[1 << KN_OVERLAP_SETS_MAX];
};
/* members, when given: who is in all sets of cell_mask, or in exactly these. */
enum kn_rc kn_report_overlap(const struct kn_report *report, const uint64_t *const *sets,
                             uint32_t count, uint32_t cell_mask, bool cell_exactly,
                             struct kn_overlap_result *ret, struct kn_err *err) KN_MUST_USE;

/* ---- a segment against everyone ---- */

struct kn_compare {
    enum kn_table_kind table; /* rows that have the value */
    struct kn_event_match match;
    struct kn_str path;
    bool phase;       /* the value is the phase instead */
    int64_t from, to; /* of the rows; not for profile rows */
    uint32_t limit;
    const struct kn_value *cell_value;
    bool cell_everyone; /* members: of everyone, not of the segment */
};
struct kn_compare_value {
    struct kn_value value;
    uint64_t segment, everyone; /* profiles that have it */
};
struct kn_compare_result {
    uint64_t segment, everyone;            /* profiles in all */
    const struct kn_compare_value *values; /* most of the segment first */
    uint32_t count, left_out;
};
/* report->only is the segment. members: profiles that have cell_value. */
enum kn_rc kn_report_compare(const struct kn_report *report, const struct kn_compare *compare,
                             struct kn_arena *arena, struct kn_compare_result *ret,
                             struct kn_err *err) KN_MUST_USE;

/* ---- groups of customers ---- */

struct kn_money {
    char currency[4];
    struct kn_wide amount;
};
enum { KN_MONEY_MAX = 8 }; /* currencies of a group; the rest count as orders only */
struct kn_customer_group {
    const char *name;
    uint64_t profiles, orders;
    uint64_t home_orders;                  /* those in the home currency */
    struct kn_money revenue[KN_MONEY_MAX]; /* sorted by currency */
    uint32_t revenue_count;
};

enum kn_grouping {
    KN_GROUPING_RFM,  /* named groups of quintiles by recency, frequency and monetary value */
    KN_GROUPING_GRID, /* loyal, promising, sleeper, red alert, one-time */
    KN_GROUPING_PHASES,
};
struct kn_grid_rules {
    uint32_t loyal_orders, loyal_days, promising_days;
};
struct kn_grid_rules kn_grid_defaults(void);

struct kn_customers {
    enum kn_grouping grouping;
    struct kn_grid_rules grid;
    char currency[4];       /* of monetary value */
    const char *cell_group; /* a name; NULL: any */
    /* RFM, from 1; 0: any. The second is the mean of frequency and monetary value, rounded up. */
    unsigned cell_recency, cell_fm;
};
struct kn_customers_result {
    const struct kn_customer_group *groups; /* all of the grouping, empty ones too */
    uint32_t count;
    struct kn_customer_group all;
    /* RFM: how many customers have recency r + 1, frequency f + 1 and monetary value m + 1. */
    uint64_t scores[5][5][5];
};
enum kn_rc kn_report_customers(const struct kn_report *report, const struct kn_customers *customers,
                               struct kn_arena *arena, struct kn_customers_result *ret,
                               struct kn_err *err) KN_MUST_USE;

/* ---- favourites ---- */

enum { KN_FAVOURITES_TOP = 3 };

/* What a profile likes best now: each view, addition to the cart and purchase of a product gives
 * its brand (or category) points that halve every half_life_days. */
struct kn_favourites {
    struct kn_str field; /* "brand" or "category", inside products or beside them */
    uint32_t half_life_days;
    uint32_t limit;
    const struct kn_value *cell_value; /* members: who has it in the top three */
    uint32_t cell_place;               /* 1 to 3: only at that place; 0: at any */
};
struct kn_favourite_value {
    struct kn_value value;
    uint64_t profiles[KN_FAVOURITES_TOP]; /* who have it as first, second, third */
};
struct kn_favourites_result {
    const struct kn_favourite_value *values; /* most profiles in the top three first */
    uint32_t count, left_out;
};
enum kn_rc kn_report_favourites(const struct kn_report *report,
                                const struct kn_favourites *favourites, struct kn_arena *arena,
                                struct kn_favourites_result *ret, struct kn_err *err) KN_MUST_USE;

/* ---- the last order ---- */

/* When the newest order of those who count first came in; INT64_MIN: there is none up to now. */
enum kn_rc kn_report_last_order(const struct kn_report *report, int64_t *ret_us,
                                struct kn_err *err) KN_MUST_USE;

/* ---- the catalogue: what there is to ask about ---- */

struct kn_catalog_field {
    struct kn_str path; /* as in a query, with no "p." or "t." */
    bool context;
    uint64_t rows;               /* that have a value */
    uint32_t kinds;              /* bit per enum kn_value_kind */
    bool list;                   /* through an array */
    struct kn_value examples[3]; /* the most frequent of those that enough profiles have */
    uint32_t example_count;
};
struct kn_catalog_table {
    struct kn_str name;
    uint64_t rows, profiles;
    int64_t first_us, last_us;
    const struct kn_catalog_field *fields; /* by path */
    uint32_t field_count;
    bool full; /* further fields are no columns: readable on the event only */
};
/* Every event, or (KN_TABLE_PROFILE) the traits. example_profiles: how many profiles must have a
 * value before it may be shown. */
enum kn_rc kn_report_catalog(const struct kn_report *report, enum kn_table_kind kind,
                             uint32_t example_profiles, struct kn_arena *arena,
                             const struct kn_catalog_table **ret, uint32_t *ret_count,
                             struct kn_err *err) KN_MUST_USE;

#endif
