/* Segment's Profile API (collect-protocols section 4.3) over the same reads. */
#include "api/api_internal.h"
#include "format/time_text.h"

void kn_segment_fail(struct kn_ctx *ctx, int status, const char *code, const char *message)
{
    struct kn_buf *out = &ctx->response->body;
    kn_api_json(ctx, status);
    kn_buf_c(out, "{\"error\":{");
    kn_json_out_kv(out, "code", kn_str_c(code));
    kn_json_out_kv(out, "message", kn_str_c(message));
    kn_buf_c(out, "}}");
}

/* "email:ada@example.org", or a profile id. */
static bool load(struct kn_ctx *ctx, struct kn_profile **ret)
{
    struct kn_str value = ctx->params[1];
    struct kn_str type = kn_str_split(&value, ':');
    enum kn_rc rc = value.len > 0 ? kn_read_profile_by_identifier(ctx->ws, type, value,
                                                                  ctx->request->arena, ret)
                                  : kn_read_profile_by_id(ctx->ws, type, ctx->request->arena, ret);
    if (rc == KN_E_NOT_FOUND) {
        kn_segment_fail(ctx, 404, "not_found", "Profile was not found.");
    } else if (rc != KN_OK) {
        kn_api_fail_rc(ctx, rc, NULL);
    } else {
        kn_api_saw(ctx, *ret);
    }
    return rc == KN_OK;
}

static bool listed(struct kn_str list, struct kn_str name)
{
    while (list.len > 0) {
        if (kn_str_eq(kn_str_trim(kn_str_split(&list, ',')), name)) {
            return true;
        }
    }
    return false;
}

static bool offset_of(struct kn_ctx *ctx, size_t *ret)
{
    struct kn_str next = kn_http_param(ctx->request, "next");
    uint64_t value = 0;
    if (next.len > 0 && !kn_str_u64(next, &value)) {
        kn_segment_fail(ctx, 400, "validation_error", "next is not a cursor that was given out");
        return false;
    }
    *ret = (size_t)value;
    return true;
}

static void put_cursor(struct kn_ctx *ctx, size_t next, bool more, size_t limit)
{
    struct kn_buf *out = &ctx->response->body;
    kn_json_out_key(out, "cursor");
    kn_buf_char(out, '{');
    kn_json_out_kv(out, "url", ctx->request->path);
    kn_json_out_kbool(out, "has_more", more);
    kn_json_out_key(out, "next");
    if (more) {
        kn_buf_printf(out, "\"%zu\"", next);
    } else {
        kn_buf_c(out, "\"\"");
    }
    kn_json_out_ki64(out, "limit", (int64_t)limit);
    kn_buf_c(out, "}}");
}

static bool is_verbose(struct kn_ctx *ctx)
{
    return kn_str_eq(kn_http_param(ctx->request, "verbose"), KN_STR("true"));
}

/* Traits as this API knows them: what was sent, and what Kern computed, which it calls classes. */
enum trait_class { CLASS_ALL, CLASS_AUDIENCE, CLASS_COMPUTED };

static bool read_class(struct kn_ctx *ctx, enum trait_class *ret)
{
    struct kn_str name = kn_http_param(ctx->request, "class");
    *ret = kn_str_eq(name, KN_STR("audience"))         ? CLASS_AUDIENCE
           : kn_str_eq(name, KN_STR("computed_trait")) ? CLASS_COMPUTED
                                                       : CLASS_ALL;
    if (name.len > 0 && *ret == CLASS_ALL) {
        kn_segment_fail(ctx, 400, "validation_error", "class must be audience or computed_trait");
        return false;
    }
    return true;
}

struct class_trait {
    struct kn_str key, json, source;
    int64_t at_us; /* INT64_MIN: not known */
};

