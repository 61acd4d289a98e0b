/* Sources, identity rules, workspaces, the clock and signing in. */
#include "api/api_internal.h"
#include "format/decimal.h"
#include "format/time_text.h"

enum { KEY_MIN = 8, KEY_MAX = 64, WRITE_KEY_BYTES = 32 };

/* ---- settings as records ---- */

static void stage_setting(struct kn_ctx *ctx, const char *prefix, struct kn_str id,
                          const struct kn_buf *json, void (*finish)(struct kn_ctx *))
{
    struct kn_buf key;
    kn_buf_init(&key, 128);
    kn_buf_c(&key, prefix);
    kn_buf_str(&key, id);
    if (json->rc != KN_OK || key.rc != KN_OK) {
        kn_api_fail(ctx, 400, "Bad request", "the document is too large");
    } else {
        struct kn_item item = {
            .kind = KN_ITEM_SETTING, .name = kn_buf_view(&key), .body = kn_buf_view(json)};
        kn_api_stage(ctx, &item, KN_FRAME_SETTINGS, finish);
    }
    kn_buf_deinit(&key);
}

/* ---- sources ---- */

static void put_source(struct kn_ctx *ctx, const struct kn_source *source)
{
    struct kn_buf *out = &ctx->response->body;
    struct kn_source_stats stats;
    kn_read_source_stats(ctx->ws, source->number, &stats);
    /* The document as stored, with its numbers behind it. */
    kn_buf_str(out, kn_str_sub(source->json, 0, source->json.len - 1));
    kn_json_out_key(out, "statistics");
    kn_buf_char(out, '{');
    kn_json_out_ki64(out, "events", (int64_t)stats.events);
    kn_json_out_ki64(out, "duplicates", (int64_t)stats.duplicates);
    kn_json_out_ki64(out, "rejects", (int64_t)stats.rejects);
    if (stats.last_event_us != 0) {
        kn_json_out_ktime(out, "first_event_at", stats.first_event_us);
        kn_json_out_ktime(out, "last_event_at", stats.last_event_us);
    }
    kn_buf_c(out, "}}");
}

void kn_get_sources(struct kn_ctx *ctx)
{
    struct kn_settings *s = kn_workspace_settings(ctx->ws);
    kn_api_json(ctx, 200);
    kn_buf_c(&ctx->response->body, "{\"data\":[");
    for (size_t i = 0; i < s->source_count; i++) {
        if (s->sources[i].number != 0 && !s->sources[i].deleted) {
            kn_json_out_comma(&ctx->response->body);
            put_source(ctx, &s->sources[i]);
        }
    }
    kn_buf_c(&ctx->response->body, "],\"next\":null}");
    kn_settings_unref(s);
}

static void show_source(struct kn_ctx *ctx, struct kn_str id, int status)
{
    struct kn_settings *s = kn_workspace_settings(ctx->ws);
    const struct kn_source *source = kn_settings_source_by_id(s, id);
    if (source) {
        kn_api_json(ctx, status);
        put_source(ctx, source);
    } else {
        kn_api_fail(ctx, 404, "Not found", "there is no such source");
    }
    kn_settings_unref(s);
}

void kn_get_source(struct kn_ctx *ctx)
{
    show_source(ctx, ctx->params[1], 200);
}

static void source_created(struct kn_ctx *ctx)
{
    show_source(ctx, ctx->subject, 201);
}

static void source_changed(struct kn_ctx *ctx)
{
    show_source(ctx, ctx->subject, 200);
}

static bool good_key(struct kn_str key)
{
    for (size_t i = 0; i < key.len; i++) {
        char c = key.p[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'))) {
            return false;
        }
    }
    return key.len >= KEY_MIN && key.len <= KEY_MAX;
}

static bool check_strings(struct kn_ctx *ctx, const char *name, bool keys)
{
    uint32_t list = kn_json_find(&ctx->doc, 0, kn_str_c(name));
    if (list == KN_JSON_NONE) {
        return true;
    }
    bool ok = kn_json_type_at(&ctx->doc, list) == KN_JSON_ARRAY;
    for (uint32_t i = list + 1; ok && i < ctx->doc.nodes[list].next; i = ctx->doc.nodes[i].next) {
        struct kn_str text = kn_json_string(&ctx->doc, i, ctx->request->arena);
        ok = keys ? good_key(text) : text.len > 0 && text.len <= 64;
    }
    if (!ok) {
        kn_api_fail(ctx, 400, "Bad request",
                    keys ? "write_keys must be strings of 8 to 64 letters and digits"
                         : "purposes must be strings of 1 to 64 characters");
    }
    return ok;
}

