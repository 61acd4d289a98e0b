/* Calls: matching routes, who may, waiting, answers. */
#include "api/api.h"

#include "api/api_internal.h"
#include "base/assert.h"
#include "base/mem.h"
#include "format/token.h"

#define WS "/api/v1/workspaces/{ws}"
#define PROFILES WS "/profiles"
#define SPACE "/v1/spaces/{ws}/collections/users/profiles/{identifier}"

static void get_health(struct kn_ctx *ctx)
{
    ctx->response->status = 200;
    kn_http_set_header(ctx->response, "Content-Type", KN_STR("text/plain"));
    kn_buf_c(&ctx->response->body, "ok\n");
}

static void get_ready(struct kn_ctx *ctx)
{
    bool ready = ctx->api->env.ready(ctx->api->env.context);
    ctx->response->status = ready ? 200 : 503;
    kn_http_set_header(ctx->response, "Content-Type", KN_STR("text/plain"));
    kn_buf_c(&ctx->response->body, ready ? "ready\n" : "not ready\n");
}

static void get_metrics(struct kn_ctx *ctx)
{
    ctx->response->status = 200;
    kn_http_set_header(ctx->response, "Content-Type", KN_STR("text/plain; version=0.0.4"));
    ctx->api->env.metrics(ctx->api->env.context, &ctx->response->body);
}

const struct kn_api_route kn_api_routes[] = {
    {"GET", "/healthz", "The process lives", KN_SCOPE_PUBLIC, false, get_health, ""},
    {"GET", "/readyz", "Recovered and taking events", KN_SCOPE_PUBLIC, false, get_ready, ""},
    {"GET", "/metrics", "Metrics for Prometheus", KN_SCOPE_PUBLIC, false, get_metrics, ""},
    {"GET", "/api/v1/openapi.json", "This document", KN_SCOPE_PUBLIC, false, kn_get_openapi, ""},
    {"POST", "/api/v1/session", "Sign in", KN_SCOPE_PUBLIC, true, kn_post_session, ""},
    {"GET", "/api/v1/session", "Who is signed in", KN_SCOPE_READ, false, kn_get_session, ""},
    {"DELETE", "/api/v1/session", "Sign out", KN_SCOPE_READ, false, kn_delete_session, ""},
    {"POST", "/api/v1/clock", "Move the manual clock", KN_SCOPE_ADMIN, true, kn_post_clock, ""},
    {"GET", "/api/v1/workspaces", "Workspaces", KN_SCOPE_READ, true, kn_get_workspaces, ""},
    {"POST", "/api/v1/workspaces", "Make a workspace", KN_SCOPE_ADMIN, true, kn_post_workspace, ""},
    {"GET", WS, "A workspace", KN_SCOPE_READ, false, kn_get_workspace, "after"},
    {"PATCH", WS, "Change a workspace", KN_SCOPE_ADMIN, true, kn_patch_workspace, ""},
    {"GET", PROFILES, "Look up by any identifier, search with q, or list", KN_SCOPE_PERSONAL,
     false, kn_get_profiles, "q limit cursor after email user_id anonymous_id"},
    {"POST", PROFILES "/lookup", "Look up without a value in the URL", KN_SCOPE_PERSONAL, false,
     kn_lookup_profile, "after"},
    {"POST", PROFILES "/merge", "Join two profiles", KN_SCOPE_PERSONAL, true, kn_post_merge,
     "dry_run"},
    {"GET", PROFILES "/{id}", "A profile", KN_SCOPE_PERSONAL, false, kn_get_profile, "after"},
    {"GET", PROFILES "/{id}/events", "Its events, newest first", KN_SCOPE_PERSONAL, true,
     kn_get_profile_events, "event from to limit cursor after"},
    {"GET", PROFILES "/{id}/links", "Why its identifiers are one person", KN_SCOPE_PERSONAL, true,
     kn_get_profile_links, "after"},
    {"POST", PROFILES "/{id}/unmerge", "Split identifiers off", KN_SCOPE_PERSONAL, true,
     kn_post_unmerge, "dry_run"},
    {"POST", PROFILES "/{id}/consents", "Record consents", KN_SCOPE_PERSONAL, true,
     kn_post_consents, ""},
    {"GET", WS "/sources", "Sources", KN_SCOPE_READ, true, kn_get_sources, "after"},
    {"POST", WS "/sources", "Make a source", KN_SCOPE_SOURCES, true, kn_post_source, ""},
    {"GET", WS "/sources/{id}", "A source", KN_SCOPE_READ, true, kn_get_source, "after"},
    {"PATCH", WS "/sources/{id}", "Change a source", KN_SCOPE_SOURCES, true, kn_patch_source, ""},
    {"DELETE", WS "/sources/{id}", "Remove a source", KN_SCOPE_SOURCES, true, kn_delete_source, ""},
    {"GET", WS "/sources/{id}/rejects", "What it sent that was refused", KN_SCOPE_SOURCES, true,
     kn_get_rejects, "limit cursor after"},
    {"GET", WS "/identity", "Identity rules", KN_SCOPE_READ, true, kn_get_identity, "after"},
    {"PUT", WS "/identity", "Set identity rules", KN_SCOPE_ADMIN, true, kn_put_identity, ""},
    {"GET", SPACE "/traits", "Segment Profile API: traits", KN_SCOPE_PROFILE_API, true,
     kn_segment_traits, "include limit verbose next after"},
    {"GET", SPACE "/external_ids", "Segment Profile API: external ids", KN_SCOPE_PROFILE_API, true,
     kn_segment_external_ids, "include limit verbose next after"},
    {"GET", SPACE "/events", "Segment Profile API: events", KN_SCOPE_PROFILE_API, true,
     kn_segment_events, "start end include exclude limit sort next after"},
    {"GET", SPACE "/metadata", "Segment Profile API: metadata", KN_SCOPE_PROFILE_API, true,
     kn_segment_metadata, "verbose after"},
    {"GET", SPACE "/links", "Segment Profile API: links", KN_SCOPE_PROFILE_API, true,
     kn_segment_links, "limit after"},
};
const size_t kn_api_route_count = sizeof kn_api_routes / sizeof kn_api_routes[0];

