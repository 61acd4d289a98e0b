/* Destinations: where entries and exits of segments are sent. Documents of the settings; what
 * became of what was sent is read from the state (apply/destinations.h). */
#include <stdio.h>

#include "api/api_internal.h"
#include "apply/destinations.h"
#include "apply/segments.h"
#include "deliver/deliver.h"
#include "deliver/http_client.h"
#include "profile/field.h"

enum { NAME_MAX = 200, ID_BYTES = 12, FIELDS_MAX = 50, DOCUMENT_BYTES = 64 << 10 };

/* ---- showing ---- */

static void put_texts(struct kn_buf *out, const char *key, const struct kn_str *all, size_t count)
{
    kn_json_out_key(out, key);
    kn_buf_char(out, '[');
    for (size_t i = 0; i < count; i++) {
        kn_json_out_comma(out);
        kn_json_out_string(out, all[i]);
    }
    kn_buf_char(out, ']');
}

static const char *status_of(const struct kn_destination *d, const struct kn_delivery *state,
                             bool ready)
{
    if (!d->enabled) {
        return "off";
    }
    if (state->stop != KN_STOP_NONE && state->stop_version == d->version) {
        return state->stop == KN_STOP_GONE ? "gone" : "refused";
    }
    if (!ready) {
        return "building";
    }
    return state->failed_us > state->delivered_us ? "failing" : "active";
}

static bool put_audiences(struct kn_ctx *ctx, struct kn_buf *out, const struct kn_destination *d)
{
    bool ready = true;
    kn_json_out_key(out, "audiences");
    kn_buf_char(out, '[');
    for (size_t i = 0; i < d->segment_count; i++) {
        struct kn_destination_audience a = {0};
        (void)!kn_destination_audience(ctx->ws, d->id, d->segments[i], &a);
        ready = ready && a.ready;
        kn_json_out_comma(out);
        kn_buf_char(out, '{');
        kn_json_out_kv(out, "segment", d->segments[i]);
        kn_json_out_kbool(out, "ready", a.ready);
        kn_json_out_ki64(out, "size", (int64_t)a.size);
        kn_buf_char(out, '}');
    }
    kn_buf_char(out, ']');
    return ready;
}

static void put_statistics(struct kn_buf *out, const struct kn_delivery *state)
{
    const struct kn_delivery_counts *n = &state->counts;
    kn_json_out_key(out, "statistics");
    kn_buf_char(out, '{');
    kn_json_out_ki64(out, "delivered", (int64_t)n->delivered);
    kn_json_out_ki64(out, "failed_tries", (int64_t)n->failed);
    kn_json_out_ki64(out, "withheld", (int64_t)n->withheld);
    kn_json_out_ki64(out, "missed", (int64_t)n->missed);
    kn_json_out_ki64(out, "dropped", (int64_t)n->dropped);
    kn_json_out_ki64(out, "waiting", (int64_t)(state->backlog + state->waiting_count));
    kn_json_out_ki64(out, "dead_letters", (int64_t)state->dead_count);
    if (state->delivered_us != 0) {
        kn_json_out_ktime(out, "last_delivered_at", state->delivered_us);
    }
    if (state->failed_us != 0) {
        kn_json_out_ktime(out, "last_failed_at", state->failed_us);
    }
    if (state->status != 0) {
        kn_json_out_ki64(out, "last_status", state->status);
    }
    if (state->error.len > 0) {
        kn_json_out_kv(out, "last_error", state->error);
    }
    kn_buf_char(out, '}');
}

static void put_secret(struct kn_ctx *ctx, struct kn_buf *out, const struct kn_destination *d)
{
    struct kn_webhook_secret secret = kn_webhook_secret(
        ctx->api->env.deliver->key, kn_str_c(kn_workspace_name(ctx->ws)), d->id, d->generation);
    kn_json_out_key(out, "secret");
    kn_buf_char(out, '"');
    kn_webhook_secret_text(&secret, out);
    kn_buf_char(out, '"');
    kn_webhook_forget(&secret);
}

/* What an answer and the document have both. */
static void put_members(struct kn_buf *out, const struct kn_destination *d)
{
    kn_json_out_kv(out, "id", d->id);
    kn_json_out_kv(out, "name", d->name);
    kn_json_out_kv(out, "kind", d->kind);
    kn_json_out_kv(out, "url", d->url);
    kn_json_out_kv(out, "purpose", d->purpose);
    put_texts(out, "segments", d->segments, d->segment_count);
    put_texts(out, "fields", d->fields, d->field_count);
    kn_json_out_kbool(out, "enabled", d->enabled);
}

