/* Funnels, retention and series. */
#include <stdio.h>

#include "api/reports.h"
#include "format/time_text.h"

/* A number from 0 in the cell; answered when it is beyond. */
static uint32_t cell_index(struct kn_report_in *in, const char *key, uint64_t count)
{
    return (uint32_t)kn_report_number(in, in->cell, "/cell", key, 0, 0, count > 0 ? count - 1 : 0);
}

/* ---- funnel ---- */

static void read_steps(struct kn_report_in *in, struct kn_funnel *q)
{
    uint32_t list = kn_report_node(in, 0, "", "steps", KN_JSON_ARRAY, true);
    const struct kn_json *doc = &in->ctx->doc;
    if (in->failed) {
        return;
    }
    for (uint32_t i = list + 1; i < doc->nodes[list].next && !in->failed; i = doc->nodes[i].next) {
        char pointer[40];
        (void)snprintf(pointer, sizeof pointer, "/steps/%u", q->step_count);
        if (q->step_count == KN_FUNNEL_STEPS_MAX) {
            kn_report_bad(in, "/steps", "a funnel has at most %d steps", KN_FUNNEL_STEPS_MAX);
        } else if (kn_json_type_at(doc, i) != KN_JSON_OBJECT) {
            kn_report_bad(in, pointer, "a step is an object with an event");
        } else {
            kn_report_step(in, i, pointer, true, &q->steps[q->step_count++]);
        }
    }
    if (!in->failed && q->step_count == 0) {
        kn_report_bad(in, "/steps", "a funnel has at least one step");
    }
}

static void put_steps(struct kn_buf *out, const struct kn_funnel_step *steps, uint32_t count)
{
    kn_json_out_key(out, "steps");
    kn_buf_char(out, '[');
    for (uint32_t i = 0; i < count; i++) {
        kn_json_out_comma(out);
        kn_buf_char(out, '{');
        kn_json_out_ki64(out, "profiles", (int64_t)steps[i].profiles);
        kn_report_put_rate(out, "rate", steps[i].profiles, steps[0].profiles);
        kn_json_out_key(out, "median_seconds_from_previous");
        if (steps[i].median_twice_us < 0) {
            kn_buf_c(out, "null");
        } else {
            kn_dec seconds = (kn_dec)steps[i].median_twice_us * INT64_C(500000000000);
            kn_dec_format(seconds, out);
        }
        kn_buf_char(out, '}');
    }
    kn_buf_char(out, ']');
}

/* `whole`: without the breakdown; a profile may be in several groups. */
static void put_funnel(struct kn_report_in *in, const struct kn_funnel *q,
                       const struct kn_funnel_result *whole, const struct kn_funnel_result *r)
{
    struct kn_buf *out = &in->ctx->response->body;
    kn_api_json(in->ctx, 200);
    kn_buf_char(out, '{');
    put_steps(out, whole->steps, q->step_count);
    if (q->breakdown.kind != KN_BREAKDOWN_NONE) {
        kn_json_out_key(out, "groups");
        kn_buf_char(out, '[');
        for (uint32_t i = 0; i < r->group_count; i++) {
            kn_json_out_comma(out);
            kn_buf_char(out, '{');
            kn_report_put_value(out, "value", r->groups[i].value);
            put_steps(out, r->groups[i].steps, q->step_count);
            kn_buf_char(out, '}');
        }
        kn_buf_char(out, ']');
        kn_report_put_left_out(out, r->groups_left_out);
    }
    kn_report_put_end(in);
}

static void funnel(struct kn_report_in *in)
{
    struct kn_funnel q = {0};
    struct kn_funnel_result r;
    struct kn_err err = {0};
    read_steps(in, &q);
    kn_report_period(in, "within", true, &q.within);
    kn_report_range(in, &q.from, &q.to);
    kn_report_breakdown(in, &q.breakdown);
    if (q.steps[0].orders) {
        kn_report_order_breakdown(in, &q.breakdown);
    }
    kn_report_segment(in, false);
    if (in->of_cell) {
        q.cell_step = cell_index(in, "step", q.step_count);
        q.cell_dropped = kn_report_flag(in, in->cell, "/cell", "dropped");
        q.cell_value = kn_report_cell_value(in);
    }
    if (in->failed ||
        !kn_report_ran(in, kn_report_funnel(&in->report, &q, &in->arena, &r, &err), &err)) {
        return;
    }
    if (in->of_cell) {
        kn_report_put_members(in);
        return;
    }
    struct kn_funnel plain = q;
    struct kn_funnel_result whole = r;
    plain.breakdown.kind = KN_BREAKDOWN_NONE;
    if (q.breakdown.kind == KN_BREAKDOWN_NONE ||
        kn_report_ran(in, kn_report_funnel(&in->report, &plain, &in->arena, &whole, &err), &err)) {
        put_funnel(in, &q, &whole, &r);
    }
}

