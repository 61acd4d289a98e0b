/* Calls: from a request to a handler, staging, waiting. */
#include "api/api.h"

#include "api/api_internal.h"
#include "base/mem.h"

/* ---- life ---- */

struct kn_api *kn_api_new(const struct kn_api_env *env)
{
    struct kn_api *api = kn_calloc(1, sizeof *api);
    if (api) {
        api->env = *env;
        kn_mutex_init(&api->mutex);
        kn_mutex_init(&api->tries_mutex);
    }
    return api;
}

void kn_api_free(struct kn_api *api)
{
    if (api) {
        kn_mutex_deinit(&api->mutex);
        kn_mutex_deinit(&api->tries_mutex);
        kn_free(api->changes);
        kn_free(api);
    }
}

struct kn_api_worker *kn_api_worker_new(void *thread)
{
    struct kn_api_worker *w = kn_calloc(1, sizeof *w);
    if (w) {
        w->thread = thread;
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

void kn_api_wait(struct kn_ctx *ctx, struct kn_workspace *ws, uint64_t seq, bool patient)
{
    *ctx->call = (struct kn_api_call){
        .outcome = KN_API_WAIT, .wait_ws = ws, .wait_seq = seq, .patient = patient, .state = ctx};
}

void kn_api_put_position(struct kn_ctx *ctx, uint64_t seq)
{
    struct kn_position position;
    kn_workspace_position(ctx->ws, &position);
    kn_http_set_header(
        ctx->response, "Kern-Position",
        kn_position_text(position.epoch, seq ? seq : position.staged, ctx->request->arena));
}

void kn_api_fail_staging(struct kn_ctx *ctx, enum kn_rc rc, bool disk_full,
                         const struct kn_err *err)
{
    if (rc == KN_E_FULL && !disk_full) {
        kn_http_set_header(ctx->response, "Retry-After", KN_STR("1"));
        kn_api_fail(ctx, 429, "Too much at once", err->text);
    } else {
        kn_api_fail_rc(ctx, rc, err);
    }
}

void kn_api_stage_items(struct kn_ctx *ctx, struct kn_str items, uint32_t count,
                        uint32_t frame_flags, void (*finish)(struct kn_ctx *))
{
    struct kn_err err = {0};
    uint64_t seq;
    bool disk_full;
    enum kn_rc rc = kn_workspace_stage(ctx->ws, items, count, frame_flags, &seq, &disk_full, &err);
    if (rc != KN_OK) {
        kn_api_fail_staging(ctx, rc, disk_full, &err);
        return;
    }
    kn_api_put_position(ctx, seq);
    ctx->finish = finish;
    kn_api_wait(ctx, ctx->ws, seq, false);
}

void kn_api_stage(struct kn_ctx *ctx, struct kn_item *item, uint32_t frame_flags,
                  void (*finish)(struct kn_ctx *))
{
    struct kn_buf bytes;
    int64_t now = kn_clock_wall_us(ctx->api->env.clock);
    item->event_us = now;
    item->received_us = now;
    item->message_id = kn_api_random_text(ctx, 24);
    kn_buf_init(&bytes, KN_LOG_BODY_MAX);
    kn_item_encode(item, &bytes);
    if (bytes.rc == KN_OK) {
        kn_api_stage_items(ctx, kn_buf_view(&bytes), 1, frame_flags, finish);
    } else {
        kn_api_fail_rc(ctx, bytes.rc, NULL);
    }
    kn_buf_deinit(&bytes);
}

void kn_api_stage_setting(struct kn_ctx *ctx, const char *prefix, struct kn_str id,
                          const struct kn_buf *json, void (*finish)(struct kn_ctx *))
{
    struct kn_buf key;
    kn_buf_init(&key, 128);
    kn_buf_c(&key, prefix);
    kn_buf_str(&key, id);
    enum kn_rc rc = json->rc != KN_OK ? json->rc : key.rc;
    if (rc == KN_E_LIMIT) {
        kn_api_fail(ctx, 400, "Bad request", "the document is too large");
    } else if (rc != KN_OK) {
        kn_api_fail_rc(ctx, rc, NULL);
    } else {
        struct kn_item item = {
            .kind = KN_ITEM_SETTING, .name = kn_buf_view(&key), .body = kn_buf_view(json)};
        kn_api_stage(ctx, &item, KN_FRAME_SETTINGS, finish);
    }
    kn_buf_deinit(&key);
}

/* ---- one change of settings after the other ---- */

static struct kn_api_change *change_of(struct kn_api *api, struct kn_workspace *ws)
{
    for (size_t i = 0; i < api->change_count; i++) {
        if (api->changes[i].ws == ws) {
            return &api->changes[i];
        }
    }
    api->changes = kn_must_realloc(api->changes, (api->change_count + 1) * sizeof *api->changes);
    api->changes[api->change_count] = (struct kn_api_change){.ws = ws};
    return &api->changes[api->change_count++];
}

bool kn_api_begin_change(struct kn_ctx *ctx)
{
    struct kn_position position;
    kn_mutex_lock(&ctx->api->mutex);
    uint64_t seq = change_of(ctx->api, ctx->ws)->seq;
    kn_workspace_position(ctx->ws, &position);
    if (position.applied >= seq || kn_workspace_is_lost(ctx->ws, seq)) {
        return true;
    }
    kn_mutex_unlock(&ctx->api->mutex);
    kn_api_wait(ctx, ctx->ws, seq, false);
    return false;
}

void kn_api_end_change(struct kn_ctx *ctx)
{
    if (ctx->call->outcome == KN_API_WAIT) {
        change_of(ctx->api, ctx->ws)->seq = ctx->call->wait_seq;
    }
    kn_mutex_unlock(&ctx->api->mutex);
}

static bool stage_item(struct kn_ctx *ctx, struct kn_item *item, uint64_t *ret_seq)
{
    struct kn_buf bytes;
    struct kn_err err;
    bool full;
    kn_buf_init(&bytes, KN_LOG_BODY_MAX);
    kn_item_encode(item, &bytes);
    bool staged =
        bytes.rc == KN_OK && kn_workspace_stage(ctx->ws, kn_buf_view(&bytes), 1, KN_FRAME_SETTINGS,
                                                ret_seq, &full, &err) == KN_OK;
    kn_buf_deinit(&bytes);
    return staged;
}

void kn_api_stage_quietly(struct kn_ctx *ctx, const char *prefix, struct kn_str id,
                          const struct kn_buf *json)
{
    struct kn_position position;
    struct kn_buf key;
    int64_t now = kn_clock_wall_us(ctx->api->env.clock);
    kn_buf_init(&key, 128);
    kn_buf_c(&key, prefix);
    kn_buf_str(&key, id);
    struct kn_item item = {
        .kind = KN_ITEM_SETTING,
        .event_us = now,
        .received_us = now,
        .message_id = kn_api_random_text(ctx, 24),
        .name = kn_buf_view(&key),
        .body = kn_buf_view(json),
    };
    kn_mutex_lock(&ctx->api->mutex);
    struct kn_api_change *change = change_of(ctx->api, ctx->ws);
    kn_workspace_position(ctx->ws, &position);
    uint64_t seq;
    if (json->rc == KN_OK && key.rc == KN_OK && position.applied >= change->seq &&
        stage_item(ctx, &item, &seq)) {
        change->seq = seq;
    }
    kn_mutex_unlock(&ctx->api->mutex);
    kn_buf_deinit(&key);
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
        kn_api_fail_param(ctx, "after",
                          "after is no position of this workspace, or one that is still to come");
        return false;
    }
    ctx->waited_after = true;
    if (position.applied >= seq) {
        return true;
    }
    kn_api_wait(ctx, ctx->ws, seq, false);
    return false;
}

static void run(struct kn_ctx *ctx)
{
    if (serve_after(ctx)) {
        ctx->route->handle(ctx);
    }
}

/* Every call ends here. */
static void settle(struct kn_ctx *ctx)
{
    if (ctx->call->outcome == KN_API_DONE) {
        kn_api_audit(ctx);
    }
}

void kn_api_security_headers(struct kn_http_response *response)
{
    kn_http_set_header(response, "X-Content-Type-Options", KN_STR("nosniff"));
    kn_http_set_header(response, "X-Frame-Options", KN_STR("DENY"));
    kn_http_set_header(response, "Referrer-Policy", KN_STR("no-referrer"));
    kn_http_set_header(response, "Cross-Origin-Resource-Policy", KN_STR("same-origin"));
    kn_http_set_header(response, "Content-Security-Policy",
                       KN_STR("default-src 'none'; frame-ancestors 'none'"));
}

/* No route for this method: OPTIONS, another method, or nothing there at all. */
static void answer_unrouted(struct kn_ctx *ctx)
{
    const struct kn_http_request *r = ctx->request;
    struct kn_buf allow;
    kn_buf_init(&allow, 256);
    if (kn_api_allowed(r->path, &allow)) {
        kn_http_set_header(ctx->response, "Allow", kn_arena_str(r->arena, kn_buf_view(&allow)));
        if (kn_str_eq(r->method, KN_STR("OPTIONS"))) {
            kn_api_no_content(ctx);
        } else {
            kn_api_problem(ctx->response, 405, "Method not allowed",
                           "the header Allow says which methods this address knows");
        }
    } else if (kn_str_starts(r->path, KN_STR("/v1/spaces/"))) {
        kn_segment_fail(ctx, 404, "not_found", "There is nothing at this address.");
    } else if (!kn_api_web(ctx)) {
        ctx->call->outcome = KN_API_NOT_MINE;
    }
    kn_buf_deinit(&allow);
}

void kn_api_handle(struct kn_api *api, struct kn_api_worker *worker,
                   const struct kn_http_request *request, struct kn_http_response *response,
                   struct kn_api_call *call)
{
    struct kn_ctx *ctx = kn_arena_zero(request->arena, 1, sizeof *ctx);
    *call = (struct kn_api_call){.outcome = KN_API_DONE};
    kn_api_security_headers(response);
    if (!ctx) {
        kn_api_problem(response, 503, "Not now", "out of memory");
        return;
    }
    *ctx = (struct kn_ctx){
        .api = api, .worker = worker, .request = request, .response = response, .call = call};
    ctx->route = kn_api_find_route(request->method, request->path, ctx->params);
    if (!ctx->route) {
        answer_unrouted(ctx);
        return;
    }
    if (ctx->route->scope == KN_SCOPE_PROFILE_API) {
        kn_http_set_header(response, "Request-Id", kn_api_random_text(ctx, 20));
    }
    if (kn_api_authorise(ctx) && kn_api_accepts(ctx) && kn_api_find_workspace(ctx)) {
        run(ctx);
        settle(ctx);
    }
}

void kn_api_resume(struct kn_api *api, struct kn_api_worker *worker,
                   const struct kn_http_request *request, bool timed_out,
                   struct kn_http_response *response, struct kn_api_call *call)
{
    struct kn_ctx *ctx = call->state; /* it remembers the rest */
    bool lost = timed_out && kn_workspace_is_lost(call->wait_ws, call->wait_seq);
    (void)api;
    (void)request;
    (void)response;
    *call = (struct kn_api_call){.outcome = KN_API_DONE};
    ctx->worker = worker;
    if (lost) {
        struct kn_err err = {0};
        (void)kn_fail(&err, KN_E_FULL, "the disk is full: nothing was changed");
        kn_api_fail_rc(ctx, KN_E_FULL, &err);
    } else if (timed_out) {
        kn_api_fail(ctx, 504, "Timeout", "the position was not reached within 5 seconds");
    } else if (ctx->finish) {
        void (*finish)(struct kn_ctx *) = ctx->finish;
        ctx->finish = NULL;
        finish(ctx);
    } else {
        run(ctx);
    }
    settle(ctx);
}

void kn_api_more(struct kn_api *api, struct kn_api_worker *worker,
                 const struct kn_http_request *request, struct kn_http_response *response,
                 struct kn_api_call *call)
{
    struct kn_ctx *ctx = call->state;
    (void)api;
    (void)request;
    (void)response;
    ctx->worker = worker;
    call->more = false;
    ctx->piece(ctx);
}

void kn_api_stream(struct kn_ctx *ctx, void (*piece)(struct kn_ctx *))
{
    ctx->piece = piece;
    ctx->call->state = ctx;
    piece(ctx);
}
