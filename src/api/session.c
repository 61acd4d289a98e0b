/* Signing in and out of the UI, passwords, invitations. */
#include "api/api_internal.h"

static void put_caller(struct kn_ctx *ctx, const struct kn_caller *caller)
{
    struct kn_buf *out = &ctx->response->body;
    kn_api_json(ctx, 200);
    kn_buf_char(out, '{');
    kn_json_out_kv(out, "id", caller->id);
    kn_json_out_kv(out, "name", caller->name);
    kn_json_out_kv(out, "role", kn_str_c(kn_role_name(caller->role)));
    if (caller->workspace.len > 0) {
        kn_json_out_kv(out, "workspace", caller->workspace);
    } else {
        kn_json_out_kraw(out, "workspace", KN_STR("null"));
    }
    kn_json_out_kv(out, "by", caller->by_cookie ? KN_STR("session") : KN_STR("token"));
    kn_json_out_kbool(out, "manual_clock", ctx->api->env.manual_clock);
    kn_buf_char(out, '}');
}

static void set_cookie(struct kn_ctx *ctx, struct kn_str secret, unsigned seconds)
{
    struct kn_buf cookie;
    bool secure = ctx->api->env.secure_cookies || ctx->request->tls;
    kn_buf_init(&cookie, 512);
    kn_buf_c(&cookie, "kern_session=");
    kn_buf_str(&cookie, secret);
    kn_buf_printf(&cookie, "; Path=/; HttpOnly; SameSite=Strict; Max-Age=%u%s", seconds,
                  secure ? "; Secure" : "");
    kn_http_set_header(ctx->response, "Set-Cookie",
                       kn_arena_str(ctx->request->arena, kn_buf_view(&cookie)));
    kn_buf_deinit(&cookie);
}

/* A refusal of a password, in a way that tells nothing about who exists. */
static void refuse_password(struct kn_ctx *ctx, enum kn_rc rc, const struct kn_err *err)
{
    if (rc == KN_E_LIMIT) {
        kn_http_set_header(ctx->response, "Retry-After", KN_STR("900"));
        kn_api_fail(ctx, 429, "Too many tries", err->text);
    } else if (rc == KN_E_NOT_FOUND) {
        kn_api_fail(ctx, 401, "Unauthorized", err->text);
    } else if (rc == KN_E_INVALID) {
        kn_api_fail_at(ctx, "/password", err->text);
    } else {
        kn_api_fail_rc(ctx, rc, err);
    }
}

static struct kn_str text(struct kn_ctx *ctx, const char *key)
{
    return kn_json_string(&ctx->doc, kn_json_find(&ctx->doc, 0, kn_str_c(key)),
                          ctx->request->arena);
}

void kn_post_session(struct kn_ctx *ctx)
{
    struct kn_err err = {0};
    struct kn_str secret;
    struct kn_caller caller;
    if (!kn_api_body(ctx)) {
        return;
    }
    enum kn_rc rc =
        kn_system_sign_in(ctx->api->env.system, text(ctx, "email"), text(ctx, "password"),
                          ctx->request->peer_ip, ctx->request->arena, &secret, &err);
    if (rc == KN_OK &&
        !kn_system_session(ctx->api->env.system, secret, ctx->request->arena, &caller)) {
        rc = KN_E_FULL;
    }
    if (rc != KN_OK) {
        refuse_password(ctx, rc, &err);
        return;
    }
    set_cookie(ctx, secret, 12 * 3600);
    put_caller(ctx, &caller);
}

void kn_put_password(struct kn_ctx *ctx)
{
    struct kn_err err = {0};
    if (!kn_api_body(ctx)) {
        return;
    }
    if (!ctx->caller.by_cookie) {
        kn_api_fail(ctx, 403, "Forbidden", "a token has no password: sign in first");
        return;
    }
    enum kn_rc rc = kn_system_change_password(
        ctx->api->env.system, ctx->caller.name, text(ctx, "current"), text(ctx, "password"),
        ctx->request->peer_ip, kn_api_cookie(ctx->request, "kern_session"), &err);
    if (rc == KN_E_NOT_FOUND) { /* not 401: the session is good */
        kn_api_fail_at(ctx, "/current", "the present password is not right");
    } else if (rc != KN_OK) {
        refuse_password(ctx, rc, &err);
    } else {
        kn_api_no_content(ctx);
    }
}

void kn_post_invite(struct kn_ctx *ctx)
{
    struct kn_err err = {0};
    struct kn_str email;
    if (!kn_api_body(ctx)) {
        return;
    }
    enum kn_rc rc = kn_system_accept(ctx->api->env.system, text(ctx, "invite"),
                                     text(ctx, "password"), ctx->request->arena, &email, &err);
    if (rc == KN_E_NOT_FOUND) {
        kn_api_fail(ctx, 404, "Not found", err.text);
    } else if (rc != KN_OK) {
        refuse_password(ctx, rc, &err);
    } else {
        kn_api_json(ctx, 200);
        kn_buf_char(&ctx->response->body, '{');
        kn_json_out_kv(&ctx->response->body, "email", email);
        kn_buf_char(&ctx->response->body, '}');
    }
}

void kn_get_session(struct kn_ctx *ctx)
{
    put_caller(ctx, &ctx->caller);
}

void kn_delete_session(struct kn_ctx *ctx)
{
    struct kn_str secret = kn_api_cookie(ctx->request, "kern_session");
    if (secret.len > 0) {
        kn_system_sign_out(ctx->api->env.system, secret);
    }
    set_cookie(ctx, KN_STR_EMPTY, 0);
    kn_api_no_content(ctx);
}