/* ---- life ---- */

struct kn_api *kn_api_new(const struct kn_api_env *env)
{
    struct kn_api *api = kn_alloc(sizeof *api);
    if (api) {
        api->env = *env;
    }
    return api;
}

void kn_api_free(struct kn_api *api)
{
    kn_free(api);
}

struct kn_api_worker *kn_api_worker_new(void)
{
    struct kn_api_worker *w = kn_calloc(1, sizeof *w);
    if (w) {
        w->parser = kn_json_parser_new();
    }
    return w;
}

void kn_api_worker_free(struct kn_api_worker *w)
{
    if (w) {
        kn_json_parser_free(w->parser);
        kn_free(w);
    }
}

/* ---- answers ---- */

void kn_api_problem(struct kn_http_response *response, int status, const char *title,
                    const char *detail)
{
    response->status = status;
    kn_http_set_header(response, "Content-Type", KN_STR("application/problem+json"));
    kn_buf_clear(&response->body);
    kn_buf_c(&response->body, "{\"type\":\"about:blank\"");
    kn_json_out_kv(&response->body, "title", kn_str_c(title));
    kn_json_out_ki64(&response->body, "status", status);
    if (detail) {
        kn_json_out_kv(&response->body, "detail", kn_str_c(detail));
    }
    kn_buf_char(&response->body, '}');
}

void kn_api_json(struct kn_ctx *ctx, int status)
{
    ctx->response->status = status;
    kn_http_set_header(ctx->response, "Content-Type", KN_STR("application/json"));
    kn_http_set_header(ctx->response, "Cache-Control", KN_STR("no-store"));
    kn_buf_clear(&ctx->response->body);
}

void kn_api_fail(struct kn_ctx *ctx, int status, const char *title, const char *detail)
{
    if (ctx->route && ctx->route->scope == KN_SCOPE_PROFILE_API) {
        kn_segment_fail(ctx, status, status == 404 ? "not_found" : "invalid_request_error",
                        detail ? detail : title);
        return;
    }
    kn_api_problem(ctx->response, status, title, detail);
}

