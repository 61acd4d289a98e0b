/* One person as customer service sees and corrects them: traits with their origin, notes,
 * favourites. */
#include "api/reports.h"
#include "apply/favourites.h"
#include "report/liking.h"

enum { NOTE_MAX = 10000, TRAITS_MAX = 100, TRAIT_KEY_MAX = 255, HALF_LIFE_DAYS = 30 };

/* ---- traits ---- */

void kn_get_profile_traits(struct kn_ctx *ctx)
{
    struct kn_profile *p;
    if (!kn_api_profile(ctx, ctx->params[1], &p)) {
        return;
    }
    struct kn_settings *s = kn_workspace_settings(ctx->ws);
    struct kn_buf *out = &ctx->response->body;
    kn_api_json(ctx, 200);
    kn_buf_c(out, "{\"data\":[");
    for (size_t i = 0; i < p->trait_count; i++) {
        const struct kn_profile_trait *t = &p->traits[i];
        if (t->json.len == 0) {
            continue; /* deleted */
        }
        kn_json_out_comma(out);
        kn_buf_char(out, '{');
        kn_json_out_kv(out, "key", t->key);
        kn_json_out_kraw(out, "value", t->json);
        kn_json_out_ktime(out, "at", t->at_us);
        kn_json_out_kv(out, "source", kn_render_source(s, t->source));
        kn_buf_char(out, '}');
    }
    kn_buf_c(out, "],\"next\":null}");
    kn_settings_unref(s);
}

/* Their object, as it came; empty: answered 400. */
static struct kn_str read_traits(struct kn_ctx *ctx)
{
    uint32_t object = kn_json_find(&ctx->doc, 0, KN_STR("traits"));
    size_t count = 0;
    if (kn_json_type_at(&ctx->doc, object) != KN_JSON_OBJECT) {
        kn_api_fail_at(ctx, "/traits", "traits must be an object of the traits to correct");
        return KN_STR_EMPTY;
    }
    for (uint32_t i = object + 1; i < ctx->doc.nodes[object].next; i = ctx->doc.nodes[i].next) {
        struct kn_str key = kn_json_key(&ctx->doc, i, ctx->request->arena);
        if (key.len == 0 || key.len > TRAIT_KEY_MAX) {
            kn_api_fail_at(ctx, "/traits", "a trait's name has 1 to 255 bytes");
            return KN_STR_EMPTY;
        }
        count++;
    }
    if (count == 0 || count > TRAITS_MAX) {
        kn_api_fail_at(ctx, "/traits", "1 to 100 traits can be corrected at once");
        return KN_STR_EMPTY;
    }
    return kn_json_raw(&ctx->doc, object);
}

/* Stages what a person wrote: `text` may be empty beside traits. */
static void stage_note(struct kn_ctx *ctx, const struct kn_profile *p, struct kn_str traits,
                       struct kn_str text)
{
    struct kn_item_id id;
    struct kn_buf body;
    if (!kn_api_name_profile(ctx, p, &id)) {
        return;
    }
    kn_buf_init(&body, 4 << 20);
    kn_buf_char(&body, '{');
    if (text.len > 0) {
        kn_json_out_kv(&body, "text", text);
    }
    if (traits.len > 0) {
        kn_json_out_kraw(&body, "traits", traits);
    }
    kn_json_out_kv(&body, "by", ctx->caller.name);
    kn_buf_char(&body, '}');
    if (body.rc == KN_OK) {
        struct kn_item item = {.kind = KN_ITEM_NOTE,
                               .ids = &id,
                               .id_count = 1,
                               .traits = traits,
                               .body = kn_buf_view(&body)};
        ctx->subject = kn_arena_str(ctx->request->arena, ctx->params[1]);
        kn_api_stage(ctx, &item, 0, kn_api_show_subject);
    } else {
        kn_api_fail_rc(ctx, body.rc, NULL);
    }
    kn_buf_deinit(&body);
}

