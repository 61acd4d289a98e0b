/* Answers: JSON, problems (RFC 9457), and what every request may say (bodies, limits, cursors). */
#include <stdio.h>

#include "api/api_internal.h"
#include "base/assert.h"
#include "base/hash.h"
#include "format/time_text.h"
#include "format/token.h"

/* ---- answers ---- */

void kn_api_problem(struct kn_http_response *response, int status, const char *title,
                    const char *detail)
{
    response->status = status;
    kn_http_set_header(response, "Content-Type", KN_STR("application/problem+json"));
    kn_http_set_header(response, "Cache-Control", KN_STR("no-store"));
    kn_buf_clear(&response->body);
    kn_buf_c(&response->body, "{\"type\":\"about:blank\"");
    kn_json_out_kv(&response->body, "title", kn_str_c(title));
    kn_json_out_ki64(&response->body, "status", status);
    if (detail) {
        kn_json_out_kv(&response->body, "detail", kn_str_c(detail));
    }
    kn_buf_char(&response->body, '}');
}

void kn_api_begin(struct kn_ctx *ctx, int status, struct kn_str type)
{
    ctx->response->status = status;
    kn_http_set_header(ctx->response, "Content-Type", type);
    kn_http_set_header(ctx->response, "Cache-Control", KN_STR("no-store"));
    kn_buf_clear(&ctx->response->body);
}

void kn_api_json(struct kn_ctx *ctx, int status)
{
    kn_api_begin(ctx, status, KN_STR("application/json; charset=utf-8"));
}

static bool is_profile_api(const struct kn_ctx *ctx)
{
    return ctx->route && ctx->route->scope == KN_SCOPE_PROFILE_API;
}

static const char *segment_code(int status)
{
    switch (status) {
    case 401: return "authentication_error";
    case 403: return "forbidden";
    case 404: return "not_found";
    case 429: return "rate_limit_error";
    default: return status < 500 ? "invalid_request_error" : "internal_error";
    }
}

void kn_api_fail(struct kn_ctx *ctx, int status, const char *title, const char *detail)
{
    if (is_profile_api(ctx)) {
        kn_segment_fail(ctx, status, segment_code(status), detail ? detail : title);
        return;
    }
    kn_api_problem(ctx->response, status, title, detail);
}

/* Appends errors:[{key: where, detail}] to the problem that was just written. */
static void put_error(struct kn_ctx *ctx, const char *key, struct kn_str where, size_t position,
                      const char *detail)
{
    struct kn_buf *out = &ctx->response->body;
    if (is_profile_api(ctx) || out->rc != KN_OK) {
        return;
    }
    out->len--; /* the brace that closed it */
    kn_buf_c(out, ",\"errors\":[{");
    if (position != SIZE_MAX) {
        kn_json_out_ki64(out, key, (int64_t)position);
    } else {
        kn_json_out_kv(out, key, where);
    }
    kn_json_out_kv(out, "detail", kn_str_c(detail));
    kn_buf_c(out, "}]}");
}

void kn_api_fail_field(struct kn_ctx *ctx, int status, const char *title, const char *pointer,
                       const char *detail)
{
    kn_api_fail(ctx, status, title, detail);
    put_error(ctx, "pointer", kn_str_c(pointer), SIZE_MAX, detail);
}

void kn_api_fail_at(struct kn_ctx *ctx, const char *pointer, const char *detail)
{
    kn_api_fail_field(ctx, 400, "Bad request", pointer, detail);
}

void kn_api_fail_param(struct kn_ctx *ctx, const char *name, const char *detail)
{
    kn_api_fail(ctx, 400, "Bad request", detail);
    put_error(ctx, "parameter", kn_str_c(name), SIZE_MAX, detail);
}

void kn_api_fail_position(struct kn_ctx *ctx, size_t position, const char *detail)
{
    kn_api_fail(ctx, 400, "Bad request", detail);
    if (position != SIZE_MAX) {
        put_error(ctx, "position", KN_STR_EMPTY, position, detail);
    }
}

