/* Erasing people, and the receipts. */
#include "api/api_internal.h"
#include "apply/erasing.h"
#include "format/token.h"

static void not_found(struct kn_ctx *ctx, enum kn_rc rc, const char *what)
{
    struct kn_err err = {0};
    (void)kn_fail(&err, rc, "%s", rc == KN_E_NOT_FOUND ? what : kn_rc_name(rc));
    kn_api_fail_rc(ctx, rc, &err);
}

/* ---- rendering ---- */

/* The store that is being worked on; KN_ERASE_STORES: none in particular. */
static enum kn_erase_store store_of(enum kn_erasing_stage stage)
{
    switch (stage) {
    case KN_ERASING_ARCHIVE: return KN_ERASE_ARCHIVE;
    case KN_ERASING_COLUMNS: return KN_ERASE_COLUMNS;
    case KN_ERASING_LOG: return KN_ERASE_LOG;
    case KN_ERASING_STATE: return KN_ERASE_STATE;
    case KN_ERASING_IDLE:
    case KN_ERASING_SETTLE:
    case KN_ERASING_RECEIPT: break;
    }
    return KN_ERASE_STORES;
}

static void put_id(struct kn_buf *out, const char *key, struct kn_h128 id)
{
    char text[27];
    kn_profile_id_text(id, text);
    kn_json_out_kv(out, key, kn_str_c(text));
}

static void put_store(struct kn_buf *out, const struct kn_erasure *e, enum kn_erase_store store,
                      enum kn_erase_store working)
{
    int64_t done_us = e->done_us[store];
    kn_json_out_comma(out);
    kn_buf_char(out, '{');
    kn_json_out_kv(out, "store", kn_str_c(kn_erase_store_name(store)));
    kn_json_out_kv(out, "state",
                   done_us != 0       ? KN_STR("erased")
                   : store == working ? KN_STR("erasing")
                                      : KN_STR("waiting"));
    if (done_us != 0) {
        kn_json_out_ktime(out, "erased_at", done_us);
    }
    kn_buf_char(out, '}');
}

static void put_erasure(struct kn_buf *out, const struct kn_erasure *e, enum kn_erasing_stage stage)
{
    bool done = kn_erasure_is_done(e);
    kn_buf_char(out, '{');
    put_id(out, "id", e->id);
    kn_json_out_kv(out, "state",
                   done                       ? KN_STR("done")
                   : stage == KN_ERASING_IDLE ? KN_STR("hidden")
                                              : KN_STR("erasing"));
    put_id(out, "profile", e->profile);
    kn_json_out_ktime(out, "requested_at", e->requested_us);
    kn_json_out_ktime(out, "deadline", e->deadline_us);
    if (done) {
        kn_json_out_ktime(out, "done_at", e->done_us[KN_ERASE_STATE]);
    }
    kn_json_out_ki64(out, "identifiers", (int64_t)e->identifiers);
    kn_json_out_ki64(out, "events", (int64_t)e->events);
    kn_json_out_key(out, "stores");
    kn_buf_char(out, '[');
    for (unsigned i = 0; i < KN_ERASE_STORES; i++) {
        put_store(out, e, (enum kn_erase_store)i, store_of(stage));
    }
    /* What is no value of the person: see docs/privacy.md. */
    kn_buf_c(out, "],\"kept\":[\"identifier_hashes\",\"message_hashes\",\"masked_rejects\"]}");
}

static void show(struct kn_ctx *ctx, struct kn_str id, int status)
{
    struct kn_erasure e;
    enum kn_erasing_stage stage;
    enum kn_rc rc = kn_read_erasure(ctx->ws, id, ctx->request->arena, &e, &stage);
    if (rc != KN_OK) {
        not_found(ctx, rc, "there is no such erasure");
        return;
    }
    kn_api_json(ctx, status);
    put_erasure(&ctx->response->body, &e, stage);
}

