/* Users and API tokens of the installation. */
#include "api/api_internal.h"

enum { NAME_MAX_BYTES = 200, EMAIL_MAX_BYTES = 254, TOKEN_BYTES = 40 };

/* ---- what a body says ---- */

/* A member as text; false: it is there and no string of that length (answered 400). */
static bool read_text(struct kn_ctx *ctx, const char *pointer, size_t most, struct kn_str *ret)
{
    uint32_t node = kn_json_find(&ctx->doc, 0, kn_str_c(pointer + 1));
    if (node == KN_JSON_NONE) {
        return true;
    }
    struct kn_str text = kn_str_trim(kn_json_string(&ctx->doc, node, ctx->request->arena));
    bool null = kn_json_type_at(&ctx->doc, node) == KN_JSON_NULL;
    if ((kn_json_type_at(&ctx->doc, node) != KN_JSON_STRING && !null) || text.len > most) {
        kn_api_fail_at(ctx, pointer, "must be a string, and not too long");
        return false;
    }
    *ret = text;
    return true;
}

static bool read_role(struct kn_ctx *ctx, enum kn_role *ret)
{
    struct kn_str name = KN_STR_EMPTY;
    if (!read_text(ctx, "/role", 20, &name)) {
        return false;
    }
    if (name.len == 0) {
        if (*ret == KN_ROLE_NONE) {
            kn_api_fail_at(ctx, "/role",
                           "role is needed: analyst, marketer, developer, admin or owner");
        }
        return *ret != KN_ROLE_NONE;
    }
    *ret = kn_role_parse(name);
    if (*ret == KN_ROLE_NONE) {
        kn_api_fail_at(ctx, "/role", "role must be analyst, marketer, developer, admin or owner");
        return false;
    }
    if (*ret > ctx->caller.role) {
        kn_api_fail(ctx, 403, "Forbidden", "nobody gives a role above his own");
        return false;
    }
    return true;
}

/* null or "" is every workspace. */
static bool read_workspace(struct kn_ctx *ctx, struct kn_str *ret)
{
    const struct kn_api_env *env = &ctx->api->env;
    if (!read_text(ctx, "/workspace", 40, ret)) {
        return false;
    }
    if (ret->len > 0 && !env->workspace(env->context, *ret)) {
        kn_api_fail_at(ctx, "/workspace", "there is no such workspace");
        return false;
    }
    return true;
}

static void put_workspace(struct kn_buf *out, struct kn_str workspace)
{
    if (workspace.len > 0) {
        kn_json_out_kv(out, "workspace", workspace);
    } else {
        kn_json_out_kraw(out, "workspace", KN_STR("null"));
    }
}

/* ---- users ---- */

static void put_user(struct kn_buf *out, const struct kn_user_info *u, struct kn_str invite)
{
    kn_buf_char(out, '{');
    kn_json_out_kv(out, "id", u->id);
    kn_json_out_kv(out, "email", u->email);
    kn_json_out_kv(out, "name", u->name);
    kn_json_out_kv(out, "role", kn_str_c(kn_role_name(u->role)));
    put_workspace(out, u->workspace);
    kn_json_out_kv(out, "status",
                   u->disabled       ? KN_STR("disabled")
                   : u->has_password ? KN_STR("active")
                                     : KN_STR("invited"));
    kn_json_out_ktime(out, "created_at", u->created_us);
    if (u->signed_in_us != 0) {
        kn_json_out_ktime(out, "signed_in_at", u->signed_in_us);
    }
    if (invite.len > 0) {
        kn_json_out_kv(out, "invite", invite);
    }
    kn_buf_char(out, '}');
}

static void show_user(struct kn_ctx *ctx, struct kn_str id, int status, struct kn_str invite)
{
    struct kn_user_info u;
    if (kn_system_user(ctx->api->env.system, id, ctx->request->arena, &u)) {
        kn_api_json(ctx, status);
        put_user(&ctx->response->body, &u, invite);
    } else {
        kn_api_fail(ctx, 404, "Not found", "there is no such user");
    }
}

void kn_get_users(struct kn_ctx *ctx)
{
    uint64_t from[2] = {0};
    bool given;
    size_t limit;
    struct kn_user_info u;
    if (!kn_api_limit(ctx, KN_API_LIMIT, KN_API_LIMIT_MAX, &limit) ||
        !kn_api_read_cursor(ctx, from, &given)) {
        return;
    }
    kn_api_json(ctx, 200);
    kn_buf_c(&ctx->response->body, "{\"data\":[");
    size_t i = (size_t)from[0];
    size_t end = i + limit;
    for (; i < end && kn_system_user_at(ctx->api->env.system, i, ctx->request->arena, &u); i++) {
        kn_json_out_comma(&ctx->response->body);
        put_user(&ctx->response->body, &u, KN_STR_EMPTY);
    }
    bool more = kn_system_user_at(ctx->api->env.system, i, ctx->request->arena, &u);
    kn_buf_char(&ctx->response->body, ']');
    kn_api_put_next(ctx, more, i, 0);
}

void kn_get_user(struct kn_ctx *ctx)
{
    show_user(ctx, ctx->params[0], 200, KN_STR_EMPTY);
}

