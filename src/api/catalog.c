/* The catalogue of events and traits, and the thresholds of customer phases. */
#include <stdio.h>

#include "api/reports.h"

/* Examples are values that several people have; whoever may not see people gets those of a crowd.
 */
enum { EXAMPLE_PROFILES = 3, EXAMPLE_PROFILES_CROWD = 50 };

static void put_kinds(struct kn_buf *out, const struct kn_catalog_field *f)
{
    static const char *const names[] = {NULL, "string", "number", "boolean", "boolean", NULL};
    const char *before = NULL;
    kn_json_out_key(out, "types");
    kn_buf_char(out, '[');
    for (unsigned k = 0; k < sizeof names / sizeof names[0]; k++) {
        if (names[k] && ((f->kinds >> k) & 1) && names[k] != before) {
            kn_json_out_comma(out);
            kn_json_out_string(out, kn_str_c(names[k]));
            before = names[k];
        }
    }
    kn_buf_char(out, ']');
}

static void put_field(struct kn_buf *out, const struct kn_catalog_field *f)
{
    kn_json_out_comma(out);
    kn_buf_char(out, '{');
    kn_json_out_kv(out, "path", f->path);
    put_kinds(out, f);
    kn_json_out_kbool(out, "list", f->list);
    kn_json_out_ki64(out, "count", (int64_t)f->rows);
    kn_json_out_key(out, "examples");
    kn_buf_char(out, '[');
    for (uint32_t i = 0; i < f->example_count; i++) {
        const struct kn_value *v = &f->examples[i];
        kn_json_out_comma(out);
        if (v->kind == KN_VALUE_STRING) {
            kn_json_out_string(out, v->text);
        } else {
            kn_buf_str(out, v->kind == KN_VALUE_NUMBER ? v->text
                            : v->kind == KN_VALUE_TRUE ? KN_STR("true")
                                                       : KN_STR("false"));
        }
    }
    kn_buf_c(out, "]}");
}

static void put_fields(struct kn_buf *out, const struct kn_catalog_table *t, const char *key,
                       bool context)
{
    kn_json_out_key(out, key);
    kn_buf_char(out, '[');
    for (uint32_t i = 0; i < t->field_count; i++) {
        if (t->fields[i].context == context) {
            put_field(out, &t->fields[i]);
        }
    }
    kn_buf_char(out, ']');
}

static bool read_tables(struct kn_report_in *in, enum kn_table_kind kind,
                        const struct kn_catalog_table **ret, uint32_t *ret_count)
{
    struct kn_err err = {0};
    bool crowd = in->ctx->caller.role == KN_ROLE_ANALYST;
    return kn_report_ran(in,
                         kn_report_catalog(&in->report, kind,
                                           crowd ? EXAMPLE_PROFILES_CROWD : EXAMPLE_PROFILES,
                                           &in->arena, ret, ret_count, &err),
                         &err);
}

static void events(struct kn_report_in *in)
{
    struct kn_buf *out = &in->ctx->response->body;
    const struct kn_catalog_table *tables;
    uint32_t count;
    if (!read_tables(in, KN_TABLE_EVENT, &tables, &count)) {
        return;
    }
    kn_api_json(in->ctx, 200);
    kn_buf_c(out, "{\"data\":[");
    for (uint32_t i = 0; i < count; i++) {
        const struct kn_catalog_table *t = &tables[i];
        kn_json_out_comma(out);
        kn_buf_char(out, '{');
        kn_json_out_kv(out, "event", t->name);
        kn_json_out_ki64(out, "count", (int64_t)t->rows);
        kn_json_out_ki64(out, "profiles", (int64_t)t->profiles);
        kn_json_out_ktime(out, "first_seen_at", t->first_us);
        kn_json_out_ktime(out, "last_seen_at", t->last_us);
        put_fields(out, t, "properties", false);
        put_fields(out, t, "context", true);
        kn_json_out_kbool(out, "has_more_fields", t->full);
        kn_buf_char(out, '}');
    }
    kn_buf_char(out, ']');
    kn_report_put_end(in);
}

