/* Query texts for people and trees for programs: POST query/parse and query/format. Neither stores
 * anything. */
#include "api/api_internal.h"
#include "segment/query.h"

static bool read_form(struct kn_ctx *ctx, enum kn_query_form *ret)
{
    struct kn_str form = kn_api_text(ctx, 0, "form");
    *ret = kn_str_eq(form, KN_STR("trait")) ? KN_QUERY_TRAIT : KN_QUERY_SEGMENT;
    if (form.len > 0 && *ret == KN_QUERY_SEGMENT && !kn_str_eq(form, KN_STR("segment"))) {
        kn_api_fail_at(ctx, "/form", "form must be segment or trait");
        return false;
    }
    return true;
}

bool kn_api_query(struct kn_ctx *ctx, uint32_t object, enum kn_query_form form,
                  struct kn_query *ret)
{
    struct kn_err err = {.pos = SIZE_MAX};
    uint32_t node = kn_json_find(&ctx->doc, object, KN_STR("query"));
    if (kn_json_type_at(&ctx->doc, node) != KN_JSON_STRING) {
        kn_api_fail_at(ctx, "/query", "query must be a string");
        return false;
    }
    struct kn_str text = kn_json_string(&ctx->doc, node, ctx->request->arena);
    enum kn_rc rc = kn_query_parse(text, form, ctx->request->arena, ret, &err);
    if (rc == KN_E_INVALID || rc == KN_E_LIMIT) {
        kn_api_fail_position(ctx, err.pos, err.text);
    } else if (rc != KN_OK) {
        kn_api_fail_rc(ctx, rc, &err);
    }
    return rc == KN_OK;
}

void kn_post_query_parse(struct kn_ctx *ctx)
{
    enum kn_query_form form;
    struct kn_query query;
    if (!kn_api_body(ctx) || !read_form(ctx, &form) || !kn_api_query(ctx, 0, form, &query)) {
        return;
    }
    struct kn_buf text;
    kn_buf_init(&text, (size_t)4 * KN_QUERY_TEXT_MAX);
    kn_query_format(&query, &text);
    struct kn_buf *out = &ctx->response->body;
    kn_api_json(ctx, 200);
    kn_buf_char(out, '{');
    kn_json_out_kv(out, "query", kn_buf_view(&text));
    kn_json_out_key(out, "tree");
    kn_query_to_json(&query, out);
    kn_buf_char(out, '}');
    kn_buf_deinit(&text);
}

void kn_post_query_format(struct kn_ctx *ctx)
{
    struct kn_err err = {.pos = SIZE_MAX};
    enum kn_query_form form;
    struct kn_query query;
    if (!kn_api_body(ctx) || !read_form(ctx, &form)) {
        return;
    }
    uint32_t tree = kn_json_find(&ctx->doc, 0, KN_STR("tree"));
    if (tree == KN_JSON_NONE) {
        kn_api_fail_at(ctx, "/tree", "tree is missing");
        return;
    }
    enum kn_rc rc = kn_query_from_json(&ctx->doc, tree, form, ctx->request->arena, &query, &err);
    if (rc != KN_OK) {
        if (rc == KN_E_INVALID || rc == KN_E_LIMIT) {
            kn_api_fail_position(ctx, err.pos, err.text);
        } else {
            kn_api_fail_rc(ctx, rc, &err);
        }
        return;
    }
    struct kn_buf text;
    kn_buf_init(&text, (size_t)4 * KN_QUERY_TEXT_MAX);
    kn_query_format(&query, &text);
    kn_api_json(ctx, 200);
    kn_buf_char(&ctx->response->body, '{');
    kn_json_out_kv(&ctx->response->body, "query", kn_buf_view(&text));
    kn_buf_char(&ctx->response->body, '}');
    kn_buf_deinit(&text);
}
