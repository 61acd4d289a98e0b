/* CSV links: addresses that give the members of a segment to whoever knows them.
 *
 * Spreadsheets and ad platforms fetch a URL and cannot send a header, so here, and nowhere else in
 * Kern, a secret stands in a URL. It opens one segment under one purpose with the columns it was
 * made with, for a time; only a keyed hash of it is kept, it is compared in constant time, tries
 * are limited, and every wrong one gets the same answer. */
#include <stdio.h>

#include <sodium.h>

#include "api/api_internal.h"
#include "apply/segments.h"
#include "format/time_text.h"
#include "format/token.h"
#include "profile/field.h"

enum {
    ID_BYTES = 12,
    TOKEN_BYTES = 43,
    HASH_BYTES = 32,
    LABEL_MAX = 200,
    DOCUMENT_BYTES = 32 << 10,
    DAYS = 90,
    DAYS_MAX = 366,
    USES_A_MINUTE = 10,  /* of one link */
    WRONG_A_MINUTE = 60, /* of all links together */
};
#define DAY_US (INT64_C(24) * 3600 * 1000000)
#define HOUR_US (INT64_C(3600) * 1000000)

bool kn_api_may_try(struct kn_api *api, struct kn_str what, unsigned most)
{
    uint64_t hash = kn_checksum64(what);
    uint64_t minute = kn_clock_mono_ns(kn_clock_posix()) / UINT64_C(60000000000);
    struct kn_api_tries *t = &api->tries[hash % KN_API_TRIES];
    kn_mutex_lock(&api->tries_mutex);
    if (t->minute != minute || t->hash != hash) {
        *t = (struct kn_api_tries){.hash = hash, .minute = minute};
    }
    bool may = t->count < most;
    t->count += may ? 1 : 0;
    kn_mutex_unlock(&api->tries_mutex);
    return may;
}

/* ---- documents ---- */

static void put_members(struct kn_buf *out, const struct kn_csv_link *link)
{
    kn_json_out_kv(out, "name", link->name);
    kn_json_out_kv(out, "segment", link->segment);
    kn_json_out_kv(out, "purpose", link->purpose);
    kn_json_out_kv(out, "fields", link->fields);
    kn_json_out_kv(out, "created_by", link->created_by);
    kn_json_out_ktime(out, "created_at", link->created_us);
    kn_json_out_ktime(out, "expires_at", link->expires_us);
    if (link->used_us != 0) {
        kn_json_out_ktime(out, "used_at", link->used_us);
    }
}

static void put_document(struct kn_buf *out, const struct kn_csv_link *link)
{
    kn_buf_char(out, '{');
    put_members(out, link);
    kn_json_out_kv(out, "token_hash", link->token_hash);
    kn_buf_char(out, '}');
}

/* ---- showing ---- */

static void put_link(struct kn_ctx *ctx, const struct kn_csv_link *link)
{
    struct kn_buf *out = &ctx->response->body;
    kn_buf_char(out, '{');
    kn_json_out_kv(out, "id", link->id);
    put_members(out, link);
    kn_json_out_kbool(out, "expired", link->expires_us <= kn_clock_wall_us(ctx->api->env.clock));
}

void kn_get_csv_links(struct kn_ctx *ctx)
{
    struct kn_segment_info info;
    struct kn_buf *out = &ctx->response->body;
    if (!kn_api_segment_info(ctx, ctx->params[1], &info)) {
        return;
    }
    struct kn_settings *s = kn_workspace_settings(ctx->ws);
    kn_api_json(ctx, 200);
    kn_buf_c(out, "{\"data\":[");
    for (size_t i = 0; i < s->csv_link_count; i++) {
        if (kn_str_eq(s->csv_links[i].segment, info.key)) {
            kn_json_out_comma(out);
            put_link(ctx, &s->csv_links[i]);
            kn_buf_char(out, '}');
        }
    }
    kn_buf_c(out, "],\"next\":null}");
    kn_settings_unref(s);
}

/* What is remembered until the link is there: the only time its address is shown. */
struct made {
    struct kn_str id, token;
};

static void show_made(struct kn_ctx *ctx)
{
    const struct made *m = (const struct made *)(const void *)ctx->subject.p;
    struct kn_settings *s = kn_workspace_settings(ctx->ws);
    const struct kn_csv_link *link = kn_settings_csv_link(s, m->id);
    struct kn_buf url;
    kn_buf_init(&url, 1024);
    kn_buf_c(&url, ctx->request->tls ? "https://" : "http://");
    kn_buf_str(&url, kn_http_header(ctx->request, "Host"));
    kn_buf_printf(&url, "/csv/%s/%.*s/%.*s", kn_workspace_name(ctx->ws), KN_STR_ARG(m->id),
                  KN_STR_ARG(m->token));
    if (link && url.rc == KN_OK) {
        kn_api_json(ctx, 201);
        put_link(ctx, link);
        kn_json_out_kv(&ctx->response->body, "url", kn_buf_view(&url));
        kn_buf_char(&ctx->response->body, '}');
    } else {
        kn_api_fail(ctx, 404, "Not found", "there is no such link");
    }
    kn_buf_deinit(&url);
    kn_settings_unref(s);
}