/* ---- retention ---- */

static void put_cohorts(struct kn_buf *out, const struct kn_cohort *cohorts, uint32_t count,
                        uint32_t periods)
{
    kn_json_out_key(out, "cohorts");
    kn_buf_char(out, '[');
    for (uint32_t i = 0; i < count; i++) {
        kn_json_out_comma(out);
        kn_buf_char(out, '{');
        kn_json_out_ktime(out, "start", cohorts[i].start);
        kn_json_out_ki64(out, "size", (int64_t)cohorts[i].size);
        kn_json_out_key(out, "returned");
        kn_buf_char(out, '[');
        for (uint32_t p = 0; p <= periods; p++) {
            kn_json_out_comma(out);
            if (p < cohorts[i].known) {
                kn_buf_u64(out, cohorts[i].returned[p]);
            } else {
                kn_buf_c(out, "null");
            }
        }
        kn_buf_c(out, "]}");
    }
    kn_buf_char(out, ']');
}

static void put_retention(struct kn_report_in *in, const struct kn_retention *q,
                          const struct kn_retention_result *whole,
                          const struct kn_retention_result *r)
{
    struct kn_buf *out = &in->ctx->response->body;
    kn_api_json(in->ctx, 200);
    kn_buf_char(out, '{');
    put_cohorts(out, whole->cohorts, whole->cohort_count, q->periods);
    if (q->breakdown.kind != KN_BREAKDOWN_NONE) {
        kn_json_out_key(out, "groups");
        kn_buf_char(out, '[');
        for (uint32_t i = 0; i < r->group_count; i++) {
            kn_json_out_comma(out);
            kn_buf_char(out, '{');
            kn_report_put_value(out, "value", r->groups[i].value);
            put_cohorts(out, r->groups[i].cohorts, r->cohort_count, q->periods);
            kn_buf_char(out, '}');
        }
        kn_buf_char(out, ']');
        kn_report_put_left_out(out, r->groups_left_out);
    }
    kn_report_put_end(in);
}

static void read_back(struct kn_report_in *in, const char *key, struct kn_event_match *ret)
{
    char pointer[20];
    uint32_t node = kn_report_node(in, 0, "", key, KN_JSON_OBJECT, true);
    (void)snprintf(pointer, sizeof pointer, "/%s", key);
    if (!in->failed) {
        kn_report_step(in, node, pointer, false, ret);
    }
}

static void retention(struct kn_report_in *in)
{
    struct kn_retention q = {0};
    struct kn_retention_result r;
    struct kn_err err = {0};
    read_back(in, "first", &q.first);
    read_back(in, "return", &q.back);
    q.unit = kn_report_unit_of(in, false);
    q.periods = (uint32_t)kn_report_number(in, 0, "", "periods", 12, 0, KN_RETENTION_PERIODS_MAX);
    kn_report_range(in, &q.from, &q.to);
    kn_report_breakdown(in, &q.breakdown);
    if (q.first.orders) {
        kn_report_order_breakdown(in, &q.breakdown);
    }
    kn_report_segment(in, false);
    if (in->of_cell) {
        q.cell_cohort = cell_index(in, "cohort", KN_RETENTION_COHORTS_MAX);
        q.cell_period = kn_json_find(&in->ctx->doc, in->cell, KN_STR("period")) == KN_JSON_NONE
                            ? -1
                            : (int32_t)cell_index(in, "period", (uint64_t)q.periods + 1);
        q.cell_value = kn_report_cell_value(in);
    }
    if (in->failed ||
        !kn_report_ran(in, kn_report_retention(&in->report, &q, &in->arena, &r, &err), &err)) {
        return;
    }
    if (in->of_cell) {
        kn_report_put_members(in);
        return;
    }
    struct kn_retention plain = q;
    struct kn_retention_result whole = r;
    plain.breakdown.kind = KN_BREAKDOWN_NONE;
    if (q.breakdown.kind == KN_BREAKDOWN_NONE ||
        kn_report_ran(in, kn_report_retention(&in->report, &plain, &in->arena, &whole, &err),
                      &err)) {
        put_retention(in, &q, &whole, &r);
    }
}

