/* Any bytes as the body of any collect request, in any encoding, as the server hands them over.
 * Every request is answered in a shape SDKs know; of an accepted one every message is an item or a
 * reject; what is staged decodes, holds good JSON and stays within bounds.
 *
 * The first byte picks the route, the second the encoding and where the key is; the rest is the
 * body (or the query, where there is no body). The workspace is a stand-in that keeps what was
 * staged. */
#include <stdint.h>
#include <stdio.h>

#include "apply/fold.h"
#include "base/assert.h"
#include "base/mem.h"
#include "base/rand.h"
#include "collect/collect.h"
#include "format/inflate.h"
#include "format/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { NOW_S = 1795448721, ITEM_MAX = 4 * KN_COLLECT_EVENT_MAX + 65536 };

struct kn_workspace { /* the stand-in */
    struct kn_buf items;
    uint32_t item_count;
    struct kn_settings *settings;
};

enum kn_rc kn_workspace_stage(struct kn_workspace *ws, struct kn_str items, uint32_t item_count,
                              uint32_t frame_flags, uint64_t *ret_seq, bool *ret_disk_full,
                              struct kn_err *err)
{
    (void)err;
    kn_assert(ws->item_count == 0 && item_count > 0 && frame_flags == 0);
    kn_buf_str(&ws->items, items);
    ws->item_count = item_count;
    *ret_disk_full = false;
    *ret_seq = 5;
    return KN_OK;
}

void kn_workspace_position(struct kn_workspace *ws, struct kn_position *ret)
{
    (void)ws;
    *ret = (struct kn_position){.epoch = 1, .staged = 5, .durable = 4};
}

bool kn_workspace_ready(struct kn_workspace *ws)
{
    (void)ws;
    return true;
}

/* What lives from input to input, as in a server: a parser that has seen worse must read on. */
static struct {
    struct kn_hash_key key;
    struct kn_settings *settings;
    struct kn_collect *collect;
} kept;

/* ---- the request ---- */

static const struct {
    const char *method, *path;
    bool batch, jitsu, pixel;
} routes[] = {
    {"POST", "/v1/batch", true, false, false},
    {"POST", "/v1/import", true, false, false},
    {"POST", "/v1/track", false, false, false},
    {"POST", "/v1/identify", false, false, false},
    {"POST", "/v1/page", false, false, false},
    {"POST", "/v1/screen", false, false, false},
    {"POST", "/v1/group", false, false, false},
    {"POST", "/v1/alias", false, false, false},
    {"POST", "/v1/t", false, false, false},
    {"POST", "/beacon/v1/batch", true, false, false},
    {"POST", "/api/s/event", false, true, false},
    {"POST", "/api/s/s2s/batch", true, true, false},
    {"POST", "/api/s/s2s/track", false, true, false},
    {"POST", "/api/s/page", false, true, false},
    {"GET", "/v1/pixel/track", false, false, true},
    {"GET", "/pixel/v1/page", false, false, true},
    {"GET", "/api/px/track", false, true, true},
};
enum { ROUTES = sizeof routes / sizeof routes[0] };

static void fill(void *self, void *to, size_t len)
{
    struct kn_rand *r = self;
    for (size_t i = 0; i < len; i++) {
        ((unsigned char *)to)[i] = (unsigned char)kn_rand_u64(r);
    }
}

static enum kn_rc find(void *context, struct kn_str key, struct kn_collect_target *ret)
{
    struct kn_workspace *ws = context;
    const struct kn_source *source = kn_settings_source_by_key(ws->settings, key);
    if (!source) {
        return KN_E_NOT_FOUND;
    }
    *ret = (struct kn_collect_target){ws, kn_settings_ref(ws->settings), source};
    return KN_OK;
}

static struct kn_settings *settings(const struct kn_hash_key *key)
{
    char keys[2][16] = {"workspace", "source/a"};
    char docs[2][120] = {"{\"name\":\"fuzz\",\"currency\":\"EUR\"}",
                         "{\"number\":1,\"name\":\"A\",\"kind\":\"web\",\"write_keys\":[\"KEY\"]}"};
    struct kn_setting_doc list[2] = {{keys[0], docs[0]}, {keys[1], docs[1]}};
    struct kn_settings *s = NULL;
    kn_assert(kn_settings_build(list, 2, 1, key, NULL, &s, NULL) == KN_OK);
    return s;
}

/* ---- the answer ---- */