void kn_api_fail_rc(struct kn_ctx *ctx, enum kn_rc rc, const struct kn_err *err)
{
    const char *detail = err && err->text[0] ? err->text : NULL;
    switch (rc) {
    case KN_E_NOT_FOUND: kn_api_fail(ctx, 404, "Not found", detail); return;
    case KN_E_INVALID:
    case KN_E_LIMIT: kn_api_fail(ctx, 400, "Bad request", detail); return;
    case KN_E_CONFLICT:
    case KN_E_EXISTS: kn_api_fail(ctx, 409, "Conflict", detail); return;
    case KN_E_FULL:
        kn_http_set_header(ctx->response, "Retry-After", KN_STR("1"));
        kn_api_fail(ctx, 503, "Not now", detail);
        return;
    case KN_E_NOMEM: kn_api_fail(ctx, 503, "Not now", "too much at once: ask for less"); return;
    case KN_OK:
    case KN_E_IO:
    case KN_E_CORRUPT:
    case KN_E_VERSION:
    case KN_E_STOPPED: break;
    }
    kn_api_fail(ctx, 500, "Internal error", detail);
}

bool kn_api_body(struct kn_ctx *ctx)
{
    static const struct kn_json_limits limits = {32, 200000};
    struct kn_err err = {0};
    struct kn_str body = ctx->request->body;
    enum kn_rc rc =
        kn_json_parse(ctx->worker->parser, body.p, body.len, &limits, &ctx->doc, &err);
    if (rc == KN_OK && kn_json_type_at(&ctx->doc, 0) != KN_JSON_OBJECT) {
        rc = kn_fail(&err, KN_E_INVALID, "the body must be a JSON object");
    }
    if (rc != KN_OK) {
        kn_api_fail(ctx, 400, "Bad request", err.text);
    }
    return rc == KN_OK;
}

struct kn_str kn_api_text(struct kn_ctx *ctx, uint32_t object, const char *key)
{
    uint32_t node = kn_json_find(&ctx->doc, object, kn_str_c(key));
    struct kn_str text = KN_STR_EMPTY;
    (void)kn_json_scalar(&ctx->doc, node, ctx->request->arena, &text);
    return text;
}

bool kn_api_limit(struct kn_ctx *ctx, size_t fallback, size_t most, size_t *ret)
{
    struct kn_str text = kn_http_param(ctx->request, "limit");
    uint64_t value = fallback;
    if (text.len > 0 && (!kn_str_u64(text, &value) || value < 1 || value > most)) {
        kn_api_fail(ctx, 400, "Bad request", "limit is out of range");
        return false;
    }
    *ret = (size_t)value;
    return true;
}

struct kn_str kn_api_random_text(struct kn_ctx *ctx, size_t len)
{
    unsigned char random[64];
    char text[64];
    kn_assert(len <= sizeof random);
    kn_random_fill(ctx->api->env.random, random, len);
    kn_alnum_encode(random, len, text);
    return kn_arena_str(ctx->request->arena, kn_str(text, len));
}

/* ---- positions ---- */

struct kn_str kn_position_text(uint32_t epoch, uint64_t seq, struct kn_arena *arena)
{
    struct kn_buf text;
    kn_buf_init(&text, 64);
    kn_buf_u64(&text, epoch);
    kn_buf_char(&text, '-');
    kn_buf_u64(&text, seq);
    struct kn_str kept = kn_arena_str(arena, kn_buf_view(&text));
    kn_buf_deinit(&text);
    return kept;
}

bool kn_position_parse(struct kn_str text, uint32_t *ret_epoch, uint64_t *ret_seq)
{
    uint64_t epoch;
    struct kn_str first = kn_str_split(&text, '-');
    if (!kn_str_u64(first, &epoch) || epoch > UINT32_MAX || !kn_str_u64(text, ret_seq)) {
        return false;
    }
    *ret_epoch = (uint32_t)epoch;
    return true;
}

void kn_api_stage(struct kn_ctx *ctx, struct kn_item *item, uint32_t frame_flags,
                  void (*finish)(struct kn_ctx *))
{
    struct kn_buf bytes;
    struct kn_err err = {0};
    struct kn_position position;
    uint64_t seq;
    bool disk_full;
    int64_t now = kn_clock_wall_us(ctx->api->env.clock);
    item->event_us = now;
    item->received_us = now;
    item->message_id = kn_api_random_text(ctx, 24);
    kn_buf_init(&bytes, KN_LOG_BODY_MAX);
    kn_item_encode(item, &bytes);
    enum kn_rc rc = bytes.rc;
    if (rc == KN_OK) {
        rc = kn_workspace_stage(ctx->ws, kn_buf_view(&bytes), 1, frame_flags, &seq, &disk_full,
                                &err);
    }
    kn_buf_deinit(&bytes);
    if (rc != KN_OK) {
        kn_api_fail_rc(ctx, rc, &err);
        return;
    }
    kn_workspace_position(ctx->ws, &position);
    kn_http_set_header(ctx->response, "Kern-Position",
                       kn_position_text(position.epoch, seq, ctx->request->arena));
    ctx->finish = finish;
    *ctx->call = (struct kn_api_call){KN_API_WAIT, ctx->ws, seq, ctx};
}

