/* Requests: authentication, parsing, the frame, the answer. */
#include "collect/collect_internal.h"

#include <stdio.h>

#include "base/mem.h"

enum { JSON_DEPTH_MAX = 64, JSON_NODES_MAX = 1 << 20 };
static const struct kn_json_limits json_limits = {JSON_DEPTH_MAX, JSON_NODES_MAX};

struct kn_collect *kn_collect_new(void)
{
    struct kn_collect *c = kn_calloc(1, sizeof *c);
    if (!c) {
        return NULL;
    }
    c->parser = kn_json_parser_new();
    c->context_parser = kn_json_parser_new();
    c->agents = kn_calloc(KN_AGENTS, sizeof *c->agents);
    c->channels = kn_calloc(KN_CHANNELS, sizeof *c->channels);
    kn_arena_init(&c->arena, 8 << 20);
    kn_buf_init(&c->items, KN_LOG_BODY_MAX);
    kn_buf_init(&c->body, 1 << 20);
    kn_buf_init(&c->merged, 1 << 20);
    kn_buf_init(&c->scratch, 1 << 20);
    if (!c->parser || !c->context_parser || !c->agents || !c->channels) {
        kn_collect_free(c);
        return NULL;
    }
    return c;
}

void kn_collect_free(struct kn_collect *c)
{
    if (c) {
        kn_json_parser_free(c->parser);
        kn_json_parser_free(c->context_parser);
        kn_free(c->agents);
        kn_free(c->channels);
        kn_arena_deinit(&c->arena);
        kn_buf_deinit(&c->items);
        kn_buf_deinit(&c->body);
        kn_buf_deinit(&c->merged);
        kn_buf_deinit(&c->scratch);
        kn_free(c);
    }
}

/* ---- a request under way ---- */

struct exchange {
    struct kn_collect *c;
    const struct kn_collect_env *env;
    const struct kn_http_request *request;
    struct kn_http_response *response;
    struct kn_collect_result *result;
    struct kn_collect_target target; /* settings NULL: not found yet */
    struct kn_route route;
    struct kn_intake intake;
    int64_t now_us;
};

static void refuse(struct exchange *x, int status, const char *code, const char *message)
{
    kn_collect_refuse(x->request, x->response, status, code, message);
    x->result->reason = code;
}

static void unavailable(struct exchange *x, int status, unsigned seconds, const char *reason)
{
    kn_collect_unavailable(x->request, x->response, status, seconds);
    x->result->reason = reason;
}

static void succeed(struct exchange *x)
{
    kn_answer_json(x->request, x->response,
                   x->route.jitsu ? KN_STR("{\"ok\":true}") : KN_STR("{\"success\":true}"));
}

static void begin_intake(struct exchange *x)
{
    x->intake = (struct kn_intake){
        .c = x->c,
        .items = &x->c->items,
        .m =
            {
                .path_type = x->route.type,
                .jitsu = x->route.jitsu,
                .server = x->route.server,
                .pixel = x->route.kind == KN_ROUTE_PIXEL,
                .settings = x->target.settings,
                .source = x->target.source,
                .received_us = x->now_us,
                .peer_ip = x->request->peer_ip,
                .user_agent = kn_http_header(x->request, "User-Agent"),
                .remove_ip =
                    kn_str_eq_nocase(kn_http_header(x->request, "X-IP-Policy"), KN_STR("remove")),
                .privacy_control =
                    kn_str_eq(kn_str_trim(kn_http_header(x->request, "Sec-GPC")), KN_STR("1")),
                .random = x->env->random,
            },
    };
}

/* True: there is a source that takes messages. Otherwise the answer is made. */
static bool find_target(struct exchange *x, struct kn_str key)
{
    if (key.len == 0) {
        refuse(x, 401, "no_write_key", "no write key was given");
        return false;
    }
    if (kn_find_key(x->env, key, &x->target) != KN_OK) {
        refuse(x, 401, "invalid_write_key", "the write key is not known");
        return false;
    }
    if (!x->target.source->enabled) {
        refuse(x, 404, "source_disabled", "source is disabled");
        return false;
    }
    if (!kn_workspace_ready(x->target.ws)) {
        unavailable(x, 503, 2, "not_ready");
        return false;
    }
    begin_intake(x);
    return true;
}