/* The i-th trait of a class; false: there are no more. A deleted one has no text. */
static bool trait_at(const struct kn_profile *p, const struct kn_settings *s,
                     enum trait_class class, size_t i, struct class_trait *ret)
{
    size_t sent = class == CLASS_ALL ? p->trait_count : 0;
    size_t computed = class == CLASS_AUDIENCE ? 0 : p->computed_count;
    size_t segments = class == CLASS_COMPUTED ? 0 : p->segment_count;
    if (i < sent) {
        const struct kn_profile_trait *t = &p->traits[i];
        *ret = (struct class_trait){t->key, t->json, kn_render_source(s, t->source), t->at_us};
    } else if (i - sent < computed) {
        const struct kn_profile_computed *c = &p->computed[i - sent];
        *ret = (struct class_trait){c->key, c->json, KN_STR("kern"), INT64_MIN};
    } else if (i - sent - computed < segments) {
        const struct kn_profile_segment *g = &p->segments[i - sent - computed];
        *ret = (struct class_trait){g->key, KN_STR("true"), KN_STR("kern"), g->since_us};
    } else {
        return false;
    }
    return true;
}

static void put_trait(struct kn_ctx *ctx, const struct class_trait *t)
{
    struct kn_buf *out = &ctx->response->body;
    kn_json_out_key_str(out, t->key);
    if (is_verbose(ctx)) {
        kn_buf_char(out, '{');
        kn_json_out_kraw(out, "value", t->json);
        kn_json_out_kv(out, "source_id", t->source);
        if (t->at_us != INT64_MIN) {
            kn_json_out_ktime(out, "updated_at", t->at_us);
        }
        kn_buf_char(out, '}');
    } else {
        kn_buf_str(out, t->json);
    }
}

void kn_segment_traits(struct kn_ctx *ctx)
{
    struct kn_profile *p;
    size_t limit;
    size_t from;
    enum trait_class class;
    bool more = false;
    struct kn_str include = kn_http_param(ctx->request, "include");
    struct kn_buf *out = &ctx->response->body;
    if (!load(ctx, &p) || !read_class(ctx, &class) || !kn_api_limit(ctx, 10, 200, &limit) ||
        !offset_of(ctx, &from)) {
        return;
    }
    struct kn_settings *s = kn_workspace_settings(ctx->ws);
    struct class_trait t;
    kn_api_json(ctx, 200);
    kn_buf_c(out, "{\"traits\":{");
    size_t shown = 0;
    size_t i = from;
    for (; trait_at(p, s, class, i, &t); i++) {
        if (t.json.len == 0 || (include.len > 0 && !listed(include, t.key))) {
            continue;
        }
        more = shown == limit;
        if (more) {
            break;
        }
        put_trait(ctx, &t);
        shown++;
    }
    kn_buf_char(out, '}');
    put_cursor(ctx, i, more, limit);
    kn_settings_unref(s);
}

/* `first`: the message that brought it. Events name identifiers without source and time. */
static void put_external_id(struct kn_buf *out, const struct kn_profile_identifier *id,
                            struct kn_str source, struct kn_str first)
{
    kn_json_out_comma(out);
    kn_buf_char(out, '{');
    if (source.len > 0) {
        kn_json_out_kv(out, "source_id", source);
    }
    kn_json_out_kv(out, "collection", KN_STR("users"));
    kn_json_out_kv(out, "id", kn_id_plain_value(id->type, id->value));
    kn_json_out_kv(out, "type", kn_id_name(id->type, id->value));
    if (source.len > 0) {
        kn_json_out_ktime(out, "created_at", id->first_seen_us);
    }
    kn_json_out_kv(out, "encoding", KN_STR("none"));
    if (first.len > 0) {
        kn_json_out_kv(out, "first_message_id", first);
    }
    kn_buf_char(out, '}');
}

struct link_list {
    struct kn_profile_link *all;
    size_t count;
};

static struct kn_str first_message(const struct link_list *links,
                                   const struct kn_profile_identifier *id)
{
    for (size_t i = 0; i < links->count; i++) {
        const struct kn_profile_link *l = &links->all[i];
        for (size_t k = 0; k < l->id_count; k++) {
            if (l->ids[k].type == id->type && kn_str_eq(l->ids[k].value, id->value)) {
                return l->message_id;
            }
        }
    }
    return KN_STR_EMPTY;
}

