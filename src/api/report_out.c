/* Answers of reports. */
#include "api/reports.h"
#include "apply/segments.h"
#include "base/bits.h"
#include "base/mem.h"
#include "profile/profile.h"

void kn_report_put_value(struct kn_buf *out, const char *key, struct kn_value value)
{
    switch (value.kind) {
    case KN_VALUE_STRING: kn_json_out_kv(out, key, value.text); return;
    case KN_VALUE_NUMBER: kn_json_out_kraw(out, key, value.text); return;
    case KN_VALUE_TRUE: kn_json_out_kraw(out, key, KN_STR("true")); return;
    case KN_VALUE_FALSE: kn_json_out_kraw(out, key, KN_STR("false")); return;
    case KN_VALUE_ABSENT:
    case KN_VALUE_OBJECT: break;
    }
    kn_json_out_kraw(out, key, KN_STR("null"));
}

void kn_report_put_rate(struct kn_buf *out, const char *key, uint64_t part, uint64_t whole)
{
    struct kn_wide sum = {{0}};
    kn_json_out_key(out, key);
    if (whole == 0) {
        kn_buf_c(out, "null");
        return;
    }
    kn_wide_add(&sum, kn_dec_int((int64_t)part));
    kn_wide_format_mean(&sum, whole, out);
}

void kn_report_put_left_out(struct kn_buf *out, uint32_t count)
{
    kn_json_out_ki64(out, "groups_left_out", count);
}

void kn_report_put_end(struct kn_report_in *in)
{
    struct kn_buf *out = &in->ctx->response->body;
    uint64_t took = kn_clock_mono_ns(in->ctx->api->env.clock) - in->started_ns;
    kn_json_out_key(out, "warnings");
    kn_buf_char(out, '[');
    kn_buf_str(out, kn_buf_view(&in->warnings));
    kn_buf_char(out, ']');
    kn_json_out_ktime(out, "now", in->report.now);
    kn_buf_printf(out, ",\"took_ms\":%llu.%03llu}", (unsigned long long)(took / 1000000),
                  (unsigned long long)(took / 1000 % 1000));
}

bool kn_report_ran(struct kn_report_in *in, enum kn_rc rc, const struct kn_err *err)
{
    if (rc != KN_OK) {
        kn_api_fail_rc(in->ctx, rc, err);
        in->failed = true;
    }
    return rc == KN_OK;
}

/* Ordinals from the cursor on, a page of them. */
/* What a saved list is shown with, after the wait. */
struct saved {
    struct kn_str key;
    uint64_t size;
};

static void show_saved(struct kn_ctx *ctx)
{
    const struct saved *saved = (const struct saved *)(const void *)ctx->subject.p;
    struct kn_segment_info info;
    struct kn_buf *out = &ctx->response->body;
    enum kn_rc rc = kn_segment_info(ctx->ws, saved->key, ctx->request->arena, &info);
    if (rc != KN_OK) {
        kn_api_fail_rc(ctx, rc, NULL);
        return;
    }
    kn_api_json(ctx, 200);
    kn_buf_c(out, "{\"data\":[],\"size\":");
    kn_buf_u64(out, saved->size);
    kn_buf_c(out, ",\"segment\":{");
    kn_api_put_segment(out, &info);
    kn_buf_c(out, "},\"next\":null}");
}

/* The call may come back here from its start, when an earlier change is not applied yet. */
static void save_members(struct kn_report_in *in)
{
    struct kn_ctx *ctx = in->ctx;
    size_t words = kn_bits_words(in->pin->ordinal_end);
    struct saved *saved = kn_arena_zero(ctx->request->arena, 1, sizeof *saved);
    if (!saved) {
        kn_api_fail_rc(ctx, KN_E_NOMEM, NULL);
    } else if (kn_api_begin_change(ctx)) {
        *saved = (struct saved){in->list.key, kn_bits_best()->count(in->report.members, words)};
        ctx->subject = kn_str((const char *)saved, sizeof *saved);
        kn_api_save_list(ctx, &in->list, in->report.members, words, show_saved);
        kn_api_end_change(ctx);
    }
}

void kn_report_put_members(struct kn_report_in *in)
{
    struct kn_ctx *ctx = in->ctx;
    if (in->saves) {
        save_members(in);
        return;
    }
    struct kn_buf *out = &ctx->response->body;
    const uint64_t *bits = in->report.members;
    uint64_t from[2] = {0};
    uint64_t size = 0;
    size_t limit;
    size_t shown = 0;
    bool given;
    if (!kn_api_limit(ctx, KN_API_LIMIT, KN_API_LIMIT_MAX, &limit) ||
        !kn_api_read_cursor(ctx, from, &given)) {
        return;
    }
    kn_api_json(ctx, 200);
    kn_buf_c(out, "{\"data\":[");
    uint32_t next = 0;
    bool more = false;
    for (uint32_t o = 0; o < in->pin->ordinal_end; o++) {
        struct kn_h128 id;
        char text[27];
        if (!kn_bit(bits, o)) {
            continue;
        }
        size++;
        if (o < from[0] || more || kn_read_profile_id(ctx->ws, o, &id) != KN_OK) {
            continue;
        }
        if (shown == limit) {
            more = true;
            next = o;
            continue;
        }
        kn_profile_id_text(id, text);
        kn_json_out_comma(out);
        kn_buf_char(out, '{');
        kn_json_out_kv(out, "id", kn_str(text, 26));
        kn_buf_char(out, '}');
        shown++;
    }
    kn_buf_c(out, "],\"size\":");
    kn_buf_u64(out, size);
    kn_api_put_next(ctx, more, next, 0);
}
