/* Export and import: everything in a workspace as JSON lines, and back (format/item_json.h). */
#include "api/api_internal.h"
#include "format/item_json.h"

enum {
    PAGE_ORDINALS = 2000,       /* profiles read at once */
    PAGE_BYTES = 8 << 20,       /* a page ends after the piece that passes this */
    IMPORT_LINES_MAX = 10000,   /* of one request */
    IMPORT_BYTES_MAX = 8 << 20, /* of items in one record */
    REJECTS_MAX = 1000,         /* shown per request */
    SOURCES_MAX = 10000,
};

/* ---- export ---- */

static void put_setting(struct kn_buf *out, const char *kind, struct kn_str json)
{
    kn_buf_c(out, "{\"kern\":1");
    kn_json_out_kv(out, "kind", kn_str_c(kind));
    kn_json_out_kraw(out, "document", json);
    kn_buf_c(out, "}\n");
}

static void put_settings(struct kn_buf *out, const struct kn_settings *s)
{
    struct kn_buf rules;
    if (s->json.len > 0) {
        put_setting(out, "workspace", s->json);
    }
    kn_buf_init(&rules, 1 << 20);
    kn_identity_rules_format(s->identity, &rules);
    put_setting(out, "identity", kn_buf_view(&rules));
    out->rc = rules.rc != KN_OK ? rules.rc : out->rc; /* half a line must not leave */
    kn_buf_deinit(&rules);
    for (size_t i = 0; i < s->source_count; i++) {
        if (s->sources[i].number != 0) {
            put_setting(out, "source", s->sources[i].json);
        }
    }
}

struct exporter {
    struct kn_ctx *ctx;
    struct kn_settings *settings;
};

static bool put_item(void *context, const struct kn_archive_row *row, const struct kn_item *item)
{
    struct exporter *e = context;
    if (kn_item_json_has(item->kind)) {
        struct kn_str source = kn_render_source(e->settings, item->source);
        kn_item_json_put(item, item->source == 0 ? KN_STR_EMPTY : source, row->arrival,
                         &e->ctx->response->body);
    }
    return true;
}

void kn_get_export(struct kn_ctx *ctx)
{
    struct kn_buf *out = &ctx->response->body;
    struct exporter e = {.ctx = ctx};
    struct kn_err err = {0};
    uint64_t from[2] = {0};
    bool given;
    enum kn_rc rc = KN_OK;
    if (!kn_api_read_cursor(ctx, from, &given)) {
        return;
    }
    uint32_t next = (uint32_t)from[0];
    e.settings = kn_workspace_settings(ctx->ws);
    kn_api_begin(ctx, 200, KN_STR("application/x-ndjson; charset=utf-8"));
    if (!given) {
        put_settings(out, e.settings);
    }
    do {
        rc = kn_read_archive(ctx->ws, next, PAGE_ORDINALS, put_item, &e, &next, &err);
    } while (rc == KN_OK && next != 0 && out->len < PAGE_BYTES && out->rc == KN_OK);
    kn_settings_unref(e.settings);
    if (rc != KN_OK || out->rc != KN_OK) {
        kn_api_fail_rc(ctx, rc != KN_OK ? rc : out->rc, &err);
        return;
    }
    kn_api_put_position(ctx, 0);
    if (next != 0) {
        kn_http_set_header(ctx->response, "Kern-Next", kn_api_cursor(ctx, next, 0));
    }
}

/* ---- import ---- */

struct importer {
    struct kn_ctx *ctx;
    struct kn_settings *settings;
    const struct kn_source *source; /* of Segment-shaped lines; NULL = none was named */
    bool historic, settings_only;
    struct kn_buf items, rejects;
    uint32_t count; /* items */
    size_t lines, accepted, rejected;
    uint32_t new_sources;
    enum kn_rc rc; /* KN_E_NOMEM: nothing may be staged */
};

static void reject(struct importer *m, const char *reason, const char *detail)
{
    m->rejected++;
    if (m->rejected > REJECTS_MAX) {
        return;
    }
    kn_json_out_comma(&m->rejects);
    kn_buf_char(&m->rejects, '{');
    kn_json_out_ki64(&m->rejects, "line", (int64_t)m->lines);
    kn_json_out_kv(&m->rejects, "reason", kn_str_c(reason));
    kn_json_out_kv(&m->rejects, "detail", kn_str_c(detail));
    kn_buf_char(&m->rejects, '}');
}

/* Deleted sources count as well: old events name them. */
static const struct kn_source *source_named(const struct kn_settings *s, struct kn_str id)
{
    for (size_t i = 0; i < s->source_count; i++) {
        if (s->sources[i].number != 0 && kn_str_eq(s->sources[i].id, id)) {
            return &s->sources[i];
        }
    }
    return NULL;
}

/* Want of memory is no fault of the line: the whole request is refused. */
static bool is_short(struct importer *m, enum kn_rc rc)
{
    m->rc = rc == KN_E_NOMEM ? rc : m->rc;
    return rc == KN_E_NOMEM;
}

