/* Which calls are entered in the audit log, and reading it. */
#include <stdio.h>

#include "api/api_internal.h"
#include "api/audit.h"
#include "format/time_text.h"

/* ---- what a call was ---- */

static bool is_read(const struct kn_api_route *route)
{
    return strcmp(route->method, "GET") == 0;
}

static bool is_operation(const struct kn_api_route *route, const char *name)
{
    return strcmp(route->operation, name) == 0;
}

/* Looks at persons; a POST that only reads is a look-up, an explanation, a report's profiles or a
 * rehearsal of a list. */
static bool is_view(const struct kn_api_route *route)
{
    bool persons = route->scope == KN_SCOPE_PERSONAL || route->scope == KN_SCOPE_PROFILE_API;
    return is_operation(route, "matchMembers") ||
           (persons &&
            (is_read(route) || is_operation(route, "lookupProfile") ||
             is_operation(route, "explainSegment") || strncmp(route->operation, "report", 6) == 0));
}

static bool is_access(const struct kn_api_route *route)
{
    static const char *const names[] = {"signIn",         "signOut",          "acceptInvite",
                                        "forgotPassword", "endOtherSessions", "endSession"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (is_operation(route, names[i])) {
            return true;
        }
    }
    return false;
}

/* False: nothing to enter. */
static bool kind_of(const struct kn_api_route *route, enum kn_audit_kind *ret)
{
    bool reports = route->scope == KN_SCOPE_READ; /* a POST that asks */
    if (route->scope == KN_SCOPE_EXPORT || route->scope == KN_SCOPE_EXPORT_ALL ||
        is_operation(route, "exportAudit") || is_operation(route, "openCsvLink")) {
        *ret = KN_AUDIT_EXPORT;
    } else if (is_view(route)) {
        *ret = KN_AUDIT_VIEW;
    } else if (is_access(route)) {
        *ret = KN_AUDIT_ACCESS;
    } else if (!is_read(route) && !reports) {
        *ret = KN_AUDIT_CHANGE;
    } else {
        return false;
    }
    return true;
}

bool kn_api_syncs(const struct kn_api_route *route, const struct kn_http_request *request)
{
    enum kn_audit_kind kind;
    return kn_http_header(request, "Authorization").len == 0 && kind_of(route, &kind);
}

void kn_api_saw(struct kn_ctx *ctx, const struct kn_profile *profile)
{
    kn_profile_id_text(profile->id, ctx->seen);
}

/* The first member "id" or "key" of what was made. */
static struct kn_str created(const struct kn_ctx *ctx)
{
    size_t offset = 0;
    struct kn_str key;
    struct kn_str raw;
    if (ctx->response->status == 201 &&
        kn_json_walk(kn_buf_view(&ctx->response->body), &offset, &key, &raw) && raw.len > 2 &&
        (kn_str_eq(key, KN_STR("id")) || kn_str_eq(key, KN_STR("key")))) {
        return kn_str_sub(raw, 1, raw.len - 1);
    }
    return KN_STR_EMPTY;
}

static struct kn_str subject_of(const struct kn_ctx *ctx)
{
    struct kn_str param = ctx->params[ctx->ws ? 1 : 0];
    if (ctx->seen[0]) {
        return kn_str_c(ctx->seen);
    }
    if (ctx->route->scope == KN_SCOPE_PROFILE_API) {
        return KN_STR_EMPTY; /* it may be an identifier */
    }
    return param.len > 0 ? param : created(ctx);
}

static struct kn_audit_entry entry_of(struct kn_ctx *ctx, enum kn_audit_kind kind)
{
    return (struct kn_audit_entry){
        .kind = kind,
        .action = kn_str_c(ctx->route->operation),
        .actor = ctx->caller.id,
        .name = ctx->caller.name,
        .workspace = ctx->ws ? kn_str_c(kn_workspace_name(ctx->ws)) : ctx->caller.workspace,
        .subject = subject_of(ctx),
        .address = kn_api_address(ctx),
        .refused = ctx->response->status >= 400,
        .count = 1,
    };
}

