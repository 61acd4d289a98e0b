/* What is known of a segment: who is in it, who came and went, how its size went; and of a query
 * that is not stored: how many it selects, and why it holds for one profile. */
#include <stdio.h>

#include "api/api_internal.h"
#include "apply/audience.h"
#include "apply/segments.h"
#include "base/bits.h"
#include "base/mem.h"
#include "format/zone.h"

enum { SAMPLE = 10, HISTORY_DAYS = 30, HISTORY_DAYS_MAX = 3660 };

/* ---- purposes ---- */

bool kn_api_is_purpose(struct kn_str key)
{
    bool good = key.len > 0 && key.len <= 64;
    for (size_t i = 0; good && i < key.len; i++) {
        char c = key.p[i];
        good = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
    }
    return good;
}

bool kn_api_purpose(struct kn_ctx *ctx, struct kn_str *ret)
{
    struct kn_str purpose = kn_http_param(ctx->request, "purpose");
    if (kn_http_has_param(ctx->request, "purpose") && !kn_api_is_purpose(purpose)) {
        kn_api_fail_param(ctx, "purpose", "purpose must be a key of small letters, digits and _");
        return false;
    }
    *ret = purpose;
    return true;
}

bool kn_api_restrict(struct kn_ctx *ctx, struct kn_audience *a, struct kn_str purpose)
{
    if (purpose.len == 0 || kn_str_eq(purpose, KN_STR("service"))) {
        return true;
    }
    uint64_t *granted = kn_alloc((a->words + 1) * sizeof *granted);
    enum kn_rc rc = granted ? kn_audience_granted(a, purpose, granted) : KN_E_NOMEM;
    if (rc == KN_OK) {
        kn_bits_best()->both(a->members, granted, a->words);
    } else {
        kn_api_fail_rc(ctx, rc, NULL);
    }
    kn_free(granted);
    return rc == KN_OK;
}

bool kn_api_segment_audience(struct kn_ctx *ctx, struct kn_str key, struct kn_str purpose,
                             struct kn_audience *ret)
{
    struct kn_err err = {0};
    enum kn_rc rc = kn_audience_segment(ctx->ws, key, ret, &err);
    if (rc != KN_OK) {
        kn_api_fail_rc(ctx, rc, &err);
        return false;
    }
    if (!kn_api_restrict(ctx, ret, purpose)) {
        kn_audience_end(ret);
        return false;
    }
    return true;
}

static void put_id(struct kn_buf *out, const char *key, struct kn_h128 id)
{
    char text[27];
    kn_profile_id_text(id, text);
    if (kn_h128_is_zero(id)) {
        kn_json_out_kraw(out, key, KN_STR("null"));
    } else {
        kn_json_out_kv(out, key, kn_str(text, 26));
    }
}

/* ---- one segment ---- */

void kn_get_definition(struct kn_ctx *ctx)
{
    struct kn_segment_info info;
    struct kn_audience a;
    struct kn_str purpose;
    if (!kn_api_purpose(ctx, &purpose) || !kn_api_segment_info(ctx, ctx->params[1], &info)) {
        return;
    }
    if (purpose.len > 0 && !info.computed) {
        if (!kn_api_segment_audience(ctx, info.key, purpose, &a)) {
            return;
        }
        info.size = kn_bits_best()->count(a.members, a.words);
        kn_audience_end(&a);
    }
    kn_api_json(ctx, 200);
    kn_buf_char(&ctx->response->body, '{');
    kn_api_put_segment(&ctx->response->body, &info);
    kn_buf_char(&ctx->response->body, '}');
}

