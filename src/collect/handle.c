/* Requests: routes, authentication, batches, the frame. */
#include "collect/collect_internal.h"

#include "base/mem.h"
#include "format/token.h"

enum { JSON_DEPTH_MAX = 64, JSON_NODES_MAX = 1 << 20, KEY_BYTES_MAX = 64 };

struct kn_collect *kn_collect_new(void)
{
    struct kn_collect *c = kn_calloc(1, sizeof *c);
    if (!c) {
        return NULL;
    }
    c->parser = kn_json_parser_new();
    kn_arena_init(&c->arena, 8 << 20);
    kn_buf_init(&c->items, KN_LOG_BODY_MAX);
    kn_buf_init(&c->body, 8 << 20);
    kn_buf_init(&c->scratch, 8 << 20);
    if (!c->parser) {
        kn_collect_free(c);
        return NULL;
    }
    return c;
}

void kn_collect_free(struct kn_collect *c)
{
    if (c) {
        kn_json_parser_free(c->parser);
        kn_arena_deinit(&c->arena);
        kn_buf_deinit(&c->items);
        kn_buf_deinit(&c->body);
        kn_buf_deinit(&c->scratch);
        kn_free(c);
    }
}

/* ---- routes (collect-protocols section 1.1) ---- */

enum route_kind { ROUTE_NONE, ROUTE_SINGLE, ROUTE_BATCH, ROUTE_PIXEL, ROUTE_IGNORE, ROUTE_DOCUMENT };

struct route {
    enum route_kind kind;
    enum kn_event_type type;
    bool jitsu;
};

static enum kn_event_type type_named(struct kn_str word)
{
    for (unsigned t = KN_EVENT_TRACK; t <= KN_EVENT_ALIAS; t++) {
        struct kn_str name = kn_str_c(kn_event_type_name((enum kn_event_type)t));
        if (kn_str_eq(word, name) || (word.len == 1 && word.p[0] == name.p[0])) {
            return (enum kn_event_type)t;
        }
    }
    return KN_EVENT_NONE;
}

static bool path_is_one_of(struct kn_str path, const char *const *list)
{
    for (; *list; list++) {
        if (kn_str_eq(path, kn_str_c(*list))) {
            return true;
        }
    }
    return false;
}

static struct kn_str without_version(struct kn_str path)
{
    return kn_str_starts(path, KN_STR("/v1/")) ? kn_str_sub(path, 3, path.len) : path;
}

static struct route post_route(struct kn_str path)
{
    static const char *const batches[] = {"/batch", "/import", "/b", "/beacon/v1/batch", NULL};
    static const char *const ignored[] = {"/m", "/rsaMetrics", "/rsaRequest", NULL};
    if (path_is_one_of(path, batches)) {
        return (struct route){.kind = ROUTE_BATCH};
    }
    if (path_is_one_of(path, ignored)) {
        return (struct route){.kind = ROUTE_IGNORE};
    }
    bool jitsu = kn_str_starts(path, KN_STR("/api/s/"));
    struct kn_str word = kn_str_sub(path, jitsu ? 7 : 1, path.len);
    if (jitsu && kn_str_starts(word, KN_STR("s2s/"))) {
        word = kn_str_sub(word, 4, word.len);
    }
    if (jitsu && kn_str_eq(word, KN_STR("batch"))) {
        return (struct route){.kind = ROUTE_BATCH, .jitsu = true};
    }
    if (jitsu && (kn_str_eq(word, KN_STR("event")) || kn_str_eq(word, KN_STR("e")))) {
        return (struct route){.kind = ROUTE_SINGLE, .jitsu = true};
    }
    enum kn_event_type type = type_named(word);
    return type == KN_EVENT_NONE
               ? (struct route){0}
               : (struct route){.kind = ROUTE_SINGLE, .type = type, .jitsu = jitsu};
}