static bool check_source(struct kn_ctx *ctx)
{
    static const char *const parties[] = {"zero", "first", "second", "third"};
    struct kn_str party = kn_api_text(ctx, 0, "party");
    struct kn_str name = kn_api_text(ctx, 0, "name");
    bool known = party.len == 0;
    for (size_t i = 0; i < 4; i++) {
        known = known || kn_str_eq(party, kn_str_c(parties[i]));
    }
    if (!known) {
        kn_api_fail(ctx, 400, "Bad request", "party must be zero, first, second or third");
        return false;
    }
    if (name.len > 200) {
        kn_api_fail(ctx, 400, "Bad request", "name may have at most 200 characters");
        return false;
    }
    return check_strings(ctx, "write_keys", true) && check_strings(ctx, "purposes", false);
}

/* A member: the body's, else the present document's, else the fallback. */
static void put_member(struct kn_ctx *ctx, struct kn_buf *out, const char *key,
                       struct kn_str present, struct kn_str fallback)
{
    uint32_t node = kn_json_find(&ctx->doc, 0, kn_str_c(key));
    struct kn_str value = node != KN_JSON_NONE ? kn_json_raw(&ctx->doc, node) : KN_STR_EMPTY;
    size_t offset = 0;
    struct kn_str name;
    struct kn_str raw;
    while (value.len == 0 && present.len > 0 && kn_json_walk(present, &offset, &name, &raw)) {
        if (kn_str_eq(name, kn_str_c(key))) {
            value = raw;
        }
    }
    kn_json_out_kraw(out, key, value.len > 0 ? value : fallback);
}

static void put_document(struct kn_ctx *ctx, struct kn_buf *out, struct kn_str id, uint32_t number,
                         struct kn_str present, struct kn_str key_json)
{
    char now[KN_TIME_TEXT_MAX + 2];
    struct kn_str text = kn_time_format(kn_clock_wall_us(ctx->api->env.clock), now + 1);
    now[0] = '"';
    now[text.len + 1] = '"';
    kn_buf_char(out, '{');
    kn_json_out_ki64(out, "number", number);
    kn_json_out_kv(out, "id", id);
    put_member(ctx, out, "name", present, KN_STR("\"Source\""));
    put_member(ctx, out, "kind", present, KN_STR("\"web\""));
    put_member(ctx, out, "party", present, KN_STR("\"first\""));
    put_member(ctx, out, "write_keys", present, key_json);
    put_member(ctx, out, "purposes", present, KN_STR("[]"));
    put_member(ctx, out, "enabled", present, KN_STR("true"));
    if (present.len > 0) {
        put_member(ctx, out, "created_at", present, KN_STR("null"));
    } else {
        kn_json_out_kraw(out, "created_at", kn_str(now, text.len + 2));
    }
}

void kn_post_source(struct kn_ctx *ctx)
{
    struct kn_buf json;
    struct kn_buf keys;
    if (!kn_api_body(ctx) || !check_source(ctx)) {
        return;
    }
    struct kn_settings *s = kn_workspace_settings(ctx->ws);
    uint32_t number = (uint32_t)s->source_count + 1;
    kn_settings_unref(s);
    kn_buf_init(&json, 64 * 1024);
    kn_buf_init(&keys, 256);
    kn_buf_char(&keys, '[');
    kn_json_out_string(&keys, kn_api_random_text(ctx, WRITE_KEY_BYTES));
    kn_buf_char(&keys, ']');
    struct kn_str tail = kn_api_random_text(ctx, 12);
    char id[16] = "src_";
    memcpy(id + 4, tail.p, 12);
    ctx->subject = kn_arena_str(ctx->request->arena, kn_str(id, 16));
    put_document(ctx, &json, ctx->subject, number, KN_STR_EMPTY, kn_buf_view(&keys));
    kn_buf_char(&json, '}');
    stage_setting(ctx, "source/", ctx->subject, &json, source_created);
    kn_buf_deinit(&keys);
    kn_buf_deinit(&json);
}