/* ---- routes ---- */

static bool match(const char *pattern, struct kn_str path, struct kn_str params[KN_API_PARAMS])
{
    struct kn_str wanted = kn_str_c(pattern);
    size_t count = 0;
    while (wanted.len > 0 || path.len > 0) {
        struct kn_str w = kn_str_split(&wanted, '/');
        struct kn_str p = kn_str_split(&path, '/');
        if (w.len > 0 && w.p[0] == '{') {
            if (p.len == 0 || count == KN_API_PARAMS) {
                return false;
            }
            params[count++] = p;
        } else if (!kn_str_eq(w, p)) {
            return false;
        }
    }
    return true;
}

static const struct kn_api_route *find_route(struct kn_str method, struct kn_str path,
                                             struct kn_str params[KN_API_PARAMS], bool *ret_other)
{
    *ret_other = false;
    if (kn_str_eq(method, KN_STR("HEAD"))) {
        method = KN_STR("GET");
    }
    for (size_t i = 0; i < kn_api_route_count; i++) {
        if (match(kn_api_routes[i].path, path, params)) {
            if (kn_str_eq(method, kn_str_c(kn_api_routes[i].method))) {
                return &kn_api_routes[i];
            }
            *ret_other = true;
        }
    }
    return NULL;
}

bool kn_api_is_slow(struct kn_str method, struct kn_str path)
{
    struct kn_str params[KN_API_PARAMS];
    bool other;
    const struct kn_api_route *route = find_route(method, path, params, &other);
    return route && route->slow;
}

/* ---- who ---- */

static struct kn_str cookie(const struct kn_http_request *request, const char *name)
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
    if (auth.len > 7 && kn_str_eq_nocase(kn_str_sub(auth, 0, 7), KN_STR("Bearer "))) {
        return kn_system_token(ctx->api->env.system, kn_str_trim(kn_str_sub(auth, 7, auth.len)),
                               r->arena, &ctx->caller);
    }
    if (ctx->route->scope == KN_SCOPE_PROFILE_API && auth.len > 6 &&
        kn_str_eq_nocase(kn_str_sub(auth, 0, 6), KN_STR("Basic ")) &&
        kn_base64_decode(kn_str_trim(kn_str_sub(auth, 6, auth.len)), r->arena, &decoded)) {
        return kn_system_token(ctx->api->env.system, kn_str_split(&decoded, ':'), r->arena,
                               &ctx->caller);
    }
    struct kn_str session = cookie(r, "kern_session");
    return session.len > 0 &&
           kn_system_session(ctx->api->env.system, session, r->arena, &ctx->caller);
}

static bool has_role(const struct kn_ctx *ctx)
{
    static const enum kn_role needed[] = {
        [KN_SCOPE_PUBLIC] = KN_ROLE_NONE,       [KN_SCOPE_READ] = KN_ROLE_ANALYST,
        [KN_SCOPE_PERSONAL] = KN_ROLE_MARKETER, [KN_SCOPE_SOURCES] = KN_ROLE_DEVELOPER,
        [KN_SCOPE_ADMIN] = KN_ROLE_ADMIN,       [KN_SCOPE_PROFILE_API] = KN_ROLE_MARKETER,
    };
    return ctx->caller.role >= needed[ctx->route->scope];
}

/* A cookie travels by itself: a change needs a header that another site cannot send. */
static bool is_forged(const struct kn_ctx *ctx)
{
    bool reads = kn_str_eq(ctx->request->method, KN_STR("GET")) ||
                 kn_str_eq(ctx->request->method, KN_STR("HEAD"));
    return ctx->caller.by_cookie && !reads &&
           !kn_str_eq(kn_http_header(ctx->request, "X-Kern-CSRF"), KN_STR("1"));
}

