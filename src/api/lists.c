/* Lists: segments of people who are named. Making one, and who goes on it and off it. */
#include "api/lists.h"

#include "apply/defined.h"
#include "apply/segments.h"
#include "base/mem.h"

enum { INLINE_MAX = 10000 }; /* members of a call that makes a list: one record */

static void show_text(struct kn_ctx *ctx)
{
    struct kn_str text = ctx->subject;
    kn_api_json(ctx, 200);
    kn_buf_str(&ctx->response->body, text);
}

/* ---- items ---- */

static void encode_item(struct kn_ctx *ctx, struct kn_str key, const struct kn_buf *body,
                        struct kn_buf *out)
{
    int64_t now = kn_clock_wall_us(ctx->api->env.clock);
    struct kn_item item = {
        .kind = KN_ITEM_LIST,
        .event_us = now,
        .received_us = now,
        .message_id = kn_api_random_text(ctx, 24),
        .name = key,
        .body = kn_buf_view(body),
    };
    kn_item_encode(&item, out);
    out->rc = body->rc != KN_OK ? body->rc : out->rc;
}

static void encode_hashes(struct kn_ctx *ctx, struct kn_str key, uint64_t list,
                          enum kn_list_act act, const struct kn_h128 *hashes, size_t count,
                          struct kn_buf *out)
{
    struct kn_buf body;
    kn_buf_init(&body, KN_LOG_BODY_MAX);
    kn_list_body_begin(act, list, &body);
    for (size_t i = 0; i < count; i++) {
        kn_list_body_add(hashes[i], &body);
    }
    encode_item(ctx, key, &body, out);
    kn_buf_deinit(&body);
}

/* ---- making ---- */

uint64_t kn_api_new_list_id(struct kn_ctx *ctx)
{
    uint64_t id = 0;
    while (id == 0) {
        kn_random_fill(ctx->api->env.random, &id, sizeof id);
        id &= KN_LIST_ID_MAX;
    }
    return id;
}

void kn_api_stage_list(struct kn_ctx *ctx, const struct kn_api_draft *d, const struct kn_buf *items,
                       uint32_t count, void (*finish)(struct kn_ctx *))
{
    struct kn_err err = {0};
    struct kn_buf json;
    struct kn_buf key;
    struct kn_buf frame;
    enum kn_rc rc = kn_segment_check_key(ctx->ws, d->key, &err);
    if (rc != KN_OK) {
        kn_api_fail_rc(ctx, rc, &err);
        return;
    }
    kn_buf_init(&json, KN_LOG_BODY_MAX);
    kn_buf_init(&key, 128);
    kn_buf_init(&frame, KN_LOG_BODY_MAX);
    kn_api_put_draft(&json, d);
    kn_buf_c(&key, "segment/");
    kn_buf_str(&key, d->key);
    struct kn_item item = {
        .kind = KN_ITEM_SETTING,
        .event_us = d->now_us,
        .received_us = d->now_us,
        .message_id = kn_api_random_text(ctx, 24),
        .name = kn_buf_view(&key),
        .body = kn_buf_view(&json),
    };
    kn_item_encode(&item, &frame);
    kn_buf_str(&frame, kn_buf_view(items));
    rc = items->rc != KN_OK ? items->rc : json.rc != KN_OK ? json.rc : frame.rc;
    if (rc == KN_E_LIMIT) {
        kn_api_fail(ctx, 413, "Too large", "there are too many profiles for one list");
    } else if (rc != KN_OK) {
        kn_api_fail_rc(ctx, rc, NULL);
    } else {
        kn_api_stage_items(ctx, kn_buf_view(&frame), count + 1, KN_FRAME_SETTINGS, finish);
    }
    kn_buf_deinit(&frame);
    kn_buf_deinit(&key);
    kn_buf_deinit(&json);
}

void kn_api_save_list(struct kn_ctx *ctx, struct kn_api_draft *d, const uint64_t *bits,
                      size_t words, void (*finish)(struct kn_ctx *))
{
    struct kn_buf body;
    struct kn_buf items;
    if (!kn_api_key_may_be_defined(ctx, d->key)) {
        return;
    }
    d->list = kn_api_new_list_id(ctx);
    d->frozen = true;
    kn_buf_init(&body, KN_LOG_BODY_MAX);
    kn_buf_init(&items, KN_LOG_BODY_MAX);
    kn_list_body_begin(KN_LIST_FREEZE, d->list, &body);
    kn_list_body_ordinals(bits, words, &body);
    encode_item(ctx, d->key, &body, &items);
    kn_api_stage_list(ctx, d, &items, 1, finish);
    kn_buf_deinit(&items);
    kn_buf_deinit(&body);
}