/* Number of messages of a body that is a JSON object; SIZE_MAX: it is none, or has no batch. */
static size_t messages(struct kn_str body, bool batch)
{
    static const struct kn_json_limits limits = {64, 1U << 20};
    struct kn_json_parser *parser = kn_json_parser_new();
    struct kn_json doc;
    size_t count = SIZE_MAX;
    kn_assert(parser);
    if (kn_json_parse(parser, body.p, body.len, &limits, &doc, NULL) == KN_OK &&
        kn_json_type_at(&doc, 0) == KN_JSON_OBJECT) {
        uint32_t list = kn_json_find(&doc, 0, KN_STR("batch"));
        count = batch ? SIZE_MAX : 1;
        if (batch && kn_json_type_at(&doc, list) == KN_JSON_ARRAY) {
            count = 0;
            for (uint32_t i = list + 1; i < doc.nodes[list].next; i = doc.nodes[i].next) {
                count++;
            }
        }
    }
    kn_json_parser_free(parser);
    return count;
}

static void check_object(struct kn_json_parser *parser, struct kn_str text)
{
    static const struct kn_json_limits limits = {80, 1U << 20};
    struct kn_json doc;
    char *padded = kn_must_calloc(1, text.len + KN_JSON_PADDING);
    memcpy(padded, text.p, text.len);
    kn_assert(kn_json_parse(parser, padded, text.len, &limits, &doc, NULL) == KN_OK);
    kn_assert(kn_json_type_at(&doc, 0) == KN_JSON_OBJECT);
    kn_free(padded);
}

static void check_items(const struct kn_workspace *ws, const struct kn_hash_key *key,
                        const struct kn_collect_result *result)
{
    struct kn_cursor c = kn_cursor(kn_buf_view(&ws->items));
    struct kn_json_parser *parser = kn_json_parser_new();
    struct kn_arena arena;
    uint32_t events = 0;
    uint32_t rejects = 0;
    kn_assert(parser);
    kn_arena_init(&arena, 64 << 20);
    for (uint32_t i = 0; i < ws->item_count; i++) {
        struct kn_item item;
        const unsigned char *begin = c.p;
        kn_assert(kn_item_decode(&c, key, &arena, &item, NULL) == KN_OK);
        kn_assert(c.p - begin <= ITEM_MAX && item.source == 1);
        kn_assert(item.kind == KN_ITEM_EVENT || item.kind == KN_ITEM_REJECT);
        events += item.kind == KN_ITEM_EVENT;
        rejects += item.kind == KN_ITEM_REJECT;
        check_object(parser, item.body);
        if (item.traits.len > 0) {
            check_object(parser, item.traits);
        }
        kn_assert(item.kind == KN_ITEM_REJECT || (item.id_count > 0 && item.message_id.len > 0));
        kn_arena_clear(&arena);
    }
    kn_assert(c.p == c.end && events == result->accepted);
    kn_assert(rejects <= result->rejected && (rejects > 0) == (result->rejected > 0));
    kn_arena_deinit(&arena);
    kn_json_parser_free(parser);
}

static void check_answer(const struct kn_http_response *r, size_t route)
{
    struct kn_json_parser *parser = kn_json_parser_new();
    struct kn_str body = kn_buf_view(&r->body);
    kn_assert(parser && r->body.rc == KN_OK);
    if (routes[route].pixel) {
        kn_assert(r->status == 200 && kn_str_starts(body, KN_STR("GIF89a")));
    } else if (r->status == 200) {
        kn_assert(kn_str_eq(body, routes[route].jitsu ? KN_STR("{\"ok\":true}")
                                                      : KN_STR("{\"success\":true}")));
    } else {
        kn_assert(r->status == 400 || r->status == 401 || r->status == 413 || r->status == 415);
        check_object(parser, body);
        kn_assert(kn_str_find(body, KN_STR("\"code\":")) != SIZE_MAX &&
                  kn_str_find(body, KN_STR("\"message\":")) != SIZE_MAX);
    }
    kn_json_parser_free(parser);
}

/* ---- one exchange ---- */

struct exchange {
    struct kn_arena arena;
    struct kn_buf body;
    struct kn_http_pair headers[3];
    struct kn_http_pair *params;
    struct kn_http_request request;
    struct kn_http_response response;
};