static struct route get_route(struct kn_str path)
{
    static const char *const pixels[] = {"/pixel/", "/pixel/v1/", "/api/px/", NULL};
    for (size_t i = 0; pixels[i]; i++) {
        struct kn_str prefix = kn_str_c(pixels[i]);
        enum kn_event_type type = kn_str_starts(path, prefix)
                                      ? type_named(kn_str_sub(path, prefix.len, path.len))
                                      : KN_EVENT_NONE;
        if (type != KN_EVENT_NONE) {
            return (struct route){.kind = ROUTE_PIXEL, .type = type};
        }
    }
    bool document = (kn_str_starts(path, KN_STR("/projects/")) &&
                     kn_str_ends(path, KN_STR("/settings"))) ||
                    kn_str_eq(path, KN_STR("/sourceConfig")) ||
                    kn_str_eq(path, KN_STR("/p.js")) ||
                    kn_str_starts(path, KN_STR("/analytics.js/")) ||
                    kn_str_starts(path, KN_STR("/analytics-next/"));
    return (struct route){.kind = document ? ROUTE_DOCUMENT : ROUTE_NONE};
}

static struct route route_of(struct kn_str method, struct kn_str path)
{
    path = without_version(path);
    if (kn_str_eq(method, KN_STR("POST"))) {
        return post_route(path);
    }
    if (kn_str_eq(method, KN_STR("OPTIONS"))) {
        struct route r = post_route(path);
        return r.kind != ROUTE_NONE ? r : get_route(path);
    }
    return get_route(path);
}

bool kn_collect_is_route(struct kn_str method, struct kn_str path)
{
    return route_of(method, path).kind != ROUTE_NONE;
}

/* ---- authentication (collect-protocols section 1.3) ---- */

static struct kn_str header_key(const struct kn_http_request *request)
{
    struct kn_str auth = kn_http_header(request, "Authorization");
    struct kn_str decoded;
    if (auth.len > 6 && kn_str_eq_nocase(kn_str_sub(auth, 0, 6), KN_STR("Basic ")) &&
        kn_base64_decode(kn_str_trim(kn_str_sub(auth, 6, auth.len)), request->arena, &decoded)) {
        struct kn_str key = kn_str_split(&decoded, ':');
        if (key.len > 0) {
            return key;
        }
    }
    struct kn_str key = kn_str_trim(kn_http_header(request, "X-Write-Key"));
    key = key.len > 0 ? key : kn_http_param(request, "writeKey");
    return key.len > 0 ? key : kn_http_param(request, "writekey");
}

static struct kn_str body_key(struct kn_collect *c, const struct kn_json *doc)
{
    struct kn_str key = kn_message_text(c, doc, kn_json_find(doc, 0, KN_STR("writeKey")));
    uint32_t batch = kn_json_find(doc, 0, KN_STR("batch"));
    if (key.len == 0 && kn_json_type_at(doc, batch) == KN_JSON_ARRAY &&
        doc->nodes[batch].next > batch + 1) {
        key = kn_message_text(c, doc, kn_json_find(doc, batch + 1, KN_STR("writeKey")));
    }
    return key;
}

/* ---- a request under way ---- */

struct exchange {
    struct kn_collect *c;
    const struct kn_collect_env *env;
    const struct kn_http_request *request;
    struct kn_http_response *response;
    struct kn_collect_result *result;
    struct kn_collect_target target;
    struct route route;
    int64_t now_us;
    uint32_t item_count, rejects_stored;
};

static void refuse(struct exchange *x, int status, const char *code, const char *message)
{
    kn_collect_refuse(x->request, x->response, status, code, message);
    x->result->reason = code;
}

static bool find_target(struct exchange *x, struct kn_str key)
{
    if (key.len == 0) {
        refuse(x, 401, "no_write_key", "no write key was given");
        return false;
    }
    if (key.len > KEY_BYTES_MAX || x->env->find(x->env->context, key, &x->target) != KN_OK) {
        refuse(x, 401, "invalid_write_key", "the write key is not known");
        return false;
    }
    if (!x->target.source->enabled) {
        refuse(x, 404, "source_disabled", "source is disabled");
        return false;
    }
    return true;
}

