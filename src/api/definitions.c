/* Segments and computed traits as documents: listing, making, changing, taking away. Both are
 * queries under a key; the last part of the route's path says which. */
#include <stdio.h>

#include "api/api_internal.h"
#include "apply/defined.h"
#include "apply/destinations.h"
#include "apply/segments.h"
#include "format/time_text.h"

enum { KEY_MAX = 64, NAME_MAX = 200, DESCRIPTION_MAX = 2000 };

/* What a written definition is shown with, after the wait. */
struct written {
    struct kn_str key;
    const struct kn_query_warning *warnings;
    size_t warning_count;
    int status;
};

static bool is_computed(const struct kn_ctx *ctx)
{
    return kn_str_find(kn_str_c(ctx->route->path), KN_STR("/computed")) != SIZE_MAX;
}

static void fail_unknown(struct kn_ctx *ctx)
{
    kn_api_fail(ctx, 404, "Not found",
                is_computed(ctx) ? "there is no such computed trait" : "there is no such segment");
}

/* ---- showing ---- */

static void put_kind(struct kn_buf *out, const struct kn_segment_info *info)
{
    kn_json_out_kv(out, "kind", info->list != 0 ? KN_STR("static") : KN_STR("query"));
    if (info->list == 0) {
        kn_json_out_kv(out, "query", info->query);
        return;
    }
    kn_json_out_kraw(out, "query", KN_STR("null"));
    if (info->snapshot_of.len > 0) {
        kn_json_out_kv(out, "snapshot_of", info->snapshot_of);
    }
}

void kn_api_put_segment(struct kn_buf *out, const struct kn_segment_info *info)
{
    kn_json_out_kv(out, "key", info->key);
    kn_json_out_kv(out, "name", info->name);
    kn_json_out_kv(out, "description", info->description);
    if (info->computed) {
        kn_json_out_kv(out, "query", info->query);
    } else {
        put_kind(out, info);
    }
    kn_json_out_kv(out, "status", info->ready ? KN_STR("ready") : KN_STR("building"));
    kn_json_out_key(out, "progress");
    kn_buf_printf(out, "%u.%03u", info->progress / 1000, info->progress % 1000);
    kn_json_out_kraw(out, "error", KN_STR("null"));
    kn_json_out_ki64(out, "size", (int64_t)info->size);
    kn_json_out_ki64(out, "version", (int64_t)info->version);
    kn_json_out_ktime(out, "created_at", info->created_us);
    kn_json_out_ktime(out, "updated_at", info->updated_us);
}

void kn_get_definitions(struct kn_ctx *ctx)
{
    uint64_t from[2] = {0};
    bool given;
    size_t limit;
    size_t count;
    bool more;
    struct kn_segment_info *all;
    struct kn_buf *out = &ctx->response->body;
    if (!kn_api_limit(ctx, KN_API_LIMIT, KN_API_LIMIT_MAX, &limit) ||
        !kn_api_read_cursor(ctx, from, &given)) {
        return;
    }
    enum kn_rc rc = kn_segments_list(ctx->ws, is_computed(ctx), (size_t)from[0], limit,
                                     ctx->request->arena, &all, &count, &more);
    if (rc != KN_OK) {
        kn_api_fail_rc(ctx, rc, NULL);
        return;
    }
    kn_api_json(ctx, 200);
    kn_buf_c(out, "{\"data\":[");
    for (size_t i = 0; i < count; i++) {
        kn_json_out_comma(out);
        kn_buf_char(out, '{');
        kn_api_put_segment(out, &all[i]);
        kn_buf_char(out, '}');
    }
    kn_buf_char(out, ']');
    kn_api_put_next(ctx, more, from[0] + count, 0);
}

bool kn_api_segment_info(struct kn_ctx *ctx, struct kn_str key, struct kn_segment_info *ret)
{
    enum kn_rc rc = kn_segment_info(ctx->ws, key, ctx->request->arena, ret);
    if (rc == KN_E_NOT_FOUND || (rc == KN_OK && ret->computed != is_computed(ctx))) {
        fail_unknown(ctx);
        return false;
    }
    if (rc != KN_OK) {
        kn_api_fail_rc(ctx, rc, NULL);
    }
    return rc == KN_OK;
}

