/* Workspaces and their identity rules. */
#include "api/api_internal.h"
#include "format/decimal.h"
#include "format/token.h"

enum { NAME_MAX_BYTES = 200, ZONE_MAX_BYTES = 64 };

/* ---- identity ---- */

void kn_get_identity(struct kn_ctx *ctx)
{
    struct kn_settings *s = kn_workspace_settings(ctx->ws);
    kn_api_json(ctx, 200);
    kn_identity_rules_format(s->identity, &ctx->response->body);
    kn_settings_unref(s);
}

void kn_put_identity(struct kn_ctx *ctx)
{
    struct kn_identity_rules *rules;
    struct kn_err err = {0};
    struct kn_buf json;
    if (!kn_api_body(ctx)) {
        return;
    }
    enum kn_rc rc = kn_identity_rules_parse(ctx->request->body, &rules, &err);
    if (rc == KN_E_NOMEM) {
        kn_api_fail_rc(ctx, rc, NULL);
        return;
    }
    if (rc != KN_OK) {
        kn_api_fail_at(ctx, "/types", err.text);
        return;
    }
    kn_buf_init(&json, 1 << 20);
    kn_identity_rules_format(rules, &json);
    kn_identity_rules_free(rules);
    if (kn_api_begin_change(ctx)) {
        kn_api_stage_setting(ctx, "identity", KN_STR_EMPTY, &json, kn_get_identity);
        kn_api_end_change(ctx);
    }
    kn_buf_deinit(&json);
}

/* ---- workspaces ---- */

/* A member of a document that is known to be JSON; empty when absent. */
static void put_workspace(struct kn_buf *out, struct kn_workspace *ws)
{
    struct kn_settings *s = kn_workspace_settings(ws);
    struct kn_position p;
    struct kn_str created = kn_json_member(s->json, KN_STR("created_at"));
    kn_workspace_position(ws, &p);
    kn_buf_char(out, '{');
    kn_json_out_kv(out, "id", kn_str_c(kn_workspace_name(ws)));
    kn_json_out_kv(out, "name", s->name);
    kn_json_out_kv(out, "time_zone", s->time_zone);
    kn_json_out_kv(out, "currency", kn_str_c(s->currency));
    if (created.len > 0) {
        kn_json_out_kraw(out, "created_at", created);
    }
    kn_json_out_ktime(out, "now", p.applied_record_us);
    kn_buf_char(out, '}');
    kn_settings_unref(s);
}

struct listing {
    struct kn_ctx *ctx;
    size_t at, from, limit, shown;
    bool more;
};

static void each_workspace(void *context, struct kn_workspace *ws)
{
    struct listing *l = context;
    size_t at = l->at++;
    if (at < l->from || l->more || !kn_api_may_see(l->ctx, kn_str_c(kn_workspace_name(ws)))) {
        return;
    }
    if (l->shown == l->limit) {
        l->more = true;
        l->from = at;
        return;
    }
    kn_json_out_comma(&l->ctx->response->body);
    put_workspace(&l->ctx->response->body, ws);
    l->shown++;
}

void kn_get_workspaces(struct kn_ctx *ctx)
{
    uint64_t from[2] = {0};
    bool given;
    struct listing l = {.ctx = ctx};
    if (!kn_api_limit(ctx, KN_API_LIMIT, KN_API_LIMIT_MAX, &l.limit) ||
        !kn_api_read_cursor(ctx, from, &given)) {
        return;
    }
    l.from = (size_t)from[0];
    kn_api_json(ctx, 200);
    kn_buf_c(&ctx->response->body, "{\"data\":[");
    ctx->api->env.each_workspace(ctx->api->env.context, each_workspace, &l);
    kn_buf_char(&ctx->response->body, ']');
    kn_api_put_next(ctx, l.more, l.from, 0);
}

void kn_get_workspace(struct kn_ctx *ctx)
{
    kn_api_json(ctx, 200);
    put_workspace(&ctx->response->body, ctx->ws);
}

/* What may be changed of a workspace. */
struct changes {
    struct kn_str name, time_zone;
    struct kn_str rules; /* of the zone, in base64; empty: the zone stays */
    char currency[4];
    bool any;
};

/* A member that must be a string when it is there. */
static bool read_text(struct kn_ctx *ctx, const char *name, const char *pointer, size_t most,
                      struct kn_str *ret)
{
    uint32_t node = kn_json_find(&ctx->doc, 0, kn_str_c(name));
    *ret = kn_json_string(&ctx->doc, node, ctx->request->arena);
    if (node != KN_JSON_NONE && (ret->len == 0 || ret->len > most)) {
        kn_api_fail_at(ctx, pointer, "must be a string, not empty and not too long");
        return false;
    }
    return true;
}