/* What a new list is shown with, after the wait. */
struct made {
    struct kn_str key, result; /* result: empty when no rows were given */
};

static void show_made(struct kn_ctx *ctx)
{
    const struct made *m = (const struct made *)(const void *)ctx->subject.p;
    struct kn_segment_info info;
    struct kn_buf *out = &ctx->response->body;
    if (!kn_api_segment_info(ctx, m->key, &info)) {
        return;
    }
    kn_api_json(ctx, 201);
    kn_buf_char(out, '{');
    kn_api_put_segment(out, &info);
    kn_json_out_kraw(out, "warnings", KN_STR("[]"));
    if (m->result.len > 0) {
        kn_json_out_kraw(out, "result", m->result);
    }
    kn_buf_char(out, '}');
}

static bool set_subject(struct kn_ctx *ctx, struct kn_str key, struct kn_str result)
{
    struct made *m = kn_arena_zero(ctx->request->arena, 1, sizeof *m);
    if (!m) {
        kn_api_fail_rc(ctx, KN_E_NOMEM, NULL);
        return false;
    }
    *m = (struct made){key, result};
    ctx->subject = kn_str((const char *)m, sizeof *m);
    return true;
}

static void make_snapshot(struct kn_ctx *ctx, struct kn_api_draft *d)
{
    struct kn_segment_info source;
    struct kn_buf none;
    struct kn_str key = kn_api_text(ctx, 0, "snapshot_of");
    enum kn_rc rc = kn_segment_info(ctx->ws, key, ctx->request->arena, &source);
    if (rc == KN_E_NOT_FOUND || (rc == KN_OK && source.computed)) {
        kn_api_fail_at(ctx, "/snapshot_of", "there is no such segment");
        return;
    }
    if (rc != KN_OK) {
        kn_api_fail_rc(ctx, rc, NULL);
        return;
    }
    if (!source.serves) {
        kn_api_fail(ctx, 409, "Conflict",
                    "that segment is still being built: its members are not known yet");
        return;
    }
    kn_buf_init(&none, 1);
    d->frozen = true;
    d->snapshot_of = source.key;
    if (set_subject(ctx, d->key, KN_STR_EMPTY)) {
        kn_api_stage_list(ctx, d, &none, 0, show_made);
    }
    kn_buf_deinit(&none);
}

static void make_of_rows(struct kn_ctx *ctx, struct kn_api_draft *d, bool given)
{
    struct kn_api_rows rows = {0};
    struct kn_list_tally t = {.ctx = ctx};
    struct kn_buf items;
    if (given && !kn_api_read_members(ctx, INLINE_MAX, &rows)) {
        return;
    }
    kn_buf_init(&items, KN_LOG_BODY_MAX);
    if (kn_list_tally(&t, &rows)) {
        struct kn_str result = kn_list_result(&t);
        if (t.hash_count > 0) {
            encode_hashes(ctx, d->key, d->list, KN_LIST_ADD, t.hashes, t.hash_count, &items);
        }
        if (result.p && set_subject(ctx, d->key, given ? result : KN_STR_EMPTY)) {
            kn_api_stage_list(ctx, d, &items, t.hash_count > 0 ? 1 : 0, show_made);
        }
    }
    kn_buf_deinit(&items);
    kn_list_tally_end(&t);
}

void kn_api_post_list(struct kn_ctx *ctx, struct kn_api_draft *d)
{
    bool given = kn_json_find(&ctx->doc, 0, KN_STR("members")) != KN_JSON_NONE;
    bool snapshot = kn_json_find(&ctx->doc, 0, KN_STR("snapshot_of")) != KN_JSON_NONE;
    if (given && snapshot) {
        kn_api_fail_at(ctx, "/members", "a snapshot has the members of its segment");
        return;
    }
    if (!kn_api_begin_change(ctx)) {
        return;
    }
    d->list = kn_api_new_list_id(ctx);
    if (kn_api_key_may_be_defined(ctx, d->key)) {
        if (snapshot) {
            make_snapshot(ctx, d);
        } else {
            make_of_rows(ctx, d, given);
        }
    }
    kn_api_end_change(ctx);
}

/* ---- who goes on it and off it ---- */

/* All but the last record; what of them is durable before a failure stays: to say it again does no
 * harm. False: answered already. */
