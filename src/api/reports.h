/* Reports over the API: requests in, answers out. Room-private.
 *
 * A request is read, run and rendered against a view: the columns, the settings and the moment of
 * one call. What is wrong with it is answered with a pointer; an event or field that was never seen
 * is a warning in the answer and counts nothing.
 */
#ifndef KN_API_REPORTS_H
#define KN_API_REPORTS_H

#include "api/api_internal.h"
#include "report/report.h"

enum { KN_REPORT_GROUPS = 50, KN_REPORT_GROUPS_MAX = 1000, KN_REPORT_SETS_MAX = 200 };

struct kn_report_in {
    struct kn_ctx *ctx;
    struct kn_settings *settings;
    struct kn_columns_pin *pin;
    struct kn_report report;
    struct kn_phase_rules phases;
    struct kn_arena arena;              /* trees, results */
    struct kn_buf warnings;             /* JSON objects with commas between */
    uint64_t *sets[KN_REPORT_SETS_MAX]; /* of profiles; owned */
    uint32_t set_count;
    uint64_t started_ns;
    bool failed; /* the answer is there already */
    /* A call for the profiles behind one number. */
    bool of_cell;
    uint32_t cell; /* node of "cell" */
    struct kn_value cell_value;
    bool has_cell_value;
    bool saves; /* as `list` */
    struct kn_api_draft list;
};

typedef void (*kn_report_fn)(struct kn_report_in *in);
/* Pins, reads the body, runs `report` (which answers), unpins. of_cell: the profiles behind one
 * number. */
void kn_report_serve(struct kn_ctx *ctx, bool of_cell, kn_report_fn report);
/* The same without a body, for GET. */
void kn_report_serve_plain(struct kn_ctx *ctx, kn_report_fn report);
/* 400 with a pointer; once. */
void kn_report_bad(struct kn_report_in *in, const char *pointer, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* ---- members of the request ("object" is a node; pointers are printed with %s) ---- */
struct kn_str kn_report_text(struct kn_report_in *in, uint32_t object, const char *pointer,
                             const char *key, bool needed);
/* least <= number <= most; `fallback` when it is not there. */
uint64_t kn_report_number(struct kn_report_in *in, uint32_t object, const char *pointer,
                          const char *key, uint64_t fallback, uint64_t least, uint64_t most);
bool kn_report_flag(struct kn_report_in *in, uint32_t object, const char *pointer, const char *key);
/* An object or array; KN_JSON_NONE when it is not there or wrong. */
uint32_t kn_report_node(struct kn_report_in *in, uint32_t object, const char *pointer,
                        const char *key, enum kn_json_type type, bool needed);
/* "from" and "to": ISO dates in the workspace's zone. */
void kn_report_range(struct kn_report_in *in, int64_t *ret_from, int64_t *ret_to);
void kn_report_period(struct kn_report_in *in, const char *key, bool needed, struct kn_period *ret);
/* {"event","where"?} at `node`. */
void kn_report_match(struct kn_report_in *in, uint32_t node, const char *pointer, bool event_needed,
                     struct kn_event_match *ret);
/* The same, or {"orders":true}. */
void kn_report_step(struct kn_report_in *in, uint32_t node, const char *pointer, bool event_needed,
                    struct kn_event_match *ret);
/* Orders, at `pointer`, have no event and no condition. */
void kn_report_whole_orders(struct kn_report_in *in, const char *pointer,
                            const struct kn_event_match *match);
/* A breakdown of orders: their own value, currency and order_id; not by session. */
void kn_report_order_breakdown(struct kn_report_in *in, struct kn_breakdown *breakdown);
/* The column of a property ("p.value") of an order. */
struct kn_str kn_report_order_path(struct kn_report_in *in, struct kn_str path);
/* An event by name: warns when it was never seen. */
void kn_report_know_event(struct kn_report_in *in, const char *pointer, struct kn_str name);
void kn_report_breakdown(struct kn_report_in *in, struct kn_breakdown *ret);
/* "p." and the path, and so on. */
struct kn_str kn_report_path(struct kn_report_in *in, const char *section, struct kn_str path);
enum kn_report_unit kn_report_unit_of(struct kn_report_in *in, bool hours);
/* "segment", the key of one or {"query": text}: sets report.only. */
void kn_report_segment(struct kn_report_in *in, bool needed);
/* The profiles of such a node: a bit per ordinal of the pin. *ret_name: the key or text. NULL:
 * answered. */
const uint64_t *kn_report_audience(struct kn_report_in *in, uint32_t node, const char *pointer,
                                   struct kn_str *ret_name);
/* cell.group, a JSON scalar or null. NULL: all groups. */
const struct kn_value *kn_report_cell_value(struct kn_report_in *in);

/* ---- answers ---- */
void kn_report_put_value(struct kn_buf *out, const char *key, struct kn_value value);
/* part / whole with at most 6 decimals; null when whole is 0. */
void kn_report_put_rate(struct kn_buf *out, const char *key, uint64_t part, uint64_t whole);
void kn_report_put_left_out(struct kn_buf *out, uint32_t count);
/* ,"warnings":[...],"now":..., "took_ms":n} */
void kn_report_put_end(struct kn_report_in *in);
/* The profiles in report.members as a page. */
void kn_report_put_members(struct kn_report_in *in);
/* Answers a failed run. False: rc is not KN_OK. */
bool kn_report_ran(struct kn_report_in *in, enum kn_rc rc, const struct kn_err *err);

/* ---- settings ---- */
/* The phase rules of the workspace: the member "phases" of its document over the defaults. */
struct kn_phase_rules kn_report_phase_rules(const struct kn_settings *settings,
                                            struct kn_arena *arena);

#endif
