/* Changing profiles: consents, merges and un-merges asked for by a person. */
#include "api/api_internal.h"
#include "format/fold.h"
#include "format/time_text.h"

/* NULL: answered 503 already. */
static void *zero(struct kn_ctx *ctx, size_t count, size_t bytes)
{
    void *block = kn_arena_zero(ctx->request->arena, count + 1, bytes);
    if (!block) {
        kn_api_fail_rc(ctx, KN_E_NOMEM, NULL);
    }
    return block;
}

static struct kn_str kept(struct kn_ctx *ctx, struct kn_str s)
{
    return kn_arena_str(ctx->request->arena, s);
}

bool kn_api_profile(struct kn_ctx *ctx, struct kn_str id, struct kn_profile **ret)
{
    enum kn_rc rc = kn_read_profile_by_id(ctx->ws, id, ctx->request->arena, ret);
    if (rc != KN_OK) {
        struct kn_err err = {0};
        (void)kn_fail(&err, rc, "there is no such profile");
        kn_api_fail_rc(ctx, rc, &err);
    }
    return rc == KN_OK;
}

static struct kn_item_id id_of(const struct kn_profile_identifier *id)
{
    return (struct kn_item_id){.type = id->type, .value = id->value, .hash = id->hash};
}

bool kn_api_name_profile(struct kn_ctx *ctx, const struct kn_profile *p, struct kn_item_id *ret)
{
    struct kn_settings *s = kn_workspace_settings(ctx->ws);
    size_t i = 0;
    while (i < p->id_count &&
           kn_identity_is_blocked(s->identity, p->ids[i].type, p->ids[i].value)) {
        i++;
    }
    kn_settings_unref(s);
    if (i == p->id_count) {
        kn_api_fail(ctx, 409, "Conflict", "the profile has no identifier to record this by");
        return false;
    }
    *ret = id_of(&p->ids[i]);
    return true;
}

static void show(struct kn_ctx *ctx, struct kn_str id)
{
    struct kn_profile *p;
    if (kn_api_profile(ctx, id, &p)) {
        struct kn_settings *s = kn_workspace_settings(ctx->ws);
        kn_api_json(ctx, 200);
        kn_render_profile(&ctx->response->body, s, p);
        kn_settings_unref(s);
    }
}

void kn_api_show_subject(struct kn_ctx *ctx)
{
    show(ctx, ctx->subject);
}

/* ---- consents ---- */

/* What is wrong with a consent of the body: a member, and how it should be. */
struct consent_fault {
    const char *member, *detail;
};

static bool read_consent(struct kn_ctx *ctx, uint32_t node, struct kn_item_consent *ret,
                         struct consent_fault *fault)
{
    struct kn_str purpose = kn_api_text(ctx, node, "purpose");
    struct kn_str state = kn_api_text(ctx, node, "state");
    struct kn_str basis = kn_api_text(ctx, node, "basis");
    struct kn_str at = kn_api_text(ctx, node, "at");
    bool granted = kn_str_eq(state, KN_STR("granted"));
    *fault = (struct consent_fault){0};
    if (purpose.len == 0 || purpose.len > 64 || kn_str_eq(purpose, KN_STR("*"))) {
        *fault = (struct consent_fault){"/purpose", "purpose must be a key of 1 to 64 characters"};
    } else if (!granted && !kn_str_eq(state, KN_STR("denied"))) {
        *fault = (struct consent_fault){"/state", "state must be granted or denied"};
    } else if (basis.len > 64) {
        *fault = (struct consent_fault){"/basis", "basis must be a key of at most 64 characters"};
    }
    *ret = (struct kn_item_consent){
        .purpose = kept(ctx, purpose),
        .state = granted ? KN_CONSENT_GRANTED : KN_CONSENT_DENIED,
        .basis = basis.len > 0 ? kept(ctx, basis) : KN_STR("consent"),
        .text_version = kept(ctx, kn_api_text(ctx, node, "text_version")),
    };
    if (!fault->member && at.len > 0 && !kn_time_parse(at, &ret->at_us)) {
        *fault = (struct consent_fault){"/at", "at must be an ISO 8601 time"};
    }
    return !fault->member;
}

