/* Sources, their write keys and what they sent that was refused. */
#include "api/api_internal.h"
#include "format/time_text.h"

enum {
    KEY_MIN = 8,
    KEY_MAX = 128,
    WRITE_KEY_BYTES = 32,
    ID_BYTES = 12,
    LIST_MAX = 100,
    SOURCES_MAX = 10000
};

/* ---- showing ---- */

static void put_source(struct kn_ctx *ctx, const struct kn_source *source)
{
    struct kn_buf *out = &ctx->response->body;
    struct kn_source_stats stats;
    size_t offset = 0;
    struct kn_str key;
    struct kn_str raw;
    if (kn_read_source_stats(ctx->ws, source->number, &stats) != KN_OK) {
        out->rc = KN_E_NOMEM; /* nothing of this answer leaves */
        return;
    }
    kn_buf_char(out, '{');
    kn_json_out_kv(out, "id", source->id);
    while (kn_json_walk(source->json, &offset, &key, &raw)) {
        if (!kn_str_eq(key, KN_STR("id")) && !kn_str_eq(key, KN_STR("number"))) {
            kn_json_out_key_str(out, key);
            kn_buf_str(out, raw);
        }
    }
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
    uint64_t from[2] = {0};
    bool given;
    size_t limit;
    size_t shown = 0;
    if (!kn_api_limit(ctx, KN_API_LIMIT, KN_API_LIMIT_MAX, &limit) ||
        !kn_api_read_cursor(ctx, from, &given)) {
        return;
    }
    struct kn_settings *s = kn_workspace_settings(ctx->ws);
    size_t i = (size_t)from[0];
    bool more = false;
    kn_api_json(ctx, 200);
    kn_buf_c(&ctx->response->body, "{\"data\":[");
    for (; i < s->source_count; i++) {
        if (s->sources[i].number == 0 || s->sources[i].deleted) {
            continue;
        }
        more = shown == limit;
        if (more) {
            break;
        }
        kn_json_out_comma(&ctx->response->body);
        put_source(ctx, &s->sources[i]);
        shown++;
    }
    kn_buf_char(&ctx->response->body, ']');
    kn_api_put_next(ctx, more, i, 0);
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

static void show_created(struct kn_ctx *ctx)
{
    show_source(ctx, ctx->subject, 201);
}

static void show_changed(struct kn_ctx *ctx)
{
    show_source(ctx, ctx->subject, 200);
}

/* ---- checking ---- */

static bool good_key(struct kn_str key)
{
    size_t colons = 0;
    for (size_t i = 0; i < key.len; i++) {
        char c = key.p[i];
        if (c == ':' && i > 0 && i + 1 < key.len) {
            colons++;
        } else if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'))) {
            return false;
        }
    }
    return colons <= 1 && key.len >= KEY_MIN && key.len <= KEY_MAX;
}

/* A write key names one source of one workspace. */
struct key_search {
    struct kn_str key, id; /* of the source that may have it */
    struct kn_workspace *ws;
    bool taken;
};

static void search_key(void *context, struct kn_workspace *ws)
{
    struct key_search *search = context;
    struct kn_settings *s = kn_workspace_settings(ws);
    const struct kn_source *source = kn_settings_source_by_key(s, search->key);
    if (source && !(ws == search->ws && kn_str_eq(source->id, search->id))) {
        search->taken = true;
    }
    kn_settings_unref(s);
}

bool kn_api_key_is_free(struct kn_ctx *ctx, struct kn_str key, struct kn_str id)
{
    const struct kn_api_env *env = &ctx->api->env;
    struct key_search search = {.key = key, .id = id, .ws = ctx->ws};
    env->each_workspace(env->context, search_key, &search);
    return !search.taken;
}

static bool key_is_free(struct kn_ctx *ctx, struct kn_str key, struct kn_str id)
{
    bool is_free = kn_api_key_is_free(ctx, key, id);
    if (!is_free) {
        kn_api_fail(ctx, 409, "Conflict", "another source has this write key");
    }
    return is_free;
}

