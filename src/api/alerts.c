/* Alerts: what is judged, and how it stands now. An alert keeps no state of its own: each answer is
 * a function of the workspace and the clock, so that it is right after a restart and after late
 * events too.
 *
 * no_orders       firing when the last order came in `hours` or longer ago
 * silent_source   firing when the source's last event came in `hours` or longer ago
 * segment_change  firing when the size differs by `percent` or more from that at the end of the day
 * `days` ago
 *
 * unknown: there is nothing to hold it against yet (never an order, never an event, an empty
 * segment); missing: what it is about is gone; off: it is not enabled.
 */
#include "api/documents.h"
#include "api/reports.h"
#include "apply/defined.h"
#include "apply/segments.h"
#include "format/time_text.h"

enum { NAME_MAX = 200, HOURS_MAX = 24 * 90, PERCENT_MAX = 1000, DAYS_MAX = 365 };

#define HOUR_US INT64_C(3600000000)

/* ---- definitions ---- */

static bool read_source(struct kn_ctx *ctx, struct kn_buf *out)
{
    struct kn_str id = kn_api_text(ctx, 0, "source");
    struct kn_settings *s = kn_workspace_settings(ctx->ws);
    bool there = id.len > 0 && kn_settings_source_by_id(s, id) != NULL;
    kn_settings_unref(s);
    if (!there) {
        kn_api_fail_at(ctx, "/source", "there is no such source");
        return false;
    }
    kn_json_out_kv(out, "source", id);
    return kn_document_number(ctx, "hours", 1, HOURS_MAX, out);
}

static bool is_segment(struct kn_ctx *ctx, struct kn_str key)
{
    struct kn_settings *s = kn_workspace_settings(ctx->ws);
    const struct kn_defined *d = kn_settings_defined(s, key);
    bool there = d && !d->computed;
    kn_settings_unref(s);
    return there;
}

static bool read_segment(struct kn_ctx *ctx, struct kn_buf *out)
{
    struct kn_str key = kn_api_text(ctx, 0, "segment");
    if (!is_segment(ctx, key)) {
        kn_api_fail_at(ctx, "/segment", "there is no such segment");
        return false;
    }
    kn_json_out_kv(out, "segment", key);
    return kn_document_number(ctx, "percent", 1, PERCENT_MAX, out) &&
           kn_document_number(ctx, "days", 1, DAYS_MAX, out);
}

bool kn_alert_read(struct kn_ctx *ctx, struct kn_buf *out)
{
    struct kn_str kind = kn_api_text(ctx, 0, "kind");
    uint32_t node = kn_json_find(&ctx->doc, 0, KN_STR("enabled"));
    enum kn_json_type enabled = kn_json_type_at(&ctx->doc, node);
    if (node != KN_JSON_NONE && enabled != KN_JSON_TRUE && enabled != KN_JSON_FALSE) {
        kn_api_fail_at(ctx, "/enabled", "enabled must be true or false");
        return false;
    }
    if (!kn_document_text(ctx, "name", NAME_MAX, out)) {
        return false;
    }
    kn_json_out_kv(out, "kind", kind);
    kn_json_out_kbool(out, "enabled", enabled != KN_JSON_FALSE);
    if (kn_str_eq(kind, KN_STR("no_orders"))) {
        return kn_document_number(ctx, "hours", 1, HOURS_MAX, out);
    }
    if (kn_str_eq(kind, KN_STR("silent_source"))) {
        return read_source(ctx, out);
    }
    if (kn_str_eq(kind, KN_STR("segment_change"))) {
        return read_segment(ctx, out);
    }
    kn_api_fail_at(ctx, "/kind", "kind must be no_orders, silent_source or segment_change");
    return false;
}

/* ---- judging ---- */

static void put_state(struct kn_buf *out, const char *state)
{
    kn_json_out_kv(out, "state", kn_str_c(state));
}

/* Silence since last_us (INT64_MIN: it never spoke) for that many hours. */
static void put_silence(struct kn_ctx *ctx, struct kn_str json, int64_t last_us, struct kn_buf *out)
{
    int64_t since = last_us + kn_document_integer(json, "hours") * HOUR_US;
    if (last_us == INT64_MIN) {
        put_state(out, "unknown");
        return;
    }
    bool firing = since <= kn_clock_wall_us(ctx->api->env.clock);
    put_state(out, firing ? "firing" : "ok");
    kn_json_out_ktime(out, "last_at", last_us);
    if (firing) {
        kn_json_out_ktime(out, "since", since);
    }
}

