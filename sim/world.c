#include "sim/world.h"

#include <stdio.h>

#include "api/system.h"
#include "base/assert.h"
#include "base/mem.h"

enum { STATE_MAP = 64 << 20, ARENA = 256 << 20 };

static void seeded_fill(void *self, void *to, size_t len)
{
    struct kn_rand *r = self;
    for (size_t i = 0; i < len; i++) {
        ((unsigned char *)to)[i] = (unsigned char)kn_rand_u64(r);
    }
}

static void on_sync_failed(void *context)
{
    ((struct world *)context)->failed = true;
}

/* ---- life ---- */

static struct kn_workspace *find_workspace(void *context, struct kn_str name)
{
    struct world *w = context;
    return kn_str_eq(name, KN_STR("sim")) ? w->ws : NULL;
}

static void each_workspace(void *context, void (*fn)(void *, struct kn_workspace *), void *argument)
{
    fn(argument, ((struct world *)context)->ws);
}

static enum kn_rc take_message(void *context, void *thread, const struct kn_api_message *message,
                               struct kn_buf *items, uint32_t *ret_items, const char **ret_rejected,
                               struct kn_err *err)
{
    struct world *w = context;
    const struct kn_collect_message_options options = {
        .settings = message->settings,
        .source = message->source,
        .received_us = message->received_us,
        .historic = message->historic,
    };
    (void)thread;
    return kn_collect_message(w->collect, (struct kn_random){seeded_fill, &w->rand}, &options,
                              message->json, items, ret_items, ret_rejected, err);
}

static struct kn_api *new_api(struct world *w)
{
    struct kn_api_env env = {
        .system = w->system,
        .workspace = find_workspace,
        .each_workspace = each_workspace,
        .message = take_message,
        .context = w,
        .clock = kn_clock_manual(&w->clock),
        .random = {seeded_fill, &w->rand},
    };
    return kn_api_new(&env);
}

void world_init(struct world *w, uint64_t seed, const char *dir, struct kn_system *system)
{
    *w = (struct world){.disk = sim_disk_new(seed),
                        .rand = kn_rand_seed(seed),
                        .system = system,
                        .fail_allocation = UINT64_MAX};
    w->clock.wall_us = INT64_C(1795448720) * 1000000;
    (void)snprintf(w->state, sizeof w->state, "%s/state", dir);
    w->collect = kn_collect_new();
    w->api = new_api(w);
    w->worker = kn_api_worker_new(NULL);
    w->parser = kn_json_parser_new();
    kn_assert(w->collect && w->api && w->worker && w->parser);
    kn_arena_init(&w->arena, ARENA);
    kn_http_response_init(&w->response, ARENA);
}

void world_deinit(struct world *w)
{
    kn_workspace_close(w->ws);
    kn_collect_free(w->collect);
    kn_api_free(w->api);
    kn_api_worker_free(w->worker);
    kn_json_parser_free(w->parser);
    kn_arena_deinit(&w->arena);
    kn_http_response_deinit(&w->response);
    sim_disk_free(w->disk);
}

static struct kn_workspace_options options_of(struct world *w)
{
    return (struct kn_workspace_options){
        .disk = sim_disk_interface(w->disk),
        .dir = "ws/sim",
        .state_path = w->state,
        .name = "sim",
        .clock = kn_clock_manual(&w->clock),
        .random = {seeded_fill, &w->rand},
        .log_segment_bytes = 64 * 1024,
        .cache_bytes = 64 * 1024,
        .state_map_bytes = STATE_MAP,
        .log_keep_us = 1,
        .erase_every_ns = 1,
        .on_sync_failed = on_sync_failed,
        .on_sync_failed_context = w,
    };
}

enum kn_rc world_open(struct world *w, struct kn_err *err)
{
    size_t applied;
    struct kn_workspace_options o = options_of(w);
    w->failed = false;
    KN_TRY(kn_workspace_open(&o, &w->ws, err));
    return kn_workspace_apply(w->ws, INT64_MAX, &applied, err);
}

static void say_nothing(void *context, const char *line)
{
    (void)context;
    (void)line;
}

enum kn_rc world_verify(struct world *w, struct kn_err *err)
{
    struct kn_workspace_options o = options_of(w);
    o.read_only = true;
    kn_workspace_close(w->ws);
    w->ws = NULL;
    KN_TRY(kn_workspace_open(&o, &w->ws, err));
    enum kn_rc rc = kn_workspace_verify(w->ws, say_nothing, NULL, err);
    kn_workspace_close(w->ws);
    w->ws = NULL;
    return rc;
}

void world_crash(struct world *w)
{
    kn_workspace_close(w->ws);
    w->ws = NULL;
    kn_api_free(w->api); /* what it knew of changes under way goes with the process */
    w->api = new_api(w);
    kn_assert(w->api != NULL);
    sim_disk_crash(w->disk);
    sim_disk_set_capacity(w->disk, UINT64_MAX);
}

/* ---- exchanges ---- */

static enum kn_rc find_key(void *context, struct kn_str key, struct kn_collect_target *ret)
{
    struct world *w = context;
    struct kn_settings *s = kn_workspace_settings(w->ws);
    const struct kn_source *source = kn_settings_source_by_key(s, key);
    if (!source) {
        kn_settings_unref(s);
        return KN_E_NOT_FOUND;
    }
    *ret = (struct kn_collect_target){w->ws, s, source};
    return KN_OK;
}