static bool read_zone(struct kn_ctx *ctx, struct changes *c)
{
    const struct kn_api_env *env = &ctx->api->env;
    struct kn_err err = {0};
    struct kn_buf bytes;
    struct kn_buf text;
    struct kn_zone *zone;
    if (c->time_zone.len == 0) {
        return true;
    }
    kn_buf_init(&bytes, 1 << 20);
    kn_buf_init(&text, 1 << 20);
    enum kn_rc rc = env->zone_rules(env->context, c->time_zone, &bytes, &err);
    if (rc == KN_OK) {
        rc = kn_zone_parse(kn_buf_view(&bytes), &zone, &err);
    }
    if (rc == KN_OK) {
        kn_zone_free(zone);
        kn_base64url_encode(kn_buf_view(&bytes), &text);
        c->rules = kn_arena_str(ctx->request->arena, kn_buf_view(&text));
    } else {
        kn_api_fail_at(ctx, "/time_zone", err.text);
    }
    kn_buf_deinit(&text);
    kn_buf_deinit(&bytes);
    return rc == KN_OK;
}

static bool read_changes(struct kn_ctx *ctx, const char *name_member, const char *name_pointer,
                         struct changes *ret)
{
    struct kn_str currency;
    *ret = (struct changes){0};
    if (!read_text(ctx, name_member, name_pointer, NAME_MAX_BYTES, &ret->name) ||
        !read_text(ctx, "time_zone", "/time_zone", ZONE_MAX_BYTES, &ret->time_zone) ||
        !read_text(ctx, "currency", "/currency", 3, &currency)) {
        return false;
    }
    if (currency.len > 0 && !kn_currency_parse(currency, ret->currency)) {
        kn_api_fail_at(ctx, "/currency", "currency must be a three-letter code");
        return false;
    }
    ret->any = ret->name.len > 0 || ret->time_zone.len > 0 || currency.len > 0;
    return read_zone(ctx, ret);
}

static void put_changed(const struct changes *c, const struct kn_settings *s, struct kn_buf *json)
{
    struct kn_str created = kn_json_member(s->json, KN_STR("created_at"));
    struct kn_str rules = kn_json_member(s->json, KN_STR("time_zone_rules"));
    struct kn_str phases = kn_json_member(s->json, KN_STR("phases"));
    kn_buf_char(json, '{');
    kn_json_out_kv(json, "name", c->name.len > 0 ? c->name : s->name);
    kn_json_out_kv(json, "time_zone", c->time_zone.len > 0 ? c->time_zone : s->time_zone);
    if (c->rules.len > 0) {
        kn_json_out_kv(json, "time_zone_rules", c->rules);
    } else if (rules.len > 0) {
        kn_json_out_kraw(json, "time_zone_rules", rules);
    }
    kn_json_out_kv(json, "currency", kn_str_c(c->currency[0] ? c->currency : s->currency));
    if (created.len > 0) {
        kn_json_out_kraw(json, "created_at", created);
    }
    if (phases.len > 0) {
        kn_json_out_kraw(json, "phases", phases);
    }
    kn_buf_char(json, '}');
}

static void stage_changes(struct kn_ctx *ctx, const struct changes *c,
                          void (*finish)(struct kn_ctx *))
{
    struct kn_buf json;
    if (!kn_api_begin_change(ctx)) {
        return;
    }
    struct kn_settings *s = kn_workspace_settings(ctx->ws);
    kn_buf_init(&json, 1 << 20);
    put_changed(c, s, &json);
    kn_settings_unref(s);
    kn_api_stage_setting(ctx, "workspace", KN_STR_EMPTY, &json, finish);
    kn_api_end_change(ctx);
    kn_buf_deinit(&json);
}

void kn_patch_workspace(struct kn_ctx *ctx)
{
    struct changes c;
    if (kn_api_body(ctx) && read_changes(ctx, "name", "/name", &c)) {
        stage_changes(ctx, &c, kn_get_workspace);
    }
}

static void show_created(struct kn_ctx *ctx)
{
    kn_api_put_position(ctx, 0);
    kn_api_json(ctx, 201);
    put_workspace(&ctx->response->body, ctx->ws);
}

/* The workspace is there; what else the request said about it becomes a second record. */
static void complete_created(struct kn_ctx *ctx)
{
    struct changes c;
    if (!kn_api_body(ctx) || !read_changes(ctx, "title", "/title", &c)) {
        return;
    }
    if (!c.any) {
        show_created(ctx);
        return;
    }
    stage_changes(ctx, &c, show_created);
    if (ctx->call->outcome == KN_API_WAIT && !ctx->finish) {
        ctx->finish = complete_created; /* an earlier change comes first */
    }
}

void kn_post_workspace(struct kn_ctx *ctx)
{
    const struct kn_api_env *env = &ctx->api->env;
    struct kn_err err = {0};
    struct changes c;
    if (!kn_api_body(ctx) || !read_changes(ctx, "title", "/title", &c)) {
        return;
    }
    struct kn_str name = kn_api_text(ctx, 0, "name");
    enum kn_rc rc = env->create_workspace(env->context, name, &err);
    ctx->ws = rc == KN_OK ? env->workspace(env->context, name) : NULL;
    if (!ctx->ws) {
        if (rc == KN_E_INVALID) {
            kn_api_fail_at(ctx, "/name", err.text);
        } else {
            kn_api_fail_rc(ctx, rc, &err);
        }
        return;
    }
    ctx->finish = complete_created;
    kn_api_wait(ctx, ctx->ws, 1, false);
}