static void put_destination(struct kn_ctx *ctx, const struct kn_destination *d, bool secret)
{
    struct kn_buf *out = &ctx->response->body;
    struct kn_delivery state = {0};
    if (kn_delivery_read(ctx->ws, d->id, ctx->request->arena, &state) == KN_E_NOMEM) {
        out->rc = KN_E_NOMEM; /* nothing of this answer leaves */
    }
    kn_buf_char(out, '{');
    put_members(out, d);
    bool ready = put_audiences(ctx, out, d);
    kn_json_out_kv(out, "status", kn_str_c(status_of(d, &state, ready)));
    if (secret) {
        put_secret(ctx, out, d);
    }
    put_statistics(out, &state);
    kn_json_out_ktime(out, "created_at", d->created_us);
    kn_json_out_ktime(out, "updated_at", d->updated_us);
    if (d->rotated_us != 0) {
        kn_json_out_ktime(out, "secret_rotated_at", d->rotated_us);
    }
    kn_buf_char(out, '}');
}

void kn_get_destinations(struct kn_ctx *ctx)
{
    struct kn_settings *s = kn_workspace_settings(ctx->ws);
    kn_api_json(ctx, 200);
    kn_buf_c(&ctx->response->body, "{\"data\":[");
    for (size_t i = 0; i < s->destination_count; i++) {
        kn_json_out_comma(&ctx->response->body);
        put_destination(ctx, &s->destinations[i], false);
    }
    kn_buf_c(&ctx->response->body, "],\"next\":null}");
    kn_settings_unref(s);
}

const struct kn_destination *kn_api_destination(struct kn_ctx *ctx, const struct kn_settings *s,
                                                struct kn_str id)
{
    const struct kn_destination *d = kn_settings_destination(s, id);
    if (!d) {
        kn_api_fail(ctx, 404, "Not found", "there is no such destination");
    }
    return d;
}

static void show(struct kn_ctx *ctx, struct kn_str id, int status, bool secret)
{
    struct kn_settings *s = kn_workspace_settings(ctx->ws);
    const struct kn_destination *d = kn_api_destination(ctx, s, id);
    if (d) {
        kn_api_json(ctx, status);
        put_destination(ctx, d, secret);
    }
    kn_settings_unref(s);
}

void kn_get_destination(struct kn_ctx *ctx)
{
    show(ctx, ctx->params[1], 200, false);
}

static void show_created(struct kn_ctx *ctx)
{
    show(ctx, ctx->subject, 201, true);
}

static void show_changed(struct kn_ctx *ctx)
{
    show(ctx, ctx->subject, 200, false);
}

static void show_rotated(struct kn_ctx *ctx)
{
    show(ctx, ctx->subject, 200, true);
}

/* ---- what is asked for ---- */

/* Texts of the body take the place of those of the draft, which may be of another's arena. */
static bool read_text(struct kn_ctx *ctx, const char *name, size_t most, struct kn_str *text)
{
    uint32_t node = kn_json_find(&ctx->doc, 0, kn_str_c(name));
    char pointer[32];
    char detail[80];
    if (node == KN_JSON_NONE) {
        return true;
    }
    *text = kn_str_trim(
        kn_arena_str(ctx->request->arena, kn_json_string(&ctx->doc, node, ctx->request->arena)));
    if (kn_json_type_at(&ctx->doc, node) == KN_JSON_STRING && text->len > 0 && text->len <= most) {
        return true;
    }
    (void)snprintf(pointer, sizeof pointer, "/%s", name);
    (void)snprintf(detail, sizeof detail, "%s must be a string of 1 to %zu bytes", name, most);
    kn_api_fail_at(ctx, pointer, detail);
    return false;
}

static bool read_list(struct kn_ctx *ctx, const char *name, size_t most, struct kn_str **ret,
                      size_t *ret_count)
{
    uint32_t list = kn_json_find(&ctx->doc, 0, kn_str_c(name));
    char pointer[32];
    char detail[80];
    if (list == KN_JSON_NONE) {
        return true;
    }
    bool good = kn_json_type_at(&ctx->doc, list) == KN_JSON_ARRAY;
    struct kn_str *all = kn_arena_zero(ctx->request->arena, most + 1, sizeof *all);
    size_t count = 0;
    if (!all) {
        kn_api_fail_rc(ctx, KN_E_NOMEM, NULL);
        return false;
    }
    for (uint32_t i = list + 1; good && i < ctx->doc.nodes[list].next; i = ctx->doc.nodes[i].next) {
        good = count < most && kn_json_type_at(&ctx->doc, i) == KN_JSON_STRING;
        if (good) {
            all[count++] = kn_arena_str(ctx->request->arena,
                                        kn_json_string(&ctx->doc, i, ctx->request->arena));
        }
    }
    if (!good) {
        (void)snprintf(pointer, sizeof pointer, "/%s", name);
        (void)snprintf(detail, sizeof detail, "%s must be an array of at most %zu strings", name,
                       most);
        kn_api_fail_at(ctx, pointer, detail);
        return false;
    }
    *ret = all;
    *ret_count = count;
    return true;
}

