/* What a source sent last, as it came in: for a person who watches it (apply/recent.h). */
#include "api/api_internal.h"
#include "apply/recent.h"

static void put_arrival(struct kn_ctx *ctx, const struct kn_settings *s, const struct kn_arrival *a)
{
    static const char *const words[] = {"", "accepted", "duplicate", "refused"};
    struct kn_buf *out = &ctx->response->body;
    kn_json_out_comma(out);
    kn_buf_char(out, '{');
    kn_json_out_kv(out, "outcome", kn_str_c(words[a->outcome]));
    kn_json_out_key(out, "number");
    kn_buf_printf(out, "\"%llu\"", (unsigned long long)a->arrival);
    if (a->too_large) {
        kn_json_out_kbool(out, "too_large", true);
    } else if (a->outcome == KN_ARRIVAL_REFUSED) {
        kn_json_out_ktime(out, "at", a->item.received_us);
        kn_json_out_kraw(out, "refusal", a->item.body);
    } else {
        kn_json_out_ktime(out, "at", a->item.received_us);
        kn_json_out_key(out, "event");
        kn_render_event(out, s, &a->item, ctx->request->arena);
    }
    kn_buf_char(out, '}');
}

/* ?since= is the number of the newest one seen: those that came after it. */
void kn_get_arrivals(struct kn_ctx *ctx)
{
    struct kn_arrival *list;
    size_t limit;
    size_t count;
    uint64_t since = 0;
    if (!kn_api_limit(ctx, KN_RECENT_ITEMS, KN_API_LIMIT_MAX, &limit)) {
        return;
    }
    if (kn_http_has_param(ctx->request, "since") &&
        !kn_str_u64(kn_http_param(ctx->request, "since"), &since)) {
        kn_api_fail_param(ctx, "since", "since must be the number of an arrival");
        return;
    }
    struct kn_settings *s = kn_workspace_settings(ctx->ws);
    const struct kn_source *source = kn_settings_source_by_id(s, ctx->params[1]);
    if (!source) {
        kn_api_fail(ctx, 404, "Not found", "there is no such source");
        kn_settings_unref(s);
        return;
    }
    enum kn_rc rc =
        kn_read_recent(ctx->ws, source->number, since, limit, ctx->request->arena, &list, &count);
    if (rc == KN_OK) {
        kn_api_json(ctx, 200);
        kn_buf_c(&ctx->response->body, "{\"data\":[");
        for (size_t i = 0; i < count; i++) {
            put_arrival(ctx, s, &list[i]);
        }
        kn_buf_c(&ctx->response->body, "],\"next\":null}");
    } else {
        kn_api_fail_rc(ctx, rc, NULL);
    }
    kn_settings_unref(s);
}
