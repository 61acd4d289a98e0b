/* The documents SDKs fetch before they send (collect-protocols section 2). */
#include "collect/collect_internal.h"

static struct kn_str own_host(const struct kn_http_request *request)
{
    struct kn_str host = kn_http_header(request, "Host");
    return host.len > 0 ? host : KN_STR("localhost");
}

static void ok_json(const struct kn_http_request *request, struct kn_http_response *response)
{
    response->status = 200;
    kn_collect_cors(request, response);
    kn_http_set_header(response, "Content-Type", KN_STR("application/json"));
    kn_http_set_header(response, "Cache-Control", KN_STR("public, max-age=300"));
    kn_buf_clear(&response->body);
}

static bool known_key(const struct kn_collect_env *env, struct kn_str key, struct kn_arena *arena,
                      struct kn_str *ret_id)
{
    struct kn_collect_target target;
    if (key.len == 0 || env->find(env->context, key, &target) != KN_OK) {
        return false;
    }
    bool enabled = target.source->enabled;
    if (ret_id) {
        *ret_id = kn_arena_str(arena, target.source->id);
    }
    kn_settings_unref(target.settings);
    return enabled;
}

/* analytics-next, Kotlin, Swift, React Native. Nothing in it may send a client elsewhere. */
static void segment_settings(const struct kn_collect_env *env,
                             const struct kn_http_request *request, struct kn_str key,
                             struct kn_http_response *response)
{
    struct kn_buf *out = &response->body;
    if (!known_key(env, key, NULL, NULL)) {
        kn_collect_refuse(request, response, 404, "unknown_write_key", "unknown write key");
        return;
    }
    ok_json(request, response);
    struct kn_str host = own_host(request);
    char *api = kn_arena_alloc(request->arena, host.len + 3);
    if (!api) {
        kn_collect_unavailable(request, response, 503, 5);
        return;
    }
    memcpy(api, host.p, host.len);
    memcpy(api + host.len, "/v1", 3);
    struct kn_str api_host = kn_str(api, host.len + 3);
    kn_buf_c(out, "{\"integrations\":{\"Segment.io\":{");
    kn_json_out_kv(out, "apiKey", key);
    kn_json_out_kv(out, "apiHost", api_host);
    kn_json_out_kv(out, "protocol", request->tls ? KN_STR("https") : KN_STR("http"));
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

static void rudder_config(const struct kn_collect_env *env, const struct kn_http_request *request,
                          struct kn_http_response *response)
{
    struct kn_buf *out = &response->body;
    struct kn_str key = kn_http_param(request, "writeKey");
    struct kn_str id = KN_STR_EMPTY;
    if (!known_key(env, key, request->arena, &id)) {
        kn_collect_refuse(request, response, 404, "unknown_write_key", "unknown write key");
        return;
    }
    ok_json(request, response);
    kn_buf_c(out, "{\"source\":{");
    kn_json_out_kv(out, "id", id);
    kn_json_out_kv(out, "name", KN_STR("Kern"));
    kn_json_out_kv(out, "writeKey", key);
    kn_buf_c(out, ",\"workspaceId\":\"kern\",\"enabled\":true,\"config\":{\"statsCollection\":"
                  "{\"errors\":{\"enabled\":false},\"metrics\":{\"enabled\":false}}},"
                  "\"destinations\":[],\"connections\":[]},\"updatedAt\":\"2026-01-01T00:00:00Z\"}");
}

/* "/projects/KEY/settings", also doubled: users mis-set the prefix. */
static bool settings_key(struct kn_str path, struct kn_str *ret)
{
    struct kn_str prefix = KN_STR("/projects/");
    if (!kn_str_starts(path, prefix) || !kn_str_ends(path, KN_STR("/settings"))) {
        return false;
    }
    while (kn_str_starts(path, prefix)) {
        path = kn_str_sub(path, prefix.len - 1, path.len);
    }
    path = kn_str_sub(path, 1, path.len);
    *ret = kn_str_split(&path, '/');
    return true;
}

bool kn_collect_bootstrap(const struct kn_collect_env *env, const struct kn_http_request *request,
                          struct kn_str path, struct kn_http_response *response)
{
    struct kn_str key;
    if (settings_key(path, &key)) {
        segment_settings(env, request, key, response);
        return true;
    }
    if (kn_str_eq(path, KN_STR("/sourceConfig"))) {
        rudder_config(env, request, response);
        return true;
    }
    if (kn_str_eq(path, KN_STR("/p.js")) || kn_str_starts(path, KN_STR("/analytics.js/")) ||
        kn_str_starts(path, KN_STR("/analytics-next/"))) {
        kn_collect_refuse(request, response, 404, "not_found",
                          "the browser script is not part of this installation: load the SDK "
                          "from your own site and point it here");
        return true;
    }
    return false;
}