static void succeed(struct exchange *x)
{
    x->response->status = 200;
    kn_collect_cors(x->request, x->response);
    kn_http_set_header(x->response, "Content-Type", KN_STR("application/json"));
    kn_buf_clear(&x->response->body);
    kn_buf_c(&x->response->body, x->route.jitsu ? "{\"ok\":true}" : "{\"success\":true}");
}

static void set_position(struct exchange *x, uint64_t seq)
{
    struct kn_position position;
    struct kn_buf text;
    kn_workspace_position(x->target.ws, &position);
    kn_buf_init(&text, 64);
    kn_buf_u64(&text, position.epoch);
    kn_buf_char(&text, '-');
    kn_buf_u64(&text, seq > 0 ? seq : position.staged);
    kn_http_set_header(x->response, "Kern-Position",
                       kn_arena_str(x->request->arena, kn_buf_view(&text)));
    kn_buf_deinit(&text);
}

/* Stages what was gathered; the answer waits for it. */
static void stage(struct exchange *x)
{
    struct kn_err err;
    uint64_t seq;
    bool disk_full;
    if (x->item_count == 0) {
        succeed(x);
        set_position(x, 0);
        return;
    }
    if (x->c->items.rc != KN_OK) {
        kn_collect_unavailable(x->request, x->response, 503, 5);
        x->result->reason = "no_memory";
        return;
    }
    enum kn_rc rc = kn_workspace_stage(x->target.ws, kn_buf_view(&x->c->items), x->item_count, 0,
                                       &seq, &disk_full, &err);
    if (rc != KN_OK) {
        int status = rc == KN_E_FULL && !disk_full ? 429 : 503;
        kn_collect_unavailable(x->request, x->response, status, status == 429 ? 1 : 10);
        x->result->reason = status == 429 ? "overload" : "disk_full";
        x->result->accepted = 0;
        return;
    }
    succeed(x);
    set_position(x, seq);
    x->result->outcome = KN_COLLECT_WAIT;
    x->result->wait_ws = x->target.ws;
    x->result->wait_seq = seq;
}

static void reject(struct exchange *x, const struct kn_json *doc, uint32_t node, const char *reason,
                   const char *detail, uint32_t count)
{
    x->result->rejected += count;
    if (x->rejects_stored < KN_REJECTS_PER_REQUEST) {
        kn_reject_item(x->c, doc, node, x->target.source, x->now_us, reason, detail, count,
                       &x->c->items);
        x->rejects_stored++;
        x->item_count++;
    }
}

static struct kn_message message_of(const struct exchange *x, const struct kn_json *doc)
{
    return (struct kn_message){
        .doc = doc,
        .batch_context = KN_JSON_NONE,
        .batch_integrations = KN_JSON_NONE,
        .batch_sent_at = KN_JSON_NONE,
        .path_type = x->route.type,
        .settings = x->target.settings,
        .source = x->target.source,
        .received_us = x->now_us,
        .peer_ip = x->request->peer_ip,
        .user_agent = kn_http_header(x->request, "User-Agent"),
        .remove_ip = kn_str_eq_nocase(kn_http_header(x->request, "X-IP-Policy"), KN_STR("remove")),
        .random = x->env->random,
    };
}

static void take_single(struct exchange *x, const struct kn_json *doc)
{
    struct kn_err err;
    struct kn_message m = message_of(x, doc);
    if (x->request->body.len > KN_COLLECT_EVENT_MAX) {
        reject(x, doc, 0, "too_large", "a message may have at most 32768 bytes", 1);
        stage(x);
        refuse(x, 400, "too_large", "a message may have at most 32768 bytes");
        return;
    }
    const char *bad = kn_message_item(x->c, &m, &x->c->items, &err);
    if (bad) {
        reject(x, doc, 0, bad, err.text, 1);
    } else {
        x->item_count++;
        x->result->accepted++;
    }
    stage(x);
}

