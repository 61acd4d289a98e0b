/* Saved reports, dashboards, notes and alerts: listing, making, changing, taking away. */
#include "api/documents.h"

#include <stdio.h>

#include "segment/date.h"

enum {
    NAME_MAX = 200,
    TEXT_MAX = 500,
    SETTINGS_MAX = 50,
    SETTING_MAX = 16 << 10,
    ITEMS_MAX = 50,
    ID_BYTES = 12,
    DOCUMENT_MAX = 64 << 10,
};

/* ---- members of a document ---- */

struct kn_str kn_document_string(struct kn_str json, const char *name, struct kn_arena *arena)
{
    struct kn_str raw = kn_json_member(json, kn_str_c(name));
    return raw.len >= 2 ? kn_json_unescape(kn_str_sub(raw, 1, raw.len - 1), arena) : KN_STR_EMPTY;
}

int64_t kn_document_integer(struct kn_str json, const char *name)
{
    uint64_t value;
    return kn_str_u64(kn_json_member(json, kn_str_c(name)), &value) ? (int64_t)value : 0;
}

/* ---- members of a body ---- */

static void fail_member(struct kn_ctx *ctx, const char *name, const char *detail)
{
    char pointer[40];
    char whole[200];
    (void)snprintf(pointer, sizeof pointer, "/%s", name);
    (void)snprintf(whole, sizeof whole, "%s must be %s", name, detail);
    kn_api_fail_at(ctx, pointer, whole);
}

bool kn_document_text(struct kn_ctx *ctx, const char *name, size_t most, struct kn_buf *out)
{
    char detail[80];
    uint32_t node = kn_json_find(&ctx->doc, 0, kn_str_c(name));
    struct kn_str text = kn_str_trim(kn_json_string(&ctx->doc, node, ctx->request->arena));
    if (text.len > 0 && text.len <= most) {
        kn_json_out_kv(out, name, text);
        return true;
    }
    (void)snprintf(detail, sizeof detail, "a text, not empty, of at most %zu bytes", most);
    fail_member(ctx, name, detail);
    return false;
}

bool kn_document_number(struct kn_ctx *ctx, const char *name, int64_t least, int64_t most,
                        struct kn_buf *out)
{
    char detail[80];
    int64_t value;
    uint32_t node = kn_json_find(&ctx->doc, 0, kn_str_c(name));
    if (kn_json_i64(&ctx->doc, node, &value) && value >= least && value <= most) {
        kn_json_out_ki64(out, name, value);
        return true;
    }
    (void)snprintf(detail, sizeof detail, "a whole number from %lld to %lld", (long long)least,
                   (long long)most);
    fail_member(ctx, name, detail);
    return false;
}

/* ---- saved reports ---- */

static bool read_kind(struct kn_ctx *ctx, struct kn_buf *out)
{
    static const char *const kinds[] = {"series",  "funnel",  "retention", "paths",
                                        "overlap", "compare", "customers", "favourites"};
    struct kn_str kind = kn_api_text(ctx, 0, "kind");
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (kn_str_eq(kind, kn_str_c(kinds[i]))) {
            kn_json_out_kv(out, "kind", kind);
            return true;
        }
    }
    fail_member(ctx, "kind",
                "series, funnel, retention, paths, overlap, compare, customers or favourites");
    return false;
}

/* Texts by name, as a report's address has them. */
static bool read_report_settings(struct kn_ctx *ctx, struct kn_buf *out)
{
    const struct kn_json *doc = &ctx->doc;
    uint32_t object = kn_json_find(doc, 0, KN_STR("settings"));
    size_t count = 0;
    bool ok = kn_json_type_at(doc, object) == KN_JSON_OBJECT;
    for (uint32_t i = object + 1; ok && i < doc->nodes[object].next; i = doc->nodes[i].next) {
        ok = kn_json_type_at(doc, i) == KN_JSON_STRING && kn_json_raw(doc, i).len <= SETTING_MAX &&
             ++count <= SETTINGS_MAX;
    }
    if (!ok) {
        fail_member(ctx, "settings", "an object of at most 50 texts, each of at most 16 KiB");
        return false;
    }
    kn_json_out_kraw(out, "settings", kn_json_raw(doc, object));
    return true;
}

static bool read_report(struct kn_ctx *ctx, struct kn_buf *out)
{
    return kn_document_text(ctx, "name", NAME_MAX, out) && read_kind(ctx, out) &&
           read_report_settings(ctx, out);
}