static void change_source(struct kn_ctx *ctx, bool deleted, void (*finish)(struct kn_ctx *))
{
    struct kn_settings *s = kn_workspace_settings(ctx->ws);
    const struct kn_source *source = kn_settings_source_by_id(s, ctx->params[1]);
    struct kn_buf json;
    kn_buf_init(&json, 64 * 1024);
    if (!source) {
        kn_api_fail(ctx, 404, "Not found", "there is no such source");
    } else {
        ctx->subject = kn_arena_str(ctx->request->arena, source->id);
        put_document(ctx, &json, source->id, source->number, source->json, KN_STR("[]"));
        if (deleted) {
            kn_json_out_kbool(&json, "deleted", true);
        }
        kn_buf_char(&json, '}');
        stage_setting(ctx, "source/", ctx->subject, &json, finish);
    }
    kn_buf_deinit(&json);
    kn_settings_unref(s);
}

void kn_patch_source(struct kn_ctx *ctx)
{
    if (kn_api_body(ctx) && check_source(ctx)) {
        change_source(ctx, false, source_changed);
    }
}

static void no_content(struct kn_ctx *ctx)
{
    ctx->response->status = 204;
    kn_buf_clear(&ctx->response->body);
}

void kn_delete_source(struct kn_ctx *ctx)
{
    ctx->doc = (struct kn_json){0};
    static const struct kn_json_node empty = {.type = KN_JSON_OBJECT, .next = 1};
    ctx->doc.nodes = &empty;
    ctx->doc.count = 1;
    change_source(ctx, true, no_content);
}

void kn_get_rejects(struct kn_ctx *ctx)
{
    struct kn_settings *s = kn_workspace_settings(ctx->ws);
    const struct kn_source *source = kn_settings_source_by_id(s, ctx->params[1]);
    uint32_t number = source ? source->number : 0;
    struct kn_reject *rejects;
    size_t limit;
    size_t count;
    uint64_t before = 0;
    kn_settings_unref(s);
    if (number == 0) {
        kn_api_fail(ctx, 404, "Not found", "there is no such source");
        return;
    }
    struct kn_str cursor = kn_http_param(ctx->request, "cursor");
    if (cursor.len > 0 && !kn_str_u64(cursor, &before)) {
        kn_api_fail(ctx, 400, "Bad request", "cursor is not one that was given out");
        return;
    }
    if (!kn_api_limit(ctx, KN_API_LIMIT, KN_API_LIMIT_MAX, &limit)) {
        return;
    }
    enum kn_rc rc = kn_read_rejects(ctx->ws, number, before, limit, ctx->request->arena, &rejects,
                                    &count);
    if (rc != KN_OK) {
        kn_api_fail_rc(ctx, rc, NULL);
        return;
    }
    struct kn_buf *out = &ctx->response->body;
    kn_api_json(ctx, 200);
    kn_buf_c(out, "{\"data\":[");
    for (size_t i = 0; i < count; i++) {
        kn_json_out_comma(out);
        kn_buf_str(out, kn_str_sub(rejects[i].body, 0, rejects[i].body.len - 1));
        kn_json_out_ki64(out, "number", (int64_t)rejects[i].number);
        kn_json_out_ktime(out, "at", rejects[i].at_us);
        kn_buf_char(out, '}');
    }
    kn_buf_c(out, "],\"next\":");
    if (count == limit && rejects[count - 1].number > 1) {
        kn_buf_printf(out, "\"%llu\"", (unsigned long long)rejects[count - 1].number);
    } else {
        kn_buf_c(out, "null");
    }
    kn_buf_char(out, '}');
}

/* ---- identity ---- */

void kn_get_identity(struct kn_ctx *ctx)
{
    struct kn_settings *s = kn_workspace_settings(ctx->ws);
    kn_api_json(ctx, 200);
    kn_identity_rules_format(s->identity, &ctx->response->body);
    kn_settings_unref(s);
}

void kn_put_identity(struct kn_ctx *ctx)
{
    struct kn_identity_rules *rules;
    struct kn_err err = {0};
    enum kn_rc rc = kn_identity_rules_parse(ctx->request->body, &rules, &err);
    if (rc != KN_OK || ctx->request->body.len == 0) {
        kn_api_fail(ctx, 400, "Bad request", rc == KN_OK ? "the body is empty" : err.text);
        return;
    }
    struct kn_buf json;
    kn_buf_init(&json, 1 << 20);
    kn_identity_rules_format(rules, &json);
    kn_identity_rules_free(rules);
    stage_setting(ctx, "identity", KN_STR_EMPTY, &json, kn_get_identity);
    kn_buf_deinit(&json);
}

