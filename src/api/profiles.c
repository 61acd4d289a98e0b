/* Reading profiles, their events and links. */
#include "api/api_internal.h"
#include "format/fold.h"
#include "format/time_text.h"
#include "format/token.h"

static const char *const reserved[] = {"q",     "limit", "cursor", "after", "query", "sort",
                                       "fields", "purpose", "dry_run", NULL};

static bool is_reserved(struct kn_str name)
{
    for (size_t i = 0; reserved[i]; i++) {
        if (kn_str_eq(name, kn_str_c(reserved[i]))) {
            return true;
        }
    }
    return false;
}

static void put_profile(struct kn_ctx *ctx, const struct kn_profile *p)
{
    struct kn_settings *s = kn_workspace_settings(ctx->ws);
    kn_api_json(ctx, 200);
    kn_render_profile(&ctx->response->body, s, p);
    kn_settings_unref(s);
}

static void answer_one(struct kn_ctx *ctx, enum kn_rc rc, const struct kn_profile *p)
{
    if (rc == KN_OK) {
        put_profile(ctx, p);
    } else {
        struct kn_err err = {0};
        (void)kn_fail(&err, rc, rc == KN_E_NOT_FOUND ? "there is no such profile" : "%s",
                      kn_rc_name(rc));
        kn_api_fail_rc(ctx, rc, &err);
    }
}

static void list(struct kn_ctx *ctx)
{
    size_t limit;
    uint64_t after = 0;
    struct kn_str cursor = kn_http_param(ctx->request, "cursor");
    struct kn_profile **profiles;
    size_t count;
    uint32_t next;
    if (!kn_api_limit(ctx, KN_API_LIMIT, KN_API_LIMIT_MAX, &limit)) {
        return;
    }
    if (cursor.len > 0 && (!kn_str_u64(cursor, &after) || after > UINT32_MAX)) {
        kn_api_fail(ctx, 400, "Bad request", "cursor is not one that was given out");
        return;
    }
    struct kn_str match = kn_fold_text(kn_str_trim(kn_http_param(ctx->request, "q")),
                                       ctx->request->arena);
    enum kn_rc rc = kn_read_profiles(ctx->ws, (uint32_t)after, match, limit, ctx->request->arena,
                                     &profiles, &count, &next);
    if (rc != KN_OK) {
        kn_api_fail_rc(ctx, rc, NULL);
        return;
    }
    struct kn_settings *s = kn_workspace_settings(ctx->ws);
    struct kn_buf *out = &ctx->response->body;
    kn_api_json(ctx, 200);
    kn_buf_c(out, "{\"data\":[");
    for (size_t i = 0; i < count; i++) {
        kn_json_out_comma(out);
        kn_render_profile(out, s, profiles[i]);
    }
    kn_buf_c(out, "],\"next\":");
    if (next > 0) {
        kn_buf_printf(out, "\"%u\"", next);
    } else {
        kn_buf_c(out, "null");
    }
    kn_buf_char(out, '}');
    kn_settings_unref(s);
}

void kn_get_profiles(struct kn_ctx *ctx)
{
    const struct kn_http_request *r = ctx->request;
    for (size_t i = 0; i < r->param_count; i++) {
        if (!is_reserved(r->params[i].name)) {
            struct kn_profile *p = NULL;
            enum kn_rc rc = kn_read_profile_by_identifier(ctx->ws, r->params[i].name,
                                                          r->params[i].value, r->arena, &p);
            answer_one(ctx, rc, p);
            return;
        }
    }
    if (kn_http_has_param(r, "query")) {
        kn_api_fail(ctx, 400, "Bad request", "query is not part of this version");
        return;
    }
    list(ctx);
}

void kn_lookup_profile(struct kn_ctx *ctx)
{
    struct kn_profile *p = NULL;
    if (!kn_api_body(ctx)) {
        return;
    }
    struct kn_str type = kn_api_text(ctx, 0, "type");
    struct kn_str value = kn_api_text(ctx, 0, "value");
    if (type.len == 0 || value.len == 0) {
        kn_api_fail(ctx, 400, "Bad request", "type and value are needed");
        return;
    }
    enum kn_rc rc = kn_read_profile_by_identifier(ctx->ws, type, value, ctx->request->arena, &p);
    answer_one(ctx, rc, p);
}

void kn_get_profile(struct kn_ctx *ctx)
{
    struct kn_profile *p = NULL;
    enum kn_rc rc = kn_read_profile_by_id(ctx->ws, ctx->params[1], ctx->request->arena, &p);
    answer_one(ctx, rc, p);
}