static bool read_note(struct kn_ctx *ctx, const char *member, const char *pointer, bool required,
                      struct kn_str *ret)
{
    uint32_t node = kn_json_find(&ctx->doc, 0, kn_str_c(member));
    struct kn_str text = KN_STR_EMPTY;
    if (kn_json_type_at(&ctx->doc, node) == KN_JSON_STRING) {
        text = kn_str_trim(kn_json_string(&ctx->doc, node, ctx->request->arena));
    } else if (node != KN_JSON_NONE) {
        kn_api_fail_at(ctx, pointer, "must be a text");
        return false;
    }
    *ret = text;
    if ((required && text.len == 0) || text.len > NOTE_MAX) {
        kn_api_fail_at(ctx, pointer, "must be a text of 1 to 10,000 bytes");
        return false;
    }
    return true;
}

void kn_patch_profile_traits(struct kn_ctx *ctx)
{
    struct kn_profile *p;
    struct kn_str reason;
    if (!kn_api_profile(ctx, ctx->params[1], &p) || !kn_api_body(ctx)) {
        return;
    }
    struct kn_str traits = read_traits(ctx);
    if (traits.len > 0 && read_note(ctx, "reason", "/reason", false, &reason)) {
        stage_note(ctx, p, traits, reason);
    }
}

void kn_post_profile_note(struct kn_ctx *ctx)
{
    struct kn_profile *p;
    struct kn_str text;
    if (kn_api_profile(ctx, ctx->params[1], &p) && kn_api_body(ctx) &&
        read_note(ctx, "text", "/text", true, &text)) {
        stage_note(ctx, p, KN_STR_EMPTY, text);
    }
}

/* ---- favourites ---- */

/* With three decimals. */
static void put_points(struct kn_buf *out, uint64_t points)
{
    uint64_t thousandths = (points * 1000) >> KN_LIKING_UNIT_BITS;
    kn_json_out_key(out, "points");
    kn_buf_printf(out, "%llu.%03llu", (unsigned long long)(thousandths / 1000),
                  (unsigned long long)(thousandths % 1000));
}

static void put_favourites(struct kn_buf *out, const struct kn_profile_favourites *f)
{
    kn_json_out_comma(out);
    kn_buf_char(out, '{');
    kn_json_out_kv(out, "of", f->field);
    kn_json_out_key(out, "values");
    kn_buf_char(out, '[');
    for (uint32_t i = 0; i < f->count; i++) {
        kn_json_out_comma(out);
        kn_buf_char(out, '{');
        kn_report_put_value(out, "value", f->top[i].value);
        put_points(out, f->top[i].points);
        kn_json_out_ki64(out, "events", f->top[i].events);
        kn_buf_char(out, '}');
    }
    kn_buf_c(out, "]}");
}

void kn_get_profile_favourites(struct kn_ctx *ctx)
{
    struct kn_profile *p;
    struct kn_err err = {0};
    struct kn_profile_favourites of[2] = {{.field = KN_STR("brand")},
                                          {.field = KN_STR("category")}};
    int64_t now;
    if (!kn_api_profile(ctx, ctx->params[1], &p)) {
        return;
    }
    enum kn_rc rc =
        kn_read_favourites(ctx->ws, p, HALF_LIFE_DAYS, of, 2, ctx->request->arena, &now, &err);
    if (rc != KN_OK) {
        kn_api_fail_rc(ctx, rc, &err);
        return;
    }
    struct kn_buf *out = &ctx->response->body;
    kn_api_json(ctx, 200);
    kn_buf_c(out, "{\"data\":[");
    for (size_t i = 0; i < 2; i++) {
        put_favourites(out, &of[i]);
    }
    kn_buf_char(out, ']');
    kn_json_out_ki64(out, "half_life_days", HALF_LIFE_DAYS);
    kn_json_out_ktime(out, "now", now);
    kn_buf_c(out, ",\"next\":null}");
}