/* ---- dashboards ---- */

static bool is_report(struct kn_ctx *ctx, struct kn_str id)
{
    struct kn_settings *s = kn_workspace_settings(ctx->ws);
    struct kn_buf key;
    kn_buf_init(&key, 256);
    kn_buf_c(&key, "report/");
    kn_buf_str(&key, id);
    bool there = key.rc == KN_OK && kn_settings_document(s, kn_buf_view(&key)) != NULL;
    kn_buf_deinit(&key);
    kn_settings_unref(s);
    return there;
}

/* One report of a dashboard; false: answered 400. */
static bool read_item(struct kn_ctx *ctx, uint32_t node, size_t index, struct kn_buf *out)
{
    struct kn_str report = kn_api_text(ctx, node, "report");
    uint32_t width = kn_json_find(&ctx->doc, node, KN_STR("width"));
    int64_t columns = 1;
    if (report.len == 0 || !is_report(ctx, report)) {
        kn_api_fail_element(ctx, "/items", index, "/report", "there is no such saved report");
        return false;
    }
    if (width != KN_JSON_NONE &&
        (!kn_json_i64(&ctx->doc, width, &columns) || columns < 1 || columns > 2)) {
        kn_api_fail_element(ctx, "/items", index, "/width", "width must be 1 or 2");
        return false;
    }
    kn_json_out_comma(out);
    kn_buf_char(out, '{');
    kn_json_out_kv(out, "report", report);
    kn_json_out_ki64(out, "width", columns);
    kn_buf_char(out, '}');
    return true;
}

static bool read_dashboard(struct kn_ctx *ctx, struct kn_buf *out)
{
    const struct kn_json *doc = &ctx->doc;
    uint32_t list = kn_json_find(doc, 0, KN_STR("items"));
    size_t count = 0;
    if (!kn_document_text(ctx, "name", NAME_MAX, out)) {
        return false;
    }
    if (kn_json_type_at(doc, list) != KN_JSON_ARRAY) {
        fail_member(ctx, "items", "a list of reports");
        return false;
    }
    kn_json_out_key(out, "items");
    kn_buf_char(out, '[');
    for (uint32_t i = list + 1; i < doc->nodes[list].next; i = doc->nodes[i].next) {
        if (count == ITEMS_MAX) {
            fail_member(ctx, "items", "at most 50 reports");
            return false;
        }
        if (!read_item(ctx, i, count++, out)) {
            return false;
        }
    }
    kn_buf_char(out, ']');
    return true;
}

/* ---- notes ---- */

static bool read_note(struct kn_ctx *ctx, struct kn_buf *out)
{
    struct kn_date date;
    struct kn_str at = kn_api_text(ctx, 0, "at");
    if (!kn_date_parse(at, &date)) {
        fail_member(ctx, "at", "an ISO 8601 date or time, such as 2026-11-23");
        return false;
    }
    kn_json_out_kv(out, "at", at);
    return kn_document_text(ctx, "text", TEXT_MAX, out);
}

/* ---- kinds ---- */

static const struct kn_document_kind kinds[] = {
    {"/reports/saved", "report/", "rep_", "saved report", 1000, read_report, NULL},
    {"/dashboards", "dashboard/", "das_", "dashboard", 200, read_dashboard, NULL},
    {"/notes", "note/", "not_", "note", 2000, read_note, NULL},
    {"/alerts", "alert/", "ale_", "alert", 200, kn_alert_read, kn_alert_put},
};

static const struct kn_document_kind *kind_of(const struct kn_ctx *ctx)
{
    size_t i = 0;
    while (kn_str_find(kn_str_c(ctx->route->path), kn_str_c(kinds[i].route)) == SIZE_MAX) {
        i++;
    }
    return &kinds[i];
}

static struct kn_str key_of(struct kn_ctx *ctx, struct kn_str id)
{
    struct kn_buf key;
    kn_buf_init(&key, 4096);
    kn_buf_c(&key, kind_of(ctx)->prefix);
    kn_buf_str(&key, id);
    struct kn_str kept = kn_arena_str(ctx->request->arena, kn_buf_view(&key));
    kn_buf_deinit(&key);
    return kept;
}

/* ---- showing ---- */