void kn_segment_external_ids(struct kn_ctx *ctx)
{
    struct kn_profile *p;
    struct link_list links;
    size_t limit;
    size_t from;
    bool more = false;
    struct kn_str include = kn_http_param(ctx->request, "include");
    struct kn_buf *out = &ctx->response->body;
    if (!load(ctx, &p) || !kn_api_limit(ctx, 25, 200, &limit) || !offset_of(ctx, &from)) {
        return;
    }
    if (kn_read_links(ctx->ws, p->ordinal, ctx->request->arena, &links.all, &links.count) !=
        KN_OK) {
        links.count = 0;
    }
    struct kn_settings *s = kn_workspace_settings(ctx->ws);
    kn_api_json(ctx, 200);
    kn_buf_c(out, "{\"data\":[");
    size_t shown = 0;
    size_t i = from;
    for (; i < p->id_count; i++) {
        const struct kn_profile_identifier *id = &p->ids[i];
        if (include.len > 0 && !listed(include, kn_id_name(id->type, id->value))) {
            continue;
        }
        more = shown == limit;
        if (more) {
            break;
        }
        put_external_id(out, id, kn_render_source(s, id->source), first_message(&links, id));
        shown++;
    }
    kn_buf_char(out, ']');
    put_cursor(ctx, i, more, limit);
    kn_settings_unref(s);
}

/* ---- events ---- */

struct event_list {
    struct kn_ctx *ctx;
    struct kn_settings *settings;
    const struct kn_profile *profile;
    struct kn_str include, exclude;
    size_t skip, limit, seen, shown;
    bool more;
};

static void put_event(struct event_list *l, const struct kn_item *item)
{
    struct kn_buf *out = &l->ctx->response->body;
    size_t offset = 0;
    struct kn_str key;
    struct kn_str value;
    struct kn_str properties = KN_STR("{}");
    struct kn_str context = KN_STR("{}");
    char id[27];
    while (item->body.len > 0 && kn_json_walk(item->body, &offset, &key, &value)) {
        properties = kn_str_eq(key, KN_STR("properties")) ? value : properties;
        context = kn_str_eq(key, KN_STR("context")) ? value : context;
    }
    kn_json_out_comma(out);
    kn_buf_c(out, "{\"external_ids\":[");
    for (size_t i = 0; i < item->id_count; i++) {
        struct kn_profile_identifier one = {.type = item->ids[i].type, .value = item->ids[i].value};
        put_external_id(out, &one, KN_STR_EMPTY, KN_STR_EMPTY);
    }
    kn_buf_char(out, ']');
    kn_json_out_kraw(out, "context", context);
    kn_json_out_kv(out, "type", kn_str_c(kn_event_type_name(item->type)));
    kn_json_out_kv(out, "event", item->name);
    kn_json_out_kv(out, "message_id", item->message_id);
    kn_json_out_kv(out, "source_id", kn_render_source(l->settings, item->source));
    kn_json_out_ktime(out, "timestamp", item->event_us);
    kn_json_out_kraw(out, "properties", properties);
    kn_profile_id_text(l->profile->id, id);
    kn_buf_c(out, ",\"related\":{");
    kn_json_out_kv(out, "users", kn_str(id, 26));
    kn_buf_c(out, "}}");
}

static bool each_event(void *context, const struct kn_archive_row *row, const struct kn_item *item)
{
    struct event_list *l = context;
    (void)row;
    if (item->kind != KN_ITEM_EVENT || item->type != KN_EVENT_TRACK ||
        (l->include.len > 0 && !listed(l->include, item->name)) ||
        (l->exclude.len > 0 && listed(l->exclude, item->name))) {
        return true;
    }
    if (l->seen++ < l->skip) {
        return true;
    }
    if (l->shown == l->limit) {
        l->more = true;
        return false;
    }
    put_event(l, item);
    l->shown++;
    return true;
}