/* A page of members, of whom only those in `only` (a bit per ordinal; NULL: all) are shown. */
static enum kn_rc put_members(struct kn_ctx *ctx, const struct kn_audience *only, uint32_t after,
                              size_t limit, uint32_t *ret_next)
{
    struct kn_buf *out = &ctx->response->body;
    size_t shown = 0;
    *ret_next = after;
    do {
        struct kn_segment_member *all;
        size_t count;
        KN_TRY(kn_segment_members(ctx->ws, ctx->params[1], *ret_next, limit - shown,
                                  ctx->request->arena, &all, &count, ret_next));
        for (size_t i = 0; i < count; i++) {
            if (only &&
                (all[i].ordinal >= only->ordinal_end || !kn_bit(only->members, all[i].ordinal))) {
                continue;
            }
            kn_json_out_comma(out);
            kn_buf_char(out, '{');
            put_id(out, "id", all[i].id);
            kn_json_out_ktime(out, "since", all[i].since_us);
            kn_buf_char(out, '}');
            shown++;
        }
    } while (*ret_next != 0 && shown < limit);
    return KN_OK;
}

void kn_get_segment_members(struct kn_ctx *ctx)
{
    struct kn_segment_info info;
    struct kn_str purpose;
    struct kn_audience a = {0};
    uint64_t from[2] = {0};
    bool given;
    size_t limit;
    uint32_t next;
    if (!kn_api_purpose(ctx, &purpose) || !kn_api_segment_info(ctx, ctx->params[1], &info) ||
        !kn_api_limit(ctx, KN_API_LIMIT, KN_API_LIMIT_MAX, &limit) ||
        !kn_api_read_cursor(ctx, from, &given)) {
        return;
    }
    if (purpose.len > 0 && !kn_api_segment_audience(ctx, info.key, purpose, &a)) {
        return;
    }
    kn_api_json(ctx, 200);
    kn_buf_c(&ctx->response->body, "{\"data\":[");
    enum kn_rc rc = put_members(ctx, purpose.len > 0 ? &a : NULL, (uint32_t)from[0], limit, &next);
    kn_audience_end(&a);
    if (rc != KN_OK) {
        kn_api_fail_rc(ctx, rc, NULL);
        return;
    }
    kn_buf_char(&ctx->response->body, ']');
    kn_api_put_next(ctx, next != 0, next, 0);
}

/* ---- changes ---- */

static void put_change(struct kn_buf *out, const struct kn_segment_change *c)
{
    kn_json_out_comma(out);
    kn_buf_char(out, '{');
    kn_json_out_ktime(out, "at", c->change.at_us);
    kn_json_out_kv(out, "change",
                   c->change.kind == KN_CHANGE_ENTERED ? KN_STR("entered") : KN_STR("exited"));
    put_id(out, "profile", c->id);
    kn_json_out_kv(out, "cause", kn_str_c(kn_cause_name(c->change.cause)));
    if (c->change.message_id.len > 0) {
        kn_json_out_kv(out, "message_id", c->change.message_id);
    }
    kn_buf_char(out, '}');
}

void kn_get_segment_changes(struct kn_ctx *ctx)
{
    struct kn_segment_info info;
    struct kn_segment_change *all;
    int64_t from_us = INT64_MIN;
    int64_t to_us = INT64_MAX;
    uint64_t before[2] = {0};
    bool given;
    size_t limit;
    size_t count;
    if (!kn_api_segment_info(ctx, ctx->params[1], &info) ||
        !kn_api_limit(ctx, KN_API_LIMIT, KN_API_LIMIT_MAX, &limit) ||
        !kn_api_time_param(ctx, "from", &from_us) || !kn_api_time_param(ctx, "to", &to_us) ||
        !kn_api_read_cursor(ctx, before, &given)) {
        return;
    }
    enum kn_rc rc =
        kn_segment_changes(ctx->ws, info.key, from_us, to_us, given ? before[0] : UINT64_MAX, limit,
                           ctx->request->arena, &all, &count);
    if (rc != KN_OK) {
        kn_api_fail_rc(ctx, rc, NULL);
        return;
    }
    kn_api_json(ctx, 200);
    kn_buf_c(&ctx->response->body, "{\"data\":[");
    for (size_t i = 0; i < count; i++) {
        put_change(&ctx->response->body, &all[i]);
    }
    kn_buf_char(&ctx->response->body, ']');
    bool more = count == limit && all[count - 1].change.number > 0;
    kn_api_put_next(ctx, more, more ? all[count - 1].change.number : 0, 0);
}

/* ---- sizes ---- */