/* Opening somebody's page asks for profile, events, sessions, orders and links: one entry. */
static bool is_of_profile(const struct kn_ctx *ctx)
{
    static const char prefix[] = "/api/v1/workspaces/{ws}/profiles/{id}";
    return strncmp(ctx->route->path, prefix, sizeof prefix - 1) == 0 || ctx->seen[0];
}

static bool enter(struct kn_ctx *ctx, struct kn_audit *audit, struct kn_audit_entry *e)
{
    bool person = ctx->caller.by_cookie;
    bool one = e->kind == KN_AUDIT_VIEW && is_of_profile(ctx);
    bool often = (e->kind == KN_AUDIT_VIEW && !(person && one)) ||
                 (!person && is_operation(ctx->route, "importLines"));
    const char *profile = ctx->seen[0]                                ? ctx->seen
                          : one && e->subject.len == KN_AUDIT_ID_TEXT ? e->subject.p
                                                                      : NULL;
    if (often && kn_audit_count(audit, e, profile)) {
        return true;
    }
    if (one) {
        e->action = KN_STR("getProfile");
        if (person && kn_audit_is_repeated(audit, e)) {
            return true;
        }
    }
    return kn_audit_append(audit, e, NULL) == KN_OK;
}

void kn_api_audit(struct kn_ctx *ctx)
{
    enum kn_audit_kind kind;
    int status = ctx->response->status;
    bool refused_entry = ctx->caller.id.len > 0 && is_operation(ctx->route, "signIn");
    if (!kind_of(ctx->route, &kind) || ctx->audited || (status >= 400 && !refused_entry) ||
        status == 429) {
        return;
    }
    if (kn_str_eq(kn_http_param(ctx->request, "dry_run"), KN_STR("true"))) {
        kind = KN_AUDIT_VIEW; /* it only shows what would come of it */
    }
    struct kn_audit_entry e = entry_of(ctx, kind);
    ctx->audited = true;
    if (!enter(ctx, kn_system_audit(ctx->api->env.system), &e) &&
        (kind == KN_AUDIT_VIEW || kind == KN_AUDIT_EXPORT)) {
        kn_api_fail(ctx, 503, "Not now",
                    "personal data is shown only when that can be recorded: is the disk full?");
    }
}

/* ---- reading ---- */

static bool read_kinds(struct kn_ctx *ctx, unsigned *ret)
{
    struct kn_str list = kn_http_param(ctx->request, "kind");
    *ret = 0;
    while (list.len > 0) {
        struct kn_str name = kn_str_split(&list, ',');
        unsigned before = *ret;
        for (unsigned i = 0; i < KN_AUDIT_KINDS; i++) {
            if (kn_str_eq(name, kn_str_c(kn_audit_kind_name((enum kn_audit_kind)i)))) {
                *ret |= 1U << i;
            }
        }
        if (*ret == before) {
            kn_api_fail_param(ctx, "kind", "kind is access, change, view or export");
            return false;
        }
    }
    return true;
}

struct found {
    struct kn_audit_entry *entries;
    size_t count;
    uint64_t next;
};

static bool find(struct kn_ctx *ctx, size_t most, struct found *ret)
{
    uint64_t before[2] = {0};
    bool given;
    size_t limit;
    struct kn_err err = {0};
    struct kn_audit_filter f = {.actor = kn_http_param(ctx->request, "actor"),
                                .action = kn_http_param(ctx->request, "action"),
                                .subject = kn_http_param(ctx->request, "subject"),
                                .workspace = ctx->params[0],
                                .installation = ctx->caller.workspace.len == 0,
                                .from_us = INT64_MIN,
                                .to_us = INT64_MAX};
    if (!read_kinds(ctx, &f.kinds) || !kn_api_time_param(ctx, "from", &f.from_us) ||
        !kn_api_time_param(ctx, "to", &f.to_us) ||
        !kn_api_limit(ctx, most == KN_API_LIMIT_MAX ? KN_API_LIMIT : most, most, &limit) ||
        !kn_api_read_cursor(ctx, before, &given)) {
        return false;
    }
    enum kn_rc rc =
        kn_audit_read(kn_system_audit(ctx->api->env.system), &f, before[0], limit,
                      ctx->request->arena, &ret->entries, &ret->count, &ret->next, &err);
    if (rc != KN_OK) {
        kn_api_fail_rc(ctx, rc, &err);
    }
    return rc == KN_OK;
}

