/* API tokens over HTTP: shown once, listed, taken back. */
#include "api/api_internal.h"

enum { NAME_MAX_BYTES = 200, TOKEN_BYTES = 40 };

static void put_token(struct kn_buf *out, const struct kn_token_info *t, struct kn_str secret)
{
    kn_buf_char(out, '{');
    kn_json_out_kv(out, "id", t->id);
    kn_json_out_kv(out, "name", t->name);
    kn_json_out_kv(out, "role", kn_str_c(kn_role_name(t->role)));
    kn_api_put_permissions(out, "scopes", t->permissions);
    kn_api_put_workspace(out, t->workspace);
    kn_json_out_ktime(out, "created_at", t->created_us);
    if (t->used_us != 0) {
        kn_json_out_ktime(out, "last_used_at", t->used_us);
    }
    if (secret.len > 0) {
        kn_json_out_kv(out, "token", secret);
    }
    kn_buf_char(out, '}');
}

void kn_get_tokens(struct kn_ctx *ctx)
{
    struct kn_system *system = ctx->api->env.system;
    struct kn_arena *arena = ctx->request->arena;
    uint64_t from[2] = {0};
    bool given;
    size_t limit;
    size_t shown = 0;
    bool more = false;
    struct kn_token_info t;
    if (!kn_api_limit(ctx, KN_API_LIMIT, KN_API_LIMIT_MAX, &limit) ||
        !kn_api_read_cursor(ctx, from, &given)) {
        return;
    }
    kn_api_json(ctx, 200);
    kn_buf_c(&ctx->response->body, "{\"data\":[");
    size_t i = (size_t)from[0];
    for (; kn_system_token_at(system, i, arena, &t); i++) {
        if (t.id.len == 0 || !kn_api_may_see(ctx, t.workspace)) {
            continue;
        }
        more = shown == limit;
        if (more) {
            break;
        }
        kn_json_out_comma(&ctx->response->body);
        put_token(&ctx->response->body, &t, KN_STR_EMPTY);
        shown++;
    }
    kn_buf_char(&ctx->response->body, ']');
    kn_api_put_next(ctx, more, i, 0);
}

/* The member "scopes", a list of permissions; false: answered. */
static bool read_scopes(struct kn_ctx *ctx, uint32_t list, unsigned *ret)
{
    size_t index = 0;
    *ret = 0;
    if (kn_json_type_at(&ctx->doc, list) != KN_JSON_ARRAY) {
        kn_api_fail_at(ctx, "/scopes", "scopes must be a list");
        return false;
    }
    for (uint32_t i = list + 1; i < ctx->doc.nodes[list].next; i = ctx->doc.nodes[i].next) {
        unsigned one = kn_permission_parse(kn_json_string(&ctx->doc, i, ctx->request->arena));
        if (one == 0) {
            kn_api_fail_element(ctx, "/scopes", index, "",
                                "a scope is read, personal, segments, sources, export or admin");
            return false;
        }
        *ret |= one;
        index++;
    }
    *ret = kn_permissions_close(*ret);
    if (*ret == 0) {
        kn_api_fail_at(ctx, "/scopes", "a token without any scope could do nothing");
    }
    return *ret != 0;
}

/* What the token may: its scopes, or those of a role (administrators then export as well, if the
 * caller does). */
static bool read_rights(struct kn_ctx *ctx, struct kn_token_info *t)
{
    uint32_t scopes = kn_json_find(&ctx->doc, 0, KN_STR("scopes"));
    if (scopes == KN_JSON_NONE) {
        if (!kn_api_read_role(ctx, &t->role)) {
            return false;
        }
        t->permissions = kn_role_permissions(t->role);
        if (t->role >= KN_ROLE_ADMIN) {
            t->permissions |= ctx->caller.permissions & KN_MAY_EXPORT;
        }
        return true;
    }
    if (kn_json_find(&ctx->doc, 0, KN_STR("role")) != KN_JSON_NONE) {
        kn_api_fail_at(ctx, "/role", "a token has a role or scopes, not both");
        return false;
    }
    if (!read_scopes(ctx, scopes, &t->permissions)) {
        return false;
    }
    if ((t->permissions & ctx->caller.permissions) != t->permissions) {
        kn_api_fail(ctx, 403, "Forbidden", "nobody gives more than he has himself");
        return false;
    }
    t->role = kn_role_of(t->permissions);
    return true;
}

void kn_post_token(struct kn_ctx *ctx)
{
    struct kn_token_info t = {.created_us = kn_clock_wall_us(kn_clock_posix())};
    struct kn_err err = {0};
    if (!kn_api_body(ctx) || !kn_api_read_text(ctx, "/name", NAME_MAX_BYTES, &t.name) ||
        !read_rights(ctx, &t) || !kn_api_read_workspace(ctx, &t.workspace)) {
        return;
    }
    if (t.name.len == 0) {
        kn_api_fail_at(ctx, "/name", "name is needed: what the token is for");
        return;
    }
    struct kn_str secret = kn_api_random_text(ctx, TOKEN_BYTES);
    enum kn_rc rc =
        kn_system_add_token(ctx->api->env.system, &t, secret, ctx->request->arena, &t.id, &err);
    if (rc != KN_OK) {
        kn_api_fail_rc(ctx, rc, &err);
        return;
    }
    kn_api_json(ctx, 201);
    put_token(&ctx->response->body, &t, secret);
}

/* There is such a token, and the caller may see it. */
static bool find_token(struct kn_ctx *ctx, struct kn_str id)
{
    struct kn_token_info t;
    for (size_t i = 0; kn_system_token_at(ctx->api->env.system, i, ctx->request->arena, &t); i++) {
        if (t.id.len > 0 && kn_str_eq(t.id, id) && kn_api_may_see(ctx, t.workspace)) {
            return true;
        }
    }
    return false;
}

void kn_delete_token(struct kn_ctx *ctx)
{
    struct kn_err err = {0};
    enum kn_rc rc = find_token(ctx, ctx->params[0])
                        ? kn_system_remove_token(ctx->api->env.system, ctx->params[0], &err)
                        : kn_fail(&err, KN_E_NOT_FOUND, "there is no such token");
    if (rc != KN_OK) {
        kn_api_fail_rc(ctx, rc, &err);
        return;
    }
    kn_api_no_content(ctx);
}