static bool read_enabled(struct kn_ctx *ctx, bool *ret)
{
    uint32_t node = kn_json_find(&ctx->doc, 0, KN_STR("enabled"));
    enum kn_json_type type = kn_json_type_at(&ctx->doc, node);
    if (node != KN_JSON_NONE && type != KN_JSON_TRUE && type != KN_JSON_FALSE) {
        kn_api_fail_at(ctx, "/enabled", "enabled must be true or false");
        return false;
    }
    *ret = node == KN_JSON_NONE ? *ret : type == KN_JSON_TRUE;
    return true;
}

static bool check_segments(struct kn_ctx *ctx, const struct kn_destination *d)
{
    struct kn_segment_info info;
    if (d->segment_count == 0) {
        kn_api_fail_at(ctx, "/segments", "segments must name at least one segment");
        return false;
    }
    for (size_t i = 0; i < d->segment_count; i++) {
        enum kn_rc rc = kn_segment_info(ctx->ws, d->segments[i], ctx->request->arena, &info);
        bool twice = false;
        for (size_t k = 0; k < i; k++) {
            twice = twice || kn_str_eq(d->segments[k], d->segments[i]);
        }
        if (rc != KN_OK || info.computed || twice) {
            kn_api_fail_element(ctx, "/segments", i, "",
                                twice ? "this segment is there twice"
                                      : "there is no segment of that key");
            return false;
        }
    }
    return true;
}

/* An identifier, trait or computed trait, or when it was made and seen. */
static bool check_fields(struct kn_ctx *ctx, const struct kn_destination *d)
{
    for (size_t i = 0; i < d->field_count; i++) {
        struct kn_profile_field field;
        bool good = kn_profile_field_parse(d->fields[i], &field) &&
                    (field.kind == KN_PF_CREATED || field.kind == KN_PF_LAST_SEEN ||
                     field.kind >= KN_PF_IDENTIFIER);
        if (!good) {
            kn_api_fail_element(ctx, "/fields", i, "",
                                "a field is identifier.<type>, trait.<key>, computed.<key>, "
                                "created_at or last_seen_at");
            return false;
        }
    }
    return true;
}

static bool check_url(struct kn_ctx *ctx, const struct kn_destination *d)
{
    struct kn_err err = {0};
    enum kn_rc rc = kn_http_url_check(d->url, ctx->api->env.deliver->allow_private, &err);
    if (rc == KN_E_INVALID) {
        kn_api_fail_at(ctx, "/url", err.text);
    } else if (rc != KN_OK) {
        kn_api_fail_rc(ctx, rc, &err);
    }
    return rc == KN_OK;
}

/* The body's members into the draft, everything checked. */
static bool read_draft(struct kn_ctx *ctx, struct kn_destination *d)
{
    if (!read_text(ctx, "name", NAME_MAX, &d->name) || !read_text(ctx, "kind", 40, &d->kind) ||
        !read_text(ctx, "url", KN_HTTP_URL_MAX, &d->url) ||
        !read_text(ctx, "purpose", 64, &d->purpose) ||
        !read_list(ctx, "segments", KN_DESTINATION_SEGMENTS_MAX, &d->segments, &d->segment_count) ||
        !read_list(ctx, "fields", FIELDS_MAX, &d->fields, &d->field_count) ||
        !read_enabled(ctx, &d->enabled)) {
        return false;
    }
    if (!kn_str_eq(d->kind, KN_STR("webhook"))) {
        kn_api_fail_at(ctx, "/kind", "kind must be webhook");
        return false;
    }
    if (!kn_api_is_purpose(d->purpose)) {
        kn_api_fail_at(ctx, "/purpose",
                       "purpose must be a key of small letters, digits and _, such as "
                       "marketing_email: only who may be used for it is sent");
        return false;
    }
    return check_url(ctx, d) && check_segments(ctx, d) && check_fields(ctx, d);
}