static bool add_item(struct importer *m, const struct kn_item *item)
{
    size_t before = m->items.len;
    kn_item_encode(item, &m->items);
    if (m->items.rc != KN_OK) {
        (void)is_short(m, m->items.rc);
        m->items.len = before;
        m->items.rc = KN_OK;
        return false;
    }
    m->count++;
    m->accepted++;
    return true;
}

static void take_item(struct importer *m, const struct kn_json *doc)
{
    struct kn_item item;
    struct kn_str id;
    struct kn_err err = {0};
    enum kn_rc rc = kn_item_json_read(doc, 0, m->ctx->request->arena, &item, &id, &err);
    if (is_short(m, rc)) {
        return;
    }
    if (rc != KN_OK) {
        reject(m, "invalid_line", err.text);
        return;
    }
    const struct kn_source *source = id.len > 0 ? source_named(m->settings, id) : NULL;
    if (id.len > 0 && !source) {
        reject(m, "unknown_source", "the source of this line is not in the workspace");
        return;
    }
    item.source = source ? source->number : 0;
    if (!add_item(m, &item)) {
        reject(m, "too_large", "a value of this line is outside its limits");
    }
}

/* Another workspace of this Kern answers to one of the document's write keys. */
static void put_source_document(struct importer *m, const struct kn_json *doc, uint32_t node,
                                uint32_t number, struct kn_str id, struct kn_buf *out)
{
    uint32_t keys = kn_json_find(doc, node, KN_STR("write_keys"));
    bool free = true;
    kn_buf_char(out, '{');
    kn_json_out_ki64(out, "number", number);
    for (uint32_t i = keys + 1; keys != KN_JSON_NONE && i < doc->nodes[keys].next;
         i = doc->nodes[i].next) {
        struct kn_str key = kn_json_string(doc, i, m->ctx->request->arena);
        free = free && kn_api_key_is_free(m->ctx, key, id);
    }
    for (uint32_t i = node + 1; i < doc->nodes[node].next; i = doc->nodes[i].next) {
        struct kn_str key = kn_json_key(doc, i, m->ctx->request->arena);
        if (kn_str_eq(key, KN_STR("number"))) {
            continue;
        }
        kn_json_out_key_str(out, key);
        kn_buf_str(out, i == keys && !free ? KN_STR("[]") : kn_json_raw(doc, i));
    }
    kn_buf_char(out, '}');
    if (!free) {
        reject(m, "write_key_taken",
               "another source has a write key of this one: it comes without keys");
    }
}

/* A setting of an export: {"kind":"source","document":{...}}. */
static void take_setting(struct importer *m, const struct kn_json *doc, struct kn_str kind)
{
    struct kn_arena *arena = m->ctx->request->arena;
    uint32_t node = kn_json_find(doc, 0, KN_STR("document"));
    struct kn_item item = {.kind = KN_ITEM_SETTING, .message_id = kn_api_random_text(m->ctx, 24)};
    struct kn_buf key;
    struct kn_buf json;
    if (kn_json_type_at(doc, node) != KN_JSON_OBJECT) {
        reject(m, "invalid_line", "document is missing");
        return;
    }
    kn_buf_init(&key, 128);
    kn_buf_init(&json, 4 << 20);
    kn_buf_str(&key, kind);
    if (kn_str_eq(kind, KN_STR("source"))) {
        struct kn_str id = kn_json_string(doc, kn_json_find(doc, node, KN_STR("id")), arena);
        const struct kn_source *present = source_named(m->settings, id);
        uint32_t number =
            present ? present->number : (uint32_t)m->settings->source_count + ++m->new_sources;
        kn_buf_char(&key, '/');
        kn_buf_str(&key, id);
        put_source_document(m, doc, node, number, id, &json);
        key.rc = id.len == 0 || id.len > 64 || number > SOURCES_MAX ? KN_E_LIMIT : key.rc;
    } else {
        kn_buf_str(&json, kn_json_raw(doc, node));
    }
    item.name = kn_buf_view(&key);
    item.body = kn_buf_view(&json);
    item.event_us = item.received_us = kn_clock_wall_us(m->ctx->api->env.clock);
    struct kn_err err = {0};
    if (!item.message_id.p || is_short(m, key.rc) || is_short(m, json.rc)) {
        m->rc = KN_E_NOMEM;
    } else if (key.rc != KN_OK || json.rc != KN_OK) {
        reject(m, "invalid_line", "this setting is too large, or there are too many");
    } else if (kn_settings_check(item.name, item.body, &err) != KN_OK) {
        reject(m, "invalid_line", err.text);
    } else if (!add_item(m, &item)) {
        reject(m, "too_large", "this setting is too large");
    }
    kn_buf_deinit(&key);
    kn_buf_deinit(&json);
}

static void take_message(struct importer *m, struct kn_str line)
{
    const struct kn_api_env *env = &m->ctx->api->env;
    struct kn_err err = {0};
    const char *rejected = NULL;
    uint32_t items = 0;
    if (!m->source) {
        reject(m, "no_source", "name the source of these messages with ?source=");
        return;
    }
    struct kn_api_message message = {.settings = m->settings,
                                     .source = m->source,
                                     .received_us = kn_clock_wall_us(env->clock),
                                     .historic = m->historic,
                                     .json = line};
    enum kn_rc rc = env->message(env->context, m->ctx->worker->thread, &message, &m->items, &items,
                                 &rejected, &err);
    if (is_short(m, rc)) {
        return;
    }
    if (rc != KN_OK || rejected) {
        reject(m, rejected ? rejected : "invalid_json", err.text);
        return;
    }
    m->count += items;
    m->accepted++;
}