/* ---- making ---- */

static struct kn_str hash_text(struct kn_ctx *ctx, struct kn_str token)
{
    unsigned char hash[HASH_BYTES];
    char text[HASH_BYTES * 2];
    kn_system_hash(ctx->api->env.system, token, hash);
    kn_hex_encode(hash, sizeof hash, text);
    return kn_arena_str(ctx->request->arena, kn_str(text, sizeof text));
}

static bool read_fields(struct kn_ctx *ctx, struct kn_csv_link *link)
{
    uint32_t list = kn_json_find(&ctx->doc, 0, KN_STR("fields"));
    struct kn_buf joined;
    kn_buf_init(&joined, DOCUMENT_BYTES / 4);
    bool good = list == KN_JSON_NONE || kn_json_type_at(&ctx->doc, list) == KN_JSON_ARRAY;
    if (list == KN_JSON_NONE) {
        kn_buf_c(&joined, KN_CSV_DEFAULT_FIELDS);
    }
    for (uint32_t i = list + 1; good && list != KN_JSON_NONE && i < ctx->doc.nodes[list].next;
         i = ctx->doc.nodes[i].next) {
        struct kn_str name = kn_json_string(&ctx->doc, i, ctx->request->arena);
        good = kn_str_find(name, KN_STR(",")) == SIZE_MAX;
        kn_buf_c(&joined, joined.len > 0 ? "," : "");
        kn_buf_str(&joined, name);
    }
    link->fields = kn_arena_str(ctx->request->arena, kn_buf_view(&joined));
    good = good && joined.rc == KN_OK && kn_api_csv_fields(ctx, link->fields);
    kn_buf_deinit(&joined);
    if (!good) {
        kn_api_fail_at(ctx, "/fields",
                       "fields must be an array of 1 to 100 of " KN_PROFILE_FIELD_NAMES);
    }
    return good;
}

static bool read_expiry(struct kn_ctx *ctx, struct kn_csv_link *link)
{
    struct kn_str at = kn_api_text(ctx, 0, "expires_at");
    link->expires_us = link->created_us + DAYS * DAY_US;
    if (at.len > 0 &&
        (!kn_time_parse(at, &link->expires_us) || link->expires_us <= link->created_us ||
         link->expires_us > link->created_us + DAYS_MAX * DAY_US)) {
        kn_api_fail_at(ctx, "/expires_at",
                       "expires_at must be an ISO 8601 time from now to a year from now");
        return false;
    }
    return true;
}

static bool read_link(struct kn_ctx *ctx, struct kn_csv_link *link)
{
    link->purpose = kn_arena_str(ctx->request->arena, kn_api_text(ctx, 0, "purpose"));
    link->name = kn_arena_str(ctx->request->arena, kn_str_trim(kn_api_text(ctx, 0, "name")));
    if (!kn_api_is_purpose(link->purpose)) {
        kn_api_fail_at(ctx, "/purpose",
                       "a link names its purpose, such as marketing_email: only who may be used "
                       "for it is in the file");
        return false;
    }
    if (link->name.len > LABEL_MAX) {
        kn_api_fail_at(ctx, "/name", "name must be a string of at most 200 bytes");
        return false;
    }
    link->name = link->name.len > 0 ? link->name : link->segment;
    return read_fields(ctx, link) && read_expiry(ctx, link);
}

static void create(struct kn_ctx *ctx, struct kn_str segment)
{
    struct made *m = kn_arena_zero(ctx->request->arena, 1, sizeof *m);
    char id[4 + ID_BYTES] = "lnk_";
    struct kn_str tail = kn_api_random_text(ctx, ID_BYTES);
    struct kn_str token = kn_api_random_text(ctx, TOKEN_BYTES);
    struct kn_buf json;
    if (!m || !tail.p || !token.p) {
        kn_api_fail_rc(ctx, KN_E_NOMEM, NULL);
        return;
    }
    memcpy(id + 4, tail.p, ID_BYTES);
    struct kn_csv_link link = {
        .id = kn_str(id, sizeof id),
        .segment = segment,
        .token_hash = hash_text(ctx, token),
        .created_by = ctx->caller.id,
        .created_us = kn_clock_wall_us(ctx->api->env.clock),
    };
    if (!read_link(ctx, &link)) {
        return;
    }
    *m = (struct made){kn_arena_str(ctx->request->arena, link.id), token};
    ctx->subject = kn_str((const char *)m, sizeof *m);
    kn_buf_init(&json, DOCUMENT_BYTES);
    put_document(&json, &link);
    kn_api_stage_setting(ctx, "csv_link/", link.id, &json, show_made);
    kn_buf_deinit(&json);
}