static bool stage_first(struct kn_ctx *ctx, const struct kn_segment_info *list,
                        enum kn_list_act act, const struct kn_list_tally *t, size_t *ret_from)
{
    *ret_from = 0;
    while (t->hash_count - *ret_from > KN_LIST_ITEM_MAX) {
        struct kn_buf item;
        struct kn_err err = {0};
        uint64_t seq;
        bool full = false;
        kn_buf_init(&item, KN_LOG_BODY_MAX);
        encode_hashes(ctx, list->key, list->list, act, t->hashes + *ret_from, KN_LIST_ITEM_MAX,
                      &item);
        enum kn_rc rc = item.rc;
        if (rc == KN_OK) {
            rc = kn_workspace_stage(ctx->ws, kn_buf_view(&item), 1, 0, &seq, &full, &err);
        }
        kn_buf_deinit(&item);
        if (rc != KN_OK) {
            kn_api_fail_staging(ctx, rc, full, &err);
            return false;
        }
        *ret_from += KN_LIST_ITEM_MAX;
    }
    return true;
}

static void stage_all(struct kn_ctx *ctx, const struct kn_segment_info *list, enum kn_list_act act,
                      const struct kn_list_tally *t)
{
    struct kn_buf item;
    size_t from;
    if (!stage_first(ctx, list, act, t, &from)) {
        return;
    }
    kn_buf_init(&item, KN_LOG_BODY_MAX);
    encode_hashes(ctx, list->key, list->list, act, t->hashes + from, t->hash_count - from, &item);
    if (item.rc == KN_OK) {
        kn_api_stage_items(ctx, kn_buf_view(&item), 1, 0, show_text);
    } else {
        kn_api_fail_rc(ctx, item.rc, NULL);
    }
    kn_buf_deinit(&item);
}

static bool dry_run(const struct kn_ctx *ctx)
{
    return kn_str_eq(kn_http_param(ctx->request, "dry_run"), KN_STR("true"));
}

/* The list of the path; false: answered already. */
static bool load_list(struct kn_ctx *ctx, struct kn_segment_info *ret)
{
    if (!kn_api_segment_info(ctx, ctx->params[1], ret)) {
        return false;
    }
    if (ret->list == 0) {
        kn_api_fail(ctx, 409, "Conflict",
                    "this segment is a query: its members come and go by what they do");
    } else if (!ret->ready) {
        kn_http_set_header(ctx->response, "Retry-After", KN_STR("1"));
        kn_api_fail(ctx, 409, "Conflict", "this list is still being filled: try again");
    }
    return ret->list != 0 && ret->ready;
}

static void change_members(struct kn_ctx *ctx, enum kn_list_act act)
{
    struct kn_segment_info list;
    struct kn_api_rows rows;
    struct kn_list_tally t = {.ctx = ctx, .removes = act == KN_LIST_REMOVE};
    uint64_t *members = NULL;
    if (!load_list(ctx, &list) || !kn_api_read_rows(ctx, &rows)) {
        return;
    }
    enum kn_rc rc = kn_segment_bits(ctx->ws, list.key, &members, &t.member_end);
    t.members = members;
    if (rc != KN_OK) {
        kn_api_fail_rc(ctx, rc, NULL);
    } else if (kn_list_tally(&t, &rows)) {
        ctx->subject = kn_list_result(&t);
        if (ctx->subject.p && (t.hash_count == 0 || dry_run(ctx))) {
            kn_api_put_position(ctx, 0);
            show_text(ctx);
        } else if (ctx->subject.p) {
            stage_all(ctx, &list, act, &t);
        }
    }
    kn_list_tally_end(&t);
    kn_free(members);
}

void kn_post_segment_members(struct kn_ctx *ctx)
{
    change_members(ctx, KN_LIST_ADD);
}

void kn_delete_segment_members(struct kn_ctx *ctx)
{
    change_members(ctx, KN_LIST_REMOVE);
}

/* What rows would come to, before there is a list. */
void kn_post_match(struct kn_ctx *ctx)
{
    struct kn_api_rows rows;
    struct kn_list_tally t = {.ctx = ctx};
    if (!kn_api_read_rows(ctx, &rows)) {
        return;
    }
    if (kn_list_tally(&t, &rows)) {
        ctx->subject = kn_list_result(&t);
        if (ctx->subject.p) {
            show_text(ctx);
        }
    }
    kn_list_tally_end(&t);
}
