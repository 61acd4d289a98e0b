/* What became of what was sent: dead letters, sending them again, and a test call. */
#include <stdio.h>

#include "api/api_internal.h"
#include "apply/destinations.h"
#include "apply/segments.h"
#include "deliver/deliver.h"
#include "deliver/message.h"

enum { ITEM_BYTES = 1 << 20, TEST_ID_BYTES = 24 };

/* ---- dead letters ---- */

static void put_letter(struct kn_ctx *ctx, const struct kn_destination *d,
                       const struct kn_delivery_entry *e)
{
    struct kn_buf *out = &ctx->response->body;
    struct kn_h128 id;
    char text[KN_MESSAGE_ID_MAX];
    bool live;
    (void)snprintf(text, sizeof text, "%u-%llu", e->id.series, (unsigned long long)e->id.number);
    kn_json_out_comma(out);
    kn_buf_char(out, '{');
    kn_json_out_kv(out, "id", kn_str_c(text));
    kn_message_id(d, e, text);
    kn_json_out_kv(out, "webhook_id", kn_str_c(text));
    kn_json_out_kv(out, "segment", e->segment);
    kn_json_out_kv(out, "change",
                   e->kind == KN_CHANGE_ENTERED ? KN_STR("entered") : KN_STR("exited"));
    if (kn_delivery_profile_id(ctx->ws, e->ordinal, &id, &live) == KN_OK) {
        kn_profile_id_text(id, text);
        kn_json_out_kv(out, "profile", kn_str(text, 26));
    }
    kn_json_out_ktime(out, "at", e->at_us);
    kn_json_out_ki64(out, "tries", e->tries);
    kn_json_out_ktime(out, "last_tried_at", e->tried_us);
    if (e->status != 0) {
        kn_json_out_ki64(out, "status", e->status);
    }
    if (e->error.len > 0) {
        kn_json_out_kv(out, "error", e->error);
    }
    kn_buf_char(out, '}');
}

static void list_letters(struct kn_ctx *ctx, const struct kn_destination *d, size_t from,
                         size_t limit)
{
    struct kn_delivery state;
    enum kn_rc rc = kn_delivery_read(ctx->ws, d->id, ctx->request->arena, &state);
    if (rc != KN_OK) {
        kn_api_fail_rc(ctx, rc, NULL);
        return;
    }
    size_t count = state.dead_count > from ? state.dead_count - from : 0;
    size_t shown = count < limit ? count : limit;
    kn_api_json(ctx, 200);
    kn_buf_c(&ctx->response->body, "{\"data\":[");
    for (size_t i = 0; i < shown; i++) { /* newest first */
        put_letter(ctx, d, &state.dead[count - 1 - i]);
    }
    kn_buf_char(&ctx->response->body, ']');
    kn_api_put_next(ctx, count > shown, from + shown, 0);
}

void kn_get_dead_letters(struct kn_ctx *ctx)
{
    uint64_t from[2] = {0};
    bool given;
    size_t limit;
    if (!kn_api_limit(ctx, KN_API_LIMIT, KN_API_LIMIT_MAX, &limit) ||
        !kn_api_read_cursor(ctx, from, &given)) {
        return;
    }
    struct kn_settings *s = kn_workspace_settings(ctx->ws);
    const struct kn_destination *d = kn_api_destination(ctx, s, ctx->params[1]);
    if (d) {
        list_letters(ctx, d, (size_t)from[0], limit);
    }
    kn_settings_unref(s);
}

/* ---- again ---- */

static bool parse_id(struct kn_str text, struct kn_delivery_id *ret)
{
    uint64_t series;
    struct kn_str first = kn_str_split(&text, '-');
    bool good =
        kn_str_u64(first, &series) && series <= UINT32_MAX && kn_str_u64(text, &ret->number);
    ret->series = good ? (uint32_t)series : 0;
    return good;
}

static bool is_dead(const struct kn_delivery *state, struct kn_delivery_id id)
{
    for (size_t i = 0; i < state->dead_count; i++) {
        if (state->dead[i].id.series == id.series && state->dead[i].id.number == id.number) {
            return true;
        }
    }
    return false;
}

