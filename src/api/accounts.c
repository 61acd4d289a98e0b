/* Users of the installation: those an administrator sees and changes. */
#include "api/api_internal.h"

enum { NAME_MAX_BYTES = 200, EMAIL_MAX_BYTES = 254 };

static void put_user(struct kn_buf *out, const struct kn_user_info *u, struct kn_str invite)
{
    kn_buf_char(out, '{');
    kn_json_out_kv(out, "id", u->id);
    kn_json_out_kv(out, "email", u->email);
    kn_json_out_kv(out, "name", u->name);
    kn_json_out_kv(out, "role", kn_str_c(kn_role_name(u->role)));
    kn_api_put_workspace(out, u->workspace);
    kn_json_out_kbool(out, "export", u->may_export);
    kn_json_out_kbool(out, "second_factor", u->has_second_factor);
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

/* The invitation, or that it went out by mail. */
static void show_invited(struct kn_ctx *ctx, struct kn_str id, struct kn_str invite)
{
    struct kn_buf *out = &ctx->response->body;
    show_user(ctx, id, 201, invite);
    if (ctx->response->status == 201 && invite.len == 0 && out->rc == KN_OK) {
        out->len--; /* the brace that closed it */
        kn_json_out_kbool(out, "mailed", true);
        kn_buf_char(out, '}');
    }
}

/* Those of the workspaces the caller may see. */
static bool is_visible(const struct kn_ctx *ctx, const struct kn_user_info *u)
{
    return u->id.len > 0 && kn_api_may_see(ctx, u->workspace);
}

void kn_get_users(struct kn_ctx *ctx)
{
    struct kn_system *system = ctx->api->env.system;
    uint64_t from[2] = {0};
    bool given;
    size_t limit;
    size_t shown = 0;
    struct kn_user_info u;
    if (!kn_api_limit(ctx, KN_API_LIMIT, KN_API_LIMIT_MAX, &limit) ||
        !kn_api_read_cursor(ctx, from, &given)) {
        return;
    }
    kn_api_json(ctx, 200);
    kn_buf_c(&ctx->response->body, "{\"data\":[");
    size_t i = (size_t)from[0];
    bool more = false;
    for (; !more && kn_system_user_at(system, i, ctx->request->arena, &u); i += more ? 0 : 1) {
        if (is_visible(ctx, &u)) {
            more = shown == limit;
            if (!more) {
                kn_json_out_comma(&ctx->response->body);
                put_user(&ctx->response->body, &u, KN_STR_EMPTY);
                shown++;
            }
        }
    }
    kn_buf_char(&ctx->response->body, ']');
    kn_api_put_next(ctx, more, i, 0);
}

/* The user of the path; false: answered 404. */
static bool find_user(struct kn_ctx *ctx, struct kn_user_info *ret)
{
    bool found = kn_system_user(ctx->api->env.system, ctx->params[0], ctx->request->arena, ret) &&
                 is_visible(ctx, ret);
    if (!found) {
        kn_api_fail(ctx, 404, "Not found", "there is no such user");
    }
    return found;
}

void kn_get_user(struct kn_ctx *ctx)
{
    struct kn_user_info u;
    if (find_user(ctx, &u)) {
        show_user(ctx, u.id, 200, KN_STR_EMPTY);
    }
}

static bool is_email(struct kn_str s)
{
    size_t at = kn_str_find(s, KN_STR("@"));
    return at != SIZE_MAX && at > 0 && at + 1 < s.len && kn_str_find(s, KN_STR(" ")) == SIZE_MAX;
}

/* The member "export"; given along by those who have it, and by owners. Where persons are not seen
 * it cannot be: asked for it is refused, kept along a change of role it goes. */
static bool read_export(struct kn_ctx *ctx, struct kn_user_info *u)
{
    uint32_t node = kn_json_find(&ctx->doc, 0, KN_STR("export"));
    enum kn_json_type type = kn_json_type_at(&ctx->doc, node);
    bool sees = kn_role_permissions(u->role) & KN_MAY_SEE;
    bool asked = node != KN_JSON_NONE && type == KN_JSON_TRUE;
    if (node != KN_JSON_NONE && type != KN_JSON_TRUE && type != KN_JSON_FALSE) {
        kn_api_fail_at(ctx, "/export", "export must be true or false");
        return false;
    }
    if (asked && !sees) {
        kn_api_fail_at(ctx, "/export", "this role sees no personal data, and so exports none");
        return false;
    }
    if (asked && !u->may_export && !(ctx->caller.permissions & KN_MAY_EXPORT) &&
        ctx->caller.role != KN_ROLE_OWNER) {
        kn_api_fail(ctx, 403, "Forbidden", "nobody gives more than he has himself");
        return false;
    }
    u->may_export = (node == KN_JSON_NONE ? u->may_export : asked) && sees;
    return true;
}

void kn_post_user(struct kn_ctx *ctx)
{
    struct kn_user_info u = {0};
    struct kn_err err = {0};
    struct kn_str id;
    struct kn_str invite;
    if (!kn_api_body(ctx) || !kn_api_read_text(ctx, "/email", EMAIL_MAX_BYTES, &u.email) ||
        !kn_api_read_text(ctx, "/name", NAME_MAX_BYTES, &u.name) ||
        !kn_api_read_role(ctx, &u.role) || !kn_api_read_workspace(ctx, &u.workspace) ||
        !read_export(ctx, &u)) {
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
    show_invited(ctx, id, invite);
}

/* The user of the path, who must not stand above the caller. */
static bool load_user(struct kn_ctx *ctx, struct kn_user_info *ret)
{
    if (!find_user(ctx, ret)) {
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
        !kn_api_read_text(ctx, "/name", NAME_MAX_BYTES, &u.name) ||
        !kn_api_read_role(ctx, &u.role) || !kn_api_read_workspace(ctx, &u.workspace) ||
        !read_export(ctx, &u)) {
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
    show_invited(ctx, u.id, invite);
}

void kn_delete_user(struct kn_ctx *ctx)
{
    struct kn_user_info u;
    struct kn_err err = {0};
    if (!load_user(ctx, &u)) {
        return;
    }
    enum kn_rc rc = kn_system_remove_user(ctx->api->env.system, u.id, &err);
    if (rc != KN_OK) {
        kn_api_fail_rc(ctx, rc, &err);
        return;
    }
    kn_api_no_content(ctx);
}

void kn_delete_user_factor(struct kn_ctx *ctx)
{
    struct kn_user_info u;
    struct kn_err err = {0};
    if (!load_user(ctx, &u)) {
        return;
    }
    if (ctx->caller.role != KN_ROLE_OWNER) {
        kn_api_fail(ctx, 403, "Forbidden", "only an owner takes another's second factor away");
        return;
    }
    enum kn_rc rc = kn_system_remove_factor(ctx->api->env.system, u.id, &err);
    if (rc != KN_OK) {
        kn_api_fail_rc(ctx, rc, &err);
        return;
    }
    show_user(ctx, u.id, 200, KN_STR_EMPTY);
}