void kn_post_csv_link(struct kn_ctx *ctx)
{
    struct kn_segment_info info;
    if (!kn_api_body(ctx) || !kn_api_segment_info(ctx, ctx->params[1], &info) ||
        !kn_api_begin_change(ctx)) {
        return;
    }
    struct kn_settings *s = kn_workspace_settings(ctx->ws);
    bool full = s->csv_link_count >= KN_CSV_LINKS_MAX;
    kn_settings_unref(s);
    if (full) {
        kn_api_fail(ctx, 409, "Conflict", "a workspace has at most 100 CSV links");
    } else {
        create(ctx, info.key);
    }
    kn_api_end_change(ctx);
}

void kn_delete_csv_link(struct kn_ctx *ctx)
{
    struct kn_buf nothing;
    if (!kn_api_begin_change(ctx)) {
        return;
    }
    struct kn_settings *s = kn_workspace_settings(ctx->ws);
    const struct kn_csv_link *link = kn_settings_csv_link(s, ctx->params[2]);
    if (link && kn_str_eq(link->segment, ctx->params[1])) {
        kn_buf_init(&nothing, 1);
        kn_api_stage_setting(ctx, "csv_link/", link->id, &nothing, kn_api_no_content);
        kn_buf_deinit(&nothing);
    } else {
        kn_api_fail(ctx, 404, "Not found", "there is no such link");
    }
    kn_settings_unref(s);
    kn_api_end_change(ctx);
}

bool kn_api_has_csv_links(struct kn_ctx *ctx, struct kn_str segment)
{
    struct kn_settings *s = kn_workspace_settings(ctx->ws);
    bool has = false;
    for (size_t i = 0; i < s->csv_link_count; i++) {
        has = has || kn_str_eq(s->csv_links[i].segment, segment);
    }
    kn_settings_unref(s);
    return has;
}

/* ---- opening ---- */

/* The link that the token opens, or NULL. An unknown link costs the same as a wrong token. */
static const struct kn_csv_link *open_link(struct kn_ctx *ctx, const struct kn_settings *s)
{
    unsigned char given[HASH_BYTES];
    unsigned char wanted[HASH_BYTES] = {0};
    const struct kn_csv_link *link = kn_settings_csv_link(s, ctx->params[1]);
    kn_system_hash(ctx->api->env.system, ctx->params[2], given);
    bool known = link && kn_hex_decode(link->token_hash, wanted, sizeof wanted);
    bool same = sodium_memcmp(given, wanted, sizeof given) == 0;
    return known && same && link->expires_us > kn_clock_wall_us(ctx->api->env.clock) ? link : NULL;
}

/* The hour of its last use, without anybody waiting for it. */
static void note_use(struct kn_ctx *ctx, const struct kn_csv_link *link)
{
    struct kn_csv_link used = *link;
    struct kn_buf json;
    int64_t now = kn_clock_wall_us(ctx->api->env.clock);
    used.used_us = now - now % HOUR_US;
    if (used.used_us <= link->used_us) {
        return;
    }
    kn_buf_init(&json, DOCUMENT_BYTES);
    put_document(&json, &used);
    kn_api_stage_quietly(ctx, "csv_link/", link->id, &json);
    kn_buf_deinit(&json);
}

static void refuse(struct kn_ctx *ctx)
{
    if (kn_api_may_try(ctx->api, KN_STR("wrong links"), WRONG_A_MINUTE)) {
        kn_api_fail(ctx, 404, "Not found",
                    "there is no such link, or it has expired or been taken back");
        return;
    }
    kn_http_set_header(ctx->response, "Retry-After", KN_STR("60"));
    kn_api_fail(ctx, 429, "Too many requests", "too many wrong links: wait a minute");
}

void kn_get_csv_by_link(struct kn_ctx *ctx)
{
    struct kn_settings *s = kn_workspace_settings(ctx->ws);
    const struct kn_csv_link *link = open_link(ctx, s);
    if (!link) {
        refuse(ctx);
    } else if (!kn_api_may_try(ctx->api, link->id, USES_A_MINUTE)) {
        kn_http_set_header(ctx->response, "Retry-After", KN_STR("60"));
        kn_api_fail(ctx, 429, "Too many requests", "a link can be opened 10 times a minute");
    } else {
        note_use(ctx, link);
        kn_api_stream_csv(ctx, link);
    }
    kn_settings_unref(s);
}