/* The ids of the body; false: answered 400 already. */
static bool read_ids(struct kn_ctx *ctx, const struct kn_delivery *state,
                     struct kn_delivery_id **ret, size_t *ret_count)
{
    uint32_t list = kn_json_find(&ctx->doc, 0, KN_STR("ids"));
    uint32_t all = kn_json_find(&ctx->doc, 0, KN_STR("all"));
    bool wants_all = kn_json_type_at(&ctx->doc, all) == KN_JSON_TRUE;
    size_t count = 0;
    *ret_count = 0;
    if (wants_all == (list != KN_JSON_NONE) ||
        (!wants_all && kn_json_type_at(&ctx->doc, list) != KN_JSON_ARRAY)) {
        kn_api_fail_at(ctx, "", "the body must be {\"ids\":[…]} or {\"all\":true}");
        return false;
    }
    *ret = kn_arena_zero(ctx->request->arena, KN_DELIVERY_DEAD_MAX + 1, sizeof **ret);
    if (!*ret) {
        kn_api_fail_rc(ctx, KN_E_NOMEM, NULL);
        return false;
    }
    for (uint32_t i = list + 1; !wants_all && i < ctx->doc.nodes[list].next;
         i = ctx->doc.nodes[i].next) {
        struct kn_delivery_id id;
        if (count == KN_DELIVERY_DEAD_MAX ||
            !parse_id(kn_json_string(&ctx->doc, i, ctx->request->arena), &id) ||
            !is_dead(state, id)) {
            kn_api_fail_element(ctx, "/ids", count, "", "this is not a dead letter");
            return false;
        }
        (*ret)[count++] = id;
    }
    *ret_count = count;
    return true;
}

static void show_resent(struct kn_ctx *ctx)
{
    kn_api_json(ctx, 200);
    kn_buf_printf(&ctx->response->body, "{\"resent\":%.*s}", KN_STR_ARG(ctx->subject));
}

static void stage_resend(struct kn_ctx *ctx, const struct kn_destination *d)
{
    struct kn_delivery state;
    struct kn_delivery_id *ids;
    struct kn_buf item;
    size_t count;
    char resent[24];
    enum kn_rc rc = kn_delivery_read(ctx->ws, d->id, ctx->request->arena, &state);
    if (rc != KN_OK) {
        kn_api_fail_rc(ctx, rc, NULL);
        return;
    }
    if (!read_ids(ctx, &state, &ids, &count)) {
        return;
    }
    bool all = kn_json_find(&ctx->doc, 0, KN_STR("ids")) == KN_JSON_NONE;
    size_t number = all ? state.dead_count : count;
    (void)snprintf(resent, sizeof resent, "%zu", number);
    ctx->subject = kn_arena_str(ctx->request->arena, kn_str_c(resent));
    if (number == 0) {
        show_resent(ctx);
        return;
    }
    kn_buf_init(&item, ITEM_BYTES);
    kn_delivery_resend_item(d->id, ids, count, kn_clock_wall_us(ctx->api->env.clock), &item);
    if (item.rc == KN_OK) {
        kn_api_stage_items(ctx, kn_buf_view(&item), 1, 0, show_resent);
    } else {
        kn_api_fail_rc(ctx, item.rc, NULL);
    }
    kn_buf_deinit(&item);
}

void kn_post_resend(struct kn_ctx *ctx)
{
    if (!kn_api_body(ctx)) {
        return;
    }
    struct kn_settings *s = kn_workspace_settings(ctx->ws);
    const struct kn_destination *d = kn_api_destination(ctx, s, ctx->params[1]);
    if (d) {
        stage_resend(ctx, d);
    }
    kn_settings_unref(s);
}

/* ---- a test ---- */

static void show_test(struct kn_ctx *ctx, const struct kn_deliver_test *test)
{
    struct kn_buf *out = &ctx->response->body;
    kn_api_json(ctx, 200);
    kn_buf_char(out, '{');
    kn_json_out_kbool(out, "ok", test->status >= 200 && test->status < 300);
    if (test->status != 0) {
        kn_json_out_ki64(out, "status", test->status);
    }
    kn_json_out_ki64(out, "took_ms", test->took_us / 1000);
    if (test->error[0] != '\0') {
        kn_json_out_kv(out, "error", kn_str_c(test->error));
    }
    kn_buf_char(out, '}');
}

static void try_it(struct kn_ctx *ctx, const struct kn_destination *d)
{
    struct kn_deliver_test test;
    struct kn_buf id;
    kn_buf_init(&id, 64);
    kn_buf_c(&id, "msg_test_");
    kn_buf_str(&id, kn_api_random_text(ctx, TEST_ID_BYTES));
    enum kn_rc rc = id.rc;
    if (rc == KN_OK) {
        rc = kn_deliver_try(ctx->api->env.deliver, ctx->ws, d, kn_buf_view(&id), &test);
    }
    if (rc == KN_OK) {
        show_test(ctx, &test);
    } else {
        kn_api_fail_rc(ctx, rc, NULL);
    }
    kn_buf_deinit(&id);
}

/* A receiver that does not answer holds up the thread that asks: one at a time. */
void kn_post_destination_test(struct kn_ctx *ctx)
{
    if (atomic_exchange(&ctx->api->testing, true)) {
        kn_http_set_header(ctx->response, "Retry-After", KN_STR("5"));
        kn_api_fail(ctx, 429, "Too many requests", "another test is under way");
        return;
    }
    struct kn_settings *s = kn_workspace_settings(ctx->ws);
    const struct kn_destination *d = kn_api_destination(ctx, s, ctx->params[1]);
    if (d) {
        try_it(ctx, d);
    }
    kn_settings_unref(s);
    atomic_store(&ctx->api->testing, false);
}