/* ---- workspaces ---- */

static void put_workspace(struct kn_buf *out, struct kn_workspace *ws)
{
    struct kn_settings *s = kn_workspace_settings(ws);
    struct kn_position p;
    kn_workspace_position(ws, &p);
    kn_buf_char(out, '{');
    kn_json_out_kv(out, "id", kn_str_c(kn_workspace_name(ws)));
    kn_json_out_kv(out, "name", s->name);
    kn_json_out_kv(out, "time_zone", s->time_zone);
    kn_json_out_kv(out, "currency", kn_str_c(s->currency));
    kn_json_out_ktime(out, "now", p.applied_record_us);
    kn_buf_char(out, '}');
    kn_settings_unref(s);
}

struct listing {
    struct kn_ctx *ctx;
};

static void each_workspace(void *context, struct kn_workspace *ws)
{
    struct kn_ctx *ctx = ((struct listing *)context)->ctx;
    if (ctx->caller.workspace.len == 0 ||
        kn_str_eq(ctx->caller.workspace, kn_str_c(kn_workspace_name(ws)))) {
        kn_json_out_comma(&ctx->response->body);
        put_workspace(&ctx->response->body, ws);
    }
}

void kn_get_workspaces(struct kn_ctx *ctx)
{
    struct listing l = {ctx};
    kn_api_json(ctx, 200);
    kn_buf_c(&ctx->response->body, "{\"data\":[");
    ctx->api->env.each_workspace(ctx->api->env.context, each_workspace, &l);
    kn_buf_c(&ctx->response->body, "],\"next\":null}");
}

void kn_get_workspace(struct kn_ctx *ctx)
{
    kn_api_json(ctx, 200);
    put_workspace(&ctx->response->body, ctx->ws);
}

static void workspace_created(struct kn_ctx *ctx)
{
    kn_api_json(ctx, 201);
    put_workspace(&ctx->response->body, ctx->ws);
}

void kn_post_workspace(struct kn_ctx *ctx)
{
    const struct kn_api_env *env = &ctx->api->env;
    struct kn_err err = {0};
    if (!kn_api_body(ctx)) {
        return;
    }
    struct kn_str name = kn_arena_str(ctx->request->arena, kn_api_text(ctx, 0, "name"));
    enum kn_rc rc = env->create_workspace(env->context, name, &err);
    ctx->ws = rc == KN_OK ? env->workspace(env->context, name) : NULL;
    if (!ctx->ws) {
        kn_api_fail_rc(ctx, rc, &err);
        return;
    }
    ctx->finish = workspace_created;
    *ctx->call = (struct kn_api_call){KN_API_WAIT, ctx->ws, 1, ctx};
}

void kn_patch_workspace(struct kn_ctx *ctx)
{
    char currency[4];
    struct kn_buf json;
    if (!kn_api_body(ctx)) {
        return;
    }
    struct kn_str wanted = kn_api_text(ctx, 0, "currency");
    struct kn_str zone = kn_api_text(ctx, 0, "time_zone");
    if (wanted.len > 0 && !kn_currency_parse(wanted, currency)) {
        kn_api_fail(ctx, 400, "Bad request", "currency must be a three-letter code");
        return;
    }
    if (zone.len > 64) {
        kn_api_fail(ctx, 400, "Bad request", "time_zone must be a name such as Europe/Amsterdam");
        return;
    }
    struct kn_settings *s = kn_workspace_settings(ctx->ws);
    struct kn_str name = kn_api_text(ctx, 0, "name");
    kn_buf_init(&json, 8192);
    kn_buf_char(&json, '{');
    kn_json_out_kv(&json, "name", name.len > 0 ? name : s->name);
    kn_json_out_kv(&json, "time_zone", zone.len > 0 ? zone : s->time_zone);
    kn_json_out_kv(&json, "currency", wanted.len > 0 ? kn_str_c(currency) : kn_str_c(s->currency));
    kn_buf_char(&json, '}');
    kn_settings_unref(s);
    stage_setting(ctx, "workspace", KN_STR_EMPTY, &json, kn_get_workspace);
    kn_buf_deinit(&json);
}