static void begin(struct world *w, const char *method, struct kn_str path, struct kn_str body)
{
    kn_arena_clear(&w->arena);
    w->response.status = 0;
    w->response.header_count = 0;
    kn_buf_clear(&w->response.body);
    char *padded = kn_arena_zero(&w->arena, 1, body.len + KN_JSON_PADDING);
    kn_assert(padded != NULL);
    memcpy(padded, body.len > 0 ? body.p : "", body.len);
    w->request = (struct kn_http_request){
        .method = kn_str_c(method),
        .path = path,
        .headers = w->headers,
        .body = kn_str(padded, body.len),
        .arena = &w->arena,
    };
}

static void add_header(struct world *w, const char *name, struct kn_str value)
{
    w->headers[w->request.header_count++] = (struct kn_http_pair){kn_str_c(name), value};
}

static void arm(const struct world *w)
{
    if (w->fail_allocation != UINT64_MAX) {
        kn_mem_fail_once(w->fail_allocation);
    }
}

/* An answer there was no room for is one that says so, as the server does it. */
static void disarm(struct world *w)
{
    if (w->fail_allocation != UINT64_MAX) {
        w->fail_allocation = kn_mem_fail_left();
        kn_mem_fail_after(UINT64_MAX);
    }
    if (w->response.body.rc != KN_OK) {
        kn_buf_clear(&w->response.body);
        w->response.status = 503;
    }
}

void world_collect(struct world *w, const char *path, unsigned source, struct kn_str body,
                   struct kn_collect_result *ret)
{
    struct kn_collect_env env = {.find = find_key, .context = w, .random = {seeded_fill, &w->rand}};
    static const char *const keys[SIM_SOURCES] = {/* "simkey00:", ... in base64 */
                                                  "Basic c2lta2V5MDA6", "Basic c2lta2V5MDE6",
                                                  "Basic c2lta2V5MDI6"};
    begin(w, "POST", kn_str_c(path), body);
    add_header(w, "Authorization", kn_str_c(keys[source]));
    arm(w);
    kn_collect_handle(w->collect, &env, &w->request, w->clock.wall_us, &w->response, ret);
    disarm(w);
}

/* The answer as a document; what is no JSON leaves an empty one. */
static void parse_answer(struct world *w)
{
    static const struct kn_json_limits limits = {64, 1U << 22};
    struct kn_buf *body = &w->response.body;
    w->doc = (struct kn_json){0};
    if (w->call.outcome == KN_API_DONE && body->rc == KN_OK && body->len > 0 &&
        kn_buf_reserve(body, KN_JSON_PADDING)) {
        (void)!kn_json_parse(w->parser, body->p, body->len, &limits, &w->doc, NULL);
    }
}

enum world_answer world_call(struct world *w, const char *method, const char *path,
                             const struct kn_http_pair *params, size_t param_count,
                             struct kn_str body)
{
    char whole[256];
    (void)snprintf(whole, sizeof whole, "/api/v1/workspaces/sim%s", path);
    begin(w, method, kn_str_c(whole), body);
    w->request.path = kn_arena_str(&w->arena, kn_str_c(whole));
    w->request.params = params;
    w->request.param_count = param_count;
    add_header(w, "Authorization", KN_STR("Bearer simulation"));
    arm(w);
    kn_api_handle(w->api, w->worker, &w->request, &w->response, &w->call);
    disarm(w);
    parse_answer(w);
    return w->call.outcome == KN_API_WAIT ? WORLD_WAITS : WORLD_DONE;
}

void world_resume(struct world *w)
{
    arm(w);
    kn_api_resume(w->api, w->worker, &w->request, false, &w->response, &w->call);
    disarm(w);
    parse_answer(w);
}

bool world_get(struct world *w, const char *path, const struct kn_http_pair *params,
               size_t param_count)
{
    return world_call(w, "GET", path, params, param_count, KN_STR_EMPTY) == WORLD_DONE &&
           w->response.status == 200 && w->doc.count > 0;
}

/* ---- the set-up ---- */

static bool write_setting(struct world *w, const char *method, const char *path, const char *body)
{
    struct kn_err err = {0};
    bool committed;
    size_t applied;
    if (world_call(w, method, path, NULL, 0, kn_str_c(body)) != WORLD_WAITS ||
        kn_workspace_commit(w->ws, &committed, &err) != KN_OK ||
        kn_workspace_apply(w->ws, INT64_MAX, &applied, &err) != KN_OK) {
        return false;
    }
    world_resume(w);
    return w->response.status / 100 == 2;
}

bool world_set_up(struct world *w, unsigned email_limit)
{
    char body[200];
    for (unsigned i = 0; i < SIM_SOURCES; i++) {
        (void)snprintf(body, sizeof body,
                       "{\"name\":\"Source %u\",\"kind\":\"%s\",\"write_keys\":[\"simkey0%u\"]}", i,
                       i < 2 ? "web" : "server", i);
        if (!write_setting(w, "POST", "/sources", body)) {
            return false;
        }
        struct kn_str id =
            kn_json_string(&w->doc, kn_json_find(&w->doc, 0, KN_STR("id")), &w->arena);
        (void)snprintf(w->sources[i], sizeof w->sources[i], "%.*s", KN_STR_ARG(id));
    }
    /* The fan-out guard has tests of its own; here it would only hide what limits do. */
    (void)snprintf(body, sizeof body,
                   "{\"types\":[{\"type\":\"email\",\"limit\":%u}],\"fan_out_max\":1000000,"
                   "\"merges_max\":10000}",
                   email_limit);
    return write_setting(w, "PUT", "/identity", body);
}
