/* Reading profiles, their events and links. */
#include "api/api_internal.h"
#include "apply/activity.h"
#include "format/fold.h"

bool kn_api_is_lookup(const struct kn_http_request *request)
{
    for (size_t i = 0; i < request->param_count; i++) {
        if (!kn_id_type_is_reserved(request->params[i].name)) {
            return true;
        }
    }
    return false;
}

static void put_profile(struct kn_ctx *ctx, const struct kn_profile *p)
{
    struct kn_settings *s = kn_workspace_settings(ctx->ws);
    kn_api_saw(ctx, p);
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

static void put_page(struct kn_ctx *ctx, struct kn_profile *const *profiles, size_t count,
                     struct kn_str fields)
{
    struct kn_settings *s = kn_workspace_settings(ctx->ws);
    kn_api_json(ctx, 200);
    kn_buf_c(&ctx->response->body, "{\"data\":[");
    for (size_t i = 0; i < count; i++) {
        kn_json_out_comma(&ctx->response->body);
        kn_api_put_profile(&ctx->response->body, s, profiles[i], fields);
    }
    kn_buf_char(&ctx->response->body, ']');
    kn_settings_unref(s);
}

/* sort=recent: who was active last comes first. */
static void list_by_activity(struct kn_ctx *ctx)
{
    size_t limit;
    size_t count;
    uint64_t last[2] = {0};
    bool given;
    bool more;
    struct kn_profile **profiles;
    struct kn_activity_mark mark;
    struct kn_str fields;
    if (kn_str_trim(kn_http_param(ctx->request, "q")).len > 0) {
        kn_api_fail_param(ctx, "sort", "sort=recent lists everyone: leave q out");
        return;
    }
    if (!kn_api_fields(ctx, &fields) ||
        !kn_api_limit(ctx, KN_API_LIMIT, KN_API_LIMIT_MAX, &limit) ||
        !kn_api_read_cursor(ctx, last, &given)) {
        return;
    }
    struct kn_activity_mark after = {(int64_t)last[0], (uint32_t)last[1]};
    enum kn_rc rc =
        kn_read_profiles_by_activity(ctx->ws, given ? &after : NULL, limit, ctx->request->arena,
                                     &profiles, &count, &mark, &more);
    if (rc != KN_OK) {
        kn_api_fail_rc(ctx, rc, NULL);
        return;
    }
    put_page(ctx, profiles, count, fields);
    kn_api_put_next(ctx, more, (uint64_t)mark.last_seen_us, mark.ordinal);
}

static void list(struct kn_ctx *ctx)
{
    size_t limit;
    uint64_t from[2] = {0};
    bool given;
    struct kn_profile **profiles;
    size_t count;
    uint32_t next;
    struct kn_str fields;
    if (!kn_api_fields(ctx, &fields) ||
        !kn_api_limit(ctx, KN_API_LIMIT, KN_API_LIMIT_MAX, &limit) ||
        !kn_api_read_cursor(ctx, from, &given)) {
        return;
    }
    struct kn_str text = kn_str_trim(kn_http_param(ctx->request, "q"));
    struct kn_str match = kn_fold_text(text, ctx->request->arena);
    enum kn_rc rc = text.len > 0 && !match.p ? KN_E_NOMEM : KN_OK;
    if (rc == KN_OK) {
        rc = kn_read_profiles(ctx->ws, (uint32_t)from[0], match, limit, ctx->request->arena,
                              &profiles, &count, &next);
    }
    if (rc != KN_OK) {
        kn_api_fail_rc(ctx, rc, NULL);
        return;
    }
    put_page(ctx, profiles, count, fields);
    kn_api_put_next(ctx, next > 0, next, 0);
}

/* Exactly one identifier; false: answered 400. */
static bool find_identifier(struct kn_ctx *ctx, const struct kn_http_pair **ret)
{
    const struct kn_http_request *r = ctx->request;
    *ret = NULL;
    for (size_t i = 0; i < r->param_count; i++) {
        if (kn_id_type_is_reserved(r->params[i].name)) {
            continue;
        }
        if (*ret) {
            kn_api_fail(ctx, 400, "Bad request", "look up by one identifier at a time");
            return false;
        }
        *ret = &r->params[i];
    }
    if (*ret && ((*ret)->name.len == 0 || kn_str_trim((*ret)->value).len == 0)) {
        kn_api_fail(ctx, 400, "Bad request", "an identifier has a type and a value");
        return false;
    }
    return true;
}

void kn_get_profiles(struct kn_ctx *ctx)
{
    const struct kn_http_pair *id;
    if (!find_identifier(ctx, &id)) {
        return;
    }
    if (id) {
        struct kn_profile *p = NULL;
        enum kn_rc rc =
            kn_read_profile_by_identifier(ctx->ws, id->name, id->value, ctx->request->arena, &p);
        answer_one(ctx, rc, p);
    } else if (kn_http_has_param(ctx->request, "query")) {
        kn_api_select_profiles(ctx);
    } else if (kn_str_eq(kn_http_param(ctx->request, "sort"), KN_STR("recent"))) {
        list_by_activity(ctx);
    } else {
        list(ctx);
    }
}

void kn_lookup_profile(struct kn_ctx *ctx)
{
    struct kn_profile *p = NULL;
    if (!kn_api_body(ctx)) {
        return;
    }
    struct kn_str type = kn_api_text(ctx, 0, "type");
    struct kn_str value = kn_api_text(ctx, 0, "value");
    if (type.len == 0 || kn_id_type_is_reserved(type)) {
        kn_api_fail_at(ctx, "/type", "type must be an identifier type, such as email");
        return;
    }
    if (kn_str_trim(value).len == 0) {
        kn_api_fail_at(ctx, "/value", "value must be a string that is not empty");
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
    size_t limit;
    uint64_t from[2] = {0};
    bool given;
    enum kn_rc rc = kn_read_profile_by_id(ctx->ws, ctx->params[1], ctx->request->arena, &p);
    if (rc == KN_OK) {
        rc = kn_read_links(ctx->ws, p->ordinal, ctx->request->arena, &links, &count);
    }
    if (rc != KN_OK) {
        answer_one(ctx, rc, NULL);
        return;
    }
    if (!kn_api_limit(ctx, KN_API_LIMIT, KN_API_LIMIT_MAX, &limit) ||
        !kn_api_read_cursor(ctx, from, &given)) {
        return;
    }
    size_t first = from[0] < count ? (size_t)from[0] : count;
    size_t shown = count - first < limit ? count - first : limit;
    struct kn_settings *s = kn_workspace_settings(ctx->ws);
    kn_api_json(ctx, 200);
    kn_buf_c(&ctx->response->body, "{\"data\":[");
    kn_render_links(&ctx->response->body, s, links + first, shown);
    kn_buf_char(&ctx->response->body, ']');
    kn_api_put_next(ctx, first + shown < count, first + shown, 0);
    kn_settings_unref(s);
}

/* ---- events ---- */

static bool each_event(void *context, const struct kn_archive_row *row, const struct kn_item *item)
{
    struct kn_event_page *l = context;
    if ((l->name.len > 0 && !kn_str_eq(l->name, item->name)) ||
        (l->type.len > 0 && !kn_str_eq(l->type, kn_str_c(kn_render_type(item))))) {
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

bool kn_api_read_place(struct kn_ctx *ctx, struct kn_archive_query *q)
{
    uint64_t last[2] = {0};
    if (!kn_api_read_cursor(ctx, last, &q->has_after)) {
        return false;
    }
    q->after_us = (int64_t)last[0];
    q->after_arrival = last[1];
    return true;
}

void kn_api_answer_events(struct kn_event_page *page, const struct kn_profile *p,
                          const struct kn_archive_query *q, kn_read_event_fn each)
{
    struct kn_ctx *ctx = page->ctx;
    struct kn_err err = {0};
    page->settings = kn_workspace_settings(ctx->ws);
    kn_api_json(ctx, 200);
    kn_buf_c(&ctx->response->body, "{\"data\":[");
    enum kn_rc rc = kn_read_events(ctx->ws, p, q, ctx->request->arena, each, page, &err);
    kn_settings_unref(page->settings);
    if (rc != KN_OK) {
        kn_api_fail_rc(ctx, rc, &err);
        return;
    }
    kn_buf_char(&ctx->response->body, ']');
    kn_api_put_next(ctx, page->more, (uint64_t)page->last_us, page->last_arrival);
}

void kn_get_profile_events(struct kn_ctx *ctx)
{
    struct kn_profile *p = NULL;
    struct kn_event_page l = {.ctx = ctx,
                              .name = kn_http_param(ctx->request, "event"),
                              .type = kn_http_param(ctx->request, "type")};
    struct kn_archive_query q = {
        .order = KN_ARCHIVE_NEWEST_FIRST, .from_us = INT64_MIN, .to_us = INT64_MAX};
    enum kn_rc rc = kn_read_profile_by_id(ctx->ws, ctx->params[1], ctx->request->arena, &p);
    if (rc != KN_OK) {
        answer_one(ctx, rc, NULL);
        return;
    }
    if (!kn_api_limit(ctx, KN_API_LIMIT, KN_API_LIMIT_MAX, &l.limit) ||
        !kn_api_time_param(ctx, "from", &q.from_us) || !kn_api_time_param(ctx, "to", &q.to_us) ||
        !kn_api_read_place(ctx, &q)) {
        return;
    }
    kn_api_answer_events(&l, p, &q, each_event);
}