/* ---- clock ---- */

static void clock_moved(struct kn_ctx *ctx)
{
    kn_api_json(ctx, 200);
    kn_buf_char(&ctx->response->body, '{');
    kn_json_out_ktime(&ctx->response->body, "now", kn_clock_wall_us(ctx->api->env.clock));
    kn_buf_char(&ctx->response->body, '}');
}

struct newest {
    struct kn_workspace *ws;
};

static void each_for_clock(void *context, struct kn_workspace *ws)
{
    ((struct newest *)context)->ws = ws;
}

void kn_post_clock(struct kn_ctx *ctx)
{
    const struct kn_api_env *env = &ctx->api->env;
    struct kn_err err = {0};
    struct newest last = {0};
    struct kn_position p;
    int64_t now;
    if (!kn_api_body(ctx)) {
        return;
    }
    if (!kn_time_parse(kn_api_text(ctx, 0, "now"), &now)) {
        kn_api_fail(ctx, 400, "Bad request", "now must be an ISO 8601 time");
        return;
    }
    enum kn_rc rc = env->move_clock(env->context, now, &err);
    if (rc != KN_OK) {
        kn_api_fail_rc(ctx, rc, &err);
        return;
    }
    env->each_workspace(env->context, each_for_clock, &last);
    kn_workspace_position(last.ws, &p);
    ctx->finish = clock_moved;
    *ctx->call = (struct kn_api_call){KN_API_WAIT, last.ws, p.staged, ctx};
}

/* ---- sessions ---- */

static void put_caller(struct kn_ctx *ctx, struct kn_str name, enum kn_role role)
{
    static const char *const roles[] = {"none", "analyst", "marketer", "developer", "admin",
                                        "owner"};
    kn_buf_char(&ctx->response->body, '{');
    kn_json_out_kv(&ctx->response->body, "name", name);
    kn_json_out_kv(&ctx->response->body, "role", kn_str_c(roles[role]));
    kn_json_out_kbool(&ctx->response->body, "manual_clock", ctx->api->env.manual_clock);
    kn_buf_char(&ctx->response->body, '}');
}

void kn_post_session(struct kn_ctx *ctx)
{
    struct kn_err err = {0};
    struct kn_str secret;
    struct kn_caller caller;
    if (!kn_api_body(ctx)) {
        return;
    }
    struct kn_str email = kn_api_text(ctx, 0, "email");
    enum kn_rc rc = kn_system_sign_in(ctx->api->env.system, email, kn_api_text(ctx, 0, "password"),
                                      ctx->request->peer_ip, ctx->request->arena, &secret, &err);
    if (rc != KN_OK) {
        bool limited = rc == KN_E_LIMIT;
        kn_api_fail(ctx, limited ? 429 : 401, limited ? "Too many tries" : "Unauthorized",
                    err.text);
        return;
    }
    struct kn_buf cookie;
    kn_buf_init(&cookie, 512);
    kn_buf_printf(&cookie, "kern_session=%.*s; Path=/; HttpOnly; SameSite=Strict; Max-Age=43200%s",
                  KN_STR_ARG(secret), ctx->api->env.secure_cookies ? "; Secure" : "");
    kn_http_set_header(ctx->response, "Set-Cookie",
                       kn_arena_str(ctx->request->arena, kn_buf_view(&cookie)));
    kn_buf_deinit(&cookie);
    bool known = kn_system_session(ctx->api->env.system, secret, ctx->request->arena, &caller);
    kn_api_json(ctx, 200);
    put_caller(ctx, known ? caller.name : email, known ? caller.role : KN_ROLE_NONE);
}

void kn_get_session(struct kn_ctx *ctx)
{
    kn_api_json(ctx, 200);
    put_caller(ctx, ctx->caller.name, ctx->caller.role);
}

void kn_delete_session(struct kn_ctx *ctx)
{
    struct kn_str all = kn_http_header(ctx->request, "Cookie");
    while (all.len > 0) {
        struct kn_str value = kn_str_trim(kn_str_split(&all, ';'));
        if (kn_str_eq(kn_str_split(&value, '='), KN_STR("kern_session"))) {
            kn_system_sign_out(ctx->api->env.system, value);
        }
    }
    kn_http_set_header(ctx->response, "Set-Cookie",
                       KN_STR("kern_session=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0"));
    no_content(ctx);
}