/* ---- the frame ---- */

static void set_position(struct exchange *x, uint64_t seq)
{
    struct kn_position position;
    char text[48];
    kn_workspace_position(x->target.ws, &position);
    (void)snprintf(text, sizeof text, "%u-%llu", position.epoch,
                   (unsigned long long)(seq > 0 ? seq : position.durable));
    struct kn_str kept = kn_arena_str(x->request->arena, kn_str_c(text));
    if (kept.len > 0) {
        kn_http_set_header(x->response, "Kern-Position", kept);
    }
}

/* Stages what the messages gave; false: it could not be, and the answer says so. Otherwise the
 * answer is to wait for it. */
static bool stage(struct exchange *x)
{
    struct kn_intake *in = &x->intake;
    struct kn_err err;
    uint64_t seq = 0;
    bool disk_full = false;
    kn_intake_end(in);
    x->result->accepted = in->accepted;
    x->result->rejected = in->rejected;
    memcpy(x->result->refused, in->refused, sizeof in->refused);
    enum kn_rc rc = in->rc;
    if (rc == KN_OK && in->item_count > 0) {
        rc = kn_workspace_stage(x->target.ws, kn_buf_view(in->items), in->item_count, 0, &seq,
                                &disk_full, &err);
    }
    if (rc == KN_OK) {
        set_position(x, seq);
        x->result->outcome = seq > 0 ? KN_COLLECT_WAIT : KN_COLLECT_DONE;
        x->result->wait_ws = seq > 0 ? x->target.ws : NULL;
        x->result->wait_seq = seq;
        return true;
    }
    x->result->accepted = 0;
    x->result->rejected = 0;
    memset(x->result->refused, 0, sizeof x->result->refused);
    if (rc == KN_E_LIMIT) {
        refuse(x, 413, "too_large", "the messages of this request take too much room together");
    } else if (rc == KN_E_FULL && !disk_full) {
        unavailable(x, 429, 1, "overload");
    } else {
        unavailable(x, 503, disk_full ? 10 : 2, disk_full ? "disk_full" : "unavailable");
    }
    return false;
}

/* A request refused whole leaves a reject, so that its sender can be found out. */
static void refuse_and_note(struct exchange *x, int status, const char *code, const char *message,
                            struct kn_str sample)
{
    kn_intake_reject(&x->intake, code, message, sample, 1);
    (void)stage(x);
    refuse(x, status, code, message);
}

/* ---- bodies ---- */

static void take_messages(struct exchange *x, const struct kn_json *doc, struct kn_str body)
{
    if (kn_json_type_at(doc, 0) != KN_JSON_OBJECT) {
        refuse_and_note(x, 400, "invalid_json", "the body must be a JSON object", body);
        return;
    }
    if (x->route.kind != KN_ROUTE_BATCH) {
        kn_intake_single(&x->intake, doc);
    } else if (!kn_intake_batch(&x->intake, doc)) {
        refuse_and_note(x, 400, "invalid_batch", "the body needs an array \"batch\"", body);
        return;
    }
    if (stage(x)) {
        succeed(x);
    }
}

/* A key of the header, or the query, goes before one of the body, which may be masked there. */
static void take_body(struct exchange *x, struct kn_str body)
{
    struct kn_json doc;
    struct kn_err err = {0};
    bool bearer;
    struct kn_str key = kn_request_key(x->request, &bearer);
    bool found = key.len > 0 && !bearer;
    if (found && !find_target(x, key)) {
        return;
    }
    if (body.len > KN_COLLECT_BODY_MAX) {
        if (found) {
            refuse_and_note(x, 413, "too_large", "a request may have at most 5 MiB", KN_STR_EMPTY);
        } else {
            refuse(x, 413, "too_large", "a request may have at most 5 MiB");
        }
        return;
    }
    enum kn_rc rc = kn_json_parse(x->c->parser, body.p, body.len, &json_limits, &doc, &err);
    if (rc == KN_E_NOMEM) {
        unavailable(x, 503, 2, "unavailable");
        return;
    }
    if (!found) {
        struct kn_str said = rc == KN_OK ? kn_body_key(&doc, x->request->arena) : KN_STR_EMPTY;
        key = said.len > 0 ? said : key; /* behind a bearer token the body's key goes first */
        if (rc != KN_OK && key.len == 0) {
            refuse(x, 400, "invalid_json", err.text);
            return;
        }
        if (!find_target(x, key)) {
            return;
        }
    }
    if (x->route.kind != KN_ROUTE_BATCH && body.len > KN_COLLECT_EVENT_MAX) {
        refuse_and_note(x, 400, "too_large", "a message may have at most 32768 bytes", body);
    } else if (rc != KN_OK) {
        refuse_and_note(x, 400, "invalid_json", err.text, body);
    } else {
        take_messages(x, &doc, body);
    }
}

