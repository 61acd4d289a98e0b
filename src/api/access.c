/* Who asks, and what they may. */
#include "api/api_internal.h"
#include "format/token.h"

/* ---- who ---- */

struct kn_str kn_api_cookie(const struct kn_http_request *request, const char *name)
{
    struct kn_str all = kn_http_header(request, "Cookie");
    while (all.len > 0) {
        struct kn_str value = kn_str_trim(kn_str_split(&all, ';'));
        if (kn_str_eq(kn_str_split(&value, '='), kn_str_c(name))) {
            return value;
        }
    }
    return KN_STR_EMPTY;
}

static bool identify(struct kn_ctx *ctx)
{
    const struct kn_http_request *r = ctx->request;
    struct kn_str auth = kn_http_header(r, "Authorization");
    struct kn_str decoded;
    if (auth.len >= 7 && kn_str_eq_nocase(kn_str_sub(auth, 0, 7), KN_STR("Bearer "))) {
        return kn_system_token(ctx->api->env.system, kn_str_trim(kn_str_sub(auth, 7, auth.len)),
                               r->arena, &ctx->caller);
    }
    if (ctx->route->scope == KN_SCOPE_PROFILE_API && auth.len > 6 &&
        kn_str_eq_nocase(kn_str_sub(auth, 0, 6), KN_STR("Basic ")) &&
        kn_base64_decode(kn_str_trim(kn_str_sub(auth, 6, auth.len)), r->arena, &decoded)) {
        return kn_system_token(ctx->api->env.system, kn_str_split(&decoded, ':'), r->arena,
                               &ctx->caller);
    }
    struct kn_str session = kn_api_cookie(r, "kern_session");
    return session.len > 0 &&
           kn_system_session(ctx->api->env.system, session, r->arena, &ctx->caller);
}

/* ---- what ---- */

/* The one place that says which permissions a route asks for; which route asks for what stands
 * beside the route (routes.c). */
static const struct {
    const char *name;
    unsigned needs; /* of enum kn_permission, all of them */
} scopes[] = {
    [KN_SCOPE_MISSING] = {"missing", ~0U},
    [KN_SCOPE_PUBLIC] = {"public", 0},
    [KN_SCOPE_SELF] = {"self", 0},
    [KN_SCOPE_READ] = {"read", KN_MAY_READ},
    [KN_SCOPE_PERSONAL] = {"personal", KN_MAY_SEE},
    [KN_SCOPE_SEGMENTS] = {"segments", KN_MAY_SEGMENT},
    [KN_SCOPE_SOURCES] = {"sources", KN_MAY_SOURCE},
    [KN_SCOPE_EXPORT] = {"export", KN_MAY_SEE | KN_MAY_EXPORT},
    [KN_SCOPE_EXPORT_ALL] = {"export_all", KN_MAY_SEE | KN_MAY_EXPORT | KN_MAY_ADMIN},
    [KN_SCOPE_ADMIN] = {"admin", KN_MAY_ADMIN},
    [KN_SCOPE_INSTANCE] = {"instance", KN_MAY_ADMIN},
    [KN_SCOPE_METRICS] = {"metrics", KN_MAY_READ},
    [KN_SCOPE_PROFILE_API] = {"profile_api", KN_MAY_SEE},
};

const char *kn_scope_name(enum kn_scope scope)
{
    return scopes[scope].name;
}

static bool may(const struct kn_ctx *ctx)
{
    enum kn_scope scope = ctx->route->scope;
    unsigned needs = scopes[scope].needs;
    return (ctx->caller.permissions & needs) == needs &&
           (scope != KN_SCOPE_INSTANCE || ctx->caller.workspace.len == 0);
}

/* The page that sends the request is ours: Origin names the host that was asked. */
static bool is_same_origin(const struct kn_http_request *request)
{
    struct kn_str origin = kn_http_header(request, "Origin");
    struct kn_str site = kn_http_header(request, "Sec-Fetch-Site");
    struct kn_str scheme = request->tls ? KN_STR("https://") : KN_STR("http://");
    if (site.len > 0 && !kn_str_eq(site, KN_STR("same-origin")) &&
        !kn_str_eq(site, KN_STR("none"))) {
        return false;
    }
    return origin.len == 0 || (kn_str_starts(origin, scheme) &&
                               kn_str_eq_nocase(kn_str_sub(origin, scheme.len, origin.len),
                                                kn_http_header(request, "Host")));
}

static bool is_read(const struct kn_http_request *request)
{
    return kn_str_eq(request->method, KN_STR("GET")) || kn_str_eq(request->method, KN_STR("HEAD"));
}