static bool is_email(struct kn_str s)
{
    size_t at = kn_str_find(s, KN_STR("@"));
    return at != SIZE_MAX && at > 0 && at + 1 < s.len && kn_str_find(s, KN_STR(" ")) == SIZE_MAX;
}

void kn_post_user(struct kn_ctx *ctx)
{
    struct kn_user_info u = {0};
    struct kn_err err = {0};
    struct kn_str id;
    struct kn_str invite;
    if (!kn_api_body(ctx) || !read_text(ctx, "/email", EMAIL_MAX_BYTES, &u.email) ||
        !read_text(ctx, "/name", NAME_MAX_BYTES, &u.name) || !read_role(ctx, &u.role) ||
        !read_workspace(ctx, &u.workspace)) {
        return;
    }
    if (!is_email(u.email)) {
        kn_api_fail_at(ctx, "/email", "email must be an e-mail address");
        return;
    }
    enum kn_rc rc =
        kn_system_invite_user(ctx->api->env.system, &u, ctx->request->arena, &id, &invite, &err);
    if (rc != KN_OK) {
        kn_api_fail_rc(ctx, rc, &err);
        return;
    }
    show_user(ctx, id, 201, invite);
}

/* The user of the path, who must not stand above the caller. */
static bool load_user(struct kn_ctx *ctx, struct kn_user_info *ret)
{
    if (!kn_system_user(ctx->api->env.system, ctx->params[0], ctx->request->arena, ret)) {
        kn_api_fail(ctx, 404, "Not found", "there is no such user");
        return false;
    }
    if (ret->role > ctx->caller.role) {
        kn_api_fail(ctx, 403, "Forbidden", "this user has a role above yours");
        return false;
    }
    return true;
}

void kn_patch_user(struct kn_ctx *ctx)
{
    struct kn_user_info u;
    struct kn_err err = {0};
    if (!kn_api_body(ctx) || !load_user(ctx, &u) ||
        !read_text(ctx, "/name", NAME_MAX_BYTES, &u.name) || !read_role(ctx, &u.role) ||
        !read_workspace(ctx, &u.workspace)) {
        return;
    }
    uint32_t disabled = kn_json_find(&ctx->doc, 0, KN_STR("disabled"));
    enum kn_json_type type = kn_json_type_at(&ctx->doc, disabled);
    if (disabled != KN_JSON_NONE && type != KN_JSON_TRUE && type != KN_JSON_FALSE) {
        kn_api_fail_at(ctx, "/disabled", "disabled must be true or false");
        return;
    }
    u.disabled = disabled == KN_JSON_NONE ? u.disabled : type == KN_JSON_TRUE;
    enum kn_rc rc = kn_system_change_user(ctx->api->env.system, &u, &err);
    if (rc != KN_OK) {
        kn_api_fail_rc(ctx, rc, &err);
        return;
    }
    show_user(ctx, u.id, 200, KN_STR_EMPTY);
}

void kn_post_user_invite(struct kn_ctx *ctx)
{
    struct kn_user_info u;
    struct kn_err err = {0};
    struct kn_str invite;
    if (!load_user(ctx, &u)) {
        return;
    }
    enum kn_rc rc =
        kn_system_reinvite(ctx->api->env.system, u.id, ctx->request->arena, &invite, &err);
    if (rc != KN_OK) {
        kn_api_fail_rc(ctx, rc, &err);
        return;
    }
    show_user(ctx, u.id, 201, invite);
}

/* ---- tokens ---- */

static void put_token(struct kn_buf *out, const struct kn_token_info *t, struct kn_str secret)
{
    kn_buf_char(out, '{');
    kn_json_out_kv(out, "id", t->id);
    kn_json_out_kv(out, "name", t->name);
    kn_json_out_kv(out, "role", kn_str_c(kn_role_name(t->role)));
    put_workspace(out, t->workspace);
    kn_json_out_ktime(out, "created_at", t->created_us);
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
        if (t.id.len == 0) {
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

void kn_post_token(struct kn_ctx *ctx)
{
    struct kn_token_info t = {.created_us = kn_clock_wall_us(kn_clock_posix())};
    struct kn_err err = {0};
    if (!kn_api_body(ctx) || !read_text(ctx, "/name", NAME_MAX_BYTES, &t.name) ||
        !read_role(ctx, &t.role) || !read_workspace(ctx, &t.workspace)) {
        return;
    }
    if (t.name.len == 0) {
        kn_api_fail_at(ctx, "/name", "name is needed: what the token is for");
        return;
    }
    struct kn_str secret = kn_api_random_text(ctx, TOKEN_BYTES);
    enum kn_rc rc = kn_system_add_token(ctx->api->env.system, t.name, secret, t.role, t.workspace,
                                        ctx->request->arena, &t.id, &err);
    if (rc != KN_OK) {
        kn_api_fail_rc(ctx, rc, &err);
        return;
    }
    kn_api_json(ctx, 201);
    put_token(&ctx->response->body, &t, secret);
}

void kn_delete_token(struct kn_ctx *ctx)
{
    struct kn_err err = {0};
    enum kn_rc rc = kn_system_remove_token(ctx->api->env.system, ctx->params[0], &err);
    if (rc != KN_OK) {
        kn_api_fail_rc(ctx, rc, &err);
        return;
    }
    kn_api_no_content(ctx);
}