/* The days asked for; false: answered 400. */
static bool read_days(struct kn_ctx *ctx, const struct kn_zone *zone, int32_t *first, int32_t *last)
{
    struct kn_str step = kn_http_param(ctx->request, "step");
    struct kn_position position;
    kn_workspace_position(ctx->ws, &position);
    int64_t to_us = position.applied_record_us + 1;
    int64_t from_us = INT64_MIN;
    if (step.len > 0 && !kn_str_eq(step, KN_STR("day"))) {
        kn_api_fail_param(ctx, "step", "step must be day");
        return false;
    }
    if (!kn_api_time_param(ctx, "from", &from_us) || !kn_api_time_param(ctx, "to", &to_us)) {
        return false;
    }
    *last = (int32_t)kn_zone_day(zone, to_us - 1);
    *first =
        from_us == INT64_MIN ? *last - (HISTORY_DAYS - 1) : (int32_t)kn_zone_day(zone, from_us);
    if (*last - *first >= HISTORY_DAYS_MAX) {
        kn_api_fail_param(ctx, "from", "at most ten years at once");
        return false;
    }
    return true;
}

void kn_get_segment_history(struct kn_ctx *ctx)
{
    struct kn_segment_info info;
    struct kn_day_size *days = NULL;
    int32_t first;
    int32_t last;
    if (!kn_api_segment_info(ctx, ctx->params[1], &info)) {
        return;
    }
    struct kn_settings *s = kn_workspace_settings(ctx->ws);
    bool good = read_days(ctx, s->zone, &first, &last);
    enum kn_rc rc =
        good ? kn_segment_sizes(ctx->ws, info.key, first, last, ctx->request->arena, &days) : KN_OK;
    if (good && rc == KN_OK) {
        kn_api_json(ctx, 200);
        kn_buf_c(&ctx->response->body, "{\"data\":[");
        for (int32_t i = 0; i <= last - first; i++) {
            kn_json_out_comma(&ctx->response->body);
            kn_buf_char(&ctx->response->body, '{');
            kn_json_out_ktime(&ctx->response->body, "at", kn_zone_day_start(s->zone, days[i].day));
            kn_json_out_ki64(&ctx->response->body, "size", (int64_t)days[i].size);
            kn_buf_char(&ctx->response->body, '}');
        }
        kn_buf_c(&ctx->response->body, "]}");
    } else if (good) {
        kn_api_fail_rc(ctx, rc, NULL);
    }
    kn_settings_unref(s);
}

/* ---- preview ---- */

bool kn_api_query_audience(struct kn_ctx *ctx, struct kn_str text, struct kn_audience *ret)
{
    const struct kn_query_warning *warnings;
    size_t count;
    struct kn_err err = {.pos = SIZE_MAX};
    if (!kn_api_check_query(ctx, KN_STR_EMPTY, text, KN_QUERY_SEGMENT, &warnings, &count)) {
        return false;
    }
    enum kn_rc rc = kn_audience_query(ctx->ws, text, &ctx->api->env.jobs, ret, &err);
    if (rc == KN_E_INVALID || rc == KN_E_LIMIT) {
        kn_api_fail_position(ctx, err.pos, err.text);
    } else if (rc != KN_OK) {
        kn_api_fail_rc(ctx, rc, &err);
    }
    return rc == KN_OK;
}

/* How many of the audience granted each purpose. */
static enum kn_rc put_eligible(struct kn_ctx *ctx, const struct kn_audience *a)
{
    struct kn_str *names;
    size_t count;
    const struct kn_bits_ops *bits = kn_bits_best();
    uint64_t *granted = kn_alloc((a->words + 1) * sizeof *granted);
    enum kn_rc rc =
        granted ? kn_audience_purposes(a, ctx->request->arena, &names, &count) : KN_E_NOMEM;
    kn_json_out_key(&ctx->response->body, "eligible");
    kn_buf_char(&ctx->response->body, '{');
    for (size_t i = 0; rc == KN_OK && i < count; i++) {
        rc = kn_audience_granted(a, names[i], granted);
        if (rc == KN_OK) {
            bits->both(granted, a->members, a->words);
            kn_json_out_key_str(&ctx->response->body, names[i]);
            kn_buf_u64(&ctx->response->body, bits->count(granted, a->words));
        }
    }
    kn_buf_char(&ctx->response->body, '}');
    kn_free(granted);
    return rc;
}