static void take_batch(struct exchange *x, const struct kn_json *doc)
{
    uint32_t batch = kn_json_find(doc, 0, KN_STR("batch"));
    if (kn_json_type_at(doc, batch) != KN_JSON_ARRAY) {
        refuse(x, 400, "invalid_batch", "the body needs an array \"batch\"");
        return;
    }
    struct kn_message m = message_of(x, doc);
    uint32_t context = kn_json_find(doc, 0, KN_STR("context"));
    uint32_t integrations = kn_json_find(doc, 0, KN_STR("integrations"));
    m.path_type = KN_EVENT_NONE;
    m.batch_context =
        kn_json_type_at(doc, context) == KN_JSON_OBJECT ? context : KN_JSON_NONE;
    m.batch_integrations =
        kn_json_type_at(doc, integrations) == KN_JSON_OBJECT ? integrations : KN_JSON_NONE;
    m.batch_sent_at = kn_json_find(doc, 0, KN_STR("sentAt"));
    uint32_t seen = 0;
    uint32_t over = 0;
    for (uint32_t i = batch + 1; i < doc->nodes[batch].next; i = doc->nodes[i].next) {
        struct kn_err err;
        if (++seen > KN_BATCH_EVENTS_MAX) {
            over++;
            continue;
        }
        m.node = i;
        const char *bad = kn_message_item(x->c, &m, &x->c->items, &err);
        if (bad) {
            reject(x, doc, i, bad, err.text, 1);
        } else {
            x->item_count++;
            x->result->accepted++;
        }
    }
    if (over > 0) {
        x->rejects_stored -= x->rejects_stored == KN_REJECTS_PER_REQUEST ? 1 : 0;
        reject(x, NULL, KN_JSON_NONE, "too_many_events", "a batch may have at most 2500 events",
               over);
    }
    stage(x);
}

static void take_body(struct exchange *x, struct kn_str body)
{
    static const struct kn_json_limits limits = {JSON_DEPTH_MAX, JSON_NODES_MAX};
    struct kn_json doc;
    struct kn_err err = {0};
    struct kn_str key = header_key(x->request);
    enum kn_rc rc = kn_json_parse(x->c->parser, body.p, body.len, &limits, &doc, &err);
    if (rc == KN_OK && kn_json_type_at(&doc, 0) != KN_JSON_OBJECT) {
        rc = kn_fail(&err, KN_E_INVALID, "the body must be a JSON object");
    }
    if (rc == KN_OK && key.len == 0) {
        key = body_key(x->c, &doc);
    }
    if (rc == KN_OK || key.len > 0) {
        if (!find_target(x, key)) {
            return;
        }
    }
    if (rc == KN_E_NOMEM) {
        kn_collect_unavailable(x->request, x->response, 503, 5);
    } else if (rc != KN_OK) {
        if (x->target.ws) {
            reject(x, NULL, KN_JSON_NONE, "invalid_json", err.text, 1);
            stage(x);
        }
        refuse(x, 400, "invalid_json", err.text);
    } else if (x->route.kind == ROUTE_BATCH) {
        take_batch(x, &doc);
    } else {
        take_single(x, &doc);
    }
}

/* ---- pixels ---- */

static void put_group(struct kn_buf *out, const struct kn_http_request *request,
                      struct kn_str group)
{
    kn_json_out_key_str(out, group);
    kn_buf_char(out, '{');
    for (size_t i = 0; i < request->param_count; i++) {
        struct kn_str rest = request->params[i].name;
        if (kn_str_eq(kn_str_split(&rest, '.'), group) && rest.len > 0) {
            kn_json_out_key_str(out, rest);
            kn_json_out_string(out, request->params[i].value);
        }
    }
    kn_buf_char(out, '}');
}

