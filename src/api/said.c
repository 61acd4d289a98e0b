/* What bodies say about accounts: texts, roles, workspaces. */
#include "api/api_internal.h"

bool kn_api_read_text(struct kn_ctx *ctx, const char *pointer, size_t most, struct kn_str *ret)
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

bool kn_api_read_role(struct kn_ctx *ctx, enum kn_role *ret)
{
    struct kn_str name = KN_STR_EMPTY;
    if (!kn_api_read_text(ctx, "/role", 20, &name)) {
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
    unsigned gives = kn_role_permissions(*ret);
    if (*ret > ctx->caller.role || (gives & ctx->caller.permissions) != gives) {
        kn_api_fail(ctx, 403, "Forbidden", "nobody gives more than he has himself");
        return false;
    }
    return true;
}

bool kn_api_read_workspace(struct kn_ctx *ctx, struct kn_str *ret)
{
    const struct kn_api_env *env = &ctx->api->env;
    if (!kn_api_read_text(ctx, "/workspace", 40, ret)) {
        return false;
    }
    if (ret->len == 0) { /* as far as the caller himself may go */
        *ret = ctx->caller.workspace;
    }
    if (ret->len > 0 && (!kn_api_may_see(ctx, *ret) || !env->workspace(env->context, *ret))) {
        kn_api_fail_at(ctx, "/workspace", "there is no such workspace");
        return false;
    }
    return true;
}

void kn_api_put_workspace(struct kn_buf *out, struct kn_str workspace)
{
    if (workspace.len > 0) {
        kn_json_out_kv(out, "workspace", workspace);
    } else {
        kn_json_out_kraw(out, "workspace", KN_STR("null"));
    }
}

void kn_api_put_permissions(struct kn_buf *out, const char *key, unsigned permissions)
{
    kn_json_out_key(out, key);
    kn_buf_char(out, '[');
    for (unsigned i = 0; i < KN_PERMISSION_COUNT; i++) {
        if (permissions & 1U << i) {
            kn_json_out_comma(out);
            kn_json_out_string(out, kn_str_c(kn_permission_name(i)));
        }
    }
    kn_buf_char(out, ']');
}
