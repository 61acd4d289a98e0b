/* For those who run Kern: health, metrics, the clock. */
#include "api/api_internal.h"
#include "format/time_text.h"

void kn_get_health(struct kn_ctx *ctx)
{
    kn_api_begin(ctx, 200, KN_STR("text/plain; charset=utf-8"));
    kn_buf_c(&ctx->response->body, "ok\n");
}

void kn_get_ready(struct kn_ctx *ctx)
{
    bool ready = ctx->api->env.ready(ctx->api->env.context);
    kn_api_begin(ctx, ready ? 200 : 503, KN_STR("text/plain; charset=utf-8"));
    kn_buf_c(&ctx->response->body, ready ? "ready\n" : "not ready\n");
}

void kn_get_metrics(struct kn_ctx *ctx)
{
    kn_api_begin(ctx, 200, KN_STR("text/plain; version=0.0.4; charset=utf-8"));
    ctx->api->env.metrics(ctx->api->env.context, &ctx->response->body);
}

/* ---- clock ---- */

void kn_get_clock(struct kn_ctx *ctx)
{
    kn_api_json(ctx, 200);
    kn_buf_char(&ctx->response->body, '{');
    kn_json_out_ktime(&ctx->response->body, "now", kn_clock_wall_us(ctx->api->env.clock));
    kn_json_out_kbool(&ctx->response->body, "manual", ctx->api->env.manual_clock);
    kn_buf_char(&ctx->response->body, '}');
}

/* What every workspace has to apply before the move is over. */
struct targets {
    struct kn_ctx *ctx;
    struct {
        struct kn_workspace *ws;
        uint64_t seq;
    } * all;
    size_t count, room;
};

static void count_workspace(void *context, struct kn_workspace *ws)
{
    (void)ws;
    ((struct targets *)context)->room++;
}

static void add_target(void *context, struct kn_workspace *ws)
{
    struct targets *t = context;
    struct kn_position p;
    if (t->count < t->room) {
        kn_workspace_position(ws, &p);
        t->all[t->count].ws = ws;
        t->all[t->count++].seq = p.staged;
    }
}

static void await_targets(struct kn_ctx *ctx)
{
    struct targets *t = (struct targets *)(uintptr_t)ctx->subject.p;
    for (size_t i = 0; i < t->count; i++) {
        struct kn_position p;
        kn_workspace_position(t->all[i].ws, &p);
        if (p.applied < t->all[i].seq && !kn_workspace_is_lost(t->all[i].ws, t->all[i].seq)) {
            ctx->finish = await_targets;
            kn_api_wait(ctx, t->all[i].ws, t->all[i].seq, true);
            return;
        }
    }
    if (t->count == 1) { /* with several there is no one position to give */
        ctx->ws = t->all[0].ws;
        kn_api_put_position(ctx, t->all[0].seq);
    }
    kn_get_clock(ctx);
}

void kn_post_clock(struct kn_ctx *ctx)
{
    const struct kn_api_env *env = &ctx->api->env;
    struct kn_err err = {0};
    int64_t now;
    if (!kn_api_body(ctx)) {
        return;
    }
    if (!kn_time_parse(kn_json_string(&ctx->doc, kn_json_find(&ctx->doc, 0, KN_STR("now")),
                                      ctx->request->arena),
                       &now)) {
        kn_api_fail_at(ctx, "/now", "now must be an ISO 8601 time");
        return;
    }
    enum kn_rc rc = env->move_clock(env->context, now, &err);
    if (rc != KN_OK) {
        kn_api_fail_rc(ctx, rc, &err);
        return;
    }
    struct targets *t = kn_arena_zero(ctx->request->arena, 1, sizeof *t);
    if (t) {
        env->each_workspace(env->context, count_workspace, t);
        t->all = kn_arena_zero(ctx->request->arena, t->room + 1, sizeof *t->all);
    }
    if (!t || !t->all) {
        kn_api_fail_rc(ctx, KN_E_NOMEM, NULL);
        return;
    }
    env->each_workspace(env->context, add_target, t);
    ctx->subject = kn_str(t, sizeof *t);
    await_targets(ctx);
}