/* {"consents":[...]} or one consent by itself; false: answered 400. */
static bool read_consents(struct kn_ctx *ctx, struct kn_item *item)
{
    uint32_t list = kn_json_find(&ctx->doc, 0, KN_STR("consents"));
    struct consent_fault fault;
    if (list == KN_JSON_NONE) {
        item->consent_count = 1;
        if (!read_consent(ctx, 0, &item->consents[0], &fault)) {
            kn_api_fail_at(ctx, fault.member, fault.detail);
            return false;
        }
        return true;
    }
    if (kn_json_type_at(&ctx->doc, list) != KN_JSON_ARRAY ||
        ctx->doc.nodes[list].next == list + 1) {
        kn_api_fail_at(ctx, "/consents", "consents must be an array that is not empty");
        return false;
    }
    for (uint32_t i = list + 1; i < ctx->doc.nodes[list].next; i = ctx->doc.nodes[i].next) {
        if (item->consent_count == KN_ITEM_CONSENTS_MAX) {
            kn_api_fail_at(ctx, "/consents", "at most 256 consents at once");
            return false;
        }
        if (!read_consent(ctx, i, &item->consents[item->consent_count], &fault)) {
            kn_api_fail_element(ctx, "/consents", item->consent_count, fault.member, fault.detail);
            return false;
        }
        item->consent_count++;
    }
    return true;
}

void kn_post_consents(struct kn_ctx *ctx)
{
    struct kn_profile *p;
    struct kn_item item = {.kind = KN_ITEM_CONSENT};
    if (!kn_api_profile(ctx, ctx->params[1], &p) || !kn_api_body(ctx)) {
        return;
    }
    item.consents = zero(ctx, KN_ITEM_CONSENTS_MAX, sizeof *item.consents);
    if (!item.consents || !read_consents(ctx, &item)) {
        return;
    }
    struct kn_item_id id;
    if (!kn_api_name_profile(ctx, p, &id)) {
        return;
    }
    item.ids = &id;
    item.id_count = 1;
    /* The request body is what proves it. */
    item.body = ctx->request->body;
    ctx->subject = kept(ctx, ctx->params[1]);
    kn_api_stage(ctx, &item, 0, kn_api_show_subject);
}

/* ---- merge ---- */

static void dry_run(struct kn_ctx *ctx, const struct kn_item *item, bool split)
{
    struct kn_profile *a = NULL;
    struct kn_profile *b = NULL;
    struct kn_err err = {0};
    enum kn_rc rc = kn_read_dry_run(ctx->ws, item, ctx->request->arena, &a, &b, &err);
    if (rc != KN_OK) {
        kn_api_fail_rc(ctx, rc, &err);
        return;
    }
    struct kn_settings *s = kn_workspace_settings(ctx->ws);
    struct kn_buf *out = &ctx->response->body;
    kn_api_json(ctx, 200);
    if (split) {
        kn_buf_c(out, "{\"profile\":");
    }
    kn_render_profile(out, s, a);
    if (split) {
        kn_buf_c(out, ",\"split_off\":");
        if (b) {
            kn_render_profile(out, s, b);
        } else {
            kn_buf_c(out, "null");
        }
        kn_buf_char(out, '}');
    }
    kn_settings_unref(s);
}