static enum kn_rc last_order(struct kn_ctx *ctx, int64_t *ret_us)
{
    struct kn_columns_pin *pin;
    struct kn_err err = {0};
    int64_t now;
    KN_TRY(kn_read_columns(ctx->ws, &pin, &now, &err));
    struct kn_settings *s = kn_workspace_settings(ctx->ws);
    struct kn_report report = {.pin = pin, .zone = s->zone, .now = now, .jobs = ctx->api->env.jobs};
    enum kn_rc rc = kn_report_last_order(&report, ret_us, &err);
    kn_settings_unref(s);
    kn_columns_unpin(pin);
    return rc;
}

static enum kn_rc put_source(struct kn_ctx *ctx, struct kn_str json, struct kn_buf *out)
{
    struct kn_str id = kn_document_string(json, "source", ctx->request->arena);
    struct kn_settings *s = kn_workspace_settings(ctx->ws);
    const struct kn_source *source = kn_settings_source_by_id(s, id);
    uint32_t number = source ? source->number : 0;
    struct kn_source_stats stats;
    kn_settings_unref(s);
    if (number == 0) {
        put_state(out, "missing");
        return KN_OK;
    }
    KN_TRY(kn_read_source_stats(ctx->ws, number, &stats));
    put_silence(ctx, json, stats.last_event_us ? stats.last_event_us : INT64_MIN, out);
    return KN_OK;
}

static enum kn_rc put_segment(struct kn_ctx *ctx, struct kn_str json, struct kn_buf *out)
{
    struct kn_str key = kn_document_string(json, "segment", ctx->request->arena);
    struct kn_segment_info info;
    struct kn_day_size *days;
    struct kn_position position;
    enum kn_rc rc = kn_segment_info(ctx->ws, key, ctx->request->arena, &info);
    if (rc == KN_E_NOT_FOUND || !is_segment(ctx, key)) {
        /* After a start it may be defined and not yet there. */
        put_state(out, is_segment(ctx, key) ? "unknown" : "missing");
        return KN_OK;
    }
    KN_TRY(rc);
    kn_workspace_position(ctx->ws, &position);
    struct kn_settings *s = kn_workspace_settings(ctx->ws);
    int32_t day = (int32_t)(kn_zone_day(s->zone, position.applied_record_us) -
                            kn_document_integer(json, "days"));
    kn_settings_unref(s);
    KN_TRY(kn_segment_sizes(ctx->ws, key, day, day, ctx->request->arena, &days));
    uint64_t before = days[0].size;
    uint64_t apart = info.size > before ? info.size - before : before - info.size;
    if (!info.ready || before == 0) {
        put_state(out, "unknown");
    } else {
        bool firing = apart * 100 >= before * (uint64_t)kn_document_integer(json, "percent");
        put_state(out, firing ? "firing" : "ok");
    }
    kn_json_out_ki64(out, "size", (int64_t)info.size);
    kn_json_out_ki64(out, "size_before", (int64_t)before);
    return KN_OK;
}

static enum kn_rc put_judged(struct kn_ctx *ctx, struct kn_str json, struct kn_buf *out)
{
    struct kn_str kind = kn_document_string(json, "kind", ctx->request->arena);
    int64_t last_us;
    if (kn_str_eq(kn_json_member(json, KN_STR("enabled")), KN_STR("false"))) {
        put_state(out, "off");
        return KN_OK;
    }
    if (kn_str_eq(kind, KN_STR("silent_source"))) {
        return put_source(ctx, json, out);
    }
    if (kn_str_eq(kind, KN_STR("segment_change"))) {
        return put_segment(ctx, json, out);
    }
    KN_TRY(last_order(ctx, &last_us));
    put_silence(ctx, json, last_us, out);
    return KN_OK;
}

void kn_alert_put(struct kn_ctx *ctx, struct kn_str json, struct kn_buf *out)
{
    enum kn_rc rc = put_judged(ctx, json, out);
    if (rc != KN_OK && out->rc == KN_OK) {
        out->rc = rc; /* nothing of this answer leaves */
    }
}
