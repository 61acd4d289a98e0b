/* Serves the UI: its files, and its page for every address that a person may have a bookmark of. */
#include "api/web.h"

#include "api/api_internal.h"
#include "format/inflate.h"

static const struct kn_web_file *find(struct kn_str path)
{
    for (size_t i = 0; i < kn_web_file_count; i++) {
        if (kn_str_eq(path, kn_str_c(kn_web_files[i].path))) {
            return &kn_web_files[i];
        }
    }
    return NULL;
}

/* Addresses of pages have no dot; those of programs begin with what programs use. */
static bool is_page(const struct kn_http_request *r)
{
    static const char *const others[] = {"/api/", "/v1/", "/assets/", "/metrics"};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        if (kn_str_starts(r->path, kn_str_c(others[i]))) {
            return false;
        }
    }
    return kn_str_find(r->path, KN_STR(".")) == SIZE_MAX &&
           kn_str_find(kn_http_header(r, "Accept"), KN_STR("text/html")) != SIZE_MAX;
}

/* Mantine writes its variables into a style element of its own: the nonce lets it. */
static void put_page(struct kn_ctx *ctx, const struct kn_web_file *file)
{
    struct kn_str text = kn_str(file->bytes, file->len);
    struct kn_str mark = KN_STR("__NONCE__");
    struct kn_str nonce = kn_api_random_text(ctx, 24);
    struct kn_buf policy;
    kn_buf_init(&policy, 1024);
    kn_buf_c(&policy, "default-src 'none'; script-src 'self'; style-src 'self' 'nonce-");
    kn_buf_str(&policy, nonce);
    kn_buf_c(&policy, "'; img-src 'self' data:; font-src 'self'; connect-src 'self'; "
                      "base-uri 'none'; form-action 'self'; frame-ancestors 'none'");
    kn_api_begin(ctx, 200, kn_str_c(file->type));
    kn_http_set_header(ctx->response, "Content-Security-Policy",
                       kn_arena_str(ctx->request->arena, kn_buf_view(&policy)));
    kn_http_set_header(ctx->response, "Cross-Origin-Opener-Policy", KN_STR("same-origin"));
    kn_buf_deinit(&policy);
    size_t at = kn_str_find(text, mark);
    if (at == SIZE_MAX) {
        kn_buf_str(&ctx->response->body, text);
        return;
    }
    kn_buf_str(&ctx->response->body, kn_str_sub(text, 0, at));
    kn_buf_str(&ctx->response->body, nonce);
    kn_buf_str(&ctx->response->body, kn_str_sub(text, at + mark.len, text.len));
}

static void put_file(struct kn_ctx *ctx, const struct kn_web_file *file)
{
    struct kn_str bytes = kn_str(file->bytes, file->len);
    bool takes_gzip =
        kn_str_find(kn_http_header(ctx->request, "Accept-Encoding"), KN_STR("gzip")) != SIZE_MAX;
    kn_api_begin(ctx, 200, kn_str_c(file->type));
    kn_http_set_header(ctx->response, "Cache-Control",
                       file->is_constant ? KN_STR("public, max-age=31536000, immutable")
                                         : KN_STR("no-cache"));
    if (!file->packed) {
        kn_buf_str(&ctx->response->body, bytes);
        return;
    }
    kn_http_set_header(ctx->response, "Vary", KN_STR("Accept-Encoding"));
    if (takes_gzip) {
        kn_http_set_header(ctx->response, "Content-Encoding", KN_STR("gzip"));
        kn_buf_str(&ctx->response->body, bytes);
        return;
    }
    struct kn_err err = {0};
    enum kn_rc rc = kn_inflate(bytes, &ctx->response->body, &err);
    if (rc != KN_OK) {
        kn_api_fail_rc(ctx, rc, &err);
    }
}

bool kn_api_web(struct kn_ctx *ctx)
{
    const struct kn_http_request *r = ctx->request;
    if (!kn_str_eq(r->method, KN_STR("GET")) && !kn_str_eq(r->method, KN_STR("HEAD"))) {
        return false;
    }
    const struct kn_web_file *file = find(r->path);
    if (file) {
        put_file(ctx, file);
        return true;
    }
    file = kn_str_eq(r->path, KN_STR("/")) || is_page(r) ? find(KN_STR("/index.html")) : NULL;
    if (file) {
        put_page(ctx, file);
    }
    return file != NULL;
}
