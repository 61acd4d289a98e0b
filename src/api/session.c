/* Signing in and out of the UI, passwords, invitations, one's own sessions and second factor. */
#include "api/api_internal.h"
#include "format/address.h"
#include "format/agent.h"

static void put_caller(struct kn_ctx *ctx, const struct kn_caller *caller)
{
    struct kn_buf *out = &ctx->response->body;
    kn_api_json(ctx, 200);
    kn_buf_char(out, '{');
    kn_json_out_kv(out, "id", caller->id);
    kn_json_out_kv(out, "name", caller->name);
    kn_json_out_kv(out, "role", kn_str_c(kn_role_name(caller->role)));
    kn_api_put_permissions(out, "permissions", caller->permissions);
    kn_api_put_workspace(out, caller->workspace);
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
    } else {
        kn_api_fail_rc(ctx, rc, err);
    }
}

static struct kn_str text(struct kn_ctx *ctx, const char *key)
{
    return kn_json_string(&ctx->doc, kn_json_find(&ctx->doc, 0, kn_str_c(key)),
                          ctx->request->arena);
}

/* The client's address as it may be kept; empty when it is none. */
struct kn_str kn_api_address(struct kn_ctx *ctx)
{
    char text[48];
    return kn_ip_truncate(ctx->request->peer_ip, text)
               ? kn_arena_str(ctx->request->arena, kn_str_c(text))
               : KN_STR_EMPTY;
}

/* For the audit log: whose account it was; what was typed is not kept. */
static void note_refused(struct kn_ctx *ctx, struct kn_str email)
{
    struct kn_user_info u;
    if (kn_system_find_user(ctx->api->env.system, email, ctx->request->arena, &u)) {
        ctx->caller = (struct kn_caller){.id = u.id, .name = u.email, .workspace = u.workspace};
    }
}

void kn_post_session(struct kn_ctx *ctx)
{
    struct kn_err err = {0};
    struct kn_str secret;
    struct kn_item_device device = {0};
    if (!kn_api_body(ctx)) {
        return;
    }
    kn_agent_parse(kn_http_header(ctx->request, "User-Agent"), &device);
    struct kn_sign_in in = {.email = text(ctx, "email"),
                            .password = text(ctx, "password"),
                            .code = text(ctx, "code"),
                            .peer_ip = ctx->request->peer_ip,
                            .address = kn_api_address(ctx),
                            .browser = device.browser,
                            .platform = device.platform};
    enum kn_rc rc =
        kn_system_sign_in(ctx->api->env.system, &in, ctx->request->arena, &secret, &err);
    if (rc == KN_OK &&
        !kn_system_session(ctx->api->env.system, secret, ctx->request->arena, &ctx->caller)) {
        rc = KN_E_FULL;
    }
    if (rc != KN_OK) {
        note_refused(ctx, in.email);
    }
    if (rc == KN_E_CONFLICT || rc == KN_E_INVALID) { /* the password was right */
        kn_api_fail_field(ctx, 401, "Unauthorized", "/code", err.text);
    } else if (rc != KN_OK) {
        refuse_password(ctx, rc, &err);
    } else {
        set_cookie(ctx, secret, 12 * 3600);
        put_caller(ctx, &ctx->caller);
    }
}

/* These calls are about the person who is signed in; false: answered 403. */
static bool is_person(struct kn_ctx *ctx)
{
    if (!ctx->caller.by_cookie) {
        kn_api_fail(ctx, 403, "Forbidden",
                    "a token has no password, sessions or second factor: sign in first");
    }
    return ctx->caller.by_cookie;
}

/* The member `key` is the caller's password; false: answered. */
static bool check_present(struct kn_ctx *ctx, const char *key, const char *pointer)
{
    struct kn_err err = {0};
    enum kn_rc rc = kn_system_check_password(ctx->api->env.system, ctx->caller.name, text(ctx, key),
                                             ctx->request->peer_ip, &err);
    if (rc == KN_E_NOT_FOUND) { /* not 401: the session is good */
        kn_api_fail_at(ctx, pointer, "the present password is not right");
    } else if (rc != KN_OK) {
        refuse_password(ctx, rc, &err);
    }
    return rc == KN_OK;
}