void kn_get_profile_links(struct kn_ctx *ctx)
{
    struct kn_profile *p = NULL;
    struct kn_profile_link *links;
    size_t count;
    enum kn_rc rc = kn_read_profile_by_id(ctx->ws, ctx->params[1], ctx->request->arena, &p);
    if (rc == KN_OK) {
        rc = kn_read_links(ctx->ws, p->ordinal, ctx->request->arena, &links, &count);
    }
    if (rc != KN_OK) {
        answer_one(ctx, rc, NULL);
        return;
    }
    struct kn_settings *s = kn_workspace_settings(ctx->ws);
    kn_api_json(ctx, 200);
    kn_buf_c(&ctx->response->body, "{\"data\":[");
    kn_render_links(&ctx->response->body, s, links, count);
    kn_buf_c(&ctx->response->body, "],\"next\":null}");
    kn_settings_unref(s);
}

/* ---- events ---- */

struct event_list {
    struct kn_ctx *ctx;
    struct kn_settings *settings;
    struct kn_str name;
    size_t limit, count;
    int64_t last_us;
    uint64_t last_arrival;
    bool more;
};

static bool each_event(void *context, const struct kn_archive_row *row, const struct kn_item *item)
{
    struct event_list *l = context;
    if (l->name.len > 0 && !kn_str_eq(l->name, item->name)) {
        return true;
    }
    if (l->count == l->limit) {
        l->more = true;
        return false;
    }
    kn_json_out_comma(&l->ctx->response->body);
    kn_render_event(&l->ctx->response->body, l->settings, item, l->ctx->request->arena);
    l->count++;
    l->last_us = row->event_us;
    l->last_arrival = row->arrival;
    return true;
}

static bool time_param(struct kn_ctx *ctx, const char *name, int64_t *ret)
{
    struct kn_str text = kn_http_param(ctx->request, name);
    if (text.len > 0 && !kn_time_parse(text, ret)) {
        kn_api_fail(ctx, 400, "Bad request", "from and to are ISO 8601 times");
        return false;
    }
    return true;
}

static bool read_cursor(struct kn_ctx *ctx, struct kn_archive_query *q)
{
    struct kn_str cursor = kn_http_param(ctx->request, "cursor");
    struct kn_str bytes;
    if (cursor.len == 0) {
        return true;
    }
    if (!kn_base64_decode(cursor, ctx->request->arena, &bytes) || bytes.len != 16) {
        kn_api_fail(ctx, 400, "Bad request", "cursor is not one that was given out");
        return false;
    }
    struct kn_cursor c = kn_cursor(bytes);
    q->has_after = true;
    q->after_us = (int64_t)kn_take_le64(&c);
    q->after_arrival = kn_take_le64(&c);
    return true;
}

static void put_cursor(const struct event_list *l, struct kn_buf *out)
{
    struct kn_buf bytes;
    kn_buf_init(&bytes, 16);
    kn_buf_le64(&bytes, (uint64_t)l->last_us);
    kn_buf_le64(&bytes, l->last_arrival);
    kn_buf_char(out, '"');
    kn_base64url_encode(kn_buf_view(&bytes), out);
    kn_buf_char(out, '"');
    kn_buf_deinit(&bytes);
}

void kn_get_profile_events(struct kn_ctx *ctx)
{
    struct kn_profile *p = NULL;
    struct kn_err err = {0};
    struct event_list l = {.ctx = ctx, .name = kn_http_param(ctx->request, "event")};
    struct kn_archive_query q = {
        .order = KN_ARCHIVE_NEWEST_FIRST, .from_us = INT64_MIN, .to_us = INT64_MAX};
    enum kn_rc rc = kn_read_profile_by_id(ctx->ws, ctx->params[1], ctx->request->arena, &p);
    if (rc != KN_OK) {
        answer_one(ctx, rc, NULL);
        return;
    }
    if (!kn_api_limit(ctx, KN_API_LIMIT, KN_API_LIMIT_MAX, &l.limit) ||
        !time_param(ctx, "from", &q.from_us) || !time_param(ctx, "to", &q.to_us) ||
        !read_cursor(ctx, &q)) {
        return;
    }
    l.settings = kn_workspace_settings(ctx->ws);
    kn_api_json(ctx, 200);
    kn_buf_c(&ctx->response->body, "{\"data\":[");
    rc = kn_read_events(ctx->ws, p, &q, ctx->request->arena, each_event, &l, &err);
    kn_settings_unref(l.settings);
    if (rc != KN_OK) {
        kn_api_fail_rc(ctx, rc, &err);
        return;
    }
    kn_buf_c(&ctx->response->body, "],\"next\":");
    if (l.more) {
        put_cursor(&l, &ctx->response->body);
    } else {
        kn_buf_c(&ctx->response->body, "null");
    }
    kn_buf_char(&ctx->response->body, '}');
}
