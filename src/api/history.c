/* The sessions, orders and consents of a profile, newest first. */
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
    if (!kn_api_profile(ctx, ctx->params[1], &p)) {
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

/* Looks for the newest event of a session that told of its device. */
struct device_search {
    struct kn_arena *arena;
    struct kn_item_device device;
};

static struct kn_str kept(struct device_search *d, struct kn_str s)
{
    return kn_arena_str(d->arena, s);
}

static bool has_device(void *context, const struct kn_archive_row *row, const struct kn_item *item)
{
    struct device_search *d = context;
    (void)row;
    if (item->device.present) {
        d->device = (struct kn_item_device){.present = true,
                                            .device = kept(d, item->device.device),
                                            .browser = kept(d, item->device.browser),
                                            .platform = kept(d, item->device.platform),
                                            .country = kept(d, item->device.country)};
    }
    return !item->device.present;
}

void kn_get_profile_sessions(struct kn_ctx *ctx)
{
    struct page page;
    struct kn_err err = {0};
    enum kn_rc rc = KN_OK;
    if (!begin(ctx, false, &page)) {
        return;
    }
    for (size_t i = 0; i < page.shown && rc == KN_OK; i++) {
        const struct kn_profile_session *s =
            &page.profile->sessions[page.count - 1 - page.first - i];
        struct device_search d = {.arena = ctx->request->arena};
        struct kn_archive_query q = {
            .order = KN_ARCHIVE_NEWEST_FIRST, .from_us = s->start_us, .to_us = s->end_us + 1};
        rc = kn_read_events(ctx->ws, page.profile, &q, ctx->request->arena, has_device, &d, &err);
        kn_render_session(&ctx->response->body, s, &d.device);
    }
    end(ctx, &page);
    if (rc != KN_OK) {
        kn_api_fail_rc(ctx, rc, &err);
    }
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

/* ---- consents ---- */

static void put_given(struct kn_event_page *l, const struct kn_item *item,
                      const struct kn_item_consent *given)
{
    struct kn_buf *out = &l->ctx->response->body;
    kn_json_out_comma(out);
    kn_buf_char(out, '{');
    kn_json_out_kv(out, "purpose", given->purpose);
    kn_json_out_kv(out, "state", kn_str_c(kn_render_consent(given->state)));
    kn_json_out_kv(out, "basis", given->basis);
    if (given->text_version.len > 0) {
        kn_json_out_kv(out, "text_version", given->text_version);
    }
    kn_json_out_ktime(out, "at", given->at_us != 0 ? given->at_us : item->received_us);
    kn_json_out_kv(out, "source", kn_render_source(l->settings, item->source));
    kn_json_out_kv(out, "message_id", item->message_id);
    kn_buf_char(out, '}');
}

/* The consents of a message stay together: a page may hold some more than its limit. */
static bool each_consent(void *context, const struct kn_archive_row *row,
                         const struct kn_item *item)
{
    struct kn_event_page *l = context;
    if (item->consent_count == 0) {
        return true;
    }
    if (l->count >= l->limit) {
        l->more = true;
        return false;
    }
    for (size_t i = 0; i < item->consent_count; i++) {
        put_given(l, item, &item->consents[i]);
    }
    l->count += item->consent_count;
    l->last_us = row->event_us;
    l->last_arrival = row->arrival;
    return true;
}

void kn_get_profile_consents(struct kn_ctx *ctx)
{
    struct kn_profile *p;
    struct kn_event_page l = {.ctx = ctx};
    struct kn_archive_query q = {
        .order = KN_ARCHIVE_NEWEST_FIRST, .from_us = INT64_MIN, .to_us = INT64_MAX};
    if (!kn_api_profile(ctx, ctx->params[1], &p) ||
        !kn_api_limit(ctx, KN_API_LIMIT, KN_API_LIMIT_MAX, &l.limit) ||
        !kn_api_read_place(ctx, &q)) {
        return;
    }
    kn_api_answer_events(&l, p, &q, each_consent);
}
