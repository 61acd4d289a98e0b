/* The sessions and orders of a profile, newest first. */
#include "api/api_internal.h"
#include "format/decimal.h"

/* A page of a list that is in memory: which entries, counted from the newest. */
struct page {
    struct kn_profile *profile;
    struct kn_settings *settings;
    size_t count, first, shown;
};

/* False: answered. */
static bool begin(struct kn_ctx *ctx, bool orders, struct page *ret)
{
    struct kn_profile *p = NULL;
    size_t limit;
    uint64_t from[2] = {0};
    bool given;
    enum kn_rc rc = kn_read_profile_by_id(ctx->ws, ctx->params[1], ctx->request->arena, &p);
    if (rc != KN_OK) {
        struct kn_err err = {0};
        (void)kn_fail(&err, rc, rc == KN_E_NOT_FOUND ? "there is no such profile" : "%s",
                      kn_rc_name(rc));
        kn_api_fail_rc(ctx, rc, &err);
        return false;
    }
    if (!kn_api_limit(ctx, KN_API_LIMIT, KN_API_LIMIT_MAX, &limit) ||
        !kn_api_read_cursor(ctx, from, &given)) {
        return false;
    }
    ret->profile = p;
    ret->settings = kn_workspace_settings(ctx->ws);
    ret->count = orders ? p->order_count : p->session_count;
    ret->first = from[0] < ret->count ? (size_t)from[0] : ret->count;
    ret->shown = ret->count - ret->first < limit ? ret->count - ret->first : limit;
    kn_api_json(ctx, 200);
    kn_buf_c(&ctx->response->body, "{\"data\":[");
    return true;
}

static void end(struct kn_ctx *ctx, const struct page *page)
{
    size_t next = page->first + page->shown;
    kn_buf_char(&ctx->response->body, ']');
    kn_api_put_next(ctx, next < page->count, next, 0);
    kn_settings_unref(page->settings);
}

void kn_get_profile_sessions(struct kn_ctx *ctx)
{
    struct page page;
    if (!begin(ctx, false, &page)) {
        return;
    }
    for (size_t i = 0; i < page.shown; i++) {
        kn_render_session(&ctx->response->body,
                          &page.profile->sessions[page.count - 1 - page.first - i]);
    }
    end(ctx, &page);
}

static void put_amount(struct kn_buf *out, const char *key, int64_t amount, const char *currency)
{
    kn_json_out_key(out, key);
    kn_money_format(amount, currency, out);
}

static void put_order(struct kn_buf *out, const struct kn_settings *s,
                      const struct kn_profile_order *o)
{
    const char *currency = o->currency[0] ? o->currency : s->currency;
    kn_json_out_comma(out);
    kn_buf_char(out, '{');
    if (!kn_profile_order_has_id(o)) {
        kn_json_out_kraw(out, "order_id", KN_STR("null"));
    } else {
        kn_json_out_kv(out, "order_id", o->key);
    }
    kn_json_out_ktime(out, "at", o->first_us);
    kn_json_out_kv(out, "state",
                   !o->placed          ? KN_STR("unknown")
                   : o->cancelled      ? KN_STR("cancelled")
                   : o->refunded_whole ? KN_STR("refunded")
                                       : KN_STR("placed"));
    kn_json_out_kv(out, "currency", kn_str_c(currency));
    if (o->has_amount) {
        put_amount(out, "amount", o->amount, currency);
    } else {
        kn_json_out_kraw(out, "amount", KN_STR("null"));
    }
    put_amount(out, "refunded", o->refunded_whole ? o->amount : o->refunded, currency);
    put_amount(out, "net", kn_profile_order_net(o), currency);
    kn_json_out_key(out, "sources");
    kn_buf_char(out, '[');
    for (size_t i = 0; i < sizeof o->sources / sizeof o->sources[0] && o->sources[i] != 0; i++) {
        kn_json_out_comma(out);
        kn_json_out_string(out, kn_render_source(s, o->sources[i]));
    }
    kn_buf_c(out, "]}");
}

/* In the order in which they first came in; the newest of these first. */
void kn_get_profile_orders(struct kn_ctx *ctx)
{
    struct page page;
    if (!begin(ctx, true, &page)) {
        return;
    }
    for (size_t i = 0; i < page.shown; i++) {
        put_order(&ctx->response->body, page.settings,
                  &page.profile->orders[page.count - 1 - page.first - i]);
    }
    end(ctx, &page);
}