static void put_warnings(struct kn_buf *out, const struct written *w)
{
    kn_json_out_key(out, "warnings");
    kn_buf_char(out, '[');
    for (size_t i = 0; i < w->warning_count; i++) {
        kn_json_out_comma(out);
        kn_buf_char(out, '{');
        kn_json_out_ki64(out, "position", w->warnings[i].pos);
        kn_json_out_ki64(out, "length", w->warnings[i].len);
        kn_json_out_kv(out, "detail", w->warnings[i].text);
        kn_buf_char(out, '}');
    }
    kn_buf_char(out, ']');
}

static void show_written(struct kn_ctx *ctx)
{
    const struct written *w = (const struct written *)(const void *)ctx->subject.p;
    struct kn_segment_info info;
    if (kn_api_segment_info(ctx, w->key, &info)) {
        kn_api_json(ctx, w->status);
        kn_buf_char(&ctx->response->body, '{');
        kn_api_put_segment(&ctx->response->body, &info);
        put_warnings(&ctx->response->body, w);
        kn_buf_char(&ctx->response->body, '}');
    }
}

/* ---- reading what is asked for ---- */

static bool is_good_key(struct kn_str key)
{
    bool good = key.len > 0 && key.len <= KEY_MAX && key.p[0] >= 'a' && key.p[0] <= 'z';
    for (size_t i = 0; good && i < key.len; i++) {
        char c = key.p[i];
        good = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
    }
    return good;
}

/* A text of an object, else `present`; false: answered 400. */
static bool text_member(struct kn_ctx *ctx, uint32_t object, const char *prefix, const char *name,
                        size_t most, struct kn_str present, struct kn_str *ret)
{
    uint32_t node = kn_json_find(&ctx->doc, object, kn_str_c(name));
    char pointer[64];
    char detail[64];
    *ret = present;
    if (node == KN_JSON_NONE) {
        return true;
    }
    *ret = kn_arena_str(ctx->request->arena, kn_json_string(&ctx->doc, node, ctx->request->arena));
    if (kn_json_type_at(&ctx->doc, node) == KN_JSON_STRING && ret->p && ret->len <= most) {
        return true;
    }
    (void)snprintf(pointer, sizeof pointer, "%s/%s", prefix, name);
    (void)snprintf(detail, sizeof detail, "%s must be a string of at most %zu bytes", name, most);
    kn_api_fail_at(ctx, pointer, detail);
    return false;
}

static bool read_names(struct kn_ctx *ctx, uint32_t object, const char *pointer,
                       struct kn_api_draft *d)
{
    if (!text_member(ctx, object, pointer, "name", NAME_MAX, d->name, &d->name) ||
        !text_member(ctx, object, pointer, "description", DESCRIPTION_MAX, d->description,
                     &d->description)) {
        return false;
    }
    d->name = kn_str_trim(d->name);
    d->name = d->name.len > 0 ? d->name : d->key;
    return true;
}

bool kn_api_key_draft(struct kn_ctx *ctx, struct kn_str key, const char *pointer,
                      struct kn_api_draft *d)
{
    *d = (struct kn_api_draft){.version = 1, .now_us = kn_clock_wall_us(ctx->api->env.clock)};
    d->created_us = d->now_us;
    d->key = kn_arena_str(ctx->request->arena, key);
    d->name = d->key;
    if (!is_good_key(d->key)) {
        kn_api_fail_at(ctx, pointer,
                       "key must be 1 to 64 small letters, digits and _, a letter first");
        return false;
    }
    return true;
}

bool kn_api_read_draft(struct kn_ctx *ctx, uint32_t object, const char *pointer,
                       struct kn_api_draft *d)
{
    char at[64];
    (void)snprintf(at, sizeof at, "%s/key", pointer);
    if (!kn_api_key_draft(ctx, kn_api_text(ctx, object, "key"), at, d)) {
        return false;
    }
    d->name = KN_STR_EMPTY;
    return read_names(ctx, object, pointer, d);
}