static bool is_setting(struct kn_str kind)
{
    return kn_str_eq(kind, KN_STR("workspace")) || kn_str_eq(kind, KN_STR("identity")) ||
           kn_str_eq(kind, KN_STR("source"));
}

/* False: this line waits for the next request (settings first, then what refers to them). */
static bool take_line(struct importer *m, struct kn_str line)
{
    static const struct kn_json_limits limits = {64, 200000};
    struct kn_json doc;
    struct kn_err err = {0};
    enum kn_rc rc = kn_json_parse(m->ctx->worker->parser, line.p, line.len, &limits, &doc, &err);
    if (is_short(m, rc)) {
        return false;
    }
    if (rc != KN_OK || kn_json_type_at(&doc, 0) != KN_JSON_OBJECT) {
        m->lines++;
        reject(m, "invalid_json", rc == KN_OK ? "a line must be a JSON object" : err.text);
        return true;
    }
    bool ours = kn_json_find(&doc, 0, KN_STR("kern")) != KN_JSON_NONE;
    struct kn_str kind =
        kn_json_string(&doc, kn_json_find(&doc, 0, KN_STR("kind")), m->ctx->request->arena);
    bool setting = ours && is_setting(kind);
    if (m->accepted > 0 && setting != m->settings_only) {
        return false;
    }
    m->settings_only = setting;
    m->lines++;
    if (setting) {
        take_setting(m, &doc, kind);
    } else if (ours) {
        take_item(m, &doc);
    } else {
        take_message(m, line);
    }
    return true;
}

static void take_lines(struct importer *m, struct kn_str body)
{
    while (body.len > 0 && m->rc == KN_OK && m->lines < IMPORT_LINES_MAX &&
           m->items.len < IMPORT_BYTES_MAX) {
        struct kn_str rest = body;
        struct kn_str line = kn_str_trim(kn_str_split(&rest, '\n'));
        if (line.len == 0) {
            m->lines++;
        } else if (!take_line(m, line)) {
            return;
        }
        body = rest;
    }
}

static void show_import(struct kn_ctx *ctx)
{
    struct kn_str text = ctx->subject;
    kn_api_json(ctx, 200);
    kn_buf_str(&ctx->response->body, text);
}

static struct kn_str summary(struct importer *m)
{
    struct kn_buf out;
    kn_buf_init(&out, 4 << 20);
    kn_buf_char(&out, '{');
    kn_json_out_ki64(&out, "lines", (int64_t)m->lines);
    kn_json_out_ki64(&out, "accepted", (int64_t)m->accepted);
    kn_json_out_ki64(&out, "rejected", (int64_t)m->rejected);
    kn_json_out_key(&out, "errors");
    kn_buf_char(&out, '[');
    kn_buf_str(&out, kn_buf_view(&m->rejects));
    kn_buf_c(&out, "]}");
    struct kn_str kept =
        out.rc == KN_OK ? kn_arena_str(m->ctx->request->arena, kn_buf_view(&out)) : KN_STR_EMPTY;
    kn_buf_deinit(&out);
    return kept;
}

static void run_import(struct importer *m)
{
    struct kn_ctx *ctx = m->ctx;
    take_lines(m, ctx->request->body);
    ctx->subject = m->rc == KN_OK && m->rejects.rc == KN_OK ? summary(m) : KN_STR_EMPTY;
    if (!ctx->subject.p) {
        kn_api_fail_rc(ctx, KN_E_NOMEM, NULL);
    } else if (m->count == 0) {
        kn_api_put_position(ctx, 0);
        show_import(ctx);
    } else {
        kn_api_stage_items(ctx, kn_buf_view(&m->items), m->count,
                           m->settings_only ? KN_FRAME_SETTINGS : 0, show_import);
    }
}

void kn_post_import(struct kn_ctx *ctx)
{
    struct importer m = {.ctx = ctx};
    struct kn_str id = kn_http_param(ctx->request, "source");
    if (!kn_api_begin_change(ctx)) {
        return;
    }
    m.settings = kn_workspace_settings(ctx->ws);
    m.source = id.len > 0 ? kn_settings_source_by_id(m.settings, id) : NULL;
    m.historic = kn_str_eq(kn_http_param(ctx->request, "historic"), KN_STR("true"));
    kn_buf_init(&m.items, KN_LOG_BODY_MAX);
    kn_buf_init(&m.rejects, 2 << 20);
    if (id.len > 0 && !m.source) {
        kn_api_fail_param(ctx, "source", "there is no such source");
    } else {
        run_import(&m);
    }
    kn_buf_deinit(&m.rejects);
    kn_buf_deinit(&m.items);
    kn_settings_unref(m.settings);
    kn_api_end_change(ctx);
}