static void traits(struct kn_report_in *in)
{
    struct kn_buf *out = &in->ctx->response->body;
    const struct kn_catalog_table *tables;
    uint32_t count;
    if (!read_tables(in, KN_TABLE_PROFILE, &tables, &count)) {
        return;
    }
    struct kn_catalog_table none = {0};
    const struct kn_catalog_table *t = count > 0 ? &tables[0] : &none;
    kn_api_json(in->ctx, 200);
    kn_buf_char(out, '{');
    kn_json_out_ki64(out, "profiles", (int64_t)t->profiles);
    put_fields(out, t, "data", false);
    kn_json_out_kbool(out, "has_more_fields", t->full);
    kn_report_put_end(in);
}

void kn_get_catalog_events(struct kn_ctx *ctx)
{
    kn_report_serve_plain(ctx, events);
}
void kn_get_catalog_traits(struct kn_ctx *ctx)
{
    kn_report_serve_plain(ctx, traits);
}

/* ---- phases ---- */

static struct kn_str member_of(struct kn_str json, struct kn_str name)
{
    struct kn_str key;
    struct kn_str raw;
    struct kn_str found = KN_STR_EMPTY;
    size_t offset = 0;
    while (json.len > 0 && kn_json_walk(json, &offset, &key, &raw)) {
        found = kn_str_eq(key, name) ? raw : found;
    }
    return found;
}

static void take_number(struct kn_str json, const char *key, uint32_t *ret)
{
    uint64_t value;
    if (kn_str_u64(member_of(json, kn_str_c(key)), &value) && value <= UINT32_MAX) {
        *ret = (uint32_t)value;
    }
}

static struct kn_str unquoted(struct kn_str raw, struct kn_arena *arena)
{
    return raw.len >= 2 && raw.p[0] == '"' ? kn_json_unescape(kn_str(raw.p + 1, raw.len - 2), arena)
                                           : KN_STR_EMPTY;
}

struct kn_phase_rules kn_report_phase_rules(const struct kn_settings *settings,
                                            struct kn_arena *arena)
{
    struct kn_phase_rules r = kn_phase_defaults();
    struct kn_str json = member_of(settings->json, KN_STR("phases"));
    struct kn_str view = unquoted(member_of(json, KN_STR("view_event")), arena);
    struct kn_str list = member_of(json, KN_STR("decision_events"));
    struct kn_str key;
    struct kn_str raw;
    size_t offset = 0;
    take_number(json, "days", &r.days);
    take_number(json, "comparison_views", &r.comparison_views);
    take_number(json, "decision_views", &r.decision_views);
    take_number(json, "purchase_days", &r.purchase_days);
    take_number(json, "after_days", &r.after_days);
    r.view_event = view.len > 0 ? view : r.view_event;
    r.signal_count = list.len > 0 ? 0 : r.signal_count;
    while (list.len > 0 && r.signal_count < KN_PHASE_SIGNALS_MAX &&
           kn_json_walk(list, &offset, &key, &raw)) {
        r.signals[r.signal_count++] = unquoted(raw, arena);
    }
    return r;
}

static void put_rules(const struct kn_phase_rules *r, struct kn_buf *out)
{
    kn_buf_char(out, '{');
    kn_json_out_ki64(out, "days", r->days);
    kn_json_out_kv(out, "view_event", r->view_event);
    kn_json_out_ki64(out, "comparison_views", r->comparison_views);
    kn_json_out_ki64(out, "decision_views", r->decision_views);
    kn_json_out_key(out, "decision_events");
    kn_buf_char(out, '[');
    for (uint32_t i = 0; i < r->signal_count; i++) {
        kn_json_out_comma(out);
        kn_json_out_string(out, r->signals[i]);
    }
    kn_buf_char(out, ']');
    kn_json_out_ki64(out, "purchase_days", r->purchase_days);
    kn_json_out_ki64(out, "after_days", r->after_days);
    kn_buf_char(out, '}');
}

void kn_get_phases(struct kn_ctx *ctx)
{
    struct kn_settings *s = kn_workspace_settings(ctx->ws);
    struct kn_phase_rules r = kn_report_phase_rules(s, ctx->request->arena);
    kn_api_json(ctx, 200);
    put_rules(&r, &ctx->response->body);
    kn_settings_unref(s);
}