void kn_put_password(struct kn_ctx *ctx)
{
    struct kn_err err = {0};
    if (!is_person(ctx) || !kn_api_body(ctx) || !check_present(ctx, "current", "/current")) {
        return;
    }
    enum kn_rc rc =
        kn_system_set_password(ctx->api->env.system, ctx->caller.id, text(ctx, "password"),
                               kn_api_cookie(ctx->request, "kern_session"), &err);
    if (rc == KN_E_INVALID) {
        kn_api_fail_at(ctx, "/password", err.text);
    } else if (rc != KN_OK) {
        kn_api_fail_rc(ctx, rc, &err);
    } else {
        kn_api_no_content(ctx);
    }
}

void kn_post_invite(struct kn_ctx *ctx)
{
    enum { NAME_MAX_BYTES = 200 };
    struct kn_err err = {0};
    struct kn_user_info u;
    struct kn_str name = KN_STR_EMPTY;
    if (!kn_api_body(ctx) || !kn_api_read_text(ctx, "/name", NAME_MAX_BYTES, &name)) {
        return;
    }
    enum kn_rc rc = kn_system_accept(ctx->api->env.system, text(ctx, "invite"),
                                     text(ctx, "password"), name, ctx->request->arena, &u, &err);
    if (rc == KN_E_INVALID) {
        kn_api_fail_at(ctx, "/password", err.text);
    } else if (rc != KN_OK) {
        kn_api_fail_rc(ctx, rc, &err);
    } else {
        ctx->caller = (struct kn_caller){.id = u.id, .name = u.email, .workspace = u.workspace};
        kn_api_json(ctx, 200);
        kn_buf_char(&ctx->response->body, '{');
        kn_json_out_kv(&ctx->response->body, "email", u.email);
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

/* ---- one's own sessions ---- */

static void put_session(struct kn_buf *out, const struct kn_session_info *one)
{
    kn_json_out_comma(out);
    kn_buf_char(out, '{');
    kn_json_out_kv(out, "id", kn_str_c(one->id));
    kn_json_out_kv(out, "address", one->address);
    kn_json_out_kv(out, "browser", one->browser);
    kn_json_out_kv(out, "platform", one->platform);
    kn_json_out_ktime(out, "created_at", one->created_us);
    kn_json_out_ktime(out, "until", one->until_us);
    kn_json_out_kbool(out, "present", one->present);
    kn_buf_char(out, '}');
}

void kn_get_sessions(struct kn_ctx *ctx)
{
    struct kn_session_info one;
    struct kn_str secret = kn_api_cookie(ctx->request, "kern_session");
    if (!is_person(ctx)) {
        return;
    }
    kn_api_json(ctx, 200);
    kn_buf_c(&ctx->response->body, "{\"data\":[");
    for (size_t i = 0; kn_system_session_at(ctx->api->env.system, i, ctx->caller.id, secret,
                                            ctx->request->arena, &one);
         i++) {
        if (one.id[0]) {
            put_session(&ctx->response->body, &one);
        }
    }
    kn_buf_c(&ctx->response->body, "],\"next\":null}");
}

static void end_sessions(struct kn_ctx *ctx, struct kn_str id)
{
    struct kn_err err = {0};
    if (!is_person(ctx)) {
        return;
    }
    enum kn_rc rc = kn_system_end_sessions(ctx->api->env.system, ctx->caller.id, id,
                                           kn_api_cookie(ctx->request, "kern_session"), &err);
    if (rc != KN_OK) {
        kn_api_fail_rc(ctx, rc, &err);
    } else {
        kn_api_no_content(ctx);
    }
}

void kn_delete_sessions(struct kn_ctx *ctx)
{
    end_sessions(ctx, KN_STR_EMPTY);
}

void kn_delete_one_session(struct kn_ctx *ctx)
{
    end_sessions(ctx, ctx->params[0]);
}

/* ---- one's own second factor ---- */

void kn_get_factor(struct kn_ctx *ctx)
{
    unsigned left;
    if (!is_person(ctx)) {
        return;
    }
    bool has = kn_system_has_factor(ctx->api->env.system, ctx->caller.id, &left);
    kn_api_json(ctx, 200);
    kn_buf_char(&ctx->response->body, '{');
    kn_json_out_kbool(&ctx->response->body, "enabled", has);
    kn_json_out_ki64(&ctx->response->body, "recovery_codes_left", left);
    kn_buf_char(&ctx->response->body, '}');
}

/* otpauth://totp/Kern:sanne%40example.nl?secret=...&issuer=Kern: what the QR code says. Source: the
 * Key URI format of Google Authenticator. */
static void put_uri(struct kn_ctx *ctx, struct kn_str secret)
{
    struct kn_buf uri;
    kn_buf_init(&uri, 2048);
    kn_buf_c(&uri, "otpauth://totp/Kern:");
    for (size_t i = 0; i < ctx->caller.name.len; i++) {
        char c = ctx->caller.name.p[i];
        bool plain = (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z') || c == '.';
        if (plain) {
            kn_buf_char(&uri, c);
        } else {
            kn_buf_printf(&uri, "%%%02X", (unsigned)(unsigned char)c);
        }
    }
    kn_buf_c(&uri, "?secret=");
    kn_buf_str(&uri, secret);
    kn_buf_c(&uri, "&issuer=Kern");
    kn_json_out_kv(&ctx->response->body, "uri", kn_buf_view(&uri));
    kn_buf_deinit(&uri);
}

void kn_post_factor(struct kn_ctx *ctx)
{
    struct kn_err err = {0};
    struct kn_str secret;
    if (!is_person(ctx) || !kn_api_body(ctx) || !check_present(ctx, "password", "/password")) {
        return;
    }
    enum kn_rc rc = kn_system_begin_factor(ctx->api->env.system, ctx->caller.id,
                                           ctx->request->arena, &secret, &err);
    if (rc != KN_OK) {
        kn_api_fail_rc(ctx, rc, &err);
        return;
    }
    kn_api_json(ctx, 201);
    kn_buf_char(&ctx->response->body, '{');
    kn_json_out_kv(&ctx->response->body, "secret", secret);
    put_uri(ctx, secret);
    kn_buf_char(&ctx->response->body, '}');
}

void kn_put_factor(struct kn_ctx *ctx)
{
    struct kn_err err = {0};
    struct kn_str codes[KN_RECOVERY_CODES];
    struct kn_buf *out = &ctx->response->body;
    if (!is_person(ctx) || !kn_api_body(ctx)) {
        return;
    }
    enum kn_rc rc =
        kn_system_confirm_factor(ctx->api->env.system, ctx->caller.id,
                                 kn_str_trim(text(ctx, "code")), ctx->request->arena, codes, &err);
    if (rc == KN_E_INVALID) {
        kn_api_fail_at(ctx, "/code", err.text);
    } else if (rc == KN_E_LIMIT) {
        refuse_password(ctx, rc, &err);
    } else if (rc != KN_OK) {
        kn_api_fail_rc(ctx, rc, &err);
    } else {
        kn_api_json(ctx, 200);
        kn_buf_c(out, "{\"recovery_codes\":[");
        for (size_t i = 0; i < KN_RECOVERY_CODES; i++) {
            kn_json_out_comma(out);
            kn_json_out_string(out, codes[i]);
        }
        kn_buf_c(out, "]}");
    }
}

void kn_delete_factor(struct kn_ctx *ctx)
{
    struct kn_err err = {0};
    if (!is_person(ctx) || !kn_api_body(ctx) || !check_present(ctx, "password", "/password")) {
        return;
    }
    enum kn_rc rc = kn_system_remove_factor(ctx->api->env.system, ctx->caller.id, &err);
    if (rc != KN_OK) {
        kn_api_fail_rc(ctx, rc, &err);
    } else {
        kn_api_no_content(ctx);
    }
}