static bool read_query(struct kn_ctx *ctx, struct kn_api_draft *d)
{
    uint32_t query = kn_json_find(&ctx->doc, 0, KN_STR("query"));
    if (d->list != 0 && query != KN_JSON_NONE &&
        kn_json_type_at(&ctx->doc, query) != KN_JSON_NULL) {
        kn_api_fail_at(ctx, "/query", "this segment is a list: it has members, and no query");
        return false;
    }
    if (d->list != 0) {
        return true;
    }
    if (query == KN_JSON_NONE && d->query.len == 0) {
        kn_api_fail_at(ctx, "/query", "query must be a string");
        return false;
    }
    return text_member(ctx, 0, "", "query", KN_QUERY_TEXT_MAX, d->query, &d->query);
}

bool kn_api_check_query(struct kn_ctx *ctx, struct kn_str key, struct kn_str text,
                        enum kn_query_form form, const struct kn_query_warning **ret_warnings,
                        size_t *ret_count)
{
    struct kn_err err = {.pos = SIZE_MAX};
    struct kn_query query;
    enum kn_rc rc = kn_segment_check(ctx->ws, key, text, form, ctx->request->arena, &query,
                                     ret_warnings, ret_count, &err);
    if (rc == KN_E_INVALID || rc == KN_E_LIMIT) {
        kn_api_fail_position(ctx, err.pos, err.text);
    } else if (rc != KN_OK) {
        kn_api_fail_rc(ctx, rc, &err);
    }
    return rc == KN_OK;
}

/* ---- writing ---- */

void kn_api_put_draft(struct kn_buf *out, const struct kn_api_draft *d)
{
    kn_buf_char(out, '{');
    kn_json_out_kv(out, "name", d->name);
    kn_json_out_kv(out, "description", d->description);
    if (d->list != 0) {
        kn_json_out_ki64(out, "list", (int64_t)d->list);
    } else {
        kn_json_out_kv(out, "query", d->query);
    }
    if (d->frozen) {
        kn_json_out_kbool(out, "frozen", true);
    }
    if (d->snapshot_of.len > 0) {
        kn_json_out_kv(out, "snapshot_of", d->snapshot_of);
    }
    kn_json_out_ki64(out, "version", (int64_t)d->version);
    kn_json_out_ktime(out, "created_at", d->created_us);
    kn_json_out_ktime(out, "updated_at", d->now_us);
    kn_buf_char(out, '}');
}

static void stage(struct kn_ctx *ctx, const struct kn_api_draft *d, int status)
{
    struct kn_buf json;
    struct written *w = kn_arena_zero(ctx->request->arena, 1, sizeof *w);
    enum kn_query_form form = is_computed(ctx) ? KN_QUERY_TRAIT : KN_QUERY_SEGMENT;
    if (!w) {
        kn_api_fail_rc(ctx, KN_E_NOMEM, NULL);
        return;
    }
    *w = (struct written){.key = kn_arena_str(ctx->request->arena, d->key), .status = status};
    if (d->list == 0 &&
        !kn_api_check_query(ctx, d->key, d->query, form, &w->warnings, &w->warning_count)) {
        return;
    }
    kn_buf_init(&json, KN_LOG_BODY_MAX);
    kn_api_put_draft(&json, d);
    ctx->subject = kn_str((const char *)w, sizeof *w);
    kn_api_stage_setting(ctx, is_computed(ctx) ? "computed/" : "segment/", d->key, &json,
                         show_written);
    kn_buf_deinit(&json);
}

bool kn_api_key_may_be_defined(struct kn_ctx *ctx, struct kn_str key)
{
    struct kn_settings *s = kn_workspace_settings(ctx->ws);
    const struct kn_defined *known = kn_settings_defined(s, key);
    struct kn_err err = {0};
    if (known) {
        (void)kn_fail(&err, KN_E_EXISTS, "\"%.*s\" is a %s already", KN_STR_ARG(key),
                      known->computed ? "computed trait" : "segment");
    } else if (s->defined_count >= KN_DEFINED_MAX) {
        (void)kn_fail(&err, KN_E_CONFLICT,
                      "a workspace has at most %d segments and computed traits",
                      (int)KN_DEFINED_MAX);
    }
    kn_settings_unref(s);
    if (err.text[0]) {
        kn_api_fail_rc(ctx, KN_E_CONFLICT, &err);
    }
    return !err.text[0];
}