/* A number of the body within its bounds; false: answered. */
static bool read_bound(struct kn_ctx *ctx, const char *key, uint32_t least, uint32_t most,
                       uint32_t *ret)
{
    int64_t value;
    uint32_t node = kn_json_find(&ctx->doc, 0, kn_str_c(key));
    if (node == KN_JSON_NONE) {
        return true;
    }
    if (!kn_json_i64(&ctx->doc, node, &value) || value < least || value > most) {
        char pointer[40];
        char detail[120];
        (void)snprintf(pointer, sizeof pointer, "/%s", key);
        (void)snprintf(detail, sizeof detail, "%s must be a whole number from %u to %u", key, least,
                       most);
        kn_api_fail_at(ctx, pointer, detail);
        return false;
    }
    *ret = (uint32_t)value;
    return true;
}

static bool read_signals(struct kn_ctx *ctx, struct kn_phase_rules *r)
{
    const struct kn_json *doc = &ctx->doc;
    uint32_t list = kn_json_find(doc, 0, KN_STR("decision_events"));
    if (list == KN_JSON_NONE) {
        return true;
    }
    if (kn_json_type_at(doc, list) != KN_JSON_ARRAY) {
        kn_api_fail_at(ctx, "/decision_events", "decision_events must be a list of events");
        return false;
    }
    r->signal_count = 0;
    for (uint32_t i = list + 1; i < doc->nodes[list].next; i = doc->nodes[i].next) {
        struct kn_str name = kn_json_string(doc, i, ctx->request->arena);
        if (name.len == 0 || r->signal_count == KN_PHASE_SIGNALS_MAX) {
            kn_api_fail_element(ctx, "/decision_events", r->signal_count, "",
                                "decision_events must be at most 8 names of events");
            return false;
        }
        r->signals[r->signal_count++] = name;
    }
    return true;
}

static bool read_rules(struct kn_ctx *ctx, struct kn_phase_rules *r)
{
    enum { DAYS_MAX = 3650, VIEWS_MAX = 100000 };
    *r = kn_phase_defaults();
    if (!read_bound(ctx, "days", 1, DAYS_MAX, &r->days) ||
        !read_bound(ctx, "comparison_views", 1, VIEWS_MAX, &r->comparison_views) ||
        !read_bound(ctx, "decision_views", 1, VIEWS_MAX, &r->decision_views) ||
        !read_bound(ctx, "purchase_days", 1, DAYS_MAX, &r->purchase_days) ||
        !read_bound(ctx, "after_days", 1, DAYS_MAX, &r->after_days) || !read_signals(ctx, r)) {
        return false;
    }
    struct kn_str view = kn_api_text(ctx, 0, "view_event");
    r->view_event = view.len > 0 ? view : r->view_event;
    if (r->decision_views < r->comparison_views) {
        kn_api_fail_at(ctx, "/decision_views", "decision_views must not be below comparison_views");
        return false;
    }
    return true;
}

/* The workspace's document with these phases. */
static void put_document(const struct kn_settings *s, const struct kn_phase_rules *r,
                         struct kn_buf *json)
{
    struct kn_str key;
    struct kn_str raw;
    size_t offset = 0;
    kn_buf_char(json, '{');
    while (s->json.len > 0 && kn_json_walk(s->json, &offset, &key, &raw)) {
        if (!kn_str_eq(key, KN_STR("phases"))) {
            kn_json_out_key_str(json, key);
            kn_buf_str(json, raw);
        }
    }
    kn_json_out_key(json, "phases");
    put_rules(r, json);
    kn_buf_char(json, '}');
}

void kn_put_phases(struct kn_ctx *ctx)
{
    struct kn_phase_rules rules;
    struct kn_buf json;
    if (!kn_api_body(ctx) || !read_rules(ctx, &rules) || !kn_api_begin_change(ctx)) {
        return;
    }
    struct kn_settings *s = kn_workspace_settings(ctx->ws);
    kn_buf_init(&json, 1 << 20);
    put_document(s, &rules, &json);
    kn_api_stage_setting(ctx, "workspace", KN_STR_EMPTY, &json, kn_get_phases);
    kn_api_end_change(ctx);
    kn_buf_deinit(&json);
    kn_settings_unref(s);
}