/* Flat parameters as a message: "properties.subject" goes into the object "properties". */
static void put_params(struct kn_buf *out, const struct kn_http_request *request)
{
    static const char *const groups[] = {"properties", "context", "traits"};
    kn_buf_char(out, '{');
    for (size_t i = 0; i < request->param_count; i++) {
        const struct kn_http_pair *p = &request->params[i];
        if (kn_str_find(p->name, KN_STR(".")) == SIZE_MAX &&
            !kn_str_eq_nocase(p->name, KN_STR("writeKey"))) {
            kn_json_out_key_str(out, p->name);
            kn_json_out_string(out, p->value);
        }
    }
    for (size_t i = 0; i < 3; i++) {
        put_group(out, request, kn_str_c(groups[i]));
    }
    kn_buf_char(out, '}');
}

static void take_pixel(struct exchange *x)
{
    struct kn_str data = kn_http_param(x->request, "data");
    struct kn_str decoded = KN_STR_EMPTY;
    kn_buf_clear(&x->c->scratch);
    if (data.len > 0 && kn_base64_decode(data, x->request->arena, &decoded)) {
        kn_buf_str(&x->c->scratch, decoded);
    } else {
        put_params(&x->c->scratch, x->request);
    }
    struct kn_str message = kn_buf_view(&x->c->scratch);
    char *padded = kn_arena_alloc(x->request->arena, message.len + KN_JSON_PADDING);
    if (padded && message.len > 0) {
        memcpy(padded, message.p, message.len);
        memset(padded + message.len, 0, KN_JSON_PADDING);
        take_body(x, kn_str(padded, message.len));
    }
    kn_collect_gif(x->response); /* always, also for an error */
    kn_collect_cors(x->request, x->response);
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
        .route = route_of(request->method, request->path),
        .now_us = now_us,
    };
    kn_buf_clear(&c->items);
    kn_arena_clear(&c->arena);
    if (x.route.kind == ROUTE_NONE) {
        ret->outcome = KN_COLLECT_NOT_MINE;
    } else if (kn_str_eq(request->method, KN_STR("OPTIONS"))) {
        response->status = 204;
        kn_collect_cors(request, response);
    } else if (x.route.kind == ROUTE_DOCUMENT) {
        (void)kn_collect_bootstrap(env, request, without_version(request->path), response);
    } else if (env->stopping) {
        kn_collect_unavailable(request, response, 503, 5);
        ret->reason = "stopping";
    } else if (x.route.kind == ROUTE_IGNORE) {
        succeed(&x);
    } else if (x.route.kind == ROUTE_PIXEL) {
        take_pixel(&x);
    } else {
        take_body(&x, request->body);
    }
    if (env->accept_unknown_keys && response->status == 401) {
        succeed(&x);
    }
    kn_settings_unref(x.target.settings);
}

enum kn_rc kn_collect_message(struct kn_collect *c, struct kn_random random,
                              const struct kn_collect_message_options *options, struct kn_str json,
                              struct kn_buf *items, uint32_t *ret_items,
                              const char **ret_rejected, struct kn_err *err)
{
    static const struct kn_json_limits limits = {JSON_DEPTH_MAX, JSON_NODES_MAX};
    struct kn_json doc;
    KN_TRY(kn_json_parse(c->parser, json.p, json.len, &limits, &doc, err));
    struct kn_message m = {
        .doc = &doc,
        .batch_context = KN_JSON_NONE,
        .batch_integrations = KN_JSON_NONE,
        .batch_sent_at = KN_JSON_NONE,
        .settings = options->settings,
        .source = options->source,
        .received_us = options->received_us,
        .historic = options->historic,
        .random = random,
    };
    *ret_rejected = kn_message_item(c, &m, items, err);
    *ret_items = *ret_rejected ? 0 : 1;
    return KN_OK;
}