/* ---- series ---- */

static enum kn_measure measure_of(struct kn_report_in *in)
{
    static const char *const names[] = {"events", "profiles", "sum", "average"};
    struct kn_str text = kn_report_text(in, 0, "", "measure", true);
    for (unsigned i = 0; i < 4; i++) {
        if (kn_str_eq(text, kn_str_c(names[i]))) {
            return (enum kn_measure)i;
        }
    }
    kn_report_bad(in, "/measure", "measure must be events, profiles, sum or average");
    return KN_MEASURE_EVENTS;
}

static void put_point(struct kn_buf *out, enum kn_measure measure, const struct kn_point *point)
{
    kn_json_out_comma(out);
    if (measure == KN_MEASURE_SUM) {
        kn_wide_format(&point->sum, out);
    } else if (measure != KN_MEASURE_AVERAGE) {
        kn_buf_u64(out, point->count);
    } else if (point->count == 0) {
        kn_buf_c(out, "null");
    } else {
        kn_wide_format_mean(&point->sum, point->count, out);
    }
}

static void put_series(struct kn_report_in *in, const struct kn_series *q,
                       const struct kn_series_result *r)
{
    struct kn_buf *out = &in->ctx->response->body;
    kn_api_json(in->ctx, 200);
    kn_buf_c(out, "{\"starts\":[");
    for (uint32_t i = 0; i < r->point_count; i++) {
        char text[KN_TIME_TEXT_MAX];
        kn_json_out_comma(out);
        kn_buf_printf(out, "\"%.*s\"", KN_STR_ARG(kn_time_format(r->starts[i], text)));
    }
    kn_buf_c(out, "],\"groups\":[");
    for (uint32_t g = 0; g < r->group_count; g++) {
        kn_json_out_comma(out);
        kn_buf_char(out, '{');
        kn_report_put_value(out, "value", r->groups[g].value);
        kn_json_out_key(out, "points");
        kn_buf_char(out, '[');
        for (uint32_t i = 0; i < r->point_count; i++) {
            put_point(out, q->measure, &r->groups[g].points[i]);
        }
        kn_buf_c(out, "]}");
    }
    kn_buf_char(out, ']');
    kn_report_put_left_out(out, r->groups_left_out);
    kn_report_put_end(in);
}

static void series(struct kn_report_in *in)
{
    struct kn_series q = {.table = KN_TABLE_EVENT};
    struct kn_series_result r;
    struct kn_err err = {0};
    kn_report_match(in, 0, "", false, &q.match);
    q.measure = measure_of(in);
    if (q.measure == KN_MEASURE_SUM || q.measure == KN_MEASURE_AVERAGE) {
        q.path = kn_report_path(in, "p.", kn_report_text(in, 0, "", "property", true));
    }
    q.unit = kn_report_unit_of(in, true);
    kn_report_range(in, &q.from, &q.to);
    kn_report_breakdown(in, &q.breakdown);
    kn_report_segment(in, false);
    if (kn_report_flag(in, 0, "", "orders") && !in->failed) {
        q.table = KN_TABLE_ORDER;
        q.path = kn_report_order_path(in, q.path);
        kn_report_whole_orders(in, "", &q.match);
        kn_report_order_breakdown(in, &q.breakdown);
    }
    if (in->of_cell) {
        q.cell_point = cell_index(in, "point", KN_SERIES_POINTS_MAX);
        q.cell_value = kn_report_cell_value(in);
    }
    if (in->failed ||
        !kn_report_ran(in, kn_report_series(&in->report, &q, &in->arena, &r, &err), &err)) {
        return;
    }
    if (in->of_cell) {
        kn_report_put_members(in);
    } else {
        put_series(in, &q, &r);
    }
}

void kn_post_funnel(struct kn_ctx *ctx)
{
    kn_report_serve(ctx, false, funnel);
}
void kn_post_funnel_profiles(struct kn_ctx *ctx)
{
    kn_report_serve(ctx, true, funnel);
}
void kn_post_retention(struct kn_ctx *ctx)
{
    kn_report_serve(ctx, false, retention);
}
void kn_post_retention_profiles(struct kn_ctx *ctx)
{
    kn_report_serve(ctx, true, retention);
}
void kn_post_series(struct kn_ctx *ctx)
{
    kn_report_serve(ctx, false, series);
}
void kn_post_series_profiles(struct kn_ctx *ctx)
{
    kn_report_serve(ctx, true, series);
}