/* ---- documents ---- */

static void put_document(struct kn_buf *out, const struct kn_destination *d)
{
    kn_buf_char(out, '{');
    put_members(out, d);
    kn_json_out_ki64(out, "generation", d->generation);
    if (d->rotated_us != 0) {
        kn_json_out_ktime(out, "rotated_at", d->rotated_us);
    }
    kn_json_out_ki64(out, "version", (int64_t)d->version);
    kn_json_out_ktime(out, "created_at", d->created_us);
    kn_json_out_ktime(out, "updated_at", d->updated_us);
    kn_buf_char(out, '}');
}

static void stage(struct kn_ctx *ctx, const struct kn_destination *d,
                  void (*finish)(struct kn_ctx *))
{
    struct kn_buf json;
    kn_buf_init(&json, DOCUMENT_BYTES);
    put_document(&json, d);
    ctx->subject = kn_arena_str(ctx->request->arena, d->id);
    kn_api_stage_setting(ctx, "destination/", d->id, &json, finish);
    kn_buf_deinit(&json);
}

static void create(struct kn_ctx *ctx)
{
    struct kn_str given[] = {KN_STR("identifier.user_id"), KN_STR("identifier.email")};
    struct kn_settings *s = kn_workspace_settings(ctx->ws);
    size_t count = s->destination_count;
    char id[4 + ID_BYTES] = "dst_";
    struct kn_str tail = kn_api_random_text(ctx, ID_BYTES);
    kn_settings_unref(s);
    if (count >= KN_DESTINATIONS_MAX) {
        kn_api_fail(ctx, 409, "Conflict", "a workspace has at most 50 destinations");
        return;
    }
    if (!tail.p) {
        kn_api_fail_rc(ctx, KN_E_NOMEM, NULL);
        return;
    }
    memcpy(id + 4, tail.p, ID_BYTES);
    int64_t now = kn_clock_wall_us(ctx->api->env.clock);
    struct kn_destination d = {
        .id = kn_str(id, sizeof id),
        .name = KN_STR("Webhook"),
        .kind = KN_STR("webhook"),
        .fields = given,
        .field_count = 2,
        .enabled = true,
        .generation = 1,
        .version = 1,
        .created_us = now,
        .updated_us = now,
    };
    if (read_draft(ctx, &d)) {
        stage(ctx, &d, show_created);
    }
}

void kn_post_destination(struct kn_ctx *ctx)
{
    if (kn_api_body(ctx) && kn_api_begin_change(ctx)) {
        create(ctx);
        kn_api_end_change(ctx);
    }
}

void kn_patch_destination(struct kn_ctx *ctx)
{
    if (!kn_api_body(ctx) || !kn_api_begin_change(ctx)) {
        return;
    }
    struct kn_settings *s = kn_workspace_settings(ctx->ws);
    const struct kn_destination *present = kn_api_destination(ctx, s, ctx->params[1]);
    if (present) {
        struct kn_destination d = *present;
        d.version++;
        d.updated_us = kn_clock_wall_us(ctx->api->env.clock);
        if (read_draft(ctx, &d)) {
            stage(ctx, &d, show_changed);
        }
    }
    kn_settings_unref(s);
    kn_api_end_change(ctx);
}

void kn_post_destination_secret(struct kn_ctx *ctx)
{
    if (!kn_api_begin_change(ctx)) {
        return;
    }
    struct kn_settings *s = kn_workspace_settings(ctx->ws);
    const struct kn_destination *present = kn_api_destination(ctx, s, ctx->params[1]);
    if (present) {
        struct kn_destination d = *present;
        d.version++;
        d.generation++;
        d.updated_us = d.rotated_us = kn_clock_wall_us(ctx->api->env.clock);
        stage(ctx, &d, show_rotated);
    }
    kn_settings_unref(s);
    kn_api_end_change(ctx);
}

void kn_delete_destination(struct kn_ctx *ctx)
{
    struct kn_buf nothing;
    if (!kn_api_begin_change(ctx)) {
        return;
    }
    struct kn_settings *s = kn_workspace_settings(ctx->ws);
    if (kn_api_destination(ctx, s, ctx->params[1])) {
        kn_buf_init(&nothing, 1);
        kn_api_stage_setting(ctx, "destination/", ctx->params[1], &nothing, kn_api_no_content);
        kn_buf_deinit(&nothing);
    }
    kn_settings_unref(s);
    kn_api_end_change(ctx);
}
