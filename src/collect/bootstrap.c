/* The documents SDKs fetch before they send (collect-protocols section 2). */
#include "collect/collect_internal.h"

static void unknown_key(const struct kn_http_request *request, struct kn_http_response *response)
{
    kn_collect_refuse(request, response, 404, "invalid_write_key", "the write key is not known");
}

/* The key's source; false: no such key, or a source that is switched off. The target's settings are
 * to be given back. */
static bool find(const struct kn_collect_env *env, struct kn_str key, struct kn_collect_target *ret)
{
    if (kn_find_key(env, key, ret) != KN_OK) {
        return false;
    }
    if (!ret->source->enabled) {
        kn_settings_unref(ret->settings);
        return false;
    }
    return true;
}

static void begin(const struct kn_http_request *request, struct kn_http_response *response,
                  struct kn_str content_type)
{
    kn_answer_json(request, response, KN_STR_EMPTY);
    kn_http_set_header(response, "Content-Type", content_type);
    kn_http_set_header(response, "Cache-Control", KN_STR("public, max-age=300"));
}

/* The name the client used, so that it comes back by the same way. */
static struct kn_str own_host(const struct kn_http_request *request)
{
    struct kn_str host = kn_http_header(request, "Host");
    for (size_t i = 0; i < host.len; i++) {
        char c = host.p[i];
        bool good = ((c | 32) >= 'a' && (c | 32) <= 'z') || (c >= '0' && c <= '9') ||
                    memchr(".-_:[]", c, 6);
        if (!good) {
            return KN_STR("localhost");
        }
    }
    return host.len > 0 ? host : KN_STR("localhost");
}

static bool is_secure(const struct kn_http_request *request)
{
    struct kn_str forwarded = kn_http_header(request, "X-Forwarded-Proto");
    struct kn_str first = kn_str_trim(kn_str_split(&forwarded, ','));
    return request->tls || kn_str_eq_nocase(first, KN_STR("https"));
}

/* analytics-next, Kotlin, Swift, React Native. Nothing in it may send a client elsewhere. */
static void segment_settings(const struct kn_http_request *request, struct kn_str key,
                             struct kn_http_response *response)
{
    struct kn_buf *out = &response->body;
    struct kn_str host = own_host(request);
    char *text = kn_arena_alloc(request->arena, host.len + 3);
    if (!text) {
        kn_collect_unavailable(request, response, 503, 5);
        return;
    }
    memcpy(text, host.p, host.len);
    memcpy(text + host.len, "/v1", 3);
    struct kn_str api_host = kn_str(text, host.len + 3);
    begin(request, response, KN_STR("application/json"));
    kn_buf_c(out, "{\"integrations\":{\"Segment.io\":{");
    kn_json_out_kv(out, "apiKey", key);
    kn_json_out_kv(out, "apiHost", api_host);
    kn_json_out_kv(out, "protocol", is_secure(request) ? KN_STR("https") : KN_STR("http"));
    kn_buf_c(out, ",\"addBundledMetadata\":false,\"unbundledIntegrations\":[],"
                  "\"maybeBundledConfigIds\":{}}},"
                  "\"plan\":{\"track\":{\"__default\":{\"enabled\":true}},"
                  "\"identify\":{\"__default\":{\"enabled\":true}},"
                  "\"group\":{\"__default\":{\"enabled\":true}}},"
                  "\"edgeFunction\":{},\"middlewareSettings\":{\"routingRules\":[]},"
                  "\"enabledMiddleware\":{},\"remotePlugins\":[],\"metrics\":{\"sampleRate\":0");
    kn_json_out_kv(out, "host", api_host);
    kn_buf_c(out, "},\"legacyVideoPluginsEnabled\":false,\"analyticsNextEnabled\":true,"
                  "\"consentSettings\":{\"allCategories\":[],\"hasUnmappedDestinations\":true},"
                  "\"autoInstrumentationSettings\":{\"sampleRate\":0},"
                  "\"autoInstrumentation\":{}}");
}

static void rudder_config(const struct kn_http_request *request, struct kn_str key,
                          const struct kn_collect_target *target, int64_t now_us,
                          struct kn_http_response *response)
{
    struct kn_buf *out = &response->body;
    begin(request, response, KN_STR("application/json"));
    kn_buf_c(out, "{\"source\":{");
    kn_json_out_kv(out, "id", target->source->id);
    kn_json_out_kv(out, "name", target->source->name);
    kn_json_out_kv(out, "writeKey", key);
    kn_json_out_kv(out, "workspaceId", target->settings->name);
    kn_buf_c(out, ",\"enabled\":true,\"config\":{\"statsCollection\":{\"errors\":"
                  "{\"enabled\":false},\"metrics\":{\"enabled\":false}}},"
                  "\"destinations\":[],\"connections\":[]");
    kn_json_out_ktime(out, "updatedAt", now_us);
    kn_buf_c(out, "}}");
}

static const struct kn_collect_static *find_static(const struct kn_collect_env *env,
                                                   struct kn_str path)
{
    for (size_t i = 0; i < env->static_count; i++) {
        if (kn_str_eq(env->statics[i].path, path)) {
            return &env->statics[i];
        }
    }
    return NULL;
}

/* The script stands in a page: only a key that cannot end a string there is filled in. */
static bool is_plain_key(struct kn_str key)
{
    for (size_t i = 0; i < key.len; i++) {
        char c = key.p[i];
        if (!(((c | 32) >= 'a' && (c | 32) <= 'z') || (c >= '0' && c <= '9') || c == '_' ||
              c == '-')) {
            return false;
        }
    }
    return true;
}

static void script(const struct kn_collect_env *env, const struct kn_http_request *request,
                   const struct kn_route *route, struct kn_http_response *response)
{
    struct kn_str mark = KN_STR("__WRITE_KEY__");
    const struct kn_collect_static *file = find_static(env, route->file);
    struct kn_collect_target target;
    if (!file) {
        kn_collect_refuse(request, response, 404, "not_found",
                          "this installation has no such script: load the SDK from your own site "
                          "and point it here");
        return;
    }
    if (route->key.len > 0) {
        if (!is_plain_key(route->key) || !find(env, route->key, &target)) {
            unknown_key(request, response);
            return;
        }
        kn_settings_unref(target.settings);
    }
    begin(request, response, file->content_type);
    struct kn_str rest = file->bytes;
    size_t at = route->key.len > 0 ? kn_str_find(rest, mark) : SIZE_MAX;
    while (at != SIZE_MAX) {
        kn_buf_str(&response->body, kn_str_sub(rest, 0, at));
        kn_buf_str(&response->body, route->key);
        rest = kn_str_sub(rest, at + mark.len, rest.len);
        at = kn_str_find(rest, mark);
    }
    kn_buf_str(&response->body, rest);
}

void kn_bootstrap(const struct kn_collect_env *env, const struct kn_http_request *request,
                  const struct kn_route *route, int64_t now_us, struct kn_http_response *response)
{
    struct kn_collect_target target;
    bool bearer;
    if (route->kind == KN_ROUTE_SCRIPT) {
        script(env, request, route, response);
        return;
    }
    struct kn_str key = route->key.len > 0 ? route->key : kn_request_key(request, &bearer);
    if (!find(env, key, &target)) {
        unknown_key(request, response);
        return;
    }
    if (route->kind == KN_ROUTE_RUDDER) {
        rudder_config(request, key, &target, now_us, response);
    } else {
        segment_settings(request, key, response);
    }
    kn_settings_unref(target.settings);
}
