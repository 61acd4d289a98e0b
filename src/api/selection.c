/* Profiles that satisfy a query, page by page, and which members of each are shown. */
#include "api/api_internal.h"
#include "apply/audience.h"
#include "base/mem.h"

/* ---- fields ---- */

static bool is_field(struct kn_str name)
{
    static const char *const known[] = {
        "id",      "created_at",  "first_seen_at", "last_seen_at", "identifiers",
        "traits",  "computed",    "segments",      "consents",     "counters",
        "devices", "first_touch", "last_touch",    "merged_ids"};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (kn_str_eq(name, kn_str_c(known[i]))) {
            return true;
        }
    }
    return false;
}

bool kn_api_fields(struct kn_ctx *ctx, struct kn_str *ret)
{
    struct kn_str list = kn_http_param(ctx->request, "fields");
    *ret = list;
    if (kn_http_has_param(ctx->request, "fields") && list.len == 0) {
        kn_api_fail_param(ctx, "fields", "fields must name members of a profile");
        return false;
    }
    while (list.len > 0) {
        if (!is_field(kn_str_trim(kn_str_split(&list, ',')))) {
            kn_api_fail_param(ctx, "fields",
                              "fields must be members of a profile, with commas "
                              "between, such as traits,segments");
            return false;
        }
    }
    return true;
}

static bool is_listed(struct kn_str list, struct kn_str name)
{
    while (list.len > 0) {
        if (kn_str_eq(kn_str_trim(kn_str_split(&list, ',')), name)) {
            return true;
        }
    }
    return false;
}

/* The id is always shown. */
static void put_chosen(struct kn_buf *out, struct kn_str whole, struct kn_str fields)
{
    size_t offset = 0;
    struct kn_str key;
    struct kn_str raw;
    kn_buf_char(out, '{');
    while (kn_json_walk(whole, &offset, &key, &raw)) {
        if (kn_str_eq(key, KN_STR("id")) || is_listed(fields, key)) {
            kn_json_out_key_str(out, key);
            kn_buf_str(out, raw);
        }
    }
    kn_buf_char(out, '}');
}

void kn_api_put_profile(struct kn_buf *out, const struct kn_settings *settings,
                        const struct kn_profile *p, struct kn_str fields)
{
    struct kn_buf whole;
    if (fields.len == 0) {
        kn_render_profile(out, settings, p);
        return;
    }
    kn_buf_init(&whole, out->bytes_max);
    kn_render_profile(&whole, settings, p);
    if (whole.rc == KN_OK) {
        put_chosen(out, kn_buf_view(&whole), fields);
    } else {
        out->rc = whole.rc;
    }
    kn_buf_deinit(&whole);
}

/* ---- by a query ---- */

struct selection {
    struct kn_ctx *ctx;
    const struct kn_audience *audience;
    struct kn_str fields;
    bool newest_first;
    size_t limit;
    uint32_t *ordinals; /* [limit + 1] */
    size_t count;
};

/* The last ordinals below `end`, the highest first. */
static void pick_back(struct selection *s, uint32_t end)
{
    const struct kn_audience *a = s->audience;
    end = end < a->ordinal_end ? end : a->ordinal_end;
    for (uint32_t at = end; at > 0 && s->count <= s->limit; at--) {
        if (at % 64 == 0 && a->members[at / 64 - 1] == 0) {
            at -= 63; /* an empty word */
        } else if (kn_bit(a->members, at - 1)) {
            s->ordinals[s->count++] = at - 1;
        }
    }
}

/* A profile that became part of another one since the pin is left out: the other one is told of. */
static enum kn_rc put_one(struct selection *s, const struct kn_settings *settings, uint32_t ordinal)
{
    struct kn_profile **list;
    size_t count;
    uint32_t next;
    KN_TRY(kn_read_profiles(s->ctx->ws, ordinal - 1, KN_STR_EMPTY, 1, s->ctx->request->arena, &list,
                            &count, &next));
    if (count == 1 && list[0]->ordinal == ordinal) {
        kn_json_out_comma(&s->ctx->response->body);
        kn_api_put_profile(&s->ctx->response->body, settings, list[0], s->fields);
    }
    return KN_OK;
}

static void answer(struct selection *s)
{
    struct kn_ctx *ctx = s->ctx;
    struct kn_settings *settings = kn_workspace_settings(ctx->ws);
    size_t shown = s->count < s->limit ? s->count : s->limit;
    enum kn_rc rc = KN_OK;
    kn_api_json(ctx, 200);
    kn_buf_c(&ctx->response->body, "{\"data\":[");
    for (size_t i = 0; i < shown && rc == KN_OK; i++) {
        rc = put_one(s, settings, s->ordinals[i]);
    }
    kn_buf_char(&ctx->response->body, ']');
    bool more = s->count > s->limit;
    kn_api_put_next(ctx, more, more ? s->ordinals[shown - 1] : 0, 0);
    kn_settings_unref(settings);
    if (rc != KN_OK) {
        kn_api_fail_rc(ctx, rc, NULL);
    }
}

static bool read_sort(struct kn_ctx *ctx, bool *ret_newest_first)
{
    struct kn_str sort = kn_http_param(ctx->request, "sort");
    *ret_newest_first = kn_str_eq(sort, KN_STR("desc"));
    if (kn_http_has_param(ctx->request, "sort") && !*ret_newest_first &&
        !kn_str_eq(sort, KN_STR("asc"))) {
        kn_api_fail_param(ctx, "sort", "sort must be asc or desc");
        return false;
    }
    return true;
}

void kn_api_select_profiles(struct kn_ctx *ctx)
{
    struct selection s = {.ctx = ctx};
    struct kn_audience a;
    struct kn_str purpose;
    uint64_t last[2] = {0};
    bool given;
    if (!kn_api_fields(ctx, &s.fields) || !read_sort(ctx, &s.newest_first) ||
        !kn_api_purpose(ctx, &purpose) ||
        !kn_api_limit(ctx, KN_API_LIMIT, KN_API_LIMIT_MAX, &s.limit) ||
        !kn_api_read_cursor(ctx, last, &given) ||
        !kn_api_query_audience(ctx, kn_http_param(ctx->request, "query"), &a)) {
        return;
    }
    s.audience = &a;
    s.ordinals = kn_arena_zero(ctx->request->arena, s.limit + 1, sizeof *s.ordinals);
    if (!s.ordinals) {
        kn_api_fail_rc(ctx, KN_E_NOMEM, NULL);
    } else if (kn_api_restrict(ctx, &a, purpose)) {
        if (s.newest_first) {
            pick_back(&s, given ? (uint32_t)last[0] : UINT32_MAX);
        } else {
            s.count = kn_api_pick(&a, (uint32_t)last[0] + 1, s.limit + 1, s.ordinals);
        }
        answer(&s);
    }
    kn_audience_end(&a);
}