static bool authorise(struct kn_ctx *ctx)
{
    if (ctx->route->scope == KN_SCOPE_PUBLIC) {
        return true;
    }
    if (!identify(ctx)) {
        kn_http_set_header(ctx->response, "WWW-Authenticate", KN_STR("Bearer"));
        if (ctx->route->scope == KN_SCOPE_PROFILE_API) {
            kn_segment_fail(ctx, 401, "authentication_error", "The token is missing or unknown.");
        } else {
            kn_api_fail(ctx, 401, "Unauthorized", "a valid token or session is needed");
        }
        return false;
    }
    if (!has_role(ctx) || is_forged(ctx)) {
        kn_api_fail(ctx, 403, "Forbidden", "this role may not do that");
        return false;
    }
    return true;
}

static bool find_workspace(struct kn_ctx *ctx)
{
    if (kn_str_find(kn_str_c(ctx->route->path), KN_STR("{ws}")) == SIZE_MAX) {
        return true;
    }
    const struct kn_api_env *env = &ctx->api->env;
    bool allowed = ctx->caller.workspace.len == 0 ||
                   kn_str_eq(ctx->caller.workspace, ctx->params[0]);
    ctx->ws = allowed ? env->workspace(env->context, ctx->params[0]) : NULL;
    if (!ctx->ws) {
        kn_api_fail(ctx, 404, "Not found", "there is no such workspace");
    }
    return ctx->ws != NULL;
}

/* ---- a call ---- */

/* ?after= or Kern-After. True: go on; false: waiting, or answered. */
static bool serve_after(struct kn_ctx *ctx)
{
    struct kn_str token = kn_http_param(ctx->request, "after");
    struct kn_position position;
    uint32_t epoch;
    uint64_t seq;
    token = token.len > 0 ? token : kn_http_header(ctx->request, "Kern-After");
    if (ctx->waited_after || token.len == 0 || !ctx->ws) {
        return true;
    }
    kn_workspace_position(ctx->ws, &position);
    if (!kn_position_parse(token, &epoch, &seq) || epoch != position.epoch ||
        seq > position.staged) {
        kn_api_fail(ctx, 400, "Bad request", "after is no position of this workspace");
        return false;
    }
    ctx->waited_after = true;
    if (position.applied >= seq) {
        return true;
    }
    *ctx->call = (struct kn_api_call){KN_API_WAIT, ctx->ws, seq, ctx};
    return false;
}

static void run(struct kn_ctx *ctx)
{
    if (serve_after(ctx)) {
        ctx->route->handle(ctx);
    }
}

static void security_headers(struct kn_http_response *response)
{
    kn_http_set_header(response, "X-Content-Type-Options", KN_STR("nosniff"));
    kn_http_set_header(response, "Content-Security-Policy",
                       KN_STR("default-src 'none'; frame-ancestors 'none'"));
}

void kn_api_handle(struct kn_api *api, struct kn_api_worker *worker,
                   const struct kn_http_request *request, struct kn_http_response *response,
                   struct kn_api_call *call)
{
    bool other;
    struct kn_ctx *ctx = kn_arena_zero(request->arena, 1, sizeof *ctx);
    *call = (struct kn_api_call){.outcome = KN_API_DONE};
    security_headers(response);
    if (!ctx) {
        kn_api_problem(response, 503, "Not now", "out of memory");
        return;
    }
    *ctx = (struct kn_ctx){
        .api = api, .worker = worker, .request = request, .response = response, .call = call};
    ctx->route = find_route(request->method, request->path, ctx->params, &other);
    if (!ctx->route) {
        if (other) {
            kn_api_problem(response, 405, "Method not allowed", NULL);
        } else {
            call->outcome = KN_API_NOT_MINE;
        }
        return;
    }
    if (authorise(ctx) && find_workspace(ctx)) {
        run(ctx);
    }
}

void kn_api_resume(struct kn_api *api, struct kn_api_worker *worker,
                   const struct kn_http_request *request, bool timed_out,
                   struct kn_http_response *response, struct kn_api_call *call)
{
    struct kn_ctx *ctx = call->state;
    (void)api;
    (void)request;
    (void)response;
    *call = (struct kn_api_call){.outcome = KN_API_DONE};
    ctx->worker = worker;
    if (timed_out) {
        kn_api_fail(ctx, 504, "Timeout", "the position was not reached within 5 seconds");
    } else if (ctx->finish) {
        void (*finish)(struct kn_ctx *) = ctx->finish;
        ctx->finish = NULL;
        finish(ctx);
    } else {
        run(ctx);
    }
}