size_t kn_api_pick(const struct kn_audience *a, uint32_t from, size_t most, uint32_t *ordinals)
{
    size_t count = 0;
    for (uint32_t word = from / 64; word < a->words && count < most; word++) {
        uint64_t left = a->members[word] & ~(word == from / 64 ? kn_bits_low(from % 64) : 0);
        for (; left != 0 && count < most; left &= left - 1) {
            ordinals[count++] = word * 64 + (uint32_t)__builtin_ctzll(left);
        }
    }
    return count;
}

static enum kn_rc put_sample(struct kn_ctx *ctx, const struct kn_audience *a)
{
    uint32_t ordinals[SAMPLE];
    struct kn_h128 *ids = NULL;
    bool may = ctx->caller.role >= KN_ROLE_MARKETER;
    size_t count = may ? kn_api_pick(a, 0, SAMPLE, ordinals) : 0;
    struct kn_buf *out = &ctx->response->body;
    KN_TRY(kn_audience_ids(ctx->ws, ordinals, count, ctx->request->arena, &ids));
    kn_json_out_key(out, "sample");
    kn_buf_char(out, '[');
    for (size_t i = 0; i < count; i++) {
        char text[27];
        if (!kn_h128_is_zero(ids[i])) {
            kn_profile_id_text(ids[i], text);
            kn_json_out_comma(out);
            kn_json_out_string(out, kn_str(text, 26));
        }
    }
    kn_buf_char(out, ']');
    return KN_OK;
}

void kn_post_preview(struct kn_ctx *ctx)
{
    uint64_t start_ns = kn_clock_mono_ns(ctx->api->env.clock);
    struct kn_buf *out = &ctx->response->body;
    struct kn_str purpose;
    struct kn_audience a;
    if (!kn_api_purpose(ctx, &purpose) || !kn_api_body(ctx) ||
        !kn_api_query_audience(ctx, kn_api_text(ctx, 0, "query"), &a)) {
        return;
    }
    if (kn_api_restrict(ctx, &a, purpose)) {
        kn_api_json(ctx, 200);
        kn_buf_char(out, '{');
        kn_json_out_ki64(out, "size", (int64_t)kn_bits_best()->count(a.members, a.words));
        enum kn_rc rc = put_eligible(ctx, &a);
        rc = rc == KN_OK ? put_sample(ctx, &a) : rc;
        uint64_t us = (kn_clock_mono_ns(ctx->api->env.clock) - start_ns) / 1000;
        kn_json_out_key(out, "took_ms");
        kn_buf_printf(out, "%llu.%03u}", (unsigned long long)(us / 1000), (unsigned)(us % 1000));
        if (rc != KN_OK) {
            kn_api_fail_rc(ctx, rc, NULL);
        }
    }
    kn_audience_end(&a);
}

/* ---- explain ---- */

void kn_post_explain(struct kn_ctx *ctx)
{
    struct kn_profile *p;
    const struct kn_query_warning *warnings;
    size_t count;
    struct kn_err err = {.pos = SIZE_MAX};
    if (!kn_api_body(ctx)) {
        return;
    }
    struct kn_str text = kn_api_text(ctx, 0, "query");
    struct kn_str id = kn_api_text(ctx, 0, "profile");
    if (!kn_api_check_query(ctx, KN_STR_EMPTY, text, KN_QUERY_SEGMENT, &warnings, &count)) {
        return;
    }
    enum kn_rc rc = kn_read_profile_by_id(ctx->ws, id, ctx->request->arena, &p);
    if (rc == KN_OK) {
        kn_api_json(ctx, 200);
        rc = kn_segment_explain(ctx->ws, p->ordinal, text, &ctx->response->body, &err);
    } else if (rc == KN_E_NOT_FOUND) {
        (void)kn_fail(&err, rc, "there is no such profile");
    }
    if (rc != KN_OK) {
        kn_api_fail_rc(ctx, rc, &err);
    }
}