void kn_api_fail_element(struct kn_ctx *ctx, const char *list, size_t index, const char *member,
                         const char *detail)
{
    struct kn_buf pointer;
    kn_buf_init(&pointer, 256);
    kn_buf_printf(&pointer, "%s/%zu%s", list, index, member);
    kn_api_fail(ctx, 400, "Bad request", detail);
    put_error(ctx, "pointer", kn_buf_view(&pointer), SIZE_MAX, detail);
    kn_buf_deinit(&pointer);
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

/* JSON is what we read. Many programs say nothing, or what their library says by itself. */
static bool is_json_type(struct kn_str type)
{
    static const char *const fine[] = {"application/json", "text/json", "text/plain",
                                       "application/octet-stream",
                                       "application/x-www-form-urlencoded"};
    struct kn_str name = kn_str_trim(kn_str_split(&type, ';'));
    for (size_t i = 0; i < sizeof fine / sizeof fine[0]; i++) {
        if (kn_str_eq_nocase(name, kn_str_c(fine[i]))) {
            return true;
        }
    }
    return name.len == 0 ||
           (name.len > 5 &&
            kn_str_eq_nocase(kn_str_sub(name, name.len - 5, name.len), KN_STR("+json")));
}

bool kn_api_body(struct kn_ctx *ctx)
{
    static const struct kn_json_limits limits = {32, 200000};
    struct kn_err err = {.pos = SIZE_MAX};
    struct kn_str body = ctx->request->body;
    if (!is_json_type(kn_http_header(ctx->request, "Content-Type"))) {
        kn_api_fail(ctx, 415, "Unsupported media type", "the body must be application/json");
        return false;
    }
    if (body.len == 0) {
        kn_api_fail_at(ctx, "", "the body is empty: a JSON object is expected");
        return false;
    }
    enum kn_rc rc = kn_json_parse(ctx->worker->parser, body.p, body.len, &limits, &ctx->doc, &err);
    if (rc == KN_E_NOMEM) {
        kn_api_fail_rc(ctx, rc, &err);
    } else if (rc != KN_OK) {
        kn_api_fail(ctx, 400, "Bad request", err.text);
        put_error(ctx, err.pos == SIZE_MAX ? "pointer" : "position", KN_STR_EMPTY, err.pos,
                  err.text);
    } else if (kn_json_type_at(&ctx->doc, 0) != KN_JSON_OBJECT) {
        rc = KN_E_INVALID;
        kn_api_fail_at(ctx, "", "the body must be a JSON object");
    }
    return rc == KN_OK;
}

void kn_api_no_content(struct kn_ctx *ctx)
{
    ctx->response->status = 204;
    kn_buf_clear(&ctx->response->body);
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
    if (kn_http_has_param(ctx->request, "limit") &&
        (!kn_str_u64(text, &value) || value < 1 || value > most)) {
        char detail[64];
        (void)snprintf(detail, sizeof detail, "limit must be a whole number from 1 to %zu", most);
        kn_api_fail_param(ctx, "limit", detail);
        return false;
    }
    *ret = (size_t)value;
    return true;
}

bool kn_api_time_param(struct kn_ctx *ctx, const char *name, int64_t *ret)
{
    struct kn_str text = kn_http_param(ctx->request, name);
    if (kn_http_has_param(ctx->request, name) && !kn_time_parse(text, ret)) {
        kn_api_fail_param(ctx, name, "must be an ISO 8601 time (a + in a URL is written %2B)");
        return false;
    }
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

/* ---- cursors ---- */

/* What a cursor belongs to: the path and every parameter but those of paging. */
static uint32_t cursor_check(const struct kn_http_request *r, struct kn_str values)
{
    static const char *const paging[] = {"cursor", "limit", "after", NULL};
    uint32_t crc = kn_crc32c(kn_crc32c(0, values), r->path);
    for (size_t i = 0; i < r->param_count; i++) {
        bool skip = false;
        for (size_t k = 0; paging[k]; k++) {
            skip = skip || kn_str_eq(r->params[i].name, kn_str_c(paging[k]));
        }
        if (!skip) {
            crc = kn_crc32c(kn_crc32c(crc, r->params[i].name), KN_STR("="));
            crc = kn_crc32c(kn_crc32c(crc, r->params[i].value), KN_STR("&"));
        }
    }
    return crc;
}

bool kn_api_read_cursor(struct kn_ctx *ctx, uint64_t values[2], bool *ret_given)
{
    struct kn_str text = kn_http_param(ctx->request, "cursor");
    struct kn_str bytes;
    *ret_given = text.len > 0;
    if (text.len == 0) {
        return true;
    }
    bool good = kn_base64_decode(text, ctx->request->arena, &bytes) && bytes.len == 20;
    if (good) {
        struct kn_cursor c = kn_cursor(bytes);
        values[0] = kn_take_le64(&c);
        values[1] = kn_take_le64(&c);
        good = kn_take_le32(&c) == cursor_check(ctx->request, kn_str_sub(bytes, 0, 16));
    }
    if (!good) {
        kn_api_fail_param(ctx, "cursor", "cursor is not one that was given out for this request");
    }
    return good;
}

struct kn_str kn_api_cursor(struct kn_ctx *ctx, uint64_t a, uint64_t b)
{
    struct kn_buf bytes;
    struct kn_buf text;
    kn_buf_init(&bytes, 20);
    kn_buf_init(&text, 64);
    kn_buf_le64(&bytes, a);
    kn_buf_le64(&bytes, b);
    kn_buf_le32(&bytes, cursor_check(ctx->request, kn_buf_view(&bytes)));
    kn_base64url_encode(kn_buf_view(&bytes), &text);
    struct kn_str cursor = kn_arena_str(ctx->request->arena, kn_buf_view(&text));
    kn_buf_deinit(&text);
    kn_buf_deinit(&bytes);
    return cursor;
}

void kn_api_put_next(struct kn_ctx *ctx, bool more, uint64_t a, uint64_t b)
{
    struct kn_buf *out = &ctx->response->body;
    if (more) {
        kn_json_out_kv(out, "next", kn_api_cursor(ctx, a, b));
        kn_buf_char(out, '}');
    } else {
        kn_buf_c(out, ",\"next\":null}");
    }
}