static void put(struct kn_ctx *ctx, const struct kn_document *d)
{
    const struct kn_document_kind *kind = kind_of(ctx);
    struct kn_buf *out = &ctx->response->body;
    size_t offset = 0;
    struct kn_str key;
    struct kn_str raw;
    kn_buf_char(out, '{');
    kn_json_out_kv(out, "id", kn_str_sub(d->key, strlen(kind->prefix), d->key.len));
    while (kn_json_walk(d->json, &offset, &key, &raw)) {
        kn_json_out_key_str(out, key);
        kn_buf_str(out, raw);
    }
    if (kind->put) {
        kind->put(ctx, d->json, out);
    }
    kn_buf_char(out, '}');
}

void kn_get_documents(struct kn_ctx *ctx)
{
    uint64_t from[2] = {0};
    bool given;
    size_t limit;
    size_t count;
    if (!kn_api_limit(ctx, KN_API_LIMIT, KN_API_LIMIT_MAX, &limit) ||
        !kn_api_read_cursor(ctx, from, &given)) {
        return;
    }
    struct kn_settings *s = kn_workspace_settings(ctx->ws);
    const struct kn_document *all =
        kn_settings_documents(s, kn_str_c(kind_of(ctx)->prefix), &count);
    size_t first = from[0] < count ? (size_t)from[0] : count;
    size_t end = count - first < limit ? count : first + limit;
    kn_api_json(ctx, 200);
    kn_buf_c(&ctx->response->body, "{\"data\":[");
    for (size_t i = first; i < end; i++) {
        kn_json_out_comma(&ctx->response->body);
        put(ctx, &all[i]);
    }
    kn_buf_char(&ctx->response->body, ']');
    kn_api_put_next(ctx, end < count, end, 0);
    kn_settings_unref(s);
}

static void fail_unknown(struct kn_ctx *ctx)
{
    char detail[60];
    (void)snprintf(detail, sizeof detail, "there is no such %s", kind_of(ctx)->name);
    kn_api_fail(ctx, 404, "Not found", detail);
}

static void show(struct kn_ctx *ctx, struct kn_str id, int status)
{
    struct kn_settings *s = kn_workspace_settings(ctx->ws);
    const struct kn_document *d = kn_settings_document(s, key_of(ctx, id));
    if (d) {
        kn_api_json(ctx, status);
        put(ctx, d);
    } else {
        fail_unknown(ctx);
    }
    kn_settings_unref(s);
}

void kn_get_document(struct kn_ctx *ctx)
{
    show(ctx, ctx->params[1], 200);
}

static void show_created(struct kn_ctx *ctx)
{
    show(ctx, ctx->subject, 201);
}

static void show_changed(struct kn_ctx *ctx)
{
    show(ctx, ctx->subject, 200);
}

/* ---- changing ---- */

/* What the record says beside the members of the body. */
struct draft {
    struct kn_str id;
    struct kn_str created; /* as JSON; empty: now */
    int64_t version;
};

static void stage(struct kn_ctx *ctx, const struct draft *d, void (*finish)(struct kn_ctx *))
{
    const struct kn_document_kind *kind = kind_of(ctx);
    int64_t now = kn_clock_wall_us(ctx->api->env.clock);
    struct kn_buf json;
    kn_buf_init(&json, DOCUMENT_MAX);
    kn_buf_char(&json, '{');
    if (kind->read(ctx, &json)) {
        kn_json_out_ki64(&json, "version", d->version);
        if (d->created.len > 0) {
            kn_json_out_kraw(&json, "created_at", d->created);
        } else {
            kn_json_out_ktime(&json, "created_at", now);
        }
        kn_json_out_ktime(&json, "updated_at", now);
        kn_buf_char(&json, '}');
        ctx->subject = kn_arena_str(ctx->request->arena, d->id);
        kn_api_stage_setting(ctx, kind->prefix, d->id, &json, finish);
    }
    kn_buf_deinit(&json);
}

static void create(struct kn_ctx *ctx)
{
    const struct kn_document_kind *kind = kind_of(ctx);
    struct kn_settings *s = kn_workspace_settings(ctx->ws);
    struct kn_err err = {0};
    size_t count;
    (void)kn_settings_documents(s, kn_str_c(kind->prefix), &count);
    kn_settings_unref(s);
    if (count >= kind->most) {
        (void)kn_fail(&err, KN_E_CONFLICT, "a workspace has at most %u %ss", kind->most,
                      kind->name);
        kn_api_fail_rc(ctx, KN_E_CONFLICT, &err);
        return;
    }
    struct kn_buf id;
    kn_buf_init(&id, 64);
    kn_buf_c(&id, kind->id_prefix);
    kn_buf_str(&id, kn_api_random_text(ctx, ID_BYTES));
    struct draft d = {.id = kn_buf_view(&id), .version = 1};
    stage(ctx, &d, show_created);
    kn_buf_deinit(&id);
}