/* The body as the server decodes it; false: refused. */
static bool decode(struct exchange *x, struct kn_str raw, unsigned how)
{
    struct kn_str packed = raw;
    struct kn_buf deflated;
    struct kn_err err = {0};
    kn_buf_init(&deflated, 1 << 24);
    if (how == 1) {
        kn_assert(kn_deflate(raw, &deflated, &err) == KN_OK);
        packed = kn_buf_view(&deflated);
    }
    bool inflate = (how == 1 || how == 2 || kn_is_gzip(packed)) && packed.len > 0;
    enum kn_rc rc = KN_OK;
    if (inflate) {
        x->body.bytes_max = KN_COLLECT_BODY_MAX;
        rc = kn_inflate(packed, &x->body, &err);
        x->body.bytes_max = KN_COLLECT_BODY_MAX + KN_JSON_PADDING;
    } else {
        kn_buf_str(&x->body, packed);
    }
    kn_buf_deinit(&deflated);
    if (rc != KN_OK) {
        kn_collect_refuse(&x->request, &x->response, rc == KN_E_LIMIT ? 413 : 400,
                          rc == KN_E_LIMIT ? "too_large" : "invalid_encoding", err.text);
        return false;
    }
    char *padding = kn_buf_reserve(&x->body, KN_JSON_PADDING);
    kn_assert(padding);
    memset(padding, 0, KN_JSON_PADDING);
    x->request.body = kn_buf_view(&x->body);
    return true;
}

static void run(struct exchange *x, struct kn_workspace *ws, size_t route)
{
    struct kn_rand rand = kn_rand_seed(1);
    struct kn_collect_env env = {.find = find, .context = ws, .random = {fill, &rand}};
    struct kn_collect_result result;
    kn_assert(kn_collect_is_route(x->request.method, x->request.path));
    kn_collect_handle(kept.collect, &env, &x->request, NOW_S * INT64_C(1000000), &x->response,
                      &result);
    kn_assert(result.outcome == (ws->item_count > 0 ? KN_COLLECT_WAIT : KN_COLLECT_DONE));
    check_items(ws, &kept.key, &result);
    if (x->response.status == 200 && !routes[route].pixel) {
        kn_assert(messages(x->request.body, routes[route].batch) ==
                  (size_t)result.accepted + result.rejected);
    } else {
        kn_assert(result.accepted == 0 || routes[route].pixel);
        kn_assert(result.accepted + result.rejected <= 1);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2) {
        return 0;
    }
    if (!kept.collect) {
        kept.key = kn_hash_key_from(KN_STR("fuzz"));
        kept.settings = settings(&kept.key);
        kept.collect = kn_collect_new();
        kn_assert(kept.collect);
    }
    size_t route = data[0] % ROUTES;
    struct kn_str raw = kn_str(data + 2, size - 2);
    struct kn_workspace ws = {.settings = kept.settings};
    struct exchange x = {.headers = {{KN_STR("Authorization"), KN_STR("Basic S0VZOg==")},
                                     {KN_STR("User-Agent"), KN_STR("Mozilla/5.0 (X11; Linux)")}}};
    kn_buf_init(&ws.items, KN_LOG_BODY_MAX);
    kn_arena_init(&x.arena, 64 << 20);
    kn_buf_init(&x.body, KN_COLLECT_BODY_MAX + KN_JSON_PADDING);
    kn_http_response_init(&x.response, 1 << 20);
    bool keyed = data[1] & 4 || routes[route].pixel; /* else the key is in the body, if anywhere */
    x.request = (struct kn_http_request){
        .method = kn_str_c(routes[route].method),
        .path = kn_str_c(routes[route].path),
        .query = routes[route].pixel ? raw : KN_STR_EMPTY,
        .headers = x.headers + (keyed ? 0 : 1),
        .header_count = keyed ? 2 : 1,
        .peer_ip = data[1] & 8 ? KN_STR("203.0.113.77") : KN_STR("2001:db8::77"),
        .arena = &x.arena,
    };
    bool fits =
        kn_http_parse_query(x.request.query, 256, &x.arena, &x.params, &x.request.param_count);
    x.request.params = x.params;
    if (fits && decode(&x, routes[route].pixel ? KN_STR_EMPTY : raw, data[1] & 3)) {
        run(&x, &ws, route);
    }
    if (fits) {
        check_answer(&x.response, route);
    }
    kn_http_response_deinit(&x.response);
    kn_buf_deinit(&x.body);
    kn_arena_deinit(&x.arena);
    kn_buf_deinit(&ws.items);
    return 0;
}