static bool check_list(struct kn_ctx *ctx, const char *name, const char *pointer, struct kn_str id)
{
    uint32_t list = kn_json_find(&ctx->doc, 0, kn_str_c(name));
    bool keys = name[0] == 'w';
    size_t count = 0;
    if (list == KN_JSON_NONE) {
        return true;
    }
    bool ok = kn_json_type_at(&ctx->doc, list) == KN_JSON_ARRAY;
    for (uint32_t i = list + 1; ok && i < ctx->doc.nodes[list].next; i = ctx->doc.nodes[i].next) {
        struct kn_str text = kn_json_string(&ctx->doc, i, ctx->request->arena);
        ok = (keys ? good_key(text) : kn_api_is_purpose(text)) && ++count <= LIST_MAX;
        if (ok && keys && !key_is_free(ctx, text, id)) {
            return false;
        }
    }
    if (!ok) {
        kn_api_fail_at(
            ctx, pointer,
            keys
                ? "write_keys must be at most 100 strings of 8 to 128 letters and digits (a colon between two parts, as Jitsu has them)"
                : "purposes must be at most 100 keys of small letters, digits and _");
    }
    return ok;
}

static bool check_string(struct kn_ctx *ctx, const char *name, const char *pointer, size_t most)
{
    uint32_t node = kn_json_find(&ctx->doc, 0, kn_str_c(name));
    struct kn_str text = kn_json_string(&ctx->doc, node, ctx->request->arena);
    if (node != KN_JSON_NONE && (text.len == 0 || text.len > most)) {
        kn_api_fail_at(ctx, pointer, "must be a string, not empty and not too long");
        return false;
    }
    return true;
}

static bool check_party(struct kn_ctx *ctx)
{
    struct kn_str party =
        kn_json_string(&ctx->doc, kn_json_find(&ctx->doc, 0, KN_STR("party")), ctx->request->arena);
    if (kn_json_find(&ctx->doc, 0, KN_STR("party")) == KN_JSON_NONE) {
        return true;
    }
    for (unsigned i = KN_PARTY_ZERO; i <= KN_PARTY_THIRD; i++) {
        if (kn_str_eq(party, kn_str_c(kn_party_name((enum kn_party)i)))) {
            return true;
        }
    }
    kn_api_fail_at(ctx, "/party", "party must be zero, first, second or third");
    return false;
}

static bool check_source(struct kn_ctx *ctx, struct kn_str id)
{
    uint32_t enabled = kn_json_find(&ctx->doc, 0, KN_STR("enabled"));
    enum kn_json_type type = kn_json_type_at(&ctx->doc, enabled);
    if (enabled != KN_JSON_NONE && type != KN_JSON_TRUE && type != KN_JSON_FALSE) {
        kn_api_fail_at(ctx, "/enabled", "enabled must be true or false");
        return false;
    }
    return check_string(ctx, "name", "/name", 200) && check_string(ctx, "kind", "/kind", 40) &&
           check_party(ctx) && check_list(ctx, "write_keys", "/write_keys", id) &&
           check_list(ctx, "purposes", "/purposes", id);
}

/* ---- documents ---- */

/* What a source's document is made of: the request's member, else the present one's. */
struct draft {
    struct kn_str id;
    uint32_t number;
    struct kn_str present; /* document, or empty */
    struct kn_str keys;    /* JSON array that takes the place of write_keys, or empty */
    bool ignore_body, deleted;
};

static void put_member(struct kn_ctx *ctx, struct kn_buf *out, const struct draft *d,
                       const char *key, struct kn_str fallback)
{
    uint32_t node = d->ignore_body ? KN_JSON_NONE : kn_json_find(&ctx->doc, 0, kn_str_c(key));
    struct kn_str value = node != KN_JSON_NONE ? kn_json_raw(&ctx->doc, node) : KN_STR_EMPTY;
    value = value.len > 0 ? value : kn_json_member(d->present, kn_str_c(key));
    kn_json_out_kraw(out, key, value.len > 0 ? value : fallback);
}