static void apply_change(struct kn_ctx *ctx, struct kn_item *item, bool split,
                         void (*finish)(struct kn_ctx *))
{
    struct kn_err err = {0};
    item->received_us = kn_clock_wall_us(ctx->api->env.clock);
    item->event_us = item->received_us;
    struct kn_str dry = kn_http_param(ctx->request, "dry_run");
    if (dry.len > 0 && !kn_str_eq(dry, KN_STR("true")) && !kn_str_eq(dry, KN_STR("false"))) {
        kn_api_fail_param(ctx, "dry_run", "dry_run must be true or false");
        return;
    }
    if (kn_str_eq(dry, KN_STR("true"))) {
        item->message_id = KN_STR("dry-run");
        dry_run(ctx, item, split);
        return;
    }
    enum kn_rc rc = kn_read_check_change(ctx->ws, item, &err);
    if (rc != KN_OK) {
        kn_api_fail_rc(ctx, rc, &err);
        return;
    }
    kn_api_stage(ctx, item, 0, finish);
}

void kn_post_merge(struct kn_ctx *ctx)
{
    struct kn_profile *pair[2];
    if (!kn_api_body(ctx)) {
        return;
    }
    uint32_t list = kn_json_find(&ctx->doc, 0, KN_STR("profiles"));
    uint32_t second =
        kn_json_type_at(&ctx->doc, list) == KN_JSON_ARRAY && ctx->doc.nodes[list].next > list + 1
            ? ctx->doc.nodes[list + 1].next
            : KN_JSON_NONE;
    if (second == KN_JSON_NONE || second >= ctx->doc.nodes[list].next ||
        ctx->doc.nodes[second].next != ctx->doc.nodes[list].next) {
        kn_api_fail_at(ctx, "/profiles", "profiles must be an array of two ids");
        return;
    }
    struct kn_str a = kept(ctx, kn_json_string(&ctx->doc, list + 1, ctx->request->arena));
    struct kn_str b = kept(ctx, kn_json_string(&ctx->doc, second, ctx->request->arena));
    struct kn_str reason = kept(ctx, kn_api_text(ctx, 0, "reason"));
    if (!kn_api_profile(ctx, a, &pair[0]) || !kn_api_profile(ctx, b, &pair[1])) {
        return;
    }
    if (pair[0]->id_count == 0 || pair[1]->id_count == 0) {
        kn_api_fail(ctx, 409, "Conflict", "a profile without identifiers cannot be merged");
        return;
    }
    if (pair[0]->ordinal == pair[1]->ordinal) {
        kn_api_fail(ctx, 409, "Conflict", "they are one profile already");
        return;
    }
    struct kn_item_id ids[2] = {id_of(&pair[0]->ids[0]), id_of(&pair[1]->ids[0])};
    struct kn_item item = {
        .kind = KN_ITEM_MERGE, .ids = ids, .id_count = 2, .name = kn_str_sub(reason, 0, 500)};
    ctx->subject = a;
    apply_change(ctx, &item, false, kn_api_show_subject);
}

/* ---- un-merge ---- */

/* The identifiers of both sides, by which the result is found again. */
struct sides {
    struct kn_profile_identifier *rest, *off;
    size_t rest_count, off_count;
};

static const struct kn_profile_identifier *find(const struct kn_profile *p, struct kn_str type,
                                                struct kn_str value)
{
    for (size_t i = 0; i < p->id_count; i++) {
        if (kn_str_eq(kn_id_name(p->ids[i].type, p->ids[i].value), type) &&
            kn_str_eq(kn_id_plain_value(p->ids[i].type, p->ids[i].value), value)) {
            return &p->ids[i];
        }
    }
    return NULL;
}

static bool has(const struct sides *sides, struct kn_h128 hash)
{
    for (size_t i = 0; i < sides->off_count; i++) {
        if (kn_h128_eq(sides->off[i].hash, hash)) {
            return true;
        }
    }
    return false;
}