/* ---- asking for one ---- */

static void show_subject(struct kn_ctx *ctx)
{
    show(ctx, ctx->subject, 202);
}

/* The record holds random ids and a time, never a value of the person. */
static void erase(struct kn_ctx *ctx, const struct kn_profile *p)
{
    char profile[27];
    char id[KN_BASE32_LEN + 1];
    unsigned char random[16];
    struct kn_buf body;
    kn_random_fill(ctx->api->env.random, random, sizeof random);
    kn_base32_encode(random, id);
    kn_profile_id_text(p->id, profile);
    kn_buf_init(&body, 1024);
    kn_buf_char(&body, '{');
    kn_json_out_kv(&body, "profile", kn_str_c(profile));
    kn_json_out_ki64(&body, "within_us", KN_ERASE_WITHIN_US);
    kn_buf_char(&body, '}');
    struct kn_item item = {.kind = KN_ITEM_ERASE, .body = kn_buf_view(&body)};
    item.name = ctx->subject = kn_arena_str(ctx->request->arena, kn_str_c(id));
    if (body.rc != KN_OK || !item.name.p) {
        kn_api_fail_rc(ctx, KN_E_NOMEM, NULL);
    } else {
        kn_api_stage(ctx, &item, 0, show_subject);
    }
    kn_buf_deinit(&body);
}

void kn_delete_profile(struct kn_ctx *ctx)
{
    struct kn_profile *p = NULL;
    enum kn_rc rc = kn_read_profile_by_id(ctx->ws, ctx->params[1], ctx->request->arena, &p);
    if (rc == KN_OK) {
        erase(ctx, p);
    } else {
        not_found(ctx, rc, "there is no such profile");
    }
}

void kn_post_erasure(struct kn_ctx *ctx)
{
    struct kn_profile *p = NULL;
    if (!kn_api_body(ctx)) {
        return;
    }
    uint32_t node = kn_json_find(&ctx->doc, 0, KN_STR("identifier"));
    if (kn_json_type_at(&ctx->doc, node) != KN_JSON_OBJECT) {
        kn_api_fail_at(ctx, "/identifier", "identifier must be an object {type, value}");
        return;
    }
    struct kn_str type = kn_api_text(ctx, node, "type");
    struct kn_str value = kn_api_text(ctx, node, "value");
    if (type.len == 0 || kn_id_type_is_reserved(type)) {
        kn_api_fail_at(ctx, "/identifier/type", "type must be an identifier type, such as email");
        return;
    }
    if (kn_str_trim(value).len == 0) {
        kn_api_fail_at(ctx, "/identifier/value", "value must be a string that is not empty");
        return;
    }
    enum kn_rc rc = kn_read_profile_by_identifier(ctx->ws, type, value, ctx->request->arena, &p);
    if (rc == KN_OK) {
        erase(ctx, p);
    } else {
        not_found(ctx, rc, "there is no profile with this identifier");
    }
}

/* ---- reading ---- */

void kn_get_erasure(struct kn_ctx *ctx)
{
    show(ctx, ctx->params[1], 200);
}

void kn_get_erasures(struct kn_ctx *ctx)
{
    struct kn_erasure *all;
    size_t count;
    uint64_t done;
    if (kn_read_erasures(ctx->ws, ctx->request->arena, &all, &count, &done) != KN_OK) {
        kn_api_fail_rc(ctx, KN_E_NOMEM, NULL);
        return;
    }
    struct kn_buf *out = &ctx->response->body;
    kn_api_json(ctx, 200);
    kn_buf_c(out, "{\"data\":[");
    for (size_t i = 0; i < count; i++) {
        kn_json_out_comma(out);
        put_erasure(out, &all[i], KN_ERASING_IDLE);
    }
    kn_buf_char(out, ']');
    kn_json_out_ki64(out, "done", (int64_t)done);
    kn_buf_char(out, '}');
}