static void put_document(struct kn_ctx *ctx, struct kn_buf *out, const struct draft *d)
{
    struct kn_str created = kn_json_member(d->present, KN_STR("created_at"));
    kn_buf_char(out, '{');
    kn_json_out_ki64(out, "number", d->number);
    kn_json_out_kv(out, "id", d->id);
    put_member(ctx, out, d, "name", KN_STR("\"Source\""));
    put_member(ctx, out, d, "kind", KN_STR("\"web\""));
    put_member(ctx, out, d, "party", KN_STR("\"first\""));
    if (d->keys.len > 0) {
        kn_json_out_kraw(out, "write_keys", d->keys);
    } else {
        put_member(ctx, out, d, "write_keys", KN_STR("[]"));
    }
    put_member(ctx, out, d, "purposes", KN_STR("[]"));
    put_member(ctx, out, d, "enabled", KN_STR("true"));
    if (created.len > 0) {
        kn_json_out_kraw(out, "created_at", created);
    } else {
        kn_json_out_ktime(out, "created_at", kn_clock_wall_us(ctx->api->env.clock));
    }
    if (d->deleted) {
        kn_json_out_kbool(out, "deleted", true);
    }
    kn_buf_char(out, '}');
}

static void stage_draft(struct kn_ctx *ctx, const struct draft *d, void (*finish)(struct kn_ctx *))
{
    struct kn_buf json;
    kn_buf_init(&json, 64 << 10);
    put_document(ctx, &json, d);
    ctx->subject = kn_arena_str(ctx->request->arena, d->id);
    kn_api_stage_setting(ctx, "source/", d->id, &json, finish);
    kn_buf_deinit(&json);
}

/* ---- changing ---- */

static void create(struct kn_ctx *ctx)
{
    struct kn_settings *s = kn_workspace_settings(ctx->ws);
    uint32_t number = (uint32_t)s->source_count + 1;
    kn_settings_unref(s);
    if (number > SOURCES_MAX) {
        kn_api_fail(ctx, 409, "Conflict", "a workspace has at most 10000 sources");
        return;
    }
    struct kn_buf keys;
    kn_buf_init(&keys, 256);
    kn_buf_char(&keys, '[');
    kn_json_out_string(&keys, kn_api_random_text(ctx, WRITE_KEY_BYTES));
    kn_buf_char(&keys, ']');
    char id[4 + ID_BYTES] = "src_";
    struct kn_str tail = kn_api_random_text(ctx, ID_BYTES);
    if (tail.p) {
        memcpy(id + 4, tail.p, ID_BYTES);
    }
    bool given = kn_json_find(&ctx->doc, 0, KN_STR("write_keys")) != KN_JSON_NONE;
    struct draft d = {.id = kn_str(id, sizeof id),
                      .number = number,
                      .keys = given ? KN_STR_EMPTY : kn_buf_view(&keys)};
    stage_draft(ctx, &d, show_created);
    kn_buf_deinit(&keys);
}

void kn_post_source(struct kn_ctx *ctx)
{
    if (kn_api_body(ctx) && check_source(ctx, KN_STR_EMPTY) && kn_api_begin_change(ctx)) {
        create(ctx);
        kn_api_end_change(ctx);
    }
}

/* Changes the source of the path; `keys` as in a draft. */
static void change(struct kn_ctx *ctx, bool ignore_body, bool deleted, struct kn_str keys,
                   void (*finish)(struct kn_ctx *))
{
    struct kn_settings *s = kn_workspace_settings(ctx->ws);
    const struct kn_source *source = kn_settings_source_by_id(s, ctx->params[1]);
    if (source) {
        struct draft d = {.id = source->id,
                          .number = source->number,
                          .present = source->json,
                          .keys = keys,
                          .ignore_body = ignore_body,
                          .deleted = deleted};
        stage_draft(ctx, &d, finish);
    } else {
        kn_api_fail(ctx, 404, "Not found", "there is no such source");
    }
    kn_settings_unref(s);
}

void kn_patch_source(struct kn_ctx *ctx)
{
    if (kn_api_body(ctx) && check_source(ctx, ctx->params[1]) && kn_api_begin_change(ctx)) {
        change(ctx, false, false, KN_STR_EMPTY, show_changed);
        kn_api_end_change(ctx);
    }
}

void kn_delete_source(struct kn_ctx *ctx)
{
    if (kn_api_begin_change(ctx)) {
        change(ctx, true, true, KN_STR("[]"), kn_api_no_content);
        kn_api_end_change(ctx);
    }
}