static bool read_sides(struct kn_ctx *ctx, const struct kn_profile *p, struct sides *sides)
{
    uint32_t list = kn_json_find(&ctx->doc, 0, KN_STR("identifiers"));
    sides->off = zero(ctx, p->id_count, sizeof *sides->off);
    sides->rest = sides->off ? zero(ctx, p->id_count, sizeof *sides->rest) : NULL;
    if (!sides->rest) {
        return false;
    }
    if (kn_json_type_at(&ctx->doc, list) != KN_JSON_ARRAY) {
        kn_api_fail_at(ctx, "/identifiers", "identifiers must be an array of {type, value}");
        return false;
    }
    size_t index = 0;
    for (uint32_t i = list + 1; i < ctx->doc.nodes[list].next; i = ctx->doc.nodes[i].next) {
        struct kn_str type = kn_api_text(ctx, i, "type");
        struct kn_str value = kn_api_text(ctx, i, "value");
        if (kn_str_eq(type, KN_STR("email"))) {
            struct kn_str folded = kn_fold_email(value, ctx->request->arena);
            if (value.len > 0 && !folded.p) {
                kn_api_fail_rc(ctx, KN_E_NOMEM, NULL);
                return false;
            }
            value = folded;
        }
        const struct kn_profile_identifier *id = find(p, type, value);
        if (!id) {
            kn_api_fail_element(ctx, "/identifiers", index, "",
                                "this is not an identifier of the profile");
            return false;
        }
        index++;
        if (!has(sides, id->hash)) {
            sides->off[sides->off_count++] = *id;
        }
    }
    for (size_t i = 0; i < p->id_count; i++) {
        if (!has(sides, p->ids[i].hash)) {
            sides->rest[sides->rest_count++] = p->ids[i];
        }
    }
    return true;
}

static struct kn_profile *owner(struct kn_ctx *ctx, const struct kn_profile_identifier *ids,
                                size_t count)
{
    struct kn_profile *p = NULL;
    for (size_t i = 0; i < count; i++) {
        if (kn_read_profile_by_identifier(ctx->ws, kn_id_name(ids[i].type, ids[i].value),
                                          kn_id_plain_value(ids[i].type, ids[i].value),
                                          ctx->request->arena, &p) == KN_OK) {
            return p;
        }
    }
    return NULL;
}

static void show_sides(struct kn_ctx *ctx)
{
    const struct sides *sides = (const struct sides *)(const void *)ctx->subject.p;
    struct kn_buf *out = &ctx->response->body;
    struct kn_profile *both[2] = {owner(ctx, sides->rest, sides->rest_count),
                                  owner(ctx, sides->off, sides->off_count)};
    struct kn_settings *s = kn_workspace_settings(ctx->ws);
    kn_api_json(ctx, 200);
    for (size_t i = 0; i < 2; i++) {
        kn_buf_c(out, i == 0 ? "{\"profile\":" : ",\"split_off\":");
        if (both[i]) {
            kn_render_profile(out, s, both[i]);
        } else {
            kn_buf_c(out, "null");
        }
    }
    kn_buf_char(out, '}');
    kn_settings_unref(s);
}

void kn_post_unmerge(struct kn_ctx *ctx)
{
    struct kn_profile *p;
    struct sides *sides = zero(ctx, 1, sizeof *sides);
    if (!sides || !kn_api_profile(ctx, ctx->params[1], &p) || !kn_api_body(ctx) ||
        !read_sides(ctx, p, sides)) {
        return;
    }
    struct kn_item_id *ids = zero(ctx, sides->off_count, sizeof *ids);
    if (!ids) {
        return;
    }
    for (size_t i = 0; i < sides->off_count; i++) {
        ids[i] = id_of(&sides->off[i]);
    }
    if (sides->off_count == 0 || sides->off_count > KN_ITEM_IDS_MAX) {
        kn_api_fail_at(ctx, "/identifiers", "1 to 64 identifiers can be split off at once");
        return;
    }
    struct kn_str reason = kept(ctx, kn_api_text(ctx, 0, "reason"));
    struct kn_item item = {.kind = KN_ITEM_UNMERGE,
                           .ids = ids,
                           .id_count = sides->off_count,
                           .name = kn_str_sub(reason, 0, 500)};
    ctx->subject = kn_str(sides, sizeof *sides);
    apply_change(ctx, &item, true, show_sides);
}