/* What the body asks for: true a list, false a query. *ret_good false: answered 400. */
static bool asks_for_list(struct kn_ctx *ctx, bool *ret_good)
{
    const struct kn_json *doc = &ctx->doc;
    struct kn_str kind = kn_api_text(ctx, 0, "kind");
    bool named = kn_json_find(doc, 0, KN_STR("members")) != KN_JSON_NONE ||
                 kn_json_find(doc, 0, KN_STR("snapshot_of")) != KN_JSON_NONE;
    bool list = kn_str_eq(kind, KN_STR("static")) || (kind.len == 0 && named);
    *ret_good = false;
    if (kind.len > 0 && !list && !kn_str_eq(kind, KN_STR("query"))) {
        kn_api_fail_at(ctx, "/kind", "kind must be query or static");
    } else if (!list && named) {
        kn_api_fail_at(ctx, "/kind", "only a static segment has members or is a snapshot");
    } else if (list && kn_json_find(doc, 0, KN_STR("query")) != KN_JSON_NONE) {
        kn_api_fail_at(ctx, "/query", "a static segment has members, and no query");
    } else {
        *ret_good = true;
    }
    return list;
}

void kn_post_definition(struct kn_ctx *ctx)
{
    struct kn_api_draft d;
    bool good = true;
    if (!kn_api_body(ctx)) {
        return;
    }
    bool list = !is_computed(ctx) && asks_for_list(ctx, &good);
    if (!good || !kn_api_read_draft(ctx, 0, "", &d)) {
        return;
    }
    if (list) {
        kn_api_post_list(ctx, &d);
    } else if (read_query(ctx, &d) && kn_api_begin_change(ctx)) {
        if (kn_api_key_may_be_defined(ctx, d.key)) {
            stage(ctx, &d, 201);
        }
        kn_api_end_change(ctx);
    }
}

static void change(struct kn_ctx *ctx)
{
    struct kn_segment_info info;
    if (!kn_api_segment_info(ctx, ctx->params[1], &info)) {
        return;
    }
    struct kn_api_draft d = {
        .key = info.key,
        .name = info.name,
        .description = info.description,
        .query = info.query,
        .list = info.list,
        .snapshot_of = info.snapshot_of,
        .version = info.version + 1,
        .created_us = info.created_us,
        .now_us = kn_clock_wall_us(ctx->api->env.clock),
    };
    if (read_names(ctx, 0, "", &d) && read_query(ctx, &d)) {
        stage(ctx, &d, 200);
    }
}

void kn_put_definition(struct kn_ctx *ctx)
{
    if (kn_api_body(ctx) && kn_api_begin_change(ctx)) {
        change(ctx);
        kn_api_end_change(ctx);
    }
}

static void take_away(struct kn_ctx *ctx)
{
    struct kn_segment_info info;
    struct kn_buf nothing;
    if (!kn_api_segment_info(ctx, ctx->params[1], &info)) {
        return;
    }
    struct kn_str reader = kn_segment_reader(ctx->ws, info.key, ctx->request->arena);
    if (reader.len > 0) {
        struct kn_err err = {0};
        if (kn_key_is_destination(reader)) {
            (void)kn_fail(&err, KN_E_CONFLICT,
                          "a destination sends its entries and exits: take it off there first");
        } else {
            (void)kn_fail(&err, KN_E_CONFLICT, "\"%.*s\" reads it: change or delete that first",
                          KN_STR_ARG(reader));
        }
        kn_api_fail_rc(ctx, KN_E_CONFLICT, &err);
        return;
    }
    if (kn_api_has_csv_links(ctx, info.key)) {
        kn_api_fail(ctx, 409, "Conflict", "it has CSV links: take them back first");
        return;
    }
    kn_buf_init(&nothing, 1);
    kn_api_stage_setting(ctx, is_computed(ctx) ? "computed/" : "segment/", info.key, &nothing,
                         kn_api_no_content);
    kn_buf_deinit(&nothing);
}

void kn_delete_definition(struct kn_ctx *ctx)
{
    if (kn_api_begin_change(ctx)) {
        take_away(ctx);
        kn_api_end_change(ctx);
    }
}