static void put_entry(struct kn_buf *out, const struct kn_audit_entry *e)
{
    kn_json_out_comma(out);
    kn_buf_char(out, '{');
    kn_json_out_ki64(out, "number", (int64_t)e->seq);
    kn_json_out_ktime(out, "at", e->at_us);
    kn_json_out_kv(out, "kind", kn_str_c(kn_audit_kind_name(e->kind)));
    kn_json_out_kv(out, "action", e->action);
    kn_json_out_kv(out, "actor", e->actor);
    kn_json_out_kv(out, "name", e->name);
    kn_api_put_workspace(out, e->workspace);
    kn_json_out_kv(out, "subject", e->subject);
    kn_json_out_kv(out, "address", e->address);
    kn_json_out_kbool(out, "refused", e->refused);
    kn_json_out_ki64(out, "count", (int64_t)e->count);
    kn_json_out_kraw(out, "profiles", e->ids.len > 0 ? e->ids : KN_STR("[]"));
    kn_buf_char(out, '}');
}

void kn_get_audit(struct kn_ctx *ctx)
{
    struct found found;
    if (!find(ctx, KN_API_LIMIT_MAX, &found)) {
        return;
    }
    kn_api_json(ctx, 200);
    kn_buf_c(&ctx->response->body, "{\"data\":[");
    for (size_t i = 0; i < found.count; i++) {
        put_entry(&ctx->response->body, &found.entries[i]);
    }
    kn_buf_char(&ctx->response->body, ']');
    kn_api_put_next(ctx, found.next > 0, found.next, 0);
}

static void put_row(struct kn_buf *out, const struct kn_audit_entry *e)
{
    char at[KN_TIME_TEXT_MAX];
    char count[24];
    (void)snprintf(count, sizeof count, "%llu", (unsigned long long)e->count);
    const struct kn_str cells[] = {kn_time_format(e->at_us, at),
                                   kn_str_c(kn_audit_kind_name(e->kind)),
                                   e->action,
                                   e->actor,
                                   e->name,
                                   e->workspace,
                                   e->subject,
                                   e->address,
                                   e->refused ? KN_STR("refused") : KN_STR("done"),
                                   kn_str_c(count),
                                   e->ids};
    for (size_t i = 0; i < sizeof cells / sizeof cells[0]; i++) {
        kn_api_put_cell(out, cells[i], i == 0, false);
    }
    kn_buf_c(out, "\r\n");
}

void kn_get_audit_csv(struct kn_ctx *ctx)
{
    enum { ROWS = 10000 };
    struct found found;
    if (!find(ctx, ROWS, &found)) {
        return;
    }
    struct kn_buf *out = &ctx->response->body;
    kn_api_begin(ctx, 200, KN_STR("text/csv; charset=utf-8"));
    kn_http_set_header(ctx->response, "Content-Disposition", KN_STR("attachment"));
    if (!kn_http_has_param(ctx->request, "cursor")) {
        kn_buf_c(out,
                 "at,kind,action,actor,name,workspace,subject,address,outcome,count,profiles\r\n");
    }
    for (size_t i = 0; i < found.count; i++) {
        put_row(out, &found.entries[i]);
    }
    if (found.next > 0) {
        kn_http_set_header(ctx->response, "Kern-Next", kn_api_cursor(ctx, found.next, 0));
    }
}