static bool read_period(struct kn_ctx *ctx, struct kn_archive_query *q)
{
    struct kn_str start = kn_http_param(ctx->request, "start");
    struct kn_str end = kn_http_param(ctx->request, "end");
    struct kn_str sort = kn_http_param(ctx->request, "sort");
    bool oldest = kn_str_eq(sort, KN_STR("asc"));
    *q = (struct kn_archive_query){
        .order = oldest ? KN_ARCHIVE_OLDEST_FIRST : KN_ARCHIVE_NEWEST_FIRST,
        .from_us = INT64_MIN,
        .to_us = INT64_MAX,
    };
    if (sort.len > 0 && !oldest && !kn_str_eq(sort, KN_STR("desc"))) {
        kn_segment_fail(ctx, 400, "validation_error", "sort must be asc or desc");
        return false;
    }
    if ((start.len > 0 && !kn_time_parse(start, &q->from_us)) ||
        (end.len > 0 && !kn_time_parse(end, &q->to_us))) {
        kn_segment_fail(ctx, 400, "validation_error", "start and end are ISO 8601 times");
        return false;
    }
    return true;
}

void kn_segment_events(struct kn_ctx *ctx)
{
    const struct kn_http_request *r = ctx->request;
    struct kn_profile *p;
    struct kn_err err = {0};
    struct kn_archive_query q;
    struct event_list l = {
        .ctx = ctx, .include = kn_http_param(r, "include"), .exclude = kn_http_param(r, "exclude")};
    if (!load(ctx, &p) || !kn_api_limit(ctx, 10, 100, &l.limit) || !offset_of(ctx, &l.skip) ||
        !read_period(ctx, &q)) {
        return;
    }
    l.profile = p;
    l.settings = kn_workspace_settings(ctx->ws);
    kn_api_json(ctx, 200);
    kn_buf_c(&ctx->response->body, "{\"data\":[");
    enum kn_rc rc = kn_read_events(ctx->ws, p, &q, r->arena, each_event, &l, &err);
    kn_settings_unref(l.settings);
    if (rc != KN_OK) {
        kn_segment_fail(ctx, 500, "internal_error", err.text);
        return;
    }
    kn_buf_char(&ctx->response->body, ']');
    put_cursor(ctx, l.skip + l.shown, l.more, l.limit);
}

void kn_segment_metadata(struct kn_ctx *ctx)
{
    struct kn_profile *p;
    struct kn_profile_link *links;
    size_t count;
    struct kn_buf *out = &ctx->response->body;
    if (!load(ctx, &p)) {
        return;
    }
    if (kn_read_links(ctx->ws, p->ordinal, ctx->request->arena, &links, &count) != KN_OK) {
        count = 0;
    }
    struct kn_settings *s = kn_workspace_settings(ctx->ws);
    kn_api_json(ctx, 200);
    kn_buf_c(out, "{\"metadata\":{");
    kn_json_out_ktime(out, "created_at", p->created_us);
    kn_json_out_ktime(out, "updated_at", p->last_seen_us);
    kn_json_out_kraw(out, "expires_at", KN_STR("null"));
    if (count > 0) {
        kn_json_out_kv(out, "first_message_id", links[0].message_id);
        kn_json_out_kv(out, "first_source_id", kn_render_source(s, links[0].source));
        kn_json_out_kv(out, "last_message_id", links[count - 1].message_id);
        kn_json_out_kv(out, "last_source_id", kn_render_source(s, links[count - 1].source));
    }
    kn_buf_c(out, "}}");
    kn_settings_unref(s);
}

/* Accounts are no part of Kern's profiles: a user has no links to them. */
void kn_segment_links(struct kn_ctx *ctx)
{
    struct kn_profile *p;
    size_t limit;
    if (load(ctx, &p) && kn_api_limit(ctx, 20, 20, &limit)) {
        kn_api_json(ctx, 200);
        kn_buf_c(&ctx->response->body, "{\"data\":[]");
        put_cursor(ctx, 0, false, limit);
    }
}