static void take_pixel(struct exchange *x)
{
    struct kn_str message = kn_pixel_message(x->request, &x->c->scratch);
    if (message.len > 0 && !kn_str_eq(x->request->method, KN_STR("HEAD"))) {
        take_body(x, message);
    }
    kn_answer_gif(x->request, x->response); /* always, also for an error */
}

static void route(struct exchange *x)
{
    const struct kn_http_request *request = x->request;
    if (x->route.kind != KN_ROUTE_NONE && kn_str_eq(request->method, KN_STR("OPTIONS"))) {
        x->response->status = 204;
        kn_collect_cors(request, x->response);
        return;
    }
    switch (x->route.kind) {
    case KN_ROUTE_NONE: x->result->outcome = KN_COLLECT_NOT_MINE; break;
    case KN_ROUTE_OTHER_METHOD:
        refuse(x, 405, "method_not_allowed", "this path takes another method");
        kn_http_set_header(x->response, "Allow", KN_STR("GET, POST, HEAD, OPTIONS"));
        break;
    case KN_ROUTE_DISCARD:
    case KN_ROUTE_HEALTH: succeed(x); break;
    case KN_ROUTE_SETTINGS:
    case KN_ROUTE_RUDDER:
    case KN_ROUTE_SCRIPT: kn_bootstrap(x->env, request, &x->route, x->now_us, x->response); break;
    case KN_ROUTE_PIXEL: take_pixel(x); break;
    case KN_ROUTE_SINGLE:
    case KN_ROUTE_BATCH: take_body(x, request->body); break;
    }
}

void kn_collect_handle(struct kn_collect *c, const struct kn_collect_env *env,
                       const struct kn_http_request *request, int64_t now_us,
                       struct kn_http_response *response, struct kn_collect_result *ret)
{
    *ret = (struct kn_collect_result){.outcome = KN_COLLECT_DONE};
    struct exchange x = {
        .c = c,
        .env = env,
        .request = request,
        .response = response,
        .result = ret,
        .route = kn_route_of(request->method, request->path),
        .now_us = now_us,
    };
    kn_buf_clear(&c->items);
    if (x.route.kind != KN_ROUTE_NONE && env->stopping &&
        !kn_str_eq(request->method, KN_STR("OPTIONS"))) {
        unavailable(&x, 503, 5, "stopping");
    } else {
        route(&x);
    }
    if (env->accept_unknown_keys && response->status == 401) {
        succeed(&x);
    }
    kn_settings_unref(x.target.settings);
}

enum kn_rc kn_collect_message(struct kn_collect *c, struct kn_random random,
                              const struct kn_collect_message_options *options, struct kn_str json,
                              struct kn_buf *items, uint32_t *ret_items, const char **ret_rejected,
                              struct kn_err *err)
{
    struct kn_json doc;
    *ret_items = 0;
    *ret_rejected = NULL;
    enum kn_rc rc = kn_json_parse(c->parser, json.p, json.len, &json_limits, &doc, err);
    if (rc == KN_E_INVALID || rc == KN_E_LIMIT) {
        *ret_rejected = "invalid_json";
        return KN_OK;
    }
    KN_TRY(rc);
    struct kn_message m = {
        .doc = &doc,
        .settings = options->settings,
        .source = options->source,
        .received_us = options->received_us,
        .historic = options->historic,
        .random = random,
    };
    KN_TRY(kn_message_item(c, &m, items, ret_rejected, err));
    *ret_items = *ret_rejected ? 0 : 1;
    return KN_OK;
}