/* The source's keys with one added or left out; false: there is no such source or key. */
static bool rewrite_keys(struct kn_ctx *ctx, struct kn_str add, struct kn_str drop,
                         struct kn_buf *out)
{
    struct kn_settings *s = kn_workspace_settings(ctx->ws);
    const struct kn_source *source = kn_settings_source_by_id(s, ctx->params[1]);
    bool dropped = false;
    kn_buf_char(out, '[');
    for (size_t i = 0; source && i < source->write_key_count; i++) {
        bool same = kn_str_eq(source->write_keys[i], drop.len > 0 ? drop : add);
        dropped = dropped || same;
        if (!same) {
            kn_json_out_comma(out);
            kn_json_out_string(out, source->write_keys[i]);
        }
    }
    if (add.len > 0) {
        kn_json_out_comma(out);
        kn_json_out_string(out, add);
    }
    kn_buf_char(out, ']');
    bool full = source && add.len > 0 && source->write_key_count >= LIST_MAX;
    bool found = source && (drop.len == 0 || dropped);
    kn_settings_unref(s);
    if (full) {
        kn_api_fail(ctx, 409, "Conflict", "a source has at most 100 write keys");
    } else if (!found) {
        kn_api_fail(ctx, 404, "Not found", "there is no such source or write key");
    }
    return found && !full;
}

static void change_keys(struct kn_ctx *ctx, struct kn_str add, struct kn_str drop,
                        void (*finish)(struct kn_ctx *))
{
    struct kn_buf keys;
    if (!kn_api_begin_change(ctx)) {
        return;
    }
    kn_buf_init(&keys, 16 << 10);
    if (rewrite_keys(ctx, add, drop, &keys)) {
        change(ctx, true, false, kn_buf_view(&keys), finish);
    }
    kn_buf_deinit(&keys);
    kn_api_end_change(ctx);
}

void kn_post_source_key(struct kn_ctx *ctx)
{
    struct kn_str key = KN_STR_EMPTY;
    if (ctx->request->body.len > 0) {
        if (!kn_api_body(ctx)) {
            return;
        }
        key = kn_api_text(ctx, 0, "key");
        if (key.len > 0 && !good_key(key)) {
            kn_api_fail_at(
                ctx, "/key",
                "a write key has 8 to 128 letters and digits (a colon between two parts, as Jitsu has them)");
            return;
        }
    }
    key = key.len > 0 ? key : kn_api_random_text(ctx, WRITE_KEY_BYTES);
    if (key_is_free(ctx, key, ctx->params[1])) {
        change_keys(ctx, key, KN_STR_EMPTY, show_created);
    }
}

void kn_delete_source_key(struct kn_ctx *ctx)
{
    change_keys(ctx, KN_STR_EMPTY, ctx->params[2], show_changed);
}

/* ---- rejects ---- */

static void put_rejects(struct kn_ctx *ctx, const struct kn_reject *rejects, size_t count)
{
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
    kn_buf_char(out, ']');
}

void kn_get_rejects(struct kn_ctx *ctx)
{
    struct kn_settings *s = kn_workspace_settings(ctx->ws);
    const struct kn_source *source = kn_settings_source_by_id(s, ctx->params[1]);
    uint32_t number = source ? source->number : 0;
    struct kn_reject *rejects;
    size_t limit;
    size_t count;
    uint64_t before[2] = {0};
    bool given;
    kn_settings_unref(s);
    if (number == 0) {
        kn_api_fail(ctx, 404, "Not found", "there is no such source");
        return;
    }
    if (!kn_api_limit(ctx, KN_API_LIMIT, KN_API_LIMIT_MAX, &limit) ||
        !kn_api_read_cursor(ctx, before, &given)) {
        return;
    }
    enum kn_rc rc =
        kn_read_rejects(ctx->ws, number, before[0], limit, ctx->request->arena, &rejects, &count);
    if (rc != KN_OK) {
        kn_api_fail_rc(ctx, rc, NULL);
        return;
    }
    put_rejects(ctx, rejects, count);
    bool more = count == limit && rejects[count - 1].number > 1;
    kn_api_put_next(ctx, more, more ? rejects[count - 1].number : 0, 0);
}