/* A cookie travels by itself: a change needs a header that another site cannot send, and no sign
 * of another site. Signing in is a change as well (a victim must not end up in a foreign account).
 * The answers of this API carry no CORS headers: pages of other sites cannot read them. */
static bool is_forged(const struct kn_ctx *ctx)
{
    if (is_read(ctx->request)) {
        return false;
    }
    if (ctx->route->scope == KN_SCOPE_PUBLIC) {
        return !is_same_origin(ctx->request);
    }
    return ctx->caller.by_cookie &&
           (!kn_str_eq(kn_http_header(ctx->request, "X-Kern-CSRF"), KN_STR("1")) ||
            !is_same_origin(ctx->request));
}

/* Asked by a program on this machine, not through a proxy on it. */
static bool is_local(const struct kn_http_request *request)
{
    struct kn_str ip = request->peer_ip;
    bool loopback = kn_str_starts(ip, KN_STR("127.")) || kn_str_eq(ip, KN_STR("::1")) ||
                    kn_str_starts(ip, KN_STR("::ffff:127."));
    return loopback && kn_http_header(request, "X-Forwarded-For").len == 0 &&
           kn_http_header(request, "Forwarded").len == 0;
}

bool kn_api_may_see(const struct kn_ctx *ctx, struct kn_str workspace)
{
    return ctx->caller.workspace.len == 0 || kn_str_eq(ctx->caller.workspace, workspace);
}

static bool refuse_unknown(struct kn_ctx *ctx)
{
    bool basic = ctx->route->scope == KN_SCOPE_PROFILE_API;
    kn_http_set_header(ctx->response, "WWW-Authenticate",
                       basic ? KN_STR("Basic realm=\"Kern\"") : KN_STR("Bearer"));
    kn_api_fail(ctx, 401, "Unauthorized", "a valid token or session is needed");
    return false;
}

bool kn_api_authorise(struct kn_ctx *ctx)
{
    bool open = ctx->route->scope == KN_SCOPE_PUBLIC ||
                (ctx->route->scope == KN_SCOPE_METRICS && is_local(ctx->request));
    if (!open && !identify(ctx)) {
        return refuse_unknown(ctx);
    }
    if (is_forged(ctx)) {
        kn_api_fail(ctx, 403, "Forbidden",
                    "a change with a session cookie needs the header X-Kern-CSRF: 1 and comes from "
                    "Kern's own pages");
        return false;
    }
    if (!open && !may(ctx)) {
        kn_api_fail(ctx, 403, "Forbidden",
                    ctx->route->scope == KN_SCOPE_EXPORT || ctx->route->scope == KN_SCOPE_EXPORT_ALL
                        ? "taking personal data out of Kern is a permission of its own (export), "
                          "which an owner gives"
                        : "this role may not do that");
        return false;
    }
    return true;
}

bool kn_api_find_workspace(struct kn_ctx *ctx)
{
    if (kn_str_find(kn_str_c(ctx->route->path), KN_STR("{ws}")) == SIZE_MAX) {
        return true;
    }
    const struct kn_api_env *env = &ctx->api->env;
    ctx->ws =
        kn_api_may_see(ctx, ctx->params[0]) ? env->workspace(env->context, ctx->params[0]) : NULL;
    if (!ctx->ws) {
        kn_api_fail(ctx, 404, "Not found", "there is no such workspace");
    }
    return ctx->ws != NULL;
}

/* ---- Accept ---- */

static bool type_matches(struct kn_str range, struct kn_str offered)
{
    struct kn_str type = kn_str_trim(kn_str_split(&range, ';'));
    struct kn_str group = offered;
    group = kn_str_split(&group, '/');
    if (kn_str_eq(type, KN_STR("*/*")) || kn_str_eq(type, KN_STR("*"))) {
        return true;
    }
    return kn_str_eq_nocase(type, offered) ||
           (type.len == group.len + 2 && type.p[type.len - 1] == '*' &&
            kn_str_eq_nocase(kn_str_sub(type, 0, group.len), group));
}

bool kn_api_accepts(struct kn_ctx *ctx)
{
    struct kn_str accept = kn_http_header(ctx->request, "Accept");
    struct kn_str offered = kn_str_c(ctx->route->type ? ctx->route->type : "application/json");
    if (accept.len == 0) {
        return true;
    }
    while (accept.len > 0) {
        struct kn_str range = kn_str_trim(kn_str_split(&accept, ','));
        if (type_matches(range, offered) ||
            type_matches(range, KN_STR("application/problem+json"))) {
            return true;
        }
    }
    kn_api_fail(ctx, 406, "Not acceptable",
                ctx->route->type ? "this address answers text"
                                 : "this address answers application/json");
    return false;
}