void kn_post_document(struct kn_ctx *ctx)
{
    if (kn_api_body(ctx) && kn_api_begin_change(ctx)) {
        create(ctx);
        kn_api_end_change(ctx);
    }
}

/* The body was made from the version that stands; false: answered. */
static bool is_current(struct kn_ctx *ctx, int64_t stands)
{
    int64_t version;
    struct kn_err err = {0};
    if (!kn_json_i64(&ctx->doc, kn_json_find(&ctx->doc, 0, KN_STR("version")), &version)) {
        fail_member(ctx, "version", "the number that was read");
        return false;
    }
    if (version != stands) {
        (void)kn_fail(&err, KN_E_CONFLICT,
                      "somebody else changed this meanwhile: version %lld stands now",
                      (long long)stands);
        kn_api_fail_rc(ctx, KN_E_CONFLICT, &err);
    }
    return version == stands;
}

static void change(struct kn_ctx *ctx)
{
    struct kn_settings *s = kn_workspace_settings(ctx->ws);
    const struct kn_document *present = kn_settings_document(s, key_of(ctx, ctx->params[1]));
    int64_t version = present ? kn_document_integer(present->json, "version") : 0;
    if (!present) {
        fail_unknown(ctx);
    } else if (is_current(ctx, version)) {
        struct draft d = {.id = ctx->params[1],
                          .created = kn_json_member(present->json, KN_STR("created_at")),
                          .version = version + 1};
        stage(ctx, &d, show_changed);
    }
    kn_settings_unref(s);
}

void kn_put_document(struct kn_ctx *ctx)
{
    if (kn_api_body(ctx) && kn_api_begin_change(ctx)) {
        change(ctx);
        kn_api_end_change(ctx);
    }
}

/* The dashboard that shows a report, by name; empty: none does. Items stand as read_item wrote
 * them, and a quote inside a name is escaped. */
static struct kn_str dashboard_of(struct kn_ctx *ctx, const struct kn_settings *s, struct kn_str id)
{
    struct kn_str name = KN_STR_EMPTY;
    struct kn_buf item;
    size_t count;
    const struct kn_document *all = kn_settings_documents(s, KN_STR("dashboard/"), &count);
    kn_buf_init(&item, 4096);
    kn_json_out_kv(&item, "report", id);
    for (size_t i = 0; i < count && item.rc == KN_OK && name.len == 0; i++) {
        if (kn_str_find(all[i].json, kn_buf_view(&item)) != SIZE_MAX) {
            name = kn_document_string(all[i].json, "name", ctx->request->arena);
        }
    }
    kn_buf_deinit(&item);
    return name;
}

static void take_away(struct kn_ctx *ctx)
{
    struct kn_settings *s = kn_workspace_settings(ctx->ws);
    struct kn_str id = ctx->params[1];
    bool is_report = kind_of(ctx)->read == read_report;
    struct kn_str shown = is_report ? dashboard_of(ctx, s, id) : KN_STR_EMPTY;
    struct kn_err err = {0};
    struct kn_buf nothing;
    if (!kn_settings_document(s, key_of(ctx, id))) {
        fail_unknown(ctx);
    } else if (shown.len > 0) {
        (void)kn_fail(&err, KN_E_CONFLICT,
                      "the dashboard \"%.*s\" shows it: take it off there first",
                      KN_STR_ARG(shown));
        kn_api_fail_rc(ctx, KN_E_CONFLICT, &err);
    } else {
        kn_buf_init(&nothing, 1);
        kn_api_stage_setting(ctx, kind_of(ctx)->prefix, id, &nothing, kn_api_no_content);
        kn_buf_deinit(&nothing);
    }
    kn_settings_unref(s);
}

void kn_delete_document(struct kn_ctx *ctx)
{
    if (kn_api_begin_change(ctx)) {
        take_away(ctx);
        kn_api_end_change(ctx);
    }
}
