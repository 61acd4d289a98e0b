/* One request to the collect door and its answer. The workspace is a stand-in that keeps what was
 * staged. */
#ifndef KN_TESTS_COLLECT_EXCHANGE_H
#define KN_TESTS_COLLECT_EXCHANGE_H

#include "kit.h"

#include "format/token.h"

/* ---- the workspace collect talks to ---- */

static struct {
    struct kn_buf items;
    uint32_t item_count;
    uint64_t seq;
    bool ready, disk_full;
    enum kn_rc rc;
} ws;

enum kn_rc kn_workspace_stage(struct kn_workspace *w, struct kn_str items, uint32_t item_count,
                              uint32_t frame_flags, uint64_t *ret_seq, bool *ret_disk_full,
                              struct kn_err *err)
{
    (void)w;
    *ret_disk_full = ws.disk_full;
    if (ws.rc != KN_OK) {
        return kn_fail(err, ws.rc, "no");
    }
    assert_int_equal(frame_flags, 0);
    kn_buf_clear(&ws.items);
    kn_buf_str(&ws.items, items);
    assert_int_equal(ws.items.rc, KN_OK);
    ws.item_count = item_count;
    *ret_seq = ++ws.seq;
    return KN_OK;
}

void kn_workspace_position(struct kn_workspace *w, struct kn_position *ret)
{
    (void)w;
    *ret = (struct kn_position){.epoch = 3, .staged = ws.seq, .durable = ws.seq};
}

bool kn_workspace_ready(struct kn_workspace *w)
{
    (void)w;
    return ws.ready;
}

/* ---- one exchange ---- */

static struct kn_settings *settings;
static struct kn_collect *collect;
static struct kn_rand generator;
static struct kn_arena arena;
static struct kn_http_response response;
static struct kn_collect_result result;
static struct kn_collect_env env;

static inline enum kn_rc find_key(void *context, struct kn_str key, struct kn_collect_target *ret)
{
    const struct kn_source *source = kn_settings_source_by_key(settings, key);
    if (!source) {
        return KN_E_NOT_FOUND;
    }
    *ret = (struct kn_collect_target){context, kn_settings_ref(settings), source};
    return KN_OK;
}

enum { HEADERS_MAX = 8 };

/* "Name: value" lines. */
static inline size_t headers_of(const char *lines, struct kn_http_pair *to)
{
    struct kn_str rest = kn_str_c(lines);
    size_t count = 0;
    while (rest.len > 0) {
        struct kn_str value = kn_str_split(&rest, '\n');
        struct kn_str name = kn_str_split(&value, ':');
        assert_true(count < HEADERS_MAX);
        to[count++] = (struct kn_http_pair){name, kn_str_trim(value)};
    }
    return count;
}

/* "POST /v1/t?writeKey=K" with headers and body; the response and result are left in the globals.
 */
static inline void exchange(const char *line, const char *headers, struct kn_str body)
{
    struct kn_http_pair pairs[HEADERS_MAX];
    struct kn_http_pair *params;
    struct kn_str target = kn_str_c(line);
    struct kn_str method = kn_str_split(&target, ' ');
    struct kn_str path = kn_str_split(&target, '?');
    struct kn_str padded = kit_padded(body);
    kn_arena_clear(&arena);
    kn_buf_clear(&ws.items);
    ws.item_count = 0;
    response.status = 0;
    response.header_count = 0;
    kn_buf_clear(&response.body);
    struct kn_http_request request = {
        .method = method,
        .path = kn_http_clean_path(path, &arena),
        .query = target,
        .headers = pairs,
        .header_count = headers_of(headers, pairs),
        .body = padded,
        .peer_ip = KN_STR("203.0.113.77"),
        .arena = &arena,
    };
    assert_true(kn_http_parse_query(target, 64, &arena, &params, &request.param_count));
    request.params = params;
    kn_collect_handle(collect, &env, &request, NOW, &response, &result);
    /* What the answer shows must not borrow from the request's headers and body alone: copies. */
    for (size_t i = 0; i < response.header_count; i++) {
        response.headers[i].value = kn_arena_str(&arena, response.headers[i].value);
    }
    kit_free(padded);
}

static inline void post(const char *path, const char *headers, const char *body)
{
    char line[256];
    (void)snprintf(line, sizeof line, "POST %s", path);
    exchange(line, headers, kn_str_c(body));
}

static inline struct kn_str answer_header(const char *name)
{
    for (size_t i = 0; i < response.header_count; i++) {
        if (kn_str_eq(response.headers[i].name, kn_str_c(name))) {
            return response.headers[i].value;
        }
    }
    return KN_STR_EMPTY;
}

static inline void assert_text(struct kn_str got, const char *expected)
{
    if (!kn_str_eq(got, kn_str_c(expected))) {
        print_message("got: %.*s\n", KN_STR_ARG(got));
    }
    assert_true(kn_str_eq(got, kn_str_c(expected)));
}

static inline void assert_answer(int status, const char *body)
{
    assert_text(kn_buf_view(&response.body), body);
    assert_int_equal(response.status, status);
    assert_text(answer_header("Content-Type"), "application/json");
}

/* The staged items as facts, one a line; rejects as "reject reason". */
static inline const char *staged(struct kn_buf *text)
{
    struct kn_arena scratch;
    struct kn_cursor in = kn_cursor(kn_buf_view(&ws.items));
    uint32_t count = 0;
    kn_buf_clear(text);
    kn_arena_init(&scratch, 64 << 20);
    while (ws.items.len > 0 && in.p != in.end) {
        struct kn_item item;
        assert_int_equal(kn_item_decode(&in, &settings->key, &scratch, &item, NULL), KN_OK);
        if (item.kind == KN_ITEM_REJECT) {
            kn_buf_printf(text, "reject %.*s %.*s\n", KN_STR_ARG(item.name), KN_STR_ARG(item.body));
        } else {
            kit_facts(&item, text);
            kn_buf_printf(text, " %.*s\n", KN_STR_ARG(item.body));
        }
        count++;
    }
    assert_int_equal(count, ws.item_count);
    kn_arena_deinit(&scratch);
    kn_buf_char(text, '\0');
    assert_int_equal(text->rc, KN_OK);
    return text->p;
}

#define PAGE "{\"type\":\"page\",\"anonymousId\":\"a\"}"
#define BATCH "{\"batch\":[" PAGE "]}"
#define KEY "Authorization: Basic V0tCOg=="

static inline void set_up(void)
{
    generator = kn_rand_seed(1);
    settings = kit_settings();
    collect = kn_collect_new();
    kn_arena_init(&arena, 64 << 20);
    kn_buf_init(&ws.items, 64 << 20);
    ws.ready = true;
    kn_http_response_init(&response, 1 << 20);
    env =
        (struct kn_collect_env){.find = find_key, .context = &ws, .random = kit_random(&generator)};
}

static inline int tear_down(int failed)
{
    kn_http_response_deinit(&response);
    kn_buf_deinit(&ws.items);
    kn_arena_deinit(&arena);
    kn_collect_free(collect);
    kn_settings_unref(settings);
    return failed;
}

/* Runs a group against a fresh collect door. */
#define RUN_GROUP(tests) (set_up(), tear_down(cmocka_run_group_tests(tests, NULL, NULL)))

#endif
